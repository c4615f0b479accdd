"""What the console knows: reasons and faces never outlive their traveller, wishes are signed, silence is told."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.ipc.messages import AlarmView, CasePictures, CasePicturesWished, LaneView, WishAnswer
from egate.ipc.wishes import verify_wish
from egate.model.lane import Alarm, LanePhase, OfficerAction, OfficerReason
from ui.guard import state as reactions
from ui.guard.alarms import SEVERITIES, open_alarms
from ui.guard.state import ANSWER_WITHIN_S, CONNECT_WITHIN_S, NOTICE_SHOWN_S, ConsoleState, possible, ready
from ui.guard.view_state import NoticeKind, Severity
from ui.tools.samples import CAPTURE, IDLE, INACCURATE, MISMATCH, REFERRED, STALE

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WALL_NS = 1_700_000_000_000_000_000
FACES = CasePictures(12, base64.b64encode(b"chip").decode(), base64.b64encode(b"probe-bytes").decode())


def console(*views: LaneView) -> ConsoleState:
    state = reactions.begin(max(1, len(views)), "7731", 0.0)
    for place, view in enumerate(views):
        state, _ = reactions.viewed(state, place, view, 10.0)
    return state


def with_reason(state: ConsoleState) -> ConsoleState:
    return reactions.reasoned(state, OfficerReason.IDENTITY_CONFIRMED)


def test_faces_are_asked_for_once_for_each_picture_that_appears() -> None:
    state = reactions.begin(1, "7731", 0.0)
    steps = []
    for has_reference, has_probe in ((False, False), (True, False), (True, False), (True, True), (True, True)):
        case = replace(MISMATCH, has_reference=has_reference, has_probe=has_probe)
        state, asked = reactions.viewed(state, 0, replace(REFERRED, case=case), 1.0)
        steps.append(asked)
    ask = (CasePicturesWished(12),)
    assert steps == [(), ask, (), ask, ()]


def test_faces_are_kept_for_their_case_only() -> None:
    state = reactions.pictured(console(REFERRED), 0, FACES)
    assert state.lane.faces is not None
    assert state.lane.faces.probe == b"probe-bytes"
    for view in (IDLE, replace(REFERRED, case=replace(MISMATCH, passage=13))):
        assert reactions.viewed(state, 0, view, 11.0)[0].lane.faces is None
    assert reactions.lost(state, 0, 11.0).lane.faces is None


def test_faces_that_come_late_are_not_kept() -> None:
    assert reactions.pictured(console(IDLE), 0, FACES).lane.faces is None
    assert reactions.pictured(console(CAPTURE), 0, FACES).lane.faces is None


def test_pictures_that_are_no_base64_are_no_pictures() -> None:
    state = reactions.pictured(console(REFERRED), 0, CasePictures(12, "***", ""))
    assert state.lane.faces is not None
    assert state.lane.faces.reference == b""


def test_faces_do_not_show_in_a_repr() -> None:
    assert "probe-bytes" not in repr(reactions.pictured(console(REFERRED), 0, FACES))
    assert "ERIKSSON" not in repr(console(REFERRED))


def test_a_reason_never_reaches_the_next_traveller() -> None:
    state = with_reason(console(REFERRED))
    assert state.reason is not None
    assert reactions.viewed(state, 0, replace(REFERRED, revision=6), 11.0)[0].reason is not None
    assert reactions.viewed(state, 0, replace(REFERRED, case=replace(MISMATCH, passage=13)), 11.0)[0].reason is None
    assert reactions.viewed(state, 0, IDLE, 11.0)[0].reason is None
    assert reactions.lost(state, 0, 11.0).reason is None


def test_a_reason_stays_with_its_lane() -> None:
    state = with_reason(console(REFERRED, CAPTURE))
    assert reactions.selected(state, 1).reason is None
    assert reactions.selected(state, 0).reason is not None
    assert reactions.viewed(state, 1, IDLE, 11.0)[0].reason is not None


def test_a_wish_is_signed_for_this_lane_and_this_count() -> None:
    state = with_reason(console(REFERRED))
    after, wish = reactions.wished(state, OfficerAction.CLEAR, KEY, 20.0, WALL_NS)
    assert wish is not None
    verify_wish(wish, KEY.public_key(), WALL_NS, counter=REFERRED.wish_counter, lane="lane-3", passage=REFERRED.passage)
    assert (wish.officer, wish.reason, wish.action) == ("7731", OfficerReason.IDENTITY_CONFIRMED, OfficerAction.CLEAR)
    assert after.reason is None
    assert after.notice is not None
    assert after.notice.kind is NoticeKind.SENT


@pytest.mark.parametrize(("reason", "persons"), [(OfficerReason.FAMILY_OR_ASSISTANCE, 2), (OfficerReason.IDENTITY_CONFIRMED, 1)])
def test_a_family_leaves_together_and_only_with_that_reason(reason: OfficerReason, persons: int) -> None:
    """P19: as many as the officer saw counted; with any other reason one person, whatever the counter says."""
    state = reactions.reasoned(console(replace(REFERRED, persons=2)), reason)
    _, wish = reactions.wished(state, OfficerAction.CLEAR, KEY, 20.0, WALL_NS)
    assert wish is not None
    assert wish.persons == persons


def test_no_wish_without_a_reason_nor_while_one_is_on_its_way() -> None:
    bare = console(REFERRED)
    assert reactions.wished(bare, OfficerAction.CLEAR, KEY, 20.0, WALL_NS) == (bare, None)
    sent, _ = reactions.wished(with_reason(bare), OfficerAction.CLEAR, KEY, 20.0, WALL_NS)
    assert not ready(with_reason(sent), OfficerAction.CLEAR)
    answered = reactions.answered(sent, 0, WishAnswer(taken=True), 21.0)
    assert ready(with_reason(answered), OfficerAction.CLEAR)


@pytest.mark.parametrize("phase", list(LanePhase))
def test_clearing_is_offered_only_where_somebody_waits(phase: LanePhase) -> None:
    state = console(replace(REFERRED, phase=phase))
    held = phase in (LanePhase.REFERRED, LanePhase.REFERRED_OUTSIDE)
    assert possible(state.lane, OfficerAction.CLEAR) is held
    assert possible(state.lane, OfficerAction.RELEASE_TO_ENTRY) is held
    assert possible(state.lane, OfficerAction.IN_SERVICE) is (phase is LanePhase.OUT_OF_SERVICE)
    assert possible(state.lane, OfficerAction.OUT_OF_SERVICE) is not possible(state.lane, OfficerAction.IN_SERVICE)


@pytest.mark.parametrize("action", list(OfficerAction))
def test_nothing_is_offered_for_a_silent_lane(action: OfficerAction) -> None:
    assert not possible(reactions.begin(1, "7731", 0.0).lane, action)
    assert not possible(reactions.lost(console(REFERRED), 0, 11.0).lane, action)


def test_an_answer_that_does_not_come_is_told_and_then_goes() -> None:
    state, _ = reactions.wished(with_reason(console(REFERRED)), OfficerAction.HOLD, KEY, 20.0, WALL_NS)
    assert reactions.time_passed(state, 20.0 + ANSWER_WITHIN_S - 0.1) == state
    silent = reactions.time_passed(state, 20.0 + ANSWER_WITHIN_S)
    assert silent.notice is not None
    assert silent.notice.kind is NoticeKind.SILENT
    assert reactions.time_passed(silent, 20.0 + ANSWER_WITHIN_S + NOTICE_SHOWN_S).notice is None


def test_a_lane_that_never_came_is_lost() -> None:
    state = reactions.begin(2, "7731", 0.0)
    assert open_alarms(reactions.time_passed(state, CONNECT_WITHIN_S - 0.1), 4.9) == ()
    late = reactions.time_passed(state, CONNECT_WITHIN_S)
    assert [entry.alarm for entry in open_alarms(late, CONNECT_WITHIN_S)] == [None, None]


def test_silence_is_timed_from_its_beginning_and_ends_with_a_view() -> None:
    state = reactions.lost(reactions.lost(console(REFERRED), 0, 30.0), 0, 40.0)
    assert open_alarms(state, 50.0)[0].age_s == 20.0
    back, _ = reactions.viewed(state, 0, IDLE, 51.0)
    assert open_alarms(back, 51.0) == ()


def test_a_calling_lane_comes_to_the_middle_unless_the_officer_is_at_work() -> None:
    calm = console(IDLE, IDLE)
    assert reactions.viewed(calm, 1, REFERRED, 11.0)[0].selected == 1
    assert reactions.viewed(with_reason(calm), 1, REFERRED, 11.0)[0].selected == 0
    assert reactions.viewed(console(REFERRED, IDLE), 1, REFERRED, 11.0)[0].selected == 0


def test_selection_stays_among_the_lanes() -> None:
    state = console(IDLE, IDLE)
    assert reactions.selected(state, 5).selected == 1
    assert reactions.selected(state, -3).selected == 0


def test_every_alarm_has_a_severity() -> None:
    assert set(SEVERITIES) == set(Alarm)


def test_alarms_are_sorted_by_urgency_then_age_and_none_is_dropped() -> None:
    views = [
        replace(REFERRED, alarms=tuple(AlarmView(alarm, float(10 * place + index)) for index, alarm in enumerate(Alarm)))
        for place in range(10)
    ]
    alarms = open_alarms(console(*views), 10.0)
    assert len(alarms) == 10 * len(Alarm)
    keys = [(entry.severity, -entry.age_s) for entry in alarms]
    assert keys == sorted(keys)
    assert alarms[0].severity is Severity.CRITICAL


def test_alarms_grow_older_between_views() -> None:
    assert open_alarms(console(REFERRED), 15.0)[0].age_s == 25.0


def test_trust_that_goes_stale_is_an_alarm_of_its_lane_and_the_least_urgent() -> None:
    alarms = open_alarms(console(STALE, REFERRED), 15.0)
    assert [entry.alarm for entry in alarms] == [Alarm.LIST_HIT, Alarm.REFERRAL, Alarm.TRUST_STALE]
    assert (alarms[-1].place, alarms[-1].severity, alarms[-1].age_s) == (0, Severity.LOW, 7205.0)


def test_of_two_lanes_whose_trust_goes_stale_the_older_alarm_comes_first() -> None:
    younger = replace(STALE, alarms=(AlarmView(Alarm.TRUST_STALE, 60.0),))
    assert [entry.place for entry in open_alarms(console(younger, STALE), 10.0)] == [1, 0]


def test_trust_that_goes_stale_neither_draws_nor_holds_the_officers_eye() -> None:
    """It lasts for weeks: a lane that calls for a traveller must still come to the middle. So does a rate out of its band."""
    assert reactions.viewed(console(IDLE, IDLE), 1, INACCURATE, 11.0)[0].selected == 0
    assert reactions.viewed(console(INACCURATE, IDLE), 1, REFERRED, 11.0)[0].selected == 1
    assert reactions.viewed(console(IDLE, IDLE), 1, STALE, 11.0)[0].selected == 0
    assert reactions.viewed(console(STALE, IDLE), 1, REFERRED, 11.0)[0].selected == 1
