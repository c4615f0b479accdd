"""What a file is: a master, revocation, deviation or defect list, a certificate, or an LDIF of them. Content tells, not the name.

Rule: nothing is trusted here. A file becomes pieces with the name an operator can find them by; what cannot be read becomes a
`Refusal` that says why, and the rest is still handed out.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from egate.model.errors import DeviceError, MalformedData
from egate.pki.certificate import parse_certificate
from egate.pki.cms import parse_signed_data
from egate.pki.defects import DEFECT_LIST_CONTENT
from egate.pki.revocation import parse_revocation_list
from egate.supply.ldif import LdifFault, bounded_lines, read_ldif

MAXIMUM_FILE_BYTES = 512 * 1024 * 1024
"""The whole PKD has 80 MB; it is read as a stream."""

MAXIMUM_BINARY_BYTES = 8 * 1024 * 1024
"""Anything but LDIF is read as a whole; the largest list has 1.1 MB."""

MASTER_LIST, CERTIFICATE, REVOCATION_LIST, DEVIATION_LIST = "master list", "certificate", "revocation list", "deviation list"
DEFECT_LIST = "defect list"

_CONTENTS = {"2.23.136.1.1.2": MASTER_LIST, "2.23.136.1.1.7": DEVIATION_LIST, DEFECT_LIST_CONTENT: DEFECT_LIST}

_LDIF_START = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:\s|#[^\n]*\n)*(?:version:|dn:)", re.IGNORECASE)
_PEM_MARK = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----")

_LDIF_ATTRIBUTES = {
    "pkdmasterlistcontent": MASTER_LIST,
    "cscamasterlistdata": MASTER_LIST,
    "usercertificate": CERTIFICATE,
    "cacertificate": CERTIFICATE,
    "certificaterevocationlist": REVOCATION_LIST,
    "pkddeviationlist": DEVIATION_LIST,
    "pkddeviationlistcontent": DEVIATION_LIST,
}
"""Attributes of the ICAO PKD, older spellings and options (`;binary`) included."""

_PIECE_BYTES = 1024 * 1024
_START_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing found in a file: its kind, where it stood, and its DER."""

    kind: str
    place: str
    der: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was left out, and why, in words for the operator; `country` where it is known."""

    what: str
    why: str
    country: str = ""


def recognise_file(path: Path) -> Iterator[Piece | Refusal]:
    """The pieces of a file; raises DeviceError or MalformedData when it is none of ours as a whole."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size > MAXIMUM_FILE_BYTES:
                raise MalformedData(f"reading {path}", f"it is larger than {MAXIMUM_FILE_BYTES} bytes")
            if _LDIF_START.match(file.peek(_START_BYTES)):
                yield from recognise_ldif(file, path.name)
                return
            data = file.read(MAXIMUM_BINARY_BYTES + 1)
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "it cannot be read") from None
    if len(data) > MAXIMUM_BINARY_BYTES:
        raise MalformedData(f"reading {path}", f"it is no LDIF, and larger than {MAXIMUM_BINARY_BYTES} bytes")
    yield from recognise_data(data, path.name)


def recognise_data(data: bytes, name: str) -> Iterator[Piece | Refusal]:
    """The pieces of DER or PEM."""
    blocks = _pem_blocks(data)
    if not blocks:
        yield Piece(kind_of(data, name), name, data)
    for number, block in enumerate(blocks, start=1):
        place = name if len(blocks) == 1 else f"{name}, block {number}"
        try:
            der = base64.b64decode(b"".join(block.split()), validate=True)
            yield Piece(kind_of(der, place), place, der)
        except (binascii.Error, MalformedData):
            yield Refusal(place, "neither a list, a certificate nor a revocation list")


def _pem_blocks(data: bytes) -> list[bytes]:
    """What stands between a begin and the end of the same name that comes next, in one pass over the marks."""
    found: list[bytes] = []
    name, start = b"", 0
    for mark in _PEM_MARK.finditer(data):
        if mark.group(1) == b"BEGIN":
            name, start = mark.group(2), mark.end()
        elif mark.group(2) == name:
            found.append(data[start : mark.start()])
            name = b""
    return found


def recognise_ldif(file: BinaryIO, name: str) -> Iterator[Piece | Refusal]:
    """The pieces of an LDIF; entries without any of the PKD's attributes (the folders of the directory) are passed over."""
    for entry in read_ldif(bounded_lines(file)):
        place = f"{name}, line {entry.line}"
        if isinstance(entry, LdifFault):
            yield Refusal(f"{place}: {entry.name}" if entry.name else place, entry.problem)
            continue
        for attribute, value in entry.attributes:
            kind = _LDIF_ATTRIBUTES.get(attribute.partition(";")[0])
            if kind is not None:
                yield Piece(kind, f"{place}: {entry.name}", value)


def kind_of(der: bytes, name: str) -> str:
    """What a DER value is; raises MalformedData with what was tried."""
    try:
        content = parse_signed_data(der).content_type
    except MalformedData:
        pass
    else:
        if content in _CONTENTS:
            return _CONTENTS[content]
        raise MalformedData(f"reading {name}", "signed data, but no master list, deviation list or defect list")
    for kind, parse in ((CERTIFICATE, parse_certificate), (REVOCATION_LIST, parse_revocation_list)):
        try:
            parse(der)
        except MalformedData:
            continue
        return kind
    raise MalformedData(
        f"reading {name}",
        "this is no master list, certificate, revocation list, deviation list, defect list (DER or PEM) and no LDIF",
    )


def hash_file(path: Path) -> str:
    """The SHA-256 of a file of any size."""
    context = sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                context.update(piece)
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "it cannot be read") from None
    return context.hexdigest()
