"""The record of one inspection, as a value: what was inspected, by what, what each check said, how it went, and what was decided.

Sources: BSI TR-03135-1 §6.3 (what is logged in any case), §5.3 (error numbers), TR-03135-2 §4.3 (what only some profiles keep).
Rule: everything outside `personal` says nothing of a person and may be shown to whoever keeps gates running; `personal` holds
what the logging profile kept of the traveller's document, and never shows in a `repr`. Each field's format is its type and its
limits (`egate.inspection.shape`), from which the published JSON Schema is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated

from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.shape import Limits
from egate.model.checks import (
    Acceptance,
    Check,
    CheckGroup,
    CheckName,
    CheckResult,
    DecisionPoint,
    Outcome,
    RunMode,
    Weakness,
)
from egate.model.crossing import StageTime
from egate.model.document import ElementaryFile, Exchange, ProtocolState
from egate.pki.passive_auth import ChainState, HashState, SignatureState

SCHEMA_VERSION = 1
"""Counts up whenever a field changes its meaning or goes away."""

MOST_EXCHANGES = 4096
"""As many commands as one reading may send."""

LARGEST_RECORDED_FILE_BYTES = 1_048_576
_HEX = "^[0-9a-f]*$"
_STATUS = 0xFFFF


@dataclass(frozen=True, slots=True)
class Place:
    """Where the document was inspected; both are names of machines, never of persons."""

    lane: str
    terminal: str


@dataclass(frozen=True, slots=True)
class Component:
    """A program, library, device or list that had a part in the result, and its version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """What of the agency's profile decided about the document, enough to apply it again."""

    name: str
    pace_before_bac: bool
    minimum_age_years: int
    revocation_grace_days: int
    weaknesses: tuple[WeaknessRecord, ...]


@dataclass(frozen=True, slots=True)
class WeaknessRecord:
    """What the profile makes of one weakness of signatures."""

    weakness: Weakness
    acceptance: Acceptance


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What the document is, without whose it is."""

    form: Annotated[str, Limits("TD1, TD2, TD3, MRV-A or MRV-B; empty when no machine readable zone was read")]
    code: Annotated[str, Limits("document code, as P or ID")]
    issuing_state: Annotated[str, Limits("as in the machine readable zone")]
    nationality: Annotated[str, Limits("as in the machine readable zone")]
    printed: Annotated[bool, Limits("whether the machine readable zone was read from the print")]
    chip: Annotated[bool, Limits("whether a chip was read")]
    wrong_check_digits: Annotated[tuple[str, ...], Limits("fields whose check digit does not add up", 16)]
    corrections: Annotated[tuple[str, ...], Limits("fields in which a confused character was replaced", 16)]


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """One check of the profile: its result, what it counts for, and why."""

    name: CheckName
    group: CheckGroup
    mode: RunMode
    door: DecisionPoint
    performed: bool
    result: CheckResult
    code: Annotated[str, Limits("word of the catalogue that says why; empty when successful")]
    number: Annotated[int | None, Limits("error number (TR-03135-1 §5.3), null when successful", 999_999)]
    text: Annotated[str, Limits("the code in a sentence")]
    detail: Annotated[str, Limits("names of fields, files or algorithms, never what they say", 1024)]
    known_deviation: Annotated[str, Limits("the published deviation that explains a failure")]

    def finding(self) -> Check:
        """The check as it was found."""
        return Check(self.name, self.result, self.code, self.detail, self.known_deviation)


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """The result of a group: of its checks that were performed and count (TR-03135-1 §3.7)."""

    group: CheckGroup
    result: CheckResult


@dataclass(frozen=True, slots=True)
class ProtocolRecord:
    """One protocol in the order in which they were tried; a fall-back is two of them."""

    protocol: str
    variant: str
    state: ProtocolState
    status: Annotated[int | None, Limits("last status word", _STATUS)]
    detail: Annotated[str, Limits("", 512)]


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """A certificate that the result rests on; the names in it are not kept."""

    role: str
    country: str
    serial: Annotated[str, Limits("hexadecimal", 64, _HEX)]
    key_identifier: Annotated[str, Limits("hexadecimal; empty when it names none", 128, _HEX)]
    sha256: Annotated[str, Limits("hexadecimal", 64, _HEX)]
    valid_from: date
    valid_until: date
    key: str
    signed_with: str


@dataclass(frozen=True, slots=True)
class SecurityObjectRecord:
    """What passive authentication found about one signed file of the chip."""

    file: ElementaryFile
    signature: SignatureState
    chain: ChainState
    reason: Annotated[str, Limits("why the signature or the chain is not good", 512)]
    hash_algorithm: str
    signer_valid: Annotated[bool | None, Limits("whether the signer was valid at the time; null when there is none")]
    issuer_valid: Annotated[bool | None, Limits("whether its issuer was valid at the time; null when there is none")]
    certificates: Annotated[tuple[CertificateRecord, ...], Limits("signer first, then its issuer", 2)]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that was read or that was signed: its size and how it compares with its signed hash."""

    file: ElementaryFile
    read: bool
    size_bytes: int
    hash: Annotated[HashState | None, Limits("null for files that no hash covers, and for those that were not read")]


