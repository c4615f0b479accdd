"""PACE with integrated and with chip authentication mapping, against the worked examples of ICAO Doc 9303-11 §H and §I.

The values are the standard's. The examples of §H state no password, only its key K_pi: so their encrypted nonces are opened with
that key here, and the dialogues are run with the same nonces under a password of ours; all else is as printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from egate.model.document import ChipProof, MrzInformation
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite, decrypt, encrypt
from egate.mrtd.crypto.mapping import encode_to_point, map_integrated, pseudo_random
from egate.mrtd.files.card_security import parse_card_security
from egate.mrtd.files.public_keys import AgreementPublicKey
from egate.mrtd.files.security_infos import (
    ChipAuthenticationKey,
    PaceInfo,
    SecurityInfos,
    TerminalAuthenticationInfo,
    pace_oid,
    parse_card_access,
)
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import SessionKeys, mrz_password, password_key
from egate.mrtd.mapping_proof import mapping_proof, verify_mapping_proof
from egate.mrtd.pace import PacePassword, PaceSession, run_pace
from egate.mrtd.pace_choice import PaceWay, choose_way
from egate.mrtd.secure_messaging import SecureMessaging
from tests.shared_data import shared_path

AES = CipherSuite.AES128


def octets(*parts: str) -> bytes:
    return bytes.fromhex("".join(parts))


PASSWORD_KEY = octets("591468CDA83D65219CCCB8560233600F")
CURVE_NONCES = octets("2923BE84E16CD6AE529049F1F1BBE9EB"), octets("5DD4CBFC96F5453B130D890A1CDBAE32")
GROUP_NONCES = octets("FA5B7E3E49753A0DB9178B7B9BD898C8"), octets("B3A6DB3C870C3E99245E0D1C06B747DE")
GROUP_BASE = octets(
    "1D7D767F11E333BCD6DBAEF40E799E7A926B96973550656FF3C830726D118D61C276CDCC61D475CF03A98E0C0E79CAEB",
    "A5BE25578BD4551D0B10903236F0B0F976852FA78EEA14EA0ACA87D1E91F688FE0DFF897BBE35A472621D343564B262F",
    "34223AE8FC59B664BFEDFA2BFE7516CA5510A6BBB633D517EC25D4E0BBAA16C2",
)
GROUP_TERMINAL_PRIVATE = octets(
    "4BD0E54740F9A028E6A515BFDAF967848C4F5F5FFF65AA0915947FFD1A0DF2FA6981271BC905F3551457B7E03AC3B806",
    "6DE4AA406C1171FB43DD939C4BA16175103BA3DEE16419AA248118F90CC36A3D6F4C373652E0C3CCE7F0F1D0C5425B36",
    "00F0F0D6A67F004C8BBA33F2B4733C7252445C1DFC4F1107203F71D2EFB28161",
)
GROUP_TERMINAL_PUBLIC = octets(
    "0F0CC62945A8029251FB7EF3C094E12EC68E4EF07F27CB9D9CD04C5C4250FAE0E4F8A951557E929AEB48E5C6DD47F2F5",
    "CD7C351A9BD2CD722C07EDE166770F08FFCB370262CF308DD7B07F2E0DA9CAAA1492344C852906919538C98A4BA4187E",
    "76CE9D87832386D319CE2E043C3343AEAE6EDBA1A9894DC5094D22F7FE1351D5",
)
GROUP_CHIP_PUBLIC = octets(
    "928D9A0F9DBA450F13FC859C6F290D1D36E42431138A4378500BEB4E0401854CFF111F71CB6DC1D0335807A11388CC8E",
    "AA87B07907AAD9FBA6B169AF6D8C26AF8DDDC39ADC3AD2E3FF882B84D23E9768E95A80E4746FB07A9767679FE92133B4",
    "D379935C771BD7FBED6C7BB4B1708B275EA75679524CDC9C6A91370CC662A2F3",
)


def curve() -> CurveAgreement:
    agreement = agreement_by_id(13)
    assert isinstance(agreement, CurveAgreement)
    return agreement


def group() -> GroupAgreement:
    agreement = agreement_by_id(0)
    assert isinstance(agreement, GroupAgreement)
    return agreement


def way(mapping: int, parameter_id: int) -> PaceWay:
    found = choose_way(SecurityInfos((PaceInfo(pace_oid(mapping, AES), 2, parameter_id),))).way
    assert found is not None
    return found


def scripted(*values: bytes | int) -> Callable[[int], bytes]:
    """Random numbers as the example drew them: bytes as they are, private keys so that the key drawn is this one.

    Blinding (eight bytes at a time) changes no outcome and is zero here.
    """
    left: Iterator[bytes | int] = iter(values)

    def entropy(size: int) -> bytes:
        if size == 8:
            return bytes(8)
        value = next(left)
        return value if isinstance(value, bytes) else (value - 1).to_bytes(size, "big")

    return entropy


def play(
    way: PaceWay, password: PacePassword, entropy: Callable[[int], bytes], answers: list[bytes]
) -> tuple[list[bytes], PaceSession]:
    """The commands of the dialogue and its session; the chip refuses the parameter's number first, as the examples name none."""
    dialogue = run_pace(way, password, entropy)
    sent: list[CommandApdu] = [next(dialogue)]
    sent.append(dialogue.send(ResponseApdu(b"", 0x6A80)))
    try:
        for answer in answers:
            sent.append(dialogue.send(ResponseApdu(answer, 0x9000)))
    except StopIteration as stop:
        session: PaceSession = stop.value
        return [command.to_bytes() for command in sent[1:]], session
    raise AssertionError("the dialogue goes on")


