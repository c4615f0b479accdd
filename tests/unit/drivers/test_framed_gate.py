"""The driver of framed boards over a real pty: walks, leases, losses, late answers, and boards that are refused."""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from drivers import PortSettings, make_gate_unit
from drivers.gate.framed import FramedGate
from drivers.gate.framed_model import ByteOrder, Checksum, ChecksumKind, FramedProfile
from drivers.gate.framed_profile import parse_profile, shipped_profiles
from drivers.gate.framed_protocol import check_bytes
from drivers.link import LinkSettings, SerialLink
from drivers.sim.framed_board import encode_answer, obey
from drivers.sim.pty import FaultLink, FaultRates
from egate.model.errors import DeviceError
from egate.model.lane import Door, DoorState, GateReport
from egate.ports import GateUnit
from tests.unit.drivers.framed_boards import board_wire, example, example_text
from tests.unit.drivers.wires import TestClock, online, run, until


async def first_where(
    gate: FramedGate, entry: DoorState | None = None, exit_: DoorState | None = None, newer: int = 0
) -> GateReport:
    """The first report with these door states and at least that command number."""
    async with asyncio.timeout(5), aclosing(gate.reports()) as reports:  # type: ignore[type-var]  # an async generator
        async for report in reports:
            if entry in (None, report.entry) and exit_ in (None, report.exit) and report.after_command >= newer:
                return report
    raise AssertionError("unreachable")


def test_a_whole_passage(tmp_path: Path) -> None:
    """In by the entry, out by the exit; timed orders only, never both doors, the unit's own interlock never needed."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, _):
            as_port: GateUnit = gate
            assert online(as_port)
            assert (await first_where(gate)).entry is DoorState.LOCKED
            walk = asyncio.ensure_future(unit.mantrap.walk_in())
            await gate.unlock(Door.ENTRY, 3.0, 1)
            assert (await first_where(gate, newer=1)).entry is DoorState.CLOSED, "a leased door is no locked door"
            assert await walk
            await gate.lock(Door.ENTRY, 2)
            assert (await first_where(gate, entry=DoorState.LOCKED, newer=2)).persons == 1
            walk = asyncio.ensure_future(unit.mantrap.walk_out_exit())
            await gate.unlock(Door.EXIT, 3.0, 3)
            assert await walk
            await gate.lock(Door.EXIT, 4)
            assert (await first_where(gate, exit_=DoorState.LOCKED, newer=4)).persons == 0
            assert [name for name, _ in unit.board.orders] == ["unlock_entry", "lock_entry", "unlock_exit", "lock_exit"]
            assert all(2.5 < seconds <= 3.0 for name, seconds in unit.board.orders if name.startswith("unlock"))
            assert not unit.mantrap.both_unlocked_seen
            assert unit.mantrap.interlock_refusals == 0

    run(story())


def test_the_board_locks_when_the_controller_is_gone(tmp_path: Path) -> None:
    """I7: nobody refreshes, the door locks."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, clock):
            await gate.unlock(Door.ENTRY, 0.4, 1)
            await until(lambda: not unit.mantrap.leaf(Door.ENTRY).locked, clock)
            await gate.close()
            with pytest.raises(DeviceError, match="not there"):
                await gate.unlock(Door.ENTRY, 1.0, 2)
            await until(lambda: unit.mantrap.leaf(Door.ENTRY).secure, clock, 2)

    run(story())


