"""A gallery of faces and the exact search in it: every search compares the probe with every template, and misses none.

What a score is: the scalar product of two templates of unit length, stored as 32-bit floats, added up in 64 bits. The search
multiplies in 32 bits first (memory, not arithmetic, is what a large gallery costs), keeps every template that could reach the
threshold whatever was rounded, and computes those few again in 64 bits. So neither the order of the entries nor the library that
multiplies has a say in what is found. Rules: a gallery serves the engine it was made with and no other; equal scores at the last
place are all returned, never some of them; what is removed is overwritten.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import Template
from egate.faces.search.buffer import Rows, TemplateBuffer
from egate.model.errors import DeviceError, MalformedData

MOST_TEMPLATES = 2_000_000
"""A gigabyte of SFace templates; beyond, a gallery is parted by list."""

MOST_DIMENSIONS = 1024
"""Engines have 128 to 512."""

MOST_PICTURES = 16
"""Templates of one entry; a list gives a handful of pictures of a person at most."""

LONGEST_NAME = 64
"""Characters of an entry, a list or a model: printable ASCII."""

UNIT_TOLERANCE = 1e-3
"""A template's length may differ from 1 by this."""

FIRST_ROOM = 64
"""Rows of a new gallery; it doubles when it is full."""

FEW = 4096
"""So many rows are computed again without narrowing them down first."""

_RUNS = 8
"""Runs for each score that is needed: more make the first look closer, and slower."""

_UNIT_ROUNDOFF = 2.0**-24
"""Of 32-bit floats."""


@dataclass(frozen=True, slots=True)
class GalleryLabel:
    """Which list a gallery is, whose templates it holds and of what dimension; `version` counts up with each publication."""

    list_name: str
    model_id: str
    dimension: int
    version: int = 1

    def __post_init__(self) -> None:
        """Refuse what no gallery can be; raises MalformedData."""
        plain = all(is_plain(text) for text in (self.list_name, self.model_id))
        if not plain or not 1 <= self.dimension <= MOST_DIMENSIONS or self.version < 1:
            raise MalformedData("label a gallery", "a name, a dimension or a version is none")


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody in a gallery: the list's own identifier, which tells nothing by itself, and the last day (None: no end)."""

    entry: str
    expires_on: date | None = None

    def __post_init__(self) -> None:
        """Refuse a name that is none; raises MalformedData."""
        if not is_plain(self.entry):
            raise MalformedData("name an entry of a gallery", f"it is not 1 to {LONGEST_NAME} printable ASCII characters")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry whose best template reached the threshold; `rank` counts from 1, and equal scores have equal ranks."""

    entry: str
    score: float
    rank: int


class Gallery:
    """Templates of one engine in memory. Not for concurrent use: one thread owns it."""

    def __init__(self, label: GalleryLabel, room: int = FIRST_ROOM) -> None:
        if room > MOST_TEMPLATES:
            raise DeviceError("fill a gallery", f"more than {MOST_TEMPLATES} templates")
        self.label = label
        self._buffer = TemplateBuffer(max(room, 1), label.dimension)
        self._entries: list[Entry] = []
        self._pictures: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entry of each row, in the order of the rows."""
        return tuple(self._entries)

    @property
    def rows(self) -> Rows:
        """The templates, one a row; a view that the next change makes stale."""
        return self._buffer.values[: len(self)]

    @property
    def locked(self) -> bool:
        """Whether the templates cannot reach the swap."""
        return self._buffer.locked

    def add(self, entries: Iterable[Entry], templates: NDArray[np.floating]) -> None:
        """Add one template for each entry; several of one name are pictures of one person.

        Raises MalformedData for a template that is none, DeviceError when there is no room; then nothing was added.
        """
        added = tuple(entries)
        rows = checked_rows(templates, self.label.dimension)
        if len(rows) != len(added):
            raise MalformedData("fill a gallery", "entries and templates differ in number")
        self._count_in(added)
        self._make_room(len(self) + len(added))
        self._buffer.values[len(self) : len(self) + len(added)] = rows
        self._entries += added

    def remove(self, entry: str) -> bool:
        """Overwrite every template of an entry; False when there was none."""
        return self._keep(np.array([kept.entry != entry for kept in self._entries], bool)) > 0

    def expire(self, today: date) -> int:
        """Overwrite the templates whose last day is over; how many there were."""
        return self._keep(np.array([kept.expires_on is None or kept.expires_on >= today for kept in self._entries], bool))

    def search(self, probe: Template, threshold: float, most: int) -> tuple[Candidate, ...]:
        """The best `most` entries that reach the threshold, and every further one that equals the last of them.

        Raises MalformedData for a probe that is no template of this dimension.
        """
        vector = checked_rows(np.atleast_2d(probe.vector), self.label.dimension)[0]
        near = self._near(vector, threshold, most)
        scores = np.sum(self._buffer.values[near].astype(np.float64) * vector.astype(np.float64), axis=1)
        best: dict[str, float] = {}
        for row, score in zip(near, scores.tolist(), strict=True):
            if score >= threshold:
                entry = self._entries[row].entry
                best[entry] = max(score, best.get(entry, score))
        return _ranked(best, most)

    def close(self) -> None:
        """Forget everything."""
        self._buffer.wipe()
        self._entries.clear()
        self._pictures.clear()

    def _near(self, vector: Rows, threshold: float, most: int) -> NDArray[np.intp]:
        """Rows that may reach the threshold and belong to the best, as 32-bit scores with their largest error tell."""
        rough = self.rows @ vector
        error = rounding_error(self.label.dimension)
        least = threshold - error
        if len(rough) > FEW:
            least = max(least, reached_by(rough, max(most, 1) * MOST_PICTURES) - 2 * error)
        return np.flatnonzero(rough >= least)

    def _count_in(self, added: tuple[Entry, ...]) -> None:
        pictures = dict(self._pictures)
        for entry in added:
            pictures[entry.entry] = pictures.get(entry.entry, 0) + 1
            if pictures[entry.entry] > MOST_PICTURES:
                raise DeviceError("fill a gallery", f"an entry has more than {MOST_PICTURES} pictures")
        if len(self) + len(added) > MOST_TEMPLATES:
            raise DeviceError("fill a gallery", f"more than {MOST_TEMPLATES} templates")
        self._pictures = pictures

    def _make_room(self, needed: int) -> None:
        if needed <= self._buffer.rows:
            return
        larger = TemplateBuffer(min(MOST_TEMPLATES, max(needed, 2 * self._buffer.rows)), self.label.dimension)
        larger.values[: len(self)] = self.rows
        self._buffer.wipe()
        self._buffer = larger

    def _keep(self, kept: NDArray[np.bool_]) -> int:
        """Close the gaps of the rows that are not kept and zero what is left at the end; how many went."""
        before, staying = len(self), int(kept.sum())
        if staying == before:
            return 0
        self._buffer.values[:staying] = self._buffer.values[:before][kept]
        self._buffer.values[staying:before] = 0
        self._entries = [entry for entry, stays in zip(self._entries, kept, strict=True) if stays]
        self._pictures = {}
        for entry in self._entries:
            self._pictures[entry.entry] = self._pictures.get(entry.entry, 0) + 1
        return before - staying


