"""Deviation lists (Doc 9303-12 §10, Doc 9303-3 §7.3): what a State published about documents that it made wrong.

Rule: a list explains a failure and repairs nothing, so nothing here turns a finding into a better one. The selectors of one entry
are joined by AND, and an entry without any selects nothing: a State cannot mean all of its documents.

A list may name hundreds of thousands of documents. The numbers are cut out of the list in place and kept as a set.
BSI's defect lists (TR-03129-2) have the same idea, other types and a selector by document signer only: `egate.pki.defects`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import Enum
from operator import itemgetter
from struct import iter_unpack
from typing import Any

from egate.model.errors import MalformedData
from egate.pki.asn1 import children, core, decoding, elements
from egate.pki.certificate import Certificate
from egate.pki.cms import SignedData
from egate.pki.keys import HASHES, digest

DEVIATION_LIST_CONTENT = "2.23.136.1.1.7"
"""Content type of a deviation list, and the root of the types of deviations."""

MAXIMUM_DEVIATIONS = 1024
"""Entries in one list; the lists that are public have one and two."""

MAXIMUM_DOCUMENT_NUMBERS = 2_000_000
"""Numbers in one list; the longest that is public has 346,275."""

_DOING = "reading a deviation list"
_PRINTABLE, _SEQUENCE, _INTEGER, _SET, _OCTETS, _OID = 0x13, 0x30, 0x02, 0x31, 0x04, 0x06
_CLASS, _CONTEXT, _TAG_NUMBER, _PARAMETERS = 0xC0, 0x80, 0x1F, 0xA0
_LONG_LENGTH, _EMPTY = 0x80, 2
_KINDS = {2: "key", 3: "digest"}


class DeviationType(Enum):
    """What went wrong, by the object identifiers below that of the list (Doc 9303-12 §10.2)."""

    CERTIFICATE_OR_KEY = "1"
    SIGNER_SIGNATURE = "1.1"
    SIGNER_ENCODING = "1.2"
    CSCA_ENCODING = "1.3"
    ACTIVE_AUTHENTICATION_KEY_COMPROMISED = "1.4"
    LDS = "2"
    DATA_GROUP_MALFORMED = "2.1"
    DATA_GROUP_HASH_WRONG = "2.2"
    SECURITY_OBJECT_SIGNATURE_WRONG = "2.3"
    FILE_LIST_INCONSISTENT = "2.4"
    MRZ = "3"
    MRZ_DATA_WRONG = "3.1"
    MRZ_CHECK_DIGIT_WRONG = "3.2"
    CHIP = "4"
    NATIONAL_USE = "5"
    UNKNOWN = ""


CASTING_DOUBT = frozenset({DeviationType.CERTIFICATE_OR_KEY, DeviationType.ACTIVE_AUTHENTICATION_KEY_COMPROMISED})
"""What makes a success worth less; all other deviations explain failures."""

_TYPES = {f"{DEVIATION_LIST_CONTENT}.{kind.value}": kind for kind in DeviationType if kind.value}


@dataclass(frozen=True, slots=True)
class DeviationDescription:
    """One thing that is wrong; `parameter` is the number of a data group (20 EF.SOD, 21 EF.COM) or of an MRZ field, if any."""

    kind: DeviationType
    parameter: int | None = None


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a document can be selected by: its printed code and number, its signer, and its date of issue if that is known."""

    document_code: str
    document_number: str = field(repr=False)
    signer: Certificate | None
    date_of_issue: date | None


