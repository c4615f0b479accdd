"""The documents of a shift: a pool of signed simulated chips, made once from a seed and laid again and again.

Reading them is real: access control, secure messaging, passive authentication and the proofs that a chip is no copy run for every
traveller. Only the making of documents is shared, because a State signs slower than a lane reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_kinds import ActiveWay, ChipKind
from drivers.sim.passport.issuer import Defect, PersonData, SimulatedIssuer
from drivers.sim.passport.signing import SeededEntropy

ISSUER = "UTO"
PORTRAIT = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(600) + bytes.fromhex("ffd9")
"""Opens and ends as a JPEG and shows nothing: no face is compared here, and its size only makes the reading longer."""

PORTRAIT_SIZE = (30, 40)
LATEST_KIND = ChipKind()
ACTIVE_KIND = ChipKind(pace=False, chip_authentication=False, active_authentication=ActiveWay("brainpoolP256r1"))
"""An older chip: basic access control, and a signature as the proof that it is no copy."""

GOOD_COPIES, OTHER_COPIES = 12, 2
BORN, BORN_MINOR_AGO = date(1984, 5, 17), timedelta(days=10 * 365)
STILL_VALID, EXPIRED_SINCE = timedelta(days=4 * 365), timedelta(days=90)


class Paper(Enum):
    """What a traveller lays on the reader."""

    GOOD = "good"
    MINOR = "minor"
    EXPIRED = "expired"
    LISTED = "listed"
    CLONED = "cloned"
    FORGED = "forged"
    NO_CHIP = "no chip"
    DYING_CHIP = "chip that dies"


ADMISSIBLE = frozenset({Paper.GOOD})
"""Papers with which the rules of the profile let a lane admit somebody. A minor goes to an officer."""

_DEFECTS = {Paper.CLONED: Defect.CLONED, Paper.FORGED: Defect.FORGED_DATA}


@dataclass(frozen=True, slots=True)
class Document:
    """The printed lines, and the chip; None for a document without one."""

    lines: tuple[str, ...] = field(repr=False)
    chip: SimulatedChip | DyingChip | None
    number: str = field(repr=False)


class DyingChip:
    """A chip that falls silent for good after so many commands of each session, as a cracked antenna does."""

    def __init__(self, chip: SimulatedChip, commands: int) -> None:
        self._chip, self._commands, self._left = chip, commands, commands

    @property
    def ats(self) -> bytes:
        """The answer to select."""
        return self._chip.ats

    def reset(self) -> None:
        """Field off and on again."""
        self._left = self._commands
        self._chip.reset()

    def transceive(self, command: bytes) -> bytes | None:
        """Answer, as long as it lives."""
        self._left -= 1
        return None if self._left < 0 else self._chip.transceive(command)


@dataclass(frozen=True, slots=True)
class Pool:
    """All documents of a shift by kind, and what the lanes must know of them."""

    issuer: SimulatedIssuer = field(repr=False)
    documents: Mapping[Paper, tuple[Document, ...]] = field(repr=False)

    @property
    def listed(self) -> tuple[tuple[str, str], ...]:
        """What stands on the lanes' list."""
        return tuple((ISSUER, document.number) for document in self.documents[Paper.LISTED])


def make_pool(seed: str, today: date) -> Pool:
    """A State and its documents; the same bytes for the same seed."""
    entropy = SeededEntropy(f"{seed}/documents".encode())
    issuer = SimulatedIssuer.create(ISSUER, entropy, today)
    documents = {}
    for kind, paper in enumerate(Paper):
        copies = GOOD_COPIES if paper is Paper.GOOD else OTHER_COPIES
        documents[paper] = tuple(_make(issuer, paper, f"T{kind}{copy:06}", copy, today, entropy) for copy in range(copies))
    return Pool(issuer, documents)


def _make(
    issuer: SimulatedIssuer, paper: Paper, number: str, copy: int, today: date, entropy: Callable[[int], bytes]
) -> Document:
    person = PersonData(
        surname=f"TRAVELLER{'ABCDEFGHIJKLMNOP'[copy]}",
        given_names=paper.name.replace("_", " "),
        date_of_birth=today - BORN_MINOR_AGO if paper is Paper.MINOR else BORN,
        sex="F" if copy % 2 else "M",
        document_number=number,
        date_of_expiry=today - EXPIRED_SINCE if paper is Paper.EXPIRED else today + STILL_VALID,
    )
    lines = issuer.printed_lines(person)
    if paper is Paper.NO_CHIP:
        return Document(lines, None, number)
    kind = ACTIVE_KIND if copy % 3 == 1 else LATEST_KIND
    made = issuer.personalise(person, PORTRAIT, PORTRAIT_SIZE, defect=_DEFECTS.get(paper, Defect.NONE), kind=kind)
    chip = SimulatedChip(made, entropy)
    return Document(lines, DyingChip(chip, 9 + 6 * copy) if paper is Paper.DYING_CHIP else chip, number)
