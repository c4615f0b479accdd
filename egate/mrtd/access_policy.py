"""Which way into the chip a border agency wants: the order of PACE's mappings, the weakest cipher, and when BAC may be used.

Sources: ICAO Doc 9303-11 §4.2 (order of access), BSI TR-03110-1 §3.1. Rule: a policy chooses among what a chip offers; it never
makes a protocol say that it succeeded. What was chosen, and what was tried before it, stands in the outcomes of the reading.
"""

from __future__ import annotations

from dataclasses import dataclass

from egate.mrtd.crypto.ciphers import CipherSuite

MAPPINGS = ("cam", "gm", "im")
"""Chip authentication mapping also proves the chip, and generic mapping is the one with most field experience."""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """How to choose among the ways that a chip offers; the defaults are those of the product.

    `mappings` are those that may be used, the preferred first. `minimum_cipher` is the weakest that PACE may be run with.
    `allow_bac` False never uses BAC. `bac_after_refusal` says whether BAC may follow a PACE that the chip refused by a status
    word, `bac_after_broken` whether it may follow one that broke its cryptography, which only an attack or a defect does.
    `pace_before_bac` False tries BAC first, for speed. `own_parameters` False ignores domain parameters that a chip spells out
    and nobody standardised, which costs time to judge. ValueError for a mapping that is none.
    """

    mappings: tuple[str, ...] = MAPPINGS
    pace_before_bac: bool = True
    allow_bac: bool = True
    minimum_cipher: CipherSuite = CipherSuite.DES3
    bac_after_refusal: bool = True
    bac_after_broken: bool = False
    own_parameters: bool = True

    def __post_init__(self) -> None:
        if not self.mappings or not set(self.mappings) <= set(MAPPINGS) or len(set(self.mappings)) != len(self.mappings):
            raise ValueError(f"mappings are a choice of {', '.join(MAPPINGS)}")


DEFAULT_POLICY = AccessPolicy()
"""What a reading follows when nobody says otherwise."""
