"""One lane of the twin: the shipping controller and drivers on one side of in-memory cables, simulated devices on the other.

The rule it keeps: everything of the lane is the product's own (configuration, wiring, controller, lane, drivers, checks, log).
Only what a lane computer is connected to is played: devices speak bytes over `drivers.sim.memory_line`, the disk is a real file,
and the face worker is a `SeededFace`, whose scores are drawn: the twin tests the lane, not the comparison of faces.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import cast

from drivers.gate.framed import FramedGate
from drivers.gate.framed_profile import load_profile
from drivers.gate.modbus import ModbusConfig, ModbusGate
from drivers.gate.modbus_boards import parse_layout
from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.reader.mrz_serial import SerialMrzReader
from drivers.reader.pn532 import Pn532Config, Pn532Reader
from drivers.sim.framed_board import SimulatedFramedBoard
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.mantrap import Mantrap
from drivers.sim.memory_line import MemoryLink, MemoryPort, attach
from drivers.sim.modbus_board import SimulatedModbusGate
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.passport.signing import SeededEntropy
from drivers.sim.pn532 import SimulatedPn532
from egate.app.config import LaneConfig, load_config
from egate.app.controller import Controller, Witness
from egate.app.demo.installation import Installation, make_installation
from egate.app.face_client import FaceClient
from egate.app.parts import Parts
from egate.app.twin.stage.face import SeededFace
from egate.app.twin.stage.quiet import QuietClock
from egate.app.twin.stage.virtual_time import VirtualClock
from egate.app.wiring import build_parts
from egate.ports import GateUnit

GATE_BAUD, MRZ_BAUD, CHIP_BAUD, FAST_CHIP_BAUD = 115_200, 9600, 115_200, 921_600
MODBUS_BAUD = 115_200
MODBUS_BOARDS, MODBUS_WIRING = "1:waveshare-relay-8 2:inputs-8", "emergency=!2.6"
FRAMED_PROFILE = str(Path(__file__).with_name("two-door-board.toml"))
"""No board with a published protocol carries a man-trap; this is the one that the documentation invents."""

Listed = tuple[tuple[str, str], ...]
"""Issuing States and document numbers that are on the lane's list."""

GATE_KINDS = ("osdp", "modbus", "framed")
"""Which gate unit a lane has; the lanes of a shift take turns."""


@dataclass(slots=True)
class Plant:
    """The far ends of one lane's wires. They outlive the controller, as machines outlive a program."""

    mantrap: Mantrap
    gate: MemoryPort
    mrz: MemoryPort
    chip: MemoryPort
    gate_device: SimulatedGateUnit | SimulatedModbusGate | SimulatedFramedBoard
    mrz_device: SimulatedMrzReader
    chip_device: SimulatedPn532
    gate_kind: str = "osdp"

    async def close(self) -> None:
        """Pull every cable and stop the model of the doors."""
        for port in (self.gate, self.mrz, self.chip):
            port.unplug()
        await self.mantrap.close()


def make_plant(kind: str, clock: VirtualClock, key: bytes, entropy: Callable[[int], bytes]) -> Plant:
    """Build and plug everything that a lane computer is connected to; `kind` is one of `GATE_KINDS`."""
    nowhere = Path("memory")
    device: SimulatedGateUnit | SimulatedModbusGate | SimulatedFramedBoard
    if kind == "osdp":
        device = SimulatedGateUnit(nowhere, clock, PeripheralSettings(key), entropy, baud=GATE_BAUD)
    elif kind == "modbus":
        device = SimulatedModbusGate(nowhere, clock, parse_layout(MODBUS_BOARDS, MODBUS_WIRING), baud=MODBUS_BAUD)
    else:
        device = SimulatedFramedBoard(nowhere, clock, load_profile(FRAMED_PROFILE))
    mrz, chip = SimulatedMrzReader(nowhere, clock, baud=MRZ_BAUD), SimulatedPn532(nowhere, clock, baud=CHIP_BAUD)
    ports = [attach(each, MemoryPort(clock)) for each in (device, mrz, chip)]
    for port in ports:
        port.plug()
    return Plant(device.mantrap, ports[0], ports[1], ports[2], device, mrz, chip, kind)


