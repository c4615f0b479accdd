"""The simulated chip's terminal authentication: it verifies the terminal's certificates and opens DG3 and DG4 by what they grant.

Sources: BSI TR-03110-1 §3.5, TR-03110-3 §2.5 (validation), §2.6 (effective rights), §A.6 (import of keys), §B.11 (commands).
Rule: written from the chip's side and apart from the reader's verification: certificates are taken apart here from their data
objects, and signatures are verified by the cryptography library. A chip has no clock, so its date is the most recent one that a
trusted issuer showed it; what it learns, date and trust points, it keeps over a power down, unless the whole is to be forgotten.

A session context says what chip authentication left behind; without one nothing is verified and nothing is granted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from drivers.sim.passport.chip_files import SW_CONDITIONS, SW_SECURITY_STATUS, SW_WRONG_DATA, SW_WRONG_LENGTH, status
from egate.model.document import ElementaryFile
from egate.model.errors import MalformedData
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs

Entropy = Callable[[int], bytes]
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

SW_VERIFICATION_FAILED = 0x6300
SW_REFERENCE_NOT_FOUND = 0x6A88
CHALLENGE_BYTES = 8
MOST_TRUST_POINTS = 2
"""A chip keeps at most two (TR-03110-3 §2.5); the older one goes when a link brings a third."""

_INSPECTION_SYSTEM = bytes.fromhex("04007f000703010201")
_ALGORITHMS = bytes.fromhex("04007f0007020202")
_CVCA, _DOMESTIC, _TERMINAL = 3, 2, 0
_BODY_TAGS = [0x5F29, 0x42, 0x7F49, 0x5F20, 0x7F4C, 0x5F25, 0x5F24]
_RSA_HASHES: Mapping[int, tuple[bool, hashes.HashAlgorithm]] = {
    1: (False, hashes.SHA1()),  # noqa: S303 - – the guideline's first algorithm, which the reader must cope with
    2: (False, hashes.SHA256()),
    3: (True, hashes.SHA1()),  # noqa: S303 - – as above
    4: (True, hashes.SHA256()),
    5: (False, hashes.SHA512()),
    6: (True, hashes.SHA512()),
}
_CURVE_HASHES: Mapping[int, hashes.HashAlgorithm] = {
    1: hashes.SHA1(),  # noqa: S303 - – as above
    2: hashes.SHA224(),
    3: hashes.SHA256(),
    4: hashes.SHA384(),
    5: hashes.SHA512(),
}
_CURVES: Mapping[int, ec.EllipticCurve] = {
    0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377: ec.BrainpoolP256R1(),
    (1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1: ec.SECP256R1(),
    (1 << 384) - (1 << 128) - (1 << 96) + (1 << 32) - 1: ec.SECP384R1(),
}
"""The curves that this chip was made for, by their prime."""


@dataclass(frozen=True, slots=True)
class ImportedKey:
    """A key that the chip imported, with the metadata of §A.6.2.3. `algorithm` is its object identifier's last two arcs."""

    name: bytes
    key: PublicKey
    algorithm: tuple[int, int]
    role: int
    rights: int
    last_day: date


@dataclass(frozen=True, slots=True)
class SessionContext:
    """What chip authentication left behind: ID_IC, and the terminal's ephemeral key in its compressed form."""

    chip_identifier: bytes = field(repr=False)
    compressed_key: bytes = field(repr=False)


