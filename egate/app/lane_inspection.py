"""The inspection record of a passage, for the sealed part of its crossing.

Rule: it is kept as the lane's configuration says (`[record] inspection`), and never makes a passage unrecordable: what would not
fit is left out, and the record says so; a mistake of ours costs this part and is logged. Parsing foreign bytes is over by then;
here values are put together, on the doors' loop, in a few milliseconds.
"""

from __future__ import annotations

import logging
import zlib
from datetime import date

from egate.app.parts import Parts
from egate.app.passage import Passage
from egate.checks.document import check_document
from egate.checks.electronic import ChipFacts, gather_facts
from egate.inspection.building import Circumstances, Inspected, fitted, record_inspection
from egate.inspection.export import LARGEST_RECORD_BYTES, encode_record, parse_record
from egate.inspection.record import InspectionRecord, Place
from egate.model.checks import Check, Decision
from egate.model.errors import MalformedData
from egate.pki.passive_auth import SecurityObjectFindings

LARGEST_PART_BYTES = 384 * 1024
"""Packed. The personal part of a crossing has room for 512 KiB, and one row of it must fit an envelope of a megabyte."""

_LEVEL = 6
_LOG = logging.getLogger(__name__)
_DOING = "unpacking an inspection record"


def judge_passage(
    passage: Passage, parts: Parts, today: date, known: SecurityObjectFindings | None
) -> tuple[ChipFacts, tuple[Check, ...]]:
    """What the chip gave, taken apart, and every check of the document; for a thread, because it parses foreign bytes."""
    mrz, evidence, trust = passage.mrz, passage.evidence, parts.trust
    checks = check_document(mrz, evidence, trust, today, parts.profile, known)
    return gather_facts(evidence, trust, today, mrz, known), checks


def inspection_part(passage: Passage, decision: Decision, parts: Parts) -> bytes:
    """The record of a passage, packed; empty when it could not be made. Never raises."""
    try:
        return _inspection_part(passage, decision, parts)
    except Exception as error:  # the crossing must be recorded whatever is wrong with this part of it
        _LOG.error("a passage is recorded without its inspection record: %s", type(error).__name__)
        return b""


def _inspection_part(passage: Passage, decision: Decision, parts: Parts) -> bytes:
    now_ns, took_s = parts.clock.wall_ns(), parts.clock.monotonic() - passage.started_s
    circumstances = Circumstances(
        transaction=passage.transaction,
        began_ns=now_ns - max(0, round(took_s * 1e9)),
        ended_ns=now_ns,
        place=Place(parts.config.name, str(parts.config.number)),
        components=(*parts.all_versions, ("reader", parts.config.chip.driver)),
        list_dates=parts.supplied.list_dates if parts.supplied is not None else (),
        stages=tuple(passage.stages),
        logging=parts.config.inspection,
    )
    facts = passage.facts if passage.facts is not None else ChipFacts(None)
    inspected = Inspected(passage.mrz, facts, passage.findings(), (decision,))
    record = record_inspection(inspected, circumstances, parts.profile, parts.trust)
    return pack(fitted(record, lambda smaller: len(pack(smaller)) <= LARGEST_PART_BYTES))


def pack(record: InspectionRecord) -> bytes:
    """The record as JSON, deflated."""
    return zlib.compress(encode_record(record, indent=None), _LEVEL)


def unpack(data: bytes) -> InspectionRecord:
    """The record of `pack`; raises MalformedData. A small part that would unfold into a large one is refused."""
    unfolding = zlib.decompressobj()
    try:
        text = unfolding.decompress(data, LARGEST_RECORD_BYTES + 1)
    except zlib.error:
        raise MalformedData(_DOING, "it is not deflated") from None
    if not unfolding.eof or unfolding.unused_data:
        raise MalformedData(_DOING, "it is too long, cut off, or followed by something")
    return parse_record(text)
