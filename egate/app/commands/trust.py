"""`egate trust`: what a lane believes about States, who decided so, when and why.

Exit status: 0 all is well; 1 something was left out, or something needs attention; 2 nothing could be done.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.config import ConfigError, load_config
from egate.model.errors import MalformedData
from egate.pki.certificate import Certificate, parse_certificate
from egate.storage.keys import load_signing_key, load_verify_key
from egate.supply.expiry import WITHIN_DAYS, stale_soon
from egate.supply.folder import Authorship, Draft, Item, TrustFolder
from egate.supply.holdings import Holdings, find_one, fingerprint_of, holdings_of
from egate.supply.importing import Report, Request, plan_import
from egate.supply.journal import Entry, checked_text
from egate.supply.lists import listed_certificates
from egate.supply.names import printable
from egate.supply.recognise import Piece, hash_file, recognise_file
from egate.supply.store import load_trust, loose_files
from egate.supply.views import (
    Paint,
    certificate_lines,
    counted,
    diff_lines,
    entry_lines,
    list_lines,
    list_values,
    report_lines,
    warning_lines,
)

WELL, ATTENTION, FAILED = 0, 1, 2

SENTENCE = 80
"""Columns of a sentence, as the reports have them."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"#?\d{1,6}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate trust`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    taking = _action(
        actions, "import", "take in master lists, certificates, revocation, deviation and defect lists or an LDIF of the ICAO PKD"
    )
    taking.add_argument("files", nargs="+", type=Path, metavar="FILE")
    _author(taking)
    taking.add_argument(
        "--anchor",
        action="append",
        default=[],
        metavar="CERTIFICATE|FINGERPRINT",
        help="the State's certificate that a list is verified under",
    )
    taking.add_argument(
        "--fingerprint", action="append", default=[], metavar="SHA256", help="its fingerprint, from another way than the file"
    )
    taking.add_argument(
        "--trust-anchor", action="store_true", help="trust the certificates of FILE by themselves; needs --fingerprint"
    )
    taking.add_argument(
        "--as",
        dest="kind",
        choices=("csca", "signer", "crl", "deviations", "defects", "list"),
        default="",
        help="refuse anything else",
    )
    taking.add_argument("--dry-run", action="store_true", help="say what would happen, and change nothing")
    listing = _action(actions, "list", "one line for each State")
    listing.add_argument("--json", action="store_true", help="for programs")
    showing = _action(actions, "show", "everything about a State or one certificate")
    showing.add_argument("what", metavar="STATE|FINGERPRINT")
    differing = _action(actions, "diff", "what came and what went between two states of trust")
    for name in ("before", "after"):
        differing.add_argument(name, metavar=name.upper(), help="a file, a folder, a day (2026-10-01) or an entry (#12)")
    ending = _action(actions, "expire", "what becomes stale soon; exit status 1 when something does")
    ending.add_argument(
        "--within", type=int, default=WITHIN_DAYS, metavar="DAYS", help=f"how far to look ahead (default {WITHIN_DAYS})"
    )
    taking_back = _action(actions, "withdraw", "trust something no longer, whoever lists it")
    taking_back.add_argument("what", metavar="FINGERPRINT")
    _author(taking_back)
    _action(actions, "log", "every change: who, when, why, from what, and with which verdict")


def run(args: argparse.Namespace) -> int:
    """Do one action; raises ConfigError, DeviceError, TrustError or MalformedData with what to do."""
    work = _work(args)
    try:
        return _ACTIONS[args.action](args, work)
    except BrokenPipeError:
        # Whoever reads us (head, less) has seen enough; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WELL


@dataclass(frozen=True, slots=True)
class _Work:
    """What every action needs: the folder, the moment, and how to show things."""

    folder: TrustFolder
    now: datetime
    paint: Paint = field(repr=False)

    @property
    def today(self) -> date:
        return self.now.date()

    def holdings(self) -> Holdings:
        """What is held now; raises ConfigError when nothing was imported yet."""
        entries = self.folder.entries()
        if not entries:
            hint = "import something first; `egate trust import --help` says how"
            if loose_files(self.folder):
                hint = "it is a plain folder of files, which works as it is; the first `egate trust import` begins the journal"
            raise ConfigError(f"{self.folder.root} has no journal yet: {hint}")
        return holdings_of(self.folder, entries)


