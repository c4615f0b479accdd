"""The controller's half of the live accuracy monitor: counts, never faces (TR-03121-3 EVA-VER-nCIR-1).

Every probe was compared in the worker with references of other people (zero-effort impostors); what comes here is how many
comparisons that were and how many reached the threshold, all together and where a group of both coincides. Comparisons of a
traveller with their own reference are counted too, for the false non-match rate: a non-match counts only if the officer then said
that it is the same person, and not at all if the officer said nothing or sent them on. Pure: `observe(state, comparison, hour)`.

Rules: counts of one week, by hour; bounded in hours and groups; a group is reported only when enough travellers are in it, so
that no figure is about a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from egate.faces.monitor.subject import ATTRIBUTES, Groups

HOURS_KEPT = 7 * 24
"""A rate of one in a thousand takes thousands of comparisons; a week of a busy lane gives millions."""

MOST_GROUPS = 400
"""Groups in one hour; States and nationalities are some 250, a lane sees a few dozen."""

FEWEST_TRAVELLERS = 10
"""Below, a group is not reported."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Comparisons, and how many of them erred: matched although of two people, or did not although of one."""

    comparisons: int = 0
    errors: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.comparisons + other.comparisons, self.errors + other.errors)


@dataclass(frozen=True, slots=True)
class Impostors:
    """One probe against the cached references of other people.

    `coinciding` counts, for each of `ATTRIBUTES`, the comparisons in which probe and reference are of the same group; `groups`
    are the probe's.
    """

    groups: Groups
    zero_effort: Tally
    coinciding: tuple[Tally, Tally, Tally, Tally] = (Tally(), Tally(), Tally(), Tally())


class Said(Enum):
    """What an officer said of a comparison that did not match."""

    NOTHING = "nothing"
    SAME_PERSON = "same_person"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Genuine:
    """One probe against the reference of the same document, and what the officer said where it did not match."""

    matched: bool
    said: Said = Said.NOTHING


Comparison = Impostors | Genuine


@dataclass(frozen=True, slots=True)
class GroupTally:
    """What was counted for a group, and of how many travellers."""

    tally: Tally = Tally()
    travellers: int = 0

    def __add__(self, other: GroupTally) -> GroupTally:
        return GroupTally(self.tally + other.tally, self.travellers + other.travellers)


GroupKey = tuple[str, str]
"""One of `ATTRIBUTES`, and the group."""


@dataclass(frozen=True, slots=True)
class HourCounts:
    """One hour. `travellers` were compared with strangers, `mistaken` of them matched one; `excluded` had nobody's word."""

    hour: int
    zero_effort: Tally = Tally()
    travellers: int = 0
    mistaken: int = 0
    genuine: Tally = Tally()
    excluded: int = 0
    groups: Mapping[GroupKey, GroupTally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MonitorState:
    """The hours in which something was counted, the oldest first."""

    hours: tuple[HourCounts, ...] = ()

    def forget(self, hour: int) -> MonitorState:
        """The state without hours that are over a week old; hours of the future (a clock that was set) go as well."""
        return MonitorState(tuple(known for known in self.hours if hour - HOURS_KEPT < known.hour <= hour))


def observe(state: MonitorState, comparison: Comparison, hour: int) -> MonitorState:
    """The state with one more comparison in this hour (whole hours since 1970 UTC)."""
    state = state.forget(hour)
    newest = state.hours[-1] if state.hours and state.hours[-1].hour == hour else HourCounts(hour)
    before = tuple(known for known in state.hours if known.hour != hour)
    counted = _impostors(newest, comparison) if isinstance(comparison, Impostors) else _genuine(newest, comparison)
    return MonitorState((*before, counted))


def total(state: MonitorState) -> HourCounts:
    """All hours as one, without the groups; its `hour` is the newest."""
    whole = HourCounts(state.hours[-1].hour if state.hours else 0)
    for known in state.hours:
        whole = replace(
            whole,
            zero_effort=whole.zero_effort + known.zero_effort,
            travellers=whole.travellers + known.travellers,
            mistaken=whole.mistaken + known.mistaken,
            genuine=whole.genuine + known.genuine,
            excluded=whole.excluded + known.excluded,
        )
    return whole


def all_groups(state: MonitorState) -> Mapping[GroupKey, GroupTally]:
    """Every group over all hours, by attribute and name."""
    groups: dict[GroupKey, GroupTally] = {}
    for known in state.hours:
        for key, group in known.groups.items():
            groups[key] = groups.get(key, GroupTally()) + group
    return dict(sorted(groups.items()))


def reported_groups(state: MonitorState) -> Mapping[GroupKey, GroupTally]:
    """The groups with enough travellers to tell nothing about one of them."""
    return {key: group for key, group in all_groups(state).items() if group.travellers >= FEWEST_TRAVELLERS}


def _impostors(hour: HourCounts, seen: Impostors) -> HourCounts:
    if seen.zero_effort.comparisons == 0:
        return hour
    groups = dict(hour.groups)
    for attribute, name, tally in zip(ATTRIBUTES, seen.groups.values, seen.coinciding, strict=True):
        known = (attribute, name) in groups
        if name and tally.comparisons and (known or len(groups) < MOST_GROUPS):
            groups[attribute, name] = groups.get((attribute, name), GroupTally()) + GroupTally(tally, 1)
    return replace(
        hour,
        zero_effort=hour.zero_effort + seen.zero_effort,
        travellers=hour.travellers + 1,
        mistaken=hour.mistaken + (seen.zero_effort.errors > 0),
        groups=groups,
    )


def _genuine(hour: HourCounts, seen: Genuine) -> HourCounts:
    if not seen.matched and seen.said is not Said.SAME_PERSON:
        return replace(hour, excluded=hour.excluded + 1)
    return replace(hour, genuine=hour.genuine + Tally(1, int(not seen.matched)))
