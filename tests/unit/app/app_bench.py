"""A lane in memory for the tests of `egate.app`: everything of ours is real, only what lies behind a port is replaced.

Keys, trust, lists, profile and log come from a real installation through the real wiring. The document reader, the chip reader
(which carries a real simulated chip), the gate unit (over a tiny door model) and the face worker are objects of this file.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import cast

import cbor2

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.issuer import PersonData, SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.config import load_config
from egate.app.controller import Controller
from egate.app.demo.installation import Installation, make_installation
from egate.app.face_client import ONE_ATTEMPT, FaceClient
from egate.app.parts import Parts
from egate.app.wiring import build_parts
from egate.faces.monitor.counts import Impostors
from egate.faces.monitor.subject import Subject
from egate.ipc.client import MessageClient
from egate.ipc.messages import LaneView, Message, PassageEvent, Role, TravellerView
from egate.model.crossing import RecordKind
from egate.model.errors import DeviceError
from egate.model.face import (
    CaptureHint,
    CaptureOutcome,
    CaptureProgress,
    CaptureState,
    CaptureTerms,
    ComparisonScore,
    FaceProbe,
    FaceReference,
    PadResult,
    QualityScore,
)
from egate.model.lane import Door, DoorState, GateReport, LanePhase
from egate.storage.database import open_read_only
from egate.storage.header import Header, encode_unsealed, parse_header
from egate.storage.keys import load_sealing_private
from egate.storage.vault import unseal

TODAY = date.today()  # noqa: TID251 - the lists of an installation are in force today
PORTRAIT = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + b"PORTRAITCANARY" + bytes(200) + bytes.fromhex("ffd9")
PROBE = b"\xff\xd8\xffPROBECANARY"
CANARIES = ("CANARYNAME", "CANARYGIVEN", "X12345678", "900102", "19900102")
"""What may stand in no clear text: name, given name, document number, date of birth."""

TURNS = 4000
"""How often a condition is looked at, 5 ms apart, before a test gives up; this bounds a failure and measures nothing."""

REAL = SystemClock()


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Let the lane work until `condition` holds."""
    for _ in range(TURNS):
        if condition():
            return
        await REAL.sleep(0.005)
    raise AssertionError(f"it did not happen: {what}")


@dataclass(frozen=True)
class Passport:
    """What a traveller carries."""

    lines: tuple[str, ...] = field(repr=False)
    chip: SimulatedChip = field(repr=False)


def make_passport(issuer: SimulatedIssuer, number: str = "X12345678") -> Passport:
    person = PersonData("CANARYNAME", "CANARYGIVEN", date(1990, 1, 2), "F", number, date(TODAY.year + 3, 1, 1))
    return Passport(issuer.mrz_lines(person), SimulatedChip(issuer.personalise(person, PORTRAIT, (30, 40)), secrets.token_bytes))


