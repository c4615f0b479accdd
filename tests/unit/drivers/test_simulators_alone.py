"""The simulators as programs of their own: they serve, obey typed words, and leave nothing behind when stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAMS = {
    "gate_unit": ["--key-file", "key"],
    "pn532": ["--baud", "0"],
    "mrz_reader": [],
    "boarding_pass_reader": [],
    "modbus_board": ["--boards", "1:waveshare-relay-8 2:inputs-8"],
}


def start(program: str, folder: Path) -> subprocess.Popen[str]:
    (folder / "key").write_text("000102030405060708090a0b0c0d0e0f\n")
    extra = [str(folder / word) if word == "key" else word for word in PROGRAMS[program]]
    command = [sys.executable, "-m", f"drivers.sim.{program}", "--pty", str(folder / "port"), *extra]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_port(folder: Path) -> None:
    for _ in range(500):
        if (folder / "port").exists():
            return
        time.sleep(0.02)  # noqa: TID251 - a test of a foreign process waits in real time
    raise AssertionError("the port never came")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, None])
def test_it_serves_and_cleans_up(program: str, number: signal.Signals | None, tmp_path: Path) -> None:
    process = start(program, tmp_path)
    try:
        wait_for_port(tmp_path)
        if number is not None:
            process.send_signal(number)
            process.wait(10)
        _, errors = process.communicate("\n", timeout=10) if number is None else (None, process.stderr and process.stderr.read())
    finally:
        process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    assert process.returncode == 0
    assert errors == ""
    assert not (tmp_path / "port").is_symlink()


def test_the_gate_obeys_typed_words(tmp_path: Path) -> None:
    process = start("gate_unit", tmp_path)
    output, errors = process.communicate("\nemergency on\nnonsense\n", timeout=20)
    assert process.returncode == 0
    assert errors == ""
    lines = output.splitlines()
    assert lines[0] == "entry closed locked | exit closed locked | 0 inside"
    assert any("EMERGENCY" in line for line in lines)
    assert any(line.startswith("words:") for line in lines)


def test_a_missing_key_file_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "drivers.sim.gate_unit", "--pty", str(tmp_path / "port"), "--key-file", str(tmp_path / "no")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
