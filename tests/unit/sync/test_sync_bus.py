"""How calls of the bus library end for us: with a value or a DeviceError, whatever the library does to whoever called it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from nats.errors import ConnectionClosedError
from nats.errors import TimeoutError as NatsTimeoutError

from egate.model.errors import DeviceError
from egate.sync import bus as bus_module
from egate.sync.bus import Bus, BusAddress, _NothingCame, _settled, first_of, keep_connected
from tests.record_lane import ToldClock


async def _raise(error: BaseException) -> None:
    raise error


async def _cancel_the_caller() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.Event().wait()


async def _hang() -> None:
    await asyncio.Event().wait()


def _end_of(call: Callable[[], Awaitable[None]]) -> BaseException | None:
    async def story() -> None:
        await _settled(call(), 0.05)

    try:
        asyncio.run(story())
    except Exception as error:
        return error
    return None


def test_both_kinds_of_time_out_mean_that_nothing_came() -> None:
    for error in (NatsTimeoutError(), TimeoutError()):
        assert isinstance(_end_of(lambda error=error: _raise(error)), _NothingCame)  # type: ignore[misc]  # bound now


def test_errors_of_library_and_system_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "CLOSE_WITHIN_S", 0.05)
    calls: list[tuple[Callable[[], Awaitable[None]], str]] = [
        (lambda: _raise(ConnectionClosedError()), "connection closed"),
        (lambda: _raise(OSError(111, "refused")), "refused"),
        (lambda: _raise(asyncio.CancelledError()), "gave up"),
        (_cancel_the_caller, "gave up"),
        (_hang, "no answer in time"),
    ]
    for call, words in calls:
        error = _end_of(call)
        assert isinstance(error, DeviceError)
        assert words in str(error)


def test_a_mistake_of_ours_is_no_device_error() -> None:
    assert isinstance(_end_of(lambda: _raise(KeyError("x"))), KeyError)


def test_the_first_to_end_ends_the_others_and_errors_come_out() -> None:
    ended: list[str] = []

    async def wait_for_ever() -> None:
        try:
            await _hang()
        finally:
            ended.append("cancelled")

    async def story() -> None:
        await first_of(wait_for_ever(), asyncio.sleep(0))  # noqa: TID251  # only a turn of the loop
        with pytest.raises(KeyError):
            await first_of(wait_for_ever(), _raise(KeyError("x")))

    asyncio.run(story())
    assert ended == ["cancelled", "cancelled"]


def test_a_task_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "CLOSE_WITHIN_S", 0.01)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await _hang()
            except asyncio.CancelledError:
                swallowed += 1

    asyncio.run(first_of(stubborn(), asyncio.sleep(0)))  # noqa: TID251  # only a turn of the loop
    assert swallowed == 3


def test_a_lost_connection_is_noticed_without_a_callback() -> None:
    with pytest.raises(DeviceError, match="connection ended"):
        Bus(BusAddress("nats://127.0.0.1:1"), "test").refuse_if_lost()


def test_trouble_that_is_not_the_bus_is_not_blamed_on_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub whose disk is full says so; the token never shows."""
    attempts = 0

    async def opened(_: Bus) -> None:
        nonlocal attempts
        attempts += 1

    monkeypatch.setattr(Bus, "open", opened)

    async def story() -> None:
        stop = asyncio.Event()

        async def work(_: Bus) -> None:
            if attempts == 3:
                stop.set()
            raise DeviceError("writing ledger.db", "database or disk is full")

        await keep_connected(BusAddress("nats://secret@127.0.0.1:4222", "secret"), "hub", ToldClock(), stop, work)

    asyncio.run(story())
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "interrupted: writing ledger.db: database or disk is full; trying until it works again"
    assert "secret" not in "".join(said) + repr(BusAddress("nats://secret@h:1", "secret"))
