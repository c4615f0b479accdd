"""The gate unit as a device: its line, who it is, how well it answers, and its contacts at rest. No order is sent here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import pairwise

from drivers.counters import LATENCY_EDGES_MS
from egate.app.commissioning.bench import Bench
from egate.app.commissioning.findings import Diagnosis, Finding, Measure, bad, good, left_out, not_here, notice
from egate.app.commissioning.gate_stand import GateStand, until
from egate.app.commissioning.steps.line import diagnosis_of, echoes, port_baud, why_silent, without_key
from egate.app.config import ConfigError
from egate.app.devices.trial import REPEATS_OF_100, SLOW_MS
from egate.app.wiring import make_gate_device
from egate.model.errors import DeviceError
from egate.model.lane import DoorState, GateReport, Power

POLLS = 200
POLLS_WITHIN_S = 15.0
"""200 polls take 7 s at 30 ms; a line that needs longer is judged by what came."""
SAMPLES_A_SECOND = 20
"""Less, and an emergency is not seen in 100 ms (I5)."""
REST_S = 1.5
"""How long nothing may change while nothing is ordered."""
MOST_CHANGES = 2
"""A person may walk by once; a contact that changes more often in that time chatters."""
_UNUSABLE = "its port cannot be used; see ports"
_DRIVERS = logging.getLogger("egate.drivers.gate")
NO_GATE = "the gate unit did not start"


async def echo(bench: Bench) -> list[Finding]:
    """Whether the adapter lets us hear ourselves."""
    step, device = "echo", bench.config.gate
    if "gate" in bench.unusable:
        return [left_out(step, "gate", _UNUSABLE)]
    try:
        heard = await echoes(device, port_baud(device, "gate"), bench.clock)
    except DeviceError as error:
        return [left_out(step, "gate", str(error))]
    if heard:
        return [notice(step, "gate", Diagnosis.LOCAL_ECHO, "what we send comes back to us: the adapter's receiver stays on")]
    return [good(step, "gate", "the line does not echo")]


async def start(bench: Bench) -> list[Finding]:
    """Start the unit as a lane does: secure channel, identity, number of contacts."""
    step, device = "gate unit", bench.config.gate
    if "gate" in bench.unusable:
        return [left_out(step, "gate", _UNUSABLE)]
    started = bench.clock.monotonic()
    try:
        bench.gate = await GateStand.open(make_gate_device(device, bench.clock), bench.clock, bench.config.topology)
    except ConfigError as error:
        return [bad(step, "gate", _of_key_file(str(error)), str(error))]
    except DeviceError as error:
        diagnosis, words = diagnosis_of(error), str(error)
        if diagnosis is Diagnosis.NONE:
            diagnosis, words = await why_silent(device, port_baud(device, "gate"), bench.clock)
        return [bad(step, "gate", diagnosis, words)]
    took = Measure("started in", round((bench.clock.monotonic() - started) * 1000), "ms")
    identity = _identity(bench.gate)
    bench.identities["gate"] = f"{device.driver}{', ' + identity if identity else ''}"
    return [good(step, "gate", f"it answers{': ' + identity if identity else ''}", took), _channel(step, device.driver)]


def _of_key_file(words: str) -> Diagnosis:
    return Diagnosis.KEY_READABLE if "chmod 600" in words else Diagnosis.CONFIGURATION


def _channel(step: str, driver: str) -> Finding:
    """What protects the line."""
    if without_key(driver):
        return notice(step, "line", Diagnosis.NOT_AUTHENTICATED, f"{driver} lines prove nobody's identity")
    if driver == "osdp":
        return good(step, "line", "the secure channel stands, with an own key")
    return not_here(step, "line", f"the driver {driver} does not say what protects its line")


def _identity(stand: GateStand) -> str:
    """What the unit says of itself, where its driver keeps that."""
    identity = getattr(stand.gate, "identity", None)
    if identity is None:
        return ""
    parts = ((word, getattr(identity, word, None)) for word in ("vendor", "model", "version", "serial", "firmware"))
    return ", ".join(f"{word} {value}" for word, value in parts if value is not None)


async def polls(bench: Bench) -> list[Finding]:
    """200 questions: how many were lost or repeated, and how long answers took."""
    step, stand = "polls", bench.gate
    if stand is None:
        return [left_out(step, "gate", NO_GATE)]
    before, taken = stand.counters, stand.taken
    start_of = (before.exchanges, before.repeats, before.unanswered, before.sessions, tuple(before.latency_bins))
    started = bench.clock.monotonic()
    counted = hasattr(stand.gate, "counters")

    def asked() -> int:
        return stand.counters.exchanges - start_of[0] if counted else stand.taken - taken

    await until(bench.clock, lambda: asked() >= POLLS, POLLS_WITHIN_S)
    seconds = bench.clock.monotonic() - started
    now = stand.counters
    if not counted:
        return [_uncounted(step, (stand.taken - taken) / max(seconds, 0.001))]
    bins = [new - old for new, old in zip(now.latency_bins, start_of[4], strict=True)]
    return [
        _judge_polls(step, now.exchanges - start_of[0], now.repeats + now.unanswered - start_of[1] - start_of[2], bins),
        *_lost_sessions(step, now.sessions - start_of[3]),
    ]


def _uncounted(step: str, a_second: float) -> Finding:
    """The samples of a driver that counts nothing."""
    rate = Measure("samples", round(a_second, 1), "a second", least=SAMPLES_A_SECOND)
    if rate.within:
        return good(step, "gate", "its driver counts no questions", rate)
    return notice(step, "gate", Diagnosis.SLOW_LINE, "samples come seldom; an emergency may be seen late", rate)


def _judge_polls(step: str, answered: int, failed: int, bins: Sequence[int]) -> Finding:
    """The verdict of the line, with its histogram as measures."""
    asked = answered + failed
    rate = Measure("failed", round(100 * failed / asked, 2) if asked else 100.0, "%", most=REPEATS_OF_100)
    slowest = Measure("95 of 100 answers within", _share_within(bins, 0.95), "ms", most=SLOW_MS)
    edges = [f"≤ {edge} ms" for edge in LATENCY_EDGES_MS] + [f"> {LATENCY_EDGES_MS[-1]} ms"]
    shape = tuple(Measure(f"answers {edge}", count) for edge, count in zip(edges, bins, strict=True) if count)
    measures = (Measure("questions", asked, least=1), rate, slowest, *shape)
    if not answered:
        return bad(step, "gate", Diagnosis.SILENT, "it started and then answered nothing", *measures)
    if not rate.within:
        return bad(step, "gate", Diagnosis.NOISY_LINE, f"{failed} of {asked} questions failed or had to be repeated", *measures)
    if not slowest.within:
        return bad(step, "gate", Diagnosis.SLOW_LINE, "answers take too long for an emergency to be seen in time", *measures)
    return good(step, "gate", f"{asked} questions, {failed} repeated or lost", *measures)


def _share_within(bins: Sequence[int], share: float) -> float:
    """The edge of the bin below which that share of the answers lies, in milliseconds."""
    total, so_far = sum(bins), 0
    for edge, count in zip((*LATENCY_EDGES_MS, 10 * LATENCY_EDGES_MS[-1]), bins, strict=True):
        so_far += count
        if total and so_far >= share * total:
            return float(edge)
    return float(10 * LATENCY_EDGES_MS[-1])


def _lost_sessions(step: str, sessions: int) -> list[Finding]:
    if sessions <= 0:
        return []
    words = f"the secure channel broke {sessions} times and was made anew"
    return [bad(step, "line", Diagnosis.NOISY_LINE, words, Measure("sessions", sessions, most=0))]


async def at_rest(bench: Bench) -> list[Finding]:
    """Contacts while nothing is ordered: doors closed and locked, nobody inside, no emergency, nothing chatters."""
    step, stand = "at rest", bench.gate
    if stand is None:
        return [left_out(step, "gate", NO_GATE)]
    stand.samples.clear()
    with _ChatterNews() as news:
        await until(bench.clock, lambda: False, REST_S)
    samples = list(stand.samples)
    if not samples:
        return [bad(step, "gate", Diagnosis.SILENT, stand.trouble or "no sample came")]
    found = [
        bad(step, name, diagnosis, words)
        for name, diagnosis, words, is_so in _AT_REST
        if is_so(samples[-1]) and is_so(samples[0])
    ]
    said = [bad(step, name, Diagnosis.CHATTER, f"contact {name} chatters, says the driver") for name in news.contacts]
    if said:  # the driver calls every door faulty while a contact chatters
        return said
    return [*_chatter(step, samples), *found] or [
        good(step, "contacts", "both doors closed and locked, nobody inside, no emergency", Measure("samples", len(samples)))
    ]


class _ChatterNews(logging.Handler):
    """Hears drivers name contacts that chatter, while it is entered: they say it once, to the log, and debounce their reports."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.contacts: list[str] = []

    def __enter__(self) -> _ChatterNews:
        _DRIVERS.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        _DRIVERS.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the contact's name."""
        if "chatters" in str(record.msg) and isinstance(record.args, tuple) and record.args:
            self.contacts.append(str(record.args[-1]))


