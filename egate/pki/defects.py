"""Defect lists (BSI TR-03129-2 §7, TR-03135-1 §5.8.2): what a national authority knows to be wrong with documents of any State.

Rule: a list takes trust away, casts doubt, or explains a failure; it repairs nothing. TR-03135-1 would have some defects healed
(a certificate replaced, a signature taken as valid). That would make a list a second trust anchor beside the States' own keys, so
replacements are read over and never used, and nothing here turns a finding into a better one.

Documents are selected by their document signer's certificate alone. A list is read once into an index by signer; the defects of
entries that say the same are read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from types import MappingProxyType

from egate.model.errors import MalformedData
from egate.pki.asn1 import children, core, decoding, elements
from egate.pki.certificate import Certificate
from egate.pki.cms import SignedData
from egate.pki.keys import HASHES, digest

DEFECT_LIST_CONTENT = "0.4.0.127.0.7.3.1.5"
"""Content type of a defect list, and the root of the types of defects."""

MAXIMUM_DEFECTS = 100_000
"""Entries in one list: one for each document signer, of which the ICAO PKD has 35,000."""

_DOING = "reading a defect list"
_INTEGER, _OCTETS, _OID, _ENUMERATED, _UTF8, _PRINTABLE = 0x02, 0x04, 0x06, 0x0A, 0x0C, 0x13
_SEQUENCE, _SET, _CONTEXT_0, _KEY_IDENTIFIER = 0x30, 0x31, 0xA0, 0x80
_DESCRIPTIONS = (0x81, 0xA1)
_LONG_LENGTH = 0x80
_VERSIONS = (0, 1)
_MOST_PARTS = 4
_SHARED_CODES = 32
"""Status codes from here on are the authority's own."""


class DefectType(Enum):
    """What is wrong, by the object identifiers below that of the list (TR-03129-2 §7.3)."""

    SIGNER_REVOKED = "1.1"
    SIGNER_REPLACED = "1.2"
    CHIP_AUTHENTICATION_KEY_COMPROMISED = "1.3"
    ACTIVE_AUTHENTICATION_KEY_COMPROMISED = "1.4"
    AUTHENTICATION_PROTOCOL_FAILURE = "1.5"
    VALIDITY_PERIOD_INCORRECT = "1.6"
    DATA_GROUP_MALFORMED = "2.1"
    SECURITY_OBJECT_INVALID = "2.2"
    FILE_LIST_INCONSISTENT = "2.3"
    SIGNER_IDENTIFIER_WRONG = "2.4"
    ISSUING_COUNTRY_WRONG = "2.5"
    CARD_SECURITY_MALFORMED = "4.1"
    CHIP_SECURITY_MALFORMED = "4.2"
    POWER_DOWN_REQUIRED = "4.3"
    SIGNER_MALFORMED = "4.4"
    UNKNOWN_AUTHENTICATION = "1"
    UNKNOWN_DOCUMENT = "4"
    UNKNOWN = ""


_T = DefectType
_CASTING_DOUBT = frozenset({_T.VALIDITY_PERIOD_INCORRECT, _T.SIGNER_MALFORMED, _T.UNKNOWN_AUTHENTICATION, _T.UNKNOWN_DOCUMENT})
"""With these the chain is undetermined at best (TR-03135-1 §5.8.2.1.6, §5.8.2.3.4). A defect of the document of a kind that we do
not know keeps its chip from being used (TR-03129-2 §7.3.3), and one of the keys is no reason to believe them."""

_INVESTIGATED = frozenset({1, 5})
"""Status codes of a revocation that leave it open (TR-03135-1 table 5.54), beside the authority's own."""


