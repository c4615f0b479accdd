"""A simulated issuing State: a CSCA, a document signer, and passports from them, sound or with one telling defect.

For the demo and for tests. The State of Utopia (`UTO`, the State of ICAO's specimens) has certificates with the country `UT`; a
product trusts them only where somebody puts their CSCA into its trust store. A defect is made the way a forger would make it,
on the chip or before signing; the checks learn of it from the bytes alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import Enum
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.sim.passport.certification import (
    Authority,
    CertificatePlan,
    Entropy,
    SigningKind,
    elliptic_key,
    encode_master_list,
    encode_revocation_list,
    encode_security_object,
    issue,
    master_list_plan,
    signing_key,
)
from drivers.sim.passport.personalisation import ActiveKey, ChipPersonalisation
from egate.model.document import ElementaryFile
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.face_record import encode_dg2, image_format
from egate.mrtd.files.lds import encode_com, encode_dg1, encode_dg15
from egate.mrtd.files.mrz import Td3Fields, encode_td3, parse_mrz
from egate.mrtd.files.security_infos import (
    ECDH_GENERIC,
    PaceInfo,
    encode_card_access,
    encode_dg14,
    encode_ec_public_key,
    pace_oid,
)

CERTIFICATE_COUNTRIES = {"UTO": "UT", "D": "DE"}
"""Certificate countries of the States that this module plays."""

CSCA_AGE = timedelta(days=365)
CSCA_LIFE = timedelta(days=14 * 365)
SIGNER_AGE = timedelta(days=30)
SIGNS_FOR = timedelta(days=90)
"""A document signer signs for three months …"""
SIGNER_LIFE = timedelta(days=10 * 365 + 100)
"""… and its certificate outlives the last passport signed with it (Doc 9303-12 §4.3)."""

_BRAINPOOL_P256 = 13
_OFFERED = (PaceInfo(pace_oid(ECDH_GENERIC, CipherSuite.AES128), parameter_id=_BRAINPOOL_P256),)
_ACTIVE_RSA_BITS = 2048
_ECDSA_PLAIN_SHA256 = "0.4.0.127.0.7.1.1.4.1.3"
"""How a chip signs actively with a curve (BSI TR-03111 §5.2.1); DG14 says so where there is one."""
_NUMBERS = {"DG1": 1, "DG2": 2, "DG14": 14, "DG15": 15}


class Defect(Enum):
    """What is wrong with a passport.

    CLONED: all files are copied from a genuine chip, whose private keys could not be. FORGED_DATA: DG1 was rewritten for
    another holder after signing. UNKNOWN_ISSUER: everything is signed, by a key that only claims to be the State's.
    """

    NONE = "none"
    CLONED = "cloned"
    FORGED_DATA = "forged_data"
    UNKNOWN_ISSUER = "unknown_issuer"


class ActiveKind(Enum):
    """What a chip signs with in active authentication."""

    RSA = "rsa-2048"
    ECDSA = "brainpoolP256r1"


@dataclass(frozen=True, slots=True)
class ChipKind:
    """Which protocols a chip has: the ways in (PACE, BAC), and the proofs that it is no copy.

    ValueError for PACE without chip authentication: then no DG14 would repeat what the unsigned EF.CardAccess offers.
    """

    pace: bool = True
    bac: bool = True
    chip_authentication: bool = True
    active_authentication: ActiveKind | None = None

    def __post_init__(self) -> None:
        if self.pace and not self.chip_authentication:
            raise ValueError("a chip with PACE needs chip authentication here")


TODAYS_CHIP = ChipKind()
"""PACE and BAC, and chip authentication (DG14)."""

OLDER_CHIP = ChipKind(pace=False, chip_authentication=False, active_authentication=ActiveKind.RSA)
"""As passports were before PACE: BAC only, no DG14, and a signature with RSA (DG15) proves the chip."""


@dataclass(frozen=True, slots=True)
class _ChipKeys:
    """The private keys that no reader can copy."""

    agreeing: ec.EllipticCurvePrivateKey | None = field(repr=False)
    signing: ActiveKey | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonData:
    """An invented holder and the document: what is printed and stored. `sex` is M, F or `<`."""

    surname: str = field(repr=False)
    given_names: str = field(repr=False)
    date_of_birth: date = field(repr=False)
    sex: str
    document_number: str = field(repr=False)
    date_of_expiry: date
    nationality: str = "UTO"
    optional_data: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class SimulatedIssuer:
    """One State with its keys. Build it with `create`."""

    state: str
    certificate_country: str
    csca: Authority
    signer: Authority
    impostor: Authority = field(repr=False)
    _entropy: Entropy = field(repr=False)
    _today: date = field(repr=False)

    @staticmethod
    def create(country: str, entropy: Entropy, today: date, kind: SigningKind = SigningKind.ECDSA_BRAINPOOL) -> SimulatedIssuer:
        """A new State. `country` is its code in the machine readable zone; ValueError when it is none that is played here.

        1. the CSCA; 2. its document signer; 3. an impostor, who names his key like the State's and signs in its name.
        """
        if country not in CERTIFICATE_COUNTRIES:
            raise ValueError(f"the simulated issuer plays {', '.join(CERTIFICATE_COUNTRIES)}")
        code = CERTIFICATE_COUNTRIES[country]
        csca = issue(_csca_plan(code, today), signing_key(kind, entropy), None)
        signer = issue(_signer_plan(code, today), signing_key(kind, entropy), csca)
        impostor_root = issue(_csca_plan(code, today), signing_key(kind, entropy), None)
        impostor = issue(_signer_plan(code, today), signing_key(kind, entropy), impostor_root)
        return SimulatedIssuer(country, code, csca, signer, impostor, entropy, today)

    @property
    def csca_certificate(self) -> bytes:
        """The CSCA certificate that a trust store needs, DER."""
        return self.csca.certificate

    @property
    def signer_serial_number(self) -> int:
        """The serial number of the document signer, for revocation lists."""
        return int(self.signer.parsed.serial_number)

    def mrz_lines(self, person: PersonData) -> tuple[str, str]:
        """The two printed lines of a person's passport."""
        fields = Td3Fields(
            issuing_state=self.state,
            document_number=person.document_number,
            surname=person.surname,
            given_names=person.given_names,
            nationality=person.nationality,
            date_of_birth=person.date_of_birth.strftime("%y%m%d"),
            sex=person.sex,
            date_of_expiry=person.date_of_expiry.strftime("%y%m%d"),
            optional_data=person.optional_data,
        )
        return encode_td3(fields)

    def personalise(
        self,
        person: PersonData,
        portrait: bytes,
        portrait_size: tuple[int, int],
        *,
        defect: Defect = Defect.NONE,
        kind: ChipKind = TODAYS_CHIP,
    ) -> ChipPersonalisation:
        """The chip of a passport. `portrait` is JPEG or JPEG 2000 of `portrait_size` (width, height) pixels.

        1. the data groups; 2. the security object over them; 3. what the defect changes on the way.
        """
        lines, keys = self.mrz_lines(person), self._chip_keys(kind)
        groups = {
            ElementaryFile.DG1: encode_dg1(lines),
            ElementaryFile.DG2: encode_dg2(portrait, *portrait_size, image_format(portrait)),
            **_proofs(kind, keys),
        }
        signed = dict(groups)
        if defect is Defect.FORGED_DATA:
            signed[ElementaryFile.DG1] = encode_dg1(self.mrz_lines(_rightful_holder(person)))
        if defect is Defect.CLONED:
            keys = self._chip_keys(kind)
        signer = self.impostor if defect is Defect.UNKNOWN_ISSUER else self.signer
        hashes = {_NUMBERS[file.name]: sha256(data).digest() for file, data in signed.items()}
        files = {ElementaryFile.COM: encode_com(groups), ElementaryFile.SOD: encode_security_object(hashes, signer), **groups}
        if kind.pace:
            files[ElementaryFile.CARD_ACCESS] = encode_card_access(_OFFERED)
        return ChipPersonalisation(parse_mrz(lines).information, files, keys.agreeing, kind.pace, kind.bac, keys.signing)

    def _chip_keys(self, kind: ChipKind) -> _ChipKeys:
        """New keys for a chip. RSA keys come from the cryptography library's own generator and cannot be seeded."""
        agreeing = elliptic_key(ec.BrainpoolP256R1(), self._entropy) if kind.chip_authentication else None
        match kind.active_authentication:
            case ActiveKind.RSA:
                return _ChipKeys(agreeing, rsa.generate_private_key(public_exponent=65537, key_size=_ACTIVE_RSA_BITS))
            case ActiveKind.ECDSA:
                return _ChipKeys(agreeing, elliptic_key(ec.BrainpoolP256R1(), self._entropy))
            case None:
                return _ChipKeys(agreeing, None)

    def master_list(self, *certificates: bytes) -> bytes:
        """A master list of these CSCA certificates, signed by a master list signer of this State."""
        plan = master_list_plan(self.certificate_country, self._today - SIGNER_AGE, SIGNER_LIFE)
        key = elliptic_key(ec.SECP256R1(), self._entropy)
        return encode_master_list(certificates, issue(plan, key, self.csca), self.csca)

    def revocation_list(self, *serial_numbers: int) -> bytes:
        """A revocation list of this State."""
        return encode_revocation_list(serial_numbers, self.csca, self._today)