def _chatter(step: str, samples: Sequence[GateReport]) -> list[Finding]:
    """Contacts that change although nothing moves."""
    found = []
    for name in ("entry", "exit", "persons", "emergency", "tamper", "power", "object_left", "obstructed", "intrusion"):
        values = [getattr(sample, name) for sample in samples]
        changes = sum(before != after for before, after in pairwise(values))
        if changes > MOST_CHANGES:
            measure = Measure("changes", changes, most=MOST_CHANGES)
            found.append(bad(step, name, Diagnosis.CHATTER, f"{name} changed {changes} times while nothing moved", measure))
    return found


_Judge = tuple[str, Diagnosis, str, Callable[[GateReport], bool]]
_AT_REST: tuple[_Judge, ...] = (
    ("emergency", Diagnosis.EMERGENCY_AT_REST, "the emergency input is active", lambda r: r.emergency),
    ("tamper", Diagnosis.TAMPER_AT_REST, "the unit says that its housing is open", lambda r: r.tamper),
    ("persons", Diagnosis.PERSONS_AT_REST, "somebody is counted between the doors", lambda r: r.persons > 0),
    ("entry", Diagnosis.DOOR_NOT_AT_REST, "the entry is not closed and locked", lambda r: r.entry is not DoorState.LOCKED),
    ("exit", Diagnosis.DOOR_NOT_AT_REST, "the exit is not closed and locked", lambda r: r.exit is not DoorState.LOCKED),
    ("power", Diagnosis.POWER, "the lane runs on its battery", lambda r: r.power is not Power.MAINS),
    ("lane", Diagnosis.OBJECT_AT_REST, "something is reported in the lane or in a door", lambda r: r.object_left or r.obstructed),
)
