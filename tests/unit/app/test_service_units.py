"""The units of a lane: what they promise, that systemd reads them, and that each is made from its lane's own file (I7, P3)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from egate.app.cli import main
from egate.app.config import ConfigError, DeviceConfig, LaneConfig, parse_config
from egate.app.named_keys import NamedKey
from egate.app.service.units import CONTROLLER, SYNC, UnitChoice, controller_unit, sync_unit
from tests.unit.app.test_config import GOOD

CHOICE = UnitChoice("egate", Path(sys.executable), Path("/etc/egate/lane.toml"))
SYNC_COMMAND = "--log /var/lib/egate/lane.db --lane-key /etc/egate/lane.pem --hub-key /etc/egate/hub.pub --nats nats://[::1]:4222"


@pytest.fixture
def config(tmp_path: Path) -> LaneConfig:
    return parse_config(GOOD, tmp_path, "lane.toml")


def lines(unit: str) -> set[str]:
    return set(unit.splitlines())


def allowed(unit: str) -> set[str]:
    return {line.removeprefix("DeviceAllow=").removesuffix(" rw") for line in lines(unit) if line.startswith("DeviceAllow=")}


def test_the_controller_is_watched_and_comes_back(config: LaneConfig) -> None:
    """I7: fed or started anew, for as long as it takes."""
    assert {"Type=notify", "WatchdogSec=2", "Restart=always", "RestartSec=0.1", "StartLimitIntervalSec=0"} <= lines(
        controller_unit(config, CHOICE)
    )


def test_who_moves_doors_has_no_network_and_who_has_it_no_devices(config: LaneConfig) -> None:
    controller, sync = lines(controller_unit(config, CHOICE)), lines(sync_unit(config, CHOICE, SYNC_COMMAND))
    assert {"PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX", "DevicePolicy=closed"} <= controller
    assert "PrivateDevices=yes" in sync
    assert not allowed("\n".join(sync))
    assert "PrivateNetwork=yes" not in sync


def test_children_do_not_inherit_the_priority_of_the_doors(config: LaneConfig) -> None:
    """N4: the face worker must not compete with an order on its way to the wire."""
    assert {"CPUSchedulingPolicy=rr", "CPUSchedulingResetOnFork=yes"} <= lines(controller_unit(config, CHOICE))


@pytest.mark.parametrize(
    ("port", "options", "kinds"),
    [
        ("ttyUSB7", {}, {"char-ttyUSB"}),
        ("ttyACM0", {}, {"char-ttyACM"}),
        ("ports/gate", {"emulated": True}, {"char-pts"}),
        ("serial:A1B2", {}, {"char-ttyUSB", "char-ttyACM", "char-ttyS"}),
        ("", {"name": "*Omnikey*"}, set()),
    ],
)
def test_only_kinds_of_devices_that_the_lane_has_may_be_touched(
    config: LaneConfig, port: str, options: dict[str, object], kinds: set[str]
) -> None:
    device = DeviceConfig("osdp", Path("/dev") / port, options)
    made = replace(config, mrz=device, chip=device, gate=device, camera="none")
    assert allowed(controller_unit(made, CHOICE)) == kinds
    with_camera = controller_unit(replace(made, camera="v4l2:/dev/v4l/by-id/x@15"), CHOICE)
    assert allowed(with_camera) == kinds | {"char-video4linux"}


def test_a_lane_whose_key_is_in_a_token_may_touch_it(config: LaneConfig) -> None:
    """L6."""
    assert "char-tpm" not in allowed(controller_unit(config, CHOICE))
    named = NamedKey.parse("pkcs11:token=t;object=o?module-path=/libtpm2_pkcs11.so.1", Path("/"), None)
    gate = DeviceConfig("osdp", Path("/dev/ttyUSB0"), {"key": named})
    unit = controller_unit(replace(config, gate=gate), CHOICE)
    assert "char-tpm" in allowed(unit)
    assert "SupplementaryGroups=dialout video tss" in lines(unit)


def test_only_the_lanes_own_folders_may_be_written(config: LaneConfig) -> None:
    made = replace(config, database=Path("/var/lib/egate/l.db"), socket=Path("/run/egate/s"), frames=Path("/run/egate/f"))
    assert {"ProtectSystem=strict", "ReadWritePaths=/var/lib/egate /run/egate"} <= lines(controller_unit(made, CHOICE))


@pytest.mark.parametrize(
    "choice",
    [
        replace(CHOICE, account="egate\nExecStartPre=/bin/sh"),
        replace(CHOICE, account=""),
        replace(CHOICE, config_file=Path("/etc/my lane.toml")),
        replace(CHOICE, python=Path("/opt/%n/python")),
    ],
)
def test_a_name_that_means_more_in_a_unit_is_refused(config: LaneConfig, choice: UnitChoice) -> None:
    with pytest.raises(ConfigError, match="without blanks"):
        controller_unit(config, choice)


@pytest.mark.parametrize("command", ["", "a\nExecStop=/bin/x", "$HOME", "%n", "a;b"])
def test_a_sync_command_that_means_more_in_a_unit_is_refused(config: LaneConfig, command: str) -> None:
    with pytest.raises(ConfigError, match="one plain line"):
        sync_unit(config, CHOICE, command)


def test_the_command_writes_both_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lane.toml").write_text(GOOD)
    given = ["service", "--config", str(tmp_path / "lane.toml"), "--sync", SYNC_COMMAND]
    assert main(given) == 0
    shown = capsys.readouterr().out
    assert f"# {CONTROLLER}" in shown
    assert f"# {SYNC}" in shown
    assert main([*given, "--output", str(tmp_path)]) == 0
    assert "WatchdogSec=2" in (tmp_path / CONTROLLER).read_text()
    assert SYNC_COMMAND in (tmp_path / SYNC).read_text()
    assert main([*given, "--output", str(tmp_path / "nowhere")]) == 2


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_them_without_a_complaint(config: LaneConfig, tmp_path: Path) -> None:
    root = replace(CHOICE, account="root")  # an account that is everywhere
    (tmp_path / CONTROLLER).write_text(controller_unit(config, root))
    (tmp_path / SYNC).write_text(sync_unit(config, root, SYNC_COMMAND))
    command = ["systemd-analyze", "verify", str(tmp_path / CONTROLLER), str(tmp_path / SYNC)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if str(tmp_path) in line]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_little_exposed(config: LaneConfig, tmp_path: Path) -> None:
    """Its scale ends at 10; what is left is what a lane needs: its devices, local sockets, its own files."""
    (tmp_path / CONTROLLER).write_text(controller_unit(config, CHOICE))
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(tmp_path / CONTROLLER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr
