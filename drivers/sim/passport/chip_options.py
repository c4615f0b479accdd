"""What a simulated chip is besides its files: printed number, quirks of the field, and how much it carries in one command.

Sources: ICAO Doc 9303-10 §3.6.4.2, §3.11.1; ISO/IEC 7816-4 §12.1.1 (card capabilities), §12.7.1 (extended length information).
Rule: an option changes how the chip speaks, never what was personalised; each quirk of `egate.mrtd.quirks` can be switched on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.sim.passport.chip_active import USUAL_STYLE, ActiveStyle
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import encode_tlv, parse_tlvs
from egate.mrtd.quirks import Quirk

SHORT_COMMAND_BYTES = 5 + 255 + 1
"""The longest command APDU with short length fields."""
SHORT_RESPONSE_BYTES = 256 + 2
LARGEST_EXACT_BYTES = 0xE7
"""What a chip that answers 6Cxx names at most: 6CE7 was seen."""
MOST_BUFFER_BYTES = 65_544
_UNLIMITED = 0
_READ_LIMITS = {Quirk.LARGEST_READ_A0: 0xA0, Quirk.LARGEST_READ_80: 0x80}
_LIMIT_THAT_ENDS_SESSIONS = 0xC0
"""What a chip whose 6700 ends the session takes where nothing else is said, as card applets do that were seen."""
_SHORT_ANSWER_BYTES = 0x70
"""What a chip with short answers gives at once where nothing else is said."""
_EXTENDED_LENGTHS, _BUFFER_SIZE = 0x7F66, 0x02
_CAPABILITIES = 0x47
_SELECTION, _SHORT_IDENTIFIERS, _BYTE_UNITS = 0x90, 0x04, 0x01
"""Selection by full name and by file identifier; reading by short identifier; data units of one byte."""
_CHAINING, _EXTENDED, _EXTENDED_STATED = 0x80, 0x40, 0x20


@dataclass(frozen=True, slots=True)
class Buffers:
    """The longest command and the longest response, in bytes of the whole APDU, status word included.

    ValueError below what short length fields need or above what extended ones can say.
    """

    command_bytes: int
    response_bytes: int

    def __post_init__(self) -> None:
        if not SHORT_COMMAND_BYTES <= self.command_bytes <= MOST_BUFFER_BYTES:
            raise ValueError(f"a command buffer has {SHORT_COMMAND_BYTES} to {MOST_BUFFER_BYTES} bytes")
        if not SHORT_RESPONSE_BYTES <= self.response_bytes <= MOST_BUFFER_BYTES:
            raise ValueError(f"a response buffer has {SHORT_RESPONSE_BYTES} to {MOST_BUFFER_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class ChipOptions:
    """What else a chip can have or do.

    `card_access_number` is printed on the card. `quirks` are deviations seen in the field. `largest_read` is the most that a
    READ BINARY under secure messaging may ask before 6700 (0: as the quirks say). `short_blocks` answers at most so many bytes
    to a READ BINARY, without a word about it (0: as many as were asked). `unnamed_parameters` is the parameter id that the chip
    uses where its EF.CardAccess names none. `strict_lengths` refuses extended APDUs where EF.ATR/INFO states no buffers.
    `active_style` is how the chip signs in active authentication.
    """

    card_access_number: str = field(repr=False, default="")
    quirks: frozenset[Quirk] = frozenset()
    largest_read: int = _UNLIMITED
    short_blocks: int = _UNLIMITED
    unnamed_parameters: int = 13
    strict_lengths: bool = True
    active_style: ActiveStyle = USUAL_STYLE

    def has(self, quirk: Quirk) -> bool:
        """Whether the chip does this."""
        return quirk in self.quirks

    @property
    def read_limit(self) -> int:
        """The most that a READ BINARY may ask, 0 without limit."""
        limits = [limit for quirk, limit in _READ_LIMITS.items() if quirk in self.quirks]
        if self.largest_read:
            limits.append(self.largest_read)
        if not limits and self.has(Quirk.LENGTH_ENDS_SESSION):
            limits.append(_LIMIT_THAT_ENDS_SESSIONS)
        return min(limits, default=_UNLIMITED)

    @property
    def block_limit(self) -> int:
        """The most that a READ BINARY answers, 0 without limit."""
        return self.short_blocks or (_SHORT_ANSWER_BYTES if self.has(Quirk.SHORT_ANSWERS) else _UNLIMITED)


def encode_atr_info(buffers: Buffers | None, *, short_identifiers: bool = True) -> bytes:
    """EF.ATR/INFO: card capabilities and, where there are buffers beyond the short ones, their sizes."""
    whole = encode_tlv(_CAPABILITIES, capabilities(buffers, short_identifiers=short_identifiers))
    if buffers is not None:
        sizes = (encode_tlv(_BUFFER_SIZE, _number(size)) for size in (buffers.command_bytes, buffers.response_bytes))
        whole += encode_tlv(_EXTENDED_LENGTHS, b"".join(sizes))
    return whole


def _number(size: int) -> bytes:
    """An INTEGER of at least two bytes, as cards write buffer sizes."""
    return size.to_bytes(max(2, size.bit_length() // 8 + 1), "big")


def parse_buffers(files: Mapping[ElementaryFile, bytes]) -> Buffers | None:
    """What the personalised EF.ATR/INFO promises; None when it promises nothing that holds together."""
    doing = "reading the chip's own EF.ATR/INFO"
    try:
        objects = {item.tag: item.value for item in parse_tlvs(files.get(ElementaryFile.ATR_INFO, b""), doing)}
        sizes = [int.from_bytes(item.value, "big") for item in parse_tlvs(objects.get(_EXTENDED_LENGTHS, b""), doing)]
        return Buffers(*sizes) if len(sizes) == 2 else None
    except (MalformedData, ValueError):
        return None


def capabilities(buffers: Buffers | None, *, short_identifiers: bool = True) -> bytes:
    """The three software function bytes of the card capabilities."""
    first = _SELECTION | (_SHORT_IDENTIFIERS if short_identifiers else 0)
    third = _CHAINING | (_EXTENDED | _EXTENDED_STATED if buffers is not None else 0)
    return bytes((first, _BYTE_UNITS, third))


def answer_to_select(buffers: Buffers | None, *, short_identifiers: bool = True) -> bytes:
    """The ATS: frames of 256 bytes, up to 848 kbit/s, and the card capabilities as historical bytes."""
    historical = b"\x80\x73" + capabilities(buffers, short_identifiers=short_identifiers)
    interface = bytes.fromhex("78877102")
    return bytes((1 + len(interface) + len(historical),)) + interface + historical


def encode_dir(application: bytes) -> bytes:
    """EF.DIR with one application template (ISO/IEC 7816-4 §12.2.3)."""
    return encode_tlv(0x61, encode_tlv(0x4F, application))
