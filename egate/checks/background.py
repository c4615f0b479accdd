"""Checks against lists and rules: watchlists, eligibility, multiple use, and incidents of the lane itself.

Rule: a hit is for an officer's eyes. Neither the code nor the detail of a check names the list or the entry, because results
travel further than hits do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from egate.checks.catalogue import finding, success
from egate.model.checks import Check, CheckName
from egate.model.document import Mrz
from egate.model.watchlist import Hit, ListKind
from egate.mrtd.files.mrz_dates import possible_births


def check_watchlists(hits: Sequence[Hit], lists_current: bool) -> tuple[Check, ...]:
    """The two list checks. A hit counts on stale lists too; no hit counts only on current ones (P21)."""
    return (
        _check_list(CheckName.DOCUMENT_WATCHLIST, ListKind.DOCUMENTS, "document_listed", hits, lists_current),
        _check_list(CheckName.PERSON_WATCHLIST, ListKind.PERSONS, "person_listed", hits, lists_current),
    )


def _check_list(name: CheckName, kind: ListKind, code: str, hits: Sequence[Hit], lists_current: bool) -> Check:
    if any(hit.kind is kind for hit in hits):
        return finding(name, code)
    if not lists_current:
        return finding(name, "lists_not_current")
    return success(name)


def check_eligibility(mrz: Mrz | None, today: date, minimum_age_years: int, document_codes: Sequence[str] = ()) -> Check:
    """Whether the document is of a kind that the gate takes and the traveller old enough (P19).

    Unknown parts of the date of birth are taken as the youngest possible.
    """
    name = CheckName.ELIGIBILITY
    if mrz is None:
        return finding(name, "mrz_not_read")
    if document_codes and not any(_is_of_kind(mrz.document_code, listed) for listed in document_codes):
        return finding(name, "document_kind_not_taken")
    born = possible_births(mrz.date_of_birth, today)
    if born is None:
        return finding(name, "birth_date_unreadable")
    if age_on(born.latest, today) >= minimum_age_years:
        return success(name)
    return finding(name, "below_minimum_age" if born.earliest == born.latest else "birth_date_unreadable")


def _is_of_kind(code: str, listed: str) -> bool:
    return code.startswith(listed[:-1]) if listed.endswith("*") else code == listed


def age_on(born: date, day: date) -> int:
    """Completed years of life; who was born on 29 February has a birthday on 1 March in other years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def check_multiple_use(seconds_since_last: float | None, window_s: float) -> Check:
    """Whether the same document was presented within the window (P20); None for never, a window of 0 for not asked."""
    name = CheckName.MULTIPLE_USE
    if window_s <= 0:
        return finding(name, "multiple_use_off")
    if seconds_since_last is not None and seconds_since_last < window_s:
        return finding(name, "presented_again")
    return success(name)


def lane_incident(name: CheckName, code: str) -> Check:
    """The finding for something that happened in the lane, e.g. `(LANE_HEALTH, "device_lost")`; codes are the catalogue's."""
    return finding(name, code)
