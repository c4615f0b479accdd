"""Elliptic curves of travel documents: what `cryptography` lacks, and no more.

Sources: ICAO Doc 9303-11 §9.5.1 (curves), BSI TR-03111 (encodings), RFC 5639 and FIPS 186-4 (curve values).
PACE needs point addition and multiplication of arbitrary points. Rule: secret scalars are multiplied by OpenSSL, in constant
time, wherever it knows the curve: ECDH yields x(kP), the square root gives y up to its sign, and x((k+1)P) settles the sign.
brainpoolP192r1, P224r1 and P320r1 (and secp224r1, whose prime has no cheap square root, and curves that a chip spells out) are
multiplied here in Python.

What that gives. A secret scalar is blinded by a random multiple of the order, brought to a fixed length and climbed on a ladder:
each bit costs one addition and one doubling, in coordinates that are randomised anew each time. So neither the number nor the
order of operations depends on the scalar, and what leaks in one run belongs to numbers that no other run repeats. What it does
not give: Python's integers are not constant-time, their work depends a little on their values. Against an attacker who times
us through a card reader, with ephemeral scalars, that is ample; against one who shares our processor it is not a promise.
Without `entropy` the scalar counts as public and the faster way is taken (verification, judging parameters).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from egate.model.errors import MalformedData

BLINDING_BITS = 64
"""Random bits that a scalar is blinded with; as many runs would have to repeat before two share a blinded scalar."""

_DOING = "computing on an elliptic curve"
_Jacobian = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Point:
    """A finite point; the point at infinity is None wherever it can occur."""

    x: int = field(repr=False)
    y: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Curve:
    """A short Weierstrass curve of prime order y² = x³ + ax + b over the field of `p`; `openssl` where OpenSSL knows it."""

    name: str
    p: int = field(repr=False)
    a: int = field(repr=False)
    b: int = field(repr=False)
    generator: Point = field(repr=False)
    n: int = field(repr=False)
    openssl: ec.EllipticCurve | None = field(repr=False, default=None)

    @property
    def field_bytes(self) -> int:
        """Length of a coordinate in bytes."""
        return (self.p.bit_length() + 7) // 8

    def contains(self, point: Point) -> bool:
        """Whether the coordinates are in range and satisfy the equation of the curve."""
        in_range = 0 <= point.x < self.p and 0 <= point.y < self.p
        return in_range and (point.y * point.y - (point.x * point.x + self.a) * point.x - self.b) % self.p == 0

    def encode(self, point: Point) -> bytes:
        """The uncompressed encoding 04 ‖ x ‖ y (TR-03111 §3.2.1)."""
        size = self.field_bytes
        return b"\x04" + point.x.to_bytes(size, "big") + point.y.to_bytes(size, "big")

    def decode(self, data: bytes) -> Point:
        """The point of an uncompressed encoding; raises MalformedData when it is not one or not on the curve."""
        size = self.field_bytes
        if len(data) != 1 + 2 * size or data[0] != 0x04:
            raise MalformedData(_DOING, "not an uncompressed point of this curve")
        point = Point(int.from_bytes(data[1 : 1 + size], "big"), int.from_bytes(data[1 + size :], "big"))
        if not self.contains(point):
            raise MalformedData(_DOING, "a point that is not on the curve")
        return point

    def add(self, left: Point | None, right: Point | None) -> Point | None:
        """The sum of two points."""
        if left is None or right is None:
            return left if right is None else right
        if left.x == right.x and (left.y + right.y) % self.p == 0:
            return None
        if left == right:
            slope = (3 * left.x * left.x + self.a) * pow(2 * left.y, -1, self.p)
        else:
            slope = (right.y - left.y) * pow(right.x - left.x, -1, self.p)
        x = (slope * slope - left.x - right.x) % self.p
        return Point(x, (slope * (left.x - x) - left.y) % self.p)

    def multiply(self, scalar: int, point: Point, entropy: Callable[[int], bytes] | None = None) -> Point | None:
        """`scalar` times a point of the curve; with `entropy` the scalar is a secret and is multiplied as one (see the rule)."""
        scalar %= self.n
        if scalar == 0:
            return None
        if self.openssl is None or self.p % 4 != 3:
            return _multiply_in_python(self, scalar, point) if entropy is None else _climb(self, scalar, point, entropy)
        if point == self.generator:
            numbers = ec.derive_private_key(scalar, self.openssl).public_key().public_numbers()
            return Point(numbers.x, numbers.y)
        return _multiply_by_exchange(self, self.openssl, scalar, point)

    def has_order(self, point: Point) -> bool:
        """Whether `n` times a point of the curve is the neutral element, computed without trusting that it is."""
        return _multiply_in_python(self, self.n, point) is None


def _multiply_by_exchange(curve: Curve, openssl: ec.EllipticCurve, scalar: int, point: Point) -> Point:
    """k·P from two key agreements (see the rule above)."""
    if scalar == curve.n - 1:
        return Point(point.x, curve.p - point.y)
    public = ec.EllipticCurvePublicNumbers(point.x, point.y, openssl).public_key()
    x = _exchange(openssl, scalar, public)
    y = pow((x * x * x + curve.a * x + curve.b) % curve.p, (curve.p + 1) // 4, curve.p)
    candidate = Point(x, y)
    following = curve.add(candidate, point)
    if following is not None and following.x == _exchange(openssl, scalar + 1, public):
        return candidate
    return Point(x, curve.p - y)


def _exchange(openssl: ec.EllipticCurve, scalar: int, public: ec.EllipticCurvePublicKey) -> int:
    return int.from_bytes(ec.derive_private_key(scalar, openssl).exchange(ec.ECDH(), public), "big")


def _multiply_in_python(curve: Curve, scalar: int, point: Point) -> Point | None:
    """Double and add in Jacobian coordinates (X/Z², Y/Z³); Z = 0 is the point at infinity. For public scalars."""
    p, a = curve.p, curve.a
    x, y, z = 0, 1, 0
    for bit in bin(scalar)[2:]:
        x, y, z = _double(x, y, z, a, p)
        if bit == "1":
            x, y, z = _add_affine((x, y, z), point, a, p)
    return _affine((x, y, z), p)


def _affine(point: _Jacobian, p: int) -> Point | None:
    x, y, z = point
    if z == 0:
        return None
    inverse = pow(z, -1, p)
    square = inverse * inverse % p
    return Point(x * square % p, y * square * inverse % p)


def _climb(curve: Curve, scalar: int, point: Point, entropy: Callable[[int], bytes]) -> Point | None:
    """Montgomery's ladder over a blinded scalar of fixed length, from a point in randomised coordinates. For secret scalars."""
    p, a = curve.p, curve.a
    blinded = _blinded(scalar, curve.n, entropy)
    z = int.from_bytes(entropy(curve.field_bytes + BLINDING_BITS // 8), "big") % (p - 1) + 1
    zz = z * z % p
    lower: _Jacobian = (point.x * zz % p, point.y * zz * z % p, z)
    rungs = [lower, _double(*lower, a, p)]
    for position in range(blinded.bit_length() - 2, -1, -1):
        bit = blinded >> position & 1
        total = _add(rungs[0], rungs[1], a, p)
        rungs[bit] = _double(*rungs[bit], a, p)
        rungs[bit ^ 1] = total
    return _affine(rungs[0], p)


def _blinded(scalar: int, order: int, entropy: Callable[[int], bytes]) -> int:
    """A number congruent to `scalar` modulo the order, random beyond that and of a length that depends on the order alone."""
    whole = order << BLINDING_BITS
    number = scalar + order * int.from_bytes(entropy(BLINDING_BITS // 8), "big") + whole
    return (number + whole, number)[number.bit_length() > whole.bit_length()]


def _double(x: int, y: int, z: int, a: int, p: int) -> tuple[int, int, int]:
    yy = y * y % p
    s = 4 * x * yy % p
    zz = z * z % p
    m = (3 * x * x + a * zz * zz) % p
    doubled = (m * m - 2 * s) % p
    return doubled, (m * (s - doubled) - 8 * yy * yy) % p, 2 * y * z % p


def _add(left: _Jacobian, right: _Jacobian, a: int, p: int) -> _Jacobian:
    """The sum of two points in Jacobian coordinates. On a ladder the branches are never taken but for points of small order."""
    x1, y1, z1 = left
    x2, y2, z2 = right
    if z1 == 0 or z2 == 0:
        return right if z1 == 0 else left
    zz1, zz2 = z1 * z1 % p, z2 * z2 % p
    u1, s1 = x1 * zz2 % p, y1 * zz2 * z2 % p
    h, r = (x2 * zz1 - u1) % p, (y2 * zz1 * z1 - s1) % p
    if h == 0:
        return _double(x1, y1, z1, a, p) if r == 0 else (0, 1, 0)
    hh = h * h % p
    hhh, v = h * hh % p, u1 * hh % p
    x = (r * r - hhh - 2 * v) % p
    return x, (r * (v - x) - s1 * hhh) % p, z1 * z2 * h % p


def _add_affine(left: tuple[int, int, int], right: Point, a: int, p: int) -> tuple[int, int, int]:
    x, y, z = left
    if z == 0:
        return right.x, right.y, 1
    zz = z * z % p
    h = (right.x * zz - x) % p
    r = (right.y * zz * z - y) % p
    if h == 0:
        return _double(x, y, z, a, p) if r == 0 else (0, 1, 0)
    hh = h * h % p
    hhh = h * hh % p
    v = x * hh % p
    added = (r * r - hhh - 2 * v) % p
    return added, (r * (v - added) - y * hhh) % p, z * h % p


def verify_ecdsa(curve: Curve, public: Point, digest: bytes, signature: tuple[int, int]) -> bool:
    """Whether (r, s) signs `digest` under `public` (TR-03111 §4.2.1.2), for the curves that OpenSSL does not have.

    Nothing here is secret, so the time that it takes tells nothing.
    """
    r, s = signature
    if not (0 < r < curve.n and 0 < s < curve.n and curve.contains(public)):
        return False
    excess_bits = max(0, len(digest) * 8 - curve.n.bit_length())
    number = int.from_bytes(digest, "big") >> excess_bits
    inverse = pow(s, -1, curve.n)
    left = _multiply_in_python(curve, number * inverse % curve.n, curve.generator)
    right = _multiply_in_python(curve, r * inverse % curve.n, public)
    total = curve.add(left, right)
    return total is not None and total.x % curve.n == r
