"""Every quirk of the table is played by the simulated chip and read to the end, alone and with others, and noted where met."""

from __future__ import annotations

import pytest

from drivers.sim.passport.chip import ChipOptions
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.apdu import CommandApdu
from egate.mrtd.files.atr_info import AtrInfo, encode_atr_info
from egate.mrtd.files.lds import encode_com
from egate.mrtd.master_file import states_extended
from egate.mrtd.quirks import QUIRKS, Quirk
from egate.mrtd.reading import PartialReading, ReadRequest, read_chip
from tests.unit.mrtd.chip_reading import INFORMATION, carry, chip_key, entropy, passport_files, read, simulated_chip
from tests.unit.mrtd.listed_sod import listed_sod

KEY = chip_key(5)
COMPLETED, NOT_OFFERED = ProtocolState.COMPLETED, ProtocolState.NOT_OFFERED

NEVER_MET = frozenset({Quirk.NO_LE_IN_SELECT, Quirk.PARAMETERS_NEEDED, Quirk.NO_OVERLAP_OF_READS, Quirk.LITTLE_OVERLAP_OF_READS})
"""Our commands are such that these chips have nothing to object to."""
ONLY_BY_LONG_READERS = frozenset({Quirk.EXTENDED_LENGTH_REFUSED, Quirk.FULL_LENGTH_REFUSED})
"""Met by a reader that carries extended lengths, of a chip that states them."""
MASTER_FILE = frozenset({Quirk.MASTER_FILE_6A86, Quirk.MASTER_FILE_6A87, Quirk.MASTER_FILE_6985})
ONLY_BY_ABSENT_FILES = frozenset({Quirk.FILES_OF_MASTER_FILE})
"""Met where the application lacks a file whose number the master file knows; a test of its own below."""
UNMET = {
    True: ONLY_BY_ABSENT_FILES | NEVER_MET | MASTER_FILE | {Quirk.PACE_ONLY},
    False: ONLY_BY_ABSENT_FILES | NEVER_MET | MASTER_FILE | {Quirk.NO_PARAMETER_ID},
}
"""By whether PACE comes first: nobody meets a refusal of what need not be asked."""


def files_of(portrait_bytes: int = 900) -> dict[ElementaryFile, bytes]:
    """A passport whose EF.SOD lists what there is."""
    files = passport_files(KEY, portrait_bytes=portrait_bytes)
    files[ElementaryFile.COM] = encode_com([ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG14])
    files[ElementaryFile.SOD] = listed_sod(files)
    return files


def met(evidence: ChipEvidence) -> set[Quirk]:
    return {Quirk(outcome.variant) for outcome in evidence.protocols if outcome.protocol == "quirk"}


def signed(files: dict[ElementaryFile, bytes]) -> dict[ElementaryFile, bytes]:
    """What must arrive as the issuer wrote it, whatever the chip does to EF.COM and EF.CardAccess."""
    return {file: data for file, data in files.items() if file.name.startswith("DG") or file is ElementaryFile.SOD}


def assert_read(evidence: ChipEvidence, files: dict[ElementaryFile, bytes]) -> None:
    assert signed(dict(evidence.files)) == signed(files)
    assert COMPLETED in {evidence.outcome("pace").state, evidence.outcome("bac").state}
    assert evidence.outcome("chip_authentication").state is COMPLETED


def test_every_quirk_has_its_source() -> None:
    assert set(QUIRKS) == set(Quirk)
    for entry in QUIRKS.values():
        assert all((entry.behaviour, entry.family, entry.report, entry.answer))
        assert any(source in entry.report for source in ("#", "9303", "docs/peers.md"))


@pytest.mark.parametrize("pace_before_bac", [True, False])
@pytest.mark.parametrize("quirk", list(Quirk))
def test_each_quirk_alone(quirk: Quirk, pace_before_bac: bool) -> None:
    files = files_of(40_000 if "overlap" in quirk.value else 900)
    files[ElementaryFile.ATR_INFO] = encode_atr_info(AtrInfo(True, 4096, 4096))
    if quirk is Quirk.NAKED_STATUS:  # met at a file that is listed and not there
        files[ElementaryFile.COM] = encode_com([ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG11, ElementaryFile.DG14])
    chip = simulated_chip(files, KEY, ChipOptions(quirks=frozenset({quirk})))
    longest = 4096 if quirk in ONLY_BY_LONG_READERS else 258
    evidence = read(chip.transceive, ReadRequest(INFORMATION, "", pace_before_bac, longest, (ElementaryFile.DG11,)))
    assert_read(evidence, files)
    if quirk not in UNMET[pace_before_bac]:
        assert quirk in met(evidence)


