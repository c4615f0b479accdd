"""The page of features loses none of them, and every test that it names as a proof exists.

`features.txt` beside this file is the list of what was asked, a heading and a feature a line. The page is the only table: a row
that has no proof says "no" and what is missing, and "partly" is followed by what is missing too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.fuzz.targets import targets

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "features.md"
ASKED = Path(__file__).with_name("features.txt").read_text(encoding="utf-8").splitlines()
COLUMNS = ("feature", "ours", "proved by", "gmrtd", "JMRTD", "NFCPassportReader", "pypassport", "pymrtd", "eMRTD_face_access")
OTHERS = 6
FUZZED = {
    "TLV": "tlv",
    "MRZ": "mrz",
    "APDU": "response",
    "CardAccess": "card_access",
    "SOD": "security_object",
    "certificates": "certificate",
    "CRL": "revocation_list",
    "lists": "master_list",
    "deviation lists": "deviation_list",
    "DG2": "dg2",
    "face record of 19794": "face_record_19794",
    "face record of 39794": "face_record_39794",
}
ATTACKS = (
    "downgrade",
    "replayed",
    "reordered",
    "reflected public key",
    "all-zero nonce",
    "unprotected answer",
    "signer of another country",
    "DG14 not covered by the SOD",
    "cloned chip",
    "swapped DG2",
)
_PROOF = re.compile(r"\[[^\]]+\]\(\.\./(tests/[\w/]+\.py)#(test_\w+)\)")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one table."""

    heading: str
    cells: tuple[str, ...]

    @property
    def name(self) -> str:
        """Heading and feature, as in the list of what was asked."""
        return f"{self.heading}: {self.cells[0]}"


def _rows() -> Iterator[Row]:
    """The rows of all tables of the page, heads included."""
    heading = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("|") and not line.startswith("|---"):
            yield Row(heading, tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))))


def features() -> list[Row]:
    """The rows of the comparison."""
    return [row for row in _rows() if len(row.cells) == len(COLUMNS) and row.cells != COLUMNS]


def attacks() -> list[Row]:
    """The rows of the table of attacks."""
    return [row for row in _rows() if row.heading == "Attacks" and row.cells[0] != "attack"]


@cache
def _tests_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_feature_that_was_asked_for_has_its_row() -> None:
    assert [row.name for row in features()] == ASKED


def test_every_row_names_a_test_or_says_no() -> None:
    bare = [row.name for row in features() if not _PROOF.findall(row.cells[2]) and not re.match(r"no\b.*: .+", row.cells[1])]
    assert bare == []


def test_what_is_not_whole_says_what_is_missing() -> None:
    vague = [row.name for row in features() if not re.match(r"yes\b|(partly|no|no test yet): .+", row.cells[1])]
    assert vague == []


def test_no_cell_of_the_others_is_empty_or_guessed() -> None:
    """Yes, partly with what there is, not there, or not found out; a reason may follow."""
    wrong = [
        f"{row.name}: {cell}"
        for row in features()
        for cell in row.cells[-OTHERS:]
        if not re.match(r"(yes|partly|–|\?|3DES)(\b|$|:|,| )", cell)
    ]
    assert wrong == []


@pytest.mark.parametrize("row", [*features(), *attacks()], ids=lambda row: row.name)
def test_every_test_that_is_named_exists(row: Row) -> None:
    missing = [f"{path}::{name}" for cell in row.cells for path, name in _PROOF.findall(cell) if name not in _tests_of(path)]
    assert missing == []


def test_every_attack_has_a_row_with_a_test() -> None:
    names = [row.cells[0] for row in attacks() if _PROOF.search(row.cells[-1])]
    assert [attack for attack in ATTACKS if not any(name.startswith(attack) for name in names)] == []
    assert len(names) == len(attacks())


def test_every_area_of_bad_input_has_a_fuzz_target() -> None:
    """With seeds, but for the bare face records, whose seeds are published samples that may not be at hand."""
    known = targets()
    assert {area for area, name in FUZZED.items() if name not in known} == set()
    assert {name for name in FUZZED.values() if not known[name].seeds} <= {
        FUZZED["face record of 19794"],
        FUZZED["face record of 39794"],
    }
