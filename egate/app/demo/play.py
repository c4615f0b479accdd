"""Plays the story: starts a whole lane and its centre, lets travellers come, and tells what the lane told.

1. make an installation (keys, trust, lists, configuration) in a folder of its own
2. start NATS, hub, sync, controller, screens: the programs that an installation runs
3. for each traveller: prepare, lay the passport, walk as the kiosk says, let the officer act
4. wait until the centre holds every record
5. end every process and remove the folder
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.demo.installation import LANE_NAME, OFFICER, Installation
from egate.app.demo.narrator import Narrator
from egate.app.demo.processes import ProcessGroup
from egate.app.demo.report import PassageReport
from egate.app.demo.story import Traveller, shuffled
from egate.app.demo.world import Beacon, Carried, World
from egate.ipc.client import MessageClient
from egate.ipc.messages import LaneView, OfficerPresent, OfficerWish, PassageEvent, Role, TravellerView, WishAnswer
from egate.ipc.wishes import PRESENCE_EVERY_S, sign_presence, sign_wish
from egate.model.errors import DeviceError
from egate.model.lane import OfficerAction, OfficerReason
from egate.storage.keys import load_signing_key

READY_WITHIN_S = 60.0
"""Loading two face engines takes two seconds on a quiet machine."""

PHASE_WITHIN_S = 45.0
"""The lane's own time-outs are shorter; waiting longer means that something is wrong."""

SYNC_WITHIN_S = 20.0
"""How long the centre may take to receipt the last record."""

RECEIPT_WITHIN_S = 2.0
"""Between two travellers the demo waits this long for the last one's receipt, so that it is told in its place."""

OFFICER_LOOKS_S = 2.0
"""The simulated officer looks at the case for this long before acting."""

WISH_LIFE_NS = 5_000_000_000
"""A wish expires soon, so a recorded one is worth nothing."""

PICTURES_AFTER_S = 0.7
"""Screens save a picture a moment after they changed; the last one of a passage belongs to that passage."""

INTERRUPTED = -1
"""What a story returns that was interrupted; never an exit status."""

PULLED_AFTER_APDUS = 30
"""The early-pull traveller takes the passport away after this many commands, in the middle of the portrait."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line chose."""

    travellers: tuple[Traveller, ...]
    seed: int
    loop: bool
    headless: bool
    as_json: bool
    speed: float
    attended: bool
    pictures: Path | None
    """Where pictures of the screens go; None: none are saved, because they would show you."""


