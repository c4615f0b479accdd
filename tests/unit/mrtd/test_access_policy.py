"""Access as a whole reading meets it: policy, fall-backs that stay on record, both passwords, and the proof of the mapping.

Issue: "A fall-back from PACE to BAC is recorded as such and never silent; a chip or a wire that tries to push us down is caught."
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from drivers.sim.passport.chip import ChipOptions, SimulatedChip
from drivers.sim.passport.personalisation import AgreementKey, ChipPersonalisation
from egate.model.document import ChipEvidence, ElementaryFile, ProtocolState
from egate.mrtd.access_policy import AccessPolicy
from egate.mrtd.crypto.agreement import CurveAgreement
from egate.mrtd.crypto.ciphers import CipherSuite
from egate.mrtd.crypto.domain_parameters import CURVES
from egate.mrtd.files.der import encode_integer, encode_object_identifier, encode_sequence
from egate.mrtd.files.security_infos import (
    ChipAuthenticationInfo,
    PaceDomainParameters,
    PaceInfo,
    chip_authentication_oid,
    encode_card_access,
    encode_key_info,
    encode_security_infos,
    pace_oid,
)
from egate.mrtd.files.tlv import encode_tlv
from egate.mrtd.mapping_proof import verify_mapping_proof
from egate.mrtd.reading import ReadRequest
from tests.unit.mrtd.chip_reading import (
    INFORMATION,
    PACE_AES128,
    WRONG_INFORMATION,
    entropy,
    passport_files,
    read,
    simulated_chip,
)
from tests.unit.mrtd.curves import ANOMALOUS
from tests.unit.mrtd.test_soundness import SOUND

COMPLETED, REFUSED, BROKEN = ProtocolState.COMPLETED, ProtocolState.REFUSED, ProtocolState.BROKEN
NOT_RUN, NOT_OFFERED = ProtocolState.NOT_RUN, ProtocolState.NOT_OFFERED
BY_MAPPING = PaceInfo(pace_oid(6, CipherSuite.AES128), 2, 13)
CURVE = CurveAgreement(CURVES[13])
STATIC = AgreementKey(CURVE, 0x1234567890ABCDEF1234567890ABCDEF, 13)
OTHER = AgreementKey(CURVE, 0x234567890ABCDEF1234567890ABCDEF1, 72)
Transceive = Callable[[bytes], bytes]
NUMBER = "123456"


def state(evidence: ChipEvidence, protocol: str) -> ProtocolState:
    return evidence.outcome(protocol).state


def refusing(chip: SimulatedChip, begin: str, answer: str) -> Transceive:
    """The chip, but commands that begin so get this answer."""
    return lambda raw: bytes.fromhex(answer) if raw.startswith(bytes.fromhex(begin)) else chip.transceive(raw)


def key_info(key: AgreementKey) -> bytes:
    assert isinstance(key.agreement, CurveAgreement)
    point = key.agreement.multiply(key.private, key.agreement.base)
    return encode_key_info(key.agreement, key.agreement.encode(point), key.key_id)


def card_security(*keys: AgreementKey) -> bytes:
    """EF.CardSecurity around the public keys; nobody signed it, which is not looked at here."""
    content = encode_tlv(0x04, encode_security_infos(keys=tuple(map(key_info, keys))))
    encapsulated = encode_sequence(encode_object_identifier("0.4.0.127.0.7.3.2.1"), encode_tlv(0xA0, content))
    signed = encode_sequence(encode_integer(3), encode_tlv(0x31, b""), encapsulated, encode_tlv(0x31, b""))
    return encode_sequence(encode_object_identifier("1.2.840.113549.1.7.2"), encode_tlv(0xA0, signed))


def mapping_files(*keys: AgreementKey) -> dict[ElementaryFile, bytes]:
    return passport_files(None, (BY_MAPPING, PACE_AES128)) | {ElementaryFile.CARD_SECURITY: card_security(*keys)}


def mapping_chip(files: Mapping[ElementaryFile, bytes], *keys: AgreementKey) -> SimulatedChip:
    return SimulatedChip(ChipPersonalisation(INFORMATION, files, agreement_keys=keys), entropy(1))


# -- PACE and BAC ------------------------------------------------------------------------------------------------------


def test_a_refused_pace_gives_way_to_bac() -> None:
    chip = simulated_chip(passport_files(None))
    evidence = read(refusing(chip, "1086", "6985"))
    assert (state(evidence, "pace"), evidence.outcome("pace").sw) == (REFUSED, 0x6985)
    assert state(evidence, "bac") is COMPLETED


def test_bac_does_not_follow_a_refusal_where_the_policy_says_so() -> None:
    chip = simulated_chip(passport_files(None))
    evidence = read(refusing(chip, "1086", "6985"), ReadRequest(INFORMATION, policy=AccessPolicy(bac_after_refusal=False)))
    assert (state(evidence, "pace"), state(evidence, "bac")) == (REFUSED, NOT_RUN)
    assert evidence.outcome("bac").detail == "the policy leaves BAC out after a PACE that was refused"
    assert set(evidence.files) == {ElementaryFile.CARD_ACCESS}


def wrong_token(chip: SimulatedChip) -> Transceive:
    """Somebody on the wire changes the chip's token."""

    def transceive(raw: bytes) -> bytes:
        response = chip.transceive(raw)
        return response[:-3] + bytes((response[-3] ^ 1,)) + response[-2:] if raw[:2] == b"\x00\x86" else response

    return transceive


