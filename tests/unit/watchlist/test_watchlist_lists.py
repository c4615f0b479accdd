"""Signed lists and matching: nothing unsigned, nothing older, nothing without a reason in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.model.document import Mrz
from egate.model.errors import EgateError, MalformedData, TrustError
from egate.model.watchlist import ListKind
from egate.mrtd.files.mrz import is_name_truncated, parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3
from egate.watchlist import lists, persons
from egate.watchlist.index import build_document_index, document_key
from egate.watchlist.lists import ListHeader, Watchlists, encode_list, key_name, open_list, open_watchlists
from egate.watchlist.matching import match_documents, match_persons
from egate.watchlist.names import name_forms
from egate.watchlist.persons import PersonEntry, encode_persons, parse_persons

TODAY = date(2026, 11, 24)
KEY = bytes(range(32))
OWNER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
SIGNER = OWNER.public_key()
STOLEN = ListHeader("stolen", ListKind.DOCUMENTS, 7, TODAY, TODAY + timedelta(days=1), key_name(KEY))
WANTED = ListHeader("wanted", ListKind.PERSONS, 3, TODAY - timedelta(days=1), TODAY)
BODY = build_document_index([document_key("UTO", "L898902C3", KEY), document_key("D", "C01X00T47", KEY)])
BORN = date(1974, 8, 12)


def printed(surname: str = "ERIKSSON", given: str = "ANNA MARIA", number: str = "L898902C3", born: str = "740812") -> Mrz:
    return parse_mrz(encode_td3(MrzFields("UTO", number, surname, given, "UTO", born, "F", "320415")))


def wanted(*names: tuple[str, str], born: tuple[date, ...] = (BORN,)) -> Watchlists:
    body = encode_persons([PersonEntry("P-1", names, born)])
    return open_watchlists([encode_list(WANTED, body, OWNER)], SIGNER, KEY, {})


def test_document_is_found_with_its_reason() -> None:
    opened = open_watchlists([encode_list(STOLEN, BODY, OWNER)], SIGNER, KEY, {})
    (hit,) = match_documents(printed(), opened)
    assert (hit.kind, hit.list_name, hit.rule) == (ListKind.DOCUMENTS, "stolen", "document_equal")
    assert hit.evidence == ("issuing State and document number: equal", "list stolen, version 7 of 2026-11-24")
    assert hit.entry == f"{document_key('UTO', 'L898902C3', KEY):016x}"
    assert match_documents(printed(number="L898902C4"), opened) == ()
    assert match_persons(printed(), opened, TODAY) == ()


def test_number_of_another_state_is_no_hit() -> None:
    opened = open_watchlists([encode_list(STOLEN, BODY, OWNER)], SIGNER, KEY, {})
    assert match_documents(printed(number="C01X00T47"), opened) == ()


@pytest.mark.parametrize(
    ("listed", "rule"),
    [
        (("Eriksson", "Anna Maria"), "name_equal"),
        (("ERIKSSON", "MARIA ANNA"), "name_equal"),
        (("Anna Maria", "Eriksson"), "name_equal"),
        (("Erik-sson", "Anna Maria"), "name_joined"),
        (("Eriksson", "Annamaria"), "name_joined"),
        (("Eriksson", "Anna"), ""),
        (("Eriksson", "Anna Maria Karin"), ""),
        (("Erikson", "Anna Maria"), ""),
        (("", ""), ""),
        (("Эрикссон", "Анна"), ""),
    ],
)
def test_names(listed: tuple[str, str], rule: str) -> None:
    hits = match_persons(printed(), wanted(listed), TODAY)
    assert [hit.rule for hit in hits] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("Müller-Lüdenscheidt", {"MUELLER LUEDENSCHEIDT", "MULLER LUDENSCHEIDT"}),
        ("O'Connor", {"OCONNOR"}),
        ("Åsa Øberg", {"AASA OEBERG", "ASA OBERG"}),
        ("Großmann", {"GROSSMANN"}),
        ("Łukasz Ðorđević", {"LUKASZ DORDEVIC"}),
        ("Þórr Æsir", {"THORR AESIR"}),
        ("Nuñez", {"NUNEZ"}),
        ("  de   la  Cruz ", {"DE LA CRUZ"}),
        ("Иван", set()),
        ("", set()),
    ],
)
def test_transliteration(name: str, forms: set[str]) -> None:
    """Doc 9303-3 §6.A, with and without the marks written out."""
    assert name_forms(name) == forms


def test_either_transliteration_is_a_hit() -> None:
    for surname in ("MUELLER", "MULLER"):
        (hit,) = match_persons(printed(surname=surname, given="JOERG"), wanted(("Müller", "Jörg"), ("Müller", "Joerg")), TODAY)
        assert hit.rule == "name_equal"


def test_name_that_the_print_cuts_off() -> None:
    """39 positions: the last word may be the beginning of a longer one, and more may follow."""
    full = "Nilavadhanananda Chayapa Dejthamrong Krasuang"
    mrz = printed(surname="NILAVADHANANANDA", given="CHAYAPA DEJTHAMRONG KRASUANG")
    assert is_name_truncated(mrz)
    surname, given = full.split(" ", 1)
    (hit,) = match_persons(mrz, wanted((surname, given)), TODAY)
    assert hit.rule == "name_truncated"
    assert "cut off" in hit.evidence[0]
    assert match_persons(mrz, wanted((surname, "Chayapa Another Krasuang")), TODAY) == ()
    assert not is_name_truncated(printed())


def test_untruncated_beginning_is_no_hit() -> None:
    assert match_persons(printed(given="ANN"), wanted(("Eriksson", "Anna")), TODAY) == ()


@pytest.mark.parametrize(
    ("born", "listed", "found"),
    [
        ("740812", (date(1974, 8, 12),), True),
        ("740812", (date(1974, 8, 13),), False),
        ("740812", (date(1990, 1, 1), date(1974, 8, 12)), True),
        ("740812", (), False),
        ("740812", (date(1874, 8, 12),), True),
        ("200101", (date(1920, 1, 1),), True),
        ("000229", (date(2000, 2, 29),), True),
        ("74<<<<", (date(1974, 8, 12),), False),
    ],
    ids=["equal", "another day", "one of two", "undated", "a century before", "a centenarian", "leap day", "incomplete"],
)
def test_date_of_birth_decides(born: str, listed: tuple[date, ...], found: bool) -> None:
    hits = match_persons(printed(born=born), wanted(("Eriksson", "Anna Maria"), born=listed), TODAY)
    assert bool(hits) is found


def test_personal_data_do_not_show() -> None:
    opened = wanted(("Eriksson", "Anna Maria"))
    hits = match_persons(printed(), opened, TODAY)
    assert not any(word in repr((opened, hits)) for word in ("riksson", "Anna", "1974"))


def test_lists_in_force() -> None:
    files = [encode_list(STOLEN, BODY, OWNER), encode_list(WANTED, encode_persons([]), OWNER)]
    opened = open_watchlists(files, SIGNER, KEY, {})
    assert opened.versions == {"stolen": 7, "wanted": 3}
    days = [TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=1)]
    assert [opened.current_at(day) for day in days] == [False, True, False]
    assert not open_watchlists(files[:1], SIGNER, KEY, {}).current_at(TODAY)
    assert not open_watchlists(files[1:], SIGNER, KEY, {}).current_at(TODAY)
    assert not Watchlists().current_at(TODAY)


def test_newest_version_of_a_list_is_used() -> None:
    newer = replace(STOLEN, version=8)
    for order in ((STOLEN, newer), (newer, STOLEN)):
        opened = open_watchlists([encode_list(header, BODY, OWNER) for header in order], SIGNER, KEY, {})
        assert opened.versions == {"stolen": 8}


def test_older_version_is_refused() -> None:
    data = encode_list(STOLEN, BODY, OWNER)
    with pytest.raises(TrustError, match="older"):
        open_watchlists([data], SIGNER, KEY, {"stolen": 8})
    assert open_watchlists([data], SIGNER, KEY, {"stolen": 7, "other": 99}).versions == {"stolen": 7}


def test_every_changed_byte_is_refused() -> None:
    data = encode_list(STOLEN, BODY, OWNER)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises((TrustError, MalformedData)):
            open_list(bytes(changed), SIGNER, {})


def test_every_cut_is_refused() -> None:
    data = encode_list(STOLEN, BODY, OWNER)
    for length in range(len(data)):
        with pytest.raises(EgateError):
            open_list(data[:length], SIGNER, {})
    with pytest.raises(TrustError):
        open_list(data + b"x", SIGNER, {})


def test_another_owner_and_another_key_are_refused() -> None:
    data = encode_list(STOLEN, BODY, OWNER)
    other = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    with pytest.raises(TrustError, match="signature"):
        open_list(data, other, {})
    with pytest.raises(TrustError, match="key is not the one"):
        open_watchlists([data], SIGNER, KEY[::-1], {})


def test_header_that_is_signed_and_malformed() -> None:
    """An owner's mistake must not become a traceback."""
    text = b'{"name":"x"}'
    signed = lists._MAGIC + len(text).to_bytes(4, "big") + text
    with pytest.raises(MalformedData, match="header"):
        open_list(signed + OWNER.sign(signed), SIGNER, {})
    with pytest.raises(MalformedData, match="too long"):
        open_list(lists._MAGIC + b"\xff\xff\xff\xff" + bytes(100), SIGNER, {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'[{"entry":"x"}]',
        b'[{"entry":"x","names":[],"born":[]}]',
        b'[{"entry":"x","names":[["a"]],"born":[]}]',
        b'[{"entry":"x","names":[["a","b"]],"born":["1974-13-01"]}]',
        b'[{"entry":"x","names":[["a","b"]],"born":[1]}]',
        b"\xff\xfe",
    ],
)
def test_malformed_persons(body: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_persons(body)


def test_persons_go_round_and_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = (PersonEntry("P-1", (("Müller", "Jörg"),), (BORN,)), PersonEntry("P-2", (("A", "B"), ("C", "D")), ()))
    assert parse_persons(encode_persons(entries)) == entries
    monkeypatch.setattr(persons, "MAXIMUM_PERSONS", 1)
    with pytest.raises(MalformedData, match="too long"):
        parse_persons(encode_persons(entries))
    monkeypatch.setattr(persons, "MAXIMUM_ALIASES", 1)
    with pytest.raises(MalformedData, match="too many"):
        parse_persons(encode_persons(entries[1:]))


def test_a_gallery_of_faces_is_no_list_file() -> None:
    """Its header could be signed all the same; a lane must not read faces as persons."""
    header = ListHeader("faces", ListKind.FACES, 1, TODAY, TODAY + timedelta(days=1))
    with pytest.raises(MalformedData, match="header"):
        open_list(encode_list(header, b"[]", OWNER), OWNER.public_key(), {})
