"""The worker as its own process, behind the client, with real engines and scenes: every ending, every way to die.

P9, P11, P12, P13; the check is aborted, never the controller.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from egate.app import face_client
from egate.app.clock import SystemClock
from egate.app.demo.faces import DemoFaces, chip_portrait
from egate.app.face_client import FaceClient
from egate.faces.decode import decode_face_image
from egate.ipc.frames import FrameReader
from egate.model.errors import DeviceError, MalformedData
from egate.model.face import CaptureHint, CaptureOutcome, CaptureProgress, CaptureState, FaceReference, ImageFormat

PROGRAM = (sys.executable, "-m", "egate.app.face_worker")


@dataclass
class Gate:
    """A worker whose camera shows the scene that `show` chooses."""

    client: FaceClient
    link: Path
    scenes: Path
    frames: Path

    def show(self, scene: str) -> None:
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(self.scenes / scene)

    async def capture(self, timeout_s: float = 6.0) -> tuple[CaptureOutcome, list[CaptureProgress]]:
        told: list[CaptureProgress] = []
        return await self.client.capture(1, timeout_s, told.append), told

    @property
    def pid(self) -> int:
        worker = self.client._worker
        assert worker is not None
        return worker._process.pid


@pytest.fixture
def play(scenes: Path, tmp_path: Path) -> Callable[..., None]:
    """Run a story against a running worker, and close it whatever happens."""

    @asynccontextmanager
    async def gate(*more: str) -> AsyncIterator[Gate]:
        link, frames = tmp_path / "now", tmp_path / "frames"
        words = ("--camera", f"files:{link}@30", "--frames", str(frames), *more)
        here = Gate(FaceClient((*PROGRAM, *words), SystemClock()), link, scenes, frames)
        here.show("traveller_a")
        await here.client.start()
        try:
            yield here
        finally:
            await here.client.close()

    def run(story: Callable[[Gate], Coroutine[object, object, None]], *more: str) -> None:
        async def told() -> None:
            async with gate(*more) as here:
                await story(here)

        asyncio.run(told())

    return run


@pytest.fixture(scope="session")
def references(demo_faces: DemoFaces) -> dict[str, FaceReference]:
    photographs = {
        "traveller_a": demo_faces.traveller_a[0],
        "traveller_b": demo_faces.traveller_b,
        "traveller_c": demo_faces.traveller_c,
    }
    return {role: FaceReference(chip_portrait(path), ImageFormat.JPEG2000) for role, path in photographs.items()}


def test_every_scene_ends_as_intended(play: Callable[..., None], references: dict[str, FaceReference]) -> None:
    async def story(gate: Gate) -> None:
        for role, reference in references.items():
            gate.show(role)
            jpeg = await gate.client.prepare_reference(reference)
            assert decode_face_image(jpeg).shape == (400, 300, 3)
            outcome, told = await gate.capture()
            assert outcome.state is CaptureState.CAPTURED, role
            assert [score.engine for score in outcome.scores] == ["sface", "dlib"]
            assert all(score.matched and score.fmr_ppm == 1000 for score in outcome.scores), role
            assert outcome.reference_jpeg == jpeg
            assert outcome.probe is not None
            assert outcome.probe.quality.usable
            assert outcome.probe.pad is not None
            assert outcome.probe.pad.score is None or outcome.probe.pad.cues, "a score says what spoke"
            assert decode_face_image(outcome.probe.image).shape[0] <= 480
            assert told[0].hint is CaptureHint.COME_CLOSER
            assert told[-1].share == 1.0
        await other_person(gate, references)
        await unusable_scenes(gate, references["traveller_a"])

    play(story, "--second", "dlib")


def test_references_read_ahead_wait_for_their_own_traveller(
    play: Callable[..., None], references: dict[str, FaceReference]
) -> None:
    """P22: the next document is read while somebody is inside; nobody takes another's portrait; forgetting one keeps one."""

    async def story(gate: Gate) -> None:
        client = gate.client
        for passage, role in ((1, "traveller_a"), (2, "traveller_b"), (3, "traveller_c")):
            assert await client.prepare_reference(references[role], passage)
        first, _ = await gate.capture()
        assert first.scores[0].matched, "1's own portrait, though the worker held 3's last"
        await client.abandon(3)
        gate.show("traveller_b")
        second = await client.capture(2, 6.0, lambda _: None)
        assert second.scores[0].matched
        assert not (await client.capture(3, 6.0, lambda _: None)).scores, "forgotten with its passage"

    play(story)


async def other_person(gate: Gate, references: dict[str, FaceReference]) -> None:
    gate.show("traveller_a")
    await gate.client.prepare_reference(references["traveller_b"])
    outcome, _ = await gate.capture()
    assert outcome.state is CaptureState.CAPTURED
    assert len(outcome.scores) == 2
    assert not any(score.matched for score in outcome.scores)


