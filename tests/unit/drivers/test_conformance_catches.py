"""The kit finds what it is there to find: drivers that do one thing wrong each fail the check that is named, in words."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers import PortSettings
from drivers.conformance import checks_line as line
from drivers.conformance import checks_port as port
from drivers.conformance.bench import Bench, Outcome
from drivers.conformance.kit import Check, run_check
from drivers.counters import DeviceCounters
from drivers.link import Link, LinkSettings, SerialLink
from drivers.reader.mrz_serial import SerialMrzReader
from egate.app.simulate.benches import benches
from egate.model.errors import DeviceError
from egate.ports import Clock, Device
from tests.unit.drivers.wires import TestClock, run

BENCHES = benches(os.urandom)


class AlwaysOnline(SerialMrzReader):
    started = False

    async def start(self) -> None:
        await super().start()
        self.started = True

    @property
    def online(self) -> bool:
        return self.started


class Raises(SerialMrzReader):
    async def read_lines(self) -> tuple[str, ...]:
        raise KeyError("lines")


class FalseData(SerialMrzReader):
    async def read_lines(self) -> tuple[str, ...]:
        return (await super().read_lines())[::-1]


class OpensEarly(SerialMrzReader):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.file = open(os.devnull, encoding="ascii")  # noqa: SIM115 - it is left open on purpose

    async def close(self) -> None:
        self.file.close()
        await super().close()


class KeepsThePort(SerialMrzReader):
    async def close(self) -> None:
        link = self._spoken.link
        self._spoken.link = SerialLink(LinkSettings("/dev/serial/by-path/x"), TestClock())
        await super().close()
        self._spoken.link = link
        asyncio.get_running_loop().call_later(0.4, lambda: asyncio.ensure_future(link.close()))


class LeavesATask(SerialMrzReader):
    async def close(self) -> None:
        await super().close()
        asyncio.get_running_loop().create_task(TestClock().sleep(0.4))


class LeaksDescriptors(SerialMrzReader):
    async def start(self) -> None:
        await super().start()
        number = os.dup(0)
        asyncio.get_running_loop().call_later(0.5, os.close, number)


class LogsWhatItReads(SerialMrzReader):
    async def read_lines(self) -> tuple[str, ...]:
        lines = await super().read_lines()
        logging.getLogger("egate.drivers.reader").info("read %s", lines)
        return lines


class TellsLossAgainAndAgain(SerialMrzReader):
    async def read_lines(self) -> tuple[str, ...]:
        for _ in range(3):
            if not self._spoken.link.connected:
                logging.getLogger("egate.drivers.reader").warning("no port")
        return await super().read_lines()


class NeverBack(SerialMrzReader):
    lost = False

    async def read_lines(self) -> tuple[str, ...]:
        try:
            if not self.lost:
                return await super().read_lines()
        except DeviceError:
            self.lost = True
        raise DeviceError("read the MRZ", "it was lost once")


class SleepsLong(SerialMrzReader):
    def __init__(self, link: Link, clock: Clock) -> None:
        super().__init__(link, clock)
        self.clock = clock
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await super().start()
        self.task = asyncio.get_running_loop().create_task(self._sleep())

    async def _sleep(self) -> None:
        while True:
            if not self.online:
                await self.clock.sleep(8.0)
            await self.clock.sleep(0.05)

    async def close(self) -> None:
        if self.task is not None:
            self.task.cancel()
        await super().close()


class AnswersBeforeStart(SerialMrzReader):
    async def read_lines(self) -> tuple[str, ...]:
        return ()


class Forgetful(DeviceCounters):
    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, 0 if name == "exchanges" else value)


class CountsNothing(SerialMrzReader):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.counters = Forgetful()


class NoPlainSentence(SerialMrzReader):
    async def start(self) -> None:
        try:
            await super().start()
        except DeviceError:
            raise DeviceError("open", "[Errno 2]\nTraceback") from None


def _with(driver: type[SerialMrzReader]) -> Bench:
    def make(settings: PortSettings, clock: Clock) -> Device:
        return driver(SerialLink(LinkSettings(settings.path, settings.baud, settings.emulated), clock), clock)

    return replace(BENCHES["mrz_serial"], make=make)


@pytest.mark.parametrize(
    ("driver", "check", "words"),
    [
        (AlwaysOnline, line.cable_cut, "online without a cable"),
        (Raises, port.works, "raises KeyError"),
        (FalseData, port.works, "not those of the document"),
        (OpensEarly, port.opens_nothing_before_start, "before it is started"),
        (KeepsThePort, port.closes, "another program holds it"),
        (LeavesATask, port.no_task_stays, "1 of its tasks run on"),
        (LeaksDescriptors, port.no_descriptor_leaks, "descriptors stay open"),
        (LogsWhatItReads, port.no_secret_shows, "personal data"),
        (TellsLossAgainAndAgain, line.one_line_lost, "warnings in the log"),
        (NeverBack, line.cable_back, "not back"),
        (SleepsLong, line.looks_often, "it sleeps 8 s while its cable is away"),
        (AnswersBeforeStart, port.asked_before_start, "it answers"),
        (CountsNothing, port.counts, "counts no exchange"),
        (NoPlainSentence, port.absent_port, "no sentence for a technician"),
        (SerialMrzReader, line.recorded, "in no recording: it does not take PortSettings.line"),
    ],
)
def test_a_driver_with_one_defect_fails_its_check(
    tmp_path: Path, driver: type[SerialMrzReader], check: Check, words: str
) -> None:
    finding = run(run_check(check, _with(driver), tmp_path, TestClock(5)), 60)
    assert finding.outcome is Outcome.FAILED
    assert words in finding.words


@pytest.mark.parametrize(
    ("name", "check", "changed"),
    [
        ("mrz_serial", port.pseudo_terminal, lambda settings: replace(settings, emulated=True)),
        ("pn532", port.unknown_speed, lambda settings: replace(settings, baud=115_200)),
        ("osdp", port.wrong_key, lambda settings: replace(settings, key=BENCHES["osdp"].settings.key)),
    ],
)
def test_a_driver_that_takes_anything_fails(
    tmp_path: Path, name: str, check: Check, changed: Callable[[PortSettings], PortSettings]
) -> None:
    bench = BENCHES[name]
    careless = replace(bench, make=lambda settings, clock: bench.make(changed(settings), clock))
    finding = run(run_check(check, careless, tmp_path, TestClock(5)), 60)
    assert (finding.outcome, finding.words.split(" ")[:2]) == (Outcome.FAILED, ["it", "takes"])


def test_a_driver_that_lacks_a_method_is_told_which(tmp_path: Path) -> None:
    bench = BENCHES["pn532"]
    mistaken = replace(bench, make=BENCHES["mrz_serial"].make)
    finding = run(run_check(port.fulfils_its_port, mistaken, tmp_path, TestClock(5)), 60)
    assert "transceive" in finding.words
