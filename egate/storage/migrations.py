"""The tables of the lane's log and of the centre's ledger, as numbered steps.

A step is never changed once it was released; a new shape is a new step. sqlite-utils records which steps a database has had and
wraps each in a transaction, so a power cut in the middle of a migration leaves the old shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlite_utils import Database, Migrations


@dataclass(frozen=True, slots=True)
class Step:
    """One change of shape: its name, unique within its schema, and the statements that make it."""

    name: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """A named sequence of steps; the name tells a lane's log from a ledger."""

    name: str
    steps: tuple[Step, ...]


LANE_LOG = Schema(
    "lane_log",
    (
        Step(
            "001_record",
            (
                "CREATE TABLE record (sequence INTEGER PRIMARY KEY, header BLOB NOT NULL, header_hash BLOB NOT NULL,"
                " sealed BLOB)",
                "CREATE TABLE outbox (sequence INTEGER PRIMARY KEY)",
                "CREATE TABLE receipt (sequence INTEGER NOT NULL, header_hash BLOB NOT NULL, signed_at_ns INTEGER PRIMARY KEY,"
                " signature BLOB NOT NULL)",
                "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
            ),
        ),
    ),
)
"""Rows of the log, the numbers of those the centre has not receipted, the receipts, and the lane's name."""

LEDGER = Schema(
    "ledger",
    (
        Step(
            "001_ledger",
            (
                "CREATE TABLE record (lane TEXT NOT NULL, sequence INTEGER NOT NULL, received_ns INTEGER NOT NULL,"
                " header BLOB NOT NULL, header_hash BLOB NOT NULL, sealed BLOB, UNIQUE (lane, sequence))",
                "CREATE TABLE receipt (lane TEXT PRIMARY KEY, sequence INTEGER NOT NULL, header_hash BLOB NOT NULL,"
                " signed_at_ns INTEGER NOT NULL, signature BLOB NOT NULL) WITHOUT ROWID",
                "CREATE TABLE alarm (lane TEXT NOT NULL, sequence INTEGER NOT NULL, what TEXT NOT NULL,"
                " header_hash BLOB NOT NULL, first_ns INTEGER NOT NULL, times INTEGER NOT NULL,"
                " UNIQUE (lane, sequence, what, header_hash))",
                "CREATE TABLE refusal (reason TEXT PRIMARY KEY, times INTEGER NOT NULL, last_ns INTEGER NOT NULL) WITHOUT ROWID",
            ),
        ),
    ),
)
"""Rows of all lanes, the newest receipt of each, forks and broken chains that were offered, and counts of refusals."""


def migrate(database: Database, schema: Schema) -> None:
    """Bring a database to the newest shape of its schema."""
    migrations = Migrations(schema.name)
    for step in schema.steps:
        migrations(name=step.name)(_applier(step))
    migrations.apply(database)


def _applier(step: Step) -> Callable[[Database], None]:
    def apply(database: Database) -> None:
        for statement in step.statements:
            database.execute(statement)

    return apply
