"""Passive authentication: what the security object of a document proves (Doc 9303-11 §5.1, Doc 9303-12 §8).

Rule: this gathers findings and judges nothing. Whatever the document did wrong is a state in `SecurityObjectFindings`, never
an exception; `egate.checks.electronic` says what each state means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from hmac import compare_digest

from egate.model.errors import MalformedData, TrustError
from egate.pki.asn1 import LdsSecurityObject, decoding, unwrap_application
from egate.pki.certificate import ICAO_ROLES, Certificate
from egate.pki.cms import SignedData, Signer, find_signer_certificate, is_named, parse_signed_data, verify_signer
from egate.pki.keys import HASHES, PublicKey, SignatureScheme, digest
from egate.pki.revocation import RevocationList
from egate.pki.trust_store import TrustStore

_SOD_TAG = 0x17
"""Application tag number of EF.SOD (0x77)."""

_SECURITY_OBJECT_CONTENTS = frozenset({"2.23.136.1.1.1", "1.3.27.1.1.1", "1.2.840.113549.1.7.1"})
"""The content type of the LDS security object, and two that issued documents have instead: old French and Belgian passports
(JMRTD) and some Chinese ones, which say plain data (pymrtd). Document signers sign nothing else that would parse as one."""

_CARD_SECURITY_CONTENT = "0.4.0.127.0.7.3.2.1"
"""Content type of EF.CardSecurity (TR-03110-3 §A.1.2.2)."""

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
    ISSUER_REVOKED = "issuer_revoked"
    ISSUER_WRONG_USAGE = "issuer_wrong_usage"
    SIGNER_DOUBTED = "signer_doubted"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class RevocationFindings:
    """What the revocation list of the signer's State says, and defect lists; `revocations` is None without the State's list."""

    revocations: RevocationList | None = field(repr=False, default=None)
    signer_revoked: bool = False
    issuer_revoked: bool = False
    signer_doubted: bool = False


@dataclass(frozen=True, slots=True)
class SignatureMade:
    """One signature that the findings rest on: what it covers, how it was made, with which key."""

    over: str
    scheme: SignatureScheme | None
    key: PublicKey


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
    content: bytes = field(repr=False, default=b"")
    revocation: RevocationFindings = RevocationFindings()
    signatures: tuple[SignatureMade, ...] = ()


def inspect_security_object(sod: bytes, trust: TrustStore, today: date) -> SecurityObjectFindings:
    """Look at EF.SOD (tag included).

    1. read the CMS and the LDS security object; 2. find the document signer's certificate, in the object or in the store, and
    verify the signature with it; 3. build the chain to a trusted CSCA, with validity, usage and revocation.
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
    return _with_chain(_with_signature(findings, signed, trust), trust, today)


def inspect_card_security(card_security: bytes, trust: TrustStore, today: date) -> SecurityObjectFindings:
    """Look at EF.CardSecurity: passive authentication as of EF.SOD, with the SecurityInfos as `content` and no hashes.

    Its keys are worth belief only with a verified signature, a trusted chain, and the issuing State's own CSCA (Doc 9303-11
    §4.4.3.5); all three stand in the findings.
    """
    try:
        signed = parse_signed_data(card_security)
        if signed.content_type != _CARD_SECURITY_CONTENT:
            raise MalformedData(_DOING, "the signed content is no list of security infos")
    except MalformedData as error:
        return SecurityObjectFindings(SignatureState.MALFORMED, ChainState.NOT_CHECKED, signature_reason=error.problem)
    findings = SecurityObjectFindings(SignatureState.NO_CERTIFICATE, ChainState.NOT_CHECKED, content=signed.content)
    return _with_chain(_with_signature(findings, signed, trust), trust, today)


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
    if signed.content_type not in _SECURITY_OBJECT_CONTENTS:
        raise MalformedData(_DOING, "the signed content is not an LDS security object")
    with decoding(_DOING):
        body = LdsSecurityObject.load(signed.content, strict=True)
        oid = str(body["hash_algorithm"]["algorithm"].dotted)
        pairs = [(int(entry["number"].native), bytes(entry["hash_value"].native)) for entry in body["hashes"]]
    hashes = dict(pairs)
    if len(hashes) != len(pairs) or not all(1 <= number <= 16 for number in hashes):
        raise MalformedData(_DOING, "data group numbers that are repeated or outside 1 to 16")
    return oid, hashes


