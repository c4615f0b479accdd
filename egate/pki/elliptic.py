"""ECDSA verification in plain integers, for the curves that the cryptography library lacks.

Rule: verification only. Everything here is public (certificate, signature, hash), so the arithmetic need not run in constant
time; no private key may ever come near this module. Points are Jacobian (X, Y, Z); Z = 0 is the point at infinity.

Source: SEC 1 v2 §4.1.4; formulas for the doubling and addition of points from the Explicit-Formulas Database [knowledge].
"""

from __future__ import annotations

from egate.pki.curves import NamedCurve

_Point = tuple[int, int, int]
_INFINITY: _Point = (1, 1, 0)


def verify_ecdsa(curve: NamedCurve, point: tuple[int, int], digest: bytes, signature: tuple[int, int]) -> bool:
    """Whether `signature` (r, s) over `digest` was made with the private key of `point`. Rejects points off the curve."""
    r, s = signature
    if not (0 < r < curve.n and 0 < s < curve.n) or not curve.contains(*point):
        return False
    e = int.from_bytes(digest, "big")
    excess_bits = 8 * len(digest) - curve.n.bit_length()
    if excess_bits > 0:
        e >>= excess_bits
    w = pow(s, -1, curve.n)
    x_affine = _sum_of_multiples(curve, e * w % curve.n, r * w % curve.n, point)
    return x_affine is not None and x_affine % curve.n == r


def _sum_of_multiples(curve: NamedCurve, u: int, v: int, point: tuple[int, int]) -> int | None:
    """The x coordinate of u·G + v·Q by interleaved doubling; None for the point at infinity."""
    base: _Point = (curve.gx, curve.gy, 1)
    other: _Point = (*point, 1)
    both = _add(curve, base, other)
    result = _INFINITY
    for bit in range(max(u.bit_length(), v.bit_length()) - 1, -1, -1):
        result = _double(curve, result)
        chosen = (u >> bit & 1) + 2 * (v >> bit & 1)
        if chosen:
            result = _add(curve, result, (base, other, both)[chosen - 1])
    x, _y, z = result
    return x * pow(z, -2, curve.p) % curve.p if z else None


def _double(curve: NamedCurve, point: _Point) -> _Point:
    p = curve.p
    x, y, z = point
    if not z or not y:
        return _INFINITY
    y_squared = y * y % p
    s = 4 * x * y_squared % p
    m = (3 * x * x + curve.a * pow(z, 4, p)) % p
    x_new = (m * m - 2 * s) % p
    return x_new, (m * (s - x_new) - 8 * y_squared * y_squared) % p, 2 * y * z % p


def _add(curve: NamedCurve, left: _Point, right: _Point) -> _Point:
    p = curve.p
    (x1, y1, z1), (x2, y2, z2) = left, right
    if not z1 or not z2:
        return left if z1 else right
    z1_squared, z2_squared = z1 * z1 % p, z2 * z2 % p
    u1, u2 = x1 * z2_squared % p, x2 * z1_squared % p
    s1, s2 = y1 * z2_squared * z2 % p, y2 * z1_squared * z1 % p
    h, r = (u2 - u1) % p, (s2 - s1) % p
    if not h:
        return _INFINITY if r else _double(curve, left)
    h_squared = h * h % p
    h_cubed = h_squared * h % p
    v = u1 * h_squared % p
    x_new = (r * r - h_cubed - 2 * v) % p
    return x_new, (r * (v - x_new) - s1 * h_cubed) % p, h * z1 * z2 % p
