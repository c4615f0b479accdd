"""Groups as far as the document states them; tokens that tell people apart and tell nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from egate.faces.monitor.subject import Groups, age_group, subject_of
from egate.model.document import Mrz
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3

TODAY = date(2026, 11, 24)
KEY = bytes(range(32))
ANNA = parse_mrz(encode_td3(MrzFields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "320415")))


@pytest.mark.parametrize(
    ("printed", "group"),
    [
        ("081124", "18-29"),
        ("081125", "0-17"),
        ("261124", "0-17"),
        ("961124", "30-44"),
        ("961125", "18-29"),
        ("740812", "45-59"),
        ("511124", "75+"),
        ("271124", "75+"),
        ("74<<<<", "45-59"),
        ("96<<<<", ""),
        ("9611<<", ""),
        ("<<<<<<", ""),
        ("XX0101", ""),
        ("", ""),
    ],
)
def test_an_age_group_is_said_only_when_the_date_leaves_one(printed: str, group: str) -> None:
    assert age_group(printed, TODAY) == group


def test_the_groups_of_a_document() -> None:
    assert subject_of(ANNA, KEY, TODAY).groups == Groups("45-59", "F", "UTO", "UTO")


@pytest.mark.parametrize(
    ("document", "groups"),
    [
        (replace(ANNA, sex="<"), Groups("45-59", "", "UTO", "UTO")),
        (replace(ANNA, nationality="D<<"), Groups("45-59", "F", "D", "UTO")),
        (replace(ANNA, nationality="<<<", issuing_state="U1O"), Groups("45-59", "F", "", "")),
        (replace(ANNA, nationality="ERIKSSON"), Groups("45-59", "F", "", "UTO")),
    ],
)
def test_what_is_not_stated_is_empty(document: Mrz, groups: Groups) -> None:
    assert subject_of(document, KEY, TODAY).groups == groups


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (ANNA, True),
        (replace(ANNA, document_number="X00000001"), True),
        (replace(ANNA, surname="ERIKSEN"), True),
        (replace(ANNA, surname="ERIKSEN", document_number="X00000001"), False),
        (replace(ANNA, date_of_birth="740813", document_number="X00000001"), False),
    ],
    ids=["the same", "another document", "another name in the same document", "another person", "a namesake"],
)
def test_one_token_in_common_may_be_one_person(other: Mrz, same: bool) -> None:
    assert subject_of(ANNA, KEY, TODAY).shares_a_token(subject_of(other, KEY, TODAY)) is same


def test_another_key_gives_other_tokens_and_nothing_shows() -> None:
    one, two = subject_of(ANNA, KEY, TODAY), subject_of(ANNA, bytes(32), TODAY)
    assert not one.shares_a_token(two)
    assert "ERIKSSON" not in repr(one)
    assert "45-59" not in repr(one)
    assert one.tokens[0].hex() not in repr(one)
    with pytest.raises(ValueError, match="32 bytes"):
        subject_of(ANNA, b"short", TODAY)
