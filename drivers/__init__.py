"""Devices of a lane. The tables of drivers by name are here: name in the configuration → factory.

A factory takes a `PortSettings` (where the device is) and the clock, and opens nothing. Modules of a driver are imported when
it is chosen, so a lane controller without a camera loads no OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from egate.model.errors import DeviceError
from egate.ports import SHORT_RESPONSE_BYTES, BoardingPassReader, Camera, ChipReader, Clock, GateUnit, MrzReader, PageReader

if TYPE_CHECKING:
    from drivers.camera.controls import CameraControls
    from drivers.gate.osdp_secure import BlockKey

if TYPE_CHECKING:  # pyserial is loaded when a serial driver is chosen
    from drivers.link import Link

# ruff: noqa: PLC0415  (a driver's modules are imported when it is chosen)


@dataclass(frozen=True, slots=True)
class PortSettings:
    """Where a device is: stable port name, speed, whether the hardware is emulated, and for a gate unit its key and address.

    `fast_baud` is a speed that a chip reader may be raised to; 0 leaves it as it is.
    `profile` is the make of an MRZ or boarding pass reader, or of a framed gate board.
    Readers that are on no port have a `name`: a pattern for the names of PC/SC readers, address and port of a vpcd socket.
    `shared` lets other programs use a PC/SC reader's chip too; `max_response_bytes` says what a reader carries that does not say
    so itself, 0 asks it. `boards` and `wiring` describe the Modbus boards or OSDP units of a gate; `unit_keys` are by address.
    `token_key` is a gate unit's key that stays in a token and takes the place of `key`.
    `line` gives what stands in the place of the serial line: a recording of it, or one that is played (drivers.recording).
    """

    path: str = ""
    baud: int = 115_200
    emulated: bool = False
    key: bytes = field(default=b"", repr=False)
    address: int = 1
    fast_baud: int = 921_600
    profile: str = ""
    name: str = ""
    shared: bool = False
    max_response_bytes: int = 0
    boards: str = ""
    wiring: str = ""
    unit_keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    token_key: BlockKey | None = field(default=None, repr=False)
    line: Callable[[Link], Link] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Where frames come from: a device by its stable name, or a directory; `fps` frames a second, and what it is set to."""

    path: str
    fps: float = 15.0
    controls: CameraControls | None = None


LARGEST_RESPONSE_BYTES = 65_538
"""An extended-length response APDU with its status word (ISO/IEC 7816-4 §5.1)."""
FactoryT = TypeVar("FactoryT")
Entropy = Callable[[int], bytes]
Wait = Callable[[float], None]


def serial_line(settings: PortSettings, baud: int, clock: Clock) -> Link:
    """The line of these settings at that speed, or what stands in its place; opens nothing. Raises DeviceError."""
    from drivers.link import LinkSettings, SerialLink

    link = SerialLink(LinkSettings(settings.path, baud, settings.emulated), clock)
    return link if settings.line is None else settings.line(link)


def _pn532(settings: PortSettings, clock: Clock) -> ChipReader:
    from drivers.reader.pn532 import Pn532Config, Pn532Reader

    link = serial_line(settings, settings.baud, clock)
    return Pn532Reader(link, Pn532Config(fast_baud=settings.fast_baud or None), clock)


def _pcsc(settings: PortSettings, clock: Clock) -> ChipReader:
    from drivers.reader.pcsc import PcscReader
    from drivers.reader.pcsc_service import ANY_READER, PcscConfig

    largest = settings.max_response_bytes
    if largest and not SHORT_RESPONSE_BYTES <= largest <= LARGEST_RESPONSE_BYTES:
        raise DeviceError(
            "configure the PC/SC reader",
            f"max_response_bytes is {SHORT_RESPONSE_BYTES} to {LARGEST_RESPONSE_BYTES}, or 0 to ask it",
        )
    return PcscReader(PcscConfig(settings.name or ANY_READER, not settings.shared, largest), clock)


