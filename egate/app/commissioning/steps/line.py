"""Why a device does not answer: another speed, another address, another device, an echo, or nothing at all.

Only questions are sent, those of `egate devices suggest` and for Modbus boards a read, at speeds and addresses that such devices
have. The echo is heard with bytes that are no frame of any protocol here.
"""

from __future__ import annotations

from collections.abc import Iterator

import drivers
from drivers.gate.framed_profile import load_profile
from drivers.gate.modbus_protocol import EXCEPTION_BIT, crc_holds, read_coils, read_inputs
from drivers.link import LinkSettings, SerialLink
from egate.app.commissioning.findings import Diagnosis
from egate.app.config import DeviceConfig
from egate.app.devices.recognise import Kind, Recognised, recognise
from egate.app.wiring import make_gate_device
from egate.model.errors import DeviceError
from egate.ports import Clock

ECHO_PROBE = bytes.fromhex("ffffa5ff5affffff")
"""In no protocol here a frame, and none begins in it."""
ECHO_WITHIN_S = 0.3
MODBUS_BAUDS = (9600, 19_200, 38_400, 115_200)
MODBUS_ADDRESSES = range(1, 9)
MODBUS_WITHIN_S = 0.08
SHORTEST_ANSWER_BYTES = 5
FRAMED_ADDRESSES = range(4)
USUAL_BAUD = 115_200
USUAL_MRZ_BAUD = 9600
_EXPECTED = {"osdp": Kind.OSDP, "pn532": Kind.PN532, "mrz_serial": Kind.MRZ}
_WORDS = (
    ("published default key", Diagnosis.DEFAULT_KEY),
    ("another key than", Diagnosis.WRONG_KEY),
    ("does not accept our key", Diagnosis.WRONG_KEY),
    ("talks in the clear", Diagnosis.PLAINTEXT),
    ("offers none or refuses", Diagnosis.PLAINTEXT),
    ("it must have", Diagnosis.TOO_FEW_CONTACTS),
    ("its vendor is", Diagnosis.OTHER_DEVICE),
    ("its model is", Diagnosis.OTHER_DEVICE),
    ("no permission", Diagnosis.NO_PERMISSION),
    ("another program holds it", Diagnosis.PORT_HELD),
    ("there is no such port", Diagnosis.PORT_MISSING),
)
"""What our drivers say of themselves, and what it means."""


def diagnosis_of(error: Exception) -> Diagnosis:
    """What a driver's refusal means; NONE when it only says that nothing came."""
    text = str(error)
    return next((diagnosis for words, diagnosis in _WORDS if words in text), Diagnosis.NONE)


async def why_silent(device: DeviceConfig, baud: int, clock: Clock) -> tuple[Diagnosis, str]:
    """Look for a device that does not answer as configured; never raises."""
    if device.driver == "modbus":
        found = await _modbus(device, baud, clock)
        if found is not None:
            return found
    if device.driver == "framed":
        found = await _framed(device, clock)
        if found is not None:
            return found
    return _judged(device, baud, await recognise(str(device.port), clock, emulated=device.options.get("emulated") is True))


def _judged(device: DeviceConfig, baud: int, found: Recognised) -> tuple[Diagnosis, str]:
    """What the answer of a port means for the device that should be there."""
    expected = _EXPECTED.get(device.driver)
    address = int(device.options.get("address", 1))
    match found.kind:
        case Kind.SILENT:
            return Diagnosis.SILENT, "nothing answers, at no speed and no address that such a device has"
        case Kind.TALKING:
            return Diagnosis.GARBLED, found.words
        case Kind.CLOSED:
            return Diagnosis.DEVICE_FAILED, found.words
        case kind if kind is not expected:
            return Diagnosis.OTHER_DEVICE, f"on this port there is: {found.words}"
        case _ if found.baud != baud:
            return Diagnosis.WRONG_BAUD, f"it is silent at {baud} baud and answers at {found.baud}"
        case _ if device.driver == "osdp" and found.address != address:
            return Diagnosis.WRONG_ADDRESS, f"at address {address} nothing answers, at address {found.address} something does"
        case _:
            return Diagnosis.NOISY_LINE, "it answers single questions, but the line is too poor to work on"


