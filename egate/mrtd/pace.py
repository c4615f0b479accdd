"""PACE with generic mapping: access by a password that a listener cannot guess off-line.

Source: ICAO Doc 9303-11 §4.4, worked examples §G, §H. Rule: a dialogue that yields commands and receives responses; a chip that
refuses (status word) or breaks the protocol (wrong token, element outside the group, our own key sent back) makes it raise
ChipError. `sw` is then the refusal, or 9000 when the chip answered but wrongly.
"""

from __future__ import annotations

import hmac
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeVar

from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import MAX_EXTENDED_BYTES, MAX_SHORT_DATA_BYTES, MAX_SHORT_LE, SW_OK, CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import Agreement, Entropy, KeyPair, agreement_by_id, new_key_pair
from egate.mrtd.crypto.ciphers import CipherSuite, decrypt, mac, pad
from egate.mrtd.files.security_infos import DH_GENERIC, ECDH_GENERIC, PaceInfo, encode_oid
from egate.mrtd.files.tlv import child, encode_tlv, parse_one
from egate.mrtd.keys import SessionKeys, password_key, session_keys
from egate.mrtd.secure_messaging import SecureMessaging

_DOING = "PACE"
_NONCE_BYTES = {CipherSuite.DES3: 16, CipherSuite.AES128: 16, CipherSuite.AES192: 32, CipherSuite.AES256: 32}
"""The nonce fills whole blocks and has at least the length of a key (Doc 9303-11 §4.4.3.2: 16 or, for longer keys, more)."""
_DYNAMIC_DATA = 0x7C
_PARAMETERS_REFUSED = frozenset({0x6A80, 0x6A86, 0x6A87, 0x6A88, 0x6700})
"""Status words by which chips of the field refuse the optional reference to the domain parameters."""

Element = TypeVar("Element")
Dialogue = Generator[CommandApdu, ResponseApdu, SecureMessaging]


@dataclass(frozen=True, slots=True)
class PacePassword:
    """A password: its reference (1 MRZ, 2 CAN) and the bytes that the key is derived from."""

    reference: int
    secret: bytes = field(repr=False)


def choose_pace(infos: tuple[PaceInfo, ...]) -> PaceInfo | None:
    """The strongest way that this reader speaks: a curve before a group, then the longest key; None when there is none."""
    usable = [info for info in infos if _usable(info)]
    return max(usable, key=lambda info: (info.mapping, info.oid, info.parameter_id or 0), default=None)


def _usable(info: PaceInfo) -> bool:
    known = info.mapping in {DH_GENERIC, ECDH_GENERIC} and info.suite is not None and info.parameter_id is not None
    return known and info.version == 2 and agreement_by_id(info.parameter_id or 0) is not None and _fits(info)


def _fits(info: PaceInfo) -> bool:
    """Groups have numbers 0 to 2, curves 8 to 18; an object identifier for one with the number of another is useless."""
    return (info.mapping == DH_GENERIC) == ((info.parameter_id or 0) < 8)


def pace(info: PaceInfo, password: PacePassword, entropy: Entropy) -> Dialogue:
    """Run PACE in the way of `info` and return the session."""
    agreement = agreement_by_id(-1 if info.parameter_id is None else info.parameter_id)
    if agreement is None or info.suite is None:
        raise ChipError(_DOING, "the chip's variant is not known")
    yield from _set_up(info, password)
    try:
        return (yield from _agree(info, info.suite, agreement, password, entropy))  # type: ignore[misc]  # the union of two Agreements
    except MalformedData as error:
        raise ChipError(_DOING, f"the chip broke the protocol: {error.problem}", SW_OK) from None


def _set_up(info: PaceInfo, password: PacePassword) -> Generator[CommandApdu, ResponseApdu, None]:
    """MSE:Set AT with the domain parameters named, which some chips demand; without them where a chip refuses that."""
    named = encode_tlv(0x80, encode_oid(info.oid)) + encode_tlv(0x83, bytes((password.reference,)))
    parameters = encode_tlv(0x84, bytes((info.parameter_id or 0,)))
    response = yield CommandApdu(0x00, 0x22, 0xC1, 0xA4, named + parameters)
    if response.sw in _PARAMETERS_REFUSED:
        response = yield CommandApdu(0x00, 0x22, 0xC1, 0xA4, named)
    if not response.ok and response.sw >> 4 != 0x63C:  # 63Cx only counts the tries that are left
        raise ChipError(_DOING, "the chip refused the variant or the password's kind", response.sw)


