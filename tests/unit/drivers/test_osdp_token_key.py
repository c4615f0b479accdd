"""A gate unit whose base key stays in a PKCS#11 token: the same session, and a loss in words when the token goes (L5, L6)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from drivers.counters import DeviceCounters
from drivers.gate.osdp import OsdpConfig
from drivers.gate.osdp_protocol import ControlPanel
from drivers.gate.osdp_secure import DEFAULT_KEY, KeyInMemory, SecureChannel
from egate.model.errors import DeviceError
from egate.model.lane import Door
from egate.storage.keystore.keyring import Keyring
from egate.storage.keystore.references import TokenReference, parse_reference
from egate.storage.keystore.secrets import KeyKind
from egate.storage.keystore.token import Token
from tests.unit.drivers.wires import KEY, gate_wire, online, run, until
from tests.unit.storage.soft_token import make_token, needs_softhsm, prepare_softhsm


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> TokenReference:
    folder = tmp_path_factory.mktemp("softhsm")
    prepare_softhsm(folder)
    named = parse_reference(make_token(folder, "gates").uri("gate"), folder)
    assert isinstance(named, TokenReference)
    with closing(Token(named, writing=True)) as token:
        token.take_in(KeyKind.AES128, KEY)
    return named


class Elsewhere:
    """A key that lies elsewhere and may be taken away."""

    def __init__(self, secret: bytes) -> None:
        self.key = KeyInMemory(secret)
        self.gone = False
        self.asked = 0

    def encrypt_block(self, block: bytes) -> bytes:
        self.asked += 1
        if self.gone:
            raise DeviceError("using the key", "it was pulled")
        return self.key.encrypt_block(block)


@needs_softhsm
def test_a_door_moves_in_a_session_that_the_token_began(reference: TokenReference, tmp_path: Path) -> None:
    async def story() -> None:
        with closing(Keyring(None)) as ring:
            async with gate_wire(tmp_path, config=OsdpConfig(ring.block_key(reference))) as (gate, unit, clock):
                await gate.unlock(Door.ENTRY, 1.0, 1)
                await until(lambda: unit.mantrap.released(Door.ENTRY), clock)

    run(story())


def test_the_session_does_without_the_token(tmp_path: Path) -> None:
    """N4: a slow token must not stand between a decision and its bytes."""

    async def story() -> None:
        key = Elsewhere(KEY)
        async with gate_wire(tmp_path, config=OsdpConfig(key)) as (gate, unit, _):
            asked = key.asked
            for number in range(1, 6):
                await gate.unlock(Door.ENTRY, 1.0, number)
            assert key.asked == asked
            assert unit.mantrap.released(Door.ENTRY)

    run(story())


def test_a_pulled_token_is_a_lost_unit_in_words(tmp_path: Path) -> None:
    """L2, L14: the next handshake needs it; until it is back the unit is lost, and the driver goes on."""

    async def story() -> None:
        key = Elsewhere(KEY)
        async with gate_wire(tmp_path, config=OsdpConfig(key)) as (gate, unit, clock):
            key.gone = True
            unit.peripheral.reset()
            await until(lambda: not online(gate), clock)
            with pytest.raises(DeviceError):
                await gate.unlock(Door.ENTRY, 1.0, 1)
            key.gone = False
            await until(lambda: online(gate), clock)

    run(story())


def test_the_published_key_is_refused_wherever_it_lies() -> None:
    """L5."""
    for key in (DEFAULT_KEY, Elsewhere(DEFAULT_KEY)):
        with pytest.raises(DeviceError, match="published default"):
            ControlPanel(1, key, bytes, DeviceCounters())


def test_a_key_elsewhere_makes_the_same_channel() -> None:
    here, there = SecureChannel(KEY, bytes(8), bytes(range(8))), SecureChannel(Elsewhere(KEY), bytes(8), bytes(range(8)))
    assert here.client_cryptogram == there.client_cryptogram
    assert here.initial_mac == there.initial_mac
    assert "0001" not in repr(KeyInMemory(KEY))
