"""Files of the master file that a reading looks at beside access: EF.ATR/INFO, EF.DIR and EF.CardSecurity.

Sources: ICAO Doc 9303-10 §3.6.4.2 (extended lengths), §3.11. Rule: these files are hints and optional, so nothing depends on them
but the size of blocks; some chips show EF.DIR to nobody before access (gmrtd #226), which leaves a remark and no more. A session
is not opened again for them.
"""

from __future__ import annotations

from collections.abc import Generator

from egate.model.document import ElementaryFile
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import MAX_SHORT_LE, CommandApdu, ResponseApdu
from egate.mrtd.file_reading import FileAbsent
from egate.mrtd.files.atr_info import parse_atr_info
from egate.mrtd.gathering import Gathering, Step, failure
from egate.ports import SHORT_RESPONSE_BYTES

MASTER_FILES = frozenset(file for file in ElementaryFile if not file.in_application)
"""Files outside the application, which are read before access or at the very end."""

_BY_RECORDS = (ElementaryFile.ATR_INFO, ElementaryFile.DIR)
_SELECT_MASTER_FILE = CommandApdu(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00")
_CATEGORY_STATUS_LAST, _CATEGORY_COMPACT = 0x00, 0x80
_CAPABILITIES_NAME = 7
_EXTENDED = 0x40


def read_buffers(gathering: Gathering) -> Step:
    """Learn from EF.ATR/INFO, else from the historical bytes, how long responses may be; read what else is asked for.

    EF.ATR/INFO costs one command, so it is read only where longer responses are of use.
    """
    request = gathering.request
    capability = states_extended(request.historical_bytes)
    of_use = request.max_response_bytes > SHORT_RESPONSE_BYTES and capability is not False
    for file in _BY_RECORDS:
        if file in (*request.further_files, *request.later_files) or (file is ElementaryFile.ATR_INFO and of_use):
            yield from _read_records(gathering, file)
    habits = gathering.reader.habits
    if of_use:
        stated = _stated_response(gathering.files.get(ElementaryFile.ATR_INFO))
        habits.response_bytes = stated or (request.max_response_bytes if capability else MAX_SHORT_LE)


def _read_records(gathering: Gathering, file: ElementaryFile) -> Step:
    try:
        gathering.keep(file, (yield from gathering.reader.read_records(file)))
    except FileAbsent:
        return
    except (ChipError, MalformedData) as error:
        gathering.remarks.append(failure("file", error, file.name))


def _stated_response(data: bytes | None) -> int:
    """The longest response that EF.ATR/INFO states, 0 where it states none that is longer than a short one.

    The file is signed by nobody: a wire that states tiny buffers must not make a reading slow.
    """
    try:
        info = parse_atr_info(data) if data is not None else None
    except MalformedData:
        return 0
    return info.max_response if info is not None and info.max_response > SHORT_RESPONSE_BYTES else 0


def states_extended(historical: bytes) -> bool | None:
    """Whether the card capabilities among the historical bytes announce extended lengths; None when they say nothing of it.

    Source: ISO/IEC 7816-4 §12.1.1: a category byte, then objects of half a byte name and half a byte length.
    """
    if not historical or historical[0] not in {_CATEGORY_STATUS_LAST, _CATEGORY_COMPACT}:
        return None
    position = 1
    while position < len(historical):
        name, length = historical[position] >> 4, historical[position] & 0x0F
        value = historical[position + 1 : position + 1 + length]
        if name == _CAPABILITIES_NAME:
            return bool(value[2] & _EXTENDED) if len(value) >= 3 else None
        position += 1 + length
    return None


def read_asked_for(gathering: Gathering) -> Generator[CommandApdu, ResponseApdu, None]:
    """At the end, EF.CardSecurity where it is asked for and access did not need it."""
    wanted = (*gathering.request.further_files, *gathering.request.later_files)
    if ElementaryFile.CARD_SECURITY not in wanted or ElementaryFile.CARD_SECURITY in gathering.files:
        return
    try:
        yield _SELECT_MASTER_FILE
        gathering.keep(ElementaryFile.CARD_SECURITY, (yield from gathering.read_once(ElementaryFile.CARD_SECURITY)))
    except FileAbsent:
        return
    except (ChipError, MalformedData) as error:
        gathering.note_failure("file", error, ElementaryFile.CARD_SECURITY.name)
