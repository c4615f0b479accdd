"""PACE: access by a password that a listener cannot guess off-line, with generic, integrated or chip authentication mapping.

Source: ICAO Doc 9303-11 §4.4, worked examples §G, §H, §I. Rule: a dialogue that yields commands and receives responses; a chip
that refuses (status word) or breaks the protocol (wrong token, element outside the group, our own key sent back) makes it raise
ChipError. `sw` is then the refusal, or 9000 when the chip answered but wrongly.
"""

from __future__ import annotations

import hmac
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from egate.model.document import ChipProof
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import MAX_EXTENDED_BYTES, MAX_SHORT_DATA_BYTES, MAX_SHORT_LE, SW_OK, CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import Agreement, Entropy, new_key_pair
from egate.mrtd.crypto.ciphers import CipherSuite, decrypt, encrypt_block, mac, pad, unpad
from egate.mrtd.crypto.mapping import NONCE_BYTES, map_generic, map_integrated
from egate.mrtd.files.security_infos import PaceInfo, SecurityInfos, encode_oid
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs
from egate.mrtd.keys import SessionKeys, password_key, session_keys
from egate.mrtd.mapping_proof import mapping_proof
from egate.mrtd.pace_choice import PaceWay, choose_pace, choose_way
from egate.mrtd.secure_messaging import SecureMessaging

__all__ = [
    "PacePassword",
    "PaceSession",
    "authentication_token",
    "choose_pace",
    "decrypt_nonce",
    "map_generic",
    "pace",
    "run_pace",
]

_DOING = "PACE"
_DYNAMIC_DATA = 0x7C
_PARAMETERS_REFUSED = frozenset({0x6A80, 0x6A86, 0x6A87, 0x6A88, 0x6700})
"""Status words by which chips of the field refuse the optional reference to the domain parameters."""

Element = TypeVar("Element")


@dataclass(frozen=True, slots=True)
class PacePassword:
    """A password: its reference (1 MRZ, 2 CAN) and the bytes that the key is derived from."""

    reference: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PaceSession:
    """The session that PACE began and, after chip authentication mapping, what the chip proved itself with (not yet verified)."""

    secure: SecureMessaging
    proof: ChipProof | None = None


Dialogue = Generator[CommandApdu, ResponseApdu, PaceSession]
Answers = Generator[CommandApdu, ResponseApdu, bytes]


def pace(info: PaceInfo, password: PacePassword, entropy: Entropy) -> Generator[CommandApdu, ResponseApdu, SecureMessaging]:
    """Run PACE in the way of `info`, whose parameters are standardised, and return the session."""
    way = choose_way(SecurityInfos((info,))).way
    if way is None:
        raise ChipError(_DOING, "the chip's variant is not known")
    return (yield from run_pace(way, password, entropy)).secure


def run_pace(way: PaceWay, password: PacePassword, entropy: Entropy) -> Dialogue:
    """Run PACE in this way.

    1. The variant and the password's kind. 2. The chip's nonce. 3. The base, mapped from it. 4. The agreement over that base.
    5. Proof of the keys, mutually, the chip's last.
    """
    yield from _set_up(way.info, password)  # 1
    try:
        return (yield from _Run(way, entropy).steps(password))
    except MalformedData as error:
        raise ChipError(_DOING, f"the chip broke the protocol: {error.problem}", SW_OK) from None


def _set_up(info: PaceInfo, password: PacePassword) -> Generator[CommandApdu, ResponseApdu, None]:
    """MSE:Set AT with the domain parameters named, which some chips demand; without them where a chip refuses that.

    A chip that states no number for its parameters is told none.
    """
    named = encode_tlv(0x80, encode_oid(info.oid)) + encode_tlv(0x83, bytes((password.reference,)))
    parameters = b"" if info.parameter_id is None else encode_tlv(0x84, _unsigned(info.parameter_id))
    response = yield CommandApdu(0x00, 0x22, 0xC1, 0xA4, named + parameters)
    if parameters and response.sw in _PARAMETERS_REFUSED:
        response = yield CommandApdu(0x00, 0x22, 0xC1, 0xA4, named)
    if not response.ok and response.sw >> 4 != 0x63C:  # 63Cx only counts the tries that are left
        raise ChipError(_DOING, "the chip refused the variant or the password's kind", response.sw)


