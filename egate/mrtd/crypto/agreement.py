"""Key agreement in one shape for curves and for groups, so that PACE is written once.

Sources: ICAO Doc 9303-11 §4.4.3 (mapping), §9.4 (key agreement), §9.6 (encodings), BSI TR-03110-3 §A.2, §D.3.
Rule: everything received is checked to lie in the group before a secret touches it. Elements are `Point`s or integers and do not
leave this module unencoded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from egate.model.errors import MalformedData
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS, Group
from egate.mrtd.crypto.ec import Curve, Point
from egate.mrtd.crypto.powers import power

Element = TypeVar("Element")
Entropy = Callable[[int], bytes]
"""Gives so many random bytes."""

_EXCESS_BYTES = 8
"""Random bytes beyond the order's length, so that the reduction favours no scalar measurably (FIPS 186-4 §B.4.1)."""


class Agreement(Protocol[Element]):
    """A group of prime order in which Diffie-Hellman is hard; multiplicative groups are written additively here."""

    @property
    def name(self) -> str:
        """The name of the domain parameters."""
        ...

    @property
    def order(self) -> int:
        """The order of the base."""
        ...

    @property
    def base(self) -> Element:
        """The standard base."""
        ...

    @property
    def public_key_tag(self) -> int:
        """The context tag of a public key in a public key data object."""
        ...

    def multiply(self, scalar: int, element: Element, entropy: Entropy | None = None) -> Element:
        """`scalar` times an element; raises MalformedData when the result is the neutral element.

        With `entropy` the scalar is a secret and is blinded where our own arithmetic computes.
        """
        ...

    def add(self, left: Element, right: Element) -> Element:
        """The sum; raises MalformedData when it is the neutral element."""
        ...

    def encode(self, element: Element) -> bytes:
        """The encoding of a public key."""
        ...

    def decode(self, data: bytes) -> Element:
        """The public key of its encoding; raises MalformedData when it is not in the group."""
        ...

    def secret(self, element: Element) -> bytes:
        """The shared secret as input of the key derivation."""
        ...


@dataclass(frozen=True, slots=True)
class CurveAgreement:
    """Agreement on an elliptic curve."""

    curve: Curve

    @property
    def name(self) -> str:
        """The name of the curve."""
        return self.curve.name

    @property
    def order(self) -> int:
        """The order of the curve."""
        return self.curve.n

    @property
    def base(self) -> Point:
        """The generator."""
        return self.curve.generator

    @property
    def public_key_tag(self) -> int:
        """Tag 86: a point."""
        return 0x86

    def multiply(self, scalar: int, element: Point, entropy: Entropy | None = None) -> Point:
        """Scalar multiplication."""
        return _finite(self.curve.multiply(scalar, element, entropy))

    def add(self, left: Point, right: Point) -> Point:
        """Point addition."""
        return _finite(self.curve.add(left, right))

    def encode(self, element: Point) -> bytes:
        """The uncompressed point."""
        return self.curve.encode(element)

    def decode(self, data: bytes) -> Point:
        """The point of an uncompressed encoding, checked to lie on the curve."""
        return self.curve.decode(data)

    def secret(self, element: Point) -> bytes:
        """The x coordinate."""
        return element.x.to_bytes(self.curve.field_bytes, "big")


def _finite(point: Point | None) -> Point:
    if point is None:
        raise MalformedData("agreeing on a key", "the neutral element")
    return point


@dataclass(frozen=True, slots=True)
class GroupAgreement:
    """Agreement in a subgroup of the integers modulo a prime."""

    group: Group

    @property
    def name(self) -> str:
        """The name of the group."""
        return self.group.name

    @property
    def order(self) -> int:
        """The order of the subgroup."""
        return self.group.q

    @property
    def base(self) -> int:
        """The generator."""
        return self.group.g

    @property
    def public_key_tag(self) -> int:
        """Tag 84: a public value."""
        return 0x84

    def multiply(self, scalar: int, element: int, entropy: Entropy | None = None) -> int:
        """Exponentiation of an element of the subgroup; a secret exponent is blinded by a random multiple of the order."""
        blinding = 0 if entropy is None else int.from_bytes(entropy(_EXCESS_BYTES), "big") * self.group.q
        return _not_one(power(element, scalar + blinding, self.group.p))

    def add(self, left: int, right: int) -> int:
        """Multiplication modulo the prime."""
        return _not_one(left * right % self.group.p)

    def encode(self, element: int) -> bytes:
        """The integer in as many bytes as the prime has."""
        return element.to_bytes(self._prime_bytes, "big")

    def decode(self, data: bytes) -> int:
        """The integer of its encoding, checked to lie in the subgroup of prime order."""
        element = int.from_bytes(data, "big")
        if len(data) > self._prime_bytes or not 1 < element < self.group.p - 1:
            raise MalformedData("agreeing on a key", "a public value out of range")
        if power(element, self.group.q, self.group.p) != 1:
            raise MalformedData("agreeing on a key", "a public value outside the subgroup")
        return element

    def secret(self, element: int) -> bytes:
        """The shared value in as many bytes as the prime has."""
        return self.encode(element)

    @property
    def _prime_bytes(self) -> int:
        return (self.group.p.bit_length() + 7) // 8


def _not_one(value: int) -> int:
    if value in {0, 1}:
        raise MalformedData("agreeing on a key", "the neutral element")
    return value


@dataclass(frozen=True, slots=True)
class KeyPair(Generic[Element]):
    """An ephemeral key: the scalar, its public element, and the base they belong to. Shows nothing."""

    private: int
    public: Element

    def __repr__(self) -> str:
        return "KeyPair()"


def new_key_pair(agreement: Agreement[Element], base: Element, entropy: Entropy) -> KeyPair[Element]:
    """An ephemeral key over `base`."""
    size = (agreement.order.bit_length() + 7) // 8 + _EXCESS_BYTES
    private = int.from_bytes(entropy(size), "big") % (agreement.order - 1) + 1
    return KeyPair(private, agreement.multiply(private, base, entropy))


def agreement_by_id(parameter_id: int) -> CurveAgreement | GroupAgreement | None:
    """The standardised agreement with this number, None when it is not standardised."""
    if parameter_id in CURVES:
        return CurveAgreement(CURVES[parameter_id])
    return GroupAgreement(GROUPS[parameter_id]) if parameter_id in GROUPS else None
