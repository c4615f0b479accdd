"""A chip reader at a desk: named in a few characters, waited for, and read from with patience for documents that slip.

Rule: what the chip did wrong is evidence; only a reader that does not work, or a document that does not stay, ends an inspection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import drivers
from drivers.plugins import DriverKind, entry_points, find_plugin
from egate.app.config import DEFAULT_CHIP_FILES, ConfigError
from egate.app.inspecting.terminal import ProgressLine
from egate.app.inspection import READING_LIMIT_S, ReadingShare, ReadingTerms, gather_chip
from egate.model.document import ChipEvidence, ElementaryFile, ReadingProgress
from egate.model.errors import ChipLost, DeviceError
from egate.mrtd.reading import PartialReading, ReadRequest
from egate.ports import ChipReader, Clock

SLIPS = 3
"""How often a document may slip before the inspection gives up."""

SLIP_WAIT_S = 20.0
"""How long somebody may take to lay a document down again."""

ALL_FILES = "all"
VPCD_ADDRESS = "127.0.0.1:35963"
"""Where the driver listens when no place is named."""
_ALWAYS_READ = frozenset(
    {
        ElementaryFile.CARD_ACCESS,
        ElementaryFile.CARD_SECURITY,
        ElementaryFile.COM,
        ElementaryFile.SOD,
        ElementaryFile.DG1,
        ElementaryFile.DG2,
        ElementaryFile.DG14,
        ElementaryFile.DG15,
    }
)
"""Files that every reading asks for where they are offered."""

_GUARDED = frozenset({ElementaryFile.DG3, ElementaryFile.DG4})
"""Files that open only to a terminal that proves its right."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ReaderName:
    """A reader as it is named on the command line: its kind and its place."""

    kind: str
    place: str = ""

    @property
    def text(self) -> str:
        """As it was named."""
        return f"{self.kind}:{self.place}" if self.place else self.kind


def parse_reader(text: str) -> ReaderName:
    """`KIND` or `KIND:PLACE`, also of a driver that a package brings; raises ConfigError, DeviceError for a broken one."""
    kind, _, place = text.partition(":")
    if kind not in drivers.CHIP_READERS and find_plugin(kind, DriverKind.CHIP_READER.value) is None:
        known = ", ".join([*sorted(drivers.CHIP_READERS), *(entry.name for entry in entry_points())])
        raise ConfigError(f"--reader {text}: there is no kind {kind!r}; known: {known}. As `pcsc`, `pn532:/dev/serial/by-path/…`")
    if kind == "pn532" and not place:
        raise ConfigError("--reader pn532 needs its serial port, as pn532:/dev/serial/by-path/…")
    return ReaderName(kind, place)


def open_reader(name: ReaderName, clock: Clock, *, emulated: bool) -> ChipReader:
    """The reader of that name; nothing is opened yet. Raises DeviceError."""
    brought = name.kind not in drivers.CHIP_READERS
    by_path = name.kind == "pn532"
    settings = drivers.PortSettings(
        path=name.place if by_path or brought else "",
        name="" if by_path else _pattern(name),
        emulated=emulated or name.kind == "vpcd",
    )
    try:
        return drivers.make_chip_reader(name.kind, settings, clock)
    except DeviceError as error:
        raise DeviceError(error.doing, error.problem.replace("emulated = true", "--emulated")) from None


def _pattern(name: ReaderName) -> str:
    """A PC/SC reader is found by a part of its name too."""
    plain = name.kind == "pcsc" and name.place and not any(sign in name.place for sign in "*?[")
    return f"*{name.place}*" if plain else name.place


def files_asked(text: str, *, with_terminal: bool) -> tuple[ElementaryFile, ...]:
    """What a lane reads unless it is told otherwise, and what is named; raises ConfigError. `all` leaves out what needs rights.

    Without the lane's files a document would be admitted here that a gate refers.
    """
    further = [file for file in ElementaryFile if file not in _ALWAYS_READ]
    if asks_for_all(text):
        return tuple(file for file in further if with_terminal or file not in _GUARDED)
    named = [_file(word) for word in text.split(",") if word.strip()]
    guarded = [file.name for file in named if file in _GUARDED]
    if guarded and not with_terminal:
        raise ConfigError(f"--files {guarded[0]}: needs --terminal-chain and --terminal-key")
    return tuple(file for file in dict.fromkeys((*DEFAULT_CHIP_FILES, *named)) if file not in _ALWAYS_READ)


