"""Lets other connections see the rows of a transaction: they join its snapshot.

A snapshot goes to another process as a value. PostgreSQL manual, "Snapshot Synchronization
Functions"; on a hot standby it works too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import field, frozen
from psycopg.conninfo import make_conninfo

from replant.database.connections import DatabaseConnection, ReadingConnection, joining

#: The settings of this session that another one is to have too. Those of the transaction itself
#: are set when it begins.
_SETTINGS = """
SELECT pg_catalog.pg_export_snapshot(), (
    SELECT coalesce(pg_catalog.json_object_agg(name, setting), '{}') FROM pg_catalog.pg_settings
    WHERE source = 'session' AND (name !~ '^transaction_' OR name = 'transaction_timeout')
)
"""

#: How long another connection waits for a lock. The transaction that shares its snapshot has the
#: lock already; who waits for it is behind someone who waits for that transaction to end.
_LOCK_TIMEOUT = "200ms"


@frozen
class SharedSnapshot:
    """What a connection needs to see the same rows in the same way.

    Attributes:
        dsn: where to connect, as whom.
        identifier: the snapshot, as long as the transaction that shares it is open.
        settings: those of the session that shares it.
        side: `source` or `target`, for errors.

    """

    dsn: str = field(repr=False)
    identifier: str
    settings: dict[str, str]
    side: str


def share_snapshot(database: ReadingConnection, side: str) -> SharedSnapshot:
    """Share the snapshot of the open transaction.

    Raises:
        psycopg.Error: the server does not allow it.

    """
    identifier, settings = database.execute(_SETTINGS).fetchone() or ("", {})
    info = database.info
    password = {"password": info.password} if info.password else {}
    dsn = make_conninfo(**info.get_parameters(), **password)
    # Parameters with a dot in their name are not listed, unless an extension defines them.
    return SharedSnapshot(dsn, identifier, {**database.pinned, **settings}, side)


@contextmanager
def joined(snapshot: SharedSnapshot) -> Iterator[DatabaseConnection]:
    """Connect, and open a transaction in the snapshot.

    Raises:
        DatabaseError: the server cannot be reached, or the snapshot is gone.

    """
    settings = {**snapshot.settings, "lock_timeout": _LOCK_TIMEOUT}
    with joining(snapshot.dsn, snapshot.side, snapshot.identifier, settings) as database:
        yield database