@pytest.mark.parametrize(
    "quirks",
    [
        {Quirk.LARGEST_READ_A0, Quirk.LENGTH_ENDS_SESSION, Quirk.NAKED_STATUS, Quirk.MASTER_FILE_6A86},
        {Quirk.LARGEST_READ_80, Quirk.EXACT_LENGTH, Quirk.NO_SHORT_IDENTIFIERS, Quirk.WRONG_COM},
        {Quirk.FULL_LENGTH_REFUSED, Quirk.NO_PARAMETER_ID, Quirk.NAKED_STATUS, Quirk.PACE_ONLY, Quirk.MASTER_FILE_6985},
        {Quirk.PARAMETERS_NEEDED, Quirk.NO_LE_IN_SELECT, Quirk.LENGTH_ENDS_SESSION, Quirk.LARGEST_READ_80},
        {Quirk.NO_OVERLAP_OF_READS, Quirk.LARGEST_READ_A0, Quirk.NO_SHORT_IDENTIFIERS},
        {Quirk.LITTLE_OVERLAP_OF_READS, Quirk.EXACT_LENGTH, Quirk.LENGTH_ENDS_SESSION},
    ],
    ids=range(6),
)
def test_quirks_together(quirks: set[Quirk]) -> None:
    files = files_of(36_000 if any("overlap" in quirk.value for quirk in quirks) else 3_000)
    assert_read(read(simulated_chip(files, KEY, ChipOptions(quirks=frozenset(quirks))).transceive), files)


@pytest.mark.parametrize("quirk", [Quirk.LARGEST_READ_A0, Quirk.LARGEST_READ_80])
def test_a_limit_is_learnt_once_and_kept(quirk: Quirk) -> None:
    """Refused under protection, the length costs one command; no later block asks for more than the chip carries."""
    limit = {Quirk.LARGEST_READ_A0: 0xA0, Quirk.LARGEST_READ_80: 0x80}[quirk]
    files = files_of(6_000)
    partial = PartialReading()
    chip = simulated_chip(files, KEY, ChipOptions(quirks=frozenset({quirk})))
    evidence = carry(read_chip(ReadRequest(INFORMATION), entropy(2), lambda _: None, partial), chip.transceive)
    assert_read(evidence, files)
    assert quirk in met(evidence)
    assert partial.habits.most_bytes == limit
    assert sum(line.ins == 0x22 for line in evidence.transcript) == 2  # PACE and chip authentication, once each


def test_a_length_that_ends_the_session_costs_one_session_and_no_bytes() -> None:
    """The chip that breaks above 0xC0: one break, then 160 bytes a block in every file."""
    files = files_of(6_000)
    evidence = read(simulated_chip(files, KEY, ChipOptions(quirks=frozenset({Quirk.LENGTH_ENDS_SESSION}))).transceive)
    assert_read(evidence, files)
    assert met(evidence) == {Quirk.LENGTH_ENDS_SESSION, Quirk.LARGEST_READ_A0}
    assert [outcome.variant for outcome in evidence.protocols if outcome.protocol == "secure_messaging"] == ["DG1"]


def test_short_answers_teach_the_block() -> None:
    files = files_of(3_000)
    evidence = read(simulated_chip(files, KEY, ChipOptions(short_blocks=0x70)).transceive)
    assert_read(evidence, files)
    assert Quirk.SHORT_ANSWERS in met(evidence)


def test_a_file_of_the_master_file_is_not_taken_for_one_of_the_application() -> None:
    """EF.COM and EF.DIR share a number: a chip without EF.COM that answers EF.DIR has none, and nothing is kept for it."""
    files = files_of()
    del files[ElementaryFile.COM]
    files[ElementaryFile.DIR] = bytes.fromhex("61094f07a0000002471001")
    evidence = read(simulated_chip(files, KEY, ChipOptions(quirks=frozenset({Quirk.FILES_OF_MASTER_FILE}))).transceive)
    assert_read(evidence, files)
    assert ElementaryFile.COM not in evidence.files
    assert Quirk.FILES_OF_MASTER_FILE in met(evidence)