class MemoryMrzReader:
    """Documents are laid with `lay`."""

    online = True

    def __init__(self) -> None:
        self.laid: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        self.closed = False

    async def start(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    async def read_lines(self) -> tuple[str, ...]:
        return await self.laid.get()


class MemoryChipReader:
    """Carries APDUs to a real simulated chip; `problem` is raised instead, `gate` makes every answer wait."""

    online = True
    historical_bytes = b""

    def __init__(self) -> None:
        self.max_response_bytes = 258
        self.chip: SimulatedChip | None = None
        self.broken = False
        self.problem: Exception | None = None
        self.there: list[bool] = []
        self.held: asyncio.Event | None = None
        self.waiting = False
        self.cancelled = False
        self.activated = 0
        self.closed = False

    async def start(self) -> None:
        if self.broken:
            raise DeviceError("opening the chip reader", "it is not plugged in")

    async def close(self) -> None:
        self.closed = True

    async def wait_for_chip(self, within_s: float) -> bool:
        self.activated += 1
        if self.chip is not None:
            self.chip.reset()
        return self.there.pop(0) if self.there else self.chip is not None

    async def transceive(self, command: bytes) -> bytes:
        await asyncio.sleep(0)  # noqa: TID251 - yields to the lane, takes no time
        if self.held is not None:
            self.waiting = True
            try:
                await self.held.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        if self.problem is not None:
            raise self.problem
        assert self.chip is not None
        return self.chip.transceive(command)

    async def present(self) -> bool:
        return self.chip is not None

    async def release(self) -> None: ...


class MemoryGate:
    """Two doors, a counter, and a report every few milliseconds. `at_unlock` is asked at the moment a door opens."""

    online = True

    def __init__(self) -> None:
        self.doors = {Door.ENTRY: DoorState.LOCKED, Door.EXIT: DoorState.LOCKED}
        self.persons = 0
        self.last = 0
        self.lost = False
        self.emergency = False
        self.closed = False
        self.unlocked: list[Door] = []
        self.commands: list[tuple[str, Door, int]] = []
        self.at_unlock: Callable[[Door], None] = lambda _door: None
        self.walks = True

    async def start(self) -> None:
        if self.lost:
            raise DeviceError("opening the gate unit", "it does not answer")

    async def close(self) -> None:
        self.closed = True

    async def unlock(self, door: Door, lease_s: float, number: int) -> None:
        self.at_unlock(door)
        self._note("unlock", door, number)
        self.unlocked.append(door)
        self.doors[door] = DoorState.CLOSED
        if self.walks:
            self.persons = 1 if door is Door.ENTRY else 0

    async def lock(self, door: Door, number: int) -> None:
        self._note("lock", door, number)
        self.doors[door] = DoorState.LOCKED

    async def reports(self) -> AsyncIterator[GateReport]:
        while True:
            if self.lost:
                raise DeviceError("polling the gate unit", "it does not answer")
            yield GateReport(self.last, self.doors[Door.ENTRY], self.doors[Door.EXIT], self.persons, self.emergency)
            await REAL.sleep(0.003)

    def _note(self, word: str, door: Door, number: int) -> None:
        assert not self.closed
        self.last = number
        self.commands.append((word, door, number))


def captured(value: float = 0.8) -> CaptureOutcome:
    probe = FaceProbe(PROBE, QualityScore(0.9, 120.0, 0.0, 0.0, 0.9, 0.9), 12, PadResult(0.02))
    return CaptureOutcome(CaptureState.CAPTURED, probe, (ComparisonScore("sface", value, 0.45, 1000, "v1"),), PORTRAIT)


class MemoryFace:
    """The methods of `FaceClient` that a lane uses; like it, a capture without a reference ends without scores."""

    online = True
    versions = (("sface", "calibration-1"),)

    def __init__(self) -> None:
        self.outcome = captured()
        self.prepared: list[int | None] = []
        self.abandoned = 0
        self.closed = 0
        self.started = 0
        self.looked = 0
        self.capturing = False
        self.cancelled = False
        self.held: asyncio.Event | None = None
        self.observed: list[Subject] = []
        self.impostors: Impostors | DeviceError | None = None

    async def start(self) -> None:
        self.started += 1

    async def look(self) -> None:
        self.looked += 1

    async def close(self) -> None:
        self.closed += 1

    async def prepare_reference(self, reference: FaceReference, passage: int | None = None) -> bytes:
        self.prepared.append(passage)
        return reference.image

    async def capture(
        self, passage: int, timeout_s: float, progress: Callable[[CaptureProgress], None], terms: CaptureTerms = ONE_ATTEMPT
    ) -> CaptureOutcome:
        self.capturing = True
        progress(CaptureProgress(CaptureHint.HOLD_STILL, 0.5))
        if self.held is not None:
            try:
                await self.held.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return self.outcome if passage in self.prepared else replace(self.outcome, scores=())

    async def observe(self, subject: Subject) -> Impostors | None:
        self.observed.append(subject)
        if isinstance(self.impostors, DeviceError):
            raise self.impostors
        return self.impostors

    async def abandon(self, _passage: int | None = None) -> None:
        self.abandoned += 1


@dataclass
class Lane:
    """One installation with its parts and what stands behind the ports."""

    place: Installation
    issuer: SimulatedIssuer
    parts: Parts
    mrz: MemoryMrzReader = field(default_factory=MemoryMrzReader)
    chip: MemoryChipReader = field(default_factory=MemoryChipReader)
    gate: MemoryGate = field(default_factory=MemoryGate)
    face: MemoryFace = field(default_factory=MemoryFace)
    seen: list[Message] = field(default_factory=list)
    controller: Controller | None = None

    def __post_init__(self) -> None:
        self.parts.mrz, self.parts.chip, self.parts.gate = self.mrz, self.chip, self.gate
        self.parts.face = cast(FaceClient, self.face)

    def present(self, passport: Passport) -> None:
        """Lay a passport on the reader."""
        self.chip.chip = passport.chip
        self.mrz.laid.put_nowait(passport.lines)

    @property
    def events(self) -> list[PassageEvent]:
        return [message for message in self.seen if isinstance(message, PassageEvent)]

    def told(self, what: str, name: str) -> int:
        """How often an event was told."""
        return sum((event.what, event.name) == (what, name) for event in self.events)

    @property
    def view(self) -> LaneView:
        return [message for message in self.seen if isinstance(message, LaneView)][-1]

    @property
    def kiosk(self) -> TravellerView:
        return [message for message in self.seen if isinstance(message, TravellerView)][-1]

    def in_phase(self, phase: LanePhase) -> bool:
        views = [message for message in self.seen if isinstance(message, LaneView)]
        return bool(views) and views[-1].phase is phase

    def sql(self, statement: str) -> None:
        """Do something to the lane's database from outside, as a failing disk would."""
        with closing(sqlite3.connect(self.place.database)) as database, database:
            database.execute(statement)

    def refuse_records(self) -> None:
        """From now on the database takes no record."""
        self.sql("CREATE TRIGGER refuse BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'no'); END")

    def take_records(self) -> None:
        """The disk works again."""
        self.sql("DROP TRIGGER refuse")

    def records(self) -> list[tuple[Header, bytes]]:
        """Every durable record: its clear header, and the personal part as the centre opens it."""
        store, key = open_read_only(self.place.database), load_sealing_private(self.place.key("sealing.pem"))
        try:
            rows = store.rows("SELECT header, sealed FROM record ORDER BY sequence")
        finally:
            store.close()
        opened = []
        for header_bytes, sealed in rows:
            assert isinstance(header_bytes, bytes)
            assert isinstance(sealed, bytes)
            header = parse_header(header_bytes)
            opened.append((header, unseal(sealed, encode_unsealed(header), header.suite, key)))
        return opened

    def headers(self, kind: RecordKind) -> list[Header]:
        return [header for header, _ in self.records() if header.kind is kind]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Controller]:
        """The lane runs, and an observer sees everything it tells; at the end it is stopped."""
        self.controller = Controller(self.parts)
        running = asyncio.create_task(self.controller.run())
        client = MessageClient(self.place.socket, REAL, Role.OBSERVER, "test")
        await client.connect()
        watching = asyncio.create_task(self._watch(client))
        try:
            yield self.controller
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await client.close()

    async def _watch(self, client: MessageClient) -> None:
        async for message in client.messages():
            self.seen.append(message)

    async def cross(self, passport: Passport) -> None:
        """One traveller goes through, from an idle lane to an idle lane."""
        await until(lambda: self.in_phase(LanePhase.IDLE) and not self.view.devices_lost, "the lane is free")
        before = self.told("door", "left_through")
        self.present(passport)
        await until(lambda: self.told("door", "left_through") > before, "the traveller left")
        await until(lambda: self.in_phase(LanePhase.IDLE), "the lane is free again")

    @asynccontextmanager
    async def screen(self, role: Role) -> AsyncIterator[tuple[MessageClient, list[Message]]]:
        """A screen in a role, with all that it received."""
        client, got = MessageClient(self.place.socket, REAL, role, "screen"), list[Message]()

        async def listen() -> None:
            async for message in client.messages():
                got.append(message)

        await client.connect()
        listening = asyncio.create_task(listen())
        try:
            yield client, got
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await client.close()


def make_lane(root: Path, issuer: SimulatedIssuer, **timers: float) -> Lane:
    place, _ = make_installation(root, issuer.csca_certificate, TODAY, [("UTO", "L00000001")])
    config = replace(load_config(place.config), timers=timers, officer_required=False)
    return Lane(place, issuer, build_parts(config, SystemClock()))


def personal_of(sealed: bytes) -> dict[str, list[object]]:
    """The personal part as the centre reads it."""
    content = cbor2.loads(sealed)
    assert isinstance(content, dict)
    return content


def contains_canary(text: bytes | str) -> list[str]:
    """Which canaries show."""
    data = text.encode() if isinstance(text, str) else text
    words = [canary.encode() for canary in CANARIES] + [b"PORTRAITCANARY", b"PROBECANARY"]
    return [word.decode() for word in words if word in data]
