"""`egate hub`: the centre. Verifies what lanes send, keeps the ledger, answers with signed receipts."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.commands.service import add_bus_arguments, bus_address, run_service
from egate.hub.ingest import Ingest
from egate.hub.lanes import LaneRegister
from egate.hub.ledger import Ledger
from egate.model.errors import DeviceError
from egate.storage.keys import create_sealing_key, create_signing_key, load_signing_key

_LOG = logging.getLogger("egate.hub")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate hub`."""
    add_bus_arguments(parser)
    parser.add_argument("--ledger", metavar="PATH", type=Path, help="the centre's ledger (made when there is none)")
    parser.add_argument("--lanes", metavar="DIR", type=Path, help="folder with one public key LANE.pem for each lane")
    parser.add_argument("--key", metavar="FILE", type=Path, required=True, help="the centre's private receipt key (PEM)")
    parser.add_argument("--sealing-key", metavar="FILE", type=Path, help="with --make-keys: make a sealing key pair here as well")
    parser.add_argument("--make-keys", action="store_true", help="make the keys and their public halves (FILE.pub), then end")


def run(args: argparse.Namespace) -> int:
    """Run the hub until it is told to end; raises DeviceError or TrustError for files that cannot be used."""
    if args.make_keys:
        return _make_keys(args.key, args.sealing_key)
    if args.ledger is None or args.lanes is None:
        raise DeviceError("starting the hub", "--ledger and --lanes are needed")
    lanes, clock = LaneRegister(args.lanes), SystemClock()
    key, address, known = load_signing_key(args.key), bus_address(args), lanes.names()
    ledger = Ledger.open(args.ledger, key, lanes, clock)
    try:
        _LOG.info("lanes registered: %s", ", ".join(known) or "none")
        return run_service(Ingest(ledger, address, clock).run)
    finally:
        ledger.close()


def _make_keys(receipts: Path, sealing: Path | None) -> int:
    create_signing_key(receipts, _public(receipts))
    if sealing is not None:
        create_sealing_key(sealing, _public(sealing))
    return 0


def _public(private: Path) -> Path:
    return private.with_name(private.name + ".pub")
