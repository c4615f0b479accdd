"""Controls of live cameras: the kernel's structures byte for byte, what is asked and set, every refusal in words (L4, I14)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera import v4l2_controls as codec
from drivers.camera.controls import CameraControls, ExposureMode, Reach, plan
from drivers.camera.v4l2 import V4l2Camera, V4l2Settings, preferred_code
from drivers.camera.v4l2_controls import ControlId, FrameSize, PictureFormat
from drivers.camera.v4l2_node import V4l2Node
from egate.model.errors import DeviceError, MalformedData
from tests.unit.drivers.camera_kernel import DISABLED, READ_ONLY, KernelCamera

HEADERS = Path("/usr/include/linux/videodev2.h")
REQUESTS = ("QUERYCAP", "ENUM_FMT", "G_CTRL", "S_CTRL", "QUERYCTRL", "QUERYMENU", "ENUM_FRAMESIZES")
STRUCTURES = {
    "v4l2_capability": codec.CAPABILITY,
    "v4l2_queryctrl": codec.QUERY_CONTROL,
    "v4l2_querymenu": codec.QUERY_MENU,
    "v4l2_control": codec.CONTROL,
    "v4l2_fmtdesc": codec.FORMAT,
    "v4l2_frmsizeenum": codec.FRAME_SIZE,
}
OFFSETS = ("v4l2_queryctrl, minimum", "v4l2_queryctrl, flags", "v4l2_capability, device_caps", "v4l2_fmtdesc, pixelformat")


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A file in the place of a device node: it can be opened, and the kernel's side is played."""
    path = tmp_path / "camera"
    path.write_bytes(b"")
    return path


@pytest.mark.skipif(not HEADERS.exists() or shutil.which("gcc") is None, reason="needs gcc and the kernel's headers")
def test_numbers_and_layouts_are_those_of_the_kernels_headers(tmp_path: Path) -> None:
    words = [f"VIDIOC_{name}" for name in REQUESTS]
    words += [f"V4L2_CID_{one.name}" for one in ControlId]
    words += [f"sizeof(struct {name})" for name in STRUCTURES]
    words += [f"offsetof(struct {place})" for place in OFFSETS]
    source = tmp_path / "numbers.c"
    lines = "".join(f'  printf("%llu\\n", (unsigned long long)({word}));\n' for word in words)
    source.write_text(f"#include <stddef.h>\n#include <stdio.h>\n#include <linux/videodev2.h>\nint main(void) {{\n{lines}}}\n")
    subprocess.run(["gcc", "-o", str(tmp_path / "numbers"), str(source)], check=True)
    told = subprocess.run([str(tmp_path / "numbers")], check=True, capture_output=True, text=True).stdout.split()
    ours = [getattr(codec, name) for name in REQUESTS]
    ours += [int(one) for one in ControlId]
    ours += [layout.size for layout in STRUCTURES.values()]
    ours += [40, 56, 88, 44]
    assert [int(number) for number in told] == ours


def test_a_camera_says_what_it_is_and_offers(node: Path) -> None:
    camera = V4l2Node(str(node), KernelCamera().ioctl)
    capability = camera.capability()
    assert (capability.driver, capability.card, capability.captures) == ("uvcvideo", "HD Camera", True)
    assert not V4l2Node(str(node), KernelCamera(capture=False).ioctl).capability().captures, "a node of metadata only"
    found = camera.controls()
    assert len(found) == 13
    exposure = found[ControlId.EXPOSURE_ABSOLUTE]
    assert (exposure.name, exposure.least, exposure.most, exposure.settable) == ("Exposure Time, Absolute", 3, 2047, True)
    assert not found[0x009A0990].settable, "sets of bits are listed and left alone"
    assert camera.menu(found[ControlId.POWER_LINE_FREQUENCY]) == {0: "Disabled", 1: "50 Hz", 2: "60 Hz"}
    assert camera.menu(found[ControlId.EXPOSURE_AUTO]) == {1: "Manual Mode", 3: "Aperture Priority Mode"}
    assert camera.formats() == {
        PictureFormat("MJPG", "Motion-JPEG"): (FrameSize(640, 480), FrameSize(1920, 1080)),
        PictureFormat("YUYV", "YUYV 4:2:2"): (FrameSize(640, 480),),
    }


