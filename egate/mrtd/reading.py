"""The chip session as a dialogue: access, files, proof that the chip is genuine, and the face last.

Sources: ICAO Doc 9303-11 §4.2 (order of access), §6 (authentication of the chip), Doc 9303-10 §4. Rule: gathering never judges.
What a chip does wrong becomes a `ProtocolOutcome` and reading goes on as far as it can; the dialogue returns what it has. Only
the loss of the chip or of the device passes through as an error. No key outlives the dialogue.

The order, with the same numbers at the steps:

1. EF.ATR/INFO where the reader carries extended lengths, or where it is asked for; EF.DIR where it is asked for.
2. Access by PACE, else by BAC, or the other way round; a protocol that failed stays in the evidence, so a fall-back shows.
3. What an earlier reading left is taken up when EF.SOD is the same, byte for byte; otherwise it is dropped.
4. DG1, EF.SOD, EF.COM and DG14: what the entry door needs.
5. Chip authentication where DG14 offers it and PACE did not already prove the chip with a key of DG14; only an answer under the
   new keys completes it. Terminal authentication where there are credentials. Then DG15.
6. Active authentication where the chip did not prove itself by then, was not caught, and has DG15.
7. Further files, then DG2, the longest, then the files that nobody waits for. Before DG3 or DG4 step 5 runs again where the
   session was opened anew meanwhile.

Outcomes: `pace`, `bac`, `chip_authentication_mapping`, `chip_authentication`, `active_authentication`, `terminal_authentication`;
`application` when it could not be selected; `file` (variant: its name) when a file is there but could not be read;
`secure_messaging` when a session broke; `resumption` when an earlier reading had left something; `reading` when it was stopped;
`quirk` (variant: the quirk met). An optional file that is absent leaves no outcome, and one that a readable EF.SOD and EF.COM do
not list is not asked for. A session that broke is opened again a few times, in smaller blocks where a length may have broken it,
and goes on in the file where it stopped, because chips of the field answer lengths they dislike, and files they lack, without
protection. What is read afterwards is as well protected as before.
"""

from __future__ import annotations

from collections.abc import Generator

from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.access import ChipAccess
from egate.mrtd.active_auth import run_active_authentication
from egate.mrtd.apdu import SW_FILE_NOT_FOUND, SW_SECURITY_STATUS, CommandApdu, ResponseApdu
from egate.mrtd.chip_auth import ChipAuthenticationWay, chip_authentication, choose_chip_authentication, judged
from egate.mrtd.crypto.agreement import Entropy
from egate.mrtd.file_reading import FileAbsent
from egate.mrtd.files.card_security import parse_card_security
from egate.mrtd.files.lds import parse_com, parse_dg15
from egate.mrtd.files.security_infos import SecurityInfos, TerminalAuthenticationInfo, parse_dg14
from egate.mrtd.gathering import Attempt, Gathering, PartialReading, Progress, ReadRequest, Step, status_word
from egate.mrtd.mapping_proof import PROTOCOL as _MAPPING
from egate.mrtd.master_file import MASTER_FILES, read_asked_for, read_buffers
from egate.mrtd.quirks import Quirk
from egate.mrtd.session import ReadingStopped
from egate.mrtd.session_witness import SessionWitness
from egate.mrtd.terminal_auth import run_terminal_authentication

__all__ = ["PartialReading", "ReadRequest", "ReadingStopped", "read_chip"]

_FIRST_FILES = (ElementaryFile.DG1, ElementaryFile.SOD, ElementaryFile.COM)
_BEGIN_OF_DG14 = CommandApdu(0x00, 0xB0, 0x80 | ElementaryFile.DG14.short_id, 0x00, le=8)
_NOT_ABOUT_LENGTH = frozenset({SW_FILE_NOT_FOUND, SW_SECURITY_STATUS})
_MESSAGING_REFUSED = frozenset({None, 0x6987, 0x6988, 0x9000})
"""What a broken session looks like when no status word says why."""
_NO_BAC = frozenset({0x6982, 0x6985, 0x6A88, 0x6D00})
"""How chips that know only PACE refuse BAC; a wrong key is 6300."""
_DECIDED = frozenset({ProtocolState.COMPLETED, ProtocolState.BROKEN})

