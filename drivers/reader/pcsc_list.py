"""The names of the PC/SC readers that are plugged in now, for a technician; no reader is connected to and no chip is touched."""

from __future__ import annotations

from typing import Any

from drivers.reader.pcsc_service import load_pyscard
from egate.model.errors import DeviceError


def list_pcsc_readers() -> tuple[str, ...]:
    """Names of the readers in the order of names; raises DeviceError when pyscard or the service is not there."""
    scard: Any = load_pyscard()
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    if result != scard.SCARD_S_SUCCESS:
        raise DeviceError("reach the PC/SC service", "it does not answer; start it with: systemctl start pcscd.socket")
    try:
        result, names = scard.SCardListReaders(context, [])
    finally:
        scard.SCardReleaseContext(context)
    if result == scard.SCARD_S_SUCCESS:
        return tuple(sorted(names))
    if result == scard.SCARD_E_NO_READERS_AVAILABLE:
        return ()
    raise DeviceError("ask the PC/SC service for its readers", str(scard.SCardGetErrorMessage(result)).rstrip(". "))
