"""What a person at a desk sees of an inspection: whose document, what speaks against it, what is good, the verdict.

Rule: reasons come first, each with why and what to do; what is good takes one line. Every line is made from the record, so that
what is shown is what is kept. Text from the document is shown without control characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from egate.app.inspecting.advice import ADVICE, BOTH_REFUSED, NUMBER_REFUSED, NUMBER_UNKNOWN, what_to_do
from egate.app.inspecting.terminal import Look, foreign
from egate.app.inspecting.turns import Turn
from egate.checks.electronic import PACE_FELL_BACK
from egate.checks.known_defects import DEFECT_PREFIX
from egate.inspection.record import CheckRecord, DecisionRecord, InspectionRecord
from egate.inspection.rejudging import Comparison
from egate.model.checks import CheckName, CheckResult, Outcome, RunMode
from egate.model.document import Mrz, ProtocolState
from egate.mrtd.files.mrz_dates import birth_date, expiry_date

TITLE_COLUMNS = 18
_INDENT = 4 + TITLE_COLUMNS

_KINDS = {"P": "Passport", "V": "Visa", "A": "Card", "C": "Card", "I": "Card"}
_OPENED, _CHAINED = frozenset({CheckName.CHIP_ACCESS}), frozenset({CheckName.CERTIFICATE_CHAIN})
_FOLLOWS: Mapping[str, frozenset[CheckName]] = {
    "security_object_missing": _OPENED,
    "chip_mrz_missing": _OPENED,
    "file_list_missing": _OPENED,
    "no_chip_proof": _OPENED,
    "chip_not_read": _OPENED,
    "chain_not_checked": _OPENED | _CHAINED,
    "no_certificate_country": _OPENED | _CHAINED,
}
"""Codes that say no more than that another check, which speaks against admitting, came first."""

_PRINT_MISSING = "mrz_not_read"
"""At a desk the printed lines are typed or pictured, so nobody failed at reading them: they were not given."""

_IN_THE_ZONE = frozenset({"name", "date_of_birth"})
"""What DG11 repeats of the machine readable zone."""

_AUTHENTIC = (
    CheckName.SECURITY_OBJECT_SIGNATURE,
    CheckName.CERTIFICATE_CHAIN,
    CheckName.DATA_GROUP_HASHES,
    CheckName.ISSUER_MATCHES_CERTIFICATE,
)
"""What must be successful before data of the chip may be called the issuer's."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown beside the record: whose document it is, from the chip where it was read, and what optional files tell."""

    mrz: Mrz | None = field(repr=False, default=None)
    from_chip: bool = False
    details: tuple[tuple[str, str], ...] = field(repr=False, default=())
    by_number: bool = False
    """Whether the chip was asked to open with a card access number."""
    by_print: bool = True
    """Whether it was asked to open with what is printed: the lines, or number, birth and expiry."""


def report_lines(record: InspectionRecord, shown: Shown, judged_ms: int, look: Look) -> list[str]:
    """The whole report: document, reasons, notes, what is good, chip and signer, times, verdict."""
    decision = record.decisions[-1]
    made = [entry for entry in record.checks if entry.performed and entry.name in ADVICE]
    named = _against(made, decision)
    causes = {entry.name for entry in named}
    followed = [entry for entry in made if causes & _FOLLOWS.get(entry.code, frozenset())]
    unprinted = [entry for entry in made if entry.code == _PRINT_MISSING]
    grouped = [*followed, *unprinted]
    against = [entry for entry in named if entry not in grouped]
    notes = [entry for entry in made if entry not in named and entry not in grouped and _is_note(entry)]
    good = [entry for entry in made if entry.result is CheckResult.SUCCESSFUL]
    blocks = (
        _document_lines(record, shown, look),
        [
            *(line for entry in against for line in _reason_lines(entry, _case(entry, record, shown), look)),
            *_unprinted_lines(unprinted, look),
            *_followed_lines(followed, look),
        ],
        [line for entry in (*good, *notes) for line in _short_lines(entry, record, shown, look)],
        _chip_lines(record, judged_ms, look),
        _verdict_lines(decision, against, grouped, look),
    )
    lines: list[str] = []
    for block in blocks:
        lines += ["", *block] if block and lines else block
    return [look.plain(line.replace("\u00a0", " ")) for line in lines]


