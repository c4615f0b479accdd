"""Draws the state diagram of the documentation from the table: `python -m egate.lane.diagram` prints it (mermaid).

The diagram is never edited by hand; a test compares it with `docs/lane.md`, and another proves each arrow by a walk.
"""

from __future__ import annotations

import sys

from egate.lane.table import OVERRIDES, TABLE
from egate.model.lane import LanePhase


def mermaid() -> str:
    """The state diagram in mermaid's notation, one line for each arrow; overrides leave from `any_phase`."""
    lines = ["stateDiagram-v2", f"    [*] --> {LanePhase.RESYNC.value}"]
    for override in OVERRIDES:
        lines += [f"    any_phase --> {phase.value}: {override.row.says}" for phase in override.row.leads_to]
    for before, rows in TABLE.items():
        for row in rows.values():
            lines += [f"    {before.value} --> {after.value}: {row.says}" for after in row.leads_to]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(mermaid())
