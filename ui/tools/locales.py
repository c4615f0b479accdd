"""Compile the catalogues: `python -m ui.tools.locales` turns every `ui/locale/**/*.po` into the `.mo` beside it.

Both are committed, so that no machine at a gate needs Babel; a test compares them.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE_DIRECTORY = Path(__file__).resolve().parent.parent / "locale"


def compile_catalogue(path: Path) -> bytes:
    """The compiled form of one `.po` file; raises Babel's PoFileError for a file that is not one."""
    with path.open("rb") as stream:
        texts = read_po(stream, locale=path.parent.parent.name, domain=path.stem, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, texts)
    return compiled.getvalue()


def main() -> int:
    """Compile every catalogue."""
    for path in sorted(LOCALE_DIRECTORY.glob("*/LC_MESSAGES/*.po")):
        path.with_suffix(".mo").write_bytes(compile_catalogue(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
