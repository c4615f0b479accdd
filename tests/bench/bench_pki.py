"""What it costs to know that a passport is authentic, and to look it up: against the bare primitives and the limits we set."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import cast

import cbor2
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from drivers.sim.passport.certification import Deviation, SigningKind
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.model.document import ElementaryFile
from egate.pki.asn1 import unwrap_application
from egate.pki.certificate import Certificate, parse_certificate
from egate.pki.cms import parse_signed_data
from egate.pki.keys import EllipticKey, RsaKey
from egate.pki.passive_auth import HashState, hash_state, inspect_security_object
from egate.pki.trust_store import TrustStore, load_master_list, verify_master_list
from egate.storage.cbor import CborValue, encode
from egate.watchlist.index import DocumentIndex, build_document_index, document_key
from tests.bench.row import BenchRow
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, seeded

LOAD_LIMIT_MS = 600.0
"""A lane takes 588 certificates from the raw list within this time (goal of the project)."""

PARSE_AND_VERIFY_MS = 0.28
"""Parsing a security object and verifying it, as the project measured it before; the algorithm is not recorded."""

LOOKUP_LIMIT_US = 2.4
"""CPU time for normalising, keyed hash and look-up among 10 million entries, as the project measured it before."""

CERTIFICATES = 588

CACHE_LIMIT_MS = 150.0
"""A lane takes 588 certificates from its cache within this time (goal of the project)."""

DEVIATING_DOCUMENTS = 169_422
NAIVE_DEVIATIONS_MS = 320.0
"""Estonia's list of 2018, and what decoding it with a general ASN.1 library took."""

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
GERMAN, GERMAN_ANCHOR = "DE_ML_2024-08-07-07-38-24.ml", 1163
"""A published list that is used where it is at hand, and the serial number of the CSCA that is pinned for its signer."""
ENTRIES = 100_000


def median_ms(call: Callable[[], object], seconds: float = 0.5) -> float:
    """The median time of a call, in milliseconds, after one call to warm up."""
    call()
    times: list[float] = []
    end = perf_counter() + seconds
    while perf_counter() < end or len(times) < 3:
        start = perf_counter()
        call()
        times.append(1000 * (perf_counter() - start))
    return median(times)


def rows() -> list[BenchRow]:
    """The measurements of this area."""
    inspections = [inspection(kind) for kind in SigningKind]
    rsa_row = inspections[-1]
    limit = "limit: parse and verify, measured earlier; ours adds chain, usage and data groups"
    inspections.append(BenchRow("passive authentication, RSA", rsa_row.value, "ms", limit, PARSE_AND_VERIFY_MS))
    return [*inspections, loading(), *from_cache(), deviations(), *real_list(), looking_up()]


def inspection(kind: SigningKind) -> BenchRow:
    """EF.SOD: parse, verify, chain, and the hashes of DG1, DG2 (15 kB) and DG14; against the two verifications and hashes."""
    state = SimulatedIssuer.create("UTO", seeded(kind.value.encode()), TODAY, kind)
    files = state.personalise(ERIKA, PORTRAIT, SIZE).files
    trust = TrustStore.from_certificates([state.csca_certificate], "bench", TODAY)
    groups = {number: files[ElementaryFile[f"DG{number}"]] for number in (1, 2, 14)}
    sod = files[ElementaryFile.SOD]

    def ours() -> None:
        found = inspect_security_object(sod, trust, TODAY)
        if not all(hash_state(found, number, data) is HashState.MATCHES for number, data in groups.items()):
            raise RuntimeError("the sample does not verify")

    bare = bare_verification(sod, state.csca_certificate, tuple(groups.values()))
    name = f"passive authentication, {kind.value}"
    return BenchRow(name, median_ms(ours), "ms", "bare verify calls and hashes of `cryptography`", median_ms(bare))


def bare_verification(sod: bytes, csca: bytes, groups: tuple[bytes, ...]) -> Callable[[], None]:
    """The same cryptography on values taken apart beforehand."""
    signed = parse_signed_data(unwrap_application(sod, 0x17, "bench"))
    signer, certificate = signed.signers[0], signed.certificates[0]
    pairs = (
        (certificate.public_key, signer.signature, signer.attributes),
        (parse_certificate(csca).public_key, certificate.signature, certificate.signed_part),
    )

    def verify() -> None:
        for key, signature, message in pairs:
            if isinstance(key, EllipticKey) and key.primitive is not None:
                key.primitive.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            elif isinstance(key, RsaKey):
                verify_pss(key.primitive, signature, message)
        for data in groups:
            sha256(data).digest()

    return verify


