"""The [camera] table of a lane's file: which cameras, how they are set, where they hang; and the words that tell the worker.

Everything is refused in one sentence before a camera is touched: a value outside its range, settings that contradict each other,
and cameras that hang where nobody of 140 cm, of 200 cm or in a wheelchair could find one. What only the camera itself can
know (whether it has a control at all) is refused by its driver when it opens.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from drivers.camera.controls import CameraControls, ExposureMode
from drivers.camera.geometry import Mounting, uncovered

MOST_SOURCES = 6
USUAL_FPS = 30.0
TABLE: Mapping[str, str] = {
    "source": "`v4l2:/dev/v4l/by-path/…@FPS`, `video:FILE@FPS`, `files:DIRECTORY@FPS` or `none`",
    "sources": "several cameras instead, a list in the order of height, the lowest first",
    "capture_timeout_s": "how long one attempt to capture a face may take, 1 to 60 (default 10)",
    "capture_attempts": "attempts without a usable face before an officer comes, 1 to 5 (default 1)",
    "assistance": "`true`: travellers here need more time; twice `capture_timeout_s`, and two attempts at least (default false)",
    "exposure": "`auto` (the camera's own), or `face`: after the traveller's face; without it nothing is set",
    "exposure_us": "a fixed exposure time instead, 100 to 1000000 µs",
    "gain": "fixed gain in the camera's own units, 0 to 65535",
    "white_balance_k": "fixed white balance, 2000 to 10000 K",
    "power_line_hz": "frequency of the mains that feeds the lamps: 50, 60, or 0 for none; against flicker",
    "focus": "fixed focus in the camera's own units, 0 to 65535",
    "pan_deg": "where the camera looks sideways, -180 to 180 degrees, right is positive",
    "tilt_deg": "where the camera looks at rest, -90 to 90 degrees, up is positive",
    "tilting": "`true`: a camera with a motor follows seated, small and tall travellers; needs `view_deg`",
    "least_tilt_deg": "lowest tilt that it may take (default -30)",
    "most_tilt_deg": "highest tilt that it may take (default 30)",
    "view_deg": "the vertical angle of view of a camera, 10 to 150 degrees",
    "heights_cm": "height of each camera's lens above the floor, a list in the order of the cameras, 50 to 300",
    "face_distance_cm": "from the lens to the traveller's face, 30 to 300; with `heights_cm` and `view_deg` the reach is checked",
    "seated": "`false`: seated travellers are served at another lane (default true)",
}
"""Every key of [camera] with one sentence."""

_WHOLE: Mapping[str, tuple[int, int]] = {
    "exposure_us": (100, 1_000_000),
    "gain": (0, 65_535),
    "white_balance_k": (2_000, 10_000),
    "focus": (0, 65_535),
}
_REAL: Mapping[str, tuple[float, float]] = {
    "pan_deg": (-180, 180),
    "tilt_deg": (-90, 90),
    "least_tilt_deg": (-90, 90),
    "most_tilt_deg": (-90, 90),
    "view_deg": (10, 150),
    "face_distance_cm": (30, 300),
}
_HEIGHTS_CM = (50, 300)
_POWER_LINES = (0, 50, 60)
_LEAST_TILT_DEG, _MOST_TILT_DEG = -30.0, 30.0

Refuse = Callable[[str, str], Exception]
"""Makes the refusal for a key and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Tilting:
    """Stops, home and vertical angle of view of a tilting camera, in degrees."""

    least_deg: float
    most_deg: float
    home_deg: float
    view_deg: float


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """The cameras of a lane in the order of height, what they are set to, and how one of them tilts."""

    sources: tuple[str, ...]
    controls: CameraControls = field(default_factory=CameraControls)
    tilting: Tilting | None = None

    def words(self) -> tuple[str, ...]:
        """The arguments of the face worker."""
        settings = self.settings_text()
        return (
            *(word for source in self.sources for word in ("--camera", source)),
            *(("--camera-settings", settings) if settings else ()),
        )

    def settings_text(self) -> str:
        """Controls and tilt as JSON, empty when nothing is asked for."""
        asked = {one.name: getattr(self.controls, one.name) for one in fields(self.controls)}
        asked["exposure"] = self.controls.exposure.value or None
        tree: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
        if self.tilting is not None:
            tree["tilting"] = [self.tilting.least_deg, self.tilting.most_deg, self.tilting.home_deg, self.tilting.view_deg]
        return json.dumps(tree) if tree else ""


def path_and_rate(rest: str) -> tuple[str, float]:
    """`PATH@FPS` in its parts; an `@` that no number follows belongs to the path, and 30 frames a second are usual."""
    path, at, rate = rest.rpartition("@")
    if at:
        with contextlib.suppress(ValueError):
            return path, float(rate)
    return rest, USUAL_FPS


def cameras_from_words(sources: tuple[str, ...], settings: str) -> CameraConfig:
    """What `words` said, in the worker; raises ValueError for text that it did not make."""
    try:
        tree = json.loads(settings) if settings else {}
        tilting = tree.pop("tilting", None)
        exposure = ExposureMode(tree.pop("exposure", ""))
        return CameraConfig(sources, CameraControls(exposure, **tree), None if tilting is None else Tilting(*map(float, tilting)))
    except (TypeError, AttributeError, RecursionError) as error:
        raise ValueError("these are no settings of a camera") from error


