"""The lane's own log: each crossing sealed, hash-linked and durable before the exit opens.

Order of an append, where order is safety: 1. place the record after the newest one, 2. seal its personal part to the centre,
3. bind both in the header, 4. write row and outbox entry in one transaction, 5. only then say that it is committed. When any
step fails nothing is written, `DeviceError` is raised and the passage is referred; the next append starts from what the disk
really holds, so service resumes by itself when the disk does.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from egate.model.crossing import Committed, LogRecord
from egate.model.errors import DeviceError, MalformedData
from egate.ports import Clock
from egate.storage.chain import Finding, Link, RecordRow, check_chain
from egate.storage.database import Store, free_bytes, open_database
from egate.storage.header import HASH_BYTES, Header, encode_header, encode_unsealed, header_hash, is_lane_name
from egate.storage.migrations import LANE_LOG
from egate.storage.outbox import Outbox, link_of, record_row
from egate.storage.vault import CentrePublicKey, Vault

RESERVE_BYTES = 64 * 1024 * 1024
"""Free space at which a lane stops admitting: enough to end every passage under way and to log the outage itself."""

PROOF_BYTES = 128 * 1024
"""What is written to prove that a disk works again after it failed; a record takes 2 to 100 KB."""

VERIFY_BATCH = 256
"""Rows re-hashed in one read, so that a reader never holds the write-ahead log for long."""

_DOING = "recording a crossing"


class LaneLog:
    """The log of one lane; fulfils `egate.ports.CrossingLog`. Make it with `LaneLog.open`."""

    def __init__(self, store: Store, lane: str, vault: Vault, clock: Clock, boot_id: str) -> None:
        self.lane = lane
        self.outbox = Outbox(store)
        self._store = store
        self._vault = vault
        self._clock = clock
        self._boot_id = boot_id
        self._reserve_bytes = RESERVE_BYTES
        self._turn = threading.Lock()
        self._tail: Link | None = None

    @classmethod
    def open(cls, path: Path, lane: str, centre_key: CentrePublicKey, clock: Clock, boot_id: str) -> LaneLog:
        """Open a lane's log as its only writer and make it when there is none; raises DeviceError."""
        if not is_lane_name(lane):
            raise DeviceError(f"opening {path}", "a lane's name has 1 to 64 letters, digits, - and _")
        store = open_database(path, LANE_LOG, create=True)
        try:
            log = cls(store, lane, Vault(centre_key), clock, boot_id)
            log._claim_for_lane()
            log._tail = log._read_tail()
            return log
        except BaseException:
            store.close()
            raise

    def reserve(self, reserve_bytes: int) -> None:
        """Set the free space at which admission stops, in place of 64 MiB; for small disks."""
        self._reserve_bytes = reserve_bytes

    def append(self, record: LogRecord) -> Committed:
        """Seal and write one record; it is durable when this returns. Raises DeviceError, and then nothing was written."""
        with self._turn:
            return self._append(record)

    def _append(self, record: LogRecord) -> Committed:
        before = self._tail if self._tail is not None else self._read_tail()
        self._tail = None
        try:
            header, sealed = self._seal(record, before)
        except (MalformedData, UnicodeError) as error:
            self._tail = before
            raise DeviceError(_DOING, getattr(error, "problem", "a text that may not stand in a header")) from None
        link = Link(before.sequence + 1, header_hash(header))
        with self._store.transaction():
            self._store.run("INSERT INTO record VALUES (?, ?, ?, ?)", (link.sequence, header, link.hash, sealed))
            self._store.run("INSERT INTO outbox VALUES (?)", (link.sequence,))
        self._tail = link
        return Committed(link.sequence, link.hash)

    def may_admit(self) -> bool:
        """Whether there is room and a working disk for the passages that a new traveller would begin; never raises.

        After a failed append this writes once to the disk, so that the lane opens again when the disk works again.
        """
        try:
            if free_bytes(self._store.path) < self._reserve_bytes:
                return False
            with self._turn:
                if self._tail is None:
                    self._prove_disk()
                    self._tail = self._read_tail()
        except DeviceError:
            return False
        return True

    def verify(self) -> tuple[Finding, ...]:
        """Re-hash the whole log; one finding for each damaged or missing record, none when all is well."""
        return verify_log(self._store, self.lane)

    def close(self) -> None:
        """Release the database."""
        self._store.close()

    def _seal(self, record: LogRecord, before: Link) -> tuple[bytes, bytes]:
        """Steps 1 to 3: header and sealed part, each bound to the other."""
        header = Header(
            lane=self.lane,
            sequence=before.sequence + 1,
            wall_ns=self._clock.wall_ns(),
            monotonic_ns=int(self._clock.monotonic() * 1e9),
            boot_id=self._boot_id,
            kind=record.kind,
            transaction=record.transaction,
            outcome=record.outcome,
            because=record.because,
            checks=record.checks,
            stages=record.stages,
            versions=record.versions,
            operator=record.operator,
            key_id=self._vault.key_id,
            suite=int(self._vault.suite),
            previous=before.hash,
            sealed_hash=bytes(HASH_BYTES),
        )
        sealed = self._vault.seal(record.personal, encode_unsealed(header))
        return encode_header(replace(header, sealed_hash=hashlib.sha256(sealed).digest())), sealed

    def _claim_for_lane(self) -> None:
        """A log belongs to one lane for ever; two lanes in one chain could not be told apart by the centre."""
        owner = lane_of(self._store)
        if owner == "":
            self._store.run("INSERT INTO meta VALUES ('lane', ?)", (self.lane,))
        elif owner != self.lane:
            raise DeviceError(f"opening {self._store.path}", f"this is the log of lane {owner}, not of {self.lane}")

    def _read_tail(self) -> Link:
        """The newest link as the disk holds it; raises DeviceError when that record is damaged: a chain needs a sound end."""
        found = self._store.rows("SELECT sequence, header, header_hash, sealed FROM record ORDER BY sequence DESC LIMIT 1")
        for row in map(record_row, found):
            if header_hash(row.header) != row.noted_hash:
                raise DeviceError(f"opening {self._store.path}", f"record {row.sequence}, the newest one, is damaged")
        return link_of(self._store)

    def _prove_disk(self) -> None:
        """Write as much as a large record takes, and take it away again; a disk that takes one page may refuse a record."""
        for size_bytes in (PROOF_BYTES, 0):
            with self._store.transaction():
                self._store.run("INSERT OR REPLACE INTO meta VALUES ('disk_proof', zeroblob(?))", (size_bytes,))


