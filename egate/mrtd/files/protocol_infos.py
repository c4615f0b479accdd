"""What a chip can say of its protocols, as values: one class for each kind of SecurityInfo, and their object identifiers.

Source: ICAO Doc 9303-11 §9.2, BSI TR-03110-3 §A.1. Rule: values only; `egate.mrtd.files.security_infos` parses and encodes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egate.mrtd.crypto.agreement import CurveAgreement
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.crypto.soundness import Parameters
from egate.mrtd.files.public_keys import AgreementPublicKey

PACE_OID = "0.4.0.127.0.7.2.2.4"
CHIP_AUTHENTICATION_OID = "0.4.0.127.0.7.2.2.3"
TERMINAL_AUTHENTICATION_OID = "0.4.0.127.0.7.2.2.2"
CHIP_AUTHENTICATION_KEY_OID = "0.4.0.127.0.7.2.2.1"
ACTIVE_AUTHENTICATION_OID = "2.23.136.1.1.5"
_SUITE_BY_ARC = {1: CipherSuite.DES3, 2: CipherSuite.AES128, 3: CipherSuite.AES192, 4: CipherSuite.AES256}
_ARC_BY_SUITE = {suite: arc for arc, suite in _SUITE_BY_ARC.items()}
DH_GENERIC, ECDH_GENERIC, DH_INTEGRATED, ECDH_INTEGRATED, ECDH_CHIP_AUTHENTICATION = 1, 2, 3, 4, 6
"""Arcs of key agreement and mapping below `PACE_OID`; the first two also stand for DH and ECDH below the object identifiers of
chip authentication."""


@dataclass(frozen=True, slots=True)
class PaceInfo:
    """One way of PACE: its object identifier, version and domain parameter number (None when the chip states none)."""

    oid: str
    version: int = 2
    parameter_id: int | None = 13

    @property
    def mapping(self) -> int:
        """The arc of key agreement and mapping: 1 DH-GM, 2 ECDH-GM, 3 DH-IM, 4 ECDH-IM, 6 ECDH-CAM."""
        return int(self.oid.split(".")[-2])

    @property
    def suite(self) -> CipherSuite | None:
        """The cipher, None when the arc is unknown."""
        return _SUITE_BY_ARC.get(int(self.oid.split(".")[-1]))


@dataclass(frozen=True, slots=True)
class PaceDomainParameters:
    """Domain parameters for PACE that the chip spells out or names: for which mapping, and under which number."""

    oid: str
    parameters: Parameters | None
    parameter_id: int | None = None

    @property
    def mapping(self) -> int:
        """The arc of key agreement and mapping, as in `PaceInfo`."""
        return int(self.oid.split(".")[-1])


@dataclass(frozen=True, slots=True)
class ChipAuthenticationInfo:
    """One way of chip authentication and the key it uses (None: the only one)."""

    oid: str
    version: int = 1
    key_id: int | None = None

    @property
    def agreement(self) -> int:
        """1 for DH, 2 for ECDH."""
        return int(self.oid.split(".")[-2])

    @property
    def suite(self) -> CipherSuite | None:
        """The cipher, None when the arc is unknown."""
        return _SUITE_BY_ARC.get(int(self.oid.split(".")[-1]))


@dataclass(frozen=True, slots=True)
class ChipAuthenticationKey:
    """A static public key of the chip; `public` is None when its algorithm is none of key agreement."""

    oid: str
    public: AgreementPublicKey | None = field(repr=False)
    key_id: int | None = None

    @property
    def curve(self) -> Curve | None:
        """The standard curve that the key lies on, None for other keys."""
        parameters = self.public.parameters if self.public else None
        return parameters.curve if isinstance(parameters, CurveAgreement) else None

    @property
    def point(self) -> Point | None:
        """The key on a standard curve, None for other keys."""
        return self.curve.decode(self.public.encoded) if self.curve and self.public else None


@dataclass(frozen=True, slots=True)
class TerminalAuthenticationInfo:
    """That the chip runs terminal authentication; the file that names its trust anchors, where it is not the usual EF.CVCA."""

    version: int
    cvca_file_id: int | None = None
    cvca_short_id: int | None = None


@dataclass(frozen=True, slots=True)
class SecurityInfos:
    """What a chip offers; `active_authentication` is the object identifier of its ECDSA variant, `unknown` a count."""

    pace: tuple[PaceInfo, ...] = ()
    chip_authentication: tuple[ChipAuthenticationInfo, ...] = ()
    chip_authentication_keys: tuple[ChipAuthenticationKey, ...] = ()
    active_authentication: str | None = None
    unknown: int = 0
    pace_parameters: tuple[PaceDomainParameters, ...] = ()
    terminal_authentication: TerminalAuthenticationInfo | None = None


def pace_oid(mapping: int, suite: CipherSuite) -> str:
    """The object identifier of PACE with a mapping arc (see `PaceInfo.mapping`) and a cipher."""
    return f"{PACE_OID}.{mapping}.{_ARC_BY_SUITE[suite]}"


def chip_authentication_oid(suite: CipherSuite, agreement: int = ECDH_GENERIC) -> str:
    """The object identifier of chip authentication with a cipher, by ECDH or (1) by DH."""
    return f"{CHIP_AUTHENTICATION_OID}.{agreement}.{_ARC_BY_SUITE[suite]}"
