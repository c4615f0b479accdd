"""The kiosk's moving pictures, drawn with QPainter; own work, recoloured from the tokens.

Every function paints into a field of 800 × 800 units around the origin and depends on nothing but its arguments: `phase` is
seconds, so a held phase gives the same pixels each time. Nothing flashes; the fastest thing is a pulse of half a hertz.
"""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtGui import QPainter

from ui.common.tokens import TravellerColours
from ui.kiosk import passport_pictures, people_pictures
from ui.kiosk.view_state import Picture

FIELD = 800.0
"""Side of the square field in units."""

Painting = Callable[[QPainter, TravellerColours, float, float], None]

_PAINTINGS: dict[Picture, Painting] = {
    Picture.PLACE: passport_pictures.paint_place,
    Picture.READ: passport_pictures.paint_read,
    Picture.WALK_IN: people_pictures.paint_walk_in,
    Picture.TO_GATE: people_pictures.paint_to_gate,
    Picture.SOON: people_pictures.paint_soon,
    Picture.GO: people_pictures.paint_go,
    Picture.OFFICER: people_pictures.paint_officer,
    Picture.BACK: people_pictures.paint_back,
    Picture.CLOSED: people_pictures.paint_closed,
    Picture.EXIT: people_pictures.paint_exit,
}


def paint_picture(painter: QPainter, picture: Picture, colours: TravellerColours, phase: float, progress: float) -> None:
    """Paint one picture; `CAMERA` has none, it shows the live image."""
    painting = _PAINTINGS.get(picture)
    if painting is not None:
        painting(painter, colours, phase, progress)
