"""Judges what was read at a desk and makes its record: the same checks, decision and record as at a lane's entry door."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from egate.app.inspecting.components import Components, software
from egate.app.inspecting.trusting import Believed
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.checks.electronic import ChipFacts, gather_facts
from egate.inspection.building import Circumstances, Inspected, moment, record_inspection
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.record import InspectionRecord, Place
from egate.model.checks import DecisionPoint, Profile
from egate.model.crossing import StageTime
from egate.model.document import ChipEvidence, Mrz
from egate.ports import Clock

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, and when it began and ended, in nanoseconds since 1970."""

    mrz: Mrz | None = field(repr=False)
    evidence: ChipEvidence | None
    began_ns: int
    read_ns: int


@dataclass(frozen=True, slots=True)
class Rules:
    """By what it is judged: the agency's profile, what is believed, what the record keeps, where the desk is."""

    profile: Profile
    believed: Believed
    logging: LoggingProfile
    place: Place
    devices: Components = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """The record, the facts of the chip, and how long judging took."""

    record: InspectionRecord
    facts: ChipFacts = field(repr=False)
    took_ms: int


def judge(read: Read, rules: Rules, clock: Clock) -> Judged:
    """1. passive authentication; 2. every check; 3. the decision of the entry door; 4. the record."""
    today, store = moment(read.began_ns).date(), rules.believed.store
    began_s = clock.monotonic()
    facts = gather_facts(read.evidence, store, today, read.mrz)  # 1
    found = check_document(read.mrz, read.evidence, store, today, rules.profile, facts.security_object)  # 2
    decision = decide(found, rules.profile, DecisionPoint.ENTRY)  # 3
    took_ms = round((clock.monotonic() - began_s) * 1000)
    read_ms = (read.read_ns - read.began_ns) // _NS_PER_MS
    circumstances = Circumstances(  # 4
        transaction=secrets.token_hex(8),
        began_ns=read.began_ns,
        ended_ns=read.read_ns + took_ms * _NS_PER_MS,
        place=rules.place,
        components=(*software(), *rules.devices, ("profile", rules.profile.name), ("trust", _trust_version(rules.believed))),
        list_dates=rules.believed.list_dates,
        stages=(StageTime("document_read", read_ms), StageTime("document_checked", read_ms + took_ms)),
        logging=rules.logging,
    )
    inspected = Inspected(read.mrz, facts, found, (decision,))
    return Judged(record_inspection(inspected, circumstances, rules.profile, store), facts, took_ms)


def _trust_version(believed: Believed) -> str:
    return believed.head or f"{believed.store.source} {believed.store.dated}"
