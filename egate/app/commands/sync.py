"""`egate sync`: sends a lane's sealed records to the centre and brings receipts back; has the network and moves no doors.

It opens the lane's log read-only. A receipt goes over the local socket to the controller, which verifies it again and prunes;
without a socket it goes into a file beside the log, which the controller reads when it starts.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.commands.service import add_bus_arguments, bus_address, run_service
from egate.ipc.client import MessageClient
from egate.ipc.messages import ReceiptArrived, Role
from egate.model.crossing import Receipt
from egate.model.errors import DeviceError
from egate.ports import Clock
from egate.storage.database import open_read_only
from egate.storage.keys import create_signing_key, load_signing_key, load_verify_key
from egate.storage.keystore.keyring import Keyring
from egate.storage.keystore.references import is_reference, parse_reference
from egate.storage.keystore.secrets import SigningKey
from egate.storage.log import lane_of
from egate.storage.outbox import Outbox
from egate.sync.bus import first_of
from egate.sync.client import LaneIdentity, SyncClient
from egate.sync.receipt_file import receipt_path, store_receipt

CONTROLLER_WITHIN_S = 0.5
"""How long one attempt to hand a receipt over waits for the controller; there is always another attempt."""

LOOK_FOR_LOG_EVERY_S = 0.5
"""Pause between two looks for a log that its controller has not made yet."""

_LOG = logging.getLogger("egate.sync")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate sync`."""
    parser.add_argument("--log", metavar="PATH", type=Path, help="the lane's own log (read only)")
    add_bus_arguments(parser)
    parser.add_argument(
        "--lane-key",
        metavar="KEY",
        required=True,
        help="the lane's signing key: a private file (PEM), keystore:NAME or a PKCS#11 URI",
    )
    parser.add_argument("--keystore", metavar="FILE", type=Path, help="the keystore file in which keystore:NAME is looked up")
    parser.add_argument("--hub-key", metavar="FILE", type=Path, help="the centre's public receipt key (PEM)")
    parser.add_argument(
        "--socket", metavar="PATH", type=Path, help="the controller's message socket (default: a file beside the log)"
    )
    parser.add_argument("--make-keys", action="store_true", help="make the lane's key and its public half (FILE.pub), then end")


def run(args: argparse.Namespace) -> int:
    """Run the sync until it is told to end; raises DeviceError or TrustError for keys that cannot be used."""
    if args.make_keys:
        if is_reference(args.lane_key):
            raise DeviceError("making the lane's key", "a key of a keystore or a token is made by `egate keys make`")
        path = Path(args.lane_key)
        create_signing_key(path, path.with_name(path.name + ".pub"))
        return 0
    if args.log is None or args.hub_key is None:
        raise DeviceError("starting the sync", "--log and --hub-key are needed")
    lane_key, hub_key, address, clock = (
        _lane_key(args.lane_key, args.keystore),
        load_verify_key(args.hub_key),
        bus_address(args),
        SystemClock(),
    )

    async def work(stop: asyncio.Event) -> None:
        found = await _await_log(args.log, clock, stop)
        if found is not None:
            lane, outbox = found
            identity = LaneIdentity(lane, lane_key, hub_key)
            await SyncClient(identity, outbox, address, clock, _receipts_to(args.log, args.socket, clock)).run(stop)

    return run_service(work)


def _lane_key(text: str, store: Path | None) -> SigningKey:
    """The key that the lane signs with, wherever it lies; raises DeviceError, TrustError or MalformedData."""
    if not is_reference(text):
        return load_signing_key(Path(text))
    return Keyring(store).signing_key(parse_reference(text, Path.cwd()))


def receipt_message(receipt: Receipt) -> ReceiptArrived:
    """A receipt as the local socket carries it."""
    return ReceiptArrived(
        receipt.lane, receipt.sequence, receipt.header_hash.hex(), receipt.signed_at_ns, receipt.signature.hex()
    )


async def _await_log(path: Path, clock: Clock, stop: asyncio.Event) -> tuple[str, Outbox] | None:
    """The lane's name and outbox once its controller has made the log; None when told to end before."""
    reported = False
    while not stop.is_set():
        try:
            store = open_read_only(path)
            lane = lane_of(store)
            if lane:
                return lane, Outbox(store)
            store.close()
            problem = "it belongs to no lane yet"
        except DeviceError as error:
            problem = error.problem
        if not reported:
            _LOG.warning("the log %s cannot be read yet (%s); waiting for it", path, problem)
            reported = True
        await first_of(clock.sleep(LOOK_FOR_LOG_EVERY_S), stop.wait())
    return None


def _receipts_to(log: Path, socket: Path | None, clock: Clock) -> Callable[[Receipt], Awaitable[None]]:
    """Where receipts go: to the controller, or into a file beside the log."""
    if socket is None:
        return lambda receipt: _to_file(log, receipt)
    return lambda receipt: _to_controller(socket, clock, receipt)


async def _to_file(log: Path, receipt: Receipt) -> None:
    store_receipt(receipt_path(log), receipt)


async def _to_controller(socket: Path, clock: Clock, receipt: Receipt) -> None:
    """A connection for each receipt: a controller that restarted is found again without anybody remembering."""
    client = MessageClient(socket, clock, Role.SYNC, "sync")
    try:
        await client.connect(CONTROLLER_WITHIN_S)
        await client.send(receipt_message(receipt))
    finally:
        await client.close()
