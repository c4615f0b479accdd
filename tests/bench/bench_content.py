"""Contents: parsing the files of a chip, and decoding its portrait against the bare decoders in the same run.

The portrait is a synthetic one of 413 × 531 pixels and about 15 kB as JPEG 2000, the size that documents carry. What ours adds to
the bare decoder is the walk over the headers and the limits of the worker; OpenCV is shown beside it because it is the other
decoder at hand, which refuses images that documents carry (grey without a colour box).
"""

from __future__ import annotations

import io
import statistics
from collections.abc import Callable
from time import perf_counter

import cv2
import numpy as np
from PIL import Image

from egate.faces.confinement import confined
from egate.faces.decode import decode_face_image
from egate.model.face import ImageFormat
from egate.mrtd.files.face_record import encode_dg2, parse_dg2
from egate.mrtd.files.groups.elements import PersonName
from egate.mrtd.files.groups.personal_details import PersonalDetails, encode_dg11, parse_dg11
from egate.mrtd.files.tlv import encode_tlv, parse_tlvs
from tests.bench.row import BenchRow

_WIDTH, _HEIGHT = 413, 531
_IMAGE_BYTES = 15_000
_ROUNDS = 15
_MANY = 2000
_APDU_LIMIT_US = 60.0
_SESSION_CPU_LIMIT_US = 60_000.0


def rows() -> list[BenchRow]:
    """Decoding first, then parsing."""
    jpeg2000, jpeg = _encoded("JPEG2000"), _encoded("JPEG")
    return [*_decoding(jpeg2000, "JPEG 2000"), *_decoding(jpeg, "JPEG"), *_parsing(jpeg2000)]


def _portrait() -> Image.Image:
    """Soft shapes with a little noise: what compresses like a face on a plain ground."""
    generator = np.random.default_rng(7)
    across, down = np.meshgrid(np.linspace(-1, 1, _WIDTH), np.linspace(-1, 1, _HEIGHT))
    face = np.exp(-3 * (across**2 + 0.7 * down**2))
    coarse = cv2.resize(generator.normal(0, 18, (66, 52, 3)), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
    pixels = 200 - 110 * face[:, :, None] * (1.0, 0.8, 0.7) + coarse + generator.normal(0, 3, (_HEIGHT, _WIDTH, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def portrait_jpeg2000() -> bytes:
    """The portrait as documents carry it, for other benchmarks."""
    return _encoded("JPEG2000")


def _encoded(form: str) -> bytes:
    stream = io.BytesIO()
    if form == "JPEG":
        _portrait().save(stream, "JPEG", quality=60)
    else:
        ratio = _WIDTH * _HEIGHT * 3 / _IMAGE_BYTES
        _portrait().save(stream, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[ratio])
    return stream.getvalue()


def _decoding(image: bytes, name: str) -> list[BenchRow]:
    def ours() -> None:
        with confined():
            decode_face_image(image)

    def pillow() -> None:
        with Image.open(io.BytesIO(image)) as opened:
            np.asarray(opened.convert("RGB"))

    def opencv() -> None:
        cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)

    title = f"decode a portrait of {len(image) / 1000:.1f} kB, {name}, within limits"
    mine, bare, other = _interleaved(ours, pillow, opencv)
    return [BenchRow(title, mine, "ms", "bare Pillow", bare), BenchRow(title, mine, "ms", "bare OpenCV", other)]


def _interleaved(*once: Callable[[], None]) -> tuple[float, ...]:
    """Medians in ms, each round measuring all of them, so that a loaded machine is unfair to none."""
    times: list[list[float]] = [[] for _ in once]
    for run in once:
        run()
    for _ in range(_ROUNDS):
        for index, run in enumerate(once):
            begun = perf_counter()
            run()
            times[index].append((perf_counter() - begun) * 1000)
    return tuple(statistics.median(series) for series in times)


def _parsing(image: bytes) -> list[BenchRow]:
    dg2 = encode_dg2(image, _WIDTH, _HEIGHT, ImageFormat.JPEG2000)
    dg11 = encode_dg11(PersonalDetails(PersonName("A", "B"), personal_number="1", date_of_birth="19740812", address=("C", "D")))
    protected = encode_tlv(0x87, bytes(225)) + encode_tlv(0x99, b"\x90\x00") + encode_tlv(0x8E, bytes(8))
    goal = "goal of the project for a whole APDU"
    whole = "goal of the project for a whole reading"
    return [
        BenchRow(
            "parse a protected response of 224 B (TLV only)",
            _each_us(lambda: parse_tlvs(protected, "")),
            "µs",
            goal,
            _APDU_LIMIT_US,
        ),
        BenchRow("encode a data object of 225 B", _each_us(lambda: encode_tlv(0x87, protected)), "µs", goal, _APDU_LIMIT_US),
        BenchRow("parse DG2 of 15 kB", _each_us(lambda: parse_dg2(dg2)), "µs", whole, _SESSION_CPU_LIMIT_US),
        BenchRow("parse DG11", _each_us(lambda: parse_dg11(dg11)), "µs", whole, _SESSION_CPU_LIMIT_US),
    ]


def _each_us(once: Callable[[], object]) -> float:
    begun = perf_counter()
    for _ in range(_MANY):
        once()
    return (perf_counter() - begun) / _MANY * 1e6
