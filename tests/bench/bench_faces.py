"""How fast faces are found, judged and compared, on one thread; limits from FACTS-face §6, dlib's pipeline as the peer.

The pictures are drawn gates with a real photograph in front; without the demo's photographs there is nothing to measure.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np

from drivers.sim.scene import live_frames
from egate.app.demo.faces import chip_portrait, ensure_demo_faces, portrait_of
from egate.app.face_worker import make_engine, make_judges
from egate.faces.comparison import FaceTemplates, Judge, compare_faces, probe_templates, reference_templates
from egate.faces.decode import decode_face_image
from egate.faces.engine import FaceEngine, Frame
from egate.faces.quality import assess
from egate.model.errors import DeviceError
from egate.model.face import ComparisonScore
from tests.bench.face_engines import engine_rows
from tests.bench.row import BenchRow

ROUNDS = 15
PEER_ROUNDS = 5
FRAME_LIMIT_MS = 80.0  # detect, assess and embed one frame, p95
TEMPLATE_LIMIT_MS = 100.0  # decode a chip portrait and make its template
DECISION_LIMIT_MS = 300.0  # from the best frame to the score
FACTS = "limit, FACTS-face §6"


def rows() -> list[BenchRow]:
    """Every figure of faces, each with its yardstick; empty when the photographs cannot be had."""
    try:
        faces = ensure_demo_faces()
    except DeviceError:
        return []
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        frame = live_frames(portrait_of(faces.traveller_a[1]), count=2, size=(720, 960), seed=1)[-1]
        return [*_rows(frame, chip_portrait(faces.traveller_a[0])), *engine_rows(frame, _median_ms)]
    finally:
        cv2.setNumThreads(threads)


def _rows(frame: Frame, portrait: bytes) -> list[BenchRow]:
    engine, peer = make_engine("sface"), make_engine("dlib")
    judges = make_judges(("sface", "dlib"), 1000)
    reference = reference_templates(judges, decode_face_image(portrait))
    face = engine.detect(frame)[0]
    decided = reference_templates(judges[:1], decode_face_image(portrait))
    detect = _median_ms(lambda: assess(frame, engine.detect(frame)))
    peer_detect = _median_ms(lambda: peer.detect(frame), PEER_ROUNDS)
    to_score = _median_ms(lambda: _frame_to_score(judges[:1], decided, frame))
    peer_score = _median_ms(lambda: _embed_largest(peer, frame), PEER_ROUNDS)
    chip = _median_ms(lambda: _embed_largest(engine, decode_face_image(portrait)))
    peer_chip = _median_ms(lambda: _embed_largest(peer, decode_face_image(portrait)), PEER_ROUNDS)
    both = _median_ms(lambda: compare_faces(judges, reference, probe_templates(judges, frame, face)), PEER_ROUNDS)
    return [
        BenchRow("face: frame 720×960 → faces and quality", detect, "ms", "dlib HOG on the same frame", peer_detect),
        BenchRow("face: frame → score (median)", to_score, "ms", FACTS, FRAME_LIMIT_MS),
        BenchRow("face: frame → score", to_score, "ms", "dlib HOG + ResNet, same frame", peer_score),
        BenchRow("face: chip portrait (JPEG 2000) → template", chip, "ms", FACTS, TEMPLATE_LIMIT_MS),
        BenchRow("face: chip portrait → template", chip, "ms", "dlib HOG + ResNet, same portrait", peer_chip),
        BenchRow("face: best frame → both scores", both, "ms", FACTS, DECISION_LIMIT_MS),
    ]


def _frame_to_score(judges: tuple[Judge, ...], reference: FaceTemplates, frame: Frame) -> tuple[ComparisonScore, ...]:
    """All that a gate does with a frame: find, assess, embed, compare."""
    faces = judges[0].engine.detect(frame)
    assess(frame, faces)
    return compare_faces(judges, reference, probe_templates(judges, frame, faces[0]))


def _embed_largest(engine: FaceEngine, frame: Frame) -> float:
    return engine.embed(frame, engine.detect(frame)[0]).norm


def _median_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    work()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return float(np.round(statistics.median(taken), 2))
