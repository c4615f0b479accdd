"""What each door does without power is declared, by a sentence of somebody who tried it (I10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from egate.app.clock import SystemClock
from egate.app.config import ConfigError, parse_config
from egate.app.configuring.checking import check_text
from egate.app.door_config import Fail
from egate.model.lane import Door
from tests.unit.app.test_config import GOOD

BASE = Path("/somewhere")
ENTRY = GOOD[GOOD.index("[doors.entry]") : GOOD.index("[doors.exit]")]
ROUTE = 'fail = "safe"\nescape_route = true'


def test_both_doors_are_declared() -> None:
    doors = parse_config(GOOD, BASE, "lane.toml").doors
    assert (doors[Door.ENTRY].fail, doors[Door.ENTRY].escape_route) == (Fail.SECURE, False)
    assert (doors[Door.EXIT].fail, doors[Door.EXIT].escape_route) == (Fail.SAFE, True)
    assert "tried without power" in doors[Door.EXIT].statement


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (ENTRY, "", r"\[doors.entry\] fail is missing"),
        (ROUTE, 'fail = "secure"\nescape_route = true', r"\[doors.exit\] escape_route is true, but the door stays locked"),
        (
            ROUTE,
            'fail = "secure"\nescape_route = false',
            r"\[doors.exit\] escape_route is false, as for the entry: whoever is inside",
        ),
        (ROUTE, 'fail = "safe"\nescape_route = false', r"\[doors.exit\] escape_route is false, as for the entry"),
        ('fail = "safe"\n', 'fail = "open"\n', r"\[doors.exit\] fail must be one of safe, secure"),
        ('fail = "safe"\n', "", r"\[doors.exit\] fail must be one of"),
        ("escape_route = true\n", "", r"\[doors.exit\] escape_route must be true or false"),
        ("escape_route = true\n", 'escape_route = "yes"\n', r"\[doors.exit\] escape_route must be true or false"),
        ('statement = "Holding magnet, tried without power on 2026-11-02."', "", r"\[doors.exit\] statement must be a sentence"),
        ("Holding magnet, tried without power on 2026-11-02.", "yes", r"\[doors.exit\] statement must be a sentence"),
        ("Holding magnet, tried", "Holding magnet,\\u0007 tried", r"\[doors.exit\] statement must be a sentence"),
        ("Holding magnet", "x" * 600, r"\[doors.exit\] statement must be a sentence"),
        ("[doors.exit]", "[doors.side]", r"\[doors.side\] is unknown"),
        (
            'name = "UTO-A1"',
            'name = "UTO-A1"\ntopology = "one_step"',
            r"\[doors.entry\] is declared, but topology one_step has no",
        ),
    ],
)
def test_a_door_without_a_whole_declaration_is_refused(old: str, new: str, says: str) -> None:
    """I10, I14: an escape route that stays locked without power above all."""
    assert GOOD.count(old) == 1
    with pytest.raises(ConfigError, match=says):
        parse_config(GOOD.replace(old, new), BASE, "lane.toml")


def test_a_check_goes_on_after_a_lane_without_a_way_out(tmp_path: Path) -> None:
    """I10."""
    shut = GOOD.replace(ROUTE, 'fail = "secure"\nescape_route = false').replace("inside_max_s = 60", "inside_max_s = -1")
    found = check_text(shut, tmp_path, "lane.toml", SystemClock()).problems
    assert [problem for problem in found if problem.startswith("[doors.exit] escape_route is false")]
    assert [problem for problem in found if problem.startswith("[timers] inside_max_s")]


def test_a_single_door_is_the_exit() -> None:
    """P1."""
    text = GOOD.replace(ENTRY, "").replace('name = "UTO-A1"', 'name = "UTO-A1"\ntopology = "one_step"')
    assert set(parse_config(text, BASE, "lane.toml").doors) == {Door.EXIT}


def test_emulated_doors_need_no_declaration() -> None:
    bare = GOOD[: GOOD.index("[doors.entry]")].replace('port = "tty/gate"', 'port = "tty/gate"\nemulated = true')
    assert parse_config(bare, BASE, "lane.toml").doors == {}


def test_a_check_lists_what_is_missing_of_both_doors(tmp_path: Path) -> None:
    bare = GOOD[: GOOD.index("[doors.entry]")]
    found = check_text(bare, tmp_path, "lane.toml", SystemClock()).problems
    assert [problem for problem in found if problem.startswith("[doors.entry] fail is missing")]
    assert [problem for problem in found if problem.startswith("[doors.exit] fail is missing")]
    assert len(found) == len(set(found))
