"""What the screen asks of a face: a colour over all of it, or a point to look at. It lies over the window and takes no touch.

Rule: whatever is asked, the colour changes at most three times a second (photosensitive travellers, WCAG 2.3.1); a colour that
comes sooner waits until the one before it has had its time.
"""

from __future__ import annotations

from PyQt6.QtCore import QPointF, Qt, QTimer
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from ui.common.theme import tint
from ui.common.tokens import TravellerColours
from ui.kiosk.view_state import Look

SHORTEST_COLOUR_MS = 340
"""Three changes a second at most."""

_PLACES = {Look.LEFT: 0.08, Look.RIGHT: 0.92, Look.STRAIGHT: 0.5}
"""Of the width; a face before the screen sees its own left at the left edge."""

_DOWN = 0.3
_DOT = 0.05


class ChallengeSheet(QWidget):
    """Shows a colour, a point, or nothing (then it is hidden)."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._flood, self._next, self._look = "", "", Look.NOWHERE
        self._colours: TravellerColours | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._turn)
        self.hide()

    @property
    def flood(self) -> str:
        """The colour on the screen, or nothing."""
        return self._flood

    def show_challenge(self, flood: str, look: Look, colours: TravellerColours) -> None:
        """Show this colour or point from now on; a colour waits while the one before it is too young."""
        self._next, self._look, self._colours = flood, look, colours
        if not self._rest.isActive():
            self._turn()
        self.setVisible(bool(self._flood) or look is not Look.NOWHERE)
        self.update()

    def forget(self) -> None:
        """Show nothing, at once: the camera does not look any more."""
        self._next, self._flood, self._look = "", "", Look.NOWHERE
        self.hide()

    def _turn(self) -> None:
        if self._next != self._flood:
            self._flood = self._next
            self._rest.start(SHORTEST_COLOUR_MS)
            self.setVisible(bool(self._flood) or self._look is not Look.NOWHERE)
            self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Fill the screen, or paint the point."""
        painter = QPainter(self)
        if self._flood:
            painter.fillRect(self.rect(), QColor(self._flood))
        if self._look is not Look.NOWHERE and self._colours is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            radius = _DOT * min(self.width(), self.height())
            middle = QPointF(_PLACES[self._look] * self.width(), _DOWN * self.height())
            for share, colour in ((1.6, self._colours.on_accent), (1.3, self._colours.accent), (0.5, self._colours.on_accent)):
                painter.setBrush(tint(colour))
                painter.drawEllipse(middle, share * radius, share * radius)
