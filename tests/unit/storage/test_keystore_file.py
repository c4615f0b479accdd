"""The keystore file: for one account alone, replaced as a whole, silent about what it holds (L6)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from egate.model.errors import DeviceError, EgateError, MalformedData, TrustError
from egate.storage.keystore.keyring import Keyring
from egate.storage.keystore.references import StoreReference
from egate.storage.keystore.secrets import KeyKind, StoredKey
from egate.storage.keystore.store import MOST_KEYS, Keystore

SECRET = bytes.fromhex("a0a1a2a3a4a5a6a7a8a9aaabacadaeaf")
GATE = StoredKey(KeyKind.AES128, "2026-11-24", SECRET)
OTHER = StoredKey(KeyKind.AES128, "2026-11-25", SECRET[::-1])
SIGNING = StoredKey(KeyKind.ED25519, "2026-11-24", SECRET * 2)


@pytest.fixture
def store(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys" / "keystore.json")


def test_keys_come_back_from_a_file_for_this_account_alone(store: Keystore) -> None:
    store.add("gate", GATE)
    store.add("lane", SIGNING)
    assert store.keys() == {"gate": GATE, "lane": SIGNING}
    assert store.key("gate") == GATE
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) & 0o077 == 0
    assert os.listdir(store.path.parent) == [store.path.name], "no draft and no copy is left"


def test_a_key_in_use_is_not_overwritten(store: Keystore) -> None:
    store.add("gate", GATE)
    with pytest.raises(DeviceError, match="already"):
        store.add("gate", OTHER)
    assert store.key("gate") == GATE


def test_a_rotated_key_is_kept_until_it_is_removed(store: Keystore) -> None:
    store.add("gate", GATE)
    store.rotate("gate", OTHER)
    assert store.keys() == {"gate": OTHER, "gate.previous": GATE}
    store.remove("gate.previous")
    assert store.keys() == {"gate": OTHER}


@pytest.mark.parametrize(
    "change", [lambda s: s.rotate("gone", GATE), lambda s: s.remove("gone"), lambda s: s.rotate("gate", SIGNING)]
)
def test_a_change_that_cannot_be_changes_nothing(store: Keystore, change: object) -> None:
    store.add("gate", GATE)
    before = store.path.read_bytes()
    with pytest.raises(DeviceError, match="holds no key"):
        change(store)  # type: ignore[operator]  # one of the lambdas
    assert store.path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o601])
def test_a_file_that_others_may_read_is_refused(store: Keystore, mode: int) -> None:
    """L6: whoever read it knows the keys; they must be changed, not only its mode."""
    store.add("gate", GATE)
    store.path.chmod(mode)
    with pytest.raises(TrustError, match="chmod 600"):
        store.keys()
    with pytest.raises(TrustError, match="chmod 600"):
        store.add("more", OTHER)


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_change_is_refused(store: Keystore, mode: int) -> None:
    """L6: who may replace the file decides what the lane believes."""
    store.add("gate", GATE)
    store.path.parent.chmod(mode)
    with pytest.raises(TrustError, match="chmod 700"):
        store.keys()
    with pytest.raises(TrustError, match="chmod 700"):
        store.add("more", OTHER)


def test_a_link_is_refused(store: Keystore, tmp_path: Path) -> None:
    store.add("gate", GATE)
    link = store.path.with_name("link.json")
    link.symlink_to(store.path)
    with pytest.raises(DeviceError):
        Keystore(link).keys()
    os.mkfifo(store.path.with_name("pipe"), 0o600)
    with pytest.raises(TrustError, match="plain file"):
        Keystore(store.path.with_name("pipe")).keys()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_file_of_another_account_is_refused(store: Keystore) -> None:
    store.add("gate", GATE)
    os.chown(store.path, 65534, 65534)
    with pytest.raises(TrustError, match="another account"):
        store.keys()
    os.chown(store.path, 0, 0)
    os.chown(store.path.parent, 65534, 65534)
    with pytest.raises(TrustError, match="chmod 700"):
        store.keys()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"version": 2, "keys": {}}',
        b'{"version": 1, "keys": {"../x": {}}}',
        b'{"version": 1, "keys": {"gate": {"kind": "aes128", "made": "2026-11-24", "secret": "a0a1"}}}',
        b'{"version": 1, "keys": {"gate": {"kind": "des", "made": "2026-11-24", "secret": "a0a1"}}}',
        b'{"version": 1, "keys": {"gate": {"kind": "aes128", "made": 7, "secret": "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"}}}',
        json.dumps({"version": 1, "keys": {key: {} for key in map(str, range(MOST_KEYS + 1))}}).encode(),
        b" " * (256 * 1024 + 1),
    ],
)
def test_a_damaged_store_is_named_and_shows_nothing(store: Keystore, text: bytes) -> None:
    store.add("gate", GATE)
    store.path.write_bytes(text)
    with pytest.raises(MalformedData) as caught:
        store.keys()
    assert "a0a1" not in str(caught.value)


def test_an_absent_store_is_named(store: Keystore) -> None:
    with pytest.raises(DeviceError):
        store.keys()
    with pytest.raises(DeviceError, match="no keystore is named"):
        Keyring(None).block_key(StoreReference("gate"))


def test_too_many_keys_are_refused(store: Keystore) -> None:
    rows = {f"k{n}": {"kind": "aes128", "made": "2026-11-24", "secret": SECRET.hex()} for n in range(MOST_KEYS)}
    store.add("gate", GATE)
    store.path.write_text(json.dumps({"version": 1, "keys": rows}))
    with pytest.raises(DeviceError, match="more than"):
        store.add("more", OTHER)


def test_a_draft_of_a_crash_is_in_nobodys_way(store: Keystore) -> None:
    store.add("gate", GATE)
    store.path.with_name(f".{store.path.name}.new").write_text("half")
    store.add("more", OTHER)
    assert set(store.keys()) == {"gate", "more"}


def test_a_key_is_used_for_what_it_is(store: Keystore) -> None:
    store.add("gate", GATE)
    store.add("lane", SIGNING)
    ring = Keyring(store.path)
    assert len(ring.block_key(StoreReference("gate")).encrypt_block(bytes(16))) == 16
    ring.signing_key(StoreReference("lane")).public_key().verify(ring.signing_key(StoreReference("lane")).sign(b"w"), b"w")
    assert ring.secret(StoreReference("gate"), KeyKind.AES128, KeyKind.AES256) == SECRET
    for wrong in (lambda: ring.block_key(StoreReference("lane")), lambda: ring.signing_key(StoreReference("gate"))):
        with pytest.raises(TrustError, match="needed is"):
            wrong()
    with pytest.raises(DeviceError, match="no key named gone"):
        ring.block_key(StoreReference("gone"))


def test_no_secret_shows_in_a_repr_a_fingerprint_or_a_refusal(store: Keystore) -> None:
    """L6."""
    store.add("gate", GATE)
    shown = (
        repr(store.keys()) + GATE.fingerprint + SIGNING.fingerprint + repr(Keyring(store.path).block_key(StoreReference("gate")))
    )
    with pytest.raises(EgateError) as caught:
        store.add("gate", OTHER)
    assert SECRET.hex()[:8] not in shown + str(caught.value)
    assert repr(SECRET)[2:8] not in shown
    assert GATE.fingerprint != OTHER.fingerprint
