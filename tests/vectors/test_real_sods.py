"""Passive authentication over security objects, certificates and lists that States and test laboratories really made.

The data are not in this repository (see `tests/shared_data.py`); their origins are in the SOURCES.md beside them.
"""

from __future__ import annotations

from datetime import date

import pytest

from egate.model.errors import TrustError
from egate.pki.certificate import Certificate, parse_certificate, verify_certificate
from egate.pki.cms import parse_signed_data, verify_signer
from egate.pki.keys import EllipticKey, UnusableKey
from egate.pki.passive_auth import ChainState, HashState, SignatureState, hash_state, inspect_security_object
from egate.pki.revocation import parse_revocation_list
from egate.pki.trust_store import TrustStore, load_master_list
from tests.shared_data import shared_path

NOBODY = TrustStore.from_certificates([], "nobody", date(2020, 1, 1))
DUTCH_DAY, GERMAN_DAY = date(2022, 1, 1), date(2024, 9, 1)


def read(*parts: str) -> bytes:
    return shared_path("mrtd", *parts).read_bytes()


def store(*names: str) -> TrustStore:
    return TrustStore.from_certificates([read("certs", name) for name in names], "certs", date(2020, 1, 1))


def german_list() -> TrustStore:
    """The German list, its signer anchored in the CSCA certificate that comes with it, pinned here by its serial number."""
    data = read("masterlists", "DE_ML_2024-08-07-07-38-24.ml")
    anchors = [entry for entry in parse_signed_data(data).certificates if entry.serial_number == 1163]
    trusted = TrustStore.from_certificates([entry.der for entry in anchors], "pinned", GERMAN_DAY)
    return load_master_list(data, trusted, "DE 2024-08-07", GERMAN_DAY)


def test_dutch_specimen_signature_and_every_hash() -> None:
    """SHA-256 with RSA, no chain: its test CSCA was never published."""
    findings = inspect_security_object(read("sod_sets", "nl_loes2006", "ef011D.bin"), NOBODY, date(2007, 1, 1))
    assert findings.signature is SignatureState.VERIFIED
    assert findings.chain is ChainState.UNKNOWN_ISSUER
    states = {n: hash_state(findings, n, read("sod_sets", "nl_loes2006", f"ef01{n:02X}.bin")) for n in (1, 2, 15)}
    assert states == dict.fromkeys((1, 2, 15), HashState.MATCHES)
    assert sorted(findings.hashes) == [1, 2, 15]


def test_pss_security_object_of_the_reference_set() -> None:
    """RSASSA-PSS with an RSASSA-PSS key; DG15 of the set is not among the signed hashes."""
    findings = inspect_security_object(read("sod_sets", "hjp_tr03105_5", "EF_SOD.bin"), NOBODY, date(2014, 1, 1))
    assert findings.signature is SignatureState.VERIFIED
    states = [hash_state(findings, n, read("sod_sets", "hjp_tr03105_5", f"Datagroup{n}.bin")) for n in (1, 14, 15)]
    assert states == [HashState.MATCHES, HashState.MATCHES, HashState.NOT_LISTED]


def test_slovenian_security_object_chains_to_its_csca() -> None:
    sod = read("sod_sets", "ef.sod_si_454CB206.bin")
    findings = inspect_security_object(sod, store("csca_si_448831f1.cer"), date(2020, 1, 1))
    assert (findings.signature, findings.chain) == (SignatureState.VERIFIED, ChainState.TRUSTED)
    assert findings.csca_country == "SI"
    assert hash_state(findings, 15, read("sod_sets", "ef.dg15_ef.sod_si_454CB206.bin")) is HashState.MATCHES


