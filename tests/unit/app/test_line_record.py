"""Recordings of lines on disk: sealed to the centre, opened by its key only (L10)."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from drivers.recording import Happening
from drivers.sim.pty import PtyPort
from egate.app.line_record import LineRecording, read_line_recording
from egate.model.errors import DeviceError, TrustError
from egate.storage.vault import CentrePrivateKey
from tests.unit.drivers.wires import TestClock, link_to, run


def test_a_line_is_recorded_for_the_centre_only(tmp_path: Path) -> None:
    key, other = CentrePrivateKey(X25519PrivateKey.generate()), CentrePrivateKey(X25519PrivateKey.generate())
    path = tmp_path / "mrz.line"

    async def story() -> None:
        clock = TestClock()
        port = PtyPort(tmp_path / "port", clock)
        port.on_bytes = lambda data: port.write(data[::-1])
        port.plug()
        recording = LineRecording(link_to(tmp_path / "port", clock), path, key.public_key(), clock)
        await recording.link.open()
        recording.link.write(b"L898902C36")
        heard = b""
        while len(heard) < 10:
            heard += await recording.link.read(1)
        await recording.link.close()
        recording.close()
        port.unplug()

    run(story())
    assert b"L898902C36" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    chunks = read_line_recording(path, key)
    assert [chunk.kind for chunk in chunks][:2] == [Happening.OPENED, Happening.TO_DEVICE]
    assert b"".join(chunk.data for chunk in chunks if chunk.kind is Happening.TO_HOST) == b"63C209898L"
    with pytest.raises(TrustError, match="this key does not open it"):
        read_line_recording(path, other)
    with pytest.raises(DeviceError, match="cannot be read"):
        read_line_recording(tmp_path / "absent", key)
    with pytest.raises(DeviceError, match="no file can be made there"):
        LineRecording(link_to(tmp_path / "port", TestClock()), path, key.public_key(), TestClock())