def test_bac_does_not_follow_a_pace_that_broke() -> None:
    """Downgrade: who breaks PACE on the wire gets no BAC, unless the agency decides so."""
    files = passport_files(None)
    evidence = read(wrong_token(simulated_chip(files)))
    assert (state(evidence, "pace"), state(evidence, "bac")) == (BROKEN, NOT_RUN)
    assert evidence.outcome("bac").detail == "the policy leaves BAC out after a PACE that broke"
    assert set(evidence.files) == {ElementaryFile.CARD_ACCESS}
    lax = read(wrong_token(simulated_chip(files)), ReadRequest(INFORMATION, policy=AccessPolicy(bac_after_broken=True)))
    assert (state(lax, "pace"), state(lax, "bac")) == (BROKEN, COMPLETED)


def test_bac_can_be_left_out_altogether() -> None:
    files = passport_files(None, ())
    evidence = read(simulated_chip(files, pace=False).transceive, ReadRequest(INFORMATION, policy=AccessPolicy(allow_bac=False)))
    assert (state(evidence, "pace"), state(evidence, "bac")) == (NOT_OFFERED, NOT_RUN)
    assert not evidence.files


def test_the_policy_can_put_bac_first() -> None:
    policy = AccessPolicy(pace_before_bac=False)
    evidence = read(simulated_chip(passport_files(None)).transceive, ReadRequest(INFORMATION, policy=policy))
    assert (state(evidence, "pace"), state(evidence, "bac")) == (NOT_RUN, COMPLETED)


def test_unsound_parameters_are_a_pace_that_broke() -> None:
    """A chip whose only offer is a weak curve is not run with, and the reason is on record."""
    offer = PaceInfo(pace_oid(2, CipherSuite.AES128), 2, 40)
    weak = (PaceDomainParameters("0.4.0.127.0.7.2.2.4.2", None, 40), CurveAgreement(ANOMALOUS))
    files = passport_files(None) | {ElementaryFile.CARD_ACCESS: encode_security_infos((offer,), (weak,))}
    evidence = read(simulated_chip(files).transceive)
    assert state(evidence, "pace") is BROKEN
    assert "an anomalous curve" in evidence.outcome("pace").detail
    assert not any(exchange.ins == 0x86 for exchange in evidence.transcript)


def test_own_parameters_can_be_left_out_of_both_protocols() -> None:
    """Judging what a chip spells out costs time; an agency that does not want it is not made to judge chip authentication's."""
    own = CurveAgreement(SOUND)
    key = AgreementKey(own, 0x1234567890ABCDEF1234567890ABCDEF, None)
    infos = encode_security_infos(
        chip_authentication=(ChipAuthenticationInfo(chip_authentication_oid(CipherSuite.AES128)),), keys=(key_info(key),)
    )
    files = passport_files(None) | {ElementaryFile.DG14: encode_tlv(0x6E, infos)}

    def chip() -> SimulatedChip:
        return SimulatedChip(ChipPersonalisation(INFORMATION, files, agreement_keys=(key,)), entropy(1))

    assert state(read(chip().transceive), "chip_authentication") is COMPLETED
    evidence = read(chip().transceive, ReadRequest(INFORMATION, policy=AccessPolicy(own_parameters=False)))
    assert state(evidence, "chip_authentication") is NOT_OFFERED
    assert "may use" in evidence.outcome("chip_authentication").detail
    assert sum(exchange.ins == 0x22 for exchange in evidence.transcript) == 1