@dataclass(slots=True)
class LaneComputer:
    """The lane computer of a plant: `start` boots the controller, `kill` ends it as `kill -9` does."""

    place: Installation
    plant: Plant
    clock: VirtualClock
    face: SeededFace
    quiet: QuietClock
    entropy: Callable[[int], bytes]
    witness: Witness
    parts: Parts | None = None
    controller: Controller | None = None
    starts: int = 0
    failure: BaseException | None = None
    _config: LaneConfig | None = field(default=None, repr=False)
    _links: list[MemoryLink] = field(default_factory=list)
    _running: asyncio.Task[None] | None = None
    _template: Parts | None = field(default=None, repr=False)

    @property
    def alive(self) -> bool:
        """Whether the controller runs."""
        return self._running is not None and not self._running.done()

    @property
    def devices_lost(self) -> frozenset[str]:
        """What the lane's screens say is lost."""
        board = getattr(self.controller, "_board", None)  # views carry it; a console would read it there, twice a second
        return frozenset() if board is None else frozenset(board.lost)

    def start(self) -> None:
        """Boot: wiring from the lane's own files, then the controller."""
        if self._template is None:
            self._config = load_config(self.place.config)
            self._template = build_parts(self._config, self.clock)
        plant, clock = self.plant, self.clock
        chip = MemoryLink(plant.chip, "chip", CHIP_BAUD, clock)
        mrz = MemoryLink(plant.mrz, "mrz", MRZ_BAUD, clock)
        gate = MemoryLink(plant.gate, "gate", self._baud, clock)
        self._links = [chip, mrz, gate]
        self.starts += 1
        self.parts = parts = replace(
            self._template,
            mrz=SerialMrzReader(mrz, clock),
            chip=Pn532Reader(chip, Pn532Config(fast_baud=FAST_CHIP_BAUD), clock),
            gate=self._gate(gate),
            face=cast(FaceClient, self.face),
            entropy=self.entropy,
            boot_id=f"twin-{self.starts}",
            waiting=[],
        )
        self.controller = Controller(parts, self.witness)
        self._running = asyncio.get_running_loop().create_task(self._run(self.controller))

    async def kill(self) -> None:
        """End it at this instant: no cable carries a byte more, nothing is written any more, nobody says goodbye."""
        for link in self._links:
            link.sever()
        parts, running = self.parts, self._running
        if parts is not None and parts.log_or_none is not None:
            parts.log_or_none.close()
            parts.log_or_none = None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        self._running = self.controller = None

    async def stop(self) -> None:
        """End it in good order."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._running = None

    async def _run(self, controller: Controller) -> None:
        try:
            await controller.run()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.failure = error

    @property
    def _baud(self) -> int:
        baud = self.plant.gate.baud
        return GATE_BAUD if baud is None else baud

    def _gate(self, link: MemoryLink) -> GateUnit:
        if self.plant.gate_kind == "osdp":
            key = bytes.fromhex(self.place.key("gate.hex").read_text("ascii"))
            return OsdpGate(link, OsdpConfig(key), self.quiet, self.entropy)
        if self.plant.gate_kind == "modbus":
            return ModbusGate(link, ModbusConfig(parse_layout(MODBUS_BOARDS, MODBUS_WIRING)), self.quiet)
        return FramedGate(link, load_profile(FRAMED_PROFILE), 1, self.quiet)


def make_place(root: Path, csca: bytes, today: date, listed: Listed, seed: str) -> tuple[Installation, bytes]:
    """The files of one lane, and the gate unit's key, which follows from the seed so that its bytes on the wire do."""
    place, _ = make_installation(root, csca, today, listed)
    key = SeededEntropy(f"{seed}/gate".encode())(16)
    place.key("gate.hex").write_text(key.hex(), "ascii")
    with contextlib.suppress(FileNotFoundError):
        place.database.unlink()
    return place, key
