"""A chip session: carries the plain commands of dialogues to the chip, under secure messaging once there is one.

Rule: dialogues above know nothing of encryption, the device below knows nothing of files. Each exchange leaves one line in the
transcript, without data. An error of the chip is thrown into the dialogue, which records what it means; the loss of the chip or
of the device closes the dialogue and goes straight to the caller, so no dialogue can mistake it for a refusal.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from egate.model.document import Exchange
from egate.model.errors import ChipError, ChipLost, MalformedData
from egate.mrtd.apdu import MAX_EXTENDED_BYTES, CommandApdu, ResponseApdu
from egate.mrtd.secure_messaging import SecureMessaging

MAX_EXCHANGES = 4096
"""A full read takes about 90 exchanges, in the smallest blocks about 500: a chip that makes us ask more keeps the lane busy."""
MAX_RECEIVED_BYTES = 1_048_576
"""All responses of one session together: sixteen data groups of ordinary size have a quarter of it."""
MAX_PORTIONS = 300
"""Parts of one response, the longest of which has 256 times 256 bytes."""

Result = TypeVar("Result")


class ReadingStopped(Exception):
    """Thrown into a reading by whoever carries it, to end it with what there is: the reader's patience is over."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChipSession:
    """The transcript so far and the secure messaging in force, None for plain exchanges."""

    def __init__(self) -> None:
        self.transcript: list[Exchange] = []
        self.received_bytes = 0
        self._secure: SecureMessaging | None = None

    @property
    def secure(self) -> SecureMessaging | None:
        """The secure messaging in force."""
        return self._secure

    @property
    def broken(self) -> bool:
        """Whether a session was begun and has ended by the chip's fault."""
        return self._secure is not None and not self._secure.alive

    def begin(self, secure: SecureMessaging) -> None:
        """Go on under new keys; the old ones are dropped."""
        self.end()
        self._secure = secure

    def end(self) -> None:
        """Drop all keys and go back to plain exchanges."""
        if self._secure is not None:
            self._secure.end()
        self._secure = None

    def carried(self, dialogue: Generator[CommandApdu, ResponseApdu, Result]) -> Generator[CommandApdu, ResponseApdu, Result]:
        """The dialogue in the form in which its commands go to the chip."""
        try:
            command = next(dialogue)
            while True:
                try:
                    response = yield from self._exchange(command)
                except ChipLost:
                    raise
                except ChipError as error:
                    command = dialogue.throw(error)
                else:
                    command = dialogue.send(response)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        finally:
            dialogue.close()

    def _exchange(self, command: CommandApdu) -> Generator[CommandApdu, ResponseApdu, ResponseApdu]:
        """One plain command and its plain response, with whatever lies between."""
        secure = self._secure
        if secure is None:
            return (yield from self._transmit(command))
        try:
            return secure.unwrap((yield from self._transmit(secure.wrap(command))))
        except ChipError:
            secure.end()  # an answer that never came whole leaves the two counters apart
            raise

    def _transmit(self, command: CommandApdu) -> Generator[CommandApdu, ResponseApdu, ResponseApdu]:
        """One command on the wire; what a 61xx says is waiting is fetched while something comes (ISO/IEC 7816-4 §5.3.4)."""
        response = yield from self._recorded(command)
        waiting = response.more_bytes
        if waiting is None:
            return response
        data, portions = bytearray(response.data), 0
        while waiting is not None and portions < MAX_PORTIONS and len(data) <= MAX_EXTENDED_BYTES:
            response = yield from self._recorded(CommandApdu(0x00, 0xC0, 0x00, 0x00, le=waiting))
            data += response.data
            waiting, portions = response.more_bytes, portions + 1 if response.data else MAX_PORTIONS
        return ResponseApdu(bytes(data), response.sw)

    def _recorded(self, command: CommandApdu) -> Generator[CommandApdu, ResponseApdu, ResponseApdu]:
        if len(self.transcript) >= MAX_EXCHANGES:
            raise ChipError("talking to the chip", "more exchanges than any chip needs")
        if self.received_bytes >= MAX_RECEIVED_BYTES:
            raise ChipError("talking to the chip", "more bytes than any chip holds")
        try:
            response = yield command
        except MalformedData as error:
            raise ChipError("talking to the chip", f"a response without form: {error.problem}") from None
        received = len(response.data) + 2
        self.received_bytes += received
        exchange = Exchange(command.ins, command.p1, command.p2, command.size_bytes, received, response.sw)
        self.transcript.append(exchange)
        return response