def test_slovenian_security_object_chains_to_the_german_list() -> None:
    """The CSCA is found among 540 by its key, although the list was signed by another State."""
    findings = inspect_security_object(read("sod_sets", "ef.sod_si_454CB206.bin"), german_list(), GERMAN_DAY)
    assert (findings.chain, findings.csca_country) == (ChainState.TRUSTED, "SI")


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (date(2014, 5, 7), ChainState.SIGNER_NOT_VALID),
        (date(2014, 5, 8), ChainState.TRUSTED),
        (date(2024, 9, 5), ChainState.TRUSTED),
        (date(2024, 9, 6), ChainState.SIGNER_NOT_VALID),
    ],
)
def test_slovenian_signer_is_valid_within_its_days(day: date, state: ChainState) -> None:
    sod = read("sod_sets", "ef.sod_si_454CB206.bin")
    assert inspect_security_object(sod, store("csca_si_448831f1.cer"), day).chain is state


def test_one_changed_byte_is_never_verified() -> None:
    """Every 7th byte of a real security object, one bit turned: no such object is both signed and trusted."""
    sod = read("sod_sets", "ef.sod_si_454CB206.bin")
    trust = store("csca_si_448831f1.cer")
    genuine = inspect_security_object(sod, trust, date(2020, 1, 1))
    for place in range(0, len(sod), 7):
        changed = bytearray(sod)
        changed[place] ^= 1
        found = inspect_security_object(bytes(changed), trust, date(2020, 1, 1))
        accepted = found.signature is SignatureState.VERIFIED and found.chain is ChainState.TRUSTED
        # What is not covered by a signature (the version, the list of digest algorithms, …) may change; the hashes may not.
        assert not accepted or found.hashes == genuine.hashes, place


def test_changed_data_group_differs() -> None:
    findings = inspect_security_object(read("sod_sets", "nl_loes2006", "ef011D.bin"), NOBODY, date(2007, 1, 1))
    dg2 = bytearray(read("sod_sets", "nl_loes2006", "ef0102.bin"))
    dg2[-1] ^= 1
    assert hash_state(findings, 2, bytes(dg2)) is HashState.DIFFERS


def every_certificate() -> list[Certificate]:
    folder = shared_path("mrtd", "certs")
    return [parse_certificate(path.read_bytes()) for path in sorted(folder.rglob("*")) if path.suffix in {".cer", ".der"}]


def test_every_certificate_file_has_a_key() -> None:
    found = every_certificate()
    assert len(found) >= 24
    assert not [entry for entry in found if isinstance(entry.public_key, UnusableKey)]
    assert all(len(entry.issuer_country) == 2 for entry in found)


def test_self_signed_certificates_verify_with_their_own_key() -> None:
    """Links share the name and not the key: they are what is left."""
    unverified = []
    for entry in every_certificate():
        if entry.is_self_issued:
            try:
                verify_certificate(entry, entry.public_key)
            except TrustError:
                unverified.append(entry)
    assert all(entry.authority_key_identifier != entry.subject_key_identifier for entry in unverified)


def test_dutch_master_list_is_taken_and_every_certificate_verifies() -> None:
    """306 certificates with keys, explicit curve parameters among them; the list's signer is known from the German list."""
    data = read("masterlists", "NL_MASTERLIST_20211207.mls")
    dutch = load_master_list(data, german_list(), "NL 2021-12-07", DUTCH_DAY)
    assert (len(dutch.certificates), dutch.rejected) == (306, ())
    assert not [entry for entry in dutch.certificates if dutch.issuer_of(entry, DUTCH_DAY) is None]
    assert sum(isinstance(entry.public_key, EllipticKey) for entry in dutch.certificates) == 60


def test_german_master_list_is_taken() -> None:
    """541 certificates; one of them may not sign certificates and is left out with its reason."""
    german = german_list()
    assert len(german.certificates) == 540
    assert german.rejected == ("certificate 273: it may not sign certificates",)


def test_german_list_with_explicit_curve_signer_verifies() -> None:
    signed = parse_signed_data(read("masterlists", "DE_ML_2024-08-07-07-38-24.ml"))
    certificate = next(entry for entry in signed.certificates if "2.23.136.1.1.3" in entry.extended_key_usage)
    assert isinstance(certificate.public_key, EllipticKey)
    assert certificate.public_key.curve.name.startswith("brainpool")
    verify_signer(signed, signed.signers[0], certificate)


