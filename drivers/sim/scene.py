"""What a gate's camera would see, made from a photograph: somebody walks up, sways, and looks into the lens.

The person is cut out of the photograph (GrabCut, steered by the eyes' places), set before a drawn gate and filmed by a drawn
camera: scale, sway, light, blur, motion, shot noise. Every picture follows from its arguments and a seed. Nothing here knows how
faces are compared; where the eyes are comes with the photograph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.sim.head import STRAIGHT, HeadPose, turned

Image = NDArray[np.uint8]
"""H×W×3 array of 8-bit BGR values."""

Plane = NDArray[np.float32]
"""H×W array."""

DEFAULT_SIZE = (720, 960)
"""Width and height of a frame: a camera mounted upright."""

JPEG_QUALITY = 92

FAR_EYES_PX, NEAR_EYES_PX = 52.0, 96.0
"""Distance between the eyes when the traveller enters and when they stand, at the default size."""

WALK_SHARE = 0.45
"""Of the frames: walking; the rest stand before the camera."""

EYES_DOWN = 0.44
"""Of the height: where the eyes of a standing traveller are."""

CUT_EYES_PX = 40.0
"""The photograph is reduced to this distance between the eyes before it is cut: GrabCut takes its time."""

POSE_STEP = 0.04
"""Of the distance between the eyes: how densely a turned head is worked out."""

TURN_DEG, NOD_DEG = 3.0, 1.5
"""Nobody holds their head quite still: amplitudes of its turning and nodding while the traveller looks into the camera."""

BLINK_EVERY, BLINK_FRAMES = 31, 3
"""Frames from one blink to the next, and how long one takes."""

NOISE = 2.2
"""Standard deviation of a well lit pixel's noise, in grey levels; shot noise grows as the light falls."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A photograph and where the eyes of its person are, in pixels; right and left are the person's own."""

    image: Image = field(repr=False)
    right_eye: tuple[float, float]
    left_eye: tuple[float, float]

    @property
    def inter_eye_px(self) -> float:
        """The distance between the eyes."""
        return math.dist(self.right_eye, self.left_eye)

    @property
    def middle(self) -> tuple[float, float]:
        """The point between the eyes."""
        return (self.right_eye[0] + self.left_eye[0]) / 2, (self.right_eye[1] + self.left_eye[1]) / 2

    @property
    def angle_deg(self) -> float:
        """Tilt of the eyes' line."""
        return math.degrees(math.atan2(self.left_eye[1] - self.right_eye[1], self.left_eye[0] - self.right_eye[0]))


@dataclass(frozen=True, slots=True)
class Look:
    """How the camera sees: `light` 1 is a well lit gate, `blur_px` the lens (standard deviation), `motion_px` a smear."""

    light: float = 1.0
    blur_px: float = 0.6
    motion_px: float = 0.0


GOOD_LOOK = Look()
"""A camera and a gate as they should be."""

BLURRED_LOOK = Look(blur_px=2.5, motion_px=60.0)
"""Somebody who does not stand still for an instant: no usable picture results."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A cut-out person: colours, opacity 0…1, and the eyes."""

    colours: NDArray[np.float32] = field(repr=False)
    opacity: NDArray[np.float32] = field(repr=False)
    portrait: Portrait


@dataclass(frozen=True, slots=True)
class Stance:
    """Where a figure stands in one frame, and how it holds its head."""

    x: float
    y: float
    eyes_px: float
    tilt_deg: float
    pose: HeadPose = STRAIGHT


def live_frames(
    photo: Portrait, *, count: int, size: tuple[int, int] = DEFAULT_SIZE, look: Look = GOOD_LOOK, seed: int = 0
) -> list[Image]:
    """`count` frames of `size` (width, height) of one person who walks up and then stands, swaying a little."""
    figure = cut_out(photo, size)
    gate, random = gate_picture(size), np.random.default_rng(seed)
    phase = float(random.uniform(0, 2 * math.pi))
    return [film(compose(gate, [(figure, _walk(index, count, size, phase))]), look, random) for index in range(count)]


