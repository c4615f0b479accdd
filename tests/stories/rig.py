"""A real lane for tests: the processes of an installation, the simulated far ends of its wires, an observer, an officer.

The rig has no shortcuts into the lane: what it learns, it learns as a screen does; what it does, it does at a wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.demo.faces import DemoFaces, ensure_demo_faces
from egate.app.demo.installation import LANE_NAME, OFFICER, Installation, make_installation
from egate.app.demo.play import today_of
from egate.app.demo.processes import ProcessGroup
from egate.app.demo.report import PassageReport
from egate.app.demo.story import TRAVELLERS, Passport, Traveller, document_number
from egate.app.demo.world import Beacon, Carried, World
from egate.app.nats_server import NatsServer
from egate.ipc.client import MessageClient
from egate.ipc.messages import LaneView, OfficerWish, PassageEvent, Role, WishAnswer
from egate.ipc.wishes import sign_wish
from egate.model.errors import DeviceError
from egate.model.lane import OfficerAction, OfficerReason
from egate.storage.keys import load_signing_key

SPEED = 4.0
WITHIN_S = 40.0
SEED = 1


def traveller(name: str) -> Traveller:
    return next(found for found in TRAVELLERS if found.name == name)


@dataclass
class Rig:
    """One lane under test."""

    place: Installation
    world: World
    issuer: SimulatedIssuer
    processes: ProcessGroup
    clock: SystemClock
    today: date
    nats: NatsServer | None = None
    token: str = ""
    beacon: Beacon = field(default_factory=Beacon)
    report: PassageReport = field(default_factory=lambda: PassageReport("test"))
    view: LaneView | None = None
    _listener: asyncio.Task[None] | None = None

    # -- processes ----------------------------------------------------------------------------------------------------

    async def start_lane(self) -> None:
        self.processes.start("lane", ("egate", "run", "--config", str(self.place.config)))
        client = MessageClient(self.place.socket, self.clock, Role.OBSERVER, "rig")
        for _ in range(int(WITHIN_S)):
            with contextlib.suppress(DeviceError):
                await client.connect(1.0)
                break
            assert "lane" not in self.processes.dead(), self.log_text("lane")
        self.view = None
        self._listener = asyncio.create_task(self._listen(client))

    def start_sync(self) -> None:
        assert self.nats is not None
        keys = ("--lane-key", str(self.place.key("lane.pem")), "--hub-key", str(self.place.key("receipts.pub")))
        places = ("--log", str(self.place.database), "--socket", str(self.place.socket))
        self.processes.start("sync", ("egate", "sync", "--nats", self.nats.url, *places, *keys), self._token())

    def start_hub(self) -> None:
        assert self.nats is not None
        places = ("--ledger", str(self.place.ledger), "--lanes", str(self.place.lanes))
        key = ("--key", str(self.place.key("receipts.pem")))
        self.processes.start("hub", ("egate", "hub", "--nats", self.nats.url, *places, *key), self._token())

    def _token(self) -> dict[str, str]:
        return {"EGATE_NATS_TOKEN": self.token}

    async def kill_lane(self) -> None:
        self.processes.kill("lane")
        if self._listener is not None:
            await asyncio.gather(self._listener, return_exceptions=True)

    def kill_face_worker(self) -> int:
        """Kill every face worker of this lane, as a crash would; returns how many there were."""
        found = [
            pid for pid in _processes() if str(self.place.frames) in _command_line(pid) and "face_worker" in _command_line(pid)
        ]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return len(found)

    # -- observing ----------------------------------------------------------------------------------------------------

    async def _listen(self, client: MessageClient) -> None:
        try:
            async for message in client.messages():
                if isinstance(message, LaneView):
                    self.view = message
                    await self.beacon.tell("view", message.phase.value)
                elif isinstance(message, PassageEvent):
                    self.report.take(message)
                    await self.beacon.tell(message.what, message.name)
        finally:
            await client.close()

    async def phase(self, *names: str, within_s: float = WITHIN_S) -> None:
        """Wait until the lane has told one of these phases since the last passage began."""
        reached = await self.beacon.wait(lambda told: any(told.heard("phase", name) for name in names), within_s)
        assert reached, f"waited for {names}; lane is in {self.view.phase if self.view else None}"

    async def heard(self, what: str, name: str, within_s: float = WITHIN_S) -> None:
        assert await self.beacon.wait(lambda told: told.heard(what, name), within_s), f"never told: {what} {name}"

    @property
    def takes_travellers(self) -> bool:
        """Whether the newest view shows a free lane with all its devices."""
        return self.view is not None and self.view.phase.value == "idle" and not self.view.devices_lost

    async def seen(self, phase: str, within_s: float = WITHIN_S) -> LaneView:
        """Wait until the newest view shows a phase."""
        shown = await self.beacon.wait(lambda _: self.view is not None and self.view.phase.value == phase, within_s)
        assert shown, f"waited for {phase}; lane is in {self.view.phase if self.view else None}"
        assert self.view is not None
        return self.view

    # -- people -------------------------------------------------------------------------------------------------------

    async def carried(self, name: str = "genuine") -> Carried:
        return await asyncio.to_thread(self.world.prepare, traveller(name), self.issuer, SEED)

    def begin(self) -> None:
        """A new passage begins: forget what was told before."""
        self.beacon.forget()
        self.report = PassageReport("test")

    async def enter(self, carried: Carried) -> None:
        """Lay the passport on a free lane, take it, walk in; ends when the capture begins."""
        free = await self.beacon.wait(lambda _: self.takes_travellers, WITHIN_S)
        assert free, f"the lane is not free: {self.view}"
        self.begin()
        await self.world.lay(carried)
        await self.phase("entry_open")
        self.world.take()
        self.world.show(carried.scene)
        assert await self.world.gate.walk_in()

    async def pass_through(self, carried: Carried) -> None:
        """A whole admitted passage."""
        await self.enter(carried)
        await self.phase("exit_open")
        assert await self.world.gate.walk_out_exit()
        await self.phase("idle")
        self.world.show(self.world.empty)

    async def act(self, action: OfficerAction, reason: OfficerReason = OfficerReason.TO_DESK) -> WishAnswer:
        """The officer's signed wish, and the lane's answer."""
        return await self.send(self.wish(action, reason))

    def wish(self, action: OfficerAction, reason: OfficerReason = OfficerReason.TO_DESK, *, counter: int = 0) -> OfficerWish:
        assert self.view is not None
        expires = self.clock.wall_ns() + 5_000_000_000
        wish = OfficerWish(LANE_NAME, action, reason, OFFICER, self.view.passage, counter or self.view.wish_counter, expires)
        return sign_wish(wish, load_signing_key(self.place.key(f"{OFFICER}.pem")))

    async def send(self, wish: OfficerWish, role: Role = Role.GUARD) -> WishAnswer:
        async with MessageClient(self.place.socket, self.clock, role, "rig officer") as console:
            await console.send(wish)
            async for message in console.messages():
                if isinstance(message, WishAnswer):
                    return message
        return WishAnswer(False, "no_answer")

    async def lead_back(self) -> None:
        """The officer releases the traveller through the entry door."""
        await self.seen("referred")
        answer = await self.act(OfficerAction.RELEASE_TO_ENTRY)
        assert answer.taken, answer.code
        await self.phase("return_open")
        assert await self.world.gate.walk_back()
        await self.seen("idle")
        self.world.show(self.world.empty)

    def log_text(self, name: str) -> str:
        return (self.place.root / "logs" / f"{name}.log").read_text()


@contextlib.asynccontextmanager
async def running_lane(root: Path, *, centre: bool = False) -> AsyncIterator[Rig]:
    """A lane that is free and waits for travellers; with `centre` also NATS (sync and hub are started by the test)."""
    clock = SystemClock()
    today = today_of(clock)
    faces: DemoFaces = ensure_demo_faces()
    issuer = SimulatedIssuer.create("UTO", secrets.token_bytes, today)
    listed = [("UTO", document_number(found, SEED)) for found in TRAVELLERS if found.passport is Passport.LISTED]
    place, gate_key = make_installation(root, issuer.csca_certificate, today, listed)
    # Stories are about travellers; who watches the lane (S5) has a story of its own.
    place.config.write_text(place.config.read_text() + "\n[supervision]\nofficer_required = false\n")
    world = World(place, SystemClock(SPEED), gate_key, faces, today)
    rig = Rig(place, world, issuer, ProcessGroup(root / "logs"), clock, today, token=secrets.token_hex(8))
    world.start()
    if centre:
        rig.nats = NatsServer(root / "nats", token=rig.token)
        rig.nats.start()
    try:
        await rig.start_lane()
        await rig.seen("idle")
        yield rig
    finally:
        await rig.processes.stop()
        if rig.nats is not None:
            rig.nats.stop()
        await world.close()
        assert not world.gate.both_unlocked_seen
        assert world.gate.latched_orders_seen == 0


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""
