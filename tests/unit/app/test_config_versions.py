"""A change of a lane's file undoes itself unless it is confirmed, and a crash at any step loses nothing (T5)."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from egate.app.config import ConfigError
from egate.app.configuring.versions import LONGEST_WAIT_MINUTES, Settled, VersionedFile, load_settled
from egate.model.errors import DeviceError
from tests.unit.app.test_config import GOOD

OLD, NEW, NEWER = (
    GOOD.encode(),
    GOOD.replace("number = 3", "number = 4").encode(),
    GOOD.replace("number = 3", "number = 5").encode(),
)
START_NS = 1_700_000_000_000_000_000
MINUTE_NS = 60 * 10**9
AFTER_NS = START_NS + 11 * MINUTE_NS


@pytest.fixture
def lane(tmp_path: Path) -> VersionedFile:
    (tmp_path / "lane.toml").write_bytes(OLD)
    return VersionedFile(tmp_path / "lane.toml")


def test_a_change_that_is_not_confirmed_is_undone_at_the_next_start(lane: VersionedFile) -> None:
    """T5."""
    pending = lane.apply(NEW, 10, START_NS)
    assert pending is not None
    assert pending.deadline_ns == START_NS + 10 * MINUTE_NS
    assert lane.live.read_bytes() == NEW
    assert load_settled(lane.live, pending.deadline_ns - 1).number == 4
    assert load_settled(lane.live, pending.deadline_ns).number == 3
    assert lane.undone.read_bytes() == NEW
    assert lane.settle(AFTER_NS) is Settled.NOTHING
    assert [path.name for path in lane.live.parent.glob("*.pending")] == []


def test_a_change_that_is_confirmed_stays_and_can_be_taken_back_and_forth(lane: VersionedFile) -> None:
    """T5."""
    lane.apply(NEW, 10, START_NS)
    assert lane.confirm(START_NS + MINUTE_NS)
    assert not lane.confirm(START_NS + MINUTE_NS)
    assert lane.settle(AFTER_NS) is Settled.NOTHING
    assert lane.live.read_bytes() == NEW
    assert lane.rollback()
    assert (lane.live.read_bytes(), lane.undone.read_bytes()) == (OLD, NEW)
    assert lane.rollback()
    assert lane.live.read_bytes() == NEW


def test_a_rollback_before_the_deadline_returns_to_the_confirmed_version(lane: VersionedFile) -> None:
    lane.apply(NEW, 10, START_NS)
    lane.confirm(START_NS)
    lane.apply(NEWER, 10, START_NS)
    assert lane.rollback()
    assert lane.live.read_bytes() == NEW
    assert lane.pending() is None
    assert not lane.rollback()


def test_only_one_change_waits_at_a_time(lane: VersionedFile) -> None:
    lane.apply(NEW, 10, START_NS)
    with pytest.raises(ConfigError, match="an earlier change waits"):
        lane.apply(NEWER, 10, START_NS)
    assert lane.live.read_bytes() == NEW
    assert lane.previous.read_bytes() == OLD


def test_what_cannot_be_applied_changes_nothing(lane: VersionedFile) -> None:
    for new, minutes in ((OLD, 10), (NEW, 0), (NEW, -1), (NEW, LONGEST_WAIT_MINUTES + 1)):
        with pytest.raises(ConfigError):
            lane.apply(new, minutes, START_NS)
    assert [path.name for path in lane.live.parent.iterdir()] == ["lane.toml"]


def test_a_late_confirmation_and_one_of_an_edited_file_are_refused(lane: VersionedFile) -> None:
    lane.apply(NEW, 10, START_NS)
    lane.live.write_bytes(NEWER)
    with pytest.raises(ConfigError, match="edited after it was applied"):
        lane.confirm(START_NS)
    with pytest.raises(ConfigError, match="its time is over"):
        lane.confirm(AFTER_NS)
    assert lane.settle(AFTER_NS) is Settled.ROLLED_BACK
    assert (lane.live.read_bytes(), lane.undone.read_bytes()) == (OLD, NEWER)


def test_a_clock_that_was_set_back_undoes_the_change(lane: VersionedFile) -> None:
    lane.apply(NEW, 10, START_NS)
    assert lane.settle(START_NS - 1) is Settled.ROLLED_BACK
    assert lane.live.read_bytes() == OLD


@pytest.mark.parametrize("marker", [b"", b"{", b"[]", b'{"applied_ns": 1}', b"\xff" * 20, b"[" * 4000])
def test_a_damaged_marker_undoes_the_change(lane: VersionedFile, marker: bytes) -> None:
    lane.apply(NEW, 10, START_NS)
    (lane.live.parent / "lane.toml.pending").write_bytes(marker)
    assert lane.settle(START_NS) is Settled.ROLLED_BACK
    assert lane.live.read_bytes() == OLD


def test_a_marker_with_an_absurd_time_undoes_the_change(lane: VersionedFile) -> None:
    lane.apply(NEW, 10, START_NS)
    marker = lane.live.parent / "lane.toml.pending"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "deadline_ns": START_NS * 2}))
    assert lane.settle(START_NS + 1) is Settled.ROLLED_BACK


def test_the_first_file_holds_at_once(tmp_path: Path) -> None:
    lane = VersionedFile(tmp_path / "lane.toml")
    assert lane.apply(NEW, 10, START_NS) is None
    assert lane.live.read_bytes() == NEW
    assert lane.settle(AFTER_NS) is Settled.NOTHING
    assert not lane.rollback()


def test_mode_and_links_stay(lane: VersionedFile, tmp_path: Path) -> None:
    """The lane's account reads the file after the change as it did before."""
    lane.live.chmod(0o640)
    (tmp_path / "link.toml").symlink_to(lane.live)
    VersionedFile(tmp_path / "link.toml").apply(NEW, 10, START_NS)
    assert (tmp_path / "link.toml").is_symlink()
    assert lane.live.read_bytes() == NEW
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if not path.is_symlink()} == dict.fromkeys(
        ("lane.toml", "lane.toml.previous", "lane.toml.pending"), 0o640
    )


