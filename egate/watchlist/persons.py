"""The person list in its first form: a listed name and a full date of birth, both equal.

Rule: the date of birth decides. A name alone would refer every third traveller, so an entry without a full date never hits here
(part 6 brings years, ranges and likeness of names). Names are compared whatever their order, with words written together or
apart, and with what a machine readable zone cuts off.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from egate.model.document import Mrz
from egate.model.errors import MalformedData
from egate.mrtd.files.mrz import is_name_truncated
from egate.mrtd.files.mrz_dates import birth_date
from egate.watchlist.names import name_forms

MAXIMUM_PERSONS = 2_000_000
"""Twice the largest list known."""

MAXIMUM_ALIASES = 64
"""Names or dates of birth of one entry."""

_DOING = "opening a person list"


@dataclass(frozen=True, slots=True)
class PersonEntry:
    """One listed person: the list's own identifier, names as (surname, given names), and full dates of birth."""

    entry: str
    names: tuple[tuple[str, str], ...] = field(repr=False)
    born: tuple[date, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonMatch:
    """An entry that fits a document, and how its name did: `name_equal`, `name_joined` or `name_truncated`."""

    entry: PersonEntry
    rule: str


@dataclass(frozen=True, slots=True)
class PersonIndex:
    """Entries by date of birth."""

    by_birth: Mapping[date, tuple[PersonEntry, ...]] = field(repr=False)
    count: int

    @staticmethod
    def of(entries: Iterable[PersonEntry]) -> PersonIndex:
        """The index of these entries."""
        buckets: dict[date, list[PersonEntry]] = {}
        count = 0
        for entry in entries:
            count += 1
            for born in set(entry.born):
                buckets.setdefault(born, []).append(entry)
        return PersonIndex({born: tuple(found) for born, found in buckets.items()}, count)

    def matches(self, mrz: Mrz, today: date) -> tuple[PersonMatch, ...]:
        """The entries born on the document's date of birth whose name fits. A two-digit year is tried in both centuries."""
        found = []
        for born in _birth_dates(mrz.date_of_birth, today):
            for entry in self.by_birth.get(born, ()):
                rule = next((rule for name in entry.names if (rule := _compare(mrz, name))), "")
                if rule:
                    found.append(PersonMatch(entry, rule))
        return tuple(found)


def _birth_dates(yymmdd: str, today: date) -> tuple[date, ...]:
    newest = birth_date(yymmdd, today)
    if newest is None:
        return ()
    try:
        return newest, newest.replace(year=newest.year - 100)
    except ValueError:  # 29 February 2000 has no counterpart in 1900
        return (newest,)


def _compare(mrz: Mrz, listed: tuple[str, str]) -> str:
    """The rule by which a listed name fits the document's, empty when none does."""
    printed = (mrz.surname, mrz.given_names)
    for surname in name_forms(listed[0]) or {""}:
        for given in name_forms(listed[1]) or {""}:
            rule = _compare_forms(printed, (surname, given), truncated=is_name_truncated(mrz))
            if rule:
                return rule
    return ""


def _compare_forms(printed: tuple[str, str], listed: tuple[str, str], truncated: bool) -> str:
    words, listed_words = " ".join(printed).split(), " ".join(listed).split()
    if not listed_words or not words:
        return ""
    if sorted(words) == sorted(listed_words):
        return "name_equal"
    parts, listed_parts = ([part.replace(" ", "") for part in name] for name in (printed, listed))
    if sorted(parts) == sorted(listed_parts):
        return "name_joined"
    return "name_truncated" if truncated and _begins(words, listed_words) else ""


def _begins(words: list[str], listed_words: list[str]) -> bool:
    """Whether all printed words but the last are listed, and the last begins one of the rest; one letter may be left of it.

    A single word that fills the field begins too many names, and those equal to it were found before.
    """
    rest = list(listed_words)
    for word in words[:-1]:
        if word not in rest:
            return False
        rest.remove(word)
    return len(words) > 1 and any(word.startswith(words[-1]) for word in rest)


def encode_persons(entries: Iterable[PersonEntry]) -> bytes:
    """The body of a person list: UTF-8 JSON."""
    rows = [
        {"entry": entry.entry, "names": [list(name) for name in entry.names], "born": [day.isoformat() for day in entry.born]}
        for entry in entries
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def parse_persons(body: bytes) -> tuple[PersonEntry, ...]:
    """The entries of a body; raises MalformedData."""
    try:
        rows = json.loads(body)
        if not isinstance(rows, list) or len(rows) > MAXIMUM_PERSONS:
            raise MalformedData(_DOING, "not a list of persons, or one that is too long")
        return tuple(_parse_row(row) for row in rows)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise MalformedData(_DOING, "an entry does not have its form") from None


def _parse_row(row: Any) -> PersonEntry:  # JSON
    names = tuple((str(surname), str(given)) for surname, given in row["names"])
    born = tuple(date.fromisoformat(day) for day in row["born"])
    if not names or max(len(names), len(born)) > MAXIMUM_ALIASES:
        raise MalformedData(_DOING, "an entry without a name, or with too many")
    return PersonEntry(str(row["entry"]), names, born)
