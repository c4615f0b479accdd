"""Contrast of every text colour on its ground: 6.5 for travellers, 4.5 on the console (FACTS of the project, WCAG 2.2)."""

from __future__ import annotations

import pytest

from ui.common.tokens import Tone, contrast, tokens


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)


@pytest.mark.parametrize("tone", list(Tone))
def test_travellers_read_every_text(tone: Tone) -> None:
    colours = tokens().traveller[tone]
    pairs = {
        "title": (colours.ink, colours.ground),
        "hint": (colours.second, colours.ground),
        "pill and filled button": (colours.on_accent, colours.accent),
        "gate number": (colours.on_block, colours.block),
    }
    for name, (ink, ground) in pairs.items():
        assert contrast(ink, ground) >= 6.5, name
    assert contrast(colours.accent, colours.ground) >= 3.0


@pytest.mark.parametrize("ink", ["ink", "second", "quiet", "critical", "high", "medium", "low", "successful", "neutral"])
@pytest.mark.parametrize("ground", ["ground", "panel", "raised"])
def test_officers_read_every_text(ink: str, ground: str) -> None:
    colours = tokens().console
    assert contrast(getattr(colours, ink), getattr(colours, ground)) >= 4.5


@pytest.mark.parametrize("signal", ["critical", "high", "medium", "low", "successful"])
def test_numbers_on_signals_are_read(signal: str) -> None:
    assert contrast(tokens().console.on_signal, getattr(tokens().console, signal)) >= 4.5


def test_the_chosen_button_is_read() -> None:
    assert contrast(tokens().console.on_accent, tokens().console.accent) >= 4.5
