"""What a tri-colour signal and a buzzer are to show, and the next switch that brings them there. No I/O, no clock.

The rule: lamps are switched off before others are switched on, so a traveller never sees red and green together; a lamp blinks
slowly enough to trouble nobody (WCAG 2.3.1 allows three flashes a second); and what a unit that was away shows is not known, so
everything is said to it anew. Lamps may be latched, locks never: a wiring gives no terminal to both.
"""

from __future__ import annotations

from collections.abc import Collection

from drivers.gate.contacts import Output
from egate.model.lane import Lamp, Signal

BLINK_HALF_S = 0.5  # on, then as long off: one flash a second; two are the most
LAMPS = (Output.LAMP_RED, Output.LAMP_AMBER, Output.LAMP_GREEN, Output.BUZZER)
"""The outputs that a signal uses, in the order in which they are switched."""
_OUTPUT_OF = {Lamp.RED: Output.LAMP_RED, Lamp.AMBER: Output.LAMP_AMBER, Lamp.GREEN: Output.LAMP_GREEN}


def lit(signal: Signal, now: float) -> frozenset[Output]:
    """The outputs that are on at a moment in seconds of a monotonic clock; a buzzer sounds without pause."""
    outputs = {Output.BUZZER} if signal.buzzer else set()
    if signal.lamp is not Lamp.OFF and not (signal.blinking and int(now / BLINK_HALF_S) % 2):
        outputs.add(_OUTPUT_OF[signal.lamp])
    return frozenset(outputs)


class SignalLamps:
    """The wired lamps of one lane: what they are to show, and what they are known to show."""

    def __init__(self, wired: Collection[Output]) -> None:
        self._wired = tuple(output for output in LAMPS if output in wired)
        self._known: dict[Output, bool] = {}
        self._signal: Signal | None = None

    def want(self, signal: Signal) -> None:
        """Show this from now on."""
        self._signal = signal

    def next_switch(self, now: float, unreachable: Collection[Output] = ()) -> tuple[Output, bool] | None:
        """The next output to switch, and whether on; None when all that are within reach show what they should."""
        if self._signal is None:
            return None
        on = lit(self._signal, now)
        wrong = [output for output in self._wired if output not in unreachable and self._known.get(output) is not (output in on)]
        for wanted in (False, True):
            for output in wrong:
                if (output in on) is wanted:
                    return output, wanted
        return None

    def switched(self, output: Output, on: bool) -> None:
        """The unit acknowledged a switch."""
        self._known[output] = on

    def forget(self, outputs: Collection[Output]) -> None:
        """The unit that has these outputs was away: nobody knows what they show."""
        for output in outputs:
            self._known.pop(output, None)
