"""The catalogues: complete, compiled from what is committed, with the places and plural forms that they need."""

from __future__ import annotations

import gettext
import io
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from PyQt6.QtCore import QCoreApplication, Qt
from PyQt6.QtWidgets import QApplication

import egate
from egate.app import gate_link
from egate.app.commissioning.hold import MAINTENANCE
from egate.checks.catalogue import CATALOGUE
from egate.model.checks import CheckGroup, CheckName, CheckResult, Outcome
from egate.model.face import CaptureHint
from egate.model.lane import Alarm, DoorState, LanePhase, OfficerAction, OfficerReason
from egate.watchlist import matching
from ui.common.i18n import LANGUAGES, LOCALE_DIRECTORY, catalogue
from ui.common.translator import speak
from ui.kiosk.presenter import LOOK_OF_HINT, LOOKS
from ui.tools.locales import compile_catalogue

FILES = sorted(LOCALE_DIRECTORY.glob("*/LC_MESSAGES/*.po"))
CODES = [language.code for language in LANGUAGES]


def entries(path: Path) -> dict[str, tuple[str, ...]]:
    """Ids and texts of a source file; a plural has several texts."""
    with path.open("rb") as stream:
        texts = read_po(stream)
    found = {}
    for message in texts:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            found[key] = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return found


def compiled(data: bytes) -> dict[object, str]:
    """The texts of a compiled catalogue without its header."""
    texts: dict[object, str] = vars(gettext.GNUTranslations(io.BytesIO(data)))["_catalog"]
    return {key: text for key, text in texts.items() if key}


def test_each_language_has_both_catalogues() -> None:
    assert {(path.parent.parent.name, path.stem) for path in FILES} == {(c, d) for c in CODES for d in ("kiosk", "guard")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_the_compiled_file_says_what_the_source_says(path: Path) -> None:
    fresh = compiled(compile_catalogue(path))
    assert compiled(path.with_suffix(".mo").read_bytes()) == fresh
    assert fresh


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_a_catalogue_is_complete_and_keeps_the_places(path: Path) -> None:
    english = entries(LOCALE_DIRECTORY / "en" / "LC_MESSAGES" / path.name)
    texts = entries(path)
    assert texts.keys() == english.keys()
    for key, forms in texts.items():
        assert forms, key
        assert all(forms), key
        if len(forms) == 1:
            assert sorted(re.findall(r"{\w+}", forms[0])) == sorted(re.findall(r"{\w+}", english[key][0])), key


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_a_machine_translation_says_that_nobody_reviewed_it(path: Path) -> None:
    status = "source" if path.parent.parent.name == "en" else "unreviewed"
    assert f"X-Translation-Status: {status}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "key",
    [f"guard.check.{name.value}" for name in CheckName]
    + [f"guard.result.{result.name.lower()}" for result in CheckResult]
    + [f"guard.group.{group.value}" for group in CheckGroup]
    + [f"guard.phase.{phase.value}" for phase in LanePhase]
    + [f"guard.door.{state.value}" for state in DoorState]
    + [f"guard.alarm.{alarm.value}" for alarm in Alarm]
    + [f"guard.action.{action.value}" for action in OfficerAction]
    + [f"guard.reason.{reason.value}" for reason in OfficerReason]
    + [f"guard.outcome.{outcome.value.lower()}" for outcome in Outcome]
    + [f"kiosk.camera.{hint.value}" for hint in CaptureHint],
)
def test_every_word_of_the_model_has_a_text(code: str, key: str) -> None:
    assert catalogue(key.split(".", maxsplit=1)[0], code).known(key)


def words_of_lanes() -> dict[str, set[str]]:
    """What a lane may say besides the model's words: codes of checks, rules of list hits, and names of devices."""
    folder = Path(egate.__file__).parent / "app"
    application = "".join((folder / name).read_text(encoding="utf-8") for name in ("controller.py", "intake.py"))
    devices = re.findall(r"""(?:\.lose|until_started|_watch)\(\s*["']([^"']+)["']""", application)
    return {
        "code": {ending.code for entry in CATALOGUE.values() for ending in entry.endings},
        "rule": {"document_equal", *matching._NAME_WORDS},
        "device": {name.replace(" ", "_") for name in (*devices, gate_link.NAME, MAINTENANCE)},
    }


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("group", ["code", "rule", "device"])
def test_every_word_of_a_lane_has_a_text_and_no_text_is_left_over(language: str, group: str) -> None:
    """In the language's own file: what is missing there would be shown in English, or as it is called."""
    texts = entries(LOCALE_DIRECTORY / language / "LC_MESSAGES" / "guard.po")
    shown = {
        key.removeprefix(f"guard.{group}.") for key, (text, *_) in texts.items() if text and key.startswith(f"guard.{group}.")
    }
    assert len(shown) >= 4
    assert shown == words_of_lanes()[group]


@pytest.mark.parametrize("language", [code for code in CODES if code != "en"])
def test_words_of_a_lane_are_translated(language: str) -> None:
    """No text was left in English."""
    english, texts = (entries(LOCALE_DIRECTORY / code / "LC_MESSAGES" / "guard.po") for code in ("en", language))
    assert [
        key for key in texts if key.startswith(("guard.code.", "guard.rule.", "guard.device.")) and texts[key] == english[key]
    ] == []


def test_arabic_counts_in_six_forms() -> None:
    texts = catalogue("guard", "ar")
    assert len({texts.counted("guard.persons", count) for count in (0, 1, 2, 3, 11, 100)}) == 6


def test_a_language_that_is_not_shipped_is_english() -> None:
    assert catalogue("kiosk", "tlh").text("kiosk.help") == "Help"


def test_qt_speaks_our_language_and_direction(dressed: QApplication) -> None:
    translator = speak(catalogue("guard", "ar"), None)
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "إلغاء"
    assert QCoreApplication.translate("QPlatformTheme", "Restore Defaults") == "Restore Defaults"
    assert dressed.layoutDirection() is Qt.LayoutDirection.RightToLeft
    speak(catalogue("guard", "de"), translator)
    assert QCoreApplication.translate("QPlatformTheme", "&Cancel") == "Abbrechen"
    assert dressed.layoutDirection() is Qt.LayoutDirection.LeftToRight


def test_every_text_is_used() -> None:
    """An id stands in the code as it is, or begins with a part that the code completes from a word of the model."""
    root = LOCALE_DIRECTORY.parent
    code = "".join(path.read_text(encoding="utf-8") for path in root.rglob("*.py"))
    looks = {look.texts for look in (*LOOKS.values(), *LOOK_OF_HINT.values())}
    for path in LOCALE_DIRECTORY.glob("en/LC_MESSAGES/*.po"):
        for key in entries(path):
            stem, last = key.rsplit(".", maxsplit=1)
            built = f"{stem}.{{" in code or f"'{stem}.'" in code or f"{stem}.'" in code
            assert f'"{key}"' in code or built or (stem in looks and last in ("title", "hint")) or stem == "qt", key
