"""Signed lists as the trust folder takes them: what they hold, and which trusted key they were verified under.

Rule: nothing of a list is handed out as verified before its signature is; `embedded_certificates` is for finding a certificate
whose fingerprint an operator already has from elsewhere, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import decoding, elements
from egate.pki.certificate import DEVIATION_LIST_SIGNER, Certificate
from egate.pki.cms import parse_signed_data
from egate.pki.deviations import DeviationList, parse_deviation_list
from egate.pki.trust_store import MAXIMUM_CERTIFICATES, TrustStore, verify_master_list


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
        raise TrustError(error.doing, f"{error.problem}; {_who_signed(der)}") from None
    anchor = store.issuer_of(signer, today)
    if anchor is None:
        raise TrustError("taking a master list", "no trusted signer")
    return VerifiedList(certificates, anchor, sha256(anchor.der).hexdigest())


def read_deviation_list(
    der: bytes, cscas: Iterable[Certificate], held: Iterable[DeviationList], today: date
) -> tuple[DeviationList, Certificate]:
    """Verify a deviation list under the trusted keys; raises TrustError when nobody fit signed it or a newer one is held.

    Returns the list and the country certificate that its signer chains to.
    """
    store = TrustStore.from_parts(cscas, "CSCAs", today, deviations=held)
    found = store.with_deviations(der, today).deviations[-1]
    for certificate in parse_signed_data(der).certificates:
        issuer = store.issuer_of(certificate, today)
        if DEVIATION_LIST_SIGNER in certificate.extended_key_usage and issuer is not None:
            return found, issuer
    raise TrustError("taking a deviation list", "no trusted signer")


def held_deviation_list(der: bytes) -> DeviationList:
    """A deviation list that was verified when it was taken in, by its own words. Raises MalformedData."""
    signed = parse_signed_data(der)
    countries = [
        certificate.subject_country
        for certificate in signed.certificates
        if DEVIATION_LIST_SIGNER in certificate.extended_key_usage
    ]
    if not countries:
        raise MalformedData("reading a deviation list", "no certificate for signing deviation lists")
    return parse_deviation_list(der, signed, countries[0])


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


def _who_signed(der: bytes) -> str:
    """Who claims to have signed a list, and what the operator can do about it."""
    signed = parse_signed_data(der)
    countries = sorted({certificate.issuer_country for certificate in signed.certificates}) or ["nobody we can name"]
    return (
        f"it names {', '.join(countries)} as its issuer. Pin that State's key: get its SHA-256 fingerprint from the State "
        "itself and give --anchor CERTIFICATE --fingerprint FINGERPRINT"
    )


def signing_date(der: bytes) -> date | None:
    """The day (UTC) on which a list was signed, by its signed attributes; None when it does not say. Raises MalformedData."""
    times = [signer.signing_time for signer in parse_signed_data(der).signers if signer.signing_time is not None]
    return max(times).date() if times else None
