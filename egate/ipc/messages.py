"""What a screen may know and ask. One JSON object a line carries one of these messages.

A view is the whole state of what it shows (idempotent): a screen that starts late needs only the newest one. The traveller's
view has no field for a person, a check or a reason, so the kiosk cannot show what it never receives. Wishes flow the other
way; a wish that moves a door is signed by the officer (`egate.ipc.wishes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from egate.model.accuracy import Verdict
from egate.model.checks import CheckGroup, CheckName, CheckResult, Outcome
from egate.model.face import CaptureHint
from egate.model.lane import Alarm, DoorState, LanePhase, OfficerAction, OfficerReason

PROTOCOL_VERSION = 1
"""Raised when a message changes in a way that an older screen cannot read."""

HEARTBEAT_S = 0.5
"""How often the controller says that it lives."""

STALE_AFTER_S = 2.0
"""Silence after which a kiosk shows `closed` and a console shows the lane as lost."""


class Role(Enum):
    """Who is at the other end of the socket; a role receives its own messages only."""

    KIOSK = "kiosk"
    GUARD = "guard"
    OBSERVER = "observer"
    SYNC = "sync"


class Place(Enum):
    """Where a traveller's screen stands. Most lanes show everybody the same; two kinds do not.

    In a pipelined lane one traveller is inside while the next one's document is read outside (P22). In a segregated lane
    documents are read at a kiosk elsewhere (P1), whose screen has views of its own.
    """

    ANYWHERE = "anywhere"
    OUTSIDE = "outside"
    INSIDE = "inside"
    KIOSK = "kiosk"


class TravellerStep(Enum):
    """What the kiosk shows: the four steps, the way in, the waits, and the three ends."""

    PLACE_DOCUMENT = "place_document"
    KEEP_DOCUMENT = "keep_document"
    GO_TO_GATE = "go_to_gate"
    WAIT_FOR_GATE = "wait_for_gate"
    WALK_IN = "walk_in"
    LOOK_AT_CAMERA = "look_at_camera"
    GO = "go"
    WAIT_FOR_OFFICER = "wait_for_officer"
    RETURN = "return"
    CLOSED = "closed"
    EMERGENCY = "emergency"


class TravellerHint(Enum):
    """The one hint under the title that is not about the camera."""

    NONE = "none"
    OPEN_AT_PHOTO_PAGE = "open_at_photo_page"
    KEEP_ON_READER = "keep_on_reader"
    PRESENT_AGAIN = "present_again"
    KIOSK_FIRST = "kiosk_first"
    TAKE_YOUR_DOCUMENT = "take_your_document"


@dataclass(frozen=True, slots=True)
class Hello:
    """First line of a screen: its role, a name for the log, the protocol it speaks."""

    role: Role
    name: str
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Welcome:
    """First line of the controller: the lane's name and number, and where the preview frames lie (empty: none)."""

    lane: str
    number: int
    frames_path: str
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The controller lives."""

    sequence: int


@dataclass(frozen=True, slots=True)
class TravellerView:
    """Everything the kiosk shows. `progress` is 0…1 for the step under way; `passage` changes with each traveller.

    `challenge` is what the screen shows a face in the gate: `#rrggbb` over all of it, a `look_…` target, or nothing.
    """

    revision: int
    passage: int
    step: TravellerStep
    hint: TravellerHint = TravellerHint.NONE
    camera_hint: CaptureHint = CaptureHint.NONE
    progress: float = 0.0
    language: str = "en"
    place: Place = Place.ANYWHERE
    challenge: str = ""


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check for the officer."""

    group: CheckGroup
    name: CheckName
    result: CheckResult
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ScoreView:
    """One comparison for the officer: engine, score, threshold, the error rate the threshold stands for (ppm)."""

    engine: str
    value: float
    threshold: float
    fmr_ppm: int


@dataclass(frozen=True, slots=True)
class HitView:
    """One watchlist candidate for the officer: list, entry, rule, and the evidence in words."""

    list_name: str
    entry: str
    rule: str
    evidence: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaseView:
    """The passage under way for the officer: document, checks, comparisons, hits, decision. Pictures come on request."""

    passage: int
    transaction: str
    surname: str = field(repr=False, default="")
    given_names: str = field(repr=False, default="")
    document_number: str = field(repr=False, default="")
    document_code: str = ""
    issuing_state: str = ""
    nationality: str = ""
    date_of_birth: str = field(repr=False, default="")
    sex: str = ""
    date_of_expiry: str = field(repr=False, default="")
    checks: tuple[CheckView, ...] = ()
    scores: tuple[ScoreView, ...] = ()
    hits: tuple[HitView, ...] = ()
    outcome: Outcome | None = None
    because: tuple[CheckName, ...] = ()
    has_reference: bool = False
    has_probe: bool = False


