"""What a trust folder holds, as lines for people and values for programs.

Rule: nothing here decides or changes; colours are added only where the caller says that a person looks at a terminal.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from egate.pki.certificate import Certificate
from egate.pki.revocation import RevocationList
from egate.supply.expiry import StaleWarning
from egate.supply.holdings import Held, Holdings
from egate.supply.importing import Report
from egate.supply.journal import Entry
from egate.supply.names import key_text, name_text, printable, scheme_text

JsonValue: TypeAlias = "str | int | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

SHORT = 16
"""Digits of a fingerprint in tables; `show` takes any 8 or more that are unique."""

MAXIMUM_NAMED = 20
"""Things left out that are named one by one before the rest is counted."""

LINE = 69
"""Columns of wrapped text beside its label of eleven; a fingerprint of 64 digits fits."""

_GREEN, _YELLOW, _RED, _BOLD = "32", "33", "31", "1"


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours for a terminal; without `on` the text stays as it is."""

    on: bool

    def good(self, text: str) -> str:
        """What is well."""
        return self._in(_GREEN, text)

    def warn(self, text: str) -> str:
        """What needs attention."""
        return self._in(_YELLOW, text)

    def bad(self, text: str) -> str:
        """What is wrong."""
        return self._in(_RED, text)

    def head(self, text: str) -> str:
        """A heading."""
        return self._in(_BOLD, text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on else text


@dataclass(frozen=True, slots=True)
class StateRow:
    """What is held of one State; `until` is the last day of its last certificate, `crl_until` when its list ends."""

    country: str
    certificates: int
    valid: int
    until: date
    crl_until: date | None
    signers: int
    hows: tuple[str, ...]
    sources: tuple[str, ...]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns, aligned by what is seen; the last column is not filled up."""
    widths = [max((_width(row[column]) for row in rows), default=0) for column in range(len(rows[0]))] if rows else []
    return [
        "  ".join(text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def report_lines(report: Report, paint: Paint) -> list[str]:
    """What an import did: a summary, the countries, and everything left out with its reason."""
    totals = [sum(counter.values()) for counter in (report.new, report.known, report.renewed)]
    refused = len(report.refused)
    summary = f"{totals[0]} new, {totals[1]} known, {totals[2]} renewed, {refused} refused"
    lines = [f"{paint.head(printable(report.source))}: {paint.warn(summary) if refused else paint.good(summary)}"]
    lines += [line for verdict in report.verdicts for line in _text(verdict)]
    lines += _wrapped("  new      ", report.new) + _wrapped("  renewed  ", report.renewed)
    for entry in report.refused[:MAXIMUM_NAMED]:
        where = f"{entry.what} ({entry.country})" if entry.country else entry.what
        lines += _refusal_lines(f"{where}: {entry.why}", paint)
    lines += [f"  … and {refused - MAXIMUM_NAMED} more refused"] if refused > MAXIMUM_NAMED else []
    if report.gone:
        were = "is" if len(report.gone) == 1 else "are"
        lines += _text(
            f"{counted(len(report.gone), 'certificate')} of the list before {were} not in this one. What was trusted stays so; "
            "look at each and take back with `egate trust withdraw FINGERPRINT` what should not:"
        )
        lines += [f"    {country}  {name[:SHORT]}" for name, country in report.gone[:MAXIMUM_NAMED]]
    return lines


def list_lines(holdings: Holdings, today: date, paint: Paint) -> list[str]:
    """One line for each State, and what there is of lists."""
    states = state_rows(holdings, today)
    rows = [["State", "CSCA", "valid", "until", "CRL until", "signers", "trusted by"]]
    rows += [_state_cells(state, today, paint) for state in states]
    lines = table(rows)
    lines[0] = paint.head(lines[0])
    certificates = sum(state.certificates for state in states)
    lines += ["", f"{counted(len(states), 'State')}, {counted(certificates, 'country certificate')}"]
    for country, signed in sorted(holdings.list_dates().items()):
        lines.append(f"master list of {country}, signed {signed} ({(today - signed).days} days ago)")
    for country, (_, found) in sorted(holdings.defect_lists().items()):
        lines.append(f"defect list of {country}, signed {found.signed or 'without a date'}, {counted(found.count, 'signer')}")
    last = holdings.entries[-1]
    lines.append(f"last change: entry {last.number}, {last.when:%Y-%m-%d %H:%M} UTC, {last.who}: {last.why}")
    return lines


def list_values(holdings: Holdings, today: date) -> JsonValue:
    """The same for programs."""
    return {
        "states": [
            {
                "country": state.country,
                "certificates": state.certificates,
                "valid": state.valid,
                "until": state.until.isoformat(),
                "crl_until": state.crl_until.isoformat() if state.crl_until else None,
                "signers": state.signers,
                "hows": list(state.hows),
                "sources": list(state.sources),
            }
            for state in state_rows(holdings, today)
        ],
        "lists": {country: signed.isoformat() for country, signed in holdings.list_dates().items()},
        "defect_lists": {
            country: {"signed": found.signed.isoformat() if found.signed else None, "signers": found.count}
            for country, (_, found) in holdings.defect_lists().items()
        },
        "head": {"number": holdings.entries[-1].number, "sha256": holdings.entries[-1].sha256},
        "withdrawn": sorted(holdings.withdrawn),
    }


def state_rows(holdings: Holdings, today: date) -> list[StateRow]:
    """One row for each State that has a certificate."""
    certificates: dict[str, list[tuple[Held, Certificate]]] = {}
    for held in holdings.of("csca"):
        certificate = holdings.certificate(held)
        certificates.setdefault(certificate.subject_country, []).append((held, certificate))
    signers = holdings.signers_by_state()
    revocations = holdings.revocation_lists()
    return [
        StateRow(
            country=country,
            certificates=len(found),
            valid=sum(certificate.is_valid_on(today) for _, certificate in found),
            until=max(certificate.not_after for _, certificate in found).date(),
            crl_until=_crl_until(revocations.values(), country),
            signers=len(signers.get(country, ())),
            hows=tuple(sorted({how for held, _ in found for how in held.hows})),
            sources=tuple(sorted({entry.source for held, _ in found for entry in held.entries})),
        )
        for country, found in sorted(certificates.items())
    ]


def certificate_lines(held: Held, certificate: Certificate, today: date, paint: Paint) -> list[str]:
    """Everything about one certificate."""
    valid = certificate.is_valid_on(today)
    period = f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d}"
    rows = [
        ["subject", name_text(certificate.subject)],
        ["issuer", "itself" if certificate.is_self_issued else name_text(certificate.issuer)],
        ["serial", f"{certificate.serial_number:x}"],
        ["key", key_text(certificate)],
        ["key identifier", certificate.subject_key_identifier.hex() or "-"],
        ["signed with", scheme_text(certificate.scheme)],
        ["valid", f"{period} {paint.good('(valid)') if valid else paint.bad('(not valid today)')}"],
        ["trusted as", f"{held.kind}, by {', '.join(held.hows)}"],
    ]
    lines = [paint.head(held.sha256), *(f"  {line}" for line in table(rows))]
    return lines + [f"  {line}" for line in entry_lines(held.entries)]


def entry_lines(entries: Sequence[Entry]) -> list[str]:
    """Entries of the journal, one line each and one for the verdict."""
    lines = []
    for entry in entries:
        signed = ", signed" if entry.signature else ""
        lines.append(f"#{entry.number}  {entry.when:%Y-%m-%d %H:%M} UTC  {entry.action} by {entry.who}: {entry.why}{signed}")
        lines.append(f"    {entry.kind} {printable(entry.source)} (sha256 {entry.source_sha256[:SHORT]}): {entry.verdict}")
    return lines


def diff_lines(before: Mapping[str, Certificate], after: Mapping[str, Certificate], paint: Paint) -> list[str]:
    """What came (+) and what went (-), by State, and a sum."""
    rows = []
    for sign, here, there in (("-", before, after), ("+", after, before)):
        for name in here.keys() - there.keys():
            certificate = here[name]
            rows.append(
                (certificate.subject_country, sign, name[:SHORT], f"{certificate.not_after:%Y-%m-%d}", certificate.subject)
            )
    rows.sort()
    shown = [[sign, country or "??", name, f"until {until}", name_text(subject)] for country, sign, name, until, subject in rows]
    came, went = len(after.keys() - before.keys()), len(before.keys() - after.keys())
    coloured = [paint.good(line) if line.startswith("+") else paint.bad(line) for line in table(shown)] if shown else []
    return [*coloured, f"{came} came, {went} went, {len(after.keys() & before.keys())} in both"]


def warning_lines(warnings: Sequence[StaleWarning], paint: Paint) -> list[str]:
    """One line for each warning."""
    return [paint.bad(warning.text) if warning.days <= 0 else paint.warn(warning.text) for warning in warnings]


def _crl_until(revocations: Iterable[tuple[Held, RevocationList]], country: str) -> date | None:
    """When the first of a State's revocation lists ends; None without any that says."""
    days = [found.next_update for _, found in revocations if found.country == country and found.next_update is not None]
    return min(days, default=None)


def _state_cells(state: StateRow, today: date, paint: Paint) -> list[str]:
    crl = "-" if state.crl_until is None else f"{state.crl_until}"
    return [
        state.country,
        str(state.certificates),
        str(state.valid) if state.valid else paint.bad("0"),
        str(state.until),
        paint.bad(f"{crl} old") if state.crl_until and state.crl_until < today else crl,
        str(state.signers),
        ", ".join(state.hows),
    ]


def _wrapped(label: str, counter: Mapping[str, int]) -> list[str]:
    """Countries with their counts, eight to a line."""
    texts = [f"{country or '??'} {count}" for country, count in sorted(counter.items()) if count]
    return [
        (label if start == 0 else " " * len(label)) + "  ".join(f"{text:<6}" for text in texts[start : start + 8]).rstrip()
        for start in range(0, len(texts), 8)
    ]


def counted(number: int, noun: str) -> str:
    """So many of something, in the singular for one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _text(text: str) -> list[str]:
    """A sentence, indented and wrapped."""
    return textwrap.wrap(text, LINE + 11, initial_indent="  ", subsequent_indent="    ", break_long_words=False)


def _refusal_lines(text: str, paint: Paint) -> list[str]:
    """One refusal, wrapped; a fingerprint stays in one piece, to be copied."""
    first, *rest = textwrap.wrap(printable(text), LINE, break_long_words=False, break_on_hyphens=False)
    return [f"  {paint.warn('refused')}  {first}", *(f"           {line}" for line in rest)]


def _width(text: str) -> int:
    """Columns that a text takes: without colours, wide characters twice."""
    plain, inside = 0, False
    for character in text:
        if character == "\x1b":
            inside = True
        elif inside:
            inside = character != "m"
        else:
            plain += 2 if unicodedata.east_asian_width(character) in "WF" else 0 if unicodedata.combining(character) else 1
    return plain
