"""The registered travellers as a gallery: who is in it, who is not, and candidates for an officer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from egate.faces.search.gallery import Gallery, GalleryLabel
from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.model.watchlist import ListKind
from egate.storage.vault import CentrePrivateKey
from enrolment.consent import Purpose
from enrolment.face_gallery import LIST_NAME, alike, gallery_of, vector_of
from enrolment.registered import Biometrics, FaceTemplate, RegisteredTraveller
from enrolment.service import Station, enrol
from tests.unit.enrolment.enrolment_bench import MRZ, PROGRAMME, TODAY, Dice, consent, gathered, station
from tests.unit.faces.search.vectors import MODEL, calibration, near, people

FACES = people(4, 128, 1)
LABEL = GalleryLabel(LIST_NAME, MODEL, 128)
KNOWN = calibration((1000, 0.5, 100_000, 20))


def face(number: int, noise: float = 0.0, model: str = MODEL) -> FaceTemplate:
    vector = near(FACES[number : number + 1], noise, number)[0]
    return FaceTemplate(model, np.asarray(vector, "<f4").tobytes())


def register(desk: Station, number: int, model: str = MODEL, days: int = 365) -> RegisteredTraveller:
    person = gathered(
        mrz=replace(MRZ, document_number=f"DOC{number}"),
        template=lambda _image: face(number, model=model),
        consent=consent(days),
    )
    result = enrol(person, desk, TODAY, Dice(number))
    assert isinstance(result, RegisteredTraveller)
    return result


def test_another_face_of_a_registered_traveller_is_a_candidate(tmp_path: Path) -> None:
    desk = station(tmp_path)
    first, second = register(desk, 0), register(desk, 1)
    gallery = gallery_of(desk.register, PROGRAMME, LABEL, TODAY)
    assert {entry.entry: entry.expires_on for entry in gallery.entries} == {
        first.identifier: first.expires_on,
        second.identifier: second.expires_on,
    }
    (hit,) = alike(face(1, noise=0.4), gallery, KNOWN, 0.01)
    assert (hit.kind, hit.list_name, hit.entry) == (ListKind.FACES, LIST_NAME, second.identifier)
    assert alike(face(3), gallery, KNOWN, 0.01) == ()


def test_the_expired_the_erased_and_those_of_another_engine_are_not_in_it(tmp_path: Path) -> None:
    desk = station(tmp_path)
    kept, erased = register(desk, 0), register(desk, 1)
    register(desk, 2, model="sface-11111111")
    register(desk, 3, days=10)
    desk.register.erase(erased.identifier)
    gallery = gallery_of(desk.register, PROGRAMME, LABEL, TODAY + timedelta(days=11))
    assert [entry.entry for entry in gallery.entries] == [kept.identifier]


def test_who_did_not_agree_to_the_search_is_not_in_it(tmp_path: Path) -> None:
    desk = station(tmp_path)
    agreed = register(desk, 0)
    narrow = replace(consent(), purposes=frozenset({Purpose.COMPARISON_AT_GATE}))
    other = replace(agreed, identifier="00" * 16, document_binding=bytes(32), consent=narrow)
    desk.register.add(other, Biometrics(face(1), b"picture"), Dice(9))
    gallery = gallery_of(desk.register, PROGRAMME, LABEL, TODAY)
    assert [entry.entry for entry in gallery.entries] == [agreed.identifier]


def test_without_the_programmes_key_there_is_no_gallery(tmp_path: Path) -> None:
    desk = station(tmp_path)
    register(desk, 0)
    with pytest.raises(TrustError):
        gallery_of(desk.register, CentrePrivateKey(X25519PrivateKey.generate()), LABEL, TODAY)


def test_a_stored_template_of_another_size_is_refused(tmp_path: Path) -> None:
    desk = station(tmp_path)
    register(desk, 0)
    with pytest.raises(MalformedData, match="64 values"):
        gallery_of(desk.register, PROGRAMME, GalleryLabel(LIST_NAME, MODEL, 64), TODAY)
    for values in (b"", b"12345"):
        with pytest.raises(MalformedData):
            vector_of(FaceTemplate(MODEL, values))


def test_another_engine_and_too_many_travellers_are_refused(tmp_path: Path) -> None:
    desk = station(tmp_path)
    for number in range(4):
        register(desk, number)
    gallery = gallery_of(desk.register, PROGRAMME, LABEL, TODAY)
    with pytest.raises(TrustError, match="sface-1"):
        alike(face(0, model="sface-11111111"), gallery, KNOWN, 0.01)
    with pytest.raises(DeviceError, match="comparisons"):
        alike(face(0), gallery, KNOWN, 0.001)
    assert alike(face(0), Gallery(LABEL), KNOWN, 0.01) == ()
