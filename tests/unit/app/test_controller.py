"""The controller carries out what the lane asks, lets go of what is abandoned, and hears each role for its own things only."""

from __future__ import annotations

import asyncio

import pytest

from egate.app.controller import Controller
from egate.ipc.messages import (
    CasePictures,
    CasePicturesWished,
    Hello,
    LanguageWished,
    Message,
    OfficerWish,
    ReceiptArrived,
    Role,
    TravellerHelpWished,
    TravellerStep,
    WishAnswer,
)
from egate.ipc.server import Client
from egate.ipc.wishes import officer_key_from_pem, sign_wish
from egate.lane.commands import Unlock
from egate.model.checks import CheckName, Outcome
from egate.model.crossing import RecordKind
from egate.model.face import CaptureOutcome, CaptureState
from egate.model.lane import Alarm, Door, DoorState, LanePhase, OfficerAction, OfficerReason
from egate.storage.keys import load_signing_key
from egate.sync.messages import sign_receipt
from tests.unit.app.app_bench import REAL, Lane, Passport, contains_canary, until

READY = "the lane is free"


async def ready(lane: Lane) -> None:
    await until(lambda: lane.in_phase(LanePhase.IDLE) and not lane.view.devices_lost, READY)


async def settle() -> None:
    """Enough turns for anything that was going to happen."""
    await REAL.sleep(0.15)


def wish(lane: Lane, action: OfficerAction, **other: int) -> OfficerWish:
    asked = OfficerWish(
        lane=lane.parts.config.name,
        action=action,
        reason=OfficerReason.TO_SECOND_LINE,
        officer="7731",
        passage=other.get("passage", lane.view.passage),
        counter=other.get("counter", lane.view.wish_counter),
        expires_ns=REAL.wall_ns() + 5_000_000_000,
    )
    return sign_wish(asked, officer_key_from_pem(lane.place.key("7731.pem").read_bytes()))


def message_of(kind: type, lane: Lane) -> Message:
    if kind is ReceiptArrived:
        return ReceiptArrived(lane.parts.config.name, 1, "00" * 32, 1, "00" * 64)
    if kind is CasePicturesWished:
        return CasePicturesWished(1)
    if kind is LanguageWished:
        return LanguageWished("de")
    if kind is OfficerWish:
        return wish(lane, OfficerAction.OUT_OF_SERVICE)
    return TravellerHelpWished()


# -- a whole passage ------------------------------------------------------------------------------------------------------


def test_an_admission_is_durable_before_the_exit_opens(lane: Lane, passport: Passport) -> None:
    """P13: at the moment the exit is unlocked, the crossing stands in the database for every other reader."""
    durable: dict[Door, list[str]] = {}

    def look(door: Door) -> None:
        durable.setdefault(door, [header.outcome for header in lane.headers(RecordKind.CROSSING)])

    async def story() -> None:
        lane.gate.at_unlock = look
        async with lane.running():
            await lane.cross(passport)
            assert (lane.view.admitted, lane.view.referred, lane.view.last_outcome) == (1, 0, Outcome.ADMIT)

    asyncio.run(story())
    assert durable == {Door.ENTRY: [], Door.EXIT: ["ADMIT"]}
    kinds = [header.kind for header, _ in lane.records()]
    assert kinds == [RecordKind.LANE_EVENT, RecordKind.CROSSING, RecordKind.COMPLETION, RecordKind.LANE_EVENT]
    crossing, completion = lane.headers(RecordKind.CROSSING)[0], lane.headers(RecordKind.COMPLETION)[0]
    assert completion.outcome == "exit"
    assert completion.transaction == crossing.transaction != ""
    assert dict(crossing.versions)["sface"] == "calibration-1"


def test_start_and_stop_name_what_decides(lane: Lane) -> None:
    """G2: program, profile and lists stand in the record of the start and of the stop."""

    async def story() -> None:
        async with lane.running():
            await ready(lane)

    asyncio.run(story())
    start, stop = lane.headers(RecordKind.LANE_EVENT)
    assert (start.outcome, stop.outcome) == ("start", "stop")
    for header in (start, stop):
        assert set(dict(header.versions)) == {"egate", "profile", "list stolen-documents", "list wanted-persons"}


def test_what_is_told_to_observers_holds_no_person(lane: Lane, passport: Passport) -> None:
    async def story() -> None:
        async with lane.running():
            await lane.cross(passport)

    asyncio.run(story())
    assert lane.events
    assert contains_canary(repr(lane.events)) == []