def _followed_lines(followed: Sequence[CheckRecord], look: Look) -> list[str]:
    """What could not be checked because of a reason above, in one place."""
    if not followed:
        return []
    titles = ", ".join(ADVICE[entry.name].title.lower() for entry in followed)
    return look.wrapped(
        titles, _INDENT, f" {look.mark(CheckResult.NOT_SUPPORTED)}{look.gap}{'so not checked'.ljust(TITLE_COLUMNS)}"
    )


def _unprinted_lines(unprinted: Sequence[CheckRecord], look: Look) -> list[str]:
    """What could not be checked because nobody gave the printed lines, in one place."""
    if not unprinted:
        return []
    worst = max(entry.result for entry in unprinted)
    titles = ", ".join(ADVICE[entry.name].title.lower() for entry in unprinted)
    first = f" {look.mark(worst)}{look.gap}{look.coloured('Printed lines'.ljust(TITLE_COLUMNS), worst)}"
    return [
        *look.wrapped(f"Were not given, so not checked: {titles}.", _INDENT, first),
        *look.wrapped("→ Inspect again with the lines at the foot of the page (--mrz or --picture).", _INDENT),
    ]


def _against(made: Iterable[CheckRecord], decision: DecisionRecord) -> list[CheckRecord]:
    """The checks that speak against admitting, the worst first."""
    names = {text.split(":")[0] for text in decision.because}
    return sorted((entry for entry in made if entry.name.value in names), key=lambda entry: -entry.result)


def _is_note(entry: CheckRecord) -> bool:
    """Whether a check that does not speak against admitting is worth a line: not when nobody asks for what is not there."""
    if entry.result is CheckResult.SUCCESSFUL:
        return False
    return not (entry.result is CheckResult.NOT_SUPPORTED and entry.mode is RunMode.EVALUATORY)


# -- the document ---------------------------------------------------------------------------------------------------------


def _document_lines(record: InspectionRecord, shown: Shown, look: Look) -> list[str]:
    mrz = shown.mrz
    if mrz is None:
        return [look.paint.head("Document") + ": nothing of it could be read"]
    day = record.began.date()
    head = f"{_KINDS.get(mrz.document_code[:1], 'Document')} {mrz.document_code} of {mrz.issuing_state}, {mrz.format.value[0]}"
    name = ", ".join(part for part in (foreign(mrz.surname), foreign(mrz.given_names)) if part)
    facts = (
        ("number", foreign(mrz.document_number)),
        ("born", _born(mrz, day)),
        ("sex", mrz.sex if mrz.sex in "FM" else "not given"),
        ("nationality", mrz.nationality),
        ("expires", _expires(mrz)),
    )
    details = [(key.replace("_", " "), _detail(key, value)) for key, value in shown.details if key not in _IN_THE_ZONE]
    source = f"({_source(record, shown)})"
    beside = len(head) + len(source) + 2 <= look.columns
    return [
        look.paint.head(head) + (f"  {source}" if beside else ""),
        *([] if beside else look.wrapped(source, 2)),
        *(look.paint.head(line) for line in look.wrapped(name, 2)),
        *_pairs(facts, look),
        *_pairs(details, look),
    ]


def _pairs(pairs: Iterable[tuple[str, str]], look: Look) -> list[str]:
    """Names and values beside each other; a line never breaks inside of one."""
    unbroken = ("\u00a0".join(f"{key} {value}".split()) for key, value in pairs if value)
    text = "   ".join(unbroken)
    return [line.replace("\u00a0", " ") for line in look.wrapped(text, 2)] if text else []


def _detail(key: str, value: str) -> str:
    """A value of an optional file; whole dates as people write them."""
    whole = key.startswith("date") and len(value) == 8 and value.isascii() and value.isdigit()
    return f"{value[:4]}-{value[4:6]}-{value[6:]}" if whole else foreign(value)


def _source(record: InspectionRecord, shown: Shown) -> str:
    if not shown.from_chip:
        return "as printed; the chip was not read"
    good = all((entry := record.check(name)) is not None and entry.result is CheckResult.SUCCESSFUL for name in _AUTHENTIC)
    return "from the chip, as its State signed it" if good else "from the chip, NOT proven authentic"


def _born(mrz: Mrz, day: date) -> str:
    born = birth_date(mrz.date_of_birth, day)
    return born.isoformat() if born else f"{mrz.date_of_birth} (as printed)"


def _expires(mrz: Mrz) -> str:
    expires = expiry_date(mrz.date_of_expiry)
    return expires.isoformat() if expires else f"{mrz.date_of_expiry} (as printed)"


# -- checks ---------------------------------------------------------------------------------------------------------------


