"""The lane and the application make a few findings of their own; their codes and results are the catalogue's.

The lane may not import the checks (they are strangers), so the sources are read instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from egate.checks.catalogue import ending
from egate.model.checks import CheckName, CheckResult

ROOT = Path(__file__).parents[3]
SOURCES = sorted([*(ROOT / "egate" / "lane").rglob("*.py"), *(ROOT / "egate" / "app").glob("*.py")])

SHORTCUTS = {
    "refer_fault": (CheckName.LANE_HEALTH, CheckResult.FAILED),
    "break_off": (CheckName.LANE_HEALTH, CheckResult.ABORTED),
}
"""Methods of the lane that make a finding of their one argument."""


def calls(path: Path) -> Iterator[tuple[str, list[ast.expr]]]:
    """Name and arguments of every call in a source file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", ""), node.args


def written_findings() -> Iterator[tuple[CheckName, CheckResult, str]]:
    """Every finding that is written out with a literal code."""
    for path in SOURCES:
        for name, arguments in calls(path):
            code = arguments[-1].value if arguments and isinstance(arguments[-1], ast.Constant) else None
            words = [argument.attr for argument in arguments if isinstance(argument, ast.Attribute)]
            if not isinstance(code, str):
                continue
            if name in SHORTCUTS and len(arguments) == 1:
                yield *SHORTCUTS[name], code
            elif name == "health" and words:
                yield CheckName.LANE_HEALTH, CheckResult[words[0]], code
            elif name == "Check" and len(words) == 2:
                yield CheckName[words[0]], CheckResult[words[1]], code


def test_every_finding_of_the_lane_is_in_the_catalogue() -> None:
    found = set(written_findings())
    assert len(found) >= 15
    wrong = []
    for name, result, code in sorted(found, key=str):
        try:
            known = ending(name, code).result
        except KeyError:
            wrong.append(f"{name.value}:{code} is not in the catalogue")
            continue
        if known is not result:
            wrong.append(f"{name.value}:{code} is {known.word} in the catalogue and {result.word} in the lane")
    assert wrong == []
