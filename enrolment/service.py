"""One enrolment from what was gathered: `enrol` is all that a command line or a screen needs.

It drives `enrolment.procedure` with the answers at hand and carries out what the procedure asks; it decides nothing itself.
Rule: the register is written only when the procedure asks for it, which it does only after a consent that holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from egate.checks.decide import decide
from egate.model.checks import Check, DecisionPoint, Profile
from egate.model.document import Mrz
from egate.model.errors import DeviceError
from egate.model.face import CaptureOutcome, CaptureState
from enrolment import procedure as p
from enrolment.consent import ConsentRecord
from enrolment.quality_gate import QualityBounds
from enrolment.registered import (
    Biometrics,
    FaceTemplate,
    RegisteredTraveller,
    bind_document,
    document_expiry,
    expiry_of,
)
from enrolment.store import IDENTIFIER_BYTES, Entropy, Register

_NO_CAPTURE = CaptureOutcome(CaptureState.NO_USABLE_FACE)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that was gathered about one person: document, its checks, captures in order, template, consent.

    `captures` holds one outcome for each try; the quality gate takes the first that passes. `template` is of the accepted
    capture's image. `consent` is None when the person said no.
    """

    mrz: Mrz | None
    checks: tuple[Check, ...]
    captures: tuple[CaptureOutcome, ...]
    template: Callable[[bytes], FaceTemplate] = field(repr=False)
    consent: ConsentRecord | None


@dataclass(frozen=True, slots=True)
class Station:
    """An enrolment station: its register, the programme's binding key, the agency's profile, the quality bounds."""

    register: Register
    binding_key: bytes = field(repr=False)
    profile: Profile
    bounds: QualityBounds = field(default_factory=QualityBounds)


def enrol(gathered: Gathered, station: Station, today: date, entropy: Entropy) -> RegisteredTraveller | p.Refusal:
    """Register one traveller, durably, or say why not. Nothing is stored when a refusal is returned.

    `entropy(n)` gives n random bytes (`secrets.token_bytes`). Errors of the database become a refusal `not_stored`.
    """
    return _Enrolment(gathered, station, today, entropy).run()


class _Enrolment:
    """Answers what the procedure asks, until it is done or refuses."""

    def __init__(self, gathered: Gathered, station: Station, today: date, entropy: Entropy) -> None:
        self._gathered, self._station, self._today, self._entropy = gathered, station, today, entropy
        self._rules = p.EnrolmentRules(today, station.bounds, max(1, len(gathered.captures)), station.profile.fmr_ppm)
        self._state, self._asked = p.begin()
        self._traveller: RegisteredTraveller | None = None
        self._answers: Mapping[p.Ask, Callable[[], p.Event]] = {
            p.Ask.READ_DOCUMENT: lambda: p.DocumentRead(gathered.mrz),
            p.Ask.CHECK_DOCUMENT: self._decide,
            p.Ask.CAPTURE_FACE: self._capture,
            p.Ask.SEARCH_DUPLICATES: self._search,
            p.Ask.ASK_CONSENT: lambda: p.ConsentAnswered(gathered.consent),
            p.Ask.STORE: self._store,
        }

    def run(self) -> RegisteredTraveller | p.Refusal:
        while self._asked:
            event = next(self._answers[ask]() for ask in self._asked if isinstance(ask, p.Ask))
            self._state, self._asked = p.step(self._state, event, self._rules)
        if self._state.refusal is not None:
            return self._state.refusal
        assert self._traveller is not None, "DONE is reached through Stored only"
        return self._traveller

    def _decide(self) -> p.Event:
        return p.ChecksDecided(decide(self._gathered.checks, self._station.profile, DecisionPoint.ENTRY))

    def _capture(self) -> p.Event:
        captures = self._gathered.captures
        return p.CaptureEnded(captures[self._state.captures] if captures else _NO_CAPTURE)

    def _binding(self) -> bytes:
        assert self._state.mrz is not None, "the document comes first"
        return bind_document(self._station.binding_key, self._state.mrz)

    def _search(self) -> p.Event:
        try:
            return p.DuplicatesSearched(self._station.register.count_document(self._binding()))
        except DeviceError as error:
            return p.NotStored(str(error))

    def _store(self) -> p.Event:
        state = self._state
        assert state.mrz is not None
        assert state.consent is not None
        assert state.outcome is not None
        assert state.outcome.probe is not None
        expires = document_expiry(state.mrz)
        assert expires is not None, "the procedure refuses a document without a date"
        reference = state.outcome.probe.image
        try:
            template = self._gathered.template(reference)
            traveller = RegisteredTraveller(
                self._entropy(IDENTIFIER_BYTES).hex(),
                self._binding(),
                template.engine,
                self._today,
                expiry_of(expires, state.consent),
                state.consent,
            )
            self._station.register.add(traveller, Biometrics(template, reference), self._entropy)
        except DeviceError as error:
            return p.NotStored(str(error))
        self._traveller = traveller
        return p.Stored()
