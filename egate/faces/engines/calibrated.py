"""Where the calibration of an operator's engine comes from, and who vouches for it.

The rule: no calibration, no decision. An engine without one can be loaded (to be calibrated); it cannot be appointed. The
operator's key stands in the engine's description, which belongs to the lane's configuration, never in the calibration itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.faces.calibration import Calibration, read_calibration
from egate.faces.engines.pinned import Fields
from egate.model.errors import DeviceError


@dataclass(frozen=True, slots=True)
class SignedCalibration:
    """A calibration's file and the raw Ed25519 public key, in hexadecimal, that must have signed it."""

    path: Path
    key: str

    def read(self) -> Calibration:
        """The calibration; raises DeviceError, MalformedData, or TrustError when the key did not sign it."""
        return read_calibration(self.path, (Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key)),))


def take_calibration(fields: Fields, base: Path) -> SignedCalibration | None:
    """The keys `calibration` and `calibration_key` of a description, both or neither; raises MalformedData."""
    if not fields.has("calibration") and not fields.has("calibration_key"):
        return None
    place, key = fields.text("calibration"), fields.digits("calibration_key")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except ValueError:
        raise fields.wrong("calibration_key", "is no Ed25519 public key") from None
    return SignedCalibration(base / place, key)


def calibration_from(source: SignedCalibration | None) -> Calibration | None:
    """What `SignedCalibration.read` gives, None where no calibration is named."""
    return None if source is None else source.read()


def not_calibrated(name: str) -> DeviceError:
    """The error of an engine whose scores mean nothing yet."""
    return DeviceError(
        "read the calibration of a face engine",
        f"{name} has no calibration, so its scores mean nothing and it may not decide; make one with egate faces calibrate",
    )
