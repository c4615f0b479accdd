"""The whole dialogue against simulated chips: honest ones and odd ones of the field."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_options import ChipOptions
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState, ReadingProgress
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.file_reading import in_object
from egate.mrtd.files.atr_info import AtrInfo, encode_atr_info
from egate.mrtd.files.security_infos import PaceInfo, pace_oid
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.quirks import Quirk
from egate.mrtd.reading import ReadRequest
from egate.mrtd.session import MAX_EXCHANGES
from tests.unit.mrtd.chip_reading import (
    INFORMATION,
    PACE_AES128,
    WRONG_INFORMATION,
    Transceive,
    chip_key,
    passport_files,
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


# Honest chips


@pytest.mark.parametrize("suite", list(CipherSuite))
@pytest.mark.parametrize("pace_suite", list(CipherSuite))
def test_pace_and_chip_authentication(pace_suite: CipherSuite, suite: CipherSuite) -> None:
    files = passport_files(KEY, (PaceInfo(pace_oid(2, pace_suite), 2, 13),), suite)
    evidence = read(simulated_chip(files, KEY).transceive)
    assert all_read(evidence, files)
    assert states(evidence) == {
        "pace": COMPLETED,
        "bac": NOT_RUN,
        "chip_authentication": COMPLETED,
        "active_authentication": NOT_OFFERED,
    }
    assert evidence.outcome("pace").variant == f"ecdh-gm-{pace_suite.word}-brainpoolP256r1"
    assert evidence.outcome("chip_authentication").variant == f"ecdh-{suite.word}-brainpoolP256r1"


@pytest.mark.parametrize(("number", "name"), [(0, "modp1024_160"), (1, "modp2048_224"), (2, "modp2048_256")])
def test_pace_in_a_group(number: int, name: str) -> None:
    """Public keys of the larger groups fit only extended commands and responses."""
    files = passport_files(None, (PaceInfo(pace_oid(1, CipherSuite.AES128), 2, number),))
    chip = simulated_chip(files)

    def transceive(raw: bytes) -> bytes:
        response = chip.transceive(raw)
        assert len(response) - 2 <= (CommandApdu.from_bytes(raw).le or 0)
        return response

    evidence = read(transceive)
    assert all_read(evidence, files)
    assert evidence.outcome("pace").variant == f"dh-gm-aes-128-{name}"


@pytest.mark.parametrize("suite", [CipherSuite.DES3, CipherSuite.AES128])
def test_bac_and_chip_authentication(suite: CipherSuite) -> None:
    files = passport_files(KEY, (), suite)
    evidence = read(simulated_chip(files, KEY, pace=False).transceive)
    assert all_read(evidence, files)
    assert states(evidence)["bac"] is COMPLETED
    assert states(evidence)["pace"] is NOT_OFFERED
    assert states(evidence)["chip_authentication"] is COMPLETED


def test_bac_without_further_protocols() -> None:
    files = passport_files(None, ())
    evidence = read(simulated_chip(files, pace=False).transceive)
    assert all_read(evidence, files)
    assert states(evidence)["chip_authentication"] is NOT_OFFERED


def test_bac_first_when_asked() -> None:
    files = passport_files(KEY)
    evidence = read(simulated_chip(files, KEY).transceive, ReadRequest(INFORMATION, pace_before_bac=False))
    assert states(evidence)["bac"] is COMPLETED
    assert states(evidence)["pace"] is NOT_RUN
    assert ElementaryFile.DG2 in evidence.files


def test_bac_first_falls_back_to_pace() -> None:
    """A PACE-only document read by a lane that prefers BAC: both outcomes show."""
    files = passport_files(KEY)
    evidence = read(simulated_chip(files, KEY, bac=False).transceive, ReadRequest(INFORMATION, pace_before_bac=False))
    assert all_read(evidence, files)
    assert states(evidence)["bac"] is REFUSED
    assert states(evidence)["pace"] is COMPLETED


def test_pace_falls_back_to_bac_and_says_so() -> None:
    """EF.CardAccess promises PACE, the chip refuses it: BAC follows, and the refusal stays in the evidence."""
    files = passport_files(KEY)
    evidence = read(simulated_chip(files, KEY, pace=False).transceive)
    assert all_read(evidence, files)
    assert states(evidence)["pace"] is REFUSED
    assert evidence.outcome("pace").sw == 0x6A80
    assert states(evidence)["bac"] is COMPLETED


def test_pace_by_card_access_number() -> None:
    chip = simulated_chip(passport_files(KEY), KEY, ChipOptions(card_access_number="123456"))
    evidence = read(chip.transceive, ReadRequest(WRONG_INFORMATION, "123456"))
    assert states(evidence)["pace"] is COMPLETED


def test_a_chip_without_access_control() -> None:
    files = passport_files(None, ())
    evidence = read(simulated_chip(files, pace=False, bac=False).transceive)
    assert all_read(evidence, files)
    assert states(evidence)["bac"] is NOT_OFFERED
    reversed_order = read(
        simulated_chip(files, pace=False, bac=False).transceive, ReadRequest(INFORMATION, pace_before_bac=False)
    )
    assert all_read(reversed_order, files)


def test_a_chip_that_refuses_pace_is_not_read_without_protection() -> None:
    """It promises PACE, refuses it, knows no BAC, and would show its files to anybody: nobody may be led past the protocols."""
    files = passport_files(None)
    for pace_before_bac in (True, False):
        evidence = read(
            simulated_chip(files, pace=False, bac=False).transceive, ReadRequest(INFORMATION, pace_before_bac=pace_before_bac)
        )
        assert states(evidence)["pace"] is REFUSED
        assert states(evidence)["bac"] is NOT_OFFERED
        assert set(evidence.files) == {ElementaryFile.CARD_ACCESS}


def test_unusable_pace_variants_are_not_offered() -> None:
    """The integrated mapping does not exist on secp224r1 (Doc 9303-11 §9.5.1)."""
    files = passport_files(None, (PaceInfo(pace_oid(4, CipherSuite.AES128), 2, 10),))
    evidence = read(simulated_chip(files).transceive)
    assert states(evidence)["pace"] is NOT_OFFERED
    assert states(evidence)["bac"] is COMPLETED


def test_malformed_card_access() -> None:
    files = passport_files(None) | {ElementaryFile.CARD_ACCESS: encode_tlv(0x31, encode_tlv(0x02, b"\x01"))}
    evidence = read(simulated_chip(files).transceive)
    assert states(evidence)["pace"] is BROKEN
    assert states(evidence)["bac"] is COMPLETED


def test_wrong_mrz_reads_nothing() -> None:
    evidence = read(simulated_chip(passport_files(KEY), KEY).transceive, ReadRequest(WRONG_INFORMATION))
    assert states(evidence)["pace"] is REFUSED
    assert states(evidence)["bac"] is REFUSED
    assert evidence.outcome("bac").sw == 0x6300
    assert set(evidence.files) == {ElementaryFile.CARD_ACCESS}


def test_further_files_come_before_the_face() -> None:
    files = passport_files(None) | {ElementaryFile.DG11: encode_tlv(0x6B, encode_tlv(0x5F0E, b"ERIKSSON<<ANNA"))}
    seen: list[ElementaryFile] = []
    request = ReadRequest(INFORMATION, further_files=(ElementaryFile.DG11, ElementaryFile.DG12, ElementaryFile.DG3))
    evidence = read(simulated_chip(files).transceive, request, lambda progress: seen.append(progress.file))
    assert all_read(evidence, files)
    assert seen.index(ElementaryFile.DG11) < seen.index(ElementaryFile.DG2)


def test_files_that_stay_closed_are_noted() -> None:
    files = passport_files(None) | {ElementaryFile.DG3: encode_tlv(0x63, bytes(20))}
    evidence = read(simulated_chip(files).transceive, ReadRequest(INFORMATION, further_files=(ElementaryFile.DG3,)))
    outcome = evidence.outcome("file")
    assert (outcome.state, outcome.variant, outcome.sw) == (REFUSED, "DG3", 0x6982)
    assert ElementaryFile.DG2 in evidence.files


def test_progress_counts_up_to_the_whole() -> None:
    progress: list[ReadingProgress] = []
    files = passport_files(None, portrait_bytes=5000)
    read(simulated_chip(files).transceive, None, progress.append)
    of_face = [step for step in progress if step.file is ElementaryFile.DG2]
    assert [step.done_bytes for step in of_face] == sorted({step.done_bytes for step in of_face})
    assert {step.total_bytes for step in of_face} == {len(files[ElementaryFile.DG2])}
    assert of_face[-1].done_bytes == of_face[-1].total_bytes


def test_transcript_without_data() -> None:
    evidence = read(simulated_chip(passport_files(KEY), KEY).transceive)
    assert evidence.transcript[0].ins == 0xB0
    assert all(line.sent_bytes <= 255 + 6 and line.received_bytes <= 258 for line in evidence.transcript)
    assert "ERIKSSON" not in repr(evidence)


# Sizes and economy


def test_a_15_kb_face_in_few_short_commands() -> None:
    """PACE, chip authentication and a DG2 of 15 KB in at most 92 short APDUs, none answered by more than 256 bytes."""
    files = passport_files(KEY)
    files[ElementaryFile.DG2] = encode_tlv(0x75, bytes(15_079))
    files[ElementaryFile.SOD] = encode_tlv(0x77, bytes(1_778))
    longest = 0
    chip = simulated_chip(files, KEY)

    def transceive(command: bytes) -> bytes:
        nonlocal longest
        response = chip.transceive(command)
        longest = max(longest, len(response))
        return response

    evidence = read(transceive)
    assert all_read(evidence, files)
    assert len(files[ElementaryFile.DG2]) == 15_083
    assert len(evidence.transcript) <= 92
    assert longest <= 256


def test_extended_lengths() -> None:
    files = passport_files(KEY, portrait_bytes=15_000)
    files[ElementaryFile.ATR_INFO] = encode_atr_info(AtrInfo(True, 4096, 4096))
    evidence = read(simulated_chip(files, KEY).transceive, ReadRequest(INFORMATION, max_response_bytes=4096))
    assert all_read(evidence, files)
    assert len(evidence.transcript) <= 24


@pytest.mark.parametrize("response_bytes", [256, 4096])
def test_files_beyond_the_plain_offsets(response_bytes: int) -> None:
    """Files of more than 32,767 bytes need READ BINARY with its odd instruction."""
    files = passport_files(None, portrait_bytes=40_000)
    evidence = read(simulated_chip(files).transceive, ReadRequest(INFORMATION, max_response_bytes=response_bytes))
    assert all_read(evidence, files)
    assert any(line.ins == 0xB1 for line in evidence.transcript)


@pytest.mark.parametrize("plain", [1, 2, 100, 127, 128, 129, 223, 256, 257, 4000])
def test_blocks_in_an_object_fit(plain: int) -> None:
    assert len(encode_tlv(0x53, bytes(in_object(plain)))) <= max(plain, 3)


# Chips of the field


_ENDS = Quirk.LENGTH_ENDS_SESSION
QUIRKS = {
    "naked 6700 above 0xC0": ChipOptions(quirks=frozenset({_ENDS})),
    "naked 6700 above 0x80": ChipOptions(quirks=frozenset({_ENDS, Quirk.LARGEST_READ_80})),
    "naked 6700 above 0x60": ChipOptions(quirks=frozenset({_ENDS}), largest_read=0x60),
    "6Cxx instead of fewer bytes": ChipOptions(quirks=frozenset({Quirk.EXACT_LENGTH})),
    "naked errors": ChipOptions(quirks=frozenset({Quirk.NAKED_STATUS})),
    "naked errors and 6700": ChipOptions(quirks=frozenset({Quirk.NAKED_STATUS}), largest_read=0x60),
    "no short identifiers": ChipOptions(quirks=frozenset({Quirk.NO_SHORT_IDENTIFIERS})),
}


@pytest.mark.parametrize("options", QUIRKS.values(), ids=QUIRKS.keys())
@pytest.mark.parametrize("by_pace", [True, False])
def test_quirks(options: ChipOptions, by_pace: bool) -> None:
    files = passport_files(KEY, (PACE_AES128,) if by_pace else ())
    evidence = read(simulated_chip(files, KEY, options, pace=by_pace).transceive)
    assert all_read(evidence, files)
    assert states(evidence)["chip_authentication"] is COMPLETED


@pytest.mark.parametrize("by_pace", [True, False])
def test_naked_errors_without_chip_authentication(by_pace: bool) -> None:
    """Two absent files, each of which costs the session: the face is still read."""
    files = passport_files(None, (PACE_AES128,) if by_pace else ())
    evidence = read(simulated_chip(files, None, ChipOptions(quirks=frozenset({Quirk.NAKED_STATUS})), pace=by_pace).transceive)
    assert all_read(evidence, files)


def test_a_chip_that_never_takes_our_blocks() -> None:
    files = passport_files(KEY)
    options = ChipOptions(quirks=frozenset({Quirk.LENGTH_ENDS_SESSION}), largest_read=8)
    evidence = read(simulated_chip(files, KEY, options).transceive)
    assert ElementaryFile.DG2 not in evidence.files
    assert evidence.outcome("secure_messaging").state is BROKEN


def _answering(chip: SimulatedChip, wanted: Callable[[CommandApdu], bool], answer: ResponseApdu) -> Transceive:
    """A chip that answers some plain commands in its own way."""

    def transceive(raw: bytes) -> bytes:
        return answer.to_bytes() if wanted(CommandApdu.from_bytes(raw)) else chip.transceive(raw)

    return transceive


@pytest.mark.parametrize("sw", [0x6A86, 0x6A87, 0x6985, 0x6D00])
def test_master_file_that_cannot_be_selected(sw: int) -> None:
    files = passport_files(KEY)
    chip = simulated_chip(files, KEY)
    refuse = _answering(chip, lambda command: command.ins == 0xA4 and command.p1 == 0, ResponseApdu(b"", sw))
    assert all_read(read(refuse), files)


def test_card_access_only_after_selecting_the_master_file() -> None:
    files = passport_files(KEY)
    chip = simulated_chip(files, KEY)
    selected = False

    def transceive(raw: bytes) -> bytes:
        nonlocal selected
        selected = selected or raw[:4] == bytes.fromhex("00a4000c")
        return chip.transceive(raw) if selected else bytes.fromhex("6a82")

    evidence = read(transceive)
    assert all_read(evidence, files)
    assert states(evidence)["pace"] is COMPLETED


def test_pace_without_parameter_reference() -> None:
    """Chips that refuse DO'84' in MSE:Set AT are asked without it."""
    chip = simulated_chip(passport_files(None))
    first = _answering(chip, lambda command: command.ins == 0x22 and b"\x84\x01" in command.data, ResponseApdu(b"", 0x6A80))
    assert states(read(first))["pace"] is COMPLETED


@pytest.mark.parametrize("by_pace", [True, False])
@pytest.mark.parametrize("sw", [0x6A82, 0x6985])
def test_application_that_cannot_be_selected(by_pace: bool, sw: int) -> None:
    """Nothing can be read; the refusal is in the evidence."""
    chip = simulated_chip(passport_files(None, (PACE_AES128,) if by_pace else ()), pace=by_pace)
    original = chip._files.select

    def select(command: CommandApdu) -> ResponseApdu:
        return ResponseApdu(b"", sw) if command.p1 == 0x04 else original(command)

    chip._files.select = select  # type: ignore[method-assign]  # a chip without the application
    evidence = read(chip.transceive)
    outcome = evidence.outcome("application")
    assert (outcome.state, outcome.sw) == (REFUSED, sw)
    assert states(evidence)["pace"] is (COMPLETED if by_pace else NOT_OFFERED)
    assert set(evidence.files) <= {ElementaryFile.CARD_ACCESS}


def test_application_lost_while_a_session_is_opened_again() -> None:
    """The clone's session breaks and the chip no longer lets the application be selected."""
    chip = simulated_chip(passport_files(KEY), CLONED_KEY)
    original = chip._files.select
    selections = 0

    def select(command: CommandApdu) -> ResponseApdu:
        nonlocal selections
        selections += command.p1 == 0x04
        return ResponseApdu(b"", 0x6A82) if selections > 1 and command.p1 == 0x04 else original(command)

    chip._files.select = select  # type: ignore[method-assign]  # a chip that loses its application
    evidence = read(chip.transceive)
    assert states(evidence)["chip_authentication"] is BROKEN
    assert evidence.outcome("application").state is REFUSED
    assert ElementaryFile.DG2 not in evidence.files


