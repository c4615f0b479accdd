"""Whatever a chip answers, a reading ends with evidence; whatever EF.SOD holds, following it gives a list or nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from egate.model.document import ChipEvidence, ElementaryFile
from egate.mrtd.master_file import states_extended
from egate.mrtd.reading import ReadRequest
from egate.mrtd.session import MAX_EXCHANGES, MAX_RECEIVED_BYTES
from egate.mrtd.signed_files import MAX_LISTED, signed_files
from tests.unit.mrtd.chip_reading import INFORMATION, chip_key, passport_files, read, simulated_chip
from tests.unit.mrtd.listed_sod import listed_sod

SOD = listed_sod({ElementaryFile.DG1: b"one", ElementaryFile.DG2: b"two"})
STATUS = st.sampled_from(
    [b"\x90\x00", b"\x62\x82", b"\x67\x00", b"\x6b\x00", b"\x6c\x10", b"\x61\x20", b"\x69\x88", b"\x6a\x82", b""]
)
ANSWERS = st.lists(st.tuples(st.binary(max_size=40), STATUS).map(b"".join), min_size=1, max_size=12)
KEY = chip_key(5)
FILES = passport_files(KEY)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_list_or_none(data: bytes) -> None:
    listed = signed_files(data)
    assert listed is None or len(listed.files) <= MAX_LISTED


@given(st.integers(0, len(SOD) - 1), st.integers(0, 255))
def test_one_changed_byte_gives_a_list_or_none(position: int, value: int) -> None:
    listed = signed_files(SOD[:position] + bytes((value,)) + SOD[position + 1 :])
    assert listed is None or all(file.name.startswith("DG") for file in listed.files)


@given(st.binary(max_size=20))
def test_any_historical_bytes(data: bytes) -> None:
    assert states_extended(data) in {True, False, None}


def assert_ended(evidence: ChipEvidence) -> None:
    assert len(evidence.transcript) <= MAX_EXCHANGES
    assert sum(line.received_bytes for line in evidence.transcript) <= MAX_RECEIVED_BYTES + 65_538


@settings(max_examples=60, deadline=None)
@given(ANSWERS)
def test_a_chip_that_answers_anything(answers: list[bytes]) -> None:
    """The same few answers over and over, without any protocol."""
    numbers = iter(range(10**9))
    assert_ended(read(lambda _: answers[next(numbers) % len(answers)], ReadRequest(INFORMATION, max_response_bytes=4096)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), ANSWERS)
def test_a_chip_that_goes_mad(after: int, answers: list[bytes]) -> None:
    """Honest up to some point: every file that is in the evidence and was protected is the issuer's."""
    chip, numbers = simulated_chip(FILES, KEY), iter(range(10**9))

    def transceive(raw: bytes) -> bytes:
        number = next(numbers)
        return chip.transceive(raw) if number < after else answers[number % len(answers)]

    evidence = read(transceive)
    assert_ended(evidence)
    protected = [file for file in evidence.files if file.in_application]
    if evidence.outcome("pace").state.value == "completed":
        assert all(evidence.files[file] == FILES[file] for file in protected)