def _reason_lines(entry: CheckRecord, told: tuple[str, str], look: Look) -> list[str]:
    """Why, and what to do."""
    why, todo = told
    lines = look.wrapped(why, _INDENT, _first(entry, look))
    if entry.known_deviation:
        lines += look.wrapped(_published(entry.known_deviation), _INDENT)
    return lines + (look.wrapped(f"→ {todo}", _INDENT) if todo else [])


def _case(entry: CheckRecord, record: InspectionRecord, shown: Shown) -> tuple[str, str]:
    """Why, and what to do; of refused keys it says which of them the desk had given."""
    if entry.code != "access_keys_refused" or not shown.by_number:
        return _why(entry), what_to_do(entry.name, entry.code)
    if shown.by_print:
        return BOTH_REFUSED
    tried = any(p.protocol == "pace" and p.state is not ProtocolState.NOT_OFFERED for p in record.protocols)
    return NUMBER_REFUSED if tried else NUMBER_UNKNOWN


def _published(known: str) -> str:
    """Who knows of a failure: the issuing State, or the authority of a defect list."""
    if known.startswith(DEFECT_PREFIX):
        return f"A defect list names this ({known.removeprefix(DEFECT_PREFIX).replace('_', ' ')})."
    return f"The State published that it knows of this ({known.replace('_', ' ')})."


def _first(entry: CheckRecord, look: Look) -> str:
    """Mark and title, painted, as wide as the indent."""
    return f" {look.mark(entry.result)}{look.gap}{look.coloured(ADVICE[entry.name].title.ljust(TITLE_COLUMNS), entry.result)}"


def _why(entry: CheckRecord) -> str:
    told = entry.detail and entry.name is not CheckName.CERTIFICATE_CHAIN  # there the detail says the same in other words
    told = told and entry.detail.removeprefix("it ") not in entry.text  # as "it does not hold"
    return f"{entry.text.rstrip('.')}: {foreign(entry.detail).replace('_', ' ')}." if told else entry.text


def _short_lines(entry: CheckRecord, record: InspectionRecord, shown: Shown, look: Look) -> list[str]:
    """One line where it fits: how it succeeded, or a note that has no part in the decision."""
    if entry.result is CheckResult.SUCCESSFUL:
        until = f"until {_expires(shown.mrz)}" if entry.name is CheckName.DOCUMENT_EXPIRY and shown.mrz else ""
        return look.wrapped(until or _success(entry, record), _INDENT, _first(entry, look))
    decides = " (has no part in the decision)" if entry.mode is RunMode.EVALUATORY else ""
    return look.wrapped(_why(entry).rstrip(".") + decides, _INDENT, _first(entry, look))


def _success(entry: CheckRecord, record: InspectionRecord) -> str:
    match entry.name:
        case CheckName.CHIP_ACCESS:
            return _access(entry, record)
        case CheckName.CHIP_GENUINE:
            variant = _completed(record, entry.detail)
            return f"by {entry.detail.replace('_', ' ')}{f', {variant}' if variant else ''}"
        case CheckName.SECURITY_OBJECT_SIGNATURE | CheckName.CERTIFICATE_CHAIN | CheckName.DATA_GROUP_HASHES:
            weak = entry.name is not CheckName.DATA_GROUP_HASHES
            noted = f"weak: {entry.detail.replace('_', ' ')}" if weak else entry.detail
            return f"{ADVICE[entry.name].success}{f' ({noted})' if entry.detail else ''}"
        case CheckName.CERTIFICATE_REVOCATION:
            return f"{ADVICE[entry.name].success} (list of {entry.detail})"
        case _:
            return ADVICE[entry.name].success


def _access(entry: CheckRecord, record: InspectionRecord) -> str:
    if entry.detail == PACE_FELL_BACK:
        failed = next((p for p in record.protocols if p.protocol == "pace"), None)
        status = f" ({failed.status:04X})" if failed is not None and failed.status is not None else ""
        return f"PACE was tried and failed{status}; BAC opened the chip"
    variant = _completed(record, entry.detail)
    return f"{entry.detail.upper()}{f', {variant}' if variant else ''}"


def _completed(record: InspectionRecord, protocol: str) -> str:
    done = (p for p in record.protocols if p.protocol == protocol and p.state is ProtocolState.COMPLETED)
    return next((p.variant for p in done), "")


# -- chip, times, verdict -------------------------------------------------------------------------------------------------


