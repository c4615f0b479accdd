"""The registered travellers as a gallery of faces: what the centre, which holds the programme's key, searches for duplicates.

A station cannot read what it stored, so no station searches by face. Rules: who did not agree to the search is not in the
gallery, nor is a registration that expired, was erased or is of another engine; each entry ends with its registration; whoever
is found is a candidate, and an officer compares.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from egate.faces.calibration import Calibration
from egate.faces.engine import Template
from egate.faces.search.gallery import Entry, Gallery, GalleryLabel
from egate.faces.search.lists import FaceList, search_lists
from egate.faces.search.threshold import threshold_for_search
from egate.model.errors import MalformedData, TrustError
from egate.model.watchlist import Hit
from egate.storage.vault import CentrePrivateKey
from enrolment.consent import Purpose
from enrolment.registered import FaceTemplate
from enrolment.store import Register, open_biometrics

LIST_NAME = "registered-travellers"


def gallery_of(register: Register, programme: CentrePrivateKey, label: GalleryLabel, today: date) -> Gallery:
    """Everybody registered today with the label's engine. Raises TrustError (another key), MalformedData or DeviceError."""
    gallery = Gallery(label)
    try:
        for traveller in register.travellers(today):
            sealed = register.sealed(traveller.identifier)
            agreed = Purpose.DUPLICATE_SEARCH in traveller.consent.purposes
            if traveller.engine != label.model_id or sealed is None or not agreed:
                continue
            template = open_biometrics(sealed, programme).template
            gallery.add([Entry(traveller.identifier, traveller.expires_on)], vector_of(template).vector[None])
    except BaseException:
        gallery.close()
        raise
    return gallery


def vector_of(template: FaceTemplate) -> Template:
    """The template that an enrolment stored, as engines compare it; raises MalformedData for what is none."""
    if not template.values or len(template.values) % 4:
        raise MalformedData("reading a stored template", "its length is that of no template")
    return Template(np.frombuffer(template.values, "<f4").astype(np.float64), 1.0)


def alike(face: FaceTemplate, gallery: Gallery, calibration: Calibration, fpir: float) -> tuple[Hit, ...]:
    """Registered travellers whose face is like this one, for an officer. Raises TrustError for another engine's template.

    Raises DeviceError where the calibration cannot support as many travellers at this FPIR.
    """
    if face.engine != gallery.label.model_id:
        raise TrustError("searching registered travellers", f"the face is of {face.engine}, they are of {gallery.label.model_id}")
    threshold = threshold_for_search(calibration, fpir, max(1, len(gallery)))
    return search_lists(vector_of(face), [FaceList(gallery, threshold)])
