"""The file of scores that anybody can recompute an evaluation from, without pictures, templates or names.

It holds how many mated and how many non-mated comparisons have each score, so twenty million comparisons are a megabyte. Two
forms with the same content (docs/accuracy.md describes both):

- CSV: lines `# name: value`, then the heading `score,mated,non_mated`, then a line for each score that occurs, rising;
- binary: `EGSCORE1`, the length of a JSON table (u32), the table, the number of rows (u32), rows of (score in hundred-thousandths
  i32, mated u64, non-mated u64), all little-endian.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from egate.faces.evaluation.rates import BINS, LOWEST, STEPS, ScoreCounts
from egate.model.errors import MalformedData

MAX_SCORE_FILE_BYTES = 16 * 1024 * 1024
"""All scores there are, 200,001, take 6 MB."""

MAGIC = b"EGSCORE1"
_FIRST = "# egate scores 1"
_HEADING = "score,mated,non_mated"
_ROW = struct.Struct("<iQQ")
_LOWEST_STEP = round(LOWEST * STEPS)
_TOTALS = ("mated_comparisons", "non_mated_comparisons")
_DOING = "reading a score file"


@dataclass(frozen=True, slots=True)
class ScoreHeader:
    """What the scores are of. `gate_like`: frontal pictures, document portrait against live picture, as at a gate."""

    engine: str
    model_id: str
    data_set: str
    part: str
    gate_like: bool
    identities: int
    pictures: int
    made_on: str


@dataclass(frozen=True, slots=True)
class ScoreFile:
    """Counted scores and what they are of."""

    header: ScoreHeader
    counts: ScoreCounts


def encode_csv(file: ScoreFile) -> bytes:
    """The readable form."""
    lines = [_FIRST]
    lines += [f"# {name}: {_word(value)}" for name, value in _told(file).items()]
    lines.append(_HEADING)
    lines += [f"{step / STEPS:.5f},{mated},{non_mated}" for step, mated, non_mated in _rows(file.counts)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def encode_binary(file: ScoreFile) -> bytes:
    """The compact form."""
    header = json.dumps(_told(file), ensure_ascii=False).encode("utf-8")
    rows = _rows(file.counts)
    body = b"".join(_ROW.pack(*row) for row in rows)
    return MAGIC + struct.pack("<I", len(header)) + header + struct.pack("<I", len(rows)) + body


def parse_score_file(content: bytes) -> ScoreFile:
    """Either form; raises MalformedData."""
    if len(content) > MAX_SCORE_FILE_BYTES:
        raise MalformedData(_DOING, f"more than {MAX_SCORE_FILE_BYTES} bytes")
    try:
        return _parse_binary(content) if content.startswith(MAGIC) else _parse_csv(content.decode("utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, struct.error):
        raise MalformedData(_DOING, "this is no file of scores, or it was cut off") from None


def _told(file: ScoreFile) -> dict[str, Any]:
    """The header with the numbers of comparisons, by which a file that was cut off is known."""
    totals = {name: int(counts.sum()) for name, counts in zip(_TOTALS, (file.counts.mated, file.counts.non_mated), strict=True)}
    return {**asdict(file.header), **totals}


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


def _rows(counts: ScoreCounts) -> list[tuple[int, int, int]]:
    present = np.flatnonzero(counts.mated + counts.non_mated)
    return [(int(at) + _LOWEST_STEP, int(counts.mated[at]), int(counts.non_mated[at])) for at in present]


def _parse_binary(content: bytes) -> ScoreFile:
    at = len(MAGIC)
    (length,) = struct.unpack_from("<I", content, at)
    header = json.loads(content[at + 4 : at + 4 + length])
    (count,) = struct.unpack_from("<I", content, at + 4 + length)
    body = content[at + 8 + length :]
    if len(body) != count * _ROW.size:
        raise ValueError("cut off")
    return _whole(header, list(_ROW.iter_unpack(body)))


def _parse_csv(text: str) -> ScoreFile:
    lines = text.splitlines()
    start = lines.index(_HEADING)
    if lines[0] != _FIRST or not text.endswith("\n"):
        raise ValueError("no score file")
    pairs = (line.removeprefix("# ").split(": ", 1) for line in lines[1:start])
    header: dict[str, Any] = {name: value for name, value in pairs}
    header["gate_like"] = {"yes": True, "no": False}[header["gate_like"]]
    header |= {name: int(header[name]) for name in ("identities", "pictures", *_TOTALS)}
    rows = []
    for line in lines[start + 1 :]:
        score, mated, non_mated = line.split(",")
        rows.append((round(float(score) * STEPS), int(mated), int(non_mated)))
    return _whole(header, rows)


def _whole(header: dict[str, Any], rows: list[tuple[int, int, int]]) -> ScoreFile:
    file = ScoreFile(_header(header), _counts(rows))
    if [header[name] for name in _TOTALS] != [int(file.counts.mated.sum()), int(file.counts.non_mated.sum())]:
        raise ValueError("not as many comparisons as the header says")
    return file


def _header(table: dict[str, Any]) -> ScoreHeader:
    header = ScoreHeader(**{field.name: table[field.name] for field in fields(ScoreHeader)})
    texts = (header.engine, header.model_id, header.data_set, header.part, header.made_on)
    numbers = (header.identities, header.pictures)
    if not all(isinstance(one, str) for one in texts) or not all(type(one) is int and one >= 0 for one in numbers):
        raise ValueError("a header of other kinds")
    if type(header.gate_like) is not bool:
        raise ValueError("gate_like is yes or no")
    return header


def _counts(rows: list[tuple[int, int, int]]) -> ScoreCounts:
    table = np.array(rows, np.int64).reshape(len(rows), 3)
    places = table[:, 0] - _LOWEST_STEP
    if not len(rows) or (np.diff(places) <= 0).any() or places[0] < 0 or places[-1] >= BINS or (table[:, 1:] < 0).any():
        raise ValueError("scores that do not rise, or lie outside")
    mated, non_mated = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    mated[places], non_mated[places] = table[:, 1], table[:, 2]
    return ScoreCounts(mated, non_mated)
