"""SecurityInfos: which protocols a chip offers, from EF.CardAccess and DG14.

Sources: ICAO Doc 9303-11 §9.2 (SecurityInfos, PACEInfo, ChipAuthenticationInfo, ActiveAuthenticationInfo), RFC 5480 (keys).
Rule: entries we do not know are counted, never an error; entries we know must have their form. Keys that spell out their curve
are accepted when it is a standard one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from egate.model.errors import MalformedData
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVE_OIDS, CURVES, curve_by_name, curve_by_values
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.files.tlv import Tlv, encode_tlv, parse_one, parse_tlvs

MAX_INFOS = 64
"""More entries than any EF.CardAccess or DG14 holds."""
MAX_NUMBER_BYTES = 8
"""Versions, parameter numbers and key numbers; longer ones come from no real chip."""

_DOING = "parsing SecurityInfos"
_SEQUENCE, _SET, _INTEGER, _OID, _BITS, _OCTETS = 0x30, 0x31, 0x02, 0x06, 0x03, 0x04
_DG14 = 0x6E

PACE_OID = "0.4.0.127.0.7.2.2.4"
CHIP_AUTHENTICATION_OID = "0.4.0.127.0.7.2.2.3"
CHIP_AUTHENTICATION_KEY_OID = "0.4.0.127.0.7.2.2.1"
ACTIVE_AUTHENTICATION_OID = "2.23.136.1.1.5"
EC_PUBLIC_KEY_OID = "1.2.840.10045.2.1"
_PRIME_FIELD_OID = "1.2.840.10045.1.1"
_SUITE_BY_ARC = {1: CipherSuite.DES3, 2: CipherSuite.AES128, 3: CipherSuite.AES192, 4: CipherSuite.AES256}
_ARC_BY_SUITE = {suite: arc for arc, suite in _SUITE_BY_ARC.items()}
DH_GENERIC, ECDH_GENERIC = 1, 2
"""Arcs of the generic mapping below `PACE_OID`; also DH and ECDH below the chip authentication object identifiers."""


@dataclass(frozen=True, slots=True)
class PaceInfo:
    """One way of PACE: its object identifier, version and domain parameter number (None when the chip states none)."""

    oid: str
    version: int = 2
    parameter_id: int | None = 13

    @property
    def mapping(self) -> int:
        """The arc of key agreement and mapping: 1 DH-GM, 2 ECDH-GM, 3 DH-IM, 4 ECDH-IM, 6 ECDH-CAM."""
        return int(self.oid.split(".")[-2])

    @property
    def suite(self) -> CipherSuite | None:
        """The cipher, None when the arc is unknown."""
        return _SUITE_BY_ARC.get(int(self.oid.split(".")[-1]))


@dataclass(frozen=True, slots=True)
class ChipAuthenticationInfo:
    """One way of chip authentication and the key it uses (None: the only one)."""

    oid: str
    version: int = 1
    key_id: int | None = None

    @property
    def agreement(self) -> int:
        """1 for DH, 2 for ECDH."""
        return int(self.oid.split(".")[-2])

    @property
    def suite(self) -> CipherSuite | None:
        """The cipher, None when the arc is unknown."""
        return _SUITE_BY_ARC.get(int(self.oid.split(".")[-1]))


@dataclass(frozen=True, slots=True)
class ChipAuthenticationKey:
    """A static public key of the chip; curve and point are None when it is no key on a curve that we know."""

    oid: str
    curve: Curve | None
    point: Point | None = field(repr=False)
    key_id: int | None = None


@dataclass(frozen=True, slots=True)
class SecurityInfos:
    """What a chip offers; `active_authentication` is the object identifier of its ECDSA variant, `unknown` a count."""

    pace: tuple[PaceInfo, ...] = ()
    chip_authentication: tuple[ChipAuthenticationInfo, ...] = ()
    chip_authentication_keys: tuple[ChipAuthenticationKey, ...] = ()
    active_authentication: str | None = None
    unknown: int = 0


def pace_oid(mapping: int, suite: CipherSuite) -> str:
    """The object identifier of PACE with a mapping arc (see `PaceInfo.mapping`) and a cipher."""
    return f"{PACE_OID}.{mapping}.{_ARC_BY_SUITE[suite]}"


def chip_authentication_oid(suite: CipherSuite) -> str:
    """The object identifier of chip authentication by ECDH with a cipher."""
    return f"{CHIP_AUTHENTICATION_OID}.{ECDH_GENERIC}.{_ARC_BY_SUITE[suite]}"


def parse_card_access(data: bytes) -> SecurityInfos:
    """EF.CardAccess: a SET of SecurityInfo; raises MalformedData."""
    return _parse_set(parse_one(data, _SET, _DOING))


def parse_dg14(data: bytes) -> SecurityInfos:
    """DG14, the whole file with its tag; raises MalformedData."""
    return parse_card_access(parse_one(data, _DG14, _DOING))


def _parse_set(content: bytes) -> SecurityInfos:
    entries = parse_tlvs(content, _DOING)
    if len(entries) > MAX_INFOS:
        raise MalformedData(_DOING, "too many entries")
    pace: list[PaceInfo] = []
    chip: list[ChipAuthenticationInfo] = []
    keys: list[ChipAuthenticationKey] = []
    active: str | None = None
    unknown = 0
    for entry in entries:
        oid, parts = _parse_info(entry)
        if _below(oid, PACE_OID, 2):
            pace.append(PaceInfo(oid, _integer(parts, 0) or 0, _integer(parts, 1)))
        elif _below(oid, CHIP_AUTHENTICATION_OID, 2):
            chip.append(ChipAuthenticationInfo(oid, _integer(parts, 0) or 0, _integer(parts, 1)))
        elif _below(oid, CHIP_AUTHENTICATION_KEY_OID, 1):
            keys.append(_parse_key(oid, parts))
        elif oid == ACTIVE_AUTHENTICATION_OID:
            active = _part_oid(parts, 1)
        else:
            unknown += 1
    return SecurityInfos(tuple(pace), tuple(chip), tuple(keys), active, unknown)


def _below(oid: str, parent: str, arcs: int) -> bool:
    return oid.startswith(parent + ".") and oid.count(".") == parent.count(".") + arcs


def _parse_info(entry: Tlv) -> tuple[str, tuple[Tlv, ...]]:
    if entry.tag != _SEQUENCE:
        raise MalformedData(_DOING, "an entry is no SEQUENCE")
    parts = parse_tlvs(entry.value, _DOING)
    return _part_oid(parts, 0), parts[1:]


def _part_oid(parts: Sequence[Tlv], index: int) -> str:
    if index >= len(parts) or parts[index].tag != _OID:
        raise MalformedData(_DOING, "an object identifier is missing")
    return decode_oid(parts[index].value)


def _integer(parts: Sequence[Tlv], index: int) -> int | None:
    if index >= len(parts):
        return None
    value = parts[index].value
    if parts[index].tag != _INTEGER or not value or len(value) > MAX_NUMBER_BYTES or value[0] & 0x80:
        raise MalformedData(_DOING, "a version or identifier that is no small number")
    return int.from_bytes(value, "big")


def _parse_key(oid: str, parts: tuple[Tlv, ...]) -> ChipAuthenticationKey:
    if not parts or parts[0].tag != _SEQUENCE:
        raise MalformedData(_DOING, "the public key is missing")
    found = parse_ec_public_key(encode_tlv(_SEQUENCE, parts[0].value))
    key_id = _integer(parts, 1)
    return ChipAuthenticationKey(oid, None, None, key_id) if found is None else ChipAuthenticationKey(oid, *found, key_id)


def parse_ec_public_key(data: bytes) -> tuple[Curve, Point] | None:
    """Curve and point of a SubjectPublicKeyInfo; None when it is no key on a curve that we know. Raises MalformedData."""
    algorithm, key = _two(parse_tlvs(parse_one(data, _SEQUENCE, _DOING), _DOING))
    parts = parse_tlvs(algorithm.value, _DOING)
    if _part_oid(parts, 0) != EC_PUBLIC_KEY_OID or len(parts) < 2:
        return None
    curve = _named_curve(parts[1]) if parts[1].tag == _OID else _explicit_curve(parts[1])
    if curve is None:
        return None
    if key.tag != _BITS or not key.value.startswith(b"\x00"):
        raise MalformedData(_DOING, "the public key is no bit string")
    return curve, curve.decode(key.value[1:])


def _two(parts: tuple[Tlv, ...]) -> tuple[Tlv, Tlv]:
    if len(parts) != 2:
        raise MalformedData(_DOING, "a public key without its two parts")
    return parts[0], parts[1]


def _named_curve(part: Tlv) -> Curve | None:
    number = CURVE_OIDS.get(decode_oid(part.value))
    return None if number is None else CURVES[number]


def _explicit_curve(part: Tlv) -> Curve | None:
    """The standard curve that ECParameters spell out (RFC 3279 §2.3.5, which Doc 9303-12 §4.1.6.3 demands)."""
    parts = parse_tlvs(part.value, _DOING)
    if len(parts) < 5 or [item.tag for item in parts[:5]] != [_INTEGER, _SEQUENCE, _SEQUENCE, _OCTETS, _INTEGER]:
        raise MalformedData(_DOING, "explicit curve parameters are incomplete")
    prime_field = parse_tlvs(parts[1].value, _DOING)
    equation = parse_tlvs(parts[2].value, _DOING)
    if _part_oid(prime_field, 0) != _PRIME_FIELD_OID or len(prime_field) < 2 or len(equation) < 2:
        return None
    base = parts[3].value
    half = len(base) // 2
    if len(base) < 3 or base[0] != 0x04 or len(base) % 2 == 0:
        return None
    generator = Point(_unsigned(base[1 : 1 + half]), _unsigned(base[1 + half :]))
    prime = _unsigned(prime_field[1].value)
    if prime == 0:
        return None
    return curve_by_values(
        prime, _unsigned(equation[0].value), _unsigned(equation[1].value), generator, _unsigned(parts[4].value)
    )


def _unsigned(data: bytes) -> int:
    return int.from_bytes(data, "big")


def decode_oid(data: bytes) -> str:
    """The dotted form of an object identifier's content; raises MalformedData."""
    if not data or data[-1] & 0x80 or len(data) > 64:
        raise MalformedData(_DOING, "an object identifier that ends early or is too long")
    arcs: list[int] = []
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))


