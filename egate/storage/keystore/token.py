"""The one door to PKCS#11 tokens: hardware security modules, smart cards, and a TPM through its PKCS#11 library.

Rules: a key is used inside the token and never asked for; a token that is missing, locked or another than the reference describes
ends in one sentence. Sessions are opened when the lane is wired, before any device is touched. A token answers in its own time
(a TPM takes up to 0.1 s for a block), so nothing asks it while somebody passes: the gate unit's session keys are made at a
handshake, and the rest of a session does without the token.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.model.errors import DeviceError, TrustError
from egate.storage.keystore.references import TokenReference
from egate.storage.keystore.secrets import BLOCK, KeyKind, block_fingerprint, signing_fingerprint
from egate.storage.keystore.store import read_private

PIN_LIMIT_BYTES = 256
MOST_OBJECTS = 256
"""Keys of one token that are looked at."""

SIGNATURE_BYTES, PUBLIC_BYTES = 64, 32
_EDWARDS_25519 = bytes.fromhex("06032b6570")
"""The curve's object identifier 1.3.101.112 (RFC 8410), as a token wants it."""


class TokenBlockKey:
    """An AES key inside a token."""

    def __init__(self, key: Any, doing: str) -> None:
        self._key, self._doing = key, doing

    def __repr__(self) -> str:
        return f"TokenBlockKey({self._doing})"

    def encrypt_block(self, block: bytes) -> bytes:
        """AES of one block of 16 bytes, made by the token; raises DeviceError."""
        with _in_words(self._doing):
            made = bytes(self._key.encrypt(block, mechanism=_library().Mechanism.AES_ECB))
        if len(block) != BLOCK or len(made) != BLOCK:
            raise DeviceError(self._doing, "the token encrypts something else than one block")
        return made

    @property
    def fingerprint(self) -> str:
        """The same as of a stored key."""
        return block_fingerprint(self)


class TokenSigningKey:
    """An Ed25519 key inside a token."""

    def __init__(self, key: Any, public: Ed25519PublicKey, doing: str) -> None:
        self._key, self._public, self._doing = key, public, doing

    def __repr__(self) -> str:
        return f"TokenSigningKey({self._doing})"

    def sign(self, data: bytes) -> bytes:
        """An Ed25519 signature, made by the token; raises DeviceError."""
        with _in_words(self._doing):
            made = bytes(self._key.sign(data, mechanism=_library().Mechanism.EDDSA))
        if len(made) != SIGNATURE_BYTES:
            raise DeviceError(self._doing, "the token gives no Ed25519 signature")
        return made

    def public_key(self) -> Ed25519PublicKey:
        """The half that everybody may know."""
        return self._public

    @property
    def fingerprint(self) -> str:
        """The same as of a stored key."""
        return signing_fingerprint(self)


