"""EF.CardAccess and DG14."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from egate.model.errors import ChipError, MalformedData
from egate.mrtd.chip_auth import chip_authentication, choose_chip_authentication
from egate.mrtd.crypto.agreement import CurveAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.crypto.ec import Point
from egate.mrtd.files.public_keys import AgreementPublicKey
from egate.mrtd.files.security_infos import (
    MAX_INFOS,
    ChipAuthenticationInfo,
    ChipAuthenticationKey,
    PaceInfo,
    SecurityInfos,
    chip_authentication_oid,
    decode_oid,
    encode_card_access,
    encode_dg14,
    encode_ec_public_key,
    encode_oid,
    pace_oid,
    parse_card_access,
    parse_dg14,
    parse_ec_public_key,
)
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.pace import choose_pace
from tests.shared_data import shared_path
from tests.unit.mrtd.chip_reading import chip_key, entropy
from tests.unit.mrtd.parsing import parses_or_refuses

OPENSSL_CURVES = [curve for curve in CURVES.values() if curve.openssl is not None]


def test_card_access_round_trip() -> None:
    infos = [PaceInfo(pace_oid(2, CipherSuite.AES256), 2, 17), PaceInfo(pace_oid(1, CipherSuite.DES3), 2, None)]
    parsed = parse_card_access(encode_card_access(infos))
    assert set(parsed.pace) == set(infos)
    assert parsed.unknown == 0


@pytest.mark.parametrize("curve", OPENSSL_CURVES, ids=lambda curve: curve.name)
def test_explicit_keys_round_trip(curve: object) -> None:
    """What we encode with explicit parameters we read back, on every curve."""
    found = next(item for item in OPENSSL_CURVES if item is curve)
    assert found.openssl is not None
    key = chip_key(4, found.openssl).public_key()
    numbers = key.public_numbers()
    assert parse_ec_public_key(encode_ec_public_key(key)) == (found, Point(numbers.x, numbers.y))


def test_openssl_reads_our_explicit_keys() -> None:
    """A foreign reader of what the issuer writes; it maps explicit parameters of the NIST curves back to their names."""
    key = chip_key(4, ec.SECP256R1()).public_key()
    loaded = load_der_public_key(encode_ec_public_key(key))
    assert isinstance(loaded, ec.EllipticCurvePublicKey)
    assert loaded.public_numbers() == key.public_numbers()


def test_named_curves_are_read() -> None:
    key = chip_key(4, ec.BrainpoolP384R1()).public_key()
    found = parse_ec_public_key(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    assert found is not None
    assert found[0].name == "brainpoolP384r1"


def test_unknown_named_curve() -> None:
    key = ec.derive_private_key(5, ec.SECP256K1()).public_key()
    assert parse_ec_public_key(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)) is None
    with pytest.raises(MalformedData):
        encode_ec_public_key(key)


def test_dg14_round_trip() -> None:
    key = chip_key(5).public_key()
    data = encode_dg14(key, CipherSuite.AES256, 195, "0.4.0.127.0.7.1.1.4.1.3")
    infos = parse_dg14(data)
    assert infos.chip_authentication == (ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.AES256), 1, 195),)
    assert infos.chip_authentication_keys[0].key_id == 195
    assert infos.chip_authentication_keys[0].point == Point(key.public_numbers().x, key.public_numbers().y)
    assert infos.active_authentication == "0.4.0.127.0.7.1.1.4.1.3"
    way = choose_chip_authentication(infos)
    assert way is not None
    assert (way.suite, way.key_id) == (CipherSuite.AES256, 195)


def test_real_dg14() -> None:
    """BSI reference set: explicit brainpoolP224r1, which OpenSSL's Python door does not have."""
    data = shared_path("mrtd", "sod_sets", "hjp_tr03105_5", "Datagroup14.bin").read_bytes()
    infos = parse_dg14(data)
    assert infos.chip_authentication_keys[0].curve is CURVES[11]
    way = choose_chip_authentication(infos)
    assert way is not None
    assert way.suite is CipherSuite.DES3
    parses_or_refuses(parse_dg14, data)


def test_every_cut() -> None:
    parses_or_refuses(parse_dg14, encode_dg14(chip_key(5).public_key(), CipherSuite.AES128, 3, "1.2.840.10045.4.3.2"))
    parses_or_refuses(parse_card_access, encode_card_access([PaceInfo(pace_oid(2, CipherSuite.AES128))]))


def test_unknown_entries_are_counted() -> None:
    entry = encode_tlv(0x30, encode_tlv(0x06, encode_oid("1.2.3.4")) + encode_tlv(0x02, b"\x01"))
    too_deep = encode_tlv(0x30, encode_tlv(0x06, encode_oid("0.4.0.127.0.7.2.2.4.2.2.9")) + encode_tlv(0x02, b"\x01"))
    infos = parse_card_access(encode_tlv(0x31, entry + too_deep))
    assert infos == SecurityInfos(unknown=2)


