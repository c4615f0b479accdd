"""All checks in their order, and what runs them: each on a stand of its own and within a time. What is found is said in words.

An error that is none of ours is a finding too: a driver that fails must not take the lane with it (L14).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from drivers.conformance import checks_line as line
from drivers.conformance import checks_port as port
from drivers.conformance.bench import Bench, Failed, Finding, LeftOut, Outcome, Stand, stand_for
from egate.model.errors import EgateError
from egate.ports import Clock

CHECK_WITHIN_S = 20.0  # a check that takes longer hangs

Check = Callable[[Stand], Awaitable[None]]
CHECKS: tuple[Check, ...] = (
    port.fulfils_its_port,
    port.opens_nothing_before_start,
    port.absent_port,
    port.file_instead_of_port,
    port.unstable_name,
    port.pseudo_terminal,
    port.unknown_speed,
    port.wrong_key,
    port.starts,
    port.works,
    port.exclusive,
    line.silent_at_start,
    line.stranger_at_start,
    line.split_bytes,
    line.garbage_before_answers,
    line.garbage_unasked,
    line.flood,
    line.twofold_answers,
    line.late_answers,
    line.echo,
    line.flipped_bits,
    line.lost_bytes,
    line.silence,
    line.half_open,
    line.cable_cut,
    line.cable_back,
    line.cut_while_waiting,
    line.device_restarts,
    line.one_line_lost,
    line.closes_without_cable,
    port.asked_before_start,
    port.asked_after_close,
    port.closes,
    port.closes_twice,
    port.starts_again,
    port.closed_while_waiting,
    port.cancelled,
    port.cancelled_start,
    port.no_descriptor_leaks,
    port.no_task_stays,
    port.counts,
    port.no_secret_shows,
)
"""Every check; its docstring is the sentence that is shown."""


def sentence_of(check: Check) -> str:
    """What a check checks."""
    return (check.__doc__ or "").strip()


async def run_check(check: Check, bench: Bench, folder: Path, clock: Clock) -> Finding:
    """One check on a stand in `folder`; never raises for what the driver does."""
    sentence = sentence_of(check)
    try:
        async with asyncio.timeout(CHECK_WITHIN_S), stand_for(bench, folder, clock) as stand:
            await check(stand)
    except LeftOut as reason:
        return Finding(sentence, Outcome.LEFT_OUT, str(reason))
    except Failed as finding:
        return Finding(sentence, Outcome.FAILED, str(finding))
    except TimeoutError:
        return Finding(sentence, Outcome.FAILED, f"it hangs: nothing after {CHECK_WITHIN_S:g} s")
    except EgateError as error:
        return Finding(sentence, Outcome.FAILED, f"it gives an error where it must work ({error})")
    except Exception as error:  # whatever another's code raises is a finding
        return Finding(sentence, Outcome.FAILED, f"it raises {type(error).__name__}, which is no error of ours")
    return Finding(sentence, Outcome.PASSED)


async def run_kit(bench: Bench, folder: Path, clock: Clock) -> AsyncIterator[Finding]:
    """All checks, one after the other; `folder` must be short enough for the names of ports."""
    for number, check in enumerate(CHECKS):
        place = folder / f"{number:02d}"
        place.mkdir()
        yield await run_check(check, bench, place, clock)
