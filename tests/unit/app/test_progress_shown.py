"""While a chip is read, the kiosk's view shows how far that is, and nothing of it afterwards."""

from __future__ import annotations

import asyncio

import pytest

from egate.app.views import TravellerFacts, traveller_views
from egate.ipc.messages import TravellerStep, TravellerView
from egate.lane.machine import LaneState
from egate.model.lane import LanePhase
from tests.unit.app.app_bench import Lane, Passport
from tests.unit.app.test_inspector import Inspection


def test_the_share_of_a_reading_reaches_the_kiosk(lane: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch) -> None:
    inspection, shown = Inspection(lane), list[TravellerView]()

    def view(state: LaneState) -> TravellerView:
        return traveller_views(1, state, TravellerFacts(inspection.board.passage, "en"))[0]

    monkeypatch.setattr(inspection.board, "show_soon", lambda: shown.append(view(inspection.board.state)))
    asyncio.run(inspection.inspect(passport))
    shares = [seen.progress for seen in shown]
    assert {seen.step for seen in shown} == {TravellerStep.KEEP_DOCUMENT}
    assert len(set(shares)) > 10
    assert shares == sorted(shares)
    assert shares[0] < 0.2
    assert shares[-1] > 0.75  # files that were asked for and are not on the chip stay open until the end
    assert view(LaneState(LanePhase.REFERRED)).progress == 0.0
