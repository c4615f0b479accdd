"""`egate config`: all problems at once, changes in words, and the way of a change from file to lane and back (T5, I14, L6)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app import cli
from egate.app.clock import SystemClock
from egate.app.config import TABLES, parse_toml
from egate.app.configuring.checking import STAND_INS, check_text
from egate.app.configuring.differing import HIDDEN, differences
from egate.app.demo.installation import Installation, make_installation
from tests.unit.app.app_bench import TODAY


@pytest.fixture
def place(tmp_path: Path, issuer: SimulatedIssuer, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("COLUMNS", "80")
    return make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [])[0]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without the line ends that the width of the screen made."""
    return " ".join(capsys.readouterr().out.split())


def changed(place: Installation, *changes: tuple[str, str], more: str = "") -> Path:
    text = place.config.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = place.root.parent / "new.toml"
    path.write_text(text + more)
    return path


def problems(place: Installation, *changes: tuple[str, str], more: str = "") -> tuple[str, ...]:
    return check_text(changed(place, *changes, more=more).read_text(), place.root, "new.toml", SystemClock()).problems


def test_a_sound_file_has_no_problem_and_remarks_of_this_machine(place: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["config", "check", str(place.config)]) == 0
    shown = said(capsys)
    assert "is sound." in shown
    assert "there is no ports/mrz on this machine now" in shown


def test_all_problems_are_listed_at_once(place: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """I14: unknown, missing, out of range, negative and zero times, and what wiring refuses, each once, in one go."""
    bad = changed(
        place,
        ("number = 1", "number = 0"),
        ('name = "UTO-A1"\n', ""),
        ('"osdp"', '"osdx"'),
        ('"officers"', '"absent"'),
        ("capture_timeout_s = 6", "capture_timeout_s = 6000"),
        ('port = "ports/mrz"', "prot = 1"),
        ('sealing = "keys/sealing.pub"', 'sealing = "keys/7731.pem"'),
        more='[timers]\nlease_s = -1\nclosing_s = 0\nexit_open_s = "soon"\n[nonsense]\na = 1\n[devices.robot]\nb = 1\n',
    )
    assert cli.main(["config", "check", str(bad), "--instead-of", str(place.config)]) == 1
    shown = capsys.readouterr().out
    places = re.findall(r"^✗ (\[[a-z.]+\](?: [a-z_]+)?)", shown, re.MULTILINE)
    assert sorted(places) == sorted(
        [
            "[lane] name",
            "[lane] number",
            "[timers] lease_s",
            "[timers] closing_s",
            "[timers] exit_open_s",
            "[nonsense] is",
            "[devices.robot] is",
            "[devices.mrz] prot",
            "[devices.mrz] port",
            "[devices.gate] choose",
            "[camera] capture_timeout_s",
            "[officers]",
            "[keys] reading",
        ]
    )
    assert f"{len(places)} problems" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lane = 3\n", "[lane] is unknown"),
        ("[lane\n", "is not valid TOML"),
        ("", "[lane] name is missing"),
        ("[devices]\nmrz = 1\n", "[devices.mrz] is unknown"),
        ("devices = 1\n", "[devices] is unknown"),
        ("[lane]\nname = 5\n", "[lane] name is missing"),
    ],
)
def test_any_text_gets_a_list_and_an_end(place: Installation, text: str, words: str) -> None:
    found = check_text(text, place.root, "new.toml", SystemClock()).problems
    assert any(words in problem for problem in found)
    assert len(found) == len(set(found)) < 40


def test_two_times_that_contradict_each_other_are_refused(place: Installation) -> None:
    """I14."""
    (problem,) = problems(place, more="[timers]\nlease_s = 8\nclosing_s = 5\n")
    assert "[timers] lane setting closing_s" in problem


