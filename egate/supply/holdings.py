"""What a trust folder holds at one moment: the sum of its journal up to an entry.

Rule: what was withdrawn stays withdrawn, whoever lists it again, until an operator pins it anew by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from egate.model.errors import MalformedData, TrustError
from egate.pki.certificate import Certificate, parse_certificate, verify_certificate
from egate.pki.defects import DefectList
from egate.pki.deviations import DeviationList
from egate.pki.revocation import RevocationList, parse_revocation_list
from egate.supply.folder import Item, TrustFolder
from egate.supply.journal import Entry
from egate.supply.lists import held_defect_list, held_deviation_list, signing_date


@dataclass(frozen=True, slots=True)
class Held:
    """One object that counts now: how it came to be trusted (several ways are possible) and the entries that name it."""

    kind: str
    sha256: str
    hows: tuple[str, ...]
    entries: tuple[Entry, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that counts, by kind and SHA-256, in the order in which it came; and what was withdrawn, by whom."""

    folder: TrustFolder = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)
    held: Mapping[str, Held] = field(repr=False)
    withdrawn: Mapping[str, Entry] = field(repr=False)

    def of(self, kind: str) -> tuple[Held, ...]:
        """Everything of one kind."""
        return tuple(held for held in self.held.values() if held.kind == kind)

    def certificate(self, held: Held) -> Certificate:
        """The certificate behind an object of kind csca or signer."""
        return parse_certificate(self.folder.read_object(held.sha256))

    def certificates(self, kind: str) -> dict[str, Certificate]:
        """All certificates of a kind, by fingerprint."""
        return {held.sha256: self.certificate(held) for held in self.of(kind)}

    def signers_by_state(self) -> dict[str, list[Held]]:
        """Document signers by the State of the key that they were verified under; none of the thousands is parsed for it."""
        countries: dict[str, str] = {}
        found: dict[str, list[Held]] = {}
        for held in self.of("signer"):
            entry = held.entries[0]
            if entry.anchor not in countries:
                countries[entry.anchor] = self._anchor_country(entry)
            found.setdefault(countries[entry.anchor], []).append(held)
        return found

    def revocation_lists(self) -> dict[str, tuple[Held, RevocationList]]:
        """The newest list of each scope (a State, or an authority where several share a country)."""
        newest: dict[str, tuple[Held, RevocationList]] = {}
        for held in self.of("crl"):
            found = parse_revocation_list(self.folder.read_object(held.sha256))
            known = newest.get(found.scope)
            if known is None or not found.is_older_than(known[1]):
                newest[found.scope] = (held, found)
        return newest

    def deviation_lists(self) -> dict[str, tuple[Held, DeviationList]]:
        """The newest deviation list of each State."""
        newest: dict[str, tuple[Held, DeviationList]] = {}
        for held in self.of("deviations"):
            found = held_deviation_list(self.folder.read_object(held.sha256), self._anchor(held.entries[0]))
            known = newest.get(found.country)
            if known is None or not found.is_older_than(known[1]):
                newest[found.country] = (held, found)
        return newest

    def defect_lists(self) -> dict[str, tuple[Held, DefectList]]:
        """The newest defect list of each authority, by its country."""
        newest: dict[str, tuple[Held, DefectList]] = {}
        for held in self.of("defects"):
            found = held_defect_list(self.folder.read_object(held.sha256), self._anchor(held.entries[0]))
            known = newest.get(found.country)
            if known is None or not found.is_older_than(known[1]):
                newest[found.country] = (held, found)
        return newest

    def last_list(self, country: str) -> Entry | None:
        """The entry of the master list that came last from a State."""
        lists = [entry for entry in self.entries if entry.kind == "master list" and self._anchor_country(entry) == country]
        return lists[-1] if lists else None

    def list_dates(self) -> dict[str, date]:
        """By State the day on which its newest master list was signed; the day of the import where none says."""
        imported: dict[str, date] = {}
        for country, _, day in self._lists():
            imported[country] = max(day, imported.get(country, day))
        return {**imported, **self.signed_list_dates()}

    def signed_list_dates(self) -> dict[str, date]:
        """By State the day on which its newest master list was signed, for States whose lists say so."""
        newest: dict[str, date] = {}
        for country, signed, _ in self._lists():
            if signed is not None:
                newest[country] = max(signed, newest.get(country, signed))
        return newest

    def _lists(self) -> Iterator[tuple[str, date | None, date]]:
        """Each master list: its State, when it was signed, when it was taken in."""
        for entry in self.entries:
            if entry.kind == "master list":
                for item in self.folder.items(entry):
                    if item.kind == "list":
                        anchor = self._anchor(entry)
                        signed = signing_date(self.folder.read_object(item.sha256), (anchor,))
                        yield anchor.subject_country, signed, entry.when.date()

    def _anchor(self, entry: Entry) -> Certificate:
        """The country certificate that an entry was verified under."""
        return parse_certificate(self.folder.read_object(entry.anchor))

    def _anchor_country(self, entry: Entry) -> str:
        return self._anchor(entry).subject_country