def test_master_list_is_refused_without_its_anchor_after_its_time_and_when_changed() -> None:
    data = read("masterlists", "NL_MASTERLIST_20211207.mls")
    german = german_list()
    with pytest.raises(TrustError, match="no trusted signer"):
        load_master_list(data, store("csca_si_448831f1.cer"), "NL", DUTCH_DAY)
    with pytest.raises(TrustError, match="no trusted signer"):
        load_master_list(data, german, "NL", date(2034, 7, 1))
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    with pytest.raises(TrustError, match="no trusted signer"):
        load_master_list(bytes(changed), german, "NL", DUTCH_DAY)


@pytest.mark.parametrize(
    ("name", "country", "entries"),
    [
        ("crl_ca_fp_277f80576b.crl", "CA", 18),
        ("crl_gb_fp_85824ab57b.crl", "GB", 423),
        ("crl_us_fp_ec0ddb2ee9.crl", "US", 0),
        ("COL.crl", "CO", 15),
    ],
)
def test_real_revocation_lists_are_signed_by_a_key_of_the_german_list(name: str, country: str, entries: int) -> None:
    revocations = parse_revocation_list(read("crl", name))
    assert (revocations.country, len(revocations.serial_numbers)) == (country, entries)
    assert german_list().with_revocations(revocations).revocations[country] is revocations
    with pytest.raises(TrustError):
        store("csca_si_448831f1.cer").with_revocations(revocations)


def test_german_document_signer_and_links_chain_by_key() -> None:
    """A signer of the ETSI set, and link certificates of Germany, Spain and Indonesia, under the keys that made them."""
    trust = store(
        "csca_de_0130846f22c2.der",
        "csca_de_1.cer",
        "csca_es_187cea1e2397dd6b4ffd64cbf777094c.cer",
        "IDN_2010_SERIES_CSCA_CERT/2010-12_CSCA.cer",
    )
    assert len(trust.certificates) == 4
    for name, issuer in (
        ("dsc_de_0130846f2b3e.cer", "csca_de_0130846f22c2.der"),
        ("lcsca_de_9d.cer", "csca_de_1.cer"),
        ("lcsca_es_672ef8b92d6ba81c59673b5c8dbcc2cc.cer", "csca_es_187cea1e2397dd6b4ffd64cbf777094c.cer"),
        ("IDN_2010_SERIES_CSCA_CERT/2016-01_CSCA_LINK.cer", "IDN_2010_SERIES_CSCA_CERT/2010-12_CSCA.cer"),
    ):
        found = trust.issuer_of(parse_certificate(read("certs", name)), date(2017, 1, 1))
        assert found is not None
        assert found.der == read("certs", issuer)
    assert trust.issuer_of(parse_certificate(read("certs", "dsc_de_0142fd5cf927.cer")), date(2017, 1, 1)) is None


def test_card_security_file_is_read_and_not_believed_without_signed_attributes() -> None:
    """This EF.CardSecurity signs its content directly, which RFC 5652 §5.3 allows for plain data only."""
    signed = parse_signed_data(read("certs", "efcardsecurity.dump"))
    assert signed.content_type == "0.4.0.127.0.7.3.2.1"
    with pytest.raises(TrustError):
        verify_signer(signed, signed.signers[0], signed.certificates[0])


def test_defective_point_is_never_a_key() -> None:
    """A real certificate whose base point is another one keeps its form and loses its key (CVE-2020-0601)."""
    der = read("certs", "DE_ROOT_CA_CSCA07.cer")
    key = parse_certificate(der).public_key
    assert isinstance(key, EllipticKey)
    generator = key.curve.encode(key.curve.generator)
    assert generator in der
    own_point = key.curve.encode(key.point)
    forged = parse_certificate(der.replace(generator, own_point, 1))
    assert isinstance(forged.public_key, UnusableKey)
