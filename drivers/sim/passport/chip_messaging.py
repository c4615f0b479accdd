"""The chip's side of secure messaging, written apart from the reader's so that a shared misreading cannot pass unseen.

Source: ICAO Doc 9303-11 §9.8. Rule: the chip answers nothing under a session whose command it could not authenticate.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite, decrypt, encrypt, mac, pad, unpad
from egate.mrtd.files.tlv import encode_tlv, parse_tlvs
from egate.mrtd.keys import SessionKeys

SM_MISSING = 0x6987
SM_INCORRECT = 0x6988


class MessagingError(Exception):
    """The command does not hold; `sw` is what the chip answers, unprotected."""

    def __init__(self, sw: int) -> None:
        super().__init__(f"{sw:04X}")
        self.sw = sw


@dataclass(slots=True)
class CardMessaging:
    """One session as the chip sees it."""

    keys: SessionKeys
    counter: int = field(repr=False, default=0)

    def open(self, command: CommandApdu) -> CommandApdu:
        """The plain command; raises MessagingError."""
        self.counter += 1
        try:
            objects = {item.tag: item.value for item in parse_tlvs(command.data, "opening a command")}
            signed_objects = b"".join(encode_tlv(tag, value) for tag, value in objects.items() if tag != 0x8E)
            if 0x8E not in objects:
                raise MessagingError(SM_MISSING)
            self._verify(command, signed_objects, objects[0x8E])
            return CommandApdu(
                command.cla & 0xF3, command.ins, command.p1, command.p2, self._data(objects), _expected(objects.get(0x97))
            )
        except MalformedData:
            raise MessagingError(SM_INCORRECT) from None

    def _verify(self, command: CommandApdu, signed_objects: bytes, code: bytes) -> None:
        block = self.keys.suite.block_bytes
        text = self._counter_bytes() + pad(bytes((command.cla, command.ins, command.p1, command.p2)), block)
        if signed_objects:
            text += pad(signed_objects, block)
        if not hmac.compare_digest(mac(self.keys.suite, self.keys.mac, text), code):
            raise MessagingError(SM_INCORRECT)

    def _data(self, objects: dict[int, bytes]) -> bytes:
        ciphertext = objects.get(0x85) or objects.get(0x87, b"")[1:]
        if not ciphertext:
            return b""
        return unpad(decrypt(self.keys.suite, self.keys.encryption, self._vector(), ciphertext))

    def seal(self, response: ResponseApdu, *, odd_instruction: bool = False) -> ResponseApdu:
        """The protected response."""
        self.counter += 1
        objects = b""
        if response.data:
            padded = pad(response.data, self.keys.suite.block_bytes)
            ciphertext = encrypt(self.keys.suite, self.keys.encryption, self._vector(), padded)
            objects = encode_tlv(0x85, ciphertext) if odd_instruction else encode_tlv(0x87, b"\x01" + ciphertext)
        objects += encode_tlv(0x99, response.sw.to_bytes(2, "big"))
        text = self._counter_bytes() + pad(objects, self.keys.suite.block_bytes)
        sealed = objects + encode_tlv(0x8E, mac(self.keys.suite, self.keys.mac, text))
        return ResponseApdu(sealed, response.sw)

    def _counter_bytes(self) -> bytes:
        size = self.keys.suite.block_bytes
        return (self.counter % (1 << 8 * size)).to_bytes(size, "big")

    def _vector(self) -> bytes:
        if self.keys.suite is CipherSuite.DES3:
            return bytes(8)
        return encrypt(self.keys.suite, self.keys.encryption, bytes(16), self._counter_bytes())


def _expected(value: bytes | None) -> int | None:
    if value is None:
        return None
    number = int.from_bytes(value, "big")
    return number or (256 if len(value) == 1 else 65_536)
