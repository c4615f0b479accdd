"""What becomes trusted, and what does not: each refusal here is an attack or a mistake that a lane would pay for."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drivers.sim.passport.certification import ListedDefect
from egate.model.errors import MalformedData, TrustError
from egate.pki.certificate import parse_certificate
from egate.supply.folder import Draft, Item, TrustFolder
from egate.supply.holdings import Holdings, find_one, fingerprint_of, holdings_of
from egate.supply.importing import Request, plan_import
from egate.supply.recognise import Piece, Refusal, recognise_data, recognise_file, recognise_ldif
from egate.supply.store import load_trust
from tests.unit.supply.supply_place import BY, TODAY, fingerprint, folder_with, ldif, state, take

UTOPIA, GERMANY = state(), state("D", 2)
UT, DE = UTOPIA.csca_certificate, GERMANY.csca_certificate


def held(folder: TrustFolder) -> Holdings:
    return holdings_of(folder, folder.entries())


def why(folder: TrustFolder, data: bytes, *confirmed: str, **options: bool) -> str:
    """The only reason for which an import took nothing."""
    before = folder.entries()
    report = take(folder, data, *confirmed, **options)  # type: ignore[arg-type]  # options are the flags of `take`
    assert folder.entries() == before
    assert not report.new
    (refusal,) = report.refused
    return refusal.why


def test_a_certificate_needs_its_fingerprint_to_become_an_anchor(tmp_path: Path) -> None:
    folder = TrustFolder(tmp_path)
    assert fingerprint(UT) in why(folder, UT), "the message says what to compare"
    assert "no trusted key of its State signed it" in why(folder, UT, fingerprint(UT))
    mistyped = why(folder, UT, fingerprint(DE), pin=True)
    assert "it has not the fingerprint that was given" in mistyped
    assert fingerprint(UT) not in mistyped, "nobody is shown what would be accepted"
    report = take(folder, UT, fingerprint(UT), pin=True)
    assert (report.new["UT"], report.refused) == (1, ())
    assert held(folder).of("csca")[0].hows == ("anchor",)
    assert take(folder, UT).known["UT"] == 1


def test_a_master_list_counts_under_a_pinned_key_only(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    listed = take(folder, UTOPIA.master_list(UT, DE))
    assert (listed.new, listed.known) == ({"DE": 1}, {"UT": 1})
    assert held(folder).held[fingerprint(DE)].hows == ("listed",)


def test_being_listed_is_no_licence_to_vouch_for_other_states(tmp_path: Path) -> None:
    """Germany is trusted through Utopia's list; its own list of third States is not, until somebody pins Germany."""
    folder = folder_with(tmp_path, UTOPIA)
    take(folder, UTOPIA.master_list(UT, DE))
    third = state("UTO", 9).csca_certificate
    german_list = GERMANY.master_list(DE, third)
    assert why(folder, german_list).startswith("no trusted signer; it names DE as its issuer. Pin that State's key")
    report = take(folder, german_list, fingerprint(DE))
    assert report.new["UT"] == 1
    assert "anchor" in held(folder).held[fingerprint(DE)].hows


def test_an_anchor_may_stand_in_the_list_when_its_fingerprint_is_confirmed(tmp_path: Path) -> None:
    data = UTOPIA.master_list(UT, DE)
    assert "no trusted signer" in why(TrustFolder(tmp_path / "a"), data, fingerprint(DE))
    report = take(TrustFolder(tmp_path / "b"), data, fingerprint(UT))
    assert report.new == {"UT": 1, "DE": 1}


def test_a_forged_list_is_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    data = bytearray(UTOPIA.master_list(UT, DE))
    data[data.index(DE) + 200] ^= 1
    assert "no trusted signer" in why(folder, bytes(data))


