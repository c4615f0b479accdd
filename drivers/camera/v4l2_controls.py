"""The kernel's structures for cameras (Video4Linux 2), as bytes and values: what a camera is, offers, and is set to.

Layouts and numbers are those of `linux/videodev2.h` and `linux/v4l2-controls.h` on machines of 64 and 32 bits alike, because none
of these structures holds a pointer; a test compiles them and compares. No I/O: `drivers.camera.v4l2_node` carries the bytes. What
comes from a driver of the kernel is still taken as a foreign value: sizes are compared, texts end at their first zero.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from egate.model.errors import MalformedData

CAPABILITY = struct.Struct("<16s32s32sIII12x")
QUERY_CONTROL = struct.Struct("<II32siiiiI8x")
QUERY_MENU = struct.Struct("<II32s4x")
CONTROL = struct.Struct("<Ii")
FORMAT = struct.Struct("<III32sI16x")
FRAME_SIZE = struct.Struct("<III6I8x")

_WRITE, _READ = 1, 2
_NEXT = 0x8000_0000
"""V4L2_CTRL_FLAG_NEXT_CTRL: ask for the first control above this number."""
_DISABLED, _READ_ONLY = 0x0001, 0x0004
_VIDEO_CAPTURE, _STREAMING, _DEVICE_CAPS = 0x0000_0001, 0x0400_0000, 0x8000_0000
_CAPTURE_BUFFERS = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
_DISCRETE = 1
_STANDARD, _CAMERA = 0x0098_0900, 0x009A_0900


def _request(direction: int, number: int, size: int) -> int:
    """The number of an ioctl of the kernel's group `V` (asm-generic/ioctl.h)."""
    return direction << 30 | size << 16 | ord("V") << 8 | number


QUERYCAP = _request(_READ, 0, CAPABILITY.size)
ENUM_FMT = _request(_READ | _WRITE, 2, FORMAT.size)
G_CTRL = _request(_READ | _WRITE, 27, CONTROL.size)
S_CTRL = _request(_READ | _WRITE, 28, CONTROL.size)
QUERYCTRL = _request(_READ | _WRITE, 36, QUERY_CONTROL.size)
QUERYMENU = _request(_READ | _WRITE, 37, QUERY_MENU.size)
ENUM_FRAMESIZES = _request(_READ | _WRITE, 74, FRAME_SIZE.size)


class ControlId(IntEnum):
    """The controls that this project sets."""

    AUTO_WHITE_BALANCE = _STANDARD + 12
    AUTOGAIN = _STANDARD + 18
    GAIN = _STANDARD + 19
    POWER_LINE_FREQUENCY = _STANDARD + 24
    WHITE_BALANCE_TEMPERATURE = _STANDARD + 26
    EXPOSURE_AUTO = _CAMERA + 1
    EXPOSURE_ABSOLUTE = _CAMERA + 2
    EXPOSURE_AUTO_PRIORITY = _CAMERA + 3
    PAN_ABSOLUTE = _CAMERA + 8
    TILT_ABSOLUTE = _CAMERA + 9
    FOCUS_ABSOLUTE = _CAMERA + 10
    FOCUS_AUTO = _CAMERA + 12


class ControlKind(IntEnum):
    """How a control's value is to be read (`enum v4l2_ctrl_type`); others are left alone."""

    INTEGER = 1
    BOOLEAN = 2
    MENU = 3
    INTEGER_MENU = 9


@dataclass(frozen=True, slots=True)
class Capability:
    """What a device node says of itself."""

    driver: str
    card: str
    bus: str
    captures: bool


