"""`egate demo --me`: which camera is meant, what is said where there is none, and what cannot go with it."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import pytest

from egate.app.commands import demo
from egate.app.config import ConfigError
from egate.app.demo.me import WHAT_HAPPENS, camera_name, camera_words, take_portrait
from egate.app.demo.play import DemoOptions
from egate.app.demo.story import YOU
from egate.model.checks import CheckName, Outcome
from egate.model.errors import DeviceError


def test_a_video_a_folder_or_a_device_may_be_named(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"")
    assert camera_words(str(film)) == f"video:{film}@15"
    assert camera_words(str(tmp_path)) == f"files:{tmp_path}@15"
    assert camera_words("v4l2:/dev/v4l/by-id/usb-7") == "v4l2:/dev/v4l/by-id/usb-7@15"
    assert camera_words("v4l2:/dev/v4l/by-id/usb-7@30") == "v4l2:/dev/v4l/by-id/usb-7@30"


def test_without_a_name_it_is_the_first_camera_here(tmp_path: Path) -> None:
    (tmp_path / "usb-b").touch()
    (tmp_path / "usb-a").touch()
    assert camera_words("", (tmp_path / "absent", tmp_path)) == f"v4l2:{tmp_path / 'usb-a'}@15"


def test_without_a_camera_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"plug a webcam in, or name a video of yourself: egate demo --me film\.mp4") as caught:
        camera_words("", (tmp_path,))
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="no such camera, video or folder"):
        camera_words(str(tmp_path / "absent.mp4"))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("video:/home/you/film.mp4@15", "the video film.mp4"),
        ("files:/pictures@15", "the pictures in pictures"),
        ("v4l2:/dev/v4l/by-id/usb-7@15", "the camera usb-7"),
    ],
)
def test_the_camera_is_named_in_plain_words(words: str, name: str) -> None:
    assert camera_name(words) == name
    assert name in " ".join(WHAT_HAPPENS).format(camera=name)


def options(*words: str) -> object:
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return demo._options(parser.parse_args(words))


@pytest.mark.parametrize("other", [("--keep", "kept"), ("--pictures", "pictures"), ("--traveller", "genuine")])
def test_nothing_of_you_is_kept(other: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"{other[0]} cannot be given with --me"):
        options("--me", "film.mp4", *other)
    played = options("--me", "film.mp4", "--headless")
    assert isinstance(played, DemoOptions)
    assert played.pictures is None
    assert played.travellers is YOU
    assert not list(tmp_path.iterdir())


def test_you_pass_and_somebody_elses_passport_is_referred() -> None:
    you, other = YOU
    assert you.ending.outcome is Outcome.ADMIT
    assert you.portrait is you.live
    assert other.ending.outcome is Outcome.REFER
    assert other.ending.because == (CheckName.FACE_MATCH,)
    assert other.live is you.live


def test_a_video_that_shows_nobody_ends_in_a_sentence(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(DeviceError, match=r"absent\.avi: there is no such file"):
        asyncio.run(take_portrait(f"video:{tmp_path / 'absent.avi'}@15", told.append))