@dataclass(frozen=True, slots=True)
class KnownDefect:
    """One thing that is wrong: its kind, the status code that its parameter gives, data group numbers, a corrected country.

    Empty `groups` mean any; for an inconsistent file list they are the data groups that only one of EF.COM and EF.SOD names.
    """

    kind: DefectType
    status: int = 0
    groups: frozenset[int] = frozenset()
    country: str = ""

    @property
    def revokes(self) -> bool:
        """Whether the document signer is not trusted any more; a status code that no table has counts so too."""
        return self.kind is _T.SIGNER_REVOKED and not self._is_open

    @property
    def casts_doubt(self) -> bool:
        """Whether no success should rest on the document signer, though it is not revoked."""
        return self.kind in _CASTING_DOUBT or (self.kind is _T.SIGNER_REVOKED and self._is_open)

    @property
    def _is_open(self) -> bool:
        return self.status in _INVESTIGATED or self.status >= _SHARED_CODES


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is wrong with the documents of a signer; with `certificate_hash` only if his certificate has it."""

    defects: tuple[KnownDefect, ...]
    certificate_hash: bytes | None


@dataclass(frozen=True, slots=True)
class DefectList:
    """A verified defect list of one authority, by its country. `der` is the whole signed list, to read it again from."""

    country: str
    signed: date | None
    der: bytes = field(repr=False)
    hash_oid: str = ""
    count: int = 0
    by_signer: Mapping[tuple[str, bytes], tuple[_Entry, ...]] = field(repr=False, default_factory=lambda: MappingProxyType({}))

    def is_older_than(self, other: DefectList) -> bool:
        """Whether this list was signed before `other`; one without a time of signing is older than one with it."""
        return (self.signed or date.min) < (other.signed or date.min)

    def about(self, signer: Certificate) -> tuple[KnownDefect, ...]:
        """Everything that the authority published about the documents of a signer; every selector that is there must name him."""
        hashed = digest(self.hash_oid, signer.der)
        serial_number = bytes(core.Integer(signer.serial_number).dump())
        names = [("name", signer.issuer + serial_number), ("digest", hashed)]
        if signer.subject_key_identifier:
            names.append(("key", signer.subject_key_identifier))
        entries = [entry for name in names for entry in self.by_signer.get(name, ())]
        named = [entry for entry in entries if entry.certificate_hash in (None, hashed)]
        return tuple(dict.fromkeys(defect for entry in named for defect in entry.defects))


def parse_defect_list(der: bytes, signed: SignedData, country: str) -> DefectList:
    """The list in signed data that was verified, for the authority that signed it. Raises MalformedData.

    Nothing is verified here: `TrustStore.with_defects` does that first, and a protected cache stores what it verified.
    """
    if signed.content_type != DEFECT_LIST_CONTENT:
        raise MalformedData(_DOING, "the signed content is no defect list")
    with decoding(_DOING):
        version, hash_function, defects = _tagged(signed.content, _SEQUENCE, _INTEGER, _OID, _SET)
        number, hash_oid = int(core.Integer.load(version, strict=True).native), _oid(hash_function)
        if number not in _VERSIONS or hash_oid not in HASHES:
            raise ValueError("a version or a hash function that is not accepted")
        entries = elements(_contents(defects), MAXIMUM_DEFECTS)
        index = _index(entries, has_descriptions=number == _VERSIONS[1])
    times = [signer.signing_time for signer in signed.signers if signer.signing_time is not None]
    return DefectList(country, max(times).date() if times else None, der, hash_oid, len(entries), index)


def _index(entries: tuple[bytes, ...], *, has_descriptions: bool) -> Mapping[tuple[str, bytes], tuple[_Entry, ...]]:
    found: dict[tuple[str, bytes], list[_Entry]] = {}
    known: dict[bytes, tuple[KnownDefect, ...]] = {}
    for encoded in entries:
        parts = list(elements(_contents(encoded, _SEQUENCE), _MOST_PARTS))
        if has_descriptions and parts[-1][0] == _UTF8:
            parts.pop()
        defects = parts.pop()
        if defects not in known:
            known[defects] = tuple(_known_defect(entry) for entry in children(_expect(defects, _SET)))
        name, hashed = _selectors(parts)
        found.setdefault(name, []).append(_Entry(known[defects], hashed))
    return MappingProxyType({name: tuple(group) for name, group in found.items()})


def _selectors(parts: list[bytes]) -> tuple[tuple[str, bytes], bytes | None]:
    """Who is meant: the name to find him by, and the hash that his certificate must have. Nobody in particular is an error."""
    hashed = _contents(parts.pop()) if parts and parts[-1][0] == _OCTETS else None
    if not parts and hashed:
        return ("digest", hashed), hashed
    (identifier,) = parts
    if identifier[0] == _SEQUENCE:
        issuer, serial_number = elements(_contents(identifier), 2)
        return ("name", _expect(issuer, _SEQUENCE) + _expect(serial_number, _INTEGER)), hashed
    tagged_around = identifier[0] == _CONTEXT_0
    key = _contents(_contents(identifier), _OCTETS) if tagged_around else _contents(identifier, _KEY_IDENTIFIER)
    if not key:
        raise ValueError("a signer without a name")
    return ("key", key), hashed


def _known_defect(encoded: bytes) -> KnownDefect:
    """A KnownDefect, or one of version 2 in [0], whose description is for people and not taken over."""
    second = encoded[0] == _CONTEXT_0
    if second:
        content = _contents(encoded)
        content = _contents(content) if content[:1] == bytes([_SEQUENCE]) else content
    else:
        content = _contents(encoded, _SEQUENCE)
    kind, *parameters = elements(content, 3)
    if second:
        parameters = [_contents(part) for part in parameters if _expect_one_of(part, _CONTEXT_0, *_DESCRIPTIONS) == _CONTEXT_0]
    if len(parameters) > 1:
        raise ValueError("a defect with more than one parameter")
    return _with_parameter(_type_of(_oid(kind)), parameters[0] if parameters else None)


def _type_of(oid: str) -> DefectType:
    """The type by its object identifier; of one that we do not know, the category, where that says something."""
    root, _, below = oid.partition(f"{DEFECT_LIST_CONTENT}.")
    if root:
        return _T.UNKNOWN
    category = below.partition(".")[0]
    known = {kind.value: kind for kind in DefectType}
    return known.get(below) or (known[category] if category in ("1", "4") else _T.UNKNOWN)


_WITH_STATUS = frozenset(
    {_T.SIGNER_REVOKED, _T.AUTHENTICATION_PROTOCOL_FAILURE, _T.VALIDITY_PERIOD_INCORRECT, _T.SIGNER_MALFORMED}
)
_REPLACEMENTS = MappingProxyType({_T.SIGNER_REPLACED: _OCTETS, _T.CARD_SECURITY_MALFORMED: _SEQUENCE})


def _with_parameter(kind: DefectType, value: bytes | None) -> KnownDefect:
    """A defect with its parameter; a type that must have one and has none, or another one, is malformed."""
    if kind in _WITH_STATUS or (kind is _T.SECURITY_OBJECT_INVALID and value is not None):
        return KnownDefect(kind, status=_number(value, _ENUMERATED))
    if kind in _REPLACEMENTS:
        _expect(value or b"", _REPLACEMENTS[kind])
    elif kind is _T.DATA_GROUP_MALFORMED:
        return KnownDefect(kind, groups=_numbers(value))
    elif kind is _T.FILE_LIST_INCONSISTENT and value is not None:
        in_com, in_sod = _tagged(value, _SEQUENCE, _SET, _SET)
        return KnownDefect(kind, groups=_numbers(in_com) ^ _numbers(in_sod))
    elif kind is _T.SIGNER_IDENTIFIER_WRONG:
        _selectors([value or b""])
    elif kind is _T.ISSUING_COUNTRY_WRONG:
        return KnownDefect(kind, country=_contents(value or b"", _PRINTABLE).decode("ascii").strip().upper())
    return KnownDefect(kind)


def _numbers(value: bytes | None) -> frozenset[int]:
    return frozenset(_number(entry, _INTEGER) for entry in children(_expect(value or b"", _SET)))


def _number(value: bytes | None, tag: int) -> int:
    return int.from_bytes(_contents(value or b"", tag), "big", signed=True)


def _oid(encoded: bytes) -> str:
    return str(core.ObjectIdentifier.load(_expect(encoded, _OID), strict=True).dotted)


def _tagged(encoded: bytes, tag: int, *inside: int) -> tuple[bytes, ...]:
    """The values inside one value, which must have exactly these tags."""
    found = elements(_contents(encoded, tag), len(inside))
    return tuple(_expect(value, wanted) for value, wanted in zip(found, inside, strict=True))


def _expect(encoded: bytes, tag: int) -> bytes:
    _expect_one_of(encoded, tag)
    return encoded


def _expect_one_of(encoded: bytes, *tags: int) -> int:
    if encoded[0] not in tags:
        raise ValueError("another type of value")
    return encoded[0]


def _contents(encoded: bytes, tag: int | None = None) -> bytes:
    """The content of one value with a one-byte tag and a definite length, of the type `tag` where that is given."""
    length, head = encoded[1], 2
    if length >= _LONG_LENGTH:
        head += length - _LONG_LENGTH
        length = int.from_bytes(encoded[2:head], "big")
    if head + length != len(encoded) or (tag is not None and encoded[0] != tag):
        raise ValueError("a value of another length or type")
    return encoded[head:]
