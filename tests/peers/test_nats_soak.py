"""A night at the site: writer, sync, hub and bus killed at random and the bus's disk wiped, all in real processes (goal 5)."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from egate.app.cli import main
from egate.app.nats_server import NatsServer
from egate.hub.query import LedgerReader
from egate.model.errors import DeviceError
from egate.sync.receipt_file import load_receipt, receipt_path
from tests.record_lane import LANE, crossing, open_log

pytestmark = [pytest.mark.foreign, pytest.mark.slow, pytest.mark.timeout(900)]

ROUNDS = 120
PAUSE_S = 0.4


@dataclass
class Site:
    """Four processes that are started again whenever they were killed."""

    folder: Path
    server: NatsServer
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    writer: int = 0
    pipe: int = -1

    def start(self, name: str) -> None:
        paths = {key: str(self.folder / key) for key in ("ledger.db", "lanes", "hub.pem", "hub.pem.pub", "lane.pem", "lane.db")}
        arguments = {
            "hub": ["--ledger", paths["ledger.db"], "--lanes", paths["lanes"], "--key", paths["hub.pem"]],
            "sync": ["--log", paths["lane.db"], "--lane-key", paths["lane.pem"], "--hub-key", paths["hub.pem.pub"]],
        }[name]
        command = [sys.executable, "-m", "egate", name, "--nats", self.server.url, *arguments]
        self.running[name] = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def start_writer(self) -> None:
        """A child that appends about 100 records a second and says which are durable; the receipt file prunes at its start."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._write(writing)
        os.close(writing)
        self.writer, self.pipe = child, reading

    def _write(self, acknowledge: int) -> None:
        try:
            log = open_log(self.folder / "lane.db")
            receipt = load_receipt(receipt_path(self.folder / "lane.db"))
            if receipt is not None:
                log.outbox.prune(receipt)
            while True:
                committed = log.append(crossing(1))
                os.write(acknowledge, committed.sequence.to_bytes(8, "big"))
                select.select([], [], [], 0.01)
        finally:
            os._exit(1)

    def kill_writer(self) -> None:
        os.kill(self.writer, signal.SIGKILL)
        os.waitpid(self.writer, 0)
        with os.fdopen(self.pipe, "rb") as pipe:
            data = pipe.read()
        self.acknowledged |= {int.from_bytes(data[place : place + 8], "big") for place in range(0, len(data) - 7, 8)}

    def strike(self, chance: random.Random) -> None:
        match chance.choice(("writer", "sync", "hub", "bus", "disk of the bus")):
            case "writer":
                self.kill_writer()
                self.start_writer()
            case "bus":
                self.server.kill()
                self.server.start()
            case "disk of the bus":
                self.server.kill()
                self.server.wipe()
                self.server.start()
            case name:
                self.kill(name)
                self.start(name)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "lanes").mkdir()
    assert main(["hub", "--make-keys", "--key", str(tmp_path / "hub.pem")]) == 0
    assert main(["sync", "--make-keys", "--lane-key", str(tmp_path / "lane.pem")]) == 0
    (tmp_path / "lane.pem.pub").rename(tmp_path / "lanes" / f"{LANE}.pem")
    made = Site(tmp_path, NatsServer(tmp_path / "nats"))
    made.server.start()
    yield made
    for name in list(made.running):
        made.kill(name)
    made.server.stop()


def _until(condition: Callable[[], bool], within_s: float) -> None:
    for _ in range(int(within_s / 0.1)):
        if condition():
            return
        select.select([], [], [], 0.1)
    raise AssertionError("not drained in time")


def _arrived(ledger: Path) -> list[int]:
    try:
        reader = LedgerReader(ledger)
    except DeviceError:
        return []
    try:
        return [arrival.header.sequence for arrival in reader.arrivals(LANE)]
    finally:
        reader.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_night_of_kills_loses_and_doubles_nothing(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    site.start("hub")
    site.start("sync")
    site.start_writer()
    for _ in range(ROUNDS):
        select.select([], [], [], chance.uniform(0, 2 * PAUSE_S))
        site.strike(chance)
    site.kill_writer()
    log = open_log(site.folder / "lane.db")
    last = log.outbox.last_sequence()
    assert site.acknowledged <= set(range(1, last + 1))
    _until(lambda: len(_arrived(site.folder / "ledger.db")) >= last, 60)
    assert _arrived(site.folder / "ledger.db") == list(range(1, last + 1)), f"seed {seed}"
    stored = receipt_path(site.folder / "lane.db")
    _until(lambda: getattr(load_receipt(stored), "sequence", 0) == last, 20)
    receipt = load_receipt(stored)
    assert receipt is not None
    log.outbox.prune(receipt)
    assert log.outbox.depth() == 0
    assert log.verify() == ()
    log.close()
    assert main(["crossings", "--ledger", str(site.folder / "ledger.db"), "--verify"]) == 0
