"""The doors: each lock pulsed and watched, the interlock tried, every input operated by the technician, lamps shown.

What a pulse means is read from both doors' contacts together: `judge_pulse` is a pure function over what they said before, during
and after. When a door's contacts turn out to be another's, no further pulse is sent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from egate.app.commissioning.asking import Question, Reply
from egate.app.commissioning.bench import Bench
from egate.app.commissioning.findings import Diagnosis, Finding, Measure, Result, bad, good, left_out, not_here, notice
from egate.app.commissioning.gate_stand import GateStand, door_of, other, until
from egate.app.commissioning.steps.unit import NO_GATE
from egate.app.door_config import Fail
from egate.lane.settings import settings_from
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport, Lamp, Signal
from egate.ports import Indicator

PULSE_S = 1.0
"""A test pulse; shorter than any lease, and long enough for a slow bolt."""
UNLOCK_WITHIN_S = 0.8
RELOCK_WITHIN_S = 4.0
"""From the order to locked again, the pulse included."""
HELD_OPEN_S = 3.0
"""The pulse in which the technician pushes a door; never longer than the lane's lease."""
OPERATED_WITHIN_S = 20.0
"""How long a person may take to do what was asked."""
OPEN_SEEN_S = 6.0
SECURED = "the other door is not proven closed and locked, so the interlock lets no pulse out"
NO_MORE_PULSES = frozenset(
    {
        *(Diagnosis.CROSSED, Diagnosis.SENSORS_SWAPPED, Diagnosis.LOCKS_SWAPPED),
        *(Diagnosis.BOTH_DOORS_MOVE, Diagnosis.NOT_RELOCKED),
    }
)
"""After these the contacts are no proof about the other door, or the door itself is open."""
_OWN = "unit's own interlock"


@dataclass(frozen=True, slots=True)
class PulseSeen:
    """What the contacts of both doors said: at rest, everything seen during the pulse, and at the end. `switched`: the output."""

    own_rest: DoorState
    other_rest: DoorState
    own_seen: frozenset[DoorState]
    other_seen: frozenset[DoorState]
    own_end: DoorState
    switched: bool | None = None


def judge_pulse(seen: PulseSeen) -> Diagnosis:
    """What is wrong with a door whose lock was pulsed; NONE when it unlocked alone and locked again. Pure."""
    own_moved, other_moved = bool(seen.own_seen - {seen.own_rest}), bool(seen.other_seen - {seen.other_rest})
    if own_moved and other_moved:
        return Diagnosis.BOTH_DOORS_MOVE
    if other_moved:
        return Diagnosis.CROSSED
    if not own_moved:
        return _unmoved(seen)
    if seen.own_rest is DoorState.CLOSED and DoorState.LOCKED in seen.own_seen:
        return Diagnosis.INVERTED_LOCK_CONTACT
    if seen.own_rest is DoorState.FAULT:
        return Diagnosis.INVERTED_CLOSED_CONTACT
    if seen.own_end is not seen.own_rest:
        return Diagnosis.NOT_RELOCKED
    return Diagnosis.NONE


def _unmoved(seen: PulseSeen) -> Diagnosis:
    if seen.switched is False:
        return Diagnosis.NOT_SWITCHED
    return Diagnosis.LOCK_WITHOUT_SENSOR if seen.own_rest is DoorState.CLOSED else Diagnosis.LOCK_DOES_NOT_MOVE


async def pulses(bench: Bench) -> list[Finding]:
    """Each lock pulsed, one after the other."""
    step, stand = "pulses", bench.gate
    if stand is None:
        return [left_out(step, door.value, NO_GATE) for door in Door]
    found: list[Finding] = []
    for door in stand.doors:
        if any(finding.diagnosis in NO_MORE_PULSES for finding in found):
            found.append(left_out(step, door.value, "no further pulse: mend the first door, then test again"))
            continue
        try:
            found += await _pulse(bench, stand, door)
        except DeviceError as error:
            found.append(bad(step, door.value, Diagnosis.DEVICE_FAILED, str(error)))
    return found


