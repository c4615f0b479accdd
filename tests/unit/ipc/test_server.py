"""The message server: roles, snapshots, hostile and slow clients, one living controller a socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from egate.ipc.client import MessageClient
from egate.ipc.codec import MAX_WISH_LINE_BYTES, encode_line
from egate.ipc.messages import (
    HEARTBEAT_S,
    CasePictures,
    CasePicturesWished,
    Heartbeat,
    Hello,
    LaneView,
    LanguageWished,
    Message,
    PassageEvent,
    ReceiptArrived,
    Role,
    TravellerHelpWished,
    TravellerStep,
    TravellerView,
    Welcome,
    WishAnswer,
)
from egate.ipc.server import HELLO_WITHIN_S, MAX_BACKLOG, MAX_CLIENTS, Client, MessageServer
from egate.model.errors import DeviceError, TrustError
from tests.unit.ipc.hand_clock import HandClock
from tests.unit.ipc.samples import LANE, WISH

WELCOME = Welcome("lane-3", 3, "")
GO = TravellerView(1, 1, TravellerStep.GO)
EVENT = PassageEvent(1, "phase", "capture", "", 1200)
PICTURES = CasePictures(12, "cmVm", "cHJv")


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(story(), 20)

    asyncio.run(limited())


class Heard:
    """What reached the controller, and what it answers."""

    def __init__(self, answer: Message | None = None, error: TrustError | None = None) -> None:
        self.messages: list[tuple[Role, Message]] = []
        self._answer = answer
        self._error = error
        self.arrived = asyncio.Event()

    async def __call__(self, client: Client, message: Message) -> Message | None:
        self.messages.append((client.role, message))
        self.arrived.set()
        if self._error is not None:
            raise self._error
        return self._answer


@contextlib.asynccontextmanager
async def serving(path: Path, heard: Heard | None = None) -> AsyncIterator[tuple[MessageServer, HandClock]]:
    clock = HandClock()
    server = MessageServer(path, clock, welcome=WELCOME, on_message=heard or Heard())
    await server.start()
    try:
        yield server, clock
    finally:
        await server.close()


async def take(client: MessageClient, kind: type) -> Message:
    """The next message of a kind; others are passed over."""
    async for message in client.messages():
        if isinstance(message, kind):
            return message
    raise AssertionError("the connection ended")


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so; the test's own limit ends it otherwise."""
    while not condition():
        turn = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.002, turn.set_result, None)
        await turn


def test_a_late_screen_gets_the_newest_view(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s") as (server, clock):
            server.publish(TravellerView(1, 1, TravellerStep.PLACE_DOCUMENT))
            server.publish(GO)
            async with MessageClient(tmp_path / "s", clock, Role.KIOSK, "k") as kiosk:
                assert kiosk.welcome == WELCOME
                assert await take(kiosk, TravellerView) == GO

    run(story)


def test_the_socket_is_for_its_owner_only_and_leaves_no_file(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s"):
            assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == []

    run(story)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.KIOSK, {TravellerView}),
        (Role.GUARD, {LaneView, CasePictures, WishAnswer}),
        (Role.OBSERVER, {TravellerView, LaneView, PassageEvent, WishAnswer, ReceiptArrived}),
        (Role.SYNC, set()),
    ],
)
def test_a_role_receives_its_own_messages_only(tmp_path: Path, role: Role, expected: set[type]) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s") as (server, clock), MessageClient(tmp_path / "s", clock, role, "x") as client:
            await until(lambda: server.roles == (role,))
            for message in (GO, LANE, EVENT, PICTURES, WishAnswer(taken=True), ReceiptArrived("lane-3", 1, "", 1, "")):
                server.publish(message)
            server.publish(Heartbeat(99))
            seen: set[type] = set()
            async for received in client.messages():
                if received == Heartbeat(99):
                    break
                seen.add(type(received))
            assert seen - {Heartbeat} == expected

    run(story)


def test_the_kiosk_wishes_a_language(tmp_path: Path) -> None:
    async def story() -> None:
        heard = Heard()
        async with serving(tmp_path / "s", heard) as (_, clock), MessageClient(tmp_path / "s", clock, Role.KIOSK, "k") as kiosk:
            await kiosk.send(LanguageWished("ar"))
            await kiosk.send(TravellerHelpWished())
            await until(lambda: len(heard.messages) == 2)
        assert heard.messages == [(Role.KIOSK, LanguageWished("ar")), (Role.KIOSK, TravellerHelpWished())]

    run(story)


