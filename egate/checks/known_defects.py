"""Which published defect explains which failure (TR-03129-2 §7.3, TR-03135-1 §5.8.2).

Rule: as with deviations, an explanation is a note beside a failed check and never changes its result. TR-03135-1 would make
most of these failures undetermined, and a wrong list of files even successful; here they stay failed. What a defect takes away
is judged where it belongs: a revoked or doubted signer in the chain (`egate.pki.passive_auth`), a compromised key among the
chip's proofs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from egate.checks.countries import certificate_countries
from egate.checks.electronic import ChipFacts
from egate.model.checks import Check, CheckName, CheckResult
from egate.pki.defects import DefectType, KnownDefect

DEFECT_PREFIX = "defect_"
"""What the name of a defect begins with where the name of a deviation may stand as well."""

_N, _T = CheckName, DefectType
_CERTIFICATE = frozenset({_T.SIGNER_REPLACED, _T.SIGNER_MALFORMED})
_SECURITY_OBJECT, _FILE_LIST = frozenset({_T.SECURITY_OBJECT_INVALID}), frozenset({_T.FILE_LIST_INCONSISTENT})
_PROTOCOL, _PERIOD = frozenset({_T.AUTHENTICATION_PROTOCOL_FAILURE}), frozenset({_T.VALIDITY_PERIOD_INCORRECT})

EXPLAINED: Mapping[tuple[CheckName, str], frozenset[DefectType]] = MappingProxyType(
    {
        (_N.CERTIFICATE_CHAIN, "issuer_unknown"): _CERTIFICATE,
        (_N.CERTIFICATE_CHAIN, "signer_wrong_usage"): _CERTIFICATE,
        (_N.CERTIFICATE_CHAIN, "signer_not_valid"): _CERTIFICATE | _PERIOD,
        (_N.CERTIFICATE_CHAIN, "issuer_not_valid"): _PERIOD,
        (_N.ISSUER_MATCHES_CERTIFICATE, "issuer_differs_from_certificate"): frozenset(
            {_T.ISSUING_COUNTRY_WRONG, _T.SIGNER_REPLACED}
        ),
        (_N.SECURITY_OBJECT_SIGNATURE, "signature_wrong"): _SECURITY_OBJECT | {_T.SIGNER_IDENTIFIER_WRONG, _T.SIGNER_REPLACED},
        (_N.DATA_GROUP_HASHES, "data_group_hash_wrong"): _SECURITY_OBJECT,
        (_N.DATA_GROUP_HASHES, "data_group_not_signed"): _SECURITY_OBJECT,
        (_N.FILE_LIST_CONSISTENT, "file_list_differs"): _FILE_LIST,
        (_N.FILE_LIST_CONSISTENT, "file_list_malformed"): _FILE_LIST,
        (_N.MRZ_MATCHES_CHIP, "chip_mrz_malformed"): frozenset({_T.DATA_GROUP_MALFORMED}),
        (_N.CHIP_GENUINE, "chip_authentication_failed"): _PROTOCOL,
        (_N.CHIP_GENUINE, "active_authentication_failed"): _PROTOCOL,
        (_N.CHIP_GENUINE, "mapping_proof_failed"): _PROTOCOL,
    }
)
"""Per check and code, the defects that explain the failure. A revoked signer and a refused algorithm are never explained."""

_FROM_HERE_OWN = 32
_STATUS: Mapping[tuple[DefectType, str], frozenset[int]] = MappingProxyType(
    {
        (_T.SECURITY_OBJECT_INVALID, "signature_wrong"): frozenset({0, 1, 2}),
        (_T.SECURITY_OBJECT_INVALID, "data_group_hash_wrong"): frozenset({0, 4}),
        (_T.SECURITY_OBJECT_INVALID, "data_group_not_signed"): frozenset({0, 4}),
        (_T.AUTHENTICATION_PROTOCOL_FAILURE, "chip_authentication_failed"): frozenset({0, 2, 4, 6}),
        (_T.AUTHENTICATION_PROTOCOL_FAILURE, "active_authentication_failed"): frozenset({1, 2, 5, 6}),
        (_T.AUTHENTICATION_PROTOCOL_FAILURE, "mapping_proof_failed"): frozenset({3, 4, 5, 6}),
        (_T.VALIDITY_PERIOD_INCORRECT, "issuer_not_valid"): frozenset({0, 2}),
        (_T.VALIDITY_PERIOD_INCORRECT, "signer_not_valid"): frozenset({1, 2}),
    }
)
"""The status codes with which a defect explains a code, where it has a status (TR-03129-2 §7.3); an authority's own do too."""


def judge_defects(checks: Iterable[Check], facts: ChipFacts) -> tuple[Check, ...]:
    """The checks with what defect lists explain: a failure is marked with the first defect, unless a deviation marks it."""
    return tuple(_judge(check, facts) for check in checks) if facts.defects else tuple(checks)


def _judge(check: Check, facts: ChipFacts) -> Check:
    if check.result is not CheckResult.FAILED or check.known_deviation:
        return check
    kinds = EXPLAINED.get((check.name, check.code), frozenset())
    known = next((entry for entry in facts.defects if entry.kind in kinds and _is_about(entry, check, facts)), None)
    return check if known is None else replace(check, known_deviation=DEFECT_PREFIX + known.kind.name.lower())


def _is_about(known: KnownDefect, check: Check, facts: ChipFacts) -> bool:
    """Whether a defect's parameter covers what the finding says."""
    covers = _COVERS.get(known.kind)
    if covers is not None:
        return covers(known, check, facts)
    stated = _STATUS.get((known.kind, check.code))
    return stated is None or known.status in stated or known.status >= _FROM_HERE_OWN


def _covers_files(known: KnownDefect, check: Check, _facts: ChipFacts) -> bool:
    """Whether the files that only one list names are all among those of the defect, if it says which."""
    return not known.groups or set(check.detail.split(", ")) <= {f"DG{number}" for number in known.groups}


def _covers_mrz(known: KnownDefect, _check: Check, _facts: ChipFacts) -> bool:
    return 1 in known.groups


def _covers_country(known: KnownDefect, _check: Check, facts: ChipFacts) -> bool:
    """Whether the corrected country, in two letters or three, is the one that issued the document."""
    state = facts.mrz.issuing_state if facts.mrz else ""
    return bool(state) and known.country in (state, *certificate_countries(state))


_COVERS: Mapping[DefectType, Callable[[KnownDefect, Check, ChipFacts], bool]] = MappingProxyType(
    {
        _T.FILE_LIST_INCONSISTENT: _covers_files,
        _T.DATA_GROUP_MALFORMED: _covers_mrz,
        _T.ISSUING_COUNTRY_WRONG: _covers_country,
    }
)