def reached_by(scores: Rows, needed: int) -> float:
    """A value that at least this many of the scores reach, as high as a quick look tells: −∞ where there are fewer.

    The scores are cut into runs; each run whose highest score reaches the value counts for one.
    """
    run = max(1, len(scores) // (needed * _RUNS))
    highest = scores[: len(scores) // run * run].reshape(-1, run).max(axis=1)
    if len(highest) < needed:
        return -math.inf
    return float(np.partition(highest, len(highest) - needed)[len(highest) - needed])


def rounding_error(dimension: int) -> float:
    """The most that a 32-bit scalar product of two unit templates differs from the true one (γₙ = nu ⁄ (1 − nu), twice)."""
    return 2 * (dimension + 2) * _UNIT_ROUNDOFF * (1 + UNIT_TOLERANCE) ** 2


def checked_rows(templates: NDArray[np.floating], dimension: int) -> Rows:
    """Templates as 32-bit rows; raises MalformedData for another dimension, a length other than 1, or what is no number."""
    rows = np.asarray(templates, np.float32)
    if rows.ndim != 2 or rows.shape[1] != dimension:
        raise MalformedData("read face templates", f"they have not {dimension} values each")
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    if not np.all(np.abs(lengths - 1) <= UNIT_TOLERANCE):  # False for NaN as well
        raise MalformedData("read face templates", "a template is not of unit length")
    return rows


def is_plain(text: str) -> bool:
    """Whether a text can name an entry, a list or a model."""
    return 0 < len(text) <= LONGEST_NAME and text.isascii() and text.isprintable()


def _ranked(best: dict[str, float], most: int) -> tuple[Candidate, ...]:
    """The best first, names in order where scores are equal; whoever equals the last one that is asked for comes too."""
    order = sorted(best.items(), key=lambda found: (-found[1], found[0]))
    if most < 1 or not order:
        return ()
    least = order[min(most, len(order)) - 1][1]
    scores = [score for _, score in order]
    return tuple(Candidate(entry, score, scores.index(score) + 1) for entry, score in order if score >= least)
