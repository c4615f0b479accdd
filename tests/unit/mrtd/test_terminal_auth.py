"""Terminal authentication against a simulated chip: fingerprints open for those who may, and for nobody else."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from drivers.sim.passport.chip_files import SW_CONDITIONS, SW_SECURITY_STATUS, status
from drivers.sim.passport.chip_messaging import CardMessaging, MessagingError
from drivers.sim.passport.chip_terminal import SessionContext, TerminalAuthentication, compressed
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
from egate.model.document import ElementaryFile, MrzInformation
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.files.security_infos import TerminalAuthenticationInfo
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import session_keys
from egate.mrtd.secure_messaging import SecureMessaging
from egate.mrtd.session import ChipSession
from egate.mrtd.terminal_auth import (
    EF_CVCA_BYTES,
    MAX_CERTIFICATES,
    CvcaLocation,
    TerminalCredentials,
    certificate_path,
    choose_credentials,
    compressed_key,
    cvca_location,
    encode_ef_cvca,
    identifier_from_mrz,
    parse_ef_cvca,
    parse_sent_certificate,
    read_ef_cvca,
    run_terminal_authentication,
    terminal_authentication,
)
from egate.pki.cvc import Role, inspection_rights, parse_certificate
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


def _holder(reference: str, role: Role, issuer: Holder | None, first: date = TODAY, last: date = TODAY + DAY) -> Holder:
    rights = inspection_rights(role, fingerprints=True, irises=True)
    return issue_to(
        HolderPlan(reference, rights, first, last), VerificationKind.ECDSA_BRAINPOOL, issuer, random.Random(9).randbytes
    )


def _expired_verifier(state: VerificationOffice) -> Sequence[Holder]:
    verifier = _holder("UTDV00001", Role.DOMESTIC_VERIFIER, state.root, TODAY - 9 * DAY, TODAY - DAY)
    return verifier, state.inspection_system(verifier, TODAY)


def _expired_system(state: VerificationOffice) -> Sequence[Holder]:
    verifier = state.verifier(TODAY)
    return verifier, _holder("UTIS00001", Role.TERMINAL, verifier, TODAY - 9 * DAY, TODAY - DAY)


def _foreign_verifier_key(state: VerificationOffice) -> Sequence[Holder]:
    verifier = office(seed=77).verifier(TODAY)
    return verifier, state.inspection_system(verifier, TODAY)


def _terminal_as_issuer(state: VerificationOffice) -> Sequence[Holder]:
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    return verifier, system, _holder("UTIS00002", Role.TERMINAL, system)


def _terminal_below_cvca(state: VerificationOffice) -> Sequence[Holder]:
    return (_holder("UTIS00001", Role.TERMINAL, state.root),)


def _verifier_that_links(state: VerificationOffice) -> Sequence[Holder]:
    verifier = state.verifier(TODAY)
    own = _holder("UTCVCA00666", Role.CVCA, verifier)
    mine = _holder("UTDV00666", Role.DOMESTIC_VERIFIER, own)
    return verifier, own, mine, state.inspection_system(mine, TODAY)


def _two_verifiers(state: VerificationOffice) -> Sequence[Holder]:
    verifier = state.verifier(TODAY)
    second = _holder("UTDV00002", Role.DOMESTIC_VERIFIER, verifier)
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
    verifier = parse_sent_certificate(_holder("UTDV00001", Role.DOMESTIC_VERIFIER, named).certificate)
    chip = eac_chip(state.root)
    assert chip.answer(CommandApdu(0, 0x22, 0x81, 0xB6, encode_tlv(0x83, b"UTCVCA00001"))).ok
    assert chip.answer(CommandApdu(0, 0x2A, 0x00, 0xBE, verifier.parts)).sw == 0x6300


def test_trust_points_of_a_chip_are_cvcas() -> None:
    for wrong in ((), (b"",), (office().verifier(TODAY).certificate,)):
        with pytest.raises(ValueError, match="no CVCA"):
            TerminalAuthentication(wrong, TODAY, random.Random(1).randbytes)


def test_credentials_of_the_right_state_are_chosen() -> None:
    """A gate holds certificates for several States; those that lead from a key of the chip are presented."""
    ours, theirs = office(), office(seed=8, country="XO")
    offered = (system_of(theirs), system_of(ours))
    assert choose_credentials(offered, ("UTCVCA00001",)) is offered[1]
    assert choose_credentials(offered, ("XOCVCA00001", "UTCVCA00001")) is offered[0]
    assert choose_credentials(offered, ("ZZCVCA00001",)) is None
    assert run(eac_chip(ours.root), *offered) == "ecdsa-sha256"
    with pytest.raises(ChipError, match="no certificate leads"):
        run(eac_chip(ours.root), offered[0])
    with pytest.raises(ChipError, match="no certificate leads"):
        carry(terminal_authentication(offered[0], IDENTIFIER, EPHEMERAL, ("UTCVCA00001",)), lambda raw: b"\x90\x00")


def test_the_shortest_path_is_sent() -> None:
    state = office().with_new_key(TODAY).with_new_key(TODAY)
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    chain = (state.roots[0].certificate, *state.chain(verifier, system))
    lengths = [len(certificate_path(chain, (reference,))) for reference in ("UTCVCA00003", "UTCVCA00002", "UTCVCA00001")]
    assert lengths == [2, 3, 4], "a self-signed certificate is never sent"
    assert len(certificate_path(chain, ("UTCVCA00002", "UTCVCA00003"))) == 2
    assert certificate_path(chain, ()) == ()
    for wrong in ((), chain * MAX_CERTIFICATES):
        with pytest.raises(MalformedData):
            certificate_path(wrong, ("UTCVCA00001",))


def test_a_circle_of_certificates_ends() -> None:
    """Two that name each other as issuers lead nowhere."""
    one = _holder("UTCVCA00001", Role.CVCA, None)
    first = _holder("UTCVCA00002", Role.CVCA, replace(one, reference="UTCVCA00003"))
    second = _holder("UTCVCA00003", Role.CVCA, replace(one, reference="UTCVCA00002"))
    assert certificate_path((first.certificate, second.certificate), ("UTCVCA00009",)) == ()


@pytest.mark.parametrize("step", range(6))
def test_each_refusal_is_an_error(step: int) -> None:
    """At whatever command the chip refuses, the dialogue ends with its status word."""
    state = office()
    chip = eac_chip(state.root)
    count = 0

    def transceive(raw: bytes) -> bytes:
        nonlocal count
        count += 1
        return b"\x6f\x42" if count == step + 1 else chip.answer(CommandApdu.from_bytes(raw)).to_bytes()

    with pytest.raises(ChipError) as caught:
        carry(run_terminal_authentication((system_of(state),), OFFERED, IDENTIFIER, EPHEMERAL), transceive)
    assert caught.value.sw == 0x6F42
    assert not chip.terminal.granted


def test_a_challenge_of_another_length() -> None:
    state = office()
    chip = eac_chip(state.root)

    def transceive(raw: bytes) -> bytes:
        answer = chip.answer(CommandApdu.from_bytes(raw)).to_bytes()
        return answer[4:] if raw[1] == 0x84 else answer

    with pytest.raises(ChipError, match="wrong length"):
        carry(run_terminal_authentication((system_of(state),), OFFERED, IDENTIFIER, EPHEMERAL), transceive)


def test_chips_that_do_not_offer_it() -> None:
    for info in (None, TerminalAuthenticationInfo(2)):
        assert carry(run_terminal_authentication((), info, IDENTIFIER, EPHEMERAL), lambda raw: b"\x6d\x00") == ""


def test_where_ef_cvca_lies() -> None:
    assert cvca_location(TerminalAuthenticationInfo(1)) == CvcaLocation(0x011C, 0x1C)
    assert cvca_location(TerminalAuthenticationInfo(1, 0x0200, 0x05)) == CvcaLocation(0x0200, 0x05)
    assert cvca_location(TerminalAuthenticationInfo(1, 0x0200)) == CvcaLocation(0x0200, None)
    content = encode_ef_cvca(["UTCVCA00002", "UTCVCA00001", "UTCVCA00000"])
    sent: list[str] = []

    def transceive(raw: bytes, *answers: bytes) -> bytes:
        sent.append(raw.hex())
        return content + b"\x90\x00" if raw[1] == 0xB0 else b"\x90\x00"

    assert carry(read_ef_cvca(CvcaLocation(0x0200, None)), transceive) == ("UTCVCA00002", "UTCVCA00001")
    assert sent == ["00a4020c020200", "00b0000024"]


@pytest.mark.parametrize(("first", "second"), [(b"\x6c\x0d", b"\x90\x00"), (b"\x62\x82", b""), (b"\x90\x00", b"")])
def test_ef_cvca_in_the_ways_of_chips(first: bytes, second: bytes) -> None:
    content = encode_tlv(0x42, b"UTCVCA00001")
    answers = [first if first[0] == 0x6C else content + first, content + second]
    assert carry(read_ef_cvca(CvcaLocation()), lambda raw: answers.pop(0)) == ("UTCVCA00001",)


@pytest.mark.parametrize("sw", [0x6982, 0x6A82])
def test_ef_cvca_that_is_refused(sw: int) -> None:
    for location in (CvcaLocation(), CvcaLocation(0x0200, None)):
        with pytest.raises(ChipError):
            carry(read_ef_cvca(location), lambda raw: sw.to_bytes(2, "big"))


@pytest.mark.parametrize("data", [b"", bytes(36), b"\x42", b"\x42\x00", b"\x42\x11" + b"U" * 17, b"\x42\x05UT", b"\x42\x01U\x01"])
def test_ef_cvca_without_form(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_ef_cvca(data)
    assert parse_ef_cvca(encode_ef_cvca(["A" * 16, "B" * 16])) == ("A" * 16, "B" * 16)
    assert len(encode_ef_cvca(["A"])) == EF_CVCA_BYTES


@pytest.mark.parametrize(
    "data", [b"", b"\x7f\x21\x00", encode_tlv(0x7F21, encode_tlv(0x7F4E, b"") + encode_tlv(0x5F37, b"\x01"))]
)
def test_what_cannot_be_sent(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_sent_certificate(data)


def test_the_identifier_of_the_document() -> None:
    """The number with its check digit, fillers included (the specimen of Doc 9303-4: L898902C3, check digit 6)."""
    assert IDENTIFIER == b"L898902C36"
    assert identifier_from_mrz(MrzInformation("T22000129", "640812", "101031")) == b"T220001293"
    assert identifier_from_mrz(MrzInformation("AB1", "640812", "101031"))[:9] == b"AB1<<<<<<"


def test_compressed_keys_agree_on_both_sides() -> None:
    group_element = bytes(range(128))
    for public in (EPHEMERAL, group_element, b"\x04" + group_element[1:]):
        assert compressed(public) == compressed_key(public)
    assert compressed_key(EPHEMERAL) == CURVES[13].generator.x.to_bytes(32, "big")
    assert len(compressed_key(group_element)) == 20


def test_secrets_stay_hidden() -> None:
    state = office()
    credentials = system_of(state)
    assert repr(credentials) == "TerminalCredentials()"
    assert IDENTIFIER.decode() not in repr(SessionContext(IDENTIFIER, EPHEMERAL))
    assert parse_certificate(credentials.chain[-1]).role is Role.TERMINAL
