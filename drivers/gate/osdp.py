"""A gate of one or more OSDP units on one line: timed locks, contacts, lamps, put together to one report.

Each unit has a task of its own that keeps its secure session (`drivers.gate.osdp_unit`). Rules of the whole:

- `unlock` is a timed output; time spent on repeats is taken off the lease, so a late order never holds a door longer.
- A report carries the number of the last order acknowledged *before its oldest sample was asked for* (I2), and is made only of
  samples of every unit that has a lock or a contact: when one of them is silent the gate is lost within 500 ms (L2). `reports()`
  raises once, and a new `reports()` goes on when all are back. An emergency is reported all the same, at once (I5).
- The contacts decide what a door is; contacts that contradict each other are `DoorState.FAULT` (I8). But a door
  whose lease runs is never reported as locked: its bolt may not have moved yet, and that is no evidence (I2).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from drivers.counters import DeviceCounters
from drivers.gate.contacts import SettledContacts
from drivers.gate.listeners import ReportListeners
from drivers.gate.osdp_layout import UnitLayout, UnitPlate, one_unit
from drivers.gate.osdp_protocol import ControlPanel, UnitIdentity, encode_output_off, encode_timed_output
from drivers.gate.osdp_secure import BlockKey
from drivers.gate.osdp_unit import OsdpUnit, UnitNeeds, Wire
from drivers.link import Link
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport, Power, Signal
from egate.ports import Clock

POLL_INTERVAL_S = 0.03  # 33 samples a second; ≥ 20 are asked for, and emergency must be seen in 100 ms (I5)
REPLY_WITHIN_S = 0.1  # silence after a question; asked twice, then a handshake asked twice: lost in < 500 ms (L2)

_LOG = logging.getLogger("egate.drivers.gate")


@dataclass(frozen=True, slots=True)
class OsdpConfig:
    """How to reach the units of one gate.

    Without a `layout` it is one unit at `address` with the usual wiring; `vendor` and `model`, where given, must be that unit's
    own (L13). `unit_keys` are by address; a unit that is not among them has `key`.
    """

    key: bytes | BlockKey = field(repr=False)
    address: int = 1
    vendor: str | None = None
    model: int | None = None
    poll_interval_s: float = POLL_INTERVAL_S
    reply_within_s: float = REPLY_WITHIN_S
    layout: UnitLayout | None = None
    unit_keys: Mapping[int, bytes | BlockKey] = field(default_factory=dict, repr=False)

    def whole_layout(self) -> UnitLayout:
        """The layout, or that of the one unit."""
        return self.layout or one_unit(UnitPlate(self.address, self.vendor, self.model))


class OsdpGate:
    """Fulfils `egate.ports.GateUnit` and `Indicator`. `entropy` gives unpredictable bytes for the secure channels."""

    def __init__(self, link: Link, config: OsdpConfig, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._link = link
        self._clock = clock
        self._layout = layout = config.whole_layout()
        self._wire = Wire(link, config.reply_within_s, shared=len(layout.units) > 1)
        self._units: dict[int, OsdpUnit] = {}
        for plate in layout.units:
            counters = DeviceCounters()
            panel = ControlPanel(plate.address, config.unit_keys.get(plate.address, config.key), entropy, counters)
            needs = UnitNeeds(plate, layout.inputs_of(plate.address), layout.outputs_of(plate.address), config.poll_interval_s)
            self._units[plate.address] = OsdpUnit(needs, panel, counters, self._wire, clock)
        self._contacts = SettledContacts(layout.contacts, layout.debounce)
        self._sources = frozenset(point.address for point in layout.contacts.values())
        self._fresh: set[int] = set()
        self._listeners = ReportListeners()
        self._acknowledged = 0
        self._lease_until: dict[Door, float] = {}
        self._online = False
        self._alone = False
        self._loss = DeviceError("command the gate unit", "it is not there")
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def online(self) -> bool:
        """Whether every unit that is needed answers inside a secure session."""
        return self._online

    @property
    def unmasked(self) -> GateReport | None:
        """The contacts as they stand, leased doors included: for the technician who proves that a bolt moves. None before."""
        return self._contacts.report()

    @property
    def counters(self) -> DeviceCounters:
        """What was counted for the first unit (L11)."""
        return self._first.counters

    @property
    def unit_counters(self) -> dict[int, DeviceCounters]:
        """What was counted for each unit, by address (L11)."""
        return {address: unit.counters for address, unit in self._units.items()}

    @property
    def identity(self) -> UnitIdentity | None:
        """Who the first unit says it is."""
        return self._first.identity

    @property
    def identities(self) -> dict[int, UnitIdentity | None]:
        """Who each unit says it is, by address."""
        return {address: unit.identity for address, unit in self._units.items()}

    @property
    def silent_units(self) -> frozenset[int]:
        """Addresses that do not answer now, or are refused."""
        return frozenset(address for address, unit in self._units.items() if not unit.online)

    @property
    def broken_frames(self) -> int:
        """Frames with a wrong CRC or length so far (L11)."""
        return self._wire.broken_frames

    @property
    def _first(self) -> OsdpUnit:
        return next(iter(self._units.values()))

    async def start(self) -> None:
        """Open the port, every unit's secure channel, and check who answers; raises DeviceError."""
        if self._tasks:
            return
        await self._link.open()
        try:
            for unit in self._units.values():
                await unit.start()
        except BaseException:
            self._stop_units(DeviceError("start the gate unit", "it did not start"))
            await self._link.close()
            raise
        self._online = True
        loop = asyncio.get_running_loop()
        for unit in self._units.values():
            task = loop.create_task(unit.run(self))
            task.add_done_callback(partial(self._ended, unit))
            self._tasks.append(task)

    async def close(self) -> None:
        """Stop polling and release the port; leases run out at the units, and who listens is told. Never raises."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._online = False
        closed = DeviceError("command the gate unit", "it is closed")
        self._stop_units(closed)
        self._listeners.tell(closed)
        await self._link.close()

    async def unlock(self, door: Door, lease_s: float, number: int) -> None:
        """Unlock for at most `lease_s` (0.1 to 10 s, I3); returns once acknowledged, raises DeviceError."""
        if door not in self._layout.locks:
            raise DeviceError("command the gate unit", f"the lane has no {door.value} door")
        point, since = self._layout.locks[door], self._clock.monotonic()
        encode_timed_output(point.index, lease_s)

        def rest_of_lease() -> bytes:
            return encode_timed_output(point.index, lease_s, self._clock.monotonic() - since)

        self._lease_until[door] = max(self._lease_until.get(door, since), since + lease_s)
        await self._units[point.address].order(rest_of_lease, number)

    async def lock(self, door: Door, number: int) -> None:
        """End the lease of a door; returns once acknowledged, raises DeviceError. A door that is not there is locked."""
        if door not in self._layout.locks:
            self.acknowledged(number)
            return
        point = self._layout.locks[door]
        off = encode_output_off(point.index)
        await self._units[point.address].order(lambda: off, number)
        self._lease_until.pop(door, None)

    async def show(self, signal: Signal) -> None:
        """Let every unit that has lamps or a buzzer show this until told otherwise; raises DeviceError for one that is away.

        One that is away shows it when it is back.
        """
        failures = []
        for unit in self._units.values():
            try:
                await unit.show(signal)
            except DeviceError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    async def output_states(self) -> tuple[bool, ...]:
        """Which outputs of the first unit are on now, as it says: read-back for the technician; raises DeviceError."""
        return await self._first.output_states()

    async def lock_outputs(self) -> dict[Door, bool]:
        """Which lock outputs are on now, as their units say; raises DeviceError."""
        places = self._layout.locks
        states = {address: await self._units[address].output_states() for address in {place.address for place in places.values()}}
        return {door: states[place.address][place.index] for door, place in places.items()}

    def reports(self) -> AsyncIterator[GateReport]:
        """Samples from now on, while somebody listens; raises DeviceError when a needed unit is lost, and when we close.

        Ask again after that: a new iterator waits until all are back and goes on.
        """
        return self._listeners.reports()

    # -- what the units say -------------------------------------------------------------------------------------------

    def newest_order(self) -> int:
        """The number of the newest order that any unit acknowledged."""
        return self._acknowledged

    def acknowledged(self, number: int) -> None:
        """An order was acknowledged: what is asked for from now on is newer."""
        self._acknowledged = max(self._acknowledged, number)

    def sampled(self, unit: OsdpUnit, inputs: tuple[bool, ...], after_command: int) -> None:
        """Take a unit's sample; a report is due when every unit gave one since the last, or at once in an emergency."""
        self._contacts.sample(unit.address, inputs, after_command)
        self._fresh.add(unit.address)
        self._tell_chatter()
        report = self._contacts.report()
        emergency = report is not None and report.emergency
        if not self._all_there():
            self._tell_alone(report if emergency else None)
        elif report is not None and (emergency or self._fresh >= self._sources):
            self._online = True
            self._alone = False
            self._fresh.clear()
            self._listeners.tell(self._completed(report))

    def _tell_alone(self, report: GateReport | None) -> None:
        """While a needed unit is away: an emergency of the others (I5), and the loss once more when it is over."""
        if report is not None:
            self._listeners.tell(self._completed(report))
        elif self._alone:
            self._listeners.tell(self._loss)
        self._alone = report is not None

    def lost(self, unit: OsdpUnit, error: DeviceError) -> None:
        """A unit is away, or answers and is refused: without a needed one the gate is lost, and everybody is told why."""
        self._contacts.forget(unit.address)
        self._fresh.discard(unit.address)
        if unit.address in self._layout.needed:
            self._online = False
            self._loss = error
            self._listeners.tell(error)

    def _all_there(self) -> bool:
        return all(self._units[address].online for address in self._layout.needed)

    def _completed(self, report: GateReport) -> GateReport:
        """With the units' own contacts, and without locks that are no evidence."""
        units = self._units.values()
        on_battery = report.power is Power.MAINS and any(unit.power_fault for unit in units)
        return self._without_leased_locks(
            replace(
                report,
                tamper=report.tamper or any(unit.tamper for unit in units),
                power=Power.BATTERY if on_battery else report.power,
            )
        )

    def _without_leased_locks(self, report: GateReport) -> GateReport:
        """A door that we may have unlocked and whose lease runs is closed at best."""
        now = self._clock.monotonic()
        states = {Door.ENTRY: report.entry, Door.EXIT: report.exit}
        for door, until in self._lease_until.items():
            if until > now and states[door] is DoorState.LOCKED:
                states[door] = DoorState.CLOSED
        return replace(report, entry=states[Door.ENTRY], exit=states[Door.EXIT])

    def _tell_chatter(self) -> None:
        """Name a contact that chatters once, and once when it is steady again."""
        for contact, chatters in self._contacts.chatter_news():
            if chatters:
                _LOG.warning("gate unit on %s: contact %s chatters; the lane holds", self._link.name, contact.value)
            else:
                _LOG.info("gate unit on %s: contact %s is steady again", self._link.name, contact.value)

    def _stop_units(self, error: DeviceError) -> None:
        """No session outlives the link, and no sample of before is fresh after it."""
        for unit in self._units.values():
            unit.stop(error)
            self._contacts.forget(unit.address)
        self._fresh.clear()

    def _ended(self, unit: OsdpUnit, task: asyncio.Task[None]) -> None:
        """A unit's task ended: when by a defect of ours, that unit counts as lost and the defect is named (L14)."""
        if task.cancelled() or task.exception() is None:
            return
        _LOG.error("the driver of the %s failed", unit.name, exc_info=task.exception())
        error = DeviceError(f"drive the {unit.name}", "the driver failed")
        unit.stop(error)
        self.lost(unit, error)
