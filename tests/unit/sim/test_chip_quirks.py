"""How the simulated chip plays each quirk, byte by byte, and what no option ever makes it do.

READING's tests prove that each is read to the end; these prove that the chip really does what the table says (I3: quirks).
"""

from __future__ import annotations

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_options import Buffers, ChipOptions, encode_atr_info, encode_dir
from egate.model.document import ElementaryFile
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.lds import parse_com
from egate.mrtd.files.security_infos import encode_oid, pace_oid, parse_card_access
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.quirks import Quirk
from egate.mrtd.secure_messaging import SecureMessaging
from tests.unit.mrtd.chip_reading import INFORMATION, carry, chip_key, entropy, passport_files, simulated_chip

KEY = chip_key(5)
SELECT_APPLICATION = bytes.fromhex("00a4040c07a0000002471001")
SELECT_MASTER_FILE = "00a4000c023f00"
DG2, DG3 = ElementaryFile.DG2, ElementaryFile.DG3
LONG_FACE = 40_000


def playing(*quirks: Quirk, portrait_bytes: int = 900, short_blocks: int = 0) -> SimulatedChip:
    options = ChipOptions(quirks=frozenset(quirks), short_blocks=short_blocks)
    return simulated_chip(passport_files(KEY, portrait_bytes=portrait_bytes), KEY, options)


def opened(chip: SimulatedChip) -> SecureMessaging:
    chip.transceive(SELECT_APPLICATION)
    return carry(basic_access(INFORMATION, entropy(2)), chip.transceive)


def ask(chip: SimulatedChip, session: SecureMessaging, command: CommandApdu) -> ResponseApdu:
    return session.unwrap(ResponseApdu.from_bytes(chip.transceive(session.wrap(command).to_bytes())))


def raw(chip: SimulatedChip, session: SecureMessaging, command: CommandApdu) -> bytes:
    """The answer as it comes, protected or not."""
    return chip.transceive(session.wrap(command).to_bytes())


def read_dg2(size: int, offset: int = 0) -> CommandApdu:
    return CommandApdu(0x00, 0xB0, 0x82, offset, le=size)


def at(offset: int, size: int, *, odd: bool = False) -> CommandApdu:
    if odd:
        return CommandApdu(0x00, 0xB1, 0x00, 0x00, encode_tlv(0x54, offset.to_bytes(2, "big")), size)
    return CommandApdu(0x00, 0xB0, offset >> 8, offset & 0xFF, le=size)


@pytest.mark.parametrize(("quirk", "most"), [(Quirk.LARGEST_READ_A0, 0xA0), (Quirk.LARGEST_READ_80, 0x80)])
def test_largest_read_under_protection(quirk: Quirk, most: int) -> None:
    chip = playing(quirk)
    session = opened(chip)
    assert ask(chip, session, read_dg2(most)).ok
    assert ask(chip, session, read_dg2(most + 1)).sw == 0x6700
    assert ask(chip, session, read_dg2(most)).ok


@pytest.mark.parametrize("further", [(), (Quirk.LARGEST_READ_A0,)])
def test_length_that_ends_the_session(further: tuple[Quirk, ...]) -> None:
    chip = playing(Quirk.LENGTH_ENDS_SESSION, *further)
    session = opened(chip)
    assert ask(chip, session, read_dg2(0xA0 if further else 0xC0)).ok
    assert raw(chip, session, read_dg2(0xA1 if further else 0xC1)).hex() == "6700"
    assert raw(chip, session, read_dg2(4)).hex() == "6988"


def test_full_length_is_refused_and_kills() -> None:
    chip = playing(Quirk.FULL_LENGTH_REFUSED)
    session = opened(chip)
    assert ask(chip, session, read_dg2(0xDF)).ok
    assert raw(chip, session, read_dg2(256)).hex() == "6b00"
    assert raw(chip, session, read_dg2(4)).hex() == "6988"


