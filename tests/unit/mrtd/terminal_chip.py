"""What the tests of terminal authentication share: a chip after chip authentication, a verifying State, and one run."""

from __future__ import annotations

import random
from collections.abc import Generator
from datetime import date, timedelta

from drivers.sim.passport.chip_files import SW_CONDITIONS, SW_SECURITY_STATUS, status
from drivers.sim.passport.chip_messaging import CardMessaging, MessagingError
from drivers.sim.passport.chip_terminal import SessionContext, TerminalAuthentication, compressed
from drivers.sim.passport.chip_verification import (
    Holder,
    HolderPlan,
    VerificationKind,
    VerificationOffice,
    issue_to,
)
from egate.model.document import ElementaryFile
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.files.security_infos import TerminalAuthenticationInfo
from egate.mrtd.keys import session_keys
from egate.mrtd.secure_messaging import SecureMessaging
from egate.mrtd.session import ChipSession
from egate.mrtd.terminal_auth import (
    TerminalCredentials,
    identifier_from_mrz,
    run_terminal_authentication,
)
from egate.pki.cvc import Role, inspection_rights
from egate.pki.terminal_key import credentials_with_key
from tests.unit.mrtd.chip_reading import INFORMATION, carry

TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)
OFFERED = TerminalAuthenticationInfo(1)
IDENTIFIER = identifier_from_mrz(INFORMATION)
EPHEMERAL = CURVES[13].encode(CURVES[13].generator)
DG3, DG4 = b"\x63\x03fin", b"\x76\x03iri"
BOTH = frozenset({ElementaryFile.DG3, ElementaryFile.DG4})


class EacChip:
    """A chip after chip authentication: terminal authentication and two guarded files, under secure messaging.

    `context` is None for a chip with which no chip authentication was run.
    """

    def __init__(self, terminal: TerminalAuthentication, context: SessionContext | None, suite: CipherSuite) -> None:
        self.terminal = terminal
        self.context = context
        self.messaging = CardMessaging(session_keys(suite, b"shared"))
        self.plain: list[CommandApdu] = []

    def transceive(self, raw: bytes) -> bytes:
        try:
            command = self.messaging.open(CommandApdu.from_bytes(raw))
        except MessagingError as error:
            return status(error.sw).to_bytes()
        self.plain.append(command)
        return self.messaging.seal(self.answer(command)).to_bytes()

    def answer(self, command: CommandApdu) -> ResponseApdu:
        terminal = self.terminal
        match (command.ins, command.p1, command.p2):
            case (0x22, 0x81, 0xB6):
                return terminal.set_dst(command)
            case (0x2A, 0x00, 0xBE):
                return terminal.verify_certificate(command)
            case (0x22, 0x81, 0xA4):
                return terminal.set_at(command)
            case (0x84, 0x00, 0x00):
                return terminal.get_challenge(command)
            case (0x82, 0x00, 0x00):
                return terminal.external_authenticate(command, self.context)
            case (0xB0, 0x9C, 0x00):
                return ResponseApdu(terminal.ef_cvca[: command.le], 0x9000)
            case (0xB0, short, _):
                return self._guarded(ElementaryFile.DG3 if short == 0x83 else ElementaryFile.DG4)
        return status(SW_CONDITIONS)

    def _guarded(self, file: ElementaryFile) -> ResponseApdu:
        if file not in self.terminal.granted:
            return status(SW_SECURITY_STATUS)
        return ResponseApdu(DG3 if file is ElementaryFile.DG3 else DG4, 0x9000)


def office(kind: VerificationKind = VerificationKind.ECDSA_BRAINPOOL, seed: int = 3, country: str = "UT") -> VerificationOffice:
    return VerificationOffice.create(country, random.Random(seed).randbytes, TODAY, kind)


def eac_chip(
    root: Holder, *, authenticated: bool = True, suite: CipherSuite = CipherSuite.AES128, ephemeral: bytes = EPHEMERAL
) -> EacChip:
    terminal = TerminalAuthentication((root.certificate,), TODAY, random.Random(4).randbytes)
    return EacChip(terminal, SessionContext(IDENTIFIER, compressed(ephemeral)) if authenticated else None, suite)


def secured(
    dialogue: Generator[CommandApdu, ResponseApdu, str], suite: CipherSuite = CipherSuite.AES128
) -> Generator[CommandApdu, ResponseApdu, str]:
    """The dialogue inside the session that chip authentication left behind."""
    session = ChipSession()
    session.begin(SecureMessaging(session_keys(suite, b"shared")))
    return session.carried(dialogue)


def run(chip: EacChip, *offered: TerminalCredentials, identifier: bytes = IDENTIFIER, ephemeral: bytes = EPHEMERAL) -> str:
    return carry(secured(run_terminal_authentication(offered, OFFERED, identifier, ephemeral)), chip.transceive)


def system_of(
    state: VerificationOffice, *, fingerprints: bool = True, irises: bool = False, day: date = TODAY
) -> TerminalCredentials:
    verifier = state.verifier(day, fingerprints=fingerprints, irises=irises)
    system = state.inspection_system(verifier, day, fingerprints=fingerprints, irises=irises)
    return credentials_with_key(state.chain(verifier, system), system.key)


def read_guarded(chip: EacChip) -> tuple[int, int]:
    """The status words with which DG3 and DG4 answer now."""
    answers = [chip.answer(CommandApdu(0x00, 0xB0, 0x80 | number, 0x00, le=256)) for number in (3, 4)]
    return answers[0].sw, answers[1].sw


def holder_below(reference: str, role: Role, issuer: Holder | None, first: date = TODAY, last: date = TODAY + DAY) -> Holder:
    rights = inspection_rights(role, fingerprints=True, irises=True)
    return issue_to(
        HolderPlan(reference, rights, first, last), VerificationKind.ECDSA_BRAINPOOL, issuer, random.Random(9).randbytes
    )
