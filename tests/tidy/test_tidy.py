"""The repository polices itself: sizes, docstrings, documentation that cannot drift, words that must not appear."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from egate.app.reference import commands_page, configuration_page
from egate.model.checks import CheckName
from egate.model.lane import LanePhase

ROOT = Path(__file__).resolve().parents[2]
LARGEST_FILE_LINES = 500
LARGEST_FUNCTION_LINES = 50
PRODUCT = ("egate", "drivers", "enrolment", "ui")


def _files(*endings: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = [name for name in listed.decode().split("\0") if name]
    return [ROOT / name for name in names if name.endswith(endings) and (ROOT / name).exists()]


def _product() -> list[Path]:
    return [path for path in _files(".py") if path.relative_to(ROOT).parts[0] in PRODUCT]


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_the_budget() -> None:
    long = [f"{p.relative_to(ROOT)}: {n}" for p in _files(".py") if (n := len(p.read_text().splitlines())) > LARGEST_FILE_LINES]
    assert long == []


def test_no_function_of_the_product_is_longer_than_the_budget() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in _product()
        for function in _functions(ast.parse(path.read_text()))
        if function.end_lineno is not None and function.end_lineno - function.lineno + 1 > LARGEST_FUNCTION_LINES
    ]
    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(p.relative_to(ROOT)) for p in _files(".py") if not ast.get_docstring(ast.parse(p.read_text()))]
    assert silent == []


def _words(name: str) -> set[str]:
    """`keepFoo_bar` and `KeepFoo` as words in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_no_name_uses_a_word_that_the_glossary_leaves_out() -> None:
    """Names of our own: functions, classes, arguments, modules. JPEG calls its passes scans; that word is the standard's."""
    left_out = {
        "handle",
        "handler",
        "manager",
        "helper",
        "helpers",
        "util",
        "utils",
        "fake",
        "deny",
        "denied",
        "user",
        "liveness",
    }
    left_out |= {"validate", "validator", "scanner"}
    found = []
    for path in _product():
        names = [path.stem]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.append(node.name)
            elif isinstance(node, ast.arg):
                names.append(node.arg)
        found += [f"{path.relative_to(ROOT)}: {name}" for name in names if _words(name) & left_out]
    assert found == []


def test_every_ignore_carries_a_reason() -> None:
    bare = re.compile(r"#\s*(noqa(?!: [A-Z0-9, ]+ (-|–) )|type: ignore(?!\[[a-z-, ]+\]\s+#))")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _product()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def test_reference_pages_are_what_the_program_says() -> None:
    assert (ROOT / "docs/commands.md").read_text() == commands_page()
    assert (ROOT / "docs/configuration.md").read_text() == configuration_page()


def test_every_check_and_phase_is_documented() -> None:
    checks, lane = (ROOT / "docs/checks.md").read_text(), (ROOT / "docs/lane.md").read_text()
    assert [name.value for name in CheckName if name.value not in checks] == []
    assert [phase.value for phase in LanePhase if phase.value not in lane.lower()] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/adr").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in _files(".md"):
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if not target.startswith(("http:", "https:", "mailto:")) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert broken == []


@pytest.mark.parametrize(
    "words",
    [
        ("pypi" + ".org", "python" + "hosted", "registry.npm" + "js", "deb.debian" + ".org"),
        ("/wo" + "rk/", "/ro" + "ot/"),
    ],
)
def test_no_package_host_or_machine_path_is_named(words: tuple[str, ...]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in _files(".py", ".md", ".toml", ".txt", ".in", ".lock", "Makefile", "setup", "check", "run")
        for word in words
        if word in path.read_text()
    ]
    assert found == []


def test_no_photograph_is_kept_here() -> None:
    assert [str(path.relative_to(ROOT)) for path in _files(".jpg", ".jpeg", ".jp2", ".bmp")] == []
