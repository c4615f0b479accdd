"""Powers in pieces are powers."""

from __future__ import annotations

import random

import pytest

from egate.mrtd.crypto.powers import MOST_AT_ONCE, power

BITS = ((2047, 2048), (1500, 2048), (4096, 600), (64, 8192), (3, 2048), (256, 256))


@pytest.mark.parametrize(("exponent_bits", "modulus_bits"), BITS)
def test_the_same_number_as_at_once(exponent_bits: int, modulus_bits: int) -> None:
    source = random.Random(exponent_bits)
    for _ in range(3):
        modulus = source.getrandbits(modulus_bits) | 1 << modulus_bits - 1
        base, exponent = source.getrandbits(modulus_bits + 8), source.getrandbits(exponent_bits)
        assert power(base, exponent, modulus) == pow(base, exponent, modulus)


@pytest.mark.parametrize("base", [0, 1, 2])
@pytest.mark.parametrize("low", [0, 1, 31, 32])
def test_the_ends_of_the_range(base: int, low: int) -> None:
    exponent, modulus = (1 << 2040) | low, (1 << 2048) - 1
    assert exponent.bit_length() * modulus.bit_length() ** 2 > MOST_AT_ONCE
    assert power(base, exponent, modulus) == pow(base, exponent, modulus)
    assert power(base, 0, modulus) == 1


def test_no_single_operation_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: what is computed at once stays below the limit, whatever a chip spells out."""
    largest = 0

    def counted(base: int, exponent: int, modulus: int) -> int:
        nonlocal largest
        largest = max(largest, exponent.bit_length() * modulus.bit_length() ** 2)
        return pow(base, exponent, modulus)

    monkeypatch.setattr("egate.mrtd.crypto.powers.pow", counted, raising=False)
    source = random.Random(7)
    power(source.getrandbits(2048), source.getrandbits(2048), source.getrandbits(2048) | 1 << 2047)
    assert 0 < largest <= MOST_AT_ONCE
