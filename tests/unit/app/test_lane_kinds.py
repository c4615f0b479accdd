"""The controller in lanes of other kinds: one step, segregated, pipelined, with lamps, and with nobody at the officer's desk."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.recording import lane_event_record
from egate.app.station import EXPECTED_WITHIN_S
from egate.app.wiring import lane_settings
from egate.ipc.messages import (
    LanguageWished,
    OfficerPresent,
    Place,
    Role,
    TravellerHelpWished,
    TravellerHint,
    TravellerStep,
    TravellerView,
    WishAnswer,
)
from egate.ipc.wishes import sign_presence
from egate.model.crossing import RecordKind
from egate.model.errors import ChipLost, DeviceError
from egate.model.lane import Alarm, Door, DoorState, Lamp, LanePhase, Signal, Topology
from egate.storage.keys import load_signing_key
from tests.unit.app.app_bench import REAL, Lane, MemoryGate, MemoryMrzReader, Passport, make_lane, make_passport, until


def lane_of(root: Path, issuer: SimulatedIssuer, **changes: object) -> Lane:
    lane = make_lane(root, issuer)
    config = replace(lane.parts.config, **changes)  # type: ignore[arg-type]
    lane.parts.config, lane.parts.settings = config, lane_settings(config)
    return lane


def shown(lane: Lane, place: Place) -> TravellerView:
    return [view for view in lane.seen if isinstance(view, TravellerView) and view.place is place][-1]


async def free(lane: Lane) -> None:
    await until(lambda: lane.in_phase(LanePhase.IDLE) and not lane.view.devices_lost, "the lane is free")


# -- one step -------------------------------------------------------------------------------------------------------------


def test_in_a_lane_with_one_door_only_that_door_opens(tmp_path: Path, issuer: SimulatedIssuer, passport: Passport) -> None:
    """P1: document and face before the single door, and the crossing is durable before it opens."""
    lane = lane_of(tmp_path, issuer, topology=Topology.ONE_STEP)
    durable: list[int] = []

    async def story() -> None:
        lane.gate.at_unlock = lambda _door: durable.append(len(lane.headers(RecordKind.CROSSING)))
        lane.gate.persons = 1
        async with lane.running():
            await free(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.EXIT_OPEN), "the door is offered")
            lane.gate.doors[Door.EXIT] = DoorState.OPEN
            await REAL.sleep(0.05)
            lane.gate.doors[Door.EXIT], lane.gate.persons = DoorState.CLOSED, 0
            await until(lambda: lane.told("door", "left_through"), "the traveller left")

    asyncio.run(story())
    assert set(lane.gate.unlocked) == {Door.EXIT}
    assert durable
    assert min(durable) == 1
    assert lane.headers(RecordKind.CROSSING)[0].outcome == "ADMIT"


# -- segregated -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def segregated(tmp_path: Path, issuer: SimulatedIssuer) -> Lane:
    lane = lane_of(tmp_path, issuer, topology=Topology.SEGREGATED)
    lane.parts.token = MemoryMrzReader()
    return lane


def at_gate(lane: Lane, passport: Passport) -> None:
    assert isinstance(lane.parts.token, MemoryMrzReader)
    lane.parts.token.laid.put_nowait(passport.lines)


def test_what_a_kiosk_read_opens_the_gate_once(segregated: Lane, passport: Passport) -> None:
    """P1, P13: read at the kiosk, found again at the gate by the same document, and not a second time."""
    lane = segregated

    async def story() -> None:
        async with lane.running():
            await free(lane)
            lane.present(passport)
            await until(lambda: shown(lane, Place.KIOSK).step is TravellerStep.GO_TO_GATE, "the kiosk sends to the gate")
            assert lane.in_phase(LanePhase.IDLE), "a document at the kiosk opens nothing"
            assert not lane.gate.unlocked
            at_gate(lane, passport)
            await until(lambda: lane.told("door", "left_through"), "the traveller left")
            await free(lane)
            at_gate(lane, passport)
            await until(lambda: shown(lane, Place.ANYWHERE).hint is TravellerHint.KIOSK_FIRST, "used up")
            assert lane.in_phase(LanePhase.IDLE)

    asyncio.run(story())
    (crossing,) = lane.headers(RecordKind.CROSSING)
    assert crossing.outcome == "ADMIT"
    assert [stage.stage for stage in crossing.stages][:3] == ["document_read", "document_checked", "decided_entry"]


def test_a_document_that_no_kiosk_read_is_sent_to_the_kiosk(segregated: Lane, passport: Passport) -> None:
    lane = segregated

    async def story() -> None:
        async with lane.running():
            await free(lane)
            at_gate(lane, passport)
            await until(lambda: shown(lane, Place.ANYWHERE).hint is TravellerHint.KIOSK_FIRST, "the kiosk first")

    asyncio.run(story())
    assert not lane.gate.unlocked


def test_whoever_the_kiosk_does_not_admit_meets_an_officer_there(segregated: Lane, issuer: SimulatedIssuer) -> None:
    """P7: recorded, an officer called, and not expected at the gate."""
    lane = segregated
    silent = make_passport(issuer, "X00000002")

    async def story() -> None:
        async with lane.running():
            await free(lane)
            lane.mrz.laid.put_nowait(silent.lines)  # a document whose chip does not answer
            await until(lambda: shown(lane, Place.KIOSK).step is TravellerStep.WAIT_FOR_OFFICER, "an officer comes to the kiosk")
            await until(lambda: Alarm.REFERRAL in {alarm.alarm for alarm in lane.view.alarms}, "the console calls")
            at_gate(lane, silent)
            await until(lambda: shown(lane, Place.ANYWHERE).hint is TravellerHint.KIOSK_FIRST, "not expected")

    asyncio.run(story())
    assert [header.outcome for header in lane.headers(RecordKind.CROSSING)] == ["REFER"]
    assert not lane.gate.unlocked


def test_whoever_is_refused_at_the_kiosk_is_expected_no_more(segregated: Lane, passport: Passport) -> None:
    """P7, P20: the same document laid down a second time is an officer's, also where the first time was good."""
    lane = segregated
    lane.parts.profile = replace(lane.parts.profile, multiple_use_window_s=600.0)

    async def story() -> None:
        async with lane.running():
            await free(lane)
            lane.present(passport)
            await until(lambda: shown(lane, Place.KIOSK).step is TravellerStep.GO_TO_GATE, "the kiosk sends to the gate")
            lane.present(passport)
            await until(lambda: shown(lane, Place.KIOSK).step is TravellerStep.WAIT_FOR_OFFICER, "an officer comes to the kiosk")
            at_gate(lane, passport)
            await until(lambda: shown(lane, Place.ANYWHERE).hint is TravellerHint.KIOSK_FIRST, "not expected any more")

    asyncio.run(story())
    assert not lane.gate.unlocked


