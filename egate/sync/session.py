"""What a lane sends next, as a pure reaction: `step(state, event) -> (state, commands)`; no I/O and no clock.

The bus may lose, repeat and reorder anything and forget everything. Three rules make that harmless:

1. Rows count as held only up to the newest receipt, newest by the time at which the centre signed it.
2. When nothing was receipted for a while although rows were sent, the lane sends again from the receipt on, each time after a
   longer silence and each time as a new attempt, so that the bus does not take it for a repetition and drop it.
3. A newer receipt for fewer rows means that the centre lost some; the lane goes back to it and sends those again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from egate.model.crossing import Receipt

WINDOW_ROWS = 512
"""Most rows under way without a receipt, so that an outage of days does not fall upon the centre at once."""

SILENCE_S = 1.0
"""Silence after which rows are sent again; doubled with each attempt that changes nothing."""

SILENCE_LIMIT_S = 30.0
"""The longest such silence."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """Where the sync of one lane stands; times in seconds on the monotonic clock.

    Records up to `held` are receipted, up to `sent` on their way, up to `available` in the log. `sending` while the bus has not
    yet taken the newest envelope, `paused` after it took none. `attempt` numbers the rewinds; `quiet_since_s` is when there was
    progress last.
    """

    held: int = 0
    held_at_ns: int = 0
    sent: int = 0
    available: int = 0
    connected: bool = False
    sending: bool = False
    paused: bool = False
    attempt: int = 0
    silence_s: float = SILENCE_S
    quiet_since_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Connected:
    """The bus is there."""

    now_s: float


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The bus is gone; an envelope under way may or may not have arrived."""


@dataclass(frozen=True, slots=True)
class RowsSeen:
    """The log's newest record has this number."""

    last_sequence: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The bus took the envelope of an attempt, with rows up to this number."""

    last_sequence: int
    attempt: int
    now_s: float


@dataclass(frozen=True, slots=True)
class NotSent:
    """The bus did not take the envelope."""

    now_s: float


@dataclass(frozen=True, slots=True)
class ReceiptArrived:
    """A receipt came whose signature and lane were verified."""

    receipt: Receipt
    now_s: float


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""

    now_s: float


@dataclass(frozen=True, slots=True)
class SendRows:
    """Send an envelope of rows after this number, of this attempt; answer with `Sent` or `NotSent`."""

    after: int
    attempt: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give a receipt to the process that owns the log."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class CentreIsAhead:
    """The centre holds records that this log does not have: the log was rolled back or replaced. For a technician."""

    sequence: int


Event: TypeAlias = Connected | Disconnected | RowsSeen | Sent | NotSent | ReceiptArrived | Tick
Command: TypeAlias = SendRows | HandOver | CentreIsAhead
_Reaction: TypeAlias = tuple[SyncState, tuple[Command, ...]]


def step(state: SyncState, event: Event) -> _Reaction:
    """The reaction to one event, and after it whatever may be sent now."""
    state, commands = _react(state, event)
    state, sending = _send(state)
    return state, commands + sending


def _react(state: SyncState, event: Event) -> _Reaction:
    match event:
        case RowsSeen(last_sequence):
            return replace(state, available=max(state.available, last_sequence)), ()
        case Sent():
            return _sent(state, event), ()
        case ReceiptArrived(receipt, now_s):
            return _receipt(state, receipt, now_s)
        case Tick(now_s):
            return _tick(state, now_s), ()
        case _:
            return _connection(state, event), ()


def _connection(state: SyncState, event: Connected | Disconnected | NotSent) -> SyncState:
    match event:
        case Connected(now_s):
            fresh = replace(state, connected=True, sending=False, paused=False, silence_s=SILENCE_S, quiet_since_s=now_s)
            return _rewound(fresh, state.held)
        case NotSent(now_s):
            return replace(state, sending=False, paused=True, quiet_since_s=now_s)
        case _:
            return replace(state, connected=False, sending=False)


def _sent(state: SyncState, event: Sent) -> SyncState:
    """An envelope of an attempt that was given up meanwhile frees the way, no more."""
    if event.attempt != state.attempt:
        return replace(state, sending=False)
    quiet_since_s = event.now_s if state.sent <= state.held else state.quiet_since_s
    return replace(state, sending=False, sent=max(state.sent, event.last_sequence), quiet_since_s=quiet_since_s)


def _tick(state: SyncState, now_s: float) -> SyncState:
    waiting = state.paused or state.sent > state.held
    if not state.connected or not waiting or now_s - state.quiet_since_s < state.silence_s:
        return state
    longer = min(2 * state.silence_s, SILENCE_LIMIT_S)
    return replace(_rewound(state, state.held), paused=False, silence_s=longer, quiet_since_s=now_s)


def _receipt(state: SyncState, receipt: Receipt, now_s: float) -> _Reaction:
    if receipt.signed_at_ns <= state.held_at_ns:
        return state, ()
    if receipt.sequence > state.available:
        return state, (CentreIsAhead(receipt.sequence),)
    went_back = receipt.sequence < state.held
    progress = receipt.sequence != state.held
    state = replace(state, held=receipt.sequence, held_at_ns=receipt.signed_at_ns, sent=max(state.sent, receipt.sequence))
    if went_back:
        state = _rewound(state, receipt.sequence)
    if not progress:
        return state, ()
    return replace(state, silence_s=SILENCE_S, quiet_since_s=now_s), (HandOver(receipt),)


def _rewound(state: SyncState, sequence: int) -> SyncState:
    return replace(state, sent=sequence, attempt=state.attempt + 1)


def _send(state: SyncState) -> _Reaction:
    ready = state.connected and not state.sending and not state.paused
    if not ready or state.sent >= state.available or state.sent - state.held >= WINDOW_ROWS:
        return state, ()
    return replace(state, sending=True), (SendRows(state.sent, state.attempt),)
