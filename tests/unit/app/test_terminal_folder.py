"""An agency's terminal certificates: loaded, ordered by who signed whom, verified at the start, and named before they end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drivers.sim.passport.chip_verification import Holder, VerificationKind, VerificationOffice
from egate.app.config import ConfigError
from egate.app.terminal_folder import WITHIN_DAYS, load_terminal_folder
from egate.model.document import ElementaryFile, ProtocolState
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.reading import ReadRequest
from egate.pki.cvc import parse_certificate
from tests.unit.mrtd.chip_reading import INFORMATION, entropy, read
from tests.unit.mrtd.test_terminal_auth_whole import DG3, TODAY, chip_of, office


def put(folder: Path, certificates: dict[str, bytes], system: Holder) -> Path:
    """A State's folder as an agency fills it; file names say nothing about the order."""
    folder.mkdir(parents=True)
    for name, data in certificates.items():
        (folder / name).write_bytes(data)
    key = folder / "terminal.pem"
    key.write_bytes(system.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    return folder


def state_folder(directory: Path, state: VerificationOffice, name: str) -> Path:
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    names = ("z-root.cvcert", "a-verifier.cvcert", "m-terminal.cvcert")
    found = dict(zip(names, (state.root.certificate, verifier.certificate, system.certificate), strict=True))
    return put(directory / name, found, system)


def last_day(folder: Path) -> date:
    return min(parse_certificate(path.read_bytes()).last_day for path in folder.glob("*.cvcert"))


def refusal(directory: Path, today: date = TODAY) -> str:
    with pytest.raises(ConfigError) as caught:
        load_terminal_folder(directory, today)
    assert "[terminal] directory" in str(caught.value)
    return str(caught.value)


def test_two_states_and_a_chip_of_one(tmp_path: Path) -> None:
    state_folder(tmp_path, VerificationOffice.create("XX", entropy(9), TODAY, VerificationKind.RSA), "XX")
    state_folder(tmp_path, office(), "UT")
    terminal = load_terminal_folder(tmp_path, TODAY)
    assert len(terminal) == 2
    request = ReadRequest(INFORMATION, later_files=(ElementaryFile.DG3,), terminal=terminal)
    evidence = read(chip_of(office(), CipherSuite.AES128, group=False).transceive, request)
    assert evidence.outcome("terminal_authentication").state is ProtocolState.COMPLETED
    assert evidence.files[ElementaryFile.DG3] == DG3


def test_links_of_cvca_generations_are_part_of_the_chain(tmp_path: Path) -> None:
    """The chip knows the old CVCA only: the link leads on from it."""
    old = office()
    new = old.with_new_key(TODAY)
    verifier = new.verifier(TODAY)
    system = new.inspection_system(verifier, TODAY)
    certificates = [*new.chain(verifier, system), old.root.certificate]
    put(tmp_path / "UT", {f"{number}.cvcert": data for number, data in enumerate(certificates)}, system)
    terminal = load_terminal_folder(tmp_path, TODAY)
    assert len(terminal[0].chain) == 3
    request = ReadRequest(INFORMATION, later_files=(ElementaryFile.DG3,), terminal=terminal)
    evidence = read(chip_of(old, CipherSuite.AES128, group=False).transceive, request)
    assert evidence.files[ElementaryFile.DG3] == DG3


def _drop(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _spoil(folder: Path) -> None:
    path = folder / "m-terminal.cvcert"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop("z-root.cvcert"), "must hold 3 to"),
        (_drop("terminal.pem"), "exactly one key"),
        (lambda folder: (folder / "terminal.pem").chmod(0o640), "chmod 600"),
        (_spoil, "signature"),
        (lambda folder: (folder / "terminal.pem").write_text("no key"), "holds no key"),
        (lambda folder: (folder / "a-verifier.cvcert").write_bytes(b"\x7f\x21\x00"), "UT: "),
        (lambda folder: (folder / "a-verifier.cvcert").write_bytes(bytes(5_000)), "larger than"),
        (
            lambda folder: (folder / "x.cvcert").write_bytes((folder / "m-terminal.cvcert").read_bytes()),
            "exactly one certificate",
        ),
        (
            lambda folder: (folder / "z-root.cvcert").write_bytes(
                VerificationOffice.create("XX", entropy(9), TODAY).root.certificate
            ),
            "is missing",
        ),
    ],
    ids=["root", "key", "mode", "signature", "no-key", "malformed", "large", "two-terminals", "other-root"],
)
def test_what_does_not_hold_together_stops_the_start(tmp_path: Path, change: Callable[[Path], object], words: str) -> None:
    change(state_folder(tmp_path, office(), "UT"))
    assert words in refusal(tmp_path)


def test_a_key_of_another_terminal_is_refused(tmp_path: Path) -> None:
    first = state_folder(tmp_path / "one", office(), "UT")
    second = state_folder(tmp_path / "two", VerificationOffice.create("UT", entropy(8), TODAY), "UT")
    (first / "terminal.pem").write_bytes((second / "terminal.pem").read_bytes())
    assert "another key" in refusal(tmp_path / "one")


def test_a_folder_that_is_empty_or_absent(tmp_path: Path) -> None:
    assert "one folder for each State" in refusal(tmp_path)
    assert "leave the table out" in refusal(tmp_path / "none")


def test_not_yet_in_force_is_refused(tmp_path: Path) -> None:
    state_folder(tmp_path, office(), "UT")
    assert "not yet in force" in refusal(tmp_path, TODAY - timedelta(days=3))


@pytest.mark.parametrize("left", [WITHIN_DAYS + 1, WITHIN_DAYS, 0, -1])
def test_the_end_is_said_in_time(tmp_path: Path, caplog: pytest.LogCaptureFixture, left: int) -> None:
    """A lane does not stop over fingerprints: expired certificates are left out, and the log says so."""
    folder = state_folder(tmp_path, office(), "UT")
    with caplog.at_level(logging.WARNING):
        terminal = load_terminal_folder(tmp_path, last_day(folder) - timedelta(days=left))
    assert bool(terminal) is (left >= 0)
    said = caplog.text
    assert ("UT ends in" in said) is (0 <= left <= WITHIN_DAYS)
    assert ("UT expired on" in said) is (left < 0)


def test_nothing_secret_shows(tmp_path: Path) -> None:
    folder = state_folder(tmp_path, office(), "UT")
    shown = repr(load_terminal_folder(tmp_path, TODAY))
    assert (folder / "terminal.pem").read_text().splitlines()[1] not in shown
