"""The serial link over real ptys: exclusive, stable names, loss and return, counters, limits."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import tty
from pathlib import Path

import pytest
import serial

from drivers.link import INPUT_LIMIT_BYTES, OUTPUT_LIMIT_BYTES, LinkSettings, SerialLink, check_settings, explain_open_error
from drivers.sim.pty import FaultLink, FaultRates, PtyPort
from egate.model.errors import DeviceError
from tests.unit.drivers.wires import TestClock, link_to, run, until


def test_bytes_go_both_ways_and_are_counted(tmp_path: Path) -> None:
    """L11."""

    async def story() -> None:
        clock = TestClock()
        port = PtyPort(tmp_path / "port", clock)
        port.on_bytes = lambda data: port.write(data.upper())
        port.plug()
        link = link_to(tmp_path / "port", clock)
        await link.open()
        await link.open()
        link.write(b"hello")
        assert await link.read(2) == b"HELLO"
        assert await link.read(0.01) == b""
        assert (link.counters.bytes_in, link.counters.bytes_out, link.counters.opened) == (5, 5, 1)
        await link.close()
        await link.close()
        port.unplug()

    run(story())


def test_the_port_is_exclusive(tmp_path: Path) -> None:
    """L1."""

    async def story() -> None:
        clock = TestClock()
        port = PtyPort(tmp_path / "port", clock)
        port.plug()
        first, second = link_to(tmp_path / "port", clock), link_to(tmp_path / "port", clock)
        await first.open()
        with pytest.raises(serial.SerialException):
            serial.Serial(str(tmp_path / "port"), exclusive=True)
        with pytest.raises(DeviceError, match="fuser -v"):
            await second.open()
        await first.close()
        await second.open()
        await second.close()
        port.unplug()

    run(story())


@pytest.mark.parametrize("name", ["/dev/ttyUSB0", "/dev/ttyUSB12", "/dev/ttyACM1"])
def test_names_that_change_with_plugging_are_refused(name: str) -> None:
    """L4."""
    with pytest.raises(DeviceError, match="by-path"):
        check_settings(LinkSettings(name))


def test_a_pty_is_refused_unless_the_hardware_is_emulated(tmp_path: Path) -> None:
    master, slave = os.openpty()
    (tmp_path / "port").symlink_to(os.ttyname(slave))
    with pytest.raises(DeviceError, match="emulated"):
        check_settings(LinkSettings(str(tmp_path / "port")))
    check_settings(LinkSettings(str(tmp_path / "port"), emulated=True))
    check_settings(LinkSettings("/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0"))
    os.close(master)
    os.close(slave)


def test_an_unknown_speed_is_refused() -> None:
    """I14."""
    with pytest.raises(DeviceError, match="speed 12345"):
        check_settings(LinkSettings("/dev/serial/by-path/x", baud=12_345))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "plug the cable in"),
        (errno.EACCES, "dialout"),
        (errno.EBUSY, "fuser -v"),
        (errno.ENOTTY, "not a serial port"),
        (errno.EIO, "cannot be opened"),
        (None, "not a serial port"),
    ],
)
def test_every_failure_to_open_is_a_sentence(number: int | None, words: str) -> None:
    assert words in explain_open_error("/dev/serial/by-path/x", number)


def test_a_file_is_no_port(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(DeviceError, match="not a serial port"):
            await link_to(tmp_path / "file", TestClock()).open()

    run(story())


def test_loss_and_return(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """L2: whoever waits is told, one line lost, one line back, a new generation; the descriptor does not leak."""
    caplog.set_level(logging.INFO, "egate.drivers.link")

    async def story() -> None:
        clock = TestClock()
        port = PtyPort(tmp_path / "port", clock)
        port.plug()
        link = link_to(tmp_path / "port", clock)
        await link.open()
        before = len(os.listdir("/proc/self/fd"))
        for number in range(1, 6):
            reading = asyncio.ensure_future(link.read(None))
            await clock.sleep(0.01)
            port.unplug()
            with pytest.raises(DeviceError, match="lost"):
                await reading
            with pytest.raises(DeviceError, match="lost"):
                link.write(b"x")
            with pytest.raises(DeviceError, match="lost"):
                await link.set_baud(9600)
            assert not await link.wait_connected(0.01)
            port.plug()
            assert await link.wait_connected(2)
            assert link.generation == 1 + number
        assert len(os.listdir("/proc/self/fd")) == before
        assert link.counters.lost == 5
        await link.close()
        port.unplug()

    run(story())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"] * 5


def test_closing_while_lost_stops_reopening(tmp_path: Path) -> None:
    async def story() -> None:
        clock = TestClock()
        port = PtyPort(tmp_path / "port", clock)
        port.plug()
        link = link_to(tmp_path / "port", clock)
        await link.open()
        port.unplug()
        await until(lambda: not link.connected, clock)
        await link.close()
        port.plug()
        assert not await link.wait_connected(0.3)
        port.unplug()

    run(story())


def test_a_line_that_takes_nothing_is_an_error_not_a_wait() -> None:
    """Pyserial's own write would spin for ever here."""

    async def story() -> None:
        master, slave = os.openpty()
        tty.setraw(slave)
        link = SerialLink(LinkSettings(os.ttyname(slave), emulated=True), TestClock())
        await link.open()
        with pytest.raises(DeviceError, match="takes no bytes"):  # noqa: PT012 - how much the kernel takes is its business
            for _ in range(100):
                link.write(bytes(4096))
        taken = 0
        while taken < OUTPUT_LIMIT_BYTES:
            await asyncio.to_thread(lambda: None)
            taken += len(os.read(master, 65_536))
        await link.close()
        os.close(master)
        os.close(slave)

    run(story())


