"""`egate inspect`: read one travel document on a connected reader and show what was found.

Exit status: 0 a gate would admit; 1 it would refer to an officer; 2 the document could not be inspected.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.config import ConfigError
from egate.app.inspecting.desk_reader import (
    Desk,
    DeskReading,
    ReaderName,
    asks_for_all,
    files_asked,
    open_reader,
    parse_reader,
    read_at_desk,
)
from egate.app.inspecting.files import profile_of, refuse_unwritable, terminal_credentials, write_private
from egate.app.inspecting.judging import Judged, Read, Rules, judge
from egate.app.inspecting.printed import printed_data
from egate.app.inspecting.report import Shown, report_lines
from egate.app.inspecting.terminal import Look, ProgressLine, look_of
from egate.app.inspecting.trusting import Believed, believe
from egate.checks.profile import access_policy
from egate.inspection.building import moment
from egate.inspection.export import encode_record
from egate.inspection.guideline import encode_guideline
from egate.inspection.logging_profile import DEFAULT_LOGGING, LoggingProfile
from egate.inspection.record import Place
from egate.model.checks import Outcome
from egate.model.document import ChipEvidence, ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.files.face_record import parse_dg2
from egate.mrtd.files.groups.officer import document_details, summary
from egate.mrtd.reading import ReadRequest
from egate.mrtd.terminal_auth import TerminalCredentials

ADMITTED, REFERRED = 0, 1

LONGEST_WAIT_S = 3600.0
LONGEST_LINE = 200

EXAMPLES = """\
how to read a passport on a PC/SC reader:
  1. plug the reader in; on Debian, once, as root:
       apt install pcscd libccid libpcsclite-dev swig python3-dev gcc
       systemctl start pcscd.socket
     and in the folder of egate:  .venv/bin/pip install "pyscard>=2.3,<3"
  2. lay the open passport on the reader, the page with the picture down, and leave it there; where the chip is in
     the cover, lay it down closed
  3. egate inspect --trust TRUST
     and type the two lines at the foot of the page when asked

  TRUST is a trust folder (see `egate trust import --help`) or a folder with country signing certificates. Without it
  everything is read and shown, and no signature can be traced to a State.

more examples:
  egate inspect --trust TRUST --mrz "P<UTO…" "X000…"        the lines, in quotes
  egate inspect --trust TRUST --picture page.jpg             the lines, read from a picture of the page
  egate inspect --trust TRUST --can 123456                   the number on the front of a card
  egate inspect --reader pn532:/dev/serial/by-path/… …       a PN532 on a serial port; ls /dev/serial/by-path shows it
  egate inspect --reader pcsc:ACR122 …                       one of several PC/SC readers, by a part of its name
  egate inspect --reader vpcd:127.0.0.1:35963 …              a simulated passport (egate document serve --vpcd)
  egate inspect … --json record.json --log-profile full      a record that `egate replay` can judge again

