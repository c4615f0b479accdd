"""Presentations to a gate's camera, simulated: a person in front of it, or a print or a screen that shows one.

Everything here is drawn from one photograph, arguments and a seed: what detectors make of it says how they do on these
drawings, and nothing about real artefacts; whoever reports figures says so. A person is a head with depth before a still
background; an artefact is a plane that a hand moves: paper with narrowed colours, ink, fibres and gloss, or a display with
pixels, refresh and frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.sim.head import HeadPose
from drivers.sim.scene import Figure, Image, Portrait, Stance, compose, cut_out, gate_picture

SIZE = (560, 640)
"""Width and height of a frame: the part of a gate's frame around the traveller."""

EYES_PX = (82.0, 108.0)
"""Distances between the eyes that are drawn."""

ARTEFACT_EYES_PX = 100.0
"""Distance between the eyes in an artefact's picture, in its own pixels."""

FPS = 12.0

Plane = NDArray[np.float32]
Random = np.random.Generator


class Presentation(Enum):
    """What stands before the camera."""

    BONA_FIDE = "bona_fide"
    PRINT_WITH_BORDER = "print_with_border"
    PRINT_WITHOUT_BORDER = "print_without_border"
    PRINT_CUT_OUT = "print_cut_out"
    SCREEN = "screen"
    SCREEN_REPLAY = "screen_replay"


ATTACKS = tuple(kind for kind in Presentation if kind is not Presentation.BONA_FIDE)


@dataclass(frozen=True, slots=True)
class _Film:
    """Light and camera: gain by channel, lens (standard deviation in pixels), noise, drift of the exposure."""

    gain: Plane
    blur_px: float
    noise: float
    drift: float
    grain: Plane = field(repr=False)

    def take(self, picture: Plane, index: int, random: Random) -> Image:
        """One frame of a picture."""
        seen = cv2.GaussianBlur(picture, (0, 0), self.blur_px)
        seen = seen * (self.gain * (1 + self.drift * math.sin(index * 0.4)))
        height, width = picture.shape[:2]
        top, left = (int(random.integers(0, free + 1)) for free in np.subtract(self.grain.shape[:2], (height, width)))
        grain = self.grain[top : top + height, left : left + width]
        shot = self.noise * np.sqrt(0.4 + np.clip(seen, 0, 255) / 160.0)
        return np.asarray((seen + grain * shot).clip(0, 255), np.uint8)


def presentation(kind: Presentation, photo: Portrait, *, count: int, seed: int, size: tuple[int, int] = SIZE) -> list[Image]:
    """`count` frames, 1/12 s apart, of somebody or something that stands in place before the camera."""
    random = np.random.default_rng((seed, list(Presentation).index(kind)))
    film = _film(size, random)
    pictures = (
        _person(photo, count, size, random) if kind is Presentation.BONA_FIDE else _artefact(kind, photo, count, size, random)
    )
    return [film.take(picture, index, random) for index, picture in enumerate(pictures)]


def _film(size: tuple[int, int], random: Random) -> _Film:
    warmth = random.uniform(-0.05, 0.05)
    gain = random.uniform(0.82, 1.1) * np.array([1 + warmth, 1 + random.uniform(-0.015, 0.015), 1 - warmth], np.float32)
    grain = random.standard_normal((size[1] + 64, size[0] + 64, 3), dtype=np.float32)
    return _Film(gain, random.uniform(0.45, 0.85), random.uniform(1.4, 2.8), random.uniform(0, 0.015), grain)


def _background(size: tuple[int, int], random: Random) -> Image:
    """A gate, a plain wall, or a hall with posters, signs and people-sized shapes."""
    choice = random.integers(3)
    if choice == 0:
        return gate_picture(size)
    width, height = size
    tint = random.uniform(90, 215) + random.uniform(-12, 12, 3)
    slope = np.linspace(random.uniform(-25, 25), random.uniform(-25, 25), width, dtype=np.float32)[None, :, None]
    canvas = np.asarray((np.ones((height, width, 3), np.float32) * tint + slope).clip(0, 255), np.uint8)
    for _ in range(0 if choice == 1 else int(random.integers(4, 12))):
        x, y = random.integers(0, width), random.integers(0, height)
        w, h = random.integers(20, width // 2), random.integers(20, height // 2)
        colour = tuple(float(value) for value in random.uniform(30, 235, 3))
        cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), colour, -1 if random.random() < 0.6 else 3)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), random.uniform(0.8, 3.0)), np.uint8)


def _person(photo: Portrait, count: int, size: tuple[int, int], random: Random) -> list[Plane]:
    figure, gate = cut_out(photo, size), _background(size, random)
    return [compose(gate, [(figure, stance)]).astype(np.float32) for stance in _standing(count, size, random)]


