"""The folder of an agency's terminal certificates: one folder for each State whose chips let the terminal read fingerprints.

Source: BSI TR-03110-3 §2.3, §2.5. In each folder lie `*.cvcert` files, one certificate each, from the State's self-signed CVCA
over links and a document verifier to this terminal, and one `*.pem` with the terminal's key. Rule: names of files mean nothing;
who signed whom puts the certificates in order. What does not hold together, or a key that others may read, ends the start of the
lane in one sentence, because at the first traveller it would be too late. What expires soon, or has expired, is said in the log:
without it chips keep their fingerprints, and the lane goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from egate.app.config import ConfigError
from egate.model.errors import MalformedData, TrustError
from egate.mrtd.terminal_auth import TerminalCredentials
from egate.pki.cvc import MAXIMUM_CERTIFICATE_BYTES, CvCertificate, Role, parse_certificate
from egate.pki.cvc_chain import MAXIMUM_CHAIN, trust_point, verify_chain
from egate.pki.terminal_key import credentials_with_key, load_private_key

MOST_STATES = 64
"""Agencies have agreements with a few dozen States."""
MOST_FILES = 16
"""Certificates in one folder; a chain has four to six."""
LARGEST_KEY_BYTES = 16 * 1024
WITHIN_DAYS = 7
"""How long before the day a warning comes. Terminal certificates live for weeks, so a longer time would say nothing."""

_LOG = logging.getLogger(__name__)
_WHAT = "[terminal] directory"


def load_terminal_folder(directory: Path, today: date) -> tuple[TerminalCredentials, ...]:
    """The credentials of every State in the folder that are in force today; raises ConfigError with what to do."""
    if not directory.is_dir():
        raise ConfigError(f"{_WHAT}: {directory} is not there; without terminal certificates leave the table out")
    folders = sorted(path for path in directory.iterdir() if path.is_dir())
    if not 1 <= len(folders) <= MOST_STATES:
        raise ConfigError(f"{_WHAT}: {directory} must hold one folder for each State, 1 to {MOST_STATES} of them")
    return tuple(found for folder in folders if (found := _credentials(folder, today)) is not None)


def _credentials(folder: Path, today: date) -> TerminalCredentials | None:
    """One State: 1. the certificates in order; 2. verified against its CVCA; 3. the key that belongs to the last; 4. how long.

    None when they are expired; they are verified all the same, for their last day.
    """
    try:
        root, chain = _in_order(_certificates(folder))  # 1
        ends = _last_day(root, [certificate for certificate, _ in chain])
        verify_chain([certificate for certificate, _ in chain], [trust_point(root)], min(today, ends))  # 2
        found = credentials_with_key([data for _, data in chain], load_private_key(_key(folder)))  # 3
    except (MalformedData, TrustError) as error:
        raise ConfigError(f"{_WHAT}: {folder}: {error}") from None
    _warn(folder, ends, (ends - today).days)  # 4
    return found if today <= ends else None


def _certificates(folder: Path) -> list[tuple[CvCertificate, bytes]]:
    paths = sorted(folder.glob("*.cvcert"))
    if not 3 <= len(paths) <= MOST_FILES:
        raise ConfigError(
            f"{_WHAT}: {folder} must hold 3 to {MOST_FILES} certificates (*.cvcert): CVCA, document verifier, terminal"
        )
    read = [_read(path, MAXIMUM_CERTIFICATE_BYTES) for path in paths]
    return [(parse_certificate(data), data) for data in read]


def _in_order(found: Sequence[tuple[CvCertificate, bytes]]) -> tuple[CvCertificate, list[tuple[CvCertificate, bytes]]]:
    """The self-signed CVCA and the chain below it, found upwards from the terminal; a link leads on to the CVCA before."""
    terminals = [item for item in found if item[0].role is Role.TERMINAL]
    if len(terminals) != 1:
        raise TrustError(_WHAT, "it must hold exactly one certificate of a terminal")
    chain = terminals
    while len(chain) <= MAXIMUM_CHAIN:
        issuer = chain[0][0].authority_reference
        above = [item for item in found if item[0].holder_reference == issuer and item not in chain]
        link = next((item for item in above if not item[0].self_signed), None)
        if link is not None:
            chain = [link, *chain]
            continue
        root = next((certificate for certificate, _ in above), None)
        if root is None:
            raise TrustError(_WHAT, f"the certificate of {issuer} is missing")
        return root, chain
    raise TrustError(_WHAT, "its chain is longer than any can be")


def _key(folder: Path) -> bytes:
    paths = sorted(folder.glob("*.pem"))
    if len(paths) != 1:
        raise ConfigError(f"{_WHAT}: {folder} must hold exactly one key (*.pem)")
    data = _read(paths[0], LARGEST_KEY_BYTES)
    if paths[0].stat().st_mode & 0o077:
        raise ConfigError(f"{_WHAT}: other accounts of this machine may read {paths[0]}; run: chmod 600 {paths[0]}")
    return data


def _read(path: Path, limit_bytes: int) -> bytes:
    try:
        if path.stat().st_size > limit_bytes:
            raise ConfigError(f"{_WHAT}: {path} is larger than {limit_bytes} bytes")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{_WHAT}: {path} cannot be read: {error.strerror}") from None


def _last_day(root: CvCertificate, chain: Sequence[CvCertificate]) -> date:
    """The day on which the first ends of terminal, document verifier, and the CVCA key that signed that."""
    below = [one for one in chain if one.role is not Role.CVCA]
    above = [one for one in (root, *chain) if one.holder_reference == below[0].authority_reference]
    return min(one.last_day for one in (*below, *above[-1:]))


def _warn(folder: Path, ends: date, days: int) -> None:
    if days < 0:
        _LOG.warning("terminal: a certificate in %s expired on %s; chips refuse fingerprints: import newer ones", folder, ends)
    elif days <= WITHIN_DAYS:
        _LOG.warning("terminal: a certificate in %s ends in %d days, on %s: import newer ones", folder, days, ends)
