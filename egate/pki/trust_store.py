"""The CSCA certificates that an agency believes, with their source and date, and how an issuer is found among them.

Rule: trust anchors are keys. An issuer is looked up by its key identifier and then by trying keys; never by name, because a
State changes its name and keeps its key, and link certificates have one name for two keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import CscaMasterList, decoding, elements
from egate.pki.certificate import (
    DEFECT_LIST_SIGNER,
    DEVIATION_LIST_SIGNER,
    ICAO_ROLES,
    MASTER_LIST_SIGNER,
    Certificate,
    parse_certificate,
    verify_certificate,
)
from egate.pki.cms import SignedData, Signer, find_signer_certificate, parse_signed_data, verify_signer
from egate.pki.defects import DefectList, KnownDefect, parse_defect_list
from egate.pki.deviations import DeviationList, parse_deviation_list
from egate.pki.keys import EllipticKey, RsaKey, SignatureKind, UnusableKey
from egate.pki.revocation import RevocationList, revocation_scope, verify_revocation_list
from egate.pki.signers import SignerIndex

MAXIMUM_CERTIFICATES = 4096
"""The largest master list has 588."""

_MASTER_LIST_CONTENT = "2.23.136.1.1.2"


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Trusted CSCA certificates of a `source` (a list, an agency), as of `dated`.

    `rejected` says why certificates of the source were left out (one text each); `revocations` holds the newest verified
    revocation list of each scope (a State); `signers` are document signers to look among, trusted by nobody; `deviations` are the
    verified deviation lists, `defects` the defect lists of pinned authorities. Build it with `from_certificates` from raw bytes,
    or with `from_parts` from a verified cache.
    """

    certificates: tuple[Certificate, ...] = field(repr=False)
    source: str
    dated: date
    rejected: tuple[str, ...] = ()
    revocations: Mapping[str, RevocationList] = field(repr=False, default_factory=dict)
    signers: SignerIndex = field(repr=False, default_factory=SignerIndex)
    deviations: tuple[DeviationList, ...] = field(repr=False, default=())
    defects: tuple[DefectList, ...] = field(repr=False, default=())
    _by_key_identifier: Mapping[bytes, tuple[Certificate, ...]] = field(repr=False, default_factory=dict)

    @staticmethod
    def from_certificates(certificates: Iterable[bytes], source: str, dated: date) -> TrustStore:
        """A store of these DER certificates. One that cannot be used is left out and named in `rejected`."""
        accepted: dict[bytes, Certificate] = {}
        rejected: list[str] = []
        for number, der in enumerate(certificates, start=1):
            if number > MAXIMUM_CERTIFICATES:
                raise TrustError("filling the trust store", f"more than {MAXIMUM_CERTIFICATES} certificates")
            problem = _take(der, accepted)
            if problem:
                rejected.append(f"certificate {number}: {problem}")
        everything = tuple(accepted.values())
        return replace(TrustStore.from_parts(everything, source, dated), rejected=tuple(rejected))

    @staticmethod
    def from_parts(
        certificates: Iterable[Certificate],
        source: str,
        dated: date,
        signers: SignerIndex | None = None,
        revocations: Iterable[RevocationList] = (),
        deviations: Iterable[DeviationList] = (),
    ) -> TrustStore:
        """A store of parts that were verified when they were taken (a cache): nothing is verified here, only indexed.

        `certificates` become trust anchors, `revocations` (one for each scope) and `deviations` are believed. Whoever keeps
        the parts protects them. The parts of a store are its fields of the same names.
        """
        everything = tuple(certificates)
        by_scope = {entry.scope: entry for entry in revocations}
        found = signers or SignerIndex()
        return TrustStore(everything, source, dated, (), by_scope, found, tuple(deviations), (), _index(everything))

    def issuer_of(self, certificate: Certificate, today: date) -> Certificate | None:
        """The trusted certificate whose key signed `certificate`, one valid today first; None when there is none."""
        expired: Certificate | None = None
        for candidate in self._candidates(certificate):
            try:
                verify_certificate(certificate, candidate.public_key)
            except TrustError:
                continue
            if candidate.is_valid_on(today):
                return candidate
            expired = expired or candidate
        return expired

    def _candidates(self, certificate: Certificate) -> Iterator[Certificate]:
        """By key identifier, then every other key of the right kind, the same State first."""
        named = (
            self._by_key_identifier.get(certificate.authority_key_identifier, ()) if certificate.authority_key_identifier else ()
        )
        yield from named
        kind = EllipticKey if certificate.scheme and certificate.scheme.kind is SignatureKind.ECDSA else RsaKey
        others = [entry for entry in self.certificates if isinstance(entry.public_key, kind) and entry not in named]
        yield from sorted(others, key=lambda entry: entry.subject_country != certificate.issuer_country)

    def with_revocations(self, revocations: RevocationList) -> TrustStore:
        """The store with one State's verified revocation list.

        Raises TrustError when no trusted key of that State signed it, or when it is older than the one we have (rollback).
        """
        doing = "taking a revocation list"
        known = self.revocations.get(revocations.scope)
        if known is not None and revocations.is_older_than(known):
            raise TrustError(doing, "older than the one we have")
        authorities = [entry for entry in self.certificates if entry.subject_country == revocations.country]
        same_scope = [entry for entry in authorities if _scope_of_subject(entry) == revocations.scope]
        if not any(_signed_list(entry, revocations) for entry in same_scope):
            raise TrustError(doing, "not signed by a trusted key of its State")
        return replace(self, revocations={**self.revocations, revocations.scope: revocations})

    def revocations_for(self, certificate: Certificate) -> RevocationList | None:
        """The list that would name a certificate if it were revoked; None when we have none."""
        return self.revocations.get(revocation_scope(certificate.issuer_country, certificate.issuer))

    def is_revoked(self, certificate: Certificate) -> bool:
        """Whether the list of the certificate's State names it, or a defect list as one that is revoked."""
        revocations = self.revocations_for(certificate)
        listed = revocations is not None and certificate.serial_number in revocations.serial_numbers
        return listed or any(known.revokes for known in self.defects_of(certificate))

    def defects_of(self, certificate: Certificate) -> tuple[KnownDefect, ...]:
        """What all defect lists say about the documents of this signer."""
        return tuple(dict.fromkeys(known for listed in self.defects for known in listed.about(certificate)))

    def with_links(self, candidates: Iterable[Certificate], today: date) -> TrustStore:
        """The store with those candidates that a trusted key of the same State certified: its newer keys and names.

        A link certificate carries trust from an older key to a newer one (Doc 9303-12 §7.1), over as many steps as the
        candidates have; only between certificates that may sign certificates, and only while both ends are valid.
        """
        able = {entry.der: entry for entry in candidates if not _why_no_anchor(entry) and entry.is_valid_on(today)}
        store, waiting = self, list(able.values())
        while True:
            linked = [entry for entry in waiting if store._links(entry, today)]
            if not linked:
                return store
            waiting = [entry for entry in waiting if entry not in linked]
            everything = (*store.certificates, *linked)
            store = replace(store, certificates=everything, _by_key_identifier=_index(everything))

    def _links(self, certificate: Certificate, today: date) -> bool:
        if certificate in self.certificates:
            return False
        issuer = self.issuer_of(certificate, today)
        return issuer is not None and issuer.is_valid_on(today) and issuer.subject_country == certificate.subject_country

    def with_deviations(self, signed_list: bytes, today: date) -> TrustStore:
        """The store with a State's verified deviation list, which replaces an older one of that State.

        1. the CMS; 2. a signer for deviation lists, valid today, whose trusted CSCA is valid today; 3. his signature;
        4. no older than the one we have. Raises MalformedData or TrustError.
        """
        doing = "taking a deviation list"
        signed = parse_signed_data(signed_list)
        signer, certificate = self._trusted_signer(signed, DEVIATION_LIST_SIGNER, today, doing)
        issuer = self.issuer_of(certificate, today)
        his = replace(signed, signers=(signer,))  # anybody can add signers, with days and hash functions of his choice
        found = parse_deviation_list(signed_list, his, "" if issuer is None else issuer.subject_country)
        others = tuple(entry for entry in self.deviations if entry.country != found.country)
        for known in self.deviations:
            if known.country == found.country and found.is_older_than(known):
                raise TrustError(doing, "older than the one we have")
        return replace(self, deviations=(*others, found))

    def with_defects(self, signed_list: bytes, pinned: TrustStore, today: date) -> TrustStore:
        """The store with an authority's verified defect list, which replaces an older one of that authority.

        A defect list speaks about documents of any State, so its signer must chain to a certificate of `pinned`, the ones that
        the operator confirmed; being listed by another is not enough. 1. the CMS; 2. a signer for defect lists, valid today,
        whose pinned CSCA is valid today; 3. his signature; 4. no older than the one we have. Raises MalformedData or TrustError.
        """
        doing = "taking a defect list"
        signed = parse_signed_data(signed_list)
        signer, certificate = pinned._trusted_signer(signed, DEFECT_LIST_SIGNER, today, doing)
        issuer = pinned.issuer_of(certificate, today)
        his = replace(signed, signers=(signer,))  # as for deviation lists
        found = parse_defect_list(signed_list, his, "" if issuer is None else issuer.subject_country)
        for known in self.defects:
            if known.country == found.country and found.is_older_than(known):
                raise TrustError(doing, "older than the one we have")
        return replace(self, defects=(*(entry for entry in self.defects if entry.country != found.country), found))

    def _trusted_signer(self, signed: SignedData, usage: str, today: date, doing: str) -> tuple[Signer, Certificate]:
        """The first signer that has the role `usage`, is valid today, trusted, and whose signature holds; else TrustError."""
        for signer in signed.signers:
            certificate = find_signer_certificate(signer, signed.certificates)
            if certificate is None or usage not in certificate.extended_key_usage or not certificate.is_valid_on(today):
                continue
            issuer = self.issuer_of(certificate, today)
            if issuer is None or not issuer.is_valid_on(today) or self.is_revoked(certificate):
                continue
            try:
                verify_signer(signed, signer, certificate)
            except TrustError:
                continue
            return signer, certificate
        raise TrustError(doing, "no trusted signer")


