"""Somebody between reader and chip who answers early, late or without protection moves nothing into the evidence.

The ciphers of 3DES take no counter, so there the code over the counter is the whole defence; it is tried with every cipher.
"""

from __future__ import annotations

import pytest

from drivers.sim.passport.chip_messaging import CardMessaging
from egate.model.document import ElementaryFile, ProtocolState
from egate.model.errors import ChipError
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.lds import encode_com
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.keys import session_keys
from egate.mrtd.reading import ReadRequest, read_chip
from egate.mrtd.secure_messaging import SecureMessaging
from tests.unit.mrtd.chip_reading import INFORMATION, carry, chip_key, entropy, passport_files, simulated_chip
from tests.unit.mrtd.listed_sod import listed_sod

DG1, DG2, DG14 = ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG14
READ = CommandApdu(0x00, 0xB0, 0x00, 0x00, le=16)


@pytest.mark.parametrize("suite", list(CipherSuite))
def test_answers_that_come_in_another_order(suite: CipherSuite) -> None:
    """Two genuine answers change places: the one that belongs to the next command is no answer to this one."""
    keys = session_keys(suite, b"order")
    reader, chip = SecureMessaging(keys), CardMessaging(keys)
    held = []
    for content in (b"the first block", b"the second block"):
        chip.counter += 1
        held.append(chip.seal(ResponseApdu(content, 0x9000)))
    reader.wrap(READ)
    with pytest.raises(ChipError, match="authentication code"):
        reader.unwrap(held[1])
    with pytest.raises(ChipError, match="ended"):
        reader.unwrap(held[0])


@pytest.mark.parametrize("suite", list(CipherSuite))
def test_answers_in_their_order(suite: CipherSuite) -> None:
    """The same answers in their places are taken, so the refusal above is about order and nothing else."""
    keys = session_keys(suite, b"order")
    reader, chip = SecureMessaging(keys), CardMessaging(keys)
    for content in (b"the first block", b"the second block"):
        reader.wrap(READ)
        chip.counter += 1
        assert reader.unwrap(chip.seal(ResponseApdu(content, 0x9000))).data == content


CIPHERTEXT, STATUS = encode_tlv(0x87, b"\x01" + bytes(16)), encode_tlv(0x99, b"\x90\x00")


@pytest.mark.parametrize(
    "content", [encode_tlv(0x04, bytes(98)), CIPHERTEXT + STATUS, b"\xff" * 100], ids=["data", "no code", "any"]
)
def test_an_unprotected_block_of_the_face(content: bytes) -> None:
    """While the chip counts on, one block of DG2 is answered in the clear: the face stays that of the issuer."""
    key = chip_key(5)
    files = passport_files(key, portrait_bytes=5_000)
    files[ElementaryFile.COM] = encode_com([DG1, DG2, DG14])
    files[ElementaryFile.SOD] = listed_sod(files)
    chip = simulated_chip(files, key)
    length = len(carry(read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None), chip.transceive).transcript)
    chip.reset()
    at, count = length - 5, iter(range(1_000))

    def transceive(raw: bytes) -> bytes:
        answer = chip.transceive(raw)
        return content + b"\x90\x00" if next(count) == at else answer

    evidence = carry(read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None), transceive)
    assert evidence.files[DG2] == files[DG2]
    assert evidence.outcome("secure_messaging").state is ProtocolState.BROKEN
