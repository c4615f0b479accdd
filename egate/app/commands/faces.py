"""`egate faces`: what a face engine's scores are worth, measured on labelled pictures, and calibrations made and signed.

evaluate → score file → calibrate → sign: each step leaves a file that the next one reads and anybody can look into. Exit status
0: done; 1: more is to do (a limited run ended, a rate is not supported, a signature does not hold).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from egate import __version__
from egate.app.clock import SystemClock
from egate.app.face_worker import make_engine
from egate.faces.calibration import MAX_CALIBRATION_BYTES, RULE_OF_30, Calibration, parse_calibration
from egate.faces.calibrations.signing import encode_table, fingerprint, maintainers, parse_table, signed
from egate.faces.engine import FaceEngine
from egate.faces.evaluation.calibrating import draft_calibration
from egate.faces.evaluation.embedding import Choice, Pass, calibration_of, embed_all
from egate.faces.evaluation.evaluate import Outcome, Plan, evaluate
from egate.faces.evaluation.pages.page import page, with_interval
from egate.faces.evaluation.pictures import Picture, pairs_of_file, pictures_of_folder, pictures_of_list, without_errata
from egate.faces.evaluation.rates import ScoreCounts
from egate.faces.evaluation.report import Report, Subject, as_table
from egate.faces.evaluation.score_file import (
    MAX_SCORE_FILE_BYTES,
    ScoreFile,
    ScoreHeader,
    encode_binary,
    encode_csv,
    parse_score_file,
)
from egate.faces.evaluation.splits import DEFAULT_SEED
from egate.faces.evaluation.store import WorkFolder
from egate.model.errors import DeviceError, MalformedData
from egate.storage.keys import load_signing_key, load_verify_key

WELL, MORE_TO_DO = 0, 1

TOLD_EVERY_S = 2.0
"""Between two lines of progress."""

DEFAULT_RATES = (10_000, 1_000, 100, 10)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate faces`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _evaluate_arguments(_action(actions, "evaluate", "measure an engine's error rates on labelled pictures"))
    _calibrate_arguments(_action(actions, "calibrate", "make a calibration, to be signed, from the score files of evaluations"))
    signing = _action(actions, "sign", "sign a calibration with an Ed25519 key; the file is replaced")
    signing.add_argument("file", type=Path, metavar="CALIBRATION")
    signing.add_argument(
        "--key", type=Path, required=True, metavar="PEM", help="private key, as `egate commission make-key` makes"
    )
    showing = _action(actions, "show", "say what a calibration supports, on what evidence, and whether its signature holds")
    showing.add_argument("file", type=Path, metavar="CALIBRATION")
    showing.add_argument("--key", type=Path, metavar="PUB", help="public key that must have signed it (default: the project's)")
    forgetting = _action(actions, "forget", "remove the templates of a work folder")
    forgetting.add_argument("work", type=Path, metavar="DIR")


def run(arguments: argparse.Namespace) -> int:
    """Do one action; raises DeviceError, MalformedData or TrustError with what to do."""
    return _ACTIONS[arguments.action](arguments)


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images", type=Path, metavar="FOLDER", help="JPEG or JPEG 2000, in one folder for each identity, or listed"
    )
    parser.add_argument(
        "--list", type=Path, metavar="CSV", help="image, identity; also role, age (or birth_year, taken_year), sex, …"
    )
    parser.add_argument(
        "--pairs", type=Path, metavar="FILE", help="compare only these: CSV of reference,probe,mated or LFW's pairs.txt"
    )
    parser.add_argument(
        "--errata", type=Path, metavar="CSV", help="known label errors: kind (alias, drop_image, drop_identity), a, b"
    )
    parser.add_argument("--engine", default="sface", metavar="NAME", help="the engine, as the profile names it (default: sface)")
    parser.add_argument(
        "--face", choices=[one.value for one in Choice], default="largest", help="which of several faces is meant"
    )
    parser.add_argument(
        "--name", default="", metavar="WORDS", help="what the set is called in reports (default: the folder's name)"
    )
    parser.add_argument(
        "--gate-like", action="store_true", help="the set is like a gate: frontal, document portrait against live"
    )
    parser.add_argument(
        "--work", type=Path, required=True, metavar="DIR", help="templates are kept here (mode 700), to go on from"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="report.json, report.html and the score files")
    parser.add_argument(
        "--fmr-ppm", type=int, nargs="+", default=list(DEFAULT_RATES), metavar="N", help="false match rates, per million"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="of the split of people (default: 2026)")
    parser.add_argument(
        "--enrolled", type=int, default=0, metavar="N", help="also search an open set with so many people enrolled"
    )
    parser.add_argument("--binary", action="store_true", help="score files in the binary form")
    parser.add_argument("--suspects", type=Path, metavar="CSV", help="write the pairs whose labels look wrong; it names pictures")
    parser.add_argument("--at-most", type=int, metavar="N", help="stop after so many new pictures; the next run goes on")
    parser.add_argument("--forget", action="store_true", help="remove the templates when the report is written")


def _calibrate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scores", type=Path, nargs="+", metavar="SCORES", help="score files of one engine; one of them gate-like")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the calibration; sign it with `egate faces sign`"
    )
    parser.add_argument("--fmr-ppm", type=int, nargs="+", default=[1_000, 100], metavar="N", help="rates to offer thresholds for")
    parser.add_argument(
        "--limit", action="append", default=[], metavar="WORDS", help="what the sets do not show; may be repeated"
    )
    parser.add_argument(
        "--norm",
        type=float,
        nargs=2,
        metavar=("POOR", "GOOD"),
        help="lengths of templates of poor and good pictures, for quality",
    )


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")


def _evaluate(arguments: argparse.Namespace) -> int:
    pictures = _pictures(arguments)
    rates = _rates(arguments.fmr_ppm)
    pairs = pairs_of_file(arguments.pairs) if arguments.pairs else ()
    engine = make_engine(arguments.engine)
    work = WorkFolder(arguments.work)
    with work.opened():
        run = Pass(engine, work, Choice(arguments.face), arguments.at_most)
        records = embed_all(run, pictures, _Progress())
    if records is None:
        _say("The limit of this run is reached; run the same command again to go on.")
        return MORE_TO_DO
    plan = Plan(rates, arguments.seed, arguments.enrolled, pairs)
    outcome = evaluate(engine, _subject(arguments, engine), pictures, records, plan)
    _write_evaluation(arguments, outcome)
    for line in _summary(outcome.report):
        _say(line)
    if arguments.forget:
        work.forget()
    return WELL


def _pictures(arguments: argparse.Namespace) -> tuple[Picture, ...]:
    folder: Path = arguments.images
    pictures = pictures_of_list(folder, arguments.list) if arguments.list else pictures_of_folder(folder)
    return without_errata(pictures, arguments.errata) if arguments.errata else pictures


def _rates(ppm: Sequence[int]) -> tuple[int, ...]:
    if not all(0 < one < 1_000_000 for one in ppm):
        raise MalformedData("reading the rates", "a false match rate is between 1 and 999,999 per million")
    return tuple(sorted(set(ppm), reverse=True))


def _subject(arguments: argparse.Namespace, engine: FaceEngine) -> Subject:
    calibration = calibration_of(engine)
    used = "none" if calibration is None else calibration.identity
    name = arguments.name or arguments.images.resolve().name
    return Subject(f"egate {__version__}", arguments.engine, engine.model_id, used, name, _today(), arguments.seed)


def _write_evaluation(arguments: argparse.Namespace, outcome: Outcome) -> None:
    out: Path = arguments.out
    report = outcome.report
    _write(out / "report.json", (json.dumps(as_table(report), indent=1, ensure_ascii=False) + "\n").encode("utf-8"))
    _write(out / "report.html", page(report).encode("utf-8"))
    lines = {line.part.value: line for line in report.split}
    whole = (report.samples.identities, report.samples.pictures)
    parts: dict[str, tuple[ScoreCounts, tuple[int, int]]] = {"": (outcome.counts, whole)}
    if not arguments.pairs:
        for name, counts in (("calibrate", outcome.calibrating), ("report", outcome.reported)):
            parts[name] = (counts, (lines[name].identities, lines[name].pictures))
    for part, (counts, (people, pictures)) in parts.items():
        subject = report.subject
        header = ScoreHeader(
            subject.engine, subject.model_id, subject.data_set, part, arguments.gate_like, people, pictures, subject.made_on
        )
        name = f"scores-{part}" if part else "scores"
        file = ScoreFile(header, counts)
        if counts.mated.any() or counts.non_mated.any():
            _write(
                out / f"{name}.{'bin' if arguments.binary else 'csv'}", (encode_binary if arguments.binary else encode_csv)(file)
            )
    if arguments.suspects:
        _write_suspects(arguments.suspects, outcome)


def _write_suspects(path: Path, outcome: Outcome) -> None:
    """A list that an operator looks through and turns into errata; it names pictures, so nobody else may read it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("labelled", "score", "a", "b"))
    writer.writerows(("same" if one.mated else "other", f"{one.score:.5f}", one.first, one.second) for one in outcome.suspects)
    _write(path, text.getvalue().encode("utf-8"), 0o600)


