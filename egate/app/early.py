"""Work done while DG2 is still in transfer: passive authentication, the lists, and the portrait right after its last byte.

Rule: what was found early is what would have been found later. It is a pure function of bytes that do not change any more, and is
used only for evidence that holds those very bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from egate.model.document import ChipEvidence, ElementaryFile
from egate.model.watchlist import Hit
from egate.pki.passive_auth import SecurityObjectFindings

Result = TypeVar("Result")


class EarlyWork:
    """One passage's early work: `look` inspects EF.SOD and `search` the lists, in threads; `portrait` takes DG2."""

    def __init__(
        self,
        look: Callable[[bytes], SecurityObjectFindings],
        search: Callable[[], tuple[Hit, ...]],
        portrait: Callable[[bytes], None],
    ) -> None:
        self._look, self._search, self._portrait = look, search, portrait
        self._sod, self._dg2 = b"", b""
        self._looked: asyncio.Task[SecurityObjectFindings] | None = None
        self._found: asyncio.Task[tuple[Hit, ...]] | None = None

    def begin(self) -> None:
        """The MRZ is known: search the lists while the chip is opened."""
        if self._found is None:
            self._found = _in_thread(self._search)

    def on_file(self, file: ElementaryFile, data: bytes) -> None:
        """A file is there; told again by a reading that was taken up, nothing is done twice."""
        if file is ElementaryFile.SOD and data != self._sod:
            self._sod = data
            self._looked = _in_thread(lambda: self._look(data))
        elif file is ElementaryFile.DG2:
            self._dg2 = data
            self._portrait(data)

    async def security_object(self, evidence: ChipEvidence | None) -> SecurityObjectFindings | None:
        """What was found about the evidence's EF.SOD; None when that was not looked at."""
        sod = evidence.files.get(ElementaryFile.SOD) if evidence else None
        return await self._looked if self._looked is not None and sod == self._sod else None

    def prepared_portrait_is_of(self, evidence: ChipEvidence) -> bool:
        """Whether the portrait that was prepared last is the one whose hash will be checked."""
        return evidence.files.get(ElementaryFile.DG2, b"") == self._dg2

    async def hits(self) -> tuple[Hit, ...]:
        """What the lists say."""
        self.begin()
        return await self._found if self._found is not None else ()


def _in_thread(work: Callable[[], Result]) -> asyncio.Task[Result]:
    """Work in a thread; a passage that is abandoned asks for no result, and then an error in it is of no interest."""
    task = asyncio.get_running_loop().create_task(asyncio.to_thread(work))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
