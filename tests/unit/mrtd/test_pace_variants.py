"""Every way of PACE and of chip authentication between our reader and the simulated chip; both ends reach one session."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from drivers.sim.passport.chip_access import Answer, ChipAuthentication, PaceAccess, passwords
from drivers.sim.passport.chip_messaging import CardMessaging
from drivers.sim.passport.personalisation import AgreementKey
from egate.model.errors import ChipError
from egate.mrtd.access_policy import AccessPolicy
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.chip_auth import chip_authentication, choose_chip_authentication
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement, agreement_by_id
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS
from egate.mrtd.files.security_infos import (
    ChipAuthenticationInfo,
    PaceDomainParameters,
    PaceInfo,
    SecurityInfos,
    chip_authentication_oid,
    encode_key_info,
    encode_security_infos,
    pace_oid,
    parse_card_access,
)
from egate.mrtd.keys import mrz_password
from egate.mrtd.mapping_proof import verify_mapping_proof
from egate.mrtd.pace import PacePassword, PaceSession, run_pace
from egate.mrtd.pace_choice import choose_way
from egate.mrtd.secure_messaging import SecureMessaging
from tests.unit.mrtd.chip_reading import INFORMATION, entropy
from tests.unit.mrtd.curves import PRIME239V1

ARCS = {("gm", False): 1, ("gm", True): 2, ("im", False): 3, ("im", True): 4, ("cam", True): 6}
AGREEMENTS = {number: agreement_by_id(number) for number in (*GROUPS, *CURVES)}
PASSWORD = PacePassword(1, mrz_password(INFORMATION))
Variant = tuple[str, int, CipherSuite]


def exists(variant: Variant) -> bool:
    """Not in the standard: CAM in groups and with 3DES, the integrated mapping on secp224r1."""
    mapping, number, suite = variant
    if mapping == "cam":
        return number in CURVES and suite is not CipherSuite.DES3
    return mapping != "im" or number != 10


ALL: list[Variant] = [item for item in product(("gm", "im", "cam"), AGREEMENTS, CipherSuite) if exists(item)]


def named(variant: Variant) -> str:
    agreement = AGREEMENTS[variant[1]]
    return f"{variant[0]}-{agreement.name if agreement else ''}-{variant[2].word}"


def static_key(number: int, seed: int, key_id: int | None = None) -> AgreementKey:
    agreement = AGREEMENTS[number]
    assert agreement is not None
    return AgreementKey(agreement, int.from_bytes(entropy(seed)(60), "big") % (agreement.order - 1) + 1, key_id)


def key_info(key: AgreementKey, parameter_id: int | None = None) -> bytes:
    agreement: Any = key.agreement
    return encode_key_info(key.agreement, agreement.encode(key.public), key.key_id, parameter_id)


def carried(
    dialogue: Generator[CommandApdu, ResponseApdu, Any], answer: Callable[[CommandApdu], Answer]
) -> tuple[Any, CardMessaging]:
    """What the dialogue returns and the chip's session."""
    session: CardMessaging | None = None
    command = next(dialogue)
    try:
        while True:
            found = answer(CommandApdu.from_bytes(command.to_bytes()))
            session = found.session or session
            command = dialogue.send(found.response)
    except StopIteration as stop:
        assert session is not None
        return stop.value, session


def pace_chip(chip: PaceAccess) -> Callable[[CommandApdu], Answer]:
    return lambda command: Answer(chip.set_up(command)) if command.ins == 0x22 else chip.step(command)


def assert_same_keys(reader: SecureMessaging, chip: CardMessaging) -> None:
    probe = CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4)
    assert chip.open(reader.wrap(probe)) == probe


