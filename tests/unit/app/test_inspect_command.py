"""`egate inspect` and `egate replay` through the real stack: simulated chip, vpcd socket or pty, reader, checks, screen."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import re
import secrets
import shlex
import signal
import socket
import stat
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from drivers.sim.pace import LoopPace
from egate.app.cli import INTERRUPTED
from egate.app.clock import SystemClock
from egate.app.commands import document as document_command
from egate.app.commands import inspect, replay
from egate.app.config import ConfigError
from egate.app.inspecting.printed import printed_data
from egate.app.simulate.document_file import encode_document, read_document
from egate.app.simulate.making import MadeDocument, make_document
from egate.app.simulate.recipe import parse_recipe
from egate.app.simulate.serving import Air, serve_on_pty, serve_on_vpcd
from egate.inspection.export import parse_record
from egate.inspection.logging_profile import LoggingProfile
from egate.inspection.rejudging import recorded_mrz
from egate.model.checks import Outcome
from egate.model.document import ElementaryFile
from egate.model.errors import DeviceError
from tests.unit.optics.pages import as_file, draw_page

DOCS = Path(__file__).parents[3] / "docs" / "inspection.md"
HOLDER = "MUSTERMANN"


@cache
def made(defect: str = "none", further: str = "") -> MadeDocument:
    return make_document(parse_recipe(f'seed = "3"\ndefect = "{defect}"\n{further}'.encode(), Path()), _machine_day())


def _machine_day() -> date:
    return datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, UTC).date()


@dataclass
class Run:
    """How a command ended, and what it showed."""

    status: int
    shown: str


class Served:
    """A document that lies on a reader while the body runs, in a thread with a loop of its own."""

    def __init__(self, serve: Callable[[], object]) -> None:
        self._serve = serve
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._task: asyncio.Task[object] | None = None
        self._begun = threading.Event()

    def _run(self) -> None:
        async def serve() -> None:
            self._task = asyncio.ensure_future(self._serve())  # type: ignore[call-overload]  # a coroutine of any result
            self._begun.set()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

        self._loop.run_until_complete(serve())
        self._loop.close()

    def __enter__(self) -> Served:
        self._thread.start()
        self._begun.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def trust_folder(root: Path, document: MadeDocument) -> Path:
    folder = root / "trust"
    folder.mkdir(exist_ok=True)
    for name, data in document.trust.items():
        (folder / name).write_bytes(data)
    return folder


def parse(command: object, arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="egate")
    command.add_arguments(parser)  # type: ignore[attr-defined]  # a module of egate.app.commands
    return parser.parse_args(arguments)


def run(command: object, *arguments: str) -> Run:
    shown = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(shown):
        status: int = command.run(parse(command, list(arguments)))  # type: ignore[attr-defined]  # as above
    shown.seek(0)
    return Run(status, shown.read())


def inspected(root: Path, document: MadeDocument, *arguments: str, lines: tuple[str, ...] | None = None) -> Run:
    """Inspect a document over a vpcd socket, trusting what was made with it."""
    port = free_port()
    printed = document.document.lines if lines is None else lines
    given = ["--mrz", *printed] if printed else []
    with Served(
        lambda: serve_on_vpcd(document.document, ("127.0.0.1", port), secrets.token_bytes, None, LoopPace(), lambda _text: None)
    ):
        place = ["--reader", f"vpcd:127.0.0.1:{port}", "--wait", "20", "--trust", str(trust_folder(root, document))]
        return run(inspect, *place, *given, *arguments)


def test_a_genuine_document_is_admitted(tmp_path: Path) -> None:
    ended = inspected(tmp_path, made())
    assert ended.status == 0
    assert "ADMIT" in ended.shown
    assert HOLDER in ended.shown
    assert "from the chip, as its State signed it" in ended.shown
    assert "\x1b" not in ended.shown  # no terminal, no colours


@pytest.mark.parametrize(
    ("defect", "reason"),
    [
        ("cloned", "the chip may be a copy"),
        ("expired_signer", "certificate is not valid today"),
        ("swapped_portrait", "not what the issuer signed: DG2"),
        ("foreign_signer", "State of the certificate differ"),
        ("revoked_signer", "was revoked"),
        ("wrong_signature", "does not hold"),
        ("unknown_issuer", "No trusted country signing key"),
    ],
)
def test_a_defect_is_referred_with_its_reason_first(tmp_path: Path, defect: str, reason: str) -> None:
    ended = inspected(tmp_path, made(defect))
    flat = " ".join(ended.shown.split())
    assert ended.status == 1
    assert reason in flat
    assert "REFER to an officer" in flat
    assert flat.index(reason) < flat.index("✔")


def test_a_document_that_is_not_authentic_is_not_called_signed(tmp_path: Path) -> None:
    assert "NOT proven authentic" in inspected(tmp_path, made("foreign_signer")).shown


def test_an_unreadable_chip_names_one_reason_and_what_follows(tmp_path: Path) -> None:
    wrong = ("P<UTOMUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
    ended = inspected(tmp_path, made(), lines=wrong)
    assert ended.status == 1
    assert "refused the keys" in ended.shown
    assert "so not checked" in ended.shown
    assert "was not read." not in ended.shown  # what follows is not told one by one


@pytest.mark.parametrize("columns", [44, 60, 80, 120])
@pytest.mark.parametrize("defect", ["none", "cloned"])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int, defect: str) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for line in inspected(tmp_path, made(defect)).shown.splitlines():
        assert len(line) <= columns, line


def test_a_full_record_is_written_and_replayed(tmp_path: Path) -> None:
    """The whole way: read, recorded, judged again with the record's own certificates, then on another day."""
    record, tree, portrait = tmp_path / "r.json", tmp_path / "r.xml", tmp_path / "face"
    ended = inspected(
        tmp_path,
        made("none", '[access]\npace = ["cam-aes-128-brainpoolP256r1"]\n'),
        *("--json", str(record), "--log-profile", "full", "--xml", str(tree), "--portrait", str(portrait)),
    )
    assert ended.status == 0
    for path in (record, tree, portrait):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    parsed = parse_record(record.read_bytes())
    assert parsed.decisions[-1].outcome is Outcome.ADMIT
    assert [held.name for held in parsed.components[:4]] == ["egate", "python", "cryptography", "openssl"]
    assert parsed.reading.commands == len(parsed.trace) > 20
    assert all(line.took_us > 0 for line in parsed.trace)
    assert ET.parse(tree).getroot().get("transaction") == parsed.transaction
    assert portrait.read_bytes()[:2] == b"\xff\xd8"
    same = run(replay, str(record))
    assert (same.status, "end as before" in same.shown) == (0, True)
    later = run(replay, str(record), "--at", "2045-01-01", "--trust", str(tmp_path / "trust"))
    assert later.status == 1
    assert "document_expired" in later.shown


