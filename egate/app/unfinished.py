"""What a reading that was interrupted left behind, kept for a short time so that the same document need not begin anew.

Rule: it is personal data of somebody whose passage ended, so it is kept in memory only, for one document, for a few seconds, and
is dropped as soon as a reading ends, another document comes, or the time is over. That it belongs to the document on the reader
is not decided here: `egate.mrtd` compares the security object, byte for byte, before anything of it counts.
"""

from __future__ import annotations

from egate.model.document import MrzInformation
from egate.mrtd.reading import PartialReading

RESUME_WITHIN_S = 20.0
"""How long after a loss the same document is gone on with: the time that a traveller needs to lay it down again."""


class UnfinishedReading:
    """The one interrupted reading of a lane, if there is one."""

    def __init__(self) -> None:
        self._partial: PartialReading | None = None
        self._lost_s: float | None = None

    def for_document(self, information: MrzInformation, now_s: float) -> PartialReading:
        """What there is of this document, else room for a new one; anything else is dropped."""
        self.forget_after(now_s)
        if self._partial is None or self._partial.information != information:
            self.forget()
            self._partial = PartialReading(information)
        self._lost_s = None
        return self._partial

    def note_loss(self, now_s: float) -> None:
        """The chip was lost now."""
        self._lost_s = now_s

    def forget_after(self, now_s: float) -> None:
        """Drop what was lost longer ago than the limit."""
        if self._lost_s is not None and now_s - self._lost_s > RESUME_WITHIN_S:
            self.forget()

    def forget_unless_lost(self) -> None:
        """A reading ended, was abandoned or failed: drop everything but what waits for a lost chip."""
        if self._lost_s is None:
            self.forget()

    def forget(self) -> None:
        """Drop everything."""
        if self._partial is not None:
            self._partial.forget()
        self._partial = self._lost_s = None

    @property
    def held(self) -> bool:
        """Whether anything of a document is kept."""
        return self._partial is not None
