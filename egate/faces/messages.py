"""What the controller and the face worker say to each other: length-prefixed CBOR arrays over two pipes.

Each message is an array: its kind, then its fields in order, all of them numbers, texts, bytes or null. No tags, no objects,
no pickle: the worker decodes foreign images, so the controller trusts nothing that comes from it and parses it like bytes
from outside. Pure; both ends use it.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2

from egate.faces.monitor.counts import Impostors
from egate.faces.monitor.subject import Subject
from egate.faces.monitor.wire import counts_fields, parse_counts, parse_subject, subject_fields
from egate.model.errors import MalformedData
from egate.model.face import (
    BestFrame,
    CaptureHint,
    CaptureOutcome,
    CaptureProgress,
    CaptureState,
    Challenge,
    ChallengeKind,
    ComparisonScore,
    FaceProbe,
    ImageFormat,
    PadResult,
    QualityComponent,
    QualityScore,
)

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""The largest message: a probe and a reference as JPEG with room to spare."""

MAX_DEPTH = 8
"""Arrays inside arrays; the messages have six levels."""

MAX_CUES = 32
"""No detector of presentation attacks names more cues."""

MAX_COMPONENTS = 40
"""ISO/IEC 29794-5 names 28 components."""

MAX_BEST = 16
"""No capture keeps more frames."""

_LENGTH = struct.Struct(">I")
_DOING = "read a message of the face worker"


@dataclass(frozen=True, slots=True)
class Prepare:
    """Decode a reference and make its templates; it serves one capture."""

    number: int
    image: bytes = field(repr=False)
    format: ImageFormat


@dataclass(frozen=True, slots=True)
class Capture:
    """Capture a face and compare it with the reference that was prepared under `reference` (0: none).

    `timeout_s` is for each of the `attempts`; `challenge`: what the kiosk's screen may ask of a face (`none`, `light`, `look`).
    """

    number: int
    reference: int
    timeout_s: float
    attempts: int = 1
    challenge: str = "none"


@dataclass(frozen=True, slots=True)
class Compare:
    """Compare two images without a capture."""

    number: int
    reference: bytes = field(repr=False)
    probe: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Abandon:
    """Stop the capture under way and forget the reference."""

    number: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """First word of a worker: the engines it loaded, deciding first, with their calibrations."""

    engines: tuple[str, ...]
    calibrations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The reference as JPEG for the officer, and whether a face was found in it."""

    number: int
    jpeg: bytes = field(repr=False)
    has_face: bool


@dataclass(frozen=True, slots=True)
class Progressed:
    """How the capture goes."""

    number: int
    progress: CaptureProgress


@dataclass(frozen=True, slots=True)
class Captured:
    """How the capture ended."""

    number: int
    outcome: CaptureOutcome


@dataclass(frozen=True, slots=True)
class Compared:
    """The scores of two images, the deciding engine first; none when a face is missing in one."""

    number: int
    scores: tuple[ComparisonScore, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """A ping or an abandonment was taken."""

    number: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The request could not be met; `malformed` when its data are to blame, otherwise a device. Number 0: the start failed."""

    number: int
    doing: str
    problem: str
    malformed: bool


@dataclass(frozen=True, slots=True)
class Observe:
    """Whose capture that was: compare its probe with the cached references of other people, then keep its reference a while."""

    number: int
    subject: Subject = field(repr=False)


@dataclass(frozen=True, slots=True)
class MonitorCounts:
    """What the live accuracy monitor counted; None when there was nothing to compare."""

    number: int
    counts: Impostors | None = field(repr=False)


Request = Prepare | Capture | Compare | Observe | Abandon | Ping
Answer = Ready | Prepared | Progressed | Captured | Compared | MonitorCounts | Done | Refused


def encode_request(request: Request) -> bytes:
    """The bytes of a request on the pipe."""
    match request:
        case Prepare(number, image, form):
            return _frame("prepare", number, image, form.value)
        case Capture(number, reference, timeout_s, attempts, challenge):
            return _frame("capture", number, reference, float(timeout_s), attempts, challenge)
        case Compare(number, reference_image, probe):
            return _frame("compare", number, reference_image, probe)
        case Observe(number, subject):
            return _frame("observe", number, subject_fields(subject))
        case Abandon(number):
            return _frame("abandon", number)
        case Ping(number):
            return _frame("ping", number)


