"""Checks of the chip: access, signature, chain, hashes, and whether the chip is the one that was issued.

Each takes `ChipFacts`, what was read together with what passive authentication found out, and says what it means. Sources:
Doc 9303-11 §4–§6, TR-03135-1 §3.7.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from egate.checks.catalogue import finding, success
from egate.model.checks import Check, CheckName
from egate.model.document import ChipEvidence, ElementaryFile, Mrz, ProtocolState
from egate.model.errors import MalformedData
from egate.mrtd.files.lds import parse_dg1
from egate.mrtd.files.security_infos import PaceInfo, parse_card_access, parse_dg14
from egate.mrtd.pace import choose_pace
from egate.pki.passive_auth import (
    ChainState,
    HashState,
    SecurityObjectFindings,
    SignatureState,
    hash_state,
    inspect_security_object,
)
from egate.pki.trust_store import TrustStore

DATA_GROUPS = {ElementaryFile[f"DG{number}"]: number for number in range(1, 17)}
"""The data groups by file."""

_REQUIRED = (ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG2)

PACE_FELL_BACK = "pace_fell_back_to_bac"
"""Detail of a successful access that began with PACE and ended with BAC: a downgrade that the record must show."""

_ACCESS_PROTOCOLS = ("pace", "bac")
_SESSION_STEPS = ("application", "secure_messaging")
_FAILED_STATES = frozenset({ProtocolState.REFUSED, ProtocolState.BROKEN})

_NOT_TRIED = frozenset({ProtocolState.NOT_OFFERED, ProtocolState.NOT_RUN})


@dataclass(frozen=True, slots=True)
class ChipFacts:
    """The evidence of a chip, what its security object proves (None: not read), and the MRZ of DG1.

    `mrz_malformed` tells a DG1 that is there and cannot be parsed from one that was not read.
    """

    evidence: ChipEvidence | None
    security_object: SecurityObjectFindings | None = None
    mrz: Mrz | None = None
    mrz_malformed: bool = False

    def hash_of(self, file: ElementaryFile) -> HashState | None:
        """How a data group that was read compares with its signed hash; None when either is missing."""
        data = self.evidence.files.get(file) if self.evidence else None
        if data is None or self.security_object is None:
            return None
        return hash_state(self.security_object, DATA_GROUPS[file], data)


def gather_facts(evidence: ChipEvidence | None, trust: TrustStore, today: date) -> ChipFacts:
    """Run passive authentication over what was read; the document's mistakes become states, never exceptions."""
    if evidence is None:
        return ChipFacts(None)
    sod = evidence.files.get(ElementaryFile.SOD)
    security_object = inspect_security_object(sod, trust, today) if sod is not None else None
    dg1 = evidence.files.get(ElementaryFile.DG1)
    try:
        return ChipFacts(evidence, security_object, parse_dg1(dg1) if dg1 is not None else None)
    except MalformedData:
        return ChipFacts(evidence, security_object, None, mrz_malformed=True)


def check_chip_access(facts: ChipFacts) -> Check:
    """Whether the chip opened and the session held until everything was read.

    The detail names the protocol, or the fall-back from PACE to BAC. A session that broke and was opened again is no matter
    of access once all files are there; what they are worth, the hashes tell.
    """
    name = CheckName.CHIP_ACCESS
    if facts.evidence is None:
        return finding(name, "chip_not_read")
    pace, bac = (facts.evidence.outcome(protocol).state for protocol in _ACCESS_PROTOCOLS)
    broken = [step for step in _SESSION_STEPS if facts.evidence.outcome(step).state in _FAILED_STATES]
    if ProtocolState.COMPLETED not in (pace, bac):
        return finding(name, _why_closed(pace, bac, broken))
    if broken and not all(file in facts.evidence.files for file in _REQUIRED):
        return finding(name, "chip_session_broken")
    if _pace_infos_differ(facts):
        return finding(name, "pace_infos_differ")
    if bac is not ProtocolState.COMPLETED:
        return success(name, "pace")
    if pace is ProtocolState.NOT_OFFERED and _signed_pace_was_hidden(facts, facts.evidence):
        return finding(name, "pace_withheld")
    return success(name, "bac" if pace in _NOT_TRIED else PACE_FELL_BACK)


def _signed_pace(facts: ChipFacts) -> tuple[PaceInfo, ...]:
    """What DG14 offers of PACE, where its hash was signed; EF.CardAccess itself is signed by nobody (Doc 9303-11 §9.2)."""
    data = facts.evidence.files.get(ElementaryFile.DG14) if facts.evidence else None
    if data is None or facts.hash_of(ElementaryFile.DG14) is not HashState.MATCHES:
        return ()
    try:
        return parse_dg14(data).pace
    except MalformedData:
        return ()


def _pace_infos_differ(facts: ChipFacts) -> bool:
    """Whether EF.CardAccess lacks a way of PACE that the issuer signed in DG14: somebody weakened the choice.

    More in EF.CardAccess than in DG14 is common among issued documents, whose DG14 has none at all.
    """
    signed, data = _signed_pace(facts), facts.evidence.files.get(ElementaryFile.CARD_ACCESS) if facts.evidence else None
    if not signed or data is None:
        return False
    try:
        return not set(signed) <= set(parse_card_access(data).pace)
    except MalformedData:
        return True


def _signed_pace_was_hidden(facts: ChipFacts, evidence: ChipEvidence) -> bool:
    """Whether BAC was run because EF.CardAccess could not be read, although the issuer signed a way of PACE that we speak."""
    return ElementaryFile.CARD_ACCESS not in evidence.files and choose_pace(_signed_pace(facts)) is not None


