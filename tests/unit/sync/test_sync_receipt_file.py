"""The receipt that waits on a file for a controller that does not run."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from egate.model.errors import DeviceError, MalformedData
from egate.sync.messages import sign_receipt
from egate.sync.receipt_file import load_receipt, receipt_path, store_receipt
from tests.record_lane import signing_key


def test_a_stored_receipt_comes_back_and_the_newer_replaces_it(tmp_path: Path) -> None:
    path = receipt_path(tmp_path / "lane.db")
    assert load_receipt(path) is None
    for sequence in (1, 2, 2):
        receipt = sign_receipt("UTO-A1", sequence, bytes(32), sequence, signing_key("hub"))
        store_receipt(path, receipt)
        assert load_receipt(path) == receipt
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["lane.db.receipt"]


def test_a_file_that_is_no_receipt_or_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = receipt_path(tmp_path / "lane.db")
    path.write_bytes(bytes(5000))
    with pytest.raises(MalformedData):
        load_receipt(path)
    path.unlink()
    path.mkdir()
    receipt = sign_receipt("UTO-A1", 1, bytes(32), 1, signing_key("hub"))
    with pytest.raises(DeviceError, match="receipt"):
        load_receipt(path)
    with pytest.raises(DeviceError, match="receipt"):
        store_receipt(path, receipt)
