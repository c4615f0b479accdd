"""The worlds of the walk: each small enough to be walked to its end, together every way to go wrong, in every topology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from egate.lane.settings import LaneSettings
from egate.model.lane import OfficerAction, Topology
from tests.unit.lane.walk import QUICK
from tests.unit.lane.walk_world import Scope

SEGREGATED = replace(QUICK, topology=Topology.SEGREGATED)
ONE_STEP = replace(QUICK, topology=Topology.ONE_STEP)
PIPELINED = replace(QUICK, pipelined=True)

_CLEAR, _RELEASE = OfficerAction.CLEAR, OfficerAction.RELEASE_TO_ENTRY
WIRE = Scope(flying=1, persons=1, crash=False, emergency=False, late_work=False, officers=())
"""Commands and acknowledgements are lost, reports come late, doors are pushed, one person."""

DIRECT = Scope(flying=0, persons=1, crash=False, emergency=False, late_work=False, late_reports=False, officers=())
"""A wire without delay or loss, for worlds that are large in other ways."""

WORLDS: Mapping[str, tuple[Scope, LaneSettings]] = {
    "people": (replace(WIRE, persons=2, officers=(_CLEAR,)), QUICK),
    "crash": (replace(WIRE, crash=True, officers=(_RELEASE,)), QUICK),
    "emergency": (replace(WIRE, emergency=True), QUICK),
    "answers": (replace(DIRECT, gate_lost=True, officers=tuple(OfficerAction)), QUICK),
    "records": (replace(DIRECT, records=2, late_work=True, officers=(_CLEAR,)), QUICK),
    "families": (replace(DIRECT, persons=2, families=True, officers=(_CLEAR, _RELEASE, OfficerAction.HOLD)), QUICK),
    "object": (replace(DIRECT, contacts=("object_left",), officers=(_RELEASE,)), QUICK),
    "obstacle": (replace(DIRECT, contacts=("intrusion", "obstructed"), officers=(_RELEASE,)), QUICK),
    "battery": (replace(DIRECT, contacts=("power",), officers=(_RELEASE,)), QUICK),
    "station": (replace(DIRECT, service=True, crash=True, officers=(_RELEASE,)), QUICK),
    "one step": (replace(WIRE, single=True, persons=2, officers=(_CLEAR, _RELEASE)), ONE_STEP),
    "one step, emergency": (
        replace(DIRECT, single=True, emergency=True, crash=True, late_work=True, officers=(_CLEAR,)),
        ONE_STEP,
    ),
    "segregated": (replace(WIRE, officers=(_CLEAR, _RELEASE)), SEGREGATED),
    "pipelined": (replace(WIRE, officers=(_CLEAR,)), PIPELINED),
    "pipelined, people": (replace(DIRECT, persons=2, crash=True, emergency=True, officers=(_CLEAR,)), PIPELINED),
    "pipelined, closed": (replace(DIRECT, service=True, officers=(_RELEASE,)), PIPELINED),
}
