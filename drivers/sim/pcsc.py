"""A PC/SC service in memory: the calls of pyscard's module as pcscd answers them, with one chip on one of its readers.

What is played is the boundary of another's library: results, readers, cards. With it the PC/SC driver is checked where there is
no pcscd; the real service, with Debian's virtual reader, is met in tests/peers. Readers can be pulled (`readers`), the service
stopped (`running`) or restarted, the chip held by another program, and a call can hang.
"""

from __future__ import annotations

import threading

from drivers.reader.atr import atr_of_historical_bytes
from drivers.sim.pn532 import Chip

SUCCESS = 0
NAMES = (
    *("SCARD_E_NO_SMARTCARD", "SCARD_W_REMOVED_CARD", "SCARD_W_UNRESPONSIVE_CARD", "SCARD_W_UNPOWERED_CARD"),
    *("SCARD_E_UNKNOWN_READER", "SCARD_E_READER_UNAVAILABLE", "SCARD_E_PROTO_MISMATCH", "SCARD_W_RESET_CARD"),
    *("SCARD_E_NO_READERS_AVAILABLE", "SCARD_E_SHARING_VIOLATION", "SCARD_E_NO_SERVICE", "SCARD_E_INVALID_HANDLE"),
    *("SCARD_SHARE_EXCLUSIVE", "SCARD_SHARE_SHARED", "SCARD_SCOPE_SYSTEM", "SCARD_UNPOWER_CARD"),
)
CODES = {name: 0x100 + index for index, name in enumerate(NAMES)}
"""The constants that the driver asks the module for; their values mean nothing outside."""
LONGEST_HANG_S = 10
GET_FEATURES, PROPERTIES = 0x42000000 + 3400, 0x42330012  # PC/SC part 10 §2.2, and what the reader calls its properties


class SimulatedPcsc:
    """The module and the service behind it. What the driver did is in `threads`, `modes`, `open_contexts`, `transmitted`."""

    SCARD_S_SUCCESS = SUCCESS
    SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1 = 1, 2

    def __init__(self, *readers: str) -> None:
        self.readers = list(readers)
        self.chip: Chip | None = None
        self.running = True
        self.restarted = False
        self.held_by_another = False
        self.hang: threading.Event | None = None
        self.stated: int | None = None
        self.threads: set[str] = set()
        self.modes: list[int] = []
        self.open_contexts = 0
        self.transmitted = 0
        for name, code in CODES.items():
            setattr(self, name, code)

    def SCardEstablishContext(self, scope: int) -> tuple[int, object]:  # noqa: N802 - PC/SC's own names
        """A connection to the service."""
        del scope
        self.open_contexts += self.running
        return (SUCCESS if self.running else CODES["SCARD_E_NO_SERVICE"]), object()

    def SCardReleaseContext(self, context: object) -> int:  # noqa: N802 - as above
        """The connection ends."""
        del context
        self.open_contexts -= 1
        return SUCCESS

    def SCardListReaders(self, context: object, groups: list[str]) -> tuple[int, list[str]]:  # noqa: N802 - as above
        """The readers that are plugged in."""
        del context, groups
        self.threads.add(threading.current_thread().name)
        if self.restarted:
            self.restarted = False
            return CODES["SCARD_E_INVALID_HANDLE"], []
        return (SUCCESS, list(self.readers)) if self.readers else (CODES["SCARD_E_NO_READERS_AVAILABLE"], [])

    def SCardConnect(self, context: object, reader: str, mode: int, protocols: int) -> tuple[int, object, int]:  # noqa: N802 - as above
        """The chip on a reader, if there is one and nobody holds it."""
        del context, reader, protocols
        self.modes.append(mode)
        if self.held_by_another:
            return CODES["SCARD_E_SHARING_VIOLATION"], object(), 0
        return (SUCCESS if self.chip else CODES["SCARD_E_NO_SMARTCARD"]), self.chip, 2

    def SCardStatus(self, card: object) -> tuple[int, str, int, int, list[int]]:  # noqa: N802 - as above
        """Whether the chip is there, and its answer to reset."""
        there = self.chip is not None and self.chip is card and bool(self.readers)
        return (SUCCESS if there else CODES["SCARD_W_REMOVED_CARD"]), "", 0, 2, list(atr_of_historical_bytes(b"\x80\x4d"))

    def SCardDisconnect(self, card: Chip, disposition: int) -> int:  # noqa: N802 - as above
        """The field goes off."""
        del disposition
        card.reset()
        return SUCCESS

    def SCardTransmit(self, card: Chip, protocol: int, command: list[int]) -> tuple[int, list[int]]:  # noqa: N802 - as above
        """One APDU."""
        del protocol
        self.transmitted += 1
        if self.hang is not None:
            self.hang.wait(LONGEST_HANG_S)
        if not self.readers:
            return CODES["SCARD_E_READER_UNAVAILABLE"], []
        if self.chip is not card:
            return CODES["SCARD_W_REMOVED_CARD"], []
        return SUCCESS, list(card.transceive(bytes(command)) or b"")

    def SCardControl(self, card: object, code: int, data: list[int]) -> tuple[int, list[int]]:  # noqa: N802 - as above
        """What the reader says of itself: the longest APDU that it carries, where it states one."""
        del card, data
        if self.stated is None:
            return CODES["SCARD_E_INVALID_HANDLE"], []
        if code == GET_FEATURES:
            return SUCCESS, [0x06, 4, 0, 0, 0, 1, 0x12, 4, *PROPERTIES.to_bytes(4, "big")]
        return SUCCESS, [0x09, 1, 0, 0x0A, 4, *self.stated.to_bytes(4, "little")]

    def SCardGetErrorMessage(self, result: int) -> str:  # noqa: N802 - as above
        """The service's words for a result."""
        return f"result {result:x}."
