"""A passport that slips, or a session that breaks, is gone on with where it stopped; another document never is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.sim.passport.chip import SimulatedChip
from egate.model.document import ChipEvidence, ElementaryFile, MrzInformation, ProtocolState
from egate.model.errors import ChipLost
from egate.mrtd.apdu import ResponseApdu
from egate.mrtd.files.lds import encode_com
from egate.mrtd.reading import PartialReading, ReadRequest, read_chip
from tests.unit.mrtd.chip_reading import INFORMATION, carry, chip_key, entropy, passport_files, simulated_chip
from tests.unit.mrtd.listed_sod import listed_sod

KEY, CLONED_KEY = chip_key(5), chip_key(6)
COMPLETED, REFUSED, BROKEN = ProtocolState.COMPLETED, ProtocolState.REFUSED, ProtocolState.BROKEN
DG1, DG2, DG14, SOD, COM = (ElementaryFile[name] for name in ("DG1", "DG2", "DG14", "SOD", "COM"))


def files_of(portrait_bytes: int = 5_000, salt: bytes = b"") -> dict[ElementaryFile, bytes]:
    files = passport_files(KEY, portrait_bytes=portrait_bytes)
    files[COM] = encode_com([DG1, DG2, DG14])
    files[SOD] = listed_sod(files, salt)
    return files


FILES = files_of()


def slips(chip: SimulatedChip, partial: PartialReading, after: int, request: ReadRequest | None = None) -> None:
    """Read until the chip is lost after so many exchanges."""
    dialogue = read_chip(request or ReadRequest(INFORMATION), entropy(2), lambda _: None, partial)
    command = next(dialogue)
    for _ in range(after):
        command = dialogue.send(ResponseApdu.from_bytes(chip.transceive(command.to_bytes())))
    with pytest.raises(ChipLost):
        dialogue.throw(ChipLost("talk to the chip", "it left the field"))


def resumed(chip: SimulatedChip, partial: PartialReading, information: MrzInformation = INFORMATION) -> ChipEvidence:
    chip.reset()
    return carry(read_chip(ReadRequest(information), entropy(3), lambda _: None, partial), chip.transceive)


def whole_length(files: dict[ElementaryFile, bytes] = FILES) -> int:
    return len(resumed(simulated_chip(files, KEY), PartialReading()).transcript)


def test_a_slip_anywhere_is_gone_on_with() -> None:
    """Wherever it slips, the files are those of the issuer, chip authentication ran again, and little is read twice."""
    length = whole_length()
    for after in range(0, length, 2):
        chip, partial = simulated_chip(FILES, KEY), PartialReading()
        slips(chip, partial, after)
        evidence = resumed(chip, partial)
        assert dict(evidence.files) == FILES
        assert evidence.outcome("chip_authentication").state is COMPLETED
        assert evidence.outcome("resumption").state in {COMPLETED, ProtocolState.NOT_RUN}
    assert len(evidence.transcript) < length - 12  # the last slip was at the end of DG2


def test_bytes_of_the_file_under_way_are_kept() -> None:
    chip, partial = simulated_chip(FILES, KEY), PartialReading()
    slips(chip, partial, whole_length() - 5)
    assert partial.begun is not None
    assert partial.begun.file is DG2
    assert len(partial.begun.data) > 3_000
    evidence = resumed(chip, partial)
    offsets = [line.p1 << 8 | line.p2 for line in evidence.transcript if line.ins == 0xB0 and line.p1 < 0x80]
    assert [offset for offset in offsets if offset > 0x100]
    assert not [offset for offset in offsets if 0x100 < offset < 3_000]
    assert "kept" in evidence.outcome("resumption").detail


def test_a_slip_while_resuming_loses_nothing() -> None:
    chip, partial = simulated_chip(FILES, KEY), PartialReading()
    slips(chip, partial, whole_length() - 5)
    for after in (0, 2, 6, 9):
        chip.reset()
        slips(chip, partial, after)
    assert set(partial.files) == {DG1, SOD, COM, DG14}
    evidence = resumed(chip, partial)
    assert evidence.outcome("resumption").state is COMPLETED
    assert dict(evidence.files) == FILES


def test_files_are_told_again_in_each_reading() -> None:
    """Whoever works ahead gets the files that were kept, EF.SOD first."""
    chip, partial = simulated_chip(FILES, KEY), PartialReading()
    slips(chip, partial, whole_length() - 5)
    chip.reset()
    seen: list[ElementaryFile] = []
    request = ReadRequest(INFORMATION, on_file=lambda file, _: seen.append(file))
    carry(read_chip(request, entropy(3), lambda _: None, partial), chip.transceive)
    told = [file for file in seen if file.in_application]
    assert (told[0], set(told)) == (SOD, {SOD, DG1, COM, DG14, DG2})


def test_no_reading_without_a_slip_keeps_anything_of_another() -> None:
    """A second document with other keys to its chip: nothing of the first is there any more."""
    partial = PartialReading()
    slips(simulated_chip(FILES, KEY), partial, whole_length() - 5)
    other = MrzInformation("X00000000", "740812", "330415")
    evidence = resumed(simulated_chip(FILES, KEY), partial, other)  # its MRZ opens nothing here
    assert set(evidence.files) == {ElementaryFile.CARD_ACCESS}
    assert not partial.files
    assert partial.begun is None
    assert partial.information == other


def test_another_security_object_drops_everything() -> None:
    """The same MRZ, another chip: what the first gave is dropped before a file of the second is kept."""
    partial = PartialReading()
    slips(simulated_chip(FILES, KEY), partial, whole_length() - 5)
    second = files_of(2_000, b"another")
    evidence = resumed(simulated_chip(second, KEY), partial)
    assert dict(evidence.files) == second
    assert evidence.outcome("resumption").state is REFUSED
    assert set(partial.files) == set(second) - {ElementaryFile.CARD_ACCESS}


def test_a_swapped_face_does_not_pass_as_resumed() -> None:
    """Two chips with the same EF.SOD and another DG2: what came together is read again whole, and is what the second holds."""
    partial = PartialReading()
    slips(simulated_chip(FILES, KEY), partial, whole_length() - 5)
    swapped = dict(FILES)
    swapped[DG2] = FILES[DG2][:40] + bytes(len(FILES[DG2]) - 40)
    evidence = resumed(simulated_chip(swapped, KEY), partial)
    assert evidence.outcome("resumption").state is COMPLETED
    assert evidence.files[DG2] == swapped[DG2]
    assert evidence.files[DG2] != FILES[DG2]


def test_a_face_with_another_begin_is_read_from_its_start() -> None:
    partial = PartialReading()
    slips(simulated_chip(FILES, KEY), partial, whole_length() - 5)
    swapped = FILES | {DG2: passport_files(KEY, portrait_bytes=3_000)[DG2]}
    assert resumed(simulated_chip(swapped, KEY), partial).files[DG2] == swapped[DG2]


def test_a_clone_that_takes_over_is_caught() -> None:
    """The genuine chip proves itself, slips, and a copy of its files goes on: it must prove itself again, and cannot."""
    partial = PartialReading()
    slips(simulated_chip(FILES, KEY), partial, whole_length() - 5)
    evidence = resumed(simulated_chip(FILES, CLONED_KEY), partial)
    assert evidence.outcome("resumption").state is COMPLETED
    assert evidence.outcome("chip_authentication").state is BROKEN
    assert evidence.outcome("active_authentication").state is not COMPLETED


def test_nothing_personal_in_the_repr() -> None:
    chip, partial = simulated_chip(FILES, KEY), PartialReading()
    slips(chip, partial, whole_length() - 5)
    assert "ERIKSSON" not in repr(partial)
    assert INFORMATION.document_number not in repr(partial)


# Sessions that break


def broken_at(number: int, answer: Callable[[bytes], bytes]) -> tuple[ChipEvidence, SimulatedChip]:
    """One exchange is answered in another way, unseen by the chip's own counter of it."""
    chip = simulated_chip(FILES, KEY)
    counter = iter(range(1_000))

    def transceive(raw: bytes) -> bytes:
        response = chip.transceive(raw)
        return answer(response) if next(counter) == number else response

    return carry(read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None), transceive), chip


def test_a_broken_session_goes_on_in_the_file_where_it_stopped() -> None:
    """Half of the face is there when the session breaks: one more access, no byte of the face twice."""
    length = whole_length()
    evidence, _ = broken_at(length - 10, lambda _: b"\x69\x88")
    assert dict(evidence.files) == FILES
    assert evidence.outcome("secure_messaging").state is BROKEN
    offsets = [(line.p1, line.p2) for line in evidence.transcript if line.ins == 0xB0 and 0 < line.p1 < 0x80]
    assert len(offsets) - len(set(offsets)) == 1  # only the block that was lost
    assert len(evidence.transcript) <= length + 9


@pytest.mark.parametrize("number", [8, 10, 20, 30])
def test_a_replayed_response_is_not_believed(number: int) -> None:
    """An answer recorded a moment ago in the place of the right one: its counter is another."""
    chip, answers = simulated_chip(FILES, KEY), list[bytes]()

    def transceive(raw: bytes) -> bytes:
        answers.append(chip.transceive(raw))
        return answers[number - 1] if len(answers) == number + 1 else answers[-1]

    evidence = carry(read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None), transceive)
    assert dict(evidence.files) == FILES
    assert evidence.outcome("secure_messaging").state is BROKEN
