"""Recognising, watching and testing devices at the far end of pseudo terminals (T2, T4, T6)."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.counters import DeviceCounters
from drivers.gate.osdp_packet import CommandCode, Packet, packet_splitter
from drivers.reader.pcsc_list import list_pcsc_readers
from drivers.sim.boarding_pass_reader import SimulatedPassReader
from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.passport.issuer import SimulatedIssuer
from drivers.sim.pn532 import SimulatedPn532
from drivers.sim.pty import FaultLink, FaultRates
from drivers.sim.scene import empty_gate, write_scene
from egate.app import cli
from egate.app.clock import SystemClock
from egate.app.config import load_config
from egate.app.configuring.checking import check_text
from egate.app.demo.installation import Installation, make_installation
from egate.app.devices.places import Adapter, Place, emulated_place
from egate.app.devices.recognise import Kind, Recognised, recognise
from egate.app.devices.suggest import Found, suggest
from egate.app.devices.trial import histogram, judge, try_camera, try_chip, try_gate, try_mrz, try_pass
from egate.app.devices.watching import watch_camera, watch_chip, watch_gate, watch_mrz, watch_pass, zone_words
from egate.app.face_worker import make_camera
from egate.app.wiring import make_chip_device, make_gate_device, make_mrz_device, make_pass_device
from egate.model.errors import DeviceError
from tests.unit.app.app_bench import TODAY
from tests.unit.drivers.boarding_passes import PUBLISHED
from tests.unit.drivers.wires import ScriptedChip, run

ZONE = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
"""Doc 9303-4 appendix B."""
TRIED = "a magnet that lets go without power, tried by a technician on 2026-11-24"
CLOCK = SystemClock()


@pytest.fixture
def place(tmp_path: Path, issuer: SimulatedIssuer) -> Installation:
    return make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [])[0]


def gate_at(place: Installation, *, faults: FaultLink | None = None, address: int = 1, baud: int = 115_200) -> SimulatedGateUnit:
    key = bytes.fromhex(place.key("gate.hex").read_text())
    unit = SimulatedGateUnit(place.port("gate"), CLOCK, PeripheralSettings(key, address), os.urandom, baud=baud, faults=faults)
    unit.plug()
    return unit


async def asked(port: Path, listen_s: float = 0.0) -> Recognised:
    return await recognise(str(port), CLOCK, emulated=True, listen_s=listen_s)


@pytest.mark.parametrize("raised", [False, True])
def test_a_pn532_is_recognised_at_both_its_speeds(place: Installation, *, raised: bool) -> None:
    async def story() -> Recognised:
        simulated = SimulatedPn532(place.port("chip"), CLOCK)
        simulated.plug()
        try:
            if raised:
                simulated.port.baud = 921_600
            return await asked(place.port("chip"))
        finally:
            await simulated.close()

    found = run(story())
    assert (found.kind, found.baud) == (Kind.PN532, 921_600 if raised else 115_200)
    assert "PN532, firmware 1.6" in found.words


def test_an_osdp_unit_is_recognised_by_its_refusal_and_is_only_asked(place: Installation) -> None:
    """T4: of all that went over the wire, every packet is a poll."""

    async def story() -> tuple[Recognised, list[int], bool]:
        unit = gate_at(place, address=3, baud=9600)
        heard, splitter, deliver = list[int](), packet_splitter(), unit.port.on_bytes

        def listen(data: bytes) -> None:
            heard.extend(Packet.from_bytes(raw).code for raw in splitter.receive(data))
            deliver(data)

        unit.port.on_bytes = listen
        try:
            return await asked(place.port("gate")), heard, unit.mantrap.both_unlocked_seen
        finally:
            await unit.close()

    found, codes, unlocked = run(story())
    assert (found.kind, found.address, found.baud) == (Kind.OSDP, 3, 9600)
    assert "insists on its secure channel" in found.words
    assert set(codes) == {CommandCode.POLL}
    assert not unlocked


def test_an_mrz_reader_is_silent_until_a_document_is_laid_on_it(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egate.app.devices.recognise.OSDP_ADDRESSES", range(1))

    async def story() -> tuple[Recognised, Recognised]:
        reader = SimulatedMrzReader(place.port("mrz"), CLOCK)
        reader.plug()

        async def lay() -> None:
            while True:
                await reader.present(ZONE)

        try:
            silent = await asked(place.port("mrz"))
            laying = asyncio.create_task(lay())
            found = await asked(place.port("mrz"), listen_s=4)
            laying.cancel()
            return silent, found
        finally:
            await reader.close()

    silent, found = run(story())
    assert silent.kind is Kind.SILENT
    assert (found.kind, found.profile, found.baud) == (Kind.MRZ, "cute", 9600)
    assert not any(line in found.words for line in ZONE)


def test_a_port_that_does_not_open_says_why(tmp_path: Path) -> None:
    """L4."""
    assert "no such port" in run(recognise(str(tmp_path / "absent"), CLOCK)).words
    found = run(recognise("/dev/ttyUSB0", CLOCK))
    assert found.kind is Kind.CLOSED
    assert "changes with the order of plugging" in found.words


def port(name: str, what: Recognised) -> Found:
    path = Path("/dev/serial/by-path") / name
    return Found(Place(Path("/dev") / name, (path,), (), Adapter("0403", "6001", "A5", 'FTDI "x"')), what)


def test_blocks_are_toml_that_a_lane_takes(place: Installation) -> None:
    """T2: the blocks replace those of a whole file, which is then sound."""
    ports = [
        Found(emulated_place(place.port("mrz")), Recognised(Kind.SILENT, "nothing answers")),
        port("a", Recognised(Kind.PN532, "PN532, firmware 1.6", 921_600)),
        port("b", Recognised(Kind.OSDP, "OSDP unit", 9600, 3)),
    ]
    camera = Place(Path("/dev/video0"), (Path("/dev/v4l/by-path/pci-video-index0"),))
    lines = suggest(ports, [], [camera])
    blocks = tomllib.loads("\n".join(lines))
    assert blocks["devices"]["gate"]["baud"] == 9600
    assert blocks["devices"]["chip"] == {"driver": "pn532", "port": "/dev/serial/by-path/a"}
    assert blocks["camera"] == {"source": "v4l2:/dev/v4l/by-path/pci-video-index0@15"}
    rest = re.sub(r"\[(?:devices\.[a-z]+|camera)\]\n(?:[^\[]+\n)*", "", place.config.read_text())
    said = {
        "# fail = …": 'fail = "safe"',
        "# escape_route = …": "escape_route = true",
        "# statement = …": f'statement = "{TRIED}"',
    }
    lines = [said.get(line, line.removeprefix("# ") if line.startswith("# [doors.") else line) for line in lines]
    assert check_text(rest + "\n".join(lines), place.root, "new.toml", CLOCK).problems == ()


def test_a_second_candidate_and_a_guess_are_left_to_choose_from() -> None:
    found = [
        port("a", Recognised(Kind.PN532, "PN532", 115_200)),
        port("b", Recognised(Kind.PN532, "PN532", 115_200)),
        port("c", Recognised(Kind.SILENT, "nothing answers")),
        port("d", Recognised(Kind.SILENT, "nothing answers")),
        port("e", Recognised(Kind.TALKING, "7 bytes came")),
        port("f", Recognised(Kind.CLOSED, "another program holds it")),
    ]
    text = "\n".join(suggest(found, ["OMNIKEY [CL] 5422 00 01"], []))
    assert tomllib.loads(text) == {"devices": {"chip": {"driver": "pn532", "port": "/dev/serial/by-path/a"}}}
    assert text.count("# [devices.chip]") == 2
    assert '# name = "OMNIKEY [[]CL] 5422*"' in text
    assert text.count("# [devices.mrz]") == 2
    assert "# /dev/serial/by-path/f: another program holds it" in text
    assert "ttyUSB" not in text


def test_a_zone_is_shown_without_personal_data() -> None:
    """T6."""
    assert zone_words(ZONE) == "2 lines of 44: TD3, all check digits add up"
    wrong = (ZONE[0], ZONE[1].replace("7408122", "7408123"))
    assert zone_words(wrong) == "2 lines of 44: TD3, check digit wrong: date of birth, composite"
    assert zone_words(("ABC",)) == "1 line of 3: number or length of the lines fits no document format"
    assert zone_words(()).startswith("0 lines of 0")
    assert all(line in zone_words(ZONE, show_personal=True) for line in ZONE)
    assert "\x1b" not in zone_words(("A\x1b[2J",), show_personal=True)


async def seen(watching: asyncio.Task[None], told: list[str], count: int) -> None:
    """Wait until so many lines were told; the task goes on."""
    async with asyncio.timeout(10):
        while len(told) < count:
            assert not watching.done()
            await CLOCK.sleep(0.01)


async def ended(watching: asyncio.Task[None]) -> None:
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


def test_the_gates_contacts_are_told_when_they_change_and_when_they_are_lost(place: Installation) -> None:
    async def story() -> list[str]:
        unit, told = gate_at(place), list[str]()
        gate = make_gate_device(load_config(place.config).gate, CLOCK)
        await gate.start()
        watching = asyncio.create_task(watch_gate(gate, told.append))
        try:
            await seen(watching, told, 1)
            unit.emergency(True)
            await seen(watching, told, 2)
            unit.unplug()
            while not any(line.startswith("lost") for line in told):
                await seen(watching, told, len(told) + 1)
            return told
        finally:
            await ended(watching)
            await gate.close()
            await unit.close()

    told = run(story())
    assert told[0] == "entry locked · exit locked · persons 0"
    assert told[1].endswith("persons 0 · EMERGENCY")


def test_chips_documents_and_frames_are_told(place: Installation) -> None:
    async def story() -> list[str]:
        config, told = load_config(place.config), list[str]()
        simulated, printed = SimulatedPn532(place.port("chip"), CLOCK), SimulatedMrzReader(place.port("mrz"), CLOCK)
        simulated.insert(ScriptedChip())
        for device in (simulated, printed):
            device.plug()
        chip, mrz = make_chip_device(config.chip, CLOCK), make_mrz_device(config.mrz, CLOCK)
        await chip.start()
        await mrz.start()
        watching = asyncio.create_task(watch_chip(chip, CLOCK, told.append))
        try:
            await seen(watching, told, 1)
            simulated.remove()
            await seen(watching, told, 2)
            await ended(watching)
            watching = asyncio.create_task(watch_mrz(mrz, told.append))
            await printed.present(ZONE)
            await seen(watching, told, 3)
            await ended(watching)
            camera = make_camera(config.camera)
            assert camera is not None
            write_scene(place.scene, empty_gate(count=2))
            camera.open()
            watching = asyncio.create_task(watch_camera(camera, CLOCK, told.append))
            await seen(watching, told, 4)
            return told
        finally:
            await ended(watching)
            for part in (chip, mrz, simulated, printed):
                await part.close()

    told = run(story())
    assert told[0].startswith("chip activated, ")
    assert told[1:3] == ["chip gone", "2 lines of 44: TD3, all check digits add up"]
    assert re.fullmatch(r"[0-9.]+ frames/s · \d+×\d+ · brightness \d+ of 255", told[3])


def test_a_good_gate_a_noisy_one_and_one_with_another_key(place: Installation) -> None:
    """T4: a test unlocks nothing, and says in words what is wrong."""

    async def tried(faults: FaultLink | None = None, *, other_key: bool = False) -> tuple[bool, str, tuple[str, ...]]:
        unit = gate_at(place, faults=faults)
        unlocked: list[str] = []
        unit.on_change(lambda: unlocked.append("moved"))
        if other_key:
            place.key("gate.hex").write_text("0f" * 16)
        try:
            trial = await try_gate(make_gate_device(load_config(place.config).gate, CLOCK), 0.8, CLOCK)
        finally:
            await unit.close()
        assert unlocked == []
        return trial.good, trial.verdict, trial.lines

    good, verdict, lines = run(tried())
    assert good, verdict
    assert re.match(r"good: \d+ questions in 0.8 s, all answered, 0 repeated", verdict)
    assert re.match(r"  started in \d+ ms", lines[0])
    assert any("█" in line for line in lines)
    good, verdict, _ = run(tried(FaultLink(7, FaultRates(drop=0.08))))
    assert not good
    assert verdict.startswith(("poor: ", "bad: "))
    good, verdict, _ = run(tried(other_key=True))
    assert not good
    assert "holds another key" in verdict


def test_a_chip_reader_a_camera_and_an_mrz_reader_are_tried(place: Installation) -> None:
    async def story() -> tuple[str, str, str]:
        config = load_config(place.config)
        simulated, printed = SimulatedPn532(place.port("chip"), CLOCK), SimulatedMrzReader(place.port("mrz"), CLOCK)
        simulated.insert(ScriptedChip())
        for device in (simulated, printed):
            device.plug()
        try:
            chip = await try_chip(make_chip_device(config.chip, CLOCK), 0.4, CLOCK)
            nothing = await try_mrz(make_mrz_device(config.mrz, CLOCK), 0.2, CLOCK)
            laying = asyncio.create_task(printed.present(ZONE))
            document = await try_mrz(make_mrz_device(config.mrz, CLOCK), 3, CLOCK)
            await laying
            return chip.verdict, nothing.verdict, document.verdict
        finally:
            await simulated.close()
            await printed.close()

    chip, nothing, document = run(story())
    assert chip.startswith("good: ")
    assert nothing.startswith("undecided: the port is open")
    assert document == "good: a document was read, 2 lines"
    camera = make_camera(load_config(place.config).camera)
    assert camera is not None
    assert try_camera(camera, 0.3, CLOCK).verdict.startswith("bad: ")
    write_scene(place.scene, empty_gate(count=2))
    trial = try_camera(camera, 0.3, CLOCK)
    assert trial.verdict.startswith("good: ")


PASS_TABLE = '\n[devices.boarding_pass]\ndriver = "boarding_pass_serial"\nport = "ports/pass"\nemulated = true\n'


def test_a_boarding_pass_reader_is_tried_and_watched_and_names_nobody(place: Installation) -> None:
    """T2, T6: flights show, the holder does not."""
    place.config.write_text(place.config.read_text() + PASS_TABLE)
    text = PUBLISHED["two legs, every item"].encode()

    async def story() -> tuple[list[str], list[str]]:
        device = load_config(place.config).boarding_pass
        assert device is not None
        simulated = SimulatedPassReader(place.port("pass"), CLOCK)
        simulated.plug()
        try:
            verdicts = [(await try_pass(make_pass_device(device, CLOCK), 0.2, CLOCK)).verdict]
            for shown in (b"0123456789", text):
                showing = asyncio.create_task(simulated.present(shown))
                verdicts.append((await try_pass(make_pass_device(device, CLOCK), 3, CLOCK)).verdict)
                await showing
            told: list[str] = []
            reader = make_pass_device(device, CLOCK)
            await reader.start()
            watching = asyncio.create_task(watch_pass(reader, told.append))
            await simulated.present(text)
            await seen(watching, told, 1)
            await simulated.present(b"0123456789")
            await seen(watching, told, 2)
            simulated.unplug()
            await seen(watching, told, 3)
            await ended(watching)
            await reader.close()
            return verdicts, told
        finally:
            await simulated.close()

    verdicts, told = run(story())
    assert verdicts[0] == "undecided: the port is open, but no boarding pass was shown within 0.2 s"
    assert verdicts[1].startswith("undecided: a code was read, but it is no boarding pass (it is no boarding pass of type M")
    assert verdicts[2] == "good: a boarding pass was read, 2 legs"
    assert told[0] == "boarding pass: AC0834 YUL–FRA day 326, LH3664 FRA–GVA day 327 · version 5 · with security data"
    assert told[1].startswith("no boarding pass: ")
    assert told[2].startswith("lost: ")
    everything = " ".join((*verdicts, *told))
    assert not [word for word in ("DESMARAIS", "AB12C3", "003A", "1234567890", "01234567") if word in everything]


def test_a_lane_without_a_boarding_pass_reader_says_so(place: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    lane = ["--config", str(place.config)]
    assert load_config(place.config).boarding_pass is None
    assert cli.main(["devices", "test", *lane, "boarding_pass"]) == 2
    assert "there is no [devices.boarding_pass]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("counters", "trouble", "good", "words"),
    [
        (DeviceCounters(exchanges=100, latency_bins=[100] + [0] * 11), "", True, "good: 100 questions in 2 s"),
        (DeviceCounters(exchanges=100, repeats=1, latency_bins=[100] + [0] * 11), "", True, "1 repeated"),
        (DeviceCounters(exchanges=100, repeats=2, latency_bins=[100] + [0] * 11), "", False, "poor: 2 of 100 questions had"),
        (DeviceCounters(exchanges=99, unanswered=1, latency_bins=[99] + [0] * 11), "", False, "poor: 1 of 100 questions"),
        (DeviceCounters(), "", False, "answered nothing"),
        (DeviceCounters(exchanges=5), "the port is lost", False, "bad: the port is lost"),
        (DeviceCounters(exchanges=100, latency_bins=[98, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]), "", False, "slow: 2 of 100"),
        (DeviceCounters(exchanges=100, latency_bins=[0] * 6 + [100] + [0] * 5), "", True, "good"),
    ],
)
def test_verdicts(counters: DeviceCounters, trouble: str, good: bool, words: str) -> None:
    judged, verdict = judge(counters, 2, trouble)
    assert judged is good
    assert words in verdict


def test_a_histogram_shows_what_holds_something() -> None:
    assert histogram([0] * 12) == []
    lines = histogram([0, 0, 64, 1, 0, 2] + [0] * 6)
    assert [line.split()[:3] for line in lines] == [["≤", "5", "ms"], ["≤", "10", "ms"], ["≤", "20", "ms"], ["≤", "50", "ms"]]
    assert lines[0].count("█") == 32
    assert lines[1].count("█") == 1
    assert lines[2].count("█") == 0


def test_the_command_says_what_it_tried_and_ends_with_the_right_status(
    place: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    lane = ["--config", str(place.config)]
    assert cli.main(["devices", "test", *lane, "gate", "--seconds", "0.2"]) == 1
    assert "bad: open port" in capsys.readouterr().out
    assert cli.main(["devices", "monitor", *lane, "gate"]) == 2
    assert "there is no such port" in capsys.readouterr().err
    assert cli.main(["devices", "test", *lane, "gate", "--seconds", "0"]) == 2
    assert "--seconds must be from 0.1 to 3600 seconds" in capsys.readouterr().err


def test_readers_are_listed_and_the_service_is_left_again(monkeypatch: pytest.MonkeyPatch) -> None:
    left = list[int]()
    answers: dict[str, Any] = {"establish": 0, "list": (0, ["B 01", "A 00"])}
    service = SimpleNamespace(
        SCARD_SCOPE_SYSTEM=2,
        SCARD_S_SUCCESS=0,
        SCARD_E_NO_READERS_AVAILABLE=46,
        SCardEstablishContext=lambda _scope: (answers["establish"], 7),
        SCardListReaders=lambda _context, _groups: answers["list"],
        SCardReleaseContext=left.append,
        SCardGetErrorMessage=lambda _result: "Broken. ",
    )
    monkeypatch.setattr("drivers.reader.pcsc_list.load_pyscard", lambda: service)
    assert list_pcsc_readers() == ("A 00", "B 01")
    answers["list"] = (46, [])
    assert list_pcsc_readers() == ()
    answers["list"] = (1, [])
    with pytest.raises(DeviceError, match=r"Broken$"):
        list_pcsc_readers()
    assert left == [7, 7, 7]
    answers["establish"] = 1
    with pytest.raises(DeviceError, match=r"systemctl start pcscd\.socket"):
        list_pcsc_readers()


def test_a_monitor_ends_cleanly_with_ctrl_c(place: Installation) -> None:
    async def story() -> tuple[int | None, bytes, bytes]:
        unit = gate_at(place)
        command = (sys.executable, "-m", "egate", "devices", "monitor", "--config", str(place.config), "gate")
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert process.stdout is not None
            first = await process.stdout.readline() + await process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, errors = await process.communicate()
            return process.returncode, first, errors
        finally:
            await unit.close()

    status, shown, errors = run(story())
    assert (status, errors) == (0, b"")
    assert re.fullmatch(rb"[0-9:.]+  started; Ctrl-C ends\n[0-9:.]+  entry locked .*persons 0\n", shown)
