"""What the tests of the record share: a clock that is told the time, keys made once, records that look like crossings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from egate.model.crossing import LogRecord, RecordKind, StageTime
from egate.storage.log import LaneLog
from egate.storage.vault import CentrePrivateKey

LANE = "UTO-A1"
CANARY = b"ERIKSSON<<ANNA<MARIA"
"""Personal data of the specimen in Doc 9303; must never be found in the clear."""


@dataclass(slots=True)
class ToldClock:
    """A clock that goes on by a millisecond with each question, and only yields when asked to sleep."""

    now_ns: int = 1_800_000_000_000_000_000
    _start_ns: int = field(default=1_800_000_000_000_000_000)

    def monotonic(self) -> float:
        self.now_ns += 1_000_000
        return (self.now_ns - self._start_ns) / 1e9

    def wall_ns(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)


def sealing_key(hybrid: bool = True) -> CentrePrivateKey:
    return _sealing_key(hybrid)


@cache
def _sealing_key(hybrid: bool) -> CentrePrivateKey:
    return CentrePrivateKey(X25519PrivateKey.generate(), MLKEM768PrivateKey.generate() if hybrid else None)


@cache
def signing_key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\0"))


def crossing(number: int = 1, personal: bytes = b"\xa1\x63mrz" + b"\x74" + CANARY) -> LogRecord:
    return LogRecord(
        kind=RecordKind.CROSSING,
        transaction=f"t-{number}",
        outcome="ADMIT" if number % 3 else "REFER",
        because=() if number % 3 else ("face_match:failed:below_threshold",),
        checks=("mrz_check_digits:successful:", "chip_genuine:not supported:no_key"),
        stages=(StageTime("document", 0), StageTime("decision", 2100), StageTime("exit_open", 5200 + number)),
        versions=(("egate", "0.1.0"), ("profile", "utopia 1")),
        personal=personal,
    )


def open_log(path: Path, lane: str = LANE, clock: ToldClock | None = None, hybrid: bool = True) -> LaneLog:
    log = LaneLog.open(path, lane, sealing_key(hybrid).public_key(), clock or ToldClock(), "boot-1")
    log.reserve(0)
    return log