def _unsigned(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _general_authenticate(
    tag: int, value: bytes, *, last: bool = False
) -> Generator[CommandApdu, ResponseApdu, dict[int, bytes]]:
    """One step of the chain: send one data object, return those of the answer."""
    data = encode_tlv(_DYNAMIC_DATA, encode_tlv(tag, value) if value else b"")
    expected = (
        MAX_SHORT_LE if len(data) <= MAX_SHORT_DATA_BYTES else MAX_EXTENDED_BYTES
    )  # keys of 2048-bit groups fit no short one
    response = yield CommandApdu(0x00 if last else 0x10, 0x86, 0x00, 0x00, data, expected)
    if not response.ok:
        raise ChipError(_DOING, "the chip refused a step", response.sw)
    if not response.data:
        return {}
    answer = parse_tlvs(parse_one(response.data, _DYNAMIC_DATA, _DOING), _DOING)
    return {item.tag: item.value for item in reversed(answer)}


def _expected(answer: dict[int, bytes], tag: int) -> bytes:
    if tag not in answer:
        raise MalformedData(_DOING, f"no object with tag {tag:02X}")
    return answer[tag]


class _Run:
    """One run in one way. Elements are points or integers, as the agreement has it."""

    def __init__(self, way: PaceWay, entropy: Entropy) -> None:
        self._way = way
        self._agreement: Any = way.agreement
        self._entropy = entropy
        self._mapping_key = b""

    def steps(self, password: PacePassword) -> Dialogue:
        """The steps of `run_pace` from the nonce on."""
        way, agreement = self._way, self._agreement
        answer = yield from _general_authenticate(0x80, b"")  # 2
        nonce = decrypt_nonce(way.suite, password, _expected(answer, 0x80))
        base = yield from (self._map_integrated(nonce) if way.mapping == "im" else self._map_generic(nonce))  # 3
        ephemeral = new_key_pair(agreement, base, self._entropy)  # 4
        answer = yield from _general_authenticate(0x83, agreement.encode(ephemeral.public))
        chip_public = agreement.decode(_expected(answer, 0x84))
        _refuse_mirror(chip_public == ephemeral.public)
        secret = agreement.secret(agreement.multiply(ephemeral.private, chip_public, self._entropy))
        keys = session_keys(way.suite, secret)
        token = authentication_token(keys, way.info.oid, agreement, chip_public)  # 5
        answer = yield from _general_authenticate(0x85, token, last=True)
        expected = authentication_token(keys, way.info.oid, agreement, ephemeral.public)
        if not hmac.compare_digest(_expected(answer, 0x86), expected):
            raise ChipError(_DOING, "the chip's token is wrong", SW_OK)
        proof = mapping_proof(self._mapping_key, _authentication_data(keys, answer)) if way.mapping == "cam" else None
        return PaceSession(SecureMessaging(keys), proof)

    def _map_generic(self, nonce: bytes) -> Generator[CommandApdu, ResponseApdu, Any]:
        agreement = self._agreement
        own = new_key_pair(agreement, agreement.base, self._entropy)
        answer = yield from _general_authenticate(0x81, agreement.encode(own.public))
        self._mapping_key = _expected(answer, 0x82)
        other = agreement.decode(self._mapping_key)
        _refuse_mirror(other == own.public)
        return map_generic(agreement, nonce, own, other, self._entropy)

    def _map_integrated(self, nonce: bytes) -> Generator[CommandApdu, ResponseApdu, Any]:
        """The chip's answer to the additional nonce holds nothing: an empty object, or none at all."""
        additional = self._entropy(self._way.suite.key_bytes)
        yield from _general_authenticate(0x81, additional)
        return map_integrated(self._agreement, self._way.suite, nonce, additional)


def _refuse_mirror(mirrored: bool) -> None:
    """Whoever sends our own key back knows nothing but what we sent (§4.4.1)."""
    if mirrored:
        raise ChipError(_DOING, "the chip sent our own key back", SW_OK)


def decrypt_nonce(suite: CipherSuite, password: PacePassword, encrypted: bytes) -> bytes:
    """The nonce under the key of the password (§4.4.3.2); raises MalformedData when its length does not fit the cipher."""
    if len(encrypted) not in {NONCE_BYTES[suite], 16}:
        raise MalformedData(_DOING, "the nonce has a wrong length")
    return decrypt(suite, password_key(suite, password.secret), bytes(suite.block_bytes), encrypted)


def _authentication_data(keys: SessionKeys, answer: dict[int, bytes]) -> bytes:
    """The chip authentication data of the last answer (§4.4.3.5): decrypted, or nothing when there are none of that form."""
    encrypted = answer.get(0x8A, b"")
    vector = encrypt_block(keys.suite, keys.encryption, b"\xff" * keys.suite.block_bytes)
    try:
        return unpad(decrypt(keys.suite, keys.encryption, vector, encrypted))
    except MalformedData:
        return b""


def authentication_token(keys: SessionKeys, oid: str, agreement: Agreement[Element], public: Element) -> bytes:
    """The code over the other side's ephemeral key as a public key data object (§4.4.3.4)."""
    content = encode_tlv(0x06, encode_oid(oid)) + encode_tlv(agreement.public_key_tag, agreement.encode(public))
    encoded = encode_tlv(0x7F49, content)
    padded = pad(encoded, 8) if keys.suite is CipherSuite.DES3 else encoded
    return mac(keys.suite, keys.mac, padded)