def test_nobody_is_expected_for_ever(segregated: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egate.app.station.EXPECTED_WITHIN_S", 0.3)
    assert EXPECTED_WITHIN_S > 60
    lane = segregated

    async def story() -> None:
        async with lane.running():
            await free(lane)
            lane.present(passport)
            await until(lambda: shown(lane, Place.KIOSK).step is TravellerStep.GO_TO_GATE, "to the gate")
            await until(lambda: lane.face.abandoned, "the portrait is forgotten")
            at_gate(lane, passport)
            await until(lambda: shown(lane, Place.ANYWHERE).hint is TravellerHint.KIOSK_FIRST, "forgotten")

    asyncio.run(story())


def test_help_at_the_kiosk_disturbs_nobody_at_the_gate(segregated: Lane) -> None:
    lane = segregated

    async def story() -> None:
        async with lane.running(), lane.screen(Role.KIOSK) as (kiosk, _):
            await free(lane)
            await kiosk.send(TravellerHelpWished(Place.KIOSK))
            await until(lambda: Alarm.REFERRAL in {alarm.alarm for alarm in lane.view.alarms}, "an officer is called")
            assert lane.in_phase(LanePhase.IDLE)
            await kiosk.send(LanguageWished("de", Place.KIOSK))
            await until(lambda: shown(lane, Place.KIOSK).language == "de", "the kiosk speaks German")
            assert shown(lane, Place.ANYWHERE).language == "en"

    asyncio.run(story())


# -- pipelined ------------------------------------------------------------------------------------------------------------


def test_the_next_document_is_read_while_somebody_is_inside(tmp_path: Path, issuer: SimulatedIssuer, passport: Passport) -> None:
    """P22: two travellers, each with their own document, screen, record and right; nothing opens for the second too early."""
    lane = lane_of(tmp_path, issuer, pipelined=True)
    second = make_passport(issuer, "X00000002")

    async def story() -> None:
        lane.face.held = asyncio.Event()
        async with lane.running():
            await free(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.CAPTURE), "the first is inside")
            assert shown(lane, Place.OUTSIDE).step is TravellerStep.PLACE_DOCUMENT
            lane.present(second)
            await until(lambda: shown(lane, Place.OUTSIDE).step is TravellerStep.WAIT_FOR_GATE, "the second waits")
            assert shown(lane, Place.INSIDE).step is TravellerStep.LOOK_AT_CAMERA
            assert set(lane.gate.unlocked) == {Door.ENTRY}
            assert lane.view.case is not None
            assert lane.view.case.document_number == "X12345678", "the officer sees who is inside"
            lane.face.held.set()
            await until(lambda: lane.told("door", "left_through") == 2, "both left")

    asyncio.run(story())
    assert [header.outcome for header in lane.headers(RecordKind.CROSSING)] == ["ADMIT", "ADMIT"]
    first, then = lane.headers(RecordKind.CROSSING)
    assert first.transaction != then.transaction
    assert [header.transaction for header in lane.headers(RecordKind.COMPLETION)] == [first.transaction, then.transaction]
    assert sorted(number for number in lane.face.prepared if number) == [1, 2]


