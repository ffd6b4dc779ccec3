"""Lets other connections see the rows of a transaction: they join its snapshot.

A snapshot goes to another process as a value. PostgreSQL manual, "Snapshot Synchronization
Functions"; on a hot standby it works too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import evolve, field, frozen
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from replant.config.connection_strings import (
    SOURCE_VARIABLE,
    TARGET_VARIABLE,
    connection_string,
)
from replant.database.connections import DatabaseConnection, ReadingConnection, joining
from replant.errors import UsageError

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
        variable: where another machine is, the environment variable that says there where to
            connect, if `dsn` does not; None on this machine.

    """

    dsn: str | None = field(repr=False)
    identifier: str
    settings: dict[str, str]
    side: str
    variable: str | None = None


def share_snapshot(database: ReadingConnection, side: str) -> SharedSnapshot:
    """Share the snapshot of the open transaction with processes on this machine.

    Raises:
        psycopg.Error: the server does not allow it.

    """
    identifier, settings = database.execute(_SETTINGS).fetchone() or ("", {})
    info = database.info
    password = {"password": info.password} if info.password else {}
    dsn = make_conninfo(**info.get_parameters(), **password)
    # Parameters with a dot in their name are not listed, unless an extension defines them.
    return SharedSnapshot(dsn, identifier, {**database.pinned, **settings}, side)


def share_by_name(database: ReadingConnection, side: str, dsn: str | None) -> SharedSnapshot:
    """Share the snapshot of the open transaction with other machines, and no password.

    Args:
        database: the connection.
        side: `source` or `target`, for errors.
        dsn: what the configuration says: `env:NAME`, which is looked up there, a connection string
            without a password, or None for that machine's own variables.

    Raises:
        UsageError: a password would leave this machine.
        psycopg.Error: the server does not allow it.

    """
    check_no_password(dsn, side)
    here = share_snapshot(database, side)
    variable = SOURCE_VARIABLE if side == "source" else TARGET_VARIABLE
    return evolve(here, dsn=dsn, variable=variable)


def check_no_password(dsn: str | None, side: str) -> None:
    """Refuse a connection string that may not leave this machine.

    Raises:
        UsageError: it holds a password.

    """
    if dsn is not None and not dsn.startswith("env:") and conninfo_to_dict(dsn).get("password"):
        raise UsageError(
            f"the {side}'s connection string holds a password, which is not sent to a cluster; "
            f"name a variable that is set there: dsn = 'env:NAME' under [{side}]"
        )


@contextmanager
def joined(snapshot: SharedSnapshot) -> Iterator[DatabaseConnection]:
    """Connect, and open a transaction in the snapshot.

    Raises:
        DatabaseError: the server cannot be reached, or the snapshot is gone.

    """
    settings = {**snapshot.settings, "lock_timeout": _LOCK_TIMEOUT}
    dsn = snapshot.dsn or ""
    if snapshot.variable is not None:
        dsn = connection_string(snapshot.dsn, snapshot.variable)
    with joining(dsn, snapshot.side, snapshot.identifier, settings) as database:
        yield database
