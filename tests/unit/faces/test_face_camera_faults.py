"""What a camera may do wrong and what a traveller may wear, played to the real worker: a finding, a hint, an officer (P11, P12).

Never a traceback, never a pass: whatever is played, the decision at the exit is to refer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drivers.sim.scene import write_scene
from egate.app.clock import SystemClock
from egate.app.demo.faces import DemoFaces, chip_portrait, read_photograph
from egate.app.face_client import FaceClient
from egate.checks.biometric import check_capture
from egate.faces.capture import FrameFault
from egate.faces.engine import FaceEngine, Frame
from egate.faces.health import fault_of
from egate.model.checks import CheckResult
from egate.model.face import CaptureHint, CaptureOutcome, CaptureProgress, CaptureState, FaceReference, ImageFormat
from tests.unit.faces.coverings import COVERINGS, cover
from tests.unit.faces.test_face_worker import PROGRAM

TIMEOUT_S = 0.8


@pytest.fixture(scope="session")
def good(scenes: Path) -> list[Frame]:
    """The frames of a good scene in which the traveller stands before the camera."""
    return [read_photograph(path) for path in sorted((scenes / "traveller_a").iterdir())[5:]]


def green_below(frame: Frame) -> Frame:
    torn = frame.copy()
    torn[frame.shape[0] // 2 :] = (0, 154, 0)
    return torn


def grey_below(frame: Frame) -> Frame:
    torn = frame.copy()
    torn[frame.shape[0] * 2 // 3 :] = 128
    return torn


def times(frame: Frame, gain: float) -> Frame:
    return np.asarray(np.clip(frame.astype(np.float32) * gain, 0, 255), np.uint8)


FAULTS: dict[str, tuple[Callable[[Frame], Frame], FrameFault]] = {
    "half_green": (green_below, FrameFault.TORN),
    "cut_jpeg": (grey_below, FrameFault.TORN),
    "black": (np.zeros_like, FrameFault.BLACK),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_frame_that_is_no_picture_is_told_from_one_that_is(name: str, good: list[Frame]) -> None:
    spoil, fault = FAULTS[name]
    assert fault_of(spoil(good[0]), None) is fault
    assert fault_of(good[1], spoil(good[0])) is None


def test_only_the_very_same_picture_is_frozen_and_light_is_no_fault(good: list[Frame]) -> None:
    assert fault_of(good[0], good[0].copy()) is FrameFault.FROZEN
    nearly = good[0].copy()
    nearly[::8, ::8] ^= 1
    assert fault_of(nearly, good[0]) is None
    assert fault_of(times(good[0], 0.15), None) is None, "a dark gate"
    assert fault_of(times(good[0], 8), None) is None, "a blown-out one"


@pytest.fixture(scope="session")
def plays(good: list[Frame], sface: FaceEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of frames for each story."""
    place = tmp_path_factory.mktemp("plays")
    for name, (spoil, _) in FAULTS.items():
        # As a camera does: faults with noise in the part that came, or nothing at all.
        write_scene(place / name, [spoil(frame) for frame in good])
    write_scene(place / "frozen", good[:1])
    write_scene(place / "over_exposed", [times(frame, 4) for frame in good])
    for kind in COVERINGS:
        covered = [cover(kind, frame, sface.detect(frame)[0].points, np.random.default_rng(7)) for frame in good]
        write_scene(place / kind, covered)
    return place


@pytest.fixture(scope="session")
def told(plays: Path, demo_faces: DemoFaces) -> dict[str, tuple[CaptureOutcome, list[CaptureProgress]]]:
    """What one worker said to each story, with the right person's reference each time."""
    reference = FaceReference(chip_portrait(demo_faces.traveller_a[0]), ImageFormat.JPEG2000)

    async def all_of_them() -> dict[str, tuple[CaptureOutcome, list[CaptureProgress]]]:
        link, outcomes = plays / "now", {}
        link.symlink_to(plays / "frozen")
        client = FaceClient((*PROGRAM, "--camera", f"files:{link}@30"), SystemClock())
        await client.start()
        try:
            for name in (*FAULTS, "frozen", "over_exposed", *COVERINGS):
                link.unlink()
                link.symlink_to(plays / name)
                await client.prepare_reference(reference)
                shown: list[CaptureProgress] = []
                outcomes[name] = (await client.capture(1, TIMEOUT_S, shown.append), shown)
        finally:
            await client.close()
        return outcomes

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("name", ["frozen", "half_green", "cut_jpeg", "black"])
def test_a_camera_that_gives_no_pictures_aborts_the_check(
    name: str, told: dict[str, tuple[CaptureOutcome, list[CaptureProgress]]]
) -> None:
    outcome, _ = told[name]
    assert outcome.state is CaptureState.ABORTED
    assert outcome.detail in {fault.value for fault in FrameFault}
    assert_referred(outcome)


@pytest.mark.parametrize("kind", COVERINGS)
def test_a_covered_face_never_passes_and_is_asked_to_uncover(
    kind: str, told: dict[str, tuple[CaptureOutcome, list[CaptureProgress]]]
) -> None:
    """The matcher would accept it (FACTS-face §4.3)."""
    outcome, shown = told[kind]
    assert outcome.state is CaptureState.NO_USABLE_FACE
    assert shown[-1].hint in (CaptureHint.UNCOVER_FACE, CaptureHint.NO_FACE)
    assert_referred(outcome)


def test_an_over_exposed_face_is_asked_away_from_the_light(told: dict[str, tuple[CaptureOutcome, list[CaptureProgress]]]) -> None:
    outcome, shown = told["over_exposed"]
    assert outcome.state is CaptureState.NO_USABLE_FACE
    assert shown[-1].hint in (CaptureHint.LESS_LIGHT, CaptureHint.NO_FACE)
    assert_referred(outcome)


def assert_referred(outcome: CaptureOutcome) -> None:
    assert outcome.scores == ()
    checks = check_capture(outcome)
    assert checks
    assert not any(check.result is CheckResult.SUCCESSFUL for check in checks)
