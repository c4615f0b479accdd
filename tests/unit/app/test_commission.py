"""`egate commission`: a sound lane, its signed report, the comparison, and maintenance while it runs (T1, T3, T4)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app import cli
from egate.app.commands.commission import AtTheKeyboard, parse_typed
from egate.app.commissioning import wizard
from egate.app.commissioning.asking import Answer, Question, Reply, load_script
from egate.app.commissioning.findings import (
    Diagnosis,
    Finding,
    Measure,
    Result,
    Verdict,
    bad,
    good,
    left_out,
    not_here,
    notice,
    verdict_of,
)
from egate.app.commissioning.gate_stand import LONGEST_PULSE_S
from egate.app.commissioning.hold import MAINTENANCE, LaneHold
from egate.app.commissioning.report import (
    Report,
    Signed,
    compare,
    encode_signed,
    load_signed,
    not_done,
    parse_signed,
    report_text,
    sign_report,
    verdict_words,
    verify_report,
    write_report,
)
from egate.app.commissioning.steps import doors, line, readers, unit
from egate.app.commissioning.steps.doors import PULSE_S, PulseSeen, judge_pulse
from egate.app.config import ConfigError, load_config
from egate.app.controller import Controller
from egate.app.devices import recognise
from egate.ipc.client import MessageClient
from egate.ipc.messages import LaneView, Message, Role, TravellerStep, TravellerView
from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.model.lane import Door, DoorState, LanePhase
from tests.unit.app.app_bench import REAL, Lane
from tests.unit.app.commission_bench import Stand, diagnoses, emergency, make_stand, pushing
from tests.unit.app.commission_faults import RELAYS, lay_specimen, modbus, passport_on_reader

WIZARD_WITHIN_S = 60
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture
def stand(tmp_path: Path, issuer: SimulatedIssuer) -> Stand:
    return make_stand(tmp_path / "lane", issuer)


def a_report(*findings: Finding, **changes: object) -> Report:
    made = Report("UTO-A1", 1, "2026-03-01T10:00:00Z", "00" * 32, {"egate": "1"}, {"gate": "osdp, serial 1"}, findings, 12.5)
    return replace(made, **changes)  # type: ignore[arg-type]  # its own fields


FINDINGS = (
    good("polls", "gate", "200 questions", Measure("failed", 0.5, "%", most=1)),
    bad("pulses", "entry", Diagnosis.LOCK_STUCK, "the entry did not move"),
    notice("echo", "gate", Diagnosis.LOCAL_ECHO, "it echoes"),
    left_out("inputs", "emergency", "no key for the contact"),
)


def hands(stand: Stand) -> None:
    """A technician who does everything that is asked."""
    stand.ready = passport_on_reader
    stand.acts |= {"open_entry": pushing(Door.ENTRY), "open_exit": pushing(Door.EXIT), "mrz": lay_specimen}
    stand.acts |= {"emergency": emergency(True), "emergency_over": emergency(False)}

    def doing(change: Callable[[Stand], object]) -> Callable[[Stand], Awaitable[None]]:
        async def act(here: Stand) -> None:
            change(here)

        return act

    stand.acts["tamper"] = doing(lambda here: here.gate.mantrap.tamper(True))
    stand.acts["tamper_over"] = doing(lambda here: here.gate.mantrap.tamper(False))
    stand.acts["persons"] = doing(lambda here: setattr(here.gate.mantrap, "persons", 1))
    stand.acts["persons_over"] = doing(lambda here: setattr(here.gate.mantrap, "persons", 0))
    stand.answers |= dict.fromkeys(("lamp_red", "lamp_amber", "lamp_green", "buzzer", "hard_interlock"), Reply.DONE)


@pytest.mark.slow
def test_a_sound_lane_with_hands_is_good_throughout(stand: Stand) -> None:
    """T1: every step of the guided self-test, nothing left out; the face engine's own check is named."""
    hands(stand)
    findings = asyncio.run(stand.commission())
    assert {finding.result for finding in findings} <= {Result.GOOD, Result.NOT_HERE}, [f for f in findings if f.mend]
    assert {finding.step for finding in findings if finding.result is Result.NOT_HERE} == {"face engine"}
    assert verdict_of(findings) is Verdict.READY
    assert not stand.gate.mantrap.both_unlocked_seen
    assert stand.gate.mantrap.interlock_refusals == 0


