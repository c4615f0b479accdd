"""The chip's proofs, judged from the record: each counts with a key of the issuing State, and is verified again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

from drivers.sim.passport.certification import encode_card_security
from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_kinds import OLDER_CHIP, ActiveKind, AgreementWay, ChipKind, PaceWay
from drivers.sim.passport.issuer import Defect
from egate.checks.chip_proofs import check_chip_genuine, check_terminal_authentication
from egate.checks.electronic import check_chip_access, gather_facts
from egate.model.checks import CheckName, CheckResult
from egate.model.document import ChipEvidence, ChipProof, ElementaryFile, ProtocolOutcome, ProtocolState
from egate.mrtd.files.card_security import signed_content
from egate.mrtd.files.security_infos import encode_card_access, parse_card_access
from egate.mrtd.mapping_proof import CHIP_AUTHENTICATION_DATA, MAPPING_KEY
from egate.mrtd.mapping_proof import PROTOCOL as MAPPING
from egate.mrtd.reading import ReadRequest
from egate.pki.deviations import DeviationDescription, DeviationType
from egate.pki.trust_store import TrustStore
from tests.unit.checks.evidence import COMPLETED, MRZ, NOT_OFFERED, NOT_RUN, evidence
from tests.unit.mrtd.chip_reading import read
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, seeded, trust, utopia

CARD_SECURITY = ElementaryFile.CARD_SECURITY
CAM = ChipKind(ways=(PaceWay(mapping="cam"),), agreements=(AgreementWay(),))
NEIGHBOUR = utopia().neighbour()
BOTH = TrustStore.from_certificates([utopia().csca_certificate, NEIGHBOUR.csca_certificate], "both", TODAY)


@cache
def reading_of(kind: ChipKind, defect: Defect) -> ChipEvidence:
    """What a reading of a chip of this kind yields."""
    simulated = SimulatedChip(utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=kind, defect=defect), seeded(b"proofs"))
    return read(simulated.transceive, ReadRequest(MRZ.information))


def genuine(found: ChipEvidence, store: TrustStore | None = None) -> tuple[CheckResult, str, str]:
    check = check_chip_genuine(gather_facts(found, store or trust(), TODAY))
    return check.result, check.code, check.detail


def with_files(found: ChipEvidence, files: Mapping[ElementaryFile, bytes | None]) -> ChipEvidence:
    """The evidence with other files; None takes one away."""
    changed = {**found.files, **files}
    return replace(found, files={file: data for file, data in changed.items() if data is not None})


def mapping_only() -> ChipEvidence:
    """A reading by chip authentication mapping whose only proof is the mapping's."""
    found = reading_of(CAM, Defect.NONE)
    outcomes = [entry for entry in found.protocols if not entry.protocol.endswith("_authentication")]
    others = [ProtocolOutcome(name, NOT_OFFERED) for name in ("chip_authentication", "active_authentication")]
    return replace(found, protocols=(*outcomes, *others))


def test_reading_by_mapping_leaves_a_proof_that_counts() -> None:
    found = mapping_only()
    assert found.outcome(MAPPING).state is COMPLETED
    assert [proof.protocol for proof in found.proofs] == [MAPPING]
    assert genuine(found) == (CheckResult.SUCCESSFUL, "", MAPPING)


def test_mapping_counts_only_with_the_issuing_states_signature_over_its_key() -> None:
    """Signed by the impostor, by a trusted neighbour, by nobody any more: the proof fits the key, and the key is nobody's."""
    found = mapping_only()
    content = signed_content(found.files[CARD_SECURITY])
    by_impostor = encode_card_security(content, utopia().impostor)
    by_neighbour = encode_card_security(content, NEIGHBOUR.signer)
    broken = found.files[CARD_SECURITY][:-1] + bytes([found.files[CARD_SECURITY][-1] ^ 1])
    for data in (by_impostor, by_neighbour, broken):
        assert genuine(with_files(found, {CARD_SECURITY: data}), BOTH) == (
            CheckResult.UNDETERMINED,
            "chip_key_not_authentic",
            "",
        )
    assert genuine(with_files(found, {CARD_SECURITY: encode_card_security(content, utopia().signer)}))[1] == ""


def test_mapping_fails_when_its_record_does_not_fit() -> None:
    """Without the file or without the proof, with another key or other data: said to be done is not done."""
    found = mapping_only()
    (proof,) = found.proofs
    changed = (
        replace(found, proofs=()),
        replace(found, proofs=(ChipProof(MAPPING, {**proof.values, MAPPING_KEY: proof.values[MAPPING_KEY][:-1]}),)),
        replace(found, proofs=(ChipProof(MAPPING, {**proof.values, CHIP_AUTHENTICATION_DATA: b"\x07"}),)),
        with_files(found, {CARD_SECURITY: None}),
        with_files(found, {CARD_SECURITY: b"\x30\x00"}),
    )
    for record in changed:
        assert genuine(record) == (CheckResult.FAILED, "mapping_proof_failed", "")
    refused = replace(found, protocols=(ProtocolOutcome(MAPPING, ProtocolState.BROKEN),))
    assert genuine(refused)[1] == "mapping_proof_failed"


