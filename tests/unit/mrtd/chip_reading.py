"""What the tests of the chip session share: seeded entropy, an invented passport, and a loop that carries APDUs."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_options import ChipOptions
from drivers.sim.passport.personalisation import ActiveKey, ChipPersonalisation
from egate.model.document import ChipEvidence, ElementaryFile, MrzInformation, ReadingProgress
from egate.model.errors import MalformedData
from egate.model.face import ImageFormat
from egate.mrtd.apdu import CommandApdu, ResponseApdu
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.face_record import encode_dg2
from egate.mrtd.files.lds import encode_com, encode_dg1
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.mrz_encoding import MrzFields, encode_td3
from egate.mrtd.files.security_infos import PaceInfo, encode_card_access, encode_dg14, pace_oid
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.reading import ReadRequest, read_chip

Result = TypeVar("Result")
Transceive = Callable[[bytes], bytes]

LINES = encode_td3(MrzFields("UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", "F", "330415", "ZE184226B"))
INFORMATION = parse_mrz(LINES).information
WRONG_INFORMATION = MrzInformation("L898902C3", "740813", "330415")
PACE_AES128 = PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 13)


def entropy(seed: int) -> Callable[[int], bytes]:
    """Random bytes that are the same for the same seed."""
    return random.Random(seed).randbytes


def portrait(size_bytes: int) -> bytes:
    """Bytes that begin as a JPEG 2000 image does; nothing in the chip session decodes them."""
    return b"\x00\x00\x00\x0cjP  \r\n\x87\n" + random.Random(size_bytes).randbytes(size_bytes - 12)


def chip_key(seed: int, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """A static key of a chip, the same for the same seed."""
    return ec.derive_private_key(random.Random(seed).getrandbits(180) + 2, curve or ec.BrainpoolP256R1())


def passport_files(
    key: ec.EllipticCurvePrivateKey | None = None,
    pace_infos: tuple[PaceInfo, ...] = (PACE_AES128,),
    suite: CipherSuite = CipherSuite.AES128,
    portrait_bytes: int = 900,
) -> dict[ElementaryFile, bytes]:
    """The files of an invented passport; DG14 announces `key` where there is one."""
    files = {
        ElementaryFile.COM: encode_com([ElementaryFile.DG1, ElementaryFile.DG2]),
        ElementaryFile.SOD: encode_tlv(0x77, encode_tlv(0x30, random.Random(3).randbytes(600))),
        ElementaryFile.DG1: encode_dg1(LINES),
        ElementaryFile.DG2: encode_dg2(portrait(portrait_bytes), 413, 531, ImageFormat.JPEG2000),
    }
    if pace_infos:
        files[ElementaryFile.CARD_ACCESS] = encode_card_access(pace_infos)
    if key is not None:
        files[ElementaryFile.DG14] = encode_dg14(key.public_key(), suite)
    return files


def simulated_chip(
    files: Mapping[ElementaryFile, bytes],
    key: ec.EllipticCurvePrivateKey | None = None,
    options: ChipOptions | None = None,
    *,
    pace: bool = True,
    bac: bool = True,
    active: ActiveKey | None = None,
) -> SimulatedChip:
    """A chip with these files that answers chip authentication with `key` and active authentication with `active`."""
    return SimulatedChip(ChipPersonalisation(INFORMATION, files, key, pace, bac, active), entropy(1), options)


def carry(dialogue: Generator[CommandApdu, ResponseApdu, Result], transceive: Transceive) -> Result:
    """Carry a dialogue's commands to a chip and its responses back, as a lane does."""
    try:
        command = next(dialogue)
        while True:
            try:
                response = ResponseApdu.from_bytes(transceive(command.to_bytes()))
            except MalformedData as error:
                command = dialogue.throw(error)
            else:
                command = dialogue.send(response)
    except StopIteration as stop:
        result: Result = stop.value
        return result


def read(
    transceive: Transceive, request: ReadRequest | None = None, progress: Callable[[ReadingProgress], None] | None = None
) -> ChipEvidence:
    """Read a chip to the end."""
    return carry(read_chip(request or ReadRequest(INFORMATION), entropy(2), progress or _ignore), transceive)


def _ignore(progress: ReadingProgress) -> None:
    del progress
