"""Receipts on their way from the sync process to the controller: over the socket, or into a file when there is none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from egate.app.clock import SystemClock
from egate.app.commands.sync import _receipts_to, receipt_message
from egate.ipc.messages import Message, ReceiptArrived, Role, Welcome
from egate.ipc.server import Client, MessageServer
from egate.model.errors import DeviceError
from egate.sync.messages import sign_receipt
from egate.sync.receipt_file import load_receipt, receipt_path
from tests.record_lane import LANE, signing_key

RECEIPT = sign_receipt(LANE, 3, bytes(range(32)), 7, signing_key("hub"))


def test_a_receipt_goes_to_the_controller_that_is_there_and_to_the_next_one(tmp_path: Path) -> None:
    heard: list[tuple[Role, Message]] = []

    async def on_message(client: Client, message: Message) -> Message | None:
        heard.append((client.role, message))
        return None

    async def story() -> None:
        clock = SystemClock()
        hand_over = _receipts_to(tmp_path / "lane.db", tmp_path / "lane.sock", clock)
        with pytest.raises(DeviceError, match="no controller listens"):
            await hand_over(RECEIPT)
        for count in (1, 2):
            server = MessageServer(tmp_path / "lane.sock", clock, welcome=Welcome(LANE, 1, ""), on_message=on_message)
            await server.start()
            await hand_over(RECEIPT)
            while len(heard) < count:
                await clock.sleep(0.01)
            await server.close()

    asyncio.run(story())
    assert heard == [(Role.SYNC, receipt_message(RECEIPT))] * 2


def test_the_message_carries_the_receipt_in_hexadecimal() -> None:
    message = receipt_message(RECEIPT)
    assert message == ReceiptArrived(LANE, 3, bytes(range(32)).hex(), 7, RECEIPT.signature.hex())


def test_without_a_controller_the_receipt_waits_in_a_file(tmp_path: Path) -> None:
    asyncio.run(_store(tmp_path))
    assert load_receipt(receipt_path(tmp_path / "lane.db")) == RECEIPT


async def _store(folder: Path) -> None:
    await _receipts_to(folder / "lane.db", None, SystemClock())(RECEIPT)
