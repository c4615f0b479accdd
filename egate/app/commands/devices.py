"""`egate devices`: what is plugged in, which blocks a lane's file needs for it, what a device says, and whether it is good.

Devices are only asked; no door is unlocked. Exit status: 0 all is well; 1 a device is not good, or nothing was found; 2 nothing
could be done.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.reader.pcsc_list import list_pcsc_readers
from egate.app.camera_config import CameraConfig
from egate.app.clock import SystemClock
from egate.app.config import ConfigError, DeviceConfig, LaneConfig, load_config
from egate.app.devices.camera_facts import camera_lines
from egate.app.devices.holders import Account, Holders, holder_words, holders_of, missing_permission, strangers
from egate.app.devices.places import Machine, Place, camera_places, emulated_place, serial_places
from egate.app.devices.recognise import recognise
from egate.app.devices.suggest import Found, suggest
from egate.app.devices.trial import Trial, try_camera, try_chip, try_gate, try_mrz, try_pass
from egate.app.devices.watching import Tell, watch_camera, watch_chip, watch_gate, watch_mrz, watch_pass
from egate.app.face_worker import make_camera
from egate.app.wiring import make_chip_device, make_gate_device, make_mrz_device, make_pass_device
from egate.model.errors import DeviceError
from egate.ports import Camera

WELL, FOUND = 0, 1
KINDS = ("mrz", "chip", "gate", "boarding_pass", "camera")
SECONDS = 5.0
LONGEST_S = 3600.0
WIDTHS = (40, 100)
"""Narrowest and widest column that text is wrapped at."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate devices`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "serial ports, cameras and smart card readers, who holds them, and what is not permitted")
    _lane(listing, required=False)
    suggesting = _action(actions, "suggest", "ask what is there, and print blocks for a lane's file")
    _lane(suggesting, required=False)
    suggesting.add_argument(
        "--port", action="append", default=[], type=Path, metavar="PATH", help="a pseudo terminal to ask as well; may be repeated"
    )
    suggesting.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="S",
        help="listen on silent ports for so long while you lay a document on the reader",
    )
    watching = _action(actions, "monitor", "show what a device says, a line for each event, until Ctrl-C")
    _kind(watching)
    watching.add_argument("--show-personal", action="store_true", help="show the lines of documents, which are personal data")
    trying = _action(actions, "test", "start a device, ask it for some seconds, and say how well it answers")
    _kind(trying)
    trying.add_argument("--seconds", type=float, default=SECONDS, metavar="N", help=f"how long to ask (default {SECONDS:g})")


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")


def _lane(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument("--config", type=Path, required=required, metavar="FILE", help="the lane's configuration")


def _kind(parser: argparse.ArgumentParser) -> None:
    _lane(parser, required=True)
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=f"one of {', '.join(KINDS)}")


def run(arguments: argparse.Namespace, machine: Machine | None = None) -> int:
    """Do one action on `machine`, by default this one; raises ConfigError or DeviceError with what to do."""
    for name, least in (("wait", 0.0), ("seconds", 0.1)):
        if not least <= getattr(arguments, name, least) <= LONGEST_S:
            raise ConfigError(f"--{name} must be from {least:g} to {LONGEST_S:g} seconds")
    return _ACTIONS[arguments.action](arguments, machine or Machine())


def _list(arguments: argparse.Namespace, here: Machine) -> int:
    ports = (*serial_places(here), *_emulated(arguments.config, ()))
    cameras = camera_places(here)
    _say_places("Serial ports", ports, here, "/dev/serial/by-path")
    _say_places("Cameras", cameras, here, "/dev/v4l/by-path")
    readers, trouble = _readers()
    _say("Smart card readers (PC/SC)")
    for line in (*readers, trouble) if trouble or readers else ("none",):
        if line:
            _say(line, "  ")
    return WELL if ports or cameras or readers else FOUND


