"""Chains of card verifiable certificates: what verifies, and each way in which one must not."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from drivers.sim.passport.chip_verification import (
    TERMINAL_LIFE,
    VERIFIER_LIFE,
    Holder,
    HolderPlan,
    VerificationKind,
    VerificationOffice,
    issue_to,
)
from egate.model.errors import TrustError
from egate.pki.cvc import AUTHENTICATION_TERMINAL_OID, HolderAuthorization, Role, inspection_rights, parse_certificate
from egate.pki.cvc_chain import MAXIMUM_CHAIN, CvChain, trust_point, verify_chain

TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)
KIND = VerificationKind.ECDSA_BRAINPOOL


def entropy(seed: int = 7) -> random.Random:
    return random.Random(seed)


def office(kind: VerificationKind = KIND, seed: int = 7) -> VerificationOffice:
    return VerificationOffice.create("UT", entropy(seed).randbytes, TODAY, kind)


def verify(root: Holder, *chain: Holder, today: date = TODAY) -> CvChain:
    trusted = [trust_point(parse_certificate(root.certificate))]
    return verify_chain([parse_certificate(holder.certificate) for holder in chain], trusted, today)


def holder(
    reference: str, rights: HolderAuthorization, issuer: Holder | None, kind: VerificationKind = KIND, first: date = TODAY
) -> Holder:
    return issue_to(HolderPlan(reference, rights, first, first + 60 * DAY), kind, issuer, entropy(11).randbytes)


@pytest.mark.parametrize("kind", VerificationKind)
def test_a_sound_chain(kind: VerificationKind) -> None:
    state = office(kind)
    verifier = state.verifier(TODAY, irises=True)
    found = verify(state.root, verifier, state.inspection_system(verifier, TODAY, irises=True))
    assert found.terminal_reference == "UTISGATE00001"
    assert (found.authorization.reads_fingerprints, found.authorization.reads_irises) == (True, True)
    assert found.new_trust_points == ()


@pytest.mark.parametrize(("verifier_may", "system_may"), [(True, False), (False, True), (False, False)])
def test_nobody_has_more_than_his_issuer(verifier_may: bool, system_may: bool) -> None:
    state = office()
    verifier = state.verifier(TODAY, fingerprints=verifier_may)
    found = verify(state.root, verifier, state.inspection_system(verifier, TODAY, fingerprints=system_may))
    assert not found.authorization.reads_fingerprints


def test_links_introduce_new_keys_even_when_expired() -> None:
    state = office()
    renewed = state.with_new_key(TODAY).with_new_key(TODAY + DAY)
    later = TODAY + 2 * DAY
    verifier = renewed.verifier(later)
    found = verify(state.root, *renewed.links, verifier, renewed.inspection_system(verifier, later), today=later)
    assert [point.reference for point in found.new_trust_points] == ["UTCVCA00002", "UTCVCA00003"]

    rights = inspection_rights(Role.CVCA, fingerprints=True, irises=True)
    old_link = issue_to(HolderPlan("UTCVCA00002", rights, TODAY - 9 * DAY, TODAY - DAY), KIND, state.root, entropy().randbytes)
    new_link = issue_to(HolderPlan("UTCVCA00003", rights, TODAY, TODAY + 90 * DAY), KIND, old_link, entropy(8).randbytes)
    dv = holder("UTDV00001", inspection_rights(Role.DOMESTIC_VERIFIER, fingerprints=True, irises=False), new_link)
    assert verify(state.root, old_link, new_link, dv, state.inspection_system(dv, TODAY)).new_trust_points

    below_expired = holder("UTDV00001", inspection_rights(Role.DOMESTIC_VERIFIER, fingerprints=True, irises=False), old_link)
    with pytest.raises(TrustError, match="below an expired CVCA"):
        verify(state.root, old_link, below_expired, state.inspection_system(below_expired, TODAY))


def test_a_link_may_change_the_way_of_signing() -> None:
    state = office()
    rights = inspection_rights(Role.CVCA, fingerprints=True, irises=True)
    link = holder("UTCVCA00002", rights, state.root, VerificationKind.ECDSA_NIST)
    dv_rights = inspection_rights(Role.FOREIGN_VERIFIER, fingerprints=True, irises=False)
    dv = holder("UTDV00001", dv_rights, link, VerificationKind.ECDSA_NIST)
    system = holder(
        "UTIS00001", inspection_rights(Role.TERMINAL, fingerprints=True, irises=False), dv, VerificationKind.ECDSA_NIST
    )
    assert verify(state.root, link, dv, system).authorization.reads_fingerprints

    stray = holder("UTDV00001", dv_rights, state.root, VerificationKind.ECDSA_NIST)
    with pytest.raises(TrustError):
        verify(state.root, stray, system)


@pytest.mark.parametrize(
    ("today", "sound"),
    [
        (TODAY - DAY, False),
        (TODAY, True),
        (TODAY + TERMINAL_LIFE, True),
        (TODAY + TERMINAL_LIFE + DAY, False),
        (TODAY + VERIFIER_LIFE + DAY, False),
    ],
)
def test_days_count(today: date, sound: bool) -> None:
    state = office()
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    if sound:
        assert verify(state.root, verifier, system, today=today).authorization.reads_fingerprints
        return
    with pytest.raises(TrustError, match="expired or not yet in force"):
        verify(state.root, verifier, system, today=today)


def test_an_expired_document_verifier() -> None:
    """A fresh terminal certificate does not help an expired document verifier."""
    state = office()
    verifier = state.verifier(TODAY)
    later = TODAY + VERIFIER_LIFE + DAY
    with pytest.raises(TrustError, match="expired"):
        verify(state.root, verifier, state.inspection_system(verifier, later), today=later)


def test_roles_out_of_order() -> None:
    state = office()
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    every = {"fingerprints": True, "irises": False}
    below_terminal = holder("UTIS00002", inspection_rights(Role.TERMINAL, **every), system)
    second_verifier = holder("UTDV00002", inspection_rights(Role.DOMESTIC_VERIFIER, **every), verifier)
    own_cvca = holder("UTCVCA00009", inspection_rights(Role.CVCA, **every), verifier)
    straight = holder("UTIS00003", inspection_rights(Role.TERMINAL, **every), state.root)
    for chain in (
        (verifier, system, below_terminal),
        (verifier, second_verifier, state.inspection_system(second_verifier, TODAY)),
        (verifier, own_cvca),
        (straight,),
        (state.root, verifier, system),
    ):
        with pytest.raises(TrustError):
            verify(state.root, *chain)


def test_chains_that_are_broken() -> None:
    state, other = office(), office(seed=8)
    verifier, foreign = state.verifier(TODAY), other.verifier(TODAY)
    system, stranger = state.inspection_system(verifier, TODAY), other.inspection_system(foreign, TODAY)
    with pytest.raises(TrustError, match="does not hold"):
        verify(state.root, foreign, stranger)  # the same names, another State's keys
    with pytest.raises(TrustError, match="does not hold"):
        verify(state.root, verifier, stranger)
    with pytest.raises(TrustError, match="not trusted"):
        verify(state.root, system)
    with pytest.raises(TrustError, match="names another issuer"):
        verify(state.root, verifier, verifier)
    with pytest.raises(TrustError, match="does not end with a terminal"):
        verify(state.root, verifier)
    with pytest.raises(TrustError, match="more than any chain has"):
        verify(state.root)
    with pytest.raises(TrustError, match="more than any chain has"):
        verify(state.root, *[verifier] * (MAXIMUM_CHAIN + 1))
    renewed = state.with_new_key(TODAY).with_new_key(TODAY)
    late = renewed.verifier(TODAY)
    with pytest.raises(TrustError, match="names another issuer"):
        verify(state.root, renewed.links[0], late, renewed.inspection_system(late, TODAY))


def test_one_way_of_signing_below_a_cvca() -> None:
    """A key for another padding than its CVCA's, although that CVCA signed it, and all signatures hold."""
    state = office(VerificationKind.RSA)
    rights = inspection_rights(Role.DOMESTIC_VERIFIER, fingerprints=True, irises=False)
    verifier = holder("UTDV00001", rights, state.root, VerificationKind.RSA_PSS)
    system = holder(
        "UTIS00001", inspection_rights(Role.TERMINAL, fingerprints=True, irises=False), verifier, VerificationKind.RSA_PSS
    )
    with pytest.raises(TrustError, match="signs in another way"):
        verify(state.root, verifier, system)


def test_another_type_of_terminal() -> None:
    state = office()
    stray = holder("UTDV00001", HolderAuthorization(AUTHENTICATION_TERMINAL_OID, b"\x80\x00\x00\x00\x03"), state.root)
    with pytest.raises(TrustError, match="another type of terminal"):
        verify(state.root, stray)


def test_trust_points_are_self_signed_cvcas() -> None:
    state = office()
    renewed = state.with_new_key(TODAY)
    for one in (state.verifier(TODAY), renewed.root):
        with pytest.raises(TrustError, match="not a self-signed"):
            trust_point(parse_certificate(one.certificate))
    read = parse_certificate(state.root.certificate)
    changed = parse_certificate(state.root.certificate.replace(b"UTCVCA00001", b"UTCVCA00666"))
    assert changed.holder_reference != read.holder_reference
    with pytest.raises(TrustError, match="does not hold"):
        trust_point(changed)
    lone_verifier = holder("UTDV00001", inspection_rights(Role.DOMESTIC_VERIFIER, fingerprints=True, irises=True), None)
    with pytest.raises(TrustError, match="not a self-signed"):
        trust_point(parse_certificate(lone_verifier.certificate))
