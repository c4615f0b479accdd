"""What belongs to each built-in driver in the conformance kit, an emulator or a world; packages bring their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import cv2

import drivers
from drivers import CameraSettings, PortSettings
from drivers.camera.v4l2 import V4l2Camera, V4l2Settings
from drivers.conformance.bench import Bench, Emulator
from drivers.conformance.cameras import CameraBench, Film, ImageFolder
from drivers.conformance.kit import AnyBench
from drivers.conformance.plain import PlainBench
from drivers.conformance.work import PageWork, PatientChipWork, work_of
from drivers.conformance.worlds import FolderWorld, GlassWorld, PackageWorld, SmartCardWorld, SocketChipWorld
from drivers.gate.framed_profile import load_profile
from drivers.gate.modbus_boards import parse_layout
from drivers.plugins import DriverKind, DriverPlugin, entry_points, load_plugin
from drivers.sim.boarding_pass_reader import SimulatedPassReader
from drivers.sim.framed_board import SimulatedFramedBoard
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.modbus_board import SimulatedModbusGate
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.pn532 import SimulatedPn532
from egate.model.errors import DeviceError
from egate.ports import Camera, Clock, Device

Entropy = Callable[[int], bytes]
FRAMED_PROFILE = str(Path(__file__).with_name("framed_gate.toml"))
"""The gate board of the bench for framed boards: the example of docs/gate-profiles.md."""
MODBUS_BOARDS = "1:waveshare-relay-d"
"""The board of the Modbus bench: relays and contacts on one."""
_DOING = "check a driver"
_TABLES: Mapping[DriverKind, Mapping[str, object]] = {
    DriverKind.CHIP_READER: drivers.CHIP_READERS,
    DriverKind.MRZ_READER: drivers.MRZ_READERS,
    DriverKind.BOARDING_PASS_READER: drivers.BOARDING_PASS_READERS,
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
        "boarding_pass_serial": (PortSettings(baud=9600), SimulatedPassReader),
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


def plain_benches() -> dict[str, PlainBench]:
    """A bench for each built-in driver that is on no serial line, cameras apart."""
    chips, pages = (DriverKind.CHIP_READER, PatientChipWork), (DriverKind.PAGE_READER, PageWork)
    return {
        "vpcd": PlainBench("vpcd", chips[0], SocketChipWorld, chips[1]),
        "pcsc": PlainBench("pcsc", chips[0], SmartCardWorld, chips[1]),
        "page_folder": PlainBench("page_folder", pages[0], FolderWorld, pages[1]),
        "page_camera": PlainBench("page_camera", pages[0], GlassWorld, pages[1]),
    }


def camera_benches() -> dict[str, CameraBench]:
    """A bench for each built-in camera; a film stands for the device of a live one."""

    def files(path: Path, fps: float = 100.0) -> Camera:
        return drivers.make_camera("files", CameraSettings(str(path), fps), lambda _: None)

    def video(path: Path, fps: float = 100.0) -> Camera:
        return drivers.make_camera("video", CameraSettings(str(path), fps), lambda _: None)

    def live(name: str) -> Camera:
        return drivers.make_camera("v4l2", CameraSettings(name), lambda _: None)

    rates = tuple((f"{fps:g} frames a second", partial(files, fps=fps)) for fps in (0.0, -1.0, 1000.0, math.nan))
    paces = tuple((f"{fps:g} frames a second", partial(video, fps=fps)) for fps in (0.0, -1.0, 1000.0, math.nan))
    turns = tuple((f"the name {name}", lambda _, name=name: live(name)) for name in ("/dev/video0", "/dev/video12"))
    return {
        "files": CameraBench("files", ImageFolder, files, rates),
        "video": CameraBench("video", Film, video, paces),
        "v4l2": CameraBench(
            "v4l2", Film, lambda path: V4l2Camera(V4l2Settings(str(path), backend=cv2.CAP_OPENCV_MJPEG)), turns, ends=True
        ),
    }


def bench_of(name: str, entropy: Entropy) -> AnyBench:
    """The bench of any registered driver; raises DeviceError with a sentence where there can be none."""
    known = all_benches(entropy)
    if name in known:
        return known[name]
    plugin = load_plugin(name, entry_points())
    if plugin is None:
        raise DeviceError(_DOING, f"there is no driver {name!r}; `egate driver list` shows them")
    return plugin_bench(name, plugin, entropy)


def all_benches(entropy: Entropy) -> dict[str, AnyBench]:
    """The bench of every built-in driver."""
    return {**benches(entropy), **plain_benches(), **camera_benches()}


def plugin_bench(name: str, plugin: DriverPlugin, entropy: Entropy) -> AnyBench:
    """The bench of a driver that a package brings; raises DeviceError where it brings no emulator."""
    emulate = plugin.emulate
    if emulate is None:
        raise DeviceError(_DOING, f"the package of {name!r} brings no emulator (DriverPlugin.emulate)")
    settings = plugin.settings or PortSettings()
    if plugin.kind is DriverKind.PAGE_READER:
        return PlainBench(
            name, plugin.kind, lambda folder, clock: PackageWorld(plugin.make, emulate, settings, folder, clock), PageWork
        )
    return _bench(name, plugin.kind, emulate, settings, entropy, plugin)


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
        makers: Mapping[DriverKind, Callable[[str, PortSettings, Clock], Device]] = {
            DriverKind.CHIP_READER: drivers.make_chip_reader,
            DriverKind.MRZ_READER: drivers.make_mrz_reader,
            DriverKind.BOARDING_PASS_READER: drivers.make_boarding_pass_reader,
        }
        return makers[kind](name, port, clock)

    return Bench(name, kind, make, emulate, settings, work, own_speed=plugin is None and name == "framed")
