"""`egate enrol`: enrol one registered traveller at an attended desk.

The desk uses the devices that a lane's configuration names (document reader, camera) and the same inspection and engines as the
gate; doors are not touched. Nothing is stored before the person agreed, and what is stored only the programme's key holder can
open.

1. read the document and judge it    2. capture the face, a few tries    3. ask for consent    4. store, sealed
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date
from pathlib import Path

from egate.app.clock import SystemClock
from egate.app.commands.service import keep_memory_private
from egate.app.config import ConfigError, load_config
from egate.app.demo.desk import simulated_desk
from egate.app.demo.installation import OFFICER
from egate.app.demo.narration import CHECKS
from egate.app.demo.play import today_of
from egate.app.demo.story import names
from egate.app.inspection import gather_chip, parse_lines
from egate.app.parts import Parts
from egate.app.wiring import build_parts, read_hex_key
from egate.checks.document import check_document
from egate.checks.profile import access_policy
from egate.faces.sface_engine import SfaceEngine
from egate.model.checks import Check
from egate.model.document import ElementaryFile, Mrz
from egate.model.errors import ChipLost, DeviceError, MalformedData
from egate.model.face import CaptureOutcome, CaptureProgress
from egate.mrtd.files.face_record import parse_dg2
from egate.mrtd.reading import ReadRequest
from egate.storage.keys import load_sealing_public
from enrolment.consent import CONSENT_TEXTS, LONGEST_RETENTION_DAYS, REQUIRED_PURPOSES, ConsentRecord, give_consent
from enrolment.procedure import Refusal
from enrolment.quality_gate import QualityBounds, assess_capture, mendings
from enrolment.service import Gathered, Station, enrol
from enrolment.store import open_register
from enrolment.template import template_of

TRIES = 3
"""How many captures a person gets before the operator helps in another way."""

CAPTURE_S = 12.0
"""How long one capture may take; at a desk there is time."""

DOCUMENT_S = 60.0
"""How long the desk waits for a document."""

CHIP_S = 5.0
"""How long a chip may take to answer."""

Say = Callable[[str], None]

QUESTIONS: Mapping[str, tuple[str, str, frozenset[str]]] = {
    "en": ("Your data would be kept for {days} days at most.", "Do you agree? Type yes or no.", frozenset({"yes", "y"})),
    "de": ("Ihre Daten würden höchstens {days} Tage gespeichert.", "Stimmen Sie zu? Bitte ja oder nein.", frozenset({"ja", "j"})),
    "ar": ("تُحفظ بياناتك مدة {days} يومًا على الأكثر.", "هل توافق؟ اكتب نعم أو لا.", frozenset({"نعم"})),
}
"""What follows the consent text in its language: the time, the question, and the answers that agree."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate enrol`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration of a lane or desk (TOML)")
    parser.add_argument("--register", type=Path, metavar="PATH", help="the desk's register (made when there is none)")
    parser.add_argument("--programme-key", type=Path, metavar="FILE", help="the programme's public sealing key")
    parser.add_argument("--binding-key", type=Path, metavar="FILE", help="key that binds document numbers, 64 hex digits")
    parser.add_argument("--operator", default=OFFICER, metavar="NAME", help="who witnesses the consent (default %(default)s)")
    parser.add_argument(
        "--language", default="en", choices=sorted(CONSENT_TEXTS), help="language of the consent: ar, de or en (default en)"
    )
    parser.add_argument("--days", type=int, default=365, metavar="N", help="how long the data may be kept (default %(default)s)")
    parser.add_argument(
        "--consent", choices=("ask", "given"), default="ask", help="ask (here) or given (already, on paper); default ask"
    )
    parser.add_argument(
        "--simulate", choices=names(), metavar="NAME", help="try it without devices: a traveller of the demo comes to the desk"
    )


def run(arguments: argparse.Namespace) -> int:
    """Enrol one traveller; returns 0 when registered, 1 when not."""
    if not 1 <= arguments.days <= LONGEST_RETENTION_DAYS:
        raise ConfigError(f"--days must be from 1 to {LONGEST_RETENTION_DAYS}")
    if arguments.simulate is None and None in (
        arguments.config,
        arguments.register,
        arguments.programme_key,
        arguments.binding_key,
    ):
        raise ConfigError("--config, --register, --programme-key and --binding-key are needed (or --simulate NAME to try it)")
    keep_memory_private()
    return asyncio.run(_attend(arguments))


async def _attend(arguments: argparse.Namespace) -> int:
    clock = SystemClock()
    async with _desk(arguments, clock) as (parts, station_at):
        say: Say = lambda text: print(text, flush=True)  # noqa: E731, T201 - the desk speaks to its operator
        gathered = await _gather(parts, arguments, today_of(clock), say)
        return _store(gathered, station_at, parts, today_of(clock), say)


