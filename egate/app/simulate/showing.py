"""What `egate document` prints: a document's insides, the quirks, the defects, and every word that a recipe takes.

Rule: the lists come from the tables that the chip plays, never from a text beside them.
"""

from __future__ import annotations

from drivers.sim.passport.certification import SCHEMES
from drivers.sim.passport.defects import DEFECTS
from egate.app.simulate.making import SimulatedDocument
from egate.app.simulate.recipe_keys import ACTIVE_WORDS, AGREEMENT_WORDS, FORMS, FURTHER_FILES, PACE_WORDS
from egate.mrtd.quirks import QUIRKS


def describe(document: SimulatedDocument) -> str:
    """Printed lines, protocols, files and quirks of a document; the holder is invented."""
    chip, options = document.personalisation, document.options
    keys = ", ".join(key.agreement.name for key in chip.static_keys) or "none"
    ways = [word for word, there in (("BAC", chip.supports_bac), ("PACE", chip.supports_pace)) if there]
    active = chip.active_authentication_key
    lines = [
        *document.lines,
        "",
        f"access          {', '.join(ways) or 'open to all'}",
        f"chip keys       {keys}",
        f"active          {'none' if active is None else f'{active.key_size} bits, {options.active_style.digest}'}",
        f"card number     {'printed' if options.card_access_number else 'none'}",
        f"defect          {document.defect}",
        f"quirks          {', '.join(sorted(quirk.value for quirk in options.quirks)) or 'none'}",
        "",
        *(f"{file.name:<15} {len(data):>6} bytes" for file, data in chip.files.items()),
    ]
    return "\n".join(lines)


def list_quirks() -> str:
    """Each quirk with the documents and the report behind it."""
    rows = []
    for quirk, entry in QUIRKS.items():
        rows += [
            quirk.value,
            f"    the chip   {entry.behaviour}",
            f"    seen in    {entry.family}",
            f"    report     {entry.report}",
        ]
        rows.append(f"    we         {entry.answer}")
    return "\n".join(rows)


def list_defects() -> str:
    """Each defect in one sentence."""
    return "\n".join(f"{defect.value:<26} {sentence}" for defect, sentence in DEFECTS.items())


def list_kinds() -> str:
    """Every word of a recipe, by its key."""
    tables = {
        "document.kind": FORMS,
        "access.pace": tuple(PACE_WORDS),
        "chip.authentication": tuple(AGREEMENT_WORDS),
        "chip.active": ("none", *ACTIVE_WORDS),
        "signature.scheme": tuple(SCHEMES),
        "files.further": FURTHER_FILES,
    }
    return "\n\n".join("\n".join((place, *(f"    {word}" for word in words))) for place, words in tables.items())


def quirks_table() -> str:
    """The quirks in Markdown, for the docs."""
    rows = [f"| `{quirk.value}` | {entry.behaviour} | {entry.family} | {entry.report} |" for quirk, entry in QUIRKS.items()]
    return "\n".join(["| quirk | the chip | seen in | public report |", "|---|---|---|---|", *rows])


def defects_table() -> str:
    """The defects in Markdown, for the docs."""
    return "\n".join(
        ["| defect | what is wrong |", "|---|---|", *(f"| `{one.value}` | {text} |" for one, text in DEFECTS.items())]
    )
