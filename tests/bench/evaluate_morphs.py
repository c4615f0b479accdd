"""Learn and measure the suspicion of morphs on simulated ones, identities kept apart: run by a developer, never by the product.

Usage: `python -m tests.bench.evaluate_morphs SHARED_FACES`, the folder that holds `london_frl` and `lfw_dev.tar`. Identities of
the London set are dealt in turn into one half for learning and one for the report; no morph crosses the halves. Every portrait,
morph or not, becomes a 15 KB chip image of 300×400; live pictures are drawn from the smiling photograph (turned, scaled, blurred,
lit, noise). Prints the weights, how many morphs the gate's own threshold accepts, and APCER and BPCER at a few limits. The last
lines are the same on honest pairs of LFW, taken years apart and in the wild: what ageing does to the figure.
"""

from __future__ import annotations

import csv
import json
import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.app.demo.faces import portrait_jpeg2000
from egate.app.face_worker import make_engine
from egate.faces.decode import decode_face_image
from egate.faces.engine import FaceEngine, Frame, Template
from egate.faces.morph import suspicion
from egate.faces.morph.suspicion import MorphReference
from tests.bench.morphs import Photograph, morph

PARTNERS = 2
"""Each identity is blended with the so many of its half and sex that look most like it, as an attacker would choose."""

LIVE_PICTURES = 5
LIMITS = (0.3, 0.5, 0.7)
LFW_IDENTITIES, LFW_PICTURES, LFW_SEED = 160, 6, 5
ALIKE_ON_ONE_DAY = 0.97
"""How alike a gate's live pictures of one moment are, measured on the London set: another day's portrait is held against it."""
LEARNING_ROUNDS, PENALTY = 60, 0.02
WILSON_Z = 1.96

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trial:
    """One presentation: what is measured, and the deciding similarity of the first live picture."""

    likeness: float
    texture: float
    similarity: float


@dataclass(slots=True)
class Half:
    """The trials of one half of the identities: honest ones, and morphs shown by the first and by the second contributor."""

    honest: list[Trial] = field(default_factory=list)
    first: list[Trial] = field(default_factory=list)
    second: list[Trial] = field(default_factory=list)


class Laboratory:
    """Makes portraits, morphs and live pictures of the London set, and measures."""

    def __init__(self, engine: FaceEngine, folder: Path) -> None:
        self.engine = engine
        rows = csv.DictReader((folder / "london_info.csv").open(encoding="utf-8"))
        self.sex = {row["face_id"]: row["face_gender"] for row in rows}
        names = sorted(path.name[:3] for path in (folder / "neutral_front").glob("*.jpg"))
        self.neutral = {name: self.photograph(next((folder / "neutral_front").glob(f"{name}*.jpg"))) for name in names}
        smiling = {name: self.photograph(next((folder / "smiling_front").glob(f"{name}*.jpg"))) for name in names}
        self.live = {name: self.live_templates(smiling[name], int(name)) for name in names}
        self.chip = {name: self.reference(self.neutral[name]) for name in names}

    def photograph(self, path: Path) -> Photograph:
        frame: Frame = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
        return Photograph(frame, self.engine.detect(frame)[0].points)

    def reference(self, photograph: Photograph) -> MorphReference:
        return reference_of(self.engine, photograph)

    def live_templates(self, photograph: Photograph, seed: int) -> list[Template]:
        dice = np.random.default_rng(seed)
        frames = [live_picture(photograph, dice) for _ in range(LIVE_PICTURES)]
        return [self.engine.embed(frame, faces[0]) for frame in frames if (faces := self.engine.detect(frame))]

    def trials(self, names: Sequence[str]) -> Half:
        """Every honest and every morphed portrait of one half."""
        half = Half()
        for name in names:
            half.honest.append(measured(self.chip[name], self.live[name]))
            for partner in self.partners(name, names):
                blend = self.reference(morph(self.neutral[name], self.neutral[partner]))
                half.first.append(measured(blend, self.live[name]))
                half.second.append(measured(blend, self.live[partner]))
        return half

    def partners(self, name: str, names: Iterable[str]) -> list[str]:
        own = self.chip[name].template.vector
        others = [other for other in names if other != name and self.sex[other] == self.sex[name]]
        return sorted(others, key=lambda other: -float(own @ self.chip[other].template.vector))[:PARTNERS]


def reference_of(engine: FaceEngine, photograph: Photograph) -> MorphReference:
    """The portrait as a chip carries it."""
    frame = decode_face_image(portrait_jpeg2000(photograph.frame, photograph.points))
    face = engine.detect(frame)[0]
    return MorphReference(frame, face.points, engine.embed(frame, face))


def live_picture(photograph: Photograph, dice: np.random.Generator) -> Frame:
    """The photograph as a gate's camera might see it."""
    height, width = photograph.frame.shape[:2]
    matrix = cv2.getRotationMatrix2D(tuple(photograph.points.eye_middle), dice.uniform(-4, 4), dice.uniform(0.55, 0.95))
    seen = cv2.warpAffine(photograph.frame, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), dice.uniform(0.5, 1.6)), np.float32) * dice.uniform(0.7, 1.15)
    return np.asarray((seen + 3 * dice.standard_normal(seen.shape)).clip(0, 255), np.uint8)


def measured(reference: MorphReference, probes: Sequence[Template]) -> Trial:
    """The measures of one presentation."""
    signal = suspicion.judge(suspicion.ENGINE, reference, probes)
    assert signal.score is not None, signal.omitted
    measures = dict(signal.measures)
    return Trial(measures["likeness"], measures["texture"], float(reference.template.vector @ probes[0].vector))


