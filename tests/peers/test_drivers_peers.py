"""Foreign peers for our wires: libosdp (C) on both ends of OSDP, libnfc (C) in front of the simulated PN532.

What we wrote on both ends proves only agreement; these prove that the words are the standard's (L9).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import tty
from pathlib import Path
from typing import Any

import pytest

from drivers.gate.osdp import OsdpConfig, OsdpGate
from drivers.reader.pn532 import Pn532Config, Pn532Reader
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.pn532 import SimulatedPn532
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState
from tests.peers.libosdp_peripheral import LibosdpPeripheral
from tests.unit.drivers.wires import KEY, ScriptedChip, TestClock, link_to, run, until

pytestmark = pytest.mark.foreign


class DescriptorChannel:
    """A libosdp channel over a non-blocking file descriptor; remembers what libosdp sent."""

    def __init__(self, number: int) -> None:
        self.id = 0
        self.sent: list[bytes] = []
        self._number = number
        os.set_blocking(number, False)

    def read(self, most: int) -> bytes:
        try:
            return os.read(self._number, most)
        except OSError:
            return b""

    def write(self, data: bytes) -> int:
        self.sent.append(bytes(data))
        return os.write(self._number, data)

    def flush(self) -> None:
        pass


class Libosdp:
    """libosdp's context, refreshed every millisecond in a thread of its own."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._refresh)
        self._thread.start()

    def _refresh(self) -> None:
        while not self._stop.wait(0.001):
            with self.lock:
                self.context.refresh()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)


def _osdp() -> Any:
    return pytest.importorskip("osdp", reason="the package libosdp is not installed")


def _library_path() -> str:
    """The extension module that holds libosdp."""
    return str(pytest.importorskip("osdp_sys").__file__)


def test_our_control_panel_drives_libosdps_peripheral() -> None:
    """Secure channel enforced; orders are timed, evidence carries the last acknowledged number, the session holds."""
    _osdp()

    async def story() -> list[tuple[int, int, int]]:
        master, slave = os.openpty()
        tty.setraw(slave)
        peer = LibosdpPeripheral(master, KEY, enforce=True, library_path=_library_path())
        clock = TestClock()
        gate = OsdpGate(link_to(Path(os.ttyname(slave)), clock), OsdpConfig(KEY), clock, os.urandom)
        try:
            await gate.start()
            assert gate.identity is not None
            assert gate.identity.serial == 7
            reports = gate.reports()
            first = await anext(reports)
            assert (first.entry, first.exit, first.persons) == (DoorState.LOCKED, DoorState.LOCKED, 0)
            await gate.unlock(Door.EXIT, 3.0, 7)
            await gate.lock(Door.EXIT, 8)
            peer.contacts[0:6] = bytes((0, 0, 1, 1, 0, 1))
            async for report in reports:
                if report.persons == 2:
                    assert report.entry is DoorState.OPEN
                    assert report.after_command == 8
                    break
            assert await gate.output_states() == (False, False)
            assert gate.counters.sessions == 1, "the session must hold"
        finally:
            await gate.close()
            await asyncio.to_thread(peer.close)
            os.close(master)
            os.close(slave)
        return peer.orders

    assert run(story()) == [(1, 5, 30), (1, 1, 0)]


@pytest.mark.parametrize(("unit_key", "enforce"), [(bytes(range(16, 32)), True), (bytes(range(16, 32)), False), (None, False)])
def test_libosdp_with_another_key_or_in_the_clear_is_refused(unit_key: bytes | None, enforce: bool) -> None:
    """L5; libosdp without EnforceSecure would carry on in plaintext, we do not."""
    _osdp()

    async def story() -> list[tuple[int, int, int]]:
        master, slave = os.openpty()
        tty.setraw(slave)
        peer = LibosdpPeripheral(master, unit_key, enforce=enforce, library_path=_library_path())
        clock = TestClock()
        gate = OsdpGate(link_to(Path(os.ttyname(slave)), clock), OsdpConfig(KEY), clock, os.urandom)
        try:
            with pytest.raises(DeviceError, match="open the secure channel"):
                await gate.start()
            with pytest.raises(DeviceError):
                await gate.unlock(Door.ENTRY, 3.0, 1)
        finally:
            await gate.close()
            await asyncio.to_thread(peer.close)
            os.close(master)
            os.close(slave)
        return peer.orders

    assert run(story()) == []


def test_libosdps_control_panel_drives_our_gate_unit(tmp_path: Path) -> None:
    osdp = _osdp()

    async def story() -> None:
        clock = TestClock()
        unit = SimulatedGateUnit(tmp_path / "gate", clock, PeripheralSettings(KEY), os.urandom, baud=None)
        unit.plug()
        number = os.open(tmp_path / "gate", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        info = osdp.PDInfo(1, DescriptorChannel(number), scbk=KEY, flags=[osdp.LibFlag.EnforceSecure])
        panel = osdp.ControlPanel([info], log_level=osdp.LogLevel.Critical)
        peer = Libosdp(panel.ctx)
        panel.lock = peer.lock
        try:
            await until(lambda: panel.is_sc_active(1), clock, 10)
            walk = asyncio.ensure_future(unit.walk_in(1))
            order = {"command": osdp.Command.Output, "output_no": 0, "control_code": 5, "timer_count": 30}
            assert panel.submit_command(1, order)
            assert await walk
            await until(lambda: unit.mantrap.persons == 1, clock)
            await until(lambda: unit.mantrap.leaf(Door.ENTRY).secure, clock)
            unit.emergency(True)
            seen = await asyncio.to_thread(_input_report_with, panel, osdp, 6)
            assert seen[6] == 1
            assert unit.peripheral.orders == [(0, 5, 30)]
        finally:
            await asyncio.to_thread(peer.close)
            os.close(number)
            await unit.close()

    run(story())


def _input_report_with(panel: Any, osdp: Any, contact: int) -> bytes:
    """The first input report of libosdp's panel in which a contact is active."""
    for _ in range(200):
        event = panel.get_event(1, timeout=5)
        if event and event.get("type") == osdp.StatusReportType.Input and event["report"][contact]:
            return bytes(event["report"])
    raise AssertionError("no such report came")


def test_libnfc_finds_the_simulated_pn532(tmp_path: Path) -> None:
    tool = shutil.which("nfc-list")
    if tool is None:
        pytest.skip("nfc-list is not installed (Debian package libnfc-bin)")

    async def list_chips(path: Path) -> str:
        environment = os.environ | {"LIBNFC_DEFAULT_DEVICE": f"pn532_uart:{path}"}
        process = await asyncio.create_subprocess_exec(
            tool, "-v", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
        return output.decode(errors="replace")

    async def story() -> None:
        clock = TestClock()
        reader = SimulatedPn532(tmp_path / "nfc", clock)
        reader.plug()
        try:
            empty = await list_chips(tmp_path / "nfc")
            assert "0 ISO14443A passive target(s) found" in empty
            reader.insert(ScriptedChip())
            ours = Pn532Reader(link_to(tmp_path / "nfc", clock), Pn532Config(), clock)
            await ours.start()
            assert await ours.wait_for_chip(5)
            assert reader.port.baud == 921_600
            await ours.close()  # after us it finds the reader at the usual speed
            found = " ".join((await list_chips(tmp_path / "nfc")).split())
            assert "1 ISO14443A passive target(s) found" in found
            assert "ATQA (SENS_RES): 00 08" in found
            assert "SAK (SEL_RES): 20" in found
            assert "ATS: 78 80 71 02" in found
        finally:
            await reader.close()

    run(story(), 60)
