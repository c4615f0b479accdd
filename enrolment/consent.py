"""What a person agreed to, so that it can be shown later: which text, in which language, for what, how long, how to take it back.

Rule: consent is a record, not a flag. It names the exact text by version and hash; without a complete record nothing is stored.
Languages are added with their text; an agency's own wording is a new version, never a change of an old one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

LONGEST_RETENTION_DAYS = 5 * 365
"""No consent lasts longer; a person is asked again."""


class Purpose(Enum):
    """What the data may be used for. Nothing else is allowed by a consent."""

    COMPARISON_AT_GATE = "comparison_at_gate"
    DUPLICATE_SEARCH = "duplicate_search"


REQUIRED_PURPOSES = frozenset(Purpose)
"""Without these the programme cannot work; a person who refuses one uses the staffed desk."""


@dataclass(frozen=True, slots=True)
class ConsentText:
    """A wording that is shown before consent is asked for."""

    version: str
    language: str
    text: str
    withdrawal: str

    @property
    def digest(self) -> str:
        """SHA-256 of the wording in hex: what was shown can be proved."""
        return hashlib.sha256("\x00".join((self.version, self.language, self.text, self.withdrawal)).encode()).hexdigest()


CONSENT_TEXTS: Mapping[str, ConsentText] = {
    "en": ConsentText(
        "1",
        "en",
        "We store a template of your face, one picture and a number made from your travel document, encrypted. They are used to"
        " recognise you at the gate and to find out whether you are already registered. They are erased when the time you"
        " agreed to is over, when your document expires, or when you withdraw. Taking part is voluntary; staffed desks are"
        " always open to you.",
        "You can withdraw at any enrolment desk with your document; your data are erased at once.",
    ),
    "de": ConsentText(
        "1",
        "de",
        "Wir speichern ein Merkmal Ihres Gesichts, ein Bild und eine aus Ihrem Reisedokument gebildete Zahl, verschlüsselt."
        " Damit werden Sie an der Schleuse erkannt, und wir stellen fest, ob Sie schon registriert sind. Die Daten werden"
        " gelöscht, wenn die vereinbarte Zeit vorbei ist, Ihr Dokument abläuft oder Sie widerrufen. Die Teilnahme ist"
        " freiwillig; besetzte Schalter stehen Ihnen immer offen.",
        "Sie können an jedem Registrierungsschalter mit Ihrem Dokument widerrufen; Ihre Daten werden sofort gelöscht.",
    ),
    "ar": ConsentText(
        "1",
        "ar",
        "نحفظ قالبًا رقميًا لوجهك وصورة واحدة ورقمًا مشتقًا من وثيقة سفرك، كلها مشفرة. وتُستخدم للتعرف عليك عند البوابة ولمعرفة"
        " ما إذا كنت مسجلًا من قبل. وتُمحى عند انقضاء المدة التي وافقت عليها أو عند انتهاء صلاحية وثيقتك أو عند سحب موافقتك."
        " المشاركة طوعية، والمكاتب التي يعمل فيها موظفون متاحة لك دائمًا.",
        "يمكنك سحب موافقتك في أي مكتب تسجيل بإبراز وثيقتك، وتُمحى بياناتك فورًا.",
    ),
}
"""The shipped wordings by language (ISO 639-1). German and Arabic await a native reader who knows the law of the place."""


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One person's consent: text and its hash, language, purposes, retention in days, how to withdraw, when, before whom."""

    text_version: str
    text_digest: str
    language: str
    purposes: frozenset[Purpose]
    retention_days: int
    withdrawal: str
    given_on: date
    witness: str

    @property
    def ends_on(self) -> date:
        """The last day on which the data may be kept."""
        return self.given_on + timedelta(days=self.retention_days)


def give_consent(
    text: ConsentText, purposes: frozenset[Purpose], retention_days: int, today: date, witness: str
) -> ConsentRecord:
    """The record of a consent given today to this text; `witness` is the operator's pseudonym."""
    return ConsentRecord(
        text.version, text.digest, text.language, purposes, retention_days, text.withdrawal, given_on=today, witness=witness
    )


def consent_problems(record: ConsentRecord | None, today: date) -> tuple[str, ...]:
    """Why nothing may be stored on this consent, in sentences; empty when it holds."""
    if record is None:
        return ("Consent was not given; nothing is stored.",)
    text = CONSENT_TEXTS.get(record.language)
    known = text is not None and (text.version, text.digest) == (record.text_version, record.text_digest)
    rules = (
        (known, "The text that was agreed to is not one of ours."),
        (record.purposes >= REQUIRED_PURPOSES, "A purpose that the programme needs was not agreed to."),
        (1 <= record.retention_days <= LONGEST_RETENTION_DAYS, f"The time must be from 1 to {LONGEST_RETENTION_DAYS} days."),
        (record.given_on <= today <= record.ends_on, "The consent is not for today."),
        (bool(record.witness), "The consent names no witness."),
    )
    return tuple(sentence for holds, sentence in rules if not holds)
