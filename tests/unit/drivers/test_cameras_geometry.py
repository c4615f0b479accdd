"""Whether cameras reach travellers of 140 to 200 cm and seated ones (TR-03121 AH-FI-EGT; S8 asks the same of the screens)."""

from __future__ import annotations

import math

import pytest

from drivers.camera.geometry import (
    USABLE_SHARE,
    Band,
    Mounting,
    gaps,
    row_of,
    seated_eyes,
    seen_eyes,
    standing_eyes,
    uncovered,
)
from egate.faces.quality import MAX_OFF_CENTRE

LOW, HIGH = Mounting(112, 70), Mounting(156, 75)


def test_the_usable_part_is_the_part_where_a_capture_takes_faces() -> None:
    assert pytest.approx(2 * MAX_OFF_CENTRE) == USABLE_SHARE


def test_needed_eye_heights() -> None:
    assert standing_eyes().words == "131 to 187 cm"
    assert seated_eyes().words == "109 to 130 cm"


def test_one_camera_alone_leaves_people_out_and_two_do_not() -> None:
    assert "nobody sees eyes at 109 to" in uncovered([HIGH], 100, seated=True)
    assert uncovered([HIGH], 100, seated=False) == ""
    assert uncovered([LOW, HIGH], 100, seated=True) == ""
    assert uncovered([HIGH, LOW], 100, seated=True) == "", "the order is a matter of the configuration"
    near = uncovered([LOW, HIGH], 45, seated=True)
    assert "standing travellers of 140 to 200 cm" in near
    assert near.endswith("mount a camera at another height, add one, or let one tilt")


def test_a_tilting_camera_reaches_what_a_fixed_one_does_not() -> None:
    assert uncovered([Mounting(150, 50)], 90, seated=True)
    assert uncovered([Mounting(150, 50, -22, 15)], 90, seated=True) == ""


def test_gaps_are_the_heights_between() -> None:
    far = (Mounting(100, 40), Mounting(200, 40))
    half = 100 * math.tan(math.atan(USABLE_SHARE * math.tan(math.radians(20)))) * 1.0
    (gap,) = gaps(Band(100, 203), far, 100)
    assert gap.low_cm == pytest.approx(103.5 + half)
    assert gap.high_cm == pytest.approx(203.5 - half)
    assert gaps(Band(50, 60), far, 100) == (Band(50, 60),)
    assert [band.low_cm for band in gaps(Band(50, 300), far, 100)] == pytest.approx([50, 103.5 + half, 203.5 + half])


@pytest.mark.parametrize("tilt_deg", [-20.0, 0.0, 15.0])
@pytest.mark.parametrize("view_deg", [35.0, 60.0, 90.0])
def test_seen_heights_and_rows_agree(tilt_deg: float, view_deg: float) -> None:
    """Two ways to the same: the highest and lowest eyes that are seen lie at the edges of the usable part."""
    camera = Mounting(150, view_deg, tilt_deg, tilt_deg)
    band = seen_eyes(camera, 90)
    top = row_of(band.high_cm - 3.5, camera, 90)
    foot = row_of(band.low_cm - 3.5, camera, 90)
    assert top == pytest.approx(0.5 - USABLE_SHARE / 2)
    assert foot == pytest.approx(0.5 + USABLE_SHARE / 2)