# -- passwords ---------------------------------------------------------------------------------------------------------


def test_the_card_access_number_comes_first() -> None:
    chip = simulated_chip(passport_files(None), options=ChipOptions(card_access_number=NUMBER))
    evidence = read(chip.transceive, ReadRequest(INFORMATION, card_access_number=NUMBER))
    assert (state(evidence, "pace"), evidence.outcome("pace").detail) == (COMPLETED, "")
    assert sum(exchange.ins == 0x22 for exchange in evidence.transcript) == 1


def test_a_refused_card_access_number_gives_way_to_the_mrz() -> None:
    chip = simulated_chip(passport_files(None), options=ChipOptions(card_access_number=NUMBER))
    evidence = read(chip.transceive, ReadRequest(INFORMATION, card_access_number="654321"))
    assert state(evidence, "pace") is COMPLETED
    assert evidence.outcome("pace").detail == "the card access number was refused (6300)"
    assert ElementaryFile.DG2 in evidence.files


def test_a_chip_without_card_access_number() -> None:
    evidence = read(simulated_chip(passport_files(None)).transceive, ReadRequest(INFORMATION, card_access_number=NUMBER))
    assert state(evidence, "pace") is COMPLETED
    assert evidence.outcome("pace").detail == "the card access number was refused (6A88)"


def test_both_passwords_refused() -> None:
    chip = simulated_chip(passport_files(None), options=ChipOptions(card_access_number=NUMBER))
    request = ReadRequest(WRONG_INFORMATION, card_access_number="654321")
    evidence = read(chip.transceive, request)
    assert (state(evidence, "pace"), state(evidence, "bac")) == (REFUSED, REFUSED)
    assert not set(evidence.files) - {ElementaryFile.CARD_ACCESS}


def test_a_card_access_number_that_breaks_the_protocol_gives_no_second_try() -> None:
    chip = simulated_chip(passport_files(None), options=ChipOptions(card_access_number=NUMBER))
    evidence = read(wrong_token(chip), ReadRequest(INFORMATION, card_access_number=NUMBER))
    assert state(evidence, "pace") is BROKEN
    assert sum(exchange.ins == 0x22 for exchange in evidence.transcript) == 1


# -- chip authentication mapping ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("announced", [(STATIC,), (OTHER, STATIC), (replace(STATIC, key_id=None),)])
def test_chip_authentication_mapping(announced: tuple[AgreementKey, ...]) -> None:
    """The key is the only one, or the one with the number of the parameters, whichever stands first."""
    files = mapping_files(*announced)
    evidence = read(mapping_chip(files, *announced).transceive)
    assert evidence.outcome("pace").variant == "ecdh-cam-aes-128-brainpoolP256r1"
    assert state(evidence, "chip_authentication_mapping") is COMPLETED
    assert evidence.files[ElementaryFile.CARD_SECURITY] == files[ElementaryFile.CARD_SECURITY]
    assert ElementaryFile.DG2 in evidence.files
    (proof,) = evidence.proofs
    assert verify_mapping_proof(files[ElementaryFile.CARD_SECURITY], proof, CURVE, 13)


def test_a_clone_does_not_prove_itself_by_the_mapping() -> None:
    """The files are those of a genuine chip, whose key could not be copied: PACE works, the proof does not."""
    files = mapping_files(STATIC)
    evidence = read(mapping_chip(files, replace(OTHER, key_id=13)).transceive)
    assert state(evidence, "pace") is COMPLETED
    assert state(evidence, "chip_authentication_mapping") is BROKEN
    assert evidence.outcome("chip_authentication_mapping").detail
    assert ElementaryFile.DG2 in evidence.files


def test_the_wrong_one_of_two_keys_does_not_fit() -> None:
    """A chip that proves the key of another purpose has not proved the one with the number of the parameters."""
    files = mapping_files(STATIC, OTHER)
    evidence = read(mapping_chip(files, replace(OTHER, key_id=13)).transceive)
    assert state(evidence, "chip_authentication_mapping") is BROKEN