class Token:
    """One open token. `close` ends its session; keys that were taken from it are of no use afterwards."""

    def __init__(self, reference: TokenReference, *, writing: bool = False) -> None:
        self._reference, self._doing = reference, f"using the key {reference}"
        self._session = _session(reference, writing=writing)

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def block_key(self) -> TokenBlockKey:
        """The AES key that the reference names; raises DeviceError or TrustError."""
        p11 = _library()
        key = self._one(p11.ObjectClass.SECRET_KEY, p11.KeyType.AES)
        with _in_words(self._doing):
            size_bytes = int(key[p11.Attribute.VALUE_LEN])
        if size_bytes != KeyKind.AES128.size_bytes:
            raise TrustError(self._doing, f"the token's key has {size_bytes} bytes, needed are {KeyKind.AES128.size_bytes}")
        made = TokenBlockKey(key, self._doing)
        made.encrypt_block(bytes(BLOCK))  # a key that may not encrypt is found now
        return made

    def signing_key(self) -> TokenSigningKey:
        """The Ed25519 key that the reference names; raises DeviceError or TrustError."""
        p11 = _library()
        key = self._one(p11.ObjectClass.PRIVATE_KEY, p11.KeyType.EC_EDWARDS)
        half = self._one(p11.ObjectClass.PUBLIC_KEY, p11.KeyType.EC_EDWARDS)
        with _in_words(self._doing):
            point = bytes(half[p11.Attribute.EC_POINT])
        if len(point) < PUBLIC_BYTES:
            raise TrustError(self._doing, "the token's public half is none of Ed25519")
        made = TokenSigningKey(key, Ed25519PublicKey.from_public_bytes(point[-PUBLIC_BYTES:]), self._doing)
        made.sign(b"")
        return made

    def make(self, kind: KeyKind) -> None:
        """Make the key that the reference names inside the token; raises DeviceError."""
        p11, label = _library(), self._free_label()
        with _in_words(self._doing):
            if kind is KeyKind.ED25519:
                curve = self._session.create_domain_parameters(
                    p11.KeyType.EC_EDWARDS, {p11.Attribute.EC_PARAMS: _EDWARDS_25519}, local=True
                )
                curve.generate_keypair(
                    mechanism=p11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                    store=True,
                    label=label,
                    id=self._reference.identifier or None,
                    private_template={p11.Attribute.SENSITIVE: True, p11.Attribute.EXTRACTABLE: False},
                )
            else:
                self._session.generate_key(
                    p11.KeyType.AES, kind.size_bytes * 8, store=True, label=label, id=self._reference.identifier or None,
                    template=_kept_template(p11),
                )  # fmt: skip

    def take_in(self, kind: KeyKind, secret: bytes) -> None:
        """Put a symmetric key into the token, which gives it to nobody from then on; raises DeviceError."""
        p11, label = _library(), self._free_label()
        if kind is KeyKind.ED25519:
            raise DeviceError(self._doing, "a signing key is made inside the token, not brought into it")
        identifier = {p11.Attribute.ID: self._reference.identifier} if self._reference.identifier else {}
        with _in_words(self._doing):
            self._session.create_object({
                p11.Attribute.CLASS: p11.ObjectClass.SECRET_KEY,
                p11.Attribute.KEY_TYPE: p11.KeyType.AES,
                p11.Attribute.TOKEN: True,
                p11.Attribute.LABEL: label,
                p11.Attribute.VALUE: secret,
                **identifier,
                **_kept_template(p11),
            })  # fmt: skip

    def remove(self) -> None:
        """Destroy the key that the reference names, and its public half; raises DeviceError."""
        p11 = _library()
        found = [
            item
            for kind in (p11.ObjectClass.SECRET_KEY, p11.ObjectClass.PRIVATE_KEY, p11.ObjectClass.PUBLIC_KEY)
            for item in self._objects({p11.Attribute.CLASS: kind, **self._names()})
        ]
        if not found:
            raise DeviceError(self._doing, "the token holds no such key")
        with _in_words(self._doing):
            for item in found:
                item.destroy()

    def _free_label(self) -> str:
        """The label for a new key; refuses one that names a key already."""
        p11 = _library()
        if not self._reference.label:
            raise DeviceError(self._doing, "a new key needs a name (object=…)")
        if self._objects({p11.Attribute.LABEL: self._reference.label}):
            raise DeviceError(self._doing, "the token holds a key of that name already; remove it first")
        return self._reference.label

    def _names(self) -> dict[Any, Any]:
        p11 = _library()
        names: dict[Any, Any] = {}
        if self._reference.label:
            names[p11.Attribute.LABEL] = self._reference.label
        if self._reference.identifier:
            names[p11.Attribute.ID] = self._reference.identifier
        return names

    def _one(self, kind: object, key_type: object) -> Any:
        p11 = _library()
        found = self._objects({p11.Attribute.CLASS: kind, p11.Attribute.KEY_TYPE: key_type, **self._names()})
        if len(found) != 1:
            problem = "the token holds no such key" if not found else "the token holds several such keys; name one with id=…"
            raise DeviceError(self._doing, problem)
        return found[0]

    def _objects(self, template: dict[Any, Any]) -> list[Any]:
        with _in_words(self._doing):
            return list(islice(self._session.get_objects(template), MOST_OBJECTS))


