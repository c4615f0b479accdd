"""A lane that starts, or starts again after a kill: the doors first, however slow the disk is (I7)."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.controller import Controller
from egate.app.parts import Parts
from egate.model.crossing import RecordKind
from egate.model.errors import DeviceError
from egate.model.lane import LanePhase
from tests.unit.app.app_bench import REAL, Passport, make_lane, until


def test_doors_are_proved_while_the_log_is_still_being_opened(
    tmp_path: Path, issuer: SimulatedIssuer, passport: Passport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody is let in before it is open: what has to be written waits behind the start."""
    lane, opened, really = make_lane(tmp_path, issuer), threading.Event(), Parts.open_log

    def slowly(parts: Parts) -> None:
        assert opened.wait(30)
        really(parts)

    monkeypatch.setattr(Parts, "open_log", slowly)

    async def story() -> None:
        async with lane.running():
            try:
                await until(lambda: lane.in_phase(LanePhase.IDLE), "both doors proved")
                lane.present(passport)
                await REAL.sleep(0.2)
                assert not lane.parts.log_is_open
                assert not lane.gate.unlocked
            finally:
                opened.set()
            await until(lambda: lane.told("door", "left_through"), "let in once it is open")

    asyncio.run(story())
    kinds = [header.kind for header, _ in lane.records()]
    assert kinds == [RecordKind.LANE_EVENT, RecordKind.CROSSING, RecordKind.COMPLETION, RecordKind.LANE_EVENT]


def test_a_log_that_cannot_be_opened_ends_the_lane_with_its_doors_locked(
    tmp_path: Path, issuer: SimulatedIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = make_lane(tmp_path, issuer)

    def refuse(_parts: Parts) -> None:
        raise DeviceError("opening the log", "another controller writes to it")

    monkeypatch.setattr(Parts, "open_log", refuse)
    with pytest.raises(DeviceError, match="another controller writes to it"):
        asyncio.run(asyncio.wait_for(Controller(lane.parts).run(), 20))
    assert not lane.gate.unlocked
    assert lane.gate.closed