def _why_closed(pace: ProtocolState, bac: ProtocolState, broken: list[str]) -> str:
    if ProtocolState.BROKEN in (pace, bac):
        return "chip_session_broken"
    if ProtocolState.REFUSED in (pace, bac):
        return "access_keys_refused"
    if "application" in broken:
        return "no_passport_application"
    return "no_access_control" if (pace, bac) == (ProtocolState.NOT_OFFERED,) * 2 else "access_not_tried"


_SIGNATURE_CODES = {
    SignatureState.MALFORMED: "security_object_malformed",
    SignatureState.INVALID: "signature_wrong",
    SignatureState.NO_CERTIFICATE: "signer_certificate_missing",
}


def check_signature(facts: ChipFacts) -> Check:
    """Whether the signature of the security object holds."""
    name = CheckName.SECURITY_OBJECT_SIGNATURE
    found = facts.security_object
    if found is None:
        return finding(name, "security_object_missing")
    if found.signature is not SignatureState.VERIFIED:
        return finding(name, _SIGNATURE_CODES[found.signature], found.signature_reason)
    return success(name)


_CHAIN_CODES = {
    ChainState.NOT_CHECKED: "chain_not_checked",
    ChainState.UNKNOWN_ISSUER: "issuer_unknown",
    ChainState.SIGNER_NOT_VALID: "signer_not_valid",
    ChainState.ISSUER_NOT_VALID: "issuer_not_valid",
    ChainState.WRONG_USAGE: "signer_wrong_usage",
    ChainState.REVOKED: "signer_revoked",
}


def check_chain(facts: ChipFacts) -> Check:
    """Whether the document signer leads to a trusted State."""
    name = CheckName.CERTIFICATE_CHAIN
    found = facts.security_object
    if found is None:
        return finding(name, "security_object_missing")
    if found.chain is not ChainState.TRUSTED:
        return finding(name, _CHAIN_CODES[found.chain], found.chain_reason)
    return success(name)


_HASH_CODES = (
    (HashState.DIFFERS, "data_group_hash_wrong"),
    (HashState.NOT_LISTED, "data_group_not_signed"),
    (HashState.UNKNOWN_ALGORITHM, "hash_algorithm_unknown"),
)
"""The worst first."""


def check_hashes(facts: ChipFacts) -> Check:
    """Whether every data group read is what was signed; the detail names the data groups."""
    name = CheckName.DATA_GROUP_HASHES
    if facts.evidence is None or facts.security_object is None:
        return finding(name, "security_object_missing")
    if not facts.security_object.hashes:
        return finding(name, "hashes_unreadable")
    states = {file: facts.hash_of(file) for file in DATA_GROUPS if file in facts.evidence.files}
    for state, code in _HASH_CODES:
        concerned = [file.name for file, found in states.items() if found is state]
        if concerned:
            return finding(name, code, ", ".join(concerned))
    missing = [file.name for file in _REQUIRED if file not in facts.evidence.files]
    if missing:
        return finding(name, "data_group_missing", ", ".join(missing))
    return success(name, ", ".join(file.name for file in states))


@dataclass(frozen=True, slots=True)
class _Proof:
    """One way for a chip to prove itself, the file that holds its public key, and the code when it does not succeed."""

    protocol: str
    key_file: ElementaryFile
    failure: str


_CHIP_PROOFS = (
    _Proof("chip_authentication", ElementaryFile.DG14, "chip_authentication_failed"),
    _Proof("active_authentication", ElementaryFile.DG15, "active_authentication_failed"),
)


def check_chip_genuine(facts: ChipFacts) -> Check:
    """Whether the chip holds a private key whose public key the issuer signed.

    A proof that failed is worse than a proof that is missing, and any completed one counts only with a signed key (Doc
    9303-11 §6.1, §6.2). A key that was signed and is not handed over is no "not supported": hiding DG14 is how a copy would
    avoid the question.
    """
    name = CheckName.CHIP_GENUINE
    if facts.evidence is None:
        return finding(name, "chip_not_read")
    judged = [_judge_proof(facts, facts.evidence, proof) for proof in _CHIP_PROOFS]
    for proof, code in zip(_CHIP_PROOFS, judged, strict=True):
        if code == proof.failure:
            return finding(name, code)
    for proof, code in zip(_CHIP_PROOFS, judged, strict=True):
        if code == "":
            return success(name, proof.protocol)
    return finding(name, next((code for code in judged if code is not None), None) or "no_chip_proof")


def _judge_proof(facts: ChipFacts, evidence: ChipEvidence, proof: _Proof) -> str | None:
    """Empty when the proof counts, a code when something is wrong, None when the chip does not offer it."""
    state = evidence.outcome(proof.protocol).state
    if state in _FAILED_STATES:
        return proof.failure
    if state is ProtocolState.COMPLETED:
        signed = facts.security_object is not None and facts.security_object.signature is SignatureState.VERIFIED
        return "" if signed and facts.hash_of(proof.key_file) is HashState.MATCHES else "chip_key_not_authentic"
    signed_keys = facts.security_object.hashes if facts.security_object else {}
    if proof.key_file not in evidence.files:
        return "chip_key_withheld" if DATA_GROUPS[proof.key_file] in signed_keys else None
    return "chip_proof_not_run" if state is ProtocolState.NOT_RUN else None
