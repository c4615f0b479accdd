"""The officer of a lane: comes when called, after a drawn delay, looks, and acts over the lane's own socket with a signed wish.

Mostly what is asked of an officer is right; some acts are wrong, some meet a lane that has just decided by itself, and now and
then a lane is taken out of service for a while. Every act goes the way that it goes from a console: view, signature, answer.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.app.demo.installation import LANE_NAME, OFFICER
from egate.app.twin.stage.world import World
from egate.ipc.client import MessageClient
from egate.ipc.messages import LaneView, OfficerPresent, OfficerWish, Role, WishAnswer
from egate.ipc.wishes import officer_key_from_pem, sign_presence, sign_wish
from egate.model.errors import EgateError
from egate.model.lane import LanePhase, OfficerAction, OfficerReason

COMES_AFTER_S = (2.0, 25.0)
ACTS_AGAIN_AFTER_S = (4.0, 12.0)
LOOKS_EVERY_S = 0.5
WISH_LIFE_S = 8.0
CONNECTS_WITHIN_S = 3.0
HURRIES, ERRS, CLOSES_LANE = 0.01, 0.08, 0.0006
"""Of all looks at a passage: an act that races the lane. Of all acts: a wrong one. Of all looks at a free lane: it is closed."""

CLEARS = 0.7
"""Of those who may pass, the others are sent to the desk."""

ATTENDS_EVERY_S, PRESENT_FOR_S, HEARD_AFTER_S = 6.0, 14.0, 0.02
PAUSE_S = (30.0, 300.0)
"""How long a lane is out of service by an officer's wish."""

UNDER_WAY = frozenset({LanePhase.CAPTURE, LanePhase.RECORDING, LanePhase.EXIT_OPEN, LanePhase.ENTRY_OPEN, LanePhase.EXIT_CLOSING})
_REASONS = {
    OfficerAction.CLEAR: OfficerReason.IDENTITY_CONFIRMED,
    OfficerAction.RELEASE_TO_ENTRY: OfficerReason.TO_DESK,
    OfficerAction.HOLD: OfficerReason.SAFEGUARDING,
    OfficerAction.OUT_OF_SERVICE: OfficerReason.TECHNICAL,
    OfficerAction.IN_SERVICE: OfficerReason.TECHNICAL,
}


class Officer:
    """One officer, who has this lane and nothing else."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._draw: random.Random = world.draw("officer")
        self._key: Ed25519PrivateKey = officer_key_from_pem(world.computer.place.key(f"{OFFICER}.pem").read_bytes())

    async def run(self) -> None:
        """For ever."""
        world, draw = self._world, self._draw
        while True:
            await world.clock.sleep(LOOKS_EVERY_S)
            phase = world.phase
            if phase is LanePhase.REFERRED:
                await world.clock.sleep(draw.uniform(*COMES_AFTER_S))
                await self._settle()
            elif phase is LanePhase.OUT_OF_SERVICE and world.screen is not None and not world.screen.in_service:
                await world.clock.sleep(draw.uniform(*PAUSE_S))
                await self._wish(OfficerAction.IN_SERVICE)
            elif phase is LanePhase.IDLE and draw.random() < CLOSES_LANE:
                await self._wish(OfficerAction.OUT_OF_SERVICE)
            elif phase in UNDER_WAY and draw.random() < HURRIES:
                await self._hurry()

    async def _settle(self) -> None:
        """A referral: look, act, and see whether it helped."""
        world, draw = self._world, self._draw
        while world.phase is LanePhase.REFERRED:
            await self._wish(self._judgement())
            await world.clock.sleep(draw.uniform(*ACTS_AGAIN_AFTER_S))

    def _judgement(self) -> OfficerAction:
        """What to do with whoever is inside; sometimes the wrong thing."""
        world, draw = self._world, self._draw
        if draw.random() < ERRS:
            return draw.choice([action for action in OfficerAction if action is not OfficerAction.OUT_OF_SERVICE])
        here = [party for party in world.hall.parties.values() if party.inside]
        lets_pass = (world.hall.persons == 1 and here and here[0].may_pass) or self._is_family()
        if lets_pass and draw.random() < CLEARS:
            return OfficerAction.CLEAR
        return OfficerAction.RELEASE_TO_ENTRY

    async def _hurry(self) -> None:
        """An act that nobody asked for, while the lane is about to decide."""
        actions = (OfficerAction.HOLD, OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY)
        await self._world.clock.sleep(self._draw.uniform(0.0, 1.5))
        await self._wish(self._draw.choice(actions))

    async def attend(self) -> None:
        """The console says that somebody watches, again and again, and at once after the controller started anew (S5)."""
        world = self._world
        told_s, start = float("-inf"), 0
        while True:
            await world.clock.sleep(LOOKS_EVERY_S)
            due = world.computer.starts != start or world.clock.monotonic() - told_s >= ATTENDS_EVERY_S
            if due and world.computer.alive and await self._say_present():
                told_s, start = world.clock.monotonic(), world.computer.starts

    async def _say_present(self) -> bool:
        """One signed presence; False when no controller took it."""
        world = self._world
        expires_ns = world.clock.wall_ns() + int(PRESENT_FOR_S * 1e9)
        presence = sign_presence(OfficerPresent(LANE_NAME, OFFICER, expires_ns), self._key)
        try:
            async with asyncio.timeout(CONNECTS_WITHIN_S):
                async with MessageClient(world.computer.place.socket, world.clock, Role.GUARD, "twin") as console:
                    await console.send(presence)
                    await world.clock.sleep(HEARD_AFTER_S)
        except (EgateError, TimeoutError, OSError):
            return False
        return True

    async def _wish(self, action: OfficerAction) -> None:
        """Connect, read the view, sign, send, hear the answer."""
        world = self._world
        world.chronicle.note(f"the officer wishes: {action.value}")
        try:
            async with asyncio.timeout(CONNECTS_WITHIN_S):
                taken = await self._send(action)
        except (EgateError, TimeoutError, OSError):
            taken = None
        answer = "no controller answers" if taken is None else "taken" if taken.taken else taken.code
        world.counts[f"wish {action.value}: {answer}"] += 1
        world.chronicle.note(f"the lane answers: {answer}")

    async def _send(self, action: OfficerAction) -> WishAnswer | None:
        world, place = self._world, self._world.computer.place
        async with MessageClient(place.socket, world.clock, Role.GUARD, "twin") as console:
            async for message in console.messages():
                if isinstance(message, WishAnswer):
                    return message
                if isinstance(message, LaneView):
                    await console.send(self._signed(action, message))
                    break
            async for message in console.messages():
                if isinstance(message, WishAnswer):
                    return message
        return None

    def _signed(self, action: OfficerAction, view: LaneView) -> OfficerWish:
        expires_ns = self._world.clock.wall_ns() + int(WISH_LIFE_S * 1e9)
        wish = OfficerWish(view.lane, action, _REASONS[action], OFFICER, view.passage, view.wish_counter, expires_ns)
        if action is OfficerAction.CLEAR and self._is_family():
            self._world.cleared_together = self._world.hall.persons
            return sign_wish(replace(wish, persons=self._world.hall.persons), self._key)
        return sign_wish(wish, self._key)

    def _is_family(self) -> bool:
        """Whether everybody inside came as a family and nobody else is there."""
        here = [party for party in self._world.hall.parties.values() if party.inside]
        return len(here) == 1 and here[0].together and here[0].inside == self._world.hall.persons