def test_a_link_certificate_carries_trust_to_the_new_key_and_no_further(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    successor, link = UTOPIA.roll_over()
    new_root = successor.csca_certificate
    assert "no trusted key of its State signed it" in why(folder, new_root)
    assert take(folder, link).new["UT"] == 1
    assert held(folder).held[fingerprint(link)].hows == ("link",)
    report = take(folder, successor.master_list(new_root, DE))
    assert report.refused == (), "the pin follows the link to the new key"
    assert {c.subject_country for c in held(folder).certificates("csca").values()} == {"UT", "DE"}


def test_a_certificate_of_a_key_we_had_counts_as_renewed(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    successor, link = UTOPIA.roll_over()
    take(folder, link)
    assert take(folder, successor.master_list(successor.csca_certificate)).renewed["UT"] == 1


def test_document_signers_need_a_trusted_key_of_their_state(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    assert take(folder, UTOPIA.signer.certificate).new["UT"] == 1
    assert why(folder, GERMANY.signer.certificate) == "no trusted key of DE signed it"
    assert why(folder, UTOPIA.impostor.certificate) == "no trusted key of UT signed it"
    assert take(folder, UTOPIA.signer.certificate).known["UT"] == 1
    assert [item.kind for item in held(folder).of("signer")] == ["signer"]


def test_revocation_lists_are_verified_and_never_go_back(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    old = replace(UTOPIA, _today=TODAY - timedelta(days=10)).revocation_list()
    new = UTOPIA.revocation_list(7)
    assert take(folder, old).new["UT"] == 1
    assert take(folder, new).renewed["UT"] == 1
    assert take(folder, new).known["UT"] == 1
    older = replace(UTOPIA, _today=TODAY - timedelta(days=20)).revocation_list()
    assert why(folder, older).startswith("older (2026-11-04) than the one we have")
    assert why(folder, GERMANY.revocation_list(7)) == "no trusted key of its State signed it"
    ((_, current),) = held(folder).revocation_lists().values()
    assert current.serial_numbers == {7}


def test_deviation_lists_need_a_signer_of_their_state(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    data = UTOPIA.deviation_list()
    assert take(folder, data).new["UT"] == 1
    assert take(folder, data).known["UT"] == 1
    assert why(folder, GERMANY.deviation_list()) == "no trusted signer"
    assert list(held(folder).deviation_lists()) == ["UT"]


def test_an_older_master_list_brings_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    days = iter([TODAY, TODAY, TODAY - timedelta(days=40)])
    monkeypatch.setattr("egate.supply.holdings.signing_date", lambda _der, _anchors: TODAY)
    monkeypatch.setattr("egate.supply.importing.signing_date", lambda _der, _anchors: next(days))
    take(folder, UTOPIA.master_list(UT, DE))
    gone = take(folder, UTOPIA.master_list(UT))
    assert gone.gone == ((fingerprint(DE), "DE"),), "what is no longer listed is named"
    assert why(folder, UTOPIA.master_list(UT, DE)) == "older (2026-10-15) than the list of UT we have (2026-11-24)"


def test_what_was_withdrawn_stays_withdrawn_until_it_is_pinned_anew(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    take(folder, UTOPIA.master_list(UT, DE))
    name = fingerprint(DE)
    with folder.locked():
        folder.commit([Draft("withdraw", "csca", name, name, "", "v", (Item("withdrawn", name, "withdrawn"),))], [], BY)
    assert name not in held(folder).held
    report = take(folder, UTOPIA.master_list(UT, DE, UTOPIA.roll_over()[1]))
    assert [refusal.why for refusal in report.refused] == ["it was withdrawn on 2026-11-24 by A. Officer: monthly update"]
    assert name not in held(folder).held
    assert take(folder, DE, name, pin=True).new["DE"] == 1
    assert name in held(folder).held


def test_asking_for_a_kind_refuses_the_others(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, UTOPIA)
    for data, kind in ((UT, "crl"), (UTOPIA.revocation_list(), "csca"), (UTOPIA.signer.certificate, "csca"), (UT, "signer")):
        assert len(take(folder, data, kind=kind).refused) == 1
    assert take(folder, UTOPIA.revocation_list(), kind="crl").new["UT"] == 1


def test_an_ldif_gives_what_it_can_and_names_the_rest(tmp_path: Path) -> None:
    """The PKD's folders, a list, a signer, a revocation list, a deviation list; broken and foreign entries in between."""
    folder = folder_with(tmp_path, UTOPIA)
    end = "dc=data,dc=download,dc=pkd,dc=icao,dc=int"
    data = ldif(
        [
            (f"cn=a,o=dsc,c=UT,{end}", "userCertificate;binary", UTOPIA.signer.certificate),
            (f"cn=b,o=dsc,c=DE,{end}", "userCertificate;binary", GERMANY.signer.certificate),
            (f"cn=c,o=crl,c=UT,{end}", "certificateRevocationList;binary", UTOPIA.revocation_list(7)),
            (f"cn=d,o=ml,c=UT,{end}", "pkdMasterListContent", UTOPIA.master_list(UT, DE)),
            (f"cn=e,o=dl,c=UT,{end}", "pkdDeviationList", UTOPIA.deviation_list()),
            (f"cn=f,o=dsc,c=UT,{end}", "userCertificate;binary", UTOPIA.impostor.certificate),
            (f"cn=g,o=dsc,c=UT,{end}", "userCertificate;binary", b"nonsense"),
        ]
    )
    data += b"\ndn: c=FR," + end.encode() + b"\nc: FR\n\ndn: cn=h,c=FR\nuserCertificate;binary:: ?\n"
    work = plan_import(held(folder), "pkd.ldif", fingerprint(data), recognise_ldif(io.BytesIO(data), "pkd.ldif"), Request(TODAY))
    assert work.new == {"UT": 3, "DE": 2}, "the list comes first, so that Germany's signer is verified"
    reasons = {refusal.what.partition("cn=")[2][:1]: refusal.why for refusal in work.refused}
    assert reasons == {
        "f": "no trusted key of UT signed it",
        "g": "not the ASN.1 structure that it should be",
        "h": "the value of userCertificate;binary is not base64",
    }
    assert all("pkd.ldif, line " in refusal.what for refusal in work.refused)


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(UT) + b"-----END CERTIFICATE-----\n"
    crl = b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(UTOPIA.revocation_list()) + b"-----END X509 CRL-----\n"
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    path = tmp_path / "no-extension"
    path.write_bytes(b"Bag attributes\n" + pem + crl + broken)
    first, second, third = recognise_file(path)
    assert isinstance(first, Piece)
    assert isinstance(second, Piece)
    assert (first.kind, first.der, second.kind) == ("certificate", UT, "revocation list")
    assert third == Refusal("no-extension, block 3", "neither a list, a certificate nor a revocation list")
    path.write_bytes(b"\n# from the PKD\nversion: 1\n\ndn: c=FR\nc: FR\n")
    assert list(recognise_file(path)) == []
    (found,) = recognise_data(UTOPIA.deviation_list(), "x")
    assert isinstance(found, Piece)
    assert found.kind == "deviation list"


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x30\x80\x00\x00", b"-----BEGIN", UT[:-1], UT + b"\x00"])
def test_anything_else_is_refused_with_what_was_tried(data: bytes) -> None:
    with pytest.raises(MalformedData, match="no master list, certificate, revocation list, deviation list, defect list"):
        list(recognise_data(data, "x"))


def test_signed_data_of_another_kind_is_named(tmp_path: Path) -> None:
    data = UTOPIA.master_list(UT).replace(bytes.fromhex("0606678108010102"), bytes.fromhex("0606678108010109"), 1)
    with pytest.raises(MalformedData, match="signed data, but no master list, deviation list or defect list"):
        list(recognise_data(data, "x"))


def test_fingerprints_are_read_as_people_type_them() -> None:
    name = fingerprint(UT)
    typed = ":".join(name[place : place + 2].upper() for place in range(0, 64, 2))
    assert fingerprint_of(typed) == fingerprint_of(f" {name} ") == name
    for wrong in ("", name[:-1], "g" * 64):
        with pytest.raises(MalformedData, match="64 hexadecimal digits"):
            fingerprint_of(wrong)
    assert find_one(["aabbccdd00", "aabbccdd11"], "AA:BB:CC:DD:11") == "aabbccdd11"
    for prefix in ("aabbccdd", "aabb", "ffffffff"):
        with pytest.raises(TrustError):
            find_one(["aabbccdd00", "aabbccdd11"], prefix)


# ——— defect lists


REVOKED = ListedDefect(UTOPIA.signer, (("1.1", b"\x0a\x01\x03"),))


def test_a_defect_list_counts_under_a_pinned_key_only(tmp_path: Path) -> None:
    """It takes trust from other States' signers: a State that is merely listed may not."""
    folder = folder_with(tmp_path, UTOPIA)
    take(folder, UTOPIA.master_list(UT, DE))
    data = GERMANY.defect_list(REVOKED, signed_at=TODAY)
    assert why(folder, data).startswith("no trusted signer; it names DE as its issuer. Pin that State's key")
    report = take(folder, data, fingerprint(DE), kind="defects")
    assert (report.new["DE"], report.refused) == (1, ())
    (listed,) = held(folder).defect_lists().values()
    assert (listed[0].hows, listed[1].country, listed[1].signed, listed[1].count) == (("verified",), "DE", TODAY, 1)
    assert "anchor" in held(folder).held[fingerprint(DE)].hows
    assert take(folder, data).known["DE"] == 1
    assert load_trust(folder, TODAY).store.is_revoked(parse_certificate(UTOPIA.signer.certificate))


def test_a_defect_list_is_renewed_and_never_rolled_back_or_brought_back(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, GERMANY)
    take(folder, GERMANY.defect_list(REVOKED, signed_at=TODAY - timedelta(days=2)))
    newer = GERMANY.defect_list(REVOKED, REVOKED, signed_at=TODAY)
    assert take(folder, newer).renewed["DE"] == 1
    assert why(folder, GERMANY.defect_list(signed_at=TODAY - timedelta(days=1))).startswith("older than the one we have")
    assert held(folder).defect_lists()["DE"][1].count == 2
    with folder.locked():
        folder.commit(
            [Draft("withdraw", "withdrawn", "", "", "", "", (Item("withdrawn", fingerprint(newer), "withdrawn"),))], [], BY
        )
    assert "it was withdrawn on" in why(folder, newer)
    assert held(folder).defect_lists()["DE"][1].count == 1


def test_a_forged_defect_list_and_another_kind_are_refused(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, GERMANY)
    data = GERMANY.defect_list(REVOKED)
    assert "no trusted signer" in why(folder, data.replace(b"\x0a\x01\x03", b"\x0a\x01\x01"))
    (refusal,) = take(folder, data, kind="deviations").refused
    assert refusal.why == "it is a defect list, not what --as deviations asks for"
