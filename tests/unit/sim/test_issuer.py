"""The simulated State: what it issues is what its defects say, and the openssl program agrees with its signatures."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from drivers.sim.passport.certification import SigningKind
from drivers.sim.passport.chip_active import sign_challenge
from drivers.sim.passport.issuer import OLDER_CHIP, ActiveKind, ChipKind, Defect, PaceWay, PersonData, SimulatedIssuer
from egate.model.document import ElementaryFile
from egate.model.errors import ChipError
from egate.mrtd.active_auth import RsaKey, parse_public_key, verify_response
from egate.mrtd.files.face_record import parse_dg2
from egate.mrtd.files.lds import parse_com, parse_dg1, parse_dg15
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.files.security_infos import parse_card_access, parse_dg14
from egate.pki.asn1 import unwrap_application
from egate.pki.certificate import parse_certificate
from egate.pki.cms import parse_signed_data
from egate.pki.passive_auth import ChainState, HashState, SignatureState, hash_state, inspect_security_object
from tests.unit.sim.sample_state import ERIKA, PORTRAIT, SIZE, TODAY, chip, seeded, trust, utopia

DG1, DG2, DG14, DG15, SOD = (ElementaryFile[name] for name in ("DG1", "DG2", "DG14", "DG15", "SOD"))


def test_files_parse_and_say_what_was_asked() -> None:
    files = chip().files
    assert parse_com(files[ElementaryFile.COM]).files == (DG1, DG2, DG14)
    assert parse_dg1(files[DG1]) == parse_mrz(utopia().mrz_lines(ERIKA))
    assert parse_dg2(files[DG2]).image == PORTRAIT
    assert parse_card_access(files[ElementaryFile.CARD_ACCESS]).pace[0].parameter_id == 13
    assert len(parse_dg14(files[DG14]).chip_authentication_keys) == 1


def test_printed_lines_add_up() -> None:
    mrz = parse_mrz(utopia().mrz_lines(ERIKA))
    assert mrz.failed_check_digits == ()
    assert (mrz.issuing_state, mrz.surname, mrz.date_of_birth) == ("UTO", "MUSTERMANN", "900102")


CLASSIC = (Defect.NONE, Defect.CLONED, Defect.FORGED_DATA, Defect.UNKNOWN_ISSUER)


@pytest.mark.parametrize("kind", SigningKind)
@pytest.mark.parametrize("defect", CLASSIC)
def test_defect_shows_where_it_should_and_only_there(kind: SigningKind, defect: Defect) -> None:
    files = chip(kind, defect).files
    findings = inspect_security_object(files[SOD], trust(kind), TODAY)
    assert findings.signature is SignatureState.VERIFIED
    unknown = defect is Defect.UNKNOWN_ISSUER
    assert findings.chain is (ChainState.UNKNOWN_ISSUER if unknown else ChainState.TRUSTED)
    forged = defect is Defect.FORGED_DATA
    assert hash_state(findings, 1, files[DG1]) is (HashState.DIFFERS if forged else HashState.MATCHES)
    assert hash_state(findings, 2, files[DG2]) is HashState.MATCHES
    assert hash_state(findings, 14, files[DG14]) is HashState.MATCHES


@pytest.mark.parametrize("defect", CLASSIC)
def test_only_a_clone_lacks_the_key_that_dg14_announces(defect: Defect) -> None:
    personalisation = chip(defect=defect)
    announced = parse_dg14(personalisation.files[DG14]).chip_authentication_keys[0].point
    assert personalisation.chip_authentication_key is not None
    assert announced is not None
    held = personalisation.chip_authentication_key.public_key().public_numbers()
    assert ((held.x, held.y) != (announced.x, announced.y)) is (defect is Defect.CLONED)


def test_older_passport_has_a_signing_key_and_nothing_newer() -> None:
    personalisation = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=OLDER_CHIP)
    assert set(personalisation.files) == {ElementaryFile.COM, SOD, DG1, DG2, DG15}
    assert parse_com(personalisation.files[ElementaryFile.COM]).files == (DG1, DG2, DG15)
    findings = inspect_security_object(personalisation.files[SOD], trust(), TODAY)
    assert hash_state(findings, 15, personalisation.files[DG15]) is HashState.MATCHES
    key = parse_public_key(parse_dg15(personalisation.files[DG15]))
    assert isinstance(key, RsaKey)
    assert key.modulus.bit_length() == 2048
    assert personalisation.chip_authentication_key is None


@pytest.mark.parametrize("kind", ActiveKind)
@pytest.mark.parametrize("defect", [Defect.NONE, Defect.CLONED])
def test_only_a_clone_lacks_the_key_that_dg15_announces(kind: ActiveKind, defect: Defect) -> None:
    chip_kind = replace(OLDER_CHIP, active_authentication=kind)
    personalisation = utopia().personalise(ERIKA, PORTRAIT, SIZE, defect=defect, kind=chip_kind)
    held = personalisation.active_authentication_key
    assert held is not None
    challenge = bytes(range(8))
    announced, signature = parse_dg15(personalisation.files[DG15]), sign_challenge(held, challenge, seeded(b"sign"))
    if defect is Defect.NONE:
        assert verify_response(announced, challenge, signature).endswith("-sha256")
    else:
        with pytest.raises(ChipError, match="does not hold"):
            verify_response(announced, challenge, signature)


def test_dg14_states_how_a_curve_signs() -> None:
    files = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=ChipKind(active_authentication=ActiveKind.ECDSA)).files
    assert parse_dg14(files[DG14]).active_authentication == "0.4.0.127.0.7.1.1.4.1.3"
    assert parse_dg14(chip().files[DG14]).active_authentication is None


def test_chip_authentication_mapping_needs_its_static_key() -> None:
    with pytest.raises(ValueError, match="static key"):
        ChipKind(ways=(PaceWay("cam", parameter_id=12),))


def test_same_seed_issues_the_same_document() -> None:
    first, second = (SimulatedIssuer.create("UTO", seeded(b"again"), TODAY).personalise(ERIKA, PORTRAIT, SIZE) for _ in range(2))
    assert first.files == second.files


def test_chip_without_pace_has_no_card_access() -> None:
    personalisation = utopia().personalise(ERIKA, PORTRAIT, SIZE, kind=ChipKind(pace=False))
    assert ElementaryFile.CARD_ACCESS not in personalisation.files
    assert (personalisation.supports_pace, personalisation.supports_bac) == (False, True)


def test_state_that_is_not_played_is_refused() -> None:
    with pytest.raises(ValueError, match="UTO"):
        SimulatedIssuer.create("XYZ", seeded(b"x"), TODAY)


def test_certificates_say_what_doc_9303_12_asks() -> None:
    state = utopia()
    csca, signer = parse_certificate(state.csca.certificate), parse_certificate(state.signer.certificate)
    assert (csca.is_authority, csca.is_self_issued, csca.subject_country) == (True, True, "UT")
    assert csca.key_usage == {"key_cert_sign", "crl_sign"}
    assert not signer.is_authority
    assert signer.key_usage == {"digital_signature"}
    assert signer.document_types == {"P", "I", "A", "C"}
    assert signer.authority_key_identifier == csca.subject_key_identifier
    assert signer.signs_until is not None
    assert (signer.signs_until - signer.not_before).days == 90
    assert signer.serial_number == state.signer_serial_number


def test_personal_data_do_not_show() -> None:
    person = PersonData("SECRETNAME", "GIVENSECRET", date(1990, 1, 2), "F", "X123", date(2030, 1, 1))
    text = repr(person) + repr(utopia().personalise(person, PORTRAIT, SIZE)) + repr(utopia())
    assert not any(secret in text for secret in ("SECRETNAME", "GIVENSECRET", "X123", "1990"))


def test_long_names_are_cut_as_print_does() -> None:
    lines = utopia().mrz_lines(replace(ERIKA, given_names="Anna Maria Theresia Walburga Antonia Johanna"))
    assert [len(line) for line in lines] == [44, 44]


def openssl(folder: Path, *arguments: str) -> bool:
    """Run the openssl program in a folder; whether it says yes."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the openssl program is not installed (Debian package openssl)")
    return subprocess.run([program, *arguments], cwd=folder, check=False, timeout=20, capture_output=True).returncode == 0


