"""`egate faces` from pictures to a signed calibration that an engine runs on; bad input in words (D1)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from egate.app.cli import main
from egate.app.commands import faces
from egate.faces.calibration import read_calibration
from egate.faces.engine import FaceEngine
from egate.faces.evaluation.score_file import parse_score_file
from egate.storage.keys import create_signing_key, load_verify_key
from tests.unit.faces.evaluation.people import DrawnEngine

ROOT = Path(__file__).resolve().parents[4]
PEOPLE, PICTURES = 60, 3


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> DrawnEngine:
    """An engine whose faces are noise, under the name of the default one."""
    drawn = DrawnEngine()

    def make(name: str) -> FaceEngine:
        assert name == "sface"
        return drawn

    monkeypatch.setattr(faces, "make_engine", make)
    return drawn


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder for each person; a person is a pattern, a picture the pattern with noise, one picture is black."""
    drawn = np.random.default_rng(11)
    folder = tmp_path / "pictures"
    for person in range(PEOPLE):
        (folder / f"p{person}").mkdir(parents=True)
        pattern = drawn.integers(60, 196, (4, 4, 3))
        for number in range(PICTURES):
            noisy = np.clip(pattern + drawn.normal(0, 12, pattern.shape), 45, 255).astype(np.uint8)
            frame = cv2.resize(noisy, (64, 64), interpolation=cv2.INTER_NEAREST)
            if (person, number) == (3, 1):
                frame[:] = 0
            _, packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])
            (folder / f"p{person}" / f"{number}.jpg").write_bytes(packed.tobytes())
    return folder


def evaluate(tmp_path: Path, pictures: Path, *more: str) -> int:
    words = ["faces", "evaluate", str(pictures), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    return main([*words, "--name", "Drawn people", *more])


def test_from_pictures_to_a_calibration_that_an_engine_runs_on(
    tmp_path: Path, pictures: Path, engine: DrawnEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """D1: evaluate, calibrate, sign, show, run; each step's file is the next one's input."""
    assert evaluate(tmp_path, pictures, "--gate-like", "--enrolled", "40", "--suspects", str(tmp_path / "look.csv")) == 0
    out = tmp_path / "out"
    report = json.loads((out / "report.json").read_text())
    assert report["samples"]["failure_to_acquire"]["events"] == 1
    assert report["calibrated"] == [], "the calibration at hand is for other weights"
    assert report["mated"] == PEOPLE * 3 - 2
    assert report["overall"][0]["fnmr_with_failures"]["events"] == report["overall"][0]["fnmr"]["events"] + 2
    assert (tmp_path / "look.csv").stat().st_mode & 0o777 == 0o600
    page = (out / "report.html").read_text()
    assert page.count("<svg") == 3
    assert not re.search(r"<script|<img|(src|href)=", page), "the page needs nothing else"
    assert all(name not in page for name in ("p3/1.jpg", "p17/0.jpg")), "it names no picture"
    own, private, public = tmp_path / "own.json", tmp_path / "key.pem", tmp_path / "key.pub"
    create_signing_key(private, public)
    made = main(
        ["faces", "calibrate", str(out / "scores.csv"), "--out", str(own), "--limit", "Drawn, not people.", "--norm", "1", "9"]
    )
    assert made == 1, "0.01 % is not supported by so few"
    assert main(["faces", "show", str(own), "--key", str(public)]) == 1, "not signed"
    assert main(["faces", "sign", str(own), "--key", str(private)]) == 0
    assert main(["faces", "show", str(own)]) == 1, "the project did not sign it"
    assert main(["faces", "show", str(own), "--key", str(public)]) == 0
    calibration = read_calibration(own, [load_verify_key(public)])
    assert calibration.model_id == engine.model_id
    assert calibration.norm is not None
    assert calibration.threshold_for(1000) > 0
    said = capsys.readouterr().out
    assert "signature: holds" in said
    assert "FMR 0.01 % is not supported: it takes at least 29956" in said


def test_a_second_run_makes_no_template_and_forget_removes_them(tmp_path: Path, pictures: Path, engine: DrawnEngine) -> None:
    assert evaluate(tmp_path, pictures, "--at-most", "100") == 1
    assert engine.made <= 100
    assert evaluate(tmp_path, pictures) == 0
    made = engine.made
    assert evaluate(tmp_path, pictures, "--binary", "--forget") == 0
    assert engine.made == made == PEOPLE * PICTURES - 1
    assert list((tmp_path / "work").iterdir()) == []
    text, packed = ((tmp_path / "out" / name).read_bytes() for name in ("scores.csv", "scores.bin"))
    assert np.array_equal(parse_score_file(text).counts.non_mated, parse_score_file(packed).counts.non_mated)


def test_the_documented_program_finds_our_figures(tmp_path: Path, pictures: Path, engine: DrawnEngine) -> None:
    """D1: docs/accuracy.md holds a program of at most 60 lines that imports nothing of ours and agrees."""
    page = (ROOT / "docs" / "accuracy.md").read_text("utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    assert len(code.splitlines()) <= 60
    assert set(re.findall(r"^import (\w+)", code, re.MULTILINE)) == {"math", "sys"}
    program = tmp_path / "fnmr.py"
    program.write_text(code, "utf-8")
    assert evaluate(tmp_path, pictures) == 0
    scores = tmp_path / "out" / "scores.csv"
    rates = ["0.3", "0.1", "0.01", "0.001"]
    said = subprocess.run([sys.executable, "-I", str(program), str(scores), *rates], capture_output=True, text=True, check=True)
    counts = parse_score_file(scores.read_bytes()).counts
    for line, rate in zip(said.stdout.splitlines(), map(float, rates), strict=True):
        threshold = counts.threshold_for(rate)
        fmr, fnmr = counts.fmr(threshold), counts.fnmr(threshold)
        wanted = (f"{rate:g}", f"{threshold:.5f}", fmr.events, fmr.trials, fnmr.events, fnmr.trials)
        assert line.split() == [*map(str, wanted), f"{fnmr.low:.6f}", f"{fnmr.high:.6f}"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate", "gone", "--work", "w", "--out", "o"], "there is no such folder of pictures"),
        (["evaluate", "pictures", "--work", "w", "--out", "o", "--fmr-ppm", "0"], "a false match rate is between"),
        (["evaluate", "pictures", "--list", "gone.csv", "--work", "w", "--out", "o"], "No such file"),
        (["evaluate", "pictures", "--pairs", "gone.txt", "--work", "w", "--out", "o"], "No such file"),
        (["evaluate", "pictures", "--work", "pictures", "--out", "o"], "work folder"),
        (["calibrate", "gone.csv", "--out", "c.json"], "No such file"),
        (["calibrate", "notes.txt", "--out", "c.json"], "this is no file of scores"),
        (["sign", "notes.txt", "--key", "key.pem"], "not a calibration"),
        (["sign", "notes.txt", "--key", "gone.pem"], "there is no such key file"),
        (["show", "notes.txt"], "not a calibration"),
        (["forget", "pictures"], "this is no work folder"),
    ],
)
def test_bad_input_ends_in_words(
    words: list[str],
    said: str,
    pictures: Path,
    engine: DrawnEngine,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tmp_path = pictures.parent
    monkeypatch.chdir(tmp_path)
    create_signing_key(tmp_path / "key.pem", tmp_path / "key.pub")
    (tmp_path / "notes.txt").write_text("no table\n")
    assert main(["faces", *words]) == 2
    errors = capfd.readouterr().err
    assert said in errors
    assert "Traceback" not in errors
