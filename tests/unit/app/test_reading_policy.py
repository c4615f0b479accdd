"""From the text of a profile, and from a lane's file, to what the chip is asked."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from importlib.resources import files
from types import MappingProxyType

import pytest

from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_kinds import TODAYS_CHIP
from drivers.sim.passport.chip_terminal import TerminalAuthentication
from drivers.sim.passport.issuer import DocumentPlan, PersonData, SimulatedIssuer
from drivers.sim.passport.personalisation import ChipPersonalisation
from egate.checks.profile import access_policy, load_profile
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.access_policy import AccessPolicy
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.files.atr_info import AtrInfo, encode_atr_info
from egate.mrtd.files.groups.document_details import IssuingDetails, encode_dg12
from egate.pki.terminal_key import credentials_with_key
from tests.unit.app.app_bench import PORTRAIT, TODAY, Lane, Passport
from tests.unit.app.test_inspector import Inspection
from tests.unit.mrtd.test_terminal_auth_whole import DG3, office

COMPLETED, NOT_RUN, NOT_OFFERED = ProtocolState.COMPLETED, ProtocolState.NOT_RUN, ProtocolState.NOT_OFFERED
DG12 = encode_dg12(IssuingDetails(issuing_authority="AUTHORITY", date_of_issue="20260101"))
EMPTY: Mapping[ElementaryFile, bytes] = MappingProxyType({})


def passport_of(
    issuer: SimulatedIssuer, further: Mapping[ElementaryFile, bytes] = EMPTY, *, pace: bool = True, bac: bool = True
) -> tuple[Passport, ChipPersonalisation]:
    person = PersonData("NAME", "GIVEN", date(1990, 1, 2), "F", "X12345678", date(TODAY.year + 3, 1, 1))
    chip = issuer.personalise_as(person, PORTRAIT, (30, 40), DocumentPlan(TODAYS_CHIP, further=dict(further)))
    if not pace:
        kept = dict(chip.files)
        kept.pop(ElementaryFile.CARD_ACCESS)
        chip = replace(chip, files=kept, supports_pace=False)
    chip = replace(chip, supports_bac=bac)
    return Passport(issuer.mrz_lines(person), SimulatedChip(chip, secrets.token_bytes)), chip


def gathered(lane: Lane, passport: Passport) -> ChipEvidence:
    evidence = asyncio.run(Inspection(lane).inspect(passport)).evidence
    assert evidence is not None
    return evidence


def with_profile(lane: Lane, *changes: tuple[str, str]) -> None:
    """The shipped profile, with lines of its text changed."""
    text = files("egate.checks.profiles").joinpath("eu-entry.toml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    lane.parts.profile = load_profile(text)


def test_every_key_of_access_reaches_the_policy(lane: Lane) -> None:
    with_profile(
        lane,
        ('pace_mappings = ["cam", "gm", "im"]', 'pace_mappings = ["im", "gm"]'),
        ('minimum_cipher = "3des"', 'minimum_cipher = "aes-192"'),
        ("allow_bac = true", "allow_bac = false"),
        ("bac_after_refusal = true", "bac_after_refusal = false"),
        ("bac_after_broken = false", "bac_after_broken = true"),
        ("own_parameters = true", "own_parameters = false"),
        ("pace_before_bac = true", "pace_before_bac = false"),
    )
    policy = access_policy(lane.parts.profile)
    assert policy == AccessPolicy(("im", "gm"), False, False, CipherSuite.AES192, False, True, False)


def test_a_profile_without_bac_reads_no_bac_chip(lane: Lane, issuer: SimulatedIssuer) -> None:
    passport, _ = passport_of(issuer, pace=False)
    assert gathered(lane, passport).outcome("bac").state is COMPLETED
    with_profile(lane, ("allow_bac = true", "allow_bac = false"))
    evidence = gathered(lane, passport)
    assert evidence.outcome("bac").state is NOT_RUN
    assert ElementaryFile.DG1 not in evidence.files
    assert not any(line.ins == 0x82 for line in evidence.transcript)


def test_a_cipher_that_is_too_weak_is_not_run(lane: Lane, issuer: SimulatedIssuer) -> None:
    """The chip offers AES-128; the profile asks for more, and BAC, which it leaves in, opens the chip on record."""
    passport, _ = passport_of(issuer)
    with_profile(lane, ('minimum_cipher = "3des"', 'minimum_cipher = "aes-256"'))
    evidence = gathered(lane, passport)
    assert (evidence.outcome("pace").state, evidence.outcome("bac").state) == (NOT_OFFERED, COMPLETED)


def test_a_mapping_that_is_not_wanted_is_not_run(lane: Lane, issuer: SimulatedIssuer) -> None:
    passport, _ = passport_of(issuer, bac=False)
    with_profile(lane, ('pace_mappings = ["cam", "gm", "im"]', 'pace_mappings = ["im"]'))
    assert gathered(lane, passport).outcome("pace").state is NOT_OFFERED


# -- lengths ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carried", [258, 65_538])
def test_the_length_that_the_reader_carries_reaches_the_chip(lane: Lane, issuer: SimulatedIssuer, carried: int) -> None:
    """EF.ATR/INFO allows blocks of 4 kB; they are asked for where the lane's reader carries them, and nowhere else."""
    printed, chip = passport_of(issuer)
    stated = encode_atr_info(AtrInfo(True, 4096, 4096))
    chip = replace(chip, files={**chip.files, ElementaryFile.ATR_INFO: stated})
    lane.chip.max_response_bytes = carried
    evidence = gathered(lane, Passport(printed.lines, SimulatedChip(chip, secrets.token_bytes)))
    assert (ElementaryFile.ATR_INFO in evidence.files) is (carried > 258)


