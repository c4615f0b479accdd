"""What a capture costs: one live frame with everything (find, assess, embed, attack detection), a whole capture, the worker.

The peer is face_recognition as its users call it (`face_locations`, then `face_encodings`, for each frame), by the calls that
library makes of dlib, in the same run. One thread; the pictures are drawn gates with a real photograph in front.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from drivers.sim.scene import live_frames, write_scene
from egate.app.clock import SystemClock
from egate.app.demo.faces import DemoFaces, chip_portrait, ensure_demo_faces, portrait_of
from egate.app.face_client import FaceClient
from egate.app.face_worker import make_detection, make_judges
from egate.faces.comparison import Judge
from egate.faces.engine import FaceEngine, Frame
from egate.faces.health import fault_of
from egate.faces.live import AttackDetection
from egate.faces.quality import assess
from egate.model.errors import DeviceError
from egate.model.face import FaceReference, ImageFormat
from tests.bench.row import BenchRow

ROUNDS = 40
PEER_ROUNDS = 5
FRAME_LIMIT_MS = 80.0
LEAST_PER_SECOND = 12.0
CAPTURE_LIMIT_S = 10.0
READY_LIMIT_S = 2.0
MEMORY_LIMIT_MB = 400.0
LIMIT = "limit, FACTS-face §6"
PEER = "face_recognition's calls of dlib, same frame"


def rows() -> list[BenchRow]:
    """Every figure of a capture; empty when the photographs cannot be had."""
    try:
        faces = ensure_demo_faces()
    except DeviceError:
        return []
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        frames = live_frames(portrait_of(faces.traveller_a[1]), count=12, size=(720, 1280), seed=1)[4:]
        return [*_frame_rows(frames), *asyncio.run(_worker_rows(faces, frames))]
    finally:
        cv2.setNumThreads(threads)


def _frame_rows(frames: list[Frame]) -> list[BenchRow]:
    (judge,) = make_judges(("sface",), 1000)
    detection = make_detection("none")
    detection.begin(0.0)
    taken = [_ms(lambda number=number: _live_frame(judge, detection, frames, number)) for number in range(ROUNDS)][3:]  # type: ignore[misc]  # a default binds the number
    p95 = float(np.percentile(taken, 95))
    peer = statistics.median(_peer_ms(frames[0]))
    return [
        BenchRow("face: live frame 720×1280, everything (p95)", round(p95, 1), "ms", LIMIT, FRAME_LIMIT_MS),
        BenchRow("face: live frame 720×1280, everything (median)", round(statistics.median(taken), 1), "ms", PEER, peer),
        BenchRow("face: time for 12 frames, everything", round(12 * statistics.mean(taken), 1), "ms", LIMIT, 1000.0),
        BenchRow("face: quality of one frame", round(_quality_ms(judge.engine, frames[0]), 2), "ms", "share of the frame", p95),
    ]


def _live_frame(judge: Judge, detection: AttackDetection, frames: list[Frame], number: int) -> None:
    """What the worker does with each frame."""
    frame = frames[number % len(frames)]
    fault_of(frame, frames[(number + 1) % len(frames)])
    faces = judge.engine.detect(frame)
    assess(frame, faces)
    judge.engine.embed(frame, faces[0])
    detection.observe(frame, faces, number / LEAST_PER_SECOND)


def _quality_ms(engine: FaceEngine, frame: Frame) -> float:
    faces = engine.detect(frame)
    return statistics.median(_ms(lambda: assess(frame, faces)) for _ in range(ROUNDS))


def _peer_ms(frame: Frame) -> list[float]:
    """HOG with one doubling at full size, five points and ResNet: what `face_locations` and `face_encodings` run."""
    import dlib

    from egate.faces.weights import DLIB_FIVE_POINTS, DLIB_RESNET
    from egate.weights import weights_path

    rgb = np.ascontiguousarray(frame[:, :, ::-1])
    find, points = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(weights_path(DLIB_FIVE_POINTS)))
    net = dlib.face_recognition_model_v1(str(weights_path(DLIB_RESNET)))

    def once() -> None:
        for box in find(rgb, 1):
            net.compute_face_descriptor(rgb, points(rgb, box), 1)

    return [_ms(once) for _ in range(PEER_ROUNDS)]


async def _worker_rows(faces: DemoFaces, frames: list[Frame]) -> list[BenchRow]:
    with tempfile.TemporaryDirectory() as folder:
        write_scene(Path(folder) / "scene", frames)
        command = (sys.executable, "-m", "egate.app.face_worker", "--camera", f"files:{folder}/scene@30")
        client = FaceClient(command, SystemClock())
        start = time.perf_counter()
        await client.start()
        ready_s = time.perf_counter() - start
        try:
            await client.prepare_reference(FaceReference(chip_portrait(faces.traveller_a[0]), ImageFormat.JPEG2000))
            start = time.perf_counter()
            await client.capture(1, CAPTURE_LIMIT_S, lambda _: None)
            capture_s = time.perf_counter() - start
            memory_mb = _peak_mb(client)
        finally:
            await client.close()
    return [
        BenchRow("face: worker, start to ready", round(ready_s, 2), "s", LIMIT, READY_LIMIT_S),
        BenchRow("face: capture and decision, a good scene", round(capture_s, 2), "s", LIMIT, CAPTURE_LIMIT_S),
        BenchRow("face: worker, most memory after a capture", round(memory_mb, 1), "MB", LIMIT, MEMORY_LIMIT_MB),
    ]


def _peak_mb(client: FaceClient) -> float:
    """The most memory that the worker had resident."""
    worker = client._worker
    if worker is None:
        return float("nan")
    status = Path(f"/proc/{worker._process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def _ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000
