"""From a row of measures to one score: a small logistic model for each cue, and one more over the cues.

The weights were learned on simulated presentations of some people, the limit set on others, and the figures in docs/attacks.md
come from yet others (`learned/*.json` names the data, the split and the date). The file counts only with the SHA-256 that
stands here: whoever changes a weight or the limit gets no detector. Scores are moved so that the learned limit lies at 0.5. No
single cue decides: what one cue can say is capped before the cues are weighed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from egate.faces.pad.measures import CUES, NAMES, Row
from egate.model.errors import MalformedData, TrustError

LEARNED_FILE = "fusion.json"
LEARNED_SHA256 = "3f22cbd33f061688197d49c729062c821575f8c53f49d7f17ab7ebc732622439"
"""The only file of weights that counts."""

MOST_FOR, MOST_AGAINST = 4.0, 1.5
"""Most that a single cue can say for an attack and against one (log odds): a video of somebody has the relief and colours of a
person, and shall not outvote the frame of the screen that shows it."""

MEASURE_CAP = 4.0
"""Measures farther from their mean, in standard deviations, say no more than this."""

LIMIT_SCORE = 0.5
"""Scores from here on are attacks."""

_DOING = "load the weights of the attack detection"


@dataclass(frozen=True, slots=True)
class CueModel:
    """One cue's logistic model: names of its measures, their means and deviations, weights, and the constant."""

    cue: str
    names: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]
    constant: float

    def log_odds(self, row: dict[str, float]) -> float:
        """What the cue says for an attack (positive) or against one, capped."""
        total = self.constant
        for name, mean, deviation, weight in zip(self.names, self.means, self.deviations, self.weights, strict=True):
            total += weight * max(-MEASURE_CAP, min(MEASURE_CAP, (row[name] - mean) / deviation))
        return max(-MOST_AGAINST, min(MOST_FOR, total))


@dataclass(frozen=True, slots=True)
class Fusion:
    """The model over all cues: `limit` is the log odds from which a presentation is an attack, `identity` is for reports."""

    cues: tuple[CueModel, ...]
    weights: tuple[float, ...]
    constant: float
    limit: float
    identity: str

    def judge(self, row: Row) -> tuple[float, tuple[tuple[str, float], ...]]:
        """The score in 0…1, and each cue's own share, the strongest first; a measure that is no number raises MalformedData."""
        values = dict(row)
        if tuple(values) != NAMES or not all(math.isfinite(value) for value in values.values()):
            raise MalformedData("fuse attack cues", "a measure is missing or no number")
        said = [model.log_odds(values) for model in self.cues]
        odds = self.constant + sum(weight * value for weight, value in zip(self.weights, said, strict=True))
        cues = [(model.cue, share(value)) for model, value in zip(self.cues, said, strict=True)]
        return share(odds - self.limit), tuple(sorted(cues, key=lambda cue: -cue[1]))


def share(log_odds: float) -> float:
    """Log odds as a share in 0…1, in steps of a thousandth."""
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds)))), 3)


@cache
def learned_fusion() -> Fusion:
    """The weights that ship with the detection; raises TrustError when they are not the ones that were published."""
    content = resources.files("egate.faces.pad.learned").joinpath(LEARNED_FILE).read_bytes()
    return parse_fusion(content, LEARNED_SHA256)


def parse_fusion(content: bytes, sha256: str) -> Fusion:
    """The model in a file; raises TrustError for another hash, MalformedData for what is no model."""
    digest = hashlib.sha256(content).hexdigest()
    if not hmac.compare_digest(digest, sha256):
        raise TrustError(_DOING, f"{LEARNED_FILE} was changed: SHA-256 {digest}, expected {sha256}")
    try:
        return _fusion(json.loads(content), digest)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedData(_DOING, f"no model ({type(error).__name__})") from None


def _fusion(table: dict[str, Any], digest: str) -> Fusion:
    models = tuple(_cue(entry) for entry in table["cues"])
    weights = tuple(_number(value) for value in table["weights"])
    if tuple(model.cue for model in models) != tuple(cue for cue, _ in CUES) or len(weights) != len(models):
        raise ValueError("not the cues of this version")
    return Fusion(models, weights, _number(table["constant"]), _number(table["limit"]), f"pad-{table['made_on']}-{digest[:8]}")


def _cue(entry: dict[str, Any]) -> CueModel:
    means, deviations, weights = (tuple(_number(value) for value in entry[key]) for key in ("means", "deviations", "weights"))
    names = tuple(str(name) for name in entry["names"])
    if len({len(names), len(means), len(deviations), len(weights)}) != 1 or not set(names) <= set(NAMES):
        raise ValueError("a cue's columns do not fit")
    if min(deviations, default=1.0) <= 0:
        raise ValueError("a deviation that is none")
    return CueModel(str(entry["cue"]), names, means, deviations, weights, _number(entry["constant"]))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("no finite number")
    return float(value)
