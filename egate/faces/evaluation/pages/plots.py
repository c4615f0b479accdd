"""Small plots as SVG: light, printable, readable without colour (lines are told apart by their dashes as well).

Rule: an axis carries its name and unit, a line its label at its end; nothing is drawn that is not data or needed to read it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 14, 48
COLOURS = ("#0b5394", "#b45309", "#3f6212", "#7e22ce")
"""Dark enough on white for 4.5:1."""

DASHES = ("", "7 4", "2 3", "9 3 2 3")
HISTOGRAM_MARK = 0.05
HEADROOM = 1.25
"""Room above the highest share, for the key."""

_STYLE = (
    "text{font:12px sans-serif;fill:#222}.axis{stroke:#444;stroke-width:1}.grid{stroke:#ddd;stroke-width:1}"
    ".line{fill:none;stroke-width:2}"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One labelled line of points; points beyond the axes are left out."""

    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its name, its ends, whether it is logarithmic, and where it has marks with which words."""

    name: str
    low: float
    high: float
    marks: Sequence[tuple[float, str]]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high end; not within 0…1 when it lies beyond."""
        if not self.logarithmic:
            return (value - self.low) / (self.high - self.low)
        if value <= 0:
            return -1.0
        return math.log(value / self.low) / math.log(self.high / self.low)


def line_plot(title: str, x: Axis, y: Axis, lines: Sequence[Line]) -> str:
    """Lines over two axes."""
    body = [_frame(x, y)]
    for number, line in enumerate(lines):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        inside = [(a, b) for a, b in line.points if -1e-9 <= x.share(a) <= 1 + 1e-9 and -1e-9 <= y.share(b) <= 1 + 1e-9]
        path = " ".join(f"{_across(x, a):.1f},{_up(y, b):.1f}" for a, b in inside)
        body.append(f'<polyline class="line" stroke="{colour}" stroke-dasharray="{dash}" points="{path}"/>')
        body.append(_key(number, line.label, colour, dash))
    return _svg(title, body)


def histogram_plot(title: str, edges: Sequence[float], rows: Sequence[tuple[str, Sequence[float]]], name: str) -> str:
    """Shares by score as steps, one outline for each row."""
    top = max((share for _, shares in rows for share in shares), default=1.0) or 1.0
    x = Axis(name, edges[0], edges[-1], _tenths(edges[0], edges[-1]))
    steps = math.ceil(HEADROOM * top / HISTOGRAM_MARK)
    y = Axis(
        "share of comparisons",
        0.0,
        steps * HISTOGRAM_MARK,
        [(at * HISTOGRAM_MARK, f"{100 * at * HISTOGRAM_MARK:.0f} %") for at in range(steps + 1)],
    )
    return line_plot(title, x, y, [Line(label, _steps(edges, shares)) for label, shares in rows])


def percent_axis(name: str, low: float, high: float) -> Axis:
    """A logarithmic axis of rates, marked at powers of ten in percent; `low` and `high` are powers of ten."""
    first, last = round(math.log10(low)), round(math.log10(high))
    marks = [(10.0**power, f"{100 * 10.0**power:.9f}".rstrip("0").rstrip(".") + " %") for power in range(first, last + 1)]
    return Axis(name, low, high, marks, logarithmic=True)


def _steps(edges: Sequence[float], shares: Sequence[float]) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for at, share in enumerate(shares):
        points += [(edges[at], share), (edges[at + 1], share)]
    return points


def _tenths(low: float, high: float) -> list[tuple[float, str]]:
    step = 0.1 if high - low <= 1.2 else 0.2
    first = math.ceil(low / step - 1e-9)
    return [(at * step, f"{at * step:.1f}") for at in range(first, math.floor(high / step + 1e-9) + 1)]


def _frame(x: Axis, y: Axis) -> str:
    parts = []
    for value, words in x.marks:
        place = _across(x, value)
        parts.append(f'<line class="grid" x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{place:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{escape(words)}</text>')
    for value, words in y.marks:
        place = _up(y, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{escape(words)}</text>')
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts.append(f'<polyline class="line axis" points="{LEFT},{TOP} {LEFT},{bottom} {right},{bottom}"/>')
    parts.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x.name)}</text>')
    middle = (TOP + bottom) / 2
    parts.append(f'<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{escape(y.name)}</text>')
    return "".join(parts)


def _key(number: int, label: str, colour: str, dash: str) -> str:
    y = TOP + 14 + 18 * number
    left = WIDTH - RIGHT - 190
    line = f'<line x1="{left}" x2="{left + 30}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
    return f'{line}<text x="{left + 36}" y="{y + 4}">{escape(label)}</text>'


def _across(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)


def _up(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)


def _svg(title: str, body: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" width="{WIDTH}" height="{HEIGHT}">'
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    return f"{head}<title>{escape(title)}</title><style>{_STYLE}</style>{background}{''.join(body)}</svg>\n"