@dataclass(frozen=True, slots=True)
class Deviation:
    """One entry: which documents, and what is wrong with them. Selectors that are not there are None."""

    descriptions: tuple[DeviationDescription, ...]
    document_type: str | None = None
    signer_identifier: tuple[str, bytes] | None = field(repr=False, default=None)
    issued: tuple[date, date] | None = None
    document_numbers: frozenset[bytes] | None = field(repr=False, default=None)

    def selects(self, document: DocumentFacts, hash_oid: str) -> bool:
        """Whether every selector that is there names this document; an unknown date of issue is named by no period."""
        named = []
        if self.document_type is not None:
            named.append(document.document_code.startswith(self.document_type))
        if self.signer_identifier is not None:
            named.append(self._names_signer(document.signer, hash_oid))
        if self.issued is not None:
            named.append(self._covers(document.date_of_issue))
        if self.document_numbers is not None:
            named.append(_comparable(document.document_number) in self.document_numbers)
        return bool(named) and all(named)

    def _covers(self, day: date | None) -> bool:
        return day is not None and self.issued is not None and self.issued[0] <= day <= self.issued[1]

    def _names_signer(self, signer: Certificate | None, hash_oid: str) -> bool:
        if signer is None or self.signer_identifier is None:
            return False
        kind, value = self.signer_identifier
        if kind == "key":
            return bool(value) and signer.subject_key_identifier == value
        return value == (digest(hash_oid, signer.der) if kind == "digest" else _issuer_and_serial(signer))


@dataclass(frozen=True, slots=True)
class DeviationList:
    """A verified deviation list of one State. `der` is the whole signed list, from which it can be read again."""

    country: str
    signed: date | None
    der: bytes = field(repr=False)
    hash_oid: str = ""
    entries: tuple[Deviation, ...] = field(repr=False, default=())

    def is_older_than(self, other: DeviationList) -> bool:
        """Whether this list was signed before `other`; one without a time of signing is older than one with it."""
        return (self.signed or date.min) < (other.signed or date.min)

    def about(self, document: DocumentFacts) -> tuple[DeviationDescription, ...]:
        """Everything that the State published about a document.

        Where the date of issue is not known, what casts doubt counts for any: a copy need only keep DG12 to itself.
        """
        return tuple(found for entry in self.entries for found in self._said_by(entry, document))

    def _said_by(self, entry: Deviation, document: DocumentFacts) -> tuple[DeviationDescription, ...]:
        if entry.selects(document, self.hash_oid):
            return entry.descriptions
        if entry.issued is None or document.date_of_issue is not None:
            return ()
        perhaps = entry.selects(replace(document, date_of_issue=entry.issued[0]), self.hash_oid)
        return tuple(found for found in entry.descriptions if found.kind in CASTING_DOUBT) if perhaps else ()


def parse_deviation_list(der: bytes, signed: SignedData, country: str) -> DeviationList:
    """The list in signed data that was verified, for the State that signed it. Raises MalformedData.

    Nothing is verified here: `TrustStore.with_deviations` does that first, and a protected cache stores what it verified.
    """
    if signed.content_type != DEVIATION_LIST_CONTENT:
        raise MalformedData(_DOING, "the signed content is no deviation list")
    with decoding(_DOING):
        parts = [part for part in children(signed.content) if part[0] != _INTEGER]
        # The digest algorithm is optional (a SEQUENCE); the deviations are a SET.
        deviations = next(part for part in parts if part[0] == _SET)
        stated = [str(core.ObjectIdentifier.load(children(part)[0]).dotted) for part in parts if part[0] == _SEQUENCE]
        if not HASHES.keys() >= set(stated):
            raise ValueError("a hash function that is not accepted")
        entries = tuple(_deviation(entry) for entry in elements(_contents(deviations), MAXIMUM_DEVIATIONS))
    times = [signer.signing_time for signer in signed.signers if signer.signing_time is not None]
    return DeviationList(country, max(times).date() if times else None, der, (*stated, signed.signers[0].digest_oid)[0], entries)


def _deviation(encoded: bytes) -> Deviation:
    documents, descriptions = children(encoded)
    found: dict[str, Any] = {"descriptions": tuple(_description(entry) for entry in children(descriptions))}
    for part in children(documents):
        found.update(_selector(part))
    return Deviation(**found)


def _description(encoded: bytes) -> DeviationDescription:
    """The type and its number; the free text is for people and may be any State's, so it is not taken over."""
    kind, parameter = DeviationType.UNKNOWN, None
    for part in children(encoded):
        if part[0] == _OID:
            kind = _TYPES.get(str(core.ObjectIdentifier.load(part).dotted), DeviationType.UNKNOWN)
        elif part[0] == _PARAMETERS:
            (value,) = children(part)
            parameter = int(core.Integer.load(value).native) if value[0] == _INTEGER else None
    return DeviationDescription(kind, parameter)


