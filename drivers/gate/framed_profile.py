"""Profiles of framed gate boards: TOML to a checked, frozen profile. A technician adds a board without Python.

1. read: every table, key and value is checked; nothing is evaluated, formulas and blanks are words of closed lists
2. fit: bodies, answers, fields and signals belong to each other and have room in their frames
3. prove: at least two frames that the source prints are made or read exactly by the profile (L12)
4. judge: a complete profile has what a man-trap needs (timed unlocks, lock contacts, persons, emergency), or with one barrier
   what a lane in one step needs; one that has not says in a sentence why, and is refused as a gate unit but still decodes

`python -m drivers.gate.framed_profile FILE [FRAME …]` prints what is wrong with a profile, or what frames say.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from drivers.gate.framed_barrier import at_door
from drivers.gate.framed_model import (
    BARRIER_SIGNALS,
    DEFAULT_LEASE_S,
    DOOR_SIGNALS,
    LAMP_NAMES,
    LOCK_ORDERS,
    LONGEST_LEASE_S,
    SIGNALS,
    UNLOCK_ORDERS,
    Announced,
    AnswerKind,
    Barrier,
    Blank,
    ByteOrder,
    Checksum,
    ChecksumKind,
    Field,
    FramedProfile,
    Framing,
    LeaseTime,
    Line,
    Number,
    Published,
    Question,
    Signal,
)
from drivers.gate.framed_protocol import decode_answer, encode_question, frame_splitter, in_words
from drivers.gate.framed_schema import Checked, parse_hex, problem
from drivers.link import BAUD_RATES
from egate.model.errors import DeviceError, MalformedData
from egate.model.lane import Door

PROFILE_FOLDER = Path(__file__).parent / "profiles"
LARGEST_FILE_BYTES = 65_536
LEAST_PUBLISHED = 2  # L12
MOST_POLLS = 4  # a sample must be whole within the time in which a loss is to be seen
_TOKEN = re.compile(r"\{([a-z]+)\}|([0-9A-Fa-f]{2})|(\S+)")
_UNTIL_END = "until_end"


def shipped_profiles() -> dict[str, Path]:
    """The profiles that come with the program, by name."""
    return {path.stem: path for path in sorted(PROFILE_FOLDER.glob("*.toml"))}


def load_profile(name: str) -> FramedProfile:
    """A shipped profile by its name, or one's own by its path; raises DeviceError."""
    shipped = shipped_profiles()
    path = shipped.get(name) or Path(name)
    if name not in shipped and path.suffix != ".toml":
        raise DeviceError("choose the gate profile", f"there is none called {name!r}; shipped are {', '.join(shipped)}")
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except (OSError, ValueError):  # a name may hold what no path can
        raise DeviceError("read the gate profile", f"{path} cannot be read") from None
    return parse_profile(data)


def parse_profile(data: bytes) -> FramedProfile:
    """The profile in a TOML file's bytes; raises DeviceError, which names the key and what may stand there."""
    if len(data) > LARGEST_FILE_BYTES:
        raise problem("the file", f"has more than {LARGEST_FILE_BYTES} bytes")
    try:
        values = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        sentence = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "its text cannot be read"
        raise problem("the file", f"is no TOML: {sentence}") from None
    profile = _profile(Checked("", "profile", values))
    _fit(profile)
    _prove(profile)
    if profile.barrier is not None:
        profile = at_door(profile, profile.barrier.door, profile.barrier.side)
    if profile.complete:
        _judge(profile)
    return profile


def _profile(table: Checked) -> FramedProfile:
    complete = table.flag("complete")
    if complete and table.has("reason"):
        raise problem("reason", "belongs to profiles with complete = false only")
    name = table.text("name")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise problem("name", "must be 1 to 40 small letters, digits and -")
    return FramedProfile(
        name=name,
        title=table.text("title"),
        source=table.text("source"),
        complete=complete,
        reason="" if complete else table.text("reason"),
        line=_line(table.table("line", "line")),
        command=_framing(table.table("command", "command"), answers=False),
        answer=_framing(table.table("answer", "answer"), answers=True) if table.has("answer") else None,
        answers={word: _answer_kind(kind) for word, kind in table.tables("answers", "answers.NAME").items()},
        orders={word: _order(order) for word, order in table.tables("orders", "orders.NAME").items()},
        polls={word: _poll(poll) for word, poll in table.tables("polls", "polls.NAME").items()},
        signals={word: _signal(signal) for word, signal in table.tables("signals", "signals.NAME").items()},
        published=tuple(_published(entry) for entry in table.listed("published", "published")),
        barrier=_barrier(table.table("barrier", "barrier")) if table.has("barrier") else None,
    )


