"""One camera's device node: its controls and formats asked and set by ioctl, beside whoever takes pictures from it.

Video4Linux lets a node be opened more than once, and controls need no stream, so every question opens the node anew, asks and
closes: nothing is left open when a cable is pulled. The ioctl itself is an argument; tests give one that answers as the kernel's
documentation says.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers.camera import v4l2_controls as codec
from drivers.camera.v4l2_controls import Capability, Control, FrameSize, PictureFormat
from egate.model.errors import DeviceError

MOST_CONTROLS = 256
"""A driver that lists more has lost count."""
MOST_FORMATS = 64
MOST_SIZES = 128

Ioctl = Callable[[int, int, bytes], bytes]
"""Carries a request with its structure to an open descriptor and returns the structure that the kernel filled; raises OSError."""


def kernel_ioctl(descriptor: int, request: int, structure: bytes) -> bytes:
    """The kernel's ioctl on a copy of `structure`."""
    return fcntl.ioctl(descriptor, request, structure)


class V4l2Node:
    """The node behind `path`; every method opens it for itself and raises DeviceError in one sentence."""

    def __init__(self, path: str, ioctl: Ioctl = kernel_ioctl) -> None:
        self._path = path
        self._ioctl = ioctl

    def capability(self) -> Capability:
        """What the node is."""
        with self._opened() as descriptor:
            return codec.parse_capability(self._asked(descriptor, codec.QUERYCAP, codec.encode_capability_query()))

    def controls(self) -> dict[int, Control]:
        """Every control that the camera offers, by its number."""
        found: dict[int, Control] = {}
        with self._opened() as descriptor:
            number = 0
            while len(found) < MOST_CONTROLS:
                answer = self._listed(descriptor, codec.QUERYCTRL, codec.encode_control_query(number, following=True))
                if answer is None:
                    break
                control = codec.parse_control(answer)
                if control.number <= number:
                    break  # a driver that does not go on would be asked for ever
                number = control.number
                found[number] = control
        return found

    def menu(self, control: Control) -> dict[int, str]:
        """The entries of a menu by their values; a driver leaves out those that it cannot do."""
        with self._opened() as descriptor:
            entries = {}
            for index in range(control.least, min(control.most, control.least + MOST_SIZES) + 1):
                answer = self._listed(descriptor, codec.QUERYMENU, codec.encode_menu_query(control.number, index))
                if answer is not None:
                    entries[index] = codec.parse_menu_entry(answer)
            return entries

    def value(self, number: int) -> int:
        """What a control is set to."""
        with self._opened() as descriptor:
            return codec.parse_value(self._asked(descriptor, codec.G_CTRL, codec.encode_value(number, 0)))

    def set_values(self, values: tuple[tuple[int, int], ...]) -> None:
        """Set controls one after the other, in this order: an automatic is switched off before its value is set."""
        with self._opened() as descriptor:
            for number, value in values:
                self._asked(descriptor, codec.S_CTRL, codec.encode_value(number, value))

    def formats(self) -> dict[PictureFormat, tuple[FrameSize, ...]]:
        """Every way in which the camera codes pictures, with the sizes that it has for each."""
        found = {}
        with self._opened() as descriptor:
            for index in range(MOST_FORMATS):
                answer = self._listed(descriptor, codec.ENUM_FMT, codec.encode_format_query(index))
                if answer is None:
                    break
                form = codec.parse_format(answer)
                found[form] = self._sizes(descriptor, form)
        return found

    def _sizes(self, descriptor: int, form: PictureFormat) -> tuple[FrameSize, ...]:
        sizes = []
        for index in range(MOST_SIZES):
            answer = self._listed(descriptor, codec.ENUM_FRAMESIZES, codec.encode_size_query(form.code, index))
            if answer is None:
                break
            sizes.append(codec.parse_size(answer))
        return tuple(sizes)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise DeviceError(f"ask camera {self._path}", error.strerror or "it does not open") from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _asked(self, descriptor: int, request: int, structure: bytes) -> bytes:
        try:
            return self._ioctl(descriptor, request, structure)
        except OSError as error:
            raise DeviceError(f"ask camera {self._path}", error.strerror or "the kernel refuses") from None

    def _listed(self, descriptor: int, request: int, structure: bytes) -> bytes | None:
        """An entry of a list; None at its end (EINVAL), and where the driver has no such list (ENOTTY)."""
        try:
            return self._ioctl(descriptor, request, structure)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ENODATA):
                return None
            raise DeviceError(f"ask camera {self._path}", error.strerror or "the kernel refuses") from None
