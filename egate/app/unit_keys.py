"""The secure channel keys of a gate's units: one for all of them, or a line `ADDRESS KEY` for each.

The rule: what is in such a file shows in no message, and a file with anything else in it holds no keys of units.
"""

from __future__ import annotations

import re

MOST_KEYS = 8  # as many as units on one line
_UNIT_KEY = re.compile(r"([0-9]{1,3}) +([0-9a-fA-F]{32})")


def parse_unit_keys(text: str) -> dict[int, bytes]:
    """The keys by address; empty when the text is no list of units with one key each."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [_UNIT_KEY.fullmatch(line) for line in lines[:MOST_KEYS]]
    keys = {int(match[1]): bytes.fromhex(match[2]) for match in found if match}
    return keys if len(keys) == len(lines) else {}
