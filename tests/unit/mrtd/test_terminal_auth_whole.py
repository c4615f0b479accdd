"""Fingerprints read from a simulated chip by a terminal with certificates, through all protocols in their order."""

from __future__ import annotations

import random
from collections.abc import Generator
from datetime import date

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_options import Buffers, encode_atr_info
from drivers.sim.passport.chip_terminal import TerminalAuthentication
from drivers.sim.passport.chip_verification import VerificationKind, VerificationOffice
from drivers.sim.passport.personalisation import AgreementKey, ChipPersonalisation
from egate.model.document import ElementaryFile
from egate.model.errors import ChipError, ChipLost
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.chip_auth import chip_authentication, choose_chip_authentication
from egate.mrtd.crypto.agreement import GroupAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import GROUPS
from egate.mrtd.files.security_infos import (
    ChipAuthenticationInfo,
    TerminalAuthenticationInfo,
    chip_authentication_oid,
    encode_card_access,
    encode_key_info,
    encode_security_infos,
    parse_card_access,
    parse_dg14,
)
from egate.mrtd.files.tlv import encode_tlv, read_header
from egate.mrtd.keys import mrz_password
from egate.mrtd.pace import PacePassword, pace
from egate.mrtd.session import ChipSession
from egate.mrtd.session_witness import SessionWitness
from egate.mrtd.terminal_auth import TerminalCredentials, compressed_key, identifier_from_mrz, run_terminal_authentication
from egate.pki.terminal_key import credentials_with_key
from tests.unit.mrtd.chip_reading import INFORMATION, PACE_AES128, carry, entropy, passport_files

TODAY = date(2026, 11, 24)
DG3 = encode_tlv(0x63, encode_tlv(0x7F61, b"\x02\x01\x01" + bytes(300)))
APPLICATION = CommandApdu(0x00, 0xA4, 0x04, 0x0C, bytes.fromhex("A0000002471001"))


def static_key(*, group: bool) -> AgreementKey:
    agreement = GroupAgreement(GROUPS[2]) if group else agreement_by_id(13)
    assert agreement is not None
    return AgreementKey(agreement, 0x1234567890ABCDEF1234567890ABCDEF)


def chip_of(state: VerificationOffice, suite: CipherSuite, *, group: bool) -> SimulatedChip:
    key = static_key(group=group)
    encoded = key.agreement.encode(key.public)  # type: ignore[arg-type]  # the element belongs to this agreement
    oid = chip_authentication_oid(suite)
    info = ChipAuthenticationInfo(oid.replace(".3.2.", ".3.1.") if group else oid)
    infos = encode_security_infos(
        chip_authentication=(info,),
        keys=(encode_key_info(key.agreement, encoded),),
        terminal_authentication=TerminalAuthenticationInfo(1),
    )
    files = passport_files() | {ElementaryFile.DG3: DG3, ElementaryFile.DG14: encode_tlv(0x6E, infos)}
    files[ElementaryFile.CARD_ACCESS] = encode_card_access((PACE_AES128,))
    files[ElementaryFile.ATR_INFO] = encode_atr_info(Buffers(4096, 4096))
    terminal = TerminalAuthentication((state.root.certificate,), TODAY, entropy(5))
    return SimulatedChip(ChipPersonalisation(INFORMATION, files, agreement_keys=(key,)), entropy(1), terminal=terminal)


class Inspection:
    """One reading as the lane's reading dialogue does it, with the witness above secure messaging."""

    def __init__(self, credentials: TerminalCredentials) -> None:
        self.session = ChipSession()
        self.witness = SessionWitness()
        self.credentials = credentials
        self.identifier = b""

    def run(self, *, by_pace: bool, with_chip_authentication: bool = True) -> Generator[CommandApdu, ResponseApdu, bytes]:
        yield from self._access(by_pace=by_pace)
        infos = parse_dg14((yield from self._file(ElementaryFile.DG14)))
        if with_chip_authentication:
            way = choose_chip_authentication(infos)
            assert way is not None
            self.session.begin((yield from chip_authentication(way, entropy(8))))
        with pytest.raises(ChipError):
            yield from self._file(ElementaryFile.DG3)
        self.identifier = self.witness.chip_identifier(INFORMATION)
        yield from run_terminal_authentication(
            (self.credentials,), infos.terminal_authentication, self.identifier, self.witness.terminal_key
        )
        return (yield from self._file(ElementaryFile.DG3))

    def _access(self, *, by_pace: bool) -> Generator[CommandApdu, ResponseApdu, None]:
        if by_pace:
            offered = parse_card_access((yield from self._file(ElementaryFile.CARD_ACCESS))).pace[0]
            self.session.begin((yield from pace(offered, PacePassword(1, mrz_password(INFORMATION)), entropy(7))))
            yield APPLICATION
        else:
            yield APPLICATION
            self.session.begin((yield from basic_access(INFORMATION, entropy(7))))

    def _file(self, file: ElementaryFile) -> Generator[CommandApdu, ResponseApdu, bytes]:
        """The file in small blocks; raises ChipError with the refusal."""
        data, size = b"", 8
        while len(data) < size:
            first = 0x80 | file.short_id if not data else len(data) >> 8
            response = yield CommandApdu(0x00, 0xB0, first, len(data) & 0xFF, le=min(128, size - len(data)))
            if not response.ok:
                raise ChipError("reading in a test", "refused", response.sw)
            data += response.data
            size = sum(read_header(data, "reading in a test")[1:])
        return data


