"""Each cue on its own, on drawn pictures: it sees what it is for, and nothing where there is nothing."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from egate.faces.engine import Box, DetectedFace, FivePoints, Frame, Point
from egate.faces.pad.cues.border import border_measures
from egate.faces.pad.cues.life import eye_opening, life_measures
from egate.faces.pad.cues.relief import UNKNOWN, nose_sway, relief_measures
from egate.faces.pad.cues.repetition import loop_measure, repetition_measures
from egate.faces.pad.cues.spectrum import band_strength, banding, spectrum_measures
from egate.faces.pad.cues.texture import texture_measures
from egate.faces.pad.cues.view import DETAIL_PX, FACE_PX, ROWS, SURROUND_PX, View, anchor_of, make_view

SIDE = 520
MIDDLE = SIDE / 2
EYES = 80.0
Noise = NDArray[np.float32]


def noise(seed: int, shape: tuple[int, ...], size: float, deviation: float) -> Noise:
    """Even noise of a grain's size with this standard deviation."""
    drawn = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32), (0, 0), size)
    return np.asarray(drawn / drawn.std() * deviation, np.float32)


def points_at(x: float, y: float, eyes: float = EYES, nose: float = 0.0) -> FivePoints:
    """Five points with the eyes' middle at a place; `nose` shifts the nose, in inter-eye distances."""
    return FivePoints(
        Point(x - eyes / 2, y),
        Point(x + eyes / 2, y),
        Point(x + nose * eyes, y + 0.6 * eyes),
        Point(x - 0.4 * eyes, y + 1.05 * eyes),
        Point(x + 0.4 * eyes, y + 1.05 * eyes),
    )


def face_at(points: FivePoints) -> DetectedFace:
    middle, eyes = points.eye_middle, points.inter_eye_px
    return DetectedFace(Box(middle.x - eyes, middle.y - eyes, 2 * eyes, 2.8 * eyes), points, 0.9)


def view_of(frame: Frame, points: FivePoints, first: FivePoints | None = None) -> View:
    view = make_view(frame, face_at(points), anchor_of(face_at(first or points)))
    assert view is not None
    return view


# --- view -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "eyes"), [(MIDDLE, MIDDLE, 20.0), (-5.0, MIDDLE, EYES), (MIDDLE, SIDE + 1.0, EYES), (MIDDLE, MIDDLE, 0.0)]
)
def test_faces_too_small_or_outside_have_no_view(x: float, y: float, eyes: float) -> None:
    face = face_at(points_at(x, y, eyes))
    assert make_view(np.zeros((SIDE, SIDE, 3), np.uint8), face, anchor_of(face_at(points_at(MIDDLE, MIDDLE)))) is None


@pytest.mark.parametrize(("x", "y"), [(1.0, 1.0), (SIDE - 1.0, SIDE - 1.0), (MIDDLE, MIDDLE)])
def test_a_view_has_its_sizes_wherever_the_face_is(x: float, y: float) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    view = view_of(frame, points_at(x, y, 200.0))
    assert view.surround.shape == (SURROUND_PX, SURROUND_PX)
    assert view.face.shape == (FACE_PX, FACE_PX, 3)
    assert view.detail.shape == (DETAIL_PX, DETAIL_PX)
    assert view.rows.shape == (ROWS,)


def test_a_view_keeps_nothing_of_the_frame() -> None:
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    view = view_of(frame, points_at(MIDDLE, MIDDLE))
    frame[:] = 255
    assert max(int(picture.max()) for picture in (view.surround, view.track, view.face, view.detail, view.proof)) == 0


# --- border -----------------------------------------------------------------------------------------------------------------


def surround_with(rectangle: tuple[int, int, int, int] | None, lean_deg: float = 0.0) -> NDArray[np.uint8]:
    picture = np.full((SURROUND_PX, SURROUND_PX), 120, np.uint8)
    cv2.ellipse(picture, (80, 80), (24, 34), 0, 0, 360, 170, -1)
    if rectangle is not None:
        left, top, right, bottom = rectangle
        cv2.rectangle(picture, (left, top), (right, bottom), 230, 3)
    turn = cv2.getRotationMatrix2D((80, 80), lean_deg, 1)
    return np.asarray(cv2.warpAffine(picture, turn, (SURROUND_PX, SURROUND_PX), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize("lean_deg", [0.0, 6.0, -12.0])
def test_a_sheet_around_a_face_has_four_sides(lean_deg: float) -> None:
    with_sheet = border_measures(surround_with((30, 18, 130, 142), lean_deg))
    without = border_measures(surround_with(None, lean_deg))
    assert with_sheet.sides > 2.0
    assert with_sheet.third > 0.4
    assert with_sheet.pairs > 0.6
    assert without == (0.0, 0.0, 0.0)


def test_one_door_post_is_no_sheet() -> None:
    picture = surround_with(None)
    cv2.line(picture, (130, 0), (130, 159), 230, 3)
    measures = border_measures(picture)
    assert 0 < measures.sides <= 1
    assert measures.third == measures.pairs == 0


# --- spectrum ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cycles", [0.13, 0.21, 0.37])
@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 90.0])
def test_a_raster_stands_out_of_the_spectrum(cycles: float, angle_deg: float) -> None:
    skin = 130 + noise(2, (DETAIL_PX, DETAIL_PX), 6.0, 20.0) + noise(3, (DETAIL_PX, DETAIL_PX), 0.6, 2.0)
    x, y = np.meshgrid(np.arange(DETAIL_PX), np.arange(DETAIL_PX))
    along = x * math.cos(math.radians(angle_deg)) + y * math.sin(math.radians(angle_deg))
    raster = 5 * np.cos(2 * np.pi * cycles * along)
    plain, beaten = (spectrum_measures(np.asarray(picture.clip(0, 255), np.uint8)) for picture in (skin, skin + raster))
    assert beaten.peak > plain.peak + 0.8
    assert beaten.peaks > plain.peaks


