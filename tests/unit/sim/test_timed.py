"""The counted air: the same commands cost the same simulated seconds, and nobody waits."""

from __future__ import annotations

import pytest

from drivers.sim.passport.timed import Spent, TimedChip, air_s
from tests.unit.mrtd.chip_reading import chip_key, passport_files, read, simulated_chip

KEY = chip_key(5)


@pytest.mark.parametrize(
    ("size", "bits_per_s", "expected_us"),
    [(0, 424_000, 63.68), (253, 424_000, 5433.96), (254, 424_000, 5518.87), (253, 848_000, 2716.98)],
)
def test_bytes_in_the_air(size: int, bits_per_s: int, expected_us: float) -> None:
    """Nine bits a byte, three bytes of frame a block of 253."""
    assert air_s(size, bits_per_s) * 1e6 == pytest.approx(expected_us, abs=0.01)


def test_a_reading_is_counted() -> None:
    files = passport_files(KEY)
    timed = TimedChip(simulated_chip(files, KEY), per_apdu_s=0.01)
    evidence = read(timed.transceive)
    spent = timed.spent
    assert spent.apdus == len(evidence.transcript)
    assert spent.sent_bytes == sum(line.sent_bytes for line in evidence.transcript)
    assert spent.received_bytes == sum(line.received_bytes for line in evidence.transcript)
    assert spent.seconds > spent.apdus * 0.01
    faster = TimedChip(simulated_chip(files, KEY), 848_000, 0.01)
    read(faster.transceive)
    assert faster.spent.apdus == spent.apdus
    assert faster.spent.seconds < spent.seconds


def test_it_is_the_chip_otherwise() -> None:
    chip = simulated_chip(passport_files(KEY), KEY)
    timed = TimedChip(chip)
    assert (timed.ats, timed.spent) == (chip.ats, Spent(0, 0, 0, 0.0))
    assert timed.transceive(bytes.fromhex("00a4040c07a0000002471001")).hex() == "9000"
    timed.reset()
    assert timed.transceive(bytes.fromhex("00b0810004")).hex() == "6a82"
    assert timed.spent.apdus == 2


@pytest.mark.parametrize(("bits_per_s", "delay"), [(9600, 0.0), (1_000_000, 0.0), (424_000, -1.0)])
def test_wires_that_do_not_exist(bits_per_s: int, delay: float) -> None:
    with pytest.raises(ValueError, match="bits a second"):
        TimedChip(simulated_chip(passport_files(KEY), KEY), bits_per_s, delay)