def _info(*parts: bytes) -> bytes:
    return encode_tlv(0x31, encode_tlv(0x30, b"".join(parts)))


_PACE = encode_tlv(0x06, encode_oid(pace_oid(2, CipherSuite.AES128)))
_KEY = encode_tlv(0x06, encode_oid("0.4.0.127.0.7.2.2.1.2"))
_EC = encode_tlv(0x06, encode_oid("1.2.840.10045.2.1"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        encode_tlv(0x31, encode_tlv(0x02, b"\x01")),
        _info(),
        _info(encode_tlv(0x02, b"\x01")),
        _info(encode_tlv(0x06, b"")),
        _info(encode_tlv(0x06, b"\x81")),
        _info(encode_tlv(0x06, b"\x01" * 65)),
        _info(_PACE, encode_tlv(0x04, b"\x02")),
        _info(_PACE, encode_tlv(0x02, b"")),
        _info(_PACE, encode_tlv(0x02, b"\xff")),
        _info(_PACE, encode_tlv(0x02, b"\x01" * 9)),
        _info(_KEY),
        _info(_KEY, encode_tlv(0x02, b"\x01")),
        _info(_KEY, encode_tlv(0x30, b"")),
        _info(_KEY, encode_tlv(0x30, encode_tlv(0x30, b"") + encode_tlv(0x03, b"\x00"))),
        _info(_KEY, encode_tlv(0x30, encode_tlv(0x30, _EC + encode_tlv(0x05, b"")) + encode_tlv(0x03, b"\x00"))),
        _info(_KEY, encode_tlv(0x30, encode_tlv(0x30, _EC + encode_tlv(0x30, b"")) + encode_tlv(0x03, b"\x00"))),
        _info(
            _KEY,
            encode_tlv(
                0x30,
                encode_tlv(0x30, _EC + encode_tlv(0x06, encode_oid("1.2.840.10045.3.1.7")))
                + encode_tlv(0x03, b"\x01" + bytes(65)),
            ),
        ),
        _info(encode_tlv(0x06, encode_oid("2.23.136.1.1.5")), encode_tlv(0x02, b"\x01")),
        encode_tlv(0x31, encode_tlv(0x30, encode_tlv(0x06, b"\x2a")) * (MAX_INFOS + 1)),
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_card_access(data)


def _explicit(prime: bytes, base: bytes, field_oid: str = "1.2.840.10045.1.1") -> bytes:
    """A key whose explicit parameters are of this prime and base point."""
    parameters = (
        encode_tlv(0x02, b"\x01")
        + encode_tlv(0x30, encode_tlv(0x06, encode_oid(field_oid)) + encode_tlv(0x02, prime))
        + encode_tlv(0x30, encode_tlv(0x04, b"\x01") + encode_tlv(0x04, b"\x01"))
        + encode_tlv(0x04, base)
        + encode_tlv(0x02, b"\x07")
    )
    return encode_tlv(0x30, encode_tlv(0x30, _EC + encode_tlv(0x30, parameters)) + encode_tlv(0x03, b"\x00\x04\x01\x01"))


@pytest.mark.parametrize(
    "key",
    [
        _explicit(b"\x0b", b"\x04\x01\x01"),
        _explicit(b"\x00", b"\x04\x01\x01"),
        _explicit(b"\x0b", b"\x02\x01"),
        _explicit(b"\x0b", b"\x04\x01"),
        _explicit(b"\x0b", b"\x04\x01\x01", "1.2.840.10045.1.2"),
        encode_tlv(0x30, encode_tlv(0x30, encode_tlv(0x06, encode_oid("1.2.840.113549.1.1.1"))) + encode_tlv(0x03, b"\x00")),
    ],
)
def test_keys_of_other_curves_are_not_ours(key: bytes) -> None:
    assert parse_ec_public_key(key) is None
    infos = parse_card_access(_info(_KEY, key))
    assert infos.chip_authentication_keys[0].curve is None
    assert infos.chip_authentication_keys[0].point is None
    way = choose_chip_authentication(infos)
    if way is not None:
        with pytest.raises(ChipError, match="of no use"):
            next(chip_authentication(way, entropy(1)))


@pytest.mark.parametrize("dotted", ["0.4.0.127.0.7.2.2.4.2.2", "1.2.840.113549.1.1.1", "2.23.136.1.1.5", "2.999.3", "2.5.4.6"])
def test_object_identifiers(dotted: str) -> None:
    assert decode_oid(encode_oid(dotted)) == dotted


def test_object_identifier_value() -> None:
    assert encode_oid("0.4.0.127.0.7.2.2.4.2.2").hex() == "04007f00070202040202"
    assert encode_oid("2.999.3").hex() == "883703"


@pytest.mark.parametrize(
    ("infos", "expected"),
    [
        ([], None),
        ([PaceInfo(pace_oid(2, CipherSuite.DES3), 2, 13), PaceInfo(pace_oid(2, CipherSuite.AES256), 2, 13)], 1),
        ([PaceInfo(pace_oid(1, CipherSuite.AES256), 2, 0), PaceInfo(pace_oid(2, CipherSuite.DES3), 2, 13)], 1),
        ([PaceInfo(pace_oid(4, CipherSuite.AES256), 2, 13), PaceInfo(pace_oid(6, CipherSuite.AES256), 2, 13)], 1),
        ([PaceInfo(pace_oid(4, CipherSuite.AES256), 2, 13), PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 12)], 1),
        ([PaceInfo(pace_oid(1, CipherSuite.AES128), 2, 0), PaceInfo(pace_oid(4, CipherSuite.AES256), 2, 13)], 0),
        ([PaceInfo(pace_oid(4, CipherSuite.AES256), 2, 10)], None),
        ([PaceInfo(pace_oid(6, CipherSuite.DES3), 2, 13)], None),
        ([PaceInfo(pace_oid(2, CipherSuite.AES128), 1, 13)], None),
        ([PaceInfo(pace_oid(2, CipherSuite.AES128), 2, None)], 0),
        ([PaceInfo(pace_oid(1, CipherSuite.AES128), 2, None)], None),
        ([PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 3)], None),
        ([PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 0)], None),
        ([PaceInfo(pace_oid(1, CipherSuite.AES128), 2, 13)], None),
        ([PaceInfo("0.4.0.127.0.7.2.2.4.2.9", 2, 13)], None),
        ([PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 12), PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 17)], 1),
    ],
)
def test_choice_of_pace(infos: list[PaceInfo], expected: int | None) -> None:
    assert choose_pace(tuple(infos)) == (None if expected is None else infos[expected])


