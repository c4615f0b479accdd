"""Published values that stand here as facts, so that vectors run without the shared data.

Sources: ICAO Doc 9303-3 §4.9 and 9303-4..-6 (check digits, specimens), 9303-11 appendices D and G.1 (BAC, PACE); NIST SP 800-38B
and FIPS 197 through `cryptography`; RFC 5639 §3.4 (brainpool); the AES secure messaging values are those that the readers gmrtd
(iso7816/secure_messaging_test.go, MIT) recorded from issued chips and that two further readers compute for appendix G.1.
"""

from __future__ import annotations

import pytest

from egate.model.document import MrzInformation
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.bac import basic_access
from egate.mrtd.crypto.agreement import CurveAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS
from egate.mrtd.files.mrz import check_digit, parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3
from egate.mrtd.files.security_infos import PaceInfo, encode_card_access, pace_oid, parse_card_access
from egate.mrtd.keys import SessionKeys, adjust_parity, basic_access_keys
from egate.mrtd.pace import PacePassword, pace
from egate.mrtd.secure_messaging import SecureMessaging

INFORMATION = MrzInformation("L898902C<", "690806", "940623")
G1_KEYS = SessionKeys(
    CipherSuite.AES128, bytes.fromhex("F5F0E35C0D7161EE6724EE513A0D9A7F"), bytes.fromhex("FE251C7858B356B24514B3BD5F4297D1")
)


@pytest.mark.parametrize(
    ("text", "digit"), [("520727", 3), ("AB2134<<<", 5), ("L898902C3", 6), ("ZE184226B<<<<<", 1), ("D23145890734", 9)]
)
def test_check_digits(text: str, digit: int) -> None:
    assert check_digit(text) == digit


def test_specimen_passport() -> None:
    """The specimen of Doc 9303-4 appendix B, both ways."""
    fields = MrzFields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "120415", "ZE184226B")
    lines = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
    assert encode_td3(fields) == lines
    assert parse_mrz(lines).failed_check_digits == ()


def test_basic_access_keys() -> None:
    keys = basic_access_keys(INFORMATION)
    assert keys.encryption.hex().upper() == "AB94FDECF2674FDFB9B391F85D7F76F2"
    assert keys.mac.hex().upper() == "7962D9ECE03D1ACD4C76089DCE131543"


def test_parity() -> None:
    """Appendix D.1 prints the key before and after its parity is adjusted."""
    assert adjust_parity(bytes.fromhex("AB94FCEDF2664EDFB9B291F85D7F77F2")).hex().upper() == "AB94FDECF2674FDFB9B391F85D7F76F2"


def test_basic_access_and_reading() -> None:
    """Appendix D.3 and D.4: from the challenge to the first bytes of EF.COM."""
    numbers = iter((bytes.fromhex("781723860C06C226"), bytes.fromhex("0B795240CB7049B01C19B33E32804F0B")))
    dialogue = basic_access(INFORMATION, lambda _: next(numbers))
    next(dialogue)
    command = dialogue.send(ResponseApdu(bytes.fromhex("4608F91988702212"), 0x9000))
    expected = "72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F25F1448EEA8AD90A7"
    assert command.data.hex().upper() == expected
    answer = "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D7449"
    with pytest.raises(StopIteration) as stop:
        dialogue.send(ResponseApdu(bytes.fromhex(answer), 0x9000))
    session: SecureMessaging = stop.value.value
    selecting = session.wrap(CommandApdu(0x00, 0xA4, 0x02, 0x0C, bytes.fromhex("011E")))
    assert selecting.to_bytes().hex().upper() == "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800"
    assert session.unwrap(ResponseApdu.from_bytes(bytes.fromhex("990290008E08FA855A5D4C50A8ED9000"))).ok
    reading = session.wrap(CommandApdu(0x00, 0xB0, 0x00, 0x00, le=4))
    assert reading.to_bytes().hex().upper() == "0CB000000D9701048E08ED6705417E96BA5500"
    block = session.unwrap(ResponseApdu.from_bytes(bytes.fromhex("8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000")))
    assert block == ResponseApdu(bytes.fromhex("60145F01"), 0x9000)
    reading = session.wrap(CommandApdu(0x00, 0xB0, 0x00, 0x04, le=18))
    assert reading.to_bytes().hex().upper() == "0CB000040D9701128E082EA28A70F3C7B53500"
    whole = "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000"
    block = session.unwrap(ResponseApdu.from_bytes(bytes.fromhex(whole)))
    assert block.data.hex().upper() == "04303130365F36063034303030305C026175"


def test_card_access() -> None:
    """EF.CardAccess of appendix G.1."""
    encoded = bytes.fromhex("31143012060A04007F0007020204020202010202010D")
    assert parse_card_access(encoded).pace == (PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 13),)
    assert encode_card_access([PaceInfo("0.4.0.127.0.7.2.2.4.2.2", 2, 13)]) == encoded


