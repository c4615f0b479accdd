"""The bounds of the live accuracy monitor that a configuration may choose within; without numpy, so that anybody can ask."""

from __future__ import annotations

MOST_REFERENCES = 2000
"""More would cost the next traveller time: a comparison takes some microseconds, opening a reference too."""

LONGEST_HOURS = 72
"""No configuration may keep references for longer."""
