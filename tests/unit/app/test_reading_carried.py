"""A reading is carried within its time, timed, taken up after a slip, and its by-work is done before the last byte."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from egate.app import early as early_module
from egate.app.early import EarlyWork
from egate.app.inspection import READING_LIMIT_S, ReadingShare, ReadingTerms, gather_chip
from egate.app.unfinished import RESUME_WITHIN_S, UnfinishedReading
from egate.lane import events as e
from egate.model.checks import Outcome
from egate.model.document import ChipEvidence, ElementaryFile, MrzInformation, ProtocolState, ReadingProgress
from egate.model.watchlist import Hit
from egate.mrtd.reading import ReadRequest
from egate.pki.passive_auth import ChainState, SecurityObjectFindings, SignatureState
from tests.unit.app.app_bench import Lane, MemoryChipReader, Passport, make_passport
from tests.unit.app.test_inspector import LOST, Inspection

SOD, DG1, DG2 = ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG2
A, B = MrzInformation("A00000000", "900102", "300101"), MrzInformation("B00000000", "900102", "300101")


class SteppingClock:
    """Time that goes on by a step whenever it is asked for."""

    def __init__(self, step_s: float) -> None:
        self.now_s, self._step_s = 0.0, step_s

    def monotonic(self) -> float:
        self.now_s += self._step_s
        return self.now_s

    def wall_ns(self) -> int:
        return 0

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def gathered(passport: Passport, clock: SteppingClock) -> ChipEvidence:
    reader = MemoryChipReader()
    reader.chip = passport.chip
    passport.chip.reset()
    information = information_of(passport)
    return asyncio.run(gather_chip(reader, ReadRequest(information), lambda _: None, ReadingTerms(clock)))


def information_of(passport: Passport) -> MrzInformation:
    number, birth, expiry = passport.lines[1][:9], passport.lines[1][13:19], passport.lines[1][21:27]
    return MrzInformation(number, birth, expiry)


def test_nobody_is_compared_with_an_unchecked_portrait(lane: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were another DG2 prepared than the one in the evidence, the evidence loses its own, and the entry door stays shut."""
    told = EarlyWork.on_file

    def other(self: EarlyWork, file: ElementaryFile, data: bytes) -> None:
        told(self, file, data + b"\x00" if file is DG2 else data)

    monkeypatch.setattr(EarlyWork, "on_file", other)

    async def story() -> None:
        inspection = Inspection(lane)
        await inspection.inspect(passport)
        assert inspection.entry.outcome is Outcome.REFER
        assert "data_group_missing" in {check.code for check in inspection.entry.because}

    asyncio.run(story())


def test_each_exchange_has_its_time(passport: Passport) -> None:
    evidence = gathered(passport, SteppingClock(0.001))
    assert DG2 in evidence.files
    assert {line.took_us for line in evidence.transcript} == {1000}


def test_a_reading_that_takes_too_long_ends_with_what_there_is(passport: Passport) -> None:
    """A chip that is slow for ever does not keep the lane: two seconds an exchange are over after fifteen."""
    clock = SteppingClock(1.0)
    evidence = gathered(passport, clock)
    assert evidence.outcome("reading").state is ProtocolState.BROKEN
    assert len(evidence.transcript) <= READING_LIMIT_S / 2 + 1
    assert clock.now_s < READING_LIMIT_S + 5
    assert DG2 not in evidence.files


# -- slips ----------------------------------------------------------------------------------------------------------------


class Slipping:
    """Loses the chip at one exchange, and counts them all."""

    def __init__(self, lane: Lane, at: int, *, gone: bool) -> None:
        self.count, self.at, self.gone = 0, at, gone
        self._reader = lane.chip
        self._carry = lane.chip.transceive

    async def transceive(self, command: bytes) -> bytes:
        self.count += 1
        if self.count == self.at:
            if self.gone:
                self._reader.there = [False]
            raise LOST
        return await self._carry(command)


