"""How a key is named without being shown: `keystore:NAME` and PKCS#11 URIs (L6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egate.model.errors import MalformedData
from egate.storage.keystore.references import StoreReference, TokenReference, is_reference, parse_reference

BASE = Path("/etc/egate")
MODULE = "?module-path=/usr/lib/p11.so"


def test_a_stored_key_is_named_by_its_name() -> None:
    assert parse_reference("keystore:gate-1", BASE) == StoreReference("gate-1")
    assert is_reference("keystore:gate-1")
    assert not is_reference("keys/gate.hex")


def test_a_token_is_described_by_a_uri() -> None:
    """RFC 7512 §2.3; blanks and other signs are percent-encoded."""
    uri = "pkcs11:token=Lane%20A1;manufacturer=M;model=X;serial=0f;object=gate;id=%00%ff;type=secret-key"
    found = parse_reference(f"{uri}{MODULE}&pin-source=file:lane.pin", BASE)
    assert found == TokenReference(Path("/usr/lib/p11.so"), "Lane A1", "0f", "M", "X", "gate", b"\x00\xff", BASE / "lane.pin")
    assert str(found) == "pkcs11:token=Lane A1;object=gate"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("keystore:", "name has 1 to"),
        ("keystore:../gate", "name has 1 to"),
        ("keystore:" + "a" * 65, "name has 1 to"),
        ("file:gate", "neither keystore"),
        ("pkcs11:object=gate" + MODULE, "names no token"),
        ("pkcs11:token=t" + MODULE, "names no key"),
        ("pkcs11:token=t;object=gate", "names no library"),
        ("pkcs11:token=t;token=u;object=g" + MODULE, "unknown, doubled or broken"),
        ("pkcs11:token=t;object=g;slot-id=3" + MODULE, "unknown, doubled or broken"),
        ("pkcs11:token=t;object=%zz" + MODULE, "unknown, doubled or broken"),
        ("pkcs11:token=t;object=%ff" + MODULE, "no text"),
        ("pkcs11:token=t;object=g;type=cert" + MODULE, "type must be"),
        ("pkcs11:token=t;object=" + "g" * 2000 + MODULE, "too long"),
    ],
)
def test_what_a_reference_cannot_mean_is_refused(text: str, says: str) -> None:
    with pytest.raises(MalformedData, match=says):
        parse_reference(text, BASE)


def test_a_pin_in_a_reference_is_refused_and_not_shown() -> None:
    """L6: a PIN in the configuration would be a key in it."""
    with pytest.raises(MalformedData, match="pin-source") as caught:
        parse_reference(f"pkcs11:token=t;object=g{MODULE}&pin-value=48151623", BASE)
    assert "48151623" not in str(caught.value)


@given(st.text(max_size=60).map(lambda text: "pkcs11:" + text) | st.text(max_size=60).map(lambda text: "keystore:" + text))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        found = parse_reference(text, BASE)
    except MalformedData:
        return
    assert isinstance(found, StoreReference | TokenReference)
