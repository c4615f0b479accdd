"""What lamps are to show: order of switching, blinking, what is forgotten."""

from __future__ import annotations

import itertools

import pytest

from drivers.gate.contacts import Output
from drivers.gate.lamps import BLINK_HALF_S, LAMPS, SignalLamps, lit
from egate.model.lane import Lamp, Signal

COLOURS = {Output.LAMP_RED, Output.LAMP_AMBER, Output.LAMP_GREEN}
SIGNALS = [Signal(lamp, blinking, buzzer) for lamp in Lamp for blinking in (False, True) for buzzer in (False, True)]


def settle(lamps: SignalLamps, now: float, shown: dict[Output, bool]) -> list[tuple[Output, bool]]:
    """Carry out every switch of one moment."""
    switches = []
    while (switch := lamps.next_switch(now)) is not None:
        lamps.switched(*switch)
        shown[switch[0]] = switch[1]
        switches.append(switch)
        assert sum(shown.get(colour, False) for colour in COLOURS) <= 1, "two colours at once"
    return switches


def test_every_change_of_signal() -> None:
    """From each signal to each other: never two colours, and at the end exactly what is wanted."""
    for first, second in itertools.product(SIGNALS, repeat=2):
        lamps, shown = SignalLamps(LAMPS), dict[Output, bool]()
        for signal in (first, second):
            lamps.want(signal)
            settle(lamps, 0.0, shown)
            assert {output for output, on in shown.items() if on} == lit(signal, 0.0)


@pytest.mark.parametrize("start", [0.0, 0.3, 1234.56])
def test_a_lamp_blinks_at_most_twice_a_second(start: float) -> None:
    """WCAG 2.3.1 allows three flashes a second; the buzzer sounds through."""
    signal, flashes, lamp = Signal(Lamp.AMBER, blinking=True, buzzer=True), 0, False
    for step in range(1000):
        outputs = lit(signal, start + step / 100)
        assert Output.BUZZER in outputs
        flashes += not lamp and Output.LAMP_AMBER in outputs
        lamp = Output.LAMP_AMBER in outputs
    assert 8 <= flashes <= 11
    assert 1 / (2 * BLINK_HALF_S) <= 2


def test_nothing_is_said_before_anything_is_wanted_or_wired() -> None:
    lamps = SignalLamps(LAMPS)
    assert lamps.next_switch(0.0) is None
    unwired = SignalLamps(())
    unwired.want(Signal(Lamp.GREEN))
    assert unwired.next_switch(0.0) is None


def test_a_unit_that_was_away_is_told_everything_anew() -> None:
    lamps, shown = SignalLamps(LAMPS), dict[Output, bool]()
    lamps.want(Signal(Lamp.GREEN))
    assert len(settle(lamps, 0.0, shown)) == 4
    assert settle(lamps, 0.0, shown) == []
    lamps.forget((Output.LAMP_GREEN, Output.BUZZER))
    assert settle(lamps, 0.0, shown) == [(Output.BUZZER, False), (Output.LAMP_GREEN, True)]


def test_lamps_out_of_reach_keep_nobody_waiting() -> None:
    lamps = SignalLamps(LAMPS)
    lamps.want(Signal(Lamp.RED))
    assert lamps.next_switch(0.0, {Output.LAMP_AMBER, Output.LAMP_GREEN, Output.BUZZER}) == (Output.LAMP_RED, True)
