"""Officer's wishes: signed over everything, once, soon, for one lane."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from egate.ipc.messages import OfficerWish
from egate.ipc.wishes import MAX_WISH_LIFE_S, officer_key_from_pem, sign_wish, signed_bytes, verify_wish
from egate.model.errors import TrustError
from egate.model.lane import OfficerAction, OfficerReason
from tests.unit.ipc.samples import WISH

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW_NS = WISH.expires_ns - 5_000_000_000 + 10_000_000_000
SIGNED = sign_wish(replace(WISH, expires_ns=NOW_NS + 5_000_000_000), KEY)


def verify(wish: OfficerWish, now_ns: int = NOW_NS, counter: int = 9, lane: str = "lane-3", passage: int = 41) -> None:
    verify_wish(wish, KEY.public_key(), now_ns, counter=counter, lane=lane, passage=passage)


def test_a_signed_wish_is_taken() -> None:
    verify(SIGNED)


@pytest.mark.parametrize(
    "forged",
    [
        replace(SIGNED, lane="lane-4"),
        replace(SIGNED, action=OfficerAction.HOLD),
        replace(SIGNED, reason=OfficerReason.TECHNICAL),
        replace(SIGNED, officer="officer-1"),
        replace(SIGNED, counter=10),
        replace(SIGNED, passage=42),
        replace(SIGNED, expires_ns=SIGNED.expires_ns + 1),
        replace(SIGNED, lane=SIGNED.lane + "x", officer=SIGNED.officer[1:]),
        replace(SIGNED, signature=""),
        replace(SIGNED, signature="zz"),
        replace(SIGNED, signature=SIGNED.signature[:-2]),
        replace(SIGNED, counter=-1),
        replace(SIGNED, officer="x" * 300),
        sign_wish(SIGNED, Ed25519PrivateKey.from_private_bytes(bytes(32))),
    ],
)
def test_any_change_breaks_the_signature(forged: OfficerWish) -> None:
    with pytest.raises(TrustError, match="bad_signature"):
        verify(forged, lane=forged.lane, counter=forged.counter)


@pytest.mark.parametrize(
    ("now_ns", "counter", "lane", "code"),
    [
        (NOW_NS, 9, "lane-4", "other_lane"),
        (NOW_NS, 10, "lane-3", "wrong_counter"),
        (NOW_NS, 8, "lane-3", "wrong_counter"),
        (SIGNED.expires_ns, 9, "lane-3", "expired"),
        (SIGNED.expires_ns - int(MAX_WISH_LIFE_S * 1e9) - 1, 9, "lane-3", "expires_too_late"),
    ],
)
def test_a_wish_for_another_lane_count_or_time_is_not_taken(now_ns: int, counter: int, lane: str, code: str) -> None:
    with pytest.raises(TrustError) as caught:
        verify(SIGNED, now_ns, counter, lane)
    assert caught.value.problem == code


def test_a_wish_never_acts_on_the_next_traveller() -> None:
    with pytest.raises(TrustError, match="other_passage"):
        verify(SIGNED, passage=42)


def test_the_longest_allowed_life_is_taken() -> None:
    verify(SIGNED, now_ns=SIGNED.expires_ns - int(MAX_WISH_LIFE_S * 1e9))


def test_texts_cannot_slide_into_each_other() -> None:
    one = replace(WISH, lane="ab", officer="c")
    other = replace(WISH, lane="a", officer="bc")
    assert signed_bytes(one) != signed_bytes(other)


def test_the_officers_key_is_read_from_pem() -> None:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    verify(sign_wish(SIGNED, officer_key_from_pem(pem)))


def test_another_kind_of_key_or_no_key_is_one_clear_line() -> None:
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TrustError, match="Ed25519"):
        officer_key_from_pem(other)
    with pytest.raises(TrustError, match="PEM"):
        officer_key_from_pem(b"nonsense")
