"""Who watches a lane (S5): only an officer whom it knows, only while that officer says so."""

from __future__ import annotations

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.app.attendance import Attendance
from egate.ipc.messages import OfficerPresent
from egate.ipc.wishes import sign_presence

NOW_NS = 1_790_000_000_000_000_000
S = 1_000_000_000
ANNA, BERT = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))


def lane() -> Attendance:
    return Attendance("A1", {"anna": ANNA.public_key(), "bert": BERT.public_key()})


def says(name: str, key: Ed25519PrivateKey, until_ns: int, *, here: bool = True) -> OfficerPresent:
    return sign_presence(OfficerPresent("A1", name, until_ns, here), key)


def test_nobody_is_there_until_somebody_says_so_and_it_lapses_by_itself() -> None:
    attendance = lane()
    assert attendance.officers(NOW_NS) == ()
    assert attendance.take(says("anna", ANNA, NOW_NS + 10 * S), NOW_NS) == ""
    assert attendance.officers(NOW_NS + 9 * S) == ("anna",)
    assert attendance.officers(NOW_NS + 10 * S) == ()


def test_an_older_presence_shortens_nothing_and_signing_off_counts_at_once() -> None:
    attendance = lane()
    attendance.take(says("anna", ANNA, NOW_NS + 10 * S), NOW_NS)
    attendance.take(says("anna", ANNA, NOW_NS + 2 * S), NOW_NS)
    attendance.take(says("bert", BERT, NOW_NS + 10 * S), NOW_NS)
    assert attendance.officers(NOW_NS + 5 * S) == ("anna", "bert")
    attendance.take(says("anna", ANNA, NOW_NS + 12 * S, here=False), NOW_NS + 5 * S)
    assert attendance.officers(NOW_NS + 5 * S) == ("bert",)


def test_strangers_and_forgeries_are_named_and_open_nothing() -> None:
    attendance = lane()
    assert attendance.take(says("carl", ANNA, NOW_NS + S), NOW_NS) == "unknown_officer"
    assert attendance.take(says("bert", ANNA, NOW_NS + S), NOW_NS) == "bad_signature"
    assert attendance.take(replace(says("anna", ANNA, NOW_NS + S), lane="A2"), NOW_NS) == "bad_signature"
    assert attendance.officers(NOW_NS) == ()


def test_what_was_said_before_signing_off_counts_no_more() -> None:
    """S5: a presence that somebody recorded does not put the officer back at the desk, and a new one does."""
    attendance = lane()
    recorded = says("anna", ANNA, NOW_NS + 10 * S)
    attendance.take(recorded, NOW_NS)
    left = says("anna", ANNA, NOW_NS + 12 * S, here=False)
    assert attendance.take(left, NOW_NS + 2 * S) == ""
    assert attendance.take(recorded, NOW_NS + 3 * S) == "expired"
    assert attendance.officers(NOW_NS + 3 * S) == ()
    assert attendance.take(says("anna", ANNA, NOW_NS + 14 * S), NOW_NS + 4 * S) == ""
    assert attendance.take(left, NOW_NS + 5 * S) == "expired"
    assert attendance.officers(NOW_NS + 5 * S) == ("anna",)


def test_a_clock_that_is_set_back_keeps_nobody_at_the_desk() -> None:
    """S5: nobody is there for hours because the machine's clock was wrong when they said so."""
    attendance = lane()
    attendance.take(says("anna", ANNA, NOW_NS + 10 * S), NOW_NS)
    assert attendance.officers(NOW_NS - 3600 * S) == ()
    assert attendance.take(says("anna", ANNA, NOW_NS - 3590 * S), NOW_NS - 3600 * S) == ""
    assert attendance.officers(NOW_NS - 3600 * S) == ("anna",)
