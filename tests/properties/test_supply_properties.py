"""Whatever bytes an operator is sent: the trust supply names what is wrong, and nothing else comes out."""

from __future__ import annotations

import contextlib
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from egate.model.errors import MalformedData, TrustError
from egate.supply.folder import TrustFolder
from egate.supply.holdings import holdings_of
from egate.supply.importing import Request, plan_import
from egate.supply.journal import parse_journal
from egate.supply.names import name_text
from egate.supply.recognise import recognise_data
from tests.unit.supply.supply_place import TODAY, state

UTOPIA = state()
SAMPLES = (
    UTOPIA.csca_certificate,
    UTOPIA.master_list(UTOPIA.csca_certificate),
    UTOPIA.revocation_list(1, 2),
    UTOPIA.deviation_list(),
)


@given(st.integers(0, len(SAMPLES) - 1), st.integers(0), st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_damaged_files_are_refused_and_never_trusted(sample: int, seed: int, count: int) -> None:
    """Bytes changed anywhere: refused in words, or still what they were; nothing becomes trusted in an empty folder."""
    damaged = bytearray(SAMPLES[sample])
    chance = random.Random(seed)
    for _ in range(count):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    holdings = holdings_of(TrustFolder.__new__(TrustFolder), ())
    with contextlib.suppress(MalformedData):
        report = plan_import(holdings, "x", "00", recognise_data(bytes(damaged), "x"), Request(TODAY))
        assert report.drafts == ()
        assert len(report.refused) == 1


@given(st.binary(max_size=300))
def test_any_bytes_are_no_journal(data: bytes) -> None:
    with contextlib.suppress(MalformedData, TrustError):
        assert parse_journal(data) == ()


@given(st.binary(max_size=200))
def test_any_bytes_have_a_name_that_is_safe_to_show(data: bytes) -> None:
    text = name_text(data)
    assert text.isprintable()
    assert len(text) <= 120
