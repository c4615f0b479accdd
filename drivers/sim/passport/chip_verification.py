"""A simulated verifying State: its CVCA, the document verifier and the inspection systems that it lets read fingerprints.

Source: BSI TR-03110-3 §2 (roles and scheduling), §C.1 (profile). For the demo and for tests. Keys on curves come from the entropy
that is passed in, so a seeded office issues the same certificates for the same days. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from egate.pki.cvc import CvPlan, HolderAuthorization, Role, encode_certificate, inspection_rights
from egate.pki.cvc_keys import PrivateKey, public_key_of, signer

Entropy = Callable[[int], bytes]

CVCA_LIFE = timedelta(days=3 * 365)
VERIFIER_LIFE = timedelta(days=90)
TERMINAL_LIFE = timedelta(days=30)
_RSA_BITS = 2048


class VerificationKind(Enum):
    """What a verifying State signs with: name, and the object identifier of the signature."""

    ECDSA_BRAINPOOL = ("brainpoolP256r1", "0.4.0.127.0.7.2.2.2.2.3")
    ECDSA_NIST = ("secp384r1", "0.4.0.127.0.7.2.2.2.2.4")
    RSA = ("rsa-2048", "0.4.0.127.0.7.2.2.2.1.2")
    RSA_PSS = ("rsa-2048-pss", "0.4.0.127.0.7.2.2.2.1.4")

    @property
    def oid(self) -> str:
        """The object identifier in the public keys."""
        return self.value[1]

    def new_key(self, entropy: Entropy) -> PrivateKey:
        """A private key of the kind. RSA keys come from the library's own generator and cannot be seeded."""
        match self:
            case VerificationKind.ECDSA_BRAINPOOL:
                return _elliptic_key(ec.BrainpoolP256R1(), entropy)
            case VerificationKind.ECDSA_NIST:
                return _elliptic_key(ec.SECP384R1(), entropy)
            case _:
                return rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)


def _elliptic_key(curve: ec.EllipticCurve, entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    order = curve.group_order
    return ec.derive_private_key(int.from_bytes(entropy((order.bit_length() + 7) // 8 + 8), "big") % (order - 1) + 1, curve)


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate and its private key: a CVCA, a document verifier or an inspection system."""

    reference: str
    oid: str
    key: PrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HolderPlan:
    """What a certificate shall say of its holder. Tests bend it to make what no office would issue."""

    reference: str
    authorization: HolderAuthorization
    first_day: date
    last_day: date


def issue_to(plan: HolderPlan, kind: VerificationKind, issuer: Holder | None, entropy: Entropy) -> Holder:
    """A new key and its certificate from an issuer; self-signed where there is none."""
    key = kind.new_key(entropy)
    signing = issuer.key if issuer else key
    signing_oid = issuer.oid if issuer else kind.oid
    authority = issuer.reference if issuer else plan.reference
    public = public_key_of(key, kind.oid)
    certificate = CvPlan(authority, plan.reference, public, plan.authorization, plan.first_day, plan.last_day)
    return Holder(plan.reference, kind.oid, key, encode_certificate(certificate, signer(signing, signing_oid)))


@dataclass(frozen=True, slots=True)
class VerificationOffice:
    """A verifying State with one CVCA key after the other. Build it with `create`."""

    country: str
    kind: VerificationKind
    roots: tuple[Holder, ...]
    links: tuple[Holder, ...]
    _entropy: Entropy = field(repr=False)

    @staticmethod
    def create(
        country: str, entropy: Entropy, today: date, kind: VerificationKind = VerificationKind.ECDSA_BRAINPOOL
    ) -> VerificationOffice:
        """A State whose first CVCA key is in force from today; `country` has two letters."""
        rights = inspection_rights(Role.CVCA, fingerprints=True, irises=True)
        root = issue_to(HolderPlan(f"{country}CVCA00001", rights, today, today + CVCA_LIFE), kind, None, entropy)
        return VerificationOffice(country, kind, (root,), (), entropy)

    @property
    def root(self) -> Holder:
        """The CVCA key in force."""
        return self.roots[-1]

    def with_new_key(self, today: date) -> VerificationOffice:
        """The State after its CVCA changed its key: a link certificate by the old key introduces the new one."""
        rights = inspection_rights(Role.CVCA, fingerprints=True, irises=True)
        plan = HolderPlan(f"{self.country}CVCA{len(self.roots) + 1:05d}", rights, today, today + CVCA_LIFE)
        link = issue_to(plan, self.kind, self.root, self._entropy)
        return VerificationOffice(self.country, self.kind, (*self.roots, link), (*self.links, link), self._entropy)

    def verifier(self, today: date, *, domestic: bool = True, fingerprints: bool = True, irises: bool = False) -> Holder:
        """A document verifier below the CVCA key in force."""
        role = Role.DOMESTIC_VERIFIER if domestic else Role.FOREIGN_VERIFIER
        rights = inspection_rights(role, fingerprints=fingerprints, irises=irises)
        plan = HolderPlan(f"{self.country}DVBORDER00001", rights, today, today + VERIFIER_LIFE)
        return issue_to(plan, self.kind, self.root, self._entropy)

    def inspection_system(self, verifier: Holder, today: date, *, fingerprints: bool = True, irises: bool = False) -> Holder:
        """An inspection system below a document verifier."""
        rights = inspection_rights(Role.TERMINAL, fingerprints=fingerprints, irises=irises)
        plan = HolderPlan(f"{self.country}ISGATE00001", rights, today, today + TERMINAL_LIFE)
        return issue_to(plan, self.kind, verifier, self._entropy)

    def chain(self, *below: Holder) -> tuple[bytes, ...]:
        """All links, and then these certificates: what a terminal is given."""
        return tuple(holder.certificate for holder in (*self.links, *below))
