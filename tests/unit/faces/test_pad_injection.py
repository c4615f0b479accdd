"""A camera that is unplugged, exchanged or virtual is noticed, and a real one is not accused."""

from __future__ import annotations

import pytest

from egate.faces.pad.injection import CameraFacts, SourceTrust, is_virtual, judge_source

USB = CameraFacts("uvcvideo", "HD Pro Webcam C920", "usb-0000:00:14.0-1")
OTHER_PORT = CameraFacts("uvcvideo", "HD Pro Webcam C920", "usb-0000:00:14.0-2")
OTHER_CARD = CameraFacts("uvcvideo", "USB Capture HDMI", "usb-0000:00:14.0-1")
LOOPBACK = CameraFacts("v4l2 loopback", "OBS Virtual Camera", "platform:v4l2loopback-000")
RENAMED = CameraFacts("uvcvideo", "HD Pro Webcam C920", "platform:v4l2loopback-000")


@pytest.mark.parametrize(
    ("started", "captured", "trust"),
    [
        (USB, USB, SourceTrust.PLAUSIBLE),
        (None, USB, SourceTrust.PLAUSIBLE),
        (None, None, SourceTrust.PLAUSIBLE),
        (USB, None, SourceTrust.GONE),
        (USB, OTHER_PORT, SourceTrust.SWAPPED),
        (USB, OTHER_CARD, SourceTrust.SWAPPED),
        (USB, LOOPBACK, SourceTrust.SWAPPED),
        (LOOPBACK, LOOPBACK, SourceTrust.VIRTUAL),
        (None, LOOPBACK, SourceTrust.VIRTUAL),
    ],
)
def test_every_case_of_a_camera(started: CameraFacts | None, captured: CameraFacts | None, trust: SourceTrust) -> None:
    assert judge_source(started, captured) is trust


@pytest.mark.parametrize(
    "facts",
    [
        LOOPBACK,
        RENAMED,
        CameraFacts("vivid", "vivid", "platform:vivid-000"),
        CameraFacts("vimc", "vimc", "platform:vimc"),
        CameraFacts("uvcvideo", "Dummy video device (0x0000)", "usb-1"),
        CameraFacts("uvcvideo", "Camera", ""),
        CameraFacts("uvcvideo", "Camera", "platform:anything"),
    ],
)
def test_cameras_without_a_sensor(facts: CameraFacts) -> None:
    assert is_virtual(facts)


@pytest.mark.parametrize(
    "facts",
    [
        USB,
        CameraFacts("unicam", "unicam", "platform:fe801000.csi"),
        CameraFacts("rp1-cfe", "rp1-cfe", "platform:1f00110000.csi"),
        CameraFacts("cobalt", "cobalt", "PCI:0000:03:00.0"),
    ],
)
def test_cameras_with_a_sensor(facts: CameraFacts) -> None:
    """USB, the camera ports of small boards, and capture cards on PCI."""
    assert not is_virtual(facts)
