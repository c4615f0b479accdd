"""Signed lists as the trust folder takes them: what they hold, and which trusted key they were verified under.

Rule: nothing of a list is handed out as verified before its signature is; `embedded_certificates` is for finding a certificate
whose fingerprint an operator already has from elsewhere, and for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import decoding, elements
from egate.pki.certificate import Certificate
from egate.pki.cms import find_signer_certificate, parse_signed_data, verify_signer
from egate.pki.deviations import DeviationList
from egate.pki.trust_store import MAXIMUM_CERTIFICATES, TrustStore, verify_master_list

DEVIATION_LIST_SIGNER = "2.23.136.1.1.8"
"""Extended key usage of who may sign a deviation list (Doc 9303-12 §7.1.1.3)."""

_DEVIATION_CONTENT = "2.23.136.1.1.7"

_SIGNING_TIME = re.compile(
    rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05\x31.(?:\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z)", re.DOTALL
)
"""The signing time attribute in its only DER forms (RFC 5652 §11.3): UTCTime or GeneralizedTime with seconds and Z."""


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


def read_deviation_list(der: bytes, cscas: Iterable[Certificate], today: date) -> tuple[DeviationList, Certificate]:
    """Verify a deviation list: its signer may sign such lists, is valid today, and a trusted key of its own State signed it."""
    doing = "taking a deviation list"
    signed = parse_signed_data(der)
    if signed.content_type != _DEVIATION_CONTENT:
        raise TrustError(doing, "not a deviation list")
    store = TrustStore.from_parts(cscas, "CSCAs", today)
    for signer in signed.signers:
        certificate = find_signer_certificate(signer, signed.certificates)
        if certificate is None or DEVIATION_LIST_SIGNER not in certificate.extended_key_usage:
            continue
        issuer = store.issuer_of(certificate, today)
        if issuer is None or not issuer.is_valid_on(today) or not certificate.is_valid_on(today):
            continue
        if issuer.subject_country != certificate.subject_country:
            continue
        verify_signer(signed, signer, certificate)
        return DeviationList(issuer.subject_country, signing_date(der), der), issuer
    raise TrustError(doing, "no signer whom a trusted key of its State lets sign deviation lists today")


def held_deviation_list(der: bytes) -> DeviationList:
    """A deviation list that was verified when it was taken in, by its own words. Raises MalformedData."""
    countries = [
        certificate.subject_country
        for certificate in parse_signed_data(der).certificates
        if DEVIATION_LIST_SIGNER in certificate.extended_key_usage
    ]
    if not countries:
        raise MalformedData("reading a deviation list", "no certificate for signing deviation lists")
    return DeviationList(countries[0], signing_date(der), der)


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
    for signer in parse_signed_data(der).signers:
        found = _SIGNING_TIME.search(signer.attributes)
        if found is not None:
            digits = (found.group(1) or found.group(2)).decode("ascii")
            year = digits[:4] if found.group(2) else ("19" if digits[:2] >= "50" else "20") + digits[:2]
            try:
                return date(
                    int(year), int(digits[len(digits) - 10 : len(digits) - 8]), int(digits[len(digits) - 8 : len(digits) - 6])
                )
            except ValueError:
                raise MalformedData("reading a signing time", "a date outside the calendar") from None
    return None
