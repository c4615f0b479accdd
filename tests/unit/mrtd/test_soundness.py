"""Domain parameters that a hostile chip could spell out: each weak class is refused with its reason, and no sound set is.

Each case fails when its demand is taken out of `egate.mrtd.crypto.soundness`.
"""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import pytest

from egate.model.errors import ChipError, MalformedData
from egate.mrtd.access_policy import AccessPolicy
from egate.mrtd.chip_auth import ChipAuthenticationWay, chip_authentication
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS, Group
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.crypto.soundness import ExplicitParameters, is_probable_prime, sound_agreement
from egate.mrtd.files.public_keys import encode_parameters
from egate.mrtd.files.security_infos import (
    PaceDomainParameters,
    PaceInfo,
    SecurityInfos,
    encode_security_infos,
    pace_oid,
    parse_card_access,
)
from egate.mrtd.files.tlv import parse_one
from egate.mrtd.pace_choice import MAX_JUDGED, choose_way
from tests.unit.mrtd.chip_reading import entropy
from tests.unit.mrtd.curves import ANOMALOUS, PAIRING, PRIME239V1

SOUND = PRIME239V1
GROUP = GROUPS[0]
MERSENNE_521 = (1 << 521) - 1
SAFE_PRIME = (1 << 1024) - 1093337  # the largest safe prime of 1024 bits, (p - 1) / 2 prime as well


def curve(**changes: object) -> Curve:
    return replace(SOUND, **changes)  # type: ignore[arg-type]  # the names are those of Curve


@pytest.mark.parametrize("parameters", [SOUND, *CURVES.values()], ids=lambda item: item.name)
def test_sound_curves(parameters: Curve) -> None:
    assert sound_agreement(ExplicitParameters(parameters)) == CurveAgreement(parameters)


def _composite_field() -> Curve:
    """A field of composite size with a base point that satisfies the equation, so that only the primality test is left."""
    size = SOUND.p * 3 + 2
    size += 1 - size % 2
    while is_probable_prime(size):
        size += 2
    x, y = 5, 7
    return Curve("explicit", size, 1, (y * y - x**3 - x) % size, Point(x, y), size + 1)


OTHER_ORDER = next(number for number in range(SOUND.n + 2, SOUND.n + 9999, 2) if is_probable_prime(number))
"""A prime that a curve over the field could have, but not this one."""

CURVE_CASES = {
    "small field": (replace(CURVES[8], p=(1 << 127) - 1), "a field of unacceptable size"),
    "large field": (curve(p=(1 << 2203) - 1), "a field of unacceptable size"),
    "small order": (curve(n=(1 << 127) - 1), "an order of unacceptable size"),
    "large coefficient": (curve(b=SOUND.b + SOUND.p), "coefficients outside the field"),
    "composite field": (_composite_field(), "a field whose size is no prime"),
    "singular": (curve(a=0, b=0), "a singular curve"),
    "node": (curve(a=SOUND.p - 3, b=2, generator=Point(1, 0)), "a singular curve"),
    "base off the curve": (curve(generator=Point(SOUND.generator.x, SOUND.generator.y ^ 1)), "not on the curve"),
    "twist or other curve": (curve(n=SOUND.p + 1 + 2 * isqrt(SOUND.p) + 3), "no curve over this field"),
    "composite order": (curve(n=SOUND.n + 1), "an order that is no prime"),
    "other order": (curve(n=OTHER_ORDER), "a base point of another order"),
    "anomalous": (ANOMALOUS, "an anomalous curve"),
    "pairing-friendly": (PAIRING, "embedding degree"),
}


@pytest.mark.parametrize(("parameters", "reason"), CURVE_CASES.values(), ids=CURVE_CASES.keys())
def test_weak_curves(parameters: Curve, reason: str) -> None:
    with pytest.raises(MalformedData, match=reason):
        sound_agreement(ExplicitParameters(parameters))


@pytest.mark.parametrize("cofactor", [0, 2, 4])
def test_cofactors(cofactor: int) -> None:
    with pytest.raises(MalformedData, match="cofactor"):
        sound_agreement(ExplicitParameters(SOUND, cofactor))


def test_sound_groups() -> None:
    other = replace(GROUP, name="explicit", g=pow(GROUP.g, 5, GROUP.p))
    assert sound_agreement(ExplicitParameters(other)) == GroupAgreement(other)


def test_group_of_a_safe_prime_needs_no_order() -> None:
    """PKCS #3 states none; (p - 1) / 2 is the only one that the generator can have."""
    agreement = sound_agreement(ExplicitParameters(Group("explicit", SAFE_PRIME, 4, 0)))
    assert isinstance(agreement, GroupAgreement)
    assert agreement.order == (SAFE_PRIME - 1) // 2


GROUP_CASES = {
    "small": (Group("explicit", MERSENNE_521, 3, 0), "a prime of unacceptable size"),
    "large": (replace(GROUP, p=(1 << 4423) - 1), "a prime of unacceptable size"),
    "even": (replace(GROUP, p=1 << 1030), "a prime of unacceptable size"),
    "small order": (replace(GROUP, q=7), "an order of unacceptable size"),
    "order of another group": (replace(GROUP, q=GROUPS[1].q), "does not divide"),
    "generator one": (replace(GROUP, g=1), "of no use"),
    "generator zero": (replace(GROUP, g=0), "of no use"),
    "generator minus one": (replace(GROUP, g=GROUP.p - 1), "of no use"),
    "generator of another order": (replace(GROUP, g=2), "a generator of another order"),
    "no order stated": (replace(GROUP, q=0), "an order that is no prime"),
    "composite order": (replace(GROUP, q=GROUP.q * 2), "an order that is no prime"),
}


