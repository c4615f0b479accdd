"""Everything that is wrong with a lane's file, listed at once, so that a technician corrects it in one go.

The reader of the file stops at its first refusal, which is right for a lane that starts. Here the refused key is corrected in
a copy in memory and the copy is read again, until nothing is refused; then every part that the lane is wired from is
judged, but for tables that were refused already. No device is opened and no file is changed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egate.app.camera_config import CameraConfig
from egate.app.config import TABLES, ConfigError, LaneConfig, parse_toml, parse_tree
from egate.app.door_config import STAND_IN
from egate.app.face_worker import make_camera
from egate.app.wiring import part_checks
from egate.model.errors import EgateError
from egate.ports import Clock

MOST_PROBLEMS = 100
"""More than this is another file by mistake; the list ends there."""

STAND_INS: Mapping[str, Mapping[str, object]] = {
    "lane": {"name": "LANE"},
    "paths": {"database": "lane.db", "socket": "lane.sock", "frames": "frames"},
    "devices.mrz": {"driver": "mrz_serial", "port": "mrz"},
    "devices.chip": {"driver": "pn532", "port": "chip"},
    "devices.gate": {"driver": "osdp", "port": "gate"},
    "devices.boarding_pass": {"driver": "boarding_pass_serial", "port": "boarding_pass"},
    "camera": {"source": "none"},
    "trust": {"directory": "trust"},
    "officers": {"directory": "officers"},
    "doors.entry": STAND_IN,
    "doors.exit": STAND_IN,
    "keys": {"sealing": "sealing.pub", "receipts": "receipts.pub"},
}
"""What takes the place of a required key that was refused, so that reading goes on; nothing of it is ever used."""

_PLACE = re.compile(r"\[([a-z_]+(?:\.[a-z_]+)?)\](?: ([A-Za-z0-9_-]+))?")
_PORTS = ("devices.mrz", "devices.chip", "devices.gate", "devices.boarding_pass")


@dataclass(frozen=True, slots=True)
class Findings:
    """`problems` stop a lane from starting; `remarks` are true of this machine now: a cable is not plugged in."""

    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def check_text(text: str, base: Path, name: str, clock: Clock) -> Findings:
    """Judge the text of a lane's file whose relative paths start from `base`; never raises for what it says."""
    try:
        tree = copy.deepcopy(dict(parse_toml(text, name)))
    except ConfigError as error:
        return Findings((str(error),))
    problems: list[str] = []
    refused: set[str] = set()
    config: LaneConfig | None = None
    while config is None and len(problems) < MOST_PROBLEMS:
        try:
            config = parse_tree(tree, base, name)
        except ConfigError as error:
            problems.append(str(error).removeprefix(f"{name}: "))
            table = _corrected(tree, str(error).removeprefix(f"{name}: "))
            if table is None:
                break
            refused.add(table)
    if config is None:
        return Findings(tuple(problems))
    problems += [problem for table, judge in _judges(config, clock) if table not in refused for problem in _refusal(table, judge)]
    return Findings(tuple(dict.fromkeys(problems)), _remarks(config, tree, refused))


def _judges(config: LaneConfig, clock: Clock) -> tuple[tuple[str, Callable[[], object]], ...]:
    return (*part_checks(config, clock), ("camera", lambda: _cameras(config)))


def _cameras(config: LaneConfig) -> None:
    """Every camera of the lane made, none opened."""
    cameras = config.cameras or CameraConfig((config.camera,))
    for words in cameras.sources:
        make_camera(words, cameras.controls)


def _refusal(table: str, judge: Callable[[], object]) -> tuple[str, ...]:
    """The one sentence with which a part is refused, with the table where it does not name one; empty when it is not."""
    try:
        judge()
    except (ConfigError, EgateError) as error:
        text = str(error)
        return (text if text.startswith("[") else f"[{table}] {text}",)
    return ()


def _corrected(tree: dict[str, Any], problem: str) -> str | None:
    """Correct in memory what `problem` names; the table's name, None when it names nothing that could be corrected."""
    found = _PLACE.match(problem)
    if found is None:
        return None
    table, key = found[1], found[2] or ""
    content = _table_of(tree, table)
    if table not in TABLES or not isinstance(content, dict) or key not in (*TABLES[table], *content):
        return table if _removed(tree, table) else None
    stand_in = STAND_INS.get(table, {}).get(key)
    before = content.pop(key, None)
    if stand_in is not None:
        content[key] = stand_in
    return table if before != stand_in else None


def _table_of(tree: dict[str, Any], table: str) -> Any:
    """The table to correct, made where it is missing."""
    content: Any = tree
    for part in table.split("."):
        if not isinstance(content, dict):
            return None
        content = content.setdefault(part, {})
    return content


def _removed(tree: dict[str, Any], table: str) -> bool:
    """Take away a table that is unknown, or that is no table."""
    parent, _, last = table.rpartition(".")
    content = tree.get(parent) if parent else tree
    return isinstance(content, dict) and content.pop(last, None) is not None


def _remarks(config: LaneConfig, tree: Mapping[str, Any], refused: set[str]) -> tuple[str, ...]:
    """Ports that are not there now: no fault of the file, but the lane will say so when it starts."""
    remarks = []
    for table, device in zip(_PORTS, (config.mrz, config.chip, config.gate, config.boarding_pass), strict=True):
        given = tree.get("devices", {}).get(table.removeprefix("devices."), {})
        if table not in refused and "port" in given and device is not None and not device.port.exists():
            remarks.append(f"[{table}] port: there is no {given['port']} on this machine now")
    return tuple(remarks)
