"""The closed set of one tenant among many, beside what people write by hand, and a whole dump.

A server comes in. A shop for many tenants is made there: thirty tables, three thousand rows for
each tenant, which lie on disk between those of the others, and a few rows that all share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import psycopg
from attrs import frozen
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from replant.artifact.artifact import open_artifact
from replant.testing.servers.server import Database
from tests.bench.commands import REPLANT, Run, run
from tests.bench.measuring import Bench, Result, in_rounds, said

_ROWS_OF_A_TENANT = 3000


@frozen
class _Table:
    """A table and how many rows each tenant has in it; or all together, if it has no parent.

    Attributes:
        parent: the table that its rows belong to.
        others: other tables of the tenant that its rows reference; itself makes a tree.
        shared: tables without a tenant that its rows reference.

    """

    rows: int
    parent: str | None = None
    others: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        return (*([self.parent] if self.parent else []), *self.others, *self.shared)


_TENANT = "tenant"

#: A table after those it references.
_TABLES: Mapping[str, _Table] = {
    "country": _Table(250),
    "currency": _Table(180),
    "timezone": _Table(400),
    "permission": _Table(120),
    "plan": _Table(5),
    _TENANT: _Table(1, shared=("country", "plan")),
    "team": _Table(5, _TENANT),
    "role": _Table(4, _TENANT),
    "role_permission": _Table(40, "role", shared=("permission",)),
    "member": _Table(20, _TENANT, ("role",), ("timezone",)),
    "membership": _Table(40, "team", ("member",)),
    "api_key": _Table(10, "member"),
    "session": _Table(60, "member"),
    "category": _Table(20, _TENANT, ("category",)),
    "product": _Table(100, "category"),
    "price": _Table(200, "product", shared=("currency",)),
    "warehouse": _Table(2, _TENANT, shared=("country",)),
    "stock": _Table(200, "product", ("warehouse",)),
    "customer": _Table(100, _TENANT, shared=("country",)),
    "address": _Table(150, "customer", shared=("country",)),
    "contact": _Table(120, "customer"),
    "order": _Table(300, "customer", ("address", "member")),
    "order_line": _Table(600, "order", ("product",)),
    "invoice": _Table(200, "order"),
    "invoice_line": _Table(300, "invoice", ("product",)),
    "payment": _Table(150, "invoice", shared=("currency",)),
    "shipment": _Table(100, "order", ("warehouse",)),
    "shipment_line": _Table(120, "shipment", ("order_line",)),
    "ticket": _Table(50, "customer", ("member",)),
    "comment": _Table(108, "ticket", ("member",)),
}


def closures(bench: Bench) -> Iterator[Result]:
    """Time and memory for one tenant: by replant, by a chain of subqueries, by a whole dump."""
    tenants = max(3 * bench.rows // _ROWS_OF_A_TENANT, 1)
    source = said(f"filling, shops: {tenants}", partial(_filled, bench, tenants))
    chain = bench.folder / "chain.psql"
    chain.write_text(_chain(_tenant_in_the_middle(tenants)), "utf-8")
    ours, theirs, whole = "replant export --root", "psql, nested IN (SELECT …)", "pg_dump of all"
    works: dict[str, Callable[[], Run]] = {
        ours: partial(_export, bench, source, _tenant_in_the_middle(tenants)),
        theirs: partial(_run_chain, bench, source),
        whole: partial(_dump, bench, source),
    }
    runs = in_rounds(works, bench.rounds)
    rows = _same_rows(bench)
    bench.server.drop_database(source)
    what = f"export of {rows} rows, one tenant of {tenants}"
    # The target is one for a thousand tenants; fewer have none.
    yield Result(what, runs[ours], (), 0.45 if tenants >= 1000 else None)
    for other in (theirs, whole):
        yield Result(what, runs[ours], runs[other], None, other)


def _tenant_in_the_middle(tenants: int) -> int:
    return (tenants + 1) // 2


# -- the shop ------------------------------------------------------------------------------------


def _filled(bench: Bench, tenants: int) -> Database:
    database = bench.server.create_database()
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop")
        for name in _TABLES:
            connection.execute(_create(name))
            connection.execute(_fill(name, tenants))
        # To check all rows at once is quicker than to check each as it comes.
        for name in _TABLES:
            _constrain(connection, name)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return database


def _create(name: str) -> sql.Composed:
    columns: list[sql.Composable] = [sql.SQL("id bigint PRIMARY KEY")]
    columns += [
        sql.SQL("{} bigint{}").format(_id_of(other), sql.SQL("" if other == name else " NOT NULL"))
        for other in _TABLES[name].references
    ]
    columns.append(sql.SQL("name text NOT NULL, note text, amount numeric, at timestamptz"))
    return sql.SQL("CREATE TABLE {} ({})").format(_table(name), sql.SQL(", ").join(columns))


def _fill(name: str, tenants: int) -> sql.Composed:
    """Row `n` is the tenant's whose number is `1 + (n - 1) % tenants`, in every table."""
    table = _TABLES[name]
    values = [_referenced(name, other, tenants) for other in table.references]
    fill = """
    INSERT INTO {table}
    SELECT
        n, {values} initcap({name}) || ' ' || n, CASE WHEN n % 3 = 0 THEN md5(n::text) END, n / 7.0,
        TIMESTAMPTZ '2024-01-01 00:00+00' + n * INTERVAL '1 minute'
    FROM generate_series(1, {rows}) AS n
    """
    return sql.SQL(fill).format(
        table=_table(name),
        values=sql.SQL("").join(sql.SQL("{}, ").format(value) for value in values),
        name=sql.Literal(name),
        rows=sql.Literal(_row_count(name, tenants)),
    )


