"""BAC, PACE and chip authentication against chips that refuse or break the protocol."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest

from drivers.sim.passport.chip_access import BasicAccess, ChipAuthentication, PaceAccess, passwords
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.chip_auth import ChipAuthenticationWay, chip_authentication
from egate.mrtd.crypto.agreement import CurveAgreement, agreement_by_id, new_key_pair
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.files.security_infos import PaceInfo, chip_authentication_oid, pace_oid
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import mrz_password
from egate.mrtd.pace import PacePassword, map_generic, pace
from egate.mrtd.secure_messaging import SecureMessaging
from tests.unit.mrtd.chip_reading import INFORMATION, PACE_AES128, WRONG_INFORMATION, chip_key, entropy

Access = Generator[CommandApdu, ResponseApdu, SecureMessaging]
Change = Callable[[ResponseApdu], ResponseApdu]


def basic_chip() -> Callable[[CommandApdu], ResponseApdu]:
    chip = BasicAccess(INFORMATION, entropy(1))
    return lambda command: chip.challenge(command) if command.ins == 0x84 else chip.answer(command).response


def pace_chip(info: PaceInfo) -> Callable[[CommandApdu], ResponseApdu]:
    chip = PaceAccess((info,), passwords(INFORMATION, "123456"), entropy(1))
    return lambda command: chip.set_up(command) if command.ins == 0x22 else chip.step(command).response


def run(
    dialogue: Access, chip: Callable[[CommandApdu], ResponseApdu], change_at: int = -1, change: Change | None = None
) -> object:
    """Run an access protocol; the response with this number is changed on its way."""
    command = next(dialogue)
    number = 0
    try:
        while True:
            response = chip(command)
            command = dialogue.send(change(response) if change is not None and number == change_at else response)
            number += 1
    except StopIteration as stop:
        return stop.value


def mrz_pace(info: PaceInfo = PACE_AES128) -> Access:
    return pace(info, PacePassword(1, mrz_password(INFORMATION)), entropy(2))


def test_basic_access() -> None:
    assert isinstance(run(basic_access(INFORMATION, entropy(2)), basic_chip()), SecureMessaging)


def test_basic_access_with_wrong_keys() -> None:
    with pytest.raises(ChipError) as caught:
        run(basic_access(WRONG_INFORMATION, entropy(2)), basic_chip())
    assert caught.value.sw == 0x6300


def _flipped(position: int) -> Change:
    def change(response: ResponseApdu) -> ResponseApdu:
        data = bytearray(response.data)
        data[position] ^= 0x01
        return ResponseApdu(bytes(data), response.sw)

    return change


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, lambda _: ResponseApdu(bytes(7), 0x9000)),
        (0, lambda _: ResponseApdu(b"", 0x6D00)),
        (1, lambda _: ResponseApdu(b"", 0x6982)),
        (1, lambda response: ResponseApdu(response.data[:-1], 0x9000)),
        (1, lambda response: ResponseApdu(response.data + b"\x00", 0x9000)),
        (1, _flipped(0)),
        (1, _flipped(39)),
        (1, lambda _: ResponseApdu(bytes(40), 0x9000)),
    ],
)
def test_basic_access_with_a_chip_that_breaks_it(number: int, change: Change) -> None:
    with pytest.raises(ChipError):
        run(basic_access(INFORMATION, entropy(2)), basic_chip(), number, change)


def test_basic_access_with_an_echoed_answer() -> None:
    """Our own cryptogram sent back has a right code and must not pass: the challenges are in another order."""
    dialogue = basic_access(INFORMATION, entropy(2))
    next(dialogue)
    command = dialogue.send(ResponseApdu(bytes(8), 0x9000))
    with pytest.raises(ChipError, match="other challenges"):
        dialogue.send(ResponseApdu(command.data, 0x9000))


VARIANTS = [
    *(PaceInfo(pace_oid(2, CipherSuite.AES128), 2, number) for number in CURVES),
    *(PaceInfo(pace_oid(2, suite), 2, 13) for suite in CipherSuite),
    *(PaceInfo(pace_oid(1, suite), 2, number) for suite, number in zip(CipherSuite, (0, 1, 2, 0), strict=True)),
]


@pytest.mark.parametrize("info", VARIANTS, ids=lambda info: f"{info.mapping}-{info.suite.word}-{info.parameter_id}")
def test_pace_variants(info: PaceInfo) -> None:
    """Every curve, every group, every cipher."""
    session = run(mrz_pace(info), pace_chip(info))
    assert isinstance(session, SecureMessaging)
    assert session.suite is info.suite


def test_pace_with_the_card_access_number() -> None:
    dialogue = pace(PACE_AES128, PacePassword(2, b"123456"), entropy(2))
    assert isinstance(run(dialogue, pace_chip(PACE_AES128)), SecureMessaging)
    with pytest.raises(ChipError) as caught:
        run(pace(PACE_AES128, PacePassword(2, b"654321"), entropy(2)), pace_chip(PACE_AES128))
    assert caught.value.sw == 0x6300


def test_pace_with_an_unknown_password_kind() -> None:
    with pytest.raises(ChipError) as caught:
        run(pace(PACE_AES128, PacePassword(3, b"123456"), entropy(2)), pace_chip(PACE_AES128))
    assert caught.value.sw == 0x6A88


def test_pace_with_a_wrong_mrz() -> None:
    with pytest.raises(ChipError) as caught:
        run(pace(PACE_AES128, PacePassword(1, mrz_password(WRONG_INFORMATION)), entropy(2)), pace_chip(PACE_AES128))
    assert caught.value.sw == 0x6300


def test_pace_goes_on_when_the_chip_counts_tries() -> None:
    session = run(mrz_pace(), pace_chip(PACE_AES128), 0, lambda _: ResponseApdu(b"", 0x63C2))
    assert isinstance(session, SecureMessaging)


def test_pace_in_a_variant_that_is_not_ours() -> None:
    for info in (PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 3), PaceInfo("0.4.0.127.0.7.2.2.4.2.9", 2, 13)):
        with pytest.raises(ChipError):
            run(mrz_pace(info), pace_chip(info))


def _dynamic(tag: int, value: bytes) -> Change:
    return lambda _: ResponseApdu(encode_tlv(0x7C, encode_tlv(tag, value)), 0x9000)


def _other_point(curve: Curve) -> bytes:
    point = curve.multiply(77, curve.generator)
    assert point is not None
    return curve.encode(point)


def _off_the_curve(curve: Curve) -> bytes:
    return curve.encode(Point(curve.generator.x, curve.generator.y ^ 1))


BROKEN: dict[str, tuple[int, Change]] = {
    "nothing in step 1": (1, lambda _: ResponseApdu(b"", 0x9000)),
    "no object in step 1": (1, lambda _: ResponseApdu(b"\x7c\x00", 0x9000)),
    "short nonce": (1, _dynamic(0x80, bytes(15))),
    "empty nonce": (1, _dynamic(0x80, b"")),
    "other nonce": (1, _dynamic(0x80, bytes(16))),
    "mapping key off the curve": (2, _dynamic(0x82, _off_the_curve(CURVES[13]))),
    "mapping key at infinity": (2, _dynamic(0x82, b"\x00")),
    "mapping key of another length": (2, _dynamic(0x82, _other_point(CURVES[16]))),
    "another mapping key": (2, _dynamic(0x82, _other_point(CURVES[13]))),
    "ephemeral key off the curve": (3, _dynamic(0x84, _off_the_curve(CURVES[13]))),
    "another ephemeral key": (3, _dynamic(0x84, _other_point(CURVES[13]))),
    "tag of another step": (3, _dynamic(0x82, _other_point(CURVES[13]))),
    "wrong token": (4, _dynamic(0x86, bytes(8))),
    "short token": (4, _dynamic(0x86, b"")),
    "no token": (4, lambda _: ResponseApdu(b"\x7c\x00", 0x9000)),
    "cut answer": (2, lambda response: ResponseApdu(response.data[:-1], 0x9000)),
    "tail": (2, lambda response: ResponseApdu(response.data + b"\x00", 0x9000)),
    "refused step": (2, lambda _: ResponseApdu(b"", 0x6A80)),
}


@pytest.mark.parametrize(("number", "change"), BROKEN.values(), ids=BROKEN.keys())
def test_pace_with_a_chip_that_breaks_it(number: int, change: Change) -> None:
    with pytest.raises(ChipError):
        run(mrz_pace(), pace_chip(PACE_AES128), number, change)


def test_pace_with_our_own_key_sent_back() -> None:
    """Reflection: a chip that knows nothing mirrors our ephemeral key and, in the last step, our token."""
    chip = pace_chip(PACE_AES128)

    def mirror(command: CommandApdu) -> ResponseApdu:
        honest = chip(command)
        mirrored = command.data.startswith(b"\x7c\x43\x83")
        return ResponseApdu(b"\x7c\x43\x84" + command.data[3:], 0x9000) if mirrored else honest

    with pytest.raises(ChipError, match="our own key"):
        run(mrz_pace(), mirror)


def test_mapping_with_a_zero_nonce() -> None:
    agreement = agreement_by_id(0)
    assert agreement is not None
    assert not hasattr(agreement, "curve")
    own = new_key_pair(agreement, agreement.base, entropy(1))
    with pytest.raises(MalformedData, match="a nonce of zero"):
        map_generic(agreement, bytes(16), own, agreement.base)


def _way(suite: CipherSuite, key_id: int | None = None) -> ChipAuthenticationWay:
    numbers = chip_key(5).public_key().public_numbers()
    agreement = CurveAgreement(CURVES[13])
    return ChipAuthenticationWay(
        chip_authentication_oid(suite), suite, agreement, agreement.encode(Point(numbers.x, numbers.y)), key_id
    )


@pytest.mark.parametrize("suite", list(CipherSuite))
@pytest.mark.parametrize("key_id", [None, 0, 195])
def test_chip_authentication(suite: CipherSuite, key_id: int | None) -> None:
    """Both forms of the protocol; both ends reach the same keys."""
    chip = ChipAuthentication(chip_key(5))
    dialogue = chip_authentication(_way(suite, key_id), entropy(3))
    command = next(dialogue)
    session = None
    try:
        while True:
            if command.ins == 0x86:
                answer = chip.agree(command)
                session, response = answer.session, answer.response
            elif command.p2 == 0xA6:
                answer = chip.agree_by_key_only(command)
                session, response = answer.session, answer.response
            else:
                response = chip.set_up(command)
            command = dialogue.send(response)
    except StopIteration as stop:
        reader: SecureMessaging = stop.value
    assert session is not None
    probe = CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)
    assert session.open(reader.wrap(probe)) == probe


@pytest.mark.parametrize("suite", list(CipherSuite))
def test_chip_authentication_refused(suite: CipherSuite) -> None:
    dialogue = chip_authentication(_way(suite), entropy(3))
    next(dialogue)
    with pytest.raises(ChipError) as caught:
        dialogue.send(ResponseApdu(b"", 0x6A80))
    assert caught.value.sw == 0x6A80
