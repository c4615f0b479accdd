"""A lane to commission: a real installation, simulated devices whose wires a test can misplace, a technician who acts on them.

The drivers, links and the wizard are the shipping ones. Behind the gate unit's peripheral stands a mantrap; between the two a
test may swap, invert, cut or stick every contact and every lock.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from drivers.sim.mantrap import Mantrap
from drivers.sim.modbus_board import SimulatedModbusGate
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import Peripheral, PeripheralMode, PeripheralSettings
from drivers.sim.passport.issuer import SimulatedIssuer
from drivers.sim.pn532 import SimulatedPn532
from drivers.sim.pty import FaultLink, PtyPort
from drivers.sim.scene import empty_gate, write_scene
from egate.app.clock import SystemClock
from egate.app.commissioning.asking import Answer, Nobody, Question, Reply
from egate.app.commissioning.bench import Bench, Surroundings
from egate.app.commissioning.findings import Diagnosis, Finding, Result
from egate.app.commissioning.wizard import PLAN, run_wizard
from egate.app.config import parse_config, read_config
from egate.app.demo.installation import Installation, make_installation
from egate.model.lane import Door, Lamp
from tests.unit.app.app_bench import TODAY

SECONDS_A_DAY = 86_400
OUTPUTS = (Door.ENTRY, Door.EXIT)
OTHER = {Door.ENTRY: Door.EXIT, Door.EXIT: Door.ENTRY}

Contacts = Callable[[list[bool]], list[bool]]
Act = Callable[["Stand"], Awaitable[None]]


class ShiftedClock(SystemClock):
    """The machine's clocks; the calendar is `days` off."""

    def __init__(self, days: int = 0) -> None:
        super().__init__()
        self._days = days

    def wall_ns(self) -> int:
        return super().wall_ns() + self._days * SECONDS_A_DAY * 1_000_000_000


class WiredUnit:
    """What hangs behind the peripheral: a mantrap, and wires that a test moves."""

    def __init__(self, mantrap: Mantrap) -> None:
        self.mantrap = mantrap
        self.contacts: Contacts = list
        self.locks: dict[int, Sequence[Door]] = {0: (Door.ENTRY,), 1: (Door.EXIT,)}
        self.lease_s: Callable[[float], float] = lambda seconds: seconds
        self.size = 8
        self.switches = True
        self._on_until = [0.0, 0.0]
        self.shown: list[Lamp] = []

    def inputs(self) -> tuple[bool, ...]:
        entry, exit_ = self.mantrap.leaf(Door.ENTRY), self.mantrap.leaf(Door.EXIT)
        counted = self.mantrap.persons
        plain = [
            *(entry.closed, entry.locked or entry.stuck_contact, exit_.closed, exit_.locked or exit_.stuck_contact),
            *(bool(counted & 1), bool(counted & 2), self.mantrap.emergency_on, False),
        ]
        return tuple(self.contacts(plain)[: self.size])

    def outputs(self) -> tuple[bool, ...]:
        """The relays, whatever hangs on them."""
        return tuple(until > asyncio.get_running_loop().time() for until in self._on_until)

    def tampered(self) -> bool:
        return self.mantrap.tampered

    def power_failed(self) -> bool:
        return False

    def timed_on(self, output: int, seconds: float) -> None:
        if not self.switches:
            return
        self._on_until[output] = asyncio.get_running_loop().time() + self.lease_s(seconds)
        for door in self.locks[output]:
            self.mantrap.release(door, self.lease_s(seconds))

    def off(self, output: int) -> None:
        self._on_until[output] = 0.0
        for door in self.locks[output]:
            self.mantrap.engage(door)

    def shine(self, lamp: Lamp, seconds: float, *, blinking: bool) -> None:
        self.shown.append(lamp)

    def sound(self, seconds: float) -> None:
        """Nobody hears it."""


class WiredGate:
    """The whole unit on its cable."""

    def __init__(self, path: Path, clock: SystemClock, settings: PeripheralSettings, baud: int, faults: FaultLink | None) -> None:
        self.mantrap = Mantrap(clock)
        self.wires = WiredUnit(self.mantrap)
        self.peripheral = Peripheral(settings, self.wires, os.urandom)
        self.port = PtyPort(path, clock, baud, faults)
        self.port.on_bytes = self.hear
        self.port.on_plug = self.peripheral.reset

    def hear(self, data: bytes) -> None:
        for reply in self.peripheral.receive(data):
            self.port.write(reply)

    def plug(self) -> None:
        self.port.plug()

    async def close(self) -> None:
        self.port.unplug()
        await self.mantrap.close()