def _work(args: argparse.Namespace) -> _Work:
    root: Path | None = args.folder
    signer = None
    if args.config is not None:
        config = load_config(args.config)
        root = root or config.trust
        signer = load_verify_key(config.trust_signer) if config.trust_signer else None
    if root is None:
        raise ConfigError("say which trust folder: --folder DIRECTORY, or --config FILE for the one of a lane")
    now = datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, UTC)
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return _Work(TrustFolder(root, signer), now, Paint(colours))


def _import(args: argparse.Namespace, work: _Work) -> int:
    by = _authorship(args, work)
    request = _request(args, work)
    missing = [str(path) for path in args.files if not path.is_file()]
    if missing:
        raise ConfigError(f"no such file: {', '.join(missing)}")
    adopted, anchors = _adopt(args, work, by)
    if args.dry_run:
        request = _with_anchors(request, anchors)
    statuses = [_one_file(path, work, by, request, args) for path in args.files]
    if args.dry_run:
        _print(["nothing was changed (--dry-run)"])
    if all(status == FAILED for status in statuses):
        return FAILED
    return ATTENTION if adopted or any(statuses) else WELL


def _one_file(path: Path, work: _Work, by: Authorship, request: Request, args: argparse.Namespace) -> int:
    """A file that is none of ours is named, and the others are still taken."""
    try:
        return _import_file(path, work, by, request, dry_run=args.dry_run)
    except MalformedData as error:
        _print([f"{work.paint.head(printable(path.name))}: {work.paint.bad('refused')}"])
        _print(textwrap.wrap(error.problem, SENTENCE, initial_indent="  ", subsequent_indent="  ", break_long_words=False))
        return FAILED


def _import_file(path: Path, work: _Work, by: Authorship, request: Request, *, dry_run: bool) -> int:
    """One file, whole or not at all, so that a stop between files leaves what was told as done."""
    hashed = hash_file(path)
    if dry_run:
        report = plan_import(holdings_of(work.folder, work.folder.entries()), path.name, hashed, recognise_file(path), request)
    else:
        with work.folder.locked():
            report = plan_import(
                holdings_of(work.folder, work.folder.entries()), path.name, hashed, recognise_file(path), request
            )
            if report.drafts:
                work.folder.commit(report.drafts, report.objects, by)
    _print(report_lines(report, work.paint))
    return _status(report)


def _status(report: Report) -> int:
    taken = report.new.total() + report.known.total() + report.renewed.total() + len(report.drafts)
    return (ATTENTION if taken else FAILED) if report.refused else WELL


def _adopt(args: argparse.Namespace, work: _Work, by: Authorship) -> tuple[int, list[bytes]]:
    """Begin the journal of a folder of files with what it trusts already: its certificates, and the lists one of them signed.

    Returns the exit status, and the certificates that are its anchors.
    """
    files = loose_files(work.folder)
    if work.folder.entries() or not files:
        return WELL, []
    pieces = {path: list(recognise_file(path)) for path in files}
    ders = [piece.der for path in files if path.suffix == ".cer" for piece in pieces[path] if isinstance(piece, Piece)]
    request = _with_anchors(Request(work.today, pin=True), ders)
    everything = [piece for path in files for piece in pieces[path]]
    with nullcontext() if args.dry_run else work.folder.locked():
        report = plan_import(holdings_of(work.folder, ()), str(work.folder.root), "", everything, request)
        drafts = [replace(draft, action="adopt") for draft in report.drafts]
        if not args.dry_run and drafts:
            why = f"what the folder trusted when its journal began ({by.why})"
            work.folder.commit(drafts, report.objects, replace(by, why=why))
    adopted = f"{work.folder.root} was a folder of files; its journal begins with what it trusted:"
    _print([*textwrap.wrap(adopted, SENTENCE, break_long_words=False), *report_lines(report, work.paint)])
    return (ATTENTION if report.refused else WELL), ders


def _with_anchors(request: Request, ders: list[bytes]) -> Request:
    """The request with certificates that this folder trusts as anchors already."""
    names = request.confirmed | {sha256(der).hexdigest() for der in ders}
    return replace(request, confirmed=names, anchors=(*request.anchors, *ders))


