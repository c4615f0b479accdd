"""Who judges, in which order, and when there is no score at all (D1, P11)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from egate.faces.calibration import Calibration, load_calibration
from egate.faces.comparison import FaceTemplates, Judge, appoint, compare_faces, surroundings
from egate.faces.engine import Box, DetectedFace, FivePoints, Frame, Point, Template
from egate.faces.live import mirrored_square
from egate.model.errors import DeviceError

POINTS = FivePoints(*[Point(0, 0)] * 5)


class ColourEngine:
    """A whole engine in three lines: the template of a face is its mean colour. For judging the judges only."""

    def __init__(self, calibration: Calibration, model_id: str) -> None:
        self.calibration = calibration
        self.model_id = model_id

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        height, width = frame.shape[:2]
        return (DetectedFace(Box(0, 0, width, height), POINTS, 1.0),) if frame.any() else ()

    def embed(self, frame: Frame, face: DetectedFace) -> Template:
        mean = frame.mean(axis=(0, 1)).astype(np.float64)
        norm = float(np.linalg.norm(mean))
        return Template(mean / norm, norm)

    def compare(self, a: Template, b: Template) -> float:
        return float(a.vector @ b.vector)


def judge(name: str) -> Judge:
    calibration = load_calibration(name)
    return appoint(ColourEngine(calibration, calibration.model_id), 1000)


RED, BLUE = (Template(np.array(vector, np.float64), 1.0) for vector in ([0, 0, 1], [1, 0, 0]))
JUDGES = (judge("sface"), judge("dlib"))


def test_scores_carry_threshold_rate_and_calibration() -> None:
    first, second = compare_faces(JUDGES, FaceTemplates((RED, RED)), FaceTemplates((RED, BLUE)))
    assert (first.engine, first.threshold, first.fmr_ppm, first.matched) == ("sface", 0.45, 1000, True)
    assert (second.engine, second.threshold, second.matched) == ("dlib", 0.53, False)
    assert first.calibration == load_calibration("sface").identity


@pytest.mark.parametrize(
    ("reference", "probe", "engines"),
    [
        ((RED, RED), (RED, RED), ["sface", "dlib"]),
        ((RED, None), (RED, RED), ["sface"]),
        ((RED, RED), (RED, None), ["sface"]),
        ((None, RED), (RED, RED), []),
        ((RED, RED), (None, RED), []),
        ((None, None), (None, None), []),
    ],
)
def test_a_second_opinion_never_stands_in_for_the_deciding_engine(
    reference: tuple[Template | None, ...], probe: tuple[Template | None, ...], engines: list[str]
) -> None:
    scores = compare_faces(JUDGES, FaceTemplates(reference), FaceTemplates(probe))
    assert [score.engine for score in scores] == engines


def test_a_calibration_for_other_weights_is_refused() -> None:
    foreign = replace(load_calibration("sface"), model_id="sface-00000000")
    with pytest.raises(DeviceError, match="calibration is for sface-00000000, the weights are sface-fb143eea"):
        appoint(ColourEngine(foreign, "sface-fb143eea"), 1000)


def test_a_rate_without_support_has_no_judge() -> None:
    calibration = load_calibration("sface")
    with pytest.raises(DeviceError, match="not calibrated for 500 ppm"):
        appoint(ColourEngine(calibration, calibration.model_id), 500)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (30, 40), (70, 85)])
def test_surroundings_stay_inside_the_frame_and_know_their_corner(left: int, top: int) -> None:
    frame: Frame = np.arange(100 * 120 * 3, dtype=np.uint32).reshape(120, 100, 3).astype(np.uint8)
    part, corner = surroundings(frame, DetectedFace(Box(left, top, 30, 35), POINTS, 1.0), 1.0)
    x, y = round(corner.x), round(corner.y)
    assert np.array_equal(part, frame[y : y + part.shape[0], x : x + part.shape[1]])
    assert x <= left
    assert y <= top
    assert x + part.shape[1] >= min(100, left + 30)


@pytest.mark.parametrize(("height", "width"), [(960, 720), (720, 1280), (100, 60)])
def test_the_preview_is_a_mirrored_square(height: int, width: int) -> None:
    frame = np.zeros((height, width, 3), np.uint8)
    frame[:, : width // 2] = (0, 0, 200)
    shown = mirrored_square(frame, 480)
    side = min(480, height, width)
    assert shown.shape == (side, side, 3)
    assert shown[:, side // 2 + 2 :, 2].min() == 200, "what the camera sees on the left appears on the right"
    assert shown[:, : side // 2 - 2].max() == 0


def test_templates_never_show_in_a_repr() -> None:
    assert "1." not in repr(RED)
    assert "array" not in repr(FaceTemplates((RED, None)))
