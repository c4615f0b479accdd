"""Reading elementary files: by short identifier, in the largest blocks that the document really carries.

Sources: ISO/IEC 7816-4 §7.2.3 (READ BINARY), ICAO Doc 9303-10 §3.6. Rule: the length comes from the file's own header and is
compared with a limit before it is followed; a chip that sends nothing new ends the reading, so no file can keep us busy. What a
document taught about its blocks is kept for the rest of it. Bytes that arrived are kept in a `PartialFile`, so that a reading
whose session broke goes on where it stopped. Dialogues yield plain commands; whoever carries them adds secure messaging.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from egate.model.document import ElementaryFile
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import MAX_EXTENDED_BYTES, MAX_SHORT_LE, SW_END_OF_FILE, SW_FILE_NOT_FOUND, CommandApdu, ResponseApdu
from egate.mrtd.files.lds import FILE_TAGS
from egate.mrtd.files.tlv import MAX_HEADER_BYTES, encode_tlv, parse_one, read_header
from egate.mrtd.quirks import Quirk

MAX_FILE_BYTES = 131_072
"""Larger than any file that a gate reads: faces are below 64 kB."""
MAX_RECORDS_BYTES = 1024
"""EF.ATR/INFO and EF.DIR hold a few dozen bytes; they have no header that would say how many."""
SMALLER_BLOCKS = (0xA0, 0x80, 0x60, 0x40, 0x20)
"""Plain bytes a block after larger ones were refused; issued chips take 160 or 128, the oldest 96."""
_LEAST_LESSON_BYTES = 0x20
"""A shorter answer is a chip's whim and no block size."""
_PLAIN_OFFSET_END = 0x8000
"""From this offset on READ BINARY needs its odd instruction, which names offsets in a data object (§3.6.6 notes)."""
_OBJECT_HEADER_BYTES = 4
_PROBE_BYTES = 4
_RECOGNISED_BYTES = 8
"""How much of the begin of a file is compared before a reading goes on in the middle of it."""
LENGTH_REFUSALS = frozenset({0x6700, 0x6B00, 0x6F00})
"""By these chips of the field refuse a length."""
_NO_SHORT_IDENTIFIERS = frozenset({0x6700, 0x6A80, 0x6A81, 0x6A86, 0x6B00, 0x6D00})
"""Refusals after which the file is selected by its identifier instead."""
_LIMIT_QUIRKS = {0xA0: Quirk.LARGEST_READ_A0, 0x80: Quirk.LARGEST_READ_80}
_DOING = "reading a file"

Reading = Generator[CommandApdu, ResponseApdu, bytes]
Answer = Generator[CommandApdu, ResponseApdu, ResponseApdu]
Meet = Callable[[Quirk, int | None], None]


class FileAbsent(ChipError):
    """The chip has no such file, which is no fault where the file is optional."""


@dataclass(slots=True)
class ReadingHabits:
    """What one document taught about reading it: kept for the rest of the document, and a hint for reading it again.

    `response_bytes` is the longest response APDU to expect, status word included; more than 256 means extended lengths.
    `most_bytes` is the most plain bytes to ask for, `proven_bytes` the most that were asked for and came.
    """

    response_bytes: int = MAX_SHORT_LE
    most_bytes: int = MAX_EXTENDED_BYTES
    proven_bytes: int = 0
    short_identifiers: bool = True
    short_identifiers_proven: bool = False


@dataclass(slots=True)
class PartialFile:
    """A file under way: what arrived, its size (0: not yet known), and whether a new session went on with it."""

    file: ElementaryFile
    data: bytearray = field(repr=False, default_factory=bytearray)
    total_bytes: int = 0
    resumed: bool = False

    def clear(self) -> None:
        """Begin anew."""
        self.data.clear()
        self.total_bytes, self.resumed = 0, False


@dataclass(frozen=True, slots=True)
class ReadingTerms:
    """What a file reader needs of its surroundings: `capacity` says how many plain bytes a response of so many carries."""

    capacity: Callable[[int], int]
    meet: Meet
    progress: Callable[[ElementaryFile, int, int], None]


