"""The lane as data: which rule answers which event in which phase, and where it may lead.

`OVERRIDES` are asked first, in their order, whatever the phase. `TABLE` holds every pair of phase and event kind: a pair that
nothing happens in says so with `IGNORED`, so that none is forgotten (a test compares). `leads_to` is what the diagram in the
documentation is drawn from; the exhaustive walk proves that no rule leads anywhere else, and that each arrow is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from egate.lane import events as e
from egate.lane.rules import inside, outside, overrides, pipeline, referral, service
from egate.lane.settings import LaneSettings
from egate.lane.state import LaneState
from egate.lane.turn import Turn
from egate.model.lane import Alarm, Topology
from egate.model.lane import LanePhase as P

ONE_STEP_LACKS = frozenset({P.ENTRY_OPEN, P.ENTRY_CLOSING, P.RETURN_OPEN, P.RETURN_CLOSING})
"""Phases of an entry door, which a one-step lane does not have."""

DOCUMENT_LANES = frozenset({Topology.ONE_STEP, Topology.TWO_STEP})
TOKEN_LANES = frozenset({Topology.SEGREGATED})


@dataclass(frozen=True, slots=True)
class Row:
    """A rule, the phases it may lead to besides staying, and a few words for the diagram.

    `one_step` and `pipelined`: phases that it leads to besides, in such lanes only. `only`: the topologies in which it leads
    anywhere.
    """

    rule: Callable[[Turn, Any], None]
    leads_to: tuple[P, ...] = ()
    says: str = ""
    one_step: tuple[P, ...] = ()
    pipelined: tuple[P, ...] = ()
    only: frozenset[Topology] = frozenset(Topology)

    def arrows(self, settings: LaneSettings) -> tuple[P, ...]:
        """Where the rule may lead in a lane of these settings."""
        if settings.topology not in self.only:
            return ()
        single = settings.topology is Topology.ONE_STEP
        every = self.leads_to + (self.one_step if single else ()) + (self.pipelined if settings.pipelined else ())
        return tuple(phase for phase in every if not (single and phase in ONE_STEP_LACKS))


@dataclass(frozen=True, slots=True)
class Override:
    """A rule that comes before the table wherever `applies`."""

    applies: Callable[[LaneState, e.Event], bool]
    row: Row


def _nothing(_turn: Turn, _event: e.Event) -> None:
    """The event means nothing in this phase."""


NOTHING = Row(_nothing)
"""What is looked up for an event that is ignored."""

EVENT_KINDS: tuple[type[e.Event], ...] = (
    e.GateReported,
    e.GateLost,
    e.DocumentPresented,
    e.TokenPresented,
    e.DocumentRemoved,
    e.Decided,
    e.Recorded,
    e.NotRecorded,
    e.OfficerWished,
    e.OfficerPresence,
    e.ModeChanged,
    e.HelpWished,
    e.TimerExpired,
)
"""Every kind of event."""


def _is_emergency(state: LaneState, event: e.Event) -> bool:
    return isinstance(event, e.GateReported) and event.report.emergency and state.phase is not P.EMERGENCY


def _is_gate_lost(_state: LaneState, event: e.Event) -> bool:
    return isinstance(event, e.GateLost)


def _is_tamper(state: LaneState, event: e.Event) -> bool:
    return isinstance(event, e.GateReported) and event.report.tamper and Alarm.TAMPER not in state.alarms


_FORCED = frozenset({P.ENTRY_OPEN, P.ENTRY_CLOSING, P.CAPTURE, P.RECORDING, P.EXIT_OPEN, P.EXIT_CLOSING})
"""Phases in which the unit's word for a forced way stops the passage. On the way back everybody walks against the direction."""


def _is_wrong_direction(state: LaneState, event: e.Event) -> bool:
    return isinstance(event, e.GateReported) and event.report.intrusion and not state.intrusion and state.phase in _FORCED