def test_a_lane_that_may_not_write_uses_the_version_before_all_the_same(
    lane: VersionedFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lane.apply(NEW, 10, START_NS)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    assert load_settled(lane.live, AFTER_NS).number == 3
    assert lane.live.read_bytes() == NEW
    assert "using what was before it" in caplog.text


class PowerCut(BaseException):
    """The machine goes out in the middle of a call."""


CALLS = ("open", "fsync", "replace", "unlink", "fchmod")


def failing_at(monkeypatch: pytest.MonkeyPatch, number: int, failure: BaseException, *, after: bool) -> Callable[[], int]:
    """Let the call with that number to the disk fail, before or after it did its work; gives the number of calls so far."""
    seen = 0

    def instead_of(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen != number:
                return original(*args, **named)
            if after:
                original(*args, **named)
            raise failure

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, instead_of(getattr(os, name)))
    return lambda: seen


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("failure", [PowerCut(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("work", ["apply", "confirm", "rollback", "settle"])
def test_nothing_is_lost_whichever_step_fails(tmp_path: Path, work: str, failure: BaseException, *, after: bool) -> None:
    """T5: after a failure at any call, the file is whole, an unconfirmed change still ends, and no version is gone."""
    number, reached = 0, 1
    while reached >= number:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        lane = VersionedFile(folder / "lane.toml")
        lane.live.write_bytes(OLD)
        if work != "apply":
            lane.apply(NEW, 10, START_NS)
        with pytest.MonkeyPatch.context() as patch:
            count = failing_at(patch, number, failure, after=after)
            with contextlib.suppress(PowerCut, DeviceError):
                _do(lane, work)
            reached = count()
        assert lane.live.read_bytes() in (OLD, NEW)
        kept = {path.read_bytes() for path in (lane.live, lane.previous, lane.undone) if path.exists()}
        assert OLD in kept
        assert work == "apply" or NEW in kept
        waiting = lane.pending() is not None
        assert load_settled(lane.live, AFTER_NS).number == (4 if work == "confirm" and not waiting else 3)
        assert lane.settle(AFTER_NS) is Settled.NOTHING
    assert number > 2


def _do(lane: VersionedFile, work: str) -> None:
    if work == "apply":
        lane.apply(NEW, 10, START_NS)
    elif work == "confirm":
        lane.confirm(START_NS)
    elif work == "rollback":
        lane.rollback()
    else:
        lane.settle(AFTER_NS)
