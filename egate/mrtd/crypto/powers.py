"""Powers modulo a number that somebody else chose, computed in pieces.

Rule: no single operation lasts longer than a few milliseconds. The interpreter runs one thread at a time and changes it only
between operations, so one long exponentiation would hold up the loop that moves the doors, whatever thread it runs in (I5).
"""

from __future__ import annotations

MOST_AT_ONCE = 1 << 30
"""Bits of the exponent times bits of the modulus squared: 256 by 2048 bits take some 5 ms at once."""
_WINDOW_BITS = 5
"""A window costs one multiplication beside its squarings, and a table of 32 numbers."""


def power(base: int, exponent: int, modulus: int) -> int:
    """`pow(base, exponent, modulus)` for an exponent that is not negative, at the same cost, in pieces where it is large."""
    if exponent.bit_length() * modulus.bit_length() ** 2 <= MOST_AT_ONCE:
        return pow(base, exponent, modulus)
    table = [1 % modulus]
    for _ in range((1 << _WINDOW_BITS) - 1):
        table.append(table[-1] * base % modulus)
    value = 1
    windows = -(-exponent.bit_length() // _WINDOW_BITS)
    for place in range((windows - 1) * _WINDOW_BITS, -1, -_WINDOW_BITS):
        digit = exponent >> place & (1 << _WINDOW_BITS) - 1
        value = pow(value, 1 << _WINDOW_BITS, modulus) * table[digit] % modulus
    return value
