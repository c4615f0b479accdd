"""A vendor's program behind the port: driven for real, and outlived when it dies, hangs or lies (D1, P11)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cbor2
import numpy as np
import pytest

from egate.app.clock import SystemClock
from egate.app.demo.faces import DemoFaces, read_photograph
from egate.faces.comparison import appoint
from egate.faces.engine import Box, DetectedFace, FaceEngine, FivePoints, Point
from egate.faces.engines.program_engine import REST_S, ProgramEngine
from egate.faces.engines.registry import make_engine
from egate.faces.weights import DLIB_FIVE_POINTS, DLIB_RESNET
from egate.model.errors import DeviceError
from egate.weights import weights_path
from tests.unit.faces.engines.descriptions import BAD_PROGRAM, DLIB_PROGRAM, PYTHON_HASH, program_description

CLOCK = SystemClock().monotonic
FRAME = np.random.default_rng(6).integers(0, 255, (80, 100, 3), np.uint8)
POINTS = FivePoints(Point(20, 25), Point(40, 25), Point(30, 35), Point(22, 48), Point(38, 48))
FACE = DetectedFace(Box(10, 10, 40, 50), POINTS, 0.9)
Make = Callable[..., ProgramEngine]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes an engine around the bad program; all are closed at the end."""
    made: list[ProgramEngine] = []

    def make_bad(how: str, *arguments: str, metric: str = "cosine", now: Callable[[], float] = CLOCK) -> ProgramEngine:
        text = program_description(BAD_PROGRAM, [how, *arguments], model="bad 1", metric=metric)
        (tmp_path / "acme.toml").write_text(text)
        engine = make_engine("program:acme.toml", tmp_path, now)
        assert isinstance(engine, ProgramEngine)
        made.append(engine)
        return engine

    yield make_bad
    for engine in made:
        engine.close()


def test_a_program_around_dlib_gives_dlibs_numbers(tmp_path: Path, dlib_engine: FaceEngine, demo_faces: DemoFaces) -> None:
    """The sample program is driven for real and agrees with the engine that drives dlib directly."""
    weights = [str(weights_path(DLIB_FIVE_POINTS)), str(weights_path(DLIB_RESNET))]
    text = program_description(DLIB_PROGRAM, weights, model="dlib 20 sample", metric="euclid", answer_ms=5000)
    (tmp_path / "dlib.toml").write_text(text)
    engine = make_engine("program:dlib.toml", tmp_path, CLOCK)
    assert isinstance(engine, ProgramEngine)
    try:
        frame = np.ascontiguousarray(read_photograph(demo_faces.traveller_a[1])[::2, ::2])
        face = dlib_engine.detect(frame)[0]
        ours, theirs = engine.embed(frame, face), dlib_engine.embed(frame, face)
        assert np.allclose(ours.vector, theirs.vector, atol=1e-6)
        assert engine.compare(ours, ours) == pytest.approx(1)
        found = engine.detect(frame)[0]
        assert found.points.nose == pytest.approx(face.points.nose, abs=8)
        assert engine.detect(np.full((100, 100, 3), 127, np.uint8)) == ()
        with pytest.raises(DeviceError, match="acme has no calibration"):
            appoint(engine, 1000)
    finally:
        engine.close()


def test_a_good_program_answers(make: Make) -> None:
    engine = make("good")
    assert engine.detect(FRAME) == (FACE,)
    template = engine.embed(FRAME, FACE)
    assert template.vector.shape == (8,)
    assert engine.compare(template, template) == pytest.approx(1)


def test_opaque_templates_are_compared_by_the_program_alone(make: Make) -> None:
    engine = make("opaque", metric="program")
    with pytest.raises(DeviceError, match="its template has 16 bytes, it promised 8 at most"):
        engine.embed(FRAME, FACE)
    honest = make("good", metric="program")
    template = honest.embed(FRAME, FACE)
    assert honest.compare(template, template) == 0.75, "the program's word, not ours"
    assert "only" not in repr(template)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("dies", "it ended with status 3"),
        ("crashes", "it was ended by SIGKILL"),
        ("hangs", "it did not answer in time"),
        ("garbage", "a message of .* bytes; the limit"),
        ("no_cbor", "not an answer of the agreed form"),
        ("tagged", "not an answer of the agreed form"),
        ("length", "a message of 4294967295 bytes; the limit"),
        ("nan", "its template holds NaN or infinity"),
        ("zero", "its template is zero"),
        ("dimension", "its template has 36 bytes, not 8 numbers of four"),
        ("other_number", "not an answer to what was asked"),
        ("twice", "it answered more than it was asked"),
        ("other_kind", "spoke of something else"),
    ],
)
def test_a_program_that_goes_wrong_is_ended_and_started_again(make: Make, tmp_path: Path, how: str, words: str) -> None:
    engine = make(how, str(tmp_path / "done"))
    with pytest.raises(DeviceError, match=f"acme: .*{words}"):
        engine.embed(FRAME, FACE)
    assert engine.embed(FRAME, FACE).vector.shape == (8,), "another program serves the next call"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("outside", "found a face outside the frame"),
        ("four_points", "not an answer of the agreed form"),
        ("crowd", "not an answer to what was asked"),
        ("nan", "asked for faces and spoke of something else"),
    ],
)
def test_faces_that_cannot_be_are_refused(make: Make, tmp_path: Path, how: str, words: str) -> None:
    engine = make(how, str(tmp_path / "done"))
    with pytest.raises(DeviceError, match=words):
        engine.detect(FRAME)
    assert engine.detect(FRAME) == (FACE,)


