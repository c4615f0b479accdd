"""What a traveller waits for between two devices: from the chip's last byte to the entry decision, from a decision to the wire.

Both are measured on the code that a lane runs, without its processes. The document is judged whole (signature, chain, hashes,
chip, print against chip, lists, decision); the decision goes through the lane's step, and its order encrypted to the unit's end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import tempfile
from pathlib import Path

from drivers.gate.osdp_packet import CRC_SIZE, HEADER_SIZE, MAC_SIZE
from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.clock import perf_counter_s
from egate.app.inspection import gather_chip
from egate.checks.background import check_watchlists
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.checks.profile import default_profile
from egate.lane import commands as c
from egate.lane import events as e
from egate.lane.machine import LaneState, initial, step
from egate.lane.settings import settings_from
from egate.model.checks import Decision, DecisionPoint, Outcome
from egate.model.document import ChipEvidence, ElementaryFile, Mrz
from egate.model.errors import ChipLost
from egate.model.lane import DoorState, GateReport, LanePhase
from egate.mrtd.apdu import ResponseApdu
from egate.mrtd.crypto.domain_parameters import Group
from egate.mrtd.crypto.soundness import ExplicitParameters, sound_agreement
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.reading import ReadRequest, read_chip
from egate.pki.trust_store import TrustStore
from egate.watchlist.lists import Watchlists
from egate.watchlist.matching import match_documents, match_persons
from tests.bench.bench_pki import bare_verification, median_ms
from tests.bench.row import BenchRow
from tests.unit.app.test_dialogue_thread import MODULUS, Reader, chip_with_own_group
from tests.unit.drivers.wires import gate_wire
from tests.unit.mrtd.chip_reading import INFORMATION
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, seeded

READ_AND_VERIFY_LIMIT_MS = 60.0
"""Goal of the project for reading and passive authentication together; judging alone must leave most of it."""

WRITTEN_LIMIT_MS = 3.0
"""N4: from the decision to the bytes, idle machine, 99th percentile."""

EMERGENCY_LIMIT_MS = 100.0
"""I5."""
CARD_ACCESS_EXCHANGES = 3
"""EF.CardAccess with a group of 2048 bits has three blocks; what follows comes after the judging."""

ROUNDS = 150
ORDER_BYTES = HEADER_SIZE + 2 + 1 + 16 + MAC_SIZE + CRC_SIZE  # OUT with one encrypted block
ADMITTED = Decision(Outcome.ADMIT, DecisionPoint.ENTRY)
SETTINGS = settings_from({})


def rows() -> list[BenchRow]:
    """Judging a read document, and turning a decision into bytes."""
    logging.getLogger("egate.drivers").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        written = asyncio.run(_decided_to_written_ms(Path(folder)))
    late = sorted(written)[int(len(written) * 0.99)]
    alone = statistics.median(_step_ms() for _ in range(ROUNDS))
    return [
        *_judging(),
        *_pauses(),
        BenchRow("decision → bytes at the other end, median", statistics.median(written), "ms", "the lane's step alone", alone),
        BenchRow("decision → bytes at the other end, p99", late, "ms", "limit N4, idle", WRITTEN_LIMIT_MS),
    ]


def _judging() -> list[BenchRow]:
    """Everything between the last response of the chip and the decision about the entry door."""
    issuer = SimulatedIssuer.create("UTO", seeded(b"passage"), TODAY)
    mrz = parse_mrz(issuer.mrz_lines(ERIKA))
    personalisation = issuer.personalise(ERIKA, PORTRAIT, SIZE)
    evidence = _read(SimulatedChip(personalisation, os.urandom), mrz)
    trust, profile, lists = (
        TrustStore.from_certificates([issuer.csca_certificate], "bench", TODAY),
        default_profile(),
        Watchlists(),
    )

    def judge() -> None:
        hits = (*match_documents(mrz, lists), *match_persons(mrz, lists, TODAY))
        checks = (*check_document(mrz, evidence, trust, TODAY, profile), *check_watchlists(hits, lists_current=True))
        if decide(checks, profile, DecisionPoint.ENTRY).outcome is not Outcome.ADMIT:
            raise RuntimeError("the sample is not admitted")

    groups = tuple(evidence.files[file] for file in (ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG14))
    bare = bare_verification(evidence.files[ElementaryFile.SOD], issuer.csca_certificate, groups)
    ours, name = median_ms(judge), "last chip byte → verified document, decided"
    return [
        BenchRow(name, ours, "ms", "bare verify calls and hashes of `cryptography`", median_ms(bare)),
        BenchRow(name, ours, "ms", "goal for reading and passive authentication", READ_AND_VERIFY_LIMIT_MS),
    ]


def _pauses() -> list[BenchRow]:
    """How long the doors' loop stands still while a chip makes us judge the costliest group; the chip leaves after that."""
    name = "longest pause of the doors' loop, a chip's 2048-bit group judged"
    group = ExplicitParameters(Group("own", MODULUS, 2, (MODULUS - 1) // 2))
    begin = perf_counter_s()
    sound_agreement(group)
    in_the_loop = (perf_counter_s() - begin) * 1000
    pause = asyncio.run(_longest_pause_ms())
    return [
        BenchRow(name, pause, "ms", "limit I5, an emergency is heard", EMERGENCY_LIMIT_MS),
        BenchRow(name, pause, "ms", "the same judging in the loop", in_the_loop),
    ]


async def _longest_pause_ms() -> float:
    def leave(count: int) -> None:
        if count > CARD_ACCESS_EXCHANGES:
            raise ChipLost("measuring", "the chip has left")

    reading = asyncio.create_task(gather_chip(Reader(chip_with_own_group(), leave), ReadRequest(INFORMATION), lambda _: None))
    longest, last = 0.0, perf_counter_s()
    while not reading.done():
        await asyncio.sleep(0.001)
        now = perf_counter_s()
        longest, last = max(longest, now - last), now
    if not isinstance(reading.exception(), ChipLost):
        raise RuntimeError("the group was not judged")
    return longest * 1000


def _read(chip: SimulatedChip, mrz: Mrz) -> ChipEvidence:
    """The evidence of one reading, without a line between."""
    dialogue = read_chip(ReadRequest(mrz.information), os.urandom, lambda _: None)
    command = next(dialogue)
    try:
        while True:
            command = dialogue.send(ResponseApdu.from_bytes(chip.transceive(command.to_bytes())))
    except StopIteration as done:
        evidence: ChipEvidence = done.value
        return evidence


def _reading_lane() -> LaneState:
    """A lane whose doors are proved locked and whose chip reading has just ended."""
    state = initial(SETTINGS)
    while state.phase is not LanePhase.IDLE:
        report = GateReport(state.last_command, DoorState.LOCKED, DoorState.LOCKED, 0)
        state, _ = step(state, e.GateReported(report), SETTINGS)
    state, _ = step(state, e.DocumentPresented(), SETTINGS)
    return state


def _step_ms() -> float:
    state = _reading_lane()
    begin = perf_counter_s()
    step(state, e.Decided(state.passage, ADMITTED), SETTINGS)
    return (perf_counter_s() - begin) * 1000


async def _decided_to_written_ms(folder: Path) -> list[float]:
    """Unpaced line: from the decision, through the step, to the encrypted order's bytes at the gate unit's end."""
    spent: list[float] = []
    async with gate_wire(folder, baud=None) as (gate, unit, clock):
        seen: list[float] = []
        receive = unit.port.on_bytes

        def note(data: bytes) -> None:
            if len(data) == ORDER_BYTES:
                seen.append(perf_counter_s())
            receive(data)

        unit.port.on_bytes = note
        for number in range(1, ROUNDS + 1):
            await clock.sleep(0.003 + number % 7 * 0.001)
            state = _reading_lane()
            seen.clear()
            begin = perf_counter_s()
            _, commands = step(state, e.Decided(state.passage, ADMITTED), SETTINGS)
            (unlock,) = (command for command in commands if isinstance(command, c.Unlock))
            await gate.unlock(unlock.door, unlock.lease_s, number)
            spent.append((seen[0] - begin) * 1000)
    return spent
