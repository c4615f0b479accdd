"""The controller's end of the local socket: many screens, each with the messages of its role, none able to delay the lane.

Rules kept here: only a process of the same account may connect (file mode 0600 and the kernel's word about the peer); a
role receives and sends its own messages only; a client that breaks the form is cut off; a client that does not read loses old
views and, when even that is not enough, its connection. `publish` never waits. A screen that starts late gets the newest
view at once, so a killed screen redraws when it comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from egate.ipc.codec import MAX_WISH_LINE_BYTES, decode_line, encode_line
from egate.ipc.messages import (
    HEARTBEAT_S,
    CasePictures,
    CasePicturesWished,
    Heartbeat,
    Hello,
    LaneView,
    LanguageWished,
    Message,
    OfficerPresent,
    OfficerWish,
    PassageEvent,
    ReceiptArrived,
    Role,
    TravellerHelpWished,
    TravellerView,
    Welcome,
    WishAnswer,
)
from egate.ipc.place import SocketPlace
from egate.model.errors import EgateError, MalformedData, TrustError
from egate.ports import Clock

MAX_CLIENTS = 16
"""More screens than a lane has; a runaway that keeps connecting meets a closed door."""

MAX_BACKLOG = 512
"""Messages that wait for one client; views count once, so only an observer that stopped reading gets here."""

HELLO_WITHIN_S = 2.0
"""How long a client may take to say who it is."""

_PEER_CREDENTIALS = struct.Struct("3i")

_log = logging.getLogger(__name__)

_VIEWS: tuple[type, ...] = (TravellerView, LaneView, Heartbeat)
"""Whole states: only the newest one matters."""

_RECEIVES: dict[Role, tuple[type, ...]] = {
    Role.KIOSK: (TravellerView, Heartbeat),
    Role.GUARD: (LaneView, CasePictures, WishAnswer, Heartbeat),
    Role.OBSERVER: (TravellerView, LaneView, PassageEvent, WishAnswer, ReceiptArrived, Heartbeat),
    Role.SYNC: (Heartbeat,),
}

_SENDS: dict[Role, tuple[type, ...]] = {
    Role.KIOSK: (LanguageWished, TravellerHelpWished),
    Role.GUARD: (CasePicturesWished, OfficerWish, OfficerPresent),
    Role.OBSERVER: (),
    Role.SYNC: (ReceiptArrived,),
}


class Client:
    """One connected screen: its role, its name for the log, and what still has to be sent to it."""

    def __init__(self, hello: Hello) -> None:
        self.role = hello.role
        self.name = hello.name
        self.overrun = False
        self._waiting: OrderedDict[object, Message] = OrderedDict()
        self._sequence = 0
        self._ready = asyncio.Event()

    def put(self, message: Message) -> None:
        """Queue a message of this role without waiting; a newer view takes the place of an older one."""
        if not isinstance(message, _RECEIVES[self.role]) and not isinstance(message, Welcome):
            return
        self._sequence += 1
        key: object = _kind_of_view(message) if isinstance(message, _VIEWS) else self._sequence
        self._waiting.pop(key, None)
        if len(self._waiting) >= MAX_BACKLOG:
            self.overrun = True
        else:
            self._waiting[key] = message
        self._ready.set()

    async def take(self) -> Message | None:
        """The next message to send; None when the client fell too far behind."""
        while not self._waiting and not self.overrun:
            self._ready.clear()
            await self._ready.wait()
        return None if self.overrun else self._waiting.popitem(last=False)[1]


def _kind_of_view(message: Message) -> object:
    """Views of one kind and one place take each other's place; the screens of two places are told apart."""
    return (type(message), message.place) if isinstance(message, TravellerView) else type(message)


OnMessage = Callable[[Client, Message], Awaitable[Message | None]]
"""What the controller does with a message; its answer, where there is one, goes to that client alone."""


async def _no_answer(_client: Client, _message: Message) -> Message | None:
    return None


