"""Messages with every field filled, for the tests of the socket and the screens. Names from ICAO Doc 9303 part 3."""

from __future__ import annotations

from egate.ipc.messages import AccuracyView, AlarmView, CaseView, CheckView, HitView, LaneView, OfficerWish, ScoreView, StaleView
from egate.model.accuracy import Verdict
from egate.model.checks import CheckGroup, CheckName, CheckResult, Outcome
from egate.model.lane import Alarm, DoorState, LanePhase, OfficerAction, OfficerReason

CASE = CaseView(
    passage=12,
    transaction="4f1c",
    surname="ERIKSSON",
    given_names="ANNA MARIA",
    document_number="L898902C3",
    document_code="P",
    issuing_state="UTO",
    nationality="UTO",
    date_of_birth="740812",
    sex="F",
    date_of_expiry="320415",
    checks=(
        CheckView(CheckGroup.BIOMETRIC, CheckName.FACE_MATCH, CheckResult.FAILED, "below_threshold", "0.21 < 0.36"),
        CheckView(CheckGroup.ELECTRONIC, CheckName.CERTIFICATE_CHAIN, CheckResult.SUCCESSFUL, "", ""),
    ),
    scores=(ScoreView("sface", 0.21, 0.363, 1000), ScoreView("dlib", 0.4, 0.55, 1000)),
    hits=(HitView("persons-2026", "entry 17", "name and date of birth", ("surname 1 letter off", "same date of birth")),),
    outcome=Outcome.REFER,
    because=(CheckName.FACE_MATCH,),
    has_reference=True,
    has_probe=True,
)

LANE = LaneView(
    revision=5,
    lane="lane-3",
    number=3,
    phase=LanePhase.REFERRED,
    phase_age_s=21.5,
    entry=DoorState.LOCKED,
    exit=DoorState.LOCKED,
    persons=1,
    alarms=(AlarmView(Alarm.REFERRAL, 21.5), AlarmView(Alarm.FMR_OUT_OF_BAND, 60.0), AlarmView(Alarm.TRUST_STALE, 86_400.0)),
    case=CASE,
    admitted=40,
    referred=2,
    last_outcome=Outcome.REFER,
    wish_counter=9,
    outbox=3,
    devices_lost=("camera",),
    stale=StaleView("master list", "UT", "2026-12-20", already=False, others=2),
    accuracy=AccuracyView(Verdict.ABOVE, 48_200, 2033.2, 1650.0, 2479.1, 1000, mated=241, refused=3),
)

WISH = OfficerWish("lane-3", OfficerAction.CLEAR, OfficerReason.IDENTITY_CONFIRMED, "officer-7731", 41, 9, 1_000_000_000, "00")
