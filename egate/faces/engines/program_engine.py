"""An operator's face program as a face engine: same port, another process.

The rule: a program that dies, hangs or says what cannot be true costs one check, which ends as *aborted*; the program is ended,
and the next call starts it anew with every hash checked again. One that fails again and again is left alone for a while, so that
a lane does not spend its time on starting it. A confined worker may start nothing: there the engine is `gone`, the worker ends
after its answer, and the controller starts another worker, which starts another program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from egate.faces.calibration import Calibration
from egate.faces.engine import DetectedFace, Frame, Template, largest_first, template_of
from egate.faces.engines.calibrated import calibration_from, not_calibrated
from egate.faces.engines.pinned import check_hash
from egate.faces.engines.program_description import ProgramDescription
from egate.faces.engines.program_link import Launch, ProgramLink, confined_here
from egate.faces.engines.program_messages import (
    ProgramAnswer,
    ProgramFaces,
    ProgramReady,
    ProgramRefused,
    ProgramScore,
    ProgramTemplate,
    begin_request,
    compare_request,
    detect_request,
    embed_request,
    parse_program_answer,
)
from egate.faces.sface_engine import YunetDetector
from egate.model.errors import DeviceError, MalformedData

MOST_FAILURES = 3
"""After so many failures in a row the program is left alone for a while."""

REST_S = 5.0
"""How long."""

ENVIRONMENT = (("PATH", "/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("OMP_NUM_THREADS", "1"))
"""What a program sees of the world; the description may add to it."""

OUTSIDE = 1.0
"""How far a face's points may lie outside its frame, in widths and heights of the frame: half faces at the edge are faces."""

DOING = "ask the face program"


