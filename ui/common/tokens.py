"""The design tokens: every colour, type size, space and radius of the screens, read from `tokens.json`. No Qt.

A test computes the contrast of each text colour on its ground: at least 6.5 for travellers, 4.5 on the console.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

_PATH = Path(__file__).resolve().parent / "tokens.json"


class Tone(Enum):
    """The five moods of the kiosk; the value is the name of the colour set."""

    DAY = "day"
    GO = "go"
    WAIT = "wait"
    CLOSED = "closed"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class TravellerColours:
    """One colour set of the kiosk as `#RRGGBB`."""

    ground: str
    ink: str
    second: str
    accent: str
    on_accent: str
    line: str
    block: str
    on_block: str


@dataclass(frozen=True, slots=True)
class ConsoleColours:
    """The officer console's dark colour set as `#RRGGBB`."""

    ground: str
    panel: str
    raised: str
    line: str
    ink: str
    second: str
    quiet: str
    accent: str
    on_accent: str
    critical: str
    high: str
    medium: str
    low: str
    successful: str
    neutral: str
    on_signal: str


@dataclass(frozen=True, slots=True)
class KioskType:
    """Type sizes of the kiosk in pixels of the 1080 × 1920 panel; `…_least` is how far a long text may shrink."""

    display: int
    title: int
    title_least: int
    hint: int
    hint_least: int
    pill: int
    pill_least: int
    button: int
    step: int
    gate: int


@dataclass(frozen=True, slots=True)
class ConsoleType:
    """Type sizes of the console in pixels of the 1920 × 1080 screen."""

    display: int
    heading: int
    lead: int
    body: int
    small: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """All tokens."""

    traveller: dict[Tone, TravellerColours]
    console: ConsoleColours
    kiosk_type: KioskType
    console_type: ConsoleType
    space: dict[str, int]
    radius: dict[str, int]


@cache
def tokens() -> Tokens:
    """The tokens of `tokens.json`, read once."""
    raw = json.loads(_PATH.read_text(encoding="utf-8"))
    return Tokens(
        traveller={tone: TravellerColours(**raw["traveller"][tone.value]) for tone in Tone},
        console=ConsoleColours(**raw["console"]),
        kiosk_type=KioskType(**raw["kiosk_type"]),
        console_type=ConsoleType(**raw["console_type"]),
        space=dict(raw["space"]),
        radius=dict(raw["radius"]),
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two `#RRGGBB` colours, 1…21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