async def unusable_scenes(gate: Gate, reference: FaceReference) -> None:
    expected = {
        "blurred": CaptureState.NO_USABLE_FACE,
        "empty": CaptureState.NO_USABLE_FACE,
        "two_people": CaptureState.SEVERAL_FACES,
    }
    for scene, state in expected.items():
        gate.show(scene)
        await gate.client.prepare_reference(reference)
        outcome, told = await gate.capture(0.9)
        assert outcome.state is state, scene
        assert outcome.scores == (), "no score without a usable probe"
        assert (outcome.probe is None) == (scene == "empty"), "the officer sees the best there was"
        assert told


def test_a_reference_serves_one_capture_of_one_passage(play: Callable[..., None], references: dict[str, FaceReference]) -> None:
    """P13: nobody is compared with the traveller before them."""

    async def story(gate: Gate) -> None:
        await gate.client.prepare_reference(references["traveller_a"])
        assert (await gate.capture())[0].scores
        again, _ = await gate.capture()
        assert (again.state, again.scores, again.detail) == (
            CaptureState.CAPTURED,
            (),
            "no reference was prepared for this capture",
        )
        await gate.client.prepare_reference(references["traveller_a"], passage=7)
        assert (await gate.capture())[0].scores == ()
        await gate.client.prepare_reference(references["traveller_a"])
        await gate.client.abandon()
        assert (await gate.capture())[0].scores == ()

    play(story)


def test_malformed_references_end_without_a_score_and_the_worker_lives(
    play: Callable[..., None], references: dict[str, FaceReference]
) -> None:
    whole = references["traveller_a"].image
    corrupt = whole[:400] + bytes(byte ^ 0x5A for byte in whole[400:900]) + whole[900:2000]

    async def story(gate: Gate) -> None:
        before = gate.pid
        gate.show("traveller_c")
        for image in (corrupt, b"\xff\xd8\xff" + bytes(50)):
            shown = await gate.client.prepare_reference(FaceReference(image, ImageFormat.JPEG2000))
            outcome, _ = await gate.capture()
            assert outcome.scores == ()
            assert outcome.state is CaptureState.CAPTURED
            assert shown or outcome.detail == "the reference image is malformed"
        with pytest.raises(MalformedData):
            await gate.client.compare(whole, b"no image")
        assert await gate.client.prepare_reference(references["traveller_c"])
        assert (await gate.capture())[0].scores[0].matched
        assert gate.pid == before

    play(story)


def test_a_killed_worker_aborts_the_check_and_the_next_capture_works(
    play: Callable[..., None], references: dict[str, FaceReference]
) -> None:
    async def story(gate: Gate) -> None:
        gate.show("empty")
        await gate.client.prepare_reference(references["traveller_a"])
        first = gate.pid
        seen = asyncio.Event()
        running = asyncio.create_task(gate.client.capture(1, 20.0, lambda _: seen.set()))
        await seen.wait()
        os.kill(first, signal.SIGKILL)
        outcome = await running
        assert (outcome.state, outcome.detail) == (CaptureState.ABORTED, "it ended unexpectedly")
        gate.show("traveller_a")
        await gate.client.prepare_reference(references["traveller_a"])
        assert (await gate.capture())[0].scores[0].matched
        assert gate.pid != first

    play(story)


def test_a_reference_outlives_a_worker_that_dies_before_the_capture(
    play: Callable[..., None], references: dict[str, FaceReference]
) -> None:
    async def story(gate: Gate) -> None:
        await gate.client.prepare_reference(references["traveller_a"])
        os.kill(gate.pid, signal.SIGKILL)
        while gate.client.online:
            await SystemClock().sleep(0.01)
        assert (await gate.capture())[0].scores[0].matched

    play(story)


def test_a_hanging_worker_is_ended_at_the_deadline(
    play: Callable[..., None], references: dict[str, FaceReference], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_client, "CAPTURE_GRACE_S", 0.3)

    async def story(gate: Gate) -> None:
        await gate.client.prepare_reference(references["traveller_a"])
        stopped = gate.pid
        os.kill(stopped, signal.SIGSTOP)
        outcome, _ = await gate.capture(0.3)
        assert outcome.state is CaptureState.ABORTED
        assert outcome.detail.startswith("no answer within")
        monkeypatch.setattr(face_client, "CAPTURE_GRACE_S", 5.0)
        await gate.client.prepare_reference(references["traveller_a"])
        assert (await gate.capture())[0].scores[0].matched
        assert not Path(f"/proc/{stopped}").exists(), "the hanging one is gone"

    play(story)


