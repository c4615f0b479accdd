"""A challenge by the kiosk's own screen: colours that a face must reflect, or looks that a head must follow, always new.

What was shown is known only when it is shown, so a video made before cannot answer. A print reflects colours as a face does and
cannot look; a display reflects little, and a video of somebody looking looks at the wrong time. A challenge that could not be
seen to its end is not answered and not failed: the result is omitted, and an officer looks.

Colours change twice a second at most: three flashes a second are the limit that guards people with photosensitive epilepsy
(WCAG 2.3.1).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import FivePoints
from egate.faces.pad.cues.view import FACE_PX, View
from egate.model.face import Challenge, ChallengeKind

LIGHT_STEP_S = 0.5
LIGHT_STEPS = 6
LOOK_STEP_S = 1.5
LOOK_STEPS = 3

COLOURS = ((255, 70, 70), (70, 255, 70), (80, 80, 255), (255, 255, 80), (80, 255, 255), (255, 80, 255))
"""Red, green, blue of what the screen may show: none saturated, all bright enough to light a face."""

LATEST_ANSWER_S = 0.35
"""A screen, a camera and their buffers take up to so long between showing and seeing."""

LOOK_AWAY = 0.13
"""How far the nose must move along the eyes, in inter-eye distances, for a look to the side: about 16°."""

LOOK_HELD_SHARE = 0.5
"""The last part of a step, in which the head must be turned: what comes before may belong to the step before."""

FEWEST_FRAMES_A_STEP = 2

_ENTROPY_BYTES = 16
_LAGS_S = tuple(lag * 0.05 for lag in range(round(LATEST_ANSWER_S / 0.05) + 1))


class PlanKind(Enum):
    """What kind of challenge a plan is."""

    NONE = "none"
    LIGHT = "light"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class ChallengePlan:
    """What the screen shows, step by step, each for `step_s` seconds from the start of the session."""

    kind: PlanKind
    steps: tuple[Challenge, ...] = ()
    step_s: float = LIGHT_STEP_S

    @property
    def lasts_s(self) -> float:
        """How long the whole challenge takes, with the last answer's delay."""
        return len(self.steps) * self.step_s + (LATEST_ANSWER_S if self.kind is PlanKind.LIGHT else 0.0)


NO_CHALLENGE = ChallengePlan(PlanKind.NONE)


@dataclass(frozen=True, slots=True)
class Glance:
    """What a challenge needs of one frame: seconds from the start of the session, the face's colour, and its five points.

    `colour`: logarithms of blue, green and red of the inner face against the light of the hall.
    """

    at_s: float
    colour: tuple[float, float, float]
    points: FivePoints = field(repr=False)


def glance_of(at_s: float, view: View) -> Glance:
    """The glance of a view."""
    inner = view.face[FACE_PX // 4 : -FACE_PX // 6, FACE_PX // 4 : -FACE_PX // 4].reshape(-1, 3).mean(axis=0)
    blue, green, red = (float(value) for value in np.log(inner + 1.0) - np.log(np.array(view.ambient) + 1.0))
    return Glance(at_s, (blue, green, red), view.points)


def draw_plan(kind: PlanKind, entropy: bytes) -> ChallengePlan:
    """A plan drawn from fresh entropy (16 bytes or more); neighbouring colours differ, looks go to either side."""
    if len(entropy) < _ENTROPY_BYTES:
        raise ValueError(f"a challenge needs {_ENTROPY_BYTES} bytes of entropy")
    if kind is PlanKind.LIGHT:
        return ChallengePlan(kind, tuple(Challenge(ChallengeKind.LIGHT, colour) for colour in _colours(entropy)), LIGHT_STEP_S)
    if kind is PlanKind.LOOK:
        sides = (ChallengeKind.LOOK_LEFT, ChallengeKind.LOOK_RIGHT)
        looks = [sides[byte & 1] for byte in entropy[:LOOK_STEPS]]
        return ChallengePlan(kind, tuple(Challenge(look) for look in looks), LOOK_STEP_S)
    return NO_CHALLENGE


def _colours(entropy: bytes) -> list[tuple[int, int, int]]:
    shown: list[tuple[int, int, int]] = []
    for byte in entropy[:LIGHT_STEPS]:
        choices = [colour for colour in COLOURS if not shown or colour != shown[-1]]
        shown.append(choices[byte % len(choices)])
    return shown


def shown_at(plan: ChallengePlan, elapsed_s: float) -> Challenge | None:
    """What the screen shows so long after the session began; None before and after the plan."""
    step = math.floor(elapsed_s / plan.step_s)
    return plan.steps[step] if 0 <= step < len(plan.steps) else None


def answer_of(plan: ChallengePlan, seen: Collection[Glance]) -> float | None:
    """How badly a face answered, 0…1 with the limit at 0.5; None when the frames do not cover every step."""
    counts = [sum(1 for glance in seen if math.floor(glance.at_s / plan.step_s) == step) for step in range(len(plan.steps))]
    if not counts or min(counts) < FEWEST_FRAMES_A_STEP:
        return None
    return 1 - max(0.0, light_answer(plan, seen)) if plan.kind is PlanKind.LIGHT else _looks_missed(plan, seen)


def light_answer(plan: ChallengePlan, seen: Collection[Glance]) -> float:
    """Correlation (−1…1) of the face's colour changes with the colours shown, at the delay that fits best."""
    times = [glance.at_s for glance in seen]
    colours = _chroma(np.array([glance.colour for glance in seen]))
    best = -1.0
    for lag in _LAGS_S:
        shown = [shown_at(plan, at - lag) for at in times]
        known = np.array([challenge is not None for challenge in shown])
        if int(known.sum()) < FEWEST_FRAMES_A_STEP * len(plan.steps) // 2:
            continue
        expected = np.log(np.array([challenge.colour[::-1] for challenge in shown if challenge is not None], np.float64))
        best = max(best, _correlation(_chroma(expected), colours[known]))
    return best


def _chroma(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without brightness, which exposure control and shadows change."""
    return np.asarray(logarithms - logarithms.mean(axis=1, keepdims=True), np.float64)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    first, second = (values - values.mean(axis=0) for values in (one, other))
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 1e-9 else 0.0


def _looks_missed(plan: ChallengePlan, seen: Collection[Glance]) -> float:
    """0 when every look was followed, 0.5 for one miss, 1 from two on."""
    missed = 0
    for number, challenge in enumerate(plan.steps):
        begin = (number + 1 - LOOK_HELD_SHARE) * plan.step_s
        turns = [_turn(glance.points) for glance in seen if begin <= glance.at_s < (number + 1) * plan.step_s]
        # The traveller's left is the frame's right: frames are not mirrored.
        side = 1 if challenge.kind is ChallengeKind.LOOK_LEFT else -1
        missed += not turns or statistics.median(side * turn for turn in turns) < LOOK_AWAY
    return min(1.0, missed * 0.5)


def _turn(points: FivePoints) -> float:
    """Where the nose lies along the eyes, in inter-eye distances from their middle; positive to the frame's right."""
    eyes, middle = max(points.inter_eye_px, 1.0), points.eye_middle
    along_x, along_y = (points.left_eye.x - points.right_eye.x) / eyes, (points.left_eye.y - points.right_eye.y) / eyes
    return ((points.nose.x - middle.x) * along_x + (points.nose.y - middle.y) * along_y) / eyes