def _say_places(title: str, places: Sequence[Place], machine: Machine, links: str) -> None:
    """Each place with its names, adapter, holders and permission."""
    _say(title)
    account = Account.current()
    hidden = 0
    for place in places:
        _say(str(place.stable or place.node), "  ")
        now = place.node.resolve().name if place.emulated else place.node.name
        about = "emulated" if place.emulated else place.adapter.words
        _say(" · ".join(part for part in (f"now {now}" if place.node.exists() else "not there now", about) if part), "    ")
        if place.stable is None:
            _say(f"no stable name; udev makes one in {links}", "    ")
        if place.node.exists():
            found = holders_of(place.node, machine, os.getpid())
            hidden = max(hidden, found.hidden)
            _say_state(found, missing_permission(place.node, account), emulated=place.emulated)
            for line in camera_lines(place.node) if place.node.name.startswith("video") else ():
                _say(line, "    ")
    if not places:
        _say("none", "  ")
    if hidden:
        count = f"{hidden} {'process' if hidden == 1 else 'processes'}"
        _say(f"({count} of other accounts could not be looked into; run this as root to see whether they hold a port)", "  ")


def _say_state(found: Holders, missing: str, *, emulated: bool) -> None:
    holders = holder_words(found)
    if holders:
        # An emulator keeps its own side of the line open, so that the name stays.
        _say(f"{'open in' if emulated else 'held by'} {holders}", "    ")
    if missing:
        _say(missing, "    ")
    if not holders and not missing:
        _say("free", "    ")


def _suggest(arguments: argparse.Namespace, here: Machine) -> int:
    places = (*serial_places(here), *_emulated(arguments.config, arguments.port))
    if arguments.wait:
        _note(f"Lay a document on each MRZ reader now and then; {arguments.wait:g} s for each silent port.")
    found = asyncio.run(_recognised(places, arguments.wait))
    readers, trouble = _readers()
    lines = suggest(found, readers, camera_places(here))
    for line in lines:
        print(line)  # noqa: T201 - the command's answer
    if trouble:
        _note(trouble)
    if not lines:
        _note("Nothing was found that a lane could use.")
    return WELL if lines else FOUND


async def _recognised(places: Sequence[Place], wait_s: float) -> list[Found]:
    """Every port asked, one after the other: adapters may share a bus."""
    clock = SystemClock()
    found = []
    for place in places:
        if place.stable is not None:
            _note(f"asking {place.stable} …")
        name = str(place.stable or place.node)
        found.append(Found(place, await recognise(name, clock, emulated=place.emulated, listen_s=wait_s)))
    return found


def _emulated(config: Path | None, further: Sequence[Path]) -> list[Place]:
    """The pseudo terminals that a configuration or a person names; the kernel does not list them."""
    named = list(further)
    if config is not None:
        lane = load_config(config)
        devices = (lane.mrz, lane.chip, lane.gate, lane.boarding_pass)
        named += [device.port for device in devices if device is not None and device.options.get("emulated") is True]
    return [emulated_place(path.absolute()) for path in named if not path.is_dir()]


def _readers() -> tuple[tuple[str, ...], str]:
    """The names of PC/SC readers, and why there may be none."""
    try:
        return list_pcsc_readers(), ""
    except DeviceError as error:
        return (), str(error)


def _monitor(arguments: argparse.Namespace, here: Machine) -> int:
    del here
    lane, clock = load_config(arguments.config), SystemClock()

    def tell(words: str) -> None:
        moment = datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC).astimezone()
        print(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}  {words}", flush=True)  # noqa: T201 - the command's answer

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_watch(arguments.kind, lane, clock, tell, show_personal=arguments.show_personal))
    return WELL


async def _watch(kind: str, lane: LaneConfig, clock: SystemClock, tell: Tell, *, show_personal: bool) -> None:
    """Start the device and tell what it says until somebody interrupts."""
    if kind == "camera":
        cameras = _cameras(lane)
        await asyncio.gather(
            *(_watch_camera(words if len(cameras) > 1 else "", cameras[words], clock, tell) for words in cameras)
        )
        return
    watches: Mapping[str, Callable[[], tuple[Any, Callable[[Any], Coroutine[object, object, None]]]]] = {
        "mrz": lambda: (make_mrz_device(lane.mrz, clock), lambda reader: watch_mrz(reader, tell, show_personal=show_personal)),
        "chip": lambda: (make_chip_device(lane.chip, clock), lambda reader: watch_chip(reader, clock, tell)),
        "gate": lambda: (make_gate_device(lane.gate, clock), lambda gate: watch_gate(gate, tell)),
        "boarding_pass": lambda: (make_pass_device(_device(lane, kind), clock), lambda reader: watch_pass(reader, tell)),
    }
    device, watch = watches[kind]()
    try:
        await device.start()
        tell("started; Ctrl-C ends")
        await watch(device)
    except DeviceError as error:
        raise DeviceError(error.doing, error.problem + _held(_device(lane, kind))) from None
    finally:
        await device.close()