async def _pulse(bench: Bench, stand: GateStand, door: Door) -> list[Finding]:
    """One door: pulse, watch, judge, and where two faults look the same ask the technician."""
    step, clock = "pulses", bench.clock
    if not stand.shows_bolts:
        return [not_here(step, door.value, "its driver does not show the bolt; the step `doors` proves it by hand")]
    await stand.fresh()
    rest = stand.contacts
    stand.samples.clear()
    began = clock.monotonic()
    if not await stand.unlock(door, PULSE_S):
        return [left_out(step, door.value, SECURED)]
    unlocked_s = await until(clock, lambda: stand.door(door) is not door_of(rest, door), UNLOCK_WITHIN_S)
    switched = await _switched(stand, door)
    refused = not stand.may_unlock(other(door))
    ended_s = await until(
        clock, lambda: clock.monotonic() - began > PULSE_S and _at(stand, door) is door_of(rest, door), RELOCK_WITHIN_S
    )
    ended = door_of(rest, door) if ended_s is not None else _at(stand, door)
    seen = _seen(rest, list(stand.samples), door, (ended, switched))
    await stand.lock(door)
    diagnosis = judge_pulse(seen)
    measures = (
        *(
            ()
            if unlocked_s is None
            else (Measure("unlocked after", round(unlocked_s * 1000), "ms", most=UNLOCK_WITHIN_S * 1000),)
        ),
        *(() if ended_s is None else (Measure("locked again after", round((clock.monotonic() - began) * 1000), "ms"),)),
    )
    return [await _pulse_finding(bench, door, diagnosis, measures), *_refusal("interlock", door, refused=refused)]


def _at(stand: GateStand, door: Door) -> DoorState:
    return stand.door(door)


def _seen(rest: GateReport, samples: list[GateReport], door: Door, end: tuple[DoorState, bool | None]) -> PulseSeen:
    """All samples since the order; the end is looked at directly, because the newest sample may be older than that."""
    own = frozenset(door_of(sample, door) for sample in samples)
    others = frozenset(door_of(sample, other(door)) for sample in samples)
    return PulseSeen(door_of(rest, door), door_of(rest, other(door)), own, others, *end)


async def _switched(stand: GateStand, door: Door) -> bool | None:
    """Whether the unit says that its output is on; None where it cannot be asked."""
    ask: Callable[[], Awaitable[object]] | None = getattr(stand.gate, "lock_outputs", getattr(stand.gate, "output_states", None))
    if ask is None:
        return None
    states = await ask()
    if isinstance(states, dict):
        return bool(states.get(door))
    index = list(Door).index(door)
    return states[index] if isinstance(states, tuple) and len(states) > index else None


async def _pulse_finding(bench: Bench, door: Door, diagnosis: Diagnosis, measures: tuple[Measure, ...]) -> Finding:
    step, name = "pulses", door.value
    match diagnosis:
        case Diagnosis.NONE:
            return good(step, name, f"the {name} unlocks, and locks again by itself when the pulse ends", *measures)
        case Diagnosis.CROSSED:
            words = f"The {name} was ordered, and contacts of the {other(door).value} moved. Did the {name} itself release?"
            sides = {Reply.DONE: Diagnosis.SENSORS_SWAPPED, Reply.NO: Diagnosis.LOCKS_SWAPPED}
            asked = await bench.technician.answer(Question(f"released_{name}", words))
            words = f"the {name} was ordered, and the contacts of the {other(door).value} moved"
            return bad(step, name, sides.get(asked.reply, diagnosis), words, *measures)
        case Diagnosis.LOCK_DOES_NOT_MOVE:
            words = f"The {name} was ordered and its contacts did not move. Did its lock click, or could the door be opened?"
            sides = {Reply.DONE: Diagnosis.LOCK_CONTACT_STUCK, Reply.NO: Diagnosis.LOCK_STUCK}
            asked = await bench.technician.answer(Question(f"clicked_{name}", words))
            return bad(
                step, name, sides.get(asked.reply, diagnosis), f"the {name} was ordered and its contacts did not move", *measures
            )
        case _:
            return bad(step, name, diagnosis, f"the {name} was pulsed: {diagnosis.value}", *measures)


def _refusal(step: str, door: Door, *, refused: bool) -> list[Finding]:
    """What the interlock said to the other door while this one was unlocked."""
    words = f"while the {door.value} is released, the {other(door).value} is asked for"
    if refused:
        return [good(step, other(door).value, f"{words}: refused")]
    return [bad(step, other(door).value, Diagnosis.INTERLOCK_BROKEN, f"{words}: NOT refused")]


