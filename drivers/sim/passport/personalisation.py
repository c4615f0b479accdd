"""What an issuer writes into a chip. The simulated chip plays it; the simulated issuer fills it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from egate.model.document import ElementaryFile, MrzInformation


@dataclass(frozen=True, slots=True)
class ChipPersonalisation:
    """Files and secrets of one chip.

    `files` holds whole elementary files, tags included. `chip_authentication_key` answers chip authentication (a clone holds
    another key than DG14 announces, or none). `supports_pace` needs an EF.CardAccess among the files.
    """

    mrz: MrzInformation
    files: Mapping[ElementaryFile, bytes] = field(repr=False)
    chip_authentication_key: EllipticCurvePrivateKey | None = field(repr=False, default=None)
    supports_pace: bool = True
    supports_bac: bool = True
