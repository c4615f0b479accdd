"""A simulated issuing State: a CSCA, a document signer, and passports from them, sound or with one telling defect.

For the demo, the document maker and tests. The State of Utopia (`UTO`, the State of ICAO's specimens) has certificates with the
country `UT`; a product trusts them only where somebody puts their CSCA into its trust store. The same seed makes the same State
and the same documents, but for RSA keys and RSASSA-PSS salts (see `signing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec

from drivers.sim.passport.certification import (
    Authority,
    CertificatePlan,
    Deviation,
    Entropy,
    ListedDefect,
    SecurityObjectPlan,
    SignatureScheme,
    SigningKind,
    defect_list_plan,
    deviation_list_plan,
    elliptic_key,
    encode_card_security,
    encode_defect_list,
    encode_deviation_list,
    encode_master_list,
    encode_revocation_list,
    encode_security_object,
    issue,
    link_certificate,
    master_list_plan,
    signing_key,
)
from drivers.sim.passport.chip_kinds import (
    OLDER_CHIP,
    TODAYS_CHIP,
    ActiveKind,
    ActiveWay,
    AgreementWay,
    ChipKeys,
    ChipKind,
    PaceWay,
    card_access,
    draw_keys,
    encode_dg14,
    encode_dg15,
    security_infos,
)
from drivers.sim.passport.defects import Defect
from drivers.sim.passport.personalisation import ChipPersonalisation
from drivers.sim.passport.signed_objects import USUAL
from drivers.sim.passport.signing import SeededEntropy, digest_of
from egate.model.document import DocumentFormat, ElementaryFile, MrzInformation
from egate.mrtd.files.face_record import encode_dg2, image_format
from egate.mrtd.files.lds import encode_com, encode_dg1
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_mrz

__all__ = [
    "OLDER_CHIP",
    "TODAYS_CHIP",
    "ActiveKind",
    "ActiveWay",
    "AgreementWay",
    "ChipKind",
    "Defect",
    "DocumentPlan",
    "PaceWay",
    "PersonData",
    "SimulatedIssuer",
]

CERTIFICATE_COUNTRIES: Mapping[str, str] = MappingProxyType({"UTO": "UT", "D": "DE"})
"""Certificate countries of the States that this module plays without being told."""

CSCA_AGE = timedelta(days=365)
CSCA_LIFE = timedelta(days=14 * 365)
SIGNER_AGE = timedelta(days=30)
SIGNS_FOR = timedelta(days=90)
"""A document signer signs for three months …"""
SIGNER_LIFE = timedelta(days=10 * 365 + 100)
"""… and its certificate outlives the last passport signed with it (Doc 9303-12 §4.3)."""
SIGNED_TYPES = ("P", "I", "A", "C")
"""Document codes that the signers of these States may sign for."""
_OVER_SINCE = timedelta(days=10)
_KEY_PERIOD_OVER_SINCE = timedelta(days=200)
"""Longer than any delay between making and issuing."""
_SPECIAL_SIGNER_NUMBER = 5
_NUMBERS = {file: int(file.name.removeprefix("DG")) for file in ElementaryFile if file.name.startswith("DG")}


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
    form: DocumentFormat = DocumentFormat.TD3
    document_code: str = "P"


@dataclass(frozen=True, slots=True)
class DocumentPlan:
    """What else a document is: its chip, its security object, what is wrong with it, and further whole data groups."""

    kind: ChipKind = TODAYS_CHIP
    security_object: SecurityObjectPlan = USUAL
    defect: Defect = Defect.NONE
    further: Mapping[ElementaryFile, bytes] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class SimulatedIssuer:
    """One State with its keys. Build it with `create`. `scheme` is what its authority and its signers sign with."""

    state: str
    certificate_country: str
    csca: Authority
    signer: Authority
    impostor: Authority = field(repr=False)
    scheme: SignatureScheme
    _entropy: Entropy = field(repr=False)
    _today: date = field(repr=False)

    @staticmethod
    def create(
        country: str,
        entropy: Entropy,
        today: date,
        kind: SigningKind | SignatureScheme = SigningKind.ECDSA_BRAINPOOL,
        certificate_country: str = "",
    ) -> SimulatedIssuer:
        """A new State. `country` is its code in the machine readable zone; `certificate_country` that of its certificates.

        1. the CSCA; 2. its document signer; 3. an impostor, who names his key like the State's and signs in its name.
        ValueError when no certificate country is given for a State that is not played here.
        """
        code = certificate_country or CERTIFICATE_COUNTRIES.get(country, "")
        if not code:
            raise ValueError(f"the simulated issuer plays {', '.join(CERTIFICATE_COUNTRIES)}")
        scheme = kind.scheme if isinstance(kind, SigningKind) else kind
        csca = issue(_csca_plan(code, today), signing_key(scheme, entropy), None, scheme)
        signer = issue(_signer_plan(code, today), signing_key(scheme, entropy), csca, scheme)
        impostor_root = issue(_csca_plan(code, today), signing_key(scheme, entropy), None, scheme)
        impostor = issue(_signer_plan(code, today), signing_key(scheme, entropy), impostor_root, scheme)
        return SimulatedIssuer(country, code, csca, signer, impostor, scheme, entropy, today)

    @property
    def csca_certificate(self) -> bytes:
        """The CSCA certificate that a trust store needs, DER."""
        return self.csca.certificate

    @property
    def signer_serial_number(self) -> int:
        """The serial number of the document signer, for revocation lists."""
        return int(self.signer.parsed.serial_number)

    def roll_over(self) -> tuple[SimulatedIssuer, bytes]:
        """The State with a new CSCA key and a new signer, and the link certificate by which the old key names the new one."""
        plan = replace(_csca_plan(self.certificate_country, self._today), serial_number=11, begins=self._today - SIGNER_AGE)
        csca = issue(plan, signing_key(self.scheme, self._entropy), None, self.scheme)
        signer_plan = replace(_signer_plan(self.certificate_country, self._today), serial_number=12)
        signer = issue(signer_plan, signing_key(self.scheme, self._entropy), csca, self.scheme)
        link = link_certificate(replace(plan, serial_number=13), csca, self.csca)
        return replace(self, csca=csca, signer=signer), link

    def mrz_lines(self, person: PersonData) -> tuple[str, str]:
        """The two printed lines of a person's passport."""
        first, second = self.printed_lines(replace(person, form=DocumentFormat.TD3))
        return first, second

    def printed_lines(self, person: PersonData) -> tuple[str, ...]:
        """The printed lines of a person's document in its own form; raises MalformedData for what does not fit."""
        fields = MrzFields(
            issuing_state=self.state,
            document_number=person.document_number,
            surname=person.surname,
            given_names=person.given_names,
            nationality=person.nationality,
            date_of_birth=person.date_of_birth.strftime("%y%m%d"),
            sex=person.sex,
            date_of_expiry=person.date_of_expiry.strftime("%y%m%d"),
            optional_data=person.optional_data,
            document_code=person.document_code,
        )
        return encode_mrz(person.form, fields)

    def personalise(
        self,
        person: PersonData,
        portrait: bytes,
        portrait_size: tuple[int, int],
        *,
        defect: Defect = Defect.NONE,
        kind: ChipKind = TODAYS_CHIP,
    ) -> ChipPersonalisation:
        """The chip of a passport. `portrait` is JPEG or JPEG 2000 of `portrait_size` (width, height) pixels."""
        return self.personalise_as(person, portrait, portrait_size, DocumentPlan(kind, defect=defect))

    def personalise_as(
        self, person: PersonData, portrait: bytes, portrait_size: tuple[int, int], plan: DocumentPlan
    ) -> ChipPersonalisation:
        """The chip of a document that is made as planned.

        1. the data groups; 2. the security object over them; 3. what the defect changes on the way; 4. the unsigned files.
        """
        kind, defect = plan.kind, plan.defect
        lines, keys = self.printed_lines(person), draw_keys(kind, self._entropy)
        infos = security_infos(kind, keys)
        groups = {
            ElementaryFile.DG1: encode_dg1(lines),
            ElementaryFile.DG2: encode_dg2(portrait, *portrait_size, image_format(portrait)),
            **plan.further,
            **_proofs(infos, keys),
        }
        signed = self._as_signed(groups, person, defect)
        if defect is Defect.CLONED:
            keys = draw_keys(kind, self._entropy)
        hashes = {_NUMBERS[file]: digest_of(plan.security_object.digest, data) for file, data in signed.items()}
        sod = encode_security_object(hashes, self._signer_for(defect), plan.security_object)
        files = {ElementaryFile.COM: encode_com(groups), ElementaryFile.SOD: sod, **groups}
        if defect is Defect.WRONG_SIGNATURE:
            files[ElementaryFile.SOD] = sod[:-1] + bytes((sod[-1] ^ 0x01,))
        if kind.pace and defect is not Defect.STRIPPED_ACCESS:
            files[ElementaryFile.CARD_ACCESS] = card_access(kind)
        if kind.has_card_security:
            files[ElementaryFile.CARD_SECURITY] = encode_card_security(infos, self._signer_for(defect))
        return _chip(parse_mrz(lines).information, files, keys, plan)

    def _as_signed(
        self, groups: Mapping[ElementaryFile, bytes], person: PersonData, defect: Defect
    ) -> Mapping[ElementaryFile, bytes]:
        """The data groups as the signer saw them."""
        signed = dict(groups)
        match defect:
            case Defect.FORGED_DATA:
                signed[ElementaryFile.DG1] = encode_dg1(self.printed_lines(_rightful_holder(person)))
            case Defect.SWAPPED_PORTRAIT:
                signed[ElementaryFile.DG2] = groups[ElementaryFile.DG2] + b"\x00"
            case Defect.UNSIGNED_KEY:
                signed.pop(ElementaryFile.DG14, None)
            case _:
                pass
        return signed

    def _signer_for(self, defect: Defect) -> Authority:
        """Who signs a document with this defect."""
        plan = replace(_signer_plan(self.certificate_country, self._today), serial_number=_SPECIAL_SIGNER_NUMBER)
        match defect:
            case Defect.UNKNOWN_ISSUER:
                return self.impostor
            case Defect.FOREIGN_SIGNER:
                return self.neighbour().signer
            case Defect.EXPIRED_SIGNER:
                plan = replace(plan, begins=self._today - CSCA_AGE, lasts=CSCA_AGE - _OVER_SINCE)
            case Defect.SIGNER_KEY_PERIOD_OVER:
                plan = replace(plan, begins=self._today - CSCA_AGE, signs=CSCA_AGE - _KEY_PERIOD_OVER_SINCE)
            case Defect.SIGNER_OF_OTHER_DOCUMENTS:
                plan = replace(plan, document_types=("V",))
            case Defect.SIGNER_WITHOUT_USAGE:
                plan = replace(plan, usages=frozenset({"key_encipherment"}))
            case _:
                return self.signer
        return issue(plan, signing_key(self.scheme, self._entropy), self.csca, self.scheme)

    def neighbour(self) -> SimulatedIssuer:
        """Another State, which a trust store may believe as well; the same whenever it is asked for."""
        code = "ZZ" if self.certificate_country != "ZZ" else "UT"
        entropy = SeededEntropy(b"neighbour" + self.csca.certificate)
        return SimulatedIssuer.create("ZZZ", entropy, self._today, SigningKind.ECDSA_BRAINPOOL, code)

    def master_list(self, *certificates: bytes) -> bytes:
        """A master list of these CSCA certificates, signed by a master list signer of this State."""
        plan = master_list_plan(self.certificate_country, self._today - SIGNER_AGE, SIGNER_LIFE)
        key = elliptic_key(ec.SECP256R1(), self._entropy)
        return encode_master_list(certificates, issue(plan, key, self.csca), self.csca)

    def deviation_list(self, *deviations: Deviation) -> bytes:
        """A deviation list of this State, signed by a deviation list signer."""
        plan = deviation_list_plan(self.certificate_country, self._today - SIGNER_AGE, SIGNER_LIFE)
        key = elliptic_key(ec.SECP256R1(), self._entropy)
        return encode_deviation_list(deviations, issue(plan, key, self.csca), self.csca)

    def defect_list(self, *defects: ListedDefect, signed_at: date | None = None) -> bytes:
        """A defect list of this State about documents of any State, signed by a defect list signer."""
        plan = defect_list_plan(self.certificate_country, self._today - SIGNER_AGE, SIGNER_LIFE)
        key = elliptic_key(ec.SECP256R1(), self._entropy)
        return encode_defect_list(defects, issue(plan, key, self.csca), self.csca, signed_at=signed_at)

    def revocation_list(self, *serial_numbers: int) -> bytes:
        """A revocation list of this State."""
        return encode_revocation_list(serial_numbers, self.csca, self._today)