async def interlock(bench: Bench) -> list[Finding]:
    """The shipping interlock says yes where it may, and no without fresh evidence; the unit's own is proved by hand."""
    step, stand = "interlock", bench.gate
    if stand is None:
        return [left_out(step, "lane", NO_GATE)]
    found = []
    await stand.fresh()
    secure = stand.report is not None and stand.report.entry is stand.report.exit is DoorState.LOCKED and not stand.report.tamper
    for door in stand.doors if secure else ():
        if not stand.may_unlock(door):
            found.append(
                bad(step, door.value, Diagnosis.INTERLOCK_BROKEN, "both doors are proven locked, and it refuses even so")
            )
        elif not stand.stale_for(door):
            found.append(bad(step, door.value, Diagnosis.INTERLOCK_BROKEN, "evidence older than the last order is taken"))
        else:
            found.append(good(step, door.value, "fresh evidence is asked for, and old evidence refused"))
    if not secure:
        found = [left_out(step, door.value, "both doors are not proven closed and locked") for door in stand.doors]
    if len(stand.doors) < len(Door):
        return [*found, not_here(step, _OWN, "a gate of one door has none")]
    return [*found, await _hard_interlock(bench)]


async def _hard_interlock(bench: Bench) -> Finding:
    step, name = "interlock", _OWN
    words = (
        "Only if the unit has an interlock of its own: hold the entry open by hand, and switch the exit's lock at the unit "
        "(its test key, or a bridge at its output). It must not release. Did it stay locked?"
    )
    answer = await bench.technician.answer(Question("hard_interlock", words))
    if answer.reply is Reply.SKIP:
        return left_out(step, name, answer.reason)
    if answer.reply is Reply.NO:
        return bad(step, name, Diagnosis.HARD_INTERLOCK_MISSING, "with the entry open the exit was released at the unit")
    return good(step, name, "proved by hand: with the entry open the exit stays locked")


async def by_hand(bench: Bench) -> list[Finding]:
    """Each door pushed open by the technician during a pulse."""
    step, stand = "doors", bench.gate
    if stand is None:
        return [left_out(step, door.value, NO_GATE) for door in Door]
    found: list[Finding] = []
    for door in stand.doors:
        question = Question(
            f"open_{door.value}", f"The {door.value} will unlock for a moment: open it, then let it close. Ready?"
        )
        answer = await bench.technician.answer(question)
        if answer.reply is not Reply.DONE:
            found.append(left_out(step, door.value, answer.reason or "not done"))
            continue
        try:
            found.append(await _pushed(bench, stand, door))
        except DeviceError as error:
            found.append(bad(step, door.value, Diagnosis.DEVICE_FAILED, str(error)))
        if found[-1].result is Result.BAD:
            break
    return found


async def _pushed(bench: Bench, stand: GateStand, door: Door) -> Finding:
    step, clock = "doors", bench.clock
    await stand.fresh()
    rest = stand.contacts
    stand.samples.clear()
    if not await stand.unlock(door, min(HELD_OPEN_S, settings_from(bench.config.timers).lease_s)):
        return left_out(step, door.value, SECURED)
    opened = await until(clock, lambda: _was(stand, door, DoorState.OPEN) or _moved(stand, rest, other(door)), OPEN_SEEN_S)
    shut = await until(clock, lambda: _at(stand, door) is DoorState.LOCKED, OPERATED_WITHIN_S if opened is not None else 1.0)
    crossed = _moved(stand, rest, other(door))
    await stand.lock(door)
    if crossed:
        words = f"the {door.value} was opened, and the closed contact of the {other(door).value} moved"
        return bad(step, door.value, Diagnosis.CLOSED_CONTACTS_SWAPPED, words)
    if opened is None:
        return bad(step, door.value, Diagnosis.CLOSED_CONTACT_STUCK, f"the {door.value} was to be opened, and nothing showed it")
    if shut is None:
        return bad(step, door.value, Diagnosis.NOT_RELOCKED, f"the {door.value} did not lock again after it was opened")
    return good(step, door.value, f"the {door.value} was seen to open, close and lock")


def _was(stand: GateStand, door: Door, state: DoorState) -> bool:
    return any(door_of(sample, door) is state for sample in list(stand.samples))


