"""The configuration of one lane: a TOML file read into frozen values, every fault named in words.

Keys never stand in the file: it names the files that hold them (L6). Paths are relative to the file that names them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from egate.app import monitor_config
from egate.app.camera_config import TABLE as CAMERA_TABLE
from egate.app.camera_config import CameraConfig, read_cameras
from egate.app.door_config import TABLES as DOOR_TABLES
from egate.app.door_config import DoorDeclaration, read_doors, refuse_undeclared
from egate.app.key_texts import looks_like_key
from egate.app.named_keys import NamedKey
from egate.app.option_values import LANGUAGES, shared_place, unfit, unfit_name, unfit_text
from egate.faces.capture import MOST_ATTEMPTS
from egate.inspection.logging_profile import DEFAULT_LOGGING, LoggingProfile
from egate.lane.settings import CLOSING_TRIES, DEFAULT_CLOSING_TRIES
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.model.lane import Degradation, Door, Topology

LARGEST_FILE_BYTES = 256 * 1024
"""A lane's configuration has a few dozen lines; more than this is another file by mistake."""

CHIP_FILES = tuple(f"DG{number}" for number in range(3, 17) if number not in {14, 15})
"""The data groups that a lane may ask for; the others it always asks for."""
FOR_TERMINALS = ("DG3", "DG4")
"""Fingerprints and irises, which chips open by terminal authentication."""
LINE_DEVICES = ("mrz", "chip", "gate")
"""The devices whose serial lines can be recorded."""
DEGRADED_KEYS: Mapping[str, Degradation] = {
    "camera": Degradation.FACE_DOWN,
    "chip_reader": Degradation.CHIP_READER_DOWN,
    "lists": Degradation.WATCHLIST_STALE,
}
"""The keys of [degraded] and what each is about."""
DEFAULT_CLOSES = frozenset({Degradation.FACE_DOWN, Degradation.CHIP_READER_DOWN})
"""A lane that could only refer would waste everybody's time: the traveller takes the next gate, unless an operator wants it."""
DEFAULT_LINES_OF = ("gate",)
"""A gate's line carries nobody's data; those of the readers are recorded where somebody names them."""
DEFAULT_CHIP_FILES = (ElementaryFile.DG12,)
"""The checks use the date of issue in DG12. No check and no screen uses the personal details in DG11, so they are not read."""


class ConfigError(Exception):
    """The configuration cannot be used; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One device: which driver, where it is plugged in, and the driver's own options."""

    driver: str
    port: Path
    options: Mapping[str, Any]


WordT = TypeVar("WordT", bound=Enum)
NESTED = frozenset({"devices", "doors"})
"""Tables of tables: one for each device, one for each door."""


@dataclass(frozen=True, slots=True)
class LaneConfig:
    """Everything `egate run` needs to know. `timers` are lane timers by name, in seconds; `camera` is the first of `cameras`."""

    name: str
    number: int
    language: str
    database: Path
    socket: Path
    frames: Path
    mrz: DeviceConfig
    chip: DeviceConfig
    gate: DeviceConfig
    camera: str
    capture_timeout_s: float
    profile: Path | None
    chip_files: tuple[ElementaryFile, ...]
    terminal: Path | None
    trust: Path
    trust_signer: Path | None
    watchlists: Path | None
    watchlist_key: Path | None
    watchlist_signer: Path | None
    officers: Path
    sealing_key: Path
    receipt_key: Path
    timers: Mapping[str, float]
    inspection: LoggingProfile = DEFAULT_LOGGING
    cameras: CameraConfig | None = None
    boarding_pass: DeviceConfig | None = None
    lines: Path | None = None
    lines_of: tuple[str, ...] = DEFAULT_LINES_OF
    topology: Topology = Topology.TWO_STEP
    pipelined: bool = False
    closing_tries: int = DEFAULT_CLOSING_TRIES
    token: DeviceConfig | None = None
    officer_required: bool = True
    closes: frozenset[Degradation] = DEFAULT_CLOSES
    watchlist_named: NamedKey | None = None
    keystore: Path | None = None
    doors: Mapping[Door, DoorDeclaration] = field(default_factory=dict)
    capture_attempts: int = 1
    assistance: bool = False
    monitor: monitor_config.MonitorConfig = field(default_factory=monitor_config.MonitorConfig)


