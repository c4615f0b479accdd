"""Who holds a port, and what this account lacks to open it: read from /proc and from the port's own mode, nothing is opened."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from egate.app.devices.places import Machine

MOST_HOLDERS = 5
"""Named for one port; more are a number."""
EMULATORS = "drivers.sim."
"""The modules that a device is played by; as an interpreter's module they are the name of a process."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the port open."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds a port as far as this account may see; `hidden` processes belong to others and could not be looked into."""

    holders: tuple[Holder, ...] = ()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks: the number of the account, its groups in this session, and its name."""

    number: int
    groups: frozenset[int]
    name: str

    @classmethod
    def current(cls) -> Account:
        """The account of this process."""
        number = os.geteuid()
        try:
            name = pwd.getpwuid(number).pw_name
        except KeyError:
            name = str(number)
        return cls(number, frozenset((*os.getgroups(), os.getegid())), name)


def holders_of(node: Path, machine: Machine, own: int) -> Holders:
    """The processes that have `node` open, but for the process `own`."""
    target = os.path.realpath(node)
    found, hidden = [], 0
    for process in sorted(machine.proc.glob("[0-9]*"), key=lambda path: int(path.name) if path.name.isdigit() else 0):
        if process.name == str(own):
            continue
        try:
            links = [os.readlink(entry) for entry in (process / "fd").iterdir()]
        except PermissionError:
            hidden += 1
            continue
        except OSError:
            continue  # it ended meanwhile
        if target in links:
            found.append(Holder(int(process.name), _name_of(process)))
    return Holders(tuple(found), hidden)


def strangers(found: Holders) -> Holders:
    """Those who hold an emulated port beside its emulator, which has to."""
    return Holders(tuple(holder for holder in found.holders if not holder.name.startswith(EMULATORS)), found.hidden)


def missing_permission(node: Path, account: Account) -> str:
    """What `account` lacks to read and write `node`, as one sentence with the command to run; empty when nothing is."""
    try:
        state = os.stat(node)
    except OSError as error:
        return f"it cannot be looked at ({error.strerror})"
    if account.number == 0 or _may_open(state, account):
        return ""
    group, members = _group(state.st_gid)
    if not state.st_mode & stat.S_IRGRP or not state.st_mode & stat.S_IWGRP:
        return f"no permission, not even for its group {group}; a udev rule has to give it MODE 0660"
    if account.name in members:
        return f"no permission yet: {account.name} was added to group {group} after this session began; log in again"
    return f"no permission: it belongs to group {group}; run: usermod -aG {group} {account.name}"


def holder_words(found: Holders) -> str:
    """Who holds the port, in words; empty when nobody is seen to."""
    named = ", ".join(f"{holder.name} (process {holder.number})" for holder in found.holders[:MOST_HOLDERS])
    more = len(found.holders) - MOST_HOLDERS
    return named + (f" and {more} more" if more > 0 else "")


def _may_open(state: os.stat_result, account: Account) -> bool:
    """Whether the mode lets the account read and write; only the first class that fits counts, as in the kernel."""
    if state.st_uid == account.number:
        wanted = stat.S_IRUSR | stat.S_IWUSR
    elif state.st_gid in account.groups:
        wanted = stat.S_IRGRP | stat.S_IWGRP
    else:
        wanted = stat.S_IROTH | stat.S_IWOTH
    return state.st_mode & wanted == wanted


def _group(number: int) -> tuple[str, frozenset[str]]:
    """Name and members of a group."""
    try:
        entry = grp.getgrgid(number)
    except KeyError:
        return str(number), frozenset()
    return entry.gr_name, frozenset(entry.gr_mem)


def _name_of(process: Path) -> str:
    """The program; of an interpreter the module that it runs. Further arguments may be secrets and are not shown."""
    try:
        name = (process / "comm").read_text("utf-8", "replace").strip()
        words = (process / "cmdline").read_text("utf-8", "replace").split("\0")
    except OSError:
        name, words = "", []
    if name.startswith("python") and words[1:2] == ["-m"] and len(words) > 2:
        name = words[2]
    return "".join(character if character.isprintable() else "?" for character in name) or "a process without a name"
