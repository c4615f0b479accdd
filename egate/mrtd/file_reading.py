"""Reading one elementary file: by short identifier, in blocks as large as fit, tolerant of what chips of the field do.

Source: ISO/IEC 7816-4 §7.2.3 (READ BINARY), ICAO Doc 9303-10 §3.6. Rule: the length comes from the file's own header and is
compared with a limit before it is followed; a chip that sends nothing new ends the reading, so no file can keep us busy.
Dialogues yield plain commands; whoever carries them adds secure messaging.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from egate.model.document import ElementaryFile
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import MAX_SHORT_LE, SW_END_OF_FILE, SW_FILE_NOT_FOUND, CommandApdu, ResponseApdu
from egate.mrtd.files.tlv import MAX_HEADER_BYTES, encode_tlv, parse_one, read_header

MAX_FILE_BYTES = 131_072
"""Larger than any file that a gate reads: faces are below 64 kB."""
_PLAIN_OFFSET_END = 0x8000
"""From this offset on READ BINARY needs its odd instruction, which names offsets in a data object (§3.6.6 notes)."""
_PROBE_BYTES = 4
_NO_SHORT_IDENTIFIERS = frozenset({0x6700, 0x6A81, 0x6A86, 0x6B00, 0x6D00, 0x6A80})
"""Refusals after which the file is selected by its identifier and read from its start in a small step instead."""

Reading = Generator[CommandApdu, ResponseApdu, bytes]


class FileAbsent(ChipError):
    """The chip has no such file, which is no fault where the file is optional."""


@dataclass(frozen=True, slots=True)
class BlockSizes:
    """How many plain bytes to ask for: in a READ BINARY, and in its odd form, whose answer has a data object around it."""

    plain: int
    in_object: int


def read_file(file: ElementaryFile, blocks: BlockSizes, progress: Callable[[int, int], None]) -> Reading:
    """The whole file, tag included; `progress` learns bytes read and bytes in all.

    Raises FileAbsent, ChipError with the refusal, or MalformedData when header or length make no sense.
    """
    data = yield from _first_block(file, blocks)
    total = _total_bytes(data)
    progress(min(len(data), total), total)
    while len(data) < total:
        block = yield from _block_at(len(data), total - len(data), blocks)
        data += block[: total - len(data)]
        progress(len(data), total)
    return data[:total]


def _total_bytes(start: bytes) -> int:
    doing = "reading a file"
    _, header, length = read_header(start, doing)
    if header + length > MAX_FILE_BYTES:
        raise MalformedData(doing, "the file claims to be larger than its limit")
    return header + length


def _first_block(file: ElementaryFile, blocks: BlockSizes) -> Reading:
    """As much as fits at once, by short identifier; a chip that does not take that is asked in the older way."""
    response = yield CommandApdu(0x00, 0xB0, 0x80 | file.short_id, 0x00, le=blocks.plain)
    if response.exact_length is not None:
        response = yield CommandApdu(0x00, 0xB0, 0x80 | file.short_id, 0x00, le=min(response.exact_length, blocks.plain))
    if response.sw in _NO_SHORT_IDENTIFIERS:
        selected = yield CommandApdu(0x00, 0xA4, 0x02, 0x0C, file.file_id.to_bytes(2, "big"))
        _demand(selected)
        response = yield CommandApdu(0x00, 0xB0, 0x00, 0x00, le=_PROBE_BYTES)
    _demand(response)
    if len(response.data) > MAX_HEADER_BYTES or not response.data:
        return response.data
    return (yield from _complete_header(response.data))


def _complete_header(start: bytes) -> Reading:
    """A first block too short to hold its header is read again from its end, once."""
    try:
        read_header(start, "reading a file")
    except MalformedData:
        response = yield CommandApdu(0x00, 0xB0, 0x00, len(start), le=_PROBE_BYTES)
        _demand(response)
        return start + response.data
    return start


def _block_at(offset: int, remaining: int, blocks: BlockSizes) -> Reading:
    """The next block, never empty."""
    if offset >= _PLAIN_OFFSET_END:
        block = yield from _block_in_object(offset, min(remaining, blocks.in_object))
    else:
        size = min(remaining, blocks.plain, _PLAIN_OFFSET_END - offset)
        response = yield CommandApdu(0x00, 0xB0, offset >> 8, offset & 0xFF, le=size)
        if response.exact_length is not None:
            size = min(size, response.exact_length)
            response = yield CommandApdu(0x00, 0xB0, offset >> 8, offset & 0xFF, le=size)
        _demand(response)
        block = response.data
    if not block:
        raise ChipError("reading a file", "the chip sent nothing although the file goes on", 0x9000)
    return block


def _block_in_object(offset: int, size: int) -> Reading:
    """READ BINARY with odd instruction: DO'54' names the offset, DO'53' carries the bytes."""
    wanted = encode_tlv(0x54, offset.to_bytes(4, "big").lstrip(b"\x00"))
    overhead = len(encode_tlv(0x53, bytes(size))) - size
    response = yield CommandApdu(0x00, 0xB1, 0x00, 0x00, wanted, size + overhead)
    _demand(response)
    return parse_one(response.data, 0x53, "reading a file")


def _demand(response: ResponseApdu) -> None:
    """Go on only with a block or with the end of the file in sight; raises FileAbsent or ChipError."""
    if response.sw == SW_FILE_NOT_FOUND:
        raise FileAbsent("reading a file", "the chip has no such file", response.sw)
    if not response.ok and response.sw != SW_END_OF_FILE:
        raise ChipError("reading a file", "the chip refused", response.sw)


def block_sizes(plain: int) -> BlockSizes:
    """Block sizes from the most plain bytes that a response can carry."""
    return BlockSizes(plain, max(1, plain - (2 if plain < 0x80 else 3 if plain <= MAX_SHORT_LE else 4)))
