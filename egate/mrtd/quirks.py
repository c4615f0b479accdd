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
    EXTENDED_LENGTH_REFUSED = "extended_length_refused"
    SHORT_ANSWERS = "short_answers"
    FILES_OF_MASTER_FILE = "files_of_master_file"


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
            "passports of the Netherlands up to about 2016",
            "AndyQ/NFCPassportReader #24, #107, #206",
            "asks for 160 bytes a block from then on, in the same document and as a hint for the next reading",
        ),
        Quirk.LARGEST_READ_80: QuirkEntry(
            "refuses a READ BINARY of more than 128 bytes",
            "passports of the first years, among them some of Ukraine that take at most 192",
            "gmrtd/gmrtd #410 (which steps 256, 192, 128)",
            "steps 160, 128, 96 and keeps what the chip carries for the rest of the document",
        ),
        Quirk.EXACT_LENGTH: QuirkEntry(
            "answers 6Cxx, the length to ask for, instead of what there is",
            "several States; 6CE7 and lengths at the end of a file were seen",
            "AndyQ/NFCPassportReader #29",
            "asks once more with the length that the chip names; in the middle of a file keeps it as the block",
        ),
        Quirk.FULL_LENGTH_REFUSED: QuirkEntry(
            "answers 6B00 to a READ BINARY whose Le is 00 and 6988 ever after",
            "passports of the Russian Federation",
            "AndyQ/NFCPassportReader #89, flipperdevices/flipperzero-firmware #1866",
            "names a length below 256 in every protected read, and opens a session again that broke all the same",
        ),
        Quirk.LENGTH_ENDS_SESSION: QuirkEntry(
            "answers a length that it does not carry with a naked 6700 or 6F00, after which its session is gone",
            "passports of the Netherlands, card applets",
            "AndyQ/NFCPassportReader #24, realmfikri/e-mrtd",
            "runs the access protocol again, takes the next smaller block and goes on in the file where it stopped",
        ),
        Quirk.NAKED_STATUS: QuirkEntry(
            "answers errors, a missing file for instance, without protection",
            "passports of China, card applets",
            "gmrtd/gmrtd #457, realmfikri/e-mrtd",
            "believes nothing of it, ends the session and opens another; reads only files that EF.SOD lists "
            "where it can be parsed",
        ),
        Quirk.MASTER_FILE_6A86: QuirkEntry(
            "refuses SELECT of the master file with 6A86",
            "passports of Australia, identity cards of France",
            "AndyQ/NFCPassportReader #164, gmrtd/gmrtd #414",
            "goes on: the master file is current after activation",
        ),
        Quirk.MASTER_FILE_6A87: QuirkEntry(
            "refuses SELECT of the master file with 6A87",
            "passports of Ukraine",
            "gmrtd/gmrtd #414",
            "goes on: the master file is current after activation",
        ),
        Quirk.MASTER_FILE_6985: QuirkEntry(
            "refuses SELECT of the master file with 6985 (others: 6982 New Zealand, 6A81 China, 6D00 Viet Nam)",
            "documents of Denmark",
            "AndyQ/NFCPassportReader #164, #180, #219, gmrtd/gmrtd #460",
            "goes on: the master file is current after activation",
        ),
        Quirk.NO_PARAMETER_ID: QuirkEntry(
            "writes a PACEInfo of two elements, without the number of its domain parameters",
            "passports and identity cards of Spain",
            "ZeroPass/dmrtd #43",
            "tries the curves that are used, the most common first",
        ),
        Quirk.PARAMETERS_NEEDED: QuirkEntry(
            "refuses MSE:Set AT without the parameter reference of DO'84', or takes another curve than was meant",
            "older passports of Ukraine, identity cards of Germany and Poland",
            "gmrtd/gmrtd #108, AndyQ/NFCPassportReader #269",
            "names the parameters first and leaves them out only when they are refused",
        ),
        Quirk.NO_LE_IN_SELECT: QuirkEntry(
            "refuses SELECT and MSE that carry an Le",
            "documents of Germany",
            "AndyQ/NFCPassportReader #153, #169",
            "sends neither with an Le",
        ),
        Quirk.PACE_ONLY: QuirkEntry(
            "refuses basic access with 6A88, 6982 or 6985",
            "passports of Germany issued from about 2022",
            "AndyQ/NFCPassportReader #197, ZeroPass/dmrtd #18, bettse/passy #3, #17",
            "runs PACE first, or after BAC when a profile prefers that",
        ),
        Quirk.WRONG_COM: QuirkEntry(
            "lists in EF.COM files that are not there, or leaves out files that are",
            "several States; a defect that deviation lists name (Doc 9303-12 §10)",
            "ICAO Doc 9303-10 §4.6.1",
            "reads what EF.SOD lists; notes that EF.COM says otherwise",
        ),
        Quirk.NO_SHORT_IDENTIFIERS: QuirkEntry(
            "refuses READ BINARY by short file identifier",
            "passports of the first years",
            "ICAO Doc 9303-10 §3.6.2 (either way of selection)",
            "selects each file by its identifier from then on, without trying again",
        ),
        Quirk.FILES_OF_MASTER_FILE: QuirkEntry(
            "answers a short identifier that the application does not know with the file of the master file",
            "a card simulator of the German identity card (PersoSim)",
            "docs/peers.md",
            "selects a file whose tag is another file's by its identifier, and believes that",
        ),
        Quirk.NO_OVERLAP_OF_READS: QuirkEntry(
            "reads offsets below 32,768 only with INS B0 and those from there on only with INS B1",
            "chips that Doc 9303-10 tells of without naming them",
            "ICAO Doc 9303-10 §3.6.6, notes",
            "ends the last B0 block at 32,767 and begins B1 at 32,768",
        ),
        Quirk.LITTLE_OVERLAP_OF_READS: QuirkEntry(
            "lets INS B0 and INS B1 read only 256 bytes in common",
            "chips that Doc 9303-10 tells of without naming them",
            "ICAO Doc 9303-10 §3.6.6, notes",
            "ends the last B0 block at 32,767 and begins B1 at 32,768",
        ),
        Quirk.EXTENDED_LENGTH_REFUSED: QuirkEntry(
            "states buffers for extended length and answers such a READ BINARY with a naked 6700",
            "passports of China; the United States refuse it under protection",
            "gmrtd/gmrtd #457, #458",
            "goes back to short lengths for the rest of the document",
        ),
        Quirk.SHORT_ANSWERS: QuirkEntry(
            "answers with fewer bytes than were asked and are there, with 9000",
            "identity cards of Spain, card applets",
            "AndyQ/NFCPassportReader #91",
            "takes what came as the block from then on",
        ),
    }
)
"""Each quirk with its source. Families are those of the reports; other documents do the same."""
