"""The desk asks for consent in the traveller's language, and takes only a clear yes."""

from __future__ import annotations

import argparse
import io
from datetime import date

import pytest

from egate.app.commands.enrol import QUESTIONS, _consent
from enrolment.consent import CONSENT_TEXTS, consent_problems
from ui.common.i18n import LANGUAGES

TODAY = date(2026, 11, 1)
DESK = {"days": 90, "operator": "7731", "consent": "ask"}


def test_every_language_of_the_screens_has_a_consent_and_its_question() -> None:
    codes = {language.code for language in LANGUAGES}
    assert set(CONSENT_TEXTS) == codes
    assert set(QUESTIONS) == codes
    assert len({text.digest for text in CONSENT_TEXTS.values()}) == len(codes)


@pytest.mark.parametrize(("language", "answer"), [("en", "yes"), ("en", "Y"), ("de", " Ja "), ("ar", "نعم")])
def test_a_yes_in_the_language_of_the_question_is_a_consent(monkeypatch: pytest.MonkeyPatch, language: str, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
    said: list[str] = []
    record = _consent(argparse.Namespace(language=language, **DESK), TODAY, said.append)
    assert record is not None
    assert consent_problems(record, TODAY) == ()
    assert record.language == language
    assert CONSENT_TEXTS[language].text in said[0]
    assert "90" in said[0]
    assert said[1] == QUESTIONS[language][1]


@pytest.mark.parametrize(("language", "answer"), [("en", "no"), ("en", ""), ("en", "perhaps yes"), ("de", "nein"), ("ar", "لا")])
def test_anything_else_is_no_consent(monkeypatch: pytest.MonkeyPatch, language: str, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert _consent(argparse.Namespace(language=language, **DESK), TODAY, lambda _: None) is None