def _cut_data(response: bytes) -> bytes:
    """The last answer without the chip authentication data."""
    return b"\x7c\x0a" + response[2:12] + response[-2:]


def _flip_data(response: bytes) -> bytes:
    return response[:-3] + bytes((response[-3] ^ 1,)) + response[-2:]


@pytest.mark.parametrize("change", [_cut_data, _flip_data])
def test_changed_chip_authentication_data(change: Callable[[bytes], bytes]) -> None:
    chip = mapping_chip(mapping_files(STATIC), STATIC)

    def transceive(raw: bytes) -> bytes:
        response = chip.transceive(raw)
        return change(response) if raw[:2] == b"\x00\x86" else response

    evidence = read(transceive)
    assert state(evidence, "pace") is COMPLETED
    assert state(evidence, "chip_authentication_mapping") is BROKEN


def test_no_card_security() -> None:
    files = mapping_files(STATIC)
    del files[ElementaryFile.CARD_SECURITY]
    evidence = read(mapping_chip(files, STATIC).transceive)
    assert state(evidence, "pace") is COMPLETED
    assert evidence.outcome("chip_authentication_mapping").state is REFUSED
    assert evidence.proofs == ()
    assert ElementaryFile.DG2 in evidence.files


def test_card_security_that_breaks_the_session() -> None:
    """The session is begun anew and the rest of the document is read; the proof stays undone."""
    chip, broken = mapping_chip(mapping_files(STATIC), STATIC), False

    def transceive(raw: bytes) -> bytes:
        nonlocal broken
        if raw[:3] == b"\x0c\xb0\x9d" and not broken:
            broken = True
            return b"\x69\x88"
        return chip.transceive(raw)

    evidence = read(transceive)
    assert state(evidence, "chip_authentication_mapping") is not COMPLETED
    assert ElementaryFile.DG2 in evidence.files


def test_malformed_card_security() -> None:
    files = mapping_files(STATIC) | {ElementaryFile.CARD_SECURITY: b"\x30\x03\x06\x01\x2a"}
    evidence = read(mapping_chip(files, STATIC).transceive)
    assert state(evidence, "chip_authentication_mapping") is BROKEN


def test_generic_mapping_proves_nothing() -> None:
    evidence = read(simulated_chip(passport_files(None)).transceive)
    assert state(evidence, "chip_authentication_mapping") is NOT_RUN
    assert evidence.proofs == ()


# -- quirks ------------------------------------------------------------------------------------------------------------


def test_an_offer_without_a_number() -> None:
    """Spanish passports (ZeroPass/dmrtd #43): the usual curve is tried, DO 84 is left out, and the quirk is noted."""
    chip = simulated_chip(passport_files(None))
    seen: list[bytes] = []

    def transceive(raw: bytes) -> bytes:
        seen.append(raw)
        return chip.transceive(raw)

    start = encode_card_access((replace(PACE_AES128, parameter_id=None),))

    def stripped(raw: bytes) -> bytes:
        return start + b"\x90\x00" if raw[:3] == b"\x00\xb0\x9c" else transceive(raw)

    evidence = read(stripped)
    assert state(evidence, "pace") is COMPLETED
    assert not any(b"\x84\x01" in raw for raw in seen if raw[:4] == b"\x00\x22\xc1\xa4")
    assert any(outcome.variant == "no_parameter_id" for outcome in evidence.protocols if outcome.protocol == "quirk")


@pytest.mark.parametrize(
    ("sw", "quirk"), [("6a86", "master_file_6a86"), ("6a87", "master_file_6a87"), ("6985", "master_file_6985")]
)
def test_a_master_file_that_cannot_be_selected(sw: str, quirk: str) -> None:
    """The first reading of EF.CardAccess fails as well, so that the selection is tried."""
    chip, failed = simulated_chip(passport_files(None)), False

    def transceive(raw: bytes) -> bytes:
        nonlocal failed
        if raw[:4] == b"\x00\xa4\x00\x0c":
            return bytes.fromhex(sw)
        if raw[:3] == b"\x00\xb0\x9c" and not failed:
            failed = True
            return b"\x69\x86"
        return chip.transceive(raw)

    evidence = read(transceive)
    assert state(evidence, "pace") is COMPLETED
    assert any(outcome.variant == quirk for outcome in evidence.protocols if outcome.protocol == "quirk")
