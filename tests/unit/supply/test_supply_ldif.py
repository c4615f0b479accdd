"""LDIF of the ICAO PKD: folded lines, base64, comments; broken entries named, the rest taken."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egate.model.errors import MalformedData
from egate.supply import ldif
from egate.supply.ldif import LdifEntry, LdifFault, bounded_lines, read_ldif
from tests.unit.supply import supply_place


def read(data: bytes) -> list[LdifEntry | LdifFault]:
    return list(read_ldif(bounded_lines(io.BytesIO(data))))


def test_an_entry_has_name_line_and_values() -> None:
    data = b"version: 1\n\n# a comment\n#  that goes on\n  here\ndn: cn=1,\n o=ml,c=FR\ncn: x\nA;binary:: AQI\n D\n\n"
    (entry,) = read(data)
    assert isinstance(entry, LdifEntry)
    assert (entry.name, entry.line) == ("cn=1,o=ml,c=FR", 3)
    assert entry.values("a") == (b"\x01\x02\x03",)
    assert entry.values("CN") == (b"x",)
    assert entry.values("sn") == ()


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("tail", [b"", b"\n", b"\n\n\n# the end\n"])
def test_line_ends_and_a_missing_last_empty_line_do_not_matter(end: bytes, tail: bytes) -> None:
    data = b"dn: c=FR\ncn: 1\n\ndn:: Yz1ERQ==\ncn: 2" + tail
    assert [entry.name for entry in read(data.replace(b"\n", end))] == ["c=FR", "c=DE"]


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (b"dn: c=XX\nuserCertificate;binary:: A*=\n", "the value of userCertificate;binary is not base64"),
        (b"dn: c=XX\ncn:< file:///etc/passwd\n", "the value of cn stands elsewhere (a URL)"),
        (b"dn: c=XX\nno colon here\n", "a line without an attribute name"),
        (b"cn: nobody\n", "no name (dn)"),
        (b" starts folded\n", "it starts in the middle of a line"),
        (b"dn: c=XX\ncn: 1\ndn: c=YY\n", "two names: the empty line between two entries is missing"),
        (b"dn: c=XX\nchangetype: delete\n", "a change that is no addition"),
        (b"version: 2\ndn: c=XX\ncn: 1\n", "not version 1 of LDIF"),
        (b"dn: c=XX\n" + b"cn: 1\n" * 257, "more than 256 attributes"),
    ],
)
def test_a_broken_entry_is_named_and_the_next_is_read(block: bytes, problem: str) -> None:
    before, fault, after = read(b"dn: c=AA\ncn: 1\n\n" + block + b"\ndn: c=BB\ncn: 2\n")
    assert (before.name, after.name) == ("c=AA", "c=BB")
    assert isinstance(fault, LdifFault)
    assert (fault.problem, fault.line) == (problem, 4)


def test_an_entry_larger_than_allowed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldif, "MAXIMUM_ENTRY_BYTES", 100)
    fault, entry = read(b"dn: c=AA\ncn: " + b"x" * 400 + b"\n\ndn: c=BB\ncn: 2\n")
    assert isinstance(fault, LdifFault)
    assert fault.problem == "larger than 100 bytes"
    assert entry.name == "c=BB"


def test_more_entries_than_allowed_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldif, "MAXIMUM_ENTRIES", 2)
    with pytest.raises(MalformedData, match="more than 2 entries"):
        read(b"dn: c=AA\n\n" * 3)


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(10, 90))
def test_what_is_written_comes_back(values: list[bytes], fold: int) -> None:
    data = supply_place.ldif([(f"cn={number}", "a;binary", value) for number, value in enumerate(values)], fold)
    found = [entry for entry in read(data) if isinstance(entry, LdifEntry)]
    assert [entry.values("a")[0] for entry in found] == values


@given(st.binary(max_size=400))
def test_any_bytes_are_entries_or_faults(data: bytes) -> None:
    """Nothing but entries and faults comes out, and no other error."""
    with contextlib.suppress(MalformedData):
        read(data)
