"""`egate sync`, `egate hub` and `egate crossings` as an operator runs them: real processes, signals, files that are wrong."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from egate.app.cli import main
from egate.app.nats_server import NatsServer
from egate.hub.query import LedgerReader
from egate.model.errors import DeviceError
from egate.storage.keys import load_sealing_public, load_signing_key, load_verify_key
from egate.storage.log import LaneLog
from egate.sync.messages import verify_receipt
from egate.sync.receipt_file import load_receipt, receipt_path
from tests.record_lane import CANARY, LANE, ToldClock, crossing

pytestmark = [pytest.mark.foreign, pytest.mark.timeout(90)]

TOKEN = "a token of the tests"


class Site:
    """Folders, keys and a log as the commands make and find them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "lanes").mkdir()
        assert main(["hub", "--make-keys", "--key", self.path("hub.pem"), "--sealing-key", self.path("seal.pem")]) == 0
        assert main(["sync", "--make-keys", "--lane-key", self.path("lane.pem")]) == 0
        (folder / "lane.pem.pub").rename(folder / "lanes" / f"{LANE}.pem")
        (folder / "token").write_text(TOKEN, "utf-8")
        self.server = NatsServer(folder / "nats", token=TOKEN)

    def path(self, *parts: str) -> str:
        return str(self.folder.joinpath(*parts))

    def open_log(self) -> LaneLog:
        key = load_sealing_public(self.folder / "seal.pem.pub")
        log = LaneLog.open(self.folder / "lane.db", LANE, key, ToldClock(), "boot")
        log.reserve(0)
        return log

    def hub(self) -> list[str]:
        files = ["--ledger", self.path("ledger.db"), "--lanes", self.path("lanes"), "--key", self.path("hub.pem")]
        return ["hub", "--nats", self.server.url, "--nats-token-file", self.path("token"), *files]

    def sync(self) -> list[str]:
        files = ["--log", self.path("lane.db"), "--lane-key", self.path("lane.pem"), "--hub-key", self.path("hub.pem.pub")]
        return ["sync", "--nats", self.server.url, "--nats-token-file", self.path("token"), *files]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.server.stop()


