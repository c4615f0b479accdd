"""What an issuer writes into a chip. The simulated chip plays it; the simulated issuer fills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from egate.model.document import ElementaryFile, MrzInformation
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement
from egate.mrtd.crypto.domain_parameters import curve_by_name
from egate.mrtd.crypto.ec import Point

ActiveKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"""What active authentication can sign with."""


@dataclass(frozen=True, slots=True)
class AgreementKey:
    """A static key of the chip, on any curve or group: for chip authentication and for PACE with chip authentication mapping.

    `key_id` is its number where the chip has several. Build one from a key of `cryptography` with `of`.
    """

    agreement: CurveAgreement | GroupAgreement
    private: int = field(repr=False)
    key_id: int | None = None

    @property
    def public(self) -> Point | int:
        """The public element: a point on a curve, an integer in a group."""
        if isinstance(self.agreement, CurveAgreement):
            return self.agreement.multiply(self.private, self.agreement.base)
        return self.agreement.multiply(self.private, self.agreement.base)

    @staticmethod
    def of(key: ec.EllipticCurvePrivateKey, key_id: int | None = None) -> AgreementKey:
        """The key of a curve that `cryptography` knows; ValueError when it is none of the standard ones."""
        curve = curve_by_name(key.curve.name)
        if curve is None:
            raise ValueError("not one of the standard curves")
        return AgreementKey(CurveAgreement(curve), key.private_numbers().private_value, key_id)


@dataclass(frozen=True, slots=True)
class ChipPersonalisation:
    """Files and secrets of one chip.

    `files` holds whole elementary files, tags included. `chip_authentication_key` answers chip authentication (a clone holds
    another key than DG14 announces, or none), `active_authentication_key` active authentication in the same way for DG15.
    `supports_pace` needs an EF.CardAccess among the files. `agreement_keys` are further static keys, for chips with several, with
    a group, with a curve that `cryptography` lacks, or with PACE-CAM; `static_keys` are all of them.
    """

    mrz: MrzInformation
    files: Mapping[ElementaryFile, bytes] = field(repr=False)
    chip_authentication_key: ec.EllipticCurvePrivateKey | None = field(repr=False, default=None)
    supports_pace: bool = True
    supports_bac: bool = True
    active_authentication_key: ActiveKey | None = field(repr=False, default=None)
    agreement_keys: tuple[AgreementKey, ...] = field(repr=False, default=())

    @property
    def static_keys(self) -> tuple[AgreementKey, ...]:
        """All static keys of the chip, `chip_authentication_key` first."""
        first = () if self.chip_authentication_key is None else (AgreementKey.of(self.chip_authentication_key),)
        return first + self.agreement_keys
