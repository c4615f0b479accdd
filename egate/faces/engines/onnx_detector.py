"""Finding faces with an operator's network whose output has one row for each face.

The rule: a row counts only if its box and its five points are finite and the box has a size; what is found lies in the
coordinates of the frame that was given. Rows that overlap are one face, the surest.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.faces.engine import Box, DetectedFace, FivePoints, Frame, Point, largest_first
from egate.faces.engines.onnx_description import CORNERS, POINT_COLUMNS, DetectorDescription, InputForm
from egate.faces.engines.onnx_graph import OnnxGraph
from egate.model.errors import DeviceError

MAX_ROWS = 100_000
"""More rows than any detector's anchors."""

MAX_FACES = 50
"""A frame with more faces is a crowd."""

WHAT = "detector's ONNX graph"

Rows = NDArray[np.float64]


class RowsDetector:
    """A loaded detector; raises DeviceError when its output has not the described columns."""

    def __init__(self, content: bytes, description: DetectorDescription, form: InputForm) -> None:
        self._form, self._description = form, description
        self._graph = OnnxGraph(content, form, WHAT)
        self._output = self._graph.output(description.output)
        self._at = {name: at for at, name in enumerate(description.columns) if name != "skip"}
        self._rows(np.full((form.height_px, form.width_px, 3), 128, np.uint8))

    def detect(self, frame: Frame) -> tuple[DetectedFace, ...]:
        """All faces, largest first."""
        height, width = frame.shape[:2]
        scale = min(self._form.width_px / width, self._form.height_px / height)
        rows = self._rows(_letterbox(frame, scale, self._form))
        rows = rows[rows[:, self._at["score"]] >= self._description.least_score]
        if self._description.units == "share":
            rows = self._in_pixels(rows)
        boxes = self._boxes(rows)
        large = (boxes[:, 2] >= 1) & (boxes[:, 3] >= 1)
        rows, boxes = rows[large], boxes[large]
        kept = _surest(boxes, rows[:, self._at["score"]], self._description.overlap)
        return largest_first([self._face(rows[at], boxes[at] / scale, scale) for at in kept])

    def _rows(self, picture: Frame) -> Rows:
        values = self._graph.run(picture, self._output).astype(np.float64)
        columns = len(self._description.columns)
        if values.ndim == 0 or values.shape[-1] != columns or values.size > MAX_ROWS * columns:
            found = values.shape[-1] if values.ndim else 0
            raise DeviceError(f"use the {WHAT}", f"its rows have {found} columns, the description names {columns}")
        return values.reshape(-1, columns)

    def _in_pixels(self, rows: Rows) -> Rows:
        """Shares of the input's width and height as pixels of the input."""
        scaled = rows.copy()
        for name, at in self._at.items():
            if name != "score":
                across = name in ("left", "right", "width") or name.endswith("_x")
                scaled[:, at] *= self._form.width_px if across else self._form.height_px
        return scaled

    def _boxes(self, rows: Rows) -> Rows:
        """Left, top, width and height in the input's pixels."""
        if "width" in self._at:
            return rows[:, [self._at[name] for name in ("left", "top", "width", "height")]]
        corners = rows[:, [self._at[name] for name in CORNERS]]
        return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])

    def _face(self, row: Rows, box: Rows, scale: float) -> DetectedFace:
        values = [float(row[self._at[name]]) / scale for name in POINT_COLUMNS]
        points = FivePoints(*(Point(values[at], values[at + 1]) for at in range(0, 10, 2)))
        return DetectedFace(Box(*(float(value) for value in box)), points, float(row[self._at["score"]]))


def _letterbox(frame: Frame, scale: float, form: InputForm) -> Frame:
    """The frame in the input's size at the top left, the rest black."""
    width, height = max(1, int(frame.shape[1] * scale)), max(1, int(frame.shape[0] * scale))
    canvas = np.zeros((form.height_px, form.width_px, 3), np.uint8)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[:height, :width] = cv2.resize(frame, (width, height), interpolation=method)
    return canvas


def _surest(boxes: Rows, scores: Rows, overlap: float) -> list[int]:
    """Which rows remain when of overlapping ones only the surest does."""
    kept: list[int] = []
    for at in np.argsort(-scores, kind="stable"):
        if len(kept) == MAX_FACES:
            break
        if all(_overlap(boxes[at], boxes[other]) <= overlap for other in kept):
            kept.append(int(at))
    return kept


def _overlap(a: Rows, b: Rows) -> float:
    """Intersection over union of two boxes."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, float(across)) * max(0.0, float(down))
    return shared / float(a[2] * a[3] + b[2] * b[3] - shared)
