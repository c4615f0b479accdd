"""Reading a machine readable zone from the picture of a page, against the time that the requirement gives and against tesseract.

The page is drawn (OCR-B, invented holder). Tesseract, where it is installed, reads the same strip that our line finder cut out;
it is the engine that the usual tools build on.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
from time import perf_counter

import cv2

from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3
from egate.optics.lines import find_lines, find_stacks
from egate.optics.page import decode_page, read_page
from egate.optics.recogniser import LineRecogniser
from tests.bench.row import BenchRow
from tests.unit.optics.pages import as_file, draw_page, turned

_LIMIT_MS = 1000.0
_REPEATS = 5
_WHITELIST = "tessedit_char_whitelist=ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"


def rows() -> list[BenchRow]:
    """One page, from the file to the lines."""
    lines = encode_td3(MrzFields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "330415"))
    page = turned(draw_page(lines, pattern=0.2), 2.0)
    picture, recogniser = as_file(page, "JPEG"), LineRecogniser()
    times = []
    for _ in range(_REPEATS):
        start = perf_counter()
        reading = read_page(decode_page(picture), recogniser)
        times.append((perf_counter() - start) * 1e3)
        if reading is None or reading.wrong_check_digits:
            raise ValueError("the page was not read")
    name, ours = "machine readable zone from a picture", statistics.median(times)
    found = [BenchRow(name, ours, "ms", "goal of the project", _LIMIT_MS)]
    if shutil.which("tesseract"):
        stack = find_stacks(find_lines(decode_page(picture)))[0]
        top, bottom = (int(stack[0].middle[1] - 60), int(stack[-1].middle[1] + 60))
        strip = cv2.imencode(".png", decode_page(picture)[max(0, top) : bottom])[1].tobytes()
        start = perf_counter()
        subprocess.run(["tesseract", "-", "-", "--psm", "6", "-c", _WHITELIST], input=strip, capture_output=True, check=True)
        found.append(BenchRow(name, ours, "ms", "tesseract on the zone alone", (perf_counter() - start) * 1e3))
    return found
