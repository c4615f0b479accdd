"""The centre's side of the sync: envelopes from the stream into the ledger, receipts back to the lanes.

An envelope is acknowledged to the bus only after the ledger has committed it. Killed in between, the bus delivers it again and
the ledger recognises the repetition. What can never become a record (unreadable, unknown lane, forged) is refused for good.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from egate.hub.ledger import Ledger, Verdict
from egate.ports import Clock
from egate.sync.bus import RECEIPTS_SUBJECT, Bus, BusAddress, Delivery, keep_connected
from egate.sync.messages import encode_receipt

FETCH_ENVELOPES = 16
"""Envelopes taken from the stream at once."""

FETCH_WITHIN_S = 1.0
"""How long one request to the stream waits."""

_LOG = logging.getLogger("egate.hub")
_LOUD = {
    Verdict.FORK: "lane %s offers another record for a number that the ledger holds",
    Verdict.BROKEN: "lane %s offers a record that does not fit its chain",
}


class Ingest:
    """Receives until told to stop. `counts` says how many envelopes got each verdict, `rows` how many records were new."""

    def __init__(self, ledger: Ledger, address: BusAddress, clock: Clock) -> None:
        self.counts: Counter[Verdict] = Counter()
        self.rows = 0
        self._ledger = ledger
        self._address = address
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until `stop`; a lost bus is waited for, a lost stream is made anew."""
        await keep_connected(self._address, "hub", self._clock, stop, self._work)

    async def _work(self, bus: Bus) -> None:
        await bus.open_stream()
        while True:
            bus.refuse_if_lost()
            for delivery in await bus.receive(FETCH_ENVELOPES, FETCH_WITHIN_S):
                await self._take(bus, delivery)

    async def _take(self, bus: Bus, delivery: Delivery) -> None:
        acceptance = self._ledger.accept(delivery.data)
        self._count(acceptance.verdict)
        self.rows += acceptance.new_rows
        if acceptance.receipt is None:
            await delivery.refuse()
            return
        if acceptance.verdict in _LOUD and self.counts[acceptance.verdict] == 1:
            _LOG.error(_LOUD[acceptance.verdict], acceptance.receipt.lane)
        await bus.tell(f"{RECEIPTS_SUBJECT}.{acceptance.receipt.lane}", encode_receipt(acceptance.receipt))
        await delivery.done()

    def _count(self, verdict: Verdict) -> None:
        """One line for the first refusal of a kind; the ledger counts them all."""
        self.counts[verdict] += 1
        if verdict in (Verdict.MALFORMED, Verdict.UNKNOWN_LANE, Verdict.BAD_SIGNATURE) and self.counts[verdict] == 1:
            _LOG.warning("an envelope was refused: %s", verdict.value.replace("_", " "))
