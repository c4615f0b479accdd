"""Where the shared test data lies; a test that needs it skips with a clear reason when it is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parent.parent.parent / "shared"


def shared_path(*parts: str) -> Path:
    """The path of a shared test datum below `data/`; skips the calling test when the data are not on this machine."""
    path = Path(os.environ.get("EGATE_SHARED", str(_DEFAULT))).joinpath("data", *parts)
    if not path.exists():
        pytest.skip(f"shared test data {'/'.join(parts)} is not here; set EGATE_SHARED to the folder that holds data/")
    return path
