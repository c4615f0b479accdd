"""Secure messaging: commands and responses under encryption and a message authentication code.

Source: ICAO Doc 9303-11 §9.8. Rule: inside a session nothing is believed that does not carry the right code. A response without
one, with a wrong one, or with objects out of place ends the session for good: the keys are dropped and every later call raises,
so a naked answer cannot take us back to plain reading.
"""

from __future__ import annotations

import hmac

from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import MAX_EXTENDED_BYTES, MAX_SHORT_DATA_BYTES, MAX_SHORT_LE, CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import MAC_BYTES, CipherSuite, decrypt, encrypt, encrypt_block, mac, pad, unpad
from egate.mrtd.files.tlv import encode_tlv, parse_tlvs
from egate.mrtd.keys import SessionKeys

_DOING = "secure messaging"
_CIPHERTEXT, _CIPHERTEXT_ODD, _EXPECTED, _STATUS, _CODE = 0x87, 0x85, 0x97, 0x99, 0x8E
_PADDING_INDICATOR = b"\x01"
_CODE_OBJECT_BYTES = 2 + MAC_BYTES
_STATUS_OBJECT_BYTES = 4
_KNOWN_ORDERS = (
    (_STATUS, _CODE),
    (_CIPHERTEXT, _STATUS, _CODE),
    (_CIPHERTEXT_ODD, _STATUS, _CODE),
)
"""The orders of data objects that a protected response may have (Doc 9303-11 figure 7)."""


def largest_read(suite: CipherSuite, response_bytes: int) -> int:
    """The most plain bytes that a protected response of `response_bytes` (status word included) can carry."""
    others = 1 + _STATUS_OBJECT_BYTES + _CODE_OBJECT_BYTES + 2
    content = response_bytes - others - 1
    length_bytes = 1 if content < 0x80 else 2 if content <= 0x100 else 3
    blocks = (response_bytes - others - length_bytes - len(_PADDING_INDICATOR)) // suite.block_bytes
    return max(1, blocks * suite.block_bytes - 1)


class SecureMessaging:
    """One session: its keys and its send sequence counter. It ends at the first response that does not hold."""

    def __init__(self, keys: SessionKeys, ssc: int = 0) -> None:
        self._keys: SessionKeys | None = keys
        self._suite = keys.suite
        self._ssc = ssc
        self._answered = False

    def __repr__(self) -> str:
        return f"SecureMessaging({self._suite.word}, {'alive' if self.alive else 'ended'})"

    @property
    def suite(self) -> CipherSuite:
        """The cipher of the session."""
        return self._suite

    @property
    def alive(self) -> bool:
        """Whether the session still holds its keys."""
        return self._keys is not None

    @property
    def answered(self) -> bool:
        """Whether the chip has given at least one response under these keys: the proof that it holds them."""
        return self._answered

    def end(self) -> None:
        """Drop the keys."""
        self._keys = None

    def wrap(self, command: CommandApdu) -> CommandApdu:
        """The protected form of a command; raises ChipError when the session has ended."""
        keys = self._live_keys()
        counter = self._count()
        header = bytes((command.cla | 0x0C, command.ins, command.p1, command.p2))
        objects = self._encrypted(keys, command, counter) + _expected(command)
        code = self._code(keys, counter + pad(header, self._suite.block_bytes), objects)
        data = objects + encode_tlv(_CODE, code)
        long_form = len(data) > MAX_SHORT_DATA_BYTES or (command.le or 0) > MAX_SHORT_LE
        return CommandApdu(
            header[0], command.ins, command.p1, command.p2, data, MAX_EXTENDED_BYTES if long_form else MAX_SHORT_LE
        )

    def unwrap(self, response: ResponseApdu) -> ResponseApdu:
        """The plain form of a protected response; raises ChipError and ends the session when it does not hold."""
        keys = self._live_keys()
        counter = self._count()
        try:
            opened = self._opened(keys, counter, response)
        except MalformedData as error:
            self.end()
            raise ChipError(_DOING, f"the response is malformed: {error.problem}", response.sw) from None
        except ChipError:
            self.end()
            raise
        self._answered = True
        return opened

    def _live_keys(self) -> SessionKeys:
        if self._keys is None:
            raise ChipError(_DOING, "the session has ended")
        return self._keys

    def _count(self) -> bytes:
        self._ssc = (self._ssc + 1) % (1 << 8 * self._suite.block_bytes)
        return self._ssc.to_bytes(self._suite.block_bytes, "big")

    def _vector(self, keys: SessionKeys, counter: bytes) -> bytes:
        """The initial vector: zero for 3DES, the enciphered counter for AES (§9.8.6)."""
        return bytes(8) if self._suite is CipherSuite.DES3 else encrypt_block(self._suite, keys.encryption, counter)

    def _encrypted(self, keys: SessionKeys, command: CommandApdu, counter: bytes) -> bytes:
        if not command.data:
            return b""
        padded = pad(command.data, self._suite.block_bytes)
        text = encrypt(self._suite, keys.encryption, self._vector(keys, counter), padded)
        if command.ins & 1:
            return encode_tlv(_CIPHERTEXT_ODD, text)
        return encode_tlv(_CIPHERTEXT, _PADDING_INDICATOR + text)

    def _code(self, keys: SessionKeys, head: bytes, objects: bytes) -> bytes:
        """The code over `head` (counter and, in commands, the padded header) and the objects; an empty list is not padded."""
        covered = head + pad(objects, self._suite.block_bytes) if objects else head
        return mac(self._suite, keys.mac, covered)

    def _opened(self, keys: SessionKeys, counter: bytes, response: ResponseApdu) -> ResponseApdu:
        objects = parse_tlvs(response.data, _DOING)
        if tuple(item.tag for item in objects) not in _KNOWN_ORDERS:
            raise ChipError(_DOING, "an unprotected response inside the session", response.sw)
        code = objects[-1].value
        covered = response.data[:-_CODE_OBJECT_BYTES] if len(code) == MAC_BYTES else b""
        if not covered or not hmac.compare_digest(self._code(keys, counter, covered), code):
            raise ChipError(_DOING, "the response has a wrong authentication code", response.sw)
        status = objects[-2].value
        if len(status) != 2:
            raise ChipError(_DOING, "the protected status word is malformed", response.sw)
        data = self._decrypted(keys, counter, objects[0].tag, objects[0].value) if len(objects) == 3 else b""
        return ResponseApdu(data, int.from_bytes(status, "big"))

    def _decrypted(self, keys: SessionKeys, counter: bytes, tag: int, value: bytes) -> bytes:
        if tag == _CIPHERTEXT:
            if not value.startswith(_PADDING_INDICATOR):
                raise MalformedData(_DOING, "an unknown padding indicator")
            value = value[1:]
        if not value:
            raise MalformedData(_DOING, "an empty ciphertext")
        return unpad(decrypt(self._suite, keys.encryption, self._vector(keys, counter), value))


def _expected(command: CommandApdu) -> bytes:
    """DO'97': the length expected of the plain response."""
    if command.le is None:
        return b""
    if command.le > MAX_SHORT_LE:
        return encode_tlv(_EXPECTED, (command.le & 0xFFFF).to_bytes(2, "big"))
    return encode_tlv(_EXPECTED, bytes((command.le & 0xFF,)))
