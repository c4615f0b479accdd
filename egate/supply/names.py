"""Names and keys of certificates in words for people.

Rule: text from a certificate is foreign text: what is shown has no control characters and a bounded length.
"""

from __future__ import annotations

from egate.model.errors import MalformedData
from egate.pki.asn1 import decoding, elements
from egate.pki.certificate import Certificate
from egate.pki.keys import EllipticKey, RsaKey, SignatureScheme

MAXIMUM_NAME = 120
"""Characters shown of a name; a line of a terminal."""

_LABELS = {
    b"\x06\x03\x55\x04\x03": "CN",
    b"\x06\x03\x55\x04\x06": "C",
    b"\x06\x03\x55\x04\x0a": "O",
    b"\x06\x03\x55\x04\x0b": "OU",
    b"\x06\x03\x55\x04\x05": "serialNumber",
}
"""Attribute types by their DER (X.520)."""

_BMP_STRING = 0x1E
_HASHES = {
    "1.3.14.3.2.26": "SHA-1",
    "2.16.840.1.101.3.4.2.4": "SHA-224",
    "2.16.840.1.101.3.4.2.1": "SHA-256",
    "2.16.840.1.101.3.4.2.2": "SHA-384",
    "2.16.840.1.101.3.4.2.3": "SHA-512",
}


def name_text(name: bytes) -> str:
    """An X.501 name (DER) as people write it, the country first; `(unreadable)` when it cannot be read."""
    try:
        with decoding("reading a name"):
            parts = [_attribute(attribute) for part in elements(_content(name), 64) for attribute in elements(_content(part), 8)]
    except MalformedData:
        return "(unreadable)"
    return ", ".join(part for part in parts if part)[:MAXIMUM_NAME]


def key_text(certificate: Certificate) -> str:
    """Kind and size of a certificate's key."""
    key = certificate.public_key
    match key:
        case RsaKey():
            return f"RSA {key.modulus.bit_length()}, e={key.exponent}"
        case EllipticKey():
            return f"EC {key.curve.name}"
        case _:
            return f"unusable: {key.problem}"


def scheme_text(scheme: SignatureScheme | None) -> str:
    """How a certificate was signed."""
    return "unknown" if scheme is None else f"{scheme.kind.value} with {_HASHES.get(scheme.hash_oid, scheme.hash_oid)}"


def printable(text: str) -> str:
    """Foreign text without control characters."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _attribute(encoded: bytes) -> str:
    kind, value = elements(_content(encoded), 2)
    text = _content(value).decode("utf-16-be" if value[0] == _BMP_STRING else "utf-8", "replace")
    label = _LABELS.get(kind)
    return f"{label}={printable(text)}" if label else ""


def _content(encoded: bytes) -> bytes:
    """The content of one DER value; call it inside `decoding`."""
    length = encoded[1]
    return encoded[2:] if length < 0x80 else encoded[2 + length - 0x80 :]
