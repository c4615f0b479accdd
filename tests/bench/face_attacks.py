"""What the attack detection costs: per frame, at the end of a capture, and together with all else that a frame goes through."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from drivers.sim.presentations import FPS, Presentation, presentation
from drivers.sim.scene import Portrait
from egate.faces.engine import FaceEngine, Frame
from egate.faces.pad.session import PadSession
from egate.faces.quality import assess
from tests.bench.row import BenchRow

FRAMES, ROUNDS = 24, 4
SIZE = (720, 960)
FRAME_LIMIT_MS = 80.0  # detect, assess, embed and PAD of one frame, p95
DECISION_LIMIT_MS = 300.0  # from the best frame to the score
FACTS = "limit, FACTS-face §6"


def attack_rows(engine: FaceEngine, photo: Portrait) -> list[BenchRow]:
    """Rows of one engine on one bona fide presentation, on one thread."""
    frames = presentation(Presentation.BONA_FIDE, photo, count=FRAMES, seed=1, size=SIZE)
    whole, alone, ends = [], [], []
    for _ in range(ROUNDS):
        one_whole, one_alone, end = _capture(engine, frames)
        whole += one_whole
        alone += one_alone
        ends.append(end)
    whole.sort()
    p95 = whole[round(0.95 * (len(whole) - 1))]
    return [
        BenchRow("face: frame → faces, quality, template, attack cues (p95)", p95, "ms", FACTS, FRAME_LIMIT_MS),
        BenchRow("face: attack cues of one frame", statistics.median(alone), "ms", "the whole frame", statistics.median(whole)),
        BenchRow("face: attack score at the end of a capture", statistics.median(ends), "ms", FACTS, DECISION_LIMIT_MS),
    ]


def _capture(engine: FaceEngine, frames: Sequence[Frame]) -> tuple[list[float], list[float], float]:
    """Milliseconds of each frame, of the cues in each, and of the result."""
    session = PadSession()
    session.begin(0.0)
    whole, alone = [], []
    for index, frame in enumerate(frames):
        start = time.perf_counter()
        faces = engine.detect(frame)
        assess(frame, faces)
        engine.embed(frame, faces[0])
        before = time.perf_counter()
        session.observe(frame, faces, index / FPS)
        end = time.perf_counter()
        whole.append(1000 * (end - start))
        alone.append(1000 * (end - before))
    start = time.perf_counter()
    session.result(len(frames) // 2)
    return whole, alone, 1000 * (time.perf_counter() - start)
