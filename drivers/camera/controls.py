"""What a camera is asked to be set to, and which of the kernel's controls that means; refused in words where it has none.

`plan` is pure: settings and the controls that a camera offers in, pairs of control and value out, in the order in which they must
be set (an automatic is switched off before the value that it rules). Nothing that was not asked for is touched, but one: with a
ruled exposure the camera may not slow its frames down to gather light, or a dark gate would look like a lost camera.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from drivers.camera.v4l2_controls import Control, ControlId
from egate.model.errors import DeviceError

EXPOSURE_UNIT_US = 100
"""V4L2_CID_EXPOSURE_ABSOLUTE counts in 100 µs."""
ARC_SECONDS = 3600
"""Pan and tilt count in arc seconds."""
_AUTO, _MANUAL, _APERTURE_PRIORITY = 0, 1, 3
_POWER_LINE = {0: 0, 50: 1, 60: 2}
_NAMES = {
    ControlId.EXPOSURE_AUTO: "exposure mode",
    ControlId.EXPOSURE_ABSOLUTE: "exposure time",
    ControlId.GAIN: "gain",
    ControlId.WHITE_BALANCE_TEMPERATURE: "white balance",
    ControlId.POWER_LINE_FREQUENCY: "power-line frequency",
    ControlId.FOCUS_ABSOLUTE: "focus",
    ControlId.PAN_ABSOLUTE: "pan",
    ControlId.TILT_ABSOLUTE: "tilt",
}


class ExposureMode(Enum):
    """Who rules the exposure: nobody was asked, the camera, a fixed time, or the brightness of the traveller's face."""

    AS_IT_IS = ""
    AUTO = "auto"
    MANUAL = "manual"
    FACE = "face"


@dataclass(frozen=True, slots=True)
class CameraControls:
    """What is asked of a camera; None leaves a control as it is. Gain and focus are in the camera's own units."""

    exposure: ExposureMode = ExposureMode.AS_IT_IS
    exposure_us: int | None = None
    gain: int | None = None
    white_balance_k: int | None = None
    power_line_hz: int | None = None
    focus: int | None = None
    pan_deg: float | None = None
    tilt_deg: float | None = None

    @property
    def asks_something(self) -> bool:
        """Whether anything is to be set."""
        return self != CameraControls()


@dataclass(frozen=True, slots=True)
class Reach:
    """Least and most of something that a camera can be set to."""

    least: float
    most: float


Pairs = tuple[tuple[int, int], ...]
Offered = Mapping[int, Control]


def plan(asked: CameraControls, offered: Offered, camera: str) -> Pairs:
    """Controls with values in the order of setting; raises DeviceError for what the camera has not or cannot take."""
    return (
        *_exposure(asked, offered, camera),
        *_with_automatic(asked.gain, ControlId.GAIN, ControlId.AUTOGAIN, offered, camera),
        *_with_automatic(
            asked.white_balance_k, ControlId.WHITE_BALANCE_TEMPERATURE, ControlId.AUTO_WHITE_BALANCE, offered, camera
        ),
        *_power_line(asked.power_line_hz, offered, camera),
        *_with_automatic(asked.focus, ControlId.FOCUS_ABSOLUTE, ControlId.FOCUS_AUTO, offered, camera),
        *_angle(asked.pan_deg, ControlId.PAN_ABSOLUTE, offered, camera),
        *_angle(asked.tilt_deg, ControlId.TILT_ABSOLUTE, offered, camera),
    )


def manual_exposure(exposure_us: int, offered: Offered, camera: str) -> Pairs:
    """The camera's own automatic off, then this time, or the nearest that it can; raises DeviceError without the control."""
    mode = _settable(ControlId.EXPOSURE_AUTO, offered, camera)
    time = _settable(ControlId.EXPOSURE_ABSOLUTE, offered, camera)
    return (mode.number, _MANUAL), (time.number, time.nearest(round(exposure_us / EXPOSURE_UNIT_US)))


