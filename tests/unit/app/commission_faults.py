"""The faults of wiring and configuration that the wizard must name (goal N12), one entry each: what is broken, what must be said.

An entry breaks one thing on a lane that is otherwise sound. `quick` ones open no device or look at one for a moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from drivers.gate.modbus_boards import parse_layout
from drivers.sim.modbus_board import SimulatedModbusGate
from drivers.sim.osdp_peripheral import PeripheralMode
from drivers.sim.pn532 import EmptyChip
from drivers.sim.pty import FaultLink, FaultRates
from drivers.sim.scene import Image, empty_gate, write_scene
from egate.app.clock import SystemClock
from egate.app.commissioning.asking import Reply
from egate.app.commissioning.findings import Diagnosis
from egate.app.devices.holders import Account
from egate.app.devices.places import Machine
from egate.model.lane import Door
from egate.storage.log import LaneLog
from tests.unit.app import commission_machine_faults as machine
from tests.unit.app.app_bench import make_passport
from tests.unit.app.commission_bench import Stand, emergency, new_issuer, pushing

MACHINE = ("configuration", "keys", "clock", "disk", "log", "trust", "lists")
PORTS = ("ports",)
GATE = ("ports", "echo", "gate unit")
CONTACTS = ("gate unit", "at rest", "interlock", "pulses")
ZONE = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)
"""The specimen of Doc 9303-4, Appendix B."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    name: str
    expected: Diagnosis
    steps: tuple[str, ...]
    break_it: Callable[[Stand], None]
    quick: bool = False
    also: frozenset[Diagnosis] = frozenset()
    """Further diagnoses that are true of it as well."""


def _wire(change: Callable[[list[bool]], list[bool]]) -> Callable[[Stand], None]:
    """A fault of contacts."""

    def break_it(stand: Stand) -> None:
        def ready(here: Stand) -> None:
            here.gate.wires.contacts = change

        stand.ready = ready

    return break_it


def _ready(change: Callable[[Stand], object]) -> Callable[[Stand], None]:
    """A fault of a device that is plugged in."""

    def break_it(stand: Stand) -> None:
        def ready(here: Stand) -> None:
            change(here)

        stand.ready = ready

    return break_it


def _swapped(first: int, second: int) -> Callable[[list[bool]], list[bool]]:
    def change(contacts: list[bool]) -> list[bool]:
        contacts[first], contacts[second] = contacts[second], contacts[first]
        return contacts

    return change


def _sensors_swapped(stand: Stand) -> None:
    _wire(lambda c: [c[2], c[3], c[0], c[1], *c[4:]])(stand)
    stand.answers["released_entry"] = Reply.DONE


def _locks_swapped(stand: Stand) -> None:
    _ready(lambda here: here.gate.wires.locks.update({0: (Door.EXIT,), 1: (Door.ENTRY,)}))(stand)
    stand.answers["released_entry"] = Reply.NO


def _set(index: int, value: bool) -> Callable[[list[bool]], list[bool]]:
    def change(contacts: list[bool]) -> list[bool]:
        contacts[index] = value
        return contacts

    return change


def _inverted(index: int) -> Callable[[list[bool]], list[bool]]:
    def change(contacts: list[bool]) -> list[bool]:
        contacts[index] = not contacts[index]
        return contacts

    return change


def _chatter(stand: Stand) -> None:
    turns = [0]

    def change(contacts: list[bool]) -> list[bool]:
        turns[0] += 1
        contacts[3] = turns[0] // 3 % 2 == 0
        return contacts

    _wire(change)(stand)


def _lock_stuck(stand: Stand) -> None:
    _ready(lambda here: here.gate.wires.locks.update({0: ()}))(stand)
    stand.answers["clicked_entry"] = Reply.NO


def _relay_dead(stand: Stand) -> None:
    _ready(lambda here: setattr(here.gate.wires, "switches", False))(stand)


def _contact_stuck(stand: Stand) -> None:
    _wire(lambda c: [c[0], True, *c[2:]])(stand)
    stand.answers["clicked_entry"] = Reply.DONE


