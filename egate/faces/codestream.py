"""What a JPEG 2000 image asks of a decoder, read from its headers before a decoder sees it.

Source: ISO/IEC 15444-1 Annexes A and I. Rule: every figure that multiplies work (tiles, components, resolution levels, layers,
precincts, progression changes) is compared with its limit here, because a few kilobytes can ask for hours: a bomb is refused, not
survived. What tile headers change later is left to the limits on time and memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from egate.model.errors import MalformedData

MAX_TILES = 256
"""Tiles of an image; documents have one."""
MAX_BOXES = 64
"""Boxes of a JP2 file before its codestream."""
MAX_TILE_PARTS = 4096
"""Pieces of tiles one after the other; documents have one, or one for each tile."""
MAX_SEGMENTS = 256
"""Marker segments of a main header; documents have about ten."""
MAX_LEVELS = 12
"""Wavelet levels; documents have four or five, and twelve reduce the longest side to two pixels."""
MAX_LAYERS = 256
"""Quality layers; documents have one to twenty."""
MAX_PACKETS = 131_072
"""Packets of an image: layers, levels, components, precincts and tiles multiplied; documents have tens."""

SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")
START = bytes.fromhex("ff4fff51")

_DOING = "decode a face image"
_TILE_START, _TILE_START_BYTES = 0xFF90, b"\xff\x90"
_TILE_HEADER_BYTES = 14
_STYLE, _COMPONENT_STYLE, _PROGRESSION_CHANGE = 0xFF52, 0xFF53, 0xFF5F
_LARGEST_PRECINCT = 0xFF


@dataclass(frozen=True, slots=True)
class CodestreamSize:
    """The grid of an image: its width and height in pixels, how many components, how many tiles."""

    width: int
    height: int
    components: int
    tiles: int


def codestream_offset(image: bytes) -> int:
    """Where the contiguous codestream box of a JP2 file has its contents; raises MalformedData."""
    at = 0
    for _ in range(MAX_BOXES):
        if at + 8 > len(image):
            break
        length, kind = struct.unpack_from(">I4s", image, at)
        start = at + 8
        if length == 1 and at + 16 <= len(image):
            (length,) = struct.unpack_from(">Q", image, at + 8)
            start = at + 16
        if kind == b"jp2c":
            return start
        if length < start - at or at + length > len(image):
            break
        at += length
    raise MalformedData(_DOING, "a JP2 file without a codestream")


def read_codestream(stream: bytes) -> CodestreamSize:
    """The size of the image in a codestream whose main header keeps every limit; raises MalformedData."""
    size = _read_size(stream)
    styles, first_tile = 0, 0
    for marker, body, after in _segments(stream):
        first_tile = after
        if marker == _STYLE:
            styles += 1
            _check_style(size, body)
        elif marker == _COMPONENT_STYLE:
            _check_component_style(size, body)
        elif marker == _PROGRESSION_CHANGE:
            raise MalformedData(_DOING, "a change of progression, which face images do not use")
    if styles != 1:
        raise MalformedData(_DOING, "not exactly one coding style")
    _check_whole(stream, first_tile, size.tiles)
    return size


def _check_whole(stream: bytes, at: int, tiles: int) -> None:
    """Every tile is there to its end (A.4.2); the end marker may be missing, as in some issued documents."""
    for parts in range(MAX_TILE_PARTS):
        if stream[at : at + 2] != _TILE_START_BYTES:
            if parts < tiles:
                break
            return
        length = int.from_bytes(stream[at + 6 : at + 10], "big")
        if length == 0:
            return  # the last one, to the end of the codestream
        if length < _TILE_HEADER_BYTES or at + length > len(stream):
            break
        at += length
    raise MalformedData(_DOING, "a JPEG 2000 codestream that is cut off, or in too many parts")


def _read_size(stream: bytes) -> CodestreamSize:
    """The SIZ segment (A.5.1): grid, tiles, components of 8 bits, none of them subsampled away."""
    if len(stream) < 42 or not stream.startswith(START):
        raise MalformedData(_DOING, "a JPEG 2000 codestream without its size")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, components = struct.unpack_from(">8IH", stream, 8)
    if right <= left or bottom <= top or tile_width == 0 or tile_height == 0 or tile_left > left or tile_top > top:
        raise MalformedData(_DOING, "a JPEG 2000 image with an impossible grid")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if tiles > MAX_TILES:
        raise MalformedData(_DOING, f"more than {MAX_TILES} tiles")
    _check_components(stream[42 : 42 + 3 * min(components, 4)], min(components, 4))
    return CodestreamSize(right - left, bottom - top, components, tiles)


def _check_components(table: bytes, components: int) -> None:
    if len(table) < 3 * components:
        raise MalformedData(_DOING, "a JPEG 2000 codestream that ends in its size")
    if any(table[3 * index] != 7 for index in range(components)):
        raise MalformedData(_DOING, "JPEG 2000 components that are not 8 bits")
    if any(not 1 <= step <= 2 for index in range(components) for step in table[3 * index + 1 : 3 * index + 3]):
        raise MalformedData(_DOING, "JPEG 2000 components with an unusual sampling")


def _segments(stream: bytes) -> Iterator[tuple[int, bytes, int]]:
    """The marker segments of the main header from SIZ on, up to the first tile, each with where the next begins."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        if at + 4 > len(stream):
            raise MalformedData(_DOING, "a JPEG 2000 header that ends early")
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == _TILE_START:
            return
        if marker < 0xFF00 or length < 2 or at + 2 + length > len(stream):
            raise MalformedData(_DOING, "a JPEG 2000 segment that does not fit")
        yield marker, stream[at + 4 : at + 2 + length], at + 2 + length
        at += 2 + length
    raise MalformedData(_DOING, f"more than {MAX_SEGMENTS} segments before the first tile")