def _chip_lines(record: InspectionRecord, judged_ms: int, look: Look) -> list[str]:
    reading = record.reading
    rows: list[tuple[str, str]] = []
    for found in record.security_objects[:1]:
        for held in found.certificates:
            who = "signed by" if held.role == "signer" else "trusted through"
            text = f"{held.country} {held.serial[:16]}, {held.key}, {held.valid_from} to {held.valid_until}"
            rows.append((who, text))
    if record.quirks:
        rows.append(("quirks learnt", ", ".join(record.quirks)))
    if reading.commands:
        size = sum(entry.size_bytes for entry in record.files)
        files = sum(entry.read for entry in record.files)
        noun = "file" if files == 1 else "files"
        times = f"{reading.commands} commands, {reading.took_us / 1e6:.2f} s; judged in\u00a0{judged_ms}\u00a0ms"
        rows.append(("read", f"{files} {noun}, {size:,} bytes, {times}"))
    return [line for name, text in rows for line in look.wrapped(text, _INDENT, f"    {name.ljust(TITLE_COLUMNS)}")]


def _verdict_lines(
    decision: DecisionRecord, against: Sequence[CheckRecord], grouped: Sequence[CheckRecord], look: Look
) -> list[str]:
    if decision.outcome is Outcome.ADMIT:
        return [look.coloured(f" {'✔' if look.unicode else 'ok'}  ADMIT", CheckResult.SUCCESSFUL) + "  nothing speaks against it"]
    reasons = [ADVICE[entry.name].title.lower() for entry in against]
    reasons += ["printed lines not given"] if any(entry.code == _PRINT_MISSING for entry in grouped) else []
    shown = {entry.name.value for entry in (*against, *grouped)}
    others = dict.fromkeys(text.split(":")[0] for text in decision.because)
    because = ", ".join([*reasons, *(name.replace("_", " ") for name in others if name not in shown)])
    worst = max((entry.result for entry in against), default=CheckResult.UNDETERMINED)
    mark = ("✘" if worst is CheckResult.FAILED else "?") if look.unicode else "XX"
    head = f" {mark}  REFER"
    return look.wrapped(f"to an officer: {because}", len(head) + 2, look.coloured(head, worst) + "  ")


# -- judged again ---------------------------------------------------------------------------------------------------------


def turn_lines(turns: Sequence[Turn], look: Look) -> list[str]:
    """Whether the verdict turns, at each door where there was more than one."""
    lines: list[str] = []
    for turn in turns:
        title = "Verdict" if len(turns) == 1 else f"Verdict ({turn.point.value})"
        names = [ADVICE[name].title.lower() if name in ADVICE else name.value.replace("_", " ") for name in turn.because]
        stays = turn.then is turn.now
        text = f"stays {turn.now.name}" if stays else f"was {turn.then.name}, is {turn.now.name}"
        if names and not stays:
            text += f": {', '.join(names)}"
        result = CheckResult.SUCCESSFUL if stays else CheckResult.FAILED
        first = f" {look.mark(result)}{look.gap}{look.coloured(title.ljust(TITLE_COLUMNS), result)}"
        lines += look.wrapped(text, _INDENT, first)
    return [look.plain(line) for line in [*lines, *([""] if lines else [])]]


def comparison_lines(compared: Sequence[Comparison], look: Look) -> list[str]:
    """What changed, then how many did not; checks that need more than a document are named."""
    lines: list[str] = []
    for entry in compared:
        if entry.changed and entry.now is not None:
            title = ADVICE[entry.then.name].title.ljust(TITLE_COLUMNS)
            then = f"{entry.then.result.word}{f' ({entry.then.code})' if entry.then.code else ''}"
            now = f"{entry.now.result.word}{f' ({entry.now.code})' if entry.now.code else ''}"
            first = f" {look.mark(entry.now.result)}{look.gap}{look.coloured(title, entry.now.result)}"
            lines += look.wrapped(f"was {then}, is {now}", _INDENT, first)
    judged = sum(entry.now is not None for entry in compared)
    changed = sum(entry.changed for entry in compared)
    left = [entry.then.name.value for entry in compared if entry.now is None and entry.then.performed]
    word = "1 check ends" if changed == 1 else f"{changed} checks end"
    verdict = f"{word} otherwise, {judged - changed} as before" if changed else f"all {judged} checks end as before"
    result = CheckResult.FAILED if changed else CheckResult.SUCCESSFUL
    lines += ([""] if lines else []) + [f" {look.mark(result)}  {look.coloured(verdict, result)}"]
    if left:
        lines += look.wrapped(f"not judged again, for want of a face or a list: {', '.join(left)}", 4)
    return [look.plain(line) for line in lines]