def test_a_sound_lane_is_good_by_itself(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """T1, T4: without hands all that can be asked is good, and the lane is incomplete; one bounded pulse a lock, no toggle."""
    monkeypatch.setattr(unit, "POLLS", 40)
    monkeypatch.setattr(unit, "REPEATS_OF_100", 50)  # a busy machine answers late, and this line is no wire
    monkeypatch.setattr(unit, "REST_S", 0.4)
    monkeypatch.setattr(recognise, "OSDP_ADDRESSES", range(2))
    findings = asyncio.run(stand.commission())
    assert diagnoses(findings) == set()
    assert verdict_of(findings) is Verdict.INCOMPLETE
    missing = not_done(findings)
    for words in ("interlock (unit's own interlock)", "doors (entry, exit)", "inputs (emergency, tamper, persons)", "specimen"):
        assert words in missing
    pulses = [(output, units) for output, control, units in stand.gate.peripheral.orders if control == 5]
    assert pulses == [(0, round(PULSE_S * 10)), (1, round(PULSE_S * 10))]
    assert PULSE_S <= LONGEST_PULSE_S
    assert stand.gate.peripheral.latched_orders == 0
    assert not stand.gate.mantrap.both_unlocked_seen
    refused = [finding.words for finding in findings if "is released" in finding.words]
    assert len(refused) == 2
    assert all(words.endswith(": refused") for words in refused)


def test_the_automatic_part_fits_a_minute_by_its_limits() -> None:
    """T1: even when each step takes as long as it may; silent devices are looked for twice, at every speed and address."""
    look_s = len(recognise.PN532_BAUDS) * recognise.PN532_WITHIN_S
    look_s += len(recognise.OSDP_BAUDS) * len(recognise.OSDP_ADDRESSES) * recognise.OSDP_WITHIN_S
    boards_s = len(line.MODBUS_BAUDS) * len(line.MODBUS_ADDRESSES) * 2 * line.MODBUS_WITHIN_S
    pulse_s = doors.PULSE_S + doors.UNLOCK_WITHIN_S + doors.RELOCK_WITHIN_S
    answering_s = line.ECHO_WITHIN_S + unit.POLLS_WITHIN_S + unit.REST_S + len(Door) * pulse_s
    camera_s = readers.FRAMES / readers.LEAST_RATE
    assert max(answering_s, look_s + boards_s) + 2 * look_s + readers.LOOK_FOR_CHIP_S + camera_s <= WIZARD_WITHIN_S


@pytest.mark.slow
def test_a_sound_lane_on_modbus_is_told_that_its_line_proves_nothing(stand: Stand) -> None:
    """T1: relays read back, locks and interlock proved; the line without authentication is a notice, not a fault (L5)."""
    modbus(RELAYS)(stand)
    findings = asyncio.run(stand.commission(("ports", "echo", "gate unit", "polls", "at rest", "interlock", "pulses")))
    assert diagnoses(findings) == {Diagnosis.NOT_AUTHENTICATED}
    assert {finding.subject for finding in findings if finding.step == "pulses"} == {"entry", "exit"}


LOCKED, CLOSED, OPEN, FAULT = DoorState.LOCKED, DoorState.CLOSED, DoorState.OPEN, DoorState.FAULT


@pytest.mark.parametrize(
    ("rest", "own", "other", "end", "switched", "diagnosis"),
    [
        (LOCKED, {LOCKED, CLOSED}, {LOCKED}, LOCKED, True, Diagnosis.NONE),
        (LOCKED, {LOCKED, CLOSED, OPEN}, {LOCKED}, LOCKED, None, Diagnosis.NONE),
        (LOCKED, {LOCKED, CLOSED}, {LOCKED}, CLOSED, True, Diagnosis.NOT_RELOCKED),
        (LOCKED, {LOCKED}, {LOCKED, CLOSED}, LOCKED, True, Diagnosis.CROSSED),
        (LOCKED, {LOCKED, CLOSED}, {LOCKED, CLOSED}, LOCKED, True, Diagnosis.BOTH_DOORS_MOVE),
        (LOCKED, {LOCKED}, {LOCKED}, LOCKED, True, Diagnosis.LOCK_DOES_NOT_MOVE),
        (LOCKED, {LOCKED}, {LOCKED}, LOCKED, False, Diagnosis.NOT_SWITCHED),
        (CLOSED, {CLOSED}, {LOCKED}, CLOSED, True, Diagnosis.LOCK_WITHOUT_SENSOR),
        (CLOSED, {CLOSED, LOCKED}, {LOCKED}, CLOSED, True, Diagnosis.INVERTED_LOCK_CONTACT),
        (FAULT, {FAULT, OPEN}, {LOCKED}, FAULT, True, Diagnosis.INVERTED_CLOSED_CONTACT),
    ],
)
def test_a_pulse_is_judged_from_both_doors(
    rest: DoorState, own: set[DoorState], other: set[DoorState], end: DoorState, switched: bool | None, diagnosis: Diagnosis
) -> None:
    assert judge_pulse(PulseSeen(rest, LOCKED, frozenset(own), frozenset(other), end, switched)) is diagnosis


def test_a_report_is_what_was_signed() -> None:
    """T3: any change of any value, and another key, is refused; without a signature nothing is proved."""
    signed = sign_report(a_report(*FINDINGS), KEY)
    again = parse_signed(encode_signed(signed))
    assert again == signed
    verify_report(again, KEY.public_key())
    with pytest.raises(TrustError, match="another key; it names key"):
        verify_report(again, OTHER_KEY.public_key())
    with pytest.raises(TrustError, match="not signed"):
        verify_report(Signed(a_report()), KEY.public_key())
    tree = json.loads(encode_signed(signed))
    for place, value in (
        (("lane",), "UTO-A2"),
        (("made_at",), "2026-03-02T10:00:00Z"),
        (("findings",), tree["report"]["findings"][1:]),
        (("findings", 0, "words"), "300 questions"),
        (("findings", 0, "measures", 0, "value"), 0.1),
        (("devices", "gate"), "osdp, serial 2"),
    ):
        forged = json.loads(json.dumps(tree))
        inner = forged["report"]
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
        with pytest.raises((TrustError, MalformedData)):
            verify_report(parse_signed(json.dumps(forged).encode()), KEY.public_key())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"report": {}, "signature": "", "key": ""}',
        b"\xff" * 9,
        b"[" * 4000,
        b'{"report": 1, "signature": 2, "key": 3}',
    ],
)
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_signed(data)


