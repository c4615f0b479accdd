"""What a lane seals about a passage is what the centre opens: lines, hits, scores to the last digit, and details."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.app.passage import Passage
from egate.app.recording import crossing_record
from egate.hub.lanes import LaneRegister
from egate.hub.ledger import Ledger
from egate.hub.query import LedgerReader, open_sealed
from egate.model.checks import Check, CheckName, CheckResult, Decision, DecisionPoint, Outcome
from egate.model.crossing import LogRecord
from egate.model.face import CaptureOutcome, CaptureState, ComparisonScore
from egate.model.watchlist import Hit, ListKind
from egate.mrtd.files.mrz import parse_mrz
from egate.storage.cbor import CborValue
from egate.sync.messages import encode_envelope, sign_envelope
from tests.record_lane import LANE, ToldClock, open_log, sealing_key, signing_key

LINES = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
"""The specimen of ICAO Doc 9303-4."""

SCORES = (
    ComparisonScore("sface", 0.9471823645, 0.45, 1000, "c1"),
    ComparisonScore("dlib", -0.1, 0.5, 1000, "c1"),
)


def passage() -> Passage:
    """A passage with everything that may be sealed."""
    made = Passage(1, "t-1", 0.0, mrz=parse_mrz(LINES))
    made.add(
        (Check(CheckName.CHIP_ACCESS, CheckResult.SUCCESSFUL, detail="pace"), Check(CheckName.FACE_MATCH, CheckResult.FAILED))
    )
    made.hits = (Hit(ListKind.DOCUMENTS, "stolen", "7", "document_number", ("number equal", "state equal")),)
    made.capture = CaptureOutcome(CaptureState.CAPTURED, scores=SCORES)
    return made


def opened_at_the_centre(record: LogRecord, folder: Path) -> CborValue:
    """Write the record into a lane's log, carry it to a ledger, and open it there."""
    log = open_log(folder / "lane.db")
    log.append(record)
    (row,) = log.outbox.pending(1)
    log.close()
    lanes = folder / "lanes"
    lanes.mkdir()
    pem = signing_key("lane").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (lanes / f"{LANE}.pem").write_bytes(pem)
    ledger = Ledger.open(folder / "ledger.db", signing_key("hub"), LaneRegister(lanes), ToldClock())
    sent = sign_envelope(LANE, row.sequence, ((row.header, row.sealed or b""),), signing_key("lane"))
    assert ledger.accept(encode_envelope(sent)).new_rows == 1
    ledger.close()
    reader = LedgerReader(folder / "ledger.db")
    (arrival,) = reader.arrivals()
    opened = open_sealed(arrival, sealing_key())
    reader.close()
    return opened


def test_a_full_passage(tmp_path: Path) -> None:
    record = crossing_record(passage(), Decision(Outcome.REFER, DecisionPoint.EXIT), ())
    assert opened_at_the_centre(record, tmp_path) == {
        "mrz": list(LINES),
        "hits": [["stolen", "7", "document_number", "number equal", "state equal"]],
        "scores": [["sface", 0.9471823645, 0.45, 1000], ["dlib", -0.1, 0.5, 1000]],
        "details": [["chip_access", "pace"]],
    }


def test_a_passage_that_gathered_nothing(tmp_path: Path) -> None:
    record = crossing_record(Passage(1, "t-1", 0.0), Decision(Outcome.REFER, DecisionPoint.ENTRY), ())
    assert opened_at_the_centre(record, tmp_path) == {"mrz": [], "hits": [], "scores": [], "details": []}


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 1e-300])
def test_every_score_is_sealed_in_the_same_room(value: float) -> None:
    """The length of the sealed part, which anybody can see, tells nothing about how alike two faces are."""
    usual, other = passage(), passage()
    other.capture = CaptureOutcome(CaptureState.CAPTURED, scores=(replace(SCORES[0], value=value), SCORES[1]))
    decision = Decision(Outcome.REFER, DecisionPoint.EXIT)
    lengths = {len(crossing_record(made, decision, ()).personal) for made in (usual, other)}
    assert len(lengths) == 1
