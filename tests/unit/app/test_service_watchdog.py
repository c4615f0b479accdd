"""The service manager's watchdog over real datagram sockets: fed by whole rounds and by nothing else (I7)."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.controller import Controller
from egate.app.service.notify import Notifier, own_notifier
from egate.lane import events as e
from egate.model.lane import GateReport
from tests.unit.app.app_bench import REAL, Lane, MemoryGate, make_lane, until

PERIOD_S = 0.2
PAUSES = 12
"""Rounds that a lane which is not stuck would have made while a test looks at one that is."""


class Manager:
    """The service manager's end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)
        self.heard: list[dict[str, str]] = []

    def listen(self) -> list[dict[str, str]]:
        """Everything that was told since the last time."""
        new = []
        with_more = True
        while with_more:
            try:
                text = self._socket.recv(4096).decode()
            except BlockingIOError:
                with_more = False
            else:
                new.append(dict(line.split("=", 1) for line in text.splitlines()))
        self.heard += new
        return new

    def fed(self) -> bool:
        return any("WATCHDOG" in told for told in self.listen())

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with closing(Manager(str(tmp_path / "notify"))) as made:
        yield made


def notifier_for(manager: Manager) -> Notifier:
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(int(PERIOD_S * 1e6)), "WATCHDOG_PID": "7"}
    return Notifier.from_environment(environment, 7)


@pytest.fixture
def lane(tmp_path: Path, issuer: SimulatedIssuer) -> Lane:
    return make_lane(tmp_path / "lane", issuer)


class SilentGate(MemoryGate):
    """A driver that hangs: it neither reports nor says that it lost anything."""

    def __init__(self) -> None:
        super().__init__()
        self.silent = False

    async def reports(self) -> AsyncIterator[GateReport]:
        async for report in super().reports():
            while self.silent:
                await REAL.sleep(0.01)
            yield report


@asynccontextmanager
async def running(lane: Lane, manager: Manager, witness: Callable[..., None] | None = None) -> AsyncIterator[None]:
    controller = Controller(lane.parts, witness, notifier_for(manager))
    task = asyncio.create_task(controller.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def fed_meanwhile(manager: Manager) -> bool:
    """Whether food comes within the time of many rounds."""
    for _ in range(PAUSES):
        await REAL.sleep(PERIOD_S / 4)
        if manager.fed():
            return True
    return False


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_hears_each_word_on_either_kind_of_socket(tmp_path: Path, abstract: bool) -> None:
    address = f"@egate-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with closing(Manager(address)) as manager:
        notifier = notifier_for(manager)
        notifier.ready("idle")
        notifier.feed("idle, lost: camera\nREADY=0")
        notifier.stopping()
        assert manager.listen() == [
            {"READY": "1", "STATUS": "idle"},
            {"WATCHDOG": "1", "STATUS": "idle, lost: camera READY=0"},
            {"STOPPING": "1", "STATUS": "stopping"},
        ]


@pytest.mark.parametrize(
    ("environment", "period_s"),
    [
        ({"WATCHDOG_USEC": "2000000"}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7"}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "8"}, None),
        ({}, None),
    ],
)
def test_a_period_is_ours_or_nobodys(environment: dict[str, str], period_s: float | None) -> None:
    assert Notifier.from_environment({"NOTIFY_SOCKET": "/n", **environment}, 7).watchdog_s == period_s


@pytest.mark.parametrize("text", ["0", "-1", "9" * 30, "two", "10", "99999999999", "²"])
def test_a_period_that_cannot_be_is_named_and_not_kept(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert Notifier.from_environment({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": text}, 7).watchdog_s is None
    assert "WATCHDOG_USEC" in caplog.text


def test_a_manager_that_is_gone_is_named_once_and_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier(str(tmp_path / "nobody"))
    notifier.ready("idle")
    notifier.feed("idle")
    assert caplog.text.count("takes no messages") == 1
    assert Notifier.from_environment({"NOTIFY_SOCKET": "tcp:1"}, 7).watchdog_s is None
    assert "no address" in caplog.text


def test_no_child_can_speak_for_the_service(monkeypatch: pytest.MonkeyPatch, manager: Manager) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    notifier = own_notifier()
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC"} & set(os.environ)
    assert notifier.watchdog_s == 2.0
    notifier.stopping()
    assert manager.listen()


def test_a_lane_is_ready_after_its_first_round_and_fed_after_each_one(lane: Lane, manager: Manager) -> None:
    """I7: READY comes once and first, food afterwards, STOPPING at the end."""

    async def story() -> None:
        async with running(lane, manager):
            await until(lambda: manager.listen() or len(manager.heard) > 3, "some rounds")
            await until(manager.fed, "one more")

    asyncio.run(story())
    manager.listen()
    words = [next(iter(told)) for told in manager.heard]
    assert words[0] == "READY"
    assert words.count("READY") == 1
    assert words[-1] == "STOPPING"
    assert set(words[1:-1]) == {"WATCHDOG"}
    assert manager.heard[-2]["STATUS"] == "idle"


def test_a_cut_cable_does_not_starve_the_dog(lane: Lane, manager: Manager) -> None:
    """I7: no new start mends a cable; the lane says what is lost and keeps looking."""

    async def story() -> None:
        async with running(lane, manager):
            await until(manager.fed, "a round")
            lane.gate.lost = True
            await until(lambda: manager.fed() and "lost: gate unit" in manager.heard[-1]["STATUS"], "the loss is told")
            assert await fed_meanwhile(manager)

    asyncio.run(story())


def test_a_lane_whose_unit_was_never_there_is_ready_all_the_same(lane: Lane, manager: Manager) -> None:
    """I7: otherwise the manager would start it again and again, and nobody would see the alarm."""

    async def story() -> None:
        lane.gate.lost = True
        async with running(lane, manager):
            await until(manager.fed, "a round")
            assert "lost: gate unit" in manager.heard[-1]["STATUS"]

    asyncio.run(story())


def test_a_driver_that_hangs_starves_the_dog(lane: Lane, manager: Manager) -> None:
    """I7: a loop that still turns is not enough."""

    async def story() -> None:
        lane.parts.gate = gate = SilentGate()
        async with running(lane, manager):
            await until(manager.fed, "a round")
            gate.silent = True
            await REAL.sleep(PERIOD_S)  # what was on its way
            manager.listen()
            assert not await fed_meanwhile(manager)
            gate.silent = False
            await until(manager.fed, "fed again")

    asyncio.run(story())


@contextmanager
def lane_in_a_thread(lane: Lane, manager: Manager, witness: Callable[..., None]) -> Iterator[None]:
    over = threading.Event()

    async def live() -> None:
        async with running(lane, manager, witness):
            while not over.is_set():
                await REAL.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_stuck_loop_starves_the_dog(lane: Lane, manager: Manager) -> None:
    """I7: nothing else in the process feeds it."""
    stick, stuck, go_on = threading.Event(), threading.Event(), threading.Event()

    def witness(event: e.Event, *_: object) -> None:
        if stick.is_set() and isinstance(event, e.GateReported):
            stick.clear()
            stuck.set()
            go_on.wait(20)

    with lane_in_a_thread(lane, manager, witness):
        try:
            asyncio.run(until(manager.fed, "a round"))
            stick.set()
            assert stuck.wait(20)
            manager.listen()
            assert not asyncio.run(fed_meanwhile(manager))
        finally:
            go_on.set()
        asyncio.run(until(manager.fed, "fed again"))