async def _modbus(device: DeviceConfig, baud: int, clock: Clock) -> tuple[Diagnosis, str] | None:
    """Ask boards to read, first at the configured speed; None when none answers."""
    wanted = {int(word.partition(":")[0]) for word in str(device.options.get("boards", "")).split()}
    link = SerialLink(LinkSettings(str(device.port), baud, device.options.get("emulated") is True), clock)
    try:
        await link.open()
        for speed in (baud, *(speed for speed in MODBUS_BAUDS if speed != baud)):
            await link.set_baud(speed)
            here = [address for address in MODBUS_ADDRESSES if await _board_at(link, address, clock)]
            if here and speed != baud:
                return Diagnosis.WRONG_BAUD, f"boards are silent at {baud} baud and answer at {speed}"
            if here and not wanted <= set(here):
                away = ", ".join(map(str, sorted(wanted - set(here))))
                return Diagnosis.WRONG_ADDRESS, f"no board at address {away}; boards answer at {', '.join(map(str, here))}"
            if here:
                return Diagnosis.NOISY_LINE, "the boards answer single questions, but the line is too poor to work on"
    except DeviceError:
        return None
    finally:
        await link.close()
    return None


async def _board_at(link: SerialLink, address: int, clock: Clock) -> bool:
    """Whether a board answers a read, be it with a refusal."""
    for question in (read_coils(address, 0, 1), read_inputs(address, 0, 1)):
        link.discard_input()
        link.write(question.raw)
        heard, until = b"", clock.monotonic() + MODBUS_WITHIN_S
        while (rest_s := until - clock.monotonic()) > 0 and (data := await link.read(rest_s)):
            heard = (heard + data)[-256:]
            if any(_answers(question.raw, heard[at : at + size]) for at, size in _pieces(heard)):
                return True
    return False


def _pieces(heard: bytes) -> Iterator[tuple[int, int]]:
    """Where an answer of one bit (6 bytes) or a refusal (5 bytes) may stand."""
    for at in range(len(heard) - SHORTEST_ANSWER_BYTES + 1):
        yield at, SHORTEST_ANSWER_BYTES
        yield at, SHORTEST_ANSWER_BYTES + 1


def _answers(question: bytes, piece: bytes) -> bool:
    return piece[:1] == question[:1] and piece[1:2] in (question[1:2], bytes((question[1] | EXCEPTION_BIT,))) and crc_holds(piece)


async def _framed(device: DeviceConfig, clock: Clock) -> tuple[Diagnosis, str] | None:
    """Start the shipping driver at other addresses; None when none answers."""
    configured = int(device.options.get("address", 1))
    for address in FRAMED_ADDRESSES:
        if address == configured:
            continue
        gate = make_gate_device(DeviceConfig(device.driver, device.port, {**device.options, "address": address}), clock)
        try:
            await gate.start()
        except DeviceError:
            continue
        finally:
            await gate.close()
        return Diagnosis.WRONG_ADDRESS, f"at address {configured} nothing answers, at address {address} a board does"
    return None


async def echoes(device: DeviceConfig, baud: int, clock: Clock) -> bool:
    """Whether the line lets us hear ourselves; raises DeviceError when the port does not open."""
    link = SerialLink(LinkSettings(str(device.port), baud, device.options.get("emulated") is True), clock)
    await link.open()
    try:
        link.discard_input()
        link.write(ECHO_PROBE)
        heard, until = b"", clock.monotonic() + ECHO_WITHIN_S
        while (rest_s := until - clock.monotonic()) > 0 and (data := await link.read(rest_s)):
            heard = (heard + data)[: 2 * len(ECHO_PROBE)]
            if ECHO_PROBE in heard:
                return True
    finally:
        await link.close()
    return False


def port_baud(device: DeviceConfig, kind: str) -> int:
    """The speed of a device's line as it is configured: in the lane's file, in a board's profile, or the kind's usual one."""
    if device.driver == "framed":
        return load_profile(str(device.options.get("profile", ""))).line.baud
    if kind == "mrz" and "baud" not in device.options:
        return USUAL_MRZ_BAUD
    return int(device.options.get("baud", USUAL_BAUD))


def without_key(driver: str) -> bool:
    """Whether a gate unit's line is authenticated by nothing."""
    return driver in drivers.GATE_UNITS_WITHOUT_A_KEY
