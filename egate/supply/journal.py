"""The journal of a trust folder: one JSON line for each change, each bound to the one before by its hash.

Rule: an entry says who changed what, when, why, from which file, under which anchor and with which verdict. A changed, missing or
reordered line breaks the chain and the journal is refused as a whole. The chain alone proves order, not authorship: whoever may
write the folder could write a whole new chain. Therefore an entry may carry a signature (Ed25519), and a lane that knows the
public key refuses a journal whose last entry is not signed with it; the chain then covers every line before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from egate.model.errors import MalformedData, TrustError

MAXIMUM_JOURNAL_BYTES = 64 * 1024 * 1024
"""Twenty years of daily imports of fifty lists take 200 MB at worst; a yearly new folder keeps it far below."""

MAXIMUM_TEXT = 1000
"""Characters of a reason; a sentence or two."""

START = "0" * 64
"""What the first entry names as the hash of the one before."""

ACTIONS = ("import", "adopt", "withdraw")

_DOING = "reading the trust journal"
_CONTEXT = b"egate trust journal entry 1\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    `who` trusted `kind` from `source` (a file name; `source_sha256` its hash) at `when`, for the reason `why`; `anchor` is the
    SHA-256 fingerprint of the certificate it was verified under, `verdict` the result in words; `manifest` is the hash of the
    object that names everything taken. `previous` is the hash of the line before.
    """

    number: int
    previous: str
    when: datetime
    who: str
    why: str
    action: str
    kind: str
    source: str
    source_sha256: str
    anchor: str
    verdict: str
    manifest: str
    signature: str = ""

    @property
    def line(self) -> bytes:
        """The entry as it stands in the journal, without the line end."""
        return _encode({**_fields(self), "signature": self.signature} if self.signature else _fields(self))

    @property
    def sha256(self) -> str:
        """What the next entry names."""
        return sha256(self.line).hexdigest()

    def signed(self, sign: Callable[[bytes], bytes]) -> Entry:
        """The entry with a signature made by `sign` (Ed25519)."""
        return replace(self, signature=sign(_CONTEXT + _encode(_fields(self))).hex())

    def verify(self, key: Ed25519PublicKey) -> None:
        """Raise TrustError unless `key` signed this entry."""
        try:
            key.verify(bytes.fromhex(self.signature), _CONTEXT + _encode(_fields(self)))
        except (InvalidSignature, ValueError):
            raise TrustError(
                "reading the trust journal",
                f"entry {self.number} is not signed with the key that [trust] signer names; somebody else changed the folder",
            ) from None


def parse_journal(data: bytes) -> tuple[Entry, ...]:
    """Read a whole journal and prove its chain. Raises MalformedData (not a journal) or TrustError (changed afterwards)."""
    if len(data) > MAXIMUM_JOURNAL_BYTES:
        raise MalformedData(_DOING, f"larger than {MAXIMUM_JOURNAL_BYTES} bytes")
    if data and not data.endswith(b"\n"):
        raise TrustError(_DOING, "the last line is cut off; restore the folder from a copy")
    entries: list[Entry] = []
    previous = START
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        entry = _parse_entry(line, number)
        if entry.number != number or entry.previous != previous or entry.line != line:
            raise TrustError(
                _DOING, f"line {number} does not follow from the line before: it was changed, moved or removed; restore a copy"
            )
        previous = sha256(line).hexdigest()
        entries.append(entry)
    return tuple(entries)


def checked_text(text: str, what: str) -> str:
    """Text that may stand in the journal: not empty, one line, of bounded length; raises MalformedData."""
    stripped = text.strip()
    if not stripped or len(stripped) > MAXIMUM_TEXT or not stripped.isprintable():
        raise MalformedData("writing the trust journal", f"{what} must be one line of 1 to {MAXIMUM_TEXT} printable characters")
    return stripped


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "action": entry.action,
        "anchor": entry.anchor,
        "kind": entry.kind,
        "manifest": entry.manifest,
        "number": entry.number,
        "previous": entry.previous,
        "source": entry.source,
        "source_sha256": entry.source_sha256,
        "verdict": entry.verdict,
        "when": entry.when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "who": entry.who,
        "why": entry.why,
    }


def _encode(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _parse_entry(line: bytes, number: int) -> Entry:
    problem = f"line {number} is not an entry"
    try:
        tree = json.loads(line)
        texts = {key: value for key, value in tree.items() if key not in ("number", "when")}
        if type(tree["number"]) is not int or not all(isinstance(value, str) for value in texts.values()):
            raise MalformedData(_DOING, problem)
        when = datetime.strptime(tree["when"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        entry = Entry(number=tree["number"], when=when, **texts)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise MalformedData(_DOING, problem) from None
    if entry.action not in ACTIONS:
        raise MalformedData(_DOING, f"line {number} has an unknown action")
    return entry
