"""Foreign peers of the readers: npm's bcbp for boarding passes, nfcpy in front of the simulated PN532.

Both are named by the environment and left out where they are not there: `EGATE_PEER_BCBP` is the folder of the package,
`EGATE_PEER_NFCPY` the Python of an environment that has nfcpy (docs/peers.md).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from drivers.reader.boarding_pass.bcbp import encode_boarding_pass, parse_boarding_pass
from drivers.reader.pn532 import Pn532Config, Pn532Reader
from drivers.sim.pn532 import SimulatedPn532
from egate.model.boarding_pass import BoardingPass, FlightLeg, IssueDetails, LegDetails, PassSecurity
from tests.unit.drivers.boarding_passes import PUBLISHED
from tests.unit.drivers.wires import ScriptedChip, TestClock, link_to, run

pytestmark = pytest.mark.foreign

HERE = Path(__file__).parent
RANDOM_PASSES = 300
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"


class Bcbp:
    """One process of node that reads and writes passes with the package."""

    def __init__(self) -> None:
        folder, node = os.environ.get("EGATE_PEER_BCBP"), shutil.which("node")
        if not folder or node is None:
            pytest.skip("EGATE_PEER_BCBP names no folder with npm's package bcbp, or there is no node")
        command = [node, str(HERE / "bcbp_peer.js"), folder]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **asked: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture
def peer() -> Any:
    bcbp = Bcbp()
    yield bcbp
    bcbp.close()


def _day_of(text: str | None) -> int | None:
    return None if text is None else date.fromisoformat(text[:10]).timetuple().tm_yday


def _leg(read: Mapping[str, Any]) -> dict[str, object]:
    """What the package says of a leg, in our words."""
    names = {
        "operatingCarrierPNR": "booking_reference",
        "departureAirport": "from_airport",
        "arrivalAirport": "to_airport",
        "operatingCarrierDesignator": "carrier",
        "flightNumber": "flight_number",
        "compartmentCode": "compartment",
        "seatNumber": "seat",
        "checkInSequenceNumber": "check_in_sequence",
        "passengerStatus": "passenger_status",
        "airlineInfo": "airline_use",
    }
    return {ours: read.get(theirs) or "" for theirs, ours in names.items()} | {"day_of_year": _day_of(read.get("flightDate"))}


def _details(read: Mapping[str, Any]) -> LegDetails:
    fast = read.get("fastTrack")
    return LegDetails(
        read.get("airlineNumericCode", ""),
        read.get("serialNumber", ""),
        read.get("selecteeIndicator", ""),
        read.get("internationalDocumentationVerification", ""),
        read.get("marketingCarrierDesignator", ""),
        read.get("frequentFlyerAirlineDesignator", ""),
        read.get("frequentFlyerNumber", ""),
        read.get("idIndicator", ""),
        read.get("freeBaggageAllowance", ""),
        "" if fast is None else "Y" if fast else "N",
    )


def _compare(ours: BoardingPass, theirs: Mapping[str, Any]) -> None:
    """Each item that both know."""
    data, meta = theirs["data"], theirs["meta"]
    assert ours.passenger_name == data["passengerName"]
    assert ours.version == str(meta.get("versionNumber") or "")
    assert len(ours.legs) == len(data["legs"])
    for leg, read in zip(ours.legs, data["legs"], strict=True):
        assert {name: getattr(leg, name) for name in _leg(read)} == _leg(read)
        assert (leg.details or LegDetails()) == _details(read)
    issue = ours.issue or IssueDetails()
    assert issue.baggage_tags == data.get("baggageTagNumber", "")
    assert (issue.issuer, issue.document_type) == (data.get("boardingPassIssuerDesignator", ""), data.get("documentType", ""))
    if ours.security is not None:
        assert (ours.security.kind, ours.security.data) == (data["securityDataType"], data["securityData"])


@pytest.mark.parametrize("name", PUBLISHED)
def test_npms_bcbp_reads_the_published_passes_as_we_do(peer: Bcbp, name: str) -> None:
    """L9."""
    _compare(parse_boarding_pass(PUBLISHED[name].encode()), peer.ask(decode=PUBLISHED[name]))


def _random_pass(chance: random.Random) -> BoardingPass:
    def text(signs: str, least: int, most: int) -> str:
        return "".join(chance.choices(signs, k=chance.randint(least, most)))

    def details() -> LegDetails:
        if chance.random() < 0.3:
            return LegDetails()
        return LegDetails(
            text(DIGITS, 3, 3),
            text(DIGITS, 10, 10),
            chance.choice(("", "0", "1", "3")),
            chance.choice(("", "0", "1", "2")),
            text(LETTERS, 2, 3),
            text(LETTERS, 2, 3),
            text(DIGITS, 8, 16),
            "",
            chance.choice(("", "1PC", "20K")),
            chance.choice(("Y", "N")),
        )

    legs = tuple(
        FlightLeg(
            text(LETTERS + DIGITS, 6, 7),
            text(LETTERS, 3, 3),
            text(LETTERS, 3, 3),
            text(LETTERS, 2, 3),
            text(DIGITS, 4, 4) + text("ABC", 0, 1),
            chance.randint(1, 365),
            chance.choice("FJCYM"),
            text(DIGITS, 3, 3) + chance.choice("ABCDEF"),
            text(DIGITS, 4, 4),
            chance.choice("0123"),
            details(),
            text(LETTERS + DIGITS, 1, 20),
        )
        for _ in range(chance.randint(1, 4))
    )
    issue = IssueDetails("1", "W", "O", text(DIGITS[:1], 1, 1) + f"{chance.randint(1, 365):03}", "B", text(LETTERS, 2, 3))
    security = chance.choice((None, PassSecurity("1", text(LETTERS + DIGITS, 1, 100))))  # the package keeps 100
    name = f"{text(LETTERS, 2, 9)}/{text(LETTERS, 1, 10)}"
    return BoardingPass(name, electronic_ticket=True, legs=legs, version="6", issue=issue, security=security)


def test_npms_bcbp_reads_what_we_write(peer: Bcbp) -> None:
    """L9: seeded passes of one to four legs with every group there or not."""
    chance = random.Random(792)
    for _ in range(RANDOM_PASSES):
        made = _random_pass(chance)
        text = encode_boarding_pass(made)
        assert parse_boarding_pass(text) == made
        _compare(made, peer.ask(decode=text.decode()))


def test_we_read_what_npms_bcbp_writes(peer: Bcbp) -> None:
    """L9."""
    chance = random.Random(793)
    for _ in range(RANDOM_PASSES):
        day = date(2026, 1, 1) + timedelta(days=chance.randrange(365))
        leg = {
            "operatingCarrierPNR": "".join(chance.choices(LETTERS, k=6)),
            "departureAirport": "".join(chance.choices(LETTERS, k=3)),
            "arrivalAirport": "".join(chance.choices(LETTERS, k=3)),
            "operatingCarrierDesignator": "".join(chance.choices(LETTERS, k=2)),
            "flightNumber": "".join(chance.choices(DIGITS, k=4)),
            "flightDate": f"{day}T00:00:00.000Z",
            "compartmentCode": "Y",
            "seatNumber": "012C",
            "checkInSequenceNumber": "0042",
            "passengerStatus": "1",
            "frequentFlyerNumber": "".join(chance.choices(DIGITS, k=chance.randint(1, 16))),
        }
        text = peer.ask(encode={"data": {"passengerName": "MUSTER/KAI", "legs": [leg] * chance.randint(1, 3)}})
        read = parse_boarding_pass(text.encode())
        assert {(one.from_airport, one.flight_number, one.day_of_year) for one in read.legs} == {
            (leg["departureAirport"], leg["flightNumber"], day.timetuple().tm_yday)
        }
        assert {one.details.frequent_flyer_number for one in read.legs if one.details} == {leg["frequentFlyerNumber"]}


async def _nfcpy(port: Path) -> dict[str, Any]:
    """What nfcpy finds on a port."""
    python = os.environ.get("EGATE_PEER_NFCPY")
    if not python:
        pytest.skip("EGATE_PEER_NFCPY names no Python that has nfcpy")
    process = await asyncio.create_subprocess_exec(
        python, str(HERE / "nfcpy_reader.py"), str(port), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, errors.decode(errors="replace")[-800:]
    found: dict[str, Any] = json.loads(output)
    return found


def test_nfcpy_drives_the_simulated_pn532(tmp_path: Path) -> None:
    """L9: wake-up by other bytes than ours, firmware, the longest echo, the raise of speed, parameters, a chip, power down.

    After it our driver wakes the reader again. The line takes any speed: nfcpy closes its port in the middle of the change.
    """

    async def story() -> None:
        clock = TestClock()
        reader = SimulatedPn532(tmp_path / "nfc", clock, baud=None)
        reader.plug()
        try:
            assert await _nfcpy(tmp_path / "nfc") == {"chipset": "PN532v1.6", "baud": 921_600, "target": None}
            reader.insert(ScriptedChip())
            found = await _nfcpy(tmp_path / "nfc")
            assert found["target"] == {"sens": "0800", "sel": "20", "uid": "08000001"}
            ours = Pn532Reader(link_to(tmp_path / "nfc", clock), Pn532Config(), clock)
            await ours.start()
            assert await ours.wait_for_chip(5)
            assert await ours.transceive(bytes(5)) == bytes(5) + b"\x90\x00"
            await ours.close()
            assert (await _nfcpy(tmp_path / "nfc"))["target"] is not None
        finally:
            await reader.close()

    run(story(), 90)
