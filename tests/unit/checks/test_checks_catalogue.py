"""The catalogue: complete, unambiguous, the same as the documentation, and free of anything personal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from egate.checks.catalogue import CATALOGUE, NOT_PERFORMED, describe, ending, finding, group_of, success
from egate.model.checks import CheckName, CheckResult

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "checks.md"


def documented_rows() -> list[tuple[str, ...]]:
    """The rows of all tables of the documentation, without headings and rules."""
    lines = DOCUMENTATION.read_text("utf-8").splitlines()
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("|")]
    return [row for row in rows if row[0].startswith("`")]


def test_every_check_has_an_entry_in_the_order_of_the_model() -> None:
    assert list(CATALOGUE) != []
    assert set(CATALOGUE) == set(CheckName)
    assert all(entry.name is name for name, entry in CATALOGUE.items())


def test_numbers_are_those_of_tr_03135_and_unique() -> None:
    """D5: 1 000 to 999 999."""
    numbers = [line.number for entry in CATALOGUE.values() for line in entry.endings]
    assert len(numbers) == len(set(numbers))
    assert all(1_000 <= number <= 999_999 for number in numbers)


@pytest.mark.parametrize("name", CheckName)
def test_codes_are_words_and_none_is_successful(name: CheckName) -> None:
    endings = CATALOGUE[name].endings
    codes = [line.code for line in endings]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", code) for code in codes)
    assert all(line.result is not CheckResult.SUCCESSFUL and line.text.endswith(".") for line in endings)
    assert codes[0] == NOT_PERFORMED
    assert CATALOGUE[name].meaning.endswith(".")


def test_finding_takes_its_result_from_the_catalogue() -> None:
    check = finding(CheckName.FACE_MATCH, "face_differs", "sface")
    assert (check.result, check.code, check.detail) == (CheckResult.FAILED, "face_differs", "sface")
    assert ending(CheckName.FACE_MATCH, "face_differs").number == 4203
    assert success(CheckName.FACE_MATCH).result is CheckResult.SUCCESSFUL
    with pytest.raises(KeyError):
        finding(CheckName.FACE_MATCH, "document_expired")


def test_describe_gives_a_sentence_for_each() -> None:
    texts = describe([finding(CheckName.FACE_MATCH, "face_differs"), success(CheckName.FACE_CAPTURE)])
    assert texts == (
        "The live face and the portrait do not match.",
        "A live image of one face was captured that is good enough to compare.",
    )


def test_documentation_lists_every_check() -> None:
    documented = {row[0].strip("`"): row for row in documented_rows() if len(row) == 3}
    assert documented == {
        name.value: (f"`{name.value}`", group_of(name).value, entry.meaning) for name, entry in CATALOGUE.items()
    }


def test_documentation_lists_every_ending() -> None:
    documented = [row for row in documented_rows() if len(row) == 5]
    expected = [
        (f"`{name.value}`", f"`{line.code}`", line.result.word, str(line.number), line.text)
        for name, entry in CATALOGUE.items()
        for line in entry.endings
    ]
    assert documented == expected
