"""Defect lists (TR-03129-2 §7): who may sign one, what it says about whom, and that nothing else is let in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from drivers.sim.passport.certification import (
    ListedDefect,
    defect_list_plan,
    deviation_list_plan,
    elliptic_key,
    encode_defect_list,
    encode_revocation_list,
    issue,
)
from drivers.sim.passport.signed_objects import signed_data
from egate.model.errors import MalformedData, TrustError
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.asn1 import core
from egate.pki.certificate import parse_certificate
from egate.pki.cms import parse_signed_data
from egate.pki.defects import DEFECT_LIST_CONTENT, DefectList, DefectType, KnownDefect, parse_defect_list
from egate.pki.revocation import parse_revocation_list
from egate.pki.trust_store import TrustStore
from tests.unit.pki.test_attack_lists import with_stranger_in_front
from tests.unit.sim.sample_state import TODAY, seeded, trust, utopia

UTOPIA = utopia()
NEIGHBOUR = UTOPIA.neighbour()
PINNED = TrustStore.from_certificates([NEIGHBOUR.csca_certificate], "pinned", TODAY)
SIGNER = parse_certificate(UTOPIA.signer.certificate)
SHA256 = "2.16.840.1.101.3.4.2.1"
T = DefectType


def status(number: int) -> bytes:
    return encode_tlv(0x0A, bytes([number]))


def numbers(*values: int) -> bytes:
    return encode_tlv(0x31, b"".join(encode_tlv(0x02, bytes([value])) for value in values))


def listed(*defects: tuple[str, bytes], named_by: str = "name", **options: object) -> DefectList:
    """What a store believes after a list of the neighbour about Utopia's document signer."""
    entry = replace(ListedDefect(UTOPIA.signer, defects, named_by), **options)  # type: ignore[arg-type]  # replace checks the names
    (found,) = trust().with_defects(NEIGHBOUR.defect_list(entry), PINNED, TODAY).defects
    return found


PARAMETERS = {
    "1.1": (status(3), KnownDefect(T.SIGNER_REVOKED, 3)),
    "1.2": (encode_tlv(0x04, UTOPIA.signer.certificate), KnownDefect(T.SIGNER_REPLACED)),
    "1.3": (b"", KnownDefect(T.CHIP_AUTHENTICATION_KEY_COMPROMISED)),
    "1.4": (b"\x05\x00", KnownDefect(T.ACTIVE_AUTHENTICATION_KEY_COMPROMISED)),
    "1.5": (status(6), KnownDefect(T.AUTHENTICATION_PROTOCOL_FAILURE, 6)),
    "1.6": (status(1), KnownDefect(T.VALIDITY_PERIOD_INCORRECT, 1)),
    "1.7": (b"", KnownDefect(T.UNKNOWN_AUTHENTICATION)),
    "2.1": (numbers(1, 14), KnownDefect(T.DATA_GROUP_MALFORMED, groups=frozenset({1, 14}))),
    "2.2": (status(4), KnownDefect(T.SECURITY_OBJECT_INVALID, 4)),
    "2.3": (encode_tlv(0x30, numbers(1, 2) + numbers(1, 2, 14)), KnownDefect(T.FILE_LIST_INCONSISTENT, groups=frozenset({14}))),
    "2.4": (encode_tlv(0x80, b"key"), KnownDefect(T.SIGNER_IDENTIFIER_WRONG)),
    "2.5": (encode_tlv(0x13, b"ut"), KnownDefect(T.ISSUING_COUNTRY_WRONG, country="UT")),
    "2.9": (b"", KnownDefect(T.UNKNOWN)),
    "3.1": (b"", KnownDefect(T.UNKNOWN)),
    "4.1": (encode_tlv(0x30, b""), KnownDefect(T.CARD_SECURITY_MALFORMED)),
    "4.2": (b"", KnownDefect(T.CHIP_SECURITY_MALFORMED)),
    "4.3": (b"", KnownDefect(T.POWER_DOWN_REQUIRED)),
    "4.4": (status(2), KnownDefect(T.SIGNER_MALFORMED, 2)),
    "4.5": (b"", KnownDefect(T.UNKNOWN_DOCUMENT)),
}


@pytest.mark.parametrize("description", ["", "made wrong in May"], ids=["version 1", "version 2"])
@pytest.mark.parametrize("kind", PARAMETERS)
def test_every_type_of_defect_is_read_with_its_parameter(kind: str, description: str) -> None:
    parameter, expected = PARAMETERS[kind]
    assert listed((kind, parameter), description=description).about(SIGNER) == (expected,)


