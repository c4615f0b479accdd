"""Bytes of a face image from outside → a frame; hostile bytes → MalformedData.

Runs in the worker process only. Headers are read before any decoder sees the bytes: size, number of components, number of
scans or tiles are compared with their limits first, because a few kilobytes can ask a decoder for gigabytes or for hours.
What a header cannot tell (a decoder that hangs or crashes) is caught by the worker's resource limits and the client's deadline.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from egate.faces.engine import Frame
from egate.model.errors import MalformedData
from egate.model.face import ImageFormat

MAX_IMAGE_BYTES = 2 * 1024 * 1024
"""Passports hold ≤ 375 kB (TR-03121 COM-FI-BCL), photographs for enrolment a little more."""

MAX_SIDE_PX = 8192
"""No face image of a document is larger."""

MAX_PIXELS = 12_000_000
"""36 MB as BGR; a passport's portrait has 0.1 to 1 megapixel."""

MIN_SIDE_PX = 32
"""Less holds no face."""

MAX_SCANS = 64
"""Scans of a progressive JPEG; encoders write about ten, and each costs a pass over all pixels."""

MAX_TILES = 256
"""Tiles of a JPEG 2000 image; documents have one."""

MAX_BOXES = 64
"""Boxes of a JP2 file before its codestream."""

JPEG_QUALITY = 90
"""For pictures shown to the officer."""

