"""PACE with chip authentication mapping from the wire to the decision: a genuine chip, a copy, and a wire that pushes us down.

Issue: "a chip or a wire that tries to push us down is caught".
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_kinds import ChipKind, PaceWay
from drivers.sim.passport.defects import Defect
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.model.checks import DecisionPoint
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.access_policy import AccessPolicy
from egate.mrtd.files.security_infos import encode_card_access, parse_card_access
from egate.mrtd.reading import ReadRequest
from tests.unit.checks.evidence import MRZ, PROFILE
from tests.unit.mrtd.chip_reading import read
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, seeded, trust, utopia

KIND = ChipKind(ways=(PaceWay("cam"), PaceWay("gm"), PaceWay("im")))
READ_CARD_ACCESS = b"\x00\xb0\x9c"


def transceive_of(defect: Defect = Defect.NONE) -> tuple[Callable[[bytes], bytes], bytes]:
    """A chip with all three mappings, and its EF.CardAccess."""
    personalisation = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=KIND, defect=defect)
    return SimulatedChip(personalisation, seeded(b"chip")).transceive, personalisation.files[ElementaryFile.CARD_ACCESS]


def reasons(evidence: ChipEvidence) -> list[str]:
    decision = decide(check_document(MRZ, evidence, trust(), TODAY, PROFILE), PROFILE, DecisionPoint.ENTRY)
    return [f"{check.name.value}:{check.code}" for check in decision.because]


def test_a_genuine_chip_is_admitted() -> None:
    transceive, _ = transceive_of()
    evidence = read(transceive, ReadRequest(MRZ.information))
    assert evidence.outcome("chip_authentication_mapping").state is ProtocolState.COMPLETED
    assert reasons(evidence) == []


def test_a_copy_is_referred() -> None:
    transceive, _ = transceive_of(Defect.CLONED)
    evidence = read(transceive, ReadRequest(MRZ.information))
    assert evidence.outcome("pace").state is ProtocolState.COMPLETED
    assert evidence.outcome("chip_authentication_mapping").state is ProtocolState.BROKEN
    assert "chip_genuine:mapping_proof_failed" in reasons(evidence)


@pytest.mark.parametrize("kept", [(2,), (4,), (2, 4)])
def test_a_wire_that_strips_the_mapping_is_caught(kept: tuple[int, ...]) -> None:
    """Less than DG14 says, whose hash the issuer signed."""
    transceive, card_access = transceive_of()
    stripped = encode_card_access([info for info in parse_card_access(card_access).pace if info.mapping in kept])

    def wire(raw: bytes) -> bytes:
        return stripped + b"\x90\x00" if raw.startswith(READ_CARD_ACCESS) else transceive(raw)

    evidence = read(wire, ReadRequest(MRZ.information))
    assert evidence.outcome("chip_authentication_mapping").state is ProtocolState.NOT_RUN
    assert reasons(evidence) == ["chip_access:pace_infos_differ"]


def test_a_wire_that_hides_card_access_is_caught() -> None:
    transceive, _ = transceive_of()

    def wire(raw: bytes) -> bytes:
        return b"\x6a\x82" if raw.startswith(READ_CARD_ACCESS) else transceive(raw)

    evidence = read(wire, ReadRequest(MRZ.information))
    assert evidence.outcome("bac").state is ProtocolState.COMPLETED
    assert reasons(evidence) == ["chip_access:pace_withheld"]


def test_a_policy_without_the_mapping_is_no_downgrade() -> None:
    """What the agency does not want need not be run; the chip then proves itself by chip authentication."""
    transceive, _ = transceive_of()
    evidence = read(transceive, ReadRequest(MRZ.information, policy=AccessPolicy(mappings=("gm",))))
    assert evidence.outcome("pace").variant.startswith("ecdh-gm-")
    assert evidence.outcome("chip_authentication").state is ProtocolState.COMPLETED
    assert reasons(evidence) == []
