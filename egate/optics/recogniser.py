"""Reading the characters of one line of print with a text recognition network.

The network is PP-OCRv4's, which the wheel `rapidocr-onnxruntime` carries (Apache-2.0), run by onnxruntime (MIT); the package's
own program is not used. Rule: only the 37 characters of the machine readable zone can be read (Doc 9303-3 §4.3), and a line has
as many as its form says: where the network's own count differs, each position is read by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from egate.model.errors import DeviceError
from egate.optics.lines import Gray, TextLine
from egate.weights import WeightFile, read_weights

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
NETWORK = WeightFile(
    "rapidocr_onnxruntime",
    "models/ch_PP-OCRv4_rec_infer.onnx",
    "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
    "pip install --no-deps rapidocr-onnxruntime==1.4.4",
)
_INPUT_HEIGHT_PX = 48
_MARGIN_PITCHES = 1.6
"""Paper left and right of the first and last character, in widths of a character, both together."""
_LOUDEST_LOG = 3
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Framing:
    """How a line is laid into the network's input: stretched sideways, and the share of the height that a character fills."""

    stretch: float
    height_share: float


@dataclass(frozen=True, slots=True)
class ReadLine:
    """The characters of one line, and how sure the network was of the least sure one (0…1)."""

    text: str = field(repr=False)
    confidence: float


class LineRecogniser:
    """One loaded network. Raises DeviceError when its weights are missing, wrong, or do not know the alphabet."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.log_severity_level = _LOUDEST_LOG
        weights = read_weights(NETWORK)
        self._session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        known = self._session.get_modelmeta().custom_metadata_map.get("character", "").splitlines()
        if not set(ALPHABET) <= set(known):
            raise DeviceError("load the text recogniser", "its characters do not include A-Z, 0-9 and <")
        self._columns = [0, *(known.index(character) + 1 for character in ALPHABET)]
        self._input = self._session.get_inputs()[0].name

    def read(self, page: Gray, line: TextLine, characters: int, framing: Framing) -> ReadLine:
        """Read a line that must have so many characters."""
        picture, pitch = _cut_out(page, line, characters, framing)
        scores = self._scores(picture)
        text, confidence = _read_freely(scores)
        if len(text) == characters:
            return ReadLine(text, confidence)
        return _read_by_position(scores, picture.shape[1], pitch, characters)

    def _scores(self, picture: Gray) -> Scores:
        """Steps along the line × (none, then the alphabet)."""
        values = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR).astype(np.float32) / 127.5 - 1
        result = self._session.run(None, {self._input: values.transpose(2, 0, 1)[None]})[0][0]
        chosen: Scores = result[:, self._columns]
        return chosen


def _cut_out(page: Gray, line: TextLine, characters: int, framing: Framing) -> tuple[Gray, float]:
    """The line made straight in the network's height, and the width of one character in it."""
    turn = np.arctan(line.slope)
    length = (line.right - line.left) / np.cos(turn)
    across = _INPUT_HEIGHT_PX * framing.height_share / line.height
    along = across * framing.stretch
    pitch = length / (characters - 1)
    width = max(_INPUT_HEIGHT_PX, int((length + pitch * _MARGIN_PITCHES) * along))
    x, y = line.middle
    rotate = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    place = np.diag((along, across)) @ rotate
    shift = np.array([width / 2, _INPUT_HEIGHT_PX / 2]) - place @ np.array([x, y])
    method = cv2.INTER_AREA if across < 1 else cv2.INTER_CUBIC
    picture = cv2.warpAffine(
        page, np.hstack([place, shift[:, None]]), (width, _INPUT_HEIGHT_PX), flags=method, borderMode=cv2.BORDER_REPLICATE
    )
    return picture.astype(np.uint8), pitch * along


def _read_freely(scores: Scores) -> tuple[str, float]:
    """What the network says with repeats taken together (connectionist temporal classification)."""
    best = scores.argmax(axis=1)
    steps = [step for step in range(len(best)) if best[step] and (step == 0 or best[step] != best[step - 1])]
    confidence = min((float(scores[step, best[step]]) for step in steps), default=0.0)
    return "".join(ALPHABET[best[step] - 1] for step in steps), confidence


def _read_by_position(scores: Scores, width_px: int, pitch_px: float, characters: int) -> ReadLine:
    """The likeliest character in each position of the line."""
    step_px = width_px / len(scores)
    first = (width_px - pitch_px * (characters - 1)) / 2
    text, confidence = "", 1.0
    for position in range(characters):
        begin = max(0, round((first + pitch_px * (position - 0.5)) / step_px))
        end = max(begin + 1, round((first + pitch_px * (position + 0.5)) / step_px))
        strongest = scores[begin:end, 1:].max(axis=0, initial=0.0)
        text += ALPHABET[int(strongest.argmax())]
        confidence = min(confidence, float(strongest.max()))
    return ReadLine(text, confidence)
