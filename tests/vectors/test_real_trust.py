"""Every certificate and every list that States really published: parsed, keyed, and verified wherever its key is at hand.

The counts are exact, and what cannot be verified is named with its reason. The data are not in this repository (see
`tests/shared_data.py`); their origins are in the SOURCES.md beside them.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import pytest

from egate.model.errors import TrustError
from egate.pki.asn1 import CscaMasterList, elements
from egate.pki.certificate import Certificate, parse_certificate, verify_certificate
from egate.pki.cms import SignedData, find_signer_certificate, parse_signed_data, verify_signer
from egate.pki.keys import EllipticKey, PublicKey, RsaKey, SignatureKind, UnusableKey
from egate.pki.passive_auth import ChainState, SignatureState, inspect_card_security, inspect_security_object
from egate.pki.revocation import parse_revocation_list, verify_revocation_list
from egate.pki.trust_store import MAXIMUM_CERTIFICATES, TrustStore, verify_master_list
from tests.shared_data import shared_path

GERMAN, DUTCH = "DE_ML_2024-08-07-07-38-24.ml", "NL_MASTERLIST_20211207.mls"

ISSUER_ABSENT = "its authority key identifier names a key that is not in the list"
NO_IDENTIFIER = "it names no authority key, and no key of the list made its signature"

UNVERIFIABLE = {
    ("AE", 91): ISSUER_ABSENT,
    ("AT", 439055973246846749): ISSUER_ABSENT,
    ("AU", 6199): ISSUER_ABSENT,
    ("LV", 10151): NO_IDENTIFIER,
    ("PT", 3160318403665554025): ISSUER_ABSENT,
    ("TR", 1590020818589539926): ISSUER_ABSENT,
    ("UZ", 3940534052671477496): ISSUER_ABSENT,
}
"""The certificates of the German list that nothing in it can verify: country, serial number, why. All are links or cross
certificates from a key that Germany does not list."""


@cache
def master_list(name: str) -> tuple[SignedData, tuple[Certificate, ...]]:
    """A list and its certificates."""
    signed = parse_signed_data(shared_path("mrtd", "masterlists", name).read_bytes())
    content = bytes(CscaMasterList.load(signed.content, strict=True)["certificates"].contents)
    return signed, tuple(parse_certificate(der) for der in elements(content, MAXIMUM_CERTIFICATES))


def made(certificate: Certificate, key: PublicKey) -> bool:
    """Whether a key made a certificate's signature."""
    try:
        verify_certificate(certificate, key)
    except TrustError:
        return False
    return True


def verified_by(certificate: Certificate, listed: tuple[Certificate, ...]) -> str:
    """`own` key, `other` key of the list, or why not."""
    if made(certificate, certificate.public_key):
        return "own"
    if any(made(certificate, entry.public_key) for entry in listed):
        return "other"
    named = certificate.authority_key_identifier
    if not named:
        return NO_IDENTIFIER
    return "named and not verified" if any(named == entry.subject_key_identifier for entry in listed) else ISSUER_ABSENT


@pytest.mark.parametrize(("name", "certificates", "elliptic"), [(GERMAN, 541, 130), (DUTCH, 306, 60)])
def test_every_certificate_is_parsed_with_a_usable_key_and_a_known_signature(name: str, certificates: int, elliptic: int) -> None:
    _, listed = master_list(name)
    assert len(listed) == certificates
    assert [entry for entry in listed if isinstance(entry.public_key, UnusableKey) or entry.scheme is None] == []
    assert sum(isinstance(entry.public_key, EllipticKey) for entry in listed) == elliptic
    assert sum(isinstance(entry.public_key, RsaKey) for entry in listed) == certificates - elliptic
    assert all(len(entry.subject_country) == 2 for entry in listed)


@pytest.mark.parametrize(("name", "own", "other"), [(GERMAN, 358, 176), (DUTCH, 306, 0)])
def test_every_signature_that_can_be_verified_is_and_the_rest_is_named(name: str, own: int, other: int) -> None:
    _, listed = master_list(name)
    found = {(entry.subject_country, entry.serial_number): verified_by(entry, listed) for entry in listed}
    ways = [verified_by(entry, listed) for entry in listed if made(entry, entry.public_key)]
    left = {key: why for key, why in found.items() if why not in ("own", "other")}
    assert len(ways) == own
    assert len(listed) - own - len(left) == other
    assert left == (UNVERIFIABLE if name == GERMAN else {})


def test_ways_of_signing_in_both_lists() -> None:
    """What has to be verifiable, by number: the schemes of all 847 certificates."""
    schemes = [entry.scheme for name in (GERMAN, DUTCH) for entry in master_list(name)[1]]
    kinds = {kind: sum(scheme is not None and scheme.kind is kind for scheme in schemes) for kind in SignatureKind}
    assert kinds == {SignatureKind.RSA_PKCS1: 493, SignatureKind.RSA_PSS: 174, SignatureKind.ECDSA: 180}
    assert {scheme.salt_bytes for scheme in schemes if scheme and scheme.kind is SignatureKind.RSA_PSS} == {20, 32, 48, 64}


@pytest.mark.parametrize("name", [GERMAN, DUTCH])
def test_signature_of_each_list_holds(name: str) -> None:
    signed, _ = master_list(name)
    certificate = find_signer_certificate(signed.signers[0], signed.certificates)
    assert certificate is not None
    verify_signer(signed, signed.signers[0], certificate)


