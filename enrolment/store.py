"""The register: sealed rows in SQLite, one key for each person.

Rules: template and reference are encrypted with a key of their own (AES-256-GCM); that key is sealed to the programme's public
key (HPKE through `egate.storage.vault`), so the station that enrols cannot read what it stored. Both are bound to the clear
header, so a header with another date or engine opens nothing. Erasing destroys the person's key and empties the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from egate.model.errors import DeviceError, MalformedData, TrustError
from egate.storage.cbor import CborValue, encode, parse
from egate.storage.database import SqlValue, Store, open_database
from egate.storage.migrations import Schema, Step
from egate.storage.vault import CentrePrivateKey, CentrePublicKey, Vault, unseal
from enrolment.consent import ConsentRecord, Purpose
from enrolment.registered import Biometrics, FaceTemplate, RegisteredTraveller

DATA_KEY_BYTES = 32
NONCE_BYTES = 12
IDENTIFIER_BYTES = 16

HEADER_PREFIX = "egate/enrolment/v1"
"""First element of every header; keeps the sealing apart from that of crossings."""

REGISTER = Schema(
    "register",
    (
        Step(
            "001_register",
            (
                "CREATE TABLE person (identifier TEXT PRIMARY KEY, binding BLOB UNIQUE, expires_on TEXT NOT NULL,"
                " header BLOB NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID",
                "CREATE TABLE person_key (identifier TEXT PRIMARY KEY, suite INTEGER NOT NULL, sealed_key BLOB NOT NULL)"
                " WITHOUT ROWID",
            ),
        ),
    ),
)
"""Clear headers with sealed biometrics, and the keys in a table of their own."""

Entropy = Callable[[int], bytes]
"""Gives so many random bytes."""


@dataclass(frozen=True, slots=True)
class SealedBiometrics:
    """What the register holds of a person's biometrics, to be opened by the programme only."""

    header: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    suite: int
    sealed_key: bytes = field(repr=False)


class Register:
    """The register of one enrolment station. All calls raise DeviceError when the database does not do its part."""

    def __init__(self, store: Store, programme: CentrePublicKey) -> None:
        self._store = store
        self._vault = Vault(programme)

    def add(self, traveller: RegisteredTraveller, biometrics: Biometrics, entropy: Entropy) -> None:
        """Seal and write one registration, durably; raises DeviceError, also when the document is registered already."""
        if biometrics.template.engine != traveller.engine:
            raise DeviceError("registering a traveller", "the template is of another engine than the registration")
        header = _header(traveller)
        key, nonce = entropy(DATA_KEY_BYTES), entropy(NONCE_BYTES)
        content: list[CborValue] = [biometrics.template.values, biometrics.reference]
        sealed = nonce + AESGCM(key).encrypt(nonce, encode(content), header)
        sealed_key = self._vault.seal(key, header)
        person = (traveller.identifier, traveller.document_binding, traveller.expires_on.isoformat(), header, sealed)
        with self._store.transaction():
            self._store.run("INSERT INTO person VALUES (?, ?, ?, ?, ?)", person)
            self._store.run("INSERT INTO person_key VALUES (?, ?, ?)", (traveller.identifier, int(self._vault.suite), sealed_key))

    def count_document(self, binding: bytes) -> int:
        """How many registrations exist for a document."""
        return self._store.number("SELECT count(*) FROM person WHERE binding = ?", (binding,))

    def find(self, binding: bytes, today: date) -> RegisteredTraveller | None:
        """The registration of a document that may be used today; None when there is none or it has expired.

        Raises TrustError when the row does not agree with its header: somebody altered it.
        """
        found = self._store.rows("SELECT identifier, binding, expires_on, header FROM person WHERE binding = ?", (binding,))
        if not found:
            return None
        identifier, _, expires_on, header = found[0]
        traveller = _parse_header(_as_bytes(header))
        if (identifier, binding, expires_on) != (
            traveller.identifier,
            traveller.document_binding,
            traveller.expires_on.isoformat(),
        ):
            raise TrustError("reading the register", "a row does not agree with its header")
        return traveller if traveller.active(today) else None

    def travellers(self, today: date) -> tuple[RegisteredTraveller, ...]:
        """Everybody whose registration may be used today, in the order of their random identifiers."""
        rows = self._store.rows("SELECT header FROM person WHERE header != x'' ORDER BY identifier", ())
        everybody = (_parse_header(_as_bytes(header)) for (header,) in rows)
        return tuple(traveller for traveller in everybody if traveller.active(today))

    def sealed(self, identifier: str) -> SealedBiometrics | None:
        """The sealed biometrics of a person; None when unknown or erased."""
        query = "SELECT header, sealed, suite, sealed_key FROM person JOIN person_key USING (identifier) WHERE identifier = ?"
        found = self._store.rows(query, (identifier,))
        if not found:
            return None
        header, sealed, suite, key = found[0]
        if not isinstance(suite, int):
            raise MalformedData("reading the register", "a suite is no number")
        return SealedBiometrics(_as_bytes(header), _as_bytes(sealed), suite, _as_bytes(key))

    def erase(self, identifier: str) -> bool:
        """Destroy a person's key and forget the document; False when there was nothing to erase.

        The write-ahead log is folded back and emptied afterwards, so no copy of the key stays in it.
        """
        with self._store.transaction():
            erased = self._store.run("DELETE FROM person_key WHERE identifier = ?", (identifier,))
            self._store.run(
                "UPDATE person SET binding = NULL, header = x'', sealed = x'', expires_on = '' WHERE identifier = ?",
                (identifier,),
            )
        self._store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return erased > 0

    def erase_expired(self, today: date) -> int:
        """Erase every registration whose last day is over; how many there were."""
        over = self._store.rows("SELECT identifier FROM person WHERE expires_on != '' AND expires_on < ?", (today.isoformat(),))
        return sum(self.erase(str(identifier)) for (identifier,) in over)

    def close(self) -> None:
        """Release the database."""
        self._store.close()