def encode_oid(dotted: str) -> bytes:
    """The content of an object identifier from its dotted form."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return b"".join(_base128(arc) for arc in (40 * first + second, *rest))


def _base128(arc: int) -> bytes:
    out = bytes((arc & 0x7F,))
    while arc := arc >> 7:
        out = bytes((arc & 0x7F | 0x80,)) + out
    return out


def _encode_integer(value: int) -> bytes:
    return encode_tlv(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _encode_info(oid: str, *parts: bytes) -> bytes:
    return encode_tlv(_SEQUENCE, encode_tlv(_OID, encode_oid(oid)) + b"".join(parts))


def _encode_set(infos: Sequence[bytes]) -> bytes:
    return encode_tlv(_SET, b"".join(sorted(infos)))


def encode_card_access(pace_infos: Sequence[PaceInfo]) -> bytes:
    """EF.CardAccess that offers these ways of PACE."""
    return _encode_set([_encode_pace(info) for info in pace_infos])


def _encode_pace(info: PaceInfo) -> bytes:
    parameter = b"" if info.parameter_id is None else _encode_integer(info.parameter_id)
    return _encode_info(info.oid, _encode_integer(info.version), parameter)


def encode_dg14(
    public_key: EllipticCurvePublicKey,
    suite: CipherSuite = CipherSuite.AES128,
    key_id: int | None = None,
    active_authentication: str | None = None,
    pace_infos: Sequence[PaceInfo] = (),
) -> bytes:
    """DG14 that offers chip authentication by ECDH with this static key.

    `pace_infos` repeats what EF.CardAccess offers, because nobody signs that file (Doc 9303-11 §9.2).
    `active_authentication` is the signature's object identifier when DG15 holds an ECDSA key (Doc 9303-11 §6.1.2.4).
    """
    identifier = b"" if key_id is None else _encode_integer(key_id)
    infos = [
        _encode_info(chip_authentication_oid(suite), _encode_integer(1), identifier),
        _encode_info(f"{CHIP_AUTHENTICATION_KEY_OID}.{ECDH_GENERIC}", encode_ec_public_key(public_key), identifier),
    ]
    if active_authentication is not None:
        signature = encode_tlv(_OID, encode_oid(active_authentication))
        infos.append(_encode_info(ACTIVE_AUTHENTICATION_OID, _encode_integer(1), signature))
    infos += map(_encode_pace, pace_infos)
    return encode_tlv(_DG14, _encode_set(infos))


def encode_ec_public_key(public_key: EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo with explicit curve parameters, as Doc 9303 demands; raises MalformedData for another curve."""
    curve = curve_by_name(public_key.curve.name)
    if curve is None:
        raise MalformedData("encoding a public key", "not one of the standard curves")
    numbers = public_key.public_numbers()
    size = curve.field_bytes
    equation = encode_tlv(_OCTETS, curve.a.to_bytes(size, "big")) + encode_tlv(_OCTETS, curve.b.to_bytes(size, "big"))
    parameters = (
        _encode_integer(1)
        + encode_tlv(_SEQUENCE, encode_tlv(_OID, encode_oid(_PRIME_FIELD_OID)) + _encode_integer(curve.p))
        + encode_tlv(_SEQUENCE, equation)
        + encode_tlv(_OCTETS, curve.encode(curve.generator))
        + _encode_integer(curve.n)
        + _encode_integer(1)
    )
    algorithm = encode_tlv(_OID, encode_oid(EC_PUBLIC_KEY_OID)) + encode_tlv(_SEQUENCE, parameters)
    key = b"\x00" + curve.encode(Point(numbers.x, numbers.y))
    return encode_tlv(_SEQUENCE, encode_tlv(_SEQUENCE, algorithm) + encode_tlv(_BITS, key))