def _standing(count: int, size: tuple[int, int], random: Random) -> list[Stance]:
    """Somebody who sways, turns and nods a little, and blinks now and then."""
    eyes, start = random.uniform(*EYES_PX), random.uniform(0, 200)
    yaw, pitch, sway = random.uniform(1.2, 5.0), random.uniform(0.6, 2.5), random.uniform(1.0, 7.0)
    centre = size[0] / 2 + random.uniform(-25, 25), size[1] * 0.4 + random.uniform(-15, 15)
    rest, blink = random.uniform(-5, 5), random.integers(-20, 24)

    def wave(index: float, pace: float) -> float:
        return math.sin((start + index) * pace) + 0.35 * math.sin((start * 1.7 + index) * pace * 2.3)

    stances = []
    for index in range(count):
        lids = max(0.0, math.sin(math.pi * (index - blink + 1) / 4)) if 0 <= index - blink < 3 else 0.0
        pose = HeadPose(rest + yaw * wave(index, 0.3), pitch * wave(index, 0.22), lids)
        x, y = centre[0] + sway * wave(index, 0.33), centre[1] + 0.5 * sway * wave(index, 0.27)
        stances.append(Stance(x, y, eyes * (1 + 0.008 * wave(index, 0.19)), 1.2 * wave(index, 0.24), pose))
    return stances


def _artefact(kind: Presentation, photo: Portrait, count: int, size: tuple[int, int], random: Random) -> list[Plane]:
    """A print or a screen held before the camera."""
    gate = _background(size, random).astype(np.float32)
    surface = _SURFACES[kind](photo, count, random)
    pictures = []
    for index, matrix in enumerate(_held(surface, count, size, random)):
        colours = surface.shown(index)
        seen = cv2.warpPerspective(colours, matrix, size, flags=cv2.INTER_LINEAR)
        opacity = cv2.warpPerspective(surface.opacity, matrix, size, flags=cv2.INTER_LINEAR)[:, :, None]
        lit = surface.light(np.asarray(seen, np.float32), matrix, index)
        pictures.append(np.asarray(gate * (1 - opacity) + lit * opacity, np.float32))
    return pictures


@dataclass(frozen=True, slots=True)
class _Surface:
    """An artefact: its picture at each frame, what of it is there, where the eyes are, and what light does to it in a frame."""

    shown: Callable[[int], Plane]
    opacity: Plane = field(repr=False)
    middle: tuple[float, float]
    light: Callable[[Plane, NDArray[np.float64], int], Plane]


def _held(surface: _Surface, count: int, size: tuple[int, int], random: Random) -> list[NDArray[np.float64]]:
    """The homographies of a hand (or, one time in four, of a stand) that holds the artefact."""
    scale, start = random.uniform(*EYES_PX) / ARTEFACT_EYES_PX, random.uniform(0, 200)
    still = random.random() < 0.25
    shake, tilt = (0.15, 0.0) if still else (random.uniform(1.5, 7), random.uniform(1, 9))
    lean, spin = random.uniform(-8, 8), random.uniform(-2, 2)
    centre = size[0] / 2 + random.uniform(-25, 25), size[1] * 0.4 + random.uniform(-15, 15)
    focal = 1.6 * size[0]

    def wave(index: float, pace: float) -> float:
        return math.sin((start + index) * pace) + 0.4 * math.sin((start * 1.3 + index) * pace * 2.7)

    matrices = []
    for index in range(count):
        yaw, pitch = math.radians(lean + tilt * wave(index, 0.3)), math.radians(0.6 * tilt * wave(index, 0.21))
        roll = math.radians(spin + 0.15 * shake * wave(index, 0.26))
        near = scale * (1 + 0.0015 * shake * wave(index, 0.23))
        to_middle = np.array([[near, 0, -near * surface.middle[0]], [0, near, -near * surface.middle[1]], [0, 0, 1]])
        spun = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
        leaned = np.array([[math.cos(yaw), 0, 0], [0, math.cos(pitch), 0], [math.sin(yaw) / focal, math.sin(pitch) / focal, 1]])
        x, y = centre[0] + shake * wave(index, 0.34), centre[1] + shake * wave(index, 0.29)
        matrices.append(np.array([[1, 0, x], [0, 1, y], [0, 0, 1]]) @ leaned @ spun @ to_middle)
    return matrices


def _photograph(photo: Portrait, random: Random) -> tuple[Plane, tuple[float, float]]:
    """The photograph at the artefact's scale with its eyes level, and where the point between them is."""
    scale = ARTEFACT_EYES_PX / photo.inter_eye_px
    width, height = round(5.2 * ARTEFACT_EYES_PX), round(6.2 * ARTEFACT_EYES_PX)
    matrix = cv2.getRotationMatrix2D(photo.middle, photo.angle_deg, scale)
    middle = width / 2, height * 0.42
    matrix[:, 2] += np.subtract(middle, photo.middle)
    source = cv2.GaussianBlur(photo.image, (0, 0), 0.4 / scale) if scale < 0.75 else photo.image
    picture = cv2.warpAffine(source, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 0.9)), np.float32), middle


