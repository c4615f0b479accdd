"""Certificates of simulated States: CSCAs and their links, document signers, signers of lists.

Sources: ICAO Doc 9303-12 §7.1 (profiles), §4.2 (link certificates). Rule: a plan says everything that the certificate says;
nothing here decides whether it makes sense, so a plan can be as wrong as a test needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from drivers.sim.passport.signing import (
    PrivateKey,
    SignatureScheme,
    algorithm,
    key_identifier,
    public_key_info,
    scheme_of,
    sign,
)
from egate.pki.asn1 import DocumentTypeList, PrivateKeyUsagePeriod, core, keys, x509

_LIST_SIGNERS = {"master": "2.23.136.1.1.3", "deviation": "2.23.136.1.1.8", "defect": "0.4.0.127.0.7.3.11.2.1.2"}
_DOCUMENT_TYPES = "2.23.136.1.1.6.2"
_LAST_OF_TWO_DIGITS = 2050


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate with its private key and how it signs: a CSCA, a document signer or a signer of lists."""

    key: PrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)
    chosen_scheme: SignatureScheme | None = None

    @property
    def parsed(self) -> Any:
        """The certificate as asn1crypto reads it."""
        return x509.Certificate.load(self.certificate)

    @property
    def scheme(self) -> SignatureScheme:
        """What it signs with."""
        return self.chosen_scheme or scheme_of(self.key)


@dataclass(frozen=True, slots=True)
class CertificatePlan:
    """What a certificate shall say. `lasts` counts from `begins`; `signs` is the private key's own period, if any."""

    country: str
    common_name: str
    serial_number: int
    begins: date
    lasts: timedelta
    usages: frozenset[str]
    signs: timedelta | None = None
    document_types: tuple[str, ...] = ()
    extended_usage: str = ""

    @property
    def is_authority(self) -> bool:
        """Whether it is the certificate of a CSCA."""
        return "key_cert_sign" in self.usages


def issue(plan: CertificatePlan, key: PrivateKey, issuer: Authority | None, scheme: SignatureScheme | None = None) -> Authority:
    """A certificate for `key`, signed by `issuer`, or by itself when there is none; `scheme` is what `key` will sign with."""
    own = Authority(key, b"", scheme)
    signer = issuer or own
    own_identifier = key_identifier(key, own.scheme)
    issuer_identifier = bytes(issuer.parsed.key_identifier) if issuer else own_identifier
    name = _name(plan.country, plan.common_name)
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": plan.serial_number,
            "signature": algorithm(signer.scheme),
            "issuer": issuer.parsed.subject if issuer else name,
            "validity": {"not_before": moment_of(plan.begins), "not_after": moment_of(plan.begins + plan.lasts)},
            "subject": name,
            "subject_public_key_info": keys.PublicKeyInfo.load(public_key_info(key, own.scheme)),
            "extensions": _extensions(plan, own_identifier, issuer_identifier),
        }
    )
    signature = sign(signer.key, signer.scheme, body.dump())
    certificate = x509.Certificate(
        {"tbs_certificate": body, "signature_algorithm": algorithm(signer.scheme), "signature_value": signature}
    )
    return replace(own, certificate=certificate.dump())


def link_certificate(plan: CertificatePlan, new: Authority, old: Authority) -> bytes:
    """A certificate of the new CSCA's key signed by the old one (§4.2). `plan` names the new CSCA as its own certificate does."""
    return issue(plan, new.key, old, new.scheme).certificate


def master_list_plan(country: str, begins: date, lasts: timedelta) -> CertificatePlan:
    """What the certificate of a master list signer says."""
    return _list_signer_plan("Master List Signer", 3, country, (begins, lasts), _LIST_SIGNERS["master"])


def deviation_list_plan(country: str, begins: date, lasts: timedelta) -> CertificatePlan:
    """What the certificate of a deviation list signer says."""
    return _list_signer_plan("Deviation List Signer", 4, country, (begins, lasts), _LIST_SIGNERS["deviation"])


def defect_list_plan(country: str, begins: date, lasts: timedelta) -> CertificatePlan:
    """What the certificate of a defect list signer says (TR-03129-2 §7.2)."""
    return _list_signer_plan("Defect List Signer", 5, country, (begins, lasts), _LIST_SIGNERS["defect"])


def _list_signer_plan(name: str, number: int, country: str, life: tuple[date, timedelta], usage: str) -> CertificatePlan:
    return CertificatePlan(country, name, number, *life, frozenset({"digital_signature"}), extended_usage=usage)


def _name(country: str, common_name: str) -> Any:  # a value of the untyped library
    parts = (("country_name", country), ("organization_name", "Simulated State"), ("common_name", common_name))
    # The country is a PrintableString, the rest are UTF8Strings (Doc 9303-12 §7.1.1.1), which is how the library builds them.
    return x509.Name.build(dict(parts))


def _extensions(plan: CertificatePlan, own_identifier: bytes, issuer_identifier: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        extension("authority_key_identifier", x509.AuthorityKeyIdentifier({"key_identifier": issuer_identifier})),
        extension("key_identifier", core.OctetString(own_identifier)),
        extension("key_usage", x509.KeyUsage(set(plan.usages)), critical=True),
    ]
    if plan.signs is not None:
        period = {"not_before": _midnight(plan.begins), "not_after": _midnight(plan.begins + plan.signs)}
        found.append(extension("private_key_usage_period", PrivateKeyUsagePeriod(period)))
    if plan.is_authority:
        found.append(extension("basic_constraints", x509.BasicConstraints({"ca": True, "path_len_constraint": 0}), critical=True))
    if plan.document_types:
        types = DocumentTypeList({"version": 0, "types": list(plan.document_types)})
        found.append(extension(_DOCUMENT_TYPES, types))
    if plan.extended_usage:
        found.append(extension("extended_key_usage", x509.ExtKeyUsageSyntax([plan.extended_usage]), critical=True))
    return found


def extension(name: str, value: Any, *, critical: bool = False) -> dict[str, Any]:  # values of the untyped library
    """One extension of a certificate or of a revocation list."""
    return {"extn_id": name, "critical": critical, "extn_value": core.ParsableOctetString(value.dump())}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def moment_of(day: date) -> Any:  # a value of the untyped library
    """The begin of a day as certificates write it: with two digits of the year until 2049."""
    return x509.Time({"utc_time" if day.year < _LAST_OF_TWO_DIGITS else "general_time": _midnight(day)})
