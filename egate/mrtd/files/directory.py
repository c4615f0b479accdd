"""EF.DIR: which applications a chip says it has.

Sources: ICAO Doc 9303-10 §3.11.2, ISO/IEC 7816-4 §12.2.3. Rule: a hint, unsigned and optional: the eMRTD application is
selected by its identifier whatever stands here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import encode_tlv, parse_padded_tlvs, parse_tlvs

MAX_DIR_BYTES = 4096
"""A record has some 20 bytes; more than a chip with every application of Doc 9303 needs."""
MAX_APPLICATIONS = 32
"""Doc 9303 knows four."""
MAX_IDENTIFIER_BYTES = 16
"""ISO/IEC 7816-4 §12.2.3: five to sixteen bytes; shorter ones are seen."""

EMRTD_APPLICATION = bytes.fromhex("A0000002471001")
"""The application of an electronic travel document (Doc 9303-10 §3.2)."""

_DOING = "parsing EF.DIR"
_TEMPLATE, _IDENTIFIER, _LABEL = 0x61, 0x4F, 0x50


@dataclass(frozen=True, slots=True)
class Application:
    """One application: its identifier, and its label where there is one."""

    identifier: bytes
    label: str = ""


def parse_dir(data: bytes) -> tuple[Application, ...]:
    """EF.DIR, the whole file; raises MalformedData."""
    if len(data) > MAX_DIR_BYTES:
        raise MalformedData(_DOING, "the file is larger than its limit")
    templates = [item.value for item in parse_padded_tlvs(data, _DOING) if item.tag == _TEMPLATE]
    if len(templates) > MAX_APPLICATIONS:
        raise MalformedData(_DOING, "too many applications")
    return tuple(_application(template) for template in templates)


def _application(template: bytes) -> Application:
    values = {item.tag: item.value for item in reversed(parse_tlvs(template, _DOING))}
    identifier = values.get(_IDENTIFIER, b"")
    if not 1 <= len(identifier) <= MAX_IDENTIFIER_BYTES:
        raise MalformedData(_DOING, "an application without a usable identifier")
    label = values.get(_LABEL, b"")[:64].decode("utf-8", "replace")
    return Application(identifier, "".join(letter for letter in label if letter.isprintable()))


def encode_dir(applications: Iterable[Application]) -> bytes:
    """EF.DIR with one template for each application."""
    return b"".join(encode_tlv(_TEMPLATE, _encode_application(application)) for application in applications)


def _encode_application(application: Application) -> bytes:
    label = encode_tlv(_LABEL, application.label.encode()) if application.label else b""
    return encode_tlv(_IDENTIFIER, application.identifier) + label
