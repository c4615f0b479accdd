"""Where the printed data come from: typed, pasted, a picture of the page, or the three fields that open a chip.

Rule: what was typed is what the checks get; spaces and small letters are the only things that are put right without a word.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from egate.app.config import ConfigError
from egate.app.optical_reader import PageReading, PageWorker
from egate.app.optics_worker import NO_ZONE
from egate.model.document import Mrz, MrzInformation
from egate.model.errors import MalformedData
from egate.mrtd.files.mrz import parse_mrz

LARGEST_PICTURE_BYTES = 32 * 1024 * 1024
"""A page at 600 dpi as BMP has about 25 MB."""

ATTEMPTS = 3
"""How often somebody may type the lines before the command gives up."""

_NUMBER = re.compile(r"[A-Z0-9<]{1,22}")
_CARD_NUMBER = re.compile(r"[0-9]{6,10}")
_NOTHING = MrzInformation("", "", "")
_SHORTEST_NUMBER = 9
_EXAMPLE = "P<UTOMUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<"

Ask = Callable[[str], str]
"""Shows a sentence and returns the next line that a person typed; raises EOFError when there is none."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What is known from the print: the zone, or only the fields that open the chip; the card access number where given."""

    mrz: Mrz | None = field(repr=False)
    information: MrzInformation
    card_access_number: str = field(repr=False, default="")

    @property
    def opens(self) -> bool:
        """Whether the print gives keys, or only the number does."""
        return self.information != _NOTHING


def printed_data(arguments: argparse.Namespace, ask: Ask) -> Printed:
    """The printed data that the arguments name, asked for where they name none; raises ConfigError with what to do."""
    number = _card_access_number(arguments.can)
    if arguments.mrz:
        mrz = _parsed(arguments.mrz)
    elif arguments.picture is not None:
        mrz = _from_picture(arguments.picture)
    elif arguments.number or arguments.birth or arguments.expiry:
        return Printed(None, _information(arguments), number)
    elif number:
        return Printed(None, _NOTHING, number)
    else:
        mrz = _asked_for(ask)
    return Printed(mrz, mrz.information, number)


def typed_lines(texts: Sequence[str]) -> tuple[str, ...]:
    """Lines as a machine readable zone writes them: capital letters, without spaces."""
    return tuple("".join(text.split()).upper() for text in texts)


def _parsed(texts: Sequence[str]) -> Mrz:
    try:
        return parse_mrz(typed_lines(texts))
    except MalformedData as error:
        raise ConfigError(
            f"the machine readable zone cannot be read: {error.problem}. Passports have 2 lines of 44 characters, cards 3 of 30 "
            "or 2 of 36; put each line into quotes and type < for every filler"
        ) from None


def _asked_for(ask: Ask) -> Mrz:
    """Two or three lines from a person; a passport is whole after two."""
    prompt = f"Type or paste the lines at the foot of the page, as {_EXAMPLE}\n1: "
    for _ in range(ATTEMPTS):
        lines: list[str] = []
        problem = "no lines"
        try:
            while len(lines) < 3:
                lines.append(ask(prompt if not lines else f"{len(lines) + 1}: "))
                if len(lines) > 1:
                    try:
                        return parse_mrz(typed_lines(lines))
                    except MalformedData as error:
                        problem = error.problem
                        if len(typed_lines(lines)[0]) != 30:
                            break
        except EOFError:
            break
        prompt = f"That is no machine readable zone ({problem}). Once more:\n1: "
    raise ConfigError("no machine readable zone was typed; give it with --mrz, --picture, --can, or --number --birth --expiry")


def _from_picture(path: Path) -> Mrz:
    try:
        if path.stat().st_size > LARGEST_PICTURE_BYTES:
            raise ConfigError(f"--picture {path}: larger than {LARGEST_PICTURE_BYTES} bytes")
        picture = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"--picture {path}: {error.strerror}") from None

    async def read() -> PageReading:
        worker = PageWorker()
        try:
            return await worker.read(picture)
        finally:
            await worker.close()

    found = asyncio.run(read())
    if not found.lines and found.problem not in ("", NO_ZONE):
        raise ConfigError(f"--picture {path}: this picture cannot be read ({found.problem})")
    if not found.lines:
        raise ConfigError(f"--picture {path}: no machine readable zone was found; is the whole foot of the page in the picture?")
    return _parsed(found.lines)


def _information(arguments: argparse.Namespace) -> MrzInformation:
    if not (arguments.number and arguments.birth and arguments.expiry):
        raise ConfigError("--number, --birth and --expiry go together: the chip's keys are made of all three")
    number = "".join(arguments.number.split()).upper()
    if not _NUMBER.fullmatch(number):
        raise ConfigError("--number: letters, digits and <, as printed")
    return MrzInformation(
        number.ljust(_SHORTEST_NUMBER, "<"), _day("--birth", arguments.birth), _day("--expiry", arguments.expiry)
    )


def _day(option: str, text: str) -> str:
    """YYMMDD of a date written so or as YYYY-MM-DD."""
    if re.fullmatch(r"[0-9]{6}", text):
        return text
    try:
        return datetime.strptime(text, "%Y-%m-%d").strftime("%y%m%d")
    except ValueError:
        raise ConfigError(f"{option}: write YYYY-MM-DD, or YYMMDD as printed") from None


def _card_access_number(text: str) -> str:
    if text and not _CARD_NUMBER.fullmatch(text):
        raise ConfigError("--can: the card access number has six digits; it stands on the front of the document")
    return text
