"""The [camera] table: every key, every contradiction refused in one sentence (I14), and the words that reach the worker."""

from __future__ import annotations

import tomllib

import pytest

from drivers.camera.controls import CameraControls, ExposureMode
from egate.app.camera_config import CameraConfig, Tilting, cameras_from_words, read_cameras

LIVE = 'source = "v4l2:/dev/v4l/by-id/a@15"\n'
TWO = 'sources = ["v4l2:/dev/v4l/by-id/a@15", "v4l2:/dev/v4l/by-id/b@15"]\n'
REACHING = "heights_cm = [112, 156]\nview_deg = 75\nface_distance_cm = 100\n"


class RefusedError(Exception):
    """What the reader of a lane's file would raise."""


def read(text: str) -> CameraConfig:
    return read_cameras(tomllib.loads(text), lambda key, problem: RefusedError(f"[camera] {key} {problem}"))


def test_one_camera_is_as_simple_as_ever() -> None:
    config = read(LIVE)
    assert config == CameraConfig(("v4l2:/dev/v4l/by-id/a@15",))
    assert config.words() == ("--camera", "v4l2:/dev/v4l/by-id/a@15")
    assert read('source = "none"').words() == ("--camera", "none")


def test_everything_that_can_be_said() -> None:
    config = read(
        LIVE + "exposure_us = 9900\ngain = 3\nwhite_balance_k = 5000\npower_line_hz = 50\nfocus = 20\npan_deg = -2\n"
        "tilt_deg = -4.5\ntilting = true\nleast_tilt_deg = -25\nmost_tilt_deg = 12\nview_deg = 60\nheights_cm = [150]\n"
        "face_distance_cm = 90\ncapture_timeout_s = 9\n"
    )
    assert config.controls == CameraControls(ExposureMode.MANUAL, 9900, 3, 5000, 50, 20, -2.0, -4.5)
    assert config.tilting == Tilting(-25, 12, -4.5, 60)
    assert read(LIVE + 'exposure = "face"').controls == CameraControls(ExposureMode.FACE)
    assert read(LIVE + 'exposure = "auto"').controls == CameraControls(ExposureMode.AUTO)
    assert read(LIVE + "tilting = true\nview_deg = 60").tilting == Tilting(-30, 30, 0, 60)
    assert read(TWO + REACHING).sources == ("v4l2:/dev/v4l/by-id/a@15", "v4l2:/dev/v4l/by-id/b@15")


@pytest.mark.parametrize("text", [LIVE, TWO, LIVE + "gain = 3", TWO + 'exposure = "face"\npower_line_hz = 60\ntilt_deg = 1.5'])
def test_the_worker_understands_what_is_said(text: str) -> None:
    config = read(text)
    words = config.words()
    sources = tuple(words[index + 1] for index, word in enumerate(words) if word == "--camera")
    settings = words[words.index("--camera-settings") + 1] if "--camera-settings" in words else ""
    assert cameras_from_words(sources, settings) == config
    tilting = read(LIVE + "tilting = true\nview_deg = 60")
    assert cameras_from_words(tilting.sources, tilting.settings_text()) == tilting


@pytest.mark.parametrize(
    "text", ["[", "[]", "3", '{"gain": 3, "colour": 4}', '{"exposure": "bright"}', '{"tilting": [1]}', '{"tilting": 3}']
)
def test_other_words_are_no_settings(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        cameras_from_words(("none",), text)


REFUSALS = [
    ("", "source is missing"),
    ("source = 3", "source is missing"),
    (LIVE + 'sources = ["none"]', "sources stands beside source"),
    ("sources = []", "sources must be a list of 1 to 6 cameras"),
    ('sources = "files:x"', "sources must be a list"),
    ('sources = ["files:x", "files:x"]', "sources names a camera twice"),
    ('sources = ["files:x", "none"]', "sources none is no camera"),
    (LIVE + "exposure_us = 99", "exposure_us must be a whole number from 100 to 1000000"),
    (LIVE + "exposure_us = -1", "exposure_us must be"),
    (LIVE + 'exposure = "manual"', 'exposure must be "auto" or "face"'),
    (LIVE + 'exposure = "face"\nexposure_us = 500', 'exposure_us contradicts exposure = "face"'),
    (LIVE + "gain = 2.5", "gain must be a whole number"),
    (LIVE + "gain = true", "gain must be a whole number"),
    (LIVE + "white_balance_k = 20000", "white_balance_k must be a whole number from 2000 to 10000"),
    (LIVE + "power_line_hz = 55", "power_line_hz must be 50, 60, or 0"),
    (LIVE + "power_line_hz = false", "power_line_hz must be"),
    (LIVE + "focus = -1", "focus must be"),
    (LIVE + "tilt_deg = 91", "tilt_deg must be a number from -90 to 90"),
    (LIVE + "tilt_deg = nan", "tilt_deg must be a number"),
    (LIVE + "pan_deg = 'left'", "pan_deg must be a number"),
    (LIVE + "tilting = 1", "tilting must be true or false"),
    (LIVE + "tilting = true", "tilting needs view_deg"),
    (LIVE + "tilting = true\nview_deg = 60\nleast_tilt_deg = 5", "tilt_deg must lie between least_tilt_deg and most_tilt_deg"),
    (LIVE + "least_tilt_deg = 5", "least_tilt_deg counts only with tilting = true"),
    (TWO + "tilting = true\nview_deg = 60", "tilting a camera that tilts is the only one"),
    (LIVE + "view_deg = 5", "view_deg must be a number from 10 to 150"),
    (LIVE + "heights_cm = [150]", "heights_cm is checked only together with view_deg and face_distance_cm"),
    (LIVE + "face_distance_cm = 90", "heights_cm is checked only together"),
    (LIVE + "heights_cm = [150, 160]\nview_deg = 60\nface_distance_cm = 90", "heights_cm must list a height from 50 to 300"),
    (TWO + REACHING.replace("[112, 156]", "[156, 112]"), "heights_cm must rise: the lowest camera is the first"),
    (TWO + REACHING.replace("112", "12"), "heights_cm must list a height from 50 to 300 for each camera"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSALS)
def test_each_fault_is_named_with_its_key(text: str, sentence: str) -> None:
    """I14."""
    with pytest.raises(RefusedError) as refused:
        read(text)
    assert str(refused.value).startswith(f"[camera] {sentence}")


def test_cameras_that_leave_somebody_out_are_refused_with_the_heights() -> None:
    """I14: travellers of 140 to 200 cm, and seated ones, must find a camera."""
    with pytest.raises(RefusedError, match=r"heights_cm leaves somebody out: .*seated travellers.*nobody sees eyes at 109 to 1"):
        read(LIVE + "heights_cm = [160]\nview_deg = 80\nface_distance_cm = 90")
    assert read(LIVE + "heights_cm = [160]\nview_deg = 80\nface_distance_cm = 90\nseated = false").sources
    assert read(LIVE + "heights_cm = [150]\nview_deg = 55\nface_distance_cm = 90\ntilting = true").tilting
    assert read(TWO + REACHING).sources
