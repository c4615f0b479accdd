"""What a key looks like when somebody writes it where only the name of one belongs (L6)."""

from __future__ import annotations

import re

_KEY_TEXT = re.compile(r"(?:0x)?[0-9a-f]{32,}", re.IGNORECASE)
_KEY_SEPARATORS = re.compile(r"[\s:,-]+")


def looks_like_key(value: object) -> bool:
    """Whether a value is what a key looks like: 32 hexadecimal digits or more in one piece or in groups, or a PEM block."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value.bit_length() > 64
    text = _KEY_SEPARATORS.sub("", value) if isinstance(value, str) else ""
    return _KEY_TEXT.fullmatch(text) is not None or "PRIVATEKEY" in text.replace(" ", "")
