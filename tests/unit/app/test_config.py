"""A lane's configuration: complete, strict, and every refusal says where and what to do (I14, L6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from egate.app.config import ConfigError, load_config, parse_config
from egate.app.option_values import LANGUAGES
from ui.common import i18n

GOOD = """
[lane]
name = "UTO-A1"
number = 3

[paths]
database = "lane.db"
socket = "lane.sock"
frames = "/dev/shm/frames"

[devices.mrz]
driver = "mrz_serial"
port = "tty/mrz"

[devices.chip]
driver = "pn532"
port = "tty/chip"
fast_baud = 921600

[devices.gate]
driver = "osdp"
port = "tty/gate"
key_file = "keys/gate.hex"

[camera]
source = "none"

[trust]
directory = "trust"

[officers]
directory = "officers"

[keys]
sealing = "keys/sealing.pub"
receipts = "keys/receipts.pem"

[doors.entry]
fail = "secure"
escape_route = false
statement = "Magnetic bolt with a spring, tried without power on 2026-11-02."

[doors.exit]
fail = "safe"
escape_route = true
statement = "Holding magnet, tried without power on 2026-11-02."

[timers]
inside_max_s = 60
"""
BASE = Path("/somewhere")


def test_a_complete_file_is_read_with_paths_from_its_own_folder() -> None:
    config = parse_config(GOOD, BASE, "lane.toml")
    assert (config.name, config.number, config.language) == ("UTO-A1", 3, "en")
    assert config.database == BASE / "lane.db"
    assert config.frames == Path("/dev/shm/frames")
    assert config.chip.options == {"fast_baud": 921600}
    assert config.gate.options == {"key_file": BASE / "keys/gate.hex"}
    assert config.timers == {"inside_max_s": 60.0}
    assert config.profile is None


def test_a_port_may_be_named_by_its_adapters_serial_number() -> None:
    """L4: such a name is no path and does not begin at the file's folder."""
    config = parse_config(GOOD.replace('port = "tty/gate"', 'port = "serial:A50285BI"'), BASE, "lane.toml")
    assert str(config.gate.port) == "serial:A50285BI"
    assert config.chip.port == BASE / "tty/chip"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "UTO-A1"', "", "[lane] name is missing"),
        ("number = 3", "number = 0", "[lane] number must be a whole number from 1 to 999"),
        ("number = 3", "number = true", "whole number"),
        ('source = "none"', 'sorce = "none"', "[camera] sorce is unknown; known keys are source"),
        ("[trust]", "[thrust]", "[thrust] is unknown; known tables are lane"),
        ("[devices.mrz]", "[devices.mzr]", "[devices.mzr] is unknown"),
        ("inside_max_s = 60", "inside_max_s = -1", "[timers] inside_max_s must be a number of seconds above 0"),
        ('port = "tty/gate"', "", "[devices.gate] port is missing: serial port by its stable name"),
        ("[lane]", "[lane", "is not valid TOML"),
        ("[trust]", "trust = 3\n[trust2]", "unknown"),
        ("[trust]", '[chip]\nfiles = ["DG1"]\n[trust]', "[chip] files must be a list of DG3, DG4"),
        ("[trust]", '[chip]\nfiles = "DG11 DG12"\n[trust]', "[chip] files must be a list of"),
        ("[trust]", "[chip]\nfiles = [11]\n[trust]", "[chip] files must be a list of"),
        ('key_file = "keys/gate.hex"', "key_file = 5", "[devices.gate] key_file must be a text in quotes"),
        ("fast_baud = 921600", 'fast_baud = "fast"', "[devices.chip] fast_baud must be a whole number"),
        ("fast_baud = 921600", "baud = 9600.5", "[devices.chip] baud must be a whole number"),
        ('key_file = "keys/gate.hex"', "address = nan", "[devices.gate] address must be a whole number"),
        ('key_file = "keys/gate.hex"', "address = true", "[devices.gate] address must be a whole number"),
        ("fast_baud = 921600", 'emulated = "true"', "[devices.chip] emulated must be true or false"),
        ('port = "tty/gate"', 'port = "tty/\\u0000"', "[devices.gate] port has a character that cannot be printed"),
        ('name = "UTO-A1"', 'name = "A\\n1"', "[lane] name has a character that cannot be printed"),
        ('name = "UTO-A1"', 'name = "../A1"', "[lane] name has a slash"),
        ('name = "UTO-A1"', f'name = "{"Ä" * 51}"', "[lane] name is longer than 100 bytes"),
        ("number = 3", 'language = "xx"', "[lane] language must be one of en, de, ar"),
        ('port = "tty/gate"', 'port = "tty/mrz"', "[devices.gate] port is the same as [devices.mrz] port"),
        ('socket = "lane.sock"', 'socket = "lane.db"', "[paths] socket is the same as [paths] database"),
        ("[trust]", '[chip]\nfiles = ["DG3"]\n[trust]', "[chip] files: DG3 opens only to a terminal with certificates"),
    ],
)
def test_a_fault_is_named_with_table_and_key(old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"lane\.toml") as refused:
        parse_config(GOOD.replace(old, new), BASE, "lane.toml")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("tables", "files"),
    [
        ("", "DG12"),
        ("[chip]\nfiles = []\n", ""),
        ('[chip]\nfiles = ["DG11", "DG7", "DG11"]\n', "DG11 DG7"),
        ('[chip]\nfiles = ["DG3", "DG12"]\n[terminal]\ndirectory = "terminal"\n', "DG3 DG12"),
    ],
)
def test_files_that_are_asked_for(tables: str, files: str) -> None:
    config = parse_config(GOOD.replace("[trust]", f"{tables}[trust]"), BASE, "lane.toml")
    assert " ".join(file.name for file in config.chip_files) == files
    assert config.terminal == (BASE / "terminal" if "[terminal]" in tables else None)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="egate demo --keep DIR"):
        load_config(tmp_path / "none.toml")


