"""Checks of cameras: frames that are true, errors in words, nothing left behind. Each is a plain function and may block."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import numpy as np

from drivers.camera.files import LARGEST_SIDE
from drivers.conformance.bench import Failed, LeftOut
from drivers.conformance.cameras import CameraStand, in_order
from drivers.conformance.checks_port import sentence_is_plain
from drivers.sim.page_source import SHADES
from egate import ports
from egate.model.errors import DeviceError

ROUNDS = 5
MANY = 30
UNTIL_LOST = 250  # frames that may be held ready when a source goes
TOLD_WITHIN_S = 3.0

CameraCheck = Callable[[CameraStand], None]


def fulfils_its_port(stand: CameraStand) -> None:
    """It has every method of its port (egate/ports)."""
    wanted = {name for name in vars(ports.Camera) if not name.startswith("_")}
    if missing := sorted(name for name in wanted if not callable(getattr(stand.camera, name, None))):
        raise Failed(f"it lacks {', '.join(missing)}")


def opens_nothing_before_open(stand: CameraStand) -> None:
    """Making it opens nothing."""
    before = _descriptors()
    stand.another()
    if _descriptors() != before:
        raise Failed("it opens something before it is opened")


def is_made_of_what_is_absent(stand: CameraStand) -> None:
    """A camera that is not plugged in can be configured."""
    stand.source.cut()
    stand.another()


def opens_and_gives_a_frame(stand: CameraStand) -> None:
    """Opened, it gives a frame."""
    stand.camera.open()
    stand.shade()


def absent(stand: CameraStand) -> None:
    """A camera that is not there is said in a sentence."""
    stand.source.cut()
    _refused(stand, "a camera that is not there")


def no_camera_in_its_place(stand: CameraStand) -> None:
    """Something else in its place is said in a sentence, at opening or with the first frame."""
    stand.source.spoil()
    try:
        stand.camera.open()
        stand.shade()
    except DeviceError as error:
        sentence_is_plain(error)
        return
    raise Failed("it takes something else for a camera")


def opens_after_a_refusal(stand: CameraStand) -> None:
    """Refused once, it opens when it is there."""
    stand.source.cut()
    _refused(stand, "a camera that is not there")
    stand.source.fill()
    stand.camera.open()
    stand.shade()


def unfit_settings(stand: CameraStand) -> None:
    """Settings that cannot be are refused in a sentence (I14, L4)."""
    if not stand.bench.unfit:
        raise LeftOut("it has no settings that cannot be")
    for words, make in stand.bench.unfit:
        try:
            make(stand.source.path)
        except DeviceError as error:
            sentence_is_plain(error)
            continue
        raise Failed(f"it takes {words}")


def frames_are_arrays(stand: CameraStand) -> None:
    """A frame is H×W×3 of 8 bits, blue first, and of a size that can be."""
    stand.camera.open()
    frame = stand.camera.frame()
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise Failed("its frame is no array of three colours of 8 bits")
    if not frame.size or max(frame.shape) > LARGEST_SIDE:
        raise Failed("its frame is empty or too large")


def frames_are_true(stand: CameraStand) -> None:
    """Frames are those of the source, in their order."""
    stand.camera.open()
    if not in_order(stand.see(2 * len(SHADES))):
        raise Failed("its frames are not in the order of the source")


def frames_belong_to_who_has_them(stand: CameraStand) -> None:
    """Writing into a frame changes no other, and a frame does not change when the next is taken."""
    stand.camera.open()
    first = np.asarray(stand.camera.frame())
    kept = first.copy()
    second = np.asarray(stand.camera.frame())
    if not np.array_equal(first, kept):
        raise Failed("a frame changes when the next is taken")
    before = second.copy()
    first[:] = 0
    if not np.array_equal(second, before):
        raise Failed("two frames share their memory")


def many_frames(stand: CameraStand) -> None:
    """Many frames are all true and leave no descriptor."""
    stand.camera.open()
    stand.shade()
    before = _descriptors()
    stand.see(MANY)
    if _descriptors() > before:
        raise Failed(f"descriptors stay open after {MANY} frames")


def frame_before_open(stand: CameraStand) -> None:
    """Asked for a frame before it is opened, it answers with an error of ours."""
    _tells(stand, "before it is opened")


def frame_after_close(stand: CameraStand) -> None:
    """Asked for a frame after it is closed, it answers with an error of ours."""
    stand.camera.open()
    stand.shade()
    stand.camera.close()
    _tells(stand, "after it is closed")


def opens_twice(stand: CameraStand) -> None:
    """Opened twice it works, and closed once it leaves nothing."""
    before = _descriptors()
    stand.camera.open()
    stand.camera.open()
    stand.shade()
    stand.camera.close()
    if (left := _descriptors() - before) > 0:
        raise Failed(f"{left} descriptors stay open after opening twice")


def closes_twice(stand: CameraStand) -> None:
    """Close never raises: without open, and twice."""
    stand.camera.close()
    stand.camera.open()
    stand.camera.close()
    stand.camera.close()


def opens_again(stand: CameraStand) -> None:
    """Closed, it can be opened again, and begins with what is there now."""
    for _ in range(3):
        stand.camera.open()
        stand.shade()
        stand.camera.close()


def no_descriptor_leaks(stand: CameraStand) -> None:
    """Opened and closed again and again, it leaves no descriptor (N8)."""
    stand.camera.open()
    stand.camera.close()
    before = _descriptors()
    for _ in range(ROUNDS):
        stand.camera.open()
        stand.shade()
        stand.camera.close()
    if (left := _descriptors() - before) > 0:
        raise Failed(f"{left} descriptors stay open after {ROUNDS} rounds")


def no_thread_stays(stand: CameraStand) -> None:
    """After close none of its threads runs on."""
    before = threading.active_count()
    stand.camera.open()
    stand.shade()
    stand.camera.close()
    if threading.active_count() > before:
        raise Failed("a thread of its own runs on after close")


def loss_is_told(stand: CameraStand) -> None:
    """A camera that goes is an error of ours, and stays one (L2)."""
    stand.camera.open()
    stand.shade()
    stand.source.cut()
    _lost(stand)
    _lost(stand)


def back_when_opened_again(stand: CameraStand) -> None:
    """Opened again after a loss it works, each time, and leaves no descriptor (L2, N8)."""
    stand.camera.open()
    stand.shade()
    before = _descriptors()
    for _ in range(3):
        stand.source.cut()
        _lost(stand)
        stand.source.fill()
        stand.camera.close()
        stand.camera.open()
        stand.shade()
    if (left := _descriptors() - before) > 0:
        raise Failed(f"{left} descriptors stay open after three losses")


def closes_while_lost(stand: CameraStand) -> None:
    """Closed while it is away, it raises nothing."""
    stand.camera.open()
    stand.source.cut()
    _lost(stand)
    stand.camera.close()
    _tells(stand, "after it is closed")


def spoiled_frames(stand: CameraStand) -> None:
    """What is no picture gives errors of ours and no false frame, and opened again it works."""
    stand.camera.open()
    stand.source.spoil()
    _lost(stand)
    _works_again(stand)


def bloated_frames(stand: CameraStand) -> None:
    """What is larger than a picture can be fills no memory, and opened again it works."""
    stand.camera.open()
    stand.source.bloat()
    _lost(stand)
    _works_again(stand)


def two_cameras(stand: CameraStand) -> None:
    """Two cameras at once do not disturb each other."""
    other = stand.another(stand.folder / "other")
    stand.camera.open()
    other.open()
    try:
        for _ in range(len(SHADES)):
            if stand.shade() != stand.shade(other):
                raise Failed("two cameras of the same pictures give different ones")
        stand.camera.close()
        stand.shade(other)
    finally:
        other.close()


def another_thread(stand: CameraStand) -> None:
    """Opened in one thread it can be read in another."""
    stand.camera.open()
    shades: list[int] = []
    reading = threading.Thread(target=lambda: shades.append(stand.shade()), daemon=True)
    reading.start()
    reading.join(TOLD_WITHIN_S)
    if not shades:
        raise Failed("it gives no frame in another thread")


def end_of_the_frames(stand: CameraStand) -> None:
    """Frames that end are an error of ours, not an empty frame."""
    if not stand.bench.ends:
        raise LeftOut("its frames do not end")
    stand.camera.open()
    _lost(stand)


def errors_are_sentences(stand: CameraStand) -> None:
    """What it says of a loss is a sentence for a technician."""
    stand.camera.open()
    stand.source.cut()
    sentence_is_plain(_lost(stand))


def frames_are_not_logged(stand: CameraStand) -> None:
    """It writes no log line for each frame, and its repr holds no picture (L6)."""
    stand.camera.open()
    stand.see(MANY)
    if len(stand.records) > 2:
        raise Failed(f"{len(stand.records)} lines in the log for {MANY} frames")
    if len(repr(stand.camera)) > 500:
        raise Failed("its repr is long enough to hold a picture")


CAMERA_CHECKS: tuple[CameraCheck, ...] = (
    *(fulfils_its_port, opens_nothing_before_open, is_made_of_what_is_absent, opens_and_gives_a_frame, absent),
    *(no_camera_in_its_place, opens_after_a_refusal, unfit_settings, frames_are_arrays, frames_are_true),
    *(frames_belong_to_who_has_them, many_frames, frame_before_open, frame_after_close, opens_twice, closes_twice),
    *(opens_again, no_descriptor_leaks, no_thread_stays, loss_is_told, back_when_opened_again, closes_while_lost),
    *(spoiled_frames, bloated_frames, two_cameras, another_thread, end_of_the_frames, errors_are_sentences),
    frames_are_not_logged,
)
"""Every check of a camera; its docstring is the sentence that is shown."""


def _refused(stand: CameraStand, what: str) -> None:
    try:
        stand.camera.open()
    except DeviceError as error:
        sentence_is_plain(error)
        return
    raise Failed(f"it opens {what}")


def _tells(stand: CameraStand, when: str) -> None:
    try:
        stand.camera.frame()
    except DeviceError:
        return
    raise Failed(f"asked for a frame {when}, it gives one")


def _lost(stand: CameraStand) -> DeviceError:
    """The error that a loss gives, after the frames that were held ready."""
    for _ in range(UNTIL_LOST):
        try:
            stand.shade()
        except DeviceError as error:
            return error
    raise Failed("it gives frames without its source")


def _works_again(stand: CameraStand) -> None:
    stand.camera.close()
    stand.source.fill()
    stand.camera.open()
    stand.shade()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
