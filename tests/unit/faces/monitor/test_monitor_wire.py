"""What the worker counted crosses the pipe unchanged; what no cache could have counted is refused (the worker is not trusted)."""

from __future__ import annotations

from typing import Any

import pytest

from egate.faces.monitor.counts import Impostors, Tally
from egate.faces.monitor.subject import Groups, Subject
from egate.faces.monitor.wire import counts_fields, parse_counts, parse_subject, subject_fields

WOMEN = Groups("18-29", "F", "UTO", "")
SOMEBODY = Subject((bytes(16), bytes(range(16))), WOMEN)
COUNTS = Impostors(WOMEN, Tally(200, 1), (Tally(40, 0), Tally(90, 1), Tally(3, 0), Tally(0, 0)))


def test_values_come_back() -> None:
    assert parse_subject(subject_fields(SOMEBODY)) == SOMEBODY
    assert parse_counts(counts_fields(COUNTS)) == COUNTS
    assert parse_counts(counts_fields(None)) is None


NAMES = ["18-29", "F", "UTO", ""]
NOTHING = [0, 0]


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [NAMES],
        [NAMES, [[1, 0]]],
        [NAMES, [[1, 2], NOTHING, NOTHING, NOTHING, NOTHING]],
        [NAMES, [[-1, 0], NOTHING, NOTHING, NOTHING, NOTHING]],
        [NAMES, [[2001, 0], NOTHING, NOTHING, NOTHING, NOTHING]],
        [NAMES, [[5, 0], [6, 0], NOTHING, NOTHING, NOTHING]],
        [NAMES, [[5, 0], [5, 1], NOTHING, NOTHING, NOTHING]],
        [NAMES, [[True, 0], NOTHING, NOTHING, NOTHING, NOTHING]],
        [NAMES, [[1.0, 0], NOTHING, NOTHING, NOTHING, NOTHING]],
        [NAMES, [NOTHING] * 6],
        [["F"], [NOTHING] * 5],
        [["x" * 9, "", "", ""], [NOTHING] * 5],
        [["é", "", "", ""], [NOTHING] * 5],
        [[1, "", "", ""], [NOTHING] * 5],
        ["FFFF", [NOTHING] * 5],
    ],
)
def test_impossible_counts_are_refused(fields: list[Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_counts(fields)


@pytest.mark.parametrize(
    "fields",
    [[], [[], NAMES], [[bytes(15)], NAMES], [["x" * 16], NAMES], [[bytes(16)] * 9, NAMES], [bytes(16), NAMES], [[bytes(16)], []]],
)
def test_what_is_no_subject_is_refused(fields: list[Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_subject(fields)
