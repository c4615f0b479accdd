"""Points and curves that the cryptographic library lacks, against a second implementation."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, KeyPair, agreement_by_id, new_key_pair
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS, curve_by_name, curve_by_values
from egate.mrtd.crypto.ec import BLINDING_BITS, Curve, Point, _blinded, verify_ecdsa
from tests.unit.mrtd.chip_reading import entropy

NAMES = {number: curve.name for number, curve in CURVES.items()}


@pytest.fixture(params=list(CURVES.values()), ids=lambda curve: curve.name)
def curve(request: pytest.FixtureRequest) -> Curve:
    found: Curve = request.param
    return found


def python_only(curve: Curve) -> Curve:
    """The same curve without OpenSSL."""
    return replace(curve, openssl=None)


def test_multiplication_agrees_with_python(curve: Curve) -> None:
    """OpenSSL by way of key agreements, and double-and-add: two ways, one result, for the generator and for other points."""
    source = random.Random(curve.name)
    slow = python_only(curve)
    for _ in range(3):
        first, second = source.randrange(1, curve.n), source.randrange(1, curve.n)
        point = curve.multiply(first, curve.generator)
        assert point is not None
        assert curve.contains(point)
        assert point == slow.multiply(first, curve.generator)
        assert curve.multiply(second, point) == slow.multiply(first * second % curve.n, curve.generator)


def test_secret_scalars_climb_to_the_same_point(curve: Curve) -> None:
    """The blinded ladder, which runs where OpenSSL cannot, against double-and-add, at the ends of the scalars as well."""
    slow, source = python_only(curve), random.Random(curve.name)
    point = slow.multiply(7, curve.generator)
    assert point is not None
    for scalar in (1, 2, 3, curve.n - 1, curve.n - 2, (curve.n - 1) // 2, (curve.n + 1) // 2, source.randrange(curve.n)):
        assert slow.multiply(scalar, point, source.randbytes) == slow.multiply(scalar, point)
    for scalar in (0, curve.n):
        assert slow.multiply(scalar, point, source.randbytes) is None
    for constant in (b"\x00", b"\xff"):
        assert slow.multiply(5, point, lambda size, byte=constant: byte * size) == slow.multiply(5, point)  # type: ignore[misc]  # a bound default


def test_blinded_scalars_have_one_length() -> None:
    """However small the scalar and whatever the blinding, the ladder has the same number of rungs."""
    curve = CURVES[14]
    lengths = {
        _blinded(scalar, curve.n, lambda size, byte=byte: bytes((byte,)) * size).bit_length()  # type: ignore[misc]  # as above
        for scalar in (1, 2, curve.n // 3, curve.n - 1)
        for byte in (0, 1, 0x7F, 0x80, 0xFF)
    }
    assert lengths == {(curve.n << BLINDING_BITS).bit_length() + 1}
    assert all(_blinded(9, curve.n, random.Random(seed).randbytes) % curve.n == 9 for seed in range(20))


def test_ladder_over_points_of_small_order() -> None:
    """Sums that vanish on the way are points as well: on a curve of small order, each multiple is the one counted off."""
    tiny = Curve("tiny", 23, 1, 4, Point(0, 2), 29)
    found, total = [], None
    for _ in range(29):
        total = tiny.add(total, tiny.generator)
        found.append(total)
    assert found[-1] is None
    source = random.Random(1)
    for scalar in range(1, 29):
        assert tiny.multiply(scalar, tiny.generator, source.randbytes) == found[scalar - 1]


def test_the_ends_of_the_scalars(curve: Curve) -> None:
    point = curve.multiply(5, curve.generator)
    assert point is not None
    negative = Point(point.x, curve.p - point.y)
    assert curve.multiply(1, point) == point
    assert curve.multiply(curve.n - 1, point) == negative
    assert curve.multiply(curve.n, point) is None
    assert curve.multiply(0, point) is None
    assert curve.multiply(curve.n + 1, point) == point
    assert curve.multiply(2, point) == curve.add(point, point)
    assert curve.multiply(curve.n - 2, point) == curve.add(negative, negative)


def test_addition(curve: Curve) -> None:
    generator = curve.generator
    negative = Point(generator.x, curve.p - generator.y)
    assert curve.add(generator, None) == generator
    assert curve.add(None, generator) == generator
    assert curve.add(generator, negative) is None
    three = curve.add(curve.add(generator, generator), generator)
    assert three == curve.multiply(3, generator)


def test_the_neutral_element_in_python(curve: Curve) -> None:
    """Scalars beyond the order run through infinity and come back."""
    slow = python_only(curve)
    from egate.mrtd.crypto.ec import _multiply_in_python

    assert _multiply_in_python(slow, curve.n, curve.generator) is None
    assert _multiply_in_python(slow, curve.n + 1, curve.generator) == curve.generator
    assert _multiply_in_python(slow, 2 * curve.n + 3, curve.generator) == curve.multiply(3, curve.generator)


def test_encoding(curve: Curve) -> None:
    encoded = curve.encode(curve.generator)
    assert encoded[0] == 4
    assert len(encoded) == 1 + 2 * curve.field_bytes
    assert curve.decode(encoded) == curve.generator
    for wrong in (b"", encoded[:-1], encoded + b"\x00", b"\x02" + encoded[1:], encoded[:-1] + bytes((encoded[-1] ^ 1,))):
        with pytest.raises(MalformedData):
            curve.decode(wrong)


def test_coordinates_out_of_range_are_no_point(curve: Curve) -> None:
    """An x beyond the prime would satisfy the equation as well; accepting it gives one point two encodings."""
    point = curve.generator
    assert not curve.contains(Point(point.x + curve.p, point.y))
    assert not curve.contains(Point(point.x, -point.y))


@pytest.mark.parametrize("number", [number for number, curve in CURVES.items() if curve.openssl is not None])
@pytest.mark.parametrize("hash_algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA512()], ids=lambda item: item.name)
def test_ecdsa_against_openssl(number: int, hash_algorithm: hashes.HashAlgorithm) -> None:
    curve = CURVES[number]
    assert curve.openssl is not None
    key = ec.derive_private_key(987_654_321, curve.openssl)
    numbers = key.public_key().public_numbers()
    public = Point(numbers.x, numbers.y)
    signature = decode_dss_signature(key.sign(b"challenge", ec.ECDSA(hash_algorithm)))
    context = hashes.Hash(hash_algorithm)
    context.update(b"challenge")
    digest = context.finalize()
    assert verify_ecdsa(curve, public, digest, signature)
    assert not verify_ecdsa(curve, public, bytes((digest[0] ^ 0x80,)) + digest[1:], signature)
    assert not verify_ecdsa(curve, public, digest, (signature[0], signature[1] ^ 1))
    assert not verify_ecdsa(curve, curve.generator, digest, signature)


@pytest.mark.parametrize("signature", [(0, 1), (1, 0), (-1, 1), (1, -1)])
def test_ecdsa_bounds(signature: tuple[int, int]) -> None:
    curve = CURVES[13]
    assert not verify_ecdsa(curve, curve.generator, bytes(32), signature)
    assert not verify_ecdsa(curve, curve.generator, bytes(32), (curve.n, 1))
    assert not verify_ecdsa(curve, curve.generator, bytes(32), (1, curve.n))
    assert not verify_ecdsa(curve, Point(1, 1), bytes(32), (1, 1))


def test_curves_are_found() -> None:
    curve = CURVES[13]
    assert curve_by_name("brainpoolP256r1") is curve
    assert curve_by_name("unknown") is None
    assert curve_by_values(curve.p, curve.a, curve.b, curve.generator, curve.n) is curve
    assert curve_by_values(curve.p, curve.a - curve.p, curve.b, curve.generator, curve.n) is curve
    assert curve_by_values(curve.p, curve.a, curve.b, Point(1, 1), curve.n) is None


@pytest.mark.parametrize("number", [*CURVES, *GROUPS])
def test_both_sides_agree(number: int) -> None:
    agreement = agreement_by_id(number)
    assert agreement is not None
    _agrees(agreement)
    assert agreement.name in {*NAMES.values(), *(group.name for group in GROUPS.values())}


def _agrees(agreement: CurveAgreement | GroupAgreement) -> None:
    if isinstance(agreement, CurveAgreement):
        ours = new_key_pair(agreement, agreement.base, entropy(1))
        theirs = new_key_pair(agreement, agreement.base, entropy(2))
        assert agreement.decode(agreement.encode(ours.public)) == ours.public
        left, right = agreement.multiply(ours.private, theirs.public), agreement.multiply(theirs.private, ours.public)
        assert agreement.secret(left) == agreement.secret(right)
    else:
        mine = new_key_pair(agreement, agreement.base, entropy(1))
        other = new_key_pair(agreement, agreement.base, entropy(2))
        assert agreement.decode(agreement.encode(mine.public)) == mine.public
        one, two = agreement.multiply(mine.private, other.public), agreement.multiply(other.private, mine.public)
        assert agreement.secret(one) == agreement.secret(two)


def test_unknown_domain_parameters() -> None:
    assert agreement_by_id(3) is None
    assert agreement_by_id(-1) is None


def test_a_group_refuses_what_is_not_in_it() -> None:
    agreement = agreement_by_id(0)
    assert isinstance(agreement, GroupAgreement)
    prime = agreement.group.p
    size = (prime.bit_length() + 7) // 8
    for value in (0, 1, prime - 1, prime, 2, 7):
        with pytest.raises(MalformedData):
            agreement.decode(value.to_bytes(size, "big"))
    with pytest.raises(MalformedData):
        agreement.decode(bytes(size) + agreement.encode(agreement.base))


def test_neutral_elements_are_refused() -> None:
    curve, group = agreement_by_id(13), agreement_by_id(0)
    assert isinstance(curve, CurveAgreement)
    assert isinstance(group, GroupAgreement)
    with pytest.raises(MalformedData):
        curve.multiply(curve.order, curve.base)
    with pytest.raises(MalformedData):
        curve.add(curve.base, Point(curve.base.x, curve.curve.p - curve.base.y))
    with pytest.raises(MalformedData):
        group.multiply(group.order, group.base)


def test_no_scalar_in_the_repr() -> None:
    assert "1234567" not in repr(KeyPair(1_234_567, Point(1_234_567, 1)))
    assert "1234567" not in repr(Point(1_234_567, 1_234_567))
