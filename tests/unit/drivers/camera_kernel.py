"""A camera's driver in the kernel, as linux/videodev2.h and the kernel's documentation describe it, behind an ioctl function.

The structures are written down a second time here, with ctypes and not with the project's own layouts.
"""

from __future__ import annotations

import ctypes
import errno
from dataclasses import dataclass, field

from drivers.camera import v4l2_controls as codec
from drivers.camera.v4l2_controls import ControlId

NEXT = 0x80000000
READ_ONLY, DISABLED = 4, 1


class CapabilityStructure(ctypes.Structure):
    _fields_ = [
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    ]


class QueryStructure(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("name", ctypes.c_char * 32),
        ("minimum", ctypes.c_int32),
        ("maximum", ctypes.c_int32),
        ("step", ctypes.c_int32),
        ("default_value", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 2),
    ]


class MenuStructure(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("id", ctypes.c_uint32), ("index", ctypes.c_uint32), ("name", ctypes.c_char * 32), ("reserved", ctypes.c_uint32)]


class ControlStructure(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint32), ("value", ctypes.c_int32)]


class FormatStructure(ctypes.Structure):
    _fields_ = [
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("description", ctypes.c_char * 32),
        ("pixelformat", ctypes.c_uint32),
        ("mbus_code", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    ]


class SizeStructure(ctypes.Structure):
    _fields_ = [
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("numbers", ctypes.c_uint32 * 6),
        ("reserved", ctypes.c_uint32 * 2),
    ]


@dataclass
class Offered:
    """One control of the driver: type, name, least, most, step, usual, flags, and its value now."""

    kind: int
    name: bytes
    least: int
    most: int
    step: int
    value: int
    flags: int = 0


def usual_controls() -> dict[int, Offered]:
    """What many USB cameras with a motor offer."""
    return {
        0x00980001: Offered(6, b"User Controls", 0, 0, 0, 0, READ_ONLY),
        ControlId.AUTO_WHITE_BALANCE: Offered(2, b"White Balance, Automatic", 0, 1, 1, 1),
        ControlId.GAIN: Offered(1, b"Gain", 0, 255, 1, 64),
        ControlId.POWER_LINE_FREQUENCY: Offered(3, b"Power Line Frequency", 0, 2, 1, 2),
        ControlId.WHITE_BALANCE_TEMPERATURE: Offered(1, b"White Balance Temperature", 2800, 6500, 10, 4600),
        ControlId.EXPOSURE_AUTO: Offered(3, b"Auto Exposure", 0, 3, 1, 3),
        ControlId.EXPOSURE_ABSOLUTE: Offered(1, b"Exposure Time, Absolute", 3, 2047, 1, 250),
        ControlId.EXPOSURE_AUTO_PRIORITY: Offered(2, b"Exposure, Dynamic Framerate", 0, 1, 1, 1),
        ControlId.PAN_ABSOLUTE: Offered(1, b"Pan, Absolute", -36000, 36000, 3600, 0),
        ControlId.TILT_ABSOLUTE: Offered(1, b"Tilt, Absolute", -72000, 72000, 3600, 0),
        ControlId.FOCUS_ABSOLUTE: Offered(1, b"Focus, Absolute", 0, 250, 5, 0),
        ControlId.FOCUS_AUTO: Offered(2, b"Focus, Automatic Continuous", 0, 1, 1, 1),
        0x009A0990: Offered(0x102, b"Something with bits", 0, -1, 0, 0),
    }


MENUS = {
    ControlId.EXPOSURE_AUTO: {1: b"Manual Mode", 3: b"Aperture Priority Mode"},
    ControlId.POWER_LINE_FREQUENCY: {0: b"Disabled", 1: b"50 Hz", 2: b"60 Hz"},
}


@dataclass
class KernelCamera:
    """The driver; `settings` is everything that was set, in order. `gone` is a camera that was unplugged."""

    offered: dict[int, Offered] = field(default_factory=usual_controls)
    settings: list[tuple[int, int]] = field(default_factory=list)
    gone: bool = False
    capture: bool = True

    def ioctl(self, descriptor: int, request: int, structure: bytes) -> bytes:
        assert descriptor > 2
        if self.gone:
            raise OSError(errno.ENODEV, "No such device")
        answers = {
            codec.QUERYCAP: self._capability,
            codec.QUERYCTRL: self._query,
            codec.QUERYMENU: self._menu,
            codec.G_CTRL: self._get,
            codec.S_CTRL: self._set,
            codec.ENUM_FMT: self._format,
            codec.ENUM_FRAMESIZES: self._size,
        }
        if request not in answers:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return bytes(answers[request](structure))

    def _capability(self, structure: bytes) -> ctypes.Structure:
        answer = CapabilityStructure.from_buffer_copy(structure)
        answer.driver, answer.card, answer.bus_info = b"uvcvideo", b"HD Camera", b"usb-0000:00:14.0-5"
        answer.capabilities = 0x80000000 | 0x04000000 | 0x00000001 | 0x00800000
        answer.device_caps = 0x04000001 if self.capture else 0x04800000
        return answer

    def _query(self, structure: bytes) -> ctypes.Structure:
        answer = QueryStructure.from_buffer_copy(structure)
        number = answer.id
        if number & NEXT:
            number = min((known for known in self.offered if known > number & ~NEXT), default=0)
        control = self.offered.get(number)
        if control is None:
            raise OSError(errno.EINVAL, "Invalid argument")
        answer.id, answer.type, answer.name = number, control.kind, control.name
        answer.minimum, answer.maximum, answer.step = control.least, control.most, control.step
        answer.default_value, answer.flags = control.value, control.flags
        return answer

    def _menu(self, structure: bytes) -> ctypes.Structure:
        answer = MenuStructure.from_buffer_copy(structure)
        name = MENUS.get(ControlId(answer.id), {}).get(answer.index)
        if name is None:
            raise OSError(errno.EINVAL, "Invalid argument")
        answer.name = name
        return answer

    def _get(self, structure: bytes) -> ctypes.Structure:
        answer = ControlStructure.from_buffer_copy(structure)
        answer.value = self._known(answer.id).value
        return answer

    def _set(self, structure: bytes) -> ctypes.Structure:
        answer = ControlStructure.from_buffer_copy(structure)
        control = self._known(answer.id)
        if control.flags & READ_ONLY:
            raise OSError(errno.EACCES, "Permission denied")
        if not control.least <= answer.value <= control.most:
            raise OSError(errno.ERANGE, "Numerical result out of range")
        control.value = answer.value
        self.settings.append((answer.id, answer.value))
        return answer

    def _known(self, number: int) -> Offered:
        if number not in self.offered:
            raise OSError(errno.EINVAL, "Invalid argument")
        return self.offered[number]

    def _format(self, structure: bytes) -> ctypes.Structure:
        answer = FormatStructure.from_buffer_copy(structure)
        codes = [(b"MJPG", b"Motion-JPEG"), (b"YUYV", b"YUYV 4:2:2")]
        if answer.type != 1 or answer.index >= len(codes):
            raise OSError(errno.EINVAL, "Invalid argument")
        code, answer.description = codes[answer.index]
        answer.pixelformat = int.from_bytes(code, "little")
        return answer

    def _size(self, structure: bytes) -> ctypes.Structure:
        answer = SizeStructure.from_buffer_copy(structure)
        code = answer.pixel_format.to_bytes(4, "little")
        known: dict[bytes, list[tuple[int, tuple[int, ...]]]] = {
            b"MJPG": [(1, (640, 480)), (1, (1920, 1080))],
            b"YUYV": [(3, (160, 640, 16, 120, 480, 8))],
        }
        sizes = known.get(code, [])
        if answer.index >= len(sizes):
            raise OSError(errno.EINVAL, "Invalid argument")
        answer.type, numbers = sizes[answer.index]
        answer.numbers[: len(numbers)] = numbers
        return answer