def lane_of(store: Store) -> str:
    """The lane that a log belongs to; empty for a new one."""
    found = store.rows("SELECT value FROM meta WHERE key = 'lane'")
    return str(found[0][0]) if found else ""


def verify_log(store: Store, lane: str) -> tuple[Finding, ...]:
    """Re-hash a lane's log, also from a read-only database, and compare its end with the newest receipt.

    A sealed part may be erased once the centre holds it; one that is gone before was taken away.
    """
    findings, end = check_chain(_all_rows(store), lane)
    lost = store.rows("SELECT sequence FROM outbox JOIN record USING (sequence) WHERE sealed IS NULL ORDER BY sequence")
    findings += (
        Finding(int(str(sequence)), "its sealed part is gone and the centre has no receipt for it") for (sequence,) in lost
    )
    receipt = Outbox(store).newest_receipt()
    if receipt is not None and receipt.sequence > end.sequence:
        findings.append(Finding(end.sequence + 1, f"missing to {receipt.sequence}, which the centre has receipted"))
    elif receipt is not None and receipt.sequence > 0:
        held = store.rows("SELECT header_hash FROM record WHERE sequence = ?", (receipt.sequence,))
        if held and held[0][0] != receipt.header_hash:
            findings.append(Finding(receipt.sequence, "the centre has receipted another record"))
    return tuple(findings)


def _all_rows(store: Store) -> Iterator[RecordRow]:
    last = 0
    while True:
        query = "SELECT sequence, header, header_hash, sealed FROM record WHERE sequence > ? ORDER BY sequence LIMIT ?"
        rows = [record_row(row) for row in store.rows(query, (last, VERIFY_BATCH))]
        yield from rows
        if not rows:
            return
        last = rows[-1].sequence
