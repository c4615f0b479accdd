"""The diagnostics bundle: what somebody far away needs to help, and nothing that is anybody's business (T6).

The rule is a list of what goes in, not of what stays out: the configuration as tables, without comments and with every value that
is a secret or could be one taken away; counts, never records; reports of commissioning, which hold nothing personal; log files
line by line, and only lines in the form that this program writes, with everything masked that looks like a zone, a number of a
document, a date of birth, or a key. No picture, no database, no key file, no socket is opened.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import platform
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from egate import __version__
from egate.app.commissioning.report import encode_signed, load_signed, moment
from egate.app.config import LaneConfig
from egate.app.devices.places import Machine, Place, camera_places, serial_places
from egate.app.key_texts import looks_like_key
from egate.model.errors import DeviceError, EgateError
from egate.storage.database import free_bytes, open_read_only

LARGEST_LOG_BYTES = 4 * 1024 * 1024
"""Of each log the newest part."""
MOST_LOGS = 20
MOST_REPORTS = 50
LONGEST_LINE = 1000
TAKEN_AWAY = "(taken away)"
MASK = "▒"
PACKAGES = (
    "cryptography",
    "pyserial",
    "numpy",
    "opencv-python-headless",
    "onnxruntime",
    "sqlite-utils",
    "PyQt6",
    "pyscard",
    "cbor2",
)
"""Whose versions matter for a lane."""

_OUR_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [a-z_]+(?:\.[A-Za-z0-9_]+)*: ")
"""How `egate -v` writes: time, level, module. Other lines (a traceback shows values) do not go in."""
_MASKED = tuple(
    re.compile(pattern)
    for pattern in (
        r"[A-Z0-9<]*<<[A-Z0-9<]*",  # a zone or a part of one
        r"\b[A-Z0-9<]{28,}\b",
        r"\b(?:0x)?[0-9a-fA-F]{16,}\b",  # keys, hashes of anything
        r"\b(?:[0-9A-Fa-f]{2}[ :-]){7,}[0-9A-Fa-f]{2}\b",  # bytes of a wire
        r"\b(?=[A-Z0-9]*\d)[A-Z0-9]{8,10}\b",  # numbers of documents
        r"\b(?:19|20)\d\d-?\d\d-?\d\d\b",  # dates
        r"\d{6,}",  # dates of a zone, numbers of persons
        r"\b(?!(?:OSDP|PACE|EMERGENCY|TAMPER|TOML|JSON|SHA|LDIF)\b)[A-Z]{4,}\b",  # names as a zone writes them
        r"[A-Za-z0-9+/]{40,}={0,2}",  # base64
        r"'[^']*'|\"[^\"]*\"",  # what somebody quoted
    )
)
_SECRET_NAMES = re.compile(r"key|secret|password|token|pin|signer|sealing|receipts", re.IGNORECASE)
_KEPT_PATHS = frozenset(
    {"driver", "profile", "boards", "wiring", "units", "source", "name", "port", "language", "inspection", "files"}
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What may go into a bundle: the lane, its file as tables, folders of reports, log files."""

    config: LaneConfig
    tables: Mapping[str, Any]
    reports: tuple[Path, ...] = ()
    logs: tuple[Path, ...] = ()
    machine: Machine = Machine()  # noqa: RUF009 - a frozen value


def bundle(gathered: Gathered, wall_ns: int) -> bytes:
    """The ZIP file, whole in memory; raises DeviceError for a log or a report that was named and cannot be read."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _parts(gathered, wall_ns):
            archive.writestr(name, content)
    return made.getvalue()


def _parts(gathered: Gathered, wall_ns: int) -> Iterable[tuple[str, bytes]]:
    """Names and contents, in the order of reading."""
    yield "README.txt", _readme(gathered, wall_ns)
    yield "configuration.json", _json(redacted(gathered.tables))
    yield "versions.json", _json(versions())
    yield "system.json", _json(system(gathered.config, gathered.machine))
    yield "record.json", _json(record_counts(gathered.config.database))
    yield from _commission_reports(gathered.reports)
    for number, path in enumerate(gathered.logs[:MOST_LOGS], 1):
        yield f"logs/{number:02}-{path.name}", masked_log(_tail(path)).encode("utf-8")


def _readme(gathered: Gathered, wall_ns: int) -> bytes:
    lines = (
        f"Diagnostics of lane {gathered.config.name}, made {moment(wall_ns)} by egate {__version__}.",
        "Personal data and keys are not in it: no records, no pictures, no key files. What could be secret is taken away;",
        "in logs only lines of this program are kept, and what looks like document data or a key is masked.",
    )
    return ("\n".join(lines) + "\n").encode("utf-8")


def redacted(tables: Mapping[str, Any]) -> dict[str, Any]:
    """A lane's file without what could be secret: keys that name secrets, values that look like one, folders of people."""
    return {name: redacted(value) if isinstance(value, dict) else _kept(name, value) for name, value in tables.items()}


