"""What kinds of chips a simulated State issues: ways of PACE, static keys, signing keys, and the files that announce them.

Sources: ICAO Doc 9303-11 §4.4 (PACE), §6.1 (active authentication), §6.2 (chip authentication), §9.2 (SecurityInfos). Rule: a
kind says what the chip announces; the private keys are drawn apart, so that a clone announces keys which it does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from drivers.sim.passport.personalisation import ActiveKey, AgreementKey
from drivers.sim.passport.signing import DIGESTS, Entropy, SignatureScheme, public_key_info, signing_key
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, agreement_by_id, new_key_pair
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.der import encode_integer, encode_object_identifier, encode_sequence
from egate.mrtd.files.public_keys import encode_agreement_key
from egate.mrtd.files.tlv import encode_tlv

MAPPINGS = ("gm", "im", "cam")
BRAINPOOL_P256 = 13
_DG14, _DG15, _SET = 0x6E, 0x6F, 0x31
_PACE, _CHIP_AUTHENTICATION, _PUBLIC_KEY = "0.4.0.127.0.7.2.2.4", "0.4.0.127.0.7.2.2.3", "0.4.0.127.0.7.2.2.1"
_TERMINAL_AUTHENTICATION = "0.4.0.127.0.7.2.2.2"
_ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
_PLAIN_ECDSA = "0.4.0.127.0.7.1.1.4.1"
"""How a chip signs actively with a curve (BSI TR-03111 §5.2.1); DG14 says so where there is one."""
_MAPPING_ARCS = {("gm", False): 1, ("gm", True): 2, ("im", False): 3, ("im", True): 4, ("cam", True): 6}
_CIPHER_ARCS = {CipherSuite.DES3: 1, CipherSuite.AES128: 2, CipherSuite.AES192: 3, CipherSuite.AES256: 4}
_POINT_ENCODING = 3
"""Remainder by four of the primes for which the encoding of numbers into points is defined (Doc 9303-11 appendix B)."""
_OPENSSL_CURVES: Mapping[int, Callable[[], ec.EllipticCurve]] = MappingProxyType(
    {
        8: ec.SECP192R1,
        10: ec.SECP224R1,
        12: ec.SECP256R1,
        13: ec.BrainpoolP256R1,
        15: ec.SECP384R1,
        16: ec.BrainpoolP384R1,
        17: ec.BrainpoolP512R1,
        18: ec.SECP521R1,
    }
)
"""Standardised curves that OpenSSL computes, by their numbers."""


def _agreement(parameter_id: int) -> CurveAgreement | GroupAgreement:
    agreement = agreement_by_id(parameter_id)
    if agreement is None:
        raise ValueError(f"there are no standardised domain parameters {parameter_id}")
    return agreement


@dataclass(frozen=True, slots=True)
class PaceWay:
    """One way of PACE: mapping gm, im or cam; cipher; number of the domain parameters.

    `named` False leaves the number out of EF.CardAccess and DG14, as some chips do. ValueError for what cannot be.
    """

    mapping: str = "gm"
    suite: CipherSuite = CipherSuite.AES128
    parameter_id: int = BRAINPOOL_P256
    named: bool = True

    def __post_init__(self) -> None:
        agreement = _agreement(self.parameter_id)
        if (self.mapping, isinstance(agreement, CurveAgreement)) not in _MAPPING_ARCS:
            raise ValueError("a mapping is gm, im or cam, and cam needs a curve")
        if self.mapping == "im" and isinstance(agreement, CurveAgreement) and agreement.curve.p % 4 != _POINT_ENCODING:
            raise ValueError("integrated mapping needs a field whose prime is 3 modulo 4")
        if self.mapping == "cam" and self.suite is CipherSuite.DES3:
            raise ValueError("chip authentication mapping needs an AES cipher")

    @property
    def oid(self) -> str:
        """The protocol's object identifier."""
        curve = isinstance(_agreement(self.parameter_id), CurveAgreement)
        return f"{_PACE}.{_MAPPING_ARCS[self.mapping, curve]}.{_CIPHER_ARCS[self.suite]}"

    def info(self) -> bytes:
        """The PACEInfo."""
        number = (encode_integer(self.parameter_id),) if self.named else ()
        return encode_sequence(encode_object_identifier(self.oid), encode_integer(2), *number)


@dataclass(frozen=True, slots=True)
class AgreementWay:
    """One static key of chip authentication: domain parameters by number, cipher, and its number where there are several."""

    parameter_id: int = BRAINPOOL_P256
    suite: CipherSuite = CipherSuite.AES128
    key_id: int | None = None

    def __post_init__(self) -> None:
        _agreement(self.parameter_id)

    @property
    def _arc(self) -> int:
        return 2 if isinstance(_agreement(self.parameter_id), CurveAgreement) else 1

    def draw(self, entropy: Entropy) -> AgreementKey:
        """A new static key."""
        agreement: Any = _agreement(self.parameter_id)  # points or integers: what fits one agreement fits it throughout
        return AgreementKey(agreement, new_key_pair(agreement, agreement.base, entropy).private, self.key_id)

    def infos(self, key: AgreementKey) -> tuple[bytes, bytes]:
        """ChipAuthenticationInfo and ChipAuthenticationPublicKeyInfo."""
        number = () if self.key_id is None else (encode_integer(self.key_id),)
        protocol = f"{_CHIP_AUTHENTICATION}.{self._arc}.{_CIPHER_ARCS[self.suite]}"
        return (
            encode_sequence(encode_object_identifier(protocol), encode_integer(1), *number),
            encode_sequence(encode_object_identifier(f"{_PUBLIC_KEY}.{self._arc}"), public_key_of(key), *number),
        )