def holdings_of(folder: TrustFolder, entries: Iterable[Entry]) -> Holdings:
    """Add up the entries of a journal."""
    seen = tuple(entries)
    held: dict[str, Held] = {}
    withdrawn: dict[str, Entry] = {}
    for entry in seen:
        for item in folder.items(entry):
            if item.kind == "withdrawn":
                held.pop(item.sha256, None)
                withdrawn[item.sha256] = entry
                continue
            if item.how == "anchor":
                withdrawn.pop(item.sha256, None)
            if item.sha256 not in withdrawn:
                held[item.sha256] = _with(held.get(item.sha256), item, entry)
    return Holdings(folder, seen, held, withdrawn)


def pinned(certificates: Mapping[str, Certificate], pins: Iterable[str]) -> dict[str, Certificate]:
    """The certificates under which lists may be verified: the pinned ones, and those of the same State that a pinned key reaches.

    A State that changes its key signs the new one with the old one (a link certificate); the pin follows that signature, to
    certificates of the same key and no further than the State. Being listed by somebody is no pin.
    """
    reached = {name: certificates[name] for name in pins if name in certificates}
    waiting = dict(reached)
    while waiting:
        _, by = waiting.popitem()
        for name, candidate in certificates.items():
            if name not in reached and candidate.subject_country == by.subject_country and _vouches(by, candidate):
                reached[name] = waiting[name] = candidate
    return reached


def find_one(names: Iterable[str], prefix: str) -> str:
    """The only name that begins with `prefix` (8 digits or more); raises TrustError."""
    wanted = prefix.replace(":", "").replace(" ", "").lower()
    found = [name for name in names if name.startswith(wanted)] if len(wanted) >= 8 else []
    if len(found) != 1:
        raise TrustError("looking up a fingerprint", "none here begins so" if not found else "several begin so; give more digits")
    return found[0]


def fingerprint_of(text: str) -> str:
    """A SHA-256 fingerprint as people type it, with or without colons and spaces; raises MalformedData."""
    digits = text.replace(":", "").replace(" ", "").replace("-", "").lower()
    if len(digits) != 64 or any(digit not in "0123456789abcdef" for digit in digits):
        raise MalformedData("reading a fingerprint", "a SHA-256 fingerprint has 64 hexadecimal digits")
    return digits


def signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether a certificate's signature verifies under another one's key."""
    try:
        verify_certificate(certificate, issuer.public_key)
    except TrustError:
        return False
    return True


def _vouches(by: Certificate, candidate: Certificate) -> bool:
    return candidate.public_key == by.public_key or (candidate.may_sign("key_cert_sign") and signed_by(candidate, by))


def _with(known: Held | None, item: Item, entry: Entry) -> Held:
    if known is None:
        return Held(item.kind, item.sha256, (item.how,), (entry,))
    hows = known.hows if item.how in known.hows else (*known.hows, item.how)
    entries = known.entries if known.entries[-1] == entry else (*known.entries, entry)
    return Held(known.kind, known.sha256, hows, entries)
