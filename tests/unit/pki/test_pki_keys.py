"""Keys and signatures: what is accepted, what is tolerated, and what is refused."""

from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.model.errors import MalformedData, TrustError
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.crypto.ec import Curve
from egate.mrtd.files.security_infos import encode_ec_public_key
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.asn1 import algos, core
from egate.pki.keys import (
    HASHES,
    EllipticKey,
    PublicKey,
    RsaKey,
    SignatureKind,
    SignatureScheme,
    UnusableKey,
    digest,
    parse_public_key,
    parse_scheme,
    verify_signature,
)

SHA1, SHA256, SHA512 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.3"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.derive_private_key(0x1234567, ec.BrainpoolP384R1())
MESSAGE = b"the hashes of a passport"
PKCS1 = SignatureScheme(SignatureKind.RSA_PKCS1, SHA256)
ECDSA = SignatureScheme(SignatureKind.ECDSA, SHA256)


def info_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def raw_rsa(block: bytes) -> bytes:
    """A PKCS#1 v1.5 signature over an arbitrary block, made with the bare private key."""
    numbers = RSA_KEY.private_numbers()
    modulus = numbers.public_numbers.n
    padded = b"\x00\x01" + b"\xff" * (256 - 3 - len(block)) + b"\x00" + block
    return pow(int.from_bytes(padded, "big"), numbers.d, modulus).to_bytes(256, "big")


def test_rsa_key_and_signature() -> None:
    key = parse_public_key(info_of(RSA_KEY))
    assert isinstance(key, RsaKey)
    assert key.exponent == 65537
    signature = RSA_KEY.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
    verify_signature(key, PKCS1, signature, MESSAGE)
    with pytest.raises(TrustError, match="does not hold"):
        verify_signature(key, PKCS1, signature, MESSAGE + b"!")


def test_digest_info_without_null_is_tolerated() -> None:
    """RFC 8017 §9.2 note 2; the ICAO master list of September 2023 is signed so."""
    block = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + sha256(MESSAGE).digest()
    verify_signature(parse_public_key(info_of(RSA_KEY)), PKCS1, raw_rsa(block), MESSAGE)


@pytest.mark.parametrize(
    "block",
    [
        bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + sha256(b"other").digest(),
        bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + sha256(MESSAGE).digest() + b"tail",
        bytes.fromhex("302f300b0609608648016503040202") + b"\x04\x20" + sha256(MESSAGE).digest(),
        sha256(MESSAGE).digest(),
    ],
    ids=["other digest", "tail", "other hash", "bare digest"],
)
def test_nothing_else_is_tolerated(block: bytes) -> None:
    with pytest.raises(TrustError):
        verify_signature(parse_public_key(info_of(RSA_KEY)), PKCS1, raw_rsa(block), MESSAGE)


@pytest.mark.parametrize("salt_bytes", [0, 20, 32, 64])
def test_pss_with_any_salt_it_states(salt_bytes: int) -> None:
    key = parse_public_key(info_of(RSA_KEY))
    signature = RSA_KEY.sign(MESSAGE, padding.PSS(padding.MGF1(hashes.SHA512()), salt_bytes), hashes.SHA256())
    verify_signature(key, SignatureScheme(SignatureKind.RSA_PSS, SHA256, SHA512, salt_bytes), signature, MESSAGE)
    with pytest.raises(TrustError):
        verify_signature(key, SignatureScheme(SignatureKind.RSA_PSS, SHA256, SHA512, salt_bytes + 1), signature, MESSAGE)


def test_elliptic_key_with_named_and_with_explicit_parameters_is_the_same() -> None:
    named, explicit = parse_public_key(info_of(EC_KEY)), parse_public_key(encode_ec_public_key(EC_KEY.public_key()))
    assert named == explicit
    assert isinstance(named, EllipticKey)
    signature = EC_KEY.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    verify_signature(explicit, ECDSA, signature, MESSAGE)


def explicit_info(curve: Curve, scalar: int) -> bytes:
    """A SubjectPublicKeyInfo on any of our curves, whether the cryptography library has it or not."""
    point = curve.multiply(scalar, curve.generator)
    assert point is not None
    oid = {"brainpoolP192r1": "1.3.36.3.3.2.8.1.1.3", "brainpoolP224r1": "1.3.36.3.3.2.8.1.1.5"}.get(curve.name)
    parameters = bytes(core.ObjectIdentifier(oid or "1.3.36.3.3.2.8.1.1.9").dump())
    algorithm = bytes(core.ObjectIdentifier("1.2.840.10045.2.1").dump()) + parameters
    bits = bytes(core.OctetBitString(curve.encode(point)).dump())
    body = bytes([0x30, len(algorithm)]) + algorithm + bits
    return bytes([0x30, len(body)]) + body if len(body) < 128 else bytes([0x30, 0x81, len(body)]) + body