def _check_style(size: CodestreamSize, body: bytes) -> None:
    """COD (A.6.1): the layers, then levels and precincts of all components."""
    if len(body) < 10:
        raise MalformedData(_DOING, "a coding style that ends early")
    (layers,) = struct.unpack_from(">H", body, 2)
    if not 1 <= layers <= MAX_LAYERS:
        raise MalformedData(_DOING, f"no layer or more than {MAX_LAYERS}")
    packets = layers * size.components * size.tiles * _precincts(size, body[0], body[5:])
    if packets > MAX_PACKETS:
        raise MalformedData(_DOING, f"more than {MAX_PACKETS} packets")


def _check_component_style(size: CodestreamSize, body: bytes) -> None:
    """COC (A.6.2): levels and precincts of one component."""
    skipped = 1 if size.components < 257 else 2
    if len(body) < skipped + 6:
        raise MalformedData(_DOING, "a coding style that ends early")
    if size.tiles * MAX_LAYERS * _precincts(size, body[skipped], body[skipped + 1 :]) > MAX_PACKETS:
        raise MalformedData(_DOING, f"more than {MAX_PACKETS} packets")


def _precincts(size: CodestreamSize, style: int, parameters: bytes) -> int:
    """How many precincts the resolutions of one component have, at most, were the image one tile."""
    levels = parameters[0]
    if levels > MAX_LEVELS:
        raise MalformedData(_DOING, f"more than {MAX_LEVELS} resolution levels")
    sizes = parameters[5 : 6 + levels] if style & 1 else bytes((_LARGEST_PRECINCT,)) * (levels + 1)
    if len(sizes) < levels + 1:
        raise MalformedData(_DOING, "a coding style that ends early")
    return sum(_at_resolution(size, levels - index, exponents) for index, exponents in enumerate(sizes))


def _at_resolution(size: CodestreamSize, halvings: int, exponents: int) -> int:
    across = -(-size.width >> halvings >> (exponents & 0x0F))
    down = -(-size.height >> halvings >> (exponents >> 4))
    return across * down
