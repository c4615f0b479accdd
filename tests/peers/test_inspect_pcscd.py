"""`egate inspect` as a technician runs it, through pyscard, libpcsclite, pcscd and vsmartcard's virtual reader (none ours).

It needs what `test_pcscd.py` needs, and skips without it.
"""

from __future__ import annotations

import argparse
import secrets
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.reader.pcsc_service import load_pyscard
from drivers.sim.pace import LoopPace
from egate.app.clock import SystemClock
from egate.app.commands import inspect
from egate.app.simulate.making import make_document
from egate.app.simulate.recipe import parse_recipe
from egate.app.simulate.serving import serve_on_vpcd
from egate.model.errors import DeviceError
from tests.unit.app.test_inspect_command import Served

pytestmark = pytest.mark.foreign

PORT = 35_963


@pytest.fixture(autouse=True)
def _pcscd() -> None:
    try:
        load_pyscard()
    except DeviceError:
        pytest.skip("pyscard is not installed (extra pcsc)")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) != 0:
            pytest.skip("nothing listens on 127.0.0.1:35963; start pcscd with Debian's vsmartcard-vpcd")


@pytest.mark.parametrize(("defect", "status", "word"), [("none", 0, "ADMIT"), ("cloned", 1, "may be a copy")])
def test_a_technician_reads_a_passport(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], defect: str, status: int, word: str
) -> None:
    today = datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, UTC).date()
    made = make_document(parse_recipe(f'seed = "9"\ndefect = "{defect}"'.encode(), Path()), today)
    for name, data in made.trust.items():
        (tmp_path / name).write_bytes(data)
    parser = argparse.ArgumentParser()
    inspect.add_arguments(parser)
    given = ["--reader", "pcsc:Virtual PCD 00 00", "--trust", str(tmp_path), "--wait", "20", "--mrz", *made.document.lines]
    with Served(
        lambda: serve_on_vpcd(made.document, ("127.0.0.1", PORT), secrets.token_bytes, None, LoopPace(), lambda _text: None)
    ):
        ended = inspect.run(parser.parse_args(given))
    assert ended == status
    assert word in " ".join(capsys.readouterr().out.split())
