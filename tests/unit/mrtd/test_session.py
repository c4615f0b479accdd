"""The chip session: plain, protected, broken, reopened."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from egate.model.errors import ChipError, ChipLost, MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.keys import session_keys
from egate.mrtd.secure_messaging import SecureMessaging
from egate.mrtd.session import ChipSession

COMMAND = CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)
KEYS = session_keys(CipherSuite.AES128, b"secret")


def asking(log: list[str]) -> Generator[CommandApdu, ResponseApdu, str]:
    """Asks twice and writes down what became of it."""
    try:
        for _ in range(2):
            try:
                response = yield COMMAND
                log.append(f"{response.sw:04X}")
            except ChipError as error:
                log.append(error.problem)
        return "done"
    finally:
        log.append("closed")


def test_plain_exchanges_pass_unchanged() -> None:
    log: list[str] = []
    session = ChipSession()
    dialogue = session.carried(asking(log))
    assert next(dialogue) == COMMAND
    assert dialogue.send(ResponseApdu(b"", 0x9000)) == COMMAND
    with pytest.raises(StopIteration) as stop:
        dialogue.send(ResponseApdu(b"", 0x6A82))
    assert stop.value.value == "done"
    assert log == ["9000", "6A82", "closed"]
    assert [line.sw for line in session.transcript] == [0x9000, 0x6A82]


def test_an_answer_without_form_ends_the_session() -> None:
    """The two counters would stand apart: no second command goes out, and the dialogue learns why."""
    log: list[str] = []
    session = ChipSession()
    secure = SecureMessaging(KEYS)
    session.begin(secure)
    dialogue = session.carried(asking(log))
    next(dialogue)
    with pytest.raises(StopIteration):
        dialogue.throw(MalformedData("parsing a response", "no status word"))
    assert session.broken
    assert not secure.alive
    assert log[1:] == ["the session has ended", "closed"]


def test_a_lost_chip_closes_the_dialogue() -> None:
    """The dialogue does not see the loss as an error of the chip, which it might take for a refusal; it is only closed."""
    log: list[str] = []
    session = ChipSession()
    dialogue = session.carried(asking(log))
    next(dialogue)
    with pytest.raises(ChipLost):
        dialogue.throw(ChipLost("reading", "gone"))
    assert log == ["closed"]


def test_new_keys_replace_the_old() -> None:
    session = ChipSession()
    first, second = SecureMessaging(KEYS), SecureMessaging(KEYS)
    session.begin(first)
    session.begin(second)
    assert (first.alive, second.alive, session.broken) == (False, True, False)
    session.end()
    assert (second.alive, session.secure, session.broken) == (False, None, False)


def test_portions_end_when_nothing_comes() -> None:
    log: list[str] = []
    dialogue = ChipSession().carried(asking(log))
    next(dialogue)
    assert dialogue.send(ResponseApdu(b"ab", 0x6102)).ins == 0xC0
    assert dialogue.send(ResponseApdu(b"cd", 0x6102)).ins == 0xC0
    assert dialogue.send(ResponseApdu(b"", 0x6102)) == COMMAND
    assert log == ["6102"]
    dialogue.close()
    assert log == ["6102", "closed"]
