"""The monitor in the worker: through its pipe alone, and as its own confined process with real faces."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from drivers.sim.scene import Portrait, live_frames, write_scene
from egate.app.clock import SystemClock
from egate.app.demo.faces import DemoFaces, chip_portrait
from egate.app.face_client import FaceClient
from egate.faces.comparison import Judge
from egate.faces.live import WorkerParts
from egate.faces.messages import (
    Abandon,
    Answer,
    Deframer,
    MonitorCounts,
    Observe,
    Ping,
    Ready,
    Request,
    encode_request,
    parse_answer,
)
from egate.faces.monitor.cache import ReferenceCache
from egate.faces.monitor.counts import Impostors, Tally
from egate.faces.monitor.subject import Groups, Subject
from egate.faces.worker import FaceWorker, Pipe
from egate.model.face import CaptureState, FaceReference, ImageFormat
from tests.unit.faces.search.vectors import CosineEngine, calibration, people, template

JUDGE = Judge(CosineEngine(calibration((1000, 0.5, 100_000, 20))), 0.5, 1000)
FACES = people(3, 128, 1)
GROUPS = Groups("18-29", "F", "UTO", "UTO")


def subject(number: int) -> Subject:
    return Subject((bytes([number]) * 16,), GROUPS)


def served(monitor: ReferenceCache | None, *requests: Request) -> list[Answer]:
    """What a worker answers to these requests before the controller goes away."""
    (incoming, asking), (reading, outgoing) = os.pipe(), os.pipe()
    os.write(asking, b"".join(map(encode_request, requests)))
    os.close(asking)
    FaceWorker(WorkerParts((JUDGE,), None, None, 64, lambda: 0.0, None, monitor), Pipe(incoming, outgoing)).serve()
    os.close(outgoing)
    data = b"".join(iter(lambda: os.read(reading, 65536), b""))
    os.close(incoming)
    os.close(reading)
    ready, *answers = map(parse_answer, Deframer().feed(data))
    assert isinstance(ready, Ready)
    return answers


def cache_with(number: int) -> ReferenceCache:
    """One traveller was observed; the next one's capture waits for the word whose it was."""
    monitor = ReferenceCache(JUDGE, 10, 3600.0, bytes(32))
    monitor.hold(template(FACES[0]), template(FACES[0]), 0.0)
    monitor.observe(subject(0), 0.0)
    monitor.hold(template(FACES[number]), template(FACES[number]), 0.0)
    return monitor


def test_counts_come_back_through_the_pipe() -> None:
    (answer,) = served(cache_with(1), Observe(7, subject(1)))
    same = Tally(1, 0)
    assert answer == MonitorCounts(7, Impostors(GROUPS, same, (same, same, same, same)))


def test_a_ping_does_not_end_the_waiting_and_anything_else_does() -> None:
    assert served(cache_with(1), Ping(1), Observe(2, subject(1)))[-1] != MonitorCounts(2, None)
    assert served(cache_with(1), Abandon(1), Observe(2, subject(1)))[-1] == MonitorCounts(2, None)
    assert served(cache_with(1), Observe(1, subject(1)), Observe(2, subject(1)))[-1] == MonitorCounts(2, None)


def test_without_a_monitor_nothing_is_counted_or_kept() -> None:
    assert served(None, Observe(3, subject(1))) == [MonitorCounts(3, None)]


def test_a_confined_worker_compares_strangers_and_forgets_with_its_process(
    demo_faces: DemoFaces, portraits: dict[str, Portrait], tmp_path: Path
) -> None:
    """Real photographs: A, then B (nobody matched), then A once more as somebody else (a false match)."""
    link = tmp_path / "now"
    for role in ("traveller_a", "traveller_b"):
        write_scene(tmp_path / role, live_frames(portraits[role], count=12, size=(600, 800), seed=2))
    papers = {"traveller_a": chip_portrait(demo_faces.traveller_a[0]), "traveller_b": chip_portrait(demo_faces.traveller_b)}
    command = (sys.executable, "-m", "egate.app.face_worker", "--camera", f"files:{link}@30", "--monitor-references", "5")

    async def cross(client: FaceClient, role: str, number: int) -> Impostors | None:
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / role)
        await client.prepare_reference(FaceReference(papers[role], ImageFormat.JPEG2000), number)
        outcome = await client.capture(number, 20.0, lambda _: None)
        assert outcome.state is CaptureState.CAPTURED, outcome.detail
        assert outcome.scores
        return await client.observe(subject(number))

    async def story() -> None:
        link.symlink_to(tmp_path / "traveller_a")
        client = FaceClient(command, SystemClock())
        await client.start()
        try:
            counted = [
                await cross(client, role, number) for number, role in enumerate(("traveller_a", "traveller_b", "traveller_a"))
            ]
            assert [found.zero_effort for found in counted if found] == [Tally(0, 0), Tally(1, 0), Tally(2, 1)]
            assert await client.observe(subject(9)) is None, "a capture is observed once"
            assert client._worker is not None
            os.kill(client._worker._process.pid, signal.SIGKILL)
            while client.online:
                await SystemClock().sleep(0.02)
            await client.start()
            again = await cross(client, "traveller_b", 4)
            assert again is not None
            assert again.zero_effort == Tally(0, 0), "another process knows nobody"
        finally:
            await client.close()

    asyncio.run(story())