exit status:
  0 a gate would admit the holder, 1 it would refer to an officer, 2 the document could not be inspected
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate inspect`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument(
        "--reader", default="pcsc", metavar="KIND[:PLACE]", help="pcsc, pcsc:NAME, pn532:PORT or vpcd:ADDRESS:PORT (default pcsc)"
    )
    parser.add_argument("--emulated", action="store_true", help="the PN532 is simulated: its port may be a pseudo terminal")
    parser.add_argument("--wait", type=float, default=60.0, metavar="S", help="seconds to wait for a document (default 60)")
    printed = parser.add_argument_group("what is printed on the document (asked for when nothing is given)")
    printed.add_argument("--mrz", nargs="+", metavar="LINE", help="the two or three lines of the machine readable zone")
    printed.add_argument("--picture", type=Path, metavar="FILE", help="a picture of the page, from which the lines are read")
    printed.add_argument("--number", default="", metavar="N", help="document number, where the lines cannot be had")
    printed.add_argument("--birth", default="", metavar="DATE", help="date of birth, with --number")
    printed.add_argument("--expiry", default="", metavar="DATE", help="date of expiry, with --number")
    printed.add_argument("--can", default="", metavar="DIGITS", help="card access number, six digits on the front")
    rules = parser.add_argument_group("what it is judged by")
    rules.add_argument("--trust", type=Path, metavar="FOLDER", help="trust folder, or folder of certificates and lists")
    rules.add_argument("--profile", type=Path, metavar="FILE", help="the agency's profile (default: the one of the project)")
    reading = parser.add_argument_group("what is read and written")
    reading.add_argument("--files", default="", metavar="LIST", help="files beside those that a gate reads, as DG11,DG7, or all")
    reading.add_argument("--portrait", type=Path, metavar="FILE", help="write the portrait here, as the chip holds it")
    reading.add_argument("--json", type=Path, metavar="FILE", help="write the record of the inspection here")
    reading.add_argument("--xml", type=Path, metavar="FILE", help="write the checks in the order of BSI TR-03135-1 here")
    reading.add_argument(
        "--log-profile",
        choices=[profile.value for profile in LoggingProfile],
        default=DEFAULT_LOGGING.value,
        metavar="P",
        help=f"what the record keeps: {', '.join(kept.value for kept in LoggingProfile)} "
        f"(default {DEFAULT_LOGGING.value}: nothing personal)",
    )
    rights = parser.add_argument_group("for agencies with terminal certificates (reads fingerprints with --files DG3)")
    rights.add_argument(
        "--terminal-chain", type=Path, nargs="+", default=[], metavar="FILE", help="certificates, the terminal's last"
    )
    rights.add_argument("--terminal-key", type=Path, metavar="FILE", help="the terminal's private key (PEM)")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is known before a document is there."""

    name: ReaderName
    files: tuple[ElementaryFile, ...]
    terminal: tuple[TerminalCredentials, ...] = field(repr=False)
    rules: Rules = field(repr=False)


def run(arguments: argparse.Namespace) -> int:
    """Inspect one document; returns the exit status. Raises ConfigError or EgateError where nothing could be inspected."""
    look, clock = look_of(sys.stdout, os.environ), SystemClock()
    prepared = _prepare(arguments, clock, look)
    printed = printed_data(arguments, _ask)
    request = ReadRequest(
        printed.information,
        printed.card_access_number,
        prepared.rules.profile.pace_before_bac,
        policy=access_policy(prepared.rules.profile),
        later_files=prepared.files,
        terminal=prepared.terminal,
    )
    found = asyncio.run(_read(arguments, prepared.name, request, clock))
    read = Read(printed.mrz, found.evidence, found.began_ns, found.ended_ns)
    judged = judge(read, prepared.rules, clock)
    shown = replace(_shown(judged, read), by_number=bool(printed.card_access_number), by_print=printed.opens)
    _print(report_lines(judged.record, shown, judged.took_ms, look))
    if arguments.trust is None:
        _print(look.wrapped("No --trust was given, so no signature could be traced to a State.", 4))
    _write(arguments, judged, found.evidence, look)
    return ADMITTED if judged.record.decisions[-1].outcome is Outcome.ADMIT else REFERRED


def _prepare(arguments: argparse.Namespace, clock: SystemClock, look: Look) -> _Prepared:
    """Everything that can be wrong before a document is read is looked at before anybody lays one down."""
    if not 0 < arguments.wait <= LONGEST_WAIT_S:
        raise ConfigError(f"--wait is from 0 to {LONGEST_WAIT_S:g} seconds")
    name = parse_reader(arguments.reader)
    terminal = terminal_credentials(arguments.terminal_chain, arguments.terminal_key)
    files = files_asked(arguments.files, with_terminal=bool(terminal))
    for option in ("portrait", "json", "xml"):
        refuse_unwritable(getattr(arguments, option), f"--{option}")
    profile = profile_of(arguments.profile)
    believed = believe(arguments.trust, moment(clock.wall_ns()).date())
    _print(look.paint.warn(line) for line in _warnings(arguments, believed, look, with_terminal=bool(terminal)))
    place, devices = Place("", platform.node()[:64]), (("reader", name.text[:200]),)
    rules = Rules(profile, believed, LoggingProfile(arguments.log_profile), place, devices)
    return _Prepared(name, files, terminal, rules)


def _warnings(arguments: argparse.Namespace, believed: Believed, look: Look, *, with_terminal: bool) -> list[str]:
    """What somebody may want to put right before a document is read."""
    lines = [line for remark in believed.remarks for line in look.wrapped(f"not used: {remark}", 4, " ")]
    if arguments.trust is not None and not believed.store.certificates:
        empty = f"{arguments.trust} holds no country signing certificate that can be used: no signature will lead to a State"
        lines += look.wrapped(empty, 4, " ")
    if asks_for_all(arguments.files) and not with_terminal:
        lines += look.wrapped(
            "--files all leaves out DG3 and DG4, which open only with --terminal-chain and --terminal-key", 4, " "
        )
    return lines


async def _read(arguments: argparse.Namespace, name: ReaderName, request: ReadRequest, clock: SystemClock) -> DeskReading:
    """Open the reader, read, close it in any case."""
    reader = open_reader(name, clock, emulated=arguments.emulated)
    progress = ProgressLine(sys.stderr, look_of(sys.stderr, os.environ))
    await reader.start()
    try:
        found = await read_at_desk(Desk(reader, clock, _tell, progress, arguments.wait, name), request)
        await reader.release()
        return found
    finally:
        progress.clear()
        await reader.close()


def _shown(judged: Judged, read: Read) -> Shown:
    chip = judged.facts.mrz
    files = read.evidence.files if read.evidence else {}
    known = summary(document_details(files))
    return Shown(chip or read.mrz, chip is not None, known)


def _write(arguments: argparse.Namespace, judged: Judged, evidence: ChipEvidence, look: Look) -> None:
    """The files that were asked for, each for this account alone, and a line about each."""
    written: list[str] = []
    if arguments.json is not None:
        write_private(arguments.json, encode_record(judged.record), "--json")
        kept = judged.record.logging
        again = "can be judged again with `egate replay`" if kept is LoggingProfile.FULL else "holds what this profile keeps"
        written.append(f"{arguments.json}: the record (log profile {kept.value}; {again})")
    if arguments.xml is not None:
        write_private(arguments.xml, encode_guideline(judged.record), "--xml")
        written.append(f"{arguments.xml}: the checks in the order of BSI TR-03135-1")
    if arguments.portrait is not None:
        written.append(_write_portrait(arguments.portrait, evidence))
    lines = [look.plain(part) for line in written for part in look.wrapped(line, 6, "    ")]
    _print(["", *lines] if lines else [])


def _write_portrait(path: Path, evidence: ChipEvidence) -> str:
    """The image as the chip holds it, JPEG or JPEG 2000; it is foreign data and is not opened here."""
    data = evidence.files.get(ElementaryFile.DG2)
    if data is None:
        return f"{path}: not written, the chip gave no portrait"
    try:
        image = parse_dg2(data)
    except MalformedData as error:
        return f"{path}: not written, the portrait is malformed ({error.problem})"
    write_private(path, image.image, "--portrait")
    return f"{path}: the portrait ({image.format.value}, {len(image.image):,} bytes)"


def _ask(prompt: str) -> str:
    """A line from a person, or from a pipe."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline(LONGEST_LINE)
    if not line:
        raise EOFError
    return line


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _print(lines: Iterable[str]) -> None:
    """Lines for a person; whoever closed the other end of a pipe wants no more of them, and the exit status still counts."""
    try:
        for line in lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