def _with_signature(findings: SecurityObjectFindings, signed: SignedData, trust: TrustStore) -> SecurityObjectFindings:
    """Find the first signer whose signature holds; keep the last reason when none does."""
    for signer in signed.signers:
        for certificate in _candidates(signer, signed, trust):
            findings = replace(findings, signer=certificate, document_types=certificate.document_types)
            try:
                verify_signer(signed, signer, certificate)
            except TrustError as error:
                findings = replace(findings, signature=SignatureState.INVALID, signature_reason=error.problem)
            else:
                made = SignatureMade("security object", signer.scheme, certificate.public_key)
                return replace(findings, signature=SignatureState.VERIFIED, signature_reason="", signatures=(made,))
    return findings


def _candidates(signer: Signer, signed: SignedData, trust: TrustStore) -> Iterator[Certificate]:
    """The certificates that may be the signer's: one that came along and is named, those of the store, the only one there is."""
    named = find_signer_certificate(signer, signed.certificates)
    if named is not None and is_named(signer, named):
        yield named
        return
    yield from trust.signers.candidates(signer.issuer, signer.serial_number, signer.key_identifier)
    if named is not None:
        yield named


def _with_chain(findings: SecurityObjectFindings, trust: TrustStore, today: date) -> SecurityObjectFindings:
    signer = findings.signer
    if signer is None:
        return replace(findings, chain_reason="no document signer certificate")
    csca = trust.issuer_of(signer, today)
    if csca is None:
        return replace(findings, chain=ChainState.UNKNOWN_ISSUER, chain_reason="no trusted CSCA key signed the document signer")
    revocation = _revocation(signer, csca, trust)
    state, reason = _judge_chain(signer, csca, revocation, today)
    made = SignatureMade("document signer", signer.scheme, csca.public_key)
    return replace(
        findings,
        chain=state,
        chain_reason=reason,
        csca=csca,
        csca_country=csca.subject_country,
        revocation=revocation,
        signatures=(*findings.signatures, made),
    )


def _revocation(signer: Certificate, csca: Certificate, trust: TrustStore) -> RevocationFindings:
    """What the list of the signer's State says of both, and defect lists: a defect may be as good as an entry in that list.

    A list under another key of the State than this CSCA's counts too.
    """
    doubted = any(known.casts_doubt for known in trust.defects_of(signer))
    return RevocationFindings(trust.revocations_for(signer), trust.is_revoked(signer), trust.is_revoked(csca), doubted)


def _judge_chain(signer: Certificate, csca: Certificate, revocation: RevocationFindings, today: date) -> tuple[ChainState, str]:
    """The first thing that is wrong with the chain, the worst first. Between a signer and its CSCA there is nobody."""
    judged = (
        (revocation.signer_revoked, ChainState.REVOKED, "a revocation list of its State, or a defect list, names the signer"),
        (revocation.issuer_revoked, ChainState.ISSUER_REVOKED, "the CSCA certificate is on its State's revocation list"),
        (
            any(usage.startswith(ICAO_ROLES) for usage in signer.extended_key_usage),
            ChainState.WRONG_USAGE,
            "the certificate is for another role than signing documents",
        ),
        (
            not signer.may_sign("digital_signature") or signer.is_authority,
            ChainState.WRONG_USAGE,
            "the certificate is not one for signing documents",
        ),
        (not csca.may_sign("key_cert_sign"), ChainState.ISSUER_WRONG_USAGE, "the issuer may not sign certificates"),
        (not signer.is_valid_on(today), ChainState.SIGNER_NOT_VALID, "the document signer is not valid today"),
        (not csca.is_valid_on(today), ChainState.ISSUER_NOT_VALID, "the CSCA certificate is not valid today"),
        (revocation.signer_doubted, ChainState.SIGNER_DOUBTED, "a defect list casts doubt on the document signer"),
    )
    return next(((state, reason) for wrong, state, reason in judged if wrong), (ChainState.TRUSTED, ""))
