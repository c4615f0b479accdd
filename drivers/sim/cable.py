"""A cable between a driver and an emulator that are strangers to each other: both see only a serial port with a stable name.

It passes bytes on, at the speed that the driver set, and can be pulled, silenced, made noisy. So the conformance kit needs
nothing from a driver or an emulator but their ports, and checks them as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable
from pathlib import Path

from drivers.link import BAUD_RATES, LinkSettings, SerialLink
from drivers.sim.pace import Pace
from drivers.sim.pty import PtyPort
from egate.model.errors import DeviceError
from egate.ports import Clock

Hurt = Callable[[bytes], list[bytes]]
"""What becomes of a chunk on its way: the pieces that arrive."""


def whole(data: bytes) -> list[bytes]:
    """An honest line."""
    return [data]


def one_at_a_time(data: bytes) -> list[bytes]:
    """Every byte on its own."""
    return [data[at : at + 1] for at in range(len(data))]


def nothing(_data: bytes) -> list[bytes]:
    """A dead wire."""
    return []


def twice(data: bytes) -> list[bytes]:
    """Everything comes again."""
    return [data, data]


def noisy(seed: int, *, flips: float = 0.0, drops: float = 0.0) -> Hurt:
    """Each byte may have a bit flipped or be lost; the shares are of one."""
    draw = random.Random(seed)  # noqa: S311 - reproducible noise, not a secret

    def hurt(data: bytes) -> list[bytes]:
        kept = bytearray()
        for byte in data:
            if draw.random() < drops:
                continue
            kept.append(byte ^ (1 << draw.randrange(8)) if draw.random() < flips else byte)
        return [bytes(kept)] if kept else []

    return hurt


class Cable:
    """The cable; `path` is the driver's end. `to_host` and `to_device` say what becomes of bytes, answers come `delay_s` late."""

    def __init__(self, path: Path, emulator_path: Path, clock: Clock, pace: Pace) -> None:
        self.to_host: Hurt = whole
        self.to_device: Hurt = whole
        self.delay_s = 0.0
        self.echo = False
        self.port = PtyPort(path, pace)
        self.port.on_bytes = self._sent
        self._clock = clock
        self._far = SerialLink(LinkSettings(str(emulator_path), emulated=True), clock)
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()

    async def plug_both(self) -> None:
        """Connect both ends; raises DeviceError when there is no emulator."""
        await self._far.open()
        self.port.plug()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._carry_to_device()), loop.create_task(self._carry_to_host())]

    async def close(self) -> None:
        """Pull both ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.port.unplug()
        await self._far.close()

    def mend(self) -> None:
        """An honest line again."""
        self.to_host = self.to_device = whole
        self.delay_s, self.echo = 0.0, False

    def say(self, data: bytes) -> None:
        """Bytes from nowhere arrive at the driver."""
        if self.port.plugged:
            self.port.write(data)

    def _sent(self, data: bytes) -> None:
        if self.echo:
            self.say(data)
        for piece in self.to_device(data):
            self._waiting.put_nowait(piece)

    async def _carry_to_device(self) -> None:
        while True:
            data = await self._waiting.get()
            with contextlib.suppress(DeviceError):  # an emulator that is switched off hears nothing
                baud = self.port.host_baud() if self.port.plugged else None
                if baud in BAUD_RATES and baud != self._far.baud:
                    await self._far.set_baud(baud)
                self._far.write(data)

    async def _carry_to_host(self) -> None:
        while True:
            await self._far.wait_connected()
            with contextlib.suppress(DeviceError):
                data = await self._far.read(None)
                if self.delay_s:
                    await self._clock.sleep(self.delay_s)
                for piece in self.to_host(data):
                    self.say(piece)