@contextlib.contextmanager
def running(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own; killed if the test did not end it."""
    command = [sys.executable, "-m", "egate", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], how: signal.Signals) -> tuple[int, str]:
    """Signal a command and return its exit status and what it said."""
    process.send_signal(how)
    _, said = process.communicate(timeout=20)
    return process.returncode, said


def until(condition: Callable[[], bool], within_s: float = 40) -> None:
    for _ in range(int(within_s / 0.05)):
        if condition():
            return
        select.select([], [], [], 0.05)
    raise AssertionError("it did not happen in time")


def _seven_arrive(site: Site) -> None:
    log = site.open_log()
    for number in range(1, 8):
        log.append(crossing(number))
    site.server.start()
    stored = receipt_path(site.folder / "lane.db")
    with running(site.hub()) as hub, running(site.sync()) as sync:
        until(stored.exists)
        assert end(sync, signal.SIGTERM) == (0, "")
        assert end(hub, signal.SIGINT) == (0, "")
    receipt = load_receipt(stored)
    assert receipt is not None
    verify_receipt(receipt, load_verify_key(site.folder / "hub.pem.pub"))
    assert log.outbox.prune(receipt) == 7
    log.close()


def test_from_a_log_to_the_listing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    _seven_arrive(site)
    ledger = ["crossings", "--ledger", site.path("ledger.db")]
    assert main(ledger) == 0
    listed = capsys.readouterr().out
    assert listed.count("UTO-A1/") == 7
    assert "face_match:failed:below_threshold" in listed
    assert "records: UTO-A1 7" in listed
    assert "ERIKSSON" not in listed
    assert main([*ledger, "--json", "--last", "2", "--lane", LANE]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(entry["lane"], entry["sequence"], entry["outcome"]) for entry in objects] == [(LANE, 6, "REFER"), (LANE, 7, "ADMIT")]
    assert objects[1]["stages_ms"] == {"document": 0, "decision": 2100, "exit_open": 5207}
    assert "personal" not in objects[0]
    assert main([*ledger, "--json", "--last", "1", "--open", site.path("seal.pem")]) == 0
    assert json.loads(capsys.readouterr().out)["personal"] == {"mrz": CANARY.decode()}
    assert main([*ledger, "--last", "1", "--open", site.path("seal.pem")]) == 0
    assert CANARY.decode() in capsys.readouterr().out
    assert main([*ledger, "--verify"]) == 0
    assert "UTO-A1: 7 records, 0 damaged or missing" in capsys.readouterr().out


def test_damage_and_a_wrong_key_are_told(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    _seven_arrive(site)
    main(["hub", "--make-keys", "--key", site.path("b.pem"), "--sealing-key", site.path("other.pem")])
    ledger = ["crossings", "--ledger", site.path("ledger.db")]
    assert main([*ledger, "--last", "1", "--open", site.path("other.pem")]) == 0
    assert "cannot be opened" in capsys.readouterr().out
    plain = sqlite3.connect(site.path("ledger.db"))
    with plain:
        plain.execute("UPDATE record SET sealed = zeroblob(9) WHERE sequence = 3")
    plain.close()
    assert main([*ledger, "--verify"]) == 1
    assert "UTO-A1/3: its sealed part" in capsys.readouterr().out


def test_both_wait_for_a_bus_and_a_log_that_come_late(site: Site) -> None:
    site.server.start()
    site.server.stop()
    with running(site.hub()) as hub, running(site.sync()) as sync:
        assert hub.stderr is not None
        assert sync.stderr is not None
        assert "bus at 127.0.0.1" in hub.stderr.readline()
        assert "waiting for it" in sync.stderr.readline()
        log = site.open_log()
        log.append(crossing(1))
        assert "bus at 127.0.0.1" in sync.stderr.readline()
        site.server.start()
        until(receipt_path(site.folder / "lane.db").exists)
        log.close()
        for process in (sync, hub):
            status, said = end(process, signal.SIGTERM)
            assert status == 0
            assert "Traceback" not in said
            assert TOKEN not in said
            assert said.count("is back") == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_without_bus_and_log_they_still_end_when_told(site: Site, how: signal.Signals) -> None:
    site.server.start()
    site.server.stop()
    with running(site.hub()) as hub, running(site.sync()) as sync:
        assert hub.stderr is not None
        assert sync.stderr is not None
        assert "is lost" in hub.stderr.readline()
        assert "waiting for it" in sync.stderr.readline()
        for process in (sync, hub):
            assert end(process, how)[0] == 0


def test_processes_killed_in_the_middle_lose_and_double_nothing(site: Site) -> None:
    site.server.start()
    log, ledger = site.open_log(), site.folder / "ledger.db"
    for turn in range(3):
        with running(site.hub()) as hub, running(site.sync()) as sync:
            for number in range(60):
                log.append(crossing(number))
            _await_rows(ledger, turn * 60 + 1)
            (hub, sync)[turn % 2].kill()
            for number in range(20 if turn < 2 else 0):
                log.append(crossing(number))
    with running(site.hub()), running(site.sync()):
        _await_rows(ledger, 3 * 60 + 2 * 20)
    assert _held(ledger) == 3 * 60 + 2 * 20
    assert main(["crossings", "--ledger", str(ledger), "--verify"]) == 0
    log.close()


def _await_rows(ledger: Path, count: int) -> None:
    until(lambda: _held(ledger) >= count)


def _held(ledger: Path) -> int:
    """Records in the ledger; 0 before there is one."""
    try:
        reader = LedgerReader(ledger)
    except DeviceError:
        return 0
    try:
        return sum(count for _, count in reader.summary().records)
    except DeviceError:
        return 0
    finally:
        reader.close()


def test_what_is_missing_is_one_line(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.server.start()
    (site.folder / "hub.pem.pub").chmod(0o644)
    cases = [
        ["crossings", "--ledger", site.path("none.db")],
        ["crossings", "--ledger", site.path("token")],
        ["hub", "--nats", "nats://127.0.0.1:1", "--key", site.path("hub.pem")],
        [
            "hub",
            "--nats",
            "nats://127.0.0.1:1",
            "--key",
            site.path("none.pem"),
            "--ledger",
            site.path("l"),
            "--lanes",
            site.path("lanes"),
        ],
        [
            "hub",
            "--nats",
            "nats://127.0.0.1:1",
            "--key",
            site.path("hub.pem"),
            "--ledger",
            site.path("l"),
            "--lanes",
            site.path("no"),
        ],
        ["sync", "--nats", "nats://127.0.0.1:1", "--lane-key", site.path("lane.pem")],
        ["hub", "--key", site.path("hub.pem"), "--ledger", site.path("l"), "--lanes", site.path("lanes")],
        [*site.sync()[:-1], site.path("none.pub")],
        [*site.sync(), "--nats", "127.0.0.1:4222"],
        [*site.sync(), "--nats", "nats://host:many"],
        [*site.sync(), "--nats", "http://127.0.0.1:4222"],
        [*site.sync(), "--nats-token-file", site.path("none")],
        ["sync", "--make-keys", "--lane-key", site.path("lane.pem")],
    ]
    for arguments in cases:
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1, said
        assert "Traceback" not in said


def test_a_reader_that_has_seen_enough_ends_the_listing_quietly(site: Site) -> None:
    _seven_arrive(site)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "egate", "crossings", "--ledger", site.path("ledger.db")]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=30)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_private_key_works_for_its_public_half(site: Site) -> None:
    signature = load_signing_key(site.folder / "lane.pem").sign(b"x")
    load_verify_key(site.folder / "lanes" / f"{LANE}.pem").verify(signature, b"x")
