"""The simulated chip by itself: what a chip answers to commands out of order, without rights, or without form."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_messaging import CardMessaging
from drivers.sim.passport.chip_options import ChipOptions
from egate.model.document import ElementaryFile
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.security_infos import PaceInfo, chip_authentication_oid, encode_card_access, encode_oid, pace_oid
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import SessionKeys
from egate.mrtd.quirks import Quirk
from egate.mrtd.secure_messaging import SecureMessaging
from tests.unit.mrtd.chip_reading import INFORMATION, carry, chip_key, entropy, passport_files, simulated_chip

KEY = chip_key(5)
SELECT_APPLICATION = bytes.fromhex("00a4040c07a0000002471001")
READ_DG1 = bytes.fromhex("00b0810004")


def answer(chip: SimulatedChip, command: str | bytes) -> str:
    """The response to a command, in hexadecimal."""
    return chip.transceive(bytes.fromhex(command) if isinstance(command, str) else command).hex()


@pytest.fixture
def chip() -> SimulatedChip:
    return simulated_chip(passport_files(KEY), KEY)


def opened(chip: SimulatedChip) -> SecureMessaging:
    """A session with the chip by BAC."""
    chip.transceive(SELECT_APPLICATION)
    return carry(basic_access(INFORMATION, entropy(2)), chip.transceive)


def ask(chip: SimulatedChip, session: SecureMessaging, command: CommandApdu) -> ResponseApdu:
    """A command under secure messaging."""
    return session.unwrap(ResponseApdu.from_bytes(chip.transceive(session.wrap(command).to_bytes())))


def test_it_introduces_itself(chip: SimulatedChip) -> None:
    assert chip.ats.hex() == "0a788771028073940180"
    assert chip.ats[0] == len(chip.ats)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("00a4000c023f00", "9000"),
        ("00a4000c", "9000"),
        ("00a4040c07a0000002471001", "9000"),
        ("00a4040c07a0000002471002", "6a82"),
        ("00a4020c02011c", "9000"),
        ("00a4020c020101", "6a82"),
        ("00a4010c023f00", "6a86"),
        ("00a4020c0101", "6a86"),
        ("00b09c0004", "311430129000"),
        ("00b0810004", "6a82"),
        ("00b0000004", "6986"),
        ("00b0bc0004", "6a86"),
        ("00ca000000", "6d00"),
        ("00", "6700"),
        ("00a4020c09011c", "6700"),
        ("0084000008", "6985"),
        ("008200002800", "6700"),
        ("00860000027c0000", "6985"),
        ("0022c1a4020000", "6a80"),
        ("002281b6020000", "6a86"),
        ("002241a4020000", "6982"),
        ("0088000008000000000000000000", "6d00"),
        ("0cb0810004", "6988"),
        ("00c0000000", "6d00"),
    ],
)
def test_commands_before_access(chip: SimulatedChip, command: str, expected: str) -> None:
    assert answer(chip, command) == expected


def test_files_of_the_application_stay_closed(chip: SimulatedChip) -> None:
    assert answer(chip, SELECT_APPLICATION) == "9000"
    for file in ElementaryFile:
        if file in passport_files(KEY) and file.in_application:
            assert answer(chip, bytes((0x00, 0xB0, 0x80 | file.short_id, 0x00, 0x04))) == "6982"


def test_reading_to_the_end_of_a_file(chip: SimulatedChip) -> None:
    size = len(passport_files(KEY)[ElementaryFile.CARD_ACCESS])
    assert answer(chip, "00b09c0000")[-4:] == "9000"
    assert answer(chip, f"00b09c00{size:02x}")[-4:] == "9000"
    assert answer(chip, f"00b09c00{size + 1:02x}")[-4:] == "6282"
    assert answer(chip, f"00b000{size:02x}01") == "6282"
    assert answer(chip, f"00b000{size + 1:02x}01") == "6b00"
    assert answer(chip, "00b00000") == "6700"


def test_quirks_show() -> None:
    exact = simulated_chip(passport_files(KEY), KEY, ChipOptions(quirks=frozenset({Quirk.EXACT_LENGTH})))
    assert answer(exact, "00b09c00ff") == f"6c{len(passport_files(KEY)[ElementaryFile.CARD_ACCESS]):02x}"
    selecting = simulated_chip(passport_files(KEY), KEY, ChipOptions(quirks=frozenset({Quirk.NO_SHORT_IDENTIFIERS})))
    assert answer(selecting, "00b09c0004") == "6a86"


def test_odd_reading(chip: SimulatedChip) -> None:
    session = opened(chip)
    assert ask(chip, session, CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)).ok
    block = ask(chip, session, CommandApdu(0x00, 0xB1, 0x00, 0x00, b"\x54\x01\x02", 10))
    assert (block.data[:2].hex(), block.ok) == ("5308", True)
    assert ask(chip, session, CommandApdu(0x00, 0xB1, 0x00, 0x00, b"\x55\x01\x02", 10)).sw == 0x6A80
    assert ask(chip, session, CommandApdu(0x00, 0xB1, 0x00, 0x01, b"\x54\x01\x02", 10)).sw == 0x6A86
    assert ask(chip, session, CommandApdu(0x00, 0xB1, 0x00, 0x00, b"\x54\x02\x7f\xff", 10)).sw == 0x6B00


def test_closed_files_after_access() -> None:
    files = passport_files(KEY) | {ElementaryFile.DG3: encode_tlv(0x63, bytes(20))}
    chip = simulated_chip(files, KEY)
    assert ask(chip, opened(chip), CommandApdu(0x00, 0xB0, 0x83, 0x00, le=4)).sw == 0x6982


@pytest.mark.parametrize("intrusion", [READ_DG1, SELECT_APPLICATION, bytes.fromhex("0084000008")])
def test_a_plain_command_ends_the_session(chip: SimulatedChip, intrusion: bytes) -> None:
    session = opened(chip)
    chip.transceive(intrusion)
    assert answer(chip, READ_DG1) == "6982"
    assert chip.transceive(session.wrap(CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)).to_bytes()).hex() == "6988"


@pytest.mark.parametrize("spoil", ["code", "objects", "form"])
def test_a_wrong_protected_command_ends_the_session(chip: SimulatedChip, spoil: str) -> None:
    session = opened(chip)
    raw = session.wrap(CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)).to_bytes()
    wrong = {
        "code": raw[:-2] + bytes((raw[-2] ^ 1,)) + raw[-1:],
        "objects": bytes.fromhex("0cb0810003970104") + b"\x00",
        "form": bytes.fromhex("0cb081000297ff") + b"\x00",
    }[spoil]
    assert answer(chip, wrong) in {"6987", "6988"}
    assert answer(chip, READ_DG1) == "6982"


def test_reset_forgets_everything(chip: SimulatedChip) -> None:
    session = opened(chip)
    assert ask(chip, session, CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)).ok
    chip.reset()
    assert answer(chip, READ_DG1) == "6a82"
    assert answer(chip, SELECT_APPLICATION) == "9000"
    assert answer(chip, READ_DG1) == "6982"


def test_basic_access_once_per_challenge(chip: SimulatedChip) -> None:
    chip.transceive(SELECT_APPLICATION)
    assert answer(chip, b"\x00\x82\x00\x00\x28" + bytes(40) + b"\x28") == "6985"
    assert len(answer(chip, "0084000008")) == 20
    assert answer(chip, "0084000007") == "6700"
    chip.transceive(bytes.fromhex("0084000008"))
    assert answer(chip, b"\x00\x82\x00\x00\x28" + bytes(40) + b"\x28") == "6300"


def test_pace_only_chip_refuses_bac() -> None:
    chip = simulated_chip(passport_files(KEY), KEY, bac=False)
    chip.transceive(SELECT_APPLICATION)
    assert answer(chip, "0084000008") == "6982"
    assert answer(chip, b"\x00\x82\x00\x00\x28" + bytes(40) + b"\x28") == "6982"


def _set_at(oid: str, *further: bytes) -> bytes:
    data = encode_tlv(0x80, encode_oid(oid)) + b"".join(further)
    return CommandApdu(0x00, 0x22, 0xC1, 0xA4, data).to_bytes()


MRZ, CAN = b"\x83\x01\x01", b"\x83\x01\x02"
AES128 = pace_oid(2, CipherSuite.AES128)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (_set_at(AES128, MRZ), "9000"),
        (_set_at(AES128, MRZ, b"\x84\x01\x0d"), "9000"),
        (_set_at(AES128, MRZ, b"\x84\x01\x0c"), "6a80"),
        (_set_at(pace_oid(2, CipherSuite.AES256), MRZ), "6a80"),
        (_set_at(AES128, CAN), "6a88"),
        (_set_at(AES128), "6a88"),
    ],
)
def test_setting_up_pace(chip: SimulatedChip, command: bytes, expected: str) -> None:
    assert answer(chip, command) == expected


def test_offers_that_cannot_be_run() -> None:
    """An EF.CardAccess whose offers make no sense is refused at the set-up, not later."""
    for info in (PaceInfo("0.4.0.127.0.7.2.2.4.2.9", 2, 13), PaceInfo(AES128, 2, 3), PaceInfo(AES128, 2, None)):
        files = passport_files(None) | {ElementaryFile.CARD_ACCESS: encode_card_access([info])}
        assert answer(simulated_chip(files), _set_at(info.oid, MRZ)) == "6a80"
    unreadable = passport_files(None) | {ElementaryFile.CARD_ACCESS: b"\x00"}
    assert answer(simulated_chip(unreadable), _set_at(AES128, MRZ)) == "6a80"


@pytest.mark.parametrize(
    "step", ["10860000047c02800000", "10860000027d0000", "008600000 27c0000".replace(" ", ""), "1086000002ffff00"]
)
def test_a_wrong_first_step_of_pace(chip: SimulatedChip, step: str) -> None:
    assert answer(chip, _set_at(AES128, MRZ)) == "9000"
    assert answer(chip, step) in {"6a80", "6985"}
    assert answer(chip, "10860000027c0000") == "6985"


def test_steps_of_pace_out_of_order(chip: SimulatedChip) -> None:
    chip.transceive(_set_at(AES128, MRZ))
    assert answer(chip, "10860000027c0000").startswith("7c128010")
    assert answer(chip, "10860000027c0000") == "6a80"
    assert answer(chip, "10860000027c0000") == "6985"


def test_setting_up_pace_forgets_a_pending_chip_authentication(chip: SimulatedChip) -> None:
    """The next GENERAL AUTHENTICATE belongs to the protocol that was set up last: it answers with a nonce."""
    session = opened(chip)
    oid = encode_tlv(0x80, encode_oid(chip_authentication_oid(CipherSuite.AES128)))
    assert ask(chip, session, CommandApdu(0x00, 0x22, 0x41, 0xA4, oid)).ok
    pace = encode_tlv(0x80, encode_oid(pace_oid(2, CipherSuite.AES128))) + encode_tlv(0x83, b"\x01")
    assert ask(chip, session, CommandApdu(0x00, 0x22, 0xC1, 0xA4, pace)).ok
    nonce = ask(chip, session, CommandApdu(0x10, 0x86, 0x00, 0x00, bytes.fromhex("7c00"), 256))
    assert nonce.ok
    assert nonce.data.startswith(bytes.fromhex("7c128010"))


def test_chip_authentication_commands(chip: SimulatedChip) -> None:
    session = opened(chip)

    def sw(p2: int, data: bytes) -> int:
        return ask(chip, session, CommandApdu(0x00, 0x22, 0x41, p2, data)).sw

    oid = encode_tlv(0x80, encode_oid(chip_authentication_oid(CipherSuite.AES128)))
    assert sw(0xA4, b"\x80") == 0x6A80
    assert sw(0xA4, b"\x83\x01\x01") == 0x6A80
    assert sw(0xA4, encode_tlv(0x80, encode_oid("1.2.9"))) == 0x6A80
    assert sw(0xA6, b"\x91") == 0x6A80
    assert sw(0xA6, b"\x91\x01\x04") == 0x6A80
    assert sw(0xA4, oid) == 0x9000
    assert ask(chip, session, CommandApdu(0x00, 0x86, 0x00, 0x00, b"\x7c\x00", 256)).sw == 0x6A80
    assert sw(0xA4, oid) == 0x9000
    point = encode_tlv(0x7C, encode_tlv(0x80, b"\x04" + bytes(64)))
    assert ask(chip, session, CommandApdu(0x00, 0x86, 0x00, 0x00, point, 256)).sw == 0x6A80


def test_active_authentication_needs_access() -> None:
    chip = simulated_chip(passport_files(None), None, active=chip_key(7, ec.SECP256R1()))
    assert answer(chip, "0088000008000000000000000000") == "6982"
    session = opened(chip)
    assert ask(chip, session, CommandApdu(0x00, 0x88, 0x00, 0x00, bytes(7), 256)).sw == 0x6985
    assert len(ask(chip, session, CommandApdu(0x00, 0x88, 0x00, 0x00, bytes(8), 256)).data) == 64


def test_nothing_secret_shows(chip: SimulatedChip) -> None:
    options = ChipOptions(card_access_number="123456")
    keys = SessionKeys(CipherSuite.AES128, b"0123456789abcdef", b"0123456789abcdef")
    shown = repr(options) + repr(CardMessaging(keys, 987_654_321)) + repr(chip)
    assert not any(secret in shown for secret in ("123456", "0123456789abcdef", "987654321"))
