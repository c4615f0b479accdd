"""docs/simulated-documents.md says what the tables say, and its Python example runs."""

from __future__ import annotations

import contextlib
import io
import re
from datetime import date
from pathlib import Path

import pytest

from egate.app.simulate.document_file import encode_document
from egate.app.simulate.making import make_document
from egate.app.simulate.recipe import parse_recipe, reference
from egate.app.simulate.showing import defects_table, quirks_table

PAGE = Path(__file__).parents[3] / "docs/simulated-documents.md"


@pytest.mark.parametrize("table", [reference, quirks_table, defects_table])
def test_tables_are_the_tables(table: object) -> None:
    assert callable(table)
    assert f"\n\n{table()}\n\n" in PAGE.read_text(encoding="utf-8")


def test_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = make_document(parse_recipe(b"", Path()), date(2026, 11, 24)).document
    (tmp_path / "passport").mkdir()
    (tmp_path / "passport/passport.document").write_bytes(encode_document(document))
    monkeypatch.chdir(tmp_path)
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert found is not None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found.group(1), str(PAGE), "exec"), {})
    assert printed.getvalue().startswith("Spent(apdus=1, sent_bytes=12, received_bytes=2")