_DG14, _DG15 = ElementaryFile.DG14, ElementaryFile.DG15
_FOR_TERMINALS = frozenset({ElementaryFile.DG3, ElementaryFile.DG4})
_CHIP, _ACTIVE, _TERMINAL = "chip_authentication", "active_authentication", "terminal_authentication"


def read_chip(
    request: ReadRequest, entropy: Entropy, progress: Progress, partial: PartialReading | None = None
) -> Generator[CommandApdu, ResponseApdu, ChipEvidence]:
    """Read a chip and return the evidence. Raises nothing of its own; what the caller throws in passes through.

    `entropy` gives random bytes, `progress` learns of each block. The caller sends each command that is yielded and sends the
    response back, or throws ChipLost or DeviceError; `ReadingStopped`, thrown in, ends the reading with what there is. `partial`
    is filled as the reading goes on; handed to a later reading after a loss, it lets that one go on where this one stopped.
    """
    gathering = Gathering(request, progress, partial)
    reader = _Reader(gathering, entropy)
    try:
        yield from gathering.session.carried(reader.watched())
    except ReadingStopped as stop:
        gathering.note("reading", ProtocolState.BROKEN, detail=stop.reason)
    finally:
        gathering.session.end()
    return gathering.evidence()


class _Ended(Exception):
    """Nothing more can be read."""


