"""`egate keys`: what it does with a keystore file and a token, and that it shows no key (L6)."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from egate.app.cli import main
from egate.app.commands.sync import _lane_key
from egate.storage.keys import create_signing_key
from egate.storage.keystore.store import Keystore
from tests.unit.app.test_config import GOOD
from tests.unit.storage.soft_token import SoftToken, make_token, needs_softhsm, prepare_softhsm

SECRET = "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"


class Keys:
    """The command with one keystore."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.store = folder / "keystore" / "keys.json"
        self.said = ""

    def __call__(self, *words: str, status: int = 0) -> str:
        action, *more = words
        assert main(["keys", action, "--keystore", str(self.store), *more]) == status
        shown = self._capsys.readouterr()
        self.said += shown.out + shown.err
        return shown.out + shown.err

    def file(self, name: str, text: str, mode: int = 0o600) -> str:
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)


@pytest.fixture
def keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Keys:
    return Keys(tmp_path, capsys)


def test_a_key_is_made_listed_rotated_and_removed(keys: Keys) -> None:
    keys("make", "gate", "--kind", "aes128")
    first = keys("list")
    assert re.fullmatch(r"gate  aes128   \d{4}-\d\d-\d\d  [0-9a-f]{16}\n", first)
    keys("rotate", "gate")
    assert [line.split()[0] for line in keys("list").splitlines()] == ["gate", "gate.previous"]
    assert first.split()[3] in keys("list").splitlines()[1]
    keys("remove", "keystore:gate.previous")
    assert keys("list").count("\n") == 1
    assert "holds no key" in keys("remove", "gone", status=2)
    assert "already" in keys("make", "gate", "--kind", "aes128", status=2)


def test_no_action_shows_a_key(keys: Keys) -> None:
    """L6."""
    keys("import", "gate", "--kind", "aes128", "--from", keys.file("gate.hex", SECRET + "\n"))
    for kind in ("aes128", "aes256", "ed25519"):
        keys("make", kind, "--kind", kind)
    keys("list")
    keys("check", "gate", "aes128", "aes256", "ed25519")
    keys("rotate", "gate")
    secrets = [key.secret.hex() for key in Keystore(keys.store).keys().values()]
    assert SECRET in secrets
    assert [secret for secret in secrets if secret in keys.said] == []


@pytest.mark.parametrize(
    ("kind", "text", "mode", "says"),
    [
        ("aes128", SECRET[:-2], 0o600, "does not hold one key"),
        ("aes256", SECRET, 0o600, "does not hold one key"),
        ("ed25519", SECRET * 2, 0o600, "does not hold one key"),
        ("aes128", SECRET, 0o644, "chmod 600"),
        ("aes128", "x" * 20_000, 0o600, "larger than"),
    ],
)
def test_a_file_that_is_no_such_key_is_refused_and_not_shown(keys: Keys, kind: str, text: str, mode: int, says: str) -> None:
    said = keys("import", "gate", "--kind", kind, "--from", keys.file("key", text, mode), status=2)
    assert says in said
    assert text not in said
    assert not keys.store.exists()


def test_a_signing_key_moves_from_its_file_into_the_keystore(keys: Keys) -> None:
    made = create_signing_key(keys.folder / "lane.pem", keys.folder / "lane.pub")
    keys("import", "lane", "--kind", "ed25519", "--from", str(keys.folder / "lane.pem"))
    half = load_pem_public_key(keys("public", "lane").encode())
    assert half == made.public_key()
    for name, store in ((str(keys.folder / "lane.pem"), None), ("keystore:lane", keys.store)):
        made.public_key().verify(_lane_key(name, store).sign(b"word"), b"word")
    assert "keys make" in _said_by_sync(keys)


def _said_by_sync(keys: Keys) -> str:
    assert main(["sync", "--lane-key", "keystore:lane", "--make-keys"]) == 2
    return keys._capsys.readouterr().err


def test_a_check_uses_each_key_once_and_says_which_is_bad(keys: Keys) -> None:
    keys("make", "gate", "--kind", "aes128")
    said = keys("check", "gate", "gone", status=1)
    assert re.search(r"good  gate  aes128  [0-9a-f]{16}", said)
    assert re.search(r"BAD   gone  .*no key named gone", said)
    assert "which keys" in keys("check", status=2)


def test_a_check_of_a_lane_looks_at_every_key_that_its_file_names(
    keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys("make", "gate", "--kind", "aes128")
    lists = '[watchlists]\ndirectory = "lists"\nkey_file = "lists.hex"\nsigner = "s.pub"\n'
    text = GOOD.replace('key_file = "keys/gate.hex"', 'key = "keystore:gate"')
    (tmp_path / "lane.toml").write_text(text.replace("[keys]", '[keys]\nkeystore = "keystore/keys.json"') + lists)
    keys.file("lists.hex", SECRET * 2)
    assert main(["keys", "check", "--config", str(tmp_path / "lane.toml")]) == 0
    assert re.search(r"good  \[devices.gate\] key  aes128.*\ngood  \[watchlists\] key_file  256 bits", capsys.readouterr().out)
    os.chmod(tmp_path / "lists.hex", 0o644)
    assert main(["keys", "check", "--config", str(tmp_path / "lane.toml")]) == 1
    assert main(["keys", "list", "--config", str(tmp_path / "lane.toml")]) == 0


def test_without_a_keystore_a_name_means_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "list"]) == 2
    assert "no keystore is named" in capsys.readouterr().err
    (tmp_path / "lane.toml").write_text(GOOD)
    assert main(["keys", "make", "gate", "--kind", "aes128", "--config", str(tmp_path / "lane.toml")]) == 2


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> SoftToken:
    folder = tmp_path_factory.mktemp("softhsm")
    prepare_softhsm(folder)
    return make_token(folder, "lane")


@needs_softhsm
def test_a_token_takes_the_same_words(keys: Keys, token: SoftToken) -> None:
    keys("make", token.uri("sign"), "--kind", "ed25519")
    half = load_pem_public_key(keys("public", token.uri("sign")).encode())
    signature = _lane_key(token.uri("sign"), None).sign(b"word")
    half.verify(signature, b"word")  # type: ignore[union-attr, call-arg]  # an Ed25519 key
    file = keys.file("gate.hex", SECRET)
    keys("import", token.uri("gate"), "--kind", "aes128", "--from", file)
    keys("import", "gate", "--kind", "aes128", "--from", file)
    prints = [line.split()[-1] for line in keys("check", token.uri("gate"), "gate").splitlines()]
    assert prints[0] == prints[1], "a key has one fingerprint, wherever it lies"
    assert "made inside" in keys("import", token.uri("s2"), "--kind", "ed25519", "--from", _pem(keys), status=2)
    assert "making one of another name" in keys("rotate", token.uri("gate"), status=2)
    keys("remove", token.uri("gate"))
    assert "no such key" in keys("check", token.uri("gate"), status=1)


def _pem(keys: Keys) -> str:
    create_signing_key(keys.folder / "s.pem", keys.folder / "s.pub")
    return str(keys.folder / "s.pem")
