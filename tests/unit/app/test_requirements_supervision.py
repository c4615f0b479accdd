"""What the check for attacks on the camera found reaches the officer and not the traveller (S3)."""

from __future__ import annotations

import pytest

from egate.app.views import LaneFacts, lane_view
from egate.ipc.codec import encode_line
from egate.lane.machine import LaneState
from egate.model.checks import Check, CheckName, CheckResult
from egate.model.lane import LanePhase
from tests.unit.app.app_bench import Passport
from tests.unit.app.test_views import REASONS, kiosk, passage_of

ATTACK = Check(CheckName.PRESENTATION_ATTACK, CheckResult.UNDETERMINED, "face_not_captured")


@pytest.mark.parametrize("phase", list(LanePhase))
def test_an_attack_check_looks_like_any_other_referral(passport: Passport, phase: LanePhase) -> None:
    """S3: the kiosk's message is the same, byte by byte, as for a face that was not like the portrait."""
    state = LaneState(phase, passage=4)
    shown = encode_line(kiosk(state, passage_of(passport, ATTACK)))
    assert shown == encode_line(kiosk(state, passage_of(passport, REASONS[0])))
    assert b"attack" not in shown


def test_the_officer_sees_it_by_name(passport: Passport) -> None:
    """S3: the same passage on the officer's side names the check and its code."""
    facts = LaneFacts("UTO-A1", 3, 1.0, {}, 0, 0, None, 5, 0, ())
    case = lane_view(1, LaneState(LanePhase.REFERRED, passage=4), passage_of(passport, ATTACK), facts).case
    assert case is not None
    (found,) = [entry for entry in case.checks if entry.name is CheckName.PRESENTATION_ATTACK]
    assert (found.result, found.code) == (CheckResult.UNDETERMINED, "face_not_captured")
