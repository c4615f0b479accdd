"""Builds the parts of a lane from its configuration: keys, trust, lists, profile, devices, worker.

Whatever is missing or wrong ends in one sentence (ConfigError, DeviceError or TrustError) before any device is touched.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import drivers
from drivers.link import Link
from egate import __version__
from egate.app.camera_config import CameraConfig
from egate.app.config import ConfigError, DeviceConfig, LaneConfig
from egate.app.face_client import FaceClient
from egate.app.line_record import recorded_line, room_for_recordings
from egate.app.named_keys import NamedKey
from egate.app.optical_reader import OpticalMrzReader, PageWorker
from egate.app.parts import Parts
from egate.app.terminal_folder import load_terminal_folder
from egate.app.unit_keys import parse_unit_keys
from egate.checks.profile import default_profile, load_profile
from egate.lane.settings import LaneSettings, settings_from
from egate.model.checks import Profile
from egate.model.errors import DeviceError, MalformedData
from egate.ports import BoardingPassReader, ChipReader, Clock, GateUnit, MrzReader
from egate.storage.keys import load_sealing_public, load_verify_key
from egate.supply.cache import CachePlace
from egate.supply.expiry import stale_soon
from egate.supply.folder import TrustFolder, write_durably
from egate.supply.store import Supplied, load_trust, loose_files
from egate.watchlist.lists import Watchlists, open_watchlists

LARGEST_TRUST_FILE_BYTES = 8 * 1024 * 1024
"""A certificate has a few kilobytes; a folder that holds more than this in one file holds something else."""

LARGEST_LIST_BYTES = 2 * 1024**3
"""A document list with 100 million entries has 0.8 GB."""

LARGEST_MEMORY_BYTES = 64 * 1024
"""The remembered versions of a few lists."""

LARGEST_KEY_FILE_BYTES = 1024
_KEY_DIGITS = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{64}")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_DEFAULT_BAUD = {"mrz": 9600, "chip": 115_200, "gate": 115_200, "boarding_pass": 115_200}

Line = Callable[[Link], Link]
"""What stands between a driver and its serial line."""

log = logging.getLogger(__name__)


def build_parts(config: LaneConfig, clock: Clock) -> Parts:
    """Everything the controller needs; raises ConfigError, DeviceError, TrustError or MalformedData."""
    today = datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC).date()
    profile = _profile(config.profile)
    supplied = _trust(config, today)
    lists = _watchlists(config)
    lines = _recorded_lines(config, clock)
    return Parts(
        config=config,
        clock=clock,
        settings=lane_settings(config),
        profile=profile,
        trust=supplied.store,
        lists=lists,
        mrz=make_mrz_device(config.mrz, clock, lines.get("mrz")),
        token=None if config.token is None else make_mrz_device(config.token, clock),
        chip=make_chip_device(config.chip, clock, lines.get("chip")),
        gate=make_gate_device(config.gate, clock, lines.get("gate")),
        face=FaceClient(face_command(config, profile), clock),
        officers=_officers(config.officers),
        receipt_key=load_verify_key(config.receipt_key),
        sealing_key=load_sealing_public(config.sealing_key),
        boot_id=_BOOT_ID.read_text("ascii").strip() if _BOOT_ID.exists() else "unknown",
        versions=_versions(profile, lists, supplied),
        supplied=supplied,
        terminal=() if config.terminal is None else load_terminal_folder(config.terminal, today),
    )


def part_checks(config: LaneConfig, clock: Clock) -> tuple[tuple[str, Callable[[], object]], ...]:
    """What `build_parts` would refuse, one check for each table of the file, so that all can be listed at once.

    Each check raises as `build_parts` does. Nothing is opened, and no version is remembered.
    """
    today = datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC).date()
    return (
        ("devices.mrz", lambda: make_mrz_device(config.mrz, clock)),
        ("devices.chip", lambda: make_chip_device(config.chip, clock)),
        ("devices.gate", lambda: make_gate_device(config.gate, clock)),
        ("devices.boarding_pass", lambda: config.boarding_pass and make_pass_device(config.boarding_pass, clock)),
        ("profile", lambda: _profile(config.profile)),
        ("terminal", lambda: None if config.terminal is None else load_terminal_folder(config.terminal, today)),
        ("trust", lambda: _trust(config, today, remember=False)),
        ("watchlists", lambda: _watchlists(config, remember=False)),
        ("officers", lambda: _officers(config.officers)),
        ("keys", lambda: load_verify_key(config.receipt_key)),
        ("keys", lambda: load_sealing_public(config.sealing_key)),
        ("record", lambda: config.lines and room_for_recordings(config.lines)),
        ("devices.token", lambda: config.token and make_mrz_device(config.token, clock)),
        ("timers", lambda: lane_settings(config)),
    )


def lane_settings(config: LaneConfig) -> LaneSettings:
    """What the lane's table works with; raises SettingsError for a time out of its range."""
    return settings_from(config.timers, topology=config.topology, pipelined=config.pipelined, closing_tries=config.closing_tries)


