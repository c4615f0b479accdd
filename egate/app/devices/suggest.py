"""Ready blocks for a lane's file, from what was found: valid TOML, with stable names, and never a name like ttyUSB0 (T2, L4)."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from drivers.gate.framed_profile import load_profile
from drivers.gate.modbus_boards import parse_layout
from egate.app.devices.places import Place
from egate.app.devices.recognise import Kind, Recognised
from egate.model.errors import DeviceError

CAMERA_FPS = 15
_DEFAULT_BAUD = {"devices.mrz": 9600, "devices.chip": 115_200, "devices.gate": 115_200}
DOORS = (
    "# What each door does without power, only who tried it can say: docs/wiring.md",
    *(
        line
        for door in ("entry", "exit")
        for line in (f"# [doors.{door}]", "# fail = …", "# escape_route = …", "# statement = …")
    ),
    "",
)
"""What no question to a device can find out, for a lane's file that has a gate unit."""
_SLOT = re.compile(r"( \d\d)+$")


@dataclass(frozen=True, slots=True)
class Found:
    """One port and what it turned out to be."""

    place: Place
    what: Recognised


@dataclass(frozen=True, slots=True)
class _Block:
    """One table with its keys as TOML, and a sentence about where it comes from."""

    reason: str
    table: str
    lines: tuple[str, ...]


def suggest(ports: Sequence[Found], readers: Sequence[str], cameras: Sequence[Place]) -> list[str]:
    """Lines of TOML. A second candidate for the same table, and a guess, stand there as comments to choose from."""
    blocks = [block for found in ports for block in _of_port(found)]
    blocks += [_of_reader(name) for name in readers]
    blocks += [_of_camera(place) for place in cameras if place.stable is not None]
    silent = [found for found in ports if found.what.kind is Kind.SILENT and found.place.stable is not None]
    guesses = [_of_silent(found) for found in silent]
    lines: list[str] = []
    taken: set[str] = set()
    for block in (*blocks, *guesses):
        # A guess is only as good as a find while there is one of it and nothing better.
        sure = block not in guesses or len(guesses) == 1
        lines += _written(block, commented=block.table in taken or not sure)
        taken |= {block.table} if sure else set()
    if "devices.gate" in taken:
        lines += DOORS
    lines += [line for found in ports for line in _left_over(found)]
    return lines


def _written(block: _Block, *, commented: bool) -> list[str]:
    content = [f"[{block.table}]", *block.lines]
    return [f"# {block.reason}", *(f"# {line}" if commented else line for line in content), ""]


def _of_port(found: Found) -> list[_Block]:
    """The block for a device that said what it is."""
    what, place = found.what, found.place
    if place.stable is None:
        return []
    if what.kind is Kind.PN532:
        # What answers at the raised speed is back at the speed of power-up once it is reset, which its driver expects.
        return [_Block(_reason(found), "devices.chip", ('driver = "pn532"', *_port(place)))]
    if what.kind is Kind.OSDP:
        key = 'key_file = "keys/gate.hex"  # 32 hex digits, mode 600; see docs/wiring.md'
        lines = ('driver = "osdp"', *_port(place), *_baud("devices.gate", what.baud), f"address = {what.address}", key)
        return [_Block(_reason(found), "devices.gate", lines)]
    if what.kind is Kind.MODBUS and what.boards:
        return [_Block(_reason(found), "devices.gate", ('driver = "modbus"', *_port(place), *_boards(what)))]
    if what.kind is Kind.FRAMED and load_profile(what.profile).complete:
        lines = ('driver = "framed"', *_port(place), f'profile = "{what.profile}"', f"address = {what.address}")
        return [_Block(_reason(found), "devices.gate", lines)]
    if what.kind is Kind.MRZ:
        lines = ('driver = "mrz_serial"', *_port(place), *_baud("devices.mrz", what.baud), f'profile = "{what.profile}"')
        return [_Block(_reason(found), "devices.mrz", lines)]
    return []


def _boards(what: Recognised) -> tuple[str, ...]:
    """The boards, and what their wiring still has to say; whether a contact is where it usually is, only a look can tell."""
    lines = (*_baud("devices.gate", what.baud), f"boards = {json.dumps(what.boards)}")
    try:
        parse_layout(what.boards)
    except DeviceError as error:
        return (*lines, f'# wiring = "NAME=BOARD.NUMBER …"  # {error.problem}')
    return (*lines, "# compare the profiles with the type plates, and the wiring with docs/wiring.md")


def _of_silent(found: Found) -> _Block:
    reason = _reason(found) + "; try: egate devices suggest --wait 20"
    return _Block(reason, "devices.mrz", ('driver = "mrz_serial"', *_port(found.place)))


def _of_reader(name: str) -> _Block:
    pattern = glob.escape(_SLOT.sub("", name)) + "*"
    return _Block(f"PC/SC reader {name}", "devices.chip", ('driver = "pcsc"', f"name = {json.dumps(pattern)}"))


def _of_camera(place: Place) -> _Block:
    source = f"v4l2:{place.stable}@{CAMERA_FPS}"
    return _Block(f"camera {place.adapter.words or place.node.name}", "camera", (f"source = {json.dumps(source)}",))


def _port(place: Place) -> tuple[str, ...]:
    lines = (f"port = {json.dumps(str(place.stable))}",)
    return (*lines, "emulated = true") if place.emulated else lines


def _baud(table: str, baud: int) -> tuple[str, ...]:
    return () if baud == _DEFAULT_BAUD[table] else (f"baud = {baud}",)


def _reason(found: Found) -> str:
    adapter = found.place.adapter.words
    return found.what.words + (f" ({adapter})" if adapter else "")


def _left_over(found: Found) -> list[str]:
    """A port that no block came from is named with the reason."""
    name = found.place.stable or found.place.node
    if found.place.stable is None:
        return [f"# {name}: it has no stable name; udev makes one in /dev/serial/by-path"]
    if found.what.kind in (Kind.CLOSED, Kind.TALKING):
        return [f"# {name}: {found.what.words}"]
    if found.what.kind is Kind.MODBUS and not found.what.boards:
        return [f"# {name}: {found.what.words}; no board profile has as much, see docs/wiring.md"]
    if found.what.kind is Kind.FRAMED and not (profile := load_profile(found.what.profile)).complete:
        return [f"# {name}: {found.what.words}; it is no gate unit: {profile.reason}"]
    return []