@dataclass(frozen=True, slots=True)
class Control:
    """One control that a camera offers, in the camera's own units."""

    number: int
    kind: int
    name: str
    least: int
    most: int
    step: int
    usual: int
    settable: bool

    def nearest(self, value: int) -> int:
        """The value that the camera can take nearest to `value`."""
        step = max(1, self.step)
        rounded = self.least + (value - self.least + step // 2) // step * step
        highest = self.least + (self.most - self.least) // step * step
        return min(highest, max(self.least, rounded))


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """One way in which a camera codes its pictures: four letters, and the kernel's words for it."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class FrameSize:
    """One size of a picture in pixels; for a camera with any size in a range, the largest."""

    width: int
    height: int


def encode_capability_query() -> bytes:
    """An empty `struct v4l2_capability` for the kernel to fill."""
    return bytes(CAPABILITY.size)


def parse_capability(answer: bytes) -> Capability:
    """What VIDIOC_QUERYCAP filled in; raises MalformedData."""
    driver, card, bus, _version, whole, own = _unpacked(CAPABILITY, answer)
    flags = own if whole & _DEVICE_CAPS else whole
    return Capability(_text(driver), _text(card), _text(bus), bool(flags & _VIDEO_CAPTURE) and bool(flags & _STREAMING))


def encode_control_query(number: int, *, following: bool = False) -> bytes:
    """Ask for the control of that number, or for the first one above it."""
    return QUERY_CONTROL.pack(number | (_NEXT if following else 0), 0, b"", 0, 0, 0, 0, 0)


def parse_control(answer: bytes) -> Control:
    """What VIDIOC_QUERYCTRL filled in; raises MalformedData."""
    number, kind, name, least, most, step, usual, flags = _unpacked(QUERY_CONTROL, answer)
    # Buttons, texts and sets of bits say nothing useful in these fields; they are listed and left alone.
    settable = not flags & (_DISABLED | _READ_ONLY) and kind in list(ControlKind) and least <= most
    return Control(number, kind, _text(name), least, most, step, usual, settable)


def encode_menu_query(number: int, index: int) -> bytes:
    """Ask for one entry of a menu."""
    return QUERY_MENU.pack(number, index, b"")


def parse_menu_entry(answer: bytes) -> str:
    """The words of one entry of a menu (VIDIOC_QUERYMENU); raises MalformedData."""
    _number, _index, name = _unpacked(QUERY_MENU, answer)
    return _text(name)


def encode_value(number: int, value: int) -> bytes:
    """A control and the value to set; for asking the value does not count."""
    return CONTROL.pack(number, value)


def parse_value(answer: bytes) -> int:
    """The value in the answer of VIDIOC_G_CTRL or VIDIOC_S_CTRL; raises MalformedData."""
    _number, value = _unpacked(CONTROL, answer)
    return int(value)


def encode_format_query(index: int) -> bytes:
    """Ask for one way of coding pictures."""
    return FORMAT.pack(index, _CAPTURE_BUFFERS, 0, b"", 0)


def parse_format(answer: bytes) -> PictureFormat:
    """What VIDIOC_ENUM_FMT filled in; raises MalformedData."""
    _index, _kind, _flags, words, code = _unpacked(FORMAT, answer)
    return PictureFormat(_text(struct.pack("<I", code)), _text(words))


def encode_size_query(code: str, index: int) -> bytes:
    """Ask for one size of pictures coded that way."""
    (number,) = struct.unpack("<I", code.encode("latin-1", "replace")[:4].ljust(4, b" "))
    return FRAME_SIZE.pack(index, number, 0, 0, 0, 0, 0, 0, 0)


def parse_size(answer: bytes) -> FrameSize:
    """What VIDIOC_ENUM_FRAMESIZES filled in; raises MalformedData."""
    _index, _code, kind, first, second, _step, _low, high, _rest = _unpacked(FRAME_SIZE, answer)
    return FrameSize(first, second) if kind == _DISCRETE else FrameSize(second, high)


def _unpacked(layout: struct.Struct, answer: bytes) -> tuple[Any, ...]:
    if len(answer) != layout.size:
        raise MalformedData("read a structure of the kernel", f"{len(answer)} bytes instead of {layout.size}")
    return layout.unpack(answer)


def _text(field: bytes) -> str:
    words = field.partition(b"\0")[0].decode("utf-8", "replace").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in words)