def _summary(report: Report) -> list[str]:
    samples = report.samples
    lines = [
        f"{report.subject.engine} on {report.subject.data_set}: {samples.pictures} pictures of {samples.identities} people, "
        f"{samples.without_face} without a face, {samples.unreadable} unreadable",
        f"{report.mated} mated, {report.non_mated} non-mated comparisons; equal error rate {100 * report.equal_error.fnmr:.2f} %",
    ]
    lines += [f"people to {one.part.value}: {one.identities} (seed {report.subject.seed})" for one in report.split]
    for row in (*report.overall, *report.held_out, *report.calibrated):
        asked = "" if row.target is None else f" for FMR {100 * row.target:g} %"
        lines.append(
            f"{row.basis}{asked}: threshold {row.threshold:.4f}, FMR {with_interval(row.fmr)}, FNMR {with_interval(row.fnmr)}"
        )
    if report.open_set is not None:
        lines += [
            f"{report.open_set.enrolled} enrolled, FPIR {100 * one.target:g} %: threshold {one.threshold:.4f}, "
            f"FPIR {with_interval(one.fpir)}, FNIR {with_interval(one.fnir)}"
            for one in report.open_set.rates
        ]
    return lines


def _calibrate(arguments: argparse.Namespace) -> int:
    files = [parse_score_file(_read(path, MAX_SCORE_FILE_BYTES)) for path in arguments.scores]
    norm = dict(zip(("poor", "good"), arguments.norm, strict=True)) if arguments.norm else None
    draft = draft_calibration(files, _rates(arguments.fmr_ppm), _today(), arguments.limit, norm)
    _write(arguments.out, encode_table(draft.table))
    for point in draft.points:
        _say(f"FMR {point.fmr_ppm / 10_000:g} %: threshold {point.threshold:.3f}")
    for words in draft.refused:
        _say(words)
    _say(f"Not signed yet: egate faces sign {arguments.out} --key PRIVATE.pem")
    return MORE_TO_DO if draft.refused else WELL