def test_preview_runs_only_while_a_capture_does_and_abandoning_stops_it(
    play: Callable[..., None], references: dict[str, FaceReference]
) -> None:
    async def story(gate: Gate) -> None:
        reader = FrameReader(gate.frames)
        assert reader.read() is None
        gate.show("blurred")
        seen = asyncio.Event()
        running = asyncio.create_task(gate.client.capture(1, 20.0, lambda _: seen.set()))
        await seen.wait()
        frame = reader.read()
        assert frame is not None
        assert frame.width == frame.height == 480
        assert await gate.client.ping(), "a worker that captures answers between frames"
        await gate.client.abandon()
        outcome = await running
        assert (outcome.state, outcome.detail) == (CaptureState.ABORTED, "abandoned")
        assert reader.read() is None, "nothing of the traveller stays"
        assert set(gate.frames.read_bytes()[24:]) == {0}
        reader.close()

    play(story)


def test_a_cancelled_capture_stops_in_the_worker_too(play: Callable[..., None], references: dict[str, FaceReference]) -> None:
    async def story(gate: Gate) -> None:
        gate.show("empty")
        before, seen = gate.pid, asyncio.Event()
        running = asyncio.create_task(gate.client.capture(1, 20.0, lambda _: seen.set()))
        await seen.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        gate.show("traveller_a")
        await gate.client.prepare_reference(references["traveller_a"])
        assert (await gate.capture())[0].scores[0].matched
        assert gate.pid == before

    play(story)


def test_a_camera_without_frames_aborts(play: Callable[..., None]) -> None:
    async def story(gate: Gate) -> None:
        gate.link.unlink()
        outcome, _ = await gate.capture(1.0)
        assert outcome.state is CaptureState.ABORTED
        assert "no such directory" in outcome.detail
        gate.show("traveller_a")
        assert (await gate.capture())[0].state is CaptureState.CAPTURED

    play(story)


def test_two_images_are_compared_without_a_capture(
    play: Callable[..., None], demo_faces: DemoFaces, references: dict[str, FaceReference]
) -> None:
    async def story(gate: Gate) -> None:
        live = demo_faces.traveller_a[1].read_bytes()
        (same,) = await gate.client.compare(references["traveller_a"].image, live)
        (other,) = await gate.client.compare(references["traveller_c"].image, live)
        assert same.matched
        assert not other.matched
        assert gate.client.versions[0][0].startswith("sface-")

    play(story)


def test_the_child_gives_up_what_it_does_not_need(play: Callable[..., None]) -> None:
    async def story(gate: Gate) -> None:
        limits = Path(f"/proc/{gate.pid}/limits").read_text()
        rows = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
        assert rows["Max core file size"] == ["0", "0"]
        assert rows["Max address space"] == [str(3 * 1024**3)] * 2
        assert rows["Max open files"] == ["64", "64"]
        status = Path(f"/proc/{gate.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert os.getpriority(os.PRIO_PROCESS, gate.pid) >= os.getpriority(os.PRIO_PROCESS, 0)

    play(story)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--engine", "arcface"), "'arcface' is none of dlib"),
        (("--fmr-ppm", "100"), "not calibrated for 100 ppm"),
        (("--camera", "usb"), "'usb' is none of files:PATH@FPS, v4l2:PATH@FPS, video:PATH@FPS, none"),
        (("--camera", "v4l2:/dev/v4l/by-path/none"), "there is no such device; plug the camera in"),
        (("--camera", "v4l2:/dev/video99"), "this name goes to whatever was plugged in first"),
        (
            ("--camera", "files:/x", "--camera-settings", '{"gain": 3}'),
            "a directory of images has no exposure",
        ),
    ],
)
def test_a_start_that_must_fail_says_why(words: tuple[str, ...], sentence: str) -> None:
    async def story() -> None:
        client = FaceClient((*PROGRAM, *words), SystemClock())
        with pytest.raises(DeviceError, match=sentence):
            await client.start()
        outcome = await client.capture(1, 1.0, lambda _: None)
        assert outcome.state is CaptureState.ABORTED
        assert sentence in outcome.detail
        await client.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    "command",
    [
        ("/no/such/program",),
        (sys.executable, "-c", "print('this is no protocol' * 9)"),
        (sys.executable, "-c", "raise SystemExit(3)"),
        (
            sys.executable,
            "-c",
            "import sys; sys.stdout.buffer.write(bytes.fromhex('00000007 82 64646f6e65 01')); sys.stdout.flush(); input()",
        ),
    ],
)
def test_another_program_is_no_worker(command: tuple[str, ...]) -> None:
    async def story() -> None:
        client = FaceClient(command, SystemClock())
        with pytest.raises(DeviceError):
            await client.start()
        assert await client.prepare_reference(FaceReference(b"x", ImageFormat.JPEG)) == b""
        assert (await client.capture(1, 1.0, lambda _: None)).state is CaptureState.ABORTED
        assert not client.online
        await client.close()

    asyncio.run(story())


def test_the_worker_ends_with_its_controller(tmp_path: Path) -> None:
    """No process stays behind: the end of the pipe is the end of the worker, and the preview file goes with it."""
    frames = tmp_path / "frames"
    with subprocess.Popen((*PROGRAM, "--frames", str(frames)), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read(4) != b""
        process.stdin.close()
        assert process.wait(30) == 0
    assert not frames.exists()
