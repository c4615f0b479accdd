"""An inspection record in the structure of BSI TR-03135-1, as XML: the tree of its checks, each with clause, table and result.

Rule: the structure and the results follow the text of the guideline (version 2.5, §5.4 to §5.7 and its tables). Its XML schemas
(dc4v4.xsd and the others of Table 6.1) are not published with the text and were not at hand, so this is not a document of theirs:
it has a namespace of its own and does not carry theirs. Whoever has the schemas maps the tree by its clause numbers.

Where the guideline says another thing than our own checks (a signer without a known CSCA is undetermined there and failed here),
the tree says what the guideline says; our finding stands in the record. A check that the profile calls evaluatory is in the tree
and never part of a result above it (§3.7).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from egate.inspection import guideline_tables as t
from egate.inspection.guideline_tables import Integrity, TrustStatus
from egate.inspection.record import InspectionRecord, SecurityObjectRecord
from egate.inspection.shape import to_json
from egate.model.checks import CheckName, CheckResult, RunMode
from egate.model.document import ElementaryFile, ProtocolState
from egate.pki.passive_auth import ChainState, HashState, SignatureState

NAMESPACE = "urn:egate:inspection:tr-03135-1"
"""Ours. The guideline's own namespaces (http://trdoccheck.bsi.bund.de/…) belong to its schemas."""

GUIDELINE = "BSI TR-03135-1 version 2.5"

_S, _F, _U = CheckResult.SUCCESSFUL, CheckResult.FAILED, CheckResult.UNDETERMINED
_N, _A = CheckResult.NOT_SUPPORTED, CheckResult.ABORTED

_OPTIONAL_FIELDS = {"optional_data", "optional_data_2"}
_PROOF_UNDECIDED = frozenset({"chip_key_not_authentic", "chip_key_compromised"})


@dataclass(frozen=True, slots=True)
class Node:
    """One check of the guideline: clause, name, table, result, what it says beyond that, its parts.

    `counts` False keeps an evaluatory check out of what is above it. `word` replaces the result's word where a table has others.
    """

    clause: str
    name: str
    table: str
    result: CheckResult
    parts: tuple[Node, ...] = ()
    detail: str = ""
    counts: bool = True
    word: str = ""


def guideline_tree(record: InspectionRecord) -> Node:
    """The tree of checks of one inspection."""
    parts = (_optical(record), *((_electronic(record),) if record.document.chip else ()), _combined(record))
    return _whole("5.4", "document", "5.2", t.overall, parts)


def _whole(
    clause: str, name: str, table: str, rule: Callable[[Iterable[CheckResult]], CheckResult], parts: tuple[Node, ...]
) -> Node:
    return Node(clause, name, table, rule(part.result for part in parts if part.counts), parts)


def _counts(record: InspectionRecord, name: CheckName, result: CheckResult) -> bool:
    """Whether a check is part of the results above: by its run mode, and a missing feature only where it is mandatory."""
    entry = record.check(name)
    if entry is None or entry.mode is RunMode.EVALUATORY:
        return False
    return entry.mode is RunMode.MANDATORY or result is not _N


def _result(record: InspectionRecord, name: CheckName) -> CheckResult:
    entry = record.check(name)
    return entry.result if entry is not None else _U


def _detail(record: InspectionRecord, name: CheckName) -> str:
    entry = record.check(name)
    return ": ".join(part for part in (entry.code, entry.detail) if part) if entry is not None else ""


# -- optical and combined -------------------------------------------------------------------------------------------------


def _optical(record: InspectionRecord) -> Node:
    """§5.5.4; of its parts we make the check of the machine readable zone."""
    name = CheckName.MRZ_CHECK_DIGITS
    digits = Node(
        "5.5.4.1.1", "mrz-consistency", "5.8", t.mrz((_result(record, name),)), detail=_detail(record, name), counts=True
    )
    compliance = _whole("5.5.4.1", "mrz-compliance", "5.7", t.mrz, (digits,))
    counted = Node(
        compliance.clause,
        compliance.name,
        compliance.table,
        compliance.result,
        compliance.parts,
        counts=_counts(record, name, compliance.result),
    )
    return _whole("5.5.4", "optical", "5.6", t.optical, (counted,))


