"""A face program as an operator would write one around a vendor's library: here dlib plays the vendor (docs/faces.md).

Started as `python dlib_program.py FIVE_POINTS RESNET`. It knows nothing of the lane but the protocol: length-prefixed CBOR
arrays on standard input and output.
"""

import struct
import sys

import cbor2
import dlib
import numpy as np


def main() -> None:
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(sys.argv[1])
    net = dlib.face_recognition_model_v1(sys.argv[2])
    while header := sys.stdin.buffer.read(4):
        kind, number, *rest = cbor2.loads(sys.stdin.buffer.read(struct.unpack(">I", header)[0]))
        if kind == "begin":
            answer = ["ready", number, 1, "dlib 20 sample", "vector", 128, True]
        elif kind == "detect":
            rgb = picture(*rest)
            boxes, scores, _ = detector.run(rgb, 1, 0.3)
            answer = ["faces", number, [face(predictor, rgb, box, score) for box, score in zip(boxes, scores, strict=True)]]
        elif kind == "embed":
            *frame, numbers = rest
            rgb = picture(*frame)
            left, top, width, height = (round(value) for value in numbers[:4])
            shape = predictor(rgb, dlib.rectangle(left, top, left + width, top + height))
            answer = ["template", number, np.asarray(net.compute_face_descriptor(rgb, shape, 1), "<f4").tobytes()]
        else:
            answer = ["refused", number, f"{kind} is not offered"]
        body = cbor2.dumps(answer)
        sys.stdout.buffer.write(struct.pack(">I", len(body)) + body)
        sys.stdout.buffer.flush()


def picture(width: int, height: int, pixels: bytes) -> np.ndarray:
    return np.ascontiguousarray(np.frombuffer(pixels, np.uint8).reshape(height, width, 3)[:, :, ::-1])


def face(predictor: dlib.shape_predictor, rgb: np.ndarray, box: dlib.rectangle, score: float) -> list[float]:
    """Box, five points (mouth corners where faces have them), score."""
    parts = [(part.x, part.y) for part in predictor(rgb, box).parts()]
    left = np.add(parts[0], parts[1]) / 2
    right = np.add(parts[2], parts[3]) / 2
    along = left - right
    mouth = (left + right) / 2 + 0.95 * np.array([-along[1], along[0]])
    points = [right, left, np.array(parts[4]), mouth - 0.4 * along, mouth + 0.4 * along]
    numbers = [box.left(), box.top(), box.right() - box.left(), box.bottom() - box.top(), *np.concatenate(points), score]
    return [float(value) for value in numbers]


if __name__ == "__main__":
    main()
