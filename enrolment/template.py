"""The template of an enrolled face: made by the engine that decides at the gate, from the station's own image.

Rules: a template is kept with the engine's model and is compared with templates of the same model only; the image came out of
another process, so it is decoded under the limits of any foreign image.
"""

from __future__ import annotations

import numpy as np

from egate.faces.confinement import decode_confined
from egate.faces.decode import decode_face_image
from egate.faces.engine import FaceEngine
from egate.model.errors import DeviceError
from enrolment.registered import FaceTemplate


def template_of(engine: FaceEngine, image: bytes) -> FaceTemplate:
    """The template of the largest face of a JPEG: its vector as little-endian 32-bit floats; raises DeviceError without one."""
    frame = decode_confined(decode_face_image, image)
    faces = engine.detect(frame)
    if not faces:
        raise DeviceError("making a template", "the engine finds no face in the accepted image")
    template = engine.embed(frame, faces[0])
    return FaceTemplate(engine.model_id, np.asarray(template.vector, dtype="<f4").tobytes())