TABLES: Mapping[str, Mapping[str, str]] = {
    "lane": {
        "name": "name of the lane in logs and at the centre, e.g. `UTO-A1`",
        "number": "the number that travellers and officers see",
        "language": "language of the kiosk between travellers: en, de or ar",
        "topology": "`two_step` (default): document outside, face inside two doors; `one_step`: both before a single door; "
        "`segregated`: the document was read at a kiosk, and [devices.token] finds it again at the gate",
        "pipelined": "two_step only: `true` reads the next document while somebody is inside (default false)",
        "closing_tries": f"how often a door is asked to close before an officer is called (default {DEFAULT_CLOSING_TRIES})",
    },
    "paths": {
        "database": "the lane's own log (SQLite)",
        "socket": "the local message socket for the screens",
        "frames": "the memory-mapped file of preview frames",
    },
    "devices.mrz": {
        "driver": "`mrz_serial`, or `page_folder` or `page_camera` for a reader that gives pictures of pages",
        "port": "serial port by its stable name or `serial:NUMBER`, see docs/wiring.md; for pictures the folder or the camera",
        "baud": "speed of the line (default 9600)",
        "profile": "make of a serial reader, see docs/wiring.md (default: lines between STX and ETX, or ended by CR)",
        "emulated": "`true` accepts a pseudo terminal; a real lane leaves it out",
    },
    "devices.chip": {
        "driver": "`pn532` on a serial line, `pcsc` through the machine's smart card service, `vpcd` for a chip on a socket",
        "port": "serial port of a `pn532` by its stable name",
        "name": "for `pcsc` a pattern for the reader's name, e.g. `*Omnikey*`; for `vpcd` address and port",
        "shared": "for `pcsc`: `true` lets other programs use the chip as well (default false)",
        "max_response_bytes": "for `pcsc`: the longest response the reader carries, 258 to 65538 (default: it is asked)",
        "baud": "speed after power-up (default 115200)",
        "fast_baud": "speed to raise the reader to (default 921600; 0 leaves it as it is)",
        "emulated": "as above",
    },
    "devices.gate": {
        "driver": "`osdp`, `modbus` or `framed`",
        "port": "serial port by its stable name",
        "baud": "speed of the bus (default 115200); a `framed` board's profile knows its own",
        "key_file": "`osdp`: file with the secure channel base key, 32 hex digits, or a line `ADDRESS KEY` for each unit",
        "key": '`osdp`: instead of key_file, the key by its name: `"keystore:NAME"` or a PKCS#11 URI, see docs/technician.md',
        "address": "`osdp`, `framed`: address of the unit on its bus (default 1)",
        "boards": "`modbus`: the boards on the line, `osdp`: the units, where there are several; see docs/wiring.md",
        "wiring": "`modbus`, `osdp`: which contact and lock hangs where, see docs/wiring.md",
        "profile": "`framed`: a shipped profile's name or a file, see docs/gate-profiles.md",
        "emulated": "as above",
    },
    "devices.token": {
        "driver": "segregated lanes: what reads a document again at the gate, as [devices.mrz]",
        "port": "as above",
        "baud": "as above",
        "profile": "as above",
        "emulated": "as above",
    },
    "devices.boarding_pass": {
        "driver": "`boarding_pass_serial`; without this table the lane has no boarding pass reader",
        "port": "serial port by its stable name",
        "baud": "speed of the line (default 115200)",
        "profile": "make of the reader, see docs/wiring.md (default: text that a line end or a silence ends)",
        "emulated": "as above",
    },
    "camera": CAMERA_TABLE,
    "faces": monitor_config.TABLE,
    "profile": {"file": "the agency's profile (TOML); without it the shipped default"},
    "chip": {
        "files": "data groups to read beside DG1, DG2, DG14 and DG15, after DG2 and only where EF.SOD or EF.COM lists them "
        '(default `["DG12"]`, whose date of issue tells whether the signer\'s key was still in use; DG3 and DG4 need [terminal])',
    },
    "terminal": {
        "directory": "for agencies that may read fingerprints: a folder with one folder for each State, in which lie its card "
        "verifiable certificates from the CVCA down to this terminal (`*.cvcert`) and its key (`*.pem`, mode 600)",
    },
    "trust": {
        "directory": "trust folder that `egate trust` keeps, or a plain folder of certificates (*.cer) and master lists (*.ml)",
        "signer": "public key (PEM) that the folder's journal must be signed with; see docs/trust.md",
    },
    "watchlists": {
        "directory": "folder with signed lists",
        "key_file": "file with the key of the document index, hex",
        "key": 'instead of key_file, the key by its name: `"keystore:NAME"`',
        "signer": "public key (PEM) that lists must be signed with",
    },
    "officers": {"directory": "folder with one public key NAME.pem per officer"},
    "keys": {
        "sealing": "the centre's public sealing key",
        "receipts": "the centre's public receipt key (PEM)",
        "keystore": "the keystore file that `egate keys` keeps, where names of keys are looked up",
    },
    "supervision": {
        "officer_required": "`true` (default): the lane takes travellers only while an officer is signed on at a console",
    },
    "degraded": {
        "camera": "`close` (default) or `refer`: without camera or face comparison the lane takes nobody, or reads documents and "
        "sends everybody to an officer",
        "chip_reader": "as above, without chip reader",
        "lists": "as above, when a watchlist is out of date (default `refer`)",
    },
    "record": {
        "inspection": "what the sealed record of an inspection keeps: basic (default, nothing personal), standard, "
        "standard_optical, standard_electronic or full; see docs/inspection.md",
        "lines": "folder for recordings of what passes over serial lines, sealed to the centre's key; without it nothing is "
        "recorded. Each start of the lane begins a file for each device, of 64 MiB at most; nobody but you removes them",
        "lines_of": 'whose lines are recorded there: a list of mrz, chip, gate (default `["gate"]`; the others '
        "carry travellers' data)",
    },
    **DOOR_TABLES,
    "timers": {"*": "lane timers by name, in seconds; see docs/lane.md"},
}
"""Every table and key of the file with one sentence; the documentation and the checks are made from it."""


