"""Templates of a set as one matrix, and all its comparisons in blocks.

An engine's port compares two templates; millions of comparisons need matrices. So the two usual measures are computed here, and
one is used only if it gives the scores that the engine itself gives on drawn pairs: the engine's word counts, not ours.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import FaceEngine, Template
from egate.faces.evaluation.pictures import LABELS, Picture, Role
from egate.faces.evaluation.store import Found, Record
from egate.model.errors import DeviceError

BLOCK_ROWS = 512
"""Rows compared at a time: with 50,000 columns 100 MB."""

TRIED_PAIRS = 200
"""Drawn pairs on which a measure must agree with the engine."""

AGREEMENT = 5e-6
"""How far a measure may be from the engine's score: half of what scores are counted to."""

Matrix = NDArray[np.float32]
Measure = Callable[["TemplateSet", slice], Matrix]


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """The pictures of a set that gave a template. `identity` and each row of `labels` are numbers, −1 where unknown."""

    names: tuple[str, ...]
    vectors: Matrix = field(repr=False)
    norms: NDArray[np.float32] = field(repr=False)
    qualities: NDArray[np.float32] = field(repr=False)
    identity: NDArray[np.int64] = field(repr=False)
    identities: tuple[str, ...] = field(repr=False)
    reference: NDArray[np.bool_] = field(repr=False)
    probe: NDArray[np.bool_] = field(repr=False)
    labels: NDArray[np.int64] = field(repr=False)
    values: tuple[tuple[str, ...], ...]

    @property
    def with_roles(self) -> bool:
        """Whether references and probes are told apart."""
        return not bool((self.reference & self.probe).all())

    def part(self, chosen: NDArray[np.bool_]) -> TemplateSet:
        """The same set with these pictures only."""
        names = tuple(name for name, keep in zip(self.names, chosen, strict=True) if keep)
        return TemplateSet(
            names, self.vectors[chosen], self.norms[chosen], self.qualities[chosen], self.identity[chosen], self.identities,
            self.reference[chosen], self.probe[chosen], self.labels[:, chosen], self.values,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """Scores of some references (rows, by index) against all pictures; `counted` says which are comparisons of the set."""

    rows: NDArray[np.int64]
    scores: Matrix
    counted: NDArray[np.bool_]
    mated: NDArray[np.bool_]


def template_set(pictures: Sequence[Picture], records: Sequence[Record]) -> TemplateSet:
    """The pictures with a template, as matrices; raises DeviceError when there are fewer than two or sizes differ."""
    kept = [(one, record) for one, record in zip(pictures, records, strict=True) if record.found is Found.TEMPLATE]
    if len(kept) < 2 or len({record.vector.size for _, record in kept}) != 1:
        raise DeviceError("evaluating a set of pictures", "fewer than two pictures gave a template of one size")
    people = {name: number for number, name in enumerate(dict.fromkeys(one.identity for one, _ in kept))}
    values = tuple(tuple(sorted({one.labels[at] for one, _ in kept} - {""})) for at in range(len(LABELS)))
    labels = [[values[at].index(one.labels[at]) if one.labels[at] else -1 for one, _ in kept] for at in range(len(LABELS))]
    return TemplateSet(
        names=tuple(one.name for one, _ in kept),
        vectors=np.stack([record.vector for _, record in kept]).astype(np.float32),
        norms=np.array([record.norm for _, record in kept], np.float32),
        qualities=np.array([record.quality for _, record in kept], np.float32),
        identity=np.array([people[one.identity] for one, _ in kept], np.int64),
        identities=tuple(people),
        reference=np.array([one.role is not Role.PROBE for one, _ in kept]),
        probe=np.array([one.role is not Role.REFERENCE for one, _ in kept]),
        labels=np.array(labels, np.int64),
        values=values,
    )


def measure_of(engine: FaceEngine, templates: TemplateSet) -> Measure:
    """The measure that gives this engine's scores; raises DeviceError when none of the known ones does."""
    drawn = random.Random(1)  # noqa: S311 - which pairs are tried is no secret
    count = len(templates.names)
    pairs = [(drawn.randrange(count), drawn.randrange(count)) for _ in range(TRIED_PAIRS)]
    said = np.array([engine.compare(template_at(templates, one), template_at(templates, two)) for one, two in pairs])
    for measure in (cosine, euclidean, euclidean_of_directions):
        ours = np.array([measure(templates, slice(one, one + 1))[0, two] for one, two in pairs])
        if np.allclose(ours, said, rtol=0, atol=AGREEMENT):
            return measure
    raise DeviceError("evaluating a face engine", "its scores are neither a cosine nor 1 − a Euclidean distance of its templates")


def template_at(templates: TemplateSet, at: int) -> Template:
    """One template as the engine's port has it."""
    return Template(templates.vectors[at].astype(np.float64), float(templates.norms[at]))


def cosine(templates: TemplateSet, rows: slice) -> Matrix:
    """The cosine of directions."""
    return templates.vectors[rows] @ templates.vectors.T


def euclidean(templates: TemplateSet, rows: slice) -> Matrix:
    """1 − the distance of the whole vectors."""
    return _distances(templates.vectors * templates.norms[:, None], rows)


def euclidean_of_directions(templates: TemplateSet, rows: slice) -> Matrix:
    """1 − the distance of directions."""
    return _distances(templates.vectors, rows)


def blocks(templates: TemplateSet, measure: Measure) -> Iterator[Block]:
    """Every comparison of the set once: references with probes, or without roles each picture with those after it."""
    order = np.arange(len(templates.names))
    for start in range(0, len(order), BLOCK_ROWS):
        rows = order[start : start + BLOCK_ROWS]
        if templates.with_roles:
            counted = templates.reference[rows][:, None] & templates.probe[None, :]
        else:
            counted = order[None, :] > rows[:, None]
        if counted.any():
            mated = templates.identity[rows][:, None] == templates.identity[None, :]
            yield Block(rows, measure(templates, slice(start, start + len(rows))), counted, mated)


def _distances(vectors: Matrix, rows: slice) -> Matrix:
    """In double precision: small distances are differences of nearly equal squares."""
    wide = vectors.astype(np.float64)
    squares = (wide * wide).sum(axis=1)
    apart = squares[rows][:, None] + squares[None, :] - 2 * (wide[rows] @ wide.T)
    return np.asarray(1.0 - np.sqrt(np.maximum(apart, 0.0)), np.float32)
