"""The chip session as a dialogue: access, files, proof that the chip is genuine, and the face last.

Sources: ICAO Doc 9303-11 §4.2 (order of access), §6 (authentication of the chip), Doc 9303-10 §4. Rule: gathering never judges.
What a chip does wrong becomes a `ProtocolOutcome` and reading goes on as far as it can; the dialogue returns what it has. Only
the loss of the chip or of the device passes through as an error. No key outlives the dialogue.

The order, with the same numbers at the steps:

1. Access by PACE, else by BAC, or the other way round; a protocol that failed stays in the evidence, so a fall-back shows.
2. EF.COM, EF.SOD, DG1, DG14 and whatever else is asked for.
3. Chip authentication where DG14 offers it; only an answer under the new keys completes it. Then DG15.
4. Active authentication where the chip did not prove itself by then, was not caught, and has DG15.
5. DG2, the longest, last.

Outcomes: `pace`, `bac`, `chip_authentication`, `active_authentication`; `application` when it could not be selected; `file`
(variant: its name) when a file is there but could not be read; `secure_messaging` when a session broke. An optional file that
is absent leaves no outcome. A session that broke is opened again a few times, in smaller blocks where a length may have broken
it, because chips of the field answer lengths they dislike, and files they lack, without protection. What is read afterwards is as
well protected as before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from egate.model.document import ChipEvidence, ElementaryFile, MrzInformation, ProtocolOutcome, ProtocolState, ReadingProgress
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.active_auth import CHALLENGE_BYTES, internal_authenticate, verify_response
from egate.mrtd.agreement import Entropy, agreement_by_id
from egate.mrtd.apdu import SW_FILE_NOT_FOUND, SW_SECURITY_STATUS, CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.chip_auth import ChipAuthenticationWay, chip_authentication, choose_chip_authentication
from egate.mrtd.file_reading import BlockSizes, FileAbsent, block_sizes, read_file
from egate.mrtd.keys import mrz_password
from egate.mrtd.lds import parse_dg15
from egate.mrtd.pace import PacePassword, choose_pace, pace
from egate.mrtd.secure_messaging import SecureMessaging, largest_read
from egate.mrtd.security_infos import DH_GENERIC, PaceInfo, SecurityInfos, parse_card_access, parse_dg14
from egate.mrtd.session import ChipSession

APPLICATION = bytes.fromhex("A0000002471001")
"""The application identifier of the eMRTD application (Doc 9303-10 §3.4)."""
SMALLER_BLOCKS = (0x80, 0x60)
"""Plain bytes a block after a read broke the session once and twice; issued chips take 128, the oldest 96."""
MAX_REOPENINGS = 4
"""Two for lengths and two for files that a chip lacks; each costs the time of the access protocol."""
DEFAULT_RESPONSE_BYTES = 256

_SELECT_MASTER_FILE = CommandApdu(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00")
_SELECT_APPLICATION = CommandApdu(0x00, 0xA4, 0x04, 0x0C, APPLICATION)
_NO_SUCH_INSTRUCTION = frozenset({0x6D00, 0x6E00})
_BEGIN_OF_DG14 = CommandApdu(0x00, 0xB0, 0x80 | ElementaryFile.DG14.short_id, 0x00, le=8)
_NOT_ABOUT_LENGTH = frozenset({SW_FILE_NOT_FOUND, SW_SECURITY_STATUS})
_LENGTH_TROUBLE = frozenset({0x6700, 0x6B00, 0x6F00})
_FIRST_FILES = (ElementaryFile.COM, ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG14)

Step = Generator[CommandApdu, ResponseApdu, None]
Attempt = Generator[CommandApdu, ResponseApdu, bool]
Progress = Callable[[ReadingProgress], None]


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read a chip with.

    `max_response_bytes` is the longest response APDU that reader and chip carry, status word included: 256 fits every
    contactless reader; more asks for extended lengths. `further_files` are read before DG2 (e.g. DG11).
    """

    information: MrzInformation
    card_access_number: str = field(repr=False, default="")
    pace_before_bac: bool = True
    max_response_bytes: int = DEFAULT_RESPONSE_BYTES
    further_files: tuple[ElementaryFile, ...] = ()


