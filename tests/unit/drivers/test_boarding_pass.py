"""Boarding passes (IATA BCBP): published texts item by item, what is refused and in which words, frames, the reader on a pty."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from drivers.reader.boarding_pass.bcbp import (
    MOST_CHARACTERS,
    date_of_flight,
    encode_boarding_pass,
    parse_boarding_pass,
)
from drivers.reader.boarding_pass.frames import (
    LONGEST_CODE_BYTES,
    PASS_PROFILES,
    PassFrames,
    encode_code,
    pass_profile,
)
from drivers.reader.boarding_pass.serial import SerialPassReader
from drivers.reader.spoken import FRESH_S
from drivers.sim.boarding_pass_reader import SimulatedPassReader
from egate.model.boarding_pass import BoardingPass, FlightLeg, IssueDetails, LegDetails, PassSecurity
from egate.model.errors import DeviceError, MalformedData
from egate.ports import BoardingPassReader
from tests.unit.drivers.boarding_passes import MANDATORY, PUBLISHED, SECURITY, SHORTENED
from tests.unit.drivers.wires import TestClock, link_to, online, run

PERSONAL = ("DESMARAIS", "LUC", "AB12C3", "ABC123", "003A", "0141234567", "1234567890123", "0014123456002", "ABCDEFGH")


def test_every_item_of_the_published_pass() -> None:
    """Every item of Resolution 792 that a pass can have, by what its example says."""
    first = LegDetails("014", "1234567890", "", "1", "AC", "AC", "1234567890123", "", "4PC", "Y")
    second = LegDetails("014", "0987654321", "", "1", "AC", "AC", "1234567890123", "", "3PC", "N")
    issue = IssueDetails("1", "W", "W", "1325", "B", "AC", "0014123456002", "0014123467001", "0014123478901")
    assert parse_boarding_pass(PUBLISHED["two legs, every item"].encode()) == BoardingPass(
        "DESMARAIS/LUC",
        electronic_ticket=True,
        legs=(
            FlightLeg("AB12C3", "YUL", "FRA", "AC", "0834", 326, "J", "003A", "0027", "1", first, "LX58Z"),
            FlightLeg("DEF456", "FRA", "GVA", "LH", "3664", 327, "C", "012C", "0002", "1", second, "WQ"),
        ),
        version="5",
        issue=issue,
        security=PassSecurity("1", "ABCDEFGH"),
    )


def test_items_that_a_pass_leaves_out_are_empty() -> None:
    read = parse_boarding_pass(PUBLISHED["two legs, some items, version 4"].encode())
    assert (read.version, read.issue) == ("4", IssueDetails())
    assert read.legs[1].details == LegDetails("012", "0987654321", "0", "1", baggage_allowance="2PC")
    assert read.security == PassSecurity("1", SECURITY)
    assert parse_boarding_pass(MANDATORY.encode()) == dataclasses.replace(
        read,
        passenger_name="DESMARAIS/LUC",
        legs=(FlightLeg("ABC123", "YUL", "FRA", "AC", "0834", 326, "J", "001A", "0025", "1"),),
        version="",
        issue=None,
        security=None,
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_read_is_written_again_the_same(name: str) -> None:
    read = parse_boarding_pass(PUBLISHED[name].encode())
    assert parse_boarding_pass(encode_boarding_pass(read)) == read
    if "some items" not in name:  # the others carry blanks at the end of a group, which need not be sent
        assert encode_boarding_pass(read).decode() == PUBLISHED[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_nothing_of_the_holder_shows(name: str) -> None:
    """L6: a pass in a log or a traceback names flights and nobody."""
    read = parse_boarding_pass(PUBLISHED[name].encode())
    shown = repr(read) + repr([(leg, leg.details) for leg in read.legs]) + repr((read.issue, read.security))
    assert "YUL" in shown or "GVA" in shown
    assert not [secret for secret in PERSONAL if secret in shown]


@pytest.mark.parametrize("identifier", ["]L0", "]L2", "]Q3", "]z0", "]d1"])
def test_the_identifier_of_the_symbol_is_left_out(identifier: str) -> None:
    assert parse_boarding_pass((identifier + MANDATORY).encode()) == parse_boarding_pass(MANDATORY.encode())


def test_items_of_later_versions_are_kept_as_they_are() -> None:
    read = parse_boarding_pass((MANDATORY[:-2] + "3B>935" + "1" + " " * 49 + "XYZ" + "00").encode())
    assert read.issue == IssueDetails("1", further="XYZ")
    assert parse_boarding_pass(encode_boarding_pass(read)) == read


def test_a_first_leg_without_a_version_has_airline_data_only() -> None:
    """Before version 2 nothing but the airline's own data followed."""
    read = parse_boarding_pass((MANDATORY[:-2] + "05LX58Z").encode())
    assert (read.version, read.legs[0].details, read.legs[0].airline_use) == ("", None, "LX58Z")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends within the format code"),
        ("S" + MANDATORY[1:], "no boarding pass of type M"),
        ("M0" + MANDATORY[2:], "number of legs is not 1 to 4"),
        ("M5" + MANDATORY[2:], "number of legs is not 1 to 4"),
        ("M2" + MANDATORY[2:], "ends within the booking of leg 2: 7 characters are missing"),
        (MANDATORY[:22], "ends within the ticket indicator"),
        (MANDATORY[:-1], "ends within the length of the conditional items of leg 1"),
        ("M1" + " " * 20 + MANDATORY[22:], "names nobody"),
        (MANDATORY.replace("YUL", "Y1L"), "airport of leg 1 is not three letters"),
        (MANDATORY.replace("YUL", "yul"), "airport of leg 1 is not three letters"),
        (MANDATORY.replace("326J", "367J"), "date of leg 1 is no day of a year"),
        (MANDATORY.replace("326J", "000J"), "date of leg 1 is no day of a year"),
        (MANDATORY.replace("326J", "3 6J"), "date of leg 1 is no day of a year"),
        (MANDATORY[:-2] + "1G", "length of the conditional items of leg 1 is no hexadecimal number"),
        (MANDATORY[:-2] + "+1", "length of the conditional items of leg 1 is no hexadecimal number"),
        (MANDATORY[:-2] + "FF>5", "ends within the conditional items of leg 1: 253 characters are missing"),
        (MANDATORY[:-2] + "06>60500", "ends within the items of the issue: 3 characters are missing"),
        (MANDATORY[:-2] + "08>604abcd", "the length of the items of the issue ends within an item"),
        (MANDATORY[:-2] + "0A>60004abcd", "the length of the details of leg 1 ends within an item"),
        (MANDATORY + "X", "something other than security data follows the last leg"),
        (MANDATORY + "^1", "length of the security data"),
        (MANDATORY + "^108ABCDEFG", "ends within the security data: 1 characters are missing"),
        (MANDATORY + "^108ABCDEFGHI", "1 characters follow the security data"),
        (SHORTENED, "ends within the security data: 131 characters are missing"),
        ("]C1" + MANDATORY, "another kind of code"),
        ("]", "another kind of code"),
        (MANDATORY.replace("LUC", "LÜC"), "only printable ASCII"),
        (MANDATORY.replace("LUC", "L\x00C"), "only printable ASCII"),
        (MANDATORY + "^" + "A" * MOST_CHARACTERS, "more than the 1450 of the longest pass"),
    ],
)
def test_what_is_no_pass_is_refused_in_words(text: str, words: str) -> None:
    """L8; and the words hold nothing of what was read."""
    with pytest.raises(MalformedData, match=words) as refused:
        parse_boarding_pass(text.encode("latin-1"))
    assert not [secret for secret in PERSONAL if secret in str(refused.value)]


