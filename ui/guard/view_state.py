"""What the officer's console shows, as values. No Qt. Pictures and names show nothing in a `repr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from egate.model.checks import CheckResult
from egate.model.lane import DoorState, OfficerAction, OfficerReason


class Severity(IntEnum):
    """How urgent something is; every one has a shape, a number and a colour."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4


@dataclass(frozen=True, slots=True)
class GroupSegment:
    """One piece of a tile's progress: a check group and its result so far (None: not there yet)."""

    name: str
    result: CheckResult | None


@dataclass(frozen=True, slots=True)
class Tile:
    """One lane in the overview."""

    number: str
    title: str
    detail: str
    doors: str
    age: str
    severity: Severity | None
    segments: tuple[GroupSegment, ...]
    selected: bool
    alive: bool
    accessible: str


@dataclass(frozen=True, slots=True)
class Photos:
    """The two faces as JPEG bytes (empty: none) with their captions."""

    reference: bytes = field(repr=False)
    probe: bytes = field(repr=False)
    reference_caption: str = ""
    probe_caption: str = ""
    none_text: str = ""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One comparison against its threshold; `low` and `high` are the ends of the bar."""

    title: str
    value: float
    threshold: float
    low: float
    high: float
    value_text: str
    threshold_text: str
    verdict: str
    reached: bool
    second_opinion: bool


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check: its name, its result, the result's word, and what the lane says about it."""

    name: str
    result: CheckResult
    word: str
    detail: str


@dataclass(frozen=True, slots=True)
class CheckColumn:
    """The checks of one or two groups under their headings."""

    groups: tuple[tuple[str, tuple[CheckRow, ...]], ...]


@dataclass(frozen=True, slots=True)
class HitBox:
    """The list candidates with their evidence, and the reminder to say nothing."""

    title: str
    reminder: str
    entries: tuple[tuple[str, tuple[str, ...]], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaseScreen:
    """The case in the middle. `outcome` is empty before the decision."""

    title: str
    since: str
    severity: Severity | None
    outcome: str
    referred: bool
    because: str
    photos: Photos
    scores: tuple[ScoreRow, ...]
    no_scores: str
    hits: HitBox | None
    checks_title: str
    checks: tuple[CheckColumn, ...]
    document_title: str
    document: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class GatePlan:
    """A gate from above: its doors and how many people are inside."""

    entry: DoorState
    exit: DoorState
    persons: int


@dataclass(frozen=True, slots=True)
class EmptyCase:
    """What stands in the middle while there is no case; no plan for a lane that is not there."""

    title: str
    detail: str
    plan: GatePlan | None = None
    plan_words: str = ""


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One open alarm."""

    severity: Severity
    severity_word: str
    title: str
    lane: str
    detail: str
    age: str


@dataclass(frozen=True, slots=True)
class ReasonButton:
    """One reason; `key` is the digit that chooses it."""

    reason: OfficerReason
    text: str
    key: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ActionButton:
    """One action; `key` is its function key; a dangerous one is outlined, not filled."""

    action: OfficerAction
    text: str
    key: str
    enabled: bool
    main: bool


class NoticeKind(Enum):
    """What became of the officer's last wish."""

    SENT = "sent"
    TAKEN = "taken"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Actions:
    """Reasons, actions, and the answer to the last wish (`notice` empty: none)."""

    title: str
    reasons: tuple[ReasonButton, ...]
    actions: tuple[ActionButton, ...]
    notice: str
    notice_kind: NoticeKind | None


@dataclass(frozen=True, slots=True)
class Header:
    """The line at the top: totals as (number, word), who is on post, for how long, and whether for too long."""

    title: str
    totals: tuple[tuple[str, str], ...]
    officer: str
    on_post: str
    too_long: bool
    keys: str


@dataclass(frozen=True, slots=True)
class ConsoleScreen:
    """One whole console."""

    moment: str
    header: Header
    tiles: tuple[Tile, ...]
    case: CaseScreen | EmptyCase
    alarms_title: str
    alarms_order: str
    no_alarms: str
    alarms: tuple[AlarmRow, ...]
    actions: Actions
