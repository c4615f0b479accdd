"""The page of requirements loses none of them, and every test that it names exists and cites the requirement.

`requirements.txt` beside this file is the list of the numbers that were asked, a heading of the page a line. A row says yes,
partly or no; the last two say what is missing, and what has no test at all is a no.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "requirements.md"
ASKED = Path(__file__).with_name("requirements.txt").read_text(encoding="utf-8").splitlines()
HEAD = ("number", "requirement", "proved by", "state")
_PROOF = re.compile(r"\[[^\]]+\]\(\.\./(tests/[\w/]+\.py)#(test_\w+)\)")
_STATE = re.compile(r"yes|(?:partly|no): \S.*")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one table."""

    heading: str
    number: str
    words: str
    proofs: tuple[tuple[str, str], ...]
    state: str


def rows() -> Iterator[Row]:
    """The rows of all tables of the page, without their heads."""
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("|") and not line.startswith("|---"):
            cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|")))
            if cells != HEAD:
                number, words, proofs, state = cells
                yield Row(heading, number, words, tuple(_PROOF.findall(proofs)), state)


def asked() -> list[tuple[str, str]]:
    """Heading and number of everything that was asked, in its order."""
    found = []
    for line in ASKED:
        heading, first, last = re.fullmatch(r"(.+): [A-Z](\d+)-[A-Z](\d+)", line).groups()  # type: ignore[union-attr]  # raises
        letter = line.split(": ")[1][0]
        found += [(heading, f"{letter}{number}") for number in range(int(first), int(last) + 1)]
    return found


@cache
def _docstrings(path: str) -> dict[str, str]:
    """What each test of a file says, with what the file says at its top."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    top = ast.get_docstring(tree) or ""
    return {test.name: f"{top}\n{ast.get_docstring(test) or ''}" for test in tests}


def test_every_requirement_has_its_row() -> None:
    assert [(row.heading, row.number) for row in rows()] == asked()


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: f"{row.heading.split()[0]} {row.number}")
def test_a_row_says_what_it_asks_and_how_it_stands(row: Row) -> None:
    assert row.words
    assert _STATE.fullmatch(row.state), row.state
    assert bool(row.proofs) == (not row.state.startswith("no:")), "what is proved has a test, what has none is a no"


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: f"{row.heading.split()[0]} {row.number}")
def test_every_proof_exists_and_cites_its_requirement(row: Row) -> None:
    for path, name in row.proofs:
        said = _docstrings(path).get(name)
        assert said is not None, f"{path} has no {name}"
        assert re.search(rf"\b{row.number}\b", said), f"{name} does not cite {row.number}"


def test_safety_is_proved_throughout() -> None:
    """What must never be broken has no gap."""
    assert {row.number: row.state for row in rows() if row.heading == ASKED[0].split(":")[0] and row.state != "yes"} == {}