def face_command(config: LaneConfig, profile: Profile) -> tuple[str, ...]:
    """The command line of the face worker."""
    return (
        *(sys.executable, "-m", "egate.app.face_worker"),
        *(config.cameras or CameraConfig((config.camera,))).words(),
        *("--engine", profile.face_engine),
        *(("--second", profile.second_opinion) if profile.second_opinion else ()),
        *("--fmr-ppm", str(profile.fmr_ppm)),
        *config.monitor.words(),
        *("--frames", str(config.frames)),
    )


def _recorded_lines(config: LaneConfig, clock: Clock) -> dict[str, Line]:
    """What records the lines that are to be recorded, by device; empty where there is no room. Raises DeviceError."""
    if config.lines is None or not room_for_recordings(config.lines):
        return {}
    key = load_sealing_public(config.sealing_key)
    return {device: recorded_line(config.lines, device, key, clock) for device in config.lines_of}


def _port(device: DeviceConfig, kind: str, key: bytes = b"", line: Line | None = None) -> drivers.PortSettings:
    options = device.options
    return drivers.PortSettings(
        path=str(device.port),
        baud=int(options.get("baud", _DEFAULT_BAUD[kind])),
        emulated=options.get("emulated") is True,
        key=key,
        address=int(options.get("address", 1)),
        fast_baud=int(options.get("fast_baud", 921_600)),
        profile=str(options.get("profile", "")),
        name=str(options.get("name", "")),
        shared=options.get("shared") is True,
        max_response_bytes=int(options.get("max_response_bytes", 0)),
        boards=str(options.get("boards", "")),
        wiring=str(options.get("wiring", "")),
        line=line,
    )


def make_gate_device(
    device: DeviceConfig, clock: Clock, line: Line | None = None, entropy: Callable[[int], bytes] = secrets.token_bytes
) -> GateUnit:
    """The gate unit of [devices.gate], not opened yet; raises ConfigError or DeviceError."""
    secure = device.driver not in drivers.GATE_UNITS_WITHOUT_A_KEY
    named = device.options.get("key") if secure else None
    files = secure and named is None
    key, unit_keys = read_unit_keys(device.options.get("key_file"), "[devices.gate] key_file") if files else (b"", {})
    token_key = named.block_key() if isinstance(named, NamedKey) else None
    settings = replace(_port(device, "gate", key, line), unit_keys=unit_keys, token_key=token_key)
    return drivers.make_gate_unit(device.driver, settings, clock, entropy)


def make_chip_device(device: DeviceConfig, clock: Clock, line: Line | None = None) -> ChipReader:
    """The chip reader of [devices.chip], not opened yet; raises DeviceError."""
    return drivers.make_chip_reader(device.driver, _port(device, "chip", line=line), clock)


