"""On the shared pictures: shipped evidence is what is counted, and face_recognition gives what the pages say (D1).

Slow; without the data these tests skip.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from egate.app.cli import main
from egate.faces.evaluation.score_file import parse_score_file
from tests.evaluate.library import DEFAULT_TOLERANCE, by_command_line, by_compare_faces, by_our_engine
from tests.evaluate.sets import london_both
from tests.shared_data import shared_path

LONDON = "Face Research Lab London Set, 51 people"
TOLERATED = 0.05
"""Our engine finds faces in a picture reduced to 640 pixels, the library in the whole one."""


@pytest.mark.slow
def test_shipped_evidence_is_what_is_counted(tmp_path: Path) -> None:
    """D1: every row that says `make evaluate` reproduces it has the counts that the shared pictures give."""
    chosen = london_both(shared_path("face"), tmp_path / "sets")
    words = ["faces", "evaluate", str(chosen.folder), *chosen.options, "--name", "London", "--work", str(tmp_path / "work")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    counts = parse_score_file((tmp_path / "out" / "scores.csv").read_bytes()).counts
    table = json.loads(resources.files("egate.faces.calibrations").joinpath("sface.json").read_text("utf-8"))
    found = [
        (point["threshold"], row) for point in table["points"] for row in point["evidence"] if row["data_set"].startswith(LONDON)
    ]
    assert found
    for threshold, row in found:
        rate = counts.fmr(threshold)
        assert (rate.events, rate.trials) == (row["false_matches"], row["comparisons"])


@pytest.mark.slow
def test_face_recognition_gives_what_the_pages_say(tmp_path: Path) -> None:
    """The library's command line, `compare_faces` and our dlib engine on the same 102 files."""
    shared = shared_path("face")
    printed = by_command_line(shared, tmp_path)
    ours = by_our_engine(tmp_path)
    said = by_compare_faces(shared, tmp_path)
    assert len(printed) == len(said) == 51 * 51
    assert max(abs(printed[pair] - ours[pair]) for pair in printed) < TOLERATED
    assert all(said[pair] == (printed[pair] <= DEFAULT_TOLERANCE) for pair in said), "the command line and the function agree"
    library = json.loads((Path(__file__).resolve().parents[4] / "docs" / "accuracy.json").read_text("utf-8"))["library"]
    false = sum(same for (one, two), same in said.items() if one != two)
    assert (false, 51 * 50) == (library["false_matches"]["events"], library["false_matches"]["trials"])
