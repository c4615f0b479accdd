"""The technician's page is run as it stands: emulators on pseudo terminals, then its commands in their order (T2, T3, T5, T6)."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from drivers.sim.passport.issuer import SimulatedIssuer
from drivers.sim.scene import empty_gate, write_scene
from egate.app import cli
from egate.app.clock import SystemClock
from egate.app.demo.installation import Installation, make_installation
from tests.unit.app.app_bench import TODAY
from tests.unit.drivers.wires import run

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs/technician.md"
ENDS = {"diff": 1}
"""Commands whose exit status is not 0 when all is well: files that differ."""
OUTSIDE = ("apt-get ", "tools/setup ", ". ")
"""What makes a machine ready; the program files named must be there."""
SHELL = ("sed ", "mkdir ", "mkfifo ", "cp ")
ONLY_READ = ("egate demo", "egate run", "egate config rollback --overdue")
"""Made here by hand, slow, or only on a machine with services: their arguments are parsed."""


def commands() -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@contextmanager
def emulator(line: str, port: Path) -> Iterator[None]:
    """One emulated device, until its typed lines end."""
    command, _, pipe = line.partition(" <> ")
    typed = os.open(pipe, os.O_RDWR) if pipe else subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *shlex.split(command)[1:]], stdin=typed, stdout=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        if pipe:
            os.close(typed)
        try:
            run(_there(port))
            yield
        finally:
            process.terminate()
            process.wait(10)


async def _there(port: Path) -> None:
    while not port.exists():
        await SystemClock().sleep(0.02)


def test_the_page_does_what_it_says(
    tmp_path: Path, issuer: SimulatedIssuer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("egate.app.devices.recognise.OSDP_ADDRESSES", range(2))
    monkeypatch.setattr("egate.app.commissioning.steps.unit.POLLS", 20)
    monkeypatch.setattr("egate.app.commissioning.steps.unit.REPEATS_OF_100", 50)
    monkeypatch.setattr("egate.app.commissioning.steps.unit.REST_S", 0.2)
    place = make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [])[0]
    write_scene(place.scene.parent / "empty", empty_gate(count=4, size=(120, 160)))
    place.scene.symlink_to(place.scene.parent / "empty")
    before = place.config.read_text()
    numbers, shown = [], ""
    with ExitStack() as emulators:
        for line in commands():
            words = line.split(" && ")[0].replace("DIR", str(place.root))
            if words.startswith("python -m drivers.sim."):
                emulators.enter_context(emulator(words, Path(shlex.split(words)[shlex.split(words).index("--pty") + 1])))
            elif words.startswith(OUTSIDE):
                assert words.split()[0] in ("apt-get", ".") or (ROOT / words.split()[0]).exists()
            elif words.startswith(SHELL):
                subprocess.run(words, shell=True, check=True, cwd=ROOT)
            elif words.startswith(ONLY_READ):
                given = shlex.split(words)[1:]
                assert cli.build_parser(given[0]).parse_args(given).command == given[0]
            else:
                given = shlex.split(words)[1:]
                assert cli.main(given) == ENDS.get(given[1], 0), (words, capsys.readouterr())
            numbers.append(_number(place))
            shown += capsys.readouterr().out
    assert 2 in numbers
    assert place.config.read_text() == before
    assert "INCOMPLETE" not in shown.upper()
    for words in (
        'driver = "pn532"',
        'driver = "osdp"',
        "  good: ",
        "[lane] number",
        "Confirmed.",
        "Returned to the version before",
        "locks again by itself when the pulse ends",
        "Ready",
        "the exit was seen to open, close and lock",
        "emergency follows, there and back",
        "proved by hand",
        "The signature of key",
        "without personal data or keys",
    ):
        assert words.strip() in shown


def _number(place: Installation) -> int:
    found = re.search(r"^number = (\d+)", place.config.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
