"""One capture as the attack detection sees it: frames with their faces in, at the end a result for the chosen image.

Pure: no camera, no clock, no screen. Rules: a result is about one chosen frame of this session (PAD-FI-APP); what could not be
judged is said in `omitted`, never turned into a score; nothing of a frame outlives the session. `observe` only reduces a frame to
what the cues need (a few milliseconds), so that a capture keeps its pace; the cues are measured once, in `result`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from egate.faces.engine import DetectedFace, Frame
from egate.faces.pad.challenge import NO_CHALLENGE, ChallengePlan, Glance, answer_of, glance_of, shown_at
from egate.faces.pad.cues.view import Anchor, View, anchor_of, make_view
from egate.faces.pad.fusion import Fusion, learned_fusion
from egate.faces.pad.injection import CameraFacts, SourceTrust, judge_frames, judge_source
from egate.faces.pad.measures import Row, measure
from egate.faces.pad.network import FaceNetwork
from egate.model.errors import MalformedData
from egate.model.face import Challenge, PadResult

MOST_VIEWS = 120
"""Newest views that a session keeps: ten seconds at 12 frames a second, about 20 MB."""

MOST_MEASURED = 24
"""Views around the chosen one that are measured: two seconds."""

FEWEST_VIEWS = 4
"""Fewer frames of a face show no motion."""

MOST_GLANCES = 600
"""Frames of a challenge: ten seconds at 60 frames a second; a few numbers each."""

NEXT_TO = 2
"""Frames before and after the chosen one that a network's opinion is taken over."""

LARGEST_GAP_S = 1.0
"""A face that was away for longer may be another face: what was seen before does not count for it."""

LARGEST_JUMP_EYES = 1.5
"""Nobody's eyes are so far away in the next frame, in inter-eye distances, unless it is somebody else's."""

NO_FACE = "no face was seen"
TOO_FEW = "too few frames of the face were seen"
NOT_CHOSEN = "the chosen frame was not seen, or too long ago"
CUT_SHORT = "the challenge was not seen to its end"
NOT_MEASURED = "the frames could not be measured"


@dataclass(frozen=True, slots=True)
class _Seen:
    index: int
    now_s: float
    view: View = field(repr=False)


@dataclass(frozen=True, slots=True)
class PadParts:
    """What a session is made of; every part but the fusion may be left out.

    `fusion`: None takes the weights that ship; `plan`: what the screen asks, drawn from entropy for this session; `network`: a
    network's opinion; `started` and `captured`: what the camera said of itself when the worker started, and now.
    """

    fusion: Fusion | None = None
    plan: ChallengePlan = NO_CHALLENGE
    network: FaceNetwork | None = None
    started: CameraFacts | None = None
    captured: CameraFacts | None = None