def load_config(path: Path) -> LaneConfig:
    """Read and check a lane's configuration; raises ConfigError with a sentence that says what to do."""
    return parse_config(read_config(path), path.parent, str(path))


def parse_config(text: str, base: Path, name: str) -> LaneConfig:
    """Turn TOML text into a `LaneConfig`. `base` is the folder that relative paths start from, `name` names the file."""
    return parse_tree(parse_toml(text, name), base, name)


def parse_toml(text: str, name: str) -> Mapping[str, Any]:
    """The tables of TOML text, nothing checked yet; raises ConfigError."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from None


def parse_tree(tree: Mapping[str, Any], base: Path, name: str) -> LaneConfig:
    """Turn tables into a `LaneConfig`; a refusal begins with the file's name and, for one key, with `[table] key`."""
    _refuse_unknown(tree, name)
    _refuse_keys(tree, name)
    reader = _Reader(tree, base, name)
    cameras = reader.cameras()
    config = LaneConfig(
        name=reader.text("lane", "name"),
        number=reader.number("lane", "number", 1, 1, 999),
        language=reader.language(),
        database=reader.path("paths", "database"),
        socket=reader.path("paths", "socket"),
        frames=reader.path("paths", "frames"),
        mrz=reader.device("mrz"),
        chip=reader.device("chip"),
        gate=reader.device("gate"),
        camera=cameras.sources[0],
        capture_timeout_s=float(reader.number("camera", "capture_timeout_s", 10, 1, 60)),
        capture_attempts=reader.number("camera", "capture_attempts", 1, 1, MOST_ATTEMPTS),
        assistance=reader.truth("camera", "assistance", default=False),
        profile=reader.optional_path("profile", "file"),
        chip_files=reader.data_groups(),
        terminal=reader.optional_path("terminal", "directory"),
        trust=reader.path("trust", "directory"),
        trust_signer=reader.optional_path("trust", "signer"),
        watchlists=reader.optional_path("watchlists", "directory"),
        watchlist_key=reader.optional_path("watchlists", "key_file"),
        watchlist_signer=reader.optional_path("watchlists", "signer"),
        officers=reader.path("officers", "directory"),
        sealing_key=reader.path("keys", "sealing"),
        receipt_key=reader.path("keys", "receipts"),
        timers=reader.timers(),
        inspection=reader.word("record", "inspection", LoggingProfile, DEFAULT_LOGGING),
        cameras=cameras,
        boarding_pass=reader.optional_device("boarding_pass"),
        lines=reader.optional_path("record", "lines"),
        lines_of=reader.lines_of(),
        topology=reader.word("lane", "topology", Topology, Topology.TWO_STEP),
        pipelined=reader.truth("lane", "pipelined", default=False),
        closing_tries=reader.number("lane", "closing_tries", DEFAULT_CLOSING_TRIES, *CLOSING_TRIES),
        token=reader.optional_device("token"),
        officer_required=reader.truth("supervision", "officer_required", default=True),
        closes=reader.closes(),
        watchlist_named=reader.named_key("watchlists"),
        keystore=reader.optional_path("keys", "keystore"),
        doors=reader.doors(),
        monitor=monitor_config.read_monitor(reader.number),
    )
    _refuse_contradictions(config, name)
    return config


