"""What is plugged in and who holds it, from folders like those of the kernel (T2, L4)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from egate.app.cli import build_parser
from egate.app.commands import devices
from egate.app.devices.holders import Account, Holder, Holders, holder_words, holders_of, missing_permission, strangers
from egate.app.devices.places import Machine, camera_places, serial_places

PATHS = ("pci-0000:00:14.0-usb-0:2:1.0-port0", "pci-0000:00:14.0-usb-0:10:1.0-port0")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Two equal adapters, a serial port of the board and one that is not there, a camera with two nodes, three processes."""
    here = Machine(tmp_path / "dev", tmp_path / "sys", tmp_path / "proc")
    for number, name in enumerate(("ttyUSB2", "ttyUSB10")):
        adapter = here.sys / f"devices/usb1/1-{number + 1}"
        for key, value in (
            ("idVendor", "0403"),
            ("idProduct", "6001"),
            ("serial", "A50285BI"),
            ("manufacturer", "FTDI"),
            ("product", "FT232R\x1b[31m"),
        ):
            write(adapter / key, value)
        port = adapter / f"1-{number + 1}:1.0" / name
        port.mkdir(parents=True)
        link(here.sys / f"class/tty/{name}/device", port)
        write(here.dev / name, "")
        link(here.dev / "serial/by-path" / PATHS[number], here.dev / name)
    link(here.dev / "serial/by-path/pci-0000:00:14.0-usbv2-0:2:1.0-port0", here.dev / "ttyUSB2")
    link(here.dev / "serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0", here.dev / "ttyUSB10")
    for name, kind in (("ttyS0", "0"), ("ttyS1", "4")):
        (here.sys / f"devices/board/{name}").mkdir(parents=True)
        link(here.sys / f"class/tty/{name}/device", here.sys / f"devices/board/{name}")
        write(here.sys / f"class/tty/{name}/type", kind)
        write(here.dev / name, "")
    (here.sys / "class/tty/tty1").mkdir()
    for name, index in (("video0", "0"), ("video1", "1")):
        (here.sys / f"devices/camera/{name}").mkdir(parents=True)
        link(here.sys / f"class/video4linux/{name}/device", here.sys / f"devices/camera/{name}")
        write(here.sys / f"class/video4linux/{name}/index", index)
        write(here.sys / f"class/video4linux/{name}/name", "HD Camera")
        write(here.dev / name, "")
        link(here.dev / f"v4l/by-path/pci-0000:00:14.0-usb-0:5:1.0-video-index{index}", here.dev / name)
    for number, name, target in ((12, "ModemManager", "ttyUSB2"), (345, "python", "ttyUSB2"), (99, "bash", "ttyS7")):
        write(here.proc / f"{number}/comm", name)
        write(here.proc / f"{number}/cmdline", "python\0-m\0drivers.sim.pn532\0--token\0SECRETCANARY")
        link(here.proc / f"{number}/fd/7", here.dev / target)
        link(here.proc / f"{number}/fd/8", Path("socket:[1]"))
    (here.proc / "self").mkdir()
    return here


def test_ports_are_named_by_their_socket(machine: Machine) -> None:
    """L4: two equal adapters have one name by id, but two by path; the plain name of a socket is taken."""
    places = {place.node.name: place for place in serial_places(machine)}
    assert list(places) == ["ttyS1", "ttyUSB2", "ttyUSB10"]
    assert [str(places[name].stable).rpartition("/")[2] for name in ("ttyUSB2", "ttyUSB10")] == list(PATHS)
    assert places["ttyS1"].stable is None
    assert places["ttyUSB10"].adapter.words == "FTDI FT232R?[31m · 0403:6001 · serial A50285BI"
    assert (places["ttyUSB2"].by_id, len(places["ttyUSB10"].by_id)) == ((), 1)


def test_a_camera_is_named_once(machine: Machine) -> None:
    (camera,) = camera_places(machine)
    assert camera.stable == machine.dev / "v4l/by-path/pci-0000:00:14.0-usb-0:5:1.0-video-index0"
    assert camera.adapter.words == "HD Camera"


