"""What the core wants from the world, as protocols that drivers and stores fulfil.

Times are seconds on the monotonic clock; every method that waits is a coroutine and may be cancelled at any await.
A device that cannot do what is asked raises `DeviceError`; a chip that leaves the reader raises `ChipLost`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from egate.model.boarding_pass import BoardingPass
from egate.model.crossing import Committed, LogRecord
from egate.model.lane import Door, GateReport, Signal

SHORT_RESPONSE_BYTES = 258
"""A short response APDU: 256 bytes and the status word (ISO/IEC 7816-4 §5.1). Every chip reader carries it."""


class Clock(Protocol):
    """The only source of time. `speed` > 1 makes every sleep shorter by that factor (the demo's fast clock)."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of this clock pass."""
        ...


class Device(Protocol):
    """What every device can do: open its link, say whether it answers, and close."""

    async def start(self) -> None:
        """Open the link and prove the device is what the configuration says (L13); raises DeviceError."""
        ...

    async def close(self) -> None:
        """Release the link; never raises."""
        ...

    @property
    def online(self) -> bool:
        """Whether the device answered lately."""
        ...


class MrzReader(Device, Protocol):
    """A device that reads the machine readable zone when a document is placed on it."""

    async def read_lines(self) -> tuple[str, ...]:
        """Wait for the next document and return its MRZ lines as read, unread characters included."""
        ...


class PageReader(Device, Protocol):
    """A device that gives a picture of a document's page: a full-page reader, or a camera above a glass."""

    async def read_page(self) -> bytes:
        """Wait for the next picture and return it as a JPEG, PNG, BMP or TIFF file; raises DeviceError."""
        ...


class BoardingPassReader(Device, Protocol):
    """A device that reads the bar code of a boarding pass when one is held to it."""

    async def read_pass(self) -> BoardingPass:
        """Wait for the next code and return it as a pass.

        Raises DeviceError, and MalformedData for a code that is no boarding pass; ask again after either.
        """
        ...


class ChipReader(Device, Protocol):
    """A contactless reader that carries APDUs to a chip."""

    @property
    def max_response_bytes(self) -> int:
        """The longest response APDU that it carries, status word included: at least `SHORT_RESPONSE_BYTES`.

        More says only what the reader can; extended lengths also need a chip that states them (Doc 9303-10 §3.6.4.2).
        """
        ...

    @property
    def historical_bytes(self) -> bytes:
        """Historical bytes of the activated chip's answer to select; empty when there are none or the reader hides them."""
        ...

    async def wait_for_chip(self, within_s: float) -> bool:
        """Wait until a chip is activated; False when none came in time."""
        ...

    async def transceive(self, command: bytes) -> bytes:
        """Send one command APDU and return the response with its status word; raises ChipLost or DeviceError."""
        ...

    async def present(self) -> bool:
        """Whether the activated chip is still there."""
        ...

    async def release(self) -> None:
        """Deactivate the chip and switch the field off."""
        ...


class GateUnit(Device, Protocol):
    """Two doors with locks and sensors, a person counter and an emergency input."""

    async def unlock(self, door: Door, lease_s: float, number: int) -> None:
        """Unlock for at most `lease_s`; the unit locks by itself when the lease runs out. Returns once acknowledged."""
        ...

    async def lock(self, door: Door, number: int) -> None:
        """End the lease of a door now. Returns once acknowledged."""
        ...

    def reports(self) -> AsyncIterator[GateReport]:
        """Samples of the sensors, one for each poll; raises DeviceError when the unit is lost."""
        ...


@runtime_checkable
class Indicator(Protocol):
    """Lamps and a buzzer that a traveller sees and hears. A gate unit that has them fulfils this beside `GateUnit`."""

    async def show(self, signal: Signal) -> None:
        """Show this until told otherwise; a unit without such a lamp shows nothing. Returns once acknowledged."""
        ...


class Camera(Protocol):
    """A source of frames. A frame is an H×W×3 array of 8-bit BGR values."""

    def open(self) -> None:
        """Start the source; raises DeviceError."""
        ...

    def frame(self) -> object:
        """The next frame (blocking, paced by the source) as a numpy array; raises DeviceError."""
        ...

    def close(self) -> None:
        """Stop the source; never raises."""
        ...


class CrossingLog(Protocol):
    """The lane's own log. `append` returns only when the record is durable."""

    def append(self, record: LogRecord) -> Committed:
        """Seal and write one record; raises `DeviceError` when it could not be made durable (disk full, read-only, failing)."""
        ...

    def close(self) -> None:
        """Release the database."""
        ...
