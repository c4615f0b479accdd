"""Drivers that other packages bring, through the entry point group `egate.drivers`.

The rules: a built-in driver of the same name wins; only the package of the driver that was chosen is imported; a broken one is
named in one sentence and stops nobody else; two packages that bring the same name are both refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Any

from drivers import PortSettings
from egate.model.errors import DeviceError
from egate.ports import Clock

GROUP = "egate.drivers"


class DriverKind(Enum):
    """What a driver drives; the value is how sentences call it."""

    CHIP_READER = "chip reader"
    MRZ_READER = "MRZ reader"
    BOARDING_PASS_READER = "boarding pass reader"  # noqa: S105 - no password: a pass to board
    PAGE_READER = "page reader"
    GATE_UNIT = "gate unit"
    CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class DriverPlugin:
    """What an entry point of the group names. `make` takes what the built-in factories of this kind take (`drivers.make_…`).

    `emulate` makes the other end of the wire behind a stable name, for `egate driver check`; `settings` go with it.
    """

    kind: DriverKind
    make: Callable[..., Any]
    emulate: Callable[[Path, Clock], Any] | None = None
    settings: PortSettings | None = None


def entry_points() -> list[metadata.EntryPoint]:
    """What the installed packages bring, in the order of names."""
    return sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name)


def find_plugin(name: str, kind: str, entries: Iterable[metadata.EntryPoint] | None = None) -> DriverPlugin | None:
    """The driver of that name and kind that a package brings, None for none; raises DeviceError for one that is broken."""
    plugin = load_plugin(name, entry_points() if entries is None else entries)
    if plugin is not None and plugin.kind.value != kind:
        raise DeviceError(f"choose the {kind}", f"{name!r} is a driver of a {plugin.kind.value}")
    return plugin


def load_plugin(name: str, entries: Iterable[metadata.EntryPoint]) -> DriverPlugin | None:
    """The driver of that name, None for none; raises DeviceError with one sentence for one that cannot be used."""
    found = [entry for entry in entries if entry.name == name]
    if not found:
        return None
    doing = f"load the driver {name!r} of {package_of(found[0])}"
    if len(found) > 1:
        packages = ", ".join(sorted(map(package_of, found)))
        raise DeviceError(f"load the driver {name!r}", f"{len(found)} packages bring it ({packages}); remove one")
    try:
        plugin = found[0].load()
    except Exception as error:  # another's code: whatever it raises must not stop the others
        raise DeviceError(doing, f"it cannot be imported ({type(error).__name__})") from error
    if not isinstance(plugin, DriverPlugin) or not callable(plugin.make):
        raise DeviceError(doing, "its entry point names no drivers.plugins.DriverPlugin")
    return plugin


def package_of(entry: metadata.EntryPoint) -> str:
    """The package that brings an entry point, as it is called in sentences."""
    return f"package {entry.dist.name}" if entry.dist is not None else "an unknown package"