def _kept(name: str, value: object) -> object:
    values = value if isinstance(value, list) else [value]
    if _SECRET_NAMES.search(name) or any(map(looks_like_key, values)):
        return TAKEN_AWAY
    if any(isinstance(one, str) and "/" in one and name not in _KEPT_PATHS for one in values):
        return TAKEN_AWAY
    return value


def versions() -> dict[str, str]:
    """What runs here."""
    found = {
        "egate": __version__,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
    }
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def system(config: LaneConfig, machine: Machine) -> dict[str, Any]:
    """Facts of the machine: room, memory, load, ports, cameras. No name of a machine, of an account, or of a network."""
    try:
        free: object = free_bytes(config.database)
    except DeviceError as error:
        free = error.problem
    meminfo = dict(re.findall(r"^(MemTotal|MemAvailable):\s+(\d+) kB", _text(machine.proc / "meminfo"), re.MULTILINE))
    return {
        "free_bytes": free,
        "memory_kib": {name: int(value) for name, value in meminfo.items()},
        "load": list(os.getloadavg()),
        "processors": os.cpu_count(),
        "uptime_s": float((_text(machine.proc / "uptime").split() or ["0"])[0]),
        "serial_ports": [_place(place) for place in serial_places(machine)],
        "cameras": [_place(place) for place in camera_places(machine)],
        "ports_of_the_lane": {
            kind: {"driver": device.driver, "there": device.port.exists()}
            for kind, device in (("mrz", config.mrz), ("chip", config.chip), ("gate", config.gate))
        },
    }


def _place(place: Place) -> dict[str, str]:
    adapter = place.adapter
    return {"stable": str(place.stable or ""), "adapter": adapter.name, "kind": f"{adapter.vendor}:{adapter.product}"}


def record_counts(database: Path) -> dict[str, Any]:
    """How many records and how many wait for the centre; nothing of any of them. Raises nothing."""
    if not database.exists():
        return {"there": False}
    try:
        store = open_read_only(database)
        try:
            counts = {table: next(iter(store.rows(f"SELECT count(*) FROM {table}")))[0] for table in ("record", "outbox")}  # noqa: S608 - fixed names
        finally:
            store.close()
    except EgateError as error:
        return {"there": True, "problem": error.problem}
    return {"there": True, "size_bytes": database.stat().st_size, "rows": counts}


def _commission_reports(places: Iterable[Path]) -> Iterable[tuple[str, bytes]]:
    """Reports of commissioning, parsed and written anew, so that nothing else gets in under their name."""
    for place in places:
        files = sorted(place.glob("commission-*.json"), reverse=True)[:MOST_REPORTS] if place.is_dir() else [place]
        for path in files:
            signed = load_signed(path)
            yield f"commission/{signed.report.stem}.json", encode_signed(signed)


def masked_log(text: str) -> str:
    """Lines of ours, masked; how many others were left out is said at the end."""
    kept, left_out = [], 0
    for line in text.splitlines():
        head = _OUR_LINE.match(line)
        if head is None:
            left_out += 1
            continue
        kept.append(head[0] + masked(line[head.end() : LONGEST_LINE]))
    return "\n".join([*kept, f"({left_out} lines in another form were left out)"]) + "\n"


def masked(words: str) -> str:
    """Words with everything masked that looks like document data or a key."""
    for pattern in _MASKED:
        words = pattern.sub(lambda found: MASK * min(len(found[0]), 8), words)
    return words


def _tail(path: Path) -> str:
    """The newest part of a log; raises DeviceError."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LARGEST_LOG_BYTES))
            return file.read(LARGEST_LOG_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "it cannot be read") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, default=str) + "\n").encode("utf-8")
