"""Which picture shows whom: a list (CSV), a folder for each identity, a file of pairs, and a list of known label errors.

Rule: labels come from the operator and are taken literally; what cannot be right (an unknown column, a path that leads out of
the folder, an identity without a name) is refused with its line, because a wrong label counts as an error of the engine.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from egate.model.errors import DeviceError, MalformedData

MAX_LIST_BYTES = 64 * 1024 * 1024
"""A list of 200,000 pictures takes 20 MB."""

MAX_PICTURES = 200_000
"""Their templates take 100 MB, all their comparisons an hour."""

MAX_PAIRS = 5_000_000
"""Named pairs; more are all comparisons of a set."""

ENDINGS = frozenset({".jpg", ".jpeg", ".jp2", ".j2k", ".jpc"})
"""JPEG and JPEG 2000, as documents and gates carry them."""

AGE_BOUNDS = (12, 18, 30, 45, 60)
"""Where one age group ends and the next begins, in years."""

LABELS = ("sex", "age", "nationality", "ethnicity")
"""What figures are broken down by, where the list says it."""

_COLUMNS = frozenset({"image", "identity", "role", "age", "birth_year", "taken_year", "sex", "nationality", "ethnicity"})
_LFW_LINE = re.compile(r"[^\t]+\t\d+\t(?:\d+|[^\t]+\t\d+)")


class Role(Enum):
    """What a picture stands for. In a set with roles every reference is compared with every probe, otherwise all with all."""

    REFERENCE = "reference"
    PROBE = "probe"
    EITHER = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: `name` is its path within the set, `labels` has a value for each of `LABELS`, empty where unknown."""

    name: str
    path: Path
    identity: str
    role: Role = Role.EITHER
    labels: tuple[str, ...] = ("",) * len(LABELS)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures to be compared, by name."""

    reference: str
    probe: str
    mated: bool


def pictures_of_folder(folder: Path) -> tuple[Picture, ...]:
    """A folder of folders, each named by an identity; raises DeviceError where there is none."""
    if not folder.is_dir():
        raise DeviceError(f"reading {folder}", "there is no such folder of pictures")
    found = tuple(
        Picture(f"{place.name}/{path.name}", path, place.name)
        for place in sorted(folder.iterdir())
        if place.is_dir() and not place.name.startswith(".")
        for path in sorted(place.iterdir())
        if path.suffix.lower() in ENDINGS
    )
    return _counted(found, f"reading {folder}", "no JPEG or JPEG 2000 pictures in folders named by identity")


def pictures_of_list(folder: Path, path: Path) -> tuple[Picture, ...]:
    """The pictures that a CSV with a heading line names, below `folder`; raises DeviceError or MalformedData with the line."""
    doing = f"reading {path}"
    reader = csv.DictReader(io.StringIO(_text(path)), strict=True)
    columns = {name.strip() for name in reader.fieldnames or ()}
    if not {"image", "identity"} <= columns:
        raise MalformedData(doing, "the first line must name the columns, image and identity among them")
    if columns - _COLUMNS:
        unknown, known = ", ".join(sorted(columns - _COLUMNS)), ", ".join(sorted(_COLUMNS))
        raise MalformedData(doing, f"unknown columns {unknown}; known are {known}")
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise MalformedData(doing, f"line {reader.line_num}: {error}") from None
    found = tuple(_picture(folder, row, f"{doing}, line {line}") for line, row in rows)
    if len({picture.name for picture in found}) < len(found):
        raise MalformedData(doing, "a picture is listed twice")
    return _counted(found, doing, "the list names no picture")


def pairs_of_file(path: Path) -> tuple[Pair, ...]:
    """Pairs from a CSV with the columns reference, probe and mated (1 or 0), or from a list as LFW's `pairs.txt`."""
    text = _text(path)
    lines = text.splitlines()
    if len(lines) > MAX_PAIRS:
        raise MalformedData(f"reading {path}", f"more than {MAX_PAIRS} pairs")
    if len(lines) > 1 and _LFW_LINE.fullmatch(lines[1]):
        return tuple(_lfw_pair(line.split("\t")) for line in lines if _LFW_LINE.fullmatch(line))
    reader = csv.DictReader(io.StringIO(text))
    if set(reader.fieldnames or ()) != {"reference", "probe", "mated"}:
        raise MalformedData(f"reading {path}", "the first line must name the columns reference, probe, mated")
    return tuple(_pair(row, f"reading {path}, line {reader.line_num}") for row in reader)