def _proofs(kind: ChipKind, keys: _ChipKeys) -> dict[ElementaryFile, bytes]:
    """DG14 and DG15, which announce the chip's public keys, as far as it has any."""
    groups = {}
    if keys.agreeing is not None:
        stated = _ECDSA_PLAIN_SHA256 if kind.active_authentication is ActiveKind.ECDSA else None
        offered = _OFFERED if kind.pace else ()
        groups[ElementaryFile.DG14] = encode_dg14(keys.agreeing.public_key(), active_authentication=stated, pace_infos=offered)
    if keys.signing is not None:
        groups[ElementaryFile.DG15] = encode_dg15(_public_info(keys.signing))
    return groups


def _public_info(key: ActiveKey) -> bytes:
    """The SubjectPublicKeyInfo of a key, with explicit parameters for a curve (Doc 9303-11 §6.1.2.2)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return encode_ec_public_key(key.public_key())
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _rightful_holder(person: PersonData) -> PersonData:
    """Whose passport it was before somebody wrote himself into it."""
    return replace(person, surname="RIGHTFUL", given_names="HOLDER")


def _csca_plan(country: str, today: date) -> CertificatePlan:
    usages = frozenset({"key_cert_sign", "crl_sign"})
    return CertificatePlan(country, "CSCA", 1, today - CSCA_AGE, CSCA_LIFE, usages, signs=timedelta(days=5 * 365))


def _signer_plan(country: str, today: date) -> CertificatePlan:
    usages = frozenset({"digital_signature"})
    return CertificatePlan(
        country, "Document Signer", 2, today - SIGNER_AGE, SIGNER_LIFE, usages, signs=SIGNS_FOR, document_types=("P",)
    )