def test_short_answers_that_ask_for_less() -> None:
    """6Cxx in the middle of a file: the block is asked again in the length that the chip names."""
    files = passport_files(None, (), portrait_bytes=700)
    chip = simulated_chip(files, pace=False, bac=False)

    def transceive(raw: bytes) -> bytes:
        command = CommandApdu.from_bytes(raw)
        return b"\x6c\x40" if command.ins == 0xB0 and (command.le or 0) > 0x40 else chip.transceive(raw)

    assert all_read(read(transceive), files)


def test_headers_in_several_blocks() -> None:
    """A first block of one or two bytes does not hold the header; it is completed."""
    files = passport_files(None, (), portrait_bytes=300)
    chip = simulated_chip(files, pace=False, bac=False)

    def transceive(raw: bytes) -> bytes:
        response = chip.transceive(raw)
        first = raw[1] == 0xB0 and raw[2] & 0x80 and len(response) > 3
        return response[:2] + response[-2:] if first else response

    assert all_read(read(transceive), files)


def test_more_exchanges_than_any_chip_needs() -> None:
    """One byte a response for a long file: the bound ends it."""
    files = passport_files(None, (), portrait_bytes=6000)
    chip = simulated_chip(files, pace=False, bac=False)

    def transceive(raw: bytes) -> bytes:
        response = chip.transceive(raw)
        most = 4 if raw[2] & 0x80 else 1
        return response[:most] + response[-2:] if len(response) > 2 + most else response

    evidence = read(transceive)
    assert len(evidence.transcript) == MAX_EXCHANGES
    assert ElementaryFile.DG2 not in evidence.files
    assert evidence.outcome("file").variant == "DG2"
