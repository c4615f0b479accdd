"""The table of drivers by name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from drivers import (
    CameraSettings,
    PortSettings,
    make_boarding_pass_reader,
    make_camera,
    make_chip_reader,
    make_gate_unit,
    make_mrz_reader,
    make_page_reader,
)
from drivers.gate.modbus import ModbusGate
from drivers.gate.osdp import OsdpGate
from drivers.page.camera import CameraPages
from drivers.page.folder import FolderPages
from drivers.reader.boarding_pass.serial import SerialPassReader
from drivers.reader.mrz_serial import SerialMrzReader
from drivers.reader.pn532 import Pn532Reader
from drivers.reader.vpcd import VpcdReader
from egate.model.errors import DeviceError
from tests.unit.drivers.wires import KEY, TestClock

PORT = PortSettings("/dev/serial/by-path/x", key=KEY)


def test_every_name_makes_its_device() -> None:
    assert isinstance(make_chip_reader("pn532", PORT, TestClock()), Pn532Reader)
    assert isinstance(make_mrz_reader("mrz_serial", PORT, TestClock()), SerialMrzReader)
    assert isinstance(make_boarding_pass_reader("boarding_pass_serial", PORT, TestClock()), SerialPassReader)
    assert isinstance(make_gate_unit("osdp", PORT, TestClock(), bytes), OsdpGate)
    boards = PortSettings("/dev/serial/by-path/x", boards="1:waveshare-relay-d")
    assert isinstance(make_gate_unit("modbus", boards, TestClock(), bytes), ModbusGate)
    assert isinstance(make_page_reader("page_folder", PORT, TestClock()), FolderPages)
    assert isinstance(make_page_reader("page_camera", PORT, TestClock()), CameraPages)
    assert isinstance(make_chip_reader("vpcd", PortSettings(name="127.0.0.1:0", emulated=True), TestClock()), VpcdReader)


def test_a_socket_is_no_reader_of_a_real_lane() -> None:
    """Whoever reaches it is a chip."""
    with pytest.raises(DeviceError, match="emulated = true"):
        make_chip_reader("vpcd", PortSettings(name="127.0.0.1:0"), TestClock())


@pytest.mark.parametrize("largest", [1, 257, 65_539])
def test_a_response_that_no_reader_carries(largest: int) -> None:
    with pytest.raises(DeviceError, match="258 to 65538"):
        make_chip_reader("pcsc", PortSettings(max_response_bytes=largest), TestClock())


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_chip_reader("abacus", PORT, TestClock()),
        lambda: make_mrz_reader("abacus", PORT, TestClock()),
        lambda: make_boarding_pass_reader("abacus", PORT, TestClock()),
        lambda: make_page_reader("abacus", PORT, TestClock()),
        lambda: make_gate_unit("abacus", PORT, TestClock(), bytes),
        lambda: make_camera("abacus", CameraSettings("x"), lambda seconds: None),
    ],
)
def test_an_unknown_name_is_one_sentence(make: Callable[[], object]) -> None:
    with pytest.raises(DeviceError, match="no driver 'abacus'; known: "):
        make()


def test_a_gate_unit_without_an_own_key_is_refused() -> None:
    """L5."""
    with pytest.raises(DeviceError, match="16 bytes"):
        make_gate_unit("osdp", PortSettings("/dev/serial/by-path/x"), TestClock(), bytes)


def test_modbus_boards_must_be_named() -> None:
    with pytest.raises(DeviceError, match="1 to 8 boards, not 0"):
        make_gate_unit("modbus", PORT, TestClock(), bytes)


def test_no_key_shows() -> None:
    """L6."""
    assert KEY.hex() not in repr(PORT)
    assert repr(KEY) not in repr(PORT)


def test_a_controller_without_a_camera_loads_no_opencv() -> None:
    """The lane controller imports no numpy (FACTS-gate §6.2): a C call there would hold the doors up."""
    code = (
        "import sys, drivers, drivers.gate.osdp, drivers.reader.pn532;"
        "sys.exit(bool({'cv2', 'numpy', 'smartcard'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
