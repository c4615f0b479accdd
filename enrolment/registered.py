"""A registered traveller: what a programme keeps of a person, and until when.

Rules: the document appears only as a keyed hash (`bind_document`), so the register tells nobody which documents it holds;
biometric data never show in a `repr`; nobody is registered without a consent and an expiry.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date

from egate.model.document import Mrz
from enrolment.consent import ConsentRecord

BINDING_KEY_BYTES = 32
"""Length of the programme's binding key."""

_BINDING_LABEL = b"egate/enrolment/binding/v1"


@dataclass(frozen=True, slots=True)
class FaceTemplate:
    """A face as one engine sees it: the engine's model and its template bytes, comparable with the same model only."""

    engine: str
    values: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Biometrics:
    """The part of a registration that only the programme can open: template and reference image (JPEG)."""

    template: FaceTemplate
    reference: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisteredTraveller:
    """The clear part of a registration: a random identifier, the document's keyed hash, dates, engine, consent."""

    identifier: str
    document_binding: bytes = field(repr=False)
    engine: str
    enrolled_on: date
    expires_on: date
    consent: ConsentRecord

    def active(self, today: date) -> bool:
        """Whether the registration may be used today."""
        return self.enrolled_on <= today <= self.expires_on


def bind_document(key: bytes, mrz: Mrz) -> bytes:
    """The keyed hash of a document: HMAC-SHA256 over issuer, number and birth date. Raises ValueError for a short key."""
    if len(key) < BINDING_KEY_BYTES:
        raise ValueError(f"the binding key must have at least {BINDING_KEY_BYTES} bytes")
    fields = (mrz.issuing_state, mrz.document_number.rstrip("<"), mrz.date_of_birth)
    return hmac.digest(key, _BINDING_LABEL + b"\x00" + "\x00".join(fields).encode("ascii", "replace"), hashlib.sha256)


def document_expiry(mrz: Mrz) -> date | None:
    """The expiry printed in the MRZ (YYMMDD, this century); None where it is no date."""
    text = mrz.date_of_expiry
    try:
        return date(2000 + int(text[0:2]), int(text[2:4]), int(text[4:6])) if len(text) == 6 and text.isdigit() else None
    except ValueError:
        return None


def expiry_of(document_expires_on: date, consent: ConsentRecord) -> date:
    """A registration ends with the document or with the consent, whichever is first."""
    return min(document_expires_on, consent.ends_on)