def test_absent_files_are_not_asked_for() -> None:
    """A chip that breaks the session over a file that it lacks is not led into it: both lists say that there is no DG15."""
    files = files_of()
    evidence = read(simulated_chip(files, KEY, ChipOptions(quirks=frozenset({Quirk.NAKED_STATUS}))).transceive)
    assert_read(evidence, files)
    assert all((line.ins, line.p1) != (0xB0, 0x8F) for line in evidence.transcript)
    assert evidence.outcome("secure_messaging").state is ProtocolState.NOT_RUN


def test_a_file_that_com_leaves_out_is_read() -> None:
    """EF.COM does not list DG14 and lists DG3; EF.SOD counts, so chip authentication takes place."""
    files = files_of()
    evidence = read(simulated_chip(files, KEY, ChipOptions(quirks=frozenset({Quirk.WRONG_COM}))).transceive)
    assert_read(evidence, files)
    assert Quirk.WRONG_COM in met(evidence)


@pytest.mark.parametrize("naked", [True, False])
def test_extended_lengths_that_are_refused_all_the_same(naked: bool) -> None:
    """EF.ATR/INFO promises them; the chip answers 6700, with or without protection: the rest is read in short lengths."""
    files = files_of(5_000) | {ElementaryFile.ATR_INFO: encode_atr_info(AtrInfo(True, 4096, 4096))}
    options = ChipOptions(largest_read=256, quirks=frozenset({Quirk.LENGTH_ENDS_SESSION}) if naked else frozenset())
    evidence = read(simulated_chip(files, KEY, options).transceive, ReadRequest(INFORMATION, max_response_bytes=4096))
    assert_read(evidence, files)
    assert Quirk.EXTENDED_LENGTH_REFUSED in met(evidence)
    assert evidence.outcome("secure_messaging").state is (ProtocolState.BROKEN if naked else ProtocolState.NOT_RUN)
    assert max(line.received_bytes for line in evidence.transcript) <= 258


@pytest.mark.parametrize("stated", [None, AtrInfo(False), AtrInfo(True), AtrInfo(True, 261, 64), AtrInfo(True, 300, 100)])
def test_no_extended_length_that_the_chip_does_not_state(stated: AtrInfo | None) -> None:
    """Not even where the reader carries it (Doc 9303-10 §3.6.4.2)."""
    files = files_of(3_000)
    if stated is not None:
        files[ElementaryFile.ATR_INFO] = encode_atr_info(stated)
    chip = simulated_chip(files, KEY)
    commands: list[CommandApdu] = []

    def transceive(raw: bytes) -> bytes:
        commands.append(CommandApdu.from_bytes(raw))
        return chip.transceive(raw)

    assert_read(read(transceive, ReadRequest(INFORMATION, max_response_bytes=65_538)), files)
    assert not any(command.extended for command in commands)


def test_the_historical_bytes_announce_extended_lengths_as_well() -> None:
    chip = simulated_chip(files_of(5_000) | {ElementaryFile.ATR_INFO: encode_atr_info(AtrInfo(True, 4096, 4096))}, KEY)

    def transceive(raw: bytes) -> bytes:
        return b"\x6a\x82" if raw[:3] == b"\x00\xb0\x81" else chip.transceive(raw)  # EF.ATR/INFO is shown to nobody

    able, unable = bytes.fromhex("80739601c0"), bytes.fromhex("8073960180")
    long = read(transceive, ReadRequest(INFORMATION, max_response_bytes=4096, historical_bytes=able))
    chip.reset()
    short = read(transceive, ReadRequest(INFORMATION, max_response_bytes=4096, historical_bytes=unable))
    assert len(long.transcript) <= 20
    assert len(short.transcript) > 30
    assert all(line.p1 != 0x81 or line.ins != 0xB0 or line.sent_bytes > 5 for line in short.transcript)  # no EF.ATR/INFO asked


