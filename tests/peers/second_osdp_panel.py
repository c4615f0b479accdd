"""The control panel of PyPI's `osdp` 1.6 in a process of its own, with its packages on the path.

`second_osdp_panel.py PORT MASTER_KEY` writes one line of JSON for each step and ends by itself. The package's name is that of
libosdp's as well, so the two never share an environment; nothing of ours is imported here.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

ADDRESS = 1
TRIES, PAUSE_S = 200, 0.05


def main(port: str, master_key: str) -> int:
    """The whole story: session, who and what, contacts, a timed order, what is on, a lamp."""
    osdp = importlib.import_module("osdp")
    logging.getLogger("osdp").setLevel(logging.CRITICAL)
    panel = osdp.ControlPanel(master_key=bytes.fromhex(master_key))
    bus = panel.start_connection(osdp.SerialPortOsdpConnection(port, 115_200))
    panel.add_device(bus, ADDRESS, use_crc=True, use_secure_channel=True)
    device = panel._buses[bus]._configured_devices[ADDRESS]
    try:
        _say("secure", _until(lambda: device.is_security_established))
        identity = panel.id_report(bus, ADDRESS)
        _say("identity", [identity.vendor_code.hex(), identity.model_number, identity.serial_number])
        capabilities = panel.device_capabilities(bus, ADDRESS).capabilities
        _say("capabilities", {str(each.function.value): each.number_of for each in capabilities})
        _say("inputs", list(panel.input_status(bus, ADDRESS).statuses))
        _say("local", [panel.local_status(bus, ADDRESS).tamper, panel.local_status(bus, ADDRESS).power_failure])
        _say("ordered", panel.output_control(bus, ADDRESS, _timed(osdp, 0, 30)))
        _say("outputs", list(panel.output_status(bus, ADDRESS).statuses))
        _say("latched", panel.output_control(bus, ADDRESS, _latched(osdp, 1)))
        _say("lamp", panel.reader_led_control(bus, ADDRESS, _green(osdp)))
        _say("still secure", device.is_security_established)
    finally:
        panel.shutdown()
    return 0


def _say(what: str, value: object) -> None:
    sys.stdout.write(json.dumps([what, value]) + "\n")
    sys.stdout.flush()


def _until(condition: Callable[[], bool]) -> bool:
    for _ in range(TRIES):
        if condition():
            return True
        time.sleep(PAUSE_S)  # noqa: TID251 - a foreign program's own process
    return False


def _timed(osdp: Any, output: int, units: int) -> Any:
    control = osdp.OutputControlCode.TemporaryStateOnResumePermanentState
    return osdp.OutputControls([osdp.OutputControl(output, control, units)])


def _latched(osdp: Any, output: int) -> Any:
    control = osdp.OutputControlCode.PermanentStateOnAbortTimedOperation
    return osdp.OutputControls([osdp.OutputControl(output, control, 0)])


def _green(osdp: Any) -> Any:
    temporary, colour = osdp.TemporaryReaderControlCode.SetTemporaryAndStartTimer, osdp.LedColor
    permanent = osdp.PermanentReaderControlCode.Nop
    lamp = osdp.ReaderLedControl(
        0, 0, temporary, 5, 5, colour.Green, colour.Black, 50, permanent, 0, 0, colour.Black, colour.Black
    )
    return osdp.ReaderLedControls([lamp])


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
