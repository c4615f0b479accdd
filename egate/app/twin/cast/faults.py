"""What breaks during a shift: one fault after the other, each of a device, for a drawn time, from the shift's seed.

A plan says how far apart faults are on average and which kinds there are. A fault has a beginning and an end; the end is the
repair. While it lasts its name stands in `World.faults`, so that the judges know what may be out of order and what may not.
"""

from __future__ import annotations

import random
import resource
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from drivers.sim.pty import FaultRates
from egate.app.twin.stage.quiet import SAMPLES_AFTER_A_SLOW_CHANGE
from egate.app.twin.stage.world import World
from egate.model.lane import Door

NOISE = FaultRates(flip=0.05, drop=0.05, garbage=0.05)
NO_NOISE = FaultRates()
FIRST_FAULT_S = 20.0
BOOT_S = 1.0
"""From a killed controller to the next one's first statement: process supervision and the interpreter's start."""

KILLED = "the controller is killed"
GATE_FAULTS = frozenset(
    {"gate line noisy", "gate line cut", "gate unit hears nothing", "gate cable pulled", "gate unit rebooted"}
)
"""Faults during which the lane may not know what its doors do."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """`every_s`: seconds from one fault to the next, on average. `kinds`: how often each kind is drawn, by name."""

    name: str
    every_s: float
    kinds: Mapping[str, int]


_ALL: Mapping[str, int] = {
    "gate line noisy": 4,
    "gate line cut": 3,
    "gate unit hears nothing": 2,
    "gate cable pulled": 3,
    "gate unit rebooted": 3,
    "a lock contact is stuck": 2,
    "a bolt is jammed": 2,
    "the housing is opened": 1,
    "the tamper contact chatters": 1,
    "chip reader pulled": 3,
    "chip reader line noisy": 2,
    "MRZ reader pulled": 2,
    "the face worker crashes": 3,
    "the disk is full": 2,
    "emergency": 2,
    KILLED: 3,
}
PLANS: Mapping[str, FaultPlan] = {
    "none": FaultPlan("none", 0.0, {}),
    "low": FaultPlan("low", 7200.0, _ALL),
    "high": FaultPlan("high", 120.0, _ALL),
    "kills": FaultPlan("kills", 15.0, {KILLED: 1}),
}
"""By the names of `--faults`. Low is a bad week of a real lane in a day; high and kills are for finding defects."""


class Faults:
    """Breaks and repairs, one fault at a time."""

    def __init__(self, world: World, plan: FaultPlan) -> None:
        self._world, self._plan = world, plan
        self._draw: random.Random = world.draw("faults")
        self.began: list[Callable[[str], None]] = []
        self.ended: list[Callable[[str], None]] = []

    async def run(self) -> None:
        """For ever; at once over where the plan has no faults."""
        if not self._plan.kinds:
            return
        names = list(self._plan.kinds)
        await self._world.clock.sleep(FIRST_FAULT_S)
        while True:
            await self._world.clock.sleep(self._draw.expovariate(1.0 / self._plan.every_s))
            await self.strike(self._draw.choices(names, [self._plan.kinds[name] for name in names])[0])

    async def strike(self, name: str) -> None:
        """One fault from its beginning to its repair."""
        world = self._world
        world.faults.add(name)
        world.counts[f"fault: {name}"] += 1
        world.chronicle.note(f"fault: {name}")
        world.computer.quiet.wake(SAMPLES_AFTER_A_SLOW_CHANGE)
        for began in self.began:
            began(name)
        try:
            await _FAULTS[name](self)
        finally:
            world.faults.discard(name)
            world.fault_ended_s = world.clock.monotonic()
            world.chronicle.note(f"repaired: {name}")
            world.computer.quiet.wake(SAMPLES_AFTER_A_SLOW_CHANGE)
            for ended in self.ended:
                ended(name)

    async def _last(self, least_s: float, most_s: float) -> None:
        await self._world.clock.sleep(self._draw.uniform(least_s, most_s))

    # -- the gate unit ------------------------------------------------------------------------------------------------

    async def _gate_noise(self) -> None:
        faults = self._world.plant.gate.faults
        faults.rates = NOISE
        await self._last(1.0, 8.0)
        faults.rates = NO_NOISE

    async def _gate_cut(self) -> None:
        faults = self._world.plant.gate.faults
        faults.cut()
        await self._last(0.05, 6.0)
        faults.mend()

    async def _gate_half_open(self) -> None:
        port = self._world.plant.gate
        port.half_open = True
        await self._last(0.05, 5.0)
        port.half_open = False

    async def _gate_pulled(self) -> None:
        port = self._world.plant.gate
        port.unplug()
        await self._last(0.3, 6.0)
        port.plug()

    async def _gate_rebooted(self) -> None:
        """Power off: the locks lose theirs too and lock; the electronics forget their session."""
        world = self._world
        world.plant.gate.faults.cut()
        for door in Door:
            world.plant.mantrap.engage(door)
        await self._last(0.5, 4.0)
        world.plant.gate.on_plug()
        world.plant.gate.faults.mend()

    async def _contact_stuck(self) -> None:
        mantrap, door = self._world.plant.mantrap, self._draw.choice(tuple(Door))
        mantrap.stick_contact(door, stuck=True)
        await self._last(2.0, 20.0)
        mantrap.stick_contact(door, stuck=False)

    async def _bolt_jammed(self) -> None:
        hall, door = self._world.hall, self._draw.choice(tuple(Door))
        hall.jam(door)
        await self._last(2.0, 20.0)
        hall.free(door)

    async def _housing_opened(self) -> None:
        self._world.plant.mantrap.tamper(on=True)
        await self._last(1.0, 6.0)
        self._world.plant.mantrap.tamper(on=False)

    async def _tamper_chatters(self) -> None:
        for turn in range(self._draw.randint(3, 12) * 2):
            self._world.plant.mantrap.tamper(on=turn % 2 == 0)
            self._world.computer.quiet.wake(SAMPLES_AFTER_A_SLOW_CHANGE)
            await self._last(0.02, 0.4)

    async def _emergency(self) -> None:
        mantrap = self._world.plant.mantrap
        mantrap.emergency(on=True)
        await self._last(5.0, 40.0)
        mantrap.emergency(on=False)

    # -- the other devices --------------------------------------------------------------------------------------------

    async def _chip_pulled(self) -> None:
        device = self._world.plant.chip_device
        device.unplug()
        await self._last(0.3, 6.0)
        device.plug()

    async def _chip_noise(self) -> None:
        faults = self._world.plant.chip.faults
        faults.rates = NOISE
        await self._last(1.0, 10.0)
        faults.rates = NO_NOISE

    async def _mrz_pulled(self) -> None:
        device = self._world.plant.mrz_device
        device.unplug()
        await self._last(0.3, 6.0)
        device.plug()

    async def _face_crashes(self) -> None:
        self._world.face.crash()
        await self._last(0.1, 1.0)

    # -- the lane computer --------------------------------------------------------------------------------------------

    async def _disk_full(self) -> None:
        """The kernel refuses every byte that this process would add to a file, as a full disk does."""
        self._disturb()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            await self._last(1.0, 20.0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    async def _killed(self) -> None:
        world = self._world
        self._disturb()
        world.screen = None
        await world.computer.kill()
        world.face.crash()
        await world.clock.sleep(BOOT_S)
        world.computer.quiet.forget()
        world.computer.start()

    def _disturb(self) -> None:
        """Whoever is on the way now may not be recorded as usual."""
        for party in self._world.hall.parties.values():
            party.undisturbed = False


_FAULTS: Mapping[str, Callable[[Faults], Awaitable[None]]] = {
    "gate line noisy": Faults._gate_noise,
    "gate line cut": Faults._gate_cut,
    "gate unit hears nothing": Faults._gate_half_open,
    "gate cable pulled": Faults._gate_pulled,
    "gate unit rebooted": Faults._gate_rebooted,
    "a lock contact is stuck": Faults._contact_stuck,
    "a bolt is jammed": Faults._bolt_jammed,
    "the housing is opened": Faults._housing_opened,
    "the tamper contact chatters": Faults._tamper_chatters,
    "chip reader pulled": Faults._chip_pulled,
    "chip reader line noisy": Faults._chip_noise,
    "MRZ reader pulled": Faults._mrz_pulled,
    "the face worker crashes": Faults._face_crashes,
    "the disk is full": Faults._disk_full,
    "emergency": Faults._emergency,
    KILLED: Faults._killed,
}
