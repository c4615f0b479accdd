"""A seeded Utopia for tests: the same keys and passports in every run."""

from __future__ import annotations

from datetime import date
from functools import cache
from hashlib import shake_256

from drivers.sim.passport.certification import Entropy, SigningKind
from drivers.sim.passport.issuer import Defect, PersonData, SimulatedIssuer
from drivers.sim.passport.personalisation import ChipPersonalisation
from egate.pki.trust_store import TrustStore

TODAY = date(2026, 11, 24)
PORTRAIT = b"\xff\xd8\xff\xe0" + bytes(15_000)
SIZE = (413, 531)
ERIKA = PersonData("Mustermann", "Erika", date(1990, 1, 2), "F", "C01X00T47", date(2030, 1, 1))


def seeded(seed: bytes) -> Entropy:
    """Entropy that is the same for the same seed and never the same twice in a run."""
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return shake_256(seed + drawn.to_bytes(4, "big")).digest(size)

    return draw


def utopia(kind: SigningKind = SigningKind.ECDSA_BRAINPOOL) -> SimulatedIssuer:
    """The State, one for each way of signing."""
    return _utopia(kind)


# The cache tells calls apart by how they are written, so the cached functions have no defaults.


@cache
def _utopia(kind: SigningKind) -> SimulatedIssuer:
    return SimulatedIssuer.create("UTO", seeded(kind.value.encode()), TODAY, kind)


def chip(kind: SigningKind = SigningKind.ECDSA_BRAINPOOL, defect: Defect = Defect.NONE) -> ChipPersonalisation:
    """Erika's passport."""
    return _chip(kind, defect)


@cache
def _chip(kind: SigningKind, defect: Defect) -> ChipPersonalisation:
    return _utopia(kind).personalise(ERIKA, PORTRAIT, SIZE, defect=defect)


def trust(kind: SigningKind = SigningKind.ECDSA_BRAINPOOL) -> TrustStore:
    """A store that believes the State."""
    return _trust(kind)


@cache
def _trust(kind: SigningKind) -> TrustStore:
    return TrustStore.from_certificates([_utopia(kind).csca_certificate], "test", TODAY)
