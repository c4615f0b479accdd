"""Whatever bytes come: the parsers of access return a value or raise MalformedData, and judging returns or refuses."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES, GROUPS
from egate.mrtd.crypto.mapping import encode_to_point
from egate.mrtd.files.card_security import parse_card_security
from egate.mrtd.files.der import encode_integer, encode_object_identifier, encode_sequence
from egate.mrtd.files.public_keys import encode_agreement_key, encode_parameters, parse_agreement_key, parse_parameters
from egate.mrtd.files.security_infos import (
    PaceDomainParameters,
    PaceInfo,
    encode_key_info,
    encode_security_infos,
    pace_oid,
    parse_card_access,
)
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.mapping_proof import mapping_proof, verify_mapping_proof
from egate.mrtd.pace_choice import choose_way
from tests.unit.mrtd.curves import PRIME239V1

SEEDED = settings(max_examples=80, derandomize=True, deadline=None)
CURVE, OWN, GROUP = CurveAgreement(CURVES[13]), CurveAgreement(PRIME239V1), GroupAgreement(GROUPS[0])
INFOS = encode_security_infos(
    (PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 40), PaceInfo(pace_oid(6, CipherSuite.AES128))),
    ((PaceDomainParameters("0.4.0.127.0.7.2.2.4.2", None, 40), OWN),),
    keys=(encode_key_info(CURVE, CURVE.encode(CURVE.base), 3), encode_key_info(CURVE, CURVE.encode(CURVE.base), 4, 13)),
)
SIGNED = encode_sequence(
    encode_object_identifier("1.2.840.113549.1.7.2"),
    encode_tlv(
        0xA0,
        encode_sequence(
            encode_integer(3),
            encode_tlv(0x31, b""),
            encode_sequence(encode_object_identifier("0.4.0.127.0.7.3.2.1"), encode_tlv(0xA0, encode_tlv(0x04, INFOS))),
        ),
    ),
)
SEEDS: list[tuple[Callable[[bytes], object], bytes]] = [
    (parse_card_access, INFOS),
    (parse_card_security, SIGNED),
    (parse_agreement_key, encode_agreement_key(GROUP, GROUP.encode(GROUP.base))),
    (parse_agreement_key, encode_agreement_key(OWN, OWN.encode(OWN.base))),
    (parse_parameters, encode_parameters(GROUP, stated_order=False)[3:]),
]


@st.composite
def nearly(draw: st.DrawFn) -> tuple[Callable[[bytes], object], bytes]:
    """A real structure with a few bytes changed, perhaps cut."""
    parser, seed = draw(st.sampled_from(SEEDS))
    data = bytearray(seed)
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return parser, bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@SEEDED
@given(nearly())
def test_parsers(case: tuple[Callable[[bytes], object], bytes]) -> None:
    parser, data = case
    try:
        parser(data)
    except MalformedData:
        return


@SEEDED
@given(st.integers(0, len(INFOS) - 1), st.integers(0, 255))
def test_choosing_never_fails(position: int, value: int) -> None:
    data = bytearray(INFOS)
    data[position] = value
    try:
        infos = parse_card_access(bytes(data))
    except MalformedData:
        return
    choice = choose_way(infos)
    assert choice.way is None or choice.way.mapping in {"gm", "cam"}


@SEEDED
@given(st.binary(max_size=80), st.binary(max_size=40))
def test_proofs_never_raise(mapping_key: bytes, data: bytes) -> None:
    assert not verify_mapping_proof(parse_card_access(INFOS), mapping_proof(mapping_key, data))


@SEEDED
@given(st.integers(2, CURVES[14].p - 2))
def test_every_field_element_has_a_point(value: int) -> None:
    assert CURVES[14].contains(encode_to_point(CURVES[14], value))
