"""One simulated State and one passport for all tests here, and a fresh lane for each."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from drivers.sim.passport.issuer import SimulatedIssuer
from tests.unit.app.app_bench import TODAY, Lane, Passport, make_lane, make_passport


@pytest.fixture(scope="session")
def issuer() -> SimulatedIssuer:
    return SimulatedIssuer.create("UTO", secrets.token_bytes, TODAY)


@pytest.fixture(scope="session")
def passport(issuer: SimulatedIssuer) -> Passport:
    return make_passport(issuer)


@pytest.fixture
def lane(tmp_path: Path, issuer: SimulatedIssuer) -> Lane:
    return make_lane(tmp_path / "lane", issuer)
