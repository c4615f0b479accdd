"""Deviation lists of Doc 9303-12 §10: what a State published about documents that it made wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class DeviationList:
    """A verified deviation list of one State. `der` is the whole signed list, from which it can be read again."""

    country: str
    signed: date | None
    der: bytes = field(repr=False)
