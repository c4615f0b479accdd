"""An officer's presence: signed, for one lane, for seconds; it is no wish, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.ipc.codec import decode_line, encode_line
from egate.ipc.messages import OfficerPresent
from egate.ipc.wishes import MAX_PRESENCE_S, sign_presence, verify_presence
from egate.model.errors import TrustError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW_NS = 1_790_000_000_000_000_000
PRESENT = sign_presence(OfficerPresent("lane-3", "7731", NOW_NS + 14_000_000_000), KEY)


def verify(presence: OfficerPresent, now_ns: int = NOW_NS) -> None:
    verify_presence(presence, KEY.public_key(), now_ns, lane="lane-3")


def test_a_signed_presence_is_believed_and_travels() -> None:
    verify(PRESENT)
    assert decode_line(encode_line(PRESENT)) == PRESENT


@pytest.mark.parametrize(
    "forged",
    [
        replace(PRESENT, lane="lane-4"),
        replace(PRESENT, officer="7732"),
        replace(PRESENT, expires_ns=PRESENT.expires_ns + 1),
        replace(PRESENT, here=False),
        replace(PRESENT, signature=""),
        sign_presence(PRESENT, Ed25519PrivateKey.from_private_bytes(bytes(32))),
    ],
)
def test_any_change_breaks_the_signature(forged: OfficerPresent) -> None:
    with pytest.raises(TrustError, match="bad_signature"):
        verify(forged)


@pytest.mark.parametrize(
    ("presence", "code"),
    [
        (OfficerPresent("lane-4", "7731", NOW_NS + 1), "other_lane"),
        (OfficerPresent("lane-3", "7731", NOW_NS), "expired"),
        (OfficerPresent("lane-3", "7731", NOW_NS + int((MAX_PRESENCE_S + 1) * 1e9)), "expires_too_late"),
    ],
)
def test_a_presence_is_for_this_lane_and_for_seconds(presence: OfficerPresent, code: str) -> None:
    with pytest.raises(TrustError, match=code):
        verify(sign_presence(presence, KEY))
