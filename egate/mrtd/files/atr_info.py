"""EF.ATR/INFO: what the chip says of its own transport: extended length, chaining, buffer sizes.

Sources: ICAO Doc 9303-10 §3.11.1 (EF.ATR/INFO) and §3.6.4.2 (extended length only where the buffer sizes are known), ISO/IEC
7816-4 §12.7.1 (extended length information, 7F66) and §12.1.1.9 (card capabilities, 47). Rule: the file is a hint about lengths,
unsigned and read before any access control, so its figures are capped and never trusted beyond choosing a block size. Issued
chips put a category byte before the data objects or say their sizes in the older E0 template; both are understood.
"""

from __future__ import annotations

from dataclasses import dataclass

from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import Tlv, encode_tlv, parse_padded_tlvs, parse_tlvs

MAX_ATR_INFO_BYTES = 4096
"""The file holds a few dozen bytes; more is no EF.ATR/INFO."""
MAX_BUFFER_BYTES = 65_546
"""The longest extended APDU: header, long Lc, 65,535 bytes, long Le. A larger figure says no more than this."""
SHORT_COMMAND_BYTES = 261
"""The longest command of short length; a chip that states less than this does not really carry extended ones."""
SHORT_RESPONSE_BYTES = 258
"""The longest response of short length, status word included."""

_DOING = "parsing EF.ATR/INFO"
_CAPABILITIES, _EXTENDED_LENGTH, _BUFFER_SIZES, _INTEGER = 0x47, 0x7F66, 0xE0, 0x02
_CATEGORY_BYTE = b"\x80"
_CHAINING, _EXTENDED, _LENGTH_INFORMATION = 0x80, 0x40, 0x20


@dataclass(frozen=True, slots=True)
class AtrInfo:
    """What EF.ATR/INFO states; sizes are whole APDUs in bytes and 0 where the chip does not state them.

    `extended_length` is the claim of the card capabilities alone; `carries_extended` is what Doc 9303-10 lets a terminal rely on.
    """

    extended_length: bool
    max_command: int = 0
    max_response: int = 0
    command_chaining: bool = False

    @property
    def carries_extended(self) -> bool:
        """Whether APDUs of extended length may be sent: sizes are stated, and larger than the short ones."""
        return self.max_command > SHORT_COMMAND_BYTES or self.max_response > SHORT_RESPONSE_BYTES


def parse_atr_info(data: bytes) -> AtrInfo:
    """EF.ATR/INFO, the whole file; raises MalformedData."""
    if len(data) > MAX_ATR_INFO_BYTES:
        raise MalformedData(_DOING, "the file is larger than its limit")
    body = data.removeprefix(_CATEGORY_BYTE)
    objects = {item.tag: item for item in reversed(parse_padded_tlvs(body, _DOING))}
    third = _third_functions(objects.get(_CAPABILITIES))
    command, response = _sizes(objects)
    return AtrInfo(bool(third & _EXTENDED) or command > SHORT_COMMAND_BYTES, command, response, bool(third & _CHAINING))


def _third_functions(capabilities: Tlv | None) -> int:
    """The third byte of the card capabilities: chaining and extended length; 0 where it is not there."""
    if capabilities is None or len(capabilities.value) < 3:
        return 0
    return capabilities.value[2]


def _sizes(objects: dict[int, Tlv]) -> tuple[int, int]:
    """The largest command and response in bytes, from either form; 0, 0 where the chip states none."""
    if _EXTENDED_LENGTH in objects:
        sizes = _integers(objects[_EXTENDED_LENGTH])
        if len(sizes) < 2:
            raise MalformedData(_DOING, "extended length information without both sizes")
        return sizes[0], sizes[1]
    if _BUFFER_SIZES in objects:
        sizes = _integers(objects[_BUFFER_SIZES])
        if len(sizes) == 4:  # command and response, each without and with secure messaging: the smaller of both is safe
            return min(sizes[:2]), min(sizes[2:])
    return 0, 0


def _integers(template: Tlv) -> list[int]:
    items = [item for item in parse_tlvs(template.value, _DOING) if item.tag == _INTEGER]
    if any(not 1 <= len(item.value) <= 4 for item in items):
        raise MalformedData(_DOING, "a buffer size of no or too many bytes")
    return [min(int.from_bytes(item.value, "big"), MAX_BUFFER_BYTES) for item in items]


def encode_atr_info(info: AtrInfo) -> bytes:
    """EF.ATR/INFO with card capabilities and, where both sizes are stated, the extended length information."""
    stated = info.max_command > 0 and info.max_response > 0
    third = _CHAINING * info.command_chaining | _EXTENDED * info.extended_length | _LENGTH_INFORMATION * stated
    # First byte: selection by full DF name and by short and file identifier; second: one-byte data units.
    encoded = encode_tlv(_CAPABILITIES, bytes((0x96, 0x01, third)))
    if not stated:
        return encoded
    sizes = (info.max_command, info.max_response)
    return encoded + encode_tlv(_EXTENDED_LENGTH, b"".join(encode_tlv(_INTEGER, _unsigned(size)) for size in sizes))


def _unsigned(size: int) -> bytes:
    """At least two bytes, as chips write them."""
    return size.to_bytes(max(2, (size.bit_length() + 7) // 8), "big")