def asks_for_all(text: str) -> bool:
    """Whether `--files` says so."""
    return text.strip().lower() == ALL_FILES


def _file(word: str) -> ElementaryFile:
    name = word.strip().upper().removeprefix("EF.").replace("/", "_")
    try:
        return ElementaryFile[name]
    except KeyError:
        known = ", ".join(file.name for file in ElementaryFile)
        raise ConfigError(f"--files {word.strip()}: there is no such file; known: {known}, or {ALL_FILES}") from None


@dataclass(frozen=True, slots=True)
class Desk:
    """The reader, the clock, and where to tell what goes on."""

    reader: ChipReader
    clock: Clock
    tell: Tell
    progress: ProgressLine
    wait_s: float
    name: ReaderName = ReaderName("pcsc")


@dataclass(frozen=True, slots=True)
class DeskReading:
    """What a chip gave, and when its reading began and ended, in nanoseconds since 1970."""

    evidence: ChipEvidence
    began_ns: int
    ended_ns: int


async def read_at_desk(desk: Desk, request: ReadRequest) -> DeskReading:
    """Wait for a document and read it; raises DeviceError when none came, ChipLost when it slipped too often."""
    partial = PartialReading()
    wait_s, began_ns = desk.wait_s, 0
    for slip in range(SLIPS + 1):
        if not await _laid_down(desk, wait_s):
            raise DeviceError("waiting for a document", _nothing_came(desk.name, wait_s))
        began_ns = began_ns or desk.clock.wall_ns()
        try:
            evidence = await _read_once(desk, request, partial)
            return DeskReading(evidence, began_ns, desk.clock.wall_ns())
        except ChipLost:
            if slip == SLIPS:
                raise
            desk.progress.clear()
            desk.tell("The document slipped. Lay it down again and keep it still.")
            wait_s = SLIP_WAIT_S
        finally:
            desk.progress.clear()
    raise ChipLost("reading a chip", "the document slipped too often")


async def _laid_down(desk: Desk, wait_s: float) -> bool:
    """Whether a chip is there within a time; somebody who has to lay it down is asked to."""
    if await desk.reader.wait_for_chip(min(0.5, wait_s)):
        return True
    todo = f"Let a chip connect to {_address(desk.name)}" if desk.name.kind == "vpcd" else "Lay the document on the reader"
    desk.progress.say(f"{todo} (waiting {wait_s:g} s, Ctrl-C ends) …")
    try:
        return await desk.reader.wait_for_chip(wait_s)
    finally:
        desk.progress.clear()


def _address(name: ReaderName) -> str:
    return name.place or VPCD_ADDRESS


def _nothing_came(name: ReaderName, wait_s: float) -> str:
    """What to look at when no chip came: a virtual reader has nothing that could lie askew on it."""
    if name.kind == "vpcd":
        place = _address(name)
        return f"no chip connected to {place} within {wait_s:g} s; `egate document serve DOC --vpcd {place}` is one that does"
    return f"no chip answered within {wait_s:g} s; does it have one, is it flat?"


async def _read_once(desk: Desk, request: ReadRequest, partial: PartialReading) -> ChipEvidence:
    share = ReadingShare(_further(request.further_files, request.later_files))

    def progress(value: ReadingProgress) -> None:
        desk.progress.show(f"reading {_word(value.file)}", share.take(value))

    desk.progress.show("opening the chip", 0.0)
    request = replace(request, max_response_bytes=desk.reader.max_response_bytes, historical_bytes=desk.reader.historical_bytes)
    return await gather_chip(desk.reader, request, progress, ReadingTerms(desk.clock, READING_LIMIT_S, partial))


def _further(*groups: Sequence[ElementaryFile]) -> tuple[ElementaryFile, ...]:
    return tuple(file for group in groups for file in group)


def _word(file: ElementaryFile) -> str:
    return file.name if file.name.startswith("DG") else f"EF.{file.name}"
