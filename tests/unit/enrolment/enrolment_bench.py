"""Made-up people and a register in a temporary directory, for the tests of the enrolment."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from egate.model.checks import Check, CheckName, CheckResult, CheckRule, Profile, RunMode
from egate.model.document import DocumentFormat, Mrz, MrzInformation
from egate.model.face import CaptureHint, CaptureOutcome, CaptureState, ComparisonScore, FaceProbe, QualityScore
from egate.storage.vault import CentrePrivateKey
from enrolment.consent import CONSENT_TEXTS, ConsentRecord, Purpose, give_consent
from enrolment.registered import FaceTemplate
from enrolment.service import Gathered, Station
from enrolment.store import open_register

TODAY = date(2026, 11, 24)
PROGRAMME = CentrePrivateKey(X25519PrivateKey.generate())
BINDING_KEY = bytes(range(32))
CANARY_IMAGE = b"\xff\xd8CANARY-IMAGE-OF-A-FACE" * 40
CANARY_TEMPLATE = b"CANARY-TEMPLATE-VALUES" * 20
CANARY_NAME, CANARY_NUMBER, CANARY_BIRTH = "CANARYSURNAME", "CANARY042", "840229"

MRZ = Mrz(
    format=DocumentFormat.TD3,
    lines=("P<UTOCANARYSURNAME<<ANNA", "CANARY042"),
    document_code="P",
    issuing_state="UTO",
    document_number=CANARY_NUMBER,
    surname=CANARY_NAME,
    given_names="ANNA",
    nationality="UTO",
    date_of_birth=CANARY_BIRTH,
    sex="F",
    date_of_expiry="300101",
    optional_data="",
    optional_data_2="",
    failed_check_digits=(),
    information=MrzInformation(CANARY_NUMBER, CANARY_BIRTH, "300101"),
)

GOOD = QualityScore(0.9, 150.0, 2.0, -1.0, 0.4, 0.8)
MATCH = ComparisonScore("sface", 0.7, 0.4, 1000, "test")
PROFILE = Profile("enrolment", {CheckName.CERTIFICATE_CHAIN: CheckRule(RunMode.MANDATORY)})
CHAIN_GOOD = (Check(CheckName.CERTIFICATE_CHAIN, CheckResult.SUCCESSFUL),)


class Dice:
    """Entropy that differs at each call and is the same in each run."""

    def __init__(self, seed: int = 0) -> None:
        self._seed, self._calls = seed, 0

    def __call__(self, count: int) -> bytes:
        self._calls += 1
        return hashlib.shake_256(f"{self._seed}/{self._calls}".encode()).digest(count)


def captured(quality: QualityScore = GOOD, score: ComparisonScore | None = MATCH) -> CaptureOutcome:
    """A capture that ended with a face."""
    scores = () if score is None else (score,)
    return CaptureOutcome(CaptureState.CAPTURED, FaceProbe(CANARY_IMAGE, quality, frames_seen=12), scores)


def poor() -> CaptureOutcome:
    """A capture with a dark, small face."""
    return captured(replace(GOOD, inter_eye_px=70.0, exposure=0.2, hint=CaptureHint.MORE_LIGHT))


def consent(days: int = 365, language: str = "en") -> ConsentRecord:
    """A consent that holds."""
    return give_consent(CONSENT_TEXTS[language], frozenset(Purpose), days, TODAY, "operator-7")


def template(_image: bytes) -> FaceTemplate:
    """What an engine would make of the image."""
    return FaceTemplate("sface-00000000", CANARY_TEMPLATE)


def gathered(**changed: object) -> Gathered:
    """Everything about a person who may be enrolled, with changes."""
    person = Gathered(MRZ, CHAIN_GOOD, (captured(),), template, consent())
    return replace(person, **changed)  # type: ignore[arg-type]  # names are checked by replace


def station(folder: Path) -> Station:
    """A station with a new register."""
    register = open_register(folder / "register.db", PROGRAMME.public_key())
    return Station(register, BINDING_KEY, PROFILE)


def everything_written(folder: Path) -> bytes:
    """All bytes of all files of a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
