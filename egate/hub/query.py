"""What the centre can be asked: which records arrived, and, by the holder of the sealing key, what is inside one.

Reads through a read-only connection, so it may run beside the hub. A listing comes from clear headers alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from egate.model.errors import MalformedData, TrustError
from egate.storage import cbor
from egate.storage.cbor import CborValue
from egate.storage.chain import Finding, RecordRow, check_chain
from egate.storage.database import SqlValue, Store, open_read_only
from egate.storage.header import Header, encode_unsealed, parse_header
from egate.storage.vault import CentrePrivateKey, unseal

BATCH_ROWS = 256
"""Rows read at once, so that a long listing never holds the hub's write-ahead log."""

_COLUMNS = "rowid, lane, received_ns, header, sealed"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record in the ledger: when it was received (wall clock, ns), its clear header, its sealed part."""

    received_ns: int
    header: Header
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LedgerSummary:
    """What the ledger holds in all: records of each lane, alarms (lane, sequence, what), refusals of each kind."""

    records: tuple[tuple[str, int], ...]
    alarms: tuple[tuple[str, int, str], ...]
    refusals: tuple[tuple[str, int], ...]


class LedgerReader:
    """A ledger opened for reading; raises DeviceError when it is not there or is no ledger."""

    def __init__(self, path: Path) -> None:
        self._store: Store = open_read_only(path)

    def close(self) -> None:
        """Release the database."""
        self._store.close()

    def arrivals(self, lane: str = "", last: int = 0) -> Iterator[Arrival]:
        """Records in the order of arrival, of all lanes or one; with `last` only the newest so many."""
        after = self._row_before(lane, last)
        query = f"SELECT {_COLUMNS} FROM record WHERE rowid > ? AND ? IN ('', lane) ORDER BY rowid LIMIT ?"  # noqa: S608 - constants
        while rows := self._store.rows(query, (after, lane, BATCH_ROWS)):
            after = _number(rows[-1][0])
            yield from map(_arrival, rows)

    def summary(self) -> LedgerSummary:
        """Records, alarms and refusals in all."""
        records = self._store.rows("SELECT lane, count(*) FROM record GROUP BY lane ORDER BY lane")
        alarms = self._store.rows("SELECT lane, sequence, what FROM alarm ORDER BY first_ns")
        refusals = self._store.rows("SELECT reason, times FROM refusal ORDER BY reason")
        return LedgerSummary(
            tuple((str(lane), _number(count)) for lane, count in records),
            tuple((str(lane), _number(sequence), str(what)) for lane, sequence, what in alarms),
            tuple((str(reason), _number(times)) for reason, times in refusals),
        )

    def verify(self, lane: str) -> tuple[Finding, ...]:
        """Re-hash everything held of a lane; one finding for each damaged or missing record.

        The newest receipt says how far the ledger reached: an end that was cut off leaves a chain without a fault.
        """
        findings, end = check_chain(self._chain(lane), lane)
        for sequence, held in self._store.rows("SELECT sequence, header_hash FROM receipt WHERE lane = ?", (lane,)):
            receipted = _number(sequence)
            if receipted > end.sequence:
                findings.append(Finding(end.sequence + 1, f"missing to {receipted}, which was receipted to the lane"))
            elif receipted > 0 and self._header_hash(lane, receipted) not in (None, held):
                findings.append(Finding(receipted, "another record was receipted to the lane"))
        return tuple(findings)

    def _header_hash(self, lane: str, sequence: int) -> SqlValue:
        found = self._store.rows("SELECT header_hash FROM record WHERE lane = ? AND sequence = ?", (lane, sequence))
        return found[0][0] if found else None

    def _chain(self, lane: str) -> Iterator[RecordRow]:
        last = 0
        query = (
            "SELECT sequence, header, header_hash, sealed FROM record WHERE lane = ? AND sequence > ? ORDER BY sequence LIMIT ?"
        )
        while rows := self._store.rows(query, (lane, last, BATCH_ROWS)):
            last = _number(rows[-1][0])
            for number, header, noted, sealed in rows:
                yield RecordRow(_number(number), _bytes(header), _bytes(noted), None if sealed is None else _bytes(sealed))

    def _row_before(self, lane: str, last: int) -> int:
        if last <= 0:
            return 0
        query = "SELECT rowid FROM record WHERE ? IN ('', lane) ORDER BY rowid DESC LIMIT 1 OFFSET ?"
        return self._store.number(query, (lane, last))


def open_sealed(arrival: Arrival, key: CentrePrivateKey) -> CborValue:
    """The personal part of a record as its CBOR value; raises TrustError when the key is not the one, or MalformedData."""
    unsealed = encode_unsealed(replace(arrival.header, sealed_hash=b""))
    personal = unseal(arrival.sealed, unsealed, arrival.header.suite, key)
    return cbor.parse(personal) if personal else {}


def _arrival(row: tuple[SqlValue, ...]) -> Arrival:
    try:
        return Arrival(_number(row[2]), parse_header(_bytes(row[3])), _bytes(row[4]))
    except MalformedData as error:
        raise TrustError("reading the ledger", f"row {_number(row[0])} is damaged: {error.problem}") from None


def _number(value: SqlValue) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: SqlValue) -> bytes:
    return value if isinstance(value, bytes) else b""