def read_config(path: Path) -> str:
    """The text of the file, with a limit; raises ConfigError."""
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise ConfigError(f"{path} is larger than a lane's configuration can be ({LARGEST_FILE_BYTES} bytes)")
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path} is not there; `egate demo --keep DIR` writes a complete example to start from") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def _refuse_unknown(tree: Mapping[str, Any], name: str) -> None:
    """A misspelt key would silently fall back to a default; it is refused instead (I14)."""
    for table, content in tree.items():
        entries = content.items() if table in NESTED and isinstance(content, dict) else [("", content)]
        for device, keys in entries:
            full = f"{table}.{device}" if device else table
            if full not in TABLES or not isinstance(keys, dict):
                raise ConfigError(f"{name}: [{full}] is unknown; known tables are {', '.join(TABLES)}")
            for key in keys:
                if key not in TABLES[full] and "*" not in TABLES[full]:
                    raise ConfigError(f"{name}: [{full}] {key} is unknown; known keys are {', '.join(TABLES[full])}")


def _refuse_contradictions(config: LaneConfig, name: str) -> None:
    """Keys that are good by themselves and wrong together (I14)."""
    segregated = config.topology is Topology.SEGREGATED
    if segregated and config.token is None:
        raise ConfigError(f"{name}: [lane] topology segregated needs [devices.token], which finds at the gate what a kiosk read")
    if config.token is not None and not segregated:
        raise ConfigError(f'{name}: [devices.token] is for [lane] topology = "segregated" only')
    if config.pipelined and config.topology is not Topology.TWO_STEP:
        raise ConfigError(f"{name}: [lane] pipelined needs topology two_step; nowhere else can two travellers be under way")
    devices = {"mrz": config.mrz, "chip": config.chip, "gate": config.gate, "token": config.token}
    files = {"database": config.database, "socket": config.socket, "frames": config.frames}
    twice = shared_place(files, devices | {"boarding_pass": config.boarding_pass})
    if twice is not None:
        raise ConfigError(f"{name}: {twice[1]} is the same as {twice[0]}; each needs one of its own")
    emulated = config.gate.options.get("emulated") is True
    refuse_undeclared(
        config.topology, config.doors, lambda place, problem: ConfigError(f"{name}: [{place} {problem}"), emulated=emulated
    )


def _refuse_keys(tree: Mapping[str, Any], name: str) -> None:
    """A key in the file would be in every copy, diff and backup of it (L6); its text never shows in the refusal."""
    for table, content in tree.items():
        nested = [(f"{table}.{device}", keys) for device, keys in content.items()] if table in NESTED else [(table, content)]
        for full, keys in nested:
            for key, value in keys.items():
                if any(map(looks_like_key, value if isinstance(value, list) else [value])):
                    raise ConfigError(
                        f"{name}: [{full}] {key} looks like a key; write it into a file with mode 600 and name that file"
                    )


