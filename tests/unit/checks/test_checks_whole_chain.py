"""From a chip's first answer to the decision: a simulated passport is read over APDUs, judged, and decided about.

Both ends are ours, so this proves that the parts fit; that each is right, vectors and foreign peers prove elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.issuer import OLDER_CHIP, ActiveKind, ChipKind, Defect
from drivers.sim.passport.personalisation import ChipPersonalisation
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.model.checks import CheckName, DecisionPoint, Outcome
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.reading import ReadRequest
from tests.unit.checks.evidence import MRZ, PROFILE
from tests.unit.mrtd.chip_reading import read
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, chip, seeded, trust, utopia


def evidence_of(personalisation: ChipPersonalisation) -> ChipEvidence:
    simulated = SimulatedChip(personalisation, seeded(b"chip"))
    return read(simulated.transceive, ReadRequest(MRZ.information))


def reasons(evidence: ChipEvidence) -> list[str]:
    checks = check_document(MRZ, evidence, trust(), TODAY, PROFILE)
    decision = decide(checks, PROFILE, DecisionPoint.ENTRY)
    assert (decision.outcome is Outcome.ADMIT) is (not decision.because)
    return [f"{check.name.value}:{check.code}" for check in decision.because]


@pytest.mark.parametrize(
    ("defect", "expected"),
    [
        (Defect.NONE, []),
        (Defect.CLONED, ["chip_genuine:chip_authentication_failed"]),
        (Defect.FORGED_DATA, ["data_group_hashes:data_group_hash_wrong"]),
        (
            Defect.UNKNOWN_ISSUER,
            ["certificate_chain:issuer_unknown", "issuer_matches_certificate:no_certificate_country"],
        ),
    ],
)
def test_each_defect_is_found_for_its_own_reason(defect: Defect, expected: list[str]) -> None:
    assert reasons(evidence_of(chip(defect=defect))) == expected


@pytest.mark.parametrize(("pace", "bac", "opened_by"), [(True, True, "pace"), (True, False, "pace"), (False, True, "bac")])
def test_way_of_access_is_in_the_record(pace: bool, bac: bool, opened_by: str) -> None:
    evidence = evidence_of(utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=ChipKind(pace, bac)))
    checks = {check.name: check for check in check_document(MRZ, evidence, trust(), TODAY, PROFILE)}
    assert checks[CheckName.CHIP_ACCESS].detail == opened_by
    assert reasons(evidence) == []


def test_clone_that_hides_its_key() -> None:
    """A copier who leaves DG14 out of the copy gets no further than one who leaves it in."""
    personalisation = chip()
    files = dict(personalisation.files)
    del files[ElementaryFile.DG14]
    hidden = replace(personalisation, files=files, chip_authentication_key=None)
    assert reasons(evidence_of(hidden)) == ["chip_genuine:chip_key_withheld"]


@pytest.mark.parametrize("signs_with", ActiveKind)
@pytest.mark.parametrize(
    ("defect", "expected"), [(Defect.NONE, []), (Defect.CLONED, ["chip_genuine:active_authentication_failed"])]
)
def test_older_passport_proves_itself_by_a_signature(signs_with: ActiveKind, defect: Defect, expected: list[str]) -> None:
    """No chip authentication; a copy has DG15 but not its private key, and that alone is what fails."""
    kind = replace(OLDER_CHIP, active_authentication=signs_with)
    evidence = evidence_of(utopia().personalise(ERIKA, PORTRAIT, SIZE, defect=defect, kind=kind))
    assert evidence.outcome("chip_authentication").state is ProtocolState.NOT_OFFERED
    proven = evidence.outcome("active_authentication").state is ProtocolState.COMPLETED
    assert proven is (defect is Defect.NONE)
    assert reasons(evidence) == expected


def test_copy_of_an_older_passport_that_hides_its_key() -> None:
    """Leaving DG15 out of the copy does not help either: its hash is signed."""
    personalisation = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=OLDER_CHIP)
    files = dict(personalisation.files)
    del files[ElementaryFile.DG15]
    hidden = replace(personalisation, files=files, active_authentication_key=None)
    assert reasons(evidence_of(hidden)) == ["chip_genuine:chip_key_withheld"]


def test_print_of_another_document_does_not_open_the_chip() -> None:
    other = utopia().personalise(replace(ERIKA, document_number="X99999999"), PORTRAIT, SIZE)
    assert "chip_access:access_keys_refused" in reasons(evidence_of(other))


def test_expired_passport() -> None:
    checks = check_document(MRZ, evidence_of(chip()), trust(), ERIKA.date_of_expiry + timedelta(days=1), PROFILE)
    decision = decide(checks, PROFILE, DecisionPoint.ENTRY)
    assert [check.code for check in decision.because] == ["document_expired"]
