"""What follows a traveller with a camera while a capture runs: the exposure after the face, the tilt after the face.

The arithmetic is pure and elsewhere (`exposure`, `tilting`); here its results are carried to a camera. Rule: a guide makes
pictures better or leaves them as they are. A camera that does not take a setting is reported once a passage, and never ends a
capture.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

from drivers.camera import tilting
from drivers.camera.controls import Reach
from drivers.camera.exposure import GOOD_LIGHT, ExposureLimits, ExposureState, FaceLight, measure, next_exposure
from drivers.camera.several import FaceBox
from drivers.camera.tilting import TiltRules, TiltState
from drivers.camera.watched import Frame
from egate.model.errors import DeviceError

FIRST_EXPOSURE_US = 10_000
"""Where the correction begins when a camera's automatic does not tell its exposure: half a period of 50 Hz."""

log = logging.getLogger(__name__)


@runtime_checkable
class Adjustable(Protocol):
    """A camera whose exposure and tilt can be set; every method raises DeviceError where it cannot."""

    def exposure_reach_us(self) -> Reach:
        """The exposure times that it can, in µs."""
        ...

    def exposure_us(self) -> int:
        """The exposure time in force."""
        ...

    def set_exposure_us(self, exposure_us: int) -> None:
        """Expose for so long."""
        ...

    def set_exposure_auto(self) -> None:
        """Let the camera rule its exposure again."""
        ...

    def tilt_reach_deg(self) -> Reach:
        """The tilts that it can, in degrees, upwards positive."""
        ...

    def set_tilt_deg(self, tilt_deg: float) -> None:
        """Look so far up or down."""
        ...


class ExposureGuide:
    """Exposes for the traveller's face; begins from the camera's own automatic and gives the exposure back to it."""

    def __init__(self, camera: Adjustable, power_line_hz: int) -> None:
        self._camera, self._power_line_hz = camera, power_line_hz
        self._limits: ExposureLimits | None = None
        self._state: ExposureState | None = None
        self._set = self._failed = self._told = False

    def begin(self) -> None:
        """Nothing is known of the light yet."""
        self._state, self._set, self._failed, self._told = None, False, False, False

    def see(self, frame: Frame, face: FaceBox | None) -> None:
        """Correct the exposure by one step where the face needs it."""
        if face is None or self._failed:
            return
        try:
            if self._state is None or self._limits is None:
                self._limits, self._state = self._found()
            light = measure(frame, *face)
            wanted = next_exposure(self._state, light, self._limits)
            if wanted.exposure_us != self._state.exposure_us:
                self._set = True
                self._camera.set_exposure_us(wanted.exposure_us)
            self._tell_limit(light, wanted)
            self._state = wanted
        except DeviceError as error:
            self._failed = True
            log.warning("the exposure stays as it is: %s", error)

    def end(self) -> None:
        """The camera's automatic rules again, so that the next traveller is found in whatever light there is."""
        if self._set:
            _tried(self._camera.set_exposure_auto)
        self.begin()

    def _tell_limit(self, light: FaceLight | None, state: ExposureState) -> None:
        """Once a passage: a face that stays wrong because the exposure can go no further needs another lamp or a blind."""
        wrong = light is not None and light.words != GOOD_LIGHT and not state.settling and not state.correcting
        if wrong and light is not None and not self._told:
            self._told = True
            log.info("the face stays %s: the exposure of %d µs can go no further", light.words, state.exposure_us)

    def _found(self) -> tuple[ExposureLimits, ExposureState]:
        reach = self._camera.exposure_reach_us()
        limits = ExposureLimits(round(reach.least), round(reach.most), self._power_line_hz)
        now_us = self._camera.exposure_us()
        return limits, ExposureState(now_us if reach.least <= now_us <= reach.most else FIRST_EXPOSURE_US)


class TiltGuide:
    """Turns the camera up and down after the face, and home at the end."""

    def __init__(self, camera: Adjustable, rules: TiltRules) -> None:
        self._camera, self._rules = camera, rules
        self._state: TiltState = tilting.at_home(rules)
        self._bounded = self._failed = False

    def begin(self) -> None:
        """The camera looks home."""
        self._state, self._failed = tilting.at_home(self._rules), False

    def see(self, frame: Frame, face: FaceBox | None) -> None:
        """Turn where the face is out of the middle, or search where there is none."""
        if self._failed:
            return
        off = None if face is None else (face.top + face.height / 2) / frame.shape[0] - 0.5
        try:
            self._bound()
            wanted = tilting.step(self._state, off, self._rules)
            if wanted.tilt_deg != self._state.tilt_deg:
                self._camera.set_tilt_deg(wanted.tilt_deg)
            self._state = wanted
        except DeviceError as error:
            self._failed = True
            log.warning("the camera stays where it looks: %s", error)

    def _bound(self) -> None:
        """The camera's own stops count beside those of the configuration; they are known once it is there."""
        if not self._bounded:
            own, rules = self._camera.tilt_reach_deg(), self._rules
            self._rules = replace(rules, least_deg=max(own.least, rules.least_deg), most_deg=min(own.most, rules.most_deg))
            self._bounded = True

    def end(self) -> None:
        """Look home again."""
        if self._state.tilt_deg != self._rules.home_deg:
            _tried(lambda: self._camera.set_tilt_deg(self._rules.home_deg))
        self.begin()


def _tried(setting: Callable[[], None]) -> None:
    """Set something at the end of a passage; a camera that is gone meanwhile sets itself up when it opens."""
    try:
        setting()
    except DeviceError as error:
        log.info("at the end of a passage: %s", error)
