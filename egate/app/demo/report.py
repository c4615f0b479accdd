"""One passage as an observer saw it: built from `PassageEvent`s alone, so it shows what the lane told and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from egate.ipc.messages import PassageEvent
from egate.model.checks import Outcome


@dataclass(slots=True)
class PassageReport:
    """Gathers the events of one traveller, over several tries where the document was presented again."""

    traveller: str
    outcome: str = ""
    because: tuple[str, ...] = ()
    checks: dict[str, str] = field(default_factory=dict)
    stages_ms: dict[str, int] = field(default_factory=dict)
    chip: dict[str, str] = field(default_factory=dict)
    scores: dict[str, str] = field(default_factory=dict)
    officer: dict[str, str] | None = None
    alarms: list[str] = field(default_factory=list)
    left_through: str = ""
    presented: int = 0
    recorded: bool = False

    def take(self, event: PassageEvent) -> None:
        """Take in one event; events of other kinds are for the narrator only."""
        taker = getattr(self, f"_take_{event.what}", None)
        if taker is not None:
            taker(event)

    def _take_document(self, event: PassageEvent) -> None:
        if event.name == "presented":
            self.presented += 1
            self.stages_ms.clear()

    def _take_phase(self, event: PassageEvent) -> None:
        self.stages_ms.setdefault(event.name, event.at_ms)
        if event.name == "referred":
            self.outcome = Outcome.REFER.value

    def _take_check(self, event: PassageEvent) -> None:
        self.checks[event.name] = event.detail

    def _take_chip(self, event: PassageEvent) -> None:
        self.chip[event.name] = event.detail

    def _take_score(self, event: PassageEvent) -> None:
        self.scores[event.name] = event.detail

    def _take_decision(self, event: PassageEvent) -> None:
        point, outcome = event.name.split(":")
        self.stages_ms[f"decided_{point}"] = event.at_ms
        if outcome == Outcome.REFER.value or point == "exit":
            self.outcome = outcome
            self.because = tuple(part for part in event.detail.split(", ") if part)

    def _take_alarm(self, event: PassageEvent) -> None:
        self.alarms.append(event.name)

    def _take_officer(self, event: PassageEvent) -> None:
        reason, _, officer = event.detail.partition(" by ")
        self.officer = {"action": event.name, "reason": reason, "officer": officer}

    def _take_record(self, event: PassageEvent) -> None:
        self.recorded = self.recorded or event.name == "crossing"

    def _take_door(self, event: PassageEvent) -> None:
        self.stages_ms[event.name] = event.at_ms
        if event.name == "left_through":
            self.left_through = event.detail

    def as_json(self) -> dict[str, Any]:
        """The object that `egate demo --json` prints: traveller, outcome, because, checks, stage times in ms."""
        return {
            "traveller": self.traveller,
            "outcome": self.outcome,
            "because": list(self.because),
            "alarms": self.alarms,
            "checks": self.checks,
            "chip": self.chip,
            "scores": self.scores,
            "stages_ms": self.stages_ms,
            "presented": self.presented,
            "officer": self.officer,
            "left_through": self.left_through,
            "recorded": self.recorded,
        }
