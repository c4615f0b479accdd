"""The monitor's values as fields of a message on the pipe, and back; what has not their form raises ValueError or TypeError."""

from __future__ import annotations

from typing import Any

from egate.faces.monitor.counts import Impostors, Tally
from egate.faces.monitor.limits import MOST_REFERENCES
from egate.faces.monitor.subject import ATTRIBUTES, LONGEST_GROUP, TOKEN_BYTES, Groups, Subject

MOST_TOKENS = 8
"""Tokens of one subject; there are two kinds."""


def subject_fields(subject: Subject) -> list[object]:
    """A subject as plain fields."""
    return [list(subject.tokens), list(subject.groups.values)]


def parse_subject(fields: list[Any]) -> Subject:
    """The subject in plain fields."""
    tokens, groups = fields
    if not isinstance(tokens, list) or not 1 <= len(tokens) <= MOST_TOKENS:
        raise ValueError("no tokens, or too many")
    if not all(isinstance(token, bytes) and len(token) == TOKEN_BYTES for token in tokens):
        raise ValueError("a token of another length")
    return Subject(tuple(tokens), _groups(groups))


def counts_fields(counts: Impostors | None) -> list[object] | None:
    """Counts as plain fields; None where nothing was compared."""
    if counts is None:
        return None
    tallies = [counts.zero_effort, *counts.coinciding]
    return [list(counts.groups.values), [[tally.comparisons, tally.errors] for tally in tallies]]


def parse_counts(fields: list[Any] | None) -> Impostors | None:
    """The counts in plain fields: no more than a cache can hold, and no part larger than the whole."""
    if fields is None:
        return None
    groups, tallies = fields
    whole, *parts = (_tally(entry) for entry in tallies)
    by_age, by_sex, by_nationality, by_issuer = parts
    if any(part.comparisons > whole.comparisons or part.errors > whole.errors for part in parts):
        raise ValueError("a part larger than the whole")
    return Impostors(_groups(groups), whole, (by_age, by_sex, by_nationality, by_issuer))


def _tally(fields: list[Any]) -> Tally:
    comparisons, errors = fields
    if not all(isinstance(count, int) and not isinstance(count, bool) for count in (comparisons, errors)):
        raise TypeError("no whole number")
    if not 0 <= errors <= comparisons <= MOST_REFERENCES:
        raise ValueError("counts that no cache gives")
    return Tally(comparisons, errors)


def _groups(names: Any) -> Groups:
    if not isinstance(names, list) or len(names) != len(ATTRIBUTES):
        raise ValueError("not the four groups")
    if not all(isinstance(name, str) and len(name) <= LONGEST_GROUP and name.isascii() for name in names):
        raise ValueError("a group of another form")
    return Groups(*names)
