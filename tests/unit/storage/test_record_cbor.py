"""Examples of RFC 8949 Appendix A, and everything that a record may not hold."""

from __future__ import annotations

import math

import cbor2
import pytest

from egate.model.errors import MalformedData
from egate.storage import cbor
from egate.storage.cbor import CborValue

RFC_8949_APPENDIX_A: list[tuple[str, CborValue]] = [
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("1903e8", 1000),
    ("1a000f4240", 1000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("20", -1),
    ("3863", -100),
    ("3903e7", -1000),
    ("f90001", 5.960464477539063e-08),
    ("fa47c35000", 100000.0),
    ("fb3ff199999999999a", 1.1),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("40", b""),
    ("4401020304", b"\x01\x02\x03\x04"),
    ("60", ""),
    ("6161", "a"),
    ("62c3bc", "ü"),
    ("64f0908591", "\U00010151"),
    ("80", []),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("a0", {}),
    ("a201020304", {1: 2, 3: 4}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("826161a161626163", ["a", {"b": "c"}]),
]

REFUSED = {
    "a date": "c074323031332d30332d32315432303a30343a30305a",
    "a regular expression": "d8236161",
    "a shared reference": "d81c80",
    "an indefinite array": "9f018202039f0405ffff",
    "an indefinite map": "bf6346756ef563416d7421ff",
    "an indefinite text": "7f657374726561646d696e67ff",
    "a reserved length": "1c",
    "undefined": "f7",
    "a simple value": "f0",
    "a break": "ff",
    "no UTF-8": "61ff",
    "a map as a key": "a1a001",
    "true as a key": "a1f501",
    "the same key twice": "a201020103",
    "two values": "0101",
    "nothing": "",
    "an array longer than the message": "9b00000000ffffffff",
    "bytes longer than the message": "5b00000000ffffffff",
    "depth": "81" * 9 + "00",
}


@pytest.mark.parametrize(("data", "value"), RFC_8949_APPENDIX_A)
def test_examples_of_the_standard(data: str, value: CborValue) -> None:
    assert cbor.parse(bytes.fromhex(data)) == value
    assert cbor2.loads(bytes.fromhex(data)) == value


@pytest.mark.parametrize("data", REFUSED.values(), ids=list(REFUSED))
def test_what_a_record_may_not_hold_is_refused(data: str) -> None:
    with pytest.raises(MalformedData):
        cbor.parse(bytes.fromhex(data))


def test_a_prefix_and_a_tail_are_refused() -> None:
    whole = cbor.encode({1: "text", 2: [1, b"bytes", None, True, 1.5], 3: {4: 5}})
    for length in range(len(whole)):
        with pytest.raises(MalformedData):
            cbor.parse(whole[:length])
    with pytest.raises(MalformedData):
        cbor.parse(whole + b"\x00")
    assert cbor.parse(whole) == {1: "text", 2: [1, b"bytes", None, True, 1.5], 3: {4: 5}}


def test_not_a_number_is_a_number_that_is_none() -> None:
    value = cbor.parse(bytes.fromhex("f97e00"))
    assert isinstance(value, float)
    assert math.isnan(value)


def test_many_small_items_are_refused() -> None:
    with pytest.raises(MalformedData, match="too many items"):
        cbor.parse(cbor2.dumps([0] * (cbor.ITEM_LIMIT + 1)))
