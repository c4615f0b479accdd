"""libosdp's peripheral (C, secure channel enforced) behind our driver: two of them on one line, and their lamps (L9, L3)."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.gate.osdp_layout import parse_units
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport, Lamp, Signal
from tests.peers.libosdp_peripheral import LibosdpPeripheral, SharedLine
from tests.unit.drivers.wires import KEY, TestClock, link_to, online, run, until

pytestmark = pytest.mark.foreign

OTHER_KEY = bytes(range(100, 116))
TWO = parse_units("1:osdp 2:osdp", "exit_lock=2.1 exit_closed=2.2 exit_locked=2.3 emergency=!2.7")
"""Contact 7 of the second one is idle at 0, so an inverted emergency must be held: see `line_of_two`."""


@asynccontextmanager
async def line_of_two(second_key: bytes = OTHER_KEY) -> AsyncIterator[tuple[OsdpGate, list[LibosdpPeripheral], TestClock]]:
    """Our driver, and two peripherals with a key each on one pair of wires."""
    library = str(pytest.importorskip("osdp_sys", reason="the package libosdp is not installed").__file__)
    master, slave = os.openpty()
    tty.setraw(slave)
    line = SharedLine(master, 2)
    peers = [
        LibosdpPeripheral(master, key, enforce=True, library_path=library, address=address, hears=ear)
        for address, key, ear in zip((1, 2), (KEY, second_key), line.ears, strict=True)
    ]
    peers[1].contacts[7] = 1
    clock = TestClock()
    config = OsdpConfig(KEY, layout=TWO, unit_keys={2: OTHER_KEY})
    gate = OsdpGate(link_to(Path(os.ttyname(slave)), clock), config, clock, os.urandom)
    try:
        yield gate, peers, clock
    finally:
        await gate.close()
        for peer in peers:
            await asyncio.to_thread(peer.close)
        await asyncio.to_thread(line.close)
        os.close(master)
        os.close(slave)


async def first_newer(gate: OsdpGate, number: int) -> GateReport:
    """The first report with evidence after that order."""
    async for report in gate.reports():
        if report.after_command >= number:
            return report
    raise AssertionError("unreachable")


def test_two_peripherals_of_libosdp_on_one_line() -> None:
    """L9, L3: each with its key and session; orders reach the unit of their door, reports are made of both."""

    async def story() -> None:
        async with line_of_two() as (gate, peers, _):
            await gate.start()
            serials = {address: plate.serial for address, plate in gate.identities.items() if plate is not None}
            assert serials == {1: 7, 2: 8}
            first = await first_newer(gate, 0)
            assert (first.entry, first.exit, first.emergency) == (DoorState.LOCKED, DoorState.LOCKED, False)
            await gate.unlock(Door.ENTRY, 2.0, 1)
            await gate.unlock(Door.EXIT, 3.0, 2)
            await gate.lock(Door.EXIT, 3)
            peers[1].contacts[2:4] = bytes((0, 0))
            peers[0].contacts[5] = 1
            async for report in gate.reports():
                if report.exit is DoorState.OPEN and report.persons == 2:
                    assert report.after_command == 3
                    break
            peers[1].contacts[7] = 0
            async for report in gate.reports():
                if report.emergency:
                    break
            assert [counters.sessions for counters in gate.unit_counters.values()] == [1, 1], "both sessions must hold"
            assert [peer.orders for peer in peers] == [[(0, 5, 20)], [(1, 5, 30), (1, 1, 0)]]

    run(story())


def test_libosdp_reads_our_lamps_and_buzzer() -> None:
    """What reaches the callback is what the standard's fields mean: timed, coloured, dark afterwards."""

    async def story() -> None:
        async with line_of_two() as (gate, peers, clock):
            await gate.start()
            await gate.show(Signal(Lamp.AMBER, blinking=True, buzzer=True))
            dark = (1, 1, 0, 0, 0, 0)
            assert [peer.lamps for peer in peers] == [[(0, 0, (2, 5, 5, 3, 0, 30), dark)]] * 2
            assert [peer.sounds for peer in peers] == [[(0, 2, 5, 5, 3)]] * 2
            await until(lambda: all(len(peer.lamps) > 1 for peer in peers), clock)
            assert peers[0].lamps[1] == peers[0].lamps[0], "refreshed while it is wanted"
            await gate.show(Signal())
            assert peers[1].lamps[-1] == (0, 0, (1, 0, 0, 0, 0, 0), dark)
            assert peers[1].sounds[-1] == (0, 1, 0, 0, 0)
            assert online(gate)

    run(story())


def test_one_of_two_with_another_key_is_named() -> None:
    """L5: the other one's session does not lend it trust."""

    async def story() -> None:
        async with line_of_two(second_key=bytes(range(16, 32))) as (gate, peers, _):
            with pytest.raises(DeviceError, match="open the secure channel at address 2"):
                await gate.start()
            with pytest.raises(DeviceError):
                await gate.unlock(Door.ENTRY, 2.0, 1)
            assert [peer.orders for peer in peers] == [[], []]

    run(story())
