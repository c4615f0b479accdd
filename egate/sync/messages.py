"""What lane and centre say to each other: envelopes of sealed rows, and receipts. Bytes in, values out.

Both are CBOR maps with small numbers as keys, signed with Ed25519 over a purpose, a zero byte and the map without the signature;
the purpose keeps a receipt from ever being taken for an envelope. Parsing raises `MalformedData` and nothing else, verifying
raises `TrustError`; an envelope is verified before anything inside it is believed.
"""

from __future__ import annotations

from typing import TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from egate.model.crossing import Envelope, Receipt
from egate.model.errors import MalformedData, TrustError
from egate.storage import cbor
from egate.storage.cbor import CborValue
from egate.storage.header import HASH_BYTES, HEADER_LIMIT_BYTES, is_lane_name
from egate.storage.keystore.secrets import SigningKey
from egate.storage.vault import SEALED_LIMIT_BYTES

MESSAGE_VERSION = 1

ENVELOPE_ROWS = 64
"""Most rows of one envelope."""

ENVELOPE_BYTES = 256 * 1024
"""Size at which a sender closes an envelope; a larger single row travels alone."""

ENVELOPE_LIMIT_BYTES = 1_000_000
"""Largest envelope a receiver reads; a NATS server carries 1 MiB with its headers unless told otherwise."""

RECEIPT_LIMIT_BYTES = 1024

SIGNATURE_BYTES = 64

_ENVELOPE_PURPOSE = b"egate/envelope/v1\x00"
_RECEIPT_PURPOSE = b"egate/receipt/v1\x00"
_SIGNATURE_KEY = 9
_LARGEST_NUMBER = (1 << 63) - 1
_T = TypeVar("_T")


def sign_envelope(lane: str, first_sequence: int, rows: tuple[tuple[bytes, bytes], ...], key: SigningKey) -> Envelope:
    """An envelope of consecutive (header, sealed) rows, signed by the lane."""
    return Envelope(lane, first_sequence, rows, key.sign(_ENVELOPE_PURPOSE + _envelope_body(lane, first_sequence, rows)))


def sign_receipt(lane: str, sequence: int, header_hash: bytes, signed_at_ns: int, key: Ed25519PrivateKey) -> Receipt:
    """A receipt for every row of a lane up to `sequence`, signed by the centre."""
    body = _receipt_body(lane, sequence, header_hash, signed_at_ns)
    return Receipt(lane, sequence, header_hash, signed_at_ns, key.sign(_RECEIPT_PURPOSE + body))


def verify_envelope(envelope: Envelope, key: Ed25519PublicKey) -> None:
    """Raise TrustError unless the lane that owns `key` signed this envelope."""
    body = _envelope_body(envelope.lane, envelope.first_sequence, envelope.rows)
    _verify("an envelope", envelope.signature, _ENVELOPE_PURPOSE + body, key)


def verify_receipt(receipt: Receipt, key: Ed25519PublicKey) -> None:
    """Raise TrustError unless the centre that owns `key` signed this receipt."""
    body = _receipt_body(receipt.lane, receipt.sequence, receipt.header_hash, receipt.signed_at_ns)
    _verify("a receipt", receipt.signature, _RECEIPT_PURPOSE + body, key)


def encode_envelope(envelope: Envelope) -> bytes:
    """The bytes of an envelope."""
    fields = _envelope_fields(envelope.lane, envelope.first_sequence, envelope.rows)
    return cbor.encode({**fields, _SIGNATURE_KEY: envelope.signature})


def encode_receipt(receipt: Receipt) -> bytes:
    """The bytes of a receipt."""
    fields = _receipt_fields(receipt.lane, receipt.sequence, receipt.header_hash, receipt.signed_at_ns)
    return cbor.encode({**fields, _SIGNATURE_KEY: receipt.signature})


