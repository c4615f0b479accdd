"""The session's rules one by one; `tests/properties/test_sync_stories.py` plays them all at once."""

from __future__ import annotations

from egate.model.crossing import Receipt
from egate.sync.session import (
    SILENCE_LIMIT_S,
    SILENCE_S,
    WINDOW_ROWS,
    CentreIsAhead,
    Command,
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


def receipt(sequence: int, signed_at_ns: int) -> Receipt:
    return Receipt("UTO-A1", sequence, bytes(32), signed_at_ns, b"")


def play(*events: Event, state: SyncState | None = None) -> tuple[SyncState, list[Command]]:
    state, commands = state or SyncState(), list[Command]()
    for event in events:
        state, more = step(state, event)
        commands += more
    return state, commands


def test_nothing_is_sent_before_there_is_a_bus_and_a_row() -> None:
    assert play(RowsSeen(3), Tick(9.0))[1] == []
    assert play(Connected(0.0), Tick(9.0))[1] == []
    assert play(RowsSeen(3), Connected(0.0))[1] == [SendRows(0, 1)]


def test_one_envelope_at_a_time_until_the_window_is_full() -> None:
    state, commands = play(RowsSeen(10_000), Connected(0.0))
    sent = 0
    while isinstance(commands[-1], SendRows):
        sent += 64
        state, commands = play(Tick(0.1), Sent(sent, state.attempt, 0.1), state=state)
        if not commands:
            break
        assert len(commands) == 1
    assert sent == WINDOW_ROWS


def test_a_receipt_is_handed_over_and_opens_the_window() -> None:
    state, _ = play(RowsSeen(5), Connected(0.0), Sent(5, 1, 0.0))
    state, commands = play(ReceiptArrived(receipt(5, 7), 0.1), RowsSeen(6), state=state)
    assert commands == [HandOver(receipt(5, 7)), SendRows(5, 1)]
    assert state.held == 5


def test_an_older_a_repeated_and_an_idle_receipt_change_nothing() -> None:
    state, _ = play(RowsSeen(5), Connected(0.0), Sent(5, 1, 0.0), ReceiptArrived(receipt(5, 7), 0.1))
    for late in (receipt(5, 7), receipt(3, 6)):
        assert play(ReceiptArrived(late, 0.2), state=state) == (state, [])
    state, commands = play(ReceiptArrived(receipt(5, 8), 0.2), state=state)
    assert commands == []


def test_silence_sends_again_as_a_new_attempt_with_growing_patience() -> None:
    state, _ = play(RowsSeen(5), Connected(0.0), Sent(5, 1, 0.0))
    assert play(Tick(SILENCE_S / 2), state=state)[1] == []
    now_s, silence_s = 0.0, SILENCE_S
    for attempt in range(2, 12):
        now_s += silence_s
        state, commands = play(Tick(now_s), state=state)
        assert commands == [SendRows(0, attempt)]
        state, _ = play(Sent(5, attempt, now_s), state=state)
        silence_s = min(2 * silence_s, SILENCE_LIMIT_S)
        assert play(Tick(now_s + silence_s * 0.99), state=state)[1] == []


def test_a_long_idle_time_is_no_silence() -> None:
    state, _ = play(RowsSeen(1), Connected(0.0), Sent(1, 1, 0.0), ReceiptArrived(receipt(1, 1), 0.0))
    state, commands = play(Tick(500.0), RowsSeen(2), Sent(2, 1, 500.0), Tick(500.1), state=state)
    assert commands == [SendRows(1, 1)]


def test_an_envelope_that_was_not_taken_is_sent_again_after_a_pause() -> None:
    state, commands = play(RowsSeen(5), Connected(0.0), NotSent(0.0), Tick(0.5))
    assert commands == [SendRows(0, 1)]
    state, commands = play(Tick(SILENCE_S), state=state)
    assert commands == [SendRows(0, 2)]


def test_a_new_connection_starts_at_the_receipt_at_once() -> None:
    state, _ = play(RowsSeen(9), Connected(0.0), Sent(5, 1, 0.0), ReceiptArrived(receipt(3, 1), 0.0))
    state, commands = play(Disconnected(), RowsSeen(10), Tick(50.0), Connected(50.0), state=state)
    assert commands == [SendRows(3, 2)]


def test_an_envelope_of_a_given_up_attempt_does_not_count() -> None:
    """Rows 1 to 5 were sent, silence rewound, then the first attempt's late acknowledgement comes."""
    state, _ = play(RowsSeen(9), Connected(0.0), Sent(5, 1, 0.0), Tick(5.0))
    state, commands = play(Sent(9, 1, 5.1), state=state)
    assert state.sent == 0
    assert commands == [SendRows(0, 2)]


def test_a_centre_that_lost_rows_gets_them_again() -> None:
    state, _ = play(RowsSeen(9), Connected(0.0), Sent(9, 1, 0.0), ReceiptArrived(receipt(9, 5), 0.0))
    state, commands = play(ReceiptArrived(receipt(4, 6), 0.1), state=state)
    assert commands == [HandOver(receipt(4, 6)), SendRows(4, 2)]


def test_a_receipt_beyond_the_log_is_reported_and_not_believed() -> None:
    state, commands = play(RowsSeen(9), Connected(0.0), Sent(9, 1, 0.0), ReceiptArrived(receipt(12, 5), 0.0))
    assert commands[-1] == CentreIsAhead(12)
    assert state.held == 0