def test_clone_of_a_chip_with_mapping_is_found_out() -> None:
    """The copy has all files of the genuine chip and keys of its own."""
    assert genuine(reading_of(CAM, Defect.CLONED))[0] is CheckResult.FAILED


@pytest.mark.parametrize("signs_with", ActiveKind)
def test_active_authentication_is_verified_again_from_the_record(signs_with: ActiveKind) -> None:
    found = reading_of(replace(OLDER_CHIP, active_authentication=signs_with), Defect.NONE)
    assert genuine(found) == (CheckResult.SUCCESSFUL, "", "active_authentication")
    (proof,) = found.proofs
    signature = proof.values["signature"]
    forged = ChipProof(proof.protocol, {**proof.values, "signature": signature[:-1] + bytes([signature[-1] ^ 1])})
    other_challenge = ChipProof(proof.protocol, {**proof.values, "challenge": bytes(8)})
    for wrong in (forged, other_challenge, ChipProof(proof.protocol, {})):
        assert genuine(replace(found, proofs=(wrong,))) == (CheckResult.FAILED, "active_authentication_failed", "")
    assert genuine(with_files(found, {ElementaryFile.DG15: None}))[1] == "active_authentication_failed"


def test_key_that_its_issuer_calls_compromised_proves_nothing() -> None:
    """Doc 9303-12 §10: such a deviation makes things worse. Another proof, whose key is not meant, still counts."""
    compromised = (DeviationDescription(DeviationType.ACTIVE_AUTHENTICATION_KEY_COMPROMISED),)
    older = gather_facts(reading_of(OLDER_CHIP, Defect.NONE), trust(), TODAY)
    check = check_chip_genuine(replace(older, deviations=compromised))
    assert (check.result, check.code) == (CheckResult.UNDETERMINED, "chip_key_compromised")
    other = gather_facts(evidence(), trust(), TODAY)
    assert check_chip_genuine(replace(other, deviations=compromised)).detail == "chip_authentication"


@pytest.mark.parametrize(
    ("state", "result", "code"),
    [
        (ProtocolState.COMPLETED, CheckResult.SUCCESSFUL, ""),
        (ProtocolState.NOT_RUN, CheckResult.NOT_SUPPORTED, "no_terminal_authentication"),
        (ProtocolState.NOT_OFFERED, CheckResult.NOT_SUPPORTED, "no_terminal_authentication"),
        (ProtocolState.REFUSED, CheckResult.FAILED, "terminal_refused"),
        (ProtocolState.BROKEN, CheckResult.ABORTED, "chip_session_broken"),
    ],
)
def test_terminal_authentication(state: ProtocolState, result: CheckResult, code: str) -> None:
    facts = gather_facts(evidence(protocols={"terminal_authentication": state}), trust(), TODAY)
    check = check_terminal_authentication(facts)
    assert (check.name, check.result, check.code) == (CheckName.TERMINAL_AUTHENTICATION, result, code)


def test_of_a_chip_that_never_opened_nothing_is_known() -> None:
    """Not "offers no proof": what it offers stands in files that it gave to nobody."""
    closed = ChipEvidence({ElementaryFile.CARD_ACCESS: b"\x31\x00"}, ())
    assert genuine(closed)[:2] == (CheckResult.UNDETERMINED, "chip_not_read")
    assert genuine(ChipEvidence({ElementaryFile.COM: b"\x60\x00"}, ()))[:2] == (CheckResult.NOT_SUPPORTED, "no_chip_proof")


def test_no_chip_proves_nothing() -> None:
    facts = gather_facts(None, trust(), TODAY)
    assert check_chip_genuine(facts).code == check_terminal_authentication(facts).code == "chip_not_read"
    unproven = gather_facts(evidence(protocols={"chip_authentication": NOT_RUN}), trust(), TODAY)
    assert check_chip_genuine(unproven).code == "chip_proof_not_run"


def test_weakened_card_access_is_found_out_by_either_signed_copy() -> None:
    """An attacker strikes a way of PACE from EF.CardAccess, which nobody signs; DG14 or EF.CardSecurity still has it."""
    found = mapping_only()
    offered = parse_card_access(found.files[ElementaryFile.CARD_ACCESS]).pace
    weaker = encode_card_access((replace(offered[0], parameter_id=12),))
    for kept in (ElementaryFile.DG14, CARD_SECURITY):
        hidden = {file: None for file in (ElementaryFile.DG14, CARD_SECURITY) if file is not kept}
        facts = gather_facts(with_files(found, {ElementaryFile.CARD_ACCESS: weaker, **hidden}), trust(), TODAY)
        assert check_chip_access(facts).code == "pace_infos_differ"
    unsigned = with_files(
        found,
        {
            ElementaryFile.CARD_ACCESS: weaker,
            ElementaryFile.DG14: None,
            CARD_SECURITY: encode_card_security(signed_content(found.files[CARD_SECURITY]), utopia().impostor),
        },
    )
    assert check_chip_access(gather_facts(unsigned, trust(), TODAY)).code == ""
    assert check_chip_access(gather_facts(found, trust(), TODAY)).code == ""
