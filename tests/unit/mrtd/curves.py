"""Curves that are none of the standard ones: a sound one that nobody lists, and weak ones that a hostile chip could spell out.

PRIME239V1 is the curve of ANSI X9.62 §J.5.3. ANOMALOUS has as many points as its field has elements, made by complex
multiplication with discriminant -3 (4p = 1 + 3v², v = 2^100 + 381): logarithms on it are divisions (Smart's attack). PAIRING is
alt_bn128 of EIP-196: a pairing moves its logarithms into a field of twelve times the size.
"""

from __future__ import annotations

from egate.mrtd.crypto.ec import Curve, Point

PRIME239V1 = Curve(
    "explicit",
    0x7FFFFFFFFFFFFFFFFFFFFFFF7FFFFFFFFFFF8000000000007FFFFFFFFFFF,
    0x7FFFFFFFFFFFFFFFFFFFFFFF7FFFFFFFFFFF8000000000007FFFFFFFFFFC,
    0x6B016C3BDCF18941D0D654921475CA71A9DB2FB27D1D37796185C2942C0A,
    Point(
        0x0FFA963CDCA8816CCC33B8642BEDF905C3D358573D3F27FBBD3B3CB9AAAF,
        0x7DEBE8E4E90A5DAE6E4054CA530BA04654B36818CE226B39FCCB7B02F1AE,
    ),
    0x7FFFFFFFFFFFFFFFFFFFFFFF7FFFFF9E5E9A9F5D9071FBD1522688909D0B,
)

_ANOMALOUS_PRIME = (1 + 3 * ((1 << 100) + 381) ** 2) // 4
ANOMALOUS = Curve(
    "explicit",
    _ANOMALOUS_PRIME,
    0,
    21,
    Point(1, 0x52CB392D54C6B5761AC91C89186FBA28A5F82160A33CFEB914),
    _ANOMALOUS_PRIME,
)
PAIRING = Curve(
    "explicit",
    21888242871839275222246405745257275088696311157297823662689037894645226208583,
    0,
    3,
    Point(1, 2),
    21888242871839275222246405745257275088548364400416034343698204186575808495617,
)
