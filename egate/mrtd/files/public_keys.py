"""Public keys and domain parameters of key agreement as chip files spell them: SubjectPublicKeyInfo and AlgorithmIdentifier.

Sources: RFC 5480 and RFC 3279 §2.3.3, §2.3.5 (curves, X9.42 groups), PKCS #3 (groups without their order), BSI TR-03110-3
§A.2.1.1 (parameters by number), ICAO Doc 9303-12 §4.1.6.3 (explicit parameters). Rule: a parser says what is spelled out.
Parameters that are standard are recognised as such; others are returned only as `ExplicitParameters`, which nobody may compute
with before `egate.mrtd.crypto.soundness` has judged them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, agreement_by_id
from egate.mrtd.crypto.domain_parameters import CURVE_OIDS, CURVES, GROUPS, Group, curve_by_name, curve_by_values
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.crypto.soundness import ExplicitParameters, Parameters
from egate.mrtd.files.der import (
    BITS,
    INTEGER,
    OCTETS,
    OID,
    SEQUENCE,
    encode_integer,
    encode_object_identifier,
    encode_sequence,
    part_oid,
    small_integer,
    unsigned,
)
from egate.mrtd.files.tlv import Tlv, encode_tlv, parse_one, parse_tlvs

MAX_PARAMETER_BYTES = 1025
"""Integers of groups up to 8192 bits, with a leading zero; longer ones come from no real chip."""

EC_PUBLIC_KEY_OID = "1.2.840.10045.2.1"
DH_PUBLIC_NUMBER_OID = "1.2.840.10046.2.1"
PKCS3_DH_OID = "1.2.840.113549.1.3.1"
STANDARD_PARAMETERS_OID = "0.4.0.127.0.7.1.2"
"""Names a standardised set of domain parameters by its number (TR-03110-3 §A.2.1.1)."""
PRIME_FIELD_OID = "1.2.840.10045.1.1"

_DOING = "parsing a public key"
EXPLICIT = "explicit"
"""The name of curves and groups that a chip spells out and nobody standardised."""


@dataclass(frozen=True, slots=True)
class AgreementPublicKey:
    """A public key for key agreement: its domain parameters and its encoded element (a point, or an integer)."""

    parameters: Parameters
    encoded: bytes = field(repr=False)


def parse_ec_public_key(data: bytes) -> tuple[Curve, Point] | None:
    """Curve and point of a SubjectPublicKeyInfo; None when it is no key on a standard curve. Raises MalformedData."""
    algorithm, key = _two(parse_tlvs(parse_one(data, SEQUENCE, _DOING), _DOING))
    parts = parse_tlvs(algorithm.value, _DOING)
    if part_oid(parts, 0, _DOING) not in {EC_PUBLIC_KEY_OID, STANDARD_PARAMETERS_OID} or len(parts) < 2:
        return None
    parameters = _parse_algorithm(parts)
    if not isinstance(parameters, CurveAgreement):
        return None
    return parameters.curve, parameters.decode(_bits(key))


def parse_agreement_key(data: bytes) -> AgreementPublicKey | None:
    """The key of a SubjectPublicKeyInfo; None when its algorithm is none of key agreement. Raises MalformedData."""
    algorithm, key = _two(parse_tlvs(parse_one(data, SEQUENCE, _DOING), _DOING))
    parameters = _parse_algorithm(parse_tlvs(algorithm.value, _DOING))
    if parameters is None:
        return None
    bits = _bits(key)
    if isinstance(parameters, CurveAgreement):
        parameters.decode(bits)
    by_number = isinstance(parameters, GroupAgreement) or (
        isinstance(parameters, ExplicitParameters) and isinstance(parameters.parameters, Group)
    )
    return AgreementPublicKey(parameters, _number(bits) if by_number else bits)


def parse_parameters(algorithm: bytes) -> Parameters | None:
    """The domain parameters of the content of an AlgorithmIdentifier; None when it is none of key agreement."""
    return _parse_algorithm(parse_tlvs(algorithm, _DOING))


def _two(parts: tuple[Tlv, ...]) -> tuple[Tlv, Tlv]:
    if len(parts) != 2:
        raise MalformedData(_DOING, "a public key without its two parts")
    return parts[0], parts[1]


def _bits(key: Tlv) -> bytes:
    if key.tag != BITS or not key.value.startswith(b"\x00"):
        raise MalformedData(_DOING, "the public key is no bit string")
    return key.value[1:]


def _number(bits: bytes) -> bytes:
    """The bytes of the integer that a public value in a group is wrapped in; some issuers leave the wrapping out."""
    try:
        return parse_one(bits, INTEGER, _DOING).lstrip(b"\x00")
    except MalformedData:
        return bits.lstrip(b"\x00")


def _parse_algorithm(parts: tuple[Tlv, ...]) -> Parameters | None:
    oid = part_oid(parts, 0, _DOING)
    if oid == STANDARD_PARAMETERS_OID:
        number = small_integer(parts, 1, _DOING)
        return None if number is None else agreement_by_id(number)
    if len(parts) < 2:
        return None
    if oid == EC_PUBLIC_KEY_OID:
        return _named_curve(parts[1]) if parts[1].tag == OID else _explicit_curve(parts[1])
    if oid in {DH_PUBLIC_NUMBER_OID, PKCS3_DH_OID}:
        return _explicit_group(parts[1], stated_order=oid == DH_PUBLIC_NUMBER_OID)
    return None


def _named_curve(part: Tlv) -> CurveAgreement | None:
    number = CURVE_OIDS.get(part_oid((part,), 0, _DOING))
    return None if number is None else CurveAgreement(CURVES[number])


def _explicit_curve(part: Tlv) -> CurveAgreement | ExplicitParameters | None:
    """The curve that ECParameters spell out (RFC 3279 §2.3.5); None when it is not one over a prime field."""
    parts = parse_tlvs(part.value, _DOING)
    if len(parts) < 5 or [item.tag for item in parts[:5]] != [INTEGER, SEQUENCE, SEQUENCE, OCTETS, INTEGER]:
        raise MalformedData(_DOING, "explicit curve parameters are incomplete")
    prime_field = parse_tlvs(parts[1].value, _DOING)
    equation = parse_tlvs(parts[2].value, _DOING)
    if part_oid(prime_field, 0, _DOING) != PRIME_FIELD_OID or len(prime_field) < 2 or len(equation) < 2:
        return None
    base = parts[3].value
    half = len(base) // 2
    if len(base) < 3 or base[0] != 0x04 or len(base) % 2 == 0:
        return None
    values = (prime_field[1].value, equation[0].value, equation[1].value, parts[4].value)
    if max(map(len, (*values, base[half:]))) > MAX_PARAMETER_BYTES:
        raise MalformedData(_DOING, "curve parameters that are too long")
    p, a, b, n = map(unsigned, values)
    generator = Point(unsigned(base[1 : 1 + half]), unsigned(base[1 + half :]))
    if p == 0:
        return None
    known = curve_by_values(p, a, b, generator, n)
    if known is not None:
        return CurveAgreement(known)
    cofactor = small_integer(parts, 5, _DOING) if len(parts) > 5 and parts[5].tag == INTEGER else 1
    return ExplicitParameters(Curve(EXPLICIT, p, a, b, generator, n), cofactor or 0)


def _explicit_group(part: Tlv, *, stated_order: bool) -> GroupAgreement | ExplicitParameters:
    """The group of X9.42 (p, g, q) or PKCS #3 (p, g): a standard one where p and g are its own."""
    parts = parse_tlvs(parse_one(encode_tlv(part.tag, part.value), SEQUENCE, _DOING), _DOING)
    needed = 3 if stated_order else 2
    if len(parts) < needed or any(item.tag != INTEGER for item in parts[:needed]):
        raise MalformedData(_DOING, "group parameters are incomplete")
    if max(len(item.value) for item in parts[:needed]) > MAX_PARAMETER_BYTES:
        raise MalformedData(_DOING, "group parameters that are too long")
    p, g, q = (unsigned(item.value) for item in (*parts[:needed], Tlv(INTEGER, b"\x00"))[:3])
    for group in GROUPS.values():
        if (group.p, group.g) == (p, g) and q in {0, group.q}:
            return GroupAgreement(group)
    return ExplicitParameters(Group(EXPLICIT, p, g, q))


