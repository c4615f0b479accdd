"""Descriptions and calibrations for the engines' tests."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

SDK = Path(__file__).parents[3] / "sdk"
BAD_PROGRAM, DLIB_PROGRAM = SDK / "bad_program.py", SDK / "dlib_program.py"
PYTHON = Path(sys.executable).resolve()
PYTHON_HASH = hashlib.sha256(PYTHON.read_bytes()).hexdigest()
LIBRARIES = os.pathsep.join(entry for entry in sys.path if entry.endswith("site-packages"))


def program_description(script: Path, arguments: list[str], *, model: str, metric: str, answer_ms: int = 300) -> str:
    """The page of TOML about a Python script as a face program."""
    words = ", ".join(f'"{word}"' for word in (str(script), *arguments))
    return f"""
name = "acme"
licence = "contract 7"
model = "{model}"
metric = "{metric}"

[program]
path = "{PYTHON}"
sha256 = "{PYTHON_HASH}"
arguments = [{words}]
environment = {{ PYTHONPATH = "{LIBRARIES}" }}

[[files]]
path = "{script}"
sha256 = "{hashlib.sha256(script.read_bytes()).hexdigest()}"

[limits]
answer_ms = {answer_ms}
start_ms = {500 if "never_begins" in arguments else 10_000}
"""


def calibration_table(model_id: str) -> dict[str, object]:
    """A calibration that supports 0.1 % at 0.6."""
    evidence = [{"data_set": "gate", "comparisons": 100_000, "false_matches": 40}]
    return {
        "engine": "acme",
        "model_id": model_id,
        "made_on": "2026-11-24",
        "data_sets": [{"name": "gate", "gate_like": True, "non_mated": 100_000}],
        "points": [{"fmr_ppm": 1000, "threshold": 0.6, "evidence": evidence}],
        "scores": [],
        "limits": [],
    }
