"""From a case to its screen: faces, scores, candidates, checks, document. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from egate.ipc.messages import CaseView, CheckView, HitView, ScoreView
from egate.model.checks import CheckGroup, CheckResult, Outcome
from egate.model.lane import LanePhase
from ui.common.i18n import Catalogue, isolate
from ui.guard.state import LaneKnown
from ui.guard.view_state import CaseScreen, CheckColumn, CheckRow, HitBox, Photos, ScoreRow, Severity

_COLUMNS = (
    (CheckGroup.OPTICAL, CheckGroup.COMBINED),
    (CheckGroup.ELECTRONIC,),
    (CheckGroup.BIOMETRIC,),
    (CheckGroup.BACKGROUND,),
)
"""How the groups stand side by side."""

_PPM_IN_A_PERCENT = 10_000

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
"""As a passport prints them beside its zone (Doc 9303-3 §3.8), so that an officer compares like with like."""

_BEFORE_THE_FACE = frozenset({LanePhase.READING, LanePhase.ENTRY_OPEN, LanePhase.ENTRY_CLOSING, LanePhase.CAPTURE})
"""Here an admission opens the entry door only; the exit is not decided yet."""

_LEAVING = frozenset({LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING})
"""Here the exit is or was open: a referred traveller gets here by an officer's act only."""


def present_case(known: LaneKnown, severity: Severity | None, texts: Catalogue, since: str) -> CaseScreen:
    """The screen of a lane's case; the lane has one."""
    view = known.view
    assert view is not None
    assert view.case is not None
    case = view.case
    phase = texts.text(f"guard.phase.{view.phase.value}")
    cleared = case.outcome is Outcome.REFER and view.phase in _LEAVING
    return CaseScreen(
        title=f"{texts.text('guard.lane', number=view.number)} · {phase}",
        since=texts.text("guard.case.since", age=since),
        severity=severity,
        outcome=_outcome(case.outcome, view.phase, texts),
        referred=case.outcome is Outcome.REFER and not cleared,
        because=_because(case, texts, cleared=cleared),
        photos=_photos(known, texts, over=case.outcome is Outcome.REFER),
        scores=tuple(_score(score, texts, second_opinion=index > 0) for index, score in enumerate(case.scores)),
        no_scores=texts.text("guard.score.none_made" if case.outcome is Outcome.REFER else "guard.score.none"),
        hits=_hits(case, texts),
        checks_title=texts.text("guard.checks"),
        checks=tuple(_column(case.checks, groups, texts) for groups in _COLUMNS),
        document_title=texts.text("guard.document"),
        document=_document(case, texts),
    )


def group_result(checks: Iterable[CheckView], group: CheckGroup) -> CheckResult | None:
    """The results of a group taken together (the largest, TR-03135-1 §3.8); None while there is none."""
    return max((check.result for check in checks if check.group is group), default=None)


def date_text(printed: str) -> str:
    """`740812` as `12 AUG 74`; the century is not printed, so none is invented. What is no date stays as it is."""
    if not (len(printed) == 6 and printed.isascii() and printed.isdecimal() and 1 <= int(printed[2:4]) <= 12):
        return printed
    return f"{printed[4:]} {_MONTHS[int(printed[2:4]) - 1]} {printed[:2]}"


def words_for(texts: Catalogue, key: str, code: str) -> str:
    """A lane's word in the officer's language; one of a newer lane, which has no text, is shown as it is called."""
    return texts.text(key) if texts.known(key) else isolate(spaced(code))


def spaced(code: str) -> str:
    """A code of the catalogue as words: `face_differs` as `face differs`."""
    return code.replace("_", " ")


def _findings(check: CheckView, texts: Catalogue) -> tuple[str, ...]:
    """Why a check ended so, in the officer's language where it has words for the code, and the detail as the lane gives it."""
    code = words_for(texts, f"guard.code.{check.code}", check.code) if check.code else ""
    return tuple(part for part in (code, isolate(check.detail)) if part)


