"""What kind of value each key of a device takes, and which texts a lane can be called by.

Rule: a value of the wrong kind is refused in words when the file is read. It never falls back to a default that nobody chose, and
never reaches a driver (I14).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

KINDS: Mapping[str, type] = {
    "baud": int,
    "fast_baud": int,
    "address": int,
    "max_response_bytes": int,
    "emulated": bool,
    "shared": bool,
}
"""Keys of a device that are no text; all others are."""

MOST_NAME_BYTES = 100
"""A lane's name stands in file names and in what officers sign."""

LANGUAGES = ("en", "de", "ar")
"""What the screens speak."""

_IN_WORDS: Mapping[type, str] = {int: "a whole number", bool: "true or false", str: "a text in quotes"}


def unfit(key: str, value: object) -> str:
    """What a device's key must be, where `value` is of another kind; else nothing."""
    kind = KINDS.get(key, str)
    if type(value) is not kind:
        return f"must be {_IN_WORDS[kind]}"
    return unfit_text(value) if isinstance(value, str) else ""


def unfit_text(text: str) -> str:
    """What no text of the file may be, because it would break a log's line or a path; else nothing."""
    return "" if text.isprintable() else "has a character that cannot be printed"


def unfit_name(name: str) -> str:
    """Why a lane cannot be called so; else nothing."""
    if len(name.encode("utf-8", "replace")) > MOST_NAME_BYTES:
        return f"is longer than {MOST_NAME_BYTES} bytes"
    return "has a slash, and stands in file names" if "/" in name else ""


class Plugged(Protocol):
    """A device of the file: where it is plugged in, and its options."""

    @property
    def port(self) -> Path:
        """Its port; without meaning where a `name` is given."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Its other keys."""


def shared_place(files: Mapping[str, Path], devices: Mapping[str, Plugged | None]) -> tuple[str, str] | None:
    """Two keys that name one place: a port may be one device's only (L1), a file have one purpose. None where there are none."""
    plugged = {name: device for name, device in devices.items() if device is not None and "name" not in device.options}
    places = {f"[paths] {key}": path for key, path in files.items()}
    seen: dict[Path, str] = {}
    for key, place in (places | {f"[devices.{name}] port": device.port for name, device in plugged.items()}).items():
        if place in seen:
            return seen[place], key
        seen[place] = key
    return None
