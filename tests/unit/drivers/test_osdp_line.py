"""Several OSDP units on one line: whole reports, silence and noise of one of them, keys of their own. In virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing

import pytest

from drivers.counters import LATENCY_EDGES_MS, DeviceCounters
from drivers.gate.contacts import Contact
from drivers.gate.osdp_layout import parse_units
from drivers.sim.osdp_peripheral import PeripheralMode
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport, Power
from tests.unit.drivers.osdp_lines import THREE, UNITS, WIRING, Line, osdp_line, virtually
from tests.unit.drivers.wires import KEY, online

OWN_KEYS = {2: bytes(range(100, 116)), 3: bytes(range(200, 216))}
SEEN_WITHIN_S = 0.1  # I5
LOST_WITHIN_S = 0.5  # L2
BACK_WITHIN_S = 1.0  # L2


def test_one_gate_of_three_units() -> None:
    """A passage whose doors, sensors and emergency contact hang on three units; orders go to the unit of their door."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            walk = asyncio.ensure_future(line.unit.walk_in())
            await line.gate.unlock(Door.ENTRY, 3.0, 1)
            assert await walk
            await line.gate.lock(Door.ENTRY, 2)
            inside = await line.first_where(lambda report: report.after_command == 2 and report.entry is DoorState.LOCKED)
            assert inside.persons == 1
            walk = asyncio.ensure_future(line.unit.walk_out_exit())
            await line.gate.unlock(Door.EXIT, 3.0, 3)
            assert await line.gate.lock_outputs() == {Door.ENTRY: False, Door.EXIT: True}
            assert await walk
            await line.gate.lock(Door.EXIT, 4)
            outside = await line.first_where(lambda report: report.after_command == 4 and report.exit is DoorState.LOCKED)
            assert outside.persons == 0
            orders = {address: peripheral.orders for address, peripheral in line.unit.peripherals.items()}
            assert orders == {1: [(0, 5, 30), (0, 1, 0)], 2: [(0, 5, 30), (0, 1, 0)], 3: []}
            assert not line.unit.both_unlocked_seen
            assert line.unit.interlock_refusals == 0

    virtually(story())


@pytest.mark.parametrize(
    ("contact", "active", "said"),
    [
        (Contact.ON_BATTERY, True, lambda report: report.power is Power.BATTERY),
        (Contact.BATTERY_LOW, True, lambda report: report.power is Power.LOW),
        (Contact.OBJECT_LEFT, True, lambda report: report.object_left),
        (Contact.EMERGENCY, True, lambda report: report.emergency),
        (Contact.PERSON_2, True, lambda report: report.persons == 1),
    ],
)
def test_contacts_of_any_unit_are_in_the_report(contact: Contact, active: bool, said: Callable[[GateReport], bool]) -> None:
    """P17, I5, I11: what the third unit's inputs mean is said by the wiring."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            assert not said(await line.first_where(lambda _: True))
            line.unit.set_contact(contact, active)
            await line.first_where(said)

    virtually(story())


def test_every_unit_has_a_key_of_its_own() -> None:
    """L5: with the key of the first unit nobody talks to the others."""

    async def story() -> None:
        async with osdp_line(THREE, keys=OWN_KEYS) as line:
            await line.gate.unlock(Door.EXIT, 3.0, 1)
            assert line.unit.peripherals[2].orders == [(0, 5, 30)]
            shown = repr(line.gate.unit_counters) + repr(line.gate.identities)
            assert OWN_KEYS[2].hex() not in shown

    virtually(story())


def test_units_are_compared_with_their_name_plates() -> None:
    """L13: one of another model is named with its address."""

    async def story() -> None:
        wrong = parse_units("1:0e6a7e.2 2:0e6a7e.9 3:osdp", WIRING)
        async with osdp_line(wrong, start=False) as line:
            with pytest.raises(DeviceError, match="check the gate unit 2: its model is 2, configured is 9"):
                await line.gate.start()
            assert not line.gate.online
            assert line.unit.peripherals[2].orders == []

    virtually(story())


def test_a_unit_without_the_wired_inputs_is_refused() -> None:
    """L13: what the wiring needs is what a unit must have."""

    async def story() -> None:
        far = parse_units(UNITS, WIRING.replace("3.6", "3.9"))
        async with osdp_line(THREE, believed=far, start=False) as line:
            with pytest.raises(DeviceError, match="check the gate unit 3: it must have 10 contacts"):
                await line.gate.start()

    virtually(story())


@pytest.mark.parametrize("trouble", ["silent", "babbling"])
def test_one_silent_or_babbling_unit_does_not_disturb_the_others(trouble: str) -> None:
    """L3, L2: the others are asked on within their time and obey; the gate is lost in time, and whole again in time."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            await line.first_where(lambda _: True)
            began = line.clock.monotonic()
            getattr(line.unit, trouble).add(3)
            at_first = asyncio.ensure_future(_longest_gaps(line, LOST_WITHIN_S))
            assert "at address 3" in await line.loss()
            assert line.clock.monotonic() - began <= LOST_WITHIN_S
            assert line.gate.silent_units == {3}
            assert not online(line.gate)
            for gaps in (await at_first, await _longest_gaps(line, 5.0)):
                assert max(gaps.values()) <= SEEN_WITHIN_S
            await line.gate.unlock(Door.EXIT, 1.0, 1)
            assert line.unit.peripherals[2].orders == [(0, 5, 10)]
            getattr(line.unit, trouble).clear()
            mended = line.clock.monotonic()
            whole = await line.first_where(lambda report: report.after_command == 1)
            assert whole.entry is DoorState.LOCKED
            assert line.clock.monotonic() - mended <= BACK_WITHIN_S
            assert online(line.gate)
            assert line.gate.unit_counters[1].sessions == line.gate.unit_counters[2].sessions == 1

    virtually(story())