def _store(gathered: Gathered, places: tuple[Path, Path, Path], parts: Parts, today: date, say: Say) -> int:
    register_path, programme_key, binding_key = places
    register = open_register(register_path, load_sealing_public(programme_key))
    try:
        register.erase_expired(today)
        station = Station(register, read_hex_key(binding_key, "--binding-key"), parts.profile, BOUNDS)
        result = enrol(gathered, station, today, secrets.token_bytes)
    finally:
        register.close()
    if isinstance(result, Refusal):
        say(f"Not registered ({result.reason.value.replace('_', ' ')}): " + " ".join(result.sentences))
        return 1
    say(f"Registered as {result.identifier[:8]}… until {result.expires_on.isoformat()}; sealed to the programme's key.")
    return 0


BOUNDS = QualityBounds()
"""The desk's quality gate."""


async def _gather(parts: Parts, arguments: argparse.Namespace, today: date, say: Say) -> Gathered:
    """Everything the procedure will ask for."""
    say("Lay the passport on the reader.")
    mrz, checks, reference_there = await _read(parts, today)
    for check in checks:
        say(f"  {CHECKS[check.name]}: {check.result.word}" + (f" ({check.code.replace('_', ' ')})" if check.code else ""))
    captures = await _capture(parts, say) if reference_there else ()
    consent = _consent(arguments, today, say) if captures and _is_good(captures[-1]) else None
    engine = SfaceEngine()
    return Gathered(mrz, checks, captures, lambda image: template_of(engine, image), consent)


async def _read(parts: Parts, today: date) -> tuple[Mrz | None, tuple[Check, ...], bool]:
    """MRZ, findings, and whether the portrait is ready for comparison."""
    await parts.mrz.start()
    await parts.chip.start()
    try:
        async with asyncio.timeout(DOCUMENT_S):
            mrz = parse_lines(await parts.mrz.read_lines())
    except TimeoutError:
        raise DeviceError("enrolling", f"no document was laid within {DOCUMENT_S:g} s") from None
    evidence = None
    if mrz is not None and await parts.chip.wait_for_chip(CHIP_S):
        with contextlib.suppress(ChipLost):
            before_bac, policy = parts.profile.pace_before_bac, access_policy(parts.profile)
            request = ReadRequest(mrz.information, pace_before_bac=before_bac, policy=policy)
            evidence = await gather_chip(parts.chip, request, lambda _: None)
            await parts.chip.release()
    checks = check_document(mrz, evidence, parts.trust, today, parts.profile)
    try:
        reference = parse_dg2(evidence.files[ElementaryFile.DG2]) if evidence else None
    except (KeyError, MalformedData):
        reference = None
    return mrz, checks, reference is not None and bool(await parts.face.prepare_reference(reference))


async def _capture(parts: Parts, say: Say) -> tuple[CaptureOutcome, ...]:
    """A few tries; after each one that fails the person hears what would mend it."""
    outcomes = []
    for number in range(TRIES):
        say("Look at the camera." if not number else "Once more, please.")
        shown: list[CaptureProgress] = []
        outcomes.append(await parts.face.capture(0, CAPTURE_S, shown.append))
        problems = mendings(assess_capture(outcomes[-1], BOUNDS))
        if not problems:
            break
        say("  " + " ".join(problems))
    return tuple(outcomes)


def _is_good(outcome: CaptureOutcome) -> bool:
    """Nobody is asked to agree to something that will not be stored."""
    compared = bool(outcome.scores) and outcome.scores[0].matched
    return compared and not mendings(assess_capture(outcome, BOUNDS))


def _consent(arguments: argparse.Namespace, today: date, say: Say) -> ConsentRecord | None:
    text = CONSENT_TEXTS[arguments.language]
    retention, question, agreeing = QUESTIONS[arguments.language]
    say(f"\n{text.text}\n{text.withdrawal}\n{retention.format(days=arguments.days)}")
    agreed = arguments.consent == "given"
    if not agreed:
        say(question)
        agreed = sys.stdin.readline().strip().lower() in agreeing
    return give_consent(text, REQUIRED_PURPOSES, arguments.days, today, arguments.operator) if agreed else None


@contextlib.asynccontextmanager
async def _desk(arguments: argparse.Namespace, clock: SystemClock) -> AsyncIterator[tuple[Parts, tuple[Path, Path, Path]]]:
    """The desk's parts, and where register, programme key and binding key are; simulated when asked for."""
    if arguments.simulate is None:
        parts = build_parts(load_config(arguments.config), clock)
        await parts.face.start()
        try:
            yield parts, (arguments.register, arguments.programme_key, arguments.binding_key)
        finally:
            await parts.close_reading_devices()
        return
    with tempfile.TemporaryDirectory(prefix="egate-desk-") as folder:
        async with simulated_desk(arguments.simulate, Path(folder), clock) as parts:
            root = Path(folder)
            yield parts, (root / "register.db", root / "keys" / "sealing.pub", root / "keys" / "lists.hex")
