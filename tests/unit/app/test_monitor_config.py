"""The [faces] table: ranges, defaults, and what the worker is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from egate.app.config import ConfigError, parse_config
from egate.app.monitor_config import MonitorConfig
from tests.unit.app.test_config import GOOD


def read(text: str) -> MonitorConfig:
    return parse_config(GOOD + text, Path("/etc/egate"), "lane.toml").monitor


def test_a_lane_monitors_unless_it_is_told_not_to() -> None:
    assert read("") == MonitorConfig(200, 4)
    assert read("[faces]\nmonitor_references = 0\n").references == 0
    assert read("[faces]\nmonitor_references = 2000\nmonitor_hours = 72\n") == MonitorConfig(2000, 72)


@pytest.mark.parametrize(
    "line",
    [
        "monitor_references = -1",
        "monitor_references = 2001",
        "monitor_references = true",
        "monitor_references = 1.5",
        "monitor_hours = 0",
        "monitor_hours = 73",
        'monitor_hours = "4"',
        "monitor_days = 1",
    ],
)
def test_what_is_out_of_range_is_refused_by_its_name(line: str) -> None:
    with pytest.raises(ConfigError, match=rf"\[faces\] {line.split(maxsplit=1)[0]}"):
        read(f"[faces]\n{line}\n")


def test_the_worker_is_told() -> None:
    assert MonitorConfig(5, 2).words() == ("--monitor-references", "5", "--monitor-hours", "2")