def test_the_default_record_holds_nothing_of_the_holder_and_says_so(tmp_path: Path) -> None:
    record = tmp_path / "r.json"
    inspected(tmp_path, made(), "--json", str(record))
    assert HOLDER.encode() not in record.read_bytes()
    assert json.loads(record.read_bytes())["logging"] == LoggingProfile.BASIC.value
    with pytest.raises(ConfigError, match=r"cannot be judged again.*basic.*full"):
        run(replay, str(record))


def test_further_files_are_read_and_shown(tmp_path: Path) -> None:
    record = tmp_path / "r.json"
    document = made("none", '[files]\nfurther = ["DG11", "DG12", "DG13"]\n')
    ended = inspected(tmp_path, document, "--files", "all", "--json", str(record))
    files = {entry.file for entry in parse_record(record.read_bytes()).files if entry.read}
    assert {ElementaryFile.DG11, ElementaryFile.DG12, ElementaryFile.DG13, ElementaryFile.DIR} <= files
    assert "issuing authority" in ended.shown


def test_what_a_gate_would_refer_for_its_day_of_issue_is_referred_here(tmp_path: Path) -> None:
    """Without a word about files: the exit status says what a gate would do, so what a gate reads is read."""
    ended = inspected(tmp_path, made("signer_key_period_over"))
    assert ended.status == 1
    assert "issuer's chain" in ended.shown