def same_session(session: PaceSession, encryption: str, code: str) -> None:
    """Two sessions are the same when they protect commands the same way."""
    other = SecureMessaging(SessionKeys(AES, octets(encryption), octets(code)))
    command = CommandApdu(0x00, 0xA4, 0x02, 0x0C, b"\x01\x1e")
    assert session.secure.wrap(command) == other.wrap(command)


@pytest.mark.parametrize(
    ("encrypted", "nonce"),
    [("143DC40C08C8E891FBED7DEDB92B64AD", CURVE_NONCES[0]), ("9ABB8864CA0FF1551E620D1EF4E13510", GROUP_NONCES[0])],
)
def test_encrypted_nonces(encrypted: str, nonce: bytes) -> None:
    assert decrypt(AES, PASSWORD_KEY, bytes(16), octets(encrypted)) == nonce


def test_pseudo_random_function() -> None:
    """R_p(s, t) of §H.1 and §H.2."""
    on_curve = "A2F8FF2DF50E52C6599F386ADCB595D229F6A167ADE2BE5F2C3296ADD5B7430E"
    in_group = (
        "A0C7C50C002061A51CC87D254EF38068607417B6EE1B36473CFB800D2D2E5FA2B6980F01105D24FAB22ACD1BFA5C8A4C"
        "093ECDFAFE6D7125D42A843E338603835CF19AFAFF75EFE21DC5F6AA1F9AE46C25087E7368166FB08C1E4627AFED7D93"
        "570417B790FF7F747E57F432B04E1236819E0DFEF5B6E77CA4999925328182D2"
    )
    assert pseudo_random(AES, *CURVE_NONCES, curve().curve.p) == int(on_curve, 16)
    assert pseudo_random(AES, *GROUP_NONCES, group().group.p) == int(in_group, 16)


def test_mapped_bases() -> None:
    x = "8E82D31559ED0FDE92A4D0498ADD3C23BABA94FB77691E31E90AEA77FB17D427"
    y = "4C1AE14BD0C3DBAC0C871B7F3608169364437CA30AC243A089D3F266C1E60FAD"
    point = encode_to_point(curve().curve, pseudo_random(AES, *CURVE_NONCES, curve().curve.p))
    assert curve().encode(point) == octets("04", x, y)
    assert map_integrated(curve(), AES, *CURVE_NONCES) == point
    assert map_integrated(group(), AES, *GROUP_NONCES) == int.from_bytes(GROUP_BASE, "big")


