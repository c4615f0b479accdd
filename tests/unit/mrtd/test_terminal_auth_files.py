"""Terminal authentication before and beside the commands: EF.CVCA, which certificates are sent, and each refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.sim.passport.chip_terminal import SessionContext, compressed
from egate.model.document import MrzInformation
from egate.model.errors import ChipError, DeviceError, MalformedData
from egate.mrtd.apdu import CommandApdu
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.files.security_infos import TerminalAuthenticationInfo
from egate.mrtd.files.tlv import encode_tlv
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
from egate.pki.cvc import Role, parse_certificate
from tests.unit.mrtd.chip_reading import carry
from tests.unit.mrtd.terminal_chip import (
    EPHEMERAL,
    IDENTIFIER,
    OFFERED,
    TODAY,
    eac_chip,
    holder_below,
    office,
    run,
    system_of,
)


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
    one = holder_below("UTCVCA00001", Role.CVCA, None)
    first = holder_below("UTCVCA00002", Role.CVCA, replace(one, reference="UTCVCA00003"))
    second = holder_below("UTCVCA00003", Role.CVCA, replace(one, reference="UTCVCA00002"))
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


def test_a_key_module_that_fails() -> None:
    """It costs the fingerprints, not the reading."""
    state = office()
    chip = eac_chip(state.root)

    def fails(message: bytes) -> bytes:
        raise DeviceError("asking the key module", "no answer")

    with pytest.raises(ChipError, match="did not sign: no answer"):
        run(chip, TerminalCredentials(system_of(state).chain, fails))
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