def _barrier(table: Checked) -> Barrier:
    setup = tuple(name for name in table.values("setup") if isinstance(name, str))
    if len(setup) != len(table.values("setup")):
        raise problem(table.at("setup"), "must be a list of orders' names")
    return Barrier(table.text("left"), table.text("right"), table.text("close"), table.text("limit", ""), setup)


def _line(table: Checked) -> Line:
    baud = table.number("baud", min(BAUD_RATES), max(BAUD_RATES))
    if baud not in BAUD_RATES:
        raise problem(table.at("baud"), f"must be one of {', '.join(map(str, sorted(BAUD_RATES)))}")
    if table.text("format", "8N1") != "8N1":
        raise problem(table.at("format"), 'must be "8N1": the serial link knows no other')
    within, pause = table.number("answer_within_ms", 10, 130, 80), table.number("pause_ms", 0, 40, 0)
    return Line(baud, within / 1000, pause / 1000)


def _framing(table: Checked, *, answers: bool) -> Framing:
    start, end, length = table.hex("start", 1, 4), table.hex("end", 0, 4, ""), _length(table)
    escape = table.hex("escape", 1, 1)[0] if table.has("escape") else None
    if (escape is None) != (length is not None):
        raise problem(
            table.at("escape"), 'and length = "until_end" belong together: unescaped, an end mark may stand in a payload'
        )
    if escape is not None and (len(start), len(end)) != (1, 1):
        raise problem(table.at("escape"), "needs a start and an end mark of one byte each")
    return Framing(
        start=start,
        end=end,
        length=length,
        checksum=_checksum(table.table("checksum", "checksum")) if table.has("checksum") else Checksum(),
        escape=escape,
        escape_xor=table.hex("escape_xor", 1, 1, "20")[0],
        address_at=table.position("address_at") if answers else None,
        sequence_at=table.position("sequence_at") if answers else None,
    )


def _length(table: Checked) -> int | Announced | None:
    value = table.raw("length")
    if value == _UNTIL_END:
        return None
    if not isinstance(value, dict):
        return table.number("length", 2, 255)
    inner = table.table("length", "length")
    return Announced(
        inner.number("at", 0, 16), _number(inner, 2), inner.number("adds", -8, 64, 0), inner.number("longest", 4, 255, 64)
    )


def _number(table: Checked, most_bytes: int) -> Number:
    return Number(table.number("bytes", 1, most_bytes, 1), table.word("order", ByteOrder, ByteOrder.BIG))


def _checksum(table: Checked) -> Checksum:
    kind, order = table.word("kind", ChecksumKind), table.word("order", ByteOrder, ByteOrder.BIG)
    return Checksum(kind, table.number("begin", 0, 8, 0), order)


def _answer_kind(table: Checked) -> AnswerKind:
    marks = tuple((mark.number("at", 0, 254), mark.hex("is", 1, 1)[0]) for mark in table.listed("where", "where"))
    fields = table.tables("fields", "fields.FIELD")
    return AnswerKind(
        marks,
        {name: Field(field.number("at", 0, 254), _number(field, 4), field.pairs("words")) for name, field in fields.items()},
    )


def _order(table: Checked) -> Question:
    time = None
    if table.has("time"):
        inner = table.table("time", "time")
        time = LeaseTime(inner.number("unit_ms", 1, 1000), _number(inner, 2))
    body = _body(table)
    if (time is not None) != (Blank.TIME in body):
        raise problem(table.at("time"), "and the blank {time} in the body belong together")
    return Question(body, table.text("acknowledge", ""), table.text("refuse", ""), time)


def _poll(table: Checked) -> Question:
    body = _body(table)
    if Blank.TIME in body:
        raise problem(table.at("body"), "cannot have {time}: a poll moves nothing")
    return Question(body, table.text("answer"))


def _body(table: Checked) -> tuple[bytes | Blank, ...]:
    """Hex pairs and blanks."""
    blanks = {blank.value: blank for blank in Blank}
    parts: list[bytes | Blank] = []
    for blank, pair, other in _TOKEN.findall(table.text("body")):
        if other or (blank and blank not in blanks):
            raise problem(
                table.at("body"), f"may hold hex pairs and {', '.join('{' + word + '}' for word in blanks)}; nothing else"
            )
        parts.append(blanks[blank] if blank else bytes.fromhex(pair))
    return tuple(parts)


