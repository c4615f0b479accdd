"""`egate driver`: which drivers there are, and the conformance kit for any of them."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from drivers.conformance.bench import Outcome
from drivers.conformance.kit import AnyBench, checks_of, run_kit
from drivers.plugins import entry_points, load_plugin, package_of
from egate.app.clock import SystemClock
from egate.app.simulate.benches import all_benches, bench_of, built_in
from egate.model.errors import DeviceError

CLOCK_SPEED = 5.0
"""Emulators need not take the time that people and motors take."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate driver`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="every driver that can stand in a lane's configuration, and who brings it")
    check = actions.add_parser("check", help="run the conformance kit on a driver against its emulator; needs no device")
    check.add_argument("name", metavar="NAME", help="the driver, as `egate driver list` shows it")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; 0, or 1 when a check failed."""
    if arguments.action == "list":
        _list()
        return 0
    return asyncio.run(_check(bench_of(arguments.name, secrets.token_bytes)))


def _list() -> None:
    """A line for each driver; one that cannot be used says why."""
    checked, known = all_benches(secrets.token_bytes), built_in()
    for name, kind in known.items():
        _print(f"{name:20} {kind.value:20} built in, {len(checks_of(checked[name]))} checks")
    entries = entry_points()
    for entry in entries:
        who = package_of(entry)
        if entry.name in known:
            _print(f"{entry.name:20} {'–':20} {who}: not used, a built-in driver has this name")
            continue
        try:
            plugin = load_plugin(entry.name, entries)
        except DeviceError as error:
            _print(f"{entry.name:20} {'–':20} {who}: not usable, {error.problem}")
            continue
        if plugin is not None:
            _print(f"{entry.name:20} {plugin.kind.value:20} {who}{'' if plugin.emulate else ', brings no emulator'}")


async def _check(bench: AnyBench) -> int:
    """Every check as it ends, then how many failed."""
    count = dict.fromkeys(Outcome, 0)
    with tempfile.TemporaryDirectory(prefix="egate-") as folder:
        async for finding in run_kit(bench, Path(folder), SystemClock(CLOCK_SPEED)):
            count[finding.outcome] += 1
            _print(f"{finding.outcome.value:9} {finding.check}")
            if finding.words:
                _print(f"{'':9} {finding.words[0].upper()}{finding.words[1:]}.")
    failed = count[Outcome.FAILED]
    left_out = f", {count[Outcome.LEFT_OUT]} left out" if count[Outcome.LEFT_OUT] else ""
    _print(f"\n{bench.name}: {count[Outcome.PASSED]} checks passed, {failed} failed{left_out}.")
    return 1 if failed else 0


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
