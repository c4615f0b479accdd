"""`egate config`: check a lane's file, see what a change means, apply it so that it undoes itself, confirm it or go back.

Exit status: 0 all is well; 1 problems were found, files differ, or there was nothing to do; 2 nothing could be done.
"""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.config import ConfigError, parse_toml, read_config
from egate.app.configuring.checking import check_text
from egate.app.configuring.differing import change_lines, differences
from egate.app.configuring.versions import LONGEST_WAIT_MINUTES, Pending, Settled, VersionedFile

WELL, FOUND = 0, 1
MINUTES = 10
"""How long a change waits: enough for `egate run --check`, a start and one traveller."""
WIDTHS = (40, 100)
"""Narrowest and widest column that text is wrapped at."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate config`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    checking = _action(actions, "check", "list everything that is wrong with a file, at once")
    checking.add_argument("file", type=Path, metavar="FILE")
    checking.add_argument(
        "--instead-of",
        type=Path,
        metavar="FILE",
        help="judge it as if it stood in the place of this file, whose folder paths start from",
    )
    differing = _action(actions, "diff", "what differs between two files, and what it means")
    differing.add_argument("old", type=Path, metavar="OLD")
    differing.add_argument("new", type=Path, metavar="NEW", nargs="?", help="without it: OLD against the version before it")
    applying = _action(actions, "apply", "put a checked file in place of the lane's; it undoes itself unless it is confirmed")
    applying.add_argument("file", type=Path, metavar="FILE")
    _lane(applying)
    applying.add_argument(
        "--minutes",
        type=int,
        default=MINUTES,
        metavar="N",
        help=f"how long it waits to be confirmed, 1 to {LONGEST_WAIT_MINUTES} (default {MINUTES})",
    )
    _lane(_action(actions, "confirm", "keep the change that waits"))
    going_back = _action(actions, "rollback", "return to the version before, and keep what is taken away")
    _lane(going_back)
    going_back.add_argument("--overdue", action="store_true", help="only if a change was not confirmed in time; for a timer")


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")


def _lane(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the lane's configuration")


def run(arguments: argparse.Namespace) -> int:
    """Do one action; raises ConfigError or DeviceError with what to do."""
    return _ACTIONS[arguments.action](arguments)


def _check(arguments: argparse.Namespace) -> int:
    place: Path = arguments.instead_of or arguments.file
    problems = _print_findings(arguments.file, read_config(arguments.file), place.resolve().parent)
    pending = VersionedFile(place).pending()
    if pending is not None:
        _say(f"A change of {place} waits to be confirmed, {_until(pending)}.")
    return FOUND if problems else WELL


def _diff(arguments: argparse.Namespace) -> int:
    old, new = arguments.old, arguments.new
    if new is None:
        old, new = VersionedFile(arguments.old).previous, arguments.old
    changes = differences(*(parse_toml(read_config(path), str(path)) for path in (old, new)))
    for line in change_lines(changes, _width()):
        _say(line)
    _say(f"{len(changes)} {'key differs' if len(changes) == 1 else 'keys differ'}: {old} → {new}")
    return FOUND if changes else WELL


def _apply(arguments: argparse.Namespace) -> int:
    text, lane = read_config(arguments.file), VersionedFile(arguments.config)
    if _print_findings(arguments.file, text, lane.live.parent):
        _say("Nothing was changed.")
        return FOUND
    old = read_config(lane.live) if lane.live.exists() else ""
    changes = differences(_tables(old), parse_toml(text, str(arguments.file)))
    pending = lane.apply(text.encode("utf-8"), arguments.minutes, SystemClock().wall_ns())
    for line in change_lines(changes, _width()):
        _say(line)
    if pending is None:
        _say(f"{lane.live} is in place. There was no version before it, so it holds at once.")
        return WELL
    _say(f"Applied. It waits to be confirmed, {_until(pending)}. Restart the lane to use it; when it works:")
    _say(f"  egate config confirm --config {arguments.config}", wrap=False)
    _say("Otherwise the lane returns to the version before when it is started after that time.")
    return WELL


def _confirm(arguments: argparse.Namespace) -> int:
    if VersionedFile(arguments.config).confirm(SystemClock().wall_ns()):
        _say(f"Confirmed. {arguments.config} stays as it is; `egate config rollback` still returns to the version before.")
        return WELL
    _say("No change waits.")
    return FOUND


def _rollback(arguments: argparse.Namespace) -> int:
    lane = VersionedFile(arguments.config)
    if arguments.overdue:
        settled = lane.settle(SystemClock().wall_ns())
        _say(f"{settled.value[0].upper()}{settled.value[1:]}.")
        return WELL if settled is Settled.ROLLED_BACK else FOUND
    if not lane.rollback():
        _say("There is no other version to return to.")
        return FOUND
    _say(f"Returned to the version before. What was taken away is kept in {lane.undone.name}. Restart the lane to use it.")
    return WELL


def _print_findings(file: Path, text: str, base: Path) -> bool:
    """Show what is wrong; whether something is."""
    findings = check_text(text, base, str(file), SystemClock())
    for mark, entries in (("✗", findings.problems), ("·", findings.remarks)):
        for entry in entries:
            _say(f"{mark} {entry}", indent="  ")
    count = len(findings.problems)
    _say(f"{file} is sound." if not count else f"{file}: {count} {'problem' if count == 1 else 'problems'}.")
    return bool(count)


def _tables(text: str) -> Mapping[str, object]:
    """The tables of the file that is replaced; one that cannot be read has none."""
    try:
        return parse_toml(text, "the lane's file")
    except ConfigError:
        return {}


def _until(pending: Pending) -> str:
    """The deadline in words, in the machine's own time zone."""
    moment = datetime.fromtimestamp(pending.deadline_ns / 1e9, UTC).astimezone()
    return f"until {moment:%Y-%m-%d %H:%M:%S %Z}" if pending.deadline_ns else "but its marker is damaged, so it is undone"


def _width() -> int:
    least, most = WIDTHS
    return min(most, max(least, shutil.get_terminal_size().columns))


def _say(text: str, indent: str = "", *, wrap: bool = True) -> None:
    lines = textwrap.wrap(text, _width(), subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
    for line in lines if wrap and not text.startswith(" ") else [text]:
        print(line)  # noqa: T201 - the command's answer


_ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "check": _check,
    "diff": _diff,
    "apply": _apply,
    "confirm": _confirm,
    "rollback": _rollback,
}