def without_errata(pictures: Sequence[Picture], path: Path) -> tuple[Picture, ...]:
    """The set without known label errors: columns kind, a, b; kinds alias (b is a), drop_image, drop_identity."""
    reader = csv.DictReader(io.StringIO(_text(path)))
    if not {"kind", "a", "b"} <= set(reader.fieldnames or ()):
        raise MalformedData(f"reading {path}", "the first line must name the columns kind, a, b")
    aliases: dict[str, str] = {}
    dropped: dict[str, set[str]] = {"drop_image": set(), "drop_identity": set()}
    for row in reader:
        if row["kind"] == "alias":
            aliases[row["b"]] = row["a"]
        elif row["kind"] in dropped:
            dropped[row["kind"]].add(row["a"])
        else:
            raise MalformedData(f"reading {path}, line {reader.line_num}", "the kind is none of alias, drop_image, drop_identity")
    return tuple(
        Picture(one.name, one.path, aliases.get(one.identity, one.identity), one.role, one.labels)
        for one in pictures
        if one.name not in dropped["drop_image"] and one.identity not in dropped["drop_identity"]
    )


def has_roles(pictures: Sequence[Picture]) -> bool:
    """Whether references and probes are told apart; raises MalformedData when only some pictures say what they are."""
    roles = {picture.role for picture in pictures}
    if roles == {Role.EITHER}:
        return False
    if roles != {Role.REFERENCE, Role.PROBE}:
        raise MalformedData("reading the roles of pictures", "every picture needs one of reference, probe, and both must occur")
    return True


def age_group(age: int) -> str:
    """`0–11`, `12–17` … `60+`."""
    low = 0
    for bound in AGE_BOUNDS:
        if age < bound:
            return f"{low}–{bound - 1}"
        low = bound
    return f"{low}+"


def _picture(folder: Path, row: Mapping[str, str | None], doing: str) -> Picture:
    if any(not isinstance(value, str) for value in row.values()):
        raise MalformedData(doing, "it has not as many columns as the first line")
    cells = {str(name).strip(): str(value).strip() for name, value in row.items()}
    name, identity = cells["image"], cells["identity"]
    place = PurePosixPath(name)
    if not name or place.is_absolute() or ".." in place.parts:
        raise MalformedData(doing, "the image must be a path below the folder of pictures")
    if not identity:
        raise MalformedData(doing, "the identity is empty")
    try:
        role = Role(cells.get("role", ""))
    except ValueError:
        raise MalformedData(doing, "the role is none of reference, probe") from None
    labels = (cells.get("sex", ""), _age(cells, doing), cells.get("nationality", ""), cells.get("ethnicity", ""))
    return Picture(name, folder / name, identity, role, labels)


def _age(cells: Mapping[str, str], doing: str) -> str:
    """The age group, from the age or from the years of birth and of the picture."""
    try:
        if cells.get("age"):
            return age_group(_within(int(cells["age"])))
        if cells.get("birth_year") and cells.get("taken_year"):
            return age_group(_within(int(cells["taken_year"]) - int(cells["birth_year"])))
    except ValueError:
        raise MalformedData(doing, "the age is no number of years from 0 to 130") from None
    return ""


def _within(age: int) -> int:
    if not 0 <= age <= 130:
        raise ValueError
    return age


def _pair(row: Mapping[str, str | None], doing: str) -> Pair:
    reference, probe, mated = row["reference"], row["probe"], row["mated"]
    if not reference or not probe or mated not in ("0", "1"):
        raise MalformedData(doing, "a pair is two pictures and 1 (same person) or 0 (other person)")
    return Pair(reference, probe, mated == "1")


def _lfw_pair(cells: Sequence[str]) -> Pair:
    first, one, other = cells[0], int(cells[1]), cells[2:]
    second, two = (first, int(other[0])) if len(other) == 1 else (other[0], int(other[1]))
    return Pair(_lfw_name(first, one), _lfw_name(second, two), first == second)


def _lfw_name(identity: str, number: int) -> str:
    return f"{identity}/{identity}_{number:04d}.jpg"


def _counted(found: tuple[Picture, ...], doing: str, nothing: str) -> tuple[Picture, ...]:
    if not found:
        raise MalformedData(doing, nothing)
    if len(found) > MAX_PICTURES:
        raise MalformedData(doing, f"more than {MAX_PICTURES} pictures")
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_LIST_BYTES + 1)
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "input/output error") from None
    if len(content) > MAX_LIST_BYTES:
        raise MalformedData(f"reading {path}", f"more than {MAX_LIST_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedData(f"reading {path}", "it is not text in UTF-8") from None


def identities(pictures: Sequence[Picture]) -> Iterator[str]:
    """Every identity once, in the order of its first picture."""
    return iter(dict.fromkeys(picture.identity for picture in pictures))
