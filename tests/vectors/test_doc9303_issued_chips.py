"""Exchanges with chips that States issued, recorded by the reader gmrtd (MIT; chipauth and activeauth tests of its repository).

They hold keys of sessions that are over and no personal data. Neither end is ours, so they prove chip and active authentication
together with both ciphers of secure messaging.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

from egate.mrtd.active_auth import internal_authenticate, verify_response
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.chip_auth import chip_authentication, choose_chip_authentication
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.lds import parse_dg15
from egate.mrtd.files.security_infos import parse_dg14
from egate.mrtd.keys import SessionKeys
from egate.mrtd.secure_messaging import SecureMessaging
from egate.mrtd.session import ChipSession

Result = TypeVar("Result")

AUSTRIAN_DG14 = bytes.fromhex(
    "6E82017E3182017A300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D3082"
    "0142060904007F000702020102308201333081EC06072A8648CE3D02013081E0020101302C06072A8648CE3D0101022100A9FB57DBA1EEA9BC3E660A909D"
    "838D726E3BF623D52620282013481D1F6E5377304404207D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9042026DC5C6CE9"
    "4A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B60441048BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262"
    "547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997022100A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E"
    "82974856A7020101034200041983917269AC877C0B61544C2C022000D2A5ABA723E2D80141E648B40911DC3459761F27480E4B57181A53D8FE1190EA86C9"
    "39AC14363178CAFFC621F0F905C3"
)
AUSTRIAN_EPHEMERAL_KEY = 0x80EBAFC8A51BECD4D90BB640EE38C9FD5C12748D28AAA37096B98C4533C4F5F5
AUSTRIAN_EXCHANGES = (
    ("0C2241A41D8711015D8F69B1EA365CCE4304970DB12421F38E085340D338128085E700", "990290008E083F5136E82A6C34779000"),
    (
        "0C860000608751019E18F1BA79D805379752BB560EB70AAC3CE3BC5AFE2FDD4AEB325CA8B578B4A93B9F66A5DF40005F8E878535251D33DD974AAF77"
        "FB858773E5799FA9DC1034E89B1150EC7F0BB3DB4BF37A1B9EA4458A9701008E089D204D950C0B95DB00",
        "8711010B0A5DFFC7432DE4DEB604291377A05B990290008E08B3384A1F5D1579739000",
    ),
    ("0CA4020C1D8711011B2EE500E84960DF7F37AFE7ADFF53838E084500F3B43E192A5700", "990290008E0803C4B125B4218CEF9000"),
)

ACTIVE_DG15 = bytes.fromhex(
    "6F8201023081FF300D06092A864886F70D01010105000381ED003081E90281E100BB8F93F4DC95E205CDA17C6927AB1E365B13065D03CD12E0FCE95D9684"
    "0529453202F56CC4C13F77CD062930C8BC89A2873B257045C286E601CF3C09323A53103314902804AA10A314628CE222206A8866946A36B442041BB54AC8"
    "1E6855DD1D6E16101833D65A191C20AC8B33B8A1A32920F46043F8031CF2BC17417030865FC5BE5A39DEE423BCBA3CA8177168EB23CFE01BA43EC87711B1"
    "CFFF85DB46F300DD8AE317B50D543B573E119E23AF7070D0B2FED6A3B2313A5EC02A531AAED1741F4390D1013E2A0F081EAC5DC8B0A1B2C6BDB1206F08D3"
    "0E3643E1E5BDF536110203010001"
)
ACTIVE_CHALLENGE = bytes.fromhex("96302B0F3D7E7864")
ACTIVE_EXCHANGES = (
    (
        "0C88000020871101ED7F8CB47A4EEA086324A7F9DD7427809701008E0897F54BAE49AA71F800",
        "8781E901D04CA80F527DF94F4A430D3D6E6CB6C2AF4C6756C068A93132D147FA27833125304132981B8BD8009448E89F259EEC8552B54285CEF9D8F1"
        "B7FB31B9F279221C7E925F4951811F3FE2E01D76E68DBC7CDE9C873C5F61862F3C5469792A72F92C8943B890436F5E9FEAEAD9F2A361FCD7A615493D"
        "1B3519865F32EE9A125886588EB21FEE0E709353D0731139FDC958D6B2127FAD6947B438998B526819803F70F78614CD42F4A6619C6AF95DFD2AB09B"
        "EDF71E707ABC39A250AEE68006D522AD37D159674984A07D11C001022C853AEB7ACDB059EDE5721A3B9F20441BDA7E242EE8DF1369D25316990290008"
        "E08FD2493147866F0ED9000",
    ),
)


def replay(dialogue: Generator[CommandApdu, ResponseApdu, Result], exchanges: Iterable[tuple[str, str]]) -> Result:
    """Carry a dialogue against recorded exchanges; every command must be the recorded one, and none may be left."""
    recorded = iter(exchanges)
    try:
        command = next(dialogue)
        while True:
            sent, received = next(recorded)
            assert command.to_bytes().hex().upper() == sent
            command = dialogue.send(ResponseApdu.from_bytes(bytes.fromhex(received)))
    except StopIteration as stop:
        assert next(recorded, None) is None
        result: Result = stop.value
        return result


def test_chip_authentication_of_an_austrian_passport() -> None:
    """ECDH on brainpoolP256r1 with AES-128; the chip answers under the new keys, which only the genuine one can."""
    session = ChipSession()
    keys = SessionKeys(
        CipherSuite.AES128, bytes.fromhex("524170DE3419B7AF2F23E45AD6EF9595"), bytes.fromhex("97893F5FDC29A5C13A924FE7D8ED44FD")
    )
    session.begin(SecureMessaging(keys, 0xF0))
    way = choose_chip_authentication(parse_dg14(AUSTRIAN_DG14))
    assert way is not None

    def authenticate_and_select() -> Generator[CommandApdu, ResponseApdu, ResponseApdu]:
        fixed = lambda size: (AUSTRIAN_EPHEMERAL_KEY - 1).to_bytes(size, "big")  # noqa: E731  # the recorded terminal's key
        session.begin((yield from chip_authentication(way, fixed)))
        return (yield CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x0e"))

    assert replay(session.carried(authenticate_and_select()), AUSTRIAN_EXCHANGES).ok


def test_active_authentication_of_an_issued_passport() -> None:
    """RSA with 1800 bits under 3DES secure messaging."""
    session = ChipSession()
    keys = SessionKeys(
        CipherSuite.DES3, bytes.fromhex("B99D546108EAA251570876B6D3456DCE"), bytes.fromhex("E3857CA24946251C151C540E13F2CD51")
    )
    session.begin(SecureMessaging(keys, 0xCC))
    signature = replay(session.carried(internal_authenticate(ACTIVE_CHALLENGE)), ACTIVE_EXCHANGES)
    assert verify_response(parse_dg15(ACTIVE_DG15), ACTIVE_CHALLENGE, signature).startswith("rsa-sha")
