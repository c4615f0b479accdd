"""Images from outside: decoded, or MalformedData; bombs are refused from their headers."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from egate.faces import decode
from egate.faces.decode import decode_face_image, encode_jpeg, read_header
from egate.model.errors import MalformedData
from egate.model.face import ImageFormat


def picture(width: int = 60, height: int = 80, mode: str = "RGB") -> Image.Image:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    rgb = np.stack([across, down, 255 - across], axis=2).astype(np.uint8)
    return Image.fromarray(rgb).convert(mode)


def encoded(form: str, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    picture(mode=mode).save(stream, form, **options)
    return stream.getvalue()


JPEG = encoded("JPEG", quality=95)
JP2 = encoded("JPEG2000")
CODESTREAM = encoded("JPEG2000", no_jp2=True)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    ("form", "options"),
    [("JPEG", {"quality": 95}), ("JPEG", {"progressive": True, "quality": 95}), ("JPEG2000", {}), ("JPEG2000", {"no_jp2": True})],
)
def test_colour_and_grey_are_decoded_in_both_formats(form: str, options: dict[str, object], mode: str) -> None:
    frame = decode_face_image(encoded(form, mode, **options))
    expected = np.asarray(picture(mode=mode).convert("RGB"))[:, :, ::-1]
    assert frame.shape == (80, 60, 3)
    assert np.abs(frame.astype(int) - expected).mean() < 4, "BGR, with the loss of the format only"


def test_headers_say_format_and_size() -> None:
    for image, form in ((JPEG, ImageFormat.JPEG), (JP2, ImageFormat.JPEG2000), (CODESTREAM, ImageFormat.JPEG2000)):
        header = read_header(image)
        assert (header.format, header.width, header.height, header.components) == (form, 60, 80, 3)


def jpeg_with_size(width: int, height: int) -> bytes:
    at = JPEG.index(b"\xff\xc0")
    return JPEG[: at + 5] + struct.pack(">HH", height, width) + JPEG[at + 9 :]


def codestream_with(offset: int, value: int) -> bytes:
    return CODESTREAM[:offset] + struct.pack(">I", value) + CODESTREAM[offset + 4 :]


@pytest.mark.parametrize(
    "bomb",
    [
        jpeg_with_size(65_000, 65_000),
        jpeg_with_size(8_000, 8_000),
        jpeg_with_size(1, 80),
        codestream_with(8, 0x7FFFFFFF),  # right edge of the grid
        codestream_with(12, 0xFFFFFFFF),
        CODESTREAM[:24] + struct.pack(">II", 1, 1) + CODESTREAM[32:],  # tiles of one pixel
        codestream_with(24, 0),
        CODESTREAM[:40] + struct.pack(">H", 16_000) + CODESTREAM[42:],
        CODESTREAM[:42] + b"\x25" + CODESTREAM[43:],  # 38 bits a component
        CODESTREAM[:43] + b"\xff\xff" + CODESTREAM[45:],
        b"\xff\xd8\xff\xe0" + bytes(decode.MAX_IMAGE_BYTES),
        JPEG[: JPEG.index(b"\xff\xda")] + b"\xff\xda\x00\x04\x00\x00" * 100 + b"\xff\xd9",
    ],
)
def test_bombs_are_refused_before_a_decoder_sees_them(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a decoder was asked")

    monkeypatch.setattr(cv2, "imdecode", never)
    monkeypatch.setattr(Image, "open", never)
    with pytest.raises(MalformedData):
        decode_face_image(bomb)


@pytest.mark.parametrize("image", [b"", b"GIF89a" + bytes(99), b"\xff\xd8\xff", JP2[:12], JP2[:60], CODESTREAM[:41], JPEG[:200]])
def test_what_is_no_face_image_is_malformed(image: bytes) -> None:
    with pytest.raises(MalformedData):
        decode_face_image(image)


def test_a_header_that_lies_is_refused() -> None:
    with pytest.raises(MalformedData):
        decode_face_image(JP2.replace(CODESTREAM[:16], codestream_with(8, 59)[:16]))


@pytest.mark.parametrize("whole", [JPEG, JP2, CODESTREAM])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_images_give_a_frame_or_malformed(whole: bytes, data: st.DataObject) -> None:
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 6))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        frame = decode_face_image(bytes(damaged))
    except MalformedData:
        return
    assert frame.dtype == np.uint8
    assert frame.shape[2] == 3


def test_pictures_for_the_officer_are_jpeg() -> None:
    frame = decode_face_image(JP2)
    again = decode_face_image(encode_jpeg(frame))
    assert np.abs(again.astype(int) - frame).mean() < 6
