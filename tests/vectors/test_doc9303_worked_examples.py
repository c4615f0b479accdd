"""Every worked example of ICAO Doc 9303-11 that the shared vectors hold (appendices D, F, G, H), against our own code."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from functools import partial
from itertools import chain
from typing import Any

import pytest

from egate.model.document import MrzInformation
from egate.mrtd.active_auth import verify_recovered
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, KeyPair, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite, encrypt, mac, pad
from egate.mrtd.files.security_infos import PaceInfo, pace_oid
from egate.mrtd.keys import SessionKeys, basic_access_keys, mrz_password, password_key, session_keys
from egate.mrtd.pace import PacePassword, authentication_token, decrypt_nonce, map_generic, pace
from egate.mrtd.secure_messaging import SecureMessaging
from tests.shared_data import shared_path

Example = Callable[..., bytes]


@pytest.fixture(scope="module")
def examples() -> dict[str, Any]:
    path = shared_path("mrtd", "vectors", "doc9303_11_worked_examples.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["examples"]
    return loaded


def value(examples: dict[str, Any], appendix: str, test: str, name: str) -> bytes:
    """The first value of a test whose name is, or asserts, `name`."""
    for entry in examples[appendix][test]:
        if entry["name"] == name or f"({name}," in entry["name"] or f"({name}.getEncoded" in entry["name"]:
            return bytes.fromhex(entry["hex"])
    raise AssertionError(f"{appendix}/{test} has no {name}")


def scalar_source(agreement: CurveAgreement | GroupAgreement, *scalars: bytes) -> Callable[[int], bytes]:
    """Entropy that makes the dialogue choose these scalars: it reduces a number n to n mod (order − 1) + 1."""
    waiting = iter(int.from_bytes(scalar, "big") - 1 for scalar in scalars)
    assert agreement.order > 2
    return lambda size: next(waiting).to_bytes(size, "big")


def play(
    dialogue: Generator[CommandApdu, ResponseApdu, SecureMessaging], responses: list[ResponseApdu]
) -> tuple[list[CommandApdu], SecureMessaging]:
    """Answer a dialogue from a list; return the commands it sent and the session it opened."""
    sent = [next(dialogue)]
    answers = iter(responses)
    try:
        while True:
            sent.append(dialogue.send(next(answers)))
    except StopIteration as stop:
        session: SecureMessaging = stop.value
        return sent, session


def test_basic_access_keys(examples: dict[str, Any]) -> None:
    of = partial(value, examples, "BAC", "testDeriveDocumentBasicAccessKeys")
    information = MrzInformation("L898902C<", "690806", "940623")
    keys = basic_access_keys(information)
    assert mrz_password(information)[:16] == of("Kseed")
    assert (keys.encryption, keys.mac) == (of("Kenc"), of("Kmac"))


def test_basic_access_steps(examples: dict[str, Any]) -> None:
    of = partial(value, examples, "BAC", "testBAC")
    suite = CipherSuite.DES3
    text = encrypt(suite, of("Kenc"), bytes(8), of("S"))
    assert text == of("Eifd")
    assert mac(suite, of("Kmac"), pad(text, 8)) == of("Mifd")
    keys = session_keys(suite, of("Kseed"))
    assert (keys.encryption, keys.mac) == (of("KSenc"), of("KSmac"))


def test_basic_access_dialogue(examples: dict[str, Any]) -> None:
    """The whole protocol with the example's random numbers ends in the example's session, which then selects EF.COM."""
    of = partial(value, examples, "BAC", "testBAC")
    challenge = of("S")[8:16]
    half = bytes(left ^ right for left, right in zip(of("Kseed"), of("Kifd"), strict=True))
    reply = encrypt(CipherSuite.DES3, of("Kenc"), bytes(8), challenge + of("RNDifd") + half)
    answer = reply + mac(CipherSuite.DES3, of("Kmac"), pad(reply, 8))
    random_numbers = iter((of("RNDifd"), of("Kifd")))
    dialogue = basic_access(MrzInformation("L898902C<", "690806", "940623"), lambda _: next(random_numbers))
    sent, session = play(dialogue, [ResponseApdu(challenge, 0x9000), ResponseApdu(answer, 0x9000)])
    assert sent[0].to_bytes() == bytes.fromhex("0084000008")
    assert sent[1].to_bytes() == bytes.fromhex("0082000028") + of("commandData") + b"\x28"
    expected = value(examples, "SM", "testSelectEFCOM", "protectedAPDU")
    assert session.wrap(CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x1e")).to_bytes() == expected


def test_secure_messaging(examples: dict[str, Any]) -> None:
    """Select EF.COM, then read its first four bytes, in one session."""
    bac = partial(value, examples, "BAC", "testBAC")
    select = partial(value, examples, "SM", "testSelectEFCOM")
    read = partial(value, examples, "SM", "testRead4Bytes")
    session = SecureMessaging(SessionKeys(CipherSuite.DES3, bac("KSenc"), bac("KSmac")), int.from_bytes(bac("SSC"), "big"))
    assert session.wrap(CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x1e")).to_bytes() == select("protectedAPDU")
    assert session.unwrap(ResponseApdu.from_bytes(select("responseAPDU"))) == ResponseApdu(b"", 0x9000)
    assert session.wrap(CommandApdu(0x00, 0xB0, 0x00, 0x00, le=4)).to_bytes() == read("protectedAPDU")
    assert session.unwrap(ResponseApdu.from_bytes(read("responseAPDU"))) == ResponseApdu(bytes.fromhex("60145f01"), 0x9000)


def test_active_authentication(examples: dict[str, Any]) -> None:
    of = partial(value, examples, "AA", "testAA")
    assert verify_recovered(of("F"), of("RNDifd")) == "sha1"
    other = bytes((of("RNDifd")[0] ^ 1,)) + of("RNDifd")[1:]
    assert verify_recovered(of("F"), other) is None


CURVE_INFO = PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 13)
GROUP_INFO = PaceInfo(pace_oid(1, CipherSuite.AES128), 2, 0)


def test_pace_password(examples: dict[str, Any]) -> None:
    of = partial(value, examples, "PACE_ECDH_GM", "testCalculateKpi")
    secret = mrz_password(MrzInformation("T22000129", "640812", "101031"))
    assert secret == of("pi")
    assert password_key(CipherSuite.AES128, secret) == of("Kpi")


@pytest.mark.parametrize("appendix", ["PACE_ECDH_GM", "PACE_DH_GM"])
def test_pace_nonce(examples: dict[str, Any], appendix: str) -> None:
    of = partial(value, examples, appendix, "testEncryptedNonce")
    password = PacePassword(1, value(examples, "PACE_ECDH_GM", "testCalculateKpi", "pi"))
    assert decrypt_nonce(CipherSuite.AES128, password, of("z")) == of("s")


def test_pace_mapping_in_a_group(examples: dict[str, Any]) -> None:
    of = partial(value, examples, "PACE_DH_GM", "testMapNonce")
    agreement = agreement_by_id(0)
    assert isinstance(agreement, GroupAgreement)
    private = int.from_bytes(of("t"), "big")
    own = KeyPair(private, agreement.multiply(private, agreement.base))
    assert agreement.encode(own.public) == of("T")
    mapped = map_generic(agreement, of("s"), own, agreement.decode(of("C")))
    assert agreement.encode(mapped) == of("g_mapped")


def test_pace_on_a_curve(examples: dict[str, Any]) -> None:
    """The whole protocol of appendix G.1 with its keys: commands, session keys and tokens are those printed."""
    mapping = partial(value, examples, "PACE_ECDH_GM", "testMapNonce")
    agreeing = partial(value, examples, "PACE_ECDH_GM", "testPerformKeyAgreement")
    authenticating = partial(value, examples, "PACE_ECDH_GM", "testMutualAuthentication")
    nonce = value(examples, "PACE_ECDH_GM", "testEncryptedNonce", "responseData")
    agreement = agreement_by_id(13)
    assert isinstance(agreement, CurveAgreement)
    password = PacePassword(1, value(examples, "PACE_ECDH_GM", "testCalculateKpi", "pi"))
    dialogue = pace(CURVE_INFO, password, scalar_source(agreement, mapping("t_data"), agreeing("t_data")))
    answers = [b"", nonce, mapping("responseData"), agreeing("responseData"), authenticating("responseData")]
    sent, session = play(dialogue, [ResponseApdu(answer, 0x9000) for answer in answers])
    assert [command.data for command in sent[1:]] == [
        bytes.fromhex("7c00"),
        mapping("commandData"),
        agreeing("commandData"),
        authenticating("commandData"),
    ]
    assert [command.cla for command in sent[1:]] == [0x10, 0x10, 0x10, 0x00]
    _same_session(session, SessionKeys(CipherSuite.AES128, agreeing("K_enc"), agreeing("K_mac")))


def _same_session(session: SecureMessaging, keys: SessionKeys) -> None:
    """Two sessions are the same when they protect commands the same way."""
    other = SecureMessaging(keys)
    command = CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x1e")
    assert session.wrap(command) == other.wrap(command)


def test_pace_in_a_group(examples: dict[str, Any]) -> None:
    """Key agreement and tokens of appendix G.2."""
    agreeing = partial(value, examples, "PACE_DH_GM", "testPerformKeyAgreement")
    authenticating = partial(value, examples, "PACE_DH_GM", "testMutualAuthentication")
    agreement = agreement_by_id(0)
    assert isinstance(agreement, GroupAgreement)
    chip_public = agreement.decode(agreeing("C"))
    secret = agreement.secret(agreement.multiply(int.from_bytes(agreeing("t"), "big"), chip_public))
    assert secret == agreeing("K")
    keys = session_keys(CipherSuite.AES128, secret)
    assert (keys.encryption, keys.mac) == (agreeing("K_enc"), agreeing("K_mac"))
    assert authentication_token(keys, GROUP_INFO.oid, agreement, chip_public) == authenticating("Td")
    own = agreement.decode(authenticating("T"))
    assert authentication_token(keys, GROUP_INFO.oid, agreement, own) == authenticating("Tc")


def test_every_example_is_used(examples: dict[str, Any]) -> None:
    """The vectors grew when this fails: add the new example here."""
    with_values = {appendix for appendix, tests in examples.items() if any(chain.from_iterable(tests.values()))}
    assert with_values == {"AA", "BAC", "PACE_DH_GM", "PACE_ECDH_GM", "SM"}
