"""SecurityInfos: which protocols a chip offers, from EF.CardAccess, EF.CardSecurity and DG14.

Sources: ICAO Doc 9303-11 §9.2 (SecurityInfos), BSI TR-03110-3 §A.1 (the same with terminal authentication and EF.CardSecurity).
Rule: entries we do not know are counted, never an error; entries we know must have their form. Keys and parameters that are
spelled out are recognised where they are standard; others are not to be computed with before they are judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from egate.model.errors import MalformedData
from egate.mrtd.crypto.agreement import CurveAgreement, GroupAgreement
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.der import (
    BITS,
    OCTETS,
    OID,
    SEQUENCE,
    SET,
    decode_oid,
    encode_integer,
    encode_object_identifier,
    encode_oid,
    encode_sequence,
    part_oid,
    small_integer,
    unsigned,
)
from egate.mrtd.files.protocol_infos import (
    ACTIVE_AUTHENTICATION_OID,
    CHIP_AUTHENTICATION_KEY_OID,
    CHIP_AUTHENTICATION_OID,
    DH_GENERIC,
    DH_INTEGRATED,
    ECDH_CHIP_AUTHENTICATION,
    ECDH_GENERIC,
    ECDH_INTEGRATED,
    PACE_OID,
    TERMINAL_AUTHENTICATION_OID,
    ChipAuthenticationInfo,
    ChipAuthenticationKey,
    PaceDomainParameters,
    PaceInfo,
    SecurityInfos,
    TerminalAuthenticationInfo,
    chip_authentication_oid,
    pace_oid,
)
from egate.mrtd.files.public_keys import (
    EC_PUBLIC_KEY_OID,
    encode_agreement_key,
    encode_ec_public_key,
    encode_parameters,
    parse_agreement_key,
    parse_ec_public_key,
    parse_parameters,
)
from egate.mrtd.files.tlv import Tlv, encode_tlv, parse_one, parse_tlvs

__all__ = [
    "ACTIVE_AUTHENTICATION_OID",
    "CHIP_AUTHENTICATION_KEY_OID",
    "CHIP_AUTHENTICATION_OID",
    "DH_GENERIC",
    "DH_INTEGRATED",
    "ECDH_CHIP_AUTHENTICATION",
    "ECDH_GENERIC",
    "ECDH_INTEGRATED",
    "EC_PUBLIC_KEY_OID",
    "MAX_INFOS",
    "PACE_OID",
    "TERMINAL_AUTHENTICATION_OID",
    "ChipAuthenticationInfo",
    "ChipAuthenticationKey",
    "PaceDomainParameters",
    "PaceInfo",
    "SecurityInfos",
    "TerminalAuthenticationInfo",
    "chip_authentication_oid",
    "decode_oid",
    "encode_card_access",
    "encode_dg14",
    "encode_ec_public_key",
    "encode_key_info",
    "encode_oid",
    "encode_security_infos",
    "pace_oid",
    "parse_card_access",
    "parse_dg14",
    "parse_ec_public_key",
]

MAX_INFOS = 64
"""More entries than any EF.CardAccess or DG14 holds."""

_DOING = "parsing SecurityInfos"
_DG14 = 0x6E


def parse_card_access(data: bytes) -> SecurityInfos:
    """EF.CardAccess: a SET of SecurityInfo; raises MalformedData."""
    return _parse_set(parse_one(data, SET, _DOING))


def parse_dg14(data: bytes) -> SecurityInfos:
    """DG14, the whole file with its tag; raises MalformedData."""
    return parse_card_access(parse_one(data, _DG14, _DOING))


@dataclass(slots=True)
class _Found:
    """The infos of a set while it is parsed."""

    pace: list[PaceInfo] = field(default_factory=list)
    chip: list[ChipAuthenticationInfo] = field(default_factory=list)
    keys: list[ChipAuthenticationKey] = field(default_factory=list)
    active: str | None = None
    unknown: int = 0
    parameters: list[PaceDomainParameters] = field(default_factory=list)
    terminal: TerminalAuthenticationInfo | None = None

    def take(self, oid: str, parts: tuple[Tlv, ...]) -> None:
        """Sort one info in; its first part, the object identifier, is taken off."""
        if _below(oid, PACE_OID, 2):
            self.pace.append(PaceInfo(oid, small_integer(parts, 0, _DOING) or 0, small_integer(parts, 1, _DOING)))
        elif _below(oid, PACE_OID, 1):
            self.parameters.append(_parse_domain_parameters(oid, parts))
        elif _below(oid, CHIP_AUTHENTICATION_OID, 2):
            version, key_id = small_integer(parts, 0, _DOING), small_integer(parts, 1, _DOING)
            self.chip.append(ChipAuthenticationInfo(oid, version or 0, key_id))
        elif _below(oid, CHIP_AUTHENTICATION_KEY_OID, 1):
            self.keys.append(_parse_key(oid, parts))
        elif oid == ACTIVE_AUTHENTICATION_OID:
            self.active = part_oid(parts, 1, _DOING)
        elif oid == TERMINAL_AUTHENTICATION_OID:
            self.terminal = self._first_terminal(_parse_terminal(parts))
        else:
            self.unknown += 1

    def _first_terminal(self, info: TerminalAuthenticationInfo) -> TerminalAuthenticationInfo:
        """Version 1 is that of travel documents; a chip may also offer version 2, which is for identity cards."""
        return info if self.terminal is None or info.version < self.terminal.version else self.terminal


def _parse_set(content: bytes) -> SecurityInfos:
    entries = parse_tlvs(content, _DOING)
    if len(entries) > MAX_INFOS:
        raise MalformedData(_DOING, "too many entries")
    found = _Found()
    for entry in entries:
        if entry.tag != SEQUENCE:
            raise MalformedData(_DOING, "an entry is no SEQUENCE")
        parts = parse_tlvs(entry.value, _DOING)
        found.take(part_oid(parts, 0, _DOING), parts[1:])
    return SecurityInfos(
        tuple(found.pace),
        tuple(found.chip),
        tuple(found.keys),
        found.active,
        found.unknown,
        tuple(found.parameters),
        found.terminal,
    )


def _below(oid: str, parent: str, arcs: int) -> bool:
    return oid.startswith(parent + ".") and oid.count(".") == parent.count(".") + arcs


def _parse_domain_parameters(oid: str, parts: tuple[Tlv, ...]) -> PaceDomainParameters:
    if not parts or parts[0].tag != SEQUENCE:
        raise MalformedData(_DOING, "the domain parameters are missing")
    return PaceDomainParameters(oid, parse_parameters(parts[0].value), small_integer(parts, 1, _DOING))


def _parse_key(oid: str, parts: tuple[Tlv, ...]) -> ChipAuthenticationKey:
    if not parts or parts[0].tag != SEQUENCE:
        raise MalformedData(_DOING, "the public key is missing")
    if len(parts) > 1 and parts[1].tag == BITS:  # some chips leave out the SEQUENCE around algorithm and key
        public = parse_agreement_key(encode_sequence(*(encode_tlv(part.tag, part.value) for part in parts[:2])))
        return ChipAuthenticationKey(oid, public, small_integer(parts, 2, _DOING))
    public = parse_agreement_key(encode_tlv(SEQUENCE, parts[0].value))
    return ChipAuthenticationKey(oid, public, small_integer(parts, 1, _DOING))


def _parse_terminal(parts: tuple[Tlv, ...]) -> TerminalAuthenticationInfo:
    """Version, and perhaps a FileID: an identifier of two bytes and perhaps a short one (TR-03110-3 §A.1.1.3)."""
    version = small_integer(parts, 0, _DOING) or 0
    if len(parts) < 2:
        return TerminalAuthenticationInfo(version)
    if parts[1].tag != SEQUENCE:
        raise MalformedData(_DOING, "a file reference without form")
    file = parse_tlvs(parts[1].value, _DOING)
    if not file or any(item.tag != OCTETS for item in file) or len(file[0].value) != 2:
        raise MalformedData(_DOING, "a file reference without form")
    short = unsigned(file[1].value) if len(file) > 1 and len(file[1].value) == 1 else None
    return TerminalAuthenticationInfo(version, unsigned(file[0].value), short)


def encode_security_infos(
    pace: Sequence[PaceInfo] = (),
    parameters: Sequence[tuple[PaceDomainParameters, CurveAgreement | GroupAgreement]] = (),
    chip_authentication: Sequence[ChipAuthenticationInfo] = (),
    keys: Sequence[bytes] = (),
    active_authentication: str | None = None,
    terminal_authentication: TerminalAuthenticationInfo | None = None,
) -> bytes:
    """The SET of SecurityInfo of EF.CardAccess, of DG14 (inside its tag), or of EF.CardSecurity (as content to be signed).

    `parameters` come with the agreement to spell out, `keys` as `encode_key_info` makes them. `active_authentication` is the
    signature's object identifier when DG15 holds an ECDSA key (Doc 9303-11 §6.1.2.4).
    """
    infos = [_encode_info(info.oid, encode_integer(info.version), _optional(info.parameter_id)) for info in pace]
    infos += [
        _encode_info(info.oid, encode_parameters(agreement), _optional(info.parameter_id)) for info, agreement in parameters
    ]
    infos += [_encode_info(info.oid, encode_integer(info.version), _optional(info.key_id)) for info in chip_authentication]
    infos += keys
    if active_authentication is not None:
        signature = encode_object_identifier(active_authentication)
        infos.append(_encode_info(ACTIVE_AUTHENTICATION_OID, encode_integer(1), signature))
    if terminal_authentication is not None:
        infos.append(_encode_terminal(terminal_authentication))
    return encode_tlv(SET, b"".join(sorted(infos)))


def encode_key_info(
    agreement: CurveAgreement | GroupAgreement, encoded: bytes, key_id: int | None = None, parameter_id: int | None = None
) -> bytes:
    """A ChipAuthenticationPublicKeyInfo: a static key, its number, and its parameters spelled out or (`parameter_id`) named."""
    arc = ECDH_GENERIC if isinstance(agreement, CurveAgreement) else DH_GENERIC
    key = encode_agreement_key(agreement, encoded, parameter_id)
    return _encode_info(f"{CHIP_AUTHENTICATION_KEY_OID}.{arc}", key, _optional(key_id))


def _encode_info(oid: str, *parts: bytes) -> bytes:
    return encode_sequence(encode_tlv(OID, encode_oid(oid)), *parts)


def _optional(number: int | None) -> bytes:
    return b"" if number is None else encode_integer(number)


def _encode_terminal(info: TerminalAuthenticationInfo) -> bytes:
    file = b""
    if info.cvca_file_id is not None:
        short = b"" if info.cvca_short_id is None else encode_tlv(OCTETS, bytes((info.cvca_short_id,)))
        file = encode_sequence(encode_tlv(OCTETS, info.cvca_file_id.to_bytes(2, "big")), short)
    return _encode_info(TERMINAL_AUTHENTICATION_OID, encode_integer(info.version), file)


def encode_card_access(pace_infos: Sequence[PaceInfo]) -> bytes:
    """EF.CardAccess that offers these ways of PACE."""
    return encode_security_infos(pace_infos)


def encode_dg14(
    public_key: EllipticCurvePublicKey,
    suite: CipherSuite = CipherSuite.AES128,
    key_id: int | None = None,
    active_authentication: str | None = None,
    pace_infos: Sequence[PaceInfo] = (),
) -> bytes:
    """DG14 that offers chip authentication by ECDH with this static key; `encode_security_infos` writes richer ones.

    `pace_infos` repeats what EF.CardAccess offers, because nobody signs that file (Doc 9303-11 §9.2).
    """
    key = _encode_info(f"{CHIP_AUTHENTICATION_KEY_OID}.{ECDH_GENERIC}", encode_ec_public_key(public_key), _optional(key_id))
    way = ChipAuthenticationInfo(chip_authentication_oid(suite), 1, key_id)
    infos = encode_security_infos(
        pace_infos, chip_authentication=(way,), keys=(key,), active_authentication=active_authentication
    )
    return encode_tlv(_DG14, infos)
