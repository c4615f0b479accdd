"""Pictures of published specimens, which nobody here drew: how many machine readable zones are read whole.

`EGATE_SPECIMENS` names a folder of pictures. The figure of decision 13 is for the 34 that PassportEye keeps beside its code
(konstantint/PassportEye, `passporteye/mrz/testdata`, many of them 300 pixels wide); its own pipeline and the other usual one read
10 and 11 of them. None of the pictures is kept here.
"""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path
from time import perf_counter

import pytest

from egate.model.errors import MalformedData
from egate.mrtd.files.mrz import parse_mrz
from egate.optics.page import decode_page, read_page
from egate.optics.recogniser import LineRecogniser

pytestmark = pytest.mark.foreign

KINDS = {".jpg", ".jpeg", ".png"}
LEAST_SHARE = 27 / 34
"""What decision 13 says of the known set; better is welcome."""


def pictures() -> list[Path]:
    where = os.environ.get("EGATE_SPECIMENS")
    if not where:
        pytest.skip("EGATE_SPECIMENS does not say where pictures of specimens are")
    return sorted(path for path in Path(where).iterdir() if path.suffix.lower() in KINDS)


def test_most_specimens_are_read_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Whole: every check digit is right, and what was read is a zone; one that is wrong says so by its digits."""
    recogniser, whole, times = LineRecogniser(), [], []
    found = pictures()
    assert found != []
    for path in found:
        begin = perf_counter()
        try:
            reading = read_page(decode_page(path.read_bytes()), recogniser)
        except MalformedData:
            continue
        finally:
            times.append(perf_counter() - begin)
        if reading is not None and reading.wrong_check_digits == 0:
            assert parse_mrz(reading.lines).failed_check_digits == ()
            whole.append(path.name)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(whole)} of {len(found)} specimens read whole, median {statistics.median(times):.2f} s\n")
    assert len(whole) / len(found) >= LEAST_SHARE