def test_emergency_tamper_and_faults_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """I5, I8."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, _):
            unit.mantrap.emergency(True)
            unit.mantrap.tamper(True)
            report = await first_where(gate, entry=DoorState.CLOSED, exit_=DoorState.CLOSED)
            assert report.emergency
            assert report.tamper
            unit.fault = True
            await first_where(gate, entry=DoorState.FAULT, exit_=DoorState.FAULT)
            unit.fault = False
            unit.mantrap.emergency(False)
            await first_where(gate, entry=DoorState.LOCKED)

    run(story())
    faults = [record.message for record in caplog.records if "fault" in record.message]
    assert len(faults) == 2
    assert "fault 1 (entry motor)" in faults[0]


def test_unplugged_and_plugged_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """L2: one error to the listener, one line lost, one line back, and everything goes on."""
    caplog.set_level(logging.INFO, "egate.drivers")

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, _):
            reports = gate.reports()
            await anext(reports)
            unit.unplug()
            with pytest.raises(DeviceError, match=r"lost|does not answer"):  # noqa: PT012 - samples may still be on their way
                while True:
                    await anext(reports)
            assert not online(gate)
            with pytest.raises(DeviceError, match="not there"):
                await gate.unlock(Door.ENTRY, 3, 1)
            unit.plug()
            await anext(gate.reports())
            assert online(gate)
            await gate.unlock(Door.ENTRY, 3, 2)

    run(story())
    lines = [record.message for record in caplog.records if record.message.startswith("gate board on")]
    assert [("lost" in line, "is back" in line) for line in lines] == [(False, False), (True, False), (False, True)]


def test_a_silent_board_is_lost_within_half_a_second(tmp_path: Path) -> None:
    """L2: the bound is what the attempts add up to, whatever the profile says."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, _):
            reports = gate.reports()
            await anext(reports)
            unit.board.silent = True
            with pytest.raises(DeviceError, match="does not answer"):  # noqa: PT012 - samples may still be on their way
                while True:
                    await anext(reports)
            assert gate.counters.unanswered == 1
            unit.board.silent = False
            await anext(gate.reports())

    run(story())


@pytest.mark.parametrize(("within_ms", "pause_ms"), [(10, 0), (10, 40), (60, 0), (80, 10), (130, 0), (130, 40)])
def test_all_attempts_of_a_question_end_in_time(within_ms: int, pause_ms: int) -> None:
    """L2: 500 ms, with the pause between two samples."""
    profile = example(("answer_within_ms = 60", f"answer_within_ms = {within_ms}\npause_ms = {pause_ms}"))
    gate = FramedGate(_no_link(), profile, 1, TestClock())
    rest_ms = max(within_ms, pause_ms)
    worst_ms = pause_ms + within_ms + (gate.attempts - 1) * (rest_ms + within_ms)
    assert gate.attempts >= 2
    assert worst_ms <= 470


def _no_link() -> SerialLink:
    return SerialLink(LinkSettings("/dev/serial/by-path/x"), TestClock())


def test_a_refused_order_is_the_callers(tmp_path: Path) -> None:
    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, _):
            unit.board.refusing = True
            with pytest.raises(DeviceError, match=r"it refuses the order \(refused"):
                await gate.unlock(Door.EXIT, 3, 1)
            assert online(gate)
            assert gate.counters.refused == 1
            assert (await first_where(gate)).after_command == 0
            assert unit.board.orders == []

    run(story())


@pytest.mark.parametrize("lease_s", [0.05, 10.1, -1.0, float("nan")])
def test_a_lease_that_cannot_be_is_not_sent(tmp_path: Path, lease_s: float) -> None:
    """I3."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, _):
            with pytest.raises(DeviceError, match="cannot be ordered"):
                await gate.unlock(Door.EXIT, lease_s, 1)
            assert unit.board.orders == []

    run(story())


def test_late_and_foreign_answers_are_dropped_and_counted(tmp_path: Path) -> None:
    """L7: a lie of another board and an answer to an earlier question stand before each true one."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, _):
            profile, open_ = example(), {"entry_closed": 0, "exit_closed": 0, "identity": 1}
            honest = unit.board.receive

            def with_strangers(data: bytes) -> list[bytes]:
                answers = honest(data)
                late = [encode_answer(profile, "state", 1, (answer[3] - 1) % 256, open_) for answer in answers]
                foreign = [encode_answer(profile, "state", 2, answer[3], open_) for answer in answers]
                return [*foreign, *late, *answers]

            unit.board.receive = with_strangers  # type: ignore[method-assign]  # the line carries more than one voice
            before = gate.late_answers
            for _ in range(5):
                report = await first_where(gate)
                assert (report.entry, report.exit) == (DoorState.LOCKED, DoorState.LOCKED)
            await gate.unlock(Door.ENTRY, 0.3, 1)
            assert gate.late_answers >= before + 12

    run(story())


