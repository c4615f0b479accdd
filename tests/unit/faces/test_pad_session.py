"""The attack detection of one capture: what it tells apart, what it leaves out, what it forgets. Presentations are simulated."""

from __future__ import annotations

import numpy as np
import pytest

from drivers.sim.presentations import FPS, Presentation, presentation
from drivers.sim.scene import Image, Portrait
from egate.faces.engine import DetectedFace
from egate.faces.pad.challenge import PlanKind, draw_plan
from egate.faces.pad.fusion import LIMIT_SCORE
from egate.faces.pad.injection import CameraFacts
from egate.faces.pad.session import CUT_SHORT, NO_FACE, NOT_CHOSEN, TOO_FEW, PadParts, PadSession
from egate.faces.sface_engine import YunetDetector
from egate.model.face import PadResult

SEED = 11
FOUND = tuple[tuple[Image, tuple[DetectedFace, ...]], ...]
CAMERA = CameraFacts("uvcvideo", "Gate camera", "usb-0000:00:14.0-1")


@pytest.fixture(scope="module")
def films(portraits: dict[str, Portrait]) -> dict[Presentation, FOUND]:
    """One presentation of each kind with the faces found."""
    detector = YunetDetector()
    drawn = {kind: presentation(kind, portraits["traveller_a"], count=12, seed=SEED) for kind in Presentation}
    return {kind: tuple((frame, detector.detect(frame)) for frame in frames) for kind, frames in drawn.items()}


def shown(film: FOUND, parts: PadParts | None = None, chosen: int = 6) -> PadResult:
    session = PadSession(parts)
    session.begin(100.0)
    for index, (frame, faces) in enumerate(film):
        session.observe(frame, faces, 100.0 + index / FPS)
    return session.result(chosen)


@pytest.mark.parametrize("kind", [Presentation.PRINT_WITH_BORDER, Presentation.PRINT_WITHOUT_BORDER, Presentation.SCREEN])
def test_a_person_passes_and_an_artefact_does_not(films: dict[Presentation, FOUND], kind: Presentation) -> None:
    """P11, PAD-FI-APP: a score in 0…1 with its cues, the strongest first."""
    person, artefact = shown(films[Presentation.BONA_FIDE]), shown(films[kind])
    assert person.score is not None
    assert artefact.score is not None
    assert 0 <= person.score < LIMIT_SCORE <= artefact.score <= 1
    for result in (person, artefact):
        values = [value for _, value in result.cues]
        assert values == sorted(values, reverse=True)
        assert {"border", "relief", "texture", "spectrum", "injection"} <= {name for name, _ in result.cues}
        assert not result.omitted


def test_what_cannot_be_judged_is_said(films: dict[Presentation, FOUND]) -> None:
    film = films[Presentation.BONA_FIDE]
    assert shown(()) == PadResult(None, omitted=NO_FACE)
    assert shown(tuple((frame, ()) for frame, _ in film)).omitted == NO_FACE
    assert shown(film[:3], chosen=1).omitted == TOO_FEW
    for chosen in (-1, 12, 10_000):
        assert shown(film, chosen=chosen).omitted == NOT_CHOSEN


def test_a_new_capture_knows_nothing_of_the_last(films: dict[Presentation, FOUND]) -> None:
    session = PadSession()
    session.begin(0.0)
    for index, (frame, faces) in enumerate(films[Presentation.SCREEN]):
        session.observe(frame, faces, index / FPS)
    session.begin(9.0)
    assert session.result(6) == PadResult(None, omitted=NO_FACE)


def test_another_face_does_not_inherit_what_was_seen(films: dict[Presentation, FOUND]) -> None:
    """A bona fide face first and an artefact afterwards: only the artefact's frames count, and too few count for nothing."""
    session, film = PadSession(), films[Presentation.BONA_FIDE]
    session.begin(0.0)
    for index, (frame, faces) in enumerate(film):
        session.observe(frame, faces, index / FPS)
    frame, faces = films[Presentation.SCREEN][0]
    session.observe(frame, faces, 5.0)
    assert session.result(12).omitted == TOO_FEW
    assert session.result(6).omitted == NOT_CHOSEN


def test_an_injected_still_picture_is_an_attack(films: dict[Presentation, FOUND]) -> None:
    one = films[Presentation.BONA_FIDE][0]
    result = shown((one,) * 12)
    assert result.score is not None
    assert result.score >= LIMIT_SCORE
    assert dict(result.cues)["injection"] == 1.0


def test_a_looped_file_is_an_attack(films: dict[Presentation, FOUND]) -> None:
    result = shown(films[Presentation.BONA_FIDE][:6] * 3, chosen=9)
    assert dict(result.cues)["injection"] >= LIMIT_SCORE
    assert result.score == 1.0


@pytest.mark.parametrize(
    ("started", "captured", "cue"),
    [
        (CAMERA, None, "camera_gone"),
        (CAMERA, CameraFacts("uvcvideo", "Gate camera", "usb-0000:00:14.0-2"), "camera_swapped"),
        (None, CameraFacts("v4l2 loopback", "Dummy", "platform:v4l2loopback-000"), "camera_virtual"),
    ],
)
def test_a_camera_that_is_none_of_ours_is_an_attack(
    films: dict[Presentation, FOUND], started: CameraFacts | None, captured: CameraFacts | None, cue: str
) -> None:
    result = shown(films[Presentation.BONA_FIDE], PadParts(started=started, captured=captured))
    assert result == PadResult(1.0, ((cue, 1.0),))


def test_the_same_camera_is_no_matter(films: dict[Presentation, FOUND]) -> None:
    assert shown(films[Presentation.BONA_FIDE], PadParts(started=CAMERA, captured=CAMERA)) == shown(films[Presentation.BONA_FIDE])


def test_a_challenge_that_was_cut_short_is_not_judged(films: dict[Presentation, FOUND]) -> None:
    plan = draw_plan(PlanKind.LIGHT, bytes(range(16)))
    assert shown(films[Presentation.BONA_FIDE], PadParts(plan=plan)) == PadResult(None, omitted=CUT_SHORT)


def test_nothing_of_a_frame_shows_in_a_repr(films: dict[Presentation, FOUND]) -> None:
    session = PadSession()
    session.observe(*films[Presentation.BONA_FIDE][0], 0.0)
    assert "array" not in repr(session) + repr(vars(session))


def test_small_and_outlying_faces_are_left_out() -> None:
    detector = YunetDetector()
    session = PadSession()
    session.begin(0.0)
    session.observe(np.zeros((240, 320, 3), np.uint8), detector.detect(np.zeros((240, 320, 3), np.uint8)), 0.0)
    assert session.result(0).omitted == NO_FACE
