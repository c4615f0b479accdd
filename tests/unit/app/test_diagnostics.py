"""`egate diagnostics bundle`: after a passage was played, nothing of the traveller and no key is in it (T6)."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import zipfile
from pathlib import Path

import pytest

from egate.app import cli
from egate.app.commissioning.findings import good
from egate.app.commissioning.report import Report, Signed, encode_signed, write_report
from egate.app.config import load_config, parse_toml, read_config
from egate.app.devices.places import Machine
from egate.app.diagnostics import TAKEN_AWAY, Gathered, bundle, masked, masked_log, record_counts, redacted
from egate.model.errors import DeviceError, MalformedData
from tests.unit.app.app_bench import REAL, Lane, Passport, contains_canary

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
REPORT = Report("UTO-A1", 1, "2026-03-01T10:00:00Z", "00" * 32, {}, {}, (good("disk", "disk", "there is room"),))


def opened(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def gathered(lane: Lane, *logs: Path, reports: tuple[Path, ...] = ()) -> Gathered:
    return Gathered(load_config(lane.place.config), parse_toml(read_config(lane.place.config), "lane.toml"), reports, logs)


def secrets_of(lane: Lane) -> list[bytes]:
    """What the key files hold: hexadecimal keys, and the lines of PEM files."""
    found = []
    for path in sorted((lane.place.root / "keys").iterdir()):
        if path.suffix in (".hex", ".pem"):
            found += [line for line in path.read_bytes().splitlines() if len(line) >= 30 and not line.startswith(b"-----")]
    assert len(found) > 5
    return found


def test_nothing_of_a_played_passage_is_in_the_bundle(lane: Lane, passport: Passport, tmp_path: Path) -> None:
    """T6: a traveller crosses while a log is written, canaries in document, chip, portrait and probe; keys are looked for too."""
    log = tmp_path / "lane.log"
    writer = logging.FileHandler(log)
    writer.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    before = root.level
    root.addHandler(writer)
    root.setLevel(logging.DEBUG)
    try:
        asyncio.run(_cross(lane, passport))
        careless = logging.getLogger("egate.careless")
        for words in (*passport.lines, "document X12345678 of 900102", "born 1990-01-02", f"key {'ab' * 16}", "who CANARYNAME"):
            careless.info("somebody wrote %s", words)
    finally:
        root.removeHandler(writer)
        root.setLevel(before)
        writer.close()
    assert contains_canary(log.read_text()), "the log that goes in is not clean"
    write_report(Signed(REPORT), tmp_path / "reports")
    parts = opened(bundle(gathered(lane, log, reports=(tmp_path / "reports",)), REAL.wall_ns()))
    assert contains_canary(b"".join(parts.values())) == []
    for name, content in parts.items():
        for secret in secrets_of(lane):
            assert secret not in content, name
    assert json.loads(parts["record.json"])["rows"]["record"] > 0, "there was something to leak"
    assert b"somebody wrote" in parts["logs/01-lane.log"]


async def _cross(lane: Lane, passport: Passport) -> None:
    async with lane.running():
        await lane.cross(passport)


def test_the_bundle_holds_what_helps(lane: Lane, tmp_path: Path) -> None:
    """T6: configuration, versions, system, counts, reports."""
    path, _ = write_report(Signed(REPORT), tmp_path)
    parts = opened(bundle(gathered(lane, reports=(path,)), REAL.wall_ns()))
    assert set(parts) == {
        *("README.txt", "configuration.json", "versions.json", "system.json", "record.json"),
        f"commission/{REPORT.stem}.json",
    }
    assert json.loads(parts["configuration.json"])["devices"]["gate"]["driver"] == "osdp"
    assert json.loads(parts["versions.json"])["cryptography"]
    assert json.loads(parts["system.json"])["processors"] >= 1
    assert parts[f"commission/{REPORT.stem}.json"] == encode_signed(Signed(REPORT))


def test_a_configuration_loses_its_secrets() -> None:
    """T6, L6: keys that name secrets, values that look like one, folders; comments are not even parsed."""
    kept = redacted(
        {
            "lane": {"name": "UTO-A1", "number": 1},
            "devices": {"gate": {"driver": "osdp", "key_file": "keys/gate.hex", "boards": "1:relay", "odd": "ab" * 16}},
            "officers": {"directory": "/home/somebody/officers"},
            "camera": {"source": "v4l2:/dev/v4l/by-id/cam@15"},
        }
    )
    assert kept == {
        "lane": {"name": "UTO-A1", "number": 1},
        "devices": {"gate": {"driver": "osdp", "key_file": TAKEN_AWAY, "boards": "1:relay", "odd": TAKEN_AWAY}},
        "officers": {"directory": TAKEN_AWAY},
        "camera": {"source": "v4l2:/dev/v4l/by-id/cam@15"},
    }


@pytest.mark.parametrize(
    "secret",
    [
        "P<UTOCANARYNAME<<CANARYGIVEN<<<<<<<<<<<<<<<<<",
        "X123456781UTO9001024F2901017<<<<<<<<<<<<<<04",
        "X12345678",
        "1990-01-02",
        "19900102",
        "900102",
        "CANARYNAME",
        "0011223344556677889900aabbccddee",
        "00 11 22 33 44 55 66 77 88 99",
        "'CANARYNAME'",
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w",
    ],
)
def test_what_looks_like_a_document_or_a_key_is_masked(secret: str) -> None:
    """T6: and words around it stay."""
    words = masked(f"port gate lost ({secret}); trying")
    assert secret not in words
    assert words.startswith("port gate lost (")
    assert words.endswith("); trying")


def test_only_lines_of_this_program_go_in() -> None:
    """T6: a traceback shows values, other programs say anything."""
    text = (
        "2026-03-01 10:00:00,123 WARNING egate.drivers.gate: gate unit lost (no answer)\n"
        "Traceback (most recent call last):\n"
        "  lines = ('CANARYNAME',)\n"
        "Mar 01 10:00:00 gate1 otherd: hello CANARYNAME\n"
    )
    assert masked_log(text) == (
        "2026-03-01 10:00:00,123 WARNING egate.drivers.gate: gate unit lost (no answer)\n"
        "(3 lines in another form were left out)\n"
    )


def test_a_bundle_is_made_by_the_command_and_never_over_a_file(
    lane: Lane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """T6: for this account alone."""
    out = tmp_path / "help.zip"
    words = ["diagnostics", "bundle", "--config", str(lane.place.config), "--out", str(out)]
    assert cli.main(words) == 0
    assert oct(out.stat().st_mode & 0o777) == "0o600"
    assert opened(out.read_bytes())["README.txt"].startswith(b"Diagnostics of lane UTO-A1")
    assert cli.main(words) == 2
    assert "File exists" in capsys.readouterr().err


def test_what_is_named_and_cannot_be_read_is_said(lane: Lane, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="No such file"):
        bundle(gathered(lane, tmp_path / "none.log"), 0)
    (tmp_path / "commission-x.json").write_text("{}")
    with pytest.raises(MalformedData):
        bundle(gathered(lane, reports=(tmp_path,)), 0)


def test_a_lane_that_has_recorded_nothing_is_counted_too(lane: Lane, tmp_path: Path) -> None:
    """And a machine that shows nothing of itself."""
    assert record_counts(tmp_path / "none.db") == {"there": False}
    (tmp_path / "odd.db").write_bytes(b"no database" * 100)
    assert "problem" in record_counts(tmp_path / "odd.db")
    empty = Machine(tmp_path / "dev", tmp_path / "sys", tmp_path / "proc")
    made = Gathered(load_config(lane.place.config), {}, machine=empty)
    assert json.loads(opened(bundle(made, 0))["system.json"])["uptime_s"] == 0.0
