"""The world in front of the lane: a passport in a hand, a person who walks, a scene before the camera, an officer at a console.

Only the far ends of wires are simulated here; the lane learns of everything through its own drivers. The world follows what
the lane *tells* (events for observers), as a traveller follows the kiosk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from drivers.sim.gate_unit import SimulatedGateUnit
from drivers.sim.mrz_reader import SimulatedMrzReader
from drivers.sim.osdp_peripheral import PeripheralSettings
from drivers.sim.pace import Pace
from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.issuer import OLDER_CHIP, TODAYS_CHIP, Defect, PersonData, SimulatedIssuer
from drivers.sim.pn532 import SimulatedPn532
from drivers.sim.presentations import Presentation, presentation
from drivers.sim.scene import DEFAULT_SIZE, blurred_frames, empty_gate, live_frames, two_people, write_scene
from egate.app.demo.faces import CHIP_HEIGHT_PX, CHIP_WIDTH_PX, DemoFaces, chip_portrait, portrait_of
from egate.app.demo.installation import Installation
from egate.app.demo.story import Camera, Face, Passport, Traveller, document_number

FRAMES_PER_SCENE = 36
"""About two and a half seconds at fifteen frames a second; the camera plays them again and again."""

_DEFECT = {Passport.CLONED: Defect.CLONED, Passport.FORGED_DATA: Defect.FORGED_DATA}
_ARTEFACT = {Camera.PRINT: (Presentation.PRINT_WITH_BORDER, 1), Camera.SCREEN: (Presentation.SCREEN, 3)}
"""What is held before the camera, and which of its drawings: always the same ones. How many of all drawings are told from people
is measured elsewhere; the demo shows what happens when one is."""
_BORN = date(1984, 5, 17)
_DOCUMENT_LIFE = timedelta(days=5 * 365)
_EXPIRED_SINCE = timedelta(days=200)


ISSUER = "UTO"
"""The State of Utopia, which ICAO's own examples use; nobody issues passports for it."""


def simulated_state(today: date) -> SimulatedIssuer:
    """A State with keys of its own, made anew each time."""
    return SimulatedIssuer.create(ISSUER, secrets.token_bytes, today)


@dataclass(frozen=True, slots=True)
class Carried:
    """What a traveller brings: the printed lines, the chip, and the folder of frames that the camera will see."""

    lines: tuple[str, str] = field(repr=False)
    chip: SimulatedChip
    scene: Path


