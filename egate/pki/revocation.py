"""Certificate revocation lists of CSCAs (Doc 9303-12 §7.1.4): reading and verifying.

One list covers all certificates of its State, whichever generation of the CSCA key issued them, so it may be verified with
any CSCA key of that State (Doc 9303-12 appendix D.3). Obtaining lists, their age and deltas belong to part 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from egate.model.errors import MalformedData
from egate.pki.asn1 import children, core, crl, decoding
from egate.pki.certificate import country_of
from egate.pki.keys import PublicKey, SignatureScheme, parse_scheme, verify_signature

MAXIMUM_LIST_BYTES = 4 * 1024 * 1024
"""The longest seen has 10 kB and 423 entries."""

_CRL_NUMBER = "2.5.29.20"
_DOING = "reading a revocation list"


@dataclass(frozen=True, slots=True)
class RevocationList:
    """The revoked serial numbers of one State, until when the list counts as current, and its `der` to store it by."""

    country: str
    this_update: date
    next_update: date | None
    serial_numbers: frozenset[int] = field(repr=False)
    signed_part: bytes = field(repr=False, compare=False)
    signature: bytes = field(repr=False, compare=False)
    scheme: SignatureScheme | None = field(compare=False)
    number: int | None = None
    der: bytes = field(repr=False, default=b"")


def parse_revocation_list(der: bytes) -> RevocationList:
    """Read a CRL. Raises MalformedData."""
    if len(der) > MAXIMUM_LIST_BYTES:
        raise MalformedData(_DOING, f"larger than {MAXIMUM_LIST_BYTES} bytes")
    with decoding(_DOING):
        signed_part, algorithm, signature = children(der)
        outer = crl.CertificateList.load(der, strict=True)
        body = outer["tbs_cert_list"]
        next_update = body["next_update"].native
        return RevocationList(
            country=country_of(body["issuer"]),
            this_update=body["this_update"].native.date(),
            next_update=next_update.date() if next_update else None,
            serial_numbers=_serial_numbers(body["revoked_certificates"]),
            signed_part=signed_part,
            signature=bytes(core.OctetBitString.load(signature).native),
            scheme=parse_scheme(algorithm),
            number=_number(body["crl_extensions"]),
            der=der,
        )


def _serial_numbers(revoked: Any) -> frozenset[int]:  # values of the untyped library
    return frozenset(int(entry["user_certificate"].native) for entry in revoked) if revoked.contents else frozenset()


def _number(extensions: Any) -> int | None:  # values of the untyped library
    """The CRL number, which counts up with each list (RFC 5280 §5.2.3)."""
    for extension in extensions if extensions.contents else ():
        if extension["extn_id"].dotted == _CRL_NUMBER:
            return int(core.Integer.load(bytes(extension["extn_value"].contents)).native)
    return None


def verify_revocation_list(revocations: RevocationList, issuer_key: PublicKey) -> None:
    """Verify the signature on a list with one CSCA key; raises TrustError."""
    verify_signature(issuer_key, revocations.scheme, revocations.signature, revocations.signed_part)
