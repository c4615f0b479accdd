"""Every file of the standard comes off one chip, and a chip that sends without end costs little memory."""

from __future__ import annotations

import tracemalloc

from drivers.sim.passport.chip_options import ChipOptions
from egate.model.document import ElementaryFile, ProtocolState
from egate.mrtd.files.atr_info import AtrInfo, encode_atr_info
from egate.mrtd.files.directory import Application, encode_dir
from egate.mrtd.files.lds import encode_com
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.reading import ReadRequest
from egate.mrtd.session import MAX_RECEIVED_BYTES
from tests.unit.mrtd.chip_reading import INFORMATION, chip_key, passport_files, read, simulated_chip
from tests.unit.mrtd.listed_sod import listed_sod

GROUPS = [ElementaryFile[f"DG{number}"] for number in range(1, 17)]
BEHIND_TERMINAL_AUTHENTICATION = {ElementaryFile.DG3, ElementaryFile.DG4}
TAGS = dict(zip(GROUPS, bytes.fromhex("6175637665666768696a6b6c6d6e6f70"), strict=True))
KEY = chip_key(5)
MOST_MEMORY_BYTES = 8 * MAX_RECEIVED_BYTES
"""What a reading may hold at once: the bytes received, in several forms, and the notes about them."""


def full_files() -> dict[ElementaryFile, bytes]:
    """A chip with all there is; groups without a content of their own hold some bytes under their tag."""
    files = passport_files(KEY)
    for file in GROUPS:
        files.setdefault(file, encode_tlv(TAGS[file], bytes([TAGS[file]]) * (40 + 30 * TAGS[file] % 900)))
    files[ElementaryFile.ATR_INFO] = encode_atr_info(AtrInfo(True, 1000, 1000))
    files[ElementaryFile.DIR] = encode_dir([Application(bytes.fromhex("a0000002471001"))])
    files[ElementaryFile.CARD_SECURITY] = encode_tlv(0x30, bytes(700))
    files[ElementaryFile.COM] = encode_com(GROUPS)
    files[ElementaryFile.SOD] = listed_sod(files)
    return files


def test_every_file_of_the_standard_is_read() -> None:
    """Those of the master file, EF.COM, EF.SOD and sixteen data groups, but for the two that ask for more rights."""
    files = full_files()
    assert set(files) == set(ElementaryFile)
    wanted = [file for file in ElementaryFile if file not in {ElementaryFile.DG1, ElementaryFile.DG2}]
    request = ReadRequest(INFORMATION, further_files=tuple(wanted))
    evidence = read(simulated_chip(files, KEY).transceive, request)
    assert dict(evidence.files) == {file: files[file] for file in files if file not in BEHIND_TERMINAL_AUTHENTICATION}
    closed = {line.variant for line in evidence.protocols if line.protocol == "file" and line.state is ProtocolState.REFUSED}
    assert closed == {file.name for file in BEHIND_TERMINAL_AUTHENTICATION}


def test_a_chip_that_sends_for_ever_costs_little_memory() -> None:
    """As much as it sends in the time of 100 MB: what is held stays within a few times the limit of bytes."""
    chip = simulated_chip(passport_files(None, ()), None, ChipOptions(), pace=False, bac=False)

    def transceive(raw: bytes) -> bytes:
        return bytes(256) + b"\x61\x00" if raw[1] in {0xB0, 0xC0} else chip.transceive(raw)

    tracemalloc.start()
    try:
        read(transceive)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < MOST_MEMORY_BYTES