def _request(args: argparse.Namespace, work: _Work) -> Request:
    """The operator's words; raises ConfigError when a certificate comes without its fingerprint."""
    confirmed = {fingerprint_of(text) for text in args.fingerprint}
    anchors = []
    for text in args.anchor:
        if not Path(text).is_file():
            confirmed.add(fingerprint_of(text))
            continue
        for piece in recognise_file(Path(text)):
            if not isinstance(piece, Piece) or piece.kind != "certificate":
                raise ConfigError(f"--anchor {text}: this is not a certificate")
            _refuse_unconfirmed(piece.der, confirmed, f"--anchor {text}")
            anchors.append(piece.der)
    if args.trust_anchor and not confirmed:
        raise ConfigError("--trust-anchor needs --fingerprint SHA256, as the State published it by another way than the file")
    return Request(work.today, args.kind, frozenset(confirmed), tuple(anchors), pin=args.trust_anchor)


def _refuse_unconfirmed(der: bytes, confirmed: set[str], what: str) -> None:
    if sha256(der).hexdigest() not in confirmed:
        given = "another fingerprint was given" if confirmed else "no fingerprint was given"
        raise ConfigError(
            f"{what}: {given}. Get the SHA-256 fingerprint of this certificate from the State by another way (its web site, a "
            "letter, a colleague there), compare all 64 digits, and give it with --fingerprint. The file itself has "
            f"{sha256(der).hexdigest()}"
        )


def _withdraw(args: argparse.Namespace, work: _Work) -> int:
    by = _authorship(args, work)
    with work.folder.locked():
        holdings = work.holdings()
        name = find_one(holdings.held, args.what)
        draft = Draft(
            "withdraw",
            holdings.held[name].kind,
            name,
            name,
            "",
            f"no longer trusted: {name}",
            (Item("withdrawn", name, "withdrawn"),),
        )
        work.folder.commit([draft], [], by)
    lines = [f"{name} is trusted no longer; a lane learns it at its next start"]
    brought = [held for held in holdings.of("csca") if held.sha256 != name and all(e.anchor == name for e in held.entries)]
    if brought:
        came = "came only through what it vouched for. What was trusted stays so; withdraw what should not be:"
        lines += textwrap.wrap(f"{counted(len(brought), 'certificate')} {came}", SENTENCE)
        lines += [f"  {held.sha256}" for held in brought]
    _print(lines)
    return ATTENTION if brought else WELL


def _list(args: argparse.Namespace, work: _Work) -> int:
    holdings = work.holdings()
    _print(
        [json.dumps(list_values(holdings, work.today), indent=1)] if args.json else list_lines(holdings, work.today, work.paint)
    )
    return WELL


def _show(args: argparse.Namespace, work: _Work) -> int:
    holdings = work.holdings()
    country = args.what.upper()
    lines: list[str] = []
    if len(country) <= 3:
        for held in (*holdings.of("csca"), *holdings.signers_by_state().get(country, ())):
            certificate = holdings.certificate(held)
            if country in (certificate.subject_country, certificate.issuer_country):
                lines += certificate_lines(held, certificate, work.today, work.paint)
        lines += _list_lines(holdings, country)
        if not lines:
            raise ConfigError(f"nothing is held of {country}; `egate trust list` names the States")
    else:
        lines = _one(holdings, args.what, work)
    _print(lines)
    return WELL


def _list_lines(holdings: Holdings, country: str) -> list[str]:
    lines = []
    for held, crl in holdings.revocation_lists().values():
        if crl.country == country:
            period = f"{crl.this_update} to {crl.next_update or 'no end'}, {len(crl.serial_numbers)} revoked"
            lines += [f"revocation list {held.sha256}", f"  {period}", *(f"  {line}" for line in entry_lines(held.entries))]
    for held, found in holdings.deviation_lists().values():
        if found.country == country:
            what = f"  signed {found.signed or 'without a date'}, {len(found.entries)} deviations"
            lines += [f"deviation list {held.sha256}", what, *(f"  {line}" for line in entry_lines(held.entries))]
    for held, listed in holdings.defect_lists().values():
        if listed.country == country:
            what = f"  signed {listed.signed or 'without a date'}, about the documents of {counted(listed.count, 'signer')}"
            lines += [f"defect list {held.sha256}", what, *(f"  {line}" for line in entry_lines(held.entries))]
    return lines


