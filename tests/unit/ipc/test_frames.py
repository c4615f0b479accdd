"""The shared preview: newest frame only, never a torn one, nothing left after `clear`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from egate.ipc.frames import FrameReader, FrameWriter
from egate.model.errors import DeviceError


def test_a_frame_is_read_as_bgra_of_the_agreed_side(tmp_path: Path) -> None:
    writer, reader = FrameWriter(tmp_path / "f", 32), FrameReader(tmp_path / "f")
    assert reader.read() is None
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :, 0] = 7
    writer.write(picture)
    frame = reader.read()
    assert frame is not None
    assert (frame.width, frame.height, frame.number) == (32, 32, 1)
    assert frame.pixels == bytes((7, 0, 0, 255)) * 32 * 32
    writer.close()
    reader.close()


def test_the_square_is_cut_from_the_centre(tmp_path: Path) -> None:
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[:, 32:96] = 200
    with_whole_factor = FrameWriter(tmp_path / "f", 32)
    with_whole_factor.write(picture)
    frame = FrameReader(tmp_path / "f").read()
    assert frame is not None
    assert set(frame.pixels) == {200, 255}


def test_a_large_frame_is_reduced_and_a_small_one_kept(tmp_path: Path) -> None:
    writer, reader = FrameWriter(tmp_path / "f", 50), FrameReader(tmp_path / "f")
    for given, kept in ((130, 50), (75, 50), (20, 20)):
        writer.write(np.full((given, given, 3), 9, np.uint8))
        frame = reader.read()
        assert frame is not None
        assert frame.width == kept
        assert frame.pixels == bytes((9, 9, 9, 255)) * kept * kept


def test_nothing_is_left_after_clear(tmp_path: Path) -> None:
    writer, reader = FrameWriter(tmp_path / "f", 32), FrameReader(tmp_path / "f")
    writer.write(np.full((32, 32, 3), 77, np.uint8))
    writer.clear()
    assert reader.read() is None
    assert 77 not in (tmp_path / "f").read_bytes()[28:]


def test_a_frame_under_way_is_not_read(tmp_path: Path) -> None:
    writer, reader = FrameWriter(tmp_path / "f", 32), FrameReader(tmp_path / "f")
    writer.write(np.full((32, 32, 3), 1, np.uint8))
    writer._begin()
    assert reader.read() is None
    writer._end()
    assert reader.read() is not None


def test_a_new_file_at_the_same_path_is_followed(tmp_path: Path) -> None:
    first, reader = FrameWriter(tmp_path / "f", 32), FrameReader(tmp_path / "f")
    first.write(np.full((32, 32, 3), 1, np.uint8))
    assert reader.read() is not None
    first.close()
    assert reader.read() is None
    second = FrameWriter(tmp_path / "f", 48)
    second.write(np.full((48, 48, 3), 2, np.uint8))
    frame = reader.read()
    assert frame is not None
    assert frame.width == 48


@pytest.mark.parametrize("content", [b"", b"x", b"EGFRAME1" + b"\xff" * 16 + b"\x10", b"EGFRAME1" + bytes(12) + b"\x20\0\0\0"])
def test_a_file_that_is_not_ours_shows_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    assert FrameReader(tmp_path / "f").read() is None


def test_the_file_is_for_its_owner_only_and_goes_away(tmp_path: Path) -> None:
    writer = FrameWriter(tmp_path / "f", 32)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600
    writer.close()
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_side_or_place_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="side"):
        FrameWriter(tmp_path / "f", 4000)
    with pytest.raises(DeviceError, match="preview"):
        FrameWriter(tmp_path / "absent" / "f", 32)


def test_the_readers_side_needs_no_numpy() -> None:
    program = "import sys, egate.ipc.frames; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_new_writer_wipes_what_a_killed_one_left(tmp_path: Path) -> None:
    """The killed writer's file is gone from the folder, but a screen still holds it open: it must be empty (P16)."""
    killed = FrameWriter(tmp_path / "f", 32)
    killed.write(np.full((32, 32, 3), 200, np.uint8))
    with (tmp_path / "f").open("rb") as held:
        FrameWriter(tmp_path / "f", 32).close()
        left = held.read()
    assert left == bytes(len(left))
    assert len(left) > 32 * 32 * 4


def test_a_link_at_the_place_of_the_frames_is_not_followed(tmp_path: Path) -> None:
    """Whoever may write into the folder must not make the camera's process overwrite another file."""
    other = tmp_path / "other"
    other.write_bytes(b"keep me")
    (tmp_path / "f").symlink_to(other)
    FrameWriter(tmp_path / "f", 32).close()
    assert not (tmp_path / "f").is_symlink()
    os.link(other, tmp_path / "f")
    FrameWriter(tmp_path / "f", 32).close()
    assert other.read_bytes() == b"keep me"
