"""Drivers of other packages: chosen by name, built-in ones win, a broken one is a sentence and stops nobody else."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

import drivers
from drivers import PortSettings, make_boarding_pass_reader, make_chip_reader, make_mrz_reader, make_page_reader
from drivers.conformance.bench import Outcome
from drivers.conformance.kit import checks_of, run_check
from drivers.plugins import GROUP, DriverKind, DriverPlugin, entry_points, load_plugin
from drivers.reader.mrz_serial import SerialMrzReader
from drivers.reader.pn532 import Pn532Reader
from egate.app.cli import main
from egate.app.config import ConfigError
from egate.app.inspecting.desk_reader import open_reader, parse_reader
from egate.app.simulate.benches import bench_of
from egate.model.errors import DeviceError
from tests.unit.drivers.wires import TestClock, run

PORT = PortSettings("/dev/serial/by-path/x")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which packages can be installed, as pip leaves them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("brought_")]:
        del sys.modules[name]


def install(folder: Path, package: str, module: str, *names: str) -> None:
    """A package whose module is imported when one of its drivers is chosen."""
    (folder / f"brought_{package}.py").write_text(module)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = brought_{package}:plugin" for name in names]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]) + "\n")


GOOD = """
from pathlib import Path
from drivers import PortSettings, make_mrz_reader
from drivers.plugins import DriverKind, DriverPlugin
from drivers.sim.mrz_reader import SimulatedMrzReader
plugin = DriverPlugin(
    DriverKind.MRZ_READER,
    lambda settings, clock: make_mrz_reader("mrz_serial", settings, clock),
    lambda path, clock: SimulatedMrzReader(path, clock, baud=None),
    PortSettings(baud=9600),
)
"""


def test_a_driver_of_another_package_is_chosen_by_its_name(packages: Path) -> None:
    install(packages, "acme", GOOD, "acme_swipe")
    assert isinstance(make_mrz_reader("acme_swipe", PORT, TestClock()), SerialMrzReader)
    with pytest.raises(DeviceError, match="'acme_swipe' is a driver of a MRZ reader"):
        make_chip_reader("acme_swipe", PORT, TestClock())
    with pytest.raises(DeviceError, match=r"no driver 'abacus'; known: .*acme_swipe"):
        make_chip_reader("abacus", PORT, TestClock())


def test_a_built_in_driver_wins_and_the_other_is_not_even_imported(packages: Path) -> None:
    install(packages, "acme", "raise RuntimeError('imported')", "pn532")
    assert isinstance(make_chip_reader("pn532", PORT, TestClock()), Pn532Reader)
    assert "brought_acme" not in sys.modules


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("import a_library_that_is_not_there", r"it cannot be imported \(ModuleNotFoundError\)"),
        ("raise SystemError('x')", r"it cannot be imported \(SystemError\)"),
        ("plugin = 5", "names no drivers.plugins.DriverPlugin"),
        ("other = 5", r"cannot be imported \(AttributeError\)"),
    ],
)
def test_a_broken_one_is_a_sentence_and_stops_nobody_else(packages: Path, module: str, words: str) -> None:
    install(packages, "broken", module, "broken")
    install(packages, "acme", GOOD, "acme_swipe")
    with pytest.raises(DeviceError, match="load the driver 'broken' of package broken: .*" + words):
        make_mrz_reader("broken", PORT, TestClock())
    assert isinstance(make_mrz_reader("acme_swipe", PORT, TestClock()), SerialMrzReader)


def test_two_packages_with_one_name_are_both_refused(packages: Path) -> None:
    install(packages, "first", GOOD, "swipe")
    install(packages, "second", GOOD, "swipe")
    with pytest.raises(DeviceError, match=r"2 packages bring it \(package first, package second\)"):
        make_mrz_reader("swipe", PORT, TestClock())


def test_no_package_no_driver() -> None:
    assert load_plugin("absent", entry_points()) is None
    assert [entry for entry in entry_points() if entry.name in drivers.CHIP_READERS] == []
    assert metadata.entry_points(group=GROUP) is not None


def test_the_list_names_every_driver_and_what_is_wrong_with_one(packages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(packages, "acme", GOOD, "acme_swipe", "pn532")
    install(packages, "broken", "import a_library_that_is_not_there", "broken")
    assert main(["driver", "list"]) == 0
    said = capsys.readouterr().out
    for name in (*drivers.CHIP_READERS, *drivers.MRZ_READERS, *drivers.PAGE_READERS, *drivers.GATE_UNITS, *drivers.CAMERAS):
        assert re.search(rf"^{name} .* built in, (2[5-9]|[3-9]\d) checks$", said, re.MULTILINE)
    assert "acme_swipe           MRZ reader           package acme\n" in said
    assert "package acme: not used, a built-in driver has this name" in said
    assert "package broken: not usable, it cannot be imported (ModuleNotFoundError)" in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("abacus", "there is no driver 'abacus'; `egate driver list` shows them"),
        ("bare", "the package of 'bare' brings no emulator"),
        ("lens", "'lens' drives a camera"),
    ],
)
def test_what_cannot_be_checked_is_said(packages: Path, capsys: pytest.CaptureFixture[str], name: str, words: str) -> None:
    head = "from drivers.plugins import DriverKind, DriverPlugin\n"
    install(packages, "bare", head + "plugin = DriverPlugin(DriverKind.CHIP_READER, print)", "bare")
    install(packages, "lens", head + "plugin = DriverPlugin(DriverKind.CAMERA, print, print)", "lens")
    assert main(["driver", "check", name]) == 2
    assert words in capsys.readouterr().err


def test_a_plugin_shows_its_kind() -> None:
    assert DriverPlugin(DriverKind.GATE_UNIT, ModuleType).kind.value == "gate unit"


CHIP = """
from drivers import make_chip_reader
from drivers.plugins import DriverKind, DriverPlugin
plugin = DriverPlugin(DriverKind.CHIP_READER, lambda settings, clock: make_chip_reader("pn532", settings, clock))
"""
PASS = """
from drivers import PortSettings, make_boarding_pass_reader
from drivers.plugins import DriverKind, DriverPlugin
from drivers.sim.boarding_pass_reader import SimulatedPassReader
plugin = DriverPlugin(
    DriverKind.BOARDING_PASS_READER,
    lambda settings, clock: make_boarding_pass_reader("boarding_pass_serial", settings, clock),
    SimulatedPassReader,
    PortSettings(baud=9600),
)
"""
PAGES = """
from pathlib import Path
from drivers import PortSettings, make_page_reader
from drivers.plugins import DriverKind, DriverPlugin


