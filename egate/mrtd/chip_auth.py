"""Chip authentication, version 1, by ECDH or DH: proof that the chip holds the private key that DG14 announces.

Source: ICAO Doc 9303-11 §6.2, BSI TR-03110-1 §3.4. Rule: the commands run inside the session there is; afterwards a new session
begins under new keys. The chip has proved nothing until it has answered under them: whoever runs this must see one more
protected response before calling it done. DG14 must also be covered by the signed security object, which `egate.pki` verifies.

What issued documents do otherwise: a key without an info means 3DES (France; gmrtd #9), and so do infos whose object identifiers
name no way of version 1, where there is exactly one key (gmrtd #161, jllarraz #15): then nothing else can be meant.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import MAX_EXTENDED_BYTES, MAX_SHORT_DATA_BYTES, MAX_SHORT_LE, SW_OK, CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import CurveAgreement, Entropy, new_key_pair
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import Group
from egate.mrtd.crypto.ec import Curve
from egate.mrtd.crypto.soundness import ExplicitParameters, Parameters, sound_agreement
from egate.mrtd.files.security_infos import (
    DH_GENERIC,
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
    parameters: Parameters
    public: bytes = field(repr=False)
    key_id: int | None = None

    @property
    def variant(self) -> str:
        """The way in words, e.g. `ecdh-aes-128-brainpoolP256r1` or `dh-3des-modp2048_224`."""
        return f"{'ecdh' if isinstance(self.curve, Curve) else 'dh'}-{self.suite.word}-{self.curve.name}"

    @property
    def curve(self) -> Curve | Group:
        """The curve or the group of the key."""
        return _curve_or_group(self.parameters)


def _curve_or_group(parameters: Parameters) -> Curve | Group:
    if isinstance(parameters, ExplicitParameters):
        return parameters.parameters
    return parameters.curve if isinstance(parameters, CurveAgreement) else parameters.group


def choose_chip_authentication(infos: SecurityInfos, *, own_parameters: bool = True) -> ChipAuthenticationWay | None:
    """The strongest way that this reader speaks; None when DG14 offers none.

    A curve comes before a group, then the longest key of the cipher counts, then the size of the parameters. Without
    `own_parameters` keys over parameters that the chip spells out, and nobody standardised, are passed over.
    """
    keys = [key for key in infos.chip_authentication_keys if own_parameters or not _spelled_out(key)]
    ways = [way for key in keys for way in _ways_with(key, infos.chip_authentication)]
    if not ways and len(infos.chip_authentication_keys) == len(keys) == 1:
        ways = _ways_with(keys[0], ())
    return max(ways, key=lambda way: (way.oid, way.curve.p.bit_length()), default=None)


def _spelled_out(key: ChipAuthenticationKey) -> bool:
    return key.public is not None and isinstance(key.public.parameters, ExplicitParameters)


def _ways_with(key: ChipAuthenticationKey, infos: tuple[ChipAuthenticationInfo, ...]) -> list[ChipAuthenticationWay]:
    if key.public is None:
        return []
    agreement = ECDH_GENERIC if isinstance(_curve_or_group(key.public.parameters), Curve) else DH_GENERIC
    implied = (ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.DES3, agreement), 1, key.key_id),)
    return [
        ChipAuthenticationWay(info.oid, info.suite, key.public.parameters, key.public.encoded, key.key_id)
        for info in infos or implied
        if info.agreement == agreement and info.suite is not None and info.version == 1 and _same_key(info, key)
    ]


def _same_key(info: ChipAuthenticationInfo, key: ChipAuthenticationKey) -> bool:
    """Whether an info means this key; a side without a number means the only key there is."""
    return info.key_id is None or key.key_id is None or info.key_id == key.key_id


def judged(way: ChipAuthenticationWay) -> ChipAuthenticationWay:
    """The same way over parameters that are known to be sound; raises ChipError (9000) when they must not be computed with."""
    try:
        return replace(way, parameters=sound_agreement(way.parameters))
    except MalformedData as error:
        raise ChipError(_DOING, f"the chip's key is of no use: {error.problem}", SW_OK) from None


def chip_authentication(way: ChipAuthenticationWay, entropy: Entropy) -> Generator[CommandApdu, ResponseApdu, SecureMessaging]:
    """Send our ephemeral key and return the session that only the genuine chip can follow.

    Raises ChipError: the chip's refusal, or 9000 when its key or its parameters are not fit to be computed with. Those are judged
    before anything is sent.
    """
    agreement: Any = judged(way).parameters
    try:
        chip_public = agreement.decode(way.public)
        ephemeral = new_key_pair(agreement, agreement.base, entropy)
        secret = agreement.secret(agreement.multiply(ephemeral.private, chip_public, entropy))
    except MalformedData as error:
        raise ChipError(_DOING, f"the chip's key is of no use: {error.problem}", SW_OK) from None
    public = agreement.encode(ephemeral.public)
    reference = b"" if way.key_id is None else encode_tlv(0x84, _unsigned(way.key_id))
    steps = _with_key_only(public, reference) if way.suite is CipherSuite.DES3 else _in_two_steps(way.oid, public, reference)
    for command in steps:
        response = yield command
        if not response.ok:
            raise ChipError(_DOING, "the chip refused", response.sw)
    return SecureMessaging(session_keys(way.suite, secret))


def _with_key_only(public: bytes, reference: bytes) -> tuple[CommandApdu, ...]:
    """MSE:Set KAT, the form of 3DES (§6.2.4.1)."""
    return (CommandApdu(0x00, 0x22, 0x41, 0xA6, encode_tlv(0x91, public) + reference),)


def _in_two_steps(oid: str, public: bytes, reference: bytes) -> tuple[CommandApdu, ...]:
    """MSE:Set AT and GENERAL AUTHENTICATE, the form of AES (§6.2.4.2)."""
    data = encode_tlv(0x7C, encode_tlv(0x80, public))
    expected = MAX_SHORT_LE if len(data) <= MAX_SHORT_DATA_BYTES else MAX_EXTENDED_BYTES
    return (
        CommandApdu(0x00, 0x22, 0x41, 0xA4, encode_tlv(0x80, encode_oid(oid)) + reference),
        CommandApdu(0x00, 0x86, 0x00, 0x00, data, expected),
    )


def _unsigned(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