def test_types_without_their_optional_parameter() -> None:
    found = listed(("2.2", b""), ("2.3", b"")).about(SIGNER)
    assert set(found) == {KnownDefect(T.SECURITY_OBJECT_INVALID), KnownDefect(T.FILE_LIST_INCONSISTENT)}


@pytest.mark.parametrize("kind", [kind for kind in PARAMETERS if PARAMETERS[kind][0] and kind not in ("1.4", "2.2", "2.3")])
@pytest.mark.parametrize("parameter", [b"", b"\x0c\x01x", b"\x30\x80\x00\x00"])
def test_parameter_that_must_be_there_and_is_not(kind: str, parameter: bytes) -> None:
    with pytest.raises(MalformedData):
        listed((kind, parameter))


@pytest.mark.parametrize("named_by", ["name", "key", "hash"])
@pytest.mark.parametrize("with_hash", [False, True])
def test_a_signer_is_named_in_each_way_and_no_other_is_meant(named_by: str, with_hash: bool) -> None:
    found = listed(("1.3", b""), named_by=named_by, with_hash=with_hash)
    assert [known.kind for known in found.about(SIGNER)] == [T.CHIP_AUTHENTICATION_KEY_COMPROMISED]
    assert found.about(parse_certificate(NEIGHBOUR.signer.certificate)) == ()
    assert found.about(replace(SIGNER, der=SIGNER.der + b"\x00")) == (
        () if with_hash or named_by == "hash" else found.about(SIGNER)
    )


def test_a_signer_without_key_identifier_is_not_named_by_an_empty_one() -> None:
    with pytest.raises(MalformedData):
        parse(entries(encode_tlv(0x80, b"") + defects()))
    found = listed(("1.3", b""), named_by="key")
    assert found.about(replace(SIGNER, subject_key_identifier=b"")) == ()


# ——— who may sign


def test_a_defect_list_counts_under_a_pinned_key_only() -> None:
    data = NEIGHBOUR.defect_list(ListedDefect(UTOPIA.signer, (("1.1", status(3)),)))
    both = TrustStore.from_certificates([UTOPIA.csca_certificate, NEIGHBOUR.csca_certificate], "listed", TODAY)
    with pytest.raises(TrustError, match="no trusted signer"):
        both.with_defects(data, trust(), TODAY)
    assert both.with_defects(data, PINNED, TODAY).defects[0].country == "ZZ"


def test_signers_that_may_not_sign_defect_lists() -> None:
    """Another role, another time, a revoked certificate, a changed content: each is refused."""
    entry = ListedDefect(UTOPIA.signer, (("1.1", status(3)),))
    key = elliptic_key(NEIGHBOUR.csca.key.curve, seeded(b"lists"))  # type: ignore[union-attr]  # the neighbour signs with ECDSA
    long_ago = TODAY - timedelta(days=400)
    plans = [
        deviation_list_plan("ZZ", TODAY - timedelta(days=10), timedelta(days=90)),
        defect_list_plan("ZZ", long_ago, timedelta(days=90)),
    ]
    for plan in plans:
        with pytest.raises(TrustError, match="no trusted signer"):
            trust().with_defects(encode_defect_list([entry], issue(plan, key, NEIGHBOUR.csca), NEIGHBOUR.csca), PINNED, TODAY)
    revoked = PINNED.with_revocations(parse_revocation_list(encode_revocation_list([5], NEIGHBOUR.csca, TODAY)))
    good = NEIGHBOUR.defect_list(entry)
    with pytest.raises(TrustError, match="no trusted signer"):
        trust().with_defects(good, revoked, TODAY)
    changed = good.replace(status(3), status(2), 1)
    with pytest.raises(TrustError, match="no trusted signer"):
        trust().with_defects(changed, PINNED, TODAY)


def test_an_older_list_does_not_replace_a_newer_one_and_another_authority_none() -> None:
    entry = ListedDefect(UTOPIA.signer, (("1.1", status(3)),))
    store = trust().with_defects(NEIGHBOUR.defect_list(entry, signed_at=TODAY), PINNED, TODAY)
    for older in (NEIGHBOUR.defect_list(signed_at=TODAY - timedelta(days=1)), NEIGHBOUR.defect_list()):
        with pytest.raises(TrustError, match="older than the one we have"):
            store.with_defects(older, PINNED, TODAY)
    both = store.with_defects(UTOPIA.defect_list(signed_at=TODAY), trust(), TODAY)
    assert {found.country: found.signed for found in both.defects} == {"ZZ": TODAY, "UT": TODAY}
    assert both.is_revoked(SIGNER)
    newer = both.with_defects(NEIGHBOUR.defect_list(signed_at=TODAY), PINNED, TODAY)
    assert not newer.is_revoked(SIGNER)


