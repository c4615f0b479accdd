"""Whether domain parameters that a chip spells out are fit to be computed with.

Sources: BSI TR-03111 §4.1.1 and SEC 1 §3.1.1.2.1 (curves), FIPS 186-4 §A.1 and NIST SP 800-56A §5.5.2 (groups). Rule: whoever
chooses the group can choose one in which our password falls out of what we send, so nothing is believed: sizes lie within limits
that are compared first, primes are tested, the generator has the stated order, and the classes of weak curves are refused. The
reason of a refusal is a sentence of ours. A curve that passes is multiplied by our own arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import isqrt

from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement
from egate.mrtd.crypto.domain_parameters import Group
from egate.mrtd.crypto.ec import Curve
from egate.mrtd.crypto.powers import power

MIN_CURVE_BITS, MAX_CURVE_BITS = 160, 640
"""Below, a discrete logarithm is within reach of a well-funded attacker; above, no travel document lies and arithmetic drags."""
MIN_GROUP_BITS, MAX_GROUP_BITS = 1024, 2048
"""The sizes of the standard groups; judging a larger one would hold up whoever carries the dialogue for seconds."""
MIN_ORDER_BITS = 160
"""The order of the weakest standard group."""
CURVE_ROUNDS, GROUP_ROUNDS = 40, 20
"""Each round leaves a composite number a chance of one in four at most: 2^-80 and 2^-40 for one who searches for a composite that
passes. A round over 2048 bits takes 40 ms, one over 256 bits a quarter of one."""
MIN_EMBEDDING_DEGREE = 100
"""Below this degree the logarithm may move into a field where it is easier (TR-03111 asks for 10^4, SEC 1 for 100)."""

_DOING = "judging domain parameters"
_SMALL_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)


@dataclass(frozen=True, slots=True)
class ExplicitParameters:
    """Domain parameters that somebody spelled out and that are none of the standard ones: not yet judged.

    `cofactor` is 1 where a curve states none; a group whose `q` is 0 did not state the order of its generator.
    """

    parameters: Curve | Group = field(repr=False)
    cofactor: int = 1


Parameters = CurveAgreement | GroupAgreement | ExplicitParameters
"""A standard set of domain parameters, or one that is spelled out."""


def sound_agreement(parameters: Parameters) -> CurveAgreement | GroupAgreement:
    """The agreement over these parameters; raises MalformedData with the reason why they must not be used.

    Costs up to two seconds for the largest groups, up to 0.2 s for a curve, and nothing for standard parameters.
    """
    if not isinstance(parameters, ExplicitParameters):
        return parameters
    if isinstance(parameters.parameters, Curve):
        _judge_curve(parameters.parameters, parameters.cofactor)
        return CurveAgreement(parameters.parameters)
    return GroupAgreement(_judged_group(parameters.parameters))


def _demand(fact: bool, reason: str) -> None:
    if not fact:
        raise MalformedData(_DOING, reason)


def _judge_curve(curve: Curve, cofactor: int) -> None:
    """1. sizes; 2. the field and the equation; 3. the base point and its order; 4. the weak classes."""
    p, n = curve.p, curve.n
    _demand(MIN_CURVE_BITS <= p.bit_length() <= MAX_CURVE_BITS, "a field of unacceptable size")  # 1
    _demand(MIN_CURVE_BITS <= n.bit_length() <= MAX_CURVE_BITS, "an order of unacceptable size")
    _demand(cofactor == 1, "a cofactor other than one")
    _demand(max(curve.a, curve.b) < p, "coefficients outside the field")  # 2
    _demand(is_probable_prime(p), "a field whose size is no prime")
    _demand((4 * pow(curve.a, 3, p) + 27 * curve.b * curve.b) % p != 0, "a singular curve")
    _demand(curve.contains(curve.generator), "a base point that is not on the curve")  # 3
    _demand(abs(n - p - 1) <= 2 * isqrt(p) + 1, "an order that no curve over this field has")
    _demand(is_probable_prime(n), "an order that is no prime")
    _demand(n != p, "an anomalous curve")  # 4
    _demand(curve.has_order(curve.generator), "a base point of another order")
    _demand(_embedding_degree_exceeds(p, n), "a curve of small embedding degree")


def _embedding_degree_exceeds(p: int, n: int) -> bool:
    power = 1
    for _ in range(MIN_EMBEDDING_DEGREE):
        power = power * p % n
        if power == 1:
            return False
    return True


def _judged_group(group: Group) -> Group:
    """1. sizes; 2. the order, which a safe prime implies where PKCS #3 states none; 3. the primes; 4. the generator."""
    p, g = group.p, group.g
    _demand(MIN_GROUP_BITS <= p.bit_length() <= MAX_GROUP_BITS and p % 2 == 1, "a prime of unacceptable size")  # 1
    q = group.q or (p - 1) // 2  # 2
    _demand(q.bit_length() >= MIN_ORDER_BITS, "an order of unacceptable size")
    _demand((p - 1) % q == 0, "an order that does not divide that of the field")
    _demand(1 < g < p - 1, "a generator of no use")
    _demand(power(g, q, p) == 1, "a generator of another order")  # 4
    _demand(is_probable_prime(q, GROUP_ROUNDS), "an order that is no prime")  # 3
    _demand(is_probable_prime(p, GROUP_ROUNDS), "a modulus that is no prime")
    return replace(group, q=q)


def is_probable_prime(number: int, rounds: int = CURVE_ROUNDS) -> bool:
    """The test of Miller and Rabin with bases that depend on the number, so that nobody can choose it to fit them."""
    if number < 2 or any(number % prime == 0 for prime in _SMALL_PRIMES):
        return number in _SMALL_PRIMES
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    size = (number.bit_length() + 7) // 8
    seed = sha256(number.to_bytes(size, "big")).digest()
    return all(_passes(number, odd, twos, _base(seed, counter, number)) for counter in range(rounds))


def _base(seed: bytes, counter: int, number: int) -> int:
    """A base between 2 and the number less 2, as unpredictable as a hash."""
    return int.from_bytes(sha256(seed + counter.to_bytes(2, "big")).digest(), "big") % (number - 3) + 2


def _passes(number: int, odd: int, twos: int, base: int) -> bool:
    value = power(base, odd, number)
    if value in {1, number - 1}:
        return True
    for _ in range(twos - 1):
        value = value * value % number
        if value == number - 1:
            return True
    return False