class ProgramEngine:
    """A running program; raises DeviceError when it cannot be started or is not what the description says."""

    def __init__(self, description: ProgramDescription, now: Callable[[], float]) -> None:
        self._description = description
        self._now = now
        self._link: ProgramLink | None = None
        self._number = 0
        self.gone = False
        self._failures, self._failed_at = 0, 0.0
        self._calibration = calibration_from(description.calibration)
        self._ready = self._start()
        self._detector = None if self._ready.detects else YunetDetector()

    @property
    def model_id(self) -> str:
        """The description's name and the start of a hash over program, files and settings."""
        return self._description.model_id

    @property
    def calibration(self) -> Calibration:
        """What the scores mean; raises DeviceError while there is none."""
        if self._calibration is None:
            raise not_calibrated(self._description.name)
        return self._calibration

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """All faces, largest first; found by the program, or by YuNet where it finds none itself. Raises DeviceError."""
        if self._detector is not None:
            return self._detector.detect(frame)
        answer = self._ask(lambda number: detect_request(number, frame))
        if not isinstance(answer, ProgramFaces):
            raise self._lie("it was asked for faces and spoke of something else")
        height, width = frame.shape[:2]
        if not all(_inside(face, width, height) for face in answer.faces):
            raise self._lie("it found a face outside the frame")
        self._failures = 0
        return largest_first(list(answer.faces))

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        """The program's template of a face; raises DeviceError."""
        answer = self._ask(lambda number: embed_request(number, frame, face))
        if not isinstance(answer, ProgramTemplate):
            raise self._lie("it was asked for a template and spoke of something else")
        template = self._template(answer.content)
        self._failures = 0
        return template

    def compare(self, a: Template, b: Template) -> float:
        """How alike two templates are; raises DeviceError when only the program can tell, and does not."""
        if self._description.metric == "cosine":
            return float(a.vector @ b.vector)
        if self._description.metric == "euclid":
            return 1.0 - float(np.linalg.norm(a.vector * a.norm - b.vector * b.norm))
        answer = self._ask(lambda number: compare_request(number, _content(a), _content(b)))
        if not isinstance(answer, ProgramScore):
            raise self._lie("it was asked for a score and spoke of something else")
        self._failures = 0
        return answer.value

    def close(self) -> None:
        """End the program; never raises."""
        link, self._link = self._link, None
        if link is not None:
            link.close()
            self.gone = confined_here()

    def _template(self, content: bytes) -> Template:
        if not self._ready.vectors:
            if len(content) > self._ready.dimension:
                raise self._lie(f"its template has {len(content)} bytes, it promised {self._ready.dimension} at most")
            return Template(np.zeros(0, np.float64), 0.0, content)
        if len(content) != 4 * self._ready.dimension:
            raise self._lie(f"its template has {len(content)} bytes, not {self._ready.dimension} numbers of four")
        try:
            template = template_of(np.frombuffer(content, "<f4"), "face program")
        except DeviceError as error:
            raise self._lie(error.problem) from None
        return replace(template, opaque=content)

    def _ask(self, request: Callable[[int], bytes]) -> ProgramAnswer:
        """One request to a running program; raises DeviceError for a death, a delay, a refusal or nonsense."""
        if self.gone:
            raise DeviceError(DOING, f"{self._description.name} is gone, and so will be this worker")
        if self._link is None:
            self._start_again()
        answer = self._exchange(request, self._description.limits.answer_s)
        if isinstance(answer, ProgramRefused):
            raise DeviceError(DOING, f"{self._description.name} refused: {answer.words}")
        return answer

    def _exchange(self, request: Callable[[int], bytes], limit_s: float) -> ProgramAnswer:
        assert self._link is not None
        self._number += 1
        try:
            return parse_program_answer(self._link.ask(request(self._number), limit_s), self._number)
        except MalformedData as error:
            raise self._lie(error.problem) from None
        except DeviceError as error:
            raise self._failed(error.problem) from None

    def _start_again(self) -> None:
        if self._failures >= MOST_FAILURES and self._now() - self._failed_at < REST_S:
            raise DeviceError(DOING, f"{self._description.name} failed {self._failures} times in a row and is left alone")
        ready = self._start()
        if ready != self._ready:
            raise self._lie("it came back as another model")

    def _start(self) -> ProgramReady:
        """Check every hash, start, and hear what the program calls itself."""
        described = self._description
        for file in (described.program, *described.files):
            check_hash(file, "start the face program")
        command = (str(described.program.path), *described.arguments)
        environment = (*ENVIRONMENT, *described.environment)
        try:
            self._link = ProgramLink(Launch(command, environment, described.folder, described.limits.memory_bytes), self._now)
        except DeviceError as error:
            raise self._failed(error.problem) from None
        ready = self._exchange(begin_request, described.limits.start_s)
        if isinstance(ready, ProgramRefused):
            raise self._lie(f"it refused to begin: {ready.words}")
        if not isinstance(ready, ProgramReady):
            raise self._lie("it began with another word than agreed")
        if ready.model != described.model:
            raise self._lie(f"it calls itself {ready.model}, the description says {described.model}")
        if ready.vectors != (described.metric != "program") and not ready.vectors:
            raise self._lie(f"its templates are opaque: the metric must be program, not {described.metric}")
        return ready

    def _lie(self, how: str) -> DeviceError:
        """Note that the program said what cannot be; it is ended."""
        self.close()
        return self._failed(how)

    def _failed(self, how: str) -> DeviceError:
        self.close()
        self._failures += 1
        self._failed_at = self._now()
        return DeviceError(DOING, f"{self._description.name}: {how}")


def _content(template: Template) -> bytes:
    return template.opaque


def _inside(face: DetectedFace, width: int, height: int) -> bool:
    """Whether a face's points lie in or near its frame."""
    across = (-OUTSIDE * width, (1 + OUTSIDE) * width)
    down = (-OUTSIDE * height, (1 + OUTSIDE) * height)
    return all(across[0] <= x <= across[1] and down[0] <= y <= down[1] for x, y in face.points)
