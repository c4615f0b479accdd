"""Active authentication: RSA by ISO 9796-2 and ECDSA, real answers and forged ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from egate.model.document import ChipProof
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.active_auth import (
    EcKey,
    RsaKey,
    internal_authenticate,
    parse_public_key,
    run_active_authentication,
    verify_active_proof,
    verify_recovered,
    verify_response,
)
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.crypto.ec import Point
from egate.mrtd.files.lds import encode_dg15, parse_dg15
from egate.mrtd.files.security_infos import encode_ec_public_key, encode_oid
from egate.mrtd.files.tlv import encode_tlv
from tests.shared_data import shared_path
from tests.unit.mrtd.chip_reading import carry, chip_key
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
    message = b"\xa5" * (size - len(header) - digest_bytes - len(trailer))
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


@pytest.mark.parametrize("name", TRAILERS)
def test_rsa_with_an_implicit_hash(name: str) -> None:
    """A single BC says nothing of the hash; some chips mean another than SHA-1 by it."""
    assert verify_recovered(representative(name, b"\xbc"), CHALLENGE) == name


@pytest.mark.parametrize("bits", [1024, 1025, 1028, 1030, 1031, 1032, 1792])
def test_rsa_of_odd_lengths(bits: int) -> None:
    """The representative fits below the modulus; what is left in front is zero, whole bytes or not."""
    key = rsa_key(bits)
    shown = representative("sha256", b"\x34\xcc", (bits - 1) // 8 if bits % 8 else bits // 8)
    assert verify_response(info(key), CHALLENGE, sign(shown, key)) == "rsa-sha256"


def test_rsa_that_begins_within_a_byte() -> None:
    """With a modulus of 1028 bits the header is one nibble, and an odd number of padding nibbles brings M1 to whole bytes."""
    message = b"\x11" * (128 - 32 - 2 - 1)
    digest = hashlib.sha256(message + CHALLENGE).digest()
    shown = b"\x06" + b"\xba" + message + digest + b"\x34\xcc"
    assert verify_response(info(rsa_key(1028)), CHALLENGE, sign(shown, rsa_key(1028))) == "rsa-sha256"
    assert verify_recovered(b"\x06\xa1" + message + digest + b"\x34\xcc", CHALLENGE) is None, "M1 would begin within a byte"


def test_rsa_with_all_of_the_message_recovered() -> None:
    """Total recovery leaves nothing to add but the challenge, whose hash covers both."""
    shown = b"\x4b" + b"\xbb" * 92 + b"\xba" + hashlib.sha256(CHALLENGE).digest() + b"\x34\xcc"
    assert len(shown) == 128
    assert verify_response(info(rsa_key()), CHALLENGE, sign(shown, rsa_key())) == "rsa-sha256"


def test_rsa_padded_in_front_or_shortened() -> None:
    """The signature is a number: zeros in front of it, or lost there, change nothing (gmrtd #104, #106)."""
    key = rsa_key()
    for filling in range(4096):
        shown = b"\x6a" + filling.to_bytes(2, "big") + bytes(91)
        shown += hashlib.sha256(shown[1:] + CHALLENGE).digest() + b"\x34\xcc"
        signature = sign(shown, key)
        if signature[0] == 0:
            break
    assert signature[0] == 0
    for form in (signature, signature[1:], bytes(7) + signature):
        assert verify_response(info(key), CHALLENGE, form) == "rsa-sha256"
    with pytest.raises(ChipError):
        verify_response(info(key), CHALLENGE, bytes(3000) + signature)


def test_a_signature_of_another_key_or_message_does_not_hold() -> None:
    signature = sign(representative("sha256", b"\x34\xcc"), rsa_key())
    other = rsa.generate_private_key(65_537, 1024)
    with pytest.raises(ChipError):
        verify_response(info(other), CHALLENGE, signature)
    for bit in range(0, 1024, 61):
        changed = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(128, "big")
        with pytest.raises(ChipError):
            verify_response(info(rsa_key()), CHALLENGE, changed)


def _plain(key: ec.EllipticCurvePrivateKey, algorithm: hashes.HashAlgorithm, extra: int = 0) -> bytes:
    size = (key.key_size + 7) // 8 + extra
    numbers = decode_dss_signature(key.sign(CHALLENGE, ec.ECDSA(algorithm)))
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def test_ecdsa_plain_with_wider_halves() -> None:
    """Halves of one byte more than the order needs, as some chips pad them."""
    key = chip_key(8, ec.SECP256R1())
    assert verify_response(info(key), CHALLENGE, _plain(key, hashes.SHA256(), 1)) == "ecdsa-sha256"
    with pytest.raises(ChipError):
        verify_response(info(key), CHALLENGE, _plain(key, hashes.SHA256(), 2))


@pytest.mark.parametrize("name", ["sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("number", [9, 11, 14])
def test_ecdsa_on_curves_that_openssl_lacks(number: int, name: str) -> None:
    """brainpoolP192r1, P224r1 and P320r1 (Netherlands), signed here by the equation itself."""
    curve = CURVES[number]
    secret, nonce = 0x1234567890ABCDEF1234567890ABCDEF, 0xFEDCBA0987654321FEDCBA0987654321
    public, ephemeral = curve.multiply(secret, curve.generator), curve.multiply(nonce, curve.generator)
    assert public is not None
    assert ephemeral is not None
    digest = hashlib.new(name, CHALLENGE).digest()
    number_signed = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.n.bit_length())
    r = ephemeral.x % curve.n
    s = pow(nonce, -1, curve.n) * (number_signed + r * secret) % curve.n
    size = (curve.n.bit_length() + 7) // 8
    named = {9: "1.3.36.3.3.2.8.1.1.3", 11: "1.3.36.3.3.2.8.1.1.5", 14: "1.3.36.3.3.2.8.1.1.9"}[number]
    algorithm = encode_tlv(0x06, encode_oid("1.2.840.10045.2.1")) + encode_tlv(0x06, encode_oid(named))
    key = encode_tlv(0x30, encode_tlv(0x30, algorithm) + encode_tlv(0x03, b"\x00" + curve.encode(public)))
    signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    assert verify_response(key, CHALLENGE, signature) == f"ecdsa-{name}"
    with pytest.raises(ChipError):
        verify_response(key, bytes(8), signature)


class _SigningChip:
    """Answers INTERNAL AUTHENTICATE as a script says; each line may cut the signature or refuse."""

    def __init__(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, script: Sequence[int | None]) -> None:
        self._key = key
        self._script = list(script)
        self.lengths: list[int | None] = []

    def transceive(self, command: bytes) -> bytes:
        parsed = CommandApdu.from_bytes(command)
        self.lengths.append(parsed.le)
        step = self._script.pop(0)
        if step is not None and step >= 0x6000:
            return step.to_bytes(2, "big")
        return self._signature(parsed.data)[:step] + b"\x90\x00"

    def _signature(self, challenge: bytes) -> bytes:
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(challenge, ec.ECDSA(hashes.SHA256()))
        message = bytes(256 - 35)
        return sign(b"\x6a" + message + hashlib.sha256(message + challenge).digest() + b"\x34\xcc", self._key)


@pytest.mark.parametrize(
    ("most", "script", "lengths", "variant"),
    [
        (256, [None], [256], "rsa-sha256"),
        (4096, [None], [256], "rsa-sha256"),
        (4096, [231, None], [256, 65_536], "rsa-sha256"),
        (4096, [0x6700, None], [256, 65_536], "rsa-sha256"),
        (4096, [0, None], [256, 65_536], "rsa-sha256"),
        (4096, [231, 0], [256, 65_536], None),
        (256, [231], [256], None),
        (256, [0x6CE7, None], [256, 231], "rsa-sha256"),
        (256, [0x6C00, None], [256, 256], "rsa-sha256"),
    ],
    ids=["short", "short first", "australia", "refused", "empty", "still cut", "cut", "exact length", "exact 256"],
)
def test_how_long_an_answer_is_asked_for(most: int, script: list[int | None], lengths: list[int], variant: str | None) -> None:
    """Short first (China, AndyQ #223), extended when the signature was cut in silence (Australia, AndyQ #194)."""
    chip = _SigningChip(rsa_key(2048), script)
    result = carry(run_active_authentication(info(rsa_key(2048)), None, lambda size: CHALLENGE[:size], most), chip.transceive)
    assert (result.variant, chip.lengths) == (variant, lengths)


@pytest.mark.parametrize(("most", "script"), [(256, [0x6700]), (4096, [0x6700, 0x6D00]), (4096, [0x6982]), (4096, [0, 0])])
def test_a_chip_that_refuses_to_sign(most: int, script: list[int]) -> None:
    chip = _SigningChip(rsa_key(2048), script)
    with pytest.raises(ChipError):
        carry(run_active_authentication(info(rsa_key(2048)), None, lambda size: CHALLENGE[:size], most), chip.transceive)


def test_a_proof_is_verified_again() -> None:
    """What was gathered can be judged later, and by others; a replayed one shows in its challenge."""
    key = chip_key(8, ec.SECP256R1())
    result = carry(
        run_active_authentication(info(key), None, lambda size: CHALLENGE[:size]), _SigningChip(key, [None]).transceive
    )
    assert result.variant == "ecdsa-sha256"
    dg15 = encode_dg15(info(key))
    assert verify_active_proof(dg15, None, result.proof) == "ecdsa-sha256"
    assert result.proof.values["challenge"] == CHALLENGE
    assert CHALLENGE.hex() not in repr(result)
    with pytest.raises(ChipError):
        verify_active_proof(encode_dg15(info(chip_key(9, ec.SECP256R1()))), None, result.proof)
    with pytest.raises(ChipError):
        verify_active_proof(dg15, None, ChipProof("active_authentication", {**result.proof.values, "challenge": bytes(8)}))


@pytest.mark.parametrize(
    "proof",
    [
        ChipProof("chip_authentication_mapping", {"challenge": CHALLENGE, "signature": b"\x01"}),
        ChipProof("active_authentication", {"challenge": CHALLENGE}),
        ChipProof("active_authentication", {"challenge": b"", "signature": b"\x01"}),
    ],
)
def test_what_is_no_proof(proof: ChipProof) -> None:
    with pytest.raises(MalformedData):
        verify_active_proof(encode_dg15(info(chip_key(8))), None, proof)


def test_a_signature_that_does_not_hold_is_evidence() -> None:
    """A clone signs with its own key: there is a proof to keep, and no variant."""
    chip = _SigningChip(chip_key(9, ec.SECP256R1()), [None])
    result = carry(run_active_authentication(info(chip_key(8, ec.SECP256R1())), None, bytes), chip.transceive)
    assert result.variant is None
    assert result.proof.values["signature"]
