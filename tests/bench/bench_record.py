"""The record: what a durable, sealed crossing costs beside a bare durable row, and how fast a crossing is at the centre.

Appends and bare inserts of the same bytes alternate in one run, because the disk of a shared machine changes by the second.
Goal 1: at least 0.45 of the bare rate; the report prints times, so the ratio may be at most 1 / 0.45 = 2.2.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.app.clock import SystemClock, perf_counter_s
from egate.app.nats_server import NatsServer
from egate.hub.ingest import Ingest
from egate.hub.lanes import LaneRegister
from egate.hub.ledger import Ledger
from egate.model.crossing import Receipt
from egate.storage.database import PAGE_SIZE_BYTES, open_read_only
from egate.storage.header import parse_header
from egate.storage.log import LaneLog
from egate.storage.outbox import Outbox
from egate.sync.bus import BusAddress
from egate.sync.client import LaneIdentity, SyncClient
from egate.sync.messages import encode_envelope, sign_envelope
from tests.bench.row import BenchRow
from tests.record_lane import LANE, crossing, open_log, signing_key

APPENDS = 400
LEAST_RATE = 0.45
HUB_ROWS = 1024
ENVELOPE_ROWS = 64
ROUND_TRIPS = 20
PERSONAL = bytes(600)
"""A sealed crossing of the demo has about 2 KB: 600 bytes of text, hybrid sealing, header."""


def rows() -> list[BenchRow]:
    """Commit against a bare commit, the price of a receipted round trip, and verification at the centre."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        return [*_commits(Path(folder)), _verify(Path(folder)), _ingest(Path(folder)), _round_trip(Path(folder))]


def _timed(work: Callable[[], object]) -> float:
    started = perf_counter_s()
    work()
    return (perf_counter_s() - started) * 1000


def _bare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in (f"page_size={PAGE_SIZE_BYTES}", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE record (sequence INTEGER PRIMARY KEY, data BLOB NOT NULL)")
    return connection


def _commits(folder: Path) -> list[BenchRow]:
    log, bare = open_log(folder / "lane.db"), _bare(folder / "bare.db")
    log.append(crossing(1, PERSONAL))
    (row,) = log.outbox.pending(1)
    data = bytes(len(row.header) + len(row.sealed or b""))
    appends, inserts = [], []
    for number in range(APPENDS):
        appends.append(_timed(partial(log.append, crossing(number, PERSONAL))))
        inserts.append(_timed(lambda: bare.execute("INSERT INTO record (data) VALUES (?)", (data,))))
    bare.close()
    log.close()
    ours, theirs = statistics.median(appends), statistics.median(inserts)
    late_ours, late_theirs = statistics.quantiles(appends, n=100)[98], statistics.quantiles(inserts, n=100)[98]
    return [
        BenchRow(
            f"crossing commit, sealed and linked ({len(data)} B)", ours, "ms", "bare SQLite WAL/FULL insert, interleaved", theirs
        ),
        BenchRow("crossing commit, against its limit", ours, "ms", f"limit: {LEAST_RATE} of the bare rate", theirs / LEAST_RATE),
        BenchRow("crossing commit, 99th percentile", late_ours, "ms", "limit: 3 × the bare 99th percentile", 3 * late_theirs),
    ]


def _verify(folder: Path) -> BenchRow:
    """Re-hashing the log against reading its headers alone."""
    log = open_log(folder / "lane.db")
    rows = log.outbox.pending(APPENDS)
    verifying = _timed(log.verify) / len(rows)
    reading = _timed(lambda: [parse_header(row.header) for row in rows]) / len(rows)
    log.close()
    return BenchRow("re-hash one record of the log", verifying, "ms", "parsing its header alone", reading)


def _centre(folder: Path) -> Ledger:
    (folder / "lanes").mkdir(exist_ok=True)
    public = signing_key("lane").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "lanes" / f"{LANE}.pem").write_bytes(public)
    return Ledger.open(folder / "ledger.db", signing_key("hub"), LaneRegister(folder / "lanes"), SystemClock())


def _ingest(folder: Path) -> BenchRow:
    """Verified ingest of envelopes against a bare insert of the same rows, as many in a transaction (goal 7: ≥ 0.3)."""
    log = open_log(folder / "many.db", hybrid=False)
    with log._store.transaction():
        for number in range(HUB_ROWS):
            log.append(crossing(number, PERSONAL))
    pairs = [(row.header, row.sealed or b"") for row in log.outbox.pending(HUB_ROWS)]
    log.close()
    batches = [tuple(pairs[start : start + ENVELOPE_ROWS]) for start in range(0, HUB_ROWS, ENVELOPE_ROWS)]
    envelopes = [
        encode_envelope(sign_envelope(LANE, 1 + place * ENVELOPE_ROWS, batch, signing_key("lane")))
        for place, batch in enumerate(batches)
    ]
    ledger, bare = _centre(folder), _bare(folder / "bare-hub.db")
    ours, theirs = 0.0, 0.0
    for envelope, batch in zip(envelopes, batches, strict=True):
        ours += _timed(partial(ledger.accept, envelope))
        theirs += _timed(partial(_bare_batch, bare, batch))
    bare.close()
    ledger.close()
    (folder / "ledger.db").rename(folder / "ledger-of-ingest.db")
    return BenchRow("verified ingest of one record", ours / HUB_ROWS, "ms", "bare insert in batches of 64", theirs / HUB_ROWS)


def _bare_batch(bare: sqlite3.Connection, batch: tuple[tuple[bytes, bytes], ...]) -> None:
    bare.execute("BEGIN")
    bare.executemany("INSERT INTO record (data) VALUES (?)", [(header + sealed,) for header, sealed in batch])
    bare.execute("COMMIT")


def _round_trip(folder: Path) -> BenchRow:
    return BenchRow(
        "append → centre's receipt → pruned, over NATS",
        asyncio.run(_round_trips(folder)),
        "ms",
        "limit: 1 s after the crossing",
        1000,
    )


async def _round_trips(folder: Path) -> float:
    log, clock, stop = open_log(folder / "trip.db"), SystemClock(), asyncio.Event()
    with NatsServer(folder / "nats", token="bench") as server:
        ledger, address = _centre(folder), BusAddress(server.url, "bench")
        pruned = asyncio.Event()

        async def prune(receipt: Receipt) -> None:
            log.outbox.prune(receipt)
            pruned.set()

        identity = LaneIdentity(LANE, signing_key("lane"), signing_key("hub").public_key())
        reader = open_read_only(folder / "trip.db")
        client = SyncClient(identity, Outbox(reader), address, clock, prune)
        works = [asyncio.create_task(Ingest(ledger, address, clock).run(stop)), asyncio.create_task(client.run(stop))]
        times = [await _one_trip(log, pruned) for _ in range(ROUND_TRIPS)]
        stop.set()
        await asyncio.gather(*works)
        reader.close()
        ledger.close()
    with contextlib.closing(log):
        return statistics.median(times)


async def _one_trip(log: LaneLog, pruned: asyncio.Event) -> float:
    started = perf_counter_s()
    log.append(crossing(1, PERSONAL))
    while log.outbox.depth():
        pruned.clear()
        await pruned.wait()
    return (perf_counter_s() - started) * 1000
