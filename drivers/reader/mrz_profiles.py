"""The makes of MRZ readers that we know, by the name that a configuration gives them.

Each says where it was read. None was tried with the device itself; what the source leaves open is said here, and the profile
takes every reading of it. A further make is a further line: no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drivers.reader.mrz_protocol import CUTE, Framing, MrzProfile
from egate.model.errors import DeviceError

DEFAULT_PROFILE = "cute"

_SYN = b"\x16"
_NEWLAND_COMMAND = b"\x7e\x01\x30\x30\x30\x30\x40"
_NEWLAND_END = b"\x3b\x03"

MRZ_PROFILES: Mapping[str, MrzProfile] = MappingProxyType(
    {
        "cute": CUTE,
        # The length before OU and the check after ETX are not described closely enough to be checked: the marks frame it. Missing
        # lines are empty, the bottom line is always the third; short lines are filled with underscores.
        "3m-oem": MrzProfile(
            start=b"OU\x02",
            flag=True,
            filler="_",
            source="3M RTE6701-OEM manual, p. 26: SOH [len] OU STX [flag] [line CR line CR line CR] ETX [BCC]",
        ),
        "lines": MrzProfile(
            framing=Framing.BARE,
            baud=115_200,
            source="virtual COM ports of keyboard-style readers: lines with CR, LF or both, nothing else",
        ),
        # OCR must be switched on; the zone comes without line ends (88 or 90 signs) unless the device is told otherwise.
        "imager": MrzProfile(
            framing=Framing.BARE,
            line_end=b"",
            setup=(_SYN + b"M\rocrena1!",),
            trigger=_SYN + b"T\r",
            untrigger=_SYN + b"U\r",
            baud=115_200,
            source="Honeywell-style imagers with OCR: menu command SYN M CR, trigger SYN T CR and SYN U CR (github: demo_uptek)",
        ),
        "newland": MrzProfile(
            framing=Framing.BARE,
            line_end=b"",
            setup=(_NEWLAND_COMMAND + b"SCNTCE1" + _NEWLAND_END,),
            trigger=_NEWLAND_COMMAND + b"SCNTRG1" + _NEWLAND_END,
            baud=115_200,
            source="Newland-style OCR modules: 7E 01 0000 @ command ; 03 (github: hotel-kiosk-client)",
        ),
    }
)


def mrz_profile(name: str) -> MrzProfile:
    """The profile of that name, the default for an empty one; raises DeviceError."""
    try:
        return MRZ_PROFILES[name or DEFAULT_PROFILE]
    except KeyError:
        known = ", ".join(MRZ_PROFILES)
        raise DeviceError("configure the MRZ reader", f"there is no profile {name!r}; known: {known}") from None