def verify_master_list(data: bytes, anchors: TrustStore, today: date) -> tuple[tuple[bytes, ...], Certificate]:
    """The certificates (DER) of a signed master list and who signed it (Doc 9303-12 §9). Raises MalformedData or TrustError.

    1. read the CMS; 2. its content is a master list; 3. one signer has a certificate for signing master lists that is valid
    today and whose issuer is a trusted one that is valid today; 4. that signer's signature holds; 5. take the list apart.
    """
    doing = "taking a master list"
    signed = parse_signed_data(data)
    if signed.content_type != _MASTER_LIST_CONTENT:
        raise TrustError(doing, "not a master list")
    _, certificate = anchors._trusted_signer(signed, MASTER_LIST_SIGNER, today, doing)
    with decoding(doing):
        body = CscaMasterList.load(signed.content, strict=True)
        return elements(bytes(body["certificates"].contents), MAXIMUM_CERTIFICATES), certificate


def load_master_list(data: bytes, trusted_signers: TrustStore, source: str, today: date) -> TrustStore:
    """The store of a signed master list; see `verify_master_list`."""
    ders, _signer = verify_master_list(data, trusted_signers, today)
    return TrustStore.from_certificates(ders, source, today)


def _take(der: bytes, accepted: dict[bytes, Certificate]) -> str:
    """Add a certificate to `accepted` and return nothing, or return why not."""
    try:
        certificate = parse_certificate(der)
    except MalformedData as error:
        return error.problem
    problem = _why_no_anchor(certificate)
    if not problem:
        accepted[der] = certificate
    return problem