class FileReader:
    """Reads the files of one document."""

    def __init__(self, habits: ReadingHabits, terms: ReadingTerms) -> None:
        self.habits = habits
        self._terms = terms
        self.asked_bytes = 0

    @property
    def block_bytes(self) -> int:
        """How many plain bytes to ask for at most, as things stand."""
        return max(1, min(self.habits.most_bytes, self._terms.capacity(self.habits.response_bytes)))

    def read(self, partial: PartialFile) -> Reading:
        """The whole file, tag included, going on with what `partial` holds and filling it.

        Raises FileAbsent, ChipError with the refusal, or MalformedData when header or length make no sense.
        """
        yield from self._begin(partial)
        total = partial.total_bytes
        self._terms.progress(partial.file, len(partial.data), total)
        while len(partial.data) < total:
            partial.data += yield from self._block_at(len(partial.data), total)
            self._terms.progress(partial.file, len(partial.data), total)
        return bytes(partial.data)

    def read_records(self, file: ElementaryFile) -> Reading:
        """A file without a header of its own, read to its end or its limit; raises as `read`."""
        data = yield from self._first_block(file, MAX_SHORT_LE - 2)
        asked = self.asked_bytes
        while len(data) >= asked and len(data) < MAX_RECORDS_BYTES:
            offset = len(data)
            response = yield from self._ask(lambda size, at=offset: _read_at(at, size), asked)  # type: ignore[misc]  # a default binds
            data += response.data
            if not response.ok or len(response.data) < asked:
                break
        return data[:MAX_RECORDS_BYTES]

    def take_smaller(self, size: int, sw: int | None) -> bool:
        """Ask for less than `size` bytes from now on; False when there is nothing smaller or `size` was carried before."""
        habits = self.habits
        if size <= habits.proven_bytes:
            return False
        if size > MAX_SHORT_LE and habits.response_bytes > MAX_SHORT_LE:
            habits.response_bytes = MAX_SHORT_LE
            self._terms.meet(Quirk.EXTENDED_LENGTH_REFUSED, sw)
            return True
        smaller = next((block for block in SMALLER_BLOCKS if block < size), None)
        if smaller is None:
            return False
        habits.most_bytes = smaller
        return True

    def _begin(self, partial: PartialFile) -> Generator[CommandApdu, ResponseApdu, None]:
        """Find a file that was begun, else read its first block and its size."""
        if partial.total_bytes and len(partial.data) > self.block_bytes and (yield from self._found_again(partial)):
            partial.resumed = True
            return
        partial.clear()
        first = yield from self._first_block(partial.file, self.block_bytes)
        if len(first) <= MAX_HEADER_BYTES and first:
            first = yield from _complete_header(first)
        partial.total_bytes = _total_bytes(first)
        partial.data += first[: partial.total_bytes]
        self._learn_from(len(first), min(self.asked_bytes, partial.total_bytes))

    def _found_again(self, partial: PartialFile) -> Generator[CommandApdu, ResponseApdu, bool]:
        """Make the file the current one again; False when it begins otherwise than the bytes that are there."""
        if not self.habits.short_identifiers:
            _demand((yield _select(partial.file)))
            return True
        response = yield _read_by_name(partial.file, _RECOGNISED_BYTES)
        _demand(response)
        return bool(response.data) and partial.data.startswith(response.data)

    def _first_block(self, file: ElementaryFile, most: int) -> Reading:
        """As much as fits at once, by short identifier; a chip that does not take that is asked in the older way."""
        size = min(most, self.block_bytes)
        if self.habits.short_identifiers:
            response = yield from self._ask(lambda less: _read_by_name(file, less), size)
            if response.sw not in _NO_SHORT_IDENTIFIERS or self.habits.short_identifiers_proven:
                _demand(response)
                self.habits.short_identifiers_proven = True
                if _may_be(file, response.data):
                    return response.data
                self._terms.meet(Quirk.FILES_OF_MASTER_FILE, None)
        _demand((yield _select(file)))
        if self.habits.short_identifiers and not self.habits.short_identifiers_proven:
            self.habits.short_identifiers = False
            self._terms.meet(Quirk.NO_SHORT_IDENTIFIERS, response.sw)
        response = yield from self._ask(lambda less: _read_at(0, less), size)
        _demand(response)
        return response.data

    def _block_at(self, offset: int, total: int) -> Reading:
        """The next block, never empty and never beyond the end."""
        remaining = total - offset
        if offset >= _PLAIN_OFFSET_END:
            wanted = min(remaining + _OBJECT_HEADER_BYTES, self.block_bytes)
            response = yield from self._ask(lambda size: _read_in_object(offset, min(remaining, in_object(size))), wanted)
            _demand(response)
            block = parse_one(response.data, 0x53, _DOING) if response.data else b""
        else:
            wanted = min(remaining, self.block_bytes, _PLAIN_OFFSET_END - offset)
            response = yield from self._ask(lambda size: _read_at(offset, size), wanted)
            _demand(response)
            block = response.data
            self._learn_from(len(block), self.asked_bytes)
        if not block:
            raise ChipError(_DOING, "the chip sent nothing although the file goes on", 0x9000)
        return block[:remaining]

    def _ask(self, command: Callable[[int], CommandApdu], wanted: int) -> Answer:
        """One READ BINARY; a refusal under protection that is about its length is answered by asking for less.

        Where no length is taken, it was not about the length, and nothing was learnt.
        """
        size, most, longest = wanted, self.habits.most_bytes, self.habits.response_bytes
        while True:
            self.asked_bytes = size
            response = yield command(size)
            exact = response.exact_length
            if exact is not None and exact < size:
                self._terms.meet(Quirk.EXACT_LENGTH, response.sw)
                self.asked_bytes = size = exact
                response = yield command(size)
            if response.sw not in LENGTH_REFUSALS:
                return response
            if not self._may_be_length(response.sw, size):
                self.habits.most_bytes, self.habits.response_bytes = most, longest
                return response
            if response.sw == 0x6B00:
                self._terms.meet(Quirk.FULL_LENGTH_REFUSED, response.sw)
            size = min(size, self.block_bytes)

    def _may_be_length(self, sw: int, size: int) -> bool:
        """Whether less should be asked; 6B00 to the first short identifier of a document says that it knows none."""
        may_be_name = sw != 0x6700 and self.habits.short_identifiers and not self.habits.short_identifiers_proven
        return not may_be_name and self.take_smaller(size, sw)

    def _learn_from(self, came: int, asked: int) -> None:
        """Take the size of an answer that a chip shortened as the block; remember the largest that came whole."""
        habits = self.habits
        if came >= asked:
            if asked > habits.proven_bytes:
                habits.proven_bytes = asked
                if asked == habits.most_bytes and asked in _LIMIT_QUIRKS:
                    self._terms.meet(_LIMIT_QUIRKS[asked], None)
        elif came >= _LEAST_LESSON_BYTES:
            habits.most_bytes = came
            self._terms.meet(Quirk.SHORT_ANSWERS, None)