def slipping(lane: Lane, monkeypatch: pytest.MonkeyPatch, at: int, *, gone: bool = True) -> Slipping:
    slip = Slipping(lane, at, gone=gone)
    monkeypatch.setattr(lane.chip, "transceive", slip.transceive)
    return slip


def events_of(inspection: Inspection) -> list[str]:
    return [getattr(message, "name", "") for message in inspection.told]


def test_the_same_passport_laid_down_again_is_gone_on_with(
    lane: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspection = Inspection(lane)
    slip = slipping(lane, monkeypatch, at=16)

    held: list[bool] = []

    async def story() -> None:
        for _ in range(2):
            await inspection.inspect(passport)
            held.append(inspection.inspector._unfinished.held)

    asyncio.run(story())
    assert held == [True, False]
    assert inspection.answers[0] == e.DocumentRemoved(1)
    assert inspection.entry.outcome is Outcome.ADMIT
    assert "resumption" in events_of(inspection)
    assert slip.count > 16


def test_a_chip_that_falls_silent_is_gone_on_with_in_the_same_passage(
    lane: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspection = Inspection(lane)
    slipping(lane, monkeypatch, at=16, gone=False)
    passage = asyncio.run(inspection.inspect(passport))
    assert inspection.entry.outcome is Outcome.ADMIT
    assert passage.evidence is not None
    assert passage.evidence.outcome("resumption").state is ProtocolState.COMPLETED


def test_another_passport_after_a_slip_starts_from_nothing(
    lane: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspection = Inspection(lane)
    slipping(lane, monkeypatch, at=16)

    async def story() -> ChipEvidence | None:
        await inspection.inspect(passport)
        second = await inspection.inspect(make_passport(lane.issuer, "Y00000002"))
        return second.evidence

    evidence = asyncio.run(story())
    assert evidence is not None
    assert evidence.outcome("resumption").state is ProtocolState.NOT_RUN
    assert inspection.entry.outcome is Outcome.ADMIT


def test_an_abandoned_passage_leaves_nothing(lane: Lane, passport: Passport) -> None:
    """Emergency while the chip is being read: what was read is dropped with the passage."""
    inspection = Inspection(lane)

    async def story() -> None:
        lane.chip.held = asyncio.Event()
        reading = asyncio.create_task(inspection.inspect(passport))
        while not lane.chip.waiting:
            await asyncio.sleep(0)  # noqa: TID251 - yields, takes no time
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    asyncio.run(story())
    assert not inspection.inspector._unfinished.held


def test_what_a_slip_left_is_dropped_in_time() -> None:
    unfinished = UnfinishedReading()
    partial = unfinished.for_document(A, 0.0)
    partial.files[DG1] = b"personal"
    unfinished.note_loss(10.0)
    unfinished.forget_after(10.0 + RESUME_WITHIN_S)
    assert unfinished.for_document(A, 10.0 + RESUME_WITHIN_S) is partial
    unfinished.note_loss(40.0)
    unfinished.forget_after(40.1 + RESUME_WITHIN_S)
    assert not unfinished.held
    assert not partial.files
    assert unfinished.for_document(A, 70.0) is not partial


def test_what_a_slip_left_is_dropped_for_another_document() -> None:
    unfinished = UnfinishedReading()
    partial = unfinished.for_document(A, 0.0)
    partial.files[DG1] = b"personal"
    unfinished.note_loss(1.0)
    assert not unfinished.for_document(B, 2.0).files
    assert not partial.files


# -- work ahead -----------------------------------------------------------------------------------------------------------

FOUND = SecurityObjectFindings(SignatureState.VERIFIED, ChainState.TRUSTED)


def evidence_with(sod: bytes) -> ChipEvidence:
    return ChipEvidence({SOD: sod}, ())


def test_the_security_object_is_looked_at_once_and_only_for_its_own_evidence() -> None:
    seen: list[bytes] = []

    def look(sod: bytes) -> SecurityObjectFindings:
        seen.append(sod)
        assert threading.current_thread() is not threading.main_thread()
        return FOUND

    async def story() -> list[SecurityObjectFindings | None]:
        work = EarlyWork(look, tuple, lambda _: None)
        nothing = await work.security_object(evidence_with(b"one"))
        for _ in range(2):
            work.on_file(SOD, b"one")
        found = [nothing, *[await work.security_object(evidence) for evidence in (evidence_with(b"one"), evidence_with(b"two"))]]
        return [*found, await work.security_object(None)]

    assert asyncio.run(story()) == [None, FOUND, None, None]
    assert seen == [b"one"]


def test_the_lists_are_searched_once_while_the_chip_is_read() -> None:
    searched: list[int] = []

    def search() -> tuple[Hit, ...]:
        searched.append(1)
        return ()

    async def story() -> None:
        work = EarlyWork(lambda _: FOUND, search, lambda _: None)
        work.begin()
        work.begin()
        assert await work.hits() == await work.hits() == ()

    asyncio.run(story())
    assert searched == [1]


def test_an_error_ahead_shows_where_its_result_is_used_and_nowhere_else() -> None:
    def fail(_: bytes) -> SecurityObjectFindings:
        raise ArithmeticError("a bug")

    async def story(*, used: bool) -> None:
        work = EarlyWork(fail, tuple, lambda _: None)
        work.on_file(SOD, b"one")
        assert work._looked is not None
        await asyncio.wait({work._looked})
        if used:
            await work.security_object(evidence_with(b"one"))

    asyncio.run(story(used=False))
    with pytest.raises(ArithmeticError):
        asyncio.run(story(used=True))


def test_the_portrait_is_under_way_and_the_signer_known_before_the_document_is_judged(
    lane: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last byte of DG2 only its hash and the decoding are left: nothing looks at EF.SOD again."""
    inspection, order = Inspection(lane), list[str]()
    original = EarlyWork.on_file

    def on_file(self: EarlyWork, file: ElementaryFile, data: bytes) -> None:
        order.append(file.name)
        original(self, file, data)

    def noted(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object) -> object:
            order.append(name)
            return work(*arguments)

        return run

    monkeypatch.setattr(early_module.EarlyWork, "on_file", on_file)
    for module, name in (("egate.app.inspector", "inspect_security_object"), ("egate.app.inspector", "judge_passage")):
        target = f"{module}.{name}"
        monkeypatch.setattr(target, noted(name, __import__(module, fromlist=[name]).__dict__[name]))
    monkeypatch.setattr("egate.checks.electronic.inspect_security_object", noted("again", lambda *_: FOUND))

    async def story() -> None:
        await inspection.inspect(passport)
        await asyncio.gather(*inspection.spawned)

    asyncio.run(story())
    assert order.index("SOD") < order.index("inspect_security_object") < order.index("DG2") < order.index("judge_passage")
    assert "again" not in order
    assert lane.face.prepared == [1]
    assert inspection.entry.outcome is Outcome.ADMIT


# -- progress -------------------------------------------------------------------------------------------------------------


def test_the_share_counts_bytes_of_all_files_and_never_goes_back() -> None:
    share = ReadingShare()
    sizes = {"DG1": 93, "SOD": 1_800, "COM": 26, "DG14": 380, "DG2": 22_000}
    shares = []
    for name, size in sizes.items():
        for done in range(0, size + 1, max(1, size // 5)):
            shares.append(share.take(ReadingProgress(ElementaryFile[name], done, size)))
        shares.append(share.take(ReadingProgress(ElementaryFile[name], size, size)))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert shares[6] < 0.1


def test_a_size_unknown_or_a_file_twice_moves_nothing_back() -> None:
    share = ReadingShare((ElementaryFile.DG11,))
    half = share.take(ReadingProgress(DG2, 50, 100))
    assert share.take(ReadingProgress(SOD, 0, 0)) == half
    assert share.take(ReadingProgress(DG2, 10, 100_000)) == half
    assert half < 0.5
