"""What one reading gathers: the session it talks through, the files, and how each protocol went.

Rule: gathering never judges; what a chip does wrong is noted as it was, with the status word where there was one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from egate.model.document import (
    ChipEvidence,
    ChipProof,
    ElementaryFile,
    MrzInformation,
    ProtocolOutcome,
    ProtocolState,
    ReadingProgress,
)
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.access_policy import DEFAULT_POLICY, AccessPolicy
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.file_reading import block_sizes, read_file
from egate.mrtd.quirks import Quirk
from egate.mrtd.secure_messaging import largest_read
from egate.mrtd.session import ChipSession

DEFAULT_RESPONSE_BYTES = 256
SMALLER_BLOCKS = (0x80, 0x60)
"""Plain bytes a block after a read broke the session once and twice; issued chips take 128, the oldest 96."""

Step = Generator[CommandApdu, ResponseApdu, None]
Attempt = Generator[CommandApdu, ResponseApdu, bool]
Progress = Callable[[ReadingProgress], None]


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read a chip with.

    `max_response_bytes` is the longest response APDU that reader and chip carry, status word included: 256 fits every
    contactless reader; more asks for extended lengths. `further_files` are read before DG2 (e.g. DG11). `policy` says which ways
    into the chip may be used; BAC comes first when it or `pace_before_bac` says so.
    """

    information: MrzInformation
    card_access_number: str = field(repr=False, default="")
    pace_before_bac: bool = True
    max_response_bytes: int = DEFAULT_RESPONSE_BYTES
    further_files: tuple[ElementaryFile, ...] = ()
    policy: AccessPolicy = DEFAULT_POLICY


class Gathering:
    """The evidence of one reading while it grows."""

    def __init__(self, request: ReadRequest, progress: Progress) -> None:
        self.session = ChipSession()
        self.request = request
        self.files: dict[ElementaryFile, bytes] = {}
        self.outcomes: list[ProtocolOutcome] = []
        self.proofs: list[ChipProof] = []
        self.remarks: list[ProtocolOutcome] = []
        self._progress = progress
        self._smaller_blocks = list(SMALLER_BLOCKS)
        self._block_limit = request.max_response_bytes

    def evidence(self) -> ChipEvidence:
        """What was gathered."""
        outcomes = (*self.outcomes, *self.remarks)
        return ChipEvidence(dict(self.files), outcomes, tuple(self.session.transcript), tuple(self.proofs))

    def meet(self, quirk: Quirk, sw: int | None = None, detail: str = "") -> None:
        """Note, once, that the chip does this and that it was answered as the table of quirks says.

        Quirks stand after the outcomes of the protocols, which alone say how access went.
        """
        if all(remark.variant != quirk.value for remark in self.remarks):
            self.remarks.append(ProtocolOutcome("quirk", ProtocolState.COMPLETED, quirk.value, sw, detail))

    def note(self, protocol: str, state: ProtocolState, variant: str = "", sw: int | None = None, detail: str = "") -> None:
        """Add the outcome of a protocol."""
        self.outcomes.append(ProtocolOutcome(protocol, state, variant, sw, detail))

    def note_failure(self, protocol: str, error: ChipError | MalformedData, variant: str = "") -> None:
        """Add the outcome of a protocol that failed: REFUSED by a status word other than success, otherwise BROKEN."""
        sw = status_word(error)
        state = ProtocolState.BROKEN if sw in {None, 0x9000} else ProtocolState.REFUSED
        self.note(protocol, state, variant, sw, error.problem)

    def state(self, protocol: str) -> ProtocolState:
        """The first state noted for a protocol."""
        states = [outcome.state for outcome in self.outcomes if outcome.protocol == protocol]
        return states[0] if states else ProtocolState.NOT_RUN

    def read_once(self, file: ElementaryFile) -> Generator[CommandApdu, ResponseApdu, bytes]:
        """Read a file in the blocks in force and return it; raises as `read_file` does."""
        secure, most = self.session.secure, self.request.max_response_bytes
        plain = min(self._block_limit, most - 2 if secure is None else largest_read(secure.suite, most))
        return read_file(file, block_sizes(plain), lambda done, total: self._progress(ReadingProgress(file, done, total)))

    def take_smaller_blocks(self) -> bool:
        """Read in smaller blocks from now on; False when there are none smaller."""
        if not self._smaller_blocks:
            return False
        self._block_limit = self._smaller_blocks.pop(0)
        return True


def status_word(error: ChipError | MalformedData) -> int | None:
    """The status word behind an error, None where there was none."""
    return error.sw if isinstance(error, ChipError) else None
