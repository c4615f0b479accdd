"""The desk's parts alone: advice for every ending, marks and colours, slips, what a plain folder believes."""

from __future__ import annotations

import asyncio
import io
import os
import re
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.sim.passport.certification import ListedDefect
from drivers.sim.passport.issuer import SimulatedIssuer
from egate.app.clock import SystemClock
from egate.app.config import DEFAULT_CHIP_FILES, ConfigError
from egate.app.inspecting.advice import ADVICE, what_to_do
from egate.app.inspecting.desk_reader import Desk, ReaderName, files_asked, open_reader, parse_reader, read_at_desk
from egate.app.inspecting.files import profile_of, read_input, refuse_unwritable, terminal_credentials, write_private
from egate.app.inspecting.report import TITLE_COLUMNS, Shown, comparison_lines, report_lines, turn_lines
from egate.app.inspecting.terminal import Look, ProgressLine, foreign, look_of
from egate.app.inspecting.trusting import NO_TRUST, believe
from egate.app.inspecting.turns import decide_again
from egate.app.simulate.making import make_document
from egate.app.simulate.recipe import parse_recipe
from egate.app.simulate.serving import chip_of
from egate.checks.catalogue import CATALOGUE, finding
from egate.checks.electronic import PACE_FELL_BACK
from egate.inspection.record import InspectionRecord
from egate.inspection.rejudging import judge_again, recorded_profile, recorded_trust
from egate.model.checks import CheckName, CheckResult, DecisionPoint, Outcome
from egate.model.document import ElementaryFile, ProtocolState
from egate.model.errors import ChipLost, DeviceError, MalformedData
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.reading import ReadRequest
from egate.pki.trust_store import TrustStore
from egate.supply.views import Paint
from tests.unit.inspection.inspection_bench import TODAY, case
from tests.unit.sim.sample_state import seeded

PLAIN = Look(Paint(False))


# -- advice ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(ADVICE), ids=lambda name: name.value)
def test_every_ending_of_a_document_check_has_advice(name: CheckName) -> None:
    codes = {ending.code for ending in CATALOGUE[name].endings}
    assert set(ADVICE[name].by_code) <= codes
    assert all(what_to_do(name, code) for code in codes)
    assert len(ADVICE[name].title) <= TITLE_COLUMNS - 1
    assert what_to_do(name, "") == ""


def test_every_check_of_an_inspection_has_a_title() -> None:
    assert {check.name for check in case().findings} == set(ADVICE)
    assert what_to_do(CheckName.FACE_MATCH, "face_differs") == ""


# -- terminal -------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_marks_differ_without_colour() -> None:
    for unicode in (True, False):
        marks = [Look(Paint(False), 80, unicode).mark(result) for result in CheckResult]
        assert len(set(marks)) == len(CheckResult)
        assert len({len(mark) for mark in marks}) == 1


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)]
)
def test_colours_only_where_they_are_wanted(environment: dict[str, str], coloured: bool) -> None:
    """https://no-color.org: any value that is not empty switches colours off."""
    assert look_of(Terminal(), environment).paint.on is coloured
    assert not look_of(io.StringIO(), {}).paint.on


def test_a_terminal_without_unicode_gets_ascii() -> None:
    look = Look(Paint(False), 80, unicode=False)
    found = case("cloned")
    lines = report_lines(found.record(), Shown(found.mrz, from_chip=True), 3, look)
    assert all(line.isascii() for line in lines)
    assert any(line.startswith(" XX Genuine chip") for line in lines)


def test_colour_changes_nothing_that_is_said() -> None:
    found = case("cloned")
    shown = Shown(found.mrz, from_chip=True)
    painted = report_lines(found.record(), shown, 3, Look(Paint(True)))
    assert [re.sub(r"\x1b\[[0-9]*m", "", line) for line in painted] == report_lines(found.record(), shown, 3, PLAIN)
    assert any("\x1b[31m" in line for line in painted)


def test_text_from_a_document_moves_no_cursor() -> None:
    assert foreign("A\x1b[2JB\u202eC\n") == "A?[2JB?C?"


def test_progress_is_one_line_that_goes_away() -> None:
    stream = Terminal()
    line = ProgressLine(stream, PLAIN)
    line.show("reading DG2", 0.5)
    line.show("reading DG2", 0.5)
    assert stream.getvalue().count("reading DG2") == 1
    line.clear()
    line.clear()
    assert stream.getvalue().endswith("\r\x1b[K")
    silent = io.StringIO()
    ProgressLine(silent, PLAIN).show("reading DG2", 0.5)
    assert silent.getvalue() == ""