def _because(case: CaseView, texts: Catalogue, *, cleared: bool) -> str:
    if not case.because:
        return ""
    details = {check.name: ", ".join(_findings(check, texts)) for check in case.checks}
    parts = []
    for name in case.because:
        detail = details.get(name, "")
        word = texts.text(f"guard.check.{name.value}")
        parts.append(f"{word} ({detail})" if detail else word)
    return texts.text("guard.outcome.cleared_because" if cleared else "guard.outcome.because", checks=", ".join(parts))


def _outcome(outcome: Outcome | None, phase: LanePhase, texts: Catalogue) -> str:
    """The decision in a word. Nobody is called admitted whose face is still to be compared, or referred who may go through."""
    if outcome is None:
        return ""
    if outcome is Outcome.REFER and phase in _LEAVING:
        return texts.text("guard.outcome.cleared")
    if outcome is Outcome.ADMIT and phase in _BEFORE_THE_FACE:
        return texts.text("guard.outcome.walk_in")
    return texts.text(f"guard.outcome.{outcome.value.lower()}")


def _photos(known: LaneKnown, texts: Catalogue, *, over: bool) -> Photos:
    faces = known.faces
    return Photos(
        reference=faces.reference if faces else b"",
        probe=faces.probe if faces else b"",
        reference_caption=texts.text("guard.photo.reference"),
        probe_caption=texts.text("guard.photo.probe"),
        none_text=texts.text("guard.photo.none_taken" if over else "guard.photo.none"),
    )


def _score(score: ScoreView, texts: Catalogue, *, second_opinion: bool) -> ScoreRow:
    """The bar runs from 0 (or the value below it) to 1 (or the value above it), so bars can be compared."""
    reached = score.value >= score.threshold
    percent = f"{score.fmr_ppm / _PPM_IN_A_PERCENT:g}"
    return ScoreRow(
        title=texts.text("guard.score.second" if second_opinion else "guard.score.gate", engine=score.engine),
        value=score.value,
        threshold=score.threshold,
        low=min(0.0, score.value, score.threshold),
        high=max(1.0, score.value, score.threshold),
        value_text=f"{score.value:.3f}",
        threshold_text=texts.text("guard.score.threshold", threshold=f"{score.threshold:.3f}", fmr=percent),
        verdict=texts.text("guard.score.reached" if reached else "guard.score.below"),
        reached=reached,
        second_opinion=second_opinion,
    )


def _hits(case: CaseView, texts: Catalogue) -> HitBox | None:
    if not case.hits:
        return None
    entries = tuple((_candidate(hit, texts), tuple(map(isolate, hit.evidence))) for hit in case.hits)
    return HitBox(texts.text("guard.hits"), texts.text("guard.hits.silent"), entries)


def _candidate(hit: HitView, texts: Catalogue) -> str:
    """Why this entry first, then where it stands."""
    rule = words_for(texts, f"guard.rule.{hit.rule}", hit.rule)
    return f"{rule} · {isolate(f'{hit.list_name} · {hit.entry}')}"


def _column(checks: tuple[CheckView, ...], groups: tuple[CheckGroup, ...], texts: Catalogue) -> CheckColumn:
    return CheckColumn(
        tuple(
            (
                texts.text(f"guard.group.{group.value}"),
                tuple(_check(check, texts) for check in checks if check.group is group),
            )
            for group in groups
        )
    )


def _check(check: CheckView, texts: Catalogue) -> CheckRow:
    word = texts.text(f"guard.result.{check.result.name.lower()}")
    detail = " · ".join(_findings(check, texts))
    return CheckRow(texts.text(f"guard.check.{check.name.value}"), check.result, word, detail)


def _document(case: CaseView, texts: Catalogue) -> tuple[tuple[str, str], ...]:
    name = " / ".join(part for part in (case.surname, case.given_names) if part)
    rows = (
        ("name", name),
        ("number", case.document_number),
        ("kind", " ".join(part for part in (case.document_code, case.issuing_state) if part)),
        ("nationality", case.nationality),
        ("birth", " · ".join(isolate(part) for part in (date_text(case.date_of_birth), case.sex) if part)),
        ("expiry", isolate(date_text(case.date_of_expiry))),
    )
    return tuple((texts.text(f"guard.document.{key}"), value or "–") for key, value in rows)
