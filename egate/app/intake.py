"""Documents and devices in: when a traveller can be taken, whose document is read, and how a lost device comes back.

Rule: a document that is laid where the lane cannot take it begins no passage. What the lane makes of a document is its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from egate.app.board import Board
from egate.app.camera_config import CameraConfig
from egate.app.camera_presence import LOOK_EVERY_S, CameraPresence
from egate.app.conditions import LOST_AS
from egate.app.gate_link import DEVICE_RETRY_S
from egate.app.inspection import parse_lines
from egate.app.parts import Parts
from egate.app.recording import SingleThread
from egate.app.station import Station
from egate.lane import events as e
from egate.model.document import Mrz
from egate.model.errors import DeviceError
from egate.model.lane import LanePhase, Topology
from egate.ports import MrzReader

WORKER_RETRY_S = 5.0
"""A worker loads its models for two seconds; trying it more often would only keep the machine busy."""

LOOKS = 8
"""How often a running worker may fail to prove a camera that is plugged in, before another worker is tried: two seconds."""

READS_AHEAD = frozenset(
    {LanePhase.ENTRY_CLOSING, LanePhase.CAPTURE, LanePhase.RECORDING, LanePhase.EXIT_OPEN, LanePhase.EXIT_CLOSING}
)
"""Phases in which a pipelined lane reads the next document (P22)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IntakeEnds:
    """Where events go, and who runs what need not be awaited."""

    tell: Callable[[e.Event], None]
    spawn: Callable[[Coroutine[Any, Any, None]], object]