# -- report ---------------------------------------------------------------------------------------------------------------


def test_a_weak_signature_and_a_fall_back_are_said() -> None:
    weak = case("none", '[signature]\nscheme = "secp192r1-sha1"\nhash = "sha1"\n')
    text = "\n".join(report_lines(weak.record(), Shown(weak.mrz, from_chip=True), 3, PLAIN))
    assert "holds (weak: sha1, curve below 224)" in text


def test_a_fall_back_to_bac_is_said_with_its_status_word() -> None:
    record = case().record()
    pace = next(entry for entry in record.protocols if entry.protocol == "pace")
    refused = replace(pace, state=ProtocolState.REFUSED, status=0x6300)
    checks = tuple(replace(e, detail=PACE_FELL_BACK) if e.name is CheckName.CHIP_ACCESS else e for e in record.checks)
    fell = replace(record, checks=checks, protocols=(refused, replace(pace, protocol="bac")))
    text = "\n".join(report_lines(fell, Shown(case().mrz, from_chip=True), 3, PLAIN))
    assert "PACE was tried and failed (6300); BAC opened the chip" in text


def test_a_published_deviation_is_said_beside_the_failure() -> None:
    record = case("swapped_portrait").record()
    known = tuple(replace(entry, known_deviation="data_group_hash_wrong") for entry in record.checks)
    text = " ".join(" ".join(report_lines(replace(record, checks=known), Shown(), 3, PLAIN)).split())
    assert "published that it knows of this (data group hash wrong)" in text
    assert "REFER" in text


def test_quirks_that_were_met_are_named() -> None:
    record = replace(case().record(), quirks=("largest_read_a0", "wrong_com"))
    lines = report_lines(record, Shown(), 3, PLAIN)
    assert any(line.split() == ["quirks", "learnt", "largest_read_a0,", "wrong_com"] for line in lines)


def test_nothing_that_could_be_read_is_said_too() -> None:
    text = report_lines(case().record(), Shown(), 3, PLAIN)
    assert text[0] == "Document: nothing of it could be read"


def test_what_changed_is_told_and_what_was_not_judged() -> None:
    record = case().record()
    compared = judge_again(record, TrustStore.from_parts((), "nobody", TODAY), recorded_profile(record), TODAY)
    text = "\n".join(comparison_lines(compared, PLAIN))
    assert "was successful, is failed (issuer_unknown)" in text
    assert "checks end otherwise" in text


def test_a_verdict_that_turns_is_told_first() -> None:
    record = case().record()
    nobody, profile = TrustStore.from_parts((), "nobody", TODAY), recorded_profile(record)
    turned = turn_lines(decide_again(record, judge_again(record, nobody, profile, TODAY), profile), PLAIN)
    assert " ".join(turned).split()[:6] == ["✘", "Verdict", "was", "ADMIT,", "is", "REFER:"]
    assert "issuer's chain" in " ".join(turned)
    same = judge_again(record, recorded_trust(record), profile, TODAY)
    assert " ".join(turn_lines(decide_again(record, same, profile), PLAIN)).split() == ["✔", "Verdict", "stays", "ADMIT"]


def test_each_door_has_its_own_verdict() -> None:
    """A face that was not judged again counts as it ended then; here nobody was compared, and only the exit asks for that."""
    record, profile = case().record(), recorded_profile(case().record())
    entry = record.decisions[-1]
    exit_door = replace(entry, point=DecisionPoint.EXIT, outcome=Outcome.REFER)
    both = replace(record, decisions=(entry, exit_door))
    turns = decide_again(both, judge_again(record, recorded_trust(record), profile, TODAY), profile)
    assert [(turn.point, turn.then) for turn in turns] == [
        (DecisionPoint.ENTRY, Outcome.ADMIT),
        (DecisionPoint.EXIT, Outcome.REFER),
    ]
    text = " ".join(" ".join(turn_lines(turns, PLAIN)).split())
    assert text == "✔ Verdict (entry) stays ADMIT ✔ Verdict (exit) stays REFER"


@pytest.mark.parametrize(
    ("by_number", "by_print", "said"),
    [
        (False, True, "refused the keys derived from the printed data. → Compare number, birth and expiry"),
        (True, True, "refused the card access number, and the keys derived from the printed data. → Compare the number on the"),
        (True, False, "refused the card access number. → Compare the digits with those on the front"),
    ],
)
def test_refused_keys_are_told_by_what_was_given(by_number: bool, by_print: bool, said: str) -> None:
    shown = Shown(by_number=by_number, by_print=by_print)
    assert said in _flat(_access_refused(ProtocolState.REFUSED), shown)


