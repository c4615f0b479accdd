"""Attacks with lists that are genuine in part: signers that anybody can add, and lists of some certificates only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from drivers.sim.passport.certification import encode_revocation_list
from drivers.sim.passport.signed_objects import Deviation
from drivers.sim.passport.signing import algorithm, sign
from egate.model.errors import MalformedData
from egate.mrtd.files.tlv import encode_tlv
from egate.pki.asn1 import children, cms, core, crl
from egate.pki.cms import parse_signed_data
from egate.pki.deviations import DeviationType, DocumentFacts, parse_deviation_list
from egate.pki.revocation import parse_revocation_list
from tests.unit.sim.sample_state import TODAY, trust, utopia


def with_stranger_in_front(signed: bytes) -> bytes:
    """Signed data with another signer before the real one, who says that he signed in 2049 and uses MD5."""
    head, wrapped = children(signed)
    parts = children(children(wrapped)[0])
    (real,) = children(parts[-1])
    version, identity, _digest, attributes, *rest = children(real)
    time: Any = cms.CMSAttribute({"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime.load(UTC_2049).native})]})
    stranger = encode_tlv(
        0x30,
        version
        + identity
        + bytes(cms.DigestAlgorithm({"algorithm": "md5"}).dump())
        + encode_tlv(0xA0, b"".join(children(attributes)) + bytes(time.dump()))
        + b"".join(rest),
    )
    body = encode_tlv(0x30, b"".join(parts[:-1]) + encode_tlv(0x31, stranger + real))
    return encode_tlv(0x30, head + encode_tlv(0xA0, body))


UTC_2049 = b"\x17\x0d490101000000Z"


def test_day_and_hash_function_of_a_deviation_list_are_those_of_its_signer() -> None:
    """A stranger's day would refuse every later list as older, and his hash function would end each inspection."""
    (found,) = trust().with_deviations(with_stranger_in_front(utopia().deviation_list(Deviation())), TODAY).deviations
    assert (found.country, found.signed, found.hash_oid) == ("UT", None, "2.16.840.1.101.3.4.2.1")


def test_a_list_of_authorities_only_does_not_replace_the_whole_list() -> None:
    """It names no document signer, so the signer that was revoked would be as good as before."""
    authority = utopia().csca
    store = trust().with_revocations(parse_revocation_list(utopia().revocation_list(utopia().signer_serial_number)))
    point = core.ParsableOctetString(crl.IssuingDistributionPoint({"only_contains_ca_certs": True}).dump())
    newer: Any = crl.CertificateList.load(encode_revocation_list([], authority, TODAY, number=2))["tbs_cert_list"].copy()
    added = crl.TBSCertListExtension({"extn_id": "2.5.29.28", "critical": True, "extn_value": point})
    newer["crl_extensions"] = crl.TBSCertListExtensions([*newer["crl_extensions"], added])
    signature = sign(authority.key, authority.scheme, newer.dump())
    partial = crl.CertificateList(
        {"tbs_cert_list": newer, "signature_algorithm": algorithm(authority.scheme), "signature": signature}
    )
    with pytest.raises(MalformedData, match="some of the certificates only"):
        store.with_revocations(parse_revocation_list(partial.dump()))
    assert store.revocations["UT"].serial_numbers == {utopia().signer_serial_number}


def test_a_document_that_hides_its_day_of_issue_is_not_beyond_doubt() -> None:
    """Keys of documents of one period were found out; a copy of one of them does not hand over DG12."""
    period = (TODAY - timedelta(days=30), TODAY)
    kinds = ("2.23.136.1.1.7.1.4", "2.23.136.1.1.7.2.3")
    (found,) = trust().with_deviations(utopia().deviation_list(Deviation(kinds=kinds, issued=period)), TODAY).deviations
    hidden = DocumentFacts("P", "D23145890", None, None)
    assert [said.kind for said in found.about(hidden)] == [DeviationType.ACTIVE_AUTHENTICATION_KEY_COMPROMISED]
    assert len(found.about(replace(hidden, date_of_issue=TODAY))) == 2
    assert found.about(replace(hidden, date_of_issue=TODAY + timedelta(days=1))) == ()
    assert found.about(replace(hidden, document_code="I")) == ()


@pytest.mark.parametrize("stated", ["sha256", "sha1", "md5"])
def test_digests_of_signers_are_made_with_the_lists_own_hash_function(stated: str) -> None:
    """Looked for under the hash function of the list's signature, a signer that is named by its digest is never found."""
    signed = parse_signed_data(utopia().deviation_list(Deviation()))
    version, entries = children(signed.content)
    algorithm_of_list = bytes(cms.DigestAlgorithm({"algorithm": stated}).dump())
    content = encode_tlv(0x30, version + algorithm_of_list + entries)
    if stated == "md5":
        with pytest.raises(MalformedData):
            parse_deviation_list(b"", replace(signed, content=content), "UT")
    else:
        found = parse_deviation_list(b"", replace(signed, content=content), "UT")
        assert found.hash_oid == algos_oid(stated)


def algos_oid(name: str) -> str:
    return str(cms.DigestAlgorithm({"algorithm": name})["algorithm"].dotted)