@dataclass(slots=True)
class Demo:
    """One run of the demo on an installation that is there already."""

    options: DemoOptions
    place: Installation
    world: World
    issuer: SimulatedIssuer
    processes: ProcessGroup
    nats_url: str
    nats_token: str = field(repr=False)
    clock: SystemClock
    narrator: Narrator
    beacon: Beacon = field(default_factory=Beacon)
    report: PassageReport = field(default_factory=lambda: PassageReport(""))
    view: LaneView | None = None
    failures: list[str] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)

    async def run(self) -> int:
        """Play the story; returns 0 when every traveller ended as they should."""
        self.world.start()
        try:
            self._start_processes()
            async with self._observing(), self._console() as console:
                await self._lane_is_free()
                self.narrator.say(f"The lane {LANE_NAME} is open. Times are seconds since the passport was laid on the reader.")
                await self._play(console)
                await self._deliver()
        finally:
            await self.processes.stop()
            await self.world.close()
        return self._conclude()

    def play(self) -> int:
        """Run until the story ends or the first Ctrl-C or SIGTERM; later ones cannot break the tidying up.

        Raises KeyboardInterrupt when it was interrupted, after everything has ended.
        """

        async def until_interrupted() -> int:
            story = asyncio.ensure_future(self.run())
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, _interrupt_once(story))
            try:
                return await story
            except asyncio.CancelledError:
                return INTERRUPTED
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)

        status = asyncio.run(until_interrupted())
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        return status

    def _start_processes(self) -> None:
        place, token = self.place, {"EGATE_NATS_TOKEN": self.nats_token}
        start = self.processes.start
        hub = ("--ledger", str(place.ledger), "--lanes", str(place.lanes), "--key", str(place.key("receipts.pem")))
        start("hub", ("egate", "hub", "--nats", self.nats_url, *hub), token)
        start("lane", ("egate", "run", "--config", str(place.config)))
        keys = ("--lane-key", str(place.key("lane.pem")), "--hub-key", str(place.key("receipts.pub")))
        sync = ("--log", str(place.database), "--socket", str(place.socket), *keys)
        start("sync", ("egate", "sync", "--nats", self.nats_url, *sync), token)
        display = {"QT_QPA_PLATFORM": "offscreen"} if self.options.headless else {}
        saving = ("--save-screens", str(self._raw_pictures)) if self._saves_pictures else ()
        start("kiosk", ("ui.kiosk", "--socket", str(place.socket), *saving), display)
        officer = ("--officer", OFFICER, "--key", str(place.key(f"{OFFICER}.pem")))
        start("guard", ("ui.guard", "--socket", str(place.socket), *officer, *saving), display)

    @property
    def _saves_pictures(self) -> bool:
        return self.options.headless and self.options.pictures is not None

    @property
    def _raw_pictures(self) -> Path:
        return self.place.root / "pictures"

    # -- listening ----------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _observing(self) -> AsyncIterator[None]:
        client = MessageClient(self.place.socket, self.clock, Role.OBSERVER, "demo")
        await self._connect(client)
        task = asyncio.create_task(self._listen(client))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await client.close()

    async def _connect(self, client: MessageClient) -> None:
        """Connect, or say in one sentence which process ended and why."""
        for _ in range(int(READY_WITHIN_S)):
            with contextlib.suppress(DeviceError):
                await client.connect(1.0)
                return
            self._refuse_dead()
        raise DeviceError("starting the demo", "the lane did not open its socket in time")

    def _refuse_dead(self) -> None:
        for name in self.processes.dead():
            if name in ("lane", "hub", "sync"):
                raise DeviceError(f"starting the process {name}", self.processes.log_text(name) or "it ended without a word")

    async def _listen(self, client: MessageClient) -> None:
        async for message in client.messages():
            if isinstance(message, LaneView):
                self.view = message
                await self.beacon.tell("view", message.phase.value)
            elif isinstance(message, TravellerView):
                self.narrator.hint(message.camera_hint)
            elif isinstance(message, PassageEvent):
                self.report.take(message)
                self.narrator.tell(message)
                await self.beacon.tell(message.what, message.name)

    @contextlib.asynccontextmanager
    async def _console(self) -> AsyncIterator[MessageClient]:
        """The simulated officer's own connection; the console window is another client beside it."""
        async with MessageClient(self.place.socket, self.clock, Role.GUARD, "simulated officer") as client:
            watching = asyncio.create_task(self._watch_lane(client))
            try:
                yield client
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def _watch_lane(self, client: MessageClient) -> None:
        """The simulated officer is at the desk as long as the demo plays; where you are the officer, your console says so."""
        key = load_signing_key(self.place.key(f"{OFFICER}.pem"))
        while not self.options.attended:
            expires = self.clock.wall_ns() + WISH_LIFE_NS * 2
            await client.send(sign_presence(OfficerPresent(LANE_NAME, OFFICER, expires), key))
            await self.clock.sleep(PRESENCE_EVERY_S)

    async def _lane_is_free(self) -> None:
        def ready(_: Beacon) -> bool:
            return self.view is not None and self.view.phase.value == "idle" and not self.view.devices_lost

        free = await self.beacon.wait(ready, READY_WITHIN_S)
        self._refuse_dead()
        if not free:
            lost = ", ".join(self.view.devices_lost) if self.view else ""
            said = self.processes.log_text("lane")
            raise DeviceError("starting the demo", f"the lane did not become free in time; not answering: {lost or 'it'}. {said}")

    # -- playing ------------------------------------------------------------------------------------------------------

    async def _play(self, console: MessageClient) -> None:
        round_number = 0
        while True:
            travellers = self.options.travellers
            if self.options.loop and len(travellers) > 1:
                travellers = shuffled(self.options.seed, round_number)
            seed = self.options.seed + round_number
            upcoming = asyncio.create_task(asyncio.to_thread(self.world.prepare, travellers[0], self.issuer, seed))
            for number, traveller in enumerate(travellers):
                carried = await upcoming
                if number + 1 < len(travellers):
                    following = travellers[number + 1]
                    upcoming = asyncio.create_task(asyncio.to_thread(self.world.prepare, following, self.issuer, seed))
                await self._pass(traveller, carried, console)
            round_number += 1
            if not self.options.loop:
                return

    async def _pass(self, traveller: Traveller, carried: Carried, console: MessageClient) -> None:
        """One traveller from laying the passport to the lane being free again."""
        self.narrator.title(traveller.name, traveller.sentence)
        self.report = PassageReport(traveller.name)
        self.beacon.forget()
        if traveller.pulls_early:
            await self._pull_early(carried)
        await self.world.lay(carried)
        await self._phase("entry_open", "referred_outside")
        self.world.take()
        if self.beacon.heard("phase", "entry_open"):
            self.world.show(carried.scene)
            await self.world.gate.walk_in(traveller.persons)
            await self._phase("exit_open", "referred")
        await self._leave(traveller, console)
        await self._phase("idle")
        self.world.clear_scene(carried)
        await self._receipted(RECEIPT_WITHIN_S)
        if self._saves_pictures:
            await self.clock.sleep(PICTURES_AFTER_S)
        self._finish(traveller)
        self._look_after_processes()

    def _look_after_processes(self) -> None:
        """Start again what was killed, as an installation's supervisor would, and say so; a closed window stays closed."""
        for name in self.processes.dead():
            status = self.processes.status(name)
            if status == 0:
                if name not in self.closed:
                    self.closed.add(name)
                    self.narrator.say(f"  The window of the {name} was closed; the lane goes on without it.")
            else:
                self.narrator.say(f"  The {name} process ended (status {status}) and is started again; the passage went on.")
                self.processes.restart(name)

    async def _pull_early(self, carried: Carried) -> None:
        before = self.world.chip_reader.apdus
        await self.world.lay(carried)
        async with asyncio.timeout(PHASE_WITHIN_S):
            while self.world.chip_reader.apdus < before + PULLED_AFTER_APDUS:
                await self.clock.sleep(0.005)
        self.world.take()
        await self._phase("idle")
        self.beacon.forget()

    async def _leave(self, traveller: Traveller, console: MessageClient) -> None:
        """Through the exit, or as the officer says."""
        told = self.beacon
        if told.heard("phase", "referred") or told.heard("phase", "referred_outside"):
            act, reason = traveller.ending.act, traveller.ending.reason
            if act is not None and reason is not None and not self.options.attended:
                await self.clock.sleep(OFFICER_LOOKS_S)
                await self._act(console, act, reason)
            if told.heard("phase", "referred_outside"):
                return
            await self._phase("exit_open", "return_open", within_s=3600 if self.options.attended else PHASE_WITHIN_S)
        if told.heard("phase", "exit_open"):
            await self.world.gate.walk_out_exit()
        elif told.heard("phase", "return_open"):
            await self.world.gate.walk_back()

    async def _act(self, console: MessageClient, action: OfficerAction, reason: OfficerReason) -> None:
        """A signed wish, as the console sends it."""
        assert self.view is not None
        expires = self.clock.wall_ns() + WISH_LIFE_NS
        wish = OfficerWish(LANE_NAME, action, reason, OFFICER, self.view.passage, self.view.wish_counter, expires)
        await console.send(sign_wish(wish, load_signing_key(self.place.key(f"{OFFICER}.pem"))))
        async with asyncio.timeout(PHASE_WITHIN_S):
            async for message in console.messages():
                if isinstance(message, WishAnswer):
                    if not message.taken:
                        self.failures.append(f"the officer's wish was refused: {message.code}")
                    return

    async def _phase(self, *names: str, within_s: float = PHASE_WITHIN_S) -> None:
        """Wait for one of these phases; a lane that does not come there is a failure of the demo."""
        if not await self.beacon.wait(lambda told: any(told.heard("phase", name) for name in names), within_s):
            self._refuse_dead()
            phase = self.view.phase.value if self.view else "unknown"
            raise DeviceError("playing the story", f"waited for {' or '.join(names)}, the lane stays in {phase}")

    # -- ending -------------------------------------------------------------------------------------------------------

    def _finish(self, traveller: Traveller) -> None:
        report = self.report
        problem = ending_problem(traveller, report)
        if problem:
            self.failures.append(f"{traveller.name}: {problem}")
        if self.options.as_json:
            print(json.dumps({**report.as_json(), "as_expected": not problem}), flush=True)  # noqa: T201 - the command's answer
        self.narrator.verdict(report, problem)
        if self.options.pictures is not None and self._saves_pictures:
            self._keep_pictures(traveller, self.options.pictures)

    def _keep_pictures(self, traveller: Traveller, folder: Path) -> None:
        """Move the pictures of this passage to where the person will find them."""
        target = folder / traveller.name
        target.mkdir(parents=True, exist_ok=True)
        for old in target.glob("*.png"):
            old.unlink()
        for picture in sorted(self._raw_pictures.glob("*.png")):
            shutil.move(picture, target / picture.name)

    async def _deliver(self) -> None:
        """Wait until the centre has receipted every record."""
        if not await self._receipted(SYNC_WITHIN_S):
            waiting = self.view.outbox if self.view else "unknown"
            self.failures.append(f"the centre has not receipted {waiting} records")

    async def _receipted(self, within_s: float) -> bool:
        """Whether the centre receipted every record in time."""
        return await self.beacon.wait(lambda _: self.view is not None and self.view.outbox == 0, within_s)

    def _conclude(self) -> int:
        if self.world.gate.both_unlocked_seen:
            self.failures.append("both doors were unlocked at once")
        for failure in self.failures:
            self.narrator.say(f"  ✘ {failure}")
        return 1 if self.failures else 0


def ending_problem(traveller: Traveller, report: PassageReport) -> str:
    """What is not as it must be with this passage; empty when all is."""
    ending = traveller.ending
    because = {text.split(":")[0] for text in report.because}
    through = ending.through.value if ending.through else ""
    problems = [
        (report.outcome != ending.outcome.value, f"ended as {report.outcome or 'nothing'}, not {ending.outcome.value}"),
        (not {name.value for name in ending.because} <= because, f"because of {sorted(because)}"),
        (bool(ending.alarm) and ending.alarm not in report.alarms, f"no alarm {ending.alarm}"),
        (bool(through) and report.left_through != through, f"left through {report.left_through or 'no door'}, not {through}"),
        (traveller.pulls_early and report.presented < 2, "the passport was not presented again"),
    ]
    return "; ".join(text for wrong, text in problems if wrong)


def _interrupt_once(story: asyncio.Future[int]) -> Callable[[], None]:
    """Cancels the story at the first call and nothing more afterwards."""
    asked = False

    def interrupt() -> None:
        nonlocal asked
        if not asked:
            asked = True
            story.cancel()

    return interrupt


def has_display() -> bool:
    """Whether windows can be shown on this machine."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def today_of(clock: SystemClock) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC).date()
