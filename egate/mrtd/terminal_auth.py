"""Terminal authentication, version 1: the terminal proves to the chip that it may read fingerprints or irises.

Sources: BSI TR-03110-1 §3.5 (protocol), TR-03110-3 §A.6 (references, EF.CVCA), §B.3 and §B.11 (commands).
Rule: it runs inside the session that chip authentication began, and signs the ephemeral key that began it, so a proof made for
one session is worth nothing in another. The private key stays behind `TerminalCredentials.sign`. Certificates are only sorted and
carried here: the chip verifies them, and `egate.pki.cvc_chain` does so when they are loaded.

The steps: 1. EF.CVCA names the CVCA keys that the chip trusts; 2. the certificates from one of them down to the terminal, each
after the name of its issuer (MSE: Set DST, PSO: Verify Certificate); 3. the terminal's key is chosen (MSE: Set AT); 4. the chip's
challenge; 5. the signature over identifier, challenge and compressed ephemeral key (EXTERNAL AUTHENTICATE). Then DG3 and DG4
open, as far as the certificates grant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from egate.model.document import MrzInformation
from egate.model.errors import ChipError, DeviceError, MalformedData, TrustError
from egate.mrtd.apdu import SW_END_OF_FILE, CommandApdu, ResponseApdu
from egate.mrtd.files.mrz import check_digit
from egate.mrtd.files.security_infos import TERMINAL_AUTHENTICATION_OID, TerminalAuthenticationInfo, decode_oid
from egate.mrtd.files.tlv import encode_tlv, parse_one, parse_tlvs

CHALLENGE_BYTES = 8
EF_CVCA_BYTES = 36
"""EF.CVCA has this fixed size (TR-03110-3 table 13): two references, padded with zeros."""
MAX_CERTIFICATES = 16
"""Certificates of one credential: links of several CVCA generations, a document verifier, the terminal."""
MAX_PATH = 8
"""Certificates sent to one chip: a longer path would keep the lane busy, and no chip trusts so old a key."""

_VARIANTS = {
    "1.1": "rsa-sha1",
    "1.2": "rsa-sha256",
    "1.3": "rsa-pss-sha1",
    "1.4": "rsa-pss-sha256",
    "1.5": "rsa-sha512",
    "1.6": "rsa-pss-sha512",
    "2.1": "ecdsa-sha1",
    "2.2": "ecdsa-sha224",
    "2.3": "ecdsa-sha256",
    "2.4": "ecdsa-sha384",
    "2.5": "ecdsa-sha512",
}
_DOING = "terminal authentication"
_AUTHORITY, _HOLDER, _KEY, _OID = 0x42, 0x5F20, 0x7F49, 0x06

Dialogue = Generator[CommandApdu, ResponseApdu, str]


@dataclass(frozen=True, slots=True)
class TerminalCredentials:
    """Certificates and the function that signs with the key of the last one.

    `chain` holds whole certificates (7F21): links, document verifier, terminal last; a self-signed CVCA may stand before them and
    is never sent. `sign` gets a message and returns a plain r ‖ s, or an RSA signature as long as the modulus;
    a hardware module that fails raises DeviceError.
    """

    chain: tuple[bytes, ...] = field(repr=False)
    sign: Callable[[bytes], bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class CvcaLocation:
    """Where EF.CVCA lies in the application; `short_id` is None where it must be selected by its identifier."""

    file_id: int = 0x011C
    short_id: int | None = 0x1C


@dataclass(frozen=True, slots=True)
class SentCertificate:
    """What must be known of a certificate to send it: the names of issuer and holder, the parts that are sent, the variant."""

    authority_reference: bytes
    holder_reference: bytes
    parts: bytes = field(repr=False)
    variant: str


def cvca_location(info: TerminalAuthenticationInfo | None) -> CvcaLocation | None:
    """Where EF.CVCA lies by what DG14 says; None when the chip does not offer version 1 of terminal authentication.

    An identifier without a short one means that the file must be selected (TR-03110-3 §A.6.2.4).
    """
    if info is None or info.version != 1:
        return None
    return CvcaLocation() if info.cvca_file_id is None else CvcaLocation(info.cvca_file_id, info.cvca_short_id)


def parse_ef_cvca(data: bytes) -> tuple[str, ...]:
    """The names of the CVCA keys that the chip trusts, most recent first; raises MalformedData."""
    rest, found = data[:EF_CVCA_BYTES], []
    while rest[:1] == bytes((_AUTHORITY,)):
        if len(rest) < 2 or not 1 <= rest[1] <= 16 or len(rest) < 2 + rest[1]:
            raise MalformedData("reading EF.CVCA", "a reference without its form")
        found.append(rest[2 : 2 + rest[1]].decode("latin-1"))
        rest = rest[2 + rest[1] :]
    if not found or rest.strip(b"\x00"):
        raise MalformedData("reading EF.CVCA", "it does not consist of references and padding")
    return tuple(found)


def encode_ef_cvca(references: Sequence[str]) -> bytes:
    """EF.CVCA for at most two references, most recent first."""
    return b"".join(encode_tlv(_AUTHORITY, one.encode("latin-1")) for one in references[:2]).ljust(EF_CVCA_BYTES, b"\x00")


def read_ef_cvca(location: CvcaLocation) -> Generator[CommandApdu, ResponseApdu, tuple[str, ...]]:
    """Step 1: read EF.CVCA and return the names in it; raises ChipError or MalformedData."""
    if location.short_id is None:
        _demand((yield CommandApdu(0x00, 0xA4, 0x02, 0x0C, location.file_id.to_bytes(2, "big"))), "EF.CVCA is refused")
    high = 0x00 if location.short_id is None else 0x80 | location.short_id
    response = yield CommandApdu(0x00, 0xB0, high, 0x00, le=EF_CVCA_BYTES)
    if response.exact_length is not None:
        response = yield CommandApdu(0x00, 0xB0, high, 0x00, le=min(response.exact_length, EF_CVCA_BYTES))
    if response.sw != SW_END_OF_FILE:
        _demand(response, "EF.CVCA cannot be read")
    return parse_ef_cvca(response.data)


def parse_sent_certificate(data: bytes) -> SentCertificate:
    """What must be known to send a certificate; raises MalformedData. It is not verified here."""
    parts = parse_one(data, 0x7F21, _DOING)
    objects = parse_tlvs(parts, _DOING)
    if [item.tag for item in objects] != [0x7F4E, 0x5F37]:
        raise MalformedData(_DOING, "a certificate without body and signature")
    fields = {item.tag: item.value for item in parse_tlvs(objects[0].value, _DOING)}
    if not {_AUTHORITY, _HOLDER, _KEY} <= fields.keys():
        raise MalformedData(_DOING, "a certificate without names or key")
    key = parse_tlvs(fields[_KEY], _DOING)
    oid = decode_oid(key[0].value) if key and key[0].tag == _OID else ""
    variant = _VARIANTS.get(oid.removeprefix(TERMINAL_AUTHENTICATION_OID + "."), "unknown")
    return SentCertificate(fields[_AUTHORITY], fields[_HOLDER], parts, variant)


def certificate_path(chain: Sequence[bytes], references: Sequence[str]) -> tuple[SentCertificate, ...]:
    """The certificates to send to a chip that trusts these CVCA keys, in order; empty when none leads from one of them.

    It is walked from the terminal upwards, so the shortest path is found, and what lies above it is not sent.
    Raises MalformedData.
    """
    if not 1 <= len(chain) <= MAX_CERTIFICATES:
        raise MalformedData(_DOING, "no certificates, or too many")
    parsed = [parse_sent_certificate(one) for one in chain]
    trusted = {reference.encode("latin-1") for reference in references}
    path = [parsed[-1]]
    while path[0].authority_reference not in trusted:
        above = next((one for one in parsed if one.holder_reference == path[0].authority_reference), None)
        if above is None or above in path or len(path) == MAX_PATH:
            return ()
        path.insert(0, above)
    return tuple(path)


def choose_credentials(offered: Sequence[TerminalCredentials], references: Sequence[str]) -> TerminalCredentials | None:
    """The first credentials that lead from a CVCA key of the chip to a terminal; None when none does.

    Most recent key first, so the certificates that live longest are used. Raises MalformedData.
    """
    for reference in references:
        for one in offered:
            if certificate_path(one.chain, (reference,)):
                return one
    return None


def identifier_from_mrz(information: MrzInformation) -> bytes:
    """ID_IC of a chip that was opened by basic access control: the document number with its check digit (§3.5)."""
    number = information.document_number.ljust(9, "<")
    return f"{number}{check_digit(number)}".encode("ascii")


def compressed_key(public: bytes) -> bytes:
    """An ephemeral public key in the short form that is signed (TR-03110-3 §A.2.2): x of a point, SHA-1 of a group element.

    `public` is as it was sent: 04 ‖ x ‖ y, or the group element in as many bytes as the prime. The two cannot be confused,
    because a prime has an even number of bytes and a point an odd one. After PACE it is ID_IC, over the chip's ephemeral key.
    """
    if len(public) % 2 and public[:1] == b"\x04":
        return public[1 : 1 + len(public) // 2]
    return hashlib.sha1(public, usedforsecurity=False).digest()


def terminal_authentication(
    credentials: TerminalCredentials, chip_identifier: bytes, ephemeral_public: bytes, references: Sequence[str]
) -> Dialogue:
    """Steps 2 to 5 and the variant that was used, e.g. `ecdsa-sha256`; raises ChipError or MalformedData.

    `chip_identifier` is ID_IC (`identifier_from_mrz`, or after PACE `compressed_key` of the chip's ephemeral key),
    `ephemeral_public` the terminal's ephemeral key of chip authentication as it was sent, `references` the names from EF.CVCA.
    """
    path = certificate_path(credentials.chain, references)
    if not path:
        raise ChipError(_DOING, "no certificate leads from a CVCA that the chip trusts to this terminal")
    for certificate in path:
        name = encode_tlv(0x83, certificate.authority_reference)
        _demand((yield CommandApdu(0x00, 0x22, 0x81, 0xB6, name)), "the chip does not know the issuer of a certificate")
        _demand((yield CommandApdu(0x00, 0x2A, 0x00, 0xBE, certificate.parts)), "the chip refused a certificate")
    name = encode_tlv(0x83, path[-1].holder_reference)
    _demand((yield CommandApdu(0x00, 0x22, 0x81, 0xA4, name)), "the chip does not take the terminal's key")
    challenge = yield CommandApdu(0x00, 0x84, 0x00, 0x00, le=CHALLENGE_BYTES)
    _demand(challenge, "the chip gave no challenge")
    if len(challenge.data) != CHALLENGE_BYTES:
        raise ChipError(_DOING, "the challenge has a wrong length", challenge.sw)
    signature = _signed(credentials, chip_identifier + challenge.data + compressed_key(ephemeral_public))
    _demand((yield CommandApdu(0x00, 0x82, 0x00, 0x00, signature)), "the chip refused the terminal's signature")
    return path[-1].variant


def run_terminal_authentication(
    offered: Sequence[TerminalCredentials],
    info: TerminalAuthenticationInfo | None,
    chip_identifier: bytes,
    ephemeral_public: bytes,
) -> Dialogue:
    """All steps with the credentials that fit; the variant, or an empty text when the chip does not offer it.

    `info` is what DG14 says of it. Raises ChipError (also when no credentials fit) or MalformedData.
    """
    location = cvca_location(info)
    if location is None:
        return ""
    references = yield from read_ef_cvca(location)
    credentials = choose_credentials(offered, references)
    if credentials is None:
        raise ChipError(_DOING, "no certificate leads from a CVCA that the chip trusts to this terminal")
    return (yield from terminal_authentication(credentials, chip_identifier, ephemeral_public, references))


def _signed(credentials: TerminalCredentials, message: bytes) -> bytes:
    """The terminal's signature; a key module that fails costs the fingerprints, not the reading."""
    try:
        return credentials.sign(message)
    except (DeviceError, TrustError) as error:
        raise ChipError(_DOING, f"the terminal's key did not sign: {error.problem}") from None


def _demand(response: ResponseApdu, problem: str) -> None:
    if not response.ok:
        raise ChipError(_DOING, problem, response.sw)
