"""The one door to NATS: a connection that either works or is given up, never one that heals behind our back.

The bus is a courier that may lose anything; nobody above this file relies on more. Subjects: `egate.rows.LANE` carries envelopes
to the centre through a JetStream stream, `egate.receipts.LANE` carries receipts back, unstored. Learned about nats-py 2.16 and
kept here: its own reconnection hides lost streams, so it is off and `keep_connected` opens a new connection each time; `close`
can raise CancelledError in a task that nobody cancelled, so its calls run in tasks of their own and end as `DeviceError`; an
idle `fetch` ends in either of two TimeoutErrors, so after each the server is asked whether our consumer is still there.
`asyncio.wait_for` is not used: in Python 3.11 it swallows a cancellation that comes together with the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from egate.model.errors import DeviceError
from egate.ports import Clock

STREAM = "EGATE_ROWS"
CONSUMER = "hub"
ROWS_SUBJECT = "egate.rows"
RECEIPTS_SUBJECT = "egate.receipts"

STREAM_LIMIT_BYTES = 256 * 1024 * 1024
"""The stream refuses more (it never drops the oldest); what it refuses waits in the outboxes of the lanes."""

CONNECT_WITHIN_S = 3.0
ANSWER_WITHIN_S = 5.0
CLOSE_WITHIN_S = 1.0
REDELIVER_AFTER_S = 10.0
"""Patience with the server: to connect, to answer, to say goodbye; and the server's with a hub that died before its answer."""

PING_EVERY_S = 5
"""How often a quiet connection is tried; two answers missing, and it counts as lost (a cable pulled, a hub asleep)."""

DUPLICATE_WINDOW_S = 120.0
"""How long the server remembers message identifiers; a new attempt carries a new one."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
"""Pauses between attempts to connect, doubling from the first to the longest."""

_T = TypeVar("_T")
_DOING = "talking to the bus"


@dataclass(frozen=True, slots=True)
class BusAddress:
    """Where the bus is (`nats://HOST:PORT`) and the word that opens it."""

    url: str = field(repr=False)
    token: str = field(repr=False, default="")

    @property
    def place(self) -> str:
        """Host and port for logs, without a token that the address may hold."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One envelope from the stream. Exactly one of the two is called once it was dealt with."""

    data: bytes = field(repr=False)
    done: Callable[[], Awaitable[None]] = field(repr=False)
    refuse: Callable[[], Awaitable[None]] = field(repr=False)


class Bus:
    """One connection. Every failure is a DeviceError; after the first one the connection is given up."""

    def __init__(self, address: BusAddress, name: str) -> None:
        self._address = address
        self._name = name
        self._client: Any = Client()
        self._rows: Any = None
        self._problem = ""
        self.lost = asyncio.Event()

    async def open(self) -> None:
        """Connect; raises DeviceError when the server does not answer in time or does not let us in."""
        try:
            await _settled(self._connect(), CONNECT_WITHIN_S)
        except DeviceError as error:
            raise DeviceError(_DOING, self._problem or error.problem) from None

    async def close(self) -> None:
        """Say goodbye; never raises."""
        # The library fails an assertion when it never came as far as a connection; then there is nothing to close.
        with contextlib.suppress(DeviceError, AssertionError):
            await _settled(self._client.close(), CLOSE_WITHIN_S)
        # A close that was cut short, or that found the library closing already, may leave the socket open.
        writer = getattr(getattr(self._client, "_transport", None), "_io_writer", None)
        if writer is not None:
            writer.transport.abort()

    def refuse_if_lost(self) -> None:
        """Raise DeviceError when the connection has ended; asked in every turn, so that no turn trusts a callback alone."""
        if self.lost.is_set() or not self._client.is_connected:
            raise DeviceError(_DOING, "the connection ended")

    async def send(self, subject: str, data: bytes, identifier: str) -> None:
        """Put a message into the stream; returns once the server has it on its disk."""
        publish = self._client.jetstream().publish(subject, data, timeout=ANSWER_WITHIN_S, headers={"Nats-Msg-Id": identifier})
        await _settled(publish, ANSWER_WITHIN_S)

    async def tell(self, subject: str, data: bytes) -> None:
        """Say something to whoever listens now."""
        await _settled(self._client.publish(subject, data), ANSWER_WITHIN_S)

    async def listen(self, subject: str, receive: Callable[[bytes], None]) -> None:
        """Call `receive` with each message on a subject."""

        async def on_message(message: Any) -> None:
            receive(message.data)

        await _settled(self._client.subscribe(subject, cb=on_message), ANSWER_WITHIN_S)
        await _settled(self._client.flush(), ANSWER_WITHIN_S)

    async def open_stream(self) -> None:
        """Make the stream when there is none, and begin to receive from it as the centre."""
        await _settled(self._open_stream(), ANSWER_WITHIN_S)

    async def receive(self, limit: int, within_s: float) -> list[Delivery]:
        """Up to `limit` envelopes; none when none came in time. Raises DeviceError when the stream is gone."""
        try:
            messages = await _settled(self._rows.fetch(limit, timeout=within_s), within_s + ANSWER_WITHIN_S)
        except _NothingCame:
            await _settled(self._client.jetstream().consumer_info(STREAM, CONSUMER), ANSWER_WITHIN_S)
            return []
        return [Delivery(message.data, message.ack, message.term) for message in messages]

    async def _connect(self) -> None:
        async def on_error(error: Exception) -> None:
            self._problem = self._problem or _words(error)

        async def on_closed() -> None:
            self.lost.set()

        options: dict[str, Any] = {"token": self._address.token} if self._address.token else {}
        await self._client.connect(
            self._address.url,
            name=self._name,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=FIRST_PAUSE_S,
            ping_interval=PING_EVERY_S,
            connect_timeout=CONNECT_WITHIN_S,
            error_cb=on_error,
            closed_cb=on_closed,
            **options,
        )

    async def _open_stream(self) -> None:
        stream = self._client.jetstream()
        try:
            await stream.stream_info(STREAM)
        except NotFoundError:
            await stream.add_stream(
                StreamConfig(
                    name=STREAM,
                    subjects=[f"{ROWS_SUBJECT}.*"],
                    retention=RetentionPolicy.WORK_QUEUE,
                    discard=DiscardPolicy.NEW,
                    storage=StorageType.FILE,
                    max_bytes=STREAM_LIMIT_BYTES,
                    duplicate_window=DUPLICATE_WINDOW_S,
                )
            )
        consumer = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=REDELIVER_AFTER_S)
        self._rows = await stream.pull_subscribe(f"{ROWS_SUBJECT}.*", durable=CONSUMER, stream=STREAM, config=consumer)