def encode_ec_public_key(public_key: EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo with explicit curve parameters, as Doc 9303 demands; raises MalformedData for another curve."""
    curve = curve_by_name(public_key.curve.name)
    if curve is None:
        raise MalformedData("encoding a public key", "not one of the standard curves")
    numbers = public_key.public_numbers()
    agreement = CurveAgreement(curve)
    return encode_agreement_key(agreement, agreement.encode(Point(numbers.x, numbers.y)))


def encode_agreement_key(agreement: CurveAgreement | GroupAgreement, encoded: bytes, parameter_id: int | None = None) -> bytes:
    """SubjectPublicKeyInfo of an encoded public element: with explicit parameters, or with the number of standard ones.

    A group's element is wrapped in an INTEGER beside explicit parameters (RFC 3279) and stands bare beside a number.
    """
    if parameter_id is not None:
        algorithm = encode_sequence(encode_object_identifier(STANDARD_PARAMETERS_OID), encode_integer(parameter_id))
    else:
        algorithm = encode_parameters(agreement)
    wrapped = encode_integer(unsigned(encoded)) if isinstance(agreement, GroupAgreement) and parameter_id is None else encoded
    return encode_sequence(algorithm, encode_tlv(BITS, b"\x00" + wrapped))


def encode_parameters(agreement: CurveAgreement | GroupAgreement, *, stated_order: bool = True) -> bytes:
    """AlgorithmIdentifier with explicit parameters; a group without `stated_order` in the form of PKCS #3."""
    if isinstance(agreement, GroupAgreement):
        group = agreement.group
        numbers = (group.p, group.g, group.q) if stated_order else (group.p, group.g)
        oid = DH_PUBLIC_NUMBER_OID if stated_order else PKCS3_DH_OID
        return encode_sequence(encode_object_identifier(oid), encode_sequence(*map(encode_integer, numbers)))
    curve = agreement.curve
    size = curve.field_bytes
    parameters = encode_sequence(
        encode_integer(1),
        encode_sequence(encode_object_identifier(PRIME_FIELD_OID), encode_integer(curve.p)),
        encode_sequence(*(encode_tlv(OCTETS, value.to_bytes(size, "big")) for value in (curve.a, curve.b))),
        encode_tlv(OCTETS, curve.encode(curve.generator)),
        encode_integer(curve.n),
        encode_integer(1),
    )
    return encode_sequence(encode_object_identifier(EC_PUBLIC_KEY_OID), parameters)
