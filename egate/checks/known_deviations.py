"""Which published deviation explains which failure, and which one makes a success worth less (Doc 9303-12 §10, Doc 9303-3 §7.3).

Rule: an explanation is a note beside a failed check and never changes its result; a lane refers such a document as any other
that failed, and the officer sees that the issuing State knows of it. A deviation is matched by what the document says of
itself, which a forger can say as well: that is why it must never help.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from egate.checks.catalogue import finding
from egate.checks.electronic import ChipFacts
from egate.model.checks import Check, CheckName, CheckResult
from egate.pki.deviations import DeviationDescription, DeviationType

_N, _T = CheckName, DeviationType

_SIGNED_WRONG = frozenset({_T.SECURITY_OBJECT_SIGNATURE_WRONG, _T.LDS})

EXPLAINED: Mapping[tuple[CheckName, str], frozenset[DeviationType]] = MappingProxyType(
    {
        (_N.CERTIFICATE_CHAIN, "issuer_unknown"): frozenset({_T.SIGNER_SIGNATURE, _T.SIGNER_ENCODING, _T.CSCA_ENCODING}),
        (_N.CERTIFICATE_CHAIN, "signer_wrong_usage"): frozenset({_T.SIGNER_ENCODING}),
        (_N.CERTIFICATE_CHAIN, "signer_not_valid"): frozenset({_T.SIGNER_ENCODING}),
        (_N.CERTIFICATE_CHAIN, "signed_outside_key_period"): frozenset({_T.SIGNER_ENCODING}),
        (_N.CERTIFICATE_CHAIN, "issuer_wrong_usage"): frozenset({_T.CSCA_ENCODING}),
        (_N.CERTIFICATE_CHAIN, "issuer_not_valid"): frozenset({_T.CSCA_ENCODING}),
        (_N.ISSUER_MATCHES_CERTIFICATE, "issuer_differs_from_certificate"): frozenset({_T.CSCA_ENCODING}),
        (_N.ISSUER_MATCHES_CERTIFICATE, "document_type_not_covered"): frozenset({_T.SIGNER_ENCODING}),
        (_N.SECURITY_OBJECT_SIGNATURE, "signature_wrong"): _SIGNED_WRONG,
        (_N.SECURITY_OBJECT_SIGNATURE, "security_object_malformed"): _SIGNED_WRONG,
        (_N.DATA_GROUP_HASHES, "data_group_hash_wrong"): frozenset({_T.DATA_GROUP_HASH_WRONG, _T.LDS}),
        (_N.DATA_GROUP_HASHES, "data_group_not_signed"): frozenset({_T.DATA_GROUP_HASH_WRONG, _T.LDS}),
        (_N.FILE_LIST_CONSISTENT, "file_list_differs"): frozenset({_T.FILE_LIST_INCONSISTENT, _T.LDS}),
        (_N.FILE_LIST_CONSISTENT, "file_list_malformed"): frozenset({_T.FILE_LIST_INCONSISTENT, _T.LDS}),
        (_N.MRZ_MATCHES_CHIP, "mrz_differs_from_chip"): frozenset({_T.MRZ_DATA_WRONG, _T.MRZ}),
        (_N.MRZ_MATCHES_CHIP, "chip_mrz_malformed"): frozenset({_T.DATA_GROUP_MALFORMED, _T.MRZ, _T.LDS}),
        (_N.MRZ_CHECK_DIGITS, "mrz_check_digit_wrong"): frozenset({_T.MRZ_CHECK_DIGIT_WRONG, _T.MRZ}),
        (_N.CHIP_ACCESS, "access_keys_refused"): frozenset({_T.CHIP}),
    }
)
"""Per check and code, the deviations that explain the failure. A generic certificate or key deviation explains nothing: what it
means is unknown, and "something is wrong with a key" is what a forger would like to have said. Revocations, failed chip proofs
and refused algorithms are never explained."""

_ALL_DATA_GROUPS = frozenset(range(1, 17))


def judge_deviations(checks: Iterable[Check], facts: ChipFacts) -> tuple[Check, ...]:
    """The checks with what the issuing State published: failures it explains are marked, a success it doubts is lost."""
    return tuple(_judge(check, facts) for check in checks) if facts.deviations else tuple(checks)


def _judge(check: Check, facts: ChipFacts) -> Check:
    if check.result is CheckResult.SUCCESSFUL:
        doubted = any(known.kind is DeviationType.CERTIFICATE_OR_KEY for known in facts.deviations)
        return finding(check.name, "key_deviation_published") if doubted and check.name is _N.CERTIFICATE_CHAIN else check
    if check.result is not CheckResult.FAILED:
        return check
    kinds = EXPLAINED.get((check.name, check.code), frozenset())
    known = next((entry for entry in facts.deviations if entry.kind in kinds and _is_about(entry, check)), None)
    return check if known is None else replace(check, known_deviation=known.kind.name.lower())


def _is_about(known: DeviationDescription, check: Check) -> bool:
    """Whether a deviation of one data group covers every data group that the finding names; an empty one covers any."""
    if known.parameter not in _ALL_DATA_GROUPS or check.name is not _N.DATA_GROUP_HASHES:
        return True
    return check.detail.split(", ") == [f"DG{known.parameter}"]
