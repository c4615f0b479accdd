"""Files of an operator's engine, named by path and SHA-256: read only if they are what the description says.

The rule: the bytes that were hashed are the bytes that are loaded. A path is taken relative to the description that names it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egate.model.errors import DeviceError, MalformedData

MAX_FILE_BYTES = 1024**3
"""No recogniser is larger; a larger file is a mistake, and would not fit the worker."""

MAX_DESCRIPTION_BYTES = 64 * 1024
"""A description is a page of text."""

MAX_TEXT = 200
"""Characters of a name, a licence, a path's last part or a program's words."""

_DIGITS = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file and the SHA-256 that it must have."""

    path: Path
    sha256: str


def check_hash(file: PinnedFile, doing: str) -> bytes:
    """The bytes of a file; raises DeviceError when it is absent, unreadable, too large or another one."""
    name = file.path.name
    try:
        if file.path.stat().st_size > MAX_FILE_BYTES:
            raise DeviceError(doing, f"{name} is larger than {MAX_FILE_BYTES} bytes")
        content = file.path.read_bytes()
    except OSError as error:
        raise DeviceError(doing, f"{name} cannot be read ({error.strerror})") from None
    actual = hashlib.sha256(content).hexdigest()
    if not hmac.compare_digest(actual, file.sha256):
        raise DeviceError(doing, f"{name} has SHA-256 {actual}, the description says {file.sha256}")
    return content


def parse_description(content: bytes, doing: str) -> dict[str, Any]:
    """The table in the bytes of a description; raises MalformedData."""
    if len(content) > MAX_DESCRIPTION_BYTES:
        raise MalformedData(doing, f"more than {MAX_DESCRIPTION_BYTES} bytes")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedData(doing, "no TOML") from None


class Fields:
    """Takes the keys of one table with their kind and range; what nobody took at the end is no key. Raises MalformedData."""

    def __init__(self, table: object, place: str, doing: str) -> None:
        self._place, self._doing = place, doing
        if not isinstance(table, dict):
            raise self.wrong("", "must be a table")
        self._table: dict[str, Any] = dict(table)

    def wrong(self, key: str, how: str) -> MalformedData:
        """The error about a key of this table."""
        name = ".".join(part for part in (self._place, key) if part) or "the description"
        return MalformedData(self._doing, f"{name} {how}")

    def take(self, key: str, default: object = None) -> Any:
        """The raw value of a key; without a default the key must be there."""
        if key not in self._table and default is None:
            raise self.wrong(key, "is missing")
        return self._table.pop(key, default)

    def has(self, key: str) -> bool:
        """Whether a key is there and not yet taken."""
        return key in self._table

    def text(self, key: str, default: str | None = None) -> str:
        """A text of one line, not empty unless that is the default."""
        value = self.take(key, default)
        if not isinstance(value, str) or len(value) > MAX_TEXT or not (value.isprintable() and (value or default == "")):
            raise self.wrong(key, f"must be a text of 1 to {MAX_TEXT} characters")
        return value

    def name(self, key: str) -> str:
        """A short name for records and screens."""
        value = self.text(key)
        if not _NAME.fullmatch(value):
            raise self.wrong(key, "must be a name of small letters, digits and _, 32 at most")
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of some words."""
        value = self.take(key, default)
        if value not in choices:
            raise self.wrong(key, f"must be one of {', '.join(choices)}")
        return str(value)

    def whole(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number in a range."""
        value = self.take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(key, f"must be a whole number from {least} to {most}")
        return value

    def real(self, key: str, least: float, most: float, default: float | None = None) -> float:
        """A number in a range."""
        value = self.take(key, default)
        if not _is_number(value) or not least <= value <= most:
            raise self.wrong(key, f"must be a number from {least:g} to {most:g}")
        return float(value)

    def reals(self, key: str, count: int, default: float | None = None) -> tuple[float, ...]:
        """So many finite numbers; a single number stands for all of them."""
        value = self.take(key, default)
        values = [value] * count if _is_number(value) else value
        if not isinstance(values, list) or len(values) != count or not all(_is_number(entry) for entry in values):
            raise self.wrong(key, f"must be a number or a list of {count} numbers")
        return tuple(float(entry) for entry in values)

    def pinned(self, base: Path) -> PinnedFile:
        """The keys `path` and `sha256` of this table."""
        return PinnedFile(base / self.text("path"), self.digits("sha256"))

    def digits(self, key: str) -> str:
        """32 bytes as 64 hexadecimal digits."""
        value = self.text(key)
        if not _DIGITS.fullmatch(value):
            raise self.wrong(key, "must be 64 small hexadecimal digits")
        return value

    def end(self) -> None:
        """Refuse what is left over."""
        for key in self._table:
            raise self.wrong(key if len(key) <= MAX_TEXT else key[:MAX_TEXT], "is no key")


def _is_number(value: object) -> bool:
    """Whether a value is a finite number of sane size."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9  # NaN compares false
