"""Portraits as chips carry them, and as no chip should: each ends in a finding in the five words, and only a whole one can pass.

One real worker sees them all beside a live picture of the right person, so that nothing but the portrait can be the reason (D1,
D3; TR-03121-3 COM-FI-BCL; ISO/IEC 19794-5 image types).
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from egate.app.clock import SystemClock
from egate.app.demo.faces import DemoFaces, chip_portrait
from egate.app.face_client import FaceClient
from egate.checks.biometric import check_capture
from egate.checks.decide import decide
from egate.checks.profile import default_profile
from egate.faces.codestream import START
from egate.faces.decode import decode_face_image
from egate.model.checks import CheckName, CheckResult, DecisionPoint, Outcome
from egate.model.errors import MalformedData
from egate.model.face import CaptureOutcome, CaptureState, ComparisonScore, FaceReference, ImageFormat
from tests.unit.faces.test_face_decode import jpeg_with_size

Make = Callable[[bytes, Image.Image], bytes]
"""From the chip's JPEG 2000 and its picture to another image."""


def saved(form: str, mode: str = "RGB", **options: object) -> Make:
    def make(_: bytes, picture: Image.Image) -> bytes:
        stream = io.BytesIO()
        picture.convert(mode).save(stream, form, **options)
        return stream.getvalue()

    return make


def deep(_: bytes, picture: Image.Image) -> bytes:
    """16 bits a pixel, as Pillow writes them."""
    values = np.asarray(picture.convert("L"), np.uint16) * 257
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "JPEG2000")
    return stream.getvalue()


def lying(_: bytes, picture: Image.Image) -> bytes:
    """Turned by a quarter, with an EXIF note that says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved("JPEG", exif=exif)(b"", picture.transpose(Image.Transpose.ROTATE_90))


def noted(_: bytes, picture: Image.Image) -> bytes:
    """Upright, with an EXIF note that says otherwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved("JPEG", exif=exif, quality=80)(b"", picture)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def palette(_: bytes, picture: Image.Image) -> bytes:
    """A JP2 file whose only component is an index into a palette (ISO/IEC 15444-1 I.5.3.4)."""
    indexed = picture.quantize(256)
    colours = bytes(indexed.getpalette() or [])
    stream = io.BytesIO()
    Image.fromarray(np.asarray(indexed, np.uint8)).save(stream, "JPEG2000", no_jp2=True)
    header = box(b"ihdr", struct.pack(">IIHBBBB", picture.height, picture.width, 1, 7, 7, 0, 0))
    header += box(b"colr", b"\x01\x00\x00" + struct.pack(">I", 16))
    header += box(b"pclr", struct.pack(">HB3B", len(colours) // 3, 3, 7, 7, 7) + colours)
    header += box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3)))
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \x00\x00\x00\x00jp2 ")
    return start + box(b"jp2h", header) + box(b"jp2c", stream.getvalue())


def huge(chip: bytes, _: Image.Image) -> bytes:
    """The same codestream, whose header says 30,000 pixels a side."""
    at = chip.index(START) + 8
    return chip[:at] + struct.pack(">II", 30_000, 30_000) + chip[at + 8 :]


def cut(make: Make, share: float) -> Make:
    def shortened(chip: bytes, picture: Image.Image) -> bytes:
        image = make(chip, picture)
        return image[: int(len(image) * share)]

    return shortened


def chip_itself(chip: bytes, _: Image.Image) -> bytes:
    return chip


