"""Runs in an environment that has nfcpy, beside ours: nfcpy drives the PN532 behind a port and prints what it found.

    python nfcpy_reader.py PORT

nfcpy takes ports under /dev only by their kernel's names, so its transport is made from the path here; everything after that
(wake-up, firmware, SAM, the raise of speed, registers, looking for a chip) is nfcpy's own.
"""

from __future__ import annotations

import json
import sys

import nfc.clf  # type: ignore[import-not-found]  # of the other environment
import nfc.clf.pn532  # type: ignore[import-not-found]  # as above
import nfc.clf.transport  # type: ignore[import-not-found]  # as above


def main() -> int:
    """One look for a chip of type A."""
    transport = nfc.clf.transport.TTY(sys.argv[1])
    device = nfc.clf.pn532.init(transport)
    found = {"chipset": device.chipset_name, "baud": transport.tty.baudrate}
    try:
        target = device.sense_tta(nfc.clf.RemoteTarget("106A"))
        found["target"] = (
            None
            if target is None
            else {"sens": bytes(target.sens_res).hex(), "sel": bytes(target.sel_res).hex(), "uid": bytes(target.sdd_res).hex()}
        )
        device.mute()
    finally:
        device.close()
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
