"""`egate replay`: judge a recorded inspection again, or play a recorded line to its driver, and show what ends otherwise.

It also plays a simulated shift (`egate simulate --report`) to the step at which a rule broke.
Exit status: 0 every check ends as before, no rule broke; 1 something ends otherwise, the rule broke again; 2 it cannot be done.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.commands.simulate import play
from egate.app.config import ConfigError, load_config
from egate.app.inspecting.files import profile_of, write_private
from egate.app.inspecting.recorded import record_of_crossing, record_of_file
from egate.app.inspecting.report import comparison_lines, turn_lines
from egate.app.inspecting.terminal import look_of
from egate.app.inspecting.trusting import believe
from egate.app.inspecting.turns import decide_again
from egate.app.line_replay import DEVICES, replay_line
from egate.app.twin.telling import read_failure
from egate.inspection.export import encode_record
from egate.inspection.record import InspectionRecord
from egate.inspection.rejudging import judge_again, recorded_profile, recorded_trust, why_not

SAME, OTHERWISE = 0, 1

EXAMPLES = """\
examples:
  egate replay record.json                                  with the trust, the rules and the day in the record
  egate replay record.json --trust TRUST                    with what is trusted now
  egate replay record.json --profile new.toml               with other rules
  egate replay record.json --trust TRUST --at 2027-01-31    as it would end on another day

  egate replay gate-….line --line gate --config lane.toml --open sealing.pem     a recorded line, played to its driver
  egate replay 8c0f5a… --ledger hub.db --open sealing.pem   a passage of a lane, at the centre
  egate replay --twin shift.json                            a failure of egate simulate --report, to its step

Only a record of the log profile `full` holds what is needed (egate inspect … --json record.json --log-profile full).

exit status:
  0 every check ends as before, 1 something ends otherwise, 2 the record cannot be judged
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate replay`."""
    parser.add_argument(
        "--line", default="", metavar="DEVICE", help=f"the record is that of a device's line: {', '.join(DEVICES)}"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the lane's configuration, with --line")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    parser.add_argument(
        "record", metavar="RECORD", nargs="?", default="", help="the record of an inspection (JSON); with --ledger, a transaction"
    )
    parser.add_argument("--twin", type=Path, metavar="FILE", help="no record: play the failure that egate simulate reported")
    parser.add_argument("--trust", type=Path, metavar="FOLDER", help="trust folder (default: the certificates in the record)")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="profile (default: the rules in the record)")
    parser.add_argument("--ledger", type=Path, metavar="PATH", help="take the record from a crossing in the centre's ledger")
    parser.add_argument("--open", dest="open_with", type=Path, metavar="KEYFILE", help="private sealing key, with --ledger")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the record as JSON, even if it cannot be judged")
    parser.add_argument("--at", default="", metavar="DATE", help="the day, as 2027-01-31 (default: the day of the inspection)")


def run(arguments: argparse.Namespace) -> int:
    """Judge a record again; returns the exit status. Raises ConfigError or EgateError where that cannot be done."""
    if arguments.twin is not None:
        return play(*read_failure(arguments.twin))
    if not arguments.record:
        raise ConfigError("name a record, or --twin and the report of a simulated shift")
    if arguments.line:
        return _line(arguments)
    record = _record(arguments)
    if arguments.save is not None:
        write_private(arguments.save, encode_record(record), "--save")
    problem = why_not(record)
    if problem:
        raise ConfigError(f"{arguments.record} cannot be judged again: {problem}")
    day = _day(arguments.at) if arguments.at else record.began.date()
    trust = recorded_trust(record) if arguments.trust is None else believe(arguments.trust, day).store
    profile = recorded_profile(record) if arguments.profile is None else profile_of(arguments.profile)
    compared = judge_again(record, trust, profile, day)
    turns = decide_again(record, compared, profile)
    look = look_of(sys.stdout, os.environ)
    head = f"Inspection {record.transaction} of {record.began:%Y-%m-%d %H:%M:%S} UTC, judged as on {day}"
    lines = [
        look.paint.head(head),
        *look.wrapped(f"by the profile {profile.name}, trusting {trust.source}", 4),
        "",
        *turn_lines(turns, look),
        *comparison_lines(compared, look),
    ]
    sys.stdout.write("".join(f"{look.plain(line)}\n" for line in lines))
    otherwise = any(entry.changed for entry in compared) or any(turn.then is not turn.now for turn in turns)
    return OTHERWISE if otherwise else SAME


def _line(arguments: argparse.Namespace) -> int:
    """Play a recorded line; a driver that writes otherwise than then, or does not come to the end, is `OTHERWISE`."""
    if arguments.config is None or arguments.open_with is None:
        raise ConfigError("--line needs --config with the lane's configuration and --open with the centre's private sealing key")
    lane = load_config(arguments.config)
    played = replay_line(
        Path(arguments.record), arguments.line, lane, arguments.open_with, SystemClock(), lambda words: _print(f"  {words}")
    )
    end = "played to its end" if played.whole else "not played to its end: the driver waits for what does not come"
    _print(f"{played.chunks} happenings, {end}; the driver wrote {played.strange_bytes} bytes otherwise than then.")
    return SAME if played.whole and not played.strange_bytes else OTHERWISE


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _record(arguments: argparse.Namespace) -> InspectionRecord:
    if arguments.ledger is not None:
        return record_of_crossing(arguments.ledger, arguments.open_with, arguments.record)
    return record_of_file(Path(arguments.record))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError("--at: write the day as 2027-01-31") from None
