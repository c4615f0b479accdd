"""What a comparison score means: thresholds by false match rate, never by a raw score (TR-03121 CMP-FI-VER).

A calibration file tells, for each threshold it offers, on which sets the threshold was measured: how many comparisons of
different people (non-mated) and how many of them reached it (false matches). A threshold serves a target rate only if

1. at least one gate-like set (frontal pictures, chip portrait against live) supports it: the upper end of the one-sided 95 %
   confidence interval (Clopper-Pearson) does not exceed the target. For zero false matches this is the rule of three; and
2. no set contradicts it: the lower end of no set's interval lies above the target.

A rate is called measured only with 30 false matches or more (the rule of 30); below, only the bound is known, and it is
printed. Sets of another kind cannot support a threshold, because thresholds do not carry over: LFW's for 0.1 % gave 0.5 % on
frontal portraits. Where no threshold is supported, the lane refuses to run.

A calibration gives thresholds only if a trusted key signed it (`egate.faces.calibrations.signing`): the project's for the files
of this package, the operator's for theirs. Unsigned, changed or signed by somebody else, it can be read and decides nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.faces.calibrations.signing import flaw_of, maintainers, parse_table
from egate.model.errors import DeviceError, MalformedData, TrustError

MAX_CALIBRATION_BYTES = 256 * 1024
"""A calibration file is a page of figures."""

PPM = 1_000_000
"""Parts per million in a whole."""

RULE_OF_30 = 30
"""False matches needed for a rate within ±30 % at 90 % confidence (Doddington's rule); below, only an upper bound is known."""

_CONFIDENCE = 0.95
_DOING = "read the calibration of a face engine"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a threshold did on one set of pairs of different people."""

    data_set: str
    comparisons: int
    false_matches: int
    gate_like: bool

    @property
    def fmr_ppm(self) -> float:
        """The measured false match rate."""
        return PPM * self.false_matches / self.comparisons

    @property
    def upper_ppm(self) -> float:
        """The largest rate that the set does not contradict (one-sided, 95 %)."""
        return PPM * upper_bound(self.false_matches, self.comparisons)

    @property
    def lower_ppm(self) -> float:
        """The smallest rate that the set does not contradict (one-sided, 95 %)."""
        return PPM * lower_bound(self.false_matches, self.comparisons)

    @property
    def measured(self) -> bool:
        """Whether enough false matches were counted to call `fmr_ppm` a measurement rather than an order of magnitude."""
        return self.false_matches >= RULE_OF_30


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold, the false match rate it is offered for, and the evidence behind it."""

    fmr_ppm: int
    threshold: float
    evidence: tuple[Evidence, ...]

    @property
    def supported(self) -> bool:
        """Whether a gate-like set supports the claim and none contradicts it."""
        held = any(entry.gate_like and entry.upper_ppm <= self.fmr_ppm for entry in self.evidence)
        return held and all(entry.lower_ppm <= self.fmr_ppm for entry in self.evidence)


@dataclass(frozen=True, slots=True)
class NormScale:
    """Lengths of the untouched feature vector that poor and good images give; a cue to quality for engines that have one."""

    poor: float
    good: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """One engine's calibration. `identity` is its name, date and the start of its own hash; it goes into every record.

    `scores` are (score, measured FMR in ppm) pairs of a gate-like set, for reports; `limits` says what is not shown. `signature`
    is hexadecimal; `flaw` says why it counts for nothing, and is empty when a trusted key signed the file.
    """

    engine: str
    model_id: str
    identity: str
    made_on: str
    data_sets: tuple[str, ...]
    comparisons: int
    points: tuple[OperatingPoint, ...]
    scores: tuple[tuple[float, float], ...]
    norm: NormScale | None
    limits: tuple[str, ...]
    signature: str = ""
    flaw: str = ""

    def threshold_for(self, fmr_ppm: int) -> float:
        """The threshold for a false match rate of at most `fmr_ppm`.

        Raises TrustError when no trusted key signed the calibration, DeviceError when nothing in it supports the rate.
        """
        if self.flaw:
            raise TrustError("choose the threshold of a face engine", f"{self.engine}: {self.flaw}")
        usable = [point for point in self.points if point.supported and point.fmr_ppm <= fmr_ppm]
        if not usable:
            strictest = min((point.fmr_ppm for point in self.points if point.supported), default=None)
            known = "no rate at all" if strictest is None else f"no rate below {strictest} ppm"
            raise DeviceError(
                "choose the threshold of a face engine", f"{self.engine} is not calibrated for {fmr_ppm} ppm: {known}"
            )
        return max(usable, key=lambda point: point.fmr_ppm).threshold

    def reached_fmr_ppm(self, score: float) -> float | None:
        """The measured rate at the largest tabled score that `score` reaches; None below the table (TR-03121 CMP-FI-VER)."""
        reached = [rate for tabled, rate in self.scores if tabled <= score]
        return min(reached, default=None)


def upper_bound(successes: int, trials: int) -> float:
    """The one-sided 95 % Clopper-Pearson upper bound of a proportion: where so few would be seen in one case of twenty."""
    if successes >= trials:
        return 1.0
    return _rate_where(successes, trials, 1 - _CONFIDENCE)


def lower_bound(successes: int, trials: int) -> float:
    """The one-sided 95 % Clopper-Pearson lower bound of a proportion: where so many would be seen in one case of twenty."""
    if successes <= 0:
        return 0.0
    return _rate_where(successes - 1, trials, _CONFIDENCE)


def _rate_where(successes: int, trials: int, chance: float) -> float:
    """The rate at which at most `successes` among `trials` have this chance, by bisection (the chance falls with the rate)."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(successes, trials, middle) > chance:
            low = middle
        else:
            high = middle
    return high


def _at_most(successes: int, trials: int, rate: float) -> float:
    """The chance of at most `successes` among `trials`, summed on a logarithmic scale."""
    if rate <= 0 or successes >= trials:
        return 1.0
    if rate >= 1:
        return 0.0
    total, term, step = 0.0, trials * math.log1p(-rate), math.log(rate) - math.log1p(-rate)
    for count in range(successes + 1):
        total += math.exp(term)
        term += math.log((trials - count) / (count + 1)) + step
    return min(total, 1.0)


def load_calibration(engine: str) -> Calibration:
    """The calibration that ships with an engine; raises DeviceError when there is none, TrustError when it was changed."""
    place = resources.files("egate.faces.calibrations").joinpath(f"{engine}.json")
    if not place.is_file():
        raise DeviceError(_DOING, f"{engine} has no calibration, so its scores mean nothing and it may not decide")
    calibration = parse_calibration(place.read_bytes())
    if calibration.flaw:
        raise TrustError(_DOING, f"{engine}: {calibration.flaw}")
    return calibration


def read_calibration(path: Path, keys: Sequence[Ed25519PublicKey]) -> Calibration:
    """An operator's calibration, vouched for by one of their keys; raises DeviceError, MalformedData or TrustError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CALIBRATION_BYTES + 1)
    except OSError as error:
        raise DeviceError(_DOING, f"{path.name} cannot be read ({error.strerror})") from None
    calibration = parse_calibration(content, keys)
    if calibration.flaw:
        raise TrustError(_DOING, f"{path.name}: {calibration.flaw}")
    return calibration


def parse_calibration(content: bytes, keys: Sequence[Ed25519PublicKey] | None = None) -> Calibration:
    """Read a calibration file; `flaw` says whether one of `keys` (the project's when None) signed it. Raises MalformedData."""
    if len(content) > MAX_CALIBRATION_BYTES:
        raise MalformedData(_DOING, f"more than {MAX_CALIBRATION_BYTES} bytes")
    table = parse_table(content)
    try:
        flaw = flaw_of(table, maintainers() if keys is None else keys)
        return _calibration(table, hashlib.sha256(content).hexdigest(), flaw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise MalformedData(_DOING, f"not a calibration ({type(error).__name__})") from None


def _calibration(table: dict[str, Any], digest: str, flaw: str) -> Calibration:
    engine, made_on = str(table["engine"]), str(table["made_on"])
    gate_like = {str(entry["name"]): entry["gate_like"] is True for entry in table["data_sets"]}
    points = tuple(_point(entry, gate_like) for entry in table["points"])
    norm = table.get("norm")
    return Calibration(
        engine=engine,
        model_id=str(table["model_id"]),
        identity=f"{engine}-{made_on}-{digest[:8]}",
        made_on=made_on,
        data_sets=tuple(gate_like),
        comparisons=sum(_count(entry["non_mated"]) for entry in table["data_sets"]),
        points=points,
        scores=tuple((_number(score), _number(rate)) for score, rate in table["scores"]),
        norm=None if norm is None else NormScale(_number(norm["poor"]), _number(norm["good"])),
        limits=tuple(str(line) for line in table["limits"]),
        signature=str(table.get("signature", "")),
        flaw=flaw,
    )


def _point(entry: dict[str, Any], gate_like: dict[str, bool]) -> OperatingPoint:
    evidence = tuple(
        Evidence(
            item["data_set"], _count(item["comparisons"], least=1), _count(item["false_matches"]), gate_like[item["data_set"]]
        )
        for item in entry["evidence"]
    )
    if any(item.false_matches > item.comparisons for item in evidence):
        raise ValueError("more false matches than comparisons")
    return OperatingPoint(_count(entry["fmr_ppm"], least=1), _number(entry["threshold"]), evidence)


def _count(value: object, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError("not a count")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)
