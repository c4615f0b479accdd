"""Injection: frames that come from no sensor, or from another camera than the lane's. A judge over facts; it asks no device.

Two witnesses. The kernel says which driver, card and bus stand behind a device (`drivers.camera.v4l2_controls.Capability`): a
loopback names itself, and a camera that was exchanged has another bus or card than when the lane started. And the frames: a
sensor has noise, so samples that stay the same to the bit over most of a frame, or whole frames that come again, were never
exposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from egate.faces.pad.cues.repetition import repetition_measures
from egate.faces.pad.cues.view import View

VIRTUAL_DRIVERS = ("v4l2 loopback", "v4l2loopback", "vivid", "vimc", "akvcam")
"""Drivers of the kernel, and of programs, that play what a process writes."""

VIRTUAL_WORDS = ("loopback", "virtual", "dummy", "vivid", "vimc", "akvcam")
"""Words by which cards and buses of such drivers name themselves."""

FROZEN_LIMIT = 0.9
"""Share of a frame's samples that are equal to the bit in the next frame: from here on no sensor gave them. Strongly compressed
streams of real cameras reach a half."""

SAME_LIMIT = 0.3
"""Share of frames that came before, to the bit: a driver under load repeats one now and then, not one in three."""


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """What the kernel says of a camera: driver, card and bus, as VIDIOC_QUERYCAP gives them."""

    driver: str
    card: str
    bus: str


class SourceTrust(Enum):
    """What a camera's facts say of it."""

    PLAUSIBLE = "plausible"
    VIRTUAL = "virtual"
    SWAPPED = "swapped"
    GONE = "gone"


def judge_source(started: CameraFacts | None, captured: CameraFacts | None) -> SourceTrust:
    """The camera of this capture against the one that the lane started with; cameras without facts (files) are not judged.

    1. facts that were there and are not: gone; 2. other facts: swapped; 3. a driver, card or bus of no sensor: virtual.
    """
    if started is not None and captured is None:
        return SourceTrust.GONE
    if started is not None and captured is not None and started != captured:
        return SourceTrust.SWAPPED
    facts = captured or started
    return SourceTrust.VIRTUAL if facts is not None and is_virtual(facts) else SourceTrust.PLAUSIBLE


def is_virtual(facts: CameraFacts) -> bool:
    """Whether a camera names itself as one without a sensor, or has no bus to be on."""
    driver, words = facts.driver.lower(), f"{facts.card} {facts.bus}".lower()
    if driver in VIRTUAL_DRIVERS or any(word in words for word in VIRTUAL_WORDS):
        return True
    return not facts.bus or (driver == "uvcvideo" and not facts.bus.lower().startswith("usb"))


def judge_frames(views: Sequence[View]) -> float:
    """How surely frames come from no sensor, 0…1 with the limit at 0.5."""
    measures = repetition_measures([view.proof for view in views])
    frozen = (measures.frozen - (2 * FROZEN_LIMIT - 1)) / (2 * (1 - FROZEN_LIMIT))
    return round(min(1.0, max(0.0, frozen, measures.same * 0.5 / SAME_LIMIT)), 3)
