"""A recorded session of the lane, replayed, gives the same decisions: the same log of states and orders, hash for hash (N10).

The lane's controller runs with everything behind its ports; what is recorded are the events that it was told. The replay has the
events alone: no clock, no device, no person. What differs from then is found at its first step.
"""

from __future__ import annotations

import asyncio
import hashlib
import pickle
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from egate.app.controller import Controller
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import LaneSettings, LaneState, initial, step
from egate.model.lane import LanePhase
from tests.unit.app import app_bench
from tests.unit.app.app_bench import Lane, Passport, make_passport, until


@dataclass
class Session:
    """The events that a lane was told, and the hash of all that it decided."""

    events: list[e.Event] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def note(self, event: e.Event, state: LaneState, commands: tuple[c.Command, ...]) -> None:
        """One step, as the controller tells it."""
        self.events.append(event)
        self.log.append(_link(self.log[-1] if self.log else "", state, commands))


def _link(before: str, state: LaneState, commands: tuple[c.Command, ...]) -> str:
    """The hash of a step and of all before it."""
    return hashlib.sha256(f"{before}{state!r}{commands!r}".encode()).hexdigest()


def replayed(events: list[e.Event], settings: LaneSettings) -> list[str]:
    """The log that the events alone lead to."""
    state, log = initial(settings), list[str]()
    for event in events:
        state, commands = step(state, event, settings)
        log.append(_link(log[-1] if log else "", state, commands))
    return log


def record_session(lane: Lane, passport: Passport) -> Session:
    """Two travellers who cross, one whose face differs, and an emergency."""
    recorded = Session()

    async def story() -> None:
        async with lane.running():
            await lane.cross(passport)
            await lane.cross(make_passport(lane.issuer, "X87654321"))
            lane.face.outcome = app_bench.captured(0.0)
            lane.present(make_passport(lane.issuer, "X11111111"))
            await until(lambda: lane.in_phase(LanePhase.REFERRED), "an officer is called")
            lane.gate.emergency = True
            await until(lambda: lane.in_phase(LanePhase.EMERGENCY), "the emergency is seen")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_bench, "Controller", partial(Controller, witness=recorded.note))
        asyncio.run(story())
    return recorded


@pytest.fixture
def session(lane: Lane, passport: Passport) -> Session:
    return record_session(lane, passport)


def test_a_recorded_session_gives_the_same_decisions(lane: Lane, session: Session) -> None:
    """P13, I12: from its events alone, stored and read again, to the same hash; the lane asks nothing else."""
    stored: list[e.Event] = pickle.loads(pickle.dumps(session.events))
    assert {type(event) for event in stored} >= {e.GateReported, e.DocumentPresented, e.Decided, e.Recorded}
    assert replayed(stored, lane.parts.settings) == session.log


def test_an_event_that_is_missing_or_other_settings_are_seen(lane: Lane, session: Session) -> None:
    """The hash is of everything: without one event of consequence, or with another timer, it differs from there on."""
    settings = lane.parts.settings
    changes = [number for number, event in enumerate(session.events) if not isinstance(event, e.GateReported)]
    without = session.events[: changes[0]] + session.events[changes[0] + 1 :]
    assert replayed(without, settings)[-1] != session.log[-1]
    assert replayed(session.events, replace(settings, lease_s=settings.lease_s + 1))[-1] != session.log[-1]
