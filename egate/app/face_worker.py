"""The child process that sees faces: `python -m egate.app.face_worker`, started by the controller.

Standard output belongs to the protocol; whatever a library prints goes to standard error with the log. Once everything is
loaded the process gives up what it does not need: memory beyond its limit, core dumps, many files, new privileges. Composition
root of this process: cameras and engines are chosen here by name.
"""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import resource
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

import drivers
from drivers.camera.controls import CameraControls, ExposureMode
from drivers.camera.guided import Adjustable, ExposureGuide, TiltGuide
from drivers.camera.several import FaceBox, Guide, Locate, SeveralCameras, Station
from drivers.camera.tilting import TiltRules
from drivers.camera.watched import PATIENCE, Patience, WatchedCamera
from egate.app.camera_config import CameraConfig, cameras_from_words, path_and_rate
from egate.app.camera_witness import CameraWitness
from egate.app.clock import SystemClock
from egate.faces.comparison import Judge, appoint
from egate.faces.engine import Box, DetectedFace, FaceEngine, FivePoints, Frame, Point
from egate.faces.engines import registry
from egate.faces.live import WorkerParts
from egate.faces.messages import Refused
from egate.faces.monitor.cache import KEY_BYTES as MONITOR_KEY_BYTES
from egate.faces.monitor.cache import ReferenceCache
from egate.faces.pad.challenge import NO_CHALLENGE, PlanKind, draw_plan
from egate.faces.pad.session import PadParts, PadSession
from egate.faces.quality import assess
from egate.faces.worker import ControllerGone, FaceWorker, Pipe
from egate.ipc.frames import FrameWriter
from egate.model.errors import DeviceError, EgateError
from egate.ports import Camera
from egate.system_calls import restrict, working_policy

ADDRESS_SPACE_BYTES = 3 * 1024**3
"""Address space of the process; both engines and OpenCV's buffers stay under half of it."""

OPEN_FILES = 64
"""Descriptors: pipes, camera, preview, and the libraries' own."""

NICENESS = 5
"""Below the controller, which moves doors."""

LOWEST_FPS, HIGHEST_FPS = 1, 120
"""Frames a second that may be asked for; slower, a capture ends before it has seen enough."""

USUAL_POWER_LINE_HZ = 50
"""Mains frequency where the configuration names none."""

LOCATE_SIDE_PX = 320
"""The longer side of the frames in which a face is only placed: a quarter of the time that a detection takes."""

FORGET_EVERY_S = 5.0
"""How much longer than it may a reference is kept at most."""

CHALLENGE_ENTROPY_BYTES = 32
"""What a challenge is drawn from: nobody can know it before."""

PREVIEW_SIDE_PX = 480
"""Side of the preview's square, as large as the kiosk shows it."""

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4

_NO_DEVICES = ("files:", "video:", "none")
"""Cameras that only read."""

log = logging.getLogger("egate.face_worker")


def make_engine(name: str) -> FaceEngine:
    """The engine of that name, descriptions relative to the working folder; raises DeviceError or MalformedData."""
    return registry.make_engine(name, Path(), SystemClock().monotonic)


def make_judges(names: Sequence[str], fmr_ppm: int) -> tuple[Judge, ...]:
    """The judges for the named engines (empty names are left out), deciding first, each warmed up; raises DeviceError."""
    judges = tuple(appoint(make_engine(name), fmr_ppm) for name in dict.fromkeys(names) if name)
    for judge in judges:
        _warm_up(judge.engine)
    return judges


def make_cameras(config: CameraConfig, engine: FaceEngine) -> Camera | None:
    """The lane's cameras as one, each watched; `engine` finds the faces that choose, expose and tilt. Raises DeviceError."""
    single = config.sources[0] if len(config.sources) == 1 else ""
    if single and config.tilting is None and not single.startswith("v4l2:"):
        return make_camera(single, config.controls)
    stations = []
    for words in config.sources:
        controls = config.controls
        if config.tilting is not None:
            controls = replace(controls, tilt_deg=config.tilting.home_deg)
        camera = make_camera(words, controls)
        if camera is None:
            raise DeviceError("choose a camera", "none is no camera beside others")
        stations.append(Station(WatchedCamera(camera, words, _patience(words)), _guides(camera, config)))
    if len(stations) == 1 and not stations[0].guides:
        return stations[0].camera
    return SeveralCameras(stations, locator(engine))