def two_people(
    photo_a: Portrait, photo_b: Portrait, *, count: int, size: tuple[int, int] = DEFAULT_SIZE, seed: int = 0
) -> list[Image]:
    """Two people side by side, the second one half a step behind."""
    first, second = cut_out(photo_a, size), cut_out(photo_b, size)
    gate, random = gate_picture(size), np.random.default_rng(seed)
    phase = float(random.uniform(0, 2 * math.pi))
    frames = []
    for index in range(count):
        stance = _walk(index, count, size, phase)
        shift, near = 0.2 * size[0], 0.72 * stance.eyes_px
        left = Stance(stance.x - shift, stance.y, near, stance.tilt_deg)
        right = Stance(stance.x + shift, stance.y + 0.02 * size[1], 0.94 * near, -stance.tilt_deg)
        frames.append(film(compose(gate, [(second, right), (first, left)]), GOOD_LOOK, random))
    return frames


def blurred_frames(photo: Portrait, *, count: int, size: tuple[int, int] = DEFAULT_SIZE, seed: int = 0) -> list[Image]:
    """Somebody who moves all the time: no frame is sharp enough for a comparison."""
    return live_frames(photo, count=count, size=size, look=BLURRED_LOOK, seed=seed)


def empty_gate(*, count: int, size: tuple[int, int] = DEFAULT_SIZE, seed: int = 0) -> list[Image]:
    """The gate with nobody in it."""
    gate, random = gate_picture(size), np.random.default_rng(seed)
    return [film(gate, GOOD_LOOK, random) for _ in range(count)]


