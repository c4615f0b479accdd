"""Bytes of a face image from outside → a frame; hostile bytes → MalformedData.

Headers are read before any decoder sees the bytes: size, number of components, scans, tiles, layers and levels are compared with
their limits first, because a few kilobytes can ask a decoder for gigabytes or for hours. What a header cannot tell (a decoder
that hangs or crashes) is caught in the worker by `confinement` and by the client's deadline. An image that is cut off is refused,
because decoders fill what is missing with grey and say nothing; filling after the image is passed over. Nothing is loaded while
decoding: the confinement lets no file be opened.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageMode, ImagePalette, Jpeg2KImagePlugin

from egate.faces.codestream import SIGNATURE, START, codestream_offset, read_codestream
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

JPEG_QUALITY = 90
"""For pictures shown to the officer."""

_LOADED = (ImageMode, ImagePalette)
"""Parts of Pillow that it would otherwise load at the first image that needs them."""

_DOING = "decode a face image"
_JPEG_START = b"\xff\xd8\xff"
_SRGB = re.compile(rb"colr\x01..\x00\x00\x00\x10", re.DOTALL)
"""A colour box with an enumerated colour space, 16: sRGB (ISO/IEC 15444-1 I.5.3.3)."""
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
    if image.startswith(SIGNATURE):
        return _within_limits(_codestream_header(image[codestream_offset(image) :]))
    if image.startswith(START):
        return _within_limits(_codestream_header(image))
    raise MalformedData(_DOING, "neither JPEG nor JPEG 2000")


def decode_face_image(image: bytes) -> Frame:
    """The frame of a JPEG or JPEG 2000 image; raises MalformedData for anything else, also when the decoder disagrees."""
    header = read_header(image)
    frame = _decode_jpeg(image) if header.format is ImageFormat.JPEG else _decode_jpeg2000(image, header)
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
    """One frame header, at least one scan and not too many, up to the end of the image (ITU-T T.81 Annex B)."""
    headers: list[ImageHeader] = []
    scans = 0
    for marker, body in _jpeg_segments(image):
        if marker in _UNSUPPORTED_FRAMES:
            raise MalformedData(_DOING, "a JPEG process that face images do not use")
        if marker in _FRAME_HEADERS:
            headers.append(_frame_header(body))
        scans += marker == _START_OF_SCAN
        if scans > MAX_SCANS:
            raise MalformedData(_DOING, f"more than {MAX_SCANS} scans")
    if len(headers) != 1 or scans == 0:
        raise MalformedData(_DOING, "a JPEG without a scan, or with other than one frame header")
    return headers[0]


def _frame_header(body: bytes) -> ImageHeader:
    if len(body) < 6:
        raise MalformedData(_DOING, "a JPEG frame header that ends early")
    _, height, width, components = struct.unpack_from(">BHHB", body)
    return ImageHeader(ImageFormat.JPEG, width, height, components)


def _jpeg_segments(image: bytes) -> Iterator[tuple[int, bytes]]:
    """The marker segments after the first marker, up to the end of the image; raises MalformedData where that is missing."""
    at, marker = 2, 0
    while marker != _END_OF_IMAGE:
        marker, body, at = _jpeg_segment(image, at)
        yield marker, body


def _jpeg_segment(image: bytes, at: int) -> tuple[int, bytes, int]:
    """The marker at or after `at`, its body, and where to go on."""
    at = image.find(b"\xff", at)
    while 0 <= at < len(image) - 1 and (image[at + 1] in (0x00, 0xFF) or image[at + 1] in _STANDALONE):
        at = image.find(b"\xff", at + (1 if image[at + 1] == 0xFF else 2))
    if at < 0 or at >= len(image) - 1:
        raise MalformedData(_DOING, "a JPEG that is cut off")
    if image[at + 1] == _END_OF_IMAGE:
        return _END_OF_IMAGE, b"", at + 2
    if at + 4 > len(image):
        raise MalformedData(_DOING, "a JPEG segment that ends early")
    (length,) = struct.unpack_from(">H", image, at + 2)
    if length < 2 or at + 2 + length > len(image):
        raise MalformedData(_DOING, "a JPEG segment longer than the image")
    return image[at + 1], image[at + 4 : at + 2 + length], at + 2 + length


def _codestream_header(stream: bytes) -> ImageHeader:
    size = read_codestream(stream)
    return ImageHeader(ImageFormat.JPEG2000, size.width, size.height, size.components)


def _decode_jpeg(image: bytes) -> Frame:
    try:
        frame = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        frame = None
    if frame is None:
        raise MalformedData(_DOING, "the JPEG decoder refused the image")
    return np.asarray(frame, np.uint8)


def _decode_jpeg2000(image: bytes, header: ImageHeader) -> Frame:
    """OpenCV for the usual image, in a little over half the time; Pillow for all others and for what OpenCV refuses.

    OpenCV refuses grey images without a colour box, which documents carry, and reads other colour spaces than sRGB differently.
    """
    if header.components == 3 and _is_plain_srgb(image):
        with suppress(cv2.error):
            frame = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
            if frame is not None:
                return np.asarray(frame, np.uint8)
    return _decode_with_pillow(image)


def _is_plain_srgb(image: bytes) -> bool:
    """Whether the header boxes of a JP2 file say sRGB by its number, and nothing of palettes or channels."""
    start = image[: image.find(START)] if image.startswith(SIGNATURE) else b""
    return _SRGB.search(start) is not None and not any(box in start for box in (b"pclr", b"cmap", b"cdef"))


def _decode_with_pillow(image: bytes) -> Frame:
    try:
        with warnings.catch_warnings(action="ignore"), Jpeg2KImagePlugin.Jpeg2KImageFile(io.BytesIO(image)) as opened:
            rgb = np.asarray(opened.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, LookupError, MemoryError, Image.DecompressionBombError, struct.error, EOFError):
        raise MalformedData(_DOING, "the JPEG 2000 decoder refused the image") from None
    return np.ascontiguousarray(rgb[:, :, ::-1])
