"""What becomes stale, told in time: lists nobody renewed, outdated revocation lists, States about to lose their last key.

Rule: a warning is for a person who can act: it names the State, the day, and what to do. Single certificates that end while their
State has another valid one hurt nobody and are no warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from egate.supply.store import Supplied

WITHIN_DAYS = 30
"""How long before the day a warning comes: a monthly update finds it in time."""

LIST_LIFE_DAYS = 90
"""Master lists are published every month or two; one older than this misses new keys, and their holders are referred. Defect
lists do not say when the next one is due; one as old as this misses revoked signers."""

ENDED_DAYS = 90
"""A State without a valid certificate is named for this long; afterwards it is no news."""


class Stale(Enum):
    """What became stale, or soon does."""

    MASTER_LIST = "master list"
    REVOCATION_LIST = "revocation list"
    DEFECT_LIST = "defect list"
    COUNTRY = "country certificate"


@dataclass(frozen=True, slots=True)
class StaleWarning:
    """One warning: what, of which State (or plain file), the day from which it is stale, days until then (negative: since)."""

    what: Stale
    country: str
    due: date
    days: int

    @property
    def text(self) -> str:
        """One sentence for the officer and the technician."""
        when = f"in {self.days} days, on {self.due}" if self.days > 0 else f"since {self.due}"
        match self.what:
            case Stale.MASTER_LIST:
                return f"the master list of {self.country} is out of date {when}: import a newer one"
            case Stale.REVOCATION_LIST:
                return f"the revocation list of {self.country} is out of date {when}: import a newer one"
            case Stale.DEFECT_LIST:
                return f"the defect list of {self.country} is out of date {when}: import a newer one"
            case Stale.COUNTRY:
                return f"the last certificate of {self.country} ends {when}: its travellers are referred from then on"


def stale_soon(supplied: Supplied, today: date, within_days: int = WITHIN_DAYS) -> tuple[StaleWarning, ...]:
    """What is stale on `today` or becomes so within `within_days`, the most urgent first."""
    until = today + timedelta(days=within_days)
    found = [(Stale.MASTER_LIST, country, signed + timedelta(days=LIST_LIFE_DAYS)) for country, signed in supplied.list_dates]
    for country, revocations in supplied.store.revocations.items():
        if revocations.next_update is not None:
            found.append((Stale.REVOCATION_LIST, country, revocations.next_update))
    for listed in supplied.store.defects:
        if listed.signed is not None:
            found.append((Stale.DEFECT_LIST, listed.country, listed.signed + timedelta(days=LIST_LIFE_DAYS)))
    for country, last in _last_days(supplied).items():
        if last >= today - timedelta(days=ENDED_DAYS):
            found.append((Stale.COUNTRY, country, last))
    warnings = [StaleWarning(what, country, due, (due - today).days) for what, country, due in found if due <= until]
    return tuple(sorted(warnings, key=lambda warning: (warning.due, warning.what.value, warning.country)))


def _last_days(supplied: Supplied) -> dict[str, date]:
    """By State the last day on which any of its certificates is valid."""
    last: dict[str, date] = {}
    for certificate in supplied.store.certificates:
        day = certificate.not_after.date()
        country = certificate.subject_country
        last[country] = max(day, last.get(country, day))
    return last
