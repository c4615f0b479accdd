"""Revocation lists, deviation lists, link certificates and directories of signers: taken only from whom they must come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from drivers.sim.passport.certification import (
    CertificatePlan,
    Deviation,
    SecurityObjectPlan,
    SigningKind,
    encode_deviation_list,
    encode_revocation_list,
    encode_security_object,
    issue,
    link_certificate,
    signing_key,
)
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData, TrustError
from egate.mrtd.files.tlv import encode_tlv
from egate.pki import deviations, revocation, signers
from egate.pki.asn1 import core, elements, unwrap_application
from egate.pki.certificate import Certificate, parse_certificate
from egate.pki.cms import parse_signed_data
from egate.pki.deviations import (
    DeviationDescription,
    DeviationList,
    DeviationType,
    DocumentFacts,
    parse_deviation_list,
)
from egate.pki.passive_auth import ChainState, SignatureState, inspect_card_security, inspect_security_object
from egate.pki.revocation import parse_revocation_list
from egate.pki.signers import SignerIndex
from egate.pki.trust_store import TrustStore
from tests.unit.sim.sample_state import TODAY, chip, seeded, trust, utopia

SOD_WRONG, HASH_WRONG = "2.23.136.1.1.7.2.3", "2.23.136.1.1.7.2.2"
NUMBERS = tuple(f"C{n:08d}" for n in range(3000))
SIGNER = parse_certificate(utopia().signer.certificate)
DOCUMENT = DocumentFacts("P", NUMBERS[7], SIGNER, TODAY)
CSCA_USAGES = frozenset({"key_cert_sign", "crl_sign"})


def stranger() -> SimulatedIssuer:
    """Another State that calls itself Utopia."""
    return SimulatedIssuer.create("UTO", seeded(b"stranger"), TODAY)


def taken(*entries: Deviation) -> DeviationList:
    """The list of these deviations, signed by Utopia and taken into a store that believes Utopia."""
    return trust().with_deviations(utopia().deviation_list(*entries), TODAY).deviations[0]


# ——— revocation lists


def test_older_key_of_the_state_may_sign_the_list() -> None:
    """Doc 9303-12 appendix D.3: one list for all keys; the store here has only the old key and the link to the new one."""
    renewed, link = utopia().roll_over()
    store = trust().with_links([parse_certificate(link)], TODAY)
    by_old = encode_revocation_list([renewed.signer_serial_number], utopia().csca, TODAY)
    by_new = encode_revocation_list([renewed.signer_serial_number], renewed.csca, TODAY, number=2)
    for der in (by_old, by_new):
        assert store.with_revocations(parse_revocation_list(der)).is_revoked(parse_certificate(renewed.signer.certificate))


def test_list_with_a_smaller_number_of_the_same_day_is_a_rollback() -> None:
    first, second = (
        parse_revocation_list(encode_revocation_list(entries, utopia().csca, TODAY, number=number))
        for entries, number in (([], 1), ([2], 2))
    )
    with pytest.raises(TrustError, match="older"):
        trust().with_revocations(second).with_revocations(first)
    assert trust().with_revocations(first).with_revocations(second).revocations["UT"].number == 2


def test_another_states_list_is_refused_and_says_nothing_of_ours() -> None:
    """A trusted neighbour may revoke his own certificates only, whatever serial numbers he writes down."""
    neighbour = utopia().neighbour()
    both = TrustStore.from_certificates([utopia().csca_certificate, neighbour.csca_certificate], "both", TODAY)
    foreign = parse_revocation_list(encode_revocation_list([SIGNER.serial_number], neighbour.csca, TODAY))
    assert not both.with_revocations(foreign).is_revoked(SIGNER)
    with pytest.raises(TrustError, match="not signed by a trusted key of its State"):
        both.with_revocations(replace(foreign, country="UT", scope="UT"))


def test_list_without_a_next_date_is_current_for_ninety_days() -> None:
    found = replace(parse_revocation_list(utopia().revocation_list()), next_update=None)
    assert found.is_current_on(TODAY + timedelta(days=90), timedelta(0))
    assert not found.is_current_on(TODAY + timedelta(days=91), timedelta(0))


def test_list_of_changes_only_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "_DELTA", "2.5.29.20")  # the number extension, which our lists have
    with pytest.raises(MalformedData, match="changes only"):
        parse_revocation_list(utopia().revocation_list())


def test_revoked_csca_is_found_out() -> None:
    own = parse_certificate(utopia().csca_certificate)
    listed = parse_revocation_list(utopia().revocation_list(own.serial_number))
    sod = chip().files[ElementaryFile.SOD]
    assert inspect_security_object(sod, trust().with_revocations(listed), TODAY).chain is ChainState.ISSUER_REVOKED


# ——— link certificates


def generations(count: int) -> list[SimulatedIssuer]:
    """Utopia and what became of it after each change of its key."""
    found = [utopia()]
    for _ in range(count):
        found.append(found[-1].roll_over()[0])
    return found


def links(states: list[SimulatedIssuer]) -> list[Certificate]:
    """The link certificate of each change."""
    plan = CertificatePlan("UT", "CSCA", 20, TODAY - timedelta(days=9), timedelta(days=900), CSCA_USAGES)
    return [parse_certificate(link_certificate(plan, new.csca, old.csca)) for old, new in pairwise(states)]


def test_chain_of_links_leads_back_to_the_only_anchor() -> None:
    """Three changes of the key; the store believes the first key only, and the links come in any order."""
    states = generations(3)
    latest = parse_certificate(states[-1].signer.certificate)
    assert trust().issuer_of(latest, TODAY) is None
    store = trust().with_links(reversed(links(states)), TODAY)
    assert len(store.certificates) == 4
    assert store.issuer_of(latest, TODAY) is not None
    assert trust().with_links(links(states)[1:], TODAY).certificates == trust().certificates


def test_links_are_refused_from_strangers_other_states_signers_and_the_past() -> None:
    states = generations(1)
    (link,) = links(states)
    plan = CertificatePlan("UT", "CSCA", 21, TODAY, timedelta(days=900), CSCA_USAGES)
    by_stranger = parse_certificate(link_certificate(plan, states[1].csca, stranger().csca))
    for_another_state = parse_certificate(link_certificate(replace(plan, country="DE"), states[1].csca, utopia().csca))
    for candidate in (by_stranger, for_another_state, SIGNER, replace(link, not_after=link.not_before)):
        assert trust().with_links([candidate], TODAY).certificates == trust().certificates
    assert len(trust().with_links([link, link], TODAY).certificates) == 2


def test_document_signer_below_a_document_signer_is_no_chain() -> None:
    """The path has one certificate: a signer certifies nobody, although its signature would hold."""
    plan = CertificatePlan("UT", "Below", 30, TODAY, timedelta(days=90), frozenset({"digital_signature"}))
    below = issue(plan, signing_key(SigningKind.ECDSA_NIST, seeded(b"below")), utopia().signer)
    sod = encode_security_object({1: bytes(32)}, below)
    assert inspect_security_object(sod, trust(), TODAY).chain is ChainState.UNKNOWN_ISSUER
    refused = TrustStore.from_certificates([utopia().csca_certificate, utopia().signer.certificate], "x", TODAY)
    assert refused.rejected == ("certificate 2: it may not sign certificates",)


def test_signer_of_lists_is_no_anchor() -> None:
    plan = CertificatePlan("UT", "List", 31, TODAY, timedelta(days=9), CSCA_USAGES, extended_usage="2.23.136.1.1.3")
    der = issue(plan, signing_key(SigningKind.ECDSA_NIST, seeded(b"list")), None).certificate
    assert TrustStore.from_certificates([der], "x", TODAY).rejected == ("certificate 1: it is for another role than certifying",)


# ——— signers from a directory


@pytest.mark.parametrize("by_key_identifier", [False, True])
def test_signer_that_is_not_in_the_object_is_found_in_the_directory(by_key_identifier: bool) -> None:
    plan = SecurityObjectPlan(certificate_inside=False, by_key_identifier=by_key_identifier)
    sod = encode_security_object({1: bytes(32)}, utopia().signer, plan)
    alone = inspect_security_object(sod, trust(), TODAY)
    assert (alone.signature, alone.chain) == (SignatureState.NO_CERTIFICATE, ChainState.NOT_CHECKED)
    others = [parse_certificate(utopia(kind).signer.certificate) for kind in SigningKind]
    store = replace(trust(), signers=SignerIndex.of(others))
    found = inspect_security_object(sod, store, TODAY)
    assert (found.signature, found.chain) == (SignatureState.VERIFIED, ChainState.TRUSTED)
    assert found.signer == SIGNER


def test_directory_trusts_nobody() -> None:
    """A signer that somebody put into the directory still needs a trusted CSCA."""
    sod = encode_security_object({1: bytes(32)}, stranger().signer, SecurityObjectPlan(certificate_inside=False))
    store = replace(trust(), signers=SignerIndex.of([parse_certificate(stranger().signer.certificate)]))
    found = inspect_security_object(sod, store, TODAY)
    assert (found.signature, found.chain) == (SignatureState.VERIFIED, ChainState.UNKNOWN_ISSUER)


def test_directory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signers, "MAXIMUM_SIGNERS", 1)
    with pytest.raises(ValueError, match="more than 1"):
        SignerIndex.of([SIGNER, parse_certificate(utopia().csca_certificate)])


# ——— deviation lists


def test_list_is_taken_with_its_state_and_day() -> None:
    found = taken(Deviation(document_numbers=NUMBERS))
    assert (found.country, len(found.entries)) == ("UT", 1)
    assert found.about(DOCUMENT) == (DeviationDescription(DeviationType.SECURITY_OBJECT_SIGNATURE_WRONG),)
    assert found.about(replace(DOCUMENT, document_number="C99999999")) == ()
    assert found.about(replace(DOCUMENT, document_number=NUMBERS[0].lower() + "<<")) != ()


@pytest.mark.parametrize(
    ("entry", "other"),
    [
        (Deviation(document_type="P<"), {"document_code": "I"}),
        (Deviation(document_type="", signer=utopia().signer), {"signer": None}),
        (Deviation(document_type="", issued=(TODAY, TODAY)), {"date_of_issue": TODAY + timedelta(days=1)}),
        (Deviation(document_type="", issued=(TODAY, TODAY)), {"date_of_issue": None}),
        (Deviation(document_type="", document_numbers=NUMBERS), {"document_number": "X"}),
        (Deviation((SOD_WRONG,), "P<", utopia().signer, (TODAY, TODAY), NUMBERS), {"document_number": "X"}),
        (Deviation((SOD_WRONG,), "P<", utopia().signer, (TODAY, TODAY), NUMBERS), {"document_code": "V"}),
    ],
)
def test_selectors_are_joined_by_and(entry: Deviation, other: dict[str, object]) -> None:
    found = taken(entry)
    assert found.about(DOCUMENT) != ()
    assert found.about(replace(DOCUMENT, **other)) == ()  # type: ignore[arg-type]  # names are checked by replace


def test_entry_without_selectors_selects_nothing() -> None:
    assert taken(Deviation(document_type="")).about(DOCUMENT) == ()


def test_list_signed_by_somebody_else_is_refused() -> None:
    """By a stranger, by a document signer of the State itself, after the signer's time, and with one byte changed."""
    entry = Deviation(document_numbers=NUMBERS[:3])
    genuine = utopia().deviation_list(entry)
    changed = genuine.replace(NUMBERS[1].encode(), b"X" + NUMBERS[1].encode()[1:], 1)
    assert changed != genuine
    for data, day in (
        (stranger().deviation_list(entry), TODAY),
        (encode_deviation_list([entry], utopia().signer, utopia().csca), TODAY),
        (genuine, date(2050, 1, 1)),
        (changed, TODAY),
    ):
        with pytest.raises(TrustError, match="no trusted signer"):
            trust().with_deviations(data, day)


