"""`egate trust` as an operator uses it: what is asked, what is answered, and the exit status that cron sees."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from drivers.sim.passport.certification import ListedDefect
from egate.app.commands import trust
from egate.app.config import ConfigError
from egate.app.demo.installation import make_installation
from egate.model.errors import EgateError
from egate.storage.keys import create_signing_key, load_verify_key
from egate.supply.folder import TrustFolder
from egate.supply.store import load_trust
from egate.supply.views import Paint, table
from tests.shared_data import shared_path
from tests.unit.supply.supply_place import NOW, TODAY, fingerprint, folder_with, ldif, state, take

UTOPIA, GERMANY = state(), state("D", 2)
UT, DE = UTOPIA.csca_certificate, GERMANY.csca_certificate

Command: TypeAlias = Callable[..., tuple[int, str]]

DE_2021 = "66b09a816ff5c76d3d6ef10f035ded4a8ac4b961b75955f1d5926dc3c63ecb5b"
"""SHA-256 of the German CSCA certificate of 2021 under which the list of 2024-08-07 was signed; it comes with the list."""

NL_2021 = "5fc67bdf4558d18946c5eef6fa9aef7d4bc8082a04ea4758bb4f24fd9cee9c96"
"""SHA-256 of the Dutch CSCA certificate of 2021 under which the list of 2021-12-07 was signed; it stands in the list."""


class FixedClock:
    """The day of the tests."""

    def wall_ns(self) -> int:
        return int(NOW.timestamp()) * 10**9


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command on a folder of its own; gives the exit status and what was printed."""
    monkeypatch.setattr(trust, "SystemClock", FixedClock)

    def command(action: str, *words: object) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        trust.add_arguments(parser)
        author = ("--by", "A. Officer", "--why", "a reason") if action in ("import", "withdraw") else ()
        folder = () if "--folder" in words or "--config" in words else ("--folder", tmp_path / "trust")
        status = trust.run(parser.parse_args([action, *(str(word) for word in (*words, *folder, *author))]))
        return status, capsys.readouterr().out

    return command


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What an operator was sent."""
    root = tmp_path / "mail"
    root.mkdir()
    (root / "utopia.cer").write_bytes(UT)
    (root / "list.ml").write_bytes(UTOPIA.master_list(UT, DE))
    (root / "short.ml").write_bytes(UTOPIA.master_list(UT))
    (root / "german.ml").write_bytes(GERMANY.master_list(UT, DE))
    (root / "crl").write_bytes(UTOPIA.revocation_list(7))
    revoked = ListedDefect(UTOPIA.signer, (("1.1", b"\x0a\x01\x03"),))
    (root / "defects.dfl").write_bytes(GERMANY.defect_list(revoked, signed_at=TODAY - timedelta(days=100)))
    (root / "pkd.ldif").write_bytes(ldif([("cn=1,o=dsc,c=UT,dc=data", "userCertificate;binary", UTOPIA.signer.certificate)]))
    return root


def test_first_import_monthly_update_and_what_they_print(run: Command, files: Path) -> None:
    status, out = run("import", files / "list.ml", "--anchor", files / "utopia.cer", "--fingerprint", fingerprint(UT))
    assert (status, out.splitlines()[0]) == (0, "list.ml: 2 new, 0 known, 0 renewed, 0 refused")
    assert "  new      DE 1    UT 1" in out
    status, out = run("import", files / "list.ml", files / "crl", files / "pkd.ldif")
    assert status == 0
    assert [line for line in out.splitlines() if not line.startswith(" ")] == [
        "list.ml: 0 new, 2 known, 0 renewed, 0 refused",
        "crl: 1 new, 0 known, 0 renewed, 0 refused",
        "pkd.ldif: 1 new, 0 known, 0 renewed, 0 refused",
    ]
    status, out = run("import", files / "short.ml")
    assert (status, "1 certificate of the list before is not in this one" in out) == (0, True)
    assert f"    DE  {fingerprint(DE)[:16]}" in out


def test_exit_status_tells_whole_part_and_nothing(run: Command, files: Path) -> None:
    assert run("import", files / "utopia.cer", "--trust-anchor", "--fingerprint", fingerprint(UT))[0] == 0
    assert run("import", files / "list.ml", files / "german.ml")[0] == 1
    assert run("import", files / "german.ml")[0] == 2
    (files / "holiday.jpg").write_bytes(b"\xff\xd8\xff")
    status, out = run("import", files / "holiday.jpg")
    assert (status, out.startswith("holiday.jpg: refused\n  this is no master list")) == (2, True)


def test_a_certificate_without_its_fingerprint_is_no_anchor(run: Command, files: Path) -> None:
    for given in ((), ("--fingerprint", "ab" * 32)):
        with pytest.raises(ConfigError, match="compare all 64 digits"):
            run("import", files / "list.ml", "--anchor", files / "utopia.cer", *given)
    with pytest.raises(ConfigError, match="--trust-anchor needs --fingerprint"):
        run("import", files / "utopia.cer", "--trust-anchor")
    with pytest.raises(ConfigError, match="this is not a certificate"):
        run("import", files / "list.ml", "--anchor", files / "crl", "--fingerprint", fingerprint(UT))
    assert run("import", files / "list.ml", "--anchor", fingerprint(UT))[0] == 0, "a typed fingerprint needs no file"


def test_a_dry_run_changes_nothing(run: Command, files: Path, tmp_path: Path) -> None:
    status, out = run("import", files / "list.ml", "--anchor", fingerprint(UT), "--dry-run")
    assert (status, "2 new" in out, "nothing was changed" in out) == (0, True, True)
    assert not (tmp_path / "trust").exists()


def test_a_missing_file_or_folder_is_named(run: Command, files: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file: .*nowhere"):
        run("import", files / "nowhere")
    with pytest.raises(ConfigError, match="has no journal yet: import something first"):
        run("list")
    parser = argparse.ArgumentParser()
    trust.add_arguments(parser)
    with pytest.raises(ConfigError, match="say which trust folder"):
        trust.run(parser.parse_args(["list"]))


def test_a_defect_list_is_taken_listed_shown_and_expires(run: Command, files: Path) -> None:
    run("import", files / "list.ml", "--anchor", fingerprint(UT))
    status, out = run("import", files / "defects.dfl")
    assert (status, "Pin that State's key" in " ".join(out.split())) == (2, True)
    assert run("import", files / "defects.dfl", "--as", "defects", "--anchor", fingerprint(DE))[0] == 0
    signed = TODAY - timedelta(days=100)
    assert f"defect list of DE, signed {signed}, 1 signer\n" in run("list")[1]
    assert json.loads(run("list", "--json")[1])["defect_lists"] == {"DE": {"signed": str(signed), "signers": 1}}
    assert f"signed {signed}, about the documents of 1 signer\n" in run("show", "de")[1]
    assert "defect list" not in run("show", "ut")[1]
    shown = run("show", fingerprint((files / "defects.dfl").read_bytes())[:12])[1]
    assert f"its signer chains to the pinned key {fingerprint(DE)[:16]} of DE" in shown
    status, out = run("expire")
    assert (status, f"the defect list of DE is out of date since {signed + timedelta(days=90)}" in out) == (1, True)


def test_list_show_and_log(run: Command, files: Path) -> None:
    run("import", files / "list.ml", "--anchor", fingerprint(UT))
    run("import", files / "crl")
    run("import", files / "pkd.ldif")
    out = run("list")[1].splitlines()
    assert out[0].split() == ["State", "CSCA", "valid", "until", "CRL", "until", "signers", "trusted", "by"]
    assert out[1].split()[:3] == ["DE", "1", "1"]
    assert out[2].split()[-3:] == ["1", "anchor,", "listed"]
    tree = json.loads(run("list", "--json")[1])
    assert [(row["country"], row["signers"]) for row in tree["states"]] == [("DE", 0), ("UT", 1)]
    assert tree["head"]["number"] == 3
    shown = run("show", "ut")[1]
    for part in (fingerprint(UT), "C=UT", "EC brainpoolP256r1", "ecdsa with SHA-256", "by A. Officer: a reason", "1 revoked"):
        assert part in shown
    assert "list.ml" in run("show", fingerprint(DE)[:12])[1]
    log = run("log")[1]
    assert [line.split()[0] for line in log.splitlines() if line.startswith("#")] == ["#1", "#2", "#3"]
    with pytest.raises(ConfigError, match="nothing is held of QQ"):
        run("show", "QQ")
    with pytest.raises(EgateError, match="none here begins so"):
        run("show", "00000000")


def test_diff_between_files_folders_days_and_entries(run: Command, files: Path, tmp_path: Path) -> None:
    run("import", files / "short.ml", "--anchor", fingerprint(UT))
    run("import", files / "list.ml")
    for before, after in (
        ("#1", "#2"),
        (files / "short.ml", files / "list.ml"),
        (files / "utopia.cer", tmp_path / "trust"),
        ("2026-11-23", "2026-11-24"),
    ):
        status, out = run("diff", before, after)
        assert status == 1
        assert f"+  DE  {fingerprint(DE)[:16]}" in out
        assert out.splitlines()[-1].startswith(("1 came, 0 went", "2 came, 0 went"))
    status, out = run("diff", files / "list.ml", files / "short.ml")
    assert (status, out.splitlines()[-1]) == (1, "0 came, 1 went, 1 in both")
    assert run("diff", "#2", tmp_path / "trust")[0] == 0
    for wrong in ("#9", "2026-02-30", "yesterday"):
        with pytest.raises(ConfigError, match=wrong):
            run("diff", wrong, "#1")


def test_expire_is_for_cron(run: Command, files: Path) -> None:
    run("import", files / "utopia.cer", "--trust-anchor", "--fingerprint", fingerprint(UT))
    status, out = run("expire")
    assert (status, out) == (0, "nothing becomes stale within 30 days\n")
    status, out = run("expire", "--within", 3650)
    assert status == 0, "a certificate of 13 years outlives ten"
    run("import", files / "crl")
    status, out = run("expire", "--within", 3650)
    assert (status, "the revocation list of UT is out of date in" in out) == (1, True)
    with pytest.raises(ConfigError, match="0 to 3650 days"):
        run("expire", "--within", -1)


def test_withdrawing(run: Command, files: Path) -> None:
    run("import", files / "list.ml", "--anchor", fingerprint(UT))
    assert run("withdraw", fingerprint(DE)[:10])[0] == 0
    assert run("import", files / "list.ml")[0] == 1, "the list names it again, and it is refused"
    assert "was withdrawn" in run("show", fingerprint(DE))[1]
    assert "DE" not in [line.split()[0] for line in run("list")[1].splitlines() if line]


def test_a_plain_folder_is_taken_over_with_what_it_trusted(run: Command, files: Path, tmp_path: Path) -> None:
    root = tmp_path / "trust"
    root.mkdir()
    (root / "utopia.cer").write_bytes(UT)
    (root / "list.ml").write_bytes(UTOPIA.master_list(UT, DE))
    before = {c.der for c in load_trust(TrustFolder(root), TODAY).store.certificates}
    with pytest.raises(ConfigError, match="it is a plain folder of files, which works as it is"):
        run("list")
    status, out = run("import", files / "crl")
    assert (status, "its journal begins with what it trusted" in out) == (0, True)
    after = load_trust(TrustFolder(root), TODAY)
    assert {c.der for c in after.store.certificates} == before
    assert {entry.action for entry in TrustFolder(root).entries()} == {"adopt", "import"}
    assert "UT" in after.store.revocations


def test_a_dry_run_on_a_plain_folder_knows_its_anchors(run: Command, files: Path, tmp_path: Path) -> None:
    root = tmp_path / "trust"
    root.mkdir()
    (root / "utopia.cer").write_bytes(UT)
    status, out = run("import", files / "list.ml", "--dry-run")
    assert (status, "list.ml: 2 new" in out) == (0, True)
    assert [path.name for path in root.iterdir()] == ["utopia.cer"]


def test_withdrawing_an_anchor_names_what_it_brought(run: Command, files: Path) -> None:
    run("import", files / "list.ml", "--anchor", fingerprint(UT))
    status, out = run("withdraw", fingerprint(UT))
    assert (status, "1 certificate came only through" in out, f"  {fingerprint(DE)}" in out) == (1, True, True)


def test_a_lane_with_a_signer_is_not_locked_out_by_an_unsigned_entry(run: Command, files: Path, tmp_path: Path) -> None:
    place = make_installation(tmp_path / "lane", UT, TODAY, [("UTO", "L00000001")])[0]
    (place.root / "trust" / "utopia.cer").unlink()
    create_signing_key(tmp_path / "trust.key", tmp_path / "trust.pub")
    create_signing_key(tmp_path / "other.key", tmp_path / "other.pub")
    (place.root / "trust.pub").write_bytes((tmp_path / "trust.pub").read_bytes())
    text = place.config.read_text()
    place.config.write_text(text.replace('directory = "trust"\n', 'directory = "trust"\nsigner = "trust.pub"\n'))
    words = (files / "list.ml", "--anchor", fingerprint(UT), "--config", place.config)
    for key in ((), ("--sign-with", tmp_path / "other.key")):
        with pytest.raises(ConfigError, match="this lane takes a signed journal only"):
            run("import", *words, *key)
    assert run("import", *words, "--sign-with", tmp_path / "trust.key")[0] == 0
    assert "DE" in run("list", "--config", place.config)[1]


def test_signed_entries(run: Command, files: Path, tmp_path: Path) -> None:
    create_signing_key(tmp_path / "trust.key", tmp_path / "trust.pub")
    run("import", files / "list.ml", "--anchor", fingerprint(UT), "--sign-with", tmp_path / "trust.key")
    signed = TrustFolder(tmp_path / "trust", load_verify_key(tmp_path / "trust.pub"))
    assert len(signed.entries()) == 1
    assert "signed" in run("log")[1]
    run("import", files / "crl")
    with pytest.raises(EgateError, match="entry 2 is not signed"):
        signed.entries()


def test_tables_line_up_with_colours_and_wide_letters() -> None:
    paint = Paint(on=True)
    rows = table([["a", paint.bad("0"), "x"], ["漢字", "12", "y"]])
    assert rows == ["a     \x1b[31m0\x1b[0m   x", "漢字  12  y"]
    assert Paint(on=False).bad("0") == "0"


def test_colours_only_on_a_terminal_and_never_against_no_color(
    run: Command, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", files / "list.ml", "--anchor", fingerprint(UT))
    assert "\x1b" not in run("list")[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1m" in run("list")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("list")[1]


@pytest.mark.parametrize(
    ("parts", "anchor", "listed", "states"),
    [
        (("masterlists", "DE_ML_2024-08-07-07-38-24.ml"), DE_2021, 540, 109),
        (("masterlists", "NL_MASTERLIST_20211207.mls"), NL_2021, 306, 96),
    ],
)
def test_real_lists(run: Command, parts: tuple[str, ...], anchor: str, listed: int, states: int, tmp_path: Path) -> None:
    """The German and the Dutch list, under the keys that signed them; a newer key of the State did not and proves nothing."""
    path = shared_path("mrtd", *parts)
    wrong = shared_path("mrtd", "certs", "DE_ROOT_CA_CSCA07.cer")
    status, out = run("import", path, "--anchor", wrong, "--fingerprint", fingerprint(wrong.read_bytes()))
    assert (status, "no trusted signer" in out) == (2, True)
    assert max(map(len, out.splitlines())) <= 80
    status, out = run("import", path, "--anchor", anchor)
    assert max(map(len, out.splitlines())) <= 80
    assert out.startswith(f"{path.name}: {listed} new, 0 known, 0 renewed")
    tree = json.loads(run("list", "--json")[1])
    assert (sum(row["certificates"] for row in tree["states"]), len(tree["states"])) == (listed, states)


def test_a_list_under_another_key_of_a_pinned_state(run: Command) -> None:
    """A newer German key is pinned, an older one signed: said is which key is wanted, and never which fingerprint it has."""
    newer = shared_path("mrtd", "certs", "DE_ROOT_CA_CSCA07.cer")
    path = shared_path("mrtd", "masterlists", "DE_ML_2024-08-07-07-38-24.ml")
    own = fingerprint(newer.read_bytes())
    run("import", newer, "--trust-anchor", "--fingerprint", own)
    status, out = run("import", path)
    flat = " ".join(out.split())
    assert status == 2
    assert "DE is pinned, but not with the key that made this list's signer" in flat
    assert "the key identifier a40a5fc380ae3e59af1b32d6136aefeec8ca35e8; its certificate comes with the list" in flat
    assert DE_2021 not in flat
    flat = " ".join(run("import", path, "--anchor", own)[1].split())
    assert "The fingerprint that was given is of a certificate that did not make this list's signer" in flat
    flat = " ".join(run("import", path, "--anchor", "ab" * 32)[1].split())
    assert "no certificate given, held or in the list has the fingerprint that was given" in flat
    assert DE_2021 not in flat


def test_real_revocation_lists_and_certificates(run: Command) -> None:
    """Under the German list of 2024: five real revocation lists, links and a document signer are verified, strangers are not."""
    run("import", shared_path("mrtd", "masterlists", "DE_ML_2024-08-07-07-38-24.ml"), "--anchor", DE_2021)
    for path in sorted(shared_path("mrtd", "crl").glob("*.crl")):
        assert run("import", path)[0] == 0, path.name
    assert run("import", shared_path("mrtd", "certs", "dsc_si_448833b8.cer"))[0] == 0
    assert run("import", shared_path("mrtd", "certs", "lcsca_es_672ef8b92d6ba81c59673b5c8dbcc2cc.cer"))[0] == 0
    assert run("import", shared_path("mrtd", "certs", "NL_ROOT_CA.cer"))[0] == 0
    assert run("import", shared_path("mrtd", "certs", "dsc_de_0130846f2b3e.cer"))[0] == 2, "a test State's signer"
    shown = run("show", "CN")[1]
    assert "revocation list" in shown


def test_the_folder_of_a_lane(run: Command, files: Path, tmp_path: Path) -> None:
    folder_with(tmp_path / "elsewhere", UTOPIA)
    take(TrustFolder(tmp_path / "elsewhere"), UTOPIA.revocation_list(1))
    assert "UT" in run("list", "--folder", tmp_path / "elsewhere")[1]
