"""Documents that are made, read and recorded in memory, for every test of the inspection record."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from egate.app.simulate.making import make_document
from egate.app.simulate.recipe import parse_recipe
from egate.app.simulate.serving import chip_of
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.checks.electronic import ChipFacts, gather_facts
from egate.checks.profile import default_profile
from egate.inspection.building import Circumstances, Inspected, record_inspection
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.record import InspectionRecord, Place
from egate.model.checks import Check, DecisionPoint, Profile
from egate.model.crossing import StageTime
from egate.model.document import ChipEvidence, ElementaryFile, Mrz, MrzInformation
from egate.mrtd.apdu import ResponseApdu
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.reading import ReadRequest, read_chip
from egate.pki.revocation import parse_revocation_list
from egate.pki.trust_store import TrustStore

TODAY = date(2026, 11, 24)
BEGAN_NS = int(datetime(2026, 11, 24, 10, 0, tzinfo=UTC).timestamp()) * 10**9 + 123_456_789
CANARIES = (b"MUSTERMANN", b"Mustermann", b"ERIKA", b"X00000001", b"840517")
"""What only a personal part may hold."""


@dataclass(frozen=True)
class Case:
    """One document, read."""

    mrz: Mrz = field(repr=False)
    evidence: ChipEvidence | None
    trust: TrustStore
    profile: Profile = field(default_factory=default_profile)

    @property
    def facts(self) -> ChipFacts:
        return gather_facts(self.evidence, self.trust, TODAY, self.mrz)

    @property
    def findings(self) -> tuple[Check, ...]:
        return check_document(self.mrz, self.evidence, self.trust, TODAY, self.profile)

    def record(self, logging: LoggingProfile = LoggingProfile.FULL) -> InspectionRecord:
        found = self.findings
        decision = decide(found, self.profile, DecisionPoint.ENTRY)
        circumstances = Circumstances(
            "0011223344556677",
            BEGAN_NS,
            BEGAN_NS + 2 * 10**9,
            Place("UTO-A1", "1"),
            (("egate", "1"), ("profile", self.profile.name)),
            (("UT", TODAY),),
            (StageTime("document_read", 1900),),
            logging,
        )
        return record_inspection(Inspected(self.mrz, self.facts, found, (decision,)), circumstances, self.profile, self.trust)


def read_document(recipe: str, information: MrzInformation | None = None) -> Case:
    """Make, read and return the document of a recipe."""
    made = make_document(parse_recipe(recipe.encode(), Path()), TODAY)
    mrz = parse_mrz(made.document.lines)
    chip = chip_of(made.document, secrets.token_bytes)
    request = ReadRequest(information or mrz.information, later_files=(ElementaryFile.DG11, ElementaryFile.DG12))
    dialogue = read_chip(request, secrets.token_bytes, lambda _progress: None)
    try:
        command = next(dialogue)
        while True:
            command = dialogue.send(ResponseApdu.from_bytes(chip.transceive(command.to_bytes())))
    except StopIteration as stop:
        evidence: ChipEvidence = stop.value
    ders = [data for name, data in made.trust.items() if name.endswith(".der")]
    trust = TrustStore.from_certificates(ders, "test", TODAY)
    for name, data in made.trust.items():
        if name.endswith(".crl"):
            trust = trust.with_revocations(parse_revocation_list(data))
    return Case(mrz, evidence, trust)


@cache
def case(defect: str = "none", further: str = "") -> Case:
    """A document with a defect; `further` is more of its recipe. Read once."""
    return read_document(f'seed = "7"\ndefect = "{defect}"\n{further}')


CAM = '[access]\npace = ["cam-aes-128-brainpoolP256r1"]\n'
ACTIVE = '[chip]\nauthentication = []\nactive = "secp256r1-sha256"\n'
NO_PROOF = "[chip]\nauthentication = []\n"
FALL_BACK = "[access]\npace = []\n"
