"""Certificate revocation lists of CSCAs (Doc 9303-12 §7.1.4): reading and verifying.

One list covers all certificates of its State, whichever generation of the CSCA key issued them, so it may be verified with
any CSCA key of that State, under whatever name (Doc 9303-12 appendix D.3). Where several authorities share one country, a list
covers those of its own authority only: that is its `scope`. Obtaining lists is the matter of `egate.supply`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from egate.model.errors import MalformedData
from egate.pki.asn1 import children, core, crl, decoding, elements, refuse_endless_numbers
from egate.pki.certificate import country_of, value_in_name
from egate.pki.keys import PublicKey, SignatureScheme, parse_scheme, verify_signature

LONGEST_INTERVAL = timedelta(days=90)
"""States issue a list at least this often, whether anything was revoked or not (Doc 9303-12 §4.4)."""

MAXIMUM_ENTRIES = 100_000
"""The longest list seen has 423."""

_SHARED_COUNTRIES = frozenset({"CN"})
"""Countries of several authorities: China, Hong Kong and Macao have CSCAs of their own, all with the country CN."""

MAXIMUM_LIST_BYTES = 4 * 1024 * 1024
"""The longest seen has 10 kB and 423 entries."""

_CRL_NUMBER, _DELTA, _DISTRIBUTION_POINT = "2.5.29.20", "2.5.29.27", "2.5.29.28"
_ORGANISATION = bytes.fromhex("060355040a")
"""The attribute `organizationName` (2.5.4.10) as it is encoded."""
_INTEGER, _LONG = 0x02, 0x80
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
    scope: str = ""

    def is_older_than(self, other: RevocationList) -> bool:
        """Whether this list came before `other`, by its date or, on the same day, by its number."""
        if self.this_update != other.this_update:
            return self.this_update < other.this_update
        return self.number is not None and other.number is not None and self.number < other.number

    def is_current_on(self, today: date, grace: timedelta) -> bool:
        """Whether the next list is not overdue by more than `grace`; without a date for it after `LONGEST_INTERVAL`."""
        due = self.next_update or self.this_update + LONGEST_INTERVAL
        return today <= due + grace


def parse_revocation_list(der: bytes) -> RevocationList:
    """Read a CRL. Raises MalformedData."""
    if len(der) > MAXIMUM_LIST_BYTES:
        raise MalformedData(_DOING, f"larger than {MAXIMUM_LIST_BYTES} bytes")
    refuse_endless_numbers(der, _DOING)
    with decoding(_DOING):
        signed_part, algorithm, signature = children(der)
        outer = crl.CertificateList.load(der, strict=True)
        body = outer["tbs_cert_list"]
        extensions = (
            {entry["extn_id"].dotted: entry for entry in body["crl_extensions"]} if body["crl_extensions"].contents else {}
        )
        if _DELTA in extensions:
            raise MalformedData(_DOING, "a list of changes only")
        if _DISTRIBUTION_POINT in extensions:  # Doc 9303-12 §7.1.4: not to be used; it would take the place of the whole list
            raise MalformedData(_DOING, "a list of some of the certificates only")
        issuer = bytes(body["issuer"].dump())
        country = country_of(issuer)
        return RevocationList(
            country=country,
            this_update=_day(body["this_update"].native),
            next_update=_day(body["next_update"].native) if body["next_update"].native else None,
            serial_numbers=_serial_numbers(body["revoked_certificates"]),
            signed_part=signed_part,
            signature=bytes(core.OctetBitString.load(signature).native),
            scheme=parse_scheme(algorithm),
            number=_number(extensions.get(_CRL_NUMBER)),
            der=der,
            scope=revocation_scope(country, issuer),
        )


def revocation_scope(country: str, issuer: bytes) -> str:
    """Whose certificates a list covers, from country and name (DER) of its issuer or of a certificate's; raises MalformedData.

    The country, which all keys and names of a State have in common, and the organisation where authorities share a country.
    """
    if country not in _SHARED_COUNTRIES:
        return country
    with decoding(_DOING):
        return f"{country}:{value_in_name(issuer, _ORGANISATION)}"


def _day(moment: Any) -> date:  # a value of the untyped library
    if not isinstance(moment, datetime):
        raise MalformedData(_DOING, "a date outside the calendar")
    return moment.astimezone(UTC).date()


def _serial_numbers(revoked: Any) -> frozenset[int]:  # values of the untyped library
    """The first value of each entry; what else an entry says (when, why) changes nothing: revoked is revoked."""
    if not revoked.contents:
        return frozenset()
    numbers = []
    for entry in elements(bytes(revoked.contents), MAXIMUM_ENTRIES):
        number = children(entry)[0]
        if number[0] != _INTEGER:
            raise ValueError("an entry without its serial number")
        numbers.append(
            int.from_bytes(number[2:], "big", signed=True) if number[1] < _LONG else int(core.Integer.load(number).native)
        )
    return frozenset(numbers)


def _number(extension: Any) -> int | None:  # a value of the untyped library
    """The CRL number, which counts up with each list (RFC 5280 §5.2.3)."""
    return None if extension is None else int(core.Integer.load(bytes(extension["extn_value"].contents)).native)


def verify_revocation_list(revocations: RevocationList, issuer_key: PublicKey) -> None:
    """Verify the signature on a list with one CSCA key; raises TrustError."""
    verify_signature(issuer_key, revocations.scheme, revocations.signature, revocations.signed_part)
