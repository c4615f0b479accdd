"""How fast one face is searched among many, exactly, on one thread; limits from FACTS-face §6, faiss's flat index as the peer.

The faces are directions drawn from a seed: time depends on their number alone. `faiss` is no part of the project; where it is
installed, its exact inner-product index answers the same searches in the same run and must find the same entries.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import Template
from egate.faces.search.gallery import Entry, Gallery, GalleryLabel
from tests.bench.row import BenchRow

ROUNDS = 15
DIMENSION = 128
MOST = 10
THRESHOLD = 0.45
FACTS = "limit, FACTS-face §6"
SIZES = ((100_000, "100 k", 20.0), (1_000_000, "1 M", 100.0))
"""Templates, their number in words, and the limit in milliseconds."""

Rows = NDArray[np.float32]


def rows() -> list[BenchRow]:
    """Every figure of searches, each with its yardstick."""
    found: list[BenchRow] = []
    for count, words, limit in SIZES:
        found += _rows(count, words, limit)
    return found


def _rows(count: int, words: str, limit: float) -> list[BenchRow]:
    vectors = np.random.default_rng(1).standard_normal((count, DIMENSION), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    gallery = Gallery(GalleryLabel("bench", "bench-00000000", DIMENSION), count)
    gallery.add((Entry(str(number)) for number in range(count)), vectors)
    probe = Template(vectors[count // 2].astype(np.float64), 1.0)
    candidates = _median_ms(lambda: gallery.search(probe, THRESHOLD, MOST))
    everybody = _median_ms(lambda: gallery.search(probe, -1.0, MOST))
    product = _median_ms(lambda: vectors @ vectors[count // 2])
    made = [
        BenchRow(f"face search: {words} × 128, candidates above a threshold", candidates, "ms", FACTS, limit),
        BenchRow(f"face search: {words} × 128, the ten best whatever their score", everybody, "ms", FACTS, limit),
        BenchRow(f"face search: {words} × 128", candidates, "ms", "the bare product of NumPy, same run", product),
    ]
    peer = _peer(vectors)
    if peer is not None:
        best = [int(one.entry) for one in gallery.search(probe, -1.0, MOST)]
        if best != peer(vectors[count // 2]):
            raise AssertionError("the peer finds other faces")
        flat = _median_ms(lambda: peer(vectors[count // 2]))
        made.append(BenchRow(f"face search: {words} × 128, ten best", everybody, "ms", "faiss IndexFlatIP, one thread", flat))
    gallery.close()
    return made


def _peer(vectors: Rows) -> Callable[[Rows], list[int]] | None:
    """The ten best by faiss; None where it is not installed."""
    try:
        faiss: Any = importlib.import_module("faiss")
    except ImportError:
        return None
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)

    def search(probe: Rows) -> list[int]:
        return [int(row) for row in index.search(probe[None], MOST)[1][0]]

    return search


def _median_ms(call: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        call()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)
