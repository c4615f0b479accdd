"""The simulated chip's files: selection, reading in blocks, and who may read what.

Sources: ISO/IEC 7816-4 §7.1.1 (SELECT), §7.2.3 (READ BINARY), ICAO Doc 9303-10 §3. Rule: files of the application open only after
access; DG3 and DG4 only to a terminal that proved its right to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from drivers.sim.passport.chip_options import LARGEST_EXACT_BYTES, ChipOptions
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.files.tlv import encode_tlv, parse_one
from egate.mrtd.quirks import Quirk

EVEN_OFFSETS = 0x8000
"""READ BINARY B0 names offsets below this in 15 bits."""
LITTLE_OVERLAP_BYTES = 256
"""How far B0 and B1 overlap in chips where they do a little (Doc 9303-10 §3.6.6)."""
_NO_END = 1 << 32
APPLICATION_ID = bytes.fromhex("A0000002471001")
MASTER_FILE_ID = b"\x3f\x00"
_CLOSED = frozenset({ElementaryFile.DG3, ElementaryFile.DG4})

SW_END_OF_FILE = 0x6282
SW_WRONG_LENGTH = 0x6700
SW_SECURITY_STATUS = 0x6982
SW_CONDITIONS = 0x6985
SW_NO_CURRENT_FILE = 0x6986
SW_WRONG_DATA = 0x6A80
SW_NOT_FOUND = 0x6A82
SW_WRONG_PARAMETERS = 0x6A86
SW_WRONG_OFFSET = 0x6B00


def status(sw: int) -> ResponseApdu:
    """A response without data."""
    return ResponseApdu(b"", sw)


class Rights(Protocol):
    """What the terminal may read beyond what access opens, and EF.CVCA where there is one."""

    @property
    def granted(self) -> frozenset[ElementaryFile]:
        """Files that are open to this terminal."""
        ...

    @property
    def ef_cvca(self) -> bytes | None:
        """The contents of EF.CVCA."""
        ...


@dataclass(frozen=True, slots=True)
class _Cvca:
    """EF.CVCA, which lies in the application under its usual identifiers (BSI TR-03110-3 §A.1.2.2) and changes with the chip."""

    in_application: bool = True
    file_id: int = 0x011C
    short_id: int = 0x1C


_CVCA = _Cvca()


class FileSystem:
    """Current directory and file, and the contents that the issuer wrote."""

    def __init__(self, files: Mapping[ElementaryFile, bytes], options: ChipOptions, rights: Rights) -> None:
        self._files = files
        self._options = options
        self._rights = rights
        self.reset()

    def reset(self) -> None:
        """Back to the master file, nothing selected."""
        self.in_application = False
        self._current: ElementaryFile | _Cvca | None = None

    def selects_application(self, command: CommandApdu) -> bool:
        """Whether the command selects the application by its name."""
        return command.p1 == 0x04 and command.data == APPLICATION_ID

    def select(self, command: CommandApdu) -> ResponseApdu:
        """SELECT: the master file, the application, or a file of the current directory."""
        self._current = None
        if command.p1 == 0x04:
            if command.data != APPLICATION_ID:
                return status(SW_NOT_FOUND)
            self.in_application = True
            return status(0x9000)
        if command.p1 == 0x00 and command.data in {b"", MASTER_FILE_ID}:
            self.in_application = False
            return status(0x9000)
        if command.p1 != 0x02 or len(command.data) != 2:
            return status(SW_WRONG_PARAMETERS)
        self._current = self._by_number(lambda file: file.file_id == int.from_bytes(command.data, "big"))
        return status(0x9000 if self._current else SW_NOT_FOUND)

    def _by_number(self, wanted: Callable[[ElementaryFile | _Cvca], bool]) -> ElementaryFile | _Cvca | None:
        there = (*self._files, *(() if self._rights.ef_cvca is None else (_CVCA,)))
        here = (file for file in there if file.in_application == self.in_application)
        return next((file for file in here if wanted(file)), None)

    def read(self, command: CommandApdu, *, access: bool) -> ResponseApdu:
        """READ BINARY with even (B0) or odd (B1) instruction."""
        response = self._read_odd(command, access=access) if command.ins == 0xB1 else self._read_even(command, access=access)
        if response.sw == SW_END_OF_FILE and response.data and self._options.has(Quirk.EXACT_LENGTH):
            return status(0x6C00 | min(len(response.data), LARGEST_EXACT_BYTES))
        return response

    def _read_even(self, command: CommandApdu, *, access: bool) -> ResponseApdu:
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:
            if self._options.has(Quirk.NO_SHORT_IDENTIFIERS) or command.p1 & 0x60:
                return status(SW_WRONG_PARAMETERS)
            offset = command.p2
            self._current = self._by_number(lambda file: file.short_id == command.p1 & 0x1F)
            if self._current is None and self._options.has(Quirk.FILES_OF_MASTER_FILE):
                there = (file for file in self._files if not file.in_application)
                self._current = next((file for file in there if file.short_id == command.p1 & 0x1F), None)
            if self._current is None:
                return status(SW_NOT_FOUND)
        return self._block(offset, command.le, access=access, end=self._even_end())

    def _read_odd(self, command: CommandApdu, *, access: bool) -> ResponseApdu:
        try:
            offset = int.from_bytes(parse_one(command.data, 0x54, "reading a command"), "big")
        except MalformedData:
            return status(SW_WRONG_DATA)
        if command.p1 or command.p2 or command.le is None or command.le < 4:
            return status(SW_WRONG_PARAMETERS)
        if offset < self._first_odd_offset():
            return status(SW_WRONG_OFFSET)
        overhead = 2 if command.le <= 0x81 else 3 if command.le <= 0x102 else 4
        block = self._block(offset, command.le - overhead, access=access)
        return ResponseApdu(encode_tlv(0x53, block.data), block.sw) if block.data else block

    def _first_odd_offset(self) -> int:
        """Where READ BINARY B1 may begin: the whole file, or only the part that B0 cannot name (Doc 9303-10 §3.6.6)."""
        if self._options.has(Quirk.NO_OVERLAP_OF_READS):
            return EVEN_OFFSETS
        return EVEN_OFFSETS - LITTLE_OVERLAP_BYTES if self._options.has(Quirk.LITTLE_OVERLAP_OF_READS) else 0

    def _even_end(self) -> int:
        """Where a block of READ BINARY B0 ends at the latest."""
        if self._options.has(Quirk.NO_OVERLAP_OF_READS):
            return EVEN_OFFSETS
        return EVEN_OFFSETS + LITTLE_OVERLAP_BYTES if self._options.has(Quirk.LITTLE_OVERLAP_OF_READS) else _NO_END

    def _block(self, offset: int, size: int | None, *, access: bool, end: int = _NO_END) -> ResponseApdu:
        if self._current is None:
            return status(SW_NO_CURRENT_FILE)
        if not self._may_read(self._current, access=access):
            return status(SW_SECURITY_STATUS)
        content = (self._rights.ef_cvca or b"") if isinstance(self._current, _Cvca) else self._files[self._current]
        if offset > len(content):
            return status(SW_WRONG_OFFSET)
        if size is None:
            return status(SW_WRONG_LENGTH)
        block = content[offset : min(offset + size, end)]
        whole = len(block) == size or size in {256, 65_536}
        if self._options.block_limit:
            block = block[: self._options.block_limit]
        return ResponseApdu(block, 0x9000 if whole else SW_END_OF_FILE)

    def _may_read(self, file: ElementaryFile | _Cvca, *, access: bool) -> bool:
        if file is ElementaryFile.CARD_SECURITY:  # read after PACE only (Doc 9303-10 §3.11.3)
            return access
        return not file.in_application or (access and (file not in _CLOSED or file in self._rights.granted))