def test_help_outside_does_not_break_off_who_is_inside(tmp_path: Path, issuer: SimulatedIssuer, passport: Passport) -> None:
    lane = lane_of(tmp_path, issuer, pipelined=True)

    async def story() -> None:
        lane.face.held = asyncio.Event()
        async with lane.running(), lane.screen(Role.KIOSK) as (kiosk, _):
            await free(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.CAPTURE), "inside")
            await kiosk.send(TravellerHelpWished(Place.OUTSIDE))
            await until(lambda: Alarm.REFERRAL in {alarm.alarm for alarm in lane.view.alarms}, "an officer is called")
            assert lane.in_phase(LanePhase.CAPTURE)
            await kiosk.send(TravellerHelpWished(Place.INSIDE))
            await until(lambda: lane.in_phase(LanePhase.REFERRED), "help inside refers")

    asyncio.run(story())


# -- who watches (S5) and what works (P21) ----------------------------------------------------------------------------------


def presence(lane: Lane, name: str = "7731", *, here: bool = True) -> OfficerPresent:
    present = OfficerPresent(lane.parts.config.name, name, REAL.wall_ns() + 10_000_000_000, here)
    return sign_presence(present, load_signing_key(lane.place.key("7731.pem")))


def test_without_an_officer_the_lane_takes_nobody(tmp_path: Path, issuer: SimulatedIssuer, passport: Passport) -> None:
    """S5: closed until an officer signs on, closed again when they go; who is inside then is finished."""
    lane = lane_of(tmp_path, issuer, officer_required=True)

    async def story() -> None:
        async with lane.running(), lane.screen(Role.GUARD) as (console, got):
            await until(lambda: lane.in_phase(LanePhase.OUT_OF_SERVICE), "closed without an officer")
            assert lane.kiosk.step is TravellerStep.CLOSED
            await console.send(presence(lane, "stranger"))
            await until(lambda: WishAnswer(False, "unknown_officer") in got, "a stranger opens nothing")
            await console.send(presence(lane))
            await free(lane)
            lane.face.held = asyncio.Event()
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.CAPTURE), "a traveller is inside")
            await console.send(presence(lane, here=False))
            await until(lambda: Alarm.NO_OFFICER in {alarm.alarm for alarm in lane.view.alarms}, "nobody watches")
            lane.face.held.set()
            await until(lambda: lane.in_phase(LanePhase.OUT_OF_SERVICE), "the traveller left, and the lane closed")

    asyncio.run(story())
    assert [header.outcome for header in lane.headers(RecordKind.CROSSING)] == ["ADMIT"]