def test_a_program_that_stops_reading_cannot_hold_the_worker(make: Make) -> None:
    engine = make("stops_reading")
    with pytest.raises(DeviceError, match="it did not answer in time"):
        engine.detect(np.zeros((2000, 2000, 3), np.uint8))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("other_model", "it calls itself other, the description says bad 1"),
        ("other_version", "not an answer of the agreed form"),
        ("opaque", "its templates are opaque: the metric must be program, not cosine"),
    ],
)
def test_a_program_that_is_not_the_described_one_does_not_start(make: Make, how: str, words: str) -> None:
    with pytest.raises(DeviceError, match=words):
        make(how)


def test_a_program_that_never_begins_does_not_start(make: Make) -> None:
    with pytest.raises(DeviceError, match="it did not answer in time"):
        make("never_begins")


def test_a_refusal_in_words_is_told_cleanly_and_ends_nothing(make: Make) -> None:
    engine = make("refuses")
    for _ in range(5):
        with pytest.raises(DeviceError) as caught:
            engine.embed(FRAME, FACE)
    assert caught.value.problem.startswith("acme refused: no licence for today [31m!!!")
    assert caught.value.problem.isprintable()
    assert len(caught.value.problem) < 250


def test_one_that_fails_again_and_again_is_left_alone_for_a_while(make: Make) -> None:
    now = [0.0]
    engine = make("dies", now=lambda: now[0])
    for _ in range(3):
        with pytest.raises(DeviceError, match="it ended with status 3"):
            engine.embed(FRAME, FACE)
    with pytest.raises(DeviceError, match="failed 3 times in a row and is left alone"):
        engine.embed(FRAME, FACE)
    now[0] += REST_S
    with pytest.raises(DeviceError, match="it ended with status 3"):
        engine.embed(FRAME, FACE)


def test_another_program_in_its_place_is_not_started(make: Make, tmp_path: Path) -> None:
    text = program_description(BAD_PROGRAM, ["good"], model="bad 1", metric="cosine")
    (tmp_path / "changed.toml").write_text(text.replace(PYTHON_HASH, "ab" * 32))
    with pytest.raises(DeviceError, match=r"python[0-9.]* has SHA-256"):
        make_engine("program:changed.toml", tmp_path, CLOCK)


def test_a_program_sees_only_the_described_environment_and_dies_with_its_worker(tmp_path: Path) -> None:
    script = tmp_path / "tell.py"
    script.write_text(
        f"import os\nopen({str(tmp_path / 'seen')!r}, 'w').write(repr(sorted(os.environ)) + ' ' + str(os.getpid()))\n"
        + BAD_PROGRAM.read_text().replace('"""', "'''", 2)
    )
    (tmp_path / "acme.toml").write_text(program_description(script, ["good"], model="bad 1", metric="cosine"))
    code = (
        "import sys, time; from pathlib import Path; from egate.faces.engines.registry import make_engine\n"
        f"engine = make_engine('program:acme.toml', Path({str(tmp_path)!r}), time.monotonic)\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "SECRET_TOKEN": "x"})
    assert worker.stdout is not None
    try:
        assert worker.stdout.readline() == b"ready\n"
        seen, _, process = (tmp_path / "seen").read_text().rpartition(" ")
        assert "SECRET_TOKEN" not in seen
        assert "PYTHONPATH" in seen
        assert Path(f"/proc/{process}").exists()
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
    gone = Path(f"/proc/{process}/stat")
    for _ in range(200):
        if not gone.exists() or gone.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        threading.Event().wait(0.02)
    else:
        pytest.fail("the program outlived its worker")


def test_the_sample_knows_nothing_of_us() -> None:
    """An operator copies the sample: it must stand alone."""
    text = DLIB_PROGRAM.read_text()
    assert "egate" not in text
    assert cbor2.loads(cbor2.dumps(["begin", 1, 1])) == ["begin", 1, 1]
