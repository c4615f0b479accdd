"""One writer, durable settings, errors in our words."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from egate.model.errors import DeviceError
from egate.storage.database import PAGE_SIZE_BYTES, free_bytes, open_database, open_read_only
from egate.storage.migrations import LANE_LOG, LEDGER, Schema, Step

NOTES = Schema("notes", (Step("001", ("CREATE TABLE note (text TEXT UNIQUE)",)),))


def test_the_settings_that_make_a_commit_durable(tmp_path: Path) -> None:
    store = open_database(tmp_path / "a.db", LANE_LOG, create=True)
    settings = {
        name: store.rows(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "page_size", "secure_delete")
    }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "page_size": PAGE_SIZE_BYTES, "secure_delete": 1}
    assert store.number("PRAGMA trusted_schema") == 0
    store.close()


def test_files_belong_to_one_account(tmp_path: Path) -> None:
    store = open_database(tmp_path / "a.db", LANE_LOG, create=True)
    store.run("INSERT INTO meta VALUES ('a', 'b')")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert len(modes) == 4
    store.close()


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    store = open_database(tmp_path / "a.db", LANE_LOG, create=True)
    with pytest.raises(DeviceError, match=f"process {os.getpid()} is writing it"):
        open_database(tmp_path / "a.db", LANE_LOG, create=True)
    store.close()
    open_database(tmp_path / "a.db", LANE_LOG, create=False).close()


def test_a_writer_in_another_process_is_refused(tmp_path: Path) -> None:
    store = open_database(tmp_path / "a.db", LANE_LOG, create=True)
    child = os.fork()
    if child == 0:
        try:
            open_database(tmp_path / "a.db", LANE_LOG, create=True)
        except DeviceError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    store.close()


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write into the folder could otherwise have any file of ours overwritten, or made where they want it."""
    precious = tmp_path / "precious"
    precious.write_text("a key")
    lock = tmp_path / "a.db.lock"
    for target in (precious, tmp_path / "not-there"):
        lock.symlink_to(target)
        with pytest.raises(DeviceError, match=r"opening .*a\.db"):
            open_database(tmp_path / "a.db", LANE_LOG, create=True)
        lock.unlink()
    assert precious.read_text() == "a key"
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_what_is_not_there_is_not_made_unless_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no such database"):
        open_database(tmp_path / "a.db", LANE_LOG, create=False)
    with pytest.raises(DeviceError, match="no such database"):
        open_read_only(tmp_path / "a.db")
    with pytest.raises(DeviceError, match="No such file"):
        open_database(tmp_path / "nowhere" / "a.db", LANE_LOG, create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_and_the_lock_let_go(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is no database " * 100)
    with pytest.raises(DeviceError, match="not a database"):
        open_database(path, LANE_LOG, create=True)
    with pytest.raises(DeviceError, match="not a database"):
        open_read_only(path)
    path.unlink()
    open_database(path, LANE_LOG, create=True).close()


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    store = open_database(tmp_path / "a.db", NOTES, create=True)

    def write(*notes: str) -> None:
        with store.transaction():
            for note in notes:
                store.run("INSERT INTO note VALUES (?)", (note,))
            if "stop" in notes:
                raise RuntimeError

    with pytest.raises(DeviceError, match="UNIQUE"):
        write("one", "one")
    assert store.rows("SELECT * FROM note") == []
    with pytest.raises(RuntimeError):
        write("two", "stop")
    assert store.number("SELECT count(*) FROM note") == 0
    assert store.number("SELECT text FROM note") == 0
    store.close()


def test_transactions_of_two_threads_do_not_mix(tmp_path: Path) -> None:
    store = open_database(tmp_path / "a.db", NOTES, create=True)
    seen: list[int] = []

    def write(name: str) -> None:
        for number in range(20):
            with store.transaction():
                store.run("INSERT INTO note VALUES (?)", (f"{name}{number}a",))
                store.run("INSERT INTO note VALUES (?)", (f"{name}{number}b",))
            seen.append(store.number("SELECT count(*) FROM note"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.number("SELECT count(*) FROM note") == 80
    assert all(count % 2 == 0 for count in seen)
    store.close()


def test_a_reader_reads_beside_the_writer_and_cannot_write(tmp_path: Path) -> None:
    writer = open_database(tmp_path / "a.db", NOTES, create=True)
    reader = open_read_only(tmp_path / "a.db")
    writer.run("INSERT INTO note VALUES ('one')")
    assert reader.rows("SELECT text FROM note") == [("one",)]
    with pytest.raises(DeviceError):
        reader.run("INSERT INTO note VALUES ('two')")
    with pytest.raises(DeviceError):
        reader.rows("SELECT * FROM nothing")
    writer.close()
    assert reader.rows("SELECT text FROM note") == [("one",)]
    reader.close()


def test_a_removed_or_replaced_file_is_noticed_before_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = open_database(path, NOTES, create=True)
    path.rename(tmp_path / "b.db")
    with pytest.raises(DeviceError, match="removed or replaced"), store.transaction():
        store.run("INSERT INTO note VALUES ('one')")
    path.write_bytes(b"")
    with pytest.raises(DeviceError, match="removed or replaced"), store.transaction():
        store.run("INSERT INTO note VALUES ('one')")
    store.close()


def test_migrations_are_made_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = open_database(path, NOTES, create=True)
    store.run("INSERT INTO note VALUES ('kept')")
    store.close()
    longer = Schema("notes", (*NOTES.steps, Step("002", ("ALTER TABLE note ADD COLUMN more TEXT DEFAULT 'x'",))))
    for _ in range(2):
        store = open_database(path, longer, create=False)
        assert store.rows("SELECT text, more FROM note") == [("kept", "x")]
        store.close()


def test_a_migration_that_fails_leaves_the_old_shape(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    open_database(path, NOTES, create=True).close()
    broken = Schema("notes", (*NOTES.steps, Step("002", ("CREATE TABLE more (a)", "CREATE TABLE note (b)"))))
    with pytest.raises(DeviceError):
        open_database(path, broken, create=False)
    with sqlite3.connect(path) as plain:
        names = {name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    plain.close()
    assert "more" not in names


def test_log_and_ledger_have_different_tables_and_the_disk_has_room(tmp_path: Path) -> None:
    open_database(tmp_path / "b.db", LEDGER, create=True).close()
    assert free_bytes(tmp_path / "b.db") > 0
    with pytest.raises(DeviceError):
        free_bytes(tmp_path / "nowhere" / "b.db")
