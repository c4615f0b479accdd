"""The log under faults: writers killed at any point, disks that are full, files that may not grow (goals 3 and 12)."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from egate.model.errors import DeviceError
from egate.storage.header import header_hash
from egate.storage.log import LaneLog
from tests.record_lane import crossing, open_log

ACK_BYTES = 40


def _in_child(work: Callable[[], int]) -> int:
    """Run `work` in a child of its own, because limits and kills are for whole processes; returns its process number."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            status = work()
        finally:
            os._exit(status)
    return child


def _write_until_killed(path: Path, acknowledge: int) -> int:
    log = open_log(path)
    while True:
        committed = log.append(crossing(1))
        os.write(acknowledge, committed.sequence.to_bytes(8, "big") + committed.header_hash)


def _kill_writer(path: Path, after_s: float) -> list[bytes]:
    """Let a writer run for a while after its first record, kill -9, and return what it had acknowledged."""
    reading, writing = os.pipe()
    child = _in_child(lambda: _write_until_killed(path, writing))
    os.close(writing)
    select.select([reading], [], [], 30)
    select.select([], [], [], after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    return [data[place : place + ACK_BYTES] for place in range(0, len(data) - ACK_BYTES + 1, ACK_BYTES)]


def _kill_many(path: Path, rounds: int, seed: int) -> None:
    delays, acknowledged = random.Random(seed), set[bytes]()
    for _ in range(rounds):
        acknowledged |= set(_kill_writer(path, delays.uniform(0, 0.03)))
        log = open_log(path)
        rows = log.outbox.pending(1_000_000)
        held = {row.sequence.to_bytes(8, "big") + header_hash(row.header) for row in rows}
        assert acknowledged <= held, f"seed {seed}: acknowledged records are lost"
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1)), f"seed {seed}"
        assert log.verify() == (), f"seed {seed}"
        assert log.outbox.last_sequence() == log.outbox.depth()
        log.close()
    assert len(acknowledged) >= rounds


def test_twenty_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    _kill_many(tmp_path / "lane.db", 20, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_kills(tmp_path: Path, seed: int) -> None:
    _kill_many(tmp_path / "lane.db", 200, seed)


def _fill(log: LaneLog, limit: int = 5000) -> int:
    """Append until the log refuses; returns how many it took."""
    for taken in range(limit):
        try:
            log.append(crossing(1))
        except DeviceError:
            return taken
    raise AssertionError("the disk never became full")


def test_a_full_database_refuses_and_resumes_when_there_is_room(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    log._store.rows("PRAGMA max_page_count = 30")
    taken = _fill(log)
    assert taken > 10
    with pytest.raises(DeviceError, match="full"):
        log.append(crossing(1))
    assert log.outbox.depth() == log.outbox.last_sequence() == taken
    assert log.verify() == ()
    log._store.rows("PRAGMA max_page_count = 3000")
    assert log.may_admit()
    assert log.append(crossing(1)).sequence == taken + 1
    assert log.verify() == ()
    log.close()


def test_a_file_that_may_not_grow_refuses_and_resumes(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes every write beyond it fail in the system call, which SQLite sees as a failing disk."""
    path = tmp_path / "lane.db"

    def work() -> int:
        log = open_log(path)
        for _ in range(3):
            log.append(crossing(1))
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "lane.db-wal").stat().st_size + 20_000, hard))
        taken = 3 + _fill(log)
        if log.may_admit() or log.outbox.depth() != taken or log.verify() != ():
            return 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        if not log.may_admit() or log.append(crossing(1)).sequence != taken + 1 or log.verify() != ():
            return 2
        log.close()
        return 0

    assert os.waitstatus_to_exitcode(os.waitpid(_in_child(work), 0)[1]) == 0
    log = open_log(path)
    assert log.verify() == ()
    log.close()


@contextlib.contextmanager
def _small_disk(place: Path, size: str) -> Iterator[Path]:
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, check=False
    ).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_stops_admission_first_then_refuses_then_resumes(tmp_path: Path) -> None:
    with _small_disk(tmp_path / "disk", "3m") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(512 * 1024))
        log = open_log(disk / "lane.db")
        log.reserve(600 * 1024)
        admitted = 0
        while log.may_admit():
            log.append(crossing(1))
            admitted += 1
        after = _fill(log)
        assert admitted > 5
        assert after > 5, "passages under way could still be recorded after admission had stopped"
        assert log.outbox.depth() == admitted + after
        assert log.verify() == ()
        ballast.unlink()
        log.reserve(0)
        assert log.may_admit()
        assert log.append(crossing(1)).sequence == admitted + after + 1
        assert log.verify() == ()
        log.close()