def _both_locks(stand: Stand) -> None:
    _wire(lambda c: [c[0], c[1] and c[3], c[2], c[1] and c[3], *c[4:]])(stand)


def _slow_lease(stand: Stand) -> None:
    _ready(lambda here: setattr(here.gate.wires, "lease_s", lambda _seconds: 60.0))(stand)


def _closed_swapped(stand: Stand) -> None:
    _wire(_swapped(0, 2))(stand)
    stand.acts["open_entry"] = pushing(Door.ENTRY)


def _closed_stuck(stand: Stand) -> None:
    _wire(_set(0, True))(stand)
    stand.acts["open_entry"] = pushing(Door.ENTRY)


def _emergency_dead(stand: Stand) -> None:
    _wire(_set(6, False))(stand)
    stand.acts |= {"emergency": emergency(True), "emergency_over": emergency(False)}


def _emergency_locked(stand: Stand) -> None:
    _wire(lambda c: [c[0], True, c[2], True, *c[4:]])(stand)
    stand.acts |= {"emergency": emergency(True), "emergency_over": emergency(False)}


def _garbage(stand: Stand) -> None:
    def ready(here: Stand) -> None:
        here.gate.port.on_bytes = lambda _data: here.gate.port.write(os.urandom(11))

    stand.ready = ready


def _echo(stand: Stand) -> None:
    def ready(here: Stand) -> None:
        def hear(data: bytes) -> None:
            here.gate.port.write(data)
            here.gate.hear(data)

        here.gate.port.on_bytes = hear

    stand.ready = ready


def _half_open(stand: Stand) -> None:
    _ready(lambda here: setattr(here.gate.port, "write", lambda _data: None))(stand)


def _unplugged(name: str) -> Callable[[Stand], None]:
    def break_it(stand: Stand) -> None:
        stand.without = frozenset({name})

    return break_it


def _stranger(stand: Stand) -> None:
    stand.here = replace(stand.here, account=Account(65_000, frozenset({65_000}), "lane"))


def _held_port(stand: Stand) -> None:
    """Another program has the gate's port."""

    def ready(here: Stand) -> None:
        program = "import fcntl, os, sys; n = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); fcntl.flock(n, fcntl.LOCK_EX); "
        words = [sys.executable, "-c", program + "print('held', flush=True); sys.stdin.read()", str(here.place.port("gate"))]
        other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert other.stdout is not None
        other.stdout.readline()
        here.plugged.append(other)

    stand.ready = ready


def _plain_file(stand: Stand) -> None:
    stand.without = frozenset({"gate"})
    stand.place.port("gate").write_bytes(b"")


def _modem_manager(stand: Stand) -> None:
    proc = stand.place.root / "proc" / "4711"
    proc.mkdir(parents=True)
    (proc / "comm").write_text("ModemManager\n")
    machine = Machine(proc=proc.parent)
    stand.here = replace(stand.here, machine=machine, rules=())
    stand.edit('port = "ports/mrz"\nemulated = true', 'port = "ports/mrz"')


def _exchanged(stand: Stand) -> None:
    stand.ports = ("chip", "gate", "mrz")


def _chip_on_mrz(stand: Stand) -> None:
    stand.ports = ("gate", "mrz", "chip")


def _small_unit(stand: Stand) -> None:
    _ready(lambda here: setattr(here.gate.wires, "size", 4))(stand)


def _lamp_dead(stand: Stand) -> None:
    stand.answers |= {"lamp_red": Reply.NO, "lamp_amber": Reply.DONE, "lamp_green": Reply.DONE}


def _no_antenna(stand: Stand) -> None:
    stand.answers["chip"] = Reply.DONE


def _empty_card(stand: Stand) -> None:
    _ready(lambda here: here.chip.insert(EmptyChip()))(stand)


async def lay_specimen(stand: Stand) -> None:
    """Somebody lays the specimen on the reader, and once more."""
    for _ in range(2):
        await stand.mrz.present(ZONE)
        await stand.clock.sleep(0.6)


