"""libosdp's peripheral through its C interface (version 3.2.9, include/osdp.h).

The Python class of that version cannot answer status questions (its binding drops the report), so the C functions that the
same extension module exports are called directly. Refreshed by a thread, every millisecond.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable

REPORT_BYTES = 64
COMMAND_OUTPUT, COMMAND_LAMP, COMMAND_BUZZER, COMMAND_STATUS = 1, 2, 3, 9
STATUS_INPUT, STATUS_OUTPUT = 0, 1
ENFORCE_SECURE = 0x00010000
CRITICAL_LOG = 2

_Read = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_int)
_Flush = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Channel(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("id", ctypes.c_int),
        ("recv", _Read),
        ("recv_pkt", ctypes.c_void_p),
        ("send", _Read),
        ("flush", _Flush),
        ("release_pkt", ctypes.c_void_p),
        ("close", ctypes.c_void_p),
    )


class _Identity(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("model", ctypes.c_int),
        ("vendor_code", ctypes.c_uint32),
        ("serial_number", ctypes.c_uint32),
        ("firmware_version", ctypes.c_uint32),
    )


class _Capability(ctypes.Structure):
    _fields_ = (("function", ctypes.c_uint8), ("compliance", ctypes.c_uint8), ("items", ctypes.c_uint8))


class _Info(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("baud_rate", ctypes.c_int),
        ("address", ctypes.c_int),
        ("flags", ctypes.c_int),
        ("identity", _Identity),
        ("capabilities", ctypes.POINTER(_Capability)),
        ("channel", _Channel),
        ("key", ctypes.c_char_p),
    )


class _Output(ctypes.Structure):
    _fields_ = (("number", ctypes.c_uint8), ("control", ctypes.c_uint8), ("units", ctypes.c_uint16))


class _LampSettings(ctypes.Structure):
    _fields_ = (
        ("control", ctypes.c_uint8),
        ("on", ctypes.c_uint8),
        ("off", ctypes.c_uint8),
        ("on_colour", ctypes.c_uint8),
        ("off_colour", ctypes.c_uint8),
        ("timer", ctypes.c_uint16),
    )

    def values(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name, _ in self._fields_)


class _Lamp(ctypes.Structure):
    _fields_ = (
        ("reader", ctypes.c_uint8),
        ("number", ctypes.c_uint8),
        ("temporary", _LampSettings),
        ("permanent", _LampSettings),
    )


class _Buzzer(ctypes.Structure):
    _fields_ = (
        ("reader", ctypes.c_uint8),
        ("control", ctypes.c_uint8),
        ("on", ctypes.c_uint8),
        ("off", ctypes.c_uint8),
        ("count", ctypes.c_uint8),
    )

    def values(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name, _ in self._fields_)


class _Status(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("count", ctypes.c_int), ("report", ctypes.c_uint8 * REPORT_BYTES))


class _Body(ctypes.Union):
    _fields_ = (("output", _Output), ("lamp", _Lamp), ("buzzer", _Buzzer), ("status", _Status))


class _Command(ctypes.Structure):
    _fields_ = (("node", ctypes.c_void_p * 2), ("id", ctypes.c_int), ("flags", ctypes.c_uint32), ("body", _Body))


_OnCommand = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_Command))


class LibosdpPeripheral:
    """A peripheral with eight contacts (`contacts`), two outputs, a lamp and a buzzer; remembers its orders.

    It writes to the descriptor `number`, and reads from it as well unless it `hears` elsewhere.
    """

    def __init__(
        self, number: int, key: bytes | None, *, enforce: bool, library_path: str, address: int = 1, hears: int | None = None
    ) -> None:
        self.contacts = bytearray((1, 1, 1, 1, 0, 0, 0, 0))
        self.orders: list[tuple[int, int, int]] = []
        self.lamps: list[tuple[int, int, tuple[int, ...], tuple[int, ...]]] = []
        self.sounds: list[tuple[int, ...]] = []
        self._number = number
        self._hears = number if hears is None else hears
        os.set_blocking(number, False)
        os.set_blocking(self._hears, False)
        self._library = ctypes.CDLL(library_path)
        self._library.osdp_pd_setup.restype = ctypes.c_void_p
        self._callbacks = (_Read(self._receive), _Read(self._send), _Flush(lambda _: None), _OnCommand(self._command))
        capabilities = ((1, 1, 8), (2, 1, 2), (4, 1, 1), (5, 1, 1), (9, 1, 1), (0xFF, 0, 0))
        self._capabilities = (_Capability * len(capabilities))(*(_Capability(*each) for each in capabilities))
        receive, send, flush, on_command = self._callbacks
        info = _Info(
            name=b"gate",
            baud_rate=115_200,
            address=address,
            flags=ENFORCE_SECURE if enforce else 0,
            identity=_Identity(1, 1, 0xCAFEBE, 6 + address, 0x010203),
            capabilities=self._capabilities,
            channel=_Channel(None, 0, receive, None, send, flush, None, None),
            key=key,
        )
        self._library.osdp_logger_init(b"peer", CRITICAL_LOG, None)
        self._context = ctypes.c_void_p(self._library.osdp_pd_setup(ctypes.byref(info)))
        assert self._context.value, "libosdp did not accept the set-up"
        self._library.osdp_pd_set_command_callback(self._context, on_command, None)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._refresh)
        self._thread.start()

    def close(self) -> None:
        """Stop refreshing and give the context back."""
        self._stop.set()
        self._thread.join(5)
        self._library.osdp_pd_teardown(self._context)

    def _refresh(self) -> None:
        while not self._stop.wait(0.001):
            self._library.osdp_pd_refresh(self._context)

    def _receive(self, _: int | None, buffer: Callable[..., object], most: int) -> int:
        try:
            data = os.read(self._hears, most)
        except OSError:
            return 0
        ctypes.memmove(buffer, data, len(data))  # type: ignore[arg-type]  # a ctypes pointer
        return len(data)

    def _send(self, _: int | None, buffer: Callable[..., object], size: int) -> int:
        return os.write(self._number, ctypes.string_at(buffer, size))  # type: ignore[arg-type]  # a ctypes pointer

    def _command(self, _: int | None, pointer: ctypes._Pointer[_Command]) -> int:
        command = pointer.contents
        if command.id == COMMAND_OUTPUT:
            output = command.body.output
            self.orders.append((output.number, output.control, output.units))
            return 0
        if command.id == COMMAND_LAMP:
            lamp = command.body.lamp
            self.lamps.append((lamp.reader, lamp.number, lamp.temporary.values(), lamp.permanent.values()))
            return 0
        if command.id == COMMAND_BUZZER:
            self.sounds.append(command.body.buzzer.values())
            return 0
        if command.id != COMMAND_STATUS:
            return -1
        status = command.body.status
        report = {STATUS_INPUT: bytes(self.contacts), STATUS_OUTPUT: bytes(2)}.get(status.kind, bytes(2))
        status.count = len(report)
        ctypes.memmove(status.report, report, len(report))
        return 0


class SharedLine:
    """Two wires: what the panel says on `master` every peripheral hears, through a pipe of its own."""

    def __init__(self, master: int, listeners: int) -> None:
        self._master = master
        self._pipes = [os.pipe() for _ in range(listeners)]
        self._stop = threading.Event()
        os.set_blocking(master, False)
        self._thread = threading.Thread(target=self._pass_on)
        self._thread.start()

    @property
    def ears(self) -> list[int]:
        """What each peripheral reads from."""
        return [read_end for read_end, _ in self._pipes]

    def close(self) -> None:
        """Stop, and give the pipes back."""
        self._stop.set()
        self._thread.join(5)
        for ends in self._pipes:
            for end in ends:
                os.close(end)

    def _pass_on(self) -> None:
        while not self._stop.wait(0.0005):
            try:
                data = os.read(self._master, 4096)
            except OSError:
                continue
            for _, write_end in self._pipes:
                os.write(write_end, data)
