"""A second foreign control panel in front of our peripheral: PyPI's `osdp` 1.6, pure Python, in an environment of its own (L9).

Its package is called as libosdp's, so it lies in a folder that `EGATE_PEER_OSDP` names (`pip install --target FOLDER osdp==1.6`).
It diversifies the base key by the unit's name plate, which ours is then given. Its first poll carries a security block without a
session; a peripheral that stays silent to it, as libosdp's with an enforced secure channel does, is never asked again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.osdp_peripheral import PeripheralSettings
from egate.model.lane import Lamp
from tests.unit.drivers.wires import TestClock, run, until

pytestmark = pytest.mark.foreign

SITE = os.environ.get("EGATE_PEER_OSDP", "")
MASTER_KEY = bytes(range(64, 80))
PLATE = PeripheralSettings(bytes(16))
PANEL = Path(__file__).with_name("second_osdp_panel.py")
WITHIN_S = 60


def diversified(master_key: bytes) -> bytes:
    """The key of the unit with our name plate: the plate and its complement under the master key."""
    plate = PLATE.vendor + bytes((PLATE.model, 1)) + PLATE.serial.to_bytes(3, "little")
    encryptor = Cipher(algorithms.AES(master_key), modes.ECB()).encryptor()  # a single block
    return encryptor.update(plate + bytes(byte ^ 0xFF for byte in plate)) + encryptor.finalize()


@pytest.mark.timeout(90)
def test_the_second_panel_drives_our_gate_unit(tmp_path: Path) -> None:
    """L9, I3: session, identity, contacts, a timed order that moves the bolt, a lamp; a latched order is refused."""
    if not (Path(SITE) / "osdp" / "_control_panel.py").is_file():
        pytest.skip("EGATE_PEER_OSDP names no folder with PyPI's osdp (pip install --target FOLDER osdp==1.6)")

    async def story() -> dict[str, object]:
        clock = TestClock()
        settings = PeripheralSettings(diversified(MASTER_KEY))
        unit = SimulatedGateUnit(tmp_path / "gate", clock, settings, os.urandom)
        unit.plug()
        panel = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PANEL), str(tmp_path / "gate"), MASTER_KEY.hex()),
            env=os.environ | {"PYTHONPATH": SITE},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            output, _ = await asyncio.wait_for(panel.communicate(), WITHIN_S)
            said = dict(json.loads(line) for line in output.decode().splitlines())
            await until(lambda: unit.peripheral.orders == [(0, 5, 30), (1, 2, 0)], clock, 1)
            assert unit.latched_orders_seen == 1
            assert unit.mantrap.interlock_refusals == 0
            assert unit.signal().lamp is Lamp.GREEN
            assert unit.signal().blinking
        finally:
            if panel.returncode is None:
                panel.kill()
            await unit.close()
        return said

    said = run(story(), WITHIN_S + 20)
    assert said == {
        "secure": True,
        "identity": ["0e6a7e", 2, 1],
        "capabilities": {"1": 8, "2": 2, "4": 1, "5": 1, "8": 0, "9": 1, "10": 4},
        "inputs": [True, True, True, True, False, False, False, False],
        "local": [False, False],
        "ordered": True,
        "outputs": [True, False],
        "latched": False,
        "lamp": True,
        "still secure": True,
    }