def _combined(record: InspectionRecord) -> Node:
    expiry, matches = CheckName.DOCUMENT_EXPIRY, CheckName.MRZ_MATCHES_CHIP
    ended, compared = _result(record, expiry), _compared(record)
    parts = (
        Node("5.7.1", "expiration", "5.45", ended, (), _detail(record, expiry), _counts(record, expiry, ended)),
        Node("5.7.2", "mrz-and-dg1", "5.46", compared, (), _detail(record, matches), _counts(record, matches, compared)),
    )
    return _whole("5.7", "combined", "5.44", t.combined, parts)


def _compared(record: InspectionRecord) -> CheckResult:
    """Table 5.46: a difference in optional data alone is undetermined; without a printed zone there is nothing to compare."""
    entry = record.check(CheckName.MRZ_MATCHES_CHIP)
    if entry is None:
        return _U
    if entry.code == "mrz_not_read":
        return _N
    if entry.code == "mrz_differs_from_chip" and set(entry.detail.split(", ")) <= _OPTIONAL_FIELDS:
        return _U
    return entry.result


# -- electronic -----------------------------------------------------------------------------------------------------------


def _electronic(record: InspectionRecord) -> Node:
    return _whole("5.6", "electronic", "", t.electronic, (_access(record), _content(record)))


_ACCESS_RESULTS = {
    ProtocolState.COMPLETED: _S,
    ProtocolState.REFUSED: _F,
    ProtocolState.BROKEN: _F,
    ProtocolState.NOT_OFFERED: _N,
    ProtocolState.NOT_RUN: _N,
}


def _access(record: InspectionRecord) -> Node:
    protocols = tuple(
        Node(clause, name, table, _ACCESS_RESULTS[_state(record, name)], (), _variant(record, name))
        for clause, name, table in (("5.6.3.1.1", "bac", "5.19"), ("5.6.3.1.2", "pace", "5.20"))
    )
    opened = _whole("5.6.3.1", "bac-or-pace", "5.18", t.bac_or_pace, protocols)
    name = "terminal_authentication"
    state = _state(record, name)
    result = _U if state is ProtocolState.NOT_RUN else _ACCESS_RESULTS[state]
    counts = _counts(record, CheckName.TERMINAL_AUTHENTICATION, result)
    terminal = Node("5.6.3.2", "terminal-authentication", "5.21", result, (), _variant(record, name), counts)
    return _whole("5.6.3", "chip-access", "5.17", t.access, (opened, terminal))


def _state(record: InspectionRecord, protocol: str) -> ProtocolState:
    """The first outcome of a protocol, as the checks look at it."""
    return next((entry.state for entry in record.protocols if entry.protocol == protocol), ProtocolState.NOT_RUN)


def _variant(record: InspectionRecord, protocol: str) -> str:
    return next((entry.variant for entry in record.protocols if entry.protocol == protocol), "")


def _content(record: InspectionRecord) -> Node:
    parts = (
        _chip_authenticity(record),
        _security_objects(record),
        _issuers(record),
        _integrity(record),
        _leaf(record, "5.6.4.5", "issuing-state", "5.43", CheckName.ISSUER_MATCHES_CERTIFICATE),
    )
    return _whole("5.6.4", "chip-content", "5.22", t.content, parts)


def _leaf(record: InspectionRecord, clause: str, name: str, table: str, check: CheckName) -> Node:
    result = _result(record, check)
    return Node(clause, name, table, result, (), _detail(record, check), _counts(record, check, result))


_PROOFS = (
    ("5.6.4.1.1", "aa", "5.24", "active_authentication", "active_authentication_failed"),
    ("5.6.4.1.2", "ca", "5.25", "chip_authentication", "chip_authentication_failed"),
    ("5.6.4.1.3", "pace-cam", "5.26", "chip_authentication_mapping", "mapping_proof_failed"),
)


def _chip_authenticity(record: InspectionRecord) -> Node:
    """A proof that completed under a key that nobody vouches for leaves its table undetermined, and so does a withheld key."""
    entry = record.check(CheckName.CHIP_GENUINE)
    code = entry.code if entry is not None else ""
    parts = tuple(
        Node(clause, name, table, _proof_result(_state(record, protocol), code, failure), (), _variant(record, protocol))
        for clause, name, table, protocol, failure in _PROOFS
    )
    result = t.chip_authenticity(part.result for part in parts)
    counts = _counts(record, CheckName.CHIP_GENUINE, result)
    return Node("5.6.4.1", "chip-authenticity", "5.23", result, parts, code, counts)


