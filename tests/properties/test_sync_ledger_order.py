"""Envelopes in any order, cut anywhere, any number of times: the ledger ends with every record once (goal 8)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.hub.lanes import LaneRegister
from egate.hub.ledger import Ledger, Verdict
from egate.hub.query import LedgerReader
from egate.model.crossing import Receipt
from egate.sync.messages import encode_envelope, sign_envelope
from tests.record_lane import LANE, ToldClock, crossing, open_log, signing_key

ROWS = 24


@pytest.mark.parametrize("seed", range(6))
def test_order_cuts_and_repetitions_do_not_matter(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    log = open_log(tmp_path / "lane.db", hybrid=False)
    for number in range(ROWS):
        log.append(crossing(number + 1))
    pairs = [(row.header, row.sealed or b"") for row in log.outbox.pending(ROWS)]
    public = signing_key("lane").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "lanes").mkdir()
    (tmp_path / "lanes" / f"{LANE}.pem").write_bytes(public)
    ledger = Ledger.open(tmp_path / "ledger.db", signing_key("hub"), LaneRegister(tmp_path / "lanes"), ToldClock())
    newest: Receipt | None = None
    while newest is None or newest.sequence < ROWS:
        first = chance.randrange(ROWS)
        rows = tuple(pairs[first : first + chance.randint(1, 12)])
        for _ in range(chance.choice((1, 1, 2))):
            acceptance = ledger.accept(encode_envelope(sign_envelope(LANE, first + 1, rows, signing_key("lane"))))
            assert acceptance.verdict in (Verdict.TAKEN, Verdict.REPETITION, Verdict.GAP), f"seed {seed}"
            assert acceptance.receipt is not None
            newest = acceptance.receipt
            if chance.random() < 0.5:
                log.outbox.prune(newest)
            assert log.outbox.depth() >= ROWS - newest.sequence, f"seed {seed}: pruned what the centre does not hold"
    log.outbox.prune(newest)
    assert log.outbox.depth() == 0
    reader = LedgerReader(tmp_path / "ledger.db")
    assert [arrival.header.sequence for arrival in reader.arrivals()] == list(range(1, ROWS + 1))
    assert reader.verify(LANE) == ()
    reader.close()
    ledger.close()
    log.close()
