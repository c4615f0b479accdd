"""A simulated eMRTD chip: command bytes in, response bytes out, as a contactless reader would carry them.

Sources: ISO/IEC 7816-4, ICAO Doc 9303-10 §3 and 9303-11. Rule: it plays a chip, so it judges nothing and helps nobody: commands
that a chip would refuse are refused with the chip's status word, and a broken secure messaging session closes its files.
Quirks of chips of the field are options, so that readers are tested against them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from drivers.sim.passport.chip_access import (
    SW_REFERENCE_NOT_FOUND,
    Answer,
    BasicAccess,
    ChipAuthentication,
    Entropy,
    PaceAccess,
    passwords,
)
from drivers.sim.passport.chip_active import sign_challenge
from drivers.sim.passport.chip_files import SW_CONDITIONS, SW_WRONG_LENGTH, SW_WRONG_PARAMETERS, FileSystem, status
from drivers.sim.passport.chip_messaging import SM_INCORRECT, CardMessaging, MessagingError
from drivers.sim.passport.chip_options import ChipOptions, answer_to_select, parse_buffers
from drivers.sim.passport.chip_quirks import Refusal, offered_pace, own_parameters, refusal, served_files
from drivers.sim.passport.chip_rights import TerminalRights
from drivers.sim.passport.chip_terminal import TerminalAuthentication
from drivers.sim.passport.personalisation import ChipPersonalisation
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.files.tlv import read_header
from egate.mrtd.quirks import Quirk

__all__ = ["ChipOptions", "SimulatedChip"]

SW_NO_INSTRUCTION = 0x6D00
SW_SECURITY_STATUS = 0x6982
MAX_CHAINED_BYTES = 4096
"""More than any chained command of a protocol holds."""
_MAX_SHORT_RESPONSE = 256
_CHAINED = 0x10
_LONG_WITHOUT_BUFFERS = frozenset({0x22, 0x86})
"""MSE:Set KAT and GENERAL AUTHENTICATE may be extended whatever the chip states (Doc 9303-10 §3.6.4.2)."""


class SimulatedChip:
    """One chip in the field of a reader."""

    def __init__(
        self,
        personalisation: ChipPersonalisation,
        entropy: Entropy,
        options: ChipOptions | None = None,
        terminal: TerminalAuthentication | None = None,
    ) -> None:
        self._chip = personalisation
        self._entropy = entropy
        self._options = options or ChipOptions()
        self._supports_bac = personalisation.supports_bac and not self._options.has(Quirk.PACE_ONLY)
        self._open_to_all = not (self._supports_bac or personalisation.supports_pace)
        self._buffers = parse_buffers(personalisation.files)
        self._rights = TerminalRights(terminal, personalisation.mrz)
        self._files = FileSystem(served_files(personalisation.files, self._options), self._options, self._rights)
        self._instructions: dict[int, Callable[[CommandApdu], Answer]] = {
            0xA4: self._select,
            0xB0: self._read,
            0xB1: self._read,
            0x84: self._get_challenge,
            0x82: self._external_authenticate,
            0x22: self._manage_security,
            0x2A: lambda command: Answer(self._rights.verify(command)),
            0x86: self._general_authenticate,
            0x88: self._internal_authenticate,
        }
        self.reset()

    @property
    def ats(self) -> bytes:
        """The answer to select with which the chip introduces itself."""
        return answer_to_select(self._buffers, short_identifiers=not self._options.has(Quirk.NO_SHORT_IDENTIFIERS))

    def reset(self) -> None:
        """The field went off and on: no session, no access, master file."""
        chip, options = self._chip, self._options
        offered = offered_pace(chip.files, options) if chip.supports_pace else ()
        self._session: CardMessaging | None = None
        self._access = self._open_to_all
        self._waiting = self._chained = b""
        self._bac = BasicAccess(chip.mrz, self._entropy)
        words = passwords(chip.mrz, options.card_access_number)
        self._pace = PaceAccess(offered, words, self._entropy, chip.static_keys, own_parameters(chip.files))
        self._chip_authentication = ChipAuthentication(chip.static_keys)
        self._rights.forget()
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
        if self._is_too_long(command, parsed):
            return self._refuse(Refusal(SW_WRONG_LENGTH, ends_session=True)).to_bytes()
        response = self._protected(parsed) if parsed.cla & 0x0C == 0x0C else self._plain(parsed)
        if len(response.data) > _MAX_SHORT_RESPONSE and not parsed.extended:
            return self._portion(response.to_bytes()).to_bytes()
        return response.to_bytes()

    def _is_too_long(self, raw: bytes, command: CommandApdu) -> bool:
        """Whether the command, or the answer that it asks for, is longer than the chip's buffers."""
        if not command.extended:
            return False
        if self._buffers is None:
            return self._options.strict_lengths and command.ins not in _LONG_WITHOUT_BUFFERS
        answer = (command.le or 0) % 0x10000 + 2
        return len(raw) > self._buffers.command_bytes or answer > self._buffers.response_bytes

    def _refuse(self, refusal: Refusal) -> ResponseApdu:
        """An unprotected status word; where it ends the session, that is closed."""
        if refusal.ends_session:
            self._close_session()
        return status(refusal.sw)

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
        refused = refusal(self._options, command, protected=False)
        if refused is not None:
            return status(refused.sw)
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
        refused = refusal(self._options, plain, protected=True)
        if refused is not None and refused.ends_session:
            return self._refuse(refused)
        answer = self._execute(plain) if refused is None else Answer(status(refused.sw))
        if self._options.has(Quirk.NAKED_STATUS) and _is_refusal(answer.response.sw):
            return self._refuse(Refusal(answer.response.sw, ends_session=True))
        sealed = session.seal(answer.response, odd_instruction=bool(plain.ins & 1))
        if answer.session is not None:
            self._session = answer.session
        return sealed

    def _close_session(self) -> None:
        self._session, self._access = None, self._open_to_all
        self._rights.forget()

    def _execute(self, command: CommandApdu) -> Answer:
        instruction = self._instructions.get(command.ins)
        return Answer(status(SW_NO_INSTRUCTION)) if instruction is None else instruction(command)

    def _select(self, command: CommandApdu) -> Answer:
        if self._files.selects_application(command) and self._session is None:
            self._access = self._open_to_all
        return Answer(self._files.select(command))

    def _read(self, command: CommandApdu) -> Answer:
        return Answer(self._files.read(command, access=self._access))

    def _get_challenge(self, command: CommandApdu) -> Answer:
        if self._rights.expected:
            return Answer(self._rights.challenge(command))
        if not (self._supports_bac or self._options.has(Quirk.PACE_ONLY)):
            return Answer(status(SW_NO_INSTRUCTION if self._open_to_all else SW_SECURITY_STATUS))
        return Answer(self._bac.challenge(command) if self._files.in_application else status(SW_CONDITIONS))

    def _external_authenticate(self, command: CommandApdu) -> Answer:
        if self._rights.expected:
            return Answer(self._rights.authenticate(command))
        if self._options.has(Quirk.PACE_ONLY):
            return Answer(status(SW_REFERENCE_NOT_FOUND))
        return self._bac.answer(command) if self._supports_bac else Answer(status(SW_SECURITY_STATUS))

    def _manage_security(self, command: CommandApdu) -> Answer:
        """MANAGE SECURITY ENVIRONMENT: PACE, or chip authentication in its two forms."""
        purpose = (command.p1, command.p2)
        if purpose == (0xC1, 0xA4):
            self._chip_authentication.forget()
            return Answer(self._pace.set_up(command))
        if purpose in {(0x81, 0xB6), (0x81, 0xA4)}:
            return Answer(self._rights.manage(command))
        if purpose not in {(0x41, 0xA4), (0x41, 0xA6)}:
            return Answer(status(SW_WRONG_PARAMETERS))
        if not self._access:
            return Answer(status(SW_SECURITY_STATUS))
        if purpose == (0x41, 0xA6):
            return self._agreed(command, self._chip_authentication.agree_by_key_only(command))
        return Answer(self._chip_authentication.set_up(command))

    def _general_authenticate(self, command: CommandApdu) -> Answer:
        """One step of PACE or chip authentication; data that go on in the next command are gathered first (§3.6.5)."""
        gathered, self._chained = self._chained + command.data, b""
        if command.cla & _CHAINED and _goes_on(gathered):
            self._chained = gathered[: MAX_CHAINED_BYTES + 1]
            return Answer(status(0x9000 if len(gathered) <= MAX_CHAINED_BYTES else SW_WRONG_LENGTH))
        whole = replace(command, data=gathered)
        if self._chip_authentication.expected:
            return self._agreed(whole, self._chip_authentication.agree(whole))
        answer = self._pace.step(whole)
        self._rights.note_pace_answer(answer.response.data)
        return answer

    def _agreed(self, command: CommandApdu, answer: Answer) -> Answer:
        """Chip authentication's answer; a session that it begins is the one that terminal authentication can use."""
        if answer.session is not None:
            self._rights.note_agreement(command)
        return answer

    def _internal_authenticate(self, command: CommandApdu) -> Answer:
        key = self._chip.active_authentication_key
        if key is None:
            return Answer(status(SW_NO_INSTRUCTION))
        if not self._access or len(command.data) != 8:
            return Answer(status(SW_CONDITIONS if self._access else SW_SECURITY_STATUS))
        return Answer(ResponseApdu(sign_challenge(key, command.data, self._entropy, self._options.active_style), 0x9000))


def _goes_on(data: bytes) -> bool:
    """Whether a data object was begun that is not complete."""
    try:
        _, header, length = read_header(data, "chaining commands")
    except MalformedData:
        return False
    return len(data) < header + length


def _is_refusal(sw: int) -> bool:
    """Whether a status word neither brings data nor warns."""
    return sw != 0x9000 and sw >> 8 not in {0x61, 0x62, 0x63, 0x6C}
