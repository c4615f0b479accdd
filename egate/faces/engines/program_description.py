"""What an operator writes down about a face program (a vendor's SDK in a process of its own): one page of TOML.

The rule: the program and every file that its results depend on are named with their SHA-256, and the model that the program
calls itself is named too; with another file or another model it is another engine, and the old calibration does not serve it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from egate.faces.engines.calibrated import SignedCalibration, take_calibration
from egate.faces.engines.pinned import MAX_TEXT, Fields, PinnedFile, parse_description

MAX_ARGUMENTS = 32
MAX_FILES = 64
DEFAULT_LIMIT_MS, MAX_LIMIT_MS = 1000, 5000
"""Time for one answer: longer, and a capture of ten seconds sees nothing."""

DEFAULT_START_MS, MAX_START_MS = 10_000, 20_000
"""Time until `ready`: the controller waits 30 s for the whole worker."""

DEFAULT_MEMORY_MB, MIN_MEMORY_MB, MAX_MEMORY_MB = 2048, 64, 3072
"""Address space of the program; the worker's own limit is the most that can be given."""

DOING = "read the description of a face program"


@dataclass(frozen=True, slots=True)
class ProgramLimits:
    """What a program may take."""

    answer_s: float
    start_s: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class ProgramDescription:
    """A program, its arguments, the files it depends on, what it must call itself, and its limits."""

    name: str
    licence: str
    model: str
    program: PinnedFile
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    files: tuple[PinnedFile, ...]
    metric: str
    limits: ProgramLimits
    calibration: SignedCalibration | None
    folder: Path

    @property
    def model_id(self) -> str:
        """The name and eight digits of a hash over everything that may change a score."""
        hashes = [self.program.sha256, *sorted(file.sha256 for file in self.files)]
        told = json.dumps([self.model, self.metric, list(self.arguments), sorted(self.environment), hashes])
        return f"{self.name}-{hashlib.sha256(told.encode('utf-8')).hexdigest()[:8]}"


def parse_program_description(content: bytes, base: Path) -> ProgramDescription:
    """The program that the bytes of a description name, with paths relative to `base`; raises MalformedData."""
    fields = Fields(parse_description(content, DOING), "", DOING)
    name, licence, model = fields.name("name"), fields.text("licence"), fields.text("model")
    metric = fields.choice("metric", ("cosine", "euclid", "program"))
    calibration = take_calibration(fields, base)
    program_fields = Fields(fields.take("program"), "program", DOING)
    program = program_fields.pinned(base)
    arguments, environment = _arguments(program_fields), _environment(program_fields)
    program_fields.end()
    files = _files(fields, base)
    limits = _limits(Fields(fields.take("limits", {}), "limits", DOING))
    fields.end()
    return ProgramDescription(name, licence, model, program, arguments, environment, files, metric, limits, calibration, base)


def _arguments(fields: Fields) -> tuple[str, ...]:
    value = fields.take("arguments", [])
    if not isinstance(value, list) or len(value) > MAX_ARGUMENTS or not all(_is_word(entry) for entry in value):
        raise fields.wrong("arguments", f"must be a list of {MAX_ARGUMENTS} texts at most")
    return tuple(value)


def _environment(fields: Fields) -> tuple[tuple[str, str], ...]:
    value = fields.take("environment", {})
    if not isinstance(value, dict) or len(value) > MAX_ARGUMENTS:
        raise fields.wrong("environment", f"must be a table of {MAX_ARGUMENTS} texts at most")
    for key, entry in value.items():
        if not key or "=" in key or not _is_word(key) or not _is_word(entry):
            raise fields.wrong("environment", "must hold names and texts")
    return tuple(value.items())


def _files(fields: Fields, base: Path) -> tuple[PinnedFile, ...]:
    value = fields.take("files", [])
    if not isinstance(value, list) or len(value) > MAX_FILES:
        raise fields.wrong("files", f"must be a list of {MAX_FILES} tables at most")
    files = []
    for at, entry in enumerate(value):
        entry_fields = Fields(entry, f"files[{at}]", DOING)
        files.append(entry_fields.pinned(base))
        entry_fields.end()
    return tuple(files)


def _limits(fields: Fields) -> ProgramLimits:
    answer_ms = fields.whole("answer_ms", 10, MAX_LIMIT_MS, DEFAULT_LIMIT_MS)
    start_ms = fields.whole("start_ms", 100, MAX_START_MS, DEFAULT_START_MS)
    memory_mb = fields.whole("memory_mb", MIN_MEMORY_MB, MAX_MEMORY_MB, DEFAULT_MEMORY_MB)
    fields.end()
    return ProgramLimits(answer_ms / 1000, start_ms / 1000, memory_mb * 1024 * 1024)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and "\0" not in value