def _sign(arguments: argparse.Namespace) -> int:
    key = load_signing_key(arguments.key)
    table = parse_table(_read(arguments.file, MAX_CALIBRATION_BYTES))
    content = encode_table(signed(table, key))
    parse_calibration(content, [key.public_key()])  # what cannot be read is not signed
    _write(arguments.file, content)
    public = key.public_key()
    _say(f"Signed by the key {fingerprint(public)}. For calibration_key: {public.public_bytes_raw().hex()}")
    return WELL


def _show(arguments: argparse.Namespace) -> int:
    keys = [load_verify_key(arguments.key)] if arguments.key else list(maintainers())
    calibration = parse_calibration(_read(arguments.file, MAX_CALIBRATION_BYTES), keys)
    for line in _shown(calibration):
        _say(line)
    return MORE_TO_DO if calibration.flaw else WELL


def _shown(calibration: Calibration) -> list[str]:
    lines = [
        f"{calibration.identity}, for the weights {calibration.model_id}",
        f"signature: {calibration.flaw or 'holds'}",
    ]
    for point in calibration.points:
        state = "supported" if point.supported else "not supported"
        lines.append(f"FMR {point.fmr_ppm / 10_000:g} %: threshold {point.threshold:g}, {state}")
        for one in point.evidence:
            measured = "measured" if one.false_matches >= RULE_OF_30 else "an order of magnitude"
            kind = "gate-like" if one.gate_like else "other pictures"
            counted = f"{one.false_matches} of {one.comparisons} ({measured}, at most {one.upper_ppm / 10_000:.3g} %)"
            lines.append(f"  {counted}, {kind}: {one.data_set}")
    return lines + [f"limit: {words}" for words in calibration.limits]


def _forget(arguments: argparse.Namespace) -> int:
    _say(f"{WorkFolder(arguments.work).forget()} files removed.")
    return WELL


class _Progress:
    """A line on standard error now and then: how far, how fast, how long still."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._start = self._told = self._clock.monotonic()
        self._made = 0

    def __call__(self, done: int, total: int) -> None:
        """One more picture was made; `done` of `total` are there."""
        self._made += 1
        now = self._clock.monotonic()
        if now - self._told < TOLD_EVERY_S and done < total:
            return
        self._told = now
        each_s = (now - self._start) / self._made
        sys.stderr.write(
            f"{done} of {total} pictures, {1 / max(each_s, 1e-9):.1f} a second, {each_s * (total - done):.0f} s left\n"
        )
        sys.stderr.flush()


def _today() -> str:
    return datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, UTC).date().isoformat()


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise DeviceError(f"reading {path}", error.strerror or "input/output error") from None


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Beside its place first: a file is there whole or not at all."""
    passing = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
        passing.replace(path)
    except OSError as error:
        raise DeviceError(f"writing {path}", error.strerror or "input/output error") from None


def _say(line: str) -> None:
    print(line)  # noqa: T201 - the command's answer


_ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "evaluate": _evaluate,
    "calibrate": _calibrate,
    "sign": _sign,
    "show": _show,
    "forget": _forget,
}
