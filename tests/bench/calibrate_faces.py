"""Measure what the scores of an engine mean, for `egate/faces/calibrations`: run by a developer, never by the product.

Usage: `python -m tests.bench.calibrate_faces sface PHOTOGRAPHS [THRESHOLD …]`, where PHOTOGRAPHS holds `neutral_front` and
`smiling_front` as the Face Research Lab London Set does (file names start with the identity). The neutral picture becomes a
15 KB chip portrait of 300×400; it is compared with the smiling picture of the same person (mated) and with both pictures of
everybody else (non-mated). Prints scores at which given rates are reached, and false matches at each given threshold.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.app.demo.faces import portrait_jpeg2000
from egate.app.face_worker import make_engine
from egate.faces.calibration import PPM, Evidence
from egate.faces.decode import decode_face_image
from egate.faces.engine import FaceEngine, Frame, Template

TARGETS_PPM = (100_000, 30_000, 10_000, 3_000, 1_000)


def templates(engine: FaceEngine, folder: Path, *, as_chip: bool) -> dict[str, Template]:
    """One template for each identity of a folder; identities without a found face are left out and named."""
    found: dict[str, Template] = {}
    for path in sorted(folder.glob("*.jpg")):
        frame = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if frame is None:
            raise SystemExit(f"{path} is no image")
        picture: Frame = np.asarray(frame, np.uint8)
        faces = engine.detect(picture)
        if faces and as_chip:
            picture = decode_face_image(portrait_jpeg2000(picture, faces[0].points))
            faces = engine.detect(picture)
        if faces:
            found[path.name[:3]] = engine.embed(picture, faces[0])
        else:
            print(f"no face found in {path.name}", file=sys.stderr)
    return found


def non_mated(engine: FaceEngine, chips: dict[str, Template], lives: dict[str, Template]) -> list[float]:
    """Scores of every chip portrait against the live pictures of everybody else."""
    return [engine.compare(a, b) for one, a in chips.items() for two, b in lives.items() if one != two]


def main(engine_name: str, folder: Path, thresholds: list[float]) -> None:
    """Print the table for one engine."""
    engine = make_engine(engine_name)
    chips = templates(engine, folder / "neutral_front", as_chip=True)
    lives = templates(engine, folder / "smiling_front", as_chip=False)
    neutral = templates(engine, folder / "neutral_front", as_chip=False)
    mated: NDArray[np.float64] = np.array([engine.compare(chips[name], lives[name]) for name in chips if name in lives])
    other: NDArray[np.float64] = np.array(non_mated(engine, chips, lives) + non_mated(engine, chips, neutral))
    norms = [template.norm for template in lives.values()]
    lines: list[dict[str, object]] = [
        {"mated": len(mated), "mated_minimum": round(float(mated.min()), 3), "non_mated": len(other)}
    ]
    lines += [{"score": round(float(np.quantile(other, 1 - ppm / PPM)), 4), "fmr_ppm": ppm} for ppm in TARGETS_PPM]
    lines.append({"norm_quantiles": [round(float(value), 2) for value in np.quantile(norms, [0, 0.05, 0.5, 0.95, 1])]})
    for threshold in thresholds:
        row = Evidence("London", len(other), int((other >= threshold).sum()), gate_like=True)
        missed = int((mated < threshold).sum())
        lines.append({"threshold": threshold, "false": row.false_matches, "upper_ppm": round(row.upper_ppm), "false_non": missed})
    print("\n".join(json.dumps(line) for line in lines))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), [float(value) for value in sys.argv[3:]])