def test_the_profile_says_how_a_chip_is_opened(tmp_path: Path) -> None:
    text = files("egate.checks.profiles").joinpath("eu-entry.toml").read_text("utf-8")
    strict = text.replace("allow_bac = true", "allow_bac = false").replace('["cam", "gm", "im"]', '["im"]')
    profile = tmp_path / "strict.toml"
    profile.write_text(strict)
    assert inspected(tmp_path, made()).status == 0
    ended = inspected(tmp_path, made(), "--profile", str(profile))
    assert ended.status == 1
    assert "ecdh-gm" not in ended.shown


def test_without_trust_everything_is_read_and_the_reason_said(tmp_path: Path) -> None:
    port, document = free_port(), made().document
    with Served(lambda: serve_on_vpcd(document, ("127.0.0.1", port), secrets.token_bytes, None, LoopPace(), lambda _text: None)):
        ended = run(inspect, "--reader", f"vpcd:127.0.0.1:{port}", "--mrz", *document.lines)
    assert ended.status == 1
    assert "No --trust was given" in ended.shown


def test_a_card_by_its_access_number_alone(tmp_path: Path) -> None:
    """The print is unknown, so what it would have to be compared with stays open, and an officer looks."""
    document = made("none", '[document]\nkind = "TD1"\n[access]\nbac = false\ncan = "123456"\n')
    ended = inspected(tmp_path, document, "--can", "123456", lines=())
    assert ended.status == 1
    assert HOLDER in ended.shown
    assert ended.shown.count("Were not given") == 1
    wrong = inspected(tmp_path, document, "--can", "123457", lines=())
    assert "The chip refused the card access number." in " ".join(wrong.shown.split())


def test_by_number_birth_and_expiry(tmp_path: Path) -> None:
    line = made().document.lines[1]
    ended = inspected(tmp_path, made(), "--number", line[:9], "--birth", "1984-05-17", "--expiry", line[21:27], lines=())
    assert "PACE" in ended.shown
    assert ended.status == 1


def test_typed_lines_are_asked_for_until_they_are_a_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = made().document.lines
    monkeypatch.setattr("sys.stdin", io.StringIO(f"not a zone\nat all\n{first.lower()}\n{second[:20]} {second[20:]}\n"))
    assert inspected(tmp_path, made(), lines=()).status == 0


def test_a_pn532_on_a_serial_line(tmp_path: Path) -> None:
    port, document = tmp_path / "reader", made()
    air = Air(848_000, 0.0)
    with Served(lambda: serve_on_pty(document.document, port, secrets.token_bytes, air, LoopPace(), lambda _text: None)):
        while not port.is_symlink():
            threading.Event().wait(0.01)
        ended = run(
            inspect,
            *("--reader", f"pn532:{port}", "--emulated", "--trust", str(trust_folder(tmp_path, document))),
            *("--mrz", *document.document.lines),
        )
    assert ended.status == 0


def test_fingerprints_are_read_by_a_terminal_with_rights_and_kept_by_no_record(tmp_path: Path) -> None:
    """The whole of extended access control over a socket: chip authentication, terminal authentication, DG3."""
    document = made("none", '[chip]\nterminal_authentication = true\n[files]\nfurther = ["DG3"]\n')
    for name, data in document.terminal.items():
        (tmp_path / name).write_bytes(data)
    record = tmp_path / "r.json"
    chain = [str(tmp_path / name) for name in ("verifier.cvcert", "terminal.cvcert")]
    rights = ["--terminal-chain", *chain, "--terminal-key", str(tmp_path / "terminal-key.pem")]
    ended = inspected(tmp_path, document, *rights, "--files", "DG3", "--json", str(record), "--log-profile", "full")
    assert ended.status == 0
    assert "fingerprints may be read" in ended.shown
    parsed = parse_record(record.read_bytes())
    assert parsed.personal is not None
    assert ElementaryFile.DG3 in {entry.file for entry in parsed.files if entry.read}
    assert ElementaryFile.DG3 not in {entry.file for entry in parsed.personal.files}
    assert run(replay, str(record)).status == 0


