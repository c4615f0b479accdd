"""Draws the state diagrams of the documentation from the table: `python -m egate.lane.diagram` prints them (mermaid).

The diagrams are never edited by hand; a test compares them with `docs/lane.md`, and another proves each arrow by a walk.
"""

from __future__ import annotations

import sys

from egate.lane.settings import LaneSettings
from egate.lane.table import ONE_STEP_LACKS, OVERRIDES, TABLE
from egate.model.lane import LanePhase, Topology

LANES = (
    LaneSettings(topology=Topology.TWO_STEP, pipelined=True),
    LaneSettings(topology=Topology.ONE_STEP),
    LaneSettings(topology=Topology.SEGREGATED),
)
"""The lanes that are drawn: the man-trap with its pipelined arrows, and the other two."""


def mermaid(settings: LaneSettings) -> str:
    """The state diagram of such a lane in mermaid's notation, one line for each arrow; overrides leave from `any_phase`."""
    lines = ["stateDiagram-v2", f"    [*] --> {LanePhase.RESYNC.value}"]
    for override in OVERRIDES:
        lines += [f"    any_phase --> {phase.value}: {override.row.says}" for phase in override.row.leads_to]
    for before, rows in TABLE.items():
        if settings.topology is Topology.ONE_STEP and before in ONE_STEP_LACKS:
            continue
        for row in rows.values():
            lines += [f"    {before.value} --> {after.value}: {row.says}" for after in row.arrows(settings)]
    return "\n".join(lines) + "\n"


def blocks() -> str:
    """Every diagram under the name of its topology, as the documentation holds them."""
    texts = (f"### {entry.topology.value}\n\n```mermaid\n{mermaid(entry)}```\n" for entry in LANES)
    return "\n".join(texts)


if __name__ == "__main__":
    sys.stdout.write(blocks())
