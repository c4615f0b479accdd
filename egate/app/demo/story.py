"""The demo's eleven travellers: who they are, what they carry, how they behave, and how each must end.

Persons and passports are invented (State UTO). The photographs are chosen by role; docs/faces.md says where they come from.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

from egate.model.checks import CheckName, Outcome
from egate.model.lane import Door, OfficerAction, OfficerReason


class Face(Enum):
    """A photograph by role: three of person A, one each of B and C; or the portrait that `--me` took of you."""

    A1 = "a1"
    A2 = "a2"
    A3 = "a3"
    B = "b"
    C = "c"
    YOU = "you"


class Camera(Enum):
    """What is in front of the camera."""

    ONE_PERSON = "one_person"
    TWO_PEOPLE = "two_people"
    BLURRED = "blurred"
    NOBODY = "nobody"
    PRINT = "print"
    """A printed photograph of the person, held before the camera."""
    SCREEN = "screen"
    """A tablet that shows the person's photograph."""
    YOURS = "yours"
    """Whoever stands before the camera that `--me` named."""


class Passport(Enum):
    """What is wrong with the passport."""

    GOOD = "good"
    CLONED = "cloned"
    FORGED_DATA = "forged_data"
    EXPIRED = "expired"
    LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a passage must end: the lane's outcome, the checks that made it so, the officer's act, and the way out."""

    outcome: Outcome
    because: tuple[CheckName, ...] = ()
    alarm: str = ""
    act: OfficerAction | None = None
    reason: OfficerReason | None = None
    through: Door | None = None


@dataclass(frozen=True, slots=True)
class Traveller:
    """One traveller of the story."""

    name: str
    sentence: str
    surname: str
    given_names: str
    sex: str
    portrait: Face
    live: Face
    ending: Ending
    passport: Passport = Passport.GOOD
    camera: Camera = Camera.ONE_PERSON
    persons: int = 1
    pulls_early: bool = False
    older_chip: bool = False
    """The chip speaks BAC only, as passports did before PACE, and proves by active authentication that it is no copy."""


_ADMITTED = Ending(Outcome.ADMIT, through=Door.EXIT)


def _inside(because: tuple[CheckName, ...], reason: OfficerReason, alarm: str = "") -> Ending:
    """Referred in the man-trap; the officer leads the traveller back through the entry door (P15)."""
    return Ending(Outcome.REFER, because, alarm, OfficerAction.RELEASE_TO_ENTRY, reason, Door.ENTRY)


def _outside(because: tuple[CheckName, ...]) -> Ending:
    """Referred before the entry door opened (P7)."""
    return Ending(Outcome.REFER, because, act=OfficerAction.RELEASE_TO_ENTRY, reason=OfficerReason.TO_DESK)


TRAVELLERS: tuple[Traveller, ...] = (
    Traveller(
        "genuine",
        "A good passport and the person it belongs to.",
        "TRELAWNEY",
        "ORSON",
        "M",
        Face.A1,
        Face.A2,
        _ADMITTED,
    ),
    Traveller(
        "lookalike",
        "Somebody tries another person's passport. The document is genuine; the face is not.",
        "MARCHETTI",
        "ALDO",
        "M",
        Face.B,
        Face.A3,
        _inside((CheckName.FACE_MATCH,), OfficerReason.TO_SECOND_LINE),
    ),
    Traveller(
        "cloned-chip",
        "All data copied to another chip: every signature is right, but the chip does not hold the secret key.",
        "VESTERGAARD",
        "LIV",
        "F",
        Face.C,
        Face.C,
        _outside((CheckName.CHIP_GENUINE,)),
        passport=Passport.CLONED,
    ),
    Traveller(
        "forged-data",
        "A name was changed after the State had signed the data.",
        "OKONJO",
        "BEN",
        "M",
        Face.B,
        Face.B,
        _outside((CheckName.DATA_GROUP_HASHES,)),
        passport=Passport.FORGED_DATA,
    ),
    Traveller(
        "expired",
        "A good passport, but past its date.",
        "HALVORSEN",
        "INGRID",
        "F",
        Face.C,
        Face.C,
        _outside((CheckName.DOCUMENT_EXPIRY,)),
        passport=Passport.EXPIRED,
    ),
    Traveller(
        "watchlist",
        "The passport was reported stolen. The traveller must not notice; the officer must.",
        "DELACROIX",
        "REMY",
        "M",
        Face.B,
        Face.B,
        _inside((CheckName.DOCUMENT_WATCHLIST,), OfficerReason.TO_SECOND_LINE, "list_hit"),
        passport=Passport.LISTED,
    ),
    Traveller(
        "tailgater",
        "A second person slips in behind the first.",
        "TRELAWNEY",
        "ORSON",
        "M",
        Face.A1,
        Face.A2,
        _inside((), OfficerReason.TO_DESK, "tailgating"),
        camera=Camera.TWO_PEOPLE,
        persons=2,
    ),
    Traveller(
        "printed-photo",
        "Somebody holds a printed photograph of the holder before the camera. The face matches; it is paper.",
        "TRELAWNEY",
        "ORSON",
        "M",
        Face.A1,
        Face.A2,
        _inside((CheckName.PRESENTATION_ATTACK,), OfficerReason.TO_SECOND_LINE),
        camera=Camera.PRINT,
    ),
    Traveller(
        "tablet",
        "Somebody holds a tablet before the camera that shows the holder's photograph. The face matches; it is glass.",
        "TRELAWNEY",
        "ORSON",
        "M",
        Face.A1,
        Face.A2,
        _inside((CheckName.PRESENTATION_ATTACK,), OfficerReason.TO_SECOND_LINE),
        camera=Camera.SCREEN,
    ),
    Traveller(
        "early-pull",
        "An older passport is taken away while its chip is read, then presented again. Its chip signs to prove itself no copy.",
        "VESTERGAARD",
        "LIV",
        "F",
        Face.C,
        Face.C,
        _ADMITTED,
        pulls_early=True,
        older_chip=True,
    ),
    Traveller(
        "officer-clears",
        "The holder cannot keep still, so no live image is good enough; an officer looks, and clears with a reason.",
        "TRELAWNEY",
        "ORSON",
        "M",
        Face.A1,
        Face.A3,
        Ending(
            Outcome.REFER,
            (CheckName.FACE_CAPTURE,),
            act=OfficerAction.CLEAR,
            reason=OfficerReason.IDENTITY_CONFIRMED,
            through=Door.EXIT,
        ),
        camera=Camera.BLURRED,
    ),
)


YOU: tuple[Traveller, ...] = (
    Traveller(
        "you",
        "A good passport with the portrait that was just taken. Stand where you stood, and look into the camera.",
        "VISITOR",
        "DEAR",
        "X",
        Face.YOU,
        Face.YOU,
        _ADMITTED,
        camera=Camera.YOURS,
    ),
    Traveller(
        "another-person",
        "You try another person's passport: the document is genuine, the face is not. Look into the camera again.",
        "MARCHETTI",
        "ALDO",
        "M",
        Face.B,
        Face.YOU,
        _inside((CheckName.FACE_MATCH,), OfficerReason.TO_SECOND_LINE),
        camera=Camera.YOURS,
    ),
)
"""What `egate demo --me` plays."""


def names() -> tuple[str, ...]:
    """The travellers' names in the order of the story."""
    return tuple(traveller.name for traveller in TRAVELLERS)


def document_number(traveller: Traveller, seed: int) -> str:
    """An invented document number of nine characters; the seed varies it, the same seed repeats it."""
    return "".join(random.Random(f"{seed}/{traveller.name}").choices("CFGHJKLMNPRTVWXYZ0123456789", k=9))  # noqa: S311 - invented data, no secret


def shuffled(seed: int, round_number: int) -> tuple[Traveller, ...]:
    """A day at the gate: mostly ordinary travellers with the others among them (`--loop`)."""
    dice = random.Random(f"{seed}/{round_number}")  # noqa: S311 - a story, no secret
    genuine = TRAVELLERS[0]
    day = [genuine, genuine, *TRAVELLERS[1:]]
    dice.shuffle(day)
    return tuple(day)
