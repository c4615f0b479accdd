"""The driver author's guide cannot drift away: every name in it is there, and its example of an entry point is one."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from drivers.conformance.bench import Outcome
from drivers.plugins import GROUP, DriverKind
from egate import ports

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "driver-authors.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`((?:drivers|egate)(?:\.\w+)+)`", GUIDE)) - {GROUP})


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_guide_is_there(name: str) -> None:
    module, _, last = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        assert hasattr(importlib.import_module(module), last)


def test_the_example_names_the_group() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.S)
    assert GROUP in tomllib.loads(example)["project"]["entry-points"]


def test_every_kind_and_every_method_is_told() -> None:
    rows = {kind: row for kind, row in re.findall(r"\| `([A-Z_]+)` \| (`\w+`: [^|]*)\|", GUIDE)}
    assert set(rows) == {kind.name for kind in DriverKind}
    for row in rows.values():
        port, methods = row.split(":", 1)
        told = set(re.findall(r"`(\w+)`", methods))
        there = {name for name in vars(getattr(ports, port.strip("` "))) if not name.startswith("_")}
        assert told <= there
        assert {name for name in there if not isinstance(vars(getattr(ports, port.strip("` ")))[name], property)} == told


def test_the_words_of_the_kit_are_told() -> None:
    assert [outcome.value for outcome in Outcome if f"`{outcome.value}`" not in GUIDE] == []
