"""What is plugged in, read from the kernel's own folders: serial ports, cameras, and the adapters that they belong to.

Nothing is opened. A place is named by its stable links (L4): by the socket it is plugged into (`by-path`), which tells two equal
adapters apart, and by what it says of itself (`by-id`), which does not. All three folders are arguments, because a
pseudo terminal is in none of them and a test has its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MOST_PLACES = 256
"""A machine with more ports than this has a broken driver, not ports."""
LONGEST_TEXT = 80
"""Of what an adapter says of itself."""
_SERIAL_KINDS = ("ttyUSB", "ttyACM", "ttyAMA", "ttyXRUSB", "ttyS", "ttymxc", "ttySC")
_UPWARDS = 8  # folders from a port up to its adapter


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the kernel shows its devices and processes."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a USB adapter says of itself; empty where it says nothing, or is none."""

    vendor: str = ""
    product: str = ""
    serial: str = ""
    name: str = ""

    @property
    def words(self) -> str:
        """The adapter in one line, empty when it is none."""
        number = f"{self.vendor}:{self.product}" if self.vendor else ""
        return " · ".join(part for part in (self.name, number, f"serial {self.serial}" if self.serial else "") if part)


@dataclass(frozen=True, slots=True)
class Place:
    """One port or camera: the kernel's name of now, its stable links, its adapter. `emulated` is a pseudo terminal."""

    node: Path
    by_path: tuple[Path, ...] = ()
    by_id: tuple[Path, ...] = ()
    adapter: Adapter = field(default_factory=Adapter)
    emulated: bool = False

    @property
    def stable(self) -> Path | None:
        """The name for a configuration, None when there is none that stays."""
        if self.emulated:
            return self.node
        # A name with "usbv2" or "usbv3" is a second one for the same socket; the shortest is the plain one.
        return next(iter(sorted(self.by_path, key=lambda link: (len(link.name), link.name)) or sorted(self.by_id)), None)


def serial_places(machine: Machine) -> tuple[Place, ...]:
    """Serial ports behind which there is hardware, by the name of now."""
    found = []
    for entry in _entries(machine.sys / "class/tty"):
        if entry.name.startswith(_SERIAL_KINDS) and _has_hardware(entry):
            found.append(_place(machine, entry, "serial"))
    return tuple(found[:MOST_PLACES])


def camera_places(machine: Machine) -> tuple[Place, ...]:
    """Video4Linux cameras; the further nodes of one camera, which carry no pictures, are left out."""
    found = []
    for entry in _entries(machine.sys / "class/video4linux"):
        if entry.name.startswith("video") and _text(entry / "index") in ("", "0"):
            found.append(_place(machine, entry, "v4l"))
    return tuple(found[:MOST_PLACES])


def emulated_place(path: Path) -> Place:
    """A port that a configuration or a person names, which the kernel does not list: a pseudo terminal or its link."""
    return Place(path, emulated=True)


def _has_hardware(entry: Path) -> bool:
    """Boards list serial ports that are not there: those have no device, or the type 0."""
    return (entry / "device").exists() and _text(entry / "type") != "0"


def _place(machine: Machine, entry: Path, kind: str) -> Place:
    node = machine.dev / entry.name
    links = machine.dev / kind
    adapter = _adapter((entry / "device").resolve())
    if not adapter.name:
        adapter = Adapter(adapter.vendor, adapter.product, adapter.serial, _text(entry / "name"))
    return Place(node, _links(links / "by-path", node), _links(links / "by-id", node), adapter)


def _links(folder: Path, node: Path) -> tuple[Path, ...]:
    """The links in `folder` that lead to `node`."""
    return tuple(link for link in _entries(folder) if link.resolve() == node.resolve())


def _adapter(device: Path) -> Adapter:
    """The USB adapter above a device."""
    for folder in (device, *list(device.parents)[:_UPWARDS]):
        vendor = _text(folder / "idVendor")
        if vendor:
            name = " ".join(filter(None, (_text(folder / "manufacturer"), _text(folder / "product"))))
            return Adapter(vendor, _text(folder / "idProduct"), _text(folder / "serial"), name)
    return Adapter()


def _entries(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(folder.iterdir(), key=_by_number)
    except OSError:
        return
    yield from names


def _by_number(path: Path) -> tuple[int, str]:
    """ttyUSB2 comes before ttyUSB10."""
    return len(path.name), path.name


def _text(path: Path) -> str:
    """The first line of one of the kernel's files, without control characters; empty when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            line = file.readline(LONGEST_TEXT).strip()
    except OSError:
        return ""
    return "".join(character if character.isprintable() else "?" for character in line)