def _other_make(stand: Stand) -> None:
    stand.edit('driver = "mrz_serial"', 'driver = "mrz_serial"\nprofile = "3m-oem"')
    stand.acts |= {"mrz": lay_specimen, "mrz_again": lay_specimen_often}


async def lay_specimen_often(stand: Stand) -> None:
    """Somebody lays it again and again."""
    for _ in range(12):
        await stand.mrz.present(ZONE)
        await stand.clock.sleep(0.3)


def _dead_reader(stand: Stand) -> None:
    stand.answers["mrz"] = Reply.DONE


def _dirty_glass(stand: Stand) -> None:
    async def lay(here: Stand) -> None:
        await here.mrz.present((ZONE[0], ZONE[1].replace("7408122", "7408172")))

    stand.acts["mrz"] = lay


def _scene(make: Callable[[], list[Image]]) -> Callable[[Stand], None]:
    def break_it(stand: Stand) -> None:
        folder = stand.place.root / "scenes" / "faulty"
        write_scene(folder, make())
        stand.place.scene.unlink()
        stand.place.scene.symlink_to(folder)

    return break_it


def _flat(value: int, noise: int = 0) -> list[Image]:
    random = np.random.default_rng(1)
    return [np.clip(random.integers(-noise, noise + 1, (160, 120, 3)) + value, 0, 255).astype(np.uint8) for _ in range(4)]


def _no_camera(stand: Stand) -> None:
    stand.place.scene.unlink()


def passport_on_reader(stand: Stand) -> None:
    """A real chip lies on the chip reader."""
    stand.chip.insert(make_passport(new_issuer()).chip)


MODBUS_BAUD = 38_400
RELAYS, TWO_BOARDS = "1:waveshare-relay-d", "1:waveshare-relay-8 2:inputs-8"


def modbus(boards: str, there: str = "", baud: int = MODBUS_BAUD, silent: int = 0) -> Callable[[Stand], None]:
    """A lane on Modbus: what its file says, what boards are there at which speed, and which of them is dead."""

    def make(path: Path, clock: SystemClock) -> SimulatedModbusGate:
        unit = SimulatedModbusGate(path, clock, parse_layout(there or boards), baud=baud)
        unit.misbehaviour.silent.add(silent)
        return unit

    def change(stand: Stand) -> None:
        stand.edit('driver = "osdp"', f'driver = "modbus"\nbaud = {MODBUS_BAUD}\nboards = "{boards}"')
        stand.instead = make

    return change


