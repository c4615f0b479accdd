"""A complete lane in one folder: keys, trust, officers, lists, configuration.

The demo runs on it, and a newcomer can start a real lane from it.

Everything secret is made anew from the machine's entropy each time; nothing of it depends on the demo's seed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from egate.model.watchlist import ListKind
from egate.storage.keys import create_sealing_key, create_signing_key
from egate.supply.folder import Authorship, TrustFolder
from egate.supply.holdings import holdings_of
from egate.supply.importing import Request, plan_import
from egate.supply.recognise import hash_file, recognise_file
from egate.watchlist.index import build_document_index, document_key
from egate.watchlist.lists import ListHeader, encode_list, key_name
from egate.watchlist.persons import PersonEntry, encode_persons

LANE_NAME = "UTO-A1"
LANE_NUMBER = 1
OFFICER = "7731"
LIST_LIFE = timedelta(days=7)
"""How long the demo's lists are in force."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where everything of one lane and its centre lies below `root`."""

    root: Path

    @property
    def config(self) -> Path:
        """The lane's configuration."""
        return self.root / "lane.toml"

    @property
    def socket(self) -> Path:
        """The lane's message socket."""
        return self.root / "lane.sock"

    @property
    def database(self) -> Path:
        """The lane's own log."""
        return self.root / "lane.db"

    @property
    def ledger(self) -> Path:
        """The centre's ledger."""
        return self.root / "centre" / "ledger.db"

    @property
    def lanes(self) -> Path:
        """The public keys of lanes, as the centre knows them."""
        return self.root / "centre" / "lanes"

    @property
    def frames(self) -> Path:
        """The preview frames."""
        return self.root / "frames"

    def key(self, name: str) -> Path:
        """A key file."""
        return self.root / "keys" / name

    def port(self, name: str) -> Path:
        """The stable name of a serial port."""
        return self.root / "ports" / name

    @property
    def scene(self) -> Path:
        """What the camera sees now: a link to a folder of frames."""
        return self.root / "scenes" / "now"


def make_installation(
    root: Path, csca: bytes, today: date, listed: Iterable[tuple[str, str]], revocations: bytes = b"", camera: str = ""
) -> tuple[Installation, bytes]:
    """Make everything below `root`; returns it with the gate unit's key. `listed`: (issuing state, document number).

    `camera`: the words of a camera of one's own, in place of the drawn scenes.
    With a State's revocation list the trust folder has a journal, signed as an agency would; without one it is a plain folder.
    """
    place = Installation(root)
    for folder in ("", "keys", "officers", "trust", "lists", "ports", "scenes", "centre", "centre/lanes"):
        (root / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(root / "trust" / "utopia.cer", csca)
    create_signing_key(place.key("lane.pem"), place.lanes / f"{LANE_NAME}.pem")
    create_signing_key(place.key("receipts.pem"), place.key("receipts.pub"))
    create_sealing_key(place.key("sealing.pem"), place.key("sealing.pub"))
    create_signing_key(place.key(f"{OFFICER}.pem"), root / "officers" / f"{OFFICER}.pem")
    owner = create_signing_key(place.key("lists.pem"), place.key("lists.pub"))
    gate_key, list_key = secrets.token_bytes(16), secrets.token_bytes(32)
    _write(place.key("gate.hex"), gate_key.hex().encode("ascii"))
    _write(place.key("lists.hex"), list_key.hex().encode("ascii"))
    _write_lists(root / "lists", owner, list_key, today, listed)
    _write(root / "profile.toml", _profile().encode("utf-8"))
    if revocations:
        _begin_journal(place, csca, revocations, today)
    _write(place.config, _configuration(place, camera, signed_trust=bool(revocations)).encode("utf-8"))
    return place, gate_key


def _profile() -> str:
    """The profile that ships, with a second opinion, a suspected attack sent to an officer, and travellers who come again."""
    text = files("egate.checks.profiles").joinpath("eu-entry.toml").read_text("utf-8")
    text = text.replace('second_opinion = ""', 'second_opinion = "dlib"')
    text = text.replace("multiple_use_window_s = 600", "multiple_use_window_s = 0")
    return text.replace('presentation_attack = { mode = "evaluatory"', 'presentation_attack = { mode = "mandatory"')


def _write(path: Path, data: bytes) -> None:
    """A new file of this account alone, whatever the umask: who may change trust, lists or policy decides who is admitted."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


def _write_lists(directory: Path, owner: Ed25519PrivateKey, key: bytes, today: date, listed: Iterable[tuple[str, str]]) -> None:
    """One list of documents and one of persons, signed by their owner."""
    documents = build_document_index(document_key(state, number, key) for state, number in listed)
    header = ListHeader("stolen-documents", ListKind.DOCUMENTS, 1, today, today + LIST_LIFE, key_name(key))
    _write(directory / "documents.list", encode_list(header, documents, owner))
    persons = encode_persons([PersonEntry("UTO-P-0001", (("NOBODY", "IN PARTICULAR"),), (date(1970, 1, 1),))])
    header = ListHeader("wanted-persons", ListKind.PERSONS, 1, today, today + LIST_LIFE)
    _write(directory / "persons.list", encode_list(header, persons, owner))


def _begin_journal(place: Installation, csca: bytes, revocations: bytes, today: date) -> None:
    """Take in the State's certificate and its revocation list as `egate trust import` does."""
    signer = create_signing_key(place.key("trust.pem"), place.key("trust.pub"))
    folder = TrustFolder(place.root / "trust")
    when = datetime.combine(today, time(), UTC)
    by = Authorship("demo", "trust of a simulated State", when, signer.sign)
    request = Request(today, confirmed=frozenset({sha256(csca).hexdigest()}), pin=True)
    with folder.locked():
        for name in ("utopia.cer", "utopia.crl"):
            path = place.root / "trust" / name
            if not path.exists():
                _write(path, revocations)
            known = holdings_of(folder, folder.entries())
            report = plan_import(known, name, hash_file(path), recognise_file(path), request)
            folder.commit(report.drafts, report.objects, by)
            path.unlink()


_LANE_FILE = """# One lane. `emulated = true` and these ports belong to the demo; see docs/wiring.md for a real one.

[lane]
name = "{lane}"
number = {number}

[paths]
database = "lane.db"
socket = "lane.sock"
frames = "frames"

[devices.mrz]
driver = "mrz_serial"
port = "ports/mrz"
emulated = true

[devices.chip]
driver = "pn532"
port = "ports/chip"
emulated = true

[devices.gate]
driver = "osdp"
port = "ports/gate"
key_file = "keys/gate.hex"
emulated = true

[camera]
source = "{camera}"
capture_timeout_s = {timeout_s}

[profile]
file = "profile.toml"

[trust]
directory = "trust"{signer}

[watchlists]
directory = "lists"
key_file = "keys/lists.hex"
signer = "keys/lists.pub"

[officers]
directory = "officers"

[keys]
sealing = "keys/sealing.pub"
receipts = "keys/receipts.pub"
"""
"""The lane's file; the names in it are those of `Installation`."""


def _configuration(place: Installation, camera: str, *, signed_trust: bool) -> str:
    timeout_s = 15 if camera else 6  # a person takes longer than a drawing
    camera = camera or f"files:{place.scene}@15"
    signer = '\nsigner = "keys/trust.pub"' if signed_trust else ""
    return _LANE_FILE.format(lane=LANE_NAME, number=LANE_NUMBER, camera=camera, timeout_s=timeout_s, signer=signer)