def _may_be(file: ElementaryFile, start: bytes) -> bool:
    """Whether a file of the application begins with its own tag; files of the master file have none of theirs."""
    return not file.in_application or not start or start[0] == FILE_TAGS.get(file, start[0])


def _total_bytes(start: bytes) -> int:
    _, header, length = read_header(start, _DOING)
    if header + length > MAX_FILE_BYTES:
        raise MalformedData(_DOING, "the file claims to be larger than its limit")
    return header + length


def _complete_header(start: bytes) -> Reading:
    """A first block too short to hold its header is read again from its end, once."""
    try:
        read_header(start, _DOING)
    except MalformedData:
        response = yield _read_at(len(start), _PROBE_BYTES)
        _demand(response)
        return start + response.data
    return start


def _select(file: ElementaryFile) -> CommandApdu:
    return CommandApdu(0x00, 0xA4, 0x02, 0x0C, file.file_id.to_bytes(2, "big"))


def _read_by_name(file: ElementaryFile, size: int) -> CommandApdu:
    return CommandApdu(0x00, 0xB0, 0x80 | file.short_id, 0x00, le=size)


def _read_at(offset: int, size: int) -> CommandApdu:
    return CommandApdu(0x00, 0xB0, offset >> 8, offset & 0xFF, le=size)


def _read_in_object(offset: int, size: int) -> CommandApdu:
    """READ BINARY with odd instruction: DO'54' names the offset, DO'53' carries the bytes."""
    wanted = encode_tlv(0x54, offset.to_bytes(4, "big").lstrip(b"\x00"))
    return CommandApdu(0x00, 0xB1, 0x00, 0x00, wanted, size + len(encode_tlv(0x53, bytes(size))) - size)


def _demand(response: ResponseApdu) -> None:
    """Go on only with a block or with the end of the file in sight; raises FileAbsent or ChipError."""
    if response.sw == SW_FILE_NOT_FOUND:
        raise FileAbsent(_DOING, "the chip has no such file", response.sw)
    if not response.ok and response.sw != SW_END_OF_FILE:
        raise ChipError(_DOING, "the chip refused", response.sw)


def in_object(plain: int) -> int:
    """How many bytes of a file fit a response of so many plain bytes when a data object is around them."""
    return max(1, plain - (2 if plain <= 0x81 else 3 if plain <= 0x102 else 4))