OVERRIDES: tuple[Override, ...] = (
    Override(_is_emergency, Row(overrides.emergency, (P.EMERGENCY,), "emergency")),
    Override(_is_gate_lost, Row(overrides.gate_lost, (P.OUT_OF_SERVICE,), "gate unit lost")),
    Override(_is_tamper, Row(overrides.tamper, (P.REFERRED,), "housing opened")),
    Override(_is_wrong_direction, Row(overrides.wrong_direction, (P.REFERRED,), "way forced, or wrong direction")),
)
"""Asked in this order before the table."""

_NOTED: Mapping[type[e.Event], Row] = {
    e.Recorded: Row(referral.note_recorded),
    e.NotRecorded: Row(referral.note_not_recorded),
}
_SERVICE: Mapping[type[e.Event], Row] = {
    e.OfficerPresence: Row(service.note_presence),
    e.ModeChanged: Row(service.note_mode),
}
_OFFICER_UNDER_WAY: Mapping[type[e.Event], Row] = {
    e.OfficerWished: Row(referral.officer_asks, (P.REFERRED,), "officer holds"),
    e.HelpWished: Row(inside.help_inside, (P.REFERRED,), "help wished"),
}

_NEXT_DOCUMENT: Mapping[type[e.Event], Row] = {
    e.DocumentPresented: Row(pipeline.read_next),
    e.DocumentRemoved: Row(pipeline.forget_removed),
    e.Decided: Row(pipeline.take_decision),
}
_CLOSED: tuple[P, ...] = (P.OUT_OF_SERVICE, P.LEFT_OBJECT)
_REST: tuple[P, ...] = (P.IDLE, *_CLOSED)