def verify_pss(key: rsa.RSAPublicKey, signature: bytes, message: bytes) -> None:
    """One RSASSA-PSS verification with a 32-byte salt."""
    key.verify(signature, message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def loading() -> BenchRow:
    """A trust store of as many certificates as the largest master list has."""
    der = SimulatedIssuer.create("UTO", seeded(b"loading"), TODAY).csca_certificate
    time_ms = median_ms(lambda: TrustStore.from_certificates([der] * CERTIFICATES, "bench", TODAY), 1.0)
    return BenchRow(f"trust store of {CERTIFICATES} certificates", time_ms, "ms", "limit: goal for the raw list", LOAD_LIMIT_MS)


def cached_store(certificates: tuple[Certificate, ...]) -> tuple[bytes, Callable[[], TrustStore]]:
    """Certificates as they lie in a cache, and what makes a store of them again."""
    stored = encode(cast("CborValue", [entry.to_cache() for entry in certificates]))

    def load() -> TrustStore:
        entries = cast("list[object]", cbor2.loads(stored))
        return TrustStore.from_parts((Certificate.from_cache(entry) for entry in entries), "bench", TODAY)

    return stored, load


def from_cache() -> list[BenchRow]:
    """The store of 588 different certificates, from the bytes of a cache that was verified when it was opened."""
    state = SimulatedIssuer.create("UTO", seeded(b"cache"), TODAY)
    one = parse_certificate(state.csca_certificate)
    certificates = tuple(replace(one, serial_number=number) for number in range(CERTIFICATES))
    _, load = cached_store(certificates)
    name = f"trust store of {CERTIFICATES} certificates from the cache"
    return [BenchRow(name, median_ms(load), "ms", "limit: goal for the cache", CACHE_LIMIT_MS)]


def deviations() -> BenchRow:
    """A deviation list as long as Estonia's: signature, chain and every document number."""
    state = SimulatedIssuer.create("UTO", seeded(b"deviations"), TODAY)
    trust = TrustStore.from_certificates([state.csca_certificate], "bench", TODAY)
    numbers = tuple(f"K{number:07d}" for number in range(DEVIATING_DOCUMENTS))
    signed = state.deviation_list(Deviation(document_numbers=numbers))
    time_ms = median_ms(lambda: trust.with_deviations(signed, TODAY), 1.0)
    name = f"deviation list of {DEVIATING_DOCUMENTS} documents"
    return BenchRow(name, time_ms, "ms", "a plain ASN.1 decoder, measured earlier", NAIVE_DEVIATIONS_MS)


def real_list() -> list[BenchRow]:
    """The German list where it is at hand: verified and loaded, against the loader of `cryptography` on what that can load."""
    path = Path(os.environ.get("EGATE_SHARED", str(SHARED))) / "data" / "mrtd" / "masterlists" / GERMAN
    if not path.exists():
        return []
    data, day = path.read_bytes(), date(2024, 9, 1)
    anchor = [entry.der for entry in parse_signed_data(data).certificates if entry.serial_number == GERMAN_ANCHOR]
    anchors = TrustStore.from_certificates(anchor, "bench", day)
    ders, _ = verify_master_list(data, anchors, day)

    def peer() -> int:
        return sum(loaded_by_peer(der) for der in ders)

    against = f"`cryptography` loading {peer()} of {len(ders)}, signatures not verified"
    ours = median_ms(lambda: load_master_list(data, anchors, "bench", day), 1.0)
    return [BenchRow("German master list, verified and loaded", ours, "ms", against, median_ms(peer, 1.0))]


def loaded_by_peer(der: bytes) -> bool:
    """Whether the library's own loader gives a certificate with key and extensions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(der)
            return bool(certificate.public_key()) and len(certificate.extensions) > 0
        except (ValueError, UnsupportedAlgorithm):
            return False


def looking_up() -> BenchRow:
    """One document: normalise, keyed hash, look-up among 100,000."""
    key = bytes(range(32))
    index = DocumentIndex.from_bytes(build_document_index(document_key("UTO", f"{n:09d}", key) for n in range(ENTRIES)))
    numbers = [f"{n:09d}" for n in range(0, 2 * ENTRIES, 97)]

    def look_up() -> None:
        for number in numbers:
            _ = document_key("UTO", number, key) in index

    time_us = 1000 * median_ms(look_up) / len(numbers)
    return BenchRow("document look-up among 100,000", time_us, "us", "limit: 2.4 us CPU measured at 10 million", LOOKUP_LIMIT_US)
