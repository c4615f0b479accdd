"""Learn the weights of the attack detection, or measure what it lets pass; run by a developer, never by the product.

`python -m tests.bench.attack_detection learn PHOTOGRAPHS CACHE` writes `egate/faces/pad/learned/fusion.json` and prints its hash;
with `report` it prints the figures of the people who were kept for the report. PHOTOGRAPHS is the Face Research Lab London Set,
CACHE a file for measures. All presentations are simulated, and the output says so.
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from egate.checks.biometric import DEFAULT_ATTACK_LIMIT
from egate.faces.pad import learned
from egate.faces.pad.evaluation import AttackReport, report
from egate.faces.pad.fusion import LEARNED_FILE, LIMIT_SCORE, Fusion, learned_fusion
from egate.faces.pad.learning import Part, learn, part_of
from tests.faces_attacks import FRAMES, Shown, draw, judged, labelled

DATA = "Face Research Lab London Set (51 people, neutral and smiling), presentations simulated by drivers.sim.presentations"


def split(shown: list[Shown]) -> dict[str, int]:
    """How many people each part has."""
    return {part.value: len({one.identity for one in shown if part_of(one.identity) is part}) for part in Part}


def as_table(fusion: Fusion, shown: list[Shown]) -> dict[str, object]:
    """The file of weights."""
    return {
        "made_on": datetime.now(UTC).date().isoformat(),
        "simulated": True,
        "data": DATA,
        "split": split(shown),
        "presentations": len(shown),
        "frames": FRAMES,
        "cues": [
            {
                "cue": model.cue,
                "names": model.names,
                "means": model.means,
                "deviations": model.deviations,
                "weights": model.weights,
                "constant": model.constant,
            }
            for model in fusion.cues
        ],
        "weights": [round(weight, 5) for weight in fusion.weights],
        "constant": round(fusion.constant, 5),
        "limit": round(fusion.limit, 5),
    }


def show(figures: AttackReport, people: dict[str, int]) -> None:
    """The figures for people."""
    print(f"SIMULATED presentations; people to learn, for the limit, for this report: {people}")
    print(f"bona fide rejected (BPCER): {figures.bona_fide_rejected}; of these not judged: {figures.bona_fide_not_judged}")
    for kind, rate in figures.attacks_passed:
        print(f"attack passed (APCER), {kind}: {rate}")
    for group, rate in figures.bona_fide_rejected_by_group:
        print(f"bona fide rejected, {group}: {rate}")


def main(command: str, photographs: Path, cache: Path) -> None:
    """Draw what is missing, then learn or report."""
    shown = list(draw(photographs, cache))
    if command == "learn":
        content = json.dumps(as_table(learn(labelled(shown)), shown), indent=1).encode() + b"\n"
        place = Path(learned.__path__[0], LEARNED_FILE)
        place.write_bytes(content)
        print(f"{place}: SHA-256 {hashlib.sha256(content).hexdigest()}")
        return
    entries = list(judged(shown, learned_fusion()))
    for limit in (LIMIT_SCORE, DEFAULT_ATTACK_LIMIT):
        print(f"\nat {limit:g}, {'as learned' if limit == LIMIT_SCORE else 'as the check has it'}")
        show(report(entries, simulated=True, limit=limit), split(shown))


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("learn", "report"):
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
