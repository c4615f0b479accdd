"""Any ONNX network for presentation attacks as one more opinion, by path and SHA-256 (the shape of MiniFASNet, Silent-Face).

Contract: a square piece of the frame around the face, `crop_scale` times the face box, `side_px` wide, BGR with values 0…255
(no other scaling) as 1×3×side×side; the output is 1×classes, taken through a softmax; `bona_fide_index` names the class of a
live face. OpenCV runs it on one thread. A wrong hash, a graph that OpenCV cannot run, another number of classes or a value that
is no number is refused in words. Networks of that shape judge the surroundings as much as the face, so they are asked with the
quality gate passed, and can only make a finding worse.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from egate.faces.engine import Box, DetectedFace, Frame
from egate.model.errors import DeviceError

MAX_NETWORK_BYTES = 64 * 1024 * 1024
"""Networks of this kind have a few megabytes."""

SIDES_PX = (32, 512)
CROP_SCALES = (1.0, 6.0)
MAX_CLASSES = 16

_DOING = "load an attack network"


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """Which network, and how it wants its input; `bona_fide_index` is the class of a live face among `classes`."""

    path: Path
    sha256: str
    crop_scale: float = 2.7
    side_px: int = 80
    classes: int = 3
    bona_fide_index: int = 1


class FaceNetwork:
    """A loaded network; raises DeviceError in a sentence when it is not the one that was asked for, or does not fit."""

    def __init__(self, spec: NetworkSpec) -> None:
        _refuse_misfit(spec)
        content = _content(spec)
        self._spec = spec
        try:
            self._net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
            self._net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
        except cv2.error as error:
            raise DeviceError(_DOING, f"OpenCV {cv2.__version__} cannot read {spec.path.name} ({error.code})") from None
        # Once before anybody waits: shapes are proved, and the first run allocates.
        self.opinion(np.full((spec.side_px, spec.side_px, 3), 128, np.uint8), _SOMEWHERE)

    @property
    def model_id(self) -> str:
        """`pad-` and the start of the file's hash."""
        return f"pad-{self._spec.sha256[:8]}"

    def opinion(self, frame: Frame, face: DetectedFace | Box) -> float:
        """How surely the network takes a face for an attack, 0…1; raises DeviceError for an output of another form."""
        box = face.box if isinstance(face, DetectedFace) else face
        piece = crop_around(frame, box, self._spec.crop_scale, self._spec.side_px)
        self._net.setInput(np.ascontiguousarray(piece.transpose(2, 0, 1)[None], np.float32))
        try:
            output = np.asarray(self._net.forward(), np.float64).reshape(-1)
        except cv2.error as error:
            raise DeviceError(_DOING, f"{self._spec.path.name} does not take {piece.shape} ({error.code})") from None
        if output.size != self._spec.classes:
            raise DeviceError(_DOING, f"{self._spec.path.name} gives {output.size} values; {self._spec.classes} were agreed")
        if not np.isfinite(output).all():
            raise DeviceError(_DOING, f"{self._spec.path.name} gives values that are no numbers")
        chances = np.exp(output - output.max())
        return round(float(1 - chances[self._spec.bona_fide_index] / chances.sum()), 3)


_SOMEWHERE = Box(0.0, 0.0, 16.0, 16.0)


def crop_around(frame: Frame, box: Box, scale: float, side_px: int) -> Frame:
    """The box, `scale` times as large about its middle or as large as the frame allows, moved into the frame, at `side_px`."""
    height, width = frame.shape[:2]
    scale = min(scale, (height - 1) / max(box.height, 1.0), (width - 1) / max(box.width, 1.0))
    wide, tall = box.width * scale, box.height * scale
    left = min(max(0.0, box.centre.x - wide / 2), width - 1 - wide)
    top = min(max(0.0, box.centre.y - tall / 2), height - 1 - tall)
    piece = frame[int(top) : max(int(top) + 1, int(top + tall) + 1), int(left) : max(int(left) + 1, int(left + wide) + 1)]
    return np.asarray(cv2.resize(piece, (side_px, side_px), interpolation=cv2.INTER_LINEAR), np.uint8)


def _refuse_misfit(spec: NetworkSpec) -> None:
    """Raise DeviceError for a contract that no network of this shape has."""
    if not SIDES_PX[0] <= spec.side_px <= SIDES_PX[1]:
        raise DeviceError(_DOING, f"side_px must be {SIDES_PX[0]} to {SIDES_PX[1]}")
    if not CROP_SCALES[0] <= spec.crop_scale <= CROP_SCALES[1]:
        raise DeviceError(_DOING, f"crop_scale must be {CROP_SCALES[0]:g} to {CROP_SCALES[1]:g}")
    if not (2 <= spec.classes <= MAX_CLASSES and 0 <= spec.bona_fide_index < spec.classes):
        raise DeviceError(_DOING, f"classes must be 2 to {MAX_CLASSES}, and bona_fide_index one of them")


def _content(spec: NetworkSpec) -> bytes:
    """The verified bytes of the file: those that were hashed are those that are loaded."""
    try:
        with spec.path.open("rb") as file:
            content = file.read(MAX_NETWORK_BYTES + 1)
    except OSError as error:
        raise DeviceError(_DOING, f"{spec.path.name} cannot be read ({error.strerror})") from None
    if len(content) > MAX_NETWORK_BYTES:
        raise DeviceError(_DOING, f"{spec.path.name} is larger than {MAX_NETWORK_BYTES} bytes")
    digest = hashlib.sha256(content).hexdigest()
    if not hmac.compare_digest(digest, spec.sha256.lower()):
        raise DeviceError(_DOING, f"{spec.path.name} has SHA-256 {digest}; expected {spec.sha256}")
    return content
