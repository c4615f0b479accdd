"""Templates are kept for nobody else, found again after a kill, and forgotten when asked."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from egate.faces.calibration import Calibration
from egate.faces.evaluation import embedding
from egate.faces.evaluation.embedding import Pass, embed_all
from egate.faces.evaluation.pictures import Picture
from egate.faces.evaluation.store import MARK, Found, WorkFolder
from egate.model.errors import DeviceError, MalformedData
from tests.unit.faces.evaluation.people import DrawnEngine


class Killed(Exception):
    """Stands for the kernel's word."""


def pictures(folder: Path, count: int) -> list[Picture]:
    drawn = np.random.default_rng(3)
    found = []
    for number in range(count):
        path = folder / f"{number}.jpg"
        path.write_bytes(cv2.imencode(".jpg", drawn.integers(60, 200, (64, 64, 3), np.uint8))[1].tobytes())
        found.append(Picture(path.name, path, f"p{number // 2}"))
    return found


def test_a_killed_run_goes_on_and_makes_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "CHUNK_PICTURES", 4)
    work = WorkFolder(tmp_path / "work")
    shown = pictures(tmp_path, 11)
    first, second = DrawnEngine(), DrawnEngine()

    def die(done: int, total: int) -> None:
        if done == 7:
            raise Killed

    with pytest.raises(Killed), work.opened():
        embed_all(Pass(first, work), shown, die)
    with work.opened():
        records = embed_all(Pass(second, work), shown, lambda done, total: None)
    assert (first.made, second.made) == (7, 7), "four were kept, three lost, seven left"
    assert records is not None
    assert all(record.found is Found.TEMPLATE for record in records)
    third = DrawnEngine()
    with work.opened():
        again = embed_all(Pass(third, work), shown, lambda done, total: None)
    assert third.made == 0
    assert again is not None
    assert all(np.array_equal(one.vector, two.vector) for one, two in zip(records, again, strict=True))


def test_a_limited_run_says_that_there_is_more(tmp_path: Path) -> None:
    work, engine, shown = WorkFolder(tmp_path / "work"), DrawnEngine(), pictures(tmp_path, 5)
    with work.opened():
        assert embed_all(Pass(engine, work, limit=3), shown, lambda done, total: None) is None
        assert embed_all(Pass(engine, work, limit=3), shown, lambda done, total: None) is not None
    assert engine.made == 5


def test_templates_of_other_weights_are_not_taken(tmp_path: Path) -> None:
    work, shown = WorkFolder(tmp_path / "work"), pictures(tmp_path, 3)
    other = DrawnEngine(model_id="drawn-00000002")
    with work.opened():
        embed_all(Pass(DrawnEngine(), work), shown, lambda done, total: None)
        embed_all(Pass(other, work), shown, lambda done, total: None)
    assert other.made == 3


def test_a_picture_without_a_face_or_unreadable_is_an_outcome(tmp_path: Path) -> None:
    shown = pictures(tmp_path, 4)
    shown[1].path.write_bytes(cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    shown[2].path.write_bytes(b"\xff\xd8\xffnot a picture")
    shown[3].path.write_bytes(b"\xff\xd8\xff" + bytes(3 * 1024 * 1024))
    work = WorkFolder(tmp_path / "work")
    for _ in range(2):
        with work.opened():
            records = embed_all(Pass(DrawnEngine(), work), shown, lambda done, total: None)
        assert records is not None
        assert [one.found for one in records] == [Found.TEMPLATE, Found.NO_FACE, Found.UNREADABLE, Found.UNREADABLE]


def test_an_engine_without_a_calibration_can_be_measured_to_get_one(tmp_path: Path) -> None:
    class Uncalibrated(DrawnEngine):
        @property
        def calibration(self) -> Calibration:
            raise DeviceError("read the calibration", "there is none")

    work = WorkFolder(tmp_path / "work")
    with work.opened():
        records = embed_all(Pass(Uncalibrated(), work), pictures(tmp_path, 2), lambda done, total: None)
    assert records is not None
    assert records[0].found is Found.TEMPLATE


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    with work.opened(), pytest.raises(DeviceError, match=r"gone\.jpg: No such file"):
        embed_all(Pass(DrawnEngine(), work), [Picture("gone.jpg", tmp_path / "gone.jpg", "p")], lambda done, total: None)


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    """Templates are biometric data (P12 keeps none of them at the gate)."""
    work = tmp_path / "work"
    with WorkFolder(work).opened():
        assert work.stat().st_mode & 0o777 == 0o700
    work.chmod(0o750)
    with pytest.raises(DeviceError, match="chmod 700"), WorkFolder(work).opened():
        pass


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(DeviceError, match="other files"), WorkFolder(tmp_path).opened():
        pass


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    one, two = WorkFolder(tmp_path / "work"), WorkFolder(tmp_path / "work")
    with one.opened(), pytest.raises(DeviceError, match="another evaluation"), two.opened():
        pass


def test_forgetting_removes_templates_and_nothing_else(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    with work.opened():
        embed_all(Pass(DrawnEngine(), work), pictures(tmp_path, 3), lambda done, total: None)
    (tmp_path / "work" / "mine.txt").write_text("kept")
    assert work.forget() == 2
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["mine.txt"]
    with pytest.raises(DeviceError, match=f"no file {MARK}"):
        work.forget()
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and no more", b"\x80\x04."])
def test_a_damaged_chunk_is_refused_in_words(tmp_path: Path, damage: bytes) -> None:
    work, engine = WorkFolder(tmp_path / "work"), DrawnEngine()
    with work.opened():
        embed_all(Pass(engine, work), pictures(tmp_path, 3), lambda done, total: None)
    (chunk,) = (tmp_path / "work").glob("*/chunk-*.npz")
    chunk.write_bytes(damage)
    with pytest.raises(MalformedData, match="damaged; remove it"):
        work.records(Pass(engine, work).name)
    assert os.stat(chunk).st_size == len(damage)