def sign_by_hand(curve: Curve, scalar: int, message: bytes) -> bytes:
    """ECDSA as in TR-03111 §4.2.1, with a fixed nonce: a test key is no secret."""
    nonce = 0xABCDEF0123456789
    point = curve.multiply(nonce, curve.generator)
    assert point is not None
    e = int.from_bytes(sha256(message).digest(), "big") >> max(0, 256 - curve.n.bit_length())
    r = point.x % curve.n
    return encode_dss_signature(r, pow(nonce, -1, curve.n) * (e + r * scalar) % curve.n)


@pytest.mark.parametrize("number", [9, 11, 14])
def test_curves_that_the_library_lacks_are_verified_all_the_same(number: int) -> None:
    """brainpoolP192r1, P224r1 and P320r1: the last two sign real passports."""
    curve, scalar = CURVES[number], 0xC0FFEE
    assert curve.openssl is None
    key = parse_public_key(explicit_info(curve, scalar))
    assert isinstance(key, EllipticKey)
    signature = sign_by_hand(curve, scalar, MESSAGE)
    verify_signature(key, ECDSA, signature, MESSAGE)
    with pytest.raises(TrustError):
        verify_signature(key, ECDSA, signature, MESSAGE + b"!")
    with pytest.raises(TrustError):
        verify_signature(key, ECDSA, b"\x30\x00", MESSAGE)


def test_every_curve_but_one_detail_is_no_curve() -> None:
    """CVE-2020-0601: explicit parameters with one value changed are none of ours, wherever the change is."""
    info = encode_ec_public_key(EC_KEY.public_key())
    curve = CURVES[16]
    for value in (curve.p, curve.a, curve.b, curve.generator.x, curve.generator.y, curve.n):
        encoded = value.to_bytes(curve.field_bytes, "big")
        assert info.count(encoded) == 1
        changed = info.replace(encoded, (value ^ 2).to_bytes(curve.field_bytes, "big"))
        assert isinstance(parse_public_key(changed), UnusableKey)


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        (info_of(ec.derive_private_key(5, ec.SECP256K1())), "curve"),
        (info_of(dsa.generate_private_key(1024)), "algorithm"),
        (info_of(EC_KEY)[:-1] + bytes([info_of(EC_KEY)[-1] ^ 1]), "point"),
    ],
    ids=["unknown curve", "DSA", "point off the curve"],
)
def test_keys_of_no_use(info: bytes, problem: str) -> None:
    key = parse_public_key(info)
    assert isinstance(key, UnusableKey)
    assert problem in key.problem
    with pytest.raises(TrustError, match="the key uses"):
        verify_signature(key, PKCS1, b"", b"")


def test_smallest_rsa_key_in_circulation_is_read() -> None:
    assert isinstance(parse_public_key(info_of(rsa.generate_private_key(public_exponent=65537, key_size=1024))), RsaKey)


def test_rsa_modulus_out_of_bounds() -> None:
    modulus = core.Integer((1 << 511) + 1).dump() + core.Integer(3).dump()
    numbers = bytes([0x30, len(modulus)]) + modulus
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    body = algorithm + core.OctetBitString(numbers).dump()
    key = parse_public_key(bytes([0x30, len(body)]) + body)
    assert isinstance(key, UnusableKey)
    assert "length" in key.problem


def test_kind_of_key_and_signature_must_agree() -> None:
    rsa_key, ec_key = parse_public_key(info_of(RSA_KEY)), parse_public_key(info_of(EC_KEY))
    mismatches: list[tuple[PublicKey, SignatureScheme]] = [(rsa_key, ECDSA), (ec_key, PKCS1)]
    for key, scheme in mismatches:
        with pytest.raises(TrustError, match="another kind"):
            verify_signature(key, scheme, b"", b"")
    with pytest.raises(TrustError, match="not accepted"):
        verify_signature(rsa_key, None, b"", b"")


def algorithm(oid: str, parameters: bytes = b"") -> bytes:
    body = bytes(core.ObjectIdentifier(oid).dump()) + parameters
    return bytes([0x30, len(body)]) + body


@pytest.mark.parametrize(
    ("encoded", "digest_oid", "expected"),
    [
        (algorithm("1.2.840.113549.1.1.11", b"\x05\x00"), "", PKCS1),
        (algorithm("1.2.840.113549.1.1.1", b"\x05\x00"), SHA256, PKCS1),
        (algorithm("1.2.840.113549.1.1.1", b"\x05\x00"), "", None),
        (algorithm("1.2.840.10045.4.3.2"), "", ECDSA),
        (algorithm("1.2.840.10045.4.3.2", b"\x05\x00"), "", ECDSA),
        (algorithm("1.2.840.10045.2.1"), SHA256, ECDSA),
        (algorithm("1.2.840.10045.2.1"), "1.2.3", None),
        (algorithm("1.2.840.113549.1.1.4", b"\x05\x00"), "", None),
        (algorithm("1.2.840.113549.1.1.10"), "", SignatureScheme(SignatureKind.RSA_PSS, SHA1, SHA1, 20)),
    ],
    ids=["rsa", "rsa + digest", "rsa alone", "ecdsa", "ecdsa NULL", "ec + digest", "ec + unknown", "md5", "pss defaults"],
)
def test_signature_schemes(encoded: bytes, digest_oid: str, expected: SignatureScheme | None) -> None:
    assert parse_scheme(encoded, digest_oid) == expected