def test_a_report_with_something_added_is_refused() -> None:
    """T3: the signature covers the form; what the form has no place for does not come in beside it."""
    tree = json.loads(encode_signed(sign_report(a_report(*FINDINGS), KEY)))
    tree["report"]["findings"][0]["traveller"] = "somebody"
    with pytest.raises(MalformedData, match="more or other"):
        parse_signed(json.dumps(tree).encode())


def test_what_changed_is_said_in_words() -> None:
    """T3: before and after."""
    before = a_report(*FINDINGS)
    after = a_report(
        replace(FINDINGS[0], measures=(Measure("failed", 0.9, "%", most=1),)),
        good("pulses", "entry", "it moves"),
        FINDINGS[2],
        bad("camera", "camera", Diagnosis.CAMERA_DARK, "dark"),
        config_sha256="11" * 32,
        devices={"gate": "osdp, serial 2"},
        versions={"egate": "2"},
    )
    assert compare(before, after) == (
        "the lane's file was changed",
        "version egate: was 1, is 2",
        "device gate: was osdp, serial 1, is osdp, serial 2",
        "polls / gate: failed was 0.5, is 0.9 %",
        "pulses / entry: was bad, lock stuck, is good",
        "inputs / emergency: was left out, is not tested",
        "camera / camera: was not tested, is bad, picture dark",
    )
    assert compare(before, before) == ()


