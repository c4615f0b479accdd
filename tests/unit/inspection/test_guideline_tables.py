"""Every table of TR-03135-1 that combines results, walked whole: each combination of up to three parts with each result.

The expectations are written as the tables' rows say them, one row at a time, and not as our functions compute them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import pytest

from egate.inspection import guideline_tables as t
from egate.inspection.guideline_tables import Integrity, TrustStatus
from egate.model.checks import CheckResult

S, F, U = CheckResult.SUCCESSFUL, CheckResult.FAILED, CheckResult.UNDETERMINED
N, A = CheckResult.NOT_SUPPORTED, CheckResult.ABORTED

EVERYTHING = [parts for size in (1, 2, 3) for parts in product(CheckResult, repeat=size)]
Rule = Callable[[Iterable[CheckResult]], CheckResult]
Rows = dict[CheckResult, Callable[[tuple[CheckResult, ...]], bool]]

ALL_SUCCEED: Rows = {
    S: lambda parts: all(part is S for part in parts),
    F: lambda parts: F in parts,
    A: lambda parts: A in parts and F not in parts,
    U: lambda parts: F not in parts and A not in parts and any(part in (U, N) for part in parts),
}
"""Tables 5.27, 5.28, 5.31, 5.32, 5.39 and 5.22."""

UNSUPPORTED_DOES_NOT_COUNT: Rows = {
    S: lambda parts: S in parts and not {F, A, U} & set(parts),
    F: lambda parts: F in parts,
    A: lambda parts: A in parts and F not in parts,
    U: lambda parts: U in parts and not {F, A} & set(parts),
    N: lambda parts: all(part is N for part in parts),
}
"""Tables 5.2, 5.6 and 5.44."""

TABLES: dict[str, tuple[Rule, Rows]] = {
    "5.2": (t.overall, UNSUPPORTED_DOES_NOT_COUNT),
    "5.6": (t.optical, UNSUPPORTED_DOES_NOT_COUNT),
    "5.6 electronic": (t.electronic, UNSUPPORTED_DOES_NOT_COUNT),
    "5.44": (t.combined, UNSUPPORTED_DOES_NOT_COUNT),
    "5.22": (t.content, ALL_SUCCEED),
    "5.27": (t.together, ALL_SUCCEED),
    "5.7": (
        t.mrz,
        {
            S: lambda parts: S in parts and not {F, A, U} & set(parts),
            F: lambda parts: F in parts,
            A: lambda parts: F not in parts and bool({A, U} & set(parts)),
            N: lambda parts: all(part is N for part in parts),
        },
    ),
    "5.17": (
        t.access,
        {
            S: lambda parts: all(part is S for part in parts),
            F: lambda parts: F in parts,
            A: lambda parts: F not in parts and bool({A, U} & set(parts)),
            N: lambda parts: N in parts and not {F, A, U} & set(parts),
        },
    ),
    "5.18": (
        t.bac_or_pace,
        {
            S: lambda parts: S in parts,
            F: lambda parts: F in parts and S not in parts,
            A: lambda parts: not {S, F} & set(parts) and bool({A, U} & set(parts)),
            N: lambda parts: all(part is N for part in parts),
        },
    ),
    "5.23": (
        t.chip_authenticity,
        {
            S: lambda parts: S in parts,
            F: lambda parts: F in parts and S not in parts,
            A: lambda parts: A in parts and not {S, F} & set(parts),
            U: lambda parts: U in parts and not {S, F, A} & set(parts),
            N: lambda parts: all(part is N for part in parts),
        },
    ),
    "5.34": (
        t.validity,
        {
            S: lambda parts: S in parts and not {F, A, U} & set(parts),
            F: lambda parts: F in parts,
            A: lambda parts: A in parts and F not in parts,
            U: lambda parts: not {F, A} & set(parts) and (U in parts or S not in parts),
        },
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_combination_has_the_row_that_the_table_gives_it(table: str) -> None:
    rule, rows = TABLES[table]
    for parts in EVERYTHING:
        expected = [result for result, row in rows.items() if row(parts)]
        assert [rule(parts)] == expected, (table, parts)


def test_no_table_gives_a_value_that_it_does_not_know() -> None:
    unknown = {"5.7": {U}, "5.17": {U}, "5.18": {U}, "5.22": {N}, "5.27": {N}, "5.34": {N}}
    for table, values in unknown.items():
        rule, _rows = TABLES[table]
        assert not {rule(parts) for parts in EVERYTHING} & values, table


def test_nothing_at_all_is_no_success() -> None:
    for table, (rule, _rows) in TABLES.items():
        assert rule(()) is not S, table


def test_the_order_of_parts_does_not_matter() -> None:
    for rule, _rows in TABLES.values():
        for parts in EVERYTHING:
            assert rule(parts) is rule(tuple(reversed(parts)))


def test_data_groups_together() -> None:
    """Table 5.41: one that differs fails; else one that was aborted aborts; all that were read identical is a success."""
    for size in (0, 1, 2, 3):
        for parts in product(Integrity, repeat=size):
            read = [part for part in parts if part not in (Integrity.PRESENT, Integrity.NOT_PRESENT)]
            if Integrity.NOT_IDENTICAL in parts:
                expected = F
            elif Integrity.ABORTED in parts:
                expected = A
            elif read and all(part is Integrity.IDENTICAL for part in read):
                expected = S
            else:
                expected = U
            assert t.data_groups(parts) is expected, parts


def test_a_trust_status_is_a_success_only_when_trusted() -> None:
    """Table 5.38: what rests on a certificate that is not trusted must not be rated as trusted."""
    assert {status: t.of_trust(status) for status in TrustStatus} == {
        TrustStatus.TRUSTED: S,
        TrustStatus.NOT_TRUSTED: F,
        TrustStatus.UNDETERMINED: U,
        TrustStatus.ABORTED: A,
    }