class _Reader:
    """The plan of one reading. Its methods yield plain commands."""

    def __init__(self, gathering: Gathering, entropy: Entropy) -> None:
        self._gathering = gathering
        self._entropy = entropy
        self._access = ChipAccess(gathering, entropy)
        self._witness = SessionWitness()
        self._way: ChipAuthenticationWay | None = None
        self._terminal_offer: TerminalAuthenticationInfo | None = None
        self._rights_are_lost = False

    def watched(self) -> Step:
        """The plan, with a witness of its ephemeral keys above secure messaging where terminal authentication needs them."""
        return self._witness.watched(self.run()) if self._gathering.request.terminal else self.run()

    def run(self) -> Step:
        """The numbered plan of the module."""
        gathering, request = self._gathering, self._gathering.request
        try:
            yield from read_buffers(gathering)  # 1
            if not (yield from self._access.open()):  # 2
                return
            self._name_access_quirk()
            if gathering.was_interrupted:  # 3
                yield from self._read(ElementaryFile.SOD)
                gathering.take_up()
            for file in _FIRST_FILES:  # 4
                yield from self._read(file)
            self._compare_lists()
            yield from self._read_listed(_DG14)
            infos = self._chip_infos()
            yield from self._authenticate_chip(infos)  # 5
            yield from self._authenticate_terminal(infos)
            yield from self._read_listed(_DG15)
            yield from self._authenticate_actively(infos)  # 6
            for file in (*request.further_files, ElementaryFile.DG2, *request.later_files):  # 7
                if file not in MASTER_FILES:
                    yield from self._read_listed(file)
            yield from read_asked_for(gathering)
        except _Ended:
            return

    def _reopen(self) -> Step:
        """Open the broken session again; raises _Ended when that does not work. What the terminal had proved is gone with it."""
        self._rights_are_lost = True
        if not (yield from self._access.reopen()):
            raise _Ended

    def _name_access_quirk(self) -> None:
        """Note a chip that refused BAC and took PACE."""
        gathering = self._gathering
        bac = next((outcome for outcome in gathering.outcomes if outcome.protocol == "bac"), None)
        if bac is not None and bac.sw in _NO_BAC and gathering.state("pace") is ProtocolState.COMPLETED:
            gathering.meet(Quirk.PACE_ONLY, bac.sw)

    # -- files --------------------------------------------------------------------------------------------------------

    def _read(self, file: ElementaryFile) -> Step:
        """Read a file into the evidence, in smaller blocks where the chip chokes on large ones, going on where it stopped."""
        breaks = 0
        while file not in self._gathering.files:
            if file in _FOR_TERMINALS and self._rights_are_lost:
                yield from self._regain_rights()
            received = self._gathering.received_of(file)
            try:
                data = yield from self._gathering.read_once(file)
            except (ChipError, MalformedData) as error:
                if isinstance(error, FileAbsent):
                    return
                breaks += 1
                grew = self._gathering.received_of(file) > received
                if not (yield from self._may_go_on(file, error, worth_it=grew or breaks == 1)):
                    return
            else:
                self._gathering.keep(file, data)

    def _may_go_on(self, file: ElementaryFile, error: ChipError | MalformedData, *, worth_it: bool) -> Attempt:
        """Whether the file should be gone on with; a broken session is opened again, for this file or for those to come.

        What a chip refuses under protection is final here: refusals about a length were answered where they came.
        """
        gathering, sw = self._gathering, status_word(error)
        if not gathering.session.broken:
            gathering.note_failure("file", error, file.name)
            return False
        about_length = sw not in _NOT_ABOUT_LENGTH
        smaller = about_length and gathering.reader.take_smaller(gathering.reader.asked_bytes, sw)
        self._name_quirk(sw, smaller=smaller)
        gathering.note("secure_messaging", ProtocolState.BROKEN, file.name, sw, error.problem)
        yield from self._reopen()
        if smaller or (about_length and worth_it):
            return True
        gathering.note_failure("file", error, file.name)
        return False

    def _name_quirk(self, sw: int | None, *, smaller: bool) -> None:
        """Which quirk a naked status word that ended the session belongs to."""
        if sw in _MESSAGING_REFUSED:
            return
        if smaller and sw == 0x6B00:
            self._gathering.meet(Quirk.FULL_LENGTH_REFUSED, sw)
        self._gathering.meet(Quirk.LENGTH_ENDS_SESSION if smaller else Quirk.NAKED_STATUS, sw)

    def _compare_lists(self) -> None:
        """Note an EF.COM that lists other files than EF.SOD does (Doc 9303-10 §4.6.1: the latter counts)."""
        listed, named = self._gathering.listed, self._named_files()
        if listed is not None and named is not None and named != listed.files:
            self._gathering.meet(Quirk.WRONG_COM, detail="EF.COM and EF.SOD list different files")

    def _named_files(self) -> frozenset[ElementaryFile] | None:
        """What EF.COM lists, None when it is absent or malformed."""
        data = self._gathering.files.get(ElementaryFile.COM)
        try:
            return frozenset(parse_com(data).files) if data is not None else None
        except MalformedData:
            return None

    def _read_listed(self, file: ElementaryFile) -> Step:
        """Read a file, unless it is optional and both lists can be read and neither names it: a chip may break the session."""
        listed, named = self._gathering.listed, self._named_files()
        if file is ElementaryFile.DG2 or listed is None or named is None or file in listed.files | named:
            yield from self._read(file)

    # -- proofs -------------------------------------------------------------------------------------------------------

    def _chip_infos(self) -> SecurityInfos | None:
        """What DG14 offers, None when it is absent or malformed, with the outcome that follows from that."""
        data = self._gathering.files.get(_DG14)
        if data is None:
            self._gathering.note(_CHIP, ProtocolState.NOT_OFFERED, detail="no DG14")
            return None
        try:
            return parse_dg14(data)
        except MalformedData as error:
            self._gathering.note(_CHIP, ProtocolState.BROKEN, detail=f"DG14: {error.problem}")
            return None

    def _authenticate_chip(self, infos: SecurityInfos | None) -> Step:
        """Chip authentication, completed by the first answer under the new keys."""
        if infos is None:
            return
        proved = self._gathering.state(_MAPPING) is ProtocolState.COMPLETED and self._mapped_with_key_of(infos)
        if proved and not self._gathering.request.terminal:
            self._gathering.note(_CHIP, ProtocolState.NOT_RUN, detail="PACE has proved the chip's key")
            return
        way = choose_chip_authentication(infos, own_parameters=self._gathering.request.policy.own_parameters)
        if way is None:
            detail = "no variant that this reader may use" if infos.chip_authentication_keys else "not in DG14"
            self._gathering.note(_CHIP, ProtocolState.NOT_OFFERED, detail=detail)
        elif (yield from self._changed_keys(way)):
            yield from self._prove_keys(way)

    def _mapped_with_key_of(self, infos: SecurityInfos) -> bool:
        """Whether EF.CardSecurity, which names no document, has a key of DG14, which EF.SOD covers; DG14 may have none."""
        own = {key.public.encoded for key in infos.chip_authentication_keys if key.public is not None}
        try:
            mapped = parse_card_security(self._gathering.files.get(ElementaryFile.CARD_SECURITY, b""))
        except MalformedData:
            return False
        return not own or any(key.public is not None and key.public.encoded in own for key in mapped.chip_authentication_keys)

    def _changed_keys(self, way: ChipAuthenticationWay) -> Attempt:
        """Run the protocol and go on under its keys."""
        try:
            self._way = judged(way)
            secure = yield from chip_authentication(self._way, self._entropy)
        except ChipError as error:
            self._gathering.note_failure(_CHIP, error, way.variant)
            if self._gathering.session.broken:
                yield from self._reopen()
            return False
        self._gathering.session.begin(secure)
        return True

    def _prove_keys(self, way: ChipAuthenticationWay) -> Step:
        """One command under the new keys, whose answer only the genuine chip can give; a clone's session is opened anew.

        It asks for the begin of DG14, which is there; a refusal that is protected proves the keys just as well.
        """
        secure, sw = self._gathering.session.secure, None
        try:
            yield _BEGIN_OF_DG14
        except ChipError as error:
            sw = error.sw
        if secure is not None and secure.answered:
            self._gathering.note(_CHIP, ProtocolState.COMPLETED, way.variant, 0x9000)
            return
        detail = "the chip does not hold the key that DG14 announces"
        self._gathering.note(_CHIP, ProtocolState.BROKEN, way.variant, sw, detail)
        yield from self._reopen()

    def _authenticate_terminal(self, infos: SecurityInfos | None) -> Step:
        """Terminal authentication where there are credentials, in the session that chip authentication began."""
        gathering = self._gathering
        if not gathering.request.terminal:
            return
        if infos is None or gathering.state(_CHIP) is not ProtocolState.COMPLETED:
            gathering.note(_TERMINAL, ProtocolState.NOT_RUN, detail="chip authentication did not complete")
            return
        self._rights_are_lost, self._terminal_offer = False, infos.terminal_authentication
        try:
            variant = yield from self._proved_right()
        except (ChipError, MalformedData) as error:
            gathering.note_failure(_TERMINAL, error)
            if gathering.session.broken:
                yield from self._reopen()
            return
        if variant:
            gathering.note(_TERMINAL, ProtocolState.COMPLETED, variant, 0x9000)
        else:
            gathering.note(_TERMINAL, ProtocolState.NOT_OFFERED, detail="not in DG14")

    def _proved_right(self) -> Generator[CommandApdu, ResponseApdu, str]:
        """Terminal authentication in the session in force; the variant, empty when the chip does not offer it."""
        request = self._gathering.request
        identifier, key = self._witness.chip_identifier(request.information), self._witness.terminal_key
        return (yield from run_terminal_authentication(request.terminal, self._terminal_offer, identifier, key))

    def _regain_rights(self) -> Step:
        """Chip and terminal authentication once more, in a session that was opened again, for a file that needs them.

        The first protected answer comes to the reading of EF.CVCA, so a clone gets no signature here either.
        """
        gathering = self._gathering
        self._rights_are_lost = False
        if self._way is None or gathering.state(_TERMINAL) is not ProtocolState.COMPLETED:
            return
        try:
            gathering.session.begin((yield from chip_authentication(self._way, self._entropy)))
            yield from self._proved_right()
        except (ChipError, MalformedData) as error:
            gathering.note_failure(_TERMINAL, error, "reopening")
            if gathering.session.broken:
                yield from self._reopen()
                self._rights_are_lost = False  # once is enough: the file is then refused, which ends it

    def _authenticate_actively(self, infos: SecurityInfos | None) -> Step:
        """Active authentication with a fresh challenge; COMPLETED only when the signature verified."""
        gathering = self._gathering
        data = gathering.files.get(_DG15)
        if data is None:
            gathering.note(_ACTIVE, ProtocolState.NOT_OFFERED, detail="no DG15")
            return
        if gathering.state(_CHIP) in _DECIDED or gathering.state(_MAPPING) in _DECIDED:
            return
        algorithm = infos.active_authentication if infos else None
        most = min(gathering.reader.habits.response_bytes, gathering.request.max_response_bytes)
        try:
            result = yield from run_active_authentication(parse_dg15(data), algorithm, self._entropy, most)
        except (ChipError, MalformedData) as error:
            gathering.note_failure(_ACTIVE, error)
            if gathering.session.broken:
                yield from self._reopen()
            return
        gathering.proofs.append(result.proof)
        if result.variant is None:
            gathering.note(_ACTIVE, ProtocolState.BROKEN, "", 0x9000, "the signature does not hold under the key of DG15")
        else:
            gathering.note(_ACTIVE, ProtocolState.COMPLETED, result.variant, 0x9000)
