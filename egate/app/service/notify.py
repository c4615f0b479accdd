"""What a service says to the service manager: READY, STATUS, WATCHDOG and STOPPING on a datagram socket (sd_notify(3)).

The address comes from the environment, a path or an abstract name that begins with `@`. Rule: telling never stops or delays the
service. The socket does not block, and what the manager does not take is lost; the manager then sees a service that is not fed.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

SOCKET_VARIABLE = "NOTIFY_SOCKET"
PERIOD_VARIABLE = "WATCHDOG_USEC"
PROCESS_VARIABLE = "WATCHDOG_PID"

SHORTEST_PERIOD_S = 0.1
LONGEST_PERIOD_S = 3600.0
"""A watchdog outside these periods is a mistake of the unit."""

STATUS_LIMIT_CHARACTERS = 200
"""A status is one line on a screen."""

FEEDS_IN_A_PERIOD = 4
"""A round that takes a while may miss its first moment, never all of them."""

log = logging.getLogger(__name__)


class Notifier:
    """One end of the manager's socket. An empty address tells nobody, as on a command line."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._silent = False
        self.watchdog_s = watchdog_s
        """How long the manager waits without being fed, in seconds; None when it does not watch."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], process: int) -> Notifier:
        """What the manager told this `process`; a period that cannot be is named in the log and not kept."""
        address = environment.get(SOCKET_VARIABLE, "")
        if address and address[0] not in "/@":
            log.warning("%s is no address of the service manager; nothing is told", SOCKET_VARIABLE)
            address = ""
        return cls(address, _period_s(environment, process) if address else None)

    def ready(self, status: str) -> None:
        """The service does its work from now on."""
        self._tell("READY=1", status)

    def feed(self, status: str) -> None:
        """A full round was made; the manager waits for the next one."""
        self._tell("WATCHDOG=1", status)

    def stopping(self) -> None:
        """The service ends because it was told to."""
        self._tell("STOPPING=1", "stopping")

    def _tell(self, state: str, status: str) -> None:
        if not self._address:
            return
        line = "".join(character if character.isprintable() else " " for character in status)[:STATUS_LIMIT_CHARACTERS]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
                manager.setblocking(False)
                manager.sendto(f"{state}\nSTATUS={line}\n".encode(), self._address)
            self._silent = False
        except OSError as error:
            if not self._silent:
                log.warning("the service manager takes no messages: %s", error.strerror or "no answer")
            self._silent = True


def own_notifier() -> Notifier:
    """The notifier of this process; the variables are taken away, so no child speaks for it."""
    notifier = Notifier.from_environment(os.environ, os.getpid())
    for name in (SOCKET_VARIABLE, PERIOD_VARIABLE, PROCESS_VARIABLE):
        os.environ.pop(name, None)
    return notifier


def _period_s(environment: Mapping[str, str], process: int) -> float | None:
    """The watchdog's period, if it is meant for this process."""
    text = environment.get(PERIOD_VARIABLE, "")
    if not text or environment.get(PROCESS_VARIABLE, str(process)) != str(process):
        return None
    period_s = int(text) / 1e6 if text.isascii() and text.isdigit() and len(text) < 20 else 0.0
    if not SHORTEST_PERIOD_S <= period_s <= LONGEST_PERIOD_S:
        log.warning(
            "%s is no period between %g and %g s; the watchdog is not fed", PERIOD_VARIABLE, SHORTEST_PERIOD_S, LONGEST_PERIOD_S
        )
        return None
    return period_s
