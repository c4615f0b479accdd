"""DG3 in a whole reading: read by a terminal with certificates, and by nobody else."""

from __future__ import annotations

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_verification import VerificationKind, VerificationOffice
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.model.errors import DeviceError
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.reading import ReadRequest
from egate.mrtd.terminal_auth import TerminalCredentials
from tests.unit.mrtd.chip_reading import INFORMATION, chip_key, entropy, passport_files, read, simulated_chip
from tests.unit.mrtd.test_terminal_auth_whole import DG3, TODAY, chip_of, credentials_of, office

COMPLETED, REFUSED, NOT_RUN = ProtocolState.COMPLETED, ProtocolState.REFUSED, ProtocolState.NOT_RUN


def request(terminal: TerminalCredentials | None, *, pace_before_bac: bool = True) -> ReadRequest:
    wanted = (ElementaryFile.DG3,)
    return ReadRequest(
        INFORMATION, pace_before_bac=pace_before_bac, further_files=wanted, terminal=() if terminal is None else (terminal,)
    )


class Breaking:
    """Carries to a chip; the exchange `at` is answered by nonsense, which ends the session."""

    def __init__(self, chip: SimulatedChip, at: int) -> None:
        self._chip, self._at, self.count = chip, at, 0

    def __call__(self, command: bytes) -> bytes:
        self.count += 1
        return b"\x67\x00" if self.count == self._at else self._chip.transceive(command)


def closed(evidence: ChipEvidence) -> bool:
    outcome = evidence.outcome("file")
    return ElementaryFile.DG3 not in evidence.files and (outcome.variant, outcome.sw) == ("DG3", 0x6982)


@pytest.mark.parametrize("pace_before_bac", [True, False])
def test_fingerprints_with_credentials(pace_before_bac: bool) -> None:
    state = office()
    evidence = read(
        chip_of(state, CipherSuite.AES128, group=False).transceive,
        request(credentials_of(state), pace_before_bac=pace_before_bac),
    )
    assert evidence.files[ElementaryFile.DG3] == DG3
    assert evidence.outcome("terminal_authentication").state is COMPLETED
    assert evidence.outcome("terminal_authentication").variant.startswith("ecdsa")
    assert ElementaryFile.DG2 in evidence.files


def test_no_fingerprints_without_credentials() -> None:
    evidence = read(chip_of(office(), CipherSuite.AES128, group=False).transceive, request(None))
    assert closed(evidence)
    assert evidence.outcome("terminal_authentication").state is NOT_RUN
    assert ElementaryFile.DG2 in evidence.files


def test_no_fingerprints_with_certificates_of_another_state() -> None:
    stranger = credentials_of(office(VerificationKind.RSA))
    evidence = read(chip_of(office(), CipherSuite.AES128, group=False).transceive, request(stranger))
    assert closed(evidence)
    assert evidence.outcome("terminal_authentication").state in {REFUSED, ProtocolState.BROKEN}
    assert ElementaryFile.DG2 in evidence.files


def test_no_terminal_authentication_without_chip_authentication() -> None:
    """A clone breaks chip authentication: no signature of ours is made for it."""
    key, other = chip_key(5), chip_key(6)
    signed: list[bytes] = []

    def sign(message: bytes) -> bytes:
        signed.append(message)
        return b""

    credentials = TerminalCredentials(credentials_of(office()).chain, sign)
    evidence = read(simulated_chip(passport_files(key), other).transceive, request(credentials))
    assert evidence.outcome("chip_authentication").state is ProtocolState.BROKEN
    assert evidence.outcome("terminal_authentication").state is NOT_RUN
    assert "did not complete" in evidence.outcome("terminal_authentication").detail
    assert not signed


def test_a_chip_that_does_not_offer_it() -> None:
    key = chip_key(5)
    evidence = read(simulated_chip(passport_files(key), key).transceive, request(credentials_of(office())))
    assert evidence.outcome("terminal_authentication").state is ProtocolState.NOT_OFFERED