def _test(arguments: argparse.Namespace, here: Machine) -> int:
    del here
    lane, clock, seconds = load_config(arguments.config), SystemClock(), arguments.seconds
    if arguments.kind == "camera":
        trials = {words: try_camera(camera, seconds, clock) for words, camera in _cameras(lane).items()}
        for words, tried in trials.items():
            _say_trial(f"camera: {words}", tried)
        return WELL if all(tried.good for tried in trials.values()) else FOUND
    device = _device(lane, arguments.kind)
    trial = asyncio.run(_trial(arguments.kind, lane, seconds, clock))
    if not trial.good:
        trial = Trial(trial.good, trial.verdict + _held(device), trial.lines)
    _say_trial(f"{arguments.kind}: {device.driver} on {device.options.get('name') or device.port}", trial)
    return WELL if trial.good else FOUND


def _say_trial(title: str, trial: Trial) -> None:
    _say(title)
    for line in trial.lines:
        print(line)  # noqa: T201 - the command's answer
    _say(trial.verdict, "  ")


async def _trial(kind: str, lane: LaneConfig, seconds: float, clock: SystemClock) -> Trial:
    if kind == "mrz":
        return await try_mrz(make_mrz_device(lane.mrz, clock), seconds, clock)
    if kind == "chip":
        return await try_chip(make_chip_device(lane.chip, clock), seconds, clock)
    if kind == "boarding_pass":
        return await try_pass(make_pass_device(_device(lane, kind), clock), seconds, clock)
    return await try_gate(make_gate_device(lane.gate, clock), seconds, clock)


def _device(lane: LaneConfig, kind: str) -> DeviceConfig:
    """The device's table; raises ConfigError for one that the lane does without."""
    device: DeviceConfig | None = getattr(lane, kind)
    if device is None:
        raise ConfigError(f"there is no [devices.{kind}] in the lane's configuration")
    return device


def _cameras(lane: LaneConfig) -> Mapping[str, Camera]:
    """Each of the lane's cameras by itself, set as the lane sets it."""
    config = lane.cameras or CameraConfig((lane.camera,))
    made = {words: make_camera(words, config.controls) for words in config.sources}
    cameras = {words: camera for words, camera in made.items() if camera is not None}
    if not cameras:
        raise ConfigError("[camera] source is none: there is no camera to look at")
    return cameras


async def _watch_camera(name: str, camera: Camera, clock: SystemClock, tell: Tell) -> None:
    camera.open()
    try:
        tell("started; Ctrl-C ends")
        await watch_camera(camera, clock, (lambda words: tell(f"{name}: {words}")) if name else tell)
    finally:
        camera.close()


def _held(device: DeviceConfig) -> str:
    """Who holds the port of a device that did not start, as the rest of a sentence; empty when nobody is seen to."""
    if not device.port.exists() or device.port.is_dir():
        return ""
    found = holders_of(device.port, Machine(), os.getpid())
    words = holder_words(strangers(found) if device.options.get("emulated") is True else found)
    return f"; the port is held by {words}" if words else ""


def _width() -> int:
    least, most = WIDTHS
    return min(most, max(least, shutil.get_terminal_size().columns))


def _say(text: str, indent: str = "") -> None:
    wrapped = textwrap.wrap(
        text, _width(), initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False, break_long_words=False
    )
    for line in wrapped:
        print(line)  # noqa: T201 - the command's answer


def _note(text: str) -> None:
    """For the person, not for the file that the answer is sent to."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - beside the command's answer


_ACTIONS: Mapping[str, Callable[[argparse.Namespace, Machine], int]] = {
    "list": _list,
    "suggest": _suggest,
    "monitor": _monitor,
    "test": _test,
}
