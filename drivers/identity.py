"""Which port is meant: by the serial number of its USB adapter, or by a name that udev made from it. Reads /sys and /dev only.

A name by path stays with the socket of the computer, a serial number stays with the adapter (L4). The rule: a name that could
mean two adapters is refused, and the sentence says by which names the two can be told apart; a port is looked up anew each time
it is opened, because the kernel numbers ports in the order of plugging.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from egate.model.errors import DeviceError

SERIAL_MARK = "serial:"
LARGEST_NUMBER = 64  # signs of a USB serial number that we take
MOST_PARENTS = 8  # folders of /sys between a port and its adapter: interface, port, adapter, and hubs that have no number
MOST_PORTS = 256  # ports looked at
_NUMBER = re.compile(rf"[!-.0-~]{{1,{LARGEST_NUMBER}}}(/[0-9]{{1,2}})?")
"""Signs that can be printed, no blank and no slash; then, where an adapter has several ports, a slash and the interface."""


@dataclass(frozen=True, slots=True)
class PortRoots:
    """Where the kernel's device nodes and its view of the hardware are; other folders in tests."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")


HERE = PortRoots()
"""This machine."""


@dataclass(frozen=True, slots=True)
class UsbPort:
    """One serial port of a USB adapter. `make` is vendor and product, `adapter` the adapter's folder in /sys."""

    node: str
    number: str
    make: tuple[str, str]
    interface: int
    adapter: str


def check_port_name(path: str) -> None:
    """Refuse `serial:` with something after it that is no serial number; raises DeviceError."""
    if path.startswith(SERIAL_MARK) and not _NUMBER.fullmatch(path.removeprefix(SERIAL_MARK)):
        raise DeviceError(
            f"configure port {path}", f"write {SERIAL_MARK}NUMBER, or {SERIAL_MARK}NUMBER/1 for the port of interface 1"
        )


def resolve_port(path: str, roots: PortRoots = HERE) -> str:
    """The device node that a name means now; a plain path is returned as it is. Raises DeviceError for none and for several."""
    if path.startswith(SERIAL_MARK):
        return _by_number(path, roots)
    if Path(path).parent == roots.dev / "serial" / "by-id":
        _refuse_twins(path, roots)
    return path


def usb_ports(roots: PortRoots = HERE) -> tuple[UsbPort, ...]:
    """The serial ports of USB adapters that are plugged in now, in the order of their nodes."""
    try:
        entries = sorted((roots.sys / "class" / "tty").iterdir())[:MOST_PORTS]
    except OSError:
        return ()
    return tuple(port for port in map(_usb_port, entries) if port is not None)


def name_by_path(node: str, roots: PortRoots = HERE) -> str:
    """The port's name by its socket; the bare node, and that it has no name, where udev made none."""
    try:
        for link in sorted((roots.dev / "serial" / "by-path").iterdir()):
            if link.resolve().name == node:
                return str(link)
    except OSError:
        pass
    return f"{node} (which has no name by path)"


def _usb_port(entry: Path) -> UsbPort | None:
    """What /sys says about one port; None for one that hangs on no USB adapter."""
    device = entry / "device"
    if not device.exists():
        return None
    place, interface = device.resolve(), 0
    for folder in (place, *place.parents[:MOST_PARENTS]):
        number = _text(folder / "bInterfaceNumber")
        if number:
            interface = int(number, 16) if re.fullmatch("[0-9a-fA-F]{1,2}", number) else 0
        if (folder / "idVendor").is_file():
            make = (_text(folder / "idVendor"), _text(folder / "idProduct"))
            return UsbPort(entry.name, _text(folder / "serial"), make, interface, str(folder))
    return None


def _text(file: Path) -> str:
    """One attribute; empty when there is none."""
    try:
        return file.read_text("ascii", "replace").strip()
    except OSError:
        return ""


def _by_number(path: str, roots: PortRoots) -> str:
    """The node of the adapter with a serial number."""
    check_port_name(path)
    number, _, interface = path.removeprefix(SERIAL_MARK).partition("/")
    ports = usb_ports(roots)
    meant = [port for port in ports if port.number == number and (not interface or port.interface == int(interface))]
    doing = f"find port {path}"
    if not meant:
        here = ", ".join(sorted({SERIAL_MARK + port.number for port in ports if port.number})) or "none"
        raise DeviceError(doing, f"no adapter with this number is plugged in; those here: {here}")
    if len({port.adapter for port in meant}) > 1:
        raise DeviceError(doing, _equal_adapters(meant, roots))
    if len(meant) > 1:
        names = ", ".join(f"{SERIAL_MARK}{number}/{port.interface}" for port in meant)
        raise DeviceError(doing, f"this adapter has {len(meant)} ports; name one: {names}")
    return str(roots.dev / meant[0].node)


def _refuse_twins(path: str, roots: PortRoots) -> None:
    """A name in by-id is one link: when two equal adapters are plugged in, it is whichever came last."""
    node = Path(path).resolve().name
    ports = usb_ports(roots)
    meant = next((port for port in ports if port.node == node), None)
    if meant is None:
        return  # not plugged in: opening says so
    equal = [p for p in ports if (p.number, p.make, p.interface) == (meant.number, meant.make, meant.interface)]
    if len(equal) > 1:
        raise DeviceError(f"find port {path}", _equal_adapters(equal, roots))


def _equal_adapters(ports: list[UsbPort], roots: PortRoots) -> str:
    names = ", ".join(name_by_path(port.node, roots) for port in ports)
    return f"{len(ports)} adapters have this serial number; name the one you mean by its socket: {names}"
