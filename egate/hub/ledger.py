"""The centre's ledger: what lanes sent, taken only when everything about it holds.

An envelope is dealt with in this order: 1. read it, 2. find its lane, 3. verify the lane's signature, 4. for each row: already
held and the same (a repetition), already held and different (a fork: alarm), next in the chain (sequence, previous hash, hash of
the sealed part) or broken (alarm), 5. write all good rows in one transaction, 6. sign a receipt for what is held now. Receipts
of one lane carry strictly growing times, so a lane can tell the newer of two. Repeating an envelope changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.hub.lanes import LaneRegister
from egate.model.crossing import Envelope, Receipt
from egate.model.errors import MalformedData, TrustError
from egate.ports import Clock
from egate.storage.chain import Link, check_link
from egate.storage.database import SqlValue, Store, open_database
from egate.storage.header import header_hash, parse_header
from egate.storage.migrations import LEDGER
from egate.sync.messages import parse_envelope, sign_receipt, verify_envelope

ALARM_LIMIT = 10_000
"""Different alarms that are kept; a lane gone mad must not fill the centre's disk. Counts go on."""


class Verdict(Enum):
    """What became of an envelope."""

    TAKEN = "taken"
    REPETITION = "repetition"
    GAP = "gap"
    FORK = "fork"
    BROKEN = "broken"
    MALFORMED = "malformed"
    UNKNOWN_LANE = "unknown_lane"
    BAD_SIGNATURE = "bad_signature"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The verdict on an envelope, how many rows were new, and the receipt to send (None for what is not answered)."""

    verdict: Verdict
    new_rows: int = 0
    receipt: Receipt | None = None


class _Row(NamedTuple):
    sequence: int
    header: bytes
    hash: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class _Judgement:
    """The rows to write, the chain's end after them, and the row that does not hold, if one does not."""

    verdict: Verdict
    rows: tuple[_Row, ...]
    link: Link
    offending: Link | None = None


class Ledger:
    """The ledger of all lanes; its only writer."""

    def __init__(self, store: Store, hub_key: Ed25519PrivateKey, lanes: LaneRegister, clock: Clock) -> None:
        self._store = store
        self._hub_key = hub_key
        self._lanes = lanes
        self._clock = clock

    @classmethod
    def open(cls, path: Path, hub_key: Ed25519PrivateKey, lanes: LaneRegister, clock: Clock) -> Ledger:
        """Open the ledger and make it when there is none; raises DeviceError."""
        return cls(open_database(path, LEDGER, create=True), hub_key, lanes, clock)

    def close(self) -> None:
        """Release the database."""
        self._store.close()

    def accept(self, data: bytes) -> Acceptance:
        """Deal with one envelope as bytes; raises DeviceError when the ledger cannot be written, and then nothing was."""
        try:
            envelope = parse_envelope(data)
        except MalformedData:
            return self._refused(Verdict.MALFORMED)
        try:
            key = self._lanes.key_of(envelope.lane)
        except TrustError:
            return self._refused(Verdict.UNKNOWN_LANE)
        try:
            verify_envelope(envelope, key)
        except TrustError:
            return self._refused(Verdict.BAD_SIGNATURE)
        return self._take(envelope)

    def held(self, lane: str) -> Link:
        """The newest record of a lane that the ledger holds."""
        query = "SELECT sequence, header_hash FROM record WHERE lane = ? ORDER BY sequence DESC LIMIT 1"
        found = self._store.rows(query, (lane,))
        return Link(_number(found[0][0]), _bytes(found[0][1])) if found else Link()

    def _take(self, envelope: Envelope) -> Acceptance:
        judged = self._judge(envelope, self.held(envelope.lane))
        now_ns = self._clock.wall_ns()
        with self._store.transaction():
            for row in judged.rows:
                values: tuple[SqlValue, ...] = (envelope.lane, row.sequence, now_ns, row.header, row.hash, row.sealed)
                self._store.run("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", values)
            if judged.offending is not None:
                self._alarm(envelope.lane, judged.verdict, judged.offending, now_ns)
            receipt = self._receipt(envelope.lane, judged.link, now_ns)
        return Acceptance(judged.verdict, len(judged.rows), receipt)

    def _judge(self, envelope: Envelope, before: Link) -> _Judgement:
        """Step 4. The first row that does not hold ends it; the good ones before it are taken."""
        if envelope.first_sequence > before.sequence + 1:
            return _Judgement(Verdict.GAP, (), before)
        link, new = before, list[_Row]()
        for number, (header, sealed) in enumerate(envelope.rows, envelope.first_sequence):
            here = Link(number, header_hash(header))
            if number <= before.sequence:
                if self._held_hash(envelope.lane, number) != here.hash:
                    return _Judgement(Verdict.FORK, tuple(new), link, here)
                continue
            if _breaks_chain(header, sealed, envelope.lane, link):
                return _Judgement(Verdict.BROKEN, tuple(new), link, here)
            link = here
            new.append(_Row(number, header, here.hash, sealed))
        return _Judgement(Verdict.TAKEN if new else Verdict.REPETITION, tuple(new), link)

    def _held_hash(self, lane: str, sequence: int) -> bytes | None:
        found = self._store.rows("SELECT header_hash FROM record WHERE lane = ? AND sequence = ?", (lane, sequence))
        return _bytes(found[0][0]) if found else None

    def _receipt(self, lane: str, link: Link, now_ns: int) -> Receipt:
        """A clock that went back must not make a receipt look older than the one before."""
        last_ns = self._store.number("SELECT signed_at_ns FROM receipt WHERE lane = ?", (lane,))
        receipt = sign_receipt(lane, link.sequence, link.hash, max(now_ns, last_ns + 1), self._hub_key)
        self._store.run(
            "INSERT OR REPLACE INTO receipt VALUES (?, ?, ?, ?, ?)",
            (lane, receipt.sequence, receipt.header_hash, receipt.signed_at_ns, receipt.signature),
        )
        return receipt

    def _alarm(self, lane: str, verdict: Verdict, offered: Link, now_ns: int) -> None:
        """Note a fork or a broken chain once for each offered header, and count how often it was offered."""
        changed = self._store.run(
            "UPDATE alarm SET times = times + 1 WHERE lane = ? AND sequence = ? AND what = ? AND header_hash = ?",
            (lane, offered.sequence, verdict.value, offered.hash),
        )
        if changed == 0 and self._store.number("SELECT count(*) FROM alarm") < ALARM_LIMIT:
            values: tuple[SqlValue, ...] = (lane, offered.sequence, verdict.value, offered.hash, now_ns)
            self._store.run("INSERT INTO alarm VALUES (?, ?, ?, ?, ?, 1)", values)

    def _refused(self, verdict: Verdict) -> Acceptance:
        """Only counted: nothing inside an envelope without a good signature is worth keeping, its lane's name included."""
        self._store.run(
            "INSERT INTO refusal VALUES (?, 1, ?)"
            " ON CONFLICT (reason) DO UPDATE SET times = times + 1, last_ns = excluded.last_ns",
            (verdict.value, self._clock.wall_ns()),
        )
        return Acceptance(verdict)


def _breaks_chain(header: bytes, sealed: bytes, lane: str, before: Link) -> bool:
    try:
        return check_link(parse_header(header), sealed, lane, before) != ""
    except MalformedData:
        return True


def _number(value: SqlValue) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: SqlValue) -> bytes:
    return value if isinstance(value, bytes) else b""
