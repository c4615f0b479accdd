"""Copies of chips that avoid the question whether they are genuine: the issuer signed that they can be asked."""

from __future__ import annotations

from dataclasses import replace

from drivers.sim.passport.certification import encode_security_object
from drivers.sim.passport.chip import SimulatedChip
from drivers.sim.passport.chip_kinds import AgreementWay, ChipKind, PaceWay
from drivers.sim.passport.personalisation import ChipPersonalisation
from drivers.sim.passport.signing import digest_of
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.checks.electronic import SECOND_WAY
from egate.model.checks import CheckName, DecisionPoint, Outcome
from egate.model.document import ElementaryFile, ProtocolState
from egate.mrtd.files.lds import encode_com
from egate.mrtd.files.security_infos import encode_card_access, parse_card_access
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.reading import ReadRequest
from tests.unit.checks.evidence import MRZ, NOT_OFFERED, PROFILE, evidence, judged
from tests.unit.mrtd.chip_reading import Transceive, read
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, seeded, trust, utopia

DG1, DG2, DG14 = ElementaryFile.DG1, ElementaryFile.DG2, ElementaryFile.DG14
CAM = ChipKind(ways=(PaceWay(mapping="cam"),), agreements=(AgreementWay(),))


def proved_by_mapping_only() -> ChipPersonalisation:
    """A genuine document whose DG14 has its way of PACE and whose static key stands in EF.CardSecurity alone."""
    usual = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=CAM)
    ways = parse_card_access(usual.files[ElementaryFile.CARD_ACCESS]).pace
    files = {**usual.files, DG14: encode_tlv(0x6E, encode_card_access(ways))}
    hashes = {number: digest_of("sha256", files[file]) for number, file in ((1, DG1), (2, DG2), (14, DG14))}
    sod = encode_security_object(hashes, utopia().signer)
    return replace(
        usual, files={**files, ElementaryFile.SOD: sod, ElementaryFile.COM: encode_com([DG1, DG2, DG14])}, agreement_keys=()
    )


def chip_findings(transceive: Transceive) -> tuple[Outcome, list[str]]:
    """The decision at the entry, and the codes that refer."""
    checks = check_document(MRZ, read(transceive, ReadRequest(MRZ.information)), trust(), TODAY, PROFILE)
    decision = decide(checks, PROFILE, DecisionPoint.ENTRY)
    return decision.outcome, [check.code for check in decision.because]


def test_a_copy_that_refuses_chip_authentication_mapping_is_referred() -> None:
    """It has every file and no key, so it refuses PACE and offers BAC: nothing else would ever ask it for a proof."""
    genuine = proved_by_mapping_only()
    assert chip_findings(SimulatedChip(genuine, seeded(b"cam")).transceive) == (Outcome.ADMIT, [])
    copy = SimulatedChip(replace(genuine, chip_authentication_key=None), seeded(b"copy"))
    assert chip_findings(copy.transceive) == (Outcome.REFER, ["pace_refused", "chip_proof_not_run"])


def test_a_signed_key_that_was_not_asked_is_no_missing_offer() -> None:
    """DG14 has a key of chip authentication; that the reader found no way to use it proves nothing about the chip."""
    found = judged(evidence(protocols={"chip_authentication": NOT_OFFERED}))
    assert found[CheckName.CHIP_GENUINE].code == "chip_proof_not_run"


def test_the_key_of_another_document_of_the_state_proves_nothing() -> None:
    """Whoever has the key of one chip could copy every document of its State: EF.CardSecurity is signed and names no document."""
    victim = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=CAM)
    opened = utopia().personalise(replace(ERIKA, document_number="X1234567"), PORTRAIT, SIZE, kind=CAM)
    file = ElementaryFile.CARD_SECURITY
    copy = replace(
        victim,
        files={**victim.files, file: opened.files[file]},
        chip_authentication_key=opened.chip_authentication_key,
        agreement_keys=opened.agreement_keys,
    )
    assert chip_findings(SimulatedChip(victim, seeded(b"own")).transceive) == (Outcome.ADMIT, [])
    assert chip_findings(SimulatedChip(copy, seeded(b"other")).transceive) == (Outcome.REFER, ["chip_authentication_failed"])