def test_the_language_of_a_traveller_leaves_with_them(lane: Lane, passport: Passport) -> None:
    async def story() -> None:
        async with lane.running(), lane.screen(Role.KIOSK) as (kiosk, _):
            await ready(lane)
            await kiosk.send(LanguageWished("de"))
            await until(lambda: lane.kiosk.language == "de", "the kiosk speaks German")
            lane.face.held = asyncio.Event()
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.CAPTURE), "capture")
            assert lane.kiosk.language == "de"
            await kiosk.send(LanguageWished("ar"))
            await until(lambda: lane.kiosk.language == "ar", "the kiosk speaks Arabic")
            lane.face.held.set()
            await until(lambda: lane.in_phase(LanePhase.IDLE), READY)
            assert lane.kiosk.language == "en"
            assert lane.view.case is None

    asyncio.run(story())


# -- what is abandoned ----------------------------------------------------------------------------------------------------


def test_an_abandoned_reading_stops(lane: Lane, passport: Passport) -> None:
    async def story() -> None:
        lane.chip.held = asyncio.Event()
        async with lane.running(), lane.screen(Role.KIOSK) as (kiosk, _):
            await ready(lane)
            lane.present(passport)
            await until(lambda: lane.chip.waiting, "the chip is read")
            await kiosk.send(TravellerHelpWished())
            await until(lambda: lane.in_phase(LanePhase.REFERRED_OUTSIDE), "an officer is called")
            await until(lambda: lane.face.abandoned, "the worker forgets the traveller")
            await until(lambda: lane.chip.cancelled, "the reading stopped")
            assert lane.told("decision", "entry:ADMIT") == 0
            assert lane.gate.unlocked == []

    asyncio.run(story())
    assert [header.outcome for header in lane.headers(RecordKind.CROSSING)] == ["REFER"]


def test_an_abandoned_capture_stops_and_the_worker_forgets(lane: Lane, passport: Passport) -> None:
    async def story() -> None:
        lane.face.held = asyncio.Event()
        async with lane.running(), lane.screen(Role.KIOSK) as (kiosk, _):
            await ready(lane)
            lane.present(passport)
            await until(lambda: lane.face.capturing, "the camera looks")
            assert lane.face.abandoned == 0
            await kiosk.send(TravellerHelpWished())
            await until(lambda: lane.in_phase(LanePhase.REFERRED), "an officer is called")
            await until(lambda: lane.face.cancelled and lane.face.abandoned, "the capture stopped")
            lane.face.held.set()
            await settle()
            assert lane.gate.unlocked == [Door.ENTRY]

    asyncio.run(story())


# -- what keeps a lane closed ---------------------------------------------------------------------------------------------


def test_no_passage_begins_while_nothing_can_be_recorded(lane: Lane, passport: Passport) -> None:
    """L2: a lane without room for records admits nobody, and opens again by itself."""

    async def story() -> None:
        async with lane.running():
            await ready(lane)
            lane.parts.log.reserve(1 << 60)
            lane.present(passport)
            await until(lambda: lane.view.devices_lost == ("log",), "the log is lost")
            await settle()
            assert lane.told("document", "presented") == 0
            assert lane.kiosk.step is TravellerStep.CLOSED
            lane.parts.log.reserve(0)
            await ready(lane)
            lane.present(passport)
            await until(lambda: lane.told("document", "presented"), "a passage")
            assert lane.view.devices_lost == ()

    asyncio.run(story())


def test_no_passage_begins_while_a_device_is_lost(lane: Lane, passport: Passport) -> None:
    async def story() -> None:
        lane.chip.broken = True
        async with lane.running():
            await until(lambda: lane.in_phase(LanePhase.IDLE) and "chip reader" in lane.view.devices_lost, "it is lost")
            lane.present(passport)
            await settle()
            assert lane.told("document", "presented") == 0
            assert lane.kiosk.step is TravellerStep.CLOSED
            lane.chip.broken = False
            await lane.cross(passport)

    asyncio.run(story())


def test_what_a_failing_disk_refused_is_written_before_the_next_traveller(lane: Lane, passport: Passport) -> None:
    """An exit decision that cannot be recorded refers, and stands in the log as a referral once the disk works again."""

    async def story() -> None:
        def fail(door: Door) -> None:
            if door is Door.ENTRY and not lane.parts.waiting:
                lane.refuse_records()

        lane.gate.at_unlock = fail
        async with lane.running(), lane.screen(Role.GUARD) as (guard, _):
            await ready(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.REFERRED), "not recorded: referred")
            assert lane.gate.unlocked == [Door.ENTRY]
            assert lane.view.alarms[0].alarm is Alarm.NOT_RECORDED
            await guard.send(wish(lane, OfficerAction.HOLD))
            await until(lambda: len(lane.parts.waiting) == 2, "the officer's act waits too")
            lane.take_records()
            lane.gate.persons = 0
            lane.gate.walks = False
            await guard.send(wish(lane, OfficerAction.RELEASE_TO_ENTRY))
            await until(lambda: lane.in_phase(LanePhase.IDLE), READY)
            lane.present(passport)
            await until(lambda: lane.told("document", "presented") == 2, "the next passage")
            assert lane.parts.waiting == []

    asyncio.run(story())
    crossing = lane.headers(RecordKind.CROSSING)[0]
    assert (crossing.outcome, crossing.because) == ("REFER", ("lane_health:failed:not_recorded",))


