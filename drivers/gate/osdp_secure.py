"""OSDP secure channel: session keys, cryptograms, chained MACs, encryption (IEC 60839-11-5 annex D). No I/O.

Both ends use it: the MAC of a command starts from the last reply's MAC and the other way round, so nothing can be replayed,
left out or reordered. A channel lives for one session; a new handshake makes a new one, and no key survives it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from drivers.gate.osdp_packet import ENCRYPTED_TYPES, MAC_SIZE, PROTECTED_TYPES, Packet, SecurityType
from egate.model.errors import DeviceError, TrustError

KEY_SIZE = 16
RANDOM_SIZE = 8
BLOCK = 16
PADDING_MARK = 0x80
DEFAULT_KEY = bytes(range(0x30, 0x40))  # SCBK-D, published in the standard: whoever has a cable knows it (L5)


def _encrypt_block(key: bytes, block: bytes) -> bytes:
    """AES-128 of one block."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the standard derives keys with single blocks
    return encryptor.update(block) + encryptor.finalize()


class BlockKey(Protocol):
    """A base key that lies elsewhere, in a token for example: it encrypts single blocks and is never given away (L6)."""

    def encrypt_block(self, block: bytes) -> bytes:
        """AES-128 of one block; raises DeviceError when the key is not there any more."""
        ...


@dataclass(frozen=True, slots=True)
class KeyInMemory:
    """A base key that this program holds itself."""

    secret: bytes = field(repr=False)

    def encrypt_block(self, block: bytes) -> bytes:
        """AES-128 of one block."""
        return _encrypt_block(self.secret, block)


def checked_base_key(key: bytes | BlockKey, doing: str) -> BlockKey:
    """The key, unless it has the wrong size or is the published one (L5), wherever it lies; raises DeviceError."""
    if isinstance(key, bytes) and len(key) != KEY_SIZE:
        raise DeviceError(doing, f"the secure channel key must have {KEY_SIZE} bytes")
    checked: BlockKey = KeyInMemory(key) if isinstance(key, bytes) else key
    if hmac.compare_digest(checked.encrypt_block(bytes(BLOCK)), _encrypt_block(DEFAULT_KEY, bytes(BLOCK))):
        raise DeviceError(doing, "the secure channel key is the published default; load an own key into the unit")
    return checked


def _encrypt_chain(key: bytes, start: bytes, data: bytes) -> bytes:
    """AES-128-CBC of whole blocks."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _decrypt_chain(key: bytes, start: bytes, data: bytes) -> bytes:
    """The inverse of `_encrypt_chain`."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(start)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _inverted(block: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in block)


def _padded(data: bytes) -> bytes:
    """Data, the mark 80h, zeros up to a whole block."""
    marked = data + bytes((PADDING_MARK,))
    return marked + bytes(-len(marked) % BLOCK)