def open_register(path: Path, programme: CentrePublicKey) -> Register:
    """Open or create a register; raises DeviceError."""
    return Register(open_database(path, REGISTER, create=True), programme)


def open_biometrics(sealed: SealedBiometrics, programme: CentrePrivateKey) -> Biometrics:
    """What the programme alone can do: raises TrustError when key, header or bytes are not those it was sealed with."""
    key = unseal(sealed.sealed_key, sealed.header, sealed.suite, programme)
    try:
        plain = AESGCM(key).decrypt(sealed.sealed[:NONCE_BYTES], sealed.sealed[NONCE_BYTES:], sealed.header)
    except (InvalidTag, ValueError):
        raise TrustError("opening a registration", "it was altered") from None
    template, reference = _two_bytes(parse(plain))
    return Biometrics(FaceTemplate(_parse_header(sealed.header).engine, template), reference)


# -- the header -----------------------------------------------------------------------------------------------------------


def _header(traveller: RegisteredTraveller) -> bytes:
    consent = traveller.consent
    return encode(
        [
            HEADER_PREFIX,
            traveller.identifier,
            traveller.document_binding,
            traveller.engine,
            traveller.enrolled_on.isoformat(),
            traveller.expires_on.isoformat(),
            consent.text_version,
            consent.text_digest,
            consent.language,
            ",".join(sorted(purpose.value for purpose in consent.purposes)),
            consent.retention_days,
            consent.withdrawal,
            consent.given_on.isoformat(),
            consent.witness,
        ]
    )


def _parse_header(header: bytes) -> RegisteredTraveller:
    """Raises MalformedData for anything that `_header` did not write."""
    fields = parse(header)
    if not isinstance(fields, list) or len(fields) != 14 or fields[0] != HEADER_PREFIX:
        raise MalformedData("reading the register", "a header has another form")
    _, identifier, binding, engine, enrolled, expires, version, digest, language, purposes, days, withdrawal, given, witness = (
        fields
    )
    try:
        consent = ConsentRecord(
            str(version),
            str(digest),
            str(language),
            frozenset(Purpose(name) for name in str(purposes).split(",")),
            int(str(days)),
            str(withdrawal),
            date.fromisoformat(str(given)),
            str(witness),
        )
        enrolled_on, expires_on = date.fromisoformat(str(enrolled)), date.fromisoformat(str(expires))
    except ValueError:
        raise MalformedData("reading the register", "a header has a field of another form") from None
    return RegisteredTraveller(str(identifier), _as_bytes(binding), str(engine), enrolled_on, expires_on, consent)


def _as_bytes(value: SqlValue | CborValue) -> bytes:
    if not isinstance(value, bytes):
        raise MalformedData("reading the register", "a field is no byte string")
    return value


def _two_bytes(value: CborValue) -> tuple[bytes, bytes]:
    if not isinstance(value, list) or len(value) != 2:
        raise MalformedData("opening a registration", "the sealed part has another form")
    return _as_bytes(value[0]), _as_bytes(value[1])