class MessageServer:
    """The lane's message socket. `start`, then `publish`; `close` leaves no file behind."""

    def __init__(self, path: Path, clock: Clock, *, welcome: Welcome, on_message: OnMessage = _no_answer) -> None:
        self._place = SocketPlace(path)
        self._clock = clock
        self._welcome = welcome
        self._on_message = on_message
        self._clients: set[Client] = set()
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._newest: dict[object, Message] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Take the socket's place and listen; raises DeviceError when another controller runs there."""
        listening = self._place.claim()
        self._server = await asyncio.start_unix_server(self._accept, sock=listening, limit=MAX_WISH_LINE_BYTES)
        self._spawn(self._beat())

    async def close(self) -> None:
        """Cut every client off and remove the socket file; never raises."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._place.release()

    def publish(self, message: Message) -> None:
        """Give a message to every client whose role receives it. Returns at once, whatever the clients do."""
        if isinstance(message, TravellerView | LaneView):
            self._newest[_kind_of_view(message)] = message
        for client in self._clients:
            client.put(message)

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles connected now; the controller knows from it whether an officer's console is present (S5)."""
        return tuple(client.role for client in self._clients)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _beat(self) -> None:
        sequence = 0
        while True:
            self.publish(Heartbeat(sequence))
            sequence += 1
            await self._clock.sleep(HEARTBEAT_S)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connections count from the first moment: one that has not said who it is holds a descriptor as well."""
        if self._connections >= MAX_CLIENTS or not _same_account(writer):
            _log.info("a client was turned away")
            writer.transport.abort()
            return
        self._connections += 1
        self._spawn(self._serve(reader, writer)).add_done_callback(self._one_less)

    def _one_less(self, _served: asyncio.Task[None]) -> None:
        self._connections -= 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """1 hear who it is · 2 welcome it with the newest view · 3 send and receive until one side ends."""
        client: Client | None = None
        try:
            hello = await self._hear_hello(reader)
            client = Client(hello)
            client.put(self._welcome)
            for view in self._newest.values():
                client.put(view)
            self._clients.add(client)
            await _first_to_end(self._send_all(client, writer), self._receive_all(client, reader))
        except MalformedData as error:
            _log.info("a client was cut off: %s", error.problem)
        except ConnectionError:
            pass  # a screen that went away is no news
        finally:
            if client is not None:
                self._clients.discard(client)
            writer.transport.abort()

    async def _hear_hello(self, reader: asyncio.StreamReader) -> Hello:
        first: list[Message] = []

        async def hear() -> None:
            message = await _next_message(reader)
            if message is not None:
                first.append(message)

        await _first_to_end(hear(), self._clock.sleep(HELLO_WITHIN_S))
        if not first or not isinstance(first[0], Hello):
            raise MalformedData("greet a client", "it did not say who it is")
        return first[0]

    async def _send_all(self, client: Client, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)
        while (message := await client.take()) is not None:
            writer.write(encode_line(message))
            await writer.drain()
        _log.info("a client fell behind and was cut off")

    async def _receive_all(self, client: Client, reader: asyncio.StreamReader) -> None:
        while (message := await _next_message(reader)) is not None:
            if not isinstance(message, _SENDS[client.role]):
                raise MalformedData("hear a client", "its role may not send this")
            answer = await self._answer(client, message)
            if answer is not None:
                client.put(answer)

    async def _answer(self, client: Client, message: Message) -> Message | None:
        try:
            return await self._on_message(client, message)
        except EgateError as error:
            _log.info("a message of a client came to nothing: %s", error.problem)
            code = error.problem if isinstance(error, TrustError) else "failed"
            return WishAnswer(taken=False, code=code) if isinstance(message, OfficerWish) else None


async def _next_message(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None at the end of the stream, whose last line may be cut."""
    try:
        line = await reader.readline()
    except ValueError:
        raise MalformedData("hear a client", "the line is too long") from None
    return decode_line(line, MAX_WISH_LINE_BYTES) if line.endswith(b"\n") else None


async def _first_to_end(*works: Awaitable[None]) -> None:
    """Run works together until one ends, cancel the others, and raise what the first one raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _same_account(writer: asyncio.StreamWriter) -> bool:
    """Ask the kernel who is at the other end; the peer cannot lie about it."""
    peer: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        data = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        _process, account, _group = _PEER_CREDENTIALS.unpack(data)
        return bool(account == os.geteuid())
    return False
