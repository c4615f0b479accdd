"""Cases for the pictures in the docs and the console's tests. Names from ICAO Doc 9303 part 3; nobody real."""

from __future__ import annotations

from dataclasses import replace

from egate.ipc.messages import AccuracyView, AlarmView, CaseView, CheckView, HitView, LaneView, ScoreView, StaleView
from egate.model.accuracy import Verdict
from egate.model.checks import CheckGroup, CheckName, CheckResult, Outcome
from egate.model.lane import Alarm, DoorState, LanePhase

_G, _N, _R = CheckGroup, CheckName, CheckResult

GROUPS: dict[CheckName, CheckGroup] = {
    _N.MRZ_CHECK_DIGITS: _G.OPTICAL,
    _N.DOCUMENT_EXPIRY: _G.OPTICAL,
    _N.CHIP_ACCESS: _G.ELECTRONIC,
    _N.SECURITY_OBJECT_SIGNATURE: _G.ELECTRONIC,
    _N.CERTIFICATE_CHAIN: _G.ELECTRONIC,
    _N.CERTIFICATE_REVOCATION: _G.ELECTRONIC,
    _N.DATA_GROUP_HASHES: _G.ELECTRONIC,
    _N.FILE_LIST_CONSISTENT: _G.ELECTRONIC,
    _N.CHIP_GENUINE: _G.ELECTRONIC,
    _N.TERMINAL_AUTHENTICATION: _G.ELECTRONIC,
    _N.MRZ_MATCHES_CHIP: _G.COMBINED,
    _N.ISSUER_MATCHES_CERTIFICATE: _G.COMBINED,
    _N.SINGLE_PERSON: _G.BIOMETRIC,
    _N.FACE_CAPTURE: _G.BIOMETRIC,
    _N.FACE_MATCH: _G.BIOMETRIC,
    _N.PRESENTATION_ATTACK: _G.BIOMETRIC,
    _N.DOCUMENT_WATCHLIST: _G.BACKGROUND,
    _N.PERSON_WATCHLIST: _G.BACKGROUND,
    _N.ELIGIBILITY: _G.BACKGROUND,
    _N.MULTIPLE_USE: _G.BACKGROUND,
    _N.LANE_HEALTH: _G.BACKGROUND,
}


DETAILS: dict[CheckName, tuple[CheckResult, str, str]] = {
    _N.FACE_MATCH: (_R.FAILED, "face_differs", "sface"),
    _N.PRESENTATION_ATTACK: (_R.NOT_SUPPORTED, "no_attack_detector", ""),
    _N.PERSON_WATCHLIST: (_R.FAILED, "person_listed", ""),
    _N.DOCUMENT_WATCHLIST: (_R.UNDETERMINED, "lists_not_current", ""),
    _N.CHIP_GENUINE: (_R.ABORTED, "chip_session_broken", ""),
}
"""What was not successful in the case that is shown: one of each of the other four words."""


def checks(*, successful: bool = False) -> tuple[CheckView, ...]:
    """Every check; all of them successful, or those of `DETAILS` not."""
    plain = (_R.SUCCESSFUL, "", "")
    return tuple(CheckView(group, name, *(plain if successful else DETAILS.get(name, plain))) for name, group in GROUPS.items())


MISMATCH = CaseView(
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
    checks=checks(),
    scores=(ScoreView("sface", 0.214, 0.450, 1000), ScoreView("dlib", 0.41, 0.53, 1000)),
    hits=(HitView("wanted-persons", "17", "name_equal", ("name: the same words", "date of birth: equal")),),
    outcome=Outcome.REFER,
    because=(CheckName.FACE_MATCH, CheckName.PERSON_WATCHLIST),
    has_reference=True,
    has_probe=True,
)

REFERRED = LaneView(
    revision=5,
    lane="lane-3",
    number=3,
    phase=LanePhase.REFERRED,
    phase_age_s=21.0,
    entry=DoorState.LOCKED,
    exit=DoorState.LOCKED,
    persons=1,
    alarms=(AlarmView(Alarm.LIST_HIT, 20.0), AlarmView(Alarm.REFERRAL, 21.0)),
    case=MISMATCH,
    admitted=412,
    referred=9,
    last_outcome=Outcome.REFER,
    wish_counter=9,
    outbox=3,
)

IDLE = replace(
    REFERRED,
    phase=LanePhase.IDLE,
    phase_age_s=4.0,
    persons=0,
    alarms=(),
    case=None,
    lane="lane-1",
    number=1,
    admitted=388,
    outbox=0,
)

CAPTURE = replace(
    REFERRED,
    phase=LanePhase.CAPTURE,
    phase_age_s=3.0,
    alarms=(),
    lane="lane-2",
    number=2,
    case=replace(
        MISMATCH, passage=40, checks=checks(successful=True)[:9], scores=(), hits=(), outcome=None, because=(), has_probe=False
    ),
)

CLOSED = replace(
    IDLE,
    phase=LanePhase.OUT_OF_SERVICE,
    phase_age_s=3120.0,
    number=4,
    lane="lane-4",
    devices_lost=("mrz reader",),
    alarms=(AlarmView(Alarm.DEVICE_LOST, 3120.0),),
)

STALE = replace(
    IDLE,
    alarms=(AlarmView(Alarm.TRUST_STALE, 7200.0),),
    stale=StaleView("master list", "UT", "2026-12-20", already=False, others=2),
)
"""A calm lane whose trust material goes stale."""

INACCURATE = replace(
    IDLE,
    alarms=(AlarmView(Alarm.FMR_OUT_OF_BAND, 7200.0),),
    accuracy=AccuracyView(Verdict.ABOVE, 48_200, 2033.2, 1650.0, 2479.1, 1000, mated=241, refused=3),
)
"""A calm lane in which strangers match each other twice as often as the threshold promises."""