async def _longest_gaps(line: Line, watched_s: float) -> dict[int, float]:
    """The longest time between two answers of units 1 and 2."""
    counters = line.gate.unit_counters
    newest, gaps = dict.fromkeys((1, 2), line.clock.monotonic()), dict.fromkeys((1, 2), 0.0)
    counted = {address: counters[address].exchanges for address in newest}
    end = line.clock.monotonic() + watched_s
    while (now := line.clock.monotonic()) < end:
        await line.clock.sleep(0.001)
        for address, before in counted.items():
            if counters[address].exchanges != before:
                gaps[address] = max(gaps[address], now - newest[address])
                newest[address], counted[address] = now, counters[address].exchanges
    return gaps


def test_a_silent_unit_is_tried_with_growing_pauses() -> None:
    """L3: ten short questions in six seconds, not all the time there is."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            line.unit.silent.add(3)
            await line.loss()
            before = line.gate.unit_counters[3].unanswered
            await line.clock.sleep(6.0)
            assert 8 <= line.gate.unit_counters[3].unanswered - before <= 14

    virtually(story())


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_no_report_while_a_needed_unit_is_away(silent: int) -> None:
    """I2: nothing is made up of two units where a lane has three."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            line.unit.silent.add(silent)
            await line.loss()
            with pytest.raises(TimeoutError):
                await line.first_where(lambda _: True, within_s=3.0)

    virtually(story())


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_no_report_is_made_of_an_old_sample(silent: int) -> None:
    """I2: from a unit's last sample to its loss at most the report comes that this sample completes."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            reports = line.gate.reports()
            await anext(reports)
            line.unit.silent.add(silent)
            came = 0
            with pytest.raises(DeviceError):  # noqa: PT012 - the loop is the listener
                while True:
                    await anext(reports)
                    came += 1
            assert came <= 1

    virtually(story())


def test_what_a_unit_said_before_it_was_away_is_forgotten() -> None:
    """I2: the first whole report after its return is made of new samples alone."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            await line.first_where(lambda report: not report.object_left)
            line.unit.silent.add(3)
            await line.loss()
            line.unit.set_contact(Contact.OBJECT_LEFT, active=True)
            line.unit.silent.clear()
            assert (await line.first_where(lambda _: True)).object_left

    virtually(story())


def test_a_leased_door_is_never_locked() -> None:
    """I2, I8: also where its contact is stuck and says so in every sample."""

    async def story() -> None:
        async with osdp_line() as line:
            line.unit.mantrap.stick_contact(Door.ENTRY, stuck=True)
            await line.gate.unlock(Door.ENTRY, 1.0, 1)
            assert (await line.first_where(lambda report: report.after_command == 1)).entry is DoorState.CLOSED
            await line.clock.sleep(1.1)
            assert (await line.first_where(lambda _: True)).entry is DoorState.LOCKED

    virtually(story())


def test_a_silent_unit_that_answers_in_the_clear_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    """L5: silence was known; that it must not be trusted is news, once."""
    caplog.set_level(logging.WARNING, "egate.drivers.gate")

    async def story() -> None:
        async with osdp_line(THREE) as line:
            line.unit.silent.add(2)
            assert "does not answer" in await line.loss()
            line.unit.exchange(2, PeripheralMode.PLAIN, KEY)
            line.unit.silent.clear()
            assert "offers none" in await line.loss()
            await line.clock.sleep(5.0)

    virtually(story())
    assert ["offers none" in record.getMessage() for record in caplog.records] == [False, True]