def test_an_answer_behind_noise_that_announces_more_is_found(tmp_path: Path) -> None:
    """L8: noise before every answer looks like the head of a longer frame; the answer behind it counts all the same."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, _):
            honest = unit.board.receive
            unit.board.receive = lambda data: [b"\x5a\x3c" + answer for answer in honest(data)]  # type: ignore[method-assign]  # noise
            await gate.unlock(Door.ENTRY, 1.0, 1)
            assert (await first_where(gate, newer=1)).entry is DoorState.CLOSED
            assert gate.counters.repeats == 0

    run(story())


def _without_numbers() -> FramedProfile:
    """The example, of a board that does not number its answers."""
    text = example_text().replace("{sequence} ", "").replace("sequence_at = 3\n", "")
    head, tail = text.split("[answers]")
    tail = re.sub(r"at = (\d)", lambda found: f"at = {int(found[1]) - 1}", tail)
    tail = tail[: tail.index("[[published]]")]
    frames = (("orders.lock_entry", "A5 03 01 03 01"), ("answers.done", "5A 02 01 06"))
    checksum = Checksum(ChecksumKind.CRC_MODBUS, order=ByteOrder.LITTLE)
    for what, frame in frames:
        whole = bytes.fromhex(frame)
        tail += f'[[published]]\nframe = "{(whole + check_bytes(checksum, whole)).hex()}"\nis = "{what}"\n'
    return parse_profile((head + "[answers]" + tail).encode())


def test_a_late_answer_without_a_number_is_dropped_while_the_line_rests(tmp_path: Path) -> None:
    """L7, I2: what comes after its time, before the question is asked again, is no sample."""

    async def story() -> None:
        profile = _without_numbers()
        async with board_wire(tmp_path, profile=profile) as (gate, unit, _):
            honest, loop = unit.board.receive, asyncio.get_running_loop()
            lie = encode_answer(profile, "state", 1, 0, {"identity": 1, "persons": 3})
            delayed = iter(range(3))

            def late(data: bytes) -> list[bytes]:
                if next(delayed, None) is None:
                    return honest(data)
                loop.call_later(1.4 * profile.line.answer_within_s, unit.port.write, lie)
                return []

            async with aclosing(gate.reports()) as reports:  # type: ignore[type-var]  # an async generator
                await anext(reports)
                unit.board.receive = late  # type: ignore[method-assign]  # a board that thinks for too long
                for _ in range(4):
                    assert (await anext(reports)).persons == 0
            assert gate.counters.repeats == 3

    run(story())


def test_a_sample_asked_for_before_the_acknowledgement_is_no_evidence(tmp_path: Path) -> None:
    """I2: numbers never run ahead of what the board had acknowledged when the sample was asked for."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, unit, clock):
            seen: list[tuple[int, int]] = []

            async def watch() -> None:
                async for report in gate.reports():
                    seen.append((report.after_command, len(unit.board.orders)))

            watching = asyncio.ensure_future(watch())
            for number in range(1, 20):
                await gate.unlock(Door.ENTRY, 1.0, number)
            await until(lambda: bool(seen) and seen[-1][0] == 19, clock)
            watching.cancel()
            assert all(number <= orders for number, orders in seen)
            assert [number for number, _ in seen] == sorted(number for number, _ in seen)

    run(story())


