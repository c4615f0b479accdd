"""What the monitor is told of a traveller: groups, as far as the document states them, and tokens that tell people apart.

A token is a keyed hash under a key that dies with the controller: two of them tell whether two documents are one person's, and
nothing else. One is of the document, one of name, date of birth and sex, because a person may have two documents.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date

from egate.model.document import Mrz
from egate.mrtd.files.mrz_dates import possible_births

AGE_BOUNDS = (18, 30, 45, 60, 75)
"""Years at which an age group begins; the youngest is everybody below the first."""

KEY_BYTES = 32
TOKEN_BYTES = 16

LONGEST_GROUP = 8
"""Characters of a group's name: `18-29`, `F`, `UTO`."""

_STATED_SEX = frozenset({"F", "M", "X"})


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups that somebody belongs to; empty where the document does not state one."""

    age_group: str = ""
    sex: str = ""
    nationality: str = ""
    issuer: str = ""

    @property
    def values(self) -> tuple[str, str, str, str]:
        """In the order of `ATTRIBUTES`."""
        return self.age_group, self.sex, self.nationality, self.issuer


ATTRIBUTES = ("age_group", "sex", "nationality", "issuer")
"""What TR-03121-3 EVA-VER-nCIR-1 counts apart."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody as the monitor knows them."""

    tokens: tuple[bytes, ...] = field(repr=False)
    groups: Groups = field(repr=False)

    def shares_a_token(self, other: Subject) -> bool:
        """Whether both may be one person: then a comparison of them is no comparison of strangers."""
        return not set(self.tokens).isdisjoint(other.tokens)


def subject_of(mrz: Mrz, key: bytes, today: date) -> Subject:
    """The subject of a document; raises ValueError for a short key."""
    if len(key) < KEY_BYTES:
        raise ValueError(f"the key must have at least {KEY_BYTES} bytes")
    document = ("document", mrz.issuing_state, mrz.document_number.rstrip("<"))
    person = ("person", mrz.surname, mrz.given_names, mrz.date_of_birth)
    sex = mrz.sex if mrz.sex in _STATED_SEX else ""
    groups = Groups(age_group(mrz.date_of_birth, today), sex, _code(mrz.nationality), _code(mrz.issuing_state))
    return Subject((_token(key, document), _token(key, person)), groups)


def age_group(yymmdd: str, today: date) -> str:
    """The age group of a printed date of birth; empty where it leaves two possible."""
    born = possible_births(yymmdd, today)
    if born is None:
        return ""
    youngest, oldest = _group(_age(born.latest, today)), _group(_age(born.earliest, today))
    return youngest if youngest == oldest else ""


def _group(age: int) -> str:
    bounds = (0, *AGE_BOUNDS)
    number = sum(age >= bound for bound in AGE_BOUNDS)
    return f"{bounds[number]}-{AGE_BOUNDS[number] - 1}" if number < len(AGE_BOUNDS) else f"{AGE_BOUNDS[-1]}+"


def _age(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _code(text: str) -> str:
    plain = text.rstrip("<")
    return plain if plain.isascii() and plain.isalpha() and plain.isupper() and len(plain) <= 3 else ""


def _token(key: bytes, parts: tuple[str, ...]) -> bytes:
    return hmac.digest(key, "\x00".join(parts).encode(), hashlib.sha256)[:TOKEN_BYTES]
