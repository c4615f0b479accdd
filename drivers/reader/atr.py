"""Answers of a contactless chip when it is switched on: answer to select, and the answer to reset that PC/SC makes of it. No I/O.

Sources: ISO/IEC 14443-4 §5.2 (ATS: `TL T0 [TA] [TB] [TC] historical bytes`), PC/SC part 3 §3.1.3.2.3 (ATR of a contactless chip:
`3B 8n 80 01 historical bytes TCK`). A chip's own bytes are opaque here: a malformed answer has no historical bytes, which is no
error, because nothing but a report depends on them.
"""

from __future__ import annotations

MOST_HISTORICAL_BYTES = 15  # four bits of T0 (ISO/IEC 7816-3 §8.2.3)
_INTERFACE_BITS = (0x10, 0x20, 0x40)  # TA, TB, TC of an ATS
_CONTACTLESS_HEAD = bytes.fromhex("8001")  # TD1 and TD2: T=0, T=1


def historical_bytes_of_ats(ats: bytes) -> bytes:
    """The historical bytes of an answer to select with its length byte; empty when there are none or it is malformed."""
    if len(ats) < 2 or ats[0] != len(ats):
        return b""
    return ats[2 + sum(1 for bit in _INTERFACE_BITS if ats[1] & bit) :]


def atr_of_historical_bytes(historical: bytes) -> bytes:
    """The answer to reset that a PC/SC reader makes; historical bytes beyond the 15 that fit are left out."""
    kept = historical[:MOST_HISTORICAL_BYTES]
    body = bytes((0x80 | len(kept),)) + _CONTACTLESS_HEAD + kept
    check = 0
    for byte in body:
        check ^= byte
    return b"\x3b" + body + bytes((check,))


def historical_bytes_of_atr(atr: bytes) -> bytes:
    """The historical bytes of any answer to reset (ISO/IEC 7816-3 §8.2); empty when there are none or it is malformed."""
    if len(atr) < 2 or atr[0] not in (0x3B, 0x3F):
        return b""
    count, following, at = atr[1] & 0x0F, atr[1] >> 4, 2
    while following:
        at += bin(following).count("1")
        if not following & 0x8:
            break
        if at > len(atr):
            return b""
        following = atr[at - 1] >> 4
    return atr[at : at + count] if at + count <= len(atr) else b""
