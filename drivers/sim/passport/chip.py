"""A simulated eMRTD chip: command bytes in, response bytes out, as a contactless reader would carry them.

Sources: ISO/IEC 7816-4, ICAO Doc 9303-10 §3 and 9303-11. Rule: it plays a chip, so it judges nothing and helps nobody: commands
that a chip would refuse are refused with the chip's status word, and a broken secure messaging session closes its files.
Quirks of chips of the field are options, so that the reader is tested against them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.sim.passport.chip_access import (
    Answer,
    BasicAccess,
    ChipAuthentication,
    Entropy,
    PaceAccess,
    passwords,
    sign_challenge,
)
from drivers.sim.passport.chip_files import SW_CONDITIONS, SW_NOT_FOUND, SW_WRONG_LENGTH, SW_WRONG_PARAMETERS, FileSystem, status
from drivers.sim.passport.chip_messaging import SM_INCORRECT, CardMessaging, MessagingError
from drivers.sim.passport.personalisation import ChipPersonalisation
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.files.security_infos import PaceInfo, parse_card_access

ATS = bytes.fromhex("067877710280")
"""Answer to select: frames of 256 bytes, up to 848 kbit/s, no further historical bytes."""
SW_NO_INSTRUCTION = 0x6D00
SW_SECURITY_STATUS = 0x6982
_MAX_SHORT_RESPONSE = 256


@dataclass(frozen=True, slots=True)
class ChipOptions:
    """What else a chip can have or do.

    `card_access_number` is printed on the card. Quirks: `largest_read` is the most that a READ BINARY may ask before the chip
    answers a naked 6700 and closes the session (0: no limit); `exact_lengths` answers 6Cxx instead of fewer bytes; `naked_errors`
    answers for missing files without protection and closes the session; `short_identifiers` False refuses reading by short
    identifier.
    """

    card_access_number: str = field(repr=False, default="")
    largest_read: int = 0
    exact_lengths: bool = False
    naked_errors: bool = False
    short_identifiers: bool = True


class SimulatedChip:
    """One chip in the field of a reader."""

    def __init__(self, personalisation: ChipPersonalisation, entropy: Entropy, options: ChipOptions | None = None) -> None:
        self._chip = personalisation
        self._entropy = entropy
        self._options = options or ChipOptions()
        self._open_to_all = not (personalisation.supports_bac or personalisation.supports_pace)
        self._files = FileSystem(personalisation.files, short_identifiers=self._options.short_identifiers)
        self._instructions: dict[int, Callable[[CommandApdu], Answer]] = {
            0xA4: self._select,
            0xB0: self._read,
            0xB1: self._read,
            0x84: self._get_challenge,
            0x82: self._external_authenticate,
            0x22: self._manage_security,
            0x86: self._general_authenticate,
            0x88: self._internal_authenticate,
        }
        self.reset()

    @property
    def ats(self) -> bytes:
        """The answer to select with which the chip introduces itself."""
        return ATS

    def reset(self) -> None:
        """The field went off and on: no session, no access, master file."""
        chip, options = self._chip, self._options
        offered = _offered_pace(chip) if chip.supports_pace else ()
        self._session: CardMessaging | None = None
        self._access = self._open_to_all
        self._waiting = b""
        self._bac = BasicAccess(chip.mrz, self._entropy)
        self._pace = PaceAccess(offered, passwords(chip.mrz, options.card_access_number), self._entropy)
        self._chip_authentication = ChipAuthentication(chip.chip_authentication_key)
        self._files.reset()

    def transceive(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        try:
            parsed = CommandApdu.from_bytes(command)
        except MalformedData:
            return status(SW_WRONG_LENGTH).to_bytes()
        if parsed.ins == 0xC0 and self._waiting:
            return self._portion(self._waiting).to_bytes()
        self._waiting = b""
        response = self._protected(parsed) if parsed.cla & 0x0C == 0x0C else self._plain(parsed)
        if len(response.data) > _MAX_SHORT_RESPONSE and not parsed.extended:
            return self._portion(response.to_bytes()).to_bytes()
        return response.to_bytes()

    def _portion(self, whole: bytes) -> ResponseApdu:
        """The next part of a response that a short one cannot carry; the rest waits for GET RESPONSE."""
        data, sw = whole[:-2], whole[-2:]
        if len(data) <= _MAX_SHORT_RESPONSE:
            self._waiting = b""
            return ResponseApdu(data, int.from_bytes(sw, "big"))
        self._waiting = data[_MAX_SHORT_RESPONSE:] + sw
        rest = len(data) - _MAX_SHORT_RESPONSE
        return ResponseApdu(data[:_MAX_SHORT_RESPONSE], 0x6100 | (rest if rest < 0x100 else 0))

    def _plain(self, command: CommandApdu) -> ResponseApdu:
        """A command outside secure messaging: it ends a session that there was."""
        if self._session is not None:
            self._close_session()
        answer = self._execute(command)
        if answer.session is not None:
            self._session, self._access = answer.session, True
        return answer.response

    def _protected(self, command: CommandApdu) -> ResponseApdu:
        session = self._session
        if session is None:
            return status(SM_INCORRECT)
        try:
            plain = session.open(command)
        except MessagingError as error:
            self._close_session()
            return status(error.sw)
        limit = self._options.largest_read
        if limit and plain.ins in {0xB0, 0xB1} and (plain.le or 0) > limit:
            self._close_session()
            return status(SW_WRONG_LENGTH)
        answer = self._execute(plain)
        if self._options.naked_errors and answer.response.sw == SW_NOT_FOUND:
            self._close_session()
            return answer.response
        sealed = session.seal(answer.response, odd_instruction=bool(plain.ins & 1))
        if answer.session is not None:
            self._session = answer.session
        return sealed

    def _close_session(self) -> None:
        self._session, self._access = None, self._open_to_all

    def _execute(self, command: CommandApdu) -> Answer:
        instruction = self._instructions.get(command.ins)
        return Answer(status(SW_NO_INSTRUCTION)) if instruction is None else instruction(command)

    def _select(self, command: CommandApdu) -> Answer:
        if self._files.selects_application(command) and self._session is None:
            self._access = self._open_to_all
        return Answer(self._files.select(command))

    def _read(self, command: CommandApdu) -> Answer:
        response = self._files.read(command, access=self._access)
        if self._options.exact_lengths and response.sw == 0x6282:
            return Answer(status(0x6C00 | len(response.data) & 0xFF))
        return Answer(response)

    def _get_challenge(self, command: CommandApdu) -> Answer:
        if not self._chip.supports_bac:
            return Answer(status(SW_NO_INSTRUCTION if self._open_to_all else SW_SECURITY_STATUS))
        return Answer(self._bac.challenge(command) if self._files.in_application else status(SW_CONDITIONS))

    def _external_authenticate(self, command: CommandApdu) -> Answer:
        return self._bac.answer(command) if self._chip.supports_bac else Answer(status(SW_SECURITY_STATUS))

    def _manage_security(self, command: CommandApdu) -> Answer:
        """MANAGE SECURITY ENVIRONMENT: PACE, or chip authentication in its two forms."""
        purpose = (command.p1, command.p2)
        if purpose == (0xC1, 0xA4):
            return Answer(self._pace.set_up(command))
        if purpose not in {(0x41, 0xA4), (0x41, 0xA6)}:
            return Answer(status(SW_WRONG_PARAMETERS))
        if not self._access:
            return Answer(status(SW_SECURITY_STATUS))
        if purpose == (0x41, 0xA6):
            return self._chip_authentication.agree_by_key_only(command)
        return Answer(self._chip_authentication.set_up(command))

    def _general_authenticate(self, command: CommandApdu) -> Answer:
        if self._chip_authentication.expected:
            return self._chip_authentication.agree(command)
        return self._pace.step(command)

    def _internal_authenticate(self, command: CommandApdu) -> Answer:
        key = self._chip.active_authentication_key
        if key is None:
            return Answer(status(SW_NO_INSTRUCTION))
        if not self._access or len(command.data) != 8:
            return Answer(status(SW_CONDITIONS if self._access else SW_SECURITY_STATUS))
        return Answer(ResponseApdu(sign_challenge(key, command.data, self._entropy), 0x9000))


def _offered_pace(chip: ChipPersonalisation) -> tuple[PaceInfo, ...]:
    """What EF.CardAccess offers; nothing when the issuer wrote none that can be read."""
    try:
        return parse_card_access(chip.files.get(ElementaryFile.CARD_ACCESS, b"")).pace
    except MalformedData:
        return ()