def test_a_cancelled_order_leaves_the_wire_whole(tmp_path: Path) -> None:
    """A caller that gives up does not break the exchange, and never gets somebody else's answer."""

    async def story() -> None:
        async with board_wire(tmp_path) as (gate, _unit, clock):
            for number in range(1, 15):
                order = asyncio.ensure_future(gate.unlock(Door.ENTRY, 1.0, number))
                await clock.sleep(0.0005 * number)
                order.cancel()
                await asyncio.gather(order, return_exceptions=True)
            await gate.lock(Door.ENTRY, 15)
            assert (await first_where(gate, newer=15)).after_command == 15
            assert gate.counters.unanswered == 0

    run(story())


def test_the_wrong_board_is_refused_at_start(tmp_path: Path) -> None:
    """L13."""

    async def story() -> None:
        async with board_wire(tmp_path, start=False) as (gate, unit, _):
            unit.wrong_board = True
            with pytest.raises(DeviceError, match="it is not the board of the profile two-door-board"):
                await gate.start()
            unit.wrong_board = False
            await gate.start()

    run(story())


def test_a_board_at_another_address_does_not_answer(tmp_path: Path) -> None:
    async def story() -> None:
        async with board_wire(tmp_path, board_address=2, start=False) as (gate, _, _clock):
            with pytest.raises(DeviceError, match="does not answer"):
                await gate.start()

    run(story())


def test_orders_arrive_over_a_noisy_line(tmp_path: Path) -> None:
    """N2: one chunk in fifty hurt; every order arrives, an acknowledged one was carried out, nothing is both-unlocked."""

    async def story() -> None:
        faults = FaultLink(5)
        async with board_wire(tmp_path, faults=faults) as (gate, unit, clock):
            faults.rates = FaultRates(flip=0.01, drop=0.01, garbage=0.01)
            for number in range(1, 40):
                try:
                    await gate.unlock(Door.ENTRY, 1.0, number)
                except DeviceError:
                    await until(lambda: online(gate), clock)
                    continue
                assert unit.board.orders[-1][0] == "unlock_entry"
            assert faults.hurt_chunks > 0
            assert len(unit.board.orders) >= 39
            assert not unit.mantrap.both_unlocked_seen

    run(story())


@pytest.mark.parametrize("name", sorted(set(shipped_profiles()) - {"speed-gate-7e"}))
def test_boards_that_cannot_keep_a_lane_safe_are_refused_with_the_reason(name: str) -> None:
    """I14: no timed unlock, no lock contact, no answer."""
    with pytest.raises(DeviceError, match=r"as a gate unit: .*\(.*I3.*\)"):
        make_gate_unit("framed", PortSettings("/dev/serial/by-path/x", profile=name), TestClock(), bytes)


def test_a_shipped_barrier_is_a_gate_unit() -> None:
    """P1: the wiring says which door it is and whither it opens; nonsense is refused before anything is opened."""
    settings = PortSettings("/dev/serial/by-path/x", profile="speed-gate-7e", wiring="entry=right")
    assert isinstance(make_gate_unit("framed", settings, TestClock(), bytes), FramedGate)
    with pytest.raises(DeviceError, match="write exit=left"):
        make_gate_unit("framed", replace(settings, wiring="up"), TestClock(), bytes)


def test_a_technicians_own_board_is_a_gate_unit_by_its_file(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(example_text())
    gate = make_gate_unit("framed", PortSettings("/dev/serial/by-path/x", profile=str(own)), TestClock(), bytes)
    assert isinstance(gate, FramedGate)
    with pytest.raises(DeviceError, match="an address is 0 to 255"):
        make_gate_unit("framed", PortSettings("/dev/serial/by-path/x", profile=str(own), address=256), TestClock(), bytes)


def test_the_keyboard_of_the_simulated_board(tmp_path: Path) -> None:
    async def story() -> None:
        async with board_wire(tmp_path, start=False) as (_, unit, _clock):
            assert "EMERGENCY" in await obey(unit, "emergency on")
            assert "TAMPER" in await obey(unit, "tamper on")
            assert (await obey(unit, "jump")).startswith("words: ")
            assert "0 inside" in await obey(unit, "")

    run(story())
