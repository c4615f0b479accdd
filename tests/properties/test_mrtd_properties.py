"""Properties of everything that parses bytes from a chip or lines from a reader, found by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.sim.passport.chip_messaging import CardMessaging
from egate.model.errors import ChipError, MalformedData
from egate.mrtd.active_auth import parse_public_key, verify_recovered, verify_response
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite, pad, unpad
from egate.mrtd.files.face_record import parse_dg2, parse_extensible_record, parse_face_record
from egate.mrtd.files.lds import parse_com, parse_dg1, parse_dg11, parse_dg12, parse_dg15
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_dates import birth_date, expiry_date
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3
from egate.mrtd.files.security_infos import decode_oid, encode_oid, parse_card_access, parse_dg14, parse_ec_public_key
from egate.mrtd.files.tlv import Tlv, encode_tlv, parse_tlvs
from egate.mrtd.keys import session_keys
from egate.mrtd.secure_messaging import SecureMessaging
from tests.unit.mrtd.chip_reading import INFORMATION, chip_key, entropy, passport_files, read, simulated_chip

SEEDED = settings(max_examples=60, derandomize=True, deadline=None)
MRZ_TEXT = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<", max_size=20)
TAGS = st.sampled_from([0x02, 0x30, 0x31, 0x5F1F, 0x60, 0x61, 0x6E, 0x75, 0x7F61, 0x87, 0xA1])
PARSERS: list[Callable[[bytes], object]] = [
    parse_com,
    parse_dg1,
    parse_dg2,
    parse_dg11,
    parse_dg12,
    parse_dg14,
    parse_dg15,
    parse_card_access,
    parse_ec_public_key,
    parse_face_record,
    parse_extensible_record,
    parse_public_key,
    decode_oid,
    CommandApdu.from_bytes,
    ResponseApdu.from_bytes,
    unpad,
]
SEEDS = list(passport_files(chip_key(5), portrait_bytes=100).values())


@st.composite
def nearly_files(draw: st.DrawFn) -> bytes:
    """A real file with a few bytes changed, cut or repeated: deeper into the parsers than noise comes."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(data) - 1))
        data[position] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: parse.__qualname__)
@SEEDED
@given(data=st.one_of(st.binary(max_size=200), nearly_files()))
def test_parsers_return_or_refuse(parse: Callable[[bytes], object], data: bytes) -> None:
    with suppress(MalformedData):
        parse(data)


@SEEDED
@given(lines=st.lists(st.text(max_size=50), max_size=4))
def test_any_lines(lines: list[str]) -> None:
    with suppress(MalformedData):
        parse_mrz(lines)


