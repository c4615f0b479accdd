"""What a desk believes: a trust folder with its journal, or a plain folder with the files that somebody was given.

Rule: with a journal only the journal counts, exactly as at a lane. In a plain folder every certificate that may certify is
believed, as whoever put it there asked for, and every list only when one of those certificates stands behind it; what is left out
is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from egate.app.config import ConfigError
from egate.model.errors import EgateError
from egate.pki.certificate import parse_certificate
from egate.pki.revocation import parse_revocation_list
from egate.pki.signers import SignerIndex
from egate.pki.trust_store import TrustStore, load_master_list
from egate.supply.folder import TrustFolder
from egate.supply.recognise import Piece, recognise_file
from egate.supply.store import load_trust

MOST_FILES = 2000
"""Files of one plain folder; the ICAO PKD comes as a few large ones."""

NO_TRUST = "nothing"
"""Source of the store when no trust folder was named."""


@dataclass(frozen=True, slots=True)
class Believed:
    """The store, the days of its lists, and what was left out."""

    store: TrustStore
    list_dates: tuple[tuple[str, date], ...] = ()
    remarks: tuple[str, ...] = ()
    head: str = ""


def believe(folder: Path | None, today: date) -> Believed:
    """The trust store of a folder, an empty one for None; raises ConfigError, TrustError, MalformedData or DeviceError."""
    if folder is None:
        return Believed(TrustStore.from_parts((), NO_TRUST, today))
    if not folder.is_dir():
        raise ConfigError(f"--trust {folder}: there is no such folder; make one with `egate trust import --folder {folder} …`")
    place = TrustFolder(folder)
    if place.has_journal:
        supplied = load_trust(place, today)
        return Believed(supplied.store, supplied.list_dates, supplied.remarks, f"{supplied.head_number} {supplied.head[:16]}")
    return _plain(folder, today)


def _plain(folder: Path, today: date) -> Believed:
    """1. certificates; 2. master lists signed by one of them; 3. revocation and deviation lists of theirs; defect lists of 1."""
    remarks: list[str] = []
    pieces = list(_pieces(folder, remarks))
    ders = [piece.der for piece in pieces if piece.kind == "certificate"]
    anchors = TrustStore.from_certificates(ders, str(folder), today)  # 1
    believed = [certificate.der for certificate in anchors.certificates]
    for piece in pieces:  # 2
        if piece.kind == "master list":
            listed = _taken(partial(load_master_list, piece.der, anchors, str(folder), today), piece, remarks)
            believed += [certificate.der for certificate in listed.certificates] if listed else []
    whole = TrustStore.from_certificates(believed, str(folder), today)
    others = [parse_certificate(der) for der in ders if der not in set(believed)]
    store = TrustStore.from_parts(whole.certificates, str(folder), today, SignerIndex.of(others))
    for piece in pieces:  # 3
        store = _with_list(store, anchors, piece, (today, remarks))
    dates = tuple((f"revocation list {scope}", found.this_update) for scope, found in store.revocations.items())
    return Believed(store, dates, tuple(remarks))


def _pieces(folder: Path, remarks: list[str]) -> Iterable[Piece]:
    files = sorted(path for path in folder.iterdir() if path.is_file())[:MOST_FILES]
    for path in files:
        try:
            for piece in recognise_file(path):
                if isinstance(piece, Piece):
                    yield piece
                else:
                    remarks.append(f"{piece.what}: {piece.why}")
        except EgateError as error:
            remarks.append(f"{path.name}: {error.problem}")


def _with_list(store: TrustStore, anchors: TrustStore, piece: Piece, work: tuple[date, list[str]]) -> TrustStore:
    today, remarks = work
    ways: dict[str, Callable[[], TrustStore]] = {
        "revocation list": lambda: store.with_revocations(parse_revocation_list(piece.der)),
        "deviation list": lambda: store.with_deviations(piece.der, today),
        "defect list": lambda: store.with_defects(piece.der, anchors, today),
    }
    way = ways.get(piece.kind)
    return (_taken(way, piece, remarks) or store) if way else store


def _taken(take: Callable[[], TrustStore], piece: Piece, remarks: list[str]) -> TrustStore | None:
    """What comes of a list, or None with a remark."""
    try:
        return take()
    except EgateError as error:
        remarks.append(f"{piece.place}: {error.problem}")
        return None
