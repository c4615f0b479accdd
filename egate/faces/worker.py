"""The face worker: one request at a time from the controller, over two pipes, in a process of its own.

It decodes foreign images, reads the camera and compares faces, so that whatever goes wrong there ends in a dead child and a
check that is *aborted*, never in a dead controller. What it keeps of a traveller:

1. `prepare` makes the reference's templates while the traveller walks in, and forgets any earlier reference first.
2. `capture` uses that reference once, under its number only, and forgets it whatever happens: no reference can serve two
   travellers (P13).
3. The camera is open, and the preview is shown, only while a capture runs; at its end the preview is cleared.
4. Ranking frames never sees the reference.
"""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable
from dataclasses import dataclass, field
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
    Gathering,
    KeepFrame,
    ShowProgress,
    begin,
    step,
)
from egate.faces.comparison import FaceTemplates, Judge, compare_faces, probe_templates, reference_templates, surroundings
from egate.faces.confinement import decode_confined
from egate.faces.decode import decode_face_image, encode_jpeg
from egate.faces.engine import DetectedFace, Frame, Template
from egate.faces.messages import (
    Abandon,
    Answer,
    Capture,
    Captured,
    Compare,
    Compared,
    Deframer,
    Done,
    Ping,
    Prepare,
    Prepared,
    Progressed,
    Ready,
    Refused,
    Request,
    encode_answer,
    parse_request,
)
from egate.faces.quality import assess, single_face, with_norm
from egate.model.errors import DeviceError, EgateError, MalformedData
from egate.model.face import CaptureHint, CaptureOutcome, CaptureState, ComparisonScore, FaceProbe, QualityScore
from egate.ports import Camera

MAX_TIMEOUT_S = 120.0
"""No capture may ask for longer."""

MAX_FRAME_SIDE_PX = 4096
"""A camera with larger frames is configured wrongly."""

PROBE_SIDE_PX = 480
"""The officer's picture of the traveller has no longer side."""

PROBE_PICTURE_MARGIN = 0.6
"""Around the face in the officer's picture, in box sizes."""

READ_BYTES = 1 << 16
"""How much is taken from the pipe at once."""

ABANDONED = "abandoned"
NO_CAMERA = "no camera is configured"
NO_REFERENCE_FACE = "no face was found in the reference"
NO_REFERENCE = "no reference was prepared for this capture"
LOST_REFERENCE = "the reference of this capture is not here any more"

log = logging.getLogger(__name__)


class ControllerGone(Exception):
    """The other end of the pipe closed: the worker ends too."""


class Preview(Protocol):
    """Where the kiosk's picture goes."""

    def write(self, picture: Frame) -> None:
        """Show a BGR picture."""
        ...

    def clear(self) -> None:
        """Show nothing, and leave nothing of the last picture behind."""
        ...