def test_integrated_mapping_on_a_curve() -> None:
    """§H.1 as a dialogue: what the terminal sends is as printed, and so are the keys."""
    nonce, additional = CURVE_NONCES
    password = PacePassword(1, b"a password of ours")
    encrypted = encrypt(AES, password_key(AES, password.secret), bytes(16), nonce)
    private = 0xA73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595
    answers = [
        b"",
        octets("7C128010") + encrypted,
        octets("7C028200"),
        octets(
            "7C43844104",
            "67F78E5F7F7686082B293E8D087E056916D0F74BC01A5F8957D0DE45691E51E8",
            "932B69A962B52A0985AD2C0A271EE6A13A8ADDDCD1A3A994B9DED257F4D22753",
        ),
        octets("7C0A860875D4D96E8D5B0308"),
    ]
    sent, session = play(way(4, 13), password, scripted(additional, private), answers)
    assert sent == [
        octets("0022C1A40F800A04007F00070202040402830101"),
        octets("10860000027C0000"),
        octets("10860000147C128110") + additional + b"\x00",
        octets(
            "10860000457C43834104",
            "89CBA23FFE96AA18D824627C3E934E54A9FD0B87A95D1471DC1C0ABFDCD640D4",
            "6755DE9B7B778280B6BEBD57439ADFEB0E21FD4ED6DF42578C13418A59B34C3700",
        ),
        octets("008600000C7C0A8508450F02B86F6A090900"),
    ]
    assert session.proof is None
    same_session(session, "0D3FEB33251A6370893D62AE8DAAF51B", "B01E89E3D9E8719E586B50B4A7506E0B")


@pytest.mark.parametrize("mapping_answer", ["", "7C00", "7C028200"])
def test_integrated_mapping_in_a_group(mapping_answer: str) -> None:
    """§H.2 as a dialogue; chips answer the additional nonce with an empty object or with none."""
    nonce, additional = GROUP_NONCES
    password = PacePassword(2, b"a password of ours")
    encrypted = encrypt(AES, password_key(AES, password.secret), bytes(16), nonce)
    private = int.from_bytes(GROUP_TERMINAL_PRIVATE, "big") % group().order
    answers = [
        b"",
        octets("7C128010") + encrypted,
        octets(mapping_answer),
        octets("7C8183848180") + GROUP_CHIP_PUBLIC,
        octets("7C0A8608C2F04230187E1525"),
    ]
    sent, session = play(way(3, 0), password, scripted(additional, private), answers)
    assert sent == [
        octets("0022C1A40F800A04007F00070202040302830102"),
        octets("10860000027C0000"),
        octets("10860000147C128110") + additional + b"\x00",
        octets("10860000867C8183838180") + GROUP_TERMINAL_PUBLIC + b"\x00",
        octets("008600000C7C0A850855D61977CBF5307E00"),
    ]
    same_session(session, "01AFC10CF87BE36D8179E87370171F07", "23F0FBD05FD6C7B8B88F4C8309669061")


MAPPING_KEY = octets(
    "04",
    "A234236AA9B9621E8EFB73B5245C0E09D2576E5277183C1208BDD55280CAE8B3",
    "04F365713A356E65A451E165ECC9AC0AC46E3771342C8FE5AEDD092685338E23",
)
KEY_INFO = octets(
    "3062060904007F0007020201023052300C060704007F0007010202010D03420004",
    "1872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC8",
    "84D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F02010D",
)
"""The ChipAuthenticationPublicKeyInfo of the example's EF.CardSecurity."""
AUTHENTICATION_DATA = octets("85DC3FA93D0952BFA82F5FD189EE75BD82F11D1F0B8ED4BF5319AC9B53C426B3")