def _printed(picture: Plane, random: Random) -> Plane:
    """What ink on paper makes of a picture: narrower colours and contrast, raster, mottle."""
    grey = picture.mean(axis=2, keepdims=True)
    colours = grey + random.uniform(0.6, 0.9) * (picture - grey)
    black, white = random.uniform(18, 42), random.uniform(212, 240)
    colours = black + colours * ((white - black) / 255) + random.uniform(-4, 4, 3)
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    pace, depth = random.uniform(0.9, 2.6), random.uniform(0.6, 3.5)
    raster = np.zeros_like(colours)
    for channel, angle in enumerate((15.0, 75.0, 45.0)):
        a, b = math.cos(math.radians(angle)) * pace, math.sin(math.radians(angle)) * pace
        raster[:, :, channel] = np.cos(a * x + b * y) * np.cos(a * y - b * x)
    mottle = cv2.GaussianBlur(random.standard_normal((height, width, 1), dtype=np.float32), (0, 0), 0.8)[:, :, None]
    return np.asarray((colours + depth * raster + random.uniform(1.5, 5.0) * mottle).clip(0, 255), np.float32)


def _gloss(random: Random) -> Callable[[Plane, NDArray[np.float64], int], Plane]:
    """A soft reflection that wanders over a sheet as it leans."""
    strength, along = random.uniform(0, 26), random.uniform(0, math.pi)

    def light(seen: Plane, matrix: NDArray[np.float64], index: int) -> Plane:
        height, width = seen.shape[:2]
        x, y = np.linspace(-1, 1, width, dtype=np.float32)[None], np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        place = x * math.cos(along) + y * math.sin(along) - 0.3 + 0.08 * index * float(matrix[2, 0]) * 1000
        return np.asarray(seen + (strength * np.exp(-((place / 0.5) ** 2)))[:, :, None], np.float32)

    return light


def _print(photo: Portrait, random: Random) -> _Surface:
    """The whole sheet, without a margin."""
    picture, middle = _photograph(photo, random)
    sheet = _printed(picture, random)
    return _Surface(lambda _: sheet, np.ones(sheet.shape[:2], np.float32), middle, _gloss(random))


def _print_with_border(photo: Portrait, _count: int, random: Random) -> _Surface:
    """The whole sheet with its white margin; the picture ends near the head."""
    return _trimmed(_print(photo, random), random, margin=random.uniform(0.25, 0.7))


def _print_without_border(photo: Portrait, _count: int, random: Random) -> _Surface:
    """Cut at the picture's edge; half of them are so large that the camera sees no edge at all."""
    surface = _print(photo, random)
    return surface if random.random() < 0.5 else _trimmed(surface, random, margin=0.0)


def _trimmed(surface: _Surface, random: Random, *, margin: float) -> _Surface:
    """Cut nearer to the head, with a white margin of so many inter-eye distances."""
    sheet = surface.shown(0)
    left, top = (round(random.uniform(0.5, 1.0) * ARTEFACT_EYES_PX) for _ in range(2))
    bottom = round(random.uniform(0.3, 1.5) * ARTEFACT_EYES_PX)
    sheet = sheet[top : sheet.shape[0] - bottom, left : sheet.shape[1] - left]
    edge = round(margin * ARTEFACT_EYES_PX)
    white = (232.0, 233.0, 234.0)
    sheet = np.asarray(cv2.copyMakeBorder(sheet, edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=white), np.float32)
    middle = surface.middle[0] - left + edge, surface.middle[1] - top + edge
    return _Surface(lambda _: sheet, np.ones(sheet.shape[:2], np.float32), middle, surface.light)


def _print_cut_out(photo: Portrait, _count: int, random: Random) -> _Surface:
    """Cut along the outline of head and shoulders."""
    figure = cut_out(photo, (720, 960))
    surface = _print(photo, random)
    return _Surface(surface.shown, _outline(figure, surface), surface.middle, surface.light)


def _outline(figure: Figure, surface: _Surface) -> Plane:
    portrait = figure.portrait
    matrix = cv2.getRotationMatrix2D(portrait.middle, portrait.angle_deg, ARTEFACT_EYES_PX / portrait.inter_eye_px)
    matrix[:, 2] += np.subtract(surface.middle, portrait.middle)
    height, width = surface.opacity.shape
    return np.asarray(cv2.warpAffine(figure.opacity, matrix, (width, height), flags=cv2.INTER_LINEAR), np.float32)