def make_mrz_device(device: DeviceConfig, clock: Clock, line: Line | None = None) -> MrzReader:
    """A reader that sends lines, or one that sends pictures, which a child process reads."""
    settings = _port(device, "mrz", line=line)
    if device.driver not in drivers.PAGE_READERS:
        return drivers.make_mrz_reader(device.driver, settings, clock)
    pages = drivers.make_page_reader(device.driver, settings, clock)
    return OpticalMrzReader(pages, PageWorker(), clock, continuous=device.driver == drivers.PAGE_CAMERA)


def make_pass_device(device: DeviceConfig, clock: Clock, line: Line | None = None) -> BoardingPassReader:
    """The boarding pass reader of [devices.boarding_pass], not opened yet; raises DeviceError."""
    return drivers.make_boarding_pass_reader(device.driver, _port(device, "boarding_pass", line=line), clock)


def _profile(path: Path | None) -> Profile:
    return default_profile() if path is None else load_profile(_read(path, LARGEST_TRUST_FILE_BYTES).decode("utf-8", "replace"))


def _trust(config: LaneConfig, today: date, *, remember: bool = True) -> Supplied:
    """What the trust folder holds, proven; its journal may go on but never back. What is stale soon is said in the log."""
    signer = None if config.trust_signer is None else load_verify_key(config.trust_signer)
    folder = TrustFolder(config.trust, signer)
    if not config.trust.is_dir():
        raise ConfigError(f"[trust] directory: {config.trust} is not there; make it with `egate trust import`")
    if signer is not None and not folder.has_journal:
        raise ConfigError(f"{config.trust} has no journal, but [trust] signer asks for a signed one")
    if not folder.has_journal and not any(path.suffix == ".cer" for path in loose_files(folder)):
        raise ConfigError(
            f"{config.trust} holds no country signing certificate (*.cer) and no journal; without one no document can be trusted"
        )
    cache = CachePlace.beside(config.database, secrets.token_bytes) if remember else None
    supplied = load_trust(folder, today, cache)
    _refuse_older_trust(supplied, config.database.with_suffix(".trust.json"), config.trust, remember=remember)
    if signer is None and folder.has_journal:
        log.warning(
            "trust: whoever may write to %s may change what this lane trusts; [trust] signer asks for a signed journal",
            config.trust,
        )
    for warning in stale_soon(supplied, today):
        log.warning("trust: %s", warning.text)
    for text in (
        *(f"a certificate in {config.trust} is not used: {reason}" for reason in supplied.store.rejected),
        *supplied.remarks,
    ):
        log.warning("%s", text)
    if not supplied.store.certificates:
        raise ConfigError(f"no certificate in {config.trust} can be used, so no document can be trusted")
    return supplied


def _refuse_older_trust(supplied: Supplied, memory: Path, directory: Path, *, remember: bool) -> None:
    """The journal that this lane saw last must be a part of the one that is there now: nobody puts an older trust folder back."""
    known = _remembered(memory)
    if known is not None and (supplied.head_number == 0 or known not in supplied.history):
        raise ConfigError(
            f"the journal of {directory} is older than, or another than, the one this lane used before. Restore the newer one; "
            f"remove {memory} only once the folder is known good"
        )
    if remember and supplied.head_number and supplied.head != known:
        write_durably(memory, json.dumps({"head": supplied.head}).encode("ascii"))


def _remembered(memory: Path) -> str | None:
    """The head of the journal that was used last; a damaged memory stops the lane."""
    if not memory.exists():
        return None
    try:
        head = json.loads(_read(memory, LARGEST_MEMORY_BYTES))["head"]
    except (ValueError, KeyError, TypeError, RecursionError):
        head = None
    if not isinstance(head, str):
        raise ConfigError(
            f"{memory} is damaged; it remembers the trust journal used before. Remove it once the folder is known good"
        )
    return head


