"""The session against a bus that loses, repeats, reorders and forgets, and a centre that is restored: 0 lost, 0 double.

The bus and the centre here are small models on a virtual clock; the real ones play in tests/peers/test_nats_sync.py.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from egate.model.crossing import Receipt
from egate.sync.session import (
    CentreIsAhead,
    Connected,
    Disconnected,
    Event,
    HandOver,
    NotSent,
    ReceiptArrived,
    RowsSeen,
    SendRows,
    Sent,
    SyncState,
    Tick,
    step,
)

ENVELOPE_ROWS = 8
LOOK_S = 0.1


@dataclass
class Story:
    """A lane, a bus and a centre. `held` is what the centre has; `pruned` what the lane has forgotten because of receipts."""

    chance: random.Random
    appended: int = 0
    held: list[int] = field(default_factory=list)
    pruned: int = 0
    now_s: float = 0.0
    signed_ns: int = 0
    state: SyncState = field(default_factory=SyncState)
    stream: list[tuple[int, int]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    in_flight: SendRows | None = None
    backup: int = 0
    pruned_ns: int = 0
    run: int = 0
    seen: set[tuple[int, int, int]] = field(default_factory=set)

    def react(self, event: Event) -> None:
        self.state, commands = step(self.state, event)
        for command in commands:
            match command:
                case SendRows():
                    assert self.in_flight is None, "two envelopes at once"
                    assert self.state.connected
                    self.in_flight = command
                case HandOver(receipt):
                    self.prune(receipt)
                case CentreIsAhead():
                    pytest.fail("the centre never held more than the log")

    def prune(self, receipt: Receipt) -> None:
        assert receipt.sequence <= self.appended
        self.pruned, self.pruned_ns = receipt.sequence, receipt.signed_at_ns

    def store(self, command: SendRows) -> int:
        """The stream takes an envelope unless it knows its identifier; returns the envelope's last row."""
        identifier = (self.run, command.attempt, command.after)
        last = min(command.after + ENVELOPE_ROWS, self.appended)
        if identifier not in self.seen:
            self.seen.add(identifier)
            self.stream.append((command.after + 1, last))
        return last

    # What may happen, in any order.

    def append(self) -> None:
        self.appended += self.chance.randint(1, 20)
        self.react(RowsSeen(self.appended))

    def publish(self) -> None:
        """The bus answers: taken, taken but the answer is lost, or not taken."""
        if self.in_flight is None:
            return
        command, self.in_flight = self.in_flight, None
        fate = self.chance.random()
        last = self.store(command) if fate < 0.8 else 0
        if fate < 0.7:
            self.react(Sent(last, command.attempt, self.now_s))
        else:
            self.react(NotSent(self.now_s))

    def deliver(self) -> None:
        """The centre receives an envelope, not always the oldest, sometimes twice; its receipt may be lost or late."""
        if self.stream:
            place = self.chance.randrange(len(self.stream))
            first, last = self.stream[place]
            if self.chance.random() < 0.9:
                del self.stream[place]
            if first <= len(self.held) + 1:
                self.held += range(len(self.held) + 1, last + 1)
            self.signed_ns += 1
            self.receipts.append(Receipt("L", len(self.held), bytes(32), self.signed_ns, b""))

    def receive(self) -> None:
        if self.receipts:
            place = self.chance.randrange(len(self.receipts))
            receipt = self.receipts[place]
            if self.chance.random() < 0.9:
                del self.receipts[place]
            if self.state.connected and self.chance.random() < 0.8:
                self.react(ReceiptArrived(receipt, self.now_s))

    def tick(self) -> None:
        self.now_s += LOOK_S * self.chance.choice((1, 1, 1, 20))
        self.react(Tick(self.now_s))

    def cut(self) -> None:
        self.in_flight = None
        self.react(Disconnected())

    def connect(self) -> None:
        if not self.state.connected:
            self.react(Connected(self.now_s))

    def wipe(self) -> None:
        """The server lost its disk."""
        self.stream.clear()
        self.seen.clear()
        self.cut()

    def restart(self) -> None:
        """The sync process was killed; it knows what the log knows."""
        self.in_flight, self.run = None, self.run + 1
        self.state = SyncState(held=self.pruned, held_at_ns=self.pruned_ns)
        self.react(RowsSeen(self.appended))

    def restore(self) -> None:
        """The centre is restored from an older backup of its ledger."""
        del self.held[self.backup :]
        self.receipts.clear()

    def back_up(self) -> None:
        self.backup = len(self.held)

    def drain(self) -> None:
        """The faults end. Everything must arrive in a bounded time."""
        for _ in range(3000):
            if len(self.held) == self.appended == self.pruned:
                return
            self.connect()
            if self.in_flight is not None:
                command, self.in_flight = self.in_flight, None
                last = self.store(command)
                self.react(Sent(last, command.attempt, self.now_s))
            while self.stream:
                first, last = self.stream.pop(0)
                if first <= len(self.held) + 1:
                    self.held += range(len(self.held) + 1, last + 1)
                self.signed_ns += 1
                self.react(ReceiptArrived(Receipt("L", len(self.held), bytes(32), self.signed_ns, b""), self.now_s))
            self.now_s += LOOK_S
            self.react(Tick(self.now_s))
        raise AssertionError(f"not drained: {self.state}")


ACTIONS = ("append", "publish", "deliver", "receive", "tick", "connect", "cut", "wipe", "restart", "back_up")
WEIGHTS = (6, 12, 12, 10, 8, 6, 2, 1, 1, 1)


def play(seed: int, steps: int) -> None:
    story = Story(random.Random(seed))
    for _ in range(steps):
        getattr(story, story.chance.choices(ACTIONS, WEIGHTS)[0])()
        assert story.held == list(range(1, len(story.held) + 1))
        assert story.pruned <= len(story.held), f"seed {seed}: pruned before the centre held it"
    story.drain()


@pytest.mark.parametrize("seed", range(200))
def test_any_story_ends_with_everything_at_the_centre(seed: int) -> None:
    play(seed, 150)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_stories() -> None:
    for seed in range(1000, 11_000):
        play(seed, 300)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from((*ACTIONS, "restore")), max_size=80), st.integers(0, 2**32))
def test_stories_with_a_restored_centre_drain_too(actions: list[str], seed: int) -> None:
    story = Story(random.Random(seed))
    for action in actions:
        getattr(story, action)()
    story.append()
    story.drain()