@pytest.mark.parametrize(("online", "looked", "restarts"), [(True, 1, (0, 1)), (False, 0, (1, 2))])
def test_an_aborted_capture_closes_the_lane_until_the_worker_is_proved(
    lane: Lane, passport: Passport, online: bool, looked: int, restarts: tuple[int, int]
) -> None:
    """L2: a worker that runs proves the camera by a look, and only one that is gone is started anew."""

    async def story() -> None:
        lane.face.outcome = CaptureOutcome(CaptureState.ABORTED, detail="the camera is gone")
        lane.face.online = online
        async with lane.running():
            await ready(lane)
            lane.present(passport)
            await until(lambda: lane.told("device", "camera"), "the camera is lost")
            await until(lambda: lane.face.looked == looked, "the camera is looked through")
            await until(lambda: (lane.face.closed, lane.face.started) == restarts, "the worker is started anew")
            await until(lambda: lane.view.devices_lost == (), "and proved")
            assert lane.gate.unlocked == [Door.ENTRY]

    asyncio.run(story())


def test_a_lost_gate_unit_closes_the_lane_until_its_doors_are_proved(lane: Lane) -> None:
    async def story() -> None:
        async with lane.running():
            await ready(lane)
            lane.gate.lost = True
            await until(lambda: lane.in_phase(LanePhase.OUT_OF_SERVICE), "closed")
            assert "gate unit" in lane.view.devices_lost
            lane.gate.lost = False
            await ready(lane)

    asyncio.run(story())


@pytest.mark.parametrize("door", list(Door))
def test_both_doors_are_locked_on_the_way_out(lane: Lane, passport: Passport, door: Door) -> None:
    """I4: whatever was unlocked when the lane is stopped, both doors are told to lock, and then every device is released."""

    async def story() -> None:
        stay = asyncio.Event()

        def open_now(opened: Door) -> None:
            lane.gate.walks = opened is not door
            if opened is door:
                stay.set()

        lane.gate.at_unlock = open_now
        async with lane.running():
            await ready(lane)
            lane.present(passport)
            await stay.wait()
            await until(lambda: lane.gate.doors[door] is DoorState.CLOSED, "unlocked")

    asyncio.run(story())
    assert set(lane.gate.doors.values()) == {DoorState.LOCKED}
    numbers = [number for _, _, number in lane.gate.commands]
    assert [(word, which) for word, which, _ in lane.gate.commands[-2:]] == [("lock", Door.ENTRY), ("lock", Door.EXIT)]
    assert numbers == sorted(set(numbers))
    assert lane.gate.closed
    assert lane.mrz.closed
    assert lane.chip.closed
    assert lane.face.closed


# -- who may ask what -----------------------------------------------------------------------------------------------------

MAY_ASK = {
    OfficerWish: Role.GUARD,
    CasePicturesWished: Role.GUARD,
    LanguageWished: Role.KIOSK,
    TravellerHelpWished: Role.KIOSK,
    ReceiptArrived: Role.SYNC,
}


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_ask_its_own_things_only(lane: Lane, role: Role) -> None:
    """The server keeps roles apart as well; the controller does not rely on it."""

    async def story() -> dict[type, Message | None]:
        async with lane.running() as controller:
            await ready(lane)
            asked = {}
            for kind in MAY_ASK:
                asked[kind] = await controller._hear(Client(Hello(role, "screen")), message_of(kind, lane))
                await settle()
            return asked

    for kind, answer in asyncio.run(story()).items():
        assert (answer == WishAnswer(False, "not_yours_to_ask")) is (MAY_ASK[kind] is not role), kind


def test_a_receipt_prunes_only_when_it_comes_from_the_sync_process(lane: Lane) -> None:
    async def story() -> None:
        async with lane.running() as controller:
            await ready(lane)
            first = lane.parts.log.outbox.pending(1)[0]
            key = load_signing_key(lane.place.key("receipts.pem"))
            receipt = sign_receipt(lane.parts.config.name, 1, first.noted_hash, REAL.wall_ns(), key)
            message = ReceiptArrived(receipt.lane, 1, receipt.header_hash.hex(), receipt.signed_at_ns, receipt.signature.hex())
            for role in (Role.KIOSK, Role.GUARD, Role.OBSERVER):
                await controller._hear(Client(Hello(role, "screen")), message)
            await settle()
            assert lane.parts.depth == 1
            async with lane.screen(Role.SYNC) as (sync, _):
                await sync.send(message)
                await until(lambda: lane.parts.depth == 0, "pruned")
            await until(lambda: lane.told("receipt", "centre"), "told")

    asyncio.run(story())


