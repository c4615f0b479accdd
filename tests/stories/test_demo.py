"""The whole story, headless, as a newcomer starts it: each ending, the lane's log, the centre's ledger, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from egate.app.demo.faces import ensure_demo_faces
from egate.app.demo.installation import LANE_NAME, Installation
from egate.app.demo.story import TRAVELLERS, document_number, names
from egate.model.checks import CheckName, CheckResult
from egate.model.errors import DeviceError
from egate.storage.database import open_read_only
from egate.storage.log import verify_log

pytestmark = [pytest.mark.story, pytest.mark.timeout(300), pytest.mark.xdist_group("demo")]

SEED = 7
SPEED = "3"


@dataclass(frozen=True)
class Played:
    """One run of `egate demo`."""

    status: int
    passages: dict[str, dict[str, Any]]
    place: Installation
    pictures: Path
    errors: str


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    try:
        ensure_demo_faces()
    except DeviceError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("d")
    command = [sys.executable, "-m", "egate", "demo", "--headless", "--json", "--seed", str(SEED), "--speed", SPEED]
    command += ["--keep", str(folder / "k"), "--pictures", str(folder / "p")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    passages = [json.loads(line) for line in done.stdout.splitlines()]
    return Played(
        done.returncode, {entry["traveller"]: entry for entry in passages}, Installation(folder / "k"), folder / "p", done.stderr
    )


def test_every_traveller_of_the_story_passed_once_and_as_expected(played: Played) -> None:
    assert played.errors == ""
    assert played.status == 0
    assert list(played.passages) == list(names())
    assert all(entry["as_expected"] for entry in played.passages.values())


@pytest.mark.parametrize("traveller", TRAVELLERS, ids=lambda traveller: traveller.name)
def test_ending(played: Played, traveller: Any) -> None:
    told, ending = played.passages[traveller.name], traveller.ending
    assert told["outcome"] == ending.outcome.value
    assert {name.value for name in ending.because} <= {text.split(":")[0] for text in told["because"]}
    assert told["left_through"] == (ending.through.value if ending.through else "none")
    assert told["recorded"]
    if ending.act is not None and ending.reason is not None:
        assert (told["officer"]["action"], told["officer"]["reason"]) == (ending.act.value, ending.reason.value)
    words = {result.word for result in CheckResult}
    assert {name.value for name in CheckName} >= set(told["checks"])
    assert all(text.split(": ")[0] in words for text in told["checks"].values())


def test_only_what_is_wrong_fails(played: Played) -> None:
    failed = {
        name: {check for check, text in entry["checks"].items() if text.startswith("failed")}
        for name, entry in played.passages.items()
    }
    assert failed["genuine"] == set()
    assert failed["early-pull"] == set()
    assert failed["lookalike"] == {"face_match"}
    assert failed["cloned-chip"] == {"chip_genuine"}
    assert failed["forged-data"] == {"data_group_hashes"}
    assert failed["expired"] == {"document_expiry"}
    assert failed["watchlist"] == {"document_watchlist"}
    assert failed["printed-photo"] == failed["tablet"] == {"presentation_attack"}
    assert all(played.passages[name]["checks"]["face_match"].startswith("successful") for name in ("printed-photo", "tablet"))


def test_who_is_refused_entry_never_enters_and_a_listed_traveller_walks_in_like_everybody(played: Played) -> None:
    """P7, and the silent referral: up to the camera, a hit looks like no hit."""
    for name in ("cloned-chip", "forged-data", "expired"):
        assert "entry_unlocked" not in played.passages[name]["stages_ms"]
    phases = [stage for stage in played.passages["watchlist"]["stages_ms"] if stage in ("entry_open", "entry_closing", "capture")]
    assert phases == ["entry_open", "entry_closing", "capture"]
    assert played.passages["watchlist"]["alarms"] == ["list_hit"]


def test_both_access_protocols_open_chips(played: Played) -> None:
    chips = {name: entry["chip"] for name, entry in played.passages.items()}
    assert chips["genuine"]["pace"].startswith("completed")
    assert chips["early-pull"]["bac"].startswith("completed")
    assert chips["early-pull"]["pace"].startswith("not_offered")


def test_both_proofs_of_a_genuine_chip_are_given(played: Played) -> None:
    """Chip authentication by today's chips, active authentication by an older one."""
    chips = {name: entry["chip"] for name, entry in played.passages.items()}
    assert chips["genuine"]["chip_authentication"].startswith("completed")
    assert chips["genuine"]["active_authentication"].startswith("not_offered")
    assert chips["early-pull"]["chip_authentication"].startswith("not_offered")
    assert chips["early-pull"]["active_authentication"].startswith("completed rsa-sha256")
    assert played.passages["early-pull"]["checks"]["chip_genuine"].startswith("successful")
    assert chips["cloned-chip"]["chip_authentication"].startswith("broken")