def _kept_template(p11: Any) -> dict[Any, Any]:
    """A key for encrypting blocks that nobody reads out."""
    return {
        p11.Attribute.PRIVATE: True,
        p11.Attribute.SENSITIVE: True,
        p11.Attribute.EXTRACTABLE: False,
        p11.Attribute.ENCRYPT: True,
    }


def _library() -> Any:
    """The PKCS#11 package, which a lane without tokens does without."""
    try:
        import pkcs11  # noqa: PLC0415 - a native library that only lanes with a token load
    except ImportError:
        raise DeviceError("using a token", "the package python-pkcs11 is not installed") from None
    return pkcs11


def _session(reference: TokenReference, *, writing: bool) -> Any:
    p11, doing = _library(), f"opening the token of {reference}"
    pin = None if reference.pin_file is None else _pin(reference)
    try:
        module = p11.lib(str(reference.module))
    except (p11.PKCS11Error, RuntimeError):
        raise DeviceError(doing, f"the library {reference.module} cannot be used") from None
    with _in_words(doing):
        found = [token for token in module.get_tokens() if _is_described(token, reference)]
    if len(found) != 1:
        raise DeviceError(doing, "it is not there" if not found else "several tokens fit; name one with serial=…")
    with _in_words(doing):
        try:
            return found[0].open(user_pin=pin, rw=writing)
        except p11.UserAlreadyLoggedIn:
            return found[0].open(rw=writing)


def _is_described(token: Any, reference: TokenReference) -> bool:
    """Whether a token is the one that the reference describes; its words are padded with blanks (PKCS #11 §3.2)."""
    words = (
        (reference.token, token.label),
        (reference.serial, token.serial),
        (reference.manufacturer, token.manufacturer_id),
        (reference.model, token.model),
    )
    return all(not asked or asked == _stripped(found) for asked, found in words)


def _stripped(found: object) -> str:
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    return text.rstrip(" \0")


def _pin(reference: TokenReference) -> str:
    assert reference.pin_file is not None
    text = read_private(reference.pin_file, PIN_LIMIT_BYTES).decode("utf-8", "replace").strip()
    if not text:
        raise DeviceError(f"reading {reference.pin_file}", "it holds no PIN")
    return text


_WORDS = {
    "PinIncorrect": "its PIN is wrong; every further attempt may lock it",
    "PinInvalid": "its PIN is wrong; every further attempt may lock it",
    "PinLenRange": "its PIN has the wrong length; every further attempt may lock it",
    "PinLocked": "it is locked: too many wrong PINs were tried",
    "PinExpired": "its PIN must be changed first",
    "UserPinNotInitialized": "it has no PIN yet",
    "UserNotLoggedIn": "it wants a PIN; name the file that holds it with pin-source=",
    "TokenNotPresent": "it was pulled",
    "DeviceRemoved": "it was pulled",
    "SessionHandleInvalid": "its session is over; it was pulled, or another program reset it",
    "SessionClosed": "its session is over; it was pulled, or another program reset it",
    "TokenWriteProtected": "it is write protected",
    "SessionReadOnly": "it is write protected",
    "MechanismInvalid": "the token cannot do this with such a key",
    "KeyFunctionNotPermitted": "the key may not be used for this",
    "KeyTypeInconsistent": "the key is of another kind",
}
"""The library's error, by the name of its class, in words that say what to do."""


@contextmanager
def _in_words(doing: str) -> Iterator[None]:
    """Errors of the library as DeviceError; what the library says beside the kind of its error is not shown."""
    try:
        yield
    except _library().PKCS11Error as error:
        name = type(error).__name__
        raise DeviceError(doing, _WORDS.get(name, f"the token refuses ({name})")) from None