def test_pictures_go_to_the_officer_alone_and_only_for_the_case_under_way(lane: Lane, passport: Passport) -> None:
    async def ask(controller: Controller, role: Role, number: int) -> Message | None:
        return await controller._hear(Client(Hello(role, "screen")), CasePicturesWished(number))

    async def story() -> None:
        lane.face.held = asyncio.Event()
        async with lane.running() as controller:
            await ready(lane)
            lane.present(passport)
            await until(lambda: lane.face.capturing, "the camera looks")
            number = lane.view.passage
            shown = await ask(controller, Role.GUARD, number)
            assert isinstance(shown, CasePictures)
            assert shown.reference
            assert await ask(controller, Role.GUARD, number + 1) == CasePictures(number + 1, "", "")
            for role in (Role.KIOSK, Role.OBSERVER, Role.SYNC):
                assert await ask(controller, role, number) == WishAnswer(False, "not_yours_to_ask")
            lane.face.held.set()
            await until(lambda: lane.in_phase(LanePhase.IDLE), READY)
            assert await ask(controller, Role.GUARD, number) == CasePictures(number, "", "")

    asyncio.run(story())


def test_an_officers_wish_is_taken_once_and_recorded_by_pseudonym(lane: Lane) -> None:
    async def story() -> None:
        async with lane.running(), lane.screen(Role.GUARD) as (guard, got):
            await ready(lane)
            asked = wish(lane, OfficerAction.OUT_OF_SERVICE)
            await guard.send(asked)
            await until(lambda: lane.in_phase(LanePhase.OUT_OF_SERVICE), "closed")
            await guard.send(asked)
            await until(lambda: len([m for m in got if isinstance(m, WishAnswer)]) == 2, "two answers")
            answers = [message for message in got if isinstance(message, WishAnswer)]
            assert answers == [WishAnswer(True), WishAnswer(False, "wrong_counter")]

    asyncio.run(story())
    (act,) = lane.headers(RecordKind.OFFICER_ACT)
    assert (act.outcome, act.because, act.operator) == ("out_of_service", ("to_second_line",), "7731")


def test_an_unknown_officer_moves_nothing(lane: Lane) -> None:
    async def story() -> None:
        async with lane.running() as controller:
            await ready(lane)
            lane.parts.officers = {}
            answer = await controller._hear(Client(Hello(Role.GUARD, "screen")), wish(lane, OfficerAction.OUT_OF_SERVICE))
            assert answer == WishAnswer(False, "unknown_officer")
            await settle()
            assert lane.in_phase(LanePhase.IDLE)

    asyncio.run(story())


def test_a_face_that_differs_is_referred_inside(lane: Lane, passport: Passport) -> None:
    async def story() -> None:
        lane.face.outcome = lane.face.outcome.__class__(lane.face.outcome.state, lane.face.outcome.probe, ())
        async with lane.running():
            await ready(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.REFERRED), "referred")
            assert lane.gate.unlocked == [Door.ENTRY]
            assert lane.view.case is not None
            assert CheckName.FACE_MATCH in lane.view.case.because
            assert (lane.view.admitted, lane.view.referred) == (0, 1)

    asyncio.run(story())


def test_what_still_waits_is_written_when_the_lane_stops(lane: Lane, passport: Passport) -> None:
    async def story() -> None:
        def fail(door: Door) -> None:
            if door is Door.ENTRY and not lane.parts.waiting:
                lane.refuse_records()

        lane.gate.at_unlock = fail
        async with lane.running():
            await ready(lane)
            lane.present(passport)
            await until(lambda: lane.in_phase(LanePhase.REFERRED), "not recorded: referred")
            await until(lambda: lane.parts.waiting, "the crossing waits")
            lane.take_records()

    asyncio.run(story())
    assert [header.outcome for header in lane.headers(RecordKind.CROSSING)] == ["REFER"]
    assert lane.headers(RecordKind.LANE_EVENT)[-1].outcome == "stop"


def test_an_unlock_that_was_not_sent_before_an_emergency_is_withdrawn(lane: Lane) -> None:
    """I6: the lane asked for it before it knew; on its way out it would open a door behind people who leave."""

    async def story() -> None:
        async with lane.running() as controller:
            await ready(lane)
            lane.gate.emergency = True
            await until(lambda: lane.in_phase(LanePhase.EMERGENCY), "the emergency")
            controller._gate.hand(Unlock(Door.ENTRY, 3.0, lane.gate.last + 1))
            await settle()
            assert lane.gate.unlocked == []

    asyncio.run(story())