def encode_answer(answer: Answer) -> bytes:
    """The bytes of an answer on the pipe."""
    match answer:
        case Ready(engines, calibrations):
            return _frame("ready", list(engines), list(calibrations))
        case Prepared(number, jpeg, has_face):
            return _frame("prepared", number, jpeg, has_face)
        case Progressed(number, progress):
            return _frame("progressed", number, progress.hint.value, progress.share, _challenge_fields(progress.challenge))
        case Captured(number, outcome):
            return _frame("captured", number, _outcome_fields(outcome))
        case Compared(number, scores):
            return _frame("compared", number, [_score_fields(score) for score in scores])
        case MonitorCounts() | Done() | Refused():
            return _encode_further(answer)


def _encode_further(answer: MonitorCounts | Done | Refused) -> bytes:
    match answer:
        case MonitorCounts(number, counts):
            return _frame("monitor_counts", number, counts_fields(counts))
        case Done(number):
            return _frame("done", number)
        case Refused(number, doing, problem, malformed):
            return _frame("refused", number, doing, problem, malformed)


def parse_request(body: bytes) -> Request:
    """The request in one message body; raises MalformedData."""
    kind, rest = _parse(body)
    try:
        match kind, rest:
            case "prepare", [number, bytes() as image, str() as form]:
                return Prepare(_whole(number), image, ImageFormat(form))
            case "capture", [number, reference, timeout_s, attempts, str() as challenge]:
                return Capture(_whole(number), _whole(reference), _real(timeout_s), _whole(attempts), challenge)
            case "compare", [number, bytes() as image, bytes() as probe]:
                return Compare(_whole(number), image, probe)
            case "observe", [number, list() as subject]:
                return Observe(_whole(number), parse_subject(subject))
            case "abandon", [number]:
                return Abandon(_whole(number))
            case "ping", [number]:
                return Ping(_whole(number))
    except (ValueError, TypeError):
        pass
    raise MalformedData("read a request to the face worker", "not a request")


def parse_answer(body: bytes) -> Answer:
    """The answer in one message body; raises MalformedData."""
    kind, rest = _parse(body)
    try:
        answer = _answer(kind, rest)
    except (ValueError, TypeError):
        answer = None
    if answer is None:
        raise MalformedData(_DOING, "not an answer")
    return answer


def _answer(kind: str, rest: list[Any]) -> Answer | None:
    match kind, rest:
        case "ready", [list() as engines, list() as calibrations]:
            return Ready(tuple(map(_text, engines)), tuple(map(_text, calibrations)))
        case "prepared", [number, bytes() as jpeg, bool() as has_face]:
            return Prepared(_whole(number), jpeg, has_face)
        case "progressed", [number, str() as hint, share, challenge]:
            return Progressed(_whole(number), CaptureProgress(CaptureHint(hint), _real(share), _challenge(challenge)))
        case "captured", [number, list() as fields]:
            return Captured(_whole(number), _outcome(fields))
        case "compared", [number, list() as scores]:
            return Compared(_whole(number), tuple(_score(score) for score in scores))
    return _further_answer(kind, rest)


def _further_answer(kind: str, rest: list[Any]) -> Answer | None:
    match kind, rest:
        case "monitor_counts", [number, counts]:
            return MonitorCounts(_whole(number), parse_counts(counts))
        case "done", [number]:
            return Done(_whole(number))
        case "refused", [number, str() as doing, str() as problem, bool() as malformed]:
            return Refused(_whole(number), doing, problem, malformed)
    return None


class Deframer:
    """Takes bytes as they come and gives whole message bodies; raises MalformedData for a length beyond the limit."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that became whole with these bytes."""
        self._buffer += data
        bodies = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_MESSAGE_BYTES:
                raise MalformedData(_DOING, f"a message of {length} bytes; the limit is {MAX_MESSAGE_BYTES}")
            if len(self._buffer) < _LENGTH.size + length:
                break
            bodies.append(bytes(self._buffer[_LENGTH.size : _LENGTH.size + length]))
            del self._buffer[: _LENGTH.size + length]
        return bodies


def _frame(*fields: object) -> bytes:
    body = cbor2.dumps(list(fields))
    if len(body) > MAX_MESSAGE_BYTES:
        raise MalformedData("send a message to the face worker", f"more than {MAX_MESSAGE_BYTES} bytes")
    return _LENGTH.pack(len(body)) + body


def _no_tag(*_: object) -> object:
    raise ValueError("no tags here")


_KNOWN_TAGS = dict.fromkeys([*range(64), 100, 256, 258, 260, 261, 1004, 43000, 55799], _no_tag)
"""Every tag that cbor2 would otherwise interpret (dates, patterns, references)."""