def _referenced(name: str, other: str, tenants: int) -> sql.Composed:
    if other == name:
        # The second and third row of a tenant are below the first, and so on.
        up = "CASE WHEN n > {t} THEN ((n - 1) / {t} - 1) / 2 * {t} + 1 + (n - 1) % {t} END"
        return sql.SQL(up).format(t=sql.Literal(tenants))
    return sql.SQL("1 + (n - 1) % {}").format(sql.Literal(_row_count(other, tenants)))


def _row_count(name: str, tenants: int) -> int:
    return _TABLES[name].rows * (tenants if _is_of_a_tenant(name) else 1)


def _is_of_a_tenant(name: str) -> bool:
    return name == _TENANT or _TABLES[name].parent is not None


def _constrain(connection: Connection[TupleRow], name: str) -> None:
    """Declare the foreign keys, and index those by which rows belong to a tenant's."""
    for other in _TABLES[name].references:
        key = sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {}")
        connection.execute(key.format(_table(name), _id_of(other), _table(other)))
        if _is_of_a_tenant(other):
            index = sql.SQL("CREATE INDEX ON {} ({})")
            connection.execute(index.format(_table(name), _id_of(other)))


def _table(name: str) -> sql.Identifier:
    return sql.Identifier("shop", name)


def _id_of(name: str) -> sql.Identifier:
    return sql.Identifier(f"{name}_id")


# -- what is measured ----------------------------------------------------------------------------


def _export(bench: Bench, source: Database, tenant: int) -> Run:
    where = ("--source", source.dsn, "--force", "-o", bench.folder / "closure.sql")
    root = f"shop.{_TENANT}: id = {tenant}"
    return run(REPLANT, "export", "--quiet", "--root", root, "--format", "copy", *where)


def _run_chain(bench: Bench, source: Database) -> Run:
    files = ("--file", bench.folder / "chain.psql", "--output", bench.folder / "chain.copy")
    return run(bench.programs / "psql", "--no-psqlrc", "--quiet", "--dbname", source.dsn, *files)


def _dump(bench: Bench, source: Database) -> Run:
    where = ("--file", bench.folder / "whole.sql", "--dbname", source.dsn)
    return run(*bench.pg_dump, *where)


def _chain(tenant: int) -> str:
    """What a person writes who knows the schema: for each table a way down from the tenant."""
    conditions = {_TENANT: sql.SQL("id = {}").format(sql.Literal(tenant))}
    for name, table in _TABLES.items():
        if table.parent is not None:
            conditions[name] = sql.SQL("{} IN ({})").format(
                _id_of(table.parent), _ids("id", table.parent, conditions)
            )
    for name in _TABLES:
        if not _is_of_a_tenant(name):
            using = [other for other, table in _TABLES.items() if name in table.shared]
            ids = [_ids(f"{name}_id", other, conditions) for other in using]
            conditions[name] = sql.SQL("id IN ({})").format(sql.SQL(" UNION ").join(ids))
    copies = [
        sql.SQL("COPY (SELECT * FROM {} WHERE {} ORDER BY id) TO STDOUT;").format(
            _table(name), conditions[name]
        )
        for name in _TABLES
    ]
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    return "\n".join([begin, *(copy.as_string() for copy in copies), "COMMIT;", ""])


def _ids(column: str, name: str, conditions: Mapping[str, sql.Composed]) -> sql.Composed:
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.Identifier(column), _table(name), conditions[name]
    )


def _same_rows(bench: Bench) -> int:
    """How many rows a tenant has, by replant and by hand alike.

    Raises:
        RuntimeError: they differ, so their times cannot be compared.

    """
    with open_artifact(str(bench.folder / "closure.sql")) as artifact:
        rows = artifact.manifest.row_count
    with (bench.folder / "chain.copy").open("rb") as file:
        by_hand = sum(1 for _ in file)
    if rows != by_hand:
        raise RuntimeError(f"replant exported {rows} rows, and the chain {by_hand}")
    return rows
