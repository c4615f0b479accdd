"""A served document answers over the wire as in memory, and leaves nothing behind when it is taken away."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import Coroutine
from datetime import date
from pathlib import Path

import pytest

from drivers.sim.pace import LoopPace
from drivers.sim.passport.signing import SeededEntropy
from egate.app.simulate.making import SimulatedDocument, make_document
from egate.app.simulate.recipe import parse_recipe
from egate.app.simulate.serving import Air, chip_of, run_until_stopped, serve_on_pty, serve_on_vpcd

SELECT = bytes.fromhex("00a4040c07a0000002471001")
READ_ACCESS = bytes.fromhex("00b09c0000")
WITHIN_S = 20


@pytest.fixture
def document() -> SimulatedDocument:
    return make_document(parse_recipe(b"", Path()), date(2026, 11, 24)).document


async def _until_cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_in_a_virtual_reader(document: SimulatedDocument) -> None:
    """The terminal listens, the chip connects; two bytes of length before each message, single bytes are control."""

    async def story() -> None:
        answers: asyncio.Queue[bytes] = asyncio.Queue()

        async def terminal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for message in (b"\x01", SELECT, READ_ACCESS, b"\x02", READ_ACCESS):
                writer.write(len(message).to_bytes(2, "big") + message)
                if len(message) > 1:
                    answers.put_nowait(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
            writer.close()

        server = await asyncio.start_server(terminal, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        said: list[str] = []
        serving = serve_on_vpcd(document, "127.0.0.1", port, SeededEntropy(b"1"), LoopPace(), said.append)
        task = asyncio.get_running_loop().create_task(serving)
        expected = chip_of(document, SeededEntropy(b"1"))
        async with asyncio.timeout(WITHIN_S):
            assert await answers.get() == expected.transceive(SELECT)
            assert (await answers.get())[-2:].hex() == "6a82"  # in the application there is no EF.CardAccess
            expected.reset()
            assert await answers.get() == expected.transceive(READ_ACCESS)
        await _until_cancelled(task)
        server.close()
        assert "Ctrl-C" in said[0]

    asyncio.run(story())


def test_on_a_serial_line(document: SimulatedDocument, tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "reader"
        said: list[str] = []
        serving = serve_on_pty(document, path, SeededEntropy(b"1"), Air(424_000, 0.01), LoopPace(), said.append)
        task = asyncio.get_running_loop().create_task(serving)
        async with asyncio.timeout(WITHIN_S):
            while not said:
                await asyncio.wait({task}, timeout=0.01)
        assert stat.S_ISCHR(path.stat().st_mode)
        await _until_cancelled(task)
        assert not path.is_symlink()

    asyncio.run(story())


def test_serving_ends_when_its_program_ends() -> None:
    ended: list[bool] = []

    async def program() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    def start() -> Coroutine[object, object, None]:
        return program()

    run_until_stopped(start)
    assert ended == [True]
