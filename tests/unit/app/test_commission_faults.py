"""N12: the wizard names what is wrong with a lane, on seventy injected faults of wiring and configuration; T1, T4."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.commissioning.findings import MEND, Diagnosis
from egate.app.commissioning.steps import doors, readers, unit
from tests.unit.app.commission_bench import diagnoses, faults, make_stand
from tests.unit.app.commission_faults import FAULTS, Fault, put_away

ASKED_FOR = 40


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for a person waits less here."""
    monkeypatch.setattr(doors, "OPERATED_WITHIN_S", 2.0)
    monkeypatch.setattr(doors, "OPEN_SEEN_S", 2.5)
    monkeypatch.setattr(readers, "CHIP_WITHIN_S", 0.5)
    monkeypatch.setattr(readers, "MRZ_WITHIN_S", 1.5)
    monkeypatch.setattr(readers, "LISTEN_S", 4.0)
    monkeypatch.setattr(readers, "FRAMES", 4)
    monkeypatch.setattr(unit, "REST_S", 0.8)


def found_by_the_wizard(fault: Fault, root: Path, issuer: SimulatedIssuer) -> set[Diagnosis]:
    stand = make_stand(root, issuer)
    fault.break_it(stand)
    try:
        findings = asyncio.run(stand.commission(fault.steps))
    finally:
        put_away(stand)
    assert faults(findings) <= {fault.expected, *fault.also}, [f for f in findings if f.mend]
    return diagnoses(findings)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.quick], ids=lambda fault: fault.name)
def test_a_fault_is_named(fault: Fault, tmp_path: Path, issuer: SimulatedIssuer) -> None:
    """N12: the right word, and no other fault beside it."""
    assert fault.expected in found_by_the_wizard(fault, tmp_path / "lane", issuer)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.quick], ids=lambda fault: fault.name)
def test_a_fault_on_a_wire_is_named(fault: Fault, tmp_path: Path, issuer: SimulatedIssuer) -> None:
    """N12, T4: the faults that need a line, a pulse, or hands."""
    assert fault.expected in found_by_the_wizard(fault, tmp_path / "lane", issuer)


def test_there_are_more_faults_than_were_asked_for() -> None:
    """N12: each fault once, and every diagnosis with what to mend."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) > ASKED_FOR
    assert set(MEND) == set(Diagnosis) - {Diagnosis.NONE}
