"""A screen's link over a real local socket: heartbeats, silence, restarts, lines that are none."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PyQt6.QtNetwork import QLocalServer, QLocalSocket
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from egate.ipc.codec import decode_line, encode_line
from egate.ipc.messages import (
    STALE_AFTER_S,
    CasePictures,
    CasePicturesWished,
    Heartbeat,
    Hello,
    LanguageWished,
    Message,
    OfficerPresent,
    OfficerWish,
    Role,
    TravellerHelpWished,
    TravellerStep,
    TravellerView,
    Welcome,
    WishAnswer,
)
from egate.ipc.wishes import verify_presence, verify_wish
from egate.model.lane import OfficerAction, OfficerReason
from ui.common.link import LaneLink
from ui.common.pulse import Pulse
from ui.guard.controller import ConsoleController
from ui.kiosk.controller import KioskController
from ui.kiosk.view_state import Picture
from ui.tools import people
from ui.tools.samples import REFERRED


class Controller:
    """The lane's end of the socket, at the level of bytes."""

    def __init__(self, path: Path, qtbot: QtBot) -> None:
        self._qtbot = qtbot
        self._server = QLocalServer()
        assert self._server.listen(str(path))
        self._peer: QLocalSocket | None = None
        self._heard = bytearray()

    def accept(self) -> QLocalSocket:
        self._qtbot.waitUntil(self._server.hasPendingConnections)
        peer = self._server.nextPendingConnection()
        assert peer is not None
        self._peer = peer
        self._heard.clear()
        return peer

    def send(self, *messages: Message) -> None:
        self.send_bytes(b"".join(map(encode_line, messages)))

    def send_bytes(self, data: bytes) -> None:
        assert self._peer is not None
        self._peer.write(data)
        self._peer.flush()

    def hear(self) -> Message:
        def line_came() -> bool:
            if self._peer is not None:
                self._heard.extend(self._peer.readAll().data())
            return b"\n" in self._heard

        self._qtbot.waitUntil(line_came)
        end = self._heard.index(b"\n") + 1
        line = bytes(self._heard[:end])
        del self._heard[:end]
        return decode_line(line)

    def die(self) -> None:
        if self._peer is not None:
            self._peer.abort()
        self._server.close()


class HandTime:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def controller(tmp_path: Path, qtbot: QtBot) -> Iterator[Controller]:
    made = Controller(tmp_path / "lane", qtbot)
    yield made
    made.die()


@pytest.fixture
def time() -> HandTime:
    return HandTime()


@pytest.fixture
def link(tmp_path: Path, time: HandTime, qtbot: QtBot) -> Iterator[LaneLink]:
    made = LaneLink(tmp_path / "lane", Role.KIOSK, "kiosk", now_s=time)
    yield made
    made.stop()


def test_a_pulse_ends_exactly_after_its_time() -> None:
    pulse = Pulse().heard(10.0)
    assert pulse.alive(10.0 + STALE_AFTER_S - 0.001)
    assert not pulse.alive(10.0 + STALE_AFTER_S)
    assert not Pulse().alive(0.0)
    assert not pulse.lost().alive(10.0)


def test_the_link_says_who_it_is_and_hears(controller: Controller, link: LaneLink, qtbot: QtBot) -> None:
    link.start()
    controller.accept()
    assert controller.hear() == Hello(Role.KIOSK, "kiosk")
    with qtbot.waitSignal(link.received) as received:
        controller.send(Welcome("lane-3", 3, ""))
    assert received.args == [Welcome("lane-3", 3, "")]
    assert link.alive
    assert link.send(TravellerHelpWished())
    assert controller.hear() == TravellerHelpWished()


def test_a_line_in_pieces_is_one_message(controller: Controller, link: LaneLink, qtbot: QtBot) -> None:
    link.start()
    controller.accept()
    line = encode_line(Heartbeat(7))
    with qtbot.waitSignal(link.received) as received:
        for at in range(len(line)):
            controller.send_bytes(line[at : at + 1])
    assert received.args == [Heartbeat(7)]


def test_silence_is_noticed_at_its_time(controller: Controller, link: LaneLink, time: HandTime, qtbot: QtBot) -> None:
    link.start()
    controller.accept()
    with qtbot.waitSignal(link.alive_changed):
        controller.send(Heartbeat(0))
    changes: list[bool] = []
    link.alive_changed.connect(changes.append)
    time.now = STALE_AFTER_S - 0.01
    link.check()
    assert changes == []
    time.now = STALE_AFTER_S
    link.check()
    assert changes == [False]
    assert not link.send(TravellerHelpWished())


