"""Reading against clones: chips that copy data but hold no key."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drivers.sim.passport.chip_access import Answer, ChipAuthentication
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.apdu import CommandApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.lds import encode_dg15
from egate.mrtd.files.security_infos import encode_dg14
from egate.mrtd.files.tlv import encode_tlv
from tests.unit.mrtd.chip_reading import (
    PACE_AES128,
    chip_key,
    passport_files,
    read,
    simulated_chip,
)

KEY = chip_key(5)
CLONED_KEY = chip_key(6)
COMPLETED, REFUSED, BROKEN = ProtocolState.COMPLETED, ProtocolState.REFUSED, ProtocolState.BROKEN
NOT_OFFERED, NOT_RUN = ProtocolState.NOT_OFFERED, ProtocolState.NOT_RUN


def states(evidence: ChipEvidence) -> dict[str, ProtocolState]:
    """The first state of each protocol."""
    names = ("pace", "bac", "chip_authentication", "active_authentication")
    return {name: evidence.outcome(name).state for name in names}


def all_read(evidence: ChipEvidence, chip_files: dict[ElementaryFile, bytes]) -> bool:
    """Whether every file of the passport arrived as the issuer wrote it."""
    return dict(evidence.files) == chip_files


# Is it genuine?


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2048)


def dg15(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return encode_dg15(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize("by_pace", [True, False])
@pytest.mark.parametrize("suite", list(CipherSuite))
def test_a_clone_is_caught(by_pace: bool, suite: CipherSuite) -> None:
    """The clone's own key: its session breaks; everything else is still read for the officer, in a new session."""
    files = passport_files(KEY, (PACE_AES128,) if by_pace else (), suite)
    evidence = read(simulated_chip(files, CLONED_KEY, pace=by_pace).transceive)
    outcome = evidence.outcome("chip_authentication")
    assert outcome.state is BROKEN
    assert outcome.sw == 0x6988
    assert all_read(evidence, files)


def test_a_clone_is_not_asked_to_sign() -> None:
    """Once caught it stays caught: active authentication, which a relayed chip could give, is not run any more."""
    files = passport_files(KEY) | {ElementaryFile.DG15: dg15(chip_key(11))}
    evidence = read(simulated_chip(files, CLONED_KEY, active=chip_key(11)).transceive)
    assert states(evidence)["chip_authentication"] is BROKEN
    assert states(evidence)["active_authentication"] is NOT_RUN
    assert all(line.ins != 0x88 for line in evidence.transcript)


def test_sessions_are_opened_again_a_few_times_only() -> None:
    """A chip that breaks the session at every read costs five sessions, not one for each."""
    chip = simulated_chip(passport_files(None))

    def transceive(raw: bytes) -> bytes:
        return b"\x69\x88" if raw[:2] == b"\x0c\xb0" else chip.transceive(raw)

    evidence = read(transceive)
    assert sum(line.ins == 0x22 for line in evidence.transcript) == 5
    assert evidence.outcome("secure_messaging").state is BROKEN


def test_a_clone_without_a_key_refuses() -> None:
    for suite in (CipherSuite.AES128, CipherSuite.DES3):
        files = passport_files(KEY, suite=suite)
        evidence = read(simulated_chip(files, None).transceive)
        assert states(evidence)["chip_authentication"] is REFUSED
        assert all_read(evidence, files)


class _KeepsKeys(ChipAuthentication):
    """Says that it changed keys and goes on under the old ones."""

    def agree(self, command: CommandApdu) -> Answer:
        return replace(super().agree(command), session=None)

    def agree_by_key_only(self, command: CommandApdu) -> Answer:
        return replace(super().agree_by_key_only(command), session=None)


@pytest.mark.parametrize("suite", [CipherSuite.AES128, CipherSuite.DES3])
def test_a_clone_that_pretends_to_change_keys(suite: CipherSuite) -> None:
    """It answers chip authentication with success, but its next answer does not hold."""
    chip = simulated_chip(passport_files(KEY, suite=suite), CLONED_KEY)
    chip._chip_authentication = _KeepsKeys(CLONED_KEY)
    evidence = read(chip.transceive)
    assert states(evidence)["chip_authentication"] is BROKEN
    assert ElementaryFile.DG2 in evidence.files


@pytest.mark.parametrize("answer", [b"", b"\x90", b"\x90\x00", b"\x6a\x82", b"\x61\x00"])
@pytest.mark.parametrize("always", [True, False])
def test_a_clone_that_evades_the_proof(answer: bytes, always: bool) -> None:
    """Whatever a clone answers in place of a protected response, to one command or to all, chip authentication is not done."""
    chip = simulated_chip(passport_files(KEY), CLONED_KEY)
    changed = evaded = False

    def transceive(raw: bytes) -> bytes:
        nonlocal changed, evaded
        if changed and (always or not evaded):
            evaded = True
            return answer
        response = chip.transceive(raw)
        changed = changed or (raw[:2] == b"\x0c\x86")
        return response

    assert states(read(transceive))["chip_authentication"] is BROKEN