def test_a_report_can_be_read_and_is_never_written_over(tmp_path: Path) -> None:
    """T3: every value with its limit, what to mend, and what was left out with the reason."""
    signed = sign_report(a_report(*FINDINGS), KEY)
    paths = write_report(signed, tmp_path / "reports")
    assert load_signed(paths[0]) == signed
    text = paths[1].read_text()
    assert text == report_text(signed)
    for words in (
        "failed 0.5 % (at most 1)",
        "NOT ready: 1 fault to mend; these steps were not done: inputs (emergency).",
        "no key for the contact",
        "Look at the lock's supply",
    ):
        assert words in text
    assert oct(paths[0].stat().st_mode & 0o777) == "0o600"
    with pytest.raises(DeviceError, match="File exists"):
        write_report(signed, tmp_path / "reports")


def test_answers_come_from_a_script(tmp_path: Path) -> None:
    """What is left out needs a reason; what the script does not name is left out."""
    path = tmp_path / "answers.toml"
    path.write_text('emergency = "done"\nlamp_red = "no"\ntamper = "skip: sealed housing"\n')
    script = load_script(path)
    replies = [asyncio.run(script.answer(Question(key, ""))) for key in ("emergency", "lamp_red", "tamper", "persons")]
    assert [answer.reply for answer in replies] == [Reply.DONE, Reply.NO, Reply.SKIP, Reply.SKIP]
    assert replies[2].reason == "sealed housing"
    for text in ('x = "maybe"', 'x = "skip"', "x = 3", "x = ["):
        path.write_text(text)
        with pytest.raises(ConfigError):
            load_script(path)


def test_answers_come_from_the_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that is not understood is asked for again; a keyboard that is closed leaves out."""
    assert parse_typed("") == parse_typed("Y") == Answer(Reply.DONE)
    assert parse_typed("n") == Answer(Reply.NO)
    assert parse_typed("s no lamp here") == Answer(Reply.SKIP, "no lamp here")
    assert parse_typed("s") is parse_typed("what?") is None
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        os.write(ours, b"what?\n")
        asking = AtTheKeyboard().answer(Question("x", "Well?"))

        async def story() -> Answer:
            asyncio.get_running_loop().call_later(0.05, os.write, ours, b"n\n")
            return await asking

        assert asyncio.run(story()) == Answer(Reply.NO)
        os.write(ours, b"\x04")
        assert asyncio.run(AtTheKeyboard().answer(Question("x", "Well?"))).reply is Reply.SKIP
    os.close(ours)


def test_a_lane_that_runs_is_not_tested(lane: Lane) -> None:
    """T4: who holds the lane is named, and no device is touched."""

    async def story() -> None:
        async with lane.running():
            with pytest.raises(DeviceError, match=r"another controller runs .*; the lane is running"):
                await LaneHold(lane.parts.config, REAL).__aenter__()
            assert lane.told("device", "gate unit") == 0

    asyncio.run(story())


def test_screens_show_a_lane_under_test_as_closed(lane: Lane) -> None:
    """T4: travellers see closed, officers out of service with the word maintenance; no controller starts meanwhile."""

    async def shown(role: Role, kind: type[Message]) -> Message:
        client = MessageClient(lane.place.socket, REAL, role, "screen")
        await client.connect()
        try:
            async for message in client.messages():
                if isinstance(message, kind):
                    return message
        finally:
            await client.close()
        raise AssertionError("the connection ended")

    async def story() -> None:
        async with LaneHold(lane.parts.config, REAL):
            kiosk = await shown(Role.KIOSK, TravellerView)
            assert isinstance(kiosk, TravellerView)
            assert kiosk.step is TravellerStep.CLOSED
            guard = await shown(Role.GUARD, LaneView)
            assert isinstance(guard, LaneView)
            assert (guard.phase, guard.devices_lost) == (LanePhase.OUT_OF_SERVICE, (MAINTENANCE,))
            with pytest.raises(DeviceError, match="another controller runs"):
                await Controller(lane.parts).run()
        assert not lane.place.socket.exists()

    asyncio.run(story())


def test_what_is_opened_is_closed_when_a_step_fails(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """T4: a defect of one step is a finding; the unit is released and the lane's place is free afterwards."""

    async def broken(_bench: object) -> list[Finding]:
        raise ZeroDivisionError

    monkeypatch.setattr(wizard, "PLAN", [replace(step, work=broken) if step.key == "polls" else step for step in wizard.PLAN])
    monkeypatch.setattr("tests.unit.app.commission_bench.PLAN", wizard.PLAN)
    findings = asyncio.run(stand.commission(("gate unit", "polls")))
    assert [finding.diagnosis for finding in findings if finding.step == "polls"] == [Diagnosis.DEVICE_FAILED]
    assert stand.bench.gate is None
    assert not stand.place.socket.exists()


