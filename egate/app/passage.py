"""One passage while it lasts: what was gathered and judged, and when each stage was reached.

The controller fills it; views and records are made from it. It is dropped when the next passage begins, so nothing of a
traveller outlives their passage in memory, but what `egate.app.unfinished` keeps of a passport that slipped, for seconds.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from egate.checks.electronic import ChipFacts
from egate.model.checks import Check, CheckName, Decision
from egate.model.crossing import StageTime
from egate.model.document import ChipEvidence, Mrz
from egate.model.face import CaptureHint, CaptureOutcome, Challenge
from egate.model.watchlist import Hit


@dataclass(slots=True)
class Passage:
    """The passage under way. `started_s` is monotonic; `transaction` identifies it in every log (G1).

    A document that is read at a kiosk has a `number` below zero until the lane gives it one; `key` is the first number it had.
    """

    number: int
    transaction: str
    started_s: float
    mrz: Mrz | None = None
    evidence: ChipEvidence | None = field(default=None, repr=False)
    facts: ChipFacts | None = field(default=None, repr=False)
    checks: dict[CheckName, Check] = field(default_factory=dict)
    hits: tuple[Hit, ...] = field(default=(), repr=False)
    capture: CaptureOutcome | None = field(default=None, repr=False)
    reference_jpeg: bytes = field(default=b"", repr=False)
    decision: Decision | None = None
    stages: list[StageTime] = field(default_factory=list)
    reading_share: float = 0.0
    capture_share: float = 0.0
    camera_hint: CaptureHint = CaptureHint.NONE
    challenge: Challenge | None = None
    language: str = ""
    key: int = 0
    reference_ready: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def __post_init__(self) -> None:
        self.key = self.key or self.number

    def add(self, checks: tuple[Check, ...]) -> None:
        """Take in findings; a later finding of the same check replaces the earlier one."""
        for check in checks:
            self.checks[check.name] = check

    def mark(self, stage: str, now_s: float) -> int:
        """Note that a stage was reached now; returns its time in ms since the document was presented."""
        at_ms = round((now_s - self.started_s) * 1000)
        self.stages.append(StageTime(stage, at_ms))
        return at_ms

    def findings(self) -> tuple[Check, ...]:
        """All findings so far in the order of the catalogue."""
        return tuple(self.checks[name] for name in CheckName if name in self.checks)
