"""Maintenance: while a lane is tested no controller can run it, and every screen shows it closed (T4).

The message socket belongs to one living process (`egate.ipc.place`). The test takes that place: a controller that runs is not
pushed aside but named, one that is started meanwhile refuses, and screens that are on show *closed* to travellers and *out of
service* with the word maintenance to officers. No wish of a screen is taken.
"""

from __future__ import annotations

from types import TracebackType

from egate.app.config import LaneConfig
from egate.app.devices.holders import Account
from egate.ipc.messages import LaneView, Message, TravellerStep, TravellerView, Welcome
from egate.ipc.server import Client, MessageServer
from egate.model.errors import DeviceError
from egate.model.lane import DoorState, LanePhase
from egate.ports import Clock

MAINTENANCE = "maintenance"
"""What officers read among the devices that are not there."""


class LaneHold:
    """Holds one lane's place for as long as the context lasts; raises DeviceError when a controller has it."""

    def __init__(self, config: LaneConfig, clock: Clock) -> None:
        self._config = config
        welcome = Welcome(config.name, config.number, str(config.frames))
        self._server = MessageServer(config.socket, clock, welcome=welcome, on_message=_refused)

    async def __aenter__(self) -> LaneHold:
        try:
            await self._server.start()
        except DeviceError as error:
            problem = f"{error.problem}; the lane is running: take it out of service, stop `egate run`, then test"
            raise DeviceError(f"test lane {self._config.name} as {Account.current().name}", problem) from None
        for view in closed_views(self._config):
            self._server.publish(view)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._server.close()


def closed_views(config: LaneConfig) -> tuple[Message, ...]:
    """What the screens are told: closed, and out of service for maintenance."""
    lane = LaneView(
        revision=1,
        lane=config.name,
        number=config.number,
        phase=LanePhase.OUT_OF_SERVICE,
        phase_age_s=0.0,
        entry=DoorState.FAULT,
        exit=DoorState.FAULT,
        persons=0,
        alarms=(),
        case=None,
        admitted=0,
        referred=0,
        last_outcome=None,
        wish_counter=1,
        devices_lost=(MAINTENANCE,),
    )
    return TravellerView(1, 0, TravellerStep.CLOSED, language=config.language), lane


async def _refused(_client: Client, _message: Message) -> Message | None:
    """No wish moves a lane under test."""
    return None
