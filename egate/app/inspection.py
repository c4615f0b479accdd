"""Carries a chip dialogue over a reader: the dialogue says what to ask, the reader carries bytes, nobody judges.

Transport errors (`ChipLost`, `DeviceError`) end the dialogue and pass through to the caller; whatever the chip itself does wrong
is in the evidence.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from egate.model.document import ChipEvidence, Mrz, ReadingProgress
from egate.model.errors import MalformedData
from egate.mrtd.apdu import ResponseApdu
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.reading import ReadRequest, read_chip
from egate.ports import ChipReader


def parse_lines(lines: tuple[str, ...]) -> Mrz | None:
    """The machine readable zone, or None when the reader did not get a whole one (upside down, wrong page)."""
    try:
        return parse_mrz(lines)
    except MalformedData:
        return None


async def gather_chip(reader: ChipReader, request: ReadRequest, progress: Callable[[ReadingProgress], None]) -> ChipEvidence:
    """Read the chip on the reader from first command to last; keys die with the dialogue."""
    dialogue = read_chip(request, secrets.token_bytes, progress)
    try:
        command = next(dialogue)
        while True:
            response = await reader.transceive(command.to_bytes())
            try:
                answer = ResponseApdu.from_bytes(response)
            except MalformedData as error:  # what the chip did wrong belongs into the evidence
                command = dialogue.throw(error)
            else:
                command = dialogue.send(answer)
    except StopIteration as done:
        evidence: ChipEvidence = done.value
        return evidence
    finally:
        dialogue.close()
