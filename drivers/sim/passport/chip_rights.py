"""What the simulated chip remembers of its terminal for terminal authentication, and which commands belong to that protocol.

Source: BSI TR-03110-1 §3.5, §4.3 (the chip's identifier: the document number after BAC, its compressed key after PACE).
Rule: rights exist only in the session that chip authentication began; whatever ends that session ends them.
"""

from __future__ import annotations

from drivers.sim.passport.chip_files import SW_SECURITY_STATUS, SW_WRONG_PARAMETERS, status
from drivers.sim.passport.chip_terminal import SessionContext, TerminalAuthentication, compressed
from egate.model.document import ElementaryFile, MrzInformation
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.files.mrz import check_digit
from egate.mrtd.files.tlv import parse_one, parse_tlvs

_NO_INSTRUCTION = 0x6D00


class TerminalRights:
    """The chip's side of terminal authentication, or its absence."""

    def __init__(self, terminal: TerminalAuthentication | None, information: MrzInformation) -> None:
        self._terminal = terminal
        number = information.document_number
        self._context: SessionContext | None = None
        self._by_number = f"{number}{check_digit(number)}".encode("ascii")
        self.forget()

    def forget(self) -> None:
        """The session ended: identifier, context and rights are gone."""
        self._identifier, self._context = self._by_number, None
        if self._terminal is not None:
            self._terminal.reset()

    @property
    def granted(self) -> frozenset[ElementaryFile]:
        """Files that the terminal proved a right to."""
        return frozenset() if self._terminal is None else self._terminal.granted

    @property
    def ef_cvca(self) -> bytes | None:
        """The contents of EF.CVCA, None where the chip has none."""
        return None if self._terminal is None else self._terminal.ef_cvca

    @property
    def expected(self) -> bool:
        """Whether the next challenge belongs to this protocol."""
        return self._terminal is not None and self._terminal.expected

    def note_pace_answer(self, data: bytes) -> None:
        """Remember the chip's ephemeral key from the third step of PACE."""
        own = _object(data, 0x84)
        if own:
            self._identifier = compressed(own)

    def note_agreement(self, command: CommandApdu) -> None:
        """Remember the terminal's ephemeral key, with which chip authentication began the session."""
        public = _object(command.data, 0x80) if command.ins == 0x86 else _plain_object(command.data, 0x91)
        if self._terminal is not None:
            self._terminal.reset()
        self._context = SessionContext(self._identifier, compressed(public))

    def manage(self, command: CommandApdu) -> ResponseApdu:
        """MSE: Set DST and MSE: Set AT of this protocol."""
        if self._terminal is None:
            return status(SW_WRONG_PARAMETERS)
        if self._context is None:
            return status(SW_SECURITY_STATUS)
        return self._terminal.set_dst(command) if command.p2 == 0xB6 else self._terminal.set_at(command)

    def verify(self, command: CommandApdu) -> ResponseApdu:
        """PSO: Verify Certificate."""
        if self._terminal is None or (command.p1, command.p2) != (0x00, 0xBE):
            return status(_NO_INSTRUCTION if self._terminal is None else SW_WRONG_PARAMETERS)
        return status(SW_SECURITY_STATUS) if self._context is None else self._terminal.verify_certificate(command)

    def challenge(self, command: CommandApdu) -> ResponseApdu:
        """GET CHALLENGE where `expected`."""
        return status(SW_SECURITY_STATUS) if self._terminal is None else self._terminal.get_challenge(command)

    def authenticate(self, command: CommandApdu) -> ResponseApdu:
        """EXTERNAL AUTHENTICATE where `expected`."""
        if self._terminal is None:
            return status(SW_SECURITY_STATUS)
        return self._terminal.external_authenticate(command, self._context)


def _object(data: bytes, tag: int) -> bytes:
    """A value in the dynamic authentication data, empty when it is not there."""
    try:
        return _plain_object(parse_one(data, 0x7C, "remembering a key"), tag)
    except MalformedData:
        return b""


def _plain_object(data: bytes, tag: int) -> bytes:
    try:
        return next((item.value for item in parse_tlvs(data, "remembering a key") if item.tag == tag), b"")
    except MalformedData:
        return b""