def _proof_result(state: ProtocolState, code: str, failure: str) -> CheckResult:
    if state in (ProtocolState.REFUSED, ProtocolState.BROKEN) or code == failure:
        return _F
    if state is ProtocolState.COMPLETED:
        return _U if code in _PROOF_UNDECIDED else _S
    return _U if code in ("chip_key_withheld", "chip_proof_not_run") else _N


_SIGNATURE_RESULTS = {
    SignatureState.VERIFIED: _S,
    SignatureState.INVALID: _F,
    SignatureState.MALFORMED: _F,
    SignatureState.NO_CERTIFICATE: _U,
}
_CONTENT_CHANGED = "the content is not what was signed"
"""The reason that names the hash of the content rather than the signature over the attributes (Table 5.29)."""


def _security_objects(record: InspectionRecord) -> Node:
    parts = tuple(_security_object(entry) for entry in record.security_objects)
    name = CheckName.SECURITY_OBJECT_SIGNATURE
    node = _whole("5.6.4.2.1", "security-objects", "5.27", t.together, parts)
    there = any(entry.file is ElementaryFile.SOD for entry in record.security_objects)
    result = node.result if there or node.result is _F else _U
    return Node(node.clause, node.name, node.table, result, parts, _detail(record, name), _counts(record, name, result))


def _security_object(entry: SecurityObjectRecord) -> Node:
    changed = entry.reason == _CONTENT_CHANGED
    signature = _SIGNATURE_RESULTS[entry.signature]
    hashed = _F if changed else _S if signature is _S else _U
    parts = (
        Node("5.6.4.2.2", "hash", "5.29", hashed, (), entry.hash_algorithm),
        Node("5.6.4.2.2", "signature", "5.30", _U if changed else signature),
    )
    return Node("5.6.4.2.2", _file_word(entry.file), "5.28", t.together(part.result for part in parts), parts)


def _file_word(file: ElementaryFile) -> str:
    return "ef-" + file.name.lower().replace("_", "-")


def _issuers(record: InspectionRecord) -> Node:
    parts = tuple(_issuer(record, entry) for entry in record.security_objects)
    node = _whole("5.6.4.3", "issuer-certificates", "5.31", t.together, parts)
    name = CheckName.CERTIFICATE_CHAIN
    return Node(node.clause, node.name, node.table, node.result, parts, _detail(record, name), _counts(record, name, node.result))


_TRUST = {
    ChainState.TRUSTED: TrustStatus.TRUSTED,
    ChainState.NOT_CHECKED: TrustStatus.UNDETERMINED,
    ChainState.SIGNER_DOUBTED: TrustStatus.UNDETERMINED,
}
_NO_ISSUER = frozenset({ChainState.UNKNOWN_ISSUER, ChainState.NOT_CHECKED})


def _issuer(record: InspectionRecord, entry: SecurityObjectRecord) -> Node:
    """Tables 5.33 to 5.38. Without a known CSCA the signature and the trust status are undetermined."""
    known = entry.chain not in _NO_ISSUER
    status = _TRUST.get(entry.chain, TrustStatus.NOT_TRUSTED if known else TrustStatus.UNDETERMINED)
    periods = (
        Node("5.6.4.3.4", "csca-validity", "5.35", _valid(entry.issuer_valid)),
        Node("5.6.4.3.4", "ds-validity", "5.36", _valid(entry.signer_valid)),
    )
    revoked = _revoked(record, entry)
    parts = (
        Node("5.6.4.3.3", "ds-signature", "5.33", _S if known else _U),
        _whole("5.6.4.3.4", "validity", "5.34", t.validity, periods),
        Node("5.6.4.3.5", "ds-revocation", "5.37", revoked, counts=_revocation_counts(record, revoked)),
        Node("5.6.4.3.6", "trust-status", "5.38", t.of_trust(status), word=status.value),
    )
    return _whole("5.6.4.3.2", _file_word(entry.file), "5.32", t.together, parts)


def _valid(valid: bool | None) -> CheckResult:
    return _U if valid is None else _S if valid else _F


