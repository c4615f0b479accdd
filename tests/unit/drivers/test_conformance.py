"""The conformance kit over every built-in driver of a serial line (L9), and that each check can fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drivers.conformance.bench import Outcome
from drivers.conformance.kit import CHECKS, Check, run_check, sentence_of
from egate.app.simulate.benches import benches
from tests.unit.drivers.wires import TestClock, run

BENCHES = benches(os.urandom)


@pytest.mark.parametrize("name", sorted(BENCHES))
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_driver_of_a_serial_line(tmp_path: Path, name: str, check: Check) -> None:
    """L9."""
    finding = run(run_check(check, BENCHES[name], tmp_path, TestClock(10)), 60)
    assert finding.outcome is not Outcome.FAILED, f"{finding.check} {finding.words}"


def test_the_kit_is_large_enough_and_every_check_has_a_sentence() -> None:
    assert len(CHECKS) >= 25
    assert len({sentence_of(check) for check in CHECKS}) == len(CHECKS)