def parse_envelope(data: bytes) -> Envelope:
    """Read an envelope; raises MalformedData. Its signature and its rows are not verified yet."""
    doing = "reading an envelope"
    fields = _fields(data, ENVELOPE_LIMIT_BYTES, 4, doing)
    entries = _typed(fields[4], list, doing)
    if not 1 <= len(entries) <= ENVELOPE_ROWS:
        raise MalformedData(doing, f"{len(entries)} rows, limit {ENVELOPE_ROWS}")
    first = _number(fields[3], doing)
    return Envelope(_lane(fields[2], doing), first, tuple(_row(entry) for entry in entries), _signature(fields, doing))


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt; raises MalformedData. Its signature is not verified yet."""
    doing = "reading a receipt"
    fields = _fields(data, RECEIPT_LIMIT_BYTES, 5, doing)
    held = _typed(fields[4], bytes, doing)
    if len(held) != HASH_BYTES:
        raise MalformedData(doing, "a hash of the wrong length")
    sequence, signed_at_ns = _number(fields[3], doing), _number(fields[5], doing)
    return Receipt(_lane(fields[2], doing), sequence, held, signed_at_ns, _signature(fields, doing))


def _verify(what: str, signature: bytes, signed: bytes, key: Ed25519PublicKey) -> None:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        raise TrustError(f"verifying {what}", "the signature does not hold") from None


def _envelope_fields(lane: str, first_sequence: int, rows: tuple[tuple[bytes, bytes], ...]) -> dict[int | str, CborValue]:
    return {1: MESSAGE_VERSION, 2: lane, 3: first_sequence, 4: [[header, sealed] for header, sealed in rows]}


def _envelope_body(lane: str, first_sequence: int, rows: tuple[tuple[bytes, bytes], ...]) -> bytes:
    return cbor.encode(_envelope_fields(lane, first_sequence, rows))


def _receipt_fields(lane: str, sequence: int, header_hash: bytes, signed_at_ns: int) -> dict[int | str, CborValue]:
    return {1: MESSAGE_VERSION, 2: lane, 3: sequence, 4: header_hash, 5: signed_at_ns}


def _receipt_body(lane: str, sequence: int, header_hash: bytes, signed_at_ns: int) -> bytes:
    return cbor.encode(_receipt_fields(lane, sequence, header_hash, signed_at_ns))


def _fields(data: bytes, limit_bytes: int, last_key: int, doing: str) -> dict[int | str, CborValue]:
    if len(data) > limit_bytes:
        raise MalformedData(doing, f"{len(data)} bytes, limit {limit_bytes}")
    fields = cbor.parse(data)
    if not isinstance(fields, dict) or set(fields) != {*range(1, last_key + 1), _SIGNATURE_KEY}:
        raise MalformedData(doing, "not the fields of this message")
    if fields[1] != MESSAGE_VERSION:
        raise MalformedData(doing, "a version that this program does not know")
    return fields


def _row(entry: CborValue) -> tuple[bytes, bytes]:
    doing = "reading a row of an envelope"
    halves = _typed(entry, list, doing)
    if len(halves) != 2:
        raise MalformedData(doing, "not a header and a sealed part")
    header, sealed = _typed(halves[0], bytes, doing), _typed(halves[1], bytes, doing)
    if len(header) > HEADER_LIMIT_BYTES or len(sealed) > SEALED_LIMIT_BYTES:
        raise MalformedData(doing, "larger than a record may be")
    return header, sealed


def _signature(fields: dict[int | str, CborValue], doing: str) -> bytes:
    signature = _typed(fields[_SIGNATURE_KEY], bytes, doing)
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedData(doing, "a signature of the wrong length")
    return signature


def _lane(value: CborValue, doing: str) -> str:
    name = _typed(value, str, doing)
    if not is_lane_name(name):
        raise MalformedData(doing, "a lane name with other characters than letters, digits, - and _")
    return name


def _number(value: CborValue, doing: str) -> int:
    number = _typed(value, int, doing)
    if not 0 <= number <= _LARGEST_NUMBER:
        raise MalformedData(doing, "a number out of range")
    return number


def _typed(value: CborValue, kind: type[_T], doing: str) -> _T:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise MalformedData(doing, f"a field that is no {kind.__name__}")
    return value