def _screen(photo: Portrait, _count: int, random: Random) -> _Surface:
    picture, middle = _photograph(photo, random)
    return _display([picture], middle, random)


def _screen_replay(photo: Portrait, count: int, random: Random) -> _Surface:
    """A video of the person on a screen, over and over."""
    size = round(5.2 * ARTEFACT_EYES_PX), round(6.2 * ARTEFACT_EYES_PX)
    figure, gate = cut_out(photo, (720, 960)), _background(size, random)
    stances = _standing(max(3, count - int(random.integers(0, count))), size, random)
    eyes, middle = stances[0].eyes_px, (size[0] / 2, size[1] * 0.42)
    frames = []
    for stance in stances:
        x, y = middle[0] + stance.x - stances[0].x, middle[1] + stance.y - stances[0].y
        placed = Stance(x, y, stance.eyes_px * ARTEFACT_EYES_PX / eyes, stance.tilt_deg, stance.pose)
        frames.append(cv2.GaussianBlur(compose(gate, [(figure, placed)]).astype(np.float32), (0, 0), random.uniform(0.4, 0.8)))
    return _display([np.asarray(frame, np.float32) for frame in frames], middle, random)


def _display(pictures: list[Plane], middle: tuple[float, float], random: Random) -> _Surface:
    """A display that shows pictures in a loop: its tone curve, its frame, its pixels and its refresh."""
    gamma, lift = random.uniform(0.8, 1.25), random.uniform(4, 16)
    tint = np.array([random.uniform(1.02, 1.14), 1.0, random.uniform(0.9, 1.0)], np.float32)
    side, ends = (round(random.uniform(0.1, 0.6) * ARTEFACT_EYES_PX) for _ in range(2))
    dark = float(random.uniform(8, 45))
    cut = round(random.uniform(0.3, 0.9) * ARTEFACT_EYES_PX)
    shown = []
    for picture in pictures:
        lit = (lift + (255 - lift) * (picture / 255) ** gamma) * tint
        part = lit[cut : lit.shape[0] - cut, cut : lit.shape[1] - cut]
        framed = cv2.copyMakeBorder(part, ends, ends, side, side, cv2.BORDER_CONSTANT, value=(dark, dark, dark))
        shown.append(np.asarray(framed, np.float32))
    height, width = shown[0].shape[:2]
    opacity = np.ones((height, width), np.float32)
    place = middle[0] - cut + side, middle[1] - cut + ends
    inside = (side, ends, width - side, height - ends)
    return _Surface(lambda index: shown[index % len(shown)], opacity, place, _pixels(inside, random))


def _pixels(inside: tuple[int, int, int, int], random: Random) -> Callable[[Plane, NDArray[np.float64], int], Plane]:
    """Pixels that beat with the camera's (moiré), bands of the refresh that wander, and a reflection on the glass."""
    pitch, depth = random.uniform(0.75, 2.2), random.uniform(0.03, 0.16)
    band, band_px, pace = random.uniform(0.01, 0.06), random.uniform(60, 260), random.uniform(0.1, 0.45)
    mirror = random.uniform(0, 18)
    left, top, right, bottom = inside

    def light(seen: Plane, matrix: NDArray[np.float64], index: int) -> Plane:
        height, width = seen.shape[:2]
        back = np.linalg.inv(matrix).astype(np.float32)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        deep = back[2, 0] * x + back[2, 1] * y + back[2, 2]
        u, v = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / deep, (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / deep
        on = ((u >= left) & (u < right) & (v >= top) & (v < bottom)).astype(np.float32)
        rows = 1 + depth * 0.6 * np.cos(2 * math.pi * v / pitch)
        bands = 1 + band * np.cos(2 * math.pi * (y / band_px + pace * index))
        lit = np.empty_like(seen)
        for channel in range(3):
            columns = 1 + depth * np.cos(2 * math.pi * (u / pitch + channel / 3))
            lit[:, :, channel] = seen[:, :, channel] * (1 + on * (columns * rows * bands - 1))
        glass = mirror * np.exp(-(((x - 0.3 * width) / (0.3 * width)) ** 2) - ((y - 0.25 * height) / (0.3 * height)) ** 2)
        return np.asarray(lit + (on * glass)[:, :, None], np.float32)

    return light


_SURFACES: dict[Presentation, Callable[[Portrait, int, Random], _Surface]] = {
    Presentation.PRINT_WITH_BORDER: _print_with_border,
    Presentation.PRINT_WITHOUT_BORDER: _print_without_border,
    Presentation.PRINT_CUT_OUT: _print_cut_out,
    Presentation.SCREEN: _screen,
    Presentation.SCREEN_REPLAY: _screen_replay,
}
