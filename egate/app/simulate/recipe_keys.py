"""The keys of a document's recipe (TOML): one table from which parsing, the example and the reference in the docs are made.

Rule: a key is read, shown and documented from its row alone, so nothing is documented that is not understood.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from types import MappingProxyType

from drivers.sim.passport.certification import DIGESTS, SCHEMES
from drivers.sim.passport.chip_kinds import MAPPINGS, ActiveWay, AgreementWay, PaceWay
from drivers.sim.passport.defects import Defect
from egate.model.document import DocumentFormat
from egate.mrtd.crypto.agreement import agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS
from egate.mrtd.quirks import Quirk

FORMS = ("TD1", "TD2", "TD3")
FURTHER_FILES = ("DG3", "DG5", "DG7", "DG11", "DG12", "DG13", "DG16")
DOMAINS: Mapping[str, int] = MappingProxyType(
    {value.name: number for number, value in GROUPS.items()} | {value.name: number for number, value in CURVES.items()}
)
"""Standardised domain parameters by name."""
_CIPHERS = {suite.word: suite for suite in CipherSuite}
_NO_MORE = 0


def _pace_words() -> dict[str, PaceWay]:
    found = {}
    for mapping in MAPPINGS:
        for cipher, suite in _CIPHERS.items():
            for domain, number in DOMAINS.items():
                with contextlib.suppress(ValueError):  # combinations that the standard does not have
                    found[f"{mapping}-{cipher}-{domain}"] = PaceWay(mapping, suite, number)
    return found


PACE_WORDS: Mapping[str, PaceWay] = MappingProxyType(_pace_words())
"""E.g. `gm-aes-128-brainpoolP256r1`."""

AGREEMENT_WORDS: Mapping[str, AgreementWay] = MappingProxyType(
    {
        f"{cipher}-{domain}": AgreementWay(number, suite)
        for cipher, suite in _CIPHERS.items()
        for domain, number in DOMAINS.items()
        if agreement_by_id(number) is not None
    }
)
"""E.g. `aes-128-brainpoolP256r1`."""

ACTIVE_WORDS: Mapping[str, ActiveWay] = MappingProxyType(
    {f"{scheme.key}-{scheme.digest}": ActiveWay(scheme.key, scheme.digest) for scheme in SCHEMES.values()}
)
"""E.g. `rsa-2048-sha1` or `secp256r1-sha256`."""


class Shape(Enum):
    """What a value is: what TOML must hold, in the words of an error."""

    TEXT = "a text in quotes"
    DAY = "a date as 1990-01-31"
    SWITCH = "true or false"
    NUMBER = "a whole number"
    WORD = "one of the words"
    WORDS = "a list of the words"


Value = str | date | bool | int | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecipeKey:
    """One key: its place, shape, default, meaning, and which words or numbers it takes."""

    section: str
    name: str
    shape: Shape
    default: Value
    meaning: str
    words: tuple[str, ...] = ()
    numbers: tuple[int, int] = (0, 0)

    @property
    def place(self) -> str:
        """E.g. `holder.surname`; keys of no section stand at the top of the file."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def allowed(self) -> str:
        """What it takes, for errors and for the docs."""
        said = str(self.shape.value)
        if self.shape in {Shape.WORD, Shape.WORDS}:
            return f"{said}: {shortened(self.words)}"
        if self.numbers != (0, 0):
            return f"{said} from {self.numbers[0]} to {self.numbers[1]}"
        return said


MOST_WORDS_SHOWN = 24


