"""Keys that a lane's file names: from the keystore or a token, fetched before any device is touched, never in the file (L6)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from drivers.gate.osdp import OsdpGate
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.config import ConfigError, LaneConfig, load_config, parse_config
from egate.app.demo.installation import Installation, make_installation
from egate.app.named_keys import NamedKey
from egate.app.wiring import build_parts, make_gate_device
from egate.model.errors import EgateError
from egate.storage.keystore.references import StoreReference, TokenReference, parse_reference
from egate.storage.keystore.secrets import KeyKind, StoredKey
from egate.storage.keystore.store import Keystore
from egate.storage.keystore.token import Token
from tests.unit.app.app_bench import TODAY
from tests.unit.app.test_config import GOOD
from tests.unit.storage.soft_token import SoftToken, make_token, needs_softhsm, prepare_softhsm

CLOCK = SystemClock()
GATE_FILE, LIST_FILE = 'key_file = "keys/gate.hex"', 'key_file = "keys/lists.hex"'


@pytest.fixture
def place(tmp_path: Path, issuer: SimulatedIssuer) -> Installation:
    """An installation whose keys lie in a keystore."""
    made, _ = make_installation(tmp_path / "lane", issuer.csca_certificate, TODAY, [("UTO", "L00000001")])
    store = Keystore(made.root / "keystore" / "keys.json")
    for name in ("gate", "lists"):
        secret = bytes.fromhex(made.key(f"{name}.hex").read_text())
        kind = KeyKind.AES128 if len(secret) == 16 else KeyKind.AES256
        store.add(name, StoredKey(kind, "2026-11-24", secret))
        made.key(f"{name}.hex").unlink()
    change(made, GATE_FILE, 'key = "keystore:gate"')
    change(made, LIST_FILE, 'key = "keystore:lists"')
    change(made, "[keys]", '[keys]\nkeystore = "keystore/keys.json"')
    return made


def change(place: Installation, old: str, new: str) -> None:
    text = place.config.read_text()
    assert text.count(old) == 1
    place.config.write_text(text.replace(old, new))


def loaded(place: Installation) -> LaneConfig:
    return load_config(place.config)


def test_a_lane_is_wired_with_keys_from_its_keystore(place: Installation) -> None:
    parts = build_parts(loaded(place), CLOCK)
    assert isinstance(parts.gate, OsdpGate)
    assert parts.lists.headers, "the lists opened with their key"


def test_no_key_is_in_the_file_or_in_what_is_read_from_it(place: Installation) -> None:
    """L6."""
    secret = Keystore(place.root / "keystore" / "keys.json").key("gate").secret.hex()
    assert secret not in place.config.read_text()
    assert secret not in repr(loaded(place))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("keystore:gate", "keystore:gone", "no key named gone"),
        ("keystore:gate", "keystore:lists", "it is of kind aes256"),
        ('keystore = "keystore/keys.json"', "", "no keystore is named"),
        ("keystore/keys.json", "keystore/absent.json", "absent.json"),
        ("keystore:lists", "pkcs11:token=t;object=o?module-path=/p.so", "gives none away"),
        ("keystore:gate", "pkcs11:token=t;object=o?module-path=/absent/p.so", r"cannot be used|not installed"),
    ],
)
def test_a_key_that_is_not_there_ends_in_one_sentence(place: Installation, old: str, new: str, says: str) -> None:
    change(place, old, new)
    with pytest.raises(EgateError, match=says) as caught:
        build_parts(loaded(place), CLOCK)
    assert "\n" not in str(caught.value)


def test_a_keystore_that_others_may_read_stops_the_lane(place: Installation) -> None:
    (place.root / "keystore" / "keys.json").chmod(0o640)
    with pytest.raises(EgateError, match="chmod 600"):
        build_parts(loaded(place), CLOCK)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('key = "keystore:gate"\n' + GATE_FILE, "name two keys"),
        ('key = "gate"', "begins with neither"),
        ("key = 7", "must be a text"),
        ('key = "pkcs11:token=t;object=o?module-path=/p.so&pin-value=1234"', "pin-source"),
        ('key = "00112233445566778899aabbccddeeff"', "looks like a key"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_file(value: str, says: str) -> None:
    """I14, L6."""
    with pytest.raises(ConfigError, match=says) as caught:
        parse_config(GOOD.replace(GATE_FILE, value), Path("/somewhere"), "lane.toml")
    assert "[devices.gate] key" in str(caught.value)
    assert "1234" not in str(caught.value)


def test_names_start_from_the_files_folder() -> None:
    text = GOOD.replace(GATE_FILE, 'key = "keystore:gate"').replace("[keys]", '[keys]\nkeystore = "k/keys.json"')
    named = parse_config(text, Path("/etc/egate"), "lane.toml").gate.options["key"]
    assert named == NamedKey(StoreReference("gate"), Path("/etc/egate/k/keys.json"))


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> SoftToken:
    folder = tmp_path_factory.mktemp("softhsm")
    prepare_softhsm(folder)
    return make_token(folder, "lane")


@needs_softhsm
def test_a_gate_units_key_may_stay_in_a_token(place: Installation, token: SoftToken) -> None:
    """L6: the file names it, the token keeps it, and a wrong PIN stops the lane before a device is touched."""
    named = parse_reference(token.uri("gate"), place.root)
    assert isinstance(named, TokenReference)
    with closing(Token(named, writing=True)) as opened:
        opened.make(KeyKind.AES128)
    change(place, "keystore:gate", token.uri("gate"))
    assert isinstance(make_gate_device(loaded(place).gate, CLOCK), OsdpGate)
    change(place, "object=gate", "object=gone")
    with pytest.raises(EgateError, match="no such key"):
        make_gate_device(loaded(place).gate, CLOCK)