def test_a_key_is_refused_wherever_it_stands(place: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """L6: neither list nor comparison shows it."""
    key = place.key("gate.hex").read_text().strip()
    bad = changed(place, ("keys/gate.hex", key), ('name = "UTO-A1"', f'name = "{key}"'))
    found = check_text(bad.read_text(), place.root, "new.toml", SystemClock()).problems
    assert sum("looks like a key" in problem for problem in found) == 2
    assert cli.main(["config", "apply", str(bad), "--config", str(place.config)]) == 1
    assert cli.main(["config", "diff", str(place.config), str(bad)]) == 1
    shown = capsys.readouterr()
    assert key not in shown.out + shown.err
    assert HIDDEN in shown.out


def test_a_check_remembers_nothing(place: Installation) -> None:
    before = {path: path.stat().st_mtime_ns for path in place.root.rglob("*")}
    assert problems(place) == ()
    assert {path: path.stat().st_mtime_ns for path in place.root.rglob("*")} == before


def test_each_stand_in_is_a_key_that_the_documentation_knows() -> None:
    assert [(table, key) for table, keys in STAND_INS.items() for key in keys if key not in TABLES.get(table, {})] == []


def test_a_difference_names_key_values_and_meaning(place: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """T5."""
    new = changed(
        place, ("number = 1", "number = 2"), ("emulated = true\n\n[camera]", "\n[camera]"), more="[timers]\nlease_s = 4\n"
    )
    assert cli.main(["config", "diff", str(place.config), str(place.config)]) == 0
    assert capsys.readouterr().out.startswith("0 keys differ")
    assert cli.main(["config", "diff", str(place.config), str(new)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["[lane] number", "  was  1", "  now  2", "  the number that travellers and officers see"]
    assert "[devices.gate] emulated" in lines
    assert "  lane timer, 1 to 10 seconds (default 3); see docs/lane.md" in lines
    folder = str(place.root.parent)  # as long as the machine makes it
    assert max(len(line) for line in lines if folder not in line) <= 80


def test_differences_of_any_two_trees_are_found() -> None:
    old, new = parse_toml("a = 1\n[lane]\nname = 'x'\n", ""), parse_toml("[devices]\nmrz = 2\n[lane]\nname = ['y']\n", "")
    assert [(change.table, change.key, change.old, change.new) for change in differences(old, new)] == [
        ("lane", "name", "x", "['y']"),
        ("devices.mrz", "", "not set", "2"),
        ("a", "", "1", "not set"),
    ]


def test_the_way_of_a_change(place: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """T5: apply, confirm, roll back, with the sentence that says what to do next."""
    new, lane = changed(place, ("number = 1", "number = 2")), ["--config", str(place.config)]
    assert cli.main(["config", "apply", str(new), *lane, "--minutes", "5"]) == 0
    assert "egate config confirm --config" in said(capsys)
    assert cli.main(["config", "check", str(place.config)]) == 0
    assert "waits to be confirmed, until 20" in said(capsys)
    assert cli.main(["config", "rollback", "--overdue", *lane]) == 1
    assert "A change waits to be confirmed." in said(capsys)
    assert cli.main(["config", "confirm", *lane]) == 0
    assert cli.main(["config", "confirm", *lane]) == 1
    assert cli.main(["config", "diff", str(place.config)]) == 1
    assert "number = 2" in place.config.read_text()
    assert cli.main(["config", "rollback", *lane]) == 0
    assert "number = 1" in place.config.read_text()
    assert "kept in lane.toml.undone" in said(capsys)


def test_a_lane_that_starts_after_the_deadline_runs_on_the_version_before(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T5: `egate run` itself undoes the change, before it reads the file."""
    started: list[int] = []
    monkeypatch.setattr("egate.app.commands.run.build_parts", lambda config, _clock: started.append(config.number))
    monkeypatch.setattr("egate.app.commands.run.Controller", lambda _parts, **_more: None)
    monkeypatch.setattr("egate.app.commands.run.run_service", lambda _work: 0)
    lane = ["--config", str(place.config)]
    assert cli.main(["config", "apply", str(changed(place, ("number = 1", "number = 2"))), *lane, "--minutes", "1"]) == 0
    assert cli.main(["run", *lane]) == 0
    later = SystemClock().wall_ns() + 61 * 10**9
    monkeypatch.setattr(SystemClock, "wall_ns", lambda _self: later)
    assert cli.main(["run", *lane]) == 0
    assert started == [2, 1]