class SecureChannel:
    """The keys and the MAC chain of one session between a control panel and a peripheral."""

    def __init__(self, base_key: bytes | BlockKey, panel_random: bytes, peripheral_random: bytes) -> None:
        base = KeyInMemory(base_key) if isinstance(base_key, bytes) else base_key
        self._encryption_key = self._derive(base, b"\x01\x82", panel_random)
        self._mac_key_1 = self._derive(base, b"\x01\x01", panel_random)
        self._mac_key_2 = self._derive(base, b"\x01\x02", panel_random)
        self.client_cryptogram = _encrypt_block(self._encryption_key, panel_random + peripheral_random)
        self.server_cryptogram = _encrypt_block(self._encryption_key, peripheral_random + panel_random)
        self.initial_mac = _encrypt_block(self._mac_key_2, _encrypt_block(self._mac_key_1, self.server_cryptogram))
        self._command_mac = bytes(BLOCK)
        self._reply_mac = self.initial_mac

    @staticmethod
    def _derive(base_key: BlockKey, purpose: bytes, panel_random: bytes) -> bytes:
        """One session key: the purpose and six bytes of the panel's random under the base key."""
        return base_key.encrypt_block(purpose + panel_random[:6] + bytes(8))

    def client_cryptogram_is(self, claimed: bytes) -> bool:
        """Whether the peripheral knows the base key."""
        return hmac.compare_digest(self.client_cryptogram, claimed)

    def server_cryptogram_is(self, claimed: bytes) -> bool:
        """Whether the control panel knows the base key."""
        return hmac.compare_digest(self.server_cryptogram, claimed)

    def initial_mac_is(self, claimed: bytes) -> bool:
        """Whether both ends start the same MAC chain."""
        return hmac.compare_digest(self.initial_mac, claimed)

    def seal_command(self, packet: Packet) -> bytes:
        """Encrypt and authenticate a command; call once for each command, and repeat the same bytes if need be."""
        raw, self._command_mac = self._seal(packet, self._reply_mac)
        return raw

    def open_command(self, packet: Packet) -> Packet:
        """Verify and decrypt a command (the peripheral's side); raises TrustError and leaves the chain as it was."""
        opened, self._command_mac = self._open(packet, self._reply_mac)
        return opened

    def seal_reply(self, packet: Packet) -> bytes:
        """Encrypt and authenticate a reply (the peripheral's side)."""
        raw, self._reply_mac = self._seal(packet, self._command_mac)
        return raw

    def open_reply(self, packet: Packet) -> Packet:
        """Verify and decrypt a reply; raises TrustError and leaves the chain as it was."""
        opened, self._reply_mac = self._open(packet, self._command_mac)
        return opened

    def _seal(self, packet: Packet, chained: bytes) -> tuple[bytes, bytes]:
        """The protected packet and its whole MAC. Without data there is nothing to encrypt."""
        security = SecurityType.COMMAND_ENCRYPTED if packet.data else SecurityType.COMMAND_MAC
        if packet.is_reply:
            security = SecurityType(security + 1)
        data = _encrypt_chain(self._encryption_key, _inverted(chained), _padded(packet.data)) if packet.data else b""
        protected = replace(packet, security=security, security_data=b"", data=data)
        mac = self._mac(protected.head_and_data(), chained)
        return replace(protected, mac=mac[:MAC_SIZE]).to_bytes(), mac

    def _open(self, packet: Packet, chained: bytes) -> tuple[Packet, bytes]:
        """The plain packet and the whole MAC it carried a part of."""
        doing = "verify an OSDP packet"
        if packet.security not in PROTECTED_TYPES or packet.security % 2 == int(packet.is_reply):
            raise TrustError(doing, "it is not protected")
        mac = self._mac(packet.head_and_data(), chained)
        if not hmac.compare_digest(mac[:MAC_SIZE], packet.mac):
            raise TrustError(doing, "its MAC is wrong")
        data = packet.data
        if packet.security in ENCRYPTED_TYPES and data:
            data = self._decrypt(data, chained)
        return replace(packet, data=data, security=None, mac=b""), mac

    def _decrypt(self, data: bytes, chained: bytes) -> bytes:
        """Data without its padding."""
        if len(data) % BLOCK:
            raise TrustError("decrypt an OSDP packet", "its data are no whole blocks")
        plain = _decrypt_chain(self._encryption_key, _inverted(chained), data).rstrip(b"\x00")
        if not plain or plain[-1] != PADDING_MARK:
            raise TrustError("decrypt an OSDP packet", "its padding is wrong")
        return plain[:-1]

    def _mac(self, data: bytes, chained: bytes) -> bytes:
        """All blocks but the last under the first MAC key, the last under the second; padded only where needed."""
        blocks = data if len(data) % BLOCK == 0 else _padded(data)
        start = chained
        if len(blocks) > BLOCK:
            start = _encrypt_chain(self._mac_key_1, start, blocks[:-BLOCK])[-BLOCK:]
        return _encrypt_chain(self._mac_key_2, start, blocks[-BLOCK:])
