"""The emulator that belongs to each built-in driver of a serial line, for the conformance kit; packages bring their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import drivers
from drivers import PortSettings
from drivers.conformance.bench import Bench, Emulator
from drivers.conformance.work import work_of
from drivers.gate.framed_profile import load_profile
from drivers.gate.modbus_boards import parse_layout
from drivers.plugins import DriverKind, DriverPlugin, entry_points, load_plugin
from drivers.sim.framed_board import SimulatedFramedBoard
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.modbus_board import SimulatedModbusGate
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.pn532 import SimulatedPn532
from egate.model.errors import DeviceError
from egate.ports import Clock, Device

Entropy = Callable[[int], bytes]
FRAMED_PROFILE = str(Path(__file__).with_name("framed_gate.toml"))
"""The gate board of the bench for framed boards: the example of docs/gate-profiles.md."""
MODBUS_BOARDS = "1:waveshare-relay-d"
"""The board of the Modbus bench: relays and contacts on one."""
_DOING = "check a driver"
_TABLES: Mapping[DriverKind, Mapping[str, object]] = {
    DriverKind.CHIP_READER: drivers.CHIP_READERS,
    DriverKind.MRZ_READER: drivers.MRZ_READERS,
    DriverKind.PAGE_READER: drivers.PAGE_READERS,
    DriverKind.GATE_UNIT: drivers.GATE_UNITS,
    DriverKind.CAMERA: drivers.CAMERAS,
}


def built_in() -> dict[str, DriverKind]:
    """Every built-in driver."""
    return {name: kind for kind, table in _TABLES.items() for name in sorted(table)}


def benches(entropy: Entropy) -> dict[str, Bench]:
    """A bench for each built-in driver that has an emulator on a serial line."""
    key = entropy(16)
    emulators: dict[str, tuple[PortSettings, Callable[[Path, Clock], Emulator]]] = {
        "pn532": (PortSettings(fast_baud=0), lambda path, clock: SimulatedPn532(path, clock, baud=None)),
        "mrz_serial": (PortSettings(baud=9600), lambda path, clock: SimulatedMrzReader(path, clock, baud=None)),
        "framed": (
            PortSettings(profile=FRAMED_PROFILE),
            lambda path, clock: SimulatedFramedBoard(path, clock, load_profile(FRAMED_PROFILE)),
        ),
        "modbus": (
            PortSettings(baud=9600, boards=MODBUS_BOARDS),
            lambda path, clock: SimulatedModbusGate(path, clock, parse_layout(MODBUS_BOARDS), baud=None),
        ),
        "osdp": (
            PortSettings(key=key),
            lambda path, clock: SimulatedGateUnit(path, clock, PeripheralSettings(key), entropy, baud=None),
        ),
    }
    kinds = built_in()
    return {name: _bench(name, kinds[name], emulate, settings, entropy) for name, (settings, emulate) in emulators.items()}


def bench_of(name: str, entropy: Entropy) -> Bench:
    """The bench of any registered driver; raises DeviceError with a sentence where there can be none."""
    known = benches(entropy)
    if name in known:
        return known[name]
    if name in built_in():
        raise DeviceError(_DOING, f"{name!r} has no emulator on a serial line; the kit checks: {', '.join(sorted(known))}")
    plugin = load_plugin(name, entry_points())
    if plugin is None:
        raise DeviceError(_DOING, f"there is no driver {name!r}; `egate driver list` shows them")
    return plugin_bench(name, plugin, entropy)


def plugin_bench(name: str, plugin: DriverPlugin, entropy: Entropy) -> Bench:
    """The bench of a driver that a package brings; raises DeviceError where it brings no emulator."""
    if plugin.emulate is None:
        raise DeviceError(_DOING, f"the package of {name!r} brings no emulator (DriverPlugin.emulate)")
    return _bench(name, plugin.kind, plugin.emulate, plugin.settings or PortSettings(), entropy, plugin)


def _bench(
    name: str,
    kind: DriverKind,
    emulate: Callable[[Path, Clock], Emulator],
    settings: PortSettings,
    entropy: Entropy,
    plugin: DriverPlugin | None = None,
) -> Bench:
    work = work_of(kind)
    if work is None:
        raise DeviceError(_DOING, f"the kit checks drivers of serial lines, and {name!r} drives a {kind.value}")

    def make(port: PortSettings, clock: Clock) -> Device:
        if plugin is not None:
            made: Device = plugin.make(port, clock, entropy) if kind is DriverKind.GATE_UNIT else plugin.make(port, clock)
            return made
        if kind is DriverKind.GATE_UNIT:
            return drivers.make_gate_unit(name, port, clock, entropy)
        return (
            drivers.make_chip_reader(name, port, clock)
            if kind is DriverKind.CHIP_READER
            else drivers.make_mrz_reader(name, port, clock)
        )

    return Bench(name, kind, make, emulate, settings, work, own_speed=plugin is None and name == "framed")