def test_the_command_leaves_a_signed_report_that_others_verify(
    tmp_path: Path, issuer: SimulatedIssuer, capsys: pytest.CaptureFixture[str]
) -> None:
    """T3: report, verification, refusal of a changed one, comparison with the last, on the command line; exit status says it."""
    made = make_stand(tmp_path / "lane", issuer)
    where, key, public = tmp_path / "reports", tmp_path / "t.pem", tmp_path / "t.pub"
    test = ["commission", "--config", str(made.place.config), "--report", str(where), "--key", str(key), "--automatic"]
    assert cli.main(["commission", "make-key", str(key), str(public)]) == 0
    assert cli.main(test) == 1, "no device is plugged in"
    shown = capsys.readouterr().out
    assert "NOT ready: 3 faults to mend" in " ".join(shown.split())
    assert "Plug the cable in" in shown
    report = next(where.glob("*.json"))
    assert cli.main(["commission", "verify", str(report), "--key", str(public)]) == 0
    assert cli.main(["commission", "compare", str(report), str(report)]) == 0
    text = report.read_text()
    report.write_text(text.replace('"result": "bad"', '"result": "good"', 1))
    assert cli.main(["commission", "verify", str(report), "--key", str(public)]) == 2
    assert "commission report" in capsys.readouterr().err
    report.write_text(text)
    last = tmp_path / "last.json"
    last.write_text(text)
    changed = made.place.config.read_text().replace("number = 1", "number = 2")
    made.place.config.write_text(changed)
    for path in where.glob("*"):
        path.unlink()
    assert cli.main([*test, "--compare", str(last)]) == 1
    assert "the lane's file was changed" in capsys.readouterr().out


