"""Deciding what of a file becomes trusted, and why the rest does not.

Rule: nothing unverified becomes trusted. In order:
1. an anchor is pinned only when the operator typed its SHA-256 fingerprint; 2. a master list counts when its signer chains to a
pinned key (a State that is merely listed by another may vouch for its own documents, never for other States); 3. a single country
certificate counts when it is pinned, or when a trusted key of the same State signed it; 4. document signers, revocation lists
and deviation lists count when a trusted key of their State signed them, a defect list, which speaks about other States
too, when its signer chains to a pinned key; 5. older lists and what was withdrawn never come back.

Pure but for reading objects of the folder: the caller commits the drafts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from egate.model.errors import EgateError, MalformedData, TrustError
from egate.pki.certificate import Certificate, parse_certificate
from egate.pki.revocation import RevocationList, parse_revocation_list, revocation_scope, verify_revocation_list
from egate.pki.trust_store import TrustStore
from egate.supply.folder import Draft, Item
from egate.supply.holdings import Holdings, pinned
from egate.supply.journal import Entry
from egate.supply.lists import (
    NO_SIGNER,
    embedded_certificates,
    read_defect_list,
    read_deviation_list,
    read_master_list,
    signing_date,
)
from egate.supply.recognise import CERTIFICATE, DEFECT_LIST, DEVIATION_LIST, MASTER_LIST, REVOCATION_LIST, Piece, Refusal

MAXIMUM_PIECES = 200_000
"""Things in one file; the whole PKD has 35,000."""

_ORDER = {MASTER_LIST: 0, CERTIFICATE: 1, REVOCATION_LIST: 2, DEVIATION_LIST: 3, DEFECT_LIST: 4}
_KINDS = {
    "csca": CERTIFICATE,
    "signer": CERTIFICATE,
    "crl": REVOCATION_LIST,
    "deviations": DEVIATION_LIST,
    "defects": DEFECT_LIST,
    "list": MASTER_LIST,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator asked for: the day, the kind that all must be (empty: any), confirmed fingerprints, anchors given.

    `confirmed` are SHA-256 fingerprints that the operator typed; a certificate becomes an anchor only when its fingerprint is
    among them. `pin` says that single certificates of the file are meant as anchors.
    """

    today: date
    kind: str = ""
    confirmed: frozenset[str] = frozenset()
    anchors: tuple[bytes, ...] = field(repr=False, default=())
    pin: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What an import of one file did. The counters go by country; `gone` are certificates that the list of before had."""

    source: str
    verdicts: tuple[str, ...]
    new: Counter[str]
    known: Counter[str]
    renewed: Counter[str]
    refused: tuple[Refusal, ...]
    gone: tuple[tuple[str, str], ...]
    drafts: tuple[Draft, ...] = field(repr=False)
    objects: tuple[bytes, ...] = field(repr=False)


def plan_import(
    holdings: Holdings, source: str, source_sha256: str, pieces: Iterable[Piece | Refusal], request: Request
) -> Report:
    """Judge everything in one file against what is held. Raises MalformedData for a file with too many things in it."""
    work = _Import(holdings, source, source_sha256, request)
    found: list[Piece] = []
    for number, piece in enumerate(pieces, start=1):
        if number > MAXIMUM_PIECES:
            raise MalformedData(f"reading {source}", f"more than {MAXIMUM_PIECES} things in one file")
        if isinstance(piece, Refusal):
            work.refused.append(piece)
        else:
            found.append(piece)
    for piece in sorted(found, key=lambda piece: _ORDER[piece.kind]):
        work.take(piece)
    return work.report()


class _Import:
    """The work on one file: what is trusted so far, and what was found."""

    def __init__(self, holdings: Holdings, source: str, source_sha256: str, request: Request) -> None:
        self._holdings, self._request = holdings, request
        self._source, self._source_sha256 = source, source_sha256
        self._cscas = holdings.certificates("csca")
        self._keys = {(c.subject_country, c.public_key) for c in self._cscas.values()}
        self._pins = [held.sha256 for held in holdings.of("csca") if "anchor" in held.hows]
        self._revocations = {scope: crl for scope, (_, crl) in holdings.revocation_lists().items()}
        self._deviations = {country: found for country, (_, found) in holdings.deviation_lists().items()}
        self._defects = {country: found for country, (_, found) in holdings.defect_lists().items()}
        self._list_dates = holdings.signed_list_dates()
        self._store: TrustStore | None = None
        self._withdrawn: dict[bytes, Entry] | None = None
        self._items: dict[tuple[str, str, str], list[Item]] = {}
        self._drafts: list[Draft] = []
        self._objects: list[bytes] = []
        self._verdicts: list[str] = []
        self._gone: list[tuple[str, str]] = []
        self._new: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
        self._renewed: Counter[str] = Counter()
        self._taken: set[str] = set()
        self.refused: list[Refusal] = []

    def take(self, piece: Piece) -> None:
        """Judge one thing; what it does not deserve is named in `refused`."""
        wanted = self._request.kind
        takers = {
            MASTER_LIST: self._master_list,
            CERTIFICATE: self._certificate,
            REVOCATION_LIST: self._revocation_list,
            DEVIATION_LIST: self._deviation_list,
            DEFECT_LIST: self._defect_list,
        }
        try:
            if wanted and _KINDS[wanted] != piece.kind:
                raise TrustError("importing", f"it is a {piece.kind}, not what --as {wanted} asks for")
            takers[piece.kind](piece)
        except EgateError as error:
            self.refused.append(Refusal(piece.place, error.problem))

    def report(self) -> Report:
        """Everything that was decided; items that were judged one by one become one draft per kind and anchor."""
        for (kind, anchor, verdict), items in self._items.items():
            self._drafts.append(
                Draft("import", kind, self._source, self._source_sha256, anchor, verdict, tuple(dict.fromkeys(items)))
            )
            self._verdicts.append(f"{len(set(items))} × {kind}: {verdict}")
        return Report(
            self._source,
            tuple(self._verdicts),
            self._new,
            self._known,
            self._renewed,
            tuple(self.refused),
            tuple(self._gone),
            tuple(self._drafts),
            tuple(self._objects),
        )

    def _master_list(self, piece: Piece) -> None:
        """1. the anchors; 2. the signature; 3. a new anchor is pinned; 4. its certificates; 5. what it no longer lists."""
        known = pinned(self._cscas, self._pins)
        brought = self._brought_anchors(piece.der)
        try:
            listed = read_master_list(piece.der, {**known, **brought}, self._request.today)
        except TrustError as error:
            raise self._better(error, brought) from None
        name, country = listed.anchor_sha256, listed.anchor.subject_country
        self._refuse_older_list(piece.der, listed.anchor)
        items = [self._object("list", piece.der, "source")]
        if name in brought and name not in self._pins:
            items.append(self._pin(listed.anchor))
        for number, der in enumerate(listed.certificates, start=1):
            item = self._listed(der, f"{piece.place}, certificate {number}")
            items += [item] if item else []
        self._no_longer_listed(country, {item.sha256 for item in items})
        verdict = f"signature verified under the pinned key {name[:16]} of {country}"
        hashed = sha256(piece.der).hexdigest()
        self._drafts.append(Draft("import", MASTER_LIST, piece.place, hashed, name, verdict, tuple(dict.fromkeys(items))))
        size = len(listed.certificates)
        self._verdicts.append(f"{MASTER_LIST} with {size} certificate{'' if size == 1 else 's'}: {verdict}")

    def _better(self, error: TrustError, brought: Mapping[str, Certificate]) -> TrustError:
        """Of a list that was refused, although a fingerprint was given, what came of that; nobody is shown what to type."""
        if not self._request.confirmed or not error.problem.startswith(NO_SIGNER):
            return error
        problem = f"{NO_SIGNER}: no certificate given, held or in the list has the fingerprint that was given; a wrong digit?"
        if brought:
            problem = f"{error.problem}. The fingerprint that was given is of a certificate that did not make this list's signer"
        return TrustError(error.doing, problem)

    def _brought_anchors(self, list_der: bytes = b"") -> dict[str, Certificate]:
        """Certificates whose fingerprint the operator typed: from --anchor, held here, or in the list itself.

        Where they stand does not matter: the fingerprint is what the operator had from elsewhere.
        """
        confirmed = self._request.confirmed
        if not confirmed:
            return {}
        ders = (*self._request.anchors, *embedded_certificates(list_der))
        brought = {name: parse_certificate(der) for der in ders if (name := sha256(der).hexdigest()) in confirmed}
        return {**brought, **{name: self._cscas[name] for name in confirmed if name in self._cscas}}

    def _pin(self, certificate: Certificate) -> Item:
        """Make an anchor of a certificate whose fingerprint was confirmed."""
        problem = _unfit(certificate)
        if problem:
            raise TrustError("pinning a certificate", problem)
        item = self._object("csca", certificate.der, "anchor")
        self._pins.append(item.sha256)
        self._trust(certificate, item.sha256)
        return item

    def _listed(self, der: bytes, place: str) -> Item | None:
        """A certificate of a verified list; None when it cannot be used or was withdrawn."""
        name = sha256(der).hexdigest()
        if name in self._cscas:
            if name not in self._taken:
                self._taken.add(name)
                self._known[self._cscas[name].subject_country] += 1
            return Item("csca", name, "listed")
        try:
            certificate = parse_certificate(der)
        except MalformedData as error:
            self.refused.append(Refusal(place, error.problem))
            return None
        problem = _unfit(certificate) or self._why_withdrawn(name, certificate)
        if problem:
            self.refused.append(Refusal(place, problem, certificate.subject_country))
            return None
        self._trust(certificate, name)
        return self._object("csca", der, "listed")

    def _certificate(self, piece: Piece) -> None:
        certificate = parse_certificate(piece.der)
        if certificate.is_authority or "key_cert_sign" in certificate.key_usage:
            self._country_certificate(piece, certificate)
        else:
            self._document_signer(piece, certificate)

    def _country_certificate(self, piece: Piece, certificate: Certificate) -> None:
        """Pinned by its fingerprint, known already, or signed by a trusted key of its State."""
        name, country = sha256(piece.der).hexdigest(), certificate.subject_country
        if self._request.kind == "signer":
            raise TrustError("importing", "it is a country signing certificate, not what --as signer asks for")
        if self._request.pin and name in self._request.confirmed:
            known = name in self._holdings.held
            self._note("certificate", name, "pinned: the operator confirmed the fingerprint", self._pin(certificate))
            if known:
                self._known[country] += 1
            return
        if name in self._cscas:
            self._known[country] += 1
            return
        problem = _unfit(certificate) or self._why_withdrawn(name, certificate)
        if problem:
            self.refused.append(Refusal(piece.place, problem, country))
            return
        by = self._signer_of(certificate)
        if by is None:
            text = (
                "no trusted key of its State signed it. To trust it by itself, compare this SHA-256 fingerprint with one that "
                f"you got from the State by another way, and give --trust-anchor --fingerprint FINGERPRINT: {name}"
            )
            if self._request.pin and self._request.confirmed:  # whoever mistyped must not be shown what to type
                text = "it has not the fingerprint that was given: another certificate, or a wrong digit"
            self.refused.append(Refusal(piece.place, text, country))
            return
        self._trust(certificate, name)
        self._note(
            "certificate", by, f"signed by the trusted key {by[:16]} of {country}", self._object("csca", piece.der, "link")
        )

    def _document_signer(self, piece: Piece, certificate: Certificate) -> None:
        name, country = sha256(piece.der).hexdigest(), certificate.issuer_country
        if self._request.kind == "csca":
            raise TrustError("importing", "it is no country signing certificate, which --as csca asks for")
        if name in self._taken or name in self._holdings.held:
            self._known[country] += 1
            return
        by = self._signer_of(certificate)
        problem = self._why_withdrawn(name, certificate) or (
            "" if by else f"no trusted key of {country or 'its State'} signed it"
        )
        if problem or by is None:
            self.refused.append(Refusal(piece.place, problem, country))
            return
        self._taken.add(name)
        self._new[country] += 1
        item = self._object("signer", piece.der, "verified")
        self._note("document signers", by, f"signed by the trusted key {by[:16]} of {country}", item)

    def _revocation_list(self, piece: Piece) -> None:
        found, name = parse_revocation_list(piece.der), sha256(piece.der).hexdigest()
        known = self._revocations.get(found.scope)
        if name in self._holdings.held or name in self._taken:
            self._known[found.country] += 1
            return
        problem = self._why_withdrawn(name)
        if known is not None and found.is_older_than(known):
            problem = f"older ({found.this_update}) than the one we have ({known.this_update})"
        by = "" if problem else self._revocations_signer(found)
        if not by:
            self.refused.append(Refusal(piece.place, problem or "no trusted key of its State signed it", found.country))
            return
        self._taken.add(name)
        (self._new if known is None else self._renewed)[found.country] += 1
        self._revocations[found.scope] = found
        verdict = f"signed by the trusted key {by[:16]} of {found.country}"
        self._note("revocation list", by, verdict, self._object("crl", piece.der, "verified"))

    def _revocations_signer(self, found: RevocationList) -> str:
        """The fingerprint of the trusted certificate of the list's own State that signed it; empty when there is none."""
        for name, candidate in self._cscas.items():
            if revocation_scope(candidate.subject_country, candidate.subject) == found.scope:
                try:
                    verify_revocation_list(found, candidate.public_key)
                except TrustError:
                    continue
                return name
        return ""

    def _deviation_list(self, piece: Piece) -> None:
        name = sha256(piece.der).hexdigest()
        if name in self._holdings.held or name in self._taken:
            self._known.update(country for country, found in self._deviations.items() if found.der == piece.der)
            return
        found, issuer = read_deviation_list(piece.der, self._cscas.values(), self._deviations.values(), self._request.today)
        problem = self._why_withdrawn(name)
        if problem:
            self.refused.append(Refusal(piece.place, problem, found.country))
            return
        self._taken.add(name)
        (self._renewed if found.country in self._deviations else self._new)[found.country] += 1
        self._deviations[found.country] = found
        by = sha256(issuer.der).hexdigest()
        verdict = f"its signer chains to the trusted key {by[:16]} of {found.country}"
        self._note("deviation list", by, verdict, self._object("deviations", piece.der, "verified"))

    def _defect_list(self, piece: Piece) -> None:
        name = sha256(piece.der).hexdigest()
        if name in self._holdings.held or name in self._taken:
            self._known.update(country for country, found in self._defects.items() if found.der == piece.der)
            return
        brought = self._brought_anchors()
        anchors = {**pinned(self._cscas, self._pins), **brought}.values()
        held = self._defects.values()
        try:
            found, issuer = read_defect_list(piece.der, anchors, self._revocations.values(), held, self._request.today)
        except TrustError as error:
            raise self._better(error, brought) from None
        problem = self._why_withdrawn(name)
        if problem:
            self.refused.append(Refusal(piece.place, problem, found.country))
            return
        by = sha256(issuer.der).hexdigest()
        if by in brought and by not in self._pins:
            self._note("certificate", by, "pinned: the operator confirmed the fingerprint", self._pin(issuer))
        self._taken.add(name)
        (self._renewed if found.country in self._defects else self._new)[found.country] += 1
        self._defects[found.country] = found
        verdict = f"its signer chains to the pinned key {by[:16]} of {found.country}"
        self._note("defect list", by, verdict, self._object("defects", piece.der, "verified"))

    def _signer_of(self, certificate: Certificate) -> str | None:
        """The fingerprint of the trusted certificate, of the same State, whose key signed this one."""
        if self._store is None:
            self._store = TrustStore.from_parts(self._cscas.values(), "held", self._request.today)
        issuer = self._store.issuer_of(certificate, self._request.today)
        if issuer is None or issuer.subject_country != certificate.subject_country:
            return None
        return sha256(issuer.der).hexdigest()

    def _trust(self, certificate: Certificate, name: str) -> None:
        """Count a certificate as trusted from now on, in this import too."""
        key = (certificate.subject_country, certificate.public_key)
        if name not in self._cscas:
            (self._renewed if key in self._keys else self._new)[certificate.subject_country] += 1
        self._taken.add(name)
        self._cscas[name] = certificate
        self._store = None

    def _why_withdrawn(self, name: str, certificate: Certificate | None = None) -> str:
        """By its fingerprint; a certificate by what was signed too, because anybody can write its ECDSA signature in two ways."""
        entry = self._holdings.withdrawn.get(name)
        if entry is None and certificate is not None:
            entry = self._withdrawn_contents().get(certificate.signed_part)
        return f"it was withdrawn on {entry.when:%Y-%m-%d} by {entry.who}: {entry.why}" if entry else ""

    def _withdrawn_contents(self) -> dict[bytes, Entry]:
        """The signed part of each certificate that was withdrawn, read once."""
        if self._withdrawn is None:
            self._withdrawn = {}
            for name, entry in self._holdings.withdrawn.items():
                with suppress(MalformedData):
                    self._withdrawn[parse_certificate(self._holdings.folder.read_object(name)).signed_part] = entry
        return self._withdrawn

    def _refuse_older_list(self, der: bytes, anchor: Certificate) -> None:
        """A list signed before the one we have from that State would bring back what was dropped since."""
        country = anchor.subject_country
        known, signed = self._list_dates.get(country), signing_date(der, (anchor,))
        if known is not None and (signed is None or signed < known):
            raise TrustError(
                "taking a master list", f"older ({signed or 'undated'}) than the list of {country} we have ({known})"
            )
        if signed is not None:
            self._list_dates[country] = signed

    def _no_longer_listed(self, country: str, listed: set[str]) -> None:
        """Name what the State's list of before had and this one has not."""
        before = self._holdings.last_list(country)
        if before is None:
            return
        for item in self._holdings.folder.items(before):
            if item.kind == "csca" and item.how == "listed" and item.sha256 not in listed and item.sha256 in self._cscas:
                self._gone.append((item.sha256, self._cscas[item.sha256].subject_country))

    def _object(self, kind: str, der: bytes, how: str) -> Item:
        self._objects.append(der)
        return Item(kind, sha256(der).hexdigest(), how)

    def _note(self, kind: str, anchor: str, verdict: str, item: Item) -> None:
        """Collect an item for the draft of its kind and anchor."""
        self._items.setdefault((kind, anchor, verdict), []).append(item)


def _unfit(certificate: Certificate) -> str:
    """Why a certificate can be no trust anchor, by the trust store's own rule; empty when it can."""
    rejected = TrustStore.from_certificates([certificate.der], "import", date.min).rejected
    if rejected:
        return rejected[0].partition(": ")[2]
    return "" if certificate.subject_country else "it names no country"