def _vpcd(settings: PortSettings, clock: Clock) -> ChipReader:
    from drivers.reader.vpcd import DEFAULT_ADDRESS, VpcdConfig, VpcdReader, parse_address

    if not settings.emulated:
        raise DeviceError(
            "configure the vpcd reader", "whoever reaches the socket is a chip; only emulated hardware may be (emulated = true)"
        )
    return VpcdReader(VpcdConfig(*parse_address(settings.name or DEFAULT_ADDRESS)), clock)


def _mrz_serial(settings: PortSettings, clock: Clock) -> MrzReader:
    from drivers.reader.mrz_profiles import mrz_profile
    from drivers.reader.mrz_serial import SerialMrzReader

    profile = mrz_profile(settings.profile)
    link = serial_line(settings, settings.baud, clock)
    return SerialMrzReader(link, clock, profile)


def _boarding_pass_serial(settings: PortSettings, clock: Clock) -> BoardingPassReader:
    from drivers.reader.boarding_pass.frames import pass_profile
    from drivers.reader.boarding_pass.serial import SerialPassReader

    profile = pass_profile(settings.profile)
    link = serial_line(settings, settings.baud, clock)
    return SerialPassReader(link, clock, profile)


def _page_folder(settings: PortSettings, clock: Clock) -> PageReader:
    from drivers.page.folder import FolderPages

    return FolderPages(Path(settings.path), clock)


def _page_camera(settings: PortSettings, clock: Clock) -> PageReader:
    from drivers.camera.v4l2 import V4l2Camera, V4l2Settings
    from drivers.page.camera import CameraPages

    return CameraPages(V4l2Camera(V4l2Settings(settings.path, 1920, 1080, 10)), clock)


def _osdp(settings: PortSettings, clock: Clock, entropy: Entropy) -> GateUnit:
    from drivers.gate.osdp import OsdpConfig, OsdpGate
    from drivers.gate.osdp_layout import ANY_MAKE, parse_units

    layout = parse_units(settings.boards or f"{settings.address}:{ANY_MAKE}", settings.wiring)
    config = OsdpConfig(settings.token_key or settings.key, settings.address, layout=layout, unit_keys=settings.unit_keys)
    return OsdpGate(serial_line(settings, settings.baud, clock), config, clock, entropy)


def _modbus(settings: PortSettings, clock: Clock, entropy: Entropy) -> GateUnit:
    from drivers.gate.modbus import ModbusConfig, ModbusGate
    from drivers.gate.modbus_boards import parse_layout

    del entropy  # Modbus has no secrets
    layout = parse_layout(settings.boards, settings.wiring)
    link = serial_line(settings, settings.baud, clock)
    return ModbusGate(link, ModbusConfig(layout), clock)


def _framed(settings: PortSettings, clock: Clock, entropy: Entropy) -> GateUnit:
    from drivers.gate.framed import FramedGate
    from drivers.gate.framed_barrier import wired
    from drivers.gate.framed_profile import load_profile

    del entropy  # such lines carry nothing secret
    profile = wired(load_profile(settings.profile), settings.wiring)
    link = serial_line(settings, profile.line.baud, clock)
    return FramedGate(link, profile, settings.address, clock)


def _files(settings: CameraSettings, wait: Wait) -> Camera:
    from drivers.camera.files import FileCamera

    if settings.controls is not None and settings.controls.asks_something:
        raise DeviceError(f"set camera {settings.path}", "a directory of images has no exposure, gain, focus or tilt to set")
    return FileCamera(Path(settings.path), settings.fps, wait)


def _video(settings: CameraSettings, wait: Wait) -> Camera:
    from drivers.camera.video import VideoCamera

    if settings.controls is not None and settings.controls.asks_something:
        raise DeviceError(f"set camera {settings.path}", "a video file has no exposure, gain, focus or tilt to set")
    return VideoCamera(Path(settings.path), settings.fps, wait)