def test_signer_of_deviations_that_was_revoked_is_refused() -> None:
    data = utopia().deviation_list(Deviation())
    (signer,) = (entry for entry in parse_signed_data(data).certificates if "2.23.136.1.1.8" in entry.extended_key_usage)
    revoked = trust().with_revocations(parse_revocation_list(utopia().revocation_list(signer.serial_number)))
    with pytest.raises(TrustError, match="no trusted signer"):
        revoked.with_deviations(data, TODAY)


def test_master_list_is_no_deviation_list_and_older_ones_do_not_come_back() -> None:
    with pytest.raises(TrustError):
        trust().with_deviations(utopia().master_list(utopia().csca_certificate), TODAY)
    data = utopia().deviation_list(Deviation())
    store = trust().with_deviations(data, TODAY)
    newer = replace(store.deviations[0], signed=TODAY + timedelta(days=1))
    with pytest.raises(TrustError, match="older"):
        replace(store, deviations=(newer,)).with_deviations(data, TODAY)
    assert len(store.with_deviations(data, TODAY).deviations) == 1


def read(*documents: bytes, numbers: bytes = b"", kind: bytes = b"", tag: int = 0xA5) -> deviations.Deviation:
    """One entry from hand-made selectors, parsed as if it had been signed."""
    signed = parse_signed_data(utopia().deviation_list(Deviation()))
    selectors = b"".join(documents) + (encode_tlv(tag, numbers) if numbers else b"")
    description = encode_tlv(0x30, bytes(core.ObjectIdentifier(HASH_WRONG).dump()) + kind)
    entry = encode_tlv(0x30, encode_tlv(0x30, selectors) + encode_tlv(0x31, description))
    content = encode_tlv(0x30, b"\x02\x01\x00" + encode_tlv(0x31, entry))
    return parse_deviation_list(b"", replace(signed, content=content), "UT").entries[0]


