"""Attacks on PACE and chip authentication, each with the defence that it must break first.

Issue: "Each attack has a test that fails if the defence is removed: … reflected public key, all-zero nonce …". That was tried
once for each of them by taking the defence out.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from drivers.sim.passport.chip_access import PaceAccess, passwords
from drivers.sim.passport.personalisation import AgreementKey
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.chip_auth import ChipAuthenticationWay, chip_authentication
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite, encrypt
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS
from egate.mrtd.crypto.ec import Point
from egate.mrtd.crypto.mapping import encode_to_point, map_integrated, pseudo_random
from egate.mrtd.crypto.soundness import ExplicitParameters
from egate.mrtd.files.public_keys import AgreementPublicKey
from egate.mrtd.files.security_infos import ChipAuthenticationKey, PaceInfo, SecurityInfos, pace_oid
from egate.mrtd.files.tlv import child, encode_tlv, parse_one
from egate.mrtd.keys import mrz_password, password_key
from egate.mrtd.mapping_proof import MAX_KEYS, MAX_PROOF_BYTES, mapping_proof, verify_mapping_proof
from egate.mrtd.pace import PacePassword, run_pace
from egate.mrtd.pace_choice import choose_way
from tests.unit.mrtd.chip_reading import INFORMATION, entropy

SECRET = mrz_password(INFORMATION)
AES = CipherSuite.AES128
GROUP = GROUPS[0]
CURVE = CurveAgreement(CURVES[13])
Change = Callable[[CommandApdu, ResponseApdu], ResponseApdu]


def run(arc: int, number: int, step: int, change: Change) -> None:
    """One run against the simulated chip; somebody changes its answer to this command (0 is the set-up)."""
    info = PaceInfo(pace_oid(arc, AES), 2, number)
    static = (AgreementKey(CURVE, 7),)
    chip = PaceAccess((info,), passwords(INFORMATION, ""), entropy(1), static)
    way = choose_way(SecurityInfos((info,))).way
    assert way is not None
    dialogue = run_pace(way, PacePassword(1, SECRET), entropy(2))
    command, count = next(dialogue), 0
    with suppress(StopIteration):
        while True:
            honest = chip.set_up(command) if command.ins == 0x22 else chip.step(command).response
            command = dialogue.send(change(command, honest) if count == step else honest)
            count += 1


def always(tag: int, value: bytes) -> Change:
    return lambda _command, _honest: ResponseApdu(encode_tlv(0x7C, encode_tlv(tag, value)), 0x9000)


def mirrored(tag: int) -> Change:
    """Our own value under the tag of the answer."""

    def change(command: CommandApdu, _: ResponseApdu) -> ResponseApdu:
        ours = child(parse_one(command.data, 0x7C, "a test"), tag - 1, "a test")
        return ResponseApdu(encode_tlv(0x7C, encode_tlv(tag, ours)), 0x9000)

    return change


def unchanged(_: CommandApdu, honest: ResponseApdu) -> ResponseApdu:
    return honest


@pytest.mark.parametrize(("arc", "number"), [(1, 0), (2, 13), (3, 0), (4, 13)])
def test_an_honest_run(arc: int, number: int) -> None:
    run(arc, number, 0, unchanged)


@pytest.mark.parametrize(("arc", "number"), [(1, 0), (2, 13), (3, 0), (4, 13), (6, 13)])
@pytest.mark.parametrize("tag", [0x82, 0x84])
def test_reflected_public_keys(arc: int, number: int, tag: int) -> None:
    """Whoever knows nothing can still mirror what we send; a mirrored additional nonce of the integrated mapping is no key."""
    if arc in {3, 4} and tag == 0x82:
        run(arc, number, 2, mirrored(tag))
        return
    with pytest.raises(ChipError, match="our own key") as caught:
        run(arc, number, 2 if tag == 0x82 else 3, mirrored(tag))
    assert caught.value.sw == 0x9000


@pytest.mark.parametrize(("arc", "number"), [(1, 0), (2, 13), (3, 0), (4, 13)])
def test_nonce_of_zero(arc: int, number: int) -> None:
    """A chip that knows the password sends a nonce of zero, under which the generic base would hold no nonce at all."""
    encrypted = encrypt(AES, password_key(AES, SECRET), bytes(16), bytes(16))
    with pytest.raises(ChipError, match="a nonce of zero"):
        run(arc, number, 1, always(0x80, encrypted))


def _out_of_the_group() -> dict[str, bytes]:
    """Elements of small order and out of range, which would give a secret away bit by bit or be known beforehand."""
    size = 128
    outside = 2  # a generator of more than the subgroup
    assert pow(outside, GROUP.q, GROUP.p) != 1
    cofactor = (GROUP.p - 1) // GROUP.q
    small = next(found for base in range(2, 99) if (found := pow(base, (GROUP.p - 1) // 2, GROUP.p)) != 1)
    assert cofactor > 1
    return {
        "zero": bytes(size),
        "one": (1).to_bytes(size, "big"),
        "minus one": (GROUP.p - 1).to_bytes(size, "big"),
        "order two": small.to_bytes(size, "big"),
        "outside": outside.to_bytes(size, "big"),
        "the prime": GROUP.p.to_bytes(size, "big"),
        "beyond the prime": (GROUP.p + GROUP.g).to_bytes(size + 1, "big"),
        "empty": b"",
    }


@pytest.mark.parametrize("value", _out_of_the_group().values(), ids=_out_of_the_group().keys())
@pytest.mark.parametrize(("arc", "step", "tag"), [(1, 2, 0x82), (1, 3, 0x84), (3, 3, 0x84)])
def test_elements_out_of_the_group(value: bytes, arc: int, step: int, tag: int) -> None:
    with pytest.raises(ChipError) as caught:
        run(arc, 0, step, always(tag, value))
    assert caught.value.sw == 0x9000


def test_a_reflected_key_in_another_spelling() -> None:
    """Our own key plus the prime is the same element: comparing with ours would not find it, so only one spelling is taken."""
    element = next(item for number in range(3, 99) if (item := pow(GROUP.g, number, GROUP.p)) < (1 << 1024) - GROUP.p)
    agreement = GroupAgreement(GROUP)
    assert agreement.decode(element.to_bytes(128, "big")) == element
    with pytest.raises(MalformedData, match="out of range"):
        agreement.decode((element + GROUP.p).to_bytes(128, "big"))


@pytest.mark.parametrize("value", [b"\x00", b"\x04" + bytes(64), CURVES[13].encode(CURVES[13].generator)[:-1] + b"\x00"])
@pytest.mark.parametrize(("arc", "step", "tag"), [(2, 2, 0x82), (2, 3, 0x84), (4, 3, 0x84)])
def test_points_off_the_curve(value: bytes, arc: int, step: int, tag: int) -> None:
    with pytest.raises(ChipError) as caught:
        run(arc, 13, step, always(tag, value))
    assert caught.value.sw == 0x9000


@pytest.mark.parametrize(("arc", "number"), [(1, 0), (2, 13), (3, 0), (4, 13)])
@pytest.mark.parametrize("token", [bytes(8), b"", b"\x00" * 9])
def test_wrong_tokens(arc: int, number: int, token: bytes) -> None:
    with pytest.raises(ChipError, match="token is wrong"):
        run(arc, number, 4, always(0x86, token))


def test_chip_keys_out_of_the_group() -> None:
    """Chip authentication with a public key of small order, which DG14 of a forger could announce."""
    for name, value in _out_of_the_group().items():
        way = ChipAuthenticationWay("0.4.0.127.0.7.2.2.3.1.2", AES, GroupAgreement(GROUP), value)
        with pytest.raises(ChipError, match="of no use"):
            next(chip_authentication(way, entropy(1)))
        assert name


def test_chip_keys_off_the_curve() -> None:
    curve = CURVES[13]
    off = curve.encode(Point(curve.generator.x, curve.generator.y ^ 1))
    way = ChipAuthenticationWay("0.4.0.127.0.7.2.2.3.2.2", AES, CurveAgreement(curve), off)
    with pytest.raises(ChipError, match="of no use"):
        next(chip_authentication(way, entropy(1)))


# -- the integrated mapping's edges ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 1, CURVES[13].p - 1])
def test_field_elements_without_a_point(value: int) -> None:
    with pytest.raises(MalformedData, match="without a point"):
        encode_to_point(CURVES[13], value)


def test_both_branches_of_the_encoding_give_points() -> None:
    for curve in CURVES.values():
        if curve.p % 4 == 3:
            points = {encode_to_point(curve, value) for value in range(2, 40)}
            assert all(curve.contains(point) for point in points)
            assert len(points) > 30
    with pytest.raises(MalformedData):
        encode_to_point(CURVES[10], 5)


@pytest.mark.parametrize(("suite", "nonce", "additional"), [(AES, 32, 16), (AES, 16, 32), (CipherSuite.AES256, 16, 32)])
def test_nonces_of_another_length(suite: CipherSuite, nonce: int, additional: int) -> None:
    with pytest.raises(MalformedData, match="another length"):
        pseudo_random(suite, bytes(nonce), bytes(additional), GROUP.p)


def test_a_base_that_is_neutral() -> None:
    """In a group so small that the pseudo-random number falls on an element without a part of the subgroup."""
    agreement = agreement_by_id(0)
    assert isinstance(agreement, GroupAgreement)
    tiny = GroupAgreement(type(GROUP)("tiny", 7, 2, 3))
    outcomes: set[object] = set()
    for number in range(1, 60):
        try:
            outcomes.add(map_integrated(tiny, AES, bytes((number,)) * 16, bytes(16)))
        except MalformedData:
            outcomes.add("refused")
    assert outcomes == {2, 4, "refused"}


# -- the proof of the mapping ------------------------------------------------------------------------------------------


STATIC_PUBLIC = CURVE.multiply(7, CURVE.base)
INFOS = SecurityInfos(
    chip_authentication_keys=(
        ChipAuthenticationKey("0.4.0.127.0.7.2.2.1.2", None),
        ChipAuthenticationKey("0.4.0.127.0.7.2.2.1.1", AgreementPublicKey(GroupAgreement(GROUP), b"\x02")),
        ChipAuthenticationKey("0.4.0.127.0.7.2.2.1.2", AgreementPublicKey(CURVE, CURVE.encode(STATIC_PUBLIC)), 5),
    )
)
MAPPING_KEY = CURVE.encode(CURVE.multiply(7 * 11, CURVE.base))


def test_proof() -> None:
    assert verify_mapping_proof(INFOS, mapping_proof(MAPPING_KEY, b"\x0b"))
    assert verify_mapping_proof(INFOS, mapping_proof(MAPPING_KEY, b"\x0b"), CURVE, 13)


@pytest.mark.parametrize(
    ("mapping_key", "data"),
    [
        (MAPPING_KEY, b""),
        (MAPPING_KEY, b"\x00"),
        (MAPPING_KEY, b"\x0c"),
        (MAPPING_KEY, CURVES[13].n.to_bytes(32, "big")),
        (b"", b"\x0b"),
        (b"\x00", b"\x0b"),
        (MAPPING_KEY[:-1], b"\x0b"),
        (bytes(MAX_PROOF_BYTES + 1), b"\x0b"),
    ],
)
def test_proofs_that_do_not_hold(mapping_key: bytes, data: bytes) -> None:
    assert not verify_mapping_proof(INFOS, mapping_proof(mapping_key, data), CURVE, 13)


def test_only_so_many_keys_are_tried() -> None:
    """A chip that announces sixty keys, each on a curve of its own, does not keep us computing."""
    (fitting,) = INFOS.chip_authentication_keys[2:]
    others = (ChipAuthenticationKey("0.4.0.127.0.7.2.2.1.2", AgreementPublicKey(CURVE, CURVE.encode(CURVE.base))),)
    proof = mapping_proof(MAPPING_KEY, b"\x0b")
    assert verify_mapping_proof(SecurityInfos(chip_authentication_keys=(*others * (MAX_KEYS - 1), fitting)), proof)
    assert not verify_mapping_proof(SecurityInfos(chip_authentication_keys=(*others * MAX_KEYS, fitting)), proof)


def test_proof_over_another_curve() -> None:
    """The static key must lie on the curve that PACE was run on."""
    proof = mapping_proof(MAPPING_KEY, b"\x0b")
    assert not verify_mapping_proof(INFOS, proof, CurveAgreement(CURVES[12]), 12)
    other_base = ExplicitParameters(replace(CURVES[13], name="explicit", generator=STATIC_PUBLIC))
    static = ChipAuthenticationKey("0.4.0.127.0.7.2.2.1.2", AgreementPublicKey(other_base, CURVE.encode(STATIC_PUBLIC)))
    assert not verify_mapping_proof(SecurityInfos(chip_authentication_keys=(static,)), proof, CURVE, 13)
    assert not verify_mapping_proof(SecurityInfos(), proof)
    assert not verify_mapping_proof(b"\x30\x00", proof)
