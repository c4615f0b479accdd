"""A witness of the commands of one reading, who remembers the two ephemeral keys that terminal authentication signs.

Source: BSI TR-03110-1 §3.5, §4.3: ID_IC is the document number after BAC and the chip's compressed key after PACE; what is signed
is the terminal's key of chip authentication. Rule: it keeps public keys only and changes nothing, so the protocols that make them
need not know who needs them later.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from egate.model.document import MrzInformation
from egate.model.errors import EgateError, MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.files.tlv import parse_one, parse_tlvs
from egate.mrtd.terminal_auth import compressed_key, identifier_from_mrz

_GENERAL_AUTHENTICATE, _MANAGE_SECURITY, _EXTERNAL_AUTHENTICATE = 0x86, 0x22, 0x82
_DOING = "remembering an ephemeral key"

Result = TypeVar("Result")


class SessionWitness:
    """The ephemeral keys of the session in force, empty where there is none."""

    def __init__(self) -> None:
        self._chip_key = b""
        self._terminal_key = b""

    @property
    def terminal_key(self) -> bytes:
        """The terminal's key of the last chip authentication, as it was sent; empty when none was accepted in this session."""
        return self._terminal_key

    def chip_identifier(self, information: MrzInformation) -> bytes:
        """ID_IC of this session: the chip's compressed key after PACE, otherwise the document number."""
        return compressed_key(self._chip_key) if self._chip_key else identifier_from_mrz(information)

    def watched(self, dialogue: Generator[CommandApdu, ResponseApdu, Result]) -> Generator[CommandApdu, ResponseApdu, Result]:
        """The same dialogue, seen. Its commands must be plain: it stands above secure messaging."""
        try:
            command = next(dialogue)
            while True:
                try:
                    response = yield command
                except EgateError as error:
                    command = dialogue.throw(error)
                else:
                    self._note(command, response)
                    command = dialogue.send(response)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        finally:
            dialogue.close()

    def _note(self, command: CommandApdu, response: ResponseApdu) -> None:
        if not response.ok:
            return
        if command.ins == _EXTERNAL_AUTHENTICATE and command.le is not None:  # BAC expects data, terminal authentication none
            self._chip_key, self._terminal_key = b"", b""
        elif command.ins == _GENERAL_AUTHENTICATE:
            chip_key, terminal_key = _dynamic(response.data, 0x84), _dynamic(command.data, 0x80)
            if chip_key:
                self._chip_key, self._terminal_key = chip_key, b""
            elif terminal_key:
                self._terminal_key = terminal_key
        elif (command.ins, command.p1, command.p2) == (_MANAGE_SECURITY, 0x41, 0xA6):
            self._terminal_key = _value(command.data, 0x91)


def _dynamic(data: bytes, tag: int) -> bytes:
    """A value of the dynamic authentication data, empty when it is not there."""
    try:
        return _value(parse_one(data, 0x7C, _DOING), tag)
    except MalformedData:
        return b""


def _value(data: bytes, tag: int) -> bytes:
    try:
        return next((item.value for item in parse_tlvs(data, _DOING) if item.tag == tag), b"")
    except MalformedData:
        return b""
