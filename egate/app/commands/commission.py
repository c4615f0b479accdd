"""`egate commission`: the guided self-test of one lane, its signed report, and what changed since the last one.

Exit status: 0 the lane is ready (or nothing changed); 1 it is not: there are faults to mend, or steps were not done (or something
changed); 2 nothing could be done.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from egate import __version__
from egate.app.clock import SystemClock
from egate.app.commissioning.asking import Announcement, Answer, Nobody, Question, Reply, Technician, load_script
from egate.app.commissioning.bench import Bench
from egate.app.commissioning.findings import Finding, Verdict
from egate.app.commissioning.report import (
    Report,
    Signed,
    compare,
    finding_lines,
    load_signed,
    moment,
    prove_folder,
    sentence,
    sign_report,
    verdict_words,
    verify_report,
    write_report,
)
from egate.app.commissioning.wizard import run_wizard
from egate.app.config import ConfigError, parse_config, read_config
from egate.model.errors import EgateError
from egate.storage.keys import create_signing_key, load_signing_key, load_verify_key

WELL, FOUND = 0, 1
WIDTHS = (40, 110)
"""Narrowest and widest column that text is wrapped at."""
MOST_REPORTS = 1000
"""Looked through for the last one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate commission`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="the lane's configuration; the lane must not be running")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write the report into this folder, as JSON and as text")
    parser.add_argument("--key", type=Path, metavar="PEM", help="sign the report with this Ed25519 key (see make-key)")
    parser.add_argument("--answers", type=Path, metavar="TOML", help="answer the questions from a script instead of the keyboard")
    parser.add_argument(
        "--automatic", action="store_true", help="ask nothing; the lane stays incomplete: what needs hands is not done"
    )
    parser.add_argument(
        "--compare", type=Path, metavar="REPORT", help="say what changed since this report (default: the last in DIR)"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=False)
    comparing = _action(actions, "compare", "what changed from one report to another")
    comparing.add_argument("before", type=Path, metavar="BEFORE")
    comparing.add_argument("after", type=Path, metavar="AFTER")
    verifying = _action(actions, "verify", "prove that a report is what was signed")
    verifying.add_argument("file", type=Path, metavar="REPORT", help="a report, or a folder whose newest is meant")
    verifying.add_argument("--key", dest="verify_key", type=Path, required=True, metavar="PUB", help="the signer's public key")
    making = _action(actions, "make-key", "make a technician's or lane's key for reports")
    making.add_argument("private", type=Path, metavar="PRIVATE.pem")
    making.add_argument("public", type=Path, metavar="PUBLIC.pub")


def _action(actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")


def run(arguments: argparse.Namespace) -> int:
    """Test a lane, or do one action; raises ConfigError, DeviceError or TrustError with what to do."""
    return _ACTIONS.get(arguments.action, _commission)(arguments)


def _commission(arguments: argparse.Namespace) -> int:
    if arguments.config is None:
        raise ConfigError("--config FILE is missing: the lane to test")
    key = None if arguments.key is None else load_signing_key(arguments.key)
    before = _last(arguments)
    text = read_config(arguments.config)
    config = parse_config(text, arguments.config.parent, str(arguments.config))
    if arguments.report is not None:
        prove_folder(arguments.report)
    clock = SystemClock()
    bench = Bench(arguments.config, text, config, clock, _technician(arguments))
    started = clock.monotonic()
    findings = asyncio.run(run_wizard(bench))
    report = Report(
        lane=config.name,
        number=config.number,
        made_at=moment(clock.wall_ns()),
        config_sha256=sha256(text.encode("utf-8")).hexdigest(),
        versions={"egate": __version__, "python": platform.python_version(), "kernel": platform.release()},
        devices=dict(bench.identities),
        findings=findings,
        seconds=round(clock.monotonic() - started, 1),
    )
    _conclude(sign_report(report, key), arguments.report, before)
    return WELL if report.verdict is Verdict.READY else FOUND


def _conclude(signed: Signed, folder: Path | None, before: Signed | None) -> None:
    """Say the verdict, what changed, and where the report is."""
    _say("")
    _say(f"{sentence(verdict_words(signed.report))} It took {signed.report.seconds:g} s.")
    if before is not None:
        _say_changes(before.report, signed.report)
    if folder is not None:
        for path in write_report(signed, folder):
            _say(f"written: {path}")
        if not signed.signature:
            _say("The report is not signed; --key PEM signs it.")


def _last(arguments: argparse.Namespace) -> Signed | None:
    """The report to compare with: the one that is named, or the newest of the folder that can be read."""
    if arguments.compare is not None:
        return _named(arguments.compare)
    if arguments.report is None or not arguments.report.is_dir():
        return None
    for path in _newest_first(arguments.report):
        try:
            return load_signed(path)
        except EgateError:
            continue
    return None


def _newest_first(folder: Path) -> list[Path]:
    """The reports of a folder by the time in their names, the newest first."""
    return sorted(folder.glob("commission-*.json"), key=lambda path: path.stem.rpartition("-")[2], reverse=True)[:MOST_REPORTS]


def _named(path: Path) -> Signed:
    """A report by its file, or the newest of a folder; raises ConfigError, DeviceError or MalformedData."""
    if not path.is_dir():
        return load_signed(path)
    newest = _newest_first(path)
    if not newest:
        raise ConfigError(f"{path} holds no commission report")
    return load_signed(newest[0])


def _compare(arguments: argparse.Namespace) -> int:
    before, after = _named(arguments.before), _named(arguments.after)
    return FOUND if _say_changes(before.report, after.report) else WELL


def _say_changes(before: Report, after: Report) -> bool:
    """Show what changed; whether anything did."""
    changes = compare(before, after)
    _say(f"Since {before.made_at}:" if changes else f"Nothing changed since {before.made_at}.")
    for line in changes:
        _say(line, "  ")
    return bool(changes)


def _verify(arguments: argparse.Namespace) -> int:
    signed = _named(arguments.file)
    verify_report(signed, load_verify_key(arguments.verify_key))
    report = signed.report
    _say(f"The signature of key {signed.key} holds. Lane {report.lane}, {report.made_at}: {verdict_words(report)}.")
    return WELL


def _make_key(arguments: argparse.Namespace) -> int:
    create_signing_key(arguments.private, arguments.public)
    _say(f"{arguments.private} signs reports and stays with you; {arguments.public} verifies them and may be given away.")
    return WELL


def _technician(arguments: argparse.Namespace) -> Technician:
    """Who answers, and everything shown as it comes."""
    if arguments.answers is not None:
        return Shown(load_script(arguments.answers))
    if arguments.automatic or not sys.stdin.isatty():
        return Shown(Nobody())
    return Shown(AtTheKeyboard())


class AtTheKeyboard(Nobody):
    """A person: Enter or `y` for done, `n` for no, `s` and a reason to leave it out."""

    async def answer(self, question: Question) -> Answer:
        """Ask until the answer is understood."""
        while True:
            _say(question.words, "  ? ")
            answer = parse_typed(await _typed("    [Enter] done · n no · s REASON leave out > "))
            if answer is not None:
                return answer


def parse_typed(line: str | None) -> Answer | None:
    """What was typed; None for what is not understood, end of input leaves out."""
    if line is None:
        return Answer(Reply.SKIP, "the keyboard was closed")
    word, _, rest = line.strip().partition(" ")
    if word.lower() in ("", "y", "yes", "d", "done"):
        return Answer(Reply.DONE)
    if word.lower() in ("n", "no"):
        return Answer(Reply.NO)
    return Answer(Reply.SKIP, rest.strip()) if word.lower() in ("s", "skip") and rest.strip() else None


async def _typed(prompt: str) -> str | None:
    """A line of the keyboard, None when it is closed. Nothing blocks: Ctrl-C ends at once, and devices are released."""
    print(prompt, end="", flush=True)  # noqa: T201 - the command's question
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def typed() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sys.stdin, typed)
    try:
        await ready
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline() or None


@dataclass(slots=True)
class Shown:
    """Shows every step and finding in words, and lets another answer."""

    inner: Technician

    def begins(self, step: Announcement) -> None:
        """The step's number, title and question."""
        _say(f"[{step.number}/{step.of}] {step.title}: {step.words}")
        self.inner.begins(step)

    def found(self, finding: Finding) -> None:
        """What was found, and what to do."""
        first, *rest = finding_lines(finding)
        for line in (first, *(rest[:1] if finding.mend else ())):
            _say(line.strip(), "  " if line is first else "      ")
        self.inner.found(finding)

    async def answer(self, question: Question) -> Answer:
        """The other's answer."""
        return await self.inner.answer(question)


def _width() -> int:
    least, most = WIDTHS
    return min(most, max(least, shutil.get_terminal_size().columns))


def _say(text: str, indent: str = "") -> None:
    lines = textwrap.wrap(
        text,
        _width(),
        initial_indent=indent,
        subsequent_indent=" " * len(indent) + "  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
    for line in lines or [""]:
        print(line, flush=True)  # noqa: T201 - the command's answer


_ACTIONS: Mapping[str | None, Callable[[argparse.Namespace], int]] = {
    "compare": _compare,
    "verify": _verify,
    "make-key": _make_key,
}
