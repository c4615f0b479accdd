"""`egate demo`: watch travellers cross a gate."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.config import ConfigError
from egate.app.demo.faces import ensure_demo_faces
from egate.app.demo.installation import make_installation
from egate.app.demo.me import FORGOTTEN, MEMORY, WHAT_HAPPENS, camera_name, camera_words, take_portrait
from egate.app.demo.narrator import Narrator
from egate.app.demo.play import Demo, DemoOptions, has_display, today_of
from egate.app.demo.processes import ProcessGroup
from egate.app.demo.story import TRAVELLERS, YOU, Face, Passport, Traveller, document_number, names
from egate.app.demo.world import ISSUER, World, simulated_state
from egate.app.nats_server import NatsServer

DEFAULT_PICTURES = Path("demo-output")
LISTED_ROUNDS = 1000
"""How many rounds of `--loop` have their own listed document."""

YOUR_TURN = "You are the officer: when the console calls, press 1 to 8 for a reason, then F5 to let through or F6 to lead back."
"""What `--attended` asks of the person who started it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate demo`."""
    parser.add_argument(
        "--me",
        nargs="?",
        const="",
        metavar="CAMERA",
        help="you are the traveller: with the first camera here, or with v4l2:DEVICE, a video file or a folder of pictures",
    )
    parser.add_argument("--traveller", choices=names(), metavar="NAME", help=f"one of {', '.join(names())}")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="varies documents, scenes and order (default 1)")
    parser.add_argument("--loop", action="store_true", help="go on like a day at the gate, until Ctrl-C")
    parser.add_argument("--headless", action="store_true", help="no windows; save pictures of both screens instead")
    parser.add_argument("--json", action="store_true", help="print one JSON object a passage and nothing else")
    parser.add_argument("--attended", action="store_true", help="leave referrals to you, at the officer's console")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="the simulated world moves X times faster")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the lane's whole installation in this new folder")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="where pictures go (default demo-output)")


def run(arguments: argparse.Namespace) -> int:
    """Play the demo; returns 0 when every traveller ended as they should."""
    options = _options(arguments)
    narrator = Narrator(quiet=options.as_json)
    try:
        return _play(arguments, options, narrator)
    except KeyboardInterrupt:
        narrator.say(
            "\nStopped. Every process of the demo has ended" + ("." if arguments.keep else ", and its folder is removed.")
        )
        raise


def _play(arguments: argparse.Namespace, options: DemoOptions, narrator: Narrator) -> int:
    faces = ensure_demo_faces(tell=lambda line: narrator.say(f"Demo faces: {line}."))
    signal.signal(signal.SIGTERM, _interrupt)
    camera, portrait = _yourself(arguments.me, narrator)
    clock = SystemClock()
    today = today_of(clock)
    issuer = simulated_state(today)
    with _folder(arguments.keep, in_memory=bool(camera)) as root:
        listed, revoked = _listed(options.seed), issuer.revocation_list()
        place, gate_key = make_installation(root, issuer.csca_certificate, today, listed, revoked, camera)
        token = secrets.token_hex(16)
        with NatsServer(root / "nats", token=token) as nats:
            world = World(place, SystemClock(options.speed), gate_key, faces, today)
            world.carry(Face.YOU, portrait)
            processes = ProcessGroup(root / "logs")
            demo = Demo(options, place, world, issuer, processes, nats.url, token, clock, narrator)
            if options.attended:
                narrator.say(YOUR_TURN)
            try:
                status = demo.play()
            finally:
                world.forget()
                narrator.finish()
        pictures = options.pictures if options.headless else None
        narrator.conclude(place.ledger, pictures, kept=None if camera else arguments.keep is not None, failed=bool(status))
    if camera:
        narrator.say(FORGOTTEN)
    return status


def _yourself(source: str | None, narrator: Narrator) -> tuple[str, bytes]:
    """The camera and the portrait of the person who started the demo; both empty without `--me`."""
    if source is None:
        return "", b""
    camera = camera_words(source)
    for line in WHAT_HAPPENS:
        narrator.say(line.format(camera=camera_name(camera)))
    narrator.say("Your portrait first: look into the camera.")
    portrait = asyncio.run(take_portrait(camera, narrator.say))
    narrator.say("Taken. Now the gate.")
    return camera, portrait


def _options(arguments: argparse.Namespace) -> DemoOptions:
    if not 0.1 <= arguments.speed <= 20:
        raise ConfigError("--speed must be from 0.1 to 20")
    headless = arguments.headless or not has_display()
    if headless and arguments.attended:
        raise ConfigError("--attended needs a display: you act at the officer's console")
    pictures = _pictures(arguments)
    if headless and pictures is not None:
        _require_folder("--pictures", pictures)
    return DemoOptions(
        travellers=_chosen(arguments.traveller) if arguments.me is None else YOU,
        seed=arguments.seed,
        loop=arguments.loop,
        headless=headless,
        as_json=arguments.json,
        speed=arguments.speed,
        attended=arguments.attended,
        pictures=pictures,
    )


def _pictures(arguments: argparse.Namespace) -> Path | None:
    """Where pictures of the screens go; nowhere with `--me`, which leaves nothing of anybody."""
    if arguments.me is None:
        return arguments.pictures or DEFAULT_PICTURES
    for option in ("keep", "pictures", "traveller"):
        if getattr(arguments, option) is not None:
            raise ConfigError(f"--{option} cannot be given with --me, which keeps nothing and plays you")
    return None


def _chosen(name: str | None) -> tuple[Traveller, ...]:
    return TRAVELLERS if name is None else tuple(traveller for traveller in TRAVELLERS if traveller.name == name)


def _listed(seed: int) -> list[tuple[str, str]]:
    """The documents on the demo's list: the listed travellers' own, and some that nobody here carries."""
    listed = [traveller for traveller in TRAVELLERS if traveller.passport is Passport.LISTED]
    numbers = [document_number(traveller, seed + round_number) for traveller in listed for round_number in range(LISTED_ROUNDS)]
    others = random.Random(seed)  # noqa: S311 - invented numbers, no secret
    return [(ISSUER, number) for number in (*numbers, *(f"X{others.randrange(10**8):08}" for _ in range(10_000)))]


@contextlib.contextmanager
def _folder(keep: Path | None, *, in_memory: bool) -> Iterator[Path]:
    """A folder for the installation, removed at the end unless it is to be kept; in memory, where there is such a place."""
    if keep is not None:
        _require_folder("--keep", keep)
        if any(keep.iterdir()):
            raise ConfigError(f"{keep} is not empty; --keep wants a new folder")
        yield keep.resolve()
        return
    if in_memory and not os.access(MEMORY, os.W_OK | os.X_OK):
        raise ConfigError(f"--me needs {MEMORY}, a folder in memory, so that nothing of you reaches a disk; mount one there")
    folder = Path(tempfile.mkdtemp(prefix="egate-demo-", dir=MEMORY if in_memory else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _require_folder(option: str, folder: Path) -> None:
    """Make the folder where there is none, for its owner alone; say in one line why that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{option} {folder}: no folder can be made there ({error.strerror}); name another one") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{option} {folder}: nothing can be written there; name another folder")


def _interrupt(_number: int, _frame: object) -> None:
    """SIGTERM ends the demo as Ctrl-C does: everything is stopped and removed on the way out."""
    raise KeyboardInterrupt