def test_pss_parameters() -> None:
    parameters = algos.RSASSAPSSParams(
        {
            "hash_algorithm": {"algorithm": "sha256"},
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha512"}},
            "salt_length": 64,
        }
    ).dump()
    expected = SignatureScheme(SignatureKind.RSA_PSS, SHA256, SHA512, 64)
    assert parse_scheme(algorithm("1.2.840.113549.1.1.10", parameters)) == expected
    md5 = algos.RSASSAPSSParams({"hash_algorithm": {"algorithm": "md5"}}).dump()
    assert parse_scheme(algorithm("1.2.840.113549.1.1.10", md5)) is None


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x03\x02\x01\x01", b"\x31\x00", b"\x30\x80", bytes(64)])
def test_what_is_no_key_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedData):
        parse_public_key(data)
    with pytest.raises(MalformedData):
        parse_scheme(data)


def test_unknown_hash_is_refused() -> None:
    with pytest.raises(TrustError):
        digest("1.2.840.113549.2.5", b"MD5")


def test_library_agrees_with_our_hash() -> None:
    signature = EC_KEY.sign(digest(SHA512, MESSAGE), ec.ECDSA(Prehashed(hashes.SHA512())))
    verify_signature(parse_public_key(info_of(EC_KEY)), SignatureScheme(SignatureKind.ECDSA, SHA512), signature, MESSAGE)


def test_leading_zeros_that_a_signer_dropped_or_added_are_tolerated() -> None:
    """Met in a Polish security object: the result of RSA is a number, and some signers write it as short as it is."""
    key, message = parse_public_key(info_of(RSA_KEY)), MESSAGE
    for number in range(4096):
        message = MESSAGE + number.to_bytes(2, "big")
        signature = RSA_KEY.sign(message, padding.PKCS1v15(), hashes.SHA256())
        if signature[0] == 0:
            break
    assert signature[0] == 0
    for written in (signature, signature.lstrip(b"\x00"), b"\x00" + signature):
        verify_signature(key, PKCS1, written, message)
    for wrong in (b"", b"\x01" + signature, signature + b"\x00"):
        with pytest.raises(TrustError):
            verify_signature(key, PKCS1, wrong, message)


@pytest.mark.parametrize("number", [11, 13, 16])
def test_plain_ecdsa_is_verified_as_der_is(number: int) -> None:
    """Both numbers side by side (TR-03111 §5.2.1), on curves that the library has and has not."""
    curve, scalar = CURVES[number], 0xBEEF
    point = curve.multiply(scalar, curve.generator)
    assert point is not None
    key = EllipticKey(curve, point)
    r, s = decode_dss_signature(sign_by_hand(curve, scalar, MESSAGE))
    size = curve.field_bytes
    plain = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    verify_signature(key, ECDSA, plain, MESSAGE)
    for wrong in (plain[:-1], plain + b"\x00", bytes(2 * size), s.to_bytes(size, "big") + r.to_bytes(size, "big")):
        with pytest.raises(TrustError):
            verify_signature(key, ECDSA, wrong, MESSAGE)
    with pytest.raises(TrustError):
        verify_signature(key, ECDSA, plain, MESSAGE + b"!")


@pytest.mark.parametrize("hash_oid", HASHES)
@pytest.mark.parametrize("kind", SignatureKind)
def test_every_hash_with_every_kind_of_signature(hash_oid: str, kind: SignatureKind) -> None:
    algorithm = HASHES[hash_oid]
    scheme = SignatureScheme(kind, hash_oid, SHA512 if kind is SignatureKind.RSA_PSS else "", 32)
    if kind is SignatureKind.ECDSA:
        signature, info = EC_KEY.sign(MESSAGE, ec.ECDSA(algorithm)), info_of(EC_KEY)
    elif kind is SignatureKind.RSA_PSS:
        signature, info = RSA_KEY.sign(MESSAGE, padding.PSS(padding.MGF1(hashes.SHA512()), 32), algorithm), info_of(RSA_KEY)
    else:
        signature, info = RSA_KEY.sign(MESSAGE, padding.PKCS1v15(), algorithm), info_of(RSA_KEY)
    verify_signature(parse_public_key(info), scheme, signature, MESSAGE)
    other = next(oid for oid in HASHES if oid != hash_oid)
    with pytest.raises(TrustError):
        verify_signature(parse_public_key(info), SignatureScheme(kind, other, scheme.mask_hash_oid, 32), signature, MESSAGE)


def test_exponent_that_no_key_can_have() -> None:
    modulus = core.Integer((1 << 2047) + 1).dump() + core.Integer(1).dump()
    numbers = encode_tlv(0x30, modulus)
    body = bytes.fromhex("300d06092a864886f70d0101010500") + core.OctetBitString(numbers).dump()
    assert parse_public_key(encode_tlv(0x30, body)) == UnusableKey("an RSA exponent that no key can have")
