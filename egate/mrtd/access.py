"""Access to the chip: PACE, else BAC, or the other way round, and the application selected.

Sources: ICAO Doc 9303-11 §4.2 (order), §4.4.3.5 (chip authentication mapping), Doc 9303-10 §3.4 (application). Rule: every
protocol that was tried leaves its outcome, so a fall-back shows. BAC follows a PACE that the chip refused by a status word, but
by default not one whose cryptography broke: then somebody stands between us and the chip, or the chip is none. A chip that
refused a protocol is never read without protection; one that offers none is read as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace

from egate.model.document import ElementaryFile, ProtocolState
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.access_policy import AccessPolicy
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.crypto.agreement import CurveAgreement, Entropy
from egate.mrtd.files.security_infos import SecurityInfos, parse_card_access
from egate.mrtd.gathering import Attempt, Gathering, Step, status_word
from egate.mrtd.keys import mrz_password
from egate.mrtd.mapping_proof import PROTOCOL as MAPPING_PROTOCOL
from egate.mrtd.mapping_proof import verify_mapping_proof
from egate.mrtd.pace import PacePassword, PaceSession, run_pace
from egate.mrtd.pace_choice import PaceWay, choose_way
from egate.mrtd.quirks import Quirk

APPLICATION = bytes.fromhex("A0000002471001")
"""The application identifier of the eMRTD application (Doc 9303-10 §3.4)."""
MOST_PACE_WAYS = 3
"""Ways of PACE that are tried where a chip refuses what it offers; each costs up to a second."""
REFUSED_WAY = "pace_way"
"""The outcome of a way of PACE that the chip refused although it offers it, where another one was tried after it."""
MAX_REOPENINGS = 4
"""Two for lengths and two for files that a chip lacks; each costs the time of the access protocol."""

_SELECT_MASTER_FILE = CommandApdu(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00")
_SELECT_APPLICATION = CommandApdu(0x00, 0xA4, 0x04, 0x0C, APPLICATION)
_NO_SUCH_INSTRUCTION = frozenset({0x6D00, 0x6E00})
_BY_MRZ, _BY_NUMBER = 1, 2
_PASSWORD_UNAVAILABLE = frozenset({0x6A88, 0x6983, 0x6984})
"""Reference data not found, authentication method blocked, reference data not usable (ISO/IEC 7816-4 §5.6)."""
_PROTOCOLS = frozenset({"pace", "bac"})
_MASTER_FILE_QUIRKS = {0x6A86: Quirk.MASTER_FILE_6A86, 0x6A87: Quirk.MASTER_FILE_6A87, 0x6985: Quirk.MASTER_FILE_6985}


def _refuses_password(sw: int | None) -> bool:
    """6300, or 63Cx with the tries that are left; or a password that the chip does not have or has blocked."""
    return sw is not None and (sw >> 8 == 0x63 or sw in _PASSWORD_UNAVAILABLE)


class ChipAccess:
    """Opens the session of a reading, and opens it again after it broke."""

    def __init__(self, gathering: Gathering, entropy: Entropy) -> None:
        self._gathering = gathering
        self._entropy = entropy
        self._policy: AccessPolicy = gathering.request.policy
        self._open_again: Callable[[], Attempt] | None = None
        self._reopenings = MAX_REOPENINGS

    def open(self) -> Attempt:
        """Gain access and select the application; False when nothing can be read."""
        pace_first = self._gathering.request.pace_before_bac and self._policy.pace_before_bac
        order = (self._by_pace, self._by_bac) if pace_first else (self._by_bac, self._by_pace)
        for protocol in order:
            if (yield from protocol()):
                return True
        return self._is_unprotected() and (yield from self._select_application())

    def _is_unprotected(self) -> bool:
        """A chip that offers neither protocol may be read as it is; one that refused a protocol may not."""
        states = [outcome.state for outcome in self._gathering.outcomes if outcome.protocol in _PROTOCOLS]
        return all(state is ProtocolState.NOT_OFFERED for state in states)

    def _select_master_file(self) -> Step:
        """Select and go on in any case: chips of the field refuse selections that they do not need."""
        try:
            response = yield _SELECT_MASTER_FILE
        except ChipError:
            return
        if response.sw in _MASTER_FILE_QUIRKS:
            self._gathering.meet(_MASTER_FILE_QUIRKS[response.sw], response.sw)

    def _by_pace(self) -> Attempt:
        """The best way of PACE, or the next where the chip refuses one that it offers, a few times."""
        infos = yield from self._offered_pace()
        way = None if infos is None else self._chosen(infos)
        for _ in range(MOST_PACE_WAYS):
            if infos is None or way is None:
                return False
            password = yield from self._begun_by_pace(way)
            if password is not None:
                return (yield from self._entered(way, password))
            infos, way = self._next_way(infos, way)
        return False

    def _next_way(self, infos: SecurityInfos, refused: PaceWay) -> tuple[SecurityInfos, PaceWay | None]:
        """What is left to try after a way failed: nothing after a wrong password or after cryptography that broke."""
        last = self._gathering.outcomes[-1]
        left = replace(infos, pace=tuple(info for info in infos.pace if info != refused.info))
        if last.state is not ProtocolState.REFUSED or _refuses_password(last.sw):
            return left, None
        following = choose_way(left, self._policy).way
        if following is not None:
            self._gathering.outcomes[-1] = replace(last, protocol=REFUSED_WAY)
        return left, following

    def _entered(self, way: PaceWay, password: PacePassword) -> Attempt:
        """Select the application in the session that PACE opened, and know how to open it again."""
        if not (yield from self._select_application()):
            self._gathering.session.end()
            return False

        def open_again() -> Attempt:
            yield from self._select_master_file()
            self._gathering.session.begin((yield from run_pace(way, password, self._entropy)).secure)
            return (yield from self._select_application())

        self._open_again = open_again
        return True

    def _begun_by_pace(self, way: PaceWay) -> Generator[CommandApdu, ResponseApdu, PacePassword | None]:
        """Run PACE with the card access number where there is one, else or afterwards with the MRZ; None when it failed."""
        refused = ""
        passwords = self._passwords()
        for password in passwords:
            try:
                begun = yield from run_pace(way, password, self._entropy)
            except (ChipError, MalformedData) as error:
                sw = status_word(error)
                if password is not passwords[-1] and _refuses_password(sw):
                    refused = f"the card access number was refused ({sw:04X})"
                    continue
                self._gathering.note_failure("pace", error, way.variant)
                return None
            self._gathering.session.begin(begun.secure)
            self._gathering.note("pace", ProtocolState.COMPLETED, way.variant, 0x9000, refused)
            if begun.proof is not None and not (yield from self._proved_by_mapping(way, password, begun)):
                return None
            return password
        return None

    def _passwords(self) -> tuple[PacePassword, ...]:
        request = self._gathering.request
        by_mrz = PacePassword(_BY_MRZ, mrz_password(request.information))
        number = request.card_access_number.encode("latin-1", "replace")
        return (PacePassword(_BY_NUMBER, number), by_mrz) if number else (by_mrz,)

    def _proved_by_mapping(self, way: PaceWay, password: PacePassword, begun: PaceSession) -> Attempt:
        """Read EF.CardSecurity under the session and note what the chip's proof came to; False when the session is lost."""
        proof = begun.proof
        try:
            card_security = yield from self._gathering.read_once(ElementaryFile.CARD_SECURITY)
        except (ChipError, MalformedData) as error:
            self._gathering.note_failure(MAPPING_PROTOCOL, error, way.variant)
            return (not self._gathering.session.broken) or (yield from self._begun_again(way, password))
        self._gathering.keep(ElementaryFile.CARD_SECURITY, card_security)
        if proof is None or not isinstance(way.agreement, CurveAgreement):
            return True
        self._gathering.proofs.append(proof)
        verified = verify_mapping_proof(card_security, proof, way.agreement, way.info.parameter_id)
        state = ProtocolState.COMPLETED if verified else ProtocolState.BROKEN
        detail = "" if verified else "the chip does not hold a key that EF.CardSecurity announces"
        self._gathering.note(MAPPING_PROTOCOL, state, way.variant, 0x9000, detail)
        return True

    def _begun_again(self, way: PaceWay, password: PacePassword) -> Attempt:
        """A new session after reading EF.CardSecurity broke the first."""
        self._gathering.session.end()
        yield from self._select_master_file()
        try:
            begun = yield from run_pace(way, password, self._entropy)
        except (ChipError, MalformedData) as error:
            self._gathering.note_failure("secure_messaging", error, "reopening")
            return False
        self._gathering.session.begin(begun.secure)
        return True

    def _offered_pace(self) -> Generator[CommandApdu, ResponseApdu, SecurityInfos | None]:
        """What EF.CardAccess offers; None, with its outcome, when it cannot be read or is malformed."""
        data = yield from self._card_access()
        if data is None:
            return None
        self._gathering.keep(ElementaryFile.CARD_ACCESS, data)
        try:
            return parse_card_access(data)
        except MalformedData:
            self._gathering.note("pace", ProtocolState.BROKEN, detail="EF.CardAccess is malformed")
            return None

    def _chosen(self, infos: SecurityInfos) -> PaceWay | None:
        """The best way of what is offered; None, with its outcome, when there is nothing to run."""
        choice = choose_way(infos, self._policy)
        if choice.way is None:
            state = ProtocolState.BROKEN if choice.refused else ProtocolState.NOT_OFFERED
            self._gathering.note("pace", state, detail=_why_none(choice.refused))
        elif choice.way.info.parameter_id is None:
            self._gathering.meet(Quirk.NO_PARAMETER_ID)
        return choice.way

    def _card_access(self) -> Generator[CommandApdu, ResponseApdu, bytes | None]:
        """EF.CardAccess, which lies in the master file; some chips, and all in which BAC was tried, want that selected first."""
        sw: int | None = None
        bac_was_tried = any(outcome.protocol in _PROTOCOLS for outcome in self._gathering.outcomes)
        for select_first in (True,) if bac_was_tried else (False, True):
            if select_first:
                yield from self._select_master_file()
            try:
                return (yield from self._gathering.read_once(ElementaryFile.CARD_ACCESS))
            except (ChipError, MalformedData) as error:
                sw = status_word(error)
        self._gathering.note("pace", ProtocolState.NOT_OFFERED, "", sw, "no readable EF.CardAccess")
        return None

    def _by_bac(self) -> Attempt:
        reason = self._bac_is_out()
        if reason:
            self._gathering.note("bac", ProtocolState.NOT_RUN, "3des", None, reason)
            return False
        if not (yield from self._select_application()) or not (yield from self._begun_by_bac()):
            return False

        def open_again() -> Attempt:
            with suppress(ChipError):
                yield _SELECT_APPLICATION
            self._gathering.session.begin((yield from basic_access(self._gathering.request.information, self._entropy)))
            return True

        self._open_again = open_again
        return True

    def _bac_is_out(self) -> str:
        """Why the policy leaves BAC out, nothing when it does not. A malformed EF.CardAccess is no broken cryptography."""
        if not self._policy.allow_bac:
            return "the policy leaves BAC out"
        tried = [outcome for outcome in self._gathering.outcomes if outcome.protocol == "pace" and outcome.variant]
        states = {outcome.state for outcome in tried}
        if ProtocolState.BROKEN in states and not self._policy.bac_after_broken:
            return "the policy leaves BAC out after a PACE that broke"
        if ProtocolState.REFUSED in states and not self._policy.bac_after_refusal:
            return "the policy leaves BAC out after a PACE that was refused"
        return ""

    def _begun_by_bac(self) -> Attempt:
        """Run BAC, note how it went, and begin its session."""
        try:
            secure = yield from basic_access(self._gathering.request.information, self._entropy)
        except (ChipError, MalformedData) as error:
            sw = status_word(error)
            if sw in _NO_SUCH_INSTRUCTION:
                self._gathering.note("bac", ProtocolState.NOT_OFFERED, "3des", sw, error.problem)
            else:
                self._gathering.note_failure("bac", error, "3des")
            return False
        self._gathering.session.begin(secure)
        self._gathering.note("bac", ProtocolState.COMPLETED, "3des", 0x9000)
        return True

    def _select_application(self) -> Attempt:
        try:
            response = yield _SELECT_APPLICATION
        except ChipError as error:
            self._gathering.note("application", ProtocolState.BROKEN, "", error.sw, error.problem)
            return False
        if not response.ok:
            self._gathering.note("application", ProtocolState.REFUSED, "", response.sw, "the application could not be selected")
        return response.ok

    def reopen(self) -> Attempt:
        """Run the access protocol that had succeeded once more; False when that does not work or was done too often."""
        self._gathering.session.end()
        if self._open_again is None or self._reopenings == 0:
            return False
        self._reopenings -= 1
        try:
            return (yield from self._open_again())
        except (ChipError, MalformedData) as error:
            self._gathering.note_failure("secure_messaging", error, "reopening")
            return False


def _why_none(refused: tuple[str, ...]) -> str:
    return f"the chip's own parameters are unsound: {'; '.join(refused)}" if refused else "no variant that this reader speaks"
