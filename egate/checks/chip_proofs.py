"""Checks of the proofs between chip and terminal: whether the chip is the one that was issued, and who the terminal is.

Rule: a proof counts with a key that the issuer signed and in no other way; a proof that was recorded is verified again from the
record. Sources: Doc 9303-11 §4.4.3.5 (PACE with chip authentication mapping), §6.1, §6.2, §7.1.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from egate.checks.catalogue import finding, success
from egate.checks.countries import certificate_countries
from egate.checks.electronic import DATA_GROUPS, FAILED_STATES, ChipFacts, signed_pace
from egate.model.checks import Check, CheckName
from egate.model.document import ChipEvidence, ChipProof, ElementaryFile, ProtocolState
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.active_auth import verify_active_proof
from egate.mrtd.files.security_infos import (
    ECDH_CHIP_AUTHENTICATION,
    ChipAuthenticationKey,
    SecurityInfos,
    parse_card_access,
    parse_dg14,
)
from egate.mrtd.mapping_proof import verify_mapping_proof
from egate.pki.defects import DefectType
from egate.pki.deviations import DeviationType
from egate.pki.passive_auth import ChainState, HashState, SignatureState

_OF_APPLICATION = frozenset({ElementaryFile.COM, ElementaryFile.SOD, *DATA_GROUPS})
"""A chip that gave none of these was never opened, so what it offers is not known."""
_NOT_AUTHENTIC, _COMPROMISED = "chip_key_not_authentic", "chip_key_compromised"


@dataclass(frozen=True, slots=True)
class _Proof:
    """One way for a chip to prove itself: its key's file, the code when it fails, and what must hold beside the outcome."""

    protocol: str
    key_file: ElementaryFile
    failure: str
    key_is_signed: Callable[[ChipFacts], bool]
    holds_again: Callable[[ChipEvidence, ChipProof | None], bool]
    compromised_by: tuple[DeviationType | DefectType, ...]
    announced: Callable[[ChipFacts], bool] = lambda _facts: False
    is_bound: Callable[[ChipFacts, ChipProof | None], bool] = lambda _facts, _proof: True


def _mapping_is_announced(facts: ChipFacts) -> bool:
    """Whether the issuer signed that the chip opens with its mapping: a copy refuses that, and offers another way in."""
    return any(info.mapping == ECDH_CHIP_AUTHENTICATION for info in signed_pace(facts))


def _announced_keys(facts: ChipFacts) -> tuple[ChipAuthenticationKey, ...]:
    """The keys of chip authentication that the issuer signed in DG14, those that this reader cannot compute with included."""
    data = facts.evidence.files.get(ElementaryFile.DG14) if facts.evidence else None
    if data is None or facts.hash_of(ElementaryFile.DG14) is not HashState.MATCHES:
        return ()
    with suppress(MalformedData):
        return parse_dg14(data).chip_authentication_keys
    return ()


def _key_is_announced(facts: ChipFacts) -> bool:
    return bool(_announced_keys(facts))


def _mapping_is_bound(facts: ChipFacts, proof: ChipProof | None) -> bool:
    """Whether the mapping's key is this document's: one of DG14, where that has any.

    EF.CardSecurity names no document, so with the key of one chip all other documents of its State could be copied.
    """
    own = {key.public.encoded for key in _announced_keys(facts) if key.public is not None}
    if not own or proof is None or facts.card_security is None:
        return not own
    with suppress(MalformedData):
        keys = parse_card_access(facts.card_security.content).chip_authentication_keys
        shared = tuple(key for key in keys if key.public is not None and key.public.encoded in own)
        return verify_mapping_proof(SecurityInfos(chip_authentication_keys=shared), proof)
    return False


def _signed_in(file: ElementaryFile) -> Callable[[ChipFacts], bool]:
    """Whether a data group is covered by a security object whose signature holds."""

    def is_signed(facts: ChipFacts) -> bool:
        found = facts.security_object
        verified = found is not None and found.signature is SignatureState.VERIFIED
        return verified and facts.hash_of(file) is HashState.MATCHES

    return is_signed


def _card_security_is_authentic(facts: ChipFacts) -> bool:
    """Whether EF.CardSecurity is signed, its signer trusted, and its State the one that issued the document.

    Unlike a data group it is not covered by the hashes of EF.SOD, so it needs a chain of its own, and the same State's: the file
    of any other genuine document would come with a proof of that document's chip.
    """
    found = facts.card_security
    if found is None or found.signature is not SignatureState.VERIFIED or found.chain is not ChainState.TRUSTED:
        return False
    return facts.mrz is not None and found.csca_country in certificate_countries(facts.mrz.issuing_state)


def _active_proof_holds(evidence: ChipEvidence, proof: ChipProof | None) -> bool:
    """Whether the recorded signature verifies under DG15; a record of before proofs were kept has only its outcome."""
    if proof is None:
        return True
    try:
        verify_active_proof(evidence.files[ElementaryFile.DG15], _stated_algorithm(evidence), proof)
    except (ChipError, MalformedData, KeyError):
        return False
    return True


