"""The document index: exact, keyed, and unmoved by foreign bytes."""

from __future__ import annotations

import mmap
import random
from pathlib import Path

import pytest

from egate.model.errors import MalformedData
from egate.watchlist import index
from egate.watchlist.index import DocumentIndex, build_document_index, document_key, normalise_number, normalise_state

KEY = bytes(range(32))


@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 100, 5_000])
def test_every_entry_is_found_and_no_neighbour(count: int) -> None:
    """Also at the ends of the range, where a prefix table goes wrong first."""
    draw = random.Random(count)  # test data
    keys = {draw.getrandbits(64) for _ in range(count)} | ({0, (1 << 64) - 1} if count > 2 else set())
    opened = DocumentIndex.from_bytes(build_document_index(keys))
    assert opened.count == len(keys)
    assert all(key in opened for key in keys)
    neighbours = {(key + step) % (1 << 64) for key in keys for step in (1, -1)} - keys
    assert not any(key in opened for key in neighbours)


def test_size_of_an_entry() -> None:
    """FACTS: at most 9 bytes an entry."""
    data = build_document_index(document_key("UTO", f"{n:09d}", KEY) for n in range(20_000))
    assert len(data) / 20_000 < 9


def test_segment_may_be_a_mapped_file(tmp_path: Path) -> None:
    keys = [document_key("UTO", f"{n:09d}", KEY) for n in range(1000)]
    path = tmp_path / "documents"
    path.write_bytes(build_document_index(keys))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        opened = DocumentIndex.from_bytes(mapped)
        assert all(key in opened for key in keys)
        assert document_key("UTO", "999999999", KEY) not in opened


def test_number_and_state_are_normalised() -> None:
    assert normalise_number("c01x-00 t47<<") == "C01X00T47"
    assert normalise_number("Ö٣1") == "1"
    assert (normalise_state("D<<"), normalise_state("deu"), normalise_state("UTO")) == ("D", "D", "UTO")
    assert document_key("D", "C01X00T47", KEY) == document_key("DEU", "c01x00t47<", KEY)


def test_state_number_and_key_all_matter() -> None:
    keys = {
        document_key("UTO", "1", KEY),
        document_key("D", "1", KEY),
        document_key("UTO", "2", KEY),
        document_key("UTO", "1", KEY[::-1]),
        document_key("UT", "O1", KEY),
    }
    assert len(keys) == 5


def test_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        document_key("UTO", "1", b"short")


@pytest.mark.parametrize(
    "data",
    [b"", b"EGDX", bytes(64), build_document_index([1, 2])[:-1], build_document_index([1, 2]) + b"x", b"EGDX\xff" + bytes(40)],
)
def test_what_is_no_segment_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        DocumentIndex.from_bytes(data)


def test_damaged_prefix_table_never_raises() -> None:
    """The table is signed in practice; a damaged one may lose entries and must not read outside the segment."""
    data = bytearray(build_document_index(range(0, 1 << 20, 1 << 12)))
    for place in range(16, 16 + 4 * 8):
        damaged = bytearray(data)
        damaged[place] = 0xFF
        opened = DocumentIndex.from_bytes(bytes(damaged))
        for key in (0, 1 << 12, 1 << 63, (1 << 64) - 1):
            assert (key in opened) in {True, False}


def test_number_of_entries_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAXIMUM_ENTRIES", 2)
    with pytest.raises(MalformedData, match="more than 2"):
        build_document_index([1, 2, 3])
