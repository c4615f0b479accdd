"""Frozen dataclasses as JSON, back again strictly, and as a JSON Schema: one description, three uses.

Rule: the types of a dataclass are its format. What the schema says, the parser demands, and both are made from the same fields,
so they cannot drift apart. Foreign JSON becomes a value or `MalformedData`; a limit stands at the field (`Limits`), or here.
"""

from __future__ import annotations

import base64
import binascii
import re
import types
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum, IntEnum
from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from egate.model.errors import MalformedData

JsonValue: TypeAlias = "str | int | bool | list[JsonValue] | dict[str, JsonValue] | None"

LONGEST_TEXT = 256
"""Characters of a text: names, codes and sentences of ours."""
MOST_ITEMS = 256
"""Items of a list, where its field names no other limit."""
LARGEST_NUMBER = 2**53 - 1
"""What every reader of JSON holds exactly (RFC 8259 §6)."""
LARGEST_BYTES = 1_048_576
"""Bytes of one file; a whole session may bring no more."""

_DOING = "reading an inspection record"
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
_MOMENT_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"

Shaped = TypeVar("Shaped")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a field takes beside its type: characters of a text, items of a list, bytes, or the largest number; a form of texts.

    `meaning` is the sentence that the schema says about the field.
    """

    meaning: str = ""
    most: int = 0
    form: str = ""


def to_json(value: object) -> JsonValue:
    """The JSON value of a shaped value; enums by their word, moments in UTC, bytes in base64."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if is_dataclass(value):
        return {part.name: to_json(getattr(value, part.name)) for part in fields(value)}
    return _leaf_to_json(value)


def _leaf_to_json(value: object) -> JsonValue:
    match value:
        case Enum():
            return word_of(value)
        case None | bool() | str() | int():
            return value
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case datetime():
            return value.strftime(_MOMENT_FORM)
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no shape")


def word_of(value: Enum) -> str:
    """The word by which an enum's member is written."""
    return value.name.lower() if isinstance(value, IntEnum) or not isinstance(value.value, str) else value.value


def from_json(kind: type[Shaped], value: JsonValue) -> Shaped:
    """A value of this dataclass; MalformedData says where it is not one."""
    found = _read(kind, value, Limits(), "record")
    return found if isinstance(found, kind) else _refuse("record", "of another kind")


def _refuse(where: str, problem: str) -> Any:
    raise MalformedData(_DOING, f"{where}: {problem}")


def _read(kind: Any, value: JsonValue, limits: Limits, where: str) -> object:
    """Dispatch on the type; a message names fields of ours and nothing that is foreign."""
    if get_origin(kind) is Annotated:
        kind, limits = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = (part for part in get_args(kind) if part is not type(None))
        return None if value is None else _read(inner, value, limits, where)
    if get_origin(kind) is tuple:
        return _read_items(get_args(kind)[0], value, limits, where)
    if is_dataclass(kind):
        return _read_fields(kind, value, where)
    return _READERS[_basis(kind)](kind, value, limits, where)


def _basis(kind: type) -> type:
    return Enum if issubclass(kind, Enum) else kind


def _read_items(kind: Any, value: JsonValue, limits: Limits, where: str) -> tuple[object, ...]:
    most = limits.most or MOST_ITEMS
    if not isinstance(value, list) or len(value) > most:
        return tuple(_refuse(where, f"no list of at most {most}"))
    inner = Limits(form=limits.form)
    return tuple(_read(kind, item, inner, f"{where}[{number}]") for number, item in enumerate(value))


def _read_fields(kind: Any, value: JsonValue, where: str) -> object:
    hints = _hints(kind)
    names = list(hints)
    if not isinstance(value, dict) or set(value) != set(names):
        missing = sorted(set(names) - set(value)) if isinstance(value, dict) else []
        return _refuse(where, f"{missing[0]} is missing" if missing else "no object with these fields and no other")
    return kind(**{name: _read(hints[name], value[name], Limits(), f"{where}.{name}") for name in names})


@cache
def _hints(kind: Any) -> dict[str, Any]:  # what a class's annotations are made of has no common type
    """The fields of a dataclass with their types; looking them up anew for each line of a trace costs more than reading it."""
    hints = get_type_hints(kind, include_extras=True)
    return {part.name: hints[part.name] for part in fields(kind)}


def _read_text(_kind: Any, value: JsonValue, limits: Limits, where: str) -> object:
    most = limits.most or LONGEST_TEXT
    if not isinstance(value, str) or len(value) > most:
        return _refuse(where, f"no text of at most {most} characters")
    if limits.form and not re.fullmatch(limits.form, value):
        return _refuse(where, "a text of another form")
    return value


