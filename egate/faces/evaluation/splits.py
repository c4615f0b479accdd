"""People kept apart: some to tune with, some to set thresholds on, some to report on, none in two parts.

The part of a person follows from the seed and the name alone, so a split is the same on every machine and a person who is added
later moves nobody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

DEFAULT_SEED = 2026

_SHARES = (("tune", 0.2), ("calibrate", 0.6), ("report", 1.0))
"""Upper end of each part: a fifth to tune, two fifths to calibrate, two fifths to report."""


class Part(Enum):
    """What a person's pictures may be used for."""

    TUNE = "tune"
    CALIBRATE = "calibrate"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class SplitLine:
    """One part of a split as it is printed: `digest` is the SHA-256 of its sorted names, so that two runs can be compared."""

    part: Part
    identities: int
    pictures: int
    digest: str


def part_of(identity: str, seed: int) -> Part:
    """The part of one person."""
    number = int.from_bytes(hashlib.sha256(f"{seed}:{identity}".encode()).digest()[:8]) / 2**64
    return Part(next(name for name, end in _SHARES if number < end or end == 1.0))


def describe(owners: Sequence[str], seed: int) -> tuple[SplitLine, ...]:
    """The split of pictures whose identities are given."""
    lines = []
    for part in Part:
        chosen = [name for name in owners if part_of(name, seed) is part]
        people = sorted(set(chosen))
        digest = hashlib.sha256("\n".join(people).encode()).hexdigest()
        lines.append(SplitLine(part, len(people), len(chosen), digest))
    return tuple(lines)
