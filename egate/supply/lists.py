"""Signed lists as the trust folder takes them: what they hold, and which trusted key they were verified under.

Rule: nothing of a list is handed out as verified before its signature is; `embedded_certificates` is for finding a certificate
whose fingerprint an operator already has from elsewhere, and for nothing else. Certificates and signers can be added to a signed
list by anybody without breaking its signature (RFC 5652 §5.1): what a list says of itself, its State and its day, is taken from
signers only whose signature holds and whom a trusted key certified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Any

from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import decoding, elements
from egate.pki.certificate import DEFECT_LIST_SIGNER, DEVIATION_LIST_SIGNER, MASTER_LIST_SIGNER, Certificate, parse_certificate
from egate.pki.cms import SignedData, Signer, find_signer_certificate, parse_signed_data, verify_signer
from egate.pki.defects import DefectList, parse_defect_list
from egate.pki.deviations import DeviationList, parse_deviation_list
from egate.pki.keys import CachedValue
from egate.pki.revocation import RevocationList
from egate.pki.trust_store import MAXIMUM_CERTIFICATES, TrustStore, verify_master_list

NO_SIGNER = "no trusted signer"
"""How the refusal of a list begins that nobody trusted signed."""


@dataclass(frozen=True, slots=True)
class VerifiedList:
    """The certificates of a master list (DER, one by one unread), the trusted certificate it was verified under, and its name."""

    certificates: tuple[bytes, ...] = field(repr=False)
    anchor: Certificate
    anchor_sha256: str


def read_master_list(der: bytes, anchors: Mapping[str, Certificate], today: date) -> VerifiedList:
    """Verify a master list against anchors; raises MalformedData or TrustError with what to do."""
    store = TrustStore.from_parts(anchors.values(), "anchors", today)
    try:
        certificates, signer = verify_master_list(der, store, today)
    except TrustError as error:
        raise TrustError(error.doing, f"{error.problem}; {_who_signed(der, store.certificates)}") from None
    anchor = store.issuer_of(signer, today)
    if anchor is None:
        raise TrustError("taking a master list", NO_SIGNER)
    return VerifiedList(certificates, anchor, sha256(anchor.der).hexdigest())


def read_deviation_list(
    der: bytes, cscas: Iterable[Certificate], held: Iterable[DeviationList], today: date
) -> tuple[DeviationList, Certificate]:
    """Verify a deviation list under the trusted keys; raises TrustError when nobody fit signed it or a newer one is held.

    Returns the list and the country certificate that its signer chains to.
    """
    store = TrustStore.from_parts(cscas, "CSCAs", today, deviations=held)
    found = store.with_deviations(der, today).deviations[-1]
    vouched = _vouched(parse_signed_data(der), store, DEVIATION_LIST_SIGNER, today)
    issuers = [issuer for _, issuer in vouched if issuer.subject_country == found.country]
    if not issuers:
        raise TrustError("taking a deviation list", "no trusted signer")
    return found, issuers[0]


def held_deviation_list(der: bytes, anchor: Certificate) -> DeviationList:
    """A deviation list that was taken in under `anchor`, a country certificate. Raises MalformedData or TrustError."""
    signed = parse_signed_data(der)
    vouched = _vouched(signed, _only(anchor), DEVIATION_LIST_SIGNER, date.min)
    if not vouched:
        raise TrustError("reading a deviation list", "it is not signed under the key that it was taken in under")
    return parse_deviation_list(der, replace(signed, signers=tuple(signer for signer, _ in vouched)), anchor.subject_country)


def read_defect_list(
    der: bytes, pinned: Iterable[Certificate], revocations: Iterable[RevocationList], held: Iterable[DefectList], today: date
) -> tuple[DefectList, Certificate]:
    """Verify a defect list under pinned keys; raises TrustError with what to do, or when a newer one is held.

    Returns the list and the pinned certificate that its signer chains to.
    """
    store = replace(TrustStore.from_parts(pinned, "pinned", today, None, revocations), defects=tuple(held))
    try:
        found = store.with_defects(der, store, today).defects[-1]
    except TrustError as error:
        raise TrustError(error.doing, f"{error.problem}; {_who_signed(der, store.certificates)}") from None
    vouched = _vouched(parse_signed_data(der), store, DEFECT_LIST_SIGNER, today)
    issuers = [issuer for _, issuer in vouched if issuer.subject_country == found.country]
    if not issuers:
        raise TrustError("taking a defect list", "no trusted signer")
    return found, issuers[0]


def held_defect_list(der: bytes, anchor: Certificate) -> DefectList:
    """A defect list that was taken in under `anchor`, a pinned certificate. Raises MalformedData or TrustError."""
    signed = parse_signed_data(der)
    vouched = _vouched(signed, _only(anchor), DEFECT_LIST_SIGNER, date.min)
    if not vouched:
        raise TrustError("reading a defect list", "it is not signed under the key that it was taken in under")
    return parse_defect_list(der, replace(signed, signers=tuple(signer for signer, _ in vouched)), anchor.subject_country)


def defect_list_to_cache(found: DefectList) -> CachedValue:
    """A verified list as plain values: its bytes, and what was found to be true of it."""
    return (found.der, found.country, found.signed.toordinal() if found.signed else None)


def defect_list_from_cache(cached: Any) -> DefectList:  # values from an authentic file
    """The list of `defect_list_to_cache`; MalformedData, ValueError or TypeError for anything else."""
    der, country, day = cached
    found = parse_defect_list(der, parse_signed_data(der), country)
    return replace(found, signed=None if day is None else date.fromordinal(day))


def deviation_list_to_cache(found: DeviationList) -> CachedValue:
    """A verified list as plain values: its bytes, and what was found to be true of it."""
    return (found.der, found.country, found.signed.toordinal() if found.signed else None, found.hash_oid)


def deviation_list_from_cache(cached: Any) -> DeviationList:  # values from an authentic file
    """The list of `deviation_list_to_cache`; MalformedData, ValueError or TypeError for anything else."""
    der, country, day, hash_oid = cached
    found = parse_deviation_list(der, parse_signed_data(der), country)
    return replace(found, signed=None if day is None else date.fromordinal(day), hash_oid=hash_oid)


def _only(anchor: Certificate) -> TrustStore:
    return TrustStore.from_parts((anchor,), "the anchor", date.min)


def _vouched(signed: SignedData, anchors: TrustStore, role: str, today: date) -> list[tuple[Signer, Certificate]]:
    """The signers that have this role and whose signature holds, each with the trusted certificate that certified him."""
    found = []
    for signer in signed.signers:
        certificate = find_signer_certificate(signer, signed.certificates)
        if certificate is None or role not in certificate.extended_key_usage:
            continue
        issuer = anchors.issuer_of(certificate, today)
        try:
            verify_signer(signed, signer, certificate)
        except TrustError:
            continue
        if issuer is not None:
            found.append((signer, issuer))
    return found


def embedded_certificates(der: bytes) -> tuple[bytes, ...]:
    """Every certificate in a master list, those of its signers first; none of them is verified. Empty for anything else."""
    try:
        return (*(certificate.der for certificate in parse_signed_data(der).certificates), *listed_certificates(der))
    except MalformedData:
        return ()


def listed_certificates(der: bytes) -> tuple[bytes, ...]:
    """The certificates that a master list lists, without verifying it: for comparing lists only. Raises MalformedData."""
    signed = parse_signed_data(der)
    with decoding("reading a master list"):
        version_and_set = elements(_content(elements(signed.content, 1)[0]), 2)
        return elements(_content(version_and_set[-1]), MAXIMUM_CERTIFICATES)


def _content(encoded: bytes) -> bytes:
    """The content of one DER value; call it inside `decoding`."""
    length = encoded[1]
    return encoded[2:] if length < 0x80 else encoded[2 + length - 0x80 :]


def _who_signed(der: bytes, pinned: Iterable[Certificate]) -> str:
    """Who claims to have signed a list, and what the operator can do about it."""
    signed = parse_signed_data(der)
    signers = [found for signer in signed.signers if (found := find_signer_certificate(signer, signed.certificates))]
    countries = sorted({certificate.issuer_country for certificate in signers}) or ["nobody we can name"]
    pinned, names = tuple(pinned), ", ".join(countries)
    if {certificate.subject_country for certificate in pinned}.isdisjoint(countries):
        return (
            f"it names {names} as its issuer. Pin that State's key: get its SHA-256 fingerprint from the State "
            "itself and give --anchor CERTIFICATE --fingerprint FINGERPRINT"
        )
    keys = sorted({certificate.authority_key_identifier.hex() for certificate in signers} - {""})
    if not {certificate.subject_key_identifier.hex() for certificate in pinned}.isdisjoint(keys):
        return (
            f"the pinned key of {names} made its signer, but the signature does not hold, or the time of the signer or of the "
            "key is over, or the signer was revoked. Get the list again, or a newer one"
        )
    held = {certificate.subject_key_identifier.hex() for certificate in _embedded(der)}
    where = "; its certificate comes with the list" if held.intersection(keys) else ""
    return (
        f"{names} is pinned, but not with the key that made this list's signer, which is the one with the key identifier "
        f"{', '.join(keys) or 'that it does not name'}{where}. Get the SHA-256 fingerprint of the certificate with that key from "
        f"the State itself and give {'--anchor FINGERPRINT' if where else '--anchor CERTIFICATE --fingerprint FINGERPRINT'}"
    )


def _embedded(der: bytes) -> list[Certificate]:
    """The certificates in a list that can be read, none of them verified."""
    found = []
    for one in embedded_certificates(der):
        with suppress(MalformedData):
            found.append(parse_certificate(one))
    return found


def signing_date(der: bytes, anchors: Iterable[Certificate]) -> date | None:
    """The day (UTC) on which a master list was signed under one of these certificates; None when it does not say.

    Raises MalformedData.
    """
    vouched = _vouched(parse_signed_data(der), TrustStore.from_parts(anchors, "anchors", date.min), MASTER_LIST_SIGNER, date.min)
    times = [signer.signing_time for signer, _ in vouched if signer.signing_time is not None]
    return max(times).date() if times else None