def test_pace_with_generic_mapping() -> None:
    """Appendix G.1 as a dialogue: the terminal's keys are fixed, everything it sends is as printed."""
    agreement = agreement_by_id(13)
    assert isinstance(agreement, CurveAgreement)
    scalars = iter(
        (
            0x7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99 - 1,
            0xA73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595 - 1,
        )
    )
    password = PacePassword(1, bytes.fromhex("7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD"))
    dialogue = pace(PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 13), password, lambda size: next(scalars).to_bytes(size, "big"))
    assert next(dialogue).to_bytes().hex().upper() == "0022C1A412800A04007F0007020204020283010184010D"
    without_parameters = dialogue.send(ResponseApdu(b"", 0x6A80))
    assert without_parameters.to_bytes().hex().upper() == "0022C1A40F800A04007F00070202040202830101"
    steps = [
        ("", "10860000027C0000"),
        (
            "7C12801095A3A016522EE98D01E76CB6B98B42C3",
            "10860000457C438141047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E544552DCB6725218799115B55C9BAA"
            "6D9F6BC3A9618E70C25AF71777A9C4922D00",
        ),
        (
            "7C43824104824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F5730D8C879AAA9C9F73991E61B58F4D52EB87A0A0C"
            "709A49DC63719363CCD13C54",
            "10860000457C438341042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C3556F3B3B186DF10B857B58F6A7EB8"
            "0F20BA5DC7BE1D43D9BF850149FBB3646200",
        ),
        (
            "7C438441049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB7764B22277A2EDDC3C265A9F018F9CB852E111B7"
            "68B326904B59A0193776F094",
            "008600000C7C0A8508C2B0BD78D94BA86600",
        ),
    ]
    for answer, expected in steps:
        assert dialogue.send(ResponseApdu(bytes.fromhex(answer), 0x9000)).to_bytes().hex().upper() == expected
    with pytest.raises(StopIteration) as stop:
        dialogue.send(ResponseApdu(bytes.fromhex("7C0A86083ABB9674BCE93C08"), 0x9000))
    session: SecureMessaging = stop.value.value
    selecting = session.wrap(CommandApdu(0x00, 0xA4, 0x04, 0x0C, bytes.fromhex("A0000002471001")))
    expected = "0CA4040C1D871101752F676B09FAC86A87D632749A49C7CC8E08C18BA1FCE707BD9F00"
    assert selecting.to_bytes().hex().upper() == expected
    assert session.unwrap(ResponseApdu.from_bytes(bytes.fromhex("990290008E08BEA7B381C494A0799000"))).ok


def test_aes_command_of_another_reader() -> None:
    keys = SessionKeys(
        CipherSuite.AES128, bytes.fromhex("CC86415F2ED7E8FD663B754265695AE1"), bytes.fromhex("581E84B8EE06C4D3EEE30461498D7FB3")
    )
    session = SecureMessaging(keys, 0xBA)
    wrapped = session.wrap(CommandApdu(0x00, 0x22, 0x41, 0xA4, bytes.fromhex("800A04007F000702020302028401C3")))
    expected = "0C2241A41D871101980953D37F67558690045D78A853B18A8E08929767A2CEF172E200"
    assert wrapped.to_bytes().hex().upper() == expected


def test_aes_response_of_an_issued_chip() -> None:
    """A block of a real DG14 (explicit brainpoolP384r1 parameters) under the session keys of its reading."""
    keys = SessionKeys(
        CipherSuite.AES128, bytes.fromhex("A8E85E938514EC67AE33CDA3D43D3C48"), bytes.fromhex("27F1ADEB705A049A305B0C619B14B9B3")
    )
    raw = (
        "8781e1012fabf9e0655d7e987fd28a8aeb19c9cadd990d49399799ed1fe465bcea56da9ba3024291d40d23d7f1e00485d71faddc6d8c1382e8028dd2"
        "2efdcc72ed47663d56d20dd6c4b867956fe0507313083ae7fc54fb46133f184febbe13ad6fd3e2616a1f4a829e75ada1a0e443ca738288f6014be8a7"
        "745d8259b089e6bee35bcc4bf5b63db5fdd84244f67eca099213b70a861b4487225aa68af684278fceb4cb809de42be3ee95b0e0d72bcdb0ed47cb56"
        "efc264e04a9397a90e81ad1d81efa2d14b2ca8ec7bd997f4b1c1fd344d5dee8589c38b227ca4cb35810060a7cc76403e990290008e083eb47ef4fa82"
        "afc99000"
    )
    response = SecureMessaging(keys, 0x0B).unwrap(ResponseApdu.from_bytes(bytes.fromhex(raw)))
    assert response.ok
    assert response.data.startswith(bytes.fromhex("a729901d1a71874700133107ec53306404307bc382c63d8c"))
    curve = CURVES[16]
    assert curve.a.to_bytes(48, "big") in response.data
    assert curve.encode(curve.generator) in response.data


def test_curve_values() -> None:
    """Every generator lies on its curve and has its order; the values of brainpoolP256r1 are those of RFC 5639 §3.4."""
    brainpool = CURVES[13]
    assert brainpool.p == 0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377
    assert brainpool.n == 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7
    assert brainpool.generator.x == 0x8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262
    for curve in CURVES.values():
        assert curve.contains(curve.generator)
        before_last = curve.multiply(curve.n - 1, curve.generator)
        assert before_last is not None
        assert (before_last.x, before_last.y) == (curve.generator.x, curve.p - curve.generator.y)


def test_group_values() -> None:
    """Every generator of RFC 5114 has the order that stands beside it."""
    for group in GROUPS.values():
        assert pow(group.g, group.q, group.p) == 1
        assert group.g not in {0, 1, group.p - 1}