def _general_authenticate(tag: int, value: bytes, answer_tag: int, *, last: bool) -> Generator[CommandApdu, ResponseApdu, bytes]:
    """One step of the chain: send one data object, return the value of the one expected."""
    data = encode_tlv(_DYNAMIC_DATA, encode_tlv(tag, value) if value else b"")
    expected = (
        MAX_SHORT_LE if len(data) <= MAX_SHORT_DATA_BYTES else MAX_EXTENDED_BYTES
    )  # keys of 2048-bit groups fit no short one
    response = yield CommandApdu(0x00 if last else 0x10, 0x86, 0x00, 0x00, data, expected)
    if not response.ok:
        raise ChipError(_DOING, "the chip refused a step", response.sw)
    return child(parse_one(response.data, _DYNAMIC_DATA, _DOING), answer_tag, _DOING)


def _agree(
    info: PaceInfo, suite: CipherSuite, agreement: Agreement[Element], password: PacePassword, entropy: Entropy
) -> Dialogue:
    """The four steps: nonce, mapping, key agreement, mutual authentication."""
    encrypted = yield from _general_authenticate(0x80, b"", 0x80, last=False)
    nonce = decrypt_nonce(suite, password, encrypted)
    mapping_key = new_key_pair(agreement, agreement.base, entropy)
    answer = yield from _general_authenticate(0x81, agreement.encode(mapping_key.public), 0x82, last=False)
    base = map_generic(agreement, nonce, mapping_key, agreement.decode(answer))
    ephemeral = new_key_pair(agreement, base, entropy)
    answer = yield from _general_authenticate(0x83, agreement.encode(ephemeral.public), 0x84, last=False)
    chip_public = agreement.decode(answer)
    if chip_public == ephemeral.public:
        raise ChipError(_DOING, "the chip sent our own key back", SW_OK)
    secret = agreement.secret(agreement.multiply(ephemeral.private, chip_public))
    keys = session_keys(suite, secret)
    token = authentication_token(keys, info.oid, agreement, chip_public)
    answer = yield from _general_authenticate(0x85, token, 0x86, last=True)
    if not hmac.compare_digest(answer, authentication_token(keys, info.oid, agreement, ephemeral.public)):
        raise ChipError(_DOING, "the chip's token is wrong", SW_OK)
    return SecureMessaging(keys)


def decrypt_nonce(suite: CipherSuite, password: PacePassword, encrypted: bytes) -> bytes:
    """The nonce under the key of the password (§4.4.3.2); raises MalformedData when its length does not fit the cipher."""
    if len(encrypted) != _NONCE_BYTES[suite] and len(encrypted) != 16:
        raise MalformedData(_DOING, "the nonce has a wrong length")
    return decrypt(suite, password_key(suite, password.secret), bytes(suite.block_bytes), encrypted)


def map_generic(agreement: Agreement[Element], nonce: bytes, own: KeyPair[Element], other: Element) -> Element:
    """The mapped base s·G + H with H the agreement of the two mapping keys (§4.4.3.3.1)."""
    shared = agreement.multiply(own.private, other)
    scalar = int.from_bytes(nonce, "big") % agreement.order
    return shared if scalar == 0 else agreement.add(agreement.multiply(scalar, agreement.base), shared)


def authentication_token(keys: SessionKeys, oid: str, agreement: Agreement[Element], public: Element) -> bytes:
    """The code over the other side's ephemeral key as a public key data object (§4.4.3.4)."""
    content = encode_tlv(0x06, encode_oid(oid)) + encode_tlv(agreement.public_key_tag, agreement.encode(public))
    encoded = encode_tlv(0x7F49, content)
    padded = pad(encoded, 8) if keys.suite is CipherSuite.DES3 else encoded
    return mac(keys.suite, keys.mac, padded)
