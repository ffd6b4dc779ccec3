"""Changes what a transaction has set for a while: for names, and for what a database computes.

Conditions of a configuration, and the policies, triggers, CHECK constraints and defaults of a
database compute under its own settings; those that replant pins are for rendering and comparing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from psycopg.pq import TransactionStatus

from replant.database import sql
from replant.database.connections import (
    EXACT_TEXT,
    DatabaseConnection,
    ReadingConnection,
    set_locally,
)
from replant.model import PlannedTable


def qualified_names(database: DatabaseConnection) -> AbstractContextManager[None]:
    """Let names of types and values that name objects come out with their schema."""
    return settings_for_a_while(database, {"search_path": ""})


def exact_names(database: DatabaseConnection, table: PlannedTable) -> AbstractContextManager[None]:
    """Let the texts of a table's rows be the same whatever the search path is.

    The path is emptied where values name objects. Elsewhere it stays: an index or a policy may
    call functions that find others by it.
    """
    return qualified_names(database) if table.names_objects else nullcontext()


def has_exact_settings(database: DatabaseConnection) -> bool:
    """Tell whether the database computes under the same settings under which rows are read."""
    if not isinstance(database, ReadingConnection):
        return True
    return all(database.pinned[name] == database.own[name] for name in _own_names(database))


def own_settings(database: DatabaseConnection) -> AbstractContextManager[None]:
    """Let the database compute under its own settings; a connection that pins none has them."""
    if not isinstance(database, ReadingConnection):
        return nullcontext()
    names = _own_names(database)
    return settings_for_a_while(database, {name: database.own[name] for name in names})


def _own_names(database: ReadingConnection) -> list[str]:
    return [name for name in database.own if name in EXACT_TEXT]


@contextmanager
def settings_for_a_while(database: DatabaseConnection, values: Mapping[str, str]) -> Iterator[None]:
    """Set parameters for a while; a transaction that failed meanwhile keeps them until its end."""
    calls = [sql.SQL("pg_catalog.current_setting({})").format(sql.Literal(name)) for name in values]
    before = database.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))).fetchone()
    assert before is not None
    set_locally(database, values)
    try:
        yield
    finally:
        if database.info.transaction_status is TransactionStatus.INTRANS:
            set_locally(database, dict(zip(values, before, strict=True)))
