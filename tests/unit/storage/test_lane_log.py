"""The lane's log: sealed, linked, durable, one finding for each damaged record (G4)."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from egate.model.crossing import Committed, LogRecord, RecordKind
from egate.model.errors import DeviceError, TrustError
from egate.ports import CrossingLog
from egate.storage import log as log_module
from egate.storage.chain import Finding
from egate.storage.database import open_read_only
from egate.storage.header import NO_PREVIOUS, encode_unsealed, header_hash, parse_header
from egate.storage.log import LaneLog, lane_of, verify_log
from egate.storage.outbox import Outbox
from egate.storage.vault import unseal
from egate.sync.messages import sign_receipt
from tests.record_lane import CANARY, LANE, ToldClock, crossing, open_log, sealing_key, signing_key


def test_an_append_is_sealed_linked_and_in_the_outbox(tmp_path: Path) -> None:
    log: CrossingLog = open_log(tmp_path / "lane.db")
    committed = [log.append(crossing(number)) for number in (1, 2, 3)]
    assert isinstance(log, LaneLog)
    rows = log.outbox.pending(10)
    headers = [parse_header(row.header) for row in rows]
    assert [header.sequence for header in headers] == [1, 2, 3]
    assert [header.previous for header in headers] == [NO_PREVIOUS, committed[0].header_hash, committed[1].header_hash]
    assert [Committed(row.sequence, header_hash(row.header)) for row in rows] == committed
    assert headers[2].outcome == "REFER"
    assert headers[2].because == ("face_match:failed:below_threshold",)
    assert headers[0].boot_id == "boot-1"
    assert headers[1].wall_ns > headers[0].wall_ns
    assert log.outbox.depth() == 3
    assert log.outbox.oldest_wall_ns() == headers[0].wall_ns
    log.close()


def test_the_centre_opens_what_the_lane_wrote(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    log.append(crossing(1))
    (row,) = log.outbox.pending(1)
    header = parse_header(row.header)
    assert row.sealed is not None
    assert header.sealed_hash == hashlib.sha256(row.sealed).digest()
    unsealed = encode_unsealed(header)
    assert unseal(row.sealed, unsealed, header.suite, sealing_key()) == crossing(1).personal
    with pytest.raises(TrustError):
        unseal(row.sealed, encode_unsealed(replace(header, outcome="REFER")), header.suite, sealing_key())
    log.close()


def test_personal_data_never_lies_in_the_clear(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    for number in range(1, 20):
        log.append(crossing(number, CANARY * 50))
    open_files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    log.close()
    closed_files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"UTO-A1" in open_files
    for canary in (CANARY, b"ERIKSSON", b"ANNA<MARIA"):
        assert canary not in open_files
        assert canary not in closed_files
    assert "ERIKSSON" not in repr(crossing(1, CANARY))


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    first = log.append(crossing(1))
    log.close()
    log = open_log(tmp_path / "lane.db")
    assert log.append(crossing(2)).sequence == 2
    assert parse_header(log.outbox.pending(2)[1].header).previous == first.header_hash
    assert log.verify() == ()
    log.close()


def test_a_log_belongs_to_one_lane(tmp_path: Path) -> None:
    open_log(tmp_path / "lane.db").close()
    with pytest.raises(DeviceError, match="log of lane UTO-A1, not of UTO-B2"):
        open_log(tmp_path / "lane.db", "UTO-B2")
    with pytest.raises(DeviceError, match="letters, digits"):
        open_log(tmp_path / "other.db", "a.b")
    reader = open_read_only(tmp_path / "lane.db")
    assert lane_of(reader) == LANE
    reader.close()


@pytest.mark.parametrize(
    "wrong",
    [
        LogRecord(RecordKind.CROSSING, "t", "P<UTOERIKSSON<<ANNA"),
        LogRecord(RecordKind.CROSSING, "t", "\ud800"),
        LogRecord(RecordKind.CROSSING, "t", "ADMIT", personal=bytes(600 * 1024)),
    ],
)
def test_a_record_that_cannot_be_written_leaves_nothing(tmp_path: Path, wrong: LogRecord) -> None:
    log = open_log(tmp_path / "lane.db")
    log.append(crossing(1))
    with pytest.raises(DeviceError) as caught:
        log.append(wrong)
    assert "ERIKSSON" not in str(caught.value)
    assert log.outbox.depth() == 1
    assert log.append(crossing(2)).sequence == 2
    assert log.verify() == ()
    log.close()


def _damage(path: Path, statement: str, *values: object) -> None:
    plain = sqlite3.connect(path)
    with plain:
        plain.execute(statement, values)
    plain.close()


DAMAGES = {
    "sealed part": ("UPDATE record SET sealed = zeroblob(100) WHERE sequence = 5", 5, "sealed part"),
    "header": ("UPDATE record SET header = (SELECT header FROM record WHERE sequence = 4) WHERE sequence = 5", 5, "hashed"),
    "row": ("DELETE FROM record WHERE sequence = 5", 5, "missing"),
    "first row": ("DELETE FROM record WHERE sequence = 1", 1, "missing"),
    "kind of value": ("UPDATE record SET header = 7 WHERE sequence = 5", 5, "hashed"),
}


@pytest.mark.parametrize(("statement", "sequence", "problem"), DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_record_is_named(tmp_path: Path, statement: str, sequence: int, problem: str) -> None:
    log = open_log(tmp_path / "lane.db")
    for number in range(1, 11):
        log.append(crossing(number))
    log.close()
    _damage(tmp_path / "lane.db", statement)
    log = open_log(tmp_path / "lane.db")
    (finding,) = log.verify()
    assert finding.sequence == sequence
    assert problem in finding.problem
    log.close()


def test_a_row_replaced_with_a_consistent_one_breaks_the_chain(tmp_path: Path) -> None:
    """Somebody with the database but without the chain: header and hash fit each other, not their neighbours."""
    log = open_log(tmp_path / "lane.db")
    for number in range(1, 6):
        log.append(crossing(number))
    log.close()
    other = open_log(tmp_path / "other.db")
    for number in range(1, 6):
        other.append(crossing(number + 1))
    row = other.outbox.pending(5)[2]
    other.close()
    statement = "UPDATE record SET header = ?, header_hash = ?, sealed = ? WHERE sequence = 3"
    _damage(tmp_path / "lane.db", statement, row.header, header_hash(row.header), row.sealed)
    reader = open_read_only(tmp_path / "lane.db")
    assert [finding.sequence for finding in verify_log(reader, LANE)] == [3, 4]
    assert {finding.sequence for finding in verify_log(reader, "UTO-B2")} == {1, 2, 3, 4, 5}
    reader.close()


def test_a_row_whose_hash_was_changed_too_is_still_named(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    for number in range(1, 6):
        log.append(crossing(number))
    log.close()
    noise = b"noise"
    _damage(tmp_path / "lane.db", "UPDATE record SET header = ?, header_hash = ? WHERE sequence = 3", noise, header_hash(noise))
    reader = open_read_only(tmp_path / "lane.db")
    assert [(finding.sequence, finding.problem[:12]) for finding in verify_log(reader, LANE)] == [
        (3, "its header c"),
        (4, "it does not "),
    ]
    reader.close()
    _damage(tmp_path / "lane.db", "DELETE FROM record WHERE sequence = 2")
    reader = open_read_only(tmp_path / "lane.db")
    assert [finding.sequence for finding in verify_log(reader, LANE)] == [2, 3, 4]
    reader.close()


def test_two_threads_append_one_after_the_other(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    threads = [threading.Thread(target=lambda: [log.append(crossing(number)) for number in range(15)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.outbox.depth() == 45
    assert log.verify() == ()
    log.close()


def test_every_flipped_bit_in_a_record_is_found(tmp_path: Path) -> None:
    """A bit flip in the file itself, which SQLite's own integrity check lets pass (goal 9)."""
    path = tmp_path / "lane.db"
    log = open_log(path)
    for number in range(1, 31):
        log.append(crossing(number))
    sealed = log.outbox.pending(30)[16].sealed
    log.close()
    assert sealed is not None
    data = bytearray(path.read_bytes())
    place = data.index(sealed[:200]) + 100
    data[place] ^= 0x10
    path.write_bytes(bytes(data))
    plain = sqlite3.connect(path)
    assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    plain.close()
    log = open_log(path)
    assert log.verify() == (Finding(17, "its sealed part is not the one that its header names"),)
    log.close()


