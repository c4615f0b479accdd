"""The one door to asn1crypto: ASN.1 structures of the travel document PKI, and how their errors leave.

Rule: nothing outside `egate.pki` and the simulated issuer sees an asn1crypto value, and whatever the library raises while it
decodes foreign bytes leaves as `MalformedData`. asn1crypto decodes lazily, so reading a field may raise as well: every read
of foreign bytes stands inside `decoding(…)`.

Sources: RFC 5652 (CMS), RFC 5280 (certificates), Doc 9303-10 §4.6.2 (LDS security object), Doc 9303-12 §7, §9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from asn1crypto import algos, cms, core, crl, keys, x509
from asn1crypto.parser import parse as parse_asn1
from asn1crypto.parser import peek

from egate.model.errors import MalformedData

__all__ = [
    "CscaMasterList",
    "DocumentTypeList",
    "LdsSecurityObject",
    "PrivateKeyUsagePeriod",
    "algos",
    "children",
    "cms",
    "core",
    "crl",
    "decoding",
    "elements",
    "keys",
    "refuse_endless_numbers",
    "unwrap_application",
    "x509",
]

MAXIMUM_OBJECT_BYTES = 4 * 1024 * 1024
"""Largest structure looked at; a master list of the whole world has 0.8 MB."""

MAXIMUM_CHILDREN = 64
"""Values side by side in the structures that are taken apart here; the fullest, a certificate's body, has 10."""

_LONG_TAG, _LONG_LENGTH, _CONSTRUCTED = 0x1F, 0x80, 0x20
_MAXIMUM_LENGTH_BYTES = 4

_ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{1025}")
"""A number in base 128 goes on while the high bit is set. The library needs quadratic time for it: 4 s for one in a 128 kB file,
in the process that watches the doors. Real arcs have 10 such bytes, names in UTF-8 a few hundred."""

_FOREIGN_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, re.error)
"""What asn1crypto lets through on bytes that are not what they claim to be."""


@contextmanager
def decoding(doing: str) -> Iterator[None]:
    """Turn every error of the ASN.1 library into MalformedData that names what we were doing, and nothing of the bytes."""
    try:
        yield
    except _FOREIGN_ERRORS:
        raise MalformedData(doing, "not the ASN.1 structure that it should be") from None


def refuse_endless_numbers(data: bytes, doing: str) -> None:
    """Raise MalformedData for bytes with an object identifier or a tag that keeps the library busy, wherever it is nested."""
    if _ENDLESS_NUMBER.search(data) is not None:
        raise MalformedData(doing, "a number that does not end")


def unwrap_application(data: bytes, tag: int, doing: str) -> bytes:
    """The content of an elementary file with an application tag; bare content (no such tag) is returned as it is."""
    if len(data) > MAXIMUM_OBJECT_BYTES:
        raise MalformedData(doing, f"larger than {MAXIMUM_OBJECT_BYTES} bytes")
    refuse_endless_numbers(data, doing)
    with decoding(doing):
        kind, _method, number, _header, content, _trailer = parse_asn1(data, strict=True)
    return bytes(content) if (kind, number) == (1, tag) else data


def children(encoded: bytes, maximum: int = MAXIMUM_CHILDREN) -> tuple[bytes, ...]:
    """The encodings of at most `maximum` values inside a constructed value, byte for byte; call it inside `decoding`.

    What was signed must be taken from here and never from `dump()`: the library re-encodes a value whose length ends in the byte
    80, taking it for one of indefinite length, and then a signature over the bytes that came would fail.
    """
    try:
        return elements(_definite_content(encoded), maximum)
    except (ValueError, IndexError):
        return _any_children(encoded, maximum)


def _definite_content(encoded: bytes) -> bytes:
    """The content of one constructed value in the form that DER prescribes; ValueError or IndexError for any other."""
    length, head = encoded[1], 2
    if length > _LONG_LENGTH:
        head += length - _LONG_LENGTH
        length = int.from_bytes(encoded[2:head], "big")
    constructed = encoded[0] & _CONSTRUCTED and encoded[0] & _LONG_TAG != _LONG_TAG and encoded[1] != _LONG_LENGTH
    if not constructed or head + length != len(encoded):
        raise ValueError("another form")
    return encoded[head:]