def test_a_number_at_a_chip_without_pace_is_not_called_wrong() -> None:
    assert "takes no card access number" in _flat(
        _access_refused(ProtocolState.NOT_OFFERED), Shown(by_number=True, by_print=False)
    )


def _access_refused(pace: ProtocolState) -> InspectionRecord:
    record = case().record()
    protocols = tuple(replace(p, state=pace) if p.protocol == "pace" else p for p in record.protocols)
    return _with_finding(replace(record, protocols=protocols), CheckName.CHIP_ACCESS, "access_keys_refused")


def _with_finding(record: InspectionRecord, name: CheckName, code: str, detail: str = "") -> InspectionRecord:
    """The record with another ending of one check, which now refers."""
    check, text = finding(name, code), next(end.text for end in CATALOGUE[name].endings if end.code == code)
    checks = tuple(
        replace(e, result=check.result, code=code, text=text, detail=detail) if e.name is name else e for e in record.checks
    )
    decision = record.decisions[-1]
    because = (*decision.because, f"{name.value}:{check.result.value}:{code}")
    return replace(record, checks=checks, decisions=(replace(decision, outcome=Outcome.REFER, because=because),))


def _flat(record: InspectionRecord, shown: Shown) -> str:
    return " ".join(" ".join(report_lines(record, shown, 3, PLAIN)).split())


def test_lines_that_nobody_gave_are_told_once() -> None:
    record = case().record()
    for name in (CheckName.MRZ_CHECK_DIGITS, CheckName.MRZ_MATCHES_CHIP):
        record = _with_finding(record, name, "mrz_not_read")
    text = _flat(record, Shown())
    assert text.count("Were not given, so not checked: check digits, print and chip.") == 1
    assert "could not be read." not in text
    assert text.endswith("REFER to an officer: printed lines not given")


def test_a_reason_says_nothing_twice_and_the_verdict_names_every_one() -> None:
    name = CheckName.SECURITY_OBJECT_SIGNATURE
    record = _with_finding(case().record(), name, "signature_wrong", "it does not hold")
    decision = record.decisions[-1]
    record = replace(record, decisions=(replace(decision, because=(*decision.because, "person_watchlist:2:lists_not_current")),))
    text = _flat(record, Shown())
    assert "does not hold. →" in text
    assert text.endswith("REFER to an officer: signature, person watchlist")


# -- reader ---------------------------------------------------------------------------------------------------------------


def test_a_reader_is_named_in_a_few_characters() -> None:
    assert parse_reader("pcsc") == ReaderName("pcsc")
    assert parse_reader("vpcd:127.0.0.1:35963") == ReaderName("vpcd", "127.0.0.1:35963")
    assert parse_reader("pcsc:ACR122").text == "pcsc:ACR122"


def test_a_port_that_is_no_address_is_refused() -> None:
    with pytest.raises(DeviceError, match="no address"):
        open_reader(ReaderName("vpcd", "nowhere"), SystemClock(), emulated=False)


def test_a_pseudo_terminal_is_explained_in_the_words_of_the_command() -> None:
    master, slave = os.openpty()
    with pytest.raises(DeviceError, match="--emulated") as refused:
        open_reader(ReaderName("pn532", os.ttyname(slave)), SystemClock(), emulated=False)
    os.close(master)
    os.close(slave)
    assert "emulated = true" not in str(refused.value)


def test_files_by_name() -> None:
    assert files_asked("", with_terminal=False) == DEFAULT_CHIP_FILES
    assert files_asked("DG11, ef.dir,dg2", with_terminal=False) == (ElementaryFile.DG12, ElementaryFile.DG11, ElementaryFile.DIR)
    everything = files_asked("all", with_terminal=False)
    assert ElementaryFile.DG3 not in everything
    assert ElementaryFile.DG3 in files_asked("all", with_terminal=True)
    assert files_asked("DG3", with_terminal=True) == (ElementaryFile.DG12, ElementaryFile.DG3)


