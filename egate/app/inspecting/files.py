"""Files of a desk: rules that are read, and results that hold personal data and are written for this account alone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from egate.app.config import ConfigError
from egate.checks.profile import default_profile, load_profile
from egate.model.checks import Profile
from egate.mrtd.terminal_auth import TerminalCredentials
from egate.pki.terminal_key import credentials_with_key, load_private_key

LARGEST_INPUT_BYTES = 8 * 1024 * 1024
"""Profiles, keys, certificates and records are far smaller."""


def read_input(path: Path, option: str) -> bytes:
    """A file that an option names; raises ConfigError."""
    try:
        if path.stat().st_size > LARGEST_INPUT_BYTES:
            raise ConfigError(f"{option} {path}: larger than {LARGEST_INPUT_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{option} {path}: {error.strerror}") from None


def profile_of(path: Path | None) -> Profile:
    """The profile of a file, or the one that comes with the project; raises ConfigError or MalformedData."""
    return default_profile() if path is None else load_profile(read_input(path, "--profile").decode("utf-8", "replace"))


def write_private(path: Path, data: bytes, option: str) -> None:
    """Write a file that only this account may read, whole or not at all; raises ConfigError."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ConfigError(f"{option} {path}: {error.strerror}") from None


def refuse_unwritable(path: Path | None, option: str) -> None:
    """Say before the document is read that its result could not be written; raises ConfigError."""
    if path is not None and not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{option} {path}: nothing can be written in {path.parent}")


def terminal_credentials(chain: list[Path], key: Path | None) -> tuple[TerminalCredentials, ...]:
    """The terminal's certificates and key, nothing where none are named; raises ConfigError, TrustError or MalformedData."""
    if not chain and key is None:
        return ()
    if not chain or key is None:
        raise ConfigError("--terminal-chain and --terminal-key go together")
    certificates = [read_input(path, "--terminal-chain") for path in chain]
    return (credentials_with_key(certificates, load_private_key(read_input(key, "--terminal-key"))),)
