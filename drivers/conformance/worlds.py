"""The worlds of the built-in drivers that are on no serial line: a chip on a socket, a smart card service, a folder, a camera."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from drivers import PortSettings
from drivers.camera.files import FileCamera
from drivers.conformance.bench import LeftOut
from drivers.conformance.work import EchoChip
from drivers.page.camera import CameraPages
from drivers.page.folder import FolderPages
from drivers.reader.pcsc import PcscReader
from drivers.reader.pcsc_service import PcscConfig
from drivers.reader.vpcd import VpcdConfig, VpcdReader
from drivers.sim.page_source import fill_folder
from drivers.sim.pcsc import SimulatedPcsc
from drivers.sim.pn532 import Chip
from drivers.sim.vpcd import VpcdChip
from egate.ports import Clock, Device

HOST = "127.0.0.1"
APDU_WITHIN_S = 0.3  # of a chip that is checked
FLOOD = 200
GARBAGE_BYTES = 100_000
FILM_FPS = 100.0


class SocketChipWorld:
    """A chip that connects to the vpcd reader, which listens."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        del folder
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self._port = int(probe.getsockname()[1])
        self._clock = clock
        self._chip: Chip = EchoChip()
        self._serving: asyncio.Task[None] | None = None
        self._holder: socket.socket | None = None
        self._strangers: list[socket.socket] = []

    def make(self, clock: Clock) -> VpcdReader:
        """A reader on this world's port."""
        return VpcdReader(VpcdConfig(HOST, self._port, APDU_WITHIN_S), clock)

    def insert(self, chip: Chip) -> None:
        """Which chip connects."""
        self._chip = chip

    async def begin(self) -> None:
        """The chip tries to connect, again and again."""
        await self._serve(self._chip)

    async def end(self) -> None:
        """Everybody leaves."""
        await self.cut()
        self._leave()

    async def cut(self) -> None:
        """The chip is taken away."""
        task, self._serving = self._serving, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def mend(self) -> None:
        """The chip is there, and nobody else."""
        self._leave()
        await self.cut()
        await self._serve(EchoChip())

    async def bar(self) -> None:
        """Another program listens on the port."""
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind((HOST, self._port))
        self._holder.listen(1)

    async def noise(self) -> None:
        """The chip leaves, and a stranger speaks another language."""
        await self.cut()
        await self._stranger(b"\xff\xff\x00\x01GET / HTTP/1.1\r\n\r\n")

    async def flood(self) -> None:
        """Strangers come and go, and one of them never stops talking."""
        for _ in range(FLOOD):
            await self._stranger(b"\x00\x05hello")
        self._leave()
        await self._stranger(b"\x00\x02\x90\x00" * (GARBAGE_BYTES // 4))

    async def hush(self) -> None:
        """A chip that is there and says nothing."""
        await self.cut()
        await self._serve(_SilentChip())

    async def _serve(self, chip: Chip) -> None:
        served = VpcdChip(chip, HOST, self._port, self._clock)
        self._serving = asyncio.get_running_loop().create_task(served.run())

    async def _stranger(self, data: bytes) -> None:
        stranger = socket.socket()
        stranger.setblocking(False)
        self._strangers.append(stranger)
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_connect(stranger, (HOST, self._port))
            await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(stranger, data), 0.2)

    def _leave(self) -> None:
        for one in (*self._strangers, *((self._holder,) if self._holder else ())):
            one.close()
        self._strangers.clear()
        self._holder = None


class _SilentChip(EchoChip):
    """Answers no APDU."""

    def transceive(self, command: bytes) -> bytes | None:  # type: ignore[override]  # a chip may stay silent
        """Nothing."""
        del command
        return None


class _BabblingChip(EchoChip):
    """Answers with less, or with more, than a response can be."""

    def __init__(self, size: int) -> None:
        self._size = size

    def transceive(self, command: bytes) -> bytes:
        """So many bytes."""
        del command
        return bytes(self._size)


class SmartCardWorld:
    """A PC/SC service with one reader and a chip on it."""

    NAME = "Simulated Reader 00"

    def __init__(self, folder: Path, clock: Clock) -> None:
        del folder, clock
        self.service = SimulatedPcsc(self.NAME)
        self._chip: Chip = EchoChip()

    def make(self, clock: Clock) -> PcscReader:
        """A reader that calls this service."""
        return PcscReader(PcscConfig("Simulated*", apdu_within_s=APDU_WITHIN_S), clock, cast(ModuleType, self.service))

    def insert(self, chip: Chip) -> None:
        """Which chip lies there."""
        self.service.chip = self._chip = chip

    async def begin(self) -> None:
        """The chip lies on the reader."""
        self.service.chip = self._chip

    async def end(self) -> None:
        """Whoever hangs is let go."""
        self._let_go()

    async def cut(self) -> None:
        """The reader is pulled."""
        self.service.readers.clear()

    async def mend(self) -> None:
        """Service, reader and chip are there."""
        self._let_go()
        self.service.running, self.service.readers, self.service.chip = True, [self.NAME], self._chip

    async def bar(self) -> None:
        """The service does not run."""
        self.service.running = False
        self.service.readers.clear()

    async def noise(self) -> None:
        """A response of one byte."""
        self.service.chip = _BabblingChip(1)

    async def flood(self) -> None:
        """A response that is longer than any."""
        self.service.chip = _BabblingChip(GARBAGE_BYTES)

    async def hush(self) -> None:
        """A call that does not come back."""
        self.service.hang = threading.Event()

    def _let_go(self) -> None:
        hanging, self.service.hang = self.service.hang, None
        if hanging is not None:
            hanging.set()


class FolderWorld:
    """The program of a page reader, which leaves a file for each page in a folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder / "pages"
        self._clock = clock
        self._number = 0
        self._silent = False

    def make(self, clock: Clock) -> FolderPages:
        """A reader of this folder."""
        return FolderPages(self._folder, clock)

    async def begin(self) -> None:
        """The folder is there, with a page of somebody earlier in it, which must never be given out."""
        self._folder.mkdir()
        (self._folder / "earlier.png").write_bytes(b"earlier")

    async def present(self, picture: bytes) -> None:
        """A page is laid down: its file appears whole."""
        self._number += 1
        if not self._silent and self._folder.is_dir():
            draft = self._folder / f"{self._number}.part"
            draft.write_bytes(picture)
            draft.rename(self._folder / f"{self._number}.png")

    async def end(self) -> None:
        """The folder goes."""
        await self.cut()

    async def cut(self) -> None:
        """The folder is removed."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def mend(self) -> None:
        """The folder is there and holds nothing."""
        await self.cut()
        self._folder.mkdir()
        self._silent = False

    async def bar(self) -> None:
        """There is a file in its place."""
        await self.cut()
        self._folder.write_text("")
        self._folder.unlink()

    async def noise(self) -> None:
        """Files that are no page: empty, of another kind, a link to somewhere else, a folder."""
        (self._folder / "empty.png").write_bytes(b"")
        (self._folder / "notes.txt").write_bytes(b"text")
        with contextlib.suppress(FileExistsError):
            (self._folder / "link.png").symlink_to("/etc/hostname")
        (self._folder / "folder.png").mkdir(exist_ok=True)

    async def flood(self) -> None:
        """Very many files of other kinds, and a picture that is larger than any page."""
        for number in range(FLOOD):
            (self._folder / f"{number}.tmp").write_bytes(bytes(100))
        with (self._folder / "large.bmp").open("wb") as large:
            os.truncate(large.fileno(), 64 * 1024 * 1024)

    async def hush(self) -> None:
        """The program writes nothing any more."""
        self._silent = True


class GlassWorld:
    """A camera above a glass, played from files."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        del clock
        self._folder = folder / "frames"

    def make(self, clock: Clock) -> CameraPages:
        """Pages of that camera."""
        return CameraPages(FileCamera(self._folder, FILM_FPS, lambda _: None), clock)

    async def begin(self) -> None:
        """The camera sees something."""
        fill_folder(self._folder)

    async def present(self, picture: bytes) -> None:
        """It sees something all the time."""
        del picture

    async def end(self) -> None:
        """The camera goes."""
        await self.cut()

    async def cut(self) -> None:
        """The camera is pulled."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def mend(self) -> None:
        """The camera sees something again."""
        await self.cut()
        fill_folder(self._folder)

    async def bar(self) -> None:
        """There is no camera."""
        await self.cut()

    async def noise(self) -> None:
        """Frames that cannot be decoded."""
        for path in self._folder.iterdir():
            path.write_bytes(b"no image")

    async def flood(self) -> None:
        """Frames of more bytes than a frame has."""
        for path in self._folder.iterdir():
            os.truncate(path, 64 * 1024 * 1024)

    async def hush(self) -> None:
        """Not to be had of files."""
        raise LeftOut("files are never silent; a live camera that is gives no frame, which is its driver's check")


class PackageWorld:
    """What a package brings for its page reader: an emulator with `plug`, `unplug`, `async close` and `async present(picture)`.

    `async noise()`, `async flood()` and `async hush()` may be left out; the checks that need them are left out then.
    """

    def __init__(
        self,
        make: Callable[..., Device],
        emulate: Callable[[Path, Clock], Any],
        settings: PortSettings,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._make = make
        self._settings = replace(settings, path=str(folder / "device"), emulated=True)
        self._emulator = emulate(folder / "device", clock)

    def make(self, clock: Clock) -> Device:
        """The package's driver."""
        return self._make(self._settings, clock)

    async def present(self, picture: bytes) -> None:
        """A page is laid down."""
        await self._emulator.present(picture)

    async def begin(self) -> None:
        """The device is plugged in."""
        self._emulator.plug()

    async def end(self) -> None:
        """The emulator ends."""
        await self._emulator.close()

    async def cut(self) -> None:
        """The device is pulled."""
        self._emulator.unplug()

    async def mend(self) -> None:
        """The device is plugged in anew."""
        self._emulator.unplug()
        self._emulator.plug()

    async def bar(self) -> None:
        """The device is not there."""
        self._emulator.unplug()

    async def noise(self) -> None:
        """What the package calls noise."""
        await self._trouble("noise")

    async def flood(self) -> None:
        """What the package calls a flood."""
        await self._trouble("flood")

    async def hush(self) -> None:
        """What the package calls silence."""
        await self._trouble("hush")

    async def _trouble(self, name: str) -> None:
        trouble = getattr(self._emulator, name, None)
        if trouble is None:
            raise LeftOut(f"its emulator has no {name}()")
        await trouble()
