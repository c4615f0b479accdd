"""face_recognition as its users call it, on the same pictures: its command line, and `compare_faces` at its default tolerance.

Two things are asked: whether its distances are those of our `dlib` engine (then what is said of that engine holds for the
library), and what its default of 0.6 does.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from egate.faces.evaluation.rates import Rate
from tests.evaluate.sets import people_of

DEFAULT_TOLERANCE = 0.6


@dataclass(frozen=True, slots=True)
class LibraryFigures:
    """What the library said of the London pictures, neutral against smiling.

    `largest_difference` is between its printed distances and 1 − the score of our engine on the same two files.
    """

    pictures: int
    printed: int
    largest_difference: float
    agreeing: int
    false_matches: Rate
    false_non_matches: Rate


def by_command_line(shared: Path, place: Path) -> dict[tuple[str, str], float]:
    """Distances by (known, unknown) that `face_recognition KNOWN UNKNOWN` prints, every pair within a tolerance of 2."""
    known, unknown = place / "library" / "known", place / "library" / "unknown"
    for folder, source, suffix in ((known, "neutral_front", "_03"), (unknown, "smiling_front", "_08")):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for person in people_of(shared):
            name = person["face_id"]
            (folder / f"{name}.jpg").write_bytes((shared / "london_frl" / source / f"{name}{suffix}.jpg").read_bytes())
    command = [str(Path(sys.executable).with_name("face_recognition")), "--tolerance", "2", "--show-distance", "true"]
    printed = subprocess.run([*command, str(known), str(unknown)], capture_output=True, text=True, check=True).stdout
    found: dict[tuple[str, str], float] = {}
    for line in printed.splitlines():
        parts = line.rsplit(",", 2)
        if len(parts) == 3 and parts[2] != "None":  # other lines warn of a picture without a face, or with several
            found[parts[1], Path(parts[0]).stem] = float(parts[2])
    return found


def by_compare_faces(shared: Path, place: Path) -> dict[tuple[str, str], bool]:
    """Whether `compare_faces` at its default calls a pair the same person; the first face that it finds in each picture."""
    import face_recognition

    encodings: dict[tuple[str, str], NDArray[np.float64]] = {}
    for folder in ("known", "unknown"):
        for path in sorted((place / "library" / folder).glob("*.jpg")):
            found = face_recognition.face_encodings(face_recognition.load_image_file(str(path)))
            if found:
                encodings[folder, path.stem] = found[0]
    names = [person["face_id"] for person in people_of(shared)]
    return {
        (one, two): bool(face_recognition.compare_faces([encodings["known", one]], encodings["unknown", two])[0])
        for one in names
        for two in names
        if ("known", one) in encodings and ("unknown", two) in encodings
    }


def by_our_engine(place: Path) -> dict[tuple[str, str], float]:
    """1 − the score of our dlib engine for the same files."""
    from egate.app.face_worker import make_engine
    from egate.faces.decode import decode_face_image

    engine = make_engine("dlib")
    templates = {}
    for folder in ("known", "unknown"):
        for path in sorted((place / "library" / folder).glob("*.jpg")):
            frame = decode_face_image(path.read_bytes())
            faces = engine.detect(frame)
            if faces:
                templates[folder, path.stem] = engine.embed(frame, faces[0])
    known = {name: one for (folder, name), one in templates.items() if folder == "known"}
    unknown = {name: one for (folder, name), one in templates.items() if folder == "unknown"}
    return {(a, b): 1 - engine.compare(one, two) for a, one in known.items() for b, two in unknown.items()}


def library_figures(shared: Path, place: Path) -> LibraryFigures:
    """Ask the library and our engine, and put the answers beside each other."""
    printed = by_command_line(shared, place)
    said = by_compare_faces(shared, place)
    ours = by_our_engine(place)
    both = [pair for pair in printed if pair in ours]
    same = [said[pair] for pair in said if pair[0] == pair[1]]
    other = [said[pair] for pair in said if pair[0] != pair[1]]
    return LibraryFigures(
        pictures=2 * len(people_of(shared)),
        printed=len(printed),
        largest_difference=max(abs(printed[pair] - ours[pair]) for pair in both),
        agreeing=sum(said[pair] == (ours[pair] <= DEFAULT_TOLERANCE) for pair in said if pair in ours),
        false_matches=Rate(sum(other), len(other)),
        false_non_matches=Rate(len(same) - sum(same), len(same)),
    )