TABLE: Mapping[P, Mapping[type[e.Event], Row]] = {
    P.RESYNC: {
        **_NOTED,
        **_SERVICE,
        e.GateReported: Row(overrides.watch_resync, (*_REST, P.REFERRED), "both doors proved locked"),
        e.OfficerWished: Row(referral.officer_sets_service),
        e.HelpWished: Row(referral.call_officer),
        e.TimerExpired: Row(overrides.lock_again),
    },
    P.OUT_OF_SERVICE: {
        **_NOTED,
        **_SERVICE,
        e.GateReported: Row(overrides.watch_out_of_service, (P.RESYNC, P.REFERRED), "unit back, or somebody inside"),
        e.OfficerPresence: Row(service.note_presence, (P.RESYNC,), "officer at the station"),
        e.ModeChanged: Row(service.note_mode, (P.RESYNC,), "works again"),
        e.OfficerWished: Row(referral.officer_asks, (P.RESYNC, P.REFERRED), "officer resumes or holds"),
    },
    P.IDLE: {
        **_NOTED,
        **_SERVICE,
        e.GateReported: Row(outside.expect_empty, (*_CLOSED, P.REFERRED), "power low, object, door or person out of place"),
        e.DocumentPresented: Row(outside.begin_reading, (P.READING,), "document presented", only=DOCUMENT_LANES),
        e.TokenPresented: Row(outside.begin_redeeming, (P.READING,), "token presented", only=TOKEN_LANES),
        e.OfficerPresence: Row(service.note_presence, (P.OUT_OF_SERVICE,), "no officer at the station"),
        e.ModeChanged: Row(service.note_mode, (P.OUT_OF_SERVICE,), "too little works"),
        e.OfficerWished: Row(referral.officer_asks, (P.OUT_OF_SERVICE, P.REFERRED), "officer closes or holds"),
        e.HelpWished: Row(referral.help_outside, (P.REFERRED_OUTSIDE,), "help wished"),
    },
    P.READING: {
        **_NOTED,
        **_SERVICE,
        e.GateReported: Row(
            outside.expect_empty,
            (P.ENTRY_OPEN, P.REFERRED, P.REFERRED_OUTSIDE),
            "admitted and interlock agrees, or out of place",
        ),
        e.DocumentRemoved: Row(outside.present_again, (P.IDLE, P.OUT_OF_SERVICE), "document removed"),
        e.Decided: Row(outside.take_entry_decision, (P.ENTRY_OPEN, P.REFERRED_OUTSIDE), "entry decided", one_step=(P.CAPTURE,)),
        e.OfficerWished: Row(referral.officer_asks, (P.OUT_OF_SERVICE, P.REFERRED), "officer closes or holds"),
        e.HelpWished: Row(referral.help_outside, (P.REFERRED_OUTSIDE,), "help wished"),
        e.TimerExpired: Row(outside.read_too_long, (P.REFERRED_OUTSIDE,), "read_max_s"),
    },
    P.REFERRED_OUTSIDE: {
        **_NOTED,
        **_SERVICE,
        e.GateReported: Row(outside.expect_empty, (P.REFERRED,), "door or person out of place"),
        e.OfficerWished: Row(referral.officer_asks, (*_REST, P.REFERRED), "officer takes the case"),
        e.HelpWished: Row(referral.call_officer),
        e.TimerExpired: Row(outside.referred_long_enough, _REST, "referred_outside_s"),
    },
    P.ENTRY_OPEN: {
        **_NOTED,
        **_SERVICE,
        **_OFFICER_UNDER_WAY,
        e.GateReported: Row(outside.watch_entry, (P.ENTRY_CLOSING, P.REFERRED), "one person came in, or too many"),
        e.TimerExpired: Row(outside.hold_entry, (P.ENTRY_CLOSING,), "entry_open_s"),
    },
    P.ENTRY_CLOSING: {
        **_NOTED,
        **_SERVICE,
        **_OFFICER_UNDER_WAY,
        e.GateReported: Row(outside.watch_entry_closing, (P.CAPTURE, *_REST, P.REFERRED), "both doors proved locked"),
        e.TimerExpired: Row(outside.close_too_long, (P.REFERRED,), "closing_s"),
    },
    P.CAPTURE: {
        **_NOTED,
        **_SERVICE,
        **_OFFICER_UNDER_WAY,
        **_NEXT_DOCUMENT,
        e.GateReported: Row(inside.watch_inside, (P.REFERRED,), "door or person out of place"),
        e.Decided: Row(inside.take_exit_decision, (P.RECORDING, P.REFERRED), "exit decided"),
        e.TimerExpired: Row(inside.inside_too_long, (P.REFERRED,), "inside_max_s"),
    },
    P.RECORDING: {
        **_SERVICE,
        **_NEXT_DOCUMENT,
        **_OFFICER_UNDER_WAY,
        e.GateReported: Row(inside.watch_inside, (P.EXIT_OPEN, P.REFERRED), "recorded and interlock agrees, or out of place"),
        e.Recorded: Row(inside.open_exit, (P.EXIT_OPEN,), "recorded"),
        e.NotRecorded: Row(inside.refer_unrecorded, (P.REFERRED,), "not recorded"),
        e.TimerExpired: Row(inside.inside_too_long, (P.REFERRED,), "inside_max_s"),
    },
    P.EXIT_OPEN: {
        **_NOTED,
        **_SERVICE,
        **_OFFICER_UNDER_WAY,
        **_NEXT_DOCUMENT,
        e.GateReported: Row(inside.watch_exit, (P.EXIT_CLOSING, P.REFERRED), "person left, or out of place"),
        e.TimerExpired: Row(inside.hold_exit, (P.EXIT_CLOSING,), "exit_open_s"),
    },
    P.EXIT_CLOSING: {
        **_NOTED,
        **_SERVICE,
        **_OFFICER_UNDER_WAY,
        **_NEXT_DOCUMENT,
        e.GateReported: Row(
            inside.watch_exit_closing,
            (*_REST, P.REFERRED),
            "both doors proved locked",
            pipelined=(P.READING, P.REFERRED_OUTSIDE),
        ),
        e.TimerExpired: Row(outside.close_too_long, (P.REFERRED,), "closing_s"),
    },
    P.LEFT_OBJECT: {
        **_NOTED,
        **_SERVICE,
        e.GateReported: Row(service.watch_left_object),
        e.OfficerWished: Row(service.officer_at_object, (P.RESYNC,), "sensor clear and officer agrees"),
        e.HelpWished: Row(referral.call_officer),
        e.TimerExpired: Row(service.call_for_object),
    },
    P.REFERRED: {
        **_SERVICE,
        e.Recorded: Row(referral.clearance_recorded, (P.EXIT_OPEN,), "clearance recorded"),
        e.NotRecorded: Row(referral.note_not_recorded),
        e.GateReported: Row(referral.watch_referred, (P.EXIT_OPEN, P.RETURN_OPEN), "officer's act and interlock agree"),
        e.OfficerWished: Row(referral.officer_asks, (P.RETURN_OPEN, P.RESYNC), "officer releases, or nobody is inside"),
        e.HelpWished: Row(referral.call_officer),
        e.TimerExpired: Row(referral.call_again),
    },
    P.RETURN_OPEN: {
        **_NOTED,
        **_SERVICE,
        e.OfficerWished: Row(referral.officer_asks, (P.REFERRED,), "officer holds"),
        e.HelpWished: Row(referral.call_officer),
        e.GateReported: Row(referral.watch_return, (P.RETURN_CLOSING, P.REFERRED), "everybody left, or out of place"),
        e.TimerExpired: Row(referral.hold_return, (P.RETURN_CLOSING,), "return_open_s"),
    },
    P.RETURN_CLOSING: {
        **_NOTED,
        **_SERVICE,
        e.OfficerWished: Row(referral.officer_asks, (P.REFERRED,), "officer holds"),
        e.HelpWished: Row(referral.call_officer),
        e.GateReported: Row(referral.watch_return_closing, (*_REST, P.REFERRED), "both doors proved locked"),
        e.TimerExpired: Row(outside.close_too_long, (P.REFERRED,), "closing_s"),
    },
    P.EMERGENCY: {
        **_NOTED,
        **_SERVICE,
        e.GateReported: Row(overrides.watch_emergency, (P.RESYNC,), "emergency over"),
        e.OfficerWished: Row(referral.officer_sets_service),
    },
}
"""Phase × kind of event → row."""

