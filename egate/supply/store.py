"""The trust store of a lane from its folder: from a cache that counts, else from the objects; or from a folder of files.

Rule: what the journal's chain and the objects' hashes do not prove never reaches the store, and a folder that does not hold
together stops the lane with a sentence that says what to do. A folder without a journal is read as it always was: `*.cer` are
anchors, and master lists (`*.ml`) count when one of them signed. Once a journal is there, loose files count no more, and are
named.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from pathlib import Path

from egate.model.errors import DeviceError, MalformedData
from egate.pki.certificate import Certificate
from egate.pki.revocation import parse_revocation_list
from egate.pki.signers import SignerIndex
from egate.pki.trust_store import TrustStore, load_master_list
from egate.supply.cache import CachePlace, read_cache, write_cache
from egate.supply.folder import TrustFolder, read_file
from egate.supply.holdings import holdings_of
from egate.supply.journal import Entry
from egate.supply.lists import (
    defect_list_from_cache,
    defect_list_to_cache,
    deviation_list_from_cache,
    deviation_list_to_cache,
    signing_date,
)

LARGEST_LOOSE_FILE_BYTES = 8 * 1024 * 1024
"""A certificate has a few kilobytes; a folder that holds more than this in one file holds something else."""

PLAIN = "plain folder"


@dataclass(frozen=True, slots=True)
class Supplied:
    """A lane's trust: the store, by State the day its newest list was signed, the journal's head (number and hash), what to log.

    `head_number` is 0 and `head` empty for a plain folder. `from_cache` says how it was made.
    """

    store: TrustStore
    list_dates: tuple[tuple[str, date], ...] = ()
    head_number: int = 0
    head: str = ""
    remarks: tuple[str, ...] = ()
    from_cache: bool = False
    history: tuple[str, ...] = field(repr=False, default=())
    """The hashes of all entries, to find an older head among them."""


def load_trust(folder: TrustFolder, today: date, place: CachePlace | None = None) -> Supplied:
    """Everything a lane believes. Raises TrustError, MalformedData or DeviceError; an empty store is for the caller to refuse."""
    entries = folder.entries()
    if not entries:
        return _load_plain(folder, today, place)
    head = entries[-1].sha256
    supplied = _from_cache(place, head, str(folder.root), today)
    if supplied is None:
        supplied = _from_objects(folder, entries, today)
        _keep(place, head, supplied)
    return replace(
        supplied,
        head_number=len(entries),
        head=head,
        history=tuple(entry.sha256 for entry in entries),
        remarks=tuple(
            f"{path.name} in {folder.root} is not used: the folder has a journal now; take it in with `egate trust import`"
            for path in loose_files(folder)
        ),
    )


def loose_files(folder: TrustFolder) -> list[Path]:
    """The certificates and master lists that lie in a folder as files, anchors first."""
    return [*sorted(folder.root.glob("*.cer")), *sorted(folder.root.glob("*.ml"))]


def _load_plain(folder: TrustFolder, today: date, place: CachePlace | None) -> Supplied:
    """A folder of files, as before there was a journal. The cache counts for one day, because validity is judged by the day."""
    files = {path: read_file(path, LARGEST_LOOSE_FILE_BYTES) for path in loose_files(folder)}
    hashes = "".join(f"{path.name} {sha256(data).hexdigest()}\n" for path, data in files.items())
    state = sha256(f"{PLAIN} {today}\n{hashes}".encode()).hexdigest()
    cached = _from_cache(place, state, str(folder.root), today)
    if cached is not None:
        return cached
    certificates = [data for path, data in files.items() if path.suffix == ".cer"]
    anchors = TrustStore.from_certificates(certificates, str(folder.root), today)
    dates: dict[str, date] = {}
    for path, data in files.items():
        if path.suffix == ".ml":
            listed = load_master_list(data, anchors, path.name, today)
            certificates += [certificate.der for certificate in listed.certificates]
            dates[path.name] = signing_date(data, anchors.certificates) or today
    supplied = Supplied(TrustStore.from_certificates(certificates, str(folder.root), today), tuple(dates.items()))
    _keep(place, state, supplied)
    return supplied


def _from_objects(folder: TrustFolder, entries: Sequence[Entry], today: date) -> Supplied:
    holdings = holdings_of(folder, entries)
    anchors = [holdings.certificate(held) for held in holdings.of("csca")]
    signers = SignerIndex.of(holdings.certificate(held) for held in holdings.of("signer"))
    revocations = [found for _, found in holdings.revocation_lists().values()]
    deviations = [found for _, found in holdings.deviation_lists().values()]
    store = TrustStore.from_parts(anchors, str(folder.root), today, signers, revocations, deviations)
    store = replace(store, defects=tuple(found for _, found in holdings.defect_lists().values()))
    return Supplied(store, tuple(sorted(holdings.list_dates().items())))


def _from_cache(place: CachePlace | None, state: str, source: str, today: date) -> Supplied | None:
    """What the cache says, when it counts for this state of the folder."""
    cached = None if place is None else read_cache(place, state)
    if cached is None:
        return None
    try:
        certificates, signers, revocations, deviations, defects, dates, rejected = cached
        store = TrustStore.from_parts(
            [Certificate.from_cache(entry) for entry in certificates],
            source,
            today,
            SignerIndex.from_cache(signers),
            [parse_revocation_list(der) for der in revocations],
            [deviation_list_from_cache(entry) for entry in deviations],
        )
        found = tuple((str(name), date.fromordinal(day)) for name, day in dates)
        known = tuple(defect_list_from_cache(entry) for entry in defects)
        return Supplied(replace(store, rejected=tuple(rejected), defects=known), found, from_cache=True)
    except (MalformedData, ValueError, TypeError):
        return None


def _keep(place: CachePlace | None, state: str, supplied: Supplied) -> None:
    """Write the cache. A lane that cannot write it starts more slowly, and no worse."""
    if place is None:
        return
    store = supplied.store
    value = (
        [certificate.to_cache() for certificate in store.certificates],
        store.signers.to_cache(),
        [revocations.der for revocations in store.revocations.values()],
        [deviation_list_to_cache(found) for found in store.deviations],
        [defect_list_to_cache(found) for found in store.defects],
        [(name, day.toordinal()) for name, day in supplied.list_dates],
        list(store.rejected),
    )
    with suppress(DeviceError):
        write_cache(place, state, value)
