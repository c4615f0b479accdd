"""One capture as the attack detection sees it: frames with their faces in, at the end a result for the chosen image.

Pure: no camera, no clock, no screen. Rules: a result is about one chosen frame of this session (PAD-FI-APP); what could not be
judged is said in `omitted`, never turned into a score; nothing of a frame outlives the session.
"""

from __future__ import annotations

from egate.faces.engine import DetectedFace, Frame
from egate.model.face import Challenge, PadResult

NO_FACE = "no face was seen"


class PadSession:
    """The attack detection of one capture; `begin` starts it again and forgets whatever was seen before."""

    def begin(self, now_s: float) -> None:
        """A capture starts."""
        del now_s

    def observe(self, frame: Frame, faces: tuple[DetectedFace, ...], now_s: float) -> None:
        """One live frame with the faces found in it, in the order in which they were taken."""
        del frame, faces, now_s

    def challenge(self, now_s: float) -> Challenge | None:
        """What the kiosk's screen should show now; None asks nothing."""
        del now_s
        return None

    def result(self, chosen_frame_index: int) -> PadResult:
        """The finding for the frame that was observed as number `chosen_frame_index` (from 0)."""
        del chosen_frame_index
        return PadResult(None, omitted=NO_FACE)