@dataclass(frozen=True, slots=True)
class AlarmView:
    """One open alarm: what, and for how many seconds."""

    alarm: Alarm
    age_s: float


@dataclass(frozen=True, slots=True)
class StaleView:
    """The most urgent trust material that goes stale: what (`master list`), of which State (or file), the day as ISO 8601.

    `already` when it is stale now; `others` counts further warnings of the same lane.
    """

    what: str
    country: str
    due: str
    already: bool
    others: int = 0


@dataclass(frozen=True, slots=True)
class AccuracyView:
    """How often strangers matched each other in the lane's own comparisons of the last week, in parts per million.

    `low_ppm` and `high_ppm` are the two-sided 95 % interval, `promised_ppm` what the threshold stands for. `refused` of `mated`
    comparisons of travellers with their own documents did not match although an officer found the same person.
    """

    verdict: Verdict
    comparisons: int
    fmr_ppm: float
    low_ppm: float
    high_ppm: float
    promised_ppm: int
    mated: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class LaneView:
    """One lane for the officer's console. `wish_counter` is the next counter an officer's wish must carry."""

    revision: int
    lane: str
    number: int
    phase: LanePhase
    phase_age_s: float
    entry: DoorState
    exit: DoorState
    persons: int
    alarms: tuple[AlarmView, ...]
    case: CaseView | None
    admitted: int
    referred: int
    last_outcome: Outcome | None
    wish_counter: int
    outbox: int = 0
    passage: int = 0
    devices_lost: tuple[str, ...] = ()
    stale: StaleView | None = None
    accuracy: AccuracyView | None = None


@dataclass(frozen=True, slots=True)
class CasePicturesWished:
    """A console asks for the two faces of a case."""

    passage: int


@dataclass(frozen=True, slots=True)
class CasePictures:
    """The two faces of a case as base64 JPEG (empty where there is none)."""

    passage: int
    reference: str = field(repr=False)
    probe: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LanguageWished:
    """The traveller chose a language (ISO 639-1) at a screen that stands at `place`."""

    language: str
    place: Place = Place.OUTSIDE


@dataclass(frozen=True, slots=True)
class TravellerHelpWished:
    """The traveller pressed Help at a screen that stands at `place`."""

    place: Place = Place.OUTSIDE


@dataclass(frozen=True, slots=True)
class OfficerWish:
    """An officer asks the lane to act. `signature` is hex Ed25519 over `wishes.signed_bytes`; `expires_ns` wall clock.

    `passage` is the passage that the officer saw (0: none), so that a wish never acts on the next traveller. `persons` is how
    many a clearance lets leave together: a family, or somebody with an assistant (P19).
    """

    lane: str
    action: OfficerAction
    reason: OfficerReason
    officer: str
    passage: int
    counter: int
    expires_ns: int
    signature: str = field(repr=False, default="")
    persons: int = 1


@dataclass(frozen=True, slots=True)
class OfficerPresent:
    """An officer watches this lane until `expires_ns` (wall clock), and says so again before that (S5).

    `here` False signs the officer off. `signature` is hex Ed25519 over `wishes.presence_bytes`.
    """

    lane: str
    officer: str
    expires_ns: int
    here: bool = True
    signature: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class WishAnswer:
    """Whether a wish was taken; `code` is a stable word saying why not."""

    taken: bool
    code: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptArrived:
    """The sync process hands over the centre's receipt; the controller verifies it and prunes the outbox."""

    lane: str
    sequence: int
    header_hash: str
    signed_at_ns: int
    signature: str


@dataclass(frozen=True, slots=True)
class PassageEvent:
    """One thing that happened in a passage, for observers (the demo's narrator, tests). No personal data.

    `what` is a stable word: `phase`, `check`, `chip`, `decision`, `record`, `door`, `alarm`, `officer`, `capture`, `document`,
    `device`, `receipt`, `trust`. `detail` is a short text, `at_ms` milliseconds since the passage began.
    """

    passage: int
    what: str
    name: str
    detail: str
    at_ms: int


Message = (
    Hello
    | Welcome
    | Heartbeat
    | TravellerView
    | LaneView
    | CasePicturesWished
    | CasePictures
    | LanguageWished
    | TravellerHelpWished
    | OfficerWish
    | OfficerPresent
    | WishAnswer
    | ReceiptArrived
    | PassageEvent
)
