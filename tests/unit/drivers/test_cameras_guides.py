"""Exposure and tilt after the face: the pure steps, a simulated room in which they come to rest, and the camera's side."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import exposure, tilting
from drivers.camera.controls import CameraControls, Reach
from drivers.camera.exposure import ExposureLimits, ExposureState, FaceLight, bounded_us, measure, next_exposure
from drivers.camera.guided import Adjustable, ExposureGuide, TiltGuide
from drivers.camera.several import FaceBox
from drivers.camera.tilting import TiltRules, TiltState, at_home
from drivers.camera.v4l2 import V4l2Camera, V4l2Settings
from drivers.camera.v4l2_controls import ControlId
from egate.model.errors import DeviceError
from tests.unit.drivers.camera_kernel import KernelCamera

LIMITS = ExposureLimits(100, 33_000)
GOOD, DARK, BRIGHT = FaceLight(120, 0, 110), FaceLight(20, 0, 25), FaceLight(230, 0.1, 200)
FACE = FaceBox(100, 80, 80, 100)


def room(light: float, exposure_us: int, window: float = 0.0) -> NDArray[np.uint8]:
    """A frame with a face in it: linear light, then a gamma of 2.2, as a camera codes it. `window` shines behind the face."""
    linear = np.full((240, 320), max(light * 0.5, window), np.float64)
    linear[80:180, 100:180] = light
    coded = 255 * np.minimum(1.0, linear * exposure_us / 10_000) ** (1 / 2.2)
    return np.repeat(coded.astype(np.uint8)[:, :, None], 3, axis=2)


def test_a_good_face_is_left_alone_and_no_face_changes_nothing() -> None:
    state = ExposureState(10_000)
    for light in (GOOD, FaceLight(71, 0, 70), FaceLight(184, 0.2, 100), None):
        assert next_exposure(state, light, LIMITS) == state


def test_one_step_is_bounded_and_waits_for_the_camera() -> None:
    darker = next_exposure(ExposureState(10_000), DARK, LIMITS)
    assert darker == ExposureState(20_000, exposure.SETTLE_FRAMES, correcting=True)
    for left in range(exposure.SETTLE_FRAMES - 1, -1, -1):
        darker = next_exposure(darker, DARK, LIMITS)
        assert (darker.exposure_us, darker.settling) == (20_000, left)
    assert next_exposure(darker, DARK, LIMITS).exposure_us == 30_000, "three half periods; a fourth does not fit a frame"
    assert next_exposure(ExposureState(10_000), BRIGHT, LIMITS).exposure_us == 5_000
    assert next_exposure(ExposureState(10_000), FaceLight(120, 0.5, 120), LIMITS).exposure_us == 5_000, "half burnt out"


def test_a_correction_goes_on_to_the_inner_band_and_then_rests() -> None:
    """Hysteresis: what is tolerated at rest is not yet good enough for a correction that is under way."""
    almost = FaceLight(80, 0, 80)
    assert next_exposure(ExposureState(5_000), almost, LIMITS).exposure_us == 5_000
    under_way = next_exposure(ExposureState(5_000, correcting=True), almost, LIMITS)
    assert under_way.exposure_us > 5_000
    assert not next_exposure(ExposureState(5_000, correcting=True), GOOD, LIMITS).correcting


@pytest.mark.parametrize(("wanted", "hertz", "set_to"), [
    (50.0, 50, 100), (9_000.0, 50, 9_000), (14_000.0, 50, 10_000), (17_000.0, 50, 20_000), (90_000.0, 50, 30_000),
    (17_000.0, 60, 16_667), (90_000.0, 60, 25_000), (90_000.0, 0, 33_000), (14_000.0, 0, 14_000),
])  # fmt: skip
def test_exposures_stay_in_range_and_make_no_lamp_flicker(wanted: float, hertz: int, set_to: int) -> None:
    assert bounded_us(wanted, ExposureLimits(100, 33_000, hertz)) == set_to


@pytest.mark.parametrize("light", [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("window", [0.0, 8.0])
def test_in_a_simulated_room_the_face_becomes_good_and_stays_so(light: float, window: float) -> None:
    state, seen = ExposureState(10_000), []
    for _ in range(60):
        found = measure(room(light, state.exposure_us, window), *FACE)
        assert found is not None
        state = next_exposure(state, found, LIMITS)
        seen.append(state.exposure_us)
    last = measure(room(light, state.exposure_us, window), *FACE)
    assert last is not None
    at_the_limit = state.exposure_us in (bounded_us(1e9, LIMITS), LIMITS.least_us)
    assert exposure.OUTER_BAND[0] <= last.mean <= exposure.OUTER_BAND[1] or at_the_limit
    assert len(set(seen[-25:])) == 1, "it rests"


def test_light_on_a_face_is_measured_in_its_middle() -> None:
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[30:70, 30:70] = 255
    light = measure(frame, 20, 20, 60, 60)
    assert light is not None
    assert light.burnt == 1.0
    assert light.words == "too bright"
    assert measure(frame, 200, 200, 20, 20) is None
    assert FaceLight(40, 0, 200).words == "lit from behind"
    assert (FaceLight(40, 0, 40).words, GOOD.words) == ("too dark", "good")


RULES = TiltRules(-30, 25, 0, 50)


def test_a_centred_face_turns_nothing_and_one_off_the_middle_turns_towards_it() -> None:
    home = at_home(RULES)
    for off in (0.0, 0.1, -0.1):
        assert tilting.step(home, off, RULES) == home
    down = tilting.step(home, 0.3, RULES)
    assert -tilting.LARGEST_TURN_DEG <= down.tilt_deg < 0
    assert down.settling == tilting.SETTLE_FRAMES
    assert tilting.step(down, 0.3, RULES).tilt_deg == down.tilt_deg, "the camera moves, its picture counts nothing"
    assert tilting.step(home, -0.3, RULES).tilt_deg == -down.tilt_deg


def test_the_stops_are_never_passed_and_not_pushed_against() -> None:
    for off, stop in ((0.5, -30.0), (-0.5, 25.0)):
        state = at_home(RULES)
        for _ in range(60):
            state = tilting.step(state, off, RULES)
            assert RULES.least_deg <= state.tilt_deg <= RULES.most_deg
        assert (state.tilt_deg, state.settling) == (stop, 0)


@pytest.mark.parametrize("eyes_deg", [-38.0, -20.0, -8.0, 0.0, 4.0, 17.0, 33.0])
def test_every_face_within_reach_comes_into_the_middle(eyes_deg: float) -> None:
    """A traveller at that angle, found by searching where the camera does not see them at home."""
    state = at_home(RULES)
    for _ in range(120):
        off = np.tan(np.radians(state.tilt_deg - eyes_deg)) / (2 * np.tan(np.radians(RULES.view_deg / 2)))
        state = tilting.step(state, float(off) if abs(off) < 0.48 else None, RULES)
    assert abs(off) <= tilting.DEAD_BAND or state.tilt_deg in (RULES.least_deg, RULES.most_deg)
    assert abs(off) < 0.2


def test_without_a_face_the_camera_looks_down_home_up_and_home() -> None:
    state, places = at_home(RULES), []
    for _ in range(5 * (tilting.SEARCH_FRAMES + tilting.SETTLE_FRAMES)):
        after = tilting.step(state, None, RULES)
        places += [after.tilt_deg] if after.tilt_deg != state.tilt_deg else []
        state = after
    assert places[:4] == [-30, 0, 25, 0]


@pytest.mark.parametrize("rules", [(10, -10, 0, 50), (-10, 10, 20, 50), (-100, 10, 0, 50), (-10, 10, 0, 5), (-10, 10, 0, 170)])
def test_impossible_rules_are_refused(rules: tuple[float, float, float, float]) -> None:
    """I14."""
    with pytest.raises(DeviceError):
        TiltRules(*rules)


@dataclass
class Motor:
    """A camera that notes what it is told; `broken` refuses."""

    told: list[tuple[str, float]] = field(default_factory=list)
    broken: bool = False
    exposed_us: int = 10_000

    def exposure_reach_us(self) -> Reach:
        return Reach(100, 33_000)

    def exposure_us(self) -> int:
        return self.exposed_us

    def set_exposure_us(self, exposure_us: int) -> None:
        self._tell("exposure", exposure_us)
        self.exposed_us = exposure_us

    def set_exposure_auto(self) -> None:
        self._tell("auto", 0)

    def tilt_reach_deg(self) -> Reach:
        return Reach(-18, 90)

    def set_tilt_deg(self, tilt_deg: float) -> None:
        self._tell("tilt", tilt_deg)

    def _tell(self, what: str, value: float) -> None:
        if self.broken:
            raise DeviceError("set a camera", "No such device")
        self.told.append((what, value))


def test_the_exposure_is_given_back_at_the_end_and_only_if_it_was_taken() -> None:
    motor = Motor()
    assert isinstance(motor, Adjustable)
    guide = ExposureGuide(motor, 50)
    for _ in range(2):
        guide.begin()
        guide.see(room(0.3, 10_000), None)
        guide.see(room(0.3, 10_000), FACE)
        guide.end()
        assert motor.told == [], "a good face"
    guide.see(room(0.02, 10_000), FACE)
    guide.end()
    assert motor.told == [("exposure", 20_000), ("auto", 0)]


@pytest.mark.parametrize(("light", "window", "words"), [(0.002, 0.0, "too dark"), (0.002, 8.0, "lit from behind")])
def test_a_face_that_no_exposure_helps_is_said_once(
    light: float, window: float, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    motor = Motor()
    guide = ExposureGuide(motor, 50)
    for _ in range(40):
        guide.see(room(light, motor.exposed_us, window), FACE)
    assert [record.getMessage() for record in caplog.records] == [
        f"the face stays {words}: the exposure of 30000 µs can go no further"
    ]


def test_the_tilt_follows_within_both_stops_and_goes_home() -> None:
    motor, frame = Motor(), np.zeros((100, 100, 3), np.uint8)
    guide = TiltGuide(motor, RULES)
    guide.begin()
    for _ in range(40):
        guide.see(frame, FaceBox(40, 85, 10, 10))
    assert motor.told[-1] == ("tilt", -18.0), "the motor's own stop lies before the configured one"
    guide.end()
    assert motor.told[-1] == ("tilt", 0.0)
    count = len(motor.told)
    guide.end()
    assert len(motor.told) == count


def test_a_camera_that_cannot_be_set_ends_nothing_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    motor, frame = Motor(broken=True), room(0.01, 10_000)
    guides = (ExposureGuide(motor, 50), TiltGuide(motor, RULES))
    for guide in guides:
        for _ in range(9):
            guide.see(frame, FaceBox(100, 200, 80, 30))
        guide.end()
    assert [record.message.split(":")[0] for record in caplog.records if record.levelname == "WARNING"] == [
        "the exposure stays as it is",
        "the camera stays where it looks",
    ]
    caplog.clear()


def test_a_live_camera_can_be_guided(tmp_path: Path) -> None:
    """The same guide down to the kernel's call (L4: the node has a stable name)."""
    kernel, node = KernelCamera(), tmp_path / "camera"
    node.write_bytes(b"")
    camera = V4l2Camera(V4l2Settings(str(node), controls=CameraControls()), kernel.ioctl)
    assert isinstance(camera, Adjustable)
    guide = TiltGuide(camera, TiltRules(-30, 30, 0, 50))
    guide.see(np.zeros((100, 100, 3), np.uint8), FaceBox(40, 80, 10, 10))
    ((number, value),) = kernel.settings
    assert number == ControlId.TILT_ABSOLUTE
    assert -12 * 3600 <= value < 0
    assert TiltState(0) == at_home(RULES)