@pytest.mark.parametrize(
    ("asked", "pairs"),
    [
        (CameraControls(), []),
        (
            CameraControls(ExposureMode.MANUAL, exposure_us=10_000),
            [("EXPOSURE_AUTO_PRIORITY", 0), ("EXPOSURE_AUTO", 1), ("EXPOSURE_ABSOLUTE", 100)],
        ),
        (CameraControls(ExposureMode.AUTO), [("EXPOSURE_AUTO_PRIORITY", 0), ("EXPOSURE_AUTO", 3)]),
        (CameraControls(ExposureMode.FACE), [("EXPOSURE_AUTO_PRIORITY", 0), ("EXPOSURE_AUTO", 3)]),
        (CameraControls(gain=12), [("GAIN", 12)]),
        (CameraControls(white_balance_k=5004), [("AUTO_WHITE_BALANCE", 0), ("WHITE_BALANCE_TEMPERATURE", 5000)]),
        (CameraControls(power_line_hz=50), [("POWER_LINE_FREQUENCY", 1)]),
        (CameraControls(power_line_hz=60), [("POWER_LINE_FREQUENCY", 2)]),
        (CameraControls(power_line_hz=0), [("POWER_LINE_FREQUENCY", 0)]),
        (CameraControls(focus=32), [("FOCUS_AUTO", 0), ("FOCUS_ABSOLUTE", 30)]),
        (CameraControls(pan_deg=-5, tilt_deg=12.4), [("PAN_ABSOLUTE", -18000), ("TILT_ABSOLUTE", 43200)]),
    ],
)
def test_settings_become_controls_in_order(node: Path, asked: CameraControls, pairs: list[tuple[str, int]]) -> None:
    kernel = KernelCamera()
    camera = V4l2Node(str(node), kernel.ioctl)
    camera.set_values(plan(asked, camera.controls(), "x"))
    assert kernel.settings == [(ControlId[name], value) for name, value in pairs]


@pytest.mark.parametrize(
    ("asked", "missing", "sentence"),
    [
        (CameraControls(ExposureMode.FACE), "EXPOSURE_ABSOLUTE", "it has no control for exposure time; take that key out"),
        (CameraControls(ExposureMode.AUTO), "EXPOSURE_AUTO", "no control for exposure mode"),
        (CameraControls(gain=1), "GAIN", "no control for gain"),
        (CameraControls(tilt_deg=1), "TILT_ABSOLUTE", "no control for tilt"),
        (CameraControls(power_line_hz=50), "POWER_LINE_FREQUENCY", "no control for power-line frequency"),
        (CameraControls(ExposureMode.MANUAL, exposure_us=900_000), "", "its exposure time goes from 300 to 204700 µs"),
        (CameraControls(tilt_deg=30), "", "its tilt goes from -20 to 20°"),
        (CameraControls(white_balance_k=2000), "", "its white balance goes from 2800 to 6500"),
    ],
)
def test_what_a_camera_lacks_or_cannot_is_said_in_words(asked: CameraControls, missing: str, sentence: str) -> None:
    for flags in (None, READ_ONLY, DISABLED) if missing else (None,):
        kernel = KernelCamera()
        if missing and flags is None:
            del kernel.offered[ControlId[missing]]
        elif missing and flags is not None:
            kernel.offered[ControlId[missing]].flags = flags
        offered = V4l2Node("/dev/null", kernel.ioctl).controls()
        with pytest.raises(DeviceError, match=re.escape(sentence)):
            plan(asked, offered, "x")


PARSERS = (
    codec.parse_capability,
    codec.parse_control,
    codec.parse_menu_entry,
    codec.parse_value,
    codec.parse_format,
    codec.parse_size,
)


@pytest.mark.parametrize("parse", PARSERS)
def test_structures_of_another_size_are_malformed(parse: Callable[[bytes], object]) -> None:
    for size in (0, 7, 200):
        with pytest.raises(MalformedData, match="bytes instead of"):
            parse(bytes(size))


