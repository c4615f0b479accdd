"""A chip that lies about lengths, answers for ever, loops or sends far too much ends within limits that have names."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.file_reading import MAX_FILE_BYTES, MAX_RECORDS_BYTES
from egate.mrtd.files.atr_info import AtrInfo, encode_atr_info
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.reading import ReadingStopped, ReadRequest, read_chip
from egate.mrtd.session import MAX_EXCHANGES, MAX_PORTIONS, MAX_RECEIVED_BYTES, ChipSession
from tests.unit.mrtd.chip_reading import INFORMATION, carry, entropy, passport_files, read, simulated_chip

DATA_GROUPS = tuple(file for file in ElementaryFile if file.name.startswith("DG") and file is not ElementaryFile.DG2)
OPEN = ReadRequest(INFORMATION, further_files=DATA_GROUPS, max_response_bytes=65_538)


def received(evidence: ChipEvidence) -> int:
    return sum(line.received_bytes for line in evidence.transcript)


def test_all_files_together_have_a_limit() -> None:
    """Sixteen files, each just below its own limit, are two megabytes: the reading ends after one."""
    large = encode_tlv(0x6D, bytes(MAX_FILE_BYTES - 5))
    files = passport_files(None, ()) | dict.fromkeys(DATA_GROUPS, large)
    files[ElementaryFile.ATR_INFO] = encode_atr_info(AtrInfo(True, 65_000, 65_000))
    evidence = read(simulated_chip(files, pace=False, bac=False).transceive, OPEN)
    assert MAX_RECEIVED_BYTES <= received(evidence) <= MAX_RECEIVED_BYTES + 65_538
    assert len(evidence.transcript) <= MAX_EXCHANGES


def test_a_stream_without_end_stops() -> None:
    """100 MB at 61xx: each answer says that more is waiting."""
    chip = simulated_chip(passport_files(None, ()), pace=False, bac=False)

    def transceive(raw: bytes) -> bytes:
        return bytes(256) + b"\x61\x00" if raw[1] in {0xB0, 0xC0} else chip.transceive(raw)

    evidence = read(transceive)
    assert received(evidence) <= MAX_RECEIVED_BYTES + 65_538
    assert ElementaryFile.DG2 not in evidence.files


def test_portions_of_one_response_have_a_limit() -> None:
    def asks() -> Generator[CommandApdu, ResponseApdu, int]:
        return len((yield CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)).data)

    session = ChipSession()
    assert carry(session.carried(asks()), lambda _: b"a\x61\x01") == MAX_PORTIONS + 1
    assert len(session.transcript) == MAX_PORTIONS + 1


def test_files_without_a_header_have_a_limit() -> None:
    """An EF.DIR that never ends."""
    files = passport_files(None) | {ElementaryFile.DIR: bytes(20_000)}
    evidence = read(simulated_chip(files).transceive, ReadRequest(INFORMATION, further_files=(ElementaryFile.DIR,)))
    assert len(evidence.files[ElementaryFile.DIR]) == MAX_RECORDS_BYTES
    assert ElementaryFile.DG2 in evidence.files


def test_a_chip_that_repeats_itself_ends() -> None:
    """It answers every command with the same bytes, whatever is asked."""
    evidence = read(lambda _: bytes.fromhex("7583020000") + bytes(200) + b"\x90\x00")
    assert len(evidence.transcript) <= MAX_EXCHANGES
    assert ElementaryFile.SOD not in evidence.files


@pytest.mark.parametrize("after", [0, 3, 7, 9, 15, 22])
def test_a_stopped_reading_returns_what_there_is(after: int) -> None:
    """Whoever carries the dialogue has had enough: evidence, not an error, and the keys are gone."""
    files = passport_files(None, portrait_bytes=5_000)
    chip = simulated_chip(files)
    dialogue = read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None)
    command = next(dialogue)
    for _ in range(after):
        command = dialogue.send(ResponseApdu.from_bytes(chip.transceive(command.to_bytes())))
    with pytest.raises(StopIteration) as stop:
        dialogue.throw(ReadingStopped("it took longer than 30 s"))
    evidence = stop.value.value
    assert evidence.outcome("reading").state is ProtocolState.BROKEN
    assert "30 s" in evidence.outcome("reading").detail
    assert all(evidence.files[file] == files[file] for file in evidence.files)
    assert ElementaryFile.DG2 not in evidence.files


def test_responses_in_portions_under_protection() -> None:
    """A chip that hands protected responses out in parts of 100 bytes: GET RESPONSE brings the rest (Finland, AndyQ #174)."""
    files = passport_files(None, portrait_bytes=3_000)
    chip = simulated_chip(files)
    waiting = b""

    def transceive(raw: bytes) -> bytes:
        nonlocal waiting
        whole = waiting if raw[1] == 0xC0 else chip.transceive(raw)
        if len(whole) <= 102:
            waiting = b""
            return whole
        waiting = whole[100:]
        return whole[:100] + bytes((0x61, min(255, len(waiting) - 2)))

    assert dict(carry(read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None), transceive).files) == files