class PadSession:
    """The attack detection of one capture; `begin` starts it again and forgets whatever was seen before."""

    def __init__(self, parts: PadParts | None = None) -> None:
        self._parts = PadParts() if parts is None else parts
        self._fusion = self._parts.fusion or learned_fusion()
        self._seen: deque[_Seen] = deque(maxlen=MOST_VIEWS)
        self._anchor: Anchor | None = None
        self._observed = 0
        self._began_s = 0.0
        self._opinions: deque[tuple[int, float]] = deque(maxlen=MOST_VIEWS)
        self._glances: deque[Glance] = deque(maxlen=MOST_GLANCES)

    def begin(self, now_s: float) -> None:
        """A capture starts."""
        self._forget()
        self._observed, self._began_s = 0, now_s

    def observe(self, frame: Frame, faces: tuple[DetectedFace, ...], now_s: float) -> None:
        """One live frame with the faces found in it (the largest first), in the order in which they were taken."""
        index, self._observed = self._observed, self._observed + 1
        if not faces:
            return
        if self._seen and not _goes_on(self._seen[-1], faces[0], now_s):
            self._forget()
        if self._anchor is None:
            self._anchor = anchor_of(faces[0])
        view = make_view(frame, faces[0], self._anchor)
        if view is None:
            return
        self._seen.append(_Seen(index, now_s, view))
        if self._parts.plan.steps:
            self._glances.append(glance_of(now_s - self._began_s, view))
        if self._parts.network is not None:
            self._opinions.append((index, self._parts.network.opinion(frame, faces[0])))

    def challenge(self, now_s: float) -> Challenge | None:
        """What the kiosk's screen should show now; None asks nothing."""
        return shown_at(self._parts.plan, now_s - self._began_s)

    def result(self, chosen_frame_index: int) -> PadResult:
        """The finding for the frame that was observed as number `chosen_frame_index` (from 0).

        1. a camera that is not the one that the lane started with, or is no camera, is an attack whatever it shows; 2. the
        chosen frame must be among those seen, with enough others; 3. fused cues; 4. the challenge and the network can only make
        it worse.
        """
        source = judge_source(self._parts.started, self._parts.captured)
        if source is not SourceTrust.PLAUSIBLE:
            return PadResult(1.0, ((f"camera_{source.value}", 1.0),))
        omitted = self._why_not(chosen_frame_index)
        if omitted:
            return PadResult(None, omitted=omitted)
        others = [("injection", judge_frames(self._views())), *self._network_says(chosen_frame_index)]
        if self._parts.plan.steps:
            answer = answer_of(self._parts.plan, self._glances)
            if answer is None:
                return PadResult(None, omitted=CUT_SHORT)
            others.append(("challenge", answer))
        try:
            score, cues = self._fusion.judge(self.measured(chosen_frame_index))
        except MalformedData:
            return PadResult(None, omitted=NOT_MEASURED)
        return _worst(score, cues, others)

    def measured(self, chosen_frame_index: int) -> Row:
        """The measures behind the score, for learning; raises MalformedData when nothing can be judged."""
        omitted = self._why_not(chosen_frame_index)
        if omitted:
            raise MalformedData("measure a presentation", omitted)
        views = self._views()
        chosen = next(place for place, one in enumerate(self._seen) if one.index == chosen_frame_index)
        start = max(0, min(chosen - MOST_MEASURED // 2, len(views) - MOST_MEASURED))
        return measure(views[start : start + MOST_MEASURED], chosen - start)

    def _views(self) -> list[View]:
        return [one.view for one in self._seen]

    def _forget(self) -> None:
        self._seen.clear()
        self._opinions.clear()
        self._glances.clear()
        self._anchor = None

    def _why_not(self, chosen: int) -> str:
        """Why nothing can be judged, or nothing."""
        if not self._seen:
            return NO_FACE
        if all(one.index != chosen for one in self._seen):
            return NOT_CHOSEN
        return TOO_FEW if len(self._seen) < FEWEST_VIEWS else ""

    def _network_says(self, chosen: int) -> list[tuple[str, float]]:
        """The network's mean opinion on the frames next to the chosen one, if there is a network."""
        near = [opinion for index, opinion in self._opinions if abs(index - chosen) <= NEXT_TO]
        return [("network", round(sum(near) / len(near), 3))] if near else []


def _goes_on(last: _Seen, face: DetectedFace, now_s: float) -> bool:
    """Whether a face is the one of the frame before: no long gap, no jump, no sudden change of size."""
    was, now = last.view.points, face.points
    apart = max(abs(was.eye_middle.x - now.eye_middle.x), abs(was.eye_middle.y - now.eye_middle.y))
    ratio = now.inter_eye_px / max(was.inter_eye_px, 1.0)
    return now_s - last.now_s <= LARGEST_GAP_S and apart <= LARGEST_JUMP_EYES * was.inter_eye_px and 0.6 < ratio < 1.7


def _worst(score: float, cues: tuple[tuple[str, float], ...], others: Sequence[tuple[str, float]]) -> PadResult:
    """The fused score, or the worst of the findings beside it."""
    every = tuple(sorted((*cues, *others), key=lambda cue: -cue[1]))
    return PadResult(max(score, *(value for _, value in others)), every)
