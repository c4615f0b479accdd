"""`egate crossings`: lists what arrived at the centre; personal data only to whoever brings the sealing key."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from egate.hub.query import Arrival, LedgerReader, open_sealed
from egate.model.errors import EgateError
from egate.storage.cbor import CborValue
from egate.storage.keys import load_sealing_private
from egate.storage.vault import CentrePrivateKey

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"

DAMAGED = 1
"""Exit status when --verify finds something."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate crossings`."""
    parser.add_argument("--ledger", metavar="PATH", type=Path, required=True, help="the centre's ledger")
    parser.add_argument("--lane", default="", metavar="NAME", help="only this lane")
    parser.add_argument("--last", type=int, default=0, metavar="N", help="only the newest N records")
    parser.add_argument(
        "--open", dest="open_with", type=Path, metavar="KEYFILE", help="open the sealed parts with the private sealing key"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a record")
    parser.add_argument("--verify", action="store_true", help="re-hash the ledger instead, and name damaged records")


def run(args: argparse.Namespace) -> int:
    """List or verify; raises DeviceError (no ledger) or TrustError (a key that does not fit, a damaged row)."""
    key = None if args.open_with is None else load_sealing_private(args.open_with)
    reader = LedgerReader(args.ledger)
    try:
        return _verify(reader, args.lane) if args.verify else _list(reader, args, key)
    except BrokenPipeError:
        # Whoever reads us (head, less) has seen enough; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    finally:
        reader.close()


def record_object(arrival: Arrival) -> dict[str, JsonValue]:
    """The clear part of a record as JSON has it; times in ISO 8601 UTC, stages in milliseconds, no personal data."""
    header = arrival.header
    return {
        "time": _time(header.wall_ns),
        "received": _time(arrival.received_ns),
        "lane": header.lane,
        "sequence": header.sequence,
        "kind": header.kind.value,
        "transaction": header.transaction,
        "outcome": header.outcome,
        "because": list(header.because),
        "checks": list(header.checks),
        "stages_ms": {stage.stage: stage.at_ms for stage in header.stages},
        "versions": dict(header.versions),
        "operator": header.operator,
    }


def record_line(arrival: Arrival) -> str:
    """One line for people: time, lane and number, kind, outcome, because, and how long the passage took."""
    header = arrival.header
    took = f"{max(stage.at_ms for stage in header.stages) / 1000:.1f} s" if header.stages else "-"
    reasons = ", ".join(text.rstrip(":") for text in header.because) or "-"
    place = f"{header.lane}/{header.sequence}"
    return f"{_time(header.wall_ns)}  {place:<16}  {header.kind.value:<11}  {header.outcome:<16}  {took:>7}  {reasons}"


def _list(reader: LedgerReader, args: argparse.Namespace, key: CentrePrivateKey | None) -> int:
    for arrival in reader.arrivals(args.lane, args.last):
        if args.json:
            opened = {} if key is None else {"personal": _opened(arrival, key)}
            _say(json.dumps({**record_object(arrival), **opened}, ensure_ascii=False))
        else:
            _say(record_line(arrival))
            _say_opened(arrival, key)
    if not args.json:
        _say_summary(reader)
    sys.stdout.flush()
    return 0


def _verify(reader: LedgerReader, lane: str) -> int:
    status = 0
    for name, count in reader.summary().records:
        if lane in ("", name):
            findings = reader.verify(name)
            for finding in findings:
                _say(f"{name}/{finding.sequence}: {finding.problem}")
            _say(f"{name}: {count} records, {len(findings)} damaged or missing")
            status = DAMAGED if findings else status
    sys.stdout.flush()
    return status


def _say_summary(reader: LedgerReader) -> None:
    summary = reader.summary()
    lanes = ", ".join(f"{lane} {count}" for lane, count in summary.records) or "none"
    _say(f"records: {lanes}")
    for lane, sequence, what in summary.alarms:
        _say(f"ALARM: lane {lane} offered a {what} record {sequence}")
    for reason, times in summary.refusals:
        _say(f"refused: {times} × {reason.replace('_', ' ')}")


def _say_opened(arrival: Arrival, key: CentrePrivateKey | None) -> None:
    if key is None:
        return
    opened = _opened(arrival, key)
    for name, value in opened.items() if isinstance(opened, dict) else (("personal", opened),):
        _say(f"    {name}: {json.dumps(value, ensure_ascii=False)}")


def _opened(arrival: Arrival, key: CentrePrivateKey) -> JsonValue:
    """The opened part; a record sealed to another key says so and does not end the listing."""
    try:
        return _as_json(open_sealed(arrival, key))
    except EgateError as error:
        return f"cannot be opened: {error.problem}"


def _as_json(value: CborValue) -> JsonValue:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, list):
        return [_as_json(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(name): _as_json(entry) for name, entry in value.items()}
    return value


def _time(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
