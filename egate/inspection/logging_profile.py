"""Which parts of an inspection each logging profile keeps (BSI TR-03135-2 §4.3, Table 4.26).

Rule: every profile keeps what says nothing of a person: results, reasons, versions, times, protocols, certificates. What says
more is kept only where the table below says so. The default is the profile that keeps none of it: a lane that nobody configured
must not collect files of travellers (data protection by default, Regulation (EU) 2016/679 Art. 25(2)), and quality of inspections
can be measured without them. Fingerprints and irises (DG3, DG4) are kept by no profile: they are read to be compared and dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType

from egate.checks.catalogue import group_of
from egate.model.checks import Check, CheckGroup, CheckName, CheckResult
from egate.model.document import ElementaryFile


class LoggingProfile(Enum):
    """The configurations of TR-03135-2 §4.3.1 to §4.3.6; we read no digital seals, so that extension is not among them."""

    BASIC = "basic"
    STANDARD = "standard"
    STANDARD_OPTICAL = "standard_optical"
    STANDARD_ELECTRONIC = "standard_electronic"
    FULL = "full"


DEFAULT_LOGGING = LoggingProfile.BASIC
"""What is kept when nobody asked for more."""


class Part(Enum):
    """What a record may hold beyond its common part."""

    PRINT = "print"
    """The lines of the machine readable zone."""
    CHIP_FILES = "chip_files"
    """The files of the chip as they were read, and their SHA-256."""
    TRACE = "trace"
    """The header and status word of each command to the chip, with its time; never data."""
    PROOFS = "proofs"
    """What the chip proved its key with, and the certificates that were believed, so that all can be judged again."""


class Kept(Enum):
    """When a part is kept."""

    NEVER = "never"
    ON_FAULT = "on_fault"
    ALWAYS = "always"


_N, _F, _A = Kept.NEVER, Kept.ON_FAULT, Kept.ALWAYS

KEEPS: Mapping[LoggingProfile, Mapping[Part, Kept]] = MappingProxyType(
    {
        LoggingProfile.BASIC: {Part.PRINT: _N, Part.CHIP_FILES: _N, Part.TRACE: _N, Part.PROOFS: _N},
        LoggingProfile.STANDARD: {Part.PRINT: _F, Part.CHIP_FILES: _F, Part.TRACE: _F, Part.PROOFS: _N},
        LoggingProfile.STANDARD_OPTICAL: {Part.PRINT: _A, Part.CHIP_FILES: _F, Part.TRACE: _F, Part.PROOFS: _N},
        LoggingProfile.STANDARD_ELECTRONIC: {Part.PRINT: _F, Part.CHIP_FILES: _A, Part.TRACE: _A, Part.PROOFS: _N},
        LoggingProfile.FULL: {Part.PRINT: _A, Part.CHIP_FILES: _A, Part.TRACE: _A, Part.PROOFS: _A},
    }
)
"""Per profile and part, when it is kept."""

_FAULTS = frozenset({CheckResult.FAILED, CheckResult.UNDETERMINED})
"""What is a fault in the sense of §4.3.2. An aborted check leaves no extended data."""

_OF_GROUP: Mapping[CheckGroup, frozenset[Part]] = {
    CheckGroup.OPTICAL: frozenset({Part.PRINT}),
    CheckGroup.ELECTRONIC: frozenset({Part.PRINT, Part.CHIP_FILES, Part.TRACE}),
    CheckGroup.COMBINED: frozenset({Part.PRINT}),
}
"""Which parts a fault of a group asks for: for an electronic one the printed data too, to compare with (§4.3.2)."""

_OF_NO_DOCUMENT = frozenset({CheckName.CERTIFICATE_REVOCATION})
"""A missing revocation list is a fault of our supply: no traveller's files explain it."""

_NEVER_KEPT = frozenset({ElementaryFile.DG3, ElementaryFile.DG4})
_PICTURES = frozenset({ElementaryFile.DG2, ElementaryFile.DG5, ElementaryFile.DG7})
_HASHED = frozenset({CheckName.DATA_GROUP_HASHES})


def kept_parts(profile: LoggingProfile, findings: Iterable[Check]) -> frozenset[Part]:
    """What the record of an inspection with these findings keeps."""
    asked: set[Part] = set()
    for check in findings:
        if check.result in _FAULTS and not (check.name in _OF_NO_DOCUMENT and check.result is CheckResult.UNDETERMINED):
            asked |= _OF_GROUP.get(group_of(check.name), frozenset())
    table = KEEPS[profile]
    return frozenset(part for part in Part if table[part] is Kept.ALWAYS or (table[part] is Kept.ON_FAULT and part in asked))


def may_keep(file: ElementaryFile, profile: LoggingProfile, findings: Iterable[Check]) -> bool:
    """Whether a file may be among the chip files.

    Pictures of the holder are in a record below Full only when it is their hash that does not hold.
    """
    if file in _NEVER_KEPT:
        return False
    if profile is LoggingProfile.FULL or file not in _PICTURES:
        return True
    return any(check.name in _HASHED and check.result is CheckResult.FAILED and file.name in check.detail for check in findings)