def test_exact_lengths() -> None:
    chip = playing(Quirk.EXACT_LENGTH)
    session = opened(chip)
    assert ask(chip, session, read_dg2(0xE8)).sw == 0x6CE7
    assert ask(chip, session, CommandApdu(0x00, 0xB0, 0x81, 0x00, le=0xE0)).sw == 0x6C00 | 93
    assert len(ask(chip, session, CommandApdu(0x00, 0xB0, 0x81, 0x00, le=93)).data) == 93


def test_naked_status_words() -> None:
    chip = playing(Quirk.NAKED_STATUS)
    session = opened(chip)
    assert raw(chip, session, CommandApdu(0x00, 0xB0, 0x8B, 0x00, le=4)).hex() == "6a82"
    assert raw(chip, session, read_dg2(4)).hex() == "6988"


@pytest.mark.parametrize(
    ("quirk", "sw"),
    [(Quirk.MASTER_FILE_6A86, "6a86"), (Quirk.MASTER_FILE_6A87, "6a87"), (Quirk.MASTER_FILE_6985, "6985")],
)
def test_master_file_is_refused_and_current_all_the_same(quirk: Quirk, sw: str) -> None:
    chip = playing(quirk)
    assert chip.transceive(bytes.fromhex(SELECT_MASTER_FILE)).hex() == sw
    assert chip.transceive(bytes.fromhex("00a4000c")).hex() == sw
    assert chip.transceive(bytes.fromhex("00b09c0004")).hex().endswith("9000")
    assert chip.transceive(SELECT_APPLICATION).hex() == "9000"


def _set_up(*objects: bytes, le: int | None = None) -> bytes:
    oid = encode_tlv(0x80, encode_oid(pace_oid(2, CipherSuite.AES128)))
    return CommandApdu(0x00, 0x22, 0xC1, 0xA4, oid + b"".join(objects), le).to_bytes()


def test_parameters_that_are_needed() -> None:
    chip = playing(Quirk.PARAMETERS_NEEDED)
    assert chip.transceive(_set_up(b"\x83\x01\x01")).hex() == "6a87"
    assert chip.transceive(_set_up(b"\x83\x01\x01", b"\x84\x01\x0d")).hex() == "9000"
    assert chip.transceive(bytes.fromhex("0022c1a40280ff")).hex() == "6a80"


def test_parameter_id_that_nobody_names() -> None:
    chip = playing(Quirk.NO_PARAMETER_ID)
    offered = parse_card_access(chip.transceive(bytes.fromhex("00b09c0000"))[:-2]).pace
    assert [info.parameter_id for info in offered] == [None]
    assert chip.transceive(_set_up(b"\x83\x01\x01")).hex() == "9000"


def test_no_length_in_select() -> None:
    chip = playing(Quirk.NO_LE_IN_SELECT)
    assert chip.transceive(SELECT_APPLICATION + b"\x00").hex() == "6700"
    assert chip.transceive(_set_up(b"\x83\x01\x01", le=256)).hex() == "6700"
    assert chip.transceive(SELECT_APPLICATION).hex() == "9000"


def test_pace_only() -> None:
    """A challenge is given, and the answer refused with 6A88, as chips of Germany do."""
    chip = playing(Quirk.PACE_ONLY)
    chip.transceive(SELECT_APPLICATION)
    assert len(chip.transceive(bytes.fromhex("0084000008"))) == 10
    assert chip.transceive(b"\x00\x82\x00\x00\x28" + bytes(40) + b"\x28").hex() == "6a88"


def test_wrong_com_names_what_is_not_there_and_hides_what_is() -> None:
    chip = playing(Quirk.WRONG_COM)
    data = ask(chip, opened(chip), CommandApdu(0x00, 0xB0, 0x9E, 0x00, le=100)).data
    assert parse_com(data).files == (ElementaryFile.DG1, DG2, DG3)


