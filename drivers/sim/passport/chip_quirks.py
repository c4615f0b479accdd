"""How the simulated chip plays the quirks of `egate.mrtd.quirks`: refusals before a command is carried out, and files as served.

Rule: one place for each quirk, each as its report tells it; what a quirk breaks in a real chip (the session, for instance) it
breaks here too. Sources: the reports that the table names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from drivers.sim.passport.chip_options import LARGEST_EXACT_BYTES, ChipOptions
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu
from egate.mrtd.files.lds import FILE_TAGS, encode_com
from egate.mrtd.files.security_infos import PaceDomainParameters, PaceInfo, encode_card_access, parse_card_access
from egate.mrtd.files.tlv import parse_tlvs
from egate.mrtd.quirks import Quirk

FULL_LENGTH = 256
_SW_LENGTH, _SW_OFFSET, _SW_PARAMETERS_MISSING = 0x6700, 0x6B00, 0x6A87
_READS = frozenset({0xB0, 0xB1})
_SELECT, _MANAGE_SECURITY = 0xA4, 0x22
_MASTER_FILE = {
    Quirk.MASTER_FILE_6A86: 0x6A86,
    Quirk.MASTER_FILE_6A87: 0x6A87,
    Quirk.MASTER_FILE_6985: 0x6985,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status word that stands for the command's answer; `ends_session` goes out unprotected and closes the session."""

    sw: int
    ends_session: bool = False


def refusal(options: ChipOptions, command: CommandApdu, *, protected: bool) -> Refusal | None:
    """What the chip's quirks make of a command, None when they let it pass."""
    if command.ins in _READS and protected:
        return _read_refusal(options, command)
    if command.ins == _SELECT:
        return _select_refusal(options, command)
    if command.ins == _MANAGE_SECURITY:
        return _set_up_refusal(options, command)
    return None


def _read_refusal(options: ChipOptions, command: CommandApdu) -> Refusal | None:
    expected = command.le or 0
    if options.has(Quirk.EXTENDED_LENGTH_REFUSED) and expected > FULL_LENGTH:
        return Refusal(_SW_LENGTH, ends_session=True)
    if options.has(Quirk.FULL_LENGTH_REFUSED) and expected >= FULL_LENGTH:
        return Refusal(_SW_OFFSET, ends_session=True)
    if options.read_limit and expected > options.read_limit:
        return Refusal(_SW_LENGTH, ends_session=options.has(Quirk.LENGTH_ENDS_SESSION))
    if options.has(Quirk.EXACT_LENGTH) and expected > LARGEST_EXACT_BYTES:
        return Refusal(0x6C00 | LARGEST_EXACT_BYTES)
    return None


def _select_refusal(options: ChipOptions, command: CommandApdu) -> Refusal | None:
    if options.has(Quirk.NO_LE_IN_SELECT) and command.le is not None:
        return Refusal(_SW_LENGTH)
    if command.p1 != 0x00 or command.data not in {b"", b"\x3f\x00"}:
        return None
    return next((Refusal(sw) for quirk, sw in _MASTER_FILE.items() if options.has(quirk)), None)


def _set_up_refusal(options: ChipOptions, command: CommandApdu) -> Refusal | None:
    if options.has(Quirk.NO_LE_IN_SELECT) and command.le is not None:
        return Refusal(_SW_LENGTH)
    if options.has(Quirk.PARAMETERS_NEEDED) and (command.p1, command.p2) == (0xC1, 0xA4):
        try:
            named = any(item.tag == 0x84 for item in parse_tlvs(command.data, "setting up PACE"))
        except MalformedData:
            return None
        return None if named else Refusal(_SW_PARAMETERS_MISSING)
    return None


def served_files(files: Mapping[ElementaryFile, bytes], options: ChipOptions) -> Mapping[ElementaryFile, bytes]:
    """The unsigned files as the chip's quirks have them; signed ones are as they were personalised."""
    changed = dict(files)
    if options.has(Quirk.WRONG_COM) and ElementaryFile.COM in files:
        changed[ElementaryFile.COM] = _wrong_com(files)
    if options.has(Quirk.NO_PARAMETER_ID) and ElementaryFile.CARD_ACCESS in files:
        stripped = tuple(replace(info, parameter_id=None) for info in offered_pace(files, options))
        if stripped:
            changed[ElementaryFile.CARD_ACCESS] = encode_card_access(stripped)
    return changed


def _wrong_com(files: Mapping[ElementaryFile, bytes]) -> bytes:
    """An EF.COM that leaves out the last file that there is and names one that is not there."""
    groups = [file for file in FILE_TAGS if file.name.startswith("DG")]
    present = [file for file in groups if file in files]
    absent = [file for file in groups if file not in files]
    return encode_com([*present[:-1], *absent[:1]])


def offered_pace(files: Mapping[ElementaryFile, bytes], options: ChipOptions) -> tuple[PaceInfo, ...]:
    """What EF.CardAccess offers, with the parameters that the chip uses where none are named; nothing when it cannot be read."""
    try:
        infos = parse_card_access(files.get(ElementaryFile.CARD_ACCESS, b"")).pace
    except MalformedData:
        return ()
    if not options.has(Quirk.NO_PARAMETER_ID):
        return infos
    return tuple(replace(info, parameter_id=options.unnamed_parameters) if info.parameter_id is None else info for info in infos)


def own_parameters(files: Mapping[ElementaryFile, bytes]) -> tuple[PaceDomainParameters, ...]:
    """The domain parameters that EF.CardAccess spells out."""
    try:
        return parse_card_access(files.get(ElementaryFile.CARD_ACCESS, b"")).pace_parameters
    except MalformedData:
        return ()