class Intake:
    """One lane's document readers, chip reader and face worker, from their first start to their return after a loss."""

    def __init__(self, parts: Parts, board: Board, disk: SingleThread, ends: IntakeEnds) -> None:
        self._parts, self._board, self._disk, self._ends = parts, board, disk, ends
        self._cameras = CameraPresence(parts.config.cameras or CameraConfig((parts.config.camera,)))
        self._proving = False
        self.next_mrz: Mrz | None = None
        """The zone of the document that was presented last; the passage that the lane begins for it takes it."""

    # -- devices ------------------------------------------------------------------------------------------------------

    async def start_chip_reader(self) -> None:
        """Until it answers."""
        await self._until_started("chip reader", self._parts.chip.start)

    async def start_face_worker(self) -> None:
        """Start the worker, which opens its camera once to prove that it is there."""
        self._proving = True
        try:
            await self._until_started("camera", self._parts.face.start, WORKER_RETRY_S)
        finally:
            self._proving = False

    async def watch_cameras(self) -> None:
        """Between passages no camera runs: one that is unplugged is lost all the same, before anybody counts on it (L2)."""

        def changed(problem: DeviceError | None) -> None:
            if problem is not None:
                self.camera_lost(problem)

        if self._cameras.watches:
            await self._cameras.watch(self._parts.clock, changed)

    def camera_lost(self, error: DeviceError) -> None:
        """A capture was aborted by the camera or the worker: both are proved again before the lane counts on them."""
        self._board.lose("camera", error)
        if not self._proving:
            self._proving = True
            self._ends.spawn(self._prove_camera())

    async def _prove_camera(self) -> None:
        """Through the worker that runs, as soon as the camera is there; another worker only for one that cannot prove it."""
        try:
            looks = 0
            while self._parts.face.online and looks < LOOKS:
                if self._cameras.problem is None:
                    looks += 1
                    if await self._looked():
                        return
                await self._parts.clock.sleep(LOOK_EVERY_S)
            await self._parts.face.close()
            await self.start_face_worker()
        finally:
            self._proving = False

    async def _looked(self) -> bool:
        try:
            await self._parts.face.look()
        except DeviceError as error:
            self._board.lose("camera", error)
            return False
        self._board.regain("camera")
        return True

    def chip_reader_lost(self, error: DeviceError) -> None:
        """It failed while it was needed."""
        self._board.lose("chip reader", error)
        self._ends.spawn(self.start_chip_reader())

    async def _until_started(
        self, name: str, start: Callable[[], Coroutine[Any, Any, None]], retry_s: float = DEVICE_RETRY_S
    ) -> None:
        while True:
            try:
                await start()
            except DeviceError as error:
                self._board.lose(name, error)
                await self._parts.clock.sleep(retry_s)
            else:
                self._board.regain(name)
                log.info("%s is ready", name)
                return

    # -- documents ----------------------------------------------------------------------------------------------------

    async def watch_documents(self) -> None:
        """What is laid on the lane's own reader begins a passage."""
        await self._watch("mrz reader", self._parts.mrz, self._take_document)

    async def watch_kiosk(self, station: Station) -> None:
        """Segregated: what is laid on the kiosk's reader is inspected there, whatever the gate does."""

        async def take(lines: tuple[str, ...]) -> None:
            if await self._log_works():
                await station.take(parse_lines(lines))

        await self._watch("mrz reader", self._parts.mrz, take)

    async def watch_tokens(self, station: Station) -> None:
        """Segregated: what is laid on the gate's reader finds what the kiosk read."""
        if self._parts.token is None:
            return

        async def take(lines: tuple[str, ...]) -> None:
            if self._board.state.phase is LanePhase.IDLE and await self.ready():
                self._take_token(parse_lines(lines), station)

        await self._watch("token reader", self._parts.token, take)

    async def _watch(self, name: str, reader: MrzReader, take: Callable[[tuple[str, ...]], Coroutine[Any, Any, None]]) -> None:
        """Lines for as long as the lane runs, loss after loss."""
        await self._until_started(name, reader.start)
        while True:
            try:
                lines = await reader.read_lines()
            except DeviceError as error:
                self._board.lose(name, error)
                await self._until_started(name, reader.start)
                continue
            await take(lines)

    async def _take_document(self, lines: tuple[str, ...]) -> None:
        if not self._may_take_document() or not await self.ready():
            return
        self.next_mrz = parse_lines(lines)
        self._board.present_again = self.next_mrz is None
        if self.next_mrz is None:
            self._board.tell("document", "unreadable", "the machine readable zone could not be read")
            self._board.show()
        else:
            self._ends.tell(e.DocumentPresented())

    def _may_take_document(self) -> bool:
        phase = self._board.state.phase
        return phase is LanePhase.IDLE or (self._parts.settings.pipelined and phase in READS_AHEAD)

    def _take_token(self, mrz: Mrz | None, station: Station) -> None:
        board = self._board
        board.present_again = mrz is None
        board.kiosk_first = mrz is not None and not station.offer(mrz)
        if mrz is None or board.kiosk_first:
            board.tell("document", "unreadable" if mrz is None else "unknown", "no kiosk read it lately" if mrz else "")
            board.show()
        else:
            self._ends.tell(e.TokenPresented())

    async def ready(self) -> bool:
        """Whether a traveller can be taken: nothing lost that closes the lane, and a log that takes what still waits for it."""
        return await self._log_works() and not self.closed

    @property
    def closed(self) -> bool:
        """Whether a lost device closes the lane (P21)."""
        config, lost = self._parts.config, self._board.lost
        unneeded = {"mrz reader", "chip reader"} if config.topology is Topology.SEGREGATED else set()
        return any(LOST_AS.get(name) in config.closes or name not in _MAY_BE_MISSED for name in lost - unneeded)

    async def _log_works(self) -> bool:
        """Whether the next passage can be recorded; a log that failed is tried again until it works, whoever comes meanwhile."""
        works = await self._disk.run(self._parts.catch_up)
        if not works and "log" not in self._board.lost:
            self._board.lose("log", DeviceError("recording", "the disk is full or failing; the lane admits nobody"))
            self._ends.spawn(self._until_log_works())
        return works

    async def _until_log_works(self) -> None:
        """A full disk closes the lane to documents, so nothing else would ever find out that it works again."""
        while not await self._disk.run(self._parts.catch_up):
            await self._parts.clock.sleep(DEVICE_RETRY_S)
        self._board.regain("log")


_MAY_BE_MISSED = frozenset({"camera", "chip reader"})
"""Devices without which a lane may still read documents and refer, where its configuration says so."""
