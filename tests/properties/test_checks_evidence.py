"""Whatever a chip hands over, the checks of a document end in findings; and no change of its files is admitted."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from egate.checks.catalogue import describe
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.model.checks import CheckName, DecisionPoint, Outcome
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolOutcome, ProtocolState
from tests.unit.checks.evidence import MRZ, PROFILE, evidence
from tests.unit.sim.sample_state import TODAY, trust

FILES = [ElementaryFile[name] for name in ("SOD", "DG1", "DG2", "DG14", "DG15", "COM")]
PROTOCOLS = ["pace", "bac", "chip_authentication", "active_authentication", "secure_messaging", "application", "file"]
GENUINE = evidence()
DOCUMENT_CHECKS = 13

outcomes = st.lists(
    st.builds(ProtocolOutcome, st.sampled_from(PROTOCOLS), st.sampled_from(ProtocolState)),
    max_size=8,
)
contents = st.dictionaries(st.sampled_from(FILES), st.one_of(st.binary(max_size=64), st.none()), max_size=4)


@settings(max_examples=200, deadline=None)
@given(changes=contents, protocols=outcomes)
def test_every_evidence_is_judged(changes: dict[ElementaryFile, bytes | None], protocols: list[ProtocolOutcome]) -> None:
    files = {**GENUINE.files, **{file: data for file, data in changes.items() if data is not None}}
    present = {file: data for file, data in files.items() if not (file in changes and changes[file] is None)}
    checks = check_document(MRZ, ChipEvidence(present, tuple(protocols)), trust(), TODAY, PROFILE)
    assert len({check.name for check in checks}) == DOCUMENT_CHECKS
    assert len(describe(checks)) == DOCUMENT_CHECKS


@settings(max_examples=200, deadline=None)
@given(file=st.sampled_from(FILES[:4]), place=st.integers(0, 20_000), bit=st.integers(0, 7))
def test_one_turned_bit_in_a_signed_file_is_referred(file: ElementaryFile, place: int, bit: int) -> None:
    """At the entry door already. In EF.SOD some bytes are signed by nobody; then the finding is the same as before."""
    data = bytearray(GENUINE.files[file])
    data[place % len(data)] ^= 1 << bit
    found = ChipEvidence({**GENUINE.files, file: bytes(data)}, GENUINE.protocols)
    decision = decide(check_document(MRZ, found, trust(), TODAY, PROFILE), PROFILE, DecisionPoint.ENTRY)
    if decision.outcome is Outcome.ADMIT:
        assert file is ElementaryFile.SOD
    elif file is not ElementaryFile.SOD:
        assert CheckName.DATA_GROUP_HASHES in {check.name for check in decision.because}
