"""The conformance kit over every built-in driver (L9, N13), and that each check has a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drivers.conformance.bench import Outcome
from drivers.conformance.kit import Check, checks_of, run_check, sentence_of
from egate.app.simulate.benches import all_benches, built_in
from tests.unit.drivers.wires import TestClock, run

BENCHES = all_benches(os.urandom)
LEAST_CHECKS = 25
CASES = [(name, check) for name, bench in sorted(BENCHES.items()) for check in checks_of(bench)]


@pytest.mark.parametrize(("name", "check"), CASES, ids=[f"{name}-{check.__name__}" for name, check in CASES])
def test_every_driver(tmp_path: Path, name: str, check: Check) -> None:
    """L9."""
    finding = run(run_check(check, BENCHES[name], tmp_path, TestClock(10)), 60)
    assert finding.outcome is not Outcome.FAILED, f"{finding.check} {finding.words}"


def test_no_driver_is_left_out() -> None:
    """N13: a driver that the table of drivers has, the kit has."""
    assert sorted(BENCHES) == sorted(built_in())


@pytest.mark.parametrize("name", sorted(BENCHES))
def test_the_kit_is_large_enough_and_every_check_has_a_sentence(name: str) -> None:
    checks = checks_of(BENCHES[name])
    assert len(checks) >= LEAST_CHECKS
    assert len({sentence_of(check) for check in checks}) == len(checks)
