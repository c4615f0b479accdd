"""A dialogue computes beside the loop: the loop has its turns meanwhile, and nothing of the dialogue runs in two places (I5)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from drivers.sim.passport.chip import SimulatedChip
from egate.app.clock import SystemClock
from egate.app.dialogue_thread import DialogueThread
from egate.app.inspection import ReadingTerms, gather_chip
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState, ReadingProgress
from egate.model.errors import ChipLost
from egate.model.lane import LanePhase
from egate.mrtd.crypto.agreement import GroupAgreement
from egate.mrtd.crypto.domain_parameters import Group
from egate.mrtd.files.security_infos import PaceDomainParameters, PaceInfo, encode_security_infos
from egate.mrtd.reading import PartialReading, ReadRequest
from tests.unit.app.app_bench import Lane, Passport, until
from tests.unit.app.test_controller import ready
from tests.unit.mrtd.chip_reading import INFORMATION, chip_key, passport_files, simulated_chip

MODULUS = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
"""The 2048-bit MODP group of RFC 3526 §3: a safe prime that no chip's standard names, so it is judged like an own one."""


def chip_with_own_group() -> SimulatedChip:
    """Its EF.CardAccess spells out the costliest group that is judged to its end."""
    offered = PaceDomainParameters("0.4.0.127.0.7.2.2.4.1", None, 40)
    group = GroupAgreement(Group("own", MODULUS, 2, (MODULUS - 1) // 2))
    info = PaceInfo("0.4.0.127.0.7.2.2.4.1.2", 2, 40)
    card_access = encode_security_infos(pace=(info,), parameters=((offered, group),))
    return simulated_chip(passport_files(None, ()) | {ElementaryFile.CARD_ACCESS: card_access})


@dataclass
class Reader:
    """Carries to a chip in memory; `before` is called with the number of each exchange."""

    chip: SimulatedChip
    before: Callable[[int], None] = lambda _: None
    count: int = 0
    max_response_bytes: int = 256
    historical_bytes: bytes = b""
    threads: set[threading.Thread] = field(default_factory=set)
    online: bool = True

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def release(self) -> None: ...

    async def present(self) -> bool:
        return True

    async def wait_for_chip(self, within_s: float) -> bool:
        return True

    async def transceive(self, command: bytes) -> bytes:
        self.count += 1
        self.threads.add(threading.current_thread())
        self.before(self.count)
        return self.chip.transceive(command)


def assert_no_thread_left() -> None:
    """A dialogue's thread ends by itself once its dialogue is closed."""
    for thread in threading.enumerate():
        if thread.name.startswith("chip-dialogue"):
            thread.join(30)
            assert not thread.is_alive()


READ_BINARY, MANAGE_SECURITY = 0xB0, 0x22
ENOUGH_TURNS = 20
"""In these the exchanges before the judging are over; the judging itself has room for hundreds."""


def test_an_emergency_is_heard_while_a_group_is_judged() -> None:
    """I5: judging a 2048-bit group takes about a second. The loop has its turns meanwhile, and what it hears ends the reading."""
    reader = Reader(chip_with_own_group())

    async def story() -> int:
        reading = asyncio.get_running_loop().create_task(gather_chip(reader, ReadRequest(INFORMATION), lambda _: None))
        turns = 0
        while not reading.done() and turns < ENOUGH_TURNS:
            await asyncio.sleep(0.001)  # noqa: TID251 - the loop's turns are counted, not its time
            turns += 1
        reading.cancel()  # the emergency
        await asyncio.wait({reading})
        assert reading.cancelled()
        return turns

    assert asyncio.run(story()) == ENOUGH_TURNS
    exchanges = reader.count
    assert gathered(reader, ReadRequest(INFORMATION), lambda _: None).outcome("pace").state is ProtocolState.COMPLETED
    assert exchanges < 5 < reader.count - exchanges
    assert_no_thread_left()


def test_a_lane_in_an_emergency_does_not_wait_for_a_chip(lane: Lane, passport: Passport, monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: the gate unit's emergency is processed while the chip's group is judged, so the chip hears nothing of PACE any more."""
    heard: list[int] = []
    carry = lane.chip.transceive

    async def transceive(command: bytes) -> bytes:
        heard.append(command[1])
        return await carry(command)

    monkeypatch.setattr(lane.chip, "transceive", transceive)

    async def story() -> None:
        async with lane.running():
            await ready(lane)
            lane.present(Passport(passport.lines, chip_with_own_group()))
            await until(lambda: heard, "the chip is read")
            lane.gate.emergency = True
            await until(lambda: lane.in_phase(LanePhase.EMERGENCY), "the emergency")
            assert READ_BINARY in heard
            assert MANAGE_SECURITY not in heard
        assert MANAGE_SECURITY not in heard

    asyncio.run(story())
    assert_no_thread_left()


@pytest.fixture(scope="module")
def chip() -> SimulatedChip:
    return simulated_chip(passport_files(chip_key(5)), chip_key(5))


def gathered(reader: Reader, request: ReadRequest, progress: Callable[[ReadingProgress], None]) -> ChipEvidence:
    reader.chip.reset()
    return asyncio.run(gather_chip(reader, request, progress))


def test_callbacks_come_in_order_and_in_the_loop_and_devices_too(chip: SimulatedChip) -> None:
    told: list[tuple[str, int]] = []
    threads: set[threading.Thread] = set()

    def progress(value: ReadingProgress) -> None:
        threads.add(threading.current_thread())
        assert asyncio.get_running_loop() is not None
        told.append((value.file.name, value.done_bytes))

    def on_file(file: ElementaryFile, data: bytes) -> None:
        threads.add(threading.current_thread())
        told.append((file.name, len(data)))

    reader = Reader(chip)
    evidence = gathered(reader, ReadRequest(INFORMATION, on_file=on_file), progress)
    assert threads == reader.threads == {threading.main_thread()}
    assert told == sorted(told, key=lambda one: [name for name, _ in told].index(one[0]))
    assert told[-1] == ("DG2", len(evidence.files[ElementaryFile.DG2]))
    dg2 = [done for name, done in told if name == "DG2"]
    assert dg2 == sorted(dg2)


def test_a_file_is_told_before_the_next_command_goes_out(chip: SimulatedChip) -> None:
    seen: list[str] = []
    reader = Reader(chip, before=lambda count: seen.append(str(count)))
    gathered(reader, ReadRequest(INFORMATION, on_file=lambda file, _: seen.append(file.name)), lambda _: None)
    position = seen.index("SOD")
    assert seen[position - 1].isdigit()
    assert int(seen[position + 1]) == int(seen[position - 1]) + 1


def test_a_callback_that_fails_fails_the_reading(chip: SimulatedChip) -> None:
    def fail(file: ElementaryFile, data: bytes) -> None:
        del file, data
        raise ArithmeticError("a bug of ours")

    with pytest.raises(ArithmeticError):
        gathered(Reader(chip), ReadRequest(INFORMATION, on_file=fail), lambda _: None)
    assert_no_thread_left()


def test_a_lost_chip_leaves_no_thread_and_its_partial_reading(chip: SimulatedChip) -> None:
    def lose(count: int) -> None:
        if count == 14:
            raise ChipLost("talking to the chip", "it left the field")

    partial = PartialReading(INFORMATION)
    chip.reset()

    async def story() -> None:
        terms = ReadingTerms(SystemClock(), partial=partial)
        with pytest.raises(ChipLost):
            await gather_chip(Reader(chip, lose), ReadRequest(INFORMATION), lambda _: None, terms)

    asyncio.run(story())
    assert ElementaryFile.DG1 in partial.files
    assert_no_thread_left()


def test_a_cancelled_reading_tells_nothing_more() -> None:
    """The step under way ends in its thread; what it would have told is dropped, and its dialogue is closed."""
    told: list[str] = []
    go_on, closed = threading.Event(), threading.Event()

    async def story() -> None:
        thread = DialogueThread()
        tell = thread.in_loop(told.append)

        def step() -> None:
            tell("before")
            go_on.wait(30)
            tell("after")

        running = asyncio.get_running_loop().create_task(thread.run(step))
        while not told:
            await asyncio.sleep(0.001)  # noqa: TID251 - lets the thread begin
        running.cancel()
        await asyncio.wait({running})
        ending = asyncio.get_running_loop().create_task(thread.close(closed.set))
        await asyncio.sleep(0)  # noqa: TID251 - yields, takes no time
        assert not closed.is_set()
        go_on.set()
        await ending

    asyncio.run(story())
    assert told == ["before"]
    assert closed.is_set()
    assert_no_thread_left()
