"""What a lane leaves on a machine belongs to its account alone, whatever the shell's umask was; memory goes into no dump."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.issuer import PersonData, SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.config import ConfigError, load_config
from egate.app.demo.installation import Installation, make_installation
from egate.app.demo.processes import ProcessGroup
from egate.app.demo.world import Carried
from egate.app.wiring import build_parts
from egate.model.errors import DeviceError, EgateError
from egate.mrtd.files.mrz import parse_mrz

TODAY = date.today()  # noqa: TID251 - the lists of an installation are in force today


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The most careless shell."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    issuer = SimulatedIssuer.create("UTO", secrets.token_bytes, TODAY)
    return make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [("UTO", "X00000001")])[0]


def writable_by_others(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in (root, *root.rglob("*")) if path.lstat().st_mode & 0o022]


def test_nobody_else_may_change_an_installation(place: Installation) -> None:
    """Who may write into trust, lists, officers or the profile decides who is admitted."""
    assert writable_by_others(place.root) == []
    readable = {path.name for path in place.root.rglob("*") if path.is_file() and path.stat().st_mode & 0o044}
    assert all(name.endswith((".pub", ".pem")) for name in readable), readable
    assert stat.S_IMODE(place.root.stat().st_mode) == 0o700


def test_the_memory_of_list_versions_is_private_whole_and_strict(place: Installation) -> None:
    config = load_config(place.config)
    memory = config.database.with_suffix(".lists.json")
    build_parts(config, SystemClock())
    assert stat.S_IMODE(memory.stat().st_mode) == 0o600
    assert memory.read_text() == '{"stolen-documents": 1, "wanted-persons": 1}'
    memory.write_text('{"stolen-documents": 2, "wanted-persons": 1}')
    with pytest.raises(EgateError, match="older than the version used before"):
        build_parts(config, SystemClock())
    for damaged in ("", "{", "[]", '{"stolen-documents": "9"}', '{"stolen-documents": true}', "[" * 5000):
        memory.write_text(damaged)
        with pytest.raises(ConfigError, match="is damaged"):
            build_parts(config, SystemClock())
    memory.unlink()
    nowhere = replace(config, database=place.root / "absent" / "lane.db")
    with pytest.raises(DeviceError, match="No such file"):
        build_parts(nowhere, SystemClock())


def test_logs_of_processes_are_private_and_no_link_is_followed(tmp_path: Path) -> None:
    processes = ProcessGroup(tmp_path / "logs")
    processes.start("version", ("egate", "--version"))
    processes._children["version"].wait()
    assert processes.log_text("version").startswith("egate ")
    assert writable_by_others(tmp_path / "logs") == []
    (tmp_path / "logs" / "other.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        processes.start("other", ("egate", "--version"))


SERVICE = """
import asyncio, ctypes, os, resource, sys
from egate.app.commands.service import run_service
async def work(stop):
    open(sys.argv[1], "w").close()
    print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
run_service(work)
"""


def test_a_service_leaves_no_core_dump_and_no_open_file(tmp_path: Path) -> None:
    """Its memory holds keys and a traveller's data; PR_GET_DUMPABLE (3) is 0 when nobody else may look into it."""
    made = tmp_path / "made"
    ran = subprocess.run([sys.executable, "-c", SERVICE, str(made)], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "(0, 0) 0"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_what_a_traveller_carries_shows_nothing_of_them() -> None:
    """A failed test or a log line prints values; the printed lines of a passport must not be among them."""
    issuer = SimulatedIssuer.create("UTO", secrets.token_bytes, TODAY)
    person = PersonData("CANARYNAME", "ANNA", date(1990, 1, 2), "F", "L898902C3", date(2030, 1, 1))
    lines = issuer.mrz_lines(person)
    chip = SimulatedChip(issuer.personalise(person, b"\xff\xd8\xff" + bytes(400), (300, 400)), secrets.token_bytes)
    shown = repr((Carried(lines, chip, Path("scene")), person, parse_mrz(lines)))
    assert not [word for word in ("CANARYNAME", "ANNA", "L898902C3", "900102", "1990") if word in shown]