def test_wandering_bands_stand_out_of_the_rows() -> None:
    profile = 120 + noise(4, (1, ROWS), 8.0, 25.0)[0]
    y = np.arange(ROWS)
    still = [np.asarray(profile + noise(seed, (1, ROWS), 0.5, 0.4)[0], np.float32) for seed in range(10)]
    waves = [1 + 0.02 * np.cos(2 * np.pi * (y / 30 + 0.3 * index)) for index in range(10)]
    bands = [np.asarray(rows * wave, np.float32) for rows, wave in zip(still, waves, strict=True)]
    assert banding(bands) > banding(still) + 1
    assert band_strength(bands) > 2 * band_strength(still)
    assert banding(still[:2]) == band_strength(still[:2]) == 0.0


# --- texture ----------------------------------------------------------------------------------------------------------------


def test_ink_has_less_colour_and_no_black() -> None:
    shape = (FACE_PX, FACE_PX)
    levels = [level + noise(5 + level, shape, 3.0, 14.0) for level in (90, 115, 165)]
    skin = np.stack(levels, axis=2)
    skin[40:44, 30:60] = 12
    grey = skin.mean(axis=2, keepdims=True)
    ink = 35 + 0.75 * (grey + 0.7 * (skin - grey))
    detail = np.full((DETAIL_PX, DETAIL_PX), 120, np.uint8)
    person, sheet = (texture_measures(np.asarray(face.clip(0, 255), np.uint8), detail) for face in (skin, ink))
    assert sheet.saturation < person.saturation
    assert sheet.darkest > person.darkest + 0.1
    assert sheet.redness < person.redness


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_white_have_finite_measures(level: int) -> None:
    face, detail = np.full((FACE_PX, FACE_PX, 3), level, np.uint8), np.full((DETAIL_PX, DETAIL_PX), level, np.uint8)
    values = (*texture_measures(face, detail), *spectrum_measures(detail), *border_measures(detail[:SURROUND_PX, :SURROUND_PX]))
    assert all(math.isfinite(value) for value in values)


# --- relief -----------------------------------------------------------------------------------------------------------------


def textured() -> Noise:
    return np.asarray(128 + noise(8, (SIDE, SIDE), 2.2, 40.0), np.float32)


def seen(picture: Noise) -> Frame:
    grain = noise(int(picture[7, 9] * 1000) % 1000, picture.shape, 0.5, 1.0)
    return np.asarray(np.repeat((picture + grain).clip(0, 255)[:, :, None], 3, axis=2), np.uint8)


def leaned(angle_deg: float) -> tuple[Noise, tuple[float, float]]:
    """A textured plane, turned about its upright axis, and where its middle went."""
    angle = math.radians(angle_deg)
    move = np.array([[math.cos(angle), 0, 0], [0, 1, 0], [math.sin(angle) / 800, 0, 1]])
    centre = np.array([[1, 0, MIDDLE], [0, 1, MIDDLE - 20], [0, 0, 1.0]])
    matrix = centre @ move @ np.linalg.inv(centre)
    return np.asarray(cv2.warpPerspective(textured(), matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT), np.float32), (0, 0)