def test_a_file_that_is_no_configuration_is_refused_before_it_is_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (256 * 1024 + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load_config(huge)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(binary)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    "key", ["ab" * 16, "AB" * 32, "0x" + "12" * 16, ":".join(["0f"] * 16), "0011 2233 " * 4, "-----BEGIN PRIVATE KEY-----"]
)
def test_a_key_in_the_file_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    """L6: keys never stand in the configuration."""
    text = GOOD.replace('key_file = "keys/gate.hex"', f'key_file = "{key}"')
    with pytest.raises(ConfigError) as refused:
        parse_config(text, tmp_path, "lane.toml")
    assert "[devices.gate] key_file looks like a key" in str(refused.value)
    assert key not in str(refused.value)


def test_a_boarding_pass_reader_is_optional() -> None:
    assert parse_config(GOOD, BASE, "lane.toml").boarding_pass is None
    table = '[devices.boarding_pass]\ndriver = "boarding_pass_serial"\nport = "tty/pass"\nprofile = "imager"\n'
    device = parse_config(GOOD + table, BASE, "lane.toml").boarding_pass
    assert device is not None
    assert (device.driver, device.port, device.options) == ("boarding_pass_serial", BASE / "tty/pass", {"profile": "imager"})
    with pytest.raises(ConfigError, match=r"\[devices.boarding_pass\] port is missing"):
        parse_config(GOOD + table.replace("port", "#port"), BASE, "lane.toml")


def test_lines_are_recorded_only_where_somebody_says_so() -> None:
    """L10: off by default, and then of the gate alone, whose line carries nobody's data."""
    assert parse_config(GOOD, BASE, "lane.toml").lines is None
    table = '[record]\nlines = "lines"\n'
    config = parse_config(GOOD + table, BASE, "lane.toml")
    assert (config.lines, config.lines_of) == (BASE / "lines", ("gate",))
    config = parse_config(GOOD + table + 'lines_of = ["chip", "gate", "chip"]\n', BASE, "lane.toml")
    assert config.lines_of == ("chip", "gate")
    with pytest.raises(ConfigError, match="lines_of must be a list of mrz, chip, gate"):
        parse_config(GOOD + table + 'lines_of = ["camera"]\n', BASE, "lane.toml")


def test_the_languages_are_those_of_the_screens() -> None:
    assert set(LANGUAGES) == {language.code for language in i18n.LANGUAGES}
