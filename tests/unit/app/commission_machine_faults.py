"""Faults of the machine and of what lies on it: lists, trust, disk, log, keys, clock, the lane's file. No device is opened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from egate.storage.keys import load_sealing_public
from egate.storage.log import LaneLog
from tests.unit.app.app_bench import TODAY
from tests.unit.app.commission_bench import ShiftedClock, Stand, make_stand, new_issuer


def unlisted(stand: Stand) -> None:
    text = stand.place.config.read_text()
    start, end = text.index("[watchlists]"), text.index("[officers]")
    stand.place.config.write_text(text[:start] + text[end:])


def no_lists(stand: Stand) -> None:
    for path in (stand.place.root / "lists").glob("*.list"):
        path.unlink()


def outdated_lists(stand: Stand) -> None:
    remade(stand, lists_of=TODAY - timedelta(days=30))


def broken_list(stand: Stand) -> None:
    path = stand.place.root / "lists" / "documents.list"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def stale_revocations(stand: Stand) -> None:
    old = new_issuer(TODAY - timedelta(days=400))
    remade(stand, issuer=old, revocations=old.revocation_list())


def no_trust(stand: Stand) -> None:
    (stand.place.root / "trust" / "utopia.cer").unlink()


def full(mebibytes: int) -> Callable[[Stand], None]:
    def break_it(stand: Stand) -> None:
        stand.here = replace(stand.here, free_bytes=lambda _path: mebibytes * 1024**2)

    return break_it


def held_log(stand: Stand) -> None:
    place = stand.place
    held = LaneLog.open(place.database, "UTO-A1", load_sealing_public(place.key("sealing.pub")), ShiftedClock(), "test")
    stand.plugged.append(held)


def log_is_folder(stand: Stand) -> None:
    stand.place.database.mkdir()


def readable(name: str) -> Callable[[Stand], None]:
    return lambda stand: stand.place.key(name).chmod(0o644)


def clock(days: int) -> Callable[[Stand], None]:
    def break_it(stand: Stand) -> None:
        stand.clock = ShiftedClock(days)

    return break_it


def edited(before: str, after: str) -> Callable[[Stand], None]:
    return lambda stand: stand.edit(before, after)


def no_officers(stand: Stand) -> None:
    for path in (stand.place.root / "officers").glob("*.pem"):
        path.unlink()


def remade(stand: Stand, **how: object) -> None:
    """The installation anew, made another way."""
    shutil.rmtree(stand.place.root)
    issuer = how.pop("issuer", None) or new_issuer()
    other = make_stand(stand.place.root, issuer, **how)  # type: ignore[arg-type]  # its own keywords
    stand.key = other.key
