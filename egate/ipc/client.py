"""The other end of the local socket for programs without a screen: the demo's narrator, the sync process, tests.

Screens do not use this; they speak the same lines through Qt (`ui.common.link`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

from egate.ipc.codec import MAX_LINE_BYTES, decode_line, encode_line
from egate.ipc.messages import Hello, Message, Role, Welcome
from egate.model.errors import DeviceError, MalformedData
from egate.ports import Clock

RETRY_S = 0.1
"""Pause between two attempts to connect."""

CONNECT_WITHIN_S = 10.0
"""How long to wait for a controller that is still starting."""

_DOING = "talk to the lane controller"


class MessageClient:
    """One connection in a role. Use `async with`, then iterate `messages()` and `send`. `welcome` is set once connected."""

    def __init__(self, path: Path, clock: Clock, role: Role, name: str) -> None:
        self._path = path
        self._clock = clock
        self._hello = Hello(role, name)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._welcome: Welcome | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def welcome(self) -> Welcome:
        """What the controller said first; raises DeviceError before `connect`."""
        if self._welcome is None:
            raise DeviceError(_DOING, "not connected")
        return self._welcome

    async def connect(self, within_s: float = CONNECT_WITHIN_S) -> Welcome:
        """Connect, trying again while the controller starts; raises DeviceError when it does not come in time."""
        deadline = self._clock.monotonic() + within_s
        while True:
            try:
                self._welcome = await self._greet()
            except (OSError, DeviceError):
                await self.close()
                if self._clock.monotonic() >= deadline:
                    raise DeviceError(_DOING, f"no controller listens at {self._path}") from None
                await self._clock.sleep(RETRY_S)
            else:
                return self._welcome

    async def messages(self) -> AsyncIterator[Message]:
        """Every message until the controller closes the connection; raises MalformedData for a line that is none."""
        while (message := await self._next()) is not None:
            yield message

    async def send(self, message: Message) -> None:
        """Send one message; raises DeviceError when the connection is gone."""
        if self._writer is None:
            raise DeviceError(_DOING, "not connected")
        try:
            self._writer.write(encode_line(message))
            await self._writer.drain()
        except ConnectionError:
            raise DeviceError(_DOING, "the connection was lost") from None

    async def close(self) -> None:
        """Drop the connection; never raises."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def _greet(self) -> Welcome:
        self._reader, self._writer = await asyncio.open_unix_connection(str(self._path), limit=MAX_LINE_BYTES)
        await self.send(self._hello)
        first = await self._next()
        if not isinstance(first, Welcome):
            raise DeviceError(_DOING, "the controller did not welcome us")
        return first

    async def _next(self) -> Message | None:
        if self._reader is None:
            raise DeviceError(_DOING, "not connected")
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return None
        except ValueError:
            raise MalformedData(_DOING, "the line is too long") from None
        return decode_line(line) if line.endswith(b"\n") else None