def read_cameras(table: Mapping[str, Any], refuse: Refuse) -> CameraConfig:
    """The table's values, each checked by itself and with the others; raises what `refuse` makes."""
    reader = _CameraReader(table, refuse)
    sources = reader.sources()
    controls = reader.controls()
    tilting = reader.tilting(sources)
    reader.reach(sources, tilting)
    return CameraConfig(sources, controls, tilting)


class _CameraReader:
    """Takes single values out of the table."""

    def __init__(self, table: Mapping[str, Any], refuse: Refuse) -> None:
        self._table, self._refuse = table, refuse

    def sources(self) -> tuple[str, ...]:
        one, several = self._table.get("source"), self._table.get("sources")
        if one is not None and several is not None:
            raise self._refuse("sources", "stands beside source; keep one of them")
        if several is None:
            if not isinstance(one, str) or not one:
                raise self._refuse("source", f"is missing: {TABLE['source']}")
            return (one,)
        listed = several if isinstance(several, list) else []
        if not 1 <= len(listed) <= MOST_SOURCES or not all(isinstance(words, str) and words for words in listed):
            raise self._refuse("sources", f"must be a list of 1 to {MOST_SOURCES} cameras")
        if len(set(listed)) != len(listed):
            raise self._refuse("sources", "names a camera twice")
        if "none" in listed:
            raise self._refuse("sources", "none is no camera; for a lane without one write source")
        return tuple(listed)

    def controls(self) -> CameraControls:
        exposure_us = self._whole("exposure_us")
        return CameraControls(
            exposure=self._exposure(exposure_us),
            exposure_us=exposure_us,
            gain=self._whole("gain"),
            white_balance_k=self._whole("white_balance_k"),
            power_line_hz=self._power_line(),
            focus=self._whole("focus"),
            pan_deg=self._real("pan_deg"),
            tilt_deg=self._real("tilt_deg"),
        )

    def tilting(self, sources: tuple[str, ...]) -> Tilting | None:
        if not self._flag("tilting", default=False):
            for key in ("least_tilt_deg", "most_tilt_deg"):
                if key in self._table:
                    raise self._refuse(key, "counts only with tilting = true")
            return None
        if len(sources) > 1:
            raise self._refuse("tilting", "a camera that tilts is the only one of its lane")
        view = self._real("view_deg")
        if view is None:
            raise self._refuse("tilting", "needs view_deg, the camera's vertical angle of view")
        least, most = self._real("least_tilt_deg", _LEAST_TILT_DEG), self._real("most_tilt_deg", _MOST_TILT_DEG)
        home = self._real("tilt_deg", 0.0)
        assert least is not None and most is not None and home is not None  # noqa: PT018 - they have defaults
        if not least <= home <= most or least == most:
            raise self._refuse("tilt_deg", "must lie between least_tilt_deg and most_tilt_deg")
        return Tilting(least, most, home, view)

    def reach(self, sources: tuple[str, ...], tilting: Tilting | None) -> None:
        """Refuse cameras that hang where some travellers find none; nothing is checked unless the geometry is stated."""
        heights, view, distance = self._heights(sources), self._real("view_deg"), self._real("face_distance_cm")
        seated = self._flag("seated", default=True)
        if heights is None and distance is None:
            return
        if heights is None or view is None or distance is None:
            raise self._refuse("heights_cm", "is checked only together with view_deg and face_distance_cm; give all three")
        fixed = self._real("tilt_deg", 0.0) or 0.0
        least, most = (tilting.least_deg, tilting.most_deg) if tilting else (fixed, fixed)
        sentence = uncovered([Mounting(height, view, least, most) for height in heights], distance, seated=seated)
        if sentence:
            raise self._refuse("heights_cm", f"leaves somebody out: {sentence}")

    def _heights(self, sources: tuple[str, ...]) -> tuple[float, ...] | None:
        value = self._table.get("heights_cm")
        if value is None:
            return None
        low, high = _HEIGHTS_CM
        listed = value if isinstance(value, list) else [value]
        if len(listed) != len(sources) or not all(_is_number(one) and low <= one <= high for one in listed):
            raise self._refuse("heights_cm", f"must list a height from {low} to {high} for each camera")
        if sorted(listed) != listed:
            raise self._refuse("heights_cm", "must rise: the lowest camera is the first")
        return tuple(float(one) for one in listed)

    def _exposure(self, exposure_us: int | None) -> ExposureMode:
        words = self._table.get("exposure")
        if words is None:
            return ExposureMode.AS_IT_IS if exposure_us is None else ExposureMode.MANUAL
        if words not in (ExposureMode.AUTO.value, ExposureMode.FACE.value):
            raise self._refuse("exposure", 'must be "auto" or "face"; for a fixed time give exposure_us instead')
        if exposure_us is not None:
            raise self._refuse("exposure_us", f'contradicts exposure = "{words}"; keep one of them')
        return ExposureMode(words)

    def _power_line(self) -> int | None:
        value = self._table.get("power_line_hz")
        if value is not None and (isinstance(value, bool) or value not in _POWER_LINES):
            raise self._refuse("power_line_hz", "must be 50, 60, or 0 for lamps that do not flicker")
        return value

    def _whole(self, key: str) -> int | None:
        value = self._table.get(key)
        low, high = _WHOLE[key]
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high):
            raise self._refuse(key, f"must be a whole number from {low} to {high}")
        return value

    def _real(self, key: str, default: float | None = None) -> float | None:
        value = self._table.get(key)
        if value is None:
            return default
        low, high = _REAL[key]
        if not _is_number(value) or not low <= value <= high:
            raise self._refuse(key, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def _flag(self, key: str, *, default: bool) -> bool:
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self._refuse(key, "must be true or false")
        return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
