"""An inspection record as JSON, and back. The schema is published beside this module as `inspection-record.schema.json`.

Rule: whoever reads a record (an auditor, a replay) reads foreign data: it becomes a record or `MalformedData`, within limits.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from egate.inspection.record import SCHEMA_VERSION, InspectionRecord
from egate.inspection.shape import JsonValue, from_json, schema_of, to_json
from egate.model.errors import MalformedData

LARGEST_RECORD_BYTES = 4 * 1024 * 1024
"""A full record of a large document has a tenth of it."""

SCHEMA_NAME = "inspection-record.schema.json"
_SCHEMA_ID = "urn:egate:inspection-record:1"
_SCHEMA_TITLE = "Inspection of one travel document"
_DOING = "reading an inspection record"


def encode_record(record: InspectionRecord, *, indent: int | None = 2) -> bytes:
    """The record as JSON in UTF-8; `indent` None makes it short."""
    separators = (",", ":") if indent is None else None
    return json.dumps(to_json(record), ensure_ascii=False, indent=indent, separators=separators).encode("utf-8")


def parse_record(data: bytes) -> InspectionRecord:
    """The record of its JSON; raises MalformedData that says where it is not one."""
    if len(data) > LARGEST_RECORD_BYTES:
        raise MalformedData(_DOING, f"longer than {LARGEST_RECORD_BYTES} bytes")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except MalformedData:
        raise
    except (ValueError, RecursionError):
        raise MalformedData(_DOING, "no JSON in UTF-8") from None
    record = from_json(InspectionRecord, value)
    if record.schema != SCHEMA_VERSION:
        raise MalformedData(_DOING, f"of format {record.schema}, this program reads {SCHEMA_VERSION}")
    return record


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # JSON
    """An object whose names occur once: two of them are read differently by different programs."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedData(_DOING, "a name that occurs twice")
    return found


def _no_constant(_name: str) -> Any:  # JSON
    raise MalformedData(_DOING, "a number that is none")


def record_schema() -> dict[str, JsonValue]:
    """The schema, made from the dataclasses of the record."""
    return schema_of(InspectionRecord, _SCHEMA_ID, _SCHEMA_TITLE)


def published_schema() -> dict[str, JsonValue]:
    """The schema as it is published with the package; a test holds it equal to `record_schema`."""
    schema: dict[str, JsonValue] = json.loads(files("egate.inspection").joinpath(SCHEMA_NAME).read_text("utf-8"))
    return schema
