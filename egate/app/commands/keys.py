"""`egate keys`: keeps the keystore file and the keys of PKCS#11 tokens. It shows names, kinds and fingerprints, never a key (L6).

A KEY is NAME or keystore:NAME for one in the keystore file, or a PKCS#11 URI for one in a token.
"""

from __future__ import annotations

import argparse
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from egate.app.clock import SystemClock
from egate.app.config import ConfigError, LaneConfig, load_config
from egate.app.named_keys import NamedKey
from egate.app.wiring import read_hex_key
from egate.model.errors import EgateError, MalformedData
from egate.storage.keystore.keyring import Keyring
from egate.storage.keystore.references import Reference, StoreReference, TokenReference, is_reference, parse_reference
from egate.storage.keystore.secrets import KeyKind, StoredKey
from egate.storage.keystore.store import Keystore, read_private

KEY_FILE_LIMIT_BYTES = 16 * 1024
WELL, FOUND = 0, 1
_HEX = re.compile(r"(?:[0-9a-fA-F]{32}){1,2}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `egate keys`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    kinds = [kind.value for kind in KeyKind]
    _action(actions, "list", "names, kinds, dates and fingerprints of the keystore")
    making = _action(actions, "make", "make a key, in the keystore or inside a token", one_key=True)
    making.add_argument("--kind", choices=kinds, required=True, help="aes128 for a gate unit, aes256 for lists, ed25519 to sign")
    bringing = _action(actions, "import", "bring a key in from a file (hexadecimal, or PEM for ed25519)", one_key=True)
    bringing.add_argument("--kind", choices=kinds, required=True)
    bringing.add_argument("--from", dest="source", type=Path, metavar="FILE", required=True)
    _action(actions, "rotate", "make a new key in the place of one; the old one stays as NAME.previous", one_key=True)
    _action(actions, "remove", "forget a key, or destroy it in its token", one_key=True)
    _action(actions, "public", "show the public half of a signing key (PEM)", one_key=True)
    checking = _action(actions, "check", "use keys once and say whether they can be used")
    checking.add_argument("keys", nargs="*", metavar="KEY", help="default: every key that --config names")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, sentence: str, *, one_key: bool = False
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".")
    where = action.add_mutually_exclusive_group()
    where.add_argument("--keystore", type=Path, metavar="FILE", help="the keystore file")
    where.add_argument("--config", type=Path, metavar="FILE", help="the lane's configuration, which names it ([keys] keystore)")
    if one_key:
        action.add_argument("key", metavar="KEY")
    return action