def test_ctrl_c_ends_it_without_a_word_of_python(tmp_path: Path) -> None:
    program = (
        "import sys; from egate.app import cli; cli.COMMANDS = {'inspect': ('egate.app.commands.inspect', 'x')}; "
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    arguments = ["inspect", "--reader", f"vpcd:127.0.0.1:{free_port()}", "--json", str(tmp_path / "r.json"), *LINES]
    child = subprocess.Popen([sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    port = int(arguments[2].rpartition(":")[2])
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        threading.Event().wait(0.05)
    child.send_signal(signal.SIGINT)
    shown, said = child.communicate(timeout=20)
    assert child.returncode == INTERRUPTED
    assert (shown, b"Traceback" in said) == (b"", False)
    assert list(tmp_path.iterdir()) == []


# -- what cannot be inspected ---------------------------------------------------------------------------------------------


def test_no_document_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no chip connected to 127"):
        run(inspect, "--reader", f"vpcd:127.0.0.1:{free_port()}", "--mrz", *made().document.lines, "--wait", "0.2")


LINES = ["--mrz", "P<UTOMUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--reader", "usb"], "no kind 'usb'; known: pcsc, pn532, vpcd"),
        (["--reader", "pn532"], "needs its serial port"),
        (["--mrz", "P<UTO"], "cannot be read"),
        (["--can", "12"], "six digits"),
        (["--number", "X1"], "go together"),
        (["--number", "X1", "--birth", "tomorrow", "--expiry", "300101"], "write YYYY-MM-DD"),
        (["--number", "Ä", "--birth", "840517", "--expiry", "300101"], "letters, digits"),
        (["--picture", "/nowhere.jpg"], "No such file"),
        (["--trust", "/nowhere"], "no such folder"),
        (["--profile", "/nowhere"], "No such file"),
        (["--files", "DG99"], "no such file; known"),
        (["--files", "DG3"], "needs --terminal-chain"),
        (["--terminal-key", "/nowhere"], "go together"),
        (["--json", "/nowhere/r.json"], "nothing can be written"),
        (["--wait", "0"], "--wait is from 0"),
    ],
)
def test_each_mistake_ends_in_a_sentence_that_says_what_to_do(arguments: list[str], problem: str) -> None:
    given = arguments if {"--mrz", "--can", "--number", "--picture"} & set(arguments) else [*arguments, *LINES]
    with pytest.raises(ConfigError, match=re.escape(problem)):
        run(inspect, "--reader", "pcsc", *given) if "--reader" not in arguments else run(inspect, *given)


def test_nobody_types_for_ever() -> None:
    def nothing(_prompt: str) -> str:
        raise EOFError

    with pytest.raises(ConfigError, match="--can"):
        printed_data(parse(inspect, []), nothing)
    with pytest.raises(ConfigError, match="--can"):
        printed_data(parse(inspect, []), lambda _prompt: "x")


def test_a_picture_of_the_page_gives_the_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child that reads pictures is another's; here only that its lines are used, and why there are none is said."""
    picture = tmp_path / "page.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xd9")
    with pytest.raises(ConfigError, match="this picture cannot be read"):
        printed_data(parse(inspect, ["--picture", str(picture)]), lambda _prompt: "")
    picture = tmp_path / "page.png"
    picture.write_bytes(as_file(np.full((600, 900), 255, np.uint8)))
    with pytest.raises(ConfigError, match="no machine readable zone was found"):
        printed_data(parse(inspect, ["--picture", str(picture)]), lambda _prompt: "")


