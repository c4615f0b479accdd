"""What a travel document tells: its machine readable zone and the evidence read from its chip.

Sources: ICAO Doc 9303-3..-6 (MRZ), 9303-10 (files), 9303-11 (protocols). Evidence is stored before any judgement, so a past
passage can be judged again. Values that hold personal data show nothing of it in their `repr`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class DocumentFormat(Enum):
    """Forms of machine readable zones: name, lines × characters. Visas have the sizes of TD3 and TD2 and one check digit less."""

    TD1 = ("TD1", 3, 30)
    TD2 = ("TD2", 2, 36)
    TD3 = ("TD3", 2, 44)
    MRV_A = ("MRV-A", 2, 44)
    MRV_B = ("MRV-B", 2, 36)

    @property
    def line_count(self) -> int:
        """How many lines."""
        return self.value[1]

    @property
    def line_characters(self) -> int:
        """How many characters a line has."""
        return self.value[2]


@dataclass(frozen=True, slots=True)
class MrzInformation:
    """The three fields from which the access keys are derived, as printed, fillers included (Doc 9303-11 §9.7.1)."""

    document_number: str = field(repr=False)
    date_of_birth: str = field(repr=False)
    date_of_expiry: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mrz:
    """A parsed machine readable zone. Dates are YYMMDD as printed; `failed_check_digits` names fields that do not add up.

    `corrections` names the fields in which a confused character was replaced because the field's type leaves no other reading.
    """

    format: DocumentFormat
    lines: tuple[str, ...] = field(repr=False)
    document_code: str
    issuing_state: str
    document_number: str = field(repr=False)
    surname: str = field(repr=False)
    given_names: str = field(repr=False)
    nationality: str = field(repr=False)
    date_of_birth: str = field(repr=False)
    sex: str = field(repr=False)
    date_of_expiry: str = field(repr=False)
    optional_data: str = field(repr=False)
    optional_data_2: str = field(repr=False)
    failed_check_digits: tuple[str, ...]
    information: MrzInformation
    corrections: tuple[str, ...] = ()


class ElementaryFile(Enum):
    """Files of the master file and of the eMRTD application: (in application, file identifier, short identifier).

    Source: Doc 9303-10 §3.11, §4. EF.CardSecurity and EF.SOD share an identifier in different directories.
    """

    ATR_INFO = (False, 0x2F01, 0x01)
    DIR = (False, 0x2F00, 0x1E)
    CARD_ACCESS = (False, 0x011C, 0x1C)
    CARD_SECURITY = (False, 0x011D, 0x1D)
    COM = (True, 0x011E, 0x1E)
    SOD = (True, 0x011D, 0x1D)
    DG1 = (True, 0x0101, 0x01)
    DG2 = (True, 0x0102, 0x02)
    DG3 = (True, 0x0103, 0x03)
    DG4 = (True, 0x0104, 0x04)
    DG5 = (True, 0x0105, 0x05)
    DG6 = (True, 0x0106, 0x06)
    DG7 = (True, 0x0107, 0x07)
    DG8 = (True, 0x0108, 0x08)
    DG9 = (True, 0x0109, 0x09)
    DG10 = (True, 0x010A, 0x0A)
    DG11 = (True, 0x010B, 0x0B)
    DG12 = (True, 0x010C, 0x0C)
    DG13 = (True, 0x010D, 0x0D)
    DG14 = (True, 0x010E, 0x0E)
    DG15 = (True, 0x010F, 0x0F)
    DG16 = (True, 0x0110, 0x10)

    @property
    def in_application(self) -> bool:
        """Whether the file lies in the eMRTD application rather than in the master file."""
        return self.value[0]

    @property
    def file_id(self) -> int:
        """The two-byte file identifier."""
        return self.value[1]

    @property
    def short_id(self) -> int:
        """The short file identifier for READ BINARY."""
        return self.value[2]


class ProtocolState(Enum):
    """How far a chip protocol came. Not a judgement: `egate.checks` says what it means."""

    NOT_RUN = "not_run"
    NOT_OFFERED = "not_offered"
    COMPLETED = "completed"
    REFUSED = "refused"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class ProtocolOutcome:
    """One protocol run: its name, the variant used, state, last status word.

    Names: `pace`, `pace_way` (refused before another was tried), `bac`, `chip_authentication_mapping` (the proof of PACE-CAM),
    `chip_authentication`, `active_authentication`, `terminal_authentication`, `application`, `file` (variant: its name),
    `secure_messaging`, `resumption` (an earlier reading had left something), `reading` (it was stopped), `quirk` (variant: the
    quirk met).
    """

    protocol: str
    state: ProtocolState
    variant: str = ""
    sw: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One line of the transcript of a chip session: the header of the command and the answer, never their data.

    `took_us` is the time from command to answer in microseconds, filled in by whoever carries the dialogue.
    """

    ins: int
    p1: int
    p2: int
    sent_bytes: int
    received_bytes: int
    sw: int
    took_us: int = 0


@dataclass(frozen=True, slots=True)
class ChipProof:
    """What a chip proved its key with, so that anybody may verify it again, by the name of its protocol.

    `values` are `challenge` and `signature` of active authentication, `mapping_key` (the chip's, encoded) and
    `chip_authentication_data` (decrypted) of PACE with chip authentication mapping.
    """

    protocol: str
    values: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChipEvidence:
    """Everything a chip session yielded: raw files, the outcome of each protocol, the transcript, and what proofs rest on."""

    files: Mapping[ElementaryFile, bytes] = field(repr=False)
    protocols: tuple[ProtocolOutcome, ...]
    transcript: tuple[Exchange, ...] = field(repr=False, default=())
    proofs: tuple[ChipProof, ...] = ()

    def outcome(self, protocol: str) -> ProtocolOutcome:
        """The outcome of a protocol by name; NOT_RUN when it was never tried."""
        for entry in self.protocols:
            if entry.protocol == protocol:
                return entry
        return ProtocolOutcome(protocol, ProtocolState.NOT_RUN)


@dataclass(frozen=True, slots=True)
class ReadingProgress:
    """How far the chip reading is: the file under way, bytes so far and in all (0 while unknown)."""

    file: ElementaryFile
    done_bytes: int
    total_bytes: int