class ActiveKind(Enum):
    """What a chip signs with in active authentication where no more is said."""

    RSA = "rsa-2048"
    ECDSA = "brainpoolP256r1"


@dataclass(frozen=True, slots=True)
class ActiveWay:
    """What a chip signs with in active authentication: the key as in `SignatureScheme`, and the hash function.

    `stated` False leaves a curve's algorithm out of DG14, as some cards do.
    """

    key: str = "rsa-2048"
    digest: str = "sha256"
    stated: bool = True

    def __post_init__(self) -> None:
        SignatureScheme(self.key, self.digest)

    def info(self) -> bytes | None:
        """ActiveAuthenticationInfo, which only ECDSA needs."""
        if self.key.startswith("rsa") or not self.stated:
            return None
        signature = encode_object_identifier(f"{_PLAIN_ECDSA}.{DIGESTS.index(self.digest) + 1}")
        return encode_sequence(encode_object_identifier(_ACTIVE_AUTHENTICATION), encode_integer(1), signature)


@dataclass(frozen=True, slots=True)
class ChipKind:
    """Which protocols a chip has: the ways in (PACE, BAC), and the proofs that it is no copy.

    `ways` and `agreements` say how, where `pace` and `chip_authentication` say that; chip authentication mapping needs an
    agreement over the same domain parameters and terminal authentication needs any, else ValueError.
    """

    pace: bool = True
    bac: bool = True
    chip_authentication: bool = True
    active_authentication: ActiveKind | ActiveWay | None = None
    ways: tuple[PaceWay, ...] = (PaceWay(),)
    agreements: tuple[AgreementWay, ...] = (AgreementWay(),)
    terminal_authentication: bool = False

    def __post_init__(self) -> None:
        static = {way.parameter_id for way in self.agreements} if self.chip_authentication else set()
        if self.pace and any(way.mapping == "cam" and way.parameter_id not in static for way in self.ways):
            raise ValueError("chip authentication mapping needs a static key over the same domain parameters")
        if self.terminal_authentication and not static:
            raise ValueError("terminal authentication needs a static key of chip authentication")

    @property
    def active(self) -> ActiveWay | None:
        """How the chip signs actively."""
        found = self.active_authentication
        return ActiveWay(found.value) if isinstance(found, ActiveKind) else found

    @property
    def has_card_security(self) -> bool:
        """Whether the chip needs EF.CardSecurity, which carries the static key of chip authentication mapping."""
        return self.pace and any(way.mapping == "cam" for way in self.ways)


TODAYS_CHIP = ChipKind()
"""PACE and BAC, and chip authentication (DG14)."""

OLDER_CHIP = ChipKind(pace=False, chip_authentication=False, active_authentication=ActiveKind.RSA)
"""As passports were before PACE: BAC only, no DG14, and a signature with RSA (DG15) proves the chip."""


@dataclass(frozen=True, slots=True)
class ChipKeys:
    """The private keys that no reader can copy: static ones in the order of the kind's agreements, and one that signs."""

    agreeing: tuple[AgreementKey, ...] = field(repr=False)
    signing: ActiveKey | None = field(repr=False)

    def openssl_key(self) -> ec.EllipticCurvePrivateKey | None:
        """The one static key where it has no number and lies on a curve that OpenSSL computes."""
        if len(self.agreeing) != 1 or self.agreeing[0].key_id is not None:
            return None
        key = self.agreeing[0]
        curve = next((make for number, make in _OPENSSL_CURVES.items() if _agreement(number) == key.agreement), None)
        return None if curve is None else ec.derive_private_key(key.private, curve())


def draw_keys(kind: ChipKind, entropy: Entropy) -> ChipKeys:
    """New keys for a chip. RSA keys come from the cryptography library's own generator and cannot be seeded."""
    agreeing = tuple(way.draw(entropy) for way in kind.agreements) if kind.chip_authentication else ()
    active = kind.active
    return ChipKeys(agreeing, None if active is None else signing_key(SignatureScheme(active.key), entropy))


def public_key_of(key: AgreementKey) -> bytes:
    """The SubjectPublicKeyInfo of a static key, its parameters spelled out."""
    agreement: Any = key.agreement
    return encode_agreement_key(agreement, agreement.encode(key.public))


def security_infos(kind: ChipKind, keys: ChipKeys) -> bytes:
    """All SecurityInfos of a chip as a DER SET: the content of DG14 and of EF.CardSecurity; empty where there are none."""
    infos = [way.info() for way in kind.ways] if kind.pace else []
    if kind.chip_authentication:
        for way, key in zip(kind.agreements, keys.agreeing, strict=True):
            infos += way.infos(key)
    active = None if kind.active is None else kind.active.info()
    if active is not None:
        infos.append(active)
    if kind.terminal_authentication:
        infos.append(encode_sequence(encode_object_identifier(_TERMINAL_AUTHENTICATION), encode_integer(1)))
    return encode_tlv(_SET, b"".join(sorted(infos))) if infos else b""


def card_access(kind: ChipKind) -> bytes:
    """EF.CardAccess: the ways of PACE, unsigned."""
    return encode_tlv(_SET, b"".join(sorted(way.info() for way in kind.ways)))


def encode_dg14(infos: bytes) -> bytes:
    """DG14 around a DER SET of SecurityInfos."""
    return encode_tlv(_DG14, infos)


def encode_dg15(key: ActiveKey) -> bytes:
    """DG15: the key of active authentication, with explicit parameters for a curve (Doc 9303-11 §6.1.2.2)."""
    scheme = SignatureScheme("rsa-2048") if isinstance(key, rsa.RSAPrivateKey) else SignatureScheme("secp256r1")
    return encode_tlv(_DG15, public_key_info(key, scheme))