def _signal(table: Checked) -> Signal:
    answer, dot, field = table.text("field").partition(".")
    if not dot:
        raise problem(table.at("field"), "must be ANSWER.FIELD")
    values = tuple(int.from_bytes(parse_hex(value, table.at("is"), 1, 4)) for value in table.values("is"))
    bit = table.number("bit", 0, 31) if table.has("bit") else None
    if bit is not None and values:
        raise problem(table.at("bit"), "and `is` cannot both be")
    return Signal(answer, field, bit, values, table.flag("invert", False))


def _published(table: Checked) -> Published:
    part, _, name = table.text("is").partition(".")
    if part not in ("orders", "polls", "answers"):
        raise problem(table.at("is"), "must be orders.NAME, polls.NAME or answers.NAME")
    return Published(
        frame=table.hex("frame", 1, 255),
        part=part,
        name=name,
        address=table.number("address", 0, 255, 1),
        time_s=table.seconds("time_s", LONGEST_LEASE_S),
        sequence=table.number("sequence", 0, 255, 0),
        misprint=table.flag("misprint", False),
    )


def _fit(profile: FramedProfile) -> None:
    """Everything that is named exists, and every frame has its size."""
    if len(profile.polls) > MOST_POLLS:
        raise problem("polls", f"are {len(profile.polls)}; {MOST_POLLS} at most, or a sample takes too long")
    if profile.answers and profile.answer is None:
        raise problem("answer", "is missing, but there are kinds of answer")
    for part, questions in (("orders", profile.orders), ("polls", profile.polls)):
        for name, question in questions.items():
            _fit_question(profile, f"{part}.{name}", question)
    if profile.barrier is not None:
        _fit_barrier(profile, profile.barrier)
    for name, kind in profile.answers.items():
        _fit_answer(profile.answer, f"answers.{name}", kind)
    for name, signal in profile.signals.items():
        _fit_signal(profile, f"signals.{name}", name, signal)


def _fit_question(profile: FramedProfile, where: str, question: Question) -> None:
    for answer in filter(None, (question.answer, question.refusal)):
        _named(answer, profile.answers, f"{where}: the answer {answer!r}")
    if question.answer and question.answer == question.refusal:
        raise problem(f"{where}.refuse", "is the answer that acknowledges: which is it?")
    announced = isinstance(profile.command.length, Announced)
    if (Blank.LENGTH in question.body) != announced:
        raise problem(f"{where}.body", "and the table command.length belong together: {length} is written where it is announced")
    if (Blank.SEQUENCE in question.body) != (profile.answer is not None and profile.answer.sequence_at is not None):
        raise problem(f"{where}.body", "and answer.sequence_at belong together: answers repeat the {sequence} of the question")
    frame = encode_question(profile, question)
    length = profile.command.length
    if isinstance(length, int) and len(frame) != length:
        raise problem(f"{where}.body", f"makes a frame of {len(frame)} bytes; command.length says {length}")
    if profile.command.length is not None and frame_splitter(profile.command).receive(frame) != [frame]:
        raise problem(f"{where}.body", "makes a frame that does not have the form of [command]")


def _fit_barrier(profile: FramedProfile, barrier: Barrier) -> None:
    """Its orders exist, and nothing speaks of doors that it has not."""
    for name in filter(None, (barrier.left, barrier.right, barrier.close, barrier.limit, *barrier.setup)):
        _named(name, profile.orders, f"barrier: the order {name!r}")
    for name in profile.orders.keys() & {*UNLOCK_ORDERS, *LOCK_ORDERS}:
        raise problem(f"orders.{name}", "cannot be with [barrier]: the wiring says which door the barrier is")
    for name in profile.signals.keys() & set(DOOR_SIGNALS):
        raise problem(f"signals.{name}", "cannot be with [barrier]: a barrier has the signals closed and locked")
    if barrier.limit and profile.orders[barrier.limit].time is None:
        raise problem("barrier.limit", f"is orders.{barrier.limit}, which has no {{time}}")


