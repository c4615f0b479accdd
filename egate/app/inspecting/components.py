"""Which programs and libraries had a part in an inspection, with their versions (TR-03135-1 §6.3)."""

from __future__ import annotations

import platform

import cryptography
from cryptography.hazmat.backends.openssl import backend

from egate import __version__

Components = tuple[tuple[str, str], ...]


def software() -> Components:
    """The programs and libraries of this machine."""
    return (
        ("egate", __version__),
        ("python", platform.python_version()),
        ("cryptography", cryptography.__version__),
        ("openssl", str(backend.openssl_version_text())),
    )
