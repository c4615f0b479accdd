"""From append to prune through a real NATS server, with everything killed, wiped, repeated and forged on the way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nats
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.app.clock import SystemClock
from egate.app.nats_server import NatsServer
from egate.hub import ingest as ingest_module
from egate.hub.ingest import Ingest
from egate.hub.lanes import LaneRegister
from egate.hub.ledger import Ledger, Verdict
from egate.hub.query import LedgerReader
from egate.model.crossing import Receipt
from egate.storage.database import open_read_only
from egate.storage.log import LaneLog
from egate.storage.outbox import Outbox
from egate.sync.bus import ROWS_SUBJECT, STREAM, Bus, BusAddress
from egate.sync.client import LaneIdentity, SyncClient
from egate.sync.messages import encode_envelope, encode_receipt, sign_envelope, sign_receipt, verify_receipt
from tests.record_lane import CANARY, LANE, crossing, open_log, signing_key

pytestmark = [pytest.mark.foreign, pytest.mark.timeout(60)]

TOKEN = "a token of the tests"
HUB_KEY = signing_key("hub")


@dataclass
class Centre:
    """A hub that can be started and killed; killing drops it between any two awaits."""

    folder: Path
    address: BusAddress
    ingest: Ingest | None = None
    task: asyncio.Task[None] | None = None
    ledger: Ledger | None = None

    def start(self) -> Ingest:
        self.ledger = Ledger.open(self.folder / "ledger.db", HUB_KEY, LaneRegister(self.folder / "lanes"), SystemClock())
        self.ingest = Ingest(self.ledger, self.address, SystemClock())
        self.task = asyncio.create_task(self.ingest.run(asyncio.Event()))
        return self.ingest

    async def kill(self) -> None:
        assert self.task is not None
        assert self.ledger is not None
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        self.ledger.close()


class World:
    """One lane with its log, one server, one centre. `prune` does what the controller does with a receipt."""

    def __init__(self, folder: Path) -> None:
        (folder / "lanes").mkdir()
        public = signing_key("lane").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / "lanes" / f"{LANE}.pem").write_bytes(public)
        self.folder = folder
        self.log: LaneLog = open_log(folder / "lane.db")
        self.server = NatsServer(folder / "nats", token=TOKEN)
        self.server.start()
        self.address = BusAddress(self.server.url, TOKEN)
        self.centre = Centre(folder, self.address)
        self.receipts: list[Receipt] = []
        self.stop = asyncio.Event()
        self.client = self._client()
        self.task: asyncio.Task[None] | None = None

    def _client(self) -> SyncClient:
        identity = LaneIdentity(LANE, signing_key("lane"), HUB_KEY.public_key())
        outbox = Outbox(open_read_only(self.folder / "lane.db"))
        return SyncClient(identity, outbox, self.address, SystemClock(), self.prune)

    async def prune(self, receipt: Receipt) -> None:
        verify_receipt(receipt, HUB_KEY.public_key())
        self.log.outbox.prune(receipt)
        self.receipts.append(receipt)

    def append(self, count: int) -> None:
        for _ in range(count):
            self.log.append(crossing(1, CANARY * 40))

    def start_lane(self) -> None:
        self.stop.clear()
        self.task = asyncio.create_task(self.client.run(self.stop))

    async def end_lane(self) -> None:
        self.stop.set()
        if self.task is not None:
            await self.task
            self.task = None

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await SystemClock().sleep(0.02)

    async def until_pruned(self) -> None:
        await self.until(lambda: self.log.outbox.depth() == 0)

    def arrived(self) -> list[int]:
        reader = LedgerReader(self.folder / "ledger.db")
        try:
            assert reader.verify(LANE) == ()
            assert reader.summary().alarms == ()
            return [arrival.header.sequence for arrival in reader.arrivals(LANE)]
        finally:
            reader.close()

    async def close(self) -> None:
        await self.end_lane()
        if self.centre.task is not None and not self.centre.task.done():
            await self.centre.kill()
        self.server.stop()
        self.log.close()


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    made = World(folder)
    try:
        yield made
    finally:
        await made.close()


def test_from_append_to_prune(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            w.append(150)
            ingest = w.centre.start()
            w.start_lane()
            await w.until_pruned()
            w.append(3)
            await w.until_pruned()
            assert w.arrived() == list(range(1, 154))
            assert w.log.verify() == ()
            assert (ingest.rows, ingest.counts[Verdict.FORK], w.client.counts.refused) == (153, 0, 0)
            newest = w.log.outbox.newest_receipt()
            assert newest is not None
            assert newest.sequence == 153

    asyncio.run(story())


def test_nothing_is_pruned_before_the_centre_says_so_and_nothing_lies_open(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            w.centre.start()
            await w.until((w.server.store_directory / "jetstream" / "$G" / "streams" / STREAM).exists)
            await w.centre.kill()
            w.append(40)
            w.start_lane()
            await w.until(lambda: w.client.counts.envelopes > 0)
            await SystemClock().sleep(0.3)
            assert w.log.outbox.depth() == 40
            assert w.receipts == []
            stored = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
            in_stream = b"".join(path.read_bytes() for path in w.server.store_directory.rglob("*") if path.is_file())
            assert LANE.encode() in in_stream, "the envelopes lie in the stream"
            assert not any(word in data for data in stored for word in (CANARY, b"ERIKSSON"))
            w.centre.start()
            await w.until_pruned()
            assert w.arrived() == list(range(1, 41))

    asyncio.run(story())


def test_a_server_killed_and_wiped_and_hubs_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            w.centre.start()
            w.start_lane()
            for turn in range(6):
                w.append(30)
                if turn % 3 == 1:
                    w.server.kill()
                    w.server.wipe()
                    w.append(10)
                    w.server.start()
                if turn % 3 == 2:
                    await w.centre.kill()
                    w.append(10)
                    await SystemClock().sleep(0.1)
                    w.centre.start()
                await SystemClock().sleep(0.15)
            await w.until_pruned()
            assert w.arrived() == list(range(1, 6 * 30 + 4 * 10 + 1))
            assert w.log.verify() == ()

    asyncio.run(story())


def test_a_new_sync_process_goes_on_and_a_centre_without_memory_gets_everything_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            w.append(70)
            w.centre.start()
            w.start_lane()
            await w.until_pruned()
            await w.end_lane()
            await w.centre.kill()
            for path in tmp_path.glob("ledger.db*"):
                path.unlink()
            w.append(5)
            w.client = w._client()
            w.centre.start()
            w.start_lane()
            await w.until(lambda: bool(w.receipts) and w.receipts[-1].sequence == 75)
            assert w.arrived() == list(range(1, 76))
            assert w.log.outbox.depth() == 0

    asyncio.run(story())


def test_forged_envelopes_and_receipts_change_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            w.append(4)
            ingest = w.centre.start()
            await w.until((w.server.store_directory / "jetstream" / "$G" / "streams" / STREAM).exists)
            rows = tuple((row.header, row.sealed or b"") for row in w.log.outbox.pending(4))
            bus = Bus(w.address, "stranger")
            await bus.open()
            forged = sign_envelope(LANE, 1, rows, signing_key("stranger"))
            await bus.send(f"{ROWS_SUBJECT}.{LANE}", encode_envelope(forged), "forged")
            await bus.send(f"{ROWS_SUBJECT}.{LANE}", b"noise", "noise")
            await w.until(lambda: ingest.counts.total() == 2)
            assert w.arrived() == []
            await w.centre.kill()

            w.start_lane()
            await w.until(lambda: w.client.counts.envelopes > 0)
            held = w.log.outbox.pending(4)[3].noted_hash
            good = sign_receipt(LANE, 4, held, 1 << 62, HUB_KEY)
            subject = f"egate.receipts.{LANE}"
            for wrong in (
                encode_receipt(sign_receipt(LANE, 4, held, 1 << 62, signing_key("stranger"))),
                encode_receipt(replace(good, signed_at_ns=good.signed_at_ns + 1)),
                encode_receipt(sign_receipt("UTO-B2", 4, held, 1 << 62, HUB_KEY)),
                b"noise",
            ):
                await bus.tell(subject, wrong)
            await w.until(lambda: w.client.counts.refused == 4)
            assert w.log.outbox.depth() == 4
            for sequence in (99, 99):
                await bus.tell(subject, encode_receipt(sign_receipt(LANE, sequence, held, (1 << 61) + sequence, HUB_KEY)))
            await w.until(lambda: any("rolled back" in record.getMessage() for record in caplog.records))
            assert w.log.outbox.depth() == 4
            await bus.tell(subject, encode_receipt(good))
            await w.until_pruned()
            await bus.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(story())
    assert sum("an envelope was refused" in record.getMessage() for record in caplog.records) == 2
    assert sum("rolled back" in record.getMessage() for record in caplog.records) == 1
    assert sum("a receipt was refused" in record.getMessage() for record in caplog.records) == 1


def test_one_line_when_the_bus_is_lost_and_one_when_it_is_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            w.server.stop()
            w.append(2)
            w.centre.start()
            w.start_lane()
            await SystemClock().sleep(0.8)
            w.server.start()
            await w.until_pruned()

    with caplog.at_level(logging.INFO, logger="egate"):
        asyncio.run(story())
    for name in ("egate.sync", "egate.hub"):
        said = [record.getMessage() for record in caplog.records if record.name == name and "bus" in record.getMessage()]
        assert len(said) == 2, said
        assert "is lost" in said[0]
        assert "is back" in said[1]
        assert TOKEN not in "".join(said)


def test_a_quiet_night_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle requests to the stream end in time-outs of two kinds; neither means that the bus is lost."""
    monkeypatch.setattr(ingest_module, "FETCH_WITHIN_S", 0.05)

    async def story() -> None:
        async with world(tmp_path) as w:
            w.centre.start()
            w.start_lane()
            await SystemClock().sleep(1.5)
            w.append(1)
            await w.until_pruned()

    with caplog.at_level(logging.WARNING, logger="egate"):
        asyncio.run(story())
    assert [record.getMessage() for record in caplog.records if record.name.startswith("egate")] == []


