"""The dialogue is carried over a reader: losses pass through, nonsense of the chip becomes evidence."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import date

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.issuer import PersonData, SimulatedIssuer
from egate.app.inspection import gather_chip, parse_lines
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.model.errors import ChipLost
from egate.mrtd.reading import ReadRequest

TODAY = date(2026, 11, 24)
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(200) + bytes.fromhex("ffd9")


class Reader:
    """The one method of a reader that the dialogue uses; `spoil` changes what the chip answers."""

    online = True
    max_response_bytes = 258
    historical_bytes = b""

    def __init__(self, chip: SimulatedChip, spoil: Callable[[int, bytes], bytes]) -> None:
        self._chip, self._spoil, self._count = chip, spoil, 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def wait_for_chip(self, within_s: float) -> bool:
        return True

    async def present(self) -> bool:
        return True

    async def release(self) -> None: ...

    async def transceive(self, command: bytes) -> bytes:
        self._count += 1
        return self._spoil(self._count, self._chip.transceive(command))


@pytest.fixture(scope="module")
def passport() -> tuple[tuple[str, str], SimulatedChip]:
    issuer = SimulatedIssuer.create("UTO", secrets.token_bytes, TODAY)
    person = PersonData("TRAVELLER", "FIRST", date(1984, 5, 17), "F", "C00000001", date(2030, 1, 1))
    return issuer.mrz_lines(person), SimulatedChip(issuer.personalise(person, JPEG, (30, 40)), secrets.token_bytes)


def gather(passport: tuple[tuple[str, str], SimulatedChip], spoil: Callable[[int, bytes], bytes]) -> ChipEvidence:
    lines, chip = passport
    chip.reset()
    mrz = parse_lines(lines)
    assert mrz is not None
    return asyncio.run(gather_chip(Reader(chip, spoil), ReadRequest(mrz.information), lambda _: None))


def test_a_whole_passport_is_gathered(passport: tuple[tuple[str, str], SimulatedChip]) -> None:
    evidence = gather(passport, lambda _, answer: answer)
    assert evidence.outcome("pace").state is ProtocolState.COMPLETED
    assert evidence.outcome("chip_authentication").state is ProtocolState.COMPLETED
    assert {ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG2} <= set(evidence.files)


@pytest.mark.parametrize("at", [1, 3, 8, 12])
@pytest.mark.parametrize("nonsense", [b"", b"\x90"])
def test_an_answer_without_form_is_evidence_not_an_error(
    passport: tuple[tuple[str, str], SimulatedChip], at: int, nonsense: bytes
) -> None:
    evidence = gather(passport, lambda count, answer: nonsense if count >= at else answer)
    assert ElementaryFile.DG2 not in evidence.files


def test_a_chip_that_leaves_passes_through(passport: tuple[tuple[str, str], SimulatedChip]) -> None:
    def leave(count: int, answer: bytes) -> bytes:
        if count == 10:
            raise ChipLost("talk to the chip", "it left the field")
        return answer

    with pytest.raises(ChipLost):
        gather(passport, leave)


def test_lines_that_are_no_mrz_are_none() -> None:
    assert parse_lines(("nothing", "of the kind")) is None
    assert parse_lines(()) is None