def test_credentials_of_several_states() -> None:
    """The chip's own State is served, wherever its credentials stand."""
    own, strangers = (
        credentials_of(office()),
        credentials_of(VerificationOffice.create("XX", entropy(9), TODAY, VerificationKind.RSA)),
    )
    for offered in ((own, strangers), (strangers, own)):
        wanted = ReadRequest(INFORMATION, further_files=(ElementaryFile.DG3,), terminal=offered)
        evidence = read(chip_of(office(), CipherSuite.AES128, group=False).transceive, wanted)
        assert evidence.files[ElementaryFile.DG3] == DG3
        assert evidence.outcome("terminal_authentication").state is COMPLETED


@pytest.mark.parametrize("pace_before_bac", [True, False])
@pytest.mark.parametrize("place", ["first", "middle"])
def test_rights_are_proved_again_after_a_session_broke(pace_before_bac: bool, place: str) -> None:
    """DG3 is still to be read, or half of it is: chip and terminal authentication run again in the new session."""
    wanted = request(credentials_of(office()), pace_before_bac=pace_before_bac)
    undisturbed = Breaking(chip_of(office(), CipherSuite.AES128, group=False), 0)
    whole = read(undisturbed, wanted)
    signatures = [at for at, line in enumerate(whole.transcript) if line.ins == 0x82]
    at = signatures[-1] + {"first": 2, "middle": 3}[place]  # counted from one: the first or the second block of DG3
    evidence = read(Breaking(chip_of(office(), CipherSuite.AES128, group=False), at), wanted)
    assert evidence.files[ElementaryFile.DG3] == DG3
    assert evidence.files.keys() == whole.files.keys()
    assert evidence.outcome("terminal_authentication").state is COMPLETED
    again = [line for line in evidence.transcript if line.ins == 0x82]
    assert len(again) == len(signatures) + (1 if pace_before_bac else 2)


def test_a_session_that_breaks_again_and_again_ends() -> None:
    """A chip that breaks every session after terminal authentication keeps its fingerprints, and nobody waits for ever."""

    class Stubborn(Breaking):
        def __call__(self, command: bytes) -> bytes:
            self.count += 1
            answer = self._chip.transceive(command)
            return b"\x67\x00" if self.count > self._at and self.count % 7 == 0 else answer

    whole = Breaking(chip_of(office(), CipherSuite.AES128, group=False), 0)
    read(whole, request(credentials_of(office())))
    evidence = read(Stubborn(chip_of(office(), CipherSuite.AES128, group=False), 20), request(credentials_of(office())))
    assert len(evidence.transcript) < 4 * whole.count


def test_no_rights_are_proved_again_where_nothing_needs_them() -> None:
    """The session breaks in DG2, after DG3: nothing is signed a second time."""
    whole = Breaking(chip_of(office(), CipherSuite.AES128, group=False), 0)
    read(whole, request(credentials_of(office())))
    evidence = read(Breaking(chip_of(office(), CipherSuite.AES128, group=False), whole.count), request(credentials_of(office())))
    assert ElementaryFile.DG2 in evidence.files
    assert sum(line.ins == 0x82 for line in evidence.transcript) == 1


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "broken"])
def test_rights_that_cannot_be_proved_again_leave_the_file_closed(lost: bool) -> None:
    """The key module signs once and then fails, or the session breaks in the second proof: DG3 stays closed, the face is read."""
    real, signed = credentials_of(office()), list[bytes]()

    def sign(message: bytes) -> bytes:
        signed.append(message)
        if len(signed) > 1 and not lost:
            raise DeviceError("signing", "the module is gone")
        return real.sign(message)

    whole = Breaking(chip_of(office(), CipherSuite.AES128, group=False), 0)
    seen = read(whole, request(real)).transcript
    at = max(number for number, line in enumerate(seen) if line.ins == 0x82) + 2
    chip = chip_of(office(), CipherSuite.AES128, group=False)
    breaking = Breaking(chip, at)

    def transceive(command: bytes) -> bytes:
        if lost and len(signed) > 1:
            signed.pop()
            return b"\x69\x88"
        return breaking(command)

    evidence = read(transceive, request(TerminalCredentials(real.chain, sign)))
    again = [outcome for outcome in evidence.protocols if outcome.protocol == "terminal_authentication"]
    assert [outcome.variant for outcome in again[1:]] == ["reopening"]
    assert again[0].state is COMPLETED
    assert ElementaryFile.DG3 not in evidence.files
    assert ElementaryFile.DG2 in evidence.files
