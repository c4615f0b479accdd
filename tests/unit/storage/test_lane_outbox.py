"""Nothing leaves the outbox but for a receipt, and no receipt empties it that is not for our records."""

from __future__ import annotations

from pathlib import Path

import pytest

from egate.model.crossing import Committed, Receipt
from egate.model.errors import TrustError
from egate.storage.header import NO_PREVIOUS
from egate.storage.log import LaneLog
from egate.sync.messages import sign_receipt
from tests.record_lane import LANE, crossing, open_log, signing_key


def _filled(path: Path, count: int = 5) -> tuple[LaneLog, list[Committed]]:
    log = open_log(path / "lane.db")
    return log, [log.append(crossing(number)) for number in range(1, count + 1)]


def _receipt(sequence: int, held: bytes, signed_at_ns: int) -> Receipt:
    return sign_receipt(LANE, sequence, held, signed_at_ns, signing_key("hub"))


def test_a_receipt_forgets_what_it_covers_and_the_records_stay(tmp_path: Path) -> None:
    log, committed = _filled(tmp_path)
    assert log.outbox.newest_receipt() is None
    receipt = _receipt(3, committed[2].header_hash, 10)
    assert log.outbox.prune(receipt) == 3
    assert [row.sequence for row in log.outbox.pending(9)] == [4, 5]
    assert log.outbox.newest_receipt() == receipt
    assert log.outbox.last_sequence() == 5
    assert log.verify() == ()
    log.close()
    log = open_log(tmp_path / "lane.db")
    assert log.outbox.depth() == 2
    assert log.outbox.prune(_receipt(5, committed[4].header_hash, 11)) == 2
    assert log.outbox.oldest_wall_ns() == 0
    log.close()


def test_a_receipt_for_another_record_prunes_nothing(tmp_path: Path) -> None:
    log, committed = _filled(tmp_path)
    for receipt in (
        _receipt(3, committed[3].header_hash, 10),
        _receipt(6, committed[4].header_hash, 10),
        _receipt(0, committed[0].header_hash, 10),
    ):
        with pytest.raises(TrustError):
            log.outbox.prune(receipt)
    assert log.outbox.depth() == 5
    assert log.outbox.newest_receipt() is None
    log.close()


def test_an_older_or_repeated_receipt_changes_nothing(tmp_path: Path) -> None:
    log, committed = _filled(tmp_path)
    newest = _receipt(4, committed[3].header_hash, 20)
    log.outbox.prune(newest)
    for receipt in (newest, _receipt(2, committed[1].header_hash, 19)):
        assert log.outbox.prune(receipt) == 0
    assert [row.sequence for row in log.outbox.pending(9)] == [5]
    log.close()


def test_a_centre_that_lost_records_gets_them_again(tmp_path: Path) -> None:
    log, committed = _filled(tmp_path)
    log.outbox.prune(_receipt(5, committed[4].header_hash, 20))
    assert log.outbox.prune(_receipt(2, committed[1].header_hash, 21)) == 0
    assert [row.sequence for row in log.outbox.pending(9)] == [3, 4, 5]
    assert log.outbox.prune(_receipt(0, NO_PREVIOUS, 22)) == 0
    assert log.outbox.depth() == 5
    log.close()