GOOD: dict[str, Make] = {
    "jpeg2000_15_kb": chip_itself,
    "bare_codestream": lambda chip, _: chip[chip.index(START) :],
    "old_jpeg": saved("JPEG", quality=60, optimize=False),
    "small_jpeg": saved("JPEG", quality=25),
    "progressive_jpeg": saved("JPEG", progressive=True, quality=75),
    "grey_jpeg": saved("JPEG", "L", quality=75),
    "grey_jpeg2000": saved("JPEG2000", "L", quality_mode="rates", quality_layers=[10], irreversible=True),
    "exif_note_jpeg": noted,
    "palette_jpeg2000": palette,
    "filled_up": lambda chip, _: chip + bytes(200),
}
BAD: dict[str, Make] = {
    "sixteen_bits": deep,
    "cmyk_jpeg": saved("JPEG", "CMYK"),
    "cmyk_jpeg2000": saved("JPEG2000", "CMYK"),
    "four_components": saved("JPEG2000", "RGBA"),
    "two_components": saved("JPEG2000", "LA"),
    "cut_in_the_middle": cut(chip_itself, 0.5),
    "cut_near_the_end": cut(chip_itself, 0.97),
    "cut_jpeg": cut(saved("JPEG", quality=75), 0.6),
    "cut_progressive_jpeg": cut(saved("JPEG", progressive=True), 0.9),
    "cut_in_the_header": cut(chip_itself, 0.01),
    "huge_jpeg2000": huge,
    "huge_jpeg": lambda *_: jpeg_with_size(30_000, 30_000),
    "lying": lying,
    "png": saved("PNG"),
    "nothing": lambda *_: b"",
    "zeros": lambda *_: bytes(15_000),
    "no_face": lambda *_: saved("JPEG")(b"", Image.effect_noise((300, 400), 60)),
}


WALKED = ("jpeg2000_15_kb", "sixteen_bits", "cut_in_the_middle", "huge_jpeg2000", "no_face")
"""Those with which a whole capture is made; the others are compared with a live picture, which decodes them on the same way."""


@dataclass(frozen=True)
class Ended:
    """The scores of each portrait with the live picture (None: it was malformed), and how the captures ended."""

    scores: dict[str, tuple[ComparisonScore, ...] | None]
    captures: dict[str, CaptureOutcome]


@pytest.fixture(scope="module")
def ended(demo_faces: DemoFaces, scenes: Path) -> Ended:
    """How each ended, and that one worker outlived them all."""
    chip = chip_portrait(demo_faces.traveller_a[0])
    picture = Image.fromarray(decode_face_image(chip)[:, :, ::-1])
    live = sorted((scenes / "traveller_a").iterdir())[-1].read_bytes()
    program = (sys.executable, "-m", "egate.app.face_worker", "--camera", f"files:{scenes / 'traveller_a'}@60")
    images = {name: make(chip, picture) for name, make in (GOOD | BAD).items()}
    ended = Ended({}, {})

    async def story() -> None:
        client = FaceClient(program, SystemClock())
        await client.start()
        try:
            first = client._worker
            for name, image in images.items():
                ended.scores[name] = None
                with contextlib.suppress(MalformedData):
                    ended.scores[name] = await client.compare(image, live)
                assert client._worker is first, name
            for name in WALKED:
                await client.prepare_reference(FaceReference(images[name], ImageFormat.JPEG2000))
                ended.captures[name] = await client.capture(1, 8.0, lambda _: None)
                assert client._worker is first, name
        finally:
            await client.close()

    asyncio.run(story())
    return ended


@pytest.mark.parametrize("name", list(GOOD))
def test_whole_portraits_match_their_holder(name: str, ended: Ended) -> None:
    scores = ended.scores[name]
    assert scores
    assert scores[0].matched


@pytest.mark.parametrize("name", list(BAD))
def test_no_other_portrait_gives_a_score(name: str, ended: Ended) -> None:
    assert ended.scores[name] == (() if name in ("lying", "no_face") else None)


@pytest.mark.parametrize("name", [name for name in WALKED if name in BAD])
def test_a_passage_with_such_a_portrait_ends_at_an_officer(name: str, ended: Ended) -> None:
    outcome = ended.captures[name]
    assert outcome.state is CaptureState.CAPTURED, "the traveller did nothing wrong"
    assert outcome.scores == ()
    assert outcome.detail in ("the reference image is malformed", "no face was found in the reference")
    checks = check_capture(outcome)
    match = next(check for check in checks if check.name is CheckName.FACE_MATCH)
    assert (match.result, match.code) == (CheckResult.ABORTED, "comparison_aborted")
    decision = decide(checks, default_profile(), DecisionPoint.EXIT)
    assert decision.outcome is Outcome.REFER
    assert match in decision.because


def test_a_passage_with_a_whole_portrait_matches(ended: Ended) -> None:
    checks = check_capture(ended.captures["jpeg2000_15_kb"])
    assert next(check for check in checks if check.name is CheckName.FACE_MATCH).result is CheckResult.SUCCESSFUL
