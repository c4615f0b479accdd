"""Terminal authentication against a simulated chip: fingerprints open for those who may, and for nobody else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from drivers.sim.passport.chip_files import SW_CONDITIONS, SW_SECURITY_STATUS
from drivers.sim.passport.chip_terminal import TerminalAuthentication
from drivers.sim.passport.chip_verification import (
    CVCA_LIFE,
    TERMINAL_LIFE,
    VERIFIER_LIFE,
    Holder,
    HolderPlan,
    VerificationKind,
    VerificationOffice,
    issue_to,
)
from egate.model.document import ElementaryFile
from egate.model.errors import ChipError
from egate.mrtd.apdu import CommandApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import session_keys
from egate.mrtd.secure_messaging import SecureMessaging
from egate.mrtd.session import ChipSession
from egate.mrtd.terminal_auth import (
    TerminalCredentials,
    compressed_key,
    identifier_from_mrz,
    parse_ef_cvca,
    parse_sent_certificate,
    run_terminal_authentication,
)
from egate.pki.cvc import Role, inspection_rights
from egate.pki.terminal_key import credentials_with_key
from tests.unit.mrtd.chip_reading import INFORMATION, carry
from tests.unit.mrtd.terminal_chip import (
    BOTH,
    DAY,
    EPHEMERAL,
    IDENTIFIER,
    OFFERED,
    TODAY,
    EacChip,
    eac_chip,
    holder_below,
    office,
    read_guarded,
    run,
    secured,
    system_of,
)


@pytest.mark.parametrize("suite", CipherSuite)
def test_fingerprints_open(suite: CipherSuite) -> None:
    state = office()
    chip = eac_chip(state.root, suite=suite)
    dialogue = run_terminal_authentication((system_of(state),), OFFERED, IDENTIFIER, EPHEMERAL)
    assert read_guarded(chip) == (SW_SECURITY_STATUS, SW_SECURITY_STATUS)
    assert carry(secured(dialogue, suite), chip.transceive) == "ecdsa-sha256"
    assert chip.terminal.granted == {ElementaryFile.DG3}
    assert read_guarded(chip) == (0x9000, SW_SECURITY_STATUS)


@pytest.mark.parametrize(
    ("kind", "variant"),
    [
        (VerificationKind.ECDSA_NIST, "ecdsa-sha384"),
        (VerificationKind.RSA, "rsa-sha256"),
        (VerificationKind.RSA_PSS, "rsa-pss-sha256"),
    ],
)
def test_every_kind_of_certificate(kind: VerificationKind, variant: str) -> None:
    state = office(kind)
    chip = eac_chip(state.root)
    assert run(chip, system_of(state, irises=True)) == variant
    assert chip.terminal.granted == BOTH


def test_the_commands_are_those_of_the_guideline() -> None:
    state = office()
    chip = eac_chip(state.root)
    run(chip, system_of(state))
    headers = [(command.ins, command.p1, command.p2) for command in chip.plain]
    certificate = [(0x22, 0x81, 0xB6), (0x2A, 0x00, 0xBE)]
    proof = [(0x22, 0x81, 0xA4), (0x84, 0x00, 0x00), (0x82, 0x00, 0x00)]
    assert headers == [(0xB0, 0x9C, 0x00), *certificate, *certificate, *proof]
    assert chip.plain[1].data == encode_tlv(0x83, b"UTCVCA00001")
    assert chip.plain[2].data[:2] == b"\x7f\x4e"
    assert chip.plain[5].data == encode_tlv(0x83, b"UTISGATE00001")
    assert (chip.plain[6].le, chip.plain[6].data, chip.plain[7].le) == (8, b"", None)


def test_an_old_chip_learns_the_new_keys() -> None:
    """Links lead from the key that the chip knows to the one in force; the chip keeps two, and its date goes on."""
    state = office()
    renewed = state.with_new_key(TODAY + DAY).with_new_key(TODAY + 2 * DAY)
    chip = eac_chip(state.root)
    run(chip, system_of(renewed, day=TODAY + 3 * DAY))
    assert chip.terminal.granted == {ElementaryFile.DG3}
    assert chip.terminal.trust_points == ("UTCVCA00003", "UTCVCA00002")
    assert chip.terminal.current_date == TODAY + 3 * DAY
    assert parse_ef_cvca(chip.terminal.ef_cvca) == ("UTCVCA00003", "UTCVCA00002")

    chip.terminal.reset()
    assert not chip.terminal.granted
    count = len(chip.plain)
    run(chip2 := EacChip(chip.terminal, chip.context, CipherSuite.AES128), system_of(renewed, day=TODAY + 3 * DAY))
    assert len(chip2.plain) == 8 < count
    with pytest.raises(ChipError, match="no certificate leads"):
        run(EacChip(chip.terminal, chip.context, CipherSuite.AES128), system_of(state))


def test_rights_are_those_of_the_whole_chain() -> None:
    """An inspection system without the right to DG3 authenticates and gets no fingerprints."""
    for verifier_may, system_may in ((True, False), (False, True)):
        state = office()
        verifier = state.verifier(TODAY, fingerprints=verifier_may, irises=True)
        system = state.inspection_system(verifier, TODAY, fingerprints=system_may, irises=True)
        chip = eac_chip(state.root)
        run(chip, credentials_with_key(state.chain(verifier, system), system.key))
        assert chip.terminal.granted == {ElementaryFile.DG4}
        assert read_guarded(chip) == (SW_SECURITY_STATUS, 0x9000)


def test_a_chip_without_chip_authentication_grants_nothing() -> None:
    """Terminal authentication before chip authentication would sign nothing that binds it to a session."""
    state = office()
    chip = eac_chip(state.root, authenticated=False)
    with pytest.raises(ChipError) as caught:
        run(chip, system_of(state))
    assert caught.value.sw == SW_SECURITY_STATUS
    assert not chip.terminal.granted


def test_a_proof_for_another_session_or_document() -> None:
    state = office()
    other_key = CURVES[13].multiply(5, CURVES[13].generator)
    assert other_key is not None
    other_document = identifier_from_mrz(replace(INFORMATION, document_number="L898902C4"))
    for identifier, ephemeral in ((IDENTIFIER, CURVES[13].encode(other_key)), (other_document, EPHEMERAL)):
        chip = eac_chip(state.root)
        with pytest.raises(ChipError) as caught:
            run(chip, system_of(state), identifier=identifier, ephemeral=ephemeral)
        assert caught.value.sw == 0x6300
        assert not chip.terminal.granted


def test_a_replayed_signature() -> None:
    """The signature of one run is worth nothing in the next, whose challenge is another, nor without any challenge."""
    state = office()
    credentials, signatures = system_of(state), []

    def remember(message: bytes) -> bytes:
        signatures.append(credentials.sign(message))
        return signatures[-1]

    chip = eac_chip(state.root)
    run(chip, TerminalCredentials(credentials.chain, remember))
    chip.terminal.reset()
    fresh = EacChip(chip.terminal, chip.context, CipherSuite.AES128)
    with pytest.raises(ChipError) as caught:
        run(fresh, TerminalCredentials(credentials.chain, lambda message: signatures[0]))
    assert caught.value.sw == 0x6300
    for _ in range(2):
        assert fresh.answer(CommandApdu(0x00, 0x82, 0x00, 0x00, signatures[0])).sw == SW_CONDITIONS
    assert not chip.terminal.granted


def test_a_signature_by_another_key() -> None:
    state = office()
    credentials = system_of(state)
    thief = system_of(office(seed=99))
    chip = eac_chip(state.root)
    with pytest.raises(ChipError, match="refused the terminal's signature"):
        run(chip, TerminalCredentials(credentials.chain, thief.sign))
    assert not chip.terminal.granted


def test_it_cannot_be_done_twice_in_one_session() -> None:
    state = office()
    chip = eac_chip(state.root)
    session = ChipSession()
    session.begin(SecureMessaging(session_keys(CipherSuite.AES128, b"shared")))
    credentials = system_of(state)
    dialogue = run_terminal_authentication((credentials,), OFFERED, IDENTIFIER, EPHEMERAL)
    carry(session.carried(dialogue), chip.transceive)
    again = run_terminal_authentication((system_of(state, irises=True),), OFFERED, IDENTIFIER, EPHEMERAL)
    with pytest.raises(ChipError) as caught:
        carry(session.carried(again), chip.transceive)
    assert caught.value.sw == SW_SECURITY_STATUS
    assert chip.terminal.granted == {ElementaryFile.DG3}


Attack = Callable[[VerificationOffice], Sequence[Holder]]


def _expired_verifier(state: VerificationOffice) -> Sequence[Holder]:
    verifier = holder_below("UTDV00001", Role.DOMESTIC_VERIFIER, state.root, TODAY - 9 * DAY, TODAY - DAY)
    return verifier, state.inspection_system(verifier, TODAY)


def _expired_system(state: VerificationOffice) -> Sequence[Holder]:
    verifier = state.verifier(TODAY)
    return verifier, holder_below("UTIS00001", Role.TERMINAL, verifier, TODAY - 9 * DAY, TODAY - DAY)


def _foreign_verifier_key(state: VerificationOffice) -> Sequence[Holder]:
    verifier = office(seed=77).verifier(TODAY)
    return verifier, state.inspection_system(verifier, TODAY)


def _terminal_as_issuer(state: VerificationOffice) -> Sequence[Holder]:
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    return verifier, system, holder_below("UTIS00002", Role.TERMINAL, system)


def _terminal_below_cvca(state: VerificationOffice) -> Sequence[Holder]:
    return (holder_below("UTIS00001", Role.TERMINAL, state.root),)


def _verifier_that_links(state: VerificationOffice) -> Sequence[Holder]:
    verifier = state.verifier(TODAY)
    own = holder_below("UTCVCA00666", Role.CVCA, verifier)
    mine = holder_below("UTDV00666", Role.DOMESTIC_VERIFIER, own)
    return verifier, own, mine, state.inspection_system(mine, TODAY)


def _two_verifiers(state: VerificationOffice) -> Sequence[Holder]:
    verifier = state.verifier(TODAY)
    second = holder_below("UTDV00002", Role.DOMESTIC_VERIFIER, verifier)
    return verifier, second, state.inspection_system(second, TODAY)


def _another_padding(state: VerificationOffice) -> Sequence[Holder]:
    rights = inspection_rights(Role.DOMESTIC_VERIFIER, fingerprints=True, irises=True)
    plan = HolderPlan("UTDV00001", rights, TODAY, TODAY + DAY)
    verifier = issue_to(plan, VerificationKind.RSA_PSS, state.root, random.Random(9).randbytes)
    return verifier, state.inspection_system(verifier, TODAY)


def _another_algorithm(state: VerificationOffice) -> Sequence[Holder]:
    rights = inspection_rights(Role.DOMESTIC_VERIFIER, fingerprints=True, irises=True)
    plan = HolderPlan("UTDV00001", rights, TODAY, TODAY + DAY)
    verifier = issue_to(plan, VerificationKind.ECDSA_NIST, state.root, random.Random(9).randbytes)
    return verifier, state.inspection_system(verifier, TODAY)


@pytest.mark.parametrize(
    "attack",
    [
        _expired_verifier,
        _expired_system,
        _foreign_verifier_key,
        _terminal_as_issuer,
        _terminal_below_cvca,
        _verifier_that_links,
        _two_verifiers,
        _another_algorithm,
        _another_padding,
    ],
    ids=lambda attack: attack.__name__.strip("_"),
)
def test_the_chip_refuses(attack: Attack) -> None:
    """Each chain that no honest office issues ends in a refusal, opens nothing and leaves no trust point behind."""
    state = office(VerificationKind.RSA if attack is _another_padding else VerificationKind.ECDSA_BRAINPOOL)
    holders = attack(state)
    chip = eac_chip(state.root)
    credentials = credentials_with_key(tuple(holder.certificate for holder in holders), holders[-1].key)
    with pytest.raises(ChipError):
        run(chip, credentials)
    assert not chip.terminal.granted
    assert read_guarded(chip) == (SW_SECURITY_STATUS, SW_SECURITY_STATUS)
    assert chip.terminal.trust_points == ("UTCVCA00001",)


def test_a_broken_link() -> None:
    """A link of another State, under the names of this one."""
    state, other = office(), office(seed=55).with_new_key(TODAY)
    chip = eac_chip(state.root)
    with pytest.raises(ChipError, match="refused a certificate"):
        run(chip, system_of(other))
    assert chip.terminal.trust_points == ("UTCVCA00001",)


def test_the_chips_date_follows_only_trusted_issuers() -> None:
    """A domestic document verifier is believed about the day, a foreign one is not (§2.6)."""
    state = office()
    for domestic, expected in ((True, TODAY + 9 * DAY), (False, TODAY)):
        verifier = state.verifier(TODAY, domestic=domestic)
        system = state.inspection_system(verifier, TODAY + 9 * DAY)
        chip = eac_chip(state.root)
        run(chip, credentials_with_key(state.chain(verifier, system), system.key))
        assert chip.terminal.current_date == expected
    late = office().with_new_key(TODAY + 4 * CVCA_LIFE)
    chip = eac_chip(office().root)
    link = parse_sent_certificate(late.links[0].certificate)
    assert chip.answer(CommandApdu(0, 0x22, 0x81, 0xB6, encode_tlv(0x83, link.authority_reference))).ok
    assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, link.parts)).ok
    verifier = office().verifier(TODAY)
    assert chip.answer(CommandApdu(0, 0x22, 0x81, 0xB6, encode_tlv(0x83, b"UTCVCA00001"))).ok
    assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, parse_sent_certificate(verifier.certificate).parts)).sw == 0x6300
    assert VERIFIER_LIFE > TERMINAL_LIFE


def test_commands_out_of_order() -> None:
    state = office()
    chip = eac_chip(state.root)
    verifier = parse_sent_certificate(state.verifier(TODAY).certificate)
    assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, verifier.parts)).sw == SW_CONDITIONS, "no issuer was chosen"
    assert chip.answer(CommandApdu(0, 0x22, 0x81, 0xB6, b"")).sw == 0x6A88
    assert chip.answer(CommandApdu(0, 0x22, 0x81, 0xB6, encode_tlv(0x83, b"UTNOBODY00001"))).sw == 0x6A88
    assert chip.answer(CommandApdu(0, 0x84, 0x00, 0x00, le=8)).sw == SW_CONDITIONS
    assert chip.answer(CommandApdu(0, 0x84, 0x00, 0x00, le=4)).sw == 0x6700
    assert chip.answer(CommandApdu(0, 0x82, 0x00, 0x00, bytes(64))).sw == SW_CONDITIONS
    choose_root = CommandApdu(0, 0x22, 0x81, 0xB6, encode_tlv(0x83, b"UTCVCA00001"))
    assert chip.answer(choose_root).ok
    assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, b"\x01")).sw == 0x6A80
    assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, verifier.parts)).sw == SW_CONDITIONS, "a chosen issuer serves once"
    assert chip.answer(choose_root).ok
    assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, verifier.parts)).ok
    assert chip.answer(CommandApdu(0, 0x22, 0x81, 0xA4, encode_tlv(0x83, verifier.holder_reference))).sw == 0x6A88
    assert not chip.terminal.expected


def test_a_challenge_serves_one_attempt() -> None:
    """After a wrong signature the right one over the same challenge comes too late."""
    state = office()
    chip = eac_chip(state.root)
    credentials = system_of(state)
    sent = [parse_sent_certificate(one) for one in credentials.chain]
    for certificate in sent:
        assert chip.answer(CommandApdu(0, 0x22, 0x81, 0xB6, encode_tlv(0x83, certificate.authority_reference))).ok
        assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, certificate.parts)).ok
    choose = CommandApdu(0, 0x22, 0x81, 0xA4, encode_tlv(0x83, sent[-1].holder_reference))
    assert chip.answer(choose).ok
    challenge = chip.answer(CommandApdu(0, 0x84, 0x00, 0x00, le=8)).data
    signature = credentials.sign(IDENTIFIER + challenge + compressed_key(EPHEMERAL))
    assert chip.answer(CommandApdu(0, 0x82, 0x00, 0x00, signature[:-1] + b"\x00")).sw == 0x6300
    assert chip.answer(choose).ok
    assert chip.answer(CommandApdu(0, 0x82, 0x00, 0x00, signature)).sw == SW_CONDITIONS
    assert not chip.terminal.granted


def test_a_certificate_that_names_another_issuer() -> None:
    """Signed by the CVCA, but it says that another issued it."""
    state = office()
    named = replace(state.root, reference="UTCVCA00009")
    verifier = parse_sent_certificate(holder_below("UTDV00001", Role.DOMESTIC_VERIFIER, named).certificate)
    chip = eac_chip(state.root)
    assert chip.answer(CommandApdu(0, 0x22, 0x81, 0xB6, encode_tlv(0x83, b"UTCVCA00001"))).ok
    assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, verifier.parts)).sw == 0x6300


def test_trust_points_of_a_chip_are_cvcas() -> None:
    for wrong in ((), (b"",), (office().verifier(TODAY).certificate,)):
        with pytest.raises(ValueError, match="no CVCA"):
            TerminalAuthentication(wrong, TODAY, random.Random(1).randbytes)
