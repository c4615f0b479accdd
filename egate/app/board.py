"""What the lane shows and tells: views for the screens, events for observers, and the small figures behind them.

Rule: nothing here changes the lane. It reads the state and the passage and publishes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from egate.app.passage import Passage
from egate.app.recording import finding_text
from egate.app.station import Station
from egate.app.views import LaneFacts, TravellerFacts, lane_view, traveller_views
from egate.ipc.messages import AccuracyView, Message, PassageEvent, StaleView
from egate.lane.machine import LaneState
from egate.model.checks import Check, Decision, Outcome
from egate.model.errors import DeviceError
from egate.model.lane import Alarm
from egate.ports import Clock

CALLED_S = 60.0
"""How long a call from outside the gate stays on the console."""

PROGRESS_INTERVAL_S = 0.1
"""Progress is shown at most this often; more would only load the screens."""

log = logging.getLogger(__name__)


class Board:
    """Publishes the lane's views. `outbox_size` tells how many records still wait for the centre's receipt."""

    def __init__(
        self, publish: Callable[[Message], None], clock: Clock, name: str, number: int, outbox_size: Callable[[], int]
    ) -> None:
        self._publish, self._clock = publish, clock
        self._name, self._number, self._outbox_size = name, number, outbox_size
        self._revision = 0
        self._shown_at = 0.0
        self._phase_since = clock.monotonic()
        self._alarm_since: dict[Alarm, float] = {}
        self._admitted = self._referred = 0
        self._last_outcome: Outcome | None = None
        self._stale: StaleView | None = None
        self._accuracy: AccuracyView | None = None
        self._called_s: float | None = None
        self.lost: set[str] = set()
        self.language = "en"
        self.present_again = False
        self.again_outside = False
        self.kiosk_first = False
        self.is_closed: Callable[[], bool] = lambda: bool(self.lost)
        self.pipelined = False
        self.waiting: Passage | None = None
        self.station: Station | None = None
        self.wish_counter = clock.wall_ns() // 1_000_000_000
        """Starts at the wall clock's second, so that a wish signed before a restart can never be taken twice."""
        self.state: LaneState
        self.passage: Passage | None = None

    def now_ms(self, passage: Passage | None) -> int:
        """Milliseconds since the passage began; 0 between passages."""
        return round((self._clock.monotonic() - passage.started_s) * 1000) if passage else 0

    def enter_phase(self) -> None:
        """The lane is in another phase now."""
        now = self._clock.monotonic()
        self._phase_since = now
        if self.passage is not None:
            self.passage.mark(self.state.phase.value, now)
        self.tell("phase", self.state.phase.value)

    def count(self, outcome: Outcome) -> None:
        """One more decided passage."""
        self._last_outcome = outcome
        if outcome is Outcome.ADMIT:
            self._admitted += 1
        else:
            self._referred += 1

    def raise_alarm(self, alarm: Alarm) -> None:
        """An alarm is open from now on."""
        self._alarm_since.setdefault(alarm, self._clock.monotonic())
        self.tell("alarm", alarm.value)

    def clear_alarm(self, alarm: Alarm) -> None:
        """An alarm is over."""
        self._alarm_since.pop(alarm, None)

    def show_stale(self, stale: StaleView | None) -> None:
        """What of the trust material goes stale: an alarm of its own while there is something, none when there is nothing."""
        before, self._stale = self._stale, stale
        if stale is None:
            self.clear_alarm(Alarm.TRUST_STALE)
        elif before is None:
            self.raise_alarm(Alarm.TRUST_STALE)
        if stale != before:
            self.show()

    def show_accuracy(self, accuracy: AccuracyView | None) -> None:
        """What the lane's own comparisons say of its accuracy: an alarm of its own while the rate is out of its band."""
        before, self._accuracy = self._accuracy, accuracy
        alarming = accuracy is not None and accuracy.verdict.alarming
        if not alarming:
            self.clear_alarm(Alarm.FMR_OUT_OF_BAND)
        elif before is None or not before.verdict.alarming:
            self.raise_alarm(Alarm.FMR_OUT_OF_BAND)
        if accuracy != before:
            self.show_soon()

    def lose(self, name: str, error: DeviceError) -> None:
        """A device is lost: one line in the log, however long it lasts (L2)."""
        if name not in self.lost:
            self.lost.add(name)
            log.warning("%s lost: %s", name, error)
            self.tell("device", name, error.problem)
            self.show()

    def regain(self, name: str) -> None:
        """A device is back."""
        if name in self.lost:
            self.lost.discard(name)
            log.warning("%s is back", name)
            self.show()

    def call_outside(self) -> None:
        """A traveller who is not in the gate wants an officer: whoever is in it goes on."""
        self._called_s = self._clock.monotonic()
        self.tell("alarm", Alarm.REFERRAL.value, "called from outside")
        self.show()

    def tell(self, what: str, name: str, detail: str = "", *, of: Passage | None = None) -> None:
        """One event for observers; without personal data. `of` is its passage where that is not the one in the gate."""
        passage = of or self.passage
        number = passage.number if passage else self.state.passage
        self._publish(PassageEvent(number, what, name, detail, self.now_ms(passage)))

    def tell_decision(self, decision: Decision, *, of: Passage | None = None) -> None:
        """One event for a decision, with the findings that made it so."""
        because = ", ".join(finding_text(check) for check in decision.because)
        self.tell("decision", f"{decision.point.value}:{decision.outcome.value}", because, of=of)

    def tell_checks(self, findings: tuple[Check, ...], *, of: Passage | None = None) -> None:
        """One event for each finding."""
        for check in findings:
            self.tell("check", check.name.value, check.result.word + (f": {check.code}" if check.code else ""), of=of)

    def show_soon(self) -> None:
        """Show progress, but not more often than it can be seen."""
        if self._clock.monotonic() - self._shown_at >= PROGRESS_INTERVAL_S:
            self.show()

    def show(self) -> None:
        """Publish both views; each is the whole state, so a lost one does not matter."""
        now = self._clock.monotonic()
        self._shown_at = now
        self._revision += 1
        for view in traveller_views(self._revision, self.state, self._traveller_facts()):
            self._publish(view)
        if self._called_s is not None and now - self._called_s >= CALLED_S:
            self._called_s = None
        ages = {alarm: now - since for alarm, since in self._alarm_since.items()}
        if self._called_s is not None:
            ages.setdefault(Alarm.REFERRAL, now - self._called_s)
        facts = LaneFacts(
            name=self._name,
            number=self._number,
            phase_age_s=now - self._phase_since,
            alarm_ages_s=ages,
            called_outside=self._called_s is not None,
            admitted=self._admitted,
            referred=self._referred,
            last_outcome=self._last_outcome,
            wish_counter=self.wish_counter,
            outbox=self._outbox_size(),
            devices_lost=tuple(sorted(self.lost)),
            stale=self._stale,
            accuracy=self._accuracy,
        )
        self._publish(lane_view(self._revision, self.state, self.passage, facts))

    def _traveller_facts(self) -> TravellerFacts:
        return TravellerFacts(
            passage=self.passage,
            waiting=self.waiting,
            station=self.station,
            language=self.language,
            present_again=self.present_again,
            again_outside=self.again_outside,
            kiosk_first=self.kiosk_first,
            closed=self.is_closed(),
            pipelined=self.pipelined,
        )
