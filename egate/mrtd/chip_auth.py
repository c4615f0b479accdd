"""Chip authentication, version 1, by ECDH: proof that the chip holds the private key that DG14 announces.

Source: ICAO Doc 9303-11 §6.2, BSI TR-03110-1 §3.4. Rule: the commands run inside the session there is; afterwards a new session
begins under new keys. The chip has proved nothing until it has answered under them: whoever runs this must see one more
protected response before calling it done. DG14 must also be covered by the signed security object, which `egate.pki` verifies.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from egate.model.errors import ChipError
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import CurveAgreement, Entropy, new_key_pair
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.files.security_infos import (
    ECDH_GENERIC,
    ChipAuthenticationInfo,
    ChipAuthenticationKey,
    SecurityInfos,
    chip_authentication_oid,
    encode_oid,
)
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import session_keys
from egate.mrtd.secure_messaging import SecureMessaging

_DOING = "chip authentication"


@dataclass(frozen=True, slots=True)
class ChipAuthenticationWay:
    """One way that can be run: object identifier, cipher, the chip's key, and the key's number where there are several."""

    oid: str
    suite: CipherSuite
    curve: Curve
    point: Point
    key_id: int | None


def choose_chip_authentication(infos: SecurityInfos) -> ChipAuthenticationWay | None:
    """The strongest way that this reader speaks; None when DG14 offers none.

    A key without a ChipAuthenticationInfo means 3DES (TR-03110-1 §3.4 of its first version, kept by issued documents).
    """
    ways = [way for key in infos.chip_authentication_keys for way in _ways_with(key, infos.chip_authentication)]
    return max(ways, key=lambda way: (way.oid, way.curve.p.bit_length()), default=None)


def _ways_with(key: ChipAuthenticationKey, infos: tuple[ChipAuthenticationInfo, ...]) -> list[ChipAuthenticationWay]:
    if key.curve is None or key.point is None:
        return []
    implied = (ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.DES3), 1, key.key_id),)
    return [
        ChipAuthenticationWay(info.oid, info.suite, key.curve, key.point, key.key_id)
        for info in infos or implied
        if info.agreement == ECDH_GENERIC and info.suite is not None and info.version == 1 and _same_key(info, key)
    ]


def _same_key(info: ChipAuthenticationInfo, key: ChipAuthenticationKey) -> bool:
    """Whether an info means this key; a side without a number means the only key there is."""
    return info.key_id is None or key.key_id is None or info.key_id == key.key_id


def chip_authentication(way: ChipAuthenticationWay, entropy: Entropy) -> Generator[CommandApdu, ResponseApdu, SecureMessaging]:
    """Send our ephemeral key and return the session that only the genuine chip can follow; raises ChipError."""
    agreement = CurveAgreement(way.curve)
    ephemeral = new_key_pair(agreement, agreement.base, entropy)
    public = agreement.encode(ephemeral.public)
    reference = b"" if way.key_id is None else encode_tlv(0x84, _unsigned(way.key_id))
    steps = _with_key_only(public, reference) if way.suite is CipherSuite.DES3 else _in_two_steps(way.oid, public, reference)
    for command in steps:
        response = yield command
        if not response.ok:
            raise ChipError(_DOING, "the chip refused", response.sw)
    secret = agreement.secret(agreement.multiply(ephemeral.private, way.point))
    return SecureMessaging(session_keys(way.suite, secret))


def _with_key_only(public: bytes, reference: bytes) -> tuple[CommandApdu, ...]:
    """MSE:Set KAT, the form of 3DES (§6.2.4.1)."""
    return (CommandApdu(0x00, 0x22, 0x41, 0xA6, encode_tlv(0x91, public) + reference),)


def _in_two_steps(oid: str, public: bytes, reference: bytes) -> tuple[CommandApdu, ...]:
    """MSE:Set AT and GENERAL AUTHENTICATE, the form of AES (§6.2.4.2)."""
    return (
        CommandApdu(0x00, 0x22, 0x41, 0xA4, encode_tlv(0x80, encode_oid(oid)) + reference),
        CommandApdu(0x00, 0x86, 0x00, 0x00, encode_tlv(0x7C, encode_tlv(0x80, public)), 256),
    )


def _unsigned(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
