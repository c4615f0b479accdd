"""The loop around the capture reaction: camera, preview, detection, quality, attack detection, and a look at the pipe.

What it keeps of a traveller are the best few frames, until the capture is answered. The attack detection sees each live frame
once, in order; ranking never sees the reference.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import cv2
import numpy as np

from egate.faces.capture import (
    CameraLost,
    CaptureCommand,
    CaptureEvent,
    CaptureRules,
    EndCapture,
    FrameSeen,
    FrameSpoilt,
    Gathering,
    KeepFrame,
    LetGo,
    ShowProgress,
    begin,
    step,
)
from egate.faces.comparison import Judge, ranking_template
from egate.faces.engine import DetectedFace, FivePoints, Frame, Template
from egate.faces.health import fault_of
from egate.faces.monitor.cache import ReferenceCache
from egate.faces.quality import assess, motion_of, with_norm
from egate.model.errors import DeviceError
from egate.model.face import CaptureProgress, Challenge, PadResult, QualityScore
from egate.ports import Camera

MAX_FRAME_SIDE_PX = 4096
"""A camera with larger frames is configured wrongly."""

WORKING_SIDE_PX = 1920
"""Larger frames are reduced at once: more pixels bring nothing, and the best few are kept."""

log = logging.getLogger(__name__)


class Preview(Protocol):
    """Where the kiosk's picture goes."""

    def write(self, picture: Frame) -> None:
        """Show a BGR picture."""
        ...

    def clear(self) -> None:
        """Show nothing, and leave nothing of the last picture behind."""
        ...


class AttackDetection(Protocol):
    """The attack detection of one capture, as `egate.faces.pad.session` provides it."""

    def begin(self, now_s: float) -> None:
        """A capture starts."""
        ...

    def observe(self, frame: Frame, faces: tuple[DetectedFace, ...], now_s: float) -> None:
        """One live frame with the faces found in it."""
        ...

    def challenge(self, now_s: float) -> Challenge | None:
        """What the kiosk's screen should show now."""
        ...

    def result(self, chosen_frame_index: int) -> PadResult:
        """The finding for the frame that was observed as this number, from 0."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker is made of: judges (deciding first), camera, preview with the side of its square, a clock in seconds.

    `detection` makes an attack detection for each capture from what its screen may ask, `monitor` keeps recent references; None:
    there is none.
    """

    judges: tuple[Judge, ...]
    camera: Camera | None
    preview: Preview | None
    preview_side_px: int
    now: Callable[[], float]
    detection: Callable[[str], AttackDetection] | None = None
    monitor: ReferenceCache | None = None


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """One frame with what was found in it. `observed` is its number for the attack detection; only a usable face is embedded."""

    observed: int
    frame: Frame = field(repr=False)
    faces: tuple[DetectedFace, ...] = field(repr=False)
    quality: QualityScore
    template: Template | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class LiveTerms:
    """How one capture goes: when it ends, what the screen may ask, whom to tell, and what to look at between frames.

    `between` raises to stop the capture.
    """

    rules: CaptureRules
    challenge: str
    tell: Callable[[CaptureProgress], None]
    between: Callable[[], None]


