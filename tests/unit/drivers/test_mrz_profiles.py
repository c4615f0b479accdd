"""Makes of MRZ readers: each profile by its own bytes, in every cut, and over a simulated cable that knows the make's commands.

Lines: the specimens of Doc 9303-4, -5 and -6 (UTOPIA). What a source prints of a make's bytes stands here as bytes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import PortSettings, make_mrz_reader
from drivers.reader.mrz_profiles import MRZ_PROFILES, mrz_profile
from drivers.reader.mrz_protocol import UNREAD, encode_lines, line_collector
from drivers.sim.mrz_reader import SimulatedMrzReader
from egate.model.errors import DeviceError
from tests.unit.drivers.wires import TestClock, run

PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
CARD = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")
ALL = [PASSPORT, CARD, TD2]

TORN = ("P<UTOERIKSSON", PASSPORT[1])
UNSURE = ("P<UTO?RIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", PASSPORT[1])
SAID = [
    ("cute", b"\x11\x02" + b"\r".join(line.encode() for line in PASSPORT) + b"\r\x03\x12", PASSPORT),
    ("3m-oem", b"\x0162OU\x02" + b"\r" + PASSPORT[0].encode() + b"\r" + PASSPORT[1].encode() + b"\r\x03\x55", PASSPORT),
    ("3m-oem", b"\x01OU\x020" + b"\r" + PASSPORT[0].encode() + b"\r" + PASSPORT[1].encode() + b"\r\x03", PASSPORT),
    ("3m-oem", b"\x01OU\x020" + b"\r".join(line.encode() for line in CARD) + b"\r\x03", CARD),
    ("3m-oem", b"\x01OU\x02\r\r" + CARD[2].encode() + b"\r\x03", CARD[2:]),
    ("3m-oem", b"\x01OU\x02\r" + b"P<UTOERIKSSON".ljust(44, b"_") + b"\r" + PASSPORT[1].encode() + b"\r\x03", TORN),
    ("imager", "".join(PASSPORT).encode(), PASSPORT),
    ("imager", "".join(CARD).encode(), CARD),
    ("imager", "".join(TD2).encode() + b"\r\n", TD2),
    ("newland", "\r".join(PASSPORT).encode() + b"\r", PASSPORT),
    ("lines", "\r\n".join(CARD).encode() + b"\r\n", CARD),
    ("lines", b"P<UTO*RIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n" + PASSPORT[1].encode(), UNSURE),
]


@pytest.mark.parametrize(("name", "stream", "lines"), SAID)
def test_what_a_make_sends(name: str, stream: bytes, lines: tuple[str, ...]) -> None:
    """L8: whole and byte by byte."""
    for size in (len(stream), 1, 7):
        collector = line_collector(mrz_profile(name))
        found = [item for at in range(0, len(stream), size) for item in collector.receive(stream[at : at + size])]
        assert found + collector.silence() == [lines]
        assert collector.silence() == []


@given(st.sampled_from(sorted(MRZ_PROFILES)), st.sampled_from(ALL), st.lists(st.integers(1, 60), min_size=1, max_size=9))
def test_every_make_and_document_in_every_cut(name: str, lines: tuple[str, ...], sizes: list[int]) -> None:
    """L8, L9: several documents one after the other, silent between them."""
    profile = mrz_profile(name)
    collector = line_collector(profile)
    stream, turn = encode_lines(lines, profile), 0
    for _ in range(2):
        found, at = [], 0
        while at < len(stream):
            size = sizes[turn % len(sizes)]
            found += collector.receive(stream[at : at + size])
            at, turn = at + size, turn + 1
        assert found + collector.silence() == [lines]
    assert collector.broken_frames == 0


@given(st.sampled_from(sorted(MRZ_PROFILES)), st.binary(max_size=600))
def test_noise_gives_no_error_and_is_over_with_the_next_silence(name: str, noise: bytes) -> None:
    profile = mrz_profile(name)
    collector = line_collector(profile)
    collector.receive(noise)
    collector.silence()
    found = collector.receive(encode_lines(PASSPORT, profile))
    assert (found + collector.silence())[-1] == PASSPORT


@pytest.mark.parametrize(
    "noise",
    [
        b"\x06",
        b"\x02\x01\x30\x30\x30\x30\x40SCNTCE1\x06\x3b\x03",
        b"ocrena1\x06!",
        b"4006381333931\r\n",
        b"A" * 45,
        b"\r".join([b"A" * 30] * 4),
        b"A" * 5000,
        b"https://example.org/x",
    ],
)
def test_answers_to_commands_and_bar_codes_are_no_documents(noise: bytes) -> None:
    collector = line_collector(mrz_profile("newland"))
    collector.receive(noise)
    if noise.startswith(b"4006"):
        # Thirteen digits are a line that a swipe may have torn; judging is the parser's work.
        assert collector.silence() == [("4006381333931",)]
        return
    assert collector.silence() == []
    assert collector.broken_frames == 1
    collector.reset()
    collector.receive(b"".join(line.encode() for line in PASSPORT))
    assert collector.silence() == [PASSPORT]


def test_unread_signs_are_marked() -> None:
    collector = line_collector(mrz_profile("imager"))
    collector.receive(("".join(PASSPORT)).replace("ANNA", "A~NA").encode())
    ((first, second),) = collector.silence()
    assert first == PASSPORT[0].replace("ANNA", f"A{UNREAD}NA")
    assert second == PASSPORT[1]


@pytest.mark.parametrize("name", sorted(MRZ_PROFILES))
def test_each_make_on_a_cable(name: str, tmp_path: Path) -> None:
    """L9; a make that must be told to look is told again for the second document, and again after its cable was out."""

    async def story() -> None:
        clock = TestClock(5)
        profile = mrz_profile(name)
        simulated = SimulatedMrzReader(tmp_path / "mrz", clock, baud=profile.baud, profile=profile)
        simulated.plug()
        settings = PortSettings(str(tmp_path / "mrz"), baud=profile.baud, emulated=True, profile=name)
        reader = make_mrz_reader("mrz_serial", settings, clock)
        await reader.start()
        for lines in (PASSPORT, CARD):
            reading = asyncio.ensure_future(reader.read_lines())
            await simulated.present(lines)
            assert await reading == lines
        if profile.untrigger:
            await clock.sleep(0.2)
            assert not simulated.ready, "nobody waits: the device need not look"
        reading = asyncio.ensure_future(reader.read_lines())
        await clock.sleep(0.1)
        simulated.unplug()
        with pytest.raises(DeviceError, match="lost"):
            await reading
        simulated.plug()
        reading = asyncio.ensure_future(reader.read_lines())
        await simulated.present(TD2)
        assert await reading == TD2
        await reader.close()
        await simulated.close()

    run(story())


def test_a_profile_that_is_not_known_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="known: cute, 3m-oem"):
        make_mrz_reader("mrz_serial", PortSettings(str(tmp_path / "mrz"), profile="abacus"), TestClock())
    assert mrz_profile("") is MRZ_PROFILES["cute"]
    assert all(profile.source for profile in MRZ_PROFILES.values())
