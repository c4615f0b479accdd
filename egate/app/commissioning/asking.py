"""What the self-test asks of the technician, and who answers: a person, a prepared script, or nobody.

The rule: what nobody did is left out with the reason, never taken as done.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from egate.app.commissioning.findings import Finding
from egate.app.config import ConfigError

LARGEST_SCRIPT_BYTES = 64 * 1024
"""A script has one line for each question."""
LONGEST_REASON = 200
"""Of a reason, as it stands in the report."""


class Reply(Enum):
    """What a technician says: it is done, or so; no, it is not; or it is left out."""

    DONE = "done"
    NO = "no"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and for what is left out the reason."""

    reply: Reply
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to do or to look at. `key` is its name in a script."""

    key: str
    words: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """A step begins: what is tested, in one sentence."""

    number: int
    of: int
    title: str
    words: str


class Technician(Protocol):
    """Who stands at the lane."""

    def begins(self, step: Announcement) -> None:
        """A step begins."""
        ...

    def found(self, finding: Finding) -> None:
        """Something was found."""
        ...

    async def answer(self, question: Question) -> Answer:
        """Ask, and wait for the answer."""
        ...


@dataclass(slots=True)
class Nobody:
    """Runs through by itself: every question is left out. Also the ground for others that only answer."""

    reason: str = "nobody was asked (automatic run)"

    def begins(self, step: Announcement) -> None:
        """Nothing is shown."""

    def found(self, finding: Finding) -> None:
        """Nothing is shown."""

    async def answer(self, question: Question) -> Answer:
        """Left out."""
        del question
        return Answer(Reply.SKIP, self.reason)


@dataclass(frozen=True, slots=True)
class Telling:
    """Hands that a machine has: `words` are written as a line into a pipe or a terminal line, and then it is done."""

    place: Path
    words: str

    def done(self) -> Answer:
        """Tell them; left out when nobody listens there."""
        try:
            number = os.open(self.place, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            return Answer(Reply.SKIP, f"{self.place.name} cannot be told: {error.strerror}"[:LONGEST_REASON])
        try:
            mode = os.fstat(number).st_mode
            if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
                return Answer(Reply.SKIP, f"{self.place.name} is no pipe, nobody listens there")
            os.write(number, f"{self.words}\n".encode())
        except OSError as error:
            return Answer(Reply.SKIP, f"{self.place.name} cannot be told: {error.strerror}"[:LONGEST_REASON])
        finally:
            os.close(number)
        return Answer(Reply.DONE)


@dataclass(slots=True)
class Scripted:
    """Answers from a table: question → done, no, the reason why it is left out, or what is told to a machine's hands."""

    answers: Mapping[str, Answer | Telling]
    asked: list[str] = field(default_factory=list)

    def begins(self, step: Announcement) -> None:
        """Nothing is shown."""

    def found(self, finding: Finding) -> None:
        """Nothing is shown."""

    async def answer(self, question: Question) -> Answer:
        """What the script says; what it does not name is left out."""
        self.asked.append(question.key)
        found = self.answers.get(question.key, Answer(Reply.SKIP, "the script does not answer it"))
        return found.done() if isinstance(found, Telling) else found


def load_script(path: Path) -> Scripted:
    """Read answers: a TOML file of `question = "done"`, `"no"`, `"skip: reason"` or `"tell PIPE: words"`. Raises ConfigError."""
    try:
        if path.stat().st_size > LARGEST_SCRIPT_BYTES:
            raise ConfigError(f"{path} is too large for a script of answers")
        given = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    return Scripted({key: _parsed(path, key, value) for key, value in given.items()})


def _parsed(path: Path, key: str, value: object) -> Answer | Telling:
    word, _, reason = value.partition(":") if isinstance(value, str) else ("", "", "")
    verb, _, place = word.partition(" ")
    if verb == "tell" and place.strip():
        return Telling(path.parent / place.strip(), reason.strip(" "))
    try:
        reply = Reply(word.strip())
    except ValueError:
        raise ConfigError(f'{path}: {key} must be "done", "no", "skip: reason" or "tell PIPE: words"') from None
    if reply is Reply.SKIP and not reason.strip():
        raise ConfigError(f"{path}: {key} is skipped without a reason")
    return Answer(reply, reason.strip()[:LONGEST_REASON])
