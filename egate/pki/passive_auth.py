"""Passive authentication: what the security object of a document proves (Doc 9303-11 §5.1, Doc 9303-12 §8).

Rule: this gathers findings and judges nothing. Whatever the document did wrong is a state in `SecurityObjectFindings`, never
an exception; `egate.checks.electronic` says what each state means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from hmac import compare_digest

from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import LdsSecurityObject, decoding, unwrap_application
from egate.pki.certificate import Certificate
from egate.pki.cms import SignedData, find_signer_certificate, parse_signed_data, verify_signer
from egate.pki.keys import HASHES, digest
from egate.pki.trust_store import TrustStore

_SOD_TAG = 0x17
"""Application tag number of EF.SOD (0x77)."""

_OTHER_ROLES = "2.23.136.1.1."
"""Extended key usages of ICAO name roles that are not the document signer's: signers of master lists (.3), deviation lists (.8)
and visible digital seals (.14.2). Their keys come from the same CSCA and are kept by other people."""

_SECURITY_OBJECT_CONTENT = "2.23.136.1.1.1"
_DOING = "reading the security object"

_HASH_NAMES = {oid: algorithm.name for oid, algorithm in HASHES.items()}


class SignatureState(Enum):
    """What became of the signature on the security object."""

    VERIFIED = "verified"
    INVALID = "invalid"
    NO_CERTIFICATE = "no_certificate"
    MALFORMED = "malformed"


class ChainState(Enum):
    """What became of the chain from the document signer to a trusted CSCA."""

    TRUSTED = "trusted"
    UNKNOWN_ISSUER = "unknown_issuer"
    SIGNER_NOT_VALID = "signer_not_valid"
    ISSUER_NOT_VALID = "issuer_not_valid"
    WRONG_USAGE = "wrong_usage"
    REVOKED = "revoked"
    NOT_CHECKED = "not_checked"


class HashState(Enum):
    """How a data group compares with the hash that the issuer signed."""

    MATCHES = "matches"
    DIFFERS = "differs"
    NOT_LISTED = "not_listed"
    UNKNOWN_ALGORITHM = "unknown_algorithm"
    NO_HASHES = "no_hashes"


@dataclass(frozen=True, slots=True)
class SecurityObjectFindings:
    """Everything that passive authentication found out.

    `hashes` maps data group numbers to the signed hashes (empty when the object could not be read); `csca_country` is the
    two-letter country of the trusted CSCA in upper case, empty without a chain; reasons are ours, without personal data.
    """

    signature: SignatureState
    chain: ChainState
    signature_reason: str = ""
    chain_reason: str = ""
    hash_algorithm: str = ""
    hash_oid: str = ""
    hashes: Mapping[int, bytes] = field(repr=False, default_factory=dict)
    signer: Certificate | None = None
    csca: Certificate | None = None
    csca_country: str = ""
    document_types: frozenset[str] = frozenset()


def inspect_security_object(sod: bytes, trust: TrustStore, today: date) -> SecurityObjectFindings:
    """Look at EF.SOD (tag included).

    1. read the CMS and the LDS security object; 2. verify the signature with the document signer's certificate; 3. build the
    chain to a trusted CSCA, with validity, usage and revocation.
    """
    try:
        signed = parse_signed_data(unwrap_application(sod, _SOD_TAG, _DOING))
        hash_oid, hashes = _parse_hashes(signed)
    except MalformedData as error:
        return SecurityObjectFindings(SignatureState.MALFORMED, ChainState.NOT_CHECKED, signature_reason=error.problem)
    findings = SecurityObjectFindings(
        SignatureState.NO_CERTIFICATE,
        ChainState.NOT_CHECKED,
        hash_algorithm=_HASH_NAMES.get(hash_oid, ""),
        hash_oid=hash_oid,
        hashes=hashes,
    )
    return _with_chain(_with_signature(findings, signed), trust, today)


def hash_state(findings: SecurityObjectFindings, data_group_number: int, data: bytes) -> HashState:
    """Compare a whole data group file, tag included, with its signed hash."""
    if not findings.hashes:
        return HashState.NO_HASHES
    expected = findings.hashes.get(data_group_number)
    if expected is None:
        return HashState.NOT_LISTED
    if findings.hash_oid not in HASHES:
        return HashState.UNKNOWN_ALGORITHM
    return HashState.MATCHES if compare_digest(expected, digest(findings.hash_oid, data)) else HashState.DIFFERS


def _parse_hashes(signed: SignedData) -> tuple[str, dict[int, bytes]]:
    if signed.content_type != _SECURITY_OBJECT_CONTENT:
        raise MalformedData(_DOING, "the signed content is not an LDS security object")
    with decoding(_DOING):
        body = LdsSecurityObject.load(signed.content, strict=True)
        oid = str(body["hash_algorithm"]["algorithm"].dotted)
        pairs = [(int(entry["number"].native), bytes(entry["hash_value"].native)) for entry in body["hashes"]]
    hashes = dict(pairs)
    if len(hashes) != len(pairs) or not all(1 <= number <= 16 for number in hashes):
        raise MalformedData(_DOING, "data group numbers that are repeated or outside 1 to 16")
    return oid, hashes


def _with_signature(findings: SecurityObjectFindings, signed: SignedData) -> SecurityObjectFindings:
    """Find the first signer whose signature holds; keep the last reason when none does."""
    for signer in signed.signers:
        certificate = find_signer_certificate(signer, signed.certificates)
        if certificate is None:
            continue
        findings = replace(findings, signer=certificate, document_types=certificate.document_types)
        try:
            verify_signer(signed, signer, certificate)
        except TrustError as error:
            findings = replace(findings, signature=SignatureState.INVALID, signature_reason=error.problem)
        else:
            return replace(findings, signature=SignatureState.VERIFIED, signature_reason="")
    return findings


def _with_chain(findings: SecurityObjectFindings, trust: TrustStore, today: date) -> SecurityObjectFindings:
    signer = findings.signer
    if signer is None:
        return replace(findings, chain_reason="no document signer certificate")
    csca = trust.issuer_of(signer, today)
    if csca is None:
        return replace(findings, chain=ChainState.UNKNOWN_ISSUER, chain_reason="no trusted CSCA key signed the document signer")
    state, reason = _judge_chain(signer, csca, trust, today)
    return replace(findings, chain=state, chain_reason=reason, csca=csca, csca_country=csca.subject_country)


def _judge_chain(signer: Certificate, csca: Certificate, trust: TrustStore, today: date) -> tuple[ChainState, str]:
    if trust.is_revoked(signer):
        return ChainState.REVOKED, "the document signer is on its State's revocation list"
    if any(usage.startswith(_OTHER_ROLES) for usage in signer.extended_key_usage):
        return ChainState.WRONG_USAGE, "the certificate is for another role than signing documents"
    if not signer.may_sign("digital_signature") or signer.is_authority:
        return ChainState.WRONG_USAGE, "the certificate is not one for signing documents"
    if not signer.is_valid_on(today):
        return ChainState.SIGNER_NOT_VALID, "the document signer is not valid today"
    if not csca.is_valid_on(today):
        return ChainState.ISSUER_NOT_VALID, "the CSCA certificate is not valid today"
    return ChainState.TRUSTED, ""
