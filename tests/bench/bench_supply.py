"""How fast a lane has its trust: 588 certificates from the raw list, from the folder's objects, and from the cache."""

from __future__ import annotations

import io
import os
import random
import tempfile
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import perf_counter

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.pki.trust_store import TrustStore, load_master_list
from egate.supply.cache import CachePlace
from egate.supply.folder import TrustFolder
from egate.supply.lists import listed_certificates
from egate.supply.recognise import recognise_ldif
from egate.supply.store import load_trust
from tests.bench.row import BenchRow
from tests.unit.supply.supply_place import fingerprint, ldif, take

CERTIFICATES = 588
"""As many as the German list of 2026 has."""

RAW_LIMIT_MS, CACHE_LIMIT_MS = 600.0, 150.0
"""Goals of the project."""

LDIF_ENTRIES = 5000

_TODAY = date(2026, 11, 24)
_LISTS = ("DE_ML_2024-08-07-07-38-24.ml", "NL_MASTERLIST_20211207.mls")


def rows() -> list[BenchRow]:
    """Start-up with real certificates; with simulated ones where the lists are not on this machine."""
    issuer = SimulatedIssuer.create("UTO", random.Random(1).randbytes, _TODAY)
    anchor = issuer.csca_certificate
    certificates = _certificates(issuer)
    data = issuer.master_list(*certificates)
    anchors = TrustStore.from_certificates([anchor], "anchor", _TODAY)
    raw = _median_ms(lambda: load_master_list(data, anchors, "list", _TODAY))
    with tempfile.TemporaryDirectory() as name:
        folder = TrustFolder(Path(name) / "trust")
        take(folder, data, fingerprint(anchor))
        place = CachePlace.beside(Path(name) / "lane.db", os.urandom)
        objects = _median_ms(lambda: load_trust(folder, _TODAY))
        load_trust(folder, _TODAY, place)
        cached = _median_ms(lambda: load_trust(folder, _TODAY, place))
    count = len(certificates)
    return [
        BenchRow(f"trust store, {count} certificates, raw list", raw, "ms", "limit of the project", RAW_LIMIT_MS),
        BenchRow(f"trust store, {count} certificates, journal and objects", objects, "ms", "limit of the project", RAW_LIMIT_MS),
        BenchRow(f"trust store, {count} certificates, verified cache", cached, "ms", "limit of the project", CACHE_LIMIT_MS),
        BenchRow(f"trust store, {count} certificates, verified cache", cached, "ms", "raw list, same run", raw),
        _ldif_row(issuer),
    ]


def _certificates(issuer: SimulatedIssuer) -> list[bytes]:
    """588 different certificates: real ones as far as they are here, links of the simulated State for the rest."""
    root = (
        Path(os.environ.get("EGATE_SHARED", str(Path(__file__).resolve().parents[3] / "shared")))
        / "data"
        / "mrtd"
        / "masterlists"
    )
    found = {der: None for name in _LISTS if (root / name).exists() for der in listed_certificates((root / name).read_bytes())}
    state = issuer
    while len(found) < CERTIFICATES:
        state, link = state.roll_over()
        found[link] = None
    return list(found)[:CERTIFICATES]


def _ldif_row(issuer: SimulatedIssuer) -> BenchRow:
    """Reading an LDIF of document signers, against hashing the same bytes."""
    data = ldif(
        [(f"cn={n},o=dsc,c=UT,dc=data", "userCertificate;binary", issuer.signer.certificate) for n in range(LDIF_ENTRIES)]
    )
    read = _median_ms(lambda: list(recognise_ldif(io.BytesIO(data), "pkd")), 0.3)
    hashed = _median_ms(lambda: sha256(data).digest(), 0.1)
    megabytes = len(data) / 1e6
    return BenchRow("reading LDIF, per MB", read / megabytes, "ms", "SHA-256 of the same bytes", hashed / megabytes)


def _median_ms(call: Callable[[], object], seconds: float = 0.8) -> float:
    """The median time of a call, in milliseconds, after one call to warm up."""
    call()
    times: list[float] = []
    while sum(times) < seconds * 1000 or len(times) < 3:
        start = perf_counter()
        call()
        times.append((perf_counter() - start) * 1000)
    return median(times)
