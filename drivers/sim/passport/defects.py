"""What can be wrong with a simulated passport, each made the way a forger or a careless issuer would make it.

Rule: a defect is in the bytes, on the chip or before signing; the checks learn of it from the bytes alone. Each has one telling
finding, which its row names in plain words.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Defect(Enum):
    """What is wrong with a passport."""

    NONE = "none"
    CLONED = "cloned"
    FORGED_DATA = "forged_data"
    UNKNOWN_ISSUER = "unknown_issuer"
    SWAPPED_PORTRAIT = "swapped_portrait"
    WRONG_SIGNATURE = "wrong_signature"
    UNSIGNED_KEY = "unsigned_key"
    STRIPPED_ACCESS = "stripped_access"
    FOREIGN_SIGNER = "foreign_signer"
    EXPIRED_SIGNER = "expired_signer"
    REVOKED_SIGNER = "revoked_signer"
    SIGNER_KEY_PERIOD_OVER = "signer_key_period_over"
    SIGNER_OF_OTHER_DOCUMENTS = "signer_of_other_documents"
    SIGNER_WITHOUT_USAGE = "signer_without_usage"


DEFECTS: Mapping[Defect, str] = MappingProxyType(
    {
        Defect.NONE: "nothing is wrong",
        Defect.CLONED: "all files are copied from a genuine chip, whose private keys could not be",
        Defect.FORGED_DATA: "DG1 was rewritten for another holder after signing",
        Defect.UNKNOWN_ISSUER: "everything is signed, by a key that only claims to be the State's",
        Defect.SWAPPED_PORTRAIT: "DG2 holds another portrait than the one that was signed",
        Defect.WRONG_SIGNATURE: "the signature in EF.SOD does not hold",
        Defect.UNSIGNED_KEY: "a copier put his own key into DG14, and EF.SOD does not cover DG14",
        Defect.STRIPPED_ACCESS: "EF.CardAccess was taken away so that readers fall back to BAC; DG14 still offers PACE",
        Defect.FOREIGN_SIGNER: "a trusted authority of another State signed it",
        Defect.EXPIRED_SIGNER: "the document signer's certificate is no longer valid",
        Defect.REVOKED_SIGNER: "the State's revocation list names the document signer",
        Defect.SIGNER_KEY_PERIOD_OVER: "signed after the end of the signing key's own period, as the date of issue in DG12 shows",
        Defect.SIGNER_OF_OTHER_DOCUMENTS: "the document signer may sign visas only",
        Defect.SIGNER_WITHOUT_USAGE: "the document signer's certificate does not allow signatures",
    }
)
"""Each defect in one sentence."""