def test_an_answer_goes_to_the_client_that_asked(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "s"
        async with (
            serving(path, Heard(PICTURES)) as (server, clock),
            MessageClient(path, clock, Role.GUARD, "a") as asking,
            MessageClient(path, clock, Role.GUARD, "b") as other,
        ):
            await asking.send(CasePicturesWished(12))
            assert await take(asking, CasePictures) == PICTURES
            server.publish(LANE)
            await until(lambda: len(server.roles) == 2)
            server.publish(LANE)
            seen = []
            async for message in other.messages():
                seen.append(message)
                if isinstance(message, LaneView):
                    break
            assert PICTURES not in seen

    run(story)


def test_a_wish_that_raises_is_answered_not_taken(tmp_path: Path) -> None:
    async def story() -> None:
        heard = Heard(error=TrustError("verify", "wrong_counter"))
        async with serving(tmp_path / "s", heard) as (_, clock), MessageClient(tmp_path / "s", clock, Role.GUARD, "g") as guard:
            await guard.send(WISH)
            assert await take(guard, WishAnswer) == WishAnswer(taken=False, code="wrong_counter")

    run(story)


HELLO_KIOSK = encode_line(Hello(Role.KIOSK, "k"))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 64 + b"\n",
        encode_line(LanguageWished("en")),
        HELLO_KIOSK + b"{}\n",
        HELLO_KIOSK + encode_line(WISH),
        HELLO_KIOSK + encode_line(CasePicturesWished(12)),
        HELLO_KIOSK + encode_line(GO),
        HELLO_KIOSK + HELLO_KIOSK,
        HELLO_KIOSK + b"x" * (MAX_WISH_LINE_BYTES * 4),
        HELLO_KIOSK + encode_line(LanguageWished("x" * MAX_WISH_LINE_BYTES)),
    ],
)
def test_a_client_that_breaks_the_form_is_cut_off_and_others_go_on(tmp_path: Path, data: bytes) -> None:
    async def story() -> None:
        heard = Heard()
        path = tmp_path / "s"
        async with serving(path, heard) as (server, clock), MessageClient(path, clock, Role.KIOSK, "good") as good:
            await until(lambda: len(server.roles) == 1)
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(data)
            with contextlib.suppress(ConnectionError):
                await reader.read()  # the end of the stream: we were cut off
            assert heard.messages == []
            server.publish(GO)
            assert await take(good, TravellerView) == GO
            writer.close()

    run(story)