def test_unread_bytes_are_bounded_and_can_be_discarded(tmp_path: Path) -> None:
    async def story() -> None:
        clock = TestClock()
        port = PtyPort(tmp_path / "port", clock)
        port.plug()
        link = link_to(tmp_path / "port", clock)
        await link.open()
        for _ in range(40):
            port.write(bytes(2048))
            await clock.sleep(0.002)
        await until(lambda: link.counters.bytes_in == 40 * 2048, clock)
        assert len(await link.read(1)) == INPUT_LIMIT_BYTES
        assert link.counters.dropped_bytes == 40 * 2048 - INPUT_LIMIT_BYTES
        port.write(b"late")
        await until(lambda: link.counters.bytes_in == 40 * 2048 + 4, clock)
        link.discard_input()
        assert await link.read(0.01) == b""
        await link.close()
        port.unplug()

    run(story())


def test_another_speed_is_garbage_until_it_is_set(tmp_path: Path) -> None:
    async def story() -> None:
        clock = TestClock()
        port = PtyPort(tmp_path / "port", clock, baud=57_600)
        heard: list[bytes] = []
        port.on_bytes = heard.append
        port.plug()
        link = link_to(tmp_path / "port", clock)
        await link.open()
        link.write(b"hello")
        await until(lambda: bool(heard), clock)
        assert heard.pop() != b"hello"
        await link.set_baud(57_600)
        link.write(b"hello")
        await until(lambda: bool(heard), clock)
        assert heard.pop() == b"hello"
        with pytest.raises(DeviceError, match="not known"):
            await link.set_baud(7)
        await link.close()
        port.unplug()

    run(story())


def test_faults_are_seeded() -> None:
    rates = FaultRates(flip=0.3, drop=0.2, garbage=0.2)
    first, second, other = FaultLink(5, rates), FaultLink(5, rates), FaultLink(6, rates)
    chunks = [bytes((number,)) * 8 for number in range(50)]
    outcome = [first.carry(chunk) for chunk in chunks]
    assert outcome == [second.carry(chunk) for chunk in chunks]
    assert outcome != [other.carry(chunk) for chunk in chunks]
    assert first.hurt_chunks == sum(out != chunk for out, chunk in zip(outcome, chunks, strict=True)) > 0
    first.cut()
    assert first.carry(b"x") == b""
    first.mend()
    assert FaultLink(1).carry(b"x") == b"x"
