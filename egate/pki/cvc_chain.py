"""Chains of card verifiable certificates: from a CVCA that is trusted, over links and a document verifier, to a terminal.

Source: BSI TR-03110-3 §2.3 (one way of signing below a CVCA), §2.5 (validation), §2.6 (effective authorization).
Rule: each certificate is verified by the key of the one before it, and none gives more than its issuer has. A clock is at hand
here, so days before a certificate's first count as much as days after its last; a chip without a clock can be less strict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from egate.model.errors import TrustError
from egate.pki.cvc import CvCertificate, HolderAuthorization, Role
from egate.pki.cvc_keys import CvPublicKey, completed, same_parameters, verify_message

MAXIMUM_CHAIN = 10
"""Links over three generations of CVCA keys, a document verifier and a terminal are six."""

_DOING = "verifying a chain of card verifiable certificates"


@dataclass(frozen=True, slots=True)
class CvTrustPoint:
    """A CVCA key that is believed: its name, key with domain parameters, what it may give, and the last day it may give it."""

    reference: str
    key: CvPublicKey
    authorization: HolderAuthorization
    last_day: date


@dataclass(frozen=True, slots=True)
class CvChain:
    """A verified chain: what the terminal may read, its key, and the CVCA keys that its links introduced."""

    terminal_reference: str
    terminal_key: CvPublicKey
    authorization: HolderAuthorization
    new_trust_points: tuple[CvTrustPoint, ...]


@dataclass(frozen=True, slots=True)
class _Issuer:
    """The holder of the certificate before, as far as it matters for the next."""

    reference: str
    role: Role
    key: CvPublicKey
    authorization: HolderAuthorization
    last_day: date


def trust_point(certificate: CvCertificate) -> CvTrustPoint:
    """The trust point of a self-signed CVCA certificate whose signature holds; raises TrustError.

    That it is the right CVCA must be known from elsewhere: anybody can sign himself.
    """
    if not certificate.self_signed or certificate.role is not Role.CVCA:
        raise TrustError(_DOING, "not a self-signed certificate of a CVCA")
    verify_message(certificate.key, certificate.body, certificate.signature)
    return CvTrustPoint(certificate.holder_reference, certificate.key, certificate.authorization, certificate.last_day)


def verify_chain(chain: Sequence[CvCertificate], trusted: Sequence[CvTrustPoint], today: date) -> CvChain:
    """Verify a chain that begins below a trust point and ends with a terminal; raises TrustError.

    For each certificate: 1. it names the one before as its issuer, and its role follows from it; 2. its signature holds; 3. it is
    in force, except a link, which counts although expired; 4. its key is completed and signs in the same way as its issuer's;
    5. its authorization is narrowed by its issuer's.
    """
    if not 1 <= len(chain) <= MAXIMUM_CHAIN:
        raise TrustError(_DOING, "no certificate, or more than any chain has")
    issuer = _start(chain[0], trusted)
    links: list[CvTrustPoint] = []
    for certificate in chain:
        issuer = _follow(certificate, issuer, today)
        if issuer.role is Role.CVCA:
            links.append(CvTrustPoint(issuer.reference, issuer.key, issuer.authorization, issuer.last_day))
    if issuer.role is not Role.TERMINAL:
        raise TrustError(_DOING, "it does not end with a terminal")
    return CvChain(issuer.reference, issuer.key, issuer.authorization, tuple(links))


def _start(first: CvCertificate, trusted: Sequence[CvTrustPoint]) -> _Issuer:
    for point in trusted:
        if point.reference == first.authority_reference:
            return _Issuer(point.reference, Role.CVCA, point.key, point.authorization, point.last_day)
    raise TrustError(_DOING, "it begins below a CVCA that is not trusted")


def _follow(certificate: CvCertificate, issuer: _Issuer, today: date) -> _Issuer:
    """One step down the chain, in the order of `verify_chain`."""
    _demand_place(certificate, issuer)  # 1
    verify_message(issuer.key, certificate.body, certificate.signature)  # 2
    if certificate.role is not Role.CVCA:
        _demand_in_force(certificate, issuer, today)  # 3
    key = completed(certificate.key, issuer.key)  # 4
    if certificate.role is not Role.CVCA and not same_parameters(key, issuer.key):
        raise TrustError(_DOING, "a key that signs in another way than its issuer's")
    narrowed = certificate.authorization.narrowed_by(issuer.authorization)  # 5
    if narrowed.role is not certificate.role:
        raise TrustError(_DOING, "a role that its issuer cannot give")
    return _Issuer(certificate.holder_reference, certificate.role, key, narrowed, certificate.last_day)


def _demand_place(certificate: CvCertificate, issuer: _Issuer) -> None:
    if certificate.authority_reference != issuer.reference:
        raise TrustError(_DOING, "a certificate that names another issuer than the one before it")
    same_kind = certificate.authorization.terminal_oid == issuer.authorization.terminal_oid
    if not same_kind or len(certificate.authorization.bits) != len(issuer.authorization.bits):
        raise TrustError(_DOING, "a certificate for another type of terminal than its issuer's")
    below_cvca = issuer.role is Role.CVCA and certificate.role is not Role.TERMINAL
    below_verifier = issuer.role.is_verifier and certificate.role is Role.TERMINAL
    if not (below_cvca or below_verifier):
        raise TrustError(_DOING, "a role out of its order")
    if issuer.role is Role.CVCA and certificate.self_signed:
        raise TrustError(_DOING, "a self-signed certificate where a link or a document verifier should be")


def _demand_in_force(certificate: CvCertificate, issuer: _Issuer, today: date) -> None:
    if not certificate.first_day <= today <= certificate.last_day:
        raise TrustError(_DOING, "a certificate that is expired or not yet in force")
    if issuer.role is Role.CVCA and today > issuer.last_day:
        raise TrustError(_DOING, "a document verifier below an expired CVCA")