def test_a_damaged_end_stops_the_lane(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    log.append(crossing(1))
    log.append(crossing(2))
    log.close()
    _damage(tmp_path / "lane.db", "UPDATE record SET header = zeroblob(9) WHERE sequence = 2")
    with pytest.raises(DeviceError, match="record 2, the newest one, is damaged"):
        open_log(tmp_path / "lane.db")


def test_a_receipt_shows_that_the_end_was_cut_off(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    committed = [log.append(crossing(number)) for number in range(1, 6)]
    receipt = sign_receipt(LANE, 5, committed[4].header_hash, 1, signing_key("hub"))
    assert log.outbox.prune(receipt) == 5
    log.close()
    _damage(tmp_path / "lane.db", "DELETE FROM record WHERE sequence > 3")
    log = open_log(tmp_path / "lane.db")
    assert [finding.sequence for finding in log.verify()] == [4]
    log.close()
    _damage(tmp_path / "lane.db", "UPDATE receipt SET sequence = 3")
    log = open_log(tmp_path / "lane.db")
    assert log.verify() == (Finding(3, "the centre has receipted another record"),)
    log.close()


def test_long_logs_are_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "VERIFY_BATCH", 3)
    log = open_log(tmp_path / "lane.db")
    for number in range(1, 11):
        log.append(crossing(number))
    assert log.verify() == ()
    log.close()


def test_admission_stops_while_the_disk_still_has_room(tmp_path: Path) -> None:
    log = LaneLog.open(tmp_path / "lane.db", LANE, sealing_key().public_key(), ToldClock(), "boot")
    log.reserve(0)
    assert log.may_admit()
    log.reserve(1 << 62)
    assert not log.may_admit()
    log.append(crossing(1))
    log.close()


def test_admission_stops_when_the_log_was_removed(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    (tmp_path / "lane.db").unlink()
    with pytest.raises(DeviceError, match="removed or replaced"):
        log.append(crossing(1))
    assert not log.may_admit()
    log.close()


def test_the_outbox_reads_through_a_read_only_connection(tmp_path: Path) -> None:
    log = open_log(tmp_path / "lane.db")
    for number in range(1, 8):
        log.append(crossing(number))
    reader = open_read_only(tmp_path / "lane.db")
    outbox = Outbox(reader)
    assert outbox.last_sequence() == 7
    assert [row.sequence for row in outbox.rows_after(2, 3, 1_000_000)] == [3, 4, 5]
    assert [row.sequence for row in outbox.rows_after(2, 3, 1)] == [3]
    assert [row.sequence for row in outbox.rows_after(0, 64, 5000)] == [1, 2]
    assert outbox.rows_after(7, 3, 1_000_000) == ()
    reader.close()
    log.close()


def test_a_sealed_part_that_nobody_holds_was_not_erased_but_taken(tmp_path: Path) -> None:
    """Emptying the sealed parts keeps the chain whole; only what the centre has receipted may be empty."""
    log = open_log(tmp_path / "lane.db")
    links = [log.append(crossing(number)) for number in range(1, 6)]
    log.outbox.prune(sign_receipt(LANE, 2, links[1].header_hash, 1, signing_key("hub")))
    log.close()
    _damage(tmp_path / "lane.db", "UPDATE record SET sealed = NULL WHERE sequence IN (1, 2, 4)")
    findings = verify_log(open_read_only(tmp_path / "lane.db"), LANE)
    assert findings == (Finding(4, "its sealed part is gone and the centre has no receipt for it"),)
