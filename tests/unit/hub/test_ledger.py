"""The ledger takes what holds and nothing else, any number of times, and signs for what it has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.hub import ledger as ledger_module
from egate.hub.lanes import LaneRegister
from egate.hub.ledger import Ledger, Verdict
from egate.hub.query import LedgerReader, open_sealed
from egate.model.errors import DeviceError, TrustError
from egate.storage.chain import Finding, RecordRow
from egate.storage.header import NO_PREVIOUS, encode_header, header_hash, parse_header
from egate.storage.log import LaneLog
from egate.sync.messages import encode_envelope, sign_envelope, verify_receipt
from tests.record_lane import LANE, ToldClock, crossing, open_log, sealing_key, signing_key

HUB = signing_key("hub")


def _register(directory: Path, lane: str, key: Ed25519PrivateKey) -> None:
    directory.mkdir(exist_ok=True)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (directory / f"{lane}.pem").write_bytes(pem)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LaneLog]:
    log = open_log(tmp_path / "lane.db")
    for number in range(1, 11):
        log.append(crossing(number))
    yield log
    log.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    _register(tmp_path / "lanes", LANE, signing_key("lane"))
    ledger = Ledger.open(tmp_path / "ledger.db", HUB, LaneRegister(tmp_path / "lanes"), ToldClock())
    yield ledger
    ledger.close()


def envelope(rows: tuple[RecordRow, ...], lane: str = LANE, key: str = "lane", first: int | None = None) -> bytes:
    pairs = tuple((row.header, row.sealed or b"") for row in rows)
    return encode_envelope(sign_envelope(lane, rows[0].sequence if first is None else first, pairs, signing_key(key)))


def test_rows_are_taken_and_receipted(log: LaneLog, ledger: Ledger) -> None:
    rows = log.outbox.pending(10)
    first, second = ledger.accept(envelope(rows[:6])), ledger.accept(envelope(rows[6:]))
    assert (first.verdict, first.new_rows, second.verdict, second.new_rows) == (Verdict.TAKEN, 6, Verdict.TAKEN, 4)
    assert first.receipt is not None
    assert second.receipt is not None
    for receipt in (first.receipt, second.receipt):
        verify_receipt(receipt, HUB.public_key())
    assert second.receipt.signed_at_ns > first.receipt.signed_at_ns
    assert log.outbox.prune(second.receipt) == 10


def test_repetitions_and_overlaps_change_nothing(log: LaneLog, ledger: Ledger, tmp_path: Path) -> None:
    rows = log.outbox.pending(10)
    ledger.accept(envelope(rows[:6]))
    again = ledger.accept(envelope(rows[:6]))
    assert (again.verdict, again.new_rows) == (Verdict.REPETITION, 0)
    assert again.receipt is not None
    assert again.receipt.sequence == 6
    overlap = ledger.accept(envelope(rows[3:9]))
    assert (overlap.verdict, overlap.new_rows) == (Verdict.TAKEN, 3)
    reader = LedgerReader(tmp_path / "ledger.db")
    assert [arrival.header.sequence for arrival in reader.arrivals()] == list(range(1, 10))
    assert reader.verify(LANE) == ()
    reader.close()


def test_a_gap_is_answered_with_what_is_held(log: LaneLog, ledger: Ledger) -> None:
    rows = log.outbox.pending(10)
    nothing = ledger.accept(envelope(rows[4:6]))
    assert nothing.verdict is Verdict.GAP
    assert nothing.receipt is not None
    assert (nothing.receipt.sequence, nothing.receipt.header_hash) == (0, NO_PREVIOUS)
    ledger.accept(envelope(rows[:2]))
    gap = ledger.accept(envelope(rows[4:6]))
    assert gap.receipt is not None
    assert (gap.verdict, gap.receipt.sequence) == (Verdict.GAP, 2)


def test_a_fork_is_refused_and_raises_one_alarm(log: LaneLog, ledger: Ledger, tmp_path: Path) -> None:
    rows = log.outbox.pending(10)
    ledger.accept(envelope(rows[:5]))
    other = open_log(tmp_path / "other.db")
    for number in range(2, 9):
        other.append(crossing(number))
    forked = other.outbox.pending(10)
    for _ in range(3):
        acceptance = ledger.accept(envelope(forked[2:7]))
        assert (acceptance.verdict, acceptance.new_rows) == (Verdict.FORK, 0)
        assert acceptance.receipt is not None
        with pytest.raises(TrustError):
            other.outbox.prune(acceptance.receipt)
    other.close()
    reader = LedgerReader(tmp_path / "ledger.db")
    assert reader.summary().alarms == ((LANE, 3, "fork"),)
    assert reader.summary().records == ((LANE, 5),)
    reader.close()


def _altered(rows: tuple[RecordRow, ...], place: int, **changes: object) -> tuple[RecordRow, ...]:
    row = rows[place]
    header = encode_header(replace(parse_header(row.header), **changes))  # type: ignore[arg-type]  # any field
    return (*rows[:place], replace(row, header=header, noted_hash=header_hash(header)), *rows[place + 1 :])


def test_a_record_that_does_not_fit_the_chain_ends_what_is_taken(log: LaneLog, ledger: Ledger, tmp_path: Path) -> None:
    rows = log.outbox.pending(10)
    broken = [
        _altered(rows, 4, outcome="ADMIT", previous=bytes(32)),
        _altered(rows, 4, lane="UTO-B2"),
        _altered(rows, 4, sequence=9),
        (*rows[:4], replace(rows[4], sealed=b"other"), *rows[5:]),
        (*rows[:4], replace(rows[4], header=b"none"), *rows[5:]),
    ]
    for case in broken:
        acceptance = ledger.accept(envelope(case))
        assert acceptance.verdict is Verdict.BROKEN
        assert acceptance.receipt is not None
        assert acceptance.receipt.sequence == 4
    assert ledger.accept(envelope(rows[4:])).new_rows == 6
    reader = LedgerReader(tmp_path / "ledger.db")
    assert {(lane, sequence, what) for lane, sequence, what in reader.summary().alarms} == {(LANE, 5, "broken")}
    assert reader.verify(LANE) == ()
    reader.close()


def test_strangers_and_forgers_are_refused_counted_and_not_answered(log: LaneLog, ledger: Ledger, tmp_path: Path) -> None:
    rows = log.outbox.pending(3)
    refused = [
        (envelope(rows, key="stranger"), Verdict.BAD_SIGNATURE),
        (envelope(rows, key="hub"), Verdict.BAD_SIGNATURE),
        (envelope(rows, lane="UTO-B2"), Verdict.UNKNOWN_LANE),
        (b"noise", Verdict.MALFORMED),
        (envelope(rows)[:-1], Verdict.MALFORMED),
    ]
    for data, verdict in refused:
        acceptance = ledger.accept(data)
        assert (acceptance.verdict, acceptance.new_rows, acceptance.receipt) == (verdict, 0, None)
    reader = LedgerReader(tmp_path / "ledger.db")
    assert reader.summary().refusals == (("bad_signature", 2), ("malformed", 2), ("unknown_lane", 1))
    assert list(reader.arrivals()) == []
    reader.close()


def test_lanes_may_be_added_and_names_stay_in_their_folder(tmp_path: Path) -> None:
    register = LaneRegister(tmp_path / "lanes")
    with pytest.raises(DeviceError, match="no such folder"):
        register.names()
    _register(tmp_path / "lanes", LANE, signing_key("lane"))
    _register(tmp_path, "outside", signing_key("lane"))
    (tmp_path / "lanes" / "not a lane.pem").write_bytes(b"")
    (tmp_path / "lanes" / "broken.pem").write_bytes(b"no key")
    assert register.names() == (LANE, "broken")
    assert register.key_of(LANE) is register.key_of(LANE)
    for name in ("../outside", "broken", "nobody", "", "x\0y"):
        with pytest.raises(TrustError):
            register.key_of(name)
    (tmp_path / "lanes" / f"{LANE}.pem").unlink()
    with pytest.raises(TrustError, match="not registered"):
        register.key_of(LANE)
    _register(tmp_path / "lanes", LANE, signing_key("another"))
    assert register.key_of(LANE).public_bytes_raw() == signing_key("another").public_key().public_bytes_raw()


def test_a_clock_that_goes_back_does_not_age_receipts(log: LaneLog, tmp_path: Path) -> None:
    _register(tmp_path / "lanes", LANE, signing_key("lane"))
    clock = ToldClock()
    ledger = Ledger.open(tmp_path / "clock.db", HUB, LaneRegister(tmp_path / "lanes"), clock)
    rows = log.outbox.pending(10)
    first = ledger.accept(envelope(rows[:3])).receipt
    clock.now_ns -= 3_600_000_000_000
    second = ledger.accept(envelope(rows[3:])).receipt
    assert first is not None
    assert second is not None
    assert second.signed_at_ns == first.signed_at_ns + 1
    ledger.close()


def test_the_number_of_alarms_is_limited(log: LaneLog, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "ALARM_LIMIT", 2)
    rows = log.outbox.pending(1)
    for number in range(4):
        ledger.accept(envelope(_altered(rows, 0, transaction=f"x{number}", previous=bytes([1] * 32))))
    reader = LedgerReader(tmp_path / "ledger.db")
    assert len(reader.summary().alarms) == 2
    reader.close()


def test_the_holder_of_the_key_opens_what_arrived_and_nobody_else(log: LaneLog, ledger: Ledger, tmp_path: Path) -> None:
    ledger.accept(envelope(log.outbox.pending(10)))
    reader = LedgerReader(tmp_path / "ledger.db")
    arrivals = list(reader.arrivals(last=2))
    assert [arrival.header.sequence for arrival in arrivals] == [9, 10]
    assert open_sealed(arrivals[0], sealing_key()) == {"mrz": "ERIKSSON<<ANNA<MARIA"}
    with pytest.raises(TrustError):
        open_sealed(arrivals[0], sealing_key(hybrid=False))
    assert list(reader.arrivals("UTO-B2")) == []
    assert len(list(reader.arrivals(LANE, last=100))) == 10
    assert b"ERIKSSON" not in b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    reader.close()


def test_damage_in_the_ledger_is_named(log: LaneLog, ledger: Ledger, tmp_path: Path) -> None:
    ledger.accept(envelope(log.outbox.pending(10)))
    ledger.close()
    plain = sqlite3.connect(tmp_path / "ledger.db")
    with plain:
        plain.execute("UPDATE record SET sealed = zeroblob(10) WHERE sequence = 4")
        plain.execute("UPDATE record SET header = zeroblob(10) WHERE sequence = 7")
    plain.close()
    reader = LedgerReader(tmp_path / "ledger.db")
    assert [finding.sequence for finding in reader.verify(LANE)] == [4, 7]
    with pytest.raises(TrustError, match="row 7 is damaged"):
        list(reader.arrivals())
    reader.close()


def test_an_end_that_was_cut_off_is_named(log: LaneLog, ledger: Ledger, tmp_path: Path) -> None:
    """Without its newest records a chain has no fault; the receipt that was given for them has."""
    ledger.accept(envelope(log.outbox.pending(10)))
    ledger.close()
    reader = LedgerReader(tmp_path / "ledger.db")
    assert reader.verify(LANE) == ()
    plain = sqlite3.connect(tmp_path / "ledger.db")
    with plain:
        plain.execute("DELETE FROM record WHERE sequence > 7")
    assert reader.verify(LANE) == (Finding(8, "missing to 10, which was receipted to the lane"),)
    with plain:
        plain.execute("UPDATE receipt SET sequence = 7")
    plain.close()
    assert reader.verify(LANE) == (Finding(7, "another record was receipted to the lane"),)
    assert reader.verify("UTO-B2") == ()
    reader.close()