def test_numbers_of_different_lengths_and_explicit_tags_are_read() -> None:
    """Lists with tags around the values instead of in their place are read as well."""
    mixed = encode_tlv(0x13, b"A1") + encode_tlv(0x13, b"B23<") + encode_tlv(0x13, b"c4")
    wanted = frozenset({b"A1", b"B23", b"C4"})
    assert read(numbers=mixed).document_numbers == wanted
    assert read(numbers=encode_tlv(0x31, mixed)).document_numbers == wanted
    assert read(encode_tlv(0xA0, encode_tlv(0x13, b"P<"))).document_type == "P"
    assert read(encode_tlv(0x82, b"key")).signer_identifier == ("key", b"key")
    assert read(encode_tlv(0xA3, encode_tlv(0x04, b"hash"))).signer_identifier == ("digest", b"hash")
    period = b"".join(bytes(core.GeneralizedTime.load(b"\x18\x0f20180101000000Z").dump()) for _ in range(2))
    assert read(encode_tlv(0xA4, encode_tlv(0x30, period))).issued == (date(2018, 1, 1), date(2018, 1, 1))


def test_parameter_names_the_data_group() -> None:
    found = read(numbers=encode_tlv(0x13, b"A1"), kind=encode_tlv(0xA0, b"\x02\x01\x0c"))
    assert found.descriptions == (DeviationDescription(DeviationType.DATA_GROUP_HASH_WRONG, 12),)


