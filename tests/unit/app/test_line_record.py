"""Recordings of lines on disk: sealed to the centre, opened by its key only (L10)."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from drivers.recording import Happening, RecordingLink
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.passport.issuer import SimulatedIssuer
from drivers.sim.pty import PtyPort
from egate.app import cli, line_record
from egate.app.clock import SystemClock
from egate.app.config import LaneConfig, load_config
from egate.app.demo.installation import Installation, make_installation
from egate.app.line_record import LineRecording, read_line_recording
from egate.app.wiring import build_parts
from egate.model.errors import DeviceError, TrustError
from egate.model.lane import GateReport
from egate.storage.vault import CentrePrivateKey
from tests.unit.app.app_bench import TODAY
from tests.unit.drivers.wires import TestClock, link_to, run

ZONE = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
"""Doc 9303-4 appendix B."""


def test_a_line_is_recorded_for_the_centre_only(tmp_path: Path) -> None:
    key, other = CentrePrivateKey(X25519PrivateKey.generate()), CentrePrivateKey(X25519PrivateKey.generate())
    path = tmp_path / "mrz.line"

    async def story() -> None:
        clock = TestClock()
        port = PtyPort(tmp_path / "port", clock)
        port.on_bytes = lambda data: port.write(data[::-1])
        port.plug()
        recording = LineRecording(link_to(tmp_path / "port", clock), path, key.public_key(), clock)
        await recording.link.open()
        recording.link.write(b"L898902C36")
        heard = b""
        while len(heard) < 10:
            heard += await recording.link.read(1)
        await recording.link.close()
        recording.close()
        port.unplug()

    run(story())
    assert b"L898902C36" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    chunks = read_line_recording(path, key)
    assert [chunk.kind for chunk in chunks][:2] == [Happening.OPENED, Happening.TO_DEVICE]
    assert b"".join(chunk.data for chunk in chunks if chunk.kind is Happening.TO_HOST) == b"63C209898L"
    with pytest.raises(TrustError, match="this key does not open it"):
        read_line_recording(path, other)
    with pytest.raises(DeviceError, match="cannot be read"):
        read_line_recording(tmp_path / "absent", key)
    with pytest.raises(DeviceError, match="no file can be made there"):
        LineRecording(link_to(tmp_path / "port", TestClock()), path, key.public_key(), TestClock())


def _lane(place: Installation, record: str) -> LaneConfig:
    """The demo's lane with a table [record]."""
    (place.config.parent / "lines").mkdir()
    place.config.write_text(place.config.read_text() + record)
    return load_config(place.config)


@pytest.fixture
def place(tmp_path: Path, issuer: SimulatedIssuer) -> Installation:
    return make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [])[0]


def test_a_lane_records_the_lines_it_is_told_to_and_replays_them(place: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """L10: the gate's session, secure channel and all, and an MRZ read, played again to the drivers; nobody shows."""
    lane = _lane(place, '\n[record]\nlines = "lines"\nlines_of = ["gate", "mrz"]\n')
    clock = SystemClock()
    parts = build_parts(lane, clock)
    key = bytes.fromhex(place.key("gate.hex").read_text())

    async def story() -> list[GateReport]:
        unit = SimulatedGateUnit(place.port("gate"), clock, PeripheralSettings(key), os.urandom)
        printed = SimulatedMrzReader(place.port("mrz"), clock)
        unit.plug()
        printed.plug()
        seen: list[GateReport] = []
        try:
            await parts.gate.start()
            await parts.mrz.start()
            reading = asyncio.ensure_future(parts.mrz.read_lines())
            await printed.present(ZONE)
            assert await reading == ZONE
            async with aclosing(parts.gate.reports()) as reports:  # type: ignore[type-var]  # reports() is an async generator
                async for report in reports:
                    seen.append(report)
                    if len(seen) == 6:
                        unit.emergency(True)
                    if len(seen) == 14:
                        break
        finally:
            await parts.gate.close()
            await parts.mrz.close()
            await unit.close()
            await printed.close()
        return seen

    recorded = run(story())
    assert {report.emergency for report in recorded} == {True, False}
    files = {path.name.split("-")[0]: path for path in sorted((place.config.parent / "lines").iterdir())}
    assert sorted(files) == ["gate", "mrz"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in files.values())
    assert b"L898902C" not in files["mrz"].read_bytes()
    lane_words = ["--config", str(place.config), "--open", str(place.key("sealing.pem"))]
    assert cli.main(["replay", str(files["mrz"]), "--line", "mrz", *lane_words]) == 0
    said = capsys.readouterr().out
    assert "TD3, all check digits add up" in said
    assert "played to its end; the driver wrote 0 bytes otherwise" in said
    assert not [word for word in ("ERIKSSON", "L898902C") if word in said]
    cli.main(["replay", str(files["gate"]), "--line", "gate", *lane_words])
    said = capsys.readouterr().out
    assert said.index("entry locked · exit locked · persons 0\n") < said.index("persons 0 · EMERGENCY")
    assert "played to its end; the driver wrote 0 bytes otherwise" in said


def test_nothing_is_recorded_that_nobody_asked_for(place: Installation) -> None:
    """L10: without [record] lines a driver has its own line and no file is made; the key alone names the gate."""
    clock = SystemClock()
    folder = place.config.parent / "lines"
    for record, wrapped in (("", False), ('\n[record]\nlines = "lines"\n', True)):
        lane = _lane(place, record) if record else load_config(place.config)
        parts: Any = build_parts(lane, clock)
        assert isinstance(parts.gate._link, RecordingLink) is wrapped
        assert not isinstance(parts.mrz._spoken.link, RecordingLink)
    assert list(folder.iterdir()) == [], "a file comes with the first block"


def test_a_folder_that_is_absent_or_full_is_said(
    place: Installation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place.config.write_text(place.config.read_text() + '\n[record]\nlines = "lines"\n')
    with pytest.raises(DeviceError, match="there is no such folder; create it"):
        build_parts(load_config(place.config), SystemClock())
    folder = place.config.parent / "lines"
    folder.mkdir()
    (folder / "gate-1.line").write_bytes(bytes(101))
    monkeypatch.setattr(line_record, "LARGEST_FOLDER_BYTES", 100)
    parts: Any = build_parts(load_config(place.config), SystemClock())
    assert not isinstance(parts.gate._link, RecordingLink)
    assert "no line is recorded" in caplog.text


def test_a_file_of_that_name_is_not_added_to(tmp_path: Path) -> None:
    growing = line_record._GrowingFile(tmp_path / "gate-1.line")
    growing.append(b"one")
    growing.append(b"two")
    assert (tmp_path / "gate-1.line").read_bytes() == b"onetwo"
    with pytest.raises(FileExistsError):
        line_record._GrowingFile(tmp_path / "gate-1.line").append(b"three")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--line", "chip"], "--line is one of gate, mrz"),
        (["--line", "gate"], "--line needs --config"),
    ],
)
def test_a_replay_that_cannot_be_says_why(
    place: Installation, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lane = ["--config", str(place.config), "--open", str(place.key("sealing.pem"))] if words[1] == "chip" else []
    assert cli.main(["replay", str(place.config), *words, *lane]) == 2
    assert said in capsys.readouterr().err
