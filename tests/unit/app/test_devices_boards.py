"""Recognising, suggesting and watching Modbus boards and framed gate boards at the far end of pseudo terminals (T2, T4)."""

from __future__ import annotations

import asyncio
import json
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest

import drivers
from drivers.gate.contacts import Contact
from drivers.gate.framed_model import ChecksumKind
from drivers.gate.framed_profile import load_profile
from drivers.gate.modbus_boards import PROFILES, parse_layout
from drivers.gate.modbus_protocol import READS
from drivers.sim.framed_board import SimulatedFramedBoard
from drivers.sim.modbus_board import SimulatedModbusGate
from egate.app.clock import SystemClock
from egate.app.devices.places import Adapter, Place
from egate.app.devices.recognise import Kind, Recognised, recognise
from egate.app.devices.recognise_gate import likely_profile
from egate.app.devices.suggest import Found, suggest
from egate.app.devices.watching import report_words, watch_gate
from egate.model.lane import DoorState, GateReport, Power
from tests.unit.drivers.wires import run

CLOCK = SystemClock()
TURNSTILE = "doors=exit exit_lock=3.1 exit_closed=3.0 exit_locked=3.1 emergency=3.2"
LINE = "2:waveshare-relay-8 5:inputs-8 9:inputs-16"


@pytest.fixture(autouse=True)
def few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other kinds of device are asked at one address, and few speeds are tried: their own tests ask at all."""
    monkeypatch.setattr("egate.app.devices.recognise.OSDP_ADDRESSES", range(1))
    monkeypatch.setattr("egate.app.devices.recognise.OSDP_BAUDS", (9600,))
    monkeypatch.setattr("egate.app.devices.recognise_gate.MODBUS_BAUDS", (9600, 19_200))
    monkeypatch.setattr("egate.app.devices.recognise_gate.LAST_ADDRESS", 9)


async def asked(path: Path) -> Recognised:
    return await recognise(str(path), CLOCK, emulated=True)


def found_at(what: Recognised) -> Found:
    return Found(Place(Path("/dev/x"), (Path("/dev/serial/by-path/x"),), (), Adapter("0403", "6001", "A5", "FTDI")), what)


@pytest.mark.parametrize(
    ("boards", "wiring", "baud", "echo"),
    [
        (LINE, "", 9600, True),
        ("1:delay-register-4 2:inputs-8", "", 19_200, False),
        ("3:lot-turnstile", TURNSTILE, 9600, False),
    ],
)
def test_modbus_boards_are_found_and_only_read(tmp_path: Path, boards: str, wiring: str, baud: int, *, echo: bool) -> None:
    """T2, T4: every board of the line with a profile that has as much; every frame that a board could obey is a read."""

    async def story() -> tuple[Recognised, set[int], list[tuple[int, int, int]]]:
        unit = SimulatedModbusGate(tmp_path / "line", CLOCK, parse_layout(boards, wiring), baud=baud)
        unit.misbehaviour.echo = echo
        functions = set[int]()
        for board in unit.boards.values():

            def noted(frame: bytes, obey: object = board.answer) -> bytes:
                functions.add(frame[1])
                return obey(frame)  # type: ignore[operator,no-any-return]  # the board's own method

            board.answer = noted  # type: ignore[method-assign]  # notes what the board is asked
        unit.plug()
        try:
            return await asked(tmp_path / "line"), functions, [order for board in unit.boards.values() for order in board.orders]
        finally:
            await unit.close()

    found, functions, orders = run(story())
    assert (found.kind, found.baud, found.boards) == (Kind.MODBUS, baud, boards)
    assert functions <= READS
    assert orders == []


def test_a_framed_board_is_found_and_only_polled(tmp_path: Path) -> None:
    """T2, T4."""

    async def story() -> tuple[Recognised, list[tuple[str, float]]]:
        unit = SimulatedFramedBoard(tmp_path / "board", CLOCK, load_profile("speed-gate-7e"), 2)
        unit.plug()
        try:
            return await asked(tmp_path / "board"), unit.board.orders
        finally:
            await unit.close()

    found, orders = run(story())
    assert (found.kind, found.profile, found.address, found.baud) == (Kind.FRAMED, "speed-gate-7e", 2, 19_200)
    assert "gate 0 (closed)" in found.words
    assert orders == []


def test_blocks_for_boards_make_a_gate_unit() -> None:
    """T2: what is suggested is taken by the driver as it stands."""
    for what in (
        Recognised(Kind.MODBUS, "Modbus boards", 9600, boards=LINE),
        Recognised(Kind.FRAMED, "a speed gate", 19_200, 1, "speed-gate-7e"),
    ):
        block = tomllib.loads("\n".join(suggest([found_at(what)], [], [])))["devices"]["gate"]
        settings = drivers.PortSettings(
            block["port"],
            baud=block.get("baud", 115_200),
            profile=block.get("profile", ""),
            address=block.get("address", 1),
            boards=block.get("boards", ""),
        )
        assert drivers.make_gate_unit(block["driver"], settings, CLOCK, bytes) is not None
        assert settings.baud == (9600 if what.boards else 115_200)


def test_a_line_that_lacks_something_is_told_what() -> None:
    """The block is there, and the wiring that is missing stands in it as a comment."""
    lines = suggest([found_at(Recognised(Kind.MODBUS, "Modbus boards", 9600, boards="1:inputs-8 2:coils-8"))], [], [])
    assert json.dumps("1:inputs-8 2:coils-8") in "\n".join(lines)
    assert any(line.startswith("# wiring = ") and "entry_lock is wired to nothing" in line for line in lines)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (Recognised(Kind.MODBUS, "Modbus boards at 9600 baud: 1 (0 inputs, 4 outputs)", 9600), "no board profile has as much"),
        (Recognised(Kind.FRAMED, "a swing gate", 9600, 1, "turnstiles-tpw-321asp"), "it is no gate unit: the protocol sets"),
    ],
)
def test_boards_that_cannot_be_the_gate_unit_get_no_block(what: Recognised, words: str) -> None:
    text = "\n".join(suggest([found_at(what)], [], []))
    assert tomllib.loads(text) == {}
    assert words in text


def test_likely_profiles_are_profiles() -> None:
    """Over everything that a board may answer, and each shipped profile is proposed for a board that has what it has."""
    proposed = {
        likely_profile(inputs, coils, registers, waveshare=waveshare, turnstile=turnstile)
        for inputs in (0, 4, 8, 16)
        for coils in (0, 4, 8, 16)
        for registers in (0, 4, 8, 16)
        for waveshare in (False, True)
        for turnstile in (False, True)
    }
    assert proposed - {""} == set(PROFILES) - {"waveshare-io-8"}, "the io board has what the relay board D has"


def test_further_contacts_are_told_to_who_watches(tmp_path: Path) -> None:
    async def story() -> list[str]:
        boards, wiring = "1:waveshare-relay-d 2:inputs-8", "on_battery=2.0 intrusion=2.1"
        unit = SimulatedModbusGate(tmp_path / "line", CLOCK, parse_layout(boards, wiring), baud=115_200)
        unit.plug()
        settings = drivers.PortSettings(str(tmp_path / "line"), emulated=True, boards=boards, wiring=wiring)
        gate, told = drivers.make_gate_unit("modbus", settings, CLOCK, bytes), list[str]()
        watching: asyncio.Task[None] | None = None
        try:
            await gate.start()
            watching = asyncio.create_task(watch_gate(gate, told.append))
            for contact in (Contact.ON_BATTERY, Contact.INTRUSION):
                seen = len(told)
                while len(told) == seen:
                    await CLOCK.sleep(0.01)
                unit.switch_contact(contact, True)
            while not any("intrusion" in line for line in told):
                await CLOCK.sleep(0.01)
            return told
        finally:
            if watching is not None:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
            await gate.close()
            await unit.close()

    assert run(story())[-1] == "entry locked · exit locked · persons 0 · intrusion · power battery"


def test_a_report_in_words_names_everything_that_is_not_as_usual() -> None:
    report = GateReport(
        1, DoorState.OPEN, DoorState.LOCKED, 2, emergency=True, tamper=True, power=Power.LOW, object_left=True, obstructed=True
    )
    assert report_words(report) == (
        "entry open · exit locked · persons 2 · EMERGENCY · TAMPER · object left · obstructed · power low"
    )


def test_shipped_profiles_that_can_be_found_have_a_check_or_say_why_not() -> None:
    """A board without a check value is found by the shape of its answer alone, and never becomes a gate unit."""
    tpw = load_profile("turnstiles-tpw-321asp")
    assert tpw.answer is not None
    assert tpw.answer.checksum.kind is ChecksumKind.NONE
    assert not tpw.complete