def test_a_machine_without_these_folders_has_nothing(tmp_path: Path) -> None:
    assert serial_places(Machine(tmp_path, tmp_path, tmp_path)) == camera_places(Machine(tmp_path, tmp_path, tmp_path)) == ()


def test_the_process_that_holds_a_port_is_named_without_its_arguments(machine: Machine) -> None:
    found = holders_of(machine.dev / "serial/by-path" / PATHS[0], machine, own=1)
    assert found == Holders((Holder(12, "ModemManager"), Holder(345, "drivers.sim.pn532")))
    assert holder_words(found) == "ModemManager (process 12), drivers.sim.pn532 (process 345)"
    assert holder_words(strangers(found)) == "ModemManager (process 12)", "an emulator holds its own port and is no news"
    assert holders_of(machine.dev / "ttyUSB2", machine, own=12).holders == (Holder(345, "drivers.sim.pn532"),)
    assert holders_of(machine.dev / "ttyUSB10", machine, own=1) == Holders()
    assert holder_words(Holders(tuple(Holder(n, "x") for n in range(7)))).endswith("and 2 more")


def test_processes_that_may_not_be_looked_into_are_counted(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.readlink

    def refuse(path: Path) -> str:
        if "/12/" in str(path):
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "readlink", refuse)
    assert holders_of(machine.dev / "ttyUSB2", machine, own=1) == Holders((Holder(345, "drivers.sim.pn532"),), hidden=1)


@pytest.mark.parametrize(
    ("mode", "groups", "words"),
    [
        (0o660, {0}, ""),
        (0o666, {1}, ""),
        (0o660, {1}, "it belongs to group root; run: usermod -aG root lane"),
        (0o606, {0}, "not even for its group root"),
        (0o640, {1}, "not even for its group root"),
    ],
)
def test_a_missing_group_is_named_with_the_command(tmp_path: Path, mode: int, groups: set[int], words: str) -> None:
    port = tmp_path / "port"
    port.touch()
    port.chmod(mode)
    if port.stat().st_gid != 0 or port.stat().st_uid != 0:
        pytest.skip("the words of this test are those for a port of root")
    missing = missing_permission(port, Account(4711, frozenset(groups), "lane"))
    assert words in missing
    assert bool(words) == bool(missing)


def test_root_lacks_nothing_and_a_port_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "port").touch(0o600)
    assert missing_permission(tmp_path / "port", Account(0, frozenset(), "root")) == ""
    assert "cannot be looked at" in missing_permission(tmp_path / "absent", Account(0, frozenset(), "root"))


def shown(machine: Machine, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    parsed = build_parser("devices").parse_args(["devices", *words])
    status = devices.run(parsed, machine)
    return status, capsys.readouterr().out.splitlines()


def test_the_list_fits_a_terminal_and_says_everything(
    machine: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """T2."""
    monkeypatch.setenv("COLUMNS", "80")
    status, lines = shown(machine, capsys, "list")
    text = "\n".join(lines)
    assert status == 0
    assert max(len(line) for line in lines if str(machine.dev) not in line) <= 80
    for words in (
        "  " + str(machine.dev / "serial/by-path" / PATHS[0]),
        "    now ttyUSB2 · FTDI FT232R?[31m · 0403:6001 · serial A50285BI",
        "    held by ModemManager (process 12), drivers.sim.pn532 (process 345)",
        "    no stable name; udev makes one in /dev/serial/by-path",
        "    now video0 · HD Camera",
        "    free",
        "Smart card readers (PC/SC)",
    ):
        assert words in text
    assert "SECRETCANARY" not in text
    assert "\x1b" not in text


def test_suggest_asks_no_port_without_a_stable_name_and_gives_a_camera(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    """T2: files stand in for ports here, so none of them opens, and the reason is said."""
    _, lines = shown(machine, capsys, "suggest")
    text = "\n".join(lines)
    assert '[camera]\nsource = "v4l2:' in text
    assert "video-index0@15" in text
    assert "ttyS1: it has no stable name" in text
    assert text.count("this is not a serial port") == 2
    assert '"/dev/tty' not in text