def test_a_drawn_page_is_inspected_from_its_picture(tmp_path: Path) -> None:
    """From pixels to the verdict: recogniser, chip, checks."""
    pytest.importorskip("onnxruntime")
    picture = tmp_path / "page.png"
    picture.write_bytes(as_file(draw_page(made().document.lines)))
    assert inspected(tmp_path, made(), "--picture", str(picture), lines=()).status == 0


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xff", b"[]"])
def test_a_foreign_file_is_no_record(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"r\.json is no inspection record, or damaged"):
        run(replay, str(path))


def test_a_record_of_a_newer_version_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('{"schema": 99, "of": "tomorrow"}')
    with pytest.raises(ConfigError, match=r"r\.json: a newer version of egate wrote it \(format 99"):
        run(replay, str(path))


def test_what_can_be_put_right_is_said_before_a_document_is_read(tmp_path: Path) -> None:
    """An empty trust folder, and files that are left out: told although no document ever comes."""
    shown = io.StringIO()
    place = ["--reader", f"vpcd:127.0.0.1:{free_port()}", "--wait", "0.1", "--files", "all", "--trust", str(tmp_path)]
    with contextlib.redirect_stdout(shown), pytest.raises(DeviceError, match="no chip connected"):
        inspect.run(parse(inspect, [*place, *LINES]))
    said = " ".join(shown.getvalue().split())
    assert "holds no country signing certificate" in said
    assert "--files all leaves out DG3 and DG4" in said


def test_replay_says_what_a_day_is(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    inspected(tmp_path, made(), "--json", str(path), "--log-profile", "full")
    with pytest.raises(ConfigError, match="--at"):
        run(replay, str(path), "--at", "tomorrow")
    assert recorded_mrz(parse_record(path.read_bytes())) is not None


def test_a_cut_list_in_a_plain_folder_is_named_and_not_used(tmp_path: Path) -> None:
    folder = trust_folder(tmp_path, made())
    (folder / "note.txt").write_text("not a certificate")
    ended = inspected(tmp_path, made())
    assert "not used: " in ended.shown
    assert ended.status == 0


# -- the how-to -----------------------------------------------------------------------------------------------------------


def commands_of_the_docs() -> list[str]:
    """Every `egate inspect` and `egate replay` line of the how-to's code blocks, continued lines joined."""
    blocks = re.findall(r"```\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith(("egate inspect", "egate replay"))]


@pytest.mark.parametrize("line", commands_of_the_docs())
def test_every_command_of_the_how_to_is_understood(line: str) -> None:
    _egate, name, *arguments = shlex.split(line, comments=True)
    parse({"inspect": inspect, "replay": replay}[name], arguments)


def test_the_how_to_by_heart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated passport of the how-to is made, served, inspected and replayed with the very lines that stand there."""
    monkeypatch.chdir(tmp_path)
    text = DOCS.read_text("utf-8")
    Path("passport.toml").write_text('seed = "1"\n')
    make = next(line for line in text.splitlines() if line.startswith("egate document make"))
    assert run(document_command, *shlex.split(make)[2:]).status == 0
    simulated = next(line for line in commands_of_the_docs() if "vpcd:" in line and "full" in line)
    port = free_port()
    arguments = [part.replace("35963", str(port)) for part in shlex.split(simulated)[2:]]
    document = read_document(Path("passport/passport.document"))
    assert encode_document(document) == Path("passport/passport.document").read_bytes()
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(document.lines) + "\n"))
    with Served(lambda: serve_on_vpcd(document, ("127.0.0.1", port), secrets.token_bytes, None, LoopPace(), lambda _text: None)):
        assert run(inspect, *arguments).status == 0
    again = next(line for line in commands_of_the_docs() if line.startswith("egate replay record.json"))
    assert run(replay, *shlex.split(again, comments=True)[2:]).status == 0


@pytest.fixture(autouse=True)
def _no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
