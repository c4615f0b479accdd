"""What the console knows, and how it changes. Pure; times are seconds on the monotonic clock.

Three rules protect the traveller. A reason belongs to one passage of one lane and is dropped when either changes, so an action
meant for somebody can never reach the next one. The faces of a case are dropped with the case. And the console believes
nothing but the lane: a wish shows as sent until its answer comes.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.ipc.messages import CasePictures, CasePicturesWished, LaneView, Message, OfficerPresent, OfficerWish, WishAnswer
from egate.ipc.wishes import MAX_PRESENCE_S, sign_presence, sign_wish
from egate.model.lane import STANDING_ALARMS, LanePhase, OfficerAction, OfficerReason
from ui.guard.view_state import NoticeKind

WISH_LIFE_S = 5.0
"""How long a signed wish stays good; the lane accepts at most ten seconds."""

ANSWER_WITHIN_S = 3.0
"""After this without an answer the console says so."""

NOTICE_SHOWN_S = 8.0
"""How long an answer stays on the screen."""

CONNECT_WITHIN_S = 5.0
"""A lane that was not heard this long after the console began counts as lost."""

PRESENCE_MARGIN_S = 1.0
"""How far the two clocks of console and lane may be apart without a presence being refused."""

_HELD = frozenset({LanePhase.REFERRED, LanePhase.REFERRED_OUTSIDE})
_NOT_OURS = frozenset({LanePhase.OUT_OF_SERVICE, LanePhase.RESYNC, LanePhase.EMERGENCY, LanePhase.IDLE})


@dataclass(frozen=True, slots=True)
class Faces:
    """The two pictures of one passage as JPEG bytes."""

    passage: int
    reference: bytes = field(repr=False)
    probe: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LaneKnown:
    """One lane as last heard: `view_s` when, `lost_s` since when it is silent, `asked` which pictures were asked for."""

    number: int = 0
    alive: bool = False
    view: LaneView | None = None
    view_s: float = 0.0
    lost_s: float | None = None
    faces: Faces | None = None
    asked: tuple[int, bool, bool] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of the last wish, and for which lane."""

    kind: NoticeKind
    lane: int
    at_s: float
    code: str = ""


@dataclass(frozen=True, slots=True)
class ConsoleState:
    """Everything the console knows. `selected` is the place of the lane in the middle."""

    lanes: tuple[LaneKnown, ...]
    officer: str
    since_s: float
    selected: int = 0
    reason: OfficerReason | None = None
    notice: Notice | None = None

    @property
    def lane(self) -> LaneKnown:
        """The selected lane."""
        return self.lanes[self.selected]


def begin(lane_count: int, officer: str, now_s: float) -> ConsoleState:
    """A console that has heard nothing yet."""
    return ConsoleState(tuple(LaneKnown() for _ in range(lane_count)), officer, now_s)


def welcomed(state: ConsoleState, place: int, number: int) -> ConsoleState:
    """A lane said which gate it is."""
    return _with_lane(state, place, replace(state.lanes[place], number=number, lost_s=None))


def lost(state: ConsoleState, place: int, now_s: float) -> ConsoleState:
    """A lane fell silent: its case and faces go, the alarm stays."""
    known = state.lanes[place]
    gone = LaneKnown(number=known.number, lost_s=known.lost_s if known.lost_s is not None else now_s)
    state = _with_lane(state, place, gone)
    return replace(state, reason=None) if place == state.selected else state


def viewed(state: ConsoleState, place: int, view: LaneView, now_s: float) -> tuple[ConsoleState, tuple[Message, ...]]:
    """A lane sent its newest view. Pictures are asked for once for each picture that appears."""
    known = state.lanes[place]
    before, after = _passage(known.view), _passage(view)
    faces = known.faces if known.faces is not None and known.faces.passage == after else None
    wanted = _wanted(view)
    ask = wanted is not None and wanted != known.asked
    changed = replace(known, number=view.number, alive=True, view=view, view_s=now_s, lost_s=None, faces=faces, asked=wanted)
    state = _with_lane(state, place, changed)
    if place == state.selected and before != after:
        state = replace(state, reason=None)
    state = _look_where_it_burns(state, place)
    return state, (CasePicturesWished(after),) if ask and after is not None else ()


def pictured(state: ConsoleState, place: int, pictures: CasePictures) -> ConsoleState:
    """The faces of a case came; those of a case that is over are not kept."""
    known = state.lanes[place]
    if _passage(known.view) != pictures.passage:
        return state
    faces = Faces(pictures.passage, _decoded(pictures.reference), _decoded(pictures.probe))
    return _with_lane(state, place, replace(known, faces=faces))


def answered(state: ConsoleState, place: int, answer: WishAnswer, now_s: float) -> ConsoleState:
    """A lane answered the officer's wish."""
    kind = NoticeKind.TAKEN if answer.taken else NoticeKind.REFUSED
    return replace(state, notice=Notice(kind, place, now_s, answer.code))


