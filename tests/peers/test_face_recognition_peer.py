"""The dlib engine against the library whose models it drives: the same numbers, to 1e-6.

The library runs in a process of its own, because importing it loads models that we never load.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from egate.app.demo.faces import ensure_demo_faces, read_photograph
from egate.app.face_worker import make_engine
from egate.model.errors import DeviceError

PEER = """
import json, sys
import face_recognition
images = map(face_recognition.load_image_file, sys.argv[1:])
print(json.dumps([[encoding.tolist() for encoding in face_recognition.face_encodings(image)] for image in images]))
"""


@pytest.mark.foreign
def test_templates_equal_those_of_face_recognition(tmp_path: Path) -> None:
    try:
        faces = ensure_demo_faces()
    except DeviceError as error:
        pytest.skip(f"the demo photographs are not to be had here: {error.problem}")
    pictures = []
    for number, path in enumerate((*faces.traveller_a, faces.traveller_b, faces.traveller_c)):
        frame = read_photograph(path)
        scale = 600 / max(frame.shape[:2])
        small = cv2.resize(frame, None, fx=min(1.0, scale), fy=min(1.0, scale), interpolation=cv2.INTER_AREA)
        pictures.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(pictures[-1]), small)
    command = [sys.executable, "-W", "ignore", "-c", PEER, *map(str, pictures)]
    run = subprocess.run(command, check=False, capture_output=True, timeout=100)
    assert run.returncode == 0, run.stderr.decode()[-500:]
    answers = json.loads(run.stdout)
    engine = make_engine("dlib")
    for path, expected in zip(pictures, answers, strict=True):
        frame = read_photograph(path)
        (face,) = engine.detect(frame)
        mine = engine.embed(frame, face)
        differences = [np.abs(mine.vector * mine.norm - np.array(theirs)).max() for theirs in expected]
        assert min(differences) < 1e-6, "the library may find a face in clothes too, which our bound leaves out"