async def keep_connected(
    address: BusAddress, name: str, clock: Clock, stop: asyncio.Event, work: Callable[[Bus], Coroutine[Any, Any, None]]
) -> None:
    """Do `work` on a connection, and on a new one whenever it is lost, until `stop`. Logs once lost, once back."""
    log = logging.getLogger(f"egate.{name}")
    reported, pause_s = False, FIRST_PAUSE_S
    while not stop.is_set():
        bus = Bus(address, name)
        try:
            await first_of(bus.open(), stop.wait())
            if reported and not stop.is_set():
                log.warning("the bus at %s is back", address.place)
            reported, pause_s = False, FIRST_PAUSE_S
            await _work_until(bus, stop, work)
            trouble = f"the bus at {address.place} is lost (the connection ended)"
        except DeviceError as error:
            lost = f"the bus at {address.place} is lost ({error.problem})"
            trouble = lost if error.doing == _DOING else f"interrupted: {error}"
        finally:
            await bus.close()
        if stop.is_set():
            return
        if not reported:
            log.warning("%s; trying until it works again", trouble)
            reported = True
        await first_of(clock.sleep(pause_s), stop.wait())
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of several ends, end the others, and raise what any of them raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _end(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel tasks until they have ended; a library that swallowed the first cancellation gets another."""
    living = set(tasks)
    while living:
        for task in living:
            task.cancel()
        _, living = await asyncio.wait(living, timeout=CLOSE_WITHIN_S)


async def _work_until(bus: Bus, stop: asyncio.Event, work: Callable[[Bus], Coroutine[Any, Any, None]]) -> None:
    await first_of(work(bus), bus.lost.wait(), stop.wait())


class _NothingCame(DeviceError):
    """The server answered that it has nothing."""


def _words(error: BaseException) -> str:
    """What the library says, on one line."""
    return str(error).partition("\n")[0].removeprefix("nats: ") or type(error).__name__


async def _settled(call: Awaitable[_T], within_s: float) -> _T:
    """The result of a call of the library, or DeviceError.

    It runs in a task of its own: when the server dies at the wrong moment the library cancels whoever called it.
    """
    task = asyncio.ensure_future(call)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        await asyncio.wait({task}, timeout=within_s + CLOSE_WITHIN_S)
    finally:
        if not task.done():
            task.cancel()
    if not task.done() or task.cancelled():
        raise DeviceError(_DOING, "no answer in time" if not task.done() else "the library gave up")
    match task.exception():
        case None:
            return task.result()
        case NatsTimeoutError() | TimeoutError():
            raise _NothingCame(_DOING, "no answer in time") from None
        case NatsError() | OSError() as error:
            raise DeviceError(_DOING, _words(error)) from None
        case error:
            raise error