def inspect(chip: SimulatedChip, inspection: Inspection, *, by_pace: bool, with_chip_authentication: bool = True) -> bytes:
    dialogue = inspection.run(by_pace=by_pace, with_chip_authentication=with_chip_authentication)
    return carry(inspection.session.carried(inspection.witness.watched(dialogue)), chip.transceive)


def credentials_of(state: VerificationOffice) -> TerminalCredentials:
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    return credentials_with_key(state.chain(verifier, system), system.key)


def office(kind: VerificationKind = VerificationKind.ECDSA_BRAINPOOL) -> VerificationOffice:
    return VerificationOffice.create("UT", random.Random(3).randbytes, TODAY, kind)


@pytest.mark.parametrize("by_pace", [True, False], ids=["pace", "bac"])
@pytest.mark.parametrize("suite", [CipherSuite.DES3, CipherSuite.AES256])
@pytest.mark.parametrize("group", [True, False], ids=["dh", "ecdh"])
def test_fingerprints_are_read(by_pace: bool, suite: CipherSuite, group: bool) -> None:
    inspection = Inspection(credentials_of(office()))
    assert inspect(chip_of(office(), suite, group=group), inspection, by_pace=by_pace) == DG3
    assert (inspection.identifier == identifier_from_mrz(INFORMATION)) is not by_pace


def test_with_long_certificates() -> None:
    """RSA certificates need commands of extended length."""
    state = office(VerificationKind.RSA)
    assert inspect(chip_of(state, CipherSuite.AES128, group=False), Inspection(credentials_of(state)), by_pace=True) == DG3


def test_without_chip_authentication_nothing_opens() -> None:
    """The chip refuses the first command of the protocol, and DG3 stays closed."""
    chip = chip_of(office(), CipherSuite.AES128, group=False)
    inspection = Inspection(credentials_of(office()))
    with pytest.raises(ChipError) as caught:
        inspect(chip, inspection, by_pace=True, with_chip_authentication=False)
    assert caught.value.sw == 0x6982


def test_the_witness_forgets_keys_of_another_session() -> None:
    """A session that is begun anew has neither the chip's key of the old one nor the terminal's."""
    chip = chip_of(office(), CipherSuite.AES128, group=False)
    inspection = Inspection(credentials_of(office()))
    inspect(chip, inspection, by_pace=True)
    assert inspection.witness.terminal_key
    old = inspection.identifier

    def again(*, by_pace: bool) -> Generator[CommandApdu, ResponseApdu, None]:
        inspection.session.end()
        yield CommandApdu(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00")
        yield from inspection._access(by_pace=by_pace)

    for by_pace in (True, False):
        chip.reset()
        carry(inspection.session.carried(inspection.witness.watched(again(by_pace=by_pace))), chip.transceive)
        assert inspection.witness.terminal_key == b""
        identifier = inspection.witness.chip_identifier(INFORMATION)
        assert identifier != old or not by_pace
        assert (identifier == identifier_from_mrz(INFORMATION)) is not by_pace


def test_the_witness_takes_only_what_the_chip_accepted() -> None:
    witness = SessionWitness()

    def commands() -> Generator[CommandApdu, ResponseApdu, int]:
        agreed = encode_tlv(0x7C, encode_tlv(0x80, b"\x04" + bytes(64)))
        yield CommandApdu(0x00, 0x86, 0x00, 0x00, agreed, 256)
        yield CommandApdu(0x00, 0x86, 0x00, 0x00, b"\xff", 256)
        yield CommandApdu(0x00, 0x22, 0x41, 0xA6, b"\xff")
        with pytest.raises(ChipError):
            yield CommandApdu(0x00, 0x84, 0x00, 0x00, le=8)
        return 7

    dialogue = witness.watched(commands())
    next(dialogue)
    dialogue.send(ResponseApdu(b"", 0x6A80))
    dialogue.send(ResponseApdu(b"\xff", 0x9000))
    dialogue.send(ResponseApdu(b"", 0x9000))
    with pytest.raises(StopIteration) as stop:
        dialogue.throw(ChipError("test", "refused", 0x6F00))
    assert stop.value.value == 7
    assert witness.terminal_key == b""
    assert witness.chip_identifier(INFORMATION) == identifier_from_mrz(INFORMATION)
    assert compressed_key(b"") != b""


def test_the_loss_of_the_chip_passes_the_witness() -> None:
    dialogue = SessionWitness().watched(basic_access(INFORMATION, entropy(1)))
    next(dialogue)
    with pytest.raises(ChipLost):
        dialogue.throw(ChipLost("reading", "gone"))