def shortened(words: tuple[str, ...]) -> str:
    """All words, or as many as a person reads, with the command that lists the rest."""
    if len(words) <= MOST_WORDS_SHOWN:
        return ", ".join(words)
    shown = ", ".join(words[:: len(words) // 6][:6])
    return f"{shown} … ({len(words)} in all, see `egate document kinds`)"


def _row(place: str, shape: Shape, default: Value, meaning: str, words: tuple[str, ...] = ()) -> RecipeKey:
    section, _, name = place.rpartition(".")
    return RecipeKey(section, name, shape, default, meaning, words)


def _number(place: str, default: int, meaning: str, numbers: tuple[int, int]) -> RecipeKey:
    section, _, name = place.rpartition(".")
    return RecipeKey(section, name, Shape.NUMBER, default, meaning, (), numbers)


UNSET = date.min
"""The day that means: reckoned from today."""

KEYS: tuple[RecipeKey, ...] = (
    _row("seed", Shape.TEXT, "1", "the same seed makes the same document, but for RSA keys and RSASSA-PSS salts"),
    _row("today", Shape.DAY, UNSET, "the day on which the document is made; without it, the day of today"),
    _row("defect", Shape.WORD, "none", "what is wrong with the document", tuple(defect.value for defect in Defect)),
    _row("document.kind", Shape.WORD, "TD3", "the form of the document: card (TD1), larger card (TD2), passport (TD3)", FORMS),
    _row("document.code", Shape.TEXT, "", "document code; without it P for passports, I for cards"),
    _row("document.number", Shape.TEXT, "X00000001", "document number; more than nine characters overflow on cards"),
    _row("document.expires", Shape.DAY, UNSET, "date of expiry; without it, in five years"),
    _row("document.issued", Shape.DAY, UNSET, "date of issue in DG12; without it, today"),
    _row("document.state", Shape.TEXT, "UTO", "issuing State in the machine readable zone"),
    _row("document.certificate_country", Shape.TEXT, "", "country in the certificates; without it UT for UTO and DE for D"),
    _row("document.optional_data", Shape.TEXT, "", "optional data of the machine readable zone"),
    _row("holder.surname", Shape.TEXT, "Mustermann", "surname of an invented person"),
    _row("holder.given_names", Shape.TEXT, "Erika", "given names"),
    _row("holder.born", Shape.DAY, date(1984, 5, 17), "date of birth"),
    _row("holder.sex", Shape.WORD, "F", "sex", ("F", "M", "<")),
    _row("holder.nationality", Shape.TEXT, "UTO", "nationality"),
    _row("holder.portrait", Shape.TEXT, "", "a JPEG or JPEG 2000 file beside the recipe; without it, a drawn face"),
    _row("access.bac", Shape.SWITCH, True, "whether the chip has basic access control"),
    _row(
        "access.pace",
        Shape.WORDS,
        ("gm-aes-128-brainpoolP256r1",),
        "ways of PACE, as mapping-cipher-parameters; an empty list for none",
        tuple(PACE_WORDS),
    ),
    _row("access.can", Shape.TEXT, "", "card access number, six digits, printed on the card"),
    _row(
        "chip.authentication",
        Shape.WORDS,
        ("aes-128-brainpoolP256r1",),
        "static keys of chip authentication, as cipher-parameters",
        tuple(AGREEMENT_WORDS),
    ),
    _row(
        "chip.active",
        Shape.WORD,
        "none",
        "key and hash function of active authentication",
        ("none", *ACTIVE_WORDS),
    ),
    _row("chip.active_der", Shape.SWITCH, False, "whether a curve's signature is DER instead of plain r ‖ s"),
    _row("chip.active_stated", Shape.SWITCH, True, "whether DG14 states how a curve signs"),
    _row("chip.active_long_trailer", Shape.SWITCH, False, "whether RSA with SHA-1 ends in 33CC instead of BC"),
    _row("chip.terminal_authentication", Shape.SWITCH, False, "whether DG3 opens to terminals that prove their right"),
    _row("chip.quirks", Shape.WORDS, (), "deviations that issued chips have", tuple(quirk.value for quirk in Quirk)),
    _number("chip.command_bytes", _NO_MORE, "longest command APDU, stated in EF.ATR/INFO; 0 for short ones only", (0, 65_544)),
    _number("chip.response_bytes", _NO_MORE, "longest response APDU, stated in EF.ATR/INFO; 0 for short ones only", (0, 65_544)),
    _number("chip.largest_read", _NO_MORE, "the most that a READ BINARY may ask before 6700; 0 without limit", (0, 65_536)),
    _number("chip.short_blocks", _NO_MORE, "the most that a READ BINARY answers, whatever was asked; 0 for all", (0, 65_536)),
    _row("chip.directory", Shape.SWITCH, True, "whether there are EF.DIR and EF.ATR/INFO"),
    _row(
        "signature.scheme",
        Shape.WORD,
        "brainpoolP256r1-sha256",
        "what the State signs with; RSA takes seconds and cannot be seeded",
        tuple(SCHEMES),
    ),
    _row("signature.hash", Shape.WORD, "sha256", "hash function of the data groups in EF.SOD", DIGESTS),
    _row("signature.certificate_inside", Shape.SWITCH, True, "whether EF.SOD carries the document signer's certificate"),
    _row("signature.by_key_identifier", Shape.SWITCH, False, "whether EF.SOD names its signer by key identifier"),
    _row("signature.lds_version", Shape.WORD, "1.8", "LDS version in EF.SOD; 1.7 is the older form without it", ("1.7", "1.8")),
    _row("signature.rolled_over", Shape.SWITCH, False, "whether the State has a new CSCA key, told by a link certificate"),
    _row("signature.deviation_listed", Shape.SWITCH, False, "whether the State's deviation list names this document"),
    _row("files.further", Shape.WORDS, (), "further data groups, with invented contents", FURTHER_FILES),
    _number("files.portrait_bytes", _NO_MORE, "pad the portrait to this size; 0 leaves it", (0, 60_000)),
)
"""Every key in the order of the example."""

FORM_BY_WORD: Mapping[str, DocumentFormat] = MappingProxyType({form.value[0]: form for form in DocumentFormat})
