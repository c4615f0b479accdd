"""What changed between two files of a lane, key by key, in words that the documentation uses too (T5)."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egate.app.config import NESTED, TABLES
from egate.app.key_texts import looks_like_key
from egate.lane.settings import RANGES, LaneSettings

NOT_SET = "not set"
HIDDEN = "(not shown, it looks like a key)"


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs: values as they are shown, and what the key means."""

    table: str
    key: str
    old: str
    new: str
    meaning: str


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Every key whose value differs, in the order of the documentation, unknown ones last."""
    before, after = _flat(old), _flat(new)
    known = [(table, key) for table, keys in TABLES.items() for key in keys]
    order = {place: number for number, place in enumerate(known)}
    tables = list(TABLES)
    places = sorted(
        (place for place in before.keys() | after.keys() if before.get(place) != after.get(place)),
        key=lambda place: (tables.index(place[0]) if place[0] in TABLES else len(tables), order.get(place, len(order)), place),
    )
    return tuple(Change(*place, _shown(before, place), _shown(after, place), _meaning(*place)) for place in places)


def change_lines(changes: tuple[Change, ...], width: int) -> list[str]:
    """The changes as lines of at most `width` characters where words allow it."""
    lines = []
    for change in changes:
        lines.append(f"[{change.table}] {change.key}" if change.key else f"[{change.table}]")
        for word, value in (("was", change.old), ("now", change.new)):
            lines += textwrap.wrap(value, width, initial_indent=f"  {word}  ", subsequent_indent=" " * 7)
        lines += textwrap.wrap(change.meaning, width, initial_indent="  ", subsequent_indent="  ")
    return lines


def _flat(tree: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Values by table and key; a value outside every table has an empty key."""
    found: dict[tuple[str, str], Any] = {}
    for table, content in tree.items():
        nested = content.items() if table in NESTED and isinstance(content, dict) else [("", content)]
        for device, keys in nested:
            full = f"{table}.{device}" if device else table
            for key, value in keys.items() if isinstance(keys, dict) else [("", keys)]:
                found[(full, str(key))] = value
    return found


def _shown(values: Mapping[tuple[str, str], Any], place: tuple[str, str]) -> str:
    if place not in values:
        return NOT_SET
    value = values[place]
    if any(map(looks_like_key, value if isinstance(value, list) else [value])):
        return HIDDEN
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(character if character.isprintable() else "?" for character in text)


def _meaning(table: str, key: str) -> str:
    """What a key is for; for the lane's timers their range and what holds without them."""
    if table == "timers" and key in RANGES:
        least, most = RANGES[key]
        return f"lane timer, {least:g} to {most:g} seconds (default {getattr(LaneSettings(), key):g}); see docs/lane.md"
    return TABLES.get(table, {}).get(key, "unknown to this version of egate")
