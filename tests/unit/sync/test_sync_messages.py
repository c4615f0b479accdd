"""Envelopes and receipts: whole, cut, lengthened, altered, forged."""

from __future__ import annotations

from dataclasses import replace

import cbor2
import pytest

from egate.model.crossing import Envelope, Receipt
from egate.model.errors import MalformedData, TrustError
from egate.sync.messages import (
    ENVELOPE_LIMIT_BYTES,
    ENVELOPE_ROWS,
    RECEIPT_LIMIT_BYTES,
    encode_envelope,
    encode_receipt,
    parse_envelope,
    parse_receipt,
    sign_envelope,
    sign_receipt,
    verify_envelope,
    verify_receipt,
)
from tests.record_lane import signing_key

LANE_KEY, HUB_KEY = signing_key("lane"), signing_key("hub")
ENVELOPE = sign_envelope("UTO-A1", 4, ((b"header 4", b"sealed 4"), (b"header 5", b"sealed 5")), LANE_KEY)
RECEIPT = sign_receipt("UTO-A1", 5, bytes(range(32)), 1_800_000_000_000_000_000, HUB_KEY)


def test_messages_come_back_whole() -> None:
    assert parse_envelope(encode_envelope(ENVELOPE)) == ENVELOPE
    assert parse_receipt(encode_receipt(RECEIPT)) == RECEIPT
    verify_envelope(ENVELOPE, LANE_KEY.public_key())
    verify_receipt(RECEIPT, HUB_KEY.public_key())


def test_no_prefix_and_no_tail_is_a_message() -> None:
    for encoded, parse in ((encode_envelope(ENVELOPE), parse_envelope), (encode_receipt(RECEIPT), parse_receipt)):
        for length in range(len(encoded)):
            with pytest.raises(MalformedData):
                parse(encoded[:length])
        with pytest.raises(MalformedData):
            parse(encoded + b"\x00")


def test_every_altered_byte_is_noticed() -> None:
    encoded = encode_envelope(ENVELOPE)
    for place in range(len(encoded)):
        altered = encoded[:place] + bytes([encoded[place] ^ 0x01]) + encoded[place + 1 :]
        with pytest.raises((MalformedData, TrustError)):
            verify_envelope(parse_envelope(altered), LANE_KEY.public_key())
    encoded = encode_receipt(RECEIPT)
    for place in range(len(encoded)):
        altered = encoded[:place] + bytes([encoded[place] ^ 0x01]) + encoded[place + 1 :]
        with pytest.raises((MalformedData, TrustError)):
            verify_receipt(parse_receipt(altered), HUB_KEY.public_key())


@pytest.mark.parametrize(
    "forged",
    [
        replace(RECEIPT, sequence=6),
        replace(RECEIPT, lane="UTO-B2"),
        replace(RECEIPT, header_hash=bytes(32)),
        replace(RECEIPT, signed_at_ns=RECEIPT.signed_at_ns + 1),
        replace(RECEIPT, signature=bytes(64)),
        sign_receipt("UTO-A1", 5, bytes(range(32)), 1_800_000_000_000_000_000, LANE_KEY),
    ],
)
def test_a_forged_receipt_is_refused(forged: Receipt) -> None:
    with pytest.raises(TrustError):
        verify_receipt(forged, HUB_KEY.public_key())


@pytest.mark.parametrize(
    "forged",
    [
        replace(ENVELOPE, lane="UTO-B2"),
        replace(ENVELOPE, first_sequence=5),
        replace(ENVELOPE, rows=ENVELOPE.rows[:1]),
        replace(ENVELOPE, rows=ENVELOPE.rows[::-1]),
        sign_envelope("UTO-A1", 4, ENVELOPE.rows, HUB_KEY),
    ],
)
def test_a_forged_envelope_is_refused(forged: Envelope) -> None:
    with pytest.raises(TrustError):
        verify_envelope(forged, LANE_KEY.public_key())


def test_limits_hold_before_anything_is_believed() -> None:
    row = (b"h", b"s")
    cases = [
        encode_envelope(sign_envelope("UTO-A1", 1, (row,) * (ENVELOPE_ROWS + 1), LANE_KEY)),
        encode_envelope(sign_envelope("UTO-A1", 1, (), LANE_KEY)),
        encode_envelope(sign_envelope("UTO-A1", 1, ((bytes(17_000), b""),), LANE_KEY)),
        encode_envelope(sign_envelope("UTO-A1", 1, ((b"", bytes(540_000)),), LANE_KEY)),
        encode_envelope(sign_envelope("UTO.A1", 1, (row,), LANE_KEY)),
        encode_envelope(sign_envelope("UTO-A1", 1 << 63, (row,), LANE_KEY)),
        encode_envelope(replace(ENVELOPE, signature=b"short")),
        bytes(ENVELOPE_LIMIT_BYTES + 1),
    ]
    for case in cases:
        with pytest.raises(MalformedData):
            parse_envelope(case)
    for receipt in (replace(RECEIPT, header_hash=b""), replace(RECEIPT, lane=""), replace(RECEIPT, sequence=-1)):
        with pytest.raises(MalformedData):
            parse_receipt(encode_receipt(receipt))
    with pytest.raises(MalformedData):
        parse_receipt(bytes(RECEIPT_LIMIT_BYTES + 1))


def test_fields_of_another_kind_or_version_are_refused() -> None:
    fields = cbor2.loads(encode_envelope(ENVELOPE))
    for changed in ({**fields, 1: 2}, {**fields, 5: 0}, {**fields, 4: [[b"h"]]}, {**fields, 4: [b"h"]}, {**fields, 3: True}, 7):
        with pytest.raises(MalformedData):
            parse_envelope(cbor2.dumps(changed))
    wrong_values: tuple[object, ...] = (None, "", -1, [], 1.5)
    for key in (2, 3, 4, 9):
        for wrong in wrong_values:
            with pytest.raises(MalformedData):
                parse_envelope(cbor2.dumps({**fields, key: wrong}))


def test_rows_and_signatures_do_not_show() -> None:
    assert "sealed" not in repr(ENVELOPE)
    assert "signature" not in repr(RECEIPT)