class Pipe:
    """Requests in, answers out, over two file descriptors."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._deframer = Deframer()
        self._waiting: list[bytes] = []

    def receive(self) -> Request:
        """Wait for the next request; raises ControllerGone at the end of the pipe, MalformedData for what is no request."""
        while not self._waiting:
            self._read()
        return parse_request(self._waiting.pop(0))

    def pending(self) -> bool:
        """Whether a request can be had without waiting; raises ControllerGone at the end of the pipe."""
        while not self._waiting and select.select([self._incoming], [], [], 0)[0]:
            self._read()
        return bool(self._waiting)

    def send(self, answer: Answer) -> None:
        """Write an answer whole; raises ControllerGone when nobody reads."""
        rest = memoryview(encode_answer(answer))
        try:
            while rest:
                rest = rest[os.write(self._outgoing, rest) :]
        except BrokenPipeError:
            raise ControllerGone from None

    def _read(self) -> None:
        data = os.read(self._incoming, READ_BYTES)
        if not data:
            raise ControllerGone
        self._waiting += self._deframer.feed(data)


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker is made of: judges (deciding first), camera, preview with the side of its square, and a clock in seconds."""

    judges: tuple[Judge, ...]
    camera: Camera | None
    preview: Preview | None
    preview_side_px: int
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Reference:
    number: int
    templates: FaceTemplates = field(repr=False)
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One frame with what was found in it."""

    frame: Frame = field(repr=False)
    faces: tuple[DetectedFace, ...] = field(repr=False)
    quality: QualityScore


class FaceWorker:
    """Serves requests until the controller goes away."""

    def __init__(self, parts: WorkerParts, pipe: Pipe) -> None:
        self._parts = parts
        self._pipe = pipe
        self._reference: _Reference | None = None

    def serve(self) -> None:
        """Say what was loaded, then answer one request after the other; returns when the controller is gone."""
        engines = [judge.engine for judge in self._parts.judges]
        names = tuple(engine.model_id for engine in engines)
        try:
            self._pipe.send(Ready(names, tuple(engine.calibration.identity for engine in engines)))
            while True:
                request = self._pipe.receive()
                self._pipe.send(self._answer(request))
        except ControllerGone:
            log.debug("the controller closed the pipe")

    def _answer(self, request: Request) -> Answer:
        """Meet one request; what the image or a device did wrong becomes an answer."""
        try:
            match request:
                case Prepare():
                    return self._prepare(request)
                case Capture():
                    return Captured(request.number, self._capture(request))
                case Compare():
                    return Compared(request.number, self._compare(request))
                case Abandon(number):
                    self._reference = None
                    return Done(number)
                case Ping(number):
                    return Done(number)
        except EgateError as error:
            return Refused(request.number, error.doing, error.problem, isinstance(error, MalformedData))
        except (cv2.error, MemoryError) as error:
            return Refused(request.number, "work on a face", f"stopped by {type(error).__name__}", malformed=False)

    def _prepare(self, request: Prepare) -> Answer:
        self._reference = None
        frame = _decoded(request.image)
        templates = reference_templates(self._parts.judges, frame)
        jpeg = encode_jpeg(_reduced(frame, PROBE_SIDE_PX * 2))
        self._reference = _Reference(request.number, templates, jpeg)
        return Prepared(request.number, jpeg, templates.found)

    def _compare(self, request: Compare) -> tuple[ComparisonScore, ...]:
        judges = self._parts.judges
        reference = reference_templates(judges, _decoded(request.reference))
        return compare_faces(judges, reference, reference_templates(judges, _decoded(request.probe)))

    def _capture(self, request: Capture) -> CaptureOutcome:
        reference, self._reference = self._reference, None
        if not 0 < request.timeout_s <= MAX_TIMEOUT_S:
            raise DeviceError("capture a face", f"a time-out outside 0…{MAX_TIMEOUT_S:g} s")
        if reference is not None and reference.number != request.reference:
            reference = None
        if request.reference and reference is None:
            return CaptureOutcome(CaptureState.ABORTED, detail=LOST_REFERENCE)
        if self._parts.camera is None:
            return CaptureOutcome(CaptureState.ABORTED, detail=NO_CAMERA)
        run = _CaptureRun(self._parts, self._pipe, self._parts.camera, request)
        try:
            state = run.until_end()
        except EgateError as error:
            return CaptureOutcome(CaptureState.ABORTED, detail=error.problem)
        return self._outcome(state, run.kept, run.kept_template, reference)

    def _outcome(
        self, state: Gathering, kept: _Seen | None, template: Template | None, reference: _Reference | None
    ) -> CaptureOutcome:
        """The probe, and its scores if it is usable and there is a reference with a face."""
        jpeg = reference.jpeg if reference else b""
        end = state.end or CaptureState.ABORTED
        probe = None if kept is None else FaceProbe(_probe_picture(kept), kept.quality, state.frames_seen)
        if end is not CaptureState.CAPTURED or kept is None:
            return CaptureOutcome(end, probe, (), jpeg)
        if reference is None or not reference.templates.found:
            return CaptureOutcome(end, probe, (), jpeg, NO_REFERENCE if reference is None else NO_REFERENCE_FACE)
        judges = self._parts.judges
        live = probe_templates(judges, kept.frame, kept.faces[0], template)
        return CaptureOutcome(end, probe, compare_faces(judges, reference.templates, live), jpeg)


class _CaptureRun:
    """The loop around the capture reaction: camera, preview, detection, and a look at the pipe between frames."""

    def __init__(self, parts: WorkerParts, pipe: Pipe, camera: Camera, request: Capture) -> None:
        self._parts = parts
        self._pipe = pipe
        self._camera = camera
        self._request = request
        self.kept: _Seen | None = None
        self.kept_template: Template | None = None

    def until_end(self) -> Gathering:
        """Read frames until the reaction ends; the camera is closed and the preview cleared on every way out."""
        state = begin(CaptureRules(self._request.timeout_s), self._parts.now())
        try:
            self._camera.open()
            while state.end is None:
                self._look_at_pipe()
                state = self._next_frame(state)
            return state
        finally:
            self._camera.close()
            if self._parts.preview is not None:
                self._parts.preview.clear()

    def _look_at_pipe(self) -> None:
        """An abandonment ends the capture; a ping is answered; anything else has to wait its turn and is refused."""
        while self._pipe.pending():
            request = self._pipe.receive()
            if isinstance(request, Ping | Abandon):
                self._pipe.send(Done(request.number))
            else:
                self._pipe.send(Refused(request.number, "take a request", "a capture is under way", malformed=False))
            if isinstance(request, Abandon):
                raise DeviceError("capture a face", ABANDONED)

    def _next_frame(self, state: Gathering) -> Gathering:
        try:
            frame = _checked_frame(self._camera.frame())
        except DeviceError as error:
            log.warning("the camera failed: %s", error)
            return self._advance(state, CameraLost(), None, None)
        if self._parts.preview is not None:
            self._parts.preview.write(mirrored_square(frame, self._parts.preview_side_px))
        seen, template = self._judge(frame)
        return self._advance(state, FrameSeen(seen.quality), seen, template)

    def _judge(self, frame: Frame) -> tuple[_Seen, Template | None]:
        """Find faces and assess; a usable face is embedded for the length of its vector, which ranks it, and for later use."""
        engine = self._parts.judges[0].engine
        faces = engine.detect(frame)
        quality = assess(frame, faces)
        scale = engine.calibration.norm
        if scale is None or not quality.usable:
            return _Seen(frame, faces, quality), None
        template = engine.embed(frame, faces[0])
        return _Seen(frame, faces, with_norm(quality, template.norm, scale)), template

    def _advance(self, state: Gathering, event: CaptureEvent, seen: _Seen | None, template: Template | None) -> Gathering:
        state, commands = step(state, event, self._parts.now())
        for command in commands:
            self._carry_out(command, seen, template)
        return state

    def _carry_out(self, command: CaptureCommand, seen: _Seen | None, template: Template | None) -> None:
        match command:
            case KeepFrame():
                self.kept, self.kept_template = seen, template
            case ShowProgress(progress):
                self._pipe.send(Progressed(self._request.number, progress))
            case EndCapture(state):
                several = state is CaptureState.SEVERAL_FACES and seen is not None
                self.kept = seen if several else self.kept


def mirrored_square(frame: Frame, side_px: int) -> Frame:
    """The centred square of a frame at the side of the preview, mirrored as travellers know themselves."""
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = frame[top : top + side, left : left + side]
    smaller = cv2.resize(square, (side_px, side_px), interpolation=cv2.INTER_AREA) if side > side_px else square
    return np.asarray(cv2.flip(smaller, 1), np.uint8)


def _decoded(image: bytes) -> Frame:
    """The frame of a foreign image, decoded within the limits of one decoding."""
    return decode_confined(decode_face_image, image)


def _checked_frame(frame: object) -> Frame:
    """A frame of the agreed form; a camera that gives another is broken."""
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise DeviceError("read a frame", "the camera gave something that is no BGR frame")
    if not 0 < max(frame.shape[:2]) <= MAX_FRAME_SIDE_PX or min(frame.shape[:2]) < 1:
        raise DeviceError("read a frame", f"a frame of {frame.shape[1]}×{frame.shape[0]} pixels")
    return frame


def _probe_picture(seen: _Seen) -> bytes:
    """What the officer sees: the face with some of its surroundings, or the whole frame when several faces are the matter."""
    if seen.quality.hint is CaptureHint.SEVERAL_FACES or single_face(seen.faces) is not CaptureHint.NONE:
        return encode_jpeg(_reduced(seen.frame, PROBE_SIDE_PX))
    part, _ = surroundings(seen.frame, seen.faces[0], PROBE_PICTURE_MARGIN)
    return encode_jpeg(_reduced(part, PROBE_SIDE_PX))


def _reduced(frame: Frame, side_px: int) -> Frame:
    scale = side_px / max(frame.shape[:2])
    if scale >= 1:
        return frame
    return np.asarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
