"""A decoder that hangs, grows or crashes: the worker ends or refuses, the next one works, and the comparison has no score."""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from egate.app.clock import SystemClock
from egate.app.face_client import FaceClient
from egate.checks.biometric import check_capture
from egate.faces.confinement import address_space_bytes, confined
from egate.model.checks import CheckResult
from egate.model.errors import DeviceError
from egate.model.face import CaptureState, FaceReference, ImageFormat
from tests.unit.faces.test_face_decode import JP2

PROGRAM = (sys.executable, str(Path(__file__).with_name("worker_with_a_decoder.py")))
SPINNING = "from egate.faces.confinement import confined\nwith confined(cpu_s=0.2):\n    while True: pass"


def test_time_beyond_the_limit_ends_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", SPINNING], timeout=30, check=False)
    assert ended.returncode == -signal.SIGPROF


def test_memory_beyond_the_limit_is_refused_and_the_limits_are_lifted_again() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    size = 256 * 1024 * 1024
    with confined(memory_bytes=64 * 1024 * 1024):
        assert resource.getrlimit(resource.RLIMIT_AS)[0] <= address_space_bytes() + 64 * 1024 * 1024
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
        with pytest.raises(MemoryError):
            bytearray(size)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert signal.getitimer(signal.ITIMER_PROF)[0] == 0
    assert len(bytearray(size)) == size


MISDEEDS = ["exec", "fork", "socket", "write", "append", "trace", "kill", "ring", "memory_file"]
"""What a decoder that was taken over would try first (worker_with_a_decoder.py)."""


@pytest.mark.parametrize("end", ["spin", "crash", *MISDEEDS])
def test_a_decoder_that_ends_the_worker(end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No second worker is risked for the same image; the capture goes on with one that works, and ends without a score."""
    planted = tmp_path / "planted"
    monkeypatch.setenv("PLANTED_FILE", str(planted))

    async def story() -> None:
        client = FaceClient((*PROGRAM, end), SystemClock())
        await client.start()
        try:
            first = client._worker
            assert await client.prepare_reference(FaceReference(JP2, ImageFormat.JPEG2000)) == b""
            assert [kept.problem for kept in client._kept.values()] == ["decoding the reference image ended the face worker"]
            outcome = await client.capture(1, 1.0, lambda _: None)
            assert (outcome.state, outcome.scores) == (CaptureState.ABORTED, ())
            assert not all(check.result is CheckResult.SUCCESSFUL for check in check_capture(outcome))
            assert client._worker is not first
            assert await client.ping(), "the worker that took its place answers"
        finally:
            await client.close()

    asyncio.run(story())
    assert not planted.exists()


@pytest.mark.parametrize("misdeed", ["exec", "socket", "write", "fork", "kill"])
def test_a_camera_library_that_is_taken_over_ends_the_worker(
    misdeed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only decoders: what the worker needs no more after loading it cannot do at any time."""
    planted = tmp_path / "planted"
    monkeypatch.setenv("PLANTED_FILE", str(planted))

    async def story() -> None:
        client = FaceClient((*PROGRAM, f"camera:{misdeed}", "--camera", f"files:{tmp_path}@30"), SystemClock())
        await client.start()
        try:
            first = client._worker
            outcome = await client.capture(1, 1.0, lambda _: None)
            assert (outcome.state, outcome.scores) == (CaptureState.ABORTED, ())
            assert await client.ping()
            assert client._worker is not first
        finally:
            await client.close()

    asyncio.run(story())
    assert not planted.exists()


def test_a_decoder_that_grows_is_refused_and_the_worker_lives() -> None:
    async def story() -> None:
        client = FaceClient((*PROGRAM, "grow"), SystemClock())
        await client.start()
        try:
            first = client._worker
            with pytest.raises(DeviceError, match="MemoryError"):
                await client.compare(JP2, JP2)
            assert client._worker is first
            assert await client.ping()
        finally:
            await client.close()

    asyncio.run(story())
