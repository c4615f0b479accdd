"""The PC/SC service as a chip reader sees it, in calls that block. The only user of pyscard.

pyscard is optional (`.venv/bin/pip install "pyscard>=2.3,<3"`; it is compiled, and needs pcscd and its library), imported when
this driver is chosen and not before. One object belongs to one thread; a call that hangs is left behind with its object, so
what it finds when it comes back touches nobody else's chip. An APDU is sent once, never again.
"""

from __future__ import annotations

import fnmatch
import importlib
import logging
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from drivers.reader.atr import historical_bytes_of_atr
from egate.model.errors import ChipLost, DeviceError
from egate.ports import SHORT_RESPONSE_BYTES

ANY_READER = "*"
APDU_WITHIN_S = 10.0  # pcscd waits for the chip by itself; this bounds a reader that hangs
LARGEST_RESPONSE_BYTES = 65_538
_GET_FEATURES = 0x42000000 + 3400  # CM_IOCTL_GET_FEATURE_REQUEST, PC/SC part 10 §2.2
_FEATURE_PROPERTIES, _PROPERTY_LARGEST_APDU = 0x12, 0x0A  # PC/SC part 10 §2.3 and §2.6.14

_LOG = logging.getLogger("egate.drivers.reader")


@dataclass(frozen=True, slots=True)
class PcscConfig:
    """Which reader, and how to use it.

    `name` is a pattern of the reader's name as in file names, case ignored; the first that fits in the order of names is taken.
    `exclusive` keeps other programs away from the chip. `max_response_bytes` 0 asks the reader (PC/SC part 10) and takes short
    responses where it does not say.
    """

    name: str = ANY_READER
    exclusive: bool = True
    max_response_bytes: int = 0
    apdu_within_s: float = APDU_WITHIN_S


def load_pyscard() -> ModuleType:
    """The module of PC/SC calls in pyscard; raises DeviceError with what to install."""
    try:
        return importlib.import_module("smartcard.scard")
    except ImportError:
        raise DeviceError(
            "use a PC/SC reader",
            "pyscard is missing; install it with: apt install pcscd libccid libpcsclite-dev swig python3-dev gcc && "
            '.venv/bin/pip install "pyscard>=2.3,<3"',
        ) from None


