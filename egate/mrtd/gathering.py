"""What one reading gathers: the session it talks through, the files, and how each protocol went.

Rule: gathering never judges; what a chip does wrong is noted as it was, with the status word where there was one. What a reading
that was interrupted leaves behind is a `PartialReading`, which counts only for a document that shows the same EF.SOD again.
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
from egate.mrtd.apdu import MAX_SHORT_LE, CommandApdu, ResponseApdu
from egate.mrtd.file_reading import FileReader, PartialFile, Reading, ReadingHabits, ReadingTerms
from egate.mrtd.quirks import Quirk
from egate.mrtd.secure_messaging import largest_read
from egate.mrtd.session import ChipSession
from egate.mrtd.signed_files import SignedFiles, signed_files
from egate.mrtd.terminal_auth import TerminalCredentials

DEFAULT_RESPONSE_BYTES = MAX_SHORT_LE

Step = Generator[CommandApdu, ResponseApdu, None]
Attempt = Generator[CommandApdu, ResponseApdu, bool]
Progress = Callable[[ReadingProgress], None]
OnFile = Callable[[ElementaryFile, bytes], None]


def _ignore_file(file: ElementaryFile, data: bytes) -> None:
    del file, data


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read a chip with.

    `max_response_bytes` is the longest response APDU that the reader carries, status word included: 256 fits every
    contactless reader; more asks for extended lengths where the chip says that it carries them, in EF.ATR/INFO or in the card
    capabilities of its `historical_bytes`. `terminal` proves the right to DG3 and DG4, which must be asked for like any
    other; of credentials from several States those that the chip knows are used. `further_files` are read before DG2 (e.g.
    DG11), `later_files` after it, both only where the document lists them. `on_file` learns of each file as soon as it is
    there. `policy` says which ways into the chip may be used; BAC comes first when it or `pace_before_bac` says so.
    """

    information: MrzInformation
    card_access_number: str = field(repr=False, default="")
    pace_before_bac: bool = True
    max_response_bytes: int = DEFAULT_RESPONSE_BYTES
    further_files: tuple[ElementaryFile, ...] = ()
    policy: AccessPolicy = DEFAULT_POLICY
    later_files: tuple[ElementaryFile, ...] = ()
    historical_bytes: bytes = b""
    terminal: tuple[TerminalCredentials, ...] = field(repr=False, compare=False, default=())
    on_file: OnFile = field(repr=False, compare=False, default=_ignore_file)


@dataclass(slots=True)
class PartialReading:
    """What a reading leaves behind when the chip is lost: files, the file under way, and what the document taught about blocks.

    Its owner keeps it between two readings and drops it afterwards; it holds personal data and no keys.
    """

    information: MrzInformation | None = None
    files: dict[ElementaryFile, bytes] = field(repr=False, default_factory=dict)
    begun: PartialFile | None = field(repr=False, default=None)
    habits: ReadingHabits = field(default_factory=ReadingHabits)

    def forget(self) -> None:
        """Drop everything."""
        self.information, self.begun, self.habits = None, None, ReadingHabits()
        self.files.clear()