def with_nose(turn_px: float) -> Noise:
    """A textured face whose nose moves by so many pixels more than its cheeks."""
    x, y = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    u, v = (x - MIDDLE) / EYES, (y - (MIDDLE - 20)) / EYES
    height = np.exp(-((u / 0.25) ** 2) - ((v - 0.6) / 0.4) ** 2).astype(np.float32)
    inside = ((u / 1.2) ** 2 + ((v - 0.35) / 1.6) ** 2 < 1).astype(np.float32)
    shift = np.asarray(turn_px * (0.5 * cv2.GaussianBlur(inside, (0, 0), 6) + height), np.float32)
    return np.asarray(cv2.remap(textured(), x - shift, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


def test_a_nose_that_moves_more_than_the_cheeks_is_relief_and_a_leaning_sheet_is_none() -> None:
    points = points_at(MIDDLE, MIDDLE - 20)
    sheet = [view_of(seen(leaned(angle)[0]), points) for angle in (0.0, 3.0, 6.0, 9.0)]
    head = [view_of(seen(with_nose(turn)), points) for turn in (0.0, 1.0, 2.0, 3.0)]
    flat, deep = relief_measures(sheet, 0), relief_measures(head, 0)
    assert deep.depth > flat.depth + 2
    assert deep.parallax > 3 * flat.parallax


def test_surroundings_that_move_along_belong_to_a_sheet() -> None:
    first = points_at(MIDDLE, MIDDLE - 20)
    picture = textured()
    x, y = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    head = (((x - MIDDLE) / (1.35 * EYES)) ** 2 + ((y - MIDDLE) / (1.9 * EYES)) ** 2 < 1).astype(np.float32)
    sheets, people = [], []
    for shift in (0.0, 3.0, 6.0):
        move = np.array([[1, 0, shift], [0, 1, 0.0]])
        moved = cv2.warpAffine(picture, move, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
        mask = cv2.warpAffine(head, move, (SIDE, SIDE))
        points = points_at(MIDDLE + shift, MIDDLE - 20)
        sheets.append(view_of(seen(np.asarray(moved, np.float32)), points, first))
        people.append(view_of(seen(np.asarray(mask * moved + (1 - mask) * picture[::-1], np.float32)), points, first))
    assert relief_measures(sheets, 0).follow > 0.9
    assert relief_measures(people, 0).follow < 0.3


def test_nothing_to_follow_is_not_known() -> None:
    points = points_at(MIDDLE, MIDDLE)
    flat = [view_of(np.full((SIDE, SIDE, 3), 90, np.uint8), points)] * 4
    assert relief_measures(flat, 1) == UNKNOWN
    assert relief_measures(flat[:1], 0) == UNKNOWN


def test_a_nose_sways_only_in_a_face_that_turns() -> None:
    still = [points_at(100 + 3 * index, 90, EYES + index) for index in range(8)]
    turning = [points_at(100, 90, nose=0.05 * math.sin(index)) for index in range(8)]
    assert nose_sway(still) < 1
    assert nose_sway(turning) > 25
    assert nose_sway(turning[:2]) == 0.0


# --- life and repetition ----------------------------------------------------------------------------------------------------


def drawn_face(lids: float, seed: int = 0) -> NDArray[np.uint8]:
    face = np.full((FACE_PX, FACE_PX, 3), 160, np.float32)
    for column in (28, 68) if lids < 1 else ():
        cv2.ellipse(face, (column, 36), (7, max(1, round(4 * (1 - lids)))), 0, 0, 360, (40, 40, 40), -1)
    return np.asarray((face + noise(seed, face.shape, 0.5, 1.0)).clip(0, 255), np.uint8)


def test_a_blink_is_seen_and_open_eyes_are_none() -> None:
    open_eyes = [drawn_face(0.0, seed) for seed in range(8)]
    blinking = [*open_eyes[:4], drawn_face(1.0, 20), *open_eyes[4:]]
    assert eye_opening(np.asarray(open_eyes[0].mean(axis=2), np.float32)) > 0.5
    assert life_measures(open_eyes).blink < 0.1
    assert life_measures(blinking).blink > 0.5
    assert life_measures(blinking).stir > life_measures(open_eyes).stir + 0.5
    assert life_measures(open_eyes[:2]) == (0.0, 0.0)


def samples(seed: int, count: int, deviation: float) -> list[NDArray[np.uint8]]:
    still = np.random.default_rng(seed).integers(40, 200, (30, 40, 3)).astype(np.float32)
    return [np.asarray((still + noise(seed + n, still.shape, 0.4, deviation)).clip(0, 255), np.uint8) for n in range(count)]


def test_a_sensor_never_repeats_itself() -> None:
    assert repetition_measures(samples(1, 10, 1.5)).same == 0.0
    assert repetition_measures(samples(1, 10, 1.5)).frozen < 0.2
    assert repetition_measures(samples(1, 10, 0.0)) == (1.0, 1.0)
    looped = samples(1, 5, 1.5) * 2
    assert repetition_measures(looped).same == pytest.approx(5 / 9)


def test_frames_of_two_sizes_and_single_frames_say_nothing() -> None:
    assert repetition_measures([*samples(1, 2, 1.0), np.zeros((4, 4, 3), np.uint8)]) == (0.0, 0.0)
    assert repetition_measures(samples(1, 1, 1.0)) == (0.0, 0.0)


def test_a_loop_of_faces_is_seen_under_fresh_noise() -> None:
    random = np.random.default_rng(9)
    faces = [np.asarray((130 + noise(100 + n, (FACE_PX, FACE_PX, 3), 6.0, 30.0)).clip(0, 255), np.uint8) for n in range(24)]
    again = [np.asarray((faces[n % 6] + random.normal(0, 1.5, faces[0].shape)).clip(0, 255), np.uint8) for n in range(24)]
    assert loop_measure(again) < -1
    assert loop_measure(faces) > -0.5
    assert loop_measure(faces[:5]) == 0.0