def run_variant(variant: Variant) -> PaceSession:
    mapping, number, suite = variant
    curve = isinstance(AGREEMENTS[number], CurveAgreement)
    info = PaceInfo(pace_oid(ARCS[mapping, curve], suite), 2, number)
    static = static_key(number, 9)
    way = choose_way(SecurityInfos((info,))).way
    assert way is not None
    assert way.mapping == mapping
    chip = PaceAccess((info,), passwords(INFORMATION, ""), entropy(1), (static,))
    session, card = carried(run_pace(way, PASSWORD, entropy(2)), pace_chip(chip))
    assert isinstance(session, PaceSession)
    assert_same_keys(session.secure, card)
    assert (session.proof is not None) == (mapping == "cam")
    if session.proof is not None:
        infos = parse_card_access(encode_security_infos(keys=(key_info(static),)))
        assert isinstance(way.agreement, CurveAgreement)
        assert verify_mapping_proof(infos, session.proof, way.agreement, number)
        other = parse_card_access(encode_security_infos(keys=(key_info(static_key(number, 10)),)))
        assert not verify_mapping_proof(other, session.proof, way.agreement, number)
    return session


@pytest.mark.parametrize("variant", ALL, ids=named)
def test_every_way_of_pace(variant: Variant) -> None:
    run_variant(variant)


def test_how_many_ways_there_are() -> None:
    """Fourteen sets of parameters with generic, thirteen with integrated, eleven with chip authentication mapping."""
    assert len(ALL) == 14 * 4 + 13 * 4 + 11 * 3


def chip_authentication_chip(chip: ChipAuthentication) -> Callable[[CommandApdu], Answer]:
    def answer(command: CommandApdu) -> Answer:
        if command.ins == 0x86:
            return chip.agree(command)
        return chip.agree_by_key_only(command) if command.p2 == 0xA6 else Answer(chip.set_up(command))

    return answer


@pytest.mark.parametrize("suite", list(CipherSuite), ids=lambda suite: suite.word)
@pytest.mark.parametrize("number", [0, 2, 9, 10, 13, 14, 18])
def test_chip_authentication(number: int, suite: CipherSuite) -> None:
    """On curves, those that OpenSSL lacks included, and in groups, each with parameters spelled out and named."""
    key = static_key(number, 3)
    arc = 2 if isinstance(key.agreement, CurveAgreement) else 1
    info = ChipAuthenticationInfo(chip_authentication_oid(suite, arc))
    for parameter_id in (None, number):
        infos = parse_card_access(encode_security_infos(chip_authentication=(info,), keys=(key_info(key, parameter_id),)))
        way = choose_chip_authentication(infos)
        assert way is not None
        assert way.suite is suite
        assert isinstance(way.parameters, (CurveAgreement, GroupAgreement))
        chip = chip_authentication_chip(ChipAuthentication((key,)))
        assert_same_keys(*carried(chip_authentication(way, entropy(4)), chip))


def test_several_keys_with_references() -> None:
    """The strongest way names its key; a chip that is told another number refuses."""
    keys = (static_key(13, 3, 1), static_key(17, 4, 2))
    ways = (
        ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.DES3), 1, 1),
        ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.AES256), 1, 2),
    )
    infos = parse_card_access(encode_security_infos(chip_authentication=ways, keys=tuple(map(key_info, keys))))
    way = choose_chip_authentication(infos)
    assert way is not None
    assert (way.key_id, way.variant) == (2, "ecdh-aes-256-brainpoolP512r1")
    chip = chip_authentication_chip(ChipAuthentication(keys))
    assert_same_keys(*carried(chip_authentication(way, entropy(4)), chip))
    with pytest.raises(ChipError) as caught:
        carried(chip_authentication(replace(way, key_id=3), entropy(4)), chip)
    assert caught.value.sw == 0x6A88


OWN_CURVE = CurveAgreement(PRIME239V1)
"""A sound curve that is none of the standard ones."""


def own_group() -> GroupAgreement:
    """A standard group under another generator of the same subgroup, which makes it one that is spelled out."""
    group = GROUPS[0]
    return GroupAgreement(replace(group, name="explicit", g=pow(group.g, 3, group.p)))


