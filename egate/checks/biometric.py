"""Checks of the face: capture, comparison, presentation attack (TR-03135-1 §3.7.4, TR-03121-3 BCL)."""

from __future__ import annotations

from egate.checks.catalogue import finding, success
from egate.model.checks import Check, CheckName
from egate.model.face import CaptureOutcome, CaptureState

DEFAULT_FMR_PPM = 1000
"""0.1 %, the largest false match rate that TR-03121 BCL accepts at a border (D1)."""

DEFAULT_ATTACK_LIMIT = 0.85
"""From here on an attack is suspected. Detectors learn to put 0.5 between the two (`egate.faces.pad.fusion`); honest people drawn
from photographs that nothing was learned from scored up to 0.70, prints and screens from 0.94 (docs/attacks.md)."""

CUE_SPOKE = 0.5
"""A cue from here on is named to the officer."""

_CAPTURE_CODES = {
    CaptureState.NO_USABLE_FACE: "no_usable_face",
    CaptureState.SEVERAL_FACES: "several_faces",
    CaptureState.ABORTED: "capture_aborted",
}


def check_capture(outcome: CaptureOutcome | None, fmr_ppm: int = DEFAULT_FMR_PPM) -> tuple[Check, ...]:
    """All checks of one capture. `fmr_ppm` is the largest false match rate that the profile accepts."""
    return check_face_capture(outcome), check_face_match(outcome, fmr_ppm), check_presentation_attack(outcome)


def check_face_capture(outcome: CaptureOutcome | None) -> Check:
    """Whether a live image of one face was captured."""
    name = CheckName.FACE_CAPTURE
    if outcome is None:
        return finding(name, "face_not_captured")
    if outcome.state is not CaptureState.CAPTURED:
        return finding(name, _CAPTURE_CODES[outcome.state])
    return success(name)


def check_face_match(outcome: CaptureOutcome | None, fmr_ppm: int) -> Check:
    """Whether the deciding engine's score reaches its threshold; second opinions are for the officer and do not count."""
    name = CheckName.FACE_MATCH
    if outcome is None or outcome.state is not CaptureState.CAPTURED:
        return finding(name, "face_not_captured")
    if not outcome.scores:
        return finding(name, "comparison_aborted")
    deciding = outcome.scores[0]
    if not 0 < deciding.fmr_ppm <= fmr_ppm:
        return finding(name, "threshold_too_lax", deciding.engine)
    return success(name, deciding.engine) if deciding.matched else finding(name, "face_differs", deciding.engine)


def check_presentation_attack(outcome: CaptureOutcome | None, limit: float = DEFAULT_ATTACK_LIMIT) -> Check:
    """Whether the face is a person's own. The finding is about the very image that was compared (PAD-FI-APP).

    1. no image: undetermined; 2. no detector looked: not supported; 3. it looked and could not judge: undetermined, with its
    reason; 4. a score from `limit` on: failed, with the cues that spoke; a score that is no share of 1 is no score.
    """
    name = CheckName.PRESENTATION_ATTACK
    if outcome is None or outcome.state is not CaptureState.CAPTURED:
        return finding(name, "face_not_captured")
    pad = None if outcome.probe is None else outcome.probe.pad
    if pad is None:
        return finding(name, "no_attack_detector")
    if pad.score is None or not 0.0 <= pad.score <= 1.0:
        return finding(name, "attack_not_judged", pad.omitted)
    if pad.score < limit:
        return success(name)
    return finding(name, "attack_suspected", ", ".join(cue for cue, value in pad.cues if value >= CUE_SPOKE))
