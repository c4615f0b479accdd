"""Access to the chip: PACE, else BAC, or the other way round, and the application selected.

Sources: ICAO Doc 9303-11 §4.2 (order), Doc 9303-10 §3.4 (application). Rule: every protocol that was tried leaves its outcome, so
a fall-back shows. A chip that refused a protocol is never read without protection; one that offers none is read as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from egate.model.document import ElementaryFile, ProtocolState
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.crypto.agreement import Entropy, agreement_by_id
from egate.mrtd.files.security_infos import DH_GENERIC, PaceInfo, parse_card_access
from egate.mrtd.gathering import Attempt, Gathering, Step, status_word
from egate.mrtd.keys import mrz_password
from egate.mrtd.pace import PacePassword, choose_pace, pace
from egate.mrtd.secure_messaging import SecureMessaging

APPLICATION = bytes.fromhex("A0000002471001")
"""The application identifier of the eMRTD application (Doc 9303-10 §3.4)."""
MAX_REOPENINGS = 4
"""Two for lengths and two for files that a chip lacks; each costs the time of the access protocol."""

_SELECT_MASTER_FILE = CommandApdu(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00")
_SELECT_APPLICATION = CommandApdu(0x00, 0xA4, 0x04, 0x0C, APPLICATION)
_NO_SUCH_INSTRUCTION = frozenset({0x6D00, 0x6E00})

Opening = Generator[CommandApdu, ResponseApdu, SecureMessaging]


def _select_leniently(command: CommandApdu) -> Step:
    """Select and go on in any case: chips of the field refuse selections that they do not need."""
    try:
        yield command
    except ChipError:
        return


class ChipAccess:
    """Opens the session of a reading, and opens it again after it broke."""

    def __init__(self, gathering: Gathering, entropy: Entropy) -> None:
        self._gathering = gathering
        self._entropy = entropy
        self._open_again: Callable[[], Opening] | None = None
        self._reopenings = MAX_REOPENINGS

    def open(self) -> Attempt:
        """Gain access and select the application; False when nothing can be read."""
        order = (self._by_pace, self._by_bac) if self._gathering.request.pace_before_bac else (self._by_bac, self._by_pace)
        for protocol in order:
            if (yield from protocol()):
                return True
        return self._is_unprotected() and (yield from self._select_application())

    def _is_unprotected(self) -> bool:
        """A chip that offers neither protocol may be read as it is; one that refused a protocol may not."""
        return all(outcome.state is ProtocolState.NOT_OFFERED for outcome in self._gathering.outcomes)

    def _by_pace(self) -> Attempt:
        info = yield from self._offered_pace()
        if info is None:
            return False
        variant = _pace_variant(info)

        def open_session() -> Opening:
            return pace(info, self._password(), self._entropy)

        if not (yield from self._opened("pace", variant, open_session)):
            return False
        if not (yield from self._select_application()):
            self._gathering.session.end()
            return False

        def open_again() -> Opening:
            yield from _select_leniently(_SELECT_MASTER_FILE)
            return (yield from open_session())

        self._open_again = open_again
        return True

    def _offered_pace(self) -> Generator[CommandApdu, ResponseApdu, PaceInfo | None]:
        """Read EF.CardAccess and choose; None, with its outcome, when there is nothing to run."""
        data = yield from self._card_access()
        if data is None:
            return None
        self._gathering.files[ElementaryFile.CARD_ACCESS] = data
        try:
            info = choose_pace(parse_card_access(data).pace)
        except MalformedData:
            self._gathering.note("pace", ProtocolState.BROKEN, detail="EF.CardAccess is malformed")
            return None
        if info is None:
            self._gathering.note("pace", ProtocolState.NOT_OFFERED, detail="no variant that this reader speaks")
        return info

    def _card_access(self) -> Generator[CommandApdu, ResponseApdu, bytes | None]:
        """EF.CardAccess, which lies in the master file; some chips, and all in which BAC was tried, want that selected first."""
        sw: int | None = None
        for select_first in (False, True):
            if self._gathering.outcomes and not select_first:
                continue
            if select_first:
                yield from _select_leniently(_SELECT_MASTER_FILE)
            try:
                return (yield from self._gathering.read_once(ElementaryFile.CARD_ACCESS))
            except (ChipError, MalformedData) as error:
                sw = status_word(error)
        self._gathering.note("pace", ProtocolState.NOT_OFFERED, "", sw, "no readable EF.CardAccess")
        return None

    def _password(self) -> PacePassword:
        can = self._gathering.request.card_access_number
        return (
            PacePassword(2, can.encode("latin-1", "replace"))
            if can
            else PacePassword(1, mrz_password(self._gathering.request.information))
        )

    def _by_bac(self) -> Attempt:
        if not (yield from self._select_application()):
            return False

        def open_session() -> Opening:
            return basic_access(self._gathering.request.information, self._entropy)

        if not (yield from self._opened("bac", "3des", open_session)):
            return False

        def open_again() -> Opening:
            yield from _select_leniently(_SELECT_APPLICATION)
            return (yield from open_session())

        self._open_again = open_again
        return True

    def _opened(self, protocol: str, variant: str, dialogue: Callable[[], Opening]) -> Attempt:
        """Run an access protocol, note how it went, and begin the session it yields."""
        try:
            secure = yield from dialogue()
        except (ChipError, MalformedData) as error:
            sw = status_word(error)
            if protocol == "bac" and sw in _NO_SUCH_INSTRUCTION:
                self._gathering.note(protocol, ProtocolState.NOT_OFFERED, variant, sw, error.problem)
            else:
                self._gathering.note_failure(protocol, error, variant)
            return False
        self._gathering.session.begin(secure)
        self._gathering.note(protocol, ProtocolState.COMPLETED, variant, 0x9000)
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
            secure = yield from self._open_again()
        except (ChipError, MalformedData) as error:
            self._gathering.note_failure("secure_messaging", error, "reopening")
            return False
        self._gathering.session.begin(secure)
        return (yield from self._select_application())


def _pace_variant(info: PaceInfo) -> str:
    """E.g. `ecdh-gm-aes-128-brainpoolP256r1`."""
    agreement = agreement_by_id(-1 if info.parameter_id is None else info.parameter_id)
    kind = "dh-gm" if info.mapping == DH_GENERIC else "ecdh-gm"
    return f"{kind}-{info.suite.word if info.suite else ''}-{agreement.name if agreement else ''}"