@pytest.mark.parametrize(
    ("quirk", "first_odd", "last_even"),
    [
        (Quirk.NO_OVERLAP_OF_READS, 0x8000, 0x8000),
        (Quirk.LITTLE_OVERLAP_OF_READS, 0x7F00, 0x8100),
    ],
)
def test_overlap_of_reads(quirk: Quirk, first_odd: int, last_even: int) -> None:
    chip = playing(quirk, portrait_bytes=LONG_FACE)
    session = opened(chip)
    assert ask(chip, session, read_dg2(4)).ok
    assert ask(chip, session, at(first_odd - 1, 10, odd=True)).sw == 0x6B00
    assert ask(chip, session, at(first_odd, 10, odd=True)).ok
    assert ask(chip, session, at(0x7FF0, 16)).ok
    beyond = ask(chip, session, at(0x7FFF, 200 if quirk is Quirk.NO_OVERLAP_OF_READS else 0xDF))
    assert len(beyond.data) == min(last_even - 0x7FFF, 0xDF)


def test_no_quirk_no_limit_of_overlap() -> None:
    chip = playing(portrait_bytes=LONG_FACE)
    session = opened(chip)
    assert ask(chip, session, read_dg2(4)).ok
    assert len(ask(chip, session, at(0x7FFF, 100)).data) == 100
    assert ask(chip, session, at(0, 10, odd=True)).ok


@pytest.mark.parametrize("chip", [playing(Quirk.SHORT_ANSWERS), playing(short_blocks=0x70)], ids=["quirk", "option"])
def test_short_answers(chip: SimulatedChip) -> None:
    response = ask(chip, opened(chip), read_dg2(0xDF))
    assert (len(response.data), response.sw) == (0x70, 0x9000)


# Lengths


def stating(command_bytes: int, response_bytes: int, *quirks: Quirk) -> SimulatedChip:
    files = passport_files(KEY, portrait_bytes=6000)
    files[ElementaryFile.ATR_INFO] = encode_atr_info(Buffers(command_bytes, response_bytes))
    return simulated_chip(files, KEY, ChipOptions(quirks=frozenset(quirks), strict_lengths=True))


def test_buffers_are_stated_and_kept() -> None:
    chip = stating(1024, 2000)
    assert chip.transceive(bytes.fromhex("00b0810000")).hex() == "47039401e07f660802020400020207d09000"
    session = opened(chip)
    block = ask(chip, session, read_dg2(1900))
    assert (len(block.data), block.ok) == (1900, True)
    wrapped = session.wrap(CommandApdu(0x00, 0xB0, 0x82, 0x00, le=1900)).to_bytes()
    longer = wrapped[:-2] + (2001).to_bytes(2, "big")
    assert chip.transceive(longer).hex() == "6700"
    assert raw(chip, session, read_dg2(4)).hex() == "6988"


def test_longer_command_than_stated_is_refused() -> None:
    chip = stating(300, 4096)
    assert chip.transceive(CommandApdu(0x00, 0xA4, 0x04, 0x0C, bytes(400)).to_bytes()).hex() == "6700"


def test_extended_length_that_is_stated_and_refused() -> None:
    chip = stating(4096, 4096, Quirk.EXTENDED_LENGTH_REFUSED)
    session = opened(chip)
    assert ask(chip, session, read_dg2(200)).ok
    assert raw(chip, session, read_dg2(257)).hex() == "6700"


def test_nothing_extended_where_nothing_is_stated() -> None:
    """Doc 9303-10 §3.6.4.2: only MSE:Set KAT and GENERAL AUTHENTICATE may be extended then."""
    chip = simulated_chip(passport_files(KEY), KEY, ChipOptions(strict_lengths=True))
    assert chip.transceive(bytes.fromhex("00b09c00000000")).hex() == "6700"
    general = CommandApdu(0x10, 0x86, 0x00, 0x00, encode_tlv(0x7C, encode_tlv(0x81, bytes(300))), 65_536)
    assert chip.transceive(general.to_bytes()).hex() == "6985"


@pytest.mark.parametrize("sizes", [(100, 4096), (4096, 100), (70_000, 4096), (4096, 70_000)])
def test_buffers_that_cannot_be(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="buffer"):
        Buffers(*sizes)


