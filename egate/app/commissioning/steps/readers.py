"""The document readers and the camera: do they answer, and do they see a specimen and a picture.

Rule: of a specimen no line and no file is kept. Of the chip only the travel application is selected; of the zone only its shape
and its check digits are told.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from egate.app.commissioning.asking import Question, Reply
from egate.app.commissioning.bench import Bench
from egate.app.commissioning.findings import Diagnosis, Finding, Measure, bad, good, left_out, not_here, notice
from egate.app.commissioning.steps.line import diagnosis_of, port_baud, why_silent
from egate.app.commissioning.steps.ports import WITHOUT_LINE
from egate.app.devices.recognise import Kind, recognise
from egate.app.devices.watching import zone_words
from egate.app.face_worker import make_camera
from egate.app.wiring import make_chip_device, make_mrz_device
from egate.model.errors import ChipError, DeviceError
from egate.ports import Camera, ChipReader, MrzReader

SELECT_APPLICATION = bytes.fromhex("00a4040c07a0000002471001")
"""The travel application, Doc 9303-10 §3.6.2; asks for no data."""
CHIP_WITHIN_S = 8.0
LOOK_FOR_CHIP_S = 0.3
MRZ_WITHIN_S = 15.0
LISTEN_S = 12.0
"""For a specimen laid a second time, when the configured make understood nothing."""
FRAMES = 12
DARK, BRIGHT = 20.0, 245.0
LEAST_CONTRAST = 4.0
"""Standard deviation of the grey values; a covered lens gives less."""
LEAST_DETAIL = 3.0
"""Variance of the Laplacian, of a picture that has edges at all."""
LEAST_RATE = 5.0
_UNUSABLE = "its port cannot be used; see ports"
_OK = b"\x90\x00"


async def chip(bench: Bench) -> list[Finding]:
    """Start the reader, read its firmware, and select the application of a specimen."""
    step, device = "chip reader", bench.config.chip
    if "chip" in bench.unusable:
        return [left_out(step, "chip", _UNUSABLE)]
    try:
        reader = make_chip_device(device, bench.clock)
        await reader.start()
    except DeviceError as error:
        diagnosis, words = diagnosis_of(error), str(error)
        if diagnosis is Diagnosis.NONE and device.driver not in WITHOUT_LINE:
            diagnosis, words = await why_silent(device, port_baud(device, "chip"), bench.clock)
        return [bad(step, "chip", diagnosis if diagnosis is not Diagnosis.NONE else Diagnosis.DEVICE_FAILED, words)]
    try:
        firmware = getattr(reader, "firmware", None)
        words = f"firmware {firmware.version}.{firmware.revision}" if firmware is not None else "it tells no firmware"
        bench.identities["chip"] = f"{device.driver}, {words}"
        return [good(step, "chip", f"the reader answers, {words}"), await _specimen(bench, reader)]
    except (DeviceError, ChipError) as error:
        return [bad(step, "chip", Diagnosis.DEVICE_FAILED, str(error))]
    finally:
        with contextlib.suppress(DeviceError, ChipError):
            await reader.release()
        await reader.close()


async def _specimen(bench: Bench, reader: ChipReader) -> Finding:
    """A specimen's chip: found, and answering to the selection of its application."""
    step = "chip reader"
    if not await reader.wait_for_chip(LOOK_FOR_CHIP_S):
        answer = await bench.technician.answer(
            Question("chip", "Lay a specimen document on the chip reader, and leave it there.")
        )
        if answer.reply is not Reply.DONE:
            return left_out(step, "specimen chip", answer.reason or "no specimen")
        if not await reader.wait_for_chip(CHIP_WITHIN_S):
            return bad(step, "specimen chip", Diagnosis.NO_CHIP_FOUND, f"no chip was found within {CHIP_WITHIN_S:g} s")
    started = bench.clock.monotonic()
    try:
        response = await reader.transceive(SELECT_APPLICATION)
    except ChipError as error:
        return bad(step, "specimen chip", Diagnosis.CHIP_UNREADABLE, str(error))
    took = Measure("answer after", round((bench.clock.monotonic() - started) * 1000), "ms", most=1000)
    if response[-2:] != _OK:
        words = f"a chip answers, but it has no travel application (status word {response[-2:].hex().upper()}); it is no specimen"
        return notice(step, "specimen chip", Diagnosis.CHIP_UNREADABLE, words, took)
    return good(step, "specimen chip", "the chip is found and its travel application answers", took)


async def mrz(bench: Bench) -> list[Finding]:
    """Open the reader of the machine readable zone, and have a specimen laid on it."""
    step, device = "MRZ reader", bench.config.mrz
    if "mrz" in bench.unusable:
        return [left_out(step, "mrz", _UNUSABLE)]
    serial = device.driver not in WITHOUT_LINE
    if serial:
        found = await recognise(str(device.port), bench.clock, emulated=device.options.get("emulated") is True)
        if found.kind in (Kind.PN532, Kind.OSDP):
            return [bad(step, "mrz", Diagnosis.OTHER_DEVICE, f"on the MRZ reader's port there is: {found.words}")]
    try:
        reader = make_mrz_device(device, bench.clock)
        await reader.start()
    except DeviceError as error:
        diagnosis = diagnosis_of(error)
        return [bad(step, "mrz", diagnosis if diagnosis is not Diagnosis.NONE else Diagnosis.DEVICE_FAILED, str(error))]
    try:
        reading = asyncio.create_task(reader.read_lines())
        try:
            return [await _zone(bench, reader, reading, serial=serial)]
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    finally:
        await reader.close()