def test_a_record_of_the_mapping_with_another_documents_key_proves_nothing() -> None:
    """What a reading found is judged again from its files: the key must be one of DG14."""
    chips = [utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=CAM) for _ in range(2)]
    own, other = (read(SimulatedChip(each, seeded(b"a")).transceive, ReadRequest(MRZ.information)) for each in chips)
    assert judged(own)[CheckName.CHIP_GENUINE].code == ""
    file = ElementaryFile.CARD_SECURITY
    mixed = replace(own, files={**own.files, file: other.files[file]}, proofs=other.proofs)
    assert judged(mixed)[CheckName.CHIP_GENUINE].code == "chip_key_not_authentic"


def refusing_pace(chip: SimulatedChip, word: bytes, oid_end: bytes = b"") -> Transceive:
    """The genuine chip behind a wire that answers MSE:Set AT for PACE with this word, for object identifiers that end so."""

    def transceive(raw: bytes) -> bytes:
        set_up = raw.startswith(bytes.fromhex("0022c1a4"))
        return word if set_up and oid_end in raw[5:18] else chip.transceive(raw)

    return transceive


def test_a_wire_that_refuses_pace_is_caught() -> None:
    """The chip would run PACE, its issuer signed so, and somebody in between says no: BAC opens it, and an officer looks."""
    genuine = utopia().personalise(ERIKA, PORTRAIT, SIZE)
    assert chip_findings(SimulatedChip(genuine, seeded(b"wire")).transceive) == (Outcome.ADMIT, [])
    for word in (b"\x63\x00", b"\x6a\x80", b"\x69\x85"):
        pushed = refusing_pace(SimulatedChip(genuine, seeded(b"wire")), word)
        assert chip_findings(pushed) == (Outcome.REFER, ["pace_refused"]), word


def test_a_wire_that_refuses_the_better_way_is_caught() -> None:
    """Chip authentication mapping is signed beside generic mapping; whoever refuses it gets the other, and is seen."""
    both = ChipKind(ways=(PaceWay(mapping="cam"), PaceWay(mapping="gm")), agreements=(AgreementWay(),))
    genuine = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=both)
    cam = bytes((6, 2))
    found = read(refusing_pace(SimulatedChip(genuine, seeded(b"two")), b"\x6a\x80", cam), ReadRequest(MRZ.information))
    assert [outcome.variant[:8] for outcome in found.protocols if outcome.protocol in {"pace_way", "pace"}] == [
        "ecdh-cam",
        "ecdh-gm-",
    ]
    assert found.outcome("pace").state is ProtocolState.COMPLETED
    assert found.outcome("bac").state is ProtocolState.NOT_RUN
    pushed = refusing_pace(SimulatedChip(genuine, seeded(b"two")), b"\x6a\x80", cam)
    outcome, codes = chip_findings(pushed)
    assert (outcome, codes[0]) == (Outcome.REFER, "pace_refused")


def test_a_chip_that_refuses_what_nobody_signed_is_opened_by_the_next_way() -> None:
    """PACE only, and the first of two offers refused: the document is read by the second, and the detail says so."""
    both = ChipKind(ways=(PaceWay(mapping="im"), PaceWay(mapping="gm")), agreements=(), bac=False)
    genuine = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=both)
    unsigned = {file: data for file, data in genuine.files.items() if file is not DG14}
    hashes = {number: digest_of("sha256", unsigned[file]) for number, file in ((1, DG1), (2, DG2))}
    files = {
        **unsigned,
        ElementaryFile.SOD: encode_security_object(hashes, utopia().signer),
        ElementaryFile.COM: encode_com([DG1, DG2]),
    }
    chip = SimulatedChip(replace(genuine, files=files, agreement_keys=()), seeded(b"next"))
    evidence_read = read(refusing_pace(chip, b"\x6a\x80", bytes((4, 2, 2))), ReadRequest(MRZ.information))
    found = {check.name: check for check in check_document(MRZ, evidence_read, trust(), TODAY, PROFILE)}
    assert (found[CheckName.CHIP_ACCESS].code, found[CheckName.CHIP_ACCESS].detail) == ("", SECOND_WAY)


def test_a_wrong_password_is_not_tried_in_another_way() -> None:
    both = ChipKind(ways=(PaceWay(mapping="im"), PaceWay(mapping="gm")), bac=False)
    genuine = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=both)
    wrong = replace(MRZ.information, document_number="A11111111")
    found = read(SimulatedChip(genuine, seeded(b"wrong")).transceive, ReadRequest(wrong))
    assert [outcome.protocol for outcome in found.protocols if outcome.protocol in {"pace_way", "pace"}] == ["pace"]
