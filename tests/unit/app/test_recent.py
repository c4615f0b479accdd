"""P20: the same document twice within the window goes to the officer; afterwards it is forgotten."""

from __future__ import annotations

from egate.app.recent import MOST_DOCUMENTS, RecentDocuments
from egate.model.document import Mrz
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3

KEY = bytes(32)


def _mrz(number: str) -> Mrz:
    fields = MrzFields(
        issuing_state="UTO",
        document_number=number,
        surname="TRAVELLER",
        given_names="FIRST",
        nationality="UTO",
        date_of_birth="840517",
        sex="F",
        date_of_expiry="320517",
    )
    return parse_mrz(encode_td3(fields))


def test_a_use_is_remembered_within_the_window_only() -> None:
    recent = RecentDocuments(KEY)
    assert recent.seconds_since(_mrz("A00000001"), 0, 60) is None
    recent.note(_mrz("A00000001"), 10)
    assert recent.seconds_since(_mrz("A00000001"), 30, 60) == 20
    assert recent.seconds_since(_mrz("A00000002"), 30, 60) is None
    assert recent.seconds_since(_mrz("A00000001"), 71, 60) is None
    assert recent.seconds_since(_mrz("A00000001"), 30, 60) is None, "what left the window is forgotten"


def test_memory_is_bounded_and_holds_no_document_number() -> None:
    recent = RecentDocuments(KEY)
    documents = [_mrz(f"{number:09}") for number in range(0, 300)]
    for document in documents:
        recent.note(document, 1)
    for number in range(MOST_DOCUMENTS):
        recent.note(documents[number % 300], 2)
    assert len(recent._used_at) == 300
    assert b"000000001" not in b"".join(recent._used_at)
