"""From what the console knows to what it shows. Pure: no Qt, no clock; `now_s` is an argument."""

from __future__ import annotations

from egate.model.checks import CheckGroup, CheckResult
from egate.model.lane import STANDING_ALARMS, Alarm, OfficerAction, OfficerReason
from ui.common.i18n import Catalogue, isolate
from ui.guard.alarms import OpenAlarm, open_alarms, worst
from ui.guard.case_presenter import date_text, group_result, present_case, words_for
from ui.guard.state import ConsoleState, LaneKnown, Notice, possible, ready
from ui.guard.view_state import (
    ActionButton,
    Actions,
    AlarmRow,
    CaseScreen,
    ConsoleScreen,
    EmptyCase,
    GatePlan,
    GroupSegment,
    Header,
    NoticeKind,
    ReasonButton,
    Tile,
)

NO_BREAK = "\u00a0"
"""A date stands on one line: torn apart it reads as two numbers."""

MAY_BREAK, LONGEST_PIECE = "\u200b", 12
"""Where a long name may be broken, and after how many characters: twelve of the widest fit the alarms' panel."""

HAND_OVER_S = 60 * 60.0
"""An officer watches gates for one hour at most (inspection reports on the UK gates)."""

_PPM_IN_A_PERCENT = 10_000
_FUNCTION_KEYS = {
    OfficerAction.CLEAR: "F5",
    OfficerAction.RELEASE_TO_ENTRY: "F6",
    OfficerAction.HOLD: "F7",
    OfficerAction.OUT_OF_SERVICE: "F8",
    OfficerAction.IN_SERVICE: "F8",
}


def present(state: ConsoleState, texts: Catalogue, now_s: float) -> ConsoleScreen:
    """The whole console."""
    alarms = open_alarms(state, now_s)
    return ConsoleScreen(
        moment=_moment(state),
        header=_header(state, texts, now_s),
        tiles=tuple(_tile(state, place, alarms, texts, now_s) for place in range(len(state.lanes))),
        case=_case(state, alarms, texts, now_s),
        alarms_title=texts.text("guard.alarms"),
        alarms_order=texts.text("guard.alarms.order"),
        no_alarms=texts.text("guard.alarms.none"),
        alarms=tuple(_alarm(state, entry, texts) for entry in alarms),
        actions=_actions(state, texts),
    )


def age_text(seconds: float) -> str:
    """`21 s`, `2:05 min`, `1:02 h`, `12 d`; Latin digits and international signs in every language."""
    whole = max(0, int(seconds))
    if whole < 60:
        return isolate(f"{whole} s")
    if whole < 3600:
        return isolate(f"{whole // 60}:{whole % 60:02d} min")
    if whole >= 48 * 3600:
        return isolate(f"{whole // 86_400} d")
    return isolate(f"{whole // 3600}:{whole % 3600 // 60:02d} h")


def _moment(state: ConsoleState) -> str:
    """A word for the picture book that changes with lane, phase, case and faces."""
    lane = state.lane
    if lane.view is None:
        return "lost" if lane.lost_s is not None else "waiting"
    case = lane.view.case
    passage = f"-p{case.passage}" if case else ""
    decided = f"-{case.outcome.value.lower()}" if case and case.outcome else ""
    faces = "-faces" if lane.faces is not None and lane.faces.probe else ""
    return f"gate{lane.number}-{lane.view.phase.value}{passage}{decided}{faces}"