class Gathering:
    """The evidence of one reading while it grows."""

    def __init__(self, request: ReadRequest, progress: Progress, partial: PartialReading | None = None) -> None:
        self.session = ChipSession()
        self.request = request
        self.files: dict[ElementaryFile, bytes] = {}
        self.outcomes: list[ProtocolOutcome] = []
        self.proofs: list[ChipProof] = []
        self.remarks: list[ProtocolOutcome] = []
        self._progress = progress
        self._kept = partial if partial is not None else PartialReading()
        if self._kept.information != request.information:
            self._kept.forget()
            self._kept.information = request.information
        self._undecided = ElementaryFile.SOD in self._kept.files
        if not self._undecided:
            self._drop_earlier()
        self._begun: PartialFile | None = None
        self.listed: SignedFiles | None = None
        self.reader = FileReader(self._kept.habits, ReadingTerms(self._capacity, self.meet, self._tell))

    def evidence(self) -> ChipEvidence:
        """What was gathered."""
        outcomes = (*self.outcomes, *self.remarks)
        return ChipEvidence(dict(self.files), outcomes, tuple(self.session.transcript), tuple(self.proofs))

    # -- outcomes -----------------------------------------------------------------------------------------------------

    def note(self, protocol: str, state: ProtocolState, variant: str = "", sw: int | None = None, detail: str = "") -> None:
        """Add the outcome of a protocol."""
        self.outcomes.append(ProtocolOutcome(protocol, state, variant, sw, detail))

    def note_failure(self, protocol: str, error: ChipError | MalformedData, variant: str = "") -> None:
        """Add the outcome of a protocol that failed: REFUSED by a status word other than success, otherwise BROKEN."""
        self.outcomes.append(failure(protocol, error, variant))

    def meet(self, quirk: Quirk, sw: int | None = None, detail: str = "") -> None:
        """Note, once, that the chip does this and that it was answered as the table of quirks says.

        Quirks stand after the outcomes of the protocols, which alone say how access went.
        """
        if all(remark.variant != quirk.value for remark in self.remarks):
            self.remarks.append(ProtocolOutcome("quirk", ProtocolState.COMPLETED, quirk.value, sw, detail))

    def state(self, protocol: str) -> ProtocolState:
        """The first state noted for a protocol."""
        states = [outcome.state for outcome in self.outcomes if outcome.protocol == protocol]
        return states[0] if states else ProtocolState.NOT_RUN

    # -- files --------------------------------------------------------------------------------------------------------

    def read_once(self, file: ElementaryFile) -> Reading:
        """Read a file in the blocks in force and return it, going on where it was interrupted; raises as `FileReader.read`."""
        begun = self._begun
        if begun is None or begun.file is not file:
            begun = PartialFile(file)
            self._set_begun(begun)
        data = yield from self.reader.read(begun)
        if begun.resumed and self.listed is not None and self.listed.contradicts(file, data):
            begun.clear()  # what two sessions brought together is not what was signed: only a whole reading tells
            data = yield from self.reader.read(begun)
        self._set_begun(None)
        return data

    def _set_begun(self, begun: PartialFile | None) -> None:
        self._begun = begun
        if not self._undecided:
            self._kept.begun = begun

    def received_of(self, file: ElementaryFile) -> int:
        """How many bytes of a file that is under way have arrived."""
        return len(self._begun.data) if self._begun is not None and self._begun.file is file else 0

    def keep(self, file: ElementaryFile, data: bytes) -> None:
        """Take a file into the evidence, and tell whoever waits for it."""
        self.files[file] = data
        if file.in_application and not self._undecided:
            self._kept.files[file] = data
        if file is ElementaryFile.SOD:
            self.listed = signed_files(data)
        self.request.on_file(file, data)

    @property
    def was_interrupted(self) -> bool:
        """Whether an earlier reading left files that are neither taken up nor dropped yet."""
        return self._undecided

    def take_up(self) -> None:
        """Take up what an earlier reading left, once EF.SOD was read again: all of it when EF.SOD is the same, else nothing.

        Files that were whole are taken in; bytes of the file under way are gone on with.
        """
        self._undecided = False
        if self.files.get(ElementaryFile.SOD) != self._kept.files[ElementaryFile.SOD]:
            self._drop_earlier()
            self._kept.files.update((file, data) for file, data in self.files.items() if file.in_application)
            self.note("resumption", ProtocolState.REFUSED, detail="the security object is another; nothing was kept")
            return
        earlier = {file: data for file, data in self._kept.files.items() if file not in self.files}
        for file, data in earlier.items():
            self.keep(file, data)
        self._begun = self._kept.begun
        detail = f"{len(earlier)} files and {len(self._begun.data) if self._begun else 0} bytes of another were kept"
        self.note("resumption", ProtocolState.COMPLETED, detail=detail)

    def _drop_earlier(self) -> None:
        self._kept.files.clear()
        self._kept.begun = None

    def _capacity(self, response_bytes: int) -> int:
        """How many plain bytes a response carries in the session in force."""
        most = min(response_bytes, self.request.max_response_bytes)
        secure = self.session.secure
        return most - 2 if secure is None else largest_read(secure.suite, most)

    def _tell(self, file: ElementaryFile, done: int, total: int) -> None:
        self._progress(ReadingProgress(file, done, total))


def status_word(error: ChipError | MalformedData) -> int | None:
    """The status word behind an error, None where there was none."""
    return error.sw if isinstance(error, ChipError) else None


def failure(protocol: str, error: ChipError | MalformedData, variant: str = "") -> ProtocolOutcome:
    """The outcome of a protocol that failed: REFUSED by a status word other than success, otherwise BROKEN."""
    sw = status_word(error)
    state = ProtocolState.BROKEN if sw in {None, 0x9000} else ProtocolState.REFUSED
    return ProtocolOutcome(protocol, state, variant, sw, error.problem)
