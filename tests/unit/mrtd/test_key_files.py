"""Keys, parameters and references as EF.CardSecurity, EF.CardAccess and DG14 spell them, and what is wrong with some."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from drivers.sim.passport.personalisation import AgreementKey, ChipPersonalisation
from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS
from egate.mrtd.crypto.soundness import ExplicitParameters
from egate.mrtd.files.card_security import parse_card_security
from egate.mrtd.files.der import encode_integer, encode_object_identifier, encode_sequence
from egate.mrtd.files.public_keys import (
    MAX_PARAMETER_BYTES,
    encode_agreement_key,
    encode_parameters,
    parse_agreement_key,
    parse_parameters,
)
from egate.mrtd.files.security_infos import (
    TerminalAuthenticationInfo,
    encode_security_infos,
    parse_card_access,
)
from egate.mrtd.files.tlv import encode_tlv, parse_one
from tests.unit.mrtd.chip_reading import INFORMATION, chip_key

CURVE, GROUP = CurveAgreement(CURVES[13]), GroupAgreement(GROUPS[1])
POINT = CURVE.encode(CURVE.base)
KEY_OID = encode_object_identifier("0.4.0.127.0.7.2.2.1.2")
TERMINAL_OID = encode_object_identifier("0.4.0.127.0.7.2.2.2")


def parameters(algorithm: bytes) -> object:
    return parse_parameters(parse_one(algorithm, 0x30, "a test"))


@pytest.mark.parametrize(
    "info", [TerminalAuthenticationInfo(1), TerminalAuthenticationInfo(1, 0x011C), TerminalAuthenticationInfo(1, 0x011C, 0x1C)]
)
def test_terminal_authentication_info(info: TerminalAuthenticationInfo) -> None:
    assert parse_card_access(encode_security_infos(terminal_authentication=info)).terminal_authentication == info


def test_version_one_of_terminal_authentication_counts() -> None:
    infos = [encode_sequence(TERMINAL_OID, encode_integer(version)) for version in (2, 1, 2)]
    found = parse_card_access(encode_tlv(0x31, b"".join(infos))).terminal_authentication
    assert found == TerminalAuthenticationInfo(1)


@pytest.mark.parametrize(
    "file", [encode_integer(1), encode_sequence(), encode_sequence(encode_integer(1)), encode_sequence(encode_tlv(0x04, b"\x01"))]
)
def test_file_references_without_form(file: bytes) -> None:
    with pytest.raises(MalformedData, match="file reference"):
        parse_card_access(encode_tlv(0x31, encode_sequence(TERMINAL_OID, encode_integer(1), file)))


def test_domain_parameters_without_form() -> None:
    oid = encode_object_identifier("0.4.0.127.0.7.2.2.4.2")
    with pytest.raises(MalformedData, match="domain parameters are missing"):
        parse_card_access(encode_tlv(0x31, encode_sequence(oid, encode_integer(1))))


@pytest.mark.parametrize("agreement", [CURVE, GROUP], ids=["curve", "group"])
@pytest.mark.parametrize("named", [True, False])
def test_keys_round_trip(agreement: CurveAgreement | GroupAgreement, named: bool) -> None:
    encoded = POINT if agreement is CURVE else GROUP.encode(GROUP.base)
    number = (13 if agreement is CURVE else 1) if named else None
    found = parse_agreement_key(encode_agreement_key(agreement, encoded, number))
    assert found is not None
    assert (found.parameters, found.encoded) == (agreement, encoded)


def test_pkcs3_parameters_of_a_standard_group() -> None:
    """Without an order they are still known by their prime and generator; with another order they are not."""
    assert parameters(encode_parameters(GROUP, stated_order=False)) == GROUP
    other = GroupAgreement(type(GROUP.group)("other", GROUP.group.p, GROUP.group.g, 7))
    assert isinstance(parameters(encode_parameters(other)), ExplicitParameters)


def test_key_info_without_its_inner_sequence() -> None:
    """A foreign test chip writes algorithm, key and number side by side."""
    algorithm = encode_parameters(CURVE)
    bits = encode_tlv(0x03, b"\x00" + POINT)
    infos = parse_card_access(encode_tlv(0x31, encode_sequence(KEY_OID, algorithm, bits, encode_integer(7))))
    (key,) = infos.chip_authentication_keys
    assert (key.curve, key.point, key.key_id) == (CURVE.curve, CURVE.base, 7)


@pytest.mark.parametrize(
    "algorithm",
    [
        encode_sequence(encode_object_identifier("1.2.840.113549.1.1.1")),
        encode_sequence(encode_object_identifier("1.2.840.113549.1.1.1"), encode_tlv(0x05, b"")),
        encode_sequence(encode_object_identifier("0.4.0.127.0.7.1.2")),
        encode_sequence(encode_object_identifier("0.4.0.127.0.7.1.2"), encode_integer(3)),
        encode_sequence(encode_object_identifier("1.2.840.10045.2.1"), encode_object_identifier("1.3.132.0.10")),
    ],
)
def test_algorithms_that_are_not_ours(algorithm: bytes) -> None:
    assert parameters(algorithm) is None
    assert parse_agreement_key(encode_sequence(algorithm, encode_tlv(0x03, b"\x00"))) is None


def _group(*numbers: int) -> bytes:
    return encode_sequence(encode_object_identifier("1.2.840.10046.2.1"), encode_sequence(*map(encode_integer, numbers)))


LONG = 1 << 8 * MAX_PARAMETER_BYTES


@pytest.mark.parametrize(
    "algorithm",
    [
        _group(23, 5),
        _group(LONG, 5, 11),
        encode_sequence(encode_object_identifier("1.2.840.10046.2.1"), encode_integer(5)),
        encode_sequence(encode_object_identifier("1.2.840.10046.2.1"), encode_sequence(encode_tlv(0x04, b"\x05") * 3)),
        encode_parameters(CURVE).replace(encode_integer(CURVE.curve.n), encode_tlv(0x02, bytes(MAX_PARAMETER_BYTES + 1))),
    ],
)
def test_parameters_without_form(algorithm: bytes) -> None:
    with pytest.raises(MalformedData):
        parameters(algorithm)


def _signed(kind: str, content_type: str, *parts: bytes) -> bytes:
    content = encode_tlv(0xA0, encode_tlv(0x04, encode_security_infos()))
    encapsulated = encode_sequence(encode_object_identifier(content_type), content)
    whole = encode_sequence(encode_integer(3), encode_tlv(0x31, b""), *parts, encapsulated)
    return encode_sequence(encode_object_identifier(kind), encode_tlv(0xA0, whole))


def test_card_security() -> None:
    assert parse_card_security(_signed("1.2.840.113549.1.7.2", "0.4.0.127.0.7.3.2.1")).unknown == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        _signed("1.2.840.113549.1.7.1", "0.4.0.127.0.7.3.2.1"),
        _signed("1.2.840.113549.1.7.2", "2.23.136.1.1.1"),
        _signed("1.2.840.113549.1.7.2", "0.4.0.127.0.7.3.2.1", encode_integer(1)),
    ],
)
def test_malformed_card_security(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_card_security(data)


def test_static_keys_of_a_chip() -> None:
    """The one key that a chip may have apart, and those of the list; curves that are not standard have no place."""
    key = chip_key(5)
    extra = AgreementKey(GROUP, 77, 4)
    chip = ChipPersonalisation(INFORMATION, {}, key, agreement_keys=(extra,))
    assert chip.static_keys == (AgreementKey.of(key), extra)
    assert AgreementKey.of(key).public == CURVE.multiply(key.private_numbers().private_value, CURVE.base)
    assert extra.public == GROUP.multiply(77, GROUP.base)
    with pytest.raises(ValueError, match="standard"):
        AgreementKey.of(ec.derive_private_key(5, ec.SECP256K1()))