def _any_children(encoded: bytes, maximum: int) -> tuple[bytes, ...]:
    """As `children`, for every form that BER allows, lengths that are found by looking for the end among them."""
    _kind, method, _number, _header, content, _trailer = parse_asn1(encoded, strict=True)
    if method != 1:
        raise ValueError("not a constructed value")
    found: list[bytes] = []
    rest = bytes(content)
    while rest:
        if len(found) == maximum:
            raise ValueError("too many values inside a value")
        size = peek(rest)
        found.append(rest[:size])
        rest = rest[size:]
    return tuple(found)


def elements(content: bytes, maximum: int) -> tuple[bytes, ...]:
    """The encodings of at most `maximum` values that stand side by side in a long content; call it inside `decoding`.

    For lists of thousands: it walks lengths in place. Only definite lengths and one-byte tags, as in every list of DER.
    """
    found: list[bytes] = []
    place, whole = 0, len(content)
    while place < whole:
        length, head = content[place + 1], place + 2
        if length >= _LONG_LENGTH:
            following = length - _LONG_LENGTH
            if not 1 <= following <= _MAXIMUM_LENGTH_BYTES:
                raise ValueError("a length of no definite form")
            length, head = int.from_bytes(content[head : head + following], "big"), head + following
        end = head + length
        if content[place] & _LONG_TAG == _LONG_TAG or end > whole or len(found) == maximum:
            raise ValueError("a list that does not hold together, or too long a one")
        found.append(content[place:end])
        place = end
    return tuple(found)


class _DataGroupNumber(core.Integer):  # type: ignore[misc]  # the library has no types
    """1…16."""


class DataGroupHash(core.Sequence):  # type: ignore[misc]  # the library has no types
    """One hash of the LDS security object."""

    _fields = [("number", _DataGroupNumber), ("hash_value", core.OctetString)]  # noqa: RUF012 - – the library's convention


class DataGroupHashes(core.SequenceOf):  # type: ignore[misc]  # the library has no types
    """All hashes of the LDS security object."""

    _child_spec = DataGroupHash


class LdsVersionInfo(core.Sequence):  # type: ignore[misc]  # the library has no types
    """Version of the logical data structure, present from version 1 of the object on."""

    _fields = [("lds_version", core.PrintableString), ("unicode_version", core.PrintableString)]  # noqa: RUF012 - – convention


class LdsSecurityObject(core.Sequence):  # type: ignore[misc]  # the library has no types
    """What an EF.SOD signs (Doc 9303-10 §4.6.2.3)."""

    _fields = [  # noqa: RUF012 - – the library's convention
        ("version", core.Integer),
        ("hash_algorithm", algos.DigestAlgorithm),
        ("hashes", DataGroupHashes),
        ("version_info", LdsVersionInfo, {"optional": True}),
    ]


class _Certificates(core.SetOf):  # type: ignore[misc]  # the library has no types
    _child_spec = core.Any


class CscaMasterList(core.Sequence):  # type: ignore[misc]  # the library has no types
    """What a master list signs (Doc 9303-12 §9.1)."""

    _fields = [("version", core.Integer), ("certificates", _Certificates)]  # noqa: RUF012 - – the library's convention


class PrivateKeyUsagePeriod(core.Sequence):  # type: ignore[misc]  # the library has no types
    """When a signer may sign, which is shorter than its certificate is valid (RFC 3280 §4.2.1.4)."""

    _fields = [  # noqa: RUF012 - – the library's convention
        ("not_before", core.GeneralizedTime, {"implicit": 0, "optional": True}),
        ("not_after", core.GeneralizedTime, {"implicit": 1, "optional": True}),
    ]


class _DocumentTypes(core.SetOf):  # type: ignore[misc]  # the library has no types
    _child_spec = core.PrintableString


class DocumentTypeList(core.Sequence):  # type: ignore[misc]  # the library has no types
    """Which document codes a signer may sign (Doc 9303-12 §7.1.1.6)."""

    _fields = [("version", core.Integer), ("types", _DocumentTypes)]  # noqa: RUF012 - – the library's convention