def cam_dialogue() -> tuple[list[bytes], PaceSession]:
    information = MrzInformation("C11T002JM", "960812", "231031")
    privates = (
        0x5D8BB87BD74D985A4B7D4325B9F7B976FE835122773400798914AA22738135CC,
        0x76ECFDAA9841C323A3F5FC5E88B88DB3EFF7E35EBF57A7E6946CB630006C2120,
    )
    answers = [
        b"",
        octets("7C128010CB60E8E0D85B76A9BD304747C2AD42E2"),
        octets("7C438241") + MAPPING_KEY,
        octets(
            "7C43844104",
            "02AD566F3C6EC7F9324509AD50A51FA52030782A4968FCFEDF737DAEA9933331",
            "11C3B9B4C2287789BD137E7F8AA882E2A3C633CCD6ECC2C63C57AD401A09C2E1",
        ),
        octets(
            "7C3C86088596CF055C67C1A38A30",
            "1EEA964DAAE372AC990E3EFDE6333353BFC89A6704D93DA8798CF77F5B7A54BD10CBA372B42BE0B9B5F28AA8DE2F4F92",
        ),
    ]
    return play(way(6, 13), PacePassword(1, mrz_password(information)), scripted(*privates), answers)


def test_chip_authentication_mapping() -> None:
    """§I as a dialogue: commands, keys and the decrypted chip authentication data are as printed."""
    sent, session = cam_dialogue()
    assert sent == [
        octets("0022C1A40F800A04007F00070202040602830101"),
        octets("10860000027C0000"),
        octets(
            "10860000457C43814104",
            "7F1D410ADB7DDB3B84BF1030800981A9105D7457B4A3ADE002384F3086C67EDE",
            "1AB889104A27DB6D842B019020FBF3CEACB0DC627F7BDCAC29969E19D0E553C100",
        ),
        octets(
            "10860000457C43834104",
            "446C934084D9DAB863944F219520076C29EE3F7AE6722B11FF319EC1C7728F95",
            "5483400BFF60BF0C5929270009277DC2A515E12575010AD9BA916CF1BF86FEFC00",
        ),
        octets("008600000C7C0A8508E86BD06018A1CD3B00"),
    ]
    assert session.proof == ChipProof(
        "chip_authentication_mapping", {"mapping_key": MAPPING_KEY, "chip_authentication_data": AUTHENTICATION_DATA}
    )
    same_session(session, "0A9DA4DB03BDDE39FC5202BC44B2E89E", "4B1C06491ED5140CA2B537D344C6C0B1")


def test_proof_of_the_example() -> None:
    """The key of the example's EF.CardSecurity fits the proof; no other key and no other data do."""
    _, session = cam_dialogue()
    assert session.proof is not None
    infos = parse_card_access(encode_tlv(0x31, KEY_INFO))
    assert infos.chip_authentication_keys[0].key_id == 13
    assert verify_mapping_proof(infos, session.proof, curve(), 13)
    assert verify_mapping_proof(infos, session.proof)
    other = ChipAuthenticationKey("0.4.0.127.0.7.2.2.1.2", AgreementPublicKey(curve(), MAPPING_KEY), 13)
    assert not verify_mapping_proof(SecurityInfos(chip_authentication_keys=(other,)), session.proof, curve(), 13)
    tampered = AUTHENTICATION_DATA[:-1] + bytes((AUTHENTICATION_DATA[-1] ^ 1,))
    assert not verify_mapping_proof(infos, mapping_proof(MAPPING_KEY, tampered), curve(), 13)


def test_card_security_of_a_foreign_chip() -> None:
    """A test chip of another project, whose key info lacks a SEQUENCE."""
    infos = parse_card_security(shared_path("mrtd", "certs", "efcardsecurity.dump").read_bytes())
    assert [key.curve for key in infos.chip_authentication_keys] == [curve().curve]
    assert infos.terminal_authentication == TerminalAuthenticationInfo(2)
