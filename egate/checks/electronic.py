"""Checks of the chip: access, signature, chain, revocation, hashes, and the list of files.

Each takes `ChipFacts`, what was read together with what passive authentication found out, and says what it means. Sources:
Doc 9303-11 §4–§6, TR-03135-1 §3.7.2.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from egate.checks.catalogue import finding, success
from egate.checks.countries import certificate_countries
from egate.model.checks import Check, CheckName
from egate.model.document import ChipEvidence, ElementaryFile, Mrz, ProtocolState
from egate.model.errors import MalformedData
from egate.mrtd.access import REFUSED_WAY
from egate.mrtd.files.groups.document_details import parse_dg12
from egate.mrtd.files.lds import parse_com, parse_dg1
from egate.mrtd.files.security_infos import PaceInfo, SecurityInfos, parse_card_access, parse_dg14
from egate.mrtd.pace import choose_pace
from egate.mrtd.pace_choice import choose_way
from egate.pki.certificate import Certificate
from egate.pki.defects import KnownDefect
from egate.pki.deviations import DeviationDescription, DocumentFacts
from egate.pki.passive_auth import (
    ChainState,
    HashState,
    SecurityObjectFindings,
    SignatureState,
    hash_state,
    inspect_card_security,
    inspect_security_object,
)
from egate.pki.trust_store import TrustStore

DATA_GROUPS = {ElementaryFile[f"DG{number}"]: number for number in range(1, 17)}
"""The data groups by file."""

_REQUIRED = (ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG2)

PACE_FELL_BACK = "pace_fell_back_to_bac"
"""Detail of a successful access that began with PACE and ended with BAC: a downgrade that the record must show."""

SECOND_WAY = "pace_second_way"
"""Detail of a successful access by another way of PACE than the best that was offered, which the chip refused."""

_ACCESS_PROTOCOLS = ("pace", "bac")
_SESSION_STEPS = ("application", "secure_messaging")
FAILED_STATES = frozenset({ProtocolState.REFUSED, ProtocolState.BROKEN})

_NOT_TRIED = frozenset({ProtocolState.NOT_OFFERED, ProtocolState.NOT_RUN})


@dataclass(frozen=True, slots=True)
class ChipFacts:
    """The evidence of a chip, what its security object proves (None: not read), and the MRZ of DG1.

    `mrz_malformed` tells a DG1 that is there and cannot be parsed from one that was not read. `card_security` is what
    EF.CardSecurity proves; `issued` is the day of personalisation or issue from a DG12 whose hash was signed; `deviations` is
    what the issuing State published about this document, `defects` what authorities published about those of its signers.
    """

    evidence: ChipEvidence | None
    security_object: SecurityObjectFindings | None = None
    mrz: Mrz | None = None
    mrz_malformed: bool = False
    card_security: SecurityObjectFindings | None = None
    issued: date | None = None
    deviations: tuple[DeviationDescription, ...] = ()
    defects: tuple[KnownDefect, ...] = ()

    def hash_of(self, file: ElementaryFile) -> HashState | None:
        """How a data group that was read compares with its signed hash; None when either is missing."""
        data = self.evidence.files.get(file) if self.evidence else None
        if data is None or self.security_object is None:
            return None
        return hash_state(self.security_object, DATA_GROUPS[file], data)


def gather_facts(
    evidence: ChipEvidence | None,
    trust: TrustStore,
    today: date,
    printed: Mrz | None = None,
    security_object: SecurityObjectFindings | None = None,
) -> ChipFacts:
    """Run passive authentication over what was read; the document's mistakes become states, never exceptions.

    1. EF.SOD (unless `security_object` is what was found about it) and EF.CardSecurity with their chains; 2. DG1; 3. the day of
    issue; 4. what the State published about a document with this number, the one on the chip or the one that is `printed`, and
    authorities about its signers.
    """
    if evidence is None:
        return ChipFacts(None)
    sod, card_security = (evidence.files.get(file) for file in (ElementaryFile.SOD, ElementaryFile.CARD_SECURITY))
    if sod is None:
        security_object = None
    elif security_object is None:
        security_object = inspect_security_object(sod, trust, today)
    signed_card = inspect_card_security(card_security, trust, today) if card_security is not None else None
    facts = ChipFacts(evidence, security_object, card_security=signed_card)
    dg1 = evidence.files.get(ElementaryFile.DG1)
    try:
        facts = replace(facts, mrz=parse_dg1(dg1) if dg1 is not None else None)
    except MalformedData:
        facts = replace(facts, mrz_malformed=True)
    facts = replace(facts, issued=_day_of_issue(facts))
    return replace(facts, deviations=_deviations(facts, printed, trust), defects=_defects(facts, trust))


def _day_of_issue(facts: ChipFacts) -> date | None:
    """From DG12, if its hash was signed: unsigned dates, and dates that the issuer got wrong, say nothing of the signer's key."""
    data = facts.evidence.files.get(ElementaryFile.DG12) if facts.evidence else None
    if data is None or facts.hash_of(ElementaryFile.DG12) is not HashState.MATCHES:
        return None
    try:
        details = parse_dg12(data)
        return datetime.strptime((details.personalised_at or details.date_of_issue)[:8], "%Y%m%d").date()
    except (MalformedData, ValueError):
        return None