def _why_no_anchor(certificate: Certificate) -> str:
    """What keeps a certificate from being a CSCA's, or nothing.

    Some States' CSCA certificates say `cA` false or leave the extension out, so the key usage decides; without either there is
    no reason to believe that somebody may certify. A role that ICAO names (signer of lists, of seals) is never a CSCA's.
    """
    if isinstance(certificate.public_key, UnusableKey):
        return f"its key uses {certificate.public_key.problem}"
    if "key_cert_sign" not in certificate.key_usage and not (certificate.is_authority and not certificate.key_usage):
        return "it may not sign certificates"
    if any(usage.startswith(ICAO_ROLES) for usage in certificate.extended_key_usage):
        return "it is for another role than certifying"
    return ""


def _index(certificates: tuple[Certificate, ...]) -> dict[bytes, tuple[Certificate, ...]]:
    index: dict[bytes, tuple[Certificate, ...]] = {}
    for certificate in certificates:
        if certificate.subject_key_identifier:
            known = index.get(certificate.subject_key_identifier, ())
            index[certificate.subject_key_identifier] = (*known, certificate)
    return index


def _scope_of_subject(authority: Certificate) -> str:
    return revocation_scope(authority.subject_country, authority.subject)


def _signed_list(candidate: Certificate, revocations: RevocationList) -> bool:
    try:
        verify_revocation_list(revocations, candidate.public_key)
    except TrustError:
        return False
    return True
