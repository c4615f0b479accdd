"""From samples of several boards to one report: debounce, and how old the evidence is. No I/O, no clock.

The rule: a contact is what two samples in a row say, and the evidence is as old as the older of the two. So one bounce moves
nothing, one late answer (Modbus has no sequence numbers) proves nothing, and a contact that chatters never becomes evidence:
the lane waits and calls the officer (I2, I8). The emergency contact alone counts at once (I5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.gate.modbus_boards import Contact, Point
from drivers.gate.osdp import gate_report
from egate.model.lane import GateReport

REPORT_ORDER = tuple(contact for contact in Contact if contact is not Contact.TAMPER)
"""The contacts in the order of the OSDP unit's inputs, which is the one that a report is made from."""


@dataclass(slots=True)
class _Sampled:
    """One contact: the newest sample with its number, and what two in a row said."""

    newest: bool
    newest_number: int
    settled: bool | None = None
    settled_number: int = 0

    def sample(self, active: bool, number: int) -> None:
        """A further sample, asked for after command `number` was acknowledged."""
        if active == self.newest:
            self.settled, self.settled_number = active, self.newest_number
        self.newest, self.newest_number = active, number


class SettledContacts:
    """The contacts of one lane, wherever they are."""

    def __init__(self, contacts: Mapping[Contact, Point]) -> None:
        self._places = contacts
        self._sampled: dict[Contact, _Sampled] = {}

    def sample(self, address: int, inputs: tuple[bool, ...], after_command: int) -> None:
        """All inputs of one board, asked for after that command had been acknowledged."""
        for contact, place in self._places.items():
            if place.address != address:
                continue
            active = inputs[place.index] != place.inverted
            known = self._sampled.get(contact)
            if known is None:
                self._sampled[contact] = _Sampled(active, after_command)
            else:
                known.sample(active, after_command)

    def forget(self, address: int) -> None:
        """A board fell silent: what it said is no evidence any more."""
        for contact, place in self._places.items():
            if place.address == address:
                self._sampled.pop(contact, None)

    def report(self) -> GateReport | None:
        """The report of all contacts, None while one of them has not settled yet."""
        settled: dict[Contact, bool] = {}
        for contact in self._places:
            known = self._sampled.get(contact)
            if known is None or known.settled is None:
                return None
            settled[contact] = known.settled
        emergency = self._sampled[Contact.EMERGENCY]
        settled[Contact.EMERGENCY] = emergency.newest or settled[Contact.EMERGENCY]
        number = min(known.settled_number for known in self._sampled.values())
        return gate_report(tuple(settled[contact] for contact in REPORT_ORDER), settled.get(Contact.TAMPER, False), number)