def _revoked(record: InspectionRecord, entry: SecurityObjectRecord) -> CheckResult:
    """Table 5.37, for the signer of EF.SOD from our check, for another one from its chain."""
    if entry.chain is ChainState.REVOKED:
        return _F
    return _result(record, CheckName.CERTIFICATE_REVOCATION) if entry.file is ElementaryFile.SOD else _U


def _revocation_counts(record: InspectionRecord, result: CheckResult) -> bool:
    """A revoked signer counts in any case; a list that is not there only where the profile asks for one."""
    return result is _F or _counts(record, CheckName.CERTIFICATE_REVOCATION, result)


_INTEGRITY = {
    HashState.MATCHES: Integrity.IDENTICAL,
    HashState.DIFFERS: Integrity.NOT_IDENTICAL,
    HashState.NOT_LISTED: Integrity.NOT_IDENTICAL,
    HashState.UNKNOWN_ALGORITHM: Integrity.NON_CONFORMANCE,
    HashState.NO_HASHES: Integrity.NON_CONFORMANCE,
}
"""A data group without a signed hash is not identical to one: nobody signed it."""

_INTEGRITY_RESULTS = {Integrity.IDENTICAL: _S, Integrity.NOT_IDENTICAL: _F}
_NEEDED = frozenset({ElementaryFile.DG1, ElementaryFile.DG2})


def _integrity(record: InspectionRecord) -> Node:
    lists = CheckName.FILE_LIST_CONSISTENT
    listed = _result(record, lists)
    compared = _N if listed is _U else listed
    states = {entry.file: _integrity_of(entry.hash, read=entry.read) for entry in record.files if entry.file.name[:2] == "DG"}
    groups = tuple(
        Node("5.6.4.4.2", file.name.lower(), "5.42", _INTEGRITY_RESULTS.get(state, _U), (), "", True, state.value)
        for file, state in states.items()
    )
    all_groups = t.data_groups(states.values())
    if all_groups is _S and not all(states.get(file) is Integrity.IDENTICAL for file in _NEEDED):
        all_groups = _U
    parts = (
        Node("5.6.4.4.1", "ef-sod-and-ef-com", "5.40", compared, (), _detail(record, lists), _counts(record, lists, compared)),
        Node("5.6.4.4.2", "data-groups", "5.41", all_groups, groups),
    )
    return _whole("5.6.4.4", "integrity", "5.39", t.together, parts)


def _integrity_of(state: HashState | None, *, read: bool) -> Integrity:
    if not read:
        return Integrity.PRESENT
    return _INTEGRITY[state] if state is not None else Integrity.NON_CONFORMANCE


# -- XML ------------------------------------------------------------------------------------------------------------------


def encode_guideline(record: InspectionRecord) -> bytes:
    """The record as XML in UTF-8: context of the inspection (§6.3), then the tree of checks; nothing of a person."""
    ET.register_namespace("", NAMESPACE)
    root = ET.Element(_tag("inspection"), {"guideline": GUIDELINE, "transaction": record.transaction})
    context = ET.SubElement(root, _tag("context"))
    for name in ("began", "ended"):
        ET.SubElement(context, _tag(name)).text = str(to_json(getattr(record, name)))
    ET.SubElement(context, _tag("place"), {"lane": record.place.lane, "terminal": record.place.terminal})
    for component in record.components:
        ET.SubElement(context, _tag("component"), {"name": component.name, "version": component.version})
    document = record.document
    ET.SubElement(context, _tag("document"), {"form": document.form, "code": document.code, "issuer": document.issuing_state})
    for stage in record.stages:
        ET.SubElement(context, _tag("stage"), {"name": stage.stage, "at-ms": str(stage.at_ms)})
    _append(root, guideline_tree(record))
    errors = ET.SubElement(root, _tag("errors"))
    for entry in record.checks:
        if entry.number is not None and entry.performed:
            attributes = {"code": str(entry.number), "class": entry.group.value, "check": entry.name.value}
            ET.SubElement(errors, _tag("error"), attributes).text = entry.text
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _append(parent: ET.Element, node: Node) -> None:
    attributes = {"clause": node.clause, "name": node.name, "result": node.word or node.result.word}
    attributes |= {"table": node.table} if node.table else {}
    attributes |= {} if node.counts else {"evaluatory": "true"}
    attributes |= {"detail": node.detail} if node.detail else {}
    element = ET.SubElement(parent, _tag("check"), attributes)
    for part in node.parts:
        _append(element, part)