def test_a_client_that_says_nothing_is_cut_off(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s") as (_, clock):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            ended = asyncio.ensure_future(reader.read())
            await until(lambda: bool(clock._sleepers[1:]))
            clock.advance(HELLO_WITHIN_S)
            with contextlib.suppress(ConnectionError):
                assert await ended == b""
            writer.close()

    run(story)


def test_more_clients_than_a_lane_has_are_turned_away(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s") as (server, clock), contextlib.AsyncExitStack() as stack:
            for index in range(MAX_CLIENTS):
                client = MessageClient(tmp_path / "s", clock, Role.KIOSK, str(index))
                await stack.enter_async_context(client)
            await until(lambda: len(server.roles) == MAX_CLIENTS)
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()

    run(story)


def test_connections_without_a_word_count_too(tmp_path: Path) -> None:
    """Six hundred of them took six hundred descriptors from the process that has to reopen devices and its log."""

    async def story() -> None:
        async with serving(tmp_path / "s") as (server, clock), contextlib.AsyncExitStack() as stack:
            silent = [await asyncio.open_unix_connection(str(tmp_path / "s")) for _ in range(3 * MAX_CLIENTS)]
            for _reader, writer in silent:
                stack.callback(writer.close)
            cut_off = [asyncio.ensure_future(_ended(reader)) for reader, _writer in silent]
            await until(lambda: sum(task.done() for task in cut_off) == 2 * MAX_CLIENTS)
            clock.advance(HELLO_WITHIN_S)
            await asyncio.gather(*cut_off)
            async with MessageClient(tmp_path / "s", clock, Role.GUARD, "g"):
                await until(lambda: server.roles == (Role.GUARD,))

    run(story)


async def _ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        await reader.read()


def test_a_slow_client_never_delays_and_gets_the_newest_view(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s") as (server, clock), MessageClient(tmp_path / "s", clock, Role.KIOSK, "k") as kiosk:
            await until(lambda: len(server.roles) == 1)
            for revision in range(20_000):  # nobody reads, nothing blocks
                server.publish(TravellerView(revision, 1, TravellerStep.LOOK_AT_CAMERA))
            last = TravellerView(20_000, 1, TravellerStep.GO)
            server.publish(last)
            received = 0
            async for message in kiosk.messages():
                received += 1
                if message == last:
                    break
            assert received < 5_000

    run(story)


def test_an_observer_that_stopped_reading_is_cut_off(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s") as (server, clock), MessageClient(tmp_path / "s", clock, Role.OBSERVER, "o"):
            await until(lambda: len(server.roles) == 1)
            for _ in range(MAX_BACKLOG + 2):
                server.publish(EVENT)
            await until(lambda: server.roles == ())

    run(story)


def test_heartbeats_follow_the_clock(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s") as (server, clock), MessageClient(tmp_path / "s", clock, Role.SYNC, "s") as client:
            await until(lambda: len(server.roles) == 1)
            clock.advance(HEARTBEAT_S)
            assert await take(client, Heartbeat) == Heartbeat(1)
            clock.advance(HEARTBEAT_S)
            assert await take(client, Heartbeat) == Heartbeat(2)

    run(story)


def test_a_second_controller_is_told_that_another_runs(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s"):
            second = MessageServer(tmp_path / "s", HandClock(), welcome=WELCOME)
            with pytest.raises(DeviceError, match="another controller runs"):
                await second.start()
            await second.close()
            assert (tmp_path / "s").exists()

    run(story)


def test_the_file_of_a_killed_controller_is_replaced(tmp_path: Path) -> None:
    program = (
        "import sys, signal, pathlib\n"
        "from egate.ipc.place import SocketPlace\n"
        "s = SocketPlace(pathlib.Path(sys.argv[1])).claim()\n"
        "print('up', flush=True)\n"
        "signal.pause()\n"
    )
    path = tmp_path / "s"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"up\n"
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert path.exists()

    async def story() -> None:
        async with serving(path) as (_, clock), MessageClient(path, clock, Role.KIOSK, "k") as kiosk:
            assert kiosk.welcome == WELCOME

    run(story)


def test_a_file_that_is_no_socket_is_kept_and_named(tmp_path: Path) -> None:
    """I14: a path that was mistyped in the lane's file may be the lane's log; it is not removed to make room."""
    log = tmp_path / "lane.db"
    log.write_bytes(b"every crossing")

    async def story() -> None:
        server = MessageServer(log, HandClock(), welcome=WELCOME)
        with pytest.raises(DeviceError, match="choose another path"):
            await server.start()
        await server.close()

    run(story)
    assert log.read_bytes() == b"every crossing"
    assert [path.name for path in tmp_path.iterdir()] == ["lane.db"]


def test_a_path_too_long_or_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    async def story() -> None:
        for path in (tmp_path / ("x" * 120), tmp_path / "absent" / "s"):
            with pytest.raises(DeviceError, match="message socket"):
                await MessageServer(path, HandClock(), welcome=WELCOME).start()

    run(story)


def test_a_client_without_a_controller_says_so_in_time(tmp_path: Path) -> None:
    async def story() -> None:
        clock = HandClock()
        waiting = asyncio.ensure_future(MessageClient(tmp_path / "s", clock, Role.SYNC, "s").connect(within_s=1.0))
        while not waiting.done():
            await until(lambda: bool(clock._sleepers) or waiting.done())
            clock.advance(0.3)
        with pytest.raises(DeviceError, match="no controller listens"):
            await waiting

    run(story)


def test_the_end_of_the_controller_ends_the_messages(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "s") as (server, clock):
            client = MessageClient(tmp_path / "s", clock, Role.KIOSK, "k")
            await client.connect()
            await server.close()
            assert all([isinstance(message, Heartbeat) async for message in client.messages()])
            await client.close()
            with pytest.raises(DeviceError, match="not connected"):
                await client.send(TravellerHelpWished())

    run(story)