_DOING = "decode a face image"
_JP2_SIGNATURE = bytes.fromhex("0000000c6a5020200d0a870a")
_CODESTREAM = bytes.fromhex("ff4fff51")
_JPEG_START = b"\xff\xd8\xff"
_FRAME_HEADERS = frozenset({0xC0, 0xC1, 0xC2})
_UNSUPPORTED_FRAMES = frozenset({0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the header of an image promises."""

    format: ImageFormat
    width: int
    height: int
    components: int


def read_header(image: bytes) -> ImageHeader:
    """The header of a JPEG or JPEG 2000 image, every figure within its limit; raises MalformedData."""
    if len(image) > MAX_IMAGE_BYTES:
        raise MalformedData(_DOING, f"more than {MAX_IMAGE_BYTES} bytes")
    if image.startswith(_JPEG_START):
        return _within_limits(_jpeg_header(image))
    if image.startswith(_JP2_SIGNATURE):
        return _within_limits(_codestream_header(image[_codestream_offset(image) :]))
    if image.startswith(_CODESTREAM):
        return _within_limits(_codestream_header(image))
    raise MalformedData(_DOING, "neither JPEG nor JPEG 2000")


def decode_face_image(image: bytes) -> Frame:
    """The frame of a JPEG or JPEG 2000 image; raises MalformedData for anything else, also when the decoder disagrees."""
    header = read_header(image)
    frame = _decode_jpeg(image) if header.format is ImageFormat.JPEG else _decode_jpeg2000(image)
    if frame.shape != (header.height, header.width, 3):
        raise MalformedData(_DOING, "the decoder found another size than the header says")
    return frame


def encode_jpeg(frame: Frame) -> bytes:
    """A JPEG of a frame for the officer's screen."""
    taken, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not taken:
        raise MalformedData("encode a face image", "the encoder refused the frame")
    return encoded.tobytes()


def _within_limits(header: ImageHeader) -> ImageHeader:
    if not (MIN_SIDE_PX <= header.width <= MAX_SIDE_PX and MIN_SIDE_PX <= header.height <= MAX_SIDE_PX):
        raise MalformedData(_DOING, f"{header.width}×{header.height} is outside {MIN_SIDE_PX}…{MAX_SIDE_PX} pixels a side")
    if header.width * header.height > MAX_PIXELS:
        raise MalformedData(_DOING, f"{header.width}×{header.height} is more than {MAX_PIXELS} pixels")
    if header.components not in (1, 3):
        raise MalformedData(_DOING, f"{header.components} components; a face image has 1 or 3")
    return header


def _jpeg_header(image: bytes) -> ImageHeader:
    """Walk the marker segments (ITU-T T.81 Annex B): one frame header, not too many scans."""
    header: ImageHeader | None = None
    at: int | None = 2
    scans = 0
    while at is not None:
        marker, body, at = _jpeg_segment(image, at)
        if marker in _UNSUPPORTED_FRAMES:
            raise MalformedData(_DOING, "a JPEG process that face images do not use")
        if marker in _FRAME_HEADERS:
            if header is not None or len(body) < 6:
                raise MalformedData(_DOING, "not exactly one whole JPEG frame header")
            _, height, width, components = struct.unpack_from(">BHHB", body)
            header = ImageHeader(ImageFormat.JPEG, width, height, components)
        if marker == _START_OF_SCAN:
            scans += 1
        if scans > MAX_SCANS:
            raise MalformedData(_DOING, f"more than {MAX_SCANS} scans")
    if header is None or scans == 0:
        raise MalformedData(_DOING, "a JPEG without a frame or without a scan")
    return header


def _jpeg_segment(image: bytes, at: int) -> tuple[int, bytes, int | None]:
    """The marker at or after `at`, its body, and where to go on (None at the end of the image)."""
    at = image.find(b"\xff", at)
    while 0 <= at < len(image) - 1 and (image[at + 1] in (0x00, 0xFF) or image[at + 1] in _STANDALONE):
        at = image.find(b"\xff", at + (1 if image[at + 1] == 0xFF else 2))
    if at < 0 or at >= len(image) - 1 or image[at + 1] == _END_OF_IMAGE:
        return _END_OF_IMAGE, b"", None
    if at + 4 > len(image):
        raise MalformedData(_DOING, "a JPEG segment that ends early")
    (length,) = struct.unpack_from(">H", image, at + 2)
    if length < 2 or at + 2 + length > len(image):
        raise MalformedData(_DOING, "a JPEG segment longer than the image")
    return image[at + 1], image[at + 4 : at + 2 + length], at + 2 + length


def _codestream_offset(image: bytes) -> int:
    """Where the contiguous codestream box of a JP2 file has its contents (ISO/IEC 15444-1 Annex I)."""
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


def _codestream_header(stream: bytes) -> ImageHeader:
    """The SIZ segment (ISO/IEC 15444-1 A.5.1): grid, tiles, components of 8 bits, none of them subsampled away."""
    if len(stream) < 42 or not stream.startswith(_CODESTREAM):
        raise MalformedData(_DOING, "a JPEG 2000 codestream without its size")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, components = struct.unpack_from(">8IH", stream, 8)
    if right <= left or bottom <= top or tile_width == 0 or tile_height == 0 or tile_left > left or tile_top > top:
        raise MalformedData(_DOING, "a JPEG 2000 image with an impossible grid")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if tiles > MAX_TILES:
        raise MalformedData(_DOING, f"more than {MAX_TILES} tiles")
    _check_components(stream[42 : 42 + 3 * min(components, 4)], min(components, 4))
    return ImageHeader(ImageFormat.JPEG2000, right - left, bottom - top, components)


def _check_components(table: bytes, components: int) -> None:
    if len(table) < 3 * components:
        raise MalformedData(_DOING, "a JPEG 2000 codestream that ends in its size")
    if any(table[3 * index] != 7 for index in range(components)):
        raise MalformedData(_DOING, "JPEG 2000 components that are not 8 bits")
    if any(not 1 <= step <= 2 for index in range(components) for step in table[3 * index + 1 : 3 * index + 3]):
        raise MalformedData(_DOING, "JPEG 2000 components with an unusual sampling")


def _decode_jpeg(image: bytes) -> Frame:
    try:
        frame = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        frame = None
    if frame is None:
        raise MalformedData(_DOING, "the JPEG decoder refused the image")
    return np.asarray(frame, np.uint8)


def _decode_jpeg2000(image: bytes) -> Frame:
    """Pillow's OpenJPEG, because OpenCV's refuses grey images without a colour box, which documents carry."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(image), formats=["JPEG2000"]) as opened:
            warnings.simplefilter("ignore")
            rgb = np.asarray(opened.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, MemoryError, Image.DecompressionBombError, struct.error, EOFError):
        raise MalformedData(_DOING, "the JPEG 2000 decoder refused the image") from None
    return np.ascontiguousarray(rgb[:, :, ::-1])
