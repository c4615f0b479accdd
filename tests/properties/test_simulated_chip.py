"""Whatever bytes a terminal sends, the simulated chip answers as a card does, and without keys nothing of the application comes.

A chip for testers has to survive broken readers; and a chip that leaked in the clear would hide a reader's missing protection.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.sim.passport.chip_options import Buffers, ChipOptions, encode_atr_info
from egate.model.document import ElementaryFile
from egate.mrtd.quirks import Quirk
from tests.unit.mrtd.chip_reading import chip_key, passport_files, simulated_chip

KEY = chip_key(5)
FILES = passport_files(KEY) | {ElementaryFile.ATR_INFO: encode_atr_info(Buffers(4096, 4096))}
SECRETS = tuple(content[4:24] for file, content in FILES.items() if file.in_application)

HEADERS = st.tuples(
    st.sampled_from([0x00, 0x0C, 0x10, 0x1C, 0x80]),
    st.sampled_from([0xA4, 0xB0, 0xB1, 0x84, 0x82, 0x22, 0x86, 0x88, 0x2A, 0xC0, 0xCA]),
    st.sampled_from([0x00, 0x02, 0x04, 0x0C, 0x41, 0x81, 0x82, 0x9C, 0x9E, 0xC1]),
    st.sampled_from([0x00, 0x0C, 0xA4, 0xA6, 0xB6, 0xBE]),
)
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            bytes.fromhex("07a0000002471001"),
            bytes.fromhex("02010102"),
            bytes.fromhex("08"),
            bytes.fromhex("027c0000"),
            bytes.fromhex("0000000000"),
            bytes.fromhex("0f800a04007f000702020402028301018401"),
            bytes.fromhex("0f800a04007f00070202040202830101"),
            bytes.fromhex("03540100ff"),
        ]
    ),
)
COMMANDS = st.one_of(st.binary(max_size=300), st.builds(lambda header, body: bytes(header) + body, HEADERS, BODIES))


@settings(max_examples=150, deadline=None)
@given(st.lists(COMMANDS, max_size=12), st.frozensets(st.sampled_from(list(Quirk)), max_size=4), st.booleans())
def test_no_bytes_break_it_and_none_open_it(commands: list[bytes], quirks: frozenset[Quirk], strict: bool) -> None:
    chip = simulated_chip(FILES, KEY, ChipOptions("123456", quirks, strict_lengths=strict))
    for command in commands:
        answer = chip.transceive(command)
        assert 2 <= len(answer) <= 65_538
        assert not any(secret in answer for secret in SECRETS)
    chip.reset()
    assert chip.transceive(bytes.fromhex("00a4040c07a0000002471001")).hex() == "9000"