def _one(holdings: Holdings, what: str, work: _Work) -> list[str]:
    name = find_one([*holdings.held, *holdings.withdrawn], what)
    if name in holdings.withdrawn:
        return [work.paint.bad(f"{name} was withdrawn"), *entry_lines([holdings.withdrawn[name]])]
    held = holdings.held[name]
    if held.kind in ("csca", "signer"):
        return certificate_lines(held, holdings.certificate(held), work.today, work.paint)
    return [
        work.paint.head(name),
        f"  {held.kind}, by {', '.join(held.hows)}",
        *(f"  {line}" for line in entry_lines(held.entries)),
    ]


def _diff(args: argparse.Namespace, work: _Work) -> int:
    before, after = (_certificates_at(text, work) for text in (args.before, args.after))
    _print(diff_lines(before, after, work.paint))
    return ATTENTION if before.keys() != after.keys() else WELL


def _certificates_at(text: str, work: _Work) -> Mapping[str, Certificate]:
    """The country certificates of a file (its signature is not verified here), a folder, a day or an entry."""
    path = Path(text)
    if path.is_dir():
        folder = TrustFolder(path)
        return _named(certificate.der for certificate in load_trust(folder, work.today).store.certificates)
    if path.is_file():
        pieces = [piece for piece in recognise_file(path) if isinstance(piece, Piece)]
        ders = [piece.der for piece in pieces if piece.kind == "certificate"]
        return _named(
            [*ders, *(der for piece in pieces if piece.kind == "master list" for der in listed_certificates(piece.der))]
        )
    return holdings_of(work.folder, _entries_until(text, work)).certificates("csca")


def _entries_until(text: str, work: _Work) -> list[Entry]:
    entries = work.folder.entries()
    if _DAY.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise ConfigError(f"{text} is no day of the calendar") from None
        return [entry for entry in entries if entry.when.date() <= day]
    if _NUMBER.fullmatch(text) and 1 <= int(text.lstrip("#")) <= len(entries):
        return list(entries[: int(text.lstrip("#"))])
    raise ConfigError(f"{text} is no file, no folder, no day (2026-10-01) and no entry of the journal (#1 to #{len(entries)})")


def _named(ders: Iterable[bytes]) -> dict[str, Certificate]:
    found = {}
    for der in ders:
        try:
            found[sha256(der).hexdigest()] = parse_certificate(der)
        except MalformedData:
            continue
    return found


def _expire(args: argparse.Namespace, work: _Work) -> int:
    if not 0 <= args.within <= 3650:
        raise ConfigError("--within takes 0 to 3650 days")
    warnings = stale_soon(load_trust(work.folder, work.today), work.today, args.within)
    _print(warning_lines(warnings, work.paint) or [f"nothing becomes stale within {args.within} days"])
    return ATTENTION if warnings else WELL


def _log(_args: argparse.Namespace, work: _Work) -> int:
    _print(entry_lines(work.holdings().entries))
    return WELL


_ACTIONS: Mapping[str, Callable[[argparse.Namespace, _Work], int]] = {
    "import": _import,
    "list": _list,
    "show": _show,
    "diff": _diff,
    "expire": _expire,
    "withdraw": _withdraw,
    "log": _log,
}


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
    parser.add_argument("--folder", type=Path, metavar="DIRECTORY", help="the trust folder")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the lane whose trust folder is meant")
    return parser


def _author(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", required=True, metavar="NAME", help="who decides this")
    parser.add_argument("--why", required=True, metavar="TEXT", help="for what reason; an auditor reads it")
    parser.add_argument(
        "--sign-with", type=Path, metavar="KEYFILE", help="sign the entry, where lanes ask for it ([trust] signer)"
    )


def _authorship(args: argparse.Namespace, work: _Work) -> Authorship:
    """Who changes the folder; where the lane asks for a signature nothing is written that it would refuse."""
    key = None if args.sign_with is None else load_signing_key(args.sign_with)
    signer = work.folder.signer
    if signer is not None and (key is None or key.public_key() != signer):
        raise ConfigError(
            "this lane takes a signed journal only: give --sign-with and the private key that belongs to [trust] signer"
        )
    if key is not None:
        work.folder.refuse_foreign_end(key.public_key())
    sign = None if key is None else key.sign
    return Authorship(checked_text(args.by, "--by"), checked_text(args.why, "--why"), work.now, sign)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201 - the command's answer