@pytest.mark.parametrize("content", [b"", b"\x7f\x66\x02\x02\x00", b"\x7f\x66\x04\x02\x02\x00\x10", b"\x7f"])
def test_atr_info_that_promises_nothing(content: bytes) -> None:
    chip = simulated_chip(passport_files(KEY) | {ElementaryFile.ATR_INFO: content}, KEY, ChipOptions(strict_lengths=True))
    assert chip.transceive(bytes.fromhex("00b09c00000000")).hex() == "6700"


def test_directory_names_the_application() -> None:
    files = passport_files(KEY) | {ElementaryFile.DIR: encode_dir(bytes.fromhex("a0000002471001"))}
    assert simulated_chip(files, KEY).transceive(bytes.fromhex("00b09e0000")).hex() == "61094f07a00000024710019000"


def test_capabilities_in_the_answer_to_select() -> None:
    assert playing().ats.hex() == "0a788771028073940180"
    assert playing(Quirk.NO_SHORT_IDENTIFIERS).ats.hex() == "0a788771028073900180"
    assert stating(1024, 2000).ats.hex() == "0a7887710280739401e0"


def test_chained_general_authenticate() -> None:
    """Data that go on in a further command (CLA 10) are one object for the chip (§3.6.5)."""
    chip = playing()
    assert chip.transceive(_set_up(b"\x83\x01\x01")).hex() == "9000"
    assert chip.transceive(bytes.fromhex("10860000027c0000")).hex().startswith("7c128010")
    data = encode_tlv(0x7C, encode_tlv(0x81, b"\x04" + bytes(64)))
    first = CommandApdu(0x10, 0x86, 0x00, 0x00, data[:20], 256).to_bytes()
    assert chip.transceive(first).hex() == "9000"
    assert chip.transceive(CommandApdu(0x10, 0x86, 0x00, 0x00, data[20:], 256).to_bytes()).hex() == "6a80"


def test_chaining_has_an_end() -> None:
    chip = playing()
    head = b"\x7c\x83\x01\x00\x00"
    answers = {chip.transceive(CommandApdu(0x10, 0x86, 0x00, 0x00, head + bytes(250), 256).to_bytes()).hex()}
    for _ in range(20):
        answers.add(chip.transceive(CommandApdu(0x10, 0x86, 0x00, 0x00, bytes(255), 256).to_bytes()).hex())
    assert answers == {"9000", "6700"}


# What no option changes


@pytest.mark.parametrize("quirk", list(Quirk))
def test_no_quirk_gives_protected_files_away(quirk: Quirk) -> None:
    """Whatever a terminal without keys asks for, nothing of the application comes, before, during and after a session."""
    files = passport_files(KEY) | {DG3: encode_tlv(0x63, b"\x5a" * 200)}
    chip = simulated_chip(files, KEY, ChipOptions(quirks=frozenset({quirk})))
    chip.transceive(SELECT_APPLICATION)
    assert _stolen(chip, files) == set()
    if quirk is not Quirk.PACE_ONLY:
        session = opened(chip)
        assert ask(chip, session, CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)).sw in {0x9000, 0x6A86}
        assert _stolen(chip, files) == set()
        assert ask(chip, opened(chip), CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x03")).ok


def _stolen(chip: SimulatedChip, files: dict[ElementaryFile, bytes]) -> set[str]:
    """The files of the application of which a plain command brings even four bytes."""
    found = set()
    for file, content in files.items():
        if not file.in_application:
            continue
        select = CommandApdu(0x00, 0xA4, 0x02, 0x0C, file.file_id.to_bytes(2, "big")).to_bytes()
        offset = CommandApdu(0x00, 0xB1, 0x00, 0x00, b"\x54\x01\x00", 20).to_bytes()
        short = bytes((0x00, 0xB0, 0x80 | file.short_id, 0x00, 0x08))
        answers = [chip.transceive(command) for command in (short, select, bytes.fromhex("00b0000008"), offset)]
        if any(content[:4] in answer or len(answer) > 2 for answer in answers):
            found.add(file.name)
    return found
