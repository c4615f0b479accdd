"""Every fuzz target on its seeds, cut at each place and with seeded damage: the errors that it may raise, and nothing else.

`make fuzz` goes on from here with coverage as its guide.
"""

from __future__ import annotations

import random

import pytest

from tests.fuzz.__main__ import LONGEST_BYTES
from tests.fuzz.targets import Target, targets

TARGETS = targets()
DAMAGED = 150


def _variants(seed: bytes, chance: random.Random) -> list[bytes]:
    step = max(1, len(seed) // 60)
    found = [seed, b"", *(seed[:cut] for cut in range(0, len(seed), step)), seed + b"\x00", bytes(64), b"\xff" * 64]
    for _ in range(DAMAGED if len(seed) < 4096 else DAMAGED // 10):
        damaged = bytearray(seed or b"\x00")
        for _ in range(chance.choice((1, 1, 2, 8))):
            damaged[chance.randrange(len(damaged))] = chance.choice((0, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        found.append(bytes(damaged))
    return found


@pytest.mark.parametrize("name", list(TARGETS))
def test_nothing_else_is_ever_raised(name: str) -> None:
    target: Target = TARGETS[name]
    chance = random.Random(f"{name} 20261124")
    for seed in target.seeds[:6] or (b"",):
        for data in _variants(seed, chance):
            target.try_on(data)


@pytest.mark.parametrize("name", list(TARGETS))
def test_a_seed_is_read_to_its_end(name: str) -> None:
    """With or without the shared data: a fuzzer that begins with inputs refused at their first bytes never sees the rest."""
    first = TARGETS[name].seeds[0]
    assert len(first) <= LONGEST_BYTES
    TARGETS[name].parse(first)
