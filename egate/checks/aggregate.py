"""Several results taken together: failed > aborted > undetermined > successful > not supported (TR-03135-1 §3.8)."""

from __future__ import annotations

from collections.abc import Iterable

from egate.checks.catalogue import group_of
from egate.model.checks import Check, CheckGroup, CheckResult


def aggregate(results: Iterable[CheckResult]) -> CheckResult:
    """The result of several results: the largest. Of none it is undetermined, since nothing was found out."""
    return max(results, default=CheckResult.UNDETERMINED)


def aggregate_groups(checks: Iterable[Check]) -> dict[CheckGroup, CheckResult]:
    """The result of each group that has at least one check, in the order of the groups."""
    found: dict[CheckGroup, list[CheckResult]] = {}
    for check in checks:
        found.setdefault(group_of(check.name), []).append(check.result)
    return {group: aggregate(found[group]) for group in CheckGroup if group in found}
