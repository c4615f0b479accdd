"""Two simulated States and a trust folder, for the tests of the trust supply."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.supply.folder import Authorship, TrustFolder
from egate.supply.holdings import holdings_of
from egate.supply.importing import Report, Request, plan_import
from egate.supply.recognise import recognise_data

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
BY = Authorship("A. Officer", "monthly update", NOW)


def state(country: str = "UTO", seed: int = 1) -> SimulatedIssuer:
    """A State with keys that are the same in each run."""
    return SimulatedIssuer.create(country, random.Random(seed).randbytes, TODAY)


def fingerprint(der: bytes) -> str:
    return sha256(der).hexdigest()


def take(folder: TrustFolder, data: bytes, *confirmed: str, name: str = "file", pin: bool = False, kind: str = "") -> Report:
    """Import bytes as the command does: judged, then committed."""
    request = Request(TODAY, kind, frozenset(confirmed), (), pin=pin)
    with folder.locked():
        holdings = holdings_of(folder, folder.entries())
        report = plan_import(holdings, name, sha256(data).hexdigest(), recognise_data(data, name), request)
        if report.drafts:
            folder.commit(report.drafts, report.objects, BY)
    return report


def folder_with(path: Path, *states: SimulatedIssuer) -> TrustFolder:
    """A folder in which the States' certificates are pinned."""
    folder = TrustFolder(path)
    for each in states:
        take(folder, each.csca_certificate, fingerprint(each.csca_certificate), pin=True)
    return folder


def ldif(entries: Iterable[tuple[str, str, bytes]], fold: int = 76) -> bytes:
    """An LDIF as the PKD writes it: (name, attribute, value) for each entry."""
    lines = ["version: 1", ""]
    for name, attribute, value in entries:
        lines += [f"dn: {name}", "objectClass: top", "pkdVersion: 70", "sn: 1"]
        text = f"{attribute}:: {base64.b64encode(value).decode('ascii')}"
        lines.append(text[:fold])
        lines += [" " + text[start : start + fold - 1] for start in range(fold, len(text), fold - 1)]
        lines.append("")
    return "\n".join(lines).encode("ascii")
