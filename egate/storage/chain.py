"""Re-hashing of a chain of records: what a bit flip, an edit or a missing row looks like, and at which sequence number.

SQLite's own integrity check finds none of these inside a page; the hashes of the records find all of them and name the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from egate.model.errors import MalformedData
from egate.storage.header import NO_PREVIOUS, Header, header_hash, parse_header


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One row of a log: its number, its header, the hash noted beside it, and its sealed part (None once erased)."""

    sequence: int
    header: bytes = field(repr=False)
    noted_hash: bytes = field(repr=False)
    sealed: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One damaged place of a log: the record's sequence number and what is wrong with it."""

    sequence: int
    problem: str


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain stands: the number and the header hash of its newest record (0 and zeros before the first)."""

    sequence: int = 0
    hash: bytes = NO_PREVIOUS


def check_link(header: Header, sealed: bytes | None, lane: str, before: Link) -> str:
    """Why a record may not follow `before` in the chain of `lane`; empty when it may. The first reason counts."""
    if header.lane != lane:
        return "its header names another lane"
    if header.sequence != before.sequence + 1:
        return f"its header says sequence {header.sequence}"
    if header.previous != before.hash:
        return "it does not follow the record before it"
    if sealed is not None and hashlib.sha256(sealed).digest() != header.sealed_hash:
        return "its sealed part is not the one that its header names"
    return ""


def check_chain(rows: Iterable[RecordRow], lane: str) -> tuple[list[Finding], Link]:
    """Re-hash rows from the first on; returns every finding and the last link that was there."""
    findings: list[Finding] = []
    before = Link()
    for row in rows:
        for missing in range(before.sequence + 1, row.sequence):
            findings.append(Finding(missing, "the record is missing"))
        if row.sequence > before.sequence + 1:
            before = Link(row.sequence - 1, _claimed_previous(row))
        problem = _problem(row, lane, before)
        if problem:
            findings.append(Finding(row.sequence, problem))
        # The noted hash goes on, so that one damaged record is one finding and not two.
        before = Link(row.sequence, row.noted_hash)
    return findings, before


def _problem(row: RecordRow, lane: str, before: Link) -> str:
    if header_hash(row.header) != row.noted_hash:
        return "its header is not the one that was hashed"
    try:
        header = parse_header(row.header)
    except MalformedData as error:
        return f"its header cannot be read: {error.problem}"
    return check_link(header, row.sealed, lane, before)


def _claimed_previous(row: RecordRow) -> bytes:
    """After a gap there is no hash to compare with; the gap itself is the finding."""
    try:
        return parse_header(row.header).previous
    except MalformedData:
        return NO_PREVIOUS