def test_a_driver_that_counts_in_a_circle_is_not_asked_for_ever(node: Path) -> None:
    kernel = KernelCamera()

    def circle(descriptor: int, request: int, structure: bytes) -> bytes:
        first = codec.encode_control_query(ControlId.GAIN)
        return kernel.ioctl(descriptor, request, first if request == codec.QUERYCTRL else structure)

    assert list(V4l2Node(str(node), circle).controls()) == [ControlId.GAIN]


def test_an_unplugged_camera_is_one_sentence(node: Path) -> None:
    camera = V4l2Node(str(node), KernelCamera(gone=True).ioctl)
    for ask in (camera.capability, camera.controls, camera.formats, lambda: camera.value(ControlId.GAIN)):
        with pytest.raises(DeviceError, match="No such device"):
            ask()
    with pytest.raises(DeviceError, match="No such file"):
        V4l2Node(str(node) + "-gone", KernelCamera().ioctl).controls()


def stream(path: Path) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), 128, np.uint8))
    writer.release()
    return path


def test_a_live_camera_is_set_each_time_it_opens(tmp_path: Path) -> None:
    kernel = KernelCamera()
    asked = CameraControls(ExposureMode.MANUAL, exposure_us=8000, power_line_hz=50)
    settings = V4l2Settings(str(stream(tmp_path / "v.avi")), backend=cv2.CAP_OPENCV_MJPEG, controls=asked, fps=25)
    camera = V4l2Camera(settings, kernel.ioctl)
    for _ in range(2):
        kernel.settings.clear()
        camera.open()
        assert camera.frame().shape == (48, 64, 3)
        assert kernel.settings[-2:] == [(ControlId.EXPOSURE_ABSOLUTE, 80), (ControlId.POWER_LINE_FREQUENCY, 1)]
        camera.close()
    del kernel.offered[ControlId.POWER_LINE_FREQUENCY]
    with pytest.raises(DeviceError, match="no control for power-line frequency"):
        camera.open()
    with pytest.raises(DeviceError, match="not open"):
        camera.frame()


def test_pictures_are_asked_for_compressed_where_the_camera_has_them(node: Path) -> None:
    formats = V4l2Node(str(node), KernelCamera().ioctl).formats()
    assert preferred_code(formats, 1280, 720) == preferred_code(formats, 1920, 1080) == "MJPG"
    assert preferred_code(formats, 3840, 2160) == "", "not in this size"
    plain = {form: sizes for form, sizes in formats.items() if form.code != "MJPG"}
    assert preferred_code(plain, 640, 480) == preferred_code({}, 640, 480) == ""


def test_exposure_and_tilt_of_a_live_camera(tmp_path: Path) -> None:
    kernel = KernelCamera()
    camera = V4l2Camera(V4l2Settings(str(stream(tmp_path / "v.avi")), backend=cv2.CAP_OPENCV_MJPEG, fps=20), kernel.ioctl)
    assert camera.exposure_reach_us() == Reach(300, 50_000), "never longer than a frame"
    assert camera.exposure_us() == 25_000
    camera.set_exposure_us(12_340)
    assert kernel.settings == [(ControlId.EXPOSURE_AUTO, 1), (ControlId.EXPOSURE_ABSOLUTE, 123)]
    camera.set_exposure_auto()
    assert kernel.settings[-1] == (ControlId.EXPOSURE_AUTO, 3)
    assert camera.tilt_reach_deg() == Reach(-20, 20)
    camera.set_tilt_deg(-7.3)
    assert kernel.settings[-1] == (ControlId.TILT_ABSOLUTE, -7 * 3600)
    camera.set_tilt_deg(80)
    assert kernel.settings[-1] == (ControlId.TILT_ABSOLUTE, 20 * 3600)


@pytest.mark.parametrize("device", ["/dev/video0", "/dev/video12", "/dev/./video3"])
def test_names_that_change_with_plugging_are_refused(device: str) -> None:
    """L4."""
    with pytest.raises(DeviceError, match="this name goes to whatever was plugged in first; take one from"):
        V4l2Camera(V4l2Settings(device))