class Scanner:
    number = 0

    def __init__(self, path, clock):
        self.path = path

    def plug(self):
        self.path.mkdir(exist_ok=True)

    def unplug(self):
        for file in self.path.glob("*"):
            file.unlink()
        if self.path.is_dir():
            self.path.rmdir()

    async def close(self):
        self.unplug()

    async def present(self, picture):
        Scanner.number += 1
        if self.path.is_dir():
            (self.path / f"{Scanner.number}.png").write_bytes(picture)


plugin = DriverPlugin(
    DriverKind.PAGE_READER, lambda settings, clock: make_page_reader("page_folder", settings, clock), Scanner
)
"""


def test_a_desk_takes_a_chip_reader_of_another_package(packages: Path) -> None:
    """`egate inspect --reader` names it as it names ours; what is another kind of device, or absent, is said."""
    install(packages, "acme", CHIP, "acme_pad")
    install(packages, "swipes", GOOD, "acme_swipe")
    name = parse_reader("acme_pad:/dev/serial/by-path/x")
    assert isinstance(open_reader(name, TestClock(), emulated=False), Pn532Reader)
    with pytest.raises(DeviceError, match="'acme_swipe' is a driver of a MRZ reader"):
        parse_reader("acme_swipe")
    with pytest.raises(ConfigError, match=r"no kind 'abacus'; known: pcsc, pn532, vpcd, acme_pad, acme_swipe"):
        parse_reader("abacus")


@pytest.mark.parametrize(("module", "name", "kind"), [(PASS, "acme_pass", "boarding pass"), (PAGES, "acme_page", "page")])
def test_a_package_brings_a_boarding_pass_or_page_reader(
    packages: Path, tmp_path: Path, module: str, name: str, kind: str
) -> None:
    """It is chosen by name, and the kit checks it against the emulator that the package brings (L9, N13)."""
    install(packages, "acme", module, name)
    make = make_boarding_pass_reader if kind == "boarding pass" else make_page_reader
    assert make(name, PORT, TestClock()).online is False
    bench = bench_of(name, os.urandom)
    checks = checks_of(bench)
    assert len(checks) >= 25
    wanted = [check for check in checks if check.__name__ in {"works", "closes", "asked_before_start", "counts", "noise"}]
    for number, check in enumerate(wanted):
        place = tmp_path / str(number)
        place.mkdir()
        finding = run(run_check(check, bench, place, TestClock(10)), 60)
        if check.__name__ == "noise":
            assert (finding.outcome, finding.words) == (Outcome.LEFT_OUT, "its emulator has no noise()")
        else:
            assert finding.outcome is Outcome.PASSED, finding.words
