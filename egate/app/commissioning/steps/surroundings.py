"""What the lane stands on: its file, keys, trust, lists, clock, disk and log. Nothing here opens a device.

Each part is judged by the code that a starting lane runs (`egate.app.wiring.part_checks`), so what it refuses is refused
here.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from egate.app.commissioning.bench import Bench
from egate.app.commissioning.findings import Diagnosis, Finding, Measure, bad, good, not_here, notice
from egate.app.config import ConfigError
from egate.app.configuring.checking import check_text
from egate.app.wiring import part_checks
from egate.model.errors import DeviceError, EgateError
from egate.storage.keys import load_sealing_public
from egate.storage.log import RESERVE_BYTES, LaneLog
from egate.supply.expiry import stale_soon
from egate.supply.folder import write_durably
from egate.supply.store import Supplied
from egate.watchlist.lists import Watchlists

OLDEST_TODAY = date(2026, 1, 1)
"""No machine that runs this program has an earlier day."""
LATEST_TODAY = date(2100, 1, 1)
LARGEST_KEY_BYTES = 16 * 1024
MOST_KEY_FILES = 64
COMFORTABLE_BYTES = 4 * RESERVE_BYTES
"""Free space below which somebody should make room, before the lane stops admitting."""
_SAID_ELSEWHERE = ("trust", "watchlists")


async def configuration(bench: Bench) -> list[Finding]:
    """The lane's file, as `egate config check` judges it; what has a step of its own is said there."""
    step = "configuration"
    problems = check_text(bench.text, bench.file.resolve().parent, str(bench.file), bench.clock).problems
    told = [problem for problem in problems if not problem.startswith(tuple(f"[{table}]" for table in _SAID_ELSEWHERE))]
    told = [problem for problem in told if "chmod 600" not in problem]
    if told:
        return [bad(step, "lane's file", Diagnosis.CONFIGURATION, problem) for problem in told]
    return [good(step, "lane's file", "the lane's file is sound; times and combinations are safe")]


async def keys(bench: Bench) -> list[Finding]:
    """Files that hold secrets are for the lane's account alone."""
    step, found = "keys", []
    files = _secret_files(bench)
    for path in files:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            found.append(
                bad(step, path.name, Diagnosis.KEY_READABLE, f"other accounts may read {path.name} (mode {mode:o}, must be 600)")
            )
    return found or [good(step, "key files", f"{len(files)} key files, each for this account alone")]


def _secret_files(bench: Bench) -> list[Path]:
    """Files with keys that the lane's file names, and private keys that lie beside them."""
    named = [bench.config.gate.options.get("key_file"), bench.config.watchlist_key, bench.config.keystore]
    files = {path for path in named if isinstance(path, Path) and path.is_file()}
    folders = {path.parent for path in files} | {bench.config.sealing_key.parent}
    if bench.config.terminal is not None:
        folders |= {bench.config.terminal, *(path for path in bench.config.terminal.glob("*") if path.is_dir())}
    for folder in folders:
        files |= {path for path in sorted(folder.glob("*"))[:MOST_KEY_FILES] if _is_private(path)}
    return sorted(files)


