"""The result tables of BSI TR-03135-1 as functions: results of the parts in, result of the whole out.

Rule: one function for each table that combines results, named by what it combines; each keeps to the values that its table knows.
Where a table leaves an order open (failed and aborted at once), the order is ours and the same everywhere: failed, aborted,
undetermined. A table that has no row for what happened gets the nearest that sends a traveller to an officer.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from egate.model.checks import CheckResult

_S, _F, _U = CheckResult.SUCCESSFUL, CheckResult.FAILED, CheckResult.UNDETERMINED
_N, _A = CheckResult.NOT_SUPPORTED, CheckResult.ABORTED


class TrustStatus(Enum):
    """Table 5.38."""

    TRUSTED = "trusted"
    NOT_TRUSTED = "not trusted"
    UNDETERMINED = "undetermined"
    ABORTED = "aborted"


class Integrity(Enum):
    """Table 5.42."""

    IDENTICAL = "identical"
    NOT_IDENTICAL = "not identical"
    PRESENT = "present"
    NOT_PRESENT = "not present"
    NON_CONFORMANCE = "non conformance"
    ABORTED = "aborted"


def _first(found: Iterable[CheckResult], order: tuple[CheckResult, ...], otherwise: CheckResult) -> CheckResult:
    """The first result of the order that is among those found."""
    results = set(found)
    return next((result for result in order if result in results), otherwise)


def overall(parts: Iterable[CheckResult]) -> CheckResult:
    """Table 5.2: the document as a whole."""
    return _first(parts, (_F, _A, _U, _S), _N)


def optical(parts: Iterable[CheckResult]) -> CheckResult:
    """Table 5.6: a part that is not supported does not count."""
    return _first(parts, (_F, _A, _U, _S), _N)


def mrz(parts: Iterable[CheckResult]) -> CheckResult:
    """Tables 5.7 and 5.8: undetermined cannot occur; what could not be read to the end was aborted."""
    return _first((_A if part is _U else part for part in parts), (_F, _A, _S), _N)


def electronic(parts: Iterable[CheckResult]) -> CheckResult:
    """The electronic check, access and content together; the guideline leaves the table to the application (§5.4)."""
    return _first(parts, (_F, _A, _U, _S), _N)


def access(parts: Iterable[CheckResult]) -> CheckResult:
    """Table 5.17: undetermined cannot occur; terminal authentication for want of certificates was aborted."""
    return _first((_A if part is _U else part for part in parts), (_F, _A, _N, _S), _N)


def bac_or_pace(parts: Iterable[CheckResult]) -> CheckResult:
    """Table 5.18: one of both is enough."""
    return _first((_A if part is _U else part for part in parts), (_S, _F, _A), _N)


def content(parts: Iterable[CheckResult]) -> CheckResult:
    """Table 5.22: a part that is not supported leaves the content undetermined."""
    return _first((_U if part is _N else part for part in parts), (_F, _A, _U, _S), _U)


def chip_authenticity(parts: Iterable[CheckResult]) -> CheckResult:
    """Table 5.23: one proof is enough; a failed one counts when none succeeded."""
    return _first(parts, (_S, _F, _A, _U), _N)


def together(parts: Iterable[CheckResult]) -> CheckResult:
    """Tables 5.27, 5.28, 5.31, 5.32, 5.34 and 5.39: all must succeed, one failure fails, otherwise undetermined."""
    return _first((_U if part is _N else part for part in parts), (_F, _A, _U, _S), _U)


def validity(parts: Iterable[CheckResult]) -> CheckResult:
    """Table 5.34: both certificates; one that is excused by a known defect (not supported) does not count."""
    return _first(parts, (_F, _A, _U, _S), _U)


def combined(parts: Iterable[CheckResult]) -> CheckResult:
    """Table 5.44."""
    return _first(parts, (_F, _A, _U, _S), _N)


def data_groups(parts: Iterable[Integrity]) -> CheckResult:
    """Table 5.41. A data group that was not read or is not there says nothing; that DG1 and DG2 are read, the caller sees to."""
    found = set(parts)
    if Integrity.NOT_IDENTICAL in found:
        return _F
    if Integrity.ABORTED in found:
        return _A
    return _S if found - {Integrity.PRESENT, Integrity.NOT_PRESENT} == {Integrity.IDENTICAL} else _U


def of_trust(status: TrustStatus) -> CheckResult:
    """What a trust status is worth in Table 5.32."""
    return {
        TrustStatus.TRUSTED: _S,
        TrustStatus.NOT_TRUSTED: _F,
        TrustStatus.UNDETERMINED: _U,
        TrustStatus.ABORTED: _A,
    }[status]
