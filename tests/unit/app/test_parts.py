"""Receipts prune only when the centre signed them for this lane; what a disk refused is kept, honest and in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.app.parts import MOST_WAITING, Parts
from egate.app.recording import lane_event_record
from egate.ipc.messages import ReceiptArrived
from egate.model.crossing import Committed, LogRecord, Receipt, RecordKind
from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.storage.keys import load_signing_key
from egate.sync.messages import sign_receipt
from egate.sync.receipt_file import receipt_path, store_receipt
from tests.unit.app.app_bench import REAL, Lane


@pytest.fixture
def parts(lane: Lane) -> Iterator[Parts]:
    lane.parts.open_log()
    yield lane.parts
    lane.parts.log.close()


def centre_key(lane: Lane) -> Ed25519PrivateKey:
    return load_signing_key(lane.place.key("receipts.pem"))


def signed(lane: Lane, held: Committed, key: Ed25519PrivateKey, name: str = "") -> Receipt:
    return sign_receipt(name or lane.parts.config.name, held.sequence, held.header_hash, REAL.wall_ns(), key)


def message(receipt: Receipt) -> ReceiptArrived:
    return ReceiptArrived(
        receipt.lane, receipt.sequence, receipt.header_hash.hex(), receipt.signed_at_ns, receipt.signature.hex()
    )


def test_a_receipt_of_the_centre_prunes(lane: Lane, parts: Parts) -> None:
    for _ in range(3):
        held = parts.append(lane_event_record("start", ()))
    assert parts.depth == 3
    assert parts.take_receipt(message(signed(lane, held, centre_key(lane)))) == 3
    assert parts.depth == parts.log.outbox.depth() == 0


def test_a_forged_receipt_prunes_nothing(lane: Lane, parts: Parts) -> None:
    """Otherwise whoever reaches the socket could make the lane forget what the centre never got."""
    held = parts.append(lane_event_record("start", ()))
    right = signed(lane, held, centre_key(lane))
    forged = (
        signed(lane, held, Ed25519PrivateKey.generate()),
        replace(right, signature=bytes(64)),
        replace(right, signed_at_ns=right.signed_at_ns + 1),
    )
    for receipt in forged:
        with pytest.raises(TrustError):
            parts.take_receipt(message(receipt))
    assert parts.depth == parts.log.outbox.depth() == 1


def test_a_receipt_for_another_lane_prunes_nothing(lane: Lane, parts: Parts) -> None:
    held = parts.append(lane_event_record("start", ()))
    with pytest.raises(TrustError, match="another lane"):
        parts.take_receipt(message(signed(lane, held, centre_key(lane), "UTO-B9")))
    assert parts.log.outbox.depth() == 1


def test_a_receipt_that_is_not_hexadecimal_is_malformed(lane: Lane, parts: Parts) -> None:
    held = parts.append(lane_event_record("start", ()))
    right = message(signed(lane, held, centre_key(lane)))
    with pytest.raises(MalformedData):
        parts.take_receipt(replace(right, header_hash="zz"))
    assert parts.log.outbox.depth() == 1


def _restart_with(lane: Lane, receipt: Receipt) -> None:
    lane.parts.log.close()
    store_receipt(receipt_path(lane.parts.config.database), receipt)
    lane.parts.log_or_none = None
    lane.parts.open_log()


def test_a_receipt_that_waits_at_the_start_is_taken(lane: Lane, parts: Parts) -> None:
    held = parts.append(lane_event_record("start", ()))
    _restart_with(lane, signed(lane, held, centre_key(lane)))
    assert parts.depth == parts.log.outbox.depth() == 0


def test_a_waiting_receipt_of_another_lane_is_left_alone(lane: Lane, parts: Parts) -> None:
    held = parts.append(lane_event_record("start", ()))
    _restart_with(lane, signed(lane, held, centre_key(lane), "UTO-B9"))
    assert parts.depth == parts.log.outbox.depth() == 1


def test_a_forged_receipt_that_waits_at_the_start_prunes_nothing(lane: Lane, parts: Parts) -> None:
    held = parts.append(lane_event_record("start", ()))
    with contextlib.suppress(TrustError):
        _restart_with(lane, signed(lane, held, Ed25519PrivateKey.generate()))
    assert parts.log.outbox.depth() == 1


# -- what a failing disk refused ------------------------------------------------------------------------------------------


def crossing(outcome: str, transaction: str = "t") -> LogRecord:
    return LogRecord(RecordKind.CROSSING, transaction, outcome, because=("face_match:failed:face_differs",))


def test_an_admission_that_was_not_recorded_is_kept_as_a_referral(parts: Parts) -> None:
    parts.keep_for_later(crossing("ADMIT"))
    (kept,) = parts.waiting
    assert kept.outcome == "REFER"
    assert kept.because == ("face_match:failed:face_differs", "lane_health:failed:not_recorded")


def test_anything_else_is_kept_as_it_is(parts: Parts) -> None:
    for record in (crossing("REFER"), lane_event_record("stop", ())):
        parts.keep_for_later(record)
    assert parts.waiting == [crossing("REFER"), lane_event_record("stop", ())]


def test_memory_for_what_waits_is_bounded(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(MOST_WAITING + 3):
        parts.keep_for_later(crossing("REFER", f"t{number}"))
    assert len(parts.waiting) == MOST_WAITING
    assert parts.waiting[0].transaction == "t3"
    assert parts.waiting[-1].transaction == f"t{MOST_WAITING + 2}"
    assert caplog.text.count("a record was lost") == 3


def test_what_waits_is_written_in_its_order(lane: Lane, parts: Parts) -> None:
    for number in range(4):
        parts.keep_for_later(crossing("REFER", f"t{number}"))
    assert parts.catch_up()
    assert parts.waiting == []
    assert parts.depth == 4
    assert [header.transaction for header, _ in lane.records()] == ["t0", "t1", "t2", "t3"]
    assert parts.catch_up()
    assert len(lane.records()) == 4


def test_a_disk_that_still_fails_loses_nothing(lane: Lane, parts: Parts) -> None:
    parts.keep_for_later(crossing("REFER", "t0"))
    lane.refuse_records()
    assert not parts.catch_up()
    with pytest.raises(DeviceError):
        parts.append(crossing("REFER", "t1"))
    assert [record.transaction for record in parts.waiting] == ["t0"]
    lane.take_records()
    assert parts.catch_up()
    assert [header.transaction for header, _ in lane.records()] == ["t0"]


def test_a_full_disk_takes_nothing_even_when_nothing_waits(lane: Lane, parts: Parts) -> None:
    parts.log.reserve(1 << 60)
    assert not parts.catch_up()
    parts.keep_for_later(crossing("REFER", "t0"))
    assert not parts.catch_up()
    assert lane.records() == []


def test_a_log_that_is_not_open_says_so(lane: Lane) -> None:
    assert not lane.parts.log_is_open
    with pytest.raises(DeviceError, match="not open"):
        lane.parts.append(lane_event_record("start", ()))


def test_what_waits_never_shows_in_a_repr(parts: Parts) -> None:
    parts.keep_for_later(replace(crossing("REFER", "TRANSACTIONCANARY"), personal=b"PERSONALCANARY"))
    assert "CANARY" not in repr(parts)


def test_a_spoilt_receipt_beside_the_log_does_not_keep_the_lane_closed(lane: Lane) -> None:
    receipt_path(lane.parts.config.database).write_bytes(b"no receipt at all")
    lane.parts.open_log()
    try:
        assert lane.parts.append(LogRecord(RecordKind.LANE_EVENT, "", "start")).sequence == 1
        assert lane.parts.depth == 1
    finally:
        lane.parts.log.close()


def test_what_waits_is_written_before_anything_newer(lane: Lane, parts: Parts) -> None:
    """An officer's act must not stand in the log before the passage that it clears; the twin found one that did."""
    parts.keep_for_later(lane_event_record("first", ()))
    lane.refuse_records()
    with pytest.raises(DeviceError):
        parts.append(lane_event_record("second", ()))
    lane.take_records()
    parts.append(lane_event_record("second", ()))
    assert parts.waiting == []
    assert [header.outcome for header in lane.headers(RecordKind.LANE_EVENT)] == ["first", "second"]
