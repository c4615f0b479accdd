"""Evidence of chips for tests: what a reading of a simulated passport yields, with parts of it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drivers.sim.passport.issuer import Defect
from egate.checks.document import check_document
from egate.checks.profile import default_profile
from egate.model.checks import Check, CheckName
from egate.model.document import ChipEvidence, ElementaryFile, Mrz, ProtocolOutcome, ProtocolState
from egate.mrtd.files.mrz import parse_mrz
from tests.unit.sim.sample_state import ERIKA, TODAY, chip, trust, utopia

PROFILE = default_profile()
MRZ = parse_mrz(utopia().mrz_lines(ERIKA))
NOT_OFFERED, COMPLETED = ProtocolState.NOT_OFFERED, ProtocolState.COMPLETED
REFUSED, BROKEN, NOT_RUN = ProtocolState.REFUSED, ProtocolState.BROKEN, ProtocolState.NOT_RUN


def evidence(
    defect: Defect = Defect.NONE,
    protocols: Mapping[str, ProtocolState] | None = None,
    without: tuple[ElementaryFile, ...] = (),
    changed: Mapping[ElementaryFile, bytes] | None = None,
) -> ChipEvidence:
    """What a reading yields; `protocols` replaces the outcomes of a smooth one, files may be missing or changed."""
    smooth = {"pace": COMPLETED, "chip_authentication": COMPLETED, "active_authentication": NOT_OFFERED}
    outcomes = smooth | dict(protocols or {})
    files = {file: data for file, data in chip(defect=defect).files.items() if file not in without} | dict(changed or {})
    return ChipEvidence(files, tuple(ProtocolOutcome(name, state) for name, state in outcomes.items()))


def judged(found: ChipEvidence | None, mrz: Mrz | None = MRZ) -> dict[CheckName, Check]:
    """All checks of a document under the default profile, by name."""
    return {check.name: check for check in check_document(mrz, found, trust(), TODAY, PROFILE)}


def misprinted(**changes: str) -> Mrz:
    """The printed zone with other contents."""
    return replace(MRZ, **changes)  # type: ignore[arg-type]  # the names are checked by replace