def _stated_algorithm(evidence: ChipEvidence) -> str | None:
    try:
        return parse_dg14(evidence.files[ElementaryFile.DG14]).active_authentication
    except (MalformedData, KeyError):
        return None


def _mapping_proof_holds(evidence: ChipEvidence, proof: ChipProof | None) -> bool:
    data = evidence.files.get(ElementaryFile.CARD_SECURITY)
    return data is not None and proof is not None and verify_mapping_proof(data, proof)


def _session_held(_evidence: ChipEvidence, _proof: ChipProof | None) -> bool:
    """Chip authentication leaves nothing to verify again: its proof is that the session went on under the new keys."""
    return True


_CHIP_PROOFS = (
    _Proof(
        "chip_authentication_mapping",
        ElementaryFile.CARD_SECURITY,
        "mapping_proof_failed",
        _card_security_is_authentic,
        _mapping_proof_holds,
        (DefectType.CHIP_AUTHENTICATION_KEY_COMPROMISED,),
        announced=_mapping_is_announced,
        is_bound=_mapping_is_bound,
    ),
    _Proof(
        "chip_authentication",
        ElementaryFile.DG14,
        "chip_authentication_failed",
        _signed_in(ElementaryFile.DG14),
        _session_held,
        (DefectType.CHIP_AUTHENTICATION_KEY_COMPROMISED,),
        announced=_key_is_announced,
    ),
    _Proof(
        "active_authentication",
        ElementaryFile.DG15,
        "active_authentication_failed",
        _signed_in(ElementaryFile.DG15),
        _active_proof_holds,
        (DeviationType.ACTIVE_AUTHENTICATION_KEY_COMPROMISED, DefectType.ACTIVE_AUTHENTICATION_KEY_COMPROMISED),
    ),
)


def check_chip_genuine(facts: ChipFacts) -> Check:
    """Whether the chip holds a private key whose public key the issuer signed.

    A proof that failed is worse than a proof that is missing, and any completed one counts only with a signed key (Doc
    9303-11 §6.1, §6.2). A key that was signed and is not handed over, or a way that was signed and is not gone, is no "not
    supported": hiding DG14, or refusing PACE, is how a copy would avoid the question. A key that its issuer or a defect list
    calls compromised proves nothing, whoever has it.
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
    nothing = "no_chip_proof" if _OF_APPLICATION.intersection(facts.evidence.files) else "chip_not_read"
    return finding(name, next((code for code in judged if code is not None), None) or nothing)


def _judge_proof(facts: ChipFacts, evidence: ChipEvidence, proof: _Proof) -> str | None:
    """Empty when the proof counts, a code when something is wrong, None when the chip does not offer it."""
    state = evidence.outcome(proof.protocol).state
    if state in FAILED_STATES:
        return proof.failure
    if state is ProtocolState.COMPLETED:
        return _judge_completed(facts, evidence, proof)
    if proof.announced(facts):
        return "chip_proof_not_run"
    if proof.key_file not in DATA_GROUPS:
        return None
    signed_keys = facts.security_object.hashes if facts.security_object else {}
    if proof.key_file not in evidence.files:
        return "chip_key_withheld" if DATA_GROUPS[proof.key_file] in signed_keys else None
    return "chip_proof_not_run" if state is ProtocolState.NOT_RUN else None


def _judge_completed(facts: ChipFacts, evidence: ChipEvidence, proof: _Proof) -> str:
    recorded = next((entry for entry in evidence.proofs if entry.protocol == proof.protocol), None)
    if not proof.holds_again(evidence, recorded):
        return proof.failure
    if not proof.key_is_signed(facts) or not proof.is_bound(facts, recorded):
        return _NOT_AUTHENTIC
    published = {*(known.kind for known in facts.deviations), *(known.kind for known in facts.defects)}
    compromised = not published.isdisjoint(proof.compromised_by)
    return _COMPROMISED if compromised else ""


_TERMINAL_CODES = {
    ProtocolState.REFUSED: "terminal_refused",
    ProtocolState.BROKEN: "chip_session_broken",
    ProtocolState.NOT_OFFERED: "no_terminal_authentication",
    ProtocolState.NOT_RUN: "no_terminal_authentication",
}


def check_terminal_authentication(facts: ChipFacts) -> Check:
    """Whether the chip accepted the terminal's certificates; only fingerprints and irises need that (Doc 9303-11 §7.1)."""
    name = CheckName.TERMINAL_AUTHENTICATION
    if facts.evidence is None:
        return finding(name, "chip_not_read")
    state = facts.evidence.outcome("terminal_authentication").state
    return success(name) if state is ProtocolState.COMPLETED else finding(name, _TERMINAL_CODES[state])