def test_a_stream_that_vanishes_under_a_running_hub_is_made_anew(tmp_path: Path) -> None:
    async def story() -> None:
        async with world(tmp_path) as w:
            w.append(5)
            w.centre.start()
            w.start_lane()
            await w.until_pruned()
            other = await nats.connect(w.server.url, token=TOKEN)
            await other.jetstream().delete_stream(STREAM)
            await other.close()
            w.append(5)
            await w.until_pruned()
            assert w.arrived() == list(range(1, 11))

    asyncio.run(story())


def test_a_receipt_is_handed_over_until_the_log_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The controller is away when the receipt comes, and forgets the second one."""
    from egate.model.errors import DeviceError
    from egate.sync import client as client_module

    monkeypatch.setattr(client_module, "HAND_OVER_EVERY_S", 0.1)

    async def story() -> None:
        async with world(tmp_path) as w:
            calls = 0

            async def moody(receipt: Receipt) -> None:
                nonlocal calls
                calls += 1
                if calls <= 2:
                    raise DeviceError("talking to the controller", "it is away")
                if calls > 3:
                    await w.prune(receipt)

            w.client._hand_over = moody
            w.append(5)
            w.centre.start()
            w.start_lane()
            await w.until_pruned()
            assert calls == 4

    asyncio.run(story())
