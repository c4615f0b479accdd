"""Every face engine on one frame, on one thread, beside face_recognition as its users call it (rows of `bench_faces`).

The library runs in a process of its own, because importing it loads models that we never load. The ONNX plug is measured with the
gate's own recogniser, its stale inputs stripped; the program's pipe with the sample program of the tests, which drives dlib.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2

from egate.app.clock import SystemClock
from egate.faces.engine import FaceEngine, Frame
from egate.faces.engines.program_engine import ProgramEngine
from egate.faces.engines.registry import make_engine
from egate.faces.weights import DLIB_FIVE_POINTS, DLIB_RESNET, SFACE
from egate.weights import read_weights, weights_path
from tests.bench.row import BenchRow
from tests.onnx_writer import stripped
from tests.unit.faces.engines.descriptions import DLIB_PROGRAM, program_description

ROUNDS = 7
PEER = """
import json, statistics, sys, time
import face_recognition
image = face_recognition.load_image_file(sys.argv[1])
def median(work):
    work()
    taken = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)
found = face_recognition.face_locations(image)
detect = median(lambda: face_recognition.face_locations(image))
print(json.dumps([detect, median(lambda: face_recognition.face_encodings(image, found))]))
"""
LIBRARY = "face_recognition, same frame"


def engine_rows(frame: Frame, median_ms: Callable[[Callable[[], object], int], float]) -> list[BenchRow]:
    """Detection and template of each engine."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        peer_detect, peer_embed = _library(frame, Path(folder))
        for name, engine in _engines(Path(folder)):
            face = engine.detect(frame)[0]
            detect = median_ms(partial(engine.detect, frame), ROUNDS)
            embed = median_ms(partial(engine.embed, frame, face), ROUNDS)
            rows.append(BenchRow(f"engine {name}: detect", detect, "ms", LIBRARY, peer_detect))
            rows.append(BenchRow(f"engine {name}: template", embed, "ms", LIBRARY, peer_embed))
    return rows


def _engines(folder: Path) -> Iterator[tuple[str, FaceEngine]]:
    """The engines one after the other, so that none stands in another's memory."""
    now = SystemClock().monotonic
    for name in ("sface", "dlib", "fused"):
        yield name, make_engine(name, folder, now)
    yield "sface through the ONNX plug", _plug(folder)
    with _program(folder) as engine:
        yield "dlib through a program's pipe", engine


def _plug(folder: Path) -> FaceEngine:
    content = stripped(read_weights(SFACE))
    (folder / "sface.onnx").write_bytes(content)
    (folder / "sface.toml").write_text(
        'name = "plug"\nlicence = "Apache-2.0"\n[recogniser]\npath = "sface.onnx"\nside_px = 112\ncolours = "rgb"\n'
        f'dimension = 128\nmetric = "cosine"\nfold_quantised = true\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
    )
    return make_engine("onnx:sface.toml", folder, SystemClock().monotonic)


@contextmanager
def _program(folder: Path) -> Iterator[FaceEngine]:
    weights = [str(weights_path(DLIB_FIVE_POINTS)), str(weights_path(DLIB_RESNET))]
    text = program_description(DLIB_PROGRAM, weights, model="dlib 20 sample", metric="euclid", answer_ms=5000)
    (folder / "dlib.toml").write_text(text)
    engine = make_engine("program:dlib.toml", folder, SystemClock().monotonic)
    assert isinstance(engine, ProgramEngine)
    try:
        yield engine
    finally:
        engine.close()


def _library(frame: Frame, folder: Path) -> tuple[float, float]:
    """How long face_recognition takes to find and to encode, in milliseconds."""
    cv2.imwrite(str(folder / "frame.png"), frame)
    command = [sys.executable, "-c", PEER, str(folder / "frame.png"), str(ROUNDS)]
    detect, embed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return float(detect), float(embed)
