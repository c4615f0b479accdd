"""Sealing to the centre: only its key opens, only with the header it was sealed for; foreign implementations agree."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from pyhpke import AEADId, CipherSuite, KDFId, KEMId, KEMKey

from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.storage.vault import INFO_PREFIX, PERSONAL_LIMIT_BYTES, SealingSuite, Vault, unseal
from tests.record_lane import CANARY, sealing_key
from tests.shared_data import shared_path

HEADER = b"the header without the hash of the sealed part"
INFO = INFO_PREFIX + hashlib.sha256(HEADER).digest()


@pytest.mark.parametrize("hybrid", [True, False])
@pytest.mark.parametrize("personal", [b"", b"x", bytes(252), bytes(253), CANARY * 100])
def test_only_the_centre_opens_what_a_lane_sealed(hybrid: bool, personal: bytes) -> None:
    key = sealing_key(hybrid)
    vault = Vault(key.public_key())
    sealed = vault.seal(personal, HEADER)
    assert CANARY not in sealed
    assert unseal(sealed, HEADER, vault.suite, key) == personal


def test_the_default_is_the_hybrid_suite() -> None:
    assert Vault(sealing_key().public_key()).suite is SealingSuite.X_WING_AES_256_GCM
    assert Vault(sealing_key(hybrid=False).public_key()).suite is SealingSuite.X25519_AES_256_GCM


def test_lengths_are_hidden_in_steps_of_256_bytes() -> None:
    vault = Vault(sealing_key(hybrid=False).public_key())
    lengths = [len(vault.seal(bytes(length), HEADER)) for length in (0, 1, 252, 253, 508, 509)]
    assert lengths == [256 + 48] * 3 + [512 + 48] * 2 + [768 + 48]


def test_sealing_twice_never_gives_the_same_bytes() -> None:
    vault = Vault(sealing_key().public_key())
    assert vault.seal(CANARY, HEADER) != vault.seal(CANARY, HEADER)


def test_another_header_key_suite_or_byte_does_not_open() -> None:
    key, vault = sealing_key(), Vault(sealing_key().public_key())
    sealed = vault.seal(CANARY, HEADER)
    altered = bytes([*sealed[:-1], sealed[-1] ^ 1])
    cases = [(sealed, HEADER + b"x", key), (altered, HEADER, key), (sealed[:10], HEADER, key), (b"", HEADER, key)]
    for wrong, header, opener in cases:
        with pytest.raises(TrustError) as caught:
            unseal(wrong, header, vault.suite, opener)
        assert "ERIKSSON" not in str(caught.value)
    with pytest.raises(TrustError, match="suite"):
        unseal(sealed, HEADER, vault.suite, sealing_key(hybrid=False))


def test_a_personal_part_beyond_the_limit_is_refused() -> None:
    with pytest.raises(DeviceError, match="limit"):
        Vault(sealing_key().public_key()).seal(bytes(PERSONAL_LIMIT_BYTES + 1), HEADER)


def test_a_wrong_length_field_is_malformed() -> None:
    key = sealing_key(hybrid=False)
    cipher = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    sealed = cipher.encrypt(b"\xff\xff\xff\xff" + bytes(252), key.x25519.public_key(), INFO)
    with pytest.raises(MalformedData):
        unseal(sealed, HEADER, SealingSuite.X25519_AES_256_GCM, key)


def test_key_identifiers_tell_keys_apart_and_keys_show_nothing() -> None:
    assert Vault(sealing_key().public_key()).key_id != Vault(sealing_key(hybrid=False).public_key()).key_id
    assert "object at" not in repr(sealing_key())


@pytest.mark.foreign
def test_pyhpke_opens_what_we_seal_and_we_open_what_it_seals() -> None:
    key = sealing_key(hybrid=False)
    suite = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.AES256_GCM)
    sealed = Vault(key.public_key()).seal(CANARY, HEADER)
    recipient = suite.create_recipient_context(sealed[:32], KEMKey.from_pyca_cryptography_key(key.x25519), info=INFO)
    opened = recipient.open(sealed[32:])
    assert opened == len(CANARY).to_bytes(4, "big") + CANARY + bytes(256 - 4 - len(CANARY))
    encapsulated, sender = suite.create_sender_context(KEMKey.from_pyca_cryptography_key(key.x25519.public_key()), info=INFO)
    theirs = encapsulated + sender.seal(opened)
    assert unseal(theirs, HEADER, SealingSuite.X25519_AES_256_GCM, key) == CANARY


def _vectors(name: str, kem: int, aead: int) -> list[dict[str, Any]]:
    vectors = json.loads(shared_path("sync", "hpke", name).read_text("utf-8"))
    wanted = (str(kem), "1", str(aead))
    return [vector for vector in vectors if tuple(str(vector[key]) for key in ("kem_id", "kdf_id", "aead_id")) == wanted]


def test_the_classic_suite_agrees_with_rfc_9180() -> None:
    """Appendix A's suite with our three algorithms: its published key and nonce open exactly what our cipher accepts."""
    (vector,) = _vectors("rfc9180-base-subset.json", 0x20, 2)
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
    message = AESGCM(bytes.fromhex(vector["key"])).encrypt(bytes.fromhex(vector["base_nonce"]), CANARY, b"")
    cipher = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    assert cipher.decrypt(bytes.fromhex(vector["enc"]) + message, private, bytes.fromhex(vector["info"])) == CANARY


def test_the_hybrid_encapsulation_agrees_with_the_published_vectors() -> None:
    """X-Wing (KEM 0x647a): the published seed expands to both keys, and the published key opens what our cipher accepts."""
    (vector,) = _vectors("hpke-pq-test-vectors.json", 0x647A, 3)
    expanded = hashlib.shake_256(bytes.fromhex(vector["skRm"])).digest(96)
    private = hpke.MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])
    )
    message = ChaCha20Poly1305(bytes.fromhex(vector["key"])).encrypt(bytes.fromhex(vector["base_nonce"]), CANARY, b"")
    cipher = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    assert cipher.decrypt(bytes.fromhex(vector["enc"]) + message, private, bytes.fromhex(vector["info"])) == CANARY
