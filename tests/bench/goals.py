"""The goals for speed that the project set itself before it measured anything, and which row of the benchmarks answers each.

Rule: a goal names its row and its limit and nothing else, so that a measurement cannot be chosen to fit. A row that is not there
is said to be missing, never left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.bench.row import BenchRow

SHORT = "PACE + CA + DG2 of 15 kB, short APDUs"
LONG = "PACE + CA + DG2 of 15 kB, 4 kB responses"
WHOLE_READ = "CPU of a whole read, passive authentication and decision"
LEFT_TO_JUDGE = "judging left when the last byte of DG2 is there"
_ON_AIR = "424 kbit/s and 10 ms an APDU"
_MESSAGING = "secure messaging, one APDU of 224 B"


@dataclass(frozen=True, slots=True)
class Goal:
    """What was asked (`words`), the row that measures it, and the most that its value may be in the row's unit.

    Where `most` is None the row's own yardstick is the limit: something that is measured in the same run.
    """

    words: str
    row: str
    most: float | None

    def measured(self, rows: Iterable[BenchRow]) -> BenchRow | None:
        """The first row of that name."""
        return next((row for row in rows if row.name == self.row), None)


GOALS = (
    Goal("software per APDU of 224 bytes, AES-128, codec included", f"{_MESSAGING}, aes-128", 60.0),
    Goal("software per APDU of 224 bytes, AES-256, codec included", f"{_MESSAGING}, aes-256", 60.0),
    Goal("software per APDU of 224 bytes, 3DES, codec included", f"{_MESSAGING}, 3des", 150.0),
    Goal("CPU of a whole read with passive authentication, without JPEG 2000", WHOLE_READ, 60.0),
    Goal("PACE-GM, CA, DG1, DG14, SOD, 15 kB DG2 in short APDUs", SHORT, 92.0),
    Goal("the same with 4 kB blocks", LONG, 24.0),
    Goal("the same at 424 kbit/s and 10 ms per APDU, short", f"{SHORT}, {_ON_AIR}", 2.0),
    Goal("the same at 424 kbit/s and 10 ms per APDU, 4 kB blocks", f"{LONG}, {_ON_AIR}", 1.2),
    Goal("nothing but the portrait's decoding left after the last byte of DG2", LEFT_TO_JUDGE, None),
    Goal("trust store with 588 certificates, from the raw list", "trust store, 588 certificates, raw list", 600.0),
    Goal("trust store with 588 certificates, from the cache", "trust store, 588 certificates, verified cache", 150.0),
    Goal("one face searched exactly among 100,000", "face search: 100 k × 128, candidates above a threshold", 20.0),
    Goal("one face searched exactly among a million", "face search: 1 M × 128, candidates above a threshold", 100.0),
)