@dataclass(frozen=True, slots=True)
class ListRecord:
    """A list that was there, and its day."""

    name: str
    dated: date


@dataclass(frozen=True, slots=True)
class TrustRecord:
    """What was believed: the trust store and its lists."""

    source: str
    dated: date
    certificates: int
    lists: Annotated[tuple[ListRecord, ...], Limits("", 512)]
    revocation_list: Annotated[date | None, Limits("day of the revocation list that was looked at")]
    revocation_list_due: Annotated[date | None, Limits("when its next one was due")]


@dataclass(frozen=True, slots=True)
class ReadingRecord:
    """How the chip was read, in figures."""

    commands: int
    sent_bytes: int
    received_bytes: int
    took_us: Annotated[int, Limits("from the first command to the last answer, without pauses in between")]
    slowest_us: int


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What was decided at a door, and because of which checks."""

    point: DecisionPoint
    outcome: Outcome
    because: Annotated[tuple[str, ...], Limits("check, result and code joined by `:`", 64)]


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file of the chip."""

    file: ElementaryFile
    sha256: Annotated[str, Limits("hexadecimal", 64, _HEX)]
    data: Annotated[bytes, Limits("as it was read, tag included", LARGEST_RECORDED_FILE_BYTES)] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProofValue:
    """One value of a proof."""

    name: str
    data: Annotated[bytes, Limits("", 65_536)] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProofRecord:
    """What a chip proved its key with."""

    protocol: str
    values: Annotated[tuple[ProofValue, ...], Limits("", 8)] = field(repr=False)


@dataclass(frozen=True, slots=True)
class BelievedRecord:
    """Certificates and revocation list that the chain rests on, so that it can be judged without the store of that day."""

    authorities: Annotated[tuple[bytes, ...], Limits("certificates of authorities, DER", 4)] = field(repr=False)
    signers: Annotated[tuple[bytes, ...], Limits("document signers that were not in the security object, DER", 4)] = field(
        repr=False
    )
    revocation_lists: Annotated[tuple[bytes, ...], Limits("revocation lists, DER", 2)] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonalRecord:
    """What the logging profile kept of the traveller's document."""

    lines: Annotated[tuple[str, ...], Limits("the printed machine readable zone", 3)] = field(repr=False)
    files: Annotated[tuple[FileContent, ...], Limits("files of the chip", 32)] = field(repr=False)
    proofs: Annotated[tuple[ProofRecord, ...], Limits("", 8)] = field(repr=False)
    believed: Annotated[BelievedRecord | None, Limits("what was believed of the issuing State")] = field(repr=False)


@dataclass(frozen=True, slots=True)
class InspectionRecord:
    """One inspection of one document."""

    schema: Annotated[int, Limits("version of this format", SCHEMA_VERSION)]
    transaction: Annotated[str, Limits("identifies the inspection in every log")]
    logging: Annotated[LoggingProfile, Limits("what was kept")]
    logging_asked: Annotated[
        LoggingProfile, Limits("what the configuration asks to keep; more than `logging` where that was too large")
    ]
    began: Annotated[datetime, Limits("when the document was presented, in UTC")]
    ended: Annotated[datetime, Limits("when the last check ended, in UTC")]
    place: Place
    components: Annotated[tuple[Component, ...], Limits("what had a part in the result", 64)]
    policy: PolicyRecord
    document: DocumentFacts
    checks: Annotated[tuple[CheckRecord, ...], Limits("every check of the profile, in the order of the catalogue", 64)]
    groups: Annotated[tuple[GroupRecord, ...], Limits("the result of each group", 8)]
    overall: Annotated[CheckResult, Limits("the result of all groups together")]
    decisions: Annotated[tuple[DecisionRecord, ...], Limits("in the order of the doors", 4)]
    protocols: Annotated[tuple[ProtocolRecord, ...], Limits("in the order in which they were tried")]
    quirks: Annotated[
        tuple[str, ...], Limits("what the chip does otherwise than the standard, by the names of the quirks table", 64)
    ]
    security_objects: Annotated[tuple[SecurityObjectRecord, ...], Limits("EF.SOD, then EF.CardSecurity", 2)]
    files: Annotated[tuple[FileRecord, ...], Limits("in the order of the files", 32)]
    trust: TrustRecord
    reading: ReadingRecord
    stages: Annotated[
        tuple[StageTime, ...], Limits("when each stage was reached, in milliseconds since the document was presented", 64)
    ]
    trace: Annotated[tuple[Exchange, ...], Limits("one line for each command, where the profile keeps it", MOST_EXCHANGES)]
    personal: Annotated[PersonalRecord | None, Limits("null when the profile keeps nothing of the person")] = field(repr=False)

    def check(self, name: CheckName) -> CheckRecord | None:
        """The check of that name, None when the profile has none."""
        return next((entry for entry in self.checks if entry.name is name), None)