def test_evidence_is_as_old_as_its_oldest_sample() -> None:
    """I2: an order to one unit makes the samples of the others old; a report never claims more than was asked after it."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            asked: list[int] = []

            async def watch() -> None:
                async with aclosing(line.gate.reports()) as reports:  # type: ignore[type-var]  # a generator
                    async for report in reports:
                        orders = sum(len(peripheral.orders) for peripheral in line.unit.peripherals.values())
                        assert report.after_command <= orders
                        asked.append(report.after_command)

            watching = asyncio.ensure_future(watch())
            for number in range(1, 30):
                await line.gate.unlock(Door.ENTRY if number % 2 else Door.EXIT, 1.0, number)
                await line.clock.sleep(0.02 * (number % 5))
            await line.first_where(lambda report: report.after_command == 29)
            watching.cancel()
            assert asked == sorted(asked)

    virtually(story())


@pytest.mark.parametrize("silent", [None, 2])
def test_an_emergency_is_seen_at_once(silent: int | None) -> None:
    """I5: also while another unit is away, and then no door is claimed to be locked."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            if silent is not None:
                line.unit.silent.add(silent)
                await line.loss()
                await line.clock.sleep(1.23)
            began = line.clock.monotonic()
            line.unit.set_contact(Contact.EMERGENCY, active=True)
            report = await line.first_where(lambda report: report.emergency)
            assert line.clock.monotonic() - began <= SEEN_WITHIN_S
            if silent is not None:
                assert report.exit is DoorState.FAULT
                line.unit.set_contact(Contact.EMERGENCY, active=False)
                assert "at address 2" in await line.loss(), "a report is no return"

    virtually(story())


@pytest.mark.parametrize(("units", "baud"), [(8, 115_200), (2, 38_400)])
def test_an_emergency_on_a_full_line(units: int, baud: int) -> None:
    """I5: what docs/wiring.md says of speeds, whatever the moment in the round."""
    names = [f"emergency={units}.6", *(f"person_{unit - 2}={unit}.3" for unit in range(3, units + 1))]
    wiring = " ".join(["exit_lock=2.0 exit_closed=2.0 exit_locked=2.1", *names])
    full = parse_units(" ".join(f"{address}:osdp" for address in range(1, units + 1)), wiring)

    async def story() -> None:
        async with osdp_line(full, baud=baud) as line:
            for moment in range(15):
                await line.clock.sleep(0.5 + 0.0137 * moment)
                began = line.clock.monotonic()
                line.unit.set_contact(Contact.EMERGENCY, active=True)
                await line.first_where(lambda report: report.emergency)
                assert line.clock.monotonic() - began <= SEEN_WITHIN_S
                line.unit.set_contact(Contact.EMERGENCY, active=False)

    virtually(story())


def test_a_chattering_contact_holds_the_lane_and_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """I8."""
    caplog.set_level(logging.INFO, "egate.drivers.gate")

    async def story() -> None:
        async with osdp_line(THREE) as line:

            async def chatter() -> None:
                while True:
                    line.unit.set_contact(Contact.EXIT_CLOSED, not line.unit.contact(Contact.EXIT_CLOSED))
                    await line.clock.sleep(0.033)

            chattering = asyncio.ensure_future(chatter())
            held = await line.first_where(lambda report: report.entry is DoorState.FAULT)
            assert held.exit is DoorState.FAULT
            chattering.cancel()
            line.unit.set_contact(Contact.EXIT_CLOSED, None)
            await line.first_where(lambda report: report.exit is DoorState.LOCKED)

    virtually(story())
    said = [record.getMessage() for record in caplog.records if "exit_closed" in record.getMessage()]
    assert [("chatters" in text, "steady" in text) for text in said] == [(True, False), (False, True)]


def test_the_loss_of_one_unit_is_logged_once_with_its_address(caplog: pytest.LogCaptureFixture) -> None:
    """L2: one line lost, one back, though the unit was tried often in between."""
    caplog.set_level(logging.INFO, "egate.drivers.gate")

    async def story() -> None:
        async with osdp_line(THREE) as line:
            line.unit.silent.add(2)
            await line.loss()
            await line.clock.sleep(5.0)
            line.unit.silent.clear()
            await line.first_where(lambda _: True)

    virtually(story())
    assert [(record.levelname, "gate unit 2" in record.getMessage()) for record in caplog.records] == [
        ("WARNING", True),
        ("INFO", True),
    ]


