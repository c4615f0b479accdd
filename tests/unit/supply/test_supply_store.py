"""What a lane loads: plain folders as before, journals, a cache that cannot be used against us, and what becomes stale."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drivers.sim.passport.certification import ListedDefect
from egate.model.errors import MalformedData, TrustError
from egate.pki.certificate import parse_certificate
from egate.supply import cache as cache_module
from egate.supply.cache import CachePlace, read_cache, write_cache
from egate.supply.expiry import LIST_LIFE_DAYS, Stale, stale_soon
from egate.supply.folder import TrustFolder
from egate.supply.store import Supplied, load_trust
from tests.unit.supply.supply_place import TODAY, fingerprint, folder_with, state, take

UTOPIA, GERMANY = state(), state("D", 2)
UT, DE = UTOPIA.csca_certificate, GERMANY.csca_certificate


@pytest.fixture
def place(tmp_path: Path) -> CachePlace:
    return CachePlace.beside(tmp_path / "lane.db", secrets.token_bytes)


@pytest.fixture
def folder(tmp_path: Path) -> TrustFolder:
    folder = folder_with(tmp_path / "trust", UTOPIA)
    for data in (
        UTOPIA.master_list(UT, DE),
        UTOPIA.signer.certificate,
        UTOPIA.revocation_list(7),
        UTOPIA.deviation_list(),
        UTOPIA.defect_list(ListedDefect(UTOPIA.signer, (("1.1", b"\x0a\x01\x03"),)), signed_at=TODAY),
    ):
        assert not take(folder, data).refused
    return folder


def same(first: Supplied, second: Supplied) -> bool:
    return replace(first, from_cache=False) == replace(second, from_cache=False)


def test_the_cache_says_what_the_folder_says(folder: TrustFolder, place: CachePlace) -> None:
    raw, cached = load_trust(folder, TODAY, place), load_trust(folder, TODAY, place)
    assert (raw.from_cache, cached.from_cache) == (False, True)
    assert same(raw, cached)
    assert {fingerprint(c.der) for c in cached.store.certificates} == {fingerprint(UT), fingerprint(DE)}
    assert cached.store.revocations["UT"].serial_numbers == {7}
    assert [found.country for found in cached.store.deviations] == ["UT"]
    assert [(found.country, found.signed, found.count) for found in cached.store.defects] == [("UT", TODAY, 1)]
    assert cached.store.is_revoked(parse_certificate(UTOPIA.signer.certificate))
    assert len(cached.store.signers.certificates) == 1


def test_every_change_of_the_folder_makes_the_cache_void(folder: TrustFolder, place: CachePlace) -> None:
    load_trust(folder, TODAY, place)
    take(folder, UTOPIA.roll_over()[1])
    after = load_trust(folder, TODAY, place)
    assert not after.from_cache
    assert len(after.store.certificates) == 3


def test_a_cache_that_is_not_ours_counts_as_none(folder: TrustFolder, place: CachePlace) -> None:
    """Changed, of another lane (another key), unreadable, or readable by others: the folder is read instead."""
    good = load_trust(folder, TODAY, place)
    data, key = place.cache.read_bytes(), place.key.read_bytes()

    def untouched() -> None:
        place.cache.write_bytes(data)
        place.key.write_bytes(key)
        place.key.chmod(0o600)
        assert load_trust(folder, TODAY, place).from_cache

    untouched()
    for position in (0, 31, 32, len(data) // 2, len(data) - 1):
        changed = bytearray(data)
        changed[position] ^= 1
        place.cache.write_bytes(changed)
        assert not load_trust(folder, TODAY, place).from_cache
        untouched()
    place.cache.write_bytes(b"")
    assert not load_trust(folder, TODAY, place).from_cache
    untouched()
    place.key.write_bytes(secrets.token_bytes(32))
    assert not load_trust(folder, TODAY, place).from_cache
    untouched()
    place.key.chmod(0o644)
    assert not load_trust(folder, TODAY, place).from_cache
    assert place.key.stat().st_mode & 0o077 == 0, "a new key was made, for this account alone"
    assert same(load_trust(folder, TODAY, place), good)


def test_a_changed_journal_is_refused_although_a_cache_of_the_true_one_lies_there(folder: TrustFolder, place: CachePlace) -> None:
    """A journal with a changed line is refused even while a cache of the true one lies there."""
    load_trust(folder, TODAY, place)
    path = folder.root / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"monthly update", b"monthly UPDATE", 1))
    with pytest.raises(TrustError, match="line 2 does not follow"):
        load_trust(folder, TODAY, place)


def test_another_version_of_the_program_reads_no_old_cache(place: CachePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cache(place, "00", [1, 2])
    assert read_cache(place, "00") == [1, 2]
    assert read_cache(place, "01") is None
    monkeypatch.setattr(cache_module, "_CONTEXT", b"egate trust cache 1\nanother\n")
    assert read_cache(place, "00") is None


def test_a_cache_of_another_shape_counts_as_none(folder: TrustFolder, place: CachePlace) -> None:
    good = load_trust(folder, TODAY, place)
    for value in (None, [], [1, 2, 3, 4, 5, 6], [[["x"]], [[], []], [], [], [], []]):
        write_cache(place, folder.entries()[-1].sha256, value)
        assert same(load_trust(folder, TODAY, place), good)


def test_a_link_in_the_place_of_the_key_is_not_followed(folder: TrustFolder, place: CachePlace, tmp_path: Path) -> None:
    known = tmp_path / "known-key"
    known.write_bytes(bytes(32))
    known.chmod(0o600)
    place.key.symlink_to(known)
    load_trust(folder, TODAY, place)
    assert not place.key.is_symlink()
    assert place.key.read_bytes() != bytes(32)


def test_a_plain_folder_works_as_before(tmp_path: Path, place: CachePlace) -> None:
    root = tmp_path / "plain"
    root.mkdir()
    (root / "utopia.cer").write_bytes(UT)
    (root / "utopia.ml").write_bytes(UTOPIA.master_list(UT, DE))
    first, second = load_trust(TrustFolder(root), TODAY, place), load_trust(TrustFolder(root), TODAY, place)
    assert (len(first.store.certificates), first.head_number) == (2, 0)
    assert second.from_cache
    assert not load_trust(TrustFolder(root), TODAY + timedelta(days=1), place).from_cache, "validity is judged by the day"
    (root / "other.ml").write_bytes(GERMANY.master_list(DE))
    with pytest.raises(TrustError, match="no trusted signer"):
        load_trust(TrustFolder(root), TODAY, place)
    assert not (root / "journal.jsonl").exists()
    (root / "other.ml").write_bytes(b"nonsense")
    with pytest.raises(MalformedData):
        load_trust(TrustFolder(root), TODAY, place)


def test_loose_files_beside_a_journal_count_no_more_and_are_named(folder: TrustFolder) -> None:
    (folder.root / "intruder.cer").write_bytes(state("UTO", 77).csca_certificate)
    supplied = load_trust(folder, TODAY)
    assert len(supplied.store.certificates) == 2
    assert "intruder.cer" in supplied.remarks[0]


def test_an_old_list_is_told_before_it_is_too_old(folder: TrustFolder) -> None:
    supplied = replace(load_trust(folder, TODAY), list_dates=(("UT", TODAY),))
    assert not [w for w in stale_soon(supplied, TODAY, 0) if w.what is Stale.MASTER_LIST]
    (warning,) = [w for w in stale_soon(supplied, TODAY + timedelta(days=60)) if w.what is Stale.MASTER_LIST]
    assert (warning.country, warning.days) == ("UT", 30)
    assert warning.text == f"the master list of UT is out of date in 30 days, on {TODAY + timedelta(days=90)}: import a newer one"
    (late,) = [w for w in stale_soon(supplied, TODAY + timedelta(days=91)) if w.what is Stale.MASTER_LIST]
    assert late.text == f"the master list of UT is out of date since {TODAY + timedelta(days=90)}: import a newer one"


def test_a_revocation_list_is_told_before_its_next_is_due(folder: TrustFolder) -> None:
    supplied = load_trust(folder, TODAY)
    due = supplied.store.revocations["UT"].next_update
    assert due is not None
    found = [w for w in stale_soon(supplied, due - timedelta(days=5), 5) if w.what is Stale.REVOCATION_LIST]
    assert [(w.country, w.days) for w in found] == [("UT", 5)]
    assert not [w for w in stale_soon(supplied, due - timedelta(days=6), 5) if w.what is Stale.REVOCATION_LIST]


def test_a_state_that_loses_its_last_key_is_told_and_forgotten_later(folder: TrustFolder) -> None:
    supplied = load_trust(folder, TODAY)
    last = max(c.not_after.date() for c in supplied.store.certificates if c.subject_country == "DE")

    def days(day: int) -> list[int]:
        found = stale_soon(supplied, last + timedelta(days=day))
        return [w.days for w in found if w.what is Stale.COUNTRY and w.country == "DE"]

    assert (days(-31), days(-30), days(0), days(90), days(91)) == ([], [30], [0], [-90], [])


def test_a_defect_list_that_nobody_renewed_is_told(folder: TrustFolder) -> None:
    supplied = load_trust(folder, TODAY)
    due = TODAY + timedelta(days=LIST_LIFE_DAYS)
    (found,) = (w for w in stale_soon(supplied, due - timedelta(days=5), 5) if w.what is Stale.DEFECT_LIST)
    assert (found.country, found.days, found.text) == (
        "UT",
        5,
        f"the defect list of UT is out of date in 5 days, on {due}: import a newer one",
    )
    assert not [w for w in stale_soon(supplied, due - timedelta(days=6), 5) if w.what is Stale.DEFECT_LIST]


def test_the_most_urgent_warning_comes_first(folder: TrustFolder) -> None:
    warnings = stale_soon(load_trust(folder, TODAY), TODAY + timedelta(days=3000), 5000)
    assert [w.due for w in warnings] == sorted(w.due for w in warnings)
    assert {w.what for w in warnings} == set(Stale)
