"""How a configuration names a key without holding it: `keystore:NAME`, or a PKCS#11 URI (RFC 7512).

Rule: what a reference cannot mean is refused, never guessed. A PIN in the reference is refused too, because then the
configuration would hold a secret: it names the file with the PIN (`pin-source`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from egate.model.errors import MalformedData

STORE_SCHEME, TOKEN_SCHEME = "keystore:", "pkcs11:"

NAME_LIMIT = 64
URI_LIMIT = 1024
"""Characters of a reference; token labels have 32 bytes, paths are short."""

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NAME_LIMIT - 1}}}")
_PATH_WORDS = frozenset({"token", "serial", "manufacturer", "model", "object", "id", "type"})
_QUERY_WORDS = frozenset({"module-path", "pin-source"})
_TYPES = frozenset({"secret-key", "private"})
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class StoreReference:
    """A key in the keystore file, by its name."""

    name: str

    def __str__(self) -> str:
        return f"{STORE_SCHEME}{self.name}"


@dataclass(frozen=True, slots=True)
class TokenReference:
    """A key in a token. Empty words mean any; `module` is the token's library, `pin_file` the file that holds its PIN."""

    module: Path
    token: str = ""
    serial: str = ""
    manufacturer: str = ""
    model: str = ""
    label: str = ""
    identifier: bytes = b""
    pin_file: Path | None = None

    def __str__(self) -> str:
        return f"{TOKEN_SCHEME}token={self.token or self.serial};object={self.label or self.identifier.hex()}"


Reference = StoreReference | TokenReference


def is_reference(text: str) -> bool:
    """Whether a text names a key in a store or a token; anything else may be the path of a key file."""
    return text.startswith((STORE_SCHEME, TOKEN_SCHEME))


def parse_reference(text: str, base: Path) -> Reference:
    """The key that a text names; relative paths in it start from `base`. Raises MalformedData."""
    if len(text) > URI_LIMIT:
        raise _refusal("it is too long")
    if text.startswith(STORE_SCHEME):
        return StoreReference(checked_name(text.removeprefix(STORE_SCHEME)))
    if text.startswith(TOKEN_SCHEME):
        return _token_reference(text.removeprefix(TOKEN_SCHEME), base)
    raise _refusal("it begins with neither keystore: nor pkcs11:")


def checked_name(name: str) -> str:
    """A key's name as a store takes it; raises MalformedData."""
    if not _NAME.fullmatch(name):
        raise _refusal(f"a key's name has 1 to {NAME_LIMIT} letters, digits, dots, dashes and underscores")
    return name


def _token_reference(text: str, base: Path) -> TokenReference:
    path, _, query = text.partition("?")
    words = _attributes(path, ";", _PATH_WORDS)
    asked = _attributes(query, "&", _QUERY_WORDS)
    kind = words.get("type", b"").decode("ascii", "replace")
    if kind and kind not in _TYPES:
        raise _refusal("its type must be secret-key or private")
    if not words.get("token") and not words.get("serial"):
        raise _refusal("it names no token (token=… or serial=…)")
    if not words.get("object") and not words.get("id"):
        raise _refusal("it names no key (object=… or id=…)")
    if not asked.get("module-path"):
        raise _refusal("it names no library (?module-path=/usr/lib/…so)")
    pin = asked.get("pin-source")
    return TokenReference(
        module=base / _text(asked["module-path"]),
        token=_text(words.get("token", b"")),
        serial=_text(words.get("serial", b"")),
        manufacturer=_text(words.get("manufacturer", b"")),
        model=_text(words.get("model", b"")),
        label=_text(words.get("object", b"")),
        identifier=words.get("id", b""),
        pin_file=None if pin is None else base / _text(pin).removeprefix("file:"),
    )


def _attributes(text: str, separator: str, known: frozenset[str]) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise _refusal("it holds a PIN; write the PIN into a file with mode 600 and name it with pin-source=")
        if name not in known or not equals or name in found or _PERCENT.search(value):
            raise _refusal(f"it has an attribute that is unknown, doubled or broken; known are {', '.join(sorted(known))}")
        found[name] = unquote_to_bytes(value)
    return found


def _text(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if not text.isprintable():
        raise _refusal("it has an attribute that is no text")
    return text


def _refusal(problem: str) -> MalformedData:
    return MalformedData("reading the name of a key", problem)
