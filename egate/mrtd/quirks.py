"""What issued chips do otherwise than the standard, as a declared table: who does it, who reported it, how a reader answers.

Rule: a quirk is met by what the chip does, never by guessing its issuer; meeting one changes how we ask, never what we believe.
The reading notes each quirk that it met (`quirk` outcomes), the simulated chip plays each, and each is read to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Quirk(Enum):
    """One deviation of chips in the field."""

    LARGEST_READ_A0 = "largest_read_a0"
    LARGEST_READ_80 = "largest_read_80"
    EXACT_LENGTH = "exact_length"
    FULL_LENGTH_REFUSED = "full_length_refused"
    LENGTH_ENDS_SESSION = "length_ends_session"
    NAKED_STATUS = "naked_status"
    MASTER_FILE_6A86 = "master_file_6a86"
    MASTER_FILE_6A87 = "master_file_6a87"
    MASTER_FILE_6985 = "master_file_6985"
    NO_PARAMETER_ID = "no_parameter_id"
    PARAMETERS_NEEDED = "parameters_needed"
    NO_LE_IN_SELECT = "no_le_in_select"
    PACE_ONLY = "pace_only"
    WRONG_COM = "wrong_com"
    NO_SHORT_IDENTIFIERS = "no_short_identifiers"
    NO_OVERLAP_OF_READS = "no_overlap_of_reads"
    LITTLE_OVERLAP_OF_READS = "little_overlap_of_reads"


@dataclass(frozen=True, slots=True)
class QuirkEntry:
    """One row: what the chip does, the documents seen to do it, the public report, and what our reader does."""

    behaviour: str
    family: str
    report: str
    answer: str


QUIRKS: Mapping[Quirk, QuirkEntry] = MappingProxyType(
    {
        Quirk.LARGEST_READ_A0: QuirkEntry(
            "refuses a READ BINARY of more than 160 bytes",
            "older passports of the Netherlands",
            "AndyQ/NFCPassportReader #24, #107, #206",
            "halves the step and keeps it for the rest of the document",
        ),
    }
)
"""Each quirk with its source."""
