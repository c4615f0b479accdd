"""Tells how a walk came to break something: the shortest story, one numbered sentence a move, and what broke at its end.

Each move is found again in the world in which it was made, so the sentence says what the lane heard, asked and became. The walk
goes breadth first, so no shorter story exists.
"""

from __future__ import annotations

from egate.lane import commands as c
from egate.lane import events as e
from egate.model.lane import Door, GateReport
from tests.unit.lane.walk import Effect, Walk
from tests.unit.lane.walk_world import World

COUNTS = ("nobody", "one person", "two persons", "three persons")


def told(walk: Walk) -> str:
    """The story of a walk that broke something; empty when nothing broke."""
    if not walk.violation:
        return ""
    moves = zip(walk.path, walk.trace[1:], strict=True)
    sentences = ["The controller starts.", *(_sentence(walk, walk.worlds[number], label) for number, label in moves)]
    return "\n".join([*(f"{place}. {text}" for place, text in enumerate(sentences, 1)), f"Broken: {walk.violation}."])


def _sentence(walk: Walk, world: World, label: str) -> str:
    for name, event, _ in walk.told_events(world):
        if name == label:
            effect = walk.effect(world.lane, event)
            return f"The lane hears {_heard(walk, world, label, event)}; {_answer(effect)}."
    return _happened(label, world)


def _heard(walk: Walk, world: World, label: str, event: e.Event) -> str:
    if isinstance(event, e.GateReported):
        fresh = event.report.after_command >= walk.lanes[world.lane].last_command
        return f"{_sensors(event.report)}, {'after' if fresh else 'before'} the last command was acknowledged"
    if isinstance(event, e.TimerExpired):
        return "that its timer ran out"
    return f"'{label}'"


def _sensors(report: GateReport) -> str:
    inside = COUNTS[report.persons]
    emergency = ", emergency" if report.emergency else ""
    return f"a report: entry {report.entry.value}, exit {report.exit.value}, {inside} inside{emergency}"


def _answer(effect: Effect) -> str:
    asked = [_asked(command) for command in effect.commands if not isinstance(command, c.SetTimer)]
    phase = "stays" if effect.before is effect.after else "goes from " + effect.before.value
    where = f"it {phase} {'in' if phase == 'stays' else 'to'} {effect.after.value}"
    return f"{where} and asks: {', '.join(asked)}" if asked else where


def _asked(command: c.Command) -> str:
    if isinstance(command, c.Unlock):
        return f"UNLOCK {command.door.value} for {command.lease_s:g} s"
    if isinstance(command, c.Lock):
        return f"lock {command.door.value}"
    if isinstance(command, c.RaiseAlarm | c.ClearAlarm):
        return f"{'raise' if isinstance(command, c.RaiseAlarm) else 'clear'} alarm {command.alarm.value}"
    if isinstance(command, c.RecordCrossing):
        return f"record the crossing as {command.decision.outcome.value}"
    if isinstance(command, c.RecordCompletion):
        through: Door | None = command.through
        return f"record that the traveller left {'through the ' + through.value if through else 'through no door'}"
    words = {c.ReadDocument: "read the document", c.CaptureFace: "capture the face", c.AbandonPassage: "stop the passage's work"}
    return words.get(type(command), "record the officer's act")


def _happened(label: str, world: World) -> str:
    """A move of the world, in words."""
    unit, people = "The gate unit", COUNTS[world.persons]
    if label.startswith("sampled"):
        fault = label.removeprefix("sampled").replace(" with", ", with")
        return f"{unit} samples its sensors with {people} inside{fault}; the report is on its way."
    for start, words in (
        ("delivered, acknowledgement lost: ", f"{unit} carries out '%s', but its acknowledgement is lost."),
        ("delivered: ", f"{unit} carries out '%s' and acknowledges."),
        ("lost: ", "The command '%s' is lost on the line."),
        ("in through ", "Somebody walks in through the %s."),
        ("out through ", "Somebody walks out through the %s."),
    ):
        if label.startswith(start):
            return words % label.removeprefix(start)
    door = label.split(maxsplit=1)[0]
    if label.endswith("pushed open"):
        return f"Somebody pushes the {door} open."
    if label.endswith(" closes"):
        return f"The {door} falls shut."
    if label.endswith(" lease ends"):
        return f"The lease of the {door} runs out."
    return f"{label.capitalize()}."
