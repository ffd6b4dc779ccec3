"""What the planner of the source may choose from while a closed set grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from psycopg import sql
from psycopg.pq import TransactionStatus

from replant.database.connections import Database

#: Without these the planner has only an index to find the rows that belong to each of some others.
#: It is right whatever the statistics say, even in a database that was never analysed: there it
#: takes any reference to lead to a two-hundredth of the table.
_OTHER_WAYS = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan")


@contextmanager
def other_ways(database: Database, *, allowed: bool) -> Iterator[None]:
    """Allow the planner to find rows otherwise than by an index, or do not, within the block.

    A transaction that failed meanwhile keeps what was set; it ends anyway.
    """
    before = _settings(database)
    wanted = ("on" if allowed else "off",) * len(_OTHER_WAYS)
    if before != wanted:
        _set(database, wanted)
    try:
        yield
    finally:
        if before != wanted and database.info.transaction_status is TransactionStatus.INTRANS:
            _set(database, before)


def _settings(database: Database) -> tuple[str, ...]:
    calls = [
        sql.SQL("pg_catalog.current_setting({})").format(sql.Literal(name)) for name in _OTHER_WAYS
    ]
    row = database.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))).fetchone()
    assert row is not None
    return row


def _set(database: Database, values: Iterable[str]) -> None:
    calls = [
        sql.SQL("pg_catalog.set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
        for name, value in zip(_OTHER_WAYS, values, strict=True)
    ]
    database.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)))
