"""The demo tells each hint of the kiosk once, in plain words, and only while a traveller is there."""

from __future__ import annotations

import pytest

from egate.app.demo.narration import HINTS, hint_line
from egate.app.demo.narrator import Narrator
from egate.ipc.messages import PassageEvent
from egate.model.face import CaptureHint


def test_every_hint_has_words() -> None:
    assert set(HINTS) == set(CaptureHint)
    assert len({hint_line(hint) for hint in CaptureHint}) == len(CaptureHint)


def test_a_hint_is_told_when_it_comes_up(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(quiet=False)
    narrator.hint(CaptureHint.COME_CLOSER)
    assert capsys.readouterr().out == "", "nobody has come yet"
    narrator.title("genuine", "A good passport.")
    narrator.tell(PassageEvent(1, "document", "presented", "", 0))
    capsys.readouterr()
    for hint in (CaptureHint.NONE, CaptureHint.COME_CLOSER, CaptureHint.COME_CLOSER, CaptureHint.HOLD_STILL, CaptureHint.NONE):
        narrator.hint(hint)
    told = capsys.readouterr().out.splitlines()
    assert [line.split("kiosk hint")[1].strip() for line in told] == ["come closer", "hold still"]