def _fit_answer(framing: Framing | None, where: str, kind: AnswerKind) -> None:
    length = framing.length if framing else None
    room = 254 if framing is None or not isinstance(length, int) else length - len(framing.end) - framing.checksum.size_bytes
    for name, field in kind.fields.items():
        if field.at + field.number.size_bytes > room:
            raise problem(f"{where}.fields.{name}.at", f"leads beyond the {room} bytes before check and end mark")
    for at, _ in kind.marks:
        if at >= room:
            raise problem(f"{where}.where", f"leads beyond the {room} bytes before check and end mark")


def _fit_signal(profile: FramedProfile, where: str, name: str, signal: Signal) -> None:
    if name not in SIGNALS:
        raise problem(where, f"is not known; signals are {', '.join(SIGNALS)}")
    _named(signal.answer, profile.answers, f"{where}.field: the answer {signal.answer!r}")
    fields = profile.answers[signal.answer].fields
    _named(signal.field, fields, f"{where}.field: the field {signal.field!r}")
    plain = signal.bit is None and not signal.values
    if plain != (name == "persons"):
        raise problem(where, "is a number: neither bit nor is" if name == "persons" else "needs `bit` or `is`: when is it on?")
    if plain and signal.inverted:
        raise problem(f"{where}.invert", "cannot be with a number")
    if signal.bit is not None and signal.bit >= 8 * fields[signal.field].number.size_bytes:
        raise problem(f"{where}.bit", "is beyond the field")
    if signal.answer not in {poll.answer for poll in profile.polls.values()}:
        raise problem(f"{where}.field", f"is in the answer {signal.answer!r}, which no poll asks for")


def _named(name: str, known: Mapping[str, object], what: str) -> None:
    if name not in known:
        raise problem(what, f"is not described; there are {', '.join(known) or 'none'}")


def _prove(profile: FramedProfile) -> None:
    """Every published frame is what the profile makes or reads; every misprint is not."""
    for index, entry in enumerate(profile.published):
        difference = _difference(profile, entry, f"published[{index}].is")
        if difference and not entry.misprint:
            raise problem(f"published[{index}].frame", difference)
        if entry.misprint and not difference:
            raise problem(f"published[{index}].misprint", "is true, but the frame fits the profile")
    good = {entry.frame for entry in profile.published if not entry.misprint}
    if len(good) < LEAST_PUBLISHED:
        raise problem("published", f"has {len(good)} different frames; {LEAST_PUBLISHED} at least must prove the formulas")


def _difference(profile: FramedProfile, entry: Published, where: str) -> str:
    """What is different between a published frame and the profile; empty when nothing."""
    if entry.part == "answers":
        _named(entry.name, profile.answers, where)
        return _answer_difference(profile, entry)
    questions = profile.orders if entry.part == "orders" else profile.polls
    _named(entry.name, questions, where)
    made = encode_question(profile, questions[entry.name], entry.address, lease_s=entry.time_s, sequence=entry.sequence)
    if made == entry.frame:
        return ""
    return f"is {_hex(entry.frame)}, but the profile makes {_hex(made)}"


def _answer_difference(profile: FramedProfile, entry: Published) -> str:
    if profile.answer is None:
        return "is an answer, but [answer] is missing"
    if frame_splitter(profile.answer).receive(entry.frame) != [entry.frame]:
        return f"is {_hex(entry.frame)}, which is no sound frame: look at start, length, checksum and end of [answer]"
    try:
        answer = decode_answer(profile, entry.frame)
    except MalformedData:
        return f"is {_hex(entry.frame)}, which is none of the answers {', '.join(profile.answers)}"
    return "" if answer.kind == entry.name else f"is {_hex(entry.frame)}, which is read as answers.{answer.kind}"


def _hex(data: bytes) -> str:
    return data.hex(" ").upper()


def _judge(profile: FramedProfile) -> None:
    """What a man-trap or a lane in one step needs; else the profile must say complete = false."""
    doors = [door.value for door in Door if door in profile.doors]
    orders = [f"{verb}_{door}" for verb in ("unlock", "lock") for door in doors]
    for name in orders:
        if name not in profile.orders:
            raise _incomplete(f"there is no orders.{name}")
        _judge_order(profile, name, profile.orders[name])
    needed = [f"{door}_{state}" for door in doors for state in BARRIER_SIGNALS]
    for name in (*needed, *(() if profile.barrier else ("persons",)), "emergency"):
        if name not in profile.signals:
            raise _incomplete(f"there is no signals.{name if not profile.barrier else name.rpartition('_')[2]}: {_WHY[name]}")
    for name in () if profile.barrier is None else filter(None, (profile.barrier.limit, *profile.barrier.setup)):
        _judge_order(profile, name, profile.orders[name])
    _judge_difference("orders", {name: profile.orders[name].body for name in orders})
    proofs = [f"{door}_closed" for door in doors] if profile.barrier else needed
    _judge_difference("signals", {name: profile.signals[name] for name in (*proofs, "emergency")})
    _judge_lamps(profile)
    if profile.answer is None or profile.answer.checksum.kind is ChecksumKind.NONE:
        raise _incomplete("answers have no check value: a flipped bit would pass for a locked door (I8)")
    if profile.command.checksum.kind is ChecksumKind.NONE:
        raise _incomplete("commands have no check value: a flipped bit would open the other door (I1)")