def _header(state: ConsoleState, texts: Catalogue, now_s: float) -> Header:
    views = [known.view for known in state.lanes if known.view is not None]
    on_post_s = now_s - state.since_s
    too_long = on_post_s >= HAND_OVER_S
    totals = (
        (sum(view.admitted for view in views), "guard.admitted"),
        (sum(view.referred for view in views), "guard.referred"),
        (sum(view.outbox for view in views), "guard.outbox"),
    )
    key = "guard.on_post.over" if too_long else "guard.on_post"
    return Header(
        title=texts.text("guard.window"),
        totals=tuple((f"{number:,}".replace(",", "\u202f"), texts.text(word)) for number, word in totals),
        officer=texts.text("guard.officer", name=state.officer),
        on_post=texts.text(key, minutes=int(on_post_s // 60)),
        too_long=too_long,
        keys=texts.text("guard.keys"),
    )


def _lane_name(known: LaneKnown, texts: Catalogue) -> str:
    return texts.text("guard.lane", number=known.number or "?")


def _tile(state: ConsoleState, place: int, alarms: tuple[OpenAlarm, ...], texts: Catalogue, now_s: float) -> Tile:
    known = state.lanes[place]
    severity = worst(entry for entry in alarms if entry.place == place)
    number = str(known.number) if known.number else "?"
    view = known.view
    if view is None:
        lost = known.lost_s is not None
        title = texts.text("guard.lane.lost" if lost else "guard.lane.waiting")
        detail, doors = "", texts.text("guard.lane.lost.detail") if lost else ""
        age = age_text(now_s - known.lost_s) if known.lost_s is not None else ""
        segments: tuple[GroupSegment, ...] = ()
    else:
        title = texts.text(f"guard.phase.{view.phase.value}")
        detail = texts.counted("guard.persons", view.persons)
        if view.devices_lost:
            lost_devices = (words_for(texts, f"guard.device.{name.replace(' ', '_')}", name) for name in view.devices_lost)
            detail = texts.text("guard.devices_lost", devices=" · ".join(lost_devices))
        age = age_text(view.phase_age_s + now_s - known.view_s)
        doors = _doors(known, texts)
        segments = _segments(known, texts)
    accessible = ", ".join(part for part in (_lane_name(known, texts), title, detail, doors) if part)
    return Tile(number, title, detail, doors, age, severity, segments, place == state.selected, known.alive, accessible)


def _doors(known: LaneKnown, texts: Catalogue) -> str:
    view = known.view
    if view is None:
        return ""
    entry, leaving = texts.text(f"guard.door.{view.entry.value}"), texts.text(f"guard.door.{view.exit.value}")
    return texts.text("guard.doors", entry=entry, exit=leaving)


def _segments(known: LaneKnown, texts: Catalogue) -> tuple[GroupSegment, ...]:
    case = known.view.case if known.view is not None else None
    results: dict[CheckGroup, CheckResult | None] = {
        group: group_result(case.checks, group) if case is not None else None for group in CheckGroup
    }
    return tuple(GroupSegment(texts.text(f"guard.group.{group.value}"), results[group]) for group in CheckGroup)


def _case(state: ConsoleState, alarms: tuple[OpenAlarm, ...], texts: Catalogue, now_s: float) -> CaseScreen | EmptyCase:
    known = state.lane
    if known.view is None:
        lost = known.lost_s is not None
        title = texts.text("guard.lane.lost" if lost else "guard.lane.waiting")
        return EmptyCase(title, texts.text("guard.lane.lost.detail") if lost else "")
    if known.view.case is None:
        title = f"{_lane_name(known, texts)} · {texts.text('guard.phase.' + known.view.phase.value)}"
        plan = GatePlan(known.view.entry, known.view.exit, known.view.persons)
        words = f"{_doors(known, texts)} · {texts.counted('guard.persons', known.view.persons)}"
        return EmptyCase(title, texts.text("guard.case.none.detail"), plan, words)
    severity = worst(e for e in alarms if e.place == state.selected and e.alarm not in STANDING_ALARMS)
    since = age_text(known.view.phase_age_s + now_s - known.view_s)
    return present_case(known, severity, texts, since)


def _alarm(state: ConsoleState, entry: OpenAlarm, texts: Catalogue) -> AlarmRow:
    word = entry.alarm.value if entry.alarm is not None else "lane_lost"
    detail = ""
    if entry.alarm is Alarm.LIST_HIT:
        detail = texts.text("guard.alarm.list_hit.detail")
    elif entry.alarm is Alarm.TRUST_STALE:
        detail = _stale(state.lanes[entry.place], texts)
    elif entry.alarm is Alarm.FMR_OUT_OF_BAND:
        detail = _accuracy(state.lanes[entry.place], texts)
    elif entry.alarm is None:
        detail = texts.text("guard.lane.lost.detail")
    return AlarmRow(
        severity=entry.severity,
        severity_word=texts.text(f"guard.severity.{entry.severity.value}"),
        title=texts.text(f"guard.alarm.{word}"),
        lane=_lane_name(state.lanes[entry.place], texts),
        detail=detail,
        age=age_text(entry.age_s),
    )


def _accuracy(known: LaneKnown, texts: Catalogue) -> str:
    """How often strangers matched, of how many comparisons, what was promised, and whom to tell."""
    accuracy = known.view.accuracy if known.view is not None else None
    if accuracy is None or not accuracy.verdict.alarming:
        return ""
    sentence = texts.text(
        f"guard.accuracy.{accuracy.verdict.value}",
        comparisons=isolate(str(accuracy.comparisons)),
        fmr=isolate(f"{accuracy.fmr_ppm / _PPM_IN_A_PERCENT:.2g}"),
        promised=isolate(f"{accuracy.promised_ppm / _PPM_IN_A_PERCENT:g}"),
    )
    return f"{sentence} {texts.text('guard.stale.tell')}"


def _stale(known: LaneKnown, texts: Catalogue) -> str:
    """What goes stale and when, how much more does, and whom to tell."""
    stale = known.view.stale if known.view is not None else None
    if stale is None:
        return ""
    key = f"guard.stale.{stale.what.replace(' ', '_')}_{'since' if stale.already else 'soon'}"
    country, due = isolate(_breakable(stale.country)), isolate(_day(stale.due))
    sentence = (
        texts.text(key, country=country, due=due)
        if texts.known(key)
        else isolate(f"{stale.what}: {_breakable(stale.country)}, {stale.due}.")
    )
    others = texts.counted("guard.stale.others", stale.others) if stale.others else ""
    return " ".join(part for part in (sentence, others, texts.text("guard.stale.tell")) if part)


def _breakable(name: str) -> str:
    """A name of any length that a narrow panel can put on several lines; a State's two letters stay as they are."""
    return MAY_BREAK.join(name[start : start + LONGEST_PIECE] for start in range(0, len(name), LONGEST_PIECE))


def _day(iso: str) -> str:
    """`2026-12-20` as `20 DEC 2026`, like the console's other dates and in one piece; what is no day stays as it is."""
    printed = iso[2:].replace("-", "")
    shown = date_text(printed)
    return iso if shown == printed else f"{shown[:-2]}{iso[:4]}".replace(" ", NO_BREAK)


def _actions(state: ConsoleState, texts: Catalogue) -> Actions:
    reasons = tuple(
        ReasonButton(reason, texts.text(f"guard.reason.{reason.value}"), str(index + 1), state.reason is reason)
        for index, reason in enumerate(OfficerReason)
    )
    service = OfficerAction.OUT_OF_SERVICE
    if possible(state.lane, OfficerAction.IN_SERVICE):
        service = OfficerAction.IN_SERVICE
    order = (OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY, OfficerAction.HOLD, service)
    actions = tuple(
        ActionButton(
            action,
            texts.text(f"guard.action.{action.value}"),
            _FUNCTION_KEYS[action],
            ready(state, action),
            action is OfficerAction.RELEASE_TO_ENTRY,
        )
        for action in order
    )
    notice = state.notice
    return Actions(
        title=texts.text("guard.reason"),
        reasons=reasons,
        actions=actions,
        notice=_notice(state, notice, texts) if notice is not None else "",
        notice_kind=notice.kind if notice is not None else None,
    )


def _notice(state: ConsoleState, notice: Notice, texts: Catalogue) -> str:
    number = state.lanes[notice.lane].number
    if notice.kind is not NoticeKind.REFUSED:
        return texts.text(f"guard.wish.{notice.kind.value}", number=number)
    key = f"guard.wish.code.{notice.code}"
    why = texts.text(key) if texts.known(key) else texts.text("guard.wish.code.other", code=notice.code)
    return texts.text("guard.wish.refused", number=number, why=why)
