"""Figures of the attack detection: APCER by kind of artefact and BPCER, with intervals (words of ISO/IEC 30107-3).

A presentation that could not be judged counts against the detection on both sides: an officer looks at it, so for bona fide
presentations it is a false alarm, and for attacks it is no success of the attack but is told apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from egate.faces.pad.fusion import LIMIT_SCORE
from egate.model.face import PadResult

BONA_FIDE = "bona_fide"
"""The kind of presentations that are no attack; every other kind is one."""

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Judged:
    """One presentation: what it was, whose group it belongs to (for fairness; may be empty), and what came out."""

    kind: str
    group: str
    result: PadResult


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % Wilson interval."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """The share itself; 0 of nothing is 0."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound, 0…1."""
        return wilson(self.count, self.of)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.share:.1f} % [{100 * low:.1f}, {100 * high:.1f}] ({self.count}/{self.of})"


@dataclass(frozen=True, slots=True)
class AttackReport:
    """BPCER, its share without a score, APCER by kind, and BPCER by group. `simulated` is said wherever the report is shown."""

    bona_fide_rejected: Rate
    bona_fide_not_judged: Rate
    attacks_passed: tuple[tuple[str, Rate], ...]
    bona_fide_rejected_by_group: tuple[tuple[str, Rate], ...]
    simulated: bool
    limit: float = LIMIT_SCORE

    def as_json(self) -> str:
        """The report for machines, with counts and intervals."""

        def rate(value: Rate) -> dict[str, object]:
            return {"count": value.count, "of": value.of, "share": value.share, "interval_95": list(value.interval)}

        return json.dumps(
            {
                "simulated": self.simulated,
                "limit": self.limit,
                "bpcer": rate(self.bona_fide_rejected),
                "bona_fide_not_judged": rate(self.bona_fide_not_judged),
                "apcer": {kind: rate(value) for kind, value in self.attacks_passed},
                "bpcer_by_group": {group: rate(value) for group, value in self.bona_fide_rejected_by_group},
            },
            indent=1,
        )


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share; everything is possible when nothing was tried."""
    if of == 0:
        return 0.0, 1.0
    share, z = count / of, _Z
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def report(judged: Iterable[Judged], *, simulated: bool, limit: float = LIMIT_SCORE) -> AttackReport:
    """All figures of a set of presentations at a limit."""
    entries = list(judged)
    bona_fide = [entry for entry in entries if entry.kind == BONA_FIDE]
    kinds = dict.fromkeys(entry.kind for entry in entries if entry.kind != BONA_FIDE)
    groups = sorted({entry.group for entry in bona_fide if entry.group})
    return AttackReport(
        _rejected(bona_fide, limit),
        Rate(sum(entry.result.score is None for entry in bona_fide), len(bona_fide)),
        tuple((kind, _passed([entry for entry in entries if entry.kind == kind], limit)) for kind in kinds),
        tuple((group, _rejected([entry for entry in bona_fide if entry.group == group], limit)) for group in groups),
        simulated,
        limit,
    )


def _rejected(entries: Sequence[Judged], limit: float) -> Rate:
    return Rate(sum(not _passes(entry.result, limit) for entry in entries), len(entries))


def _passed(entries: Sequence[Judged], limit: float) -> Rate:
    return Rate(sum(_passes(entry.result, limit) for entry in entries), len(entries))


def _passes(result: PadResult, limit: float) -> bool:
    return result.score is not None and result.score < limit