def _judge_difference(part: str, entries: Mapping[str, object]) -> None:
    """A line copied and not changed must not make one door the other."""
    for (name, one), (other, two) in itertools.combinations(entries.items(), 2):
        if one == two:
            raise _incomplete(f"{part}.{name} and {part}.{other} are the same: one of them was copied and not changed (I1)")


def _judge_lamps(profile: FramedProfile) -> None:
    """A lamp that can be lit can be put out, and both are acknowledged."""
    for name in LAMP_NAMES:
        pair = [profile.orders.get(f"{name}_{state}") for state in ("on", "off")]
        if any(pair) and not all(order is not None and order.answer for order in pair):
            raise _incomplete(f"orders.{name}_on and orders.{name}_off belong together, and both need acknowledge")


def _judge_order(profile: FramedProfile, name: str, order: Question) -> None:
    """An order is acknowledged, and an unlock ends by itself.

    A barrier's order may be acknowledged by a sample: there is no second door whose proof a late one could fake.
    """
    if not order.answer:
        raise _incomplete(f"orders.{name} has no acknowledge: nobody would know whether later samples are evidence (I2)")
    if order.answer in {poll.answer for poll in profile.polls.values()} and profile.barrier is None:
        raise _incomplete(f"orders.{name}.acknowledge is what polls answer too: a late sample would pass for it (I2)")
    if name not in UNLOCK_ORDERS:
        return
    time = profile.orders[order.limit].time if order.limit else order.time
    if time is None:
        raise _incomplete(f"orders.{name} has no {{time}}: the door would stay unlocked when the controller dies (I3, I7)")
    longest_s = time.number.largest * time.unit_ms / 1000
    if longest_s < DEFAULT_LEASE_S:
        raise _incomplete(f"orders.{name}.time reaches {longest_s:g} s only; a lane unlocks for {DEFAULT_LEASE_S:g} s (I3)")


_WHY = {
    **{name: "nothing proves a door closed and locked before the other is unlocked (I2)" for name in DOOR_SIGNALS},
    "persons": "nothing tells how many people are inside (P9)",
    "emergency": "fire would not be seen (I5)",
}


def _incomplete(sentence: str) -> DeviceError:
    return problem("complete", f"is true, but {sentence}; set complete = false and say why in reason")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `python -m drivers.gate.framed_profile`."""
    parser = argparse.ArgumentParser(prog="drivers.gate.framed_profile", description="check a profile of a framed gate board")
    parser.add_argument("profile", help="file, or name of a shipped profile")
    parser.add_argument("frames", nargs="*", help="frames in hex, each in quotes, to be read with it")
    chosen = parser.parse_args(arguments)
    try:
        profile = load_profile(chosen.profile)
        lines = [_verdict(profile), *(_read_frame(profile, text) for text in chosen.frames)]
    except (DeviceError, MalformedData) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program for the keyboard
        return 1
    print("\n".join(lines))  # noqa: T201 - a program for the keyboard
    return 0


def _verdict(profile: FramedProfile) -> str:
    count = sum(not entry.misprint for entry in profile.published)
    can = "can be the one door of a lane in one step" if profile.barrier else "can be a gate unit"
    use = can if profile.complete else f"decodes, but is no gate unit: {profile.reason}"
    return f"{profile.name} ({profile.title}): sound, proven by {count} published frames; {use}"


def _read_frame(profile: FramedProfile, text: str) -> str:
    frame = parse_hex(text, "the frame", 1, 255)
    if profile.answer is None or frame_splitter(profile.answer).receive(frame) != [frame]:
        raise problem("the frame", "is no sound answer of this board")
    return in_words(profile, decode_answer(profile, frame))


if __name__ == "__main__":
    sys.exit(main())