class PcscService:
    """One connection to the PC/SC service, and the chip that it holds."""

    def __init__(self, library: ModuleType, config: PcscConfig) -> None:
        self.reader = ""
        self.largest = config.max_response_bytes or SHORT_RESPONSE_BYTES
        self.historical = b""
        self._config = config
        self._scard: Any = library
        self._context: Any = None
        self._card: Any = None
        self._protocol: Any = 0

    @property
    def has_chip(self) -> bool:
        """Whether a chip is activated."""
        return self._card is not None

    def _establish(self) -> Any:
        """The connection to the PC/SC service."""
        if self._context is None:
            result, context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_SYSTEM)
            if result != self._scard.SCARD_S_SUCCESS:
                raise DeviceError("reach the PC/SC service", f"{self._word(result)}; start it with: systemctl start pcscd.socket")
            self._context = context
        return self._context

    def _readers(self) -> list[str]:
        """Names of the readers that are plugged in."""
        for _ in range(2):
            result, names = self._scard.SCardListReaders(self._establish(), [])
            if result == self._scard.SCARD_S_SUCCESS:
                return sorted(names)
            if result == self._scard.SCARD_E_NO_READERS_AVAILABLE:
                return []
            self._context = None  # the service was restarted: our connection is of the old one
        raise DeviceError("ask the PC/SC service for its readers", self._word(result))

    def find_reader(self) -> str:
        """Look for the reader; its name, empty when it is not there."""
        pattern = self._config.name.casefold()
        fitting = [name for name in self._readers() if fnmatch.fnmatchcase(name.casefold(), pattern)]
        found = fitting[0] if fitting else ""
        if found != self.reader:
            _LOG.info("PC/SC reader %s", f"{found!r} found" if found else f"{self.reader!r} is gone")
        self.reader = found
        return found

    def what_is_there(self) -> str:
        """One sentence for the technician: which readers there are instead."""
        names = ", ".join(map(repr, self._readers()))
        return f"none is called {self._config.name!r}; there are: {names or 'none (is it plugged in, and its driver installed?)'}"

    def activate(self) -> bool:
        """Connect to the chip on the reader, with the field off and on; False when there is none. Raises DeviceError."""
        self.disconnect()
        if self.find_reader() == "":
            return False
        scard = self._scard
        mode = scard.SCARD_SHARE_EXCLUSIVE if self._config.exclusive else scard.SCARD_SHARE_SHARED
        wanted = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, card, protocol = scard.SCardConnect(self._context, self.reader, mode, wanted)
        if result in self._without_a_chip():
            return False
        if result == scard.SCARD_E_SHARING_VIOLATION:
            raise DeviceError("use the PC/SC reader", "another program holds the chip; stop it, or set shared = true")
        if result != scard.SCARD_S_SUCCESS:
            raise DeviceError("use the PC/SC reader", self._word(result))
        self._card, self._protocol = card, protocol
        result, _, _, _, answer = scard.SCardStatus(card)
        self.historical = historical_bytes_of_atr(bytes(answer)) if result == scard.SCARD_S_SUCCESS else b""
        if not self._config.max_response_bytes:
            self.largest = self._stated_largest()
        return True

    def _without_a_chip(self) -> tuple[int, ...]:
        """Answers to a connect that mean: nothing there that could be talked to, look again."""
        names = (
            *("SCARD_E_NO_SMARTCARD", "SCARD_W_REMOVED_CARD", "SCARD_W_UNRESPONSIVE_CARD", "SCARD_W_UNPOWERED_CARD"),
            *("SCARD_E_UNKNOWN_READER", "SCARD_E_READER_UNAVAILABLE", "SCARD_E_PROTO_MISMATCH", "SCARD_W_RESET_CARD"),
        )
        return tuple(getattr(self._scard, name) for name in names)

    def transmit(self, command: bytes) -> bytes:
        """One APDU; raises ChipLost or DeviceError, which end the chip's session."""
        scard = self._scard
        result, response = scard.SCardTransmit(self._card, self._protocol, list(command))
        if result == scard.SCARD_S_SUCCESS and 2 <= len(response) <= LARGEST_RESPONSE_BYTES:
            return bytes(response)
        self.disconnect()
        if result in (scard.SCARD_E_READER_UNAVAILABLE, scard.SCARD_E_NO_SERVICE, scard.SCARD_E_INVALID_HANDLE):
            self.reader = ""
            raise DeviceError("talk to the chip", f"the PC/SC reader is lost ({self._word(result)})")
        raise ChipLost("talk to the chip", f"it left the field or is silent ({self._word(result)})")

    def card_is_there(self) -> bool:
        """Whether the activated chip is still on the reader; asks the service, not the chip."""
        if self._card is None:
            return False
        result = self._scard.SCardStatus(self._card)[0]
        if result != self._scard.SCARD_S_SUCCESS:
            self.disconnect()
        return self._card is not None

    def disconnect(self) -> None:
        """Switch the chip off."""
        card, self._card = self._card, None
        self.historical = b""
        if card is not None:
            self._scard.SCardDisconnect(card, self._scard.SCARD_UNPOWER_CARD)

    def let_go(self) -> None:
        """Leave the chip and the service."""
        self.disconnect()
        context, self._context = self._context, None
        if context is not None:
            self._scard.SCardReleaseContext(context)

    def _stated_largest(self) -> int:
        """What the reader says of the longest APDU it carries (PC/SC part 10 §2.6.14); short where it says nothing."""
        properties = self._control(_entries(self._control(_GET_FEATURES)).get(_FEATURE_PROPERTIES))
        stated = _entries(properties).get(_PROPERTY_LARGEST_APDU, b"")
        size = int.from_bytes(stated, "little")
        return max(SHORT_RESPONSE_BYTES, min(size, LARGEST_RESPONSE_BYTES))

    def _control(self, code: int | bytes | None) -> bytes:
        """The answer of the reader itself, empty when it has none."""
        if not code:
            return b""
        number = code if isinstance(code, int) else int.from_bytes(code, "big")
        result, answer = self._scard.SCardControl(self._card, number, [])
        return bytes(answer) if result == self._scard.SCARD_S_SUCCESS else b""

    def _word(self, result: int) -> str:
        """PC/SC's own words for a result."""
        return str(self._scard.SCardGetErrorMessage(result)).rstrip(". ")


def _entries(data: bytes) -> dict[int, bytes]:
    """Tag, length, value triples of PC/SC part 10; what does not fit is left out."""
    found, at = {}, 0
    while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found
