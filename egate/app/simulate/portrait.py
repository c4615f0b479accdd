"""The portrait of a simulated document: a picture file, or a face that is drawn here and is nobody's.

Rule: no photograph of a person is part of the product; the drawn face is the same for everybody. A picture must be JPEG or
JPEG 2000, as passports hold it, and its size is read from the file by a decoder under limits.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, UnidentifiedImageError

from egate.app.config import ConfigError
from egate.model.errors import MalformedData
from egate.mrtd.files.face_record import image_format

WIDTH_PX, HEIGHT_PX = 413, 531
MAX_PORTRAIT_BYTES = 60_000
MAX_PIXELS = 4_000_000
_QUALITY = 85
_BACKGROUND, _SKIN, _HAIR, _DARK, _LIPS, _CLOTH = "#d8dde3", "#d9b08c", "#4a3a2a", "#2a2a2a", "#a8544e", "#39516b"


def drawn_portrait() -> bytes:
    """A drawn face as JPEG of 413 × 531 pixels."""
    picture = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((66, 60, 347, 420), fill=_HAIR)
    draw.rounded_rectangle((30, 440, 383, 600), 80, fill=_CLOTH)
    draw.rectangle((166, 380, 247, 470), fill=_SKIN)
    draw.ellipse((98, 110, 315, 430), fill=_SKIN)
    for eye in (154, 259):
        draw.ellipse((eye - 24, 246, eye + 24, 272), fill="white")
        draw.ellipse((eye - 11, 248, eye + 11, 270), fill=_DARK)
        draw.arc((eye - 32, 216, eye + 32, 252), 200, 340, fill=_HAIR, width=7)
    draw.line((206, 270, 196, 326, 216, 328), fill=_HAIR, width=4, joint="curve")
    draw.chord((166, 350, 247, 386), 0, 180, fill=_LIPS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def read_portrait(path: Path) -> bytes:
    """The picture in a file; raises ConfigError when it is none that a passport can hold."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PORTRAIT_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"holder.portrait: {path}: {error.strerror}") from None
    if len(data) > MAX_PORTRAIT_BYTES:
        raise ConfigError(f"holder.portrait: {path} has more than {MAX_PORTRAIT_BYTES} bytes")
    size_of(data)
    return data


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height in pixels; raises ConfigError."""
    try:
        image_format(data)
        with Image.open(io.BytesIO(data), formats=("JPEG", "JPEG2000")) as picture:
            width, height = picture.size
    except (MalformedData, UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise ConfigError(f"holder.portrait is no JPEG or JPEG 2000 picture ({type(error).__name__})") from None
    if width * height > MAX_PIXELS:
        raise ConfigError(f"holder.portrait has more than {MAX_PIXELS} pixels")
    return width, height


def padded(data: bytes, size_bytes: int) -> bytes:
    """The picture with zeros after its end, as some issuers store it; unchanged when it is as long already."""
    return data.ljust(size_bytes, b"\x00")