def _deviations(facts: ChipFacts, printed: Mrz | None, trust: TrustStore) -> tuple[DeviationDescription, ...]:
    """What the issuing State's own list says about the document; another State's list says nothing about it."""
    signer = facts.security_object.signer if facts.security_object else None
    found: dict[DeviationDescription, None] = {}
    for mrz in (facts.mrz, printed):
        if mrz is None or not trust.deviations:
            continue
        document = DocumentFacts(mrz.document_code, mrz.document_number, signer, facts.issued)
        countries = certificate_countries(mrz.issuing_state)
        for listed in trust.deviations:
            if listed.country in countries:
                found.update(dict.fromkeys(listed.about(document)))
    return tuple(found)


def _defects(facts: ChipFacts, trust: TrustStore) -> tuple[KnownDefect, ...]:
    """What defect lists say about the signers of EF.SOD and of EF.CardSecurity."""
    signers = [found.signer for found in (facts.security_object, facts.card_security) if found is not None]
    known = (trust.defects_of(signer) for signer in signers if signer is not None)
    return tuple(dict.fromkeys(defect for group in known for defect in group))


def check_chip_access(facts: ChipFacts) -> Check:
    """Whether the chip opened and the session held until everything was read.

    The detail names the protocol, or the fall-back from PACE to BAC. A session that broke and was opened again is no matter
    of access once all files are there; what they are worth, the hashes tell.
    """
    name = CheckName.CHIP_ACCESS
    if facts.evidence is None:
        return finding(name, "chip_not_read")
    pace, bac = (facts.evidence.outcome(protocol).state for protocol in _ACCESS_PROTOCOLS)
    broken = [step for step in _SESSION_STEPS if facts.evidence.outcome(step).state in FAILED_STATES]
    if ProtocolState.COMPLETED not in (pace, bac):
        return finding(name, _why_closed(pace, bac, broken))
    if broken and not all(file in facts.evidence.files for file in _REQUIRED):
        return finding(name, "chip_session_broken")
    if _pace_infos_differ(facts):
        return finding(name, "pace_infos_differ")
    if _signed_way_was_refused(facts, facts.evidence):
        return finding(name, "pace_refused")
    if bac is not ProtocolState.COMPLETED:
        return success(name, "pace" if facts.evidence.outcome(REFUSED_WAY).state is ProtocolState.NOT_RUN else SECOND_WAY)
    if pace is ProtocolState.NOT_OFFERED and _signed_pace_was_hidden(facts, facts.evidence):
        return finding(name, "pace_withheld")
    return success(name, "bac" if pace in _NOT_TRIED else PACE_FELL_BACK)


