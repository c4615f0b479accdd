"""Watchlist hits: candidates for an officer's eyes, never decisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class ListKind(Enum):
    """What a list holds. Lists of faces are sealed galleries (`egate.faces.search`), never list files."""

    DOCUMENTS = "documents"
    PERSONS = "persons"
    FACES = "faces"


@dataclass(frozen=True, slots=True)
class Hit:
    """One candidate: the list and entry it comes from, the rule that found it, and the evidence in words for the officer."""

    kind: ListKind
    list_name: str
    entry: str
    rule: str
    evidence: tuple[str, ...] = field(repr=False)
