"""Looking a traveller's document up: candidates with their reasons in words, for an officer's eyes.

Rule: a hit is never a decision, and each says what was compared and how, so that an officer can see why it is there.
"""

from __future__ import annotations

from datetime import date

from egate.model.document import Mrz
from egate.model.watchlist import Hit, ListKind
from egate.watchlist.index import document_key
from egate.watchlist.lists import ListHeader, Watchlists

_NAME_WORDS = {
    "name_equal": "name: the same words",
    "name_joined": "name: the same letters, words written together or apart",
    "name_truncated": "name: the same as far as the document prints it; the rest is cut off",
}


def match_documents(mrz: Mrz, lists: Watchlists) -> tuple[Hit, ...]:
    """The document lists that hold this document. The entry is the keyed hash, so a hit alone tells no number."""
    hits = []
    for listed in lists.documents:
        key = document_key(mrz.issuing_state, mrz.document_number, listed.key)
        if key in listed.index:
            evidence = ("issuing State and document number: equal", _source(listed.header))
            hits.append(Hit(ListKind.DOCUMENTS, listed.header.name, f"{key:016x}", "document_equal", evidence))
    return tuple(hits)


def match_persons(mrz: Mrz, lists: Watchlists, today: date) -> tuple[Hit, ...]:
    """The entries of all person lists that fit name and date of birth."""
    hits = []
    for listed in lists.persons:
        for match in listed.index.matches(mrz, today):
            evidence = (_NAME_WORDS[match.rule], "date of birth: equal", _source(listed.header))
            hits.append(Hit(ListKind.PERSONS, listed.header.name, match.entry.entry, match.rule, evidence))
    return tuple(hits)


def _source(header: ListHeader) -> str:
    return f"list {header.name}, version {header.version} of {header.issued.isoformat()}"
