"""The durable truth of a lane: what its log holds on the disk, read by a second reader that trusts nothing in memory."""

from __future__ import annotations

from pathlib import Path

from egate.model.crossing import RecordKind
from egate.storage.database import Store, open_read_only
from egate.storage.header import Header, parse_header
from egate.storage.log import verify_log


class Records:
    """Reads the rows that were added since the last look. The lane's log need not be there yet."""

    def __init__(self, path: Path, lane: str) -> None:
        self._path, self._lane = path, lane
        self._store: Store | None = None
        self._last = 0
        self.gaps: list[int] = []
        self.crossings: list[Header] = []
        """Crossings and clearances that nobody asked for yet, oldest first."""
        self.counted: dict[RecordKind, int] = {}

    def look(self) -> tuple[Header, ...]:
        """The new rows. A row whose number does not follow the one before is noted in `gaps`."""
        if self._store is None:
            if not self._path.exists():
                return ()
            self._store = open_read_only(self._path)
        found = []
        for sequence, encoded in self._store.rows(
            "SELECT sequence, header FROM record WHERE sequence > ? ORDER BY sequence", (self._last,)
        ):
            header = parse_header(bytes(encoded)) if isinstance(encoded, bytes) else None
            if header is None or sequence != self._last + 1:
                self.gaps.append(int(str(sequence)))
            self._last = int(str(sequence))
            if header is not None:
                found.append(header)
                self.counted[header.kind] = self.counted.get(header.kind, 0) + 1
        return tuple(found)

    def findings(self) -> tuple[str, ...]:
        """What is wrong with the whole log: the chain of hashes, the order, the gaps."""
        if self._store is None:
            return ()
        return tuple(f"record {finding.sequence}: {finding.problem}" for finding in verify_log(self._store, self._lane))

    def close(self) -> None:
        """Release the reader."""
        if self._store is not None:
            self._store.close()
            self._store = None