_DOCUMENT: tuple[type[e.Event], ...] = (e.DocumentPresented, e.TokenPresented, e.DocumentRemoved)
_LATE: tuple[type[e.Event], ...] = (*_DOCUMENT, e.Decided)

IGNORED: Mapping[P, tuple[type[e.Event], ...]] = {
    P.RESYNC: _LATE,
    P.OUT_OF_SERVICE: (*_LATE, e.HelpWished, e.TimerExpired),
    P.IDLE: (e.DocumentRemoved, e.Decided, e.TimerExpired),
    P.READING: (e.DocumentPresented, e.TokenPresented),
    P.REFERRED_OUTSIDE: _LATE,
    P.ENTRY_OPEN: _LATE,
    P.ENTRY_CLOSING: _LATE,
    P.CAPTURE: (e.TokenPresented,),
    P.RECORDING: (e.TokenPresented,),
    P.EXIT_OPEN: (e.TokenPresented,),
    P.EXIT_CLOSING: (e.TokenPresented,),
    P.LEFT_OBJECT: _LATE,
    P.REFERRED: _LATE,
    P.RETURN_OPEN: _LATE,
    P.RETURN_CLOSING: _LATE,
    P.EMERGENCY: (*_LATE, e.HelpWished, e.TimerExpired),
}
"""Kinds that mean nothing in a phase: answers that come too late, documents laid down too early."""


def row_for(state: LaneState, event: e.Event) -> Row:
    """The row that answers an event in a state."""
    for override in OVERRIDES:
        if override.applies(state, event):
            return override.row
    if isinstance(event, e.TimerExpired) and event.number != state.timer:
        return NOTHING
    return TABLE[state.phase].get(type(event), NOTHING)