def test_the_record_is_durable_before_the_exit_opens(played: Played) -> None:
    for name in ("genuine", "early-pull"):
        stages = played.passages[name]["stages_ms"]
        assert stages["recording"] <= stages["exit_open"] <= stages["exit_unlocked"]


def test_the_lanes_log_is_whole(played: Played) -> None:
    store = open_read_only(played.place.database)
    try:
        assert verify_log(store, LANE_NAME) == ()
        assert store.number("SELECT count(*) FROM outbox") <= 1, "only the lane's own stop may still wait"
    finally:
        store.close()


def test_the_centre_has_every_crossing_and_opens_it_with_its_key(played: Played) -> None:
    listed = _crossings(played, "--json")
    crossings = [entry for entry in listed if entry["kind"] == "crossing"]
    assert [entry["outcome"] for entry in crossings] == [traveller.ending.outcome.value for traveller in TRAVELLERS]
    acts = [entry for entry in listed if entry["kind"] == "officer_act"]
    assert len(acts) == sum(traveller.ending.act is not None for traveller in TRAVELLERS)
    opened = _crossings(played, "--json", "--open", str(played.place.key("sealing.pem")))
    assert TRAVELLERS[0].surname in json.dumps(opened)
    first = next(entry["personal"] for entry in opened if entry["kind"] == "crossing")
    (engine, value, threshold, _), *_ = first["scores"]
    assert engine == "sface"
    assert value >= threshold


def test_no_personal_data_in_the_clear_anywhere(played: Played) -> None:
    canaries = [traveller.surname for traveller in TRAVELLERS]
    canaries += [document_number(traveller, SEED) for traveller in TRAVELLERS]
    found = []
    for path in played.place.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and "scenes" not in path.parts:
            content = path.read_bytes()
            found += [(path.name, canary) for canary in canaries if canary.encode() in content]
    assert found == []


def test_pictures_of_both_screens_at_the_telling_moments(played: Played) -> None:
    for traveller in TRAVELLERS:
        saved = [path.name for path in (played.pictures / traveller.name).glob("*.png")]
        assert any("kiosk" in name for name in saved), traveller.name
        assert any("guard" in name for name in saved), traveller.name


def test_nothing_is_left_running(played: Played) -> None:
    assert _processes_below(played.place.root) == []
    assert not played.place.socket.exists()
    assert not any(path.is_symlink() for path in (played.place.root / "ports").iterdir())


def test_ctrl_c_stops_everything_and_leaves_nothing(tmp_path: Path) -> None:
    try:
        ensure_demo_faces()
    except DeviceError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "egate", "demo", "--headless", "--json", "--loop", "--keep", str(tmp_path / "k")]
    demo = subprocess.Popen(
        [*command, "--pictures", str(tmp_path / "p")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    assert json.loads(demo.stdout.readline())["recorded"]
    demo.send_signal(signal.SIGINT)
    _, errors = demo.communicate(timeout=30)
    assert "Traceback" not in errors
    assert demo.returncode == 130
    assert _processes_below(tmp_path) == []
    assert not (tmp_path / "k" / "lane.sock").exists()


def test_a_killed_demo_takes_its_processes_with_it(tmp_path: Path) -> None:
    try:
        ensure_demo_faces()
    except DeviceError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "egate", "demo", "--headless", "--json", "--loop", "--keep", str(tmp_path / "k")]
    demo = subprocess.Popen(
        [*command, "--pictures", str(tmp_path / "p")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert demo.stdout is not None
    demo.stdout.readline()
    demo.kill()
    demo.communicate(timeout=10)
    for _ in range(100):
        if not _processes_below(tmp_path):
            break
        time.sleep(0.1)  # noqa: TID251 - the kernel ends the children; nothing else to wait for
    assert _processes_below(tmp_path) == []


def _crossings(played: Played, *more: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "egate", "crossings", "--ledger", str(played.place.ledger), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _processes_below(root: Path) -> list[str]:
    """The command lines of processes that were started for a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(root) in line and "pytest" not in line:
                found.append(line)
    return found