def _key(number: int, key_id: int | None = None) -> ChipAuthenticationKey:
    agreement = agreement_by_id(number)
    assert agreement is not None
    encoded = agreement.encode(agreement.base)  # type: ignore[arg-type]  # the base fits its own agreement
    arc = 2 if isinstance(agreement, CurveAgreement) else 1
    return ChipAuthenticationKey(f"0.4.0.127.0.7.2.2.1.{arc}", AgreementPublicKey(agreement, encoded), key_id)


def test_choice_of_chip_authentication() -> None:
    key, other = _key(13, 1), _key(17, 2)
    weak = ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.DES3), 1, 1)
    strong = ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.AES256), 1, 2)
    way = choose_chip_authentication(SecurityInfos((), (weak, strong), (key, other)))
    assert way is not None
    assert (way.suite, way.key_id, way.curve) == (CipherSuite.AES256, 2, CURVES[17])
    assert way.variant == "ecdh-aes-256-brainpoolP512r1"
    implied = choose_chip_authentication(SecurityInfos((), (), (key,)))
    assert implied is not None
    assert implied.suite is CipherSuite.DES3


def test_infos_that_name_no_way_leave_the_only_key() -> None:
    """As in gmrtd #161, jllarraz #15: wrong object identifiers, but one key, which then means 3DES; two keys would be a guess."""
    by_group = ChipAuthenticationInfo("0.4.0.127.0.7.2.2.3.1.2", 1, 1)
    later = ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.AES256), 2, 1)
    unknown = ChipAuthenticationInfo("0.4.0.127.0.7.2.2.3.2.9", 1, 1)
    way = choose_chip_authentication(SecurityInfos((), (by_group, later, unknown), (_key(13, 1),)))
    assert way is not None
    assert (way.oid, way.suite, way.key_id) == (chip_authentication_oid(CipherSuite.DES3), CipherSuite.DES3, 1)
    assert choose_chip_authentication(SecurityInfos((), (by_group, later, unknown), (_key(13, 1), _key(17, 2)))) is None


def test_chip_authentication_in_a_group() -> None:
    info = ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.AES128, 1), 1)
    way = choose_chip_authentication(SecurityInfos((), (info,), (_key(2),)))
    assert way is not None
    assert way.variant == "dh-aes-128-modp2048_256"
    curve = ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.DES3), 1)
    both = choose_chip_authentication(SecurityInfos((), (info, curve), (_key(2), _key(13))))
    assert both is not None
    assert both.variant == "ecdh-3des-brainpoolP256r1"