SPELLED_OUT = ((2, OWN_CURVE), (4, OWN_CURVE), (6, OWN_CURVE), (1, own_group()), (3, own_group()))


@pytest.mark.parametrize(("arc", "agreement"), SPELLED_OUT, ids=["gm", "im", "cam", "dh-gm", "dh-im"])
@pytest.mark.parametrize("number", [32, None])
def test_parameters_that_the_chip_spells_out(arc: int, agreement: CurveAgreement | GroupAgreement, number: int | None) -> None:
    """EF.CardAccess brings its own parameters, under a number of its own or without one."""
    info = PaceInfo(pace_oid(arc, CipherSuite.AES128), 2, number)
    offered = PaceDomainParameters(f"0.4.0.127.0.7.2.2.4.{arc}", None, number)
    infos = parse_card_access(encode_security_infos((info,), ((offered, agreement),)))
    way = choose_way(infos).way
    assert way is not None
    assert way.agreement == agreement
    assert way.variant.endswith("-explicit")
    static = AgreementKey(agreement, 123456789)
    chip = PaceAccess(infos.pace, passwords(INFORMATION, ""), entropy(1), (static,), infos.pace_parameters)
    session, card = carried(run_pace(way, PASSWORD, entropy(2)), pace_chip(chip))
    assert_same_keys(session.secure, card)
    if arc == 6:
        assert verify_mapping_proof(parse_card_access(encode_security_infos(keys=(key_info(static),))), session.proof)


def test_a_standard_number_means_the_standard_parameters() -> None:
    """A chip cannot give a standardised number another meaning."""
    info = PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 13)
    offered = PaceDomainParameters("0.4.0.127.0.7.2.2.4.2", None, 13)
    way = choose_way(parse_card_access(encode_security_infos((info,), ((offered, OWN_CURVE),)))).way
    assert way is not None
    assert way.agreement == AGREEMENTS[13]


def test_parameters_without_a_number_for_several_sets() -> None:
    """An offer that could mean two sets means none."""
    info = PaceInfo(pace_oid(2, CipherSuite.AES128), 2, None)
    offered = [PaceDomainParameters("0.4.0.127.0.7.2.2.4.2", None, number) for number in (32, 33)]
    infos = parse_card_access(encode_security_infos((info,), tuple((item, OWN_CURVE) for item in offered)))
    assert choose_way(infos).way is None
    one = replace(infos, pace=(replace(info, parameter_id=33),))
    assert choose_way(one).way is not None


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (AccessPolicy(), "ecdh-cam-aes-128-brainpoolP256r1"),
        (AccessPolicy(mappings=("gm", "im")), "ecdh-gm-aes-256-brainpoolP256r1"),
        (AccessPolicy(mappings=("im", "gm", "cam")), "ecdh-im-3des-brainpoolP256r1"),
        (AccessPolicy(mappings=("im", "gm"), minimum_cipher=CipherSuite.AES128), "ecdh-gm-aes-256-brainpoolP256r1"),
        (AccessPolicy(mappings=("im",), minimum_cipher=CipherSuite.AES128), None),
    ],
)
def test_policy(policy: AccessPolicy, expected: str | None) -> None:
    offers = (
        PaceInfo(pace_oid(2, CipherSuite.AES128)),
        PaceInfo(pace_oid(2, CipherSuite.AES256)),
        PaceInfo(pace_oid(1, CipherSuite.AES256), 2, 2),
        PaceInfo(pace_oid(4, CipherSuite.DES3)),
        PaceInfo(pace_oid(6, CipherSuite.AES128)),
    )
    way = choose_way(SecurityInfos(offers), policy).way
    assert (None if way is None else way.variant) == expected


@pytest.mark.parametrize("mappings", [(), ("gm", "gm"), ("gm", "xm")])
def test_policies_that_make_no_sense(mappings: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="mappings"):
        AccessPolicy(mappings=mappings)
