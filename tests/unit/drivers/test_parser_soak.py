"""Random chunks through every protocol parser: nothing is raised, no cut changes a result, the next good message is found.

L8, N9. The ordinary run plays twenty thousand chunks a parser; `make soak` a million each.
"""

from __future__ import annotations

import random
import sys

import pytest

from drivers.framing import FrameSplitter
from drivers.gate.osdp_packet import packet_splitter
from tests.unit.drivers.parsers import Parser, Running, parsers, soak

PARSERS = parsers()
FEW, MANY = 20_000, 1_000_000
SEED = 20261124


@pytest.mark.parametrize("name", PARSERS)
def test_twenty_thousand_chunks(name: str) -> None:
    """L8."""
    played, messages = soak(PARSERS[name], FEW, SEED)
    assert played >= FEW
    assert messages > FEW // 200, "good messages come out of it"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", PARSERS)
def test_a_million_chunks(name: str) -> None:
    """L8, N9."""
    played, messages = soak(PARSERS[name], MANY, SEED + 1)
    sys.stdout.write(f"{name}: {played} chunks, {messages} messages\n")
    assert played >= MANY


def test_each_kind_of_parser_is_there() -> None:
    """A protocol that is added to the drivers is added here."""
    kinds = {name.split(" ")[0] for name in PARSERS}
    assert kinds == {"osdp", "modbus", "framed", "pn532", "mrz", "vpcd", "boarding"}
    assert len(PARSERS) >= 18


class DependsOnCuts(FrameSplitter):
    """Drops what is left of a chunk behind a frame."""

    def receive(self, data: bytes) -> list[bytes]:
        found = super().receive(data)[:1]
        if found:
            self._buffer.clear()
        return found


class Raises(FrameSplitter):
    def receive(self, data: bytes) -> list[bytes]:
        if data.count(b"\x53") > 2:
            raise IndexError("list index out of range")
        return super().receive(data)


class NeverForgets(FrameSplitter):
    def reset(self) -> None:
        """A half message stays."""


def _spoiled(kind: type[FrameSplitter]) -> Parser:
    """The OSDP parser with one defect."""

    def make() -> Running:
        splitter = packet_splitter()
        splitter.__class__ = kind

        def end() -> list[bytes]:
            splitter.reset()
            return []

        return Running(splitter.receive, end)

    good = PARSERS["osdp"]
    return Parser(make, good.good, good.read)


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (DependsOnCuts, AssertionError, "the cut changes the result"),
        (Raises, IndexError, "list index"),
        (NeverForgets, AssertionError, "next good message is not found"),
    ],
)
def test_a_parser_with_one_defect_is_caught(kind: type[FrameSplitter], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        soak(_spoiled(kind), FEW, random.Random(3).randrange(2**32))