def test_a_proven_chip_with_a_closed_dg15() -> None:
    """A protected refusal is an answer under the new keys: it completes chip authentication."""
    files = passport_files(KEY) | {ElementaryFile.DG15: bytes.fromhex("6f83ffffff")}
    evidence = read(simulated_chip(files, KEY).transceive)
    assert states(evidence)["chip_authentication"] is COMPLETED
    assert evidence.outcome("file").variant == "DG15"
    assert ElementaryFile.DG2 in evidence.files


def test_a_clone_that_cannot_open_a_session_again() -> None:
    """After the break the chip answers nothing any more: the outcome stays, the dialogue returns."""
    chip = simulated_chip(passport_files(KEY), CLONED_KEY)
    broken = False

    def transceive(raw: bytes) -> bytes:
        nonlocal broken
        response = b"\x6f\x00" if broken else chip.transceive(raw)
        broken = broken or response == b"\x69\x88"
        return response

    evidence = read(transceive)
    assert states(evidence)["chip_authentication"] is BROKEN
    assert evidence.outcome("secure_messaging").state is REFUSED
    assert ElementaryFile.DG2 not in evidence.files
    assert ElementaryFile.DG1 in evidence.files


def test_dg14_that_offers_nothing_we_speak() -> None:
    other_curve = encode_dg14(KEY.public_key(), CipherSuite.AES128).replace(bytes.fromhex("a9fb57db"), bytes.fromhex("a9fb57dc"))
    for dg14, state in ((other_curve, BROKEN), (encode_tlv(0x6E, encode_tlv(0x31, b"")), NOT_OFFERED)):
        files = passport_files(None) | {ElementaryFile.DG14: dg14}
        evidence = read(simulated_chip(files, KEY).transceive)
        assert states(evidence)["chip_authentication"] is state
        assert all_read(evidence, files)


def test_malformed_dg14() -> None:
    files = passport_files(None) | {ElementaryFile.DG14: encode_tlv(0x6E, b"\x02\x01\x01")}
    evidence = read(simulated_chip(files, KEY).transceive)
    assert states(evidence)["chip_authentication"] is BROKEN
    assert ElementaryFile.DG2 in evidence.files


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1(), ec.SECP256R1()], ids=["brainpool", "secp"])
def test_active_authentication_on_a_curve(curve: ec.EllipticCurve) -> None:
    key = chip_key(11, curve)
    files = passport_files(None) | {ElementaryFile.DG15: dg15(key)}
    evidence = read(simulated_chip(files, None, active=key).transceive)
    outcome = evidence.outcome("active_authentication")
    assert (outcome.state, outcome.variant) == (COMPLETED, "ecdsa-sha256")
    assert all_read(evidence, files)


def test_active_authentication_by_another_key() -> None:
    files = passport_files(None) | {ElementaryFile.DG15: dg15(chip_key(11))}
    evidence = read(simulated_chip(files, None, active=chip_key(12)).transceive)
    outcome = evidence.outcome("active_authentication")
    assert (outcome.state, outcome.variant) == (BROKEN, "")
    assert ElementaryFile.DG2 in evidence.files


def test_active_authentication_refused() -> None:
    files = passport_files(None) | {ElementaryFile.DG15: dg15(chip_key(11))}
    evidence = read(simulated_chip(files).transceive)
    assert states(evidence)["active_authentication"] is REFUSED
    assert evidence.outcome("active_authentication").sw == 0x6D00


def test_active_authentication_that_breaks_the_session() -> None:
    """A naked signature proves nothing and ends the session; the face is read in a new one."""
    files = passport_files(None) | {ElementaryFile.DG15: dg15(chip_key(11))}
    chip = simulated_chip(files, None, active=chip_key(11))

    def transceive(raw: bytes) -> bytes:
        return bytes(64) + b"\x90\x00" if raw[1] == 0x88 else chip.transceive(raw)

    evidence = read(transceive)
    assert states(evidence)["active_authentication"] is BROKEN
    assert all_read(evidence, files)


def test_malformed_dg15() -> None:
    files = passport_files(None) | {ElementaryFile.DG15: encode_dg15(b"\x02\x01\x01")}
    assert states(read(simulated_chip(files).transceive))["active_authentication"] is BROKEN


def test_no_active_authentication_after_chip_authentication() -> None:
    files = passport_files(KEY) | {ElementaryFile.DG15: dg15(chip_key(11))}
    evidence = read(simulated_chip(files, KEY, active=chip_key(11)).transceive)
    assert states(evidence)["chip_authentication"] is COMPLETED
    assert states(evidence)["active_authentication"] is NOT_RUN
    assert all_read(evidence, files)


def test_active_authentication_where_chip_authentication_was_refused() -> None:
    """A chip that refuses one proof may still give the other; both outcomes are evidence."""
    files = passport_files(KEY) | {ElementaryFile.DG15: dg15(chip_key(11))}
    evidence = read(simulated_chip(files, None, active=chip_key(11)).transceive)
    assert states(evidence)["chip_authentication"] is REFUSED
    assert states(evidence)["active_authentication"] is COMPLETED


# Liars


def test_responses_in_portions() -> None:
    """A signature longer than a short response arrives by GET RESPONSE, under one code."""
    key = rsa_key()
    files = passport_files(None) | {ElementaryFile.DG15: dg15(key)}
    evidence = read(simulated_chip(files, None, active=key).transceive)
    assert states(evidence)["active_authentication"] is COMPLETED
    assert any(line.ins == 0xC0 for line in evidence.transcript)
