"""The tables and keys of a gate board's profile, and a reader that lets nothing else pass.

The rule: whatever is wrong ends as one DeviceError that names the key and says what may stand there. The table in
docs/gate-profiles.md is made of `KEYS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from egate.model.errors import DeviceError

LONGEST_TEXT = 600  # signs of a sentence
LONGEST_HEX_BYTES = 255
MOST_ENTRIES = 64  # tables of one kind, values of one list

_FRAMING = {
    "start": "start mark, 1 to 4 bytes in hex",
    "end": "end mark, 0 to 4 bytes in hex (default none)",
    "length": 'whole frame in bytes, marks and check included: a number, a table [….length], or "until_end" (needs `escape`)',
    "checksum": "table [….checksum] (default: no check)",
    "escape": 'one byte that stands before escaped bytes; only with `length = "until_end"` and marks of one byte',
    "escape_xor": "what an escaped byte is combined with by exclusive or (default 20)",
}
KEYS: Mapping[str, Mapping[str, str]] = {
    "profile": {
        "name": "short name: small letters, digits and `-`",
        "title": "maker and model, as on the type plate",
        "source": "where the frames were read: manual and page, or address",
        "complete": "`true` when the board can be a gate unit, of a man-trap or with [barrier] of a lane in one step; then all "
        "that safety needs is demanded",
        "reason": "one sentence: why it is not complete (only, and always, with `complete = false`)",
        "line": "table [line]",
        "command": "table [command]: the frames that we send",
        "answer": "table [answer]: the frames that the board sends (may be missing when none is documented)",
        "answers": "tables [answers.NAME]: the kinds of answer",
        "orders": "tables [orders.NAME]; `unlock_entry`, `unlock_exit`, `lock_entry`, `lock_exit` are what the lane uses; for "
        "lamps and a buzzer, in pairs, `lamp_red_on`, `lamp_red_off`, the same with amber and green, `buzzer_on`, `buzzer_off`",
        "barrier": "table [barrier]: the board has one barrier, which is the one door of a lane in one step",
        "polls": "tables [polls.NAME]: questions for the state; all are asked for each sample, 4 at most",
        "signals": "tables [signals.NAME]: entry_closed, entry_locked, exit_closed, exit_locked (with [barrier] only closed, "
        "locked), persons, emergency, tamper, fault, identity, on_battery, battery_low, object_left, intrusion, obstructed",
        "published": "list [[published]]: at least two frames that the source prints; the profile must make or read them exactly",
    },
    "line": {
        "baud": "speed: 9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600",
        "format": '"8N1", the only one (default)',
        "answer_within_ms": "10 to 130: later, a question counts as unanswered and is asked again (default 80)",
        "pause_ms": "0 to 40: rest before each question (default 0)",
    },
    "command": _FRAMING,
    "answer": {
        **_FRAMING,
        "address_at": "position of the board's address; frames of other boards are dropped",
        "sequence_at": "position of a number that repeats the question's `{sequence}`; other answers are dropped as late",
    },
    "length": {
        "at": "position of the announced length",
        "bytes": "1 or 2 (default 1)",
        "order": '"big" or "little" (default "big")',
        "adds": "what is added to the announced number to get the whole frame in bytes, -8 to 64 (default 0)",
        "longest": "no frame is longer, 4 to 255 bytes (default 64)",
    },
    "checksum": {
        "kind": "none, sum8, sum8_inverted, sum8_to_zero, xor8, crc16_modbus, crc16_xmodem, crc16_ccitt or crc16_aug",
        "begin": "first byte that it covers, 0 to 8 (default 0, the start mark)",
        "order": 'of a CRC\'s two bytes: "big" or "little" (default "big")',
    },
    "answers.NAME": {
        "where": "list of tables: the bytes by which this kind is known; the first that fits is taken (default: every frame)",
        "fields": "tables [answers.NAME.fields.FIELD]",
    },
    "where": {"at": "position", "is": "one byte in hex"},
    "fields.FIELD": {
        "at": "position of the first byte",
        "bytes": "1 to 4 (default 1)",
        "order": '"big" or "little" (default "big")',
        "words": 'what values mean, by hex: { 00 = "closed" }; a value without a word is a fault where a signal depends on it',
    },
    "orders.NAME": {
        "body": "hex pairs and blanks between start mark and check: {address} {length} {sequence} {time}",
        "acknowledge": "kind of answer that acknowledges",
        "refuse": "kind of answer that refuses",
        "time": "table: how {time} is written",
    },
    "time": {
        "unit_ms": "1 to 1000 milliseconds a unit",
        "bytes": "1 or 2 (default 1)",
        "order": '"big" or "little" (default "big")',
    },
    "barrier": {
        "left": "order that opens it to the left for one person",
        "right": "order that opens it to the right for one person",
        "close": "order that closes it",
        "limit": "order with {time} that sets after which time the board closes by itself; sent before a release when it changes",
        "setup": "list of orders that are sent once a session, before anything else (default none)",
    },
    "polls.NAME": {"body": "as in orders, without {time}", "answer": "kind of answer that belongs to it"},
    "signals.NAME": {
        "field": "ANSWER.FIELD",
        "bit": "0 to 31: the bit of the field that is set when the signal is on",
        "is": "list of values in hex with which the signal is on (instead of `bit`)",
        "invert": "`true` turns it round (default false)",
    },
    "published": {
        "frame": "the bytes as printed, in hex",
        "is": '"orders.NAME", "polls.NAME" or "answers.NAME"',
        "address": "the address in it, 0 to 255 (default 1)",
        "time_s": "the time in it, 0 to 10 s (default 0)",
        "sequence": "the sequence number in it, 0 to 255 (default 0)",
        "misprint": "`true` for an example of the source that contradicts its own formula; it must not fit (default false)",
    },
}
"""Every table and key with one sentence."""

WordT = TypeVar("WordT", bound=Enum)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}\s*)*")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def keys_page() -> str:
    """The table of keys for the documentation, in Markdown."""
    lines = ["| table | key | meaning |", "|---|---|---|"]
    lines += [f"| `{table}` | `{key}` | {meaning} |" for table, keys in KEYS.items() for key, meaning in keys.items()]
    return "\n".join(lines) + "\n"


def problem(where: str, sentence: str) -> DeviceError:
    """The only error of this reader."""
    return DeviceError("read the gate profile", f"{where} {sentence}")


def parse_hex(text: object, where: str, shortest: int, longest: int) -> bytes:
    """Bytes from hex pairs."""
    if not isinstance(text, str) or len(text) > 4 * LONGEST_HEX_BYTES or not _HEX.fullmatch(text.strip()):
        raise problem(where, f'must be hex pairs in quotes, like "7E 00"; {shortest} to {longest} bytes')
    data = bytes.fromhex(text)
    if not shortest <= len(data) <= longest:
        raise problem(where, f"has {len(data)} bytes; {shortest} to {longest} are possible")
    return data


class Checked:
    """One table of the file. `path` is how messages call it, `kind` its entry in `KEYS`."""

    def __init__(self, path: str, kind: str, values: object) -> None:
        if not isinstance(values, dict):
            raise problem(path, "must be a table")
        self.path = path
        self._values: dict[str, object] = values
        unknown = sorted(set(values) - set(KEYS[kind]))
        if unknown:
            raise problem(self.at(unknown[0]), f"is not known; keys here are {', '.join(KEYS[kind])}")

    def at(self, key: str) -> str:
        """How messages call a key of this table."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._values

    def raw(self, key: str) -> object:
        """The value as TOML gives it; a missing key is an error."""
        if key not in self._values:
            raise problem(self.at(key), "is missing")
        return self._values[key]

    def text(self, key: str, default: str | None = None) -> str:
        """One sentence or word."""
        value = self.raw(key) if default is None else self._values.get(key, default)
        if not isinstance(value, str) or len(value) > LONGEST_TEXT or (default is None and not value.strip()):
            raise problem(self.at(key), f"must be a text in quotes of 1 to {LONGEST_TEXT} signs")
        return value

    def number(self, key: str, lowest: int, highest: int, default: int | None = None) -> int:
        """A whole number within limits."""
        value = self.raw(key) if default is None else self._values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise problem(self.at(key), f"must be a whole number from {lowest} to {highest}")
        return value

    def seconds(self, key: str, highest: float) -> float:
        """Seconds from 0 to `highest`; 0 when missing."""
        value = self._values.get(key, 0.0)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= highest:
            raise problem(self.at(key), f"must be a number from 0 to {highest:g} (seconds)")
        return float(value)

    def position(self, key: str) -> int | None:
        """A position in a frame, None when the key is missing."""
        return self.number(key, 0, LONGEST_HEX_BYTES - 1) if self.has(key) else None

    def flag(self, key: str, default: bool | None = None) -> bool:
        """True or false."""
        value = self.raw(key) if default is None else self._values.get(key, default)
        if not isinstance(value, bool):
            raise problem(self.at(key), "must be true or false")
        return value

    def word(self, key: str, words: type[WordT], default: WordT | None = None) -> WordT:
        """One of a closed list of words."""
        value = self.raw(key) if default is None else self._values.get(key, default.value)
        for member in words:
            if member.value == value:
                return member
        raise problem(self.at(key), f"must be one of {', '.join(str(member.value) for member in words)}")

    def hex(self, key: str, shortest: int, longest: int, default: str | None = None) -> bytes:
        """Bytes in hex."""
        value = self.raw(key) if default is None else self._values.get(key, default)
        return parse_hex(value, self.at(key), shortest, longest)

    def table(self, key: str, kind: str) -> Checked:
        """A table within this one."""
        return Checked(self.at(key), kind, self.raw(key))

    def tables(self, key: str, kind: str) -> dict[str, Checked]:
        """Tables by name; none when the key is missing."""
        return {name: Checked(f"{self.at(key)}.{name}", kind, value) for name, value in self.named(key).items()}

    def named(self, key: str) -> dict[str, object]:
        """Values by name, names checked."""
        values = self._values.get(key, {})
        if not isinstance(values, dict) or len(values) > MOST_ENTRIES:
            raise problem(self.at(key), f"must be at most {MOST_ENTRIES} tables, each with a name")
        for name in values:
            if not _NAME.fullmatch(name):
                raise problem(self.at(key), "has a name that is not small letters, digits, _ and -")
        return values

    def listed(self, key: str, kind: str) -> list[Checked]:
        """A list of tables; empty when the key is missing."""
        return [Checked(f"{self.at(key)}[{index}]", kind, value) for index, value in enumerate(self.values(key))]

    def values(self, key: str) -> list[object]:
        """A list; empty when the key is missing."""
        values = self._values.get(key, [])
        if not isinstance(values, list) or len(values) > MOST_ENTRIES:
            raise problem(self.at(key), f"must be a list of at most {MOST_ENTRIES} entries")
        return values

    def pairs(self, key: str) -> dict[int, str]:
        """Words by a value in hex; empty when the key is missing."""
        values = self._values.get(key, {})
        if not isinstance(values, dict) or len(values) > 4 * MOST_ENTRIES:
            raise problem(self.at(key), 'must be words by hex value, like { 00 = "closed" }')
        words: dict[int, str] = {}
        for value, word in values.items():
            if not isinstance(word, str) or not 0 < len(word) <= LONGEST_TEXT:
                raise problem(self.at(key), "must have a text for each value")
            words[int.from_bytes(parse_hex(value, self.at(key), 1, 4))] = word
        return words