def test_day_of_a_list_is_that_of_its_signer() -> None:
    """A stranger's day would refuse every later list as older."""
    (found,) = trust().with_defects(with_stranger_in_front(NEIGHBOUR.defect_list()), PINNED, TODAY).defects
    assert found.signed is None


# ——— the form


def defects(*encoded: bytes) -> bytes:
    known = encode_tlv(0x30, bytes(core.ObjectIdentifier(f"{DEFECT_LIST_CONTENT}.1.3").dump()))
    return encode_tlv(0x31, b"".join(encoded or (known,)))


def entries(*contents: bytes) -> bytes:
    return encode_tlv(0x31, b"".join(encode_tlv(0x30, content) for content in contents))


def parse(encoded: bytes, version: int = 0, hash_oid: str = SHA256, content_type: str = DEFECT_LIST_CONTENT) -> DefectList:
    head = bytes(core.Integer(version).dump()) + bytes(core.ObjectIdentifier(hash_oid).dump())
    data = signed_data(content_type, encode_tlv(0x30, head + encoded), UTOPIA.signer)
    return parse_defect_list(data, parse_signed_data(data), "UT")


KEY = encode_tlv(0x80, b"identifier")


def test_key_identifiers_and_defects_with_tags_around_them() -> None:
    """The modules of RFC 5652 tag implicitly; encoders differ."""
    named = encode_tlv(0xA0, encode_tlv(0x04, b"identifier"))
    known = encode_tlv(0xA0, encode_tlv(0x30, bytes(core.ObjectIdentifier(f"{DEFECT_LIST_CONTENT}.4.2").dump())))
    found = parse(entries(named + defects(known) + encode_tlv(0x0C, b"text")), version=1)
    (known_defect,) = found.about(replace(SIGNER, subject_key_identifier=b"identifier"))
    assert known_defect.kind is T.CHIP_SECURITY_MALFORMED


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: parse(entries(KEY + defects()), version=2),
        lambda: parse(entries(KEY + defects()), hash_oid="1.2.3"),
        lambda: parse(entries(KEY + defects()), content_type="2.23.136.1.1.7"),
        lambda: parse(entries(defects())),
        lambda: parse(entries(KEY)),
        lambda: parse(entries(b"")),
        lambda: parse(entries(KEY + KEY + defects())),
        lambda: parse(entries(encode_tlv(0x81, b"x") + defects())),
        lambda: parse(entries(KEY + encode_tlv(0x04, b"h") + defects() + defects())),
        lambda: parse(entries(KEY + defects() + encode_tlv(0x0C, b"only in version 2"))),
        lambda: parse(entries(KEY + defects(b"\x02\x01\x00"))),
        lambda: parse(entries(KEY + defects(encode_tlv(0x30, b"\x06\x01\x2a\x05\x00\x05\x00")))),
        lambda: parse(entries(KEY + defects(encode_tlv(0xA0, b"\x06\x01\x2a\x82\x00")))),
        lambda: parse(entries(KEY + defects()) + b"\x05\x00"),
        lambda: parse(b"\x05\x00"),
    ],
)
def test_what_is_no_defect_list_is_malformed(wrong: Callable[[], DefectList]) -> None:
    with pytest.raises(MalformedData):
        wrong()


def test_a_type_below_another_root_is_unknown() -> None:
    (known,) = parse(entries(KEY + defects(encode_tlv(0x30, b"\x06\x01\x2a")))).about(
        replace(SIGNER, subject_key_identifier=b"identifier")
    )
    assert (known.kind, known.casts_doubt, known.revokes) == (T.UNKNOWN, False, False)


def test_hundred_thousand_entries_are_read_and_no_more() -> None:
    """The longest list that is let in, indexed once; one entry more is refused."""
    known = defects()
    content = [encode_tlv(0x80, number.to_bytes(4, "big")) + known for number in range(100_000)]
    found = parse(entries(*content))
    assert (found.count, len(found.by_signer)) == (100_000, 100_000)
    last = replace(SIGNER, subject_key_identifier=(99_999).to_bytes(4, "big"))
    assert found.about(last) == (KnownDefect(T.CHIP_AUTHENTICATION_KEY_COMPROMISED),)
    with pytest.raises(MalformedData):
        parse(entries(*content, KEY + known))


@pytest.mark.parametrize(
    ("number", "revokes"), [(0, True), (2, True), (3, True), (4, True), (7, True), (1, False), (5, False), (32, False)]
)
def test_status_of_a_revocation_says_whether_it_is_one(number: int, revokes: bool) -> None:
    """TR-03135-1 table 5.54; a code that the table does not have counts as revoked."""
    known = KnownDefect(T.SIGNER_REVOKED, number)
    assert (known.revokes, known.casts_doubt) == (revokes, not revokes)
