"""All checks in their order, and what runs them: each on a stand of its own and within a time. What is found is said in words.

An error that is none of ours is a finding too: a driver that fails must not take the lane with it (L14).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from drivers.conformance import checks_line as line
from drivers.conformance import checks_plain as plain
from drivers.conformance import checks_port as port
from drivers.conformance.bench import Bench, Failed, Finding, LeftOut, Outcome, stand_for
from drivers.conformance.cameras import CameraBench, camera_stand
from drivers.conformance.checks_camera import CAMERA_CHECKS
from drivers.conformance.plain import PlainBench, plain_stand
from egate.model.errors import EgateError
from egate.ports import Clock

CHECK_WITHIN_S = 20.0  # a check that takes longer hangs

AnyBench = Bench | PlainBench | CameraBench
Check = Callable[[Any], Any]
"""Takes the stand that belongs to the kind of bench; those of `checks_port` from `starts` on take each."""
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
    line.looks_often,
    line.closes_without_cable,
    line.recorded,
    port.asked_before_start,
    port.asked_after_close,
    port.closes,
    port.closes_twice,
    port.starts_again,
    port.closed_while_waiting,
    port.cancelled,
    port.cancelled_start,
    plain.cancelled_at_each_turn,
    port.no_descriptor_leaks,
    port.no_task_stays,
    port.counts,
    port.no_secret_shows,
)
"""Every check of a driver on a serial line; its docstring is the sentence that is shown."""
PLAIN_CHECKS: tuple[Check, ...] = (
    port.fulfils_its_port,
    port.opens_nothing_before_start,
    plain.barred_at_start,
    plain.starts_after_a_refusal,
    port.starts,
    port.works,
    plain.works_on_and_on,
    plain.noise,
    plain.flood,
    plain.silence,
    plain.loss_is_told,
    plain.loss_while_waiting,
    plain.back_each_time,
    plain.one_loss_few_lines,
    plain.closes_while_lost,
    port.asked_before_start,
    port.asked_after_close,
    port.closes,
    port.closes_twice,
    port.starts_again,
    port.closed_while_waiting,
    port.cancelled,
    port.cancelled_start,
    plain.cancelled_at_each_turn,
    port.no_descriptor_leaks,
    port.no_task_stays,
    port.counts,
    port.no_secret_shows,
)
"""Every check of a driver that is on no serial line."""


def checks_of(bench: AnyBench) -> tuple[Check, ...]:
    """The checks for a driver of this kind of bench."""
    if isinstance(bench, CameraBench):
        return CAMERA_CHECKS
    return PLAIN_CHECKS if isinstance(bench, PlainBench) else CHECKS


def sentence_of(check: Check) -> str:
    """What a check checks."""
    return (check.__doc__ or "").strip()


async def run_check(check: Check, bench: AnyBench, folder: Path, clock: Clock) -> Finding:
    """One check on a stand in `folder`; never raises for what the driver does."""
    sentence = sentence_of(check)
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            await _run(check, bench, folder, clock)
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


async def _run(check: Check, bench: AnyBench, folder: Path, clock: Clock) -> None:
    """The check on its kind of stand; a camera's blocks, so it has a thread."""
    if isinstance(bench, CameraBench):
        await asyncio.to_thread(_run_blocking, check, bench, folder)
    elif isinstance(bench, PlainBench):
        async with plain_stand(bench, folder, clock) as plain_one:
            await check(plain_one)
    else:
        async with stand_for(bench, folder, clock) as stand:
            await check(stand)


def _run_blocking(check: Check, bench: CameraBench, folder: Path) -> None:
    with camera_stand(bench, folder) as stand:
        check(stand)


async def run_kit(bench: AnyBench, folder: Path, clock: Clock) -> AsyncIterator[Finding]:
    """All checks, one after the other; `folder` must be short enough for the names of ports."""
    for number, check in enumerate(checks_of(bench)):
        place = folder / f"{number:02d}"
        place.mkdir()
        yield await run_check(check, bench, place, clock)