def _is_private(path: Path) -> bool:
    """Whether a file is a private key, by its armour; a link is judged by what it leads to."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_KEY_BYTES:
            return False
        return b"PRIVATE KEY-----" in path.read_bytes()
    except OSError:
        return False


async def trust(bench: Bench) -> list[Finding]:
    """The country certificates, and whether their lists are in date."""
    step = "trust"
    try:
        supplied = _part(bench, "trust")
    except (ConfigError, EgateError) as error:
        return [bad(step, "trust folder", Diagnosis.TRUST, str(error))]
    assert isinstance(supplied, Supplied)
    count = len(supplied.store.certificates)
    warnings = stale_soon(supplied, bench.today)
    found = []
    for warning in warnings:
        make = bad if warning.days <= 0 else notice
        found.append(make(step, warning.country, Diagnosis.STALE_TRUST, warning.text))
    return found or [
        good(step, "trust folder", f"{count} country certificates, nothing goes stale soon", Measure("certificates", count))
    ]


async def lists(bench: Bench) -> list[Finding]:
    """The signed lists: there, accepted, in force."""
    step = "lists"
    if bench.config.watchlists is None:
        return [notice(step, "lists", Diagnosis.NO_LISTS, "no lists are configured ([watchlists]); every traveller is referred")]
    try:
        opened = _part(bench, "watchlists")
    except (ConfigError, EgateError) as error:
        return [bad(step, "lists", Diagnosis.LISTS, str(error))]
    assert isinstance(opened, Watchlists)
    if not opened.headers:
        return [
            bad(step, "lists", Diagnosis.NO_LISTS, f"{bench.config.watchlists.name} holds no list; every traveller is referred")
        ]
    found = []
    for header in opened.headers:
        if header.valid_until < bench.today:
            found.append(bad(step, header.name, Diagnosis.STALE_LISTS, f"list {header.name} ended on {header.valid_until}"))
        elif header.issued > bench.today:
            found.append(
                bad(
                    step,
                    header.name,
                    Diagnosis.CLOCK,
                    f"list {header.name} begins on {header.issued}, after this machine's today",
                )
            )
    missing = [kind for kind, there in (("documents", opened.documents), ("persons", opened.persons)) if not there]
    if missing:
        found.append(bad(step, "lists", Diagnosis.NO_LISTS, f"there is no list of {missing[0]}; every traveller is referred"))
    return found or [
        good(step, "lists", f"{len(opened.headers)} lists, all in force today", Measure("lists", len(opened.headers)))
    ]


def _part(bench: Bench, table: str) -> object:
    """What the wiring makes of one table; raises as a starting lane does."""
    judge: Callable[[], object] = next(judge for name, judge in part_checks(bench.config, bench.clock) if name == table)
    return judge()


async def clock(bench: Bench) -> list[Finding]:
    """The machine's calendar clock, held against what it cannot be before."""
    step, today = "clock", bench.today
    earliest = max(OLDEST_TODAY, _newest_written(bench) - timedelta(days=1))
    if today < earliest or today > LATEST_TODAY:
        words = f"the machine says {today}; it cannot be before {earliest}, when files of this lane were written"
        return [bad(step, "machine's clock", Diagnosis.CLOCK, words)]
    return [good(step, "machine's clock", f"the machine says {today}, which can be")]


def _newest_written(bench: Bench) -> date:
    """The day on which the lane's file or its log was written last: a clock that was set back is before it."""
    days = [OLDEST_TODAY]
    for path in (bench.file, bench.config.database):
        if path.exists():
            days.append(date.fromtimestamp(path.stat().st_mtime))
    return max(days)


async def disk(bench: Bench) -> list[Finding]:
    """Room for passages."""
    step = "disk"
    try:
        free = bench.here.free_bytes(bench.config.database)
    except DeviceError as error:
        return [bad(step, "disk", Diagnosis.LOG_NOT_WRITABLE, str(error))]
    measure = Measure("free", round(free / 1024**2), "MiB", least=RESERVE_BYTES / 1024**2)
    if free < RESERVE_BYTES:
        return [bad(step, "disk", Diagnosis.DISK_FULL, "too little room: the lane admits nobody", measure)]
    if free < COMFORTABLE_BYTES:
        return [notice(step, "disk", Diagnosis.DISK_FULL, "little room is left", measure)]
    return [good(step, "disk", "there is room", measure)]


async def log(bench: Bench) -> list[Finding]:
    """The lane's own log: it opens as its only writer, and the disk takes a write. Its chain `egate sync` and the hub verify."""
    step, probe = "log", bench.config.database.with_suffix(".probe")
    try:
        opened = LaneLog.open(
            bench.config.database, bench.config.name, load_sealing_public(bench.config.sealing_key), bench.clock, "commissioning"
        )
    except EgateError as error:
        return [bad(step, "lane's log", Diagnosis.LOG_NOT_WRITABLE, str(error))]
    opened.close()
    try:
        write_durably(probe, b"commissioning")
        probe.unlink()
    except (OSError, EgateError) as error:
        return [bad(step, "lane's log", Diagnosis.LOG_NOT_WRITABLE, f"nothing can be written beside the log: {error}")]
    return [good(step, "lane's log", "it opens with one writer, and what is written beside it is durable")]


async def engine_note(bench: Bench) -> list[Finding]:
    """What this program does not test here."""
    return [
        not_here(
            "face engine", "face engine", f"`egate run --check --config {bench.file.name}` loads the models of the face engine"
        )
    ]
