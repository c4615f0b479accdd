"""The units with which systemd runs a lane: the controller, which moves doors and has no network, and the sync.

Rule: a unit is made from the lane's own configuration, so what it may write and touch is what the lane needs and nothing more.
The controller is started again as soon as it ends, for as long as it takes: while it is away the unit at the doors locks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from egate.app.config import ConfigError, DeviceConfig, LaneConfig
from egate.app.named_keys import NamedKey
from egate.storage.keystore.references import TokenReference

WATCHDOG_S = 2
"""How long a stuck controller lives (I7); rounds are made every half second."""

RESTART_S = 0.1
"""Between an end and the next start; a lane is back in service within two seconds (N6)."""

START_S = 90
STOP_S = 10
PRIORITY = 20
"""Of the real-time class, above every ordinary process: an order must reach the wire on a busy machine (N4)."""

OPEN_FILES = 1024
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
"""What `ProtectHome` is about (systemd.exec(5))."""

CONTROLLER, SYNC = "egate-lane.service", "egate-sync.service"

_ALWAYS = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
PrivateTmp=yes
ProtectSystem=strict
ProtectHome={home}
ProtectProc=invisible
ProcSubset=all
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @obsolete
SystemCallErrorNumber=EPERM
UMask=0077
LimitCORE=0
LimitNOFILE={files}
"""


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """What the units say beside the configuration: the account, the program, and the file as `egate run` is to read it."""

    account: str
    python: Path
    config_file: Path


def controller_unit(config: LaneConfig, choice: UnitChoice) -> str:
    """The text of the controller's unit; raises ConfigError for a name that no unit can carry."""
    _refuse_odd(choice)
    own = "\n".join(
        (
            f"ExecStart={choice.python} -m egate run --config {choice.config_file}",
            "Type=notify",
            "NotifyAccess=main",
            f"WatchdogSec={WATCHDOG_S}",
            f"TimeoutStartSec={START_S}",
            f"TimeoutStopSec={STOP_S}",
            "Restart=always",
            f"RestartSec={RESTART_S:g}",
            "KillMode=mixed",
            "CPUSchedulingPolicy=rr",
            f"CPUSchedulingPriority={PRIORITY}",
            "CPUSchedulingResetOnFork=yes",
            "OOMScoreAdjust=-500",
            "PrivateNetwork=yes",
            "IPAddressDeny=any",
            "RestrictAddressFamilies=AF_UNIX",
            "DevicePolicy=closed",
            *(f"DeviceAllow={group} rw" for group in _device_groups(config)),
            f"SupplementaryGroups=dialout video{' tss' if _asks_a_tpm(config) else ''}",
            f"ReadWritePaths={_places(config)}",
        )
    )
    return _unit("Lane controller: moves the doors, has no network", own, config, choice)


def sync_unit(config: LaneConfig, choice: UnitChoice, command: str) -> str:
    """The text of the sync's unit; `command` is what follows `egate sync`. It has the network and no device."""
    _refuse_odd(choice)
    if not command or not command.isprintable() or set(command) & set("%$\\\"';"):
        raise ConfigError("writing the units: the command of the sync must be one plain line")
    own = "\n".join(
        (
            f"ExecStart={choice.python} -m egate sync {command}",
            "Type=exec",
            "Restart=always",
            "RestartSec=5",
            "Nice=5",
            "PrivateDevices=yes",
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
            f"ReadWritePaths={config.database.parent.resolve()}",
        )
    )
    return _unit("Sync of a lane: has the network, moves no doors", own, config, choice)


def _unit(description: str, own: str, config: LaneConfig, choice: UnitChoice) -> str:
    files = (choice.config_file, choice.python, config.database, config.socket, config.frames)
    at_home = any(home in path.absolute().parents for path in files for home in _HOMES)
    hardening = _ALWAYS.format(home="read-only" if at_home else "yes", files=OPEN_FILES)
    head = f"[Unit]\nDescription={description}\nAfter=local-fs.target\nStartLimitIntervalSec=0\n"
    service = f"[Service]\nUser={choice.account}\nGroup={choice.account}\n{own}\n{hardening}"
    return f"{head}\n{service}\n[Install]\nWantedBy=multi-user.target\n"


def _places(config: LaneConfig) -> str:
    """The folders that the controller writes into, each once."""
    folders = (path.parent.resolve() for path in (config.database, config.socket, config.frames))
    return " ".join(dict.fromkeys(str(folder) for folder in folders))


_GROUPS: Mapping[str, str] = {"ttyUSB": "char-ttyUSB", "ttyACM": "char-ttyACM", "ttyS": "char-ttyS", "ttyAMA": "char-ttyAMA"}
_TOKENS = ("char-tpm", "char-usb_device")
"""A TPM, or a token on USB; the group `tss` may use a TPM on Debian."""
_ALL_SERIAL = ("char-ttyUSB", "char-ttyACM", "char-ttyS")


def _device_groups(config: LaneConfig) -> tuple[str, ...]:
    """Kinds of device files, not single ones: an adapter that is plugged again may come back under another number."""
    found: list[str] = []
    for device in filter(None, (config.mrz, config.chip, config.gate, config.token, config.boarding_pass)):
        found += _groups_of(device)
    sources = (config.camera, *(() if config.cameras is None else config.cameras.sources[1:]))  # the first is `camera`
    if any(source.startswith("v4l2:") for source in sources):
        found.append("char-video4linux")
    if _token_of(config) is not None:
        found += _TOKENS
    return tuple(dict.fromkeys(found))


def _token_of(config: LaneConfig) -> TokenReference | None:
    named = config.gate.options.get("key")
    return named.reference if isinstance(named, NamedKey) and isinstance(named.reference, TokenReference) else None


def _asks_a_tpm(config: LaneConfig) -> bool:
    token = _token_of(config)
    return token is not None and "tpm2" in token.module.name


def _groups_of(device: DeviceConfig) -> tuple[str, ...]:
    if device.options.get("emulated") is True:
        return ("char-pts",)
    if device.options.get("name") is not None or device.driver == "page_folder":
        return ()  # the smart card service, or a folder
    if device.driver == "page_camera":
        return ("char-video4linux",)
    kind = Path(device.port).resolve().name.rstrip("0123456789")
    return (_GROUPS[kind],) if kind in _GROUPS else _ALL_SERIAL


def _refuse_odd(choice: UnitChoice) -> None:
    """A blank, a quote or a percent sign means something else in a unit."""
    for text in (choice.account, str(choice.python), str(choice.config_file)):
        if not text or not text.isprintable() or set(text) & set(" %$\\\"';"):
            raise ConfigError("writing the units: account, program and file must be names without blanks, quotes and signs")