def _selector(part: bytes) -> dict[str, Any]:
    """One selector of DeviationDocuments, told by its context tag; one that we do not know must not select more documents."""
    number, value = part[0] & _TAG_NUMBER, _contents(part)
    if part[0] & _CLASS != _CONTEXT:
        raise ValueError("a selector without its tag")
    if number == 0:
        kind = _inside(value, _PRINTABLE).decode("ascii").rstrip("< ").upper()
        return {"document_type": kind or "?"}
    if number == 1:
        parts = children(value) if value[0] == _SEQUENCE and _is_whole(value) else elements(value, 2)
        return {"signer_identifier": ("name", _identity(*parts))}
    if number in (2, 3):
        return {"signer_identifier": (_KINDS[number], _inside(value, _OCTETS))}
    if number == 4:
        parts = children(value) if value[0] == _SEQUENCE else elements(value, 2)
        first, last = (_day(entry) for entry in parts)
        return {"issued": (first, last)}
    if number == 5:
        return {"document_numbers": _document_numbers(_inside(value, _SET))}
    raise ValueError("a selector that is not known")


def _is_whole(value: bytes) -> bool:
    """Whether the bytes are one value: an explicit tag around it. Issuer and serial number side by side are two."""
    return len(elements(value, 2)) == 1


def _inside(value: bytes, tag: int) -> bytes:
    """The content where the context tag stands around a universal one; where it stands instead of it, the bytes themselves."""
    if value[:1] == bytes([tag]):
        try:
            (whole,) = elements(value, 1)
        except ValueError:
            return value
        return _contents(whole)
    return value


def _contents(encoded: bytes) -> bytes:
    """The content of one value with a one-byte tag and a definite length."""
    length, head = encoded[1], 2
    if length >= _LONG_LENGTH:
        head += length - _LONG_LENGTH
        length = int.from_bytes(encoded[2:head], "big")
    if head + length != len(encoded):
        raise ValueError("a value of another length")
    return encoded[head:]


def _day(encoded: bytes) -> date:
    moment = core.GeneralizedTime.load(encoded, strict=True).native
    if not isinstance(moment, datetime):
        raise MalformedData(_DOING, "a date outside the calendar")
    return moment.astimezone(UTC).date()


def _document_numbers(content: bytes) -> frozenset[bytes]:
    """The numbers of a SET OF PrintableString. Numbers of one length, as States have them, are cut out without a loop of ours."""
    step = 2 + content[1] if len(content) > 1 else 0
    if step > _EMPTY and content[1] < _LONG_LENGTH and len(content) % step == 0:
        heads = content[::step], content[1::step]
        count = len(content) // step
        if heads == (bytes([_PRINTABLE]) * count, content[1:2] * count) and count <= MAXIMUM_DOCUMENT_NUMBERS:
            values = map(itemgetter(0), iter_unpack(f"2x{step - 2}s", content))
            plain = content == content.upper() and b"<" not in content and b" " not in content
            return frozenset(values) if plain else frozenset(map(_comparable_bytes, values))
    found = elements(content, MAXIMUM_DOCUMENT_NUMBERS)
    if any(entry[0] != _PRINTABLE for entry in found):
        raise ValueError("a document number that is no text")
    return frozenset(_comparable_bytes(_contents(entry)) for entry in found)


def _comparable_bytes(number: bytes) -> bytes:
    return number.rstrip(b"< ").upper() if number[-1:] in (b"<", b" ") or not number.isupper() else number


def _comparable(number: str) -> bytes:
    """A document number as it is compared: without fillers, in upper case."""
    return number.rstrip("< ").upper().encode("ascii", "replace")


def _issuer_and_serial(signer: Certificate) -> bytes:
    return _identity(signer.issuer, bytes(core.Integer(signer.serial_number).dump()))


def _identity(issuer: bytes, serial_number: bytes) -> bytes:
    return issuer + serial_number