def tilt(tilt_deg: float, offered: Offered, camera: str) -> Pairs:
    """This tilt, or the nearest that the camera can; upwards is positive. Raises DeviceError without the control."""
    control = _settable(ControlId.TILT_ABSOLUTE, offered, camera)
    return ((control.number, control.nearest(round(tilt_deg * ARC_SECONDS))),)


def exposure_reach_us(offered: Offered, camera: str) -> Reach:
    """The exposure times that the camera can, in µs; raises DeviceError without the control."""
    control = _settable(ControlId.EXPOSURE_ABSOLUTE, offered, camera)
    return Reach(max(1, control.least) * EXPOSURE_UNIT_US, control.most * EXPOSURE_UNIT_US)


def tilt_reach_deg(offered: Offered, camera: str) -> Reach:
    """The tilts that the camera can, in degrees; raises DeviceError without the control."""
    control = _settable(ControlId.TILT_ABSOLUTE, offered, camera)
    return Reach(control.least / ARC_SECONDS, control.most / ARC_SECONDS)


def _exposure(asked: CameraControls, offered: Offered, camera: str) -> Pairs:
    if asked.exposure is ExposureMode.AS_IT_IS:
        return ()
    priority = offered.get(ControlId.EXPOSURE_AUTO_PRIORITY)
    steady: Pairs = ((priority.number, 0),) if priority is not None and priority.settable else ()
    mode = _settable(ControlId.EXPOSURE_AUTO, offered, camera)
    if asked.exposure is ExposureMode.MANUAL:
        time = _settable(ControlId.EXPOSURE_ABSOLUTE, offered, camera)
        units = _within(round((asked.exposure_us or 0) / EXPOSURE_UNIT_US), time, camera, EXPOSURE_UNIT_US, " µs")
        return (*steady, (mode.number, _MANUAL), (time.number, units))
    if asked.exposure is ExposureMode.FACE:
        _settable(ControlId.EXPOSURE_ABSOLUTE, offered, camera)
    # Cameras with a fixed aperture know "aperture priority" for what everybody calls automatic.
    return (*steady, (mode.number, _APERTURE_PRIORITY if mode.most >= _APERTURE_PRIORITY else _AUTO))


def _with_automatic(value: int | None, number: ControlId, automatic: ControlId, offered: Offered, camera: str) -> Pairs:
    if value is None:
        return ()
    control = _settable(number, offered, camera)
    off = offered.get(automatic)
    return (*(((off.number, 0),) if off is not None and off.settable else ()), (number, _within(value, control, camera)))


def _power_line(hertz: int | None, offered: Offered, camera: str) -> Pairs:
    if hertz is None:
        return ()
    control = _settable(ControlId.POWER_LINE_FREQUENCY, offered, camera)
    if hertz not in _POWER_LINE or not control.least <= _POWER_LINE[hertz] <= control.most:
        raise DeviceError(f"set camera {camera}", f"its power-line frequency cannot be {hertz} Hz")
    return ((control.number, _POWER_LINE[hertz]),)


def _angle(degrees: float | None, number: ControlId, offered: Offered, camera: str) -> Pairs:
    if degrees is None:
        return ()
    control = _settable(number, offered, camera)
    return ((number, _within(round(degrees * ARC_SECONDS), control, camera, 1 / ARC_SECONDS, "°")),)


def _settable(number: ControlId, offered: Offered, camera: str) -> Control:
    """The control, unless the camera lacks it. One that an automatic rules now is inactive, which setting it ends."""
    control = offered.get(number)
    if control is None or not control.settable:
        raise DeviceError(f"set camera {camera}", f"it has no control for {_NAMES[number]}; take that key out of [camera]")
    return control


def _within(value: int, control: Control, camera: str, unit: float = 1, words: str = "") -> int:
    """The value on the camera's steps; outside its range it is refused with the range in the configuration's unit."""
    if not control.least <= value <= control.most:
        name = _NAMES[ControlId(control.number)]
        low, high = (math.floor(bound * unit * 10 + 0.5) / 10 for bound in (control.least, control.most))
        raise DeviceError(f"set camera {camera}", f"its {name} goes from {low:g} to {high:g}{words}")
    return control.nearest(value)
