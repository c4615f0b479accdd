"""The text of a bar coded boarding pass (IATA BCBP, Resolution 792, Attachment B), type M: text ↔ `BoardingPass`. No I/O.

23 characters stand once, then 37 for each leg; the last two of these say in hexadecimal how many follow for this leg: in the
first leg `>`, the version and the items that a pass has once, in every leg the items that repeat, and what the airline keeps for
itself. Each group begins with its own length, so it may stop after any of its items. `^` and the security data end the pass.

The rules: every length is compared with what is there before it is used; a pass that is torn off, too long, cut inside an item or
not printable ASCII is `MalformedData`, whose words say what is wrong and hold nothing of what was read. A code may carry the
identifier of its symbology in front (ISO/IEC 15424: `]L` PDF417, `]z` Aztec, `]Q` QR, `]d` Data Matrix); it is left out.
Whether the airline signed it is not judged here: the keys are the airlines' own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from egate.model.boarding_pass import BoardingPass, FlightLeg, IssueDetails, LegDetails, PassSecurity
from egate.model.errors import MalformedData

MOST_LEGS = 4  # what fits into the symbols in use
ONCE_CHARACTERS, LEG_CHARACTERS = 23, 37  # mandatory items: of the pass, of each leg
MOST_CHARACTERS = ONCE_CHARACTERS + MOST_LEGS * (LEG_CHARACTERS + 255) + 4 + 255
SHORTEST_CHARACTERS = ONCE_CHARACTERS + LEG_CHARACTERS
LAST_DAY = 366
SYMBOLOGIES = {"L": "PDF417", "z": "Aztec", "Q": "QR", "d": "Data Matrix"}
"""The symbols that carry boarding passes, by the letter of their identifier (Resolution 792, ISO/IEC 15424)."""

_DOING = "read a boarding pass"
_ISSUE_ITEMS = (
    *(("passenger_description", 1), ("check_in_source", 1), ("issue_source", 1), ("issued", 4), ("document_type", 1)),
    *(("issuer", 3), ("baggage_tags", 13), ("baggage_tags_2", 13), ("baggage_tags_3", 13)),
)
_LEG_ITEMS = (
    *(("airline_number", 3), ("document_number", 10), ("selectee", 1), ("document_check", 1), ("marketing_carrier", 3)),
    *(("frequent_flyer_airline", 3), ("frequent_flyer_number", 16), ("reduced_fare", 1), ("baggage_allowance", 3)),
    ("fast_track", 1),
)


class _Text:
    """Takes items from the front of a text; each refusal names the item and never what stands there."""

    def __init__(self, text: str) -> None:
        self.rest = text

    def take(self, count: int, what: str) -> str:
        """The next `count` characters."""
        if len(self.rest) < count:
            raise MalformedData(_DOING, f"it ends within {what}: {count - len(self.rest)} characters are missing")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def item(self, count: int, what: str) -> str:
        """The next item without the blanks around it."""
        return self.take(count, what).strip(" ")

    def group(self, what: str) -> _Text:
        """What a hexadecimal length in front of it bounds."""
        digits = self.take(2, f"the length of {what}")
        try:
            length = int(digits, 16) if digits.isalnum() else -1
        except ValueError:
            length = -1
        if length < 0:
            raise MalformedData(_DOING, f"the length of {what} is no hexadecimal number")
        return _Text(self.take(length, what))


def parse_boarding_pass(data: bytes) -> BoardingPass:
    """The pass in a code that was read; raises MalformedData."""
    text = _Text(_without_identifier(_printable(data)))
    kind = text.take(1, "the format code")
    if kind != "M":
        raise MalformedData(_DOING, "it is no boarding pass of type M (a code of another kind, or of a luggage label)")
    count = text.take(1, "the number of legs")
    if count not in "1234":
        raise MalformedData(_DOING, f"the number of legs is not 1 to {MOST_LEGS}")
    name = text.item(20, "the name")
    if not name:
        raise MalformedData(_DOING, "it names nobody")
    electronic = text.take(1, "the ticket indicator") == "E"
    version, issue, legs = "", None, []
    for number in range(1, int(count) + 1):
        leg, version, issue = _leg(text, number, version, issue)
        legs.append(leg)
    return BoardingPass(name, electronic, tuple(legs), version, issue, _security(text))


def _printable(data: bytes) -> str:
    """The text, once it is short enough and all of it can be printed."""
    if len(data) > MOST_CHARACTERS + 3:
        raise MalformedData(_DOING, f"it has {len(data)} characters, more than the {MOST_CHARACTERS} of the longest pass")
    if not all(0x20 <= byte < 0x7F for byte in data):
        raise MalformedData(_DOING, "it holds characters that no boarding pass has (only printable ASCII is)")
    return data.decode("ascii")


def _without_identifier(text: str) -> str:
    """The text without the identifier of its symbology."""
    if not text.startswith("]"):
        return text
    if len(text) < 3 or text[1] not in SYMBOLOGIES:
        raise MalformedData(_DOING, f"boarding passes are {', '.join(SYMBOLOGIES.values())}, and this is another kind of code")
    return text[3:]


def _leg(text: _Text, number: int, version: str, issue: IssueDetails | None) -> tuple[FlightLeg, str, IssueDetails | None]:
    """One leg with its conditional items; those that a pass has once come with the first."""
    where = f"leg {number}"
    booking = text.item(7, f"the booking of {where}")
    airports = text.take(3, f"the departure of {where}"), text.take(3, f"the arrival of {where}")
    carrier, flight = text.item(3, f"the carrier of {where}"), text.item(5, f"the flight of {where}")
    day = _day(text.item(3, f"the date of {where}"), where)
    if not all(airport.isalpha() and airport.isupper() for airport in airports):
        raise MalformedData(_DOING, f"an airport of {where} is not three letters")
    compartment, seat = text.item(1, f"the compartment of {where}"), text.item(4, f"the seat of {where}")
    sequence, status = text.item(5, f"the sequence of {where}"), text.item(1, f"the status of {where}")
    more = text.group(f"the conditional items of {where}")
    if number == 1 and more.rest.startswith(">"):
        more.take(1, "the version")
        version = more.take(1, "the version")
        issue = IssueDetails(**_items(more.group("the items of the issue"), _ISSUE_ITEMS, "the items of the issue"))
    details = None
    if more.rest and (version or number > 1):
        details = LegDetails(**_items(more.group(f"the details of {where}"), _LEG_ITEMS, f"the details of {where}"))
    leg = FlightLeg(booking, *airports, carrier, flight, day, compartment, seat, sequence, status, details, more.rest)
    return leg, version, issue


def _day(digits: str, where: str) -> int | None:
    """The day of the year, None for blanks."""
    if not digits:
        return None
    if len(digits) != 3 or not digits.isdigit() or not 1 <= int(digits) <= LAST_DAY:
        raise MalformedData(_DOING, f"the date of {where} is no day of a year")
    return int(digits)


def _items(group: _Text, items: Iterable[tuple[str, int]], what: str) -> dict[str, str]:
    """The items of a group, which may stop after any of them; what a later version added is kept as it is."""
    found: dict[str, str] = {}
    for name, count in items:
        if not group.rest:
            return found
        if len(group.rest) < count:
            raise MalformedData(_DOING, f"the length of {what} ends within an item")
        found[name] = group.item(count, what)
    if group.rest:
        found["further"] = group.rest
    return found


def _security(text: _Text) -> PassSecurity | None:
    """What stands behind the last leg: nothing, or `^` with the security data."""
    if not text.rest:
        return None
    if text.take(1, "the security data") != "^":
        raise MalformedData(_DOING, "something other than security data follows the last leg")
    kind = text.take(1, "the security data")
    data = text.group("the security data").rest
    if text.rest:
        raise MalformedData(_DOING, f"{len(text.rest)} characters follow the security data")
    return PassSecurity(kind, data)


def date_of_flight(day_of_year: int, today: date) -> date:
    """The day that a pass means: of those with this number the one next to `today`; raises MalformedData where there is none.

    A pass has no year, so on 31 December day 1 is tomorrow. Day 366 is only a day of leap years.
    """
    found = []
    for year in (today.year - 1, today.year, today.year + 1):
        day = date(year, 1, 1) + timedelta(days=day_of_year - 1)
        if day.year == year and day_of_year >= 1:
            found.append(day)
    if not found:
        raise MalformedData(_DOING, "its day is in none of the years around now")
    return min(found, key=lambda day: abs(day - today))


def encode_boarding_pass(boarding_pass: BoardingPass) -> bytes:
    """The text of a pass, groups as long as their last item needs; for simulators."""
    legs = []
    for number, leg in enumerate(boarding_pass.legs, 1):
        more = ""
        if number == 1 and boarding_pass.version:
            once = _group(_joined(boarding_pass.issue or IssueDetails(), _ISSUE_ITEMS))
            more = f">{boarding_pass.version}{once}"
        if leg.details is not None:
            more += _group(_joined(leg.details, _LEG_ITEMS))
        elif leg.airline_use and (boarding_pass.version or number > 1):
            more += "00"
        day = "" if leg.day_of_year is None else f"{leg.day_of_year:03}"
        head = f"{leg.booking_reference:7}{leg.from_airport:3}{leg.to_airport:3}{leg.carrier:3}{leg.flight_number:5}{day:3}"
        tail = f"{leg.compartment:1}{leg.seat:4}{leg.check_in_sequence:5}{leg.passenger_status:1}"
        legs.append(head + tail + _group(more + leg.airline_use))
    ticket = "E" if boarding_pass.electronic_ticket else " "
    security = boarding_pass.security
    end = "" if security is None else f"^{security.kind}{_group(security.data)}"
    return f"M{len(legs)}{boarding_pass.passenger_name:20}{ticket}{''.join(legs)}{end}".encode("ascii")


def _joined(values: IssueDetails | LegDetails, items: Iterable[tuple[str, int]]) -> str:
    """The items of a group in their widths; blanks at its end are left out up to the next whole item."""
    pieces = [f"{getattr(values, name):{count}}" for name, count in items]
    if values.further:
        return "".join(pieces) + values.further
    while pieces and not pieces[-1].strip():
        pieces.pop()
    return "".join(pieces)


def _group(content: str) -> str:
    """A content with its length in front."""
    return f"{len(content):02X}{content}"