def test_every_cut_and_every_changed_character_is_a_pass_or_malformed() -> None:
    """L8: nothing else is ever raised, and no pass that was cut reads as a whole one."""
    chance = random.Random(792)
    for text in PUBLISHED.values():
        whole = text.encode()
        for cut in range(len(whole)):
            try:
                read = parse_boarding_pass(whole[:cut])
            except MalformedData:
                continue
            assert whole[cut : cut + 1] == b"^", "only the security data may be missing"
            assert read.security is None
        for _ in range(400):
            changed = bytearray(whole)
            changed[chance.randrange(len(changed))] = chance.randrange(256)
            try:
                parse_boarding_pass(bytes(changed))
            except MalformedData:
                continue


@pytest.mark.parametrize(
    ("day", "today", "meant"),
    [
        (328, date(2026, 11, 24), date(2026, 11, 24)),
        (1, date(2026, 12, 31), date(2027, 1, 1)),
        (365, date(2027, 1, 1), date(2026, 12, 31)),
        (366, date(2028, 12, 30), date(2028, 12, 31)),
        (366, date(2027, 6, 1), date(2028, 12, 31)),
        (60, date(2028, 2, 28), date(2028, 2, 29)),
    ],
)
def test_the_day_of_a_flight_is_the_nearest(day: int, today: date, meant: date) -> None:
    assert date_of_flight(day, today) == meant


@pytest.mark.parametrize(("day", "today"), [(366, date(2026, 6, 1)), (0, date(2026, 6, 1)), (-3, date(2026, 6, 1))])
def test_a_day_that_is_in_no_year_near_is_refused(day: int, today: date) -> None:
    with pytest.raises(MalformedData, match="none of the years"):
        date_of_flight(day, today)


