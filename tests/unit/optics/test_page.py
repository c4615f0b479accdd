"""Pages are read to the last character, however they lie; other pictures say nothing and hurt nobody (P3)."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest

from egate.model.document import DocumentFormat
from egate.model.errors import DeviceError, MalformedData
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_mrz
from egate.optics.page import MAX_PAGE_BYTES, decode_page, read_page
from egate.optics.recogniser import NETWORK, LineRecogniser
from egate.weights import read_weights
from tests.unit.optics.pages import as_file, draw_page, turned

FIELDS = MrzFields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "330415")
ZONES = {
    DocumentFormat.TD3: encode_mrz(DocumentFormat.TD3, FIELDS),
    DocumentFormat.TD2: encode_mrz(DocumentFormat.TD2, FIELDS),
    DocumentFormat.TD1: encode_mrz(DocumentFormat.TD1, FIELDS),
    DocumentFormat.MRV_A: encode_mrz(
        DocumentFormat.MRV_A, MrzFields("UTO", "L8988901C", "MUSTER", "KAI", "XXX", "400907", "M", "301210", document_code="V")
    ),
}


@pytest.fixture(scope="module")
def recogniser() -> LineRecogniser:
    return LineRecogniser()


@pytest.mark.parametrize("shape", list(ZONES))
@pytest.mark.parametrize(("degrees", "pattern"), [(0.0, 0.0), (3.0, 0.2), (-4.0, 0.3)])
def test_each_form_is_read_whole(recogniser: LineRecogniser, shape: DocumentFormat, degrees: float, pattern: float) -> None:
    reading = read_page(turned(draw_page(ZONES[shape], pattern=pattern), degrees), recogniser)
    assert reading is not None
    assert reading.wrong_check_digits == 0
    assert replace(parse_mrz(reading.lines), corrections=()) == parse_mrz(ZONES[shape])


@pytest.mark.parametrize("turn", [cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE])
def test_a_page_may_lie_any_way_round(recogniser: LineRecogniser, turn: int) -> None:
    page = cv2.rotate(draw_page(ZONES[DocumentFormat.TD3]), turn).astype(np.uint8)
    reading = read_page(page, recogniser)
    assert reading is not None
    assert reading.wrong_check_digits == 0


def test_a_wrong_check_digit_is_reported_and_not_repaired(recogniser: LineRecogniser) -> None:
    """Check digits choose between readings; they never make a misprinted document right."""
    first, second = ZONES[DocumentFormat.TD3]
    reading = read_page(draw_page((first, second[:9] + "1" + second[10:])), recogniser)
    assert reading is not None
    assert reading.wrong_check_digits == 2
    assert reading.lines[1][9] == "1"


def test_pages_without_a_zone(recogniser: LineRecogniser) -> None:
    blank = np.full((600, 900), 230, dtype=np.uint8)
    noise = np.random.default_rng(7).integers(0, 256, (600, 900), dtype=np.uint8)
    assert read_page(blank, recogniser) is None
    reading = read_page(noise, recogniser)
    assert reading is None or reading.wrong_check_digits > 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
def test_the_kinds_of_picture_that_readers_write(kind: str) -> None:
    page = np.full((120, 150), 200, dtype=np.uint8)
    assert decode_page(as_file(page, kind)).shape == (120, 150)


@pytest.mark.parametrize(
    "picture",
    [b"", b"no picture", as_file(np.zeros((20, 500), dtype=np.uint8)), as_file(np.zeros((150, 150), dtype=np.uint8), "GIF")],
)
def test_what_is_no_page_is_malformed(picture: bytes) -> None:
    with pytest.raises(MalformedData):
        decode_page(picture)


def test_a_bomb_is_refused_by_its_header() -> None:
    small = as_file(np.zeros((200, 200), dtype=np.uint8))
    bomb = small[:16] + struct.pack(">II", 60_000, 60_000) + small[24:]
    for picture in (bomb, bytes(MAX_PAGE_BYTES + 1)):
        with pytest.raises(MalformedData):
            decode_page(picture)


def test_damaged_pictures_are_malformed_or_pictures() -> None:
    whole = as_file(np.full((120, 150), 200, dtype=np.uint8), "JPEG")
    chance = random.Random(3)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            assert decode_page(bytes(damaged[: chance.randrange(1, len(damaged))])).ndim == 2
        except MalformedData:
            continue


def test_a_network_with_another_hash_is_refused() -> None:
    with pytest.raises(DeviceError, match="SHA-256"):
        read_weights(replace(NETWORK, sha256="00" * 32))
