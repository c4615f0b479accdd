"""What the steps of the self-test work with: the lane's file, the machine, the technician, and the devices while they are open.

Devices are made by the same factories as in a running lane, so what is tested is what will run. Whatever is opened is closed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from egate.app.commissioning.asking import Technician
from egate.app.commissioning.findings import Finding
from egate.app.commissioning.gate_stand import GateStand
from egate.app.config import LaneConfig
from egate.app.devices.holders import Account
from egate.app.devices.places import Machine
from egate.ports import Clock
from egate.storage.database import free_bytes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine as the steps see it; a test has its own."""

    machine: Machine = field(default_factory=Machine)
    account: Account = field(default_factory=Account.current)
    rules: tuple[Path, ...] = (Path("/etc/udev/rules.d"), Path("/run/udev/rules.d"), Path("/usr/lib/udev/rules.d"))
    free_bytes: Callable[[Path], int] = free_bytes
    own: int = field(default_factory=os.getpid)


@dataclass(slots=True)
class Bench:
    """One run of the self-test."""

    file: Path
    text: str
    config: LaneConfig
    clock: Clock
    technician: Technician
    here: Surroundings = field(default_factory=Surroundings)
    identities: dict[str, str] = field(default_factory=dict)
    gate: GateStand | None = None
    unusable: set[str] = field(default_factory=set)
    """Devices whose port cannot be opened; their steps are left out."""

    @property
    def today(self) -> date:
        """By the machine's clock, which may be wrong."""
        return datetime.fromtimestamp(self.clock.wall_ns() / 1e9, UTC).date()

    async def close(self) -> None:
        """Release every device; never raises."""
        gate, self.gate = self.gate, None
        if gate is not None:
            await gate.close()


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in reports, its title, what is tested in one sentence, and the work."""

    key: str
    title: str
    words: str
    work: Callable[[Bench], Coroutine[object, object, list[Finding]]]
