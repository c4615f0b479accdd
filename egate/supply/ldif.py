"""LDIF as the ICAO PKD publishes it: entries read one by one from a stream, so that a large file costs little memory.

Rule: a broken entry is named with its line and left out; the entries around it are still read. Only a file that breaks the limits
as a whole ends the reading (`MalformedData`). Values are bytes; nothing is fetched (a value given as a URL is a fault).

Source: RFC 2849 (version line, comments, folded lines, base64 values, empty line between entries).
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from egate.model.errors import MalformedData

MAXIMUM_ENTRY_BYTES = 16 * 1024 * 1024
"""One entry, base64 included; a deviation list with 169,422 document numbers takes 4 MB. A line may be as long: not all writers
fold lines."""

MAXIMUM_LINES = 500_000
"""Lines of one entry; that list takes 55,000. Each costs memory of its own, however short it is."""

MAXIMUM_ENTRIES = 500_000
"""The whole PKD has some 35,000 entries."""

MAXIMUM_ATTRIBUTES = 256
"""The fullest entry of the PKD has a dozen."""

_DOING = "reading an LDIF file"


@dataclass(frozen=True, slots=True)
class LdifEntry:
    """One entry: its name, the line it starts on (from 1), and its attributes in order, names in lower case."""

    name: str
    line: int
    attributes: tuple[tuple[str, bytes], ...] = field(repr=False)

    def values(self, attribute: str) -> tuple[bytes, ...]:
        """The values of one attribute, whatever options such as `;binary` stand behind its name."""
        wanted = attribute.lower()
        return tuple(value for name, value in self.attributes if name.partition(";")[0] == wanted)


@dataclass(frozen=True, slots=True)
class LdifFault:
    """An entry that could not be read: the line it starts on, its name as far as known, and why."""

    name: str
    line: int
    problem: str


def read_ldif(lines: Iterable[bytes]) -> Iterator[LdifEntry | LdifFault]:
    """The entries of a file, given as its lines with their ends; `bounded_lines` makes them from an open file.

    Raises MalformedData for a file with more entries than allowed.
    """
    count = 0
    for start, raw in _blocks(lines):
        found = _entry(start, raw)
        if found is None:
            continue
        count += 1
        if count > MAXIMUM_ENTRIES:
            raise MalformedData(_DOING, f"more than {MAXIMUM_ENTRIES} entries")
        yield found


def bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a binary file; one longer than an entry may be comes in pieces, so it is never in memory as a whole."""
    return iter(lambda: file.readline(MAXIMUM_ENTRY_BYTES), b"")


def _blocks(lines: Iterable[bytes]) -> Iterator[tuple[int, list[bytes] | None]]:
    """The lines between empty lines, with the number of the first; None instead of lines that are more than an entry may have."""
    block: list[bytes] = []
    size, start = 0, 1
    for number, line in enumerate(lines, start=1):
        text = line.rstrip(b"\r\n")
        if not text:
            if block or size:
                yield start, block if size <= MAXIMUM_ENTRY_BYTES else None
            block, size = [], 0
            continue
        if not size:
            start = number
        size += len(text)
        if len(block) == MAXIMUM_LINES:
            size += MAXIMUM_ENTRY_BYTES
        if size <= MAXIMUM_ENTRY_BYTES:
            block.append(text)
        else:
            block.clear()
    if block or size:
        yield start, block if size <= MAXIMUM_ENTRY_BYTES else None


def _entry(start: int, raw: list[bytes] | None) -> LdifEntry | LdifFault | None:
    """One entry or what is wrong with it; None for a block of comments or the version line alone."""
    if raw is None:
        return LdifFault("", start, f"larger than {MAXIMUM_ENTRY_BYTES} bytes")
    name = ""
    attributes: list[tuple[str, bytes]] = []
    try:
        for line in _unfolded(raw):
            key, value = _attribute(line)
            if key == "dn":
                name = _only_name(name, value)
            elif key != "version" or name:
                attributes.append((key, value))
            else:
                _refuse_other_version(value)
        _refuse_odd(name, attributes)
    except MalformedData as error:
        return LdifFault(name, start, error.problem)
    return LdifEntry(name, start, tuple(attributes)) if name else None


def _only_name(before: str, value: bytes) -> str:
    if before:
        raise MalformedData(_DOING, "two names: the empty line between two entries is missing")
    return _printable(value)


def _refuse_odd(name: str, attributes: list[tuple[str, bytes]]) -> None:
    if attributes and not name:
        raise MalformedData(_DOING, "no name (dn)")
    if len(attributes) > MAXIMUM_ATTRIBUTES:
        raise MalformedData(_DOING, f"more than {MAXIMUM_ATTRIBUTES} attributes")
    if any(key == "changetype" and value.lower() != b"add" for key, value in attributes):
        raise MalformedData(_DOING, "a change that is no addition")


def _unfolded(raw: list[bytes]) -> Iterator[bytes]:
    """Lines put together again (a line that starts with a space goes on from the one above), without comments."""
    parts: list[bytes] = []
    for line in raw:
        if line.startswith(b" "):
            if not parts:
                raise MalformedData(_DOING, "it starts in the middle of a line")
            parts.append(line[1:])
            continue
        if parts and not parts[0].startswith(b"#"):
            yield b"".join(parts)
        parts = [line]
    if parts and not parts[0].startswith(b"#"):
        yield b"".join(parts)


def _attribute(line: bytes) -> tuple[str, bytes]:
    """`name: text`, `name:: base64`; the name in lower case."""
    name, colon, value = line.partition(b":")
    if not colon or not name or not name.isascii():
        raise MalformedData(_DOING, "a line without an attribute name")
    key = name.decode("ascii").strip().lower()
    if value.startswith(b"<"):
        raise MalformedData(_DOING, f"the value of {_printable(name)} stands elsewhere (a URL)")
    if not value.startswith(b":"):
        return key, value.lstrip(b" ")
    try:
        return key, binascii.a2b_base64(value[1:].strip(), strict_mode=True)
    except binascii.Error:
        raise MalformedData(_DOING, f"the value of {_printable(name)} is not base64") from None


def _refuse_other_version(value: bytes) -> None:
    if value.strip() != b"1":
        raise MalformedData(_DOING, "not version 1 of LDIF")


def _printable(value: bytes) -> str:
    """Text for messages and the journal: one line, no control characters, of bounded length."""
    text = value.decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "?" for character in text)[:300]
