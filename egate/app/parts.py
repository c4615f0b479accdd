"""Everything one lane is made of, put together in one place and named in one value.

`egate.app.wiring` fills it from the configuration; the controller uses it and closes it.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.app.config import LaneConfig
from egate.app.face_client import FaceClient
from egate.app.recording import finding_text
from egate.checks.catalogue import finding
from egate.ipc.messages import ReceiptArrived
from egate.lane.settings import LaneSettings
from egate.model.checks import CheckName, Outcome, Profile
from egate.model.crossing import Committed, LogRecord, Receipt
from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.model.lane import Door
from egate.mrtd.terminal_auth import TerminalCredentials
from egate.pki.trust_store import TrustStore
from egate.ports import ChipReader, Clock, GateUnit, MrzReader
from egate.storage.log import LaneLog
from egate.storage.vault import CentrePublicKey
from egate.supply.store import Supplied
from egate.sync.messages import verify_receipt
from egate.sync.receipt_file import load_receipt, receipt_path
from egate.watchlist.lists import Watchlists

MOST_WAITING = 100
"""Records kept in memory while the disk fails; the lane admits nobody meanwhile, so a passage's few are all there can be."""

NOT_RECORDED = finding_text(finding(CheckName.LANE_HEALTH, "not_recorded"))
"""Why an admission whose record failed became a referral."""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Parts:
    """The parts of one lane. The log is opened by the controller, in the one thread that uses it."""

    config: LaneConfig
    clock: Clock
    settings: LaneSettings
    profile: Profile
    trust: TrustStore
    lists: Watchlists
    mrz: MrzReader
    chip: ChipReader
    gate: GateUnit
    face: FaceClient
    officers: Mapping[str, Ed25519PublicKey]
    receipt_key: Ed25519PublicKey
    sealing_key: CentrePublicKey
    boot_id: str
    versions: tuple[tuple[str, str], ...]
    supplied: Supplied | None = None
    """Where the trust store came from; `egate.supply.expiry.stale_soon` tells from it what becomes stale."""
    terminal: tuple[TerminalCredentials, ...] = field(default=(), repr=False)
    """What proves to chips that this lane may read fingerprints, one for each State."""
    entropy: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)
    """Unpredictable bytes for transactions and chip sessions; a simulated shift draws them from its seed."""
    token: MrzReader | None = None
    """Segregated lanes: what reads a document again at the gate."""
    log_or_none: LaneLog | None = None
    depth: int = field(default=0)
    waiting: list[LogRecord] = field(default_factory=list, repr=False)

    @property
    def all_versions(self) -> tuple[tuple[str, str], ...]:
        """What decides now: program, profile, lists, and the engines of the worker that runs (G2)."""
        return (*self.versions, *self.face.versions)

    @property
    def log(self) -> LaneLog:
        """The lane's log; raises DeviceError before it is open."""
        if self.log_or_none is None:
            raise DeviceError("recording", "the lane's log is not open")
        return self.log_or_none

    @property
    def log_is_open(self) -> bool:
        """Whether `open_log` succeeded."""
        return self.log_or_none is not None

    def open_log(self) -> None:
        """Open the lane's log as its only writer, and take a receipt that waits beside it; raises DeviceError."""
        self.log_or_none = LaneLog.open(self.config.database, self.config.name, self.sealing_key, self.clock, self.boot_id)
        self.depth = self.log.outbox.depth()
        try:
            waiting = load_receipt(receipt_path(self.config.database))
            if waiting is not None and waiting.lane == self.config.name:
                self._settle(waiting)
        except (MalformedData, TrustError, DeviceError) as error:
            _LOG.warning("the receipt beside the log was refused: %s", error.problem)

    def append(self, record: LogRecord) -> Committed:
        """Append a record after those that wait; it is durable when this returns. Raises DeviceError.

        None overtakes another, so an officer's act never stands in the log before the passage that it is about.
        """
        self._append_waiting()
        return self._append(record)

    def _append_waiting(self) -> None:
        while self.waiting:
            self._append(self.waiting[0])
            del self.waiting[0]

    def _append(self, record: LogRecord) -> Committed:
        committed = self.log.append(record)
        self.depth = self.log.outbox.depth()
        return committed

    def keep_for_later(self, record: LogRecord) -> None:
        """Keep a record that could not be written. An admission that was not recorded did not take place: it was referred."""
        if record.outcome == Outcome.ADMIT.value:
            record = replace(record, outcome=Outcome.REFER.value, because=(*record.because, NOT_RECORDED))
        self.waiting.append(record)
        if len(self.waiting) > MOST_WAITING:
            _LOG.error("a record was lost: the disk has failed for more than %d records", MOST_WAITING)
            del self.waiting[0]

    def catch_up(self) -> bool:
        """Write what waits, and say whether the next passage can be recorded; never raises."""
        return self.log.may_admit() and self.write_waiting()

    def write_waiting(self) -> bool:
        """Write what waits, oldest first; whether nothing waits any more. Never raises."""
        try:
            self._append_waiting()
        except DeviceError:
            return False
        return True

    def take_receipt(self, message: ReceiptArrived) -> int:
        """Verify the centre's receipt and prune the outbox; returns how many rows it settled. Raises TrustError."""
        try:
            signature, header_hash = bytes.fromhex(message.signature), bytes.fromhex(message.header_hash)
        except ValueError:
            raise MalformedData("taking a receipt", "its hash or signature is not hexadecimal") from None
        if message.lane != self.config.name:
            raise TrustError("taking a receipt", "it is for another lane")
        receipt = Receipt(message.lane, message.sequence, header_hash, message.signed_at_ns, signature)
        return self._settle(receipt)

    def _settle(self, receipt: Receipt) -> int:
        verify_receipt(receipt, self.receipt_key)
        settled = self.log.outbox.prune(receipt)
        self.depth = self.log.outbox.depth()
        return settled

    async def close_devices(self, last_command: int) -> None:
        """Lock both doors where the unit still listens, then release every device and the worker."""
        for step, door in enumerate(Door, 1):
            with contextlib.suppress(DeviceError, TimeoutError):
                await self.gate.lock(door, last_command + step)
        await self.gate.close()
        await self.close_reading_devices()

    async def close_reading_devices(self) -> None:
        """Release the document readers and the worker."""
        for device in (self.mrz, self.chip, self.token):
            if device is not None:
                await device.close()
        await self.face.close()