FAULTS: tuple[Fault, ...] = (
    Fault("no lists configured", Diagnosis.NO_LISTS, MACHINE, machine.unlisted, True),
    Fault("no lists in the folder", Diagnosis.NO_LISTS, MACHINE, machine.no_lists, True),
    Fault("outdated lists", Diagnosis.STALE_LISTS, MACHINE, machine.outdated_lists, True),
    Fault("a list that was changed", Diagnosis.LISTS, MACHINE, machine.broken_list, True),
    Fault("stale revocation list", Diagnosis.STALE_TRUST, MACHINE, machine.stale_revocations, True),
    Fault("no country certificate", Diagnosis.TRUST, MACHINE, machine.no_trust, True),
    Fault("full disk", Diagnosis.DISK_FULL, MACHINE, machine.full(8), True),
    Fault("nearly full disk", Diagnosis.DISK_FULL, MACHINE, machine.full(100), True),
    Fault("log in another's hands", Diagnosis.LOG_NOT_WRITABLE, MACHINE, machine.held_log, True),
    Fault("log that is a folder", Diagnosis.LOG_NOT_WRITABLE, MACHINE, machine.log_is_folder, True),
    Fault("gate key readable by all", Diagnosis.KEY_READABLE, MACHINE, machine.readable("gate.hex"), True),
    Fault("officer's private key readable by all", Diagnosis.KEY_READABLE, MACHINE, machine.readable("7731.pem"), True),
    Fault("clock in the past", Diagnosis.CLOCK, MACHINE, machine.clock(-400), True),
    Fault(
        "clock far ahead",
        Diagnosis.CLOCK,
        MACHINE,
        machine.clock(365 * 80),
        True,
        frozenset({Diagnosis.STALE_LISTS, Diagnosis.STALE_TRUST}),
    ),
    Fault(
        "unsafe timers together",
        Diagnosis.CONFIGURATION,
        MACHINE,
        machine.edited("[profile]", "[timers]\nclosing_s = 2\n\n[profile]"),
        True,
    ),
    Fault(
        "a lease that is too long",
        Diagnosis.CONFIGURATION,
        MACHINE,
        machine.edited("[profile]", "[timers]\nlease_s = 30\n\n[profile]"),
        True,
    ),
    Fault("nobody to clear referrals", Diagnosis.CONFIGURATION, MACHINE, machine.no_officers, True),
    Fault("unknown driver", Diagnosis.CONFIGURATION, MACHINE, machine.edited('driver = "pn532"', 'driver = "pn533"'), True),
    Fault("cable not plugged in", Diagnosis.PORT_MISSING, PORTS, _unplugged("gate"), True),
    Fault("missing permission", Diagnosis.NO_PERMISSION, PORTS, _stranger, True),
    Fault("port held by another program", Diagnosis.PORT_HELD, PORTS, _held_port, True),
    Fault("a file in place of a port", Diagnosis.NO_SERIAL_PORT, PORTS, _plain_file, True),
    Fault("ModemManager not kept off", Diagnosis.MODEM_MANAGER, PORTS, _modem_manager, True),
    Fault("gate unit at another speed", Diagnosis.WRONG_BAUD, GATE, lambda s: setattr(s, "gate_baud", 9600)),
    Fault("gate unit at another address", Diagnosis.WRONG_ADDRESS, GATE, lambda s: s.settings(address=3)),
    Fault("another key in the unit", Diagnosis.WRONG_KEY, GATE, lambda s: s.settings(key=bytes(16)), True),
    Fault("published default key", Diagnosis.DEFAULT_KEY, GATE, lambda s: s.settings(PeripheralMode.INSTALL), True),
    Fault("unit without secure channel", Diagnosis.PLAINTEXT, GATE, lambda s: s.settings(PeripheralMode.PLAIN), True),
    Fault("half-open line", Diagnosis.SILENT, GATE, _half_open),
    Fault("local echo", Diagnosis.LOCAL_ECHO, GATE, _echo, True),
    Fault("garbage on the line", Diagnosis.GARBLED, GATE, _garbage),
    Fault(
        "noisy line",
        Diagnosis.NOISY_LINE,
        ("gate unit", "polls"),
        lambda s: setattr(s, "gate_faults", FaultLink(5, FaultRates(flip=0.03, drop=0.02))),
    ),
    Fault("gate and chip reader exchanged", Diagnosis.OTHER_DEVICE, ("gate unit", "chip reader"), _exchanged),
    Fault("chip reader on the MRZ reader's port", Diagnosis.OTHER_DEVICE, ("MRZ reader",), _chip_on_mrz),
    Fault("unit with too few contacts", Diagnosis.TOO_FEW_CONTACTS, GATE, _small_unit, True),
    Fault("emergency input open", Diagnosis.EMERGENCY_AT_REST, CONTACTS, _wire(_set(6, True))),
    Fault("housing open", Diagnosis.TAMPER_AT_REST, CONTACTS, _ready(lambda s: s.gate.mantrap.tamper(True))),
    Fault("person sensor stuck", Diagnosis.PERSONS_AT_REST, CONTACTS, _wire(_set(4, True))),
    Fault("chattering sensor", Diagnosis.CHATTER, ("gate unit", "at rest"), _chatter),
    Fault("swapped door sensors", Diagnosis.SENSORS_SWAPPED, CONTACTS, _sensors_swapped),
    Fault("lock wired to the other door", Diagnosis.LOCKS_SWAPPED, CONTACTS, _locks_swapped),
    Fault(
        "inverted lock contact",
        Diagnosis.INVERTED_LOCK_CONTACT,
        CONTACTS,
        _wire(_inverted(1)),
        False,
        frozenset({Diagnosis.DOOR_NOT_AT_REST}),
    ),
    Fault(
        "inverted closed contact",
        Diagnosis.INVERTED_CLOSED_CONTACT,
        CONTACTS,
        _wire(_inverted(0)),
        False,
        frozenset({Diagnosis.DOOR_NOT_AT_REST}),
    ),
    Fault("stuck lock", Diagnosis.LOCK_STUCK, CONTACTS, _lock_stuck),
    Fault("relay that does not switch", Diagnosis.NOT_SWITCHED, CONTACTS, _relay_dead),
    Fault("stuck lock contact", Diagnosis.LOCK_CONTACT_STUCK, CONTACTS, _contact_stuck),
    Fault(
        "lock without sensor",
        Diagnosis.LOCK_WITHOUT_SENSOR,
        CONTACTS,
        _wire(_set(1, False)),
        False,
        frozenset({Diagnosis.DOOR_NOT_AT_REST}),
    ),
    Fault("both lock contacts on one wire", Diagnosis.BOTH_DOORS_MOVE, CONTACTS, _both_locks),
    Fault("lock that stays open", Diagnosis.NOT_RELOCKED, CONTACTS, _slow_lease),
    Fault("closed contacts swapped", Diagnosis.CLOSED_CONTACTS_SWAPPED, ("gate unit", "doors"), _closed_swapped),
    Fault("closed contact stuck", Diagnosis.CLOSED_CONTACT_STUCK, ("gate unit", "doors"), _closed_stuck),
    Fault("emergency input dead", Diagnosis.INPUT_DEAD, ("gate unit", "inputs"), _emergency_dead),
    Fault("doors locked in an emergency", Diagnosis.EMERGENCY_KEEPS_LOCKED, ("gate unit", "inputs"), _emergency_locked),
    Fault(
        "no interlock in the unit",
        Diagnosis.HARD_INTERLOCK_MISSING,
        ("gate unit", "interlock"),
        lambda s: s.answers.update({"hard_interlock": Reply.NO}),
        True,
    ),
    Fault("dead lamp", Diagnosis.LAMP, ("gate unit", "lamps"), _lamp_dead, True),
    Fault(
        "chip reader without supply",
        Diagnosis.SILENT,
        ("chip reader",),
        _ready(lambda s: setattr(s.chip.port, "on_bytes", _deaf)),
    ),
    Fault("chip reader without antenna", Diagnosis.NO_CHIP_FOUND, ("chip reader",), _no_antenna),
    Fault("card without travel application", Diagnosis.CHIP_UNREADABLE, ("chip reader",), _empty_card, True),
    Fault("wrong MRZ profile", Diagnosis.MRZ_PROFILE, ("MRZ reader",), _other_make),
    Fault("MRZ reader dead", Diagnosis.MRZ_NOT_READ, ("MRZ reader",), _dead_reader),
    Fault("dirty glass", Diagnosis.MRZ_MISREAD, ("MRZ reader",), _dirty_glass),
    Fault("camera not there", Diagnosis.CAMERA_FAILED, ("camera",), _no_camera, True),
    Fault("camera in the dark", Diagnosis.CAMERA_DARK, ("camera",), _scene(lambda: _flat(4, 3)), True),
    Fault("camera blinded", Diagnosis.CAMERA_BRIGHT, ("camera",), _scene(lambda: _flat(252)), True),
    Fault("camera covered", Diagnosis.CAMERA_BLURRED, ("camera",), _scene(lambda: _flat(120, 1)), True),
    Fault("picture frozen", Diagnosis.CAMERA_FROZEN, ("camera",), _scene(lambda: empty_gate(count=1, size=(120, 160))), True),
)
"""All of them; the requirement asks for forty."""


def _deaf(_data: bytes) -> None:
    """A device without supply."""


def put_away(stand: Stand) -> None:
    """End what a fault began."""
    for thing in stand.plugged:
        if isinstance(thing, subprocess.Popen):
            thing.communicate(b"")
        elif isinstance(thing, LaneLog):
            thing.close()
