"""Active authentication: RSA by ISO 9796-2 and ECDSA, real answers and forged ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.model.errors import ChipError, MalformedData
from egate.mrtd.active_auth import EcKey, RsaKey, internal_authenticate, parse_public_key, verify_recovered, verify_response
from egate.mrtd.apdu import ResponseApdu
from egate.mrtd.crypto.ec import Point
from egate.mrtd.files.lds import parse_dg15
from egate.mrtd.files.security_infos import encode_ec_public_key
from egate.mrtd.files.tlv import encode_tlv
from tests.shared_data import shared_path
from tests.unit.mrtd.chip_reading import chip_key
from tests.unit.mrtd.parsing import parses_or_refuses

CHALLENGE = bytes.fromhex("f173589974bf40c6")
TRAILERS = {"sha1": b"\x33\xcc", "sha224": b"\x38\xcc", "sha256": b"\x34\xcc", "sha384": b"\x36\xcc", "sha512": b"\x35\xcc"}


@cache
def rsa_key(bits: int = 1024) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


def info(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sign(representative: bytes, key: rsa.RSAPrivateKey) -> bytes:
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    return pow(int.from_bytes(representative, "big"), numbers.d, modulus).to_bytes((key.key_size + 7) // 8, "big")


def representative(name: str, trailer: bytes, size: int = 128, header: bytes = b"\x6a") -> bytes:
    """ISO/IEC 9796-2 scheme 1: header, as much of the message as fits, hash, trailer."""
    digest_bytes = hashlib.new(name).digest_size
    message = b"\x5a" * (size - len(header) - digest_bytes - len(trailer))
    return header + message + hashlib.new(name, message + CHALLENGE).digest() + trailer


@pytest.mark.parametrize("name", TRAILERS)
def test_rsa(name: str) -> None:
    signature = sign(representative(name, TRAILERS[name]), rsa_key())
    assert verify_response(info(rsa_key()), CHALLENGE, signature) == f"rsa-{name}"
    with pytest.raises(ChipError):
        verify_response(info(rsa_key()), bytes(8), signature)


def test_rsa_with_the_one_byte_trailer() -> None:
    signature = sign(representative("sha1", b"\xbc"), rsa_key())
    assert verify_response(info(rsa_key()), CHALLENGE, signature) == "rsa-sha1"


def test_rsa_with_the_smaller_root() -> None:
    """Scheme 1 allows n − s instead of s, whichever is smaller."""
    signature = int.from_bytes(sign(representative("sha256", TRAILERS["sha256"]), rsa_key()), "big")
    other = rsa_key().public_key().public_numbers().n - signature
    assert verify_response(info(rsa_key()), CHALLENGE, other.to_bytes(128, "big")) == "rsa-sha256"


@pytest.mark.parametrize("header", [b"\x6a", b"\x4a", b"\x6b\xba", b"\x6b\xbb\xbb\xba"])
def test_headers(header: bytes) -> None:
    assert verify_recovered(representative("sha256", b"\x34\xcc", 128, header), CHALLENGE) == "sha256"


def test_leading_zeros() -> None:
    """A modulus longer than the representative leaves zeros in front (gmrtd issue 106)."""
    assert verify_recovered(b"\x00" + representative("sha1", b"\xbc"), CHALLENGE) == "sha1"


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\xcc",
        b"\xbc",
        b"\x6a\xbc",
        b"\x6a" + bytes(19) + b"\xbc",
        representative("sha1", b"\x99\xcc"),
        representative("sha1", b"\x34\xcc"),
        representative("sha1", b"\xbd"),
        representative("sha1", b"\xbc", 128, b"\x7a"),
        representative("sha1", b"\xbc", 128, b"\x6c"),
        representative("sha1", b"\xbc", 128, b"\x6b\xbb"),
        representative("sha1", b"\xbc", 128, b"\x6b\xbc\xba"),
    ],
)
def test_other_representatives(wrong: bytes) -> None:
    assert verify_recovered(wrong, CHALLENGE) is None


@pytest.mark.parametrize("signature", [b"", b"\x00", b"\xff" * 128, b"\x01" * 128, b"\xff" * 300])
def test_rsa_garbage(signature: bytes) -> None:
    with pytest.raises(ChipError) as caught:
        verify_response(info(rsa_key()), CHALLENGE, signature)
    assert caught.value.sw == 0x9000


@pytest.mark.parametrize(
    ("curve", "algorithm", "stated", "name"),
    [
        (ec.SECP256R1(), hashes.SHA256(), None, "sha256"),
        (ec.BrainpoolP256R1(), hashes.SHA1(), None, "sha1"),
        (ec.SECP384R1(), hashes.SHA256(), None, "sha256"),
        (ec.SECP384R1(), hashes.SHA384(), None, "sha384"),
        (ec.BrainpoolP512R1(), hashes.SHA512(), None, "sha512"),
        (ec.SECP224R1(), hashes.SHA224(), None, "sha224"),
        (ec.BrainpoolP384R1(), hashes.SHA384(), "0.4.0.127.0.7.1.1.4.1.4", "sha384"),
        (ec.SECP521R1(), hashes.SHA256(), "1.2.840.10045.4.3.2", "sha256"),
    ],
)
def test_ecdsa(curve: ec.EllipticCurve, algorithm: hashes.HashAlgorithm, stated: str | None, name: str) -> None:
    key = chip_key(8, curve)
    der = key.sign(CHALLENGE, ec.ECDSA(algorithm))
    size = (key.key_size + 7) // 8
    plain = b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(der))
    for public in (info(key), encode_ec_public_key(key.public_key())):
        assert verify_response(public, CHALLENGE, plain, stated) == f"ecdsa-{name}"
        assert verify_response(public, CHALLENGE, der, stated) == f"ecdsa-{name}"
    with pytest.raises(ChipError):
        verify_response(info(key), bytes(8), plain, stated)
    with pytest.raises(ChipError):
        verify_response(info(chip_key(9, curve)), CHALLENGE, plain, stated)


def test_the_stated_hash_binds() -> None:
    """Where DG14 names a hash, a signature over another does not count."""
    key = chip_key(8, ec.SECP256R1())
    der = key.sign(CHALLENGE, ec.ECDSA(hashes.SHA1()))
    with pytest.raises(ChipError):
        verify_response(info(key), CHALLENGE, der, "0.4.0.127.0.7.1.1.4.1.3")


@pytest.mark.parametrize("signature", [b"", b"\x30\x00", b"\x30\x03\x02\x01\x01", b"\x00" * 64, b"\x01" * 63])
def test_ecdsa_garbage(signature: bytes) -> None:
    with pytest.raises(ChipError):
        verify_response(info(chip_key(8, ec.SECP256R1())), CHALLENGE, signature)


def test_public_keys() -> None:
    assert isinstance(parse_public_key(info(rsa_key())), RsaKey)
    key = chip_key(8)
    numbers = key.public_key().public_numbers()
    parsed = parse_public_key(info(key))
    assert isinstance(parsed, EcKey)
    assert parsed.point == Point(numbers.x, numbers.y)
    parses_or_refuses(parse_public_key, info(rsa_key()))
    parses_or_refuses(parse_public_key, info(key))
    assert str(rsa_key().public_key().public_numbers().n) not in repr(parse_public_key(info(rsa_key())))


@pytest.mark.parametrize(("folder", "name"), [("nl_loes2006", "ef010F.bin"), ("hjp_tr03105_5", "Datagroup15.bin")])
def test_real_keys(folder: str, name: str) -> None:
    key = parse_public_key(parse_dg15(shared_path("mrtd", "sod_sets", folder, name).read_bytes()))
    assert isinstance(key, RsaKey)
    assert (key.modulus.bit_length(), key.exponent) == (1024, 65_537)


_RSA = encode_tlv(0x30, bytes.fromhex("06092a864886f70d0101010500"))


def _rsa_info(modulus: int, exponent: int) -> bytes:
    numbers = b"".join(encode_tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big")) for value in (modulus, exponent))
    return encode_tlv(0x30, _RSA + encode_tlv(0x03, b"\x00" + encode_tlv(0x30, numbers)))


WRONG_KEYS: dict[str, Callable[[], bytes]] = {
    "short modulus": lambda: _rsa_info((1 << 1023) - 1, 65_537),
    "long modulus": lambda: _rsa_info(1 << 8192, 65_537),
    "exponent 1": lambda: _rsa_info(1 << 1023 | 1, 1),
    "exponent too long": lambda: _rsa_info(1 << 1023 | 1, 1 << 64),
    "no bit string": lambda: encode_tlv(0x30, _RSA + encode_tlv(0x03, b"\x01\x00")),
    "one number": lambda: encode_tlv(0x30, _RSA + encode_tlv(0x03, b"\x00" + encode_tlv(0x30, b"\x02\x01\x01"))),
    "no algorithm": lambda: encode_tlv(0x30, encode_tlv(0x30, b"") + encode_tlv(0x03, b"\x00")),
    "another algorithm": lambda: encode_tlv(0x30, encode_tlv(0x30, encode_tlv(0x06, b"\x2a\x03")) + encode_tlv(0x03, b"\x00")),
    "one part": lambda: encode_tlv(0x30, _RSA),
    "no key": lambda: encode_tlv(0x02, b"\x01"),
}


@pytest.mark.parametrize("make", WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_wrong_keys(make: Callable[[], bytes]) -> None:
    """Small keys prove nothing (gmrtd issue 346) and large ones would keep us busy."""
    with pytest.raises(MalformedData):
        parse_public_key(make())


@pytest.mark.parametrize("response", [ResponseApdu(b"", 0x9000), ResponseApdu(b"", 0x6D00), ResponseApdu(b"\x01", 0x6982)])
def test_a_chip_that_does_not_sign(response: ResponseApdu) -> None:
    dialogue = internal_authenticate(CHALLENGE)
    assert next(dialogue).to_bytes().hex() == "0088000008" + CHALLENGE.hex() + "00"
    with pytest.raises(ChipError) as caught:
        dialogue.send(response)
    assert caught.value.sw == response.sw