async def _zone(bench: Bench, reader: MrzReader, reading: asyncio.Task[tuple[str, ...]], *, serial: bool) -> Finding:
    step = "MRZ reader"
    answer = await bench.technician.answer(Question("mrz", "Lay a specimen document on the MRZ reader."))
    if answer.reply is not Reply.DONE:
        return left_out(step, "specimen", answer.reason or "no specimen")
    await asyncio.wait({reading}, timeout=MRZ_WITHIN_S)
    if not reading.done():
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await reader.close()  # the port is listened to in another way now
        return await _second_look(bench, serial=serial)
    try:
        lines = reading.result()
    except DeviceError as error:
        return bad(step, "specimen", Diagnosis.DEVICE_FAILED, str(error))
    words = zone_words(lines)
    if "all check digits add up" not in words:
        return bad(step, "specimen", Diagnosis.MRZ_MISREAD, words)
    return good(step, "specimen", words)


async def _second_look(bench: Bench, *, serial: bool) -> Finding:
    """Nothing came as the configured make would say it: listen as every make, while the specimen is laid again."""
    step, device = "MRZ reader", bench.config.mrz
    words = f"nothing was read within {MRZ_WITHIN_S:g} s"
    if not serial:
        return bad(step, "specimen", Diagnosis.MRZ_NOT_READ, words)
    found = await _heard_as_any_make(bench)
    if found is None:
        return bad(step, "specimen", Diagnosis.MRZ_NOT_READ, words)
    return bad(
        step, "specimen", Diagnosis.MRZ_PROFILE, f"{found}; configured is {device.options.get('profile', 'the usual make')}"
    )


async def _heard_as_any_make(bench: Bench) -> str | None:
    """What a specimen sounds like, whatever the make; None for silence. Waits for the technician to lay it again and again."""
    device = bench.config.mrz
    emulated = device.options.get("emulated") is True
    listening = asyncio.create_task(_freed_and_heard(bench, emulated=emulated))
    await bench.technician.answer(
        Question("mrz_again", "Nothing was understood. Lay the specimen again now and then, for ten seconds.")
    )
    return await listening


async def _freed_and_heard(bench: Bench, *, emulated: bool) -> str | None:
    found = await recognise(str(bench.config.mrz.port), bench.clock, emulated=emulated, listen_s=LISTEN_S)
    if found.kind is Kind.MRZ:
        return f"an {found.words} was heard"
    return found.words if found.kind is Kind.TALKING else None


async def camera(bench: Bench) -> list[Finding]:
    """Each camera: how many pictures a second, how bright, how much detail, and whether they change."""
    cameras = bench.config.cameras
    sources = (bench.config.camera,) if cameras is None else cameras.sources
    controls = None if cameras is None else cameras.controls
    found: list[Finding] = []
    for number, words in enumerate(sources, 1):
        subject = "camera" if len(sources) == 1 else f"camera {number}"
        found += await _one_camera(bench, subject, lambda words=words: make_camera(words, controls))  # type: ignore[misc]  # bound now
    return found


async def _one_camera(bench: Bench, subject: str, make: Callable[[], Camera | None]) -> list[Finding]:
    step = "camera"
    try:
        source = make()
    except DeviceError as error:
        return [bad(step, subject, Diagnosis.CAMERA_FAILED, str(error))]
    if source is None:
        return [not_here(step, subject, "the lane's file names no camera")]
    started = bench.clock.monotonic()
    try:
        frames = await asyncio.to_thread(_frames, source)
    except DeviceError as error:
        return [bad(step, subject, Diagnosis.CAMERA_FAILED, str(error))]
    return judge_frames(frames, bench.clock.monotonic() - started, subject)


def _frames(source: Camera) -> list[NDArray[np.uint8]]:
    """Some frames in grey; the source is closed again."""
    source.open()
    try:
        return [cv2.cvtColor(np.asarray(source.frame(), np.uint8), cv2.COLOR_BGR2GRAY).astype(np.uint8) for _ in range(FRAMES)]
    finally:
        source.close()


def judge_frames(frames: Sequence[NDArray[np.uint8]], seconds: float, subject: str = "camera") -> list[Finding]:
    """What grey frames say about lens, light and line; the last one counts, so that an exposure has settled."""
    step, last = "camera", frames[-1]
    height, width = last.shape[:2]
    bright = Measure("brightness", round(float(last.mean()), 1), "of 255", least=DARK, most=BRIGHT)
    contrast = Measure("contrast", round(float(last.std()), 1), "of 128", least=LEAST_CONTRAST)
    detail = Measure("detail", round(float(cv2.Laplacian(last, cv2.CV_64F).var()), 1), least=LEAST_DETAIL)
    rate = Measure("rate", round(len(frames) / max(seconds, 0.001), 1), "a second", least=LEAST_RATE)
    measures = (rate, bright, contrast, detail, Measure("width", width, "pixels"), Measure("height", height, "pixels"))
    if bright.value < DARK:
        return [
            bad(
                step, "camera", Diagnosis.CAMERA_DARK, "the picture is dark: the lens is covered, or there is no light", *measures
            )
        ]
    if bright.value > BRIGHT:
        return [bad(step, subject, Diagnosis.CAMERA_BRIGHT, "the picture is all white", *measures)]
    if not contrast.within or not detail.within:
        return [
            bad(step, subject, Diagnosis.CAMERA_BLURRED, "the picture has no detail: covered, dirty, or out of focus", *measures)
        ]
    if len(frames) > 1 and all(np.array_equal(frames[0], frame) for frame in frames[1:]):
        return [notice(step, subject, Diagnosis.CAMERA_FROZEN, "every picture is the same to the last bit", *measures)]
    if not rate.within:
        return [notice(step, subject, Diagnosis.CAMERA_SLOW, "pictures come slowly", *measures)]
    return [good(step, subject, f"{width}×{height}, {rate.value:g} pictures a second, bright and with detail", *measures)]
