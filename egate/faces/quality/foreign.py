"""Real OFIQ beside our own measures: what BSI's sample program wrote about pictures, as components of the same names.

OFIQ runs out of process: its program writes one line of text for each picture (`OFIQSampleApp -c CONFIGURATION -i PICTURES -o
TABLE`), its models stay with whoever has them, and a crash in it is nobody's crash here. The loaded worker may start no program,
so this serves evaluation and enrolment, not the live stream. The table comes from outside and is parsed like it: a column that is
missing or a value that is no number is MalformedData.
"""

from __future__ import annotations

import math

from egate.model.errors import MalformedData
from egate.model.face import QualityComponent

MAX_TABLE_CHARACTERS = 64 * 1024 * 1024
"""A hundred thousand pictures."""

SEPARATOR = ";"
SCALAR_SUFFIX = ".scalar"
NOT_ASSESSED = -1
"""What OFIQ writes as the scalar of a component that it could not assess; such a component is left out."""

_DOING = "read the table of OFIQ"


def parse_ofiq_table(text: str) -> dict[str, tuple[QualityComponent, ...]]:
    """The components of each picture by its file name; raises MalformedData."""
    if len(text) > MAX_TABLE_CHARACTERS:
        raise MalformedData(_DOING, f"longer than {MAX_TABLE_CHARACTERS} characters")
    header, *rows = [line.split(SEPARATOR) for line in text.splitlines() if line] or [[]]
    columns = {name: number for number, name in enumerate(header) if name}
    names = [name.removesuffix(SCALAR_SUFFIX) for name in columns if name.endswith(SCALAR_SUFFIX)]
    if not header or not names or any(name not in columns for name in names):
        raise MalformedData(_DOING, "the first line names no measures with their scalars")
    return {row[0]: _components(row, columns, names) for row in rows}


def _components(row: list[str], columns: dict[str, int], names: list[str]) -> tuple[QualityComponent, ...]:
    try:
        parts = [
            QualityComponent(name, float(row[columns[name]]), round(float(row[columns[name + SCALAR_SUFFIX]]))) for name in names
        ]
    except (ValueError, IndexError, OverflowError):
        raise MalformedData(_DOING, "a line has too few values, or one that is no number") from None
    kept = tuple(part for part in parts if part.scalar != NOT_ASSESSED)
    if any(not math.isfinite(part.measure) or not 0 <= part.scalar <= 100 for part in kept):
        raise MalformedData(_DOING, "a scalar outside 0…100, or a measure that is no number")
    return kept
