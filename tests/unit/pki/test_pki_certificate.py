"""Certificates are verified over the bytes that came, never over what a library would have written instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from drivers.sim.passport.certification import CertificatePlan, SigningKind, elliptic_key, issue
from egate.model.errors import MalformedData, TrustError
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.asn1 import MAXIMUM_CHILDREN, children, decoding
from egate.pki.certificate import parse_certificate, verify_certificate
from tests.unit.sim.sample_state import TODAY, seeded, utopia

PLAN = CertificatePlan("UT", "A", 1, TODAY, timedelta(days=90), frozenset({"key_cert_sign"}))
KEY = elliptic_key(ec.SECP256R1(), seeded(b"certificate"))
TRUE_AS_DER, TRUE_AS_BER = b"\x01\x01\xff", b"\x01\x01\x01"


def body_of_length_ending_in(low_byte: int) -> bytes:
    """The signed part of a certificate whose length field ends in a byte; the name is made as long as it takes."""
    for size, serial_number in product(range(1, 130), (1, 256)):  # the name counts twice, the serial number once
        plan = replace(PLAN, common_name="A" * size, serial_number=serial_number)
        body = children(issue(plan, KEY, None).certificate)[0]
        if body[3] == low_byte:
            return body
    raise AssertionError("no such length")


@pytest.mark.parametrize("low_byte", [0x7F, 0x80, 0x81])
def test_body_is_verified_as_it_came(low_byte: int) -> None:
    """Two things that real certificates have: a length ending in 80, and a boolean that is not DER (Ukraine)."""
    body = body_of_length_ending_in(low_byte)
    assert TRUE_AS_DER in body
    body = body.replace(TRUE_AS_DER, TRUE_AS_BER)
    signature = KEY.sign(body, ec.ECDSA(hashes.SHA256()))
    algorithm = children(issue(PLAN, KEY, None).certificate)[1]
    found = parse_certificate(encode_tlv(0x30, body + algorithm + encode_tlv(0x03, b"\x00" + signature)))
    assert found.signed_part == body
    assert found.is_authority
    verify_certificate(found, found.public_key)
    with pytest.raises(TrustError):
        verify_certificate(replace(found, signed_part=body.replace(TRUE_AS_BER, TRUE_AS_DER)), found.public_key)


def test_certificate_of_version_1_has_its_fields_elsewhere() -> None:
    """Without the version every field moves up by one."""
    body = parse_certificate(issue(PLAN, KEY, None).certificate).signed_part
    parts = children(body)
    assert parts[0][0] == 0xA0
    first = encode_tlv(0x30, b"".join(parts[1:7]))
    algorithm = children(issue(PLAN, KEY, None).certificate)[1]
    signature = encode_tlv(0x03, b"\x00" + KEY.sign(first, ec.ECDSA(hashes.SHA256())))
    found = parse_certificate(encode_tlv(0x30, first + algorithm + signature))
    assert (found.subject, found.serial_number, found.key_usage) == (parts[5], 1, frozenset())
    verify_certificate(found, found.public_key)


def test_children_are_limited_and_must_be_inside_something() -> None:
    assert children(encode_tlv(0x30, b"\x05\x00" * MAXIMUM_CHILDREN)) == (b"\x05\x00",) * MAXIMUM_CHILDREN
    for wrong in (encode_tlv(0x30, b"\x05\x00" * (MAXIMUM_CHILDREN + 1)), b"\x05\x00", b"\x30\x01\x05"):
        with pytest.raises(MalformedData), decoding("testing"):
            children(wrong)


@pytest.mark.parametrize("kind", SigningKind)
def test_impossible_dates_are_malformed(kind: SigningKind) -> None:
    der = utopia(kind).csca_certificate
    moment = parse_certificate(der).not_after.strftime("%y%m%d%H%M%SZ").encode()
    assert der.count(moment) == 1
    for wrong in (b"391340000000Z", b"XX1121000000Z"):
        with pytest.raises(MalformedData):
            parse_certificate(der.replace(moment, wrong))


def signed_again(body: bytes, algorithm: bytes) -> bytes:
    """A certificate of this body, signed by `KEY` with this AlgorithmIdentifier."""
    signature = KEY.sign(body, ec.ECDSA(hashes.SHA256()))
    return encode_tlv(0x30, body + algorithm + encode_tlv(0x03, b"\x00" + signature))


def test_null_behind_ecdsa_and_a_negative_serial_number_are_read() -> None:
    """As in certificates of Austria, the Emirates and Japan, which other libraries refuse."""
    body, algorithm, _ = children(issue(PLAN, KEY, None).certificate)
    with_null = encode_tlv(0x30, children(algorithm)[0] + b"\x05\x00")
    assert body.count(algorithm) == 1
    parts = list(children(body))
    assert parts[1] == b"\x02\x01\x01"
    parts[1], parts[2] = b"\x02\x02\xff\x01", with_null
    found = parse_certificate(signed_again(encode_tlv(0x30, b"".join(parts)), with_null))
    assert found.serial_number == -255
    verify_certificate(found, found.public_key)


def test_private_key_usage_period_has_two_ends() -> None:
    found = parse_certificate(issue(replace(PLAN, signs=timedelta(days=30)), KEY, None).certificate)
    days = [TODAY + timedelta(days=n) for n in (-1, 0, 30, 31)]
    assert [found.could_sign_on(day) for day in days] == [False, True, True, False]
    assert parse_certificate(issue(PLAN, KEY, None).certificate).could_sign_on(TODAY - timedelta(days=9999))


def test_path_length_is_read() -> None:
    assert parse_certificate(issue(PLAN, KEY, None).certificate).path_length == 0
    signer = replace(PLAN, usages=frozenset({"digital_signature"}))
    assert parse_certificate(issue(signer, KEY, None).certificate).path_length is None
