"""The journal and the folder: every change is seen, none is half, nobody else writes meanwhile."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.supply import folder as folder_module
from egate.supply.folder import Authorship, Draft, Item, TrustFolder
from egate.supply.holdings import holdings_of
from egate.supply.journal import checked_text, parse_journal
from tests.unit.supply.supply_place import BY, NOW, TODAY, fingerprint, folder_with, state, take

DRAFT = Draft("import", "certificate", "file", "00", "", "verdict", ())


@pytest.fixture
def place(tmp_path: Path) -> TrustFolder:
    issuer = state()
    folder = folder_with(tmp_path / "trust", issuer)
    take(folder, issuer.revocation_list(7))
    take(folder, issuer.master_list(issuer.csca_certificate))
    return folder


def test_who_when_why_source_anchor_and_verdict_are_kept(place: TrustFolder) -> None:
    pinned, crl, listed = place.entries()
    assert (pinned.who, pinned.why, pinned.when) == ("A. Officer", "monthly update", NOW)
    assert (crl.number, crl.previous) == (2, pinned.sha256)
    assert listed.anchor == fingerprint(state().csca_certificate)
    assert "signature verified under the pinned key" in listed.verdict
    assert "the operator confirmed the fingerprint" in pinned.verdict


def change(folder: TrustFolder, line: int, key: str, value: str) -> None:
    path = folder.root / "journal.jsonl"
    lines = path.read_bytes().splitlines()
    tree = {**json.loads(lines[line]), key: value}
    lines[line] = json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize("line", [0, 1])
@pytest.mark.parametrize("key", ["who", "why", "verdict", "manifest", "when", "anchor"])
def test_a_changed_line_is_noticed(place: TrustFolder, line: int, key: str) -> None:
    change(place, line, key, "2026-01-01T00:00:00Z" if key == "when" else "0" * 64)
    with pytest.raises(TrustError, match=rf"line {line + 2} does not follow"):
        place.entries()


def test_the_last_line_cannot_name_another_manifest(place: TrustFolder) -> None:
    """Its words need a signature, or the memory of the lane; what it brings in is bound by the object's hash."""
    change(place, 2, "manifest", "0" * 64)
    with pytest.raises(TrustError, match="restore the folder from a copy"):
        holdings_of(place, place.entries())


def test_a_removed_moved_or_cut_line_is_noticed(place: TrustFolder) -> None:
    first, second, third = (place.root / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for lines in ((second, third), (first, third), (second, first, third), (first, second, third[:-1])):
        with pytest.raises(TrustError, match="restore"):
            parse_journal(b"".join(lines))
    with pytest.raises(MalformedData, match="line 1 is not an entry"):
        parse_journal(b"[]\n")


def test_a_changed_or_missing_object_is_noticed(place: TrustFolder) -> None:
    (item,) = place.items(place.entries()[0])
    path = place.root / "objects" / item.sha256[:2] / item.sha256
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(TrustError, match="it was changed after it was trusted; restore the folder"):
        holdings_of(place, place.entries()).certificates("csca")
    path.unlink()
    with pytest.raises(TrustError, match="restore the folder"):
        holdings_of(place, place.entries()).certificates("csca")


def test_objects_without_a_journal_are_refused(place: TrustFolder) -> None:
    (place.root / "journal.jsonl").unlink()
    with pytest.raises(TrustError, match="there are objects but no journal"):
        place.entries()


def test_an_empty_journal_is_refused(place: TrustFolder) -> None:
    (place.root / "journal.jsonl").write_bytes(b"")
    with pytest.raises(TrustError, match="the journal is empty"):
        place.entries()


def test_a_signer_covers_the_whole_journal(place: TrustFolder) -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signed = TrustFolder(place.root, key.public_key())
    with pytest.raises(TrustError, match="entry 3 is not signed"):
        signed.entries()
    with place.locked():
        place.commit([DRAFT], [], Authorship("B", "sign it", NOW, key.sign))
    assert len(signed.entries()) == 4
    with pytest.raises(TrustError, match="entry 4 is not signed"):
        TrustFolder(place.root, other.public_key()).entries()
    path = place.root / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"who":"B"', b'"who":"C"'))
    with pytest.raises(TrustError, match="entry 4 is not signed"):
        signed.entries()


def test_two_imports_exclude_each_other(place: TrustFolder) -> None:
    with place.locked(), pytest.raises(DeviceError, match="another import is at work"), TrustFolder(place.root).locked():
        pass
    with place.locked():
        pass


def test_a_stop_before_the_journal_leaves_the_folder_as_it_was(place: TrustFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was written first, readers see the old state until the journal is replaced in one step."""
    before = (place.root / "journal.jsonl").read_bytes()
    real = folder_module.write_durably

    def stop(path: Path, data: bytes, *, sync: bool = True) -> None:
        if path.name == "journal.jsonl":
            raise DeviceError("writing", "no space left")
        real(path, data, sync=sync)

    monkeypatch.setattr(folder_module, "write_durably", stop)
    with pytest.raises(DeviceError, match="no space left"), place.locked():
        place.commit([DRAFT], [b"new object"], BY)
    assert (place.root / "journal.jsonl").read_bytes() == before
    monkeypatch.undo()
    with place.locked():
        place.commit([DRAFT], [b"new object"], BY)
    assert place.read_object(fingerprint(b"new object")) == b"new object"


def test_everything_is_for_this_account_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        issuer = state()
        folder = folder_with(tmp_path / "trust", issuer)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (folder.root, *folder.root.rglob("*"))}
    assert modes == {0}
    assert not list(folder.root.rglob("*.new"))


def test_more_than_a_few_objects_are_written_too(tmp_path: Path) -> None:
    folder = TrustFolder(tmp_path / "trust")
    objects = [f"object {number}".encode() for number in range(folder_module.SYNC_EACH_BELOW + 5)]
    items = tuple(Item("csca", fingerprint(data), "listed") for data in objects)
    with folder.locked():
        (entry,) = folder.commit([Draft("import", "certificate", "f", "00", "", "v", items)], objects, BY)
    assert folder.items(entry) == items
    assert all(folder.read_object(item.sha256) for item in items)


@pytest.mark.parametrize("text", ["", "  ", "two\nlines", "\x1b[31mred", "x" * 1001])
def test_words_for_the_journal_are_one_printable_line(text: str) -> None:
    with pytest.raises(MalformedData, match="--why must be one line"):
        checked_text(text, "--why")
    assert NOW.date() == TODAY