class SlippingReader:
    """A reader in memory whose document leaves after so many commands, and comes back."""

    max_response_bytes = 258
    historical_bytes = b""
    online = True

    def __init__(self, slips: int, after: int = 40) -> None:
        document = make_document(parse_recipe(b'seed = "5"', Path()), TODAY).document
        self.lines = document.lines
        self._chip = chip_of(document, secrets.token_bytes)
        self._slips, self._after, self._sent = slips, after, 0
        self.commands = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def wait_for_chip(self, within_s: float) -> bool:
        return True

    async def transceive(self, command: bytes) -> bytes:
        self._sent += 1
        self.commands += 1
        if self._slips and self._sent > self._after:
            self._slips, self._sent = self._slips - 1, 0
            self._chip.reset()
            raise ChipLost("reading", "the document left")
        return self._chip.transceive(command)

    async def present(self) -> bool:
        return True

    async def release(self) -> None: ...


def _read(reader: SlippingReader, told: list[str]) -> int:
    request = ReadRequest(parse_mrz(reader.lines).information)
    desk = Desk(reader, SystemClock(), told.append, ProgressLine(io.StringIO(), PLAIN), 1.0)
    return len(asyncio.run(read_at_desk(desk, request)).evidence.files)


def test_a_document_that_slips_is_gone_on_with() -> None:
    told: list[str] = []
    whole, slipping = SlippingReader(0), SlippingReader(2)
    files = _read(whole, told)
    assert told == []
    assert _read(slipping, told) == files
    assert told == ["The document slipped. Lay it down again and keep it still."] * 2
    assert slipping.commands < 3 * whole.commands


def test_a_document_that_slips_for_ever_ends_the_inspection() -> None:
    with pytest.raises(ChipLost):
        _read(SlippingReader(99, after=5), [])


# -- files and trust ------------------------------------------------------------------------------------------------------


def test_results_are_for_this_account_and_never_half_written(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_private(path, b"new", "--json")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.json"]
    with pytest.raises(ConfigError, match="--json"):
        write_private(tmp_path / "no" / "r.json", b"", "--json")


def test_input_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egate.app.inspecting.files.LARGEST_INPUT_BYTES", 3)
    path = tmp_path / "x"
    path.write_bytes(b"1234")
    with pytest.raises(ConfigError, match="larger than 3 bytes"):
        read_input(path, "--profile")
    refuse_unwritable(None, "--json")


def test_a_profile_and_terminal_rights() -> None:
    assert profile_of(None).name == "eu-entry"
    assert terminal_credentials([], None) == ()


def test_a_bad_profile_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("name = 1")
    with pytest.raises(MalformedData):
        profile_of(path)


def test_a_plain_folder_believes_certificates_and_what_they_signed(tmp_path: Path) -> None:
    made = make_document(parse_recipe(b'seed = "5"\n[signature]\ndeviation_listed = true\n', Path()), TODAY)
    for name, data in made.trust.items():
        (tmp_path / name).write_bytes(data)
    believed = believe(tmp_path, TODAY)
    assert believed.store.certificates
    assert believed.store.revocations
    assert believed.store.deviations
    assert believed.remarks == ()
    assert believed.list_dates


def test_a_list_without_its_certificate_counts_for_nothing(tmp_path: Path) -> None:
    made = make_document(parse_recipe(b'seed = "5"', Path()), TODAY)
    for name, data in made.trust.items():
        if not name.endswith(".der"):
            (tmp_path / name).write_bytes(data)
    believed = believe(tmp_path, TODAY)
    assert believed.store.certificates == ()
    assert believed.store.revocations == {}
    assert len(believed.remarks) == 2


def test_no_folder_is_no_trust() -> None:
    assert believe(None, TODAY).store.source == NO_TRUST
    assert believe(None, TODAY).store.certificates == ()


def test_a_defect_list_in_a_plain_folder_needs_an_anchor_that_lies_there(tmp_path: Path) -> None:
    """A State that somebody's list names may not revoke the signers of others."""
    own, other = SimulatedIssuer.create("UTO", seeded(b"own"), TODAY), SimulatedIssuer.create("D", seeded(b"other"), TODAY)
    revoked = ListedDefect(own.signer, (("1.1", b"\x0a\x01\x03"),))
    files = {
        "own.cer": own.csca_certificate,
        "all.ml": own.master_list(own.csca_certificate, other.csca_certificate),
        "other.dfl": other.defect_list(revoked),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    listed = believe(tmp_path, TODAY)
    assert (len(listed.store.certificates), listed.store.defects) == (2, ())
    assert listed.remarks == ("other.dfl: no trusted signer",)
    (tmp_path / "other.cer").write_bytes(other.csca_certificate)
    assert [found.country for found in believe(tmp_path, TODAY).store.defects] == ["DE"]
