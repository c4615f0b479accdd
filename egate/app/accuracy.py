"""A lane's live accuracy: hears what the worker counted, adds the officer's word, shows, records every hour, alarms.

Rule: this decides nothing about a traveller and never makes one wait: the worker is asked after the decision, and whatever goes
wrong there costs a count. What is kept here are counts, and for a non-match the number of its passage until the officer spoke.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from egate.app.board import Board
from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.app.recording import Versions
from egate.faces.monitor.band import Accuracy, accuracy
from egate.faces.monitor.counts import Comparison, Genuine, MonitorState, Said, observe, reported_groups, total
from egate.faces.monitor.subject import KEY_BYTES, subject_of
from egate.ipc.messages import AccuracyView
from egate.lane.commands import RecordOfficerAct
from egate.model.accuracy import Verdict
from egate.model.crossing import LogRecord, RecordKind
from egate.model.errors import EgateError
from egate.model.face import CaptureOutcome
from egate.model.lane import OfficerAction, OfficerReason

LOOK_EVERY_S = 60.0
"""How often the hour is asked for."""

MOST_OPEN = 8
"""Non-matches that wait for an officer's word; a lane has two travellers under way at most."""

MOST_GROUPS_RECORDED = 50
"""A header of the log takes 64 entries; the rest is for the totals."""

NS_IN_AN_HOUR = 3_600_000_000_000

log = logging.getLogger(__name__)


class AccuracyWatch:
    """One lane's counts, from its start on: they are not carried over a restart, and the log keeps what `write` was given."""

    def __init__(self, parts: Parts, board: Board, write: Callable[[LogRecord], None]) -> None:
        self._parts, self._board, self._write = parts, board, write
        self._key = parts.entropy(KEY_BYTES)
        self._state = MonitorState()
        self._open: dict[int, None] = {}
        self._hour = self._now_hour()
        self._verdict = Verdict.TOO_FEW

    @property
    def counts(self) -> Accuracy:
        """What is known now."""
        return accuracy(self._state, self._parts.profile.fmr_ppm)

    async def run(self) -> None:
        """Write each hour that is over, and forget what is too old, until cancelled."""
        while True:
            self.look()
            await self._parts.clock.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Record the hour that ended since the last look, if anything was counted in it."""
        hour = self._now_hour()
        if hour == self._hour:
            return
        ended, self._hour = self._hour, hour
        if any(known.hour == ended for known in self._state.hours):
            self._write(accuracy_record(self._state, ended, self._parts.profile.fmr_ppm, self._parts.all_versions))
        self._state = self._state.forget(hour)
        self._show()

    async def captured(self, passage: Passage, outcome: CaptureOutcome) -> None:
        """A face was compared and the decision is made: count it, and let the worker compare it with strangers. Never raises."""
        if self._parts.config.monitor.references == 0 or not outcome.scores or passage.mrz is None:
            return
        if outcome.scores[0].matched:
            self._count(Genuine(matched=True))
        else:
            self._wait_for_officer(passage.number)
        today = datetime.fromtimestamp(self._parts.clock.wall_ns() / 1e9, UTC).date()
        try:
            counts = await self._parts.face.observe(subject_of(passage.mrz, self._key, today))
        except EgateError as error:
            log.warning("a comparison with strangers was not counted: %s", error)
        else:
            if counts is not None:
                self._count(counts)

    def officer_acted(self, act: RecordOfficerAct) -> None:
        """An officer's word about a face that did not match: only a confirmed identity says that it is the same person."""
        if act.passage not in self._open or not act.effective or act.action is OfficerAction.HOLD:
            return
        del self._open[act.passage]
        same = act.action is OfficerAction.CLEAR and act.reason is OfficerReason.IDENTITY_CONFIRMED
        self._count(Genuine(matched=False, said=Said.SAME_PERSON if same else Said.UNKNOWN))

    def _wait_for_officer(self, passage: int) -> None:
        self._open[passage] = None
        if len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]
            self._count(Genuine(matched=False))

    def _count(self, comparison: Comparison) -> None:
        self._state = observe(self._state, comparison, self._now_hour())
        self._show()

    def _show(self) -> None:
        known = self.counts
        view = None if known.travellers == 0 and known.false_non_matches.tally.comparisons == 0 else accuracy_view(known)
        self._board.show_accuracy(view)
        if known.verdict is not self._verdict:
            self._verdict = known.verdict
            self._board.tell("accuracy", known.verdict.value, accuracy_text(known))
            if known.verdict.alarming:
                log.warning("false matches are out of their band (%s): %s", known.verdict.value, accuracy_text(known))

    def _now_hour(self) -> int:
        return self._parts.clock.wall_ns() // NS_IN_AN_HOUR


def accuracy_text(known: Accuracy) -> str:
    """The counts in one line."""
    tally, seen = known.false_matches.tally, known.false_matches
    return (
        f"{tally.errors} of {tally.comparisons} comparisons of different people matched: {seen.ppm:.0f} ppm "
        f"(95 %: {seen.low_ppm:.0f} to {seen.high_ppm:.0f}), promised {known.promised_ppm}"
    )


def accuracy_view(known: Accuracy) -> AccuracyView:
    """The counts for the screens."""
    seen, mated = known.false_matches, known.false_non_matches.tally
    return AccuracyView(
        known.verdict,
        seen.tally.comparisons,
        round(seen.ppm, 1),
        round(seen.low_ppm, 1),
        round(seen.high_ppm, 1),
        known.promised_ppm,
        mated.comparisons,
        mated.errors,
    )


def accuracy_record(state: MonitorState, hour: int, promised_ppm: int, versions: Versions) -> LogRecord:
    """The record of one hour: its own counts, those of the week with the verdict, and groups with enough travellers."""
    known = accuracy(state, promised_ppm)
    of_hour = next(entry for entry in state.hours if entry.hour == hour)
    week, seen = total(state), known.false_matches
    groups = [
        f"group:{attribute}:{name}:comparisons:{group.tally.comparisons}:matches:{group.tally.errors}"
        for (attribute, name), group in list(reported_groups(state).items())[:MOST_GROUPS_RECORDED]
    ]
    because = (
        f"verdict:{known.verdict.value}:promised_ppm:{promised_ppm}",
        f"fmr_ppm:{seen.ppm:.1f}:from:{seen.low_ppm:.1f}:to:{seen.high_ppm:.1f}",
        f"hour:{hour}:comparisons:{of_hour.zero_effort.comparisons}:matches:{of_hour.zero_effort.errors}",
        f"week:comparisons:{week.zero_effort.comparisons}:matches:{week.zero_effort.errors}:travellers:{week.travellers}",
        f"mated:comparisons:{week.genuine.comparisons}:non_matches:{week.genuine.errors}:excluded:{week.excluded}",
        *groups,
    )
    return LogRecord(RecordKind.LANE_EVENT, "", "accuracy", because=because, versions=versions)