class CaptureRun:
    """One capture from the opening of the camera to its end. `best` are the frames that were kept, best first."""

    def __init__(self, parts: WorkerParts, camera: Camera, terms: LiveTerms) -> None:
        self._parts, self._camera, self._terms = parts, camera, terms
        self._detection = parts.detection(terms.challenge) if parts.detection is not None else None
        self._kept: dict[int, LiveFrame] = {}
        self._newest: LiveFrame | None = None
        self._before: Frame | None = None
        self._points: tuple[FivePoints, float] | None = None
        self._observed = 0
        self.best: tuple[LiveFrame, ...] = ()

    def until_end(self) -> Gathering:
        """Read frames until the reaction ends; the camera is closed and the preview cleared on every way out."""
        state = begin(self._terms.rules, self._parts.now())
        if self._detection is not None:
            self._detection.begin(self._parts.now())
        try:
            self._camera.open()
            while state.end is None:
                self._terms.between()
                state = self._next_frame(state)
            self.best = tuple(self._kept[frame.number] for frame in state.ranked)
            return state
        finally:
            self._camera.close()
            if self._parts.preview is not None:
                self._parts.preview.clear()

    @property
    def newest(self) -> LiveFrame | None:
        """The frame that was judged last."""
        return self._newest

    def attack_result(self, chosen: LiveFrame) -> PadResult | None:
        """What the attack detection found about a frame; None when there is no detection."""
        return None if self._detection is None else self._detection.result(chosen.observed)

    def _next_frame(self, state: Gathering) -> Gathering:
        try:
            frame = checked_frame(self._camera.frame())
        except DeviceError as error:
            log.warning("the camera failed: %s", error)
            return self._advance(state, CameraLost())
        if self._parts.preview is not None:
            self._parts.preview.write(mirrored_square(frame, self._parts.preview_side_px))
        fault, self._before = fault_of(frame, self._before), frame
        if fault is not None:
            return self._advance(state, FrameSpoilt(fault))
        self._newest = seen = self._judge(reduced(frame, WORKING_SIDE_PX))
        return self._advance(state, FrameSeen(seen.quality, self._challenge() is not None))

    def _judge(self, frame: Frame) -> LiveFrame:
        """Find faces and assess; a usable face is embedded for the length of its vector, which ranks it, and for later use."""
        engine, now_s = self._parts.judges[0].engine, self._parts.now()
        faces = engine.detect(frame)
        quality = assess(frame, faces, self._motion(faces, now_s))
        observed = self._observe(frame, faces, now_s)
        scale = engine.calibration.norm
        if scale is None or not quality.usable:
            return LiveFrame(observed, frame, faces, quality)
        template = ranking_template(engine, frame, faces[0])
        return LiveFrame(observed, frame, faces, with_norm(quality, template.norm, scale), template)

    def _motion(self, faces: tuple[DetectedFace, ...], now_s: float) -> float:
        before, self._points = self._points, (faces[0].points, now_s) if faces else None
        return 0.0 if before is None or not faces else motion_of(before[0], faces[0].points, now_s - before[1])

    def _observe(self, frame: Frame, faces: tuple[DetectedFace, ...], now_s: float) -> int:
        if self._detection is not None:
            self._detection.observe(frame, faces, now_s)
        self._observed += 1
        return self._observed - 1

    def _challenge(self) -> Challenge | None:
        return None if self._detection is None else self._detection.challenge(self._parts.now())

    def _advance(self, state: Gathering, event: CaptureEvent) -> Gathering:
        state, commands = step(state, event, self._parts.now())
        for command in commands:
            self._carry_out(command)
        return state

    def _carry_out(self, command: CaptureCommand) -> None:
        match command:
            case KeepFrame(number) if self._newest is not None:
                self._kept[number] = self._newest
            case LetGo(number):
                self._kept.pop(number, None)
            case ShowProgress(progress):
                self._terms.tell(replace(progress, challenge=self._challenge()))
            case EndCapture(_) | KeepFrame(_):
                pass


def mirrored_square(frame: Frame, side_px: int) -> Frame:
    """The middle of a frame as a mirror shows it, in a square for the preview."""
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = frame[top : top + side, left : left + side]
    smaller = cv2.resize(square, (side_px, side_px), interpolation=cv2.INTER_AREA) if side > side_px else square
    return np.asarray(cv2.flip(smaller, 1), np.uint8)


def checked_frame(frame: object) -> Frame:
    """A frame of the agreed form; a camera that gives another is broken."""
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise DeviceError("read a frame", "the camera gave something that is no BGR frame")
    if not 0 < max(frame.shape[:2]) <= MAX_FRAME_SIDE_PX or min(frame.shape[:2]) < 1:
        raise DeviceError("read a frame", f"a frame of {frame.shape[1]}×{frame.shape[0]} pixels")
    return frame


def reduced(frame: Frame, side_px: int) -> Frame:
    """The frame with no longer side."""
    scale = side_px / max(frame.shape[:2])
    if scale >= 1:
        return frame
    return np.asarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