# -- files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "on_chip", "read"),
    [((ElementaryFile.DG12,), True, True), ((), True, False), ((ElementaryFile.DG12,), False, False)],
    ids=["asked", "not-asked", "absent"],
)
def test_a_further_file_is_read_after_the_face_where_it_is_listed(
    lane: Lane, issuer: SimulatedIssuer, wanted: tuple[ElementaryFile, ...], on_chip: bool, read: bool
) -> None:
    lane.parts.config = replace(lane.parts.config, chip_files=wanted)
    passport, _ = passport_of(issuer, {ElementaryFile.DG12: DG12} if on_chip else {})
    evidence = gathered(lane, passport)
    assert (ElementaryFile.DG12 in evidence.files) is read
    order = list(evidence.files)
    assert not read or order.index(ElementaryFile.DG2) < order.index(ElementaryFile.DG12)
    asked = sum((line.ins, line.p1) == (0xB0, 0x80 | ElementaryFile.DG12.short_id) for line in evidence.transcript)
    assert asked == read


def test_the_shipped_default_reads_the_date_of_issue(lane: Lane) -> None:
    assert lane.parts.config.chip_files == (ElementaryFile.DG12,)


@pytest.mark.parametrize("asked", [True, False])
def test_fingerprints_only_where_they_are_asked_for(lane: Lane, issuer: SimulatedIssuer, asked: bool) -> None:
    """With credentials alone nothing is proved: terminal authentication costs time and is for DG3 and DG4."""
    state = office()
    verifier = state.verifier(TODAY)
    system = state.inspection_system(verifier, TODAY)
    lane.parts.terminal = (credentials_with_key(state.chain(verifier, system), system.key),)
    lane.parts.config = replace(lane.parts.config, chip_files=(ElementaryFile.DG3,) if asked else ())
    kind = replace(TODAYS_CHIP, terminal_authentication=True)
    person = PersonData("NAME", "GIVEN", date(1990, 1, 2), "F", "X12345678", date(TODAY.year + 3, 1, 1))
    chip = issuer.personalise_as(person, PORTRAIT, (30, 40), DocumentPlan(kind, further={ElementaryFile.DG3: DG3}))
    rights = TerminalAuthentication((state.root.certificate,), TODAY, secrets.token_bytes)
    passport = Passport(issuer.mrz_lines(person), SimulatedChip(chip, secrets.token_bytes, terminal=rights))
    evidence = gathered(lane, passport)
    assert (evidence.files.get(ElementaryFile.DG3) == DG3) is asked
    assert evidence.outcome("terminal_authentication").state is (COMPLETED if asked else NOT_RUN)
