"""What a boarding pass tells: the items of an IATA bar coded boarding pass (BCBP, Resolution 792, Attachment B).

A pass is its holder's personal data: name, booking, ticket, seat, frequent flyer number, baggage tags. None of them shows in a
`repr`; what shows is which flight it is for. Items are text as printed, without the blanks that fill them up; an item that the
pass does not have is empty. The numbers in the comments are those of the items in the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LegDetails:
    """The conditional items that repeat for each leg; `further` is what a later version added behind them."""

    airline_number: str = field(default="", repr=False)  # 142
    document_number: str = field(default="", repr=False)  # 143
    selectee: str = field(default="", repr=False)  # 18
    document_check: str = field(default="", repr=False)  # 108
    marketing_carrier: str = field(default="", repr=False)  # 19
    frequent_flyer_airline: str = field(default="", repr=False)  # 20
    frequent_flyer_number: str = field(default="", repr=False)  # 236
    reduced_fare: str = field(default="", repr=False)  # 89, ID/AD indicator
    baggage_allowance: str = field(default="", repr=False)  # 118
    fast_track: str = field(default="", repr=False)  # 254
    further: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FlightLeg:
    """One flight. `day_of_year` is 1 to 366, None where the pass leaves it open; the year is not on a pass."""

    booking_reference: str = field(repr=False)  # 7
    from_airport: str  # 26
    to_airport: str  # 38
    carrier: str  # 42, of the flight as it is operated
    flight_number: str  # 43, leading zeros as printed
    day_of_year: int | None  # 46
    compartment: str = field(repr=False)  # 71
    seat: str = field(repr=False)  # 104
    check_in_sequence: str = field(repr=False)  # 107
    passenger_status: str = field(repr=False)  # 117
    details: LegDetails | None = field(default=None, repr=False)
    airline_use: str = field(default="", repr=False)  # 4


@dataclass(frozen=True, slots=True)
class IssueDetails:
    """The conditional items that a pass has once. `issued` is the last digit of the year and the day of it, as printed."""

    passenger_description: str = field(default="", repr=False)  # 15
    check_in_source: str = field(default="", repr=False)  # 12
    issue_source: str = field(default="", repr=False)  # 14
    issued: str = field(default="", repr=False)  # 22
    document_type: str = field(default="", repr=False)  # 16
    issuer: str = field(default="", repr=False)  # 21
    baggage_tags: str = field(default="", repr=False)  # 23
    baggage_tags_2: str = field(default="", repr=False)  # 31
    baggage_tags_3: str = field(default="", repr=False)  # 32
    further: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PassSecurity:
    """The security data of a pass as they stand there (items 28 and 30). Nobody's key is known here, so they are only kept."""

    kind: str
    data: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BoardingPass:
    """A whole pass. `version` is the digit after `>`, empty where the pass has only mandatory items (item 9)."""

    passenger_name: str = field(repr=False)  # 11, SURNAME/GIVEN NAMES
    electronic_ticket: bool  # 253
    legs: tuple[FlightLeg, ...]
    version: str = ""
    issue: IssueDetails | None = field(default=None, repr=False)
    security: PassSecurity | None = None
