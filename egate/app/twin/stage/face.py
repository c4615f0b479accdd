"""The face worker of the twin: outcomes drawn from a seed, in the time that captures take.

It stands in the place of `egate.app.face_client.FaceClient` and keeps its promise: `capture` always ends in a `CaptureOutcome`,
ABORTED at worst, and only for the passage whose reference was prepared. The comparison itself is not tested here; what it gave
is drawn: genuine scores from a normal distribution around 0.75 (deviation 0.09), impostors' around 0.10 (deviation 0.08), the
threshold at 0.45. So one genuine traveller in two thousand is rejected, and no impostor of any length of shift is accepted, which
lets the twin call every admission of one a defect of the lane.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from egate.app.face_client import ONE_ATTEMPT
from egate.faces.monitor.counts import Impostors
from egate.faces.monitor.subject import Subject
from egate.model.errors import DeviceError
from egate.model.face import (
    CaptureHint,
    CaptureOutcome,
    CaptureProgress,
    CaptureState,
    CaptureTerms,
    ComparisonScore,
    FaceProbe,
    FaceReference,
    PadResult,
    QualityScore,
)
from egate.ports import Clock

ENGINE, CALIBRATION, FMR_PPM = "sface", "twin-1", 1000
THRESHOLD = 0.45
GENUINE, IMPOSTOR = (0.75, 0.09), (0.10, 0.08)
"""Mean and standard deviation of scores."""

LARGEST_IMPOSTOR = 0.44
"""An impostor's draw is cut here: a false match is the comparison's share of errors, not the lane's."""

SHORTEST_CAPTURE_S, LONGEST_CAPTURE_S = 0.6, 3.5
START_S = 0.8
PREPARE_S = 0.3
PROBE = b"\xff\xd8\xff"
"""The beginning of a JPEG; nobody looks at it."""


class SeededFace:
    """What a lane uses of a face client. `genuine`, `blurred` and `several` say who stands before the camera now."""

    def __init__(self, clock: Clock, draw: random.Random) -> None:
        self.genuine = True
        self.blurred = False
        self.several = False
        self.versions = ((ENGINE, CALIBRATION),)
        self._clock, self._draw = clock, draw
        self._prepared: set[int | None] = set()
        self._crashed = False
        self._online = False
        self._captures = 0

    def crash(self) -> None:
        """The worker dies now; it starts again when it is asked to."""
        self._crashed, self._online = True, False
        self._prepared.clear()

    @property
    def online(self) -> bool:
        """Whether the worker runs."""
        return self._online

    async def start(self) -> None:
        """Start the worker."""
        await self._clock.sleep(START_S)
        self._crashed, self._online = False, True

    async def close(self) -> None:
        """End the worker."""
        self._online = False
        self._prepared.clear()

    async def prepare_reference(self, reference: FaceReference, passage: int | None = None) -> bytes:
        """The reference of the next capture, back as the picture for the officer."""
        await self._clock.sleep(PREPARE_S)
        if self._crashed:
            return b""
        self._prepared.add(passage)
        return reference.image

    async def capture(
        self, passage: int, timeout_s: float, progress: Callable[[CaptureProgress], None], terms: CaptureTerms = ONE_ATTEMPT
    ) -> CaptureOutcome:
        """One capture: as long as the traveller needs, at most the time-out."""
        took_s = timeout_s * terms.attempts if self.blurred else self._draw.uniform(SHORTEST_CAPTURE_S, LONGEST_CAPTURE_S)
        self._captures += 1
        number = self._captures
        await self._clock.sleep(took_s / 2)
        progress(CaptureProgress(CaptureHint.HOLD_STILL, 0.5))
        await self._clock.sleep(took_s / 2)
        if self._crashed:
            return CaptureOutcome(CaptureState.ABORTED, detail="the face worker ended unexpectedly")
        if self.several:
            return CaptureOutcome(CaptureState.SEVERAL_FACES)
        if self.blurred:
            return CaptureOutcome(CaptureState.NO_USABLE_FACE)
        prepared = passage in self._prepared
        self._prepared.discard(passage)
        scores = (self._score(),) if prepared else ()
        quality = QualityScore(0.9, 120.0, 0.0, 0.0, 0.9, 0.9)
        return CaptureOutcome(CaptureState.CAPTURED, FaceProbe(PROBE, quality, 9 + number % 7, PadResult(0.02)), scores, PROBE)

    async def observe(self, _subject: Subject) -> Impostors | None:
        """Nothing: these scores are drawn, so there is nobody to compare with."""
        return None

    async def abandon(self, passage: int | None = None) -> None:
        """Forget the reference of a passage, or all."""
        if passage is None:
            self._prepared.clear()
        self._prepared.discard(passage)

    async def look(self) -> None:
        """Whether worker and camera answer; raises DeviceError."""
        if not self._online:
            raise DeviceError("look at the camera", "the face worker ended unexpectedly")

    def _score(self) -> ComparisonScore:
        value = self._draw.gauss(*GENUINE) if self.genuine else min(self._draw.gauss(*IMPOSTOR), LARGEST_IMPOSTOR)
        return ComparisonScore(ENGINE, max(0.0, min(1.0, value)), THRESHOLD, FMR_PPM, CALIBRATION)