def _patience(words: str) -> Patience:
    """A camera is silent after 400 ms, or after two pictures' time where it was asked for so few."""
    _, fps = path_and_rate(words.partition(":")[2])
    return replace(PATIENCE, silent_s=max(PATIENCE.silent_s, 2 / fps))


def _guides(camera: Camera, config: CameraConfig) -> tuple[Guide, ...]:
    """What follows the traveller with this camera; raises DeviceError for a camera that cannot be set."""
    guides: list[Guide] = []
    by_face = config.controls.exposure is ExposureMode.FACE
    if (by_face or config.tilting is not None) and not isinstance(camera, Adjustable):
        raise DeviceError("choose a camera", "this kind of camera has no exposure and no tilt to set")
    if by_face and isinstance(camera, Adjustable):
        hertz = config.controls.power_line_hz
        guides.append(ExposureGuide(camera, USUAL_POWER_LINE_HZ if hertz is None else hertz))
    if config.tilting is not None and isinstance(camera, Adjustable):
        tilt = config.tilting
        guides.append(TiltGuide(camera, TiltRules(tilt.least_deg, tilt.most_deg, tilt.home_deg, tilt.view_deg)))
    return tuple(guides)


def locator(engine: FaceEngine) -> Locate:
    """Finds faces in a frame that is reduced first: choosing, exposing and tilting need places, not detail."""

    def locate(frame: Frame) -> Sequence[FaceBox]:
        scale = min(1.0, LOCATE_SIDE_PX / max(frame.shape[:2]))
        small = frame if scale == 1.0 else cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return [FaceBox(*(value / scale for value in face.box)) for face in engine.detect(np.asarray(small, np.uint8))]

    return locate


def make_camera(words: str, controls: CameraControls | None = None) -> Camera | None:
    """The camera for `DRIVER:PATH@FPS` (without `@FPS`: 30) or `none`; raises DeviceError for other words."""
    kind, _, rest = words.partition(":")
    if kind == "none":
        return None
    if kind not in drivers.CAMERAS or not rest:
        known = ", ".join(f"{name}:PATH@FPS" for name in sorted(drivers.CAMERAS))
        raise DeviceError("choose a camera", f"{words!r} is none of {known}, none")
    path, fps = path_and_rate(rest)
    if not path or not LOWEST_FPS <= fps <= HIGHEST_FPS:
        raise DeviceError("choose a camera", f"{words!r} needs a path, and {LOWEST_FPS} to {HIGHEST_FPS} frames a second")
    return drivers.make_camera(kind, drivers.CameraSettings(path, fps, controls), _pause)


def make_monitor(judge: Judge, references: int, hours: int) -> ReferenceCache | None:
    """The cache of recent references with a key of this process and a thread that forgets; None for no references.

    Raises DeviceError for bounds that no cache has. The thread must begin before the process is confined.
    """
    if references == 0:
        return None
    try:
        monitor = ReferenceCache(judge, references, hours * 3600.0, secrets.token_bytes(MONITOR_KEY_BYTES))
    except ValueError as error:
        raise DeviceError("keep recent references", str(error)) from None
    threading.Thread(target=_keep_forgetting, args=(monitor,), name="forgetting", daemon=True).start()
    return monitor


def make_detection(challenge: str, witness: CameraWitness | None = None) -> PadSession:
    """The attack detection of one capture, with a challenge drawn afresh; raises DeviceError for an unknown kind.

    `witness` tells whether the cameras are still those of the start, and whether they are cameras.
    """
    kinds = {kind.value: kind for kind in PlanKind}
    if challenge not in kinds:
        raise DeviceError("challenge a face", f"{challenge!r} is none of {', '.join(kinds)}")
    kind = kinds[challenge]
    plan = NO_CHALLENGE if kind is PlanKind.NONE else draw_plan(kind, secrets.token_bytes(CHALLENGE_ENTROPY_BYTES))
    started, captured = (None, None) if witness is None else witness.now()
    return PadSession(PadParts(plan=plan, started=started, captured=captured))


def _keep_forgetting(monitor: ReferenceCache) -> None:
    """References end on time also when nobody comes."""
    now = SystemClock().monotonic
    while True:
        _pause(FORGET_EVERY_S)
        monitor.forget_old(now())


