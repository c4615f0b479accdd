"""Enrolment at a desk whose devices are simulated at the far end of their wires: who may be registered, who not, what is said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from egate.app.demo.faces import ensure_demo_faces
from egate.app.demo.story import TRAVELLERS
from egate.model.errors import DeviceError

pytestmark = [pytest.mark.story, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True, scope="module")
def photographs() -> None:
    try:
        ensure_demo_faces()
    except DeviceError as error:
        pytest.skip(str(error))


def enrol(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "egate", "enrol", *arguments]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=100, check=False)


def test_a_traveller_who_agrees_is_registered_until_a_day() -> None:
    done = enrol("--simulate", "genuine", typed="yes\n")
    assert done.returncode == 0, done.stderr
    assert "Do you agree?" in done.stdout
    assert "Registered" in done.stdout
    assert "until 20" in done.stdout
    assert not any(traveller.surname in done.stdout + done.stderr for traveller in TRAVELLERS)


def test_a_traveller_who_does_not_agree_is_not() -> None:
    done = enrol("--simulate", "genuine", "--language", "de", typed="nein\n")
    assert done.returncode == 1
    assert "Not registered" in done.stdout
    assert "nothing is stored" in done.stdout.lower() or "nichts" in done.stdout.lower()


@pytest.mark.parametrize("name", ["lookalike", "forged-data", "cloned-chip", "expired"])
def test_whom_the_gate_would_refer_the_desk_does_not_register(name: str) -> None:
    done = enrol("--simulate", name, "--consent", "given")
    assert done.returncode == 1
    assert "Not registered" in done.stdout
    assert done.stderr == ""


def test_what_is_missing_is_said_in_one_line() -> None:
    done = enrol()
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--simulate" in done.stderr