def compressed(public: bytes) -> bytes:
    """The compressed form of a key as it was sent: x of a point, SHA-1 of a group element."""
    is_point = len(public) % 2 == 1 and public.startswith(b"\x04")
    return public[1 : (len(public) + 1) // 2] if is_point else hashlib.sha1(public, usedforsecurity=False).digest()


class _Refused(Exception):
    """The certificate is not accepted."""


class TerminalAuthentication:
    """The chip's memory of CVCA keys and its date, and one run of the protocol at a time."""

    def __init__(self, trust_points: tuple[bytes, ...], current: date, entropy: Entropy) -> None:
        """`trust_points` are self-signed CVCA certificates, most recent first, `current` the day of personalisation.

        ValueError when one is none; the production of a chip would stop there.
        """
        self._entropy = entropy
        self._current = current
        try:
            self._trusted = [_take_apart(one).imported(None) for one in trust_points]
        except (MalformedData, _Refused):
            raise ValueError("a trust point that is no CVCA certificate") from None
        if not trust_points or any(point.role != _CVCA for point in self._trusted):
            raise ValueError("a trust point that is no CVCA certificate")
        self.reset()

    def reset(self) -> None:
        """Power down or a new session: temporary keys, the challenge and all rights are forgotten."""
        self._temporary: ImportedKey | None = None
        self._issuer: ImportedKey | None = None
        self._terminal: ImportedKey | None = None
        self._challenge = b""
        self._granted: frozenset[ElementaryFile] = frozenset()

    @property
    def granted(self) -> frozenset[ElementaryFile]:
        """The files that are open beyond what everybody with access may read."""
        return self._granted

    @property
    def current_date(self) -> date:
        """The chip's approximation of today."""
        return self._current

    @property
    def trust_points(self) -> tuple[str, ...]:
        """The names of the CVCA keys, most recent first."""
        return tuple(point.name.decode("latin-1") for point in self._trusted)

    @property
    def ef_cvca(self) -> bytes:
        """The contents of EF.CVCA now."""
        return b"".join(encode_tlv(0x42, point.name) for point in self._trusted).ljust(36, b"\x00")

    def set_dst(self, command: CommandApdu) -> ResponseApdu:
        """MSE: Set DST (22 81 B6): choose the key that shall verify the next certificate."""
        self._issuer = self._by_name(command)
        return status(0x9000 if self._issuer else SW_REFERENCE_NOT_FOUND)

    def _by_name(self, command: CommandApdu) -> ImportedKey | None:
        try:
            name = parse_one(command.data, 0x83, "choosing a key")
        except MalformedData:
            return None
        known = [*self._trusted, *([self._temporary] if self._temporary else [])]
        return next((key for key in known if key.name == name), None)

    def verify_certificate(self, command: CommandApdu) -> ResponseApdu:
        """PSO: Verify Certificate (2A 00 BE): verify and import; a key that was chosen serves once."""
        issuer, self._issuer = self._issuer, None
        if issuer is None:
            return status(SW_CONDITIONS)
        try:
            certificate = _take_apart(encode_tlv(0x7F21, command.data))
            self._import(certificate, issuer)
        except MalformedData:
            return status(SW_WRONG_DATA)
        except _Refused:
            return status(SW_VERIFICATION_FAILED)
        return status(0x9000)

    def _import(self, certificate: _Certificate, issuer: ImportedKey) -> None:
        """Verification, then the update of date and keys (§2.5.2)."""
        if certificate.issuer_name != issuer.name:
            raise _Refused
        certificate.verify(issuer)
        imported = certificate.imported(issuer)
        if not _may_issue(issuer.role, imported.role):
            raise _Refused
        expired = imported.last_day < self._current or (imported.role != _TERMINAL and issuer.last_day < self._current)
        if imported.role != _CVCA and expired:
            raise _Refused
        if imported.role != _TERMINAL or issuer.role == _DOMESTIC:
            self._current = max(self._current, certificate.first_day)
        if imported.role == _CVCA:
            others = [point for point in self._trusted if point.name != imported.name]
            self._trusted = [imported, *others][:MOST_TRUST_POINTS]
        else:
            self._temporary = imported

    def set_at(self, command: CommandApdu) -> ResponseApdu:
        """MSE: Set AT (22 81 A4): choose the terminal's key, which must be the one imported last."""
        found = self._by_name(command)
        self._terminal = found if found is not None and found.role == _TERMINAL else None
        return status(0x9000 if self._terminal else SW_REFERENCE_NOT_FOUND)

    @property
    def expected(self) -> bool:
        """Whether a GET CHALLENGE or EXTERNAL AUTHENTICATE now belongs to this protocol rather than to basic access control."""
        return self._terminal is not None

    def get_challenge(self, command: CommandApdu) -> ResponseApdu:
        """GET CHALLENGE: eight random bytes for one signature."""
        if self._terminal is None or command.le != CHALLENGE_BYTES:
            return status(SW_CONDITIONS if command.le == CHALLENGE_BYTES else SW_WRONG_LENGTH)
        self._challenge = self._entropy(CHALLENGE_BYTES)
        return ResponseApdu(self._challenge, 0x9000)

    def external_authenticate(self, command: CommandApdu, session_context: SessionContext | None) -> ResponseApdu:
        """EXTERNAL AUTHENTICATE: verify the terminal's signature and grant what its certificates give."""
        terminal, challenge = self._terminal, self._challenge
        self._terminal, self._challenge = None, b""
        if session_context is None or self._granted:
            return status(SW_SECURITY_STATUS)
        if terminal is None or not challenge:
            return status(SW_CONDITIONS)
        signed = session_context.chip_identifier + challenge + session_context.compressed_key
        try:
            _verify(terminal, signed, command.data)
        except _Refused:
            return status(SW_VERIFICATION_FAILED)
        files = ((0x01, ElementaryFile.DG3), (0x02, ElementaryFile.DG4))
        self._granted = frozenset(file for bit, file in files if terminal.rights & bit)
        return status(0x9000)


def _may_issue(issuer: int, holder: int) -> bool:
    """A CVCA issues links and document verifiers, a document verifier issues terminals, a terminal nothing."""
    return holder != _TERMINAL if issuer == _CVCA else issuer != _TERMINAL and holder == _TERMINAL


@dataclass(frozen=True, slots=True)
class _Certificate:
    """The data objects of a certificate."""

    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    issuer_name: bytes
    name: bytes
    key: dict[int, bytes] = field(repr=False)
    rights: int
    first_day: date
    last_day: date

    def verify(self, issuer: ImportedKey) -> None:
        """Verify the signature; raises _Refused."""
        _verify(issuer, self.body, self.signature)

    def imported(self, issuer: ImportedKey | None) -> ImportedKey:
        """The key with its metadata: the rights are those that the issuer has too. Raises _Refused."""
        oid = self.key.get(0x06, b"")
        if oid[:-2] != _ALGORITHMS or len(oid) != len(_ALGORITHMS) + 2:
            raise _Refused
        algorithm = (oid[-2], oid[-1])
        if issuer is not None and self.rights >> 6 != _CVCA and algorithm != issuer.algorithm:
            raise _Refused
        rights = self.rights if issuer is None else self.rights & issuer.rights
        key = _rsa(self.key) if algorithm[0] == 1 else _elliptic(self.key, issuer.key if issuer else None)
        return ImportedKey(self.name, key, algorithm, self.rights >> 6, rights, self.last_day)


def _take_apart(data: bytes) -> _Certificate:
    """The certificate's parts; raises MalformedData, or _Refused for another terminal type than inspection systems."""
    doing = "reading a certificate"
    content = parse_one(data, 0x7F21, doing)
    objects = parse_tlvs(content, doing)
    if [item.tag for item in objects] != [0x7F4E, 0x5F37]:
        raise MalformedData(doing, "no body or no signature")
    body = content[: len(content) - len(encode_tlv(0x5F37, objects[1].value))]
    fields = parse_tlvs(objects[0].value, doing)
    if [item.tag for item in fields[:7]] != _BODY_TAGS or fields[0].value != b"\x00":
        raise MalformedData(doing, "data objects are missing")
    values = [item.value for item in fields]
    holder = {item.tag: item.value for item in parse_tlvs(values[4], doing)}
    if holder.get(0x06) != _INSPECTION_SYSTEM or len(holder.get(0x53, b"")) != 1:
        raise _Refused
    key = {item.tag: item.value for item in parse_tlvs(values[2], doing)}
    return _Certificate(body, objects[1].value, values[1], values[3], key, holder[0x53][0], _day(values[5]), _day(values[6]))


def _day(digits: bytes) -> date:
    try:
        numbers = [int("".join(f"{digit:d}" for digit in digits[start : start + 2])) for start in (0, 2, 4)]
        return date(2000 + numbers[0], numbers[1], numbers[2])
    except ValueError:
        raise MalformedData("reading a certificate", "no date") from None


def _rsa(fields: dict[int, bytes]) -> rsa.RSAPublicKey:
    modulus, exponent = (int.from_bytes(fields.get(tag, b""), "big") for tag in (0x81, 0x82))
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise _Refused from None


def _elliptic(fields: dict[int, bytes], issuer: PublicKey | None) -> ec.EllipticCurvePublicKey:
    """The point on the curve that is spelled out, or on the issuer's."""
    if 0x81 in fields:
        curve = _CURVES.get(int.from_bytes(fields[0x81], "big"))
    else:
        curve = issuer.curve if isinstance(issuer, ec.EllipticCurvePublicKey) else None
    if curve is None:
        raise _Refused
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, fields.get(0x86, b""))
    except ValueError:
        raise _Refused from None


def _verify(holder: ImportedKey, message: bytes, signature: bytes) -> None:
    """Verify a signature by an imported key; raises _Refused."""
    try:
        if isinstance(holder.key, rsa.RSAPublicKey):
            probabilistic, algorithm = _RSA_HASHES[holder.algorithm[1]]
            scheme = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size) if probabilistic else padding.PKCS1v15()
            holder.key.verify(signature, message, scheme, algorithm)
            return
        half = (holder.key.curve.group_order.bit_length() + 7) // 8
        if len(signature) != 2 * half:
            raise _Refused
        numbers = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        holder.key.verify(encode_dss_signature(*numbers), message, ec.ECDSA(_CURVE_HASHES[holder.algorithm[1]]))
    except (InvalidSignature, KeyError, ValueError):
        raise _Refused from None