@pytest.mark.parametrize(("parameters", "reason"), GROUP_CASES.values(), ids=GROUP_CASES.keys())
def test_weak_groups(parameters: Group, reason: str) -> None:
    with pytest.raises(MalformedData, match=reason):
        sound_agreement(ExplicitParameters(parameters))


def test_composite_modulus() -> None:
    """A modulus that is a product, with a generator of prime order in it: logarithms fall apart into its factors."""
    q = GROUP.q
    factors: list[int] = []
    candidate = (1 << 560) // q * q + 1
    while len(factors) < 2:
        candidate += q
        if candidate % 2 and is_probable_prime(candidate):
            factors.append(candidate)
    modulus = factors[0] * factors[1]
    generator = pow(2, (factors[0] - 1) * (factors[1] - 1) // (q * q), modulus)
    assert (modulus - 1) % q == 0
    assert pow(generator, q, modulus) == 1
    with pytest.raises(MalformedData, match="a modulus that is no prime"):
        sound_agreement(ExplicitParameters(Group("explicit", modulus, generator, q)))


@pytest.mark.parametrize("number", [2, 3, 71, 73, 2**61 - 1, 2**127 - 1, SOUND.p, SOUND.n])
def test_primes(number: int) -> None:
    assert is_probable_prime(number)


@pytest.mark.parametrize("number", [-7, 0, 1, 4, 5041, 561, 3215031751, 3825123056546413051, (2**61 - 1) * (2**31 - 1)])
def test_numbers_that_are_no_primes(number: int) -> None:
    """Among them strong pseudoprimes to the bases that a fixed test would use."""
    assert not is_probable_prime(number)


WEAK_OFFER = PaceInfo(pace_oid(2, CipherSuite.AES256), 2, 40)


def weak_parameters(number: int) -> tuple[PaceDomainParameters, CurveAgreement]:
    return PaceDomainParameters("0.4.0.127.0.7.2.2.4.2", None, number), CurveAgreement(ANOMALOUS)


def test_a_weak_offer_is_passed_over_and_named() -> None:
    sound = PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 41)
    offered = PaceDomainParameters("0.4.0.127.0.7.2.2.4.2", None, 41), CurveAgreement(SOUND)
    infos = parse_card_access(encode_security_infos((WEAK_OFFER, sound), (weak_parameters(40), offered)))
    choice = choose_way(infos)
    assert choice.way is not None
    assert choice.way.info == sound
    assert choice.refused == ("an anomalous curve",)
    alone = choose_way(replace(infos, pace=(WEAK_OFFER,)))
    assert alone.way is None
    assert alone.refused == ("an anomalous curve",)


def test_the_policy_can_do_without_parameters_of_the_chip() -> None:
    offered = PaceDomainParameters("0.4.0.127.0.7.2.2.4.2", None, 40)
    infos = parse_card_access(encode_security_infos((WEAK_OFFER,), ((offered, CurveAgreement(SOUND)),)))
    assert choose_way(infos).way is not None
    assert choose_way(infos, AccessPolicy(own_parameters=False)).way is None


def test_only_so_many_sets_are_judged() -> None:
    """A chip that spells out sixty sets does not keep us computing."""
    infos = parse_card_access(
        encode_security_infos(
            [replace(WEAK_OFFER, parameter_id=number) for number in range(32, 62)],
            [weak_parameters(number) for number in range(32, 62)],
        )
    )
    assert len(choose_way(infos).refused) == MAX_JUDGED


def test_chip_authentication_over_a_weak_curve_sends_nothing() -> None:
    public = ANOMALOUS.encode(ANOMALOUS.generator)
    way = ChipAuthenticationWay("0.4.0.127.0.7.2.2.3.2.2", CipherSuite.AES128, ExplicitParameters(ANOMALOUS), public)
    assert way.variant == "ecdh-aes-128-explicit"
    with pytest.raises(ChipError, match="an anomalous curve") as caught:
        next(chip_authentication(way, entropy(1)))
    assert caught.value.sw == 0x9000


def test_unjudged_parameters_are_marked() -> None:
    """What a chip spells out and nobody standardised never comes back as an agreement."""
    offered = PaceDomainParameters("0.4.0.127.0.7.2.2.4.2", None, 40)
    infos = parse_card_access(encode_security_infos((), ((offered, CurveAgreement(SOUND)),)))
    assert infos == SecurityInfos(pace_parameters=(replace(offered, parameters=ExplicitParameters(SOUND)),))
    known = parse_card_access(encode_security_infos((), ((offered, CurveAgreement(CURVES[14])),)))
    assert known.pace_parameters[0].parameters == CurveAgreement(CURVES[14])
    assert parse_one(encode_parameters(GroupAgreement(GROUP), stated_order=False), 0x30, "a test")