def selected(state: ConsoleState, place: int) -> ConsoleState:
    """The officer looks at another lane; a reason chosen for the last one does not come along."""
    bounded = max(0, min(place, len(state.lanes) - 1))
    return replace(state, selected=bounded, reason=None) if bounded != state.selected else state


def reasoned(state: ConsoleState, reason: OfficerReason) -> ConsoleState:
    """The officer chose a reason; choosing it again takes it back."""
    return replace(state, reason=None if state.reason is reason else reason)


def presences(
    state: ConsoleState, key: Ed25519PrivateKey, wall_ns: int, *, here: bool = True
) -> tuple[tuple[int, OfficerPresent], ...]:
    """What to tell each lane that is heard: the officer is there for a little while yet, or goes (S5)."""
    until = wall_ns + int((MAX_PRESENCE_S - PRESENCE_MARGIN_S) * 1e9)
    return tuple(
        (place, sign_presence(OfficerPresent(known.view.lane, state.officer, until, here), key))
        for place, known in enumerate(state.lanes)
        if known.view is not None
    )


def time_passed(state: ConsoleState, now_s: float) -> ConsoleState:
    """A lane that never came is lost; an answer that did not come is told; an old notice goes."""
    for place, known in enumerate(state.lanes):
        if known.view is None and known.lost_s is None and now_s - state.since_s >= CONNECT_WITHIN_S:
            state = lost(state, place, now_s)
    notice = state.notice
    if notice is None:
        return state
    age = now_s - notice.at_s
    if notice.kind is NoticeKind.SENT:
        return replace(state, notice=Notice(NoticeKind.SILENT, notice.lane, now_s)) if age >= ANSWER_WITHIN_S else state
    return replace(state, notice=None) if age >= NOTICE_SHOWN_S else state


def possible(known: LaneKnown, action: OfficerAction) -> bool:
    """Whether an action makes sense in a lane's phase; the lane decides, this only keeps useless buttons grey."""
    if not known.alive or known.view is None:
        return False
    phase = known.view.phase
    if action in (OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY):
        return phase in _HELD
    if action is OfficerAction.HOLD:
        return phase not in _NOT_OURS
    if action is OfficerAction.IN_SERVICE:
        return phase is LanePhase.OUT_OF_SERVICE
    return phase is not LanePhase.OUT_OF_SERVICE


def ready(state: ConsoleState, action: OfficerAction) -> bool:
    """Whether a wish can be made now: possible, with a reason, and none on its way."""
    waiting = state.notice is not None and state.notice.kind is NoticeKind.SENT
    return state.reason is not None and not waiting and possible(state.lane, action)


def wished(
    state: ConsoleState, action: OfficerAction, key: Ed25519PrivateKey, now_s: float, wall_ns: int
) -> tuple[ConsoleState, OfficerWish | None]:
    """The officer's signed wish for the selected lane; None when it is not ready. The reason is used up.

    A family or somebody with an assistant leaves together: as many as the officer saw counted, and no others (P19).
    """
    view = state.lane.view
    if not ready(state, action) or view is None or state.reason is None:
        return state, None
    expires_ns = wall_ns + int(WISH_LIFE_S * 1_000_000_000)
    together = state.reason is OfficerReason.FAMILY_OR_ASSISTANCE and action is OfficerAction.CLEAR
    wish = OfficerWish(
        lane=view.lane,
        action=action,
        reason=state.reason,
        officer=state.officer,
        passage=view.passage,
        counter=view.wish_counter,
        expires_ns=expires_ns,
        persons=max(1, view.persons) if together else 1,
    )
    wish = sign_wish(wish, key)
    return replace(state, reason=None, notice=Notice(NoticeKind.SENT, state.selected, now_s)), wish


def _with_lane(state: ConsoleState, place: int, known: LaneKnown) -> ConsoleState:
    lanes = (*state.lanes[:place], known, *state.lanes[place + 1 :])
    return replace(state, lanes=lanes)


def _passage(view: LaneView | None) -> int | None:
    return None if view is None or view.case is None else view.case.passage


def _wanted(view: LaneView) -> tuple[int, bool, bool] | None:
    case = view.case
    if case is None or not (case.has_reference or case.has_probe):
        return None
    return case.passage, case.has_reference, case.has_probe


def _look_where_it_burns(state: ConsoleState, place: int) -> ConsoleState:
    """Show a lane that calls, unless the officer is at work on one that calls too."""
    busy = state.reason is not None or _calls(state.lane.view)
    if place == state.selected or busy or not _calls(state.lanes[place].view):
        return state
    return selected(state, place)


def _calls(view: LaneView | None) -> bool:
    """Whether somebody must look at this lane now. What lasts for days, such as stale trust, must not hold the console's eye."""
    return view is not None and any(entry.alarm not in STANDING_ALARMS for entry in view.alarms)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