@pytest.mark.parametrize("data", [b"nonsense\n", b"{}\n", b"\xff\n", b"x" * (1 << 21)])
def test_a_line_that_is_none_ends_the_connection(controller: Controller, link: LaneLink, qtbot: QtBot, data: bytes) -> None:
    link.start()
    controller.accept()
    with qtbot.waitSignal(link.alive_changed):
        controller.send(Heartbeat(0))
    with qtbot.waitSignal(link.alive_changed) as changed:
        controller.send_bytes(data)
    assert changed.args == [False]


def test_the_link_comes_back_by_itself(controller: Controller, link: LaneLink, qtbot: QtBot) -> None:
    link.start()
    peer = controller.accept()
    with qtbot.waitSignal(link.alive_changed):
        controller.send(Heartbeat(0))
    with qtbot.waitSignal(link.alive_changed) as changed:
        peer.abort()
    assert changed.args == [False]
    controller.accept()
    assert controller.hear() == Hello(Role.KIOSK, "kiosk")


def test_the_link_waits_for_a_controller_that_starts_late(tmp_path: Path, link: LaneLink, qtbot: QtBot) -> None:
    link.start()
    late = Controller(tmp_path / "lane", qtbot)
    late.accept()
    assert late.hear() == Hello(Role.KIOSK, "kiosk")
    late.die()


def test_a_kiosk_follows_its_lane(
    controller: Controller, tmp_path: Path, time: HandTime, dressed: QApplication, qtbot: QtBot
) -> None:
    """Snapshot at once, wishes up, closed when the lane is silent, redrawn when it is back."""
    kiosk = KioskController(tmp_path / "lane", "en", now_s=time)
    qtbot.addWidget(kiosk.window)
    kiosk.window.resize(540, 960)
    kiosk.window.show()
    kiosk.start()
    controller.accept()
    controller.hear()
    controller.send(Welcome("lane-3", 3, ""), TravellerView(5, 2, TravellerStep.LOOK_AT_CAMERA))
    qtbot.waitUntil(lambda: kiosk.window.screen_shown.picture is Picture.CAMERA)
    assert kiosk.window.gate.text() == "3"
    kiosk.window.language.click()
    kiosk.window.sheet.buttons[2].click()
    assert controller.hear() == LanguageWished("ar")
    assert kiosk.window.screen_shown.language == "ar"
    kiosk.window.help.click()
    assert controller.hear() == TravellerHelpWished()
    time.now += STALE_AFTER_S
    kiosk.link.check()
    assert kiosk.window.screen_shown.picture is Picture.CLOSED
    assert kiosk.window.screen_shown.language == "en"
    controller.send(Heartbeat(1), TravellerView(6, 2, TravellerStep.GO))
    qtbot.waitUntil(lambda: kiosk.window.screen_shown.picture is Picture.GO)
    kiosk.stop()


def test_a_console_asks_for_faces_signs_a_wish_and_shows_the_answer(
    controller: Controller, tmp_path: Path, time: HandTime, dressed: QApplication, qtbot: QtBot
) -> None:
    """The whole way of an action: case, faces, reason, signed wish, answer; then silence takes everything away."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    console = ConsoleController([tmp_path / "lane"], "7731", key, now_s=time)
    qtbot.addWidget(console.window)
    console.start()
    controller.accept()
    assert controller.hear() == Hello(Role.GUARD, "7731")
    controller.send(Welcome("lane-3", 3, ""), REFERRED)
    assert controller.hear() == CasePicturesWished(12)
    presence = controller.hear()
    assert isinstance(presence, OfficerPresent)
    assert presence.here
    verify_presence(presence, key.public_key(), presence.expires_ns - 1, lane="lane-3")
    face = base64.b64encode(people.jpeg(people.portrait(people.ANNA, 48, 60))).decode()
    controller.send(CasePictures(12, face, face))
    qtbot.waitUntil(lambda: not console.window.case.full.faces.empty)
    console.window.wishes.reason_buttons[0].click()
    console.window.wishes.action_buttons[0].click()
    wish = controller.hear()
    assert isinstance(wish, OfficerWish)
    verify_wish(
        wish, key.public_key(), wish.expires_ns - 1, counter=REFERRED.wish_counter, lane="lane-3", passage=REFERRED.passage
    )
    assert (wish.action, wish.reason) == (OfficerAction.CLEAR, OfficerReason.IDENTITY_CONFIRMED)
    controller.send(WishAnswer(taken=True))
    qtbot.waitUntil(lambda: console.window.screen_shown.actions.notice == "Taken by gate 3")
    time.now += STALE_AFTER_S
    console.links[0].check()
    assert console.window.screen_shown.tiles[0].title == "Connection lost"
    assert console.window.case.full.faces.empty
    console.tick()
    console.stop()
