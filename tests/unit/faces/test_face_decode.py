"""Images from outside: decoded, or MalformedData; bombs are refused from their headers."""

from __future__ import annotations

import io
import random
import struct
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, Jpeg2KImagePlugin

from egate.faces import decode
from egate.faces.decode import decode_face_image, encode_jpeg, read_header
from egate.model.errors import MalformedData
from egate.model.face import ImageFormat
from egate.mrtd.files.face_record import parse_dg2
from tests.shared_data import shared_path


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
    monkeypatch.setattr(Jpeg2KImagePlugin, "Jpeg2KImageFile", never)
    with pytest.raises(MalformedData):
        decode_face_image(bomb)


def styled(*, layers: int = 1, levels: int = 5, style: int = 0, precincts: bytes = b"") -> bytes:
    """The codestream with another coding style (COD)."""
    at = CODESTREAM.index(b"\xff\x52")
    (length,) = struct.unpack_from(">H", CODESTREAM, at + 2)
    old = CODESTREAM[at + 4 : at + 2 + length]
    body = bytes((style, old[1])) + struct.pack(">H", layers) + old[4:5] + bytes((levels,)) + old[6:10] + precincts
    return CODESTREAM[:at] + b"\xff\x52" + struct.pack(">H", len(body) + 2) + body + CODESTREAM[at + 2 + length :]


def with_segment(marker: int, body: bytes, times: int = 1) -> bytes:
    """The codestream with more segments in its main header."""
    at = CODESTREAM.index(b"\xff\x52")
    return CODESTREAM[:at] + struct.pack(">HH", marker, len(body) + 2) * times + body + CODESTREAM[at:]


@pytest.mark.parametrize(
    "bomb",
    [
        styled(layers=0),
        styled(layers=65_535),
        styled(levels=32),
        styled(levels=13),
        styled(style=1, levels=5, precincts=bytes(3)),
        styled(style=1, layers=200, levels=1, precincts=bytes((0x10, 0x11))),
        CODESTREAM[:24] + struct.pack(">II", 5, 5) + styled(layers=200)[32:],
        with_segment(0xFF5F, bytes(7)),
        with_segment(0xFF53, bytes((0, 0, 33, 4, 4, 0, 0))),
        with_segment(0xFF53, b"\x00"),
        with_segment(0xFF53, bytes((0, 1, 1, 4, 4, 0, 0, 0x00, 0x00))),
        with_segment(0xFF64, b"", times=300),
        with_segment(0xFF52, bytes(9)),
        with_segment(0xFF52, bytes(3)),
        with_segment(0x1234, b""),
        CODESTREAM[: CODESTREAM.index(b"\xff\x52")] + CODESTREAM[CODESTREAM.index(b"\xff\x5c") :],
        CODESTREAM[: CODESTREAM.index(b"\xff\x5c") + 3],
    ],
)
def test_codestreams_that_ask_for_too_much_work(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a decoder was asked")

    monkeypatch.setattr(Jpeg2KImagePlugin, "Jpeg2KImageFile", never)
    with pytest.raises(MalformedData):
        decode_face_image(bomb)


def test_precincts_and_component_styles_within_the_limits_are_decoded() -> None:
    assert decode_face_image(encoded("JPEG2000", precinct_size=(64, 64), num_resolutions=3)).shape == (80, 60, 3)
    assert read_header(with_segment(0xFF53, bytes((0, 0, 5, 4, 4, 0, 0)))).width == 60


def test_the_two_decoders_of_jpeg_2000_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual image goes to the faster decoder; what that refuses, and other colour spaces, to the other one."""
    fast = decode_face_image(JP2)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: None)
    assert np.array_equal(decode_face_image(JP2), fast)
    box = JP2.index(b"colr") + 7
    other_space = JP2[:box] + struct.pack(">I", 18) + JP2[box + 4 :]
    frame = decode_face_image(other_space)
    monkeypatch.undo()
    assert np.array_equal(decode_face_image(other_space), frame), "luminance and chrominance are not taken for sRGB"


@pytest.mark.parametrize("filling", [bytes(64), b"\xff" * 16, b"\xff\xd9" * 4])
@pytest.mark.parametrize("image", [JPEG, JP2, CODESTREAM])
def test_filling_after_the_image_changes_nothing(image: bytes, filling: bytes) -> None:
    """AndyQ 2.3.1: issued passports fill the space after the image."""
    assert np.array_equal(decode_face_image(image + filling), decode_face_image(image))


REAL = (
    ("dg2", "persosim_erika_dg2_jp2.bin"),
    ("dg2", "emrtd_sim_dg2_jpeg.bin"),
    ("dg2", "ICAO_39794_5_AP_DG2_MandFields.dat"),
    ("sod_sets", "nl_loes2006", "ef0102.bin"),
)


@pytest.mark.parametrize("parts", REAL, ids=lambda parts: parts[-1])
def test_real_portraits_are_decoded_as_files_and_as_codestreams(parts: tuple[str, ...]) -> None:
    image = parse_dg2(shared_path("mrtd", *parts).read_bytes()).image
    frame = decode_face_image(image)
    assert min(frame.shape[:2]) > 400
    assert frame.std() > 20, "a picture, not a plain surface"
    if not image.startswith(b"\xff\xd8"):
        bare = image[image.index(b"\xff\x4f\xff\x51") :]
        assert np.array_equal(decode_face_image(bare), frame)


@pytest.mark.parametrize("parts", REAL, ids=lambda parts: parts[-1])
def test_damaged_real_portraits_give_a_frame_or_malformed(parts: tuple[str, ...]) -> None:
    """Cut and bit-flipped, headers as well as data; the seed is fixed."""
    image = parse_dg2(shared_path("mrtd", *parts).read_bytes()).image
    generator = random.Random(parts[-1])
    for _ in range(60):
        damaged = bytearray(image)
        reach = generator.choice((200, len(image)))
        for _ in range(generator.randint(1, 8)):
            damaged[generator.randrange(reach)] ^= 1 << generator.randrange(8)
        if generator.random() < 0.3:
            del damaged[generator.randrange(len(damaged)) :]
        with suppress(MalformedData):
            assert decode_face_image(bytes(damaged)).dtype == np.uint8


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
