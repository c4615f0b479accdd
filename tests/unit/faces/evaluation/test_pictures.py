"""Labels are taken literally or refused with their line; nothing leads out of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from egate.faces.evaluation.pictures import (
    Pair,
    Role,
    age_group,
    has_roles,
    pairs_of_file,
    pictures_of_folder,
    pictures_of_list,
    without_errata,
)
from egate.model.errors import DeviceError, MalformedData


def listed(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_list_gives_identity_role_and_labels(tmp_path: Path) -> None:
    text = "image,identity,role,birth_year,taken_year,sex,nationality\n"
    text += "a/1.jpg,anna,reference,1990,2026,female,UTO\na/2.jpg,anna,probe,,,female,UTO\n"
    one, two = pictures_of_list(tmp_path, listed(tmp_path, "\ufeff" + text))
    assert (one.identity, one.role, one.labels) == ("anna", Role.REFERENCE, ("female", "30–44", "UTO", ""))
    assert (two.role, two.labels) == (Role.PROBE, ("female", "", "UTO", ""))
    assert one.path == tmp_path / "a/1.jpg"
    assert has_roles([one, two])


def test_a_folder_for_each_identity(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/1.jp2", "a/1.jpeg", "a/notes.txt", ".hidden/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [(one.name, one.identity) for one in pictures_of_folder(tmp_path)] == [
        ("a/1.jpeg", "a"),
        ("b/1.jp2", "b"),
        ("b/2.JPG", "b"),
    ]
    with pytest.raises(MalformedData, match="no JPEG or JPEG 2000 pictures in folders"):
        pictures_of_folder(tmp_path / "a")
    with pytest.raises(DeviceError, match="no such folder"):
        pictures_of_folder(tmp_path / "c")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,who\n", "must name the columns"),
        ("", "must name the columns"),
        ("image,identity,colour\na,b,c\n", "unknown columns colour; known are"),
        ("image,identity\n", "names no picture"),
        ("image,identity\n../a.jpg,b\n", "line 2: the image must be a path below"),
        ("image,identity\n/etc/a.jpg,b\n", "line 2: the image must be a path below"),
        ("image,identity\na.jpg,\n", "line 2: the identity is empty"),
        ("image,identity\na.jpg\n", "line 2: it has not as many columns"),
        ("image,identity\na.jpg,b,c\n", "line 2: it has not as many columns"),
        ("image,identity\na.jpg,b\na.jpg,c\n", "listed twice"),
        ("image,identity,role\na.jpg,b,gallery\n", "line 2: the role is none of"),
        ("image,identity,age\na.jpg,b,old\n", "line 2: the age is no number"),
        ("image,identity,birth_year,taken_year\na.jpg,b,2026,1990\n", "line 2: the age is no number"),
        (b"image,identity\n\xff.jpg,b\n", "not text in UTF-8"),
        ('image,identity\n"a.jpg,b\n', "unexpected end of data"),
    ],
)
def test_a_wrong_list_is_refused_in_words(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(MalformedData, match=words):
        pictures_of_list(tmp_path, listed(tmp_path, text))


def test_roles_are_for_all_pictures_or_for_none(tmp_path: Path) -> None:
    text = "image,identity,role\na.jpg,a,reference\nb.jpg,a,\n"
    with pytest.raises(MalformedData, match="every picture needs one"):
        has_roles(pictures_of_list(tmp_path, listed(tmp_path, text)))


def test_pairs_come_as_csv_or_as_lfw_writes_them(tmp_path: Path) -> None:
    assert pairs_of_file(listed(tmp_path, "reference,probe,mated\na.jpg,b.jpg,1\na.jpg,c.jpg,0\n")) == (
        Pair("a.jpg", "b.jpg", True),
        Pair("a.jpg", "c.jpg", False),
    )
    assert pairs_of_file(listed(tmp_path, "1\t2\nAnna_A\t1\t4\nAnna_A\t2\tBea_B\t13\n")) == (
        Pair("Anna_A/Anna_A_0001.jpg", "Anna_A/Anna_A_0004.jpg", True),
        Pair("Anna_A/Anna_A_0002.jpg", "Bea_B/Bea_B_0013.jpg", False),
    )
    for text in ("reference,probe\na,b\n", "reference,probe,mated\na,b,yes\n", "reference,probe,mated\na,,1\n"):
        with pytest.raises(MalformedData):
            pairs_of_file(listed(tmp_path, text))


def test_errata_merge_and_drop(tmp_path: Path) -> None:
    text = "image,identity\na/1.jpg,a\nb/1.jpg,b\nc/1.jpg,c\nd/1.jpg,d\nd/2.jpg,d\n"
    pictures = pictures_of_list(tmp_path, listed(tmp_path, text))
    errata = tmp_path / "errata.csv"
    errata.write_text("kind,a,b,note\nalias,a,b,one person\ndrop_identity,c,,\ndrop_image,d/2.jpg,,\n")
    assert [(one.name, one.identity) for one in without_errata(pictures, errata)] == [
        ("a/1.jpg", "a"),
        ("b/1.jpg", "a"),
        ("d/1.jpg", "d"),
    ]
    errata.write_text("kind,a,b\nmerge,a,b\n")
    with pytest.raises(MalformedData, match="line 2: the kind is none of"):
        without_errata(pictures, errata)


@pytest.mark.parametrize(
    ("age", "group"),
    [(0, "0–11"), (11, "0–11"), (12, "12–17"), (18, "18–29"), (44, "30–44"), (59, "45–59"), (60, "60+"), (99, "60+")],
)
def test_age_groups(age: int, group: str) -> None:
    assert age_group(age) == group
