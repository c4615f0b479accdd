"""Document signer certificates from a directory (ICAO PKD), for documents that carry none.

Nothing here is trusted: a certificate found is a candidate, and only a chain to a trusted key makes it count. A directory has
tens of thousands of certificates of which a lane needs a few a day, so they stay DER and are parsed when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from egate.model.errors import MalformedData
from egate.pki.certificate import Certificate, parse_certificate
from egate.pki.keys import CachedValue

MAXIMUM_SIGNERS = 131_072
"""The ICAO PKD has some 30,000 document signer certificates."""


@dataclass(frozen=True, slots=True)
class SignerIndex:
    """Certificates by issuer and serial number, and by key identifier. Build it with `of`."""

    certificates: tuple[bytes, ...] = field(repr=False, default=())
    _places: Mapping[bytes, tuple[int, ...]] = field(repr=False, default_factory=dict)

    @staticmethod
    def of(certificates: Iterable[Certificate]) -> SignerIndex:
        """An index of these certificates; ValueError when there are more than `MAXIMUM_SIGNERS`."""
        ders: dict[bytes, None] = {}
        places: dict[bytes, tuple[int, ...]] = {}
        for certificate in certificates:
            if certificate.der in ders:
                continue
            for key in _keys(certificate.issuer, certificate.serial_number, certificate.subject_key_identifier):
                places[key] = (*places.get(key, ()), len(ders))
            ders[certificate.der] = None
            if len(ders) > MAXIMUM_SIGNERS:
                raise ValueError(f"more than {MAXIMUM_SIGNERS} document signer certificates")
        return SignerIndex(tuple(ders), places)

    def candidates(self, issuer: bytes, serial_number: int | None, key_identifier: bytes) -> Iterator[Certificate]:
        """The certificates that a signer's identity may mean, parsed now."""
        for key in _keys(issuer, serial_number, key_identifier):
            for place in self._places.get(key, ()):
                yield parse_certificate(self.certificates[place])

    def to_cache(self) -> CachedValue:
        """The index as plain values that CBOR can hold."""
        return (self.certificates, tuple(self._places.items()))

    @staticmethod
    def from_cache(cached: Any) -> SignerIndex:  # values from a file
        """The index of `to_cache`; MalformedData for anything else. It says what the cache says."""
        try:
            certificates, places = cached
            index = {key: tuple(found) for key, found in places}
            if not all(isinstance(entry, bytes) for entry in (*certificates, *index)):
                raise ValueError("something else than bytes")
            if not all(0 <= place < len(certificates) for found in index.values() for place in found):
                raise ValueError("a place that is none")
            return SignerIndex(tuple(certificates), index)
        except (ValueError, TypeError):
            raise MalformedData("reading cached document signers", "not what was stored") from None


def _keys(issuer: bytes, serial_number: int | None, key_identifier: bytes) -> Iterator[bytes]:
    if serial_number is not None:
        yield b"n" + str(serial_number).encode() + b":" + issuer
    if key_identifier:
        yield b"k" + key_identifier
