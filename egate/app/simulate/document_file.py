"""A simulated document in one file: CBOR with everything that a chip holds, private keys included, as the docs describe it.

Rule: the file is foreign input when it is opened: its size, its form and every value are looked at before they are used. It holds
keys of invented documents only, so it is protected no more than any test data.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from drivers.sim.passport.chip_active import ActiveStyle
from drivers.sim.passport.chip_options import ChipOptions
from drivers.sim.passport.personalisation import ActiveKey, AgreementKey, ChipPersonalisation
from egate.app.config import ConfigError
from egate.app.simulate.making import SimulatedDocument
from egate.app.simulate.recipe_keys import DOMAINS
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import agreement_by_id
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.quirks import Quirk

FORMAT = "egate-simulated-document"
VERSION = 1
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
SUFFIX = ".document"


def encode_document(document: SimulatedDocument) -> bytes:
    """The file of a document."""
    chip, options = document.personalisation, document.options
    return cbor2.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "lines": list(document.lines),
            "defect": document.defect,
            "trust_points": list(document.trust_points),
            "made_on": document.made_on.isoformat(),
            "files": {file.name: data for file, data in chip.files.items()},
            "pace": chip.supports_pace,
            "bac": chip.supports_bac,
            "static_keys": [_agreement_map(key) for key in chip.static_keys],
            "active_key": _private_bytes(chip.active_authentication_key),
            "options": _options_map(options),
        },
        canonical=True,
    )


def _agreement_map(key: AgreementKey) -> dict[str, Any]:
    size = (key.private.bit_length() + 7) // 8
    return {"domain": key.agreement.name, "private": key.private.to_bytes(size, "big"), "key_id": key.key_id}


def _private_bytes(key: ActiveKey | None) -> bytes:
    if key is None:
        return b""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _options_map(options: ChipOptions) -> dict[str, Any]:
    style = options.active_style
    return {
        "card_access_number": options.card_access_number,
        "quirks": sorted(quirk.value for quirk in options.quirks),
        "largest_read": options.largest_read,
        "short_blocks": options.short_blocks,
        "unnamed_parameters": options.unnamed_parameters,
        "strict_lengths": options.strict_lengths,
        "active_digest": style.digest,
        "active_der": style.der,
        "active_long_trailer": style.long_trailer,
    }


def read_document(path: Path) -> SimulatedDocument:
    """The document in a file; raises ConfigError when it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; `egate document make` makes one") from None
    return parse_document(data, path.name)


def parse_document(data: bytes, name: str = "document") -> SimulatedDocument:
    """The document of its bytes; raises ConfigError."""
    try:
        if len(data) > MAX_DOCUMENT_BYTES:
            raise ValueError("too large")
        content = cbor2.loads(data)
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise ValueError("another format")
        return _document(content)
    except (
        MalformedData,
        cbor2.CBORError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ConfigError(f"{name} is no simulated document of version {VERSION} ({type(error).__name__})") from None


def _document(content: Mapping[str, Any]) -> SimulatedDocument:
    lines = tuple(str(line) for line in content["lines"])
    files = {ElementaryFile[name]: bytes(data) for name, data in content["files"].items()}
    chip = ChipPersonalisation(
        parse_mrz(lines).information,
        files,
        None,
        bool(content["pace"]),
        bool(content["bac"]),
        _active_key(bytes(content["active_key"])),
        tuple(_static_key(entry) for entry in content["static_keys"]),
    )
    points = tuple(bytes(point) for point in content["trust_points"])
    made_on = date.fromisoformat(content["made_on"])
    return SimulatedDocument(lines, chip, _options(content["options"]), str(content["defect"]), points, made_on)


def _static_key(entry: Mapping[str, Any]) -> AgreementKey:
    agreement = agreement_by_id(DOMAINS[entry["domain"]])
    if agreement is None:
        raise ValueError("unknown domain parameters")
    number = entry["key_id"]
    return AgreementKey(agreement, int.from_bytes(entry["private"], "big"), None if number is None else int(number))


def _active_key(data: bytes) -> ActiveKey | None:
    if not data:
        return None
    key = load_der_private_key(data, None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("a key of another kind")
    return key


def _options(content: Mapping[str, Any]) -> ChipOptions:
    return ChipOptions(
        card_access_number=str(content["card_access_number"]),
        quirks=frozenset(Quirk(word) for word in content["quirks"]),
        largest_read=int(content["largest_read"]),
        short_blocks=int(content["short_blocks"]),
        unnamed_parameters=int(content["unnamed_parameters"]),
        strict_lengths=bool(content["strict_lengths"]),
        active_style=ActiveStyle(
            str(content["active_digest"]), bool(content["active_der"]), bool(content["active_long_trailer"])
        ),
    )
