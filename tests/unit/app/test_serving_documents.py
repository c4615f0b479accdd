"""A served document answers over the wire as in memory, and leaves nothing behind when it is taken away."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import stat
import subprocess
import sys
from collections.abc import Coroutine
from datetime import date
from pathlib import Path

import pytest

from drivers.sim.pace import LoopPace
from drivers.sim.passport.signing import SeededEntropy
from drivers.sim.passport.timed import air_s
from drivers.sim.pty import PtyPort, serves_elsewhere
from egate.app.commands import document as command
from egate.app.config import ConfigError
from egate.app.simulate.document_file import encode_document
from egate.app.simulate.making import SimulatedDocument, make_document
from egate.app.simulate.recipe import parse_recipe
from egate.app.simulate.serving import Air, chip_of, run_until_stopped, serve_on_pty, serve_on_vpcd
from egate.model.errors import DeviceError

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
        serving = serve_on_vpcd(document, ("127.0.0.1", port), SeededEntropy(b"1"), None, LoopPace(), said.append)
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


# -- the name of a serial line --------------------------------------------------------------------------------------------


def _made(folder: Path, document: SimulatedDocument) -> Path:
    path = folder / "passport.document"
    path.write_bytes(encode_document(document))
    return path


def _serve(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(["serve", *arguments])


def test_a_name_that_another_process_serves_is_not_taken_from_it(document: SimulatedDocument, tmp_path: Path) -> None:
    """Refused while the other lives, and its name stays; taken when it was killed, although its link is still there."""
    made, path = _made(tmp_path, document), tmp_path / "reader"
    program = "import sys; from egate.app.cli import main; sys.exit(main(sys.argv[1:]))"
    first = subprocess.Popen(
        [sys.executable, "-c", program, "document", "serve", str(made), "--pty", str(path)], stdout=subprocess.PIPE
    )
    assert first.stdout is not None
    with first:
        assert b"lies on a PN532" in first.stdout.readline()
        link = path.readlink()
        with pytest.raises(ConfigError, match="another process serves on it"):
            command.run(_serve(str(made), "--pty", str(path)))
        with pytest.raises(DeviceError, match="another process serves on it"):
            PtyPort(path, LoopPace()).plug()
        assert path.readlink() == link
        first.kill()
    assert path.is_symlink()
    assert not serves_elsewhere(path)


def test_a_port_that_lost_its_name_leaves_the_other_ones_alone(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "reader"
        first, second = PtyPort(path, LoopPace()), PtyPort(path, LoopPace())
        first.plug()
        second.plug()  # of the same process: the later one is meant
        link = path.readlink()
        first.unplug()
        assert path.readlink() == link
        second.unplug()
        assert not path.is_symlink()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("name", "problem"), [("no/where/reader", "there is no folder"), ("file", "there is a file of this name")]
)
def test_where_no_line_can_be_is_said(document: SimulatedDocument, tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match=problem):
        command.run(_serve(str(_made(tmp_path, document)), "--pty", str(tmp_path / name)))
    assert not (tmp_path / "no").exists()


# -- time in the air ------------------------------------------------------------------------------------------------------


class CountedPace(LoopPace):
    """A clock that notes what it was asked to wait for, and waits no longer than a moment."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await super().sleep(0)


@pytest.mark.parametrize("air", [None, Air(106_000, 0.5)])
def test_a_virtual_reader_has_the_air_that_was_asked_for(document: SimulatedDocument, air: Air | None) -> None:
    """READ_ACCESS and its answer at 106 kbit/s, and the half second that the chip thinks; nothing where nothing was asked."""

    async def story() -> None:
        sizes: asyncio.Queue[int] = asyncio.Queue()

        async def terminal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for message in (b"\x01", READ_ACCESS):
                writer.write(len(message).to_bytes(2, "big") + message)
            sizes.put_nowait(len(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))))
            writer.close()

        server = await asyncio.start_server(terminal, "127.0.0.1", 0)
        place = ("127.0.0.1", server.sockets[0].getsockname()[1])
        pace = CountedPace()
        serving = serve_on_vpcd(document, place, SeededEntropy(b"1"), air, pace, lambda _text: None)
        task = asyncio.get_running_loop().create_task(serving)
        async with asyncio.timeout(WITHIN_S):
            size = await sizes.get()
        await _until_cancelled(task)
        server.close()
        spent = [] if air is None else [0.5 + air_s(len(READ_ACCESS), 106_000) + air_s(size, 106_000)]
        assert pace.waited[:1] == spent

    asyncio.run(story())


def test_only_what_was_asked_for_slows_a_virtual_reader_down() -> None:
    place = ("passport.document", "--vpcd", "127.0.0.1:35963")
    assert command._air(_serve(*place)) is None
    assert command._air(_serve(*place, "--speed", "106")) == Air(106_000, 0.01)
    assert command._air(_serve(*place, "--delay-ms", "0")) == Air(424_000, 0.0)
    with pytest.raises(ConfigError, match="--delay-ms is from 0"):
        command._air(_serve(*place, "--delay-ms", "-1"))
