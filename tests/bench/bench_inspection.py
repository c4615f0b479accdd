"""A whole inspection without the wire: the processor time of reading and judging, and what is left after the chip's last byte.

The passport is one of the simulated State with a signed security object, PACE, chip authentication and a face of 15 kB. The
chip's own work is subtracted. "Left" is what a lane does between the last byte of DG2 and its decision about the entry door,
with EF.SOD looked at while DG2 came, as `egate.app.early` does it; its yardstick is the one thing that may still run then, the
decoding of a portrait of 15 kB in JPEG 2000, which another process does at the same time.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from time import perf_counter, process_time

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.checks.background import check_watchlists
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.checks.profile import default_profile
from egate.faces.decode import decode_face_image
from egate.model.checks import DecisionPoint, Outcome
from egate.model.document import ChipEvidence, ElementaryFile, Mrz
from egate.mrtd.apdu import ResponseApdu
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.reading import ReadRequest, read_chip
from egate.pki.passive_auth import SecurityObjectFindings, inspect_security_object
from egate.pki.trust_store import TrustStore
from tests.bench.bench_content import portrait_jpeg2000
from tests.bench.goals import LEFT_TO_JUDGE, WHOLE_READ
from tests.bench.row import BenchRow
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, seeded

WHOLE_READ_LIMIT_MS = 60.0
ROUNDS = 15


class _Inspection:
    """A passport, the trust in its State, and a lane's judgement of it."""

    def __init__(self) -> None:
        issuer = SimulatedIssuer.create("UTO", seeded(b"inspection"), TODAY)
        self._chip = SimulatedChip(issuer.personalise(ERIKA, PORTRAIT, SIZE), os.urandom)
        self._mrz: Mrz = parse_mrz(issuer.mrz_lines(ERIKA))
        self._profile = default_profile()
        self._trust = TrustStore.from_certificates([issuer.csca_certificate], "bench", TODAY)

    def read(self) -> tuple[ChipEvidence, float]:
        """The evidence of one reading, and the processor time that the chip took of it, in ms."""
        self._chip.reset()
        in_chip = 0.0
        dialogue = read_chip(ReadRequest(self._mrz.information), os.urandom, lambda _: None)
        command = next(dialogue)
        try:
            while True:
                raw = command.to_bytes()
                begin = process_time()
                answer = self._chip.transceive(raw)
                in_chip += process_time() - begin
                command = dialogue.send(ResponseApdu.from_bytes(answer))
        except StopIteration as done:
            return done.value, in_chip * 1000

    def look(self, evidence: ChipEvidence) -> SecurityObjectFindings:
        """What is found out while DG2 is in transfer."""
        return inspect_security_object(evidence.files[ElementaryFile.SOD], self._trust, TODAY)

    def judge(self, evidence: ChipEvidence, looked: SecurityObjectFindings | None) -> None:
        """Everything between the evidence and the decision about the entry door."""
        checks = check_document(self._mrz, evidence, self._trust, TODAY, self._profile, looked)
        checks = (*checks, *check_watchlists((), lists_current=True))
        if decide(checks, self._profile, DecisionPoint.ENTRY).outcome is not Outcome.ADMIT:
            raise RuntimeError("the sample is not admitted")


def rows() -> list[BenchRow]:
    """A whole read in processor time, then what is left at its end in time."""
    inspection = _Inspection()
    whole, in_chip = zip(*(_whole_read_ms(inspection) for _ in range(ROUNDS)), strict=True)
    read, chip = statistics.median(whole), statistics.median(in_chip)
    return [
        BenchRow(WHOLE_READ, read, "ms", "goal of the project", WHOLE_READ_LIMIT_MS),
        BenchRow(WHOLE_READ, read, "ms", "the simulated chip's own, same reading", chip),
        *_left(inspection),
    ]


def _whole_read_ms(inspection: _Inspection) -> tuple[float, float]:
    begin = process_time()
    evidence, in_chip = inspection.read()
    inspection.judge(evidence, None)
    return (process_time() - begin) * 1000 - in_chip, in_chip


def _left(inspection: _Inspection) -> list[BenchRow]:
    evidence, _ = inspection.read()
    looked = inspection.look(evidence)
    image = portrait_jpeg2000()
    left = _median_ms(lambda: inspection.judge(evidence, looked))
    everything = _median_ms(lambda: inspection.judge(evidence, None))
    decoding = _median_ms(lambda: decode_face_image(image))
    return [
        BenchRow(LEFT_TO_JUDGE, left, "ms", "decoding the portrait", decoding),
        BenchRow(LEFT_TO_JUDGE, left, "ms", "the same with nothing done before", everything),
    ]


def _median_ms(once: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = perf_counter()
        once()
        times.append((perf_counter() - begin) * 1000)
    return statistics.median(times)