CMS = ("cms", "-verify", "-inform", "DER", "-binary", "-out", "content.der", "-in")


@pytest.mark.foreign
@pytest.mark.parametrize("kind", SigningKind)
def test_openssl_verifies_the_security_object(kind: SigningKind, tmp_path: Path) -> None:
    """A foreign verifier accepts the signature over our hashes, hands out the same content, and refuses a changed hash."""
    sod = unwrap_application(chip(kind).files[SOD], 0x17, "test")
    (tmp_path / "sod.cms").write_bytes(sod)
    assert openssl(tmp_path, *CMS, "sod.cms", "-noverify")
    content = (tmp_path / "content.der").read_bytes()
    assert content == parse_signed_data(sod).content
    digest = sha256(chip(kind).files[DG2]).digest()
    assert digest in content
    (tmp_path / "changed.cms").write_bytes(sod.replace(digest, sha256(b"another portrait").digest()))
    assert not openssl(tmp_path, *CMS, "changed.cms", "-noverify")


@pytest.mark.foreign
@pytest.mark.parametrize("defect", [Defect.NONE, Defect.UNKNOWN_ISSUER])
def test_openssl_agrees_about_the_chain(defect: Defect, tmp_path: Path) -> None:
    """The whole chain, with RSA: openssl 3 refuses explicit curve parameters, which Doc 9303-12 demands, in any chain."""
    kind = SigningKind.RSA_PSS
    (tmp_path / "sod.cms").write_bytes(unwrap_application(chip(kind, defect).files[SOD], 0x17, "test"))
    (tmp_path / "csca.der").write_bytes(utopia(kind).csca_certificate)
    assert openssl(tmp_path, "x509", "-inform", "DER", "-in", "csca.der", "-out", "csca.pem")
    accepted = openssl(tmp_path, *CMS, "sod.cms", "-CAfile", "csca.pem", "-purpose", "any", "-no_check_time")
    assert accepted is (defect is Defect.NONE)


@pytest.mark.foreign
@pytest.mark.parametrize("kind", [SigningKind.ECDSA_BRAINPOOL, SigningKind.ECDSA_NIST])
def test_openssl_verifies_the_certificate_with_the_csca_key(kind: SigningKind, tmp_path: Path) -> None:
    """For elliptic curves the signature itself: the signer's certificate holds under the CSCA key, the impostor's does not."""
    state = utopia(kind)
    (tmp_path / "csca.der").write_bytes(state.csca_certificate)
    assert openssl(tmp_path, "x509", "-inform", "DER", "-in", "csca.der", "-out", "csca.pem")
    assert openssl(tmp_path, "x509", "-in", "csca.pem", "-pubkey", "-noout", "-out", "key.pem")
    for authority, expected in ((state.signer, True), (state.impostor, False)):
        certificate = parse_certificate(authority.certificate)
        (tmp_path / "signed").write_bytes(certificate.signed_part)
        (tmp_path / "signature").write_bytes(certificate.signature)
        assert openssl(tmp_path, "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "signed") is expected
