"""The guided self-test: its plan, and the run of it over one lane.

The order is safety: 1. the machine, where nothing is opened; 2. the lane is held, so that no controller can start and every
screen shows it closed; 3. ports; 4. devices, which are only asked; 5. doors, one pulse at a time. What is opened is closed,
whatever happens; a step that fails by a defect of ours is a finding, not the end of the run.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from egate.app.commissioning.asking import Announcement
from egate.app.commissioning.bench import Bench, Step
from egate.app.commissioning.findings import Diagnosis, Finding, bad, left_out
from egate.app.commissioning.hold import LaneHold
from egate.app.commissioning.steps import doors, readers, surroundings, unit
from egate.app.commissioning.steps.ports import ports
from egate.model.errors import EgateError

PLAN: Sequence[Step] = (
    Step("configuration", "Lane's file", "Is the lane's file sound, with safe times?", surroundings.configuration),
    Step("keys", "Keys", "Are key files for the lane's account alone?", surroundings.keys),
    Step("clock", "Clock", "Can the machine's date be right?", surroundings.clock),
    Step("disk", "Disk", "Is there room for passages?", surroundings.disk),
    Step("log", "Log", "Does the lane's log take a writer, and the disk a write?", surroundings.log),
    Step("trust", "Trust", "Are country certificates there, and lists in date?", surroundings.trust),
    Step("lists", "Lists", "Are the signed lists there and in force?", surroundings.lists),
    Step("ports", "Ports", "Is each port there, permitted, free?", ports),
    Step("echo", "Echo", "Does the gate unit's line echo what is sent?", unit.echo),
    Step("gate unit", "Gate unit", "Does it answer as configured: speed, address, key, identity?", unit.start),
    Step("polls", "Line", f"{unit.POLLS} questions: how many fail, how long do answers take?", unit.polls),
    Step("at rest", "Contacts", "Do the contacts say closed, locked, empty, and keep still?", unit.at_rest),
    Step("interlock", "Interlock", "Is a door refused without fresh proof of the other one?", doors.interlock),
    Step("pulses", "Locks", "Does each lock release alone, and lock again by itself?", doors.pulses),
    Step("doors", "Doors", "Is each door seen to open and close?", doors.by_hand),
    Step("inputs", "Inputs", "Do emergency, housing and person sensors follow?", doors.inputs),
    Step("lamps", "Signal", "Do lamps and buzzer show what they are told?", doors.lamps),
    Step("chip reader", "Chip reader", "Does it answer, and find a specimen's chip?", readers.chip),
    Step("MRZ reader", "MRZ reader", "Does it read a specimen's zone?", readers.mrz),
    Step("camera", "Camera", "Do pictures come, bright and with detail?", readers.camera),
    Step("face engine", "Face engine", "Where its models are tested.", surroundings.engine_note),
)
"""All steps in their order; a screen shows the same."""

_log = logging.getLogger(__name__)


async def run_wizard(bench: Bench, plan: Sequence[Step] = PLAN) -> tuple[Finding, ...]:
    """Run the plan; raises DeviceError when the lane runs, and then nothing was touched."""
    found: list[Finding] = []
    async with LaneHold(bench.config, bench.clock):
        try:
            for number, step in enumerate(plan, 1):
                bench.technician.begins(Announcement(number, len(plan), step.title, step.words))
                for finding in await _findings(bench, step):
                    bench.technician.found(finding)
                    found.append(finding)
        finally:
            await bench.close()
    return tuple(found)


async def _findings(bench: Bench, step: Step) -> list[Finding]:
    """The step's findings; what it raises is one of them, and so is that it found nothing to test."""
    try:
        return await step.work(bench) or [left_out(step.key, step.title, "the step had nothing to say")]
    except EgateError as error:
        return [bad(step.key, step.title, Diagnosis.DEVICE_FAILED, str(error))]
    except Exception:  # a defect of one step must not leave a lane half tested
        _log.exception("the step %s failed", step.key)
        return [bad(step.key, step.title, Diagnosis.DEVICE_FAILED, "the test itself failed; its log says how")]
