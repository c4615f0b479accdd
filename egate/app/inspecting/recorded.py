"""Where a recorded inspection comes from: a file, or the sealed part of a crossing that arrived at the centre."""

from __future__ import annotations

import json
from pathlib import Path

from egate.app.config import ConfigError
from egate.app.inspecting.files import read_input
from egate.app.lane_inspection import unpack
from egate.hub.query import LedgerReader, open_sealed
from egate.inspection.export import LARGEST_RECORD_BYTES, parse_record
from egate.inspection.record import SCHEMA_VERSION, InspectionRecord
from egate.model.crossing import RecordKind
from egate.model.errors import MalformedData
from egate.storage.keys import load_sealing_private
from egate.storage.vault import CentrePrivateKey


def record_of_file(path: Path) -> InspectionRecord:
    """The record in a JSON file; raises ConfigError that names the file."""
    data = read_input(path, "RECORD")
    try:
        return parse_record(data)
    except MalformedData as error:
        newer = _newer_format(data)
        if newer:
            problem = (
                f"a newer version of egate wrote it (format {newer}, this one reads up to {SCHEMA_VERSION}); use that version"
            )
            raise ConfigError(f"{path}: {problem}") from None
        raise ConfigError(f"{path} is no inspection record, or damaged: {error.problem}") from None


def _newer_format(data: bytes) -> int:
    """The format that a record says it has, where it is a newer one than ours; otherwise 0."""
    if len(data) > LARGEST_RECORD_BYTES:
        return 0
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return 0
    schema = content.get("schema") if isinstance(content, dict) else None
    return schema if type(schema) is int and schema > SCHEMA_VERSION else 0


def record_of_crossing(ledger: Path, key_file: Path | None, transaction: str) -> InspectionRecord:
    """The record that was sealed with a crossing; raises ConfigError, DeviceError, TrustError or MalformedData."""
    if key_file is None:
        raise ConfigError("--ledger needs --open KEYFILE: the private sealing key, because the record is sealed")
    key = load_sealing_private(key_file)
    reader = LedgerReader(ledger)
    try:
        return _find(reader, key, transaction)
    finally:
        reader.close()


def _find(reader: LedgerReader, key: CentrePrivateKey, transaction: str) -> InspectionRecord:
    for arrival in reader.arrivals():
        if arrival.header.kind is RecordKind.CROSSING and arrival.header.transaction == transaction:
            opened = open_sealed(arrival, key)
            packed = opened.get("inspection") if isinstance(opened, dict) else None
            if not isinstance(packed, bytes):
                raise ConfigError(f"the crossing {transaction} was recorded without an inspection record")
            return unpack(packed)
    raise ConfigError(f"the ledger has no crossing {transaction}; `egate crossings --json` shows each with its transaction")
