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
from dataclasses import dataclass, field

import cv2

from egate.faces.capture import MOST_ATTEMPTS, CaptureRules, Gathering
from egate.faces.comparison import FaceTemplates, compare_faces, probe_templates, reference_templates, surroundings
from egate.faces.confinement import decode_confined
from egate.faces.decode import decode_face_image, encode_jpeg
from egate.faces.engine import Frame, Template
from egate.faces.live import CaptureRun, LiveFrame, LiveTerms, WorkerParts, reduced
from egate.faces.messages import (
    Abandon,
    Answer,
    Capture,
    Captured,
    Compare,
    Compared,
    Deframer,
    Done,
    MonitorCounts,
    Observe,
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
from egate.faces.monitor.counts import Impostors
from egate.faces.quality import single_face
from egate.model.errors import DeviceError, EgateError, MalformedData
from egate.model.face import BestFrame, CaptureHint, CaptureOutcome, CaptureState, ComparisonScore, FaceProbe

MAX_TIMEOUT_S = 120.0
"""No capture may ask for longer."""

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
IN_TURN = "two people stood before the camera in turn"

log = logging.getLogger(__name__)


class ControllerGone(Exception):
    """The other end of the pipe closed: the worker ends too."""


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
class _Reference:
    number: int
    templates: FaceTemplates = field(repr=False)
    jpeg: bytes = field(repr=False)


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
                self._drop_unobserved(request)
                self._pipe.send(self._answer(request))
                if any(getattr(engine, "gone", False) for engine in engines):
                    log.warning("a face engine is gone; another worker has to start it")
                    return
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
                case Observe():
                    return MonitorCounts(request.number, self._observe(request))
                case Abandon() | Ping():
                    return self._acknowledge(request)
        except EgateError as error:
            return Refused(request.number, error.doing, error.problem, isinstance(error, MalformedData))
        except (cv2.error, MemoryError) as error:
            return Refused(request.number, "work on a face", f"stopped by {type(error).__name__}", malformed=False)

    def _acknowledge(self, request: Abandon | Ping) -> Done:
        if isinstance(request, Abandon):
            self._reference = None
        return Done(request.number)

    def _drop_unobserved(self, request: Request) -> None:
        """A capture's templates wait for the word whose they are only until something else is asked."""
        if self._parts.monitor is not None and not isinstance(request, Observe | Ping):
            self._parts.monitor.release()

    def _observe(self, request: Observe) -> Impostors | None:
        monitor = self._parts.monitor
        return None if monitor is None else monitor.observe(request.subject, self._parts.now())

    def _prepare(self, request: Prepare) -> Answer:
        self._reference = None
        frame = _decoded(request.image)
        templates = reference_templates(self._parts.judges, frame)
        jpeg = encode_jpeg(reduced(frame, PROBE_SIDE_PX * 2))
        self._reference = _Reference(request.number, templates, jpeg)
        return Prepared(request.number, jpeg, templates.found)

    def _compare(self, request: Compare) -> tuple[ComparisonScore, ...]:
        judges = self._parts.judges
        reference = reference_templates(judges, _decoded(request.reference))
        return compare_faces(judges, reference, reference_templates(judges, _decoded(request.probe)))

    def _capture(self, request: Capture) -> CaptureOutcome:
        reference, self._reference = self._reference, None
        if not 0 < request.timeout_s <= MAX_TIMEOUT_S or not 1 <= request.attempts <= MOST_ATTEMPTS:
            raise DeviceError("capture a face", f"time-out outside 0…{MAX_TIMEOUT_S:g} s, or attempts outside 1…{MOST_ATTEMPTS}")
        if reference is not None and reference.number != request.reference:
            reference = None
        if request.reference and reference is None:
            return CaptureOutcome(CaptureState.ABORTED, detail=LOST_REFERENCE)
        if self._parts.camera is None:
            return CaptureOutcome(CaptureState.ABORTED, detail=NO_CAMERA)
        run = CaptureRun(self._parts, self._parts.camera, self._terms(request))
        try:
            state = run.until_end()
        except EgateError as error:
            return CaptureOutcome(CaptureState.ABORTED, detail=error.problem)
        return self._outcome(state, run, reference)

    def _terms(self, request: Capture) -> LiveTerms:
        rules = CaptureRules(request.timeout_s, attempts=request.attempts)
        return LiveTerms(
            rules,
            request.challenge,
            tell=lambda progress: self._pipe.send(Progressed(request.number, progress)),
            between=self._look_at_pipe,
        )

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

    def _outcome(self, state: Gathering, run: CaptureRun, reference: _Reference | None) -> CaptureOutcome:
        """The probe, and its scores if it is usable, everybody's the same person, and there is a reference with a face."""
        jpeg = reference.jpeg if reference else b""
        end = state.end or CaptureState.ABORTED
        chosen = run.newest if end is CaptureState.SEVERAL_FACES else next(iter(run.best), None)
        if chosen is None:
            return CaptureOutcome(end, None, (), jpeg, state.fault.value if state.fault else "")
        probe = FaceProbe(_probe_picture(chosen), chosen.quality, state.frames_seen, run.attack_result(chosen))
        if end is not CaptureState.CAPTURED:
            return CaptureOutcome(end, probe, (), jpeg, state.fault.value if state.fault else "")
        if not self._one_person(run.best):
            return CaptureOutcome(CaptureState.SEVERAL_FACES, probe, (), jpeg, IN_TURN)
        if reference is None or not reference.templates.found:
            return CaptureOutcome(end, probe, (), jpeg, NO_REFERENCE if reference is None else NO_REFERENCE_FACE)
        live = probe_templates(self._parts.judges, chosen.frame, chosen.faces[0], chosen.template)
        scores = compare_faces(self._parts.judges, reference.templates, live)
        self._hold(reference.templates, live)
        return CaptureOutcome(end, probe, scores, jpeg, best=self._compared(run.best, reference))

    def _hold(self, reference: FaceTemplates, live: FaceTemplates) -> None:
        """The deciding engine's templates wait for the monitor, if there is one."""
        template, probe = reference.templates[0], live.templates[0]
        if self._parts.monitor is not None and template is not None and probe is not None:
            self._parts.monitor.hold(template, probe, self._parts.now())

    def _one_person(self, best: tuple[LiveFrame, ...]) -> bool:
        """Whether the usable ones of the best frames show the same person: nobody may lend their face to another's capture."""
        judge = self._parts.judges[0]
        templates = _usable_templates(best)
        return all(judge.engine.compare(templates[0][1], other) >= judge.threshold for _, other in templates[1:])

    def _compared(self, best: tuple[LiveFrame, ...], reference: _Reference) -> tuple[BestFrame, ...]:
        """How each of the best usable frames compares with the reference."""
        engine, template = self._parts.judges[0].engine, reference.templates.templates[0]
        if template is None:
            return ()
        return tuple(BestFrame(frame.quality.value, engine.compare(template, live)) for frame, live in _usable_templates(best))


def _usable_templates(best: tuple[LiveFrame, ...]) -> list[tuple[LiveFrame, Template]]:
    """The usable ones of the best frames with their templates, best first."""
    return [(frame, frame.template) for frame in best if frame.quality.usable and frame.template is not None]


def _decoded(image: bytes) -> Frame:
    """The frame of a foreign image, decoded within the limits of one decoding."""
    return decode_confined(decode_face_image, image)


def _probe_picture(seen: LiveFrame) -> bytes:
    """What the officer sees: the face with some of its surroundings, or the whole frame when several faces are the matter."""
    if seen.quality.hint is CaptureHint.SEVERAL_FACES or single_face(seen.faces) is not CaptureHint.NONE:
        return encode_jpeg(reduced(seen.frame, PROBE_SIDE_PX))
    part, _ = surroundings(seen.frame, seen.faces[0], PROBE_PICTURE_MARGIN)
    return encode_jpeg(reduced(part, PROBE_SIDE_PX))
