"""Recipes become documents that are read to the end, wrong ones end as their defect says, bad recipes are explained."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import cbor2
import pytest

from drivers.sim.passport.defects import DEFECTS, Defect
from drivers.sim.passport.signing import SeededEntropy
from egate.app.commands import document as command
from egate.app.config import ConfigError
from egate.app.simulate.document_file import encode_document, parse_document, read_document
from egate.app.simulate.making import MadeDocument, SimulatedDocument, make_document
from egate.app.simulate.portrait import drawn_portrait, size_of
from egate.app.simulate.recipe import example, parse_recipe, read_recipe
from egate.app.simulate.recipe_keys import ACTIVE_WORDS, AGREEMENT_WORDS, KEYS, PACE_WORDS, UNSET, Shape
from egate.app.simulate.serving import chip_of
from egate.app.simulate.showing import describe, list_defects, list_kinds, list_quirks
from egate.checks.decide import decide
from egate.checks.document import check_document
from egate.model.checks import DecisionPoint
from egate.model.document import ChipEvidence, DocumentFormat, ElementaryFile, ProtocolState
from egate.mrtd.files.mrz import parse_mrz
from egate.mrtd.quirks import Quirk
from egate.mrtd.reading import ReadRequest
from egate.pki.revocation import parse_revocation_list
from egate.pki.terminal_key import credentials_with_key, load_private_key
from egate.pki.trust_store import TrustStore
from tests.unit.checks.evidence import PROFILE
from tests.unit.mrtd.chip_reading import read

TODAY = date(2026, 11, 24)
FURTHER = tuple(ElementaryFile[name] for name in ("DG5", "DG7", "DG11", "DG12", "DG13", "DG16"))
UNSIGNED = frozenset({ElementaryFile.COM, ElementaryFile.CARD_ACCESS, ElementaryFile.CARD_SECURITY})
MASTER_FILES = frozenset({ElementaryFile.DIR, ElementaryFile.ATR_INFO})


def made(toml: str) -> MadeDocument:
    return make_document(parse_recipe(toml.encode(), Path()), TODAY)


def evidence_of(document: SimulatedDocument, response_bytes: int = 256) -> ChipEvidence:
    chip = chip_of(document, SeededEntropy(b"chip"))
    request = ReadRequest(
        parse_mrz(document.lines).information,
        document.options.card_access_number,
        max_response_bytes=response_bytes,
        further_files=tuple(file for file in FURTHER if file in document.personalisation.files),
    )
    return read(chip.transceive, request)


def store_of(trust: Mapping[str, bytes]) -> TrustStore:
    store = TrustStore.from_certificates([der for name, der in trust.items() if name.startswith("csca")], "test", TODAY)
    for name, data in trust.items():
        if name.endswith(".crl"):
            store = store.with_revocations(parse_revocation_list(data))
    return store


def reasons(one: MadeDocument) -> list[str]:
    mrz = parse_mrz(one.document.lines)
    checks = check_document(mrz, evidence_of(one.document), store_of(one.trust), TODAY, PROFILE)
    return [f"{check.name.value}:{check.code}" for check in decide(checks, PROFILE, DecisionPoint.ENTRY).because]


def assert_read_to_the_end(document: SimulatedDocument, evidence: ChipEvidence) -> None:
    """Every file that this reader may read arrived as it was personalised."""
    closed = {ElementaryFile.DG3, ElementaryFile.DG4}
    files = document.personalisation.files
    for file, content in files.items():
        if file not in UNSIGNED | MASTER_FILES | closed:
            assert evidence.files.get(file) == content, file.name
    assert not any(outcome.protocol == "file" and outcome.state is ProtocolState.BROKEN for outcome in evidence.protocols)


# Every option makes a chip that is read to the end


@pytest.mark.parametrize("word", list(PACE_WORDS)[::5])
def test_ways_of_pace(word: str) -> None:
    domain = word.split("-", 3)[-1] if "aes" in word else word.split("-")[2]
    static = f'[chip]\nauthentication = ["aes-128-{domain}"]\n' if word.startswith("cam") else ""
    document = made(f'[access]\npace = ["{word}"]\nbac = false\n{static}').document
    evidence = evidence_of(document)
    assert_read_to_the_end(document, evidence)
    assert evidence.outcome("pace").state is ProtocolState.COMPLETED
    assert evidence.outcome("pace").variant.endswith(word)
    if word.startswith("cam"):
        assert evidence.outcome("chip_authentication_mapping").state is ProtocolState.COMPLETED


@pytest.mark.parametrize("word", list(AGREEMENT_WORDS)[::3])
def test_static_keys(word: str) -> None:
    document = made(f'[chip]\nauthentication = ["{word}"]\n').document
    evidence = evidence_of(document)
    assert_read_to_the_end(document, evidence)
    assert evidence.outcome("chip_authentication").state is ProtocolState.COMPLETED
    assert evidence.outcome("chip_authentication").variant.endswith(word)


def test_several_static_keys() -> None:
    document = made('[chip]\nauthentication = ["3des-modp2048_256", "aes-256-brainpoolP384r1"]\n').document
    assert [key.key_id for key in document.personalisation.static_keys] == [1, 2]
    assert evidence_of(document).outcome("chip_authentication").state is ProtocolState.COMPLETED


@pytest.mark.parametrize("word", [word for word in ACTIVE_WORDS if not word.startswith(("rsa-3", "rsa-4"))][::4])
@pytest.mark.parametrize("der", [False, True])
def test_signing_keys(word: str, der: bool) -> None:
    active_der = str(der).lower()
    document = made(f'[chip]\nauthentication = []\nactive = "{word}"\nactive_der = {active_der}\n').document
    outcome = evidence_of(document).outcome("active_authentication")
    assert outcome.state is ProtocolState.COMPLETED
    assert outcome.variant.endswith(word.rsplit("-", 1)[1])


def test_signatures_as_odd_cards_make_them() -> None:
    """A curve of 384 bits with SHA-256 and no word of it in DG14; SHA-1 with its long trailer."""
    unstated = '[access]\npace = []\n[chip]\nauthentication = []\nactive_stated = false\nactive = "secp384r1-sha256"\n'
    one = made(unstated).document
    assert ElementaryFile.DG14 not in one.personalisation.files
    assert evidence_of(one).outcome("active_authentication").state is ProtocolState.COMPLETED
    long_trailer = made('[chip]\nauthentication = []\nactive = "rsa-2048-sha1"\nactive_long_trailer = true\n').document
    assert evidence_of(long_trailer).outcome("active_authentication").variant == "rsa-sha1"


@pytest.mark.parametrize("quirk", list(Quirk))
@pytest.mark.parametrize("access", ["", "[access]\npace = []\n"], ids=["pace", "bac"])
def test_quirks(quirk: Quirk, access: str) -> None:
    if quirk is Quirk.PACE_ONLY and access:
        with pytest.raises(ConfigError, match="pace_only"):
            made(f'{access}[chip]\nquirks = ["{quirk.value}"]\n')
        return
    size = 40_000 if "overlap" in quirk.value else 0
    document = made(f'{access}[chip]\nquirks = ["{quirk.value}"]\n[files]\nportrait_bytes = {size}\n').document
    assert_read_to_the_end(document, evidence_of(document))


@pytest.mark.parametrize(
    "toml",
    [
        "[chip]\ncommand_bytes = 4096\nresponse_bytes = 4096\n",
        "[chip]\nshort_blocks = 100\n",
        "[chip]\nlargest_read = 64\n",
        "[chip]\ndirectory = false\nauthentication = []\n",
        '[access]\ncan = "123456"\n',
        "[access]\npace = []\nbac = false\n",
        '[files]\nfurther = ["DG3", "DG5", "DG7", "DG11", "DG12", "DG13", "DG16"]\n',
        '[document]\nkind = "TD1"\nnumber = "D23145890734"\n',
        '[document]\nkind = "TD2"\n',
        '[signature]\nlds_version = "1.7"\nhash = "sha512"\n',
    ],
    ids=range(10),
)
def test_other_options(toml: str) -> None:
    one = made(toml)
    evidence = evidence_of(one.document, response_bytes=4096)
    assert_read_to_the_end(one.document, evidence)
    if "response_bytes" in toml:
        assert max(line.received_bytes for line in evidence.transcript) > 258


def test_fingerprints_open_to_a_terminal_that_proves_its_right() -> None:
    one = made('[chip]\nterminal_authentication = true\n[files]\nfurther = ["DG3"]\n')
    chain = (one.terminal["verifier.cvcert"], one.terminal["terminal.cvcert"])
    credentials = credentials_with_key(chain, load_private_key(one.terminal["terminal-key.pem"]))
    document = parse_document(encode_document(one.document))
    for access in (True, False):
        request = ReadRequest(
            parse_mrz(document.lines).information,
            pace_before_bac=access,
            further_files=(ElementaryFile.DG3,),
            terminal=(credentials,),
        )
        evidence = read(chip_of(document, SeededEntropy(b"chip")).transceive, request)
        assert evidence.outcome("terminal_authentication").state is ProtocolState.COMPLETED
        assert evidence.files[ElementaryFile.DG3] == document.personalisation.files[ElementaryFile.DG3]
    without = evidence_of(document)
    assert ElementaryFile.DG3 not in without.files


def test_terminal_authentication_needs_a_static_key() -> None:
    with pytest.raises(ConfigError, match="terminal authentication needs"):
        made("[chip]\nauthentication = []\nterminal_authentication = true\n")


@pytest.mark.parametrize("kind", ["TD1", "TD2", "TD3"])
def test_forms(kind: str) -> None:
    mrz = parse_mrz(made(f'[document]\nkind = "{kind}"\n').document.lines)
    assert mrz.format is DocumentFormat[kind]
    assert mrz.failed_check_digits == ()


# Wrong ones end as their defect says

EXPECTED = {
    Defect.NONE: [],
    Defect.CLONED: ["chip_genuine:chip_authentication_failed"],
    Defect.FORGED_DATA: ["data_group_hashes:data_group_hash_wrong"],
    Defect.UNKNOWN_ISSUER: ["certificate_chain:issuer_unknown", "issuer_matches_certificate:no_certificate_country"],
    Defect.SWAPPED_PORTRAIT: ["data_group_hashes:data_group_hash_wrong"],
    Defect.WRONG_SIGNATURE: ["security_object_signature:signature_wrong", "chip_genuine:chip_key_not_authentic"],
    Defect.UNSIGNED_KEY: ["data_group_hashes:data_group_not_signed", "chip_genuine:chip_key_not_authentic"],
    Defect.STRIPPED_ACCESS: ["chip_access:pace_withheld"],
    Defect.FOREIGN_SIGNER: ["issuer_matches_certificate:issuer_differs_from_certificate"],
    Defect.EXPIRED_SIGNER: ["certificate_chain:signer_not_valid"],
    Defect.REVOKED_SIGNER: ["certificate_chain:signer_revoked"],
    Defect.SIGNER_KEY_PERIOD_OVER: ["certificate_chain:signed_outside_key_period"],
    Defect.SIGNER_OF_OTHER_DOCUMENTS: ["issuer_matches_certificate:document_type_not_covered"],
    Defect.SIGNER_WITHOUT_USAGE: ["certificate_chain:signer_wrong_usage"],
}


@pytest.mark.parametrize("defect", list(Defect))
def test_each_defect_is_found_for_its_own_reason(defect: Defect) -> None:
    assert reasons(made(f'defect = "{defect.value}"\n')) == EXPECTED[defect]


def test_every_defect_is_described() -> None:
    assert set(DEFECTS) == set(Defect)


def test_rolled_over_state_is_believed_through_its_link() -> None:
    one = made("[signature]\nrolled_over = true\n")
    assert {"csca-UT-old.der", "csca-UT-link.der"} <= set(one.trust)
    assert reasons(one) == []


def test_a_signer_outside_comes_with_the_trust_files() -> None:
    one = made("[signature]\ncertificate_inside = false\nby_key_identifier = true\n")
    assert "signer-UT.der" in one.trust


def test_a_document_on_its_deviation_list() -> None:
    one = made('defect = "wrong_signature"\n[signature]\ndeviation_listed = true\n')
    assert b"X00000001" in one.trust["deviations-UT.dl"]


def test_seed() -> None:
    first, again, other = (encode_document(made(f'seed = "{seed}"\n').document) for seed in ("1", "1", "2"))
    assert first == again != other


# The file


def test_document_file_holds_everything() -> None:
    document = made('[chip]\nquirks = ["exact_length"]\nactive = "secp256r1-sha384"\n[access]\ncan = "123456"\n').document
    again = parse_document(encode_document(document))
    assert (again.lines, again.options, again.defect) == (document.lines, document.options, document.defect)
    assert again.personalisation.files == document.personalisation.files
    assert again.personalisation.static_keys == document.personalisation.static_keys
    assert_read_to_the_end(again, evidence_of(again))


@pytest.mark.parametrize(
    "spoil",
    [
        {"format": "something"},
        {"version": 2},
        {"files": {"DG99": b""}},
        {"files": 3},
        {"static_keys": [{"domain": "none", "private": b"", "key_id": None}]},
        {"static_keys": [3]},
        {"active_key": b"\x30"},
        {"lines": []},
        {"options": {}},
    ],
    ids=range(9),
)
def test_spoiled_document_files_are_refused(spoil: dict[str, object]) -> None:
    content = cbor2.loads(encode_document(made("").document)) | spoil
    with pytest.raises(ConfigError, match="no simulated document"):
        parse_document(cbor2.dumps(content))


@pytest.mark.parametrize("data", [b"", b"\xff", b"text", cbor2.dumps([]), b"\x9f" * 2000, bytes(5_000_000)], ids=range(6))
def test_files_that_are_no_documents(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "passport.document"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"passport\.document"):
        read_document(path)


# Recipes


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("colour = 1", "there is no key colour"),
        ("[holder]\nsurnam = 'X'", "there is no key holder.surnam"),
        ("holder = 3", "holder is a section"),
        ("seed = 1", "seed is a text"),
        ("defect = 'torn'", "defect is one of the words: none, cloned"),
        ("[document]\nkind = 'TD4'", "document.kind is one of the words: TD1, TD2, TD3"),
        ("[document]\nexpires = '2030'", "document.expires is a date"),
        ("[document]\nexpires = 2030-01-01T00:00:00", "document.expires is a date"),
        ("[access]\nbac = 1", "access.bac is true or false"),
        ("[access]\npace = ['gm']", "access.pace is a list of the words"),
        ("[access]\npace = 'gm'", "access.pace is a list of the words"),
        ("[chip]\nlargest_read = 70000", "chip.largest_read is a whole number from 0 to 65536"),
        ("[chip]\nlargest_read = true", "chip.largest_read is a whole number"),
        ("[chip]\ncommand_bytes = 4096", "go together"),
        ("[chip]\ncommand_bytes = 10\nresponse_bytes = 10", "command buffer"),
        ("[chip]\nauthentication = []\n[access]\npace = ['cam-aes-128-secp256r1']", "chip.authentication"),
        ("[access]\ncan = '12'", "access.can is six digits"),
        ("[document]\nstate = 'XYZ'", "document.certificate_country"),
        ("[document]\ncertificate_country = 'U'", "document.certificate_country is two letters"),
        ("[document]\nnumber = 'X1234567890'", "longer than its field"),
        ("[document]\nnumber = 'X#'", "document, holder"),
        ("[holder]\nportrait = 'missing.jpg'", "holder.portrait"),
        ("[holder", "is not TOML"),
    ],
)
def test_bad_recipes_name_the_key_and_what_it_takes(toml: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        made(toml)


def test_the_example_is_a_recipe_with_every_key() -> None:
    recipe = parse_recipe(example().encode(), Path())
    for key in KEYS:
        if key.default == UNSET:
            assert recipe.day(key.place, TODAY) == TODAY
        elif key.shape is Shape.WORDS:
            assert recipe.words(key.place) == key.default
    assert encode_document(make_document(recipe, TODAY).document) == encode_document(made("").document)


def test_recipe_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--example"):
        read_recipe(tmp_path / "missing.toml")
    (tmp_path / "long.toml").write_bytes(b"#" * 70_000)
    with pytest.raises(ConfigError, match="at most"):
        read_recipe(tmp_path / "long.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not TOML"):
        read_recipe(tmp_path / "binary.toml")


def test_portraits(tmp_path: Path) -> None:
    assert size_of(drawn_portrait()) == (413, 531)
    (tmp_path / "face.jpg").write_bytes(drawn_portrait())
    recipe = parse_recipe(b"[holder]\nportrait = 'face.jpg'", tmp_path)
    assert make_document(recipe, TODAY).document.personalisation.files == made("").document.personalisation.files
    for content in (b"GIF89a", b"\xff\xd8\xff\xe0" + bytes(30), bytes(70_000)):
        (tmp_path / "face.jpg").write_bytes(content)
        with pytest.raises(ConfigError, match=r"holder\.portrait"):
            make_document(recipe, TODAY)


# The command


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


def test_make_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("make", "--example") == 0
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(capsys.readouterr().out)
    assert run("make", str(recipe), "-o", str(tmp_path / "out")) == 0
    said = capsys.readouterr().out
    assert said.startswith("P<UTOMUSTERMANN<<ERIKA")
    assert {path.name for path in (tmp_path / "out" / "trust").iterdir()} == {
        "csca-UT.der",
        "master-list.ml",
        "revocation-UT.crl",
    }
    assert run("show", str(tmp_path / "out" / "passport.document")) == 0
    assert "DG14" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("make",), "-o DIR"),
        (("show", "missing.document"), "egate document make"),
        (("serve", "missing.document", "--vpcd", "127.0.0.1:1"), "missing.document"),
        (("serve", "missing.document", "--vpcd", "127.0.0.1:1", "--delay-ms", "9999"), "--delay-ms"),
    ],
)
def test_commands_that_cannot_be(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        run(*words)


def test_serving_refuses_bad_addresses_and_other_peoples_files(tmp_path: Path) -> None:
    path = tmp_path / "passport.document"
    path.write_bytes(encode_document(made("").document))
    for address in ("nowhere", "127.0.0.1:0", "127.0.0.1:x"):
        with pytest.raises(ConfigError, match="HOST:PORT"):
            run("serve", str(path), "--vpcd", address)
    with pytest.raises(ConfigError, match="there is a file"):
        run("serve", str(path), "--pty", str(path))


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="nothing can be written"):
        run("make", str(tmp_path / "recipe.toml"), "-o", str(tmp_path / "file"))


def test_lists_name_everything(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("list-quirks", "list-defects", "kinds"):
        assert run(action) == 0
    said = capsys.readouterr().out
    assert all(quirk.value in said for quirk in Quirk)
    assert all(word in said for word in PACE_WORDS)
    assert list_quirks() in said
    assert list_defects() in said
    assert list_kinds() in said


def test_nothing_secret_shows() -> None:
    document = made('[access]\ncan = "918273"\n').document
    shown = repr(document) + describe(document)
    assert "918273" not in shown
    assert "MUSTERMANN" not in repr(document)