def read_chip(request: ReadRequest, entropy: Entropy, progress: Progress) -> Generator[CommandApdu, ResponseApdu, ChipEvidence]:
    """Read a chip and return the evidence. Raises nothing of its own; what the caller throws in passes through.

    `entropy` gives random bytes, `progress` learns of each block. The caller sends each command that is yielded and sends the
    response back, or throws ChipLost or DeviceError.
    """
    reader = _Reader(request, entropy, progress)
    try:
        yield from reader.session.carried(reader.run())
    finally:
        reader.session.end()
    return reader.evidence()


class _Ended(Exception):
    """Nothing more can be read."""


def _failure(error: ChipError | MalformedData) -> ProtocolState:
    """A status word other than success is a refusal; anything else broke the protocol."""
    refused = isinstance(error, ChipError) and error.sw not in {None, 0x9000}
    return ProtocolState.REFUSED if refused else ProtocolState.BROKEN


def _select_leniently(command: CommandApdu) -> Step:
    """Select and go on in any case: chips of the field refuse selections that they do not need."""
    try:
        yield command
    except ChipError:
        return


class _Reader:
    """The state of one reading. Its methods yield plain commands."""

    def __init__(self, request: ReadRequest, entropy: Entropy, progress: Progress) -> None:
        self.session = ChipSession()
        self._request = request
        self._entropy = entropy
        self._progress = progress
        self._files: dict[ElementaryFile, bytes] = {}
        self._outcomes: list[ProtocolOutcome] = []
        self._open_again: Callable[[], Generator[CommandApdu, ResponseApdu, SecureMessaging]] | None = None
        self._smaller_blocks = list(SMALLER_BLOCKS)
        self._block_limit = request.max_response_bytes
        self._reopenings = MAX_REOPENINGS

    def evidence(self) -> ChipEvidence:
        """What was gathered."""
        return ChipEvidence(dict(self._files), tuple(self._outcomes), tuple(self.session.transcript))

    def run(self) -> Step:
        """The numbered plan of the module."""
        try:
            yield from self._access()  # 1
            for file in (*_FIRST_FILES, *self._request.further_files):  # 2
                yield from self._read(file)
            infos = self._chip_infos()
            yield from self._authenticate_chip(infos)  # 3
            yield from self._authenticate_actively(infos)  # 4
            yield from self._read(ElementaryFile.DG2)  # 5
        except _Ended:
            return

    # Access

    def _access(self) -> Step:
        order = (self._by_pace, self._by_bac) if self._request.pace_before_bac else (self._by_bac, self._by_pace)
        for protocol in order:
            if (yield from protocol()):
                return
        if not (self._is_unprotected() and (yield from self._select_application())):
            raise _Ended

    def _is_unprotected(self) -> bool:
        """A chip that offers neither protocol may be read as it is; one that refused a protocol may not."""
        return all(outcome.state is ProtocolState.NOT_OFFERED for outcome in self._outcomes)

    def _by_pace(self) -> Attempt:
        info = yield from self._offered_pace()
        if info is None:
            return False
        variant = _pace_variant(info)

        def open_session() -> Generator[CommandApdu, ResponseApdu, SecureMessaging]:
            return pace(info, self._password(), self._entropy)

        if not (yield from self._opened("pace", variant, open_session)):
            return False
        if not (yield from self._select_application()):
            self.session.end()
            return False

        def open_again() -> Generator[CommandApdu, ResponseApdu, SecureMessaging]:
            yield from _select_leniently(_SELECT_MASTER_FILE)
            return (yield from open_session())

        self._open_again = open_again
        return True

    def _offered_pace(self) -> Generator[CommandApdu, ResponseApdu, PaceInfo | None]:
        """Read EF.CardAccess and choose; None, with its outcome, when there is nothing to run."""
        data = yield from self._card_access()
        if data is None:
            return None
        self._files[ElementaryFile.CARD_ACCESS] = data
        try:
            info = choose_pace(parse_card_access(data).pace)
        except MalformedData:
            self._note("pace", ProtocolState.BROKEN, detail="EF.CardAccess is malformed")
            return None
        if info is None:
            self._note("pace", ProtocolState.NOT_OFFERED, detail="no variant that this reader speaks")
        return info

    def _card_access(self) -> Generator[CommandApdu, ResponseApdu, bytes | None]:
        """EF.CardAccess, which lies in the master file; some chips, and all in which BAC was tried, want that selected first."""
        sw: int | None = None
        for select_first in (False, True):
            if self._outcomes and not select_first:
                continue
            if select_first:
                yield from _select_leniently(_SELECT_MASTER_FILE)
            try:
                return (yield from self._read_once(ElementaryFile.CARD_ACCESS))
            except (ChipError, MalformedData) as error:
                sw = error.sw if isinstance(error, ChipError) else None
        self._note("pace", ProtocolState.NOT_OFFERED, "", sw, "no readable EF.CardAccess")
        return None

    def _password(self) -> PacePassword:
        can = self._request.card_access_number
        return (
            PacePassword(2, can.encode("latin-1", "replace")) if can else PacePassword(1, mrz_password(self._request.information))
        )

    def _by_bac(self) -> Attempt:
        if not (yield from self._select_application()):
            return False

        def open_session() -> Generator[CommandApdu, ResponseApdu, SecureMessaging]:
            return basic_access(self._request.information, self._entropy)

        if not (yield from self._opened("bac", "3des", open_session)):
            return False

        def open_again() -> Generator[CommandApdu, ResponseApdu, SecureMessaging]:
            yield from _select_leniently(_SELECT_APPLICATION)
            return (yield from open_session())

        self._open_again = open_again
        return True

    def _opened(
        self, protocol: str, variant: str, dialogue: Callable[[], Generator[CommandApdu, ResponseApdu, SecureMessaging]]
    ) -> Attempt:
        """Run an access protocol, note how it went, and begin the session it yields."""
        try:
            secure = yield from dialogue()
        except (ChipError, MalformedData) as error:
            sw = error.sw if isinstance(error, ChipError) else None
            offered = not (protocol == "bac" and sw in _NO_SUCH_INSTRUCTION)
            self._note(protocol, _failure(error) if offered else ProtocolState.NOT_OFFERED, variant, sw, error.problem)
            return False
        self.session.begin(secure)
        self._note(protocol, ProtocolState.COMPLETED, variant, 0x9000)
        return True

    def _select_application(self) -> Attempt:
        try:
            response = yield _SELECT_APPLICATION
        except ChipError as error:
            self._note("application", ProtocolState.BROKEN, "", error.sw, error.problem)
            return False
        if not response.ok:
            self._note("application", ProtocolState.REFUSED, "", response.sw, "the application could not be selected")
        return response.ok

    # Files

    def _blocks(self) -> BlockSizes:
        secure = self.session.secure
        most = self._request.max_response_bytes
        return block_sizes(min(self._block_limit, most - 2 if secure is None else largest_read(secure.suite, most)))

    def _read_once(self, file: ElementaryFile) -> Generator[CommandApdu, ResponseApdu, bytes]:
        return read_file(file, self._blocks(), lambda done, total: self._progress(ReadingProgress(file, done, total)))

    def _read(self, file: ElementaryFile) -> Step:
        """Read a file into the evidence, with smaller blocks where the chip chokes on large ones."""
        while True:
            try:
                self._files[file] = yield from self._read_once(file)
                return
            except FileAbsent:
                return
            except (ChipError, MalformedData) as error:
                if not (yield from self._may_try_again(file, error)):
                    return

    def _may_try_again(self, file: ElementaryFile, error: ChipError | MalformedData) -> Attempt:
        """Whether the file should be read again, in smaller blocks; a broken session is opened again for the files to come."""
        sw = error.sw if isinstance(error, ChipError) else None
        broken = self.session.broken
        about_length = sw in _LENGTH_TROUBLE or (broken and sw not in _NOT_ABOUT_LENGTH)
        smaller = about_length and self._take_smaller_blocks()
        if broken:
            self._note("secure_messaging", ProtocolState.BROKEN, file.name, sw, error.problem)
            yield from self._open_session_again()
        if not smaller:
            self._note("file", _failure(error), file.name, sw, error.problem)
        return smaller

    def _take_smaller_blocks(self) -> bool:
        if not self._smaller_blocks:
            return False
        self._block_limit = self._smaller_blocks.pop(0)
        return True

    def _open_session_again(self) -> Step:
        """Run the access protocol that had succeeded once more; raises _Ended when that does not work."""
        self.session.end()
        if self._open_again is None or self._reopenings == 0:
            raise _Ended
        self._reopenings -= 1
        try:
            secure = yield from self._open_again()
        except (ChipError, MalformedData) as error:
            sw = error.sw if isinstance(error, ChipError) else None
            self._note("secure_messaging", _failure(error), "", sw, "the session could not be opened again")
            raise _Ended from None
        self.session.begin(secure)
        if not (yield from self._select_application()):
            raise _Ended

    # Is the chip genuine?

    def _chip_infos(self) -> SecurityInfos | None:
        """What DG14 offers, None when it is absent or malformed, with the outcome that follows from that."""
        data = self._files.get(ElementaryFile.DG14)
        if data is None:
            self._note("chip_authentication", ProtocolState.NOT_OFFERED, detail="no DG14")
            return None
        try:
            return parse_dg14(data)
        except MalformedData as error:
            self._note("chip_authentication", ProtocolState.BROKEN, detail=f"DG14: {error.problem}")
            return None

    def _authenticate_chip(self, infos: SecurityInfos | None) -> Step:
        """Chip authentication, completed by the first answer under the new keys; then DG15, which either proof may need."""
        way = choose_chip_authentication(infos) if infos is not None else None
        if way is not None:
            if (yield from self._changed_keys(way)):
                yield from self._prove_keys(way)
        elif infos is not None:
            detail = "no variant that this reader speaks" if infos.chip_authentication_keys else "not in DG14"
            self._note("chip_authentication", ProtocolState.NOT_OFFERED, detail=detail)
        yield from self._read(ElementaryFile.DG15)

    def _changed_keys(self, way: ChipAuthenticationWay) -> Attempt:
        """Run the protocol and go on under its keys."""
        try:
            secure = yield from chip_authentication(way, self._entropy)
        except ChipError as error:
            self._note("chip_authentication", _failure(error), _chip_variant(way), error.sw, error.problem)
            if self.session.broken:
                yield from self._open_session_again()
            return False
        self.session.begin(secure)
        return True

    def _prove_keys(self, way: ChipAuthenticationWay) -> Step:
        """One command under the new keys, whose answer only the genuine chip can give; a clone's session is opened anew.

        It asks for the begin of DG14, which is there; a refusal that is protected proves the keys just as well.
        """
        secure, sw = self.session.secure, None
        try:
            yield _BEGIN_OF_DG14
        except ChipError as error:
            sw = error.sw
        if secure is not None and secure.answered:
            self._note("chip_authentication", ProtocolState.COMPLETED, _chip_variant(way), 0x9000)
            return
        detail = "the chip does not hold the key that DG14 announces"
        self._note("chip_authentication", ProtocolState.BROKEN, _chip_variant(way), sw, detail)
        yield from self._open_session_again()

    def _authenticate_actively(self, infos: SecurityInfos | None) -> Step:
        """Active authentication with a fresh challenge; COMPLETED only when the signature verified."""
        data = self._files.get(ElementaryFile.DG15)
        if data is None:
            self._note("active_authentication", ProtocolState.NOT_OFFERED, detail="no DG15")
            return
        if self._chip_state() in {ProtocolState.COMPLETED, ProtocolState.BROKEN}:
            return
        challenge = self._entropy(CHALLENGE_BYTES)
        algorithm = infos.active_authentication if infos else None
        try:
            key = parse_dg15(data)
            signature = yield from internal_authenticate(challenge)
            variant = verify_response(key, challenge, signature, algorithm)
        except (ChipError, MalformedData) as error:
            sw = error.sw if isinstance(error, ChipError) else None
            self._note("active_authentication", _failure(error), "", sw, error.problem)
            if self.session.broken:
                yield from self._open_session_again()
            return
        self._note("active_authentication", ProtocolState.COMPLETED, variant, 0x9000)

    def _chip_state(self) -> ProtocolState:
        states = [outcome.state for outcome in self._outcomes if outcome.protocol == "chip_authentication"]
        return states[0] if states else ProtocolState.NOT_RUN

    def _note(self, protocol: str, state: ProtocolState, variant: str = "", sw: int | None = None, detail: str = "") -> None:
        self._outcomes.append(ProtocolOutcome(protocol, state, variant, sw, detail))


def _pace_variant(info: PaceInfo) -> str:
    """E.g. `ecdh-gm-aes-128-brainpoolP256r1`."""
    agreement = agreement_by_id(-1 if info.parameter_id is None else info.parameter_id)
    kind = "dh-gm" if info.mapping == DH_GENERIC else "ecdh-gm"
    return f"{kind}-{info.suite.word if info.suite else ''}-{agreement.name if agreement else ''}"


def _chip_variant(way: ChipAuthenticationWay) -> str:
    """E.g. `ecdh-aes-128-brainpoolP256r1`."""
    return f"ecdh-{way.suite.word}-{way.curve.name}"