def test_a_pulled_cable_loses_all_and_brings_all_back() -> None:
    """L2."""

    async def story() -> None:
        async with osdp_line(THREE) as line:
            line.port.unplug()
            assert "is lost" in await line.loss()
            line.port.plug()
            plugged = line.clock.monotonic()
            await line.first_where(lambda _: True)
            assert line.clock.monotonic() - plugged <= BACK_WITHIN_S

    virtually(story())


def test_a_defect_in_one_units_driver_takes_that_unit_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """L14."""
    caplog.set_level(logging.ERROR, "egate.drivers.gate")

    async def story() -> None:
        async with osdp_line(THREE) as line:

            async def defect() -> None:
                raise RuntimeError("a defect")

            line.gate._units[3]._refresh_signal = defect  # type: ignore[method-assign]  # the defect
            assert "the driver failed" in await line.loss()
            await line.gate.unlock(Door.EXIT, 1.0, 1)
            assert line.gate.silent_units == {3}

    virtually(story())
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize(
    ("mode", "key", "problem"),
    [
        (PeripheralMode.PLAIN, KEY, "offers none"),
        (PeripheralMode.INSTALL, KEY, "published default key"),
        (PeripheralMode.SECURE, bytes(16), "another key"),
    ],
    ids=["in the clear", "default key", "another key"],
)
@pytest.mark.parametrize("shared", [False, True])
def test_a_unit_that_was_exchanged_for_an_untrustworthy_one(
    mode: PeripheralMode, key: bytes, problem: str, shared: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """L5: a downgrade while the lane runs is a loss whose reason is told and logged, not a session in the clear."""
    caplog.set_level(logging.WARNING, "egate.drivers.gate")

    async def story() -> None:
        async with osdp_line(THREE) if shared else osdp_line() as line:
            told = asyncio.ensure_future(_reasons(line, 5.0))
            await line.clock.sleep(0.2)
            line.unit.exchange(1, mode, key)
            assert problem in " ".join(await told)
            assert not line.gate.online
            with pytest.raises(DeviceError):
                await line.gate.unlock(Door.ENTRY, 1.0, 1)
            assert line.unit.peripheral.orders == []

    virtually(story())
    assert sum(problem in record.getMessage() for record in caplog.records) == 1


async def _reasons(line: Line, watched_s: float) -> list[str]:
    """Everything that the reports end with in a time."""
    reasons = []
    end = line.clock.monotonic() + watched_s
    while line.clock.monotonic() < end:
        try:
            reasons.append(await line.loss(within_s=end - line.clock.monotonic()))
        except TimeoutError:
            break
    return reasons


def test_what_is_counted_for_each_unit() -> None:
    """L11: exchanges, repeats, silence, sessions, and a histogram that holds every answered exchange at its own time."""

    async def story() -> None:
        async with osdp_line(THREE, baud=9600) as line:
            await line.clock.sleep(3.0)
            for counters in line.gate.unit_counters.values():
                assert counters.sessions == 1
                assert counters.repeats == counters.unanswered == counters.refused == 0
                assert sum(counters.latency_bins) == counters.exchanges > 10
                slower = [edge for edge, count in zip(LATENCY_EDGES_MS, counters.latency_bins, strict=False) if count]
                assert slower == [50, 100, 200], "at 9600 baud a poll takes 30 ms, a sample 60, a handshake over 100"
            line.unit.silent.add(3)
            await line.loss()
            third = line.gate.unit_counters[3]
            assert third.repeats >= 1
            assert third.unanswered >= 1
            assert sum(third.latency_bins) == third.exchanges

    virtually(story())


@pytest.mark.parametrize(
    ("latency_ms", "position"), [(0.0, 0), (1.0, 0), (1.01, 1), (50.0, 5), (50.01, 6), (5000.0, 10), (5000.01, 11)]
)
def test_every_latency_falls_between_its_edges(latency_ms: float, position: int) -> None:
    """L11: upper edges belong to their bin; what is slower than all of them is counted too."""
    counters = DeviceCounters()
    counters.answered(latency_ms / 1000)
    assert [at for at, count in enumerate(counters.latency_bins) if count] == [position]
    assert counters.exchanges == 1


def test_a_broken_frame_is_counted() -> None:
    """L11."""

    async def story() -> None:
        async with osdp_line() as line:
            before = line.gate.broken_frames
            line.port.write(bytes.fromhex("530108000440aaaa"))
            await line.clock.sleep(0.1)
            assert line.gate.broken_frames == before + 1

    virtually(story())
