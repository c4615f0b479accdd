"""Reading against chips that lie, break off or leave."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from drivers.sim.passport.chip import SimulatedChip
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.model.errors import ChipLost, DeviceError
from egate.mrtd.apdu import ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.file_reading import MAX_FILE_BYTES
from egate.mrtd.files.security_infos import PaceInfo, pace_oid
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.reading import ReadRequest, read_chip
from egate.mrtd.session import MAX_EXCHANGES
from tests.unit.mrtd.chip_reading import (
    INFORMATION,
    Transceive,
    chip_key,
    entropy,
    passport_files,
    portrait,
    read,
    simulated_chip,
)

KEY = chip_key(5)
CLONED_KEY = chip_key(6)
COMPLETED, REFUSED, BROKEN = ProtocolState.COMPLETED, ProtocolState.REFUSED, ProtocolState.BROKEN
NOT_OFFERED, NOT_RUN = ProtocolState.NOT_OFFERED, ProtocolState.NOT_RUN


def states(evidence: ChipEvidence) -> dict[str, ProtocolState]:
    """The first state of each protocol."""
    names = ("pace", "bac", "chip_authentication", "active_authentication")
    return {name: evidence.outcome(name).state for name in names}


def all_read(evidence: ChipEvidence, chip_files: dict[ElementaryFile, bytes]) -> bool:
    """Whether every file of the passport arrived as the issuer wrote it."""
    return dict(evidence.files) == chip_files


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (bytes.fromhex("7583ffffff") + bytes(50), BROKEN),
        (encode_tlv(0x75, bytes(MAX_FILE_BYTES)), BROKEN),
        (bytes.fromhex("7582100000"), None),
        (bytes.fromhex("7580"), BROKEN),
        (b"\x75", None),
        (b"\x1f\x81", None),
        (b"", BROKEN),
    ],
    ids=["16 MB", "over the limit", "more than there is", "indefinite", "a tag only", "half a tag", "empty"],
)
def test_files_that_lie_about_their_length(content: bytes, state: ProtocolState | None) -> None:
    files = passport_files(None) | {ElementaryFile.SOD: content}
    evidence = read(simulated_chip(files).transceive)
    outcome = evidence.outcome("file")
    assert outcome.variant == "SOD"
    assert outcome.state in ({BROKEN, REFUSED} if state is None else {state})
    assert ElementaryFile.SOD not in evidence.files
    assert ElementaryFile.DG2 in evidence.files


def _from_number(chip: SimulatedChip, number: int, change: Callable[[bytes], bytes], count: int = 1) -> Transceive:
    """A chip whose `count` responses from the given one on are changed."""
    counter = iter(range(1_000_000))

    def transceive(raw: bytes) -> bytes:
        response = chip.transceive(raw)
        return change(response) if number <= next(counter) < number + count else response

    return transceive


FAST_KEY = chip_key(5, ec.SECP256R1())
FAST_FILES = passport_files(FAST_KEY, (PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 12),), portrait_bytes=400)
"""On a curve that OpenSSL computes quickly, for tests that read many times."""


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "naked 9000": lambda _: b"\x90\x00",
    "naked 6982": lambda _: b"\x69\x82",
    "naked 6700": lambda _: b"\x67\x00",
    "one bit": lambda response: response[:-3] + bytes((response[-3] ^ 1,)) + response[-2:] if len(response) > 2 else response,
    "cut": lambda response: response[:1],
    "nothing": lambda _: b"",
    "garbage": lambda _: b"\x87\xff" * 40,
    "endless 61xx": lambda _: b"\x61\x10",
    "endless 6Cxx": lambda _: b"\x6c\x10",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_one_bad_response_anywhere(change: Callable[[bytes], bytes]) -> None:
    """Wherever the chip errs once, the dialogue returns evidence, and what it holds is what the issuer wrote."""
    length = len(read(simulated_chip(FAST_FILES, FAST_KEY).transceive).transcript)
    for number in range(length):
        evidence = read(_from_number(simulated_chip(FAST_FILES, FAST_KEY), number, change))
        for file, content in evidence.files.items():
            assert content == FAST_FILES[file] or file is ElementaryFile.CARD_ACCESS
        assert evidence.protocols


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_bad_responses_from_somewhere_on(change: Callable[[bytes], bytes]) -> None:
    """A chip that errs from some point on never keeps us: the dialogue ends and returns what it had."""
    for number in (0, 3, 7, 9, 12, 15, 17):
        evidence = read(_from_number(simulated_chip(FAST_FILES, FAST_KEY), number, change, 1_000_000))
        protected = (file for file in evidence.files if file is not ElementaryFile.CARD_ACCESS)
        assert all(evidence.files[file] == FAST_FILES[file] for file in protected)
        assert len(evidence.transcript) <= MAX_EXCHANGES
        assert set(evidence.files) != set(FAST_FILES) or change is CHANGES["one bit"]


def test_a_naked_file_inside_the_session_is_not_believed() -> None:
    """The session breaks and is opened again; the forged plain file must not be in the evidence."""
    forged = encode_tlv(0x61, b"forged") + b"\x90\x00"
    files = passport_files(None)
    number = next(index for index in range(30) if _is_dg1(files, index))
    evidence = read(_from_number(simulated_chip(files), number, lambda _: forged))
    assert evidence.outcome("secure_messaging").state in {BROKEN, REFUSED}
    assert evidence.files[ElementaryFile.DG1] == files[ElementaryFile.DG1]


def _is_dg1(files: dict[ElementaryFile, bytes], number: int) -> bool:
    line = read(simulated_chip(files).transceive).transcript[number]
    return (line.ins, line.p1) == (0xB0, 0x81)


# Losses


@pytest.mark.parametrize("error", [ChipLost("reading", "gone"), DeviceError("reading", "no link")], ids=["chip", "device"])
def test_losses_pass_through(error: Exception) -> None:
    """Wherever the document or the device leaves, the error arrives unchanged at the caller (early pull)."""
    length = len(read(simulated_chip(FAST_FILES, FAST_KEY).transceive).transcript)
    for number in range(length):
        chip = simulated_chip(FAST_FILES, FAST_KEY)
        dialogue = read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None)
        command = next(dialogue)
        for _ in range(number):
            command = dialogue.send(ResponseApdu.from_bytes(chip.transceive(command.to_bytes())))
        with pytest.raises(type(error)) as caught:
            dialogue.throw(error)
        assert caught.value is error


def test_losses_during_recovery_pass_through() -> None:
    """Also while a broken session is being opened again, and in the proof of new keys."""
    files = passport_files(KEY, portrait_bytes=400)
    length = len(read(simulated_chip(files, CLONED_KEY).transceive).transcript)
    for number in range(length):
        chip = simulated_chip(files, CLONED_KEY)
        dialogue = read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None)
        command = next(dialogue)
        for _ in range(number):
            command = dialogue.send(ResponseApdu.from_bytes(chip.transceive(command.to_bytes())))
        with pytest.raises(ChipLost):
            dialogue.throw(ChipLost("reading", "gone"))


def test_closing_the_dialogue_drops_the_keys() -> None:
    """A lane that stops reading closes the generator; it must end at once."""
    chip = simulated_chip(passport_files(KEY), KEY)
    dialogue = read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None)
    command = next(dialogue)
    for _ in range(12):
        command = dialogue.send(ResponseApdu.from_bytes(chip.transceive(command.to_bytes())))
    secure = inspect.getgeneratorlocals(dialogue)["gathering"].session.secure
    assert secure.alive
    dialogue.close()
    assert not secure.alive
    with pytest.raises(StopIteration):
        next(dialogue)


def test_no_secret_in_the_request() -> None:
    shown = repr(ReadRequest(INFORMATION, "123456"))
    assert "123456" not in shown
    assert INFORMATION.document_number not in shown


def test_two_readings_have_nothing_in_common() -> None:
    """Fresh entropy each time: no command that carries a secret repeats."""
    chip = simulated_chip(passport_files(KEY), KEY)
    sent: list[set[bytes]] = []
    for seed in (1, 2):
        chip.reset()
        commands: set[bytes] = set()
        dialogue = read_chip(ReadRequest(INFORMATION), entropy(seed), lambda _: None)
        command = next(dialogue)
        try:
            while True:
                commands.add(command.to_bytes())
                command = dialogue.send(ResponseApdu.from_bytes(chip.transceive(command.to_bytes())))
        except StopIteration:
            sent.append({raw for raw in commands if len(raw) > 24})
    assert sent[0]
    assert not sent[0] & sent[1]


def test_portrait_is_not_decoded() -> None:
    """Reading gathers; an image that is none arrives as it is."""
    files = passport_files(None) | {ElementaryFile.DG2: encode_tlv(0x75, portrait(300))}
    assert all_read(read(simulated_chip(files).transceive), files)
