"""The kit's checks of drivers on no serial line can fail: each finds the driver that does one thing wrong, in words."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.camera.files import FileCamera
from drivers.conformance import checks_camera as camera
from drivers.conformance import checks_plain as plain
from drivers.conformance import checks_port as port
from drivers.conformance.bench import Outcome
from drivers.conformance.kit import Check, run_check
from drivers.conformance.plain import PlainBench
from drivers.conformance.worlds import FolderWorld, GlassWorld, SmartCardWorld, SocketChipWorld
from drivers.page.camera import CameraPages
from drivers.page.folder import FolderPages
from drivers.reader.pcsc import PcscReader
from drivers.reader.vpcd import VpcdConfig, VpcdReader
from egate.app.simulate.benches import camera_benches, plain_benches
from egate.model.errors import DeviceError
from egate.ports import Camera, Clock
from tests.unit.drivers.wires import TestClock, run

PLAIN = plain_benches()
FILES = camera_benches()["files"]


class OpensAnywhere(FolderPages):
    async def start(self) -> None:
        self._started = True


class GivesWhatWasThere(FolderPages):
    async def start(self) -> None:
        if self._folder.is_dir():
            self._started = True


class KeepsNoCount(FolderPages):
    async def read_page(self) -> bytes:
        page = await super().read_page()
        self.counters.exchanges = 0
        return page


class AnswersUnasked(FolderPages):
    async def start(self) -> None:
        self._started = True

    async def close(self) -> None:
        self._started = True


class SaysItAgain(FolderPages):
    def _look(self) -> None:
        if not self._folder.is_dir():
            logging.getLogger("egate.drivers.page").warning("no folder")
            logging.getLogger("egate.drivers.page").warning("no folder at all")
        super()._look()


class ShowsThePage(FolderPages):
    async def read_page(self) -> bytes:
        page = await super().read_page()
        logging.getLogger("egate.drivers.page").info("read %s", page[:20])
        return page


class TakesAnything(FolderPages):
    def _take(self, path: Path) -> bytes | None:
        return super()._take(path) if path.stem.isdigit() else b"a folder, or nothing"


class NeverComesBack(CameraPages):
    async def read_page(self) -> bytes:
        if self._lost:
            raise DeviceError("take a picture", "it was lost once")
        return await super().read_page()


class LeaksWhenLost(CameraPages):
    def _picture(self) -> bytes:
        if self._lost:
            os.dup(0)
        return super()._picture()


class OnlineForEver(VpcdReader):
    @property
    def online(self) -> bool:
        return True


class RaisesItsOwn(PcscReader):
    async def transceive(self, command: bytes) -> bytes:
        try:
            return await super().transceive(command)
        except Exception:
            raise KeyError("reader") from None


class AnswersWrongly(PcscReader):
    async def transceive(self, command: bytes) -> bytes:
        return (await super().transceive(command))[:-2] + b"\x6a\x82"


def world_of(kind: type[Any], make: Callable[[Any, Clock], Any]) -> Callable[[Path, Clock], Any]:
    class Changed(kind):  # type: ignore[misc]  # one of the kit's worlds, with a driver that does one thing wrong
        def make(self, clock: Clock) -> Any:
            return make(self, clock)

    return Changed


def changed(name: str, kind: type[Any], make: Callable[[Any, Clock], Any]) -> PlainBench:
    return replace(PLAIN[name], world=world_of(kind, make))


def folder(driver: type[FolderPages]) -> PlainBench:
    return changed("page_folder", FolderWorld, lambda world, clock: driver(world._folder, clock))


def glass(driver: type[CameraPages]) -> PlainBench:
    make = lambda world, clock: driver(FileCamera(world._folder, 100.0, lambda _: None), clock)  # noqa: E731 - a short one
    return changed("page_camera", GlassWorld, make)


def card(driver: type[PcscReader]) -> PlainBench:
    def make(world: Any, clock: Clock) -> PcscReader:
        made = SmartCardWorld.make(world, clock)
        made.__class__ = driver
        return made

    return changed("pcsc", SmartCardWorld, make)


def chip(driver: type[VpcdReader]) -> PlainBench:
    make = lambda world, clock: driver(VpcdConfig("127.0.0.1", world._port, 0.3), clock)  # noqa: E731 - a short one
    return changed("vpcd", SocketChipWorld, make)


@pytest.mark.parametrize(
    ("bench", "check", "words"),
    [
        (folder(OpensAnywhere), plain.barred_at_start, "starts without its device"),
        (folder(GivesWhatWasThere), port.works, "7 bytes that are no page"),
        (folder(KeepsNoCount), port.counts, "counts no exchange"),
        (folder(AnswersUnasked), port.asked_after_close, "asked after close, it answers"),
        (folder(SaysItAgain), plain.one_loss_few_lines, "warnings in the log"),
        (folder(ShowsThePage), port.no_secret_shows, "personal data"),
        (folder(TakesAnything), plain.noise, "that are no page"),
        (glass(NeverComesBack), plain.back_each_time, "not back after 15 questions"),
        (glass(LeaksWhenLost), plain.back_each_time, "descriptors stay open"),
        (chip(OnlineForEver), port.closes, "calls itself online after close"),
        (card(RaisesItsOwn), plain.silence, "raises KeyError"),
        (card(AnswersWrongly), plain.works_on_and_on, "a wrong answer"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_driver_with_one_defect_fails_its_check(tmp_path: Path, bench: PlainBench, check: Check, words: str) -> None:
    finding = run(run_check(check, bench, tmp_path, TestClock(10)), 60)
    assert finding.outcome is Outcome.FAILED
    assert words in finding.words


class Sleepy(FileCamera):
    """Opens at once; a frame before that is the first."""

    def frame(self) -> Any:
        if not self._open:
            self.open()
        return super().frame()


class SharesItsMemory(FileCamera):
    kept: Any = None

    def frame(self) -> Any:
        image = super().frame()
        if self.kept is None:
            self.kept = image
        np.copyto(self.kept, image)
        return self.kept


class Backwards(FileCamera):
    def _list_files(self) -> None:
        super()._list_files()
        self._files = self._files[::-1]


class Grey(FileCamera):
    def frame(self) -> Any:
        return super().frame()[:, :, 0]


class FreezesWhenLost(FileCamera):
    last: Any = None

    def frame(self) -> Any:
        try:
            self.last = super().frame()
        except DeviceError:
            if not self._open:
                raise
        return self.last


class KeepsAThread(FileCamera):
    def open(self) -> None:
        super().open()
        threading.Thread(target=threading.Event().wait, args=(1.0,), daemon=True).start()


class LeavesAFile(FileCamera):
    def open(self) -> None:
        super().open()
        os.dup(0)


class TalksOfEachFrame(FileCamera):
    def frame(self) -> Any:
        logging.getLogger("egate.drivers.camera").debug("a frame")
        return super().frame()


class Unworded(FileCamera):
    def frame(self) -> Any:
        try:
            return super().frame()
        except DeviceError:
            raise DeviceError("frame", "[Errno 5]") from None


class LoosesItsClose(FileCamera):
    def close(self) -> None:
        if not self._open:
            raise DeviceError("close the camera", "it is not open")
        super().close()


@pytest.mark.parametrize(
    ("driver", "check", "words"),
    [
        (Sleepy, camera.frame_before_open, "before it is opened, it gives one"),
        (SharesItsMemory, camera.frames_belong_to_who_has_them, "changes when the next is taken"),
        (Backwards, camera.frames_are_true, "not in the order"),
        (Grey, camera.frames_are_arrays, "no array of three colours"),
        (FreezesWhenLost, camera.loss_is_told, "frames without its source"),
        (KeepsAThread, camera.no_thread_stays, "a thread of its own"),
        (LeavesAFile, camera.no_descriptor_leaks, "descriptors stay open"),
        (TalksOfEachFrame, camera.frames_are_not_logged, "lines in the log"),
        (Unworded, camera.errors_are_sentences, "no sentence for a technician"),
        (LoosesItsClose, camera.closes_twice, "gives an error where it must work"),
    ],
)
def test_a_camera_with_one_defect_fails_its_check(tmp_path: Path, driver: type[FileCamera], check: Check, words: str) -> None:
    def make(path: Path) -> Camera:
        return driver(path, 100.0, lambda _: None)

    finding = run(run_check(check, replace(FILES, make=make), tmp_path, TestClock()), 60)
    assert finding.outcome is Outcome.FAILED
    assert words in finding.words


def test_a_camera_that_takes_any_settings_fails(tmp_path: Path) -> None:
    careless = replace(FILES, unfit=(("0 frames a second", lambda path: FileCamera(path, 1.0, lambda _: None)),))
    finding = run(run_check(camera.unfit_settings, careless, tmp_path, TestClock()), 60)
    assert (finding.outcome, finding.words) == (Outcome.FAILED, "it takes 0 frames a second")