def _moved(stand: GateStand, rest: GateReport, door: Door) -> bool:
    return any(door_of(sample, door) is not door_of(rest, door) for sample in list(stand.samples))


_Field = Callable[[GateReport], bool]
_INPUTS: tuple[tuple[str, str, str, _Field], ...] = (
    ("emergency", "Operate the emergency contact now.", "Reset the emergency contact now.", lambda r: r.emergency),
    ("tamper", "Open the unit's housing now.", "Close the unit's housing now.", lambda r: r.tamper),
    (
        "persons",
        "Have one person step between the doors (or cover the sensor).",
        "Have the person step out.",
        lambda r: r.persons > 0,
    ),
)
"""Question, what to do, what to do afterwards, and what must be seen."""


async def inputs(bench: Bench) -> list[Finding]:
    """Each input operated by the technician; it must follow there and back."""
    step, stand = "inputs", bench.gate
    if stand is None:
        return [left_out(step, key, NO_GATE) for key, *_ in _INPUTS]
    found: list[Finding] = []
    for key, there, back, is_on in _INPUTS:
        answer = await bench.technician.answer(Question(key, there))
        if answer.reply is not Reply.DONE:
            found.append(left_out(step, key, answer.reason or "not done"))
            continue
        try:
            found += await _operated(bench, stand, (key, back, is_on))
        except DeviceError as error:
            found.append(bad(step, key, Diagnosis.DEVICE_FAILED, str(error)))
    return found


async def _operated(bench: Bench, stand: GateStand, what: tuple[str, str, _Field]) -> list[Finding]:
    step, (key, back, is_on) = "inputs", what
    if await until(bench.clock, lambda: is_on(stand.contacts), OPERATED_WITHIN_S) is None:
        return [bad(step, key, Diagnosis.INPUT_DEAD, f"{key} was operated, and nothing was seen")]
    found = []
    if key == "emergency":
        free = [door for door in stand.doors if _must_give_way(bench, door)]
        if await until(bench.clock, lambda: all(stand.door(door) is not DoorState.LOCKED for door in free), 2.0) is None:
            words = "the emergency contact is seen, and a door that fails safe stays locked"
            found.append(notice(step, key, Diagnosis.EMERGENCY_KEEPS_LOCKED, words))
    await bench.technician.answer(Question(f"{key}_over", back))
    if await until(bench.clock, lambda: not is_on(stand.contacts), OPERATED_WITHIN_S) is None:
        return [*found, bad(step, key, Diagnosis.INPUT_DEAD, f"{key} was reset, and still shows")]
    return [*found, good(step, key, f"{key} follows, there and back")]


def _must_give_way(bench: Bench, door: Door) -> bool:
    """Whether a door opens without power, by its declaration; one without a declaration must."""
    declared = bench.config.doors.get(door)
    return declared is None or declared.fail is Fail.SAFE


_SHOWN = (
    ("lamp_red", "Does the signal show red?", Signal(Lamp.RED)),
    ("lamp_amber", "Does the signal show amber?", Signal(Lamp.AMBER)),
    ("lamp_green", "Does the signal show green?", Signal(Lamp.GREEN)),
    ("buzzer", "Does the buzzer sound?", Signal(Lamp.OFF, buzzer=True)),
)


async def lamps(bench: Bench) -> list[Finding]:
    """Each lamp and the buzzer, where the unit has them; the technician looks."""
    step, stand = "lamps", bench.gate
    if stand is None:
        return [left_out(step, "signal", NO_GATE)]
    if not isinstance(stand.gate, Indicator):
        return [not_here(step, "signal", "this unit's driver has no lamps")]
    found = []
    try:
        for key, words, signal in _SHOWN:
            await stand.gate.show(signal)
            answer = await bench.technician.answer(Question(key, words))
            if answer.reply is Reply.SKIP:
                found.append(left_out(step, key, answer.reason))
            elif answer.reply is Reply.NO:
                found.append(bad(step, key, Diagnosis.LAMP, f"{key.replace('_', ' ')} was ordered and not seen"))
            else:
                found.append(good(step, key, f"{key.replace('_', ' ')} seen"))
        await stand.gate.show(Signal())
    except DeviceError as error:
        found.append(bad(step, "signal", Diagnosis.DEVICE_FAILED, str(error)))
    return found
