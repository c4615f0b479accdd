"""Random selection: a share of passages goes to an officer whatever the checks say.

Why: only a share chosen without regard to any rule can measure what the rules miss. The choice is a keyed function of the
passage, so nobody at the lane can foresee it, and whoever is given the day's key afterwards can recompute it. Off by default.
"""

from __future__ import annotations

from hashlib import blake2b

MINIMUM_SEED_BYTES = 16
"""A shorter seed could be guessed, and selections foreseen."""

_MILLION = 1_000_000


def is_selected(transaction: str, rate_ppm: int, seed: bytes) -> bool:
    """Whether a passage is selected. `rate_ppm` is the share in parts per million; 0, the default everywhere, is never.

    Raises ValueError for a rate outside 0…1 000 000 or a seed that is too short.
    """
    if not 0 <= rate_ppm <= _MILLION:
        raise ValueError("the rate of selection lies between 0 and 1 000 000 parts per million")
    if len(seed) < MINIMUM_SEED_BYTES:
        raise ValueError(f"the seed of selection has at least {MINIMUM_SEED_BYTES} bytes")
    draw = int.from_bytes(blake2b(transaction.encode(), digest_size=8, key=seed[:64]).digest(), "big")
    return draw * _MILLION < rate_ppm << 64