def test_verified_list_gives_its_certificates_byte_for_byte_and_its_signer() -> None:
    data = shared_path("mrtd", "masterlists", GERMAN).read_bytes()
    signed, listed = master_list(GERMAN)
    anchors = [entry.der for entry in signed.certificates if entry.serial_number == 1163]
    trusted = TrustStore.from_certificates(anchors, "pinned", date(2024, 9, 1))
    ders, signer = verify_master_list(data, trusted, date(2024, 9, 1))
    assert ders == tuple(entry.der for entry in listed)
    assert signer.extended_key_usage == {"2.23.136.1.1.3"}
    with pytest.raises(TrustError, match="no trusted signer"):
        verify_master_list(data, TrustStore.from_certificates([], "nobody", date(2024, 9, 1)), date(2024, 9, 1))


def test_every_certificate_survives_its_cache() -> None:
    for entry in (entry for name in (GERMAN, DUTCH) for entry in master_list(name)[1]):
        again = Certificate.from_cache(entry.to_cache())
        assert all(getattr(again, name) == getattr(entry, name) for name in Certificate.__slots__)


def certificate_files() -> dict[str, Certificate]:
    """The single certificates, by file name."""
    paths = sorted(shared_path("mrtd", "certs").rglob("*"))
    return {path.name: parse_certificate(path.read_bytes()) for path in paths if path.suffix in {".cer", ".der"}}


def test_every_single_certificate_is_verified_by_one_of_all_keys_but_one() -> None:
    """The signer that is left is of the ETSI set, whose second CSCA was never published."""
    files = certificate_files()
    assert len(files) == 25
    everybody = tuple({entry.der: entry for entry in (*files.values(), *master_list(GERMAN)[1], *master_list(DUTCH)[1])}.values())
    left = [name for name, entry in files.items() if not any(made(entry, other.public_key) for other in everybody)]
    assert left == ["dsc_de_0142fd5cf927.cer"]


LISTS = [
    ("COL.crl", "CO", 15, 891, date(2020, 8, 6), 1),
    ("crl_ca_fp_277f80576b.crl", "CA", 18, 188, date(2021, 10, 6), 2),
    ("crl_cn_fp_3d2e24fd5f.crl", "CN:HONG KONG CHINA", 0, 64, date(2021, 8, 9), 1),
    ("crl_gb_fp_85824ab57b.crl", "GB", 423, 459, date(2021, 9, 22), 2),
    ("crl_us_fp_ec0ddb2ee9.crl", "US", 0, 3084, date(2021, 8, 4), 2),
]


@pytest.mark.parametrize(("name", "scope", "entries", "number", "due", "keys"), LISTS)
def test_every_revocation_list_is_read_and_verified(
    name: str, scope: str, entries: int, number: int, due: date, keys: int
) -> None:
    found = parse_revocation_list(shared_path("mrtd", "crl", name).read_bytes())
    assert (found.country, found.scope) == (scope[:2], scope)
    assert (len(found.serial_numbers), found.number) == (entries, number)
    assert found.next_update == due
    assert found.is_current_on(due, timedelta(0))
    assert not found.is_current_on(due + timedelta(days=1), timedelta(0))
    assert found.is_current_on(due + timedelta(days=1), timedelta(days=1))
    everybody = {entry.der: entry for list_name in (GERMAN, DUTCH) for entry in master_list(list_name)[1]}.values()
    signers = 0
    for entry in everybody:
        try:
            verify_revocation_list(found, entry.public_key)
        except TrustError:
            continue
        assert entry.subject_country == found.country
        signers += 1
    assert signers == keys


def test_lists_of_china_and_hong_kong_do_not_stand_for_each_other() -> None:
    """The list whose country is CN is that of Hong Kong: it says nothing about certificates of the mainland and of Macao."""
    _, listed = master_list(GERMAN)
    everybody = TrustStore.from_parts(listed, "DE", date(2024, 8, 7))
    hong_kong = parse_revocation_list(shared_path("mrtd", "crl", "crl_cn_fp_3d2e24fd5f.crl").read_bytes())
    store = everybody.with_revocations(hong_kong)
    covered = {entry.serial_number: store.revocations_for(entry) for entry in listed if entry.subject_country == "CN"}
    assert covered[3790791237332320935] == hong_kong
    assert covered[4849888973125910530] is None
    assert covered[51] is None


SODS = [
    (("sod_sets", "ef.sod_si_454CB206.bin"), SignatureState.VERIFIED, ChainState.TRUSTED),
    (("sod_sets", "nl_loes2006", "ef011D.bin"), SignatureState.VERIFIED, ChainState.UNKNOWN_ISSUER),
    (("sod_sets", "hjp_tr03105_5", "EF_SOD.bin"), SignatureState.VERIFIED, ChainState.UNKNOWN_ISSUER),
]
"""The specimen of 2006 and the reference set have test CSCAs that nobody lists, and nobody should."""


@pytest.mark.parametrize(("path", "signature", "chain"), SODS, ids=["Slovenia", "Netherlands 2006", "TR-03105-5"])
def test_every_security_object_is_verified_and_found_out_about(
    path: tuple[str, ...], signature: SignatureState, chain: ChainState
) -> None:
    store = TrustStore.from_parts(master_list(GERMAN)[1], "DE", date(2024, 8, 7))
    found = inspect_security_object(shared_path("mrtd", *path).read_bytes(), store, date(2024, 8, 7))
    assert (found.signature, found.chain) == (signature, chain)
    assert [made.over for made in found.signatures][:1] == ["security object"]


def test_card_security_of_the_reference_chip_is_not_believed() -> None:
    """It has no signed attributes and its content is a SET, so its signature could be that over another object's attributes."""
    nobody = TrustStore.from_certificates([], "nobody", date(2020, 1, 1))
    found = inspect_card_security(shared_path("mrtd", "certs", "efcardsecurity.dump").read_bytes(), nobody, date(2015, 1, 1))
    assert (found.signature, found.signature_reason) == (SignatureState.INVALID, "no signed attributes")
