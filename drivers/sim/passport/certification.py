"""The simulated States' office, one door to its three rooms: keys and signatures, certificates, signed objects.

For the demo, the document maker and tests. Nothing here decides anything, and nothing here is trusted by a product unless
somebody puts it into a trust store. See `signing` for what a seed determines.
"""

from __future__ import annotations

from drivers.sim.passport.certificates import (
    Authority,
    CertificatePlan,
    defect_list_plan,
    deviation_list_plan,
    issue,
    link_certificate,
    master_list_plan,
)
from drivers.sim.passport.signed_objects import (
    SOD_SIGNATURE_WRONG,
    Deviation,
    ListedDefect,
    SecurityObjectPlan,
    encode_card_security,
    encode_defect_list,
    encode_deviation_list,
    encode_master_list,
    encode_revocation_list,
    encode_security_object,
)
from drivers.sim.passport.signing import (
    DIGESTS,
    SCHEMES,
    Entropy,
    Padding,
    PrivateKey,
    SignatureScheme,
    SigningKind,
    elliptic_key,
    signing_key,
)

__all__ = [
    "DIGESTS",
    "SCHEMES",
    "SOD_SIGNATURE_WRONG",
    "Authority",
    "CertificatePlan",
    "Deviation",
    "Entropy",
    "ListedDefect",
    "Padding",
    "PrivateKey",
    "SecurityObjectPlan",
    "SignatureScheme",
    "SigningKind",
    "defect_list_plan",
    "deviation_list_plan",
    "elliptic_key",
    "encode_card_security",
    "encode_defect_list",
    "encode_deviation_list",
    "encode_master_list",
    "encode_revocation_list",
    "encode_security_object",
    "issue",
    "link_certificate",
    "master_list_plan",
    "signing_key",
]