class World:
    """The far ends of one lane's wires."""

    def __init__(self, place: Installation, pace: Pace, gate_key: bytes, faces: DemoFaces, today: date) -> None:
        self._place, self._faces, self._today = place, faces, today
        self.camera_size = DEFAULT_SIZE
        self.standing = False
        self._scenes = 0
        self.mrz = SimulatedMrzReader(place.port("mrz"), pace)
        self.chip_reader = SimulatedPn532(place.port("chip"), pace)
        self.gate = SimulatedGateUnit(place.port("gate"), pace, PeripheralSettings(gate_key), secrets.token_bytes)
        self._portraits: dict[Face, bytes] = {}
        """Portraits as chips carry them; that of `Face.YOU` comes from outside (`carry`)."""
        self.empty = place.scene.parent / "empty"

    def start(self) -> None:
        """Plug every cable and empty the gate."""
        write_scene(self.empty, empty_gate(count=4))
        self.show(self.empty)
        for device in (self.mrz, self.chip_reader, self.gate):
            device.plug()

    async def close(self) -> None:
        """Pull every cable."""
        for device in (self.mrz, self.chip_reader, self.gate):
            await device.close()

    def carry(self, face: Face, portrait: bytes) -> None:
        """From now on passports with this face carry this portrait (JPEG 2000)."""
        self._portraits[face] = portrait

    def forget(self) -> None:
        """No portrait is kept any more."""
        self._portraits.clear()

    def photograph(self, face: Face) -> Path:
        """The photograph of a role."""
        faces = self._faces
        return {
            Face.A1: faces.traveller_a[0],
            Face.A2: faces.traveller_a[1],
            Face.A3: faces.traveller_a[2],
            Face.B: faces.traveller_b,
            Face.C: faces.traveller_c,
        }[face]

    def prepare(self, traveller: Traveller, issuer: SimulatedIssuer, seed: int) -> Carried:
        """Make the traveller's passport and scene. Slow (pictures): run it in a thread."""
        person = PersonData(
            surname=traveller.surname,
            given_names=traveller.given_names,
            date_of_birth=_BORN,
            sex=traveller.sex,
            document_number=document_number(traveller, seed),
            date_of_expiry=self._today + (-_EXPIRED_SINCE if traveller.passport is Passport.EXPIRED else _DOCUMENT_LIFE),
        )
        if traveller.portrait not in self._portraits:
            self._portraits[traveller.portrait] = chip_portrait(self.photograph(traveller.portrait))
        portrait = self._portraits[traveller.portrait]
        defect = _DEFECT.get(traveller.passport, Defect.NONE)
        size = (CHIP_WIDTH_PX, CHIP_HEIGHT_PX)
        kind = OLDER_CHIP if traveller.older_chip else TODAYS_CHIP
        personalisation = issuer.personalise(person, portrait, size, defect=defect, kind=kind)
        chip = SimulatedChip(personalisation, secrets.token_bytes)
        return Carried(issuer.mrz_lines(person), chip, self._scene(traveller, seed))

    def _scene(self, traveller: Traveller, seed: int) -> Path:
        if traveller.camera is Camera.YOURS:
            return self.empty  # the lane looks through a camera of its own
        self._scenes += 1
        folder, size = self._place.scene.parent / f"{self._scenes}-{traveller.name}", self.camera_size
        live = portrait_of(self.photograph(traveller.live))
        match traveller.camera:
            case Camera.TWO_PEOPLE:
                frames = two_people(live, portrait_of(self.photograph(Face.B)), count=FRAMES_PER_SCENE, size=size, seed=seed)
            case Camera.PRINT | Camera.SCREEN:
                artefact, drawing = _ARTEFACT[traveller.camera]
                frames = presentation(artefact, live, count=FRAMES_PER_SCENE, size=size, seed=drawing)
            case Camera.BLURRED:
                frames = blurred_frames(live, count=FRAMES_PER_SCENE, size=size, seed=seed)
            case _:
                frames = live_frames(live, count=FRAMES_PER_SCENE, size=size, seed=seed)
        write_scene(folder, frames[len(frames) * 2 // 3 :] if self.standing else frames)
        return folder

    def show(self, scene: Path) -> None:
        """Put a scene in front of the camera (the link is swapped at once)."""
        fresh = self._place.scene.with_name(f"next-{secrets.token_hex(4)}")
        fresh.symlink_to(scene)
        os.replace(fresh, self._place.scene)

    def clear_scene(self, carried: Carried) -> None:
        """Nobody stands before the camera; the frames of who stood there are removed."""
        self.show(self.empty)
        if carried.scene != self.empty:
            shutil.rmtree(carried.scene, ignore_errors=True)

    async def lay(self, carried: Carried) -> None:
        """Lay the passport on the reader: its chip is in the field, its lines are read."""
        self.chip_reader.insert(carried.chip)
        await self.mrz.present(carried.lines)

    def take(self) -> None:
        """Take the passport away."""
        self.chip_reader.remove()


class Beacon:
    """Lets the world wait until the lane has told something."""

    def __init__(self) -> None:
        self._told: list[tuple[str, str]] = []
        self._changed = asyncio.Condition()

    async def tell(self, what: str, name: str) -> None:
        """The lane told something."""
        async with self._changed:
            self._told.append((what, name))
            self._changed.notify_all()

    def forget(self) -> None:
        """From here on only new things count."""
        self._told.clear()

    def heard(self, what: str, name: str) -> bool:
        """Whether it was told since the last `forget`."""
        return (what, name) in self._told

    async def wait(self, until: Callable[[Beacon], bool], within_s: float) -> bool:
        """Wait until the condition holds; False when it did not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(lambda: until(self))
        return until(self)
