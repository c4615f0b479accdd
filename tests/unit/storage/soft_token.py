"""A real PKCS#11 token in software (SoftHSM 2) for the tests of keys; absent where it or python-pkcs11 is not installed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")
PIN, OFFICER_PIN = "48151623", "42108642"
CONFIGURATION = "SOFTHSM2_CONF"


@dataclass(frozen=True)
class SoftToken:
    """One token named `label`, its library and the file with its PIN."""

    label: str
    module: Path
    pin_file: Path

    def uri(self, key: str, more: str = "", *, pin: Path | None = None) -> str:
        """The reference of a key in it."""
        pin_file = self.pin_file if pin is None else pin
        return f"pkcs11:token={self.label};object={key}{more}?module-path={self.module}&pin-source=file:{pin_file}"


def softhsm_module() -> Path | None:
    """The library, where everything that a test needs is installed."""
    there = shutil.which("softhsm2-util") and importlib.util.find_spec("pkcs11")
    return next((Path(name) for name in MODULES if Path(name).exists()), None) if there else None


needs_softhsm = pytest.mark.skipif(softhsm_module() is None, reason="softhsm2 or python-pkcs11 is not installed")


def prepare_softhsm(folder: Path) -> None:
    """Tokens of this process lie in `folder` from now on; once for a process, because the library reads it once."""
    (folder / "tokens").mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ[CONFIGURATION] = str(folder / "softhsm2.conf")


def make_token(folder: Path, label: str) -> SoftToken:
    """One more token, with its PIN in a file for this account alone."""
    module = softhsm_module()
    assert module is not None
    command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", OFFICER_PIN, "--pin", PIN]
    subprocess.run(command, check=True, capture_output=True)
    pkcs11 = importlib.import_module("pkcs11")

    pkcs11.lib(str(module)).reinitialize()  # tokens that were made by another program
    pin_file = folder / f"{label}.pin"
    pin_file.write_text(PIN + "\n")
    pin_file.chmod(0o600)
    return SoftToken(label, module, pin_file)
