"""Messages to lines and back: one JSON object a line, strict in both directions.

A line is `{"v": 1, "kind": "traveller_view", "body": {…}}`. The rules come from the dataclasses themselves: a field has the
type its annotation says, an enum travels as its value (a check result as its word), a tuple as a list. Whatever else
arrives (an unknown kind, field or word, a number that is none, a field twice, a line too long) is `MalformedData`, so a
message that was decoded can be believed to have the shape that its type promises. A field that has a default may be absent:
that is how a newer contract stays readable. Values of a line never reach an error text; they may be personal data.
"""

from __future__ import annotations

import json
import math
import re
import types
import typing
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum, IntEnum
from functools import cache
from typing import NoReturn, cast

from egate.ipc.messages import PROTOCOL_VERSION, Message
from egate.model.errors import MalformedData

MAX_LINE_BYTES = 1 << 20
"""The longest line a screen accepts: two JPEG faces of 300 kB in base64 fit."""

MAX_WISH_LINE_BYTES = 4096
"""The longest line the controller accepts from a screen: wishes are short."""

MAX_ITEMS = 256
"""The most items in one tuple of a message."""

_MAX_INTEGER = (1 << 63) - 1
_DOING = "decode a message line"

_Reader = Callable[[object], object]


def encode_line(message: Message) -> bytes:
    """The message as one line of ASCII JSON with its newline; raises MalformedData for a number that JSON cannot say."""
    body = _plain(message)
    try:
        text = json.dumps(
            {"v": PROTOCOL_VERSION, "kind": _kind_of(type(message)), "body": body}, separators=(",", ":"), allow_nan=False
        )
    except ValueError:
        raise MalformedData("encode a message line", "a number is not finite") from None
    return text.encode("ascii") + b"\n"


def decode_line(line: bytes, limit_bytes: int = MAX_LINE_BYTES) -> Message:
    """The message of one line (with or without its newline); raises MalformedData and nothing else."""
    if len(line) > limit_bytes:
        _malformed("the line is too long")
    envelope = _parse(line)
    if not isinstance(envelope, dict) or set(envelope) != {"v", "kind", "body"}:
        _malformed("the line is no envelope")
    version = envelope["v"]
    if isinstance(version, bool) or version != PROTOCOL_VERSION:
        _malformed("the protocol version is not ours")
    kind = envelope["kind"]
    message_type = _kinds().get(kind) if isinstance(kind, str) else None
    if message_type is None:
        _malformed("the kind is unknown")
    return cast(Message, _reader_for(message_type)(envelope["body"]))


def _malformed(problem: str) -> NoReturn:
    raise MalformedData(_DOING, problem)


def _parse(line: bytes) -> object:
    """JSON without its loose ends: no duplicate names, no NaN, no endless nesting, no bytes that are not UTF-8."""
    try:
        return json.loads(line.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MalformedData(_DOING, "the line is not JSON") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    named = dict(pairs)
    if len(named) != len(pairs):
        _malformed("a name stands twice")
    return named


def _no_constant(_: str) -> NoReturn:
    _malformed("a number is not finite")


def _kind_of(message_type: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", message_type.__name__).lower()


@cache
def _kinds() -> dict[str, type]:
    return {_kind_of(message_type): message_type for message_type in typing.get_args(Message)}


def _word_of(member: Enum) -> object:
    """How an enum member travels: a check result as its word, everything else as its value."""
    return member.name.lower() if isinstance(member, IntEnum) else member.value


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return _word_of(value)
    if is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


@cache
def _reader_for(annotation: object) -> _Reader:
    """The function that reads a JSON value as a type; built once for each type from its annotations."""
    plain = _PLAIN_READERS.get(annotation)
    if plain is not None:
        return plain
    origin = typing.get_origin(annotation)
    if origin is tuple:
        return _tuple_reader(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return _optional_reader(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _enum_reader(annotation)
    if isinstance(annotation, type) and is_dataclass(annotation):
        return _dataclass_reader(annotation)
    raise TypeError(f"no rule for a field of type {annotation}")


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        _malformed("a text is missing")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedData(_DOING, "a text is not Unicode") from None
    return value


def _read_integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_INTEGER:
        _malformed("a whole number is missing")
    return value


def _read_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _malformed("a number is missing")
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        _malformed("a number is too large")
    number = float(value)
    if not math.isfinite(number):
        _malformed("a number is not finite")
    return number


def _read_truth(value: object) -> bool:
    if not isinstance(value, bool):
        _malformed("a truth value is missing")
    return value


_PLAIN_READERS: dict[object, _Reader] = {str: _read_text, int: _read_integer, float: _read_number, bool: _read_truth}


def _tuple_reader(item_type: object) -> _Reader:
    read_item = _reader_for(item_type)

    def read(value: object) -> object:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            _malformed("a list is missing or too long")
        return tuple(read_item(item) for item in value)

    return read


def _optional_reader(annotation: object) -> _Reader:
    (some_type,) = (entry for entry in typing.get_args(annotation) if entry is not type(None))
    read_some = _reader_for(some_type)

    def read(value: object) -> object:
        return None if value is None else read_some(value)

    return read


def _enum_reader(enum_type: type[Enum]) -> _Reader:
    members = {_word_of(member): member for member in enum_type}

    def read(value: object) -> object:
        member = members.get(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
        if member is None:
            _malformed(f"a word of {enum_type.__name__} is unknown")
        return member

    return read


def _dataclass_reader(message_type: type) -> _Reader:
    hints = typing.get_type_hints(message_type)
    readers = {entry.name: _reader_for(hints[entry.name]) for entry in fields(message_type)}
    required = {entry.name for entry in fields(message_type) if entry.default is MISSING and entry.default_factory is MISSING}

    def read(value: object) -> object:
        if not isinstance(value, dict) or not required <= set(value) <= set(readers):
            _malformed(f"the fields of {message_type.__name__} are not as agreed")
        return message_type(**{name: readers[name](part) for name, part in value.items()})

    return read