def signed_pace(facts: ChipFacts) -> tuple[PaceInfo, ...]:
    """What the issuer signed of PACE: in DG14, and in EF.CardSecurity where there is one.

    EF.CardAccess itself is signed by nobody (Doc 9303-11 §9.2).
    """
    data = facts.evidence.files.get(ElementaryFile.DG14) if facts.evidence else None
    signed: list[PaceInfo] = []
    if data is not None and facts.hash_of(ElementaryFile.DG14) is HashState.MATCHES:
        with suppress(MalformedData):
            signed += parse_dg14(data).pace
    card = facts.card_security
    if card is not None and (card.signature, card.chain) == (SignatureState.VERIFIED, ChainState.TRUSTED):
        with suppress(MalformedData):
            signed += parse_card_access(card.content).pace
    return tuple(dict.fromkeys(signed))


def _pace_infos_differ(facts: ChipFacts) -> bool:
    """Whether EF.CardAccess lacks a way of PACE that the issuer signed in DG14: somebody weakened the choice.

    More in EF.CardAccess than in DG14 is common among issued documents, whose DG14 has none at all.
    """
    signed, data = signed_pace(facts), facts.evidence.files.get(ElementaryFile.CARD_ACCESS) if facts.evidence else None
    if not signed or data is None:
        return False
    try:
        return not set(signed) <= set(parse_card_access(data).pace)
    except MalformedData:
        return True


def _signed_way_was_refused(facts: ChipFacts, evidence: ChipEvidence) -> bool:
    """Whether the chip, or somebody on the wire, refused a way of PACE that the issuer signed, so that a weaker one opened it.

    Chips that refuse what they offer exist; what tells them from an attack is that nobody signed their offer.
    """
    refused = {
        outcome.variant
        for outcome in evidence.protocols
        if outcome.protocol in {"pace", REFUSED_WAY} and outcome.state is ProtocolState.REFUSED
    }
    ways = [choose_way(SecurityInfos((info,))).way for info in signed_pace(facts)] if refused else []
    return any(way is not None and way.variant in refused for way in ways)


def _signed_pace_was_hidden(facts: ChipFacts, evidence: ChipEvidence) -> bool:
    """Whether BAC was run because EF.CardAccess could not be read, although the issuer signed a way of PACE that we speak."""
    return ElementaryFile.CARD_ACCESS not in evidence.files and choose_pace(signed_pace(facts)) is not None


def _why_closed(pace: ProtocolState, bac: ProtocolState, broken: list[str]) -> str:
    if ProtocolState.BROKEN in (pace, bac):
        return "chip_session_broken"
    if ProtocolState.REFUSED in (pace, bac):
        return "access_keys_refused"
    if "application" in broken:
        return "no_passport_application"
    return "no_access_control" if (pace, bac) == (ProtocolState.NOT_OFFERED,) * 2 else "access_not_tried"


_SIGNATURE_CODES = {
    SignatureState.MALFORMED: "security_object_malformed",
    SignatureState.INVALID: "signature_wrong",
    SignatureState.NO_CERTIFICATE: "signer_certificate_missing",
}


def check_signature(facts: ChipFacts) -> Check:
    """Whether the signature of the security object holds."""
    name = CheckName.SECURITY_OBJECT_SIGNATURE
    found = facts.security_object
    if found is None:
        return finding(name, "security_object_missing")
    if found.signature is not SignatureState.VERIFIED:
        return finding(name, _SIGNATURE_CODES[found.signature], found.signature_reason)
    return success(name)


LONGEST_ISSUE_DELAY = timedelta(days=92)
"""How far the day of issue may lie from the signer's period: States print the day of the application or of the hand-over, and a
document is signed in between (Doc 9303-3 §7.3.6 warns of it)."""

_CHAIN_CODES = {
    ChainState.NOT_CHECKED: "chain_not_checked",
    ChainState.UNKNOWN_ISSUER: "issuer_unknown",
    ChainState.SIGNER_NOT_VALID: "signer_not_valid",
    ChainState.ISSUER_NOT_VALID: "issuer_not_valid",
    ChainState.WRONG_USAGE: "signer_wrong_usage",
    ChainState.REVOKED: "signer_revoked",
    ChainState.ISSUER_REVOKED: "issuer_revoked",
    ChainState.ISSUER_WRONG_USAGE: "issuer_wrong_usage",
    ChainState.SIGNER_DOUBTED: "signer_doubted",
}