@pytest.mark.parametrize("quirk", [quirk for quirk in Quirk if quirk in MASTER_FILE])
def test_a_master_file_that_cannot_be_selected(quirk: Quirk) -> None:
    """Met where it must be asked: EF.CardSecurity at the end, and the session opened again after a break."""
    files = files_of() | {ElementaryFile.CARD_SECURITY: bytes.fromhex("3003020100")}
    options = ChipOptions(quirks=frozenset({quirk, Quirk.LENGTH_ENDS_SESSION}))
    request = ReadRequest(INFORMATION, later_files=(ElementaryFile.CARD_SECURITY,))
    evidence = read(simulated_chip(files, KEY, options).transceive, request)
    assert_read(evidence, files)
    assert quirk in met(evidence)


def test_the_full_length_is_met_by_extended_readers_only() -> None:
    """Le 00 is never sent under protection in short lengths; a reader of long ones meets 6B00 and a dead session."""
    files = files_of(3_000) | {ElementaryFile.ATR_INFO: encode_atr_info(AtrInfo(True, 4096, 4096))}
    options = ChipOptions(quirks=frozenset({Quirk.FULL_LENGTH_REFUSED}))
    evidence = read(simulated_chip(files, KEY, options).transceive, ReadRequest(INFORMATION, max_response_bytes=4096))
    assert_read(evidence, files)
    assert {Quirk.FULL_LENGTH_REFUSED, Quirk.EXTENDED_LENGTH_REFUSED} <= met(evidence)


def test_files_of_the_master_file_on_request() -> None:
    """EF.ATR/INFO and EF.DIR before access, EF.CardSecurity at the end; none of them costs the session."""
    wanted = {
        ElementaryFile.ATR_INFO: encode_atr_info(AtrInfo(True, 4096, 4096)),
        ElementaryFile.DIR: bytes.fromhex("61094f07a0000002471001") * 30,
        ElementaryFile.CARD_SECURITY: bytes.fromhex("3003020100"),
    }
    files = files_of() | wanted
    evidence = read(simulated_chip(files, KEY).transceive, ReadRequest(INFORMATION, further_files=tuple(wanted)))
    assert_read(evidence, files)
    assert {file: evidence.files[file] for file in wanted} == wanted


@pytest.mark.parametrize("sw", [0x6A82, 0x6982, 0x6700])
def test_files_of_the_master_file_that_are_refused(sw: int) -> None:
    """A refusal before access is a remark, and access goes its way (gmrtd #226)."""
    files = files_of()
    chip = simulated_chip(files, KEY)
    wanted = (ElementaryFile.DIR, ElementaryFile.CARD_SECURITY)

    def transceive(raw: bytes) -> bytes:
        return sw.to_bytes(2, "big") if raw[:3] == b"\x00\xb0\x9e" else chip.transceive(raw)

    evidence = read(transceive, ReadRequest(INFORMATION, later_files=wanted))
    assert_read(evidence, files)
    assert not set(wanted) & set(evidence.files)
    assert evidence.outcome("file").state is (ProtocolState.REFUSED if sw == 0x6982 else ProtocolState.NOT_RUN)
    assert len(evidence.transcript) < 40  # nothing was learnt from it about blocks


def test_files_before_and_after_the_face() -> None:
    seen: list[ElementaryFile] = []
    files = files_of() | {ElementaryFile.DG11: bytes.fromhex("6b00"), ElementaryFile.DG12: bytes.fromhex("6c00")}
    files[ElementaryFile.SOD] = listed_sod(files)
    request = ReadRequest(
        INFORMATION,
        further_files=(ElementaryFile.DG11,),
        later_files=(ElementaryFile.DG12,),
        on_file=lambda file, _: seen.append(file),
    )
    read(simulated_chip(files, KEY).transceive, request)
    ends = [ElementaryFile[name] for name in ("DG1", "SOD", "COM", "DG14", "DG11", "DG2", "DG12")]
    assert [file for file in seen if file.in_application] == ends


