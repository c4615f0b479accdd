"""Keys in a real PKCS#11 token (SoftHSM 2): used inside it, never given away; a token that is not as described is named (L6)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from egate.model.errors import DeviceError, EgateError, TrustError
from egate.storage.keystore.keyring import Keyring
from egate.storage.keystore.references import TokenReference, parse_reference
from egate.storage.keystore.secrets import KeyKind, StoredKey
from egate.storage.keystore.token import Token
from tests.unit.storage.soft_token import PIN, SoftToken, make_token, needs_softhsm, prepare_softhsm

pytestmark = needs_softhsm
SECRET = bytes.fromhex("b0b1b2b3b4b5b6b7b8b9babbbcbdbebf")
STORED = StoredKey(KeyKind.AES128, "2026-11-24", SECRET)


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> SoftToken:
    folder = tmp_path_factory.mktemp("softhsm")
    prepare_softhsm(folder)
    return make_token(folder, "lane")


@pytest.fixture
def ring() -> Iterator[Keyring]:
    with closing(Keyring(None)) as made:
        yield made


def reference(text: str) -> TokenReference:
    found = parse_reference(text, Path("/"))
    assert isinstance(found, TokenReference)
    return found


def brought_in(token: SoftToken, name: str) -> TokenReference:
    named = reference(token.uri(name))
    with closing(Token(named, writing=True)) as opened:
        opened.take_in(KeyKind.AES128, SECRET)
    return named


def test_a_key_encrypts_inside_the_token_as_it_would_outside(token: SoftToken, ring: Keyring) -> None:
    named = brought_in(token, "gate")
    key = ring.block_key(named)
    assert key.encrypt_block(bytes(range(16))) == STORED.encrypt_block(bytes(range(16)))
    assert ring.fingerprint(named) == (KeyKind.AES128, STORED.fingerprint)
    assert "b0b1" not in repr(key)


def test_the_token_gives_the_key_to_nobody(token: SoftToken) -> None:
    """L6: not even to a program that knows the PIN."""
    pkcs11 = importlib.import_module("pkcs11")

    brought_in(token, "kept")
    session = pkcs11.lib(str(token.module)).get_token(token_label="lane").open(user_pin=PIN)
    with closing(session):
        key = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label="kept")
        with pytest.raises(pkcs11.PKCS11Error):
            key[pkcs11.Attribute.VALUE]
        assert not key[pkcs11.Attribute.EXTRACTABLE]


def test_a_key_is_made_signs_and_is_removed(token: SoftToken, ring: Keyring) -> None:
    named = reference(token.uri("sign", ";id=%01"))
    with closing(Token(named, writing=True)) as opened:
        opened.make(KeyKind.ED25519)
        with pytest.raises(DeviceError, match="already"):
            opened.make(KeyKind.ED25519)
    key = ring.signing_key(named)
    key.public_key().verify(key.sign(b"word"), b"word")
    assert ring.fingerprint(named)[0] is KeyKind.ED25519
    ring.close()
    with closing(Token(named, writing=True)) as opened:
        opened.remove()
        with pytest.raises(DeviceError, match="no such key"):
            opened.remove()
        with pytest.raises(DeviceError, match="made inside"):
            opened.take_in(KeyKind.ED25519, SECRET * 2)


def test_a_made_key_encrypts_and_one_of_another_length_is_refused(token: SoftToken, ring: Keyring) -> None:
    for name, kind in (("made", KeyKind.AES128), ("long", KeyKind.AES256)):
        with closing(Token(reference(token.uri(name)), writing=True)) as opened:
            opened.make(kind)
    assert len(ring.block_key(reference(token.uri("made"))).encrypt_block(bytes(16))) == 16
    with pytest.raises(TrustError, match="32 bytes"):
        ring.block_key(reference(token.uri("long")))


def test_two_keys_of_one_token_are_used_side_by_side(token: SoftToken, ring: Keyring) -> None:
    one, two = ring.block_key(brought_in(token, "one")), ring.block_key(brought_in(token, "two"))
    assert one.encrypt_block(bytes(16)) == two.encrypt_block(bytes(16))


def test_a_token_gives_no_secret_to_what_needs_it_outside(token: SoftToken, ring: Keyring) -> None:
    with pytest.raises(TrustError, match="gives none away"):
        ring.secret(reference(token.uri("gate")), KeyKind.AES256)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("token=lane", "token=other"), "it is not there"),
        (("token=lane", "token=lane;serial=ffff"), "it is not there"),
        (("token=lane", "token=lane;manufacturer=Somebody"), "it is not there"),
        (("object=gate", "object=absent"), "no such key"),
        (("libsofthsm2.so", "absent.so"), "cannot be used"),
    ],
)
def test_a_missing_or_foreign_token_ends_in_one_sentence(
    token: SoftToken, ring: Keyring, change: tuple[str, str], says: str
) -> None:
    with pytest.raises(EgateError, match=says) as caught:
        ring.block_key(reference(token.uri("gate").replace(*change)))
    assert "\n" not in str(caught.value)


def test_a_wrong_pin_a_locked_token_and_a_pin_for_all_to_read_are_named(token: SoftToken, tmp_path: Path) -> None:
    """The PIN shows nowhere."""
    wrong = tmp_path / "wrong.pin"
    wrong.write_text("99999999")
    wrong.chmod(0o600)
    with pytest.raises(DeviceError, match="PIN is wrong") as caught:
        Token(reference(token.uri("gate", pin=wrong)))
    assert "99999999" not in str(caught.value)
    wrong.chmod(0o644)
    with pytest.raises(TrustError, match="chmod 600"):
        Token(reference(token.uri("gate", pin=wrong)))
    wrong.chmod(0o600)
    wrong.write_text("")
    with pytest.raises(DeviceError, match="no PIN"):
        Token(reference(token.uri("gate", pin=wrong)))


def test_a_key_whose_session_is_over_says_so(token: SoftToken, ring: Keyring) -> None:
    """A token that is pulled while a lane runs: the gate unit counts as lost, nothing breaks."""
    key = ring.block_key(brought_in(token, "pulled"))
    ring.close()
    with pytest.raises(DeviceError, match="session is over"):
        key.encrypt_block(bytes(16))