def _parse(body: bytes) -> tuple[str, list[Any]]:
    try:
        table: Any = _KNOWN_TAGS
        fields = cbor2.loads(body, semantic_decoders=table, tag_hook=_no_tag, max_depth=MAX_DEPTH, allow_indefinite=False)
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError, OverflowError):
        raise MalformedData(_DOING, "not CBOR of the agreed form") from None
    match fields:
        case [str() as kind, *rest]:
            return kind, rest
    raise MalformedData(_DOING, "not an array that begins with its kind")


def _outcome_fields(outcome: CaptureOutcome) -> list[object]:
    scores = [_score_fields(score) for score in outcome.scores]
    best = [[frame.value, frame.score] for frame in outcome.best]
    return [outcome.state.value, _probe_fields(outcome.probe), scores, outcome.reference_jpeg, outcome.detail, best]


def _outcome(fields: list[Any]) -> CaptureOutcome:
    state, probe, scores, reference, detail, best = fields
    if not isinstance(reference, bytes):
        raise TypeError("no bytes")
    _at_most(best, MAX_BEST)
    found = None if probe is None else _probe(probe)
    frames = tuple(BestFrame(_real(value), _real(score)) for value, score in best)
    told = tuple(_score(score) for score in scores)
    return CaptureOutcome(CaptureState(state), found, told, reference, _text(detail), frames)


def _probe_fields(probe: FaceProbe | None) -> list[object] | None:
    if probe is None:
        return None
    quality = probe.quality
    measures = [quality.value, quality.inter_eye_px, quality.yaw_deg, quality.roll_deg, quality.sharpness, quality.exposure]
    components = [[part.name, part.measure, part.scalar] for part in quality.components]
    judged = [*measures, quality.hint.value, quality.pitch_deg, components]
    return [probe.image, judged, probe.frames_seen, _pad_fields(probe.pad)]


def _probe(fields: list[Any]) -> FaceProbe:
    image, judged, frames_seen, pad = fields
    if not isinstance(image, bytes):
        raise TypeError("not a probe")
    return FaceProbe(image, _quality(judged), _whole(frames_seen), None if pad is None else _pad(pad))


def _quality(fields: list[Any]) -> QualityScore:
    *measures, hint, pitch, components = fields
    value, inter_eye, yaw, roll, sharpness, exposure = (_real(measure) for measure in measures)
    _at_most(components, MAX_COMPONENTS)
    parts = tuple(QualityComponent(_text(name), _real(measure), _scalar(scalar)) for name, measure, scalar in components)
    return QualityScore(value, inter_eye, yaw, roll, sharpness, exposure, CaptureHint(hint), _real(pitch), parts)


def _challenge_fields(challenge: Challenge | None) -> list[object] | None:
    return None if challenge is None else [challenge.kind.value, *challenge.colour]


def _challenge(fields: list[Any] | None) -> Challenge | None:
    if fields is None:
        return None
    kind, red, green, blue = fields
    return Challenge(ChallengeKind(kind), (_byte(red), _byte(green), _byte(blue)))


def _pad_fields(pad: PadResult | None) -> list[object] | None:
    return None if pad is None else [pad.score, [list(cue) for cue in pad.cues], pad.omitted]


def _pad(fields: list[Any]) -> PadResult:
    score, cues, omitted = fields
    _at_most(cues, MAX_CUES)
    told = tuple((_text(name), _share(value)) for name, value in cues)
    return PadResult(None if score is None else _share(score), told, _text(omitted))


def _share(value: object) -> float:
    number = _real(value)
    if not 0 <= number <= 1:
        raise ValueError("not in 0…1")
    return number


def _score_fields(score: ComparisonScore) -> list[object]:
    return [score.engine, score.value, score.threshold, score.fmr_ppm, score.calibration]


def _score(fields: list[Any]) -> ComparisonScore:
    engine, value, threshold, fmr_ppm, calibration = fields
    return ComparisonScore(_text(engine), _real(value), _real(threshold), _whole(fmr_ppm), _text(calibration))


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("no whole number")
    return value


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no finite number")
    return float(value)


def _byte(value: object) -> int:
    if (number := _whole(value)) > 255:
        raise ValueError("no byte")
    return number


def _scalar(value: object) -> int:
    if (number := _whole(value)) > 100:
        raise ValueError("not in 0…100")
    return number


def _at_most(entries: object, limit: int) -> None:
    if not isinstance(entries, list) or len(entries) > limit:
        raise ValueError("no list, or too long a list")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