class _Reader:
    """Takes single values out of the tree; each refusal names file, table and key."""

    def __init__(self, tree: Mapping[str, Any], base: Path, name: str) -> None:
        self._tree, self._base, self._name = tree, base, name

    def _value(self, table: str, key: str) -> Any:
        found: Any = self._tree
        for part in table.split("."):
            found = found.get(part, {}) if isinstance(found, dict) else {}
        return found.get(key) if isinstance(found, dict) else None

    def text(self, table: str, key: str, default: str | None = None) -> str:
        value = self._value(table, key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{self._name}: [{table}] {key} is missing: {TABLES[table][key]}")
        problem = unfit_text(value) or (unfit_name(value) if (table, key) == ("lane", "name") else "")
        if problem:
            raise ConfigError(f"{self._name}: [{table}] {key} {problem}")
        return value

    def language(self) -> str:
        word = self.text("lane", "language", LANGUAGES[0])
        if word not in LANGUAGES:
            raise ConfigError(f"{self._name}: [lane] language must be one of {', '.join(LANGUAGES)}")
        return word

    def number(self, table: str, key: str, default: int, least: int, most: int) -> int:
        value = self._value(table, key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ConfigError(f"{self._name}: [{table}] {key} must be a whole number from {least} to {most}")
        return value

    def path(self, table: str, key: str) -> Path:
        return self._base / self.text(table, key)

    def optional_path(self, table: str, key: str) -> Path | None:
        return None if self._value(table, key) is None else self.path(table, key)

    def data_groups(self) -> tuple[ElementaryFile, ...]:
        """The data groups that are asked for; those that always are, and those without the right to them, are refused."""
        value = self._value("chip", "files")
        if value is None:
            return DEFAULT_CHIP_FILES
        names = value if isinstance(value, list) else [value]
        for name in names:
            if name not in CHIP_FILES:
                raise ConfigError(f"{self._name}: [chip] files must be a list of {', '.join(CHIP_FILES)}")
            if name in FOR_TERMINALS and self._value("terminal", "directory") is None:
                raise ConfigError(
                    f"{self._name}: [chip] files: {name} opens only to a terminal with certificates; see [terminal]"
                )
        return tuple(dict.fromkeys(ElementaryFile[name] for name in names))

    def device(self, kind: str) -> DeviceConfig:
        table = f"devices.{kind}"
        options = {}
        for key in TABLES[table]:
            value = self._value(table, key)
            if key not in ("driver", "port") and value is not None:
                options[key] = self._option(table, key, value)
        port = self._port(table) if options.get("name") is None else self._base
        return DeviceConfig(self.text(table, "driver"), port, options)

    def _option(self, table: str, key: str, value: Any) -> Any:
        if key == "key":
            return self.named_key(table)
        problem = unfit(key, value)
        if problem:
            raise ConfigError(f"{self._name}: [{table}] {key} {problem}")
        return self._base / value if key.endswith("_file") else value

    def named_key(self, table: str) -> NamedKey | None:
        """The key that a table names, which then names no key file (L6)."""
        value = self._value(table, "key")
        if value is None:
            return None
        if self._value(table, "key_file") is not None:
            raise ConfigError(f"{self._name}: [{table}] key and key_file name two keys; leave one out")
        try:
            return NamedKey.parse(value, self._base, self.optional_path("keys", "keystore"))
        except MalformedData as error:
            raise ConfigError(f"{self._name}: [{table}] key: {error.problem}") from None

    def doors(self) -> Mapping[Door, DoorDeclaration]:
        return read_doors(self._tree.get("doors", {}), lambda place, problem: ConfigError(f"{self._name}: [{place} {problem}"))

    def truth(self, table: str, key: str, *, default: bool) -> bool:
        value = self._value(table, key)
        if value is not None and not isinstance(value, bool):
            raise ConfigError(f"{self._name}: [{table}] {key} must be true or false")
        return default if value is None else value

    def word(self, table: str, key: str, words: type[WordT], default: WordT) -> WordT:
        value = self._value(table, key)
        try:
            return default if value is None else words(value)
        except ValueError:
            known = ", ".join(str(word.value) for word in words)
            raise ConfigError(f"{self._name}: [{table}] {key} must be one of {known}") from None

    def closes(self) -> frozenset[Degradation]:
        """What closes the lane instead of sending everybody to an officer (P21)."""
        usual = {name: "close" if what in DEFAULT_CLOSES else "refer" for name, what in DEGRADED_KEYS.items()}
        chosen = {name: self.text("degraded", name, usual[name]) for name in DEGRADED_KEYS}
        for name, word in chosen.items():
            if word not in ("close", "refer"):
                raise ConfigError(f"{self._name}: [degraded] {name} must be close or refer")
        return frozenset(DEGRADED_KEYS[name] for name, word in chosen.items() if word == "close")

    def optional_device(self, kind: str) -> DeviceConfig | None:
        """A device that a lane may do without: None where its table is not there."""
        return self.device(kind) if kind in self._tree.get("devices", {}) else None

    def lines_of(self) -> tuple[str, ...]:
        """The devices whose lines are recorded, each once."""
        value = self._value("record", "lines_of")
        names = DEFAULT_LINES_OF if value is None else value if isinstance(value, list) else [value]
        if any(name not in LINE_DEVICES for name in names):
            raise ConfigError(f"{self._name}: [record] lines_of must be a list of {', '.join(LINE_DEVICES)}")
        return tuple(dict.fromkeys(names))

    def cameras(self) -> CameraConfig:
        return read_cameras(self._tree.get("camera", {}), lambda key, why: ConfigError(f"{self._name}: [camera] {key} {why}"))

    def _port(self, table: str) -> Path:
        """A port by its path, relative to the file, or by its adapter's serial number, which is no path."""
        named = self.text(table, "port")
        return Path(named) if named.startswith("serial:") else self._base / named

    def timers(self) -> Mapping[str, float]:
        timers = {}
        for key, value in self._tree.get("timers", {}).items():
            if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
                raise ConfigError(f"{self._name}: [timers] {key} must be a number of seconds above 0")
            timers[key] = float(value)
        return timers