@dataclass
class Stand:
    """One lane on the bench. What a test changes before `commission` is the fault."""

    place: Installation
    key: bytes = field(repr=False)
    clock: SystemClock = field(default_factory=ShiftedClock)
    here: Surroundings = field(default_factory=Surroundings)
    answers: dict[str, Reply] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    unit: PeripheralSettings | None = None
    gate_baud: int = 115_200
    gate_faults: FaultLink | None = None
    ready: Callable[[Stand], None] = lambda _stand: None
    ports: tuple[str, str, str] = ("gate", "chip", "mrz")
    without: frozenset[str] = frozenset()
    instead: Callable[[Path, SystemClock], SimulatedModbusGate] | None = None
    """What hangs on the gate's port in place of the OSDP unit."""
    plugged: list[object] = field(default_factory=list)
    tasks: set[asyncio.Future[None]] = field(default_factory=set)

    def edit(self, before: str, after: str) -> None:
        """Change the lane's file."""
        text = self.place.config.read_text()
        assert before in text
        self.place.config.write_text(text.replace(before, after))

    def settings(self, mode: PeripheralMode = PeripheralMode.SECURE, address: int = 1, key: bytes | None = None) -> None:
        """How the unit is set up."""
        self.unit = PeripheralSettings(self.key if key is None else key, address, mode)

    async def commission(self, steps: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Plug what is not left away, run the wizard (or only some steps), unplug."""
        gate_port, chip_port, mrz_port = (self.place.port(name) for name in self.ports)
        unit = self.unit or PeripheralSettings(self.key)
        pace = SystemClock()
        self.gate = WiredGate(gate_port, pace, unit, self.gate_baud, self.gate_faults)
        self.chip = SimulatedPn532(chip_port, pace)
        self.mrz = SimulatedMrzReader(mrz_port, pace)
        devices: dict[str, WiredGate | SimulatedModbusGate | SimulatedPn532 | SimulatedMrzReader] = {
            "gate": self.gate,
            "chip": self.chip,
            "mrz": self.mrz,
        }
        if self.instead is not None:
            devices["other"] = self.instead(gate_port, pace)
            self.without |= {"gate"}
        for name, device in devices.items():
            if name not in self.without:
                device.plug()
        self.ready(self)
        text = read_config(self.place.config)
        config = parse_config(text, self.place.root, str(self.place.config))
        plan = [step for step in PLAN if not steps or step.key in steps]
        self.bench = Bench(self.place.config, text, config, self.clock, Acting(self), self.here)
        try:
            return await run_wizard(self.bench, plan)
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
            for device in devices.values():
                await device.close()

    def start(self, act: Act) -> None:
        """Let the technician's hands do something while the wizard looks."""
        task = asyncio.ensure_future(act(self))
        self.tasks.add(task)


class Acting(Nobody):
    """A technician who does what is asked where the test says so, and leaves the rest out."""

    def __init__(self, stand: Stand) -> None:
        super().__init__("the test leaves it out")
        self._stand = stand
        self.asked: list[str] = []

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question.key)
        act = self._stand.acts.get(question.key)
        if act is not None:
            self._stand.start(act)
        reply = self._stand.answers.get(question.key, Reply.SKIP if act is None else Reply.DONE)
        return Answer(reply, self.reason if reply is Reply.SKIP else "")


def make_stand(root: Path, issuer: SimulatedIssuer, lists_of: date = TODAY, revocations: bytes = b"") -> Stand:
    """A lane without a fault; `lists_of` is the day on which its lists begin."""
    place, key = make_installation(root, issuer.csca_certificate, lists_of, [("UTO", "L00000001")], revocations)
    write_scene(root / "scenes" / "empty", empty_gate(count=4, size=(120, 160)))
    place.scene.symlink_to(root / "scenes" / "empty")
    return Stand(place, key)


def new_issuer(today: date = TODAY) -> SimulatedIssuer:
    return SimulatedIssuer.create("UTO", secrets.token_bytes, today)


def diagnoses(findings: Sequence[Finding]) -> set[Diagnosis]:
    """Everything that is the matter."""
    return {finding.diagnosis for finding in findings} - {Diagnosis.NONE}


def faults(findings: Sequence[Finding]) -> set[Diagnosis]:
    """What is bad, notices left away."""
    return {finding.diagnosis for finding in findings if finding.result is Result.BAD}


def pushing(door: Door) -> Act:
    """Somebody pushes a door open as soon as it gives way, and lets it fall shut."""

    async def push(stand: Stand) -> None:
        for _ in range(400):
            if await stand.gate.mantrap.swing(door, to_open=True):
                break
            await stand.clock.sleep(0.01)
        await stand.clock.sleep(0.3)
        await stand.gate.mantrap.swing(door, to_open=False)

    return push


def emergency(on: bool) -> Act:
    """Somebody operates the emergency contact."""

    async def operate(stand: Stand) -> None:
        await stand.clock.sleep(0.05)
        stand.gate.mantrap.emergency(on)

    return operate