@pytest.mark.parametrize("closes", [True, False])
def test_a_lane_without_chip_reader_closes_or_refers_as_it_is_told(
    tmp_path: Path, issuer: SimulatedIssuer, passport: Passport, closes: bool
) -> None:
    """P21: what is allowed without a device is the operator's word; admitting on less is never among it."""
    lane = lane_of(tmp_path, issuer, **({} if closes else {"closes": frozenset()}))
    lane.chip.broken = True

    async def story() -> None:
        async with lane.running():
            await until(lambda: lane.in_phase(LanePhase.IDLE) and lane.view.devices_lost, "the reader is missing")
            assert (lane.kiosk.step is TravellerStep.CLOSED) is closes
            lane.present(passport)
            if closes:
                await REAL.sleep(0.2)
                assert lane.in_phase(LanePhase.IDLE)
            else:
                await until(lambda: lane.in_phase(LanePhase.REFERRED_OUTSIDE), "an officer outside")

    asyncio.run(story())
    assert not lane.gate.unlocked


# -- lamps ----------------------------------------------------------------------------------------------------------------


class LitGate(MemoryGate):
    """A gate unit with lamps, which fails as often as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.signals: list[Signal] = []
        self.failures = 1

    async def show(self, signal: Signal) -> None:
        if self.failures:
            self.failures -= 1
            raise DeviceError("showing a signal", "the unit did not answer")
        self.signals.append(signal)


def test_lamps_show_what_the_lane_does(tmp_path: Path, issuer: SimulatedIssuer, passport: Passport) -> None:
    lane = lane_of(tmp_path, issuer)
    gate = LitGate()
    lane.gate = lane.parts.gate = gate

    async def story() -> None:
        async with lane.running():
            await free(lane)
            await until(lambda: Signal(Lamp.GREEN) in gate.signals, "green, though the unit failed once")
            gate.emergency = True
            await until(lambda: gate.signals[-1] == Signal(Lamp.RED, blinking=True, buzzer=True), "emergency")

    asyncio.run(story())


def test_a_disk_that_works_again_opens_the_lane_by_itself(tmp_path: Path, issuer: SimulatedIssuer, passport: Passport) -> None:
    """P21, G4: a full disk closes the lane to documents, so nobody's document may be needed to find out that it works again."""
    lane = lane_of(tmp_path, issuer)

    async def story() -> None:
        async with lane.running():
            await free(lane)
            lane.parts.waiting.append(lane_event_record("waits", ()))
            lane.refuse_records()
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.OUT_OF_SERVICE), "closed: nothing can be recorded")
            assert lane.view.devices_lost == ("log",)
            lane.take_records()
            await free(lane)

    asyncio.run(story())
    assert lane.parts.waiting == []
    assert not lane.gate.unlocked


def test_whoever_did_not_walk_in_may_come_again(tmp_path: Path, issuer: SimulatedIssuer, passport: Passport) -> None:
    """P20: the same document twice goes to an officer, but only if somebody walked in with it the first time."""
    lane = make_lane(tmp_path, issuer, tick_s=0.1, lease_s=1.0, entry_open_s=2.0, closing_s=2.0)
    lane.parts.profile = replace(lane.parts.profile, multiple_use_window_s=600.0)

    async def story() -> None:
        lane.gate.walks = False
        async with lane.running():
            await free(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.ENTRY_OPEN), "the entry opens")
            await free(lane)
            lane.gate.walks = True
            lane.present(passport)
            await until(lambda: lane.told("door", "left_through") == 2, "through at the second time")
            await free(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.REFERRED_OUTSIDE), "the third is an officer's")

    asyncio.run(story())
    assert [header.outcome for header in lane.headers(RecordKind.CROSSING)] == ["ADMIT", "REFER"]


def test_a_document_pulled_outside_asks_nobody_at_the_gate_again(
    tmp_path: Path, issuer: SimulatedIssuer, passport: Passport
) -> None:
    """P22: the hint to lay a document once more is the next traveller's, and gone when the one inside has left."""
    lane = lane_of(tmp_path, issuer, pipelined=True)
    second = make_passport(issuer, "X00000002")

    async def story() -> None:
        lane.face.held = asyncio.Event()
        async with lane.running():
            await free(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.CAPTURE), "the first is inside")
            lane.chip.problem = ChipLost("talk to the chip", "it left the field")
            lane.chip.there = [True, False]
            lane.present(second)
            await until(lambda: shown(lane, Place.OUTSIDE).hint is TravellerHint.PRESENT_AGAIN, "once more, outside")
            lane.face.held.set()
            await free(lane)
            assert shown(lane, Place.INSIDE).hint is not TravellerHint.PRESENT_AGAIN

    asyncio.run(story())