def _read_number(_kind: Any, value: JsonValue, limits: Limits, where: str) -> object:
    most = limits.most or LARGEST_NUMBER
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if fits else _refuse(where, f"no whole number from 0 to {most}")


def _read_flag(_kind: Any, value: JsonValue, _limits: Limits, where: str) -> object:
    return value if isinstance(value, bool) else _refuse(where, "neither true nor false")


def _read_bytes(_kind: Any, value: JsonValue, limits: Limits, where: str) -> object:
    most = limits.most or LARGEST_BYTES
    if not isinstance(value, str) or len(value) > _base64_length(most) or not re.fullmatch(_BASE64[1:-1], value):
        return _refuse(where, f"no base64 of at most {most} bytes")
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error:
        return _refuse(where, "no base64")
    return data if len(data) <= most else _refuse(where, f"no base64 of at most {most} bytes")


def _base64_length(size_bytes: int) -> int:
    return (size_bytes + 2) // 3 * 4


def _read_day(_kind: Any, value: JsonValue, _limits: Limits, where: str) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and re.fullmatch(_DAY, value) else _refuse(where, "no date")
    except ValueError:
        return _refuse(where, "no date of the calendar")


def _read_moment(_kind: Any, value: JsonValue, _limits: Limits, where: str) -> object:
    try:
        fits = isinstance(value, str) and re.fullmatch(_MOMENT, value)
        return datetime.strptime(str(value), _MOMENT_FORM).replace(tzinfo=UTC) if fits else _refuse(where, "no moment in UTC")
    except ValueError:
        return _refuse(where, "no moment of the calendar")


def _read_word(kind: Any, value: JsonValue, _limits: Limits, where: str) -> object:
    found = {word_of(member): member for member in kind}
    return found[value] if isinstance(value, str) and value in found else _refuse(where, "none of its words")


_READERS: dict[type, Any] = {
    str: _read_text,
    int: _read_number,
    bool: _read_flag,
    bytes: _read_bytes,
    date: _read_day,
    datetime: _read_moment,
    Enum: _read_word,
}


def schema_of(kind: type, name: str, title: str) -> dict[str, JsonValue]:
    """The JSON Schema (draft 2020-12) of a dataclass; `name` is its identifier."""
    definitions: dict[str, JsonValue] = {}
    root = _schema(kind, Limits(), definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": name,
        "title": title,
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(kind: Any, limits: Limits, definitions: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if get_origin(kind) is Annotated:
        kind, limits = get_args(kind)
        said: dict[str, JsonValue] = {"description": limits.meaning} if limits.meaning else {}
        return said | _schema(kind, limits, definitions)
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = (part for part in get_args(kind) if part is not type(None))
        return {"anyOf": [{"type": "null"}, _schema(inner, limits, definitions)]}
    if get_origin(kind) is tuple:
        items = _schema(get_args(kind)[0], Limits(form=limits.form), definitions)
        return {"type": "array", "maxItems": limits.most or MOST_ITEMS, "items": items}
    if is_dataclass(kind) and isinstance(kind, type):
        return _object_schema(kind, definitions)
    if issubclass(kind, Enum):
        return {"enum": [word_of(member) for member in kind]}
    return _leaf_schema(kind, limits)


def _leaf_schema(kind: type, limits: Limits) -> dict[str, JsonValue]:
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        return {"type": "integer", "minimum": 0, "maximum": limits.most or LARGEST_NUMBER}
    if kind is bytes:
        longest = _base64_length(limits.most or LARGEST_BYTES)
        return {"type": "string", "contentEncoding": "base64", "pattern": _BASE64, "maxLength": longest}
    if kind is datetime:
        return {"type": "string", "format": "date-time", "pattern": _MOMENT}
    if kind is date:
        return {"type": "string", "format": "date", "pattern": _DAY}
    text: dict[str, JsonValue] = {"type": "string", "maxLength": limits.most or LONGEST_TEXT}
    return text | ({"pattern": limits.form} if limits.form else {})


def _object_schema(kind: Any, definitions: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = None  # a place, so that definitions stay in order
        hints = _hints(kind)
        definitions[kind.__name__] = {
            "description": (kind.__doc__ or "").split("\n", maxsplit=1)[0],
            "type": "object",
            "additionalProperties": False,
            "required": [part.name for part in fields(kind)],
            "properties": {part.name: _schema(hints[part.name], Limits(), definitions) for part in fields(kind)},
        }
    return {"$ref": f"#/$defs/{kind.__name__}"}