def write_scene(directory: Path, frames: Sequence[Image]) -> list[Path]:
    """Write frames as `frame-0000.jpg` and so on into a directory (made if absent), and return the paths in order."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"frame-{number:04}.jpg" for number in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        taken, encoded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not taken:
            raise OSError(f"{path.name} could not be encoded")
        path.write_bytes(encoded.tobytes())
    return paths


def _walk(index: int, count: int, size: tuple[int, int], phase: float) -> Stance:
    """Where the traveller is: nearer with every frame, then in place; a step bobs, a stander sways."""
    width, height = size
    progress = min(1.0, index / max(1.0, WALK_SHARE * count))
    near = progress * progress * (3 - 2 * progress)
    unit = width / DEFAULT_SIZE[0]
    eyes = unit * (FAR_EYES_PX + (NEAR_EYES_PX - FAR_EYES_PX) * near)
    bob = (1 - near) * 7 * unit * math.sin(index * 1.9 + phase)
    sway = unit * (4 + 10 * (1 - near)) * math.sin(index * 0.35 + phase)
    down = height * (EYES_DOWN - 0.05 * (1 - near))
    return Stance(width / 2 + sway, down + bob, eyes, 1.6 * math.sin(index * 0.27 + phase), resting_pose(index, phase))


def resting_pose(index: int, phase: float) -> HeadPose:
    """How somebody who looks into the camera holds their head in a frame: never quite still, and blinking now and then."""
    yaw = TURN_DEG * math.sin(index * 0.21 + 2 * phase)
    pitch = NOD_DEG * math.sin(index * 0.17 + 3 * phase)
    since = (index + round(BLINK_EVERY * phase)) % BLINK_EVERY
    lids = math.sin(math.pi * (since + 1) / (BLINK_FRAMES + 1)) if since < BLINK_FRAMES else 0.0
    return HeadPose(yaw, pitch, max(0.0, lids))


def cut_out(photo: Portrait, size: tuple[int, int]) -> Figure:
    """Separate the person from the background of the photograph."""
    need = 1.05 * NEAR_EYES_PX * size[0] / DEFAULT_SIZE[0] / photo.inter_eye_px
    portrait = _resized(photo, need) if need < 1 else photo
    small = _resized(portrait, CUT_EYES_PX / portrait.inter_eye_px)
    mask = _steering_mask(small)
    cv2.setRNGSeed(1)
    cv2.grabCut(small.image, mask, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    person = _largest_part(np.asarray(cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), np.uint8))
    soft = cv2.GaussianBlur(cv2.erode(person, np.ones((3, 3), np.uint8)).astype(np.float32), (0, 0), 1.6)
    height, width = portrait.image.shape[:2]
    opacity = np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC), np.float32).clip(0, 1)
    return _with_ground(portrait, opacity)


def _resized(photo: Portrait, scale: float) -> Portrait:
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = np.asarray(cv2.resize(photo.image, None, fx=scale, fy=scale, interpolation=shrink), np.uint8)
    right, left = photo.right_eye, photo.left_eye
    return Portrait(image, (right[0] * scale, right[1] * scale), (left[0] * scale, left[1] * scale))


def _steering_mask(photo: Portrait) -> NDArray[np.uint8]:
    """What is surely the person (face, chest), what surely is not (far beside the head), and what GrabCut may decide."""
    height, width = photo.image.shape[:2]
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    (x, y), eyes = photo.middle, photo.inter_eye_px

    def fill(shape: Sequence[tuple[float, float]], value: int) -> None:
        points = np.array([(round(x + across * eyes), round(y + down * eyes)) for across, down in shape], np.int32)
        cv2.fillPoly(mask, [points], value)

    fill([(-1.7, -2.2), (1.7, -2.2), (1.7, 1.5), (4.2, 3.2), (4.6, 30), (-4.6, 30), (-4.2, 3.2), (-1.7, 1.5)], cv2.GC_PR_BGD)
    fill([(-1.2, -1.5), (1.2, -1.5), (1.3, 1.6), (3.2, 3.6), (3.6, 30), (-3.6, 30), (-3.2, 3.6), (-1.3, 1.6)], cv2.GC_PR_FGD)
    cv2.ellipse(mask, (round(x), round(y + 0.3 * eyes)), (round(0.95 * eyes), round(1.35 * eyes)), 0, 0, 360, cv2.GC_FGD, -1)
    fill([(-0.5, 1.0), (0.5, 1.0), (1.3, 4.0), (1.8, 30), (-1.8, 30), (-1.3, 4.0)], cv2.GC_FGD)
    return mask


def _largest_part(person: NDArray[np.uint8]) -> NDArray[np.uint8]:
    _, labels, figures, _ = cv2.connectedComponentsWithStats(person)
    if len(figures) < 2:
        return person
    return np.asarray(labels == 1 + int(np.argmax(figures[1:, cv2.CC_STAT_AREA])), np.uint8)


def _with_ground(portrait: Portrait, opacity: NDArray[np.float32]) -> Figure:
    """Continue the clothes below the photograph's edge, darker with depth, for a person who stands far off."""
    more = round(portrait.image.shape[0] * 0.8)
    colours = cv2.copyMakeBorder(portrait.image.astype(np.float32), 0, more, 0, 0, cv2.BORDER_REPLICATE)
    alpha = cv2.copyMakeBorder(opacity, 0, more, 0, 0, cv2.BORDER_REPLICATE)
    fade = np.linspace(1.0, 0.35, more, dtype=np.float32)[:, None, None]
    colours[-more:] = cv2.GaussianBlur(colours[-more:], (0, 0), 6) * fade
    return Figure(np.asarray(colours, np.float32), np.asarray(alpha, np.float32), portrait)


