"""`egate run` itself, killed and started as its service does it: READY, food, an occupied lane that waits (N6, I7, S9)."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.demo.installation import Installation, make_installation
from tests.unit.app.app_bench import TODAY
from tests.unit.drivers.wires import TestClock, run

ROOT = Path(__file__).resolve().parents[3]
STARTS = 4
WITHIN_S = 60


@contextmanager
def reader(module: str, port: Path) -> Iterator[None]:
    """One emulated reader in a process of its own."""
    command = [sys.executable, "-m", f"drivers.sim.{module}", "--pty", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


@asynccontextmanager
async def program(place: Installation, manager: socket.socket) -> AsyncIterator[None]:
    """`egate run` under a service manager, killed at the end."""
    told = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "2000000"}
    command = (sys.executable, "-m", "egate", "run", "--config", str(place.config))
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env={**os.environ, **told}, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def heard(manager: socket.socket, *words: str) -> str:
    """The first message that has all the words."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(WITHIN_S):
        while True:
            message = (await loop.sock_recv(manager, 4096)).decode()
            if all(word in message for word in words):
                return message


def forget(manager: socket.socket) -> None:
    """What the last program told."""
    try:
        while manager.recv(4096):
            pass
    except BlockingIOError:
        return


async def _story(place: Installation, unit: SimulatedGateUnit, manager: socket.socket) -> None:
    unit.plug()
    try:
        for number in range(STARTS):
            unit.mantrap.persons = number % 2
            forget(manager)
            async with program(place, manager):
                await heard(manager, "READY=1")
                await heard(manager, "WATCHDOG=1", "STATUS=referred" if number % 2 else "STATUS=idle")
        assert not unit.both_unlocked_seen
        assert unit.interlock_refusals == 0
    finally:
        await unit.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_program_comes_back_after_each_kill(tmp_path: Path, issuer: SimulatedIssuer) -> None:
    """N6, I7: it proves its doors, is fed by rounds, and with somebody inside it waits for the officer."""
    place, _ = make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [])
    text = re.sub(r"^source = .*$", 'source = "none"', place.config.read_text(), flags=re.MULTILINE)
    place.config.write_text(text + ("" if "[supervision]" in text else "\n[supervision]\nofficer_required = false\n"))
    ports = place.root / "ports"
    key = bytes.fromhex(place.key("gate.hex").read_text().strip())
    unit = SimulatedGateUnit(ports / "gate", TestClock(), PeripheralSettings(key), os.urandom, baud=None)
    with ExitStack() as around:
        around.enter_context(reader("pn532", ports / "chip"))
        around.enter_context(reader("mrz_reader", ports / "mrz"))
        manager = around.enter_context(closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)))
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        run(_story(place, unit, manager), within_s=280)
