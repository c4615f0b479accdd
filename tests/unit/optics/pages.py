"""Invented pages for tests: a machine readable zone in OCR-B on paper with a pattern, as a camera or a page reader sees it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONT = Path("/usr/share/fonts/opentype/ocr-b/OCRB.otf")
"""Debian's fonts-ocr-b; the set-up for tests installs it."""
DOTS_AN_INCH = 300
PITCH_PX = DOTS_AN_INCH / 10


def draw_page(lines: Sequence[str], *, pattern: float = 0.0, seed: int = 1) -> NDArray[np.uint8]:
    """A page in grey: some print above, the zone at its foot, and noise of this strength (0…1)."""
    if not FONT.is_file():
        pytest.skip("the font OCR-B is not installed (Debian: fonts-ocr-b)")
    width, height = int(PITCH_PX * (len(lines[0]) + 6)), 900
    page = Image.new("L", (width, height), 235)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(FONT), 42)
    for row in range(4):
        pen.text((width // 3, 120 + 90 * row), f"SPECIMEN FIELD {row}", fill=90, font=ImageFont.truetype(str(FONT), 30))
    for row, line in enumerate(lines):
        y = height - 75 * (len(lines) - row) - 40
        for place, character in enumerate(line):
            pen.text((PITCH_PX * (place + 3), y), character, fill=25, font=font)
    values = np.asarray(page, dtype=np.float32)
    noise = np.random.default_rng(seed).normal(0, 60 * pattern, values.shape).astype(np.float32)
    return np.clip(cv2.GaussianBlur(values + noise, (3, 3), 0), 0, 255).astype(np.uint8)


def turned(page: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """The page laid down a little askew."""
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.95)
    return cv2.warpAffine(page, matrix, (width, height), borderValue=235).astype(np.uint8)


def as_file(page: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """The page as a picture file."""
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, kind)
    return buffer.getvalue()
