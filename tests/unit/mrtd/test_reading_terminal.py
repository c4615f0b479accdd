"""DG3 in a whole reading: read by a terminal with certificates, and by nobody else."""

from __future__ import annotations

import pytest

from drivers.sim.passport.chip_verification import VerificationKind
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.reading import ReadRequest
from egate.mrtd.terminal_auth import TerminalCredentials
from tests.unit.mrtd.chip_reading import INFORMATION, chip_key, passport_files, read, simulated_chip
from tests.unit.mrtd.test_terminal_auth_whole import DG3, chip_of, credentials_of, office

COMPLETED, REFUSED, NOT_RUN = ProtocolState.COMPLETED, ProtocolState.REFUSED, ProtocolState.NOT_RUN


def request(terminal: TerminalCredentials | None, *, pace_before_bac: bool = True) -> ReadRequest:
    wanted = (ElementaryFile.DG3,)
    return ReadRequest(INFORMATION, pace_before_bac=pace_before_bac, further_files=wanted, terminal=terminal)


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
