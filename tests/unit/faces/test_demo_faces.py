"""Fetching the demo's photographs: idempotent, hash-checked, and clear when they cannot be had."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from egate.app.demo.faces import CHIP_BYTES, DemoFaces, chip_portrait, default_directory, ensure_demo_faces, main, portrait_of
from egate.faces.decode import decode_face_image, read_header
from egate.faces.engine import FaceEngine
from egate.model.errors import DeviceError, MalformedData
from egate.model.face import ImageFormat


@pytest.fixture
def copied(demo_faces: DemoFaces, tmp_path: Path) -> Path:
    for path in (*demo_faces.traveller_a, demo_faces.traveller_b, demo_faces.traveller_c):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package index of a machine without a network."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")


def test_photographs_that_are_there_are_left_alone(copied: Path, no_network: None) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in copied.iterdir()}
    told: list[str] = []
    faces = ensure_demo_faces(copied, told.append)
    assert {path.name: path.stat().st_mtime_ns for path in copied.iterdir()} == before
    assert len(told) == 1
    assert len({*faces.traveller_a, faces.traveller_b, faces.traveller_c}) == 5


def test_a_changed_photograph_is_not_used(copied: Path, no_network: None) -> None:
    """A wrong picture counts as missing; without a network that is told, with the way out."""
    victim = copied / "biden.jpg"
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    with pytest.raises(DeviceError, match=rf"face-recognition==1\.3\.0 could not be had .* in {copied} by hand: .*biden\.jpg"):
        ensure_demo_faces(copied)


def test_the_command_says_in_one_sentence_what_is_missing(
    tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "egate" / "demo-faces"
    assert main() == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert "obama.jpg (SHA-256 0930e3aa8cae" in error
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_the_cache_is_outside_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/ones/do/not/count")
    assert default_directory() == Path.home() / ".cache" / "egate" / "demo-faces"


def test_chip_portraits_look_as_passports_carry_them(demo_faces: DemoFaces, sface: FaceEngine) -> None:
    """300×400 JPEG 2000 of about 15 KB; eyes level at the token image's place (ISO/IEC 19794-5)."""
    for path in (demo_faces.traveller_a[0], demo_faces.traveller_b, demo_faces.traveller_c):
        portrait = chip_portrait(path)
        header = read_header(portrait)
        assert (header.format, header.width, header.height) == (ImageFormat.JPEG2000, 300, 400)
        assert 0.8 * CHIP_BYTES < len(portrait) <= 1.02 * CHIP_BYTES
        frame = decode_face_image(portrait)
        (face,) = sface.detect(frame)
        assert face.points.inter_eye_px == pytest.approx(75, abs=11)
        assert face.points.eye_middle.x == pytest.approx(150, abs=6)
        assert face.points.eye_middle.y == pytest.approx(180, abs=8)


def test_a_photograph_without_a_face_is_malformed(tmp_path: Path) -> None:
    from drivers.sim.scene import empty_gate, write_scene

    (path,) = write_scene(tmp_path, empty_gate(count=1))
    for take in (chip_portrait, portrait_of):
        with pytest.raises(MalformedData, match="no face found"):
            take(path)
    path.write_bytes(b"no picture")
    with pytest.raises(MalformedData, match="no picture that OpenCV reads"):
        chip_portrait(path)
