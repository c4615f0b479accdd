"""Profiles of framed gate boards: the shipped ones against printed frames, and what a wrong file is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drivers.gate.framed_model import ChecksumKind, FramedProfile
from drivers.gate.framed_profile import load_profile, main, parse_profile, shipped_profiles
from drivers.gate.framed_protocol import decode_answer, encode_question, frame_splitter
from drivers.gate.framed_schema import KEYS, keys_page
from egate.model.errors import DeviceError
from tests.unit.drivers.framed_boards import PAGE, example, example_text

# Frames as they are printed; sources stand in docs/gate-profiles.md's profiles. (profile, question or answer, address, frame)
GOLDEN = [
    ("speed-gate-7e", "polls.status", 1, "7E 00 01 10 00 00 00 70"),
    ("speed-gate-7e", "orders.open_left", 1, "7E 00 01 80 01 00 00 FF"),
    ("speed-gate-7e", "orders.close", 1, "7E 00 01 84 00 00 00 FC"),
    ("digicon-tx1500", "orders.release_h", 1, "02 02 00 48 48"),
    ("digicon-tx1500", "orders.always_free_h", 1, "02 03 00 4C 48 05"),
    ("digicon-tx1500", "answers.accepted", 1, "02 02 00 06 06"),
    ("mach-power-ac", "orders.open_left", 1, "EB 01 40 00 AA"),
    ("mach-power-ac", "orders.open_right", 1, "EB 01 41 00 AB"),
    ("one-tech-2b-att203", "orders.open_a", 1, "FE 80 01 00 00 00 AB"),
    ("one-tech-2b-att203", "orders.open_b", 1, "FE 80 02 00 00 00 AB"),
    ("one-tech-2b-att203", "answers.passed", 1, "FE 81 01 00 00 00 AB"),
    ("one-tech-2b-att203", "answers.not_passed", 1, "FE 44 02 00 00 00 AB"),
    ("turnstiles-tpw-321asp", "polls.connect", 1, "02 FF 00 04"),
    ("turnstiles-tpw-321asp", "orders.accept", 1, "02 44 00 04"),
    ("turnstiles-tpw-321asp", "answers.refused", 1, "02 F4 00 04"),
]


def _made_or_read(profile: FramedProfile, what: str, address: int, frame: bytes) -> bool:
    part, name = what.split(".")
    if part == "answers":
        assert profile.answer is not None
        assert frame_splitter(profile.answer).receive(frame) == [frame]
        return decode_answer(profile, frame).kind == name
    questions = profile.orders if part == "orders" else profile.polls
    return encode_question(profile, questions[name], address) == frame


@pytest.mark.parametrize(("name", "what", "address", "printed"), GOLDEN)
def test_printed_frames_are_made_and_read(name: str, what: str, address: int, printed: str) -> None:
    """L12."""
    assert _made_or_read(load_profile(name), what, address, bytes.fromhex(printed))


def test_every_shipped_profile_has_two_golden_frames_and_is_named_as_its_file() -> None:
    """L12."""
    for name, path in shipped_profiles().items():
        assert load_profile(name) == load_profile(str(path))
        assert load_profile(name).name == name
        assert len({printed for golden, _, _, printed in GOLDEN if golden == name}) >= 2
        assert f"| `{name}` |" in PAGE.read_text()


@pytest.mark.parametrize("name", shipped_profiles())
def test_another_formula_fails_at_the_published_frames(name: str) -> None:
    """L12: whichever other formula stands in a shipped profile, or none, its published frames refuse it."""
    text = shipped_profiles()[name].read_text()
    own = re.search(r'^checksum = \{ kind = "(\w+)" \}$', text, re.MULTILINE)
    for kind in ChecksumKind:
        line = f'checksum = {{ kind = "{kind.value}" }}'
        if own is not None and kind.value != own[1]:
            changed = text.replace(own[0], line)
        elif own is None and kind is not ChecksumKind.NONE:
            changed = re.sub(r"^(length = .*)$", rf"\1\n{line}", text, flags=re.MULTILINE)
        else:
            continue
        with pytest.raises(DeviceError, match=r"read the gate profile"):
            parse_profile(changed.encode())


def test_misprints_of_a_manual_are_kept_and_known() -> None:
    """The Mach Power manual prints AB for 42 and 43; its own formula gives A8 and A9."""
    profile = load_profile("mach-power-ac")
    assert [entry.frame.hex() for entry in profile.published if entry.misprint] == ["eb014200ab", "eb014300ab"]
    assert encode_question(profile, profile.orders["drop_pole"], 1) == bytes.fromhex("EB014200A8")
    with pytest.raises(DeviceError, match=r"published\[0\].frame is EB 01 42 00 AB, but the profile makes EB 01 42 00 A8"):
        _shipped(
            "mach-power-ac",
            ('frame = "EB 01 40 00 AA"\nis = "orders.open_left"', 'frame = "EB 01 42 00 AB"\nis = "orders.drop_pole"'),
        )


def _shipped(name: str, *changes: tuple[str, str]) -> FramedProfile:
    text = shipped_profiles()[name].read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_profile(text.encode())


def test_the_example_of_the_documentation_is_complete() -> None:
    profile = example()
    assert profile.complete
    assert profile.reason == ""
    assert profile.line.answer_within_s == pytest.approx(0.06)


def test_the_table_of_keys_is_what_the_reader_takes() -> None:
    assert keys_page() in PAGE.read_text()
    assert "escape" in KEYS["command"]


TOO_LITTLE = [
    ("time = { unit_ms = 100 }", "", "time and the blank {time} in the body belong together"),
    ('02 01 {time}"', '02 01"', "time and the blank {time}"),
    ('entry_locked = { field = "state.contacts", bit = 1 }', "", r"no signals.entry_locked: .*\(I2\)"),
    ('emergency = { field = "state.contacts", bit = 4 }', "", r"no signals.emergency: .*\(I5\)"),
    ('persons = { field = "state.persons" }', "", r"no signals.persons: .*\(P9\)"),
    ("[orders.lock_exit]", "[orders.bolt_exit]", "there is no orders.lock_exit"),
    ('acknowledge = "done"', "", r"orders.unlock_entry has no acknowledge: .*\(I2\)"),
    ('acknowledge = "done"', 'acknowledge = "state"', r"what polls answer too: a late sample would pass for it \(I2\)"),
    ("02 02 {time}", "02 01 {time}", r"orders.unlock_entry and orders.unlock_exit are the same: .*\(I1\)"),
    ("bit = 3 }", "bit = 1 }", r"signals.entry_locked and signals.exit_locked are the same: .*\(I1\)"),
    ("complete = true", "complete = false", "reason is missing"),
    ("complete = true", 'complete = true\nreason = "x"', "reason belongs to"),
]
WRONG = [
    ('name = "two-door-board"', 'name = "Two Doors"', "name must be 1 to 40 small letters"),
    ('name = "two-door-board"\n', "", "name is missing"),
    ("baud = 115200", "baud = 12345", "line.baud must be one of 9600, 19200"),
    ("baud = 115200", "baud = true", "line.baud must be a whole number"),
    ("baud = 115200", 'baud = 115200\nformat = "7E1"', 'line.format must be "8N1"'),
    ("answer_within_ms = 60", "answer_within_ms = -60", "line.answer_within_ms must be a whole number from 10 to 130"),
    ("answer_within_ms = 60", "speed = 60", "line.speed is not known; keys here are baud, format"),
    ('start = "A5"', 'start = "G5"', 'command.start must be hex pairs in quotes, like "7E 00"; 1 to 4 bytes'),
    ('start = "A5"', 'start = "A5"\nescape = "7D"', 'command.escape and length = "until_end" belong together'),
    ('kind = "crc16_modbus", order', 'kind = "crc32", order', "command.checksum.kind must be one of none, sum8, sum8_inverted"),
    ("{length} {address} {sequence} 01", "{length} {address} {sequence} __import__('os')", "polls.state.body may hold hex pairs"),
    (
        "{length} {address} {sequence} 01",
        "{address} {sequence} 01",
        "polls.state.body and the table command.length belong together",
    ),
    ("{length} {address} {sequence} 01", "{length} {address} 01", "polls.state.body and answer.sequence_at belong together"),
    ("{length} {address} {sequence} 01", "{address} {sequence} {length} 01", "polls.state.body makes a frame that does not"),
    ('refuse = "refused"', 'refuse = "done"', "orders.unlock_entry.refuse is the answer that acknowledges"),
    ('answer = "state"', 'answer = "news"', "polls.state: the answer 'news' is not described; there are done, refused, state"),
    (
        "[signals]",
        '[signals]\nweather = { field = "state.persons", bit = 0 }',
        "signals.weather is not known; signals are entry_closed",
    ),
    ('persons = { field = "state.persons" }', 'persons = { field = "state.persons", bit = 0 }', "signals.persons is a number"),
    ("bit = 3 }", "bit = 9 }", "signals.exit_locked.bit is beyond the field"),
    ("bit = 3 }", 'bit = 3, is = ["01"] }', "signals.exit_locked.bit and `is` cannot both be"),
    ('"state.contacts", bit = 3 }', '"state.contacts" }', "signals.exit_locked needs `bit` or `is`"),
    ('"state.contacts", bit = 3 }', '"state.bolts", bit = 3 }', "the field 'bolts' is not described; there are board, contacts"),
    ("time_s = 3.0", "time_s = 11", r"published\[0\].time_s must be a number from 0 to 10"),
    ("time_s = 3.0", "time_s = nan", r"published\[0\].time_s must be a number from 0 to 10"),
    ("time_s = 3.0", "time_s = 2.9", r"published\[0\].frame is .* but the profile makes A5 05 01 07 02 01 1D"),
    ("17 0F 00 00", "17 0F 00 01", r"published\[1\].frame is .* no sound frame: look at start, length, checksum and end"),
    ('is = "answers.state"', 'is = "answers.done"', r"published\[1\].frame is .* which is read as answers.state"),
    ('is = "answers.state"', 'is = "answers.state"\nmisprint = true', r"published\[1\].misprint is true, but the frame fits"),
    ('name = "two-door-board"', "name = ", "the file is no TOML: Invalid value"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_what_is_wrong_is_said_in_words(old: str, new: str, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        example((old, new))


@pytest.mark.parametrize(("old", "new", "message"), TOO_LITTLE)
def test_a_profile_that_says_complete_must_be(old: str, new: str, message: str) -> None:
    """I14: what a man-trap needs is demanded by its reason."""
    with pytest.raises(DeviceError, match=message):
        example((old, new))


def test_an_unlock_without_a_time_is_no_gate_unit() -> None:
    """I3, I7: the door would stay unlocked when the controller dies."""
    lines = [line.replace("{time}", "1E") for line in example_text().splitlines() if not line.startswith("time = ")]
    with pytest.raises(DeviceError, match=r"complete is true, but orders.unlock_entry has no \{time\}: .*\(I3, I7\)"):
        parse_profile("\n".join(lines).encode())


def test_a_time_that_is_too_short_is_no_gate_unit() -> None:
    with pytest.raises(DeviceError, match=r"orders.unlock_entry.time reaches 0.255 s only; a lane unlocks for 3 s \(I3\)"):
        example(("unit_ms = 100", "unit_ms = 1"), ("time_s = 3.0", "time_s = 0.03"))


def test_frames_without_a_check_value_are_no_gate_unit() -> None:
    """I8: a flipped bit would pass for a locked door."""
    head, tail = example_text().split("[answer]")
    tail = tail.replace("adds = 4", "adds = 2", 1).replace('checksum = { kind = "crc16_modbus", order = "little" }\n', "", 1)
    text = head + "[answer]" + re.sub(r'"(5A [0-9A-F ]+) [0-9A-F]{2} [0-9A-F]{2}"', r'"\1"', tail)
    with pytest.raises(DeviceError, match=r"complete is true, but answers have no check value: .*\(I8\)"):
        parse_profile(text.encode())


def test_one_published_frame_is_too_little() -> None:
    """L12."""
    text = example_text()
    with pytest.raises(DeviceError, match="published has 1 different frames; 2 at least"):
        parse_profile(text[: text.rindex("[[published]]")].encode())


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"x = " + b"[" * 5000, b"a" * 70_000, b"", b"n = " + b"9" * 5000, b"line = 3\ncomplete = 1"]
)
def test_what_is_no_profile_at_all(data: bytes) -> None:
    with pytest.raises(DeviceError, match="read the gate profile"):
        parse_profile(data)


@pytest.mark.parametrize("name", ["abacus", "", "no/such/file.toml", "a\0b.toml"])
def test_a_profile_that_is_not_there(name: str) -> None:
    with pytest.raises(DeviceError, match=r"shipped are digicon-tx1500|cannot be read"):
        load_profile(name)


def test_a_technician_checks_a_file_and_reads_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.toml"
    own.write_text(example_text())
    frame = example_text().split('frame = "5A')[1].split('"')[0]
    assert main([str(own), "5A" + frame]) == 0
    out = capsys.readouterr().out
    assert "sound, proven by 2 published frames; can be a gate unit" in out
    assert "state: board 23 (two-door board), contacts 15, persons 0, fault 0 (none)" in out
    assert main(["speed-gate-7e"]) == 0
    assert "can be the one door of a lane in one step" in capsys.readouterr().out
    assert main(["mach-power-ac"]) == 0
    assert "is no gate unit: no answer is documented" in capsys.readouterr().out
    own.write_text(example_text().replace("baud = 115200", "baud = 7"))
    assert main([str(own)]) == 1
    assert capsys.readouterr().err.strip() == "read the gate profile: line.baud must be a whole number from 9600 to 921600"
    assert main(["speed-gate-7e", "7F 00"]) == 1
    assert "no sound answer of this board" in capsys.readouterr().err
