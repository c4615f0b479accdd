"""What a plugged-in camera can do, in the words and units of the [camera] table: sizes, and what can be set (T2, T3).

The camera is only asked, by its node's own calls; no picture is taken, and one that another program uses can still be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drivers.camera.controls import ARC_SECONDS, EXPOSURE_UNIT_US
from drivers.camera.v4l2_controls import Control, ControlId, FrameSize, PictureFormat
from drivers.camera.v4l2_node import Ioctl, V4l2Node, kernel_ioctl
from egate.model.errors import DeviceError, MalformedData

_KEYS: tuple[tuple[ControlId, str, float], ...] = (
    (ControlId.EXPOSURE_ABSOLUTE, "exposure_us", EXPOSURE_UNIT_US),
    (ControlId.GAIN, "gain", 1),
    (ControlId.WHITE_BALANCE_TEMPERATURE, "white_balance_k", 1),
    (ControlId.FOCUS_ABSOLUTE, "focus", 1),
    (ControlId.PAN_ABSOLUTE, "pan_deg", 1 / ARC_SECONDS),
    (ControlId.TILT_ABSOLUTE, "tilt_deg", 1 / ARC_SECONDS),
)
"""Control, key in the file, the control's unit in the key's."""


def camera_lines(node: Path, ioctl: Ioctl = kernel_ioctl) -> tuple[str, ...]:
    """Lines about one camera: its largest picture in each coding, and the keys that it takes with their ranges."""
    camera = V4l2Node(str(node), ioctl)
    try:
        formats, controls = camera.formats(), camera.controls()
        mains = controls.get(ControlId.POWER_LINE_FREQUENCY)
        frequencies = {} if mains is None or not mains.settable else camera.menu(mains)
    except (DeviceError, MalformedData) as error:
        return (f"cannot be asked: {error.problem}",)
    return (pictures_words(formats), controls_words(controls, frequencies))


def pictures_words(formats: Mapping[PictureFormat, tuple[FrameSize, ...]]) -> str:
    """The largest picture in each coding."""
    largest = {form.code: max(sizes, key=lambda size: size.width * size.height) for form, sizes in formats.items() if sizes}
    parts = [f"{code} up to {size.width}×{size.height}" for code, size in largest.items()]
    return "pictures: " + (", ".join(parts) or "it names no size")


def controls_words(controls: Mapping[int, Control], frequencies: Mapping[int, str]) -> str:
    """The keys of [camera] that this camera takes."""
    parts = [
        f"{key} {control.least * unit:g} to {control.most * unit:g}"
        for number, key, unit in _KEYS
        if (control := controls.get(number)) is not None and control.settable
    ]
    hertz = [text for value, text in ((0, "0"), (1, "50"), (2, "60")) if value in frequencies]
    if hertz:
        parts.append(f"power_line_hz {', '.join(hertz)}")
    return "can be set: " + (", ".join(parts) or "nothing")