@pytest.mark.parametrize("name", PASS_PROFILES)
def test_each_make_in_every_cut(name: str) -> None:
    """L8."""
    profile = pass_profile(name)
    texts = [text.encode() for text in PUBLISHED.values()]
    stream = b"".join(encode_code(text, profile) for text in texts) if profile.line_end else encode_code(texts[0], profile)
    expected = texts if profile.line_end else texts[:1]
    whole = PassFrames(profile)
    assert whole.receive(stream) + whole.silence() == expected
    single = PassFrames(profile)
    assert [code for byte in stream for code in single.receive(bytes((byte,)))] + single.silence() == expected
    for size in (2, 7, 61):
        pieces = PassFrames(profile)
        cut = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [code for piece in cut for code in pieces.receive(piece)] + pieces.silence() == expected
        assert pieces.broken_frames == 0


def test_what_never_ends_fills_no_memory_and_the_next_code_is_found() -> None:
    frames = PassFrames(pass_profile(""))
    assert frames.receive(b"A" * (10 * LONGEST_CODE_BYTES)) == []
    assert frames.receive(b"\r" + MANDATORY.encode() + b"\r") == [MANDATORY.encode()]
    assert frames.broken_frames == 1
    frames.receive(b"A" * 40)
    assert frames.silence() == [b"A" * 40]
    frames.receive(b"half")
    frames.reset()
    assert frames.silence() == []


def test_an_unknown_make_is_a_sentence() -> None:
    with pytest.raises(DeviceError, match=r"no profile 'abacus'; known: lines, marked, imager, newland"):
        pass_profile("abacus")


@pytest.mark.parametrize("name", PASS_PROFILES)
def test_each_make_on_a_cable(tmp_path: Path, name: str) -> None:
    """L9: with the commands that the make needs."""
    profile = pass_profile(name)

    async def story() -> None:
        clock = TestClock(10)
        simulated = SimulatedPassReader(tmp_path / "pass", clock, profile=profile)
        simulated.plug()
        reader = SerialPassReader(link_to(tmp_path / "pass", clock, 9600), clock, profile)
        as_port: BoardingPassReader = reader
        await as_port.start()
        assert online(as_port)
        for text in PUBLISHED.values():
            reading = asyncio.ensure_future(as_port.read_pass())
            await simulated.present(parse_boarding_pass(text.encode()))
            assert await reading == parse_boarding_pass(text.encode())
        await reader.close()
        assert not online(reader)
        await simulated.close()

    run(story())


def _with_reader(folder: Path, story: Callable[[SerialPassReader, SimulatedPassReader, TestClock], object], speed: float) -> None:
    async def whole() -> None:
        clock = TestClock(speed)
        simulated = SimulatedPassReader(folder / "pass", clock)
        simulated.plug()
        reader = SerialPassReader(link_to(folder / "pass", clock, 9600), clock)
        await reader.start()
        try:
            await story(reader, simulated, clock)  # type: ignore[misc]  # stories are coroutine functions
        finally:
            await reader.close()
            await simulated.close()

    run(whole())


def test_another_code_is_told_and_the_next_pass_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story(reader: SerialPassReader, simulated: SimulatedPassReader, clock: TestClock) -> None:
        for code, words in ((b"https://example.org/menu", "type M"), (b"]C10061712345678", "another kind of code")):
            reading = asyncio.ensure_future(reader.read_pass())
            await simulated.present(code)
            with pytest.raises(MalformedData, match=words):
                await reading
        reading = asyncio.ensure_future(reader.read_pass())
        await simulated.present(MANDATORY.encode())
        assert (await reading).legs[0].carrier == "AC"
        assert reader.counters.exchanges == 3
        assert "DESMARAIS" not in caplog.text + repr(reader)

    _with_reader(tmp_path, story, 10)


def test_a_pass_that_nobody_waited_for_is_forgotten(tmp_path: Path) -> None:
    """L7."""

    async def story(reader: SerialPassReader, simulated: SimulatedPassReader, clock: TestClock) -> None:
        await simulated.present(MANDATORY.encode())
        await clock.sleep(FRESH_S + 2)
        reading = asyncio.ensure_future(reader.read_pass())
        await clock.sleep(0.5)
        assert not reading.done()
        await simulated.present(PUBLISHED["two legs, every item"].encode())
        assert len((await reading).legs) == 2

    _with_reader(tmp_path, story, 20)


def test_unplugged_while_waiting(tmp_path: Path) -> None:
    """L2."""

    async def story(reader: SerialPassReader, simulated: SimulatedPassReader, clock: TestClock) -> None:
        reading = asyncio.ensure_future(reader.read_pass())
        await clock.sleep(0.1)
        simulated.unplug()
        with pytest.raises(DeviceError, match="lost"):
            await reading
        assert not online(reader)
        reading = asyncio.ensure_future(reader.read_pass())
        simulated.plug()
        await clock.sleep(3)
        await simulated.present(MANDATORY.encode())
        assert (await reading).legs[0].to_airport == "FRA"

    _with_reader(tmp_path, story, 10)
