"""A port by the serial number of its adapter (L4), in a tree of /sys and /dev that the tests build."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drivers.identity import PortRoots, resolve_port, usb_ports
from drivers.link import LinkSettings, SerialLink, check_settings
from drivers.sim.pty import PtyPort
from egate.model.errors import DeviceError
from tests.unit.drivers.wires import TestClock, run, until


class Tree:
    """/sys and /dev of a machine; `plug` puts an adapter in, as the kernel and udev would show it."""

    def __init__(self, folder: Path) -> None:
        self.roots = PortRoots(folder / "dev", folder / "sys")
        for kind in ("by-id", "by-path"):
            (self.roots.dev / "serial" / kind).mkdir(parents=True)
        (self.roots.sys / "class" / "tty").mkdir(parents=True)

    def plug(self, node: str, number: str, socket: str, interface: int = 0, target: str = "") -> None:
        adapter = self.roots.sys / "devices" / "usb1" / socket
        port = adapter / f"{socket}:1.{interface}" / node
        port.mkdir(parents=True)
        for name, text in (("idVendor", "0403"), ("idProduct", "6001"), ("serial", number)):
            if text:
                (adapter / name).write_text(text + "\n")
        (port.parent / "bInterfaceNumber").write_text(f"{interface:02x}\n")
        entry = self.roots.sys / "class" / "tty" / node
        entry.mkdir()
        (entry / "device").symlink_to(port)
        if target:
            (self.roots.dev / node).symlink_to(target)
        else:
            (self.roots.dev / node).write_text("")
        by_path = self.roots.dev / "serial" / "by-path" / f"usb-{socket}-port{interface}"
        by_path.symlink_to(self.roots.dev / node)
        by_id = self.by_id(number, interface)
        by_id.unlink(missing_ok=True)  # of two equal ones, udev keeps the last
        by_id.symlink_to(self.roots.dev / node)

    def unplug(self, node: str) -> None:
        (self.roots.sys / "class" / "tty" / node / "device").unlink()
        (self.roots.dev / node).unlink()

    def by_id(self, number: str, interface: int = 0) -> Path:
        return self.roots.dev / "serial" / "by-id" / f"usb-FTDI_{number}-if{interface:02d}"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_a_number_finds_its_adapter_wherever_it_is_plugged(tree: Tree) -> None:
    tree.plug("ttyUSB0", "A50285BI", "1-1")
    tree.plug("ttyUSB1", "B7", "1-2")
    assert resolve_port("serial:A50285BI", tree.roots) == str(tree.roots.dev / "ttyUSB0")
    assert resolve_port("serial:B7", tree.roots) == str(tree.roots.dev / "ttyUSB1")
    assert [port.number for port in usb_ports(tree.roots)] == ["A50285BI", "B7"]


def test_a_number_that_is_not_there_names_those_that_are(tree: Tree) -> None:
    tree.plug("ttyUSB0", "A50285BI", "1-1")
    with pytest.raises(DeviceError, match="no adapter with this number is plugged in; those here: serial:A50285BI"):
        resolve_port("serial:ZZ", tree.roots)


def test_two_equal_adapters_are_refused_with_their_names_by_path(tree: Tree) -> None:
    tree.plug("ttyUSB0", "0001", "1-1")
    tree.plug("ttyUSB1", "0001", "1-2")
    for name in ("serial:0001", str(tree.by_id("0001"))):
        with pytest.raises(DeviceError, match="2 adapters have this serial number") as refusal:
            resolve_port(name, tree.roots)
        assert "by-path/usb-1-1-port0" in refusal.value.problem
        assert "by-path/usb-1-2-port0" in refusal.value.problem


def test_equal_adapters_without_a_number_are_equal_too(tree: Tree) -> None:
    tree.plug("ttyUSB0", "", "1-1")
    tree.plug("ttyUSB1", "", "1-2")
    with pytest.raises(DeviceError, match="2 adapters"):
        resolve_port(str(tree.by_id("")), tree.roots)


def test_an_adapter_with_several_ports_needs_the_interface(tree: Tree) -> None:
    tree.plug("ttyUSB0", "QUAD", "1-1", 0)
    tree.plug("ttyUSB1", "QUAD", "1-1", 1)
    with pytest.raises(DeviceError, match="2 ports; name one: serial:QUAD/0, serial:QUAD/1"):
        resolve_port("serial:QUAD", tree.roots)
    assert resolve_port("serial:QUAD/1", tree.roots).endswith("ttyUSB1")
    assert resolve_port(str(tree.by_id("QUAD", 1)), tree.roots) == str(tree.by_id("QUAD", 1))


def test_names_by_path_and_by_id_are_taken_as_they_are(tree: Tree) -> None:
    tree.plug("ttyUSB0", "A50285BI", "1-1")
    for name in (str(tree.by_id("A50285BI")), str(tree.by_id("absent")), "/dev/serial/by-path/x"):
        assert resolve_port(name, tree.roots) == name


def test_ports_that_hang_on_no_usb_adapter_are_left_out(tree: Tree) -> None:
    (tree.roots.sys / "class" / "tty" / "ttyS0").mkdir()
    (tree.roots.sys / "class" / "tty" / "ttyS0" / "device").mkdir()
    assert usb_ports(tree.roots) == ()
    assert usb_ports(PortRoots(tree.roots.dev, tree.roots.sys / "absent")) == ()


@pytest.mark.parametrize("name", ["serial:", "serial:a b", "serial:A/B", "serial:../../etc", "serial:" + "A" * 65])
def test_what_is_no_number_is_refused_before_anything_is_opened(name: str) -> None:
    """I14."""
    with pytest.raises(DeviceError, match="write serial:NUMBER"):
        check_settings(LinkSettings(name))


def test_a_link_follows_its_adapter_to_another_node(tmp_path: Path) -> None:
    """The cable goes out and into another socket, another adapter takes its old node: ours is still the one that is opened."""
    tree = Tree(tmp_path)

    async def story() -> None:
        clock = TestClock(5)
        port = PtyPort(tmp_path / "line", clock)
        port.plug()
        tree.plug("ttyUSB0", "OURS", "1-1", target=str(port.path.resolve()))
        link = SerialLink(LinkSettings("serial:OURS", emulated=True), clock, tree.roots)
        await link.open()
        port.unplug()
        tree.unplug("ttyUSB0")
        await until(lambda: not link.connected, clock)
        port.plug()
        tree.plug("ttyUSB5", "OURS", "1-4", target=os.path.realpath(port.path))
        assert await link.wait_connected(5)
        heard: list[bytes] = []
        port.on_bytes = heard.append
        link.write(b"hello")
        while not heard:
            await clock.sleep(0.05)
        await link.close()
        port.unplug()

    run(story())
