"""The rows that are measured: wide ones in no physical order, and narrow ones in that of their key.

A data set is a database with rows, and what chooses them; its target is a database without rows,
with a role that may INSERT and SELECT.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from attrs import frozen

from replant.model import RelationName
from replant.testing.servers.server import Database, Server, grant
from tests.bench.measuring import Bench, said
from tests.bench.tenants import FILLED, all_tables, empty, filled, tenant

WRITER = "writer"

_NARROW = RelationName("public", "reading")
_CREATE_NARROW = """
CREATE TABLE public.reading (
    id bigint PRIMARY KEY,
    sensor integer NOT NULL,
    counted bigint NOT NULL,
    at timestamptz NOT NULL,
    received timestamptz NOT NULL
)
"""
_FILL_NARROW = """
INSERT INTO public.reading
SELECT n, n %% 1000, n * 17, at, at + n %% 60 * INTERVAL '1 second'
FROM generate_series(1::bigint, %s) AS n,
    LATERAL (SELECT TIMESTAMPTZ '2024-01-01 00:00+00' + n * INTERVAL '1 second') AS _ (at)
"""


@frozen
class DataSet:
    """Rows to move.

    Attributes:
        name: for the report.
        rows: how many the largest table has.
        source: where they are.
        template: has the same tables without rows.
        chosen: the options by which replant chooses them.
        tables: those that have rows.
        changed: an UPDATE of ten rows of the largest table.
        refreshed: an UPDATE of one in a hundred of its rows, which lie all over it.

    """

    name: str
    rows: int
    source: Database
    template: Database
    chosen: tuple[str, ...]
    tables: tuple[RelationName, ...]
    changed: str
    refreshed: str

    @property
    def dumped(self) -> tuple[str, ...]:
        """The options by which pg_dump chooses the same rows."""
        return tuple(f"--table={table}" for table in self.tables)


@contextmanager
def wide_rows(bench: Bench) -> Iterator[DataSet]:
    """Rows of the platform's table `field`: 18 columns, random uuids as keys, and their parents."""
    source = said("filling wide rows", lambda: filled(bench.server, tenants=1, fields=bench.rows))
    template = empty(bench.server)
    _may_write(bench.server, template, all_tables(template))
    scope = f"database_id={tenant(source, 1)}"
    changed, refreshed = (
        "UPDATE collections_public.field SET label = 'changed' WHERE id IN"
        f" (SELECT id FROM collections_public.field ORDER BY md5(id::text) LIMIT {number})"
        for number in (10, bench.rows // 100)
    )
    chosen = ("--scope", scope)
    yield DataSet("wide", bench.rows, source, template, chosen, tuple(FILLED), changed, refreshed)
    bench.server.drop_database(source)
    bench.server.drop_database(template)


@contextmanager
def narrow_rows(bench: Bench) -> Iterator[DataSet]:
    """Rows of five numbers and times, whose key is in physical order.

    They are five times as many, unless in a trial.
    """
    rows = bench.rows if bench.is_trial else 5 * bench.rows

    def fill() -> Database:
        database = _narrow(bench.server)
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            connection.execute(_FILL_NARROW, [rows])
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        return database

    source, template = said("filling narrow rows", fill), _narrow(bench.server)
    _may_write(bench.server, template, [_NARROW])
    changed, refreshed = (
        f"UPDATE public.reading SET counted = 0 WHERE id % {every} = 1"
        for every in (rows // 10, 100)
    )
    chosen = ("--include", str(_NARROW))
    yield DataSet("narrow", rows, source, template, chosen, (_NARROW,), changed, refreshed)
    bench.server.drop_database(source)
    bench.server.drop_database(template)


@contextmanager
def target_of(bench: Bench, data: DataSet, like: Database | None = None) -> Iterator[Database]:
    """A target that nobody has loaded into before; or a copy of one."""
    target = bench.server.create_database((like or data.template).name)
    try:
        yield target
    finally:
        bench.server.drop_database(target)


def _narrow(server: Server) -> Database:
    database = server.create_database()
    with psycopg.connect(database.dsn) as connection:
        connection.execute(_CREATE_NARROW)
    return database


def _may_write(server: Server, database: Database, tables: list[RelationName]) -> None:
    with psycopg.connect(database.dsn) as connection:
        roles = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [WRITER])
        known = roles.fetchone() is not None
    grant(database, WRITER if known else server.create_role(WRITER), "INSERT, SELECT", tables)