def _prove(camera: Camera | None) -> None:
    """Open the camera once and see a frame: a camera that is missing is said at the start, not at the first traveller."""
    if camera is None:
        return
    try:
        camera.open()
        camera.frame()
    finally:
        camera.close()


def confine(*, devices: bool) -> None:
    """Give up what the worker does not need: nothing here is allowed to fail silently, except what a kernel lacks.

    `devices`: a camera of the kernel is among the cameras; otherwise nothing is opened for writing any more.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_AS, ADDRESS_SPACE_BYTES)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_NO_NEW_PRIVS, 1), (_PR_SET_DUMPABLE, 0)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            log.warning("the kernel refuses prctl %d", option)
    sys.dont_write_bytecode = True
    if not restrict(working_policy(os.getpid(), devices=devices), all_threads=True):
        log.warning("the kernel has no filter on system calls; a decoder that is taken over is held by other limits only")


def main(arguments: Sequence[str] | None = None) -> int:
    """Load, confine, serve. Exit status 1 when something is missing; the reason goes to the controller and the log."""
    options = _options(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(levelname)s: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the controller, which ends us through the pipe
    os.nice(NICENESS)
    cv2.setNumThreads(1)
    pipe = _take_standard_output()
    preview: FrameWriter | None = None
    try:
        # First, before seconds of loading: it wipes the face that a killed worker left for the kiosk.
        preview = FrameWriter(Path(options.frames), PREVIEW_SIDE_PX) if options.frames else None
        judges = make_judges((options.engine, options.second), options.fmr_ppm)
        monitor = make_monitor(judges[0], options.monitor_references, options.monitor_hours)
        cameras = _camera_config(options)
        camera = make_cameras(cameras, judges[0].engine)
        confine(devices=any(not words.startswith(_NO_DEVICES) for words in cameras.sources))
        _prove(camera)
        detect = partial(make_detection, witness=CameraWitness(cameras.sources))
        parts = WorkerParts(judges, camera, preview, PREVIEW_SIDE_PX, SystemClock().monotonic, detect, monitor)
        FaceWorker(parts, pipe).serve()
    except EgateError as error:
        try:
            pipe.send(Refused(0, error.doing, error.problem, malformed=False))  # the controller logs it, once
        except ControllerGone:
            log.error("%s", error)
        return 1
    finally:
        if preview is not None:
            preview.close()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m egate.app.face_worker", description="The process that sees faces.")
    parser.add_argument("--camera", action="append", default=[], help="files:PATH@FPS, video:FILE@FPS, v4l2:DEVICE@FPS or none")
    parser.add_argument("--camera-settings", default="", help="what the cameras are set to, as egate.app.camera_config writes it")
    parser.add_argument("--engine", default="sface", help="the engine whose score decides")
    parser.add_argument("--second", default="", help="an engine for a second opinion, or nothing")
    parser.add_argument("--fmr-ppm", type=int, default=1000, help="largest accepted false match rate in parts per million")
    parser.add_argument("--monitor-references", type=int, default=0, help="recent references that probes are compared with")
    parser.add_argument("--monitor-hours", type=int, default=1, help="after how many hours each of them is forgotten")
    parser.add_argument("--frames", default="", help="file for the kiosk's preview; empty for none")
    return parser.parse_args(arguments)


def _camera_config(options: argparse.Namespace) -> CameraConfig:
    try:
        return cameras_from_words(tuple(options.camera) or ("none",), options.camera_settings)
    except ValueError as error:
        raise DeviceError("set the cameras", str(error)) from None


def _take_standard_output() -> Pipe:
    """Keep the real standard output for the protocol and point descriptor 1 at standard error, for libraries that print."""
    outgoing = os.dup(1)
    os.dup2(2, 1)
    return Pipe(0, outgoing)


def _warm_up(engine: FaceEngine) -> None:
    """The first inference folds weights and takes several times as long; nobody should wait for it at the gate."""
    grey = np.full((240, 240, 3), 128, np.uint8)
    points = FivePoints(Point(90, 100), Point(150, 100), Point(120, 130), Point(98, 165), Point(142, 165))
    face = DetectedFace(Box(60, 50, 120, 150), points, 1.0)
    engine.detect(grey)
    engine.embed(grey, face)
    assess(grey, (face,))


def _pause(seconds: float) -> None:
    """Let time pass between two frames; this process has one thread and no loop."""
    threading.Event().wait(seconds)


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    raise SystemExit(main())
