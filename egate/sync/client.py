"""The lane's side of the sync: carries out what the session commands, over the bus.

The log is opened read-only; what this process knows that lasts is nothing. Receipts are verified here (lane, signature) before
they count, and again by the process that owns the log before it prunes anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.model.crossing import Receipt
from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.ports import Clock
from egate.storage.keystore.secrets import SigningKey
from egate.storage.outbox import Outbox
from egate.sync.bus import RECEIPTS_SUBJECT, ROWS_SUBJECT, Bus, BusAddress, first_of, keep_connected
from egate.sync.messages import (
    ENVELOPE_BYTES,
    ENVELOPE_ROWS,
    encode_envelope,
    parse_receipt,
    sign_envelope,
    verify_receipt,
)
from egate.sync.session import (
    CentreIsAhead,
    Command,
    Connected,
    Disconnected,
    Event,
    HandOver,
    NotSent,
    ReceiptArrived,
    RowsSeen,
    SendRows,
    Sent,
    SyncState,
    Tick,
    step,
)

LOOK_EVERY_S = 0.1
"""How often the log is asked for new records and the session for its patience."""

HAND_OVER_EVERY_S = 3.0
"""How often a receipt is handed over again that the log does not show yet."""

_LOG = logging.getLogger("egate.sync")


@dataclass(frozen=True, slots=True)
class LaneIdentity:
    """Who a lane is to the centre, and whom it believes: its name, its signing key, the centre's receipt key."""

    lane: str
    lane_key: SigningKey = field(repr=False)
    hub_key: Ed25519PublicKey = field(repr=False)


@dataclass(slots=True)
class SyncCounts:
    """What happened since the start: envelopes the bus took, receipts that counted, receipts that were refused."""

    envelopes: int = 0
    receipts: int = 0
    refused: int = 0


class _Receipts:
    """The newest receipt that has not been looked at; an older one says nothing that it does not say."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self._newest: Receipt | None = None

    def put(self, receipt: Receipt) -> None:
        if self._newest is None or receipt.signed_at_ns > self._newest.signed_at_ns:
            self._newest = receipt
        self.arrived.set()

    def take(self) -> Receipt | None:
        newest, self._newest = self._newest, None
        self.arrived.clear()
        return newest


class SyncClient:
    """Sends a lane's records until told to stop.

    `hand_over` gives a receipt to the process that owns the log and raises DeviceError when it cannot. It is called again
    until the log shows that receipt or a newer one, so neither side has to remember what the other may have missed.
    """

    def __init__(
        self,
        identity: LaneIdentity,
        outbox: Outbox,
        address: BusAddress,
        clock: Clock,
        hand_over: Callable[[Receipt], Awaitable[None]],
    ) -> None:
        self.counts = SyncCounts()
        self._identity = identity
        self._outbox = outbox
        self._address = address
        self._clock = clock
        self._hand_over = hand_over
        self._ahead_reported = False
        self._undelivered: Receipt | None = None
        self._handed_over_s = 0.0
        self._hand_over_failed = False
        self._run = clock.wall_ns()
        newest = outbox.newest_receipt()
        self._state = SyncState() if newest is None else SyncState(held=newest.sequence, held_at_ns=newest.signed_at_ns)
        self._state, _ = step(self._state, RowsSeen(outbox.last_sequence()))

    async def run(self, stop: asyncio.Event) -> None:
        """Send and receive until `stop`; a lost bus is waited for."""
        await keep_connected(self._address, "sync", self._clock, stop, self._work)

    async def _work(self, bus: Bus) -> None:
        receipts = _Receipts()
        await bus.listen(f"{RECEIPTS_SUBJECT}.{self._identity.lane}", lambda data: self._receive(data, receipts))
        try:
            await self._react(bus, Connected(self._clock.monotonic()))
            while True:
                bus.refuse_if_lost()
                await self._react(bus, RowsSeen(self._outbox.last_sequence()))
                await first_of(self._clock.sleep(LOOK_EVERY_S), receipts.arrived.wait())
                newest = receipts.take()
                if newest is not None:
                    await self._react(bus, ReceiptArrived(newest, self._clock.monotonic()))
                await self._react(bus, Tick(self._clock.monotonic()))
                await self._deliver()
        finally:
            self._state, _ = step(self._state, Disconnected())

    def _receive(self, data: bytes, receipts: _Receipts) -> None:
        """A receipt from outside counts only when it is for this lane and the centre signed it."""
        try:
            receipt = parse_receipt(data)
            verify_receipt(receipt, self._identity.hub_key)
        except (MalformedData, TrustError) as error:
            self._refuse(error.problem)
            return
        if receipt.lane != self._identity.lane:
            self._refuse("it is for another lane")
        else:
            receipts.put(receipt)

    def _refuse(self, problem: str) -> None:
        """One line for the first; whoever floods us with forged receipts must not fill the disk with our words."""
        self.counts.refused += 1
        if self.counts.refused == 1:
            _LOG.warning("a receipt was refused: %s", problem)

    async def _react(self, bus: Bus, event: Event) -> None:
        """One event and everything that follows from it. The newest event is answered before its commands' own events."""
        self._state, commands = step(self._state, event)
        waiting = list(commands)
        while waiting:
            follow_up = await self._carry_out(bus, waiting.pop(0))
            if follow_up is not None:
                self._state, more = step(self._state, follow_up)
                waiting.extend(more)

    async def _carry_out(self, bus: Bus, command: Command) -> Event | None:
        match command:
            case SendRows(after, attempt):
                return await self._send(bus, after, attempt)
            case HandOver(receipt):
                self.counts.receipts += 1
                self._undelivered, self._handed_over_s = receipt, self._clock.monotonic() - HAND_OVER_EVERY_S
            case CentreIsAhead(sequence):
                self._report_ahead(sequence)
        return None

    async def _send(self, bus: Bus, after: int, attempt: int) -> Event:
        rows = self._outbox.rows_after(after, ENVELOPE_ROWS, ENVELOPE_BYTES)
        if not rows:
            return NotSent(self._clock.monotonic())
        pairs = tuple((row.header, row.sealed or b"") for row in rows)
        identifier = f"{self._identity.lane}.{self._run}.{attempt}.{rows[0].sequence}"
        try:
            envelope = sign_envelope(self._identity.lane, rows[0].sequence, pairs, self._identity.lane_key)
            await bus.send(f"{ROWS_SUBJECT}.{self._identity.lane}", encode_envelope(envelope), identifier)
        except DeviceError as error:
            _LOG.info("an envelope was not taken: %s", error.problem)
            return NotSent(self._clock.monotonic())
        self.counts.envelopes += 1
        return Sent(rows[-1].sequence, attempt, self._clock.monotonic())

    async def _deliver(self) -> None:
        """Hand the newest receipt over, and again from time to time until the log shows it."""
        receipt, now_s = self._undelivered, self._clock.monotonic()
        if receipt is None or now_s - self._handed_over_s < HAND_OVER_EVERY_S:
            return
        known = self._outbox.newest_receipt()
        if known is not None and known.signed_at_ns >= receipt.signed_at_ns:
            self._undelivered = None
            return
        self._handed_over_s = now_s
        try:
            await self._hand_over(receipt)
        except DeviceError as error:
            if not self._hand_over_failed:
                _LOG.warning("a receipt could not be handed over, trying on: %s", error)
            self._hand_over_failed = True
        else:
            self._hand_over_failed = False

    def _report_ahead(self, sequence: int) -> None:
        if not self._ahead_reported:
            self._ahead_reported = True
            _LOG.error("the centre holds record %d, which this log does not have: the log was rolled back or replaced", sequence)