def test_a_folder_that_takes_no_report_is_told_before_anything_is_tested(
    tmp_path: Path, issuer: SimulatedIssuer, capsys: pytest.CaptureFixture[str]
) -> None:
    """T3: nobody stands at the doors for minutes and then has no report."""
    made = make_stand(tmp_path / "lane", issuer)
    taken = tmp_path / "reports"
    taken.write_text("a file is in the way")
    assert cli.main(["commission", "--config", str(made.place.config), "--report", str(taken), "--automatic"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "nothing was tested" in shown.err


def test_the_report_holds_no_key(stand: Stand) -> None:
    """T3, T6: nothing of the key files shows in what was found."""
    findings = asyncio.run(stand.commission(("configuration", "keys", "trust", "lists", "log", "disk", "clock")))
    text = encode_signed(Signed(a_report(*findings))).decode() + report_text(Signed(a_report(*findings)))
    for name in ("gate.hex", "lists.hex"):
        assert stand.place.key(name).read_text().strip() not in text


def test_the_lane_is_tested_with_the_drivers_of_the_lane(stand: Stand) -> None:
    """What is started is what the lane's file names."""
    config = load_config(stand.place.config)
    findings = asyncio.run(stand.commission(("gate unit",)))
    assert stand.bench.identities["gate"].startswith(config.gate.driver)
    assert [finding.result for finding in findings] == [Result.GOOD, Result.GOOD]


def test_the_verdict_is_ready_only_when_everything_was_done() -> None:
    """T1, T3: a fault outweighs all; one step left out, or nothing tested at all, is incomplete; a notice is ready."""
    well, fault, noticed, omitted = FINDINGS
    nothing_there = not_here("lamps", "signal", "no lamps")
    for findings, verdict, words in (
        ((well,), Verdict.READY, "ready"),
        ((well, noticed, nothing_there), Verdict.READY, "ready, with 1 notice"),
        ((well, omitted), Verdict.INCOMPLETE, "INCOMPLETE, not ready; these steps were not done: inputs (emergency)"),
        ((nothing_there,), Verdict.INCOMPLETE, "INCOMPLETE, not ready; nothing was tested"),
        ((), Verdict.INCOMPLETE, "INCOMPLETE, not ready; nothing was tested"),
        (FINDINGS, Verdict.NOT_READY, "NOT ready: 1 fault to mend; these steps were not done: inputs (emergency)"),
        ((well, fault), Verdict.NOT_READY, "NOT ready: 1 fault to mend"),
    ):
        assert (verdict_of(findings), verdict_words(a_report(*findings))) == (verdict, words)


def test_a_step_without_a_finding_is_not_done(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """T1: what says nothing proves nothing."""

    async def silent(_bench: object) -> list[Finding]:
        return []

    plan = [replace(step, work=silent) if step.key == "disk" else step for step in wizard.PLAN]
    monkeypatch.setattr("tests.unit.app.commission_bench.PLAN", plan)
    assert not_done(asyncio.run(stand.commission(("clock", "disk")))) == "disk (Disk)"


def test_the_command_says_incomplete_with_its_exit_status(
    tmp_path: Path, issuer: SimulatedIssuer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """T1, T3: what was left out is in the exit status, on the screen, in the signed report, and said by who verifies it."""
    made = make_stand(tmp_path / "lane", issuer)
    where, key, public = tmp_path / "reports", tmp_path / "t.pem", tmp_path / "t.pub"
    command = ["commission", "--config", str(made.place.config), "--report", str(where), "--key", str(key), "--automatic"]
    plan = [step for step in wizard.PLAN if step.key in ("clock", "doors", "inputs")]
    monkeypatch.setattr(wizard.run_wizard, "__defaults__", (plan,))
    assert cli.main(["commission", "make-key", str(key), str(public)]) == 0
    assert cli.main(command) == 1
    words = "not ready; these steps were not done: doors (entry, exit), inputs (emergency, tamper, persons)."
    assert f"INCOMPLETE, {words}" in " ".join(capsys.readouterr().out.split())
    report = next(where.glob("*.json"))
    assert json.loads(report.read_text())["report"]["verdict"] == "incomplete"
    assert cli.main(["commission", "verify", str(report), "--key", str(public)]) == 0
    assert f"INCOMPLETE, {words}" in " ".join(capsys.readouterr().out.split())


def test_a_script_tells_a_machines_hands(tmp_path: Path) -> None:
    """T1: words go into a pipe beside the script; where nobody listens, or where a file lies, nothing is taken as done."""
    path = tmp_path / "answers.toml"
    path.write_text('open_entry = "tell hands: push entry"\nmrz = "tell away: A:B"\nchip = "tell answers.toml: x"\n')
    script = load_script(path)
    os.mkfifo(tmp_path / "hands")
    unheard = asyncio.run(script.answer(Question("open_entry", "")))
    assert unheard.reply is Reply.SKIP
    assert "cannot be told" in unheard.reason
    pipe = os.open(tmp_path / "hands", os.O_RDWR)
    assert asyncio.run(script.answer(Question("open_entry", ""))) == Answer(Reply.DONE)
    assert os.read(pipe, 99) == b"push entry\n"
    os.close(pipe)
    before = path.read_text()
    assert [asyncio.run(script.answer(Question(key, ""))).reply for key in ("mrz", "chip")] == [Reply.SKIP, Reply.SKIP]
    assert path.read_text() == before
