"""Dates of the machine readable zone: six digits, two of them a year, some of them unknown.

Source: ICAO Doc 9303-3 §4.8 (unknown parts are fillers, and some issuers print X or zeros). Rule: nobody is born after today
and no document is valid for half a century, which settles the century; a part that is unknown stays unknown and becomes a range.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date

_EXPIRY_PIVOT_YEAR = 70
"""Two-digit expiry years from here on belong to the 1900s: no readable document is valid beyond 2069."""


@dataclass(frozen=True, slots=True)
class BirthDates:
    """The dates of birth that a printed one leaves possible, both ends included."""

    earliest: date = field(repr=False)
    latest: date = field(repr=False)


def birth_date(yymmdd: str, today: date) -> date | None:
    """The date of birth, in the latest century that does not lie after `today`; None when parts are unknown or impossible."""
    possible = possible_births(yymmdd, today)
    if possible is None:
        return None
    whole = _range(possible.earliest.year, yymmdd[2:4], yymmdd[4:])
    return whole.earliest if whole.earliest == whole.latest else None


def possible_births(yymmdd: str, today: date) -> BirthDates | None:
    """The dates of birth that fit; None when not even the year is known.

    The century is the latest in which some fitting day does not lie after `today`. A month or day that no calendar has is as
    good as unknown.
    """
    year, month, day = yymmdd[:2], yymmdd[2:4], yymmdd[4:]
    if len(yymmdd) != 6 or not _is_number(year):
        return None
    found = _range(2000 + int(year), month, day)
    if found.earliest > today:
        found = _range(1900 + int(year), month, day)
    return BirthDates(found.earliest, min(found.latest, today))


def _range(year: int, month: str, day: str) -> BirthDates:
    """What a year, a month and a day that may be unknown leave possible; a known day of an unknown month helps nobody."""
    if not _is_number(month) or not 1 <= int(month) <= 12:
        return BirthDates(date(year, 1, 1), date(year, 12, 31))
    last = monthrange(year, int(month))[1]
    if not _is_number(day) or not 1 <= int(day) <= last:
        return BirthDates(date(year, int(month), 1), date(year, int(month), last))
    exact = date(year, int(month), int(day))
    return BirthDates(exact, exact)


def expiry_date(yymmdd: str) -> date | None:
    """The date of expiry; None when it is not a date."""
    if len(yymmdd) != 6 or not _is_number(yymmdd):
        return None
    century = 1900 if int(yymmdd[:2]) >= _EXPIRY_PIVOT_YEAR else 2000
    found = _range(century + int(yymmdd[:2]), yymmdd[2:4], yymmdd[4:])
    return found.latest if found.earliest == found.latest else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