@SEEDED
@given(data=st.data(), shape=st.sampled_from([(3, 30), (2, 36), (2, 44)]))
def test_any_zone_of_the_right_shape_parses(data: st.DataObject, shape: tuple[int, int]) -> None:
    """Whatever stands in it: what does not add up is listed, never raised, so the chip can still be reached."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
    lines = [data.draw(st.text(alphabet, min_size=shape[1], max_size=shape[1])) for _ in range(shape[0])]
    mrz = parse_mrz(lines)
    assert parse_mrz(mrz.lines) == replace(mrz, corrections=())
    for text in (mrz.date_of_birth, mrz.date_of_expiry):
        birth_date(text, date(2026, 11, 24))
        expiry_date(text)


@SEEDED
@given(surname=MRZ_TEXT, number=MRZ_TEXT, optional=MRZ_TEXT, birth=st.dates(date(1930, 1, 1), date(2020, 1, 1)))
def test_encoded_passports_add_up(surname: str, number: str, optional: str, birth: date) -> None:
    fields = MrzFields("UTO", number[:9], surname, "ANNA", "UTO", birth.strftime("%y%m%d"), "F", "330415", optional[:14])
    mrz = parse_mrz(encode_td3(fields))
    assert mrz.failed_check_digits == ()
    assert mrz.document_number == number[:9].rstrip("<")
    assert birth_date(mrz.date_of_birth, date(2026, 11, 24)) == birth


@SEEDED
@given(objects=st.lists(st.tuples(TAGS, st.binary(max_size=300)), max_size=5))
def test_tlv_round_trip(objects: list[tuple[int, bytes]]) -> None:
    encoded = b"".join(encode_tlv(tag, value) for tag, value in objects)
    assert parse_tlvs(encoded, "testing") == tuple(Tlv(tag, value) for tag, value in objects)


@SEEDED
@given(
    header=st.tuples(*[st.integers(0, 255)] * 4),
    data=st.binary(max_size=300),
    le=st.one_of(st.none(), st.integers(1, 65_536)),
)
def test_command_round_trip(header: tuple[int, int, int, int], data: bytes, le: int | None) -> None:
    command = CommandApdu(*header, data, le)
    assert CommandApdu.from_bytes(command.to_bytes()) == command


@SEEDED
@given(arcs=st.tuples(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 1 << 40), max_size=8)))
def test_object_identifier_round_trip(arcs: tuple[int, int, list[int]]) -> None:
    dotted = ".".join(str(arc) for arc in (arcs[0], arcs[1], *arcs[2]))
    assert decode_oid(encode_oid(dotted)) == dotted


@SEEDED
@given(data=st.binary(max_size=64), block=st.sampled_from([8, 16]))
def test_padding_round_trip(data: bytes, block: int) -> None:
    assert unpad(pad(data, block)) == data


@SEEDED
@given(
    suite=st.sampled_from(list(CipherSuite)),
    counter=st.integers(0, (1 << 64) - 1),
    data=st.binary(max_size=300),
    le=st.one_of(st.none(), st.integers(1, 65_536)),
    answer=st.binary(max_size=300),
    sw=st.integers(0x6100, 0x9FFF),
)
def test_secure_messaging_round_trip(
    suite: CipherSuite, counter: int, data: bytes, le: int | None, answer: bytes, sw: int
) -> None:
    keys = session_keys(suite, b"secret")
    reader, chip = SecureMessaging(keys, counter), CardMessaging(keys, counter)
    command = CommandApdu(0x00, 0xB0, 0x81, 0x00, data, le)
    assert chip.open(CommandApdu.from_bytes(reader.wrap(command).to_bytes())) == command
    assert reader.unwrap(chip.seal(ResponseApdu(answer, sw))) == ResponseApdu(answer, sw)


@SEEDED
@given(suite=st.sampled_from(list(CipherSuite)), data=st.binary(max_size=80), sw=st.integers(0, 0xFFFF))
def test_no_unauthentic_response_is_believed(suite: CipherSuite, data: bytes, sw: int) -> None:
    reader = SecureMessaging(session_keys(suite, b"secret"))
    reader.wrap(CommandApdu(0x00, 0xB0, 0x81, 0x00, le=4))
    with pytest.raises(ChipError):
        reader.unwrap(ResponseApdu(data, sw))
    assert not reader.alive


@SEEDED
@given(representative=st.binary(max_size=140), challenge=st.binary(min_size=8, max_size=8))
def test_no_random_representative_verifies(representative: bytes, challenge: bytes) -> None:
    for header in (b"", b"\x6a", b"\x6b\xbb\xba"):
        for trailer in (b"", b"\xbc", b"\x34\xcc"):
            assert verify_recovered(header + representative + trailer, challenge) is None


@SEEDED
@given(info=st.binary(max_size=120), signature=st.binary(max_size=140))
def test_no_random_signature_verifies(info: bytes, signature: bytes) -> None:
    with pytest.raises((MalformedData, ChipError)):
        verify_response(info, bytes(8), signature)


@SEEDED
@given(commands=st.lists(st.binary(max_size=40), max_size=6))
def test_the_simulated_chip_answers_anything(commands: list[bytes]) -> None:
    """At least a status word, never an exception, and after a reset it can still be read."""
    chip = simulated_chip(passport_files(None, ()), pace=False)
    for command in commands:
        assert len(chip.transceive(command)) >= 2
    chip.reset()
    assert read(chip.transceive).outcome("bac").sw == 0x9000


@settings(max_examples=40, derandomize=True, deadline=None)
@given(responses=st.lists(st.binary(max_size=60), min_size=1, max_size=8), start=st.integers(0, 12))
def test_the_dialogue_survives_any_chip(responses: list[bytes], start: int) -> None:
    """An honest chip up to some point, then noise for ever: the dialogue returns, and only what is authentic is in it."""
    files = passport_files(None, ())
    chip = simulated_chip(files, pace=False)
    counter = 0

    def transceive(raw: bytes) -> bytes:
        nonlocal counter
        counter += 1
        return chip.transceive(raw) if counter <= start else responses[counter % len(responses)]

    evidence = read(transceive)
    if start > 6:
        assert all(content == files[file] for file, content in evidence.files.items())


def test_entropy_is_an_argument() -> None:
    """The same entropy gives the same session, byte by byte: a reading replays."""
    files = passport_files(None)
    first = read(simulated_chip(files).transceive)
    assert first == read(simulated_chip(files).transceive)
    assert entropy(1)(8) == entropy(1)(8)
    assert INFORMATION.document_number == "L898902C3"
