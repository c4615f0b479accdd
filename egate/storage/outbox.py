"""Which records the centre has not receipted yet, and what may be forgotten once it has.

The outbox is the authority of the whole sync: the bus may lose everything, because a row leaves the outbox only for a receipt.
The row itself stays in the log. A receipt that the centre signed later but for fewer records (it was restored from a backup)
puts the rows it no longer holds back into the outbox.
"""

from __future__ import annotations

from egate.model.crossing import Receipt
from egate.model.errors import TrustError
from egate.storage.chain import Link, RecordRow
from egate.storage.database import SqlValue, Store
from egate.storage.header import NO_PREVIOUS, parse_header


class Outbox:
    """The outbox of one lane's log; with a read-only database everything but `prune` works."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def depth(self) -> int:
        """How many records wait for a receipt."""
        return self._store.number("SELECT count(*) FROM outbox")

    def oldest_wall_ns(self) -> int:
        """When the longest waiting record was written (wall clock); 0 when none waits."""
        rows = self.pending(1)
        return parse_header(rows[0].header).wall_ns if rows else 0

    def pending(self, limit: int) -> tuple[RecordRow, ...]:
        """The oldest records without a receipt, at most `limit`."""
        query = "SELECT sequence, header, header_hash, sealed FROM outbox JOIN record USING (sequence) ORDER BY sequence LIMIT ?"
        return tuple(map(record_row, self._store.rows(query, (limit,))))

    def rows_after(self, sequence: int, limit: int, limit_bytes: int) -> tuple[RecordRow, ...]:
        """Consecutive records after `sequence`, at most `limit` and `limit_bytes` together, but one at least if there is one."""
        query = (
            "SELECT sequence, length(header) + coalesce(length(sealed), 0) FROM record"
            " WHERE sequence > ? ORDER BY sequence LIMIT ?"
        )
        total, last = 0, sequence
        for number, size in self._store.rows(query, (sequence, limit)):
            total += _number(size)
            if last > sequence and total > limit_bytes:
                break
            last = _number(number)
        query = "SELECT sequence, header, header_hash, sealed FROM record WHERE sequence > ? AND sequence <= ? ORDER BY sequence"
        return tuple(map(record_row, self._store.rows(query, (sequence, last))))

    def last_sequence(self) -> int:
        """The number of the newest record; 0 in an empty log."""
        return self._store.number("SELECT max(sequence) FROM record")

    def newest_receipt(self) -> Receipt | None:
        """The receipt that was signed last."""
        query = (
            "SELECT value, sequence, header_hash, signed_at_ns, signature FROM receipt, meta WHERE key = 'lane'"
            " ORDER BY signed_at_ns DESC LIMIT 1"
        )
        found = self._store.rows(query)
        if not found:
            return None
        lane, sequence, held, signed_at_ns, signature = found[0]
        return Receipt(str(lane), _number(sequence), _bytes(held), _number(signed_at_ns), _bytes(signature))

    def prune(self, receipt: Receipt) -> int:
        """Forget that the records up to a receipt wait, and return how many did.

        The caller has verified the receipt's signature and its lane; that its hash is ours is verified here. Raises TrustError
        when the centre holds another record at that number, or more records than this log has.
        """
        newest = self.newest_receipt()
        if newest is not None and receipt.signed_at_ns <= newest.signed_at_ns:
            return 0
        self._refuse_unless_ours(receipt)
        before = self.depth()
        with self._store.transaction():
            self._store.run(
                "INSERT INTO receipt (sequence, header_hash, signed_at_ns, signature) VALUES (?, ?, ?, ?)",
                (receipt.sequence, receipt.header_hash, receipt.signed_at_ns, receipt.signature),
            )
            self._store.run("DELETE FROM outbox WHERE sequence <= ?", (receipt.sequence,))
            self._store.run("INSERT OR IGNORE INTO outbox SELECT sequence FROM record WHERE sequence > ?", (receipt.sequence,))
        return max(0, before - self.depth())

    def _refuse_unless_ours(self, receipt: Receipt) -> None:
        if receipt.sequence == 0 and receipt.header_hash == NO_PREVIOUS:
            return
        found = self._store.rows("SELECT header_hash FROM record WHERE sequence = ?", (receipt.sequence,))
        if not found:
            raise TrustError("pruning the outbox", f"the receipt is for record {receipt.sequence}, which this log does not have")
        if found[0][0] != receipt.header_hash:
            raise TrustError("pruning the outbox", f"the centre holds another record {receipt.sequence} than this log")


def record_row(row: tuple[SqlValue, ...]) -> RecordRow:
    """A row `sequence, header, header_hash, sealed` of a record table."""
    return RecordRow(_number(row[0]), _bytes(row[1]), _bytes(row[2]), None if row[3] is None else _bytes(row[3]))


def link_of(store: Store) -> Link:
    """Where the chain of a lane's log stands."""
    found = store.rows("SELECT sequence, header_hash FROM record ORDER BY sequence DESC LIMIT 1")
    return Link(_number(found[0][0]), _bytes(found[0][1])) if found else Link()


def _number(value: SqlValue) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: SqlValue) -> bytes:
    """A damaged page can turn a blob into anything; what is no blob is an empty one, which no hash fits."""
    return value if isinstance(value, bytes) else b""