@pytest.mark.parametrize("before_the_face", [True, False])
def test_a_file_that_nobody_lists_is_not_asked_for(before_the_face: bool) -> None:
    """A chip that answers a missing file without protection would cost a session each."""
    wanted = (ElementaryFile.DG11, ElementaryFile.DG12, ElementaryFile.DG13)
    further, later = (wanted, ()) if before_the_face else ((), wanted)
    requests = (ReadRequest(INFORMATION), ReadRequest(INFORMATION, further_files=further, later_files=later))
    options = ChipOptions(quirks=frozenset({Quirk.NAKED_STATUS}))
    plain, asked = (read(simulated_chip(files_of(), KEY, options).transceive, request) for request in requests)
    assert len(asked.transcript) == len(plain.transcript)
    assert asked.files == plain.files


@pytest.mark.parametrize("pace", [True, False])
def test_a_session_opened_again_selects_the_application_once(pace: bool) -> None:
    options = ChipOptions(quirks=frozenset({Quirk.LENGTH_ENDS_SESSION}))
    chip = simulated_chip(files_of(3_000), KEY, options, pace=pace)
    evidence = read(chip.transceive)
    assert_read(evidence, files_of(3_000))
    broken = next(at for at, line in enumerate(evidence.transcript) if line.sw == 0x6700)
    selections = [line for line in evidence.transcript[broken:] if (line.ins, line.p1) == (0xA4, 0x04)]
    assert len(selections) == 1


@pytest.mark.parametrize(
    ("historical", "said"),
    [
        ("", None),
        ("80739601c0", True),
        ("8073960180", False),
        ("807296c0", None),
        ("31c173960140", None),
        ("80318073960140", True),
    ],
)
def test_card_capabilities(historical: str, said: bool | None) -> None:
    assert states_extended(bytes.fromhex(historical)) is said


@pytest.mark.parametrize(("response_bytes", "asked"), [(256, False), (258, False), (259, True)])
def test_the_buffers_are_asked_for_where_they_are_of_use(response_bytes: int, asked: bool) -> None:
    """A reader of short responses, which carries 258 bytes, does not spend a command on EF.ATR/INFO."""
    evidence = read(simulated_chip(files_of(), KEY).transceive, ReadRequest(INFORMATION, max_response_bytes=response_bytes))
    assert (evidence.transcript[0].p1 == 0x80 | ElementaryFile.ATR_INFO.short_id) is asked


def test_tiny_buffers_do_not_make_a_reading_slow() -> None:
    files = files_of(3_000) | {ElementaryFile.ATR_INFO: encode_atr_info(AtrInfo(True, 300, 40))}
    chip = simulated_chip(files, KEY)
    evidence = read(chip.transceive, ReadRequest(INFORMATION, max_response_bytes=4096))
    assert_read(evidence, files)
    assert len(evidence.transcript) < 40


@pytest.mark.parametrize("atr_info", ["ff", "7f6602", "7f6602020100", "60"])
def test_an_atr_info_that_is_malformed_changes_nothing(atr_info: str) -> None:
    files = files_of() | {ElementaryFile.ATR_INFO: bytes.fromhex(atr_info)}
    evidence = read(simulated_chip(files, KEY).transceive, ReadRequest(INFORMATION, max_response_bytes=4096))
    assert_read(evidence, files)


@pytest.mark.parametrize("content", ["", "6a", "3083ffffff"])
def test_a_card_security_that_cannot_be_read(content: str) -> None:
    files = files_of() | {ElementaryFile.CARD_SECURITY: bytes.fromhex(content)}
    evidence = read(simulated_chip(files, KEY).transceive, ReadRequest(INFORMATION, later_files=(ElementaryFile.CARD_SECURITY,)))
    assert_read(evidence, files)
    assert evidence.outcome("file").variant == "CARD_SECURITY"


def test_malformed_lists_and_infos() -> None:
    """EF.COM that is none says nothing; DG14 that is none leaves its outcome."""
    files = files_of() | {ElementaryFile.COM: bytes.fromhex("60025c05"), ElementaryFile.DG14: bytes.fromhex("6e023100")}
    files[ElementaryFile.SOD] = listed_sod(files)
    evidence = read(simulated_chip(files, KEY).transceive)
    assert signed(dict(evidence.files)) == signed(files)
    broken = files | {ElementaryFile.DG14: bytes.fromhex("6e0130")}
    assert read(simulated_chip(broken, KEY).transceive).outcome("chip_authentication").state is ProtocolState.BROKEN