def run(arguments: argparse.Namespace) -> int:
    """Do one action; raises ConfigError, DeviceError, TrustError or MalformedData with what to do."""
    return _ACTIONS[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> int:
    keys = _store(arguments).keys()
    width = max((len(name) for name in keys), default=0)
    for name, key in keys.items():
        _say(f"{name:{width}}  {key.kind.value:7}  {key.made}  {key.fingerprint}")
    return WELL


def _make(arguments: argparse.Namespace) -> int:
    kind, reference = KeyKind(arguments.kind), _reference(arguments.key)
    if isinstance(reference, TokenReference):
        with closing(Keyring(None)) as ring:
            ring.token(reference, writing=True).make(kind)
    else:
        _store(arguments).add(reference.name, _made(kind, secrets.token_bytes(kind.size_bytes)))
    return _show(arguments, reference)


def _import(arguments: argparse.Namespace) -> int:
    kind, reference = KeyKind(arguments.kind), _reference(arguments.key)
    secret = _secret_of(arguments.source, kind)
    if isinstance(reference, TokenReference):
        with closing(Keyring(None)) as ring:
            ring.token(reference, writing=True).take_in(kind, secret)
    else:
        _store(arguments).add(reference.name, _made(kind, secret))
    _say(f"{arguments.source} still holds the key: remove it, or lock it away as its only copy")
    return _show(arguments, reference)


def _rotate(arguments: argparse.Namespace) -> int:
    reference, store = _reference(arguments.key), _store(arguments)
    if isinstance(reference, TokenReference):
        raise ConfigError("a key in a token is rotated by making one of another name and naming that in the configuration")
    kind = store.key(reference.name).kind
    store.rotate(reference.name, _made(kind, secrets.token_bytes(kind.size_bytes)))
    return _show(arguments, reference)


def _remove(arguments: argparse.Namespace) -> int:
    reference = _reference(arguments.key)
    if isinstance(reference, TokenReference):
        with closing(Keyring(None)) as ring:
            ring.token(reference, writing=True).remove()
    else:
        _store(arguments).remove(reference.name)
    _say(f"{reference} is removed")
    return WELL


def _public(arguments: argparse.Namespace) -> int:
    with closing(_ring(arguments)) as ring:
        half = ring.signing_key(_reference(arguments.key)).public_key()
    _say(half.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii").rstrip())
    return WELL


def _check(arguments: argparse.Namespace) -> int:
    if not arguments.keys and arguments.config is None:
        raise ConfigError("which keys? name them, or --config FILE for those of a lane")
    problems = 0
    for name, judge in _judges(arguments):
        try:
            _say(f"good  {name}  {judge()}")
        except (ConfigError, EgateError) as error:
            problems += 1
            _say(f"BAD   {name}  {error}")
    return FOUND if problems else WELL


def _judges(arguments: argparse.Namespace) -> Iterator[tuple[str, Callable[[], str]]]:
    """What to check, each with what says how it is."""
    store = _store_path(arguments)
    if arguments.keys:
        for text in arguments.keys:
            yield text.partition("?")[0], partial(_proof, NamedKey(_reference(text), store))
        return
    config = load_config(arguments.config)
    for table, option, path in _of_lane(config):
        if isinstance(option, NamedKey):
            yield f"[{table}] key", partial(_proof, option)
        elif path is not None:
            yield f"[{table}] key_file", partial(_proof_of_file, path, f"[{table}]")


def _of_lane(config: LaneConfig) -> tuple[tuple[str, object, object], ...]:
    return (
        ("devices.gate", config.gate.options.get("key"), config.gate.options.get("key_file")),
        ("watchlists", config.watchlist_named, config.watchlist_key),
    )


def _proof(named: NamedKey) -> str:
    with closing(Keyring(named.store)) as ring:
        kind, fingerprint = ring.fingerprint(named.reference)
    return f"{kind.value}  {fingerprint}"


def _proof_of_file(path: object, what: str) -> str:
    return f"{len(read_hex_key(path, what)) * 8} bits"


def _show(arguments: argparse.Namespace, reference: Reference) -> int:
    """The key as the others may see it."""
    with closing(_ring(arguments) if isinstance(reference, StoreReference) else Keyring(None)) as ring:
        kind, fingerprint = ring.fingerprint(reference)
    _say(f"{reference}  {kind.value}  {fingerprint}")
    return WELL


def _made(kind: KeyKind, secret: bytes) -> StoredKey:
    today = datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, UTC).date()
    return StoredKey(kind, today.isoformat(), secret)


def _secret_of(path: Path, kind: KeyKind) -> bytes:
    """The key that a file holds; what is in it never shows in a message."""
    data = read_private(path, KEY_FILE_LIMIT_BYTES)
    if kind is KeyKind.ED25519:
        try:
            key = load_pem_private_key(data, None)
        except (ValueError, TypeError):
            key = None
        if isinstance(key, Ed25519PrivateKey):
            return key.private_bytes_raw()
    text = data.decode("ascii", "replace").strip()
    if kind is KeyKind.ED25519 or not _HEX.fullmatch(text) or len(text) != 2 * kind.size_bytes:
        raise MalformedData(f"reading {path}", f"it does not hold one key of kind {kind.value}")
    return bytes.fromhex(text)


def _reference(text: str) -> Reference:
    return parse_reference(text if is_reference(text) else f"keystore:{text}", Path.cwd())


def _store_path(arguments: argparse.Namespace) -> Path | None:
    if arguments.config is None:
        return arguments.keystore  # type: ignore[no-any-return]  # argparse made it a Path
    config = load_config(arguments.config)
    return config.keystore


def _store(arguments: argparse.Namespace) -> Keystore:
    path = _store_path(arguments)
    if path is None:
        raise ConfigError("no keystore is named: --keystore FILE, or --config FILE with [keys] keystore")
    return Keystore(path)


def _ring(arguments: argparse.Namespace) -> Keyring:
    return Keyring(_store_path(arguments))


def _say(line: str) -> None:
    print(line)  # noqa: T201 - the command's answer


_ACTIONS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "make": _make,
    "import": _import,
    "rotate": _rotate,
    "remove": _remove,
    "public": _public,
    "check": _check,
}
