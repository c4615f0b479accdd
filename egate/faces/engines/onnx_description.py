"""What an operator writes down about an ONNX recogniser or detector: one page of TOML (docs/faces.md shows one).

The rule: everything that changes a score (weights, size, colours, normalisation, alignment, metric, detector) is part of the
engine's identity, so that a calibration made with other settings is refused like one for other weights.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from egate.faces.engines.alignment import Template5, arcface_points
from egate.faces.engines.calibrated import SignedCalibration, take_calibration
from egate.faces.engines.pinned import Fields, PinnedFile, parse_description

MIN_SIDE_PX, MAX_SIDE_PX = 16, 1024
"""Sides of a network's input that make sense for a face or a frame."""

MIN_DIMENSION, MAX_DIMENSION = 2, 4096
"""Numbers in a template; recognisers give 128 to 2048."""

MIN_STD = 1e-6
"""A smaller divisor is a mistake."""

POINT_COLUMNS = tuple(
    f"{part}_{axis}" for part in ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth") for axis in ("x", "y")
)
"""The ten columns without which a detector is of no use here: nothing could be aligned."""

CORNERS, SIZES = ("left", "top", "right", "bottom"), ("left", "top", "width", "height")
MAX_COLUMNS = 64
DOING = "read the description of an ONNX engine"


@dataclass(frozen=True, slots=True)
class InputForm:
    """How a picture becomes a network's input: value = (pixel × scale − mean) / std for each colour."""

    width_px: int
    height_px: int
    colours: str
    layout: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fold_quantised: bool


@dataclass(frozen=True, slots=True)
class RecogniserDescription:
    """A network that makes templates of aligned faces."""

    file: PinnedFile
    form: InputForm
    points: Template5
    output: str
    dimension: int
    metric: str


@dataclass(frozen=True, slots=True)
class DetectorDescription:
    """A network that finds faces: YuNet's kind, or one whose output has a row for each face with these columns."""

    file: PinnedFile
    kind: str
    form: InputForm | None = None
    output: str = ""
    columns: tuple[str, ...] = ()
    units: str = "pixels"
    least_score: float = 0.6
    overlap: float = 0.3


@dataclass(frozen=True, slots=True)
class OnnxDescription:
    """An engine of an operator's networks; without a detector YuNet finds the faces, without a calibration it may not decide."""

    name: str
    licence: str
    recogniser: RecogniserDescription
    detector: DetectorDescription | None
    calibration: SignedCalibration | None

    @property
    def model_id(self) -> str:
        """The name and eight digits of a hash over everything that changes a score."""
        told = json.dumps([_told(self.recogniser), _told(self.detector)], sort_keys=True)
        return f"{self.name}-{hashlib.sha256(told.encode('utf-8')).hexdigest()[:8]}"


def parse_onnx_description(content: bytes, base: Path) -> OnnxDescription:
    """The engine that the bytes of a description name, with paths relative to `base`; raises MalformedData."""
    fields = Fields(parse_description(content, DOING), "", DOING)
    name, licence = fields.name("name"), fields.text("licence")
    calibration = take_calibration(fields, base)
    recogniser = _recogniser(Fields(fields.take("recogniser"), "recogniser", DOING), base)
    detector = None
    if fields.has("detector"):
        detector = _detector(Fields(fields.take("detector"), "detector", DOING), base)
    fields.end()
    return OnnxDescription(name, licence, recogniser, detector, calibration)


def _told(part: RecogniserDescription | DetectorDescription | None) -> object:
    """A part as plain values, its file by hash only: a file may move."""
    if part is None:
        return None
    values = asdict(part)
    values["file"] = part.file.sha256
    return values


def _recogniser(fields: Fields, base: Path) -> RecogniserDescription:
    file = fields.pinned(base)
    form = _form(fields, square=True)
    points = _points(fields, form.width_px)
    dimension = fields.whole("dimension", MIN_DIMENSION, MAX_DIMENSION)
    metric = fields.choice("metric", ("cosine", "euclid"))
    output = fields.text("output", "")
    fields.end()
    return RecogniserDescription(file, form, points, output, dimension, metric)


def _points(fields: Fields, side_px: int) -> Template5:
    """The alignment's five points inside the input: by name, or as five pairs."""
    value = fields.take("points", "arcface")
    if value == "arcface":
        return arcface_points(side_px)
    if not isinstance(value, list) or len(value) != 5:
        raise fields.wrong("points", 'must be "arcface" or five pairs of numbers')
    pairs = tuple(_pair(pair, side_px) for pair in value)
    found = [pair for pair in pairs if pair is not None]
    if len(set(found)) != 5:
        raise fields.wrong("points", f"must be five different pairs of numbers from 0 to {side_px}")
    return tuple(found)


def _pair(value: object, side_px: int) -> tuple[float, float] | None:
    match value:
        case [int() | float() as x, int() | float() as y] if 0 <= x <= side_px and 0 <= y <= side_px:
            return float(x), float(y)
    return None


def _form(fields: Fields, *, square: bool) -> InputForm:
    """The keys about a network's input."""
    if square:
        width = height = fields.whole("side_px", MIN_SIDE_PX, MAX_SIDE_PX)
    else:
        width = fields.whole("width_px", MIN_SIDE_PX, MAX_SIDE_PX)
        height = fields.whole("height_px", MIN_SIDE_PX, MAX_SIDE_PX)
    colours = fields.choice("colours", ("rgb", "bgr"))
    layout = fields.choice("layout", ("nchw", "nhwc"), "nchw")
    scale = fields.real("scale", 1e-6, 1e3, 1.0)
    mean, std = fields.reals("mean", 3, 0.0), fields.reals("std", 3, 1.0)
    if any(abs(value) < MIN_STD for value in std):
        raise fields.wrong("std", "must not be 0")
    fold = fields.take("fold_quantised", default=False)
    if not isinstance(fold, bool):
        raise fields.wrong("fold_quantised", "must be true or false")
    return InputForm(width, height, colours, layout, scale, mean, std, fold)


def _detector(fields: Fields, base: Path) -> DetectorDescription:
    file = fields.pinned(base)
    kind = fields.choice("kind", ("yunet", "rows"))
    if kind == "yunet":
        fields.end()
        return DetectorDescription(file, kind)
    form = _form(fields, square=False)
    columns = _columns(fields)
    output = fields.text("output", "")
    units = fields.choice("units", ("pixels", "share"), "pixels")
    least_score, overlap = fields.real("least_score", 0.0, 1e6), fields.real("overlap", 0.05, 1.0, 0.3)
    fields.end()
    return DetectorDescription(file, kind, form, output, columns, units, least_score, overlap)


def _columns(fields: Fields) -> tuple[str, ...]:
    """What the columns of a row mean: a box, a score, and the five points; anything else is `skip`."""
    value = fields.take("columns")
    if not isinstance(value, list) or len(value) > MAX_COLUMNS or not all(isinstance(entry, str) for entry in value):
        raise fields.wrong("columns", f"must be a list of {MAX_COLUMNS} names at most")
    named = [entry for entry in value if entry != "skip"]
    missing = [column for column in POINT_COLUMNS if column not in named]
    if missing:
        raise fields.wrong("columns", f"lack {missing[0]}: a detector must give five points, or nothing can be aligned")
    rest = sorted(set(named) - set(POINT_COLUMNS))
    if len(set(named)) != len(named) or rest not in (sorted({*CORNERS, "score"}), sorted({*SIZES, "score"})):
        raise fields.wrong("columns", "must name left, top, right and bottom (or width and height), score and the points once")
    return tuple(value)
