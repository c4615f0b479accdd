"""What an issuer writes into a chip. The simulated chip plays it; the simulated issuer fills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from egate.model.document import ElementaryFile, MrzInformation

ActiveKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"""What active authentication can sign with."""


@dataclass(frozen=True, slots=True)
class ChipPersonalisation:
    """Files and secrets of one chip.

    `files` holds whole elementary files, tags included. `chip_authentication_key` answers chip authentication (a clone holds
    another key than DG14 announces, or none), `active_authentication_key` active authentication in the same way for DG15.
    `supports_pace` needs an EF.CardAccess among the files.
    """

    mrz: MrzInformation
    files: Mapping[ElementaryFile, bytes] = field(repr=False)
    chip_authentication_key: ec.EllipticCurvePrivateKey | None = field(repr=False, default=None)
    supports_pace: bool = True
    supports_bac: bool = True
    active_authentication_key: ActiveKey | None = field(repr=False, default=None)