def check_chain(facts: ChipFacts) -> Check:
    """Whether the document signer leads to a trusted State, and was signing when the document was issued, if that is known."""
    name = CheckName.CERTIFICATE_CHAIN
    found = facts.security_object
    if found is None:
        return finding(name, "security_object_missing")
    if found.chain is not ChainState.TRUSTED:
        return finding(name, _CHAIN_CODES[found.chain], found.chain_reason)
    if found.signer is not None and facts.issued is not None and not _was_signing(found.signer, facts.issued):
        return finding(name, "signed_outside_key_period")
    return success(name)


def _was_signing(signer: Certificate, issued: date) -> bool:
    """Whether the private key usage period comes near the day of issue (Doc 9303-12 §7.1.1)."""
    return any(signer.could_sign_on(issued + delay) for delay in (timedelta(0), LONGEST_ISSUE_DELAY, -LONGEST_ISSUE_DELAY))


def check_revocation(facts: ChipFacts, today: date, grace_days: int = 0) -> Check:
    """Whether a current revocation list of the State was there and names neither signer nor CSCA, and no defect list does.

    A list that names one of them is believed at any age; one that names none only while it is current.
    """
    name = CheckName.CERTIFICATE_REVOCATION
    found = facts.security_object
    if found is None or found.csca is None:
        return finding(name, "chain_not_checked")
    listed = found.revocation
    if listed.signer_revoked or listed.issuer_revoked:
        return finding(name, "signer_revoked" if listed.signer_revoked else "issuer_revoked")
    if listed.signer_doubted:
        return finding(name, "signer_doubted")
    if listed.revocations is None:
        return finding(name, "revocation_list_missing", found.csca_country)
    if not listed.revocations.is_current_on(today, timedelta(days=grace_days)):
        return finding(name, "revocation_list_stale", listed.revocations.this_update.isoformat())
    return success(name, listed.revocations.this_update.isoformat())


_HASH_CODES = (
    (HashState.DIFFERS, "data_group_hash_wrong"),
    (HashState.NOT_LISTED, "data_group_not_signed"),
    (HashState.UNKNOWN_ALGORITHM, "hash_algorithm_unknown"),
)
"""The worst first."""


def check_hashes(facts: ChipFacts) -> Check:
    """Whether every data group read is what was signed; the detail names the data groups."""
    name = CheckName.DATA_GROUP_HASHES
    if facts.evidence is None or facts.security_object is None:
        return finding(name, "security_object_missing")
    if not facts.security_object.hashes:
        return finding(name, "hashes_unreadable")
    states = {file: facts.hash_of(file) for file in DATA_GROUPS if file in facts.evidence.files}
    for state, code in _HASH_CODES:
        concerned = [file.name for file, found in states.items() if found is state]
        if concerned:
            return finding(name, code, ", ".join(concerned))
    missing = [file.name for file in _REQUIRED if file not in facts.evidence.files]
    if missing:
        return finding(name, "data_group_missing", ", ".join(missing))
    return success(name, ", ".join(file.name for file in states))


def check_file_list(facts: ChipFacts) -> Check:
    """Whether EF.COM lists the data groups whose hashes were signed; EF.SOD counts in any case (Doc 9303-10 §4.6.1).

    The detail names the data groups that only one of them has.
    """
    name = CheckName.FILE_LIST_CONSISTENT
    data = facts.evidence.files.get(ElementaryFile.COM) if facts.evidence else None
    if data is None or facts.security_object is None or not facts.security_object.hashes:
        return finding(name, "file_list_missing")
    try:
        listed = {DATA_GROUPS[file] for file in parse_com(data).files if file in DATA_GROUPS}
    except MalformedData:
        return finding(name, "file_list_malformed")
    differing = sorted(listed ^ set(facts.security_object.hashes))
    if differing:
        return finding(name, "file_list_differs", ", ".join(f"DG{number}" for number in differing))
    return success(name)