def _v4l2(settings: CameraSettings, wait: Wait) -> Camera:
    from drivers.camera.controls import CameraControls
    from drivers.camera.v4l2 import V4l2Camera, V4l2Settings

    del wait  # a live camera keeps its own time
    return V4l2Camera(V4l2Settings(settings.path, fps=round(settings.fps), controls=settings.controls or CameraControls()))


CHIP_READERS: Mapping[str, Callable[[PortSettings, Clock], ChipReader]] = {"pn532": _pn532, "pcsc": _pcsc, "vpcd": _vpcd}
MRZ_READERS: Mapping[str, Callable[[PortSettings, Clock], MrzReader]] = {"mrz_serial": _mrz_serial}
BOARDING_PASS_READERS: Mapping[str, Callable[[PortSettings, Clock], BoardingPassReader]] = {
    "boarding_pass_serial": _boarding_pass_serial
}
PAGE_CAMERA = "page_camera"
"""The source of pages that gives pictures all the time, not one for each document."""
PAGE_READERS: Mapping[str, Callable[[PortSettings, Clock], PageReader]] = {"page_folder": _page_folder, PAGE_CAMERA: _page_camera}
GATE_UNITS: Mapping[str, Callable[[PortSettings, Clock, Entropy], GateUnit]] = {
    "osdp": _osdp,
    "modbus": _modbus,
    "framed": _framed,
}
GATE_UNITS_WITHOUT_A_KEY = frozenset({"modbus", "framed"})
"""Their lines carry no secrets and cannot prove who answers: the docs say where such a line may lie (L5)."""
CAMERAS: Mapping[str, Callable[[CameraSettings, Wait], Camera]] = {"files": _files, "v4l2": _v4l2, "video": _video}


def make_chip_reader(driver: str, settings: PortSettings, clock: Clock) -> ChipReader:
    """The chip reader of that name; raises DeviceError for a name that is not in the table or settings that cannot be."""
    return _chosen(CHIP_READERS, driver, "chip reader")(settings, clock)


def make_mrz_reader(driver: str, settings: PortSettings, clock: Clock) -> MrzReader:
    """The MRZ reader of that name; raises DeviceError."""
    return _chosen(MRZ_READERS, driver, "MRZ reader")(settings, clock)


def make_boarding_pass_reader(driver: str, settings: PortSettings, clock: Clock) -> BoardingPassReader:
    """The boarding pass reader of that name; raises DeviceError."""
    return _chosen(BOARDING_PASS_READERS, driver, "boarding pass reader")(settings, clock)


def make_page_reader(driver: str, settings: PortSettings, clock: Clock) -> PageReader:
    """The source of page pictures of that name; raises DeviceError."""
    return _chosen(PAGE_READERS, driver, "page reader")(settings, clock)


def make_gate_unit(driver: str, settings: PortSettings, clock: Clock, entropy: Entropy) -> GateUnit:
    """The gate unit of that name; `entropy` gives unpredictable bytes. Raises DeviceError."""
    return _chosen(GATE_UNITS, driver, "gate unit")(settings, clock, entropy)


def make_camera(driver: str, settings: CameraSettings, wait: Wait) -> Camera:
    """The camera of that name; `wait` blocks for seconds. Raises DeviceError."""
    return _chosen(CAMERAS, driver, "camera")(settings, wait)


def _chosen(table: Mapping[str, FactoryT], driver: str, kind: str) -> FactoryT:
    """The factory by its name: built in, or else brought by a package (drivers/plugins)."""
    if driver in table:
        return table[driver]
    from drivers.plugins import entry_points, find_plugin

    plugin = find_plugin(driver, kind)
    if plugin is not None:
        return cast(FactoryT, plugin.make)
    known = ", ".join([*sorted(table), *(entry.name for entry in entry_points())])
    raise DeviceError(f"choose the {kind}", f"there is no driver {driver!r}; known: {known}")