def _watchlists(config: LaneConfig, *, remember: bool = True) -> Watchlists:
    """The signed lists in a folder. The versions are remembered beside the lane's log, so no older list comes back."""
    if config.watchlists is None:
        return Watchlists()
    named = config.watchlist_named
    if (config.watchlist_key is None and named is None) or config.watchlist_signer is None:
        raise ConfigError("[watchlists] needs key_file and signer beside directory; key may take the place of key_file")
    if not config.watchlists.is_dir():
        raise ConfigError(f"[watchlists] directory: {config.watchlists} is not there; without lists leave the table out")
    memory = config.database.with_suffix(".lists.json")
    known = _known_versions(memory)
    lists = open_watchlists(
        (_read(path, LARGEST_LIST_BYTES) for path in sorted(config.watchlists.glob("*.list"))),
        load_verify_key(config.watchlist_signer),
        read_hex_key(config.watchlist_key, "[watchlists] key_file") if named is None else named.list_key(),
        known,
    )
    gone = sorted(known.keys() - lists.versions.keys())
    if gone:
        log.warning("lists that were here before are missing: %s", ", ".join(gone))
    if remember:
        _remember_versions(memory, {**known, **lists.versions})
    return lists


def _known_versions(memory: Path) -> dict[str, int]:
    """The versions used before; a damaged memory stops the lane, because without it an old list could come back."""
    if not memory.exists():
        return {}
    try:
        known = json.loads(_read(memory, LARGEST_MEMORY_BYTES))
    except (ValueError, RecursionError):
        known = None
    if not isinstance(known, dict) or not all(type(version) is int for version in known.values()):
        raise ConfigError(
            f"{memory} is damaged; it remembers the list versions used before. Remove it once the lists are known good"
        )
    return known


def _remember_versions(memory: Path, versions: Mapping[str, int]) -> None:
    """Replaced in one step and durable, for this account alone."""
    draft = memory.with_name(memory.name + ".new")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w", encoding="ascii") as file:
            json.dump(versions, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(memory)
    except OSError as error:
        raise DeviceError(f"writing {memory}", error.strerror or "it cannot be written") from None


def _officers(directory: Path) -> Mapping[str, Ed25519PublicKey]:
    """The public keys of the officers who may act on this lane, by name."""
    officers = {path.stem: load_verify_key(path) for path in sorted(directory.glob("*.pem"))}
    if not officers:
        raise ConfigError(f"{directory} holds no officer's public key (NAME.pem); a lane needs somebody who can clear referrals")
    return officers


def read_unit_keys(path: object, what: str) -> tuple[bytes, dict[int, bytes]]:
    """The key of all units of a gate, or those of single units by address; what is in the file never shows in a message."""
    keys = parse_unit_keys(_read(path, LARGEST_KEY_FILE_BYTES).decode("ascii", "replace")) if isinstance(path, Path) else {}
    if not keys or not isinstance(path, Path):
        return read_hex_key(path, what), {}
    _refuse_readable(path, what)
    return b"", keys


def read_hex_key(path: object, what: str) -> bytes:
    """A key as hexadecimal text in a file; what is in the file never shows in a message."""
    if not isinstance(path, Path):
        raise ConfigError(f"{what} is missing")
    text = _read(path, 1024).decode("ascii", "replace").strip()
    if not _KEY_DIGITS.fullmatch(text):
        raise ConfigError(f"{what}: {path} must hold 32 or 64 hexadecimal digits and nothing else")
    _refuse_readable(path, what)
    return bytes.fromhex(text)


def _refuse_readable(path: Path, what: str) -> None:
    """A key that other accounts may read is none."""
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{what}: other accounts of this machine may read {path}; run: chmod 600 {path}")


def _read(path: Path, limit_bytes: int) -> bytes:
    try:
        if path.stat().st_size > limit_bytes:
            raise MalformedData(f"reading {path}", f"it is larger than {limit_bytes} bytes")
        return path.read_bytes()
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "it cannot be read") from None


def _versions(profile: Profile, lists: Watchlists, supplied: Supplied) -> tuple[tuple[str, str], ...]:
    """What decided: program, profile and lists (G2). The face engines add theirs when their worker has started."""
    return (
        ("egate", __version__),
        ("profile", profile.name),
        *((("trust", f"{supplied.head_number} {supplied.head[:16]}"),) if supplied.head_number else ()),
        *((f"list {header.name}", str(header.version)) for header in lists.headers),
    )
