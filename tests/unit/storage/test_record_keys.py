"""Key files: private ones are private, wrong ones are named, none is overwritten."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from egate.model.errors import DeviceError, EgateError, TrustError
from egate.storage.keys import (
    create_sealing_key,
    create_signing_key,
    load_sealing_private,
    load_sealing_public,
    load_signing_key,
    load_verify_key,
)
from egate.storage.vault import SealingSuite


def test_signing_keys_come_back(tmp_path: Path) -> None:
    key = create_signing_key(tmp_path / "lane.pem", tmp_path / "lane.pub")
    load_verify_key(tmp_path / "lane.pub").verify(load_signing_key(tmp_path / "lane.pem").sign(b"word"), b"word")
    assert key.private_bytes_raw() == load_signing_key(tmp_path / "lane.pem").private_bytes_raw()
    assert stat.S_IMODE((tmp_path / "lane.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize(("hybrid", "suite"), [(True, SealingSuite.X_WING_AES_256_GCM), (False, SealingSuite.X25519_AES_256_GCM)])
def test_sealing_keys_come_back(tmp_path: Path, hybrid: bool, suite: SealingSuite) -> None:
    create_sealing_key(tmp_path / "seal.pem", tmp_path / "seal.pub", hybrid=hybrid)
    public = load_sealing_public(tmp_path / "seal.pub")
    assert public.suite is suite
    assert public.key_id == load_sealing_private(tmp_path / "seal.pem").public_key().key_id
    assert stat.S_IMODE((tmp_path / "seal.pem").stat().st_mode) == 0o600


def test_an_existing_key_is_never_overwritten(tmp_path: Path) -> None:
    create_signing_key(tmp_path / "lane.pem", tmp_path / "lane.pub")
    before = (tmp_path / "lane.pem").read_bytes()
    with pytest.raises(DeviceError, match="already"):
        create_signing_key(tmp_path / "lane.pem", tmp_path / "other.pub")
    with pytest.raises(DeviceError, match="No such file"):
        create_signing_key(tmp_path / "nowhere" / "lane.pem", tmp_path / "other.pub")
    assert (tmp_path / "lane.pem").read_bytes() == before


def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    create_signing_key(tmp_path / "lane.pem", tmp_path / "lane.pub")
    (tmp_path / "lane.pem").chmod(0o640)
    with pytest.raises(TrustError, match="chmod 600"):
        load_signing_key(tmp_path / "lane.pem")


LOADERS: list[Callable[[Path], object]] = [load_signing_key, load_verify_key, load_sealing_private, load_sealing_public]


@pytest.mark.parametrize("load", LOADERS)
def test_a_wrong_file_is_named(tmp_path: Path, load: Callable[[Path], object]) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(DeviceError, match=r"key\.pem: there is no such key file"):
        load(path)
    for content in (b"", b"no key", b"-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n", bytes(20_000)):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(TrustError, match=r"key\.pem"):
            load(path)


def test_keys_for_other_uses_are_refused(tmp_path: Path) -> None:
    create_signing_key(tmp_path / "sign.pem", tmp_path / "sign.pub")
    create_sealing_key(tmp_path / "seal.pem", tmp_path / "seal.pub")
    wrong: list[tuple[Callable[[Path], object], str]] = [
        (load_signing_key, "seal.pem"),
        (load_verify_key, "seal.pub"),
        (load_sealing_private, "sign.pem"),
        (load_sealing_public, "sign.pub"),
        (load_verify_key, "sign.pem"),
    ]
    for load, name in wrong:
        with pytest.raises(EgateError):
            load(tmp_path / name)
    (tmp_path / "both.pub").write_bytes((tmp_path / "sign.pub").read_bytes() + (tmp_path / "seal.pub").read_bytes())
    with pytest.raises(TrustError):
        load_sealing_public(tmp_path / "both.pub")
    (tmp_path / "both.pem").write_bytes((tmp_path / "sign.pem").read_bytes() + (tmp_path / "seal.pem").read_bytes())
    (tmp_path / "both.pem").chmod(0o600)
    with pytest.raises(TrustError):
        load_sealing_private(tmp_path / "both.pem")


@pytest.mark.foreign
def test_openssl_reads_our_signing_keys(tmp_path: Path) -> None:
    create_signing_key(tmp_path / "lane.pem", tmp_path / "lane.pub")
    shown = subprocess.run(
        ["openssl", "pkey", "-in", str(tmp_path / "lane.pem"), "-pubout"], capture_output=True, check=True, timeout=20
    )
    assert shown.stdout == (tmp_path / "lane.pub").read_bytes()
