"""Card verifiable certificates: their form, their keys, requests, and the terminal's key that goes with them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from drivers.sim.passport.chip_verification import VerificationKind, VerificationOffice
from egate.model.errors import MalformedData, TrustError
from egate.mrtd.files.security_infos import encode_oid
from egate.mrtd.files.tlv import encode_tlv, parse_one
from egate.pki.cvc import (
    AUTHENTICATION_TERMINAL_OID,
    INSPECTION_SYSTEM_OID,
    CvPlan,
    Extension,
    HolderAuthorization,
    Role,
    encode_authenticated_request,
    encode_certificate,
    encode_request,
    inspection_rights,
    parse_certificate,
    parse_certificate_parts,
    parse_request,
    verify_request,
)
from egate.pki.cvc_keys import (
    SCHEMES,
    CvEllipticKey,
    CvRsaKey,
    PrivateKey,
    completed,
    encode_key,
    parse_key,
    public_key_of,
    same_parameters,
    signer,
    variant_of,
    verify_message,
)
from egate.pki.terminal_key import credentials, credentials_with_key, load_private_key
from tests.unit.mrtd.parsing import parses_or_refuses

TODAY = date(2026, 11, 24)
EC_OID, RSA_OID = "0.4.0.127.0.7.2.2.2.2.3", "0.4.0.127.0.7.2.2.2.1.2"
EC_KEY = ec.derive_private_key(0x1234567, ec.BrainpoolP256R1())
RSA_KEY = rsa.generate_private_key(65_537, 1280)


def office(kind: VerificationKind = VerificationKind.ECDSA_BRAINPOOL) -> VerificationOffice:
    return VerificationOffice.create("UT", random.Random(5).randbytes, TODAY, kind)


def plan(rights: HolderAuthorization, extensions: tuple[Extension, ...] = ()) -> CvPlan:
    key = public_key_of(EC_KEY, EC_OID)
    return CvPlan("UTCVCA00001", "UTDV00001", key, rights, TODAY, TODAY + timedelta(days=30), extensions)


@pytest.mark.parametrize("role", Role)
def test_a_certificate_says_what_was_planned(role: Role) -> None:
    extensions = (Extension("0.4.0.127.0.7.3.1.3.1", encode_tlv(0x80, b"\x01\x02")),)
    written = encode_certificate(
        plan(inspection_rights(role, fingerprints=True, irises=False), extensions), signer(EC_KEY, EC_OID)
    )
    read = parse_certificate(written)
    assert (read.authority_reference, read.holder_reference, read.role) == ("UTCVCA00001", "UTDV00001", role)
    assert (read.first_day, read.last_day) == (TODAY, TODAY + timedelta(days=30))
    assert (read.authorization.reads_fingerprints, read.authorization.reads_irises) == (True, False)
    assert read.extensions == extensions
    assert read.encoded == written
    assert isinstance(read.key, CvEllipticKey)
    assert (read.key.curve is None) is (role is not Role.CVCA)
    verify_message(public_key_of(EC_KEY, EC_OID), read.body, read.signature)
    assert parse_certificate_parts(read.body + encode_tlv(0x5F37, read.signature)) == read
    parses_or_refuses(parse_certificate, written)


@pytest.mark.parametrize("kind", VerificationKind)
def test_every_kind_of_key_signs_and_verifies(kind: VerificationKind) -> None:
    root = office(kind).root
    read = parse_certificate(root.certificate)
    verify_message(read.key, read.body, read.signature)
    with pytest.raises(TrustError):
        verify_message(read.key, read.body[:-1] + b"\x00", read.signature)
    with pytest.raises(TrustError):
        verify_message(read.key, read.body, read.signature[:-1])


@pytest.mark.parametrize("oid", SCHEMES)
def test_every_algorithm(oid: str) -> None:
    private: PrivateKey = RSA_KEY if ".1." in oid[-4:] else EC_KEY
    key = public_key_of(private, oid)
    signature = signer(private, oid)(b"message")
    verify_message(key, b"message", signature)
    with pytest.raises(TrustError):
        verify_message(key, b"another", signature)
    assert variant_of(oid).startswith("rsa" if isinstance(key, CvRsaKey) else "ecdsa")
    assert parse_key(_value(encode_key(key, parameters=True))) == key


def _value(encoded: bytes) -> bytes:
    return parse_one(encoded, 0x7F49, "taking a key apart")


def test_a_key_too_short_for_its_padding() -> None:
    with pytest.raises(TrustError, match="too short"):
        signer(rsa.generate_private_key(65_537, 1024), "0.4.0.127.0.7.2.2.2.1.6")


def test_algorithms_and_keys_that_do_not_fit() -> None:
    for private, oid in (
        (RSA_KEY, EC_OID),
        (EC_KEY, RSA_OID),
        (EC_KEY, "1.2.3"),
        (ec.generate_private_key(ec.SECP256K1()), EC_OID),
    ):
        with pytest.raises(TrustError):
            public_key_of(private, oid)
        with pytest.raises(TrustError):
            signer(private, oid)
    assert variant_of("1.2.3") == "1.2.3"
    key = public_key_of(EC_KEY, EC_OID)
    assert isinstance(key, CvEllipticKey)
    bare = CvEllipticKey(EC_OID, key.encoded_point, None)
    assert completed(bare, key) == key
    assert completed(key, bare) == key
    rsa_key = public_key_of(RSA_KEY, RSA_OID)
    assert completed(rsa_key, key) == rsa_key
    for issuer in (bare, rsa_key):
        with pytest.raises(TrustError):
            completed(bare, issuer)
    with pytest.raises(TrustError, match="no domain parameters"):
        verify_message(bare, b"", bytes(64))
    with pytest.raises(TrustError, match="not on the inherited curve"):
        verify_message(CvEllipticKey(EC_OID, b"\x04" + bytes(64), key.curve), b"", bytes(64))
    with pytest.raises(TrustError, match="not accepted"):
        verify_message(CvEllipticKey(EC_OID[:-1] + "9", key.encoded_point, key.curve), b"", bytes(64))
    assert not same_parameters(rsa_key, key)
    assert same_parameters(rsa_key, rsa_key)
    assert not same_parameters(key, bare)
    assert encode_key(bare, parameters=True) == encode_key(bare)


def _point() -> CvEllipticKey:
    key = public_key_of(EC_KEY, EC_OID)
    assert isinstance(key, CvEllipticKey)
    return key


_POINT = _point()
_OID_PART = encode_tlv(0x06, encode_oid(EC_OID))
_WITH_CURVE = _value(encode_key(_POINT, parameters=True))
WRONG_KEYS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no identifier": lambda: encode_tlv(0x86, _POINT.encoded_point),
    "another algorithm": lambda: encode_tlv(0x06, encode_oid("1.2.840.10045.2.1")) + encode_tlv(0x86, _POINT.encoded_point),
    "half the parameters": lambda: _OID_PART + encode_tlv(0x81, b"\x07") + encode_tlv(0x86, _POINT.encoded_point),
    "another cofactor": lambda: _WITH_CURVE[:-1] + b"\x02",
    "another curve": lambda: _WITH_CURVE.replace(bytes.fromhex("26dc5c6ce94a4b44"), bytes.fromhex("26dc5c6ce94a4b45")),
    "own base point": lambda: _WITH_CURVE.replace(bytes.fromhex("8bd2aeb9cb7e57cb"), bytes.fromhex("8bd2aeb9cb7e57cc")),
    "compressed base point": lambda: _WITH_CURVE.replace(bytes.fromhex("048bd2aeb9cb7e57"), bytes.fromhex("028bd2aeb9cb7e57")),
    "off the curve": lambda: _WITH_CURVE.replace(_POINT.encoded_point, _POINT.encoded_point[:-1] + b"\x00"),
    "rsa without exponent": lambda: encode_tlv(0x06, encode_oid(RSA_OID)) + encode_tlv(0x81, b"\x01" * 128),
    "rsa too short": lambda: _rsa_object(1 << 1022 | 1, 65_537),
    "rsa too long": lambda: _rsa_object(1 << 4096 | 1, 65_537),
    "rsa even": lambda: _rsa_object(1 << 1023, 65_537),
    "rsa exponent 1": lambda: _rsa_object(1 << 1023 | 1, 1),
    "rsa exponent even": lambda: _rsa_object(1 << 1023 | 1, 4),
    "rsa exponent long": lambda: _rsa_object(1 << 1023 | 1, 1 << 32 | 1),
}


def _rsa_object(modulus: int, exponent: int) -> bytes:
    numbers = ((0x81, modulus), (0x82, exponent))
    return encode_tlv(0x06, encode_oid(RSA_OID)) + b"".join(
        encode_tlv(tag, number.to_bytes(number.bit_length() // 8 + 1, "big")) for tag, number in numbers
    )


@pytest.mark.parametrize("make", WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_keys_that_are_refused(make: Callable[[], bytes]) -> None:
    """A certificate that brings its own base point could make any key its own (CVE-2020-0601)."""
    with pytest.raises(MalformedData):
        parse_key(make())


def _assembled(**changed: bytes | None) -> bytes:
    """A certificate from its parts, some of them changed or, when None, left out."""
    rights = encode_tlv(0x06, encode_oid(INSPECTION_SYSTEM_OID)) + encode_tlv(0x53, b"\x03")
    parts: dict[str, bytes | None] = {
        "profile": encode_tlv(0x5F29, b"\x00"),
        "authority": encode_tlv(0x42, b"UTCVCA00001"),
        "key": encode_key(_POINT),
        "holder": encode_tlv(0x5F20, b"UTIS00001"),
        "rights": encode_tlv(0x7F4C, rights),
        "first": encode_tlv(0x5F25, bytes.fromhex("020601010204")),
        "last": encode_tlv(0x5F24, bytes.fromhex("020601020204")),
        "extensions": b"",
        "signature": encode_tlv(0x5F37, bytes(64)),
        "after": b"",
    }
    parts |= changed
    signature, after = parts.pop("signature"), parts.pop("after")
    body = encode_tlv(0x7F4E, b"".join(part for part in parts.values() if part))
    return encode_tlv(0x7F21, body + (signature or b"") + (after or b""))


def _holder_rights(*objects: bytes) -> bytes:
    return encode_tlv(0x7F4C, b"".join(objects))


_IS = encode_tlv(0x06, encode_oid(INSPECTION_SYSTEM_OID))
WRONG_CERTIFICATES: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "too large": lambda: encode_tlv(0x7F21, bytes(5000)),
    "another tag": lambda: b"\x30" + _assembled()[2:],
    "no signature": lambda: _assembled(signature=None),
    "empty signature": lambda: _assembled(signature=encode_tlv(0x5F37, b"")),
    "two signatures": lambda: _assembled(after=encode_tlv(0x5F37, bytes(64))),
    "another profile": lambda: _assembled(profile=encode_tlv(0x5F29, b"\x01")),
    "no profile": lambda: _assembled(profile=None),
    "no issuer": lambda: _assembled(authority=None),
    "no holder": lambda: _assembled(holder=None),
    "no rights": lambda: _assembled(rights=None),
    "no days": lambda: _assembled(first=None),
    "long reference": lambda: _assembled(authority=encode_tlv(0x42, b"U" * 17)),
    "empty reference": lambda: _assembled(holder=encode_tlv(0x5F20, b"")),
    "unprintable reference": lambda: _assembled(holder=encode_tlv(0x5F20, b"UT\nIS")),
    "no day of any calendar": lambda: _assembled(first=encode_tlv(0x5F25, bytes.fromhex("020601030001"))),
    "no digits": lambda: _assembled(last=encode_tlv(0x5F24, bytes.fromhex("02060a020204"))),
    "short date": lambda: _assembled(last=encode_tlv(0x5F24, bytes.fromhex("0206"))),
    "rights of two bytes": lambda: _assembled(rights=_holder_rights(_IS, encode_tlv(0x53, b"\x00\x03"))),
    "rights without type": lambda: _assembled(rights=_holder_rights(encode_tlv(0x53, b"\x03"))),
    "rights without bits": lambda: _assembled(rights=_holder_rights(_IS)),
    "empty rights": lambda: _assembled(rights=_holder_rights(_IS, encode_tlv(0x53, b""))),
    "no extension": lambda: _assembled(extensions=encode_tlv(0x65, b"")),
    "another extension": lambda: _assembled(extensions=encode_tlv(0x65, encode_tlv(0x30, b""))),
    "many extensions": lambda: _assembled(extensions=encode_tlv(0x65, encode_tlv(0x73, _IS) * 17)),
    "something after": lambda: _assembled(extensions=encode_tlv(0x04, b"\x01")),
}


def test_the_assembled_certificate_is_well_formed() -> None:
    """Otherwise the wrong ones would be refused for another reason than their own."""
    assert parse_certificate(_assembled()).role is Role.TERMINAL
    assert len(parse_certificate(_assembled(extensions=encode_tlv(0x65, encode_tlv(0x73, _IS) * 16))).extensions) == 16


@pytest.mark.parametrize("make", WRONG_CERTIFICATES.values(), ids=WRONG_CERTIFICATES.keys())
def test_certificates_that_are_malformed(make: Callable[[], bytes]) -> None:
    with pytest.raises(MalformedData):
        parse_certificate(make())


def test_rights_of_other_terminals_open_no_fingerprints() -> None:
    assert not HolderAuthorization(AUTHENTICATION_TERMINAL_OID, b"\x00\x00\x00\x00\x03").reads_fingerprints
    assert inspection_rights(Role.TERMINAL, fingerprints=False, irises=True).reads_irises


def test_days_outside_the_century_cannot_be_written() -> None:
    rights = inspection_rights(Role.TERMINAL, fingerprints=True, irises=False)
    wrong = CvPlan("A", "B", _POINT, rights, date(1999, 12, 31), TODAY)
    with pytest.raises(MalformedData):
        encode_certificate(wrong, signer(EC_KEY, EC_OID))


def test_requests() -> None:
    """A first request proves the possession of its key; a later one also comes from the holder of the key before."""
    sign = signer(EC_KEY, EC_OID)
    first = encode_request("UTIS00001", public_key_of(EC_KEY, EC_OID), sign, "UTDV00001")
    parsed = parse_request(first)
    assert (parsed.holder_reference, parsed.authority_reference, parsed.outer_reference) == ("UTIS00001", "UTDV00001", "")
    verify_request(parsed)
    parses_or_refuses(parse_request, first)

    previous = public_key_of(RSA_KEY, RSA_OID)
    second = parse_request(encode_authenticated_request(first, "UTIS00000", signer(RSA_KEY, RSA_OID)))
    assert second.outer_reference == "UTIS00000"
    verify_request(second)
    verify_message(previous, second.authenticated, second.outer_signature)
    with pytest.raises(TrustError):
        verify_message(previous, parsed.authenticated, second.outer_signature)

    other = ec.derive_private_key(99, ec.BrainpoolP256R1())
    stolen = encode_request("UTIS00001", public_key_of(EC_KEY, EC_OID), signer(other, EC_OID))
    assert parse_request(stolen).authority_reference == ""
    with pytest.raises(TrustError):
        verify_request(parse_request(stolen))


@pytest.mark.parametrize(
    "data", [b"", b"\x67\x00", b"\x67" + bytes(5000), encode_tlv(0x67, encode_tlv(0x7F21, b"")), _assembled()]
)
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_request(data)


def test_the_terminals_key_and_its_chain() -> None:
    state = office()
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    for password in (None, b"secret"):
        protection = BestAvailableEncryption(password) if password else NoEncryption()
        pem = system.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
        loaded = credentials_with_key(state.chain(verifier, system), load_private_key(pem, password))
        key = completed(parse_certificate(system.certificate).key, parse_certificate(state.root.certificate).key)
        verify_message(key, b"message", loaded.sign(b"message"))
        assert "secret" not in repr(loaded)
    module = credentials(state.chain(verifier, system), lambda message: message)
    assert module.sign(b"asked") == b"asked"


def test_keys_that_are_not_the_terminals() -> None:
    state = office()
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    chain = state.chain(verifier, system)
    with pytest.raises(TrustError, match="another key"):
        credentials_with_key(chain, verifier.key)
    with pytest.raises(TrustError, match="another kind"):
        credentials_with_key(chain, RSA_KEY)
    for cut in ((), chain[:1]):
        with pytest.raises(TrustError, match="does not end with a terminal"):
            credentials(cut, lambda message: message)
    with pytest.raises(MalformedData):
        credentials((b"",), lambda message: message)
    foreign = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for pem in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", foreign):
        with pytest.raises(TrustError):
            load_private_key(pem)


def test_a_chain_of_rsa_keys_is_matched_too() -> None:
    state = office(VerificationKind.RSA_PSS)
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    loaded = credentials_with_key(state.chain(verifier, system), system.key)
    verify_message(parse_certificate(system.certificate).key, b"m", loaded.sign(b"m"))
    with pytest.raises(TrustError, match="another key"):
        credentials_with_key(state.chain(verifier, system), verifier.key)