def gate_picture(size: tuple[int, int]) -> Image:
    """An empty gate: walls with light from above, the glass entry door behind, a floor. No face can be found in it."""
    width, height = size
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    across = np.abs(np.linspace(-1, 1, width, dtype=np.float32))[None, :]
    grey = 205 - 60 * down - 38 * across**2
    picture = np.stack([grey * 1.0, grey * 0.975, grey * 0.94], axis=2)
    canvas = np.asarray(picture.clip(0, 255), np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * width), round(y * height)

    floor = np.array([at(0, 1), at(0.2, 0.8), at(0.8, 0.8), at(1, 1)], np.int32)
    cv2.fillPoly(canvas, [floor], (92, 96, 98))
    cv2.rectangle(canvas, at(0.26, 0.12), at(0.74, 0.8), (176, 168, 150), -1)
    for left, right in ((0.27, 0.495), (0.505, 0.73)):
        cv2.rectangle(canvas, at(left, 0.135), at(right, 0.79), (198, 192, 178), -1)
        cv2.line(canvas, at(left + 0.03, 0.7), at(right - 0.05, 0.2), (208, 204, 194), max(1, width // 60))
    for x, x_near in ((0.2, 0.0), (0.8, 1.0)):
        cv2.line(canvas, at(x, 0.8), at(x_near, 1.0), (70, 72, 74), max(1, width // 180))
        cv2.line(canvas, at(x, 0.0), at(x, 0.8), (150, 146, 138), max(1, width // 240))
    cv2.rectangle(canvas, at(0.3, 0.015), at(0.7, 0.045), (250, 250, 248), -1)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), width / 240), np.uint8)


def compose(gate: Image, figures: Sequence[tuple[Figure, Stance]]) -> Image:
    """Set figures into the gate, those first in the list farther back."""
    picture = gate.astype(np.float32)
    for figure, stance in figures:
        across, down = _places(figure.portrait, stance, gate.shape)
        scale = stance.eyes_px / figure.portrait.inter_eye_px
        source = cv2.GaussianBlur(figure.colours, (0, 0), 0.4 / scale) if scale < 0.75 else figure.colours
        colours = cv2.remap(source, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        opacity = cv2.remap(figure.opacity, across, down, cv2.INTER_LINEAR)[:, :, None]
        picture = picture * (1 - opacity) + colours * opacity
    return np.asarray(picture.clip(0, 255), np.uint8)


def _places(portrait: Portrait, stance: Stance, shape: tuple[int, ...]) -> tuple[Plane, Plane]:
    """For each pixel of a frame, the place in the photograph that is seen there."""
    height, width = shape[:2]
    scale = stance.eyes_px / portrait.inter_eye_px
    matrix = cv2.getRotationMatrix2D(portrait.middle, portrait.angle_deg + stance.tilt_deg, scale)
    matrix[:, 2] += np.array((stance.x - portrait.middle[0], stance.y - portrait.middle[1]))
    back = cv2.invertAffineTransform(matrix).astype(np.float32)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    across = back[0, 0] * x + back[0, 1] * y + back[0, 2]
    down = back[1, 0] * x + back[1, 1] * y + back[1, 2]
    if stance.pose == STRAIGHT:
        return across, down
    eyes = portrait.inter_eye_px
    step = max(1, round(stance.eyes_px * POSE_STEP))
    coarse_x = (across[::step, ::step] - portrait.middle[0]) / eyes
    coarse_y = (down[::step, ::step] - portrait.middle[1]) / eyes
    from_x, from_y = turned(coarse_x, coarse_y, stance.pose)
    # A coarse grid is enough for a smooth relief; its points lie on every `step`-th pixel, which the affine map says exactly.
    spread = np.array([[1 / step, 0, 0], [0, 1 / step, 0]], np.float32)

    def fine(coarse: Plane) -> Plane:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(coarse, spread, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    return across + eyes * fine(from_x - coarse_x), down + eyes * fine(from_y - coarse_y)


def film(picture: Image, look: Look, random: np.random.Generator) -> Image:
    """Lens, motion, light and sensor."""
    seen = picture.astype(np.float32)
    if look.blur_px > 0:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), look.blur_px), np.float32)
    if look.motion_px > 1:
        seen = np.asarray(cv2.filter2D(seen, -1, _smear(look.motion_px, float(random.uniform(-20, 20)))), np.float32)
    seen = seen * (look.light * float(random.uniform(0.97, 1.03)))
    deviation = NOISE * (1 + 1.5 * max(0.0, 1 - look.light))
    noise = random.standard_normal(seen.shape, dtype=np.float32) * deviation
    return np.asarray((seen + noise).clip(0, 255), np.uint8)


def _smear(length_px: float, angle_deg: float) -> NDArray[np.float32]:
    side = int(length_px) | 1
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2] = 1
    turn = cv2.getRotationMatrix2D((side // 2, side // 2), angle_deg, 1)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (side, side)), np.float32)
    return np.asarray(kernel / kernel.sum(), np.float32)
