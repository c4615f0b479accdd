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
COMMAND_OUTPUT, COMMAND_STATUS = 1, 9
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


class _Status(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("count", ctypes.c_int), ("report", ctypes.c_uint8 * REPORT_BYTES))


class _Body(ctypes.Union):
    _fields_ = (("output", _Output), ("status", _Status))


class _Command(ctypes.Structure):
    _fields_ = (("node", ctypes.c_void_p * 2), ("id", ctypes.c_int), ("flags", ctypes.c_uint32), ("body", _Body))


_OnCommand = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_Command))


class LibosdpPeripheral:
    """A peripheral with eight contacts (`contacts`) and two outputs on the descriptor `number`; remembers its `orders`."""

    def __init__(self, number: int, key: bytes | None, *, enforce: bool, library_path: str) -> None:
        self.contacts = bytearray((1, 1, 1, 1, 0, 0, 0, 0))
        self.orders: list[tuple[int, int, int]] = []
        self._number = number
        os.set_blocking(number, False)
        self._library = ctypes.CDLL(library_path)
        self._library.osdp_pd_setup.restype = ctypes.c_void_p
        self._callbacks = (_Read(self._receive), _Read(self._send), _Flush(lambda _: None), _OnCommand(self._command))
        self._capabilities = (_Capability * 4)(
            _Capability(1, 1, 8), _Capability(2, 1, 2), _Capability(9, 1, 1), _Capability(0xFF, 0, 0)
        )
        receive, send, flush, on_command = self._callbacks
        info = _Info(
            name=b"gate",
            baud_rate=115_200,
            address=1,
            flags=ENFORCE_SECURE if enforce else 0,
            identity=_Identity(1, 1, 0xCAFEBE, 7, 0x010203),
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
            data = os.read(self._number, most)
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
        if command.id != COMMAND_STATUS:
            return -1
        status = command.body.status
        report = {STATUS_INPUT: bytes(self.contacts), STATUS_OUTPUT: bytes(2)}.get(status.kind, bytes(2))
        status.count = len(report)
        ctypes.memmove(status.report, report, len(report))
        return 0