def learn(half: Half) -> tuple[float, float, float]:
    """Logistic regression by Newton's method with a small penalty; honest and morphed trials weigh the same."""
    honest, blends = half.honest, [*half.first, *half.second]
    rows = np.array([(1.0, trial.likeness, trial.texture) for trial in (*honest, *blends)])
    wanted = np.array([0.0] * len(honest) + [1.0] * len(blends))
    share = np.array([0.5 / len(honest)] * len(honest) + [0.5 / len(blends)] * len(blends))
    weights = np.zeros(3)
    penalty = np.diag([1e-6, PENALTY / 100, PENALTY / 100])
    for _ in range(LEARNING_ROUNDS):
        found = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (share * (found - wanted)) + penalty @ weights
        curve = (rows * (share * found * (1 - found))[:, None]).T @ rows + penalty
        weights = weights - np.linalg.solve(curve, slope)
    constant, likeness, texture = (round(float(weight), 2) for weight in weights)
    return constant, likeness, texture


def wilson(count: int, of: int) -> str:
    """A share in per cent with its 95 % interval."""
    share, squared = count / of, WILSON_Z**2
    middle = (share + squared / (2 * of)) / (1 + squared / of)
    reach = WILSON_Z * np.sqrt(share * (1 - share) / of + squared / (4 * of * of)) / (1 + squared / of)
    return f"{100 * share:.1f} % [{100 * max(0.0, middle - reach):.1f}, {100 * min(1.0, middle + reach):.1f}] of {of}"


def rates(half: Half, threshold: float) -> list[dict[str, object]]:
    """APCER over those morphs that the gate's threshold accepts, BPCER over all honest trials, at each limit."""
    accepted = {
        "first": [t for t in half.first if t.similarity >= threshold],
        "second": [t for t in half.second if t.similarity >= threshold],
    }
    lines: list[dict[str, object]] = [
        {"accepted_by_the_matcher": {name: wilson(len(kept), len(getattr(half, name))) for name, kept in accepted.items()}}
    ]
    for limit in LIMITS:
        line: dict[str, object] = {
            "limit": limit,
            "bpcer": wilson(sum(suspected(t) >= limit for t in half.honest), len(half.honest)),
        }
        line |= {
            f"apcer_{name}": wilson(sum(suspected(t) < limit for t in kept), len(kept)) for name, kept in accepted.items() if kept
        }
        lines.append(line)
    return lines


def suspected(trial: Trial) -> float:
    """The score of one trial."""
    return suspicion.score_of(trial.likeness, trial.texture)


def wild_trials(engine: FaceEngine, archive: Path) -> list[Trial]:
    """Honest pairs of people photographed on different days: the first picture as the chip's, the others as live ones."""
    found: list[Trial] = []
    with tarfile.open(archive) as tarred:
        people: dict[str, list[tarfile.TarInfo]] = defaultdict(list)
        for member in sorted(tarred.getmembers(), key=lambda member: member.name):
            if member.isfile() and member.name.endswith(".jpg"):
                people[member.name.rsplit("_", 1)[0]].append(member)
        names = sorted(name for name, pictures in people.items() if len(pictures) >= 1 + suspicion.FEWEST_PROBES)
        np.random.default_rng(LFW_SEED).shuffle(names)
        for name in names[:LFW_IDENTITIES]:
            frames = [_picture(tarred, member) for member in people[name][:LFW_PICTURES]]
            trial = _wild_trial(engine, frames)
            found += [] if trial is None else [trial]
    return found


def _picture(tarred: tarfile.TarFile, member: tarfile.TarInfo) -> Frame:
    stream = tarred.extractfile(member)
    assert stream is not None
    return np.asarray(cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _wild_trial(engine: FaceEngine, frames: Sequence[Frame]) -> Trial | None:
    faces = [engine.detect(frame) for frame in frames]
    if not faces[0]:
        return None
    reference = reference_of(engine, Photograph(frames[0], faces[0][0].points))
    probes = [engine.embed(frame, found[0]) for frame, found in zip(frames[1:], faces[1:], strict=True) if found]
    signal = suspicion.judge(suspicion.ENGINE, reference, probes)
    return None if signal.score is None else measured(reference, probes)


def main(folder: Path) -> None:
    """Print one JSON object a line."""
    cv2.setNumThreads(1)
    engine = make_engine(suspicion.ENGINE)
    threshold = engine.calibration.threshold_for(1000)
    laboratory = Laboratory(engine, folder / "london_frl")
    names = sorted(laboratory.neutral)
    learning, report = laboratory.trials(names[0::2]), laboratory.trials(names[1::2])
    print(json.dumps({"identities": {"learning": len(names[0::2]), "report": len(names[1::2])}, "threshold": threshold}))
    print(json.dumps({"learned": learn(learning), "in_force": suspicion.WEIGHTS}))
    for line in rates(report, threshold):
        print(json.dumps(line))
    wild = wild_trials(engine, folder / "lfw_dev.tar")
    same_day = [Trial(trial.similarity / ALIKE_ON_ONE_DAY, trial.texture, trial.similarity) for trial in wild]
    for limit in LIMITS:
        share = wilson(sum(suspected(trial) >= limit for trial in same_day), len(same_day))
        print(json.dumps({"honest_with_another_days_portrait": {"limit": limit, "bpcer": share}}))
    for limit in LIMITS:
        print(
            json.dumps(
                {"honest_in_the_wild": {"limit": limit, "bpcer": wilson(sum(suspected(t) >= limit for t in wild), len(wild))}}
            )
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
