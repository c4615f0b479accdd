"""The serial ports of a lane: there, permitted, free, and kept from ModemManager. Opened for a moment, sent nothing."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from drivers.identity import resolve_port
from egate.app.commissioning.bench import Bench
from egate.app.commissioning.findings import Diagnosis, Finding, bad, good, not_here, notice
from egate.app.config import DeviceConfig
from egate.app.devices.holders import holder_words, holders_of, missing_permission
from egate.model.errors import DeviceError

STEP = "ports"
KINDS = ("gate", "chip", "mrz", "boarding_pass", "token")
WITHOUT_LINE = frozenset({"pcsc", "vpcd", "page_folder", "page_camera"})
"""Drivers that open no serial port."""
MOST_RULES = 200
LARGEST_RULE_BYTES = 256 * 1024
_KEPT_OFF = "ID_MM_DEVICE_IGNORE"
_MODEM_MANAGER = "ModemManager"


async def ports(bench: Bench) -> list[Finding]:
    """Each port of the lane's file."""
    found: list[Finding] = []
    for kind, device in _devices(bench):
        if device.driver in WITHOUT_LINE:
            found.append(not_here(STEP, kind, f"{device.driver} is on no serial port"))
            continue
        here = _judge(bench, kind, device)
        if any(finding.diagnosis is not Diagnosis.NONE for finding in here):
            bench.unusable.add(kind)
        found += here + _kept_off_modems(bench, kind, device)
    return found + _shared(bench)


def _devices(bench: Bench) -> Iterator[tuple[str, DeviceConfig]]:
    """The devices that the lane's file names, the gate unit first."""
    for kind in KINDS:
        device: DeviceConfig | None = getattr(bench.config, kind)
        if device is not None:
            yield kind, device


def _judge(bench: Bench, kind: str, device: DeviceConfig) -> list[Finding]:
    """One port: the first thing that is wrong with it."""
    try:
        node = Path(resolve_port(str(device.port)))
    except DeviceError as error:
        return [bad(STEP, kind, Diagnosis.PORT_MISSING, error.problem)]
    if not node.exists():
        return [bad(STEP, kind, Diagnosis.PORT_MISSING, f"there is no port {device.port.name} now")]
    missing = missing_permission(node, bench.here.account)
    if missing:
        return [bad(STEP, kind, Diagnosis.NO_PERMISSION, missing)]
    number = _opened(node)
    if number == errno.ENOTTY:
        return [bad(STEP, kind, Diagnosis.NO_SERIAL_PORT, f"{device.port.name} is no serial port")]
    if number in (errno.EACCES, errno.EPERM):
        return [bad(STEP, kind, Diagnosis.NO_PERMISSION, f"{device.port.name} does not open for this account")]
    if number:
        who = holder_words(holders_of(node, bench.here.machine, bench.here.own)) or "another program"
        return [bad(STEP, kind, Diagnosis.PORT_HELD, f"{device.port.name} is held by {who}")]
    return [good(STEP, kind, f"{device.port.name} is there, permitted, and free")]


def _opened(node: Path) -> int:
    """Open a port exclusively for a moment, as a driver does; the error's number, 0 when it opened."""
    try:
        number = os.open(node, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        return error.errno or errno.EIO
    try:
        if not os.isatty(number) or not stat.S_ISCHR(os.fstat(number).st_mode):
            return errno.ENOTTY
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno or errno.EIO
    finally:
        os.close(number)
    return 0


def _shared(bench: Bench) -> list[Finding]:
    """Two devices on one port: each would take the other's answers."""
    found = []
    seen: dict[str, str] = {}
    for kind, device in _devices(bench):
        if device.driver in WITHOUT_LINE:
            continue
        real = os.path.realpath(device.port)
        if real in seen and Path(real).exists():
            found.append(bad(STEP, kind, Diagnosis.OTHER_DEVICE, f"{kind} and {seen[real]} name the same port"))
            bench.unusable.add(kind)
        seen[real] = kind
    return found


def _kept_off_modems(bench: Bench, kind: str, device: DeviceConfig) -> list[Finding]:
    """ModemManager speaks to every new port for ten seconds, unless a rule keeps it off."""
    if device.options.get("emulated") is True or not _modem_program_runs(bench):
        return []
    if any(_KEPT_OFF in text for text in _rules(bench)):
        return []
    words = f"ModemManager runs here and no udev rule keeps it off {device.port.name}: it will speak to the device"
    return [notice(STEP, kind, Diagnosis.MODEM_MANAGER, words)]


def _modem_program_runs(bench: Bench) -> bool:
    for process in bench.here.machine.proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text("utf-8", "replace").strip() == _MODEM_MANAGER:
                return True
    return False


def _rules(bench: Bench) -> Iterator[str]:
    """The rules of an administrator; those that ModemManager brings itself name other devices."""
    for folder in bench.here.rules:
        with contextlib.suppress(OSError):
            for path in sorted(folder.glob("*.rules"))[:MOST_RULES]:
                if "mm-" not in path.name and path.stat().st_size <= LARGEST_RULE_BYTES:
                    yield path.read_text("utf-8", "replace")