def test_signer_is_selected_by_key_and_by_digest() -> None:
    entry = read(encode_tlv(0x82, SIGNER.subject_key_identifier))
    assert entry.selects(DOCUMENT, "2.16.840.1.101.3.4.2.1")
    assert not entry.selects(replace(DOCUMENT, signer=None), "2.16.840.1.101.3.4.2.1")
    by_digest = read(encode_tlv(0x83, bytes(32)))
    assert not by_digest.selects(DOCUMENT, "2.16.840.1.101.3.4.2.1")


@pytest.mark.parametrize(
    "selector",
    [
        encode_tlv(0xA7, b"\x13\x01A"),
        b"\x13\x01A",
        encode_tlv(0xA4, b"\x18\x01A"),
        encode_tlv(0xA5, b"\x0c\x01A\x0c\x02AB"),
        b"\xa5\x05\x13",
    ],
)
def test_selector_that_is_not_understood_makes_the_list_malformed(selector: bytes) -> None:
    """It might have meant fewer documents, so leaving it out would select more."""
    with pytest.raises(MalformedData):
        read(selector)


def test_long_lists_of_values_are_walked_within_limits() -> None:
    content = b"\x04\x01a" * 5 + b"\x04\x81\x80" + bytes(128)
    assert [len(entry) for entry in elements(content, 6)] == [3] * 5 + [131]
    for wrong in (content[:-1], b"\x1f\x81\x01\x00", b"\x04\x80\x00\x00", b"\x04\x85\x00\x00\x00\x00\x01a"):
        with pytest.raises(ValueError, match="a l"):
            elements(wrong, 6)
    with pytest.raises(ValueError, match="too long"):
        elements(content, 5)


@pytest.mark.parametrize("place", [b"261124000000Z", b"270222000000Z"])
def test_revocation_list_with_an_impossible_day_is_malformed(place: bytes) -> None:
    der = utopia().revocation_list()
    assert place in der
    with pytest.raises(MalformedData):
        parse_revocation_list(der.replace(place, b"269924000000Z"))


def test_entry_of_a_revocation_list_without_a_number_is_malformed() -> None:
    der = utopia().revocation_list(77)
    assert der.count(b"\x02\x01\x4d") == 1
    with pytest.raises(MalformedData):
        parse_revocation_list(der.replace(b"\x02\x01\x4d", b"\x04\x01\x4d"))


def test_security_object_is_no_card_security() -> None:
    sod = unwrap_application(chip().files[ElementaryFile.SOD], 0x17, "test")
    found = inspect_card_security(sod, trust(), TODAY)
    assert (found.signature, found.chain) == (SignatureState.MALFORMED, ChainState.NOT_CHECKED)
    assert found.signature_reason == "the signed content is no list of security infos"


def test_content_of_another_kind_is_no_deviation_list() -> None:
    signed = parse_signed_data(utopia().master_list(utopia().csca_certificate))
    with pytest.raises(MalformedData, match="no deviation list"):
        parse_deviation_list(b"", signed, "UT")
