"""A vendor's program behind the confined worker and its client: it dies, the check ends in words, the next one works (P11)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.app.clock import SystemClock
from egate.app.face_client import FaceClient
from egate.faces.calibrations.signing import encode_table, signed
from egate.faces.engines.program_description import parse_program_description
from egate.model.errors import DeviceError
from tests.unit.faces.engines.descriptions import BAD_PROGRAM, calibration_table, program_description

WARM_UP = 2
"""Requests with which a worker warms its engine up."""

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def picture() -> bytes:
    grey = np.full((120, 100, 3), 127, np.uint8)
    return cv2.imencode(".jpg", grey)[1].tobytes()


def described(folder: Path, *arguments: str) -> None:
    """A calibrated description of the bad program in `folder`."""
    key = KEY.public_key().public_bytes_raw().hex()
    head = f'calibration = "acme.json"\ncalibration_key = "{key}"\n'
    text = head + program_description(BAD_PROGRAM, list(arguments), model="bad 1", metric="cosine", answer_ms=2000)
    (folder / "acme.toml").write_text(text)
    model_id = parse_program_description(text.encode(), folder).model_id
    (folder / "acme.json").write_bytes(encode_table(signed(calibration_table(model_id), KEY)))


@pytest.mark.parametrize(("how", "words"), [("dies", "it closed its pipe|it ended"), ("hangs", "it did not answer in time")])
def test_a_program_lost_in_a_confined_worker_costs_one_check(tmp_path: Path, how: str, words: str) -> None:
    described(tmp_path, how, str(tmp_path / "done"), str(WARM_UP))
    asyncio.run(asyncio.wait_for(lost_and_found(tmp_path, words), 60))


async def lost_and_found(folder: Path, words: str) -> None:
    command = (sys.executable, "-m", "egate.app.face_worker", "--engine", f"program:{folder / 'acme.toml'}")
    client = FaceClient(command, SystemClock())
    await client.start()
    try:
        image = picture()
        with pytest.raises(DeviceError, match=f"acme: .*({words})"):
            await client.compare(image, image)
        for _ in range(100):
            try:
                scores = await client.compare(image, image)
                break
            except DeviceError:
                await asyncio.sleep(0.05)  # noqa: TID251 - the worker that lost its program is on its way out
        assert [score.engine for score in scores] == ["acme"]
        assert scores[0].value == pytest.approx(1)
    finally:
        await client.close()


def test_a_program_without_calibration_does_not_open_the_lane(tmp_path: Path) -> None:
    described(tmp_path, "good")
    text = "\n".join(line for line in (tmp_path / "acme.toml").read_text().splitlines() if not line.startswith("calibration"))
    (tmp_path / "acme.toml").write_text(text)
    command = (sys.executable, "-m", "egate.app.face_worker", "--engine", f"program:{tmp_path / 'acme.toml'}")
    client = FaceClient(command, SystemClock())
    with pytest.raises(DeviceError, match="acme has no calibration, so its scores mean nothing"):
        asyncio.run(client.start())