def _proofs(infos: bytes, keys: ChipKeys) -> dict[ElementaryFile, bytes]:
    """DG14 and DG15, which announce the chip's public keys and its ways of PACE, as far as it has any."""
    groups = {ElementaryFile.DG14: encode_dg14(infos)} if infos else {}
    if keys.signing is not None:
        groups[ElementaryFile.DG15] = encode_dg15(keys.signing)
    return groups


def _chip(
    information: MrzInformation, files: Mapping[ElementaryFile, bytes], keys: ChipKeys, plan: DocumentPlan
) -> ChipPersonalisation:
    """The chip, with its one static key where OpenSSL computes it, so that both arithmetics meet in tests."""
    own = keys.openssl_key()
    return ChipPersonalisation(
        information, files, own, plan.kind.pace, plan.kind.bac, keys.signing, () if own is not None else keys.agreeing
    )


def _rightful_holder(person: PersonData) -> PersonData:
    """Whose passport it was before somebody wrote himself into it."""
    return replace(person, surname="RIGHTFUL", given_names="HOLDER")


def _csca_plan(country: str, today: date) -> CertificatePlan:
    usages = frozenset({"key_cert_sign", "crl_sign"})
    return CertificatePlan(country, "CSCA", 1, today - CSCA_AGE, CSCA_LIFE, usages, signs=timedelta(days=5 * 365))


def _signer_plan(country: str, today: date) -> CertificatePlan:
    usages = frozenset({"digital_signature"})
    return CertificatePlan(
        country, "Document Signer", 2, today - SIGNER_AGE, SIGNER_LIFE, usages, signs=SIGNS_FOR, document_types=SIGNED_TYPES
    )
